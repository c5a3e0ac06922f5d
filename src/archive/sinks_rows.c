/* Rows of one key, and rows as dead letters. */
#include <stdio.h>
#include <stdlib.h>

#include "archive/sinks_impl.h"

/* ---- of rows with one key the last ---- */

static uint64_t cell_hash(const struct archive_row *row, enum archive_column column)
{
	union {
		i128 big;
		char bytes[sizeof(i128)];
	} number;
	switch (archive_column_row(column)->type) {
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD: return str_hash(archive_cell_text(row, column));
	case ARCHIVE_BIG: number.big = archive_cell_big(row, column); break;
	default: number.big = archive_cell_int(row, column, 0);
	}
	return str_hash(str_make(number.bytes, sizeof number.bytes));
}

static bool cell_same(const struct archive_row *a, const struct archive_row *b,
		      enum archive_column column)
{
	switch (archive_column_row(column)->type) {
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD:
		return str_eq(archive_cell_text(a, column), archive_cell_text(b, column));
	case ARCHIVE_BIG: return archive_cell_big(a, column) == archive_cell_big(b, column);
	default: return archive_cell_int(a, column, 0) == archive_cell_int(b, column, 0);
	}
}

struct keys {
	enum archive_column columns[ARCHIVE_COLUMNS_MAX];
	size_t count;
	const struct archive_row **rows; /* by place */
	uint32_t *slots;                 /* 1 + place */
	size_t mask;
	bool *gone;
};

static void keys_deinit(struct keys *keys)
{
	free(keys->rows);
	free(keys->slots);
	free(keys->gone);
}

static bool keys_init(struct keys *keys, const struct archive_rows *rows)
{
	const struct archive_row *row = archive_rows_next(rows, NULL);
	const struct archive_table_row *table = archive_table_row((enum archive_table)row->table);
	size_t slots = 16;
	while (slots < 2 * rows->count)
		slots *= 2;
	*keys = (struct keys){ .rows = calloc(rows->count, sizeof *keys->rows),
			       .slots = calloc(slots, sizeof *keys->slots),
			       .gone = calloc(rows->count, sizeof *keys->gone),
			       .mask = slots - 1 };
	for (uint32_t i = 0; i < table->columns; i++)
		if (archive_is_key(table->first + i))
			keys->columns[keys->count++] = table->first + i;
	return keys->rows && keys->slots && keys->gone;
}

static bool same_key(const struct keys *keys, uint32_t a, uint32_t b)
{
	for (size_t i = 0; i < keys->count; i++)
		if (!cell_same(keys->rows[a], keys->rows[b], keys->columns[i]))
			return false;
	return true;
}

/* True: one before it had its key, and is gone. */
static bool keys_take(struct keys *keys, uint32_t place)
{
	uint64_t hash = 0;
	for (size_t i = 0; i < keys->count; i++)
		hash = hash * 31 + cell_hash(keys->rows[place], keys->columns[i]);
	size_t at = hash & keys->mask;
	for (; keys->slots[at]; at = (at + 1) & keys->mask) {
		uint32_t before = keys->slots[at] - 1;
		if (!same_key(keys, before, place))
			continue;
		keys->gone[before] = true;
		keys->slots[at] = place + 1;
		return true;
	}
	keys->slots[at] = place + 1;
	return false;
}

static bool copy_rest(struct sinks *sinks, const struct keys *keys)
{
	uint32_t n = 0;
	archive_rows_clear(&sinks->distinct);
	for (uint32_t i = 0; i < sinks->rows.count; i++) {
		if (keys->gone[i])
			continue;
		if (archive_rows_copy(&sinks->distinct, keys->rows[i]) != STATUS_OK)
			return false;
		sinks->places[n++] = i;
	}
	return true;
}

static bool make_places(struct sinks *sinks)
{
	if (sinks->rows.count > sinks->places_room) {
		free(sinks->places);
		sinks->places = calloc(sinks->rows.count, sizeof *sinks->places);
		sinks->places_room = sinks->places ? sinks->rows.count : 0;
	}
	for (uint32_t i = 0; sinks->places && i < sinks->rows.count; i++)
		sinks->places[i] = i;
	return sinks->places != NULL;
}

const struct archive_rows *sinks_distinct(struct sinks *sinks)
{
	struct keys keys;
	const struct archive_row *row = NULL;
	uint32_t gone = 0;
	if (!make_places(sinks))
		return NULL;
	bool fine = keys_init(&keys, &sinks->rows);
	for (uint32_t i = 0; fine && (row = archive_rows_next(&sinks->rows, row)); i++) {
		keys.rows[i] = row;
		gone += keys_take(&keys, i);
	}
	if (fine && gone)
		fine = copy_rest(sinks, &keys);
	keys_deinit(&keys);
	return !fine ? NULL : gone ? &sinks->distinct : &sinks->rows;
}

/* ---- dead letters ---- */

/* A result's id is known by itself; other keys are told with their table. */
static void put_key(struct buf *out, const struct archive_row *row)
{
	const struct archive_table_row *table = archive_table_row((enum archive_table)row->table);
	if (row->table != TABLE_trade_results)
		buf_printf(out, "%s", table->name);
	for (uint32_t i = 0; i < table->columns; i++)
		if (archive_is_key(table->first + i)) {
			if (out->len)
				buf_char(out, ' ');
			archive_cell_print(out, row, table->first + i);
		}
}

static void put_fields(struct buf *out, const struct archive_row *row)
{
	const struct archive_table_row *table = archive_table_row((enum archive_table)row->table);
	struct buf text;
	buf_init(&text, SINKS_READ_BYTES);
	buf_printf(out, "{\"table\":\"%s\"", table->name);
	for (uint32_t i = 0; i < table->columns; i++) {
		enum archive_column column = table->first + i;
		if (!archive_cell_there(row, column))
			continue;
		buf_clear(&text);
		archive_cell_print(&text, row, column);
		struct str value = buf_str(&text);
		if (value.len > SINKS_FIELD_BYTES)
			value.len = SINKS_FIELD_BYTES;
		buf_printf(out, ",\"%s\":", archive_column_row(column)->name);
		buf_json_str(out, value);
	}
	buf_char(out, '}');
	buf_deinit(&text);
}

enum status sinks_letter(struct archive_rows *letters, const char *sink,
			 const struct archive_row *row, int64_t tries, const char *why,
			 int64_t now_us)
{
	struct buf key, payload;
	buf_init(&key, SINKS_LETTER_BYTES);
	buf_init(&payload, 16 * SINKS_LETTER_BYTES);
	put_key(&key, row);
	put_fields(&payload, row);
	archive_rows_begin(letters, TABLE_dead_letters);
	archive_row_text(letters, COLUMN_dead_letters_origin, str_of(sink));
	archive_row_text(letters, COLUMN_dead_letters_letter_id, buf_str(&key));
	archive_row_int(letters, COLUMN_dead_letters_at_us, now_us);
	archive_row_int(letters, COLUMN_dead_letters_attempts, tries);
	archive_row_text(letters, COLUMN_dead_letters_reason, str_of(why));
	archive_row_text(letters, COLUMN_dead_letters_payload, buf_str(&payload));
	enum status status = archive_rows_end(letters);
	buf_deinit(&key);
	buf_deinit(&payload);
	return status;
}
