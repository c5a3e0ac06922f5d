/* ADX 14 (Wilder 1978, section IV). A bar's directional movement is how far its high rose
 * (+DM) or its low fell (-DM), whichever is more; the other is 0, and both where they are
 * equal or neither is above 0. Smoothed over 14 bars and divided by the smoothed true range
 * they are +DI and -DI; DX = 100 × |+DI - -DI| / (+DI + -DI), and ADX is the Wilder average
 * of 14 DX. First at the 28th bar.
 *
 * The true range divides both parts of DX and cancels out, so it is not worked out. Wilder
 * smooths sums, S - S / 14 + x, seeded with the sum of 14: they are 14 times the Wilder
 * averages here, and the 14 cancels too.
 *
 * Prices are decimals, and differences of their doubles are off by some 10^-16 of the
 * price: two movements count as equal when they are closer than 10^-12 of it, which is
 * below every tick. TA-Lib compares the doubles as they are.
 *
 * DX is not defined where no bar had a direction yet; ADX then begins with the first 14
 * that are. TA-Lib counts those as 0 while it seeds, and leaves ADX as it is later. */
#include "market/ta.h"

enum { LENGTH = 14 };

struct directions {
	struct ta_average plus, minus;
	enum ta_convention convention;
};

/* TA-Lib: the sum of 13 stands for that of 14, before the 14th comes on top. */
static double smooth(struct ta_average *average, double moved, enum ta_convention convention)
{
	double value = ta_average_step(average, moved);
	if (convention == TA_TALIB && average->seen == LENGTH - 1) {
		average->value /= LENGTH;
		average->seen = LENGTH;
	}
	return value;
}

static double dx_step(struct directions *directions, const struct ta_bars *bars, size_t i)
{
	double up = bars->high[i] - bars->high[i - 1], down = bars->low[i - 1] - bars->low[i];
	enum ta_convention convention = directions->convention;
	double even = convention == TA_TALIB ? 0 : bars->high[i] * 1e-12;
	bool rose = up > 0 && up - down > even, fell = down > 0 && down - up > even;
	double plus = smooth(&directions->plus, rose ? up : 0, convention);
	double minus = smooth(&directions->minus, fell ? down : 0, convention);
	if (isnan(plus) || plus + minus == 0)
		return NAN;
	return 100 * fabs(plus - minus) / (plus + minus);
}

void ta_adx(const struct ta_bars *bars, double *const out[TA_OUTPUTS_MAX])
{
	struct directions directions = { ta_wilder_start(LENGTH), ta_wilder_start(LENGTH),
					 bars->convention };
	struct ta_average adx = ta_wilder_start(LENGTH);
	bool talib = bars->convention == TA_TALIB;
	for (size_t i = 0; i < bars->count; i++) {
		double dx = i ? dx_step(&directions, bars, i) : NAN;
		bool seeded = adx.seen == LENGTH;
		if (talib && i >= LENGTH && isnan(dx) && !seeded)
			dx = 0;
		out[0][i] = talib && isnan(dx) && seeded ? adx.value : ta_average_step(&adx, dx);
	}
}
