/* How often a rule would have been told in the last day, from what is in memory. */
#include <stdlib.h>

#include "base/check.h"
#include "rules/rules_impl.h"

enum { DAY_MINUTES = 1440, EVENTS_MAX = MARKETS_MAX * MARKET_WHALES };

/* One rule over values of the past; told as rules_group.c and rules_tell.c have it. */
struct past {
	const struct rule_spec *spec;
	struct rule_past *out;
	int64_t fire, arm_first, arm_told;
	enum rule_state state;
	int64_t fired_ms, day;
	uint32_t today;
};

static void begin(struct past *past, const struct rule_spec *spec, int32_t scale,
		  struct rule_past *out)
{
	bool event = rule_metric_row(spec->metric)->kind == RULE_EVENT;
	*past = (struct past){
		.spec = spec,
		.out = out,
		.fire = rule_bound(spec, scale),
		.arm_first = rule_arm_bound(spec, scale, false),
		.arm_told = rule_arm_bound(spec, scale, true),
		.state = event ? RULE_ARMED : RULE_WAITING,
	};
}

static bool reaches(bool up, int64_t value, int64_t bound)
{
	return up ? value >= bound : value <= bound;
}

static void tell(struct past *past, int64_t t_ms)
{
	struct rule_past *out = past->out;
	const struct rule_spec *spec = past->spec;
	if (past->day != t_ms / RULE_DAY_MS) {
		past->day = t_ms / RULE_DAY_MS;
		past->today = 0;
	}
	if (t_ms < out->from_ms || past->today >= spec->cap || (spec->once && out->count) ||
	    (past->fired_ms && t_ms - past->fired_ms < spec->cooldown_ms))
		return;
	past->fired_ms = t_ms;
	past->today++;
	if (out->count < RULE_PAST_MAX)
		out->at_ms[out->count] = t_ms;
	out->count++;
}

static void take(struct past *past, int64_t value, int64_t t_ms)
{
	bool up = rule_is_up(past->spec);
	if (past->state != RULE_ARMED) {
		int64_t arm = past->state == RULE_FIRED ? past->arm_told : past->arm_first;
		if (reaches(!up, value, arm))
			past->state = RULE_ARMED;
	} else if (reaches(up, value, past->fire)) {
		past->state = RULE_FIRED;
		tell(past, t_ms);
	}
}

/* ---- levels ---- */

/* Between open and close of a minute the way to the farther end is taken to be the later. */
static void past_price(const struct market *market, struct past *past)
{
	struct market_cursor cursor = { 0 };
	struct bar bar;
	while (market_next_minute(market, &cursor, &bar)) {
		int64_t t_ms = bar.minute_ms;
		bool rises = bar.close >= bar.open;
		if (t_ms + MINUTE_MS <= past->out->from_ms || bar.close <= 0)
			continue;
		take(past, bar.open, t_ms);
		take(past, rises ? bar.low : bar.high, t_ms);
		take(past, rises ? bar.high : bar.low, t_ms);
		take(past, bar.close, t_ms + MINUTE_MS - 1);
	}
}

struct change {
	int64_t minute_ms, delta;
};

static bool past_delta(const struct market *market, int32_t minutes, struct past *past)
{
	struct change *changes = calloc(MARKET_MINUTES, sizeof *changes);
	struct market_cursor cursor = { 0 };
	struct bar bar;
	size_t n = 0, first = 0;
	i128 sum = 0;
	while (changes && n < MARKET_MINUTES && market_next_minute(market, &cursor, &bar)) {
		int64_t from_ms = bar.minute_ms - (int64_t)(minutes - 1) * MINUTE_MS;
		changes[n++] = (struct change){ bar.minute_ms, bar.buy - bar.sell };
		sum += bar.buy - bar.sell;
		for (; changes[first].minute_ms < from_ms; first++)
			sum -= changes[first].delta;
		if (changes[0].minute_ms <= from_ms && bar.minute_ms >= past->out->from_ms)
			take(past, rule_cut(sum), bar.minute_ms + MINUTE_MS - 1);
	}
	free(changes);
	return changes != NULL;
}

/* The minutes go into a market of their own, and each is looked at as it is there. */
static bool past_volume(const struct market *market, int32_t minutes, struct past *past)
{
	const struct market_config config = { .whale_quote = INT64_MAX / 2 };
	struct market *copy = market_create(market_id(market), &config);
	struct market_cursor cursor = { 0 };
	struct bar bar;
	int32_t price_scale, qty_scale;
	int64_t value;
	market_scales(market, &price_scale, &qty_scale);
	while (copy && market_next_minute(market, &cursor, &bar)) {
		if (!market_restore_bar(copy, &bar, price_scale, qty_scale) &&
		    bar.minute_ms >= past->out->from_ms && rule_volume(copy, minutes, &value))
			take(past, value, bar.minute_ms + MINUTE_MS - 1);
	}
	market_destroy(copy);
	return copy != NULL;
}

static void past_oi(const struct rates *rates, int32_t minutes, struct past *past)
{
	struct oi_sample sample;
	int64_t value;
	for (size_t i = 0; rates_oi_sample(rates, i, &sample); i++)
		if (sample.t_ms >= past->out->from_ms &&
		    rule_oi_change(rates, sample, minutes, &value))
			take(past, value, sample.t_ms);
}

static bool past_level(const struct market *market, const struct rule_spec *spec,
		       struct rule_past *out)
{
	struct past past;
	int32_t price_scale, qty_scale, minutes = spec->minutes;
	struct oi_sample newest = { 0 };
	market_scales(market, &price_scale, &qty_scale);
	out->to_ms = market_newest_ms(market);
	out->basis = "minutes";
	if (spec->metric == RULE_oi) {
		out->basis = "samples of open interest, one a minute";
		out->to_ms = rates_oi(market_rates(market), &newest) ? newest.t_ms : 0;
	}
	out->from_ms = out->to_ms > RULE_DAY_MS ? out->to_ms - RULE_DAY_MS : 0;
	out->possible = out->to_ms > 0;
	if (!out->possible) {
		out->basis = "nothing is known of it yet";
		return true;
	}
	begin(&past, spec,
	      spec->metric == RULE_price   ? price_scale
	      : spec->metric == RULE_delta ? qty_scale
					   : RULE_MILLIONTHS,
	      out);
	switch (spec->metric) {
	case RULE_price: past_price(market, &past); return true;
	case RULE_delta: return past_delta(market, minutes, &past);
	case RULE_volume: return past_volume(market, minutes, &past);
	default: past_oi(market_rates(market), minutes, &past); return true;
	}
}

/* ---- events ---- */

struct happened {
	int64_t t_ms, value;
};

static int by_time(const void *a, const void *b)
{
	const struct happened *x = a, *y = b;
	return x->t_ms < y->t_ms ? -1 : x->t_ms > y->t_ms;
}

static size_t liquidations_of(const struct rules *rules, struct str asset, struct rule_past *out,
			      struct happened *events)
{
	static_assert((int)LIQUIDATIONS_KEPT <= (int)EVENTS_MAX, "room");
	const struct liquidations *all = markets_liquidations(rules->markets);
	struct liquidation last[LIQUIDATIONS_KEPT];
	size_t count = liquidations_last(all, asset, last, LIQUIDATIONS_KEPT), n = 0;
	out->basis = "the newest liquidations";
	out->at_least = count == LIQUIDATIONS_KEPT;
	for (size_t i = 0; i < count; i++) {
		out->at_least |= last[i].sampled;
		if (!out->has_market || market_id_eq(&last[i].market, &out->market))
			events[n++] = (struct happened){ last[i].t_ms, rule_cut(last[i].quote_e8) };
	}
	return n;
}

static size_t cascades_of(const struct rules *rules, struct str asset, struct rule_past *out,
			  struct happened *events)
{
	struct cascade last[CASCADES_KEPT];
	size_t count =
		   liquidations_cascades(markets_liquidations(rules->markets), last, CASCADES_KEPT),
	       n = 0;
	out->basis = "the newest cascades";
	out->at_least = count == CASCADES_KEPT;
	for (size_t i = 0; i < count; i++)
		if (str_eq(str_of(last[i].asset), asset))
			events[n++] =
			    (struct happened){ last[i].began_ms, (int64_t)(last[i].risk * 1e6) };
	return n;
}

static size_t whales_of(const struct market *market, struct happened *events)
{
	struct large_trade last[MARKET_WHALES];
	int32_t price_scale, qty_scale;
	size_t n = market_whales(market, last, MARKET_WHALES);
	market_scales(market, &price_scale, &qty_scale);
	for (size_t i = 0; i < n; i++) {
		i128 notional = (i128)last[i].price * last[i].qty;
		events[i] = (struct happened){ last[i].t_ms,
					       rule_dollars(notional, price_scale + qty_scale) };
	}
	return n;
}

static size_t whales_of_asset(const struct rules *rules, struct str asset, struct rule_past *out,
			      struct happened *events)
{
	size_t n = 0;
	out->basis = "the newest whale trades of each market";
	out->at_least = true;
	for (size_t i = 0; i < markets_count(rules->markets); i++) {
		const struct market *market = markets_at(rules->markets, i);
		struct str base, quote;
		market_id_assets(market_id(market), &base, &quote);
		if (!str_eq(base, asset) || !market_id_is_dollar(market_id(market)) ||
		    (out->has_market && !market_id_eq(market_id(market), &out->market)))
			continue;
		n += whales_of(market, events + n);
		if (market_newest_ms(market) > out->to_ms)
			out->to_ms = market_newest_ms(market);
	}
	return n;
}

static bool past_events(const struct rules *rules, const struct rule_spec *spec,
			struct rule_past *out)
{
	struct happened *events = calloc(EVENTS_MAX, sizeof *events);
	struct past past;
	struct str asset, quote;
	size_t n = 0;
	if (!events)
		return false;
	market_id_assets(&out->market, &asset, &quote);
	begin(&past, spec, spec->metric == RULE_cascade ? RULE_MILLIONTHS : RULE_DOLLAR_SCALE, out);
	out->to_ms = liquidations_newest_ms(markets_liquidations(rules->markets));
	if (spec->metric == RULE_whale)
		n = whales_of_asset(rules, asset, out, events);
	else if (spec->metric == RULE_cascade)
		n = cascades_of(rules, asset, out, events);
	else
		n = liquidations_of(rules, asset, out, events);
	out->from_ms = out->to_ms > RULE_DAY_MS ? out->to_ms - RULE_DAY_MS : 0;
	out->possible = true;
	qsort(events, n, sizeof *events, by_time);
	for (size_t i = 0; i < n; i++)
		if (events[i].value >= past.fire)
			tell(&past, events[i].t_ms);
	free(events);
	return true;
}

enum status rules_past(const struct rules *rules, const struct rule_spec *spec,
		       struct rule_past *out, struct err *err)
{
	*out = (struct rule_past){ .basis = "what terminals did is not kept in memory" };
	enum status status = rules_choose(rules, spec, &out->has_market, &out->market, err);
	if (status || spec->metric == RULE_terminal)
		return status;
	if (spec->metric == RULE_funding) {
		out->basis = "the funding rates of the past are not kept in memory";
		return STATUS_OK;
	}
	bool done = rule_metric_row(spec->metric)->kind == RULE_EVENT
			? past_events(rules, spec, out)
			: past_level(markets_find(rules->markets, &out->market), spec, out);
	return done ? STATUS_OK
		    : err_set(err, STATUS_NO_MEMORY, "There is no memory for a dry run.");
}
