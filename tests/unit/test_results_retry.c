/* The ladder: when an entry that is no row is tried again, over restarts and jumps of the
 * clock, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/results_stage.h"

static const int64_t hour_ns = 3600000000000, slack_ms = 10;

static void add_bad(struct results_stage *stage)
{
	assert_true(results_other(
	    stage, "XADD trade_results 1784046190600-1 rid bad-1 st done vol NaN why \xff"));
	results_run(stage, 60 * results_ms_ns);
	assert_int_equal(results_integer(stage, "XLEN trade_results"), 1);
}

/* ms until it was tried so many times in this run. */
static int64_t until_tried(struct results_stage *stage, uint64_t times)
{
	int64_t begin = stage->now_ns;
	while (results_counts(stage->results).retried < times) {
		assert_true(stage->now_ns - begin < hour_ns);
		results_run(stage, 5 * results_ms_ns);
	}
	return (stage->now_ns - begin) / results_ms_ns;
}

#define CHECK_ABOUT(ms, expected) assert_in_range(ms, (expected)-slack_ms, (expected) + slack_ms)

static const struct archive_row *dead_letter(struct results_stage *stage)
{
	const struct archive_row *letter = NULL;
	results_run(stage, 300 * results_ms_ns);
	assert_int_equal(fake_writer_dead(stage->writer, STR("bad-1"), &letter), 1);
	assert_int_equal(fake_writer_retries(stage->writer), 0);
	assert_int_equal(writer_counted(stage->writer, "dead"), 1);
	assert_true(results_balance(stage));
	return letter;
}

static void an_entry_is_tried_after_10_30_and_120_s_and_is_then_a_dead_letter(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add_bad(&stage);
	results_other(&stage, "XADD trade_results * rid good-1 st done");
	int64_t read_at_ns = stage.now_ns;
	results_run(&stage, 400 * results_ms_ns);
	assert_int_equal(fake_writer_found(stage.writer, STR("good-1")), 1);
	assert_int_equal(results_integer(&stage, "XPENDING trade_results archive"), 0);
	assert_int_equal(fake_writer_retries(stage.writer), 1);
	assert_string_equal(fake_writer_retry(stage.writer, 0)->reason.ptr, "why: not UTF-8");
	until_tried(&stage, 1);
	assert_in_range((stage.now_ns - read_at_ns) / results_ms_ns, 9900, 10060);
	CHECK_ABOUT(until_tried(&stage, 2), 30000);
	assert_int_equal(fake_writer_dead(stage.writer, STR("bad-1"), NULL), 0);
	CHECK_ABOUT(until_tried(&stage, 3), 120000);
	const struct archive_row *letter = dead_letter(&stage);
	assert_int_equal(archive_cell_int(letter, COLUMN_dead_letters_attempts, 0), 4);
	assert_true(
	    str_eq(archive_cell_text(letter, COLUMN_dead_letters_reason), STR("why: not UTF-8")));
	assert_true(str_eq(archive_cell_text(letter, COLUMN_dead_letters_entry_id),
			   STR("1784046190600-1")));
	assert_true(
	    str_eq(archive_cell_text(letter, COLUMN_dead_letters_payload),
		   STR("{\"rid\":\"bad-1\",\"st\":\"done\",\"vol\":\"NaN\",\"why\":\"\\udcff\"}")));
	assert_true(
	    str_eq(archive_cell_text(letter, COLUMN_dead_letters_origin), STR("trade_results")));
	results_deinit(&stage);
}

static void the_ladder_goes_on_over_restarts(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add_bad(&stage);
	until_tried(&stage, 1);
	results_run(&stage, 12 * results_second_ns);
	results_restart(&stage); /* 0.6 s of it */
	CHECK_ABOUT(until_tried(&stage, 1), 17400);
	results_run(&stage, results_second_ns);
	results_die(&stage);
	results_run(&stage, 300 * results_second_ns); /* due while weir was away */
	results_live(&stage);
	assert_true(until_tried(&stage, 1) < 500);
	dead_letter(&stage);
	results_deinit(&stage);
}

static void a_crash_before_the_retry_is_committed_repeats_the_entry(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	stage.commits = false;
	add_bad(&stage);
	results_restart(&stage);
	stage.commits = true;
	results_run(&stage, 500 * results_ms_ns);
	assert_int_equal(fake_writer_retries(stage.writer), 1);
	until_tried(&stage, 3);
	dead_letter(&stage);
	assert_int_equal(writer_counted(stage.writer, "read"), 1);
	results_deinit(&stage);
}

/* Neither hastened nor held up; and what the file says is right again. */
static void a_jump_of_the_clock_changes_nothing(void **state)
{
	static const int64_t jumps[] = { 3600000000000, -3600000000000 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
		struct results_stage stage;
		results_begin(&stage);
		add_bad(&stage);
		until_tried(&stage, 1);
		results_run(&stage, 10 * results_second_ns);
		stage.wall_less_ns = jumps[i];
		CHECK_ABOUT(until_tried(&stage, 2), 20000);
		results_run(&stage, 20 * results_second_ns);
		stage.wall_less_ns = -jumps[i];
		results_run(&stage, 10 * results_second_ns);
		int64_t due_ms = fake_writer_retry(stage.writer, 0)->due_ms;
		CHECK_ABOUT(due_ms - results_wall(&stage) / results_ms_ns, 90000);
		results_restart(&stage); /* and after a restart, too */
		CHECK_ABOUT(until_tried(&stage, 1), 89400);
		dead_letter(&stage);
		results_deinit(&stage);
	}
}

static void a_clock_set_back_while_weir_was_away_holds_nothing_up(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add_bad(&stage);
	until_tried(&stage, 1);
	results_run(&stage, results_second_ns);
	results_die(&stage);
	stage.wall_less_ns = -hour_ns;
	results_run(&stage, results_second_ns);
	results_live(&stage);
	CHECK_ABOUT(until_tried(&stage, 1), 30000);
	results_deinit(&stage);
}

static void a_writer_in_trouble_delays_and_loses_nothing(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add_bad(&stage);
	results_run(&stage, 5 * results_second_ns);
	fake_writer_trouble(stage.writer, true);
	results_run(&stage, 600 * results_second_ns);
	assert_int_equal(results_counts(stage.results).retried, 0);
	fake_writer_trouble(stage.writer, false);
	assert_true(until_tried(&stage, 1) < 500);
	CHECK_ABOUT(until_tried(&stage, 2), 30000);
	CHECK_ABOUT(until_tried(&stage, 3), 120000);
	dead_letter(&stage);
	results_deinit(&stage);
}

/* More than memory holds: all of them end, some later than their time. */
static void a_flood_of_bad_entries_ends_as_dead_letters(void **state)
{
	enum { FLOOD = 10000 };
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	for (int i = 0; i < FLOOD; i++)
		results_other(&stage, "XADD trade_results * rid bad-%d", i);
	results_run(&stage, 2000 * results_second_ns);
	assert_true(results_counts(stage.results).put_off > 0);
	assert_int_equal(writer_counted(stage.writer, "dead"), FLOOD);
	assert_int_equal(fake_writer_retries(stage.writer), 0);
	assert_int_equal(writer_rows(stage.writer, TABLE_dead_letters), FLOOD);
	assert_true(results_balance(&stage));
	results_deinit(&stage);
}

/* ---- weir archive dead retry ---- */

static void try_letter(struct results_stage *stage, const char *payload)
{
	const struct writer_retry letter = { .origin = STR("trade_results"),
					     .entry_id = STR("1784046190600-1"),
					     .letter_id = STR("bad-1"),
					     .payload = str_of(payload),
					     .reason = STR("vol: not a number") };
	struct writer_batch *batch = writer_batch_take(stage->writer);
	assert_non_null(batch);
	writer_dead_drop(batch, letter.origin, letter.letter_id);
	results_retry(stage->results, batch, &letter);
	writer_submit(stage->writer, batch);
	results_run(stage, 400 * results_ms_ns);
}

static void a_dead_letter_is_tried_at_once_and_then_by_the_ladder(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add_bad(&stage);
	until_tried(&stage, 3);
	dead_letter(&stage);
	try_letter(&stage, "{\"rid\":\"bad-1\",\"st\":\"done\",\"vol\":\"NaN\"}");
	assert_int_equal(results_counts(stage.results).retried, 4);
	assert_int_equal(fake_writer_dead(stage.writer, STR("bad-1"), NULL), 0);
	assert_int_equal(fake_writer_retries(stage.writer), 1);
	assert_true(results_balance(&stage));
	until_tried(&stage, 7);
	dead_letter(&stage);
	try_letter(&stage, "{\"rid\":\"bad-1\",\"st\":\"done\",\"vol\":\"1\"}");
	assert_int_equal(fake_writer_found(stage.writer, STR("bad-1")), 1);
	assert_int_equal(writer_counted(stage.writer, "dead"), 0);
	assert_int_equal(fake_writer_retries(stage.writer), 0);
	assert_true(results_balance(&stage));
	results_deinit(&stage);
}

static void a_letter_of_a_sink_is_left_alone(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	struct writer_batch *batch = writer_batch_take(stage.writer);
	results_retry(stage.results, batch,
		      &(struct writer_retry){ .origin = STR("clickhouse"), .payload = STR("{}") });
	writer_submit(stage.writer, batch);
	results_run(&stage, results_second_ns);
	assert_int_equal(writer_counted(stage.writer, "dead"), 0);
	assert_int_equal(fake_writer_retries(stage.writer), 0);
	results_deinit(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_tried_after_10_30_and_120_s_and_is_then_a_dead_letter),
		cmocka_unit_test(the_ladder_goes_on_over_restarts),
		cmocka_unit_test(a_crash_before_the_retry_is_committed_repeats_the_entry),
		cmocka_unit_test(a_jump_of_the_clock_changes_nothing),
		cmocka_unit_test(a_clock_set_back_while_weir_was_away_holds_nothing_up),
		cmocka_unit_test(a_writer_in_trouble_delays_and_loses_nothing),
		cmocka_unit_test(a_flood_of_bad_entries_ends_as_dead_letters),
		cmocka_unit_test(a_dead_letter_is_tried_at_once_and_then_by_the_ladder),
		cmocka_unit_test(a_letter_of_a_sink_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
