#include "audit/rules_impl.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/check.h"

static const int64_t DAY_S = 86400;

enum { GROWN_ITEMS_MIN = 100 }; /* fewer come and go */

/* ---- the judgements: one function a rule, on one key ---------------------------------- */

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

static bool judge_no_ttl(struct judging *j)
{
	if (j->record->expires_ms >= 0)
		return false;
	enum audit_use use = j->family->use;
	bool temporary = use == AUDIT_USE_flag || use == AUDIT_USE_cache ||
			 use == AUDIT_USE_rate_limit || use == AUDIT_USE_session;
	int64_t expiring = j->family->keys - j->family->no_ttl;
	j->verdict->part = temporary ? 0 : 1;
	j->verdict->likely = true;
	return temporary || expiring * 2 >= j->family->keys;
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

static bool judge_naming(struct judging *j)
{
	bool twin = is_smaller_twin(&j->rules->scene, j->family);
	j->verdict->part = twin ? 1 : 0;
	return twin || !j->family->namespaced;
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

static bool is_small_string(const struct audit_record *record)
{
	return record->type == AUDIT_STRING && record->length >= 0 &&
	       record->length <= SMALL_STRING_BYTES && record->expires_ms < 0;
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
	return is_small_string(record) && j->rules->sums[record->family].small >= SMALL_STRINGS_MIN;
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

static bool judge_queue_loss(struct judging *j)
{
	j->verdict->likely = true;
	j->verdict->most = j->record->length;
	return j->record->type == AUDIT_LIST && j->family->use == AUDIT_USE_queue &&
	       rule_names_loses(j->rules, j->record);
}

static bool judge_cache(struct judging *j)
{
	j->verdict->likely = true;
	return j->family->use == AUDIT_USE_cache && j->record->expires_ms < 0;
}

static bool judge_session(struct judging *j)
{
	bool secret = j->record->facts & FACT_SECRET;
	j->verdict->part = secret ? 0 : 1;
	j->verdict->likely = !secret;
	return j->family->use == AUDIT_USE_session && (secret || j->record->expires_ms < 0);
}

enum {
	STRINGS = 1 << AUDIT_STRING,
	LISTS = 1 << AUDIT_LIST,
	HASHES = 1 << AUDIT_HASH,
	SETS = 1 << AUDIT_SET | 1 << AUDIT_ZSET,
	STREAMS = 1 << AUDIT_STREAM,
	ALL = (1 << AUDIT_TYPES) - 1,
};

/* types: of other keys it is never true. */
static const struct {
	enum finding_rule rule;
	unsigned types;
	bool (*judge)(struct judging *j);
} judges[] = {
	{ FINDING_no_ttl, ALL, judge_no_ttl },
	{ FINDING_dead, ALL, judge_dead },
	{ FINDING_naming, ALL, judge_naming },
	{ FINDING_collision, ALL, judge_collision },
	{ FINDING_json_string, STRINGS, judge_json_string },
	{ FINDING_duplicate, STRINGS, judge_duplicate },
	{ FINDING_wrong_type, LISTS | SETS, judge_wrong_type },
	{ FINDING_unbounded, LISTS | SETS | STREAMS, judge_unbounded },
	{ FINDING_big, ALL, judge_big },
	{ FINDING_encoding, STRINGS | HASHES | SETS, judge_encoding },
	{ FINDING_expiry_risk, ALL, judge_expiry_risk },
	{ FINDING_compress, STRINGS, judge_compress },
	{ FINDING_queue_loss, LISTS, judge_queue_loss },
	{ FINDING_cache, ALL, judge_cache },
	{ FINDING_session, ALL, judge_session },
};

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
	for (size_t i = 0; i < ARRAY_LEN(judges); i++) {
		enum finding_rule rule = judges[i].rule;
		if (!(judges[i].types >> record->type & 1) || !audit_rules_on(rules, rule))
			continue;
		struct verdict verdict = { .part = -1 };
		judging.verdict = &verdict;
		if (!judges[i].judge(&judging))
			continue;
		tally_hit(rules, rule, record, &verdict);
		if (fn)
			tell(rules, rule, record, fn, ctx);
	}
}

/* ---- the life of the rules ------------------------------------------------------------- */

static uint32_t off_of(struct str off)
{
	uint32_t bits = 0;
	struct str name;
	while (off.len && str_split(&off, ',', &name)) {
		enum finding_rule rule = finding_rule_find(str_trim(name));
		if (rule < FINDING_RULES)
			bits |= 1u << rule;
	}
	return bits;
}

static void take_separators(struct audit_rules *rules, struct str separators)
{
	for (size_t i = 0; i < separators.len; i++)
		rules->separates[(unsigned char)separators.ptr[i]] = separators.ptr[i] != 0;
}

enum status audit_rules_create(const struct audit_config *config, struct audit_rules **out)
{
	struct audit_rules *rules = calloc(1, sizeof *rules);
	if (!rules)
		return STATUS_NO_MEMORY;
	rules->limits = config->limits;
	rules->limits.off = rules->limits.ignore = rules->limits.separators = (struct str){ 0 };
	rules->off = off_of(config->limits.off);
	take_separators(rules, config->limits.separators);
	rules->now_ms = config->now_ms;
	rules->first_db = INT32_MIN;
	digests_init(&rules->shared, SHARED_BYTES);
	digests_init(&rules->fields, FIELDS_BYTES);
	digests_init(&rules->others, OTHERS_BYTES);
	digests_init(&rules->beside, BESIDE_BYTES);
	buf_init(&rules->printed, (size_t)AUDIT_NAME_MAX * 4 + 64);
	rules->zstd = ZSTD_createCCtx();
	if (!rules->zstd || trials_create(&rules->trials)) {
		audit_rules_destroy(rules);
		return STATUS_NO_MEMORY;
	}
	*out = rules;
	return STATUS_OK;
}

void audit_rules_destroy(struct audit_rules *rules)
{
	if (!rules)
		return;
	tally_deinit(rules);
	digests_deinit(&rules->shared);
	digests_deinit(&rules->fields);
	digests_deinit(&rules->others);
	digests_deinit(&rules->beside);
	free(rules->groups.slots);
	free(rules->groups.names);
	free(rules->unread);
	free(rules->findings);
	buf_deinit(&rules->printed);
	trials_destroy(rules->trials);
	ZSTD_freeCCtx(rules->zstd);
	free(rules);
}

void audit_rules_look(const struct audit_rules *rules, const struct audit_key *key,
		      struct audit_look *look)
{
	look->digest = key->digest;
	look->members = look->n_fields = 0;
	look->more_fields = false;
	rule_value_look(rules, key, look);
	trials_look(key, look);
}

void audit_rules_prefetch(const struct audit_rules *rules, const struct audit_look *look)
{
	if (look->digest)
		digests_prefetch(&rules->shared, look->digest);
	for (size_t i = 0; i < look->n_fields; i++)
		digests_prefetch(&rules->fields, look->fields[i].all);
}

enum status audit_rules_learn(struct audit_rules *rules, const struct audit_key *key,
			      const struct audit_look *look, struct audit_record *record)
{
	record->facts = look->facts;
	record->digest = look->digest;
	record->number[NUMBER_MEMBERS] = look->members;
	enum status status = rule_value_learn(rules, key, look, record);
	if (!status)
		status = rule_names_learn(rules, record);
	if (!status && !(record->facts & FACT_IGNORED))
		trials_learn(rules, key, look, record);
	return status;
}

void audit_rules_gather(struct audit_rules *rules, const struct audit_record *record)
{
	CHECK(record->family >= 0 && record->family <= AUDIT_FAMILIES_MAX);
	if (!rules->grouped) {
		rules->grouped = true;
		rules->trouble = rule_duplicate_groups(rules);
	}
	if ((record->facts & FACT_IGNORED) || rules->trouble)
		return;
	rules->sums[record->family].small += is_small_string(record);
	rule_duplicate_gather(rules, record);
	trials_gather(rules, record);
	rules->trouble = rule_names_gather(rules, record);
}

enum status audit_rules_settle(struct audit_rules *rules, const struct audit_rules_scene *scene)
{
	if (rules->trouble)
		return rules->trouble;
	rules->scene = *scene;
	enum status status = rule_names_settle(rules);
	return status ? status : tally_settle(rules);
}

/* ---- the code's own findings ----------------------------------------------------------- */

struct from_code {
	struct audit_rules *rules;
	audit_hit_fn fn;
	void *ctx;
};

static void take_finding(void *ctx, const struct audit_finding *finding)
{
	struct from_code *from = ctx;
	if (!audit_rules_on(from->rules, finding->rule))
		return;
	struct audit_finding *copy = findings_add(from->rules);
	if (copy)
		*copy = *finding;
}

static void take_hit(void *ctx, const struct audit_hit *hit)
{
	struct from_code *from = ctx;
	if (from->fn && audit_rules_on(from->rules, hit->rule))
		from->fn(from->ctx, hit);
}

enum status audit_rules_end(struct audit_rules *rules, audit_hit_fn fn, void *ctx)
{
	enum status status = rules->trouble;
	if (!status)
		status = findings_of_tallies(rules);
	if (!status && rules->scene.server)
		status = rule_server_end(rules, fn, ctx);
	if (status)
		return status;
	if (rules->scene.code) {
		struct from_code from = { rules, fn, ctx };
		code_findings(rules->scene.code, take_finding, take_hit, &from);
	}
	findings_sort(rules);
	return trials_settle(rules);
}

size_t audit_rules_findings(const struct audit_rules *rules, const struct audit_finding **out)
{
	*out = rules->findings;
	return rules->n_findings;
}
