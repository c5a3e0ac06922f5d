/* Whether a text is JSON: by RFC 8259, against simdjson, and cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audit/json_shape.h"
#include "base/check.h"
#include "base/rng.h"
#include "codec/json.h"

static struct json_shape shape_of(const char *text)
{
	return json_shape_of(str_of(text), false, NULL, NULL);
}

static void takes_objects_and_arrays_with_a_member(void **state)
{
	(void)state;
	struct json_shape flat = shape_of("{\"rsi\":61.2,\"trend\":\"up\",\"ok\":true,\"n\":null}");
	assert_int_equal(flat.kind, JSON_SHAPE_OBJECT);
	assert_true(flat.flat && flat.whole);
	assert_int_equal(flat.members, 4);
	assert_int_equal(flat.payload, 3 + 4 + 5 + 2 + 2 + 4 + 1 + 4);
	struct json_shape nested = shape_of(" { \"a\" : { \"b\" : [ ] } , \"c\" : 1 } \n");
	assert_int_equal(nested.kind, JSON_SHAPE_OBJECT);
	assert_false(nested.flat);
	assert_int_equal(nested.members, 2);
	struct json_shape array = shape_of("[[1,2],[3,4],{}]");
	assert_int_equal(array.kind, JSON_SHAPE_ARRAY);
	assert_int_equal(array.members, 3);
	assert_false(array.flat);
}

static void refuses_what_is_not_quite_json(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",           "{}",
		"[]",         "1.5",
		"\"text\"",   "null",
		"{\"a\":1",   "{\"a\":1}}",
		"{\"a\":1,}", "[1,]",
		"[1 2]",      "{'a':1}",
		"{a:1}",      "{\"a\" 1}",
		"[01]",       "[1.]",
		"[.5]",       "[1e]",
		"[+1]",       "[NaN]",
		"[tru]",      "[truex]",
		"[\"\\x\"]",  "[\"\\u12g4\"]",
		"[\"a\nb\"]", "[\"\xff\"]",
		"[\"\xc3\"]", "[1]x",
		"{\"a\":1]",  "[1}",
		"{\"a\":}",   "{,}",
		"[,1]",       "{\"a\":1 \"b\":2}",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (shape_of(texts[i]).kind != JSON_SHAPE_NONE)
			fail_msg("taken for JSON: %s", texts[i]);
}

struct told {
	size_t n;
	struct json_member members[8];
};

static void take(void *ctx, const struct json_member *member)
{
	struct told *told = ctx;
	assert_true(told->n < ARRAY_LEN(told->members));
	told->members[told->n++] = *member;
}

static void tells_members_of_the_outermost(void **state)
{
	(void)state;
	struct told told = { 0 };
	json_shape_of(STR("{\"a\":\"x\",\"b\":-1.50,\"c\":{\"d\":2},\"e\\n\":\"f\"}"), false, take,
		      &told);
	assert_int_equal(told.n, 4);
	assert_true(str_eq(told.members[0].name, STR("a")));
	assert_true(str_eq(told.members[0].value, STR("x")) && told.members[0].quoted);
	assert_true(str_eq(told.members[1].value, STR("-1.50")) && !told.members[1].quoted);
	assert_true(told.members[1].scalar && told.members[1].plain);
	assert_true(str_eq(told.members[2].value, STR("{\"d\":2}")) && !told.members[2].scalar);
	assert_false(told.members[3].plain);
}

static void depth_is_bounded(void **state)
{
	(void)state;
	char text[2 * JSON_SHAPE_DEPTH + 4];
	for (int depth = JSON_SHAPE_DEPTH - 1; depth <= JSON_SHAPE_DEPTH + 1; depth++) {
		memset(text, '[', (size_t)depth);
		text[depth] = '1';
		memset(text + depth + 1, ']', (size_t)depth);
		struct str whole = str_make(text, 2 * (size_t)depth + 1);
		bool taken = json_shape_of(whole, false, NULL, NULL).kind != JSON_SHAPE_NONE;
		assert_int_equal(taken, depth <= JSON_SHAPE_DEPTH);
	}
}

static void a_value_that_was_cut_is_judged_by_its_beginning(void **state)
{
	(void)state;
	const char *text = "{\"a\":[1,2,{\"b\":\"\\u00e9\xc3\xa9\"}],\"c\":-1.5e+3,\"d\":false}";
	size_t len = strlen(text);
	for (size_t cut = 1; cut < len; cut++) {
		struct json_shape shape = json_shape_of(str_make(text, cut), true, NULL, NULL);
		if (shape.kind != JSON_SHAPE_OBJECT || shape.whole)
			fail_msg("not taken when cut at %zu", cut);
		assert_int_equal(json_shape_of(str_make(text, cut), false, NULL, NULL).kind,
				 JSON_SHAPE_NONE);
	}
	assert_int_equal(json_shape_of(STR("{\"a\":1,,"), true, NULL, NULL).kind, JSON_SHAPE_NONE);
	assert_int_equal(json_shape_of(STR("{not json"), true, NULL, NULL).kind, JSON_SHAPE_NONE);
}

/* Pieces of JSON thrown together: what simdjson takes is taken, what it refuses refused. */
static void agrees_with_simdjson(void **state)
{
	(void)state;
	static const char *const pieces[] = { "{",     "}",     "[",       "]", ",",
					      ":",     "\"a\"", "\"\"",    "1", "-0.5e3",
					      "true",  "null",  "\"\\n\"", " ", "{\"k\":1}",
					      "[1,2]", "\"é\"", "01" };
	struct json *json = json_create(4096);
	assert_non_null(json);
	struct rng rng;
	rng_init(&rng, 7);
	int64_t taken = 0;
	for (int round = 0; round < 200000; round++) {
		char text[512] = { 0 };
		size_t len = 0, n = 1 + rng_below(&rng, 7);
		for (size_t i = 0; i < n; i++) {
			const char *piece = pieces[rng_below(&rng, ARRAY_LEN(pieces))];
			memcpy(text + len, piece, strlen(piece));
			len += strlen(piece);
		}
		struct json_value root, member;
		struct json_iter iter;
		bool valid = !json_parse(json, str_make(text, len), &root);
		bool wanted = valid && json_type(root) == JSON_ARRAY &&
			      json_as_array(root, &iter) && json_next(&iter, &member);
		bool object = valid && json_type(root) == JSON_OBJECT;
		struct json_shape shape = json_shape_of(str_make(text, len), false, NULL, NULL);
		if (object) /* members of an object are not walked here: empty or not by its text */
			wanted = strchr(text, '"') != NULL;
		if ((shape.kind != JSON_SHAPE_NONE) != wanted)
			fail_msg("%s: %d, simdjson %d", text, shape.kind, wanted);
		taken += wanted;
	}
	assert_true(taken > 1000);
	json_destroy(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_objects_and_arrays_with_a_member),
		cmocka_unit_test(refuses_what_is_not_quite_json),
		cmocka_unit_test(tells_members_of_the_outermost),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(a_value_that_was_cut_is_judged_by_its_beginning),
		cmocka_unit_test(agrees_with_simdjson),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
