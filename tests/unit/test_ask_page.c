/* Pages and sums: what answers are made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "ask/page.h"
#include "ask/sum.h"
#include "base/rng.h"
#include "market/analysis.h"

static char storage[65536];

static void is(const struct buf *out, const char *expected)
{
	assert_false(out->overflow);
	assert_int_equal(out->len, strlen(expected));
	assert_memory_equal(out->ptr, expected, out->len);
}

static void draw(struct page *page)
{
	page_bold(page, STR("A < B · C"));
	page_table_begin(page);
	page_fact(page, "Level", "\"HIGH\"");
	page_facts(page, "Delta", figure_word("1"), figure_word("22"));
	page_table_end(page);
	page_text(page, "end & out");
	page_end_line(page);
}

static void one_drawing_gives_text_and_html(void **state)
{
	(void)state;
	struct page page;
	struct buf out = buf_over(storage, sizeof storage);
	page_init(&page, &out, false);
	draw(&page);
	is(&out, "A < B · C\n"
		 "Level                       \"HIGH\"\n"
		 "Delta                1          22\n"
		 "end & out\n");
	assert_int_equal(page.chars, 10 + 35 + 35 + 10);
	buf_clear(&out);
	page_init(&page, &out, true);
	draw(&page);
	is(&out, "<b>A &lt; B · C</b>\n"
		 "<pre>Level                       &quot;HIGH&quot;\n"
		 "Delta                1          22</pre>\n"
		 "end &amp; out\n");
	assert_int_equal(page.chars, 10 + 35 + 35 + 10);
}

static void a_column_that_is_full_moves_right(void **state)
{
	(void)state;
	struct page page;
	struct buf out = buf_over(storage, sizeof storage);
	page_init(&page, &out, false);
	page_text(&page, "a rather long label");
	page_right(&page, 10, STR("x"));
	page_end_line(&page);
	page_right(&page, 3, STR("wider"));
	is(&out, "a rather long label x\n wider");
}

static void a_table_never_leaves_its_columns(void **state)
{
	(void)state;
	struct page page;
	struct buf out = buf_over(storage, sizeof storage);
	page_init(&page, &out, false);
	page_table_begin(&page);
	page_text(&page, "a label of twenty-one");
	page_right(&page, PAGE_COLUMNS, STR("twelve chars"));
	page_end_line(&page);
	page_text(&page, "a label of twenty-two!");
	page_right(&page, PAGE_COLUMNS, STR("twelve chars"));
	page_end_line(&page);
	page_marked(&page, figure_word("12"), "*");
	page_end_line(&page);
	page_marked(&page, figure_word("12"), "");
	page_end_line(&page);
	page_table_end(&page);
	is(&out, "a label of twenty-one twelve chars\n"
		 "a label of twenty-two!\n"
		 "                      twelve chars\n"
		 "                               12*\n"
		 "                               12\n");
}

static void undo_takes_back_what_followed_the_mark(void **state)
{
	(void)state;
	struct page page;
	struct buf out = buf_over(storage, sizeof storage);
	page_init(&page, &out, true);
	page_text(&page, "kept");
	struct page_mark mark = page_mark(&page);
	page_end_line(&page);
	page_table_begin(&page);
	page_undo(&page, &mark);
	assert_false(page.table);
	assert_int_equal(page.chars, 4);
	assert_int_equal(page.column, 4);
	is(&out, "kept");
}

static void sums_of_many_scales_are_exact(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 11);
	struct sum sum = { 0 };
	i128 expected = 0; /* at scale 18 */
	for (int i = 0; i < 10000; i++) {
		int32_t scale = (int32_t)rng_below(&rng, 19);
		int64_t value = (int64_t)rng_below(&rng, 2000001) - 1000000;
		sum_add(&sum, value, scale);
		expected += (i128)value * decimal_pow10(18 - scale);
	}
	assert_false(sum.bad);
	assert_int_equal(sum.scale, 18);
	assert_true(sum.value == expected);
	struct sum nothing = sum_minus(sum, sum);
	assert_true(nothing.value == 0 && !nothing.bad);
}

static void a_sum_that_does_not_fit_is_unknown(void **state)
{
	(void)state;
	struct sum sum = { 0 };
	sum_add(&sum, (i128)INT64_MAX * INT64_MAX, 0);
	assert_false(sum.bad);
	sum_add(&sum, 1, 36);
	assert_true(sum.bad);
	struct figure shown = sum_short(&sum, FIGURE_PLUS);
	assert_memory_equal(shown.text, "n/a", 3);
	struct buf out = buf_over(storage, sizeof storage);
	struct json_out json = { .out = &out };
	sum_json(&sum, &json, NULL);
	is(&out, "null");
	struct sum small = { .value = 1 };
	assert_true(sum_plus(small, sum).bad);
	assert_true(sum_minus(sum, small).bad);
}

static void ratios_of_sums_are_those_of_the_figures(void **state)
{
	(void)state;
	struct quote_flow total = { 0 };
	struct flow a = { .buy_quote = 300, .sell_quote = 100 };
	struct flow b = { .buy_quote = 3000000, .sell_quote = 5000000 };
	quote_flow_add(&total, &a, 2);
	quote_flow_add(&total, &b, 6); /* 3 and 5 */
	struct flow flow = quote_flow_as_flow(&total);
	assert_true(fabs(flow_ratio(&flow) - 0.5) < 1e-9); /* 6 of 12 */
	struct sum volume = quote_flow_volume(&total), delta = quote_flow_delta(&total);
	assert_true(volume.value == 12 * 1000000 && delta.value == 0);
	struct flow huge = { .buy_quote = (i128)INT64_MAX * 1000000 };
	quote_flow_add(&total, &huge, 0);
	flow = quote_flow_as_flow(&total);
	assert_true(isnan(flow_ratio(&flow)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_drawing_gives_text_and_html),
		cmocka_unit_test(a_column_that_is_full_moves_right),
		cmocka_unit_test(a_table_never_leaves_its_columns),
		cmocka_unit_test(undo_takes_back_what_followed_the_mark),
		cmocka_unit_test(sums_of_many_scales_are_exact),
		cmocka_unit_test(a_sum_that_does_not_fit_is_unknown),
		cmocka_unit_test(ratios_of_sums_are_those_of_the_figures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
