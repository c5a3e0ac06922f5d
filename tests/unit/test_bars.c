/* Packed minutes: what goes in comes out, whatever it is; and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../tools/trade_file.h"
#include "base/check.h"
#include "base/rng.h"
#include "codec/pack_frame.h"

static char storage[1 << 16];
static struct bar read_back[BARS_CHUNK_MINUTES];

static struct market_id a_market(void)
{
	struct market_id market;
	assert_int_equal(market_id_make(VENUE_BYBIT, KIND_SPOT, STR("1000PEPEUSDT"), &market),
			 STATUS_OK);
	return market;
}

static void assert_bar_equal(const struct bar *a, const struct bar *b)
{
	assert_int_equal(a->minute_ms, b->minute_ms);
	assert_int_equal(a->open, b->open);
	assert_int_equal(a->high, b->high);
	assert_int_equal(a->low, b->low);
	assert_int_equal(a->close, b->close);
	assert_int_equal(a->buy, b->buy);
	assert_int_equal(a->sell, b->sell);
	assert_true(a->buy_quote == b->buy_quote);
	assert_true(a->sell_quote == b->sell_quote);
	assert_int_equal(a->id_first, b->id_first);
	assert_int_equal(a->id_last, b->id_last);
	assert_int_equal(a->n_buy, b->n_buy);
	assert_int_equal(a->n_sell, b->n_sell);
	assert_int_equal(a->flags, b->flags);
}

/* The chunk's length. */
static size_t assert_comes_back(const struct bar *bars, uint32_t count)
{
	struct buf out = buf_over(storage, sizeof storage);
	struct market_id market = a_market();
	struct bars_info info;
	bars_pack(&market, 2, 4, bars, count, &out);
	assert_true(out.len > 0 && out.len <= BARS_CHUNK_BYTES);
	assert_int_equal(bars_chunk_len(buf_str(&out)), out.len);
	assert_int_equal(bars_read(buf_str(&out), &info, read_back), STATUS_OK);
	assert_true(market_id_eq(&info.market, &market));
	assert_int_equal(info.price_scale, 2);
	assert_int_equal(info.qty_scale, 4);
	assert_int_equal(info.count, count);
	assert_int_equal(info.ms_first, bars[0].minute_ms);
	assert_int_equal(info.ms_last, bars[count - 1].minute_ms);
	for (uint32_t i = 0; i < count; i++)
		assert_bar_equal(&read_back[i], &bars[i]);
	return out.len;
}

/* Minutes of a market, as they come; `scale` more digits than it needs. */
static void make_bars(struct rng *rng, struct bar *bars, uint32_t count, int64_t scale)
{
	int64_t price = 268000, id = 4308068523;
	for (uint32_t i = 0; i < count; i++) {
		struct bar *bar = &bars[i];
		*bar = (struct bar){ .minute_ms = 1723161240000 + 60000 * (int64_t)i };
		bar->open = price * scale;
		price += (int64_t)rng_below(rng, 200) - 100;
		bar->close = price * scale;
		bar->high = (bar->open > bar->close ? bar->open : bar->close) +
			    (int64_t)rng_below(rng, 50) * scale;
		bar->low = (bar->open < bar->close ? bar->open : bar->close) -
			   (int64_t)rng_below(rng, 50) * scale;
		bar->buy = (int64_t)rng_below(rng, 4000000) * scale;
		bar->sell = (int64_t)rng_below(rng, 4000000) * scale;
		bar->buy_quote = (i128)bar->buy * (price - 20) * scale;
		bar->sell_quote = (i128)bar->sell * (price - 10) * scale;
		bar->n_buy = 1 + (uint32_t)rng_below(rng, 900);
		bar->n_sell = 1 + (uint32_t)rng_below(rng, 900);
		bar->id_first = id;
		id += bar->n_buy + bar->n_sell;
		bar->id_last = id - 1;
	}
}

static void minutes_come_back_in_under_35_bytes(void **state)
{
	(void)state;
	struct bar bars[BARS_CHUNK_MINUTES];
	struct rng rng;
	rng_init(&rng, 3);
	for (int round = 0; round < 200; round++) {
		uint32_t count = 1 + (uint32_t)rng_below(&rng, BARS_CHUNK_MINUTES);
		make_bars(&rng, bars, count, 1);
		assert_comes_back(bars, count);
	}
	make_bars(&rng, bars, BARS_CHUNK_MINUTES, 1);
	assert_true(assert_comes_back(bars, BARS_CHUNK_MINUTES) < 35 * BARS_CHUNK_MINUTES);
}

static void more_digits_cost_nothing(void **state)
{
	(void)state;
	struct bar bars[BARS_CHUNK_MINUTES];
	struct rng rng;
	rng_init(&rng, 4);
	make_bars(&rng, bars, BARS_CHUNK_MINUTES, 1);
	size_t few = assert_comes_back(bars, BARS_CHUNK_MINUTES);
	rng_init(&rng, 4);
	make_bars(&rng, bars, BARS_CHUNK_MINUTES, 100000);
	assert_true(assert_comes_back(bars, BARS_CHUNK_MINUTES) <= few + 2);
}

static void minutes_without_trades_cost_next_to_nothing(void **state)
{
	(void)state;
	struct bar bars[BARS_CHUNK_MINUTES];
	for (uint32_t i = 0; i < BARS_CHUNK_MINUTES; i++)
		bars[i] = (struct bar){ .minute_ms = 60000 * (int64_t)i,
					.open = 7,
					.high = 7,
					.low = 7,
					.close = 7,
					.flags = BAR_KLINES };
	assert_true(assert_comes_back(bars, BARS_CHUNK_MINUTES) < 140);
}

static i128 any_wide(struct rng *rng)
{
	u128 wide = (u128)rng_next(rng) << 64 | rng_next(rng);
	return (i128)(wide >> rng_below(rng, 128));
}

static void arbitrary_bars_come_back_and_fit(void **state)
{
	(void)state;
	struct bar bars[BARS_CHUNK_MINUTES];
	struct rng rng;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		rng_init(&rng, seed);
		make_bars(&rng, bars, BARS_CHUNK_MINUTES, 10);
		for (uint32_t i = 0; i < BARS_CHUNK_MINUTES; i++) {
			struct bar *bar = &bars[i];
			int64_t *numbers[] = { &bar->minute_ms, &bar->open,     &bar->high,
					       &bar->low,       &bar->close,    &bar->buy,
					       &bar->sell,      &bar->id_first, &bar->id_last };
			for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
				if (rng_below(&rng, 1 + seed % 5) == 0)
					*numbers[k] = (int64_t)any_wide(&rng);
			if (seed % 2)
				bar->buy_quote = any_wide(&rng);
			if (seed % 3)
				bar->sell_quote = any_wide(&rng);
			bar->n_buy = (uint32_t)rng_next(&rng);
			bar->flags = (uint32_t)rng_next(&rng);
		}
		assert_comes_back(bars, BARS_CHUNK_MINUTES);
	}
}

/* Then the bars stand in the chunk as they are, 116 bytes each. */
static void bars_of_noise_are_no_longer_than_raw(void **state)
{
	(void)state;
	struct bar bars[BARS_CHUNK_MINUTES];
	struct rng rng;
	rng_init(&rng, 40);
	for (size_t i = 0; i < sizeof bars; i++)
		((uint8_t *)bars)[i] = (uint8_t)rng_next(&rng);
	size_t len = assert_comes_back(bars, BARS_CHUNK_MINUTES);
	assert_in_range(len, BARS_CHUNK_MINUTES * 116, BARS_CHUNK_MINUTES * 116 + 60);
	len = assert_comes_back(bars, 1);
	assert_in_range(len, 116, 116 + 60);
}

static void extreme_bars_come_back(void **state)
{
	(void)state;
	static const i128 wide_min = (i128)((u128)1 << 127);
	struct bar bars[2] = {
		{ INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN,
		  wide_min, wide_min, INT64_MIN, INT64_MIN, UINT32_MAX, UINT32_MAX, UINT32_MAX },
		{ INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX,
		  ~wide_min, ~wide_min, INT64_MAX, INT64_MAX, 0, 0, 0 },
	};
	assert_comes_back(bars, 1);
	assert_comes_back(bars + 1, 1);
	assert_comes_back(bars, 2);
}

static struct str small_chunk(void)
{
	static char bytes[BARS_CHUNK_BYTES];
	struct bar bars[5];
	struct rng rng;
	struct market_id market = a_market();
	struct buf out = buf_over(bytes, sizeof bytes);
	rng_init(&rng, 99);
	make_bars(&rng, bars, ARRAY_LEN(bars), 10);
	bars[2].flags = BAR_PARTIAL;
	bars[3].minute_ms += 600000;
	bars[4] = bars[3];
	bars[4].n_sell = bars[4].n_buy = 0;
	bars_pack(&market, 3, 5, bars, ARRAY_LEN(bars), &out);
	return buf_str(&out);
}

/* These bytes may not change while format 1 and priors 1 exist. */
static void format_is_what_it_was(void **state)
{
	(void)state;
	static const char golden[] =
	    "774201a700a3b6f3cf01000c31303030504550455553445403050005018087cfc6a664c09b5f0101"
	    "02c0db20d6a2bf8c202f4d490565093e805bc9d55a067c7c32a00b9c6579d8e0f2a7b2e258af011f"
	    "e51b79568a2be746b4119b147e073785f900fcd82786ef061169248d44a0d100b468569f8bf5137e"
	    "9a80a886226f2da12c9a58d85ae228cb3f5b9aec56aab5cbb87f05e84522ddba254386c80e5f9670"
	    "5a9ec3b8d48684";
	struct str chunk = small_chunk();
	assert_int_equal(chunk.len * 2, sizeof golden - 1);
	for (size_t i = 0; i < chunk.len; i++) {
		char hex[3];
		snprintf(hex, sizeof hex, "%02x", (uint8_t)chunk.ptr[i]);
		assert_memory_equal(hex, golden + 2 * i, 2);
	}
}

static bool is_read_error(enum status status)
{
	return status == STATUS_CHECKSUM || status == STATUS_FORMAT || status == STATUS_VERSION ||
	       status == STATUS_TRUNCATED;
}

static void chunk_cut_anywhere_is_refused(void **state)
{
	(void)state;
	struct str chunk = small_chunk();
	struct bars_info info;
	for (size_t len = 0; len < chunk.len; len++) {
		char *exact = malloc(len + 1);
		memcpy(exact, chunk.ptr, len);
		assert_int_equal(bars_read(str_make(exact, len), &info, read_back),
				 STATUS_TRUNCATED);
		assert_int_equal(bars_chunk_len(str_make(exact, len)), 0);
		free(exact);
	}
}

static void every_flipped_bit_is_found(void **state)
{
	(void)state;
	struct str chunk = small_chunk();
	char copy[BARS_CHUNK_BYTES];
	struct bars_info info;
	for (size_t bit = 0; bit < chunk.len * 8; bit++) {
		memcpy(copy, chunk.ptr, chunk.len);
		copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
		assert_true(is_read_error(bars_read(str_make(copy, chunk.len), &info, read_back)));
	}
}

static void forged_chunks_are_survived(void **state)
{
	(void)state;
	struct str chunk = small_chunk();
	uint8_t copy[BARS_CHUNK_BYTES];
	struct bars_info info;
	struct rng rng;
	int refused = 0;
	const struct pack_frame frame = { { 'w', 'B' }, 1, BARS_CHUNK_BYTES };
	rng_init(&rng, 8);
	for (int round = 0; round < 20000; round++) {
		size_t len = PACK_FRAME_HEAD + rng_below(&rng, chunk.len - PACK_FRAME_HEAD) + 1;
		memcpy(copy, chunk.ptr, chunk.len);
		for (uint64_t i = 1 + rng_below(&rng, 3); i-- > 0;)
			copy[PACK_FRAME_HEAD + rng_below(&rng, len - PACK_FRAME_HEAD)] =
			    (uint8_t)rng_next(&rng);
		pack_frame_seal(&frame, copy, len);
		enum status status = bars_read(str_make((char *)copy, len), &info, read_back);
		assert_true(status == STATUS_OK || is_read_error(status));
		refused += status != STATUS_OK;
	}
	assert_true(refused > 10000);
}

static void recorded_minutes_come_back(void **state)
{
	(void)state;
	static struct bar bars[1024];
	static const int64_t spans_ms[] = { 1000, 10000, 60000 };
	struct trade_file all = { 0 };
	if (!trade_file_add(&all, TEST_SHARED_DIR "/market/usdm_ethusdt_20240808.gz")) {
		printf("no recording in " TEST_SHARED_DIR "/market: skipped\n");
		skip();
	}
	for (size_t s = 0; s < ARRAY_LEN(spans_ms); s++) {
		uint32_t count = trade_file_bars(&all, spans_ms[s], bars, ARRAY_LEN(bars));
		uint32_t n;
		size_t bytes = 0;
		for (uint32_t i = 0; i < count; i += n) {
			n = count - i < BARS_CHUNK_MINUTES ? count - i : BARS_CHUNK_MINUTES;
			bytes += assert_comes_back(&bars[i], n);
		}
		assert_true(bytes < 35 * (size_t)count);
	}
	trade_file_deinit(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minutes_come_back_in_under_35_bytes),
		cmocka_unit_test(more_digits_cost_nothing),
		cmocka_unit_test(minutes_without_trades_cost_next_to_nothing),
		cmocka_unit_test(arbitrary_bars_come_back_and_fit),
		cmocka_unit_test(bars_of_noise_are_no_longer_than_raw),
		cmocka_unit_test(extreme_bars_come_back),
		cmocka_unit_test(format_is_what_it_was),
		cmocka_unit_test(chunk_cut_anywhere_is_refused),
		cmocka_unit_test(every_flipped_bit_is_found),
		cmocka_unit_test(forged_chunks_are_survived),
		cmocka_unit_test(recorded_minutes_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
