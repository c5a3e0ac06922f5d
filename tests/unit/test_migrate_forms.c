/* What values become, and that they come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/rng.h"
#include "migrate/forms.h"

static struct form_room *room;

static int setup(void **state)
{
	(void)state;
	return form_room_create(&room) != STATUS_OK;
}

static int teardown(void **state)
{
	(void)state;
	form_room_destroy(room);
	return 0;
}

static struct digest string_digest(struct str value)
{
	struct digesting sum;
	digest_begin(&sum, AUDIT_STRING);
	digest_bytes(&sum, value);
	return digest_end(&sum);
}

static struct source_key string_of(struct str value)
{
	return (struct source_key){ .there = true,
				    .type = AUDIT_STRING,
				    .expires_ms = -1,
				    .length = (int64_t)value.len,
				    .digest = string_digest(value),
				    .value = value };
}

static enum form_reason hash_reason(const char *json)
{
	struct source_key key = string_of(str_of(json));
	struct form_made made;
	return form_make(room, MIGRATE_HASH, &key, &made);
}

/* ---- what converts, and what stays ---- */

static void each_shape_has_its_reason(void **state)
{
	static const struct {
		const char *json;
		enum form_reason reason;
	} cases[] = {
		{ "{\"a\":1}", FORM_ok },
		{ " { \"a\" : \"x\" , \"b\" : -0.5 } ", FORM_ok },
		{ "{\"a\":true,\"b\":false}", FORM_ok },
		{ "{\"a\":9007199254740992}", FORM_ok },
		{ "{\"a\":0.1234567890123456}", FORM_ok },
		{ "{\"\":\"\"}", FORM_ok },
		{ "{\"a\":\"\\u00e9\\ud83d\\ude00\"}", FORM_ok },
		{ "{}", FORM_empty },
		{ "[1,2]", FORM_not_object },
		{ "1", FORM_not_object },
		{ "\"text\"", FORM_not_object },
		{ "", FORM_not_object },
		{ "{\"a\":1", FORM_not_object },
		{ "{\"a\":1}x", FORM_not_object },
		{ "{\"a\":1,}", FORM_not_object },
		{ "{\"a\":01}", FORM_not_object },
		{ "{\"a\":[1]}", FORM_nested },
		{ "{\"a\":{}}", FORM_nested },
		{ "{\"a\":null}", FORM_null },
		{ "{\"a\":9007199254740993}", FORM_big_integer },
		{ "{\"a\":-99999999999999999999}", FORM_big_integer },
		{ "{\"a\":1.10}", FORM_number },
		{ "{\"a\":1.0}", FORM_number },
		{ "{\"a\":-0}", FORM_number },
		{ "{\"a\":0.0}", FORM_number },
		{ "{\"a\":1e5}", FORM_number },
		{ "{\"a\":0.12345678901234567890}", FORM_number },
		{ "{\"a\":0.10000000000000001}", FORM_number },
		{ "{\"a\":1,\"b\":2,\"a\":1}", FORM_twice },
		{ "{\"a\":1,\"\\u0061\":2}", FORM_twice },
		{ "{\"a\":\"1\"}", FORM_looks_else },
		{ "{\"a\":\"1e5\"}", FORM_looks_else },
		{ "{\"a\":\"true\"}", FORM_looks_else },
		{ "{\"a\":\"\\u0000\"}", FORM_text },
		{ "{\"a\":\"\\ud800\"}", FORM_text },
		{ "{\"a\":\"\xff\"}", FORM_text },
		{ "{\"a\":\"\x01\"}", FORM_not_object },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (hash_reason(cases[i].json) != cases[i].reason)
			fail_msg("%s: %s, not %s", cases[i].json,
				 form_reason_name(hash_reason(cases[i].json)),
				 form_reason_name(cases[i].reason));
}

/* ---- it comes back ---- */

static void put_random_text(struct buf *out, struct rng *rng)
{
	static const char *const parts[] = {
		"a", "é",  "\\u00e9", "\\n",  "\\\"", "\\\\",          "/",
		" ", "x1", "7",       "true", "-",    "\\ud83d\\ude00"
	};
	buf_char(out, '"');
	for (uint64_t n = rng_below(rng, 6); n > 0; n--)
		buf_str_put(out, str_of(parts[rng_below(rng, 13)]));
	buf_char(out, '"');
}

static void put_random_value(struct buf *out, struct rng *rng)
{
	switch (rng_below(rng, 6)) {
	case 0: put_random_text(out, rng); break;
	case 1: buf_i64(out, (int64_t)rng_next(rng) >> rng_below(rng, 64)); break;
	case 2: buf_printf(out, "%.*f", (int)rng_below(rng, 9), rng_normal(rng) * 1000); break;
	case 3: buf_printf(out, "%.17g", rng_normal(rng)); break;
	case 4: buf_str_put(out, rng_below(rng, 2) ? STR("true") : STR("false")); break;
	default: buf_str_put(out, rng_below(rng, 9) ? STR("5") : STR("null")); break;
	}
}

static void random_object(struct buf *out, struct rng *rng)
{
	uint64_t n = rng_below(rng, 8);
	buf_char(out, '{');
	for (uint64_t i = 0; i < n; i++) {
		buf_str_put(out, i ? STR(", ") : STR(""));
		put_random_text(out, rng);
		buf_str_put(out, STR(":"));
		put_random_value(out, rng);
	}
	buf_char(out, '}');
}

/* An independent reader's view: sorted, numbers as it reads them. */
static char *canonical(struct str json)
{
	json_t *root = json_loadb(json.ptr, json.len, 0, NULL);
	char *text = root ? json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
	json_decref(root);
	return text;
}

static void what_converts_comes_back_with_the_same_canonical_json(void **state)
{
	struct rng rng;
	size_t converted = 0;
	(void)state;
	rng_init(&rng, 20260801);
	for (int round = 0; round < 20000; round++) {
		struct buf json, back;
		struct form_made made, again;
		buf_init(&json, 1 << 16);
		buf_init(&back, 1 << 16);
		random_object(&json, &rng);
		struct source_key key = string_of(buf_str(&json));
		if (form_make(room, MIGRATE_HASH, &key, &made) == FORM_ok) {
			struct form_room *other;
			converted++;
			form_print_json(&back, made.elements, made.n_elements);
			char *was = canonical(buf_str(&json)), *is = canonical(buf_str(&back));
			assert_non_null(was);
			assert_string_equal(was, is);
			free(was);
			free(is);
			/* Back and forth again it is the same hash. */
			assert_int_equal(form_room_create(&other), STATUS_OK);
			struct source_key text = string_of(buf_str(&back));
			assert_int_equal(form_make(other, MIGRATE_HASH, &text, &again), FORM_ok);
			assert_true(digest_eq(made.digest, again.digest));
			form_room_destroy(other);
		}
		buf_deinit(&json);
		buf_deinit(&back);
	}
	assert_true(converted > 3000);
}

static void a_hash_that_new_code_wrote_becomes_json_again(void **state)
{
	struct audit_element elements[] = { { STR("rsi"), STR("61.25"), 0 },
					    { STR("up"), STR("true"), 0 },
					    { STR("note"), STR("a\"b"), 0 } };
	struct source_key hash = {
		.there = true, .type = AUDIT_HASH, .elements = elements, .n_elements = 3
	};
	struct form_made made;
	(void)state;
	assert_int_equal(form_unmake(room, MIGRATE_HASH, &hash, &made), FORM_ok);
	char *text = canonical(made.value);
	assert_string_equal(text, "{\"note\":\"a\\\"b\",\"rsi\":61.25,\"up\":true}");
	free(text);
	elements[2].value = STR("\xff");
	assert_int_not_equal(form_unmake(room, MIGRATE_HASH, &hash, &made), FORM_ok);
	elements[2].value = STR("1.10"); /* a number that JSON would write otherwise */
	assert_int_not_equal(form_unmake(room, MIGRATE_HASH, &hash, &made), FORM_ok);
}

static void packed_bytes_come_back(void **state)
{
	struct rng rng;
	(void)state;
	rng_init(&rng, 5);
	for (int round = 0; round < 200; round++) {
		struct buf text;
		struct form_made made, back;
		buf_init(&text, 1 << 20);
		for (uint64_t n = rng_below(&rng, 2000); n > 0; n--)
			buf_char(&text, (char)rng_below(&rng, round % 2 ? 4 : 256));
		struct source_key key = string_of(buf_str(&text));
		enum form_reason reason = form_make(room, MIGRATE_PACKED, &key, &made);
		if (reason == FORM_ok) {
			struct form_room *other;
			assert_true(made.value.len < text.len);
			assert_int_equal(form_room_create(&other), STATUS_OK);
			struct source_key packed = string_of(made.value);
			assert_int_equal(form_unmake(other, MIGRATE_PACKED, &packed, &back),
					 FORM_ok);
			assert_true(str_eq(back.value, buf_str(&text)));
			form_room_destroy(other);
		} else {
			assert_int_equal(reason, FORM_not_smaller);
		}
		buf_deinit(&text);
	}
}

static void damaged_packed_bytes_are_refused(void **state)
{
	struct form_made made, back;
	char text[400];
	(void)state;
	memset(text, 'x', sizeof text);
	struct source_key key = string_of(str_make(text, sizeof text));
	assert_int_equal(form_make(room, MIGRATE_PACKED, &key, &made), FORM_ok);
	char copy[400];
	size_t len = made.value.len;
	memcpy(copy, made.value.ptr, len);
	for (size_t cut = 0; cut < len; cut++) {
		struct source_key packed = string_of(str_make(copy, cut));
		assert_int_not_equal(form_unmake(room, MIGRATE_PACKED, &packed, &back), FORM_ok);
	}
}

static void a_list_becomes_entries_in_its_order(void **state)
{
	struct audit_element elements[] = { { STR(""), STR("one"), 0 }, { STR(""), STR(""), 0 } };
	struct source_key list = { .there = true,
				   .type = AUDIT_LIST,
				   .elements = elements,
				   .n_elements = 2,
				   .length = 2 };
	struct form_made made;
	(void)state;
	assert_int_equal(form_make(room, MIGRATE_STREAM, &list, &made), FORM_ok);
	assert_int_equal(made.n_elements, 2);
	assert_true(str_eq(made.elements[0].field, STR("1-1")));
	assert_true(str_eq(made.elements[1].field, STR("1-2")));
	assert_true(str_eq(made.elements[0].value, STR("\1\0\0\0v\3\0\0\0one")));
	assert_true(str_eq(made.elements[1].value, STR("\1\0\0\0v\0\0\0\0")));
}

/* ---- digests ---- */

static void digests_know_order_where_there_is_one(void **state)
{
	static const enum audit_type types[] = { AUDIT_LIST, AUDIT_SET, AUDIT_ZSET, AUDIT_HASH,
						 AUDIT_STREAM };
	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct digesting a, b;
		bool ordered = types[i] == AUDIT_LIST || types[i] == AUDIT_STREAM;
		digest_begin(&a, types[i]);
		digest_begin(&b, types[i]);
		digest_element(&a, STR("1"), STR("x"));
		digest_element(&a, STR("2"), STR("y"));
		digest_element(&b, STR("2"), STR("y"));
		digest_element(&b, STR("1"), STR("x"));
		assert_int_equal(digest_eq(digest_end(&a), digest_end(&b)), !ordered);
	}
}

static void a_string_in_pieces_has_the_digest_of_the_whole(void **state)
{
	struct rng rng;
	char text[300];
	(void)state;
	rng_init(&rng, 9);
	for (int round = 0; round < 500; round++) {
		size_t len = rng_below(&rng, sizeof text), at = 0;
		struct digesting sum;
		for (size_t i = 0; i < len; i++)
			text[i] = (char)rng_next(&rng);
		digest_begin(&sum, AUDIT_STRING);
		while (at < len) {
			size_t n = 1 + rng_below(&rng, 20);
			n = n > len - at ? len - at : n;
			digest_bytes(&sum, str_make(text + at, n));
			at += n;
		}
		assert_true(digest_eq(digest_end(&sum), string_digest(str_make(text, len))));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_shape_has_its_reason),
		cmocka_unit_test(what_converts_comes_back_with_the_same_canonical_json),
		cmocka_unit_test(a_hash_that_new_code_wrote_becomes_json_again),
		cmocka_unit_test(packed_bytes_come_back),
		cmocka_unit_test(damaged_packed_bytes_are_refused),
		cmocka_unit_test(a_list_becomes_entries_in_its_order),
		cmocka_unit_test(digests_know_order_where_there_is_one),
		cmocka_unit_test(a_string_in_pieces_has_the_digest_of_the_whole),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
