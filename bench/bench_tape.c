/* bench_tape - what a trade and a minute cost, in bytes and in time.
 *
 * Bytes: closed chunks of the recordings, header and CRC included, packed with the
 * shipped start probabilities and, as the honest figure, with ones trained here on
 * the OTHER market only. Against it stand the same chunks as varint columns (time
 * differences, price differences, quantities, side bits, id differences) in one
 * zstd-3 frame each, without any header.
 * Time: the recordings over and over in memory, packing and unpacking in turns,
 * thread CPU time, the median of the rounds with its smallest and largest.
 * Exit 1 when a bound is missed, 77 without the recordings. */
#include "../tools/train_tables.h"
#include "report.h"

#include <zstd.h>

enum { ROUNDS = 15, SPEED_TRADES = 400000, CHUNKS_BYTES = 1 << 21, BARS_MAX = 4096 };

struct packed_market {
	const char *name, *other;
	struct trade_file all;
	uint16_t words[TAPE_SLOTS]; /* trained on this market alone */
	double bytes_bound;
	double zstd_bytes; /* a trade */
};

static struct packed_market markets[2] = {
	{ .name = "perp", .other = "spot", .bytes_bound = 1.85 },
	{ .name = "spot", .other = "perp", .bytes_bound = 2.1 },
};

static char storage[CHUNKS_BYTES];
static struct trade chunk_trades[TAPE_CHUNK_TRADES];
static bool met = true;

static void bound(const char *market, const char *name, double value, const char *unit,
		  bool at_least, double limit)
{
	char line[128];
	snprintf(line, sizeof line, "%s_%s", market, name);
	met &= report_bound(line, value, unit, at_least, limit);
}

static struct market_id a_market(void)
{
	struct market_id market;
	CHECK(market_id_make(VENUE_BINANCE, KIND_PERP, STR("ETHUSDT"), &market) == STATUS_OK);
	return market;
}

/* All trades as closed chunks into storage. */
static struct str pack(struct tape_writer *writer, const struct trade *trades, size_t count,
		       const struct pack_priors *priors)
{
	struct buf out = buf_over(storage, sizeof storage);
	struct market_id market = a_market();
	tape_writer_begin_with(writer, &market, 2, 4, priors);
	for (size_t i = 0; i < count; i++) {
		if (tape_writer_add(writer, &trades[i]) == STATUS_OK)
			continue;
		tape_writer_chunk(writer, &out);
		tape_writer_begin_with(writer, &market, 2, 4, priors);
		CHECK(tape_writer_add(writer, &trades[i]) == STATUS_OK);
	}
	tape_writer_chunk(writer, &out);
	CHECK(!out.overflow);
	return buf_str(&out);
}

/* Reads all chunks; checks them against `trades` when that is given. */
static size_t unpack(struct str chunks, const struct pack_priors *priors,
		     const struct trade *trades)
{
	struct tape_info info;
	size_t count = 0;
	for (size_t len; (len = tape_chunk_len(chunks)) > 0; chunks = str_skip(chunks, len)) {
		struct str chunk = str_make(chunks.ptr, len);
		CHECK(tape_read_with(chunk, priors, &info, chunk_trades) == STATUS_OK);
		for (uint32_t i = 0; trades && i < info.count; i++) {
			const struct trade *a = &chunk_trades[i], *b = &trades[count + i];
			CHECK(a->t_ms == b->t_ms && a->id == b->id && a->side == b->side);
			CHECK(a->price == b->price && a->qty == b->qty);
		}
		count += info.count;
	}
	return count;
}

static uint8_t *put_varint(uint8_t *out, uint64_t value)
{
	for (; value > 127; value >>= 7)
		*out++ = (uint8_t)(value | 128);
	*out++ = (uint8_t)value;
	return out;
}

static uint8_t *put_difference(uint8_t *out, int64_t value, int64_t before)
{
	int64_t difference = value - before;
	return put_varint(out, (uint64_t)difference << 1 ^ (uint64_t)(difference >> 63));
}

/* The same trades as one zstd-3 frame of varint columns. Tried: quantities as they
 * are beat their differences by a tenth. */
static size_t zstd_bytes(const struct trade *trades, uint32_t count)
{
	static uint8_t columns[TAPE_CHUNK_TRADES * 42], frame[TAPE_CHUNK_TRADES * 64];
	static const struct trade none;
	uint8_t *out = columns;
	for (uint32_t i = 0; i < count; i++)
		out = put_difference(out, trades[i].t_ms, (i ? &trades[i - 1] : &none)->t_ms);
	for (uint32_t i = 0; i < count; i++)
		out = put_difference(out, trades[i].price, (i ? &trades[i - 1] : &none)->price);
	for (uint32_t i = 0; i < count; i++)
		out = put_varint(out, (uint64_t)trades[i].qty);
	memset(out, 0, (count + 7) / 8);
	for (uint32_t i = 0; i < count; i++)
		out[i / 8] = (uint8_t)(out[i / 8] | trades[i].side << i % 8);
	out += (count + 7) / 8;
	for (uint32_t i = 0; i < count; i++)
		out = put_difference(out, trades[i].id, (i ? &trades[i - 1] : &none)->id);
	size_t len = ZSTD_compress(frame, sizeof frame, columns, (size_t)(out - columns), 3);
	CHECK(!ZSTD_isError(len));
	return len;
}

static void measure_zstd(struct packed_market *market, struct str chunks)
{
	struct tape_info info;
	size_t bytes = 0, at = 0;
	for (size_t len; (len = tape_chunk_len(chunks)) > 0; chunks = str_skip(chunks, len)) {
		CHECK(tape_info_read(str_make(chunks.ptr, len), &info) == STATUS_OK);
		bytes += zstd_bytes(&market->all.trades[at], info.count);
		at += info.count;
	}
	market->zstd_bytes = (double)bytes / market->all.count;
	printf("%-58s %10.3f bytes/trade\n",
	       market == markets ? "perp_varint_columns_zstd3" : "spot_varint_columns_zstd3",
	       market->zstd_bytes);
}

static double bytes_a_trade(struct packed_market *market, const struct pack_priors *priors)
{
	struct tape_writer *writer = tape_writer_create();
	CHECK(writer);
	struct str chunks = pack(writer, market->all.trades, market->all.count, priors);
	CHECK(unpack(chunks, priors, market->all.trades) == market->all.count);
	if (market->zstd_bytes == 0)
		measure_zstd(market, chunks);
	tape_writer_destroy(writer);
	return (double)chunks.len / market->all.count;
}

static void measure_bytes(void)
{
	for (size_t i = 0; i < ARRAY_LEN(markets); i++) {
		struct packed_market *market = &markets[i];
		struct pack_priors other = { 1, markets[1 - i].words };
		double shipped = bytes_a_trade(market, pack_priors_newest(&tape_table));
		double left_out = bytes_a_trade(market, &other);
		double flat = bytes_a_trade(market, NULL);
		bound(market->name, "bytes_shipped_priors", shipped, "bytes/trade", false,
		      market->bytes_bound);
		bound(market->name, "bytes_priors_of_the_other_market_only", left_out,
		      "bytes/trade", false, market->bytes_bound);
		bound(market->name, "other_market's_priors_over_no_priors", left_out / flat,
		      "ratio", false, 1.0);
		bound(market->name, "shipped_over_varint_zstd3", shipped / market->zstd_bytes,
		      "ratio", false, 0.88);
		bound(market->name, "other_market's_priors_over_varint_zstd3",
		      left_out / market->zstd_bytes, "ratio", false, 0.88);
	}
}

/* The market's trades again and again, each time an hour and the ids further on. */
static struct trade *repeat_trades(const struct trade_file *all, size_t count)
{
	struct trade *trades = malloc(count * sizeof *trades);
	CHECK(trades);
	for (size_t i = 0; i < count; i++) {
		int64_t turn = (int64_t)(i / all->count);
		trades[i] = all->trades[i % all->count];
		trades[i].t_ms += turn * TAPE_CHUNK_MS * 2;
		trades[i].id += turn * all->count;
	}
	return trades;
}

static void measure_speed(const struct packed_market *market)
{
	const struct pack_priors *priors = pack_priors_newest(&tape_table);
	struct tape_writer *writer = tape_writer_create();
	struct trade *trades = repeat_trades(&market->all, SPEED_TRADES);
	struct samples packing = { 0 }, unpacking = { 0 };
	char name[64];
	CHECK(writer);
	for (int round = 0; round < ROUNDS; round++) {
		double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
		struct str chunks = pack(writer, trades, SPEED_TRADES, priors);
		double packed = seconds_of(CLOCK_THREAD_CPUTIME_ID);
		CHECK(unpack(chunks, priors, NULL) == SPEED_TRADES);
		double unpacked = seconds_of(CLOCK_THREAD_CPUTIME_ID);
		samples_add(&packing, SPEED_TRADES / (packed - start) / 1e6);
		samples_add(&unpacking, SPEED_TRADES / (unpacked - packed) / 1e6);
	}
	snprintf(name, sizeof name, "%s_pack", market->name);
	double median = report(name, &packing, "M trades/s");
	bound(market->name, "pack_median", median, "M trades/s", true, 6.5);
	snprintf(name, sizeof name, "%s_unpack", market->name);
	median = report(name, &unpacking, "M trades/s");
	bound(market->name, "unpack_median", median, "M trades/s", true, 6.5);
	free(trades);
	tape_writer_destroy(writer);
}

static struct str pack_bars(const struct bar *bars, uint32_t count)
{
	struct buf out = buf_over(storage, sizeof storage);
	struct market_id market = a_market();
	for (uint32_t i = 0; i < count; i += BARS_CHUNK_MINUTES)
		bars_pack(&market, 2, 4, &bars[i],
			  count - i < BARS_CHUNK_MINUTES ? count - i : BARS_CHUNK_MINUTES, &out);
	CHECK(!out.overflow);
	return buf_str(&out);
}

static double unpack_bars(struct str chunks)
{
	struct bars_info info;
	struct bar bars[BARS_CHUNK_MINUTES];
	uint32_t count = 0;
	double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (size_t len; (len = bars_chunk_len(chunks)) > 0; chunks = str_skip(chunks, len)) {
		CHECK(bars_read(str_make(chunks.ptr, len), &info, bars) == STATUS_OK);
		count += info.count;
	}
	return count / (seconds_of(CLOCK_THREAD_CPUTIME_ID) - start) / 1e6;
}

/* Recordings hold too few minutes for a chunk of 60: so spans of 10 s and of 60 s,
 * one behind the other and again, as if they were minutes. */
static void measure_bars(const struct packed_market *market)
{
	static struct bar bars[BARS_MAX];
	static const int64_t spans_ms[] = { 10000, 60000 };
	for (size_t s = 0; s < ARRAY_LEN(spans_ms); s++) {
		struct samples speed = { 0 };
		char name[64];
		uint32_t count = trade_file_bars(&market->all, spans_ms[s], bars, BARS_MAX);
		for (uint32_t i = count; i < BARS_MAX; i++) {
			bars[i] = bars[i - count];
			bars[i].minute_ms = bars[i - 1].minute_ms + 60000;
		}
		struct str chunks = pack_bars(bars, BARS_MAX / 60 * 60);
		for (int round = 0; round < ROUNDS; round++)
			samples_add(&speed, unpack_bars(chunks));
		snprintf(name, sizeof name, "%s_bars_of_%d_s_unpack", market->name,
			 (int)(spans_ms[s] / 1000));
		double median = report(name, &speed, "M bars/s");
		bound(market->name, "bars_unpack_median", median, "M bars/s", true, 1);
		bound(market->name, "bars_bytes", (double)chunks.len / (BARS_MAX / 60 * 60),
		      "bytes/bar", false, 35);
	}
}

static bool load(struct packed_market *market, const char *const *files, size_t count)
{
	struct train train = { .count_max = TRAIN_COUNT_MAX };
	for (size_t i = 0; i < count; i++) {
		char path[512];
		snprintf(path, sizeof path, TEST_SHARED_DIR "/market/%s", files[i]);
		if (!trade_file_add(&market->all, path)) {
			printf("no recording %s: skipped\n", path);
			return false;
		}
	}
	train_tape(&train, &market->all);
	train_finish(&train, TAPE_SLOTS, market->words);
	return true;
}

int main(void)
{
	static const char *const perp[] = { "usdm_ethusdt_20240808.gz" };
	static const char *const spot[] = { "spot_ethusdt_20240808.gz",
					    "spot_ethusdt_20240809.gz" };
	if (!load(&markets[0], perp, 1) || !load(&markets[1], spot, 2))
		return 77;
	measure_bytes();
	for (size_t i = 0; i < ARRAY_LEN(markets); i++) {
		measure_speed(&markets[i]);
		measure_bars(&markets[i]);
		trade_file_deinit(&markets[i].all);
	}
	return met ? 0 : 1;
}
