/* telegram_live.h - the shell of Telegram over real HTTP against a server that the test starts:
 * a child that ends when its standard input does, and its own controls. Include after cmocka.h. */
#pragma once

#include <arpa/inet.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/http.h"
#include "os/loop.h"
#include "telegram/telegram.h"

#define LIVE_TOKEN "42:a-token-of-the-tests-alone"

enum { LIVE_TOLD = 2000 };
static const int64_t live_second_ns = 1000000000;

struct live {
	pid_t pid;
	int input; /* of the child */
	unsigned port;
	struct loop *loop;
	struct http *http;
	struct telegram *telegram;
	int64_t told[LIVE_TOLD];
	size_t told_count, ok_count, end_count, state_count;
	int64_t last_message; /* of the last message that ended well */
	enum status last_status;
	int64_t offset;
	char name[64], why[256];
	bool answers; /* what is said, with the same words */
};

/* ---- the child ---- */

/* Its first line is "port N". */
static inline void live_spawn(struct live *live, const char *const *argv)
{
	int in[2], out[2];
	char line[64];
	assert_int_equal(pipe(in) | pipe(out), 0);
	live->pid = fork();
	if (live->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	live->input = in[1];
	FILE *file = fdopen(out[0], "r");
	if (!fgets(line, sizeof line, file) || sscanf(line, "port %u", &live->port) != 1)
		fail_msg("%s does not start", argv[1]);
	fclose(file);
}

static inline void live_stop(struct live *live)
{
	int status;
	close(live->input);
	for (int i = 0; i < 500 && waitpid(live->pid, &status, WNOHANG) == 0; i++)
		usleep(10000);
	if (kill(live->pid, SIGKILL) == 0)
		waitpid(live->pid, &status, 0);
}

static inline int live_connect(const struct live *live)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)live->port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

/* The JSON that a POST of JSON is answered with; the caller's. Blocking. */
static inline json_t *live_post(const struct live *live, const char *path, const char *body)
{
	static char answer[4 << 20];
	size_t len = 0;
	int fd = live_connect(live);
	dprintf(fd,
		"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		"Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
		path, strlen(body), body);
	for (ssize_t n = 1; n > 0; len += (size_t)n) {
		n = read(fd, answer + len, sizeof answer - 1 - len);
		assert_true(n >= 0);
	}
	close(fd);
	answer[len] = 0;
	const char *begin = strstr(answer, "\r\n\r\n");
	assert_non_null(begin);
	json_t *json = json_loads(begin + 4, JSON_DECODE_ANY, NULL);
	if (!json)
		fail_msg("%s of %s: %s", path, body, answer);
	return json;
}

static inline void live_control(const struct live *live, const char *body)
{
	json_decref(live_post(live, "/control", body));
}

/* ---- the shell ---- */

static inline void live_on_update(void *ctx, const struct bot_update *update)
{
	struct live *live = ctx;
	assert_true(live->told_count < LIVE_TOLD);
	live->told[live->told_count++] = update->update_id;
	struct bot_out out = { .kind = BOT_OUT_TEXT,
			       .chat_id = update->chat_id,
			       .group = update->group,
			       .thread_id = update->thread_id,
			       .text = update->text,
			       .tag = (uint64_t)update->update_id };
	if (live->answers && update->kind == BOT_UPDATE_MESSAGE)
		assert_int_equal(telegram_send(live->telegram, &out), STATUS_OK);
}

static inline void live_on_offset(void *ctx, int64_t offset)
{
	struct live *live = ctx;
	live->offset = offset;
	telegram_confirm(live->telegram, offset);
}

static inline void live_on_end(void *ctx, uint64_t tag, enum status status, int64_t message_id)
{
	struct live *live = ctx;
	(void)tag;
	live->end_count++;
	live->ok_count += status == STATUS_OK;
	live->last_status = status;
	live->last_message = message_id ? message_id : live->last_message;
}

static inline void live_on_name(void *ctx, struct str name)
{
	struct live *live = ctx;
	assert_int_equal(str_copy(name, live->name, sizeof live->name), STATUS_OK);
}

static inline void live_on_state(void *ctx, enum telegram_state state, const char *why)
{
	struct live *live = ctx;
	(void)state;
	live->state_count++;
	snprintf(live->why, sizeof live->why, "%s", why);
	assert_null(strstr(why, "tests-alone"));
}

static inline void live_open(struct live *live)
{
	char url[64];
	struct err err;
	struct http_config http = { .requests_max = TELEGRAM_REQUESTS };
	assert_int_equal(loop_create(8, &live->loop, &err), STATUS_OK);
	assert_int_equal(http_open(live->loop, &http, &live->http, &err), STATUS_OK);
	snprintf(url, sizeof url, "http://127.0.0.1:%u", live->port);
	struct telegram_config config = {
		.http = http_client(live->http),
		.timers = loop_timers(live->loop),
		.clock = loop_clock(live->loop),
		.api_url = str_of(url),
		.token = STR(LIVE_TOKEN),
		.seed = 1,
		.hooks = { live, live_on_update, live_on_offset, live_on_end, live_on_name,
			   live_on_state },
	};
	assert_int_equal(telegram_open(&config, &live->telegram, &err), STATUS_OK);
}

static inline void live_on_closed(void *ctx) { *(bool *)ctx = true; }

static inline void live_close(struct live *live)
{
	bool closed = false;
	telegram_close(live->telegram);
	http_close(live->http, live_on_closed, &closed);
	assert_true(loop_turn_until(live->loop, &closed, 20 * live_second_ns));
	loop_destroy(live->loop);
}

/* Turns until *count has reached it. */
static inline void live_wait(struct live *live, const size_t *count, size_t wanted)
{
	int64_t until_ns = loop_precise_ns() + 60 * live_second_ns;
	while (*count < wanted && loop_precise_ns() < until_ns)
		loop_turn(live->loop, 100000000);
	if (*count < wanted)
		fail_msg("%zu of %zu, state: %s", *count, wanted, live->why);
}

/* Sent, and its end awaited. */
static inline void live_send(struct live *live, struct bot_out out)
{
	size_t before = live->end_count;
	out.tag = 1;
	assert_int_equal(telegram_send(live->telegram, &out), STATUS_OK);
	live_wait(live, &live->end_count, before + 1);
}
