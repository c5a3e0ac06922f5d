/* weir top without a screen: what keys do, and what the picture says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "cli/top_frame.h"

static struct top_model model;

static void press(const char *keys)
{
	for (; *keys; keys++)
		top_model_press(&model, *keys, "row");
}

static struct top_view *view(void) { return &top_model_place(&model)->view; }

static void digits_and_tab_go_through_the_panes(void **state)
{
	(void)state;
	top_model_init(&model, TOP_overview);
	for (enum top_pane pane = 0; pane < TOP_PANES; pane++) {
		assert_true(top_model_press(&model, '1' + (int)pane, ""));
		assert_int_equal(model.pane, pane);
	}
	top_model_press(&model, TOP_KEY_TAB, "");
	assert_int_equal(model.pane, TOP_overview);
	top_model_press(&model, TOP_KEY_BACK_TAB, "");
	assert_int_equal(model.pane, TOP_alerts);
	top_model_press(&model, '7', "");
	assert_int_equal(model.pane, TOP_alerts);
}

static void each_pane_remembers_how_it_was_looked_at(void **state)
{
	(void)state;
	top_model_init(&model, TOP_fleet);
	press("sr/mt5");
	top_model_press(&model, TOP_KEY_ENTER, "");
	assert_string_equal(view()->filter, "mt5");
	press("3");
	assert_string_equal(view()->filter, "");
	press("2");
	assert_string_equal(view()->filter, "mt5");
	assert_int_equal(view()->sort, 1);
	assert_true(view()->reverse);
}

static void sorting_goes_through_the_columns_and_back_to_none(void **state)
{
	(void)state;
	top_model_init(&model, TOP_overview);
	assert_int_equal(view()->sort, TOP_COLUMNS_MAX);
	press("s");
	assert_int_equal(view()->sort, 0);
	press("ss");
	assert_int_equal(view()->sort, 2);
	press("s");
	assert_int_equal(view()->sort, TOP_COLUMNS_MAX);
}

static void while_a_filter_is_typed_letters_are_text(void **state)
{
	(void)state;
	top_model_init(&model, TOP_fleet);
	press("/qs1?");
	assert_false(model.ended || model.help);
	assert_int_equal(model.pane, TOP_fleet);
	assert_string_equal(view()->filter, "qs1?");
	top_model_press(&model, TOP_KEY_BACKSPACE, "");
	assert_string_equal(view()->filter, "qs1");
	top_model_press(&model, TOP_KEY_ESCAPE, "");
	assert_string_equal(view()->filter, "");
	assert_false(model.typing);
	press("/");
	for (int i = 0; i < 2 * TOP_FILTER_MAX; i++)
		press("x");
	assert_int_equal(strlen(view()->filter), TOP_FILTER_MAX - 1);
}

static void the_cursor_stays_on_a_row_and_in_sight(void **state)
{
	struct top_place *place;
	(void)state;
	top_model_init(&model, TOP_fleet);
	place = top_model_place(&model);
	top_model_settle(&model, 100);
	size_t room = (size_t)top_model_room(&model);
	top_model_press(&model, TOP_KEY_UP, "");
	assert_int_equal(place->cursor, 0);
	top_model_press(&model, TOP_KEY_END, "");
	assert_int_equal(place->cursor, 99);
	assert_int_equal(place->first, 100 - room);
	top_model_press(&model, TOP_KEY_PAGE_UP, "");
	assert_int_equal(place->cursor, 100 - room);
	top_model_press(&model, TOP_KEY_DOWN, "");
	top_model_settle(&model, 3);
	assert_int_equal(place->cursor, 2);
	assert_true(place->first <= 2);
	top_model_settle(&model, 0);
	assert_int_equal(place->cursor, 0);
	top_model_press(&model, TOP_KEY_HOME, "");
	assert_int_equal(place->first, 0);
}

static void a_row_is_looked_into_and_left(void **state)
{
	(void)state;
	top_model_init(&model, TOP_fleet);
	top_model_press(&model, TOP_KEY_ENTER, "mt5-017");
	assert_string_equal(top_model_place(&model)->open, "mt5-017");
	top_model_press(&model, TOP_KEY_ESCAPE, "");
	assert_string_equal(top_model_place(&model)->open, "");
	top_model_press(&model, TOP_KEY_ENTER, "");
	assert_string_equal(top_model_place(&model)->open, "");
}

static void held_it_asks_for_nothing(void **state)
{
	(void)state;
	top_model_init(&model, TOP_fleet);
	assert_true(top_model_press(&model, TOP_KEY_NONE, ""));
	press(" ");
	assert_false(top_model_press(&model, TOP_KEY_NONE, ""));
	press(" ");
	assert_true(top_model_press(&model, TOP_KEY_NONE, ""));
	press("?");
	assert_true(model.help);
	press("q");
	assert_false(model.help || model.ended); /* it closed the help */
	press("q");
	assert_true(model.ended);
}

/* ---- the picture ---- */

static const char now_text[] =
    "{\"t_ms\":1,\"version\":\"0.1.0\",\"uptime_s\":7200,\"simulated\":true,\"light\":\"warn\","
    "\"parts\":[{\"part\":\"segments\",\"light\":\"ok\",\"reason\":\"7 of 7 up\"},"
    "{\"part\":\"feeds\",\"light\":\"critical\",\"reason\":\"0 of 8 connections live\"}],"
    "\"ledger\":{\"balanced\":true},"
    "\"worst\":{\"segment\":\"rms\",\"time_to_full_s\":7200,\"used_share\":0.41}}";

struct picture {
	struct top_frame frame;
	struct top_rows rows;
	struct top_scene scene;
	char *lines[TOP_LINES_MAX];
};

static struct picture *draw(const char *trouble, const json_t *open)
{
	struct picture *picture = calloc(1, sizeof *picture);
	assert_int_equal(top_rows_read(model.pane, str_of(now_text), view(), &picture->rows),
			 STATUS_OK);
	picture->scene = (struct top_scene){
		.rows = &picture->rows, .now = picture->rows.root, .open = open, .trouble = trouble
	};
	top_model_settle(&model, picture->rows.count);
	top_frame_init(&picture->frame);
	top_frame_draw(&picture->frame, &model, &picture->scene);
	struct str rest = buf_str(&picture->frame.text), line;
	for (size_t i = 0; i < picture->frame.count && str_split(&rest, '\n', &line); i++)
		picture->lines[i] = str_dup(line);
	return picture;
}

static void wipe(struct picture *picture)
{
	for (size_t i = 0; i < picture->frame.count; i++)
		free(picture->lines[i]);
	top_frame_deinit(&picture->frame);
	top_rows_free(&picture->rows);
	free(picture);
}

static void the_picture_fills_the_screen_and_no_more(void **state)
{
	(void)state;
	top_model_init(&model, TOP_overview);
	struct picture *picture = draw("", NULL);
	assert_int_equal(picture->frame.count, 24);
	for (size_t i = 0; i < picture->frame.count; i++)
		assert_true(strlen(picture->lines[i]) <= 80);
	assert_string_equal(
	    picture->lines[0],
	    "weir 0.1.0 warn  up 2 h  SIMULATED  ledger balances  fullest rms 41 % in 2 h");
	assert_int_equal(picture->frame.lines[0].look, LOOK_WARN);
	assert_non_null(strstr(picture->lines[1], "[1 overview]"));
	assert_int_equal(picture->frame.lines[2].look, LOOK_BAR);
	assert_non_null(strstr(picture->lines[3], "7 of 7 up"));
	assert_int_equal(picture->frame.lines[3].look, LOOK_OK);
	assert_true(picture->frame.lines[3].chosen);
	assert_int_equal(picture->frame.lines[4].look, LOOK_BAD);
	assert_false(picture->frame.lines[4].chosen);
	assert_non_null(strstr(picture->lines[23], "q quit"));
	wipe(picture);
}

static void a_small_terminal_is_told_so(void **state)
{
	(void)state;
	top_model_init(&model, TOP_overview);
	model.width = 79;
	struct picture *picture = draw("", NULL);
	assert_int_equal(picture->frame.count, 2);
	assert_string_equal(picture->lines[0], "weir top wants 80 x 24, this is 79 x 24");
	wipe(picture);
}

static void trouble_and_a_filter_are_said(void **state)
{
	(void)state;
	top_model_init(&model, TOP_overview);
	struct picture *picture = draw("no weir runs on ./var", NULL);
	assert_string_equal(picture->lines[3], "no weir runs on ./var");
	wipe(picture);
	press("/zzz");
	picture = draw("", NULL);
	assert_string_equal(picture->lines[3], "nothing fits the filter");
	assert_non_null(strstr(picture->lines[23], "filter: zzz_"));
	wipe(picture);
}

static void what_is_open_is_shown_member_by_member(void **state)
{
	json_error_t fault;
	json_t *open = json_loads("{\"id\":\"a\",\"numbers\":{\"eq\":\"1.50\"},"
				  "\"positions\":[{\"ticket\":7}]}",
				  0, &fault);
	(void)state;
	top_model_init(&model, TOP_overview);
	top_model_press(&model, TOP_KEY_ENTER, "a");
	struct picture *picture = draw("", open);
	assert_int_equal(model.lines, 5);
	assert_string_equal(picture->lines[3], "id                     a");
	assert_string_equal(picture->lines[5], "  eq                   1.50");
	assert_string_equal(picture->lines[7], "  {\"ticket\":7}");
	wipe(picture);
	picture = draw("", NULL);
	assert_string_equal(picture->lines[3], "it is not there any more: Esc");
	wipe(picture);
	json_decref(open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_and_tab_go_through_the_panes),
		cmocka_unit_test(each_pane_remembers_how_it_was_looked_at),
		cmocka_unit_test(sorting_goes_through_the_columns_and_back_to_none),
		cmocka_unit_test(while_a_filter_is_typed_letters_are_text),
		cmocka_unit_test(the_cursor_stays_on_a_row_and_in_sight),
		cmocka_unit_test(a_row_is_looked_into_and_left),
		cmocka_unit_test(held_it_asks_for_nothing),
		cmocka_unit_test(the_picture_fills_the_screen_and_no_more),
		cmocka_unit_test(a_small_terminal_is_told_so),
		cmocka_unit_test(trouble_and_a_filter_are_said),
		cmocka_unit_test(what_is_open_is_shown_member_by_member),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
