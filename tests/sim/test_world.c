/* Runs every scenario file of this folder, and random ones. With a name as argument,
 * only that scenario. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/rng.h"
#include "sim/scenario.h"

#define SCENARIO_DIR TEST_DATA_DIR "/../sim/scenarios"

enum { TEXT_LIMIT = 1 << 20, RANDOM_ROUNDS = 12 };

static void run_file(void **state)
{
	const char *name = *state;
	char path[512];
	struct buf text;
	struct err err = { 0 };
	uint64_t rounds = 1;
	snprintf(path, sizeof path, SCENARIO_DIR "/%s", name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	buf_init(&text, TEXT_LIMIT);
	char *room = buf_reserve(&text, TEXT_LIMIT / 2);
	text.len = fread(room, 1, TEXT_LIMIT / 2, file);
	fclose(file);
	for (uint64_t round = 0; round < rounds; round++)
		if (scenario_run(buf_str(&text), round, &rounds, &err)) {
			buf_deinit(&text);
			fail_msg("%s: %s", name, err.text);
		}
	buf_deinit(&text);
}

/* ---- random scenarios: trouble of all kinds, and the invariants at the end ---- */

static void put_trouble(struct rng *rng, struct buf *out, int64_t ms, bool *redis_down)
{
	static const char *const faults[] = { "oom", "readonly", "misconf", "noperm", "loading" };
	static const char *const sources[] = { "binance:spot", "binance:perp", "bybit:spot",
					       "bybit:perp", "all" };
	int after = (int)(100 + rng_below(rng, 4000));
	*redis_down = false;
	switch (rng_below(rng, 8)) {
	case 0:
		buf_printf(
		    out,
		    "at %lldms redis kill\nat %lldms allow-loss 2500ms\nat %lldms redis start\n",
		    (long long)ms, (long long)ms, (long long)ms + after);
		break;
	case 1:
		buf_printf(out, "at %lldms redis %s\nat %lldms redis healthy\n", (long long)ms,
			   faults[rng_below(rng, ARRAY_LEN(faults))], (long long)ms + after);
		break;
	case 2:
		buf_printf(out, "at %lldms redis hang\nat %lldms redis wake\n", (long long)ms,
			   (long long)ms + after);
		break;
	case 3:
	case 4:
		buf_printf(out, "at %lldms redis cut %d %s\n", (long long)ms,
			   1 + (int)rng_below(rng, 90), rng_below(rng, 2) ? "before" : "after");
		break;
	case 5:
		buf_printf(out, "at %lldms feed %s %s\n", (long long)ms,
			   rng_below(rng, 2) ? "stale" : "break",
			   sources[rng_below(rng, ARRAY_LEN(sources))]);
		break;
	default:
		buf_printf(
		    out, "at %lldms weir kill\nat %lldms allow-loss 6500ms\nat %lldms weir start\n",
		    (long long)ms, (long long)ms, (long long)ms + after);
	}
}

static void random_scenario(uint64_t seed, struct buf *out)
{
	struct rng rng;
	bool redis_down;
	int64_t ms = 10000;
	rng_init(&rng, seed);
	buf_printf(out, "seed %llu\nrate %d\n", (unsigned long long)seed,
		   20 + (int)rng_below(&rng, 100));
	buf_printf(out, "redis sync=%s latency=%dus\n", rng_below(&rng, 2) ? "always" : "everysec",
		   50 + (int)rng_below(&rng, 3000));
	buf_printf(
	    out,
	    "faults duplicate=%d delay=%d drop=%d malformed=1000 unknown=1000\nat 0s weir start\n",
	    (int)rng_below(&rng, 20000), (int)rng_below(&rng, 5000), (int)rng_below(&rng, 2000));
	for (int i = 0; i < 12; i++) {
		put_trouble(&rng, out, ms, &redis_down);
		ms += 5000 + (int64_t)rng_below(&rng, 20000);
	}
	buf_printf(out, "at %lldms redis healthy\n", (long long)ms);
	ms += 90000;
	buf_printf(out, "at %lldms expect up\nat %lldms expect minutes\nat %lldms weir restart\n",
		   (long long)ms, (long long)ms, (long long)ms);
	buf_printf(out,
		   "at %lldms expect minutes\nat %lldms expect damaged = 0\nat %lldms weir stop\n",
		   (long long)ms + 20000, (long long)ms + 20000, (long long)ms + 20000);
	buf_printf(out, "at %lldms expect tape\n", (long long)ms + 21000);
}

static void test_random_trouble_leaves_the_invariants_whole(void **state)
{
	(void)state;
	const char *first = getenv("WEIR_SIM_SEED"), *count = getenv("WEIR_SIM_ROUNDS");
	uint64_t from = first ? strtoull(first, NULL, 10) : 1;
	uint64_t rounds = count ? strtoull(count, NULL, 10) : RANDOM_ROUNDS;
	for (uint64_t seed = from; seed < from + rounds; seed++) {
		struct buf text;
		struct err err = { 0 };
		uint64_t once;
		buf_init(&text, TEXT_LIMIT);
		random_scenario(seed, &text);
		buf_char(&text, 0);
		if (scenario_run(str_make(text.ptr, text.len - 1), 0, &once, &err)) {
			print_error("%s\n", text.ptr);
			buf_deinit(&text);
			fail_msg("WEIR_SIM_SEED=%llu: %s", (unsigned long long)seed, err.text);
		}
		buf_deinit(&text);
	}
}

/* ---- the oracle notices ---- */

static void assert_noticed(const char *text, const char *why)
{
	struct err err = { 0 };
	uint64_t rounds;
	if (!scenario_run(str_of(text), 0, &rounds, &err))
		fail_msg("not noticed: %s", why);
	if (!strstr(err.text, why))
		fail_msg("noticed something else: %s", err.text);
}

static void test_a_broken_promise_is_noticed(void **state)
{
	(void)state;
	static const char *const begin = "rate 200\nat 0s weir start\nat 10s expect up\n";
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "at 60s weir kill\nat 61s weir start\nat 70s weir stop\nat 71s expect tape\n",
		  "missing from the tape" },
		{ "at 60s weir kill\nat 63s weir start\nat 150s expect delivered\n", "delivered" },
		{ "at 60s weir kill\nat 70s weir start\nat 90s expect counts\n", "truth" },
		{ "at 60s redis kill\nat 61s expect up\nat 61s weir stop\n",
		  "could not be drained" },
		{ "at 20s expect trades = 5\n", "expected trades = 5" },
		{ "at 20s expect everything\n", "expect wants" },
		{ "at 20s redis explode\n", "no such action" },
		{ "seed 5\n", "only `at`" },
		/* a foreign trade is in no truth: the walk passes over all others and says so */
		{ "at 20s say bybit:spot "
		  "{\"topic\":\"publicTrade.BTCUSDT\",\"type\":\"snapshot\",\"ts\":1723162250002,"
		  "\"data\":[{\"T\":1723162250000,\"s\":\"BTCUSDT\",\"S\":\"Buy\",\"v\":\"1.0\","
		  "\"p\":\"65000.00\","
		  "\"i\":\"99\",\"BT\":false,\"RPI\":false,\"seq\":7}]}\nat 40s weir stop\nat 41s "
		  "expect tape\n",
		  "is missing from the tape" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[2048];
		snprintf(text, sizeof text, "%s%s", begin, cases[i].text);
		assert_noticed(text, cases[i].why);
	}
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_scenario(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);
	return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

int main(int argc, char **argv)
{
	enum { FILES_MAX = 200 };
	struct CMUnitTest tests[FILES_MAX + 2] = { { 0 } };
	struct dirent **files;
	int found = scandir(SCENARIO_DIR, &files, is_scenario, by_name), n = 0;
	CHECK(found > 0 && found <= FILES_MAX);
	for (int i = 0; i < found; i++)
		if (argc < 2 || strcmp(files[i]->d_name, argv[1]) == 0)
			tests[n++] = (struct CMUnitTest){ .name = files[i]->d_name,
							  .test_func = run_file,
							  .initial_state = files[i]->d_name };
	if (argc < 2)
		tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_a_broken_promise_is_noticed);
	if (argc < 2)
		tests[n++] = (struct CMUnitTest)cmocka_unit_test(
		    test_random_trouble_leaves_the_invariants_whole);
	int failed = _cmocka_run_group_tests("world", tests, (size_t)n, NULL, NULL);
	for (int i = 0; i < found; i++)
		free(files[i]);
	free(files);
	return failed;
}
