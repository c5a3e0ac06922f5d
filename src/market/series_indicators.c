/* The indicators over a series: its bars in doubles, through the functions that the rows
 * of indicators.def name. */
#include "market/series_impl.h"
#include "market/ta.h"

struct columns {
	size_t count;
	double high[SERIES_BARS], low[SERIES_BARS], close[SERIES_BARS];
};

static const struct {
	ta_function *function;
	size_t output;
} rows[] = {
#define INDICATOR(id, field, title, function, output, convention) { ta_##function, output },
#include "def/indicators.def"
};

static double number(struct decimal d)
{
	return (double)d.mantissa / (double)decimal_pow10(d.scale);
}

static void add(struct columns *columns, const struct series_bar *bar)
{
	size_t at = columns->count++;
	columns->high[at] = number(bar->high);
	columns->low[at] = number(bar->low);
	columns->close[at] = number(bar->close);
}

static void work_out(const struct columns *columns, enum ta_convention convention,
		     double value[INDICATOR_COUNT])
{
	double results[TA_OUTPUTS_MAX][SERIES_BARS];
	double *const out[TA_OUTPUTS_MAX] = { results[0], results[1], results[2] };
	struct ta_bars bars = { columns->high, columns->low, columns->close, columns->count,
				convention };
	for (size_t i = 0; i < INDICATOR_COUNT; i++) {
		if (i == 0 || rows[i].function != rows[i - 1].function)
			rows[i].function(&bars, out);
		value[i] = bars.count ? results[rows[i].output][bars.count - 1] : NAN;
	}
}

/* open: put behind the closed ones, in the place of the oldest where all are held; or
 * NULL. */
static void values_of(const struct series *series, const struct series_bar *open,
		      struct indicator_values *out)
{
	struct columns columns;
	columns.count = 0;
	for (size_t i = open && series->count == SERIES_BARS; i < series->count; i++)
		add(&columns, &series->bars[i]);
	int64_t last_ms = open ? open->open_ms : series_newest_ms(series);
	if (open)
		add(&columns, open);
	out->bars = columns.count;
	out->close_ms = last_ms ? last_ms + series_step_ms(series) : 0;
	out->provisional = open != NULL;
	work_out(&columns, series->convention, out->value);
}

void series_indicators(const struct series *series, struct indicator_values *out)
{
	values_of(series, NULL, out);
}

void series_provisional(const struct series *series, const struct series_bar *open,
			struct indicator_values *out)
{
	int64_t newest_ms = series_newest_ms(series);
	bool fits = series_is_sensible(series, open) &&
		    (!newest_ms || open->open_ms == newest_ms + series_step_ms(series));
	values_of(series, fits ? open : NULL, out);
}
