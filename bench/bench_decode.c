/* bench_decode - decoder against simdjson, on the recorded futures frames.
 *
 * The frames lie in memory, one after the other as on the wire; all passes run on
 * one core in one process, interleaved round by round; times are the thread's CPU
 * time; a figure is the median of the rounds with its quartiles, a ratio the median
 * of the ratios within each round. Exit 1 when a bound is missed, 77 when there is
 * no recording. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "frames.h"

enum { ROUNDS = 31 };

/* The bounds: decode with windows behind it is to stay above 1.9 × of the bare pass,
 * so decode alone has to leave room. */
static const double bound_all = 2.3, bound_trades = 1.8;

static struct event events[EVENTS_PER_FRAME];
static struct decoder *decoder, *scanner;
static struct bench_simdjson *simdjson;
static uint64_t sink; /* what the passes found, so that none is optimised away */

static uint64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool is_trade(struct str frame)
{
	return memmem(frame.ptr, frame.len, "\"e\":\"trade\"", 11) != NULL;
}

/* All frames of the recording, and a copy of its trades as if alone on the wire. */
static bool load(struct frames *all, struct frames *trades)
{
	static char trade_bytes[FRAMES_BYTES_MAX + DECODE_PADDING];
	if (!frames_load(all))
		return false;
	for (size_t i = 0; i < all->n; i++) {
		if (!is_trade(all->at[i]))
			continue;
		char *copy = trade_bytes + trades->bytes;
		memcpy(copy, all->at[i].ptr, all->at[i].len);
		frames_add(trades, str_make(copy, all->at[i].len));
	}
	return true;
}

static void pass_decode(const struct frames *frames)
{
	for (size_t i = 0; i < frames->n; i++)
		sink += decoder_decode(decoder, frames->at[i], events);
}

static void pass_scan(const struct frames *frames)
{
	for (size_t i = 0; i < frames->n; i++) {
		size_t n = decoder_decode(scanner, frames->at[i], events);
		CHECK(n == 1);
		sink += (uint64_t)events[0].trade.price.mantissa;
	}
}

static void pass_walk(const struct frames *frames)
{
	for (size_t i = 0; i < frames->n; i++) {
		size_t bytes = bench_simdjson_walk(simdjson, frames->at[i]);
		CHECK(bytes > 0);
		sink += bytes;
	}
}

static void pass_dom(const struct frames *frames)
{
	for (size_t i = 0; i < frames->n; i++) {
		bool good = bench_simdjson_parse(simdjson, frames->at[i]);
		CHECK(good);
	}
}

static void pass_extract(const struct frames *frames)
{
	struct bench_trade trade;
	for (size_t i = 0; i < frames->n; i++) {
		bool good = bench_simdjson_trade(simdjson, frames->at[i], &trade);
		CHECK(good);
		sink += (uint64_t)trade.price.mantissa;
	}
}

struct pass {
	const char *name;
	void (*run)(const struct frames *frames);
	const struct frames *frames;
	double ns[ROUNDS]; /* of one pass over the frames */
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

struct spread {
	double low, median, high; /* quartiles */
};

static struct spread spread_of(const double *values)
{
	double sorted[ROUNDS];
	memcpy(sorted, values, sizeof sorted);
	qsort(sorted, ROUNDS, sizeof sorted[0], compare);
	return (struct spread){ sorted[ROUNDS / 4], sorted[ROUNDS / 2], sorted[ROUNDS * 3 / 4] };
}

static void measure(struct pass *passes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		passes[i].run(passes[i].frames);
	for (size_t round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < n; i++) {
			uint64_t start = cpu_ns();
			passes[i].run(passes[i].frames);
			passes[i].ns[round] = (double)(cpu_ns() - start);
		}
	}
}

static void print_pass(const struct pass *pass)
{
	struct spread ns = spread_of(pass->ns);
	double n = (double)pass->frames->n;
	printf("%-34s %7.1f ns/frame (%.1f..%.1f)  %6.2f M frames/s  %5.2f GB/s\n", pass->name,
	       ns.median / n, ns.low / n, ns.high / n, n * 1e3 / ns.median,
	       (double)pass->frames->bytes / ns.median);
}

/* True when `quick` is at least `bound` times as fast as `base`. */
static bool print_ratio(const struct pass *quick, const struct pass *base, double bound)
{
	double ratios[ROUNDS];
	for (size_t i = 0; i < ROUNDS; i++)
		ratios[i] = base->ns[i] / quick->ns[i];
	struct spread ratio = spread_of(ratios);
	bool good = ratio.median >= bound;
	printf("%s / %s: %.2f (%.2f..%.2f), bound %.1f: %s\n", quick->name, base->name,
	       ratio.median, ratio.low, ratio.high, bound, good ? "met" : "MISSED");
	return good;
}

int main(void)
{
	static struct str all_frames[FRAMES_MAX], trade_frames[FRAMES_MAX];
	struct frames all = { .at = all_frames }, trades = { .at = trade_frames };
	if (!load(&all, &trades)) {
		printf("skipped: no recording at %s\n", frames_path);
		return 77;
	}
	decoder = decoder_create(VENUE_BINANCE, KIND_PERP, DECODE_AUTO);
	scanner = decoder_create(VENUE_BINANCE, KIND_PERP, DECODE_SCANNER);
	simdjson = bench_simdjson_create();
	CHECK(decoder && scanner && simdjson);
	struct pass passes[] = {
		{ .name = "decoder, all frames", .run = pass_decode, .frames = &all },
		{ .name = "simdjson on-demand walk", .run = pass_walk, .frames = &all },
		{ .name = "bare simdjson pass (DOM parse)", .run = pass_dom, .frames = &all },
		{ .name = "scanner, trades", .run = pass_scan, .frames = &trades },
		{ .name = "on-demand extraction, trades", .run = pass_extract, .frames = &trades },
	};
	measure(passes, ARRAY_LEN(passes));
	printf("%zu frames, %.1f MB, of them %zu trades; median (quartiles) of %d rounds of "
	       "thread CPU time; simdjson kernels %s\n",
	       all.n, (double)all.bytes / 1e6, trades.n, ROUNDS, bench_simdjson_kernels());
	puts("bare simdjson pass: DOM parse(), which checks the whole frame; the on-demand walk "
	     "(iterate(), then every member and element of the frame "
	     "visited once, none converted) stands beside it\n"
	     "on-demand extraction: E T s t p q m by find_field in the frame's order, p and q "
	     "by the scanner's decimal conversion");
	for (size_t i = 0; i < ARRAY_LEN(passes); i++)
		print_pass(&passes[i]);
	bool good = print_ratio(&passes[0], &passes[2], bound_all);
	good &= print_ratio(&passes[3], &passes[4], bound_trades);
	bench_simdjson_destroy(simdjson);
	decoder_destroy(scanner);
	decoder_destroy(decoder);
	return good && sink ? 0 : 1;
}
