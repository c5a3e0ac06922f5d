#include "feed/ingest.h"

#include <stdlib.h>

#include "base/check.h"

enum { SOURCES = VENUE_COUNT * KIND_COUNT };

_Static_assert(EVENT_COUNT < 32, "ingest_frame's mask has a bit for every type");

struct ingest {
	struct markets *markets;
	struct ingest_hooks hooks;
	struct decoder *decoders[SOURCES];
	struct ingest_counts counts[SOURCES];
	uint64_t unreadable;
	int64_t latest_ms; /* no event can be later; INT64_MAX: no clock */
	struct event events[EVENTS_PER_FRAME];
};

static size_t source_of(enum venue venue, enum kind kind)
{
	CHECK(venue < VENUE_COUNT && kind < KIND_COUNT);
	return (size_t)venue * KIND_COUNT + kind;
}

struct ingest *ingest_create(struct markets *markets, const struct ingest_hooks *hooks)
{
	struct ingest *ingest = calloc(1, sizeof *ingest);
	if (!ingest)
		return NULL;
	ingest->markets = markets;
	ingest->hooks = *hooks;
	ingest->latest_ms = INT64_MAX;
	for (size_t i = 0; i < SOURCES; i++) {
		ingest->decoders[i] = decoder_create((enum venue)(i / KIND_COUNT),
						     (enum kind)(i % KIND_COUNT), DECODE_AUTO);
		if (!ingest->decoders[i]) {
			ingest_destroy(ingest);
			return NULL;
		}
	}
	return ingest;
}

void ingest_destroy(struct ingest *ingest)
{
	if (!ingest)
		return;
	for (size_t i = 0; i < SOURCES; i++)
		decoder_destroy(ingest->decoders[i]);
	free(ingest);
}

static void take_trade(struct ingest *ingest, struct market *market, const struct event *event)
{
	struct trade trade, held;
	enum market_taken taken = market_take_trade(market, &event->trade, event->t_ms, &trade);
	if (taken != MARKET_NEW && taken != MARKET_LATE)
		return;
	if (market_held_trade(market, &held))
		ingest->hooks.on_trade(ingest->hooks.ctx, market, &held);
	ingest->hooks.on_trade(ingest->hooks.ctx, market, &trade);
}

static void take_kline(struct market *market, const struct event_kline *kline,
		       struct ingest_counts *counts)
{
	if (kline->closed && kline->minutes == 1)
		counts->klines[market_take_kline(market, kline)]++;
}

static void take_liquidation(struct ingest *ingest, enum venue venue, enum kind kind,
			     const struct event *event)
{
	struct market_id id;
	if (market_id_make(venue, kind, event->symbol, &id) == STATUS_OK)
		liquidations_take(markets_liquidations(ingest->markets), &id, &event->liquidation,
				  event->t_ms);
}

/* Binance's spot tops carry no time: live, they are of now. */
static int64_t time_of(const struct ingest *ingest, const struct event *event)
{
	bool clock = ingest->latest_ms != INT64_MAX;
	return event->t_ms || !clock ? event->t_ms : ingest->latest_ms - INGEST_AHEAD_MS;
}

/* What is of one market, and is kept there. */
static void take_for_market(struct ingest *ingest, struct market *market, const struct event *event,
			    struct ingest_counts *counts)
{
	struct rates *rates = market_rates(market);
	switch ((enum event_type)event->type) {
	case EVENT_TRADE: take_trade(ingest, market, event); break;
	case EVENT_BOOK:
		book_take_top(market_book(market), &event->book, time_of(ingest, event));
		break;
	case EVENT_DEPTH:
		book_take_depth(market_book(market), &event->depth, time_of(ingest, event));
		break;
	case EVENT_OI:
		rates_take_oi(rates, event->oi.qty, event->oi.both_sides, event->t_ms);
		break;
	case EVENT_FUNDING: rates_take_funding(rates, &event->funding, event->t_ms); break;
	case EVENT_MARK:
		rates_take_mark(rates, event->mark.mark, event->mark.index, event->t_ms);
		break;
	case EVENT_TICKER: rates_take_ticker(rates, &event->ticker, event->t_ms); break;
	case EVENT_KLINE: take_kline(market, &event->kline, counts); break;
	case EVENT_LIQUIDATION:
	case EVENT_ACK:
	case EVENT_UNKNOWN:
	case EVENT_MALFORMED:
	case EVENT_COUNT: break; /* of no market */
	}
}

/* Tops and depths go by the venue's update ids, and a depth left out would tear the book. */
static bool is_ahead(const struct ingest *ingest, const struct event *event)
{
	if (event->type == EVENT_BOOK || event->type == EVENT_DEPTH)
		return false;
	return event->t_ms > ingest->latest_ms ||
	       (event->type == EVENT_KLINE && event->kline.open_ms > ingest->latest_ms);
}

static void take_of_market(struct ingest *ingest, enum venue venue, enum kind kind,
			   const struct event *event)
{
	struct ingest_counts *counts = &ingest->counts[source_of(venue, kind)];
	if (event->type == EVENT_DEPTH && !event->symbol.len)
		return; /* a REST snapshot names no symbol; its asker knows it */
	counts->trades += event->type == EVENT_TRADE && !event->trade.block;
	if (is_ahead(ingest, event)) {
		counts->ahead++;
		return;
	}
	if (event->type == EVENT_LIQUIDATION) {
		take_liquidation(ingest, venue, kind, event);
		return;
	}
	struct market *market = markets_get(ingest->markets, venue, kind, event->symbol);
	if (market)
		take_for_market(ingest, market, event, counts);
}

static void take_event(struct ingest *ingest, enum venue venue, enum kind kind,
		       const struct event *event)
{
	struct ingest_counts *counts = &ingest->counts[source_of(venue, kind)];
	counts->events[event->type]++;
	switch ((enum event_type)event->type) {
	case EVENT_ACK: break;
	case EVENT_UNKNOWN: counts->unknown++; break;
	case EVENT_MALFORMED:
		counts->malformed++;
		if (ingest->hooks.on_malformed)
			ingest->hooks.on_malformed(ingest->hooks.ctx, venue,
						   event->malformed.reason);
		break;
	default: take_of_market(ingest, venue, kind, event); break;
	}
}

void ingest_set_now(struct ingest *ingest, int64_t wall_ms)
{
	ingest->latest_ms = wall_ms > 0 ? wall_ms + INGEST_AHEAD_MS : INT64_MAX;
}

uint32_t ingest_frame(struct ingest *ingest, enum venue venue, enum kind kind, struct str frame)
{
	size_t source = source_of(venue, kind);
	uint32_t said = 0;
	ingest->counts[source].frames++;
	liquidations_begin_frame(markets_liquidations(ingest->markets));
	size_t n = decoder_decode(ingest->decoders[source], frame, ingest->events);
	for (size_t i = 0; i < n; i++) {
		said |= 1u << ingest->events[i].type;
		take_event(ingest, venue, kind, &ingest->events[i]);
	}
	return said;
}

void ingest_interrupted_market(struct ingest *ingest, struct market *market)
{
	(void)ingest;
	rates_interrupted(market_rates(market));
	market_mark_interrupted(market);
}

void ingest_interrupted(struct ingest *ingest, enum venue venue, enum kind kind)
{
	for (size_t i = 0; i < markets_count(ingest->markets); i++) {
		struct market *market = markets_at(ingest->markets, i);
		const struct market_id *id = market_id(market);
		if (id->venue == venue && id->kind == kind)
			ingest_interrupted_market(ingest, market);
	}
}

void ingest_unreadable(struct ingest *ingest) { ingest->unreadable++; }

uint64_t ingest_unreadable_count(const struct ingest *ingest) { return ingest->unreadable; }

const struct ingest_counts *ingest_counts(const struct ingest *ingest, enum venue venue,
					  enum kind kind)
{
	return &ingest->counts[source_of(venue, kind)];
}
