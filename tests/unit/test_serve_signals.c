/* POST /api/v1/signals: what a body means, and what is answered when its signals have ended;
 * the JSON reader behind it. */
#include "serve_stage.h"

#include "base/rng.h"
#include "serve/json_in.h"
#include "serve/signals_in.h"

static int post(struct world *world, const char *body)
{
	return ask(world, "POST", "/api/v1/signals", body);
}

static void expect_lists(struct world *world, const char *accepted, const char *refused)
{
	json_t *json = answer_json(world);
	char *a = json_dumps(json_object_get(json, "accepted"), JSON_COMPACT);
	char *r = json_dumps(json_object_get(json, "refused"), JSON_COMPACT);
	assert_int_equal(json_object_size(json), 2);
	assert_string_equal(a, accepted);
	assert_string_equal(r, refused);
	free(a);
	free(r);
	json_decref(json);
}

static void test_numbers_keep_the_text_they_were_written_with(void **state)
{
	struct world *world = *state;
	assert_int_equal(post(world,
			      "{\"id\":\"a.1\",\"vol\":0.10,\"px\":1.000000000000000000001,"
			      "\"sl\":-0,\"tp\":1e400,\"pos\":123456789012345678901234567890,"
			      "\"sd\":\"b\\u0075y\",\"drain\":true}"),
			 202);
	assert_string_equal(world->noted,
			    "id=a.1 drain=1 sd=buy vol=0.10 px=1.000000000000000000001 sl=-0 "
			    "tp=1e400 pos=123456789012345678901234567890 | ");
	/* 2^53 + 1: a double would not hold it. */
	expect_lists(world, "[{\"id\":\"a.1\",\"sid\":9007199254740993}]", "[]");
}

static void test_members_that_are_no_fields_are_ignored(void **state)
{
	struct world *world = *state;
	assert_int_equal(post(world, " { \"id\" : \"a\" , \"strategy\":{\"a\":[1,{\"id\":\"x\"}]},"
				     "\"x\":[[]], \"cm\":null, \"\\u0069d2\":1 } "),
			 202);
	assert_string_equal(world->noted, "id=a | ");
	/* A name may be written with escapes. */
	assert_int_equal(post(world, "{\"\\u0069d\":\"b\"}"), 202);
	assert_string_equal(world->noted, "id=b | ");
}

static void test_a_field_that_cannot_be_is_the_signals_fault(void **state)
{
	struct world *world = *state;
	assert_int_equal(post(world, "[{\"id\":\"a\",\"vol\":[0.1]},{\"id\":\"b\",\"sym\":{}},"
				     "{\"id\":\"c\",\"vol\":1,\"vol\":1},{\"id\":\"d\"},"
				     "{\"id\":[]}]"),
			 202);
	assert_string_equal(world->noted, "id=d | ");
	expect_lists(world, "[{\"id\":\"d\",\"sid\":9007199254740993}]",
		     "[{\"id\":\"a\",\"why\":\"vol\"},{\"id\":\"b\",\"why\":\"sym\"},"
		     "{\"id\":\"c\",\"why\":\"vol\"},{\"id\":null,\"why\":\"id\"}]");
}

static void test_the_code_follows_from_the_ends(void **state)
{
	struct world *world = *state;
	static const struct {
		enum serve_outcome outcome;
		int code;
		const char *headers;
	} rows[] = {
		{ SERVE_ACCEPTED, 202, "" },
		{ SERVE_REPEATED, 200, "" },
		{ SERVE_REFUSED, 422, "" },
		{ SERVE_BUSY, 429, "Retry-After: 1\n" },
		{ SERVE_UNAVAILABLE, 503, "Retry-After: 1\n" },
	};
	for (size_t i = 0; i < 5; i++) {
		world->outcome = rows[i].outcome;
		assert_int_equal(post(world, "[{\"id\":\"a\"},{\"id\":\"b\"}]"), rows[i].code);
		assert_string_equal(world->call->headers, rows[i].headers);
		json_t *json = answer_json(world);
		bool taken = rows[i].outcome <= SERVE_REPEATED;
		assert_int_equal(json_array_size(json_object_get(json, "accepted")), taken ? 2 : 0);
		assert_int_equal(json_array_size(json_object_get(json, "refused")), taken ? 0 : 2);
		json_decref(json);
	}
	const struct serve_counts *counts = serve_counts(world->serve);
	assert_int_equal(counts->signals, 10);
	assert_int_equal(counts->accepted, 2);
	assert_int_equal(counts->repeated, 2);
	assert_int_equal(counts->refused, 2);
	assert_int_equal(counts->busy, 2);
	assert_int_equal(counts->unavailable, 2);
}

/* The answer says all that is known, in the order of the request, whatever came first. */
static void test_it_is_answered_when_the_last_has_ended(void **state)
{
	struct world *world = *state;
	world->later = true;
	assert_int_equal(post(world, "[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"c\"}]"), 0);
	assert_int_equal(world->n_given, 3);
	world->outcome = SERVE_REFUSED;
	end_signals(world, 1);
	world->outcome = SERVE_REPEATED;
	end_signals(world, 1);
	assert_int_equal(world->call->answers, 0);
	world->outcome = SERVE_ACCEPTED;
	end_signals(world, 1);
	assert_int_equal(world->call->answers, 1);
	assert_int_equal(world->call->code, 202);
	expect_lists(world,
		     "[{\"id\":\"a\",\"sid\":9007199254740994},"
		     "{\"id\":\"b\",\"sid\":9007199254740993}]",
		     "[{\"id\":\"c\",\"why\":\"word\"}]");
}

static void test_a_thousand_are_taken_and_not_one_more(void **state)
{
	struct world *world = *state;
	struct buf body;
	for (int more = 0; more < 2; more++) {
		buf_init(&body, 1 << 20);
		buf_char(&body, '[');
		for (int i = 0; i < SERVE_SIGNALS_MAX + more; i++)
			buf_printf(&body, "%s{\"id\":\"s-%d\",\"vol\":0.01}", i ? "," : "", i);
		buf_printf(&body, "]%c", 0);
		world->later = true;
		post(world, body.ptr);
		assert_int_equal(world->n_given, more ? 0 : SERVE_SIGNALS_MAX);
		if (more)
			expect_error(world, 400, "more than 1000");
		end_signals(world, SERVE_SIGNALS_MAX);
		assert_int_equal(world->call->answers, 1);
		buf_deinit(&body);
	}
}

static void test_a_body_that_is_wrong_submits_nothing(void **state)
{
	struct world *world = *state;
	static const char *const bodies[] = {
		"",
		" ",
		"[]",
		"1",
		"\"a\"",
		"null",
		"{",
		"[{\"id\":\"a\"}",
		"{\"id\":\"a\"",
		"{\"id\":\"a\"}{}",
		"[{\"id\":\"a\"},]",
		"[{\"id\":\"a\"},1]",
		"[{\"id\":\"a\"},[]]",
		"{\"id\":\"a\",}",
		"{id:\"a\"}",
		"{'id':'a'}",
		"{\"id\":\"a\"} x",
		"[{\"id\":\"a\"}]]",
		"{\"id\":\"\xff\"}",
		"{\"id\":\"\x01\"}",
		"{\"id\":\"\\ud800\"}",
		"{\"id\":\"\\x\"}",
		"{\"vol\":01}",
		"{\"vol\":.1}",
		"{\"vol\":1.}",
		"{\"vol\":+1}",
		"{\"vol\":NaN}",
		"{\"vol\":1e}",
		"{\"vol\":-}",
		"{\"vol\":Infinity}",
		"{\"a\" 1}",
		"{\"a\":1 \"b\":2}",
		"// x\n{}",
	};
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		post(world, bodies[i]);
		expect_error(world, 400, "JSON, byte ");
		assert_string_equal(world->noted, "");
	}
}

static void test_nesting_has_a_bound(void **state)
{
	struct world *world = *state;
	char body[300];
	for (int deep = 31; deep <= 32; deep++) {
		char *at = body + sprintf(body, "{\"id\":\"a\",\"x\":");
		memset(at, '[', (size_t)deep);
		memset(at + deep, ']', (size_t)deep);
		strcpy(at + 2 * deep, "}");
		assert_int_equal(post(world, body), deep == 31 ? 202 : 400);
	}
	expect_error(world, 400, "deeper than 32");
}

static void test_a_shut_intake_is_said_before_anything_is_taken(void **state)
{
	struct world *world = *state;
	world->intake = SERVE_FULL;
	post(world, "{\"id\":\"a\"}");
	expect_error(world, 429, "the disk is \"full\"");
	assert_string_equal(world->call->headers, "Retry-After: 7\n");
	world->intake = SERVE_TROUBLE;
	post(world, "{\"id\":\"a\"}");
	expect_error(world, 503, "the disk is");
	assert_string_equal(world->noted, "");
}

static void test_the_story_of_a_signal(void **state)
{
	struct world *world = *state;
	assert_int_equal(ask(world, "GET", "/api/v1/signals?id=a.b", NULL), 200);
	assert_string_equal(world->noted, "trace a.b");
	assert_string_equal(world->call->body, "{\"text\":1}");
	world->text_status = STATUS_NOT_FOUND;
	ask(world, "GET", "/api/v1/signals?id=a.b", NULL);
	expect_error(world, 404, "");
	ask(world, "GET",
	    "/api/v1/signals?id=0123456789012345678901234567890123456789012345678901234567890abcd",
	    NULL);
	expect_error(world, 400, "?id=");
}

/* ---- the JSON reader ---- */

/* True: all of it is JSON. */
static bool is_json(struct str text)
{
	struct json_in json;
	struct json_in_token token;
	json_in_init(&json, text);
	while (json_in_next(&json, &token) > JSON_IN_END)
		;
	assert_int_equal(token.kind == JSON_IN_BAD, json.why != NULL);
	assert_true(json.at <= text.len);
	/* It stays so. */
	assert_int_equal(json_in_next(&json, &token), json.why ? JSON_IN_BAD : JSON_IN_END);
	return token.kind == JSON_IN_END;
}

/* Somebody else's reader says the same of documents with a byte changed here and there. */
static void test_the_reader_agrees_with_jansson(void **state)
{
	(void)state;
	static const char *const seeds[] = {
		"{\"id\":\"a\",\"vol\":0.10,\"n\":null,\"t\":true,\"f\":false}",
		"[1,-2,3.5e+7,\"x\\u20ac\\ud83d\\ude00\\n\",[],{},[[{\"a\":[]}]]]",
		"  [ { \"k\" : \"\xe2\x82\xac\\\\\\\"/\" } ,\t1\r\n]  ",
	};
	static const char letters[] = "{}[]\",:\\0123456789.-+eEtrufalsn \t\n\x01\x7f\xc3\xa9";
	struct rng rng;
	int good = 0;
	rng_init(&rng, 21);
	for (int i = 0; i < 60000; i++) {
		char text[200];
		size_t len = strlen(seeds[i % 3]);
		memcpy(text, seeds[i % 3], len);
		for (uint64_t n = rng_below(&rng, 3); n; n--)
			text[rng_below(&rng, len)] = letters[rng_below(&rng, sizeof letters - 1)];
		json_error_t error;
		json_t *json = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
		bool overflows =
		    !json && (strstr(error.text, "too big") || strstr(error.text, "overflow"));
		bool wanted = json || overflows;
		if (is_json(str_make(text, len)) != wanted)
			fail_msg("%.*s: not %d (%s)", (int)len, text, wanted, error.text);
		good += wanted;
		json_decref(json);
	}
	assert_in_range(good, 15000, 55000);
}

static void test_strings_are_unescaped(void **state)
{
	(void)state;
	static const struct {
		const char *text, *wanted;
	} rows[] = {
		{ "\"\"", "" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
		{ "\"a\\u0041\\u00e9\\u20AC\\ud83d\\ude00z\"", "aAé€😀z" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json_in json;
		struct json_in_token token;
		char storage[64];
		struct buf out = buf_over(storage, sizeof storage);
		json_in_init(&json, str_of(rows[i].text));
		assert_int_equal(json_in_next(&json, &token), JSON_IN_STRING);
		json_in_unescape(token.text, &out);
		assert_true(str_eq(buf_str(&out), str_of(rows[i].wanted)));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_numbers_keep_the_text_they_were_written_with),
		TEST(test_members_that_are_no_fields_are_ignored),
		TEST(test_a_field_that_cannot_be_is_the_signals_fault),
		TEST(test_the_code_follows_from_the_ends),
		TEST(test_it_is_answered_when_the_last_has_ended),
		TEST(test_a_thousand_are_taken_and_not_one_more),
		TEST(test_a_body_that_is_wrong_submits_nothing),
		TEST(test_nesting_has_a_bound),
		TEST(test_a_shut_intake_is_said_before_anything_is_taken),
		TEST(test_the_story_of_a_signal),
		cmocka_unit_test(test_the_reader_agrees_with_jansson),
		cmocka_unit_test(test_strings_are_unescaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
