#include "cli/bench_frames.h"

#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "codec/tape.h"
#include "feed/ingest.h"
#include "feed/simulator.h"

enum {
	TEXT_BYTES = 256 << 20,
	ROUNDS = 5,
	SECONDS = 3600,
	WINDOWS = 20000,
	DAY_MINUTES = 1440,
};
static const int64_t start_ms = 1790000000000;

struct frame {
	enum venue venue;
	enum kind kind;
	size_t at, len;
};

struct bench {
	struct frame *frames;
	size_t count, most;
	struct buf text; /* each frame followed by the bytes that decoders may read */
	struct decoder *decoders[VENUE_COUNT][KIND_COUNT];
	struct tape_writer *writer; /* NULL: nothing is packed */
	struct market *packing;
	struct buf chunk;
	uint64_t bytes, packed;
};

static double cpu_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return (a > b) - (a < b);
}

static double median(double values[ROUNDS])
{
	qsort(values, ROUNDS, sizeof values[0], compare);
	return values[ROUNDS / 2];
}

/* ---- the frames ---- */

static void keep_frame(void *ctx, enum venue venue, enum kind kind, struct str frame, int64_t t_ms)
{
	static const char padding[SIMULATOR_PADDING];
	struct bench *bench = ctx;
	(void)t_ms;
	if (bench->count == bench->most)
		return;
	bench->frames[bench->count++] = (struct frame){ venue, kind, bench->text.len, frame.len };
	buf_str_put(&bench->text, frame);
	buf_put(&bench->text, padding, sizeof padding);
}

static enum status make_frames(struct bench *bench, struct err *err)
{
	static const char *const symbols[] = { "BTCUSDT", "ETHUSDT", "SOLUSDT" };
	const struct simulator_config config = { .seed = 1,
						 .symbols = symbols,
						 .n_symbols = ARRAY_LEN(symbols),
						 .start_ms = start_ms,
						 .trades_per_second = 2000,
						 .full = true };
	const struct simulator_sink sink = { .frame = keep_frame, .ctx = bench };
	struct simulator *simulator;
	if (simulator_create(&config, &simulator))
		return err_set(err, STATUS_NO_MEMORY, "no memory for the simulator");
	simulator_advance(simulator, start_ms + SECONDS * 1000LL, bench->most, &sink);
	simulator_destroy(simulator);
	return bench->text.overflow ? err_set(err, STATUS_NO_MEMORY, "no memory for frames")
				    : STATUS_OK;
}

static struct str text_of(const struct bench *bench, const struct frame *frame)
{
	return str_make(bench->text.ptr + frame->at, frame->len);
}

/* ---- what is measured ---- */

static double decode_once(struct bench *bench)
{
	static struct event events[EVENTS_PER_FRAME];
	size_t seen = 0;
	double from = cpu_ns();
	for (size_t i = 0; i < bench->count; i++) {
		const struct frame *frame = &bench->frames[i];
		seen += decoder_decode(bench->decoders[frame->venue][frame->kind],
				       text_of(bench, frame), events);
	}
	double took = cpu_ns() - from;
	CHECK(seen >= bench->count);
	return took;
}

static void close_chunk(struct bench *bench)
{
	if (!bench->packing || !tape_writer_count(bench->writer))
		return;
	buf_clear(&bench->chunk);
	tape_writer_chunk(bench->writer, &bench->chunk);
	bench->bytes += bench->chunk.len;
}

static void begin_chunk(struct bench *bench, struct market *market)
{
	int32_t price_scale, qty_scale;
	bench->packing = market;
	market_scales(market, &price_scale, &qty_scale);
	tape_writer_begin(bench->writer, market_id(market), price_scale, qty_scale);
}

/* One market's tape: they take turns in the stream, and a writer is one market's. */
static void on_trade(void *ctx, struct market *market, const struct trade *trade)
{
	struct bench *bench = ctx;
	if (!bench->writer || (bench->packing && bench->packing != market))
		return;
	if (!bench->packing)
		begin_chunk(bench, market);
	bench->packed++;
	if (!tape_writer_add(bench->writer, trade))
		return;
	close_chunk(bench);
	begin_chunk(bench, market);
	enum status status = tape_writer_add(bench->writer, trade);
	CHECK(status == STATUS_OK);
}

static double take_windows(struct markets *markets)
{
	struct window window;
	i128 sum = 0;
	struct market *market = markets_at(markets, 0);
	double from = cpu_ns();
	for (int i = 0; i < WINDOWS; i++) {
		market_window(market, DAY_MINUTES - i % 60, &window);
		sum += window.flow.buy;
	}
	double took = (cpu_ns() - from) / WINDOWS;
	CHECK(sum != 1);
	return took;
}

/* Into fresh markets. */
static double ingest_once(struct bench *bench, struct bench_frames *out)
{
	const struct market_config config = { .whale_quote = 500000 };
	const struct ingest_hooks hooks = { on_trade, NULL, bench };
	struct markets *markets = markets_create(&config);
	struct ingest *ingest = markets ? ingest_create(markets, &hooks) : NULL;
	CHECK(markets && ingest);
	bench->bytes = bench->packed = 0;
	bench->packing = NULL;
	double from = cpu_ns();
	for (size_t i = 0; i < bench->count; i++)
		ingest_frame(ingest, bench->frames[i].venue, bench->frames[i].kind,
			     text_of(bench, &bench->frames[i]));
	close_chunk(bench);
	double took = cpu_ns() - from;
	out->window_ns = take_windows(markets);
	out->trades = 0;
	for (size_t i = 0; i < markets_count(markets); i++)
		out->trades += market_counts(markets_at(markets, i))->trades;
	ingest_destroy(ingest);
	markets_destroy(markets);
	return took;
}

static void measure(struct bench *bench, struct bench_frames *out)
{
	double decode[ROUNDS], plain[ROUNDS], packing[ROUNDS];
	struct tape_writer *writer = tape_writer_create();
	CHECK(writer);
	for (int round = 0; round < ROUNDS; round++) {
		decode[round] = decode_once(bench) / (double)bench->count;
		bench->writer = NULL;
		plain[round] = ingest_once(bench, out) / (double)bench->count;
		bench->writer = writer;
		double more = ingest_once(bench, out) - plain[round] * (double)bench->count;
		packing[round] = bench->packed ? more / (double)bench->packed : 0;
	}
	out->frames = bench->count;
	out->decode_ns = median(decode);
	out->markets_ns = median(plain);
	out->pack_ns = median(packing);
	out->trade_bytes = bench->packed ? (double)bench->bytes / (double)bench->packed : 0;
	tape_writer_destroy(writer);
}

static bool make_decoders(struct bench *bench)
{
	bool made = true;
	for (enum venue venue = 0; venue < VENUE_COUNT; venue++)
		for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
			bench->decoders[venue][kind] = decoder_create(venue, kind, DECODE_AUTO);
			made = made && bench->decoders[venue][kind];
		}
	return made;
}

enum status bench_frames_run(size_t frames, struct bench_frames *out, struct err *err)
{
	struct bench bench = { .frames = calloc(BENCH_FRAMES, sizeof *bench.frames),
			       .most = frames < BENCH_FRAMES ? frames : BENCH_FRAMES };
	*out = (struct bench_frames){ 0 };
	buf_init(&bench.text, TEXT_BYTES);
	buf_init(&bench.chunk, 1 << 16);
	enum status status = STATUS_OK;
	if (!bench.frames || !make_decoders(&bench))
		status = err_set(err, STATUS_NO_MEMORY, "no memory for the bench");
	if (!status)
		status = make_frames(&bench, err);
	if (!status)
		measure(&bench, out);
	for (enum venue venue = 0; venue < VENUE_COUNT; venue++)
		for (enum kind kind = 0; kind < KIND_COUNT; kind++)
			decoder_destroy(bench.decoders[venue][kind]);
	buf_deinit(&bench.chunk);
	buf_deinit(&bench.text);
	free(bench.frames);
	return status;
}
