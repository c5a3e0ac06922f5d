/* The way from trade_results to the archive file: what is read, committed, acknowledged,
 * trimmed; and what happens when the stream, the server or the file is not what it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/results_stage.h"

static const char good[] = "st done vol 0.10 px 1.08514 t 1784046190500";

static void add(struct results_stage *stage, int from, int count)
{
	for (int i = from; i < from + count; i++)
		assert_true(
		    results_other(stage, "XADD trade_results * rid %d-mt5-%d %s", i, i, good));
}

static uint32_t found(struct results_stage *stage, int number)
{
	char rid[40];
	snprintf(rid, sizeof rid, "%d-mt5-%d", number, number);
	return fake_writer_found(stage->writer, str_of(rid));
}

static void check_all_once(struct results_stage *stage, int count)
{
	for (int i = 0; i < count; i++)
		assert_int_equal(found(stage, i), 1);
}

/* ---- the way of an entry ---- */

static void entries_are_committed_acknowledged_and_trimmed_in_this_order(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	stage.commits = false;
	add(&stage, 0, 10);
	results_run(&stage, 400 * results_ms_ns);
	assert_int_equal(writer_waiting(stage.writer), 1);
	assert_int_equal(results_integer(&stage, "XPENDING trade_results archive"), 10);
	fake_writer_checkpoint(stage.writer, true);
	results_run(&stage, 2 * results_second_ns);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 10);
	stage.commits = true;
	results_run(&stage, 50 * results_ms_ns);
	assert_int_equal(results_integer(&stage, "XPENDING trade_results archive"), 0);
	results_run(&stage, 2 * results_second_ns);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 10);
	fake_writer_checkpoint(stage.writer, true);
	results_run(&stage, 50 * results_ms_ns);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 0);
	check_all_once(&stage, 10);
	assert_true(results_balance(&stage));
	assert_int_equal(stage.n_tells, 0);
	results_deinit(&stage);
}

static void a_batch_is_200_ms_or_1000_rows_and_more_while_it_lags(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	uint64_t before = fake_writer_commits(stage.writer);
	stage.commits = false;
	add(&stage, 0, 3);
	results_run(&stage, 150 * results_ms_ns);
	assert_int_equal(writer_waiting(stage.writer), 0);
	results_run(&stage, 120 * results_ms_ns);
	assert_int_equal(writer_waiting(stage.writer), 1);
	add(&stage, 3, 60000);
	results_run(&stage, 2 * results_second_ns);
	assert_int_equal(writer_waiting(stage.writer), 2); /* and not more */
	stage.commits = true;
	assert_int_equal(results_settle(&stage), STATUS_OK);
	assert_in_range(fake_writer_commits(stage.writer) - before, 4, 20);
	check_all_once(&stage, 60003);
	results_deinit(&stage);
}

static void nothing_is_read_while_the_writer_is_in_trouble(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	fake_writer_trouble(stage.writer, true);
	add(&stage, 0, 10);
	results_run(&stage, 5 * results_second_ns);
	assert_int_equal(results_integer(&stage, "XPENDING trade_results archive"), 0);
	stage.ended = false;
	results_drain(stage.results, results_ended, &stage);
	assert_true(stage.ended && stage.status == STATUS_UNAVAILABLE);
	fake_writer_trouble(stage.writer, false);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	check_all_once(&stage, 10);
	results_deinit(&stage);
}

static void a_repeated_rid_is_known_and_counted(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0, 5);
	add(&stage, 0, 5);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	check_all_once(&stage, 5);
	assert_int_equal(results_counts(stage.results).known, 5);
	assert_int_equal(writer_counted(stage.writer, "known"), 5);
	assert_true(results_balance(&stage));
	results_deinit(&stage);
}

static void add_old(struct results_stage *stage, int64_t received_ms)
{
	assert_true(results_other(stage,
				  "XADD trade_results * rid old-1 st done ins mt5-1 sv %lld t %lld",
				  (long long)results_epoch_ms + 7200000, (long long)received_ms));
}

/* Sent again long after, by a terminal that lost its files: not in the writer's memory. */
static void begin_forgetful(struct results_stage *stage)
{
	results_init(stage);
	fake_writer_destroy(stage->writer);
	stage->writer = fake_writer_create(8, WRITER_BATCH_BYTES);
	results_destroy(stage->results);
	results_open(stage);
	results_start(stage->results);
}

static void a_rid_of_long_ago_is_looked_for_in_the_file(void **state)
{
	struct results_stage stage;
	(void)state;
	begin_forgetful(&stage);
	add_old(&stage, results_epoch_ms);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	add(&stage, 0, 100);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	add_old(&stage, results_epoch_ms + 3600000);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	assert_int_equal(fake_writer_found(stage.writer, STR("old-1")), 1);
	results_deinit(&stage);
}

static void what_is_read_again_is_looked_for_in_the_file(void **state)
{
	struct results_stage stage;
	(void)state;
	begin_forgetful(&stage);
	add(&stage, 0, 100);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	results_other(&stage, "SET archive:epoch other");
	results_run(&stage, 2 * results_second_ns);
	assert_int_equal(writer_counted(stage.writer, "known"), 100);
	add(&stage, 100, 1);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	check_all_once(&stage, 101);
	results_deinit(&stage);
}

/* ---- other groups, other consumers ---- */

static void what_another_group_has_not_read_or_not_acknowledged_stays(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	stage.checkpoint_ns = results_second_ns;
	results_other(&stage, "XGROUP CREATE trade_results audit 0");
	add(&stage, 0, 20);
	results_run(&stage, 5 * results_second_ns);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 20);
	results_other(&stage, "XREADGROUP GROUP audit me COUNT 12 STREAMS trade_results >");
	results_run(&stage, 5 * results_second_ns);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 20);
	results_other(&stage, "XGROUP DESTROY trade_results audit");
	results_run(&stage, 5 * results_second_ns);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 0);
	check_all_once(&stage, 20);
	results_deinit(&stage);
}

static void entries_of_a_dead_consumer_are_claimed_and_trimmed_after_a_checkpoint(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0, 300);
	results_other(&stage, "XREADGROUP GROUP archive old STREAMS trade_results >");
	add(&stage, 300, 5);
	results_run(&stage, 30 * results_second_ns);
	assert_int_equal(found(&stage, 0), 0);
	assert_int_equal(found(&stage, 304), 1);
	fake_writer_checkpoint(stage.writer, true);
	results_run(&stage, 2 * results_second_ns);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 305);
	results_run(&stage, 120 * results_second_ns);
	assert_int_equal(found(&stage, 0), 1);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 305);
	stage.checkpoint_ns = results_second_ns;
	results_run(&stage, 120 * results_second_ns);
	check_all_once(&stage, 305);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 0);
	assert_int_equal(results_counts(stage.results).claimed, 300);
	assert_true(results_balance(&stage));
	assert_int_equal(results_counts(stage.results).added, 305);
	assert_int_equal(results_taken(&stage), 305);
	results_deinit(&stage);
}

static void what_somebody_removes_while_it_is_pending_is_lost_and_told_by_id(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	results_other(&stage, "XADD trade_results 1784046190600-1 rid gone st done");
	results_other(&stage, "XADD trade_results 1784046190600-2 rid left st done");
	results_other(&stage, "XREADGROUP GROUP archive old STREAMS trade_results >");
	results_other(&stage, "XDEL trade_results 1784046190600-1");
	stage.checkpoint_ns = results_second_ns;
	results_run(&stage, 200 * results_second_ns);
	assert_true(results_told(&stage, "1784046190600-1"));
	assert_int_equal(stage.n_tells, 1);
	assert_int_equal(writer_counted(stage.writer, "lost"), 1);
	assert_int_equal(fake_writer_found(stage.writer, STR("left")), 1);
	assert_int_equal(results_integer(&stage, "XPENDING trade_results archive"), 0);
	assert_true(results_balance(&stage));
	results_deinit(&stage);
}

static void what_somebody_removes_unread_is_missing_in_the_count(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0, 3);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	add(&stage, 3, 4);
	results_other(&stage, "XTRIM trade_results MAXLEN 1");
	results_run(&stage, 5 * results_second_ns);
	assert_true(
	    results_told(&stage, "3 results were removed by somebody before they were read"));
	assert_int_equal(writer_counted(stage.writer, "lost"), 3);
	assert_int_equal(results_taken(&stage), 7);
	assert_true(results_balance(&stage));
	results_deinit(&stage);
}

/* ---- a stream that is another one ---- */

static void a_deleted_stream_is_read_again_from_its_first_entry(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0, 5);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	results_other(&stage, "DEL trade_results");
	results_other(&stage, "XADD trade_results 1-1 rid 4-mt5-4 %s", good);
	results_other(&stage, "XADD trade_results 1-2 rid new %s", good);
	results_run(&stage, 3 * results_second_ns);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	assert_int_equal(fake_writer_found(stage.writer, STR("new")), 1);
	check_all_once(&stage, 5);
	assert_true(results_told(&stage, "its group is gone"));
	assert_int_equal(stage.n_tells, 1);
	assert_int_equal(results_counts(stage.results).epochs, 1);
	assert_int_equal(results_counts(stage.results).groups_made, 2);
	results_run(&stage, 2 * results_second_ns);
	assert_int_equal(results_counts(stage.results).added, results_taken(&stage));
	assert_true(results_balance(&stage));
	results_restart(&stage); /* and the new word is in the file */
	results_run(&stage, 3 * results_second_ns);
	assert_int_equal(stage.n_tells, 1);
	results_deinit(&stage);
}

/* The replica was behind: the stream ends earlier, and ids are given once more. */
static void a_fail_over_that_lost_entries_is_seen(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	for (int i = 1; i <= 9; i++)
		results_other(&stage, "XADD trade_results 5-%d rid r%d st done", i, i);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	fake_redis_break(stage.redis);
	results_other(&stage, "DEL trade_results");
	for (int i = 1; i <= 6; i++)
		results_other(&stage, "XADD trade_results 5-%d rid r%d st done", i, i);
	results_other(&stage, "XGROUP CREATE trade_results archive 5-6");
	results_other(&stage, "XADD trade_results 5-7 rid other7 st done");
	results_other(&stage, "XADD trade_results 5-8 rid r9 st done");
	results_run(&stage, 3 * results_second_ns);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	assert_int_equal(fake_writer_found(stage.writer, STR("other7")), 1);
	assert_int_equal(fake_writer_found(stage.writer, STR("r9")), 1);
	assert_int_equal(results_counts(stage.results).epochs, 1);
	stage.checkpoint_ns = results_second_ns;
	results_run(&stage, 3 * results_second_ns);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 0);
	assert_true(results_balance(&stage));
	results_deinit(&stage);
}

/* The same, and all ids that were read are there again, delivered to us before weir died. */
static void other_entries_with_the_ids_that_were_read_are_seen(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	for (int i = 1; i <= 9; i++)
		results_other(&stage, "XADD trade_results 5-%d rid r%d st done", i, i);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	results_die(&stage);
	results_other(&stage, "DEL trade_results");
	for (int i = 1; i <= 6; i++)
		results_other(&stage, "XADD trade_results 5-%d rid r%d st done", i, i);
	results_other(&stage, "XGROUP CREATE trade_results archive 5-6");
	for (int i = 7; i <= 12; i++)
		results_other(&stage, "XADD trade_results 5-%d rid other%d st done", i, i);
	results_other(&stage, "XREADGROUP GROUP archive weir STREAMS trade_results >");
	results_run(&stage, 300 * results_ms_ns);
	results_live(&stage);
	stage.checkpoint_ns = results_second_ns;
	results_run(&stage, 3 * results_second_ns);
	assert_true(results_told(&stage, "its entry at the mark is another one"));
	assert_int_equal(fake_writer_found(stage.writer, STR("other7")), 1);
	assert_int_equal(fake_writer_found(stage.writer, STR("other12")), 1);
	assert_int_equal(fake_writer_found(stage.writer, STR("r9")), 1);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 0);
	assert_true(results_balance(&stage));
	results_deinit(&stage);
}

static void another_epoch_word_is_told_once_and_the_stream_read_again(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0, 5);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	results_other(&stage, "SET archive:epoch other");
	results_run(&stage, 5 * results_second_ns);
	assert_true(results_told(&stage, "archive:epoch is another one"));
	assert_int_equal(stage.n_tells, 1);
	assert_true(str_starts(writer_marked(stage.writer, STR("trade_results")), STR("other ")));
	assert_int_equal(writer_counted(stage.writer, "known"), 5);
	check_all_once(&stage, 5);
	results_deinit(&stage);
}

static void a_file_that_knows_nothing_of_the_stream_reads_all_of_it(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0, 5);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	results_die(&stage);
	fake_writer_destroy(stage.writer);
	stage.writer = fake_writer_create(WRITER_SEEN_MAX, WRITER_BATCH_BYTES);
	results_run(&stage, 300 * results_ms_ns);
	results_live(&stage);
	results_run(&stage, 3 * results_second_ns);
	check_all_once(&stage, 5);
	assert_true(results_told(&stage, "the archive file has no mark of it"));
	results_deinit(&stage);
}

/* ---- crashes ---- */

/* After the n-th thing that can be told apart on the way of these entries. */
static void die_at(int step)
{
	struct results_stage stage;
	results_begin(&stage);
	stage.commits = false;
	add(&stage, 0, 10);
	results_run(&stage, step < 1 ? 5 * results_ms_ns : 400 * results_ms_ns);
	if (step == 2)
		assert_true(fake_writer_commit_untold(stage.writer));
	if (step == 3) /* the acknowledgement is sent, and weir dies */
		assert_true(fake_writer_commit(stage.writer));
	if (step >= 4) {
		assert_true(fake_writer_commit(stage.writer));
		results_run(&stage, 20 * results_ms_ns);
	}
	if (step >= 5)
		fake_writer_checkpoint(stage.writer, step >= 6);
	if (step >= 7)
		results_run(&stage, 20 * results_ms_ns);
	results_restart(&stage);
	stage.commits = true;
	stage.checkpoint_ns = results_second_ns;
	add(&stage, 10, 3);
	results_run(&stage, 4 * results_second_ns);
	check_all_once(&stage, 13);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 0);
	assert_int_equal(results_integer(&stage, "XPENDING trade_results archive"), 0);
	assert_int_equal(results_taken(&stage), 13);
	assert_int_equal(results_counts(stage.results).added, 13);
	assert_true(results_balance(&stage));
	assert_int_equal(stage.n_tells, 0);
	results_deinit(&stage);
}

static void a_crash_at_any_step_loses_and_doubles_nothing(void **state)
{
	(void)state;
	for (int step = 0; step <= 7; step++)
		die_at(step);
}

static void a_salvaged_file_gets_what_it_lost_from_the_stream(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0, 5);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	fake_writer_checkpoint(stage.writer, true);
	results_run(&stage, 100 * results_ms_ns);
	add(&stage, 5, 5);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	assert_int_equal(fake_writer_salvage(stage.writer, 1), 1);
	assert_int_equal(found(&stage, 5), 0);
	results_salvaged(stage.results);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	check_all_once(&stage, 10);
	stage.checkpoint_ns = results_second_ns;
	results_run(&stage, 3 * results_second_ns);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 0);
	assert_int_equal(results_taken(&stage), 10);
	assert_true(results_balance(&stage));
	results_deinit(&stage);
}

/* What was at the writer comes on top of a file that lost what was before it. */
static void a_file_that_is_salvaged_twice_gets_all_of_it(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0, 5);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	fake_writer_checkpoint(stage.writer, true);
	stage.commits = false;
	for (int from = 5; from < 15; from += 5) {
		add(&stage, from, 5);
		results_run(&stage, 300 * results_ms_ns);
	}
	assert_true(fake_writer_commit(stage.writer));
	assert_int_equal(fake_writer_salvage(stage.writer, 1), 1);
	results_salvaged(stage.results);
	stage.commits = true;
	results_run(&stage, 500 * results_ms_ns);
	check_all_once(&stage, 15);
	while (found(&stage, 5))
		assert_int_equal(fake_writer_salvage(stage.writer, 1), 1);
	assert_int_equal(found(&stage, 10), 1);
	results_salvaged(stage.results);
	results_run(&stage, 500 * results_ms_ns);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	check_all_once(&stage, 15);
	assert_true(results_balance(&stage));
	results_deinit(&stage);
}

/* ---- a server that says no ---- */

static void refusals_are_waited_out_without_a_storm(void **state)
{
	static const enum fake_fault faults[] = { FAKE_READONLY, FAKE_MISCONF, FAKE_LOADING,
						  FAKE_NOPERM };
	static const enum status statuses[] = { STATUS_REDIS_READONLY, STATUS_REDIS_MISCONF,
						STATUS_REDIS_LOADING, STATUS_REDIS_NOPERM };
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		uint64_t refused = fake_redis_counts(stage.redis).refused;
		add(&stage, (int)i * 10, 10);
		fake_redis_fault(stage.redis, faults[i]);
		results_run(&stage, 60 * results_second_ns);
		assert_int_equal(results_trouble(stage.results), statuses[i]);
		assert_true(fake_redis_counts(stage.redis).refused - refused < 100);
		fake_redis_fault(stage.redis, FAKE_HEALTHY);
		results_run(&stage, 6 * results_second_ns);
		assert_int_equal(results_settle(&stage), STATUS_OK);
		assert_int_equal(results_trouble(stage.results), STATUS_OK);
	}
	check_all_once(&stage, 40);
	results_deinit(&stage);
}

static void a_full_server_is_read_acknowledged_and_trimmed(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0, 50);
	fake_redis_fault(stage.redis, FAKE_OOM);
	stage.checkpoint_ns = results_second_ns;
	results_run(&stage, 3 * results_second_ns);
	check_all_once(&stage, 50);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 0);
	results_deinit(&stage);
}

static void a_checkpoint_is_asked_for_at_30_percent_of_the_segment(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0, 100);
	results_run(&stage, 3 * results_second_ns);
	fake_writer_checkpoint(stage.writer, false);
	fake_writer_checkpoint_asked(stage.writer);
	add(&stage, 100, 100);
	results_run(&stage, 3 * results_second_ns);
	assert_false(fake_writer_checkpoint_asked(stage.writer));
	fake_redis_server(stage.redis)->maxmemory =
	    fake_db_bytes(fake_redis_server(stage.redis)->db) * 3;
	results_run(&stage, 3 * results_second_ns);
	assert_true(fake_writer_checkpoint_asked(stage.writer));
	results_run(&stage, 3 * results_second_ns);
	assert_false(fake_writer_checkpoint_asked(stage.writer)); /* nothing new to gain */
	results_deinit(&stage);
}

static void idle_it_asks_every_50_ms_and_not_more(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	results_run(&stage, results_second_ns);
	uint64_t before = fake_redis_counts(stage.redis).executed;
	results_run(&stage, 10 * results_second_ns);
	assert_in_range(fake_redis_counts(stage.redis).executed - before, 150, 260);
	results_deinit(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_committed_acknowledged_and_trimmed_in_this_order),
		cmocka_unit_test(a_batch_is_200_ms_or_1000_rows_and_more_while_it_lags),
		cmocka_unit_test(nothing_is_read_while_the_writer_is_in_trouble),
		cmocka_unit_test(a_repeated_rid_is_known_and_counted),
		cmocka_unit_test(a_rid_of_long_ago_is_looked_for_in_the_file),
		cmocka_unit_test(what_is_read_again_is_looked_for_in_the_file),
		cmocka_unit_test(what_another_group_has_not_read_or_not_acknowledged_stays),
		cmocka_unit_test(
		    entries_of_a_dead_consumer_are_claimed_and_trimmed_after_a_checkpoint),
		cmocka_unit_test(what_somebody_removes_while_it_is_pending_is_lost_and_told_by_id),
		cmocka_unit_test(what_somebody_removes_unread_is_missing_in_the_count),
		cmocka_unit_test(a_deleted_stream_is_read_again_from_its_first_entry),
		cmocka_unit_test(a_fail_over_that_lost_entries_is_seen),
		cmocka_unit_test(other_entries_with_the_ids_that_were_read_are_seen),
		cmocka_unit_test(another_epoch_word_is_told_once_and_the_stream_read_again),
		cmocka_unit_test(a_file_that_knows_nothing_of_the_stream_reads_all_of_it),
		cmocka_unit_test(a_crash_at_any_step_loses_and_doubles_nothing),
		cmocka_unit_test(a_salvaged_file_gets_what_it_lost_from_the_stream),
		cmocka_unit_test(a_file_that_is_salvaged_twice_gets_all_of_it),
		cmocka_unit_test(refusals_are_waited_out_without_a_storm),
		cmocka_unit_test(a_full_server_is_read_acknowledged_and_trimmed),
		cmocka_unit_test(a_checkpoint_is_asked_for_at_30_percent_of_the_segment),
		cmocka_unit_test(idle_it_asks_every_50_ms_and_not_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
