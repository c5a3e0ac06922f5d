/* postgres_encode.h - rows as the body of PostgreSQL's COPY … (FORMAT binary).
 *
 *   "PGCOPY\n\377\r\n\0"  u32 flags 0  u32 0
 *   a row: i16 columns, then of each an i32 length (-1: NULL) and its bytes
 *     bigint, double precision   8 bytes, most significant first
 *     timestamp with time zone   8 bytes: us since 2000-01-01
 *     text                       UTF-8
 *     numeric                    i16 groups, weight, sign, places, then the groups: digits of
 *                                base 10,000 (numeric_recv in PostgreSQL's numeric.c)
 *   i16 -1
 *
 * (PostgreSQL's manual, COPY, "Binary Format".) The columns are those of def/archive.def in
 * their order, then batch_id, bigint. The server takes it 1.3 times as fast as text, and no
 * byte of a text needs to be escaped. Pure; any thread. */
#pragma once

#include "archive/rows.h"

enum { POSTGRES_CELL_BYTES = 72 };

/* Appends the body of those rows whose index is from..to-1; all are of one table. There is no
 * row that cannot be put: texts are UTF-8 without NUL and numbers fit (rows.h). FULL: the
 * buffer's limit; nothing was appended. */
MUST_CHECK enum status postgres_encode(const struct archive_rows *rows, size_t from, size_t to,
				       int64_t batch_id, struct buf *body);
/* A number of 10^-places, places a multiple of 4, of at most 39 digits; its length before it.
 * Takes at most POSTGRES_CELL_BYTES; returns what is behind it. */
char *postgres_put_numeric(char *at, i128 value, int places);
/* The same of a number of up to NUM_DIGITS_MAX digits, with its places. */
struct num;
char *postgres_put_num(char *at, const struct num *num);
