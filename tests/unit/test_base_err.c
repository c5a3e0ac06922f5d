/* Errors told in one line, statuses from errno, log lines, and checks that stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "base/log.h"

static void an_error_tells_its_story_from_the_outside_in(void **state)
{
	(void)state;
	struct err err;
	assert_int_equal(err_set(&err, STATUS_RANGE, "port: '%d' is not 1..65535", 65536),
			 STATUS_RANGE);
	assert_int_equal(err_wrap(&err, STATUS_INVALID, "load %s", "config"), STATUS_INVALID);
	assert_string_equal(err.text, "load config: port: '65536' is not 1..65535");
	assert_int_equal(err.status, STATUS_INVALID);
}

static void nobody_has_to_read_an_error(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, STATUS_IO, "x"), STATUS_IO);
	assert_int_equal(err_wrap(NULL, STATUS_IO, "x"), STATUS_IO);
	assert_int_equal(err_errno(NULL, ENOSPC, "x"), STATUS_DISK_FULL);
}

static void long_errors_are_cut_at_the_end(void **state)
{
	(void)state;
	struct err err;
	char text[1000];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	(void)err_set(&err, STATUS_IO, "%s", text);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	for (int i = 0; i < 60; i++)
		(void)err_wrap(&err, STATUS_IO, "outer text %d", i);
	assert_true(strlen(err.text) < sizeof err.text);
	assert_memory_equal(err.text, "outer text 59: outer text 58: ", 30);
	(void)err_wrap(&err, STATUS_IO, "%s", text);
	assert_true(strlen(err.text) < sizeof err.text);
}

static void errno_becomes_a_status_with_its_text(void **state)
{
	(void)state;
	static const struct {
		int number;
		enum status status;
	} cases[] = { { ENOSPC, STATUS_DISK_FULL },
		      { EDQUOT, STATUS_DISK_FULL },
		      { ENOENT, STATUS_NOT_FOUND },
		      { EEXIST, STATUS_EXISTS },
		      { ENOMEM, STATUS_NO_MEMORY },
		      { EACCES, STATUS_REFUSED },
		      { EPERM, STATUS_REFUSED },
		      { ECONNREFUSED, STATUS_REFUSED },
		      { ETIMEDOUT, STATUS_TIMEOUT },
		      { EADDRINUSE, STATUS_IN_USE },
		      { EIO, STATUS_IO },
		      { 0, STATUS_IO } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err;
		assert_int_equal(err_errno(&err, cases[i].number, "open %s", "f"), cases[i].status);
		assert_memory_equal(err.text, "open f: ", 8);
		assert_string_equal(err.text + 8, strerror(cases[i].number));
	}
}

/* ---- log ---- */

static char logged[16384];
static size_t logged_len;

static void keep_line(void *ctx, const char *line, unsigned long len)
{
	(void)ctx;
	assert_true(len < sizeof logged);
	memcpy(logged, line, len);
	logged[len] = 0;
	logged_len = len;
}

static int64_t fixed_wall(void *ctx)
{
	(void)ctx;
	return 1723161600123456789;
}

static void a_log_line_has_time_level_and_module(void **state)
{
	(void)state;
	log_setup(
	    &(struct log_config){ .level = LOG_INFO, .write = keep_line, .wall_ns = fixed_wall });
	log_line(LOG_WARN, "store", "two\nlines, %d", 7);
	assert_string_equal(logged, "2024-08-09T00:00:00.123Z warn store: two lines, 7\n");
	logged_len = 0;
	log_line(LOG_DEBUG, "store", "not wanted");
	assert_int_equal(logged_len, 0);
}

static void a_json_log_line_is_an_object_even_at_its_longest(void **state)
{
	(void)state;
	char text[1100];
	memset(text, 1, sizeof text - 1);
	text[sizeof text - 1] = 0;
	log_setup(&(struct log_config){
	    .level = LOG_INFO, .json = true, .write = keep_line, .wall_ns = fixed_wall });
	log_line(LOG_ERROR, "feed", "%s", text);
	json_t *line = json_loadb(logged, logged_len, 0, NULL);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "level")), "error");
	assert_string_equal(json_string_value(json_object_get(line, "module")), "feed");
	assert_int_equal(json_string_length(json_object_get(line, "message")), 1023);
	json_decref(line);
	log_setup(&(struct log_config){ .level = LOG_INFO });
}

/* ---- check ---- */

static jmp_buf failed;
static char failed_expr[64];

static void take_failure(const char *expr, const char *file, int line)
{
	(void)file;
	(void)line;
	assert_int_equal(str_copy(str_of(expr), failed_expr, sizeof failed_expr), STATUS_OK);
	longjmp(failed, 1);
}

static void a_failed_check_names_its_expression(void **state)
{
	(void)state;
	volatile int two = 2;
	check_set_handler(take_failure);
	CHECK(two == 2);
	if (setjmp(failed) == 0) {
		CHECK(two == 3);
		check_set_handler(NULL);
		fail_msg("the check let it pass");
	}
	check_set_handler(NULL);
	assert_string_equal(failed_expr, "two == 3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_tells_its_story_from_the_outside_in),
		cmocka_unit_test(nobody_has_to_read_an_error),
		cmocka_unit_test(long_errors_are_cut_at_the_end),
		cmocka_unit_test(errno_becomes_a_status_with_its_text),
		cmocka_unit_test(a_log_line_has_time_level_and_module),
		cmocka_unit_test(a_json_log_line_is_an_object_even_at_its_longest),
		cmocka_unit_test(a_failed_check_names_its_expression),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
