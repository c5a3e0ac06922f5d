/* RSI (Wilder 1978, section VI): 100 × G / (G + L), which is his 100 - 100 / (1 + G / L),
 * with G and L the Wilder averages of 14 rises and of 14 falls from close to close. First
 * at the 15th bar.
 *
 * No falls: 100. No rises: 0. Neither, as no close has moved since the first bar: not
 * defined (TA-Lib: 0). Once one has moved its trace never leaves the averages. */
#include "market/ta.h"

struct ta_rsi_state ta_rsi_start(enum ta_convention convention)
{
	return (struct ta_rsi_state){ .gain = ta_wilder_start(TA_RSI_LENGTH),
				      .loss = ta_wilder_start(TA_RSI_LENGTH),
				      .close = NAN,
				      .convention = convention };
}

double ta_rsi_step(struct ta_rsi_state *rsi, double close)
{
	double change = close - rsi->close; /* NAN at the first bar: the averages pass it over */
	double gain = ta_average_step(&rsi->gain, change < 0 ? 0 : change);
	double loss = ta_average_step(&rsi->loss, change > 0 ? 0 : -change);
	rsi->close = close;
	if (gain + loss == 0)
		return rsi->convention == TA_TALIB ? 0 : NAN;
	return 100 * gain / (gain + loss);
}

void ta_rsi(const struct ta_bars *bars, double *const out[TA_OUTPUTS_MAX])
{
	struct ta_rsi_state rsi = ta_rsi_start(bars->convention);
	for (size_t i = 0; i < bars->count; i++)
		out[0][i] = ta_rsi_step(&rsi, bars->close[i]);
}
