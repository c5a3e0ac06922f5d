/* What happens: trades, liquidations, cascades, terminals, and the passing of time. */
#include "base/check.h"
#include "rules/rules_impl.h"

static bool is_old(const struct rules *rules, int64_t t_ms)
{
	return t_ms < rules->now_ms - rules->config.stale_ms;
}

/* ---- trades ---- */

/* Every rule of the group that the value reaches and that watches this market is told. The
 * cause says what is common to them. */
static void tell_event(struct rules *rules, struct rule_group *group, int64_t value,
		       const struct market_id *market, struct rule_cause *cause)
{
	uint32_t n = rule_group_hit(rules, group, value);
	group->busy = true;
	for (uint32_t i = 0; i < n; i++) {
		cause->rule = rules->hit[i];
		if (market && cause->rule->has_market &&
		    !market_id_eq(market, &cause->rule->market))
			continue;
		rule_tell(rules, cause);
	}
	group->busy = false;
	rule_group_drop(rules, group);
}

static inline bool reaches(const struct rule_watch *watch, const struct trade *trade)
{
	return trade->price >= watch->up || trade->price <= watch->down ||
	       (double)trade->price * (double)trade->qty >= watch->whale_near;
}

/* Apart, so that the many trades that reach nothing do not pay for what this needs. */
static __attribute__((noinline)) void take_trade(struct rules *rules, struct rule_watch *watch,
						 const struct trade *trade)
{
	struct rule_cause whale = { .market = watch->market, .trade = trade };
	rule_watch_rescale(rules, watch);
	if (!reaches(watch, trade))
		return;
	if (is_old(rules, trade->t_ms)) {
		rules->counts.late++;
		return;
	}
	int64_t dollars =
	    rule_dollars((i128)trade->price * trade->qty, watch->price_scale + watch->qty_scale);
	if (watch->whale)
		tell_event(rules, watch->whale, dollars, market_id(watch->market), &whale);
	if (watch->price)
		rule_group_value(rules, watch->price, trade->price);
}

void rules_trade(struct rules *rules, const struct market *market, const struct trade *trade)
{
	struct rule_watch *watch = rules_watch(rules, market);
	int32_t price_scale, qty_scale;
	if (!watch)
		return;
	market_scales(market, &price_scale, &qty_scale);
	if (price_scale != watch->price_scale || qty_scale != watch->qty_scale ||
	    reaches(watch, trade))
		take_trade(rules, watch, trade);
}

/* ---- liquidations ---- */

static struct rule_group *group_of(struct rules *rules, enum rule_metric metric, struct str name)
{
	char text[RULE_KEY_MAX];
	struct buf key = buf_over(text, sizeof text);
	rule_group_key(&key, metric, 0, name);
	return key.overflow ? NULL : rule_group_find(rules, buf_str(&key));
}

void rules_liquidation(struct rules *rules, const struct liquidation *liquidation)
{
	struct str base, quote;
	market_id_assets(&liquidation->market, &base, &quote);
	struct rule_group *group = group_of(rules, RULE_liquidation, base);
	if (!group || is_old(rules, liquidation->t_ms))
		return;
	struct rule_cause cause = {
		.market = markets_find(rules->markets, &liquidation->market),
		.liquidation = liquidation,
	};
	tell_event(rules, group, rule_cut(liquidation->quote_e8), &liquidation->market, &cause);
}

void rules_cascade(struct rules *rules, const struct cascade *cascade)
{
	struct rule_group *group = group_of(rules, RULE_cascade, str_of(cascade->asset));
	if (!group || !cascade->active || is_old(rules, cascade->last_ms))
		return;
	struct market *named[1] = { NULL };
	if (!markets_named(rules->markets, str_of(cascade->asset), named, 1))
		named[0] = NULL;
	struct rule_cause cause = { .market = named[0], .cascade = cascade };
	tell_event(rules, group, (int64_t)(cascade->risk * 1e6), NULL, &cause);
}

/* ---- terminals ---- */

static bool is_meant(int32_t event, const struct rule_cause *cause)
{
	if (event == RULE_EVENT_ANY)
		return true;
	if (cause->suspect)
		return event == RULE_EVENT_SUSPECT;
	return event == (int32_t)cause->instance->state;
}

static void tell_instance(struct rules *rules, struct str name, struct rule_cause *cause)
{
	struct rule_group *group = group_of(rules, RULE_terminal, name);
	if (!group)
		return;
	uint32_t n = rule_group_hit(rules, group, INT64_MAX);
	group->busy = true;
	for (uint32_t i = 0; i < n; i++) {
		cause->rule = rules->hit[i];
		if (is_meant(cause->rule->spec.event, cause))
			rule_tell(rules, cause);
	}
	group->busy = false;
	rule_group_drop(rules, group);
}

/* True: it was not, and is now. */
static bool becomes_suspect(struct rules *rules, const struct instance *instance)
{
	CHECK(instance->slot < RULE_SLOTS);
	uint8_t bit = (uint8_t)(1u << (instance->slot % 8)),
		*byte = &rules->suspect[instance->slot / 8];
	bool was = *byte & bit, is = instance->flags & INSTANCE_SUSPECT;
	*byte = (uint8_t)(is ? *byte | bit : *byte & ~bit);
	return is && !was;
}

void rules_instance(struct rules *rules, const struct instance *instance, enum instance_state from)
{
	struct rule_cause cause = { .instance = instance, .from = from };
	cause.suspect = becomes_suspect(rules, instance);
	if (cause.suspect) {
		tell_instance(rules, str_of(instance->identity.id), &cause);
		tell_instance(rules, STR("all"), &cause);
	}
	cause.suspect = false;
	if (instance->state == from)
		return;
	tell_instance(rules, str_of(instance->identity.id), &cause);
	tell_instance(rules, STR("all"), &cause);
}

/* ---- time ---- */

static void look(struct rules *rules, struct rule_group *group)
{
	int64_t value;
	int32_t scale;
	if (!group->market || group->metric == RULE_price ||
	    rule_metric_row(group->metric)->kind != RULE_LEVEL)
		return;
	if (!rule_look(rules, group, &value, &scale))
		return;
	rule_group_rescale(rules, group, scale);
	rule_group_value(rules, group, value);
}

/* What is left of the round before is done; one that comes late is not caught up. */
static void begin_round(struct rules *rules)
{
	while (rules->round_begun && rules->next < rules->counts.groups)
		look(rules, rules->groups[rules->next++]);
	int64_t passed = rules->now_ms - rules->round_ms;
	bool in_step = rules->round_begun && passed >= 0 && passed < 2 * RULE_ROUND_MS;
	rules->round_ms = in_step ? rules->round_ms + RULE_ROUND_MS : rules->now_ms;
	rules->round_begun = true;
	rules->next = 0;
}

/* When the round comes to the next group. Groups are looked at in lots: of one market they read
 * the same, which is near then; the lot that begins with place i of n is due at i / n of the
 * round's second. */
static int64_t due_ms(const struct rules *rules)
{
	int64_t n = rules->counts.groups, lot = rules->next - rules->next % RULE_LOT;
	if (rules->next >= n)
		return rules->round_ms + RULE_ROUND_MS;
	return rules->round_ms + (lot * RULE_ROUND_MS + n - 1) / n;
}

/* Groups may come and go while one is told of. */
static bool is_due(const struct rules *rules)
{
	return rules->next < rules->counts.groups && rules->now_ms >= due_ms(rules);
}

static __attribute__((noinline)) void go_round(struct rules *rules)
{
	int64_t passed = rules->now_ms - rules->round_ms;
	rules->minute.market = NULL;
	if (markets_count(rules->markets) != rules->n_markets)
		rules_bind(rules);
	if (!rules->round_begun || passed >= RULE_ROUND_MS || passed < 0)
		begin_round(rules);
	while (is_due(rules))
		look(rules, rules->groups[rules->next++]);
	rules->due_ms = due_ms(rules);
}

void rules_step(struct rules *rules, int64_t now_ms)
{
	rules->now_ms = now_ms;
	if (!rules->round_begun || now_ms >= rules->due_ms || now_ms < rules->round_ms ||
	    markets_count(rules->markets) != rules->n_markets)
		go_round(rules);
}
