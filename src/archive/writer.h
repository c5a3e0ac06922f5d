/* writer.h - the archive file: DuckDB, behind a thread of its own.
 *
 *   batch = writer_batch_take(writer)             NULL: all are on their way
 *   archive_rows_… (&batch->rows) · writer_mark(batch, …)
 *   writer_submit(writer, batch)  →  batch->done: it is committed  →  it is free again
 *
 * A batch is ONE transaction: its rows, its marks, what it says of retries, and what the
 * writer itself derives of it. It is committed, or it is tried again until it is: after any
 * error of COMMIT the file is closed and opened, and the batch's number there tells whether
 * it was. A full disk is such an error: the writer is in trouble (writer_trouble says which),
 * batches wait, and it goes on by itself when there is room. So done always means committed;
 * there is no other ending but a close (status CANCELLED).
 *
 * What is known already is left out and counted: trade_results by result_id, signals and
 * the others by their table's key when the caller says WRITER_CHECKED. The newest SEEN_MAX
 * ids are held in memory; what may be older is looked for in the file, within a window of
 * time. Rows that close a position cause a row of `trades` in the same transaction
 * (trade/trades.h). Each row gets the batch_id of the open sink batch of its table and month
 * (sinks.h); without a sink that is 0.
 *
 * A signals row whose status is "?" takes its end from trade_results; where there is none it
 * is left out and counted.
 *
 * The file: STATE/archive.duckdb, made and migrated here; checkpoints every
 * `checkpoint_ms`, at 256 MB of WAL, when asked (writer_checkpoint), and right after DDL.
 * A WAL that DuckDB refuses is salvaged: the file and its WAL are copied aside
 * (archive.duckdb.TIME.damaged), the WAL is cut, and on_salvaged tells; an empty file is
 * never begun where one was (PATH.made says that there was). DuckDB is loaded when the file
 * is opened, memory_limit and threads = 1.
 *
 * A trade that is told again takes the place of its row, unless the row's batch is closed:
 * then both are there, and v_trades shows the newest. Users' queries have a thread and a
 * connection of their own, and hold up no batch.
 *
 * Loop thread. Uses 2 timers. */
#pragma once

#include "archive/rows.h"
#include "os/worker.h"

enum {
	WRITER_BATCHES = 8,
	WRITER_ROWS_MAX = 16384,       /* what fills a batch: a bound for its owner */
	WRITER_BATCH_BYTES = 16 << 20, /* of its rows */
	WRITER_MARKS_MAX = 64,         /* of a batch */
	WRITER_MARK_BYTES = 128,       /* of a name, of a value */
	WRITER_SEEN_MAX = 262144,
	WRITER_QUERY_BYTES = 8 << 20, /* of an answer; more is cut, and said */
};

struct writer;

/* Where an entry that could not be archived stands: it is tried again after archive.retry,
 * then dead (a row of dead_letters in the batch that drops it). */
struct writer_retry {
	struct str origin;    /* "trade_results" */
	struct str entry_id;  /* of the stream: the key, with origin */
	struct str letter_id; /* result id, or the entry's id */
	struct str payload;   /* the fields as JSON: {"rid":"…",…} */
	struct str reason;
	int64_t due_ms; /* wall */
	uint32_t attempts;
};

struct writer_counter { /* of the ledger: changed in the batch's transaction */
	const char *name;
	int64_t by;
};

enum writer_flags {
	WRITER_CHECKED = 1, /* some of it may be there already: look in the file, too */
};

struct writer_batch {
	struct archive_rows rows;
	unsigned flags;
	/* Runs once, on the loop. */
	void (*done)(void *ctx, struct writer_batch *batch, enum status status);
	void *ctx;
	/* Told when done: */
	uint64_t number;     /* rises with each */
	uint32_t rows_known; /* left out: there already */
	uint32_t rows_taken;
	/* The rest is the writer's. */
	struct writer_more *more;
};

struct writer_config {
	const char *path;      /* STATE/archive.duckdb */
	const char *temp_dir;  /* for DuckDB's temporary files */
	int64_t memory_bytes;  /* DuckDB's memory_limit: 128 MB */
	int64_t checkpoint_ms; /* 60,000 */
	int64_t wal_bytes_max; /* 256 MB */
	int64_t keep_days;     /* 30 */
	int64_t budget_bytes;  /* of the file with its WAL; 0: what the file system has */
	const char *sinks[3];  /* "clickhouse" …: those that rows are kept for; NULL ends */
};

enum writer_state { WRITER_OPENING, WRITER_READY, WRITER_TROUBLE, WRITER_CLOSING };

struct writer_salvage {
	const char *kept; /* the copy of what was damaged */
	uint64_t wal_bytes, wal_bytes_kept;
};

struct writer_hooks {
	/* The file is open and restored; or it cannot be: err says why, and nothing else
	 * follows (the owner closes). */
	void (*on_open)(void *ctx, enum status status, const struct err *err);
	void (*on_salvaged)(void *ctx, const struct writer_salvage *what);
	/* It was closed for this reason, and is opened anew: a query of the user's was
	 * interrupted. May be NULL, as on_salvaged may. */
	void (*on_reopened)(void *ctx, const char *why);
	/* Everything up to batch `number` survives a damaged WAL. */
	void (*on_checkpoint)(void *ctx, uint64_t number);
	void (*on_trouble)(void *ctx, enum status status, const char *why); /* OK: it is over */
	void *ctx;
};

MUST_CHECK enum status writer_open(struct loop *loop, const struct writer_config *config,
				   const struct writer_hooks *hooks, struct writer **out,
				   struct err *err);
/* Batches and jobs that are submitted are worked off, a last checkpoint is made, then fn. In
 * trouble nothing is waited for: what is not committed ends as CANCELLED. */
void writer_close(struct writer *writer, void (*fn)(void *ctx), void *ctx);

enum writer_state writer_state(const struct writer *writer);
const char *writer_trouble(const struct writer *writer); /* "" none */

struct writer_batch *writer_batch_take(struct writer *writer);
void writer_batch_drop(struct writer *writer, struct writer_batch *batch); /* unused */
/* sync_state: where a stream was read to. The newest of a name wins. */
void writer_mark(struct writer_batch *batch, struct str name, struct str value);
/* A retry entry is put (or moved on), or goes: archived, or dead. */
MUST_CHECK enum status writer_retry_put(struct writer_batch *batch,
					const struct writer_retry *retry);
void writer_retry_drop(struct writer_batch *batch, struct str origin, struct str entry_id);
/* A dead letter goes: it is tried again, or an operator dropped it. */
void writer_dead_drop(struct writer_batch *batch, struct str origin, struct str letter_id);
void writer_count(struct writer_batch *batch, const char *name, int64_t by);
void writer_submit(struct writer *writer, struct writer_batch *batch);
size_t writer_waiting(const struct writer *writer); /* batches submitted, not committed */

/* Restored with the file, kept as batches are committed. "" and 0 where there is none. A mark is
 * good until the next one is asked for. */
struct str writer_marked(const struct writer *writer, struct str name);
int64_t writer_counted(const struct writer *writer, const char *name);
/* Of the table: rows ever committed; of them, those dropped as too old. Counters, kept in
 * the rows' transactions. */
int64_t writer_rows(const struct writer *writer, enum archive_table table);
int64_t writer_rows_gone(const struct writer *writer, enum archive_table table);
/* All retries, oldest due first; the walk's texts live during the call. */
void writer_retries(struct writer *writer,
		    void (*each)(void *ctx, const struct writer_retry *retry),
		    void (*done)(void *ctx, enum status status), void *ctx);
void writer_checkpoint(struct writer *writer); /* soon; on_checkpoint tells */

enum writer_format { WRITER_TABLE, WRITER_CSV, WRITER_JSON };

struct writer_query {
	struct str sql; /* one SELECT, copied */
	enum writer_format format;
	int64_t deadline_ms; /* 10,000: interrupted then */
	const char *parquet; /* export: COPY (sql) TO this file, CSV by its format; NULL */
	/* answer: the rows as text, or why there are none; truncated: more were there. */
	void (*done)(void *ctx, enum status status, struct str answer, bool truncated);
	void *ctx;
};

/* Its own connection: no external access, no extension, no setting can be changed, nothing
 * but one SELECT (or WITH … SELECT). FULL: eight wait already. */
MUST_CHECK enum status writer_query(struct writer *writer, const struct writer_query *query);

/* Work of the archive's other parts on the thread (sinks, ledger, retention). The database is
 * theirs while work runs: db.h. */
struct archive_db;
struct writer_job {
	void (*work)(struct archive_db *db, struct writer_job *job); /* thread */
	void (*done)(struct writer_job *job, enum status status);    /* loop; CANCELLED: not run */
	struct worker_job job;
	struct writer *writer;
	enum status status;
};
/* Not while the file is in trouble: it waits until it is well. */
void writer_run(struct writer *writer, struct writer_job *job);

struct writer_counts {
	uint64_t batches, rows, known, failed; /* failed: transactions */
	uint64_t failures; /* tries to write: transactions, and what was tried again after them */
	uint64_t reopened, salvaged, checkpoints, queries, interrupted;
	uint64_t file_bytes, wal_bytes;
	struct hist *commit_ns; /* of a batch, on the thread */
};
const struct writer_counts *writer_counts(const struct writer *writer);
