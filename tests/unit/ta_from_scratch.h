/* ta_from_scratch.h - bars to try the indicators on (recorded days, and seeded walks), and
 * every indicator a second time, straight from its definition: closed forms in long double,
 * worked out from the first bar on for every bar. Nothing here shares a line with
 * market/ta_*.c. */
#pragma once

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "market/ta.h"

enum { BARS_MAX = 600 };

static double high[BARS_MAX], low[BARS_MAX], close_[BARS_MAX];
static struct ta_bars bars = { high, low, close_, 0, TA_WILDER };
static bool shared_missing;

/* ---- the bars ---- */

static bool load_default(void)
{
	FILE *file = fopen(TEST_SHARED_DIR "/ta/default.csv", "r");
	char line[256];
	bars = (struct ta_bars){ high, low, close_, 0, TA_WILDER };
	if (!file) {
		if (!shared_missing)
			printf("no vectors in " TEST_SHARED_DIR "/ta: skipped\n");
		shared_missing = true;
		return false;
	}
	while (fgets(line, sizeof line, file) && bars.count < BARS_MAX) {
		double o, h, l, c;
		if (sscanf(line, "%*[^,],%lf,%lf,%lf,%lf", &o, &h, &l, &c) != 4)
			continue;
		high[bars.count] = h;
		low[bars.count] = l;
		close_[bars.count++] = c;
	}
	fclose(file);
	assert_int_equal(bars.count, 502);
	return true;
}

static void put(size_t i, double h, double l, double c)
{
	high[i] = h;
	low[i] = l;
	close_[i] = c;
	bars.count = i + 1;
}

/* How a walk moves: cents a bar, and out of 100 bars so many that do not move at all. */
struct walk {
	uint64_t seed;
	int64_t start, step;
	uint64_t still, still_first;
};

static void make_walk(const struct walk *walk)
{
	struct rng rng;
	int64_t price = walk->start;
	rng_init(&rng, walk->seed);
	for (size_t i = 0; i < BARS_MAX; i++) {
		bool still = i < walk->still_first || rng_below(&rng, 100) < walk->still;
		int64_t open = price, wick = still ? 1 : walk->step;
		if (!still)
			price +=
			    (int64_t)rng_below(&rng, 2 * (uint64_t)walk->step + 1) - walk->step;
		price = price < walk->step ? walk->step : price;
		int64_t top = open > price ? open : price, bottom = open < price ? open : price;
		top += (int64_t)rng_below(&rng, (uint64_t)wick);
		bottom -= (int64_t)rng_below(&rng, (uint64_t)(bottom < wick ? bottom : wick));
		put(i, (double)top / 100, (double)bottom / 100, (double)price / 100);
	}
}

static const struct walk walks[] = { { 1, 6725000, 12000, 0, 0 },  { 2, 268012, 700, 10, 0 },
				     { 3, 1500, 40, 60, 25 },      { 4, 9000, 20, 95, 0 },
				     { 5, 30000, 25000, 0, 120 },  { 6, 6725000, 12000, 30, 3 },
				     { 7, 100000000, 90000, 5, 0 } };

/* ---- the independent computation ---- */

/* NAN below the first defined value of v. */
static size_t first_defined(const long double *v, size_t count)
{
	size_t i = 0;
	while (i < count && isnan(v[i]))
		i++;
	return i;
}

/* The smoothed average at index i in closed form: the seed's weight has decayed by what
 * came since, and each later value's by what came after it. */
static long double smoothed(const long double *v, size_t i, size_t length, long double weight)
{
	size_t from = first_defined(v, i + 1), seed_at = from + length - 1;
	if (seed_at > i)
		return NAN;
	long double mean = 0, sum = 0, left = 1;
	for (size_t k = from; k <= seed_at; k++)
		mean += v[k] / (long double)length;
	for (size_t k = i; k > seed_at; k--, left *= 1 - weight)
		sum += weight * left * v[k];
	return mean * left + sum;
}

static long double ema_of(const long double *v, size_t i, size_t length)
{
	return smoothed(v, i, length, 2 / ((long double)length + 1));
}

static long double wilder_of(const long double *v, size_t i, size_t length)
{
	return smoothed(v, i, length, 1 / (long double)length);
}

static void closes(long double *v)
{
	for (size_t i = 0; i < bars.count; i++)
		v[i] = close_[i];
}

/* Rises (sign 1) or falls (-1) from close to close, never below 0. */
static void moves(long double *v, int sign)
{
	v[0] = NAN;
	for (size_t i = 1; i < bars.count; i++) {
		long double move = (long double)sign * ((long double)close_[i] - close_[i - 1]);
		v[i] = move > 0 ? move : 0;
	}
}

static void rsi_from_scratch(long double *v)
{
	static long double up[BARS_MAX], down[BARS_MAX];
	moves(up, 1);
	moves(down, -1);
	for (size_t i = 0; i < bars.count; i++) {
		long double g = wilder_of(up, i, 14), l = wilder_of(down, i, 14);
		if (isnan(g))
			v[i] = NAN;
		else if (g == 0 && l == 0)
			v[i] = bars.convention == TA_TALIB ? 0 : NAN;
		else
			v[i] = l == 0 ? 100 : 100 - 100 / (1 + g / l);
	}
}

/* How much of the window's range lies below its last value. */
static long double stochastic(const long double *v, size_t i, size_t length)
{
	if (i + 1 < length)
		return NAN;
	long double least = INFINITY, most = -INFINITY;
	for (size_t k = i + 1 - length; k <= i; k++) {
		if (isnan(v[k]))
			return NAN;
		least = fminl(least, v[k]);
		most = fmaxl(most, v[k]);
	}
	if (most - least < 1e-9L)
		return bars.convention == TA_TALIB ? 0 : NAN;
	return (v[i] - least) / (most - least) * 100;
}

static long double mean_of_3(const long double *v, size_t i)
{
	return i < 2 ? NAN : v[i] / 3 + v[i - 1] / 3 + v[i - 2] / 3;
}

static void stoch_rsi_from_scratch(long double *k, long double *d)
{
	static long double rsi[BARS_MAX], raw[BARS_MAX];
	rsi_from_scratch(rsi);
	for (size_t i = 0; i < bars.count; i++)
		raw[i] = stochastic(rsi, i, 14);
	for (size_t i = 0; i < bars.count; i++)
		k[i] = bars.convention == TA_TALIB ? raw[i] : mean_of_3(raw, i);
	for (size_t i = 0; i < bars.count; i++)
		d[i] = mean_of_3(k, i);
}

static void macd_from_scratch(long double *line, long double *signal, long double *histogram)
{
	static long double slow[BARS_MAX], fast[BARS_MAX];
	closes(slow);
	closes(fast);
	for (size_t i = 0; bars.convention == TA_TALIB && i < 14 && i < bars.count; i++)
		fast[i] = NAN; /* EMA 12's first twelve end with EMA 26's first 26 */
	for (size_t i = 0; i < bars.count; i++)
		line[i] = ema_of(fast, i, 12) - ema_of(slow, i, 26);
	for (size_t i = 0; i < bars.count; i++) {
		signal[i] = ema_of(line, i, 9);
		histogram[i] = line[i] - signal[i];
	}
}

static long double true_range_at(size_t i)
{
	long double h = high[i], l = low[i], c = close_[i - 1];
	return fmaxl(h - l, fmaxl(fabsl(h - c), fabsl(l - c)));
}

static void atr_from_scratch(long double *v)
{
	static long double range[BARS_MAX];
	range[0] = NAN;
	for (size_t i = 1; i < bars.count; i++)
		range[i] = true_range_at(i);
	for (size_t i = 0; i < bars.count; i++)
		v[i] = wilder_of(range, i, 14);
}

/* Wilder's running sum over 14, begun with the sum of the first `seed` values: each bar
 * takes a fourteenth of it away and adds itself. NAN before bar 14. */
static long double wilder_sum(const long double *v, size_t i, size_t seed)
{
	long double sum = 0, left = 1;
	if (i < 14)
		return NAN;
	for (size_t k = i; k >= 1; k--) {
		sum += left * v[k];
		left *= k > seed ? 13.0L / 14 : 1;
	}
	return sum;
}

/* b - a; all prices here are whole cents, and that is how they differ. (TA-Lib: as the
 * doubles do.) */
static long double apart(double a, double b)
{
	if (bars.convention == TA_TALIB)
		return (long double)b - a;
	return (long double)(llround(b * 100) - llround(a * 100)) / 100;
}

static void movements(long double *plus, long double *minus, long double *range)
{
	for (size_t i = 1; i < bars.count; i++) {
		long double up = apart(high[i - 1], high[i]), down = apart(low[i], low[i - 1]);
		plus[i] = up > 0 && up > down ? up : 0;
		minus[i] = down > 0 && down > up ? down : 0;
		range[i] = true_range_at(i);
	}
}

static void adx_from_scratch(long double *v)
{
	static long double plus[BARS_MAX], minus[BARS_MAX], range[BARS_MAX], dx[BARS_MAX];
	size_t seed = bars.convention == TA_TALIB ? 13 : 14;
	movements(plus, minus, range);
	for (size_t i = 0; i < bars.count; i++) {
		long double sum = i < 14 ? NAN : wilder_sum(range, i, seed);
		long double plus_di = 100 * wilder_sum(plus, i, seed) / sum;
		long double minus_di = 100 * wilder_sum(minus, i, seed) / sum;
		dx[i] = 100 * fabsl(plus_di - minus_di) / (plus_di + minus_di);
		if (i >= 14 && (sum == 0 || plus_di + minus_di == 0))
			dx[i] = bars.convention == TA_TALIB ? 0 : NAN;
	}
	for (size_t i = 0; i < bars.count; i++)
		v[i] = wilder_of(dx, i, 14);
}

/* One trade of the PSAR from its first bar on, worked out to bar i from scratch: the
 * extreme is that of all its bars, the factor counts how often it was new. */
struct trade {
	bool rising;
	size_t from;
	long double stop, extreme; /* at its first bar */
};

static long double end_of(const struct trade *trade, size_t i)
{
	return trade->rising ? high[i] : -low[i];
}

static long double stop_at(const struct trade *trade, size_t i)
{
	long double sign = trade->rising ? 1 : -1, stop = sign * trade->stop;
	long double extreme = sign * trade->extreme;
	int news = 1;
	for (size_t k = trade->from; k < i; k++) {
		long double before = extreme;
		extreme = fmaxl(extreme, end_of(trade, k));
		news += extreme > before;
		stop += fminl(0.02L * news, 0.2L) * (extreme - stop);
		for (size_t near = k > 1 ? k - 1 : k; near <= k; near++)
			stop = fminl(stop, trade->rising ? low[near] : -high[near]);
	}
	return sign * stop;
}

/* The trade that the bar's touch of the stop begins. */
static struct trade turned(const struct trade *trade, size_t i)
{
	struct trade next = { !trade->rising, i, 0, trade->rising ? low[i] : high[i] };
	long double extreme = trade->extreme;
	for (size_t k = trade->from; k < i; k++)
		extreme = trade->rising ? fmaxl(extreme, high[k]) : fminl(extreme, low[k]);
	for (size_t near = i > 1 ? i - 1 : i; near <= i; near++)
		extreme = trade->rising ? fmaxl(extreme, high[near]) : fminl(extreme, low[near]);
	next.stop = extreme;
	return next;
}

static void psar_from_scratch(long double *v)
{
	long double up = (long double)high[1] - high[0], down = (long double)low[0] - low[1];
	bool falls = down > 0 && down > up;
	struct trade trade = { !falls, 1, falls ? high[0] : low[0], falls ? low[1] : high[1] };
	v[0] = NAN;
	for (size_t i = 1; i < bars.count; i++) {
		long double stop = stop_at(&trade, i);
		if (trade.rising ? low[i] <= stop : high[i] >= stop)
			trade = turned(&trade, i);
		v[i] = stop_at(&trade, i);
	}
}

/* The level since the bar at which the line changed sides is the best of all distances
 * since then. */
static void qqe_from_scratch(long double *line, long double *level)
{
	static long double rsi[BARS_MAX], moved[BARS_MAX], once[BARS_MAX], distance[BARS_MAX];
	rsi_from_scratch(rsi);
	for (size_t i = 0; i < bars.count; i++)
		line[i] = ema_of(rsi, i, 5);
	for (size_t i = 0; i < bars.count; i++)
		moved[i] = i ? fabsl(line[i] - line[i - 1]) : NAN;
	for (size_t i = 0; i < bars.count; i++)
		once[i] = ema_of(moved, i, 27);
	for (size_t i = 0; i < bars.count; i++)
		distance[i] = 4.236L * ema_of(once, i, 27);
	size_t from = first_defined(distance, bars.count);
	long double side = 1; /* above the level */
	for (size_t i = 0; i < bars.count; i++) {
		level[i] = NAN;
		if (i < from || i >= bars.count)
			continue;
		if (i > from && side * line[i] < side * level[i - 1]) {
			side = -side;
			from = i;
		}
		long double best = -INFINITY;
		for (size_t k = from; k <= i; k++)
			best = fmaxl(best, side * line[k] - distance[k]);
		level[i] = side * best;
	}
}
