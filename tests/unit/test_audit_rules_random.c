/* Keyspaces of arbitrary bytes: no rule crashes, none fires twice on a key, findings and hits
 * agree, and a second run says the same. */
#include "audit_stage.h"

#include "audit/trial_impl.h"
#include "base/rng.h"

enum { ROUNDS = 40, KEYS = 600, POOL = 1 << 16, ELEMENTS = 16 };

static char pool[POOL + 64];
static struct audit_element elements[KEYS][ELEMENTS];

static struct str random_text(struct rng *rng, size_t most)
{
	static const char *const texts[] = {
		"{\"a\":1,\"token\":\"0123456789\"}",
		"[1,[2,[3]]]",
		"{\"a\":",
		"1795200000",
		"password=abcdefghij",
		"01:BTC",
		"Bearer x",
		"{\"a\":{}}}",
		"the same long text for everybody",
		"",
		"\"",
		"\\u",
	};
	if (rng_below(rng, 2))
		return str_of(texts[rng_below(rng, sizeof texts / sizeof *texts)]);
	size_t len = rng_below(rng, most);
	return str_make(pool + rng_below(rng, POOL - len), len);
}

static void make_pool(struct rng *rng)
{
	static const char often[] = "{}[]\",:\\0123456789.-+eE truefalsn\x80\xc3\xa9\xff=&*";
	for (size_t i = 0; i < POOL; i++)
		pool[i] = rng_below(rng, 3) ? often[rng_below(rng, sizeof often - 1)]
					    : (char)rng_next(rng);
}

static void fill_elements(struct audit_key *key, struct rng *rng, struct audit_element *at)
{
	key->count = rng_below(rng, ELEMENTS + 1);
	key->elements = at;
	key->length = (int64_t)(key->count + (rng_below(rng, 3) ? 0 : rng_below(rng, 5000)));
	for (size_t i = 0; i < key->count; i++)
		at[i] = (struct audit_element){ random_text(rng, 100), random_text(rng, 300),
						rng_normal(rng) * 1e12 };
}

static void fill_key(struct audit_key *key, struct rng *rng, struct audit_element *at)
{
	key->db = (int)rng_below(rng, 3);
	key->type = (enum audit_type)rng_below(rng, AUDIT_TYPES);
	key->encoding = (enum audit_encoding)rng_below(rng, AUDIT_ENCODINGS);
	key->expires_ms = rng_below(rng, 2) ? -1 : (int64_t)rng_next(rng) >> 20;
	key->bytes = rng_below(rng, 10) ? (int64_t)rng_below(rng, 1 << 21) : -1;
	key->idle_s = (int64_t)rng_below(rng, 100 * 86400) - 1;
	key->longest = (int64_t)rng_below(rng, 200);
	if (key->type == AUDIT_STRING) {
		key->value = random_text(rng, 20000);
		key->length = (int64_t)key->value.len;
		if (!rng_below(rng, 8))
			key->length += (int64_t)rng_below(rng, 200000);
	} else if (key->type != AUDIT_MODULE) {
		fill_elements(key, rng, at);
	}
	key->stream = (struct audit_stream){ .pending = (int64_t)rng_below(rng, 3),
					     .stale_consumers = (int64_t)rng_below(rng, 2),
					     .added = (int64_t)rng_below(rng, 20) - 1 };
}

static struct stage *random_stage(uint64_t seed)
{
	struct rng rng;
	rng_init(&rng, seed);
	make_pool(&rng);
	struct stage *stage = stage_open();
	static const char *const patterns[] = { "a:{id}", "{symbol}_{tf}", "\\xff{hex}", "b" };
	for (size_t i = 0; i < KEYS; i++) {
		if (i % (KEYS / 4) == 0) {
			struct audit_family *family =
			    stage_family(stage, patterns[i / (KEYS / 4)],
					 (enum audit_use)rng_below(&rng, AUDIT_USES));
			family->namespaced = rng_below(&rng, 2);
			family->twin = rng_below(&rng, 2) ? -1 : (int64_t)rng_below(&rng, 4);
			family->grown_keys = rng_below(&rng, 2) ? INT64_MIN : 0;
			family->grown_bytes = 100;
		}
		struct audit_key *key = stage_key(stage, AUDIT_STRING, "%05zu", i);
		size_t tail = rng_below(&rng, 40);
		memcpy(stage->names[i] + 5, pool + rng_below(&rng, POOL - tail), tail);
		key->name.len += tail;
		fill_key(key, &rng, elements[i]);
	}
	return stage;
}

static void check_findings(const struct stage *stage)
{
	const struct audit_finding *findings;
	size_t n = audit_rules_findings(stage->rules, &findings);
	int64_t counts[FINDING_RULES] = { 0 };
	for (size_t i = 0; i < n; i++) {
		assert_true(findings[i].count > 0 && findings[i].what[0]);
		assert_true(findings[i].fix[0] && findings[i].undo[0]);
		assert_true(findings[i].n_examples > 0);
		assert_true(findings[i].bytes_after <= findings[i].bytes_now);
		assert_true(!i || findings[i].severity <= findings[i - 1].severity);
		counts[findings[i].rule] += findings[i].count;
	}
	for (enum finding_rule rule = 0; rule < FINDING_RULES; rule++)
		assert_int_equal(counts[rule], stage_count(stage, rule));
}

static void no_twice(const struct stage *stage)
{
	bool seen[FINDING_RULES] = { false };
	for (size_t i = 0; i < stage->n_hits; i++) {
		if (i && strcmp(stage->hits[i].key, stage->hits[i - 1].key) != 0)
			memset(seen, 0, sizeof seen);
		assert_false(seen[stage->hits[i].rule]);
		seen[stage->hits[i].rule] = true;
	}
}

static void count_bytes(void *ctx, const struct str *argv, size_t argc)
{
	for (size_t i = 0; i < argc; i++)
		*(size_t *)ctx += argv[i].len;
}

static void try_all(const struct stage *stage)
{
	const struct audit_trial *trials;
	size_t n = audit_rules_trials(stage->rules, &trials), bytes = 0;
	for (size_t i = 0; i < n; i++) {
		audit_rules_trial(stage->rules, i, false, count_bytes, &bytes);
		audit_rules_trial(stage->rules, i, true, count_bytes, &bytes);
		assert_true(bytes > 0);
	}
}

static void arbitrary_bytes_are_judged_without_harm(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		struct stage *stage = random_stage(seed);
		stage_run(stage);
		assert_true(stage->n_hits > 100);
		check_findings(stage);
		no_twice(stage);
		try_all(stage);
		stage_close(stage);
	}
}

static void the_same_keys_have_the_same_findings(void **state)
{
	(void)state;
	struct stage *first = random_stage(5);
	stage_run(first);
	struct stage *second = random_stage(5);
	stage_run(second);
	assert_int_equal(first->n_hits, second->n_hits);
	assert_memory_equal(first->hits, second->hits, first->n_hits * sizeof *first->hits);
	stage_close(first);
	stage_close(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arbitrary_bytes_are_judged_without_harm),
		cmocka_unit_test(the_same_keys_have_the_same_findings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
