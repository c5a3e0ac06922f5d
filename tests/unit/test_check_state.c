/* weir check: which answer is which status, and the line that a supervisor reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/check.h"
#include "cli/check_state.h"

static struct check_state judged;

static const char *line(const char *what)
{
	static char storage[2048];
	struct buf out = buf_over(storage, sizeof storage - 1);
	check_print_nagios(&out, what, &judged);
	storage[out.len] = 0;
	return storage;
}

static void readiness_is_ok_or_critical(void **state)
{
	(void)state;
	check_ready(STR("{\"ready\":true,\"why\":\"\"}\n"), &judged);
	assert_int_equal(judged.level, 0);
	assert_string_equal(line("ready"), "WEIR ready OK - every part answers\n");
	check_ready(STR("{\"ready\":false,\"why\":\"segment rms is down | x\\ny\"}"), &judged);
	assert_int_equal(judged.level, 2);
	assert_string_equal(line("ready"), "WEIR ready CRITICAL - segment rms is down / x y\n");
}

static void a_ledger_warns_of_dead_results_and_fails_when_it_is_out(void **state)
{
#define LEDGER(balanced, fault, dead)                                                              \
	"{\"balanced\":" balanced fault ",\"deliveries\":{\"received\":7,\"waiting\":1,"           \
	"\"in_flight\":2},\"results\":{\"total\":9,\"dead\":" dead "}}\n"
	(void)state;
	check_ledger(STR(LEDGER("true", "", "0")), &judged);
	assert_int_equal(judged.level, 0);
	assert_string_equal(
	    line("ledger"),
	    "WEIR ledger OK - 7 deliveries and 9 results accounted for | received=7c "
	    "waiting=1;;;0 in_flight=2;;;0 results=9c dead=0;0;;0\n");
	check_ledger(STR(LEDGER("true", "", "3")), &judged);
	assert_int_equal(judged.level, 1);
	assert_string_equal(judged.text, "3 results are dead: weir archive dead");
	check_ledger(STR(LEDGER("false", ",\"fault\":\"one is missing\"", "3")), &judged);
	assert_int_equal(judged.level, 2);
	assert_string_equal(judged.text, "one is missing");
#undef LEDGER
}

static void memory_follows_the_worst_segment(void **state)
{
#define SEGMENT(name, condition, level, more)                                                      \
	"{\"segment\":\"" name "\",\"state\":\"" condition "\",\"used\":50,\"max\":100,"           \
	"\"level\":\"" level "\"" more "}"
#define MEMORY(segments) "{\"data\":{\"segments\":[" segments "]}}"
	static const struct {
		const char *answer;
		enum check_level level;
		const char *text;
	} cases[] = {
		{ MEMORY(SEGMENT("rts", "up", "calm", "")), CHECK_OK,
		  "1 segments are within their budgets" },
		{ MEMORY(SEGMENT("rts", "up", "warn", ",\"full_in_s\":60")), CHECK_WARNING,
		  "rts is at 50 % (warn), full in 60 s" },
		{ MEMORY(SEGMENT("rts", "up", "warn", "") "," SEGMENT("rms", "up", "shed", "")),
		  CHECK_CRITICAL, "rms is at 50 % (shed)" },
		{ MEMORY(SEGMENT("rts", "down", "calm", "")), CHECK_WARNING, "rts is down" },
		{ MEMORY(SEGMENT("rts", "up", "calm", ",\"evicted\":4")), CHECK_WARNING,
		  "rts has evicted 4 keys" },
		{ MEMORY(""), CHECK_UNKNOWN, "weir says nothing of its segments yet" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		check_memory(str_of(cases[i].answer), &judged);
		assert_int_equal(judged.level, cases[i].level);
		assert_string_equal(judged.text, cases[i].text);
	}
	check_memory(str_of(cases[2].answer), &judged);
	assert_string_equal(judged.figures, "rts=50.0%;70;80;0;100 rms=50.0%;70;80;0;100");
#undef MEMORY
#undef SEGMENT
}

static void what_is_not_understood_is_unknown(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "7", "{}" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		check_ready(str_of(texts[i]), &judged);
		assert_int_equal(judged.level, CHECK_UNKNOWN);
		check_ledger(str_of(texts[i]), &judged);
		assert_int_equal(judged.level, CHECK_UNKNOWN);
		check_memory(str_of(texts[i]), &judged);
		assert_int_equal(judged.level, CHECK_UNKNOWN);
	}
	check_unknown(STR("no weir runs\n"), &judged);
	assert_string_equal(line("ready"), "WEIR ready UNKNOWN - no weir runs\n");
}

static void json_says_the_same(void **state)
{
	char storage[512];
	struct buf out = buf_over(storage, sizeof storage - 1);
	(void)state;
	check_ready(STR("{\"ready\":false,\"why\":\"x\"}"), &judged);
	check_print_json(&out, "ready", &judged);
	storage[out.len] = 0;
	assert_string_equal(storage, "{\"check\":\"ready\",\"status\":\"CRITICAL\",\"exit\":2,"
				     "\"text\":\"x\",\"figures\":\"\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readiness_is_ok_or_critical),
		cmocka_unit_test(a_ledger_warns_of_dead_results_and_fails_when_it_is_out),
		cmocka_unit_test(memory_follows_the_worst_segment),
		cmocka_unit_test(what_is_not_understood_is_unknown),
		cmocka_unit_test(json_says_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
