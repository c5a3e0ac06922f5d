/* db.h - the archive file as work on the writer's thread sees it (writer_run).
 *
 *   static enum status close_it(struct archive_db *db, void *ctx, struct err *err)
 *   {       return db_exec(db, "UPDATE t SET state = ? WHERE id = ?",
 *                          DB_ARGS(DB_TEXT(STR("sent")), DB_INT(7)), NULL, err); }
 *   status = db_transact(db, close_it, ctx, &err);
 *
 * SQL is text of the program with `?` for what comes from outside; a statement is prepared
 * once and kept (the newest DB_STATEMENTS). Reading needs no transaction. Changing is done
 * in db_transact, and nowhere else: it alone knows what an error of COMMIT means.
 *
 * Statuses: DISK_FULL, NO_MEMORY (memory_limit), CANCELLED (interrupted), IO (the file),
 * INVALID (the SQL, or what it was given); err carries DuckDB's own line.
 *
 * Tables beside those of def/archive.def (the books), all of them made here:
 *
 *   sync_state(name VARCHAR, value VARCHAR)          marks: where a stream was read to
 *   ledger(name VARCHAR, value BIGINT)               counters
 *   retries(origin, entry_id, letter_id, payload, reason VARCHAR, due_ms BIGINT,
 *           attempts INTEGER)                        what is tried again
 *   batches(batch_id BIGINT, tbl VARCHAR, month INTEGER, rows BIGINT, closed_us BIGINT)
 *                                                    closed batches for the sinks
 *   batch_sinks(sink VARCHAR, batch_id BIGINT, state VARCHAR, tries INTEGER, at_us BIGINT,
 *               part_from BIGINT, part_to BIGINT, part_id BIGINT, why VARCHAR)
 *                                                    the sinks' own: sinks.c
 *
 * A batch_id is positive: 17 random bits of the file, a sequence of 36 that only rises (also
 * over a WAL that was cut), and ten bits that are 0 here, for a sink's parts of the batch. 0:
 * of none, as there was no sink; when one is named these rows get batches, with ids that lie
 * below those of all rows that are newer (db_batches_adopt).
 *
 * A closed batch is the rows WHERE batch_id = … of its table: all of one month, fixed, and
 * read in the order of their rowid. Its row of `batches` came with its last rows. Rows whose
 * batch is not in `batches` are of a batch that is open, so a row of `batches` goes with its
 * rows or after them, never before. The one thing that leaves a closed batch early is a dead
 * letter that an operator drops: then `batches.rows` is less by one.
 *
 * Only inside writer_job.work, on that thread. */
#pragma once

#include "archive/rows.h"
#include "base/err.h"

enum { DB_STATEMENTS = 64 };

struct archive_db;

/* A bound parameter. */
struct db_value {
	enum { DB_IS_NULL, DB_IS_INT, DB_IS_TEXT, DB_IS_REAL, DB_IS_TEXTS } is;
	int64_t i; /* of TEXTS: how many */
	double real;
	struct str text;
	const struct str *texts; /* a VARCHAR[]: for `IN (SELECT unnest(?))` */
};

struct db_args {
	const struct db_value *values;
	size_t count;
};

#define DB_NULL        ((struct db_value){ .is = DB_IS_NULL })
#define DB_INT(value)  ((struct db_value){ .is = DB_IS_INT, .i = (value) })
#define DB_REAL(value) ((struct db_value){ .is = DB_IS_REAL, .real = (value) })
#define DB_TEXT(value) ((struct db_value){ .is = DB_IS_TEXT, .text = (value) })
#define DB_TEXTS(list, n)                                                                          \
	((struct db_value){ .is = DB_IS_TEXTS, .texts = (list), .i = (int64_t)(n) })
#define DB_ARGS(...)                                                                               \
	((struct db_args){ (const struct db_value[]){ __VA_ARGS__ },                               \
			   sizeof((const struct db_value[]){ __VA_ARGS__ }) /                      \
			       sizeof(struct db_value) })
#define DB_NONE ((struct db_args){ NULL, 0 })

/* One statement. changed: rows it inserted, updated or deleted; may be NULL. */
MUST_CHECK enum status db_exec(struct archive_db *db, const char *sql, struct db_args args,
			       int64_t *changed, struct err *err);
/* First column of the first row; `absent` where there is no row, or NULL. */
MUST_CHECK enum status db_scalar(struct archive_db *db, const char *sql, struct db_args args,
				 int64_t absent, int64_t *out, struct err *err);

struct db_row; /* of an answer: during the callback */

/* Columns count from 0. Any whole-number, DATE, TIMESTAMP (µs) or DECIMAL column (its
 * mantissa); BOOLEAN is 0 or 1. */
bool db_row_null(const struct db_row *row, size_t column);
int64_t db_row_int(const struct db_row *row, size_t column, int64_t absent);
i128 db_row_big(const struct db_row *row, size_t column); /* HUGEINT, DECIMAL(38,…); NULL: 0 */
double db_row_real(const struct db_row *row, size_t column, double absent); /* DOUBLE */
struct str db_row_text(const struct db_row *row, size_t column); /* VARCHAR; NULL: ptr NULL */

/* Each row once, in order; false ends the walk, which is OK. `each` may not use db. */
MUST_CHECK enum status db_each(struct archive_db *db, const char *sql, struct db_args args,
			       bool (*each)(void *ctx, const struct db_row *row), void *ctx,
			       struct err *err);

/* Rows of the table `WHERE where` (may end in ORDER BY; NULL: all; without an order as they
 * lie in the file), at most `limit`, added to `rows` without batch_id. FULL: rows has no
 * room for the next; those before it are there. Vectors are read whole: more than a million
 * rows of trade_results a second. */
MUST_CHECK enum status db_read_rows(struct archive_db *db, enum archive_table table,
				    const char *where, struct db_args args, size_t limit,
				    struct archive_rows *rows, struct err *err);

/* A transaction: BEGIN, fn, COMMIT. What fn answers but OK rolls back and is returned. An
 * error of COMMIT says nothing about what is in the file: it is closed and opened, the
 * transaction's number there tells; if it is not there fn runs AGAIN (so fn begins by
 * clearing what it left in its ctx). A disk without room is waited for, as long as it takes:
 * the writer is in trouble meanwhile. So OK is committed, once; anything else: nothing of
 * it is there. CANCELLED: the writer is being closed in trouble. Not nested. */
typedef enum status (*db_transaction_fn)(struct archive_db *db, void *ctx, struct err *err);
MUST_CHECK enum status db_transact(struct archive_db *db, db_transaction_fn fn, void *ctx,
				   struct err *err);

/* Inside db_transact: written with it, and known to the loop (writer_marked, writer_counted)
 * once it is committed. Names: at most DB_NAMES of them, of 1..DB_NAME_MAX bytes; a mark beyond
 * takes the place of the one that was not written for the longest time. */
enum { DB_NAMES = 4096, DB_NAME_MAX = 127 };
void db_mark(struct archive_db *db, struct str name, struct str value);
void db_count(struct archive_db *db, const char *name, int64_t by);
/* Rows of the table were taken out as too old, or dropped. */
void db_count_gone(struct archive_db *db, enum archive_table table, int64_t rows);
int64_t db_counted(struct archive_db *db, const char *name);
/* Rows into their tables, as a batch of the writer does it but for dedupe and derivation:
 * they are counted, and get the id of their open batch. For dead letters of a sink. */
MUST_CHECK enum status db_append(struct archive_db *db, const struct archive_rows *rows,
				 struct err *err);

/* Open batches close at so many rows (1..100,000) or so long after their first row: from now
 * on; not kept over a restart (10,000 and 5,000). */
void db_batches_limit(struct archive_db *db, int64_t rows, int64_t ms);
/* All that are open close now; a transaction of its own. */
MUST_CHECK enum status db_batches_close_all(struct archive_db *db, struct err *err);
size_t db_batches_open(const struct archive_db *db);
/* Rows that belong to no batch, as no sink was named when they were archived: the next ones of a
 * table, at most 10,000 or what a batch takes, are put into closed batches, one for each month; a
 * transaction of its own. *more: others may be left. */
MUST_CHECK enum status db_batches_adopt(struct archive_db *db, bool *more, struct err *err);

/* Inside db_transact: the dead letter goes (all its rows), out of its batch, too. */
MUST_CHECK enum status db_drop_letter(struct archive_db *db, struct str origin, struct str id,
				      struct err *err);

/* Unix time, µs: the thread's own clock, as the file's rows count. */
int64_t db_now_us(const struct archive_db *db);
