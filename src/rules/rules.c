/* What people do with their rules. */
#include "rules/rules.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "rules/rules_impl.h"

enum { DAY_MINUTES = 1440 };

struct rules_config rules_config_default(void)
{
	return (struct rules_config){ .owner_max = 100,
				      .owner_day_max = 200,
				      .stale_ms = RULES_STALE_MS };
}

const char *rule_state_text(enum rule_state state)
{
	static const char *const words[] = { "waiting", "armed", "fired" };
	return words[state];
}

const char *rule_pause_text(enum rule_pause pause)
{
	static const char *const words[] = { "",       "muted",        "snoozed",
					     "capped", "owner_capped", "no_data",
					     "stale" };
	return words[pause];
}

struct rules *rules_create(struct markets *markets, const struct rules_config *config,
			   const struct rules_hooks *hooks)
{
	void *memory = calloc(1, sizeof(struct rules) + RULE_CACHE_LINE);
	if (!memory)
		return NULL;
	size_t beyond = (uintptr_t)memory % RULE_CACHE_LINE;
	struct rules *rules = (void *)((char *)memory + RULE_CACHE_LINE - beyond);
	rules->memory = memory;
	rules->markets = markets;
	rules->config = *config;
	rules->hooks = *hooks;
	rules->n_markets = markets_count(markets);
	return rules;
}

void rules_destroy(struct rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < RULE_BUCKETS; i++) {
		for (struct rule_owner *owner = rules->owners[i], *next; owner; owner = next) {
			next = owner->chain;
			free(owner);
		}
	}
	for (uint32_t i = 0; i < rules->counts.groups; i++) {
		free(rules->groups[i]->up.at);
		free(rules->groups[i]->down.at);
		free(rules->groups[i]);
	}
	for (size_t i = 0; i < RULE_BLOCKS; i++)
		free(rules->blocks[i]);
	free(rules->groups);
	free(rules->hit);
	free(rules->memory);
}

int64_t rules_now_ms(const struct rules *rules) { return rules->now_ms; }
struct rules_counts rules_counts(const struct rules *rules) { return rules->counts; }

/* ---- which market ---- */

static double day_volume(const struct market *market)
{
	struct window window;
	int32_t price_scale, qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	market_window(market, DAY_MINUTES, &window);
	return decimal_to_double(window.flow.buy_quote + window.flow.sell_quote,
				 price_scale + qty_scale);
}

static const struct market *busiest(struct market *const *named, size_t n, bool perps)
{
	const struct market *best = NULL;
	double most = 0;
	bool dollar = false;
	for (size_t i = 0; i < n; i++) {
		const struct market_id *id = market_id(named[i]);
		bool is_dollar = market_id_is_dollar(id);
		double volume = day_volume(named[i]);
		if ((perps && id->kind != KIND_PERP) || (dollar && !is_dollar))
			continue;
		if (best && is_dollar == dollar && volume <= most)
			continue;
		best = named[i];
		most = volume;
		dollar = is_dollar;
	}
	return best;
}

static enum status unknown(const struct rules *rules, const struct rule_spec *spec, struct err *err)
{
	if (markets_count(rules->markets) == 0)
		return err_set(err, STATUS_NOT_FOUND,
			       "No market is followed yet: ask again in a moment.");
	return err_set(err, STATUS_NOT_FOUND, "Unknown symbol '%s': no such market is followed.",
		       spec->subject);
}

enum status rules_choose(const struct rules *rules, const struct rule_spec *spec, bool *has_market,
			 struct market_id *out, struct err *err)
{
	enum rule_scope scope = rule_metric_row(spec->metric)->scope;
	bool full = strchr(spec->subject, ':') != NULL;
	struct market *named[MARKETS_MAX];
	*has_market = scope == RULE_MARKET || scope == RULE_PERP || (scope == RULE_ASSET && full);
	*out = (struct market_id){ 0 };
	if (scope == RULE_TERMINAL)
		return STATUS_OK;
	if (spec->metric == RULE_cascade && full)
		return err_set(
		    err, STATUS_INVALID,
		    "A cascade is of an asset over all its markets: write its symbol, not %s.",
		    spec->subject);
	size_t n = markets_named(rules->markets, str_of(spec->subject), named, MARKETS_MAX);
	if (!n)
		return unknown(rules, spec, err);
	const struct market *chosen = busiest(named, n, scope == RULE_PERP);
	if (!chosen)
		return err_set(err, STATUS_INVALID,
			       "No perpetual of %s is followed: spot has no %s.", spec->subject,
			       spec->metric == RULE_oi ? "open interest" : "funding");
	*out = *market_id(chosen);
	if (scope == RULE_ASSET && !market_id_is_dollar(out))
		return err_set(err, STATUS_INVALID,
			       "No market of %s is quoted in dollars: sizes would mean nothing.",
			       spec->subject);
	return STATUS_OK;
}

/* ---- in and out ---- */

bool rule_is_owner(struct str owner)
{
	for (size_t i = 0; i < owner.len; i++)
		if (owner.ptr[i] <= 0x20 || owner.ptr[i] >= 0x7F)
			return false;
	return owner.len && owner.len <= RULES_OWNER_MAX;
}

/* What is true now is waited out; what is not is armed. */
static void begin(struct rules *rules, struct rule *rule)
{
	struct rule_group *group = rule->group;
	int64_t value;
	int32_t scale;
	bool stale;
	if (rule_metric_row(rule->spec.metric)->kind == RULE_EVENT) {
		rule->state = RULE_ARMED;
		return;
	}
	rule->state = RULE_WAITING;
	if (!group->market ||
	    !rule_value(group->market, group->metric, group->minutes, rules->now_ms,
			rules->config.stale_ms, &value, &scale, &stale) ||
	    stale)
		return;
	int64_t arm = rule_arm_bound(&rule->spec, scale, false);
	if (rule_is_up(&rule->spec) ? value <= arm : value >= arm)
		rule->state = RULE_ARMED;
}

/* Into the group that its spec and market name. */
static enum status place(struct rules *rules, struct rule *rule, bool fresh)
{
	struct rule_group *group = rule_group_take(rules, &rule->spec, &rule->market);
	if (!group)
		return STATUS_FULL;
	rule->group = group;
	if (fresh)
		begin(rules, rule);
	enum status status = rule_group_add(rules, group, rule);
	if (status) {
		rule->group = NULL;
		rule_group_drop(rules, group);
	}
	return status;
}

static enum status full(struct rules *rules, struct err *err)
{
	rules->counts.refused++;
	return err_set(err, STATUS_FULL, "There is no room for another alert here (%d at most).",
		       RULES_MAX);
}

static enum status check_owner(struct rules *rules, struct str name, struct err *err)
{
	const struct rule_owner *owner = rule_owner_find(rules, name);
	if (!rule_is_owner(name))
		return err_set(err, STATUS_INVALID, "An alert needs an owner.");
	if (!owner || owner->rules < rules->config.owner_max)
		return STATUS_OK;
	rules->counts.refused++;
	return err_set(err, STATUS_FULL,
		       "You have %u alerts already, and that is the most: delete one first.",
		       owner->rules);
}

/* Everything but its place in a group. */
static struct rule *make(struct rules *rules, struct str name, uint32_t id)
{
	struct rule_owner *owner = rule_owner_take(rules, name);
	struct rule *rule = owner ? rule_take(rules, id) : NULL;
	if (!rule) {
		if (owner)
			rule_owner_release(rules, owner);
		return NULL;
	}
	rule->owner = owner;
	owner->rules++;
	return rule;
}

static void unmake(struct rules *rules, struct rule *rule)
{
	struct rule_owner *owner = rule->owner;
	owner->rules--;
	rule_release(rules, rule);
	rule_owner_release(rules, owner);
}

/* After 2^32 alerts ids begin anew; those in use are passed over. */
static uint32_t new_id(struct rules *rules)
{
	do
		rules->last_id++;
	while (!rules->last_id || rule_find(rules, rules->last_id));
	return rules->last_id;
}

enum status rules_add(struct rules *rules, struct str owner, const struct rule_spec *spec,
		      uint32_t *id, struct err *err)
{
	bool has_market;
	struct market_id market;
	CHECK(!rules->telling);
	enum status status = check_owner(rules, owner, err);
	if (!status)
		status = rules_choose(rules, spec, &has_market, &market, err);
	if (status)
		return status;
	struct rule *rule = make(rules, owner, new_id(rules));
	if (!rule)
		return full(rules, err);
	rule->spec = *spec;
	rule->has_market = has_market;
	rule->market = market;
	rule->created_ms = rules->now_ms;
	if (place(rules, rule, true)) {
		unmake(rules, rule);
		return full(rules, err);
	}
	*id = rule->id;
	rule_changed(rules, rule->id);
	return STATUS_OK;
}

enum status rules_edit(struct rules *rules, struct str owner, uint32_t id,
		       const struct rule_spec *spec, struct err *err)
{
	struct rule *rule = rule_of(rules, owner, id);
	bool has_market;
	struct market_id market;
	CHECK(!rules->telling);
	if (!rule)
		return err_set(err, STATUS_NOT_FOUND, "You have no alert %u.", id);
	bool same =
	    strcmp(rule->spec.subject, spec->subject) == 0 && rule->spec.metric == spec->metric;
	has_market = rule->has_market;
	market = rule->market;
	enum status status =
	    same ? STATUS_OK : rules_choose(rules, spec, &has_market, &market, err);
	if (status)
		return status;
	struct rule_group *group = rule_group_take(rules, spec, &market);
	if (!group)
		return full(rules, err);
	if (rule_group_reserve(group)) {
		rule_group_drop(rules, group);
		return full(rules, err);
	}
	group->busy = true; /* it may be the one it leaves */
	rule_group_remove(rules, rule);
	group->busy = false;
	rule->spec = *spec;
	rule->has_market = has_market;
	rule->market = market;
	status = place(rules, rule, true);
	CHECK(status == STATUS_OK);
	rule_changed(rules, id);
	return STATUS_OK;
}

void rule_remove(struct rules *rules, struct rule *rule)
{
	rule_group_remove(rules, rule);
	unmake(rules, rule);
}

enum status rules_remove(struct rules *rules, struct str owner, uint32_t id)
{
	struct rule *rule = rule_of(rules, owner, id);
	CHECK(!rules->telling);
	if (!rule)
		return STATUS_NOT_FOUND;
	rule_remove(rules, rule);
	rule_changed(rules, id);
	return STATUS_OK;
}

static struct rule *each(const struct rules *rules, uint32_t *at)
{
	while (*at < rules->touched) {
		struct rule *rule = &rules->blocks[*at / RULE_BLOCK][*at % RULE_BLOCK];
		++*at;
		if (rule->used)
			return rule;
	}
	return NULL;
}

size_t rules_remove_owner(struct rules *rules, struct str owner)
{
	size_t n = 0;
	struct rule *rule;
	CHECK(!rules->telling);
	for (uint32_t at = 0; (rule = each(rules, &at));) {
		if (!str_eq(owner, str_of(rule->owner->name)))
			continue;
		uint32_t id = rule->id;
		rule_remove(rules, rule);
		rule_changed(rules, id);
		n++;
	}
	return n;
}

enum status rules_mute(struct rules *rules, struct str owner, uint32_t id, bool muted)
{
	struct rule *rule = rule_of(rules, owner, id);
	if (!rule)
		return STATUS_NOT_FOUND;
	rule->muted = muted;
	if (!muted)
		rule->snooze_until_ms = 0;
	rule_changed(rules, id);
	return STATUS_OK;
}

enum status rules_snooze(struct rules *rules, struct str owner, uint32_t id, int64_t until_ms)
{
	struct rule *rule = rule_of(rules, owner, id);
	if (!rule)
		return STATUS_NOT_FOUND;
	rule->snooze_until_ms = until_ms;
	rule_changed(rules, id);
	return STATUS_OK;
}

/* ---- the board ---- */

static double distance(const struct rule_spec *spec, const struct decimal *value)
{
	int64_t bound = rule_bound(spec, value->scale);
	if (rule_is_up(spec) ? value->mantissa >= bound : value->mantissa <= bound)
		return 0;
	double threshold = decimal_to_double(spec->threshold.mantissa, spec->threshold.scale);
	double way = fabs(threshold - decimal_to_double(value->mantissa, value->scale));
	return threshold != 0 ? way * 100 / fabs(threshold) : 100;
}

static void view_value(const struct rules *rules, const struct rule *rule, struct rule_view *out)
{
	const struct rule_group *group = rule->group;
	bool stale;
	out->distance = NAN;
	if (rule_metric_row(rule->spec.metric)->kind == RULE_EVENT || !group->market)
		return;
	out->known =
	    rule_value(group->market, group->metric, group->minutes, rules->now_ms,
		       rules->config.stale_ms, &out->value.mantissa, &out->value.scale, &stale);
	if (out->known)
		out->distance = distance(&rule->spec, &out->value);
}

void rule_view_plain(const struct rules *rules, const struct rule *rule, struct rule_view *out)
{
	*out = (struct rule_view){
		.id = rule->id,
		.spec = rule->spec,
		.has_market = rule->has_market,
		.market = rule->market,
		.state = rule->state,
		.muted = rule->muted,
		.created_ms = rule->created_ms,
		.fired_ms = rule->fired_ms,
		.snooze_until_ms =
		    rule->snooze_until_ms > rules->now_ms ? rule->snooze_until_ms : 0,
		.fired = rule->fired,
		.suppressed = rule->suppressed,
		.fired_today = rule_told_today(rules, rule),
		.distance = NAN,
	};
	memcpy(out->owner, rule->owner->name, sizeof out->owner);
}

void rule_view_of(const struct rules *rules, const struct rule *rule, struct rule_view *out)
{
	rule_view_plain(rules, rule, out);
	out->pause = rule_pause_of(rules, rule);
	view_value(rules, rule, out);
}

bool rules_find(const struct rules *rules, struct str owner, uint32_t id, struct rule_view *out)
{
	const struct rule *rule = rule_of(rules, owner, id);
	if (rule)
		rule_view_of(rules, rule, out);
	return rule != NULL;
}

struct standing {
	double distance; /* armed ones by it, then what is to be armed first, then events */
	uint32_t rank, id;
};

static int by_distance(const void *a, const void *b)
{
	const struct standing *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static struct standing standing_of(const struct rules *rules, const struct rule *rule)
{
	struct rule_view view = { 0 };
	view_value(rules, rule, &view);
	bool known = !isnan(view.distance);
	uint32_t rank = rule_metric_row(rule->spec.metric)->kind == RULE_EVENT ? 3
			: !known                                               ? 2
			: rule->state != RULE_ARMED                            ? 1
									       : 0;
	return (struct standing){ known ? view.distance : 0, rank, rule->id };
}

static size_t owned(const struct rules *rules, struct str owner)
{
	const struct rule_owner *found = owner.len ? rule_owner_find(rules, owner) : NULL;
	if (!owner.len)
		return rules->counts.rules;
	return found ? found->rules : 0;
}

size_t rules_board(const struct rules *rules, struct str owner, struct rule_view *out, size_t cap,
		   size_t *total)
{
	size_t n = 0, most = owned(rules, owner);
	struct standing *all = most ? calloc(most, sizeof *all) : NULL;
	struct rule *rule;
	if (total)
		*total = most;
	for (uint32_t at = 0; all && (rule = each(rules, &at));)
		if (!owner.len || str_eq(owner, str_of(rule->owner->name)))
			all[n++] = standing_of(rules, rule);
	if (n)
		qsort(all, n, sizeof *all, by_distance);
	size_t shown = n < cap ? n : cap;
	for (size_t i = 0; i < shown; i++)
		rule_view_of(rules, rule_find(rules, all[i].id), &out[i]);
	free(all);
	return shown;
}

/* ---- back from the store ---- */

enum status rules_put(struct rules *rules, struct str owner, const struct rule *from,
		      struct err *err)
{
	if (rule_find(rules, from->id))
		return err_set(err, STATUS_EXISTS, "alert %u is there already", from->id);
	struct rule *rule = make(rules, owner, from->id);
	if (!rule)
		return full(rules, err);
	struct rule_owner *of = rule->owner;
	struct rule *chain = rule->chain;
	*rule = *from;
	rule->used = true;
	rule->owner = of;
	rule->chain = chain;
	if (place(rules, rule, false)) {
		unmake(rules, rule);
		return full(rules, err);
	}
	if (of->day < rule->day) {
		of->day = rule->day;
		of->today = 0;
	}
	if (of->day == rule->day)
		of->today += rule->today;
	if (rules->last_id < rule->id)
		rules->last_id = rule->id;
	return STATUS_OK;
}
