/* duck_sink_impl.h - what duck_sink.c (calls and their thread), duck_sink_tables.c (the file) and
 * duck_sink_rows.c (rows in and out) share. Nobody else includes it. */
#pragma once

#include "archive/duck.h"
#include "archive/duck_sink.h"
#include "os/files.h"

enum { DUCK_SINK_WHY = 300, DUCK_SINK_SQL = 16 << 10 };

/* The thread's: between two calls nobody's. */
struct duck_file {
	const struct duck *duck;
	char path[PATH_BYTES_MAX];
	duckdb_database database;
	duckdb_connection connection; /* NULL: it is not open */
	bool broken;                  /* it says so to everything until it is opened anew */
	char why[DUCK_SINK_WHY];
	char sql[DUCK_SINK_SQL];
};

/* Each tells what became of it, and why in file->why. */
enum sink_outcome duck_file_open(struct duck_file *file);
void duck_file_close(struct duck_file *file);
enum sink_outcome duck_file_run(struct duck_file *file, const char *sql);
enum sink_outcome duck_file_number(struct duck_file *file, const char *sql, uint64_t *out);
/* error: DuckDB's words. */
enum sink_outcome duck_file_failed(struct duck_file *file, duckdb_error_type type,
				   const char *error);
void duck_file_columns(struct buf *sql, enum archive_table table);
void duck_file_key(struct buf *sql, enum archive_table table);

/* Rows as they lie in archive_rows, of one table, into it. */
enum sink_outcome duck_file_put(struct duck_file *file, enum archive_table table, struct str body,
				int64_t batch_id);
enum sink_outcome duck_file_read(struct duck_file *file, const struct sink_read *read);
