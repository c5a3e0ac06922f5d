/* live.h - every key of a running server, as it is served to others.
 *
 * live_run connects (redis://, rediss://, unix://), asks every database that has keys, or the
 * URL's alone, by SCAN, and tells each key once: on a cluster every master is asked. No KEYS,
 * no scripts, no DEBUG; CONFIG and ACL only for what is known of the server.
 *
 * Of each key first what does not count as use (OBJECT IDLETIME, TYPE, PTTL, MEMORY USAGE,
 * OBJECT ENCODING), then, by depth, its length or a sample of its value. The connection asks for
 * CLIENT NO-TOUCH, so that these leave idle times and frequencies alone; where it is refused
 * (Redis before 7.2) they set the idle time to zero, which is told as it was before, and the
 * result says that keys were touched.
 *
 * No sample has much more than a megabyte: of a large collection the length is asked first, and
 * where its elements are too large on average the length is all that is asked.
 *
 * Pace: at most `rate` keys a second, in bursts of LIVE_BURST keys, one at a time, each when
 * its time has come and no sooner than the server had as long for others as the burst before
 * took; a burst of large values has fewer. Rate 0: the server is kept busy.
 *
 * A key that vanishes while it is asked for is counted. A connection that breaks, a server
 * that loads or lost its master is tried again with back-off; the scan goes on from its cursor,
 * or, when another process answers (its run_id), from the beginning, which tells nothing twice.
 * A command that the server refuses is not asked again, and said in the result.
 *
 * What SCAN tells twice is told once: digests of 64 bits of the names that were told, 8 to 16
 * bytes a key, up to LIVE_SEEN_MAX names (two names of one digest: once in 5 million audits of
 * 2 million keys); what is told beyond them could be told twice and is counted.
 *
 * Blocking; one thread; memory beside the digests: some MB. */
#pragma once

#include "audit/key.h"
#include "audit/server.h"
#include "base/err.h"

enum {
	LIVE_RATE = 100000, /* keys/s unless said otherwise */
	LIVE_COUNT = 128,   /* of SCAN */
	LIVE_BURST = 4,
	LIVE_SEEN_MAX = 7 << 20,
	LIVE_REFUSALS = 32,
	LIVE_WHY_BYTES = 120,
};

enum live_depth {
	LIVE_METADATA, /* nothing that counts as use: lengths are unknown (-1) */
	LIVE_LENGTHS,
	LIVE_VALUES,
};

struct live_config {
	struct str url;
	const char *tls_ca, *tls_thumbprint; /* rediss://; NULL both: the system's authorities */
	enum live_depth depth;
	int64_t rate;               /* keys a second; 0: unpaced */
	int64_t stale_ms;           /* of consumers that have entries pending */
	const struct str *excludes; /* globs of names that are not asked for */
	size_t n_excludes;
	int64_t deadline_ns; /* of one answer; 0: 5 s */
	int64_t patience_ns; /* without any progress; 0: 30 s */
	/* Other than OK ends the run with it. */
	enum status (*on_key)(void *ctx, const struct audit_key *key);
	void (*on_progress)(void *ctx, int64_t done, int64_t total); /* may be NULL */
	void *ctx;
};

struct live_refusal {
	const char *command; /* "OBJECT IDLETIME" */
	int64_t count;       /* how often it was refused before it was no longer asked */
	char why[LIVE_WHY_BYTES];
};

struct live_result {
	struct audit_server server;
	int64_t keys, vanished, excluded;
	int64_t duplicates;   /* SCAN told them again */
	int64_t unremembered; /* told, beyond LIVE_SEEN_MAX */
	int64_t unaskable;    /* longer than AUDIT_NAME_MAX: not told */
	int64_t hidden;       /* ACL rules forbid the key: not told */
	int64_t reconnects, restarts;
	bool touches; /* CLIENT NO-TOUCH is refused: what was read counts as used just now */
	int nodes, databases;
	struct live_refusal refused[LIVE_REFUSALS];
	size_t n_refused;
};

/* Errors of the source: UNAVAILABLE, REFUSED, INVALID (the URL), in one line without the
 * password; else on_key's. *result is filled in either case. */
MUST_CHECK enum status live_run(const struct live_config *config, struct live_result *result,
				struct err *err);
