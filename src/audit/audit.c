#include "audit/audit.h"

#include <stdlib.h>

#include "audit/facts.h"
#include "audit/families.h"
#include "audit/growth.h"
#include "audit/ignore.h"
#include "audit/look.h"
#include "audit/record.h"
#include "base/check.h"

enum { RECORDS_MEMORY = 24 << 20 };

struct audit {
	struct audit_config config; /* its texts are in `texts` */
	struct audit_spill spill;
	char *texts;
	struct facts facts;
	struct names *names;
	struct journal journal;
	struct audit_rules *rules;
	struct families *families;
	struct growth *growth;
	struct audit_server server;
	bool has_server, ran;
	const struct code *code;
	struct audit_totals totals;
};

/* ---- from its creation to the last key ---- */

static struct str keep(char **at, struct str text)
{
	struct str kept = str_make(*at, text.len);
	if (text.len)
		memcpy(*at, text.ptr, text.len);
	*at += text.len;
	return kept;
}

static enum status config_copy(struct audit *audit, const struct audit_config *config)
{
	audit->config = *config;
	struct audit_limits *limits = &audit->config.limits;
	audit->texts = malloc(limits->separators.len + limits->off.len + limits->ignore.len + 1);
	if (!audit->texts)
		return STATUS_NO_MEMORY;
	char *at = audit->texts;
	limits->separators = keep(&at, limits->separators);
	limits->off = keep(&at, limits->off);
	limits->ignore = keep(&at, limits->ignore);
	if (config->spill) {
		audit->spill = *config->spill;
		audit->config.spill = &audit->spill;
	}
	return STATUS_OK;
}

enum status audit_create(const struct audit_config *config, struct audit **out)
{
	struct audit *audit = calloc(1, sizeof *audit);
	if (!audit)
		return STATUS_NO_MEMORY;
	size_t memory = config->records_memory ? config->records_memory : RECORDS_MEMORY;
	enum status status = config_copy(audit, config);
	if (!status)
		status = names_create(audit->config.limits.separators, &audit->names);
	if (!status)
		status = audit_rules_create(&audit->config, &audit->rules);
	if (status) {
		audit_destroy(audit);
		return status;
	}
	facts_init(&audit->facts, config->now_ms);
	journal_init(&audit->journal, audit->config.spill, memory);
	*out = audit;
	return STATUS_OK;
}

void audit_destroy(struct audit *audit)
{
	if (!audit)
		return;
	families_destroy(audit->families);
	audit_rules_destroy(audit->rules);
	names_destroy(audit->names);
	growth_destroy(audit->growth);
	journal_deinit(&audit->journal);
	free(audit->texts);
	free(audit);
}

static struct str name_of(const struct audit_key *key)
{
	return str_make(key->name.ptr,
			key->name.len < AUDIT_NAME_MAX ? key->name.len : AUDIT_NAME_MAX);
}

/* One by one: of a literal, compilers clear all of it first, which takes longer than this. */
static void record_of(const struct audit_key *key, struct audit_record *record)
{
	record->family = 0;
	record->name = name_of(key);
	record->db = key->db;
	record->type = key->type;
	record->encoding = key->encoding;
	record->length = key->length;
	record->expires_ms = key->expires_ms;
	record->bytes = key->bytes;
	record->idle_s = key->idle_s;
	record->longest = key->longest;
	record->digest = key->digest;
	for (size_t i = 0; i < AUDIT_RECORD_NUMBERS; i++)
		record->number[i] = 0;
	record->stream = key->stream;
}

void audit_look(const struct audit *audit, const struct audit_key *key, struct audit_look *out)
{
	struct str name = name_of(key), ignore = audit->config.limits.ignore;
	names_look(audit->names, name, &out->name);
	out->facts = facts_of(&audit->facts, key);
	if (ignore.len && ignore_matches(ignore, name))
		out->facts |= FACT_IGNORED;
	audit_rules_look(audit->rules, key, out);
}

void audit_soon(struct audit *audit, const struct audit_look *look)
{
	names_prefetch(audit->names, &look->name);
	audit_rules_prefetch(audit->rules, look);
}

enum status audit_key(struct audit *audit, const struct audit_key *key)
{
	CHECK(!audit->ran);
	struct audit_record record;
	struct audit_look storage;
	const struct audit_look *look = key->look;
	if (!look) {
		audit_look(audit, key, &storage);
		look = &storage;
	}
	record_of(key, &record);
	enum status status = names_learn_looked(audit->names, record.name, &look->name, key->type,
						key->bytes, &record.shape);
	if (status)
		return status;
	record.index = audit->journal.count;
	record.facts = look->facts;
	status = audit_rules_learn(audit->rules, key, look, &record);
	return status ? status : journal_append(&audit->journal, &record);
}

void audit_vanished(struct audit *audit, int64_t count) { audit->totals.vanished += count; }

void audit_server(struct audit *audit, const struct audit_server *server)
{
	audit->server = *server;
	audit->has_server = true;
}

void audit_code(struct audit *audit, const struct code *code) { audit->code = code; }

enum status audit_since(struct audit *audit, struct str json, struct err *err)
{
	struct growth *growth;
	enum status status = growth_read(json, &growth, err);
	if (status)
		return status;
	growth_destroy(audit->growth);
	audit->growth = growth;
	return STATUS_OK;
}

/* ---- settling ---- */

/* fn for each record, its family known. */
static enum status
each_record(struct audit *audit,
	    enum status (*fn)(struct audit *, const struct audit_record *, void *), void *ctx)
{
	struct audit_record record;
	enum status status = journal_rewind(&audit->journal);
	while (!status && !(status = journal_next(&audit->journal, &record))) {
		if (!names_told(audit->names, record.shape))
			return STATUS_FORMAT;
		record.family = (int64_t)names_family_of(audit->names, record.shape);
		status = fn(audit, &record, ctx);
	}
	return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status gather(struct audit *audit, const struct audit_record *record, void *ctx)
{
	(void)ctx;
	audit_rules_gather(audit->rules, record);
	return families_add(audit->families, record);
}

struct hits {
	audit_hit_fn fn;
	void *ctx;
};

static enum status judge(struct audit *audit, const struct audit_record *record, void *ctx)
{
	const struct hits *hits = ctx;
	if (!(record->facts & FACT_IGNORED))
		audit_rules_judge(audit->rules, record, hits->fn, hits->ctx);
	return STATUS_OK;
}

static enum status settle_families(struct audit *audit)
{
	enum status status = names_settle(audit->names, AUDIT_FAMILIES_MAX);
	if (!status)
		status = families_create(audit->names, audit->config.now_ms, &audit->families);
	if (!status)
		status = each_record(audit, gather, NULL);
	if (!status)
		status = families_settle(audit->families, audit->growth, audit->code);
	if (status)
		return status;
	int64_t vanished = audit->totals.vanished;
	audit->totals = *families_totals(audit->families);
	audit->totals.vanished = vanished;
	return STATUS_OK;
}

static enum status settle_rules(struct audit *audit)
{
	struct audit_rules_scene scene = {
		.limits = &audit->config.limits,
		.now_ms = audit->config.now_ms,
		.totals = &audit->totals,
		.server = audit->has_server ? &audit->server : NULL,
		.code = audit->code,
	};
	scene.n_families = families_list(audit->families, &scene.families);
	return audit_rules_settle(audit->rules, &scene);
}

enum status audit_run(struct audit *audit, audit_hit_fn on_hit, void *ctx)
{
	CHECK(!audit->ran);
	audit->ran = true;
	struct hits hits = { on_hit, ctx };
	enum status status = settle_families(audit);
	if (!status)
		status = settle_rules(audit);
	if (!status)
		status = each_record(audit, judge, &hits);
	if (!status)
		status = audit_rules_end(audit->rules, on_hit, ctx);
	audit->totals.names_lost = (int64_t)names_lost(audit->names);
	audit->totals.findings_left_out = audit_rules_left_out(audit->rules);
	return status;
}

/* ---- what came of it ---- */

const struct audit_totals *audit_totals(const struct audit *audit) { return &audit->totals; }

size_t audit_families(const struct audit *audit, const struct audit_family **out)
{
	*out = NULL;
	return audit->families ? families_list(audit->families, out) : 0;
}

size_t audit_findings(const struct audit *audit, const struct audit_finding **out)
{
	return audit_rules_findings(audit->rules, out);
}

size_t audit_gone(const struct audit *audit, const struct audit_gone **out)
{
	*out = NULL;
	return audit->growth && audit->families ? growth_gone(audit->growth, out) : 0;
}

const struct audit_server *audit_server_of(const struct audit *audit)
{
	return audit->has_server ? &audit->server : NULL;
}

const struct code *audit_code_of(const struct audit *audit) { return audit->code; }

int64_t audit_family_of(const struct audit *audit, struct str name)
{
	CHECK(audit->ran);
	if (name.len > AUDIT_NAME_MAX)
		name.len = AUDIT_NAME_MAX;
	return audit->families ? names_find(audit->names, name) : -1;
}

struct audit_rules *audit_rules_of(const struct audit *audit) { return audit->rules; }
