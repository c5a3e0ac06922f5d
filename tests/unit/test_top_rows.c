#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/top_rows.h"

static const char answer[] =
    "{\"instances\":["
    "{\"id\":\"b\",\"state\":\"RUNNING\",\"flags\":\"\",\"host\":\"h1\",\"pl\":\"-10.50\","
    "\"positions\":3,\"eq\":\"99.00\"},"
    "{\"id\":\"a\",\"state\":\"FAILED\",\"flags\":\"suspect\",\"host\":\"h2\",\"pl\":\"9.10\","
    "\"positions\":12,\"eq\":null},"
    "{\"id\":\"c\",\"state\":\"STOPPED\",\"flags\":\"held\",\"host\":\"h1\",\"pl\":null,"
    "\"positions\":0,\"eq\":\"1000.00\"}]}";

static void order(const struct top_view *view, char *out, size_t size)
{
	struct top_rows rows;
	struct buf text = buf_over(out, size - 1);
	assert_int_equal(top_rows_read(str_of(answer), view, &rows), STATUS_OK);
	assert_int_equal(rows.total, 3);
	for (size_t i = 0; i < rows.count; i++)
		buf_printf(&text, "%s", json_string_value(json_object_get(rows.rows[i], "id")));
	out[text.len] = 0;
	top_rows_free(&rows);
}

static size_t column_named(const char *name)
{
	size_t i = 0;
	while (i < TOP_COLUMNS && strcmp(top_column(i)->name, name) != 0)
		i++;
	assert_true(i < TOP_COLUMNS);
	return i;
}

static void rows_are_sorted_by_text_and_by_number(void **state)
{
	char ids[16];
	struct top_view view = { 0 };
	(void)state;
	order(&view, ids, sizeof ids);
	assert_string_equal(ids, "abc");
	view.reverse = true;
	order(&view, ids, sizeof ids);
	assert_string_equal(ids, "cba");
	view = (struct top_view){ .sort = column_named("positions") };
	order(&view, ids, sizeof ids);
	assert_string_equal(ids, "cba"); /* 0 3 12: as numbers, not as text */
}

static void what_is_absent_is_less_than_everything(void **state)
{
	char ids[16];
	struct top_view view = { .sort = column_named("pl") };
	(void)state;
	order(&view, ids, sizeof ids);
	assert_string_equal(ids, "cba");
	view.sort = column_named("eq");
	order(&view, ids, sizeof ids);
	assert_string_equal(ids, "abc");
}

static void a_filter_looks_into_every_word(void **state)
{
	char ids[16];
	struct top_view view = { .filter = "H1" };
	(void)state;
	order(&view, ids, sizeof ids);
	assert_string_equal(ids, "bc");
	memcpy(view.filter, "suspect", 8);
	order(&view, ids, sizeof ids);
	assert_string_equal(ids, "a");
	memcpy(view.filter, "nobody", 7);
	order(&view, ids, sizeof ids);
	assert_string_equal(ids, "");
}

static void lines_are_cut_at_the_width(void **state)
{
	char storage[512];
	struct buf out = buf_over(storage, sizeof storage);
	struct top_view view = { 0 };
	struct top_rows rows;
	(void)state;
	assert_int_equal(top_rows_read(str_of(answer), &view, &rows), STATUS_OK);
	top_head(&out, &view, 30);
	assert_int_equal(out.len, 31);
	top_line(&out, rows.rows[0], 30);
	assert_int_equal(out.len, 62);
	assert_memory_equal(storage,
			    "id+            state      flag\na              FAILED     susp\n", 62);
	top_rows_free(&rows);
}

static void what_is_no_answer_is_refused(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "{}", "{\"instances\":1}", "null" };
	struct top_view view = { 0 };
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct top_rows rows;
		assert_int_equal(top_rows_read(str_of(texts[i]), &view, &rows), STATUS_FORMAT);
		assert_null(rows.root);
		assert_int_equal(rows.count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_sorted_by_text_and_by_number),
		cmocka_unit_test(what_is_absent_is_less_than_everything),
		cmocka_unit_test(a_filter_looks_into_every_word),
		cmocka_unit_test(lines_are_cut_at_the_width),
		cmocka_unit_test(what_is_no_answer_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
