/* The file's tables, made and mended from def/archive.def.
 *
 * What is there is asked of the file itself, so an older one gets the tables and columns it
 * lacks, whatever its version was; a column of another type, or one that nobody knows, is not
 * guessed at. NOT NULL stands nowhere: rows.h checks it where rows are built, DuckDB would
 * check it again for each, and a column that is added later could not have it. */
#include <stdio.h>

#include "archive/db_impl.h"
#include "archive/db_views.h"
#include "base/check.h"

#define VERSION "schema"
#define VIEWS   "views"

static const char *const books[] = {
	"CREATE TABLE IF NOT EXISTS sync_state (name VARCHAR, value VARCHAR)",
	"CREATE TABLE IF NOT EXISTS ledger (name VARCHAR, value BIGINT)",
	"CREATE TABLE IF NOT EXISTS journal (number BIGINT, changes VARCHAR)",
	"CREATE TABLE IF NOT EXISTS retries (origin VARCHAR, entry_id VARCHAR, letter_id VARCHAR, "
	"payload VARCHAR, reason VARCHAR, due_ms BIGINT, attempts INTEGER)",
	"CREATE TABLE IF NOT EXISTS batches (batch_id BIGINT, tbl VARCHAR, month INTEGER, "
	"rows BIGINT, closed_us BIGINT)",
	"CREATE TABLE IF NOT EXISTS batch_sinks (sink VARCHAR, batch_id BIGINT, state VARCHAR, "
	"tries INTEGER, at_us BIGINT, part_from BIGINT, part_to BIGINT, part_id BIGINT, "
	"why VARCHAR)",
};

static const char *type_of(enum archive_type type)
{
	static const char *const names[] = {
		[ARCHIVE_TEXT] = "VARCHAR",       [ARCHIVE_WORD] = "VARCHAR",
		[ARCHIVE_INT] = "BIGINT",         [ARCHIVE_DEC] = "DECIMAL(18,8)",
		[ARCHIVE_BIG] = "DECIMAL(38,16)", [ARCHIVE_REAL] = "DOUBLE",
	};
	return names[type];
}

/* Of the n-th column of a table; the one behind the last is batch_id. */
static const char *column_type(const struct archive_table_row *table, size_t n)
{
	enum archive_column column = (enum archive_column)((size_t)table->first + n);
	return n == table->columns ? "BIGINT" : type_of(archive_column_row(column)->type);
}

static const char *column_name(const struct archive_table_row *table, size_t n)
{
	enum archive_column column = (enum archive_column)((size_t)table->first + n);
	return n == table->columns ? "batch_id" : archive_column_row(column)->name;
}

/* ---- what is there ---- */

struct found {
	struct archive_db *db;
	enum archive_table table;
	char fault[160];
};

static bool take_column(void *ctx, const struct db_row *row)
{
	struct found *found = ctx;
	const struct archive_table_row *table = archive_table_row(found->table);
	struct db_table *mine = &found->db->tables[found->table];
	struct str name = db_row_text(row, 0), type = db_row_text(row, 1);
	size_t n = 0;
	while (n <= table->columns && !str_eq(str_of(column_name(table, n)), name))
		n++;
	if (n > table->columns || !str_eq(str_of(column_type(table, n)), type)) {
		snprintf(found->fault, sizeof found->fault,
			 "column %.*s %.*s of table %s is not weir's", STR_ARG(name), STR_ARG(type),
			 table->name);
		return false;
	}
	mine->columns[mine->count++] = n == table->columns ? -1 : (int8_t)n;
	return true;
}

static enum status find_columns(struct archive_db *db, enum archive_table table, struct err *err)
{
	struct found found = { .db = db, .table = table };
	db->tables[table].count = 0;
	enum status status = db_each(
	    db,
	    "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = "
	    "current_database() AND schema_name = 'main' AND table_name = ? "
	    "ORDER BY column_index",
	    DB_ARGS(DB_TEXT(str_of(archive_table_row(table)->name))), take_column, &found, err);
	if (!status && found.fault[0])
		return err_set(err, STATUS_FORMAT, "%s: %s", db->config.path, found.fault);
	return status;
}

static bool is_there(const struct db_table *table, int8_t column)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->columns[i] == column)
			return true;
	return false;
}

/* ---- DDL ---- */

static enum status run(struct archive_db *db, struct buf *sql, struct err *err)
{
	buf_char(sql, 0);
	CHECK(!sql->overflow);
	duckdb_result result;
	enum status status = STATUS_OK;
	if (db->duck->query(db->connection, sql->ptr, &result) != DuckDBSuccess)
		status = db_failed(db, &result, err);
	db->duck->destroy_result(&result);
	return status;
}

static enum status make_table(struct archive_db *db, const struct archive_table_row *table,
			      struct err *err)
{
	char text[4096];
	struct buf sql = buf_over(text, sizeof text);
	buf_printf(&sql, "CREATE TABLE %s (", table->name);
	for (size_t n = 0; n <= table->columns; n++)
		buf_printf(&sql, "%s%s %s", n ? ", " : "", column_name(table, n),
			   column_type(table, n));
	buf_char(&sql, ')');
	return run(db, &sql, err);
}

static enum status add_columns(struct archive_db *db, enum archive_table id, struct err *err)
{
	const struct archive_table_row *table = archive_table_row(id);
	enum status status = STATUS_OK;
	for (size_t n = 0; !status && n <= table->columns; n++) {
		char text[512];
		struct buf sql = buf_over(text, sizeof text);
		if (is_there(&db->tables[id], n == table->columns ? -1 : (int8_t)n))
			continue;
		buf_printf(&sql, "ALTER TABLE %s ADD COLUMN %s %s", table->name,
			   column_name(table, n), column_type(table, n));
		if (n == table->columns)
			buf_printf(&sql, " DEFAULT 0");
		status = run(db, &sql, err);
	}
	return status;
}

static enum status make_views(struct archive_db *db, struct err *err)
{
	const struct db_view_row *view;
	enum status status = STATUS_OK;
	for (size_t i = 0; !status && (view = db_view_row(i)); i++) {
		char text[4096];
		struct buf sql = buf_over(text, sizeof text);
		buf_printf(&sql, "CREATE OR REPLACE VIEW %s AS %s", view->name, view->sql);
		status = run(db, &sql, err);
	}
	return status;
}

/* Of the views' text and the tables below them: a view binds the columns it was made with. */
static struct str views_word(char out[24])
{
	uint64_t hash = 0;
	const struct db_view_row *view;
	for (size_t i = 0; (view = db_view_row(i)); i++)
		hash = hash * 31 + str_hash(str_of(view->sql));
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		hash =
		    hash * 31 + str_hash(str_of(archive_column_row((enum archive_column)i)->name));
	snprintf(out, 24, "%016llx", (unsigned long long)hash);
	return str_of(out);
}

static enum status mend(struct archive_db *db, void *ctx, struct err *err)
{
	(void)ctx;
	char word[24], version[8];
	enum status status = STATUS_OK;
	for (size_t i = 0; !status && i < ARRAY_LEN(books); i++)
		status = db_exec(db, books[i], DB_NONE, NULL, err);
	for (unsigned i = 0; !status && i < TABLE_COUNT; i++)
		status = db->tables[i].count
			     ? add_columns(db, (enum archive_table)i, err)
			     : make_table(db, archive_table_row((enum archive_table)i), err);
	if (!status)
		status = make_views(db, err);
	snprintf(version, sizeof version, "%d", DB_ARCHIVE_SCHEMA);
	db_mark(db, STR(VERSION), str_of(version));
	db_mark(db, STR(VIEWS), views_word(word));
	return status;
}

static enum status look_at_tables(struct archive_db *db, bool *whole, struct err *err)
{
	enum status status = STATUS_OK;
	for (unsigned i = 0; !status && i < TABLE_COUNT; i++) {
		status = find_columns(db, (enum archive_table)i, err);
		*whole = *whole && db->tables[i].count ==
				       archive_table_row((enum archive_table)i)->columns + 1;
	}
	return status;
}

/* *version: 0 for a new file. */
static enum status look_at_version(struct archive_db *db, int64_t *version, struct err *err)
{
	char text[DB_VALUE_MAX + 1];
	int64_t made = 0;
	*version = 0;
	enum status status = db_scalar(
	    db,
	    "SELECT count(*) FROM duckdb_tables() WHERE table_name IN ('sync_state', 'journal')",
	    DB_NONE, 0, &made, err);
	if (status || made < 2)
		return status;
	status = db_books_load(db, err);
	if (status)
		return status;
	struct str word = db_books_mark(&db->books, STR(VERSION), text);
	if (word.len && str_to_i64(word, version))
		return err_set(err, STATUS_FORMAT, "%s: its schema '%s' is no number",
			       db->config.path, text);
	if (*version > DB_ARCHIVE_SCHEMA)
		return err_set(err, STATUS_VERSION,
			       "%s is of schema %s, made by a newer weir: this one knows %d",
			       db->config.path, text, DB_ARCHIVE_SCHEMA);
	return STATUS_OK;
}

enum status db_schema_mend(struct archive_db *db, bool *made, struct err *err)
{
	char word[24], text[DB_VALUE_MAX + 1];
	int64_t version;
	bool whole = true;
	enum status status = look_at_version(db, &version, err);
	if (!status)
		status = look_at_tables(db, &whole, err);
	if (status)
		return status;
	*made = !whole || version < DB_ARCHIVE_SCHEMA ||
		!str_eq(db_books_mark(&db->books, STR(VIEWS), text), views_word(word));
	if (!*made)
		return STATUS_OK;
	status = db_try(db, mend, NULL, err);
	if (!status)
		status = look_at_tables(db, &whole, err);
	return status ? status : db_books_load(db, err);
}
