/* /memory: what a person reads; its JSON is held against the reference in test_ask_json. */
#include "test_ask_golden.h"

static struct ask_world world;

static int set_up(void **state)
{
	(void)state;
	world = (struct ask_world){ .markets = world_create(false, WORLD_START_MS + MINUTE_MS),
				    .options = ask_options_default(),
				    .memory = world_memory() };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	markets_destroy(world.markets);
	return 0;
}

static bool says(const char *text, const char *words) { return strstr(text, words) != NULL; }

static void segments_stand_against_their_budgets(void **state)
{
	const char *text = ask_text(&world, "/memory", WORLD_END_MS);
	(void)state;
	assert_true(str_starts(str_of(text), STR("Memory\n")));
	assert_true(says(text, "ris      12.3  1,073.7   1 %  calm\n"));
	assert_true(says(text, "rtss      n/a      n/a   n/a  calm\n"));
	assert_true(says(text, "rms     450.0    536.9  84 %  shed\n"));
	assert_true(says(text, "weir itself: 61.2 MB resident\n"));
}

static void what_is_done_about_it_is_said(void **state)
{
	const char *text = ask_text(&world, "/memory", WORLD_END_MS);
	(void)state;
	assert_true(says(text, "rms: full in 7 min 14 s\n"));
	assert_true(says(text, "rms: 3 keys were evicted\n"));
	assert_true(says(text, "rms: live outputs are not written\n"));
	assert_false(says(text, "ris: "));
}

static void the_largest_families_come_first(void **state)
{
	const char *text = ask_text(&world, "/memory", WORLD_END_MS);
	(void)state;
	const char *unknown = strstr(text, "unknown"), *history = strstr(text, "instance_history");
	assert_true(unknown && history && unknown < history);
	assert_true(history < strstr(text, "instance  "));
}

static void where_nobody_watches_it_says_so(void **state)
{
	(void)state;
	world.memory = NULL;
	assert_string_equal(ask_text(&world, "/memory", 0),
			    "No weir runs here that looks after the memory.\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(segments_stand_against_their_budgets),
		TEST(what_is_done_about_it_is_said),
		TEST(the_largest_families_come_first),
		TEST(where_nobody_watches_it_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
