/* What is judged key by key. */
#include <assert.h>
#include <stdlib.h>

#include "audit/rules_impl.h"
#include "base/check.h"

static const int64_t DAY_S = 86400;

enum { GROWN_ITEMS_MIN = 100 }; /* fewer come and go */

/* ---- the judgements --------------------------------------------------------------------
 * A rule may have a function on a family, which says whether any of its keys can break it, and
 * has one on a key of such a family. */

struct judging {
	struct audit_rules *rules;
	const struct audit_record *record;
	const struct audit_family *family;
	struct verdict *verdict;
};

static int64_t bytes_of(const struct audit_record *record)
{
	return record->bytes > 0 ? record->bytes : 0;
}

static bool is_temporary(const struct audit_family *family)
{
	return family->use == AUDIT_USE_flag || family->use == AUDIT_USE_cache ||
	       family->use == AUDIT_USE_rate_limit || family->use == AUDIT_USE_session;
}

static bool may_no_ttl(const struct audit_rules *rules, const struct audit_family *family)
{
	(void)rules;
	int64_t expiring = family->keys - family->no_ttl;
	return family->no_ttl > 0 && (is_temporary(family) || expiring * 2 >= family->keys);
}

static bool judge_no_ttl(struct judging *j)
{
	j->verdict->part = is_temporary(j->family) ? 0 : 1;
	j->verdict->likely = true;
	return j->record->expires_ms < 0;
}

static bool may_dead(const struct audit_rules *rules, const struct audit_family *family)
{
	return rules->unread[family - rules->scene.families] || family->idle[0] < family->keys;
}

static bool judge_dead(struct judging *j)
{
	const struct audit_record *record = j->record;
	bool idle = record->idle_s > j->rules->limits.dead_days * DAY_S;
	j->verdict->part = idle ? 0 : 1;
	j->verdict->worth = bytes_of(record);
	j->verdict->most = record->idle_s;
	j->verdict->likely = !idle;
	return idle || j->rules->unread[record->family];
}

/* Of families that name one thing the one with most keys may keep its name; of equals the one
 * with more bytes, then the first. */
static bool is_smaller_twin(const struct audit_rules_scene *scene,
			    const struct audit_family *family)
{
	if (family->twin < 0 || (size_t)family->twin >= scene->n_families)
		return false;
	const struct audit_family *twin = &scene->families[family->twin];
	if (family->keys != twin->keys)
		return family->keys < twin->keys;
	if (family->bytes != twin->bytes)
		return family->bytes < twin->bytes;
	return family > twin;
}

static bool may_naming(const struct audit_rules *rules, const struct audit_family *family)
{
	return !family->namespaced || is_smaller_twin(&rules->scene, family);
}

static bool judge_naming(struct judging *j)
{
	j->verdict->part = is_smaller_twin(&j->rules->scene, j->family) ? 1 : 0;
	return true;
}

static bool may_collision(const struct audit_rules *rules, const struct audit_family *family)
{
	return family->by_type[family->type] < family->keys || !digests_empty(&rules->others);
}

static bool judge_collision(struct judging *j)
{
	bool minority = j->record->type != j->family->type;
	j->verdict->part = minority ? 0 : 1;
	return minority || rule_names_two_types(j->rules, j->record);
}

static bool judge_json_string(struct judging *j)
{
	const struct audit_record *record = j->record;
	bool flat = record->facts & FACT_JSON_FLAT;
	j->verdict->part = flat ? 0 : 1;
	j->verdict->worth = flat ? bytes_of(record) : 0;
	j->verdict->after = -1;
	j->verdict->most = record->number[NUMBER_MEMBERS];
	j->verdict->likely = record->facts & FACT_LIKELY;
	return record->facts & FACT_JSON;
}

static bool may_duplicate(const struct audit_rules *rules, const struct audit_family *family)
{
	(void)family;
	return rules->groups.room || !digests_empty(&rules->fields);
}

static bool judge_duplicate(struct judging *j)
{
	return rule_duplicate_judge(j->rules, j->record, j->verdict);
}

static bool judge_wrong_type(struct judging *j)
{
	uint32_t facts = j->record->facts;
	j->verdict->likely = facts & FACT_LIKELY;
	j->verdict->part = facts & FACT_ORDERED ? 0 : facts & FACT_NAMES ? 1 : 2;
	if (facts & FACT_ORDERED)
		return true;
	if (facts & FACT_NAMES)
		return j->family->use != AUDIT_USE_queue;
	return facts & FACT_TIMES && j->family->use != AUDIT_USE_rate_limit;
}

static bool is_growing_type(enum audit_type type)
{
	return type == AUDIT_LIST || type == AUDIT_SET || type == AUDIT_ZSET ||
	       type == AUDIT_STREAM;
}

/* A tenth more elements in no more keys: what is capped or only changes has not. */
static bool has_grown(const struct audit_family *family)
{
	if (family->grown_elements == INT64_MIN || family->grown_keys > 0)
		return false;
	int64_t before = family->elements - family->grown_elements;
	return family->grown_elements > 0 && family->grown_elements > (before - 1) / 10;
}

static bool judge_unbounded(struct judging *j)
{
	const struct audit_record *record = j->record;
	const struct audit_stream *stream = &record->stream;
	bool is_stream = record->type == AUDIT_STREAM;
	j->verdict->most = record->length;
	if (is_stream && stream->stale_consumers > 0 && stream->pending > 0) {
		j->verdict->part = 3;
		return true;
	}
	if (!is_growing_type(record->type) || record->expires_ms >= 0)
		return false;
	if (record->length > j->rules->limits.unbounded_items && j->family->constant) {
		j->verdict->part = 0;
		return true;
	}
	if (record->length >= GROWN_ITEMS_MIN && has_grown(j->family)) {
		j->verdict->part = 1;
		j->verdict->likely = true; /* the family did: of its keys none is known by name */
		return true;
	}
	j->verdict->part = 2;
	return is_stream && record->length > 0 && stream->added == record->length;
}

static bool judge_big(struct judging *j)
{
	const struct audit_record *record = j->record;
	const struct audit_limits *limits = &j->rules->limits;
	j->verdict->most = record->length;
	j->verdict->part = 0;
	if (record->type == AUDIT_STRING)
		return record->length > limits->big_string;
	if (record->bytes > limits->big_bytes) {
		j->verdict->part = 1;
		return true;
	}
	if (record->type == AUDIT_HASH)
		return record->length > limits->big_hash;
	return (record->type == AUDIT_LIST || record->type == AUDIT_SET ||
		record->type == AUDIT_ZSET) &&
	       record->length > limits->big_items;
}

static bool judge_encoding(struct judging *j)
{
	const struct audit_record *record = j->record;
	const struct rule_limits limits = rule_limits_of(j->rules->scene.server);
	j->verdict->worth = bytes_of(record);
	j->verdict->after = -1;
	j->verdict->most = record->longest;
	if (rule_misses_listpack(&limits, record)) {
		j->verdict->part = 0;
		return true;
	}
	j->verdict->part = 1;
	return rule_is_small(record) && j->rules->sums[record->family].small >= SMALL_STRINGS_MIN;
}

/* A record that all of its family shares the short life of is meant to go: a code, a link. */
static bool may_vanish(const struct judging *j)
{
	const struct audit_record *record = j->record;
	bool queue = record->type == AUDIT_LIST || record->type == AUDIT_STREAM ||
		     record->type == AUDIT_ZSET;
	if (j->family->use == AUDIT_USE_queue)
		return queue;
	return j->family->use == AUDIT_USE_record &&
	       (j->family->no_ttl > 0 ||
		record->expires_ms - j->rules->scene.now_ms > DAY_S * 1000);
}

static bool may_expiry_risk(const struct audit_rules *rules, const struct audit_family *family)
{
	(void)rules;
	return (family->use == AUDIT_USE_queue || family->use == AUDIT_USE_record) &&
	       family->no_ttl < family->keys;
}

static bool judge_expiry_risk(struct judging *j)
{
	j->verdict->likely = true;
	j->verdict->part = j->family->use == AUDIT_USE_queue ? 0 : 1;
	return j->record->expires_ms >= 0 && may_vanish(j);
}

static bool judge_compress(struct judging *j)
{
	const struct audit_record *record = j->record;
	int64_t saved = record->length - record->number[NUMBER_SHRUNK];
	j->verdict->worth = bytes_of(record);
	j->verdict->after = saved < j->verdict->worth ? j->verdict->worth - saved : 0;
	j->verdict->most = record->length;
	j->verdict->likely = record->facts & FACT_LIKELY;
	return record->facts & FACT_SHRINKS && record->length >= j->rules->limits.compress_min;
}

static bool may_queue_loss(const struct audit_rules *rules, const struct audit_family *family)
{
	(void)rules;
	return family->use == AUDIT_USE_queue;
}

static bool judge_queue_loss(struct judging *j)
{
	j->verdict->likely = true;
	j->verdict->most = j->record->length;
	return rule_names_loses(j->rules, j->record);
}

static bool may_cache(const struct audit_rules *rules, const struct audit_family *family)
{
	(void)rules;
	return family->use == AUDIT_USE_cache && family->no_ttl > 0;
}

static bool judge_cache(struct judging *j)
{
	j->verdict->likely = true;
	return j->record->expires_ms < 0;
}

static bool may_session(const struct audit_rules *rules, const struct audit_family *family)
{
	(void)rules;
	return family->use == AUDIT_USE_session;
}

static bool judge_session(struct judging *j)
{
	bool secret = j->record->facts & FACT_SECRET;
	j->verdict->part = secret ? 0 : 1;
	j->verdict->likely = !secret;
	return secret || j->record->expires_ms < 0;
}

enum {
	STRINGS = 1 << AUDIT_STRING,
	LISTS = 1 << AUDIT_LIST,
	HASHES = 1 << AUDIT_HASH,
	SETS = 1 << AUDIT_SET | 1 << AUDIT_ZSET,
	STREAMS = 1 << AUDIT_STREAM,
	ALL = (1 << AUDIT_TYPES) - 1,
};

/* types: of other keys it is never true. may NULL: of any family. */
static const struct {
	enum finding_rule rule;
	unsigned types;
	bool (*may)(const struct audit_rules *rules, const struct audit_family *family);
	bool (*judge)(struct judging *j);
} judges[] = {
	{ FINDING_no_ttl, ALL, may_no_ttl, judge_no_ttl },
	{ FINDING_dead, ALL, may_dead, judge_dead },
	{ FINDING_naming, ALL, may_naming, judge_naming },
	{ FINDING_collision, ALL, may_collision, judge_collision },
	{ FINDING_json_string, STRINGS, NULL, judge_json_string },
	{ FINDING_duplicate, STRINGS, may_duplicate, judge_duplicate },
	{ FINDING_wrong_type, LISTS | SETS, NULL, judge_wrong_type },
	{ FINDING_unbounded, LISTS | SETS | STREAMS, NULL, judge_unbounded },
	{ FINDING_big, ALL, NULL, judge_big },
	{ FINDING_encoding, STRINGS | HASHES | SETS, NULL, judge_encoding },
	{ FINDING_expiry_risk, ALL, may_expiry_risk, judge_expiry_risk },
	{ FINDING_compress, STRINGS, NULL, judge_compress },
	{ FINDING_queue_loss, LISTS, may_queue_loss, judge_queue_loss },
	{ FINDING_cache, ALL, may_cache, judge_cache },
	{ FINDING_session, ALL, may_session, judge_session },
};

static_assert(ARRAY_LEN(judges) <= 16, "a bit for each in rules->possible");

enum status rule_judges_settle(struct audit_rules *rules)
{
	const struct audit_rules_scene *scene = &rules->scene;
	rules->possible = calloc(scene->n_families + 1, sizeof *rules->possible);
	if (!rules->possible)
		return STATUS_NO_MEMORY;
	for (size_t i = 0; i < ARRAY_LEN(judges); i++) {
		if (!audit_rules_on(rules, judges[i].rule))
			continue;
		uint16_t bit = (uint16_t)(1u << i);
		for (size_t type = 0; type < AUDIT_TYPES; type++)
			rules->judges_of[type] |= judges[i].types >> type & 1 ? bit : 0;
		for (size_t at = 0; at < scene->n_families; at++)
			if (!judges[i].may || judges[i].may(rules, &scene->families[at]))
				rules->possible[at] |= bit;
	}
	return STATUS_OK;
}

static void tell(struct audit_rules *rules, enum finding_rule rule,
		 const struct audit_record *record, audit_hit_fn fn, void *ctx)
{
	if (!rules->printed.len)
		audit_name_print(&rules->printed, record->name);
	struct audit_hit hit = { .rule = rule,
				 .severity = finding_row(rule)->severity,
				 .db = record->db,
				 .key = buf_str(&rules->printed),
				 .line = 0 };
	fn(ctx, &hit);
}

void audit_rules_judge(struct audit_rules *rules, const struct audit_record *record,
		       audit_hit_fn fn, void *ctx)
{
	if (record->facts & FACT_IGNORED)
		return;
	CHECK(record->family >= 0 && (size_t)record->family < rules->scene.n_families);
	struct judging judging = { rules, record, &rules->scene.families[record->family], NULL };
	buf_clear(&rules->printed);
	unsigned left = rules->possible[record->family] & rules->judges_of[record->type];
	for (; left; left &= left - 1) {
		size_t i = (size_t)__builtin_ctz(left);
		struct verdict verdict = { .part = -1 };
		judging.verdict = &verdict;
		if (!judges[i].judge(&judging))
			continue;
		tally_hit(rules, judges[i].rule, record, &verdict);
		if (fn)
			tell(rules, judges[i].rule, record, fn, ctx);
	}
}
