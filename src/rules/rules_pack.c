/* A rule as one line for the store:
 *   1 ID OWNER STATE MARKET ONLY MUTED SNOOZE CREATED FIRED_MS FIRED SUPPRESSED DAY TODAY TEXT
 * The version first; MARKET "-" where there is none, ONLY 1 where it watches that one alone;
 * TEXT as people write it, to the end. Later versions may only be read by later programs. */
#include "base/check.h"
#include "rules/rules_impl.h"

enum { VERSION = 1 };

bool rule_pack(const struct rules *rules, uint32_t id, struct buf *out)
{
	const struct rule *rule = rule_find(rules, id);
	if (!rule)
		return false;
	buf_printf(out, "%d %u %s %d ", VERSION, id, rule->owner->name, (int)rule->state);
	if (rule->market.symbol[0])
		market_id_print(out, &rule->market);
	else
		buf_char(out, '-');
	buf_printf(out, " %d %d %lld %lld %lld %llu %llu %lld %u ", rule->has_market, rule->muted,
		   (long long)rule->snooze_until_ms, (long long)rule->created_ms,
		   (long long)rule->fired_ms, (unsigned long long)rule->fired,
		   (unsigned long long)rule->suppressed, (long long)rule->day, rule->today);
	rule_print(out, &rule->spec);
	return true;
}

/* The next word as a number of 0..max. */
static bool number(struct str *rest, int64_t max, int64_t *out)
{
	struct str word;
	return str_split(rest, ' ', &word) && !str_to_i64(word, out) && *out >= 0 && *out <= max;
}

static bool read_counts(struct str *rest, struct rule *rule)
{
	int64_t has_market, muted, fired, suppressed, told;
	if (!number(rest, 1, &has_market) || !number(rest, 1, &muted) ||
	    !number(rest, INT64_MAX, &rule->snooze_until_ms) ||
	    !number(rest, INT64_MAX, &rule->created_ms) ||
	    !number(rest, INT64_MAX, &rule->fired_ms) || !number(rest, INT64_MAX, &fired) ||
	    !number(rest, INT64_MAX, &suppressed) || !number(rest, INT64_MAX, &rule->day) ||
	    !number(rest, RULE_CAP_MAX, &told))
		return false;
	rule->has_market = has_market;
	rule->muted = muted;
	rule->fired = (uint64_t)fired;
	rule->suppressed = (uint64_t)suppressed;
	rule->today = (uint32_t)told;
	return true;
}

/* What the metric needs is there: a market where it watches one, or an asset's. */
static bool fits(const struct rule *rule)
{
	enum rule_scope scope = rule_metric_row(rule->spec.metric)->scope;
	bool there = rule->market.symbol[0];
	if (scope == RULE_TERMINAL)
		return !there && !rule->has_market;
	if (!there || (scope == RULE_PERP && rule->market.kind != KIND_PERP))
		return false;
	if (scope == RULE_ASSET)
		return market_id_is_dollar(&rule->market) &&
		       !(rule->has_market && rule->spec.metric == RULE_cascade);
	return rule->has_market;
}

static enum status malformed(struct err *err)
{
	return err_set(err, STATUS_FORMAT, "a stored alert is malformed");
}

enum status rules_restore(struct rules *rules, struct str packed, struct err *err)
{
	struct rule rule = { 0 };
	struct str rest = packed, owner, market;
	int64_t version, id, state;
	if (!packed.ptr || !number(&rest, INT64_MAX, &version))
		return malformed(err);
	if (version != VERSION)
		return err_set(err, STATUS_VERSION, "a stored alert has version %lld",
			       (long long)version);
	if (!number(&rest, UINT32_MAX, &id) || !id || !str_split(&rest, ' ', &owner) ||
	    !rule_is_owner(owner) || !number(&rest, RULE_FIRED, &state) ||
	    !str_split(&rest, ' ', &market))
		return malformed(err);
	if (!str_eq(market, STR("-")) && market_id_parse(market, &rule.market))
		return malformed(err);
	if (!read_counts(&rest, &rule) || !rest.ptr || rule_parse(rest, &rule.spec, NULL) ||
	    !fits(&rule))
		return malformed(err);
	rule.id = (uint32_t)id;
	bool event = rule_metric_row(rule.spec.metric)->kind == RULE_EVENT;
	rule.state = event ? RULE_ARMED : (enum rule_state)state;
	return rules_put(rules, owner, &rule, err);
}
