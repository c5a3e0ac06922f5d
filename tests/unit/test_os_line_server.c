/* Lines over sockets: framing at every cut, bounds, and the blocking client. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/check.h"
#include "os/line_client.h"
#include "os/line_server.h"
#include "redis_fixture.h"

static const int64_t patience_ns = 10000000000;

struct world {
	struct loop *loop;
	char *folder, path[300];
	struct line_server *server;
	struct line_conn *conn; /* the one opened last */
	int opened, closed, lines;
	enum status why;
	char text[4096]; /* the lines, each followed by | */
	bool done;
	int answer_bytes;
};

static void *on_open(void *ctx, struct line_conn *conn)
{
	struct world *world = ctx;
	world->opened++;
	world->conn = conn;
	return world;
}

static void on_line(void *ctx, struct str line)
{
	struct world *world = ctx;
	world->lines++;
	size_t len = strlen(world->text);
	if (line.len < 200)
		snprintf(world->text + len, sizeof world->text - len, "%.*s|", STR_ARG(line));
	if (world->answer_bytes < 0)
		return;
	struct buf out;
	buf_init(&out, 1 << 24);
	control_put_header(&out, 3, (size_t)world->answer_bytes);
	for (int i = 0; i < world->answer_bytes; i++)
		buf_char(&out, (char)('0' + i % 10));
	assert_int_equal(world->conn->ops->send(world->conn, buf_str(&out)), STATUS_OK);
	world->conn->ops->close(world->conn);
	buf_deinit(&out);
}

static void on_close(void *ctx, enum status why)
{
	struct world *world = ctx;
	world->closed++;
	world->why = why;
}

static void set_flag(void *ctx) { *(bool *)ctx = true; }

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	struct err err;
	world->folder = fixture_folder();
	snprintf(world->path, sizeof world->path, "%s/c.sock", world->folder);
	world->answer_bytes = -1;
	*state = world;
	return loop_create(64, &world->loop, &err);
}

static void open_server(struct world *world, struct line_server_config config)
{
	struct err err;
	if (!config.host)
		config.unix_path = world->path;
	config.events = (struct line_events){ on_open, on_line, on_close, world };
	assert_int_equal(line_server_open(world->loop, &config, &world->server, &err), STATUS_OK);
}

static int teardown(void **state)
{
	struct world *world = *state;
	bool done = false;
	if (world->server) {
		line_server_close(world->server, set_flag, &done);
		assert_true(loop_turn_until(world->loop, &done, patience_ns));
		assert_int_equal(world->closed, world->opened);
		assert_int_not_equal(access(world->path, F_OK), 0);
	}
	loop_destroy(world->loop);
	fixture_remove(world->folder);
	free(world);
	return 0;
}

static int dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof address.sun_path, "%.100s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void turn_some(struct world *world, int turns)
{
	while (turns--)
		loop_turn(world->loop, 1000000);
}

static void test_lines_do_not_depend_on_how_the_bytes_were_cut(void **state)
{
	struct world *world = *state;
	static const char text[] = "one\r\n\ntwo words\nthree\n";
	open_server(world, (struct line_server_config){ 0 });
	for (size_t cut = 0; cut < sizeof text; cut++) {
		world->text[0] = 0;
		world->lines = 0;
		int fd = dial(world->path);
		assert_int_equal(write(fd, text, cut), cut);
		turn_some(world, 2);
		assert_int_equal(write(fd, text + cut, sizeof text - 1 - cut),
				 sizeof text - 1 - cut);
		for (int i = 0; i < 100 && world->lines < 4; i++)
			turn_some(world, 1);
		assert_string_equal(world->text, "one||two words|three|");
		close(fd);
		turn_some(world, 3);
		assert_int_equal(world->closed, world->opened);
	}
}

static void test_the_socket_is_for_its_owner_alone(void **state)
{
	struct world *world = *state;
	struct stat st;
	open_server(world, (struct line_server_config){ 0 });
	assert_int_equal(stat(world->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_a_line_beyond_the_bound_ends_the_connection(void **state)
{
	struct world *world = *state;
	open_server(world, (struct line_server_config){ .line_bytes_max = 10 });
	int fd = dial(world->path);
	assert_int_equal(write(fd, "0123456789\r\n", 12), 12);
	for (int i = 0; i < 100 && !world->lines; i++)
		turn_some(world, 1);
	assert_int_equal(world->lines, 1);
	assert_int_equal(write(fd, "01234567890\n", 12), 12);
	for (int i = 0; i < 100 && !world->closed; i++)
		turn_some(world, 1);
	assert_int_equal(world->why, STATUS_RANGE);
	assert_int_equal(world->lines, 1);
	assert_int_equal(line_server_stats(world->server)->long_lines, 1);
	close(fd);
	fd = dial(world->path); /* without an LF the bound holds too */
	assert_int_equal(write(fd, "0123456789012345", 16), 16);
	for (int i = 0; i < 100 && world->closed < 2; i++)
		turn_some(world, 1);
	assert_int_equal(world->closed, 2);
	close(fd);
}

static void test_a_slow_reader_is_cut_and_counted(void **state)
{
	struct world *world = *state;
	char block[10000];
	memset(block, 'x', sizeof block);
	open_server(world, (struct line_server_config){ .outgoing_bytes_max = 100000 });
	int fd = dial(world->path);
	turn_some(world, 2);
	assert_int_equal(world->opened, 1);
	enum status status = STATUS_OK;
	for (int i = 0; i < 1000 && status == STATUS_OK; i++) {
		status = world->conn->ops->send(world->conn, str_make(block, sizeof block));
		turn_some(world, 1);
	}
	assert_int_equal(status, STATUS_FULL);
	turn_some(world, 2);
	assert_int_equal(world->why, STATUS_FULL);
	assert_int_equal(line_server_stats(world->server)->slow_readers, 1);
	close(fd);
}

static void test_connections_are_bounded(void **state)
{
	struct world *world = *state;
	char byte;
	open_server(world, (struct line_server_config){ .connections_max = 2 });
	int fds[3];
	for (int i = 0; i < 3; i++) {
		fds[i] = dial(world->path);
		turn_some(world, 3);
	}
	assert_int_equal(world->opened, 2);
	assert_int_equal(read(fds[2], &byte, 1), 0);
	assert_int_equal(line_server_stats(world->server)->over_limit, 1);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	turn_some(world, 3);
}

struct caller {
	const char *path;
	int timeout_ms, exit_status;
	size_t limit;
	struct buf answer;
	enum status status;
	struct err err;
	bool done;
	struct loop *loop;
};

static void *call(void *ctx)
{
	struct caller *caller = ctx;
	buf_init(&caller->answer, caller->limit);
	caller->status = control_call(caller->path, STR("status --json"), caller->timeout_ms,
				      &caller->exit_status, &caller->answer, &caller->err);
	__atomic_store_n(&caller->done, true, __ATOMIC_RELEASE);
	loop_wake(caller->loop);
	return NULL;
}

static void call_in_thread(struct world *world, struct caller *caller)
{
	pthread_t thread;
	caller->path = world->path;
	caller->loop = world->loop;
	assert_int_equal(pthread_create(&thread, NULL, call, caller), 0);
	for (int i = 0; i < 1000 && !__atomic_load_n(&caller->done, __ATOMIC_ACQUIRE); i++)
		loop_turn(world->loop, 10000000);
	pthread_join(thread, NULL);
}

static void test_the_blocking_client_gets_the_whole_answer(void **state)
{
	struct world *world = *state;
	open_server(world, (struct line_server_config){ 0 });
	int sizes[] = { 0, 1, 1000, 3000000 };
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct caller caller = { .timeout_ms = 5000, .limit = 4 << 20 };
		world->answer_bytes = sizes[i];
		call_in_thread(world, &caller);
		assert_int_equal(caller.status, STATUS_OK);
		assert_int_equal(caller.exit_status, 3);
		assert_int_equal(caller.answer.len, sizes[i]);
		for (int k = 0; k < sizes[i]; k += 997)
			assert_int_equal(caller.answer.ptr[k], '0' + k % 10);
		buf_deinit(&caller.answer);
	}
	assert_non_null(strstr(world->text, "status --json|"));
}

static void test_the_blocking_client_says_what_went_wrong(void **state)
{
	struct world *world = *state;
	struct caller caller = {
		.timeout_ms = 50, .limit = 100, .path = world->path, .loop = world->loop
	};
	call(&caller);
	assert_int_equal(caller.status, STATUS_UNAVAILABLE);
	buf_deinit(&caller.answer);
	open_server(world, (struct line_server_config){ 0 });
	caller.done = false;
	call_in_thread(world, &caller); /* nobody answers */
	assert_int_equal(caller.status, STATUS_TIMEOUT);
	buf_deinit(&caller.answer);
	struct caller small = { .timeout_ms = 5000, .limit = 100 };
	world->answer_bytes = 1000;
	call_in_thread(world, &small);
	assert_int_equal(small.status, STATUS_RANGE);
	buf_deinit(&small.answer);
}

static void test_tcp_takes_a_port_of_the_kernel(void **state)
{
	struct world *world = *state;
	open_server(world, (struct line_server_config){ .host = "127.0.0.1" });
	assert_int_not_equal(line_server_port(world->server), 0);
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons(line_server_port(world->server)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(write(fd, "hello\n", 6), 6);
	for (int i = 0; i < 100 && !world->lines; i++)
		turn_some(world, 1);
	assert_string_equal(world->text, "hello|");
	struct line_server *second = NULL;
	struct err err;
	struct line_server_config config = { .host = "127.0.0.1",
					     .port = line_server_port(world->server) };
	assert_int_equal(line_server_open(world->loop, &config, &second, &err), STATUS_IN_USE);
	close(fd);
	turn_some(world, 3);
}

static void test_a_socket_path_that_is_too_long_says_so(void **state)
{
	struct world *world = *state;
	struct line_server *server = NULL;
	struct err err;
	char path[200];
	memset(path, 'a', sizeof path);
	path[199] = 0;
	struct line_server_config config = { .unix_path = path };
	assert_int_equal(line_server_open(world->loop, &config, &server, &err), STATUS_RANGE);
	assert_non_null(strstr(err.text, "107"));
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(test_lines_do_not_depend_on_how_the_bytes_were_cut),
		WORLD(test_the_socket_is_for_its_owner_alone),
		WORLD(test_a_line_beyond_the_bound_ends_the_connection),
		WORLD(test_a_slow_reader_is_cut_and_counted),
		WORLD(test_connections_are_bounded),
		WORLD(test_the_blocking_client_gets_the_whole_answer),
		WORLD(test_the_blocking_client_says_what_went_wrong),
		WORLD(test_tcp_takes_a_port_of_the_kernel),
		WORLD(test_a_socket_path_that_is_too_long_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
