/* Slices: splitting, trimming, numbers, UTF-8, and the nearest word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/suggest.h"

static void splitting_gives_every_part_and_joins_to_the_whole(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 1);
	for (int round = 0; round < 2000; round++) {
		char text[24], joined[64];
		size_t len = rng_below(&rng, sizeof text), n = 0, commas = 0, parts = 0;
		for (size_t i = 0; i < len; i++) {
			text[i] = rng_below(&rng, 3) ? 'a' : ',';
			commas += text[i] == ',';
		}
		struct str rest = str_make(text, len), part;
		while (str_split(&rest, ',', &part)) {
			if (parts++)
				joined[n++] = ',';
			memcpy(joined + n, part.ptr, part.len);
			n += part.len;
		}
		assert_int_equal(parts, commas + 1);
		assert_int_equal(n, len);
		assert_memory_equal(joined, text, len);
	}
}

static void comparing_is_bytewise_and_shorter_comes_first(void **state)
{
	(void)state;
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
	assert_true(str_cmp(STR("b"), STR("ab")) > 0);
	assert_true(str_cmp(STR("\xFF"), STR("a")) > 0);
	assert_int_equal(str_cmp((struct str){ 0 }, STR("")), 0);
	assert_true(str_eq((struct str){ 0 }, STR("")));
	assert_true(str_eq_nocase(STR("BtC"), STR("bTc")));
	assert_false(str_eq_nocase(STR("BtC"), STR("bTcx")));
	assert_true(str_starts(STR("tape:x"), STR("tape:")));
	assert_false(str_starts(STR("tape"), STR("tape:")));
}

static void skipping_and_trimming_stay_inside(void **state)
{
	(void)state;
	assert_int_equal(str_skip(STR("abc"), 9).len, 0);
	assert_int_equal(str_skip(STR("abc"), 2).len, 1);
	assert_true(str_eq(str_trim(STR(" \t a b\r\n")), STR("a b")));
	assert_int_equal(str_trim(STR(" \t\r\n")).len, 0);
	assert_int_equal(str_find_char(STR("abc"), 'c'), 2);
	assert_int_equal(str_find_char(STR("abc"), 'x'), 3);
	assert_int_equal(str_find_char((struct str){ 0 }, 'x'), 0);
}

static void numbers_read_back_and_edges_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"", "-", "+1", " 1", "1 ", "1.0", "0x1", "--1", "1e3"
	};
	static const char *const wide[] = { "9223372036854775808", "-9223372036854775809",
					    "18446744073709551616", "99999999999999999999999" };
	struct rng rng;
	rng_init(&rng, 2);
	for (int round = 0; round < 2000; round++) {
		int64_t value = (int64_t)(rng_next(&rng) >> rng_below(&rng, 64)), back;
		char text[32];
		value = rng_below(&rng, 2) ? -value : value;
		snprintf(text, sizeof text, "%lld", (long long)value);
		assert_int_equal(str_to_i64(str_of(text), &back), STATUS_OK);
		assert_true(back == value);
	}
	int64_t kept = 7;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(str_to_i64(str_of(wrong[i]), &kept), STATUS_FORMAT);
	for (size_t i = 0; i < ARRAY_LEN(wide); i++)
		assert_int_equal(str_to_i64(str_of(wide[i]), &kept), STATUS_RANGE);
	assert_int_equal(kept, 7);
	assert_int_equal(str_to_i64(STR("-9223372036854775808"), &kept), STATUS_OK);
	assert_true(kept == INT64_MIN);
	uint64_t unsigned_kept;
	assert_int_equal(str_to_u64(STR("18446744073709551615"), &unsigned_kept), STATUS_OK);
	assert_true(unsigned_kept == UINT64_MAX);
	assert_int_equal(str_to_u64(STR("-1"), &unsigned_kept), STATUS_FORMAT);
}

static void copying_fits_or_leaves_the_target_alone(void **state)
{
	(void)state;
	char target[4] = "old";
	assert_int_equal(str_copy(STR("abcd"), target, sizeof target), STATUS_FULL);
	assert_string_equal(target, "old");
	assert_int_equal(str_copy(STR("abc"), target, sizeof target), STATUS_OK);
	assert_string_equal(target, "abc");
	assert_int_equal(str_copy((struct str){ 0 }, target, sizeof target), STATUS_OK);
	assert_string_equal(target, "");
}

/* Every code point, encoded by the definition, is taken; surrogates, overlong forms
 * and what lies behind U+10FFFF are not. */
static void utf8_is_taken_exactly(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x110000; c++) {
		char text[4];
		size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		text[0] = (char)(len == 1 ? c : (0xF00u >> len) | (c >> 6 * (len - 1)));
		for (size_t i = 1; i < len; i++)
			text[i] = (char)(0x80 | ((c >> 6 * (len - 1 - i)) & 0x3F));
		bool surrogate = c >= 0xD800 && c < 0xE000;
		assert_int_equal(str_utf8_len(str_make(text, len)), surrogate ? 0 : len);
		if (len > 1)
			assert_int_equal(str_utf8_len(str_make(text, len - 1)), 0);
	}
	static const char *const wrong[] = { "\x80",
					     "\xC0\x80",
					     "\xC1\xBF",
					     "\xE0\x9F\xBF",
					     "\xF0\x8F\xBF\xBF",
					     "\xF4\x90\x80\x80",
					     "\xF5\x80\x80\x80",
					     "\xC3(",
					     "\xFF" };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(str_utf8_len(str_of(wrong[i])), 0);
	assert_int_equal(str_utf8_len((struct str){ 0 }), 0);
}

static void hashes_are_the_same_on_every_run(void **state)
{
	(void)state;
	assert_true(str_hash(STR("binance:perp:ETHUSDT")) == str_hash(STR("binance:perp:ETHUSDT")));
	assert_true(str_hash(STR("a")) != str_hash(STR("b")));
	assert_true(str_hash(STR("")) == str_hash((struct str){ 0 }));
}

static size_t slow_distance(const char *a, const char *b)
{
	if (!*a || !*b)
		return strlen(a) + strlen(b);
	size_t best = slow_distance(a + 1, b + 1) + (*a != *b);
	size_t other = slow_distance(a + 1, b) + 1;
	best = other < best ? other : best;
	other = slow_distance(a, b + 1) + 1;
	best = other < best ? other : best;
	if (a[1] && b[1] && a[0] == b[1] && a[1] == b[0]) {
		other = slow_distance(a + 2, b + 2) + 1;
		best = other < best ? other : best;
	}
	return best;
}

static void distance_equals_the_definition(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 3);
	for (int round = 0; round < 300; round++) {
		char a[8] = { 0 }, b[8] = { 0 };
		for (size_t i = rng_below(&rng, 7); i--;)
			a[i] = (char)('a' + rng_below(&rng, 3));
		for (size_t i = rng_below(&rng, 7); i--;)
			b[i] = (char)('a' + rng_below(&rng, 3));
		assert_int_equal(suggest_distance(str_of(a), str_of(b)), slow_distance(a, b));
	}
	char wide[SUGGEST_LEN_MAX + 1];
	memset(wide, 'x', sizeof wide);
	assert_true(suggest_distance(str_make(wide, sizeof wide), STR("x")) == SIZE_MAX);
	assert_int_equal(suggest_distance(str_make(wide, SUGGEST_LEN_MAX), STR("")),
			 SUGGEST_LEN_MAX);
}

static void only_near_words_are_suggested(void **state)
{
	(void)state;
	struct suggest suggest = suggest_for(STR("replya"));
	suggest_offer(&suggest, STR("restore"));
	assert_true(suggest.distance == SIZE_MAX);
	suggest_offer(&suggest, STR("relay"));
	suggest_offer(&suggest, STR("replay"));
	suggest_offer(&suggest, STR("replan"));
	assert_string_equal(suggest.nearest, "replay");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splitting_gives_every_part_and_joins_to_the_whole),
		cmocka_unit_test(comparing_is_bytewise_and_shorter_comes_first),
		cmocka_unit_test(skipping_and_trimming_stay_inside),
		cmocka_unit_test(numbers_read_back_and_edges_are_refused),
		cmocka_unit_test(copying_fits_or_leaves_the_target_alone),
		cmocka_unit_test(utf8_is_taken_exactly),
		cmocka_unit_test(hashes_are_the_same_on_every_run),
		cmocka_unit_test(distance_equals_the_definition),
		cmocka_unit_test(only_near_words_are_suggested),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
