/* Connections that become WebSockets: real sockets, a client that writes bytes. */
#include "http_stage.h"

static const int64_t ms_ns = 1000000;

static int open_ws(struct world *world)
{
	int fd = dial(world);
	say(world, fd, GET("/ws"));
	const char *answer = hear(world, fd);
	expect_code(answer, 101);
	assert_non_null(strstr(answer, "\r\nUpgrade: websocket\r\n"));
	assert_non_null(strstr(answer, "\r\nConnection: Upgrade\r\n"));
	assert_non_null(
	    strstr(answer, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	assert_non_null(strstr(answer, "\r\nSec-WebSocket-Protocol: weir.v1\r\n"));
	assert_null(strstr(answer, "Content-Length"));
	return fd;
}

/* So many bytes of the server's. */
static const char *hear_bytes(struct world *world, int fd, size_t n)
{
	int64_t until_ns = loop_precise_ns() + patience_ns;
	buf_clear(&world->heard);
	while (world->heard.len < n && loop_precise_ns() < until_ns) {
		int got = hear_some(world, fd);
		assert_int_not_equal(got, 0);
		if (got < 0)
			turn(world);
	}
	assert_int_equal(world->heard.len, n);
	return world->heard.ptr;
}

#define MASKED_ECHO "\x81\x84\0\0\0\0echo"

static void test_messages_both_ways(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	int fd = open_ws(world);
	assert_true(say_bytes(world, fd, STR(MASKED_ECHO MASKED_ECHO)));
	assert_memory_equal(hear_bytes(world, fd, 12),
			    "\x81\x04"
			    "echo\x81\x04"
			    "echo",
			    12);
	assert_true(say_bytes(world, fd, STR("\x89\x82\0\0\0\0hi")));
	assert_memory_equal(hear_bytes(world, fd, 4), "\x8a\x02hi", 4);
	assert_int_equal(stats(world)->ws_in, 2);
	assert_int_equal(stats(world)->ws_out, 2);
	assert_int_equal(stats(world)->ws_open, 1);
	assert_int_equal(http_ws_unsent(world->ws), 0);
	close(fd);
	TURN_UNTIL(world, world->ws_closed == 1);
	assert_int_equal(stats(world)->ws_open, 0);
}

/* Frames may come in the packet of the request. */
static void test_frames_behind_the_request(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	int fd = dial(world);
	assert_true(say_bytes(world, fd, STR(GET("/ws") "\x81\x85\0\0\0\0early")));
	TURN_UNTIL(world, strcmp(world->ws_said, "early") == 0);
	close(fd);
	TURN_UNTIL(world, world->ws_closed == 1);
}

static void test_closing_by_the_client(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	int fd = open_ws(world);
	assert_true(say_bytes(world, fd, STR("\x88\x82\0\0\0\0\x03\xe8")));
	const char *all = hear_end(world, fd);
	assert_int_equal(world->heard.len, 4);
	assert_memory_equal(all, "\x88\x02\x03\xe8", 4);
	assert_int_equal(http_ws_send(world->ws, STR("late")), STATUS_CLOSED);
	close(fd);
	TURN_UNTIL(world, world->ws_closed == 1);
}

static void test_closing_by_the_owner(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	int fd = open_ws(world);
	assert_int_equal(http_ws_send(world->ws, STR("last")), STATUS_OK);
	http_ws_close(world->ws, 1008, "why");
	http_ws_close(world->ws, 1008, "again");
	assert_int_equal(http_ws_send(world->ws, STR("late")), STATUS_CLOSED);
	const char *all = hear_end(world, fd);
	assert_int_equal(world->heard.len, 6 + 7);
	assert_memory_equal(all, "\x81\x04last\x88\x05\x03\xf0why", 13);
	close(fd);
	TURN_UNTIL(world, world->ws_closed == 1);
	/* At once. */
	fd = open_ws(world);
	http_ws_cut(world->ws);
	hear_end(world, fd);
	TURN_UNTIL(world, world->ws_closed == 2);
	close(fd);
}

static void test_a_frame_that_may_not_be_so_ends_it(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	int fd = open_ws(world);
	assert_true(say_bytes(world, fd,
			      STR("\x81\x04"
				  "bare")));
	const char *all = hear_end(world, fd);
	assert_memory_equal(all + 2, "\x03\xea", 2);
	assert_int_equal(stats(world)->ws_bad, 1);
	close(fd);
	TURN_UNTIL(world, world->ws_closed == 1);
}

static void test_what_is_too_much_is_refused(void **state)
{
	struct world *world = *state;
	static char text[(1 << 20) + 1];
	int sent = 0;
	open_server(world, (struct http_server_config){ 0 });
	int fd = open_ws(world);
	assert_int_equal(http_ws_send(world->ws, str_make(text, sizeof text)), STATUS_RANGE);
	while (http_ws_send(world->ws, str_make(text, 1 << 19)) == STATUS_OK && sent < 100)
		sent++;
	assert_in_range(sent, 2, 4); /* 2 MiB wait at most */
	assert_in_range(http_ws_unsent(world->ws), 1 << 20, 2 << 20);
	assert_int_equal(stats(world)->ws_refused, 1);
	while (http_ws_unsent(world->ws)) {
		buf_clear(&world->heard);
		if (hear_some(world, fd) < 0)
			turn(world);
	}
	assert_int_equal(http_ws_send(world->ws, STR("again")), STATUS_OK);
	close(fd);
	TURN_UNTIL(world, world->ws_closed == 1);
}

static void test_who_is_silent_is_pinged_then_cut(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ .times = { .ping_ns = 80 * ms_ns } });
	int fd = open_ws(world);
	assert_memory_equal(hear_bytes(world, fd, 6), "\x89\x04weir", 6);
	/* It answers, and is asked again. */
	assert_true(say_bytes(world, fd, STR("\x8a\x84\0\0\0\0weir")));
	assert_memory_equal(hear_bytes(world, fd, 6), "\x89\x04weir", 6);
	assert_int_equal(world->ws_closed, 0);
	hear_end(world, fd);
	TURN_UNTIL(world, world->ws_closed == 1);
	assert_int_equal(stats(world)->ws_pings, 2);
	assert_int_equal(stats(world)->ws_silent, 1);
	close(fd);
}

static void test_who_takes_nothing_is_cut(void **state)
{
	struct world *world = *state;
	static char text[1 << 20];
	open_server(world, (struct http_server_config){ .times = { .send_ns = 80 * ms_ns } });
	int fd = open_ws(world);
	for (int i = 0; i < 2000 && world->ws && !stats(world)->slow_readers; i++) {
		enum status status = http_ws_send(world->ws, str_make(text, sizeof text));
		assert_true(status == STATUS_OK || status == STATUS_FULL);
		turn(world);
	}
	TURN_UNTIL(world, world->ws_closed == 1);
	assert_int_equal(stats(world)->slow_readers, 1);
	close(fd);
}

static void test_the_end_of_the_server_ends_them(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	int a = open_ws(world);
	close_server(world);
	assert_int_equal(world->ws_closed, 1);
	close(a);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_messages_both_ways),
		TEST(test_frames_behind_the_request),
		TEST(test_closing_by_the_client),
		TEST(test_closing_by_the_owner),
		TEST(test_a_frame_that_may_not_be_so_ends_it),
		TEST(test_what_is_too_much_is_refused),
		TEST(test_who_is_silent_is_pinged_then_cut),
		TEST(test_who_takes_nothing_is_cut),
		TEST(test_the_end_of_the_server_ends_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
