/* Volume of the current bar against the bars before it. */
#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "market/analysis.h"

static double bar_volume(const struct market *market, const struct bar *bar)
{
	int32_t price_scale, qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	return decimal_to_double((i128)bar->buy + bar->sell, qty_scale);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Trimming as many off one end as off the other leaves a median where it is, so the
 * trimmed median is the median. */
static double median(double *values, size_t n)
{
	if (n == 0)
		return NAN;
	qsort(values, n, sizeof *values, by_value);
	return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

static double z_of(double value, const double *values, size_t n)
{
	double sum = 0, squares = 0;
	for (size_t i = 0; i < n; i++)
		sum += values[i];
	double mean = sum / (double)n;
	for (size_t i = 0; i < n; i++)
		squares += (values[i] - mean) * (values[i] - mean);
	double sd = sqrt(squares / (double)n);
	return n >= 2 && sd > 0 ? (value - mean) / sd : NAN;
}

static enum spike_level level_of(double percent_over)
{
	static const struct {
		double percent;
		enum spike_level level;
	} bands[] = { { 500, SPIKE_EXTREME },
		      { 300, SPIKE_HIGH },
		      { 150, SPIKE_MODERATE },
		      { 50, SPIKE_LOW } };
	for (size_t i = 0; i < ARRAY_LEN(bands); i++)
		if (percent_over >= bands[i].percent)
			return bands[i].level;
	return SPIKE_NONE;
}

void market_spike(const struct market *market, int32_t minutes, struct spike *out)
{
	struct bar bars[SPIKE_BARS + 1];
	double volumes[SPIKE_BARS];
	size_t n = market_bars(market, minutes, bars, NULL, SPIKE_BARS + 1), used = 0;
	*out = (struct spike){ .baseline = NAN, .z = NAN, .percent_over = NAN };
	if (n == 0)
		return;
	for (size_t i = 0; i + 1 < n; i++)
		if (!(bars[i].flags & BAR_PARTIAL))
			volumes[used++] = bar_volume(market, &bars[i]);
	const struct bar *current = &bars[n - 1];
	double elapsed =
	    (double)(market_newest_ms(market) - current->minute_ms) / ((double)minutes * MINUTE_MS);
	out->open = true;
	out->current = bar_volume(market, current);
	out->bars = (int32_t)used;
	out->baseline = median(volumes, used);
	if (elapsed < 0.05)
		return;
	double whole = out->current / elapsed;
	if (used > 0)
		out->z = z_of(whole, volumes, used);
	if (out->baseline > 0)
		out->percent_over = (whole / out->baseline - 1) * 100;
	out->level = level_of(out->percent_over);
}
