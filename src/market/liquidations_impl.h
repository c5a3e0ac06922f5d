/* liquidations_impl.h - what the files of liquidations share; nobody else includes it.
 *
 * A ledger holds the newest events and the sums by minute: one of each asset, and one of
 * all together. Minutes lie in a ring, slot minute % LIQUIDATIONS_MINUTES, and say which
 * minute they are; what is older than the ring is refused before it comes here. All of it
 * is one zeroed block (about 11 MB of addresses) of which a page is paid for once it is
 * used: an asset with liquidations in every minute of the day takes 150 KB. */
#pragma once

#include "market/cascade.h"
#include "market/liquidations_seen.h"

enum {
	LIQUIDATIONS_MARKETS = 256, /* of all assets; more are counted and left out */
	LIQUIDATIONS_PLACES = 2 * LIQUIDATIONS_MARKETS,
	LIQUIDATION_MINUTE_MS = 60000,
	/* A cascade's end is told so long after it, by the clock: the event that would
	 * have carried it on may still be on its way. */
	CASCADE_LATE_MS = 5000,
};

struct liquidation_minute {
	int64_t number; /* t_ms / 60,000; 0: empty */
	uint32_t n_long, n_short;
	bool sampled;
	i128 long_e8, short_e8;
};

struct ledger {
	uint32_t n_last;
	struct liquidation last[LIQUIDATIONS_KEPT]; /* by time, the oldest first */
	struct liquidation_minute minutes[LIQUIDATIONS_MINUTES];
};

struct liquidation_asset {
	char name[SYMBOL_MAX + 1];
	struct ledger ledger;
	struct cascade_watch watch;
};

struct liquidation_market {
	struct market_id id;
	struct liquidation_asset *asset;
	struct liquidations_seen seen;
};

struct liquidations {
	struct liquidations_config config;
	struct liquidations_hooks hooks;
	uint32_t frame; /* the number of the one being taken; 0 is the store's */
	int64_t newest_ms, now_ms;
	int64_t ahead_ms; /* of event_time.h */
	uint64_t left_out;
	uint32_t n_active; /* cascades going on */
	uint32_t n_finished, next_finished;
	struct cascade finished[CASCADES_KEPT]; /* a ring */
	size_t n_assets, n_markets;
	struct liquidation_asset *sorted[LIQUIDATIONS_ASSETS]; /* by name */
	uint16_t places[LIQUIDATIONS_PLACES]; /* hash table with linear probes: market + 1 */
	struct ledger total;
	struct liquidation_market markets[LIQUIDATIONS_MARKETS];
	struct liquidation_asset assets[LIQUIDATIONS_ASSETS];
};

/* NULL: there is none. Names are compared as people write them, in either case. */
struct liquidation_asset *liquidations_find(const struct liquidations *all, struct str name);
