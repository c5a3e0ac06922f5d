/* plan_file.h - the plan of a migration: JSON that `weir migrate plan` writes and a person edits.
 *
 *   {"weir_migrate": 1,
 *    "source": "redis://127.0.0.1:6379/0",      without user and password
 *    "databases": [0],
 *    "audit": "9f2c…",                          digest of the audit it came from
 *    "sinks": {"clickhouse": "http://127.0.0.1:8123/desk"},
 *    "families": [
 *     {"match": "{symbol}_{tf}",                pattern of names (pattern.h)
 *      "from": "string",                        type that its keys have now; others are skipped
 *      "to": "indicators:v1:{symbol}:{tf}",     the new name; "" where a sink takes it, or skipped
 *      "type": "hash",                          same, hash, stream, packed, skip
 *      "ttl": "keep",                           or seconds for keys that have none
 *      "sink": "redis",                         or influx, clickhouse, postgres, duckdb
 *      "rule": "json-string",                   why, for people
 *      "lead": "old",                           who writes until finish: old or new code
 *      "table": "indicator_data",               of a sink: table or measurement
 *      "time": ".ts",                           of a sink: where the time comes from
 *      "key": ["id"],                           of a sink: columns of the business key
 *      "fields": {"rsi": ".RSI14"},             of a sink: column or field ← where from
 *      "tags": {"symbol": "{symbol}"}}]}        of a sink: tag or column ← where from
 *
 * Where something comes from: "{part}" of the name; ".member" of a flat JSON object or field of a
 * hash or stream entry; "value" the whole value or element; "score" of a zset; "field" the name of
 * a hash's field; "id" of a stream's entry; "index" of a list; "now" when it was moved. Other text
 * is refused.
 *
 * Families are looked at in the plan's order and the first that matches has the key; patterns that
 * overlap are refused all the same, so that the order cannot matter unnoticed. Names of two
 * families that could make one target are refused (two keys of one family that make one target are
 * found by apply). Unknown members are refused by name. Plain data, alive as long as the plan. */
#pragma once

#include "audit/key.h"
#include "migrate/pattern.h"

enum {
	MIGRATE_FAMILIES_MAX = 4096,
	MIGRATE_FIELDS_MAX = 256,
	MIGRATE_KEY_MAX = 16,
	MIGRATE_DATABASES_MAX = 64,
	MIGRATE_PLAN_BYTES_MAX = 16 << 20,
};

enum migrate_form {
	MIGRATE_SAME,   /* the same type and bytes, under another name */
	MIGRATE_HASH,   /* string that holds a flat JSON object → hash of its members */
	MIGRATE_STREAM, /* list → stream, an entry an element */
	MIGRATE_PACKED, /* string → string, compressed; read by `weir read` or any zstd */
	MIGRATE_SKIP,   /* left as it is, counted */
	MIGRATE_FORMS
};

enum migrate_sink {
	MIGRATE_REDIS,
	MIGRATE_INFLUX,
	MIGRATE_CLICKHOUSE,
	MIGRATE_POSTGRES,
	MIGRATE_DUCKDB,
	MIGRATE_SINKS
};

enum migrate_lead { MIGRATE_LEAD_OLD, MIGRATE_LEAD_NEW };

struct migrate_field {
	const char *name, *from;
};

struct migrate_family {
	const char *match, *to, *rule;
	enum audit_type from;
	enum migrate_form form;
	int64_t ttl_s; /* 0: keep */
	enum migrate_sink sink;
	enum migrate_lead lead;
	/* Of a sink. */
	const char *table, *time; /* "" where not told */
	const char *key[MIGRATE_KEY_MAX];
	size_t n_key;
	const struct migrate_field *fields, *tags;
	size_t n_fields, n_tags;
};

struct migrate_plan {
	const char *source;                   /* URL without login */
	const char *audit;                    /* its digest, "" unknown */
	const char *sink_urls[MIGRATE_SINKS]; /* NULL: none told */
	int databases[MIGRATE_DATABASES_MAX];
	size_t n_databases;
	const struct migrate_family *families;
	size_t n_families;
	uint64_t digest; /* of what decides where keys go and come from: all but lead, ttl, rule,
			    audit and logins, which may be changed on the way */
};

/* USAGE: the text is no such plan, err is one line with the family's number and match.
 * *out is freed by plan_file_destroy. */
MUST_CHECK enum status plan_file_parse(struct str text, struct migrate_plan **out, struct err *err);
MUST_CHECK enum status plan_file_read(const char *path, struct migrate_plan **out, struct err *err);
void plan_file_destroy(struct migrate_plan *plan); /* NULL is fine */
/* As a person edits it: a member a line, a blank line between families. */
void plan_file_print(struct buf *out, const struct migrate_plan *plan);
/* The URL without user and password. */
void plan_file_put_source(struct buf *out, struct str url);

/* Do two families match, or make, the same names? USAGE: err names both. */
MUST_CHECK enum status plan_file_check_pairs(const struct migrate_plan *plan, struct err *err);
/* Does it put keys into Redis? */
bool plan_file_makes_keys(const struct migrate_family *family);
/* The pattern of the names that it makes. */
void plan_file_put_target(struct buf *out, const struct migrate_family *family);

/* The first family that matches; its index, or -1. match may be NULL. */
int64_t plan_file_family(const struct migrate_plan *plan, struct str printed,
			 struct pattern_match *match);

const char *migrate_form_text(enum migrate_form form);
const char *migrate_sink_text(enum migrate_sink sink);
