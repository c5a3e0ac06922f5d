/* migrate.h - moving somebody's keys by a plan, live: `weir migrate`.
 *
 *   migrate_open → one of migrate_apply, _dual, _verify, _finish, _rollback, _status →
 * migrate_close
 *
 * apply     every key that a family matches: its backup into PLAN.work/backup, synced, then its new
 *           form under a temporary name and RENAMENX, in MULTI under WATCH of both names, then it
 * is read back and compared, then journaled. Old keys stay. dual      the same again and again, for
 * keys that were changed since, told by keyspace notifications where there are any, and by going
 * through all names. verify    each old key against its new form, read anew: source = copied +
 * skipped + expired. finish    only when verify holds: removes old keys that are as they were
 * copied; the backup has what is removed, to the byte. rollback  new forms go, old keys are there
 * again as the backup has them. What a writer changed since is told and kept, unless forced.
 *
 * A key that is gone is one that its writer deleted only where dual was told so: then its new form
 * goes, and rollback leaves it deleted (--force: it comes back). Any other that is gone (a server
 * that was emptied, or that evicts) is a conflict, or missing where both are gone, and rollback
 * brings it back from the backup where that has it as it was copied last.
 *
 * Between two steps everything is in the journal, so any of them can be killed and run again; run
 * again when all is done it changes nothing. What it needs of memory: 150 bytes a key, one batch.
 * Blocking; one thread. The folder PLAN.work is locked: IN_USE. */
#pragma once

#include "migrate/keybook.h"
#include "migrate/forms.h"
#include "migrate/plan_file.h"

struct migrate;

struct migrate_counts {
	int64_t source;                     /* keys that are, or were, of the family */
	int64_t copied;                     /* in step, or moved */
	int64_t skipped[FORM_REASON_COUNT]; /* by reason */
	int64_t expired;
	int64_t removed;   /* of copied: the old key is gone, by finish */
	int64_t behind;    /* not there, or not the same, yet */
	int64_t conflicts; /* both sides changed, or the name is taken */
	int64_t missing;   /* the new key is gone, and should not be */
	int64_t returned;  /* removed, and written again by somebody */
	int64_t deleted;   /* by their writers; not in source */
	int64_t kept;      /* by rollback: changed since */
	/* In this run. */
	int64_t written, again, backups, restored;
};

struct migrate_config {
	const char *plan_path;
	struct str url;    /* of the server, with its login; empty: the plan's */
	bool reads;        /* status, verify: the files of the work stay as they are */
	bool force;        /* rollback, and conflicts: the leading side wins */
	int64_t for_ns;    /* dual: 0 until stop */
	int64_t rescan_ns; /* dual: 0: 10 s */
	/* One line each, of what a person must know: conflicts, keys that were kept. May be NULL.
	 */
	void (*on_line)(void *ctx, const char *line);
	/* About once a second; phase is a word. May be NULL. */
	void (*on_progress)(void *ctx, const char *phase, int64_t done);
	const bool *stop; /* set by a signal: ends at the next batch */
	void *ctx;
};

struct migrate_lag {
	bool notified;      /* changes are told by the server */
	int64_t waiting;    /* keys that were told and are not in step yet */
	int64_t lag_ms;     /* how long ago all was in step at the latest */
	int64_t lag_ms_max; /* in this run */
	int64_t passes;
};

/* Reads the plan, the journal, the backup. USAGE: the plan; VERSION: it was changed since. */
MUST_CHECK enum status migrate_open(const struct migrate_config *config, struct migrate **out,
				    struct err *err);
void migrate_close(struct migrate *migrate);

MUST_CHECK enum status migrate_apply(struct migrate *migrate, struct err *err);
MUST_CHECK enum status migrate_dual(struct migrate *migrate, struct err *err);
MUST_CHECK enum status migrate_verify(struct migrate *migrate, struct err *err);
MUST_CHECK enum status migrate_finish(struct migrate *migrate, struct err *err);
MUST_CHECK enum status migrate_rollback(struct migrate *migrate, struct err *err);
/* From the journal alone: no server is asked. */
MUST_CHECK enum status migrate_status(struct migrate *migrate, struct err *err);

/* Of the step that ran last. */
const struct migrate_plan *migrate_plan_of(const struct migrate *migrate);
/* The plan's number of families: of keys that no pattern can name. */
const struct migrate_counts *migrate_counts(const struct migrate *migrate, size_t family);
const struct migrate_lag *migrate_lag(const struct migrate *migrate);
bool migrate_holds(const struct migrate *migrate); /* source = copied + skipped + expired */
int64_t migrate_skipped(const struct migrate_counts *counts); /* all reasons */
