/* What a market does with each kind of trade, by hand-made cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define STAGE_WHALE_QUOTE 1000
#include "market_stage.h"

static const int64_t start_ms = 1723161240000; /* a whole minute, not a whole hour */

static struct event_trade trade_of(int64_t id, int64_t price, int64_t qty)
{
	static char text[24];
	int len = snprintf(text, sizeof text, "id-%lld", (long long)id);
	return (struct event_trade){ .id = str_make(text, (size_t)len),
				     .ordered_id = id,
				     .price = { price, 0 },
				     .qty = { qty, 0 } };
}

static enum market_taken take(int64_t id, int64_t offset_ms)
{
	struct event_trade event = trade_of(id, 100, 1);
	return market_take_trade(market, &event, start_ms + offset_ms, &out);
}

static enum market_taken repair(int64_t id, int64_t offset_ms)
{
	struct event_trade event = trade_of(id, 100, 1);
	return market_repair_trade(market, &event, start_ms + offset_ms, &out);
}

static uint32_t flags_at(int minute)
{
	struct bar bar;
	assert_int_equal(market_minute(market, start_ms + minute * MINUTE_MS, &bar), STATUS_OK);
	return bar.flags;
}

static uint32_t trades_at(int minute)
{
	struct bar bar;
	if (market_minute(market, start_ms + minute * MINUTE_MS, &bar))
		return 0;
	return bar.n_buy + bar.n_sell;
}

static void late_trade_goes_to_the_tape_only(void **state)
{
	(void)state;
	take(1, 0);
	take(2, 60000);
	take(3, 65001);
	assert_int_equal(take(4, 60001), MARKET_NEW);  /* 5,000 ms behind */
	assert_int_equal(take(5, 60000), MARKET_LATE); /* 5,001 ms behind */
	assert_int_equal(trades_at(1), 3);
	assert_int_equal(flags_at(1), BAR_PARTIAL);
	assert_int_equal(market_counts(market)->late, 1);
	assert_int_equal(market_counts(market)->trades, 5);
	assert_int_equal(take(5, 60000), MARKET_DUPLICATE);
}

static void block_trades_are_left_out(void **state)
{
	(void)state;
	struct event_trade event = trade_of(1, 100, 1);
	event.block = true;
	assert_int_equal(market_take_trade(market, &event, start_ms, &out), MARKET_SKIPPED);
	assert_int_equal(market_newest_ms(market), 0);
	assert_int_equal(market_counts(market)->skipped, 1);
}

static void the_kind_of_stream_seen_first_counts(void **state)
{
	(void)state;
	struct event_trade event = trade_of(500, 100, 1);
	event.aggregated = true;
	assert_int_equal(take(1, 0), MARKET_NEW);
	assert_int_equal(market_take_trade(market, &event, start_ms + 10, &out), MARKET_SKIPPED);
	assert_int_equal(take(2, 20), MARKET_NEW);
	assert_int_equal(trades_at(0), 2);
	assert_int_equal(market_counts(market)->gaps, 0);
}

static void another_kind_may_go_on_after_a_restart(void **state)
{
	(void)state;
	char bytes[MARKET_STATE_BYTES];
	struct buf buf = buf_over(bytes, sizeof bytes);
	struct event_trade event = trade_of(500, 100, 1);
	event.aggregated = true;
	take(1, 0);
	take(2, 120000);
	market_state_pack(market, &buf);
	market_destroy(market);
	make(VENUE_BINANCE);
	assert_int_equal(market_state_restore(market, buf_str(&buf)), STATUS_OK);
	assert_int_equal(market_take_trade(market, &event, start_ms + 119000, &out),
			 MARKET_SKIPPED);
	assert_int_equal(market_take_trade(market, &event, start_ms + 240000, &out), MARKET_NEW);
	assert_int_equal(flags_at(2), BAR_PARTIAL); /* what lies between cannot be known */
	assert_int_equal(flags_at(4), BAR_PARTIAL);
	assert_int_equal(take(3, 240001), MARKET_SKIPPED);
}

static void nonsense_is_refused_and_changes_nothing(void **state)
{
	(void)state;
	take(1, 0);
	struct event_trade event = trade_of(2, 0, 1);
	assert_int_equal(market_take_trade(market, &event, start_ms, &out), MARKET_REFUSED);
	event = trade_of(2, 1, -1);
	assert_int_equal(market_take_trade(market, &event, start_ms, &out), MARKET_REFUSED);
	event = trade_of(-1, 1, 1);
	assert_int_equal(market_take_trade(market, &event, start_ms, &out), MARKET_REFUSED);
	event = trade_of(INT64_MAX, 1, 1);
	assert_int_equal(market_take_trade(market, &event, start_ms, &out), MARKET_REFUSED);
	event = trade_of(2, 1, 1);
	assert_int_equal(market_take_trade(market, &event, -5, &out), MARKET_REFUSED);
	assert_int_equal(market_take_trade(market, &event, INT64_MAX, &out), MARKET_REFUSED);
	assert_int_equal(market_counts(market)->refused, 6);
	assert_int_equal(trades_at(0), 1);
	assert_int_equal(take(2, 1), MARKET_NEW);
}

static void what_does_not_fit_is_refused_and_changes_nothing(void **state)
{
	(void)state;
	int32_t ps, qs;
	struct window window;
	struct event_trade event = trade_of(1, INT64_MAX / 100, 1);
	assert_int_equal(market_take_trade(market, &event, start_ms, &out), MARKET_NEW);
	event = trade_of(2, 1, 1);
	event.price.scale = 3; /* the first price has no room for three more digits */
	assert_int_equal(market_take_trade(market, &event, start_ms, &out), MARKET_REFUSED);
	event = trade_of(2, 1, INT64_C(1) << 56);
	assert_int_equal(market_take_trade(market, &event, start_ms, &out), MARKET_REFUSED);
	event = trade_of(2, 1, (INT64_C(1) << 56) - 1);
	assert_int_equal(market_take_trade(market, &event, start_ms, &out), MARKET_REFUSED);
	event = trade_of(2, 1, (INT64_C(1) << 56) - 2);
	assert_int_equal(market_take_trade(market, &event, start_ms, &out), MARKET_NEW);
	event = trade_of(3, 1, 1);
	event.qty.scale = 1;
	assert_int_equal(market_take_trade(market, &event, start_ms, &out), MARKET_REFUSED);
	market_scales(market, &ps, &qs);
	assert_int_equal(ps, 0);
	assert_int_equal(qs, 0);
	market_window(market, 1, &window);
	assert_int_equal(window.flow.n_buy, 2);
	assert_int_equal(market_counts(market)->gaps, 0);
}

static void rising_scales_keep_every_number(void **state)
{
	(void)state;
	struct bar bar;
	int32_t ps, qs;
	take(1, 0); /* 1 at 100 */
	struct event_trade event = trade_of(2, 100123, 25);
	event.price.scale = 3;
	event.qty.scale = 2;
	assert_int_equal(market_take_trade(market, &event, start_ms + 60000, &out), MARKET_NEW);
	market_scales(market, &ps, &qs);
	assert_int_equal(ps, 3);
	assert_int_equal(qs, 2);
	assert_int_equal(market_minute(market, start_ms, &bar), STATUS_OK);
	assert_int_equal(bar.open, 100000);
	assert_int_equal(bar.buy, 100);
	assert_true(bar.buy_quote == 10000000);
	assert_int_equal(take(3, 60001), MARKET_NEW);
	assert_int_equal(out.price, 100000);
	assert_int_equal(out.qty, 100);
}

/* ---- far ahead ---- */

static void one_absurd_time_wipes_nothing(void **state)
{
	(void)state;
	take(1, 0);
	take(2, 1000);
	assert_int_equal(take(3, INT64_C(365) * 86400000), MARKET_HELD);
	assert_int_equal(market_newest_ms(market), start_ms + 1000);
	assert_int_equal(take(3, 2000),
			 MARKET_DUPLICATE); /* the same trade again confirms nothing */
	assert_int_equal(take(4, 3000), MARKET_NEW);
	assert_int_equal(market_counts(market)->refused, 1);
	assert_int_equal(market_newest_ms(market), start_ms + 3000);
	assert_false(market_held_trade(market, &out));
	assert_int_equal(repair(3, 2000), MARKET_NEW);
	assert_int_equal(trades_at(0), 4);
}

static void a_pause_of_days_loses_no_trade(void **state)
{
	(void)state;
	static const int64_t pause = INT64_C(5) * 86400000;
	take(1, 0);
	take(2, 1000);
	assert_int_equal(take(3, pause), MARKET_HELD);
	assert_int_equal(take(4, pause + 70000), MARKET_NEW);
	assert_int_equal(out.id, 4);
	assert_true(market_held_trade(market, &out));
	assert_int_equal(out.id, 3);
	assert_int_equal(out.t_ms, start_ms + pause);
	assert_false(market_held_trade(market, &out));
	assert_int_equal(trades_at(5 * 1440), 1);
	assert_int_equal(trades_at(5 * 1440 + 1), 1);
	assert_int_equal(market_counts(market)->trades, 4);
	assert_int_equal(market_counts(market)->refused, 0);
}

static void one_absurd_id_is_refused(void **state)
{
	(void)state;
	take(1, 0);
	assert_int_equal(take(INT64_C(1) << 50, 10), MARKET_HELD);
	assert_int_equal(take(2, 20), MARKET_NEW);
	assert_int_equal(take(3, 30), MARKET_NEW);
	assert_int_equal(market_counts(market)->gaps, 0);
	assert_int_equal(market_counts(market)->refused, 1);
}

/* ---- what is known ---- */

static void ids_prove_minutes_empty(void **state)
{
	(void)state;
	struct window window;
	take(1, 0);
	take(2, 5 * 60000);
	market_window(market, 10, &window);
	assert_int_equal(window.present, 6);
	assert_int_equal(window.partial, 1); /* the first, cut by the input */
	take(4, 8 * 60000);
	market_window(market, 10, &window);
	assert_int_equal(window.present, 7); /* 6 and 7 may have had trade 3 */
	assert_int_equal(window.partial, 3);
}

static void a_repaired_gap_says_so(void **state)
{
	(void)state;
	struct window window;
	take(1, 0);
	take(2, 60000);
	take(5, 180000);
	take(6, 240000);
	assert_int_equal(flags_at(1), BAR_PARTIAL);
	assert_int_equal(flags_at(3), BAR_PARTIAL);
	assert_int_equal(repair(3, 60001), MARKET_NEW); /* minutes late, and yet counted */
	assert_int_equal(flags_at(1), BAR_PARTIAL);
	assert_int_equal(repair(4, 120000), MARKET_NEW);
	assert_int_equal(flags_at(1), BAR_REPAIRED);
	assert_int_equal(flags_at(2), BAR_REPAIRED);
	assert_int_equal(flags_at(3), BAR_REPAIRED);
	assert_int_equal(flags_at(4), 0);
	assert_int_equal(flags_at(0), BAR_PARTIAL);
	market_window(market, 5, &window);
	assert_int_equal(window.repaired, 3);
	assert_int_equal(window.present, 5);
	assert_int_equal(market_counts(market)->gaps, 1);
	assert_int_equal(market_counts(market)->late, 0);
}

static void a_gap_filled_too_late_stays_partial(void **state)
{
	(void)state;
	take(1, 0);
	take(2, 60000);
	take(4, 90000);
	assert_int_equal(take(3, 61000), MARKET_LATE);
	take(5, 120000);
	assert_int_equal(flags_at(1), BAR_PARTIAL);
}

static void a_minute_two_gaps_touch_waits_for_both(void **state)
{
	(void)state;
	take(1, 0);
	take(2, 60000);
	take(4, 61000);
	take(6, 62000);
	take(7, 120000);
	repair(3, 60500);
	assert_int_equal(flags_at(1) & BAR_PARTIAL, BAR_PARTIAL);
	repair(5, 61500);
	assert_int_equal(flags_at(1), BAR_REPAIRED);
}

static void earlier_trades_prove_the_first_minute(void **state)
{
	(void)state;
	take(10, 60000);
	assert_int_equal(take(9, 59000), MARKET_NEW);
	take(11, 60500);
	assert_int_equal(flags_at(1), 0);
	assert_int_equal(flags_at(0), BAR_PARTIAL);
}

static void newest_and_first_minute_are_partial_when_listed(void **state)
{
	(void)state;
	struct market_cursor cursor = { 0 };
	struct bar bar;
	take(1, 0);
	take(2, 60000);
	take(3, 120000);
	static const uint32_t flags[] = { BAR_PARTIAL, 0, BAR_PARTIAL };
	for (int i = 0; i < 3; i++) {
		assert_true(market_next_minute(market, &cursor, &bar));
		assert_int_equal(bar.flags, flags[i]);
	}
	assert_false(market_next_minute(market, &cursor, &bar));
	assert_int_equal(flags_at(2), 0); /* stored: it goes on */
}

static void an_interruption_leaves_minutes_partial(void **state)
{
	(void)state;
	struct window window;
	take(1, 0);
	take(2, 60000);
	take(3, 180000);
	market_mark_interrupted(market);
	take(4, 360000);
	take(5, 480000);
	assert_int_equal(flags_at(1), 0);
	assert_int_equal(flags_at(3), BAR_PARTIAL);
	assert_int_equal(flags_at(6), BAR_PARTIAL);
	assert_int_equal(flags_at(8), 0);
	market_window(market, 9, &window);
	assert_int_equal(window.present, 7); /* 4 and 5 are unknown, 2 and 7 were quiet */
}

static void what_left_the_id_set_is_presumed_seen(void **state)
{
	(void)state;
	for (int64_t i = 0; i < SEEN_IDS + 100; i++)
		assert_int_equal(take(i, i * 10), MARKET_NEW);
	assert_int_equal(take(50, 500), MARKET_DUPLICATE);
	assert_int_equal(take(5000, 50000), MARKET_DUPLICATE);
	assert_int_equal(market_counts(market)->presumed, 1);
	assert_int_equal(market_counts(market)->duplicates, 2);
	assert_int_equal(take(900001, 1200), MARKET_LATE); /* newer than all that left */
}

static void a_restored_set_counts_nothing_twice(void **state)
{
	(void)state;
	char bytes[MARKET_STATE_BYTES];
	struct buf buf = buf_over(bytes, sizeof bytes);
	enum { N = 1000 };
	for (int64_t i = 0; i < N; i++)
		take(i, i * 10);
	market_state_pack(market, &buf);
	assert_false(buf.overflow);
	market_destroy(market);
	make(VENUE_BYBIT);
	assert_int_equal(market_state_restore(market, buf_str(&buf)), STATUS_OK);
	for (int64_t i = 0; i < N; i++)
		assert_int_equal(take(i, i * 10), MARKET_DUPLICATE);
	assert_true(market_counts(market)->presumed > 500);
	assert_true(market_counts(market)->presumed < 900);
	assert_int_equal(take(N, N * 10), MARKET_NEW);
}

/* ---- large trades ---- */

static void largest_and_whales_are_kept(void **state)
{
	(void)state;
	struct large_trade list[MARKET_WHALES];
	for (int64_t i = 0; i < 40; i++) {
		struct event_trade event = trade_of(i, 100, (i * 7) % 40 + 1);
		assert_int_equal(market_take_trade(market, &event, start_ms + i * 1000, &out),
				 MARKET_NEW);
	}
	assert_int_equal(market_largest(market, list, MARKET_WHALES), MARKET_LARGEST);
	for (int i = 0; i < MARKET_LARGEST; i++)
		assert_int_equal(list[i].qty, 40 - i);
	assert_int_equal(market_largest(market, list, 3), 3);
	/* whales: over 1,000 of quote, so 11 and more; newest first */
	assert_int_equal(market_whales(market, list, MARKET_WHALES), MARKET_WHALES);
	for (int i = 0; i < MARKET_WHALES; i++) {
		assert_true(list[i].qty > 10);
		assert_true(i == 0 || list[i].t_ms < list[i - 1].t_ms);
	}
	assert_int_equal(list[0].t_ms, start_ms + 39 * 1000); /* 39 * 7 % 40 + 1 is 34 */
}

static void largest_forgets_after_a_day(void **state)
{
	(void)state;
	struct large_trade list[MARKET_LARGEST];
	for (int64_t i = 0; i < 26 * 60; i++) {
		struct event_trade event = trade_of(i, 100, 5000 - i);
		market_take_trade(market, &event, start_ms + i * 60000, &out);
	}
	assert_int_equal(market_largest(market, list, MARKET_LARGEST), MARKET_LARGEST);
	/* the hour that is leaving the 24 h had its ten largest first: they are gone */
	assert_int_equal(list[0].t_ms, start_ms + (26 * 60 - 1440 + 6) * 60000);
	assert_int_equal(list[0].qty, 5000 - (26 * 60 - 1440 + 6));
}

static void trades_out_of_the_tape_are_taken_once(void **state)
{
	(void)state;
	struct trade trade = { start_ms, 1, 10050, 20, SIDE_SELL };
	struct bar bar;
	assert_int_equal(market_restore_trade(market, &trade, 2, 1), MARKET_NEW);
	assert_int_equal(market_restore_trade(market, &trade, 2, 1), MARKET_DUPLICATE);
	assert_int_equal(market_minute(market, start_ms, &bar), STATUS_OK);
	assert_int_equal(bar.open, 10050);
	assert_int_equal(bar.sell, 20);
	assert_int_equal(market_counts(market)->trades, 0);
	struct event_trade event = trade_of(2, 101, 1);
	event.aggregated = true; /* the tape does not say which kind it was */
	assert_int_equal(market_take_trade(market, &event, start_ms + 1, &out), MARKET_NEW);
}

/* ---- klines ---- */

static enum market_kline kline(int minute, int64_t volume, int64_t taker_buy, bool has_taker)
{
	struct event_kline event = {
		.open_ms = start_ms + minute * MINUTE_MS,
		.minutes = 1,
		.closed = true,
		.open = { 100, 0 },
		.high = { 1105, 1 },
		.low = { 90, 0 },
		.close = { 105, 0 },
		.volume = { volume, 1 },
		.taker_buy = { taker_buy, 1 },
		.quote_volume = { volume * 100, 1 },
		.taker_buy_quote = { taker_buy * 100, 1 },
		.has_taker = has_taker,
	};
	return market_take_kline(market, &event);
}

static void klines_start_a_market(void **state)
{
	(void)state;
	struct window window;
	for (int i = 0; i < 5; i++)
		assert_int_equal(kline(i, 100 + i, 30, true), MARKET_KLINE_TAKEN);
	assert_int_equal(take(7, 5 * 60000 + 20000), MARKET_NEW);
	assert_int_equal(take(8, 6 * 60000), MARKET_NEW);
	market_window(market, 10, &window);
	assert_int_equal(window.klines, 5);
	assert_int_equal(window.present, 7);
	assert_int_equal(window.partial, 1); /* the minute in which the stream began */
	assert_int_equal(flags_at(5), BAR_PARTIAL);
	assert_int_equal(window.flow.buy, 5 * 30 + 2 * 10);
	assert_int_equal(window.flow.sell, 70 + 71 + 72 + 73 + 74);
	assert_int_equal(window.high, 1105);
	assert_int_equal(kline(5, 50, 10, true), MARKET_KLINE_TAKEN); /* the whole of it */
	assert_int_equal(flags_at(5), BAR_KLINES);
	assert_int_equal(take(6, 5 * 60000 + 56000), MARKET_NEW); /* is in it */
	market_window(market, 10, &window);
	assert_int_equal(window.flow.buy, 6 * 30 - 20 + 10);
	assert_int_equal(window.partial, 0);
}

static void klines_leave_complete_minutes_alone(void **state)
{
	(void)state;
	take(1, 0);
	take(2, 60000);
	take(3, 4 * 60000);
	assert_int_equal(kline(1, 999, 9, true), MARKET_KLINE_IGNORED);
	assert_int_equal(kline(2, 999, 9, true), MARKET_KLINE_IGNORED); /* proved empty */
	assert_int_equal(kline(0, 999, 9, false),
			 MARKET_KLINE_IGNORED); /* says nothing of takers */
	assert_int_equal(flags_at(0), BAR_PARTIAL);
	assert_int_equal(kline(0, 10, 10, false), MARKET_KLINE_AGREED);
	assert_int_equal(flags_at(0), 0);
	assert_int_equal(flags_at(1), 0);
}

static void klines_of_the_volume_prove_an_interrupted_minute(void **state)
{
	(void)state;
	take(1, 0);
	take(2, 60000);
	market_mark_interrupted(market);
	take(3, 61000);
	take(4, 125000);
	assert_int_equal(flags_at(1), BAR_PARTIAL);
	assert_int_equal(kline(1, 30, 0, false), MARKET_KLINE_IGNORED);
	assert_int_equal(flags_at(1), BAR_PARTIAL);
	assert_int_equal(kline(1, 20, 0, false), MARKET_KLINE_AGREED);
	assert_int_equal(flags_at(1), 0);
	market_mark_interrupted(market);
	take(5, 4 * 60000 + 5000);
	struct window window;
	market_window(market, 5, &window);
	assert_int_equal(window.present, 4);
	assert_int_equal(kline(3, 0, 0, false), MARKET_KLINE_AGREED); /* nothing was traded */
	market_window(market, 5, &window);
	assert_int_equal(window.present, 5);
}

static void bars_are_aligned_and_carry_cvd(void **state)
{
	(void)state;
	struct bar bars[8];
	i128 cvd[8];
	/* start_ms is minute 54 of its hour: bars of 5 begin at -4, 1, 6 … */
	for (int64_t i = 0; i < 9; i++) {
		struct event_trade event = trade_of(i, 100 + i, 1 + i);
		event.side = i % 2 ? SIDE_SELL : SIDE_BUY;
		market_take_trade(market, &event, start_ms + i * 60000, &out);
	}
	assert_int_equal(market_bars(market, 5, bars, cvd, 8), 3);
	assert_int_equal(bars[0].minute_ms, start_ms - 4 * 60000);
	assert_int_equal(bars[0].flags, BAR_PARTIAL);
	assert_int_equal(bars[1].minute_ms, start_ms + 60000);
	assert_int_equal(bars[1].flags, 0);
	assert_int_equal(bars[1].open, 101);
	assert_int_equal(bars[1].close, 105);
	assert_int_equal(bars[1].high, 105);
	assert_int_equal(bars[1].low, 101);
	assert_int_equal(bars[1].buy, 3 + 5);
	assert_int_equal(bars[1].sell, 2 + 4 + 6);
	assert_int_equal(bars[1].id_first, 1);
	assert_int_equal(bars[1].id_last, 5);
	assert_true(cvd[0] == 1);
	assert_true(cvd[1] == 1 - 4);
	assert_true(cvd[2] == -3 + 7 - 8 + 9);
	assert_int_equal(market_bars(market, 5, bars, cvd, 1), 1);
	assert_int_equal(bars[0].open, 106);
	assert_true(cvd[0] == 5);
}

static void quiet_bars_are_flat(void **state)
{
	(void)state;
	struct bar bars[8];
	take(1, 0);
	take(2, 3 * 60000);
	assert_int_equal(market_bars(market, 1, bars, NULL, 8), 4);
	assert_int_equal(bars[1].open, 100);
	assert_int_equal(bars[2].low, 100);
	assert_int_equal(bars[2].n_buy + bars[2].n_sell, 0);
	assert_int_equal(bars[2].flags, 0);
}

static void an_empty_market_answers_nothing(void **state)
{
	(void)state;
	struct window window;
	struct bar bar;
	struct market_cursor cursor = { 0 };
	i128 base, quote;
	int64_t origin_ms;
	market_window(market, MARKET_MINUTES, &window);
	assert_int_equal(window.present, 0);
	assert_int_equal(market_bars(market, 5, &bar, NULL, 1), 0);
	assert_false(market_next_minute(market, &cursor, &bar));
	assert_int_equal(market_minute(market, start_ms, &bar), STATUS_NOT_FOUND);
	market_cvd(market, &base, &quote, &origin_ms);
	assert_int_equal(origin_ms, 0);
	assert_int_equal(market_largest(market, NULL, 0), 0);
}

#define ORDERED(test)   cmocka_unit_test_setup_teardown(test, make_ordered, drop)
#define UNORDERED(test) cmocka_unit_test_setup_teardown(test, make_unordered, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ORDERED(late_trade_goes_to_the_tape_only),
		ORDERED(block_trades_are_left_out),
		ORDERED(the_kind_of_stream_seen_first_counts),
		ORDERED(another_kind_may_go_on_after_a_restart),
		ORDERED(nonsense_is_refused_and_changes_nothing),
		ORDERED(what_does_not_fit_is_refused_and_changes_nothing),
		ORDERED(rising_scales_keep_every_number),
		ORDERED(one_absurd_time_wipes_nothing),
		ORDERED(a_pause_of_days_loses_no_trade),
		ORDERED(one_absurd_id_is_refused),
		ORDERED(ids_prove_minutes_empty),
		ORDERED(a_repaired_gap_says_so),
		ORDERED(a_gap_filled_too_late_stays_partial),
		ORDERED(a_minute_two_gaps_touch_waits_for_both),
		ORDERED(earlier_trades_prove_the_first_minute),
		ORDERED(newest_and_first_minute_are_partial_when_listed),
		UNORDERED(an_interruption_leaves_minutes_partial),
		UNORDERED(what_left_the_id_set_is_presumed_seen),
		UNORDERED(a_restored_set_counts_nothing_twice),
		ORDERED(largest_and_whales_are_kept),
		ORDERED(largest_forgets_after_a_day),
		ORDERED(trades_out_of_the_tape_are_taken_once),
		ORDERED(klines_start_a_market),
		ORDERED(klines_leave_complete_minutes_alone),
		UNORDERED(klines_of_the_volume_prove_an_interrupted_minute),
		ORDERED(bars_are_aligned_and_carry_cvd),
		ORDERED(quiet_bars_are_flat),
		ORDERED(an_empty_market_answers_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
