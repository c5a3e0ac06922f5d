#include "archive/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "archive/num.h"
#include "base/check.h"

enum { ROWS_FIRST_BYTES = 64 << 10, ROW_ALIGN = 16 };

/* What the hot calls need of def/archive.def, without a call to another file. */
static const uint8_t types[COLUMN_COUNT] = {
#define COLUMN(table, name, type, need, unit, meaning) ARCHIVE_##type,
#include "def/archive.def"
};

static const uint16_t firsts[TABLE_END_OF_ALL] = {
#define TABLE(id, key, time, days, meaning) [TABLE_##id] = COLUMN_FIRST_##id,
#include "def/archive.def"
};

static const uint16_t widths[TABLE_END_OF_ALL] = {
#define TABLE(id, key, time, days, meaning) [TABLE_##id] = COLUMN_END_##id - COLUMN_FIRST_##id,
#include "def/archive.def"
};

static const uint16_t times[TABLE_END_OF_ALL] = {
#define TABLE(id, key, time, days, meaning) [TABLE_##id] = COLUMN_##id##_##time,
#include "def/archive.def"
};

static const uint64_t needed[TABLE_END_OF_ALL] = {
#define BIT_ONE                             UINT64_C(1)
#define BIT_OPT                             UINT64_C(0)
#define TABLE(id, key, time, days, meaning) [TABLE_##id] = 0
#define COLUMN(table, name, type, need, unit, meaning)                                             \
	| (BIT_##need << (COLUMN_##table##_##name - COLUMN_FIRST_##table))
#define TABLE_END(id) ,
#include "def/archive.def"
#undef BIT_ONE
#undef BIT_OPT
};

void archive_rows_init(struct archive_rows *rows, size_t bytes_max)
{
	*rows = (struct archive_rows){ .bytes_max = bytes_max, .row = SIZE_MAX };
}

void archive_rows_deinit(struct archive_rows *rows)
{
	free(rows->memory);
	archive_rows_init(rows, rows->bytes_max);
}

void archive_rows_clear(struct archive_rows *rows)
{
	rows->used = rows->count = 0;
	rows->row = SIZE_MAX;
	rows->status = STATUS_OK;
}

static struct archive_row *building(struct archive_rows *rows)
{
	return (struct archive_row *)(void *)(rows->memory + rows->row);
}

static size_t aligned(size_t bytes) { return (bytes + ROW_ALIGN - 1) & ~(size_t)(ROW_ALIGN - 1); }

static enum status grow(struct archive_rows *rows, size_t bytes)
{
	size_t room = rows->room ? rows->room : ROWS_FIRST_BYTES;
	while (room < bytes)
		room *= 2;
	if (room > rows->bytes_max)
		room = rows->bytes_max;
	if (bytes > room)
		return STATUS_FULL;
	char *memory = realloc(rows->memory, room);
	if (!memory)
		return STATUS_NO_MEMORY;
	rows->memory = memory;
	rows->room = room;
	return STATUS_OK;
}

/* Room for `bytes` more of the row being built, rounding up included; false: it is lost. */
static bool reserve(struct archive_rows *rows, size_t bytes)
{
	if (rows->status)
		return false;
	size_t end = aligned(rows->used + bytes);
	if (bytes > UINT32_MAX / 2 || end - rows->row > UINT32_MAX)
		rows->status = STATUS_FULL;
	else if (end > rows->room)
		rows->status = grow(rows, end);
	return rows->status == STATUS_OK;
}

void archive_rows_begin(struct archive_rows *rows, enum archive_table table)
{
	CHECK(rows->row == SIZE_MAX && table < TABLE_END_OF_ALL && table != TABLE_COUNT);
	rows->row = rows->used;
	rows->status = STATUS_OK;
	rows->first = (enum archive_column)firsts[table];
	size_t head = sizeof(struct archive_row) + widths[table] * sizeof(union archive_cell);
	if (!reserve(rows, head))
		return;
	struct archive_row *row = building(rows);
	memset(row, 0, head);
	row->table = (uint16_t)table;
	row->columns = widths[table];
	rows->used += head;
}

/* The cell, to be filled; NULL: the row is lost. */
static union archive_cell *cell(struct archive_rows *rows, enum archive_column column)
{
	if (rows->status)
		return NULL;
	struct archive_row *row = building(rows);
	unsigned at = (unsigned)column - (unsigned)rows->first;
	CHECK(at < row->columns);
	row->present |= UINT64_C(1) << at;
	return &row->cells[at];
}

void archive_row_int(struct archive_rows *rows, enum archive_column column, int64_t value)
{
	CHECK(types[column] == ARCHIVE_INT || types[column] == ARCHIVE_TIME);
	union archive_cell *place = cell(rows, column);
	if (place)
		place->i = value;
}

void archive_row_real(struct archive_rows *rows, enum archive_column column, double value)
{
	CHECK(types[column] == ARCHIVE_REAL);
	union archive_cell *place = cell(rows, column);
	if (place)
		place->real = value;
}

void archive_row_dec(struct archive_rows *rows, enum archive_column column, int64_t e8)
{
	CHECK(types[column] == ARCHIVE_DEC);
	union archive_cell *place = cell(rows, column);
	if (!place)
		return;
	int64_t end = decimal_pow10(18); /* DECIMAL(18,8) */
	if (e8 <= -end || e8 >= end)
		rows->status = STATUS_RANGE;
	place->i = e8;
}

void archive_row_big(struct archive_rows *rows, enum archive_column column, i128 e16)
{
	CHECK(types[column] == ARCHIVE_BIG || types[column] == ARCHIVE_NUM);
	i128 end = (i128)decimal_pow10(18) * decimal_pow10(18) * 100; /* DECIMAL(38,16) */
	if (!rows->status && (e16 <= -end || e16 >= end))
		rows->status = STATUS_RANGE;
	size_t at = aligned(rows->used);
	if (!reserve(rows, at - rows->used + sizeof e16))
		return;
	union archive_cell *place = cell(rows, column);
	memcpy(rows->memory + at, &e16, sizeof e16);
	place->bytes.at = (uint32_t)(at - rows->row);
	place->bytes.len = sizeof e16;
	rows->used = at + sizeof e16;
}

/* Bytes at the front that are UTF-8 and not NUL. */
static size_t clean_bytes(struct str text)
{
	size_t at = 0;
	while (at < text.len) {
		uint64_t word;
		while (text.len - at >= sizeof word) {
			memcpy(&word, text.ptr + at, sizeof word);
			/* No byte has its high bit, and none is 0 (nor, harmlessly, behind a 0). */
			uint64_t zeros =
			    (word - UINT64_C(0x0101010101010101)) & UINT64_C(0x8080808080808080);
			if ((word & UINT64_C(0x8080808080808080)) || zeros)
				break;
			at += sizeof word;
		}
		if (at == text.len)
			break;
		size_t len = text.ptr[at] ? str_utf8_len(str_skip(text, at)) : 0;
		if (!len)
			break;
		at += len;
	}
	return at;
}

static bool put_bytes(struct archive_rows *rows, const char *bytes, size_t len)
{
	if (!reserve(rows, len))
		return false;
	if (len)
		memcpy(rows->memory + rows->used, bytes, len);
	rows->used += len;
	return true;
}

void archive_row_text(struct archive_rows *rows, enum archive_column column, struct str value)
{
	CHECK(types[column] == ARCHIVE_TEXT || types[column] == ARCHIVE_WORD);
	size_t begin = rows->used;
	for (;;) {
		size_t clean = clean_bytes(value);
		if (!put_bytes(rows, value.ptr, clean))
			return;
		value = str_skip(value, clean);
		if (!value.len)
			break;
		if (!put_bytes(rows, "\xEF\xBF\xBD", 3))
			return;
		value = str_skip(value, 1);
	}
	union archive_cell *place = cell(rows, column);
	place->bytes.at = (uint32_t)(begin - rows->row);
	place->bytes.len = (uint32_t)(rows->used - begin);
}

void archive_row_word(struct archive_rows *rows, enum archive_column column, struct str value)
{
	if (value.len)
		archive_row_text(rows, column, value);
}

/* The text goes along where the number alone would not print it. */
void archive_row_num(struct archive_rows *rows, enum archive_column column, struct str text)
{
	struct num num;
	i128 e16;
	char printed[NUM_TEXT_BYTES];
	struct buf plain = buf_over(printed, sizeof printed);
	CHECK(types[column] == ARCHIVE_NUM && types[column + 1] == ARCHIVE_TEXT);
	bool is_number = num_parse(text, &num) && num_e16(&num, &e16);
	if (is_number) {
		archive_row_big(rows, column, e16);
		decimal_print_trim(&plain, e16, ARCHIVE_BIG_PLACES);
	}
	if (!is_number || !str_eq(buf_str(&plain), text))
		archive_row_text(rows, column + 1, text);
}

static enum status big_of(struct str text, i128 *e16)
{
	struct decimal parsed;
	enum status status = decimal_parse(text, &parsed);
	if (status)
		return status;
	if (parsed.scale > ARCHIVE_BIG_PLACES)
		return STATUS_RANGE;
	*e16 = (i128)parsed.mantissa * decimal_pow10(ARCHIVE_BIG_PLACES - parsed.scale);
	return STATUS_OK;
}

static enum status dec_of(struct str text, int64_t *e8)
{
	struct decimal parsed;
	int64_t mantissa, end = decimal_pow10(18);
	enum status status = decimal_parse(text, &parsed);
	if (status)
		return status;
	status = decimal_rescale(parsed, ARCHIVE_DEC_PLACES, &mantissa);
	if (status || mantissa <= -end || mantissa >= end)
		return STATUS_RANGE;
	*e8 = mantissa;
	return STATUS_OK;
}

enum status archive_row_number(struct archive_rows *rows, enum archive_column column,
			       struct str text)
{
	int64_t value;
	i128 big;
	enum status status = STATUS_OK;
	if (!text.len)
		return STATUS_OK;
	switch (types[column]) {
	case ARCHIVE_INT:
	case ARCHIVE_TIME:
		status = str_to_i64(text, &value);
		if (!status)
			archive_row_int(rows, column, value);
		break;
	case ARCHIVE_DEC:
		status = dec_of(text, &value);
		if (!status)
			archive_row_dec(rows, column, value);
		break;
	case ARCHIVE_BIG:
		status = big_of(text, &big);
		if (!status)
			archive_row_big(rows, column, big);
		break;
	default: CHECK(!"a column of numbers");
	}
	return status;
}

enum status archive_rows_end(struct archive_rows *rows)
{
	CHECK(rows->row != SIZE_MAX);
	enum status status = rows->status;
	if (status) {
		archive_rows_cancel(rows);
		return status;
	}
	struct archive_row *row = building(rows);
	CHECK((row->present & needed[row->table]) == needed[row->table]);
	rows->used = aligned(rows->used);
	row->bytes = (uint32_t)(rows->used - rows->row);
	rows->row = SIZE_MAX;
	rows->count++;
	return STATUS_OK;
}

void archive_rows_cancel(struct archive_rows *rows)
{
	CHECK(rows->row != SIZE_MAX);
	rows->used = rows->row;
	rows->row = SIZE_MAX;
	rows->status = STATUS_OK;
}

enum status archive_rows_copy(struct archive_rows *rows, const struct archive_row *row)
{
	CHECK(rows->row == SIZE_MAX);
	size_t end = rows->used + row->bytes;
	if (end > rows->room) {
		enum status status = grow(rows, end);
		if (status)
			return status;
	}
	memcpy(rows->memory + rows->used, row, row->bytes);
	rows->used = end;
	rows->count++;
	return STATUS_OK;
}

const struct archive_row *archive_rows_next(const struct archive_rows *rows,
					    const struct archive_row *row)
{
	const char *at = row ? (const char *)row + row->bytes : rows->memory;
	size_t end = rows->row == SIZE_MAX ? rows->used : rows->row;
	return end && at < rows->memory + end ? (const struct archive_row *)(const void *)at : NULL;
}

static unsigned index_of(const struct archive_row *row, enum archive_column column)
{
	unsigned at = (unsigned)column - firsts[row->table];
	CHECK(at < row->columns);
	return at;
}

bool archive_cell_there(const struct archive_row *row, enum archive_column column)
{
	return row->present >> index_of(row, column) & 1;
}

int64_t archive_cell_int(const struct archive_row *row, enum archive_column column, int64_t absent)
{
	unsigned at = index_of(row, column);
	return row->present >> at & 1 ? row->cells[at].i : absent;
}

double archive_cell_real(const struct archive_row *row, enum archive_column column)
{
	unsigned at = index_of(row, column);
	return row->present >> at & 1 ? row->cells[at].real : 0;
}

struct str archive_cell_text(const struct archive_row *row, enum archive_column column)
{
	unsigned at = index_of(row, column);
	if (!(row->present >> at & 1))
		return (struct str){ NULL, 0 };
	return str_make((const char *)row + row->cells[at].bytes.at, row->cells[at].bytes.len);
}

i128 archive_cell_big(const struct archive_row *row, enum archive_column column)
{
	i128 value = 0;
	struct str bytes = archive_cell_text(row, column);
	if (bytes.len == sizeof value)
		memcpy(&value, bytes.ptr, sizeof value);
	return value;
}

void archive_cell_print(struct buf *out, const struct archive_row *row, enum archive_column column)
{
	if (!archive_cell_there(row, column))
		return;
	switch (types[column]) {
	case ARCHIVE_INT:
	case ARCHIVE_TIME: buf_i64(out, archive_cell_int(row, column, 0)); break;
	case ARCHIVE_DEC:
		decimal_print_trim(out, archive_cell_int(row, column, 0), ARCHIVE_DEC_PLACES);
		break;
	case ARCHIVE_BIG:
	case ARCHIVE_NUM:
		decimal_print_trim(out, archive_cell_big(row, column), ARCHIVE_BIG_PLACES);
		break;
	case ARCHIVE_REAL: buf_printf(out, "%.17g", archive_cell_real(row, column)); break;
	default: buf_str_put(out, archive_cell_text(row, column));
	}
}

/* Days since 1970 to a civil month (Hinnant 2013, days from civil, the other way). */
uint32_t archive_month(int64_t us)
{
	const int64_t day_us = INT64_C(86400000000), last = 2932896; /* 9999-12-31 */
	int64_t days = us < 0 ? 0 : us / day_us;
	days = (days > last ? last : days) + 719468;
	int64_t era = days / 146097, of_era = days % 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t march = (5 * of_year + 2) / 153;
	int64_t month = march < 10 ? march + 3 : march - 9;
	return (uint32_t)((year + era * 400 + (month <= 2)) * 100 + month);
}

int64_t archive_row_time(const struct archive_row *row)
{
	return archive_cell_int(row, (enum archive_column)times[row->table], 0);
}

uint32_t archive_row_month(const struct archive_row *row)
{
	return archive_month(archive_row_time(row));
}

static bool in_bytes(enum archive_type type)
{
	return type == ARCHIVE_TEXT || type == ARCHIVE_WORD || type == ARCHIVE_BIG ||
	       type == ARCHIVE_NUM;
}

uint64_t archive_row_hash(const struct archive_row *row)
{
	uint64_t hash = row->present * UINT64_C(0x9e3779b97f4a7c15) + row->table;
	for (unsigned i = 0; i < row->columns; i++) {
		struct str bytes = str_make((const char *)&row->cells[i], sizeof row->cells[i]);
		if (!(row->present >> i & 1))
			continue;
		if (in_bytes((enum archive_type)types[firsts[row->table] + i]))
			bytes = str_make((const char *)row + row->cells[i].bytes.at,
					 row->cells[i].bytes.len);
		hash = (hash ^ str_hash(bytes)) * UINT64_C(0x9e3779b97f4a7c15) + i;
		hash ^= hash >> 29;
	}
	return hash;
}
