/* Whether a rule is told, to whom and how often, and what is said. */
#include <stdlib.h>

#include "base/check.h"
#include "rules/rules_impl.h"

/* ---- how often ---- */

static int64_t today(const struct rules *rules) { return rules->now_ms / RULE_DAY_MS; }

uint32_t rule_told_today(const struct rules *rules, const struct rule *rule)
{
	return rule->day == today(rules) ? rule->today : 0;
}

uint32_t rule_owner_told_today(const struct rules *rules, const struct rule_owner *owner)
{
	return owner->day == today(rules) ? owner->today : 0;
}

static bool is_snoozed(const struct rules *rules, const struct rule *rule)
{
	return rule->snooze_until_ms > rules->now_ms;
}

/* What the rule's owner has said, or been told. */
static enum rule_pause spared(const struct rules *rules, const struct rule *rule)
{
	if (rule->muted)
		return RULE_MUTED;
	if (is_snoozed(rules, rule))
		return RULE_SNOOZED;
	if (rule_told_today(rules, rule) >= rule->spec.cap)
		return RULE_CAPPED;
	if (rule_owner_told_today(rules, rule->owner) >= rules->config.owner_day_max)
		return RULE_OWNER_CAPPED;
	return RULE_ACTIVE;
}

static const struct market *market_of(const struct rules *rules, const struct rule *rule)
{
	if (rule->group->market)
		return rule->group->market;
	return markets_find(rules->markets, &rule->market);
}

/* Of an event it is its market's trades that must come. */
static enum rule_pause data_pause(const struct rules *rules, const struct rule *rule)
{
	const struct rule_metric_row *row = rule_metric_row(rule->spec.metric);
	int64_t value;
	int32_t scale;
	bool stale;
	if (row->scope == RULE_TERMINAL)
		return RULE_ACTIVE;
	const struct market *market = market_of(rules, rule);
	enum rule_metric metric = row->kind == RULE_LEVEL ? rule->spec.metric : RULE_price;
	if (!market || !rule_value(market, metric, rule->spec.minutes, rules->now_ms,
				   rules->config.stale_ms, &value, &scale, &stale))
		return RULE_NO_DATA;
	return stale ? RULE_STALE : RULE_ACTIVE;
}

enum rule_pause rule_pause_of(const struct rules *rules, const struct rule *rule)
{
	enum rule_pause pause = spared(rules, rule);
	return pause ? pause : data_pause(rules, rule);
}

static bool in_cooldown(const struct rules *rules, const struct rule *rule)
{
	int64_t passed = rules->now_ms - rule->fired_ms;
	return rule->fired_ms && passed >= 0 && passed < rule->spec.cooldown_ms;
}

static void count(struct rules *rules, struct rule *rule)
{
	struct rule_owner *owner = rule->owner;
	rule->today = rule_told_today(rules, rule) + 1;
	owner->today = rule_owner_told_today(rules, owner) + 1;
	rule->day = owner->day = today(rules);
	rule->fired_ms = rules->now_ms;
	rule->fired++;
	rules->counts.fired++;
}

/* ---- what is said ---- */

static void put_market(struct buf *out, const struct market *market)
{
	if (!market)
		return;
	buf_str_put(out, STR(" on "));
	market_id_print(out, market_id(market));
}

static void put_level(struct buf *out, const struct rule_cause *cause)
{
	const struct rule_spec *spec = &cause->rule->spec;
	rule_print_subject(out, spec);
	buf_str_put(out, spec->metric == RULE_price ? STR(" is ") : STR(" is at "));
	decimal_print_trim(out, cause->value, cause->rule->group->scale);
	if (strcmp(rule_metric_row(spec->metric)->unit, "%") == 0)
		buf_str_put(out, STR(" %"));
	if (!strchr(spec->subject, ':')) /* it was named in full already */
		put_market(out, cause->market);
}

static void put_trade(struct buf *out, const struct rule_cause *cause)
{
	int32_t price_scale, qty_scale;
	struct str base, quote;
	market_scales(cause->market, &price_scale, &qty_scale);
	market_id_assets(market_id(cause->market), &base, &quote);
	buf_printf(out, "%.*s whale %s ", STR_ARG(base),
		   cause->trade->side == SIDE_BUY ? "bought" : "sold");
	decimal_print_trim(out, cause->trade->qty, qty_scale);
	buf_str_put(out, STR(" at "));
	decimal_print_trim(out, cause->trade->price, price_scale);
	put_market(out, cause->market);
}

static void put_liquidation(struct buf *out, const struct rule_cause *cause)
{
	const struct liquidation *liquidation = cause->liquidation;
	struct str base, quote;
	market_id_assets(&liquidation->market, &base, &quote);
	buf_printf(out, "%.*s %s liquidated: ", STR_ARG(base),
		   liquidation->position == SIDE_BUY ? "long" : "short");
	decimal_print_trim(out, liquidation->quote_e8 / 1000000, 2);
	buf_str_put(out, STR(" USD at "));
	decimal_print_trim(out, liquidation->price.mantissa, liquidation->price.scale);
	buf_str_put(out, STR(" on "));
	market_id_print(out, &liquidation->market);
}

static void put_cascade(struct buf *out, const struct rule_cause *cause)
{
	const struct cascade *cascade = cause->cascade;
	buf_printf(out, "%s cascade of liquidations: %u of ", cascade->asset, cascade->n);
	decimal_print_trim(out, (cascade->long_e8 + cascade->short_e8) / 1000000, 2);
	buf_printf(out, " USD, %u long, %u short, risk %.2f", cascade->n_long, cascade->n_short,
		   cascade->risk);
}

static void put_instance(struct buf *out, const struct rule_cause *cause)
{
	const struct instance *instance = cause->instance;
	buf_printf(out, "%s ", instance->identity.id);
	if (cause->suspect)
		buf_str_put(out, STR("is suspect: nothing is heard of it"));
	else
		buf_printf(out, "went from %s to %s", instance_state_text(cause->from),
			   instance_state_text(instance->state));
	if (instance->reason[0])
		buf_printf(out, " (%.60s)", instance->reason);
}

static void put_cause(struct buf *out, const struct rule_cause *cause)
{
	const struct rule_spec *spec = &cause->rule->spec;
	if (cause->market && market_simulated(cause->market))
		buf_str_put(out, STR("SIMULATED "));
	switch (spec->metric) {
	case RULE_whale: put_trade(out, cause); break;
	case RULE_liquidation: put_liquidation(out, cause); break;
	case RULE_cascade: put_cascade(out, cause); break;
	case RULE_terminal: put_instance(out, cause); return;
	default: put_level(out, cause); break;
	}
	buf_str_put(out, STR(": "));
	rule_print_threshold(out, spec);
}

static void tell(struct rules *rules, const struct rule_cause *cause)
{
	char text[2 * RULE_MESSAGE_MAX];
	struct buf message = buf_over(text, sizeof text);
	struct rule_view view;
	if (!rules->hooks.on_fire)
		return;
	put_cause(&message, cause);
	if (message.len > RULE_MESSAGE_MAX)
		message.len = RULE_MESSAGE_MAX;
	rule_view_plain(rules, cause->rule, &view);
	if (rule_metric_row(view.spec.metric)->kind == RULE_LEVEL) {
		view.known = true;
		view.value = (struct decimal){ cause->value, cause->rule->group->scale };
		view.distance = 0;
	}
	rules->telling = true;
	rules->hooks.on_fire(rules->hooks.ctx, &view, buf_str(&message));
	rules->telling = false;
}

void rule_tell(struct rules *rules, const struct rule_cause *cause)
{
	struct rule *rule = cause->rule;
	CHECK(!rules->telling);
	if (spared(rules, rule) || in_cooldown(rules, rule)) {
		rule->suppressed++;
		rules->counts.suppressed++;
		return;
	}
	uint32_t id = rule->id;
	count(rules, rule);
	tell(rules, cause);
	if (rule->spec.once)
		rule_remove(rules, rule);
	rule_changed(rules, id);
}

void rule_changed(struct rules *rules, uint32_t id)
{
	if (rules->hooks.on_change)
		rules->hooks.on_change(rules->hooks.ctx, id);
}
