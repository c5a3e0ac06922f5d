/* JSON as weir writes it: commas, decimals as strings, null for what is absent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>

#include "base/json_out.h"

static char storage[1024];

static void is(const struct buf *out, const char *expected)
{
	assert_false(out->overflow);
	assert_int_equal(out->len, strlen(expected));
	assert_memory_equal(out->ptr, expected, out->len);
}

static void json_is_well_formed_and_exact(void **state)
{
	(void)state;
	struct buf out = buf_over(storage, sizeof storage);
	struct json_out json = { .out = &out };
	json_out_open(&json, NULL, '{');
	json_out_str(&json, "s", STR("a\"b\\c\nd\x01 é"));
	json_out_i64(&json, "i", INT64_MIN);
	json_out_open(&json, "a", '[');
	json_out_bool(&json, NULL, true);
	json_out_null(&json, NULL);
	json_out_close(&json, ']');
	json_out_decimal(&json, "d", -(i128)1234500, 6);
	json_out_double(&json, "x", 0.1234567, 6);
	json_out_double(&json, "nan", (double)NAN, 6);
	json_out_double(&json, "far", 1e30, 6);
	json_out_word(&json, "w", "n/a");
	json_out_word(&json, "v", "UP");
	json_out_known_decimal(&json, "k", true, 15, 1);
	json_out_known_decimal(&json, "l", false, 15, 1);
	json_out_known_i64(&json, "m", true, 0);
	json_out_known_i64(&json, "n", false, 0);
	json_out_known_bool(&json, "o", true, false);
	json_out_known_bool(&json, "p", false, false);
	json_out_number(&json, "q", 1500, 3);
	json_out_bytes(&json, "r", STR("\xff\té"));
	json_out_close(&json, '}');
	is(&out, "{\"s\":\"a\\\"b\\\\c\\nd\\u0001 é\",\"i\":-9223372036854775808,"
		 "\"a\":[true,null],\"d\":\"-1.2345\",\"x\":\"0.123457\",\"nan\":null,"
		 "\"far\":null,\"w\":null,\"v\":\"UP\",\"k\":\"1.5\",\"l\":null,\"m\":0,\"n\":null,"
		 "\"o\":false,\"p\":null,\"q\":1.5,\"r\":\"\xEF\xBF\xBD\\té\"}");
	json_t *parsed = json_loadb(out.ptr, out.len, 0, NULL);
	assert_non_null(parsed);
	assert_string_equal(json_string_value(json_object_get(parsed, "s")), "a\"b\\c\nd\x01 é");
	json_decref(parsed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_well_formed_and_exact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
