/* Log lines: levels by module, one line an event, and no secret in any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/check.h"
#include "base/log.h"

static char written[8192];

static void write_line(void *ctx, const char *line, unsigned long len)
{
	(void)ctx;
	assert_true(len < sizeof written);
	memcpy(written, line, len);
	written[len] = 0;
}

static void setup(const char *modules, bool json)
{
	char storage[128];
	struct buf why = buf_over(storage, sizeof storage);
	struct log_config config = { .level = LOG_INFO, .json = json, .write = write_line };
	assert_int_equal(log_modules_parse(str_of(modules), &config, &why), STATUS_OK);
	log_setup(&config);
	written[0] = 0;
}

static void a_module_has_a_level_of_its_own(void **state)
{
	(void)state;
	setup("gate:debug,store:error", false);
	assert_true(log_enabled(LOG_DEBUG, "gate"));
	assert_false(log_enabled(LOG_WARN, "store"));
	assert_true(log_enabled(LOG_ERROR, "store"));
	assert_true(log_enabled(LOG_INFO, "fleet"));
	assert_false(log_enabled(LOG_DEBUG, "fleet"));
	log_line(LOG_WARN, "store", "x");
	assert_string_equal(written, "");
	log_line(LOG_DEBUG, "gate", "x");
	assert_string_equal(written, "debug gate: x\n");
}

static void wrong_levels_are_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "gate", "'gate' is not MODULE:error, :warn, :info or :debug" },
		{ "gate:loud", "'gate:loud' is not MODULE:error, :warn, :info or :debug" },
		{ "gate:", "'gate:' is not MODULE:error, :warn, :info or :debug" },
		{ ":warn", "'' is no module" },
		{ "a_module_of_a_name_too_long:warn",
		  "'a_module_of_a_name_too_long' is no module" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char storage[128];
		struct buf why = buf_over(storage, sizeof storage - 1);
		struct log_config config = { 0 };
		assert_int_equal(log_modules_parse(str_of(cases[i][0]), &config, &why),
				 STATUS_INVALID);
		storage[why.len] = 0;
		assert_string_equal(storage, cases[i][1]);
	}
}

static void modules_are_bounded(void **state)
{
	char storage[256], why_storage[128];
	struct buf text = buf_over(storage, sizeof storage);
	struct buf why = buf_over(why_storage, sizeof why_storage);
	struct log_config config = { 0 };
	(void)state;
	for (int i = 0; i <= LOG_MODULES_MAX; i++)
		buf_printf(&text, "%sm%d:warn", i ? "," : "", i);
	assert_int_equal(log_modules_parse(buf_str(&text), &config, &why), STATUS_INVALID);
}

static void secrets_leave_every_line(void **state)
{
	(void)state;
	setup("", false);
	log_line(LOG_INFO, "serve", "at redis://weir:hunter22@h:1/0, token=abc");
	assert_string_equal(written, "info serve: at redis://weir:***@h:1/0, token=***\n");
	setup("", true);
	log_line(LOG_INFO, "serve", "Bearer abcdefgh1234\nnext");
	assert_string_equal(written,
			    "{\"level\":\"info\",\"module\":\"serve\",\"message\":\"Bearer "
			    "***\\nnext\"}\n");
}

static void a_long_line_is_cut_not_lost(void **state)
{
	char text[3000];
	(void)state;
	setup("", false);
	memset(text, 'y', sizeof text - 1);
	text[sizeof text - 1] = 0;
	log_line(LOG_INFO, "m", "%s", text);
	assert_in_range(strlen(written), 1000, 1100);
	assert_int_equal(written[strlen(written) - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_module_has_a_level_of_its_own),
		cmocka_unit_test(wrong_levels_are_refused),
		cmocka_unit_test(modules_are_bounded),
		cmocka_unit_test(secrets_leave_every_line),
		cmocka_unit_test(a_long_line_is_cut_not_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
