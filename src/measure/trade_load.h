/* trade_load.h - trades of a market as recorded venues have them, seeded, without end.
 *
 * Three trades of four are the rest of one taker's order: of the same moment and side, their
 * prices going one way. Orders come in bursts, most within some tens of ms, few after a second.
 * Sizes keep to a few favourites and are otherwise spread over four orders of magnitude. The
 * figures of trade_load.c are those of an hour of ETHUSDT at Binance, perpetual and spot, of
 * August 2024; a market's own rate stretches the times between its orders and nothing else.
 * bench/bench_tape.c has what real trades cost; these cost as much.
 *
 * No allocation. One thread each. */
#pragma once

#include "base/rng.h"
#include "codec/event.h"
#include "def/market_id.h"

enum { TRADE_LOAD_STEPS = 256 };

/* A distribution by its quantiles. */
struct trade_spread {
	int64_t at[TRADE_LOAD_STEPS + 1];
};

/* What markets of a kind share. */
struct trade_nature {
	const struct trade_habits *habits;
	struct trade_spread gaps, sizes;
	double gap_mean;
};
void trade_nature_init(struct trade_nature *nature, enum kind kind);

struct trade_load {
	const struct trade_nature *nature;
	struct rng rng;
	enum venue venue;
	double stretch, left_ms;       /* left_ms: less than one, of the last gap */
	int64_t t_ms, id, price, size; /* of the next trade */
	uint8_t side;
	char uuid[40];
};
/* a_day: trades in the mean. */
void trade_load_init(struct trade_load *load, const struct trade_nature *nature, enum venue venue,
		     uint64_t seed, int64_t start_ms, int64_t a_day);
static inline int64_t trade_load_ms(const struct trade_load *load) { return load->t_ms; }
/* The trade that is due, as the venue's decoder tells it; texts last until the next call. */
void trade_load_next(struct trade_load *load, struct event_trade *out);
