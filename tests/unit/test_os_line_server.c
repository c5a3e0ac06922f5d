/* Lines over sockets: framing at every cut, bounds, shares of a turn, and the blocking
 * client. */
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
	int pause_at;    /* pauses in this line, counted from 1; 0: never */
	int next_number; /* of a line that is one, which come in order; -1: not looked at */
};

static void *on_open(void *ctx, struct line_conn *conn)
{
	struct world *world = ctx;
	world->opened++;
	world->conn = conn;
	return world;
}

/* A line has no zero behind it. */
static inline int leading_number(struct str line)
{
	int number = 0;
	for (size_t i = 0; i < line.len && line.ptr[i] >= '0' && line.ptr[i] <= '9'; i++)
		number = number * 10 + (line.ptr[i] - '0');
	return number;
}

static void on_line(void *ctx, struct str line)
{
	struct world *world = ctx;
	world->lines++;
	size_t len = strlen(world->text);
	if (line.len < 200)
		snprintf(world->text + len, sizeof world->text - len, "%.*s|", STR_ARG(line));
	if (line.len && line.ptr[0] >= '0' && line.ptr[0] <= '9' && world->next_number >= 0)
		assert_int_equal(leading_number(line), world->next_number++);
	if (world->lines == world->pause_at)
		world->conn->ops->pause(world->conn, true);
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
	world->next_number = -1;
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

static void turn_until_closed(struct world *world, int closed)
{
	for (int i = 0; i < 1000 && world->closed < closed; i++)
		turn_some(world, 1);
	assert_int_equal(world->closed, closed);
}

static void test_a_line_beyond_the_bound_ends_the_connection(void **state)
{
	struct world *world = *state;
	open_server(world, (struct line_server_config){ .line_bytes_max = 11 });
	static const char *const fitting[] = { "0123456789\n", "0123456789\r\n", "\r\n" };
	static const char *const too_long[] = { "01234567890\n", "01234567890\r\n",
						"012345678\r\r\r\n", "0123456789012345",
						"01234567890" };
	for (size_t i = 0; i < ARRAY_LEN(too_long); i++) {
		int fd = dial(world->path);
		world->lines = 0;
		for (size_t k = 0; k < ARRAY_LEN(fitting); k++)
			assert_true(write(fd, fitting[k], strlen(fitting[k])) > 0);
		for (int k = 0; k < 1000 && world->lines < 3; k++)
			turn_some(world, 1);
		assert_int_equal(world->closed, i);
		assert_true(write(fd, too_long[i], strlen(too_long[i])) > 0);
		turn_until_closed(world, (int)i + 1);
		assert_int_equal(world->why, STATUS_RANGE);
		assert_int_equal(world->lines, 3);
		assert_int_equal(line_server_stats(world->server)->long_lines, i + 1);
		close(fd);
	}
}

/* Everything the other end has to say; its end must be an end and no reset. */
static size_t read_all(int fd, char *out, size_t size)
{
	size_t got = 0;
	ssize_t n;
	while (got < size && (n = read(fd, out + got, size - got)) != 0) {
		assert_true(n > 0);
		got += (size_t)n;
	}
	return got;
}

static int dial_tcp(struct world *world)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons(line_server_port(world->server)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

struct talker {
	int fd;
	size_t bytes; /* of one line without an end */
	char answer[100];
};

static void *talk(void *ctx)
{
	struct talker *talker = ctx;
	char block[10000];
	memset(block, 'x', sizeof block);
	for (size_t sent = 0; sent < talker->bytes; sent += sizeof block)
		assert_int_equal(write(talker->fd, block, sizeof block), sizeof block);
	size_t n = read_all(talker->fd, talker->answer, sizeof talker->answer - 1);
	talker->answer[n] = 0;
	close(talker->fd);
	return NULL;
}

/* The other end writes on while it is answered: closing at once would reset the
 * connection, and the answer would be lost with what was never read. */
static void test_a_megabyte_of_one_line_is_answered_before_the_end(void **state)
{
	struct world *world = *state;
	pthread_t thread;
	open_server(world,
		    (struct line_server_config){ .host = "127.0.0.1",
						 .line_bytes_max = 4096,
						 .too_long_answer = STR("E 0 code=frame\n") });
	struct talker talker = { .fd = dial_tcp(world), .bytes = 1000000 };
	assert_int_equal(pthread_create(&thread, NULL, talk, &talker), 0);
	turn_until_closed(world, 1);
	assert_int_equal(world->why, STATUS_RANGE);
	for (int i = 0; i < 10000 && line_server_stats(world->server)->open; i++)
		turn_some(world, 1);
	pthread_join(thread, NULL);
	assert_string_equal(talker.answer, "E 0 code=frame\n");
	assert_int_equal(world->lines, 0);
	assert_int_equal(line_server_stats(world->server)->long_lines, 1);
	assert_int_equal(line_server_stats(world->server)->bytes_in, 1000000);
}

/* Who never ends and never stops is let go after what is thrown away at most. */
static void test_an_endless_line_is_not_read_for_ever(void **state)
{
	struct world *world = *state;
	char block[10000];
	memset(block, 'x', sizeof block);
	open_server(world,
		    (struct line_server_config){ .host = "127.0.0.1",
						 .line_bytes_max = 4096,
						 .too_long_answer = STR("E 0 code=frame\n") });
	int fd = dial_tcp(world);
	ssize_t n = 0;
	while (n >= 0 || errno == EAGAIN) {
		n = send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
		turn_some(world, 1);
	}
	assert_int_equal(world->closed, 1);
	assert_int_equal(line_server_stats(world->server)->open, 0);
	assert_true(line_server_stats(world->server)->bytes_in < 5 << 20);
	close(fd);
}

static void test_a_line_may_come_byte_by_byte(void **state)
{
	struct world *world = *state;
	char line[2000];
	open_server(world, (struct line_server_config){ .host = "127.0.0.1",
							.line_bytes_max = sizeof line });
	int fd = dial_tcp(world);
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	for (int k = 0; k < 3; k++) {
		for (size_t i = 0; i < sizeof line; i++) {
			assert_int_equal(world->lines, k);
			assert_int_equal(write(fd, line + i, 1), 1);
			uint64_t had = line_server_stats(world->server)->bytes_in;
			for (int t = 0;
			     t < 1000 && line_server_stats(world->server)->bytes_in == had; t++)
				turn_some(world, 1);
		}
		assert_int_equal(world->lines, k + 1);
	}
	close(fd);
}

static void test_a_peer_has_its_numeric_address(void **state)
{
	struct world *world = *state;
	open_server(world, (struct line_server_config){ .host = "127.0.0.1" });
	int fd = dial_tcp(world);
	turn_some(world, 3);
	assert_true(str_eq(world->conn->ops->peer(world->conn), STR("127.0.0.1")));
	close(fd);
	turn_until_closed(world, 1);
	bool done = false;
	line_server_close(world->server, set_flag, &done);
	assert_true(loop_turn_until(world->loop, &done, patience_ns));
	open_server(world, (struct line_server_config){ 0 });
	fd = dial(world->path);
	turn_some(world, 3);
	assert_true(str_eq(world->conn->ops->peer(world->conn), STR("")));
	close(fd);
	turn_some(world, 3);
}

/* ---- pauses ---- */

static void test_a_pause_keeps_the_lines_that_came(void **state)
{
	struct world *world = *state;
	static const char text[] = "a\nb\nc\nd\ne\nf\ng";
	open_server(world, (struct line_server_config){ 0 });
	world->pause_at = 3;
	int fd = dial(world->path);
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	turn_some(world, 20);
	assert_string_equal(world->text, "a|b|c|");
	shutdown(fd, SHUT_WR); /* not seen before the lines */
	turn_some(world, 20);
	assert_int_equal(world->closed, 0);
	world->conn->ops->pause(world->conn, true);
	world->conn->ops->pause(world->conn, false);
	world->conn->ops->pause(world->conn, false);
	assert_int_equal(world->lines, 3);
	turn_until_closed(world, 1);
	assert_string_equal(world->text, "a|b|c|d|e|f|");
	assert_int_equal(world->why, STATUS_OK);
	close(fd);
}

static void test_a_pause_stops_the_other_end_and_loses_nothing(void **state)
{
	struct world *world = *state;
	char line[20];
	int sent = 0, quiet = 0;
	open_server(world, (struct line_server_config){ .host = "127.0.0.1" });
	int fd = dial_tcp(world);
	turn_some(world, 3);
	world->conn->ops->pause(world->conn, true);
	world->next_number = 0;
	while (quiet < 20 && sent < 10000000) {
		int n = snprintf(line, sizeof line, "%09d\n", sent);
		if (send(fd, line, (size_t)n, MSG_DONTWAIT) == n)
			sent++;
		else if (errno == EAGAIN) /* loopback takes a line whole or not at all here */
			quiet++, turn_some(world, 1);
	}
	assert_int_equal(world->lines, 0);
	assert_true(sent < 10000000);
	assert_true(line_server_stats(world->server)->bytes_in <= 16 << 10);
	world->conn->ops->pause(world->conn, false);
	for (int i = 0; i < 1000000 && world->lines < sent; i++)
		turn_some(world, 1);
	assert_int_equal(world->lines, sent);
	close(fd);
	turn_until_closed(world, 1);
}

static void test_a_paused_connection_can_be_closed(void **state)
{
	struct world *world = *state;
	char got[100];
	open_server(world, (struct line_server_config){ .host = "127.0.0.1" });
	int fd = dial_tcp(world);
	turn_some(world, 3);
	world->conn->ops->pause(world->conn, true);
	assert_int_equal(write(fd, "unread\n", 7), 7);
	assert_int_equal(world->conn->ops->send(world->conn, STR("bye\n")), STATUS_OK);
	world->conn->ops->close(world->conn);
	turn_until_closed(world, 1);
	assert_int_equal(read_all(fd, got, sizeof got), 4);
	assert_int_equal(world->lines, 0);
	close(fd);
	turn_some(world, 3);
	assert_int_equal(line_server_stats(world->server)->open, 0);
}

/* ---- shares of a turn ---- */

struct flood {
	int fd;
	int lines;
	size_t line_bytes;
};

/* In one write, so that more is there than a turn's share. */
static void *write_flood(void *ctx)
{
	struct flood *flood = ctx;
	size_t bytes = flood->line_bytes * (size_t)flood->lines;
	char *text = malloc(bytes);
	assert_non_null(text);
	memset(text, 'x', bytes);
	for (int i = 0; i < flood->lines; i++) {
		char number[24];
		char *line = text + flood->line_bytes * (size_t)i;
		snprintf(number, sizeof number, "%08d ", i);
		memcpy(line, number, 9);
		line[flood->line_bytes - 1] = '\n';
	}
	assert_int_equal(write(flood->fd, text, bytes), bytes);
	free(text);
	return NULL;
}

static void assert_flood_has_its_share(struct world *world, int lines, size_t line_bytes, int share)
{
	struct flood flood = { dial_tcp(world), lines, line_bytes };
	pthread_t thread;
	world->lines = world->next_number = 0;
	assert_int_equal(pthread_create(&thread, NULL, write_flood, &flood), 0);
	for (int i = 0; i < 1000000 && world->lines < lines; i++) {
		int had = world->lines;
		uint64_t had_bytes = line_server_stats(world->server)->bytes_in;
		turn_some(world, 1);
		assert_true(world->lines - had <= share);
		assert_true(line_server_stats(world->server)->bytes_in - had_bytes <= 16 << 10);
	}
	assert_int_equal(world->lines, lines);
	pthread_join(thread, NULL);
	close(flood.fd);
	turn_until_closed(world, world->closed + 1);
}

static void test_a_flood_gets_its_share_of_a_turn(void **state)
{
	struct world *world = *state;
	open_server(world, (struct line_server_config){ .host = "127.0.0.1" });
	assert_flood_has_its_share(world, 20000, 10, 64);
	assert_true(line_server_stats(world->server)->postponed > 10);
	assert_flood_has_its_share(world, 3000, 100, 64);
	assert_flood_has_its_share(world, 1000, 4096, 5);
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
	int fd = dial_tcp(world);
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
		WORLD(test_a_megabyte_of_one_line_is_answered_before_the_end),
		WORLD(test_an_endless_line_is_not_read_for_ever),
		WORLD(test_a_line_may_come_byte_by_byte),
		WORLD(test_a_peer_has_its_numeric_address),
		WORLD(test_a_pause_keeps_the_lines_that_came),
		WORLD(test_a_pause_stops_the_other_end_and_loses_nothing),
		WORLD(test_a_paused_connection_can_be_closed),
		WORLD(test_a_flood_gets_its_share_of_a_turn),
		WORLD(test_a_slow_reader_is_cut_and_counted),
		WORLD(test_connections_are_bounded),
		WORLD(test_the_blocking_client_gets_the_whole_answer),
		WORLD(test_the_blocking_client_says_what_went_wrong),
		WORLD(test_tcp_takes_a_port_of_the_kernel),
		WORLD(test_a_socket_path_that_is_too_long_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
