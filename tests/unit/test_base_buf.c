/* Buffers: bounds, sticky overflow, numbers, JSON and HTML text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/rng.h"

static void a_fixed_buffer_never_writes_past_its_end(void **state)
{
	(void)state;
	char storage[9] = "........";
	struct buf buf = buf_over(storage, 8);
	buf_put(&buf, "12345678", 8);
	assert_false(buf.overflow);
	buf_char(&buf, '9');
	assert_true(buf.overflow);
	assert_memory_equal(storage, "12345678", 9);
	buf_clear(&buf);
	buf_char(&buf, 'x');
	assert_false(buf.overflow);
	assert_int_equal(buf.len, 1);
}

static void after_an_overflow_nothing_more_is_taken(void **state)
{
	(void)state;
	char storage[4];
	struct buf buf = buf_over(storage, sizeof storage);
	buf_put(&buf, "12345", 5);
	buf_char(&buf, 'x');
	assert_true(buf.overflow);
	assert_int_equal(buf.len, 0);
	assert_null(buf_reserve(&buf, 1));
}

static void a_growing_buffer_grows_up_to_its_limit(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 1000);
	for (int i = 0; i < 1000; i++)
		buf_char(&buf, (char)i);
	assert_false(buf.overflow);
	assert_int_equal(buf.len, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal((char)i, buf.ptr[i]);
	buf_char(&buf, 'x');
	assert_true(buf.overflow);
	assert_int_equal(buf.len, 1000);
	buf_deinit(&buf);
}

static void printf_takes_long_text_and_counts_it(void **state)
{
	(void)state;
	char filler[700];
	struct buf buf;
	memset(filler, 'f', sizeof filler - 1);
	filler[sizeof filler - 1] = 0;
	buf_init(&buf, 4096);
	buf_printf(&buf, "a%sb", filler);
	assert_int_equal(buf.len, 701);
	assert_int_equal(buf.ptr[700], 'b');
	buf_deinit(&buf);
}

static void numbers_print_as_printf_prints_them(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 4);
	for (int round = 0; round < 2000; round++) {
		uint64_t value = rng_next(&rng) >> rng_below(&rng, 64);
		char storage[64], expected[64];
		struct buf buf = buf_over(storage, sizeof storage);
		buf_u64(&buf, value);
		buf_char(&buf, ' ');
		buf_i64(&buf, (int64_t)value);
		snprintf(expected, sizeof expected, "%llu %lld", (unsigned long long)value,
			 (long long)value);
		assert_true(str_eq(buf_str(&buf), str_of(expected)));
	}
	char storage[32];
	struct buf buf = buf_over(storage, sizeof storage);
	buf_i64(&buf, INT64_MIN);
	assert_true(str_eq(buf_str(&buf), STR("-9223372036854775808")));
}

/* Somebody else's parser reads what we print, whatever the bytes. */
static void json_text_of_any_bytes_is_read_by_jansson(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 5);
	for (int round = 0; round < 3000; round++) {
		char bytes[40], storage[400];
		size_t len = rng_below(&rng, sizeof bytes);
		bool plain = rng_below(&rng, 2);
		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)(plain ? 1 + rng_below(&rng, 127) : rng_next(&rng));
		struct buf buf = buf_over(storage, sizeof storage);
		buf_json_str(&buf, str_make(bytes, len));
		assert_false(buf.overflow);
		json_t *value =
		    json_loadb(buf.ptr, buf.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		assert_non_null(value);
		if (plain) {
			assert_int_equal(json_string_length(value), len);
			assert_memory_equal(json_string_value(value), bytes, len);
		}
		json_decref(value);
	}
}

static void what_is_not_utf8_becomes_the_replacement_character(void **state)
{
	(void)state;
	char storage[64];
	struct buf buf = buf_over(storage, sizeof storage);
	buf_json_str(&buf, STR("a\xFF\xC3\xA4\xE2\x82"));
	assert_true(
	    str_eq(buf_str(&buf), STR("\"a\xEF\xBF\xBD\xC3\xA4\xEF\xBF\xBD\xEF\xBF\xBD\"")));
}

static void html_has_no_bare_markup(void **state)
{
	(void)state;
	char storage[64];
	struct buf buf = buf_over(storage, sizeof storage);
	buf_html(&buf, STR("a<b> & \"c\""));
	assert_true(str_eq(buf_str(&buf), STR("a&lt;b&gt; &amp; &quot;c&quot;")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fixed_buffer_never_writes_past_its_end),
		cmocka_unit_test(after_an_overflow_nothing_more_is_taken),
		cmocka_unit_test(a_growing_buffer_grows_up_to_its_limit),
		cmocka_unit_test(printf_takes_long_text_and_counts_it),
		cmocka_unit_test(numbers_print_as_printf_prints_them),
		cmocka_unit_test(json_text_of_any_bytes_is_read_by_jansson),
		cmocka_unit_test(what_is_not_utf8_becomes_the_replacement_character),
		cmocka_unit_test(html_has_no_bare_markup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
