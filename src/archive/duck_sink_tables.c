/* The file of a DuckDB sink: opened, its tables made and looked at. */
#include <stdio.h>

#include "archive/duck_sink_impl.h"
#include "base/check.h"

/* ---- what DuckDB says ---- */

/* What passes by itself, or when somebody makes room, is AWAY. */
static enum sink_outcome outcome_of(duckdb_error_type type, const char *error)
{
	switch (type) {
	case DUCKDB_ERROR_CONSTRAINT:
	case DUCKDB_ERROR_CONVERSION:
	case DUCKDB_ERROR_OUT_OF_RANGE:
	case DUCKDB_ERROR_INVALID_INPUT: return SINK_POISON;
	case DUCKDB_ERROR_IO:
	case DUCKDB_ERROR_OUT_OF_MEMORY:
	case DUCKDB_ERROR_TRANSACTION:
	case DUCKDB_ERROR_FATAL:
	case DUCKDB_ERROR_INTERNAL:
	case DUCKDB_ERROR_INTERRUPT:
	case DUCKDB_ERROR_CONNECTION: return SINK_AWAY;
	default: return strstr(error, "No space left") ? SINK_AWAY : SINK_HELD;
	}
}

enum sink_outcome duck_file_failed(struct duck_file *file, duckdb_error_type type,
				   const char *error)
{
	struct str line = str_of(error ? error : "no word of why");
	line.len = str_find_char(line, '\n');
	if (type == DUCKDB_ERROR_FATAL || type == DUCKDB_ERROR_INTERNAL)
		file->broken = true;
	snprintf(file->why, sizeof file->why, "DuckDB: %.*s", STR_ARG(line));
	return outcome_of(type, error ? error : "");
}

static enum sink_outcome ask(struct duck_file *file, const char *sql, duckdb_result *result)
{
	if (file->duck->query(file->connection, sql, result) == DuckDBSuccess)
		return SINK_DONE;
	enum sink_outcome outcome = duck_file_failed(file, file->duck->result_error_type(result),
						     file->duck->result_error(result));
	file->duck->destroy_result(result);
	return outcome;
}

enum sink_outcome duck_file_run(struct duck_file *file, const char *sql)
{
	duckdb_result result;
	enum sink_outcome outcome = ask(file, sql, &result);
	if (!outcome)
		file->duck->destroy_result(&result);
	return outcome;
}

enum sink_outcome duck_file_number(struct duck_file *file, const char *sql, uint64_t *out)
{
	duckdb_result result;
	enum sink_outcome outcome = ask(file, sql, &result);
	if (outcome)
		return outcome;
	duckdb_data_chunk chunk = file->duck->fetch_chunk(result);
	*out = 0;
	if (chunk && file->duck->data_chunk_get_size(chunk) > 0) {
		duckdb_vector vector = file->duck->data_chunk_get_vector(chunk, 0);
		*out = *(const uint64_t *)file->duck->vector_get_data(vector); /* a BIGINT */
	}
	if (chunk)
		file->duck->destroy_data_chunk(&chunk);
	file->duck->destroy_result(&result);
	return SINK_DONE;
}

/* ---- tables ---- */

static const char *type_name(enum archive_type type)
{
	static const char *const names[] = {
		[ARCHIVE_TEXT] = "VARCHAR",
		[ARCHIVE_WORD] = "VARCHAR",
		[ARCHIVE_INT] = "BIGINT",
		[ARCHIVE_DEC] = "DECIMAL(18,8)",
		[ARCHIVE_BIG] = "DECIMAL(38,16)",
		[ARCHIVE_REAL] = "DOUBLE",
		[ARCHIVE_TIME] = "TIMESTAMP WITH TIME ZONE",
		[ARCHIVE_NUM] = "DECIMAL(38,16)",
	};
	return names[type];
}

void duck_file_columns(struct buf *sql, enum archive_table table)
{
	const struct archive_table_row *row = archive_table_row(table);
	for (unsigned i = 0; i < row->columns; i++)
		buf_printf(sql, "\"%s\", ",
			   archive_column_row((enum archive_column)(row->first + i))->name);
	buf_str_put(sql, STR("batch_id"));
}

void duck_file_key(struct buf *sql, enum archive_table table)
{
	struct str rest = str_of(archive_table_row(table)->key), word;
	for (const char *comma = ""; str_split(&rest, ' ', &word); comma = ", ")
		buf_printf(sql, "%s\"%.*s\"", comma, STR_ARG(word));
}

static enum sink_outcome make_table(struct duck_file *file, enum archive_table table)
{
	const struct archive_table_row *row = archive_table_row(table);
	struct buf sql = buf_over(file->sql, sizeof file->sql - 1);
	buf_printf(&sql, "CREATE TABLE IF NOT EXISTS \"%s\" (", row->name);
	for (unsigned i = 0; i < row->columns; i++) {
		const struct archive_column_row *column =
		    archive_column_row((enum archive_column)(row->first + i));
		buf_printf(&sql, "\"%s\" %s%s, ", column->name, type_name(column->type),
			   column->optional ? "" : " NOT NULL");
	}
	buf_str_put(&sql, STR("batch_id BIGINT NOT NULL, PRIMARY KEY ("));
	duck_file_key(&sql, table);
	buf_str_put(&sql, STR("))"));
	CHECK(!sql.overflow);
	file->sql[sql.len] = 0;
	return duck_file_run(file, file->sql);
}

/* What is there and of weir's type; a table that somebody made has to have all of it. */
static enum sink_outcome look_at_table(struct duck_file *file, enum archive_table table)
{
	const struct archive_table_row *row = archive_table_row(table);
	struct buf sql = buf_over(file->sql, sizeof file->sql - 1);
	uint64_t good = 0;
	buf_printf(&sql,
		   "SELECT count(*) FROM duckdb_columns() WHERE database_name = "
		   "current_database() AND table_name = '%s' AND (column_name, data_type) IN (",
		   row->name);
	for (unsigned i = 0; i < row->columns; i++) {
		const struct archive_column_row *column =
		    archive_column_row((enum archive_column)(row->first + i));
		buf_printf(&sql, "('%s', '%s'), ", column->name, type_name(column->type));
	}
	buf_str_put(&sql, STR("('batch_id', 'BIGINT'))"));
	CHECK(!sql.overflow);
	file->sql[sql.len] = 0;
	enum sink_outcome outcome = duck_file_number(file, file->sql, &good);
	if (outcome || good == row->columns + 1)
		return outcome;
	snprintf(file->why, sizeof file->why, "its table %s has not the columns that it must have",
		 row->name);
	return SINK_HELD;
}

static enum sink_outcome look(struct duck_file *file)
{
	uint64_t own = 0;
	enum sink_outcome outcome = duck_file_number(
	    file, "SELECT count(*) FROM duckdb_tables() WHERE table_name IN ('batch_sinks')", &own);
	if (!outcome && own) {
		snprintf(file->why, sizeof file->why,
			 "%.200s is weir's own archive: name another file", file->path);
		return SINK_HELD;
	}
	for (enum archive_table table = archive_set_first(ARCHIVE_MOVED);
	     !outcome && table < archive_set_end(ARCHIVE_MOVED); table++) {
		outcome = make_table(file, table);
		if (!outcome)
			outcome = look_at_table(file, table);
	}
	return outcome;
}

/* ---- the file ---- */

static duckdb_config settings(const struct duck_file *file)
{
	static const char *const pairs[][2] = {
		{ "threads", "1" },
		{ "memory_limit", "512MB" },
		{ "autoinstall_known_extensions", "false" },
		{ "autoload_known_extensions", "false" },
	};
	duckdb_config config = NULL;
	if (file->duck->create_config(&config) != DuckDBSuccess)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		CHECK(file->duck->set_config(config, pairs[i][0], pairs[i][1]) == DuckDBSuccess);
	return config;
}

void duck_file_close(struct duck_file *file)
{
	if (file->connection)
		file->duck->disconnect(&file->connection);
	if (file->database)
		file->duck->close(&file->database);
	file->connection = NULL;
	file->database = NULL;
	file->broken = false;
}

enum sink_outcome duck_file_open(struct duck_file *file)
{
	char *error = NULL;
	if (file->broken)
		duck_file_close(file);
	if (file->connection)
		return SINK_DONE;
	duckdb_config config = settings(file);
	duckdb_state state = file->duck->open_ext(file->path, &file->database, config, &error);
	file->duck->destroy_config(&config);
	if (state != DuckDBSuccess) {
		file->database = NULL;
		duck_file_failed(file, DUCKDB_ERROR_IO, error);
		file->duck->free(error);
		return SINK_AWAY;
	}
	if (file->duck->connect(file->database, &file->connection) != DuckDBSuccess) {
		duck_file_close(file);
		snprintf(file->why, sizeof file->why, "DuckDB gives no connection");
		return SINK_AWAY;
	}
	enum sink_outcome outcome = look(file);
	if (outcome)
		duck_file_close(file);
	return outcome;
}
