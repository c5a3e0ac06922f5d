/* backfill.h - what the streams do not bring: history, holes, open interest, facts.
 *
 * Level-triggered: once a second it looks at each configured market and asks the venue
 * for what is wanting, most urgent first; nothing is remembered that could be looked
 * at, so a lost answer is simply asked for again (with back-off, per market and kind
 * of wish).
 *
 *   missing ids (Binance)     aggTrades by fromId; trades into the market and the hook.
 *                             Ranges of more than BACKFILL_IDS_MAX ids, and ids that
 *                             three answers did not bring, are given up: klines do
 *                             their minutes. A hole of the last 2 s is left to the stream
 *   minutes not proved        klines of 1 m: Binance's complete them with takers' sums;
 *                             Bybit's prove them by volume (AGREED) or leave them partial.
 *                             Bybit minutes whose kline the stream did not bring want it
 *                             too: no other word tells that a trade is missing.
 *                             What three answers did not help is left for an hour, or
 *                             until streams of the market begin anew
 *   72 h before the start     klines of 1 m, Binance only: oldest first, whole
 *   a reconnect (Bybit)       recent-trade, as far as it reaches: each trade not seen yet
 *                             counts in its own minute, partial until a kline agrees
 *   indicator bars            from the market's own minutes, else klines of the timeframe
 *   open interest             Binance: every minute, and its history of 25 h; Bybit: the
 *                             ticker stream, and its history (both sides: halved)
 *   facts of the instrument   at the start and every hour: steps, status, new, halted or
 *                             gone; Binance's funding intervals
 *   depth                     Binance: a snapshot when a depth stream has begun
 *
 * What a venue refuses for good (a symbol it does not know) is asked again every hour
 * only. Of a market at most one request a kind of wish is under way; history takes no
 * more than half of a venue's queue. Which minutes have ended is told by the wall clock
 * set right by the venue's Date header. Shell over feed/rest; answers are read by
 * codec/rest_json. Loop thread. */
#pragma once

#include "base/timers.h"
#include "feed/rest.h"
#include "market/markets.h"

enum {
	BACKFILL_IDS_MAX = 20000,
	BACKFILL_MARKETS_MAX = 256,
	BACKFILL_STEP_MS = 1000,
};

struct backfill_config {
	struct markets *markets;
	const struct market_id *ids; /* configured; copied */
	size_t n_ids;
	struct rest *rests[VENUE_COUNT][KIND_COUNT]; /* NULL: that venue is off */
	struct timers *timers;                       /* one timer */
	const struct clock_port *clock;
	uint64_t seed;
	/* A repaired trade, at the market's present scales; for the tape. */
	void (*on_trade)(void *ctx, struct market *market, const struct trade *trade);
	/* The status of an instrument is not what it was; `was` may be UNKNOWN. */
	void (*on_instrument)(void *ctx, struct market *market, enum instrument_status was);
	void *ctx;
};

struct backfill_counts {
	uint64_t repaired;                                   /* trades brought back by id */
	uint64_t ranges_given_up;                            /* of ids, a page at most each */
	uint64_t klines_taken, klines_agreed, klines_differ; /* asked for; see market_counts */
	uint64_t history_minutes;                            /* of the cold start */
	uint64_t bars;                                       /* of indicators, from the venue */
	uint64_t oi_samples;
	uint64_t failures; /* answers that were errors or could not be read */
};

struct backfill;

struct backfill *backfill_create(const struct backfill_config *config); /* NULL: no memory */
void backfill_destroy(struct backfill *backfill);
void backfill_start(struct backfill *backfill);
/* Streams of the market began on a new connection. */
void backfill_opened(struct backfill *backfill, struct market *market, bool depth);
/* Share of the configured markets' history that is there, 0..1; 1: nothing wanting. */
double backfill_progress(const struct backfill *backfill);
const struct backfill_counts *backfill_counts(const struct backfill *backfill);
