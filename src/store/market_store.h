/* market_store.h - the tape and the minutes of all markets in segment RMS.
 *
 * Trades are packed into each market's open chunk as they come. Once a flush
 * interval, each changed market gets ONE transaction that holds everything that
 * belongs together: XADD of the chunks closed since, the open chunk (SET, or
 * APPEND of what came since the last flush), XADD of the hours that have become
 * final, the state and the open minutes, XTRIM by MINID. So the server always
 * holds one moment of a market, whole, and kill −9 loses at most one interval.
 *
 * The state is saved when the newest minute has changed; it names the place in the
 * tape up to which it speaks, and restore takes the trades after that place from
 * the tape. A transaction whose end is unknown is not sent again blindly: the
 * stream's last id is asked first (XADDs carry ids of ours, ascending).
 *
 * Bounds: MARKET_STORE_BUSY_BYTES of closed chunks not yet acknowledged make
 * market_store_busy true (a source that can wait is paused then); a market with
 * MARKET_STORE_SLOT_BYTES of them drops its oldest chunk, counted.
 * Layouts: docs/formats.md. Loop thread. */
#pragma once

#include "base/timers.h"
#include "codec/tape.h"
#include "market/markets.h"
#include "port/clock.h"
#include "port/redis.h"

enum {
	MARKET_STORE_BUSY_BYTES = 2 << 20,
	MARKET_STORE_SLOT_BYTES = 1 << 20,
	MARKET_STORE_EAGER_CHUNKS = 16,       /* closed chunks that do not wait for the interval */
	MARKET_STORE_PENDING_BYTES = 4 << 20, /* no new transaction above this on the wire */
};

struct market_store_config {
	int64_t flush_ns; /* default one second */
};

struct market_store_counts {
	uint64_t transactions, failed; /* failed: sent again later */
	uint64_t chunks, chunk_trades, chunk_bytes;
	uint64_t bar_chunks;
	uint64_t dropped_chunks;  /* bound reached while the server was away */
	uint64_t damaged_entries; /* found at restore, skipped */
	uint64_t restored_markets, restored_minutes, restored_trades;
};

struct market_store;

/* Heap; NULL when out of memory. The ports and markets are the caller's and outlive it. */
struct market_store *market_store_create(struct redis_port *redis, struct markets *markets,
					 struct timers *timers, const struct clock_port *clock,
					 const struct market_store_config *config);
void market_store_destroy(struct market_store *store);

/* Reads every market of the segment into `markets` (empty before). done runs once. */
void market_store_restore(struct market_store *store,
			  void (*done)(void *ctx, enum status status, const char *why), void *ctx);

/* Takes a trade that its market has newly taken. Hot: packing only. */
void market_store_trade(struct market_store *store, struct market *market,
			const struct trade *trade);
bool market_store_busy(const struct market_store *store);
/* Flushes now instead of at the next interval. */
void market_store_flush(struct market_store *store);
/* Writes everything, the state too; done runs once it is acknowledged, or with the
 * status that prevented it (no retry then). */
void market_store_drain(struct market_store *store, void (*done)(void *ctx, enum status status),
			void *ctx);
/* The server came back: what was on its way is looked up, then sent again. */
void market_store_reconnected(struct market_store *store);
/* From the next interval on. */
void market_store_set_flush_ns(struct market_store *store, int64_t flush_ns);
const struct market_store_counts *market_store_counts(const struct market_store *store);
