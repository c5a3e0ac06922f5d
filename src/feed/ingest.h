/* ingest.h - the way of a frame: decoder → market → hook.
 *
 * One ingest serves every source of the process; it owns a decoder per venue and
 * kind, counts what came by venue and kind, and hands each newly taken trade to the
 * owner's hook (the store packs it). Nothing allocates per frame. Loop thread. */
#pragma once

#include "codec/decoder.h"
#include "market/markets.h"

struct ingest_counts {
	uint64_t frames, unknown, malformed;
	uint64_t trades; /* trades in the frames, before deduplication, block trades left out */
	uint64_t events[EVENT_COUNT];
};

struct ingest_hooks {
	/* A trade newly taken (new or late), at the market's present scales. */
	void (*on_trade)(void *ctx, struct market *market, const struct trade *trade);
	/* A malformed frame; rate-limit before logging. */
	void (*on_malformed)(void *ctx, enum venue venue, const char *reason);
	void *ctx;
};

struct ingest;

struct ingest *ingest_create(struct markets *markets, const struct ingest_hooks *hooks);
void ingest_destroy(struct ingest *ingest);
/* frame is followed by DECODE_PADDING readable bytes. */
void ingest_frame(struct ingest *ingest, enum venue venue, enum kind kind, struct str frame);
/* The stream of this venue and kind broke: what its ids cannot prove is partial. */
void ingest_interrupted(struct ingest *ingest, enum venue venue, enum kind kind);
/* A line of a recording in which no frame could be found: counted as malformed. */
void ingest_unreadable(struct ingest *ingest);
uint64_t ingest_unreadable_count(const struct ingest *ingest);
const struct ingest_counts *ingest_counts(const struct ingest *ingest, enum venue venue,
					  enum kind kind);
