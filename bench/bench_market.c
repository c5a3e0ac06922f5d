/* What the market core costs: ns of thread CPU per trade (ordered and unordered ids),
 * per top of book, per depth level and per question. Medians of repeats; for
 * information, nothing is judged. Needs the recordings. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

#include "codec/decoder.h"
#include "market/analysis.h"

enum { REPEATS = 9, TRADES_MAX = 20000, TOPS_MAX = 60000, FRAMES_MAX = 8000 };

struct stored_trade {
	struct event_trade event;
	int64_t t_ms, id;
	char uuid[37];
};

struct stored_depth {
	struct event_depth event;
	int64_t t_ms;
};

static struct stored_trade trades[TRADES_MAX];
static struct event_book tops[TOPS_MAX];
static struct stored_depth frames[FRAMES_MAX];
static size_t n_trades, n_tops, n_frames;
static uint64_t n_levels;

static int64_t cpu_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static struct str copy_text(struct str text)
{
	char *copy = malloc(text.len + DECODE_PADDING);
	if (!copy)
		abort();
	memcpy(copy, text.ptr, text.len);
	return str_make(copy, text.len);
}

static void store(const struct event *event)
{
	if (event->type == EVENT_TRADE && n_trades < TRADES_MAX) {
		struct stored_trade *trade = &trades[n_trades++];
		trade->event = event->trade;
		trade->t_ms = event->t_ms;
		trade->id = event->trade.ordered_id;
	} else if (event->type == EVENT_BOOK && n_tops < TOPS_MAX) {
		tops[n_tops++] = event->book;
	} else if (event->type == EVENT_DEPTH && n_frames < FRAMES_MAX) {
		struct stored_depth *frame = &frames[n_frames++];
		frame->event = event->depth;
		frame->event.bids = copy_text(event->depth.bids);
		frame->event.asks = copy_text(event->depth.asks);
		frame->t_ms = event->t_ms;
		n_levels += event->depth.n_bids + event->depth.n_asks;
	}
}

static bool load(const char *path)
{
	static char line[FRAME_BYTES_MAX + DECODE_PADDING];
	static struct event events[EVENTS_PER_FRAME];
	gzFile file = gzopen(path, "rb");
	struct decoder *decoder = decoder_create(VENUE_BINANCE, KIND_PERP, DECODE_AUTO);
	if (!file || !decoder)
		return false;
	while (gzgets(file, line, FRAME_BYTES_MAX)) {
		const char *begin = strchr(line, '{');
		if (!begin)
			continue;
		size_t n = decoder_decode(decoder, str_trim(str_of(begin)), events);
		for (size_t i = 0; i < n; i++)
			store(&events[i]);
	}
	decoder_destroy(decoder);
	gzclose(file);
	return n_trades > 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The median of REPEATS runs, per item. */
static double median(double (*run)(void))
{
	double values[REPEATS];
	for (int i = 0; i < REPEATS; i++)
		values[i] = run();
	qsort(values, REPEATS, sizeof *values, by_value);
	return values[REPEATS / 2];
}

static struct market *new_market(enum venue venue)
{
	struct market_config config = { .whale_quote = 500000 };
	struct market_id id;
	if (market_id_make(venue, KIND_PERP, STR("ETHUSDT"), &id))
		abort();
	struct market *market = market_create(&id, &config);
	if (!market)
		abort();
	return market;
}

/* Moves the recording on in id and time, so that it can be taken once more. */
static void move_on(enum venue venue, int64_t ids, int64_t span_ms)
{
	static uint32_t serial;
	for (size_t i = 0; i < n_trades; i++) {
		struct stored_trade *trade = &trades[i];
		trade->t_ms += span_ms;
		trade->id += ids;
		trade->event.ordered_id = venue == VENUE_BINANCE ? trade->id : -1;
		trade->event.id = str_make(trade->uuid, 36);
		snprintf(trade->uuid, sizeof trade->uuid, "%08x-4c1f-5a4e-9d5c-0123456789ab",
			 serial++ * 2654435761u);
	}
}

static double run_trades(enum venue venue)
{
	enum { ROUNDS = 20 };
	struct market *market = new_market(venue);
	int64_t ids = trades[n_trades - 1].id - trades[0].id + 1;
	int64_t span_ms = trades[n_trades - 1].t_ms - trades[0].t_ms + 1, spent = 0;
	struct trade out;
	for (int round = 0; round < ROUNDS; round++) {
		move_on(venue, ids, span_ms);
		int64_t start = cpu_ns();
		for (size_t i = 0; i < n_trades; i++)
			if (market_take_trade(market, &trades[i].event, trades[i].t_ms, &out) !=
			    MARKET_NEW)
				abort();
		spent += cpu_ns() - start;
	}
	market_destroy(market);
	return (double)spent / (double)n_trades / ROUNDS;
}

static double run_ordered(void) { return run_trades(VENUE_BINANCE); }
static double run_unordered(void) { return run_trades(VENUE_BYBIT); }

static double run_tops(void)
{
	struct book *book = book_create();
	int64_t start = cpu_ns();
	for (size_t i = 0; i < n_tops; i++)
		book_take_top(book, &tops[i], (int64_t)i);
	double spent = (double)(cpu_ns() - start);
	book_destroy(book);
	return spent / (double)n_tops;
}

static double run_levels(void)
{
	struct book *book = book_create();
	book_take_top(book, &tops[0], 1);
	int64_t start = cpu_ns();
	for (size_t i = 0; i < n_frames; i++)
		book_take_depth(book, &frames[i].event, frames[i].t_ms);
	struct book_depth depth = book_depth(book);
	double spent = (double)(cpu_ns() - start);
	if (!depth.known)
		abort();
	book_destroy(book);
	return spent / (double)n_levels;
}

static double run_levels_plain(void)
{
	struct decimal price, qty;
	uint64_t sum = 0;
	int64_t start = cpu_ns();
	for (size_t i = 0; i < n_frames; i++) {
		struct str bids = frames[i].event.bids, asks = frames[i].event.asks;
		while (depth_level_next(&bids, &price, &qty))
			sum += (uint64_t)price.mantissa;
		while (depth_level_next(&asks, &price, &qty))
			sum += (uint64_t)qty.mantissa;
	}
	double spent = (double)(cpu_ns() - start);
	if (sum == 0)
		abort();
	return spent / (double)n_levels;
}

/* A market with a trade in each minute of 72 h. */
static struct market *full_market(void)
{
	static struct market *market;
	if (market)
		return market;
	market = new_market(VENUE_BINANCE);
	struct trade out;
	for (int64_t i = 0; i < MARKET_MINUTES; i++) {
		struct event_trade event = { .ordered_id = i,
					     .price = { 268000 + i % 700, 2 },
					     .qty = { 1 + i % 90, 1 },
					     .side = i % 3 == 0 };
		if (market_take_trade(market, &event, 1723161240000 + i * MINUTE_MS, &out))
			abort();
	}
	return market;
}

static double run_window(void)
{
	enum { ROUNDS = 1000 };
	struct window window;
	int64_t start = cpu_ns();
	for (int i = 0; i < ROUNDS; i++)
		market_window_back(full_market(), MARKET_MINUTES - 60, i % 60, &window);
	return (double)(cpu_ns() - start) / ROUNDS;
}

static double run_divergence(void)
{
	enum { ROUNDS = 20 };
	int64_t start = cpu_ns();
	for (int i = 0; i < ROUNDS; i++)
		market_divergence(full_market(), 5);
	return (double)(cpu_ns() - start) / ROUNDS;
}

int main(void)
{
	const char *path = TEST_SHARED_DIR "/market/usdm_ethusdt_20240808.gz";
	if (!load(path)) {
		printf("bench_market: no recording at %s, skipped\n", path);
		return 0;
	}
	full_market();
	printf("trades %zu, tops %zu, depth frames %zu with %" PRIu64 " levels\n", n_trades, n_tops,
	       n_frames, n_levels);
	printf("trade, ordered ids     %7.1f ns\n", median(run_ordered));
	printf("trade, unordered ids   %7.1f ns\n", median(run_unordered));
	printf("top of book            %7.1f ns\n", median(run_tops));
	printf("depth level            %7.1f ns\n", median(run_levels));
	printf("  depth_level_next     %7.1f ns\n", median(run_levels_plain));
	printf("window of 71 h         %7.1f ns\n", median(run_window));
	printf("divergence of 5 m bars %7.0f ns\n", median(run_divergence));
	return 0;
}
