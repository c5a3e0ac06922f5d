/* Bars of a series out of its market's minutes. Bars are numbered by open time / length. */
#include "market/market_impl.h"
#include "market/series_impl.h"

struct series *market_series(struct market *market, int32_t minutes)
{
	for (size_t i = 0; i < SERIES_TIMEFRAMES_MAX && market->series[i]; i++)
		if (series_minutes(market->series[i]) == minutes)
			return market->series[i];
	return NULL;
}

struct series *market_series_at(struct market *market, size_t index)
{
	return index < SERIES_TIMEFRAMES_MAX ? market->series[index] : NULL;
}

static int64_t newest_held(const struct series *series)
{
	return series->count ? series_newest_ms(series) / series_step_ms(series) : -1;
}

/* No trade can be counted in it or in those before it any more; -1: there is none. */
static int64_t last_closed(const struct market *market, const struct series *series)
{
	int64_t settled_ms = market->newest_ms - MARKET_LATE_MS;
	return settled_ms > 0 ? settled_ms / series_step_ms(series) - 1 : -1;
}

/* All minutes of the bar are known, and none is partial. */
static bool is_covered(const struct market *market, const struct series *series, int64_t bar)
{
	int64_t from = bar * series->minutes, to = from + series->minutes - 1;
	size_t hour;
	if (from < oldest_minute(market) || to > market->newest_minute)
		return false;
	for (uint64_t bits; (bits = span_next(&from, to, &hour));) {
		const struct hour *h = &market->hours[hour];
		if (bits & ~(h->known & ~h->partial))
			return false;
	}
	return true;
}

/* Where an empty series begins: with the first of the unbroken bars up to the last one,
 * or the first of these with a trade in or before it, as there is no price without. */
static int64_t first_unbroken(const struct market *market, const struct series *series,
			      int64_t last)
{
	int64_t first = last;
	if (!is_covered(market, series, last))
		return last;
	while (first > last - SERIES_BARS + 1 && is_covered(market, series, first - 1))
		first--;
	if (minutes_previous_held(market, first * series->minutes - 1) >= 0)
		return first;
	int64_t priced = minutes_next_held(market, first * series->minutes) / series->minutes;
	return priced < last ? priced : last;
}

/* What was traded in minutes from..to, all of one bar. False: nothing. */
static bool traded_bar(const struct market *market, int64_t from, int64_t to,
		       struct series_bar *out)
{
	struct window window;
	int32_t price_scale = market->price_scale;
	market_window_back(market, (int32_t)(to - from + 1), (int32_t)(market->newest_minute - to),
			   &window);
	if (!window.close)
		return false;
	out->open = (struct decimal){ window.open, price_scale };
	out->high = (struct decimal){ window.high, price_scale };
	out->low = (struct decimal){ window.low, price_scale };
	out->close = (struct decimal){ window.close, price_scale };
	/* 25 hours of both sides are below 2^63: HOUR_BASE_MAX, SERIES_MINUTES_MAX */
	out->volume = (struct decimal){ window.flow.buy + window.flow.sell, market->qty_scale };
	return true;
}

/* The close before `minute`; false: nobody knows it. */
static bool close_before(const struct market *market, const struct series *series, int64_t minute,
			 struct decimal *out)
{
	if (series->count) {
		*out = series->bars[series->count - 1].close;
		return true;
	}
	int64_t held = minutes_previous_held(market, minute - 1);
	if (held < 0)
		return false;
	*out = (struct decimal){ market->minutes[minute_index(held)].close, market->price_scale };
	return true;
}

/* A closed bar that follows those held. False: the minutes do not cover it. */
static bool closed_bar(const struct market *market, const struct series *series, int64_t bar,
		       struct series_bar *out)
{
	int64_t from = bar * series->minutes;
	struct decimal close;
	if (!is_covered(market, series, bar))
		return false;
	out->open_ms = bar * series_step_ms(series);
	if (traded_bar(market, from, from + series->minutes - 1, out))
		return true;
	if (!close_before(market, series, from, &close))
		return false;
	out->open = out->high = out->low = out->close = close;
	out->volume = (struct decimal){ 0, market->qty_scale };
	return true;
}

size_t market_series_step(struct market *market, struct series *series, bool *complete)
{
	int64_t last = last_closed(market, series), held = newest_held(series);
	size_t n = 0;
	*complete = true;
	if (last < 0 || held >= last)
		return 0;
	int64_t bar = held >= 0 ? held + 1 : first_unbroken(market, series, last);
	for (; bar <= last; bar++, n++) {
		struct series_bar closed;
		*complete = closed_bar(market, series, bar, &closed);
		if (!*complete)
			break;
		series_take(series, &closed);
	}
	return n;
}

bool market_series_open(const struct market *market, const struct series *series,
			struct series_bar *out)
{
	struct series_bar open;
	int64_t held = newest_held(series), bar = market->newest_minute / series->minutes;
	if (!market->newest_ms)
		return false;
	if (held >= 0 && held + 1 == bar - 1 && last_closed(market, series) < bar - 1)
		bar--;
	if (held >= 0 && held + 1 != bar)
		return false;
	int64_t from = bar * series->minutes, to = from + series->minutes - 1;
	open.open_ms = bar * series_step_ms(series);
	if (!traded_bar(market, from, to < market->newest_minute ? to : market->newest_minute,
			&open))
		return false;
	*out = open;
	return true;
}
