/* Swings of price against swings of CVD. Highs are lows of the negated series, so
 * each rule is written once. */
#include "market/analysis.h"

struct series {
	size_t n;
	int64_t price[DIVERGENCE_BARS]; /* low, or minus high */
	i128 cvd[DIVERGENCE_BARS];      /* at the bar's end, or minus it */
};

static struct series series_of(const struct bar *bars, const i128 *cvd, size_t n, bool highs)
{
	struct series out = { .n = n };
	for (size_t i = 0; i < n; i++) {
		out.price[i] = highs ? -bars[i].high : bars[i].low;
		out.cvd[i] = highs ? -cvd[i] : cvd[i];
	}
	return out;
}

static i128 value_at(const struct series *series, bool cvd, size_t i)
{
	return cvd ? series->cvd[i] : series->price[i];
}

static bool is_swing(const struct series *series, bool cvd, size_t i)
{
	i128 value = value_at(series, cvd, i);
	for (size_t wing = 1; wing <= SWING_WING; wing++)
		if (value >= value_at(series, cvd, i - wing) ||
		    value > value_at(series, cvd, i + wing))
			return false;
	return true;
}

/* Whether the last two swing lows of one fall while the other does not; *at is the
 * bar of the later one. */
static bool diverges(const struct series *series, bool cvd, size_t *at)
{
	size_t found[2], n = 0;
	for (size_t i = series->n; i-- > 0 && n < 2;)
		if (i >= SWING_WING && i + SWING_WING < series->n && is_swing(series, cvd, i))
			found[n++] = i;
	if (n < 2)
		return false;
	*at = found[0];
	return value_at(series, cvd, found[0]) < value_at(series, cvd, found[1]) &&
	       value_at(series, !cvd, found[0]) >= value_at(series, !cvd, found[1]);
}

enum divergence market_divergence(const struct market *market, int32_t minutes)
{
	static const enum divergence names[2][2] = {
		{ DIVERGENCE_SELLER_EXHAUSTION, DIVERGENCE_BUYER_ABSORPTION },
		{ DIVERGENCE_BUYER_EXHAUSTION, DIVERGENCE_SELLER_ABSORPTION },
	};
	struct bar bars[DIVERGENCE_BARS + 1];
	i128 cvd[DIVERGENCE_BARS + 1], sum = 0;
	size_t n = market_bars(market, minutes, bars, NULL, DIVERGENCE_BARS + 1);
	for (size_t i = 0; i < n; i++) /* swings are the same wherever CVD begins */
		cvd[i] = sum += (i128)bars[i].buy - bars[i].sell;
	enum divergence found = DIVERGENCE_NONE;
	size_t latest = 0, at = 0;
	for (int highs = 0; n > 0 && highs < 2; highs++) {
		struct series series = series_of(bars, cvd, n - 1, highs); /* not the open bar */
		for (int of_cvd = 0; of_cvd < 2; of_cvd++) {
			if (!diverges(&series, of_cvd, &at) || at <= latest)
				continue;
			latest = at;
			found = names[highs][of_cvd];
		}
	}
	return found;
}

/* The bars' sums are those of one window. */
enum trend market_cvd_trend(const struct market *market, int32_t minutes)
{
	int64_t newest = market_newest_ms(market) / MINUTE_MS;
	int64_t span = newest % minutes + 1 + (TREND_BARS - 1) * (int64_t)minutes;
	struct window window;
	market_window(market, span < MARKET_MINUTES ? (int32_t)span : MARKET_MINUTES, &window);
	i128 delta = (i128)window.flow.buy - window.flow.sell;
	i128 volume = (i128)window.flow.buy + window.flow.sell;
	if (volume == 0)
		return TREND_NONE;
	if (delta * 20 > volume)
		return TREND_UP;
	return delta * 20 < -volume ? TREND_DOWN : TREND_FLAT;
}
