/* Rules of patterns: types, time to live, and whether both sides of it are there. */
#include <stdlib.h>

#include "audit/code_rules.h"

#include "base/buf.h"

/* Uses of one family, gathered anew: `order` is by file, so families are chained. */
struct group {
	uint32_t family, pattern;
	uint32_t first, last; /* places + 1 in the order */
	uint32_t per_type[AUDIT_TYPES + 1];
	uint32_t writes, reads, with_ttl, sets, moved, after;
	uint32_t first_type;
};

struct groups {
	struct code_hits *hits;
	struct group *at;
	size_t count;
	uint32_t *next;  /* of a place in the order */
	uint32_t *index; /* of a family's text: group + 1 */
	int64_t meetings;
};

static const struct code_use *use_at(const struct groups *groups, size_t place)
{
	return &groups->hits->code->uses[groups->hits->code->order[place]];
}

static const struct code_method *method_of(const struct code_use *use)
{
	return code_method_at(use->method);
}

static void count_use(struct group *group, const struct code_use *use)
{
	const struct code_method *method = method_of(use);
	group->per_type[method->type]++;
	if (method->type != AUDIT_TYPES && group->first_type == AUDIT_TYPES)
		group->first_type = method->type;
	group->writes += (use->flags & USE_WRITES) != 0;
	group->reads += (use->flags & USE_READS) != 0;
	group->moved += (method->traits & METHOD_MOVES) != 0;
	group->after += (method->traits & METHOD_AFTER) != 0;
	if ((method->traits & METHOD_SETS) && method->type == AUDIT_STRING) {
		group->sets++;
		group->with_ttl += (use->flags & USE_EXPIRES) != 0;
	}
}

static bool gather(struct groups *groups)
{
	const struct code *code = groups->hits->code;
	groups->at = calloc(code->n_order + 1, sizeof *groups->at);
	groups->next = calloc(code->n_order + 1, sizeof *groups->next);
	groups->index = calloc((size_t)code->pool.count + 1, sizeof *groups->index);
	if (!groups->at || !groups->next || !groups->index)
		return false;
	for (size_t i = 0; i < code->n_order; i++) {
		const struct code_use *use = use_at(groups, i);
		if (!use->family)
			continue;
		uint32_t *index = &groups->index[use->family];
		if (!*index) {
			*index = (uint32_t)++groups->count;
			groups->at[*index - 1] = (struct group){ .family = use->family,
								 .pattern = use->key,
								 .first_type = AUDIT_TYPES };
		}
		struct group *group = &groups->at[*index - 1];
		count_use(group, use);
		if (group->last)
			groups->next[group->last - 1] = (uint32_t)i + 1;
		else
			group->first = (uint32_t)i + 1;
		group->last = (uint32_t)i + 1;
	}
	return true;
}

static struct str pattern_of(const struct groups *groups, const struct group *group)
{
	return code_text(groups->hits->code, group->pattern);
}

typedef bool (*use_test)(const struct group *group, const struct code_use *use);

static void hit_uses(struct groups *groups, const struct group *group, enum code_kind kind,
		     use_test test)
{
	for (uint32_t place = group->first; place; place = groups->next[place - 1]) {
		const struct code_use *use = use_at(groups, place - 1);
		if (test(group, use))
			code_hit(groups->hits, kind, use->file, use->line);
	}
}

/* ---- tests of uses ---- */

static uint32_t main_type(const struct group *group)
{
	uint32_t best = group->first_type;
	for (uint32_t type = 0; type < AUDIT_TYPES; type++)
		if (group->per_type[type] > group->per_type[best])
			best = type;
	return best;
}

static bool other_type(const struct group *group, const struct code_use *use)
{
	return method_of(use)->type != AUDIT_TYPES && method_of(use)->type != main_type(group);
}

static bool writes(const struct group *group, const struct code_use *use)
{
	(void)group;
	return use->flags & USE_WRITES;
}

static bool reads(const struct group *group, const struct code_use *use)
{
	(void)group;
	return use->flags & USE_READS;
}

static bool sets_forever(const struct group *group, const struct code_use *use)
{
	const struct code_method *method = method_of(use);
	(void)group;
	return method->type == AUDIT_STRING && (method->traits & METHOD_SETS) &&
	       !(use->flags & USE_EXPIRES);
}

static bool writes_forever(const struct group *group, const struct code_use *use)
{
	(void)group;
	return (use->flags & USE_WRITES) && !(use->flags & (USE_EXPIRES | USE_TARGET));
}

static bool pops(const struct group *group, const struct code_use *use)
{
	(void)group;
	return method_of(use)->traits & METHOD_POPS;
}

/* ---- the two sides ---- */

static bool is_loose(const struct groups *groups, const struct group *group)
{
	char text[CODE_PATTERN_MAX];
	struct buf out = buf_over(text, sizeof text);
	code_normalise(pattern_of(groups, group), &out);
	return out.overflow || code_set_has(&groups->hits->code->loose, str_hash(buf_str(&out)));
}

/* Does any other pattern, of a type that fits, stand on the side that is missing here? */
static bool met(struct groups *groups, const struct group *group, bool want_reads)
{
	struct str pattern = pattern_of(groups, group);
	for (size_t i = 0; i < groups->count; i++) {
		const struct group *other = &groups->at[i];
		uint32_t type = main_type(group), kind = main_type(other);
		if (other == group || !(want_reads ? other->reads : other->writes))
			continue;
		if (type != AUDIT_TYPES && kind != AUDIT_TYPES && type != kind)
			continue;
		if (groups->meetings++ > CODE_MEETINGS_MAX ||
		    code_patterns_meet(pattern, pattern_of(groups, other)))
			return true;
	}
	return false;
}

static void sides(struct groups *groups, const struct group *group)
{
	enum audit_use use = code_use_of(pattern_of(groups, group));
	/* That a lock is there is all it says. */
	if (use == AUDIT_USE_lock || (group->writes && group->reads) ||
	    (!group->writes && !group->reads) || is_loose(groups, group) ||
	    met(groups, group, group->writes > 0))
		return;
	if (group->writes) {
		hit_uses(groups, group, CODE_KIND_UNREAD, writes);
		return;
	}
	hit_uses(groups, group, CODE_KIND_UNWRITTEN, reads);
	if (use == AUDIT_USE_cache)
		hit_uses(groups, group, CODE_KIND_UNWRITTEN_CACHE, reads);
}

/* ---- time to live ---- */

static void ttl(struct groups *groups, const struct group *group)
{
	enum audit_use use = code_use_of(pattern_of(groups, group));
	uint32_t type = main_type(group);
	bool temporary = use == AUDIT_USE_cache || use == AUDIT_USE_session ||
			 use == AUDIT_USE_rate_limit ||
			 (use == AUDIT_USE_flag && type == AUDIT_STRING);
	if (group->after || use == AUDIT_USE_lock)
		return;
	if (temporary)
		hit_uses(groups, group, CODE_KIND_TEMPORARY, writes_forever);
	else if (group->with_ttl && group->with_ttl < group->sets &&
		 group->with_ttl * 2 >= group->sets)
		hit_uses(groups, group, CODE_KIND_KEPT, sets_forever);
}

static void one_group(struct groups *groups, const struct group *group)
{
	bool known = code_has_letters(pattern_of(groups, group));
	if (!group->moved)
		hit_uses(groups, group, CODE_KIND_POPPED, pops);
	if (!known)
		return;
	hit_uses(groups, group, CODE_KIND_TYPES, other_type);
	ttl(groups, group);
	sides(groups, group);
}

/* Pops of which no key is told. */
static void keyless(struct groups *groups)
{
	for (size_t i = 0; i < groups->hits->code->n_order; i++) {
		const struct code_use *use = use_at(groups, i);
		if (!use->family && pops(NULL, use))
			code_hit(groups->hits, CODE_KIND_POPPED, use->file, use->line);
	}
}

void code_rules_keys(struct code_hits *hits)
{
	struct groups groups = { .hits = hits };
	if (gather(&groups))
		for (size_t i = 0; i < groups.count; i++)
			one_group(&groups, &groups.at[i]);
	keyless(&groups);
	free(groups.at);
	free(groups.next);
	free(groups.index);
}
