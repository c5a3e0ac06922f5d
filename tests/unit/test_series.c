/* Series: what is taken and what is not, and the values over what is held. */
#include <math.h>

#include "series_bars.h"

/* ---- taking ---- */

static void bars_that_follow_are_taken_and_the_oldest_leave(void **state)
{
	(void)state;
	assert_int_equal(series_newest_ms(series), 0);
	assert_int_equal(series_minutes(series), M15);
	for (int64_t n = 0; n < SERIES_BARS; n++)
		assert_int_equal(take(n, 10000 + n), SERIES_TAKEN);
	assert_holds(0, SERIES_BARS - 1);
	for (int64_t n = SERIES_BARS; n < SERIES_BARS + 40; n++)
		assert_int_equal(take(n, 10000 + n), SERIES_TAKEN);
	assert_holds(40, SERIES_BARS + 39);
}

static void a_hole_leaves_the_new_bar_alone(void **state)
{
	(void)state;
	take(0, 10000);
	take(1, 10001);
	assert_int_equal(take(3, 10003), SERIES_RESET);
	assert_holds(3, 3);
	assert_int_equal(take(4, 10004), SERIES_TAKEN);
	assert_holds(3, 4);
}

static void a_bar_held_already_is_replaced(void **state)
{
	(void)state;
	for (int64_t n = 5; n < 9; n++)
		take(n, n == 6 ? 77700 : 10000 + n);
	assert_int_equal(take(6, 10006), SERIES_SAME);
	assert_int_equal(take(6, 10006), SERIES_SAME);
	assert_int_equal(take(5, 10005), SERIES_SAME);
	assert_int_equal(take(8, 10008), SERIES_SAME);
	assert_int_equal(take(4, 10004), SERIES_OLD);
	assert_holds(5, 8);
}

static void what_is_not_sensible_changes_nothing(void **state)
{
	(void)state;
	take(0, 10000);
	struct series_bar good = bar_at(1, 10001), bad;
#define REFUSED(...)                                                                               \
	do {                                                                                       \
		bad = good;                                                                        \
		__VA_ARGS__;                                                                       \
		assert_int_equal(series_take(series, &bad), SERIES_OLD);                           \
		assert_holds(0, 0);                                                                \
	} while (0)
	REFUSED(bad.open_ms += MINUTE_MS);
	REFUSED(bad.open_ms += 1);
	REFUSED(bad.open_ms = 0);
	REFUSED(bad.open_ms = -STEP_MS);
	REFUSED(bad.open_ms = INT64_MAX / STEP_MS * STEP_MS);
	REFUSED(bad.high = bad.open);
	REFUSED(bad.low = bad.close);
	REFUSED(bad.low.mantissa = 0);
	REFUSED(bad.low.mantissa = -1);
	REFUSED(bad.volume.mantissa = -1);
	REFUSED(bad.high.scale = 3);
	REFUSED(bad.close.scale = 19);
	REFUSED(bad.volume.scale = -1);
	REFUSED(bad.high = (struct decimal){ INT64_MAX, 18 });
#undef REFUSED
	good.low = (struct decimal){ 1, 18 };
	good.high = (struct decimal){ INT64_MAX, 0 };
	good.volume.mantissa = 0;
	assert_int_equal(series_take(series, &good), SERIES_TAKEN);
}

/* ---- filling ---- */

static void fill(int64_t first, int64_t last)
{
	struct series_bar bars[SERIES_BARS + 50];
	size_t n = 0;
	for (int64_t i = first; i <= last; i++)
		bars[n++] = bar_at(i, 10000 + i);
	series_fill(series, bars, n);
}

static void a_fill_of_all_bars_replaces_what_was_held(void **state)
{
	(void)state;
	take(0, 5000);
	take(1, 5001);
	fill(0, SERIES_BARS - 1);
	assert_holds(0, SERIES_BARS - 1);
	fill(500, 500 + SERIES_BARS + 39); /* more than there is room for */
	assert_holds(540, 500 + SERIES_BARS + 39);
}

static void a_fill_keeps_newer_bars_that_follow(void **state)
{
	(void)state;
	for (int64_t n = SERIES_BARS; n < SERIES_BARS + 3; n++)
		take(n, 10000 + n);
	fill(0, SERIES_BARS - 1);
	assert_holds(3, SERIES_BARS + 2);
}

static void a_fill_drops_newer_bars_behind_a_hole(void **state)
{
	(void)state;
	take(20, 10020);
	take(21, 10021);
	fill(0, 10);
	assert_holds(0, 10);
}

static void a_short_fill_keeps_older_bars_that_lead_up_to_it(void **state)
{
	(void)state;
	for (int64_t n = 0; n < 100; n++)
		take(n, 10000 + n);
	fill(100, 104);
	assert_holds(0, 104);
	fill(90, 106);
	assert_holds(0, 106);
	fill(108, 110);
	assert_holds(108, 110);
}

static void a_fill_of_nothing_changes_nothing(void **state)
{
	(void)state;
	struct series_bar bad = bar_at(3, 10003);
	take(0, 10000);
	series_fill(series, NULL, 0);
	assert_holds(0, 0);
	bad.high.mantissa = 1;
	bad.open_ms = INT64_MIN;
	series_fill(series, &bad, 1);
	assert_true(series_count(series) <= 1);
}

static void a_hole_in_a_fill_begins_it_anew(void **state)
{
	(void)state;
	struct series_bar bars[6];
	for (int64_t i = 0; i < 6; i++)
		bars[i] = bar_at(i < 3 ? i : i + 1, 10000 + (i < 3 ? i : i + 1));
	series_fill(series, bars, 6);
	assert_holds(4, 6);
}

static void a_cleared_series_begins_anywhere(void **state)
{
	(void)state;
	take(7, 10007);
	series_clear(series);
	assert_int_equal(series_count(series), 0);
	assert_int_equal(take(2, 10002), SERIES_TAKEN);
	assert_holds(2, 2);
}

/* ---- indicators ---- */

static void assert_same_values(const struct indicator_values *a, const struct indicator_values *b)
{
	assert_int_equal(a->bars, b->bars);
	assert_int_equal(a->close_ms, b->close_ms);
	for (enum indicator i = 0; i < INDICATOR_COUNT; i++)
		assert_true(a->value[i] == b->value[i] ||
			    (isnan(a->value[i]) && isnan(b->value[i])));
}

static void an_empty_series_has_no_values(void **state)
{
	(void)state;
	struct indicator_values values;
	series_indicators(series, &values);
	assert_int_equal(values.bars, 0);
	assert_int_equal(values.close_ms, 0);
	assert_false(values.provisional);
	for (enum indicator i = 0; i < INDICATOR_COUNT; i++)
		assert_true(isnan(values.value[i]));
}

static void values_come_one_after_the_other_and_all_with_200_bars(void **state)
{
	(void)state;
	static const struct {
		enum indicator indicator;
		size_t bars;
	} rows[] = { { INDICATOR_psar, 2 },         { INDICATOR_rsi14, 15 },
		     { INDICATOR_atr14, 15 },       { INDICATOR_qqe, 19 },
		     { INDICATOR_macd, 26 },        { INDICATOR_adx14, 28 },
		     { INDICATOR_stoch_rsi_k, 30 }, { INDICATOR_stoch_rsi_d, 32 },
		     { INDICATOR_macd_signal, 34 }, { INDICATOR_macd_histogram, 34 },
		     { INDICATOR_ema50, 50 },       { INDICATOR_qqe_trail, 72 },
		     { INDICATOR_ema200, 200 } };
	assert_int_equal(ARRAY_LEN(rows), INDICATOR_COUNT);
	for (size_t count = 1; count <= SERIES_BARS; count++) {
		struct indicator_values values;
		series_clear(series);
		put_walk(series, count, 5, true);
		series_indicators(series, &values);
		assert_int_equal(values.bars, count);
		assert_int_equal(values.close_ms, start_ms + (int64_t)count * STEP_MS);
		for (size_t r = 0; r < ARRAY_LEN(rows); r++)
			assert_int_equal(isnan(values.value[rows[r].indicator]),
					 count < rows[r].bars);
	}
}

/* Of ten bars in hundredths: highs 1.30 above …; EMA and PSAR by their definitions. */
static void values_are_in_price_units(void **state)
{
	(void)state;
	struct indicator_values values;
	for (int64_t n = 0; n < 60; n++)
		take(n, 10000); /* closes 100.10, ranges 0.50 */
	series_indicators(series, &values);
	assert_true(fabs(values.value[INDICATOR_ema50] - 100.10) < 1e-9);
	assert_true(fabs(values.value[INDICATOR_atr14] - 0.50) < 1e-9);
	assert_true(fabs(values.value[INDICATOR_macd]) < 1e-9);
	assert_true(isnan(values.value[INDICATOR_rsi14]));
}

static void the_convention_is_a_switch_of_the_series(void **state)
{
	(void)state;
	struct indicator_values wilder, talib;
	assert_int_equal(series_convention(series), TA_WILDER);
	put_walk(series, 60, 8, true);
	series_indicators(series, &wilder);
	series_set_convention(series, TA_TALIB);
	assert_int_equal(series_convention(series), TA_TALIB);
	series_indicators(series, &talib);
	assert_true(wilder.value[INDICATOR_adx14] != talib.value[INDICATOR_adx14]);
	assert_true(wilder.value[INDICATOR_macd] != talib.value[INDICATOR_macd]);
	assert_true(wilder.value[INDICATOR_stoch_rsi_k] != talib.value[INDICATOR_stoch_rsi_k]);
	assert_true(wilder.value[INDICATOR_rsi14] == talib.value[INDICATOR_rsi14]);
	assert_true(wilder.value[INDICATOR_psar] == talib.value[INDICATOR_psar]);
}

/* What is provisional now is what will stand once the bar has closed, also where the
 * oldest bar has to leave for it. */
static void a_provisional_value_is_what_closing_now_would_give(void **state)
{
	(void)state;
	static const size_t counts[] = { 0, 1, 14, 100, SERIES_BARS - 1, SERIES_BARS };
	for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
		struct indicator_values provisional, closed;
		series_clear(series);
		put_walk(series, counts[c], 6, false);
		struct series_bar open = bar_at((int64_t)counts[c], 6730000);
		series_provisional(series, &open, &provisional);
		assert_true(provisional.provisional);
		assert_int_equal(series_count(series), counts[c]);
		assert_int_equal(series_take(series, &open), SERIES_TAKEN);
		series_indicators(series, &closed);
		assert_false(closed.provisional);
		assert_same_values(&provisional, &closed);
	}
}

static void an_open_bar_that_does_not_follow_is_left_out(void **state)
{
	(void)state;
	struct indicator_values provisional, closed;
	put_walk(series, 40, 6, false);
	series_indicators(series, &closed);
	struct series_bar open = bar_at(41, 6730000);
	series_provisional(series, &open, &provisional);
	assert_false(provisional.provisional);
	assert_same_values(&provisional, &closed);
	open = bar_at(40, 6730000);
	open.low.mantissa = 0;
	series_provisional(series, &open, &provisional);
	assert_false(provisional.provisional);
	assert_same_values(&provisional, &closed);
}

#define WITH_SERIES(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERIES(bars_that_follow_are_taken_and_the_oldest_leave),
		WITH_SERIES(a_hole_leaves_the_new_bar_alone),
		WITH_SERIES(a_bar_held_already_is_replaced),
		WITH_SERIES(what_is_not_sensible_changes_nothing),
		WITH_SERIES(a_fill_of_all_bars_replaces_what_was_held),
		WITH_SERIES(a_fill_keeps_newer_bars_that_follow),
		WITH_SERIES(a_fill_drops_newer_bars_behind_a_hole),
		WITH_SERIES(a_short_fill_keeps_older_bars_that_lead_up_to_it),
		WITH_SERIES(a_fill_of_nothing_changes_nothing),
		WITH_SERIES(a_hole_in_a_fill_begins_it_anew),
		WITH_SERIES(a_cleared_series_begins_anywhere),
		WITH_SERIES(an_empty_series_has_no_values),
		WITH_SERIES(values_come_one_after_the_other_and_all_with_200_bars),
		WITH_SERIES(values_are_in_price_units),
		WITH_SERIES(the_convention_is_a_switch_of_the_series),
		WITH_SERIES(a_provisional_value_is_what_closing_now_would_give),
		WITH_SERIES(an_open_bar_that_does_not_follow_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
