#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ask/figure.h"
#include "base/rng.h"

static void same(struct figure number, const char *expected)
{
	char text[FIGURE_BYTES + 1];
	memcpy(text, number.text, number.len);
	text[number.len] = 0;
	assert_string_equal(text, expected);
}

static void groups_thousands_and_rounds_half_away_from_zero(void **state)
{
	(void)state;
	same(figure_group(123456, 2, 2, FIGURE_PLAIN), "1,234.56");
	same(figure_group(123456, 2, 4, FIGURE_PLAIN), "1,234.5600");
	same(figure_group(999995, 3, 2, FIGURE_PLAIN), "1,000.00");
	same(figure_group(-1005, 3, 2, FIGURE_PLAIN), "-1.01");
	same(figure_group(1004, 3, 2, FIGURE_PLUS), "+1.00");
	same(figure_group(1234567890, 0, 0, FIGURE_PLUS), "+1,234,567,890");
	same(figure_group(5, 1, 0, FIGURE_PLAIN), "1");
	same(figure_group(4, 1, 0, FIGURE_PLAIN), "0");
	same(figure_group(1, 18, 2, FIGURE_PLUS), "0.00");
	same(figure_group(-1, 18, 2, FIGURE_PLUS), "0.00");
	same(figure_group(0, 0, 2, FIGURE_PLUS), "0.00");
}

static void holds_the_largest_sums(void **state)
{
	(void)state;
	i128 largest = ((i128)INT64_MAX << 64) + (i128)UINT64_MAX;
	same(figure_group(largest, 36, 2, FIGURE_PLAIN), "170.14");
	same(figure_group(-largest, 18, 2, FIGURE_PLAIN), "-170,141,183,460,469,231,731.69");
	same(figure_group(largest, 0, 18, FIGURE_PLAIN),
	     "170141183460469231731687303715884105727.000000000000000000");
	same(figure_short(largest, 0, FIGURE_PLUS), "+1.70e38");
	same(figure_short(-largest - 1, 0, FIGURE_PLUS), "-1.70e38");
}

static void prices_show_the_digits_that_count(void **state)
{
	(void)state;
	same(figure_price(6123450, 2), "61,234.50");
	same(figure_price(612345, 1), "61,234.50");
	same(figure_price(61234, 0), "61,234.00");
	same(figure_price(1234567, 3), "1,234.57");
	same(figure_price(123456789, 6), "123.4568");
	same(figure_price(12345, 4), "1.2345");
	same(figure_price(1234, 8), "0.00001234");
	same(figure_price(7, 8), "0.00000007");
	same(figure_price(5, 1), "0.50");
}

static void short_numbers_keep_three_digits(void **state)
{
	(void)state;
	same(figure_short(0, 8, FIGURE_PLUS), "0");
	same(figure_short(5, 0, FIGURE_PLAIN), "5");
	same(figure_short(50, 1, FIGURE_PLUS), "+5");
	same(figure_short(432, 0, FIGURE_PLAIN), "432");
	same(figure_short(43249, 3, FIGURE_PLAIN), "43.2");
	same(figure_short(4325, 3, FIGURE_PLAIN), "4.33");
	same(figure_short(9996, 1, FIGURE_PLAIN), "1.00k");
	same(figure_short(999500, 0, FIGURE_PLAIN), "1.00M");
	same(figure_short(1234, 0, FIGURE_PLUS), "+1.23k");
	same(figure_short(-12345, 0, FIGURE_PLUS), "-12.3k");
	same(figure_short(123456, 0, FIGURE_PLAIN), "123k");
	same(figure_short(1234567, 0, FIGURE_PLAIN), "1.23M");
	same(figure_short(3300000000, 0, FIGURE_PLAIN), "3.30B");
	same(figure_short(1020000000000, 0, FIGURE_PLAIN), "1.02T");
	same(figure_short(1, 2, FIGURE_PLAIN), "0.01");
	same(figure_short(12345, 6, FIGURE_PLAIN), "0.0123");
	same(figure_short(1234, 10, FIGURE_PLAIN), "1.23e-7");
	same(figure_short(1, 18, FIGURE_PLAIN), "1.00e-18");
	same(figure_short(1234567890123456789, 0, FIGURE_PLAIN), "1.23e18");
}

static void what_is_undefined_is_said(void **state)
{
	(void)state;
	same(figure_fixed((double)NAN, 2, FIGURE_PLAIN), "n/a");
	same(figure_fixed((double)INFINITY, 2, FIGURE_PLAIN), "n/a");
	same(figure_fixed(1e300, 2, FIGURE_PLAIN), "n/a");
	same(figure_percent((double)NAN, 2, FIGURE_PLUS), "n/a");
	same(figure_shares((double)NAN), "n/a");
	same(figure_short_double(-(double)INFINITY, FIGURE_PLAIN), "n/a");
}

static void percents_and_shares(void **state)
{
	(void)state;
	same(figure_percent(0.0045, 2, FIGURE_PLUS), "+0.45 %");
	same(figure_percent(-0.12345, 1, FIGURE_PLUS), "-12.3 %");
	same(figure_percent(-0.000001, 2, FIGURE_PLUS), "0.00 %");
	same(figure_percent(12.5, 0, FIGURE_PLUS), "+1,250 %");
	same(figure_shares(0.514), "51/49 %");
	same(figure_shares(1), "100/0 %");
	same(figure_shares(0), "0/100 %");
	same(figure_short_double(1234.5678, FIGURE_PLAIN), "1.23k");
	same(figure_short_double(0.25, FIGURE_PLAIN), "0.25");
	same(figure_fixed(1.005, 1, FIGURE_PLUS), "+1.0");
}

static void ages(void **state)
{
	(void)state;
	same(figure_age(-5), "0 s");
	same(figure_age(999), "0 s");
	same(figure_age(42000), "42 s");
	same(figure_age(190000), "3 min 10 s");
	same(figure_age(7500000), "2 h 5 min");
	same(figure_age(273600000), "3 d 4 h");
}

static void times_are_utc(void **state)
{
	(void)state;
	same(figure_utc(1723161599999), "2024-08-08 23:59:59Z");
	same(figure_utc(0), "1970-01-01 00:00:00Z");
	same(figure_utc(-1), "1969-12-31 23:59:59Z");
	same(figure_utc(951782400000), "2000-02-29 00:00:00Z");
	same(figure_utc(1709251199000), "2024-02-29 23:59:59Z");
	same(figure_minute(1723161599999), "2024-08-08 23:59Z");
	same(figure_clock(1723161599999), "23:59:59");
}

/* Against printf, whose doubles are exact for these sizes. */
static void grouping_agrees_with_printf(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 42);
	for (int i = 0; i < 20000; i++) {
		int64_t value = (int64_t)(rng_next(&rng) >> (11 + rng_below(&rng, 50)));
		struct figure number = figure_group(value, 3, 3, FIGURE_PLAIN);
		char plain[64], expected[64];
		size_t n = 0;
		for (uint8_t k = 0; k < number.len; k++)
			if (number.text[k] != ',')
				plain[n++] = number.text[k];
		plain[n] = 0;
		snprintf(expected, sizeof expected, "%lld.%03lld", (long long)(value / 1000),
			 (long long)(value % 1000));
		assert_string_equal(plain, expected);
	}
}

/* A short number is within half a unit of its third digit. */
static void short_numbers_are_near(void **state)
{
	(void)state;
	static const char suffixes[] = "kMBT";
	struct rng rng;
	rng_init(&rng, 7);
	for (int i = 0; i < 20000; i++) {
		int64_t value = (int64_t)(rng_next(&rng) >> (14 + rng_below(&rng, 49)));
		struct figure number = figure_short(value, 4, FIGURE_PLAIN);
		char text[FIGURE_BYTES + 1];
		memcpy(text, number.text, number.len);
		text[number.len] = 0;
		assert_true(number.len <= 6);
		char *end;
		double shown = strtod(text, &end), exact = (double)value / 1e4;
		const char *suffix = *end ? strchr(suffixes, *end) : NULL;
		shown *= suffix ? pow(1000, (double)(suffix - suffixes + 1)) : 1;
		assert_true(fabs(shown - exact) <= exact * 0.005 + 1e-12);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_thousands_and_rounds_half_away_from_zero),
		cmocka_unit_test(holds_the_largest_sums),
		cmocka_unit_test(prices_show_the_digits_that_count),
		cmocka_unit_test(short_numbers_keep_three_digits),
		cmocka_unit_test(what_is_undefined_is_said),
		cmocka_unit_test(percents_and_shares),
		cmocka_unit_test(ages),
		cmocka_unit_test(times_are_utc),
		cmocka_unit_test(grouping_agrees_with_printf),
		cmocka_unit_test(short_numbers_are_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
