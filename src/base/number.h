/* number.h - a decimal number with the digits it was written with.
 *
 * value = mantissa / 10^digits; {320, 2} was written "3.20" and is written so again.
 * For what is passed on as it came (a terminal's balance at its account's digits);
 * arithmetic uses the mantissa. Any thread. */
#pragma once

#include "base/decimal.h"

struct number {
	int64_t mantissa;
	uint8_t digits; /* 0..DECIMAL_SCALE_MAX behind the point */
};

/* `[-]digits[.digits]` as decimal_parse takes it, but digits are kept. "-0.00" becomes
 * "0.00". RANGE beyond 18 places or 63 bits, FORMAT otherwise. */
MUST_CHECK enum status number_parse(struct str text, struct number *out);
void number_print(struct buf *buf, struct number number);

static inline struct number number_of(int64_t value) { return (struct number){ value, 0 }; }
/* For thresholds and statistics only. */
static inline double number_to_double(struct number number)
{
	return decimal_to_double(number.mantissa, number.digits);
}
/* <0 0 >0, exact. */
int number_cmp(struct number a, struct number b);
