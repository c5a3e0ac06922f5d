#include "archive/native.h"

#include <stdlib.h>

#include "archive/native_words.h"
#include "base/check.h"

enum { NATIVE_TEXT_ROOM = 16 << 10 };

static void put_text(struct buf *out, struct str text)
{
	native_varint(out, text.len);
	buf_str_put(out, text);
}

static const char *type_name(enum archive_type type)
{
	switch (type) {
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD: return "String";
	case ARCHIVE_INT:
	case ARCHIVE_TIME: return "Int64";
	case ARCHIVE_DEC: return "Decimal(18, 8)";
	case ARCHIVE_BIG:
	case ARCHIVE_NUM: return "Decimal(38, 16)";
	case ARCHIVE_REAL: return "Float64";
	}
	return "";
}

void native_type_put(struct buf *out, enum archive_column column, bool dictionary)
{
	const struct archive_column_row *row = archive_column_row(column);
	bool is_word = dictionary && row->type == ARCHIVE_WORD;
	buf_printf(out, "%s%s%s%s%s", is_word ? "LowCardinality(" : "",
		   row->optional ? "Nullable(" : "", type_name(row->type), row->optional ? ")" : "",
		   is_word ? ")" : "");
}

/* ---- one column of all rows ---- */

struct slice {
	const struct archive_row **rows;
	size_t count;
};

static void put_nulls(struct buf *out, const struct slice *slice, unsigned bit)
{
	char *at = buf_reserve(out, slice->count);
	for (size_t i = 0; at && i < slice->count; i++)
		at[i] = (char)(slice->rows[i]->present >> bit & 1 ? 0 : 1);
	out->len += at ? slice->count : 0;
}

/* A cell that is NULL holds whatever it holds; what is sent in its place is 0. */
static void put_eights(struct buf *out, const struct slice *slice, unsigned bit)
{
	size_t bytes = slice->count * sizeof(int64_t);
	char *at = buf_reserve(out, bytes);
	for (size_t i = 0; at && i < slice->count; i++) {
		const struct archive_row *row = slice->rows[i];
		int64_t value = row->present >> bit & 1 ? row->cells[bit].i : 0;
		memcpy(at + i * sizeof value, &value, sizeof value);
	}
	out->len += at ? bytes : 0;
}

static void put_bigs(struct buf *out, const struct slice *slice, enum archive_column column)
{
	size_t bytes = slice->count * sizeof(i128);
	char *at = buf_reserve(out, bytes);
	for (size_t i = 0; at && i < slice->count; i++) {
		const struct archive_row *row = slice->rows[i];
		i128 value = archive_cell_there(row, column) ? archive_cell_big(row, column) : 0;
		memcpy(at + i * sizeof value, &value, sizeof value);
	}
	out->len += at ? bytes : 0;
}

/* Most of a block's time is here: room is made for many texts at once. */
static void put_texts(struct buf *out, const struct slice *slice, unsigned bit)
{
	char *at = NULL, *end = NULL;
	for (size_t i = 0; i < slice->count; i++) {
		const struct archive_row *row = slice->rows[i];
		bool there = row->present >> bit & 1;
		uint32_t len = there ? row->cells[bit].bytes.len : 0;
		if ((size_t)(end - at) < len + NATIVE_VARINT_BYTES) {
			out->len = at ? (size_t)(at - out->ptr) : out->len;
			size_t left = (out->limit ? out->limit : out->cap) - out->len;
			size_t room = len + NATIVE_VARINT_BYTES;
			if (left > room)
				room =
				    left < room + NATIVE_TEXT_ROOM ? left : room + NATIVE_TEXT_ROOM;
			at = buf_reserve(out, room);
			if (!at)
				return;
			end = at + room;
		}
		at = native_varint_at(at, len);
		if (len) {
			memcpy(at, (const char *)row + row->cells[bit].bytes.at, len);
			at += len;
		}
	}
	out->len = at ? (size_t)(at - out->ptr) : out->len;
}

static void put_type(struct buf *out, enum archive_column column, bool dictionary)
{
	char text[64];
	struct buf type = buf_over(text, sizeof text);
	native_type_put(&type, column, dictionary);
	CHECK(!type.overflow);
	put_text(out, buf_str(&type));
}

static enum status put_column(struct buf *out, const struct slice *slice,
			      enum archive_column column, bool dictionary)
{
	const struct archive_column_row *row = archive_column_row(column);
	unsigned bit = (unsigned)(column - archive_table_row(row->table)->first);
	put_text(out, str_of(row->name));
	put_type(out, column, dictionary);
	if (dictionary && row->type == ARCHIVE_WORD)
		return native_words_put(out, slice->rows, slice->count, column);
	if (row->optional)
		put_nulls(out, slice, bit);
	switch (row->type) {
	case ARCHIVE_INT:
	case ARCHIVE_TIME:
	case ARCHIVE_DEC:
	case ARCHIVE_REAL: put_eights(out, slice, bit); break;
	case ARCHIVE_BIG:
	case ARCHIVE_NUM: put_bigs(out, slice, column); break;
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD: put_texts(out, slice, bit); break;
	}
	return STATUS_OK;
}

static void put_batch_id(struct buf *out, size_t count, int64_t batch_id)
{
	put_text(out, STR("batch_id"));
	put_text(out, STR("UInt64"));
	char *at = buf_reserve(out, count * sizeof batch_id);
	for (size_t i = 0; at && i < count; i++)
		memcpy(at + i * sizeof batch_id, &batch_id, sizeof batch_id);
	out->len += at ? count * sizeof batch_id : 0;
}

/* ---- the block ---- */

static bool has_month(const struct archive_row *row)
{
	uint32_t month = archive_row_month(row);
	enum archive_column time = archive_table_row(row->table)->time;
	return archive_cell_int(row, time, -1) >= 0 && month >= NATIVE_MONTH_FIRST &&
	       month <= NATIVE_MONTH_LAST;
}

static enum status pick(const struct archive_rows *rows, size_t from, struct slice *slice,
			size_t *bad)
{
	const struct archive_row *row = NULL;
	for (size_t i = 0; i < from + slice->count; i++) {
		row = archive_rows_next(rows, row);
		CHECK(row);
		if (i < from)
			continue;
		slice->rows[i - from] = row;
		CHECK(row->table == slice->rows[0]->table);
		if (!archive_is_moved((enum archive_table)row->table) && !has_month(row)) {
			*bad = i;
			return STATUS_INVALID;
		}
	}
	return STATUS_OK;
}

static enum status put_block(struct buf *out, const struct slice *slice, int64_t batch_id,
			     const bool *dictionary)
{
	const struct archive_table_row *table = archive_table_row(slice->rows[0]->table);
	enum status status = STATUS_OK;
	size_t begin = out->len;
	native_varint(out, table->columns + 1);
	native_varint(out, slice->count);
	for (uint32_t i = 0; i < table->columns && status == STATUS_OK; i++) {
		enum archive_column column = table->first + i;
		status = put_column(out, slice, column, dictionary && dictionary[column]);
	}
	put_batch_id(out, slice->count, batch_id);
	if (status == STATUS_OK && out->overflow)
		status = STATUS_FULL;
	if (status != STATUS_OK)
		out->len = begin;
	return status;
}

enum status native_encode(const struct archive_rows *rows, size_t from, size_t to, int64_t batch_id,
			  const bool dictionary[COLUMN_COUNT], struct buf *out, size_t *bad)
{
	CHECK(from < to && to <= rows->count);
	struct slice slice = { calloc(to - from, sizeof(void *)), to - from };
	if (!slice.rows)
		return STATUS_NO_MEMORY;
	enum status status = pick(rows, from, &slice, bad);
	if (status == STATUS_OK)
		status = put_block(out, &slice, batch_id, dictionary);
	free(slice.rows);
	return status;
}
