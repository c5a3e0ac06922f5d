#include "feed/ingest.h"

#include <stdlib.h>

#include "base/check.h"

enum { SOURCES = VENUE_COUNT * KIND_COUNT };

struct ingest {
	struct markets *markets;
	struct ingest_hooks hooks;
	struct decoder *decoders[SOURCES];
	struct ingest_counts counts[SOURCES];
	uint64_t unreadable;
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

static void take_event(struct ingest *ingest, enum venue venue, enum kind kind,
		       const struct event *event)
{
	struct ingest_counts *counts = &ingest->counts[source_of(venue, kind)];
	counts->events[event->type]++;
	struct market *market;
	switch ((enum event_type)event->type) {
	case EVENT_TRADE:
		counts->trades += !event->trade.block;
		market = markets_get(ingest->markets, venue, kind, event->symbol);
		if (market)
			take_trade(ingest, market, event);
		break;
	case EVENT_BOOK:
		market = markets_get(ingest->markets, venue, kind, event->symbol);
		if (market)
			book_take_top(market_book(market), &event->book, event->t_ms);
		break;
	case EVENT_DEPTH:
		if (!event->symbol.len)
			break; /* a REST snapshot names no symbol; its asker knows it */
		market = markets_get(ingest->markets, venue, kind, event->symbol);
		if (market)
			book_take_depth(market_book(market), &event->depth, event->t_ms);
		break;
	case EVENT_UNKNOWN: counts->unknown++; break;
	case EVENT_MALFORMED:
		counts->malformed++;
		if (ingest->hooks.on_malformed)
			ingest->hooks.on_malformed(ingest->hooks.ctx, venue,
						   event->malformed.reason);
		break;
	case EVENT_LIQUIDATION:
	case EVENT_OI:
	case EVENT_FUNDING:
	case EVENT_MARK:
	case EVENT_KLINE:
	case EVENT_TICKER:
	case EVENT_ACK:
	case EVENT_COUNT: break; /* counted by type; no window is made of them */
	}
}

void ingest_frame(struct ingest *ingest, enum venue venue, enum kind kind, struct str frame)
{
	size_t source = source_of(venue, kind);
	ingest->counts[source].frames++;
	size_t n = decoder_decode(ingest->decoders[source], frame, ingest->events);
	for (size_t i = 0; i < n; i++)
		take_event(ingest, venue, kind, &ingest->events[i]);
}

void ingest_interrupted(struct ingest *ingest, enum venue venue, enum kind kind)
{
	for (size_t i = 0; i < markets_count(ingest->markets); i++) {
		struct market *market = markets_at(ingest->markets, i);
		const struct market_id *id = market_id(market);
		if (id->venue == venue && id->kind == kind)
			market_mark_interrupted(market);
	}
}

void ingest_unreadable(struct ingest *ingest) { ingest->unreadable++; }

uint64_t ingest_unreadable_count(const struct ingest *ingest) { return ingest->unreadable; }

const struct ingest_counts *ingest_counts(const struct ingest *ingest, enum venue venue,
					  enum kind kind)
{
	return &ingest->counts[source_of(venue, kind)];
}
