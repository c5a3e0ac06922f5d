/* EMA: avg + (close - avg) × 2 / (n + 1), from the simple mean of the first n closes,
 * which is the value at index n - 1. */
#include "market/ta.h"

void ta_ema_over(const double *values, size_t count, size_t length, double *out)
{
	struct ta_average ema = ta_ema_start(length);
	for (size_t i = 0; i < count; i++)
		out[i] = ta_average_step(&ema, values[i]);
}

void ta_ema(const struct ta_bars *bars, double *const out[TA_OUTPUTS_MAX])
{
	ta_ema_over(bars->close, bars->count, 50, out[0]);
	ta_ema_over(bars->close, bars->count, 200, out[1]);
}
