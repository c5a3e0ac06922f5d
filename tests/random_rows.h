/* random_rows.h - rows of any table of the archive, by a seed: all of its types to their
 * ends, NULLs where they may be, keys that do not repeat, texts of every kind. */
#pragma once

#include "archive/rows.h"
#include "base/check.h"
#include "base/rng.h"

static const int64_t random_row_base_us = INT64_C(1790000000000000);

/* Texts that need escaping somewhere, and characters of 1 to 4 bytes. */
static inline struct str random_text(struct rng *rng, char *at, size_t room)
{
	static const char *const parts[] = {
		"a",
		"Z9",
		" ",
		"\\",
		"\"",
		"'",
		",",
		"=",
		"\t",
		"\n",
		"\r",
		"\xc3\xa4",
		"\xe2\x82\xac",
		"\xf0\x9f\x90\x9f",
		"{}",
		":",
		"\\N",
		"%20",
		"\x01",
		"\\,",
		"EUR/USD.r",
		"-",
	};
	struct buf text = buf_over(at, room);
	for (uint64_t n = rng_below(rng, 12); n > 0; n--) {
		struct str part = str_of(parts[rng_below(rng, ARRAY_LEN(parts))]);
		if (text.len + part.len < room)
			buf_str_put(&text, part);
	}
	return buf_str(&text);
}

static inline i128 random_big(struct rng *rng, i128 bound)
{
	switch (rng_below(rng, 6)) {
	case 0: return 0;
	case 1: return bound - 1;
	case 2: return 1 - bound;
	case 3: return (i128)rng_below(rng, 100000) * 1000000 - 50000;
	default: break;
	}
	i128 value = (i128)(((u128)rng_next(rng) << 64 | rng_next(rng)) % (u128)bound);
	return rng_below(rng, 2) ? value : -value;
}

static inline int64_t random_int(struct rng *rng)
{
	switch (rng_below(rng, 5)) {
	case 0: return INT64_MAX;
	case 1: return INT64_MIN + 1;
	case 2: return (int64_t)rng_below(rng, 100);
	default: return (int64_t)rng_next(rng) >> rng_below(rng, 60);
	}
}

static inline double random_real(struct rng *rng)
{
	switch (rng_below(rng, 5)) {
	case 0: return 0;
	case 1: return 1e300;
	case 2: return -1.0 / 3;
	default: return (double)rng_below(rng, 1u << 30) / 1024;
	}
}

static inline void random_cell(struct archive_rows *rows, enum archive_column column,
			       struct rng *rng)
{
	const int64_t e18 = 1000000000000000000;
	char storage[64];
	switch (archive_column_row(column)->type) {
	case ARCHIVE_INT: archive_row_int(rows, column, random_int(rng)); break;
	case ARCHIVE_REAL: archive_row_real(rows, column, random_real(rng)); break;
	case ARCHIVE_DEC: archive_row_dec(rows, column, (int64_t)random_big(rng, e18)); break;
	case ARCHIVE_BIG: archive_row_big(rows, column, random_big(rng, (i128)e18 * e18)); break;
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD:
		archive_row_text(rows, column, random_text(rng, storage, sizeof storage));
		break;
	default: CHECK(!"a type of the archive's own tables");
	}
}

/* A column of the key: the row's number is in it, but in WORDs, of which there are few. */
static inline void random_key_cell(struct archive_rows *rows, enum archive_column column,
				   uint64_t number)
{
	char storage[64];
	struct buf text = buf_over(storage, sizeof storage);
	enum archive_type type = archive_column_row(column)->type;
	if (column == archive_table_row(archive_column_row(column)->table)->time) {
		archive_row_int(rows, column, random_row_base_us + (int64_t)number);
		return;
	}
	if (type == ARCHIVE_WORD)
		buf_printf(&text, "word %u,=", (unsigned)(number % 7));
	else
		buf_printf(&text, "key %llu \"\\", (unsigned long long)number);
	switch (type) {
	case ARCHIVE_INT: archive_row_int(rows, column, (int64_t)number); break;
	case ARCHIVE_REAL: archive_row_real(rows, column, (double)number); break;
	case ARCHIVE_DEC: archive_row_dec(rows, column, (int64_t)number); break;
	case ARCHIVE_BIG: archive_row_big(rows, column, (i128)number); break;
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD: archive_row_text(rows, column, buf_str(&text)); break;
	default: CHECK(!"a type of the archive's own tables");
	}
}

/* The row `number` of the table: its key is of the number, the rest of the generator. */
static inline void random_row(struct archive_rows *rows, enum archive_table table, uint64_t number,
			      struct rng *rng)
{
	const struct archive_table_row *row = archive_table_row(table);
	archive_rows_begin(rows, table);
	for (unsigned i = 0; i < row->columns; i++) {
		enum archive_column column = (enum archive_column)(row->first + i);
		if (archive_is_key(column) || column == row->time)
			random_key_cell(rows, column, number);
		else if (!archive_column_row(column)->optional || rng_below(rng, 3))
			random_cell(rows, column, rng);
	}
	CHECK(archive_rows_end(rows) == STATUS_OK);
}
