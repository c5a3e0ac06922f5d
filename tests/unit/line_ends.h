/* line_ends.h - a line_server and a line_dialer on one loop, and the owners of their
 * connections, which note what they are told. Include it in one file of a program. */
#pragma once

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/rng.h"
#include "os/line_dial.h"
#include "os/line_server.h"
#include "redis_fixture.h"
#include "tls_files.h"

static const int64_t patience_ns = 10000000000;

/* libuv's call finds this one first. "two.test" is 127.0.0.2, where nobody listens, and
 * then 127.0.0.1; "none.test" is not known. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (name && strcmp(name, "none.test") == 0)
		return EAI_NONAME;
	if (!name || strcmp(name, "two.test") != 0)
		return real(name, service, hints, found);
	int code = real("127.0.0.2", service, hints, found);
	return code ? code : real("127.0.0.1", service, hints, &(*found)->ai_next);
}

/* One end of a connection: its owner. */
struct end {
	struct line_conn *conn;
	int opened, closed, lines;
	enum status why;
	char problem[200];
	char text[1000]; /* the lines, each followed by | */
	char peer[64];
	bool refuses, echoes, counts;
	int turn_lines_max, turn_lines;
	uint64_t turn;
	struct loop *loop;
	bool is_dial;
};

struct world {
	struct loop *loop;
	char *folder;
	struct tls_files files;
	char thumbprint[TLS_THUMBPRINT_DIGITS + 1];
	struct tls_context *tls; /* the dialer's */
	struct line_server *server;
	struct line_dialer *dialer;
	struct end served; /* the one accepted last */
	struct end dialled;
	struct err err;
};

static inline void *on_open(void *ctx, struct line_conn *conn)
{
	struct end *end = ctx;
	end->opened++;
	end->conn = conn;
	struct str peer = conn->ops->peer(conn);
	snprintf(end->peer, sizeof end->peer, "%.*s", STR_ARG(peer));
	return end->refuses ? NULL : end;
}

static inline void count_turn(struct end *end)
{
	uint64_t turn = loop_stats(end->loop)->turns;
	end->turn_lines = turn == end->turn ? end->turn_lines + 1 : 1;
	end->turn = turn;
	if (end->turn_lines > end->turn_lines_max)
		end->turn_lines_max = end->turn_lines;
}

/* A line has no zero behind it. */
static inline int leading_number(struct str line)
{
	int number = 0;
	for (size_t i = 0; i < line.len && line.ptr[i] >= '0' && line.ptr[i] <= '9'; i++)
		number = number * 10 + (line.ptr[i] - '0');
	return number;
}

static inline void on_line(void *ctx, struct str line)
{
	struct end *end = ctx;
	size_t len = strlen(end->text);
	assert_int_equal(end->opened, 1);
	assert_int_equal(end->closed, 0);
	end->lines++;
	count_turn(end);
	if (end->counts) /* lines say which they are */
		assert_int_equal(leading_number(line), end->lines - 1);
	else if (line.len < 200)
		snprintf(end->text + len, sizeof end->text - len, "%.*s|", STR_ARG(line));
	if (end->echoes) {
		char answer[300];
		int n = snprintf(answer, sizeof answer, "%.*s back\n", STR_ARG(line));
		assert_int_equal(end->conn->ops->send(end->conn, str_make(answer, (size_t)n)),
				 STATUS_OK);
	}
}

static inline void on_close(void *ctx, enum status why)
{
	struct end *end = ctx;
	end->closed++;
	end->why = why;
	if (end->is_dial && end->conn)
		snprintf(end->problem, sizeof end->problem, "%s", line_dial_problem(end->conn));
}

static inline int setup(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	world->folder = fixture_folder();
	*state = world;
	if (loop_create(64, &world->loop, &world->err))
		return -1;
	world->served.loop = world->dialled.loop = world->loop;
	world->dialled.is_dial = true;
	tls_files_make(&world->files, world->folder, "DNS:localhost,IP:127.0.0.1", 3600);
	return tls_thumbprint_of(world->files.cert, world->thumbprint, &world->err);
}

static inline void set_flag(void *ctx) { *(bool *)ctx = true; }

static inline int teardown(void **state)
{
	struct world *world = *state;
	bool server_done = !world->server, dialer_done = !world->dialer;
	if (world->dialer)
		line_dialer_close(world->dialer, set_flag, &dialer_done);
	if (world->server)
		line_server_close(world->server, set_flag, &server_done);
	assert_true(loop_turn_until(world->loop, &server_done, patience_ns));
	assert_true(loop_turn_until(world->loop, &dialer_done, patience_ns));
	assert_int_equal(world->served.opened, world->served.closed + world->served.refuses);
	assert_true(world->dialled.closed <= 1);
	tls_context_destroy(world->tls);
	loop_destroy(world->loop);
	fixture_remove(world->folder);
	free(world);
	return 0;
}

static inline void open_server(struct world *world, bool tls, struct line_server_config config)
{
	config.host = "127.0.0.1";
	config.cert_file = tls ? world->files.cert : NULL;
	config.key_file = tls ? world->files.key : NULL;
	config.events = (struct line_events){ on_open, on_line, on_close, &world->served };
	assert_int_equal(line_server_open(world->loop, &config, &world->server, &world->err),
			 STATUS_OK);
}

/* ca and thumbprint NULL: plain. */
static inline void open_dialer(struct world *world, const char *ca, const char *thumbprint,
			       struct line_dialer_config config)
{
	if (ca || thumbprint)
		assert_int_equal(tls_client_open(ca, thumbprint, &world->tls, &world->err),
				 STATUS_OK);
	config.tls = world->tls;
	config.events = (struct line_events){ on_open, on_line, on_close, NULL };
	assert_int_equal(line_dialer_open(world->loop, &config, &world->dialer, &world->err),
			 STATUS_OK);
}

static inline void dial(struct world *world, const char *host, uint16_t port)
{
	assert_int_equal(
	    line_dial(world->dialer, host, port, &world->dialled, &world->dialled.conn), STATUS_OK);
	assert_int_equal(world->dialled.opened + world->dialled.closed, 0);
}

/* Turns until *count is `wanted`, or patience is over. */
static inline void turn_until(struct world *world, const int *count, int wanted)
{
	int64_t until_ns = loop_precise_ns() + patience_ns;
	while (*count < wanted && loop_precise_ns() < until_ns)
		loop_turn(world->loop, 10000000);
	assert_int_equal(*count, wanted);
}

static inline void assert_problem(const struct world *world, enum status why, const char *text)
{
	assert_int_equal(world->dialled.opened, 0);
	assert_int_equal(world->dialled.closed, 1);
	assert_int_equal(world->dialled.why, why);
	if (!strstr(world->dialled.problem, text))
		fail_msg("'%s' does not say '%s'", world->dialled.problem, text);
}

static inline void talk(struct world *world, const char *host)
{
	static const char words[] = "one\r\n\ntwo words\n";
	world->served.echoes = true;
	dial(world, host, line_server_port(world->server));
	turn_until(world, &world->dialled.opened, 1);
	assert_int_equal(world->dialled.conn->ops->send(world->dialled.conn, str_of(words)),
			 STATUS_OK);
	turn_until(world, &world->dialled.lines, 3);
	assert_string_equal(world->served.text, "one||two words|");
	assert_string_equal(world->dialled.text, "one back| back|two words back|");
	assert_string_equal(world->served.peer, "127.0.0.1");
	assert_string_equal(world->dialled.peer, "127.0.0.1");
	world->dialled.conn->ops->close(world->dialled.conn);
	turn_until(world, &world->dialled.closed, 1);
	turn_until(world, &world->served.closed, 1);
	assert_int_equal(world->dialled.why, STATUS_OK);
	assert_int_equal(world->served.why, STATUS_OK);
	assert_string_equal(world->dialled.problem, "");
}

/* Lines of every length as fast as they go, with pauses at the taking end. */
static inline void flood(struct world *world)
{
	enum { LINES = 4000, LONGEST = 4096 };
	struct rng rng;
	static char line[LONGEST];
	char number[24];
	struct end *from = &world->dialled, *to = &world->served;
	int sent = 0;
	rng_init(&rng, 3);
	to->counts = true;
	dial(world, "127.0.0.1", line_server_port(world->server));
	turn_until(world, &from->opened, 1);
	turn_until(world, &to->opened, 1);
	for (int turn = 0; turn < 1000000 && to->lines < LINES; turn++) {
		/* As much as the bound of what is queued allows at the least. */
		for (int i = 0; i < 10 && sent < LINES && sent - to->lines < 200; i++) {
			size_t len = 10 + rng_below(&rng, sent % 3 ? 20 : LONGEST - 10);
			memset(line, 'x', len);
			snprintf(number, sizeof number, "%08d ", sent++);
			memcpy(line, number, 9);
			line[len - 1] = '\n';
			assert_int_equal(from->conn->ops->send(from->conn, str_make(line, len)),
					 STATUS_OK);
		}
		if (turn % 7 == 0)
			to->conn->ops->pause(to->conn, turn % 2);
		loop_turn(world->loop, 0);
	}
	assert_int_equal(to->lines, LINES);
	assert_true(to->turn_lines_max <= 64);
	to->conn->ops->pause(to->conn, false);
}
