/* The HTTP server's bounds: time-outs, how many of what, how much; and the same over TLS. */
#include "http_stage.h"

#include "os/tls.h"

static const int64_t ms_ns = 1000000;

static void expect_end(struct world *world, int fd, int code, const char *why)
{
	const char *all = hear_end(world, fd);
	expect_code(all, code);
	assert_non_null(strstr(all, why));
	close(fd);
}

static void test_a_head_must_come_in_its_time(void **state)
{
	struct world *world = *state;
	struct http_server_config config = { .times = { .head_ns = 50 * ms_ns } };
	open_server(world, config);
	/* A byte now and then does not help. */
	int fd = dial(world);
	int64_t began_ns = loop_precise_ns();
	for (const char *at = "GET /now/x HTTP/1.1\r\nHost: a"; stats(world)->late == 0;) {
		if (*at)
			say_bytes(world, fd, str_make(at++, 1));
		loop_turn(world->loop, 5 * ms_ns);
		assert_true(loop_precise_ns() - began_ns < patience_ns);
	}
	expect_end(world, fd, 408, "head");
	/* A second request on a connection has the time anew. */
	fd = dial(world);
	say(world, fd, GET("/now/x") "GET");
	expect_end(world, fd, 200, "408 Request Timeout");
}

static void test_a_body_must_come_in_its_time(void **state)
{
	struct world *world = *state;
	struct http_server_config config = { .times = { .body_ns = 50 * ms_ns } };
	open_server(world, config);
	int fd = dial(world);
	say(world, fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nab");
	expect_end(world, fd, 408, "body");
	assert_int_equal(stats(world)->late, 1);
	assert_int_equal(world->asked, 0);
}

static void test_silence_between_requests_ends_in_its_time(void **state)
{
	struct world *world = *state;
	struct http_server_config config = { .times = { .idle_ns = 50 * ms_ns } };
	open_server(world, config);
	int fresh = dial(world), used = dial(world);
	say(world, used, GET("/now/x"));
	expect_code(hear(world, used), 200);
	assert_string_equal(hear_end(world, used), "");
	assert_string_equal(hear_end(world, fresh), "");
	assert_int_equal(stats(world)->late, 0);
	close(fresh);
	close(used);
}

static void test_what_is_not_answered_in_time_ends_with_504(void **state)
{
	struct world *world = *state;
	struct http_server_config config = { .times = { .answer_ns = 50 * ms_ns } };
	open_server(world, config);
	int fd = dial(world);
	say(world, fd, GET("/later"));
	expect_end(world, fd, 504, "in time");
	assert_int_equal(stats(world)->unanswered, 1);
	release(world, "too late");
	assert_int_equal(stats(world)->abandoned, 1);
	TURN_UNTIL(world, stats(world)->open == 0);
}

static void test_a_long_answer_may_take_its_time(void **state)
{
	struct world *world = *state;
	struct http_server_config config = { .times = { .send_ns = 100 * ms_ns } };
	config.answer_bytes_max = 32 << 20;
	open_server(world, config);
	int fd = dial(world);
	say(world, fd, GET("/long/30000000"));
	/* 30 MB may take 100 ms and 457 s: who reads a little at a time gets it all. */
	turns(world, 200);
	const char *body = strstr(hear(world, fd), "\r\n\r\n");
	assert_int_equal(strlen(body + 4), 30000000);
	assert_int_equal(stats(world)->slow_readers, 0);
	close(fd);
	TURN_UNTIL(world, stats(world)->open == 0);
}

static void test_a_connection_beyond_the_bound_is_closed(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ .connections_max = 3 });
	int fds[3];
	for (int i = 0; i < 3; i++) {
		fds[i] = dial(world);
		say(world, fds[i], GET("/now/x"));
		expect_code(hear(world, fds[i]), 200);
	}
	int more = dial(world);
	assert_string_equal(hear_end(world, more), "");
	assert_int_equal(stats(world)->over_limit, 1);
	close(more);
	close(fds[0]);
	TURN_UNTIL(world, stats(world)->open == 2);
	more = dial(world);
	say(world, more, GET("/now/again"));
	expect_code(hear(world, more), 200);
	close(more);
	close(fds[1]);
	close(fds[2]);
}

static void test_calls_of_clients_that_are_gone_count_as_connections(void **state)
{
	struct world *world = *state;
	struct linger reset = { 1, 0 };
	open_server(world, (struct http_server_config){ .connections_max = 1 });
	int fd = dial(world);
	say(world, fd, GET("/later"));
	TURN_UNTIL(world, world->n_waiting == 1);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(fd);
	TURN_UNTIL(world, stats(world)->open == 0);
	fd = dial(world);
	assert_string_equal(hear_end(world, fd), "");
	close(fd);
	release(world, "nobody");
	fd = dial(world);
	say(world, fd, GET("/now/x"));
	expect_code(hear(world, fd), 200);
	close(fd);
}

static void test_long_bodies_are_read_so_many_at_once(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ .bodies_max = 2 });
	static const char *const heads[] = {
		"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\nab",
		"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\n",
	};
	int fds[2];
	for (int i = 0; i < 2; i++) {
		fds[i] = dial(world);
		say(world, fds[i], heads[i]);
	}
	turns(world, 5);
	int more = dial(world);
	say(world, more, heads[0]);
	expect_end(world, more, 503, "long bodies");
	assert_int_equal(stats(world)->bodies_refused, 1);
	/* A short one always may. */
	more = dial(world);
	say(world, more, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nok");
	expect_body(hear(world, more), "ok");
	/* One is read, one goes away: both give their place back. */
	say(world, fds[1], "hi\r\n0\r\n\r\n");
	expect_body(hear(world, fds[1]), "hi");
	close(fds[0]);
	close(more);
	TURN_UNTIL(world, stats(world)->open == 1);
	for (int i = 0; i < 2; i++) {
		fds[0] = dial(world);
		say(world, fds[0], heads[1]);
		say(world, fds[0], "hi\r\n0\r\n\r\n");
		expect_body(hear(world, fds[0]), "hi");
		close(fds[0]);
	}
	close(fds[1]);
}

static void test_answers_have_a_bound_each_and_together(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ .answer_bytes_max = 8 << 20,
							.outgoing_bytes_max = 16 << 20 });
	int fd = dial(world);
	say(world, fd, GET("/long/8388609"));
	const char *answer = hear(world, fd);
	expect_code(answer, 503);
	assert_non_null(strstr(answer, "too long"));
	say(world, fd, GET("/now/fine"));
	expect_body(hear(world, fd), "fine");
	close(fd);
	/* Nobody reads: when 16 MB are on their way, no more are made. */
	enum { CLIENTS = 12 };
	int fds[CLIENTS];
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = dial(world);
		say(world, fds[i], GET("/long/8000000"));
		turns(world, 2);
	}
	assert_true(stats(world)->answers_refused > 1);
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	TURN_UNTIL(world, stats(world)->open == 0);
	fd = dial(world);
	say(world, fd, GET("/long/8000000"));
	expect_code(hear(world, fd), 200);
	close(fd);
}

static void test_a_listener_says_why_it_cannot_be(void **state)
{
	struct world *world = *state;
	open_server(world, (struct http_server_config){ 0 });
	struct http_server *other = NULL;
	struct http_server_config config = { .host = "127.0.0.1",
					     .port = http_server_port(world->server) };
	assert_int_not_equal(http_server_open(world->loop, &config, &other, &world->err),
			     STATUS_OK);
	assert_non_null(strstr(world->err.text, "listen on 127.0.0.1:"));
	config.host = "localhost";
	assert_int_equal(http_server_open(world->loop, &config, &other, &world->err),
			 STATUS_INVALID);
	assert_null(other);
	turns(world, 3);
}

/* ---- TLS ---- */

struct tls_client {
	struct tls_context *context;
	struct tls *tls;
	int fd;
	bool is_done;
	struct buf out; /* to the wire */
	char text[8192];
	size_t len;
};

static void pump(struct world *world, struct tls_client *client)
{
	char bytes[65536], plain[16384];
	size_t n;
	assert_true(say_bytes(world, client->fd, buf_str(&client->out)));
	buf_clear(&client->out);
	turn(world);
	ssize_t got = recv(client->fd, bytes, sizeof bytes, 0);
	struct str in = str_make(bytes, got > 0 ? (size_t)got : 0);
	if (!client->is_done) {
		enum status status = tls_handshake(client->tls, &in, &client->out, &world->err);
		assert_true(status == STATUS_OK || status == STATUS_TRUNCATED);
		client->is_done = status == STATUS_OK;
	}
	while (client->is_done &&
	       tls_read(client->tls, &in, &client->out, plain, sizeof plain, &n) == STATUS_OK) {
		assert_true(client->len + n < sizeof client->text);
		memcpy(client->text + client->len, plain, n);
		client->len += n;
		client->text[client->len] = 0;
	}
}

static void open_client(struct world *world, struct tls_client *client)
{
	*client = (struct tls_client){ .fd = dial(world) };
	buf_init(&client->out, 1 << 20);
	assert_int_equal(tls_client_open(world->files.ca, NULL, &client->context, &world->err),
			 STATUS_OK);
	client->tls = tls_create(client->context, "127.0.0.1");
	TURN_UNTIL(world, (pump(world, client), client->is_done));
}

static void close_client(struct tls_client *client)
{
	close(client->fd);
	tls_destroy(client->tls);
	tls_context_destroy(client->context);
	buf_deinit(&client->out);
}

static void tls_say(struct tls_client *client, const char *text)
{
	assert_int_equal(tls_write(client->tls, str_of(text), &client->out), STATUS_OK);
}

static void test_the_same_over_tls(void **state)
{
	struct world *world = *state;
	struct tls_client client;
	open_tls_server(world, (struct http_server_config){ 0 });
	open_client(world, &client);
	tls_say(&client, GET("/now/secret") "POST /echo HTTP/1.1\r\n" HOST);
	TURN_UNTIL(world, (pump(world, &client), strstr(client.text, "secret")));
	assert_true(world->is_tls);
	client.len = 0;
	tls_say(&client, "Content-Length: 5\r\n\r\nhello");
	tls_say(&client, GET("/later"));
	TURN_UNTIL(world, (pump(world, &client), world->n_waiting == 1));
	release(world, "at last");
	TURN_UNTIL(world, (pump(world, &client), strstr(client.text, "at last")));
	assert_non_null(strstr(client.text, "hello"));
	close_client(&client);
	TURN_UNTIL(world, stats(world)->open == 0);
	assert_int_equal(stats(world)->tls_failed, 0);
}

static void test_who_does_not_speak_tls_is_counted_and_ended(void **state)
{
	struct world *world = *state;
	struct http_server_config config = { .times = { .head_ns = 50 * ms_ns } };
	open_tls_server(world, config);
	int fd = dial(world);
	say(world, fd, GET("/now/x"));
	hear_end(world, fd);
	assert_null(strstr(world->heard.ptr, "HTTP"));
	close(fd);
	/* Nor does who says nothing stay. */
	fd = dial(world);
	assert_string_equal(hear_end(world, fd), "");
	close(fd);
	assert_int_equal(stats(world)->tls_failed, 1);
	assert_int_equal(stats(world)->late, 1);
	assert_int_equal(world->asked, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_head_must_come_in_its_time),
		TEST(test_a_body_must_come_in_its_time),
		TEST(test_silence_between_requests_ends_in_its_time),
		TEST(test_what_is_not_answered_in_time_ends_with_504),
		TEST(test_a_long_answer_may_take_its_time),
		TEST(test_a_connection_beyond_the_bound_is_closed),
		TEST(test_calls_of_clients_that_are_gone_count_as_connections),
		TEST(test_long_bodies_are_read_so_many_at_once),
		TEST(test_answers_have_a_bound_each_and_together),
		TEST(test_a_listener_says_why_it_cannot_be),
		TEST(test_the_same_over_tls),
		TEST(test_who_does_not_speak_tls_is_counted_and_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
