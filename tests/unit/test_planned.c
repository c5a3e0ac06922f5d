/* Where the segments' maxmemory comes from: the table, the plan, a person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "daemon/planned.h"
#include "daemon/settings.h"

static char folder[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/weir-planned-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	char path[128];
	(void)state;
	snprintf(path, sizeof path, "%s/tokens", folder);
	unlink(path);
	return rmdir(folder);
}

static enum status store_of(const char *text, struct store_config *out, struct err *err)
{
	struct config *config;
	struct config_problems problems;
	const struct config_source source = { .file_name = STR("weir.conf"),
					      .file_text = str_of(text) };
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	enum status status = settings_store(config, folder, out, err);
	config_destroy(config);
	return status;
}

static void write_tokens(int count)
{
	char path[128];
	snprintf(path, sizeof path, "%s/tokens", folder);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < count; i++)
		fprintf(file, "t%d %032d\n", i, i);
	fclose(file);
	assert_int_equal(chmod(path, 0600), 0);
}

static void plan_for(int64_t instances, struct plan *plan)
{
	struct plan_load load = plan_load_usual();
	struct plan_costs costs = plan_costs_shipped();
	struct err err;
	load.instances = instances;
	assert_int_equal(plan_make(&load, &costs, NULL, plan, &err), STATUS_OK);
}

static void the_table_says_it_unless_the_plan_is_asked(void **state)
{
	struct store_config store;
	struct err err;
	(void)state;
	assert_int_equal(store_of("", &store, &err), STATUS_OK);
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		assert_int_equal(store.segments[i].maxmemory,
				 segment_row((enum segment)i)->maxmemory);
		assert_false(store.segments[i].maxmemory_chosen);
	}
}

static void the_plan_says_it_where_nobody_has_chosen(void **state)
{
	static struct plan plan;
	struct store_config store;
	struct err err;
	(void)state;
	plan_for(plan_load_usual().instances, &plan);
	assert_int_equal(
	    store_of("[redis]\nmaxmemory = plan\n[segment.rls]\nmaxmemory = 77mb\n", &store, &err),
	    STATUS_OK);
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		bool chosen = i == SEGMENT_RLS;
		assert_int_equal(store.segments[i].maxmemory,
				 chosen ? 77 << 20 : plan.segments[i].maxmemory);
		assert_int_equal(store.segments[i].maxmemory_chosen, chosen);
	}
}

/* That of a thousand is more than the table has for the state of instances. */
static void the_plan_is_that_of_the_terminals_there_are(void **state)
{
	static struct plan plan;
	char text[256];
	struct store_config store;
	struct err err;
	(void)state;
	for (int count = 10; count <= 1000; count *= 10) {
		write_tokens(count);
		plan_for(count, &plan);
		snprintf(text, sizeof text,
			 "[redis]\nmaxmemory = plan\n[fleet]\ntokens_file = %s/tokens\n", folder);
		assert_int_equal(store_of(text, &store, &err), STATUS_OK);
		for (int i = 0; i < SEGMENT_COUNT; i++)
			assert_int_equal(store.segments[i].maxmemory, plan.segments[i].maxmemory);
	}
	assert_true(store.segments[SEGMENT_RIS].maxmemory > segment_row(SEGMENT_RIS)->maxmemory);
}

static void without_a_plan_it_says_why(void **state)
{
	struct store_config store;
	struct err err;
	(void)state;
	assert_int_equal(
	    store_of("[redis]\nmaxmemory = plan\n[fleet]\ntokens_file = /none/at/all\n", &store,
		     &err),
	    STATUS_NOT_FOUND);
	assert_non_null(strstr(err.text, "redis.maxmemory = plan: fleet.tokens_file: "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_table_says_it_unless_the_plan_is_asked),
		TEST(the_plan_says_it_where_nobody_has_chosen),
		TEST(the_plan_is_that_of_the_terminals_there_are),
		TEST(without_a_plan_it_says_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
