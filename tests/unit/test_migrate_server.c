/* The connection of a migration, which is left alone while a sink works: a minute later it is as
 * good as before. The clock is the test's: it is put ahead, nothing is waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/syscall.h>
#include <time.h>

#include "migrate/server.h"
#include "redis_fixture.h"

enum { MINUTE_S = 60 };

static time_t ahead_s;

/* In place of the C library's, for what this program is made of. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	long failed = syscall(SYS_clock_gettime, clock, now);
	now->tv_sec += clock == CLOCK_MONOTONIC ? ahead_s : 0;
	return (int)failed;
}

static void on_reply(void *ctx, enum status status, const struct redis_reply *reply)
{
	*(bool *)ctx = !status && str_eq(reply->text, STR("PONG"));
}

static bool answers(struct migrate_server *server)
{
	const struct str ping[] = { STR("PING") };
	bool pong = false;
	struct err err = { 0 };
	if (migrate_server_call(server, ping, 1, on_reply, &pong, &err))
		print_message("%s\n", err.text);
	return pong;
}

static void it_answers_after_a_minute_in_which_nobody_looked(void **state)
{
	char *folder = fixture_folder();
	struct redis_url url = { .is_unix = true };
	struct migrate_server *server;
	struct err err = { 0 };
	(void)state;
	assert_non_null(folder);
	snprintf(url.place, sizeof url.place, "%s/redis.sock", folder);
	pid_t pid = fixture_redis(folder, NULL);
	if (migrate_server_open(&url, 0, &server, &err))
		fail_msg("%s", err.text);
	for (int i = 0; i < 3; i++) {
		assert_true(answers(server));
		ahead_s += MINUTE_S;
	}
	migrate_server_close(server);
	fixture_kill(pid);
	fixture_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_answers_after_a_minute_in_which_nobody_looked),
	};
	return fixture_has_redis() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
