/* Exchange accounts beside the feed, and venues whose clock says what cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/rng.h"
#include "unit/account_link_world.h"

static size_t asked_of(const char *path) { return asked(path, 0); }

/* ---- clocks ---- */

static void a_time_before_2020_is_no_answer(void **state)
{
	(void)state;
	static const char *const bodies[][2] = {
		{ "{\"serverTime\":0}", "{\"serverTime\":1577836799999}" },
		{ "{\"retCode\":0,\"result\":{\"timeNano\":\"0\"}}",
		  "{\"retCode\":0,\"result\":{\"timeNano\":\"1577836799999999999\"}}" },
	};
	for (int venue = 0; venue < VENUE_COUNT; venue++)
		for (int i = 0; i < 2; i++) {
			begin((enum venue)venue, the_secret);
			world.time_body = bodies[venue == VENUE_BYBIT][i];
			world.time_times = -1;
			run(60 * second_ns);
			assert_int_equal(account()->state, ACCOUNT_BAD_ANSWER);
			assert_string_equal(account()->why, "time: before 2020");
			assert_int_equal(account()->balance_count, 0);
			assert_in_range(world.count, 2, 20); /* less and less often */
			world.time_body = NULL;
			run(180 * second_ns);
			assert_int_equal(account()->state, ACCOUNT_UP);
			end();
		}
}

static void a_clock_that_went_back_is_believed_when_it_says_so_twice(void **state)
{
	(void)state;
	struct account_earned month;
	static const int64_t hours_back[] = { 1, 2, 3, 40, 24 * 20 };
	for (size_t i = 0; i < ARRAY_LEN(hours_back); i++) {
		begin(VENUE_BINANCE, the_secret);
		run(60 * second_ns);
		world.jump_at_ns = world.now_ns + 1;
		world.jump_ms = -hours_back[i] * hour_ms;
		int64_t since_ns = world.now_ns;
		run(600 * second_ns);
		assert_int_equal(account()->state, ACCOUNT_UP);
		assert_int_equal(account()->faults[ACCOUNT_BAD_ANSWER], 2); /* a host each */
		assert_true(asked("/fapi/v1/income", since_ns) >= 3);
		account_earned(account(), 0, ACCOUNT_30D, now_ms() + world.jump_ms, &month);
		assert_true(month.known);
		end();
	}
}

/* The hourly answer alone is wrong: the clock that is known is not given up for it. */
static void one_wrong_time_in_between_moves_nothing(void **state)
{
	(void)state;
	char body[64];
	begin(VENUE_BINANCE, the_secret);
	run(3500 * second_ns);
	snprintf(body, sizeof body, "{\"serverTime\":%lld}", (long long)(venue_ms() - 3 * hour_ms));
	world.time_body = body;
	world.time_times = 1;
	run(300 * second_ns);
	assert_int_equal(world.time_times, 0);
	assert_int_equal(account()->faults[ACCOUNT_BAD_ANSWER], 1);
	assert_int_equal(account()->state, ACCOUNT_UP);
	assert_int_equal(world.stamps_refused, 0);
	end();
}

static void a_clock_years_ahead_leaves_no_trace(void **state)
{
	(void)state;
	struct account_earned month;
	for (int venue = 0; venue < VENUE_COUNT; venue++) {
		begin((enum venue)venue, the_secret);
		world.skew_ms = INT64_C(50) * 365 * 24 * hour_ms;
		run(60 * second_ns);
		assert_int_equal(account()->state, ACCOUNT_UP);
		world.skew_ms = 0;
		size_t before = world.count;
		run(600 * second_ns);
		assert_int_equal(account()->state, ACCOUNT_UP);
		assert_in_range(world.count - before, 40, 240);
		account_earned(account(), 0, ACCOUNT_30D, now_ms(), &month);
		assert_true(month.known);
		assert_int_equal(month.rows, FILLS);
		end();
	}
}

/* Leaps of seconds to decades, back and forth, at any time. */
static void no_clock_of_a_venue_stops_it(void **state)
{
	(void)state;
	static const int64_t most_ms[] = { 90000, 5000000, 100000000, 4000000000, 1000000000000 };
	struct rng rng;
	rng_init(&rng, 20241121);
	for (int round = 0; round < 30; round++) {
		begin(round & 1 ? VENUE_BYBIT : VENUE_BINANCE, the_secret);
		for (int leap = 0; leap < 12; leap++) {
			int64_t most = most_ms[rng_below(&rng, ARRAY_LEN(most_ms))];
			int64_t by_ms = (int64_t)rng_below(&rng, (uint64_t)most);
			world.skew_ms = rng_below(&rng, 2) ? by_ms : -by_ms / 8;
			world.count = 0;
			run((int64_t)rng_below(&rng, 400) * second_ns);
		}
		world.skew_ms = 0;
		world.count = 0;
		run(600 * second_ns);
		assert_int_equal(account()->state, ACCOUNT_UP);
		end();
	}
}

/* The clock is an hour old amid the pages of a span, and asking for it fails. */
static void a_clock_that_is_not_told_amid_pages_is_waited_for(void **state)
{
	(void)state;
	begin(VENUE_BYBIT, the_secret);
	while (asked_of("/v5/position/closed-pnl") < 3)
		run(second_ns / 100);
	int64_t since_ns = world.now_ns;
	budget_back_off(&world.budgets[KIND_SPOT], world.now_ns + 3601 * second_ns);
	world.time_body = "{\"retCode\":0,\"result\":{}}";
	world.time_times = -1;
	run(3660 * second_ns);
	assert_in_range(asked("/v5/market/time", since_ns), 3, 12);
	assert_int_equal(account()->state, ACCOUNT_BAD_ANSWER);
	world.time_body = NULL;
	run(120 * second_ns);
	assert_int_equal(account()->state, ACCOUNT_UP);
	end();
}

/* ---- limits ---- */

static int32_t weight_of(const char *path)
{
	return strcmp(path, "/fapi/v1/income") == 0 ? 30 : strstr(path, "/time") ? 1 : 5;
}

/* The most of one host within any span of so long. */
static int64_t most_within(const char *prefix, int64_t span_ns)
{
	int64_t most = 0;
	for (size_t i = 0; i < world.count; i++) {
		int64_t sum = 0;
		for (size_t j = i; j < world.count; j++)
			if (strstr(world.said[j].path, prefix) &&
			    world.said[j].at_ns - world.said[i].at_ns < span_ns)
				sum += weight_of(world.said[j].path);
		most = sum > most ? sum : most;
	}
	return most;
}

/* Four fifths of 2,400 a minute are the feed's. */
static void what_the_feed_leaves_is_enough(void **state)
{
	(void)state;
	begin_polling(VENUE_BINANCE, the_secret, second_ns / 10);
	run(180 * second_ns);
	assert_in_range(most_within("/fapi/", 60 * second_ns), 300, 2400 / 5);
	assert_int_equal(account()->faults[ACCOUNT_LIMITED], 0);
	end();
}

static void a_feed_that_reads_history_leaves_room(void **state)
{
	(void)state;
	begin(VENUE_BINANCE, the_secret);
	run(60 * second_ns);
	world.used = "1920"; /* all that the feed may */
	int64_t since_ns = world.now_ns;
	run(300 * second_ns);
	assert_in_range(asked("/fapi/v3/balance", since_ns), 9, 11);
	assert_int_equal(account()->state, ACCOUNT_UP);
	end();
}

static void near_the_limit_nothing_is_asked_before_the_next_minute(void **state)
{
	(void)state;
	begin(VENUE_BINANCE, the_secret);
	run(60 * second_ns);
	world.used = "2200";
	world.only = NULL;
	int64_t since_ns = world.now_ns;
	run(600 * second_ns);
	assert_in_range(asked("/fapi/v3/balance", since_ns) +
			    asked("/fapi/v3/positionRisk", since_ns) +
			    asked("/fapi/v1/income", since_ns) + asked("/fapi/v1/time", since_ns),
			8, 11);
	world.used = NULL;
	run(120 * second_ns);
	assert_int_equal(account()->state, ACCOUNT_UP);
	end();
}

/* ---- coins ---- */

static void bybit_s_positions_are_of_both_coins(void **state)
{
	(void)state;
	static const char *const symbols[] = { "BTCUSDT", "ETHUSDT", "BTCPERP" };
	begin(VENUE_BYBIT, the_secret);
	run(100 * second_ns); /* and more polls do not add to it */
	assert_int_equal(account()->position_count, ARRAY_LEN(symbols));
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		assert_string_equal(account()->positions[i].symbol, symbols[i]);
		assert_string_equal(account()->positions[i].asset, i < 2 ? "USDT" : "USDC");
	}
	assert_false(account()->incomplete[ACCOUNT_SAID_POSITIONS]);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_before_2020_is_no_answer),
		cmocka_unit_test(a_clock_that_went_back_is_believed_when_it_says_so_twice),
		cmocka_unit_test(one_wrong_time_in_between_moves_nothing),
		cmocka_unit_test(a_clock_years_ahead_leaves_no_trace),
		cmocka_unit_test(no_clock_of_a_venue_stops_it),
		cmocka_unit_test(a_clock_that_is_not_told_amid_pages_is_waited_for),
		cmocka_unit_test(what_the_feed_leaves_is_enough),
		cmocka_unit_test(a_feed_that_reads_history_leaves_room),
		cmocka_unit_test(near_the_limit_nothing_is_asked_before_the_next_minute),
		cmocka_unit_test(bybit_s_positions_are_of_both_coins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
