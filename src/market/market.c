#include "market/market_impl.h"

#include <stdlib.h>

/* Binance's frames name no funding interval; its list names those that are others. */
enum { BINANCE_FUNDING_MIN = 480 };

static bool make_series(struct market *market)
{
	size_t n = 0;
	for (size_t i = 0; i < SERIES_TIMEFRAMES_MAX; i++) {
		int32_t minutes = market->config.indicators[i];
		if (minutes == 0 || market_series(market, minutes))
			continue;
		market->series[n] = series_create(minutes);
		if (!market->series[n])
			return false;
		series_set_convention(market->series[n++], market->config.convention);
	}
	return true;
}

struct market *market_create(const struct market_id *id, const struct market_config *config)
{
	/* untouched minutes of the zeroed memory cost no pages */
	struct market *market = calloc(1, sizeof *market);
	if (!market)
		return NULL;
	market->id = *id;
	market->config = *config;
	market->ordered = id->venue == VENUE_BINANCE;
	market->changed_minute = market->noted_minute = INT64_MAX;
	market->book = book_create();
	market->rates = rates_create();
	market->seen_ids = market->ordered ? NULL : seen_ids_create();
	if (!market->book || !market->rates || (!market->ordered && !market->seen_ids) ||
	    !make_series(market)) {
		market_destroy(market);
		return NULL;
	}
	if (id->venue == VENUE_BINANCE && id->kind == KIND_PERP)
		rates_set_interval(market->rates, BINANCE_FUNDING_MIN);
	large_limits(market);
	return market;
}

void market_destroy(struct market *market)
{
	if (!market)
		return;
	book_destroy(market->book);
	rates_destroy(market->rates);
	seen_ids_destroy(market->seen_ids);
	for (size_t i = 0; i < SERIES_TIMEFRAMES_MAX; i++)
		series_destroy(market->series[i]);
	free(market);
}

const struct market_id *market_id(const struct market *market) { return &market->id; }
bool market_simulated(const struct market *market) { return market->config.simulated; }
void market_mark_simulated(struct market *market) { market->config.simulated = true; }
const struct market_counts *market_counts(const struct market *market) { return &market->counts; }
int64_t market_newest_ms(const struct market *market) { return market->newest_ms; }
struct book *market_book(struct market *market) { return market->book; }
struct rates *market_rates(const struct market *market) { return market->rates; }
void market_attach(struct market *market, void *attachment) { market->attachment = attachment; }
void *market_attachment(const struct market *market) { return market->attachment; }

void market_scales(const struct market *market, int32_t *price_scale, int32_t *qty_scale)
{
	*price_scale = market->price_scale;
	*qty_scale = market->qty_scale;
}

void market_mark_interrupted(struct market *market)
{
	if (market->ordered || !market->newest_ms)
		return;
	minutes_mark_lost(market, market->newest_minute, market->newest_minute);
	market->interrupted = true;
}

size_t market_missing(const struct market *market, struct seen_range *out, size_t cap)
{
	size_t n = market->seen.n_ranges < cap ? market->seen.n_ranges : cap;
	memcpy(out, market->seen.ranges, n * sizeof *out);
	return n;
}

static enum market_taken take_event(struct market *market, const struct event_trade *event,
				    int64_t t_ms, bool repair, struct trade *out)
{
	if (event->block) {
		market->counts.skipped++;
		return MARKET_SKIPPED;
	}
	struct incoming in = {
		.price = event->price,
		.qty = event->qty,
		.t_ms = t_ms,
		.id = event->ordered_id,
		.seq = event->seq,
		.hash = market->ordered ? 0 : seen_id_hash(event->id),
		.side = event->side,
		.stream = event->aggregated ? STREAM_AGGREGATED : STREAM_TRADE,
		.repair = repair,
	};
	return market_take_incoming(market, &in, out);
}

enum market_taken market_take_trade(struct market *market, const struct event_trade *event,
				    int64_t t_ms, struct trade *out)
{
	return take_event(market, event, t_ms, false, out);
}

enum market_taken market_repair_trade(struct market *market, const struct event_trade *event,
				      int64_t t_ms, struct trade *out)
{
	return take_event(market, event, t_ms, true, out);
}

bool market_held_trade(struct market *market, struct trade *out)
{
	if (!market->held_ready)
		return false;
	market->held_ready = false;
	*out = market->held_trade;
	return true;
}

static int64_t begin_ms(int64_t minute)
{
	return minute == INT64_MAX ? INT64_MAX : minute * MINUTE_MS;
}

int64_t market_take_change(struct market *market)
{
	int64_t minute = market->changed_minute;
	market->changed_minute = INT64_MAX;
	if (minute < market->noted_minute)
		market->noted_minute = minute;
	return begin_ms(minute);
}

int64_t market_watch_change(struct market *market)
{
	int64_t minute = market->noted_minute;
	market->noted_minute = INT64_MAX;
	return begin_ms(minute < market->changed_minute ? minute : market->changed_minute);
}
