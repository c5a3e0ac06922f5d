/* figure.h - numbers, times and ages as people read them: "1,234.56", "1.23M",
 * "+0.45 %", "2024-08-08 23:59:59Z".
 *
 * By value, ASCII, never longer than FIGURE_BYTES. Rounding is half away from
 * zero and exact (done on decimal digits). What is undefined (NAN, infinite) is
 * "n/a"; a value that rounds to zero carries no sign. Programs get the exact
 * decimals of json_out.h instead. Any thread. */
#pragma once

#include "base/decimal.h"

enum { FIGURE_BYTES = 63 };

struct figure {
	uint8_t len;
	char text[FIGURE_BYTES];
};

enum figure_sign {
	FIGURE_PLAIN, /* "-" where negative */
	FIGURE_PLUS,  /* "+" or "-", nothing for zero */
};

static inline struct str figure_str(const struct figure *number)
{
	return str_make(number->text, number->len);
}

struct figure figure_none(void); /* "n/a" */
/* A word where a number stands (a column's head); cut at FIGURE_BYTES. */
struct figure figure_word(const char *word);
/* mantissa × 10^-scale, scale 0..36, with `places` digits behind the point and
 * thousands separators. */
struct figure figure_group(i128 mantissa, int32_t scale, int32_t places, enum figure_sign sign);
/* Digits behind the point that suit a price: 2 from 1,000 on, up to 4 from 1 on,
 * else four that count; never fewer than 2 nor (beyond 2) more than the scale. */
int32_t figure_price_places(int64_t price, int32_t scale);
struct figure figure_price(int64_t price, int32_t scale);
/* Three digits that count: "0.0123" "4.32" "432" "12.3k" "1.23M" "3.30B" "1.02T";
 * outside 0.000001 .. 10^15 "1.23e18". */
struct figure figure_short(i128 mantissa, int32_t scale, enum figure_sign sign);
/* The same for figures that are no sums (depth, statistics). */
struct figure figure_short_double(double value, enum figure_sign sign);
struct figure figure_fixed(double value, int32_t places, enum figure_sign sign);
/* 0.0045 is "+0.45 %" with 2 places. */
struct figure figure_percent(double fraction, int32_t places, enum figure_sign sign);
/* Buy and sell share of a ratio 0..1: "51/49 %". */
struct figure figure_shares(double ratio);
/* "42 s", "3 min 10 s", "2 h 5 min", "3 d 4 h"; under a second "0 s". */
struct figure figure_age(int64_t ms);
struct figure figure_utc(int64_t unix_ms);    /* "2024-08-08 23:59:59Z" */
struct figure figure_clock(int64_t unix_ms);  /* "23:59:59" */
struct figure figure_minute(int64_t unix_ms); /* "2024-08-08 23:59Z" */
