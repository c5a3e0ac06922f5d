/* market_outputs.h - what other programs read of the markets in segment RMS, and what
 * weir itself takes back of it at a start.
 *
 *   market:{…}, delta_state:SYM, indicators:{…}:TF    hashes, renewed, with a TTL
 *   stream:trades:…, stream:aggressor:SYM             live trades and flow, trimmed
 *   oi:{…} funding:{…} liq:{…}                        samples and events of 72 h
 *   klines:{…}:TF                                     packed bars of the indicators
 *
 * market.md 4 has fields and lives; def/keys.def the rows. Everything here can be made
 * again, or is told again by the venue, so nothing is sent twice and nothing waits: what
 * the server refuses, or what does not fit the bound of pending bytes, is dropped and
 * counted, and the next state replaces it. The live outputs (all but oi, funding, liq
 * and klines, which weir restores from) can be switched off and are shed first: `shed`
 * says so. No allocation per trade. Loop thread. */
#pragma once

#include "base/timers.h"
#include "market/markets.h"
#include "port/clock.h"
#include "port/redis.h"

enum {
	OUTPUTS_AGGRESSOR_MS = 200,
	OUTPUTS_STATE_MS = 1000,
	OUTPUTS_TRADES_MAXLEN = 10000,
	OUTPUTS_AGGRESSOR_KEPT_MS = 3600000,
	OUTPUTS_SAMPLES_KEPT_MS = 259200000, /* 72 h */
	OUTPUTS_STATE_TTL_S = 300,
	OUTPUTS_KLINES_TTL_S = 604800,
	OUTPUTS_INDICATORS_TTL_S = 3600, /* at least; twice the timeframe */
	OUTPUTS_BATCH_TRADES = 64,       /* of a market, between two sends */
};

struct market_outputs_counts {
	uint64_t commands, failed;
	uint64_t dropped; /* live outputs left out: refused, no room, shed */
	uint64_t restored_oi, restored_liquidations, restored_funding, restored_bars;
};

struct market_outputs_config {
	bool live; /* the live outputs are written */
};

struct market_outputs;

/* The timers need room for two. */
struct market_outputs *market_outputs_create(struct redis_port *redis, struct markets *markets,
					     struct timers *timers, const struct clock_port *clock,
					     const struct market_outputs_config *config);
void market_outputs_destroy(struct market_outputs *outputs); /* NULL is fine */
void market_outputs_start(struct market_outputs *outputs);   /* from now on it writes */
void market_outputs_set_live(struct market_outputs *outputs, bool live);
/* Back-pressure (redis.md 4): live outputs are not written while it is so. */
void market_outputs_shed(struct market_outputs *outputs, bool shed);
/* stream:trades and stream:aggressor of every market are cut to a tenth of their bounds, once:
 * XTRIM works on a server that is full, too. */
void market_outputs_trim(struct market_outputs *outputs);
/* A trade newly taken. */
void market_outputs_trade(struct market_outputs *outputs, struct market *market,
			  const struct trade *trade);
/* A liquidation newly taken. */
void market_outputs_liquidation(struct market_outputs *outputs,
				const struct liquidation *liquidation);
/* Reads oi, funding, liq and klines of all markets that exist back into them; calls done
 * once, when the answers are in. Before any feed. */
void market_outputs_restore(struct market_outputs *outputs,
			    void (*done)(void *ctx, enum status status), void *ctx);
/* Samples and bars that have not been sent are sent; done runs when they are answered. */
void market_outputs_drain(struct market_outputs *outputs,
			  void (*done)(void *ctx, enum status status), void *ctx);
const struct market_outputs_counts *market_outputs_counts(const struct market_outputs *outputs);
