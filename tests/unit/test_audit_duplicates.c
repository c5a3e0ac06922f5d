/* Values under several keys: whole, and as a field of another key's JSON. */
#include "audit_stage.h"

#include "audit/digests.h"
#include "base/rng.h"

static const char shared[] = "the same text, long enough";

static void the_first_by_name_stays(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "cache:{word}", AUDIT_USE_unknown);
	stage_string(stage, "cache:c", str_of(shared));
	stage_string(stage, "cache:a", str_of(shared));
	stage_string(stage, "cache:b", str_of(shared));
	stage_string(stage, "cache:other", STR("a text of nobody else's at all"));
	stage_run(stage);
	stage_only(stage, FINDING_duplicate, "cache:b cache:c");
	const struct audit_finding *finding = stage_finding(stage, FINDING_duplicate);
	assert_int_equal(finding->count, 2);
	assert_int_equal(finding->bytes_now, 2 * (64 + (int64_t)strlen(shared)));
	assert_int_equal(finding->bytes_after, 0);
	assert_non_null(strstr(finding->fix, "keep cache:a;"));
	stage_close(stage);
}

static void short_values_are_equal_by_chance(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "price:{symbol}", AUDIT_USE_unknown);
	stage_string(stage, "price:BTC", STR("12345678901234567890123"));
	stage_string(stage, "price:ETH", STR("12345678901234567890123"));
	stage_string(stage, "price:SOL", STR("123456789012345678901234"));
	stage_string(stage, "price:XRP", STR("123456789012345678901234"));
	stage_run(stage);
	stage_only(stage, FINDING_duplicate, "price:XRP");
	stage_close(stage);
}

static void of_one_name_in_two_databases_the_lower_stays(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "a:{word}", AUDIT_USE_unknown);
	stage_string(stage, "a:x", str_of(shared))->db = 3;
	stage_string(stage, "a:x", str_of(shared));
	stage_run(stage);
	assert_int_equal(stage_count(stage, FINDING_duplicate), 1);
	assert_int_equal(stage->hits[0].db, 3);
	stage_close(stage);
}

/* A value whose end is not known is never called equal. */
static void values_that_were_not_read_whole_are_not_compared(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "a:{word}", AUDIT_USE_unknown);
	stage_string(stage, "a:x", str_of(shared))->length = 70000;
	stage_string(stage, "a:y", str_of(shared))->length = 70000;
	stage_run(stage);
	assert_int_equal(stage_count(stage, FINDING_duplicate), 0);
	stage_close(stage);
}

static void fields_beside_their_json_are_found_in_either_order(void **state)
{
	(void)state;
	const struct str json = STR("{\"RSI14\":61.2,\"StochRSI_K\":\"0.8\",\"ok\":true}");
	struct stage *stage = stage_open();
	stage_family(stage, "{symbol}_{tf}", AUDIT_USE_unknown);
	stage_string(stage, "BTC_1h_RSI14", STR("61.2"));
	stage_string(stage, "BTC_1h", json);
	stage_string(stage, "btc_1h:stochrsi_k", STR("0.8"));
	stage_string(stage, "BTC_1h_ok", STR("true"));
	stage_string(stage, "ETH_1h", STR("{\"RSI14\":61.2,\"ok\":true,\"a\":[1,2]}"));
	stage_string(stage, "ETH_1h_RSI14", STR("61.3"));      /* another value */
	stage_string(stage, "SOL_1h_RSI14", STR("61.2"));      /* of no JSON */
	stage_string(stage, "ETH_1h_RSI", STR("61.2"));        /* another name */
	stage_string(stage, "ETH_1hRSI14", STR("61.2"));       /* no separator */
	stage_string(stage, "ETH_1h_ok", STR("true"))->db = 1; /* another database */
	stage_run(stage);
	stage_only(stage, FINDING_duplicate, "BTC_1h_RSI14 btc_1h:stochrsi_k BTC_1h_ok");
	stage_close(stage);
}

static void what_only_looks_like_json_has_no_fields(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "{symbol}_{tf}", AUDIT_USE_unknown);
	stage_string(stage, "BTC_1h", STR("{\"RSI14\":61.2,"));
	stage_string(stage, "BTC_1h_RSI14", STR("61.2"));
	stage_run(stage);
	assert_int_equal(stage_count(stage, FINDING_duplicate), 0);
	stage_close(stage);
}

/* Many values, each under one to four keys, told in any order: as counted plainly. */
static void agrees_with_sorting(void **state)
{
	(void)state;
	static char values[500][40];
	struct stage *stage = stage_open();
	struct rng rng;
	rng_init(&rng, 11);
	stage_family(stage, "k:{id}", AUDIT_USE_unknown);
	size_t groups[500] = { 0 }, least[500];
	for (size_t i = 0; i < 1500; i++) {
		size_t value = rng_below(&rng, 500), name = (i * 7919) % 1500;
		snprintf(values[value], sizeof values[value], "value number %zu, which is long",
			 value);
		char key[32];
		snprintf(key, sizeof key, "k:%04zu", name);
		stage_string(stage, key, str_of(values[value]));
		if (!groups[value]++ || name < least[value])
			least[value] = name;
	}
	stage_run(stage);
	size_t expected = 0;
	for (size_t i = 0; i < 500; i++) {
		char key[32];
		if (!groups[i])
			continue;
		expected += groups[i] - 1;
		snprintf(key, sizeof key, "k:%04zu", least[i]);
		assert_false(stage_hits(stage, FINDING_duplicate, key));
	}
	assert_int_equal(stage_count(stage, FINDING_duplicate), expected);
	stage_close(stage);
}

static size_t bytes_of(const struct digests *set)
{
	size_t bytes = 0;
	for (size_t i = 0; i < DIGESTS_SHARDS; i++)
		bytes += set->shards[i].room * sizeof(uint64_t);
	return bytes;
}

static void count_one(void *ctx, uint64_t digest)
{
	(void)digest;
	++*(size_t *)ctx;
}

static void the_set_knows_what_came_twice(void **state)
{
	(void)state;
	struct digests set;
	struct rng rng;
	digests_init(&set, 16 << 20);
	rng_init(&rng, 1);
	for (int i = 0; i < 20000; i++)
		assert_int_equal(digests_add(&set, rng_next(&rng) << 1 >> 1), STATUS_OK);
	rng_init(&rng, 1);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(digests_add(&set, rng_next(&rng) << 1 >> 1), STATUS_OK);
	size_t twice = 0;
	digests_each_twice(&set, count_one, &twice);
	assert_int_equal(twice, 5000);
	rng_init(&rng, 1);
	for (int i = 0; i < 20000; i++)
		assert_int_equal(digests_count(&set, rng_next(&rng) << 1 >> 1), i < 5000 ? 2 : 1);
	assert_int_equal(digests_count(&set, 12345), 0);
	assert_int_equal(set.sample_bits, 0);
	digests_deinit(&set);
}

static void at_its_bound_the_set_keeps_a_sample(void **state)
{
	(void)state;
	enum { BOUND = 64 << 10, MANY = 100000 };
	struct digests set;
	struct rng rng;
	digests_init(&set, BOUND);
	for (int round = 0; round < 2; round++) {
		rng_init(&rng, 2);
		for (int i = 0; i < MANY; i++) {
			assert_int_equal(digests_add(&set, rng_next(&rng)), STATUS_OK);
			assert_true(bytes_of(&set) <= BOUND);
		}
	}
	assert_in_range(set.sample_bits, 3, 6);
	assert_true(set.left_out > MANY);
	/* All of the sample came twice, and it is the share that it says. */
	size_t twice = 0, sampled = 0;
	digests_each_twice(&set, count_one, &twice);
	rng_init(&rng, 2);
	for (int i = 0; i < MANY; i++)
		sampled += digests_sampled(&set, rng_next(&rng));
	assert_int_equal(twice, sampled);
	assert_in_range(sampled << set.sample_bits, MANY * 9 / 10, MANY * 11 / 10);
	digests_deinit(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_by_name_stays),
		cmocka_unit_test(short_values_are_equal_by_chance),
		cmocka_unit_test(of_one_name_in_two_databases_the_lower_stays),
		cmocka_unit_test(values_that_were_not_read_whole_are_not_compared),
		cmocka_unit_test(fields_beside_their_json_are_found_in_either_order),
		cmocka_unit_test(what_only_looks_like_json_has_no_fields),
		cmocka_unit_test(agrees_with_sorting),
		cmocka_unit_test(the_set_knows_what_came_twice),
		cmocka_unit_test(at_its_bound_the_set_keeps_a_sample),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
