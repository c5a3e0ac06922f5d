/* Rows into a table: straight into DuckDB's vectors, a chunk at a time. Texts are not copied
 * there: the vector points into the rows, which live until the appender has taken them. */
#include "archive/db_impl.h"
#include "base/check.h"
#include "base/crash.h"

enum { BLOCK_ROWS = 64 }; /* of a chunk, column by column: they stay in the first cache */

struct fill {
	const struct duck *duck;
	const struct db_table *table;
	duckdb_data_chunk chunk;
	void *data[ARCHIVE_COLUMNS_MAX + 1];
	uint64_t *validity[ARCHIVE_COLUMNS_MAX + 1]; /* NULL: all are there, until now */
	enum archive_type types[ARCHIVE_COLUMNS_MAX + 1];
};

static duckdb_logical_type logical_type(const struct duck *duck, enum archive_type type)
{
	switch (type) {
	case ARCHIVE_INT: return duck->create_logical_type(DUCKDB_TYPE_BIGINT);
	case ARCHIVE_DEC: return duck->create_decimal_type(18, ARCHIVE_DEC_PLACES);
	case ARCHIVE_BIG: return duck->create_decimal_type(38, ARCHIVE_BIG_PLACES);
	case ARCHIVE_REAL: return duck->create_logical_type(DUCKDB_TYPE_DOUBLE);
	default: return duck->create_logical_type(DUCKDB_TYPE_VARCHAR);
	}
}

static enum archive_type type_at(enum archive_table table, const struct db_table *of, size_t at)
{
	int8_t n = of->columns[at];
	enum archive_column first = archive_table_row(table)->first;
	return n < 0 ? ARCHIVE_INT
		     : archive_column_row((enum archive_column)((int)first + n))->type;
}

static enum status make_appender(struct archive_db *db, enum archive_table id, struct err *err)
{
	struct db_table *table = &db->tables[id];
	if (table->appender)
		return STATUS_OK;
	duckdb_logical_type types[ARCHIVE_COLUMNS_MAX + 1];
	for (size_t i = 0; i < table->count; i++)
		types[i] = logical_type(db->duck, type_at(id, table, i));
	table->chunk = db->duck->create_data_chunk(types, table->count);
	for (size_t i = 0; i < table->count; i++)
		db->duck->destroy_logical_type(&types[i]);
	if (db->duck->appender_create(db->connection, NULL, archive_table_row(id)->name,
				      &table->appender) == DuckDBSuccess)
		return STATUS_OK;
	const char *text = table->appender ? db->duck->appender_error(table->appender) : NULL;
	return db_said(db, text, err);
}

static void close_one(struct archive_db *db, struct db_table *table)
{
	if (table->appender)
		db->duck->appender_destroy(&table->appender);
	if (table->chunk)
		db->duck->destroy_data_chunk(&table->chunk);
	table->appender = NULL;
	table->chunk = NULL;
}

void db_tables_close(struct archive_db *db)
{
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		close_one(db, &db->tables[i]);
}

/* ---- filling a chunk ---- */

static void set_null(struct fill *fill, size_t column, size_t row)
{
	if (!fill->validity[column]) {
		duckdb_vector vector = fill->duck->data_chunk_get_vector(fill->chunk, column);
		fill->duck->vector_ensure_validity_writable(vector);
		fill->validity[column] = fill->duck->vector_get_validity(vector);
	}
	fill->validity[column][row / 64] &= ~(UINT64_C(1) << row % 64);
}

static void put_text(duckdb_string_t *out, const char *bytes, uint32_t len)
{
	*out = (duckdb_string_t){ .value.inlined.length = len };
	if (len <= sizeof out->value.inlined.inlined) {
		memcpy(out->value.inlined.inlined, bytes, len);
		return;
	}
	memcpy(out->value.pointer.prefix, bytes, sizeof out->value.pointer.prefix);
	memcpy(&out->value.pointer.ptr, &bytes, sizeof bytes);
}

static void put_cell(void *data, enum archive_type type, size_t at, const struct archive_row *row,
		     const union archive_cell *cell)
{
	switch (type) {
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD:
		put_text(&((duckdb_string_t *)data)[at], (const char *)row + cell->bytes.at,
			 cell->bytes.len);
		break;
	case ARCHIVE_BIG:
		memcpy((char *)data + at * sizeof(i128), (const char *)row + cell->bytes.at,
		       sizeof(i128));
		break;
	default: ((int64_t *)data)[at] = cell->i; /* a double is its bits */
	}
}

static void fill_column(struct fill *fill, size_t column, const struct archive_row *const *rows,
			const int64_t *ids, size_t from, size_t to)
{
	int8_t n = fill->table->columns[column];
	void *data = fill->data[column];
	if (n < 0) {
		memcpy((int64_t *)data + from, ids + from, (to - from) * sizeof *ids);
		return;
	}
	for (size_t i = from; i < to; i++) {
		if (rows[i]->present >> n & 1)
			put_cell(data, fill->types[column], i, rows[i], &rows[i]->cells[n]);
		else
			set_null(fill, column, i);
	}
}

static void fill_chunk(struct fill *fill, const struct archive_row *const *rows, const int64_t *ids,
		       size_t count)
{
	fill->duck->data_chunk_reset(fill->chunk);
	for (size_t i = 0; i < fill->table->count; i++) {
		duckdb_vector vector = fill->duck->data_chunk_get_vector(fill->chunk, i);
		fill->data[i] = fill->duck->vector_get_data(vector);
		fill->validity[i] = NULL;
	}
	for (size_t from = 0; from < count; from += BLOCK_ROWS) {
		size_t to = count - from < BLOCK_ROWS ? count : from + BLOCK_ROWS;
		for (size_t i = 0; i < fill->table->count; i++)
			fill_column(fill, i, rows, ids, from, to);
	}
	fill->duck->data_chunk_set_size(fill->chunk, count);
}

/* ---- batch ids of a chunk's rows ---- */

static enum status give_ids(struct archive_db *db, enum archive_table table,
			    const struct archive_row *const *rows, size_t count, int64_t *ids,
			    struct err *err)
{
	memset(ids, 0, count * sizeof *ids);
	if (!db->config.sinks)
		return STATUS_OK;
	enum status status = STATUS_OK;
	for (size_t i = 0; !status && i < count;) {
		uint32_t month = archive_row_month(rows[i]);
		size_t same = 1, room;
		int64_t id;
		while (i + same < count && archive_row_month(rows[i + same]) == month)
			same++;
		room = same;
		status = db_batch_for(db, table, month, &room, &id, err);
		if (status)
			return status;
		for (size_t k = 0; k < room; k++)
			ids[i + k] = id;
		i += room;
		status = db_batch_took(db, id, room, err);
	}
	return status;
}

static enum status append_chunk(struct archive_db *db, struct fill *fill, enum archive_table id,
				const struct archive_row *const *rows, size_t count,
				struct err *err)
{
	int64_t ids[DB_CHUNK_ROWS];
	enum status status = give_ids(db, id, rows, count, ids, err);
	if (status)
		return status;
	fill_chunk(fill, rows, ids, count);
	if (db->duck->append_data_chunk(fill->table->appender, fill->chunk) != DuckDBSuccess)
		return db_said(db, db->duck->appender_error(fill->table->appender), err);
	crash_point(CRASH_append);
	return STATUS_OK;
}

enum status db_append_table(struct archive_db *db, enum archive_table id,
			    const struct archive_row *const *rows, size_t count, struct err *err)
{
	CHECK(db->in_transaction);
	enum status status = make_appender(db, id, err);
	if (status)
		return status;
	const struct db_table *table = &db->tables[id];
	struct fill fill = { .duck = db->duck, .table = table, .chunk = table->chunk };
	for (size_t i = 0; i < table->count; i++)
		fill.types[i] = type_at(id, table, i);
	for (size_t at = 0; !status && at < count; at += DB_CHUNK_ROWS) {
		size_t some = count - at < DB_CHUNK_ROWS ? count - at : DB_CHUNK_ROWS;
		status = append_chunk(db, &fill, id, rows + at, some, err);
	}
	if (status)
		return status;
	if (db->duck->appender_flush(table->appender) != DuckDBSuccess)
		return db_said(db, db->duck->appender_error(table->appender), err);
	char name[DB_NAME_MAX + 1];
	db_rows_name(name, id, false);
	db_count(db, name, (int64_t)count);
	return STATUS_OK;
}

enum status db_append(struct archive_db *db, const struct archive_rows *rows, struct err *err)
{
	enum status status = STATUS_OK;
	for (unsigned id = 0; !status && id < TABLE_COUNT; id++) {
		const struct archive_row *some[DB_CHUNK_ROWS], *row = NULL;
		size_t count = 0;
		while (!status && (row = archive_rows_next(rows, row))) {
			if (row->table == id)
				some[count++] = row;
			if (count == DB_CHUNK_ROWS) {
				status =
				    db_append_table(db, (enum archive_table)id, some, count, err);
				count = 0;
			}
		}
		if (!status && count)
			status = db_append_table(db, (enum archive_table)id, some, count, err);
	}
	return status;
}
