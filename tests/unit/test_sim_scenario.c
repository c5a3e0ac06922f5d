/* Scenario files of the simulated fleet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/files.h"
#include "sim/sim_scenario.h"

static struct sim_scenario *parse(const char *text)
{
	struct sim_scenario *scenario = NULL;
	struct err err = { 0 };
	if (sim_scenario_parse(str_of(text), "x.ini", &scenario, &err))
		fail_msg("%s", err.text);
	return scenario;
}

static void refused(const char *text, const char *why)
{
	struct sim_scenario *scenario = NULL;
	struct err err = { 0 };
	assert_int_not_equal(sim_scenario_parse(str_of(text), "x.ini", &scenario, &err), STATUS_OK);
	assert_null(scenario);
	assert_string_equal(err.text, why);
}

static struct sim_settings of(const struct sim_scenario *scenario, size_t index, size_t count)
{
	struct sim_settings settings;
	char id[16];
	snprintf(id, sizeof id, "mt5-%03zu", index);
	sim_scenario_settings(scenario, 7, index, count, str_of(id), &settings);
	return settings;
}

static void every_type_has_its_spellings(void **state)
{
	(void)state;
	struct sim_scenario *scenario =
	    parse("[terminal]\nown_rate = 30/m\ntimer = 0\nspread = 1.5s\njitter = recorded\n"
		  "memory = 12.5\nclock_offset = -500\n"
		  "[broker]\nrequote = 2.5%\nreject = 0.125\ncodes = \"10018:1%\"\n"
		  "rollover = 2h\n[trouble]\ndouble_login = yes\n");
	struct sim_settings s = of(scenario, 0, 1);
	assert_true(s.own_rate == 0.5 && s.timer == 0 && s.spread == 1500000000);
	assert_int_equal(s.jitter, SIM_JITTER_RECORDED);
	assert_true(s.memory == 12.5 && s.clock_offset == -500);
	assert_true(s.requote > 0.0249 && s.requote < 0.0251 && s.reject == 0.125);
	assert_string_equal(s.codes, "10018:1%");
	assert_true(s.rollover == 7200000000000 && s.double_login == 1);
	/* What is not named has its preset. */
	assert_true(s.ping == 40000000 && s.crash == 0 && s.margin_mode == 0);
	sim_scenario_destroy(scenario);
}

static void nothing_is_a_scenario_too(void **state)
{
	(void)state;
	struct sim_scenario *scenario = parse("");
	struct sim_settings s = of(scenario, 3, 10);
	assert_true(s.timer == 50000000 && s.balance == 100000 && s.drop == 0);
	assert_string_equal(s.path, "");
	sim_scenario_destroy(scenario);
}

static void mistakes_are_named_with_their_place(void **state)
{
	(void)state;
	refused("[terminal]\nown_rat = 1/s\n",
		"x.ini:2:1: no key 'own_rat' in [terminal], did you mean 'own_rate'?");
	refused("[termnal]\n", "x.ini:1:2: no section [termnal]: terminal, broker or trouble");
	refused("own_rate = 1/s\n", "x.ini:1:1: a key before the first [section]");
	refused("[terminal]\nown_rate = 1\n", "x.ini:2:1: '1' is not a rate as 10/s, 6/m, 0.5/h");
	refused("[terminal]\nown_rate = 100/s\n", "x.ini:2:1: '100/s' is out of range");
	refused("[terminal]\ntimer = 50\n",
		"x.ini:2:1: '50' is not a length of time as 50ms, 10s, 3m, 2h");
	refused("[terminal]\njitter = much\n",
		"x.ini:2:1: 'much' is not one of: none small recorded");
	refused("[broker]\nrequote = 120%\n", "x.ini:2:1: '120%' is out of range");
	refused("[trouble]\ndouble_login = maybe\n", "x.ini:2:1: 'maybe' is not yes or no");
	refused("[trouble]\ncrash = 1/h @\n",
		"x.ini:2:1: a share or a list of terminals has to follow @");
	refused("[trouble]\ncrash = 1/h @ 0%\n", "x.ini:2:1: '0%' is not a share of 100%");
	refused("[trouble]\ncrash = 1/h @ 101%\n", "x.ini:2:1: '101%' is not a share of 100%");
	refused("[broker]\nservers = 1.5\n", "x.ini:2:1: '1.5' is not a whole number");
	refused("[broker\n", "x.ini:1:8: ']' expected");
}

static size_t count_selected(const char *text, size_t count)
{
	struct sim_scenario *scenario = parse(text);
	size_t selected = 0;
	for (size_t i = 0; i < count; i++)
		selected += of(scenario, i, count).crash > 0;
	sim_scenario_destroy(scenario);
	return selected;
}

static void a_share_is_exact_and_at_least_one(void **state)
{
	(void)state;
	assert_int_equal(count_selected("[trouble]\ncrash = 1/h @ 10%\n", 20), 2);
	assert_int_equal(count_selected("[trouble]\ncrash = 1/h @ 2%\n", 20), 1);
	assert_int_equal(count_selected("[trouble]\ncrash = 1/h @ 33%\n", 1000), 330);
	assert_int_equal(count_selected("[trouble]\ncrash = 1/h @ 100%\n", 17), 17);
	assert_int_equal(count_selected("[trouble]\ncrash = 1/h @ 50%\n", 1), 1);
	assert_int_equal(count_selected("[trouble]\ncrash = 1/h @ mt5-003, mt5-007,x\n", 20), 2);
	assert_int_equal(count_selected("[trouble]\ncrash = 1/h\ncrash = 0 @ 25%\n", 20), 15);
}

static void other_keys_and_seeds_choose_others(void **state)
{
	(void)state;
	struct sim_scenario *scenario = parse("[trouble]\ncrash = 1/h @ 20%\nreload = 1/h @ 20%\n");
	size_t both = 0, moved = 0;
	for (size_t i = 0; i < 100; i++) {
		struct sim_settings a = of(scenario, i, 100), b;
		sim_scenario_settings(scenario, 8, i, 100, STR("x"), &b);
		both += a.crash > 0 && a.reload > 0;
		moved += (a.crash > 0) != (b.crash > 0);
	}
	assert_true(both < 20 && moved > 0);
	sim_scenario_destroy(scenario);
}

static void shipped_scenarios_are_right(void **state)
{
	static const char *const names[] = { "calm",  "trading",   "load",     "rough",
					     "storm", "misbehave", "intruders" };
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct err err = { 0 };
		struct buf text;
		char path[PATH_BYTES_MAX];
		struct sim_scenario *scenario = NULL;
		assert_int_equal(path_format(path, &err,
					     TEST_DATA_DIR "/../../share/scenarios/fleet/%s.ini",
					     names[i]),
				 STATUS_OK);
		buf_init(&text, SIM_SCENARIO_BYTES_MAX + 1);
		if (files_read(path, SIM_SCENARIO_BYTES_MAX, &text, &err) ||
		    sim_scenario_parse(buf_str(&text), names[i], &scenario, &err))
			fail_msg("%s", err.text);
		buf_deinit(&text);
		sim_scenario_destroy(scenario);
	}
}

static void every_key_can_be_listed(void **state)
{
	struct sim_scenario_key key;
	size_t n = 0;
	(void)state;
	while (sim_scenario_key(n, &key)) {
		assert_true(key.section[0] && key.key[0] && key.type[0] && key.meaning[0]);
		n++;
	}
	assert_int_equal(n, sizeof(struct sim_settings) / sizeof(int64_t));
}

/* Bytes at random, and a right file with a byte changed: refused or taken, never worse. */
static void any_bytes_are_survived(void **state)
{
	static const char good[] =
	    "[terminal]\nown_rate = 1/s @ 10%\n[broker]\ncodes = \"10018:1%\"\n"
	    "path = a b\n[trouble]\ncrash = 1/h @ a,b\nlate = 5s\n";
	uint64_t x = 88172645463325252u;
	(void)state;
	for (int round = 0; round < 20000; round++) {
		char text[sizeof good];
		memcpy(text, good, sizeof good);
		for (int n = 0; n < 1 + round % 3; n++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			text[x % (sizeof good - 1)] = (char)(x >> 40);
		}
		struct sim_scenario *scenario = NULL;
		struct sim_settings settings;
		if (sim_scenario_parse(str_make(text, sizeof good - 1), "x", &scenario, NULL) ==
		    STATUS_OK)
			sim_scenario_settings(scenario, 1, 0, 3, STR("a"), &settings);
		sim_scenario_destroy(scenario);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_its_spellings),
		cmocka_unit_test(nothing_is_a_scenario_too),
		cmocka_unit_test(mistakes_are_named_with_their_place),
		cmocka_unit_test(a_share_is_exact_and_at_least_one),
		cmocka_unit_test(other_keys_and_seeds_choose_others),
		cmocka_unit_test(shipped_scenarios_are_right),
		cmocka_unit_test(every_key_can_be_listed),
		cmocka_unit_test(any_bytes_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
