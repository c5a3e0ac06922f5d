#include "archive/postgres_encode.h"

#include "archive/num.h"
#include "base/check.h"

static const int64_t epoch_2000_us = INT64_C(946684800000000);

enum {
	GROUP = 10000, /* a digit of numeric */
	GROUP_DIGITS = 4,
	GROUPS_MAX = 10, /* of 39 decimal digits */
	NUMERIC_NEGATIVE = 0x4000,
};

/* ---- numbers, most significant byte first; room was made for the whole row ---- */

static char *put_16(char *at, int value)
{
	uint16_t big = __builtin_bswap16((uint16_t)value);
	memcpy(at, &big, sizeof big);
	return at + sizeof big;
}

static char *put_32(char *at, int32_t value)
{
	uint32_t big = __builtin_bswap32((uint32_t)value);
	memcpy(at, &big, sizeof big);
	return at + sizeof big;
}

static char *put_bigint(char *at, uint64_t bits)
{
	uint64_t big = __builtin_bswap64(bits);
	at = put_32(at, 8);
	memcpy(at, &big, sizeof big);
	return at + sizeof big;
}

/* Least significant group first; those behind the point are `places` / 4. */
static int split_groups(u128 value, uint16_t groups[GROUPS_MAX])
{
	int count = 0;
	for (; value > UINT64_MAX; value /= GROUP)
		groups[count++] = (uint16_t)(value % GROUP);
	for (uint64_t rest = (uint64_t)value; rest > 0; rest /= GROUP)
		groups[count++] = (uint16_t)(rest % GROUP);
	return count;
}

char *postgres_put_numeric(char *at, i128 value, int places)
{
	uint16_t groups[GROUPS_MAX];
	int count = split_groups(value < 0 ? -(u128)value : (u128)value, groups);
	int low = 0;
	while (low < count && groups[low] == 0)
		low++;
	int weight = count > 0 ? count - 1 - places / GROUP_DIGITS : 0;
	at = put_32(at, 8 + 2 * (count - low));
	at = put_16(at, count - low);
	at = put_16(at, weight);
	at = put_16(at, value < 0 ? NUMERIC_NEGATIVE : 0);
	at = put_16(at, places);
	for (int i = count - 1; i >= low; i--)
		at = put_16(at, groups[i]);
	return at;
}

/* Groups of four digits from the point on, both ways; zeros at both ends are not sent. */
char *postgres_put_num(char *at, const struct num *num)
{
	int whole = num->count - num->places,
	    pad = (GROUP_DIGITS - whole % GROUP_DIGITS) % GROUP_DIGITS;
	int count = (pad + num->count + GROUP_DIGITS - 1) / GROUP_DIGITS, first = 0;
	int groups[NUM_DIGITS_MAX / GROUP_DIGITS + 2] = { 0 };
	for (int i = 0; i < count * GROUP_DIGITS; i++) {
		int digit = i < pad || i - pad >= num->count ? 0 : num->digits[i - pad];
		groups[i / GROUP_DIGITS] = groups[i / GROUP_DIGITS] * 10 + digit;
	}
	int weight = (pad + whole) / GROUP_DIGITS - 1;
	for (; count > 0 && groups[count - 1] == 0; count--)
		;
	for (; first < count && groups[first] == 0; first++)
		weight--;
	at = put_32(at, 8 + 2 * (count - first));
	at = put_16(at, count - first);
	at = put_16(at, count > first ? weight : 0);
	at = put_16(at, num->negative && count > first ? NUMERIC_NEGATIVE : 0);
	at = put_16(at, num->places);
	for (int i = first; i < count; i++)
		at = put_16(at, groups[i]);
	return at;
}

/* ---- rows ---- */

/* A NUM as its text says, which is beside it where the number of 16 places does not. False: neither
 * is one. */
static bool number_of(const struct archive_row *row, enum archive_column column, struct num *num)
{
	char text[NUM_TEXT_BYTES];
	struct buf plain = buf_over(text, sizeof text);
	if (archive_cell_there(row, column + 1))
		return num_parse(archive_cell_text(row, column + 1), num);
	archive_cell_print(&plain, row, column);
	return num_parse(buf_str(&plain), num);
}

static char *put_number(char *at, const struct archive_row *row, enum archive_column column)
{
	struct num num;
	return number_of(row, column, &num) ? postgres_put_num(at, &num) : put_32(at, -1);
}

static char *put_cell(char *at, const struct archive_row *row, enum archive_column column,
		      const union archive_cell *cell)
{
	switch (archive_column_row(column)->type) {
	case ARCHIVE_INT:
	case ARCHIVE_REAL: return put_bigint(at, (uint64_t)cell->i); /* its bits */
	case ARCHIVE_DEC: return postgres_put_numeric(at, cell->i, ARCHIVE_DEC_PLACES);
	case ARCHIVE_BIG:
		return postgres_put_numeric(at, archive_cell_big(row, column), ARCHIVE_BIG_PLACES);
	case ARCHIVE_TIME: return put_bigint(at, (uint64_t)(cell->i - epoch_2000_us));
	case ARCHIVE_NUM: return put_number(at, row, column);
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD: break;
	}
	at = put_32(at, (int32_t)cell->bytes.len);
	memcpy(at, (const char *)row + cell->bytes.at, cell->bytes.len);
	return at + cell->bytes.len;
}

/* Texts take no more than they do in the row. */
static void put_row(struct buf *out, const struct archive_row *row, int64_t batch_id)
{
	const struct archive_table_row *table = archive_table_row((enum archive_table)row->table);
	char *at = buf_reserve(out, POSTGRES_CELL_BYTES * (table->columns + 1) + row->bytes);
	if (!at)
		return;
	at = put_16(at, (int)table->columns + 1);
	for (unsigned i = 0; i < table->columns; i++) {
		enum archive_column column = (enum archive_column)(table->first + i);
		bool is_num = archive_column_row(column)->type == ARCHIVE_NUM; /* of its text */
		if (is_num || row->present >> i & 1)
			at = put_cell(at, row, column, &row->cells[i]);
		else
			at = put_32(at, -1);
	}
	at = put_bigint(at, (uint64_t)batch_id);
	out->len = (size_t)(at - out->ptr);
}

enum status postgres_encode(const struct archive_rows *rows, size_t from, size_t to,
			    int64_t batch_id, struct buf *body)
{
	static const char begin[19] = "PGCOPY\n\377\r\n"; /* its NUL, no flags, no extension */
	size_t before = body->len, index = 0;
	buf_put(body, begin, sizeof begin);
	for (const struct archive_row *row = NULL; (row = archive_rows_next(rows, row)); index++) {
		if (index >= from && index < to)
			put_row(body, row, batch_id);
	}
	char end[2];
	put_16(end, -1);
	buf_put(body, end, sizeof end);
	if (!body->overflow)
		return STATUS_OK;
	body->len = before;
	body->overflow = false;
	return STATUS_FULL;
}
