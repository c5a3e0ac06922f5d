/* bench_pipeline - the way of a frame through weir against a bare simdjson pass over
 * the same frames: decode + windows (ingest into fresh markets: minutes, windows,
 * top of book, depth taken), and the same with every trade packed into the tape.
 *
 * Frames of the recorded futures session in memory, all kinds; one core, one
 * process, interleaved round by round; thread CPU time; the ratio is the median of
 * the ratios within the rounds. Exit 1 when a bound is missed. */
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/check.h"
#include "bench_decode_simdjson.h"
#include "codec/scan.h"
#include "codec/tape.h"
#include "feed/ingest.h"
#include "report.h"

enum { ROUNDS = 31, FRAMES_MAX = 200000, BYTES_MAX = 64 << 20 };

static const char recording_path[] = TEST_SHARED_DIR "/market/usdm_ethusdt_20240808.gz";
static char recording[BYTES_MAX + DECODE_PADDING];
static struct str frames[FRAMES_MAX];
static size_t n_frames;
static uint64_t sink;

bool bench_decimal_read(const char *text, const char *end, struct bench_decimal *out)
{
	struct scan scan = { text, end };
	struct decimal value;
	if (!scan_decimal(&scan, &value))
		return false;
	*out = (struct bench_decimal){ value.mantissa, value.scale };
	return true;
}

static bool load(void)
{
	gzFile file = gzopen(recording_path, "rb");
	if (!file)
		return false;
	int len = gzread(file, recording, BYTES_MAX);
	gzclose(file);
	CHECK(len > 0 && len < BYTES_MAX);
	struct str rest = str_make(recording, (size_t)len), line;
	while (str_split(&rest, '\n', &line)) {
		struct str frame = str_trim(str_skip(line, str_find_char(line, ' ')));
		CHECK(n_frames < FRAMES_MAX);
		if (frame.len)
			frames[n_frames++] = frame;
	}
	return true;
}

/* ---- what weir does with a trade that is new ---- */

struct taper {
	struct tape_writer *writer; /* NULL: windows only */
	struct buf chunk;
	uint64_t bytes;
};

static void close_chunk(struct taper *taper)
{
	buf_clear(&taper->chunk);
	tape_writer_chunk(taper->writer, &taper->chunk);
	taper->bytes += taper->chunk.len;
}

static void begin_chunk(struct taper *taper, struct market *market)
{
	int32_t price_scale, qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	tape_writer_begin(taper->writer, market_id(market), price_scale, qty_scale);
}

static void on_trade(void *ctx, struct market *market, const struct trade *trade)
{
	struct taper *taper = ctx;
	if (!taper->writer)
		return;
	if (tape_writer_count(taper->writer) == 0)
		begin_chunk(taper, market);
	if (tape_writer_add(taper->writer, trade) == STATUS_OK)
		return;
	close_chunk(taper);
	begin_chunk(taper, market);
	CHECK(tape_writer_add(taper->writer, trade) == STATUS_OK);
}

static double run_weir(bool tape)
{
	const struct market_config config = { .whale_quote = 500000 };
	struct taper taper = { 0 };
	struct ingest_hooks hooks = { on_trade, NULL, &taper };
	struct markets *markets = markets_create(&config);
	struct ingest *ingest = ingest_create(markets, &hooks);
	buf_init(&taper.chunk, 1 << 16);
	if (tape) {
		const struct market_id none = { .symbol = "X" };
		taper.writer = tape_writer_create();
		tape_writer_begin(taper.writer, &none, 0, 0);
	}
	CHECK(markets && ingest);
	/* The market itself is made once in a weir's life, not per recording. */
	CHECK(markets_get(markets, VENUE_BINANCE, KIND_PERP, STR("ETHUSDT")));
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (size_t i = 0; i < n_frames; i++)
		ingest_frame(ingest, VENUE_BINANCE, KIND_PERP, frames[i]);
	if (tape)
		close_chunk(&taper);
	double seconds = seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin;
	CHECK(market_counts(markets_at(markets, 0))->trades > 0);
	sink += taper.bytes;
	tape_writer_destroy(taper.writer);
	buf_deinit(&taper.chunk);
	ingest_destroy(ingest);
	markets_destroy(markets);
	return seconds;
}

static double run_simdjson(struct bench_simdjson *simdjson)
{
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (size_t i = 0; i < n_frames; i++)
		sink += bench_simdjson_walk(simdjson, frames[i]);
	return seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin;
}

int main(void)
{
	struct samples bare = { 0 }, windows = { 0 }, taped = { 0 }, by_windows = { 0 }, by_tape = { 0 };
	struct bench_simdjson *simdjson = bench_simdjson_create();
	if (!load()) {
		printf("no recordings beside the project\n");
		return 77;
	}
	CHECK(simdjson);
	double frames_m = (double)n_frames / 1e6;
	for (int round = -2; round < ROUNDS; round++) {
		double a = run_simdjson(simdjson), b = run_weir(false), c = run_weir(true);
		if (round < 0)
			continue; /* caches and clocks settle */
		samples_add(&bare, frames_m / a);
		samples_add(&windows, frames_m / b);
		samples_add(&taped, frames_m / c);
		samples_add(&by_windows, a / b);
		samples_add(&by_tape, a / c);
	}
	printf("%zu frames; simdjson kernels %s\n", n_frames, bench_simdjson_kernels());
	report("bare simdjson pass (walk, nothing converted)", &bare, "M frames/s");
	report("decode + windows", &windows, "M frames/s");
	report("decode + windows + tape", &taped, "M frames/s");
	bool met = report_bound("decode + windows / bare simdjson pass", samples_median(&by_windows), "x",
				true, 1.9);
	met &= report_bound("decode + windows + tape / bare simdjson pass", samples_median(&by_tape), "x",
			    true, 0.95);
	bench_simdjson_destroy(simdjson);
	return met && sink ? 0 : 1;
}
