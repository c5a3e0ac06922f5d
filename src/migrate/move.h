/* move.h - keys whose place is a database: their rows, put there, read back, and only then said
 * to be there.
 *
 *   move_open → move_key … or move_begin, move_piece …, move_end → move_settle → move_close
 *
 * A key becomes rows (moved.h) of indicator_data, trades or records (def/archive.def). Rows of many
 * keys go as one batch a table, through the same sinks as the archive's; then the batch is asked
 * for by its id, and what the sink answers is counted and its rows' hashes are summed: where both
 * are as they were sent, on_key says CONFIRMED for each of its keys. Until then nothing is known
 * and the source stays. One batch of a sink is under way at a time.
 *
 * The same key moved again makes the same rows, and rows with the same business key replace the
 * older ones; so a run that was killed is run again. Batch ids rise with the clock; where reading
 * back finds rows of a newer one, as after the clock was turned back, they go on above the largest
 * that the table holds (one beyond 2^62 is nobody's clock, and its rows are refused). Rows of
 * elements that the source no longer has stay: in the database they are history. A key that expired
 * or was deleted takes no row with it.
 *
 * What a sink refuses is halved down to the keys that are the cause: they end as REFUSED with its
 * words, the others go on (some rows of a key of many may be there all the same). A sink that is
 * away is tried again for patience_ns; then its keys end as FAILED, and those that come after it
 * wait no longer until one is confirmed again. In ClickHouse a row that was sent twice is one under
 * FINAL.
 *
 * Blocking: every call but move_begin and move_piece turns an own loop, and on_key is called from
 * inside them. Memory: MOVE_SET_BYTES and one key's rows (MOVE_KEY_BYTES), twice, a sink. One
 * thread. */
#pragma once

#include "migrate/plan_file.h"
#include "migrate/source.h"

enum {
	MOVE_SET_ROWS = 10000,       /* a batch is closed at */
	MOVE_SET_BYTES = 4 << 20,    /* or at */
	MOVE_KEY_BYTES = 192 << 20,  /* of one key's rows: more is refused */
	MOVE_VALUE_BYTES = 64 << 20, /* of one string */
};

enum move_outcome {
	MOVE_CONFIRMED, /* all its rows are in the sink, counted and checksummed by reading back */
	MOVE_REFUSED,   /* its rows cannot be put there: why. The source stays */
	MOVE_FAILED,    /* the sink is away or held: why. Nothing is known; to be moved again */
};

struct move_end {
	uint64_t token;
	enum move_outcome outcome;
	uint64_t rows;     /* of the key */
	uint64_t checksum; /* sum of its rows' hashes */
	const char *why;   /* one line, "" when confirmed */
};

struct move_config {
	/* Of each sink that a family names: of DuckDB the path of its file, else a URL. NULL: none.
	 */
	const char *urls[MIGRATE_SINKS];
	int64_t patience_ns;                                   /* 0: 60 s */
	void (*on_key)(void *ctx, const struct move_end *end); /* may not call move_… */
	/* A sink is away or holds what it was given; it is tried again. May be NULL. */
	void (*on_trouble)(void *ctx, enum migrate_sink sink, const char *why);
	void *ctx;
};

struct move;

/* Connects to each and makes its tables. UNAVAILABLE, INVALID: err names the sink and why. */
MUST_CHECK enum status move_open(const struct move_config *config, struct move **out,
				 struct err *err);
/* What is not settled ends as FAILED. NULL is fine. */
void move_close(struct move *move);

/* Whether the family can be moved at all: its table, where time, tags and fields come from.
 * FORMAT: err is one line. To be asked before anything is done. */
MUST_CHECK enum status move_check(const struct migrate_family *family, struct err *err);

/* The database that the next keys are of: names of others than 0 are told apart by `N/` before
 * them, and those of 0 that begin so by `0/`. */
void move_database(struct move *move, int database);

/* One whole key, not `big`, with its content: value or elements. name: printed (pattern.h), match:
 * of the family's pattern. The end comes by on_key, once, at any later call; where the key cannot
 * be made into rows without loss at once, and INVALID is returned: err says why, on_key says
 * nothing. */
MUST_CHECK enum status move_key(struct move *move, const struct migrate_family *family,
				struct str name, const struct pattern_match *match,
				const struct source_key *key, uint64_t token, struct err *err);

/* The same in pieces, as source_walk gives them; of a string they are put together. One key at a
 * time. A status but OK: that key is over (move_end is not called). match lives until the end. */
MUST_CHECK enum status move_begin(struct move *move, const struct migrate_family *family,
				  struct str name, const struct pattern_match *match,
				  enum audit_type type, int64_t expires_ms, struct err *err);
MUST_CHECK enum status move_piece(struct move *move, const struct audit_element *elements,
				  size_t count, struct err *err);
MUST_CHECK enum status move_end(struct move *move, uint64_t token, struct err *err);
/* Begun, and no more wanted: it went, or changed midway. */
void move_cancel(struct move *move);

/* All that was given ends now: open batches are closed, sent and read back. */
void move_settle(struct move *move);
/* What can go on without waiting does; open batches that are older than a second are closed. For
 * who keeps sinks in step between other work. */
void move_turn(struct move *move);
size_t move_waiting(const struct move *move); /* keys that have not ended */

/* What the rows of a key are, without a sink, to compare with what was journaled: the same count
 * and checksum that on_key told. */
MUST_CHECK enum status move_digest(struct move *move, const struct migrate_family *family,
				   struct str name, const struct pattern_match *match,
				   const struct source_key *key, uint64_t *rows, uint64_t *checksum,
				   struct err *err);
