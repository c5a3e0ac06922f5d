/* Long texts in parts: where they end, that tags survive it, that nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/rng.h"
#include "telegram/parts.h"

static char storage[256 << 10];

/* All parts of it, "|" between them. */
static const char *cut(const char *html, size_t units)
{
	struct buf out = buf_over(storage, sizeof storage - 1);
	struct parts parts;
	parts_init(&parts, str_of(html));
	for (bool first = true; parts_more(&parts); first = false) {
		if (!first)
			buf_char(&out, '|');
		assert_true(parts_next(&parts, units, &out));
	}
	size_t len = out.len;
	assert_false(parts_next(&parts, units, &out));
	assert_int_equal(out.len, len);
	assert_false(out.overflow);
	storage[len] = 0;
	return storage;
}

static void a_text_that_fits_is_one_part(void **state)
{
	(void)state;
	assert_string_equal(cut("", 10), "");
	assert_string_equal(cut("abc", 10), "abc");
	assert_string_equal(cut("0123456789", 10), "0123456789");
	assert_string_equal(cut("<b>01234</b>56789", 10), "<b>01234</b>56789");
	assert_string_equal(cut("a\nb\n", 10), "a\nb");
}

static void parts_end_at_line_ends_then_at_blanks_then_anywhere(void **state)
{
	(void)state;
	assert_string_equal(cut("one two\nthree\nfour", 14), "one two\nthree|four");
	assert_string_equal(cut("one two\nthree\nfour", 13), "one two|three\nfour");
	assert_string_equal(cut("one two three", 8), "one two |three");
	assert_string_equal(cut("0123456789", 4), "0123|4567|89");
	assert_string_equal(cut("a\n\n\nb", 2), "a|b");
	assert_string_equal(cut("     x", 2), " x");
	assert_string_equal(cut("x      ", 2), "x ");
}

static void tags_are_closed_at_a_cut_and_opened_again(void **state)
{
	(void)state;
	assert_string_equal(cut("<b>one\ntwo</b>", 5), "<b>one</b>|<b>two</b>");
	assert_string_equal(cut("<pre><b>ab</b>\ncd</pre>", 3),
			    "<pre><b>ab</b></pre>|<pre>cd</pre>");
	assert_string_equal(cut("<a href=\"x>y\">ab\ncd</a>e", 3),
			    "<a href=\"x>y\">ab</a>|<a href=\"x>y\">cd</a>e");
	assert_string_equal(cut("<b>ab</b>\n<i></i>", 2), "<b>ab</b>");
	assert_string_equal(cut("<B>ab\ncd</b>", 3), "<B>ab</B>|<B>cd</b>");
}

static void entities_and_wide_characters_are_never_cut(void **state)
{
	(void)state;
	assert_string_equal(cut("&lt;&gt;&amp;&quot;", 3), "&lt;&gt;&amp;|&quot;");
	assert_string_equal(cut("&#65;&#x42;C", 2), "&#65;&#x42;|C");
	/* An emoji counts as two. */
	assert_string_equal(cut("a\xF0\x9F\x98\x80"
				"b",
				2),
			    "a|\xF0\x9F\x98\x80|b");
	assert_string_equal(cut("\xC3\xA9\xE2\x82\xAC", 2), "\xC3\xA9\xE2\x82\xAC");
	assert_string_equal(cut("a&b;c&", 3), "a&b|;c&");
	assert_int_equal(parts_units(STR("<b>&lt;\xF0\x9F\x98\x80</b>x")), 4);
}

static void only_known_tags_closed_in_turn_are_html(void **state)
{
	(void)state;
	static const char *const good[] = { "", "a &amp; b & c", "<b><i>x</i></b>",
					    "<a href='<>'>x</a>", "<tg-spoiler>x</tg-spoiler>" };
	static const char *const bad[] = { "a < b",          "<b>",      "</b>",
					   "<b><i></b></i>", "<p>x</p>", "<b <i>>x",
					   "<a href=\"x>y",  "<",        "<b>x</i>" };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(parts_are_html(str_of(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(parts_are_html(str_of(bad[i])));
	struct buf deep = buf_over(storage, sizeof storage);
	for (int i = 0; i < PARTS_DEPTH; i++)
		buf_str_put(&deep, STR("<b>"));
	for (int i = 0; i < PARTS_DEPTH; i++)
		buf_str_put(&deep, STR("</b>"));
	assert_true(parts_are_html(buf_str(&deep)));
	buf_clear(&deep);
	for (int i = 0; i <= PARTS_DEPTH; i++)
		buf_str_put(&deep, STR("<b>"));
	for (int i = 0; i <= PARTS_DEPTH; i++)
		buf_str_put(&deep, STR("</b>"));
	assert_false(parts_are_html(buf_str(&deep)));
}

static void plain_is_what_is_seen(void **state)
{
	(void)state;
	char text[64];
	struct buf out = buf_over(text, sizeof text);
	parts_plain(STR("<b>a &lt; b</b> &#8364;\xFF"), &out);
	assert_true(str_eq(buf_str(&out), STR("a < b \xE2\x82\xAC\xEF\xBF\xBD")));
}

/* ---- any text ---- */

static void put_random(struct rng *rng, struct buf *out, int depth)
{
	static const char *const pieces[] = {
		"a",    "word ",      "\n", "&lt;", "\xE2\x82\xAC", "&#955;", "\xF0\x9F\x98\x80",
		"\n\n", "longerword", " "
	};
	static const char *const tags[] = { "b", "pre", "code", "i", "a" };
	for (uint64_t n = rng_below(rng, 30); n > 0; n--) {
		if (depth < 4 && rng_below(rng, 6) == 0) {
			const char *tag = tags[rng_below(rng, 5)];
			buf_printf(out, *tag == 'a' ? "<%s href=\"u\">" : "<%s>", tag);
			put_random(rng, out, depth + 1);
			buf_printf(out, "</%s>", tag);
		} else {
			buf_str_put(out, str_of(pieces[rng_below(rng, 10)]));
		}
	}
}

/* Without blanks: those at cuts go. */
static void put_seen(struct buf *out, struct str html)
{
	char text[64 << 10];
	struct buf plain = buf_over(text, sizeof text);
	parts_plain(html, &plain);
	assert_false(plain.overflow);
	for (size_t i = 0; i < plain.len; i++)
		if (text[i] != ' ' && text[i] != '\n')
			buf_char(out, text[i]);
}

static void parts_of_any_text_fit_are_html_and_lose_nothing(void **state)
{
	(void)state;
	static char source[64 << 10], part_text[64 << 10], all[64 << 10], wanted[64 << 10];
	struct rng rng;
	rng_init(&rng, 7);
	for (int round = 0; round < 3000; round++) {
		struct buf html = buf_over(source, sizeof source);
		struct buf seen = buf_over(all, sizeof all), want = buf_over(wanted, sizeof wanted);
		put_random(&rng, &html, 0);
		assert_false(html.overflow);
		size_t units = 2 + rng_below(&rng, 40);
		struct parts parts;
		parts_init(&parts, buf_str(&html));
		while (parts_more(&parts)) {
			struct buf part = buf_over(part_text, sizeof part_text);
			assert_true(parts_next(&parts, units, &part));
			assert_true(parts_are_html(buf_str(&part)));
			assert_in_range(parts_units(buf_str(&part)), 1, units);
			put_seen(&seen, buf_str(&part));
		}
		put_seen(&want, buf_str(&html));
		assert_true(str_eq(buf_str(&seen), buf_str(&want)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_that_fits_is_one_part),
		cmocka_unit_test(parts_end_at_line_ends_then_at_blanks_then_anywhere),
		cmocka_unit_test(tags_are_closed_at_a_cut_and_opened_again),
		cmocka_unit_test(entities_and_wide_characters_are_never_cut),
		cmocka_unit_test(only_known_tags_closed_in_turn_are_html),
		cmocka_unit_test(plain_is_what_is_seen),
		cmocka_unit_test(parts_of_any_text_fit_are_html_and_lose_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
