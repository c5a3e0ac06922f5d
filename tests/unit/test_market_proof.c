/* Minutes of unordered ids, of which a kline is to say the same before they are believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "market_stage.h"

static const int64_t start_ms = 1723161240000;

/* One trade a second, of the seconds from..to. */
static void take_seconds(int64_t from, int64_t to)
{
	for (int64_t i = from; i <= to; i++) {
		char text[24];
		int len = snprintf(text, sizeof text, "id-%lld", (long long)i);
		struct event_trade event = { .id = str_make(text, (size_t)len),
					     .ordered_id =
						 market_id(market)->venue == VENUE_BINANCE ? i : -1,
					     .price = { 100, 0 },
					     .qty = { 1, 0 } };
		assert_int_equal(market_take_trade(market, &event, start_ms + i * 1000, &out),
				 MARKET_NEW);
	}
}

static enum market_kline kline(int64_t minute, int64_t volume)
{
	struct event_kline event = { .open_ms = start_ms + minute * MINUTE_MS,
				     .minutes = 1,
				     .closed = true,
				     .open = { 100, 0 },
				     .high = { 100, 0 },
				     .low = { 100, 0 },
				     .close = { 100, 0 },
				     .volume = { volume, 0 },
				     .quote_volume = { volume * 100, 0 } };
	return market_take_kline(market, &event);
}

static bool is_believed(int64_t minute)
{
	struct window window;
	int64_t newest = market_newest_ms(market) / MINUTE_MS - start_ms / MINUTE_MS;
	market_window_back(market, 1, (int32_t)(newest - minute), &window);
	return window.present && !window.partial;
}

/* The first minute of a market is partial until a kline agrees; proof begins here. */
static void begin(void)
{
	take_seconds(0, 30);
	market_want_proof(market);
}

static void a_minute_no_kline_spoke_of_is_partial_until_one_agrees(void **state)
{
	(void)state;
	begin();
	take_seconds(31, 127);
	market_want_proof(market);
	assert_true(is_believed(1)); /* its kline may still come */
	take_seconds(128, 188);
	market_want_proof(market);
	assert_false(is_believed(1));
	assert_int_equal(kline(1, 60), MARKET_KLINE_AGREED);
	assert_true(is_believed(1));
	market_want_proof(market);
	assert_true(is_believed(1));
}

static void a_minute_whose_kline_came_in_time_is_never_partial(void **state)
{
	(void)state;
	begin();
	take_seconds(31, 121);
	assert_int_equal(kline(1, 60), MARKET_KLINE_WAITING);
	for (int64_t i = 122; i <= 200; i++) {
		take_seconds(i, i);
		market_want_proof(market);
		assert_true(is_believed(1));
	}
}

static void a_lost_trade_shows_though_no_kline_comes(void **state)
{
	(void)state;
	struct minute_span span;
	begin();
	take_seconds(31, 70);
	take_seconds(72, 140); /* 71 never came, and nobody said so */
	kline(0, 60);
	take_seconds(141, 190);
	market_want_proof(market);
	assert_true(is_believed(0));
	assert_false(is_believed(1));
	assert_true(market_wanted(market, 0, start_ms + 3 * MINUTE_MS, 1000, &span));
	assert_int_equal(span.first_ms, start_ms + MINUTE_MS);
	assert_int_not_equal(kline(1, 60), MARKET_KLINE_AGREED);
	assert_false(is_believed(1));
}

static void minutes_believed_empty_want_proof_too(void **state)
{
	(void)state;
	begin();
	take_seconds(250, 300);
	market_want_proof(market);
	assert_false(is_believed(2));
	assert_int_equal(kline(2, 0), MARKET_KLINE_AGREED);
	assert_true(is_believed(2));
}

static void what_was_before_the_first_call_stays_as_it_was(void **state)
{
	(void)state;
	take_seconds(0, 190);
	market_want_proof(market);
	take_seconds(191, 200);
	market_want_proof(market);
	assert_true(is_believed(1));
	assert_true(is_believed(2));
}

static void ordered_ids_need_no_kline(void **state)
{
	(void)state;
	begin();
	take_seconds(31, 400);
	market_want_proof(market);
	assert_true(is_believed(1));
	assert_true(is_believed(4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_minute_no_kline_spoke_of_is_partial_until_one_agrees, make_unordered, drop),
		cmocka_unit_test_setup_teardown(a_minute_whose_kline_came_in_time_is_never_partial,
						make_unordered, drop),
		cmocka_unit_test_setup_teardown(a_lost_trade_shows_though_no_kline_comes,
						make_unordered, drop),
		cmocka_unit_test_setup_teardown(minutes_believed_empty_want_proof_too,
						make_unordered, drop),
		cmocka_unit_test_setup_teardown(what_was_before_the_first_call_stays_as_it_was,
						make_unordered, drop),
		cmocka_unit_test_setup_teardown(ordered_ids_need_no_kline, make_ordered, drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
