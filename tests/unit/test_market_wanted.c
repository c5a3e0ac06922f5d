/* What a market asks for when it does not know everything, klines that come before the
 * last trades of their minute, and ids that are given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "market_stage.h"

static const int64_t start_ms = 1723161240000; /* minute 54 of its hour */

static struct event_trade trade_of(int64_t id)
{
	static char text[24];
	int len = snprintf(text, sizeof text, "id-%lld", (long long)id);
	return (struct event_trade){ .id = str_make(text, (size_t)len),
				     .ordered_id = id,
				     .price = { 100, 0 },
				     .qty = { 1, 0 } };
}

static enum market_taken take(int64_t id, int64_t offset_ms)
{
	struct event_trade event = trade_of(id);
	return market_take_trade(market, &event, start_ms + offset_ms, &out);
}

static enum market_taken repair(int64_t id, int64_t offset_ms)
{
	struct event_trade event = trade_of(id);
	return market_repair_trade(market, &event, start_ms + offset_ms, &out);
}

/* Volume in whole units; Binance's have the takers' part, half of it. */
static enum market_kline kline(int minute, int64_t volume)
{
	bool taker = market_id(market)->venue == VENUE_BINANCE;
	struct event_kline event = {
		.open_ms = start_ms + minute * MINUTE_MS,
		.minutes = 1,
		.closed = true,
		.open = { 100, 0 },
		.high = { 110, 0 },
		.low = { 90, 0 },
		.close = { 105, 0 },
		.volume = { volume, 0 },
		.taker_buy = { taker ? volume * 5 : 0, 1 },
		.quote_volume = { volume * 100, 0 },
		.taker_buy_quote = { taker ? volume * 50 : 0, 0 },
		.has_taker = taker,
	};
	return market_take_kline(market, &event);
}

static uint32_t flags_at(int minute)
{
	struct bar bar;
	assert_int_equal(market_minute(market, start_ms + minute * MINUTE_MS, &bar), STATUS_OK);
	return bar.flags;
}

static int32_t present_of(int32_t minutes)
{
	struct window window;
	market_window(market, minutes, &window);
	return window.present - window.partial;
}

/* The wanted span in minutes from start_ms; first 9999: none. */
struct span {
	int64_t first, last;
};

static struct span wanted_from(int64_t from, int64_t before, int32_t most)
{
	struct minute_span span;
	if (!market_wanted(market, start_ms + from * MINUTE_MS, start_ms + before * MINUTE_MS, most,
			   &span))
		return (struct span){ 9999, 9999 };
	return (struct span){ (span.first_ms - start_ms) / MINUTE_MS,
			      (span.last_ms - start_ms) / MINUTE_MS };
}

#define assert_wanted(from, before, most, a, b)                                                    \
	do {                                                                                       \
		struct span got = wanted_from(from, before, most);                                 \
		assert_int_equal(got.first, a);                                                    \
		assert_int_equal(got.last, b);                                                     \
	} while (0)
#define assert_nothing_wanted(from, before) assert_wanted(from, before, 5000, 9999, 9999)

/* ---- what is wanted ---- */

static void an_empty_market_wants_the_past_oldest_first(void **state)
{
	(void)state;
	assert_wanted(-4320, 0, 1000, -4320, -3321);
	assert_wanted(-9000, 0, 1000, -4320, -3321); /* 72 h, and no more */
	assert_nothing_wanted(0, 0);
	struct minute_span span;
	assert_true(market_wanted(market, 0, start_ms + MINUTE_MS - 1, 1, &span));
	assert_int_equal(span.last_ms, start_ms - 4320 * (int64_t)MINUTE_MS); /* ended ones only */
}

static void klines_on_an_empty_market_go_on_until_now(void **state)
{
	(void)state;
	for (int i = -10; i < -6; i++)
		assert_int_equal(kline(i, 6), MARKET_KLINE_TAKEN);
	assert_wanted(-10, 0, 5000, -6, -1);
	assert_wanted(-10, -3, 2, -6, -5);
	for (int i = -6; i < 0; i++)
		assert_int_equal(kline(i, 6), MARKET_KLINE_TAKEN);
	assert_nothing_wanted(-10, 0);
}

static void trades_first_and_the_past_later_want_the_same(void **state)
{
	(void)state;
	take(7, 30000);
	take(8, 60000 + 5000);
	assert_wanted(-10, 2, 5000, -10, 0); /* and the minute in which the stream began */
	for (int i = -10; i <= 0; i++)
		assert_int_equal(kline(i, 6), MARKET_KLINE_TAKEN);
	assert_nothing_wanted(-10, 2);
	assert_int_equal(flags_at(0), BAR_KLINES);
	assert_int_equal(flags_at(1), 0); /* ids prove it */
	struct window window;
	market_window(market, 12, &window);
	assert_int_equal(window.flow.buy, 11 * 30 + 10); /* at one digit */
	assert_int_equal(window.flow.sell, 11 * 30);
	assert_int_equal(window.partial, 0);
	assert_int_equal(window.present, 12);
}

static void a_quiet_stream_wants_nothing_after_its_newest_trade(void **state)
{
	(void)state;
	take(7, 0);
	kline(0, 6);
	assert_nothing_wanted(0, 30);
	take(8, 20 * 60000);
	take(9, 21 * 60000);
	assert_wanted(0, 30, 5000, 1, 19); /* klines carry no ids: the hole is not proved empty */
}

static void a_hole_of_the_72_hours_is_wanted_within_the_hour_and_over_hours(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++)
		if (i < 3 || (i > 5 && i < 8) || i > 130)
			kline(i, 6);
	assert_wanted(0, 200, 5000, 3, 130);
	assert_wanted(0, 200, 4, 3, 5); /* begins and ends with one that is wanted */
	assert_wanted(6, 200, 60, 8, 67);
	assert_wanted(6, 200, 1, 8, 8);
	assert_wanted(100, 110, 5000, 100, 109);
}

static void minutes_of_ids_that_may_come_back_are_not_wanted(void **state)
{
	(void)state;
	struct seen_range range;
	take(1, 0);
	kline(0, 6);
	take(2, 60000);
	take(9, 180000); /* 3 to 8 of minutes 1 to 3 are missing */
	take(10, 240000);
	assert_nothing_wanted(0, 5);
	assert_int_equal(market_missing(market, &range, 1), 1);
	market_give_up(market, &range);
	assert_int_equal(market_missing(market, &range, 1), 0);
	assert_wanted(0, 5, 5000, 1, 3);
	assert_int_equal(repair(5, 130000), MARKET_DUPLICATE);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(kline(i, 6), MARKET_KLINE_TAKEN);
	assert_nothing_wanted(0, 5);
	assert_int_equal(present_of(5), 5);
}

/* A trade that came too late for its minute is lost to it whatever ids come back. */
static void a_minute_that_lost_a_trade_is_wanted_at_once(void **state)
{
	(void)state;
	take(1, 0);
	kline(0, 6);
	take(2, 60000);
	take(9, 240000);
	assert_int_equal(take(5, 130000), MARKET_LATE);
	assert_wanted(0, 5, 5000, 2, 2);
}

/* The ring's slots of the hours to come still hold those of 73 hours ago. */
static void hours_that_wrap_are_wanted_like_any(void **state)
{
	(void)state;
	for (int i = 6; i < 66; i++) /* a whole hour of the clock */
		kline(i, 6);
	for (int day = 1; day <= 3; day++)
		assert_int_equal(kline(6 + day * 1440, 6), MARKET_KLINE_TAKEN);
	assert_wanted(6 + 73 * 60, 6 + 74 * 60, 5000, 6 + 73 * 60, 6 + 74 * 60 - 1);
}

static void a_late_trade_of_a_minute_believed_empty_unproves_it(void **state)
{
	(void)state;
	take(1, 0);
	take(2, 180000 + 6000);
	assert_int_equal(present_of(4), 3);
	assert_int_equal(take(3, 100000), MARKET_LATE);
	assert_int_equal(present_of(4), 2);
	assert_wanted(0, 10, 5000, 0, 1);
	assert_int_equal(take(4, 181000), MARKET_NEW); /* its neighbours cannot prove it again */
	assert_int_equal(repair(5, 2000), MARKET_NEW);
	assert_int_equal(present_of(4), 2);
}

static void given_up_ids_leave_what_klines_brought(void **state)
{
	(void)state;
	struct seen_range range;
	take(1, 0);
	take(9, 120000);
	take(10, 180000);
	assert_int_equal(market_missing(market, &range, 1), 1);
	assert_int_equal(kline(0, 6), MARKET_KLINE_TAKEN);
	assert_int_equal(kline(1, 6), MARKET_KLINE_TAKEN);
	market_give_up(market, &range);
	assert_int_equal(flags_at(0), BAR_KLINES);
	assert_int_equal(flags_at(1), BAR_KLINES);
	assert_int_equal(flags_at(2), BAR_PARTIAL);
	take(11, 190000); /* the ids go on */
	assert_int_equal(market_counts(market)->gaps, 1);
}

static void part_of_a_range_can_be_given_up(void **state)
{
	(void)state;
	struct seen_range range[4], part = { .first = 4, .last = 5 };
	take(1, 0);
	take(9, 120000);
	market_give_up(market, &part);
	assert_int_equal(market_missing(market, range, 4), 2);
	assert_int_equal(range[0].first, 2);
	assert_int_equal(range[0].last, 3);
	assert_int_equal(range[1].first, 6);
	assert_int_equal(range[1].last, 8);
	part = (struct seen_range){ .first = 0, .last = 6 };
	market_give_up(market, &part);
	assert_int_equal(market_missing(market, range, 4), 1);
	assert_int_equal(range[0].first, 7);
	assert_int_equal(repair(7, 60000), MARKET_NEW);
	assert_int_equal(repair(4, 60000), MARKET_DUPLICATE);
}

/* What only volume can prove is asked for once its trades are all there. */
static void unordered_minutes_are_wanted_when_they_can_get_no_more_trades(void **state)
{
	(void)state;
	assert_nothing_wanted(-10, 10); /* nothing to compare with */
	take(1, 30000);
	take(2, 60000);
	assert_nothing_wanted(-10, 10); /* minute 0 may still get some */
	take(3, 65000);
	assert_wanted(-10, 10, 5000, 0, 0);
	assert_int_equal(kline(0, 1), MARKET_KLINE_AGREED);
	assert_nothing_wanted(-10, 10);
	market_mark_interrupted(market);
	take(4, 4 * 60000);
	take(5, 5 * 60000 + 5000);
	assert_wanted(-10, 10, 5000, 1, 4); /* 2 and 3 may have had trades */
	assert_int_equal(kline(2, 0), MARKET_KLINE_AGREED);
	assert_int_equal(kline(3, 1), MARKET_KLINE_IGNORED); /* no trade, and it had one */
	assert_wanted(2, 10, 5000, 3, 4);
}

/* ---- klines that wait ---- */

static void a_kline_waits_for_the_last_trades_of_its_minute(void **state)
{
	(void)state;
	take(1, 0);
	take(2, 60000 + 10000);
	market_mark_interrupted(market);
	take(3, 60000 + 20000);
	assert_int_equal(kline(1, 3), MARKET_KLINE_WAITING);
	take(4, 120000 + 100);
	assert_int_equal(take(5, 60000 + 59900), MARKET_NEW); /* a last one */
	take(6, 120000 + 4999);
	assert_int_equal(flags_at(1), BAR_PARTIAL);
	take(7, 120000 + 5000);
	assert_int_equal(flags_at(1), 0);
	assert_int_equal(market_counts(market)->klines_agreed, 1);
}

static void the_last_kline_of_a_minute_that_came_counts(void **state)
{
	(void)state;
	take(1, 0);
	take(2, 60000);
	assert_int_equal(kline(1, 7), MARKET_KLINE_WAITING);
	assert_int_equal(kline(1, 1), MARKET_KLINE_WAITING);
	assert_int_equal(kline(0, 9), MARKET_KLINE_WAITING);
	take(3, 125000);
	assert_int_equal(flags_at(1), 0);
	assert_int_equal(market_counts(market)->klines_differ, 0);
	assert_int_equal(market_counts(market)->klines_forgotten, 0);
}

static void only_so_many_klines_wait_and_the_oldest_is_forgotten(void **state)
{
	(void)state;
	take(1, 0);
	for (int i = 0; i < MARKET_KLINES_WAITING + 2; i++)
		assert_int_equal(kline(i, 5), MARKET_KLINE_WAITING);
	assert_int_equal(market_counts(market)->klines_forgotten, 2);
	take(2, 5000 + 60000 * (MARKET_KLINES_WAITING + 2));
	/* the minutes without a trade were believed empty; the two oldest nobody judged */
	assert_int_equal(market_counts(market)->klines_differ, MARKET_KLINES_WAITING);
	assert_int_equal(flags_at(0), BAR_PARTIAL); /* where the stream began */
}

static void a_complete_minute_of_another_volume_is_partial(void **state)
{
	(void)state;
	take(1, 0);
	take(2, 60000);
	take(3, 125000);
	assert_int_equal(flags_at(1), 0);
	assert_int_equal(kline(1, 2), MARKET_KLINE_DIFFERS);
	assert_int_equal(flags_at(1), BAR_PARTIAL);
	assert_int_equal(kline(1, 2), MARKET_KLINE_IGNORED); /* it is said already */
	assert_wanted(1, 10, 5000, 1, 1);
	assert_int_equal(repair(4, 61000), MARKET_NEW);
	assert_int_equal(flags_at(1), BAR_PARTIAL);
	assert_int_equal(kline(1, 2), MARKET_KLINE_AGREED);
	assert_int_equal(flags_at(1), 0);
	assert_int_equal(kline(1, 2), MARKET_KLINE_IGNORED);
}

static void a_minute_believed_empty_that_was_not_is_partial(void **state)
{
	(void)state;
	struct bar bar;
	take(1, 0);
	take(2, 180000 + 5000);
	assert_int_equal(present_of(4), 3);
	assert_int_equal(kline(1, 2), MARKET_KLINE_DIFFERS);
	assert_int_equal(present_of(4), 2);
	assert_int_equal(flags_at(1), BAR_PARTIAL); /* it is held, so the mark is stored with it */
	assert_int_equal(market_minute(market, start_ms + MINUTE_MS, &bar), STATUS_OK);
	assert_int_equal(bar.open, 100);
	assert_int_equal(bar.high, 110);
	assert_int_equal(bar.close, 105);
	assert_int_equal(bar.buy + bar.sell, 0);
	assert_int_equal(repair(3, 61000), MARKET_NEW);
	assert_int_equal(repair(4, 62000), MARKET_NEW);
	assert_int_equal(kline(1, 2), MARKET_KLINE_AGREED);
	assert_int_equal(flags_at(1), 0);
	assert_int_equal(market_minute(market, start_ms + MINUTE_MS, &bar), STATUS_OK);
	assert_int_equal(bar.open, 100);
	assert_int_equal(bar.buy, 2);
	assert_int_equal(present_of(4), 3);
}

static void ordered_ids_prove_more_than_a_kline(void **state)
{
	(void)state;
	take(1, 0);
	take(2, 60000);
	take(3, 125000);
	assert_int_equal(kline(1, 50), MARKET_KLINE_IGNORED);
	assert_int_equal(flags_at(1), 0);
}

/* A kline with the takers' part is final: on a market that stands still it need not wait. */
static void klines_with_the_takers_part_do_not_wait(void **state)
{
	(void)state;
	take(1, 30000);
	assert_int_equal(kline(0, 6), MARKET_KLINE_TAKEN);
	assert_int_equal(take(2, 59999), MARKET_NEW); /* in its sums already */
	struct bar bar;
	assert_int_equal(market_minute(market, start_ms, &bar), STATUS_OK);
	assert_int_equal(bar.buy + bar.sell, 60);
	assert_int_equal(take(3, 90000), MARKET_NEW);
	take(5, 90001);
	assert_int_equal(take(4, 40000), MARKET_LATE); /* late, but in the kline */
	assert_int_equal(flags_at(0), BAR_KLINES);
}

/* ---- a reconnect ---- */

static void what_a_reconnect_missed_is_counted_once_and_in_its_minute(void **state)
{
	(void)state;
	struct bar bar;
	for (int i = 1; i <= 6; i++)
		take(i, i * 10000); /* minute 0 has 5, minute 1 one so far */
	market_mark_interrupted(market);
	take(10, 100000); /* the stream is back; 7, 8, 9 were missed */
	for (int i = 4; i <= 10; i++)
		assert_int_equal(repair(i, i * 10000),
				 i >= 7 && i <= 9 ? MARKET_NEW : MARKET_DUPLICATE);
	take(11, 125000);
	assert_int_equal(market_minute(market, start_ms + MINUTE_MS, &bar), STATUS_OK);
	assert_int_equal(bar.buy, 5);
	assert_int_equal(bar.flags, BAR_PARTIAL);
	assert_int_equal(kline(1, 5), MARKET_KLINE_AGREED);
	assert_int_equal(flags_at(1), 0);
}

/* Of a long break only the end comes back: that minutes have trades proves nothing. */
static void minutes_a_repair_reaches_into_are_partial(void **state)
{
	(void)state;
	take(1, 0);
	take(2, 60000);
	market_mark_interrupted(market);
	take(20, 6 * 60000);
	take(21, 7 * 60000 + 5000);
	assert_int_equal(repair(15, 3 * 60000 + 50000), MARKET_NEW);
	assert_int_equal(repair(16, 5 * 60000), MARKET_NEW);
	assert_int_equal(flags_at(3), BAR_PARTIAL);
	assert_int_equal(flags_at(5), BAR_PARTIAL);
	assert_int_equal(present_of(8), 1); /* only the minute of the newest trade */
	assert_wanted(0, 10, 5000, 0, 6);
	assert_int_equal(kline(5, 1), MARKET_KLINE_AGREED);
	assert_int_equal(kline(3, 4), MARKET_KLINE_IGNORED);
	assert_int_equal(flags_at(3), BAR_PARTIAL);
}

/* The answer came before the stream's first trade: where the stream goes on is still
 * not proved. */
static void a_repair_does_not_end_an_interruption(void **state)
{
	(void)state;
	take(1, 0);
	market_mark_interrupted(market);
	assert_int_equal(repair(2, 61000), MARKET_NEW);
	take(4, 122000);
	take(5, 185000);
	assert_int_equal(flags_at(1), BAR_PARTIAL);
	assert_int_equal(flags_at(2), BAR_PARTIAL);
	assert_int_equal(flags_at(3), 0);
}

#define ORDERED(test)   cmocka_unit_test_setup_teardown(test, make_ordered, drop)
#define UNORDERED(test) cmocka_unit_test_setup_teardown(test, make_unordered, drop)

/* The minute in which the stream began was cut: history before it, and a repair of ids
 * inside it, must not make it whole. */
static void the_minute_the_stream_began_in_waits_for_its_kline(void **state)
{
	(void)state;
	take(50, 200000);
	kline(1, 4);
	kline(2, 4);
	take(52, 201000);
	take(53, 245000);
	assert_int_equal(repair(51, 200500), MARKET_NEW);
	assert_true(flags_at(3) & BAR_PARTIAL);
	assert_wanted(0, 4, 1000, 0, 3);
	assert_int_equal(kline(3, 9), MARKET_KLINE_TAKEN);
	assert_int_equal(flags_at(3) & (BAR_PARTIAL | BAR_KLINES), BAR_KLINES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ORDERED(an_empty_market_wants_the_past_oldest_first),
		ORDERED(klines_on_an_empty_market_go_on_until_now),
		ORDERED(trades_first_and_the_past_later_want_the_same),
		ORDERED(a_quiet_stream_wants_nothing_after_its_newest_trade),
		ORDERED(a_hole_of_the_72_hours_is_wanted_within_the_hour_and_over_hours),
		ORDERED(minutes_of_ids_that_may_come_back_are_not_wanted),
		ORDERED(a_minute_that_lost_a_trade_is_wanted_at_once),
		ORDERED(hours_that_wrap_are_wanted_like_any),
		UNORDERED(a_late_trade_of_a_minute_believed_empty_unproves_it),
		ORDERED(given_up_ids_leave_what_klines_brought),
		ORDERED(part_of_a_range_can_be_given_up),
		ORDERED(the_minute_the_stream_began_in_waits_for_its_kline),
		UNORDERED(unordered_minutes_are_wanted_when_they_can_get_no_more_trades),
		UNORDERED(a_kline_waits_for_the_last_trades_of_its_minute),
		UNORDERED(the_last_kline_of_a_minute_that_came_counts),
		UNORDERED(only_so_many_klines_wait_and_the_oldest_is_forgotten),
		UNORDERED(a_complete_minute_of_another_volume_is_partial),
		UNORDERED(a_minute_believed_empty_that_was_not_is_partial),
		ORDERED(ordered_ids_prove_more_than_a_kline),
		ORDERED(klines_with_the_takers_part_do_not_wait),
		UNORDERED(what_a_reconnect_missed_is_counted_once_and_in_its_minute),
		UNORDERED(minutes_a_repair_reaches_into_are_partial),
		UNORDERED(a_repair_does_not_end_an_interruption),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
