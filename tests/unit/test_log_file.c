/* The log's file: it is turned over, and the two together keep to their bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/log.h"
#include "daemon/log_file.h"
#include "os/files.h"

enum { BOUND_BYTES = 1000000, LINES = 30000 };

static char folder[] = "/tmp/weir-log-XXXXXX";

static struct config *configured(const char *text, struct err *err, enum status expected)
{
	const struct config_source source = { .file_name = STR("c"), .file_text = str_of(text) };
	struct config_problems problems;
	struct config *config;
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	assert_int_equal(log_file_setup(config, folder, err), expected);
	return config;
}

static size_t size_of(const char *name)
{
	char path[PATH_BYTES_MAX];
	struct stat st;
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return stat(path, &st) ? 0 : (size_t)st.st_size;
}

static void two_files_keep_to_the_bound(void **state)
{
	struct err err;
	char text[100];
	(void)state;
	struct config *config = configured("[log]\nmax_mb = 1\n", &err, STATUS_OK);
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	for (int i = 0; i < LINES; i++) {
		log_line(LOG_INFO, "test", "%s", text);
		if (i % 1000 == 0)
			assert_true(size_of("weir.log") + size_of("weir.log.1") <= BOUND_BYTES);
	}
	/* What was written is several times the bound; the newest of it is there. */
	assert_true(size_of("weir.log") > 0);
	assert_in_range(size_of("weir.log.1"), BOUND_BYTES / 2 - 200, BOUND_BYTES / 2);
	assert_int_equal(size_of("weir.log.2"), 0);
	config_destroy(config);
}

static void the_newest_line_is_the_last(void **state)
{
	char path[PATH_BYTES_MAX], line[256];
	(void)state;
	log_line(LOG_INFO, "test", "the last one");
	snprintf(path, sizeof path, "%s/weir.log", folder);
	files_last_line(path, line, sizeof line);
	assert_non_null(strstr(line, "info test: the last one"));
}

static void levels_of_modules_come_from_the_settings(void **state)
{
	struct err err;
	(void)state;
	config_destroy(configured("[log]\nmodules = gate:debug, store:error\n", &err, STATUS_OK));
	assert_true(log_enabled(LOG_DEBUG, "gate"));
	assert_false(log_enabled(LOG_WARN, "store"));
	config_destroy(configured("[log]\nmodules = gate:loud\n", &err, STATUS_INVALID));
	assert_string_equal(err.text, "log.modules: 'gate:loud' is not MODULE:error, :warn, :info "
				      "or :debug");
	assert_true(log_enabled(LOG_DEBUG, "gate")); /* as it was */
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[64];
	(void)state;
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_files_keep_to_the_bound),
		cmocka_unit_test(the_newest_line_is_the_last),
		cmocka_unit_test(levels_of_modules_come_from_the_settings),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
