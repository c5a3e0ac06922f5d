/* Rows into a DuckDB sink's tables and out of them, by vectors. */
#include <stdio.h>

#include "archive/duck_sink_impl.h"
#include "archive/num.h"
#include "base/check.h"

enum { CHUNK_ROWS = 2048 }; /* DuckDB's vector */

static duckdb_logical_type logical_type(const struct duck *duck, enum archive_type type)
{
	switch (type) {
	case ARCHIVE_INT: return duck->create_logical_type(DUCKDB_TYPE_BIGINT);
	case ARCHIVE_DEC: return duck->create_decimal_type(18, ARCHIVE_DEC_PLACES);
	case ARCHIVE_NUM:
	case ARCHIVE_BIG: return duck->create_decimal_type(38, ARCHIVE_BIG_PLACES);
	case ARCHIVE_REAL: return duck->create_logical_type(DUCKDB_TYPE_DOUBLE);
	case ARCHIVE_TIME: return duck->create_logical_type(DUCKDB_TYPE_TIMESTAMP_TZ);
	default: return duck->create_logical_type(DUCKDB_TYPE_VARCHAR);
	}
}

/* ---- in ---- */

/* Texts are not copied: the vector points into the body, which lives until the appender has them.
 */
static void put_text(duckdb_string_t *out, struct str text)
{
	*out = (duckdb_string_t){ .value.inlined.length = (uint32_t)text.len };
	if (text.len <= sizeof out->value.inlined.inlined) {
		memcpy(out->value.inlined.inlined, text.ptr, text.len);
		return;
	}
	memcpy(out->value.pointer.prefix, text.ptr, sizeof out->value.pointer.prefix);
	memcpy(&out->value.pointer.ptr, &text.ptr, sizeof text.ptr);
}

static void put_cell(void *data, size_t at, const struct archive_row *row,
		     enum archive_column column)
{
	i128 big;
	switch (archive_column_row(column)->type) {
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD:
		put_text(&((duckdb_string_t *)data)[at], archive_cell_text(row, column));
		break;
	case ARCHIVE_NUM:
	case ARCHIVE_BIG:
		big = archive_cell_big(row, column);
		memcpy((char *)data + at * sizeof big, &big, sizeof big);
		break;
	default: /* a double is its bits */
		((int64_t *)data)[at] =
		    row->cells[column - archive_table_row((enum archive_table)row->table)->first].i;
	}
}

static void fill_column(const struct duck *duck, duckdb_vector vector, enum archive_column column,
			const struct archive_row *const *rows, size_t count)
{
	void *data = duck->vector_get_data(vector);
	uint64_t *validity = NULL;
	for (size_t i = 0; i < count; i++) {
		if (archive_cell_there(rows[i], column)) {
			put_cell(data, i, rows[i], column);
			continue;
		}
		if (!validity) {
			duck->vector_ensure_validity_writable(vector);
			validity = duck->vector_get_validity(vector);
		}
		validity[i / 64] &= ~(UINT64_C(1) << i % 64);
	}
}

static void fill(const struct duck *duck, duckdb_data_chunk chunk, enum archive_table table,
		 const struct archive_row *const *rows, size_t count, int64_t batch_id)
{
	const struct archive_table_row *row = archive_table_row(table);
	duck->data_chunk_reset(chunk);
	for (unsigned i = 0; i < row->columns; i++)
		fill_column(duck, duck->data_chunk_get_vector(chunk, i),
			    (enum archive_column)(row->first + i), rows, count);
	int64_t *ids = duck->vector_get_data(duck->data_chunk_get_vector(chunk, row->columns));
	for (size_t i = 0; i < count; i++)
		ids[i] = batch_id;
	duck->data_chunk_set_size(chunk, count);
}

static duckdb_data_chunk make_chunk(const struct duck *duck, enum archive_table table)
{
	const struct archive_table_row *row = archive_table_row(table);
	duckdb_logical_type types[ARCHIVE_COLUMNS_MAX + 1];
	for (unsigned i = 0; i <= row->columns; i++)
		types[i] = logical_type(
		    duck, i == row->columns
			      ? ARCHIVE_INT
			      : archive_column_row((enum archive_column)(row->first + i))->type);
	duckdb_data_chunk chunk = duck->create_data_chunk(types, row->columns + 1);
	for (unsigned i = 0; i <= row->columns; i++)
		duck->destroy_logical_type(&types[i]);
	return chunk;
}

static bool append_all(const struct duck *duck, duckdb_appender appender, enum archive_table table,
		       struct str body, int64_t batch_id)
{
	const struct archive_row *rows[CHUNK_ROWS];
	duckdb_data_chunk chunk = make_chunk(duck, table);
	bool good = chunk != NULL;
	while (good && body.len) {
		size_t count = 0;
		for (; body.len && count < CHUNK_ROWS; count++) {
			rows[count] = (const struct archive_row *)(const void *)body.ptr;
			body = str_skip(body, rows[count]->bytes);
		}
		fill(duck, chunk, table, rows, count, batch_id);
		good = duck->append_data_chunk(appender, chunk) == DuckDBSuccess;
	}
	good = good && duck->appender_flush(appender) == DuckDBSuccess;
	if (chunk)
		duck->destroy_data_chunk(&chunk);
	return good;
}

static enum sink_outcome append(struct duck_file *file, enum archive_table table, struct str body,
				int64_t batch_id)
{
	duckdb_appender appender = NULL;
	enum sink_outcome outcome = SINK_DONE;
	bool good = file->duck->appender_create(file->connection, NULL, "weir_new", &appender) ==
			DuckDBSuccess &&
		    append_all(file->duck, appender, table, body, batch_id);
	if (!good)
		outcome = duck_file_failed(file, DUCKDB_ERROR_IO,
					   appender ? file->duck->appender_error(appender) : NULL);
	if (appender)
		file->duck->appender_destroy(&appender);
	return outcome;
}

static enum sink_outcome begin(struct duck_file *file, enum archive_table table)
{
	snprintf(file->sql, sizeof file->sql,
		 "BEGIN; CREATE OR REPLACE TEMP TABLE weir_new AS SELECT * FROM \"%s\" LIMIT 0",
		 archive_table_row(table)->name);
	return duck_file_run(file, file->sql);
}

static enum sink_outcome merge(struct duck_file *file, enum archive_table table)
{
	const struct archive_table_row *row = archive_table_row(table);
	struct buf sql = buf_over(file->sql, sizeof file->sql - 1);
	buf_printf(&sql, "INSERT INTO \"%s\" (", row->name);
	duck_file_columns(&sql, table);
	buf_str_put(&sql, STR(") SELECT "));
	duck_file_columns(&sql, table);
	buf_str_put(&sql, STR(" FROM temp.weir_new ON CONFLICT ("));
	duck_file_key(&sql, table);
	buf_str_put(&sql, STR(") DO UPDATE SET "));
	for (unsigned i = 0; i < row->columns; i++) {
		enum archive_column column = (enum archive_column)(row->first + i);
		const char *name = archive_column_row(column)->name;
		if (!archive_is_key(column))
			buf_printf(&sql, "\"%s\" = excluded.\"%s\", ", name, name);
	}
	buf_str_put(&sql, STR("batch_id = excluded.batch_id"));
	CHECK(!sql.overflow);
	file->sql[sql.len] = 0;
	return duck_file_run(file, file->sql);
}

enum sink_outcome duck_file_put(struct duck_file *file, enum archive_table table, struct str body,
				int64_t batch_id)
{
	enum sink_outcome outcome = begin(file, table);
	if (!outcome)
		outcome = append(file, table, body, batch_id);
	if (!outcome)
		outcome = merge(file, table);
	if (!outcome) {
		outcome = duck_file_run(file, "DROP TABLE temp.weir_new; COMMIT");
		return outcome ? SINK_UNKNOWN : SINK_DONE;
	}
	char why[DUCK_SINK_WHY];
	memcpy(why, file->why, sizeof why);
	if (duck_file_run(file, "ROLLBACK"))
		file->broken = true;
	memcpy(file->why, why, sizeof why);
	return outcome;
}

/* ---- out ---- */

struct reading {
	const struct sink_read *read;
	const struct archive_table_row *table;
	void *data[ARCHIVE_COLUMNS_MAX];
	uint64_t *validity[ARCHIVE_COLUMNS_MAX];
};

static bool is_there(const struct reading *reading, unsigned i, size_t at)
{
	return !reading->validity[i] || reading->validity[i][at / 64] >> at % 64 & 1;
}

static struct str text_at(const struct reading *reading, unsigned i, size_t at)
{
	return duck_str(&((const duckdb_string_t *)reading->data[i])[at]);
}

/* The number and the text behind it make each other. */
static void take_num(const struct reading *reading, unsigned i, size_t at,
		     enum archive_column column)
{
	char text[NUM_TEXT_BYTES];
	struct buf plain = buf_over(text, sizeof text);
	i128 big;
	if (is_there(reading, i + 1, at)) {
		archive_row_num(reading->read->rows, column, text_at(reading, i + 1, at));
	} else if (is_there(reading, i, at)) {
		memcpy(&big, (const char *)reading->data[i] + at * sizeof big, sizeof big);
		decimal_print_trim(&plain, big, ARCHIVE_BIG_PLACES);
		archive_row_num(reading->read->rows, column, buf_str(&plain));
	}
}

static void take_cell(const struct reading *reading, unsigned i, size_t at,
		      enum archive_column column)
{
	struct archive_rows *rows = reading->read->rows;
	switch (archive_column_row(column)->type) {
	case ARCHIVE_INT:
	case ARCHIVE_TIME:
		archive_row_int(rows, column, ((const int64_t *)reading->data[i])[at]);
		break;
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD: archive_row_text(rows, column, text_at(reading, i, at)); break;
	default: CHECK(!"a type of the moved tables");
	}
}

static enum status take_row(const struct reading *reading, size_t at)
{
	archive_rows_begin(reading->read->rows, reading->read->table);
	for (unsigned i = 0; i < reading->table->columns; i++) {
		enum archive_column column = (enum archive_column)(reading->table->first + i);
		if (archive_column_row(column)->type == ARCHIVE_NUM)
			take_num(reading, i++, at, column);
		else if (is_there(reading, i, at))
			take_cell(reading, i, at, column);
	}
	return archive_rows_end(reading->read->rows);
}

static enum status take_chunk(const struct duck *duck, duckdb_data_chunk chunk,
			      struct reading *reading)
{
	enum status status = STATUS_OK;
	for (unsigned i = 0; i < reading->table->columns; i++) {
		duckdb_vector vector = duck->data_chunk_get_vector(chunk, i);
		reading->data[i] = duck->vector_get_data(vector);
		reading->validity[i] = duck->vector_get_validity(vector);
	}
	size_t count = duck->data_chunk_get_size(chunk);
	for (size_t at = 0; !status && at < count; at++)
		status = take_row(reading, at);
	return status;
}

enum sink_outcome duck_file_read(struct duck_file *file, const struct sink_read *read)
{
	const struct duck *duck = file->duck;
	struct reading reading = { .read = read, .table = archive_table_row(read->table) };
	struct buf sql = buf_over(file->sql, sizeof file->sql - 1);
	duckdb_result result;
	duckdb_data_chunk chunk;
	enum status status = STATUS_OK;
	buf_str_put(&sql, STR("SELECT "));
	duck_file_columns(&sql, read->table);
	buf_printf(&sql, " FROM \"%s\" WHERE batch_id = %lld LIMIT %zu", reading.table->name,
		   (long long)read->batch_id, read->rows_max);
	file->sql[sql.len] = 0;
	if (duck->query(file->connection, file->sql, &result) != DuckDBSuccess) {
		enum sink_outcome outcome = duck_file_failed(file, duck->result_error_type(&result),
							     duck->result_error(&result));
		duck->destroy_result(&result);
		return outcome;
	}
	while (!status && (chunk = duck->fetch_chunk(result))) {
		status = take_chunk(duck, chunk, &reading);
		duck->destroy_data_chunk(&chunk);
	}
	duck->destroy_result(&result);
	if (!status)
		return SINK_DONE;
	snprintf(file->why, sizeof file->why, "what it holds is not what was sent");
	return SINK_HELD;
}
