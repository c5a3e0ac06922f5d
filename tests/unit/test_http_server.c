/* The HTTP server on real sockets: framing, order, answers that come later, the end. */
#include "http_stage.h"

static void test_an_answer_has_its_length_date_and_the_owners_headers(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ .headers = STR("X-Ours: 1\r\n") });
	int fd = dial(world);
	say(world, fd, GET("/now/hello"));
	const char *answer = hear(world, fd);
	expect_code(answer, 200);
	expect_body(answer, "hello");
	assert_non_null(strstr(answer, "\r\nContent-Length: 5\r\n"));
	assert_non_null(strstr(answer, "\r\nContent-Type: text/plain\r\n"));
	assert_non_null(strstr(answer, "\r\nX-Ours: 1\r\n"));
	assert_non_null(strstr(answer, "\r\nDate: "));
	assert_non_null(strstr(answer, " GMT\r\n"));
	assert_null(strstr(answer, "Connection:"));
	assert_string_equal(world->peer, "127.0.0.1");
	assert_false(world->is_tls);
	/* The same connection again. */
	say(world, fd, GET("/now/more"));
	expect_body(hear(world, fd), "more");
	assert_int_equal(stats(world)->accepted, 1);
	assert_int_equal(stats(world)->requests, 2);
	assert_int_equal(stats(world)->answers[2], 2);
	close(fd);
}

static void test_a_request_may_come_byte_by_byte(void **state)
{
	struct world *world = *state;
	static const char text[] = "POST /echo HTTP/1.1\r\n" HOST
				   "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
	open_server(world, (struct http_server_config){ 0 });
	int fd = dial(world);
	for (size_t i = 0; i + 1 < sizeof text; i++) {
		assert_true(say_bytes(world, fd, str_make(text + i, 1)));
		turn(world);
	}
	expect_body(hear(world, fd), "abc");
	close(fd);
}

static void test_ten_thousand_pipelined_requests_are_answered_in_their_order(void **state)
{
	enum { REQUESTS = 10000 };
	struct world *world = *state;
	struct buf text;
	size_t len = 0;
	open_server(world, (struct http_server_config){ 0 });
	buf_init(&text, 1 << 20);
	for (int i = 0; i < REQUESTS; i++)
		buf_printf(&text, "GET /now/%d HTTP/1.1\r\n" HOST "\r\n", i);
	assert_false(text.overflow);
	int fd = dial(world), n = 0;
	struct str left = buf_str(&text);
	int64_t until_ns = loop_precise_ns() + patience_ns;
	buf_clear(&world->heard);
	while (n < REQUESTS && loop_precise_ns() < until_ns) {
		ssize_t sent = left.len ? send(fd, left.ptr, left.len, MSG_NOSIGNAL) : 0;
		left = str_skip(left, sent > 0 ? (size_t)sent : 0);
		loop_turn(world->loop, 0);
		assert_int_not_equal(hear_some(world, fd), 0);
		const char *body;
		while ((body = whole_answer(world->heard.ptr, world->heard.len, &len))) {
			char number[16];
			snprintf(number, sizeof number, "%d", n++);
			size_t digits = strlen(number);
			assert_memory_equal(body, number, digits);
			assert_ptr_equal(body + digits, world->heard.ptr + len);
			world->heard.len -= len;
			memmove(world->heard.ptr, world->heard.ptr + len, world->heard.len);
		}
	}
	assert_int_equal(n, REQUESTS);
	assert_int_equal(world->asked, REQUESTS);
	buf_deinit(&text);
	close(fd);
}

static void test_who_pipelines_and_never_reads_is_not_read_any_more(void **state)
{
	struct world *world = *state;
	struct http_server_config config = { .outgoing_bytes_max = 4 << 20 };
	config.times.send_ns = 100000000;
	open_server(world, config);
	struct buf text;
	buf_init(&text, 64 << 20);
	for (int i = 0; i < 2000; i++)
		buf_printf(&text, GET("/long/20000"));
	int fd = dial(world);
	struct str left = buf_str(&text);
	bool refused = false;
	for (int i = 0; i < 2000 && !refused; i++) {
		ssize_t sent = send(fd, left.ptr, left.len, MSG_NOSIGNAL);
		refused = sent < 0 && errno != EAGAIN;
		left = str_skip(left, sent > 0 ? (size_t)sent : 0);
		loop_turn(world->loop, 1000000);
	}
	/* Far from all of the 40 MB were made: what the kernel took and a few more. */
	assert_in_range(world->asked, 1, 1000);
	TURN_UNTIL(world, stats(world)->slow_readers == 1 && stats(world)->open == 0);
	assert_int_equal(stats(world)->answers_refused, 0);
	buf_deinit(&text);
	close(fd);
}

static void test_an_answer_may_come_later_and_others_do_not_wait(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	int slow = dial(world), quick = dial(world);
	say(world, slow, GET("/later") GET("/now/second"));
	TURN_UNTIL(world, world->n_waiting == 1);
	say(world, quick, GET("/now/quick"));
	expect_body(hear(world, quick), "quick");
	/* Pipelined behind it, so not told before it is answered. */
	assert_int_equal(world->asked, 2);
	release(world, "first");
	buf_clear(&world->heard);
	TURN_UNTIL(world, hear_some(world, slow) && world->heard.len &&
			      memmem(world->heard.ptr, world->heard.len, "second", 6));
	const char *first = memmem(world->heard.ptr, world->heard.len, "first", 5);
	assert_non_null(first);
	assert_true(first < (char *)memmem(world->heard.ptr, world->heard.len, "second", 6));
	close(slow);
	close(quick);
}

static void test_a_call_may_be_answered_after_its_client_went_away(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	struct linger reset = { 1, 0 };
	int fd = dial(world);
	say(world, fd, GET("/later"));
	TURN_UNTIL(world, world->n_waiting == 1);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(fd);
	TURN_UNTIL(world, stats(world)->open == 0);
	release(world, "nobody");
	assert_int_equal(stats(world)->abandoned, 1);
	assert_int_equal(stats(world)->answers[2], 0);
}

static void test_a_call_may_be_answered_after_its_server_went_away(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	int fd = dial(world), gone = dial(world);
	struct linger reset = { 1, 0 };
	say(world, fd, GET("/later"));
	say(world, gone, GET("/later"));
	TURN_UNTIL(world, world->n_waiting == 2);
	setsockopt(gone, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(gone);
	TURN_UNTIL(world, stats(world)->open == 1);
	close_server(world);
	assert_string_equal(hear_end(world, fd), "");
	release(world, "nobody");
	release(world, "nobody");
	close(fd);
}

static void test_a_client_that_stops_talking_still_gets_its_answer(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	int fd = dial(world);
	say(world, fd, GET("/now/1") GET("/later"));
	shutdown(fd, SHUT_WR);
	TURN_UNTIL(world, world->n_waiting == 1);
	turns(world, 5);
	release(world, "late");
	const char *all = hear_end(world, fd);
	assert_non_null(strstr(all, "\r\n\r\n1HTTP/1.1 200"));
	assert_non_null(strstr(all, "\r\n\r\nlate"));
	close(fd);
}

static void test_half_a_request_and_the_end_is_no_request(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	int fd = dial(world);
	say(world, fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nab");
	shutdown(fd, SHUT_WR);
	assert_string_equal(hear_end(world, fd), "");
	assert_int_equal(world->asked, 0);
	close(fd);
}

static void test_head_is_told_and_its_answer_has_no_body(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	int fd = dial(world);
	say(world, fd, "HEAD /now/hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	const char *all = hear_end(world, fd);
	expect_code(all, 200);
	assert_non_null(strstr(all, "\r\nContent-Length: 5\r\n"));
	assert_non_null(strstr(all, "\r\nConnection: close\r\n"));
	expect_body(all, "");
	assert_string_equal(world->method, "HEAD");
	close(fd);
}

static void test_http_1_0_and_close_end_the_connection(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	static const char *const texts[] = {
		"GET /now/x HTTP/1.0\r\n" HOST "\r\n" GET("/now/y"),
		"GET /now/x HTTP/1.1\r\n" HOST "Connection: Close\r\n\r\n" GET("/now/y"),
	};
	for (int i = 0; i < 2; i++) {
		int fd = dial(world);
		say(world, fd, texts[i]);
		const char *all = hear_end(world, fd);
		expect_code(all, 200);
		expect_body(all, "x");
		close(fd);
	}
	assert_int_equal(world->asked, 2);
}

static void test_a_body_that_is_awaited_is_asked_for(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	int fd = dial(world);
#define EXPECTING "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
	say(world, fd, EXPECTING);
	const char *answer = hear(world, fd);
	assert_string_equal(answer, "HTTP/1.1 100 Continue\r\n\r\n");
	say(world, fd, "hi");
	expect_body(hear(world, fd), "hi");
	/* It is not when it comes at once. */
	say(world, fd, EXPECTING "yo");
	answer = hear(world, fd);
	expect_code(answer, 200);
	expect_body(answer, "yo");
	close(fd);
}

/* The client goes on sending: the end must not overtake the answer. */
static void test_a_refusal_reaches_who_is_still_sending(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	struct buf text;
	buf_init(&text, 4 << 20);
	buf_printf(&text, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2000000\r\n\r\n");
	memset(buf_reserve(&text, 2000000), 'x', 2000000);
	text.len += 2000000;
	int fd = dial(world);
	assert_true(say_bytes(world, fd, buf_str(&text)));
	shutdown(fd, SHUT_WR);
	const char *all = hear_end(world, fd);
	expect_code(all, 413);
	expect_body(all, "{\"type\":\"about:blank\",\"title\":\"Content Too Large\",\"status\":413,"
			 "\"detail\":\"the body is too long\",\"error\":\"the body is too long\"}");
	assert_non_null(strstr(all, "\r\nContent-Type: application/problem+json\r\n"));
	assert_non_null(strstr(all, "\r\nConnection: close\r\n"));
	assert_int_equal(world->asked, 0);
	buf_deinit(&text);
	close(fd);
}

static void test_what_cannot_be_read_is_refused_and_ends(void **state)
{
	struct world *world = *state;
	static const struct {
		int code;
		const char *text;
	} rows[] = {
		{ 400, "nonsense\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n\r\n" },
		{ 400, "POST /echo HTTP/1.1\r\n" HOST
		       "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
		{ 400, "POST /echo HTTP/1.1\r\n" HOST
		       "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab" },
		{ 411, "POST /echo HTTP/1.1\r\n" HOST "\r\n" },
		{ 417, "GET /now/x HTTP/1.1\r\n" HOST "Expect: tea\r\n\r\n" },
		{ 501, "BREW /now/x HTTP/1.1\r\n" HOST "\r\n" },
		{ 501, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n" },
		{ 505, "GET /now/x HTTP/2.0\r\n" HOST "\r\n" },
	};
	open_server(world, (struct http_server_config){ 0 });
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int fd = dial(world);
		/* Behind a right one, which is answered, and before one that is never seen. */
		say(world, fd, GET("/now/right"));
		expect_body(hear(world, fd), "right");
		say(world, fd, rows[i].text);
		say_bytes(world, fd, STR(GET("/now/smuggled")));
		expect_code(hear_end(world, fd), rows[i].code);
		assert_null(strstr(world->heard.ptr, "smuggled"));
		assert_int_equal(world->asked, (int)i + 1);
		close(fd);
	}
	assert_int_equal(stats(world)->bad, sizeof rows / sizeof rows[0]);
}

/* Requests cut, doubled, with bytes changed: every connection ends, nothing is left. */
static void test_noise_does_no_harm(void **state)
{
	struct world *world = *state;
	static const char *const seeds[] = {
		GET("/now/x"),
		"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc",
		"POST /echo HTTP/1.1\r\n" HOST
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"GET /later HTTP/1.1\r\n" HOST "\r\n",
	};
	struct rng rng;
	rng_init(&rng, 11);
	open_server(world, (struct http_server_config){ 0 });
	for (int i = 0; i < 600; i++) {
		char text[512];
		size_t len = 0;
		int fd = dial(world);
		for (uint64_t n = 1 + rng_below(&rng, 3); n; n--) {
			const char *seed = seeds[rng_below(&rng, 4)];
			memcpy(text + len, seed, strlen(seed));
			len += strlen(seed);
		}
		for (uint64_t n = rng_below(&rng, 4); n; n--)
			text[rng_below(&rng, len)] = (char)rng_below(&rng, 256);
		size_t cut = rng_below(&rng, len + 1);
		if (say_bytes(world, fd, str_make(text, cut))) {
			turns(world, (int)rng_below(&rng, 3));
			say_bytes(world, fd, str_make(text + cut, len - cut));
		}
		turns(world, (int)rng_below(&rng, 3));
		while (world->n_waiting && rng_below(&rng, 2))
			release(world, "later");
		close(fd);
	}
	while (world->n_waiting)
		release(world, "later");
	TURN_UNTIL(world, stats(world)->open == 0 || world->n_waiting);
	while (world->n_waiting)
		release(world, "later");
	TURN_UNTIL(world, stats(world)->open == 0);
	assert_true(stats(world)->bad > 50);
	assert_true(stats(world)->requests > 300);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_an_answer_has_its_length_date_and_the_owners_headers),
		TEST(test_a_request_may_come_byte_by_byte),
		TEST(test_ten_thousand_pipelined_requests_are_answered_in_their_order),
		TEST(test_who_pipelines_and_never_reads_is_not_read_any_more),
		TEST(test_an_answer_may_come_later_and_others_do_not_wait),
		TEST(test_a_call_may_be_answered_after_its_client_went_away),
		TEST(test_a_call_may_be_answered_after_its_server_went_away),
		TEST(test_a_client_that_stops_talking_still_gets_its_answer),
		TEST(test_half_a_request_and_the_end_is_no_request),
		TEST(test_head_is_told_and_its_answer_has_no_body),
		TEST(test_http_1_0_and_close_end_the_connection),
		TEST(test_a_body_that_is_awaited_is_asked_for),
		TEST(test_a_refusal_reaches_who_is_still_sending),
		TEST(test_what_cannot_be_read_is_refused_and_ends),
		TEST(test_noise_does_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
