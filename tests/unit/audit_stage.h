/* audit_stage.h - the rules of an audit before families made by hand: a test says which family
 * a key is in and what that family is for, so a rule is looked at without the names' alignment.
 * Values live as long as the test (literals, static). */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audit/rules.h"
#include "base/buf.h"

enum { STAGE_KEYS = 2000, STAGE_FAMILIES = 8, STAGE_HITS = 8000 };

static const int64_t STAGE_NOW_MS = 1795300000000; /* 2026-11-21 */

struct stage_hit {
	enum finding_rule rule;
	enum severity severity;
	int db;
	char key[256];
};

struct stage {
	struct audit_config config;
	struct audit_rules *rules;
	struct audit_key keys[STAGE_KEYS];
	char names[STAGE_KEYS][96];
	int64_t family_of[STAGE_KEYS];
	size_t n_keys;
	struct audit_family families[STAGE_FAMILIES];
	size_t n_families;
	struct audit_totals totals;
	const struct audit_server *server;
	const struct code *code;
	struct stage_hit hits[STAGE_HITS];
	size_t n_hits;
};

static inline struct stage *stage_open(void)
{
	struct stage *stage = calloc(1, sizeof *stage);
	assert_non_null(stage);
	stage->config.now_ms = STAGE_NOW_MS;
	stage->config.limits = (struct audit_limits){ .dead_days = 30,
						      .stale_hours = 24,
						      .big_string = 100 << 10,
						      .big_hash = 5000,
						      .big_items = 1000,
						      .big_bytes = 1 << 20,
						      .unbounded_items = 1000,
						      .compress_min = 1024,
						      .separators = STR(":_-./|") };
	return stage;
}

static inline struct audit_family *stage_family(struct stage *stage, const char *pattern,
						enum audit_use use)
{
	assert_true(stage->n_families < STAGE_FAMILIES);
	struct audit_family *family = &stage->families[stage->n_families++];
	*family = (struct audit_family){ .pattern = pattern,
					 .use = use,
					 .type = AUDIT_TYPES, /* of most keys, unless said */
					 .belongs = AUDIT_BELONGS_redis,
					 .constant = !strchr(pattern, '{'),
					 .namespaced = true,
					 .twin = -1,
					 .grown_keys = INT64_MIN,
					 .grown_bytes = INT64_MIN,
					 .grown_elements = INT64_MIN };
	return family;
}

/* A key of the family that was made last, with `bytes` and no TTL, idle for a minute. */
static inline struct audit_key *stage_key(struct stage *stage, enum audit_type type,
					  const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static inline struct audit_key *stage_key(struct stage *stage, enum audit_type type,
					  const char *format, ...)
{
	assert_true(stage->n_keys < STAGE_KEYS && stage->n_families);
	size_t at = stage->n_keys++;
	va_list args;
	va_start(args, format);
	int len = vsnprintf(stage->names[at], sizeof stage->names[at], format, args);
	va_end(args);
	assert_in_range(len, 1, sizeof stage->names[at] - 1);
	stage->family_of[at] = (int64_t)stage->n_families - 1;
	struct audit_key *key = &stage->keys[at];
	*key = (struct audit_key){ .name = str_make(stage->names[at], (size_t)len),
				   .type = type,
				   .expires_ms = -1,
				   .bytes = 100,
				   .idle_s = 60,
				   .stream = { .added = -1 } };
	return key;
}

static inline struct audit_key *stage_string(struct stage *stage, const char *name,
					     struct str value)
{
	struct audit_key *key = stage_key(stage, AUDIT_STRING, "%s", name);
	key->encoding = value.len <= 44 ? AUDIT_ENC_EMBSTR : AUDIT_ENC_RAW;
	key->value = value;
	key->length = (int64_t)value.len;
	key->bytes = 64 + (int64_t)value.len;
	return key;
}

static inline void stage_elements(struct audit_key *key, const struct audit_element *elements,
				  size_t count)
{
	key->elements = elements;
	key->count = count;
	key->length = (int64_t)count;
}

static inline void stage_take(void *ctx, const struct audit_hit *hit)
{
	struct stage *stage = ctx;
	assert_true(stage->n_hits < STAGE_HITS);
	struct stage_hit *kept = &stage->hits[stage->n_hits++];
	*kept = (struct stage_hit){ .rule = hit->rule, .severity = hit->severity, .db = hit->db };
	assert_int_equal(str_copy(hit->key, kept->key, sizeof kept->key), STATUS_OK);
}

static inline void stage_sum(struct stage *stage)
{
	for (size_t i = 0; i < stage->n_keys; i++) {
		struct audit_family *family = &stage->families[stage->family_of[i]];
		const struct audit_key *key = &stage->keys[i];
		family->keys++;
		family->bytes += key->bytes;
		family->by_type[key->type]++;
		family->no_ttl += key->expires_ms < 0;
		family->elements += key->type == AUDIT_STRING ? 0 : key->length;
		stage->totals.keys++;
		stage->totals.bytes += key->bytes;
		if (key->expires_ms < 0)
			stage->totals.bytes_no_ttl += key->bytes;
		if (!family->examples[0])
			family->examples[0] = stage->names[i];
	}
	for (size_t i = 0; i < stage->n_families; i++) {
		struct audit_family *family = &stage->families[i];
		if (family->type != AUDIT_TYPES)
			continue;
		family->type = AUDIT_STRING;
		for (enum audit_type type = 0; type < AUDIT_TYPES; type++)
			if (family->by_type[type] > family->by_type[family->type])
				family->type = type;
	}
}

/* All three passes. */
static inline void stage_run(struct stage *stage)
{
	struct audit_record *records = calloc(stage->n_keys + 1, sizeof *records);
	assert_non_null(records);
	assert_int_equal(audit_rules_create(&stage->config, &stage->rules), STATUS_OK);
	for (size_t i = 0; i < stage->n_keys; i++) {
		const struct audit_key *key = &stage->keys[i];
		const char *pattern = stage->families[stage->family_of[i]].pattern;
		records[i] = (struct audit_record){ .index = (int64_t)i,
						    .family = stage->family_of[i],
						    .name = key->name,
						    .db = key->db,
						    .type = key->type,
						    .encoding = key->encoding,
						    .length = key->length,
						    .expires_ms = key->expires_ms,
						    .bytes = key->bytes,
						    .idle_s = key->idle_s,
						    .longest = key->longest,
						    .digest = key->digest,
						    .shape = (uint32_t)str_hash(str_of(pattern)),
						    .stream = key->stream };
		struct audit_look look = { 0 };
		audit_rules_look(stage->rules, key, &look);
		assert_int_equal(audit_rules_learn(stage->rules, key, &look, &records[i]),
				 STATUS_OK);
	}
	for (size_t i = 0; i < stage->n_keys; i++)
		audit_rules_gather(stage->rules, &records[i]);
	stage_sum(stage);
	struct audit_rules_scene scene = { .limits = &stage->config.limits,
					   .now_ms = STAGE_NOW_MS,
					   .families = stage->families,
					   .n_families = stage->n_families,
					   .totals = &stage->totals,
					   .server = stage->server,
					   .code = stage->code };
	assert_int_equal(audit_rules_settle(stage->rules, &scene), STATUS_OK);
	for (size_t i = 0; i < stage->n_keys; i++)
		audit_rules_judge(stage->rules, &records[i], stage_take, stage);
	assert_int_equal(audit_rules_end(stage->rules, stage_take, stage), STATUS_OK);
	free(records);
}

static inline void stage_close(struct stage *stage)
{
	audit_rules_destroy(stage->rules);
	free(stage);
}

static inline size_t stage_count(const struct stage *stage, enum finding_rule rule)
{
	size_t n = 0;
	for (size_t i = 0; i < stage->n_hits; i++)
		n += stage->hits[i].rule == rule;
	return n;
}

static inline bool stage_hits(const struct stage *stage, enum finding_rule rule, const char *key)
{
	for (size_t i = 0; i < stage->n_hits; i++)
		if (stage->hits[i].rule == rule && strcmp(stage->hits[i].key, key) == 0)
			return true;
	return false;
}

/* The first finding of the rule, which there must be. */
static inline const struct audit_finding *stage_finding(const struct stage *stage,
							enum finding_rule rule)
{
	const struct audit_finding *findings;
	size_t n = audit_rules_findings(stage->rules, &findings);
	for (size_t i = 0; i < n; i++)
		if (findings[i].rule == rule)
			return &findings[i];
	fail_msg("no finding of %s", finding_row(rule)->name);
	return findings;
}

/* Exactly these keys, separated by blanks. */
static inline void stage_only(const struct stage *stage, enum finding_rule rule, const char *keys)
{
	struct str rest = str_of(keys), word;
	size_t n = 0;
	while (rest.len && str_split(&rest, ' ', &word)) {
		char key[256];
		assert_int_equal(str_copy(word, key, sizeof key), STATUS_OK);
		if (!stage_hits(stage, rule, key))
			fail_msg("%s does not fire on %s", finding_row(rule)->name, key);
		n++;
	}
	assert_int_equal(stage_count(stage, rule), n);
}
