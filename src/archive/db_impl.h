/* db_impl.h - what db*.c and writer*.c share. Nobody else includes it.
 *
 * struct archive_db is the thread's: all of it but `trouble` and `books`, which the loop
 * reads under their locks, and `queries`, which is the query thread's under its own. */
#pragma once

#include <pthread.h>

#include "archive/db.h"
#include "archive/duck.h"
#include "os/files.h"

enum {
	DB_CHUNK_ROWS = 2048, /* DuckDB's vector; checked when it is loaded */
	DB_BATCHES_OPEN_MAX = 64,
	DB_BATCH_BITS = 46,      /* of a batch_id; above them the file's 17 bits */
	DB_PART_BITS = 10,       /* the lowest: 0, or a part of the batch (sinks.h) */
	DB_VALUE_MAX = 127,      /* bytes of a mark */
	DB_WAL_SPARE = 64 << 20, /* DuckDB's own threshold lies so far above ours */
	DB_WHY = 200,            /* bytes of what is said of a failure */
	DB_RETRY_MS = 1000,      /* between two tries in trouble */
	DB_ARCHIVE_SCHEMA = 1,
};

struct db_config {
	const char *path, *temp_dir, *export_dir;
	int64_t memory_bytes, wal_bytes_max;
	bool sinks;
};

/* ---- trouble: told by the thread, read by the loop ---- */

struct db_trouble {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stop;         /* the writer closes: nothing is waited for */
	uint64_t failures; /* tries that ended in trouble */
	enum status status;
	char text[sizeof((struct err *)0)->text];
};

void db_trouble_init(struct db_trouble *trouble);
void db_trouble_deinit(struct db_trouble *trouble);
void db_trouble_set(struct db_trouble *trouble, enum status status, const char *text);
void db_trouble_stop(struct db_trouble *trouble);
/* A second, or until the writer closes: then false. */
bool db_trouble_wait(struct db_trouble *trouble);

/* ---- books: marks and counters (db_books.c) ---- */

struct db_name {
	char name[DB_NAME_MAX + 1];
	bool counts;      /* a counter of the ledger; else a mark of sync_state */
	bool changed;     /* in this transaction */
	uint64_t written; /* number of the transaction that changed it last; 0: before this run */
	int64_t value, next;
	char text[DB_VALUE_MAX + 1], text_next[DB_VALUE_MAX + 1];
};

struct db_books {
	pthread_mutex_t lock;
	struct db_name names[DB_NAMES];
	size_t count;
	size_t changed;  /* in this transaction */
	size_t journal;  /* rows of the journal since it was folded */
	uint64_t number; /* of the newest transaction that is committed */
	uint64_t used;   /* the highest that was ever tried: none is tried twice */
};

enum status db_books_load(struct archive_db *db, struct err *err);
/* One row of the journal with all that changed: the last thing before COMMIT. */
enum status db_books_write(struct archive_db *db, struct err *err);
/* Whether the transaction of this number is in the file. */
enum status db_books_has(struct archive_db *db, uint64_t number, bool *there, struct err *err);
void db_books_committed(struct archive_db *db);
void db_books_undo(struct archive_db *db);
/* The journal goes into sync_state and ledger: before a checkpoint. */
enum status db_books_fold(struct archive_db *db, struct err *err);
struct str db_books_mark(struct db_books *books, struct str name, char out[DB_VALUE_MAX + 1]);
int64_t db_books_count(struct db_books *books, const char *name);
void db_rows_name(char out[DB_NAME_MAX + 1], enum archive_table table, bool gone);

/* ---- open sink batches (db_batches.c) ---- */

struct db_batch {
	int64_t id, rows, first_us;
	uint32_t month;
	enum archive_table table;
};

struct db_batches {
	struct db_batch open[DB_BATCHES_OPEN_MAX];
	size_t count;
	int64_t next; /* of the sequence */
	int64_t prefix;
	int64_t rows_max, age_us;
};

#define DB_BATCH_SEQUENCE "batch_next" /* counter: the newest of the sequence */

enum status db_batches_load(struct archive_db *db, struct err *err);
int64_t db_batch_id(const struct archive_db *db, int64_t number); /* of the sequence */
int64_t db_batch_next_id(struct archive_db *db);                  /* in a transaction */
/* Its row of `batches`: it takes no more. */
enum status db_batch_close(struct archive_db *db, const struct db_batch *batch, struct err *err);
/* The id for a row of the table and month, and how many may have it: at most *rows. */
enum status db_batch_for(struct archive_db *db, enum archive_table table, uint32_t month,
			 size_t *rows, int64_t *id, struct err *err);
/* So many rows have it now; closes it when it is full. */
enum status db_batch_took(struct archive_db *db, int64_t id, size_t rows, struct err *err);
bool db_batches_due(const struct archive_db *db);
/* A transaction: closes those that are due, or all. */
enum status db_batches_close(struct archive_db *db, bool all, struct err *err);
bool db_batch_is_open(const struct archive_db *db, int64_t id);
void db_batch_lost(struct archive_db *db, int64_t id); /* a row of an open one went */

/* ---- rows of no batch (db_adopt.c) ---- */

struct db_adopt {
	bool left[TABLE_COUNT];    /* some may be */
	int64_t from[TABLE_COUNT]; /* rowid: before it there was none when it was looked at */
	int64_t next;              /* of the range, in a step */
};

enum status db_adopt_load(struct archive_db *db, struct err *err);

/* ---- tables ---- */

struct db_table {
	duckdb_appender appender; /* NULL: to be made */
	duckdb_data_chunk chunk;
	/* The file's columns, in its order: of the table's, or -1: batch_id. An older file
	 * has others behind it. */
	int8_t columns[ARCHIVE_COLUMNS_MAX + 1];
	size_t count;
};

struct db_statement {
	char *sql;
	uint64_t hash, used;
	duckdb_prepared_statement statement;
};

struct archive_db {
	const struct duck *duck;
	struct db_config config;
	duckdb_database database;
	duckdb_connection connection;
	struct db_statement statements[DB_STATEMENTS];
	uint64_t uses;
	struct db_table tables[TABLE_COUNT];
	struct db_books books;
	struct db_batches batches, batches_before; /* before: at BEGIN */
	struct db_adopt adopt;
	struct db_trouble trouble;
	bool is_open, in_transaction, broken; /* broken: it must be closed and opened */
	bool checkpoint_fails;                /* that is trouble, too, until one succeeds */
	uint64_t generation;                  /* rises when the file was salvaged */
	/* The user's queries: their own connection, used by another thread (db_query.c). */
	struct {
		pthread_mutex_t lock;  /* the connection stays as it is */
		pthread_mutex_t using; /* a query runs */
		duckdb_connection connection;
		const void *running; /* under lock: who may be interrupted */
	} queries;
	/* What salvaging did in this opening. */
	char kept[PATH_BYTES_MAX];
	uint64_t wal_bytes, wal_bytes_kept;
	uint64_t reopened, salvaged, failed;
	char closed_why[DB_WHY]; /* by db_close_for, the last time */
	/* For the loop, under the lock of `trouble`. */
	struct {
		uint64_t reopened, salvaged, failed, file_bytes, wal_bytes;
		uint64_t damaged_bytes, damaged_bytes_kept;
		char kept[PATH_BYTES_MAX]; /* of the last salvage */
		char closed_why[DB_WHY];
	} told;
};

struct archive_db *db_create(const struct db_config *config); /* NULL: no memory */
void db_destroy(struct archive_db *db);
/* Opens, makes or mends the file and restores what is kept of it in memory. */
enum status db_open(struct archive_db *db, struct err *err);
void db_close(struct archive_db *db);
/* In trouble: it is opened anew when it is wanted next. */
void db_close_for(struct archive_db *db, const char *why);
/* Until it is open: CANCELLED when the writer closes meanwhile. */
enum status db_be_open(struct archive_db *db);
/* One BEGIN, fn, COMMIT without a second: only while the file is being opened, which begins
 * anew after any error. */
enum status db_try(struct archive_db *db, db_transaction_fn fn, void *ctx, struct err *err);
enum status db_checkpoint(struct archive_db *db, struct err *err);
void db_tell(struct archive_db *db);
void db_sizes(const struct archive_db *db, uint64_t *file, uint64_t *wal);

/* db_wal.c: a WAL that is damaged before DuckDB sees it; and after it refused it (text is its
 * line): copied aside and cut. OK: open again. Else: it is not the WAL. */
enum status db_wal_look(struct archive_db *db, struct err *err);
enum status db_wal_salvage(struct archive_db *db, const char *text, struct err *err);
/* db_marker.c: the file that says that there was an archive file. */
enum status db_marker_look(struct archive_db *db, struct err *err);
enum status db_marker_write(struct archive_db *db, struct err *err);
/* db_schema.c: tables, columns, views; *made: DDL ran. */
enum status db_schema_mend(struct archive_db *db, bool *made, struct err *err);
/* db_append.c */
enum status db_append_table(struct archive_db *db, enum archive_table table,
			    const struct archive_row *const *rows, size_t count, struct err *err);
void db_tables_close(struct archive_db *db);
/* db_duck.c: what one call of DuckDB said. */
enum status db_status_of(duckdb_error_type type, const char *text);
enum status db_failed(struct archive_db *db, duckdb_result *result, struct err *err);
enum status db_said(struct archive_db *db, const char *text, struct err *err);
void db_statements_drop(struct archive_db *db);
/* Prepared and bound: to be executed, not destroyed. */
enum status db_statement(struct archive_db *db, const char *sql, struct db_args args,
			 duckdb_prepared_statement *out, struct err *err);
