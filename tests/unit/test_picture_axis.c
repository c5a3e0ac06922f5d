/* Lines of axes: round, few, in their order, and told apart by what is written at them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/check.h"
#include "base/rng.h"
#include "picture/axis.h"

static const char *text_of(struct figure figure)
{
	static char text[FIGURE_BYTES + 1];
	memcpy(text, figure.text, figure.len);
	text[figure.len] = 0;
	return text;
}

static void lines_are_round_and_written_so(void **state)
{
	static const struct {
		int64_t least, most;
		int32_t scale;
		bool is_price;
		enum axis_base base;
		const char *first, *second, *value; /* of most */
	} rows[] = {
		{ 268000, 277000, 2, true, AXIS_FREE, "2,675", "2,700", "2,770.00" },
		{ 6100000, 6190000, 2, true, AXIS_FREE, "61,000", "61,250", "61,900.00" },
		{ 1234, 1299, 8, true, AXIS_FREE, "0.0000124", "0.0000126", "0.00001299" },
		{ 14000000, 26000000, 0, false, AXIS_FREE, "15M", "20M", "26.0M" },
		{ 0, 987, 0, false, AXIS_ON_ZERO, "0", "250", "987" },
		{ -30000, 80000, 0, false, AXIS_ON_ZERO, "-25k", "0", "80.0k" },
		{ 5, 5, 0, false, AXIS_FREE, "4", "5", "5" },
		{ 0, 0, 3, false, AXIS_ON_ZERO, "0", "0.001", "0" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct axis axis;
		axis_init(&axis, rows[i].least, rows[i].most, rows[i].base, rows[i].scale,
			  rows[i].is_price, 5);
		assert_string_equal(text_of(axis_line_text(&axis, axis.first)), rows[i].first);
		assert_string_equal(text_of(axis_line_text(&axis, axis.first + axis.step)),
				    rows[i].second);
		assert_string_equal(text_of(axis_value_text(&axis, rows[i].most)), rows[i].value);
	}
}

static i128 random_value(struct rng *rng, int bits)
{
	u128 wide = (u128)rng_next(rng) << 64 | rng_next(rng);
	i128 value = (i128)(wide & (((u128)1 << bits) - 1));
	return rng_below(rng, 2) ? value : -value;
}

/* At a narrow range far from zero as at any other. */
static void any_range_has_its_lines(void **state)
{
	struct rng rng;
	(void)state;
	rng_init(&rng, 19);
	for (int i = 0; i < 20000; i++) {
		struct axis axis;
		i128 a = random_value(&rng, (int)rng_below(&rng, 119));
		i128 b = rng_below(&rng, 2) ? random_value(&rng, (int)rng_below(&rng, 119))
					    : a + (i128)rng_below(&rng, 1000);
		int32_t lines = 2 + (int32_t)rng_below(&rng, 9), count = 0;
		i128 least = a < b ? a : b, most = a < b ? b : a;
		char before[FIGURE_BYTES + 1] = "";
		axis_init(&axis, least, most, rng_below(&rng, 2) ? AXIS_ON_ZERO : AXIS_FREE,
			  (int32_t)rng_below(&rng, 19), rng_below(&rng, 2) == 0, lines);
		assert_true(axis.low < axis.high && axis.step > 0);
		assert_true(axis_place(&axis, least) >= 0 && axis_place(&axis, most) <= 1);
		for (i128 line = axis.first; line <= axis.high; line += axis.step) {
			const char *text = text_of(axis_line_text(&axis, line));
			if (axis.places <= 18) /* what has more is written shorter */
				assert_string_not_equal(text, before);
			snprintf(before, sizeof before, "%s", text);
			count++;
		}
		assert_in_range(count, 1, lines + 1);
	}
}

static void zero_is_on_the_axis_of_bars(void **state)
{
	static const int64_t ranges[][2] = { { 5, 9 }, { -9, -5 }, { -3, 4 }, { 0, 0 } };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		struct axis axis;
		axis_init(&axis, ranges[i][0], ranges[i][1], AXIS_ON_ZERO, 0, false, 4);
		assert_true(axis_place(&axis, 0) >= 0 && axis_place(&axis, 0) <= 1);
	}
}

static void times_are_whole_ones(void **state)
{
	static const struct {
		int64_t span_min;
		int32_t lines;
		int64_t step_min;
	} rows[] = { { 4, 8, 1 },      { 160, 8, 30 },     { 800, 8, 120 },     { 1440, 8, 240 },
		     { 4320, 8, 720 }, { 11520, 8, 2880 }, { 525600, 8, 86400 } };
	const int64_t day = INT64_C(1723075200000); /* 2024-08-08 */
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(axis_time_step(rows[i].span_min * 60000, rows[i].lines),
				 rows[i].step_min * 60000);
	assert_string_equal(text_of(axis_time_text(day, 3600000)), "8 Aug");
	assert_string_equal(text_of(axis_time_text(day + 4 * 86400000, 3600000)), "12 Aug");
	assert_string_equal(text_of(axis_time_text(day + 7500000, 300000)), "02:05");
	assert_string_equal(text_of(axis_time_text(day, INT64_C(2592000000))), "Aug 2024");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_round_and_written_so),
		cmocka_unit_test(any_range_has_its_lines),
		cmocka_unit_test(zero_is_on_the_axis_of_bars),
		cmocka_unit_test(times_are_whole_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
