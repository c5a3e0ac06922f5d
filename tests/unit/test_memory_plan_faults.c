/* Scenarios: what is read, what is refused, and each fault found where it is and only there. */
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

static void read_scenario(const char *text)
{
	struct plan_costs costs = plan_costs_shipped();
	if (plan_scenario(str_of(text), &costs, &plan, &err))
		fail_msg("%s\n%s", err.text, text);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' has no '%s'", text, part);
}

static void assert_no_fault(const char *text)
{
	read_scenario(text);
	if (plan.faults)
		fail_msg("%s: %s: %s\n%s", plan_fault_name(plan.found[0].rule),
			 plan.found[0].original, plan.found[0].corrected, text);
}

static void assert_one_fault(const char *text, enum plan_fault rule, const char *original,
			     const char *corrected)
{
	read_scenario(text);
	if (plan.faults != 1)
		fail_msg("%zu faults\n%s", plan.faults, text);
	assert_string_equal(plan_fault_name(plan.found[0].rule), plan_fault_name(rule));
	assert_has(plan.found[0].original, original);
	assert_has(plan.found[0].corrected, corrected);
}

static void a_component_is_items_times_bytes_times_rate_times_retention(void **state)
{
	(void)state;
	static const struct {
		const char *keys;
		int64_t size;
	} rows[] = {
		{ "items = 3\nbytes = 7", 21 },
		{ "bytes = 2.25 KB\nrate = 1/s\nretention = 24 h\nitems = 100",
		  INT64_C(19440000000) },
		{ "bytes = 2.25 KiB\nrate = 60/min\nretention = 1 day", 2304 * 86400 },
		{ "bytes = 600\nrate = 0.2/s\nretention = 10 min\nitems = 100", 7200000 },
		{ "bytes = 10\nrate = 100/d\nretention = 36 h", 1500 },
		{ "bytes = 10\nrate = 0.000001/s\nretention = 11 d", 0 },
		{ "bytes = 0.5 KB\nitems = 100\nkept = 1,000", 50000000 },
		{ "bytes = 10\nitems = 100\nkept = 1,000\nshared = yes", 10000 },
		{ "bytes = 10\nitems = 100\nrate = 1/s\nretention = 5 s\nkept = 1,000\nshared = "
		  "yes",
		  5000 },
		{ "bytes = 10\nitems = 100\nrate = 1/s\nretention = 60 s\nkept = 10", 10000 },
		{ "bytes = 10\nrate = 1/s\nretention = for ever\nkept = 100", 1000 },
		{ "claimed = 1,202.14 MB", 1202140000 },
		{ "items = 0\nbytes = 5 TB", 0 },
	};
	char text[512];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(text, sizeof text, "[component.x]\n%s\n", rows[i].keys);
		read_scenario(text);
		assert_int_equal(plan.count, 1);
		if (plan.figures[0].corrected != rows[i].size)
			fail_msg("%s: %lld", rows[i].keys, (long long)plan.figures[0].corrected);
	}
}

/* KB and MB of a document can be of 1,024. */
static void units_are_those_of_the_document(void **state)
{
	(void)state;
	assert_no_fault("[scenario]\nunits = 1024\n[component.x]\nitems = 1024\nbytes = 1.5 KB\n"
			"claimed = 1.5 MB\n");
	assert_int_equal(plan.figures[0].corrected, 1536 * 1024);
	assert_int_equal(plan.figures[0].original, 1536 * 1024);
}

static void figures_are_as_exact_as_they_are_written(void **state)
{
	(void)state;
	static const char *const right[] = {
		"claimed = 19.44 GB",
		"claimed = 19.4 GB",
		"claimed = 19 GB",
		"claimed = ~20 GB",
		"claimed = 19,440 MB",
		"each = 194.4 MB",
		"each = 194 MB\nclaimed = 19 GB",
	};
	static const char *const wrong[] = {
		"claimed = 18 GB",    "claimed = 20 GB", "claimed = 19.43 GB",
		"claimed = 19.5 GB",  "each = 180 MB",   "each = 194 MB\nclaimed = 18 GB",
		"claimed = 19441 MB",
	};
	char text[512];
	for (size_t i = 0; i < ARRAY_LEN(right); i++) {
		snprintf(text, sizeof text,
			 "[component.x]\nitems = 100\nbytes = 2.25 KB\n"
			 "rate = 1/s\nretention = 24 h\n%s\n",
			 right[i]);
		assert_no_fault(text);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		snprintf(text, sizeof text,
			 "[component.x]\nitems = 100\nbytes = 2.25 KB\n"
			 "rate = 1/s\nretention = 24 h\n%s\n",
			 wrong[i]);
		assert_one_fault(text, PLAN_FAULT_wrong_product,
				 "x: ", "100 x 2.25 KB x 1/s x 24 h = 19.44 GB");
	}
}

static void a_product_that_takes_the_instances_twice_is_counted_twice(void **state)
{
	(void)state;
	static const char component[] = "[component.x]\nname = results\nwhere = table 2\n"
					"items = 100\nbytes = 600\nrate = 10/s\nretention = 60 s\n";
	char text[512];
	snprintf(text, sizeof text, "%sclaimed = 3.6 GB\n", component);
	assert_one_fault(text, PLAN_FAULT_counted_twice, "results: 3.6 GB", "= 36 MB for all");
	assert_string_equal(plan.found[0].where, "table 2");
	assert_int_equal(plan.figures[0].original, INT64_C(3600000000));
	assert_int_equal(plan.figures[0].corrected, 36000000);
	snprintf(text, sizeof text, "[load]\ninstances = 50\n%sclaimed = 3.6 GB\n", component);
	assert_one_fault(text, PLAN_FAULT_wrong_product, "3.6 GB", "= 36 MB");
	snprintf(text, sizeof text, "%sclaimed = 36 MB\n", component);
	assert_no_fault(text);
}

static void what_a_measure_leaves_is_computed(void **state)
{
	(void)state;
	static const char component[] = "[component.x]\nitems = 100\nbytes = 2 KB\nrate = 1/s\n"
					"retention = 24 h\nclaimed = 17.28 GB\n";
	char text[512];
	snprintf(text, sizeof text, "%soptimised = 4 GB\noptimised_retention = 2 h\n", component);
	assert_one_fault(text, PLAN_FAULT_wrong_product,
			 "17.28 GB to 4 GB, kept 2 h instead of 24 h",
			 "in proportion it is 1.44 GB");
	assert_int_equal(plan.figures[0].optimised, INT64_C(4000000000));
	assert_int_equal(plan.figures[0].optimised_corrected, 1440000000);
	snprintf(text, sizeof text, "%soptimised = 1.44 GB\noptimised_retention = 2 h\n",
		 component);
	assert_no_fault(text);
	snprintf(text, sizeof text,
		 "%soptimised = 1.01 GB\noptimised_retention = 2 h\noptimised_saves = 30 %%\n",
		 component);
	assert_no_fault(text);
	snprintf(text, sizeof text, "%soptimised = 5 GB\noptimised_saves = 30 %%\n", component);
	assert_one_fault(text, PLAN_FAULT_wrong_product, "30 % less", "12.1 GB");
	snprintf(text, sizeof text, "%soptimised = 4 GB\noptimised_retention = 24 h\n", component);
	assert_one_fault(text, PLAN_FAULT_no_change, "17.28 GB to 4 GB", "it stays 17.28 GB");
	/* Without a measure that can be computed there is nothing to say. */
	snprintf(text, sizeof text, "%soptimised = 4 GB\n", component);
	assert_no_fault(text);
	assert_int_equal(plan.figures[0].optimised_corrected, INT64_C(4000000000));
}

static void a_length_keeps_what_comes_in_its_time(void **state)
{
	(void)state;
	static const char component[] = "[component.x]\nitems = 100\nbytes = 600\nrate = 10/s\n"
					"kept = 1000\n";
	char text[512];
	snprintf(text, sizeof text, "%sshared = yes\nneeded = 15 s\n", component);
	assert_one_fault(text, PLAN_FAULT_too_short, "the last 1,000 of a stream that all share",
			 "at 10/s of each of 100 that is 1 s, and 15 s are needed");
	snprintf(text, sizeof text, "%sneeded = 100 s\n", component);
	assert_no_fault(text);
	snprintf(text, sizeof text, "%sneeded = 101 s\n", component);
	assert_one_fault(text, PLAN_FAULT_too_short, "the last 1,000", "that is 100 s");
	assert_one_fault("[component.x]\nbytes = 600\nrate = 1000/s\nretention = 60 s\n"
			 "optimised_kept = 1000\noptimised_retention = 15 s\n",
			 PLAN_FAULT_too_short, "the last 1,000", "that is 1 s, and 15 s");
}

static void a_ttl_that_is_put_off_never_ends(void **state)
{
	(void)state;
	assert_one_fault("[component.x]\nbytes = 1\nttl = 7200 s\nrenewed = 1 s\n",
			 PLAN_FAULT_never_expires, "a TTL of 2 h", "written again after 1 s");
	assert_one_fault("[component.x]\nbytes = 1\noptimised_ttl = 60 s\nrenewed = 59 s\n",
			 PLAN_FAULT_never_expires, "a TTL of 60 s", "59 s");
	assert_no_fault("[component.x]\nbytes = 1\nttl = 60 s\nrenewed = 60 s\n");
	assert_no_fault("[component.x]\nbytes = 1\nttl = 60 s\n");
}

static void data_without_an_end_of_its_own_is_lost_or_unbounded(void **state)
{
	(void)state;
	assert_one_fault("[component.x]\nrate = 1/s\nretention = 30 s\nends = nothing\n",
			 PLAN_FAULT_lost, "ends with nothing after 30 s", "dead-letter");
	assert_no_fault("[component.x]\nrate = 1/s\nretention = 30 s\nends = record\n");
	assert_one_fault("[component.x]\nitems = 100\nrate = 10/s\nretention = for ever\n",
			 PLAN_FAULT_unbounded, "kept for ever", "86,400,000 more each day");
	assert_no_fault(
	    "[component.x]\nrate = 10/s\nretention = for ever\nkept = 100\nbytes = 1\n");
}

static void rates_of_one_event_are_compared_unless_peak_and_mean(void **state)
{
	(void)state;
	static const char form[] = "[component.a]\nevent = trades\nrate = 100/d\n%s"
				   "[component.b]\nevent = %s\nrate = %s\n%s";
	char text[512];
	snprintf(text, sizeof text, form, "", "trades", "10/s", "");
	assert_one_fault(text, PLAN_FAULT_rates_differ, "trades of a: 100/d, of b: 10/s",
			 "10/s is 864,000 a day");
	snprintf(text, sizeof text, form, "rate_is = mean\n", "trades", "10/s", "rate_is = peak\n");
	assert_no_fault(text);
	snprintf(text, sizeof text, form, "rate_is = peak\n", "trades", "10/s", "rate_is = peak\n");
	assert_one_fault(text, PLAN_FAULT_rates_differ, "100/d", "864,000");
	snprintf(text, sizeof text, form, "", "signals", "10/s", "");
	assert_no_fault(text);
	snprintf(text, sizeof text, form, "", "trades", "0.5/h", "");
	assert_one_fault(text, PLAN_FAULT_rates_differ, "0.5/h", "12 a day");
	snprintf(text, sizeof text, form, "", "trades", "700/d", "");
	assert_int_equal(plan.faults, 1);
	assert_no_fault("[component.a]\nevent = t\nrate = 60/min\n[component.b]\nevent = t\n"
			"rate = 1/s\n");
}

static void parts_that_do_not_sum_are_told(void **state)
{
	(void)state;
	static const char parts[] = "[component.a]\nclaimed = 338.9 MB\n[component.b]\n"
				    "claimed = 22.65 MB\n[total.t]\nname = both\nparts = a b\n";
	char text[512];
	snprintf(text, sizeof text, "%sclaimed = 361.55 MB\n", parts);
	assert_no_fault(text);
	/* 338.9 may be 338.95, so 361.6 is no fault; 361.7 is one. */
	snprintf(text, sizeof text, "%sclaimed = 361.60 MB\n", parts);
	assert_no_fault(text);
	snprintf(text, sizeof text, "%sclaimed = 361.70 MB\n", parts);
	assert_one_fault(text, PLAN_FAULT_wrong_sum, "both: 361.7 MB", "its 2 parts are 361.55 MB");
	assert_string_equal(plan.figures[2].id, "total.t");
	assert_int_equal(plan.figures[2].original, 361700000);
	assert_int_equal(plan.figures[2].corrected, 361550000);
}

static void a_part_of_a_part_is_counted_once(void **state)
{
	(void)state;
	static const char text[] =
	    "[component.box]\nclaimed = 100 MB\n[component.other]\n"
	    "claimed = 5 MB\n[component.data]\nclaimed = 80 MB\nin = box\n"
	    "[total.boxes]\nparts = box other\nclaimed = 105 MB\n"
	    "[total.all]\nparts = boxes data\nclaimed = 185 MB\nmain = yes\n";
	assert_one_fault(text, PLAN_FAULT_counted_twice, "all: 185 MB",
			 "data is counted twice; each once it is 105 MB");
	assert_int_equal(plan.original, 185000000);
	assert_int_equal(plan.corrected, 105000000);
	/* Twice through two totals; the one that adds those is not told once more. */
	assert_one_fault("[component.a]\nclaimed = 1 MB\n[total.t]\nparts = a\n[total.u]\n"
			 "parts = t a\n[total.v]\nparts = u\n",
			 PLAN_FAULT_counted_twice, "u", "a is counted twice");
	assert_int_equal(plan.figures[3].corrected, 1000000);
}

static void claims_of_one_figure_are_compared(void **state)
{
	(void)state;
	assert_one_fault("[claim.a]\nfigure = target\nsays = 624 MB\nwhere = one\n"
			 "[claim.b]\nfigure = target\nsays = 713 MB\nwhere = two\n"
			 "[claim.c]\nfigure = target\nsays = 920 MB\n",
			 PLAN_FAULT_figures_differ, "624 MB (one)", "713 MB (two), 920 MB");
	assert_no_fault("[claim.a]\nfigure = target\nsays = 31 GB\n[claim.b]\nfigure = target\n"
			"says = 30.8 GB\n[claim.c]\nfigure = other\nsays = 1 B\n");
}

static void settings_are_held_against_redis_own(void **state)
{
	(void)state;
	assert_one_fault("[setting.stream-compression]\nvalue = yes\n", PLAN_FAULT_no_directive,
			 "stream-compression yes", "does not start");
	assert_one_fault("[setting.maxmemroy]\nvalue = 2gb\n", PLAN_FAULT_no_directive,
			 "maxmemroy 2gb", "did you mean 'maxmemory'?");
	assert_one_fault("[setting.hash-max-ziplist-entries]\nvalue = 512\n", PLAN_FAULT_no_gain,
			 "hash-max-ziplist-entries 512", "name of today hash-max-listpack-entries");
	assert_one_fault("[component.x]\nbytes = 1\ntype = string\n"
			 "[setting.hash-max-listpack-value]\nvalue = 128\non = x\n",
			 PLAN_FAULT_no_gain, "hash-max-listpack-value 128",
			 "acts on the type hash, and x is of type string");
	assert_no_fault("[component.x]\nbytes = 1\ntype = hash\n"
			"[setting.hash-max-listpack-value]\nvalue = 128\non = x\n");
	assert_one_fault("[setting.maxmemory]\nvalue = 2gb\nwhere = one\n"
			 "[setting.maxmemory]\nvalue = 1gb\nwhere = two\n",
			 PLAN_FAULT_figures_differ, "maxmemory 1gb", "2gb in another place: one");
	assert_one_fault("[component.x]\nbytes = 1\nmoney = yes\n"
			 "[setting.maxmemory-policy]\nvalue = volatile-lru\non = x\n",
			 PLAN_FAULT_lost, "maxmemory-policy volatile-lru", "noeviction");
	assert_no_fault("[component.x]\nbytes = 1\n"
			"[setting.maxmemory-policy]\nvalue = volatile-lru\non = x\n");
}

static void a_cluster_splits_by_slot(void **state)
{
	(void)state;
	assert_one_fault("[split.x]\ncluster = yes\nby = kind\n", PLAN_FAULT_wrong_split,
			 "a node for each kind", "by slot");
	assert_no_fault("[split.x]\ncluster = yes\nby = slot\n[split.y]\nby = kind\n");
}

static void weirs_own_row_stands_beside_a_component(void **state)
{
	(void)state;
	read_scenario(
	    "[scenario]\ntitle = a desk\n[load]\ninstances = 50\n[component.ris]\n"
	    "bytes = 1 MB\nclaimed = 1 MB\n[component.mine]\nclaimed = 2 MB\nweir = rtss\n"
	    "[component.rtrs]\nclaimed = 3 MB\nweir = none\n");
	struct plan_load load = plan_load_usual();
	struct plan_costs costs = plan_costs_shipped();
	load.instances = 50;
	assert_int_equal(plan.load.instances, 50);
	assert_int_equal(plan.figures[0].planned, plan_bytes(&load, &costs, PLAN_ris));
	assert_int_equal(plan.figures[1].planned, plan_bytes(&load, &costs, PLAN_rtss));
	assert_int_equal(plan.figures[2].planned, -1);
	assert_int_equal(plan.original, 6000000);
	assert_string_equal(plan.title, "a desk");
	assert_has(plan.summary, "a desk: claimed 6 MB, by its own arithmetic 6 MB. 0 faults");
	assert_true(plan.within_bounds);
}

static void a_broken_scenario_gives_one_clear_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "it says nothing: no [component.X]" },
		{ "[scenario]\ntitle = x\n", "it says nothing: no [component.X]" },
		{ "items = 1\n", "line 1: a key before the first [section]" },
		{ "[component.x\n", "line 1: " },
		{ "[componnet.x]\n",
		  "line 1: no section [componnet.x]: scenario, load, component.X" },
		{ "[component.]\n", "line 1: " },
		{ "[component.a b]\n", "line 1: [component.a b]: a name of 1 to 31 characters" },
		{ "[component.x]\nbytes = 1\n[component.x]\n",
		  "line 3: [component.x]: it comes twice" },
		{ "[component.x]\nbytse = 1\n",
		  "line 2: no key 'bytse' in [component.], did you mean 'bytes'?" },
		{ "[component.x]\nbytes = 1\nbytes = 2\n", "line 3: 'bytes' comes twice" },
		{ "[component.x]\nbytes = many\n",
		  "line 2: bytes: 'many' does not begin with a number" },
		{ "[component.x]\nbytes = 1.2.3 KB\n", "line 2: bytes: " },
		{ "[component.x]\nbytes = 1 kibi\n", "line 2: bytes: 'kibi' is no unit" },
		{ "[component.x]\nbytes = 0.1 B\n", "line 2: bytes: '0.1 B' is no whole number" },
		{ "[component.x]\nbytes = 99999999 TB\n", "line 2: bytes: '99999999 TB' is more" },
		{ "[component.x]\nbytes = 99999999999999999999999999\n", "line 2: bytes: " },
		{ "[component.x]\nitems = 1.5\n", "line 2: items: '1.5' is no count" },
		{ "[component.x]\nitems = 9999999999999\n",
		  "line 2: items: '9999999999999' is no count" },
		{ "[component.x]\nrate = 10\n", "line 2: rate: '10' is no rate as 10/s" },
		{ "[component.x]\nrate = 10/fortnight\n", "line 2: rate: " },
		{ "[component.x]\nretention = 30\n", "line 2: retention: '30' is no time" },
		{ "[component.x]\nretention = 0.3 s\n", "line 2: retention: '0.3 s' is no time" },
		{ "[component.x]\noptimised_saves = 110 %\n", "line 2: optimised_saves: " },
		{ "[component.x]\nshared = maybe\n", "line 2: shared: 'maybe' is not yes or no" },
		{ "[component.x]\ntype = blob\nbytes = 1\n",
		  "[component.x]: type: 'blob' is none of string hash" },
		{ "[component.x]\nname = y\n", "[component.x]: neither bytes, claimed nor a rate" },
		{ "[component.x]\nbytes = 1\nin = x\n",
		  "[component.x]: in: no other component 'x'" },
		{ "[component.x]\nbytes = 1\nin = y\n[component.y]\nbytes = 1\nin = x\n",
		  "[component.x]: in: a circle" },
		{ "[component.x]\nbytes = 1\nweir = rsi\n", "[component.x]: weir: no row 'rsi'" },
		{ "[component.x]\nbytes = 50 TB\nitems = 1,000,000,000\n",
		  "[component.x]: items x bytes x rate x retention is more" },
		{ "[component.x]\nbytes = 1\n[total.t]\nparts = x z\n",
		  "[total.t]: parts: no component 'z'" },
		{ "[component.x]\nbytes = 1\n[total.t]\nparts = t\n",
		  "[total.t]: parts: no component 't'" },
		{ "[component.x]\nbytes = 1\n[total.t]\nclaimed = 1 B\n",
		  "[total.t]: it has no parts" },
		{ "[setting.hz]\non = x\n", "[setting.hz]: on: no component 'x'" },
		{ "[claim.x]\nsays = 1 B\n", "[claim.x]: figure and says" },
		{ "[load]\nmix = all\n", "line 2: mix: 'all' is not usual or walking" },
		{ "[load]\ninstances = 2,000,000\n[component.x]\nbytes = 1\n",
		  "instances (terminals): 2000000 is not 0..1000000" },
		{ "[scenario]\nunits = 1000000\n", "line 2: units: 1000 or 1024" },
	};
	struct plan_costs costs = plan_costs_shipped();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		plan.count = 99;
		if (plan_scenario(str_of(bad[i].text), &costs, &plan, &err) == STATUS_OK)
			fail_msg("taken: %s", bad[i].text);
		if (strncmp(err.text, bad[i].why, strlen(bad[i].why)) != 0)
			fail_msg("'%s' does not begin with '%s'", err.text, bad[i].why);
		assert_null(strchr(err.text, '\n'));
		assert_int_equal(plan.count, 99);
	}
}

static void more_than_there_is_room_for_is_refused_or_counted(void **state)
{
	(void)state;
	static char text[64 * 1024];
	struct plan_costs costs = plan_costs_shipped();
	struct buf buf = buf_over(text, sizeof text);
	for (int i = 0; i < 48; i++)
		buf_printf(&buf,
			   "[component.c%d]\nbytes = 1\nclaimed = 5 B\nttl = 9 s\nrenewed = 1 s\n",
			   i);
	assert_int_equal(plan_scenario(buf_str(&buf), &costs, &plan, &err), STATUS_OK);
	assert_int_equal(plan.faults, PLAN_FOUND_MAX);
	assert_int_equal(plan.faults_more, 2 * 48 - PLAN_FOUND_MAX);
	assert_has(plan.summary, "96 faults");
	buf_printf(&buf, "[component.more]\n");
	assert_int_equal(plan_scenario(buf_str(&buf), &costs, &plan, &err), STATUS_FULL);
	assert_has(err.text, "more than 48 sections [component.X]");
	assert_int_equal(
	    plan_scenario(str_make(text, PLAN_SCENARIO_BYTES_MAX + 1), &costs, &plan, &err),
	    STATUS_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_component_is_items_times_bytes_times_rate_times_retention),
		cmocka_unit_test(units_are_those_of_the_document),
		cmocka_unit_test(figures_are_as_exact_as_they_are_written),
		cmocka_unit_test(a_product_that_takes_the_instances_twice_is_counted_twice),
		cmocka_unit_test(what_a_measure_leaves_is_computed),
		cmocka_unit_test(a_length_keeps_what_comes_in_its_time),
		cmocka_unit_test(a_ttl_that_is_put_off_never_ends),
		cmocka_unit_test(data_without_an_end_of_its_own_is_lost_or_unbounded),
		cmocka_unit_test(rates_of_one_event_are_compared_unless_peak_and_mean),
		cmocka_unit_test(parts_that_do_not_sum_are_told),
		cmocka_unit_test(a_part_of_a_part_is_counted_once),
		cmocka_unit_test(claims_of_one_figure_are_compared),
		cmocka_unit_test(settings_are_held_against_redis_own),
		cmocka_unit_test(a_cluster_splits_by_slot),
		cmocka_unit_test(weirs_own_row_stands_beside_a_component),
		cmocka_unit_test(a_broken_scenario_gives_one_clear_line),
		cmocka_unit_test(more_than_there_is_room_for_is_refused_or_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
