/* What a batch brings that is there already.
 *
 * A result is known by its id: to this batch, to the newest ids in memory, and, where the
 * caller says that some may be older, to the file. There a window of time decides what is
 * read (zone maps: 3 ms for 1,000 ids in 5 M rows instead of 213): a repeated result has the
 * server time it had, so that is the window where there is one; besides, and for the others,
 * what weir received from two days before the oldest on. Other tables: by key, and by the
 * time column, in the same two days. */
#include <stdio.h>

#include "archive/writer_impl.h"
#include "base/check.h"

enum { KEY_BYTES = 1024 };
static const int64_t window_us = INT64_C(2) * 86400 * 1000000;

/* Columns joined by a byte that is in none of them. */
static struct str key_of(const struct archive_row *row, char *out)
{
	const struct archive_table_row *table = archive_table_row((enum archive_table)row->table);
	if (row->table == TABLE_trade_results)
		return archive_cell_text(row, COLUMN_trade_results_result_id);
	struct buf text = buf_over(out, KEY_BYTES);
	for (unsigned i = 0; i < table->columns; i++) {
		enum archive_column column = (enum archive_column)((unsigned)table->first + i);
		if (!archive_is_key(column))
			continue;
		if (text.len)
			buf_char(&text, '\x1f');
		if (archive_column_row(column)->type == ARCHIVE_BIG)
			decimal_print(&text, archive_cell_big(row, column), ARCHIVE_BIG_PLACES);
		else
			archive_cell_print(&text, row, column);
	}
	/* One that is cut is not compared: the same beginning is not the same key. */
	return text.overflow ? (struct str){ NULL, 0 } : buf_str(&text);
}

/* The same, of the file's rows. */
static void key_sql(const struct archive_table_row *table, struct buf *sql)
{
	buf_printf(sql, "concat_ws(chr(31)");
	for (unsigned i = 0; i < table->columns; i++) {
		enum archive_column column = (enum archive_column)((unsigned)table->first + i);
		if (archive_is_key(column))
			buf_printf(sql, ", %s::VARCHAR", archive_column_row(column)->name);
	}
	buf_char(sql, ')');
}

/* Skips what the batch itself, or memory, has. */
static void look_in_memory(struct writer_work *work, enum archive_table table)
{
	char out[KEY_BYTES];
	writer_keys_clear(&work->keys);
	for (size_t i = 0; i < work->count; i++) {
		if (work->rows[i]->table != table || work->skip[i])
			continue;
		struct str key = key_of(work->rows[i], out);
		if (!key.len)
			continue;
		uint64_t hash = str_hash(key);
		bool is_known =
		    table == TABLE_trade_results && writer_seen_has(work->seen, key, hash);
		if (!is_known)
			is_known =
			    writer_keys_take(&work->keys, key, hash, (uint32_t)i) != UINT32_MAX;
		work->skip[i] = is_known;
		work->known += is_known;
	}
}

static bool take_known(void *ctx, const struct db_row *row)
{
	struct writer_work *work = ctx;
	struct str key = db_row_text(row, 0);
	uint32_t at = writer_keys_find(&work->keys, key, str_hash(key));
	if (at != UINT32_MAX && !work->skip[at]) {
		work->skip[at] = true;
		work->known++;
	}
	return true;
}

struct span {
	int64_t from, to;
	size_t count;
};

/* Keys that are not skipped and have the column go into work->names. */
static struct span span_of(struct writer_work *work, enum archive_column column)
{
	struct span span = { INT64_MAX, INT64_MIN, 0 };
	for (size_t i = 0; i < work->keys.count; i++) {
		const struct writer_key *key = &work->keys.keys[i];
		const struct archive_row *row = work->rows[key->row];
		if (work->skip[key->row] || !archive_cell_there(row, column))
			continue;
		int64_t at = archive_cell_int(row, column, 0);
		span.from = at < span.from ? at : span.from;
		span.to = at > span.to ? at : span.to;
		work->names[span.count++] = str_make(work->keys.text.ptr + key->at, key->len);
	}
	return span;
}

static enum status look_by_server_time(struct writer_work *work, struct err *err)
{
	struct span span = span_of(work, COLUMN_trade_results_server_time_ms);
	if (!span.count)
		return STATUS_OK;
	return db_each(
	    work->db,
	    "SELECT result_id FROM trade_results WHERE server_time_ms >= ? AND "
	    "server_time_ms <= ? AND result_id IN (SELECT unnest(?::VARCHAR[]))",
	    DB_ARGS(DB_INT(span.from), DB_INT(span.to), DB_TEXTS(work->names, span.count)),
	    take_known, work, err);
}

static enum status look_by_time(struct writer_work *work, enum archive_table id,
				enum archive_column column, struct err *err)
{
	struct span span = span_of(work, column);
	if (!span.count)
		return STATUS_OK;
	char text[1024];
	struct buf sql = buf_over(text, sizeof text - 1);
	const struct archive_table_row *table = archive_table_row(id);
	buf_printf(&sql, "SELECT DISTINCT k FROM (SELECT ");
	key_sql(table, &sql);
	buf_printf(&sql, " AS k FROM %s WHERE %s >= ?) WHERE k IN (SELECT unnest(?::VARCHAR[]))",
		   table->name, archive_column_row(column)->name);
	CHECK(!sql.overflow);
	text[sql.len] = 0;
	int64_t from = span.from > INT64_MIN + window_us ? span.from - window_us : INT64_MIN;
	return db_each(work->db, text, DB_ARGS(DB_INT(from), DB_TEXTS(work->names, span.count)),
		       take_known, work, err);
}

static enum status look_in_file(struct writer_work *work, enum archive_table table, struct err *err)
{
	if (table != TABLE_trade_results)
		return look_by_time(work, table, archive_table_row(table)->time, err);
	enum status status = look_by_server_time(work, err);
	return status ? status : look_by_time(work, table, COLUMN_trade_results_received_us, err);
}

enum status writer_leave_out_known(struct writer_work *work, struct err *err)
{
	bool has[TABLE_COUNT] = { false };
	bool checked = work->batch->flags & WRITER_CHECKED;
	enum status status = STATUS_OK;
	work->known = 0;
	for (size_t i = 0; i < work->count; i++)
		has[work->rows[i]->table] = true;
	for (unsigned i = 0; !status && i < TABLE_COUNT; i++) {
		enum archive_table table = (enum archive_table)i;
		if (!has[i] || (!checked && table != TABLE_trade_results))
			continue;
		look_in_memory(work, table);
		if (checked)
			status = look_in_file(work, table, err);
	}
	return status;
}
