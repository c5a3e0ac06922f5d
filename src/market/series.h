/* series.h - closed bars of one market and timeframe, and the indicators over them.
 *
 * 210 bars (market.md 3.1) from the venue's klines and from weir's own minutes, oldest
 * first, without holes: a bar that does not follow the newest one empties the series
 * (the owner asks the venue for all of them again). Indicators are worked out anew
 * from the bars held at each close, so that a restart prints the same figures; they are
 * doubles, statistics for people. Prices and volumes stay exact decimals in the bars.
 * Fixed size. One thread. */
#pragma once

#include "base/buf.h"
#include "base/decimal.h"
#include "def/indicators.h"

enum {
	SERIES_BARS = 210,
	SERIES_TIMEFRAMES_MAX = 4, /* of one market */
	SERIES_MINUTES_MAX = 1440, /* of a bar */
	SERIES_PACKED_MAX = 16384,
};

struct series_bar {
	int64_t open_ms;
	struct decimal open, high, low, close, volume; /* volume in base units */
};

struct series;

/* minutes of a bar, 1..SERIES_MINUTES_MAX. NULL: out of memory. */
struct series *series_create(int32_t minutes);
void series_destroy(struct series *series);
/* Whose definitions the indicators follow; TA_WILDER unless told. */
void series_set_convention(struct series *series, enum ta_convention convention);
enum ta_convention series_convention(const struct series *series);
/* Holds nothing again: what comes next begins it. */
void series_clear(struct series *series);
int32_t series_minutes(const struct series *series);
size_t series_count(const struct series *series);
/* 0: the oldest. The bar stays there until the series is changed. */
const struct series_bar *series_at(const struct series *series, size_t index);
int64_t series_newest_ms(const struct series *series); /* open time; 0: none */

/* A closed bar: TAKEN when it follows (or is the first), SAME when it is held already
 * (a differing one replaces it), RESET when it left a hole and the series now holds it
 * alone, OLD when it is before the oldest, or nothing sensible (high < low, off the
 * grid, no price): nothing changed. */
enum series_taken { SERIES_TAKEN, SERIES_SAME, SERIES_RESET, SERIES_OLD };
enum series_taken series_take(struct series *series, const struct series_bar *bar);
/* Consecutive bars, oldest first, as the venue answered: they end the series anew. Bars
 * held stay where they lead up to the first one or are newer and follow the last one.
 * Behind a hole among them they begin anew; what is not sensible is left out. */
void series_fill(struct series *series, const struct series_bar *bars, size_t count);

/* Values over the closed bars, and NAN where they do not suffice. */
struct indicator_values {
	double value[INDICATOR_COUNT];
	size_t bars;      /* used, of SERIES_BARS: "warming up, n of 210" below it */
	int64_t close_ms; /* end of the newest bar used; 0: none */
	bool provisional; /* the last bar is open */
};
void series_indicators(const struct series *series, struct indicator_values *out);
/* The same with the open bar put behind, as if it closed now. One that does not follow the
 * newest (or is nothing sensible) is left out: then the values are not provisional. */
void series_provisional(const struct series *series, const struct series_bar *open,
			struct indicator_values *out);

/* `klines:MARKET:TF`: version, minutes, the bars by the column packer, CRC32C, together at
 * most SERIES_PACKED_MAX bytes (series_pack.c); bars come back as they were, digit for
 * digit. Any bytes are survived on the way in: on an error (INVALID: bars of other minutes)
 * the series is as it was. */
void series_pack(const struct series *series, struct buf *out);
MUST_CHECK enum status series_unpack(struct series *series, struct str bytes);

/* ---- of a market: market_series_* in market.h's terms ---- */

struct market;
/* The timeframes that a market keeps, each once, are in market_config.indicators. */
struct series *market_series(struct market *market, int32_t minutes); /* NULL: not kept */
struct series *market_series_at(struct market *market, size_t index); /* NULL: past the last */
/* Bars of the timeframe that have closed since the newest one, out of the market's own
 * minutes, where all of a bar's are known and none is partial; how many were taken. False
 * in *complete: the next one is closed, and the minutes do not cover it: ask the venue.
 *
 * A bar is closed once the newest event is MARKET_LATE_MS past its end: no trade can be
 * counted in it any more, but by a repair. One without trades is flat at the close before
 * it, volume 0. An empty series takes the unbroken bars up to the last closed one, at most
 * SERIES_BARS. Costs some ns while nothing has closed. */
size_t market_series_step(struct market *market, struct series *series, bool *complete);
/* The open bar as the market's minutes have it: the one of the newest event, or the one
 * before it while that is not closed (as above) and not held yet. False: nothing traded in
 * it, or it does not follow the newest one held. Where weir began within the bar, its part
 * before that is missing. */
bool market_series_open(const struct market *market, const struct series *series,
			struct series_bar *out);
