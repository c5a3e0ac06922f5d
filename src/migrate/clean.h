/* clean.h - removing what an audit found dead, with a way back: `weir clean`.
 *
 *   clean_open → clean_find (an audit: which keys, by which rule) → clean_take → clean_purge
 *   → clean_close;   or clean_open → clean_restore → clean_close
 *
 * find     only looks: names, types, sizes, TTLs, idle times; nothing that counts as use. So a
 *          look does not make a dead key look alive, and rules that need values find nothing.
 * take     each key that was found and is still so (idle as long as rule dead wants it, without
 *          TTL for the others, not used since some seconds before find began): its DUMP and TTL
 * into the quarantine file, synced, then RENAMENX to weir:quarantine:<unix ms>:<name> under WATCH.
 * It keeps its TTL there, and its bytes. purge    UNLINKs what is in quarantine for longer than
 * quarantine_ms and as it was put there. restore  puts all that is in quarantine back under its
 * name, never over a key that came meanwhile; what the server has lost (evicted, flushed) comes
 * from the file.
 *
 * Between any two steps the quarantine file and the server together have every key, so a kill -9
 * loses nothing and a rerun goes on. The folder is locked (IN_USE) and is one server's. Memory: 40
 * bytes a key in quarantine, names of what was found, the audit's. Blocking; one thread. */
#pragma once

#include "audit/audit.h"
#include "base/err.h"

enum {
	CLEAN_FOUND_MAX = 2000000, /* keys of one run; more are the next run's, and counted */
	CLEAN_NAMES_MAX = 256 << 20,
	CLEAN_HELD_MAX = 8000000,       /* entries of the quarantine file; FULL beyond */
	CLEAN_KEY_BYTES_MAX = 15 << 20, /* larger keys are left alone: a DUMP is one reply */
	CLEAN_EXAMPLES = 3,
};

struct clean;

struct clean_config {
	struct str url;     /* copied */
	const char *folder; /* of the quarantine file; made when there is none */
	struct audit_limits limits;
	bool rules[FINDING_RULES];
	int64_t rate; /* keys a second of find; 0: unpaced */
	int64_t quarantine_ms;
	/* A line each, of what a person must know. May be NULL. */
	void (*on_line)(void *ctx, const char *line);
	void (*on_progress)(void *ctx, const char *what, int64_t done, int64_t total); /* NULL */
	const bool *stop; /* set by a signal: ends at the next batch, CANCELLED; may be NULL */
	void *ctx;
};

/* One finding of a rule that was asked for. */
struct clean_row {
	enum finding_rule rule;
	const char *pattern; /* "" where it has no family */
	int64_t keys, bytes;
	const char *examples[CLEAN_EXAMPLES];
	size_t n_examples;
};

struct clean_counts {
	int64_t found, bytes; /* keys that a rule found, each once */
	int64_t beyond;       /* found, over CLEAN_FOUND_MAX */
	int64_t taken, taken_bytes;
	/* of found, left alone: */
	int64_t used;    /* since find began, or not idle enough any more */
	int64_t changed; /* while it was being taken, or got a TTL */
	int64_t gone, large;
	int64_t untold;  /* the server tells no idle times (an LFU policy) */
	int64_t waiting; /* in quarantine at the end */
	int64_t purged, purged_bytes;
	int64_t touched; /* changed in quarantine: left there */
	int64_t restored;
	int64_t in_the_way; /* not restored: the name has a key */
	int64_t expired;    /* in quarantine: their time came */
};

/* Rules whose fix is removal: those that clean_config.rules may have. */
bool clean_can(enum finding_rule rule);

/* INVALID (the URL), UNAVAILABLE, IN_USE, CHECKSUM (the quarantine file is damaged). */
MUST_CHECK enum status clean_open(const struct clean_config *config, struct clean **out,
				  struct err *err);
void clean_close(struct clean *clean); /* NULL is fine */
MUST_CHECK enum status clean_find(struct clean *clean, struct err *err);
/* After clean_find; largest first. */
size_t clean_rows(const struct clean *clean, const struct clean_row **out);
MUST_CHECK enum status clean_take(struct clean *clean, struct err *err);
MUST_CHECK enum status clean_purge(struct clean *clean, struct err *err);
MUST_CHECK enum status clean_restore(struct clean *clean, struct err *err);
const struct clean_counts *clean_counts(struct clean *clean);
