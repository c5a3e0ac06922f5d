/* code.h - what source code does with Redis: a text scan, file by file (languages.def).
 *
 * A receiver is known as a client by an import, a construction, a parameter or an attribute
 * name in a file that mentions redis; comments and strings are not code. Files are told in any
 * order; code_settle joins what they say of each other (a client made in one and used in
 * another, a pattern written here and read there). Texts are copied. One thread; bounded:
 * CODE_*_MAX, and what goes beyond is counted. */
#pragma once

#include "audit/finding.h"
#include "audit/key.h"

enum {
	CODE_FILE_BYTES_MAX = 4 << 20, /* larger files are counted and skipped */
	CODE_FILES_MAX = 100000,
	CODE_KEYS_MAX = 20000,
	CODE_PLACES_MAX = 200, /* of one pattern's readers or writers: the first so many */
};

struct code;

/* One key pattern: constant text and {placeholders} of the code's own names. */
struct code_key {
	const char *pattern;
	uint32_t types; /* bits 1 << enum audit_type, by the commands used */
	const char *const *writers, *const *readers; /* "file:line" */
	size_t n_writers, n_readers;
	bool removes, expires; /* somewhere it is deleted; somewhere it gets a TTL */
	enum audit_use use;    /* a queue where it is popped, a lock where NX …; else unknown */
};

struct code_call {
	const char *name; /* as written, lower case: "delete" */
	int64_t count;
};

struct code_summary {
	int64_t files;      /* that mention redis */
	int64_t files_read; /* all that were looked at */
	int64_t skipped;    /* too large, binary */
	int64_t constructors;
	int64_t lost;                  /* uses, texts, patterns beyond the bounds */
	const struct code_call *calls; /* by name */
	size_t n_calls;
	const struct code_key *keys; /* by pattern */
	size_t n_keys;
};

MUST_CHECK enum status code_create(struct code **out);
void code_destroy(struct code *code);
/* By its name: is this a language that is known? */
bool code_wants(struct str path);
/* path: relative to the tree's root, as findings print it. NO_MEMORY, FULL (counted). */
MUST_CHECK enum status code_file(struct code *code, struct str path, struct str text);
MUST_CHECK enum status code_settle(struct code *code);
const struct code_summary *code_summary(const struct code *code);
/* The findings of the code alone: connection, round-trips, atomicity, queue-loss, collision,
 * no-ttl, cache, dead; each hit once. After code_settle. */
void code_findings(const struct code *code, void (*fn)(void *ctx, const struct audit_finding *),
		   void (*on_hit)(void *ctx, const struct audit_hit *), void *ctx);
