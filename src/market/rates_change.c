/* The definitions of market.md 3 for open interest and funding. */
#include <math.h>

#include "base/check.h"
#include "market/market.h"

/* Open interest may be newer than the newest trade by so many minutes: a thin market. */
enum { OI_AHEAD_MAX = 2 };

const char *oi_class_text(enum oi_class class)
{
	static const char *const texts[] = { "n/a", "NEW LONGS", "NEW SHORTS", "LONG LIQUIDATION",
					     "SHORT SQUEEZE" };
	CHECK((size_t) class < ARRAY_LEN(texts));
	return texts[class];
}

const char *funding_pressure_text(enum funding_pressure pressure)
{
	static const char *const texts[] = { "n/a",           "NEUTRAL",      "NORMAL",
					     "LONG PRESSURE", "LONG SQUEEZE", "SHORT PRESSURE",
					     "SHORT SQUEEZE" };
	CHECK((size_t)pressure < ARRAY_LEN(texts));
	return texts[pressure];
}

/* The bounds of percent, a hundredth of them: so a rate of exactly a bound, which is the
 * venues' usual one (0.0001), compares as equal and not by how a product was rounded. */
enum funding_pressure funding_pressure_of(double rate)
{
	double size = fabs(rate);
	bool longs = rate > 0;
	if (isnan(rate))
		return FUNDING_NONE;
	if (size < 0.00001)
		return FUNDING_NEUTRAL;
	if (size > 0.0001)
		return longs ? FUNDING_LONG_SQUEEZE : FUNDING_SHORT_SQUEEZE;
	if (size > 0.00005)
		return longs ? FUNDING_LONG_PRESSURE : FUNDING_SHORT_PRESSURE;
	return FUNDING_NORMAL;
}

double funding_annual(double rate, int32_t interval_min)
{
	return interval_min > 0 ? rate * (24 * 60.0 / interval_min) * 365 : NAN;
}

/* ---- open interest against the price ---- */

static bool is_known(const struct market *market, int32_t back)
{
	struct window minute;
	market_window_back(market, 1, back, &minute);
	return minute.present == 1;
}

/* The sign of the price's move between two samples, from the minute that begins nearest to
 * the first to the minute of the second; 0 where either end is not known. */
static int price_move(const struct market *market, int64_t from_ms, int64_t to_ms)
{
	int64_t newest = market_newest_ms(market) / MINUTE_MS;
	int64_t first = (from_ms + MINUTE_MS / 2) / MINUTE_MS, last = to_ms / MINUTE_MS;
	struct window window;
	if (last > newest + OI_AHEAD_MAX)
		return 0;
	if (last > newest)
		last = newest;
	if (first > last || newest - first >= MARKET_MINUTES)
		return 0;
	int32_t minutes = (int32_t)(last - first) + 1, back = (int32_t)(newest - last);
	market_window_back(market, minutes, back, &window);
	if (!window.open || !is_known(market, back) || !is_known(market, back + minutes - 1))
		return 0;
	return (window.close > window.open) - (window.close < window.open);
}

static enum oi_class class_of(int oi, int price)
{
	if (!oi || !price)
		return OI_CLASS_NONE;
	if (oi > 0)
		return price > 0 ? OI_NEW_LONGS : OI_NEW_SHORTS;
	return price > 0 ? OI_SHORT_SQUEEZE : OI_LONG_LIQUIDATION;
}

static i128 at_scale(struct decimal qty, int32_t scale)
{
	return (i128)qty.mantissa * decimal_pow10(scale - qty.scale);
}

void market_oi_change(const struct market *market, int32_t minutes, struct oi_change *out)
{
	const struct rates *rates = market_rates(market);
	struct oi_sample now, before;
	CHECK(minutes >= 1);
	*out = (struct oi_change){ .absolute = NAN, .percent = NAN };
	if (!rates_oi(rates, &now) ||
	    !rates_oi_at(rates, now.t_ms - minutes * (int64_t)MINUTE_MS, &before))
		return;
	out->scale = now.qty.scale > before.qty.scale ? now.qty.scale : before.qty.scale;
	i128 base = at_scale(before.qty, out->scale);
	out->exact = at_scale(now.qty, out->scale) - base;
	out->absolute = decimal_to_double(out->exact, out->scale);
	if (base)
		out->percent = 100 * (double)out->exact / (double)base;
	out->class = class_of((out->exact > 0) - (out->exact < 0),
			      price_move(market, before.t_ms, now.t_ms));
}
