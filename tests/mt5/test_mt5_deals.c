/* The account's deals: each is durable at weir once in the end, by R or by D, whatever waits and
 * whatever dies. W tells the expert the newest deal that weir has and nothing else, so the order
 * of the frames is what saves the older ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mt5/desk.h"

#define OPEN "act=open sd=buy sym=EURUSD vol=0.10 dev=20 ttl=20000"

static void start(void)
{
	desk.welcomed = false;
	assert_int_equal(mt_start(), 0);
	desk_run(5300); /* between two of the journal's seconds */
	assert_true(desk.welcomed);
}

static int setup(void **state)
{
	(void)state;
	mt_reset(5);
	desk_reset();
	desk_run(1000);
	start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mt_kill();
	desk_forget();
	return 0;
}

/* Deals without positions: in great number they would be all that the wire carries. */
static void pay_in(int deals)
{
	for (int i = 0; i < deals; i++) {
		mt_balance(1);
		if (i % 40 == 39)
			desk_run(50);
	}
	desk_run(500);
}

/* Connects again, takes so many frames as durable and lets the terminal die. */
static void die_after(int64_t frames)
{
	desk.no_ack = false;
	desk.durable_most = desk.up + frames;
	mt_cut();
	for (int i = 0; i < 400 && !desk.no_ack; i++)
		desk_step();
	assert_true(desk.no_ack);
	mt_kill();
	desk.no_ack = false;
	desk.durable_most = 0;
	desk_run(2000);
}

/* Frames with deals that are not durable are in the order of their deals. */
static void check_order(void)
{
	unsigned long long last = 0;
	for (size_t i = 0; i < desk.count; i++) {
		const char *deal = desk_field(desk.lines[i], "deal");
		if (!*deal)
			continue;
		assert_true(strtoull(deal, NULL, 10) > last);
		last = strtoull(deal, NULL, 10);
	}
}

static void test_a_result_waits_for_older_deals_and_one_without_a_deal_does_not(void **state)
{
	(void)state;
	desk.no_ack = true;
	pay_in(900); /* more than the outbox takes */
	desk_signal(100, OPEN);
	desk_signal(101, "act=cancel ord=1 ttl=9000");
	desk_run(15000);
	assert_int_equal(mt_orders(100), 1);
	assert_int_equal(desk_heard("R", "sid=100"), 0);
	assert_int_equal(desk_heard("R", "sid=101 st=fail"), 1);
	desk_forget();
	desk.no_ack = false;
	mt_cut();
	desk_run(10000);
	assert_int_equal(desk_heard("D", ""), 900);
	assert_int_equal(desk_heard("R", "sid=100 st=done"), 1);
	check_order();
	desk_check_deals();
}

static void test_deals_that_wait_survive_a_crash_after_a_newer_result(void **state)
{
	for (int64_t durable = 1; durable < 1100; durable += 90) {
		setup(state);
		desk.no_ack = true;
		pay_in(1000);
		desk_signal(100, OPEN);
		desk_run(2000);
		pay_in(100);
		die_after(durable);
		start();
		desk_run(20000);
		assert_int_equal(mt_orders(100), 1);
		assert_int_equal(desk_heard("R", "sid=100 st=fail"), 0);
		desk_check_deals();
		teardown(state);
	}
}

/* Three deals, a result, three deals: all in the outbox when the terminal dies, twice. */
static void test_a_result_of_the_journal_waits_for_the_deals_before_it(void **state)
{
	for (int64_t durable = 1; durable < 8; durable++)
		for (int64_t then = 1; then < 5; then++) {
			setup(state);
			desk.no_ack = true;
			pay_in(3);
			desk_signal(100, OPEN);
			desk_run(2000);
			assert_int_equal(desk_heard("R", "sid=100 st=done"), 1);
			pay_in(3);
			die_after(durable);
			desk.durable_most = then;
			start();
			mt_kill();
			desk.durable_most = 0;
			desk.no_ack = false;
			start();
			desk_run(5000);
			desk_check_deals();
			teardown(state);
		}
}

static void test_results_of_the_journal_wait_for_the_broker(void **state)
{
	(void)state;
	desk.no_ack = true;
	mt_open_by_hand("EURUSD", true, 0.10, 0, 0);
	desk_signal(100, OPEN);
	desk_wait("R", "sid=100 st=done", 2000);
	mt_kill();
	mt_link(false);
	desk_forget();
	desk.no_ack = false;
	start();
	assert_int_equal(desk_heard("R", ""), 0); /* what is older, nobody knows */
	mt_link(true);
	desk_run(10000);
	check_order();
	desk_check_deals();
}

/* Without W nobody knows what is older and not told. */
static void test_nothing_with_a_deal_is_queued_before_the_welcome(void **state)
{
	(void)state;
	pay_in(5);
	desk.no_ack = true;
	pay_in(5);
	desk_signal(100, OPEN);
	desk_run(100);
	mt_kill();
	desk.no_ack = false;
	desk.mute = true;
	desk_forget();
	assert_int_equal(mt_start(), 0);
	desk_run(10000);
	assert_int_equal(mt_orders(100), 1);
	desk.mute = false;
	mt_cut();
	desk_run(30000);
	assert_int_equal(desk_heard("R", "sid=100 st=done"), 1);
	check_order();
	desk_check_deals();
}

static void test_results_are_told_in_the_order_of_their_deals(void **state)
{
	(void)state;
	desk.rate = 100;
	mt_cut();
	desk_run(3000);
	mt_latency(1000);
	mt_no_events(true);
	for (int i = 0; i < 30; i++) {
		desk_signal(100 + i, OPEN);
		mt_open_by_hand("BTCUSD", true, 0.01, 0, 0);
		desk_step();
	}
	desk_run(15000);
	assert_int_equal(desk_heard("R", "st=done"), 30);
	assert_int_equal(desk_heard("D", ""), 30);
	check_order();
	desk_check_deals();
}

static void test_a_fill_that_others_wait_for_is_told_at_once(void **state)
{
	(void)state;
	mt_fate(MT_PARTS, 0);
	desk_signal(100, OPEN);
	desk_run(300);
	assert_int_equal(mt_deals(), 1);
	assert_int_equal(desk_heard("R", ""), 0); /* its rest may come soon */
	mt_open_by_hand("BTCUSD", true, 0.01, 0, 0);
	desk_run(150);
	assert_int_equal(desk_heard("R", "sid=100 st=part"), 1);
	assert_int_equal(desk_heard("D", ""), 1);
	desk_run(5000);
	assert_int_equal(desk_heard("R", "sid=100"), 2);
	check_order();
	desk_check_deals();
}

static void test_the_legs_of_a_closeall_survive_a_crash_in_their_order(void **state)
{
	for (int64_t durable = 1; durable < 24; durable += 2) {
		setup(state);
		for (int i = 0; i < 12; i++)
			mt_open_by_hand("EURUSD", i % 2 == 0, 0.10, 0, 0);
		desk_run(1000);
		desk.no_ack = true;
		desk_signal(100, "act=closeall ttl=60000");
		desk_run(500); /* some legs are done, some are not sent */
		mt_balance(5);
		mt_no_events(true);
		desk_run(200);
		mt_balance(5);
		mt_no_events(false);
		desk_run(200);
		die_after(durable < 6 ? durable : 6);
		start();
		desk_run(durable * 100);
		mt_kill();
		start();
		desk_run(60000);
		assert_int_equal(mt_positions(), 0);
		desk_check_deals();
		teardown(state);
	}
}

static void test_a_part_that_was_told_before_a_crash_counts_after_it(void **state)
{
	(void)state;
	mt_fate(MT_PARTS, 0);
	desk_signal(100, OPEN);
	desk_wait("R", "sid=100 st=part vol=0.05", 2500);
	mt_kill();
	desk_run(3000);
	start();
	const char *line = desk_wait("R", "sid=100 st=done vol=0.05", 15000);
	assert_string_equal(desk_field(line, "rc"), "10009");
	assert_string_equal(desk_field(line, "msg"), "");
	desk_check_deals();
}

static void test_an_order_of_an_odd_state_holds_nothing_up_for_long(void **state)
{
	(void)state;
	mt_fate(MT_HALF, 0);
	desk_signal(100, OPEN);
	desk_run(1000);
	mt_open_by_hand("BTCUSD", true, 0.01, 0, 0);
	desk_run(500);
	assert_int_equal(desk_heard("D", ""), 0);
	const char *line = desk_wait("R", "sid=100 st=done", 12000);
	assert_string_equal(desk_field(line, "rc"), "10010");
	desk_wait("D", "sym=BTCUSD", 200);
	check_order();
	desk_check_deals();
}

/* ---- what comes late into the history ---- */

static void test_a_deal_that_comes_late_is_found_by_the_comparison(void **state)
{
	(void)state;
	mt_no_events(true);
	mt_hide_deal(160000);
	mt_open_by_hand("EURUSD", true, 0.10, 0, 0);
	desk_run(155000);
	mt_no_events(false);
	mt_open_by_hand("BTCUSD", true, 0.01, 0, 0);
	desk_wait("D", "sym=BTCUSD", 500);
	desk_run(4000);
	assert_int_equal(desk_heard("D", ""), 1);
	desk_wait("D", "sym=EURUSD", 61000);
	desk_run(130000);
	assert_int_equal(desk_heard("D", ""), 2);
	desk_check_deals();
}

static void test_more_deals_than_are_remembered_come_once(void **state)
{
	(void)state;
	mt_link(false);
	desk_run(500);
	for (int i = 0; i < 2600; i++)
		mt_balance(1);
	mt_link(true);
	desk_run(130000);
	assert_int_equal(desk_heard("D", ""), 2600);
	desk_check_deals();
}

static void test_a_deal_whose_event_comes_after_newer_ones_is_told_at_once(void **state)
{
	(void)state;
	mt_no_events(true);
	mt_hide_deal(1000);
	mt_open_by_hand("EURUSD", true, 0.10, 0, 0);
	mt_no_events(false);
	mt_open_by_hand("BTCUSD", true, 0.01, 0, 0);
	desk_run(2000);
	assert_int_equal(desk_heard("D", ""), 1);
	mt_tell_deal(0);
	desk_wait("D", "sym=EURUSD", 100);
	desk_check_deals();
}

/* ---- what the journal must hold when the process ends ---- */

static void test_a_signal_is_on_the_disk_when_its_acknowledgement_leaves(void **state)
{
	(void)state;
	mt_link(false);
	desk_signal(100, "act=open sd=buy sym=EURUSD vol=0.10 ttl=3000");
	desk_step();
	desk_wait("Y", "sid=100 st=rx", 0);
	mt_kill(); /* before the journal's next second; weir does not send it again */
	desk_run(5000);
	mt_link(true);
	start();
	desk_wait("R", "sid=100 st=exp", 0);
}

static void test_an_order_is_on_the_disk_before_it_leaves(void **state)
{
	(void)state;
	mt_latency(9000);
	desk_signal(100, OPEN);
	while (mt_requests() == 0)
		desk_step();
	mt_kill();
	start();
	desk_run(30000);
	assert_int_equal(mt_requests(), 1);
	assert_int_equal(mt_orders(100), 1);
	assert_int_equal(desk_heard("R", "sid=100 st=done"), 1);
	desk_check_deals();
}

/* ---- which order is the signal's ---- */

static void test_an_order_that_ended_unfilled_is_not_taken_for_a_try_under_way(void **state)
{
	(void)state;
	mt_fate(MT_CODE, 10004);
	mt_fate(MT_SILENT, 0);
	desk_signal(100, OPEN);
	desk_run(100);
	mt_latency(13000); /* of the second try, whose answer never comes */
	desk_run(11000);
	assert_int_equal(mt_requests(), 2);
	assert_int_equal(desk_heard("R", "sid=100 st=fail"), 0);
	desk_wait("R", "sid=100 st=done", 10000);
	assert_int_equal(desk_heard("R", "sid=100 st=fail"), 0);
	desk_check_deals();
}

static void test_a_later_try_that_was_filled_is_found_in_the_history(void **state)
{
	(void)state;
	mt_open_by_hand("EURUSD", true, 0.10, 0, 0);
	desk_run(500);
	mt_no_events(true);
	mt_fate(MT_CODE, 10004);
	desk_signal(100, "act=close sym=EURUSD dev=20 ttl=9000");
	desk_run(100);
	mt_no_events(false);
	mt_fate(MT_SILENT, 0);
	desk_wait("R", "sid=100 st=done", 15000);
	desk_run(15000);
	assert_int_equal(desk_heard("R", "sid=100"), 1);
	desk_check_deals();
}

static void test_an_only_try_that_ended_unfilled_failed(void **state)
{
	(void)state;
	mt_no_events(true);
	mt_fate(MT_CODE, 10019);
	desk_signal(100, OPEN);
	desk_wait("R", "sid=100 st=fail rc=10006", 12000);
	desk_run(20000);
	assert_int_equal(desk_heard("R", "sid=100"), 1);
	assert_int_equal(mt_requests(), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_result_waits_for_older_deals_and_one_without_a_deal_does_not),
		cmocka_unit_test(test_deals_that_wait_survive_a_crash_after_a_newer_result),
		cmocka_unit_test(test_a_result_of_the_journal_waits_for_the_deals_before_it),
		T(test_results_of_the_journal_wait_for_the_broker),
		T(test_nothing_with_a_deal_is_queued_before_the_welcome),
		T(test_results_are_told_in_the_order_of_their_deals),
		T(test_a_fill_that_others_wait_for_is_told_at_once),
		cmocka_unit_test(test_the_legs_of_a_closeall_survive_a_crash_in_their_order),
		T(test_a_part_that_was_told_before_a_crash_counts_after_it),
		T(test_an_order_of_an_odd_state_holds_nothing_up_for_long),
		T(test_a_deal_that_comes_late_is_found_by_the_comparison),
		T(test_more_deals_than_are_remembered_come_once),
		T(test_a_deal_whose_event_comes_after_newer_ones_is_told_at_once),
		T(test_a_signal_is_on_the_disk_when_its_acknowledgement_leaves),
		T(test_an_order_is_on_the_disk_before_it_leaves),
		T(test_an_order_that_ended_unfilled_is_not_taken_for_a_try_under_way),
		T(test_a_later_try_that_was_filled_is_found_in_the_history),
		T(test_an_only_try_that_ended_unfilled_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
