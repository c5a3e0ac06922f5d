/* The terminals' file and patterns: what is taken, what is refused with which line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/match.h"
#include "agent/roster.h"
#include "base/check.h"
#include "base/rng.h"

static struct roster *parse(const char *text, const char *root)
{
	struct roster *roster = NULL;
	struct err err = { 0 };
	if (roster_parse(str_of(text), "terminals", root, &roster, &err))
		fail_msg("%s", err.text);
	return roster;
}

static bool matches(const struct roster_row *row, const char *command)
{
	char folded[512];
	struct str text = str_of(command);
	assert_true(text.len <= sizeof folded);
	return match_command(row->pattern, match_fold(text, folded));
}

/* ---- the file ---- */

static void lines_name_a_terminal_its_pattern_and_how_it_is_started(void **state)
{
	(void)state;
	struct roster *roster =
	    parse("# this host\n"
		  "\n"
		  "mt5-017 - /srv/start.sh \"two words\" {clean:/profile:clean}  # it\r\n"
		  "  mt5-018\t'mt5 018*terminal64' env WINEPREFIX='/srv/my wine' wine x\n"
		  "mt5.19\n",
		  "/srv/mt5//");
	assert_int_equal(roster_count(roster), 3);
	const struct roster_row *row = roster_at(roster, 0);
	assert_string_equal(row->id, "mt5-017");
	assert_string_equal(row->home, "/srv/mt5/mt5-017");
	assert_string_equal(row->start[0], "/srv/start.sh");
	assert_string_equal(row->start[1], "two words");
	assert_int_equal(row->wine_prefix.len, 0);
	row = roster_at(roster, 1);
	assert_true(str_eq(row->wine_prefix, STR("/srv/my wine")));
	assert_true(matches(row, "terminal64.exe of MT5 018"));
	assert_ptr_equal(roster_find(roster, STR("mt5.19")), roster_at(roster, 2));
	assert_null(roster_at(roster, 2)->start[0]);
	assert_null(roster_find(roster, STR("mt5")));
	roster_destroy(roster);
}

static void a_clean_start_has_a_word_more(void **state)
{
	(void)state;
	const char *words[ROSTER_WORDS_MAX + 1];
	struct roster *roster =
	    parse("t1 - wine a {clean:/profile:new} b\nt2 -\nt3 - wine a\n", "/srv");
	assert_true(roster_start_words(roster_at(roster, 0), true, words));
	assert_string_equal(words[2], "/profile:new");
	assert_string_equal(words[3], "b");
	assert_null(words[4]);
	assert_true(roster_start_words(roster_at(roster, 0), false, words));
	assert_string_equal(words[2], "b");
	assert_null(words[3]);
	assert_false(roster_start_words(roster_at(roster, 1), true, words));
	assert_true(roster_can_clean(roster_at(roster, 0)));
	assert_false(roster_can_clean(roster_at(roster, 2)));
	roster_destroy(roster);
}

static void a_bad_line_is_named_and_nothing_is_taken(void **state)
{
	static const struct {
		const char *text, *root, *why;
	} cases[] = {
		{ "", NULL, "terminals: names no terminal" },
		{ "# nothing\n\n", NULL, "names no terminal" },
		{ "good terminal64\nt!1 terminal64", NULL, "terminals:2: the id is not" },
		{ "t1 aaaa\n\nt1 bbbb", NULL, "terminals:3: t1 stands twice" },
		{ "t1 -", NULL, "terminals:1: no pattern, and no --root" },
		{ "t1", NULL, "no pattern, and no --root" },
		{ "t1 *", NULL, "would match too much" },
		{ "t1 terminal64**a", NULL, "would match too much" },
		{ "t1 terminal64*/", NULL, "would match too much" },
		{ "t1 a\\b/c", NULL, "would match too much" },
		{ "t1 TermiNal\\x\nt2 terminal/X", NULL, "terminals:2: the pattern is t1's too" },
		{ "T1\nt1", "/srv", "terminals:2: the pattern is T1's too" },
		{ "t1 \"abcd", NULL, "a quote that is not closed" },
		{ "t1 ab\x01"
		  "cd",
		  NULL, "a control character" },
		{ "t1 abcd wine {clean}", NULL, "not {clean:WORD}" },
		{ "t1 abcd wine {clean:}", NULL, "not {clean:WORD}" },
		{ "t1 abcd wine {dirty:x}", NULL, "not {clean:WORD}" },
		{ "t1 abcd {clean:x}", NULL, "has no program" },
		{ "t1 abcd \"\"", NULL, "has no program" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct roster *roster = NULL;
		struct err err = { 0 };
		assert_true(roster_parse(str_of(cases[i].text), "terminals", cases[i].root, &roster,
					 &err) != STATUS_OK);
		assert_null(roster);
		if (!strstr(err.text, cases[i].why))
			fail_msg("'%s' does not say '%s'", err.text, cases[i].why);
	}
}

static void there_are_bounds(void **state)
{
	char text[ROSTER_MAX * 24 + 64];
	size_t len = 0;
	struct roster *roster = NULL;
	struct err err = { 0 };
	(void)state;
	for (int i = 0; i < ROSTER_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "t%d\n", i);
	roster_destroy(parse(text, "/srv"));
	snprintf(text + len, sizeof text - len, "more\n");
	assert_int_equal(roster_parse(str_of(text), "terminals", "/srv", &roster, &err),
			 STATUS_FULL);
	len = (size_t)snprintf(text, sizeof text, "t1 abcd");
	for (int i = 0; i < ROSTER_WORDS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, " w");
	roster_destroy(parse(text, NULL));
	snprintf(text + len, sizeof text - len, " w");
	assert_int_equal(roster_parse(str_of(text), "terminals", NULL, &roster, &err),
			 STATUS_RANGE);
}

/* Whatever the bytes, it is a roster or one line of why. */
static void any_bytes_are_survived(void **state)
{
	static const char alphabet[] = "ab1-*{}:\"'# \t\n\r\\/clean.";
	struct rng rng;
	char text[200];
	int good = 0;
	(void)state;
	rng_init(&rng, 11);
	for (int round = 0; round < 20000; round++) {
		struct roster *roster = NULL;
		struct err err = { 0 };
		size_t len = rng_below(&rng, sizeof text);
		for (size_t i = 0; i < len; i++)
			text[i] = rng_below(&rng, 50)
				      ? alphabet[rng_below(&rng, sizeof alphabet - 1)]
				      : (char)rng_below(&rng, 256);
		enum status status =
		    roster_parse(str_make(text, len), "f", round % 2 ? "/r" : NULL, &roster, &err);
		assert_true((status == STATUS_OK) == (roster != NULL));
		assert_true(status == STATUS_OK || err.text[0]);
		good += status == STATUS_OK;
		roster_destroy(roster);
	}
	assert_true(good > 20);
}

/* ---- patterns ---- */

static void a_pattern_stands_for_whole_names(void **state)
{
	(void)state;
	struct roster *roster = parse("mt5-1\nmt5-17\nother abcd*/x/", "/srv/mt5");
	const struct roster_row *one = roster_at(roster, 0), *other = roster_at(roster, 1);
	assert_true(matches(one, "/srv/mt5/mt5-1/terminal64.exe /portable"));
	assert_false(matches(one, "/srv/mt5/mt5-17/terminal64.exe /portable"));
	assert_true(matches(other, "/srv/mt5/mt5-17/terminal64.exe /portable"));
	assert_true(matches(one, "Z:\\srv\\mt5\\MT5-1\\Terminal64.exe /portable"));
	assert_true(matches(one, "wine terminal64.exe /config:Z:\\srv\\mt5\\mt5-1\\weir.ini"));
	assert_false(matches(one, "/srv/mt5/mt5-1/metaeditor64.exe"));
	assert_false(matches(one, "/bin/sh /srv/mt5/mt5-1/weir-start.sh"));
	assert_false(matches(one, "/srv/mt5/mt5-1_old/terminal64.exe"));
	assert_true(matches(one, "/srv/mt5/mt5-17/a /srv/mt5/mt5-1/terminal64.exe"));
	assert_false(matches(one, ""));
	assert_true(matches(roster_at(roster, 2), "a/x/b abcd"));
	assert_false(matches(roster_at(roster, 2), "a/x/b abcde"));
	assert_false(matches(roster_at(roster, 2), "a/x/b _abcd"));
	roster_destroy(roster);
}

/* ---- the program ---- */

struct tried {
	char paths[8][MATCH_PATH_MAX];
	size_t count, stop_at;
};

static bool note_path(void *ctx, const char *path)
{
	struct tried *tried = ctx;
	assert_true(tried->count < ARRAY_LEN(tried->paths));
	snprintf(tried->paths[tried->count], sizeof tried->paths[0], "%s", path);
	return ++tried->count == tried->stop_at;
}

static void assert_programs(const char *command, const char *prefix, const char *first,
			    const char *second)
{
	struct tried tried = { 0 };
	assert_false(match_programs(str_of(command), str_of(prefix), note_path, &tried));
	assert_int_equal(tried.count, (first != NULL) + (second != NULL));
	if (first)
		assert_string_equal(tried.paths[0], first);
	if (second)
		assert_string_equal(tried.paths[1], second);
}

static void a_program_is_looked_for_wherever_its_path_may_begin(void **state)
{
	struct tried tried = { .stop_at = 1 };
	(void)state;
	assert_programs("/srv/a b/terminal64.exe /portable", "", "/srv/a b/terminal64.exe", NULL);
	assert_programs("/usr/bin/wine /srv/t1/Terminal64.EXE x", "",
			"/usr/bin/wine /srv/t1/Terminal64.EXE", "/srv/t1/Terminal64.EXE");
	assert_programs("Z:\\srv\\t1\\terminal64.exe /portable", "", "/srv/t1/terminal64.exe",
			NULL);
	assert_programs("C:\\Program Files\\MetaTrader 5\\terminal64.exe", "/w",
			"/w/drive_c/Program Files/MetaTrader 5/terminal64.exe", NULL);
	assert_programs("C:\\Program Files\\terminal64.exe", "", NULL, NULL);
	assert_programs("terminal64.exe", "/w", NULL, NULL);
	assert_programs("/srv/terminal64.exe-old", "/w", NULL, NULL);
	assert_programs("", "/w", NULL, NULL);
	assert_true(match_programs(STR("/a /b/terminal64.exe"), STR(""), note_path, &tried));
	assert_int_equal(tried.count, 1);
}

static void a_path_that_is_too_long_is_none(void **state)
{
	char command[2 * MATCH_PATH_MAX];
	(void)state;
	memset(command, 'a', sizeof command);
	command[0] = '/';
	snprintf(command + MATCH_PATH_MAX, 20, "/terminal64.exe");
	assert_programs(command, "", NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_name_a_terminal_its_pattern_and_how_it_is_started),
		cmocka_unit_test(a_clean_start_has_a_word_more),
		cmocka_unit_test(a_bad_line_is_named_and_nothing_is_taken),
		cmocka_unit_test(there_are_bounds),
		cmocka_unit_test(any_bytes_are_survived),
		cmocka_unit_test(a_pattern_stands_for_whole_names),
		cmocka_unit_test(a_program_is_looked_for_wherever_its_path_may_begin),
		cmocka_unit_test(a_path_that_is_too_long_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
