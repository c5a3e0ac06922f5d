/* Lines through TLS, over sockets on both ends, and TLS that does not come about. */
#include "line_ends.h"

static void test_lines_go_both_ways_through_tls(void **state)
{
	struct world *world = *state;
	open_server(world, true, (struct line_server_config){ 0 });
	open_dialer(world, world->files.ca, NULL, (struct line_dialer_config){ 0 });
	talk(world, "127.0.0.1");
	assert_true(line_server_stats(world->server)->bytes_in > 300);
}

static void test_tls_checks_the_name_that_was_dialled(void **state)
{
	struct world *world = *state;
	open_server(world, true, (struct line_server_config){ 0 });
	open_dialer(world, world->files.ca, NULL, (struct line_dialer_config){ 0 });
	talk(world, "localhost");
}

static void test_a_thumbprint_is_enough_for_tls(void **state)
{
	struct world *world = *state;
	open_server(world, true, (struct line_server_config){ 0 });
	open_dialer(world, NULL, world->thumbprint, (struct line_dialer_config){ 0 });
	talk(world, "127.0.0.1");
}

static void test_a_flood_with_pauses_arrives_in_order_through_tls(void **state)
{
	struct world *world = *state;
	open_server(world, true, (struct line_server_config){ .line_bytes_max = 4096 });
	open_dialer(world, world->files.ca, NULL, (struct line_dialer_config){ 0 });
	flood(world);
}

static void test_a_long_line_is_answered_through_tls(void **state)
{
	struct world *world = *state;
	static char line[100000];
	memset(line, 'x', sizeof line);
	open_server(world, true,
		    (struct line_server_config){ .line_bytes_max = 4096,
						 .too_long_answer = STR("E 0 code=frame\n") });
	open_dialer(world, world->files.ca, NULL, (struct line_dialer_config){ 0 });
	dial(world, "127.0.0.1", line_server_port(world->server));
	turn_until(world, &world->dialled.opened, 1);
	assert_int_equal(
	    world->dialled.conn->ops->send(world->dialled.conn, str_make(line, sizeof line)),
	    STATUS_OK);
	turn_until(world, &world->dialled.closed, 1);
	turn_until(world, &world->served.closed, 1);
	assert_string_equal(world->dialled.text, "E 0 code=frame|");
	assert_int_equal(world->dialled.why, STATUS_OK);
	assert_int_equal(world->served.why, STATUS_RANGE);
}

static void test_a_slow_reader_is_cut_through_tls(void **state)
{
	struct world *world = *state;
	static char block[10000];
	enum status status = STATUS_OK;
	memset(block, 'x', sizeof block);
	block[sizeof block - 1] = '\n';
	open_server(world, true, (struct line_server_config){ .outgoing_bytes_max = 100000 });
	open_dialer(world, world->files.ca, NULL, (struct line_dialer_config){ 0 });
	dial(world, "127.0.0.1", line_server_port(world->server));
	turn_until(world, &world->served.opened, 1);
	turn_until(world, &world->dialled.opened, 1);
	world->dialled.conn->ops->pause(world->dialled.conn, true);
	for (int i = 0; i < 5000 && status == STATUS_OK; i++) {
		status = world->served.conn->ops->send(world->served.conn,
						       str_make(block, sizeof block));
		loop_turn(world->loop, 0);
	}
	assert_int_equal(status, STATUS_FULL);
	turn_until(world, &world->served.closed, 1);
	assert_int_equal(world->served.why, STATUS_FULL);
	assert_int_equal(line_server_stats(world->server)->slow_readers, 1);
	world->dialled.conn->ops->pause(world->dialled.conn, false);
}

static void test_closing_a_server_ends_what_it_accepted(void **state)
{
	struct world *world = *state;
	bool done = false;
	open_server(world, true, (struct line_server_config){ 0 });
	open_dialer(world, world->files.ca, NULL, (struct line_dialer_config){ 0 });
	dial(world, "127.0.0.1", line_server_port(world->server));
	turn_until(world, &world->dialled.opened, 1);
	turn_until(world, &world->served.opened, 1);
	line_server_close(world->server, set_flag, &done);
	world->server = NULL;
	assert_true(loop_turn_until(world->loop, &done, patience_ns));
	assert_int_equal(world->served.why, STATUS_CANCELLED);
	turn_until(world, &world->dialled.closed, 1);
}

/* ---- TLS that does not come about ---- */

static void test_a_wrong_thumbprint_ends_both_sides(void **state)
{
	struct world *world = *state;
	const int *open = &world->dialled.closed;
	world->thumbprint[0] = world->thumbprint[0] == '0' ? '1' : '0';
	open_server(world, true, (struct line_server_config){ 0 });
	open_dialer(world, NULL, world->thumbprint, (struct line_dialer_config){ 0 });
	dial(world, "127.0.0.1", line_server_port(world->server));
	turn_until(world, open, 1);
	assert_problem(world, STATUS_REFUSED, "127.0.0.1: TLS: the certificate's thumbprint");
	while (line_server_stats(world->server)->open)
		loop_turn(world->loop, 10000000);
	assert_int_equal(world->served.opened, 0);
	assert_int_equal(line_server_stats(world->server)->tls_failed, 1);
	assert_int_equal(line_dialer_stats(world->dialer)->tls_failed, 1);
}

static void test_a_plain_client_of_a_tls_port_ends_with_one_count(void **state)
{
	struct world *world = *state;
	open_server(world, true, (struct line_server_config){ 0 });
	open_dialer(world, NULL, NULL, (struct line_dialer_config){ 0 });
	dial(world, "127.0.0.1", line_server_port(world->server));
	turn_until(world, &world->dialled.opened, 1);
	assert_int_equal(
	    world->dialled.conn->ops->send(world->dialled.conn, STR("H 0 v=1 id=mt5-017\n")),
	    STATUS_OK);
	turn_until(world, &world->dialled.closed, 1);
	const struct line_stats *stats = line_server_stats(world->server);
	assert_int_equal(world->served.opened, 0);
	assert_int_equal(world->dialled.lines, 0);
	assert_int_equal(stats->not_tls, 1);
	assert_int_equal(stats->tls_failed + stats->tls_late, 0);
}

static void test_a_client_that_waits_for_a_banner_of_a_tls_port_is_late(void **state)
{
	struct world *world = *state;
	open_server(world, true, (struct line_server_config){ .handshake_timeout_ns = 30000000 });
	open_dialer(world, NULL, NULL, (struct line_dialer_config){ 0 });
	dial(world, "127.0.0.1", line_server_port(world->server));
	turn_until(world, &world->dialled.closed, 1);
	const struct line_stats *stats = line_server_stats(world->server);
	assert_int_equal(world->served.opened, 0);
	assert_int_equal(stats->tls_late, 1);
	assert_int_equal(stats->tls_failed + stats->not_tls, 0);
}

static void test_tls_to_a_plain_port_says_what_is_wrong(void **state)
{
	struct world *world = *state;
	open_server(world, false, (struct line_server_config){ 0 });
	open_dialer(world, world->files.ca, NULL, (struct line_dialer_config){ 0 });
	dial(world, "127.0.0.1", line_server_port(world->server));
	turn_until(world, &world->served.opened, 1);
	assert_int_equal(
	    world->served.conn->ops->send(world->served.conn, STR("B 0 v=1 srv=weir\n")),
	    STATUS_OK);
	turn_until(world, &world->dialled.closed, 1);
	assert_problem(world, STATUS_FORMAT, "127.0.0.1: TLS: the other end does not speak it");
	assert_int_equal(line_dialer_stats(world->dialer)->not_tls, 1);
}

static void test_tls_to_a_silent_port_is_late(void **state)
{
	struct world *world = *state;
	open_server(world, false, (struct line_server_config){ 0 });
	open_dialer(world, world->files.ca, NULL,
		    (struct line_dialer_config){ .handshake_timeout_ns = 30000000 });
	dial(world, "127.0.0.1", line_server_port(world->server));
	turn_until(world, &world->dialled.closed, 1);
	assert_problem(world, STATUS_TIMEOUT, "took too long");
	assert_int_equal(line_dialer_stats(world->dialer)->tls_late, 1);
}

static void test_a_server_without_its_key_does_not_open(void **state)
{
	struct world *world = *state;
	struct line_server_config config = { .host = "127.0.0.1",
					     .cert_file = world->files.cert,
					     .key_file = "/nowhere.pem" };
	assert_int_equal(line_server_open(world->loop, &config, &world->server, &world->err),
			 STATUS_NOT_FOUND);
	assert_non_null(strstr(world->err.text, "/nowhere.pem"));
	assert_null(world->server);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(test_lines_go_both_ways_through_tls),
		WORLD(test_tls_checks_the_name_that_was_dialled),
		WORLD(test_a_thumbprint_is_enough_for_tls),
		WORLD(test_a_flood_with_pauses_arrives_in_order_through_tls),
		WORLD(test_a_long_line_is_answered_through_tls),
		WORLD(test_a_slow_reader_is_cut_through_tls),
		WORLD(test_closing_a_server_ends_what_it_accepted),
		WORLD(test_a_wrong_thumbprint_ends_both_sides),
		WORLD(test_a_plain_client_of_a_tls_port_ends_with_one_count),
		WORLD(test_a_client_that_waits_for_a_banner_of_a_tls_port_is_late),
		WORLD(test_tls_to_a_plain_port_says_what_is_wrong),
		WORLD(test_tls_to_a_silent_port_is_late),
		WORLD(test_a_server_without_its_key_does_not_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
