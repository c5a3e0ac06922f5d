/* Decimals: exact in, exact out, against a naive reading digit by digit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/decimal.h"
#include "base/rng.h"

static void assert_printed(i128 mantissa, int32_t scale, const char *text)
{
	char storage[64];
	struct buf buf = buf_over(storage, sizeof storage - 1);
	decimal_print(&buf, mantissa, scale);
	storage[buf.len] = 0;
	assert_string_equal(storage, text);
}

static void assert_rounded(i128 mantissa, int32_t scale, int32_t places, const char *text)
{
	char storage[64];
	struct buf buf = buf_over(storage, sizeof storage - 1);
	decimal_print_round(&buf, mantissa, scale, places);
	storage[buf.len] = 0;
	assert_string_equal(storage, text);
}

static void only_plain_decimals_are_taken(void **state)
{
	(void)state;
	static const char *const wrong[] = { "",    "-",   ".",   ".5",   "5.",    "+1",
					     "1e3", " 1",  "1 ",  "1,0",  "1.2.3", "--1",
					     "0x1", "NaN", "inf", "1.-2", "1_0",   "1.2\n" };
	struct decimal kept = { 7, 3 };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(decimal_parse(str_of(wrong[i]), &kept), STATUS_FORMAT);
	assert_int_equal(decimal_parse(STR("1\0002"), &kept), STATUS_FORMAT);
	assert_int_equal(decimal_parse(STR("9223372036854775808"), &kept), STATUS_RANGE);
	assert_int_equal(decimal_parse(STR("0.0000000000000000001"), &kept), STATUS_RANGE);
	assert_int_equal(decimal_parse(STR("92233720368547758.08000001"), &kept), STATUS_RANGE);
	assert_int_equal(kept.mantissa, 7);
	assert_int_equal(kept.scale, 3);
}

static void trailing_zeros_are_not_kept_and_do_not_count(void **state)
{
	(void)state;
	struct decimal d;
	assert_int_equal(decimal_parse(STR("2683.80000000"), &d), STATUS_OK);
	assert_int_equal(d.mantissa, 26838);
	assert_int_equal(d.scale, 1);
	assert_int_equal(decimal_parse(STR("1.00000000000000000000000000000"), &d), STATUS_OK);
	assert_int_equal(d.mantissa, 1);
	assert_int_equal(d.scale, 0);
	assert_int_equal(decimal_parse(STR("-0.50"), &d), STATUS_OK);
	assert_int_equal(d.mantissa, -5);
	assert_int_equal(decimal_parse(STR("000000000000000000000000012.5"), &d), STATUS_OK);
	assert_int_equal(d.mantissa, 125);
	assert_int_equal(decimal_parse(STR("9223372036854775807"), &d), STATUS_OK);
	assert_true(d.mantissa == INT64_MAX);
}

/* The value of a text as an i128 at scale 18, digit by digit. */
static i128 naive(const char *text)
{
	i128 value = 0;
	int places = -1;
	for (const char *c = text + (*text == '-'); *c; c++) {
		if (*c == '.') {
			places = 0;
			continue;
		}
		value = value * 10 + (*c - '0');
		places += places >= 0;
	}
	for (int i = places < 0 ? 0 : places; i < 18; i++)
		value *= 10;
	return *text == '-' ? -value : value;
}

static void random_decimal(struct rng *rng, char *text, size_t size)
{
	size_t whole = 1 + rng_below(rng, 9), fraction = rng_below(rng, 10), n = 0;
	if (rng_below(rng, 2))
		text[n++] = '-';
	for (size_t i = 0; i < whole; i++)
		text[n++] = (char)('0' + rng_below(rng, 10));
	if (fraction)
		text[n++] = '.';
	for (size_t i = 0; i < fraction; i++)
		text[n++] = (char)('0' + (rng_below(rng, 3) ? rng_below(rng, 10) : 0));
	text[n] = 0;
	assert_true(n < size);
}

static void parsing_equals_the_naive_value(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 6);
	for (int round = 0; round < 20000; round++) {
		char text[32];
		struct decimal d;
		random_decimal(&rng, text, sizeof text);
		assert_int_equal(decimal_parse(str_of(text), &d), STATUS_OK);
		assert_true((i128)d.mantissa * decimal_pow10(18 - d.scale) == naive(text));
		assert_true(d.scale == 0 || d.mantissa % 10 != 0);
	}
}

static void what_is_printed_parses_back(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 7);
	for (int round = 0; round < 20000; round++) {
		int64_t mantissa = (int64_t)rng_next(&rng) >> rng_below(&rng, 63);
		int32_t scale = (int32_t)rng_below(&rng, 19);
		char storage[64];
		struct buf buf = buf_over(storage, sizeof storage);
		struct decimal d;
		int64_t back;
		if (mantissa == INT64_MIN)
			continue;
		decimal_print(&buf, mantissa, scale);
		assert_int_equal(decimal_parse(buf_str(&buf), &d), STATUS_OK);
		assert_int_equal(decimal_rescale(d, scale, &back), STATUS_OK);
		assert_true(back == mantissa);
		buf_clear(&buf);
		decimal_print_trim(&buf, mantissa, scale);
		struct decimal trimmed;
		assert_int_equal(decimal_parse(buf_str(&buf), &trimmed), STATUS_OK);
		assert_true(trimmed.mantissa == d.mantissa && trimmed.scale == d.scale);
		assert_true(str_find_char(buf_str(&buf), '.') == buf.len ||
			    buf.ptr[buf.len - 1] != '0');
	}
}

static void rescaling_loses_nothing_or_says_so(void **state)
{
	(void)state;
	int64_t kept = 5;
	assert_int_equal(decimal_rescale((struct decimal){ 125, 2 }, 4, &kept), STATUS_OK);
	assert_int_equal(kept, 12500);
	assert_int_equal(decimal_rescale((struct decimal){ 12500, 4 }, 2, &kept), STATUS_OK);
	assert_int_equal(kept, 125);
	assert_int_equal(decimal_rescale((struct decimal){ 12501, 4 }, 2, &kept), STATUS_INVALID);
	assert_int_equal(decimal_rescale((struct decimal){ INT64_MAX / 5, 0 }, 1, &kept),
			 STATUS_RANGE);
	assert_int_equal(kept, 125);
}

static void wide_sums_are_printed_whole(void **state)
{
	(void)state;
	assert_printed(0, 0, "0");
	assert_printed(0, 2, "0.00");
	assert_printed(-5, 3, "-0.005");
	assert_printed(268380, 2, "2683.80");
	i128 most = (i128)(~(u128)0 >> 1);
	assert_printed(most, 0, "170141183460469231731687303715884105727");
	assert_printed(-most - 1, 36, "-170.141183460469231731687303715884105728");
}

static void people_see_numbers_rounded_half_away_from_zero(void **state)
{
	(void)state;
	assert_rounded(125, 2, 1, "1.3");
	assert_rounded(-125, 2, 1, "-1.3");
	assert_rounded(124, 2, 1, "1.2");
	assert_rounded(999, 2, 1, "10.0");
	assert_rounded(999, 2, 0, "10");
	assert_rounded(125, 2, 2, "1.25");
	assert_rounded(125, 2, 6, "1.25");
	assert_rounded(4, 1, 0, "0");
}

static void doubles_are_near_enough_for_ratios(void **state)
{
	(void)state;
	assert_true(decimal_to_double(125, 2) == 1.25);
	assert_true(decimal_to_double(-5, 1) == -0.5);
	double tiny = decimal_to_double(1, 30);
	assert_true(tiny > 0.99e-30 && tiny < 1.01e-30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_plain_decimals_are_taken),
		cmocka_unit_test(trailing_zeros_are_not_kept_and_do_not_count),
		cmocka_unit_test(parsing_equals_the_naive_value),
		cmocka_unit_test(what_is_printed_parses_back),
		cmocka_unit_test(rescaling_loses_nothing_or_says_so),
		cmocka_unit_test(wide_sums_are_printed_whole),
		cmocka_unit_test(people_see_numbers_rounded_half_away_from_zero),
		cmocka_unit_test(doubles_are_near_enough_for_ratios),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
