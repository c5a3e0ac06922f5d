/* PSAR 0.02, 0.02, 0.20 (Wilder 1978, section II). A stop trails the price: each bar it
 * moves by `factor` of its distance to the extreme price of the trade, and factor grows
 * by 0.02, to 0.20, with each new extreme. It never enters the range of the last two
 * bars. A bar that touches the stop turns the trade round: the stop is then the extreme
 * of the trade that ended, moved out of the range of the last two bars.
 *
 * Wilder leaves the first trade to the reader. Here (and in TA-Lib) it is short when the
 * second bar's low fell, and by more than its high rose, and long otherwise; the stop
 * begins at the first bar's far end. The value is the stop in force at the bar (after a
 * turn: the new one), not the next bar's. First at the second bar. */
#include "market/ta.h"

#define FACTOR_STEP 0.02
#define FACTOR_MAX  0.20

struct stop {
	bool rising; /* the trade is long, the stop below the price */
	double at, extreme, factor;
};

/* The stop is at or beyond the ranges of bar i and the one before. */
static void keep_outside(struct stop *stop, const struct ta_bars *bars, size_t i)
{
	size_t before = i > 1 ? i - 1 : i; /* the first bar set the stop: it binds no more */
	double low = fmin(bars->low[i], bars->low[before]);
	double high = fmax(bars->high[i], bars->high[before]);
	stop->at = stop->rising ? fmin(stop->at, low) : fmax(stop->at, high);
}

static void begin(struct stop *stop, const struct ta_bars *bars)
{
	double up = bars->high[1] - bars->high[0], down = bars->low[0] - bars->low[1];
	stop->rising = !(down > 0 && down > up);
	stop->at = stop->rising ? bars->low[0] : bars->high[0];
	stop->extreme = stop->rising ? bars->high[1] : bars->low[1];
	stop->factor = FACTOR_STEP;
}

static void turn(struct stop *stop, const struct ta_bars *bars, size_t i)
{
	stop->rising = !stop->rising;
	stop->at = stop->extreme;
	keep_outside(stop, bars, i);
	stop->extreme = stop->rising ? bars->high[i] : bars->low[i];
	stop->factor = FACTOR_STEP;
}

static void follow(struct stop *stop, const struct ta_bars *bars, size_t i)
{
	double end = stop->rising ? bars->high[i] : bars->low[i];
	if (stop->rising ? end <= stop->extreme : end >= stop->extreme)
		return;
	stop->extreme = end;
	stop->factor = fmin(stop->factor + FACTOR_STEP, FACTOR_MAX);
}

void ta_psar(const struct ta_bars *bars, double *const out[TA_OUTPUTS_MAX])
{
	struct stop stop;
	if (bars->count > 0)
		out[0][0] = NAN;
	if (bars->count < 2)
		return;
	begin(&stop, bars);
	for (size_t i = 1; i < bars->count; i++) {
		bool touched = stop.rising ? bars->low[i] <= stop.at : bars->high[i] >= stop.at;
		if (touched)
			turn(&stop, bars, i);
		else
			follow(&stop, bars, i);
		out[0][i] = stop.at;
		stop.at += stop.factor * (stop.extreme - stop.at);
		keep_outside(&stop, bars, i);
	}
}
