/* A fleet's worth of connections at once: all are served, none is heavy, and none keeps
 * the others waiting. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/check.h"
#include "os/line_dial.h"
#include "os/line_server.h"
#include "redis_fixture.h"
#include "tls_files.h"

enum { MANY = 1000, IDLE_BYTES_MAX = 8 * 1024 };

static const int64_t patience_ns = 60000000000;

struct world;

struct end {
	struct world *world;
	struct line_conn *conn;
	int opened, closed, lines;
};

struct world {
	struct loop *loop;
	char *folder;
	struct tls_files files;
	struct tls_context *tls;
	struct line_server *server;
	struct line_dialer *dialer;
	struct end served[MANY], dialled[MANY];
	int served_count;
	int opened, closed, lines; /* of the dialled ends */
	int opened_in_turn, opened_in_turn_max;
	uint64_t turn;
	struct err err;
};

static void *on_served(void *ctx, struct line_conn *conn)
{
	struct world *world = ctx;
	uint64_t turn = loop_stats(world->loop)->turns;
	world->opened_in_turn = turn == world->turn ? world->opened_in_turn + 1 : 1;
	world->turn = turn;
	if (world->opened_in_turn > world->opened_in_turn_max)
		world->opened_in_turn_max = world->opened_in_turn;
	if (world->served_count == MANY)
		return NULL;
	struct end *end = &world->served[world->served_count++];
	*end = (struct end){ .world = world, .conn = conn, .opened = 1 };
	return end;
}

static void on_served_line(void *ctx, struct str line)
{
	struct end *end = ctx;
	end->lines++;
	assert_int_equal(end->conn->ops->send(end->conn, line), STATUS_OK);
	assert_int_equal(end->conn->ops->send(end->conn, STR("\n")), STATUS_OK);
}

static void on_served_close(void *ctx, enum status why)
{
	struct end *end = ctx;
	(void)why;
	end->closed++;
}

static void *on_dialled(void *ctx, struct line_conn *conn)
{
	struct end *end = ctx;
	end->conn = conn;
	end->opened++;
	end->world->opened++;
	return end;
}

static void on_dialled_line(void *ctx, struct str line)
{
	struct end *end = ctx;
	(void)line;
	end->lines++;
	end->world->lines++;
}

static void on_dialled_close(void *ctx, enum status why)
{
	struct end *end = ctx;
	(void)why;
	end->closed++;
	end->world->closed++;
}

/* Both ends of every connection are ours. False: the system does not allow as many. */
static bool raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return false;
	if (limit.rlim_cur < 2 * MANY + 100 && limit.rlim_max >= 2 * MANY + 100) {
		limit.rlim_cur = 2 * MANY + 100;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur >= 2 * MANY + 100;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	world->folder = fixture_folder();
	*state = world;
	tls_files_make(&world->files, world->folder, "DNS:localhost,IP:127.0.0.1", 3600);
	if (tls_client_open(world->files.ca, NULL, &world->tls, &world->err))
		return -1;
	return loop_create(2 * MANY + 10, &world->loop, &world->err);
}

static void set_flag(void *ctx) { *(bool *)ctx = true; }

static int teardown(void **state)
{
	struct world *world = *state;
	bool server_done = !world->server, dialer_done = !world->dialer;
	if (world->dialer)
		line_dialer_close(world->dialer, set_flag, &dialer_done);
	if (world->server)
		line_server_close(world->server, set_flag, &server_done);
	assert_true(loop_turn_until(world->loop, &server_done, patience_ns));
	assert_true(loop_turn_until(world->loop, &dialer_done, patience_ns));
	for (int i = 0; i < world->served_count; i++)
		assert_int_equal(world->served[i].closed, 1);
	assert_int_equal(world->closed, world->opened);
	tls_context_destroy(world->tls);
	loop_destroy(world->loop);
	fixture_remove(world->folder);
	free(world);
	return 0;
}

static void open_both(struct world *world, bool tls)
{
	struct line_server_config server = {
		.host = "127.0.0.1",
		.cert_file = tls ? world->files.cert : NULL,
		.key_file = tls ? world->files.key : NULL,
		.connections_max = MANY,
		.line_bytes_max = 4096,
		.events = { on_served, on_served_line, on_served_close, world },
	};
	struct line_dialer_config dialer = {
		.connections_max = MANY,
		.line_bytes_max = 4096,
		.connect_timeout_ns = patience_ns,
		.handshake_timeout_ns = patience_ns,
		.tls = tls ? world->tls : NULL,
		.events = { on_dialled, on_dialled_line, on_dialled_close, NULL },
	};
	server.handshake_timeout_ns = patience_ns;
	assert_int_equal(line_server_open(world->loop, &server, &world->server, &world->err),
			 STATUS_OK);
	assert_int_equal(line_dialer_open(world->loop, &dialer, &world->dialer, &world->err),
			 STATUS_OK);
}

static void turn_until(struct world *world, const int *count, int wanted)
{
	int64_t until_ns = loop_precise_ns() + patience_ns;
	while (*count < wanted && loop_precise_ns() < until_ns)
		loop_turn(world->loop, 10000000);
	assert_int_equal(*count, wanted);
}

static void dial_all(struct world *world)
{
	for (int i = 0; i < MANY; i++) {
		struct end *end = &world->dialled[i];
		end->world = world;
		assert_int_equal(line_dial(world->dialer, "127.0.0.1",
					   line_server_port(world->server), end, &end->conn),
				 STATUS_OK);
	}
	turn_until(world, &world->opened, MANY);
	turn_until(world, &world->served_count, MANY);
}

/* Each end says a line as long as lines may be, and gets it back. */
static void talk_all(struct world *world)
{
	char line[4096];
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	world->lines = 0;
	for (int i = 0; i < MANY; i++)
		assert_int_equal(world->dialled[i].conn->ops->send(world->dialled[i].conn,
								   str_make(line, sizeof line)),
				 STATUS_OK);
	turn_until(world, &world->lines, MANY);
}

static void close_all(struct world *world)
{
	for (int i = 0; i < MANY; i++)
		world->dialled[i].conn->ops->close(world->dialled[i].conn);
	turn_until(world, &world->closed, MANY);
	while (line_server_stats(world->server)->open)
		loop_turn(world->loop, 10000000);
}

static void test_a_thousand_come_at_once_talk_and_go(void **state)
{
	struct world *world = *state;
	if (!raise_descriptors())
		skip();
	open_both(world, false);
	dial_all(world);
	talk_all(world);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(world->served[i].lines, 1);
		assert_int_equal(world->dialled[i].lines, 1);
	}
	close_all(world);
	assert_int_equal(line_server_stats(world->server)->accepted, MANY);
	assert_int_equal(line_server_stats(world->server)->over_limit, 0);
}

/* A handshake costs a hundred times what a line does: a few of them a turn. */
static void test_a_thousand_handshakes_share_the_turns(void **state)
{
	struct world *world = *state;
	if (!raise_descriptors())
		skip();
	open_both(world, true);
	dial_all(world);
	assert_true(world->opened_in_turn_max <= 8);
	talk_all(world);
	close_all(world);
	assert_int_equal(line_server_stats(world->server)->tls_failed, 0);
}

/* Both ends of each connection are on this heap. */
static void test_an_idle_connection_is_small(void **state)
{
	struct world *world = *state;
	if (!raise_descriptors() || !mallinfo2().uordblks)
		skip(); /* a sanitizer owns malloc */
	open_both(world, false);
	size_t before = mallinfo2().uordblks;
	dial_all(world);
	talk_all(world);
	talk_all(world);
	size_t each = (mallinfo2().uordblks - before) / (2 * MANY);
	print_message("an idle connection: %zu bytes\n", each);
	assert_true(each <= IDLE_BYTES_MAX);
	close_all(world);
}

static void test_an_idle_connection_with_tls_is_bounded(void **state)
{
	struct world *world = *state;
	if (!raise_descriptors() || !mallinfo2().uordblks)
		skip();
	open_both(world, true);
	size_t before = mallinfo2().uordblks;
	dial_all(world);
	talk_all(world);
	talk_all(world);
	size_t each = (mallinfo2().uordblks - before) / (2 * MANY);
	print_message("an idle connection with TLS: %zu bytes\n", each);
	assert_true(each <= 5 * IDLE_BYTES_MAX);
	close_all(world);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(test_a_thousand_come_at_once_talk_and_go),
		WORLD(test_a_thousand_handshakes_share_the_turns),
		WORLD(test_an_idle_connection_is_small),
		WORLD(test_an_idle_connection_with_tls_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
