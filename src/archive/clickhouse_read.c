/* Rows of a batch back out of ClickHouse: TabSeparated, a line a row, \t \n \\ and others escaped,
 * \N NULL (ClickHouse's manual, "TabSeparated").
 *
 * Of rows with one key the one with the largest batch_id stays once parts are merged: what a later
 * batch has is none of this batch's. FINAL says the same, and reads the whole table for it. */
#include "archive/clickhouse_impl.h"
#include "base/check.h"

/* \N alone is NULL: the caller looks. */
static void put_unescaped(struct buf *text, struct str field)
{
	static const char marks[] = "bfrnt0", means[] = { '\b', '\f', '\r', '\n', '\t', 0 };
	for (size_t i = 0; i < field.len; i++) {
		char c = field.ptr[i];
		if (c == '\\' && i + 1 < field.len) {
			c = field.ptr[++i];
			const char *mark = c ? strchr(marks, c) : NULL;
			c = mark ? means[mark - marks] : c;
		}
		buf_char(text, c);
	}
}

/* The texts stand one behind the other in `text`, which does not move: it has the line's room. */
static enum status take_line(const struct sink_read *read, struct str line, struct buf *text)
{
	const struct archive_table_row *table = archive_table_row(read->table);
	struct str cells[ARCHIVE_COLUMNS_MAX], field;
	buf_clear(text);
	if (!buf_reserve(text, line.len + 1))
		return STATUS_NO_MEMORY;
	for (unsigned i = 0; i < table->columns; i++) {
		size_t begin = text->len;
		if (!line.ptr || !str_split(&line, '\t', &field))
			return STATUS_FORMAT;
		put_unescaped(text, field);
		cells[i] = str_make(text->ptr + begin, text->len - begin);
		if (str_eq(field, STR("\\N")))
			cells[i] = (struct str){ NULL, 0 };
	}
	return sink_take_row(read->rows, read->table, cells);
}

static enum status take_lines(const struct sink_read *read, struct str body)
{
	struct buf text;
	struct str line;
	enum status status = STATUS_OK;
	buf_init(&text, CLICKHOUSE_READ_BYTES);
	while (!status && body.len && str_split(&body, '\n', &line))
		status = take_line(read, line, &text);
	buf_deinit(&text);
	return status;
}

static void rows_seen(struct clickhouse_call *call, enum sink_outcome outcome, const char *why,
		      struct str body)
{
	if (outcome == SINK_DONE && take_lines(&call->read, body)) {
		outcome = SINK_HELD;
		why = "what it holds is not what was sent";
	}
	call->busy = false;
	call->fn(call->ctx, outcome, why);
}

static void put_standing(struct clickhouse *ch, const struct sink_read *read)
{
	long long id = read->batch_id;
	buf_printf(&ch->sql, " WHERE batch_id = %lld AND (", id);
	clickhouse_key_put(&ch->sql, read->table);
	buf_str_put(&ch->sql, STR(") NOT IN (SELECT "));
	clickhouse_key_put(&ch->sql, read->table);
	buf_str_put(&ch->sql, STR(" FROM "));
	clickhouse_table_put(&ch->sql, str_of(ch->database), read->table);
	buf_printf(&ch->sql, " WHERE batch_id > %lld)", id);
}

void clickhouse_read(struct clickhouse_call *call)
{
	struct clickhouse *ch = call->owner;
	const struct archive_table_row *table = archive_table_row(call->read.table);
	buf_clear(&ch->sql);
	buf_str_put(&ch->sql, STR("SELECT DISTINCT "));
	for (unsigned i = 0; i < table->columns; i++) {
		if (i)
			buf_char(&ch->sql, ',');
		clickhouse_name_put(
		    &ch->sql,
		    str_of(archive_column_row((enum archive_column)(table->first + i))->name));
	}
	buf_str_put(&ch->sql, STR(" FROM "));
	clickhouse_table_put(&ch->sql, str_of(ch->database), call->read.table);
	put_standing(ch, &call->read);
	buf_printf(&ch->sql, " LIMIT %zu FORMAT TabSeparated", call->read.rows_max);
	call->answer_max = CLICKHOUSE_READ_BYTES;
	call->next = rows_seen;
	clickhouse_ask(call);
}
