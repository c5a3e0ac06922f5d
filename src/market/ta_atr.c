/* ATR 14 (Wilder 1978, section III): the Wilder average of 14 true ranges. The first bar
 * has none, as there is no close before it: first at the 15th bar. */
#include "market/ta.h"

enum { LENGTH = 14 };

void ta_atr(const struct ta_bars *bars, double *const out[TA_OUTPUTS_MAX])
{
	struct ta_average range = ta_wilder_start(LENGTH);
	for (size_t i = 0; i < bars->count; i++)
		out[0][i] = ta_average_step(&range, i ? ta_true_range(bars, i) : NAN);
}
