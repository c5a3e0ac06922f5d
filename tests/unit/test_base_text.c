/* Text for a terminal: characters, not bytes, are what is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/text.h"

static char storage[4096];

static void is(const struct buf *out, const char *expected)
{
	assert_false(out->overflow);
	assert_int_equal(out->len, strlen(expected));
	assert_memory_equal(out->ptr, expected, out->len);
}

static void characters_are_counted(void **state)
{
	(void)state;
	assert_int_equal(text_width(STR("")), 0);
	assert_int_equal(text_width(STR("abc")), 3);
	assert_int_equal(text_width(STR("aé–€")), 4);
	assert_int_equal(text_width(STR("\xff\xc3")), 2);
}

static void cut(const char *text, size_t width, const char *expected, size_t count)
{
	struct buf out = buf_over(storage, sizeof storage);
	assert_int_equal(text_put_cut(&out, str_of(text), width), count);
	is(&out, expected);
}

static void what_is_cut_ends_in_an_ellipsis(void **state)
{
	(void)state;
	cut("short", 5, "short", 5);
	cut("short", 9, "short", 5);
	cut("longer", 5, "long…", 5);
	cut("éééé", 3, "éé…", 3);
	cut("ab", 1, "…", 1);
	cut("ab", 0, "", 0);
	cut("", 3, "", 0);
}

static void words_are_broken_before_the_width_and_indented(void **state)
{
	struct buf out = buf_over(storage, sizeof storage);
	(void)state;
	buf_str_put(&out, STR("fix "));
	text_put_wrapped(&out, 4, 12, STR("aaaa bbb cccc dd eeeeeeeeeeeee f"));
	is(&out, "fix aaaa bbb\n    cccc dd\n    eeeeeeeeeeeee\n    f\n");
	buf_clear(&out);
	text_put_wrapped(&out, 0, 12, (struct str){ 0 });
	is(&out, "\n");
}

/* No line is wider than it may be but of a single word, and no word is lost. */
static void any_text_keeps_its_words_and_its_margin(void **state)
{
	struct rng rng;
	(void)state;
	rng_init(&rng, 5);
	for (int round = 0; round < 300; round++) {
		char text[300];
		size_t len = rng_below(&rng, sizeof text), width = 10 + rng_below(&rng, 60), i = 0;
		for (size_t at = 0; at < len; at++)
			text[at] = at && text[at - 1] != ' ' && rng_below(&rng, 5) == 0 ? ' ' : 'x';
		struct buf out = buf_over(storage, sizeof storage);
		text_put_wrapped(&out, 4, width, str_make(text, len));
		struct str rest = buf_str(&out), line;
		assert_int_equal(rest.ptr[rest.len - 1], '\n');
		rest.len--;
		for (bool first = true; str_split(&rest, '\n', &line); first = false) {
			size_t blanks = first ? 0 : 4;
			struct str words = str_skip(line, blanks);
			assert_true(4 + words.len <= width ||
				    str_find_char(words, ' ') == words.len);
			i += !first; /* the blank that the line's end stands for */
			assert_true(i + words.len <= len);
			assert_memory_equal(text + i, words.ptr, words.len);
			i += words.len;
		}
		assert_int_equal(i, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_are_counted),
		cmocka_unit_test(what_is_cut_ends_in_an_ellipsis),
		cmocka_unit_test(words_are_broken_before_the_width_and_indented),
		cmocka_unit_test(any_text_keeps_its_words_and_its_margin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
