/* bench_rules - what 10,000 alerts of people's own cost a replay: decode + windows of the
 * recorded futures session (without the recordings: of the simulator's frames), with the
 * rules and without them; thread CPU time. A replay is some 12 ms, less than what a busy
 * machine may add to one, so each side of a pair is a second of them, every one with markets
 * and rules made anew; the sides take turns replay by replay, each first as often as the
 * other, and a side's time is the median of its replays. The share is the median of the
 * pairs'. Every trade is compared, and time is told to the rules each 50 ms of the
 * recording's, as a daemon does. Exit 1 when the bound is missed. */
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "feed/ingest.h"
#include "feed/simulator.h"
#include "frames.h"
#include "report.h"
#include "rules/rules.h"

enum {
	PAIRS = 11,
	REPLAYS = 80, /* of one side of a pair: a second; even */
	RULES = 10000,
	STEP_MS = 50,
	SIM_SECONDS = 300,
	KNOWN = 1000, /* frames before the rules are set: their market is known then */
	WARM = 8000,  /* frames before the clock runs: what setting rules did to caches is past */
};

static struct str frame_at[FRAMES_MAX];
static struct frames frames = { .at = frame_at };
static uint8_t venues[FRAMES_MAX], kinds[FRAMES_MAX];
static double first_price;
static uint64_t told;

/* ---- frames ---- */

static void keep_frame(void *ctx, enum venue venue, enum kind kind, struct str frame, int64_t t_ms)
{
	char *copy = malloc(frame.len + DECODE_PADDING);
	(void)ctx;
	(void)t_ms;
	CHECK(copy);
	memcpy(copy, frame.ptr, frame.len);
	venues[frames.n] = (uint8_t)venue;
	kinds[frames.n] = (uint8_t)kind;
	frames_add(&frames, str_make(copy, frame.len));
}

static void simulate(void)
{
	static const char *const symbols[] = { "ETHUSDT" };
	const struct simulator_config config = {
		.seed = 1,
		.symbols = symbols,
		.n_symbols = 1,
		.start_ms = 1723161255000,
		.trades_per_second = 200,
		.full = true,
	};
	const struct simulator_sink sink = { .frame = keep_frame };
	struct simulator *simulator;
	CHECK(simulator_create(&config, &simulator) == STATUS_OK);
	simulator_advance(simulator, config.start_ms + SIM_SECONDS * 1000, FRAMES_MAX - 100, &sink);
	simulator_destroy(simulator);
}

static void load(void)
{
	if (frames_load(&frames)) {
		memset(venues, VENUE_BINANCE, sizeof venues);
		memset(kinds, KIND_PERP, sizeof kinds);
		return;
	}
	printf("no recordings beside the project: the simulator's frames\n");
	simulate();
}

/* ---- rules ---- */

struct watch {
	struct rules *rules; /* NULL: without */
	int64_t stepped_ms;
};

static void on_trade(void *ctx, struct market *market, const struct trade *trade)
{
	struct watch *watch = ctx;
	if (!watch->rules)
		return;
	if (trade->t_ms >= watch->stepped_ms + STEP_MS) {
		watch->stepped_ms = trade->t_ms;
		rules_step(watch->rules, trade->t_ms);
	}
	rules_trade(watch->rules, market, trade);
}

static void on_fire(void *ctx, const struct rule_view *rule, struct str message)
{
	(void)ctx;
	(void)rule;
	told += message.len > 0;
}

static void put_threshold(struct buf *text, const char *metric, struct rng *rng)
{
	static const char *const timeframes[] = { "1m", "5m", "15m", "30m", "60m" };
	const char *timeframe = timeframes[rng_below(rng, ARRAY_LEN(timeframes))];
	char op = rng_below(rng, 2) ? '>' : '<';
	if (strcmp(metric, "price") == 0) /* within 5 % of where it begins */
		buf_printf(text, " %c %.2f", op, first_price * (0.95 + 0.1 * rng_unit(rng)));
	else if (strcmp(metric, "delta") == 0)
		buf_printf(text, " %s %c %d", timeframe, op, (int)rng_below(rng, 20000) - 10000);
	else if (strcmp(metric, "volume") == 0)
		buf_printf(text, " %s > %d", timeframe, 100 + (int)rng_below(rng, 900));
	else if (strcmp(metric, "oi") == 0)
		buf_printf(text, " %s %c %d", timeframe, op, 1 + (int)rng_below(rng, 30));
	else if (strcmp(metric, "funding") == 0)
		buf_printf(text, " %c 0.%02d", op, 1 + (int)rng_below(rng, 90));
	else
		buf_printf(text, " > %d", 200000 + (int)rng_below(rng, 5000000));
}

/* Most watch prices, as people do. */
static const char *metric_of(struct rng *rng)
{
	static const char *const others[] = { "delta",   "volume", "oi",
					      "funding", "whale",  "liquidation" };
	return rng_below(rng, 10) < 7 ? "price" : others[rng_below(rng, ARRAY_LEN(others))];
}

static void add_rules(struct rules *rules)
{
	struct rng rng;
	rng_init(&rng, 42);
	for (int i = 0; i < RULES; i++) {
		char owner[16], storage[128];
		struct buf text = buf_over(storage, sizeof storage);
		const char *metric = metric_of(&rng);
		struct rule_spec spec;
		struct err err = { 0 };
		uint32_t id;
		snprintf(owner, sizeof owner, "tg:%d", i / 100);
		buf_printf(&text, "ETH %s", metric);
		put_threshold(&text, metric, &rng);
		if (rule_parse(buf_str(&text), &spec, &err) ||
		    rules_add(rules, str_of(owner), &spec, &id, &err)) {
			fprintf(stderr, "%.*s: %s\n", STR_ARG(buf_str(&text)), err.text);
			exit(1);
		}
	}
}

static void note_price(void *ctx, struct market *market, const struct trade *trade)
{
	int32_t price_scale, qty_scale;
	(void)ctx;
	market_scales(market, &price_scale, &qty_scale);
	if (first_price == 0)
		first_price = decimal_to_double(trade->price, price_scale);
}

/* ---- the replay ---- */

static void take_frames(struct ingest *ingest, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		ingest_frame(ingest, (enum venue)venues[i], (enum kind)kinds[i], frames.at[i]);
}

static double replay(bool with)
{
	const struct market_config config = { .whale_quote = 500000 };
	const struct rules_config defaults = rules_config_default();
	const struct rules_hooks hooks = { .on_fire = on_fire };
	struct watch watch = { 0 };
	const struct ingest_hooks ingest_hooks = { first_price > 0 ? on_trade : note_price, NULL,
						   &watch };
	struct markets *markets = markets_create(&config);
	struct ingest *ingest = ingest_create(markets, &ingest_hooks);
	CHECK(markets && ingest);
	take_frames(ingest, 0, KNOWN);
	if (with) {
		told = 0;
		watch.rules = rules_create(markets, &defaults, &hooks);
		CHECK(watch.rules);
		add_rules(watch.rules);
	}
	take_frames(ingest, KNOWN, WARM);
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	take_frames(ingest, WARM, frames.n);
	double seconds = seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin;
	CHECK(market_counts(markets_at(markets, 0))->trades > 0);
	rules_destroy(watch.rules);
	ingest_destroy(ingest);
	markets_destroy(markets);
	return seconds;
}

static double median_of(double values[REPLAYS])
{
	qsort(values, REPLAYS, sizeof *values, samples_compare);
	return (values[REPLAYS / 2 - 1] + values[REPLAYS / 2]) / 2;
}

/* A pair: the seconds of a replay on either side, [true] with the rules. */
static void run_pair(double seconds[2])
{
	static double all[2][REPLAYS];
	for (int i = 0; i < REPLAYS; i++) {
		bool first = i & 1;
		all[first][i] = replay(first);
		all[!first][i] = replay(!first);
	}
	seconds[false] = median_of(all[false]);
	seconds[true] = median_of(all[true]);
}

int main(void)
{
	struct samples without = { 0 }, share = { 0 };
	double seconds[2];
	load();
	replay(false); /* the first price */
	replay(true);  /* caches settle */
	for (int pair = 0; pair < PAIRS; pair++) {
		run_pair(seconds);
		samples_add(&without, seconds[false] * 1000);
		samples_add(&share, (seconds[true] / seconds[false] - 1) * 100);
	}
	printf("%zu frames, %d rules, %llu times told\n", frames.n, RULES,
	       (unsigned long long)told);
	report("decode + windows without rules", &without, "ms");
	report("  more with 10,000 rules", &share, "%");
	return report_bound("10,000 rules, of the replay's thread CPU time", samples_median(&share),
			    "%", false, 5)
		   ? 0
		   : 1;
}
