/* samples_rows.h - rows of a terminal's history one after the other, each as what is
 * news in it against the row before: how struct samples_open keeps them, and the form
 * of a chunk that the packer could not make shorter.
 *
 * A row is
 *	varint   its ms minus those of the row before (of the first: 0), modulo 2^64
 *	byte     SAMPLES_NEWS_*
 *	8 bytes  with KNOWN: which values are there, bit i for value i
 *	8 bytes  with DIGITS: whose digits changed, then a byte for each of them
 *	8 bytes  whose mantissa changed, then for each of them the difference modulo 2^64,
 *		 a signed varint (pack_frame.h)
 * Before the first row nothing is known, all mantissas and digits are 0; a value that
 * is not there keeps what it last was. 8 bytes are little endian. Only samples*.c and
 * the training tool include this. No allocation but the growth that samples.h tells. */
#pragma once

#include "codec/samples.h"

enum {
	SAMPLES_NEWS_KNOWN = 1,
	SAMPLES_NEWS_DIGITS = 2,
	SAMPLES_ROWS_BYTES = 8000,                              /* of all rows together */
	SAMPLES_ROW_BYTES = 10 + 1 + 3 * 8 + SAMPLE_COUNT * 11, /* of one at the most */
};

struct samples_open {
	uint32_t count, len, cap; /* rows; bytes in use and allocated */
	uint8_t *rows;
	int64_t first_ms, last_ms;
	uint64_t known; /* and the newest row's values, below */
	int64_t mantissas[SAMPLE_COUNT];
	uint8_t digits[SAMPLE_COUNT];
};

/* Reads rows; after the end, or after what no writer writes, `bad` is set. */
struct samples_cursor {
	const uint8_t *at, *end;
	bool bad;
	int64_t ms; /* set it to the first row's before the first */
	uint64_t known;
	uint64_t turned; /* whose digits changed in the row */
	uint8_t digits[SAMPLE_COUNT];
};

/* The row's time, known and digits into the cursor. Returns the mask of the mantissas
 * that changed: samples_cursor_value must then be called once for each. */
uint64_t samples_cursor_row(struct samples_cursor *cursor);
uint64_t samples_cursor_varint(struct samples_cursor *cursor);

static inline uint64_t samples_cursor_value(struct samples_cursor *cursor)
{
	uint64_t zigzag;
	if (__builtin_expect(cursor->at < cursor->end && *cursor->at < 128, 1))
		zigzag = *cursor->at++;
	else
		zigzag = samples_cursor_varint(cursor);
	return zigzag >> 1 ^ (0 - (zigzag & 1));
}

/* Exactly `count` rows that are all of the bytes, with times that rise. */
MUST_CHECK enum status samples_rows_read(struct str bytes, int64_t first_ms, uint32_t count,
					 struct sample_row_values *out);
