/* Ranges and returns: ATR, volatility, VWAP and the five momentum windows. */
#include <math.h>

#include "market/analysis.h"

/* What a price of 1 is at the market's scale. */
static double price_unit(const struct market *market)
{
	int32_t price_scale, qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	return (double)decimal_pow10(price_scale);
}

static int64_t true_range(const struct bar *bar, int64_t close_before)
{
	int64_t high = bar->high > close_before ? bar->high : close_before;
	int64_t low = bar->low < close_before ? bar->low : close_before;
	return high - low;
}

double market_atr(const struct market *market, int32_t minutes)
{
	struct bar bars[ATR_BARS + 1];
	size_t n = market_bars(market, minutes, bars, NULL, ATR_BARS + 1);
	double atr = 0, unit = price_unit(market);
	if (n < ATR_LENGTH + 2) /* 15 closed bars and the open one */
		return NAN;
	for (size_t i = 1; i < n - 1; i++) {
		double range = (double)true_range(&bars[i], bars[i - 1].close) / unit;
		if (i <= ATR_LENGTH)
			atr += range / ATR_LENGTH;
		else
			atr += (range - atr) / ATR_LENGTH;
	}
	return atr;
}

double window_vwap(const struct market *market, const struct window *window)
{
	int32_t price_scale, qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	i128 base = (i128)window->flow.buy + window->flow.sell;
	i128 quote = window->flow.buy_quote + window->flow.sell_quote;
	if (base == 0)
		return NAN;
	return decimal_to_double(quote, price_scale + qty_scale) /
	       decimal_to_double(base, qty_scale);
}

/* ---- volatility ---- */

struct returns {
	size_t n;
	double mean, squares; /* running, Welford's way */
};

static void returns_add(struct returns *returns, double value)
{
	double off = value - returns->mean;
	returns->n++;
	returns->mean += off / (double)returns->n;
	returns->squares += off * (value - returns->mean);
}

/* The `count` minutes before `minute_ms` all had no trade, and that is known. */
static bool proved_empty(const struct market *market, int64_t minute_ms, int32_t count)
{
	struct window between;
	int64_t newest = market_newest_ms(market) / MINUTE_MS;
	market_window_back(market, count, (int32_t)(newest - minute_ms / MINUTE_MS) + 1, &between);
	return between.present == count;
}

double market_volatility(const struct market *market, int32_t minutes)
{
	struct returns returns = { 0 };
	struct bar before = { 0 }, bar;
	int64_t newest = market_newest_ms(market) / MINUTE_MS;
	int64_t from = (newest - minutes) * MINUTE_MS; /* whose close the first return is from */
	struct market_cursor cursor = { .minute_ms = from > MINUTE_MS ? from - MINUTE_MS : 0 };
	while (market_next_minute(market, &cursor, &bar)) {
		int32_t empty = (int32_t)((bar.minute_ms - before.minute_ms) / MINUTE_MS) - 1;
		if (before.minute_ms &&
		    (empty == 0 || proved_empty(market, bar.minute_ms, empty))) {
			for (int32_t i = 0; i < empty; i++)
				returns_add(&returns, 0);
			returns_add(&returns, log((double)bar.close / (double)before.close));
		}
		before = bar;
	}
	if (returns.n < 2)
		return NAN;
	return sqrt(returns.squares / (double)returns.n) * sqrt(1440);
}

/* ---- momentum ---- */

static bool starts_known(const struct market *market, int32_t minutes)
{
	struct window first;
	market_window_back(market, 1, minutes - 1, &first);
	return first.present == 1;
}

static struct momentum_window momentum_of(const struct market *market, int32_t minutes)
{
	struct momentum_window out = { minutes, NAN, NAN, NAN, false };
	struct window window;
	market_window(market, minutes, &window);
	if (!starts_known(market, minutes) || window.open == 0)
		return out;
	int64_t moved = window.close - window.open, delta = window.flow.buy - window.flow.sell;
	out.change = (double)moved / (double)window.open;
	out.per_atr = (double)moved / price_unit(market) / market_atr(market, minutes);
	if (!isfinite(out.per_atr))
		out.per_atr = NAN; /* an ATR of 0 */
	out.delta_share = flow_imbalance(&window.flow);
	out.agree = (moved > 0 && delta > 0) || (moved < 0 && delta < 0);
	return out;
}

void market_momentum(const struct market *market, struct momentum_window out[MOMENTUM_WINDOWS])
{
	static const int32_t lengths[MOMENTUM_WINDOWS] = { 1, 5, 15, 30, 60 };
	for (int i = 0; i < MOMENTUM_WINDOWS; i++)
		out[i] = momentum_of(market, lengths[i]);
}
