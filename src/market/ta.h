/* ta.h - the indicators of market.md 3.1: pure functions over bars in doubles, one
 * indicator one file, one function a row of indicators.def may name.
 *
 * A function reads `count` closed bars, oldest first, and writes for each bar the values
 * that the bars up to and including it give: out[k][i] is result k at bar i. NAN stands
 * where the bars do not suffice or the value is not defined; it never spreads to a later
 * value that is. Prices are finite. No allocation, O(count), any thread.
 *
 * Wilder: J. Welles Wilder, New Concepts in Technical Trading Systems, 1978. His
 * smoothing is avg + (x - avg) / n, seeded with the simple mean of the first n. An EMA
 * is avg + (x - avg) × 2 / (n + 1), seeded likewise. What is smoothed may itself begin
 * undefined; its first n defined values seed then.
 *
 * What TA_TALIB does another way (its defaults, no unstable period, no compatibility
 * mode); EMA, ATR, PSAR and QQE's own part are the same in both:
 *   RSI       0 where no close has moved yet, instead of undefined
 *   StochRSI  K is not smoothed (TA-Lib's STOCHRSI 14, 14, 3), and 0 over a flat range,
 *             instead of undefined
 *   MACD      the fast EMA is seeded at the bar that seeds the slow one: bars 15..26
 *             instead of 1..12. (TA-Lib shows the line only from the first signal on)
 *   ADX       Wilder's sums begin as those of 13 bars, the 14th is smoothed in already;
 *             a bar without direction counts 0 in the seed of the ADX; movements that
 *             differ by rounding alone do differ */
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "def/indicators.h"

enum { TA_OUTPUTS_MAX = 3 };

struct ta_bars {
	const double *high, *low, *close;
	size_t count;
	enum ta_convention convention;
};

typedef void ta_function(const struct ta_bars *bars, double *const out[TA_OUTPUTS_MAX]);

ta_function ta_ema;       /* EMA 50; EMA 200 */
ta_function ta_rsi;       /* RSI 14 */
ta_function ta_stoch_rsi; /* K; D */
ta_function ta_macd;      /* line; signal; histogram */
ta_function ta_adx;       /* ADX 14 */
ta_function ta_atr;       /* ATR 14 */
ta_function ta_psar;      /* the stop in force at the bar */
ta_function ta_qqe;       /* smoothed RSI; its trailing line */

/* EMA of any length over any values. */
void ta_ema_over(const double *values, size_t count, size_t length, double *out);

/* ---- what they share: one value in, one value out ---- */

/* A running average, seeded with the simple mean. Undefined values are passed over. */
struct ta_average {
	size_t length, seen; /* seen: at most length */
	double weight;       /* of a new value after the seed */
	double value;        /* the sum before the seed, the average after */
};

static inline struct ta_average ta_ema_start(size_t length)
{
	return (struct ta_average){ .length = length, .weight = 2 / ((double)length + 1) };
}

static inline struct ta_average ta_wilder_start(size_t length)
{
	return (struct ta_average){ .length = length, .weight = 1 / (double)length };
}

static inline double ta_average_step(struct ta_average *average, double value)
{
	if (isnan(value))
		return NAN;
	if (average->seen == average->length) {
		average->value += (value - average->value) * average->weight;
		return average->value;
	}
	average->value += value;
	if (++average->seen < average->length)
		return NAN;
	average->value /= (double)average->length;
	return average->value;
}

enum { TA_RSI_LENGTH = 14 };

/* ta_rsi.c */
struct ta_rsi_state {
	struct ta_average gain, loss;
	double close; /* NAN: no bar yet */
	enum ta_convention convention;
};

struct ta_rsi_state ta_rsi_start(enum ta_convention convention);
double ta_rsi_step(struct ta_rsi_state *rsi, double close);

/* Of bar i > 0: the farthest that the price was from the close before or from itself. */
static inline double ta_true_range(const struct ta_bars *bars, size_t i)
{
	double high = fmax(bars->high[i], bars->close[i - 1]);
	double low = fmin(bars->low[i], bars->close[i - 1]);
	return high - low;
}
