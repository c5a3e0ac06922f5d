/* entries_number.h - numbers that are written in the one way weir writes them.
 *
 * `[-]digits[.digits]`: no zero in front of another digit, at most 18 digits behind the point
 * and one where there is a point, no minus before what is zero, mantissa within int64. Such a
 * text is its mantissa and its digits, and comes back byte for byte. Any thread. */
#pragma once

#include "base/str.h"

enum { ENTRIES_NUMBER_BYTES = 24, ENTRIES_DIGITS_MAX = 18 };

/* False: it is written in another way, or no number. */
bool entries_number_parse(struct str text, int64_t *mantissa, uint8_t *digits);
/* The text's length. digits ≤ ENTRIES_DIGITS_MAX. */
size_t entries_number_print(char out[ENTRIES_NUMBER_BYTES], int64_t mantissa, uint8_t digits);
