/* bench_pipeline - the way of a frame through weir against a bare simdjson pass over
 * the same frames: decode + windows (ingest into fresh markets: minutes, windows,
 * top of book, depth taken), and the same with every trade packed into the tape.
 *
 * Frames of the recorded futures session in memory, all kinds; one core, one
 * process, interleaved round by round; thread CPU time; the ratio is the median of
 * the ratios within the rounds. Exit 1 when a bound is missed. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/tape.h"
#include "feed/ingest.h"
#include "frames.h"
#include "report.h"

enum { ROUNDS = 31 };

static struct str frame_at[FRAMES_MAX];
static struct frames frames = { .at = frame_at };
static uint64_t sink;

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
	for (size_t i = 0; i < frames.n; i++)
		ingest_frame(ingest, VENUE_BINANCE, KIND_PERP, frames.at[i]);
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

static double run_dom(struct bench_simdjson *simdjson)
{
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (size_t i = 0; i < frames.n; i++)
		sink += bench_simdjson_parse(simdjson, frames.at[i]);
	return seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin;
}

static double run_walk(struct bench_simdjson *simdjson)
{
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (size_t i = 0; i < frames.n; i++)
		sink += bench_simdjson_walk(simdjson, frames.at[i]);
	return seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin;
}

int main(void)
{
	struct samples walk = { 0 }, dom = { 0 }, windows = { 0 }, taped = { 0 },
		       by_windows = { 0 }, by_tape = { 0 }, walk_by_windows = { 0 };
	struct bench_simdjson *simdjson = bench_simdjson_create();
	if (!frames_load(&frames)) {
		printf("no recordings beside the project\n");
		return 77;
	}
	CHECK(simdjson);
	double frames_m = (double)frames.n / 1e6;
	for (int round = -2; round < ROUNDS; round++) {
		double w = run_walk(simdjson), d = run_dom(simdjson), b = run_weir(false),
		       c = run_weir(true);
		if (round < 0)
			continue; /* caches and clocks settle */
		samples_add(&walk, frames_m / w);
		samples_add(&dom, frames_m / d);
		samples_add(&windows, frames_m / b);
		samples_add(&taped, frames_m / c);
		samples_add(&walk_by_windows, w / b);
		samples_add(&by_windows, d / b);
		samples_add(&by_tape, d / c);
	}
	printf("%zu frames; simdjson kernels %s\n", frames.n, bench_simdjson_kernels());
	report("bare simdjson pass: DOM parse(), the whole frame checked", &dom, "M frames/s");
	report("simdjson on-demand, every value visited (reference)", &walk, "M frames/s");
	report("decode + windows", &windows, "M frames/s");
	report("decode + windows + tape", &taped, "M frames/s");
	report("decode + windows / on-demand walk (reference)", &walk_by_windows, "x");
	bool met = report_bound("decode + windows / bare simdjson pass",
				samples_median(&by_windows), "x", true, 1.9);
	met &= report_bound("decode + windows + tape / bare simdjson pass",
			    samples_median(&by_tape), "x", true, 0.95);
	bench_simdjson_destroy(simdjson);
	return met && sink ? 0 : 1;
}
