/* Rows of indicator_values. */
#include <math.h>

#include "archive/feeds_impl.h"
#include "def/timeframes.h"

struct value_row {
	struct str market;
	int32_t minutes;
	int64_t bar_us;
	enum indicator indicator;
	double value;
};

static void value_cells(struct archive_rows *rows, const void *what)
{
	const struct value_row *row = what;
	archive_row_text(rows, COLUMN_indicator_values_market, row->market);
	archive_row_text(rows, COLUMN_indicator_values_timeframe,
			 str_of(timeframe_text(row->minutes)));
	archive_row_int(rows, COLUMN_indicator_values_bar_us, row->bar_us);
	archive_row_text(rows, COLUMN_indicator_values_name,
			 str_of(indicator_row(row->indicator)->field));
	archive_row_real(rows, COLUMN_indicator_values_value, row->value);
}

static void mark_name(struct buf *name, struct str market, struct str timeframe)
{
	buf_printf(name, "indicator_values:%.*s:%.*s", STR_ARG(market), STR_ARG(timeframe));
}

void feeds_series_mark(const struct archive_row *row, struct buf *name, struct buf *value)
{
	mark_name(name, archive_cell_text(row, COLUMN_indicator_values_market),
		  archive_cell_text(row, COLUMN_indicator_values_timeframe));
	buf_i64(value, archive_cell_int(row, COLUMN_indicator_values_bar_us, 0));
}

/* Of the newest bar; nothing is known of the one whose figures are all missing. */
static void tell(struct feeds *feeds, struct str market, const struct series *series)
{
	struct indicator_values values;
	series_indicators(series, &values);
	struct value_row row = {
		.market = market,
		.minutes = series_minutes(series),
		.bar_us = values.close_ms * 1000,
	};
	for (int i = 0; i < INDICATOR_COUNT; i++) {
		row.indicator = (enum indicator)i;
		row.value = values.value[i];
		if (isfinite(row.value))
			feeds_queue_put(&feeds->queues[FEEDS_INDICATORS], value_cells, &row);
	}
}

/* The bar of the mark was told, with as many as there are. */
static void restore(struct feeds *feeds, struct feeds_series *of, struct str market,
		    const struct series *series)
{
	char storage[WRITER_MARK_BYTES];
	struct buf name = buf_over(storage, sizeof storage);
	int64_t told_us, newest_ms = series_newest_ms(series);
	int64_t close_ms = newest_ms + series_minutes(series) * (int64_t)MINUTE_MS;
	of->restored = true;
	mark_name(&name, market, str_of(timeframe_text(series_minutes(series))));
	if (str_to_i64(writer_marked(feeds->config.writer, buf_str(&name)), &told_us) ||
	    told_us != close_ms * 1000)
		return;
	of->newest_ms = newest_ms;
	of->count = series_count(series);
}

/* True: there was something to work out. */
static bool step(struct feeds *feeds, struct feeds_market *of, size_t index)
{
	struct feeds_series *told = &of->series[index];
	const struct series *series = market_series_at(of->market, index);
	char storage[STREAM_FEED_SUBJECT];
	struct buf market = buf_over(storage, sizeof storage);
	if (!series)
		return false;
	int64_t newest_ms = series_newest_ms(series);
	if (told->restored && told->newest_ms == newest_ms && told->count == series_count(series))
		return false;
	market_id_print(&market, market_id(of->market));
	if (!told->restored && newest_ms)
		restore(feeds, told, buf_str(&market), series);
	if (told->newest_ms == newest_ms && told->count == series_count(series))
		return false;
	told->newest_ms = newest_ms;
	told->count = series_count(series);
	tell(feeds, buf_str(&market), series);
	return true;
}

/* Bars of all markets close together: a share of them a turn. */
void feeds_step_series(struct feeds *feeds, size_t at_most)
{
	size_t places = feeds->markets_count * SERIES_TIMEFRAMES_MAX;
	for (size_t i = 0; i < places && at_most; i++) {
		size_t at = feeds->next_series % places;
		feeds->next_series = at + 1;
		at_most -= step(feeds, feeds->markets[at / SERIES_TIMEFRAMES_MAX],
				at % SERIES_TIMEFRAMES_MAX);
	}
}
