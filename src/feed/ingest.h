/* ingest.h - the way of a frame: decoder → market → hook.
 *
 * One ingest serves every source of the process; it owns a decoder per venue and
 * kind, counts what came by venue and kind, and hands each newly taken trade to the
 * owner's hook (the store packs it). Everything else goes where it is kept: top and
 * depth to the book, open interest, funding, mark and ticker to the rates, closed
 * minutes to the market, liquidations to those of all markets (which make no market of
 * a symbol that nothing else is known of).
 *
 * Event times are the frames' own and are passed on as they are. Where a frame carries
 * none (t_ms 0: Binance's spot tops and depths) a live feed's book takes that of the clock;
 * other figures without a time are
 * not taken, since nothing could be said of their age. Times far behind are the markets'
 * to judge; times ahead of the clock are refused here (ingest_set_now). Nothing allocates
 * per frame once the market is there. Loop thread. */
#pragma once

#include "codec/decoder.h"
#include "market/markets.h"

struct ingest_counts {
	uint64_t frames, unknown, malformed;
	uint64_t trades; /* trades in the frames, before deduplication, block trades left out */
	uint64_t events[EVENT_COUNT];
	uint64_t ahead; /* of them, events refused because their time is ahead of the clock */
	/* Closed minutes, by what the market said to them at once (enum market_kline). */
	uint64_t klines[MARKET_KLINE_WAITING + 1];
};

enum { INGEST_AHEAD_MS = 60000 };

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
/* Live feeds, once a tick: unix time in ms. An event of a trade, liquidation, kline or
 * figure that says it is more than INGEST_AHEAD_MS later is dropped and counted (ahead):
 * one absurd time must not empty the windows. 0, as at the start: no clock, for replays
 * and recordings, whose markets then judge by their own newest time. */
void ingest_set_now(struct ingest *ingest, int64_t wall_ms);
/* frame is followed by DECODE_PADDING readable bytes. Returns what it said, as a mask of
 * 1 << enum event_type, whether or not anything took it: a watchdog wants to know that
 * the venue speaks. */
uint32_t ingest_frame(struct ingest *ingest, enum venue venue, enum kind kind, struct str frame);
/* The stream of this market broke: minutes that its ids cannot prove are partial, and
 * figures that come as changes wait for the next whole one. */
void ingest_interrupted_market(struct ingest *ingest, struct market *market);
/* The same for every market of the venue and kind. */
void ingest_interrupted(struct ingest *ingest, enum venue venue, enum kind kind);
/* A line of a recording in which no frame could be found: counted as malformed. */
void ingest_unreadable(struct ingest *ingest);
uint64_t ingest_unreadable_count(const struct ingest *ingest);
const struct ingest_counts *ingest_counts(const struct ingest *ingest, enum venue venue,
					  enum kind kind);
