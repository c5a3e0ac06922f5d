/* The tape's chunks: what goes in comes out, whatever it is; and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../tools/trade_file.h"
#include "base/check.h"
#include "base/rng.h"
#include "codec/pack_frame.h"
#include "codec/tape_table.h"

enum { HOUR_MS = 3600000 };

static char storage[1 << 20];
static struct trade read_back[TAPE_CHUNK_TRADES];

static struct market_id a_market(void)
{
	struct market_id market;
	assert_int_equal(market_id_make(VENUE_BINANCE, KIND_PERP, STR("ETHUSDT"), &market),
			 STATUS_OK);
	return market;
}

static void assert_trade_equal(const struct trade *a, const struct trade *b)
{
	assert_int_equal(a->t_ms, b->t_ms);
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->price, b->price);
	assert_int_equal(a->qty, b->qty);
	assert_int_equal(a->side, b->side);
}

/* One chunk of trades, as far as they fit; the chunk goes to the end of out. */
static uint32_t pack(struct tape_writer *writer, const struct trade *trades, uint32_t count,
		     struct buf *out)
{
	struct market_id market = a_market();
	uint32_t taken = 0;
	tape_writer_begin(writer, &market, 2, 3);
	while (taken < count && tape_writer_add(writer, &trades[taken]) == STATUS_OK)
		taken++;
	assert_int_equal(tape_writer_count(writer), taken);
	tape_writer_chunk(writer, out);
	assert_false(out->overflow);
	return taken;
}

static void assert_chunk_holds(struct str chunk, const struct trade *trades, uint32_t count)
{
	struct tape_info info, head;
	struct market_id market = a_market();
	assert_true(chunk.len <= TAPE_CHUNK_BYTES);
	assert_int_equal(tape_chunk_len(chunk), chunk.len);
	assert_int_equal(tape_read(chunk, &info, read_back), STATUS_OK);
	assert_int_equal(tape_info_read(chunk, &head), STATUS_OK);
	assert_int_equal(head.count, info.count);
	assert_int_equal(head.id_last, info.id_last);
	assert_true(market_id_eq(&info.market, &market));
	assert_int_equal(info.count, count);
	assert_int_equal(info.ms_first, trades[0].t_ms);
	assert_int_equal(info.id_first, trades[0].id);
	assert_int_equal(info.ms_last, trades[count - 1].t_ms);
	assert_int_equal(info.id_last, trades[count - 1].id);
	assert_int_equal(info.priors_version, tape_priors_version());
	for (uint32_t i = 0; i < count; i++)
		assert_trade_equal(&read_back[i], &trades[i]);
}

/* Packs all, in as many chunks as it takes. */
static uint32_t assert_comes_back(const struct trade *trades, uint32_t count)
{
	struct tape_writer *writer = tape_writer_create();
	uint32_t chunks = 0, taken;
	for (uint32_t at = 0; at < count; at += taken, chunks++) {
		struct buf out = buf_over(storage, sizeof storage);
		taken = pack(writer, &trades[at], count - at, &out);
		assert_true(taken > 0);
		assert_chunk_holds(buf_str(&out), &trades[at], taken);
	}
	tape_writer_destroy(writer);
	return chunks;
}

/* Shapes of trades: bit 0 late trades, 1 ids with holes and repeats, 2 coarse units
 * that become fine, 3 few quantities, 4 sides at random, 5 jumps of the price. */
static void make_trades(struct rng *rng, unsigned shape, struct trade *trades, uint32_t count)
{
	struct trade trade = { 1723161256560, 4308068523, 268160, 1000, SIDE_BUY };
	for (uint32_t i = 0; i < count; i++) {
		if (rng_below(rng, 4) == 0)
			trade.t_ms += (int64_t)rng_below(rng, 90) - (shape & 1 ? 40 : 0);
		trade.id += shape & 2 ? (int64_t)rng_below(rng, 4) : 1;
		if (rng_below(rng, 3) == 0)
			trade.price += ((int64_t)rng_below(rng, 9) - 4) * (shape & 4 ? 10 : 1);
		if (shape & 32 && rng_below(rng, 20) == 0)
			trade.price += (int64_t)rng_below(rng, 100000) - 50000;
		trade.qty = shape & 8 ? (int64_t)rng_below(rng, 3) * 100 + 100
				      : (int64_t)(rng_next(rng) >> (40 + rng_below(rng, 20)));
		if (shape & 4)
			trade.qty = i < count / 2 ? trade.qty * 100 : trade.qty;
		if (shape & 16 || rng_below(rng, 5) == 0)
			trade.side = (uint8_t)rng_below(rng, 2);
		trades[i] = trade;
	}
}

static void trades_of_all_shapes_come_back(void **state)
{
	(void)state;
	static struct trade trades[6000];
	struct rng rng;
	rng_init(&rng, 1);
	for (unsigned shape = 0; shape < 64; shape++) {
		uint32_t count = 1 + (uint32_t)rng_below(&rng, ARRAY_LEN(trades));
		make_trades(&rng, shape, trades, count);
		assert_comes_back(trades, count);
	}
}

static int64_t any_value(struct rng *rng)
{
	switch (rng_below(rng, 4)) {
	case 0: return INT64_MIN;
	case 1: return INT64_MAX;
	case 2: return (int64_t)rng_next(rng);
	}
	return (int64_t)((rng_next(rng) >> rng_below(rng, 64)) * 10);
}

static void arbitrary_values_come_back(void **state)
{
	(void)state;
	static struct trade trades[3000];
	struct rng rng;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		rng_init(&rng, seed);
		for (uint32_t i = 0; i < ARRAY_LEN(trades); i++)
			trades[i] =
			    (struct trade){ (int64_t)(rng_next(&rng) % HOUR_MS), any_value(&rng),
					    any_value(&rng), any_value(&rng), rng_next(&rng) & 1 };
		assert_true(assert_comes_back(trades, ARRAY_LEN(trades)) > 3);
	}
}

/* Trained to expect one thing 3,000 times, then the opposite of everything: the most
 * expensive trades there are, up to FULL. */
static void hostile_trades_stay_inside_the_bound(void **state)
{
	(void)state;
	static struct trade trades[TAPE_CHUNK_TRADES];
	struct rng rng;
	rng_init(&rng, 9);
	for (uint32_t quiet = 0; quiet < 4000; quiet += 500) {
		for (uint32_t i = 0; i < ARRAY_LEN(trades); i++) {
			trades[i] = (struct trade){ 5, i, 1000000, 1000000, SIDE_BUY };
			if (i > quiet)
				trades[i] = (struct trade){
					(int64_t)(rng_next(&rng) % HOUR_MS),
					(int64_t)rng_next(&rng), (int64_t)(rng_next(&rng) | 1),
					(int64_t)(rng_next(&rng) | 1ull << 63 | 1), i & 1
				};
		}
		assert_comes_back(trades, ARRAY_LEN(trades));
	}
}

static void one_trade_is_a_chunk(void **state)
{
	(void)state;
	struct trade trade = { 1723161256560, 4308068523, 268162, 1000, SIDE_SELL };
	struct buf out = buf_over(storage, sizeof storage);
	struct tape_writer *writer = tape_writer_create();
	assert_int_equal(pack(writer, &trade, 1, &out), 1);
	assert_chunk_holds(buf_str(&out), &trade, 1);
	assert_true(out.len < 50);
	trade = (struct trade){ INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, SIDE_BUY };
	buf_clear(&out);
	pack(writer, &trade, 1, &out);
	assert_chunk_holds(buf_str(&out), &trade, 1);
	trade = (struct trade){ INT64_MAX, INT64_MAX, INT64_MAX, 0, SIDE_BUY };
	buf_clear(&out);
	pack(writer, &trade, 1, &out);
	assert_chunk_holds(buf_str(&out), &trade, 1);
	tape_writer_destroy(writer);
}

static void chunk_is_full_at_4096_trades(void **state)
{
	(void)state;
	static struct trade trades[TAPE_CHUNK_TRADES + 1];
	struct buf out = buf_over(storage, sizeof storage);
	struct tape_writer *writer = tape_writer_create();
	for (uint32_t i = 0; i <= TAPE_CHUNK_TRADES; i++)
		trades[i] = (struct trade){ 1000, i, 5, 7, SIDE_BUY };
	assert_int_equal(pack(writer, trades, TAPE_CHUNK_TRADES + 1, &out), TAPE_CHUNK_TRADES);
	assert_chunk_holds(buf_str(&out), trades, TAPE_CHUNK_TRADES);
	assert_true(out.len < 100); /* what is as expected costs nothing */
	tape_writer_destroy(writer);
}

static void chunk_is_full_at_its_bytes_and_uses_them(void **state)
{
	(void)state;
	static struct trade trades[TAPE_CHUNK_TRADES];
	struct rng rng;
	struct buf out = buf_over(storage, sizeof storage);
	struct tape_writer *writer = tape_writer_create();
	rng_init(&rng, 4);
	for (uint32_t i = 0; i < TAPE_CHUNK_TRADES; i++)
		trades[i] = (struct trade){ 1000 + i, i, (int64_t)rng_next(&rng) >> 30,
					    (int64_t)(rng_next(&rng) >> 34), i & 1 };
	uint32_t taken = pack(writer, trades, TAPE_CHUNK_TRADES, &out);
	assert_true(taken < TAPE_CHUNK_TRADES);
	assert_true(out.len > TAPE_CHUNK_BYTES - 300);
	assert_chunk_holds(buf_str(&out), trades, taken);
	tape_writer_destroy(writer);
}

static void chunk_never_crosses_its_hour(void **state)
{
	(void)state;
	struct market_id market = a_market();
	struct tape_writer *writer = tape_writer_create();
	static const struct {
		int64_t first, second;
		enum status status;
	} cases[] = {
		{ 0, HOUR_MS - 1, STATUS_OK },
		{ 0, HOUR_MS, STATUS_FULL },
		{ HOUR_MS, HOUR_MS - 1, STATUS_FULL },
		{ HOUR_MS + 5, HOUR_MS, STATUS_OK },
		{ -1, 0, STATUS_FULL },
		{ -1, -HOUR_MS, STATUS_OK },
		{ -1, -HOUR_MS - 1, STATUS_FULL },
		{ INT64_MAX, INT64_MIN, STATUS_FULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct trade trade = { cases[i].first, 1, 2, 3, SIDE_BUY };
		tape_writer_begin(writer, &market, 0, 0);
		assert_int_equal(tape_writer_add(writer, &trade), STATUS_OK);
		trade.t_ms = cases[i].second;
		assert_int_equal(tape_writer_add(writer, &trade), cases[i].status);
	}
	tape_writer_destroy(writer);
}

static void refused_trade_leaves_no_trace(void **state)
{
	(void)state;
	static struct trade trades[5000];
	static char before[TAPE_CHUNK_BYTES];
	struct rng rng;
	struct market_id market = a_market();
	struct tape_writer *writer = tape_writer_create();
	struct buf first = buf_over(before, sizeof before);
	struct buf second = buf_over(storage, sizeof storage);
	struct trade next_hour = { 1723161256560 + HOUR_MS, 1, 2, 3, SIDE_SELL };
	rng_init(&rng, 12);
	make_trades(&rng, 16, trades, ARRAY_LEN(trades));
	tape_writer_begin(writer, &market, 2, 3);
	uint32_t taken = 0;
	while (tape_writer_add(writer, &trades[taken]) == STATUS_OK)
		taken++;
	tape_writer_chunk(writer, &first);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(tape_writer_add(writer, &trades[taken]), STATUS_FULL);
		assert_int_equal(tape_writer_add(writer, &next_hour), STATUS_FULL);
	}
	assert_int_equal(tape_writer_count(writer), taken);
	tape_writer_chunk(writer, &second);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(before, storage, first.len);
	tape_writer_destroy(writer);
}

static void snapshot_does_not_disturb_the_writer(void **state)
{
	(void)state;
	static struct trade trades[1500];
	static char plain[TAPE_CHUNK_BYTES];
	struct rng rng;
	struct market_id market = a_market();
	struct tape_writer *writer = tape_writer_create();
	struct buf expected = buf_over(plain, sizeof plain);
	rng_init(&rng, 31);
	make_trades(&rng, 17, trades, ARRAY_LEN(trades));
	assert_int_equal(pack(writer, trades, ARRAY_LEN(trades), &expected), ARRAY_LEN(trades));
	tape_writer_begin(writer, &market, 2, 3);
	for (uint32_t i = 0; i < ARRAY_LEN(trades); i++) {
		assert_int_equal(tape_writer_add(writer, &trades[i]), STATUS_OK);
		struct buf out = buf_over(storage, sizeof storage);
		tape_writer_chunk(writer, &out);
		if (i % 97 == 0 || i < 20)
			assert_chunk_holds(buf_str(&out), trades, i + 1);
	}
	assert_memory_equal(storage, plain, expected.len);
	tape_writer_destroy(writer);
}

static struct str small_chunk(uint32_t count)
{
	static char bytes[TAPE_CHUNK_BYTES];
	static struct trade trades[64];
	struct rng rng;
	struct buf out = buf_over(bytes, sizeof bytes);
	struct tape_writer *writer = tape_writer_create();
	rng_init(&rng, 2024);
	make_trades(&rng, 63, trades, count);
	pack(writer, trades, count, &out);
	tape_writer_destroy(writer);
	return buf_str(&out);
}

/* The format is other programs' business too: these bytes may not change while
 * format 1 and priors 1 exist. */
static void format_is_what_it_was(void **state)
{
	(void)state;
	static const char golden[] =
	    "77540192008a290e90000107455448555344540203010401289c8ad1c6a6649102d6a2bf8c206684"
	    "a30364ebe7570a9eb4f5951cc075b7e2187eedb1cb191ebe41bc4cb9b945487e968e68b560d2a387"
	    "56cb4f8fd185b971fea58ba810224dcd4617b754bc2eaa83ea1ed016f6fd1e075f0f9ddc9b867b97"
	    "d32ede0ec84e8b44913947ee7067b4de3b09e53896ccea68af17";
	struct str chunk = small_chunk(40);
	assert_int_equal(chunk.len * 2, sizeof golden - 1);
	for (size_t i = 0; i < chunk.len; i++) {
		char hex[3];
		snprintf(hex, sizeof hex, "%02x", (uint8_t)chunk.ptr[i]);
		assert_memory_equal(hex, golden + 2 * i, 2);
	}
}

static void chunk_cut_anywhere_is_refused(void **state)
{
	(void)state;
	struct str chunk = small_chunk(40);
	struct tape_info info;
	for (size_t len = 0; len < chunk.len; len++) {
		char *exact = malloc(len + 1);
		memcpy(exact, chunk.ptr, len);
		assert_int_equal(tape_read(str_make(exact, len), &info, read_back),
				 STATUS_TRUNCATED);
		assert_int_equal(tape_info_read(str_make(exact, len), &info), STATUS_TRUNCATED);
		assert_int_equal(tape_chunk_len(str_make(exact, len)), 0);
		free(exact);
	}
}

static bool is_read_error(enum status status)
{
	return status == STATUS_CHECKSUM || status == STATUS_FORMAT || status == STATUS_VERSION ||
	       status == STATUS_TRUNCATED;
}

static void every_flipped_bit_is_found(void **state)
{
	(void)state;
	struct str chunk = small_chunk(40);
	char copy[TAPE_CHUNK_BYTES];
	struct tape_info info;
	for (size_t bit = 0; bit < chunk.len * 8; bit++) {
		memcpy(copy, chunk.ptr, chunk.len);
		copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
		struct str bad = str_make(copy, chunk.len);
		assert_true(is_read_error(tape_read(bad, &info, read_back)));
		assert_true(is_read_error(tape_info_read(bad, &info)));
	}
}

static void bytes_behind_the_chunk_are_refused(void **state)
{
	(void)state;
	struct str chunk = small_chunk(40);
	struct tape_info info;
	char longer[TAPE_CHUNK_BYTES];
	memcpy(longer, chunk.ptr, chunk.len);
	longer[chunk.len] = 0;
	assert_int_equal(tape_read(str_make(longer, chunk.len + 1), &info, read_back),
			 STATUS_FORMAT);
	assert_int_equal(tape_chunk_len(str_make(longer, chunk.len + 1)), chunk.len);
}

/* With a CRC that is right, so that the reader behind it is tried. */
static void forged_chunks_are_survived(void **state)
{
	(void)state;
	struct str chunk = small_chunk(60);
	uint8_t copy[TAPE_CHUNK_BYTES + 1];
	struct tape_info info;
	struct rng rng;
	int refused = 0;
	const struct pack_frame frame = { { 'w', 'T' }, 1, TAPE_CHUNK_BYTES };
	rng_init(&rng, 6);
	for (int round = 0; round < 20000; round++) {
		size_t len = PACK_FRAME_HEAD + rng_below(&rng, chunk.len - PACK_FRAME_HEAD) + 1;
		memcpy(copy, chunk.ptr, chunk.len);
		for (uint64_t i = 1 + rng_below(&rng, 3); i-- > 0;)
			copy[PACK_FRAME_HEAD + rng_below(&rng, len - PACK_FRAME_HEAD)] =
			    (uint8_t)rng_next(&rng);
		pack_frame_seal(&frame, copy, len);
		enum status status = tape_read(str_make((char *)copy, len), &info, read_back);
		assert_true(status == STATUS_OK || is_read_error(status));
		refused += status != STATUS_OK;
	}
	assert_true(refused > 10000);
}

static void version_of_chunk_or_priors_is_told_apart(void **state)
{
	(void)state;
	struct str chunk = small_chunk(3);
	uint8_t copy[TAPE_CHUNK_BYTES];
	struct tape_info info;
	struct pack_frame frame = { { 'w', 'T' }, 2, TAPE_CHUNK_BYTES };
	memcpy(copy, chunk.ptr, chunk.len);
	pack_frame_seal(&frame, copy, chunk.len);
	assert_int_equal(tape_read(str_make((char *)copy, chunk.len), &info, read_back),
			 STATUS_VERSION);
	frame.version = 1;
	copy[PACK_FRAME_HEAD + 3 + 7 + 4] = 99; /* priors version */
	pack_frame_seal(&frame, copy, chunk.len);
	assert_int_equal(tape_read(str_make((char *)copy, chunk.len), &info, read_back),
			 STATUS_VERSION);
	assert_int_equal(tape_info_read(str_make((char *)copy, chunk.len), &info), STATUS_OK);
	assert_int_equal(info.priors_version, 99);
}

static void outputs_are_written_only_on_success(void **state)
{
	(void)state;
	struct str chunk = small_chunk(3);
	struct tape_info info, untouched;
	memset(&info, 0x55, sizeof info);
	memset(&untouched, 0x55, sizeof untouched);
	assert_int_not_equal(tape_read(str_make(chunk.ptr, chunk.len - 1), &info, read_back), 0);
	assert_int_not_equal(tape_info_read(str_make(chunk.ptr, chunk.len - 1), &info), 0);
	assert_memory_equal(&info, &untouched, sizeof info);
}

static void chunks_behind_each_other_can_be_walked(void **state)
{
	(void)state;
	static struct trade trades[300];
	struct rng rng;
	struct buf out = buf_over(storage, sizeof storage);
	struct tape_writer *writer = tape_writer_create();
	rng_init(&rng, 70);
	make_trades(&rng, 0, trades, ARRAY_LEN(trades));
	for (uint32_t i = 0; i < ARRAY_LEN(trades); i += 30)
		pack(writer, &trades[i], 30, &out);
	struct str rest = buf_str(&out);
	uint32_t at = 0;
	for (size_t len; (len = tape_chunk_len(rest)) > 0; rest = str_skip(rest, len), at += 30)
		assert_chunk_holds(str_make(rest.ptr, len), &trades[at], 30);
	assert_int_equal(rest.len, 0);
	assert_int_equal(at, ARRAY_LEN(trades));
	tape_writer_destroy(writer);
}

/* The same trades with all digits a venue may write: the units take them off. */
static void scale_does_not_change_what_trades_cost(void **state)
{
	(void)state;
	static struct trade trades[2000];
	struct rng rng;
	struct buf out = buf_over(storage, sizeof storage);
	struct tape_writer *writer = tape_writer_create();
	rng_init(&rng, 15);
	make_trades(&rng, 0, trades, ARRAY_LEN(trades));
	pack(writer, trades, ARRAY_LEN(trades), &out);
	size_t fine = out.len;
	for (uint32_t i = 0; i < ARRAY_LEN(trades); i++) {
		trades[i].price *= 1000000;
		trades[i].qty *= 10000;
	}
	buf_clear(&out);
	assert_int_equal(pack(writer, trades, ARRAY_LEN(trades), &out), ARRAY_LEN(trades));
	assert_chunk_holds(buf_str(&out), trades, ARRAY_LEN(trades));
	assert_true(out.len <= fine + 8);
	tape_writer_destroy(writer);
}

static void assert_recording_comes_back(const char *const *files, size_t n, double bytes_max)
{
	struct trade_file all = { 0 };
	size_t bytes = 0;
	for (size_t i = 0; i < n; i++) {
		char path[512];
		snprintf(path, sizeof path, TEST_SHARED_DIR "/market/%s", files[i]);
		if (!trade_file_add(&all, path)) {
			printf("no recording %s: skipped\n", path);
			trade_file_deinit(&all);
			skip();
		}
	}
	struct tape_writer *writer = tape_writer_create();
	for (uint32_t at = 0, taken; at < all.count; at += taken) {
		struct buf out = buf_over(storage, sizeof storage);
		taken = pack(writer, &all.trades[at], all.count - at, &out);
		assert_chunk_holds(buf_str(&out), &all.trades[at], taken);
		bytes += out.len;
	}
	assert_true((double)bytes / all.count <= bytes_max);
	tape_writer_destroy(writer);
	trade_file_deinit(&all);
}

static void recorded_perp_trades_come_back_in_1_85_bytes(void **state)
{
	(void)state;
	static const char *const files[] = { "usdm_ethusdt_20240808.gz" };
	assert_recording_comes_back(files, 1, 1.85);
}

static void recorded_spot_trades_come_back_in_2_1_bytes(void **state)
{
	(void)state;
	static const char *const files[] = { "spot_ethusdt_20240808.gz",
					     "spot_ethusdt_20240809.gz" };
	assert_recording_comes_back(files, 2, 2.1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trades_of_all_shapes_come_back),
		cmocka_unit_test(arbitrary_values_come_back),
		cmocka_unit_test(hostile_trades_stay_inside_the_bound),
		cmocka_unit_test(one_trade_is_a_chunk),
		cmocka_unit_test(chunk_is_full_at_4096_trades),
		cmocka_unit_test(chunk_is_full_at_its_bytes_and_uses_them),
		cmocka_unit_test(chunk_never_crosses_its_hour),
		cmocka_unit_test(refused_trade_leaves_no_trace),
		cmocka_unit_test(snapshot_does_not_disturb_the_writer),
		cmocka_unit_test(format_is_what_it_was),
		cmocka_unit_test(chunk_cut_anywhere_is_refused),
		cmocka_unit_test(every_flipped_bit_is_found),
		cmocka_unit_test(bytes_behind_the_chunk_are_refused),
		cmocka_unit_test(forged_chunks_are_survived),
		cmocka_unit_test(version_of_chunk_or_priors_is_told_apart),
		cmocka_unit_test(outputs_are_written_only_on_success),
		cmocka_unit_test(chunks_behind_each_other_can_be_walked),
		cmocka_unit_test(scale_does_not_change_what_trades_cost),
		cmocka_unit_test(recorded_perp_trades_come_back_in_1_85_bytes),
		cmocka_unit_test(recorded_spot_trades_come_back_in_2_1_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
