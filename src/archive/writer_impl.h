/* writer_impl.h - what writer*.c share. Nobody else includes it.
 *
 * struct writer is the loop's. struct writer_work is the thread's: it is touched by nothing
 * but jobs, one after the other. */
#pragma once

#include "archive/db_impl.h"
#include "archive/writer.h"
#include "archive/writer_seen.h"
#include "trade/trades.h"

enum {
	NOTES_MAX = 2 * WRITER_ROWS_MAX,
	NOTE_BYTES_MAX = 16 << 20, /* texts of a batch's retries */
	ROWS_KEPT_BYTES = 4 << 20, /* a batch that grew beyond this gives its memory back */
	QUERIES_MAX = 8,
	REOPENED_MAX = 4096,
};

/* ---- what a batch says beside its rows ---- */

enum note_kind { NOTE_RETRY_PUT, NOTE_RETRY_DROP, NOTE_DEAD_DROP, NOTE_COUNT };
enum { NOTE_ORIGIN, NOTE_ENTRY, NOTE_LETTER, NOTE_PAYLOAD, NOTE_REASON, NOTE_TEXTS };

struct note {
	enum note_kind kind;
	struct {
		uint32_t at, len; /* of more->texts */
	} texts[NOTE_TEXTS];
	const char *name; /* of a counter */
	int64_t value;    /* by; due_ms */
	uint32_t attempts;
};

struct mark {
	char name[WRITER_MARK_BYTES], value[WRITER_MARK_BYTES];
};

struct writer_more {
	struct worker_job job;
	struct writer *writer;
	struct writer_batch *batch;
	bool taken; /* by an owner, or on its way */
	enum status status;
	int64_t took_ns;
	struct mark marks[WRITER_MARKS_MAX];
	size_t mark_count;
	struct note *notes;
	size_t note_count, note_room;
	struct buf texts;
};

void writer_more_clear(struct writer_more *more);
void writer_more_deinit(struct writer_more *more);
struct str note_text(const struct writer_more *more, const struct note *note, size_t n);

/* ---- keys of rows, within a batch ---- */

struct writer_key {
	uint64_t hash;
	uint32_t at, len; /* of keys' text */
	uint32_t row;
};

/* A set of keys that one batch has; bounded by WRITER_ROWS_MAX. */
struct writer_keys {
	struct buf text;
	struct writer_key keys[WRITER_ROWS_MAX];
	size_t count;
	uint32_t slots[4 * WRITER_ROWS_MAX];
};

void writer_keys_clear(struct writer_keys *keys);
/* The row that has the key already, or UINT32_MAX and `row` has it now. */
uint32_t writer_keys_take(struct writer_keys *keys, struct str key, uint64_t hash, uint32_t row);
/* The row that has it, or UINT32_MAX. */
uint32_t writer_keys_find(const struct writer_keys *keys, struct str key, uint64_t hash);

/* ---- the thread ---- */

struct writer_work {
	struct archive_db *db;
	struct writer_seen *seen;
	struct trades *trades;
	bool stale;          /* trades are not what the file holds */
	uint64_t generation; /* of the file, that seen and trades are of */
	bool failed;         /* it was never opened: nothing is done */
	uint64_t checkpointed;
	int64_t checkpoint_ns, checkpoint_tried_ns;
	/* Of the transaction under way. */
	struct writer_batch *batch;
	const struct archive_row *rows[WRITER_ROWS_MAX];
	const struct archive_row *picked[WRITER_ROWS_MAX];
	bool skip[WRITER_ROWS_MAX], ended[WRITER_ROWS_MAX];
	size_t count;
	uint32_t known, ends_missing;
	struct writer_keys keys;
	struct archive_rows derived; /* rows of `trades`, and of signals with their end */
	enum status sum_status;      /* of the trades' hooks */
	struct err *sum_err;
	uint64_t reopened[REOPENED_MAX]; /* hashes of trades that were told and are open */
	size_t reopened_count;
	struct buf retold; /* ids of trades that may have a row: 0-terminated */
	struct buf digits;
	struct str names[WRITER_ROWS_MAX];
};

struct writer_work *writer_work_create(struct archive_db *db); /* NULL: no memory */
void writer_work_destroy(struct writer_work *work);
/* After the file was opened, or salvaged. */
enum status writer_restore(struct writer_work *work, struct err *err);
/* Commits the batch: OK or CANCELLED. */
enum status writer_commit(struct writer_work *work, struct writer_batch *batch);
/* Marks in skip what is there already. */
enum status writer_leave_out_known(struct writer_work *work, struct err *err);
/* Deals to trades; rows of those that closed are added to `derived`. */
enum status writer_sum_trades(struct writer_work *work, struct err *err);
enum status writer_append_trades(struct writer_work *work, struct err *err);
/* Hook of trades; ctx is the work. */
void writer_trade_closed(void *ctx, const struct trade_sum *trade);
/* The trade is open and has a row: the next that is told of it takes that row's place. */
void writer_note_reopened(struct writer_work *work, struct str instance, int64_t position);
/* writer_recall.c: into memory what the file has of the trades that rows[from .. to - 1] need;
 * at most TRADES_CLOSED_MAX rows. */
enum status writer_recall_trades(struct writer_work *work, size_t from, size_t to, struct err *err);
/* All that is open, the newest closed ones, and which others there are. */
enum status writer_load_trades(struct writer_work *work, struct err *err);
/* Of the trades whose ids are in work->keys: in work->names. */
struct db_value writer_positions(struct writer_work *work);
/* A row of trade_results as a deal; false: it is none. */
bool writer_deal_of(const struct archive_row *row, struct trade_deal *deal);
enum trade_side writer_side_of(struct str word);
/* The level that a deal's stop was set to, where one closed it. */
void writer_deal_level(struct trade_deal *deal, struct str reason, int64_t level);
/* INSTANCE-POSITION */
enum { WRITER_TRADE_ID_MAX = TRADE_NAME_MAX + 32 };
struct str writer_trade_id(struct str instance, int64_t position, char out[WRITER_TRADE_ID_MAX]);
/* Signals rows with status "?" get their end, or are skipped; after trade_results. */
enum status writer_find_ends(struct writer_work *work, struct err *err);

/* ---- the user's queries: another thread, its own connection ---- */

/* One SELECT that reaches nothing but the archive's tables; *select: the text without what
 * follows it. REFUSED, INVALID: err says why. */
enum status writer_select_check(const struct duck *duck, duckdb_connection connection,
				struct str sql, struct str *select, struct err *err);
/* Result of `SELECT COLUMNS(*)::VARCHAR FROM (…)` as text; types: what the columns were. */
struct answer {
	const struct duck *duck;
	enum writer_format format;
	const duckdb_type *types;
	struct buf *out;
	bool truncated;
};
enum status writer_answer(struct answer *answer, duckdb_result *result);

struct query {
	struct worker_job job;
	struct writer *writer;
	struct writer_query query; /* sql and parquet are copies */
	struct buf answer;
	bool taken, truncated;
	enum status status;
	int64_t deadline_ns; /* monotonic */
	bool interrupted;    /* under the lock of db->queries: its time is over */
};

/* ---- the loop ---- */

struct upkeep {
	struct worker_job job;
	bool under_way;       /* the loop's */
	bool want_checkpoint; /* the rest is the thread's while it is under way */
	enum status status;
	struct err err;
	uint64_t checkpointed; /* 0: nothing to tell */
	bool last;             /* the writer closes */
};

struct writer {
	struct loop *loop;
	struct writer_config config;
	struct writer_hooks hooks;
	char path[PATH_BYTES_MAX], temp_dir[PATH_BYTES_MAX], export_dir[PATH_BYTES_MAX];
	struct archive_db *db;
	struct writer_work *work;
	struct worker *worker, *query_worker;
	struct writer_batch batches[WRITER_BATCHES];
	struct writer_more more[WRITER_BATCHES];
	size_t waiting, jobs;
	enum writer_state state;
	bool closing, open_told;
	char trouble[sizeof((struct err *)0)->text];
	char marked[DB_VALUE_MAX + 1];
	struct upkeep upkeep;
	bool checkpoint_wanted;
	struct timer tick, deadline;
	int64_t upkeep_ns;
	uint64_t salvages_told, checkpoint_told;
	struct query queries[QUERIES_MAX];
	struct writer_counts counts;
	struct hist commit_ns;
	void (*on_closed)(void *ctx);
	void *closed_ctx;
};

void writer_query_deadlines(void *ctx);
void writer_queries_end(struct writer *writer); /* CANCELLED: those under way */
