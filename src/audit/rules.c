#include "audit/rules_impl.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/check.h"

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
	free(rules->possible);
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
	rules->sums[record->family].small += rule_is_small(record);
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
	if (!status)
		status = rule_judges_settle(rules);
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
