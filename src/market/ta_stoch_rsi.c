/* StochRSI 14, 14, 3, 3 (Chande and Kroll 1994): where RSI 14 lies between the lowest and
 * the highest of its last 14 values, in 0..100; K is the mean of 3 of these, D the mean of
 * 3 K. K first at the 30th bar, D at the 32nd.
 *
 * Over a flat range the place is not defined, nor is a mean that it would be in. While
 * closes stand still RSI does too, but for rounding: a range below flat_range is flat.
 * TA-Lib says 0 there, and does not smooth K. */
#include "market/ta.h"

enum { RANGE = 14, SMOOTH = 3 };
static const double flat_range = 1e-9; /* of RSI's 0..100 */

/* The last n values, newest at the end. */
static void push(double *values, size_t n, double value)
{
	for (size_t i = 1; i < n; i++)
		values[i - 1] = values[i];
	values[n - 1] = value;
}

static double mean(const double *values, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += values[i];
	return sum / (double)n;
}

static double place(const double rsi[RANGE], enum ta_convention convention)
{
	double low = rsi[0], high = rsi[0];
	for (size_t i = 0; i < RANGE; i++) {
		if (isnan(rsi[i]))
			return NAN;
		low = rsi[i] < low ? rsi[i] : low;
		high = rsi[i] > high ? rsi[i] : high;
	}
	if (high - low < flat_range)
		return convention == TA_TALIB ? 0 : NAN;
	return 100 * (rsi[RANGE - 1] - low) / (high - low);
}

static void fill(double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i] = NAN;
}

void ta_stoch_rsi(const struct ta_bars *bars, double *const out[TA_OUTPUTS_MAX])
{
	struct ta_rsi_state state = ta_rsi_start(bars->convention);
	double rsi[RANGE], raw[SMOOTH], k[SMOOTH];
	fill(rsi, RANGE);
	fill(raw, SMOOTH);
	fill(k, SMOOTH);
	for (size_t i = 0; i < bars->count; i++) {
		push(rsi, RANGE, ta_rsi_step(&state, bars->close[i]));
		push(raw, SMOOTH, place(rsi, bars->convention));
		bool smooth = bars->convention != TA_TALIB;
		push(k, SMOOTH, smooth ? mean(raw, SMOOTH) : raw[SMOOTH - 1]);
		out[0][i] = k[SMOOTH - 1];
		out[1][i] = mean(k, SMOOTH);
	}
}
