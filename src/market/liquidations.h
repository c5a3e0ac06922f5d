/* liquidations.h - liquidations of all venues, by market and by asset, and cascades.
 *
 * Sides are those of the POSITION that was closed, on both venues (market.md 1.2, 1.3).
 * Binance sends only the latest liquidation per symbol and second, so its sums are a
 * lower bound: `at_least` says so wherever one went in. Events carry no ids; those of
 * two overlapping connections are told apart by what they say and by how often one
 * frame says it. Sums are exact in quote units (128 bits). Fixed size after create;
 * bounds below. Time is the venue's; one more than a day ahead of all that is known is
 * believed only when the next one bears it out (event_time.h). One thread.
 *
 * Quote units are added up over markets, so only markets quoted in a dollar of some kind
 * (USDT, USDC, USD …) are taken: ETHBTC is not.
 *
 * A cascade (market.md 3): within window_ms at least `count` liquidations and
 * `quote_min` of one base asset over all venues. It begins when both are reached,
 * goes on while they stay reached, and after its end cooldown_ms pass before another
 * of the asset can begin. risk in 0..1 by the formula of market.md 3; how each term is
 * taken, and whose time counts, is said in cascade.h. */
#pragma once

#include "codec/event.h"

enum {
	LIQUIDATIONS_KEPT = 64,      /* newest events kept of each asset */
	LIQUIDATIONS_ASSETS = 64,    /* more are counted and left out */
	LIQUIDATIONS_MINUTES = 1440, /* sums by minute */
	LIQUIDATIONS_SEEN = 256,     /* told apart, of each market */
	CASCADES_KEPT = 16,          /* finished ones, newest, over all assets */
	CASCADE_EVENTS_MAX = 512,    /* of one window; more count into the newest */
};

enum liquidation_size { SIZE_NORMAL, SIZE_LARGE, SIZE_INSTITUTIONAL, SIZE_WHALE };
enum cascade_risk { RISK_NONE, RISK_LOW, RISK_MODERATE, RISK_HIGH, RISK_EXTREME };

struct liquidations_config {
	int32_t count;       /* 5 */
	int64_t quote_min;   /* 100,000 */
	int64_t window_ms;   /* 60,000 */
	int64_t cooldown_ms; /* 120,000 */
	double band[3];      /* risk above: MODERATE 0.7, HIGH 0.8, EXTREME 0.9; else LOW */
	int64_t size_large, size_institutional, size_whale; /* 100k 500k 1M */
};

struct liquidation {
	int64_t t_ms;
	struct market_id market;
	struct decimal price, qty;
	i128 quote_e8;    /* price × qty, quote units × 10^8, cut */
	uint8_t position; /* SIDE_BUY: a LONG was liquidated */
	bool sampled;     /* of a venue that does not send all */
};

struct liquidation_sums {
	i128 long_e8, short_e8; /* quote units × 10^8 */
	uint64_t n_long, n_short;
	bool at_least; /* a sampled venue is in it */
};

struct cascade {
	char asset[SYMBOL_MAX + 1];
	int64_t began_ms; /* of the event with which both bounds were reached */
	int64_t last_ms;  /* of the newest event in it */
	/* of the whole cascade: the window it began with, and all since */
	uint32_t n, n_long, n_short, venues;
	i128 long_e8, short_e8;
	double risk; /* the highest it had */
	enum cascade_risk band;
	bool active;
};

struct liquidations;

struct liquidations_hooks {
	/* A liquidation newly taken; valid during the call. May be NULL. */
	void (*on_liquidation)(void *ctx, const struct liquidation *liquidation);
	/* A cascade began (active) or ended. May be NULL. */
	void (*on_cascade)(void *ctx, const struct cascade *cascade);
	void *ctx;
};

struct liquidations_config liquidations_config_default(void);
/* NULL: out of memory. count and window_ms are 1 or more, nothing is negative. */
struct liquidations *liquidations_create(const struct liquidations_config *config);
void liquidations_destroy(struct liquidations *all);
/* Holds for a cascade going on from its next event on. */
void liquidations_set_config(struct liquidations *all, const struct liquidations_config *config);
void liquidations_set_hooks(struct liquidations *all, const struct liquidations_hooks *hooks);

/* A frame begins: liquidations that it says twice are two. Call it before every frame, or
 * all that is taken counts as said by one. */
void liquidations_begin_frame(struct liquidations *all);
/* False: taken before, too old (24 h before the newest), absurd, not in dollars, or no
 * room. Cost ≈ 0.7 µs, with 500 events in a cascade's window ≈ 3 µs. */
bool liquidations_take(struct liquidations *all, const struct market_id *market,
		       const struct event_liquidation *event, int64_t t_ms);
/* From the store, which holds each once, in any order: counts in the sums and lists, no
 * hook, no cascade. */
bool liquidations_restore(struct liquidations *all, const struct market_id *market,
			  const struct event_liquidation *event, int64_t t_ms);
/* Cascades end by time: told 5 s after it, since the event that would have carried one on
 * may be on its way. now_ms: wall clock, or the newest event of a replay. */
void liquidations_step(struct liquidations *all, int64_t now_ms);

/* Assets that have any, in order of name. */
size_t liquidations_assets(const struct liquidations *all);
struct str liquidations_asset(const struct liquidations *all, size_t index);
/* asset "" or NULL-ptr: all together; either case is understood. Newest first, at most
 * LIQUIDATIONS_KEPT. */
size_t liquidations_last(const struct liquidations *all, struct str asset, struct liquidation *out,
			 size_t cap);
/* The `minutes` (1..1440) of the clock up to and with the one of now_ms. */
void liquidations_sum(const struct liquidations *all, struct str asset, int32_t minutes,
		      int64_t now_ms, struct liquidation_sums *out);
/* The one going on; false: none. */
bool liquidations_cascade(const struct liquidations *all, struct str asset, struct cascade *out);
/* The newest by their begin first, those going on included. */
size_t liquidations_cascades(const struct liquidations *all, struct cascade *out, size_t cap);
int64_t liquidations_newest_ms(const struct liquidations *all); /* 0: none */
uint64_t liquidations_left_out(const struct liquidations *all); /* for want of room */

enum liquidation_size liquidation_size_of(const struct liquidations *all, i128 quote_e8);
const char *liquidation_size_text(enum liquidation_size size); /* "WHALE" … */
const char *cascade_risk_text(enum cascade_risk risk);
