/* Numbers with the digits they were written with, and the table of the 64 samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/check.h"
#include "base/number.h"
#include "base/rng.h"
#include "def/samples.h"

static void assert_printed(struct number number, const char *text)
{
	char storage[64];
	struct buf buf = buf_over(storage, sizeof storage - 1);
	number_print(&buf, number);
	storage[buf.len] = 0;
	assert_string_equal(storage, text);
}

static void assert_parsed(const char *text, int64_t mantissa, uint8_t digits)
{
	struct number number;
	assert_int_equal(number_parse(str_of(text), &number), STATUS_OK);
	assert_int_equal(number.mantissa, mantissa);
	assert_int_equal(number.digits, digits);
}

static void digits_are_kept_as_written(void **state)
{
	(void)state;
	assert_parsed("3.20", 320, 2);
	assert_parsed("-1074.29", -107429, 2);
	assert_parsed("0", 0, 0);
	assert_parsed("0.00", 0, 2);
	assert_parsed("100", 100, 0);
	assert_parsed("100.0", 1000, 1);
	assert_parsed("0.000000000000000001", 1, 18);
	assert_parsed("9223372036854775807", INT64_MAX, 0);
	assert_parsed("-9.223372036854775807", -INT64_MAX, 18);
	assert_printed((struct number){ 320, 2 }, "3.20");
	assert_printed((struct number){ -5, 2 }, "-0.05");
	assert_printed((struct number){ INT64_MIN, 0 }, "-9223372036854775808");
	assert_printed((struct number){ 1, 18 }, "0.000000000000000001");
}

static void zero_has_no_sign(void **state)
{
	(void)state;
	struct number number;
	assert_int_equal(number_parse(STR("-0.00"), &number), STATUS_OK);
	assert_printed(number, "0.00");
}

static void only_plain_decimals_are_taken(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",    "-",     ".",   ".5",  "5.",  "+1",  "1e3", " 1",    "1 ",
		"1,0", "1.2.3", "--1", "0x1", "NaN", "inf", "1_0", "1.2\n", "99999999999999999999x"
	};
	static const char *const wide[] = { "9223372036854775808",   "-9223372036854775808",
					    "99999999999999999999",  "0.0000000000000000001",
					    "0.0000000000000000000", "92233720368547758.080" };
	struct number kept = { 7, 3 };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(number_parse(str_of(wrong[i]), &kept), STATUS_FORMAT);
	for (size_t i = 0; i < ARRAY_LEN(wide); i++)
		assert_int_equal(number_parse(str_of(wide[i]), &kept), STATUS_RANGE);
	assert_int_equal(number_parse(STR("1\0002"), &kept), STATUS_FORMAT);
	assert_int_equal(kept.mantissa, 7);
	assert_int_equal(kept.digits, 3);
}

static void what_is_printed_is_parsed_back(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 11);
	for (int i = 0; i < 20000; i++) {
		char storage[64];
		struct buf buf = buf_over(storage, sizeof storage);
		struct number back, number = { (int64_t)(rng_next(&rng) >> rng_below(&rng, 64)),
					       (uint8_t)rng_below(&rng, DECIMAL_SCALE_MAX + 1) };
		if (number.mantissa == INT64_MIN)
			continue;
		number_print(&buf, number);
		assert_int_equal(number_parse(buf_str(&buf), &back), STATUS_OK);
		assert_int_equal(back.mantissa, number.mantissa);
		assert_int_equal(back.digits, number.digits);
	}
}

static void comparing_is_exact(void **state)
{
	(void)state;
	struct number a = { 320, 2 }, b = { 32, 1 }, c = { 3200001, 6 };
	assert_int_equal(number_cmp(a, b), 0);
	assert_true(number_cmp(a, c) < 0);
	assert_true(number_cmp(c, b) > 0);
	/* Neighbours that no double tells apart. */
	assert_true(
	    number_cmp((struct number){ INT64_MAX, 0 }, (struct number){ INT64_MAX - 1, 0 }) > 0);
	assert_true(number_cmp((struct number){ INT64_MIN, 0 }, (struct number){ INT64_MIN, 18 }) <
		    0);
	assert_true(number_cmp((struct number){ -1, 18 }, number_of(0)) < 0);
	assert_true(number_to_double(a) == 3.2);
}

static void samples_are_found_by_name(void **state)
{
	(void)state;
	for (enum sample at = 0; at < SAMPLE_COUNT; at++)
		assert_int_equal(sample_named(str_of(sample_row(at)->name)), at);
	assert_int_equal(sample_named(STR("ping")), SAMPLE_ping);
	assert_int_equal(sample_named(STR("pin")), SAMPLE_COUNT);
	assert_int_equal(sample_named(STR("pingx")), SAMPLE_COUNT);
	assert_int_equal(sample_named(STR("")), SAMPLE_COUNT);
}

static void samples_are_thirty_sent_eighteen_seen_sixteen_free(void **state)
{
	(void)state;
	uint32_t counts[SAMPLE_FREE + 1] = { 0 };
	for (enum sample at = 0; at < SAMPLE_COUNT; at++) {
		const struct sample_row *row = sample_row(at);
		counts[row->from]++;
		assert_true(row->meaning[0] != 0);
		assert_true(row->from == SAMPLE_FREE || row->unit[0] != 0);
	}
	assert_int_equal(counts[SAMPLE_STATE] + counts[SAMPLE_ACCOUNT] + counts[SAMPLE_HOST], 30);
	assert_int_equal(counts[SAMPLE_WEIR], 18);
	assert_int_equal(counts[SAMPLE_FREE], 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_kept_as_written),
		cmocka_unit_test(zero_has_no_sign),
		cmocka_unit_test(only_plain_decimals_are_taken),
		cmocka_unit_test(what_is_printed_is_parsed_back),
		cmocka_unit_test(comparing_is_exact),
		cmocka_unit_test(samples_are_found_by_name),
		cmocka_unit_test(samples_are_thirty_sent_eighteen_seen_sixteen_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
