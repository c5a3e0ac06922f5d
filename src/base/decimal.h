/* decimal.h - exact decimal numbers.
 *
 * Outside they are text, inside a scaled integer: value = mantissa × 10^-scale.
 * No float is ever on the way. Sums of products live in 128 bits. Any thread. */
#pragma once

#include "base/buf.h"

enum { DECIMAL_SCALE_MAX = 18 };

typedef __int128 i128;
typedef unsigned __int128 u128;

struct decimal {
	int64_t mantissa;
	int32_t scale; /* 0..DECIMAL_SCALE_MAX digits behind the point */
};

/* 10^n for n in 0..18. */
int64_t decimal_pow10(int32_t n);
/* Text `[-]digits[.digits]`, no exponent, no blanks, at least one digit on each
 * side of a point. Trailing zeros behind the point do not count against the
 * range, and are not kept: "2683.80000000" is {26838, 1}. RANGE when it needs
 * more than 18 places or 63 bits, FORMAT otherwise. */
MUST_CHECK enum status decimal_parse(struct str text, struct decimal *out);
/* The mantissa at another scale; INVALID when digits would be lost, RANGE when
 * it does not fit. */
MUST_CHECK enum status decimal_rescale(struct decimal d, int32_t scale, int64_t *mantissa);
/* Plain text, all `scale` places ("2683.80"); trim drops trailing zeros and a
 * bare point. */
void decimal_print(struct buf *buf, i128 mantissa, int32_t scale);
void decimal_print_trim(struct buf *buf, i128 mantissa, int32_t scale);
/* Rounded half away from zero to `places` (places ≤ scale), for people only. */
void decimal_print_round(struct buf *buf, i128 mantissa, int32_t scale, int32_t places);
/* For ratios and statistics only, never for sums. */
double decimal_to_double(i128 mantissa, int32_t scale);
