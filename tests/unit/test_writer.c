/* The archive file: batches, marks, counters, retries, dead letters, signals' ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "writer_stage.h"

static int setup(void **state)
{
	static struct stage stage;
	stage_begin(&stage);
	stage_open(&stage);
	*state = &stage;
	return 0;
}

static int teardown(void **state)
{
	stage_end(*state);
	return 0;
}

static void test_a_batch_is_committed_with_its_mark_and_counters(void **state)
{
	struct stage *stage = *state;
	struct writer_batch *batch = stage_take(stage);
	stage_result(&batch->rows, "7-mt5-017-0", 7, "fail", stage_us);
	stage_result(&batch->rows, "8-mt5-017-0", 8, "exp", stage_us + 1);
	writer_mark(batch, STR("trade_results"), STR("1795000000000-4"));
	writer_mark(batch, STR("trade_results"), STR("1795000000000-5"));
	writer_count(batch, "results_archived", 2);
	struct done done = stage_submit(stage, batch);
	assert_int_equal(done.status, STATUS_OK);
	assert_int_equal(done.taken, 2);
	assert_int_equal(done.known, 0);
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trade_results"), "2");
	assert_string_equal(stage_ask(stage, "SELECT sum(batch_id) FROM trade_results"), "0");
	struct str mark = writer_marked(stage->writer, STR("trade_results"));
	assert_true(str_eq(mark, STR("1795000000000-5")));
	assert_int_equal(writer_counted(stage->writer, "results_archived"), 2);
	assert_int_equal(writer_rows(stage->writer, TABLE_trade_results), 2);
	assert_int_equal(writer_rows(stage->writer, TABLE_trades), 0);
	assert_int_equal(writer_counts(stage->writer)->rows, 2);
}

static void test_what_was_committed_is_there_after_a_restart(void **state)
{
	struct stage *stage = *state;
	struct writer_batch *batch = stage_take(stage);
	stage_result(&batch->rows, "7-mt5-017-0", 7, "fail", stage_us);
	writer_mark(batch, STR("trade_results"), STR("5-5"));
	writer_count(batch, "results_archived", 1);
	uint64_t number = stage_submit(stage, batch).number;
	stage_close(stage);
	stage_open(stage);
	assert_true(str_eq(writer_marked(stage->writer, STR("trade_results")), STR("5-5")));
	assert_int_equal(writer_counted(stage->writer, "results_archived"), 1);
	assert_int_equal(writer_rows(stage->writer, TABLE_trade_results), 1);
	batch = stage_take(stage);
	stage_result(&batch->rows, "7-mt5-017-0", 7, "fail", stage_us);
	struct done done = stage_submit(stage, batch);
	assert_int_equal(done.known, 1);
	assert_int_equal(done.taken, 0);
	assert_true(done.number > number);
}

static void test_a_name_that_was_never_marked_is_empty(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(writer_marked(stage->writer, STR("nobody")).len, 0);
	assert_int_equal(writer_counted(stage->writer, "nothing"), 0);
}

static void test_all_types_come_back_as_they_went(void **state)
{
	struct stage *stage = *state;
	struct writer_batch *batch = stage_take(stage);
	struct archive_rows *rows = &batch->rows;
	archive_rows_begin(rows, TABLE_liquidations);
	archive_row_text(rows, COLUMN_liquidations_market, STR("bybit:perp:BTCUSDT"));
	archive_row_int(rows, COLUMN_liquidations_at_us, stage_us);
	assert_int_equal(
	    archive_row_number(rows, COLUMN_liquidations_price, STR("-63450.1234567891")), 0);
	archive_row_big(rows, COLUMN_liquidations_quantity,
			(i128)decimal_pow10(18) * decimal_pow10(18) * 99);
	archive_row_text(rows, COLUMN_liquidations_side, STR("long"));
	assert_int_equal(archive_rows_end(rows), 0);
	archive_rows_begin(rows, TABLE_indicator_values);
	archive_row_text(rows, COLUMN_indicator_values_market, STR("m"));
	archive_row_text(rows, COLUMN_indicator_values_timeframe, STR("5m"));
	archive_row_int(rows, COLUMN_indicator_values_bar_us, -1);
	archive_row_text(rows, COLUMN_indicator_values_name, STR("exactly12byt"));
	archive_row_real(rows, COLUMN_indicator_values_value, -0.1);
	assert_int_equal(archive_rows_end(rows), 0);
	archive_rows_begin(rows, TABLE_operator_log);
	archive_row_int(rows, COLUMN_operator_log_at_us, INT64_MAX);
	archive_row_text(rows, COLUMN_operator_log_operator, STR(""));
	archive_row_text(rows, COLUMN_operator_log_action, STR("thirteen byte"));
	archive_row_text(rows, COLUMN_operator_log_target, STR("gr\xc3\xbc\xc3\x9f \xff 'quoted'"));
	assert_int_equal(archive_rows_end(rows), 0);
	assert_int_equal(stage_submit(stage, batch).taken, 3);
	assert_string_equal(stage_ask(stage, "SELECT price FROM liquidations"),
			    "-63450.1234567891000000");
	assert_string_equal(stage_ask(stage, "SELECT quantity FROM liquidations"),
			    "9900000000000000000000.0000000000000000");
	assert_string_equal(stage_ask(stage, "SELECT value FROM indicator_values"), "-0.1");
	assert_string_equal(stage_ask(stage, "SELECT name FROM indicator_values"), "exactly12byt");
	assert_string_equal(stage_ask(stage, "SELECT action FROM operator_log"), "thirteen byte");
	assert_string_equal(stage_ask(stage, "SELECT target FROM operator_log"),
			    "gr\xc3\xbc\xc3\x9f \xef\xbf\xbd 'quoted'");
	assert_string_equal(stage_ask(stage, "SELECT operator = '' FROM operator_log"), "true");
	assert_string_equal(stage_ask(stage, "SELECT outcome IS NULL FROM operator_log"), "true");
	assert_string_equal(stage_ask(stage, "SELECT at_us FROM operator_log"),
			    "9223372036854775807");
}

/* More than one chunk, more than one table, rows mixed, NULLs anywhere. */
static void test_many_rows_of_mixed_tables_keep_their_cells(void **state)
{
	struct stage *stage = *state;
	struct writer_batch *batch = stage_take(stage);
	for (int i = 0; i < 5000; i++) {
		char rid[32];
		snprintf(rid, sizeof rid, "%d-mt5-017-0", i);
		stage_result(&batch->rows, rid, i, i % 3 ? "fail" : "exp", stage_us + i);
		if (i % 2)
			continue;
		archive_rows_begin(&batch->rows, TABLE_trade_execution_log);
		archive_row_int(&batch->rows, COLUMN_trade_execution_log_sid, i);
		archive_row_text(&batch->rows, COLUMN_trade_execution_log_instance, STR("a"));
		archive_row_text(&batch->rows, COLUMN_trade_execution_log_step, STR("sent"));
		archive_row_int(&batch->rows, COLUMN_trade_execution_log_at_us, stage_us + i);
		if (i % 4)
			archive_row_int(&batch->rows, COLUMN_trade_execution_log_attempt, i);
		assert_int_equal(archive_rows_end(&batch->rows), 0);
	}
	assert_int_equal(stage_submit(stage, batch).taken, 7500);
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trade_results WHERE result_id = "
					     "sid || '-mt5-017-0' AND (status = 'exp') = "
					     "(sid % 3 = 0) AND event_us - 1795000000000000 = sid "
					     "AND pnl IS NULL"),
			    "5000");
	assert_string_equal(stage_ask(stage,
				      "SELECT count(*) FROM trade_execution_log WHERE sid % 2 = 0 "
				      "AND coalesce(attempt, -1) = "
				      "(CASE sid % 4 WHEN 0 THEN -1 ELSE sid END)"),
			    "2500");
}

static void test_an_id_that_comes_twice_is_left_out_and_counted(void **state)
{
	struct stage *stage = *state;
	struct writer_batch *batch = stage_take(stage);
	stage_result(&batch->rows, "a", 1, "fail", stage_us);
	stage_result(&batch->rows, "b", 2, "fail", stage_us);
	stage_result(&batch->rows, "a", 3, "done", stage_us);
	struct done done = stage_submit(stage, batch);
	assert_int_equal(done.taken, 2);
	assert_int_equal(done.known, 1);
	batch = stage_take(stage);
	stage_result(&batch->rows, "b", 4, "fail", stage_us + 99);
	stage_result(&batch->rows, "c", 5, "fail", stage_us + 99);
	done = stage_submit(stage, batch);
	assert_int_equal(done.taken, 1);
	assert_int_equal(done.known, 1);
	assert_string_equal(stage_ask(stage, "SELECT string_agg(sid, ' ' ORDER BY sid) FROM "
					     "trade_results"),
			    "1 2 5");
	assert_int_equal(writer_rows(stage->writer, TABLE_trade_results), 3);
}

static void put_signal(struct archive_rows *rows, int64_t sid, const char *status)
{
	archive_rows_begin(rows, TABLE_signals);
	archive_row_int(rows, COLUMN_signals_sid, sid);
	archive_row_text(rows, COLUMN_signals_instance, STR("mt5-017"));
	archive_row_text(rows, COLUMN_signals_comment, STR("why not"));
	archive_row_dec(rows, COLUMN_signals_volume, 10000000);
	archive_row_int(rows, COLUMN_signals_received_us, stage_us);
	archive_row_int(rows, COLUMN_signals_ended_us, stage_us);
	archive_row_text(rows, COLUMN_signals_status, str_of(status));
	archive_row_int(rows, COLUMN_signals_attempt, 1);
	assert_int_equal(archive_rows_end(rows), STATUS_OK);
}

static void test_a_signal_without_an_end_takes_it_from_its_result(void **state)
{
	struct stage *stage = *state;
	struct writer_batch *batch = stage_take(stage);
	stage_result(&batch->rows, "7-mt5-017-u", 7, "unk", stage_us + 10);
	stage_result(&batch->rows, "7-mt5-017-1", 7, "part", stage_us + 30);
	stage_result(&batch->rows, "7-mt5-017-0", 7, "fail", stage_us + 20);
	assert_int_equal(stage_submit(stage, batch).taken, 3);
	batch = stage_take(stage);
	put_signal(&batch->rows, 7, "?");
	put_signal(&batch->rows, 9, "?");
	put_signal(&batch->rows, 10, "done");
	struct done done = stage_submit(stage, batch);
	assert_int_equal(done.status, STATUS_OK);
	assert_int_equal(done.taken, 2);
	assert_string_equal(stage_ask(stage, "SELECT string_agg(sid || status, ' ' ORDER BY sid) "
					     "FROM signals"),
			    "7fail 10done");
	assert_string_equal(stage_ask(stage, "SELECT ended_us - received_us FROM signals WHERE sid "
					     "= 7 AND comment = 'why not' AND volume = 0.1"),
			    "20");
	assert_int_equal(writer_counted(stage->writer, "signals_without_end"), 1);
	assert_int_equal(writer_rows(stage->writer, TABLE_signals), 2);
}

static void test_the_end_may_come_in_the_signals_own_batch(void **state)
{
	struct stage *stage = *state;
	struct writer_batch *batch = stage_take(stage);
	put_signal(&batch->rows, 7, "?");
	stage_result(&batch->rows, "7-mt5-017-0", 7, "exp", stage_us + 20);
	assert_int_equal(stage_submit(stage, batch).taken, 2);
	assert_string_equal(stage_ask(stage, "SELECT status FROM signals"), "exp");
}

/* ---- retries and dead letters ---- */

struct retries {
	char text[512];
	bool done;
};

static void each_retry(void *ctx, const struct writer_retry *retry)
{
	struct retries *retries = ctx;
	size_t len = strlen(retries->text);
	snprintf(retries->text + len, sizeof retries->text - len,
		 "%.*s/%.*s/%.*s/%.*s/%.*s@%" PRId64 "x%u ", STR_ARG(retry->origin),
		 STR_ARG(retry->entry_id), STR_ARG(retry->letter_id), STR_ARG(retry->payload),
		 STR_ARG(retry->reason), retry->due_ms, retry->attempts);
}

static void retries_done(void *ctx, enum status status)
{
	assert_int_equal(status, STATUS_OK);
	((struct retries *)ctx)->done = true;
}

static const char *all_retries(struct stage *stage)
{
	static struct retries retries;
	retries = (struct retries){ .done = false };
	writer_retries(stage->writer, each_retry, retries_done, &retries);
	assert_true(loop_turn_until(stage->loop, &retries.done, stage_patience_ns));
	return retries.text;
}

static struct writer_retry retry_of(const char *entry, int64_t due_ms, unsigned attempts)
{
	return (struct writer_retry){
		.origin = STR("trade_results"),
		.entry_id = str_of(entry),
		.letter_id = STR("L"),
		.payload = STR("{\"rid\":\"\"}"),
		.reason = STR("no rid"),
		.due_ms = due_ms,
		.attempts = attempts,
	};
}

static void put_letter(struct archive_rows *rows, const char *id)
{
	archive_rows_begin(rows, TABLE_dead_letters);
	archive_row_text(rows, COLUMN_dead_letters_origin, STR("trade_results"));
	archive_row_text(rows, COLUMN_dead_letters_letter_id, str_of(id));
	archive_row_int(rows, COLUMN_dead_letters_at_us, stage_us);
	archive_row_int(rows, COLUMN_dead_letters_attempts, 4);
	archive_row_text(rows, COLUMN_dead_letters_reason, STR("no rid"));
	archive_row_text(rows, COLUMN_dead_letters_payload, STR("{}"));
	assert_int_equal(archive_rows_end(rows), STATUS_OK);
}

static void test_a_retry_is_put_moved_on_and_dropped_across_restarts(void **state)
{
	struct stage *stage = *state;
	struct writer_retry late = retry_of("5-1", 2000, 1), soon = retry_of("5-2", 1000, 2);
	struct writer_batch *batch = stage_take(stage);
	assert_int_equal(writer_retry_put(batch, &late), 0);
	assert_int_equal(writer_retry_put(batch, &soon), 0);
	stage_submit(stage, batch);
	assert_string_equal(all_retries(stage),
			    "trade_results/5-2/L/{\"rid\":\"\"}/no rid@1000x2 "
			    "trade_results/5-1/L/{\"rid\":\"\"}/no rid@2000x1 ");
	batch = stage_take(stage);
	soon.due_ms = 31000;
	soon.attempts = 3;
	assert_int_equal(writer_retry_put(batch, &soon), 0);
	stage_submit(stage, batch);
	stage_close(stage);
	stage_open(stage);
	assert_string_equal(all_retries(stage),
			    "trade_results/5-1/L/{\"rid\":\"\"}/no rid@2000x1 "
			    "trade_results/5-2/L/{\"rid\":\"\"}/no rid@31000x3 ");
	batch = stage_take(stage);
	put_letter(&batch->rows, "L");
	writer_retry_drop(batch, STR("trade_results"), STR("5-1"));
	stage_submit(stage, batch);
	assert_string_equal(all_retries(stage),
			    "trade_results/5-2/L/{\"rid\":\"\"}/no rid@31000x3 ");
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM dead_letters"), "1");
}

static void test_a_dropped_dead_letter_is_gone_and_counted(void **state)
{
	struct stage *stage = *state;
	struct writer_batch *batch = stage_take(stage);
	put_letter(&batch->rows, "L1");
	put_letter(&batch->rows, "L2");
	stage_submit(stage, batch);
	batch = stage_take(stage);
	writer_dead_drop(batch, STR("trade_results"), STR("L1"));
	writer_dead_drop(batch, STR("trade_results"), STR("nobody's"));
	stage_submit(stage, batch);
	assert_string_equal(stage_ask(stage, "SELECT string_agg(letter_id, ' ') FROM dead_letters"),
			    "L2");
	assert_int_equal(writer_rows(stage->writer, TABLE_dead_letters), 2);
	assert_int_equal(writer_rows_gone(stage->writer, TABLE_dead_letters), 1);
}

/* ---- counters against the rows, checkpoints, the end ---- */

static void test_counters_are_what_a_recount_finds(void **state)
{
	struct stage *stage = *state;
	for (int n = 0; n < 30; n++) {
		struct writer_batch *batch = stage_take(stage);
		for (int i = 0; i < 50; i++) {
			char rid[32];
			snprintf(rid, sizeof rid, "%d-x-0", (n * 37 + i * 11) % 700);
			stage_result(&batch->rows, rid, i, "fail", stage_us);
		}
		writer_count(batch, "tried", 50);
		stage_submit(stage, batch);
		if (n % 10 == 5) {
			stage_close(stage);
			stage_open(stage);
		}
	}
	char rows[32];
	snprintf(rows, sizeof rows, "%" PRId64, writer_rows(stage->writer, TABLE_trade_results));
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trade_results"), rows);
	assert_string_equal(stage_ask(stage, "SELECT count(DISTINCT result_id) FROM trade_results"),
			    rows);
	assert_int_equal(writer_counted(stage->writer, "tried"), 1500);
}

static void test_a_checkpoint_tells_the_newest_batch_and_empties_the_wal(void **state)
{
	struct stage *stage = *state;
	struct writer_batch *batch = stage_take(stage);
	stage_result(&batch->rows, "a", 1, "fail", stage_us);
	uint64_t number = stage_submit(stage, batch).number;
	assert_true(writer_counts(stage->writer)->wal_bytes > 0);
	stage->checkpointed = 0;
	writer_checkpoint(stage->writer);
	for (int i = 0; i < 200 && !stage->checkpointed; i++)
		loop_turn(stage->loop, 100000000);
	assert_true(stage->checkpointed >= number);
	assert_int_equal(writer_counts(stage->writer)->wal_bytes, 0);
	/* Asked again with nothing new: it says the same. */
	uint64_t told = stage->checkpointed;
	stage->checkpointed = 0;
	writer_checkpoint(stage->writer);
	for (int i = 0; i < 200 && !stage->checkpointed; i++)
		loop_turn(stage->loop, 100000000);
	assert_int_equal(stage->checkpointed, told);
	/* The books are whole in their tables now. */
	assert_string_equal(stage_ask(stage, "SELECT value FROM ledger WHERE name = "
					     "'rows:trade_results'"),
			    "1");
}

static void test_checkpoints_come_by_themselves_and_by_size(void **state)
{
	struct stage *stage = *state;
	stage_close(stage);
	stage->config.checkpoint_ms = 100;
	stage_open(stage);
	struct writer_batch *batch = stage_take(stage);
	stage_result(&batch->rows, "a", 1, "fail", stage_us);
	uint64_t number = stage_submit(stage, batch).number;
	for (int i = 0; i < 100 && stage->checkpointed < number; i++)
		loop_turn(stage->loop, 100000000);
	assert_true(stage->checkpointed >= number);
	stage_close(stage);
	stage->config.checkpoint_ms = 3600000;
	stage->config.wal_bytes_max = 1000;
	stage_open(stage);
	batch = stage_take(stage);
	for (int i = 0; i < 500; i++) {
		char rid[16];
		snprintf(rid, sizeof rid, "z%d", i);
		stage_result(&batch->rows, rid, 1, "fail", stage_us);
	}
	number = stage_submit(stage, batch).number;
	for (int i = 0; i < 100 && stage->checkpointed < number; i++)
		loop_turn(stage->loop, 100000000);
	assert_true(stage->checkpointed >= number);
}

static void test_eight_batches_are_all_there_are(void **state)
{
	struct stage *stage = *state;
	struct writer_batch *batches[WRITER_BATCHES];
	for (int i = 0; i < WRITER_BATCHES; i++)
		batches[i] = stage_take(stage);
	assert_null(writer_batch_take(stage->writer));
	writer_batch_drop(stage->writer, batches[3]);
	assert_non_null(writer_batch_take(stage->writer));
}

static void count_done(void *ctx, struct writer_batch *batch, enum status status)
{
	assert_int_equal(status, STATUS_OK);
	assert_true(batch->number > 0);
	++*(unsigned *)ctx;
}

static void test_what_is_submitted_is_worked_off_before_the_end(void **state)
{
	struct stage *stage = *state;
	unsigned done = 0;
	for (int i = 0; i < WRITER_BATCHES; i++) {
		struct writer_batch *batch = stage_take(stage);
		char rid[16];
		snprintf(rid, sizeof rid, "r%d", i);
		stage_result(&batch->rows, rid, i, "fail", stage_us);
		batch->done = count_done;
		batch->ctx = &done;
		writer_submit(stage->writer, batch);
	}
	assert_int_equal(writer_waiting(stage->writer), WRITER_BATCHES);
	stage_close(stage);
	assert_int_equal(done, WRITER_BATCHES);
	char wal[128];
	struct stat there;
	snprintf(wal, sizeof wal, "%s.wal", stage->path);
	assert_int_equal(stat(wal, &there), -1); /* a last checkpoint was made */
	stage_open(stage);
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trade_results"), "8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_a_batch_is_committed_with_its_mark_and_counters),
		TEST(test_what_was_committed_is_there_after_a_restart),
		TEST(test_a_name_that_was_never_marked_is_empty),
		TEST(test_all_types_come_back_as_they_went),
		TEST(test_many_rows_of_mixed_tables_keep_their_cells),
		TEST(test_an_id_that_comes_twice_is_left_out_and_counted),
		TEST(test_a_signal_without_an_end_takes_it_from_its_result),
		TEST(test_the_end_may_come_in_the_signals_own_batch),
		TEST(test_a_retry_is_put_moved_on_and_dropped_across_restarts),
		TEST(test_a_dropped_dead_letter_is_gone_and_counted),
		TEST(test_counters_are_what_a_recount_finds),
		TEST(test_a_checkpoint_tells_the_newest_batch_and_empties_the_wal),
		TEST(test_checkpoints_come_by_themselves_and_by_size),
		TEST(test_eight_batches_are_all_there_are),
		TEST(test_what_is_submitted_is_worked_off_before_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
