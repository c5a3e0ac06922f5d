/* Packed closed trades: what goes in comes out, whatever it is; and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/rng.h"
#include "codec/closed.h"
#include "codec/closed_table.h"
#include "codec/pack_frame.h"

#define E8 INT64_C(100000000)

static const struct closed_account account = { "FPMarketsSC-Live", 90000001 };
static char storage[1 << 14];
static struct closed_trade trades[CLOSED_CHUNK_TRADES + 1], read_back[CLOSED_CHUNK_TRADES];

static void assert_trade_equal(const struct closed_trade *a, const struct closed_trade *b)
{
	assert_int_equal(a->position, b->position);
	assert_string_equal(a->symbol, b->symbol);
	assert_int_equal(a->sell, b->sell);
	assert_int_equal(a->has_sl, b->has_sl);
	assert_int_equal(a->has_tp, b->has_tp);
	assert_int_equal(a->volume, b->volume);
	assert_int_equal(a->price_open, b->price_open);
	assert_int_equal(a->price_close, b->price_close);
	assert_int_equal(a->sl, b->sl);
	assert_int_equal(a->tp, b->tp);
	assert_int_equal(a->commission, b->commission);
	assert_int_equal(a->swap, b->swap);
	assert_int_equal(a->fee, b->fee);
	assert_int_equal(a->pnl, b->pnl);
	assert_int_equal(a->opened_us, b->opened_us);
	assert_int_equal(a->closed_us, b->closed_us);
	assert_int_equal(a->deals, b->deals);
}

/* The chunk's length. */
static size_t comes_back(uint32_t count)
{
	struct buf out = buf_over(storage, sizeof storage);
	struct closed_account told;
	uint32_t told_count;
	assert_int_equal(closed_pack(&account, trades, count, &out), STATUS_OK);
	assert_true(out.len <= CLOSED_CHUNK_BYTES);
	assert_int_equal(closed_read(buf_str(&out), &told, read_back, &told_count), STATUS_OK);
	assert_string_equal(told.server, account.server);
	assert_int_equal(told.login, account.login);
	assert_int_equal(told_count, count);
	for (uint32_t i = 0; i < count; i++)
		assert_trade_equal(&read_back[i], &trades[i]);
	return out.len;
}

/* ---- a day of a terminal ---- */

static const struct symbol_row {
	const char *name;
	int64_t price, unit, step; /* 10^-8; step: of a usual move, in units */
	int64_t profit;            /* account's cents of a lot and unit, × 100 */
} symbols[] = {
	{ "EURUSD", 108514000, 1000, 400, 10000 },
	{ "GBPUSD", 127302000, 1000, 500, 10000 },
	{ "USDJPY", 15632100000, 100000, 500, 6397 },
	{ "XAUUSD", 268380000000, 1000000, 600, 100 },
	{ "BTCUSD", 6345042000000, 1000000, 30000, 1 },
	{ "NZDCHF.r", 46850000, 1000, 300, 11230 },
};

static void make_trade(struct rng *rng, struct closed_trade *trade, int64_t *ms, int64_t *position,
		       const struct symbol_row *of, int64_t *price)
{
	int64_t lots = (int64_t[]){ 10, 10, 10, 20, 50, 100 }[rng_below(rng, 6)]; /* hundredths */
	int64_t move = (int64_t)(rng_normal(rng) * (double)of->step);
	int64_t lasted = (int64_t)rng_below(rng, 7200000);
	*ms += (int64_t)rng_below(rng, 1600000);
	*position += 50 + (int64_t)rng_below(rng, 40000);
	*price += (int64_t)(rng_normal(rng) * (double)of->step) * of->unit;
	*trade = (struct closed_trade){ .position = *position,
					.sell = rng_below(rng, 2),
					.has_sl = rng_below(rng, 10) < 9,
					.has_tp = rng_below(rng, 10) < 7,
					.volume = lots * E8 / 100,
					.price_open = *price,
					.opened_us = (*ms - lasted) * 1000,
					.closed_us = *ms * 1000,
					.deals = rng_below(rng, 20) ? 2 : 3 };
	memcpy(trade->symbol, of->name, strlen(of->name) + 1);
	int64_t sign = trade->sell ? -1 : 1;
	trade->price_close = *price + move * of->unit;
	*price = trade->price_close;
	trade->sl = trade->has_sl ? trade->price_open - sign * of->step * of->unit : 0;
	trade->tp = trade->has_tp ? trade->price_open + sign * 2 * of->step * of->unit : 0;
	trade->commission = -lots * 7 * (E8 / 100);
	trade->swap = rng_below(rng, 12) ? 0 : -(int64_t)rng_below(rng, 300) * (E8 / 100);
	trade->pnl = sign * move * lots * of->profit / 10000 * (E8 / 100);
}

/* Its first closing times are in order; a strategy trades two of the symbols mostly. */
static void make_day(struct rng *rng, uint32_t count)
{
	int64_t ms = 1784046190431, position = 573338240, prices[ARRAY_LEN(symbols)];
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++)
		prices[i] = symbols[i].price;
	for (uint32_t i = 0; i < count; i++) {
		size_t of = rng_below(rng, 3) ? rng_below(rng, 2) : rng_below(rng, 6);
		make_trade(rng, &trades[i], &ms, &position, &symbols[of], &prices[of]);
	}
}

static void a_days_trades_come_back_and_are_small(void **state)
{
	(void)state;
	static const uint32_t counts[] = { 1, 5, 20, 50, 100, 300 };
	struct rng rng;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		size_t bytes = 0;
		rng_init(&rng, 42);
		for (int day = 0; day < 20; day++) {
			make_day(&rng, counts[i]);
			bytes += comes_back(counts[i]);
		}
		double each = (double)bytes / 20 / counts[i];
		print_message("%3u trades a day: %6.1f bytes a trade\n", (unsigned)counts[i], each);
		if (counts[i] == 100)
			assert_true(each < 26);
	}
}

/* ---- anything ---- */

static int64_t any(struct rng *rng)
{
	uint64_t value = rng_next(rng) >> rng_below(rng, 64);
	return (int64_t)(rng_below(rng, 2) ? value : 0 - value);
}

static void make_any(struct rng *rng, struct closed_trade *trade)
{
	*trade = (struct closed_trade){ .position = any(rng),
					.sell = rng_below(rng, 2),
					.has_sl = rng_below(rng, 2),
					.has_tp = rng_below(rng, 2),
					.volume = any(rng),
					.price_open = any(rng),
					.price_close = any(rng),
					.commission = any(rng),
					.swap = any(rng),
					.fee = any(rng),
					.pnl = any(rng),
					.opened_us = any(rng),
					.closed_us = any(rng),
					.deals = (uint32_t)rng_next(rng) };
	trade->sl = trade->has_sl ? any(rng) : 0;
	trade->tp = trade->has_tp ? any(rng) : 0;
	size_t len = rng_below(rng, 8) ? rng_below(rng, 4) : CLOSED_NAME_MAX;
	for (size_t i = 0; i < len; i++)
		trade->symbol[i] = (char)('A' + rng_below(rng, 2));
}

static void any_values_come_back(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 5);
	for (int round = 0; round < 3000; round++) {
		uint32_t count = 1 + (uint32_t)rng_below(&rng, 12);
		for (uint32_t i = 0; i < count; i++)
			make_any(&rng, &trades[i]);
		comes_back(count);
	}
}

static void what_does_not_fit_is_refused_whole(void **state)
{
	(void)state;
	struct buf out = buf_over(storage, sizeof storage);
	struct rng rng;
	rng_init(&rng, 9);
	make_day(&rng, CLOSED_CHUNK_TRADES);
	assert_int_equal(closed_pack(&account, trades, CLOSED_CHUNK_TRADES + 1, &out), STATUS_FULL);
	for (uint32_t i = 0; i < CLOSED_CHUNK_TRADES; i++)
		make_any(&rng, &trades[i]);
	assert_int_equal(closed_pack(&account, trades, CLOSED_CHUNK_TRADES, &out), STATUS_FULL);
	for (uint32_t i = 0; i <= CLOSED_CHUNK_SYMBOLS; i++) {
		make_any(&rng, &trades[i]);
		snprintf(trades[i].symbol, sizeof trades[i].symbol, "S%u", (unsigned)i);
	}
	assert_int_equal(closed_pack(&account, trades, CLOSED_CHUNK_SYMBOLS + 1, &out),
			 STATUS_FULL);
	assert_int_equal(out.len, 0);
	for (uint32_t i = 0; i < CLOSED_CHUNK_SYMBOLS; i++)
		memset(trades[i].symbol, 'a' + (int)(i % 26), CLOSED_NAME_MAX);
	for (uint32_t i = 0; i < CLOSED_CHUNK_SYMBOLS; i++)
		trades[i].symbol[0] = (char)(1 + i);
	comes_back(8);
}

/* ---- damage ---- */

static void a_damaged_chunk_is_refused(void **state)
{
	(void)state;
	struct closed_account told = { "untouched", 7 };
	struct rng rng;
	rng_init(&rng, 17);
	make_day(&rng, 30);
	size_t len = comes_back(30);
	uint32_t count = 99;
	for (size_t at = 0; at < len; at++) {
		char kept = storage[at];
		storage[at] = (char)(kept ^ (1 << rng_below(&rng, 8)));
		assert_int_not_equal(closed_read(str_make(storage, len), &told, read_back, &count),
				     STATUS_OK);
		storage[at] = kept;
		assert_int_not_equal(closed_read(str_make(storage, at), &told, read_back, &count),
				     STATUS_OK);
	}
	assert_string_equal(told.server, "untouched");
	assert_int_equal(count, 99);
}

/* With a checksum that fits: whatever stands there, it is read or refused. */
static void any_bytes_do_no_harm(void **state)
{
	(void)state;
	static const struct pack_frame frame = { { 'w', 'T' }, 1, CLOSED_CHUNK_BYTES };
	struct closed_account told;
	struct rng rng;
	rng_init(&rng, 23);
	uint32_t read = 0, count;
	for (int round = 0; round < 20000; round++) {
		make_day(&rng, 3);
		struct buf out = buf_over(storage, sizeof storage);
		assert_int_equal(closed_pack(&account, trades, 3, &out), STATUS_OK);
		for (uint64_t n = 1 + rng_below(&rng, 4); n > 0; n--)
			storage[PACK_FRAME_HEAD + rng_below(&rng, out.len - PACK_FRAME_HEAD)] =
			    (char)rng_next(&rng);
		pack_frame_seal(&frame, (uint8_t *)storage, out.len);
		read += closed_read(buf_str(&out), &told, read_back, &count) == STATUS_OK;
	}
	assert_in_range(read, 1, 19999);
}

static void the_table_is_well_formed(void **state)
{
	(void)state;
	pack_table_check(&closed_table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_well_formed),
		cmocka_unit_test(a_days_trades_come_back_and_are_small),
		cmocka_unit_test(any_values_come_back),
		cmocka_unit_test(what_does_not_fit_is_refused_whole),
		cmocka_unit_test(a_damaged_chunk_is_refused),
		cmocka_unit_test(any_bytes_do_no_harm),
	};
	return cmocka_run_group_tests_name("closed", tests, NULL, NULL);
}
