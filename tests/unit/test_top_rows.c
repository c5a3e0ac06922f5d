/* Rows of weir top's panes: read, sorted, filtered, as lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
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
	assert_int_equal(top_rows_read(TOP_fleet, str_of(answer), view, &rows), STATUS_OK);
	assert_int_equal(rows.total, 3);
	for (size_t i = 0; i < rows.count; i++)
		buf_printf(&text, "%s", top_row_name(&rows, i));
	out[text.len] = 0;
	assert_string_equal(top_row_name(&rows, rows.count), "");
	top_rows_free(&rows);
}

static size_t column_named(const char *key)
{
	size_t i = 0;
	while (i < top_column_count(TOP_fleet) && strcmp(top_column(TOP_fleet, i)->key, key) != 0)
		i++;
	assert_true(i < top_column_count(TOP_fleet));
	return i;
}

static void every_pane_has_columns_that_fit_a_terminal(void **state)
{
	(void)state;
	for (enum top_pane pane = 0; pane < TOP_PANES; pane++) {
		size_t count = top_column_count(pane);
		enum top_pane parsed;
		assert_in_range(count, 3, TOP_COLUMNS_MAX);
		assert_true(top_pane_parse(str_of(top_pane_row(pane)->name), &parsed));
		assert_int_equal(parsed, pane);
		assert_true(top_column(pane, 0)->kind == TOP_TEXT); /* names the row */
		for (size_t i = 0; i < count; i++)
			assert_true((int)strlen(top_column(pane, i)->title) <=
				    top_column(pane, i)->width);
	}
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

static void without_a_column_they_stay_as_they_came(void **state)
{
	char ids[16];
	struct top_view view = { .sort = TOP_COLUMNS_MAX };
	(void)state;
	order(&view, ids, sizeof ids);
	assert_string_equal(ids, "bac");
	view.reverse = true;
	order(&view, ids, sizeof ids);
	assert_string_equal(ids, "cab");
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

static void a_line_holds_the_columns_that_fit_whole(void **state)
{
	char storage[512];
	struct buf out = buf_over(storage, sizeof storage);
	struct top_view view = { 0 };
	struct top_rows rows;
	(void)state;
	assert_int_equal(top_rows_read(TOP_fleet, str_of(answer), &view, &rows), STATUS_OK);
	top_head(&out, TOP_fleet, &view, 30);
	top_line(&out, &rows, rows.rows[0], 30);
	static const char expected[] = "id+            state      \na              FAILED     \n";
	assert_int_equal(out.len, sizeof expected - 1);
	assert_memory_equal(storage, expected, sizeof expected - 1);
	top_rows_free(&rows);
}

static void a_last_text_takes_what_is_left(void **state)
{
	static const char now[] = "{\"t_ms\":1,\"parts\":[{\"part\":\"feeds\",\"light\":\"warn\","
				  "\"reason\":\"3 of 4 connections live and more words\"}]}";
	char storage[512];
	struct buf out = buf_over(storage, sizeof storage);
	struct top_view view = { .sort = TOP_COLUMNS_MAX };
	struct top_rows rows;
	(void)state;
	assert_int_equal(top_rows_read(TOP_overview, str_of(now), &view, &rows), STATUS_OK);
	top_line(&out, &rows, rows.rows[0], 200);
	assert_memory_equal(
	    storage, "feeds      warn      3 of 4 connections live and more words\n", out.len);
	assert_int_equal(out.len, 60);
	top_rows_free(&rows);
}

static void units_are_shown_and_ages_count_from_the_answer(void **state)
{
	static const char memory[] = "{\"data\":{\"segments\":[{\"segment\":\"rms\",\"used\":"
				     "12345678,\"full_in_s\":7200}]}}";
	static const char markets[] = "{\"t_ms\":1000000,\"markets\":[{\"market\":\"m\","
				      "\"last_ms\":940000,\"price\":\"1.50\"}]}";
	struct top_view view = { .sort = TOP_COLUMNS_MAX };
	struct top_rows rows;
	char cell[TOP_CELL_BYTES];
	(void)state;
	assert_int_equal(top_rows_read(TOP_segments, str_of(memory), &view, &rows), STATUS_OK);
	for (size_t i = 0; i < top_column_count(TOP_segments); i++) {
		const struct top_column *column = top_column(TOP_segments, i);
		struct str text = top_cell(&rows, rows.rows[0], column, cell);
		if (strcmp(column->key, "used") == 0)
			assert_true(str_eq(text, STR("12.3")));
		if (strcmp(column->key, "full_in_s") == 0)
			assert_true(str_eq(text, STR("2 h")));
	}
	top_rows_free(&rows);
	assert_int_equal(top_rows_read(TOP_markets, str_of(markets), &view, &rows), STATUS_OK);
	for (size_t i = 0; i < top_column_count(TOP_markets); i++) {
		const struct top_column *column = top_column(TOP_markets, i);
		if (column->kind == TOP_AGE)
			assert_true(
			    str_eq(top_cell(&rows, rows.rows[0], column, cell), STR("60 s")));
	}
	top_rows_free(&rows);
}

static void what_is_no_answer_is_refused(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "{}", "{\"instances\":1}", "null" };
	struct top_view view = { 0 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct top_rows rows;
		assert_int_equal(top_rows_read(TOP_fleet, str_of(texts[i]), &view, &rows),
				 STATUS_FORMAT);
		assert_null(rows.root);
		assert_int_equal(rows.count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pane_has_columns_that_fit_a_terminal),
		cmocka_unit_test(rows_are_sorted_by_text_and_by_number),
		cmocka_unit_test(without_a_column_they_stay_as_they_came),
		cmocka_unit_test(what_is_absent_is_less_than_everything),
		cmocka_unit_test(a_filter_looks_into_every_word),
		cmocka_unit_test(a_line_holds_the_columns_that_fit_whole),
		cmocka_unit_test(a_last_text_takes_what_is_left),
		cmocka_unit_test(units_are_shown_and_ages_count_from_the_answer),
		cmocka_unit_test(what_is_no_answer_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
