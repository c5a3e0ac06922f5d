/* http_stage.h - an http_server on a loop, an owner whose answers follow from the path, and
 * raw clients on non-blocking sockets, all in one thread. Include it in one file of a
 * program.
 *
 *   /now/TEXT   TEXT, at once           /echo      the request's body, at once
 *   /later      when release() is said  /long/N    N bytes, at once
 *   /ws         becomes a WebSocket, world->ws */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/buf.h"
#include "os/http_server.h"
#include "redis_fixture.h"
#include "tls_files.h"

static const int64_t patience_ns = 20000000000;

enum { WAITING_MAX = 64, HEARD_MAX = 64 << 20 };

#define HOST      "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

struct world {
	struct loop *loop;
	char *folder;
	struct tls_files files;
	struct http_server *server;
	struct http_call *waiting[WAITING_MAX]; /* of /later */
	int n_waiting, asked;
	char method[16], body_seen[64], peer[64];
	bool is_tls;
	struct http_ws *ws; /* NULL: it is gone */
	int ws_closed;
	char ws_said[64]; /* its newest message */
	struct buf long_text;
	struct buf heard; /* of the client that was listened to last */
	struct err err;
};

static inline void answer_text(struct http_call *call, struct str text)
{
	http_call_answer(call,
			 &(struct http_reply){ .code = 200, .type = "text/plain", .body = text });
}

static inline void answer_long(struct world *world, struct http_call *call, struct str number)
{
	uint64_t n = 0;
	assert_int_equal(str_to_u64(number, &n), STATUS_OK);
	buf_clear(&world->long_text);
	memset(buf_reserve(&world->long_text, n), 'x', n);
	answer_text(call, str_make(world->long_text.ptr, n));
}

static inline void on_ws_message(void *ctx, struct http_ws *ws, struct str text)
{
	struct world *world = ctx;
	assert_ptr_equal(ws, world->ws);
	snprintf(world->ws_said, sizeof world->ws_said, "%.*s", STR_ARG(text));
	if (str_eq(text, STR("echo")))
		assert_int_equal(http_ws_send(ws, text), STATUS_OK);
}

static inline void on_ws_close(void *ctx, struct http_ws *ws)
{
	struct world *world = ctx;
	assert_ptr_equal(ws, world->ws);
	world->ws = NULL;
	world->ws_closed++;
}

static inline void become_ws(struct world *world, struct http_call *call)
{
	const struct http_upgrade upgrade = { STR("dGhlIHNhbXBsZSBub25jZQ=="),
					      STR("weir.v1"),
					      { on_ws_message, on_ws_close, world } };
	world->ws = http_call_upgrade(call, &upgrade);
	assert_non_null(world->ws);
}

static inline void on_request(void *ctx, struct http_call *call, const struct http_asked *asked)
{
	struct world *world = ctx;
	world->asked++;
	world->is_tls = asked->is_tls;
	snprintf(world->method, sizeof world->method, "%.*s", STR_ARG(asked->method));
	snprintf(world->peer, sizeof world->peer, "%.*s", STR_ARG(asked->peer));
	if (str_starts(asked->path, STR("/now/")))
		answer_text(call, str_skip(asked->path, 5));
	else if (str_eq(asked->path, STR("/echo")))
		answer_text(call, asked->body);
	else if (str_starts(asked->path, STR("/long/")))
		answer_long(world, call, str_skip(asked->path, 6));
	else if (str_eq(asked->path, STR("/ws")))
		become_ws(world, call);
	else if (world->n_waiting < WAITING_MAX)
		world->waiting[world->n_waiting++] = call;
	else
		answer_text(call, STR("too many wait"));
}

static inline void release(struct world *world, const char *text)
{
	assert_true(world->n_waiting > 0);
	struct http_call *call = world->waiting[0];
	world->n_waiting--;
	memmove(world->waiting, world->waiting + 1,
		sizeof world->waiting[0] * (size_t)world->n_waiting);
	answer_text(call, str_of(text));
}

static inline int setup(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	*state = world;
	buf_init(&world->long_text, HEARD_MAX);
	buf_init(&world->heard, HEARD_MAX);
	return loop_create(512, &world->loop, &world->err);
}

static inline void open_server(struct world *world, struct http_server_config config)
{
	config.host = "127.0.0.1";
	config.events = (struct http_server_events){ on_request, world };
	if (http_server_open(world->loop, &config, &world->server, &world->err))
		fail_msg("%s", world->err.text);
}

static inline void open_tls_server(struct world *world, struct http_server_config config)
{
	world->folder = fixture_folder();
	tls_files_make(&world->files, world->folder, "DNS:localhost,IP:127.0.0.1", 3600);
	config.cert_file = world->files.cert;
	config.key_file = world->files.key;
	open_server(world, config);
}

static inline void set_flag(void *ctx) { *(bool *)ctx = true; }

static inline void close_server(struct world *world)
{
	bool done = false;
	http_server_close(world->server, set_flag, &done);
	assert_true(loop_turn_until(world->loop, &done, patience_ns));
	world->server = NULL;
}

static inline int teardown(void **state)
{
	struct world *world = *state;
	if (world->server)
		close_server(world);
	while (world->n_waiting)
		release(world, "too late");
	loop_destroy(world->loop);
	if (world->folder)
		fixture_remove(world->folder);
	buf_deinit(&world->long_text);
	buf_deinit(&world->heard);
	free(world);
	return 0;
}

/* ---- clients ---- */

static inline int dial(struct world *world)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(http_server_port(world->server)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static inline void turn(struct world *world) { loop_turn(world->loop, 2000000); }

static inline void turns(struct world *world, int n)
{
	while (n--)
		loop_turn(world->loop, 1000000);
}

/* Waits for what the server does by itself. */
#define TURN_UNTIL(world, condition)                                                               \
	do {                                                                                       \
		int64_t until_ns = loop_precise_ns() + patience_ns;                                \
		while (!(condition) && loop_precise_ns() < until_ns)                               \
			turn(world);                                                               \
		assert_true(condition);                                                            \
	} while (0)

/* All of it, while the server turns. False: the server has ended the connection. */
static inline bool say_bytes(struct world *world, int fd, struct str text)
{
	int64_t until_ns = loop_precise_ns() + patience_ns;
	while (text.len && loop_precise_ns() < until_ns) {
		ssize_t n = send(fd, text.ptr, text.len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return false;
		text = str_skip(text, n > 0 ? (size_t)n : 0);
		if (n < 0)
			turn(world);
	}
	assert_int_equal(text.len, 0);
	return true;
}

static inline void say(struct world *world, int fd, const char *text)
{
	assert_true(say_bytes(world, fd, str_of(text)));
}

/* What there is now, behind world->heard; 0 at the end, -1 nothing now. */
static inline int hear_some(struct world *world, int fd)
{
	char *at = buf_reserve(&world->heard, 65536);
	assert_non_null(at);
	ssize_t n = recv(fd, at, 65535, 0);
	if (n > 0)
		world->heard.len += (size_t)n;
	if (n < 0 && errno != EAGAIN)
		return 0;
	return (int)n;
}

/* Everything until the connection's end, as text. */
static inline const char *hear_end(struct world *world, int fd)
{
	int64_t until_ns = loop_precise_ns() + patience_ns;
	int n = -1;
	buf_clear(&world->heard);
	while (n && loop_precise_ns() < until_ns) {
		n = hear_some(world, fd);
		if (n < 0)
			turn(world);
	}
	assert_int_equal(n, 0);
	*buf_reserve(&world->heard, 1) = 0;
	return world->heard.ptr;
}

/* The body's beginning of the answer at the front; NULL: it is not whole yet. */
static inline const char *whole_answer(const char *text, size_t len, size_t *answer_len)
{
	const char *body = memmem(text, len, "\r\n\r\n", 4);
	const char *length = body ? memmem(text, len, "Content-Length: ", 16) : NULL;
	if (!body)
		return NULL;
	size_t n = length && length < body ? strtoul(length + 16, NULL, 10) : 0;
	*answer_len = (size_t)(body + 4 - text) + n;
	return *answer_len <= len ? body + 4 : NULL;
}

/* One whole answer, which has come alone; as text. */
static inline const char *hear(struct world *world, int fd)
{
	int64_t until_ns = loop_precise_ns() + patience_ns;
	size_t len = 0;
	buf_clear(&world->heard);
	while (loop_precise_ns() < until_ns) {
		int n = hear_some(world, fd);
		if (whole_answer(world->heard.ptr, world->heard.len, &len))
			break;
		assert_int_not_equal(n, 0);
		if (n < 0)
			turn(world);
	}
	assert_int_equal(world->heard.len, len);
	*buf_reserve(&world->heard, 1) = 0;
	return world->heard.ptr;
}

static inline void expect_code(const char *answer, int code)
{
	char wanted[32];
	snprintf(wanted, sizeof wanted, "HTTP/1.1 %d ", code);
	if (strncmp(answer, wanted, strlen(wanted)) != 0)
		fail_msg("not %d: %.300s", code, answer);
}

static inline void expect_body(const char *answer, const char *wanted)
{
	const char *body = strstr(answer, "\r\n\r\n");
	assert_non_null(body);
	assert_string_equal(body + 4, wanted);
}

static inline const struct http_server_stats *stats(const struct world *world)
{
	return http_server_stats(world->server);
}
