/* The stored state survives any bytes, and says what was wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/rng.h"
#include "market/market.h"

enum { MAGIC_BYTES = 4, VERSION_AT = 4, HEAD_MIN = 9 };

static struct market *new_market(enum venue venue)
{
	struct market_config config = { .whale_quote = 1000 };
	struct market_id id;
	assert_int_equal(market_id_make(venue, KIND_SPOT, STR("BTCUSDT"), &id), STATUS_OK);
	struct market *market = market_create(&id, &config);
	assert_non_null(market);
	return market;
}

/* A state with everything in it: ranges or ids, whales, large trades, two minutes. */
static size_t full_state(enum venue venue, char bytes[MARKET_STATE_BYTES])
{
	struct market *market = new_market(venue);
	struct trade out;
	int64_t id = 1;
	for (int64_t i = 0; i < 600; i++) {
		char text[24];
		int len = snprintf(text, sizeof text, "%lld", (long long)i * 7919);
		struct event_trade event = {
			.id = str_make(text, (size_t)len),
			.ordered_id = id,
			.price = { 100 + i % 7, 1 },
			.qty = { 1 + i * 31 % 500, 1 },
			.side = i % 2,
		};
		id += i % 9 == 0 ? 3 : 1;
		assert_int_equal(market_take_trade(market, &event, 1723161240000 + i * 1000, &out),
				 MARKET_NEW);
	}
	struct buf buf = buf_over(bytes, MARKET_STATE_BYTES);
	market_state_pack(market, &buf);
	assert_false(buf.overflow);
	market_destroy(market);
	return buf.len;
}

static enum status restore(enum venue venue, const char *bytes, size_t len)
{
	struct market *market = new_market(venue);
	char *exact = malloc(len ? len : 1);
	assert_non_null(exact);
	memcpy(exact, bytes, len);
	enum status status = market_state_restore(market, str_make(exact, len));
	if (status)
		assert_int_equal(market_newest_ms(market), 0);
	free(exact);
	market_destroy(market);
	return status;
}

static void sign(char *bytes, size_t len)
{
	uint32_t crc = crc32c(0, bytes, len - 4);
	for (int i = 0; i < 4; i++)
		bytes[len - 4 + (size_t)i] = (char)(crc >> (8 * i));
}

static void fullest_state_fits(void **state)
{
	(void)state;
	char bytes[MARKET_STATE_BYTES];
	assert_true(full_state(VENUE_BINANCE, bytes) > 2500);
	assert_int_equal(restore(VENUE_BINANCE, bytes, full_state(VENUE_BINANCE, bytes)),
			 STATUS_OK);
	assert_true(full_state(VENUE_BYBIT, bytes) > 3000);
	assert_int_equal(restore(VENUE_BYBIT, bytes, full_state(VENUE_BYBIT, bytes)), STATUS_OK);
}

static void empty_state_restores(void **state)
{
	(void)state;
	char bytes[MARKET_STATE_BYTES];
	struct buf buf = buf_over(bytes, sizeof bytes);
	struct market *market = new_market(VENUE_BYBIT);
	market_state_pack(market, &buf);
	market_destroy(market);
	assert_int_equal(restore(VENUE_BYBIT, bytes, buf.len), STATUS_OK);
}

static void state_of_the_other_kind_of_ids_is_refused(void **state)
{
	(void)state;
	char bytes[MARKET_STATE_BYTES];
	size_t len = full_state(VENUE_BINANCE, bytes);
	assert_int_equal(restore(VENUE_BYBIT, bytes, len), STATUS_FORMAT);
}

static void every_cut_is_an_error(void **state)
{
	(void)state;
	char bytes[MARKET_STATE_BYTES];
	size_t len = full_state(VENUE_BINANCE, bytes);
	for (size_t cut = 0; cut < len; cut += cut < 200 ? 1 : 37)
		assert_int_equal(restore(VENUE_BINANCE, bytes, cut),
				 cut < HEAD_MIN ? STATUS_TRUNCATED : STATUS_CHECKSUM);
	/* cut and signed again: the fields themselves are missed */
	for (size_t cut = HEAD_MIN; cut < len; cut += 11) {
		char signed_bytes[MARKET_STATE_BYTES];
		memcpy(signed_bytes, bytes, cut);
		sign(signed_bytes, cut);
		assert_int_not_equal(restore(VENUE_BINANCE, signed_bytes, cut), STATUS_OK);
	}
}

static void every_flipped_byte_is_an_error(void **state)
{
	(void)state;
	char bytes[MARKET_STATE_BYTES];
	size_t len = full_state(VENUE_BYBIT, bytes);
	for (size_t at = 0; at < len; at += at < 300 ? 1 : 29) {
		bytes[at] = (char)(bytes[at] ^ 0x41);
		assert_int_equal(restore(VENUE_BYBIT, bytes, len),
				 at < MAGIC_BYTES ? STATUS_FORMAT : STATUS_CHECKSUM);
		bytes[at] = (char)(bytes[at] ^ 0x41);
	}
}

static void newer_version_is_refused(void **state)
{
	(void)state;
	char bytes[MARKET_STATE_BYTES];
	size_t len = full_state(VENUE_BYBIT, bytes);
	bytes[VERSION_AT]++;
	sign(bytes, len);
	assert_int_equal(restore(VENUE_BYBIT, bytes, len), STATUS_VERSION);
}

static void try_forged(enum venue venue, const char *bytes, size_t len)
{
	struct market *market = new_market(venue);
	struct window window;
	struct trade out;
	struct event_trade event = {
		.id = STR("x"), .ordered_id = 5000, .price = { 1, 0 }, .qty = { 1, 0 }
	};
	if (market_state_restore(market, str_make(bytes, len)) == STATUS_OK) {
		market_take_trade(market, &event, 1723161840000, &out);
		market_window(market, MARKET_MINUTES, &window);
	}
	market_destroy(market);
}

/* Forged but signed states: refused, or a market that goes on working. */
static void forged_states_are_survived(void **state)
{
	(void)state;
	char good[MARKET_STATE_BYTES], bytes[MARKET_STATE_BYTES];
	struct rng rng;
	rng_init(&rng, 3);
	for (int i = 0; i < 2000; i++) {
		enum venue venue = i < 1000 ? VENUE_BINANCE : VENUE_BYBIT;
		size_t len = full_state(venue, good);
		memcpy(bytes, good, len);
		for (uint64_t n = rng_below(&rng, 4) + 1; n > 0; n--)
			bytes[5 + rng_below(&rng, i % 2 ? 300 : len - 9)] = (char)rng_next(&rng);
		sign(bytes, len);
		try_forged(venue, bytes, len);
	}
}

static void impossible_bars_are_refused(void **state)
{
	(void)state;
	struct market *market = new_market(VENUE_BINANCE);
	const struct bar good = { .minute_ms = 1723161240000,
				  .open = 5,
				  .high = 9,
				  .low = 2,
				  .close = 7,
				  .buy = 3,
				  .buy_quote = 20,
				  .n_buy = 1,
				  .id_first = 4,
				  .id_last = 4 };
	struct bar bar = good;
	bar.minute_ms++;
	assert_int_equal(market_restore_bar(market, &bar, 2, 1), STATUS_INVALID);
	bar = good;
	bar.low = 6;
	assert_int_equal(market_restore_bar(market, &bar, 2, 1), STATUS_INVALID);
	bar = good;
	bar.sell = -1;
	assert_int_equal(market_restore_bar(market, &bar, 2, 1), STATUS_INVALID);
	bar = good;
	bar.id_first = 5;
	assert_int_equal(market_restore_bar(market, &bar, 2, 1), STATUS_INVALID);
	assert_int_equal(market_restore_bar(market, &good, -1, 1), STATUS_INVALID);
	assert_int_equal(market_restore_bar(market, &good, 2, 19), STATUS_INVALID);
	bar = good;
	bar.buy = INT64_MAX / 2;
	assert_int_equal(market_restore_bar(market, &bar, 2, 1), STATUS_RANGE);
	assert_int_equal(market_restore_bar(market, &good, 2, 1), STATUS_OK);
	market_destroy(market);
}

/* With the state lost, bars alone tell scales, time and ids. */
static void bars_alone_make_a_market(void **state)
{
	(void)state;
	struct market *market = new_market(VENUE_BINANCE);
	struct bar bar = { .minute_ms = 1723161240000,
			   .open = 5,
			   .high = 9,
			   .low = 2,
			   .close = 7,
			   .buy = 3,
			   .buy_quote = 20,
			   .n_buy = 3,
			   .id_first = 4,
			   .id_last = 6 };
	struct bar next = bar, got;
	next.minute_ms += 3 * MINUTE_MS;
	next.id_first = 7;
	next.id_last = 9;
	assert_int_equal(market_restore_bar(market, &next, 2, 1), STATUS_OK);
	assert_int_equal(market_restore_bar(market, &bar, 2, 1), STATUS_OK);
	struct window window;
	market_window(market, 10, &window);
	assert_int_equal(window.present, 4); /* the ids join */
	assert_int_equal(market_newest_ms(market), next.minute_ms);
	struct event_trade event = { .ordered_id = 9, .price = { 1, 2 }, .qty = { 1, 1 } };
	struct trade out;
	assert_int_equal(market_take_trade(market, &event, next.minute_ms + 5, &out),
			 MARKET_DUPLICATE);
	event.ordered_id = 10;
	assert_int_equal(market_take_trade(market, &event, next.minute_ms + 5, &out), MARKET_NEW);
	assert_int_equal(market_minute(market, next.minute_ms, &got), STATUS_OK);
	assert_int_equal(got.n_buy, 4);
	assert_int_equal(got.close, 1);
	market_destroy(market);
}

/* A minute from klines has all of its trades: one more changes nothing in it. */
static void klines_are_not_added_to(void **state)
{
	(void)state;
	struct market *market = new_market(VENUE_BINANCE);
	struct bar bar = { .minute_ms = 1723161240000,
			   .open = 5,
			   .high = 9,
			   .low = 2,
			   .close = 7,
			   .buy = 3,
			   .buy_quote = 20,
			   .flags = BAR_KLINES },
		   got;
	assert_int_equal(market_restore_bar(market, &bar, 0, 0), STATUS_OK);
	struct event_trade event = { .ordered_id = 10, .price = { 8, 0 }, .qty = { 1, 0 } };
	struct trade out;
	assert_int_equal(market_take_trade(market, &event, bar.minute_ms + 10, &out), MARKET_NEW);
	assert_int_equal(market_minute(market, bar.minute_ms, &got), STATUS_OK);
	assert_memory_equal(&got, &bar, sizeof bar);
	struct window window;
	market_window(market, 1, &window);
	assert_int_equal(window.klines, 1);
	assert_int_equal(window.flow.buy, 3);
	market_destroy(market);
}

static enum market_taken take_unordered(struct market *market, int64_t number)
{
	char text[24];
	int len = snprintf(text, sizeof text, "id-%lld", (long long)number);
	struct event_trade event = {
		.id = str_make(text, (size_t)len),
		.ordered_id = -1,
		.price = { 100, 0 },
		.qty = { 1, 0 },
	};
	struct trade out;
	return market_take_trade(market, &event, 1723161240000 + number * 10000, &out);
}

/* A market of ten minutes of trades, stored and back again. */
static struct market *restarted(void)
{
	char bytes[MARKET_STATE_BYTES];
	struct buf buf = buf_over(bytes, sizeof bytes);
	struct bar bar;
	struct market *before = new_market(VENUE_BYBIT), *after = new_market(VENUE_BYBIT);
	for (int64_t i = 0; i < 60; i++)
		assert_int_equal(take_unordered(before, i), MARKET_NEW);
	market_state_pack(before, &buf);
	assert_int_equal(market_state_restore(after, buf_str(&buf)), STATUS_OK);
	for (int64_t ms = 1723161240000; ms < 1723161240000 + 10 * MINUTE_MS; ms += MINUTE_MS) {
		assert_int_equal(market_minute(before, ms, &bar), STATUS_OK);
		assert_int_equal(market_restore_bar(after, &bar, 0, 0), STATUS_OK);
	}
	market_destroy(before);
	return after;
}

static int32_t partial_of_last(const struct market *market, int32_t minutes)
{
	struct window window;
	market_window(market, minutes, &window);
	return window.partial;
}

static void a_stream_that_tells_the_state_again_joins_it(void **state)
{
	(void)state;
	struct market *market = restarted();
	assert_int_equal(take_unordered(market, 59), MARKET_DUPLICATE);
	for (int64_t i = 60; i < 72; i++)
		assert_int_equal(take_unordered(market, i), MARKET_NEW);
	assert_int_equal(partial_of_last(market, 4), 0);
	market_destroy(market);
}

static void a_stream_that_begins_behind_the_state_leaves_partial_minutes(void **state)
{
	(void)state;
	struct market *market = restarted();
	for (int64_t i = 60; i < 72; i++)
		assert_int_equal(take_unordered(market, i), MARKET_NEW);
	assert_int_equal(partial_of_last(market, 4), 2); /* where it broke off, where it began */
	market_destroy(market);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_that_tells_the_state_again_joins_it),
		cmocka_unit_test(a_stream_that_begins_behind_the_state_leaves_partial_minutes),
		cmocka_unit_test(fullest_state_fits),
		cmocka_unit_test(empty_state_restores),
		cmocka_unit_test(state_of_the_other_kind_of_ids_is_refused),
		cmocka_unit_test(every_cut_is_an_error),
		cmocka_unit_test(every_flipped_byte_is_an_error),
		cmocka_unit_test(newer_version_is_refused),
		cmocka_unit_test(forged_states_are_survived),
		cmocka_unit_test(impossible_bars_are_refused),
		cmocka_unit_test(bars_alone_make_a_market),
		cmocka_unit_test(klines_are_not_added_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
