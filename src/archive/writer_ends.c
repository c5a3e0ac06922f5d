/* A signals row whose end its caller does not know (status "?"): it is the final result of
 * the same signal and instance, the last one received, in the file by now. */
#include <inttypes.h>
#include <stdio.h>

#include "archive/writer_impl.h"

static const int64_t before_us = INT64_C(86400) * 1000000; /* clocks that were set back */

static bool is_wanted(const struct writer_work *work, size_t i)
{
	return !work->skip[i] && work->rows[i]->table == TABLE_signals &&
	       str_eq(archive_cell_text(work->rows[i], COLUMN_signals_status), STR("?"));
}

static struct str key_of(int64_t sid, struct str instance, char *out, size_t size)
{
	struct buf text = buf_over(out, size);
	buf_i64(&text, sid);
	buf_char(&text, ' ');
	buf_str_put(&text, instance);
	return text.overflow ? (struct str){ NULL, 0 } : buf_str(&text);
}

/* The row as it was, but for its end. */
static enum status put_ended(struct archive_rows *rows, const struct archive_row *from,
			     const struct db_row *end)
{
	const struct archive_table_row *table = archive_table_row(TABLE_signals);
	archive_rows_begin(rows, TABLE_signals);
	for (unsigned i = 0; i < table->columns; i++) {
		enum archive_column column = (enum archive_column)((unsigned)table->first + i);
		if (!archive_cell_there(from, column) || column == COLUMN_signals_status ||
		    column == COLUMN_signals_reason || column == COLUMN_signals_attempt ||
		    column == COLUMN_signals_ended_us)
			continue;
		switch (archive_column_row(column)->type) {
		case ARCHIVE_INT:
			archive_row_int(rows, column, archive_cell_int(from, column, 0));
			break;
		case ARCHIVE_DEC:
			archive_row_dec(rows, column, archive_cell_int(from, column, 0));
			break;
		default: archive_row_text(rows, column, archive_cell_text(from, column));
		}
	}
	archive_row_text(rows, COLUMN_signals_status, db_row_text(end, 2));
	archive_row_word(rows, COLUMN_signals_reason, db_row_text(end, 3));
	archive_row_int(rows, COLUMN_signals_attempt,
			db_row_int(end, 4, archive_cell_int(from, COLUMN_signals_attempt, 0)));
	archive_row_int(rows, COLUMN_signals_ended_us, db_row_int(end, 5, 0));
	return archive_rows_end(rows);
}

static bool take_end(void *ctx, const struct db_row *row)
{
	struct writer_work *work = ctx;
	char out[512];
	struct str key = key_of(db_row_int(row, 0, 0), db_row_text(row, 1), out, sizeof out);
	uint32_t at = writer_keys_find(&work->keys, key, str_hash(key));
	if (!key.len || at == UINT32_MAX || work->ended[at])
		return true;
	work->sum_status = put_ended(&work->derived, work->rows[at], row);
	work->ended[at] = true;
	return work->sum_status == STATUS_OK;
}

/* The sids, the rows' keys, and the oldest signal. */
static size_t gather(struct writer_work *work, int64_t *oldest_us)
{
	size_t count = 0;
	char out[512];
	*oldest_us = INT64_MAX;
	writer_keys_clear(&work->keys);
	memset(work->ended, 0, work->count * sizeof work->ended[0]);
	buf_clear(&work->digits);
	for (size_t i = 0; i < work->count; i++) {
		if (!is_wanted(work, i))
			continue;
		const struct archive_row *row = work->rows[i];
		int64_t sid = archive_cell_int(row, COLUMN_signals_sid, 0);
		int64_t at_us = archive_cell_int(row, COLUMN_signals_received_us, 0);
		struct str key =
		    key_of(sid, archive_cell_text(row, COLUMN_signals_instance), out, sizeof out);
		if (key.len)
			writer_keys_take(&work->keys, key, str_hash(key), (uint32_t)i);
		*oldest_us = at_us < *oldest_us ? at_us : *oldest_us;
		work->names[count++].len = work->digits.len;
		buf_i64(&work->digits, sid);
		buf_char(&work->digits, 0);
	}
	for (size_t i = 0; i < count; i++)
		work->names[i] = str_of(work->digits.ptr + work->names[i].len);
	return count;
}

static void skip_those_without(struct writer_work *work)
{
	for (size_t i = 0; i < work->count; i++) {
		if (!is_wanted(work, i))
			continue;
		if (!work->ended[i]) {
			work->ends_missing++;
			db_count(work->db, "signals_without_end", 1);
		}
		work->skip[i] = true; /* as it is; its copy with the end is in `derived` */
	}
}

enum status writer_find_ends(struct writer_work *work, struct err *err)
{
	int64_t oldest_us;
	work->ends_missing = 0;
	work->sum_status = STATUS_OK;
	size_t count = gather(work, &oldest_us);
	if (!count)
		return STATUS_OK;
	int64_t from = oldest_us > INT64_MIN + before_us ? oldest_us - before_us : INT64_MIN;
	enum status status = db_each(
	    work->db,
	    "SELECT sid, coalesce(instance, ''), status, reason, attempt, received_us FROM "
	    "trade_results WHERE received_us >= ? AND sid IN (SELECT "
	    "unnest(?::VARCHAR[])::BIGINT) AND status IN ('done', 'fail', 'exp', 'refused', 'unk') "
	    "ORDER BY received_us DESC, rowid DESC",
	    DB_ARGS(DB_INT(from), DB_TEXTS(work->names, count)), take_end, work, err);
	if (!status && work->sum_status)
		status = err_set(err, work->sum_status, "no room for the signals of a batch");
	if (!status)
		skip_those_without(work);
	return status;
}
