/* simulator.h - a market that does not exist, in the words of the venues.
 *
 * Produces the raw frames that Binance (combined streams) and Bybit (topics) send
 * for the configured symbols over all four market kinds: trades (aggTrade with
 * consecutive `a`; publicTrade with numeric ids on spot, UUIDs on perp, and `seq`),
 * and, with full detail, top of book, depth, mark price, funding, open interest
 * and liquidations. The world is a pure function of the seed (simulator_path.h):
 * ids, prices and times of a second do not depend on when the simulator was
 * started or in what portions it is advanced. So a restart at the last event time
 * continues with the next id, and asking for the past again gives the same trades.
 *
 * On purpose it can be bad: trades sent twice, held back for seconds, never sent,
 * frames of unknown kind and broken ones. What was really done is told to `trade`
 * and counted in struct simulator_truth, so that a test can compare.
 *
 * No I/O, no clock, no allocation after create. Two to three million trades/s. One thread. */
#pragma once

#include "def/market_id.h"

enum {
	SIMULATOR_MARKETS_MAX = 256,
	SIMULATOR_PADDING = 64, /* readable bytes behind each frame; decoders need them */
	SIMULATOR_LATE_MS = 5000,
	SIMULATOR_RATE_MAX = 100000,
};

/* In parts per million of the trade frames; the last two per market and second. drop is
 * for Binance only: ids that are not consecutive could not prove the gap. */
struct simulator_faults {
	uint32_t duplicate, delay, drop, malformed, unknown;
};

struct simulator_config {
	uint64_t seed;
	const char *const *symbols; /* as the venues write them: "BTCUSDT" */
	size_t n_symbols;           /* × 4 ≤ SIMULATOR_MARKETS_MAX */
	int64_t start_ms;           /* event time of the first possible frame, unix ms ≥ 1000 */
	uint32_t trades_per_second; /* mean over all markets, 1..SIMULATOR_RATE_MAX; 0: 20 */
	bool full;                  /* books, depth, rates each second; else rates each minute */
	struct simulator_faults faults;
};

enum simulator_fate {
	SIM_SENT,      /* once, in order or at most 5 s behind its market's newest */
	SIM_LATE,      /* once, but more than 5 s behind */
	SIM_DUPLICATE, /* sent before */
	SIM_DROPPED,   /* never sent: its id is missing */
};

struct simulator_trade {
	const struct market_id *market;
	int64_t t_ms, id, seq; /* id is the number printed, or hashed into the UUID */
	int64_t price, qty;    /* × 10^scale */
	int32_t price_scale, qty_scale;
	bool sell; /* the taker's side */
	enum simulator_fate fate;
};

struct simulator_truth {
	uint64_t frames;
	uint64_t trades;     /* told for the first time: sent + late */
	uint64_t duplicates; /* told again */
	uint64_t late, dropped, malformed, unknown;
	uint64_t gaps; /* Binance: jumps of the id, as a receiver sees them */
};

struct simulator_sink {
	/* frame lives until the return; t_ms is when it is due (its event time unless held back).
	 */
	void (*frame)(void *ctx, enum venue venue, enum kind kind, struct str frame, int64_t t_ms);
	/* May be NULL. Runs before the frame that carries the trade. */
	void (*trade)(void *ctx, const struct simulator_trade *trade);
	void *ctx;
};

struct simulator;

/* Symbols that are no symbols, too many of them, bad times and rates: INVALID. */
MUST_CHECK enum status simulator_create(const struct simulator_config *config,
					struct simulator **out);
void simulator_destroy(struct simulator *sim);
/* Ids of this market must be above last_id (what a state already holds). Changes
 * nothing when they are; else shifts them so that the next one is last_id + 1.
 * Before the first advance. NOT_FOUND: no such market. */
enum status simulator_resume(struct simulator *sim, const struct market_id *market,
			     int64_t last_id);
void simulator_set_full(struct simulator *sim, bool full);
/* All frames due before until_ms that were not given yet, in order of time, but
 * stops after frames_max (a few more may come). Returns how many came; fewer than
 * frames_max: everything before until_ms has been said. */
size_t simulator_advance(struct simulator *sim, int64_t until_ms, size_t frames_max,
			 const struct simulator_sink *sink);
const struct simulator_truth *simulator_truth(const struct simulator *sim);
size_t simulator_markets(const struct simulator *sim);
const struct market_id *simulator_market(const struct simulator *sim, size_t index);
