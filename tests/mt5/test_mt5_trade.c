/* Signals through the expert: each act, each class of return code, what is refused and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "def/retcodes.h"
#include "mt5/desk.h"

#define OPEN                                                                                       \
	"act=open sd=buy sym=EURUSD vol=0.10 px=0 sl=1.08200 tp=1.08900 dev=20 ttl=29850 "         \
	"cm=strat7"

static int setup(void **state)
{
	(void)state;
	mt_reset(7);
	desk_reset();
	desk_run(1000);
	assert_int_equal(mt_start(), 0);
	desk_run(5000);
	assert_true(desk.welcomed);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mt_kill();
	desk_forget();
	return 0;
}

/* Exactly one final result, and its status. */
static const char *only_result(int64_t sid, const char *status)
{
	char parts[128], all[64];
	snprintf(parts, sizeof parts, "sid=%lld st=%s", (long long)sid, status);
	snprintf(all, sizeof all, "sid=%lld", (long long)sid);
	const char *line = desk_wait("R", parts, 40000);
	desk_run(3000);
	assert_int_equal(desk_heard("R", all), 1);
	return line;
}

static void test_an_open_is_received_executed_and_told_once(void **state)
{
	(void)state;
	int64_t down = desk_signal(101, OPEN);
	const char *ack = desk_wait("Y", "sid=101 st=rx", 200);
	assert_int_equal(atoll(desk_field(ack, "dn")), down);
	const char *line = only_result(101, "done");
	assert_string_equal(desk_field(line, "rc"), "10009");
	assert_string_equal(desk_field(line, "sym"), "EURUSD");
	assert_string_equal(desk_field(line, "sd"), "buy");
	assert_string_equal(desk_field(line, "vol"), "0.10");
	assert_string_equal(desk_field(line, "rq"), "1.08514");
	assert_string_equal(desk_field(line, "px"), "1.08514");
	assert_string_equal(desk_field(line, "slp"), "0.0");
	assert_string_equal(desk_field(line, "com"), "-0.35");
	assert_string_equal(desk_field(line, "try"), "1");
	assert_in_range(atoi(desk_field(line, "ex")), 100, 250);
	desk_wait("o", "ev=new sym=EURUSD sd=buy vol=0.10 mg=101", 1000);
	assert_int_equal(desk_heard("D", ""), 0);
	assert_int_equal(mt_positions(), 1);
}

static void test_slippage_is_positive_when_it_is_worse(void **state)
{
	(void)state;
	mt_latency(500);
	desk_signal(102, "act=open sd=buy sym=EURUSD vol=0.10 dev=50 ttl=9000");
	desk_run(200);
	mt_price("EURUSD", 1.08512, 1.08516);
	assert_string_equal(desk_field(only_result(102, "done"), "slp"), "2.0");
	desk_signal(103, "act=open sd=sell sym=EURUSD vol=0.10 dev=50 ttl=9000");
	desk_run(200);
	mt_price("EURUSD", 1.08515, 1.08519);
	assert_string_equal(desk_field(only_result(103, "done"), "slp"), "-3.0");
}

static void test_the_same_signal_again_is_a_dup_and_its_result_comes_again(void **state)
{
	(void)state;
	int64_t down = desk_signal(104, OPEN);
	only_result(104, "done");
	desk_say("G %lld sid=104 " OPEN, (long long)down);
	desk_wait("Y", "sid=104 st=dup", 200);
	desk_run(500);
	assert_int_equal(desk_heard("R", "sid=104 st=done"), 2);
	assert_int_equal(mt_requests(), 1);
}

static void test_a_position_is_closed_in_part_and_then_whole(void **state)
{
	char close[128];
	(void)state;
	desk_signal(110, OPEN);
	const char *opened = only_result(110, "done");
	snprintf(close, sizeof close, "act=close pos=%s vol=0.04 dev=20 ttl=9000",
		 desk_field(opened, "pos"));
	desk_signal(111, close);
	const char *line = only_result(111, "done");
	assert_string_equal(desk_field(line, "vol"), "0.04");
	assert_string_equal(desk_field(line, "sd"), "sell");
	assert_string_equal(desk_field(line, "pl"), "-0.16");
	desk_wait("o", "ev=mod vol=0.06", 2000);
	desk_signal(112, "act=close sym=EURUSD dev=20 ttl=9000");
	assert_string_equal(desk_field(only_result(112, "done"), "vol"), "0.06");
	desk_wait("o", "ev=del", 2000);
	assert_int_equal(mt_positions(), 0);
}

static void test_closing_what_is_closed_is_a_success(void **state)
{
	(void)state;
	desk_signal(113, "act=close pos=4711 ttl=9000");
	assert_string_equal(desk_field(only_result(113, "done"), "rc"), "10036");
	desk_signal(114, "act=modify pos=4711 sl=1.0 ttl=9000");
	assert_string_equal(desk_field(only_result(114, "fail"), "rc"), "10036");
	desk_signal(115, "act=cancel ord=4711 ttl=9000");
	assert_string_equal(desk_field(only_result(115, "fail"), "rc"), "10035");
}

static void test_stops_are_modified(void **state)
{
	char modify[128];
	(void)state;
	desk_signal(120, OPEN);
	snprintf(modify, sizeof modify, "act=modify pos=%s sl=1.08300 ttl=9000",
		 desk_field(only_result(120, "done"), "pos"));
	desk_signal(121, modify);
	only_result(121, "done");
	desk_wait("o", "ev=mod sl=1.08300 tp=1.08900", 2000);
}

static void test_pending_orders_are_placed_changed_and_cancelled(void **state)
{
	char fields[128];
	(void)state;
	desk_signal(130, "act=pend ty=limit sd=buy sym=EURUSD vol=0.10 px=1.07000 ttl=9000");
	const char *line = only_result(130, "done");
	assert_int_equal(mt_pending(), 1);
	const char *order = desk_field(line, "ord");
	snprintf(fields, sizeof fields, "act=modify ord=%s px=1.06000 ttl=9000", order);
	desk_signal(131, fields);
	only_result(131, "done");
	snprintf(fields, sizeof fields, "act=cancel ord=%s ttl=9000", order);
	desk_signal(132, fields);
	only_result(132, "done");
	assert_int_equal(mt_pending(), 0);
}

static void test_opposite_positions_close_each_other(void **state)
{
	char fields[128];
	(void)state;
	desk_signal(140, "act=open sd=buy sym=EURUSD vol=0.10 ttl=9000");
	const char *one = desk_field(only_result(140, "done"), "pos");
	desk_signal(141, "act=open sd=sell sym=EURUSD vol=0.10 ttl=9000");
	const char *other = desk_field(only_result(141, "done"), "pos");
	snprintf(fields, sizeof fields, "act=closeby pos=%s by=%s ttl=9000", one, other);
	desk_signal(142, fields);
	desk_wait("R", "sid=142 st=done", 9000);
	assert_int_equal(desk_heard("R", "sid=142 st=part"), 1);
	assert_int_equal(mt_positions(), 0);
}

static void test_closeall_tells_each_deal_and_one_end(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++)
		mt_open_by_hand(i % 3 ? "EURUSD" : "BTCUSD", i % 2 == 0, 0.10, 0, 0);
	desk_run(2000);
	assert_int_equal(desk_heard("D", "rs=client en=in"), 12);
	desk_signal(150, "act=closeall sym=EURUSD ttl=9000");
	desk_wait("R", "sid=150 st=done", 9000);
	assert_int_equal(desk_heard("R", "sid=150 st=part"), 8);
	assert_int_equal(mt_positions(), 4);
	desk_signal(151, "act=closeall ttl=9000");
	desk_wait("R", "sid=151 st=done", 9000);
	desk_run(2000);
	assert_int_equal(mt_positions(), 0);
	assert_int_equal(desk_heard("R", "sid=150 st=done"), 1);
	assert_int_equal(desk_heard("R", "sid=151 st=done"), 1);
}

static void test_a_partial_fill_is_told_and_the_rest_too(void **state)
{
	(void)state;
	mt_fate(MT_PARTS, 0);
	desk_signal(160, OPEN);
	desk_wait("R", "sid=160 st=part vol=0.05", 2500);
	desk_wait("R", "sid=160 st=done vol=0.05", 5000);
	desk_run(12000);
	assert_int_equal(desk_heard("R", "sid=160"), 2);

	mt_fate(MT_CUT, 0);
	desk_signal(161, OPEN);
	const char *line = only_result(161, "done");
	assert_string_equal(desk_field(line, "rc"), "10010");
	assert_string_equal(desk_field(line, "msg"), "0.05%20not%20executed");
}

static void test_requotes_are_followed_three_times_within_the_deviation(void **state)
{
	(void)state;
	mt_fate(MT_CODE, 10004);
	mt_fate(MT_CODE, 10020);
	desk_signal(170, OPEN);
	assert_string_equal(desk_field(only_result(170, "done"), "try"), "3");

	for (int i = 0; i < 4; i++)
		mt_fate(MT_CODE, 10004);
	desk_signal(171, OPEN);
	const char *line = only_result(171, "fail");
	assert_string_equal(desk_field(line, "rc"), "10004");
	assert_string_equal(desk_field(line, "try"), "4");

	mt_fate(MT_CODE, 10004);
	desk_signal(172, OPEN);
	desk_run(100);
	mt_price("EURUSD", 1.08600, 1.08604); /* 90 points; 20 are allowed */
	line = only_result(172, "fail");
	assert_string_equal(desk_field(line, "msg"), "the%20price%20left%20the%20deviation");
	assert_int_equal(mt_orders(172), 0);
}

static void test_every_final_code_fails_at_once_with_its_number(void **state)
{
	int64_t sid = 1000;
	char code[16];
	(void)state;
	for (size_t i = 0; i < retcode_count(); i++) {
		const struct retcode_row *row = retcode_row(i);
		if (row->class != RETCODE_FIN && row->class != RETCODE_CFG)
			continue;
		mt_fate(MT_CODE, row->code);
		desk_signal(++sid, OPEN);
		snprintf(code, sizeof code, "%d", row->code);
		const char *line = only_result(sid, "fail");
		assert_string_equal(desk_field(line, "rc"), code);
		assert_string_equal(desk_field(line, "try"), "1");
		assert_int_equal(mt_orders((uint64_t)sid), 0);
	}
	mt_fate(MT_CODE, 10019);
	desk_signal(++sid, OPEN);
	assert_string_equal(desk_field(only_result(sid, "fail"), "msg"), "No%20money");
}

static void test_every_code_that_waits_is_tried_again_after_its_wait(void **state)
{
	int64_t sid = 2000;
	(void)state;
	for (size_t i = 0; i < retcode_count(); i++) {
		const struct retcode_row *row = retcode_row(i);
		if (row->class != RETCODE_LATER)
			continue;
		mt_fate(MT_CODE, row->code);
		int64_t from = mt_now_ms();
		desk_signal(++sid, OPEN);
		char parts[64];
		snprintf(parts, sizeof parts, "sid=%lld st=done", (long long)sid);
		const char *line = desk_wait("R", parts, 9000);
		assert_string_equal(desk_field(line, "try"), "2");
		assert_in_range(mt_now_ms() - from, row->wait_ms, row->wait_ms + 700);
	}
	assert_true(sid > 2002);
}

static void test_too_many_requests_wait_one_two_four_seconds(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		mt_fate(MT_CODE, 10024);
	int64_t from = mt_now_ms();
	desk_signal(180, OPEN);
	desk_wait("R", "sid=180 st=done try=4", 12000);
	assert_in_range(mt_now_ms() - from, 7000, 8500);
}

static void test_a_wait_that_outlives_the_signal_fails(void **state)
{
	(void)state;
	for (int i = 0; i < 9; i++)
		mt_fate(MT_CODE, 10021);
	desk_signal(181, "act=open sd=buy sym=EURUSD vol=0.10 ttl=2500");
	assert_string_equal(desk_field(only_result(181, "fail"), "rc"), "10021");
}

static void test_the_next_filling_mode_is_tried_once(void **state)
{
	(void)state;
	mt_filling(2); /* IOC: chosen at once */
	desk_signal(182, OPEN);
	assert_string_equal(desk_field(only_result(182, "done"), "try"), "1");
	mt_filling(4); /* RETURN: neither bit, so chosen at once */
	desk_signal(183, OPEN);
	assert_string_equal(desk_field(only_result(183, "done"), "try"), "1");
	mt_filling(3);
	mt_fate(MT_CODE, 10030);
	desk_signal(184, OPEN);
	assert_string_equal(desk_field(only_result(184, "done"), "try"), "2");
	mt_fate(MT_CODE, 10030);
	mt_fate(MT_CODE, 10030);
	desk_signal(185, OPEN);
	assert_string_equal(desk_field(only_result(185, "fail"), "rc"), "10030");
}

static void test_no_changes_is_a_success(void **state)
{
	(void)state;
	mt_fate(MT_CODE, 10025);
	desk_signal(186, OPEN);
	assert_string_equal(desk_field(only_result(186, "done"), "rc"), "10025");
}

static void test_a_volume_larger_than_the_position_is_read_again_once(void **state)
{
	char fields[128];
	(void)state;
	desk_signal(187, OPEN);
	snprintf(fields, sizeof fields, "act=close pos=%s vol=0.50 ttl=9000",
		 desk_field(only_result(187, "done"), "pos"));
	desk_signal(188, fields);
	const char *line = only_result(188, "done");
	assert_string_equal(desk_field(line, "vol"), "0.10");
	assert_string_equal(desk_field(line, "try"), "2");
}

static void test_an_answer_that_never_comes_is_replaced_by_a_look(void **state)
{
	(void)state;
	mt_fate(MT_SILENT, 0);
	mt_no_events(true);
	desk_signal(190, OPEN);
	const char *line = only_result(190, "done");
	assert_string_equal(desk_field(line, "vol"), "0.10");
	assert_int_equal(mt_orders(190), 1);
}

static void test_a_timeout_that_was_executed_is_found_by_its_magic(void **state)
{
	(void)state;
	for (size_t i = 0; i < retcode_count(); i++) {
		const struct retcode_row *row = retcode_row(i);
		int64_t sid = 3000 + row->code;
		if (row->class != RETCODE_UNK)
			continue;
		mt_fate(MT_WRONGLY, row->code);
		desk_signal(sid, OPEN);
		only_result(sid, "done");
		assert_int_equal(mt_orders((uint64_t)sid), 1);
	}
}

static void test_an_order_without_a_trace_is_unknown_and_never_sent_again(void **state)
{
	(void)state;
	mt_fate(MT_LOST, 0);
	desk_signal(191, OPEN);
	desk_wait("R", "sid=191 st=unk", 11500);
	assert_int_equal(mt_requests(), 1);
	desk_run(60000);
	assert_int_equal(desk_heard("R", "sid=191"), 1);
	desk_run(250000);
	assert_int_equal(mt_requests(), 1);
	assert_int_equal(desk_heard("R", "sid=191 st=unk"), 2); /* the same again: it is final */
}

static void test_a_request_that_never_left_is_tried_again(void **state)
{
	(void)state;
	mt_fate(MT_UNSENT, 10031);
	desk_signal(192, OPEN);
	assert_string_equal(desk_field(only_result(192, "done"), "try"), "2");
	mt_fate(MT_UNSENT, 10027);
	desk_signal(193, OPEN);
	assert_string_equal(desk_field(only_result(193, "fail"), "rc"), "10027");
}

static void test_no_connection_is_proven_before_it_is_a_failure(void **state)
{
	(void)state;
	mt_fate(MT_CODE, 10031);
	desk_signal(194, OPEN);
	assert_string_equal(desk_field(only_result(194, "fail"), "rc"), "10031");
}

static void test_signals_expire_by_their_own_time(void **state)
{
	(void)state;
	desk_signal(200, "act=open sd=buy sym=EURUSD vol=0.10 ttl=0");
	desk_wait("Y", "sid=200 st=exp", 200);
	mt_link(false);
	desk_signal(201, "act=open sd=buy sym=EURUSD vol=0.10 ttl=3000");
	desk_wait("Y", "sid=201 st=rx", 200);
	only_result(201, "exp");
	mt_link(true);
	desk_run(10000);
	assert_int_equal(mt_requests(), 0);
}

static void test_signals_that_make_no_sense_are_bad(void **state)
{
	static const char *const bad[] = {
		"act=open sd=buy vol=0.10 ttl=9000",
		"act=open sd=up sym=EURUSD vol=0.10 ttl=9000",
		"act=open sd=buy sym=EURUSD vol=0 ttl=9000",
		"act=dance ttl=9000",
		"act=pend ty=limit sd=buy sym=EURUSD vol=0.1 ttl=9000",
		"act=pend ty=stop_limit sd=buy sym=EURUSD vol=0.1 px=1.1 ttl=9000",
		"act=closeby pos=1 ttl=9000",
		"act=cancel ttl=9000",
		"act=modify sl=1 ttl=9000",
	};
	char parts[32];
	(void)state;
	for (int i = 0; i < (int)(sizeof bad / sizeof bad[0]); i++) {
		desk_signal(210 + i, bad[i]);
		snprintf(parts, sizeof parts, "sid=%d st=bad", 210 + i);
		desk_wait("Y", parts, 200);
	}
	assert_int_equal(mt_requests(), 0);
	assert_int_equal(desk_heard("R", ""), 0);
}

static void test_the_rate_is_kept_and_a_throttle_lowers_it(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++)
		desk_signal(300 + i, "act=open sd=buy sym=EURUSD vol=0.01 ttl=60000");
	desk_run(1000);
	assert_in_range(mt_requests(), 9, 11);
	desk_run(1000);
	assert_in_range(atoi(desk_field(desk_last("S", ""), "q")), 15, 30);
	desk_command(1, "op=throttle rate=2 for=5000");
	desk_run(200);
	int before = mt_requests();
	desk_run(4000);
	assert_in_range(mt_requests() - before, 7, 9);
	desk_run(4000); /* the throttle is over */
	assert_int_equal(mt_requests(), 40);
}

static void test_stop_takes_nothing_more_and_flat_closes_what_is_open(void **state)
{
	(void)state;
	desk_signal(400, OPEN);
	desk_wait("R", "sid=400 st=done", 2000);
	mt_open_by_hand("BTCUSD", true, 0.5, 0, 0);
	desk_run(1000);
	desk_command(2, "op=stop flat=1");
	desk_wait("Y", "cid=2 st=ok", 200);
	desk_run(3000);
	assert_int_equal(mt_positions(), 0);
	assert_int_equal(desk_heard("D", "en=out rs=expert"), 2);
	desk_signal(401, OPEN);
	desk_wait("Y", "sid=401 st=stop", 200);
	mt_unload(5);
	assert_int_equal(mt_start(), 0);
	desk_run(5000);
	desk_signal(402, OPEN); /* a reload is no start */
	desk_wait("Y", "sid=402 st=stop", 200);
	desk_command(3, "op=start");
	desk_signal(403, OPEN);
	only_result(403, "done");
}

static void test_a_full_disk_takes_no_signals(void **state)
{
	(void)state;
	mt_disk_full(true);
	desk_signal(410, OPEN);
	desk_wait("Y", "sid=410 st=busy", 200);
	mt_disk_full(false);
	desk_signal(410, OPEN);
	only_result(410, "done");
}

static void test_a_weir_that_makes_nothing_durable_gets_busy_and_loses_nothing(void **state)
{
	char parts[32];
	int busy = 0, left = 0;
	(void)state;
	desk.no_ack = true;
	for (int i = 0; i < 1100; i++) {
		desk_signal(500 + i, "act=dance ttl=9000");
		if (i % 10 == 9)
			desk_step();
	}
	desk_run(3000);
	for (int i = 0; i < 1100; i++) {
		snprintf(parts, sizeof parts, "sid=%d st=busy", 500 + i);
		busy += desk_heard("Y", parts);
		snprintf(parts, sizeof parts, "sid=%d", 500 + i);
		left += desk_heard("Y", parts) == 0;
	}
	assert_in_range(busy, 100, 128);
	assert_in_range(left, 1, 200); /* no room for an answer: weir sends them again */
	desk.no_ack = false;
	desk_forget();
	mt_cut();
	desk_run(5000);
	assert_int_equal(desk_heard("Y", ""), 1100 - left);
	assert_int_equal(atoi(desk_field(desk_last("H", ""), "dn")), 88124 + 1100 - left - 1);
}

static void test_netting_reduces_and_closes_by_the_identifier(void **state)
{
	(void)state;
	mt_netting();
	desk_signal(600, "act=open sd=buy sym=EURUSD vol=0.30 ttl=9000");
	only_result(600, "done");
	desk_signal(601, "act=open sd=sell sym=EURUSD vol=0.10 ttl=9000");
	only_result(601, "done");
	desk_wait("o", "ev=mod vol=0.20", 2000);
	desk_signal(602, "act=close sym=EURUSD ttl=9000");
	assert_string_equal(desk_field(only_result(602, "done"), "vol"), "0.20");
	assert_int_equal(mt_positions(), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_an_open_is_received_executed_and_told_once),
		T(test_slippage_is_positive_when_it_is_worse),
		T(test_the_same_signal_again_is_a_dup_and_its_result_comes_again),
		T(test_a_position_is_closed_in_part_and_then_whole),
		T(test_closing_what_is_closed_is_a_success),
		T(test_stops_are_modified),
		T(test_pending_orders_are_placed_changed_and_cancelled),
		T(test_opposite_positions_close_each_other),
		T(test_closeall_tells_each_deal_and_one_end),
		T(test_a_partial_fill_is_told_and_the_rest_too),
		T(test_requotes_are_followed_three_times_within_the_deviation),
		T(test_every_final_code_fails_at_once_with_its_number),
		T(test_every_code_that_waits_is_tried_again_after_its_wait),
		T(test_too_many_requests_wait_one_two_four_seconds),
		T(test_a_wait_that_outlives_the_signal_fails),
		T(test_the_next_filling_mode_is_tried_once),
		T(test_no_changes_is_a_success),
		T(test_a_volume_larger_than_the_position_is_read_again_once),
		T(test_an_answer_that_never_comes_is_replaced_by_a_look),
		T(test_a_timeout_that_was_executed_is_found_by_its_magic),
		T(test_an_order_without_a_trace_is_unknown_and_never_sent_again),
		T(test_a_request_that_never_left_is_tried_again),
		T(test_no_connection_is_proven_before_it_is_a_failure),
		T(test_signals_expire_by_their_own_time),
		T(test_signals_that_make_no_sense_are_bad),
		T(test_the_rate_is_kept_and_a_throttle_lowers_it),
		T(test_stop_takes_nothing_more_and_flat_closes_what_is_open),
		T(test_a_full_disk_takes_no_signals),
		T(test_a_weir_that_makes_nothing_durable_gets_busy_and_loses_nothing),
		T(test_netting_reduces_and_closes_by_the_identifier),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
