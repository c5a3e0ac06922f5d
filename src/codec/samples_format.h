/* samples_format.h - what a chunk of a terminal's history looks like; samples.c writes it,
 * samples_read.c reads it.
 *
 * Format 1, after the frame's head (pack_frame.h): mode, count (a byte each), priors
 * version (varint), first ms, last ms - first ms (signed varints), payload.
 *
 * Mode 1, where it is shorter: the rows of samples_rows.h.
 * Mode 0: one stream of the range coder. In it stand
 *	the times, as a column whose value in row i is ms - first ms - 1000 × i;
 *	then for each of the 64 samples, in their order: its presence; SOME: for each row a
 *	bit THERE; and unless NONE
 *		DIGITS; if they change: for each value a bit SAME (as the one before; before
 *		the first: n), and behind a 0 the digits as 5 raw bits;
 *		of a sample with a formula (samples_formula.h): HOLDS;
 *		the column of the values there are.
 * A column is its head and its numbers (samples_table.h). DIGITS is n where all values have
 * n; 32 + n where they change, n are the most, and the values stand as if all had n; 64 + n
 * where they would not fit 64 bits so: the values are the mantissas. */
#pragma once

#include "codec/pack_frame.h"
#include "codec/samples_table.h"

enum { SAMPLES_FORMAT = 1 };

enum samples_mode { SAMPLES_MODE_COLUMNS, SAMPLES_MODE_ROWS, SAMPLES_MODES };

enum {
	SAMPLES_DIGITS_ALIGNED = 32,
	SAMPLES_DIGITS_CHANGE = 64,
};

static const struct pack_frame samples_frame = { { 'w', 'S' },
						 SAMPLES_FORMAT,
						 SAMPLES_CHUNK_BYTES };

/* The mask of so many rows, 1..64. */
static inline uint64_t samples_all_rows(uint32_t count) { return UINT64_MAX >> (64 - count); }
