/* Where rules and owners lie: blocks that are never moved, found by hash. */
#include <stdlib.h>

#include "base/check.h"
#include "rules/rules_impl.h"

static size_t bucket_of_id(uint32_t id)
{
	return (size_t)((id * UINT32_C(2654435769)) & (RULE_BUCKETS - 1));
}

struct rule *rule_find(const struct rules *rules, uint32_t id)
{
	struct rule *rule = rules->ids[bucket_of_id(id)];
	while (rule && rule->id != id)
		rule = rule->chain;
	return rule;
}

struct rule *rule_of(const struct rules *rules, struct str owner, uint32_t id)
{
	struct rule *rule = rule_find(rules, id);
	if (!rule || (owner.len && !str_eq(owner, str_of(rule->owner->name))))
		return NULL;
	return rule;
}

/* One more than there are, for what an event reaches. */
static bool grow_hit(struct rules *rules)
{
	if (rules->counts.rules < rules->hit_cap)
		return true;
	uint32_t cap = rules->hit_cap ? 2 * rules->hit_cap : 64;
	struct rule **grown = realloc(rules->hit, cap * sizeof(struct rule *));
	if (!grown)
		return false;
	rules->hit = grown;
	rules->hit_cap = cap;
	return true;
}

static struct rule *fresh(struct rules *rules)
{
	struct rule *rule = rules->free;
	if (rule) {
		rules->free = rule->chain;
		return rule;
	}
	uint32_t block = rules->touched / RULE_BLOCK;
	if (!rules->blocks[block])
		rules->blocks[block] = calloc(RULE_BLOCK, sizeof(struct rule));
	if (!rules->blocks[block])
		return NULL;
	return &rules->blocks[block][rules->touched++ % RULE_BLOCK];
}

struct rule *rule_take(struct rules *rules, uint32_t id)
{
	if (rules->counts.rules >= RULES_MAX || !grow_hit(rules))
		return NULL;
	struct rule *rule = fresh(rules);
	if (!rule)
		return NULL;
	struct rule **bucket = &rules->ids[bucket_of_id(id)];
	*rule = (struct rule){ .used = true, .id = id, .chain = *bucket };
	*bucket = rule;
	rules->counts.rules++;
	return rule;
}

void rule_release(struct rules *rules, struct rule *rule)
{
	struct rule **link = &rules->ids[bucket_of_id(rule->id)];
	while (*link != rule)
		link = &(*link)->chain;
	*link = rule->chain;
	*rule = (struct rule){ .chain = rules->free };
	rules->free = rule;
	rules->counts.rules--;
}

/* ---- owners ---- */

struct rule_owner *rule_owner_find(const struct rules *rules, struct str name)
{
	uint64_t hash = str_hash(name);
	struct rule_owner *owner = rules->owners[hash & (RULE_BUCKETS - 1)];
	while (owner && !(owner->hash == hash && str_eq(name, str_of(owner->name))))
		owner = owner->chain;
	return owner;
}

struct rule_owner *rule_owner_take(struct rules *rules, struct str name)
{
	struct rule_owner *owner = rule_owner_find(rules, name);
	if (owner)
		return owner;
	owner = calloc(1, sizeof *owner);
	if (!owner)
		return NULL;
	CHECK(name.len && name.len <= RULES_OWNER_MAX);
	memcpy(owner->name, name.ptr, name.len);
	owner->hash = str_hash(name);
	owner->chain = rules->owners[owner->hash & (RULE_BUCKETS - 1)];
	rules->owners[owner->hash & (RULE_BUCKETS - 1)] = owner;
	rules->counts.owners++;
	return owner;
}

/* Those that were kept for what they were told on a day that has gone, too. */
void rule_owner_release(struct rules *rules, struct rule_owner *owner)
{
	struct rule_owner **link = &rules->owners[owner->hash & (RULE_BUCKETS - 1)];
	while (*link) {
		struct rule_owner *at = *link;
		if (at->rules || rule_owner_told_today(rules, at)) {
			link = &at->chain;
			continue;
		}
		*link = at->chain;
		rules->counts.owners--;
		free(at);
	}
}
