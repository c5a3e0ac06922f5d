/* Trials: which keys are kept, the commands before and after, and what a result does. */
#include "audit_stage.h"

#include <zstd.h>

#include "audit/trial_impl.h"

struct script {
	char text[1 << 16];
	struct buf buf;
	size_t measured;
	size_t compressed; /* bytes of the last value of a SET */
};

static void note(void *ctx, const struct str *argv, size_t argc)
{
	struct script *script = ctx;
	script->measured += argc == 1;
	if (argc == 3 && str_eq(argv[0], STR("SET")))
		script->compressed = argv[2].len;
	for (size_t i = 0; i < argc; i++) {
		buf_str_put(&script->buf, argv[i]);
		buf_char(&script->buf, i + 1 < argc ? ' ' : '\n');
	}
}

static struct script *written(const struct stage *stage, size_t trial, bool after)
{
	static struct script script;
	script.buf = buf_over(script.text, sizeof script.text - 1);
	script.measured = 0;
	audit_rules_trial(stage->rules, trial, after, note, &script);
	script.text[script.buf.len] = 0;
	return &script;
}

/* The trial of the rule's finding. */
static size_t trial_of(const struct stage *stage, enum finding_rule rule)
{
	const struct audit_trial *trials;
	const struct audit_finding *findings;
	size_t n = audit_rules_trials(stage->rules, &trials);
	audit_rules_findings(stage->rules, &findings);
	for (size_t i = 0; i < n; i++)
		if (findings[trials[i].finding].rule == rule)
			return i;
	fail_msg("no trial of %s", finding_row(rule)->name);
	return 0;
}

static void json_becomes_a_hash(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "j:{id}", AUDIT_USE_unknown);
	stage_string(stage, "j:1", STR("{\"rsi\":61.2,\"trend\":\"up\"}"));
	stage_string(stage, "j:2", STR("{\"rsi\":[1,2]}")); /* nested: stays */
	stage_run(stage);
	size_t trial = trial_of(stage, FINDING_json_string);
	assert_string_equal(written(stage, trial, false)->text,
			    "SET j:1 {\"rsi\":61.2,\"trend\":\"up\"}\nj:1\n");
	assert_string_equal(written(stage, trial, true)->text, "HSET j:1 rsi 61.2 trend up\nj:1\n");
	stage_close(stage);
}

static void small_strings_become_one_hash(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "price:{id}", AUDIT_USE_unknown);
	for (int i = 100; i < 300; i++) {
		char name[32];
		snprintf(name, sizeof name, "price:%d", i);
		stage_string(stage, name, STR("5.25"));
	}
	stage_run(stage);
	size_t trial = trial_of(stage, FINDING_encoding);
	const struct script *script = written(stage, trial, true);
	assert_int_equal(script->measured, 1);
	assert_true(str_starts(str_of(script->text), STR("HSET price:h:1 ")));
	assert_int_equal(written(stage, trial, false)->measured, TRIAL_KEYS);
	const struct audit_finding *finding = stage_finding(stage, FINDING_encoding);
	assert_int_equal(finding->confidence, AUDIT_ESTIMATED);
	assert_in_range(finding->bytes_after, finding->bytes_now / 10, finding->bytes_now / 2);
	stage_close(stage);
}

static void large_text_is_compressed(void **state)
{
	(void)state;
	static char text[4000], back[4000];
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = "abcdefgh,"[i % 9];
	struct stage *stage = stage_open();
	stage_family(stage, "t:{id}", AUDIT_USE_unknown);
	stage_string(stage, "t:1", str_make(text, sizeof text));
	stage_run(stage);
	const struct script *script = written(stage, trial_of(stage, FINDING_compress), true);
	const char *packed = script->text + strlen("SET t:1 ");
	assert_int_equal(ZSTD_decompress(back, sizeof back, packed, script->compressed),
			 sizeof text);
	assert_memory_equal(back, text, sizeof text);
	stage_close(stage);
}

static void a_long_value_moves_to_a_key_of_its_own(void **state)
{
	(void)state;
	static char note_text[80];
	memset(note_text, 'x', sizeof note_text - 1);
	const struct audit_element elements[] = {
		{ .field = STR("name"), .value = STR("ann") },
		{ .field = STR("note"), .value = str_of(note_text) },
	};
	struct stage *stage = stage_open();
	stage_family(stage, "h:{id}", AUDIT_USE_unknown);
	struct audit_key *key = stage_key(stage, AUDIT_HASH, "h:1");
	stage_elements(key, elements, 2);
	key->encoding = AUDIT_ENC_HASHTABLE;
	key->longest = 79;
	stage_run(stage);
	size_t trial = trial_of(stage, FINDING_encoding);
	char expected[256];
	snprintf(expected, sizeof expected, "HSET h:1 name ann note @1\nSET h:1:1 %s\nh:1\nh:1:1\n",
		 note_text);
	assert_string_equal(written(stage, trial, true)->text, expected);
	stage_close(stage);
}

static void scores_are_kept_exactly(void **state)
{
	(void)state;
	static char member[80];
	memset(member, 'm', sizeof member - 1);
	const struct audit_element elements[] = { { .value = str_of(member), .score = 0.1 } };
	struct stage *stage = stage_open();
	stage_family(stage, "z:{id}", AUDIT_USE_unknown);
	struct audit_key *key = stage_key(stage, AUDIT_ZSET, "z:1");
	stage_elements(key, elements, 1);
	key->encoding = AUDIT_ENC_SKIPLIST;
	key->longest = 79;
	stage_run(stage);
	const struct script *script = written(stage, trial_of(stage, FINDING_encoding), false);
	double score;
	assert_int_equal(sscanf(script->text, "ZADD z:1 %lf", &score), 1);
	assert_true(score == 0.1);
	stage_close(stage);
}

static void a_result_takes_the_place_of_the_model(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "j:{id}", AUDIT_USE_unknown);
	stage_string(stage, "j:1", STR("{\"rsi\":61.2,\"trend\":\"up\"}"))->bytes = 1000;
	stage_string(stage, "j:2", STR("{\"rsi\":[1,2]}"))->bytes = 500;
	stage_run(stage);
	size_t trial = trial_of(stage, FINDING_json_string);
	const struct audit_finding *finding = stage_finding(stage, FINDING_json_string);
	struct audit_finding before = *finding;
	audit_rules_trial_result(stage->rules, trial, -1, 10);
	assert_memory_equal(finding, &before, sizeof before);
	audit_rules_trial_result(stage->rules, trial, 200, 50);
	assert_int_equal(finding->bytes_now, 1500);
	assert_int_equal(finding->bytes_after, 500 + 250); /* the nested one stays */
	assert_int_equal(finding->confidence, AUDIT_MEASURED);
	assert_int_equal(finding->tried, 1);
	audit_rules_trial_result(stage->rules, trial, 200, 210);
	assert_int_equal(finding->bytes_after, -1); /* nothing is saved */
	stage_close(stage);
}

/* Whatever the order they come in, the same keys are kept. */
static void samples_are_chosen_by_their_names(void **state)
{
	(void)state;
	static char first[1 << 16];
	for (int round = 0; round < 2; round++) {
		struct stage *stage = stage_open();
		stage_family(stage, "price:{id}", AUDIT_USE_unknown);
		for (int i = 0; i < 1000; i++) {
			char name[32];
			snprintf(name, sizeof name, "price:%d", round ? 999 - i : i);
			stage_string(stage, name, STR("5.25"));
		}
		stage_run(stage);
		const struct trials *trials = stage->rules->trials;
		assert_int_equal(trials->n_buckets, 1);
		assert_int_equal(trials->buckets[0]->n, TRIAL_KEYS);
		uint64_t last = trials->buckets[0]->kept[trials->buckets[0]->last]->order;
		snprintf(first + round * 64, 64, "%llx", (unsigned long long)last);
		stage_close(stage);
	}
	assert_string_equal(first, first + 64);
}

static void samples_are_bounded(void **state)
{
	(void)state;
	static char text[20000];
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = "abcdefgh,"[i % 9];
	struct stage *stage = stage_open();
	for (int family = 0; family < STAGE_FAMILIES; family++) {
		static char patterns[STAGE_FAMILIES][32];
		snprintf(patterns[family], sizeof patterns[family], "t%d:{id}", family);
		stage_family(stage, patterns[family], AUDIT_USE_unknown);
		for (int i = 0; i < 200; i++) {
			char name[32];
			snprintf(name, sizeof name, "t%d:%d", family, i);
			stage_string(stage, name, str_make(text, sizeof text));
		}
	}
	stage_run(stage);
	const struct trials *trials = stage->rules->trials;
	assert_true(trials->bytes <= TRIAL_BYTES);
	assert_true(trials->left_out > 0);
	for (size_t i = 0; i < trials->n_buckets; i++)
		assert_true(trials->buckets[i]->bytes <= BUCKET_BYTES);
	assert_int_equal(stage_count(stage, FINDING_compress), 200 * STAGE_FAMILIES);
	stage_close(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_becomes_a_hash),
		cmocka_unit_test(small_strings_become_one_hash),
		cmocka_unit_test(large_text_is_compressed),
		cmocka_unit_test(a_long_value_moves_to_a_key_of_its_own),
		cmocka_unit_test(scores_are_kept_exactly),
		cmocka_unit_test(a_result_takes_the_place_of_the_model),
		cmocka_unit_test(samples_are_chosen_by_their_names),
		cmocka_unit_test(samples_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
