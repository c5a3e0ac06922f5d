/* The return codes of trade servers and what each asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "def/retcodes.h"

/* The table as the protocol's description has it: code, class, wait. */
static const char expected[] = "10004 FAST 0, 10006 FIN 0, 10007 FIN 0, 10008 ACC 10000, "
			       "10009 OK 0, 10010 OK 0, 10011 UNK 1000, 10012 UNK 1000, "
			       "10013 FIN 0, 10014 FIN 0, 10015 FIN 0, 10016 FIN 0, 10017 CFG 0, "
			       "10018 FIN 0, 10019 FIN 0, 10020 FAST 0, 10021 LATER 1000, "
			       "10022 FIN 0, 10023 REREAD 0, 10024 LATER 1000, 10025 NOOP 0, "
			       "10026 CFG 0, 10027 CFG 0, 10028 LATER 500, 10029 LATER 1000, "
			       "10030 REFILL 0, 10031 UNK 0, 10032 CFG 0, 10033 FIN 0, "
			       "10034 FIN 0, 10035 FIN 0, 10036 NOOP 0, 10038 REREAD 0, "
			       "10039 ACC 10000, 10040 FIN 0, 10041 FIN 0, 10042 CFG 0, "
			       "10043 CFG 0, 10044 CFG 0, 10045 CFG 0, 10046 CFG 0, ";

static void test_every_code_has_the_class_and_the_wait_of_the_protocol(void **state)
{
	char all[2048] = "", row[64];
	(void)state;
	for (size_t i = 0; i < retcode_count(); i++) {
		snprintf(row, sizeof row, "%d %s %lld, ", retcode_row(i)->code,
			 retcode_class_text(retcode_row(i)->class),
			 (long long)retcode_row(i)->wait_ms);
		strcat(all, row);
	}
	assert_string_equal(all, expected);
}

static void test_every_code_is_found_and_no_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < retcode_count(); i++) {
		const struct retcode_row *row = retcode_row(i);
		assert_ptr_equal(retcode_find(row->code), row);
		assert_true(row->name[0] && row->meaning[0]);
		assert_true(i == 0 || retcode_row(i - 1)->code < row->code);
	}
	assert_null(retcode_find(10005));
	assert_null(retcode_find(10037));
	assert_null(retcode_find(0));
	assert_null(retcode_find(10003));
	assert_null(retcode_find(10047));
	assert_null(retcode_find(-1));
	assert_null(retcode_find(INT64_MAX));
}

static void test_only_what_waits_has_a_wait(void **state)
{
	(void)state;
	for (size_t i = 0; i < retcode_count(); i++) {
		enum retcode_class class = retcode_row(i)->class;
		bool waits = class == RETCODE_ACC || class == RETCODE_LATER;
		bool may = waits || class == RETCODE_UNK;
		assert_true(!waits || retcode_row(i)->wait_ms > 0);
		assert_true(may || retcode_row(i)->wait_ms == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_has_the_class_and_the_wait_of_the_protocol),
		cmocka_unit_test(test_every_code_is_found_and_no_other),
		cmocka_unit_test(test_only_what_waits_has_a_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
