#include "market/series_impl.h"

#include <stdlib.h>

static const int64_t t_ms_max = INT64_C(253402300799999); /* the year 9999 */

struct series *series_create(int32_t minutes)
{
	CHECK(minutes >= 1 && minutes <= SERIES_MINUTES_MAX);
	struct series *series = calloc(1, sizeof *series);
	if (series)
		series->minutes = minutes;
	return series;
}

void series_destroy(struct series *series) { free(series); }

void series_set_convention(struct series *series, enum ta_convention convention)
{
	series->convention = convention;
}

enum ta_convention series_convention(const struct series *series) { return series->convention; }
void series_clear(struct series *series) { series->count = 0; }
int32_t series_minutes(const struct series *series) { return series->minutes; }
size_t series_count(const struct series *series) { return series->count; }

const struct series_bar *series_at(const struct series *series, size_t index)
{
	CHECK(index < series->count);
	return &series->bars[index];
}

int64_t series_newest_ms(const struct series *series)
{
	return series->count ? series->bars[series->count - 1].open_ms : 0;
}

/* ---- what a bar may be ---- */

static bool scale_fits(struct decimal d) { return d.scale >= 0 && d.scale <= DECIMAL_SCALE_MAX; }

/* Below 10^37, so both sides of a comparison fit. */
static bool at_most(struct decimal a, struct decimal b)
{
	int32_t scale = a.scale > b.scale ? a.scale : b.scale;
	return (i128)a.mantissa * decimal_pow10(scale - a.scale) <=
	       (i128)b.mantissa * decimal_pow10(scale - b.scale);
}

bool series_is_sensible(const struct series *series, const struct series_bar *bar)
{
	if (bar->open_ms <= 0 || bar->open_ms > t_ms_max || bar->open_ms % series_step_ms(series))
		return false;
	if (!scale_fits(bar->open) || !scale_fits(bar->high) || !scale_fits(bar->low) ||
	    !scale_fits(bar->close) || !scale_fits(bar->volume))
		return false;
	return bar->low.mantissa > 0 && bar->volume.mantissa >= 0 && at_most(bar->low, bar->open) &&
	       at_most(bar->low, bar->close) && at_most(bar->open, bar->high) &&
	       at_most(bar->close, bar->high);
}

static bool follows(const struct series *series, const struct series_bar *bar)
{
	return series->count == 0 ||
	       bar->open_ms == series_newest_ms(series) + series_step_ms(series);
}

/* ---- taking ---- */

static void append(struct series *series, const struct series_bar *bar)
{
	if (series->count == SERIES_BARS) {
		series->count--;
		memmove(series->bars, series->bars + 1, series->count * sizeof *bar);
	}
	series->bars[series->count++] = *bar;
}

enum series_taken series_take(struct series *series, const struct series_bar *bar)
{
	if (!series_is_sensible(series, bar))
		return SERIES_OLD;
	if (follows(series, bar)) {
		append(series, bar);
		return SERIES_TAKEN;
	}
	if (bar->open_ms > series_newest_ms(series)) {
		series->count = 0;
		append(series, bar);
		return SERIES_RESET;
	}
	int64_t oldest_ms = series->bars[0].open_ms;
	if (bar->open_ms < oldest_ms)
		return SERIES_OLD;
	series->bars[(bar->open_ms - oldest_ms) / series_step_ms(series)] = *bar;
	return SERIES_SAME;
}

/* Taken one after the other into a series of its own, holes and limits fall out of
 * series_take's rules. */
void series_fill(struct series *series, const struct series_bar *bars, size_t count)
{
	struct series filled;
	filled.minutes = series->minutes;
	filled.convention = series->convention;
	filled.count = 0;
	if (count == 0)
		return;
	size_t held = 0;
	for (; held < series->count && series->bars[held].open_ms < bars[0].open_ms; held++)
		append(&filled, &series->bars[held]);
	for (size_t i = 0; i < count; i++)
		series_take(&filled, &bars[i]);
	for (; held < series->count; held++)
		if (series->bars[held].open_ms > series_newest_ms(&filled) &&
		    follows(&filled, &series->bars[held]))
			append(&filled, &series->bars[held]);
	series->count = filled.count;
	memcpy(series->bars, filled.bars, filled.count * sizeof *filled.bars);
}
