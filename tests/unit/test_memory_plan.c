/* What a load costs: items and totals by hand, bounds, headroom, costs read and written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "memory/plan.h"

static struct plan plan;
static struct err err;

static void make(const struct plan_load *load, const int64_t *measured)
{
	struct plan_costs costs = plan_costs_shipped();
	enum status status = plan_make(load, &costs, measured, &plan, &err);
	if (status)
		fail_msg("%s", err.text);
}

static void make_usual(void)
{
	struct plan_load load = plan_load_usual();
	make(&load, NULL);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' has no '%s'", text, part);
}

static void usual_load_makes_the_items_of_the_table(void **state)
{
	(void)state;
	static const int64_t counts[PLAN_ITEMS] = {
		[PLAN_ITEM_instance] = 100,
		[PLAN_ITEM_history_minute] = 100 * 24 * 60,
		[PLAN_ITEM_history_walking] = 100 * 24 * 60,
		[PLAN_ITEM_history_stream] = 100,
		[PLAN_ITEM_trade_open] = 10000,
		[PLAN_ITEM_account] = 100,
		[PLAN_ITEM_trade_closed] = 300000,
		[PLAN_ITEM_closed_stream] = 100,
		[PLAN_ITEM_signal] = 30000,
		[PLAN_ITEM_signal_hash] = 30000,
		[PLAN_ITEM_result] = 60000,
		[PLAN_ITEM_result_stuck] = 3540000,
		[PLAN_ITEM_fleet_up] = 100,
		[PLAN_ITEM_session] = 1000,
		[PLAN_ITEM_preference] = 1000,
		[PLAN_ITEM_execution] = 10000,
		[PLAN_ITEM_alert] = 1000,
		[PLAN_ITEM_tape_trade] = INT64_C(72) * 72 * 3600,
		[PLAN_ITEM_tape_stream] = 40,
		[PLAN_ITEM_bar_minute] = 40 * 72 * 60,
		[PLAN_ITEM_outputs_market] = 40,
		[PLAN_ITEM_outputs_symbol] = 10,
	};
	struct plan_load load = plan_load_usual();
	for (size_t i = 0; i < PLAN_ITEMS; i++) {
		assert_true(counts[i] > 0);
		assert_int_equal(plan_items(&load, (enum plan_item)i), counts[i]);
	}
}

static void another_case_of_a_component_has_its_items_with_one_thing_changed(void **state)
{
	(void)state;
	struct plan_load load = plan_load_usual();
	assert_int_equal(plan_items_in(&load, PLAN_ris_walking, PLAN_ITEM_instance), 100);
	assert_int_equal(plan_items_in(&load, PLAN_ris_walking, PLAN_ITEM_history_minute), 0);
	assert_int_equal(plan_items_in(&load, PLAN_ris_walking, PLAN_ITEM_history_walking), 144000);
	assert_int_equal(plan_items_in(&load, PLAN_ris, PLAN_ITEM_history_walking), 0);
	assert_int_equal(plan_items_in(&load, PLAN_rtrs_away, PLAN_ITEM_result), 60000);
	assert_int_equal(plan_items_in(&load, PLAN_rtrs_stuck, PLAN_ITEM_result), 60000);
	assert_int_equal(plan_items_in(&load, PLAN_rtrs_stuck, PLAN_ITEM_result_stuck), 3540000);
	assert_int_equal(plan_items_in(&load, PLAN_rtrs, PLAN_ITEM_result_stuck), 0);
	assert_int_equal(plan_items_in(&load, PLAN_rtrs_away, PLAN_ITEM_result_stuck), 0);
	assert_int_equal(plan_items_in(&load, PLAN_tape_500, PLAN_ITEM_tape_trade),
			 INT64_C(500) * 72 * 3600);
	assert_int_equal(plan_items_in(&load, PLAN_tape, PLAN_ITEM_result), 0);
}

static void bytes_are_items_times_costs(void **state)
{
	(void)state;
	struct plan_load load = plan_load_usual();
	struct plan_costs costs = { .version = "test" };
	costs.bytes_1000[PLAN_ITEM_trade_open] = 852000;
	costs.bytes_1000[PLAN_ITEM_account] = 400500;
	costs.bytes_1000[PLAN_ITEM_tape_trade] = 1999;
	assert_int_equal(plan_bytes(&load, &costs, PLAN_rts_open), 8520000 + 40050);
	/* 18,662,400 x 1.999 B, rounded once. */
	assert_int_equal(plan_bytes(&load, &costs, PLAN_tape), 37306138);
	assert_int_equal(plan_bytes(&load, &costs, PLAN_rss), 0);
	assert_int_equal(plan_bytes(&load, &costs, PLAN_mt5), -1);
}

static void the_spill_bounds_what_redis_holds_of_results(void **state)
{
	(void)state;
	struct plan_load load = plan_load_usual();
	struct plan_costs costs = plan_costs_shipped();
	costs.bytes_1000[PLAN_ITEM_fleet_up] = 0;
	costs.bytes_1000[PLAN_ITEM_result] = 20000;
	costs.bytes_1000[PLAN_ITEM_result_stuck] = 10000;
	assert_int_equal(plan_bytes(&load, &costs, PLAN_rtrs_stuck), 36600000);
	costs.bytes_1000[PLAN_ITEM_result_stuck] = 30000;
	assert_int_equal(plan_bytes(&load, &costs, PLAN_rtrs_stuck), 60000000);
}

static void usual_load_is_within_its_bounds_and_has_no_fault(void **state)
{
	(void)state;
	make_usual();
	assert_int_equal(plan.count, PLAN_COMPONENTS);
	for (size_t i = 0; i < plan.count; i++) {
		const struct plan_figures *figures = &plan.figures[i];
		const struct plan_component_row *row = plan_component_row((enum plan_component)i);
		assert_string_equal(figures->id, row->id);
		assert_int_equal(figures->bound, row->bound);
		assert_true(figures->planned >= 0);
		assert_true(figures->within);
		assert_true(figures->how[0]);
	}
	assert_true(plan.within_bounds);
	assert_int_equal(plan.faults, 0);
	assert_int_equal(plan.bound, 300000000);
	assert_int_equal(plan.everything_bound, 650000000);
	assert_int_equal(plan.measured, -1);
	assert_string_equal(plan.title, "100 terminals, 40 markets");
	assert_has(plan.summary, "Within its bounds.");
	assert_has(plan.summary, "(bound 300 MB)");
}

/* Each segment's planned bytes are those of its components that count, and Redis is the sum. */
static void totals_take_each_component_once(void **state)
{
	(void)state;
	make_usual();
	const struct plan_figures *f = plan.figures;
	assert_int_equal(plan.segments[SEGMENT_RIS].planned, f[PLAN_ris].planned);
	assert_int_equal(plan.segments[SEGMENT_RTS].planned,
			 f[PLAN_rts_open].planned + f[PLAN_rts_closed].planned);
	assert_int_equal(plan.segments[SEGMENT_RTRS].planned, f[PLAN_rtrs].planned);
	assert_int_equal(plan.segments[SEGMENT_RMS].planned,
			 f[PLAN_tape].planned + f[PLAN_bars].planned + f[PLAN_outputs].planned);
	int64_t sum = 0;
	for (size_t i = 0; i < SEGMENT_COUNT; i++)
		sum += plan.segments[i].planned;
	assert_int_equal(plan.planned, sum);
	assert_int_equal(plan.everything_planned,
			 sum + f[PLAN_idle].planned + f[PLAN_process].planned);
	/* 18,000 + 25 + 750 + 50 + 4,320 + 180 MB, and with what is wrong put right. */
	assert_int_equal(plan.original, INT64_C(23325000000));
	assert_int_equal(plan.corrected, INT64_C(20488200000));
}

static void walking_numbers_take_the_place_of_the_usual_mix(void **state)
{
	(void)state;
	struct plan_load load = plan_load_usual();
	make_usual();
	int64_t usual = plan.planned - plan.figures[PLAN_ris].planned;
	load.mix = PLAN_MIX_WALKING;
	make(&load, NULL);
	assert_int_equal(plan.segments[SEGMENT_RIS].planned,
			 plan.figures[PLAN_ris_walking].planned);
	assert_int_equal(plan.planned, usual + plan.figures[PLAN_ris_walking].planned);
	assert_true(plan.bound > 600000000 && plan.bound < 700000000);
}

static void a_thousand_terminals_come_out_of_the_same_model(void **state)
{
	(void)state;
	struct plan_load load = plan_load_usual();
	make_usual();
	int64_t ris = plan.figures[PLAN_ris].planned, rss = plan.figures[PLAN_rss].planned;
	load.instances = 1000;
	make(&load, NULL);
	assert_int_equal(plan.figures[PLAN_ris].planned, 10 * ris);
	assert_int_equal(plan.figures[PLAN_ris].bound, 1500000000);
	assert_int_equal(plan.figures[PLAN_rss].planned, rss);
	assert_int_equal(plan.everything_bound, 2500000000);
	assert_true(plan.within_bounds);
	assert_string_equal(plan.title, "1,000 terminals, 40 markets");
}

/* The whole of a segment stays under the first threshold, and what waits has room. */
static void maxmemory_leaves_the_plan_under_seventy_percent(void **state)
{
	(void)state;
	static const int64_t terminals[] = { 0, 1, 100, 1000, 20000 };
	struct plan_costs costs = plan_costs_shipped();
	for (size_t k = 0; k < ARRAY_LEN(terminals); k++) {
		struct plan_load load = plan_load_usual();
		load.instances = terminals[k];
		make(&load, NULL);
		for (size_t i = 0; i < SEGMENT_COUNT; i++) {
			const struct plan_segment *segment = &plan.segments[i];
			assert_true(segment->maxmemory >= PLAN_MAXMEMORY_MIN);
			assert_int_equal(segment->maxmemory % (1 << 20), 0);
			assert_true((costs.idle + segment->planned + segment->clients) * 10 <=
				    segment->maxmemory * 7);
			assert_int_equal(segment->headroom, segment->copy_on_write +
								segment->clients +
								segment->fragmentation);
		}
		assert_true(plan.segments[SEGMENT_RTRS].maxmemory >=
			    plan.figures[PLAN_rtrs_stuck].bound);
	}
}

static void time_to_full_is_what_is_left_over_what_comes(void **state)
{
	(void)state;
	make_usual();
	const struct plan_segment *rtrs = &plan.segments[SEGMENT_RTRS];
	struct plan_costs costs = plan_costs_shipped();
	assert_int_equal(rtrs->growth_s, 1000 * costs.bytes_1000[PLAN_ITEM_result_stuck] / 1000);
	assert_int_equal(rtrs->full_in_s,
			 (rtrs->maxmemory - costs.idle - rtrs->planned) / rtrs->growth_s);
	assert_string_equal(rtrs->sink, "DuckDB");
	assert_int_equal(plan.segments[SEGMENT_RIS].full_in_s, -1);
	assert_int_equal(plan.segments[SEGMENT_RMS].full_in_s, -1);
	assert_true(plan.segments[SEGMENT_RTSS].full_in_s > 30);
	assert_true(plan.segments[SEGMENT_RTS].full_in_s > 3600);
}

static void measured_bytes_decide_before_planned_ones(void **state)
{
	(void)state;
	int64_t measured[PLAN_COMPONENTS];
	struct plan_load load = plan_load_usual();
	for (size_t i = 0; i < PLAN_COMPONENTS; i++)
		measured[i] = 1000;
	make(&load, measured);
	assert_int_equal(plan.measured, 10 * 1000);
	assert_int_equal(plan.everything_measured, 12 * 1000);
	assert_int_equal(plan.segments[SEGMENT_RMS].measured, 3000);
	assert_true(plan.within_bounds);
	measured[PLAN_rtrs_away] = 10000001;
	make(&load, measured);
	assert_false(plan.figures[PLAN_rtrs_away].within);
	assert_false(plan.within_bounds);
	measured[PLAN_rtrs_away] = 1;
	measured[PLAN_bars] = -1;
	make(&load, measured);
	assert_int_equal(plan.segments[SEGMENT_RMS].measured, -1);
	assert_int_equal(plan.measured, -1);
}

static int64_t measure_at_the_bounds(struct plan_load load, int64_t measured[PLAN_COMPONENTS])
{
	int64_t redis = 0;
	make(&load, NULL);
	for (size_t i = 0; i < PLAN_COMPONENTS; i++) {
		const struct plan_component_row *row = plan_component_row((enum plan_component)i);
		measured[i] = plan.figures[i].bound;
		if (row->counts && row->segment != SEGMENT_COUNT)
			redis += measured[i];
	}
	make(&load, measured);
	for (size_t i = 0; i < PLAN_COMPONENTS; i++)
		assert_true(plan.figures[i].within);
	return redis;
}

/* Whether every component at its bound is too much together is a matter of the totals alone. */
static void totals_have_bounds_of_their_own(void **state)
{
	(void)state;
	int64_t measured[PLAN_COMPONENTS];
	struct plan_load load = plan_load_usual();
	assert_int_equal(measure_at_the_bounds(load, measured), 295000000);
	assert_int_equal(plan.measured, 295000000);
	assert_int_equal(plan.everything_measured, 600000000);
	assert_true(plan.within_bounds);
	load.instances = 1000;
	int64_t redis = measure_at_the_bounds(load, measured);
	assert_int_equal(plan.measured, redis);
	assert_int_equal(plan.bound, 2150000000);
	assert_int_equal(plan.within_bounds, plan.measured <= plan.bound &&
						 plan.everything_measured <= plan.everything_bound);
}

static void a_load_that_contradicts_itself_says_so_once(void **state)
{
	(void)state;
	struct plan_load load = plan_load_usual();
	load.closed_a_day = 10 * 86400 + 1;
	make(&load, NULL);
	assert_int_equal(plan.faults, 1);
	assert_int_equal(plan.found[0].rule, PLAN_FAULT_rates_differ);
	assert_string_equal(plan.found[0].where, "closed_a_day, results_s");
	assert_has(plan.found[0].original, "864,001 closed trades");
	assert_has(plan.found[0].corrected, "864,000 a day");
	load.closed_a_day = 10 * 86400;
	load.signals_s = 11;
	make(&load, NULL);
	assert_int_equal(plan.faults, 1);
	assert_string_equal(plan.found[0].where, "signals_s, results_s");
}

static void loads_out_of_range_are_refused_and_leave_the_plan_alone(void **state)
{
	(void)state;
	struct plan_costs costs = plan_costs_shipped();
	struct plan_load load = plan_load_usual();
	make_usual();
	plan.count = 7;
	load.instances = -1;
	assert_int_equal(plan_make(&load, &costs, NULL, &plan, &err), STATUS_RANGE);
	assert_string_equal(err.text, "instances (terminals): -1 is not 0..1000000");
	load.instances = INT64_MAX;
	assert_int_equal(plan_make(&load, &costs, NULL, &plan, &err), STATUS_RANGE);
	load = plan_load_usual();
	load.market_hours = 8785;
	assert_int_equal(plan_make(&load, &costs, NULL, &plan, &err), STATUS_RANGE);
	assert_int_equal(plan.count, 7);
}

static void sums_beyond_what_is_counted_are_refused(void **state)
{
	(void)state;
	struct plan_costs costs = plan_costs_shipped();
	struct plan_load load = plan_load_usual();
	load.instances = 1000000;
	load.results_s = load.signals_s = 100000;
	load.away_s = 31622400;
	assert_int_equal(plan_make(&load, &costs, NULL, &plan, &err), STATUS_RANGE);
	assert_has(err.text, "more than can be counted");
	load = plan_load_usual();
	load.closed_a_day = INT64_MAX / 2;
	assert_int_equal(plan_items(&load, PLAN_ITEM_trade_closed), -1);
	assert_int_equal(plan_bytes(&load, &costs, PLAN_rts_closed), -1);
}

/* Every figure at its greatest, one after the other: a plan or a refusal, never nonsense. */
static void greatest_loads_are_planned_or_refused(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		int64_t most;
	} rows[] = {
#define PLAN_LOAD(id, usual, most, what) { offsetof(struct plan_load, id), most },
#include "def/plan.def"
	};
	struct plan_costs costs = plan_costs_shipped();
	for (size_t i = 0; i < PLAN_ITEMS; i++)
		costs.bytes_1000[i] = INT64_C(1000000000000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct plan_load load = plan_load_usual();
		memcpy((char *)&load + rows[i].at, &rows[i].most, sizeof rows[i].most);
		if (plan_make(&load, &costs, NULL, &plan, &err))
			continue;
		for (size_t k = 0; k < SEGMENT_COUNT; k++) {
			assert_true(plan.segments[k].planned >= 0);
			assert_true(plan.segments[k].maxmemory > plan.segments[k].planned);
			assert_true(plan.segments[k].full_in_s >= -1);
		}
		assert_true(plan.planned >= 0 && plan.everything_planned >= plan.planned);
	}
}

static struct buf text;
static char storage[8192];

static void costs_come_back_as_they_were_written(void **state)
{
	(void)state;
	struct plan_costs costs = plan_costs_shipped(), again = { 0 };
	snprintf(costs.version, sizeof costs.version, "7.2.4");
	for (size_t i = 0; i < PLAN_ITEMS; i++)
		costs.bytes_1000[i] = 17 * (int64_t)i + 1;
	costs.idle = 987654;
	costs.idle_rss = 12345678;
	text = buf_over(storage, sizeof storage);
	plan_costs_write(&costs, &text);
	assert_false(text.overflow);
	if (plan_costs_read(buf_str(&text), &again, &err))
		fail_msg("%s", err.text);
	assert_string_equal(again.version, "7.2.4");
	assert_memory_equal(again.bytes_1000, costs.bytes_1000, sizeof costs.bytes_1000);
	assert_int_equal(again.idle, 987654);
	assert_int_equal(again.idle_rss, 12345678);
}

static void items_that_a_calibration_does_not_name_keep_their_cost(void **state)
{
	(void)state;
	struct plan_costs costs = plan_costs_shipped(), shipped = costs;
	assert_int_equal(plan_costs_read(STR("[items]\nresult = 11500\n"), &costs, &err),
			 STATUS_OK);
	assert_int_equal(costs.bytes_1000[PLAN_ITEM_result], 11500);
	costs.bytes_1000[PLAN_ITEM_result] = shipped.bytes_1000[PLAN_ITEM_result];
	assert_memory_equal(&costs, &shipped, sizeof costs);
}

static void a_broken_calibration_gives_one_line_and_changes_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "result = 1\n", "line 1: a key before the first [section]" },
		{ "[items]\nresult = 5\nresults = 1\n", "line 3: no item 'results'" },
		{ "[items]\nresult = -1\n", "line 2: '-1' is not 0..1000000000000" },
		{ "[items]\nresult = 1.5\n", "line 2: '1.5' is not 0..1000000000000" },
		{ "[items]\nresult = 1000000000001\n",
		  "line 2: '1000000000001' is not 0..1000000000000" },
		{ "[costs]\nversion = 1234567890123456\n",
		  "line 2: '1234567890123456' is no version of 1 to 15 letters" },
		{ "[costs]\nversion = \"7 # 0\"\n", "line 2: '7 # 0' is no version" },
		{ "[costs]\nidel = 1\n", "line 2: no key 'idel' in [costs]" },
		{ "[cost]\n", "line 1: no section [cost]: costs or items" },
		{ "[costs\n", "line 1: " },
	};
	struct plan_costs shipped = plan_costs_shipped();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct plan_costs costs = shipped;
		assert_true(plan_costs_read(str_of(bad[i].text), &costs, &err) != STATUS_OK);
		if (strncmp(err.text, bad[i].why, strlen(bad[i].why)) != 0)
			fail_msg("'%s' does not begin with '%s'", err.text, bad[i].why);
		assert_memory_equal(&costs, &shipped, sizeof costs);
	}
}

static void every_corrected_figure_says_how_it_comes_about(void **state)
{
	struct plan_load load = plan_load_usual();
	struct plan_costs costs = plan_costs_shipped();
	(void)state;
	assert_int_equal(plan_make(&load, &costs, NULL, &plan, &err), STATUS_OK);
	for (size_t i = 0; i < plan.count; i++) {
		const struct plan_figures *figures = &plan.figures[i];
		assert_true((figures->corrected >= 0) == (figures->how_corrected[0] != 0));
		assert_string_equal(figures->weir, figures->id);
	}
	assert_string_equal(plan.figures[PLAN_ris].how_corrected, "100 x 2.25 KB x 1/s x 24 h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_load_makes_the_items_of_the_table),
		cmocka_unit_test(another_case_of_a_component_has_its_items_with_one_thing_changed),
		cmocka_unit_test(bytes_are_items_times_costs),
		cmocka_unit_test(the_spill_bounds_what_redis_holds_of_results),
		cmocka_unit_test(usual_load_is_within_its_bounds_and_has_no_fault),
		cmocka_unit_test(totals_take_each_component_once),
		cmocka_unit_test(walking_numbers_take_the_place_of_the_usual_mix),
		cmocka_unit_test(a_thousand_terminals_come_out_of_the_same_model),
		cmocka_unit_test(maxmemory_leaves_the_plan_under_seventy_percent),
		cmocka_unit_test(time_to_full_is_what_is_left_over_what_comes),
		cmocka_unit_test(measured_bytes_decide_before_planned_ones),
		cmocka_unit_test(totals_have_bounds_of_their_own),
		cmocka_unit_test(every_corrected_figure_says_how_it_comes_about),
		cmocka_unit_test(a_load_that_contradicts_itself_says_so_once),
		cmocka_unit_test(loads_out_of_range_are_refused_and_leave_the_plan_alone),
		cmocka_unit_test(sums_beyond_what_is_counted_are_refused),
		cmocka_unit_test(greatest_loads_are_planned_or_refused),
		cmocka_unit_test(costs_come_back_as_they_were_written),
		cmocka_unit_test(items_that_a_calibration_does_not_name_keep_their_cost),
		cmocka_unit_test(a_broken_calibration_gives_one_line_and_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
