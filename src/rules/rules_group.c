/* Groups of rules that watch the same, by nearest threshold; what a trade is compared with. */
#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "rules/rules_impl.h"

/* ---- thresholds at a scale ---- */

static int64_t cut_bound(i128 bound)
{
	if (bound > INT64_MAX)
		return INT64_MAX;
	return bound < INT64_MIN ? INT64_MIN : (int64_t)bound;
}

/* The threshold at the scale: the whole numbers at or next to it. */
static void threshold_at(const struct decimal *threshold, int32_t scale, i128 *floor, i128 *ceil)
{
	i128 mantissa = threshold->mantissa;
	if (threshold->scale <= scale) {
		*floor = *ceil = mantissa * decimal_pow10(scale - threshold->scale);
		return;
	}
	i128 one = decimal_pow10(threshold->scale - scale);
	*floor = mantissa / one - (mantissa % one < 0);
	*ceil = *floor + (mantissa % one != 0);
}

static i128 exact_bound(const struct rule_spec *spec, int32_t scale)
{
	i128 floor, ceil;
	threshold_at(&spec->threshold, scale, &floor, &ceil);
	switch (spec->op) {
	case RULE_ABOVE: return floor + 1;
	case RULE_FROM: return ceil;
	case RULE_BELOW: return ceil - 1;
	case RULE_TO: break;
	}
	return floor;
}

int64_t rule_bound(const struct rule_spec *spec, int32_t scale)
{
	return cut_bound(exact_bound(spec, scale));
}

int64_t rule_arm_bound(const struct rule_spec *spec, int32_t scale, bool told)
{
	i128 floor, ceil, fire = exact_bound(spec, scale);
	threshold_at(&spec->threshold, scale, &floor, &ceil);
	i128 size = floor < 0 ? -floor : floor;
	int32_t share = told ? rule_metric_row(spec->metric)->margin : 0;
	i128 margin = size / 1000 * share + size % 1000 * share / 1000;
	if (rule_is_up(spec))
		return cut_bound(floor - margin < fire - 1 ? floor - margin : fire - 1);
	return cut_bound(ceil + margin > fire + 1 ? ceil + margin : fire + 1);
}

/* ---- what a trade is compared with ---- */

static size_t watch_place(const struct rules *rules, const struct market *market)
{
	size_t at = (size_t)(((uintptr_t)market >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 54);
	while (rules->watches[at].market && rules->watches[at].market != market)
		at = (at + 1) & (RULE_MARKETS - 1);
	return at;
}

struct rule_watch *rules_watch(struct rules *rules, const struct market *market)
{
	struct rule_watch *watch = &rules->watches[watch_place(rules, market)];
	return watch->market ? watch : NULL;
}

static double whale_near(const struct rule_watch *watch)
{
	if (!watch->whale || !watch->whale->up.n)
		return INFINITY;
	int32_t scale = watch->price_scale + watch->qty_scale - RULE_DOLLAR_SCALE;
	return (double)watch->whale->above * pow(10, scale) * (1 - 1e-6);
}

static void watch_refresh(struct rule_watch *watch)
{
	watch->up = watch->price ? watch->price->above : INT64_MAX;
	watch->down = watch->price ? watch->price->below : INT64_MIN;
	watch->whale_near = whale_near(watch);
}

static const struct rule_entry *nearest(const struct rule_queue *queue)
{
	return queue->n ? &queue->at[queue->n - 1] : NULL;
}

/* The rules that come next are at hand when they are crossed: among 10,000 of them they are in
 * no near cache by themselves. A move often crosses a few at once. */
static void prefetch(const struct rule_queue *queue)
{
	for (uint32_t i = 0; i < RULE_AHEAD && i < queue->n; i++) {
		const struct rule *rule = queue->at[queue->n - 1 - i].rule;
		__builtin_prefetch(rule, 1);
		__builtin_prefetch(&rule->spec);
	}
}

/* The queues of the group have changed. */
static void group_refresh(struct rules *rules, struct rule_group *group)
{
	const struct rule_entry *up = nearest(&group->up), *down = nearest(&group->down);
	group->above = up ? up->bound : INT64_MAX;
	group->below = down ? down->bound : INT64_MIN;
	prefetch(&group->up);
	prefetch(&group->down);
	if (group->watch) {
		group->watch->up = group->above;
		group->watch->down = group->below;
	}
	if (group->metric != RULE_whale)
		return;
	for (size_t i = 0; i < RULE_MARKETS; i++)
		if (rules->watches[i].whale == group)
			watch_refresh(&rules->watches[i]);
}

static int64_t next_bound(const struct rule *rule, int32_t scale, bool *up)
{
	bool fires =
	    rule_metric_row(rule->spec.metric)->kind == RULE_EVENT || rule->state == RULE_ARMED;
	*up = rule_is_up(&rule->spec) == fires;
	return fires ? rule_bound(&rule->spec, scale)
		     : rule_arm_bound(&rule->spec, scale, rule->state == RULE_FIRED);
}

static void queue_rescale(struct rule_queue *queue, bool up, int32_t scale)
{
	for (uint32_t i = 0; i < queue->n; i++) {
		struct rule *rule = queue->at[i].rule;
		bool same;
		rule->bound = queue->at[i].bound = next_bound(rule, scale, &same);
		CHECK(same == up);
	}
	rule_queue_sort(queue, up);
}

void rule_group_rescale(struct rules *rules, struct rule_group *group, int32_t scale)
{
	if (group->scale == scale)
		return;
	group->scale = scale;
	queue_rescale(&group->up, true, scale);
	queue_rescale(&group->down, false, scale);
	group_refresh(rules, group);
}

void rule_watch_rescale(struct rules *rules, struct rule_watch *watch)
{
	int32_t price_scale, qty_scale;
	market_scales(watch->market, &price_scale, &qty_scale);
	if (price_scale == watch->price_scale && qty_scale == watch->qty_scale)
		return;
	watch->price_scale = price_scale;
	watch->qty_scale = qty_scale;
	if (watch->price)
		rule_group_rescale(rules, watch->price, watch->price_scale);
	watch_refresh(watch);
}

static struct rule_watch *watch_take(struct rules *rules, const struct market *market)
{
	struct rule_watch *watch = &rules->watches[watch_place(rules, market)];
	if (!watch->market) {
		*watch = (struct rule_watch){ .market = market };
		market_scales(market, &watch->price_scale, &watch->qty_scale);
		watch_refresh(watch);
	}
	return watch;
}

static struct rule_group *whales_of(const struct rules *rules, const struct market_id *id)
{
	char text[RULE_KEY_MAX];
	struct buf key = buf_over(text, sizeof text);
	struct str base, quote;
	if (!market_id_is_dollar(id))
		return NULL;
	market_id_assets(id, &base, &quote);
	rule_group_key(&key, RULE_whale, 0, base);
	return rule_group_find(rules, buf_str(&key));
}

static void bind_group(struct rules *rules, struct rule_group *group)
{
	if (group->has_market && !group->market)
		group->market = markets_find(rules->markets, &group->id);
	if (group->metric == RULE_price && group->market) {
		struct rule_watch *watch = watch_take(rules, group->market);
		watch->price = group;
		group->watch = watch;
		rule_group_rescale(rules, group, watch->price_scale);
		watch_refresh(watch);
	}
	if (group->metric == RULE_delta && group->market) {
		int32_t price_scale, qty_scale;
		market_scales(group->market, &price_scale, &qty_scale);
		rule_group_rescale(rules, group, qty_scale);
	}
	for (size_t i = 0; group->metric == RULE_whale && i < markets_count(rules->markets); i++) {
		const struct market *market = markets_at(rules->markets, i);
		if (whales_of(rules, market_id(market)) != group)
			continue;
		struct rule_watch *watch = watch_take(rules, market);
		watch->whale = group;
		watch_refresh(watch);
	}
}

void rules_bind(struct rules *rules)
{
	rules->n_markets = markets_count(rules->markets);
	for (uint32_t i = 0; i < rules->counts.groups; i++)
		bind_group(rules, rules->groups[i]);
}

/* ---- groups ---- */

void rule_group_key(struct buf *key, enum rule_metric metric, int32_t minutes, struct str of)
{
	buf_printf(key, "%d %d ", (int)metric, minutes);
	buf_str_put(key, of);
}

static void key_of(struct buf *key, const struct rule_spec *spec, const struct market_id *market)
{
	const struct rule_metric_row *row = rule_metric_row(spec->metric);
	char text[64];
	struct buf name = buf_over(text, sizeof text);
	struct str base, quote;
	if (row->scope == RULE_TERMINAL) {
		rule_group_key(key, spec->metric, 0, str_of(spec->subject));
	} else if (row->scope == RULE_ASSET) {
		market_id_assets(market, &base, &quote);
		rule_group_key(key, spec->metric, 0, base);
	} else {
		market_id_print(&name, market);
		rule_group_key(key, spec->metric, spec->minutes, buf_str(&name));
	}
}

struct rule_group *rule_group_find(const struct rules *rules, struct str key)
{
	uint64_t hash = str_hash(key);
	struct rule_group *group = rules->by_key[hash & (RULE_BUCKETS - 1)];
	while (group && !(group->hash == hash && str_eq(key, str_of(group->key))))
		group = group->chain;
	return group;
}

static bool room_for_group(struct rules *rules)
{
	if (rules->counts.groups < rules->groups_cap)
		return true;
	if (rules->counts.groups >= RULES_GROUPS_MAX)
		return false;
	uint32_t cap = rules->groups_cap ? 2 * rules->groups_cap : 64;
	struct rule_group **grown = realloc(rules->groups, cap * sizeof(struct rule_group *));
	if (!grown)
		return false;
	rules->groups = grown;
	rules->groups_cap = cap;
	return true;
}

static int32_t first_scale(enum rule_metric metric)
{
	switch (metric) {
	case RULE_funding: return RULE_FUNDING_SCALE;
	case RULE_liquidation:
	case RULE_whale: return RULE_DOLLAR_SCALE;
	default: return RULE_MILLIONTHS;
	}
}

static struct rule_group *group_create(struct rules *rules, struct str key,
				       const struct rule_spec *spec, const struct market_id *market)
{
	const struct rule_metric_row *row = rule_metric_row(spec->metric);
	struct rule_group *group = room_for_group(rules) ? calloc(1, sizeof *group) : NULL;
	if (!group)
		return NULL;
	memcpy(group->key, key.ptr, key.len);
	group->hash = str_hash(key);
	group->chain = rules->by_key[group->hash & (RULE_BUCKETS - 1)];
	group->metric = spec->metric;
	group->minutes = spec->minutes;
	group->scale = first_scale(spec->metric);
	group->above = INT64_MAX;
	group->below = INT64_MIN;
	group->has_market = row->scope == RULE_MARKET || row->scope == RULE_PERP;
	group->id = *market;
	group->place = rules->counts.groups++;
	rules->groups[group->place] = group;
	rules->by_key[group->hash & (RULE_BUCKETS - 1)] = group;
	bind_group(rules, group);
	return group;
}

struct rule_group *rule_group_take(struct rules *rules, const struct rule_spec *spec,
				   const struct market_id *market)
{
	char text[RULE_KEY_MAX];
	struct buf key = buf_over(text, sizeof text);
	key_of(&key, spec, market);
	CHECK(!key.overflow);
	struct rule_group *group = rule_group_find(rules, buf_str(&key));
	return group ? group : group_create(rules, buf_str(&key), spec, market);
}

void rule_group_drop(struct rules *rules, struct rule_group *group)
{
	struct rule_group **link = &rules->by_key[group->hash & (RULE_BUCKETS - 1)];
	if (group->rules || group->busy)
		return;
	while (*link != group)
		link = &(*link)->chain;
	*link = group->chain;
	struct rule_group *last = rules->groups[--rules->counts.groups];
	rules->groups[group->place] = last;
	last->place = group->place;
	for (size_t i = 0; i < RULE_MARKETS; i++) {
		struct rule_watch *watch = &rules->watches[i];
		if (watch->price == group)
			watch->price = NULL;
		else if (watch->whale == group)
			watch->whale = NULL;
		else
			continue;
		watch_refresh(watch);
	}
	free(group->up.at);
	free(group->down.at);
	free(group);
}

static void enter(struct rule_group *group, struct rule *rule)
{
	bool up;
	int64_t bound = next_bound(rule, group->scale, &up);
	rule_queue_put(up ? &group->up : &group->down, up, rule, bound);
}

enum status rule_group_reserve(struct rule_group *group)
{
	bool room = rule_queue_reserve(&group->up, group->rules + 1) &&
		    rule_queue_reserve(&group->down, group->rules + 1);
	return room ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status rule_group_add(struct rules *rules, struct rule_group *group, struct rule *rule)
{
	enum status status = rule_group_reserve(group);
	if (status)
		return status;
	group->rules++;
	rule->group = group;
	enter(group, rule);
	group_refresh(rules, group);
	return STATUS_OK;
}

void rule_group_remove(struct rules *rules, struct rule *rule)
{
	struct rule_group *group = rule->group;
	rule_queue_remove(rule->up ? &group->up : &group->down, rule);
	rule->group = NULL;
	group->rules--;
	group_refresh(rules, group);
	rule_group_drop(rules, group);
}

/* ---- values ---- */

static void cross(struct rules *rules, struct rule_queue *queue, int64_t value)
{
	struct rule *rule = queue->at[--queue->n].rule;
	const struct rule_cause cause = { .rule = rule,
					  .value = value,
					  .market = rule->group->market };
	bool fires = rule->state == RULE_ARMED;
	uint32_t id = rule->id;
	rule->state = fires ? RULE_FIRED : RULE_ARMED;
	enter(rule->group, rule);
	if (fires)
		rule_tell(rules, &cause);
	rule_changed(rules, id);
}

/* Ends: what was told waits for a value this one is not (rule_arm_bound). */
static void cross_all(struct rules *rules, struct rule_group *group, int64_t value)
{
	const struct rule_entry *entry;
	group->busy = true;
	while ((entry = nearest(&group->up)) && entry->bound <= value)
		cross(rules, &group->up, value);
	while ((entry = nearest(&group->down)) && entry->bound >= value)
		cross(rules, &group->down, value);
	group->busy = false;
	group_refresh(rules, group);
	rule_group_drop(rules, group);
}

void rule_group_value(struct rules *rules, struct rule_group *group, int64_t value)
{
	if (value >= group->above || value <= group->below)
		cross_all(rules, group, value);
}

uint32_t rule_group_hit(struct rules *rules, const struct rule_group *group, int64_t value)
{
	uint32_t n = 0;
	for (uint32_t at = group->up.n; at-- > 0 && group->up.at[at].bound <= value;)
		rules->hit[n++] = group->up.at[at].rule;
	return n;
}
