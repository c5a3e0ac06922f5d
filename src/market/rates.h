/* rates.h - what is known of a market beside its trades: open interest, funding, mark
 * and index price, the venue's own 24 h figures, and the instrument's steps and state.
 *
 * One per market, made with it, of fixed size. Figures are exact decimals as the venue
 * wrote them; what was never said is not there (the calls answer false). Time is the
 * venue's; a figure without one is not taken. An older figure never replaces a newer one,
 * and a time more than a day ahead is believed only when the next one bears it out
 * (event_time.h). One thread.
 *
 * Bybit's linear tickers come as changes: a delta that leaves a figure out says that it is
 * as it was. So a delta renews the age of all that the same stream has said since it was
 * last interrupted (funding, mark, and a sample of open interest for the minute). */
#pragma once

#include "codec/event.h"

enum {
	RATES_OI_SAMPLES = 1500, /* one a minute: 25 h */
	RATES_OI_STEP_MS = 60000,
	/* Older than this, what is known is no longer so, for answers and alerts alike. */
	RATES_OI_FRESH_MS = 180000, /* a venue is asked for it once a minute; one may be missed */
	RATES_FRESH_MS = 60000,     /* funding and tickers, said about each second */
};

struct rates;

struct oi_sample {
	int64_t t_ms;
	struct decimal qty; /* one-sided, base units */
};

struct funding_state {
	struct decimal rate;  /* 0.0001 is 0.01 % an interval */
	int64_t t_ms;         /* of the frame that said it */
	int64_t next_ms;      /* next funding; 0: not known */
	int32_t interval_min; /* 0: not known; Binance's frames do not say: 480 unless its list
				 of exceptions (rates_set_interval) says otherwise */
};

struct mark_state {
	struct decimal mark, index; /* mantissa 0: not said */
	int64_t t_ms;               /* as of funding */
};

/* The venue's own rolling figures: stand in where weir's 24 h are not covered. */
struct ticker_state {
	struct decimal last, change_percent, volume, quote_volume;
	bool has_last, has_change, has_volume, has_quote_volume;
	int64_t t_ms;
};

enum instrument_status {
	INSTRUMENT_UNKNOWN, /* the venue was not asked yet */
	INSTRUMENT_TRADING,
	INSTRUMENT_HALTED, /* listed, and not to be traded now */
	INSTRUMENT_GONE,   /* the venue does not know it (any more) */
};

struct instrument {
	enum instrument_status status;
	struct decimal tick, lot;     /* mantissa 0: not known */
	struct decimal contract_size; /* base units of one contract; 1 for linear ones */
	int64_t listed_ms;            /* 0: not known */
	int64_t checked_ms;           /* when the venue was asked last */
	int32_t funding_interval_min; /* 0: not said */
};

struct rates *rates_create(void); /* NULL: out of memory */
void rates_destroy(struct rates *rates);

/* ---- in ---- */

/* both_sides: halved (exactly) before it is kept; left out where 18 places do not hold the
 * half. A sample within the minute (of the clock) of the newest one replaces it; one that
 * is older than the newest is history. Samples reach back 25 h from the newest. */
void rates_take_oi(struct rates *rates, struct decimal qty, bool both_sides, int64_t t_ms);
/* History, in any order: kept where that minute has none. */
void rates_put_oi(struct rates *rates, struct decimal qty, bool both_sides, int64_t t_ms);
/* rate_unchanged: good for the next time and the interval alone; renews the rate's age
 * where the stream has said the rate since it was last interrupted. */
void rates_take_funding(struct rates *rates, const struct event_funding *funding, int64_t t_ms);
/* One of the two may be missing (mantissa 0): it stays as the stream said it last. */
void rates_take_mark(struct rates *rates, struct decimal mark, struct decimal index, int64_t t_ms);
/* A snapshot replaces all that was known, a delta what it says; without effect where no
 * snapshot came since the interruption. */
void rates_take_ticker(struct rates *rates, const struct event_ticker *ticker, int64_t t_ms);
void rates_set_instrument(struct rates *rates, const struct instrument *instrument);
/* Of funding: the one told last counts, whether here, by a frame or by the instrument. */
void rates_set_interval(struct rates *rates, int32_t minutes);
/* The stream was interrupted: deltas to come have nothing to stand on until the next
 * snapshot (market.md 1.3). What was known stays, with its age. */
void rates_interrupted(struct rates *rates);

/* ---- out; false: not known ---- */

bool rates_oi(const struct rates *rates, struct oi_sample *newest);
/* The newest sample at or before t_ms, unless it is more than 10 minutes older. */
bool rates_oi_at(const struct rates *rates, int64_t t_ms, struct oi_sample *out);
size_t rates_oi_count(const struct rates *rates);
/* Samples from the oldest (0) on. */
bool rates_oi_sample(const struct rates *rates, size_t index, struct oi_sample *out);
bool rates_funding(const struct rates *rates, struct funding_state *out);
bool rates_mark(const struct rates *rates, struct mark_state *out);
bool rates_ticker(const struct rates *rates, struct ticker_state *out);
const struct instrument *rates_instrument(const struct rates *rates);
const char *instrument_status_text(enum instrument_status status); /* "trading" … */

/* ---- definitions (market.md 3) ---- */

enum oi_class {
	OI_CLASS_NONE,
	OI_NEW_LONGS,        /* OI up, price up */
	OI_NEW_SHORTS,       /* OI up, price down */
	OI_LONG_LIQUIDATION, /* OI down, price down */
	OI_SHORT_SQUEEZE,    /* OI down, price up */
};

struct oi_change {
	double absolute, percent; /* NAN: no sample to compare with; 1.5 is 1.5 % */
	i128 exact;               /* × 10^-scale, of absolute */
	int32_t scale;
	enum oi_class class; /* NONE where either did not move or is not known */
};

enum funding_pressure {
	FUNDING_NONE,
	FUNDING_NEUTRAL, /* |p| < 0.001 */
	FUNDING_NORMAL,
	FUNDING_LONG_PRESSURE,  /* p > 0.005 */
	FUNDING_LONG_SQUEEZE,   /* p > 0.01 */
	FUNDING_SHORT_PRESSURE, /* mirrored */
	FUNDING_SHORT_SQUEEZE,
};

const char *oi_class_text(enum oi_class class); /* "NEW LONGS", "n/a" */
const char *funding_pressure_text(enum funding_pressure pressure);
/* rate as a fraction (0.0001); the bounds are of percent (0.01). A rate of exactly a bound
 * is not beyond it: 0.01 % is LONG PRESSURE, 0.005 % and 0.001 % are NORMAL. NONE: NAN. */
enum funding_pressure funding_pressure_of(double rate);
/* rate × (24 / interval hours) × 365, as a fraction; NAN when the interval is not known. */
double funding_annual(double rate, int32_t interval_min);

struct market;
/* Against the sample at or before newest - minutes (rates_oi_at). The class compares with
 * the price's move between the times of the two samples, open of the first minute to close
 * of the last, and needs both minutes known; the last trade may be up to two minutes older
 * than the newest sample. minutes ≥ 1. Cost: two windows. */
void market_oi_change(const struct market *market, int32_t minutes, struct oi_change *out);
