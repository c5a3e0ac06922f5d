/* QQE (Ignatov 2006), RSI 14, smoothing 5, factor 4.236: the line is EMA 5 of RSI 14; a
 * level trails it at the distance 4.236 × EMA 27 of EMA 27 of |line - line before|. (27 is
 * 2 × 14 - 1: an EMA of 27 weighs as a Wilder average of 14 does.)
 *
 * While the line stays above the level, the level only rises; once the line is below, the
 * level jumps to the line's other side and only falls. It begins below the line. Every EMA
 * is seeded with the simple mean of its first values: the line is there at the 19th bar,
 * the level at the 72nd. */
#include "market/ta.h"

enum { SMOOTH = 5, RANGE = 2 * TA_RSI_LENGTH - 1 };
static const double factor = 4.236;

/* The level at a bar with `line`; before: line and level of the bar before it. */
static double trail(double line, double distance, double line_before, double level_before)
{
	if (isnan(distance))
		return NAN;
	if (isnan(level_before))
		return line - distance;
	if (line < level_before) {
		double level = line + distance;
		return line_before < level_before ? fmin(level, level_before) : level;
	}
	if (line > level_before) {
		double level = line - distance;
		return line_before > level_before ? fmax(level, level_before) : level;
	}
	return level_before;
}

void ta_qqe(const struct ta_bars *bars, double *const out[TA_OUTPUTS_MAX])
{
	struct ta_rsi_state rsi = ta_rsi_start(bars->convention);
	struct ta_average smooth = ta_ema_start(SMOOTH);
	struct ta_average once = ta_ema_start(RANGE), twice = ta_ema_start(RANGE);
	double line_before = NAN, level_before = NAN;
	for (size_t i = 0; i < bars->count; i++) {
		double line = ta_average_step(&smooth, ta_rsi_step(&rsi, bars->close[i]));
		double moved = ta_average_step(&once, fabs(line - line_before));
		double distance = factor * ta_average_step(&twice, moved);
		double level = trail(line, distance, line_before, level_before);
		out[0][i] = line_before = line;
		out[1][i] = level_before = level;
	}
}
