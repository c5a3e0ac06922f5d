/* Statements: prepared once, kept, bound and run; and what DuckDB's errors are to weir. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "archive/db_impl.h"
#include "base/check.h"

/* DuckDB tells a full disk only in words: those of strerror. */
static bool says_disk_full(const char *text)
{
	return strstr(text, "No space left on device") || strstr(text, "File too large") ||
	       strstr(text, "Disk quota exceeded") || strstr(text, "max_temp_directory_size");
}

enum status db_status_of(duckdb_error_type type, const char *text)
{
	if (text && says_disk_full(text))
		return STATUS_DISK_FULL;
	switch (type) {
	case DUCKDB_ERROR_OUT_OF_MEMORY: return STATUS_NO_MEMORY;
	case DUCKDB_ERROR_INTERRUPT: return STATUS_CANCELLED;
	case DUCKDB_ERROR_PERMISSION: return STATUS_REFUSED;
	case DUCKDB_ERROR_IO:
	case DUCKDB_ERROR_FATAL:
	case DUCKDB_ERROR_INTERNAL:
	case DUCKDB_ERROR_TRANSACTION:
	case DUCKDB_ERROR_CONNECTION: return STATUS_IO;
	default: return STATUS_INVALID;
	}
}

/* The first line is the cause; the rest draws it. */
static enum status told(enum status status, const char *text, struct err *err)
{
	struct str line = str_of(text ? text : "no word of why");
	line.len = str_find_char(line, '\n');
	return err_set(err, status, "DuckDB: %.*s", STR_ARG(line));
}

enum status db_failed(struct archive_db *db, duckdb_result *result, struct err *err)
{
	duckdb_error_type type = db->duck->result_error_type(result);
	const char *text = db->duck->result_error(result);
	if (type == DUCKDB_ERROR_FATAL || type == DUCKDB_ERROR_INTERNAL)
		db->broken = true; /* it says so to everything until it is opened anew */
	return told(db_status_of(type, text), text, err);
}

enum status db_said(struct archive_db *db, const char *text, struct err *err)
{
	bool fatal = text && (strstr(text, "FATAL") || strstr(text, "INTERNAL"));
	if (fatal)
		db->broken = true;
	if (text && strstr(text, "Out of Memory"))
		return told(STATUS_NO_MEMORY, text, err);
	return told(db_status_of(DUCKDB_ERROR_IO, text), text, err);
}

static void drop(struct archive_db *db, struct db_statement *at)
{
	if (!at->sql)
		return;
	db->duck->destroy_prepare(&at->statement);
	free(at->sql);
	*at = (struct db_statement){ 0 };
}

void db_statements_drop(struct archive_db *db)
{
	for (size_t i = 0; i < DB_STATEMENTS; i++)
		drop(db, &db->statements[i]);
}

/* The one with this text, or the place of the one that was not used for the longest time. */
static struct db_statement *find(struct archive_db *db, const char *sql, uint64_t hash)
{
	struct db_statement *oldest = &db->statements[0];
	for (size_t i = 0; i < DB_STATEMENTS; i++) {
		struct db_statement *at = &db->statements[i];
		if (at->sql && at->hash == hash && strcmp(at->sql, sql) == 0)
			return at;
		if (at->used < oldest->used)
			oldest = at;
	}
	return oldest;
}

static enum status prepare(struct archive_db *db, const char *sql, duckdb_prepared_statement *out,
			   struct err *err)
{
	uint64_t hash = str_hash(str_of(sql));
	struct db_statement *at = find(db, sql, hash);
	if (!at->sql || at->hash != hash || strcmp(at->sql, sql) != 0) {
		drop(db, at);
		duckdb_prepared_statement statement = NULL;
		if (db->duck->prepare(db->connection, sql, &statement) != DuckDBSuccess) {
			enum status status =
			    told(STATUS_INVALID, db->duck->prepare_error(statement), err);
			db->duck->destroy_prepare(&statement);
			return status;
		}
		at->sql = strdup(sql);
		if (!at->sql) {
			db->duck->destroy_prepare(&statement);
			return err_set(err, STATUS_NO_MEMORY, "no memory for a statement");
		}
		at->hash = hash;
		at->statement = statement;
	}
	at->used = ++db->uses;
	*out = at->statement;
	return STATUS_OK;
}

static duckdb_state bind_texts(const struct duck *duck, duckdb_prepared_statement statement,
			       idx_t at, const struct db_value *value)
{
	size_t count = (size_t)value->i;
	duckdb_value *texts = malloc((count + 1) * sizeof(duckdb_value));
	if (!texts)
		return DuckDBError;
	for (size_t i = 0; i < count; i++)
		texts[i] = duck->create_varchar_length(value->texts[i].ptr, value->texts[i].len);
	duckdb_logical_type type = duck->create_logical_type(DUCKDB_TYPE_VARCHAR);
	duckdb_value list = duck->create_list_value(type, texts, count);
	duckdb_state state = list ? duck->bind_value(statement, at, list) : DuckDBError;
	if (list)
		duck->destroy_value(&list);
	duck->destroy_logical_type(&type);
	for (size_t i = 0; i < count; i++)
		duck->destroy_value(&texts[i]);
	free(texts);
	return state;
}

static duckdb_state bind_one(const struct duck *duck, duckdb_prepared_statement statement, idx_t at,
			     const struct db_value *value)
{
	switch (value->is) {
	case DB_IS_INT: return duck->bind_int64(statement, at, value->i);
	case DB_IS_REAL: return duck->bind_double(statement, at, value->real);
	case DB_IS_TEXT:
		return duck->bind_varchar_length(
		    statement, at, value->text.ptr ? value->text.ptr : "", value->text.len);
	case DB_IS_TEXTS: return bind_texts(duck, statement, at, value);
	default: return duck->bind_null(statement, at);
	}
}

enum status db_statement(struct archive_db *db, const char *sql, struct db_args args,
			 duckdb_prepared_statement *out, struct err *err)
{
	CHECK(db->is_open);
	enum status status = prepare(db, sql, out, err);
	if (status)
		return status;
	CHECK(db->duck->nparams(*out) == args.count);
	for (size_t i = 0; i < args.count; i++)
		if (bind_one(db->duck, *out, i + 1, &args.values[i]) != DuckDBSuccess)
			return err_set(err, STATUS_INVALID, "a parameter cannot be bound: %s", sql);
	return STATUS_OK;
}
