/* num.h - somebody else's number: text as JSON, Python or Redis write it, exact.
 *
 * `[+-]digits[.digits][e[+-]digits]`, a digit on at least one side of a point. As digits and a
 * scale: 1.10 is 110 with 2 places, 1e3 is 1000 with none. Never a float on the way. Pure. */
#pragma once

#include "base/decimal.h"

enum { NUM_DIGITS_MAX = 100, NUM_TEXT_BYTES = 128 };

struct num {
	bool negative;
	uint8_t
	    digits[NUM_DIGITS_MAX]; /* values 0..9, most significant first, none leading but one */
	int count;
	int places; /* how many of them stand behind the point; at most count */
};

/* False: it is none, or needs more than NUM_DIGITS_MAX digits written out. */
bool num_parse(struct str text, struct num *out);
/* Rounded half away from zero to 10^-16; false: DECIMAL(38,16) does not hold it. */
bool num_e16(const struct num *num, i128 *e16);
/* "1.10": written out, all its places. */
void num_print(struct buf *out, const struct num *num);
