/* number.h - numbers, times and ages as people read them: "1,234.56", "1.23M",
 * "+0.45 %", "2024-08-08 23:59:59Z".
 *
 * By value, ASCII, never longer than NUMBER_BYTES. Rounding is half away from
 * zero and exact (done on decimal digits). What is undefined (NAN, infinite) is
 * "n/a"; a value that rounds to zero carries no sign. Programs get the exact
 * decimals of json_out.h instead. Any thread. */
#pragma once

#include "base/decimal.h"

enum { NUMBER_BYTES = 63 };

struct number {
	uint8_t len;
	char text[NUMBER_BYTES];
};

enum number_sign {
	NUMBER_PLAIN, /* "-" where negative */
	NUMBER_PLUS,  /* "+" or "-", nothing for zero */
};

static inline struct str number_str(const struct number *number)
{
	return str_make(number->text, number->len);
}

struct number number_none(void); /* "n/a" */
/* A word where a number stands (a column's head); cut at NUMBER_BYTES. */
struct number number_word(const char *word);
/* mantissa × 10^-scale, scale 0..36, with `places` digits behind the point and
 * thousands separators. */
struct number number_group(i128 mantissa, int32_t scale, int32_t places, enum number_sign sign);
/* Digits behind the point that suit a price: 2 from 1,000 on, up to 4 from 1 on,
 * else four that count; never fewer than 2 nor (beyond 2) more than the scale. */
int32_t number_price_places(int64_t price, int32_t scale);
struct number number_price(int64_t price, int32_t scale);
/* Three digits that count: "0.0123" "4.32" "432" "12.3k" "1.23M" "3.30B" "1.02T";
 * outside 0.000001 .. 10^15 "1.23e18". */
struct number number_short(i128 mantissa, int32_t scale, enum number_sign sign);
/* The same for figures that are no sums (depth, statistics). */
struct number number_short_double(double value, enum number_sign sign);
struct number number_fixed(double value, int32_t places, enum number_sign sign);
/* 0.0045 is "+0.45 %" with 2 places. */
struct number number_percent(double fraction, int32_t places, enum number_sign sign);
/* Buy and sell share of a ratio 0..1: "51/49 %". */
struct number number_shares(double ratio);
/* "42 s", "3 min 10 s", "2 h 5 min", "3 d 4 h"; under a second "0 s". */
struct number number_age(int64_t ms);
struct number number_utc(int64_t unix_ms);    /* "2024-08-08 23:59:59Z" */
struct number number_clock(int64_t unix_ms);  /* "23:59:59" */
struct number number_minute(int64_t unix_ms); /* "2024-08-08 23:59Z" */
