/* Trades of broken frames: an id that says before and a time that says after, trades of
 * minutes long gone, ids out of nowhere. None of them may cost a true one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "market_stage.h"

static const int64_t start_ms = 1723161240000, year_ms = 31536000000;

static enum market_taken give(int64_t id, int64_t offset_ms, bool repair)
{
	char text[24];
	int len = snprintf(text, sizeof text, "id-%lld", (long long)id);
	struct event_trade event = { .id = str_make(text, (size_t)len),
				     .ordered_id =
					 market_id(market)->venue == VENUE_BINANCE ? id : -1,
				     .price = { 100, 0 },
				     .qty = { 1, 0 } };
	return repair ? market_repair_trade(market, &event, start_ms + offset_ms, &out)
		      : market_take_trade(market, &event, start_ms + offset_ms, &out);
}

static enum market_taken take(int64_t id, int64_t offset_ms) { return give(id, offset_ms, false); }

/* Trades `from` to `to`, one a second; all are new. */
static void take_some(int64_t from, int64_t to)
{
	for (int64_t id = from; id <= to; id++)
		assert_int_equal(take(id, id * 1000), MARKET_NEW);
}

static uint64_t trades_of_minute(int32_t back)
{
	struct window window;
	market_window_back(market, 1, back, &window);
	return window.flow.n_buy + window.flow.n_sell;
}

static bool is_partial(int32_t back)
{
	struct window window;
	market_window_back(market, 1, back, &window);
	return window.partial || !window.present;
}

static void a_time_long_past_does_not_use_up_the_id(void **state)
{
	(void)state;
	struct seen_range missing;
	take_some(1, 70);
	assert_int_equal(take(71, 71000 - year_ms), MARKET_REFUSED);
	take_some(72, 130);
	assert_int_equal(market_missing(market, &missing, 1), 1);
	assert_int_equal(missing.first, 71);
	assert_true(is_partial(1));
	assert_int_equal(give(71, 71000, true), MARKET_NEW);
	assert_false(is_partial(1));
	assert_int_equal(trades_of_minute(1), 60);
}

static void an_id_from_before_the_first_with_a_time_of_now_is_refused(void **state)
{
	(void)state;
	take_some(100, 200);
	assert_int_equal(take(0, 201000), MARKET_REFUSED);
	take_some(201, 240);
	assert_int_equal(market_missing(market, &(struct seen_range){ 0 }, 1), 0);
	assert_int_equal(market_counts(market)->refused, 1);
	assert_false(is_partial(1));
	assert_int_equal(give(99, 99000, true), MARKET_NEW); /* as ids and times go */
}

static void an_id_of_a_gap_with_a_time_of_another_is_refused(void **state)
{
	(void)state;
	take_some(1, 10);
	take_some(20, 200);
	assert_int_equal(take(15, 200000), MARKET_REFUSED);
	assert_int_equal(give(15, 15000, true), MARKET_NEW);
}

static void ids_far_ahead_wait_for_another_and_cost_no_true_one(void **state)
{
	(void)state;
	take_some(1, 50);
	assert_int_equal(take(1000050, 50500), MARKET_HELD);
	take_some(51, 120);
	assert_int_equal(market_missing(market, &(struct seen_range){ 0 }, 1), 0);
	assert_int_equal(market_counts(market)->refused, 1);
	/* a long outage: the second trade bears the first one out */
	assert_int_equal(take(90000, 90000000 - 1), MARKET_HELD);
	assert_int_equal(take(90001, 90000000), MARKET_NEW);
	assert_true(market_held_trade(market, &out));
	assert_int_equal(out.id, 90000);
}

static void three_in_a_row_that_fit_each_other_outvote_what_is_known(void **state)
{
	(void)state;
	assert_int_equal(take(INT64_C(1) << 50, 0), MARKET_NEW); /* the first frame was broken */
	assert_int_equal(take(500, 100000), MARKET_REFUSED);
	assert_int_equal(take(501, 101000), MARKET_REFUSED);
	assert_int_equal(take(502, 102000), MARKET_NEW);
	assert_int_equal(take(503, 103000), MARKET_NEW);
	assert_true(is_partial(0));
	for (int64_t id = 504; id < 640; id++)
		assert_int_equal(take(id, 103000 + (id - 503) * 1000), MARKET_NEW);
	assert_false(is_partial(1));
}

static void strays_among_good_trades_outvote_nothing(void **state)
{
	(void)state;
	take_some(1000, 1100);
	for (int64_t i = 1; i <= 10; i++) {
		assert_int_equal(take(i, (1100 + i) * 1000), MARKET_REFUSED);
		assert_int_equal(take(1100 + i, (1100 + i) * 1000), MARKET_NEW);
	}
	assert_int_equal(market_missing(market, &(struct seen_range){ 0 }, 1), 0);
}

static void trades_older_than_the_window_go_nowhere(void **state)
{
	(void)state;
	take_some(1, 70);
	assert_int_equal(take(71, 71000 - year_ms), MARKET_REFUSED);
	assert_int_equal(take(71, 71000), MARKET_NEW); /* its id is not used up */
	assert_int_equal(take(71, 71000), MARKET_DUPLICATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_time_long_past_does_not_use_up_the_id,
						make_ordered, drop),
		cmocka_unit_test_setup_teardown(
		    an_id_from_before_the_first_with_a_time_of_now_is_refused, make_ordered, drop),
		cmocka_unit_test_setup_teardown(an_id_of_a_gap_with_a_time_of_another_is_refused,
						make_ordered, drop),
		cmocka_unit_test_setup_teardown(ids_far_ahead_wait_for_another_and_cost_no_true_one,
						make_ordered, drop),
		cmocka_unit_test_setup_teardown(
		    three_in_a_row_that_fit_each_other_outvote_what_is_known, make_ordered, drop),
		cmocka_unit_test_setup_teardown(strays_among_good_trades_outvote_nothing,
						make_ordered, drop),
		cmocka_unit_test_setup_teardown(trades_older_than_the_window_go_nowhere,
						make_unordered, drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
