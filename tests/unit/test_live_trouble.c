/* The live source when something comes between: writers, refusals, connections and servers that
 * end, other ways in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "free_port.h"
#include "live_stage.h"
#include "tls_files.h"

enum { MANY = 20000 };

/* ---- writers beside it ---- */

/* Removes and makes keys until it is killed. */
static pid_t begin_writer(struct stage *s)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	redisContext *redis = stage_dial(s);
	for (unsigned i = 0;; i++) {
		freeReplyObject(redisCommand(redis, "DEL gone:%u", i * 7919 % 5000));
		freeReplyObject(redisCommand(redis, "SET new:%u v", i));
		freeReplyObject(redisCommand(redis, "LPUSH turns:%u v", i % 100));
		freeReplyObject(redisCommand(redis, "DEL turns:%u", (i + 50) % 100));
		freeReplyObject(redisCommand(redis, "SET gone:%u v", (i + 2500) * 7919 % 5000));
	}
}

static void keys_that_come_and_go_harm_nothing_and_those_that_stay_are_told_once(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	stage_fill(&s, "stays", MANY);
	stage_fill(&s, "gone", 5000);
	pid_t writer = begin_writer(&s);
	for (int i = 0; i < 3; i++) {
		stage_run(&s, LIVE_VALUES);
		stage_assert_all_once(&s, "stays", MANY);
		assert_int_equal(s.result.reconnects, 0);
	}
	fixture_kill(writer);
	stage_end(&s);
}

/* Between the names of a page and its values: the first page's last names are removed when its
 * first key was told. */
static void remove_the_rest(struct stage *s, size_t n)
{
	if (n == 1)
		stage_do(s, "FLUSHALL");
}

static void keys_that_vanish_are_counted(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	stage_fill(&s, "k", MANY);
	s.at_key = remove_the_rest;
	assert_int_equal(
	    stage_run_with(&s, (struct live_config){ .depth = LIVE_VALUES, .rate = 10000000 }),
	    STATUS_OK);
	assert_true(s.result.vanished > 0);
	assert_true(s.result.keys > 0 && s.result.keys + s.result.vanished <= MANY);
	assert_int_equal(s.result.keys, s.n);
	stage_end(&s);
}

/* A table that shrinks while it is scanned makes SCAN tell names again. */
static void shrink(struct stage *s, size_t n)
{
	redisReply *reply;
	if (n != 1000)
		return;
	for (int i = 0; i < 120000; i++)
		redisAppendCommand(s->redis, "DEL bulk:%d", i);
	for (int i = 0; i < 120000; i++) {
		assert_int_equal(redisGetReply(s->redis, (void **)&reply), REDIS_OK);
		freeReplyObject(reply);
	}
}

static void a_table_that_shrinks_tells_nothing_twice(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	stage_fill(&s, "bulk", 120000);
	stage_fill(&s, "stays", 1000);
	s.at_key = shrink;
	stage_run(&s, LIVE_VALUES);
	stage_assert_all_once(&s, "stays", 1000);
	stage_end(&s);
}

/* ---- refusals ---- */

static void lfu_tells_no_idle_times_and_says_so_once(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	stage_do(&s, "CONFIG SET maxmemory-policy allkeys-lfu");
	stage_fill(&s, "k", 3000);
	stage_run(&s, LIVE_VALUES);
	assert_int_equal(s.result.keys, 3000);
	assert_int_equal(s.result.n_refused, 1);
	assert_string_equal(s.result.refused[0].command, "OBJECT IDLETIME");
	assert_non_null(strstr(s.result.refused[0].why, "LFU"));
	assert_true(s.result.refused[0].count < 3000);
	for (size_t i = 0; i < s.n; i++)
		assert_int_equal(s.told[i].key.idle_s, -1);
	stage_end(&s);
}

static void set_port(struct stage *s, int *port)
{
	*port = (int)free_port();
	stage_do(s, "CONFIG SET port %d", *port);
}

/* The words of a refusal hold the user's name. */
static void a_users_name_hides_no_key(void **state)
{
	struct stage s;
	int port;
	(void)state;
	stage_begin(&s, NULL);
	set_port(&s, &port);
	stage_do(&s, "ACL SETUSER read-access on >pw ~* +scan +type +pttl +get +ping +select");
	stage_fill(&s, "k", 100);
	char url[100];
	snprintf(url, sizeof url, "redis://read-access:pw@127.0.0.1:%d", port);
	assert_int_equal(
	    stage_run_with(&s, (struct live_config){ .url = str_of(url), .depth = LIVE_VALUES }),
	    STATUS_OK);
	assert_int_equal(s.result.hidden, 0);
	stage_assert_all_once(&s, "k", 100);
	stage_end(&s);
}

static void a_user_who_may_little_gets_what_he_may(void **state)
{
	struct stage s;
	int port;
	(void)state;
	stage_begin(&s, NULL);
	set_port(&s, &port);
	stage_do(&s, "ACL SETUSER reader on >se/cret ~open:* +scan +type +pttl +get +ping +select "
		     "+dbsize +llen");
	stage_fill(&s, "open", 500);
	stage_fill(&s, "closed", 200);
	stage_do(&s, "EXPIRE open:7 1000");
	stage_do(&s, "RPUSH open:list a b");
	char url[100];
	snprintf(url, sizeof url, "redis://reader:se%%2Fcret@127.0.0.1:%d", port);
	assert_int_equal(
	    stage_run_with(&s, (struct live_config){ .url = str_of(url), .depth = LIVE_VALUES }),
	    STATUS_OK);
	assert_int_equal(s.result.keys, 501);
	assert_int_equal(s.result.hidden, 200);
	stage_assert_all_once(&s, "open", 500);
	const struct told *t = stage_told(&s, STR("open:7"));
	assert_int_equal(t->key.bytes, -1);
	assert_int_equal(t->key.idle_s, -1);
	assert_int_equal(t->key.encoding, AUDIT_ENC_UNKNOWN);
	int64_t left_ms = t->key.expires_ms - (int64_t)time(NULL) * 1000;
	assert_in_range(left_ms, 900000, 1010000);
	t = stage_told(&s, STR("open:list"));
	assert_int_equal(t->key.length, 2);
	assert_int_equal(t->key.count, 0);
	assert_true(s.result.n_refused >= 4);
	assert_string_equal(s.result.server.version, "");
	assert_int_equal(s.result.server.nopass, AUDIT_UNKNOWN);
	stage_end(&s);
}

static void assert_fails(struct stage *s, const char *url, enum status want, const char *text)
{
	enum status status = stage_run_with(s, (struct live_config){ .url = str_of(url),
								     .depth = LIVE_VALUES,
								     .patience_ns = 200000000 });
	assert_int_equal(status, want);
	if (!strstr(s->err.text, text))
		fail_msg("'%s' does not say '%s'", s->err.text, text);
	assert_null(strstr(s->err.text, "hidden"));
	assert_null(strchr(s->err.text, '\n'));
}

static void what_cannot_be_reached_is_one_clear_line(void **state)
{
	struct stage s;
	char url[200];
	int port;
	(void)state;
	stage_begin(&s, NULL);
	set_port(&s, &port);
	stage_do(&s, "CONFIG SET requirepass right");
	snprintf(url, sizeof url, "redis://127.0.0.1:%d", port);
	assert_fails(&s, url, STATUS_REFUSED, "asks for a password");
	snprintf(url, sizeof url, "redis://:hidden@127.0.0.1:%d", port);
	assert_fails(&s, url, STATUS_REFUSED, "WRONGPASS");
	snprintf(url, sizeof url, "redis://:right@127.0.0.1:%d/77", port);
	assert_fails(&s, url, STATUS_OK, "");
	assert_int_equal(s.result.keys, 0);
	snprintf(url, sizeof url, "redis://127.0.0.1:%u", free_port());
	assert_fails(&s, url, STATUS_UNAVAILABLE, "no connection: Connection refused");
	assert_fails(&s, "unix:///nowhere/at/all", STATUS_UNAVAILABLE, "No such file");
	assert_fails(&s, "http://x", STATUS_INVALID, "redis://");
	assert_fails(&s, "rediss://127.0.0.1:0", STATUS_INVALID, "URL");
	snprintf(url, sizeof url, "rediss://:right@127.0.0.1:%d", port);
	enum status status = stage_run_with(
	    &s,
	    (struct live_config){ .url = str_of(url),
				  .deadline_ns = 300000000,
				  .tls_thumbprint = "00000000000000000000000000000000000000000000"
						    "00000000000000000000",
				  .patience_ns = 200000000 });
	assert_true(status == STATUS_REFUSED || status == STATUS_UNAVAILABLE);
	assert_non_null(strstr(s.err.text, "TLS"));
	stage_end(&s);
}

static void whoever_takes_the_keys_can_end_the_run(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	stage_fill(&s, "k", 1000);
	s.full = true;
	assert_int_equal(stage_run_with(&s, (struct live_config){ .depth = LIVE_VALUES }),
			 STATUS_DISK_FULL);
	assert_int_equal(s.result.reconnects, 0);
	stage_end(&s);
}

/* ---- connections and servers that end ---- */

static void cut_connections(struct stage *s, size_t n)
{
	if (n == 3000 || n == 9000)
		freeReplyObject(redisCommand(s->redis, "CLIENT KILL TYPE normal SKIPME yes"));
}

static void a_connection_that_breaks_is_made_again_and_the_scan_goes_on(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	stage_fill(&s, "k", MANY);
	stage_do(&s, "SELECT 3");
	stage_fill(&s, "three", 1000);
	s.at_key = cut_connections;
	stage_run(&s, LIVE_VALUES);
	assert_int_equal(s.result.reconnects, 2);
	assert_int_equal(s.result.restarts, 0);
	stage_assert_all_once(&s, "k", MANY);
	stage_assert_all_once(&s, "three", 1000);
	stage_end(&s);
}

static void kill_and_restart(struct stage *s, size_t n)
{
	if (n != 7000)
		return;
	stage_do(s, "SAVE");
	redisFree(s->redis);
	fixture_kill(s->pid);
	stage_up(s);
}

static void a_server_that_is_killed_and_comes_back_is_scanned_anew_and_told_once(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	stage_fill(&s, "k", MANY);
	s.at_key = kill_and_restart;
	stage_run(&s, LIVE_VALUES);
	assert_int_equal(s.result.restarts, 1);
	assert_true(s.result.duplicates > 0);
	stage_assert_all_once(&s, "k", MANY);
	stage_end(&s);
}

static void kill_for_good(struct stage *s, size_t n)
{
	if (n == 500) {
		redisFree(s->redis);
		fixture_kill(s->pid);
	}
}

static void a_server_that_stays_away_ends_the_run_after_the_patience(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	stage_fill(&s, "k", MANY);
	s.at_key = kill_for_good;
	assert_int_equal(stage_run_with(&s, (struct live_config){ .depth = LIVE_VALUES,
								  .patience_ns = 300000000 }),
			 STATUS_UNAVAILABLE);
	assert_true(s.result.keys >= 500 && s.result.keys < MANY);
	assert_true(s.result.reconnects >= 1);
	assert_non_null(strstr(s.err.text, "redis.sock: "));
	stage_up(&s);
	stage_end(&s);
}

/* ---- pace, ways in ---- */

static int64_t run_timed(struct stage *s, int64_t rate)
{
	struct timespec from, to;
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_int_equal(
	    stage_run_with(s, (struct live_config){ .depth = LIVE_VALUES, .rate = rate }),
	    STATUS_OK);
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
}

static void a_rate_is_never_exceeded(void **state)
{
	struct stage s;
	(void)state;
	stage_begin(&s, NULL);
	stage_fill(&s, "k", 2000);
	assert_true(run_timed(&s, 4000) >= 480);
	assert_int_equal(s.result.keys, 2000);
	stage_assert_all_once(&s, "k", 2000);
	stage_end(&s);
}

static void a_database_can_be_named(void **state)
{
	struct stage s;
	char url[100];
	int port;
	(void)state;
	stage_begin(&s, NULL);
	set_port(&s, &port);
	stage_fill(&s, "zero", 10);
	stage_do(&s, "SELECT 5");
	stage_fill(&s, "five", 10);
	snprintf(url, sizeof url, "redis://127.0.0.1:%d/5", port);
	assert_int_equal(stage_run_with(&s, (struct live_config){ .url = str_of(url) }), STATUS_OK);
	assert_int_equal(s.result.keys, 10);
	stage_assert_all_once(&s, "five", 10);
	snprintf(url, sizeof url, "redis://localhost:%d/0", port);
	assert_int_equal(stage_run_with(&s, (struct live_config){ .url = str_of(url) }), STATUS_OK);
	stage_assert_all_once(&s, "zero", 10);
	assert_int_equal(s.result.keys, 10);
	stage_end(&s);
}

static void tls_is_spoken_and_the_certificate_is_looked_at(void **state)
{
	struct stage s;
	struct tls_files files;
	char url[100];
	int port = (int)free_port();
	(void)state;
	stage_begin(&s, NULL);
	tls_files_make(&files, s.folder, "DNS:localhost,IP:127.0.0.1", 600);
	stage_fill(&s, "k", 5000);
	redisReply *reply = redisCommand(s.redis,
					 "CONFIG SET tls-cert-file %s tls-key-file %s "
					 "tls-ca-cert-file %s tls-auth-clients no tls-port %d",
					 files.cert, files.key, files.ca, port);
	bool spoken = reply && reply->type == REDIS_REPLY_STATUS;
	if (!spoken)
		print_message("this redis-server has no TLS: not tested\n");
	freeReplyObject(reply);
	snprintf(url, sizeof url, "rediss://127.0.0.1:%d", port);
	if (spoken) {
		assert_int_equal(stage_run_with(&s, (struct live_config){ .url = str_of(url),
									  .depth = LIVE_VALUES,
									  .tls_ca = files.ca }),
				 STATUS_OK);
		stage_assert_all_once(&s, "k", 5000);
		/* The system's authorities do not know it. */
		assert_fails(&s, url, STATUS_REFUSED, "TLS");
	}
	stage_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    keys_that_come_and_go_harm_nothing_and_those_that_stay_are_told_once),
		cmocka_unit_test(keys_that_vanish_are_counted),
		cmocka_unit_test(a_table_that_shrinks_tells_nothing_twice),
		cmocka_unit_test(lfu_tells_no_idle_times_and_says_so_once),
		cmocka_unit_test(a_users_name_hides_no_key),
		cmocka_unit_test(a_user_who_may_little_gets_what_he_may),
		cmocka_unit_test(what_cannot_be_reached_is_one_clear_line),
		cmocka_unit_test(whoever_takes_the_keys_can_end_the_run),
		cmocka_unit_test(a_connection_that_breaks_is_made_again_and_the_scan_goes_on),
		cmocka_unit_test(
		    a_server_that_is_killed_and_comes_back_is_scanned_anew_and_told_once),
		cmocka_unit_test(a_server_that_stays_away_ends_the_run_after_the_patience),
		cmocka_unit_test(a_rate_is_never_exceeded),
		cmocka_unit_test(a_database_can_be_named),
		cmocka_unit_test(tls_is_spoken_and_the_certificate_is_looked_at),
	};
	return fixture_has_redis() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
