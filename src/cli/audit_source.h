/* audit_source.h - where an audit's keys come from: a running server or a dump, whatever is
 * named. For weir audit. Blocking; one thread. */
#pragma once

#include "cli/progress.h"
#include "def/args.h"
#include "survey/dump.h"
#include "survey/live.h"

enum audit_source_kind { AUDIT_SOURCE_NONE, AUDIT_SOURCE_LIVE, AUDIT_SOURCE_DUMP };

struct audit_source {
	enum audit_source_kind kind;
	const char *name; /* as it was given */
	char shown[400];  /* without a password */
	enum live_depth depth;
	int64_t rate, now_ms, stale_ms;
	const char *tls_ca, *tls_thumbprint;
	struct str excludes[ARGS_FLAGS_MAX];
	size_t n_excludes;
	struct progress *progress;

	/* After audit_source_read. */
	struct live_result live;
	struct dump_totals dump;
	int64_t keys;       /* that were told */
	struct err stopped; /* why not all of it was read; status OK: all was */
	enum status (*on_key)(void *ctx, const struct audit_key *key);
	void *ctx;
	/* Of a dump's keys, before on_key: as dump.h says. May be NULL. */
	void (*look)(void *look_ctx, const struct audit_key *key, struct audit_look *out);
	void (*soon)(void *look_ctx, const struct audit_look *look);
	void *look_ctx;
};

/* name: NULL is none. INVALID: neither a file nor a URL. */
MUST_CHECK enum status audit_source_choose(struct audit_source *source, const char *name,
					   struct err *err);
/* Tells every key that is not excluded. OK with `stopped`: it ended early, and some were told.
 * An error: the source cannot be had, or on_key's. */
MUST_CHECK enum status audit_source_read(struct audit_source *source, struct err *err);
/* What was refused or left out: lines on standard error. */
void audit_source_tell(const struct audit_source *source);
