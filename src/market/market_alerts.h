/* market_alerts.h - the alert rules of markets, assets and venues: the rows of alerts.def
 * worked out over struct markets and told to the engine.
 *
 * Levels are worked out once a second each, spread over the second: each call of step
 * does those that are due, so the more often it is called, the less it does at once
 * (below: cost). Events are told when they happen, by the owner's hooks. The owner steps
 * the engine (alerts_step) before any call of the same turn.
 *
 * What is not known is told to the engine as not known (NAN): it then never fires and is
 * counted. So is everything of a market whose newest trade and word of the book are both older
 * than stale_ms by the wall clock, but for FeedStale, which is about that. Known are:
 *
 *   OpenInterestMove  the perps of every venue with the asset's largest open interest,
 *                     each with a sample of the last 3 minutes and one to compare with;
 *                     the smaller change counts, 0 where they differ in sign
 *   VolumeSpike       25 of the 50 bars before; until a third of the open bar has passed,
 *                     its volume counts as traded, not pro rata
 *   FundingExtreme    a rate said within the last minute
 *   PriceMove         the first minute of the 15
 *   FeedStale         only with a live feed, for markets that it has ever brought data of
 *   WhaleTrade        quoted in dollars; strictly above `fire`, exactly
 *
 * Messages are one line with numbers and units; of simulated markets they begin with
 * SIMULATED. Fixed size after create; nothing is allocated. One thread.
 *
 * Measured (bench_alert, 40 markets with full hours): all levels of a second 0.2 ms,
 * nearly all of it VolumeSpike; stepped each 10 ms, the longest step 6 µs. A trade that
 * is no whale 5 ns. */
#pragma once

#include "alert/alert.h"
#include "codec/trade.h"
#include "market/markets.h"

enum {
	MARKET_ALERT_ASSETS_MAX = 64, /* with thresholds of their own */
	MARKET_ALERT_VENUES_MAX = 16,
};

struct market_alerts_config {
	bool live;                 /* the data comes from the venues, now */
	int64_t stale_ms;          /* 10,000 */
	int64_t cascade_window_ms; /* of liquidations_config; for the message */
	/* Open interest, percent by asset; "*": every other one. Without: the rule's fire. */
	size_t n_oi;
	struct {
		char asset[SYMBOL_MAX + 1];
		double percent;
	} oi[MARKET_ALERT_ASSETS_MAX];
};

struct market_alerts;

/* Both outlive it. NULL: out of memory. */
struct market_alerts *market_alerts_create(struct alerts *alerts, struct markets *markets,
					   const struct market_alerts_config *config);
void market_alerts_destroy(struct market_alerts *all); /* NULL is fine */
void market_alerts_configure(struct market_alerts *all, const struct market_alerts_config *config);

/* wall_ms: the venues' time; in a replay that of the newest event. */
void market_alerts_step(struct market_alerts *all, int64_t now_ns, int64_t wall_ms);
/* When step has something to do next. */
int64_t market_alerts_next_ns(const struct market_alerts *all);

/* A trade newly taken of a live market, at its scales. Hot: a product and a comparison. */
void market_alerts_trade(struct market_alerts *all, const struct market *market,
			 const struct trade *trade);
/* liquidations_hooks.on_cascade, with struct market_alerts as ctx: one that begins, with a
 * risk above `fire`, is told. */
void market_alerts_cascade(void *ctx, const struct cascade *cascade);
/* The venue (or one interface of it: "binance:perp") may be asked again in `seconds`; 0:
 * now. To be called when that changes: the seconds run down by themselves. At most
 * MARKET_ALERT_VENUES_MAX scopes of at most ALERT_SCOPE_MAX bytes. */
void market_alerts_venue(struct market_alerts *all, struct str scope, double seconds,
			 int64_t now_ns);
