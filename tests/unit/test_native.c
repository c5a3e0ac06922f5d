/* The Native encoder against a reader of the format written from the server's side. */
#include "archive/native.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "archive_random.h"

enum { ROWS_BYTES = 64 << 20, SOME_ROWS = 300 };

/* ---- a reader ---- */

struct reader {
	struct str rest;
};

static struct str take(struct reader *reader, size_t n)
{
	assert_true(reader->rest.len >= n);
	struct str out = str_make(reader->rest.ptr, n);
	reader->rest = str_skip(reader->rest, n);
	return out;
}

static uint64_t take_varint(struct reader *reader)
{
	uint64_t value = 0;
	for (unsigned shift = 0;; shift += 7) {
		unsigned char c = (unsigned char)take(reader, 1).ptr[0];
		value |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return value;
	}
}

static struct str take_text(struct reader *reader)
{
	size_t len = take_varint(reader);
	return take(reader, len);
}

static uint64_t take_fixed(struct reader *reader, size_t bytes)
{
	uint64_t value = 0;
	memcpy(&value, take(reader, bytes).ptr, bytes);
	return value;
}

/* The same rows, as pointers. */
static const struct archive_row *row_at(const struct archive_rows *rows, size_t index)
{
	const struct archive_row *row = NULL;
	for (size_t i = 0; i <= index; i++)
		row = archive_rows_next(rows, row);
	return row;
}

static void check_value(struct reader *reader, const struct archive_row *row,
			enum archive_column column)
{
	bool there = archive_cell_there(row, column);
	int64_t i;
	double real;
	i128 big;
	switch (archive_column_row(column)->type) {
	case ARCHIVE_INT:
	case ARCHIVE_DEC:
		memcpy(&i, take(reader, 8).ptr, 8);
		assert_int_equal(i, there ? archive_cell_int(row, column, 0) : 0);
		break;
	case ARCHIVE_REAL:
		memcpy(&real, take(reader, 8).ptr, 8);
		assert_true(real == (there ? archive_cell_real(row, column) : 0));
		break;
	case ARCHIVE_BIG:
		memcpy(&big, take(reader, 16).ptr, 16);
		assert_true(big == (there ? archive_cell_big(row, column) : 0));
		break;
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD:
		assert_true(
		    str_eq(take_text(reader), there ? archive_cell_text(row, column) : STR("")));
		break;
	default: fail_msg("of no table of the archive's own");
	}
}

static void check_words(struct reader *reader, const struct archive_rows *rows, size_t from,
			size_t count, enum archive_column column)
{
	static struct str texts[65536 + 2];
	bool optional = archive_column_row(column)->optional;
	assert_int_equal(take_fixed(reader, 8), 1);
	uint64_t kind = take_fixed(reader, 8);
	assert_int_equal(kind & ~UINT64_C(3), 0x600);
	uint64_t n = take_fixed(reader, 8);
	assert_true(n <= ARRAY_LEN(texts));
	for (uint64_t i = 0; i < n; i++)
		texts[i] = take_text(reader);
	assert_int_equal(take_fixed(reader, 8), count);
	const struct archive_row *row = row_at(rows, from);
	for (size_t i = 0; i < count; i++, row = archive_rows_next(rows, row)) {
		uint64_t place = take_fixed(reader, (size_t)1 << (kind & 3));
		assert_true(place < n);
		assert_int_equal(optional && place == 0, !archive_cell_there(row, column));
		if (archive_cell_there(row, column))
			assert_true(str_eq(texts[place], archive_cell_text(row, column)));
	}
}

static void check_column(struct reader *reader, const struct archive_rows *rows, size_t from,
			 size_t count, enum archive_column column, bool dictionary)
{
	const struct archive_column_row *is = archive_column_row(column);
	char text[64];
	struct buf type = buf_over(text, sizeof text);
	native_type_put(&type, column, dictionary);
	assert_true(str_eq(take_text(reader), str_of(is->name)));
	assert_true(str_eq(take_text(reader), buf_str(&type)));
	if (dictionary && is->type == ARCHIVE_WORD) {
		check_words(reader, rows, from, count, column);
		return;
	}
	const struct archive_row *row = row_at(rows, from);
	for (size_t i = 0; is->optional && i < count; i++, row = archive_rows_next(rows, row))
		assert_int_equal(take_fixed(reader, 1), !archive_cell_there(row, column));
	row = row_at(rows, from);
	for (size_t i = 0; i < count; i++, row = archive_rows_next(rows, row))
		check_value(reader, row, column);
}

static void check_block(struct str block, const struct archive_rows *rows, size_t from, size_t to,
			int64_t batch_id, bool dictionary)
{
	struct reader reader = { block };
	const struct archive_table_row *table = archive_table_row(row_at(rows, from)->table);
	assert_int_equal(take_varint(&reader), table->columns + 1);
	assert_int_equal(take_varint(&reader), to - from);
	for (uint32_t i = 0; i < table->columns; i++)
		check_column(&reader, rows, from, to - from, table->first + i, dictionary);
	assert_true(str_eq(take_text(&reader), STR("batch_id")));
	assert_true(str_eq(take_text(&reader), STR("UInt64")));
	for (size_t i = from; i < to; i++)
		assert_int_equal(take_fixed(&reader, 8), batch_id);
	assert_int_equal(reader.rest.len, 0);
}

/* ---- tests ---- */

static void words_everywhere(bool dictionary[COLUMN_COUNT])
{
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		dictionary[i] = archive_column_row((enum archive_column)i)->type == ARCHIVE_WORD;
}

static void every_cell_of_every_table_is_read_back(void **state)
{
	(void)state;
	bool dictionary[COLUMN_COUNT];
	words_everywhere(dictionary);
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct rng rng;
		rng_init(&rng, seed);
		for (unsigned t = 0; t < TABLE_COUNT; t++) {
			struct archive_rows rows;
			struct buf out;
			size_t bad;
			buf_init(&out, ROWS_BYTES);
			archive_rows_init(&rows, ROWS_BYTES);
			for (size_t i = 0; i < SOME_ROWS; i++)
				random_row(&rows, (enum archive_table)t, &rng, i);
			size_t from = rng_below(&rng, SOME_ROWS),
			       to = from + 1 + rng_below(&rng, SOME_ROWS - from);
			assert_int_equal(
			    native_encode(&rows, from, to, (int64_t)seed, NULL, &out, &bad),
			    STATUS_OK);
			check_block(buf_str(&out), &rows, from, to, (int64_t)seed, false);
			buf_clear(&out);
			assert_int_equal(
			    native_encode(&rows, from, to, INT64_MAX, dictionary, &out, &bad),
			    STATUS_OK);
			check_block(buf_str(&out), &rows, from, to, INT64_MAX, true);
			buf_deinit(&out);
			archive_rows_deinit(&rows);
		}
	}
}

static void a_dictionary_grows_its_indexes(void **state)
{
	(void)state;
	static const size_t counts[] = { 256, 257, 65537 };
	bool dictionary[COLUMN_COUNT];
	words_everywhere(dictionary);
	for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
		struct archive_rows rows;
		struct buf out;
		size_t bad;
		buf_init(&out, ROWS_BYTES);
		archive_rows_init(&rows, ROWS_BYTES);
		for (size_t i = 0; i < counts[c]; i++) {
			char text[32];
			snprintf(text, sizeof text, "market-%zu", i);
			archive_rows_begin(&rows, TABLE_open_interest);
			archive_row_text(&rows, COLUMN_open_interest_market, str_of(text));
			archive_row_int(&rows, COLUMN_open_interest_at_us, RANDOM_MONTH_US);
			archive_row_big(&rows, COLUMN_open_interest_quantity, (i128)i);
			assert_int_equal(archive_rows_end(&rows), STATUS_OK);
		}
		assert_int_equal(native_encode(&rows, 0, counts[c], 7, dictionary, &out, &bad),
				 STATUS_OK);
		check_block(buf_str(&out), &rows, 0, counts[c], 7, true);
		buf_deinit(&out);
		archive_rows_deinit(&rows);
	}
}

static void put_interest(struct archive_rows *rows, const char *market, int64_t at_us, i128 e16)
{
	archive_rows_begin(rows, TABLE_open_interest);
	archive_row_text(rows, COLUMN_open_interest_market, str_of(market));
	archive_row_int(rows, COLUMN_open_interest_at_us, at_us);
	archive_row_big(rows, COLUMN_open_interest_quantity, e16);
	assert_int_equal(archive_rows_end(rows), STATUS_OK);
}

/* The bytes that clickhouse-server 18.16.1 gave for this row, SELECT … FORMAT Native. */
static void the_bytes_are_the_servers(void **state)
{
	(void)state;
	static const char plain[] =
	    "\x04\x01\x06market\x06String\x01x"
	    "\x05"
	    "at_us\x05Int64\x00\x40\x1e\x18\x24\x0a\x06\x00"
	    "\x08quantity\x0f"
	    "Decimal(38, 16)"
	    "\x00\x40\x72\x7b\xa1\xef\x4f\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	    "\x08"
	    "batch_id\x06UInt64\x02\x00\x00\x00\x00\x00\x00\x00";
	struct archive_rows rows;
	char room[512];
	struct buf out = buf_over(room, sizeof room);
	size_t bad;
	archive_rows_init(&rows, 1 << 20);
	put_interest(&rows, "x", 1700000000000000, (i128)22500000000000000);
	assert_int_equal(native_encode(&rows, 0, 1, 2, NULL, &out, &bad), STATUS_OK);
	assert_int_equal(out.len, sizeof plain - 1);
	assert_memory_equal(out.ptr, plain, out.len);
	archive_rows_deinit(&rows);
}

static void a_row_without_a_month_is_named(void **state)
{
	(void)state;
	static const int64_t times[] = { -1, INT64_MIN, INT64_MAX, INT64_C(4291747200000000) };
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct archive_rows rows;
		char room[512];
		struct buf out = buf_over(room, sizeof room);
		size_t bad = 0;
		archive_rows_init(&rows, 1 << 20);
		put_interest(&rows, "a", 0, 1);
		put_interest(&rows, "b", INT64_C(4291747199999999), 1);
		put_interest(&rows, "c", times[i], 1);
		assert_int_equal(native_encode(&rows, 0, 2, 1, NULL, &out, &bad), STATUS_OK);
		buf_clear(&out);
		assert_int_equal(native_encode(&rows, 0, 3, 1, NULL, &out, &bad), STATUS_INVALID);
		assert_int_equal(bad, 2);
		assert_int_equal(out.len, 0);
		archive_rows_deinit(&rows);
	}
}

static void what_does_not_fit_leaves_nothing(void **state)
{
	(void)state;
	struct archive_rows rows;
	struct rng rng;
	size_t bad;
	struct buf whole;
	buf_init(&whole, ROWS_BYTES);
	rng_init(&rng, 5);
	archive_rows_init(&rows, 1 << 20);
	for (size_t i = 0; i < 20; i++)
		random_row(&rows, TABLE_trade_results, &rng, i);
	assert_int_equal(native_encode(&rows, 0, 20, 1, NULL, &whole, &bad), STATUS_OK);
	for (size_t room = 1; room < whole.len; room += 1 + room / 7) {
		struct buf out;
		buf_init(&out, room);
		buf_char(&out, 'x');
		assert_int_equal(native_encode(&rows, 0, 20, 1, NULL, &out, &bad), STATUS_FULL);
		assert_int_equal(out.len, 1);
		buf_deinit(&out);
	}
	buf_deinit(&whole);
	archive_rows_deinit(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_of_every_table_is_read_back),
		cmocka_unit_test(a_dictionary_grows_its_indexes),
		cmocka_unit_test(the_bytes_are_the_servers),
		cmocka_unit_test(a_row_without_a_month_is_named),
		cmocka_unit_test(what_does_not_fit_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
