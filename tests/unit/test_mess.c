/* What the generator of a messy Redis promises: the same keys for one seed, every finding among
 * look-alikes that are none, values that are what they are said to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include <jansson.h>
#include <zstd.h>

#include "base/check.h"
#include "codec/crc64.h"
#include "sim/mess.h"

enum { LINE_BYTES = 2048, NAMES_ROOM = 1 << 17, KEYS = 10000 };

struct seen {
	uint64_t digest; /* of all that was told, in order */
	int64_t commands, keys, hits[FINDING_RULES];
	/* The key that is told now. */
	char name[256];
	size_t name_len;
	int db;
	bool rules[FINDING_RULES];
	struct str value; /* of SET; empty for others */
	void (*look)(struct seen *seen);
	uint64_t *names; /* an open table of their hashes; NULL: not looked at */
	int64_t looked;
};

static uint64_t chain(uint64_t digest, struct str text)
{
	return crc64(digest * 31 + text.len, text.ptr, text.len);
}

static void on_command(void *ctx, const struct str *argv, size_t argc)
{
	struct seen *seen = ctx;
	for (size_t i = 0; i < argc; i++)
		seen->digest = chain(seen->digest, argv[i]);
	seen->commands++;
	if (str_eq(argv[0], STR("SELECT"))) {
		int64_t db;
		assert_int_equal(str_to_i64(argv[1], &db), STATUS_OK);
		seen->db = (int)db;
		return;
	}
	bool group = str_eq(argv[0], STR("XGROUP")) || str_eq(argv[0], STR("XREADGROUP"));
	struct str name = group ? str_make(seen->name, seen->name_len) : argv[1];
	assert_true(name.len < sizeof seen->name);
	memcpy(seen->name, name.ptr, name.len);
	seen->name_len = name.len;
	if (str_eq(argv[0], STR("SET")))
		seen->value = argv[2];
}

static void on_hit(void *ctx, const struct mess_hit *hit)
{
	struct seen *seen = ctx;
	assert_true(str_eq(hit->name, str_make(seen->name, seen->name_len)));
	assert_int_equal(hit->db, seen->db);
	assert_false(seen->rules[hit->rule]);
	seen->rules[hit->rule] = true;
	seen->hits[hit->rule]++;
	seen->digest = chain(seen->digest, str_of(finding_row(hit->rule)->name));
}

static void take_name(struct seen *seen)
{
	uint64_t hash = str_hash(str_make(seen->name, seen->name_len)) + (uint64_t)seen->db;
	size_t at = hash % NAMES_ROOM;
	for (; seen->names[at]; at = (at + 1) % NAMES_ROOM)
		assert_int_not_equal(seen->names[at], hash);
	seen->names[at] = hash;
}

static struct seen walk(const struct mess_config *config, struct seen seen)
{
	struct err err = { 0 };
	struct mess *mess;
	const struct mess_sink sink = { on_command, on_hit, &seen };
	assert_int_equal(mess_create(config, &mess, &err), STATUS_OK);
	while (mess_next(mess, &sink)) {
		seen.keys++;
		if (seen.look)
			seen.look(&seen);
		if (seen.names)
			take_name(&seen);
		memset(seen.rules, 0, sizeof seen.rules);
		seen.value = (struct str){ 0 };
	}
	assert_int_equal(seen.keys, mess_keys(mess));
	mess_destroy(mess);
	return seen;
}

static struct mess_config config_of(int64_t keys, uint64_t seed)
{
	return (struct mess_config){ .keys = keys, .seed = seed, .now_ms = 1790000000000 };
}

static void test_one_seed_gives_the_same_keys_and_truth(void **state)
{
	(void)state;
	struct mess_config config = config_of(KEYS, 7), other = config_of(KEYS, 8);
	struct seen first = walk(&config, (struct seen){ 0 });
	assert_int_equal(walk(&config, (struct seen){ 0 }).digest, first.digest);
	assert_int_not_equal(walk(&other, (struct seen){ 0 }).digest, first.digest);
}

static void test_as_many_keys_as_asked_and_no_name_twice(void **state)
{
	(void)state;
	static const int64_t counts[] = { MESS_KEYS_MIN, 10000, 60001 };
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		struct mess_config config = config_of(counts[i], i + 1);
		struct seen seen = { .names = calloc(NAMES_ROOM, sizeof(uint64_t)) };
		assert_int_equal(walk(&config, seen).keys, counts[i]);
		free(seen.names);
	}
}

static void test_too_few_and_too_many_are_refused(void **state)
{
	(void)state;
	struct err err = { 0 };
	struct mess *mess;
	struct mess_config few = config_of(MESS_KEYS_MIN - 1, 1);
	struct mess_config many = config_of((int64_t)MESS_KEYS_MAX + 1, 1);
	assert_int_equal(mess_create(&few, &mess, &err), STATUS_RANGE);
	assert_int_equal(mess_create(&many, &mess, &err), STATUS_RANGE);
	few.layout = MESS_LAYOUT_BOT;
	few.keys = MESS_BOT_KEYS_MIN - 1;
	assert_int_equal(mess_create(&few, &mess, &err), STATUS_RANGE);
}

/* Code and servers have findings that no key shows. */
static bool is_of_keys(enum finding_rule rule)
{
	enum finding_source source = finding_row(rule)->source;
	return source == FINDING_KEYS || source == FINDING_BOTH;
}

static void test_every_finding_is_planted(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct mess_config config = config_of(KEYS, seed);
		struct seen seen = walk(&config, (struct seen){ 0 });
		for (enum finding_rule rule = 0; rule < FINDING_RULES; rule++)
			if (is_of_keys(rule))
				assert_true(seen.hits[rule] >= 20);
			else
				assert_int_equal(seen.hits[rule], 0);
	}
}

/* ---- look-alikes ---- */

static const struct decoy {
	const char *front, *behind; /* how its names begin and end */
	enum finding_rule never;
} decoys[] = {
	{ "lock:order:", "", FINDING_no_ttl },
	{ "counter:", "", FINDING_no_ttl },
	{ "config:", "", FINDING_no_ttl },
	{ "open_trade:", "", FINDING_no_ttl },
	{ "settings:", "", FINDING_no_ttl },
	{ "reply:", "", FINDING_json_string },
	{ "weights:", "", FINDING_big },
	{ "balances:", "", FINDING_big },
	{ "visitors:", "", FINDING_big },
	{ "thumbnail:", "", FINDING_compress },
	{ "model:", "", FINDING_compress },
	{ "ticks:", "", FINDING_unbounded },
	{ "orders_out:", "", FINDING_unbounded },
	{ "seen:", "", FINDING_unbounded },
	{ "due:", "", FINDING_wrong_type },
	{ "watchlist:", "", FINDING_wrong_type },
	{ "followers:", "", FINDING_wrong_type },
	{ "regimes:", "", FINDING_wrong_type },
	{ "closes:", "", FINDING_wrong_type },
	{ "queue:", "", FINDING_wrong_type },
	{ "queue:mail:", "", FINDING_queue_loss },
	{ "queue:push:", "", FINDING_queue_loss },
	{ "price_table:", "", FINDING_encoding },
	{ "fee_tier:", "", FINDING_encoding },
	{ "parcel:", "", FINDING_expiry_risk },
	{ "cache:page:", "", FINDING_cache },
	{ "rate_limit:api:", "", FINDING_no_ttl },
	{ "", "_latest_close", FINDING_duplicate },
	{ "", "_volume", FINDING_duplicate },
	{ "klines:", "", FINDING_naming },
	{ "config:schema", "", FINDING_collision },
	{ "placeholder:", "", FINDING_duplicate },
};

static int64_t met[ARRAY_LEN(decoys)];

static void look_at_decoys(struct seen *seen)
{
	struct str name = str_make(seen->name, seen->name_len);
	for (size_t i = 0; i < ARRAY_LEN(decoys); i++) {
		struct str behind = str_of(decoys[i].behind);
		if (!str_starts(name, str_of(decoys[i].front)) || name.len < behind.len ||
		    !str_eq(str_skip(name, name.len - behind.len), behind))
			continue;
		met[i]++;
		if (seen->rules[decoys[i].never])
			fail_msg("%s: %s", seen->name, finding_row(decoys[i].never)->name);
	}
}

static void test_look_alikes_are_there_and_are_none(void **state)
{
	(void)state;
	struct mess_config config = config_of(KEYS, 3);
	walk(&config, (struct seen){ .look = look_at_decoys });
	for (size_t i = 0; i < ARRAY_LEN(decoys); i++)
		assert_true(met[i] > 0);
}

/* ---- values ---- */

static bool is_json(struct str text)
{
	json_error_t error;
	json_t *json = json_loadb(text.ptr, text.len, 0, &error);
	bool is = json_is_object(json) ? json_object_size(json) > 0
				       : json_is_array(json) && json_array_size(json) > 0;
	json_decref(json);
	return is;
}

static void look_at_json(struct seen *seen)
{
	if (!seen->value.ptr)
		return;
	assert_int_equal(is_json(seen->value), seen->rules[FINDING_json_string]);
	seen->looked++;
}

static void test_json_is_json_and_nothing_else_is(void **state)
{
	(void)state;
	struct mess_config config = config_of(KEYS, 5);
	assert_true(walk(&config, (struct seen){ .look = look_at_json }).looked > 3000);
}

/* Far from the half on both sides, whatever the level. */
static void look_at_size(struct seen *seen)
{
	static char packed[1 << 20];
	static const int levels[] = { 1, 3, 9 };
	for (size_t i = 0; i < ARRAY_LEN(levels) && seen->value.len >= 1024; i++) {
		size_t size = ZSTD_compress(packed, sizeof packed, seen->value.ptr, seen->value.len,
					    levels[i]);
		assert_false(ZSTD_isError(size));
		if (seen->rules[FINDING_compress])
			assert_true(size * 100 < seen->value.len * 42);
		else
			assert_true(size * 100 > seen->value.len * 60);
		seen->looked++;
	}
}

static void test_what_shrinks_does_so_clearly(void **state)
{
	(void)state;
	struct mess_config config = config_of(KEYS, 6);
	assert_true(walk(&config, (struct seen){ .look = look_at_size }).looked > 500);
}

static void test_a_line_of_the_truth_is_json_with_the_name_printed(void **state)
{
	(void)state;
	char space[LINE_BYTES];
	struct buf line = buf_over(space, sizeof space);
	struct mess_hit hit = { FINDING_no_ttl, 3, STR("a\0 \xff\"b\\") };
	mess_hit_print(&line, &hit);
	assert_true(str_eq(buf_str(&line), STR("{\"rule\":\"no-ttl\",\"severity\":\"warn\",\"key\":"
					       "\"a\\\\x00\\\\x20\\\\xff\\\"b\\\\x5c\","
					       "\"db\":3}\n")));
	hit.db = 0;
	buf_clear(&line);
	mess_hit_print(&line, &hit);
	assert_false(memmem(line.ptr, line.len, "db", 2));
}

/* ---- the bot ---- */

static void test_a_bot_has_whole_symbols_and_no_more_keys_than_asked(void **state)
{
	(void)state;
	struct mess_config config = config_of(5000, 1);
	config.layout = MESS_LAYOUT_BOT;
	struct seen seen = { .names = calloc(NAMES_ROOM, sizeof(uint64_t)) };
	struct seen bot = walk(&config, seen);
	assert_in_range(bot.keys, 4800, 5000);
	assert_true(bot.hits[FINDING_naming] > bot.keys / 2);
	assert_true(bot.hits[FINDING_duplicate] > 1000);
	assert_true(bot.hits[FINDING_dead] > 500);
	free(seen.names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_seed_gives_the_same_keys_and_truth),
		cmocka_unit_test(test_as_many_keys_as_asked_and_no_name_twice),
		cmocka_unit_test(test_too_few_and_too_many_are_refused),
		cmocka_unit_test(test_every_finding_is_planted),
		cmocka_unit_test(test_look_alikes_are_there_and_are_none),
		cmocka_unit_test(test_json_is_json_and_nothing_else_is),
		cmocka_unit_test(test_what_shrinks_does_so_clearly),
		cmocka_unit_test(test_a_line_of_the_truth_is_json_with_the_name_printed),
		cmocka_unit_test(test_a_bot_has_whole_symbols_and_no_more_keys_than_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
