/* Bars of a series out of its market's own minutes, and when the venue has to be asked. */
#include "series_bars.h"

static struct market *market;
static int64_t next_id;

static struct market *new_market(enum venue venue)
{
	struct market_id id;
	struct market_config config = { .whale_quote = 500000, .indicators = { 15, 60, 240 } };
	assert_int_equal(market_id_make(venue, KIND_PERP, STR("ETHUSDT"), &id), STATUS_OK);
	struct market *made = market_create(&id, &config);
	assert_non_null(made);
	return made;
}

static int make_market(void **state)
{
	(void)state;
	market = new_market(VENUE_BINANCE);
	next_id = 1;
	return 0;
}

static int drop_market(void **state)
{
	(void)state;
	market_destroy(market);
	return 0;
}

static enum market_taken trade_id(int64_t id, int64_t offset_ms, int64_t price, int64_t qty)
{
	struct trade out;
	struct event_trade event = { .ordered_id = id,
				     .price = { price, 2 },
				     .qty = { qty < 0 ? -qty : qty, 3 },
				     .side = qty < 0 ? SIDE_SELL : SIDE_BUY };
	return market_take_trade(market, &event, start_ms + offset_ms, &out);
}

static void trade(int64_t offset_ms, int64_t price, int64_t qty)
{
	assert_int_equal(trade_id(next_id++, offset_ms, price, qty), MARKET_NEW);
}

/* The price and quantity of the trades in minute n: what bars are made of again below. */
static int64_t price_of(int64_t n, int k) { return 200000 + n * 37 % 1009 * (k + 1) + k * 50; }
static int64_t qty_of(int64_t n, int k) { return (k % 2 ? -1 : 1) * (1 + (n * 13 + k) % 500); }

/* Three trades in every minute from..to-1. */
static void run_minutes(int64_t from, int64_t to)
{
	for (int64_t n = from; n < to; n++)
		for (int k = 0; k < 3; k++)
			trade(n * MINUTE_MS + 100 + k * 20000, price_of(n, k), qty_of(n, k));
}

/* The bar as its trades say, from the minutes' formula. */
static struct series_bar bar_of_minutes(int64_t from, int32_t minutes)
{
	struct series_bar bar = { .open_ms = start_ms + from * MINUTE_MS };
	int64_t highest = 0, lowest = INT64_MAX, volume = 0;
	for (int64_t n = from; n < from + minutes; n++)
		for (int k = 0; k < 3; k++) {
			int64_t price = price_of(n, k), qty = qty_of(n, k);
			highest = price > highest ? price : highest;
			lowest = price < lowest ? price : lowest;
			volume += qty < 0 ? -qty : qty;
		}
	bar.open = (struct decimal){ price_of(from, 0), 2 };
	bar.high = (struct decimal){ highest, 2 };
	bar.low = (struct decimal){ lowest, 2 };
	bar.close = (struct decimal){ price_of(from + minutes - 1, 2), 2 };
	bar.volume = (struct decimal){ volume, 3 };
	return bar;
}

static void assert_bars_of_minutes(const struct series *held, int64_t first, int64_t last)
{
	int32_t minutes = series_minutes(held);
	assert_int_equal(series_count(held), last - first + 1);
	for (int64_t n = first; n <= last; n++) {
		struct series_bar want = bar_of_minutes(n * minutes, minutes);
		assert_bar(series_at(held, (size_t)(n - first)), &want);
	}
}

static size_t step(int32_t minutes, bool expect_complete)
{
	bool complete = !expect_complete;
	size_t n = market_series_step(market, market_series(market, minutes), &complete);
	assert_int_equal(complete, expect_complete);
	return n;
}

static void a_market_keeps_the_timeframes_of_its_config(void **state)
{
	(void)state;
	assert_int_equal(series_minutes(market_series(market, 15)), 15);
	assert_int_equal(series_minutes(market_series(market, 240)), 240);
	assert_null(market_series(market, 5));
	assert_null(market_series(market, 0));
	assert_ptr_equal(market_series_at(market, 1), market_series(market, 60));
	assert_null(market_series_at(market, 3));
	assert_null(market_series_at(market, SERIES_TIMEFRAMES_MAX));
	struct market_config config = { .indicators = { 0, 30, 30, 5 }, .convention = TA_TALIB };
	struct market *other = market_create(market_id(market), &config);
	assert_int_equal(series_convention(market_series_at(other, 1)), TA_TALIB);
	assert_int_equal(series_convention(market_series(market, 60)), TA_WILDER);
	assert_int_equal(series_minutes(market_series_at(other, 0)), 30);
	assert_int_equal(series_minutes(market_series_at(other, 1)), 5);
	assert_null(market_series_at(other, 2));
	market_destroy(other);
}

static void a_market_without_trades_has_no_bars(void **state)
{
	(void)state;
	struct series_bar open;
	assert_int_equal(step(15, true), 0);
	assert_false(market_series_open(market, market_series(market, 15), &open));
}

static void bars_come_as_they_close(void **state)
{
	(void)state;
	const struct series *held = market_series(market, 15);
	run_minutes(-20, 15); /* the first bar of it is not whole */
	assert_int_equal(step(15, true), 1);
	assert_bars_of_minutes(held, -1, -1);
	trade(15 * MINUTE_MS + MARKET_LATE_MS - 1, 300000, 1);
	assert_int_equal(step(15, true), 0); /* a late trade may still count */
	trade(15 * MINUTE_MS + MARKET_LATE_MS, 300000, 1);
	assert_int_equal(step(15, true), 1);
	assert_bars_of_minutes(held, -1, 0);
	assert_int_equal(step(15, true), 0);
	run_minutes(16, 61);
	assert_int_equal(step(15, true), 3);
	assert_int_equal(series_count(held), 5);
}

static void a_late_trade_that_counts_is_in_the_bar(void **state)
{
	(void)state;
	run_minutes(-16, 15);
	assert_int_equal(step(15, true), 1);
	trade(15 * MINUTE_MS + 2000, 300000, 1);
	assert_int_equal(step(15, true), 0);
	trade(15 * MINUTE_MS - 1, 900000, 7);
	trade(15 * MINUTE_MS + MARKET_LATE_MS, 300000, 1);
	assert_int_equal(step(15, true), 1);
	const struct series_bar *bar = series_at(market_series(market, 15), 1);
	assert_decimal(bar->high, (struct decimal){ 900000, 2 });
}

static void twenty_six_hours_of_minutes_seed_every_timeframe(void **state)
{
	(void)state;
	run_minutes(-1, 26 * 60);
	trade(26 * 60 * MINUTE_MS + MARKET_LATE_MS, 300000, 1);
	assert_int_equal(step(15, true), 104);
	assert_bars_of_minutes(market_series(market, 15), 0, 103);
	assert_int_equal(step(60, true), 26);
	assert_bars_of_minutes(market_series(market, 60), 0, 25);
	assert_int_equal(step(240, true), 6);
	assert_bars_of_minutes(market_series(market, 240), 0, 5);
}

static void no_more_than_210_bars_are_seeded(void **state)
{
	(void)state;
	run_minutes(-1, 60 * 60);
	trade(60 * 60 * MINUTE_MS + MARKET_LATE_MS, 300000, 1);
	assert_int_equal(step(15, true), SERIES_BARS);
	assert_bars_of_minutes(market_series(market, 15), 240 - SERIES_BARS, 239);
}

static void bars_that_left_the_72_hours_are_not_read(void **state)
{
	(void)state;
	run_minutes(-1, 72 * 60 + 30);
	trade((72 * 60 + 30) * MINUTE_MS + MARKET_LATE_MS, 300000, 1);
	assert_int_equal(step(240, true), 17); /* the first of the 18 has lost its first minutes */
	assert_bars_of_minutes(market_series(market, 240), 1, 17);
}

static void a_restored_market_seeds_the_same_bars(void **state)
{
	(void)state;
	struct market_cursor cursor = { 0 };
	struct bar minute;
	int32_t price_scale, qty_scale;
	run_minutes(-1, 26 * 60);
	trade(26 * 60 * MINUTE_MS + MARKET_LATE_MS, 300000, 1);
	struct market *again = new_market(VENUE_BINANCE), *first = market;
	market_scales(market, &price_scale, &qty_scale);
	while (market_next_minute(market, &cursor, &minute))
		assert_int_equal(market_restore_bar(again, &minute, price_scale, qty_scale),
				 STATUS_OK);
	market = again;
	trade(26 * 60 * MINUTE_MS + MARKET_LATE_MS, 300000, 1);
	assert_int_equal(step(60, true), 26);
	assert_bars_of_minutes(market_series(market, 60), 0, 25);
	assert_int_equal(step(15, true), 104);
	market_destroy(first);
}

/* A minute that was never stored, and whose neighbours' ids do not join. */
static void an_unknown_minute_is_no_minute_without_trades(void **state)
{
	(void)state;
	struct market_cursor cursor = { 0 };
	struct bar minute;
	run_minutes(-1, 61);
	struct market *again = new_market(VENUE_BINANCE), *first = market;
	while (market_next_minute(first, &cursor, &minute))
		if (minute.minute_ms != start_ms + 20 * MINUTE_MS)
			assert_int_equal(market_restore_bar(again, &minute, 2, 3), STATUS_OK);
	market = again;
	trade(61 * MINUTE_MS, 300000, 1);
	assert_int_equal(step(60, false), 0);
	assert_int_equal(step(15, true), 2); /* those behind it */
	assert_bars_of_minutes(market_series(market, 15), 2, 3);
	market_destroy(first);
}

static void a_bar_with_a_missing_id_waits_for_the_venue(void **state)
{
	(void)state;
	struct series *held = market_series(market, 15);
	run_minutes(-16, 20);
	assert_int_equal(step(15, true), 2);
	next_id++; /* one is missing in bar 1 */
	run_minutes(20, 61);
	assert_int_equal(step(15, false), 0);
	assert_int_equal(step(15, false), 0);
	struct series_bar asked = bar_of_minutes(15, 15);
	series_fill(held, &asked, 1);
	assert_int_equal(step(15, true), 2);
	assert_bars_of_minutes(held, -1, 3);
}

static void a_repaired_bar_needs_no_venue(void **state)
{
	(void)state;
	run_minutes(-16, 20);
	assert_int_equal(step(15, true), 2);
	int64_t missing = next_id++;
	run_minutes(20, 31);
	assert_int_equal(step(15, false), 0);
	struct trade out;
	struct event_trade event = { .ordered_id = missing,
				     .price = { price_of(19, 0), 2 },
				     .qty = { 1, 3 } };
	assert_int_equal(market_repair_trade(market, &event, start_ms + 20 * MINUTE_MS, &out),
			 MARKET_NEW);
	assert_int_equal(step(15, true), 1);
}

static void an_empty_series_begins_behind_the_last_hole(void **state)
{
	(void)state;
	run_minutes(-16, 20);
	next_id++;
	run_minutes(20, 61);
	assert_int_equal(step(15, true), 2);
	assert_bars_of_minutes(market_series(market, 15), 2, 3);
}

static void an_empty_series_whose_last_bar_is_not_covered_asks(void **state)
{
	(void)state;
	run_minutes(3, 16);
	assert_int_equal(step(15, false), 0);
	assert_int_equal(step(60, false), 0); /* nor is the hour before the first trade */
	assert_int_equal(series_count(market_series(market, 15)), 0);
}

static void a_series_ahead_of_the_market_waits(void **state)
{
	(void)state;
	struct series *held = market_series(market, 15);
	run_minutes(-16, 16);
	struct series_bar venue = bar_of_minutes(60, 15);
	series_fill(held, &venue, 1);
	assert_int_equal(step(15, true), 0);
	assert_int_equal(series_count(held), 1);
}

static void a_bar_without_trades_is_flat_at_the_close_before_it(void **state)
{
	(void)state;
	struct series *held = market_series(market, 15);
	run_minutes(-16, 15);
	trade(46 * MINUTE_MS, 250000, 5); /* the next id: nothing was traded between */
	assert_int_equal(step(15, true), 4);
	struct decimal close = bar_of_minutes(0, 15).close;
	for (size_t i = 2; i < 4; i++) {
		const struct series_bar *bar = series_at(held, i);
		assert_decimal(bar->open, close);
		assert_decimal(bar->high, close);
		assert_decimal(bar->low, close);
		assert_decimal(bar->close, close);
		assert_decimal(bar->volume, (struct decimal){ 0, 3 });
	}
	series_clear(held); /* seeded anew, the close before comes from the minutes */
	assert_int_equal(step(15, true), 4);
	assert_decimal(series_at(held, 2)->close, close);
}

/* Between a trade that left the 72 h and the next one: known to be empty, but the price
 * before is not held any more. */
static void an_empty_series_begins_where_a_price_is_known(void **state)
{
	(void)state;
	trade(0, 250000, 5);
	trade(20 * 3600000, 250000, 5);
	trade(44 * 3600000, 250000, 5);
	trade(68 * 3600000, 250000, 5);
	trade(73 * 3600000, 250000, 5);
	run_minutes(73 * 60 + 1, 73 * 60 + 61);
	/* 72 h reach back to 2:00; the first trade held is of 20:00 */
	assert_int_equal(step(60, true), 54);
	assert_int_equal(series_at(market_series(market, 60), 0)->open_ms, start_ms + 20 * 3600000);
}

/* Nothing was traded in the 72 h before the newest trades, and that is known. */
static void without_any_price_the_venue_is_asked(void **state)
{
	(void)state;
	trade(0, 250000, 5);
	assert_int_equal(trade_id(next_id++, 80 * 3600000, 250000, 5), MARKET_HELD);
	assert_int_equal(trade_id(next_id++, 80 * 3600000 + 9000, 250000, 5), MARKET_NEW);
	assert_int_equal(step(60, false), 0);
	assert_int_equal(series_count(market_series(market, 60)), 0);
}

static void klines_of_minutes_make_bars_too(void **state)
{
	(void)state;
	for (int64_t n = 0; n <= 240; n++) {
		struct event_kline kline = { .open_ms = start_ms + n * MINUTE_MS,
					     .minutes = 1,
					     .open = { price_of(n, 0), 2 },
					     .high = { 999999, 2 },
					     .low = { 100000, 2 },
					     .close = { price_of(n, 2), 2 },
					     .volume = { 30, 1 },
					     .quote_volume = { 9000, 0 },
					     .taker_buy = { 1, 0 },
					     .taker_buy_quote = { 3000, 0 },
					     .has_taker = true,
					     .closed = true };
		assert_int_equal(market_take_kline(market, &kline), MARKET_KLINE_TAKEN);
	}
	assert_int_equal(step(60, true), 3); /* 4:00 has not settled: the newest event is 4:00:00 */
	trade(241 * MINUTE_MS, 250000, 5);
	assert_int_equal(step(60, true), 1);
	const struct series_bar *bar = series_at(market_series(market, 60), 3);
	assert_decimal(bar->open, (struct decimal){ price_of(180, 0), 2 });
	int64_t volume;
	assert_int_equal(decimal_rescale(bar->volume, 0, &volume), STATUS_OK);
	assert_int_equal(volume, 180);
}

static void the_open_bar_follows_what_is_held(void **state)
{
	(void)state;
	struct series *held = market_series(market, 15);
	struct series_bar open, settling;
	run_minutes(-16, 20);
	assert_true(market_series_open(market, held, &open)); /* of an empty series: the newest */
	assert_int_equal(open.open_ms, start_ms + 15 * MINUTE_MS);
	assert_int_equal(step(15, true), 2);
	assert_true(market_series_open(market, held, &open));
	assert_decimal(open.open, (struct decimal){ price_of(15, 0), 2 });
	assert_decimal(open.close, (struct decimal){ price_of(19, 2), 2 });
	struct series_bar five = bar_of_minutes(15, 5);
	assert_bar(&open, &five);
	struct indicator_values values;
	series_provisional(held, &open, &values);
	assert_true(values.provisional);
	run_minutes(20, 30);
	trade(30 * MINUTE_MS + 1, 300000, 1); /* bar 1 is over, and not settled */
	assert_int_equal(step(15, true), 0);
	assert_true(market_series_open(market, held, &settling));
	struct series_bar whole = bar_of_minutes(15, 15);
	assert_bar(&settling, &whole);
	trade(30 * MINUTE_MS + MARKET_LATE_MS, 300000, 1);
	assert_false(market_series_open(market, held, &open)); /* bar 1 is to be taken first */
	assert_int_equal(step(15, true), 1);
	assert_true(market_series_open(market, held, &open));
	assert_int_equal(open.open_ms, start_ms + 30 * MINUTE_MS);
}

/* An interruption that ids cannot bridge: unordered ids (Bybit). */
static void an_interrupted_stream_asks_the_venue(void **state)
{
	(void)state;
	market_destroy(market);
	market = new_market(VENUE_BYBIT);
	for (int64_t n = -16; n <= 31; n++) {
		char name[32];
		struct trade out;
		snprintf(name, sizeof name, "t%d", (int)n);
		struct event_trade event = { .id = str_of(name),
					     .ordered_id = -1,
					     .price = { 200000, 2 },
					     .qty = { 1, 0 } };
		if (n == 16)
			market_mark_interrupted(market);
		assert_int_equal(
		    market_take_trade(market, &event, start_ms + n * MINUTE_MS + 10000, &out),
		    MARKET_NEW);
		if (n == 16)
			assert_int_equal(step(15, true), 2);
	}
	assert_int_equal(step(15, false), 0);
	assert_int_equal(series_newest_ms(market_series(market, 15)), start_ms);
}

#define WITH_MARKET(test) cmocka_unit_test_setup_teardown(test, make_market, drop_market)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_MARKET(a_market_keeps_the_timeframes_of_its_config),
		WITH_MARKET(a_market_without_trades_has_no_bars),
		WITH_MARKET(bars_come_as_they_close),
		WITH_MARKET(a_late_trade_that_counts_is_in_the_bar),
		WITH_MARKET(twenty_six_hours_of_minutes_seed_every_timeframe),
		WITH_MARKET(no_more_than_210_bars_are_seeded),
		WITH_MARKET(bars_that_left_the_72_hours_are_not_read),
		WITH_MARKET(a_restored_market_seeds_the_same_bars),
		WITH_MARKET(an_unknown_minute_is_no_minute_without_trades),
		WITH_MARKET(a_bar_with_a_missing_id_waits_for_the_venue),
		WITH_MARKET(a_repaired_bar_needs_no_venue),
		WITH_MARKET(an_empty_series_begins_behind_the_last_hole),
		WITH_MARKET(an_empty_series_whose_last_bar_is_not_covered_asks),
		WITH_MARKET(a_series_ahead_of_the_market_waits),
		WITH_MARKET(a_bar_without_trades_is_flat_at_the_close_before_it),
		WITH_MARKET(an_empty_series_begins_where_a_price_is_known),
		WITH_MARKET(without_any_price_the_venue_is_asked),
		WITH_MARKET(klines_of_minutes_make_bars_too),
		WITH_MARKET(the_open_bar_follows_what_is_held),
		WITH_MARKET(an_interrupted_stream_asks_the_venue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
