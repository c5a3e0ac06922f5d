/* The shipped documents: every fault that is known of them is named, with its figures put right,
 * and nothing is told twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "memory/plan.h"

enum document { IMPACT, RTRS, MARKET, DOCUMENTS };

static const char *const files[DOCUMENTS] = { "memory_impact", "memory_impact_rtrs",
					      "market_intelligence" };
static struct plan plans[DOCUMENTS];

static void read_document(enum document document)
{
	static char text[64 * 1024];
	char path[512];
	struct err err;
	struct plan_costs costs = plan_costs_shipped();
	snprintf(path, sizeof path, "%s/../../share/scenarios/%s.ini", TEST_DATA_DIR,
		 files[document]);
	FILE *file = fopen(path, "re");
	if (!file)
		fail_msg("no %s", path);
	size_t len = fread(text, 1, sizeof text, file);
	fclose(file);
	assert_true(len < sizeof text);
	if (plan_scenario(str_make(text, len), &costs, &plans[document], &err))
		fail_msg("%s: %s", path, err.text);
}

static int read_documents(void **state)
{
	(void)state;
	for (enum document i = IMPACT; i < DOCUMENTS; i++)
		read_document(i);
	return 0;
}

/* What the original documents got wrong, line by line, and where it is named. */
static const struct {
	const char *line;
	enum document document;
	enum plan_fault rule;
	const char *original, *corrected;
} known[] = {
	{ "stream-compression is no directive", RTRS, PLAN_FAULT_no_directive,
	  "stream-compression yes", "does not start; values are packed by those who write them" },
	{ "hash-max-ziplist-entries 512 is the default", IMPACT, PLAN_FAULT_no_gain,
	  "hash-max-ziplist-entries 512",
	  "default, under its name of today hash-max-listpack-entries" },
	{ "hash-max-ziplist-value 64 is the default", IMPACT, PLAN_FAULT_no_gain,
	  "hash-max-ziplist-value 64", "default, under its name of today hash-max-listpack-value" },
	{ "state as strings gains nothing from it", IMPACT, PLAN_FAULT_no_gain,
	  "hash-max-ziplist-entries",
	  "acts on the type hash, and RIS, instance state is of type string" },
	{ "2 h of instance state are 1.5 GB", IMPACT, PLAN_FAULT_wrong_product,
	  "18 GB to 4 GB, kept 2 h instead of 24 h", "1.5 GB, by the arithmetic above 1.62 GB" },
	{ "signals are trimmed to the length assumed", IMPACT, PLAN_FAULT_no_change,
	  "50 MB to 5 MB", "it stays 50 MB" },
	{ "36 MB of results for all instances", RTRS, PLAN_FAULT_counted_twice, "3.6 GB",
	  "100 x 600 B x 10/s x 60 s = 36 MB for all" },
	{ "7.2 MB of failed results for all instances", RTRS, PLAN_FAULT_counted_twice, "720 MB",
	  "100 x 600 B x 0.2/s x 10 min = 7.2 MB for all" },
	{ "10,000 results are ten seconds", RTRS, PLAN_FAULT_too_short, "the last 10,000", "10 s" },
	{ "180 MB an instance are 194", IMPACT, PLAN_FAULT_wrong_product, "180 MB each, 18 GB",
	  "19.44 GB, 194.4 MB each" },
	{ "and 233 measured", IMPACT, PLAN_FAULT_wrong_product, "180 MB each",
	  "measured 2696 B an item, that is 23.29 GB, 232.93 MB each" },
	{ "RTRS has 2 GB and 1 GB", RTRS, PLAN_FAULT_figures_differ, "maxmemory 1gb",
	  "2gb in another place" },
	{ "the market's target is 624, 713, 920 MB", MARKET, PLAN_FAULT_figures_differ, "624 MB",
	  "713 MB (TOTAL SYSTEM MEMORY), 920 MB" },
	{ "15 containers sum to 1,202.95 MB", MARKET, PLAN_FAULT_wrong_sum, "1,202.14 MB",
	  "15 parts are 1,202.95 MB" },
	{ "1,446 MB count Redis twice", MARKET, PLAN_FAULT_counted_twice, "1,446 MB",
	  "data of redis-coordinator is counted twice; each once it is 1,202.95 MB" },
	{ "100 closed trades a day, 864,000 results", RTRS, PLAN_FAULT_rates_differ,
	  "closed trades: 100/d, of RTRS, live results: 10/s", "864,000 a day" },
	{ "MAXLEN 1,000 is one second", RTRS, PLAN_FAULT_too_short, "the last 1,000",
	  "at 10/s of each of 100 that is 1 s" },
	{ "a TTL of 7,200 s that never ends", IMPACT, PLAN_FAULT_never_expires, "a TTL of 2 h",
	  "written again after 1 s" },
	{ "a third retry, then nothing", RTRS, PLAN_FAULT_lost, "the third retry is the final one",
	  "dead-letter stream" },
	{ "a cluster places by slot", IMPACT, PLAN_FAULT_wrong_split, "a node for each kind",
	  "by slot, not by kind" },
	{ "labels by trade_id grow without bound", RTRS, PLAN_FAULT_unbounded,
	  "metrics by trade_id, signal_id, result_id", "without an end" },
	{ "signals vanish after 30 s", IMPACT, PLAN_FAULT_lost, "ends with nothing after 30 s",
	  "an explicit result" },
};

static size_t times_named(const struct plan *plan, size_t i)
{
	size_t count = 0;
	for (size_t k = 0; k < plan->faults; k++)
		count += plan->found[k].rule == known[i].rule &&
			 strstr(plan->found[k].original, known[i].original) &&
			 strstr(plan->found[k].corrected, known[i].corrected);
	return count;
}

static void every_known_fault_is_named_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		size_t count = times_named(&plans[known[i].document], i);
		if (count != 1)
			fail_msg("%s: named %zu times in %s", known[i].line, count,
				 files[known[i].document]);
	}
}

static void no_fault_is_told_twice_and_each_says_where(void **state)
{
	(void)state;
	for (enum document i = IMPACT; i < DOCUMENTS; i++) {
		const struct plan *plan = &plans[i];
		assert_int_equal(plan->faults_more, 0);
		for (size_t k = 0; k < plan->faults; k++) {
			const struct plan_found *found = &plan->found[k];
			assert_true(found->where[0] && found->original[0] && found->corrected[0]);
			for (size_t other = 0; other < k; other++)
				assert_false(plan->found[other].rule == found->rule &&
					     strcmp(plan->found[other].where, found->where) == 0 &&
					     strcmp(plan->found[other].original, found->original) ==
						 0);
		}
	}
}

/* All of them, so that one that appears or goes is seen. */
static void the_documents_have_so_many_faults_of_each_rule(void **state)
{
	(void)state;
	static const size_t counts[DOCUMENTS][PLAN_FAULTS] = {
		[IMPACT] = { [PLAN_FAULT_no_gain] = 2,
			     [PLAN_FAULT_wrong_product] = 2,
			     [PLAN_FAULT_no_change] = 1,
			     [PLAN_FAULT_never_expires] = 1,
			     [PLAN_FAULT_lost] = 3,
			     [PLAN_FAULT_wrong_split] = 1 },
		[RTRS] = { [PLAN_FAULT_no_directive] = 1,
			   [PLAN_FAULT_wrong_product] = 2,
			   [PLAN_FAULT_counted_twice] = 2,
			   [PLAN_FAULT_no_change] = 1,
			   [PLAN_FAULT_rates_differ] = 1,
			   [PLAN_FAULT_figures_differ] = 1,
			   [PLAN_FAULT_too_short] = 2,
			   [PLAN_FAULT_lost] = 2,
			   [PLAN_FAULT_unbounded] = 1 },
		[MARKET] = { [PLAN_FAULT_wrong_sum] = 2,
			     [PLAN_FAULT_counted_twice] = 2,
			     [PLAN_FAULT_figures_differ] = 5 },
	};
	for (enum document i = IMPACT; i < DOCUMENTS; i++) {
		size_t found[PLAN_FAULTS] = { 0 };
		for (size_t k = 0; k < plans[i].faults; k++)
			found[plans[i].found[k].rule]++;
		for (size_t rule = 0; rule < PLAN_FAULTS; rule++)
			if (found[rule] != counts[i][rule])
				fail_msg("%s: %zu of %s", files[i], found[rule],
					 plan_fault_name((enum plan_fault)rule));
	}
}

static const struct plan_figures *figures_of(enum document document, const char *id)
{
	for (size_t i = 0; i < plans[document].count; i++)
		if (strcmp(plans[document].figures[i].id, id) == 0)
			return &plans[document].figures[i];
	fail_msg("no %s in %s", id, files[document]);
	return NULL;
}

static void totals_are_put_right(void **state)
{
	(void)state;
	static const struct {
		enum document document;
		const char *id;
		int64_t original, corrected, optimised, optimised_corrected;
	} rows[] = {
		{ IMPACT, "ris", 18000000000, 19440000000, 4000000000, 1620000000 },
		{ IMPACT, "rts_open", 25000000, 25000000, -1, -1 },
		{ IMPACT, "rts_closed", 750000000, 750000000, 175000000, 175000000 },
		{ IMPACT, "rtss", 50000000, 50000000, 5000000, 50000000 },
		{ IMPACT, "mt5", 10000000000, 10000000000, 6000000000, 6000000000 },
		{ IMPACT, "total.redis", 19000000000, 20265000000, -1, -1 },
		{ IMPACT, "total.all", 30800000000, 32265000000, 12200000000, 9870000000 },
		{ RTRS, "rtrs_live", 3600000000, 36000000, 630000000, 6300000 },
		{ RTRS, "rtrs_failed", 720000000, 7200000, 144000000, 1440000 },
		{ RTRS, "total.rtrs", 4320000000, 43200000, 774000000, 7740000 },
		{ RTRS, "total.redis", 23000000000, 20283200000, 4950000000, 1852740000 },
		{ MARKET, "total.containers", 1202140000, 1202950000, -1, -1 },
		{ MARKET, "total.system", 1446000000, 1202950000, -1, -1 },
		{ MARKET, "total.target_system", 713000000, 624000000, -1, -1 },
		{ MARKET, "total.redis_breakdown", 244380000, 244000000, 89380000, 139000000 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct plan_figures *figures = figures_of(rows[i].document, rows[i].id);
		assert_int_equal(figures->original, rows[i].original);
		assert_int_equal(figures->corrected, rows[i].corrected);
		assert_int_equal(figures->optimised, rows[i].optimised);
		assert_int_equal(figures->optimised_corrected, rows[i].optimised_corrected);
	}
	assert_int_equal(plans[RTRS].original, 23000000000);
	assert_int_equal(plans[RTRS].corrected, 20283200000);
	assert_int_equal(plans[MARKET].corrected, 1202950000);
}

/* The table of weir's own components quotes the same documents. */
static void the_table_quotes_the_documents(void **state)
{
	(void)state;
	static const struct {
		enum plan_component component;
		enum document document;
		const char *id;
	} rows[] = {
		{ PLAN_ris, IMPACT, "ris" },
		{ PLAN_ris_walking, IMPACT, "ris" },
		{ PLAN_rts_open, IMPACT, "rts_open" },
		{ PLAN_rts_closed, IMPACT, "rts_closed" },
		{ PLAN_rtss, IMPACT, "rtss" },
		{ PLAN_rtrs, RTRS, "total.rtrs" },
		{ PLAN_tape, MARKET, "total.streams" },
		{ PLAN_duckdb, IMPACT, "duckdb" },
		{ PLAN_process, MARKET, "total.containers" },
		{ PLAN_mt5, IMPACT, "mt5" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct plan_component_row *row = plan_component_row(rows[i].component);
		const struct plan_figures *figures = figures_of(rows[i].document, rows[i].id);
		assert_int_equal(row->original, figures->original);
		assert_int_equal(row->corrected, figures->corrected);
		if (rows[i].component != PLAN_tape && strncmp(rows[i].id, "total", 5) != 0)
			assert_string_equal(row->by, figures->how_corrected);
		if (figures->optimised >= 0)
			assert_int_equal(row->optimised, figures->optimised);
	}
}

static void weirs_own_plan_stands_beside_the_documents(void **state)
{
	(void)state;
	struct plan_load load = plan_load_usual();
	struct plan_costs costs = plan_costs_shipped();
	assert_int_equal(figures_of(IMPACT, "ris")->planned, plan_bytes(&load, &costs, PLAN_ris));
	assert_int_equal(figures_of(RTRS, "rtrs_live")->planned,
			 plan_bytes(&load, &costs, PLAN_rtrs));
	assert_int_equal(figures_of(MARKET, "stream_trades")->planned,
			 plan_bytes(&load, &costs, PLAN_tape));
	for (enum document i = IMPACT; i < DOCUMENTS; i++)
		assert_true(plans[i].within_bounds);
}

/* "RTRS, live results" stands beside weir's row rtrs, of another name. */
static void what_was_measured_stands_beside_the_documents(void **state)
{
	static struct plan own, document;
	struct plan_costs costs = plan_costs_shipped();
	int64_t bytes[PLAN_COMPONENTS];
	struct err err;
	(void)state;
	for (size_t i = 0; i < PLAN_COMPONENTS; i++)
		bytes[i] = 1000 + (int64_t)i;
	for (enum document at = IMPACT; at < DOCUMENTS; at++) {
		document = plans[at];
		assert_int_equal(plan_make(&document.load, &costs, bytes, &own, &err), STATUS_OK);
		plan_add_measured(&document, &own);
		assert_int_equal(document.measured, own.measured);
		assert_non_null(strstr(document.summary, " Measured: "));
		for (size_t i = 0; i < document.count; i++)
			assert_true((document.figures[i].measured >= 0) ==
				    (document.figures[i].weir[0] != 0));
		if (at == RTRS)
			assert_int_equal(document.figures[3].measured, 1000 + PLAN_rtrs);
	}
	assert_string_equal(plans[RTRS].figures[3].id, "rtrs_live");
	assert_int_equal(plans[RTRS].figures[3].measured, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_known_fault_is_named_once),
		cmocka_unit_test(no_fault_is_told_twice_and_each_says_where),
		cmocka_unit_test(the_documents_have_so_many_faults_of_each_rule),
		cmocka_unit_test(totals_are_put_right),
		cmocka_unit_test(the_table_quotes_the_documents),
		cmocka_unit_test(weirs_own_plan_stands_beside_the_documents),
		cmocka_unit_test(what_was_measured_stands_beside_the_documents),
	};
	return cmocka_run_group_tests(tests, read_documents, NULL);
}
