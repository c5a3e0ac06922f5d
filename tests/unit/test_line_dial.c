/* Dialled lines against a server of lines: both ends of every way a connection can
 * begin, talk and end. */
#include "line_ends.h"

/* ---- talking ---- */

static void test_lines_go_both_ways(void **state)
{
	struct world *world = *state;
	open_server(world, false, (struct line_server_config){ 0 });
	open_dialer(world, NULL, NULL, (struct line_dialer_config){ 0 });
	talk(world, "127.0.0.1");
	assert_int_equal(line_dialer_stats(world->dialer)->accepted, 1);
	assert_int_equal(line_dialer_stats(world->dialer)->bytes_out, 16);
	assert_int_equal(line_server_stats(world->server)->bytes_in, 16);
}

static void test_the_addresses_of_a_name_are_tried_in_turn(void **state)
{
	struct world *world = *state;
	open_server(world, false, (struct line_server_config){ 0 });
	open_dialer(world, NULL, NULL, (struct line_dialer_config){ 0 });
	talk(world, "two.test");
	assert_int_equal(line_dialer_stats(world->dialer)->not_reached, 0);
}

static void test_a_flood_with_pauses_arrives_in_order(void **state)
{
	struct world *world = *state;
	open_server(world, false, (struct line_server_config){ .line_bytes_max = 4096 });
	open_dialer(world, NULL, NULL, (struct line_dialer_config){ 0 });
	flood(world);
}

static void check_tcp(uv_handle_t *handle, void *ctx)
{
	int *seen = ctx, fd, on = 0, idle = 0, delay = 0, listens = 0;
	socklen_t size = sizeof on;
	if (uv_handle_get_type(handle) != UV_TCP || uv_fileno(handle, &fd))
		return;
	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
	if (listens)
		return;
	getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &delay, &size);
	getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &size);
	getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &size);
	assert_int_equal(delay, 1);
	assert_int_equal(on, 1);
	assert_int_equal(idle, 30);
	(*seen)++;
}

static void test_both_ends_send_at_once_and_ask_after_30_s(void **state)
{
	struct world *world = *state;
	int seen = 0;
	open_server(world, false, (struct line_server_config){ 0 });
	open_dialer(world, NULL, NULL, (struct line_dialer_config){ 0 });
	dial(world, "127.0.0.1", line_server_port(world->server));
	turn_until(world, &world->dialled.opened, 1);
	turn_until(world, &world->served.opened, 1);
	uv_walk(loop_uv(world->loop), check_tcp, &seen);
	assert_int_equal(seen, 2);
}

/* ---- not beginning ---- */

/* A port of 127.0.0.1 that is taken and where nobody listens. */
static int hold_port(uint16_t *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void test_nobody_listens(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "two.test" };
	struct world *world = *state;
	uint16_t port;
	char where[40];
	int fd = hold_port(&port);
	snprintf(where, sizeof where, "port %u", port);
	open_dialer(world, NULL, NULL, (struct line_dialer_config){ 0 });
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		world->dialled = (struct end){ .is_dial = true, .loop = world->loop };
		dial(world, hosts[i], port);
		turn_until(world, &world->dialled.closed, 1);
		assert_problem(world, STATUS_REFUSED, where);
		assert_int_equal(line_dialer_stats(world->dialer)->not_reached, i + 1);
	}
	assert_int_equal(line_dialer_stats(world->dialer)->open, 0);
	close(fd);
}

static void test_a_name_that_is_not_known_is_not_found(void **state)
{
	struct world *world = *state;
	char name[400]; /* none at all */
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = 0;
	open_dialer(world, NULL, NULL, (struct line_dialer_config){ 0 });
	dial(world, "none.test", 7410);
	turn_until(world, &world->dialled.closed, 1);
	assert_problem(world, STATUS_NOT_FOUND, "none.test: name not found");
	world->dialled = (struct end){ .is_dial = true, .loop = world->loop };
	dial(world, name, 7410);
	turn_until(world, &world->dialled.closed, 1);
	assert_problem(world, STATUS_NOT_FOUND, "xxx");
}

/* A listener whose queue is full answers nothing. */
static void test_connecting_has_its_time(void **state)
{
	struct world *world = *state;
	uint16_t port;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int waiting[4], fd = hold_port(&port);
	address.sin_port = htons(port);
	assert_int_equal(listen(fd, 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (connect(waiting[i], (struct sockaddr *)&address, sizeof address))
			assert_int_equal(errno, EINPROGRESS);
	}
	open_dialer(world, NULL, NULL,
		    (struct line_dialer_config){ .connect_timeout_ns = 50000000 });
	dial(world, "127.0.0.1", port);
	turn_until(world, &world->dialled.closed, 1);
	assert_problem(world, STATUS_TIMEOUT, "127.0.0.1");
	for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
		close(waiting[i]);
	close(fd);
}

static void test_a_dial_may_be_closed_before_it_is_open(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", "two.test" };
	struct world *world = *state;
	open_server(world, true, (struct line_server_config){ 0 });
	open_dialer(world, NULL, world->thumbprint, (struct line_dialer_config){ 0 });
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		for (int turns = 0; turns < 6; turns++) { /* looking, connecting, shaking hands */
			world->dialled = (struct end){ .is_dial = true, .loop = world->loop };
			dial(world, hosts[i], line_server_port(world->server));
			for (int k = 0; k < turns; k++)
				loop_turn(world->loop, 0);
			struct line_conn *conn = world->dialled.conn;
			enum status expected = world->dialled.opened ? STATUS_OK : STATUS_CANCELLED;
			if (!world->dialled.opened)
				assert_int_equal(conn->ops->send(conn, STR("early\n")),
						 STATUS_CLOSED);
			conn->ops->close(conn);
			conn->ops->close(conn);
			turn_until(world, &world->dialled.closed, 1);
			assert_int_equal(world->dialled.why, expected);
			assert_string_equal(world->dialled.problem, "");
		}
	}
	world->dialled = (struct end){ .is_dial = true, .loop = world->loop };
	dial(world, "localhost", line_server_port(world->server)); /* the teardown ends it */
}

static void test_a_dial_may_be_paused_before_it_is_open(void **state)
{
	struct world *world = *state;
	open_server(world, false, (struct line_server_config){ 0 });
	open_dialer(world, NULL, NULL, (struct line_dialer_config){ 0 });
	dial(world, "127.0.0.1", line_server_port(world->server));
	world->dialled.conn->ops->pause(world->dialled.conn, true);
	turn_until(world, &world->dialled.opened, 1);
	turn_until(world, &world->served.opened, 1);
	assert_int_equal(world->served.conn->ops->send(world->served.conn, STR("one\n")),
			 STATUS_OK);
	for (int i = 0; i < 10; i++)
		loop_turn(world->loop, 0);
	assert_int_equal(world->dialled.lines, 0);
	world->dialled.conn->ops->pause(world->dialled.conn, false);
	turn_until(world, &world->dialled.lines, 1);
}

static void test_an_owner_may_refuse_what_it_dialled(void **state)
{
	struct world *world = *state;
	open_server(world, false, (struct line_server_config){ 0 });
	open_dialer(world, NULL, NULL, (struct line_dialer_config){ 0 });
	world->dialled.refuses = true;
	dial(world, "127.0.0.1", line_server_port(world->server));
	turn_until(world, &world->dialled.closed, 1);
	assert_int_equal(world->dialled.why, STATUS_REFUSED);
	assert_int_equal(world->dialled.opened, 1);
	assert_int_equal(line_dialer_stats(world->dialer)->refused, 1);
}

static void test_dials_are_bounded(void **state)
{
	struct world *world = *state;
	struct line_conn *conn;
	open_server(world, false, (struct line_server_config){ 0 });
	open_dialer(world, NULL, NULL, (struct line_dialer_config){ .connections_max = 1 });
	dial(world, "127.0.0.1", line_server_port(world->server));
	assert_int_equal(line_dial(world->dialer, "127.0.0.1", 1, NULL, &conn), STATUS_FULL);
	assert_int_equal(line_dialer_stats(world->dialer)->over_limit, 1);
	turn_until(world, &world->dialled.opened, 1);
}

/* ---- ending ---- */

/* The owner has its end at once; what is left of the connection is nobody's. */
static void test_an_end_does_not_wait_for_the_other_side(void **state)
{
	struct world *world = *state;
	open_server(world, false, (struct line_server_config){ 0 });
	open_dialer(world, NULL, NULL, (struct line_dialer_config){ 0 });
	dial(world, "127.0.0.1", line_server_port(world->server));
	turn_until(world, &world->dialled.opened, 1);
	turn_until(world, &world->served.opened, 1);
	world->dialled.conn->ops->pause(world->dialled.conn, true); /* sees no end */
	world->served.conn->ops->close(world->served.conn);
	loop_turn(world->loop, 0);
	assert_int_equal(world->served.closed, 1);
	assert_int_equal(line_server_stats(world->server)->open, 1);
	int64_t began_ns = loop_precise_ns();
	while (line_server_stats(world->server)->open && loop_precise_ns() - began_ns < patience_ns)
		loop_turn(world->loop, 100000000);
	assert_int_equal(line_server_stats(world->server)->open, 0);
	assert_true(loop_precise_ns() - began_ns >= 1900000000);
	assert_int_equal(world->served.closed, 1);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(test_lines_go_both_ways),
		WORLD(test_the_addresses_of_a_name_are_tried_in_turn),
		WORLD(test_a_flood_with_pauses_arrives_in_order),
		WORLD(test_both_ends_send_at_once_and_ask_after_30_s),
		WORLD(test_nobody_listens),
		WORLD(test_a_name_that_is_not_known_is_not_found),
		WORLD(test_connecting_has_its_time),
		WORLD(test_a_dial_may_be_closed_before_it_is_open),
		WORLD(test_a_dial_may_be_paused_before_it_is_open),
		WORLD(test_an_owner_may_refuse_what_it_dialled),
		WORLD(test_dials_are_bounded),
		WORLD(test_an_end_does_not_wait_for_the_other_side),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
