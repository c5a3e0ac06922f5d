/* analysis.h - the definitions of market.md section 3, as functions of windows and
 * bars. Pure. Ratios are doubles for people; NAN means undefined and prints as
 * "n/a" or null, never as a number. A standard deviation is that of the population
 * (divided by n) throughout. Bars are those of market_bars: aligned, the last one
 * open; a bar without trades is flat at the close before it. */
#pragma once

#include "market/market.h"

enum pressure { PRESSURE_NONE, PRESSURE_BUY, PRESSURE_SELL, PRESSURE_BALANCED };
enum control { CONTROL_NONE, CONTROL_BUYERS, CONTROL_SELLERS, CONTROL_BALANCED };
enum momentum { MOMENTUM_NONE, MOMENTUM_ACCELERATING, MOMENTUM_DECELERATING, MOMENTUM_STEADY };
enum activity {
	ACTIVITY_NONE,
	ACTIVITY_EXTREME,
	ACTIVITY_HIGH,
	ACTIVITY_ABOVE,
	ACTIVITY_NORMAL,
	ACTIVITY_LOW
};
enum spike_level { SPIKE_NONE, SPIKE_LOW, SPIKE_MODERATE, SPIKE_HIGH, SPIKE_EXTREME };
enum divergence {
	DIVERGENCE_NONE,
	DIVERGENCE_SELLER_EXHAUSTION, /* price makes a lower low, CVD does not */
	DIVERGENCE_BUYER_ABSORPTION,  /* CVD makes a lower low, price does not */
	DIVERGENCE_BUYER_EXHAUSTION,  /* price makes a higher high, CVD does not */
	DIVERGENCE_SELLER_ABSORPTION, /* CVD makes a higher high, price does not */
};
enum trend { TREND_NONE, TREND_UP, TREND_DOWN, TREND_FLAT };

const char *pressure_text(enum pressure pressure); /* "BUY" "SELL" "BALANCED" "n/a" */
const char *control_text(enum control control);
const char *momentum_text(enum momentum momentum);
const char *activity_text(enum activity activity);
const char *spike_text(enum spike_level level);
const char *divergence_text(enum divergence divergence);
const char *trend_text(enum trend trend);

double flow_ratio(const struct flow *flow);     /* buy/(buy+sell); NAN on no volume */
double flow_imbalance(const struct flow *flow); /* (buy-sell)/(buy+sell) */
enum pressure flow_pressure(const struct flow *flow);
enum control flow_control(const struct flow *flow_24h);
/* n15 against n24: market.md 3, Momentum. NONE without volume in either. */
enum momentum flow_momentum(const struct flow *m15, const struct flow *h24);
/* *times: vol15 / (vol24 / 96), NAN on no volume. Means what it says only where the
 * 24 h are held: the caller knows the coverage. */
enum activity flow_activity(const struct flow *m15, const struct flow *h24, double *times);

enum { SPIKE_BARS = 50 };
struct spike {
	bool open;                /* the current bar is open; it is compared pro rata */
	double current, baseline; /* base units, as traded; baseline: the trimmed median */
	double z, percent_over;   /* of current / elapsed share of the bar; NAN when undefined
				     (sd 0, baseline 0, too few bars, bar younger than 1/20) */
	int32_t bars;             /* prior closed bars used, of SPIKE_BARS */
	enum spike_level level;
};
/* Volume of the current bar of `minutes` against the 50 prior closed ones, of which
 * those with missing minutes are left out. */
void market_spike(const struct market *market, int32_t minutes, struct spike *out);

/* Swings over the last DIVERGENCE_BARS closed bars of `minutes`: the last two swing
 * lows of price, and CVD at the ends of these bars; the last two of CVD, and the lows
 * of price there; highs likewise. A swing low is a bar whose low is below that of
 * SWING_WING bars before it and not above that of as many after it. Of several
 * divergences the one that ended last counts. */
enum { DIVERGENCE_BARS = 50, SWING_WING = 2 };
enum divergence market_divergence(const struct market *market, int32_t minutes);
/* Of the last TREND_BARS bars, the open one included: the change of CVD in parts of
 * the volume; beyond ±5 % UP or DOWN, else FLAT. NONE on no volume. */
enum { TREND_BARS = 12 };
enum trend market_cvd_trend(const struct market *market, int32_t minutes);

/* ATR of 14 closed bars (Wilder, seeded with the mean of the first 14 true ranges of
 * the last 210 bars), in price units; NAN until 15 closed bars. */
enum { ATR_LENGTH = 14, ATR_BARS = 210 };
double market_atr(const struct market *market, int32_t minutes);
/* Σ price·qty / Σ qty over the window, price units; NAN on no volume. */
double window_vwap(const struct market *market, const struct window *window);
/* sd of 1-minute log returns over the last `minutes` minutes × √1440, returns from
 * close to close; minutes proved empty return 0, those next to missing ones nothing.
 * NAN under 2 returns (3 minutes). */
double market_volatility(const struct market *market, int32_t minutes);

struct momentum_window {
	int32_t minutes;
	/* all NAN where the window's first minute is not known */
	double change;      /* return from the window's open to its close, 0.01 = 1 % */
	double per_atr;     /* return in ATRs of that window's own length */
	double delta_share; /* delta / volume */
	bool agree;         /* return and delta have one sign; false when either is 0 or unknown */
};
enum { MOMENTUM_WINDOWS = 5 }; /* 1 5 15 30 60 */
void market_momentum(const struct market *market, struct momentum_window out[MOMENTUM_WINDOWS]);
