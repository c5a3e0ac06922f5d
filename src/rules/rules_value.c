/* What levels are worth now. */
#include <math.h>

#include "base/check.h"
#include "market/analysis.h"
#include "rules/rules_impl.h"

enum {
	SPIKE_BARS_LEAST = 25, /* of the 50 before: fewer say nothing of what is usual */
	FUNDING_RAISE = 18,    /* a rate's digits, as a percentage at RULE_FUNDING_SCALE */
};
#define SPIKE_PRO_RATA (1.0 / 3) /* of the open bar; until then its volume counts as traded */
#define MILLION        INT64_C(1000000)

int64_t rule_cut(i128 value)
{
	if (value >= INT64_MAX)
		return INT64_MAX - 1;
	return value <= INT64_MIN ? INT64_MIN + 1 : (int64_t)value;
}

int64_t rule_dollars(i128 notional, int32_t scale)
{
	for (; scale > RULE_DOLLAR_SCALE; scale--)
		notional /= 10;
	for (; scale < RULE_DOLLAR_SCALE; scale++)
		if (__builtin_mul_overflow(notional, (i128)10, &notional))
			return INT64_MAX - 1;
	return rule_cut(notional);
}

static bool price_of(const struct market *market, int64_t *value, int32_t *scale)
{
	struct window window;
	int32_t qty_scale;
	market_scales(market, scale, &qty_scale);
	market_window(market, 1, &window);
	*value = rule_cut(window.close);
	return window.close > 0;
}

/* Known once the first minute of the window is. */
static bool delta_of(const struct market *market, int32_t minutes, int64_t *value, int32_t *scale)
{
	struct window window, first;
	int32_t price_scale;
	market_scales(market, &price_scale, scale);
	market_window_back(market, 1, minutes - 1, &first);
	market_window(market, minutes, &window);
	*value = rule_cut((i128)window.flow.buy - window.flow.sell);
	return first.present == 1;
}

static bool in_millionths(double percent, int64_t *value)
{
	if (!isfinite(percent) || fabs(percent) > 1e12)
		return false;
	*value = (int64_t)(percent * 1e6);
	return true;
}

static double bar_elapsed(const struct market *market, int32_t minutes, int64_t *bar_ms)
{
	int64_t length = minutes * (int64_t)MINUTE_MS, newest = market_newest_ms(market);
	*bar_ms = newest - newest % length;
	return (double)(newest - *bar_ms) / (double)length;
}

static bool over_median(double current, double median, double elapsed, int64_t *value)
{
	double whole = elapsed >= SPIKE_PRO_RATA ? current / elapsed : current;
	return in_millionths((whole / median - 1) * 100, value);
}

static bool median_of(const struct spike *spike, double *median)
{
	*median = spike->baseline;
	return spike->bars >= SPIKE_BARS_LEAST && spike->baseline > 0;
}

bool rule_volume(const struct market *market, int32_t minutes, int64_t *value)
{
	struct spike spike;
	int64_t bar_ms;
	double median;
	market_spike(market, minutes, &spike);
	return median_of(&spike, &median) &&
	       over_median(spike.current, median, bar_elapsed(market, minutes, &bar_ms), value);
}

/* Once a step, however many groups are looked at in it. */
static const struct rule_minute *open_minute(struct rules *rules, const struct market *market)
{
	struct rule_minute *minute = &rules->minute;
	struct window window;
	if (minute->market == market)
		return minute;
	market_window(market, 1, &window);
	*minute = (struct rule_minute){ market, window.flow.buy, window.flow.sell };
	return minute;
}

/* The last `minutes` minutes. */
static void sum_window(struct rules *rules, struct rule_group *group, int32_t minutes, i128 *buy,
		       i128 *sell)
{
	const struct market *market = group->market;
	int64_t newest_ms = market_newest_ms(market), minute_ms = newest_ms - newest_ms % MINUTE_MS;
	int32_t price_scale, qty_scale;
	struct window window = { 0 };
	market_scales(market, &price_scale, &qty_scale);
	bool begins = group->closed_ms != minute_ms || group->closed_scale != qty_scale;
	if (begins || newest_ms - minute_ms < MARKET_LATE_MS) {
		if (minutes > 1)
			market_window_back(market, minutes - 1, 1, &window);
		group->closed_ms = minute_ms;
		group->closed_scale = qty_scale;
		group->closed_buy = window.flow.buy;
		group->closed_sell = window.flow.sell;
	}
	if (begins && group->metric == RULE_delta) {
		market_window_back(market, 1, minutes - 1, &window);
		group->closed_known = window.present == 1;
	}
	const struct rule_minute *minute = open_minute(rules, market);
	*buy = group->closed_buy + minute->buy;
	*sell = group->closed_sell + minute->sell;
}

static bool look_at_volume(struct rules *rules, struct rule_group *group, int64_t *value)
{
	const struct market *market = group->market;
	int32_t price_scale, qty_scale;
	i128 buy, sell;
	int64_t bar_ms, newest_ms = market_newest_ms(market);
	double elapsed = bar_elapsed(market, group->minutes, &bar_ms);
	if (bar_ms != group->bar_ms || newest_ms >= group->median_ms + MINUTE_MS) {
		struct spike spike;
		market_spike(market, group->minutes, &spike);
		group->has_median = median_of(&spike, &group->median);
		group->bar_ms = bar_ms;
		group->median_ms = newest_ms;
	}
	if (!group->has_median)
		return false;
	sum_window(rules, group, (int32_t)((newest_ms - bar_ms) / MINUTE_MS) + 1, &buy, &sell);
	market_scales(market, &price_scale, &qty_scale);
	return over_median(decimal_to_double(buy + sell, qty_scale), group->median, elapsed, value);
}

static bool look_at_delta(struct rules *rules, struct rule_group *group, int64_t *value,
			  int32_t *scale)
{
	int32_t price_scale;
	i128 buy, sell;
	market_scales(group->market, &price_scale, scale);
	sum_window(rules, group, group->minutes, &buy, &sell);
	*value = rule_cut(buy - sell);
	return group->closed_known;
}

static bool at_scale(struct decimal number, int32_t scale, i128 *out)
{
	return !__builtin_mul_overflow((i128)number.mantissa,
				       (i128)decimal_pow10(scale - number.scale), out);
}

bool rule_oi_change(const struct rates *rates, struct oi_sample newest, int32_t minutes,
		    int64_t *value)
{
	struct oi_sample before;
	i128 from, to, millionths;
	if (!rates_oi_at(rates, newest.t_ms - (int64_t)minutes * MINUTE_MS, &before) ||
	    before.qty.mantissa <= 0)
		return false;
	int32_t scale = newest.qty.scale > before.qty.scale ? newest.qty.scale : before.qty.scale;
	if (!at_scale(before.qty, scale, &from) || !at_scale(newest.qty, scale, &to) ||
	    __builtin_mul_overflow(to - from, (i128)100 * MILLION, &millionths))
		return false;
	*value = rule_cut(millionths / from);
	return true;
}

static bool oi_of(const struct rates *rates, int32_t minutes, int64_t *value, int64_t *t_ms)
{
	struct oi_sample newest;
	if (!rates_oi(rates, &newest))
		return false;
	*t_ms = newest.t_ms;
	return rule_oi_change(rates, newest, minutes, value);
}

static bool funding_of(const struct rates *rates, int64_t *value, int64_t *t_ms)
{
	struct funding_state funding;
	i128 percent;
	if (!rates_funding(rates, &funding) || !at_scale(funding.rate, FUNDING_RAISE, &percent))
		return false;
	*t_ms = funding.t_ms;
	*value = rule_cut(percent);
	return true;
}

bool rule_value(const struct market *market, enum rule_metric metric, int32_t minutes,
		int64_t now_ms, int64_t stale_ms, int64_t *value, int32_t *scale, bool *stale)
{
	const struct rates *rates = market_rates(market);
	int64_t t_ms = market_newest_ms(market), fresh_ms = stale_ms;
	bool known = false;
	*scale = RULE_MILLIONTHS;
	switch (metric) {
	case RULE_price: known = t_ms && price_of(market, value, scale); break;
	case RULE_delta: known = t_ms && delta_of(market, minutes, value, scale); break;
	case RULE_volume: known = t_ms && rule_volume(market, minutes, value); break;
	case RULE_oi:
		known = oi_of(rates, minutes, value, &t_ms);
		fresh_ms = RATES_OI_FRESH_MS;
		break;
	case RULE_funding:
		*scale = RULE_FUNDING_SCALE;
		known = funding_of(rates, value, &t_ms);
		fresh_ms = RATES_FRESH_MS;
		break;
	default: CHECK(!"a level");
	}
	*stale = now_ms - t_ms > fresh_ms;
	return known;
}

static int64_t oi_newest_ms(const struct rule_group *group, int64_t *qty)
{
	struct oi_sample sample;
	if (!rates_oi(market_rates(group->market), &sample))
		return 0;
	*qty = sample.qty.mantissa;
	return sample.t_ms;
}

static int64_t funding_newest_ms(const struct rule_group *group)
{
	struct funding_state funding;
	return rates_funding(market_rates(group->market), &funding) ? funding.t_ms : 0;
}

/* The time of what the group is about; false: it is old, or was looked at. */
static bool is_news(const struct rules *rules, struct rule_group *group)
{
	int64_t t_ms, fresh_ms = rules->config.stale_ms, qty = 0;
	if (group->metric == RULE_oi) {
		fresh_ms = RATES_OI_FRESH_MS;
		t_ms = oi_newest_ms(group, &qty);
	} else if (group->metric == RULE_funding) {
		fresh_ms = RATES_FRESH_MS;
		t_ms = funding_newest_ms(group);
	} else {
		t_ms = market_newest_ms(group->market);
	}
	if (!t_ms || rules->now_ms - t_ms > fresh_ms ||
	    (t_ms == group->looked_ms && qty == group->looked_qty))
		return false;
	group->looked_ms = t_ms;
	group->looked_qty = qty;
	return true;
}

bool rule_look(struct rules *rules, struct rule_group *group, int64_t *value, int32_t *scale)
{
	bool stale;
	if (!is_news(rules, group))
		return false;
	if (group->metric == RULE_delta)
		return look_at_delta(rules, group, value, scale);
	if (group->metric != RULE_volume)
		return rule_value(group->market, group->metric, group->minutes, rules->now_ms,
				  rules->config.stale_ms, value, scale, &stale) &&
		       !stale;
	*scale = RULE_MILLIONTHS;
	return look_at_volume(rules, group, value);
}
