/* Levels by use, what is done at each, and the line through the last minute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "memory/valve.h"

enum { MAX = 1000000, SECOND = 1000 };

struct told {
	struct valve valve;
	int64_t now_ms;
};

static struct told begin(enum segment segment)
{
	struct told told = { .now_ms = 5000 };
	valve_init(&told.valve, segment);
	return told;
}

static bool say(struct told *told, uint64_t used)
{
	told->now_ms += SECOND;
	return valve_sample(&told->valve, told->now_ms, used, MAX);
}

static bool acts(const struct told *told, enum valve_action action)
{
	return valve_actions(&told->valve) >> action & 1;
}

static void a_level_is_entered_at_its_figure_and_not_below(void **state)
{
	static const struct {
		uint64_t used;
		enum valve_level level;
	} rows[] = {
		{ 699999, VALVE_CALM }, { 700000, VALVE_WARN },  { 799999, VALVE_WARN },
		{ 800000, VALVE_SHED }, { 899999, VALVE_SHED },  { 900000, VALVE_SLOW },
		{ 999999, VALVE_SLOW }, { 1000000, VALVE_FULL }, { 2000000, VALVE_FULL },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct told told = begin(SEGMENT_RMS);
		assert_int_equal(say(&told, rows[i].used), rows[i].level != VALVE_CALM);
		assert_int_equal(told.valve.level, rows[i].level);
		assert_int_equal(told.valve.entered[rows[i].level], rows[i].level != VALVE_CALM);
		assert_false(say(&told, rows[i].used));
	}
}

static void a_level_is_left_five_points_lower_and_five_seconds_later(void **state)
{
	struct told told = begin(SEGMENT_RMS);
	(void)state;
	say(&told, 910000);
	for (int i = 0; i < 20; i++)
		assert_false(say(&told, 850000)); /* 85 % is not below where SLOW ends */
	for (int i = 0; i < 5; i++)
		assert_false(say(&told, 849999));
	assert_true(say(&told, 849999));
	assert_int_equal(told.valve.level, VALVE_SHED);
}

static void what_rises_again_begins_its_calm_anew(void **state)
{
	struct told told = begin(SEGMENT_RMS);
	(void)state;
	say(&told, 910000);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 4; i++)
			assert_false(say(&told, 100000));
		assert_false(say(&told, 860000));
	}
	assert_int_equal(told.valve.level, VALVE_SLOW);
}

static void a_fall_ends_every_level_that_stayed_below_so_long(void **state)
{
	struct told told = begin(SEGMENT_RMS);
	(void)state;
	say(&told, 1000000);
	for (int i = 0; i < 5; i++)
		assert_false(say(&told, 100000));
	assert_true(say(&told, 100000));
	assert_int_equal(told.valve.level, VALVE_CALM);

	say(&told, 1000000);
	for (int i = 0; i < 5; i++)
		assert_false(say(&told, i == 3 ? 760000 : 100000));
	assert_true(say(&told, 100000));
	assert_int_equal(told.valve.level, VALVE_SHED); /* 76 % keeps it */
}

static void a_refusal_is_full_at_once_and_five_seconds_after_the_last(void **state)
{
	struct told told = begin(SEGMENT_RTRS);
	(void)state;
	say(&told, 500000);
	assert_true(valve_refused(&told.valve, told.now_ms));
	assert_int_equal(told.valve.level, VALVE_FULL);
	assert_true(acts(&told, VALVE_BIT_spill_rtrs));
	for (int i = 0; i < 20; i++) {
		assert_false(say(&told, 500000));
		assert_false(valve_refused(&told.valve, told.now_ms));
	}
	for (int i = 0; i < 5; i++)
		assert_false(say(&told, 500000));
	assert_true(say(&told, 500000));
	assert_int_equal(told.valve.level, VALVE_CALM);
	assert_int_equal(told.valve.refusals, 21);
	assert_int_equal(told.valve.entered[VALVE_FULL], 1);
}

static void without_a_bound_there_is_no_level(void **state)
{
	struct told told = begin(SEGMENT_RTS);
	(void)state;
	say(&told, 950000);
	assert_true(valve_sample(&told.valve, told.now_ms + 1, 950000, 0));
	assert_int_equal(told.valve.level, VALVE_CALM);
	assert_int_equal(valve_full_in_s(&told.valve), -1);
}

/* Of the table: in its order, of its segment alone, no later level before an earlier one. */
static void actions_come_in_the_order_of_the_table(void **state)
{
	(void)state;
	for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++) {
		uint32_t before = 0;
		struct told told = begin(segment);
		for (uint64_t used = 0; used <= MAX; used += MAX / 200) {
			say(&told, used);
			uint32_t now = valve_actions(&told.valve);
			assert_int_equal(now & before, before); /* rising, none is given up */
			for (enum valve_action a = 0; a < VALVE_ACTIONS; a++)
				if (now >> a & 1) {
					assert_int_equal(valve_action_segment(a), segment);
					assert_true(valve_action_level(a) <= told.valve.level);
				}
			before = now;
		}
		for (enum valve_action a = 0; a < VALVE_ACTIONS; a++)
			assert_int_equal(before >> a & 1, valve_action_segment(a) == segment);
		assert_true(segment == SEGMENT_COUNT - 1 || before); /* each has something */
	}
}

static void money_is_never_shed(void **state)
{
	(void)state;
	for (enum valve_action a = 0; a < VALVE_ACTIONS; a++)
		if (segment_row(valve_action_segment(a))->money)
			assert_true(valve_action_level(a) >= VALVE_SLOW);
}

static void the_rate_is_that_of_the_line(void **state)
{
	struct told told = begin(SEGMENT_RMS);
	(void)state;
	for (int i = 0; i < 9; i++) {
		say(&told, 100000 + 1000 * (uint64_t)i);
		assert_int_equal(valve_growth(&told.valve), 0); /* not known yet */
		assert_int_equal(valve_full_in_s(&told.valve), -1);
	}
	say(&told, 109000);
	assert_int_equal(valve_growth(&told.valve), 1000);
	assert_int_equal(valve_full_in_s(&told.valve), 891);
	for (int i = 10; i < 500; i++)
		say(&told, 100000 + 1000 * (uint64_t)i);
	assert_int_equal(valve_growth(&told.valve), 1000);
	assert_int_equal(valve_full_in_s(&told.valve), 401);
	say(&told, MAX);
	assert_int_equal(valve_full_in_s(&told.valve), 0);
}

static void what_does_not_grow_is_never_full(void **state)
{
	struct told told = begin(SEGMENT_RMS);
	(void)state;
	for (int i = 0; i < 100; i++)
		say(&told, 600000);
	assert_int_equal(valve_growth(&told.valve), 0);
	for (int i = 0; i < 100; i++)
		say(&told, 600000 - (uint64_t)i);
	assert_int_equal(valve_growth(&told.valve), 0);
	assert_int_equal(valve_full_in_s(&told.valve), -1);
}

static void a_fall_by_more_than_a_twentieth_begins_a_new_line(void **state)
{
	struct told told = begin(SEGMENT_RMS);
	(void)state;
	for (int i = 0; i < 50; i++)
		say(&told, 100000 + 2000 * (uint64_t)i);
	say(&told, 189100); /* by 4.5 % */
	assert_true(valve_growth(&told.valve) > 0);
	say(&told, 179000); /* by 5.3 % */
	assert_int_equal(valve_growth(&told.valve), 0);
	for (int i = 1; i < 10; i++)
		say(&told, 179000 + 500 * (uint64_t)i);
	assert_int_equal(valve_growth(&told.valve), 500);
}

static void a_clock_that_stands_or_goes_back_begins_a_new_line(void **state)
{
	struct told told = begin(SEGMENT_RMS);
	(void)state;
	for (int i = 0; i < 20; i++)
		say(&told, 100000 + 1000 * (uint64_t)i);
	valve_sample(&told.valve, told.now_ms, 121000, MAX);
	assert_int_equal(valve_growth(&told.valve), 0);
	assert_int_equal(told.valve.count, 1);
}

/* Beside a plain sum over all samples, and never a level that the figures do not allow. */
static void seeded_walks_agree_with_what_is_plain(void **state)
{
	struct rng rng;
	(void)state;
	rng_init(&rng, 6);
	for (int walk = 0; walk < 200; walk++) {
		struct told told = begin((enum segment)rng_below(&rng, SEGMENT_COUNT));
		uint64_t used = rng_below(&rng, MAX), uses[400];
		enum valve_level last = VALVE_CALM;
		for (int i = 0; i < 400; i++) {
			used += rng_below(&rng, 40000);
			used = used > 20000 ? used - 20000 : 0;
			if (rng_below(&rng, 100) == 0)
				used = rng_below(&rng, 1100000);
			uses[i] = used;
			bool changed = say(&told, used);
			assert_int_equal(changed, told.valve.level != last);
			last = told.valve.level;
			static const uint64_t begins[] = { 0, 700000, 800000, 900000, 1000000 };
			assert_true(last == VALVE_FULL || used < begins[last + 1]);
			uint64_t most = 0; /* of the last six seconds: it kept the level */
			for (int back = 0; back <= 5 && back <= i; back++)
				most = uses[i - back] > most ? uses[i - back] : most;
			assert_true(!last || most >= begins[last] - MAX / 20);
		}
	}
}

static void numbers_at_the_edge_of_64_bits_do_no_harm(void **state)
{
	struct valve valve;
	(void)state;
	valve_init(&valve, SEGMENT_RMS);
	for (int i = 0; i < 60; i++)
		valve_sample(&valve, i * SECOND, UINT64_MAX / 60 * (uint64_t)i, UINT64_MAX);
	assert_true(valve_growth(&valve) > 0);
	assert_true(valve_full_in_s(&valve) >= 0);
	assert_int_equal(valve.level, VALVE_SLOW);
}

static void words_are_those_of_the_table(void **state)
{
	(void)state;
	assert_string_equal(valve_level_text(VALVE_SHED), "shed");
	assert_string_equal(valve_action_name(VALVE_BIT_outputs_trim), "outputs_trim");
	assert_string_equal(valve_action_text(VALVE_BIT_outputs), "live outputs are not written");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_level_is_entered_at_its_figure_and_not_below),
		cmocka_unit_test(a_level_is_left_five_points_lower_and_five_seconds_later),
		cmocka_unit_test(what_rises_again_begins_its_calm_anew),
		cmocka_unit_test(a_fall_ends_every_level_that_stayed_below_so_long),
		cmocka_unit_test(a_refusal_is_full_at_once_and_five_seconds_after_the_last),
		cmocka_unit_test(without_a_bound_there_is_no_level),
		cmocka_unit_test(actions_come_in_the_order_of_the_table),
		cmocka_unit_test(money_is_never_shed),
		cmocka_unit_test(the_rate_is_that_of_the_line),
		cmocka_unit_test(what_does_not_grow_is_never_full),
		cmocka_unit_test(a_fall_by_more_than_a_twentieth_begins_a_new_line),
		cmocka_unit_test(a_clock_that_stands_or_goes_back_begins_a_new_line),
		cmocka_unit_test(seeded_walks_agree_with_what_is_plain),
		cmocka_unit_test(numbers_at_the_edge_of_64_bits_do_no_harm),
		cmocka_unit_test(words_are_those_of_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
