/* The second hand: who is looked at, and in which order. */
#include "feed/backfill_impl.h"

#include <stdlib.h>

static void step(void *ctx);

/* ---- making ---- */

static void wish_init(struct wish *wish, struct source *source, struct entry *entry)
{
	wish->source = source;
	wish->entry = entry;
}

static void make_sources(struct backfill *backfill)
{
	for (int venue = 0; venue < VENUE_COUNT; venue++)
		for (int kind = 0; kind < KIND_COUNT; kind++) {
			struct source *source = &backfill->sources[venue][kind];
			source->backfill = backfill;
			source->rest = backfill->config.rests[venue][kind];
			source->venue = (enum venue)venue;
			source->kind = (enum kind)kind;
			wish_init(&source->list, source, NULL);
			wish_init(&source->funding, source, NULL);
		}
}

static void make_entry(struct backfill *backfill, struct market *market, struct source *source)
{
	struct entry *entry = &backfill->entries[backfill->n_entries++];
	struct wish *const wishes[] = { &entry->ids,  &entry->recent,     &entry->minutes,
					&entry->oi,   &entry->oi_history, &entry->instrument,
					&entry->depth };
	entry->backfill = backfill;
	entry->source = source;
	entry->market = market;
	entry->of_oi.history = true;
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++)
		wish_init(wishes[i], source, entry);
	for (size_t i = 0; i < SERIES_TIMEFRAMES_MAX; i++)
		wish_init(&entry->series[i], source, entry);
}

/* Markets of venues that are off, or for which there is no room, are not looked at. */
static void make_entries(struct backfill *backfill, const struct market_id *ids, size_t n)
{
	for (size_t i = 0; i < n && backfill->n_entries < BACKFILL_MARKETS_MAX; i++) {
		struct source *source = &backfill->sources[ids[i].venue][ids[i].kind];
		struct market *market = source->rest
					    ? markets_get(backfill->config.markets, source->venue,
							  source->kind, str_of(ids[i].symbol))
					    : NULL;
		if (market)
			make_entry(backfill, market, source);
	}
}

struct backfill *backfill_create(const struct backfill_config *config)
{
	struct backfill *backfill = calloc(1, sizeof *backfill);
	if (!backfill)
		return NULL;
	backfill->config = *config;
	backfill->reader = rest_reader_create();
	if (!backfill->reader) {
		free(backfill);
		return NULL;
	}
	backfill->timer = (struct timer){ .fn = step, .ctx = backfill };
	rng_init(&backfill->rng, config->seed);
	make_sources(backfill);
	make_entries(backfill, config->ids, config->n_ids);
	backfill->config.ids = NULL;
	return backfill;
}

static void wish_cancel(struct wish *wish)
{
	if (wish->under_way)
		rest_cancel(wish->source->rest, wish);
	wish->under_way = false;
}

static void cancel_entry(struct entry *entry)
{
	struct wish *const wishes[] = { &entry->ids,  &entry->recent,     &entry->minutes,
					&entry->oi,   &entry->oi_history, &entry->instrument,
					&entry->depth };
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++)
		wish_cancel(wishes[i]);
	for (size_t i = 0; i < SERIES_TIMEFRAMES_MAX; i++)
		wish_cancel(&entry->series[i]);
}

void backfill_destroy(struct backfill *backfill)
{
	if (!backfill)
		return;
	timers_cancel(backfill->config.timers, &backfill->timer);
	for (size_t i = 0; i < backfill->n_entries; i++)
		cancel_entry(&backfill->entries[i]);
	for (int venue = 0; venue < VENUE_COUNT; venue++)
		for (int kind = 0; kind < KIND_COUNT; kind++) {
			wish_cancel(&backfill->sources[venue][kind].list);
			wish_cancel(&backfill->sources[venue][kind].funding);
		}
	rest_reader_destroy(backfill->reader);
	free(backfill);
}

/* ---- running ---- */

static void step_entry(struct entry *entry)
{
	ids_step(entry);
	recent_step(entry);
	minutes_step(entry);
	depth_step(entry);
	instrument_step(entry);
	oi_step(entry);
	for (size_t i = 0; i < SERIES_TIMEFRAMES_MAX; i++)
		series_step(entry, i);
	oi_history_step(entry);
}

/* Another market begins each time, so that a full queue is nobody's fate. */
static void step(void *ctx)
{
	struct backfill *backfill = ctx;
	for (int venue = 0; venue < VENUE_COUNT; venue++)
		for (int kind = 0; kind < KIND_COUNT; kind++)
			source_step(&backfill->sources[venue][kind]);
	for (size_t i = 0; i < backfill->n_entries; i++)
		step_entry(&backfill->entries[(backfill->turn + i) % backfill->n_entries]);
	backfill->turn++;
	timers_arm(backfill->config.timers, &backfill->timer,
		   backfill_now_ns(backfill) + BACKFILL_STEP_MS * INT64_C(1000000));
}

/* Open interest: at once, then each minute, of each market in its own second. */
void backfill_start(struct backfill *backfill)
{
	int64_t now_ns = backfill_now_ns(backfill);
	backfill->started_ms = clock_wall_ns(backfill->config.clock) / 1000000;
	for (size_t i = 0; i < backfill->n_entries; i++) {
		struct entry *entry = &backfill->entries[i];
		entry->of_oi.slot_ns =
		    now_ns + (int64_t)i * MINUTE_NS / (int64_t)backfill->n_entries;
	}
	timers_arm(backfill->config.timers, &backfill->timer, now_ns);
}

static struct entry *entry_of(struct backfill *backfill, const struct market *market)
{
	for (size_t i = 0; i < backfill->n_entries; i++)
		if (backfill->entries[i].market == market)
			return &backfill->entries[i];
	return NULL;
}

void backfill_opened(struct backfill *backfill, struct market *market, bool depth)
{
	struct entry *entry = entry_of(backfill, market);
	if (!entry)
		return;
	bool binance = entry->source->venue == VENUE_BINANCE;
	entry->recent_wanted |= !binance;
	entry->depth_wanted |= depth && binance; /* Bybit's stream begins with one */
	minutes_reset(entry);
}

const struct backfill_counts *backfill_counts(const struct backfill *backfill)
{
	return &backfill->counts;
}

/* Binance tells all of the 72 h (from the listing on, or from where its klines begin),
 * Bybit nothing before the first trade. */
static double share_of(const struct entry *entry)
{
	struct window window;
	i128 base, quote;
	int64_t from_ms, origin_ms;
	int64_t to_ms = source_now_ms(entry->source);
	market_window(entry->market, MARKET_MINUTES, &window);
	market_cvd(entry->market, &base, &quote, &origin_ms);
	if (entry->source->venue == VENUE_BINANCE) {
		from_ms = to_ms - (int64_t)MARKET_MINUTES * MINUTE_MS;
		int64_t listed_ms = rates_instrument(market_rates(entry->market))->listed_ms;
		from_ms = listed_ms > from_ms ? listed_ms : from_ms;
		if (entry->of_minutes.from_ms > from_ms)
			from_ms = entry->of_minutes.from_ms;
	} else {
		from_ms = origin_ms;
		to_ms = market_newest_ms(entry->market);
	}
	int64_t minutes = to_ms / MINUTE_MS - from_ms / MINUTE_MS;
	double share = minutes > 0 ? (double)window.present / (double)minutes : 1.0;
	return share < 1.0 ? share : 1.0;
}

double backfill_progress(const struct backfill *backfill)
{
	double sum = 0.0;
	for (size_t i = 0; i < backfill->n_entries; i++)
		sum += share_of(&backfill->entries[i]);
	return backfill->n_entries ? sum / (double)backfill->n_entries : 1.0;
}
