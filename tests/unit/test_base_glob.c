/* Globs against what Redis' own SCAN MATCH says of the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/glob.h"

static void globs_match_as_scan_does(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} cases[] = {
		{ "*", "", true },
		{ "*", "anything", true },
		{ "", "", true },
		{ "", "a", false },
		{ "a?c", "abc", true },
		{ "a?c", "ac", false },
		{ "cache:*", "cache:1", true },
		{ "cache:*", "xcache:1", false },
		{ "*:id", "bull:5:id", true },
		{ "bull:*:id", "bull:5:idx", false },
		{ "[abc]x", "bx", true },
		{ "[^abc]x", "bx", false },
		{ "[^abc]x", "dx", true },
		{ "[a-f]0", "e0", true },
		{ "[f-a]0", "e0", true },
		{ "[a-f]0", "g0", false },
		{ "\\*x", "*x", true },
		{ "\\*x", "ax", false },
		{ "[\\]]", "]", true },
		{ "a**b*c", "axxbyyc", true },
		{ "*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
		{ "[", "[", false },
		{ "a[", "a", false },
		{ "a\\", "a\\", true },
		{ "[a-]x", "-x", true },
		{ "[^", "x", true },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (glob_matches(str_of(cases[i].pattern), str_of(cases[i].name)) !=
		    cases[i].matches)
			fail_msg("%s on %s", cases[i].pattern, cases[i].name);
	assert_true(glob_matches(STR("a\0*"), STR("a\0b")));
}

/* Only the last star moves on: what grows with the name's length to the power of its stars would
 * not come back from this. */
static void stars_cost_no_more_than_the_name_is_long(void **state)
{
	static char name[64 << 10];
	char pattern[256];
	(void)state;
	memset(name, 'a', sizeof name);
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[sizeof pattern - 1] = 'b';
	assert_false(glob_matches(str_make(pattern, sizeof pattern), str_make(name, sizeof name)));
	pattern[sizeof pattern - 1] = 'a';
	assert_true(glob_matches(str_make(pattern, sizeof pattern), str_make(name, sizeof name)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs_match_as_scan_does),
		cmocka_unit_test(stars_cost_no_more_than_the_name_is_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
