/* archive_random.h - rows of any table of the archive with everything a row can hold. */
#pragma once

#include <stdio.h>

#include "archive/rows.h"
#include "base/check.h"
#include "base/rng.h"

/* 2024-11-01 .. 2024-11-30, UTC. */
#define RANDOM_MONTH_US INT64_C(1730419200000000)
enum { RANDOM_MONTH = 202411 };

static inline struct str random_text(struct rng *rng, char *room, size_t size, bool word)
{
	static const char *const pieces[] = { "a",  "EURUSD", "\t",    "\n",   "\\", "'",
					      "\"", "é",      "€",     "\\N",  "",   "𝄞",
					      ",",  " ",      "\\x41", "NULL", "`" };
	static const char *const words[] = { "", "buy", "sell", "mt5-001", "done", "EURUSD.r" };
	struct buf out = buf_over(room, size);
	if (word && rng_below(rng, 4))
		return str_of(words[rng_below(rng, ARRAY_LEN(words))]);
	for (uint64_t n = rng_below(rng, 8); n-- > 0;)
		buf_str_put(&out, str_of(pieces[rng_below(rng, ARRAY_LEN(pieces))]));
	return buf_str(&out);
}

static inline int64_t random_int(struct rng *rng)
{
	static const int64_t edges[] = { 0, 1, -1, INT64_MAX, INT64_MIN, 1000000007 };
	return rng_below(rng, 2) ? edges[rng_below(rng, ARRAY_LEN(edges))] : (int64_t)rng_next(rng);
}

static inline int64_t random_dec(struct rng *rng)
{
	static const int64_t edges[] = { 0, 1, -1, 999999999999999999, -999999999999999999 };
	return rng_below(rng, 2) ? edges[rng_below(rng, ARRAY_LEN(edges))]
				 : (int64_t)rng_below(rng, 2000000000000) - 1000000000000;
}

/* Any of 38 digits. */
static inline i128 random_big(struct rng *rng)
{
	i128 most = (i128)decimal_pow10(18) * decimal_pow10(18) * 100 - 1;
	switch (rng_below(rng, 4)) {
	case 0: return most;
	case 1: return -most;
	case 2: return (i128)rng_below(rng, 1000000);
	default: return (i128)rng_next(rng) * (int64_t)rng_below(rng, 1000000000) % most;
	}
}

static inline double random_real(struct rng *rng)
{
	static const double edges[] = { 0, -0.0, 1.5, -2.25, 1e300, 5e-324, 0.1 };
	return rng_below(rng, 2) ? edges[rng_below(rng, ARRAY_LEN(edges))] : rng_normal(rng) * 1000;
}

static inline void random_cell(struct archive_rows *rows, enum archive_column column,
			       struct rng *rng, bool of_month, uint64_t number)
{
	const struct archive_column_row *row = archive_column_row(column);
	char room[128], unique[160];
	struct str text = random_text(rng, room, sizeof room, row->type == ARCHIVE_WORD);
	switch (row->type) {
	case ARCHIVE_INT:
		archive_row_int(rows, column,
				of_month ? RANDOM_MONTH_US + (int64_t)rng_below(rng, 2592000000000)
					 : random_int(rng));
		break;
	case ARCHIVE_DEC: archive_row_dec(rows, column, random_dec(rng)); break;
	case ARCHIVE_BIG: archive_row_big(rows, column, random_big(rng)); break;
	case ARCHIVE_REAL: archive_row_real(rows, column, random_real(rng)); break;
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD:
		if (archive_is_key(column)) {
			snprintf(unique, sizeof unique, "%llu-%.*s", (unsigned long long)number,
				 STR_ARG(text));
			text = str_of(unique);
		}
		archive_row_text(rows, column, text);
		break;
	default: break; /* of no table of the archive's own */
	}
}

/* A row of November 2024; its key has `number` in it where one of its columns is a text. */
static inline void random_row(struct archive_rows *rows, enum archive_table table, struct rng *rng,
			      uint64_t number)
{
	const struct archive_table_row *row = archive_table_row(table);
	archive_rows_begin(rows, table);
	for (uint32_t i = 0; i < row->columns; i++) {
		enum archive_column column = row->first + i;
		if (archive_column_row(column)->optional && rng_below(rng, 3) == 0)
			continue;
		random_cell(rows, column, rng, column == row->time, number);
	}
	CHECK(archive_rows_end(rows) == STATUS_OK);
}
