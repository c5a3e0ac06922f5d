/* MACD 12, 26, 9 (Appel): the line is EMA 12 less EMA 26 of the closes, the signal EMA 9
 * of the line, the histogram line less signal. Each EMA is seeded with the simple mean of
 * its own first values: the line is there at the 26th bar, the signal at the 34th. TA-Lib
 * seeds EMA 12 at the 26th bar too, with the 12 closes that end there. */
#include "market/ta.h"

enum { FAST = 12, SLOW = 26, SIGNAL = 9 };

void ta_macd(const struct ta_bars *bars, double *const out[TA_OUTPUTS_MAX])
{
	struct ta_average fast = ta_ema_start(FAST), slow = ta_ema_start(SLOW);
	struct ta_average signal = ta_ema_start(SIGNAL);
	size_t fast_from = bars->convention == TA_TALIB ? SLOW - FAST : 0;
	for (size_t i = 0; i < bars->count; i++) {
		double close = bars->close[i];
		double quick = i >= fast_from ? ta_average_step(&fast, close) : NAN;
		double line = quick - ta_average_step(&slow, close);
		out[0][i] = line;
		out[1][i] = ta_average_step(&signal, line);
		out[2][i] = line - out[1][i];
	}
}
