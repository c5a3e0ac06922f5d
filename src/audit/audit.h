/* audit.h - an audit: keys, server and code in, families and findings out.
 *
 *   audit_create → audit_key, for each key, once → audit_server, audit_code → audit_run
 *   → audit_families, audit_findings, audit_trials … → audit_destroy
 *
 * Passes. audit_key learns of the names (names.h) and appends a record of the key (what rules
 * need, not its value) to the journal; audit_run settles the families and reads the records
 * twice, in the order in which they came, once for the families' figures and once to judge: so
 * memory does not grow with the keys, but for RULES_MEMORY_MAX (rules.h) of digests. Records
 * live in memory up to `records_memory` bytes, then where config.spill puts them.
 *
 * Pure: no clock, no files. One thread. */
#pragma once

#include "audit/code.h"
#include "audit/family.h"
#include "audit/finding.h"
#include "audit/server.h"
#include "base/err.h"

struct audit;

/* A file of records: appended to, then read from its beginning, twice. */
struct audit_spill {
	enum status (*append)(void *ctx, struct str bytes);
	/* Up to size bytes from `offset`; *got 0 at the end. */
	enum status (*read)(void *ctx, uint64_t offset, char *at, size_t size, size_t *got);
	void *ctx;
};

/* What can be set; section [audit] of the configuration (config.def) has the same names. */
struct audit_limits {
	int64_t dead_days, stale_hours;
	int64_t big_string, big_hash, big_items, big_bytes;
	int64_t unbounded_items;
	int64_t compress_min;
	struct str separators; /* ":_-./|" */
	struct str off;        /* rules that are not looked for, comma-separated */
	struct str ignore;     /* globs of keys that no rule looks at, comma-separated */
};

struct config;
/* Section [audit]; texts live as long as the config. */
struct audit_limits audit_limits_of(const struct config *config);

struct audit_config {
	struct audit_limits limits; /* texts are copied */
	int64_t now_ms;
	const struct audit_spill *spill; /* NULL: NO_MEMORY at records_memory */
	size_t records_memory;           /* 0: 24 MB */
};

MUST_CHECK enum status audit_create(const struct audit_config *config, struct audit **out);
void audit_destroy(struct audit *audit);

/* What the key says by itself (look.h). Any thread, also while another is in audit_key. */
void audit_look(const struct audit *audit, const struct audit_key *key, struct audit_look *out);
/* The key of this look comes in a moment, best 16 keys later: what audit_key needs of what was
 * learned is read into the cache. On audit_key's thread; nothing else comes of it. */
void audit_soon(struct audit *audit, const struct audit_look *look);
/* A key is told once; told again (a scan may) it is counted and dropped by its caller. */
MUST_CHECK enum status audit_key(struct audit *audit, const struct audit_key *key);
/* Keys that the source could not tell: they vanished, or the reply was refused. */
void audit_vanished(struct audit *audit, int64_t count);
void audit_server(struct audit *audit, const struct audit_server *server);
/* Settled code; lives as long as the audit. */
void audit_code(struct audit *audit, const struct code *code);
/* An older audit's --json, for growth. FORMAT: it is none. */
MUST_CHECK enum status audit_since(struct audit *audit, struct str json, struct err *err);

/* Settles. on_hit (may be NULL) is called for each affected key, in the order of the keys. */
MUST_CHECK enum status audit_run(struct audit *audit,
				 void (*on_hit)(void *ctx, const struct audit_hit *), void *ctx);

struct audit_totals {
	int64_t keys, bytes, no_ttl, bytes_no_ttl, vanished;
	int64_t values_bytes;
	int64_t unread; /* bytes unknown: MEMORY USAGE refused */
	int64_t dbs;
	int64_t names_lost;        /* names without a family of their own: there was no room */
	int64_t findings_left_out; /* beyond AUDIT_FINDINGS_MAX */
};

/* After audit_run. Families by bytes, largest first; findings by severity, then bytes. */
const struct audit_totals *audit_totals(const struct audit *audit);
size_t audit_families(const struct audit *audit, const struct audit_family **out);
size_t audit_findings(const struct audit *audit, const struct audit_finding **out);
/* What the older audit had and this one has not, by bytes; none where none was told. */
size_t audit_gone(const struct audit *audit, const struct audit_gone **out);
const struct audit_server *audit_server_of(const struct audit *audit);
const struct code *audit_code_of(const struct audit *audit);
/* The family a name belongs to; -1: it was never told. */
int64_t audit_family_of(const struct audit *audit, struct str name);
