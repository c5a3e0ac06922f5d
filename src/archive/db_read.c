/* Rows of a table out of the file, from DuckDB's vectors into archive_rows. */
#include <stdio.h>

#include "archive/db_impl.h"
#include "base/check.h"

struct reading {
	struct archive_rows *rows;
	enum archive_table table;
	size_t columns;
	void *data[ARCHIVE_COLUMNS_MAX];
	uint64_t *validity[ARCHIVE_COLUMNS_MAX];
	enum archive_type types[ARCHIVE_COLUMNS_MAX];
};

static void take_vectors(const struct duck *duck, duckdb_data_chunk chunk, struct reading *reading)
{
	for (size_t i = 0; i < reading->columns; i++) {
		duckdb_vector vector = duck->data_chunk_get_vector(chunk, i);
		reading->data[i] = duck->vector_get_data(vector);
		reading->validity[i] = duck->vector_get_validity(vector);
	}
}

static void take_cell(const struct reading *reading, size_t n, size_t at,
		      enum archive_column column)
{
	const void *data = reading->data[n];
	i128 big;
	switch (reading->types[n]) {
	case ARCHIVE_INT:
		archive_row_int(reading->rows, column, ((const int64_t *)data)[at]);
		break;
	case ARCHIVE_DEC:
		archive_row_dec(reading->rows, column, ((const int64_t *)data)[at]);
		break;
	case ARCHIVE_REAL:
		archive_row_real(reading->rows, column, ((const double *)data)[at]);
		break;
	case ARCHIVE_BIG:
		memcpy(&big, (const char *)data + at * sizeof big, sizeof big);
		archive_row_big(reading->rows, column, big);
		break;
	default:
		archive_row_text(reading->rows, column,
				 duck_str(&((const duckdb_string_t *)data)[at]));
	}
}

/* A column that was added to an older file has no value in its rows. */
static void take_absent(const struct reading *reading, size_t n, enum archive_column column)
{
	if (archive_column_row(column)->optional)
		return;
	switch (reading->types[n]) {
	case ARCHIVE_INT: archive_row_int(reading->rows, column, 0); break;
	case ARCHIVE_DEC: archive_row_dec(reading->rows, column, 0); break;
	case ARCHIVE_REAL: archive_row_real(reading->rows, column, 0); break;
	case ARCHIVE_BIG: archive_row_big(reading->rows, column, 0); break;
	default: archive_row_text(reading->rows, column, STR(""));
	}
}

static enum status take_row(const struct reading *reading, size_t at)
{
	enum archive_column first = archive_table_row(reading->table)->first;
	archive_rows_begin(reading->rows, reading->table);
	for (size_t n = 0; n < reading->columns; n++) {
		enum archive_column column = (enum archive_column)((size_t)first + n);
		const uint64_t *bits = reading->validity[n];
		if (!bits || bits[at / 64] >> at % 64 & 1)
			take_cell(reading, n, at, column);
		else
			take_absent(reading, n, column);
	}
	return archive_rows_end(reading->rows);
}

static enum status take_chunks(struct archive_db *db, duckdb_result *result,
			       struct reading *reading, struct err *err)
{
	duckdb_data_chunk chunk;
	enum status status = STATUS_OK;
	while (!status && (chunk = db->duck->fetch_chunk(*result))) {
		size_t count = db->duck->data_chunk_get_size(chunk);
		take_vectors(db->duck, chunk, reading);
		for (size_t i = 0; !status && i < count; i++)
			status = take_row(reading, i);
		db->duck->destroy_data_chunk(&chunk);
	}
	if (status)
		return err_set(err, status, "no room for the rows of %s",
			       archive_table_row(reading->table)->name);
	return db->duck->result_error(result) ? db_failed(db, result, err) : STATUS_OK;
}

enum status db_read_rows(struct archive_db *db, enum archive_table table, const char *where,
			 struct db_args args, size_t limit, struct archive_rows *rows,
			 struct err *err)
{
	const struct archive_table_row *row = archive_table_row(table);
	struct reading reading = { .rows = rows, .table = table, .columns = row->columns };
	char text[4096];
	struct buf sql = buf_over(text, sizeof text - 1);
	buf_printf(&sql, "SELECT ");
	for (size_t n = 0; n < row->columns; n++) {
		const struct archive_column_row *column =
		    archive_column_row((enum archive_column)((size_t)row->first + n));
		reading.types[n] = column->type;
		buf_printf(&sql, "%s%s", n ? ", " : "", column->name);
	}
	buf_printf(&sql, " FROM %s%s%s LIMIT %zu", row->name, where ? " WHERE " : "",
		   where ? where : "", limit);
	CHECK(!sql.overflow);
	text[sql.len] = 0;
	duckdb_prepared_statement statement;
	enum status status = db_statement(db, text, args, &statement, err);
	if (status)
		return status;
	duckdb_result result;
	if (db->duck->execute_prepared_streaming(statement, &result) != DuckDBSuccess)
		status = db_failed(db, &result, err);
	else
		status = take_chunks(db, &result, &reading, err);
	db->duck->destroy_result(&result);
	return status;
}
