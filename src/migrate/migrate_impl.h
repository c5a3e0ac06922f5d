/* migrate_impl.h - shared by the files of the migration itself.
 *   migrate.c       open, close, servers, passes over all names
 *   step.c          a batch: looked at, decided, done in one MULTI, read back, journaled
 *   step_settle.c   what is to be done with a key, and what became of it
 *   step_write.c    the commands that write a form
 *   step_big.c      one large key, in pieces
 *   step_sink.c     a key whose place is a database (move.h)
 *   step_confirm.c  the same once more, before it goes
 *   backup.c        what a key was, into the backup and out of it
 *   verify.c, finish.c, rollback.c, dual.c, notify.c */
#pragma once

#include "migrate/arena.h"
#include "migrate/decide.h"
#include "migrate/journal.h"
#include "migrate/migrate.h"
#include "migrate/move.h"

enum {
	STEP_KEYS = 128, /* of a batch */
	STEP_TRIES = 8,  /* of one key that is written to all the time */
	STEP_HURRY = 3,  /* from this try on the disk is waited for after EXEC */
	BIG_TRIES = 3,
	EXPIRY_TOLERANCE_MS = 2000,
};

#define MIGRATE_TEMPORARY "weir:migrate:tmp:"

struct move_pending;

struct migrate {
	struct migrate_config config;
	struct migrate_plan *plan;
	struct redis_url url;
	int lock_fd;
	struct journal journal, backup;
	struct keybook *book;
	struct migrate_counts *counts; /* by family; the last is of no family */
	struct migrate_lag lag;
	/* Of the database that is worked on. */
	struct migrate_server *server;
	struct source_reader *reader;
	struct form_room *room;
	struct buf command; /* a command's large parts */
	uint32_t pass;
	int64_t told_ns, done;
	bool checking;         /* verify: nothing is written */
	bool warned;           /* of a server that evicts */
	struct notify *notify; /* dual's, while it runs: who deletes is told; NULL */
	/* Sinks. */
	struct move *move;
	struct move_pending *pendings; /* keys whose rows are on their way */
	size_t n_pendings, pendings_room;
	struct err move_err; /* of what on_key could not journal */
};

struct step_key {
	struct str old_name, new_name, printed;
	int64_t family;
	struct pattern_match match; /* points into printed */
	struct source_key old_key, new_key;
	enum form_reason reason;
	struct digest made;
	enum decide_action action;
	int64_t new_expires_ms;
	size_t entry;                  /* SIZE_MAX: never met */
	size_t first_reply, n_replies; /* of EXEC */
	enum keybook_state outcome;
	struct digest big_made; /* of a large one: found by going through it */
	bool untold;            /* a large one that cannot be gone through */
};

struct step {
	struct migrate *migrate;
	struct step_key *keys;
	size_t count;
	int tries;
	struct arena *texts;
};

/* ---- migrate.c ---- */
bool migrate_stopped(const struct migrate *migrate);
void migrate_line(struct migrate *migrate, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void migrate_tell(struct migrate *migrate, const char *phase);
MUST_CHECK enum status migrate_use(struct migrate *migrate, int db, struct err *err);
void migrate_unuse(struct migrate *migrate);
MUST_CHECK enum status migrate_put(struct migrate *migrate, const struct keybook_record *record,
				   struct err *err);
/* fn gets batches of at most STEP_KEYS, with family, names and entry filled in: first of all old
 * names that are there, by SCAN, then of those that the journal has and SCAN did not tell. */
typedef enum status (*migrate_batch_fn)(struct migrate *migrate, struct step *step,
					struct err *err);
MUST_CHECK enum status migrate_pass(struct migrate *migrate, const char *phase, bool scan,
				    migrate_batch_fn fn, struct err *err);
/* The same for names that somebody told. */
MUST_CHECK enum status migrate_names(struct migrate *migrate, const struct str *names, size_t count,
				     migrate_batch_fn fn, struct err *err);
struct migrate_counts *migrate_counts_of(struct migrate *migrate, const struct step_key *key);
const struct migrate_family *migrate_family_of(const struct migrate *migrate,
					       const struct step_key *key);
void migrate_clear_counts(struct migrate *migrate);

/* ---- step.c ---- */
static inline bool step_is_big(const struct step_key *key)
{
	return key->old_key.big || key->new_key.big;
}
MUST_CHECK enum status step_sort_out(struct step *step, struct err *err);
/* Both sides of each key; wants: SOURCE_*. */
MUST_CHECK enum status step_read(struct step *step, int wants_old, int wants_new, struct err *err);
/* How many step_read read with SOURCE_BOUNDED: those before the first one that is late, at least
 * one.
 */
size_t step_count_read(const struct step *step);
MUST_CHECK enum status step_run(struct migrate *migrate, struct step *step, struct err *err);
/* Decides each key by what was read; keys of more than one reply are `big` and not decided. */
void step_decide(struct step *step);
/* Of expiries, as exactly as the server tells them. */
int64_t step_tolerance_ms(const struct migrate *migrate);
void step_decide_one(struct step *step, struct step_key *key);
/* The backup has the key as it was when it was copied first. */
bool step_was_backed_up(struct migrate *migrate, const struct step_key *key);
MUST_CHECK enum status step_watch(struct step *step, struct err *err);
MUST_CHECK enum status step_unwatch(struct migrate *migrate, struct err *err);
/* The key's record with this state, as it is now. */
MUST_CHECK enum status step_journal(struct migrate *migrate, struct step_key *key,
				    enum keybook_state state, struct digest source,
				    struct digest target, struct err *err);
void step_count(struct step *step, const struct step_key *key);
void step_count_behind(struct step *step, const struct step_key *key);
/* Counts and journals what became of a key: action, and outcome where it was written. */
MUST_CHECK enum status step_settle_key(struct step *step, struct step_key *key, struct err *err);
void step_conflict(struct migrate *migrate, const struct step_key *key);

/* ---- step_write.c ---- */
/* Where a form is written before it takes its name: of this plan and key alone. 64 bytes hold it.
 */
void step_temporary(struct buf *out, const struct migrate *migrate, const struct step_key *key);
/* What the names of all of this plan's begin with. */
void step_temporaries(struct buf *out, const struct migrate *migrate);
/* What the old key's expiry becomes where the new one leads. */
int64_t step_old_expiry(const struct migrate *migrate, const struct step_key *key);
/* Queues what the key's action needs, inside MULTI; replies are counted into *replies. */
MUST_CHECK enum status step_put_writes(struct migrate *migrate, struct step_key *key,
				       size_t *replies, struct err *err);
/* Elements appended to a key of the type; false: the command buffer is full. */
void step_put_elements(struct migrate *migrate, struct str name, enum audit_type type,
		       const struct audit_element *elements, size_t count, redis_reply_fn fn,
		       void *ctx, size_t *replies);
void step_put_expiry(struct migrate *migrate, struct str name, int64_t expires_ms,
		     redis_reply_fn fn, void *ctx);

/* ---- step_big.c ---- */
MUST_CHECK enum status step_big(struct migrate *migrate, struct step *step, struct step_key *key,
				struct err *err);
/* What a large old key would become: key->made, or why not. */
MUST_CHECK enum form_reason step_big_made(struct migrate *migrate, struct step_key *key);
/* Both sides, with digests whatever their size. One with an element that is larger than a reply may
 * be has none, and is `untold`; WATCH is gone then. */
MUST_CHECK enum status step_big_read(struct migrate *migrate, struct step_key *key,
				     struct err *err);
MUST_CHECK enum status step_big_digest(struct migrate *migrate, struct str name,
				       struct source_key *key, struct err *err);
/* The same of one side of a key. A reply that no reader takes ends the connection, and is this
 * key's matter alone: it is `untold`. */
MUST_CHECK enum status step_big_look(struct migrate *migrate, struct step_key *key, struct str name,
				     struct source_key *side, struct err *err);

/* ---- step_sink.c ---- */
/* A batch of keys of families that have a sink. */
MUST_CHECK enum status step_sink(struct step *step, struct err *err);
MUST_CHECK enum status step_sink_open(struct migrate *migrate, struct err *err);
MUST_CHECK enum status step_sink_settle(struct migrate *migrate, struct err *err);
/* Gives a key that was read with its content, as it is now, and journals its end; what has no rows
 * is skipped. confirmed, if not NULL: that is not the first time, the backup is somebody else's,
 * and whether its rows are there stands in it after step_sink_settle. */
MUST_CHECK enum status step_sink_give(struct step *step, struct step_key *key, bool *confirmed,
				      struct err *err);
void step_sink_close(struct migrate *migrate);
/* It was met before, and has the content and the expiry that its rows were made of. */
bool step_sink_is_as_moved(struct migrate *migrate, const struct step_key *key);

/* ---- step_confirm.c ---- */
/* Before old keys go: those of families that have a sink are put there once more, as they are, and
 * read back; the batch keeps those whose rows are there now, those that are gone, and those of
 * other families. UNAVAILABLE: a sink does not say. */
MUST_CHECK enum status step_confirm(struct step *step, struct err *err);

/* ---- verify.c ---- */
MUST_CHECK enum status verify_pass(struct migrate *migrate, struct err *err);

/* ---- backup.c ---- */
/* Whole, by its DUMP; nothing where the last backup is the same. */
MUST_CHECK enum status backup_key(struct migrate *migrate, struct step_key *key, struct err *err);
/* Of a large key: the last backup has this content and expiry. */
bool backup_is_current(const struct migrate *migrate, const struct keybook_entry *entry,
		       const struct source_key *key);
MUST_CHECK enum status backup_begin(struct migrate *migrate, const struct step_key *key,
				    uint64_t *at, struct err *err);
MUST_CHECK enum status backup_piece(struct migrate *migrate, const struct audit_element *elements,
				    size_t count, struct err *err);
MUST_CHECK enum status backup_end(struct migrate *migrate, const struct step_key *key, uint64_t at,
				  struct digest digest, struct err *err);
MUST_CHECK enum status backup_take(void *migrate, uint64_t offset, struct str record,
				   struct err *err);
struct backup_whole {
	enum audit_type type;
	int64_t expires_ms;
	bool pieces;
	struct str dump; /* in the record that was read */
};
MUST_CHECK enum status backup_read(struct migrate *migrate, uint64_t at, struct buf *record,
				   struct backup_whole *whole, uint64_t *next, struct err *err);
/* Writes the pieces behind `next` to a key that is not there. */
MUST_CHECK enum status backup_write_pieces(struct migrate *migrate, uint64_t next, struct str name,
					   enum audit_type type, struct err *err);
