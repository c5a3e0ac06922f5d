/* What the expert tells of account, positions, deals and prices, and when it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mt5/desk.h"

static int setup(void **state)
{
	(void)state;
	mt_reset(3);
	desk_reset();
	desk_run(1000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mt_kill();
	desk_forget();
	return 0;
}

static void start(void)
{
	assert_int_equal(mt_start(), 0);
	desk_run(5000);
	assert_true(desk.welcomed);
}

/* The hash of fleet.md 3.2 over what the o frames said, by the codec's own function. */
static uint64_t hash_of(const char *line)
{
	struct number vol, sl, tp;
	assert_int_equal(number_parse(str_of(desk_field(line, "vol")), &vol), STATUS_OK);
	assert_int_equal(number_parse(str_of(desk_field(line, "sl")), &sl), STATUS_OK);
	assert_int_equal(number_parse(str_of(desk_field(line, "tp")), &tp), STATUS_OK);
	return mfp_position_hash(strtoull(desk_field(line, "tk"), NULL, 10), vol, sl, tp);
}

static uint64_t told_hash(const char *line) { return strtoull(desk_field(line, "ph"), NULL, 16); }

static void test_an_offline_terminal_tells_nothing_of_its_account(void **state)
{
	(void)state;
	mt_open_by_hand("EURUSD", true, 0.48, 1.07, 1.09);
	start();
	desk_wait("A", "bal=10000.00", 1000);
	mt_link(false);
	desk_run(1000);
	desk_forget();
	desk_run(20000);
	assert_int_equal(desk_heard("A", ""), 0);
	assert_int_equal(desk_heard("o", ""), 0);
	assert_true(desk_heard("S", "con=0") >= 19);
	assert_string_equal(desk_field(desk_last("S", ""), "ph"), "");
	assert_string_equal(desk_field(desk_last("S", ""), "n"), "");
	mt_cut();
	desk_wait("H", "v=1", 3000);
	assert_string_equal(desk_field(desk_last("H", ""), "cur"), "");
	assert_string_equal(desk_field(desk_last("H", ""), "n"), "");
	/* The link is back, but the lists are not for a second: no position is closed. */
	mt_link(true);
	desk_forget();
	int before = mt_connections();
	desk_run(10000);
	/* That hello had no account; one that has comes once, not again and again. */
	assert_int_equal(mt_connections(), before + 1);
	desk_wait("H", "cur=USD n=1", 0);
	assert_int_equal(desk_heard("o", "ev=del"), 0);
	assert_int_equal(desk_heard("A", "bal=0.00"), 0);
	desk_wait("S", "con=1 n=1", 0);
}

static void test_a_short_hop_of_the_link_closes_no_position(void **state)
{
	(void)state;
	mt_open_by_hand("EURUSD", true, 0.48, 1.07, 1.09);
	start();
	desk_forget();
	for (int i = 0; i < 20; i++) {
		mt_link(false);
		desk_run(1400);
		mt_link(true);
		desk_run(500 + 311 * i);
	}
	assert_int_equal(desk_heard("o", "ev=del"), 0);
	assert_int_equal(desk_heard("o", "ev=new"), 0);
}

static void test_the_account_is_told_on_change_and_once_a_second_at_most(void **state)
{
	(void)state;
	start();
	desk_forget();
	desk_run(10000);
	assert_int_equal(desk_heard("A", ""), 0);
	for (int i = 0; i < 100; i++) {
		mt_balance(1);
		desk_run(100);
	}
	assert_in_range(desk_heard("A", ""), 9, 11);
	desk_wait("A", "bal=10100.00", 1500);
}

static void test_a_new_connection_begins_with_the_state_and_then_the_account(void **state)
{
	(void)state;
	start();
	mt_cut();
	desk_forget();
	desk_run(3000);
	assert_true(desk.count >= 3);
	assert_int_equal(desk.lines[0][0], 'H');
	assert_int_equal(desk.lines[1][0], 'S');
	assert_int_equal(desk.lines[2][0], 'A');
}

static void test_a_snapshot_carries_every_position_and_the_codecs_hash(void **state)
{
	uint64_t hash = 0;
	(void)state;
	for (int i = 0; i < 300; i++)
		mt_open_by_hand(i % 2 ? "EURUSD" : "BTCUSD", i % 3 == 0, 0.01 * (i + 1), 1.07 * i,
				i % 5 ? 1.09 : 0);
	start();
	desk_forget();
	desk_command(1, "op=snapshot");
	const char *end = desk_wait("O", "e=1 n=300", 3000);
	desk_wait("O", "b=1 n=300", 0);
	assert_true(desk_heard("o", "sym=EURUSD") >= 150);
	for (size_t i = 0; i < desk.count; i++)
		if (desk.lines[i][0] == 'o' && !*desk_field(desk.lines[i], "ev"))
			hash ^= hash_of(desk.lines[i]);
	assert_true(told_hash(end) == hash);
	desk_run(1500);
	assert_true(told_hash(desk_last("S", "n=300")) == hash);
	/* And a hello says the same. */
	mt_cut();
	desk_forget();
	assert_true(told_hash(desk_wait("H", "n=300", 3000)) == hash);
}

static void test_an_empty_snapshot_has_a_beginning_and_an_end(void **state)
{
	(void)state;
	desk.snap = true;
	start();
	desk_wait("O", "b=1 n=0", 1000);
	desk_wait("O", "e=1 n=0 ph=0000000000000000", 1000);
}

static void test_changes_keep_weirs_hash_the_terminals(void **state)
{
	char modify[128];
	uint64_t hash = 0;
	(void)state;
	start();
	desk_forget();
	uint64_t one = mt_open_by_hand("EURUSD", true, 0.48, 1.07000, 1.09);
	uint64_t two = mt_open_by_hand("BTCUSD", false, 0.20, 64000, 0);
	desk_wait("o", "ev=new sym=BTCUSD sd=sell vol=0.20 sl=64000.00 tp=0.00", 500);
	hash = hash_of(desk_last("o", "ev=new sym=EURUSD")) ^
	       hash_of(desk_last("o", "ev=new sym=BTCUSD"));
	desk_run(1100);
	assert_true(told_hash(desk_last("S", "n=2")) == hash);

	snprintf(modify, sizeof modify, "act=modify pos=%llu sl=1.06500 ttl=9000",
		 (unsigned long long)one);
	desk_signal(900, modify);
	desk_wait("o", "ev=mod sl=1.06500", 2000);
	mt_hit_stop(two);
	desk_wait("o", "ev=del", 500);
	desk_run(1100);
	assert_true(told_hash(desk_last("S", "n=1")) == hash_of(desk_last("o", "ev=mod")));
}

static void test_profits_that_move_are_told_a_bounded_number_a_second(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++)
		mt_open_by_hand("EURUSD", true, 0.01, 0, 0);
	start();
	desk_run(3000);
	desk_forget();
	for (int i = 0; i < 10; i++) {
		mt_price("EURUSD", 1.085 + 0.0001 * i, 1.08504 + 0.0001 * i);
		desk_run(1000);
	}
	assert_in_range(desk_heard("o", "ev=mod"), 32 * 8, 32 * 11);
}

static void test_deals_that_no_signal_caused_are_told_with_their_reason(void **state)
{
	(void)state;
	start();
	uint64_t id = mt_open_by_hand("BTCUSD", true, 1.00, 63450.42, 0);
	desk_wait("D", "sym=BTCUSD sd=buy en=in rs=client vol=1.00", 500);
	mt_hit_stop(id);
	const char *line = desk_wait("D", "sym=BTCUSD sd=sell en=out rs=sl px=63450.20", 500);
	assert_string_equal(desk_field(line, "lvl"), "63450.42");
	assert_string_equal(desk_field(line, "slp"), "22.0");
	assert_int_equal(strncmp(desk_field(line, "cm"), "[sl%20", 6), 0);
	mt_balance(500);
	desk_wait("D", "sd=balance pl=500.00", 500);
	assert_string_equal(desk_field(desk_last("D", "sd=balance"), "sym"), "");
	assert_int_equal(desk_heard("D", ""), 3);
}

static void test_a_stop_of_a_signals_position_is_a_deal_not_a_second_result(void **state)
{
	(void)state;
	start();
	desk_signal(901, "act=open sd=buy sym=EURUSD vol=0.10 sl=1.08 ttl=9000");
	const char *line = desk_wait("R", "sid=901 st=done", 2000);
	mt_hit_stop(strtoull(desk_field(line, "pos"), NULL, 10));
	desk_wait("D", "rs=sl mg=901", 1000);
	desk_run(5000);
	assert_int_equal(desk_heard("R", "sid=901"), 1);
}

static void test_after_a_gap_all_deals_newer_than_weirs_are_told(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		mt_open_by_hand("EURUSD", true, 0.10, 0, 0);
		desk_run(1000);
	}
	desk.newest_deal = mt_newest_deal(&desk.newest_ms);
	for (int i = 0; i < 700; i++) {
		mt_open_by_hand("EURUSD", true, 0.01, 0, 0);
		if (i % 100 == 99)
			desk_run(1000);
	}
	start();
	desk_run(5000);
	assert_int_equal(desk_heard("D", ""), 700);
	desk_run(120000); /* the minute's comparison finds nothing new */
	assert_int_equal(desk_heard("D", ""), 700);
}

static void test_deals_without_an_event_are_found_within_a_minute(void **state)
{
	(void)state;
	start();
	mt_no_events(true);
	mt_open_by_hand("EURUSD", true, 0.10, 0, 0);
	desk_run(500);
	assert_int_equal(desk_heard("D", ""), 0);
	desk_wait("D", "rs=client", 61000);
}

static void test_deals_wait_in_the_history_while_weir_makes_nothing_durable(void **state)
{
	(void)state;
	start();
	desk.no_ack = true;
	for (int i = 0; i < 1500; i++) {
		mt_open_by_hand("EURUSD", i % 2 == 0, 0.01, 0, 0);
		if (i % 50 == 49)
			desk_run(100);
	}
	desk_run(3000);
	assert_in_range(desk_heard("D", ""), 700, 768);
	desk_signal(902, "act=cancel ord=1 ttl=9000");
	desk_wait("R", "sid=902 st=fail", 2000); /* signals have their own share */
	desk_forget();
	desk.no_ack = false;
	desk.up = 0;
	mt_cut();
	desk_run(20000);
	assert_int_equal(desk_heard("D", ""), 1500);
	desk_check_deals();
}

static void test_prices_of_symbols_in_use_come_once_a_second(void **state)
{
	(void)state;
	start();
	desk_forget();
	desk_run(5000);
	assert_int_equal(desk_heard("Q", ""), 0);
	mt_open_by_hand("EURUSD", true, 0.10, 0, 0);
	desk_run(1000);
	desk_forget();
	desk_run(10000);
	assert_in_range(desk_heard("Q", "sym=EURUSD bid=1.08510 ask=1.08514 spr=4 dg=5 st=open"),
			10, 11);
	assert_int_equal(desk_heard("Q", "sym=BTCUSD"), 0);
	desk_command(3, "op=set k=quotes v=0");
	desk_run(1000);
	desk_forget();
	desk_run(5000);
	assert_int_equal(desk_heard("Q", ""), 0);
}

static void test_symbols_that_nothing_uses_leave_market_watch(void **state)
{
	(void)state;
	mt_open_by_hand("BTCUSD", true, 0.10, 0, 0);
	assert_int_equal(mt_watched(), 3);
	start();
	assert_int_equal(mt_watched(), 2); /* the chart's and the position's */
	desk_signal(903, "act=open sd=buy sym=XAUUSD vol=0.10 ttl=9000");
	desk_wait("R", "sid=903 st=done", 2000);
	assert_int_equal(mt_watched(), 3);
}

static void test_frames_that_were_dropped_are_counted_and_a_snapshot_mends_it(void **state)
{
	(void)state;
	start();
	mt_send_most(100); /* 400 bytes a turn at most */
	for (int i = 0; i < 600; i++) {
		mt_open_by_hand("EURUSD", true, 0.01, 0, 0);
		if (i % 20 == 19)
			desk_step();
	}
	desk_run(2000);
	mt_send_most(100000);
	desk_run(5000);
	assert_true(atoi(desk_field(desk_last("S", ""), "dr")) > 0);
	desk_wait("O", "e=1 n=600", 5000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_an_offline_terminal_tells_nothing_of_its_account),
		T(test_a_short_hop_of_the_link_closes_no_position),
		T(test_the_account_is_told_on_change_and_once_a_second_at_most),
		T(test_a_new_connection_begins_with_the_state_and_then_the_account),
		T(test_a_snapshot_carries_every_position_and_the_codecs_hash),
		T(test_an_empty_snapshot_has_a_beginning_and_an_end),
		T(test_changes_keep_weirs_hash_the_terminals),
		T(test_profits_that_move_are_told_a_bounded_number_a_second),
		T(test_deals_that_no_signal_caused_are_told_with_their_reason),
		T(test_a_stop_of_a_signals_position_is_a_deal_not_a_second_result),
		T(test_after_a_gap_all_deals_newer_than_weirs_are_told),
		T(test_deals_without_an_event_are_found_within_a_minute),
		T(test_deals_wait_in_the_history_while_weir_makes_nothing_durable),
		T(test_prices_of_symbols_in_use_come_once_a_second),
		T(test_symbols_that_nothing_uses_leave_market_watch),
		T(test_frames_that_were_dropped_are_counted_and_a_snapshot_mends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
