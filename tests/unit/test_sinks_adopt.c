/* Rows that were archived before a sink was named, and a sink that is named beside others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sinks_stage.h"

/* Another start of weir, with so many sinks. */
static void again(struct sinks_stage *stage, size_t sinks)
{
	if (stage->sinks)
		sim_close(stage);
	stage->count = sinks;
	sim_open(stage);
	sinks_start(stage->sinks);
}

static void begin(struct sinks_stage *stage, size_t sinks)
{
	sim_begin(stage, sinks);
	sinks_start(stage->sinks);
}

static void expect_whole_batches(struct sinks_stage *stage)
{
	expect_ask(stage, "SELECT count(*) FROM trade_results WHERE batch_id = 0", "0");
	expect_ask(stage,
		   "SELECT count(*) FROM batches b WHERE tbl = 'trade_results' AND (rows <> "
		   "(SELECT count(*) FROM trade_results r WHERE r.batch_id = b.batch_id) OR month "
		   "<> (SELECT max(strftime(make_timestamp(event_us), '%Y%m')::INTEGER) FROM "
		   "trade_results r WHERE r.batch_id = b.batch_id) OR batch_id % 1024 <> 0)",
		   "0");
	expect_ask(stage,
		   "SELECT count(*) FROM (SELECT batch_id FROM trade_results GROUP BY batch_id "
		   "HAVING count(DISTINCT strftime(make_timestamp(event_us), '%Y%m')) > 1)",
		   "0");
}

static void put_alert(struct sinks_stage *stage, const char *rule, int64_t last_us)
{
	struct writer_batch *batch = stage_take(&stage->file);
	struct archive_rows *rows = &batch->rows;
	archive_rows_begin(rows, TABLE_alert_log);
	archive_row_text(rows, COLUMN_alert_log_rule, str_of(rule));
	archive_row_text(rows, COLUMN_alert_log_scope, STR("s"));
	archive_row_int(rows, COLUMN_alert_log_first_us, stage_us);
	archive_row_int(rows, COLUMN_alert_log_last_us, last_us);
	archive_row_text(rows, COLUMN_alert_log_state, STR("firing"));
	archive_row_text(rows, COLUMN_alert_log_severity, STR("warning"));
	archive_row_int(rows, COLUMN_alert_log_told, 1);
	if (archive_rows_end(rows))
		fail_msg("the row of an alert lacks a column");
	assert_int_equal(stage_submit(&stage->file, batch).taken, 1);
}

static void a_sink_that_is_named_later_gets_what_was_before(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 0);
	stage.close_rows = 100;
	sim_put(&stage, NULL, 250);
	put_alert(&stage, "a", 1);
	again(&stage, 1);
	sim_put(&stage, NULL, 30);
	sim_drain(&stage, 60);
	expect_all(&stage, 281);
	expect_whole_batches(&stage);
	/* No step is larger than a batch. */
	expect_ask(&stage,
		   "SELECT max(rows) || ' ' || sum(rows) FROM batches WHERE tbl = "
		   "'trade_results'",
		   "100 280");
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 280);
	assert_int_equal(sinks_confirmed(stage.sinks, 0, TABLE_trade_results), 280);
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_alert_log), 1);
	assert_int_equal(stage.sinks->lines[0].count.resent, 0);
	/* Nothing of it is done again. */
	again(&stage, 1);
	sim_drain(&stage, 60);
	expect_all(&stage, 281);
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 280);
	sim_end(&stage);
}

static void months_that_mix_are_parted(void **state)
{
	(void)state;
	struct sinks_stage stage;
	const int64_t month_us = INT64_C(31) * 86400 * 1000000;
	begin(&stage, 0);
	struct writer_batch *batch = stage_take(&stage.file);
	for (int i = 0; i < 300; i++) {
		char rid[32];
		snprintf(rid, sizeof rid, "r%u", stage.next++);
		/* More months than a step takes. */
		stage_result(&batch->rows, rid, 1, "refused", stage_us - i % 30 * month_us);
	}
	stage_submit(&stage.file, batch);
	again(&stage, 1);
	sim_drain(&stage, 60);
	expect_all(&stage, 300);
	expect_whole_batches(&stage);
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 300);
	sim_end(&stage);
}

static void a_second_sink_gets_all_that_the_first_has(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 0);
	sim_put(&stage, NULL, 40); /* of no sink */
	again(&stage, 1);
	sim_put(&stage, NULL, 60);
	sim_drain(&stage, 60);
	stage.now_ns += INT64_C(86400) * 1000000000;
	again(&stage, 2);
	sim_put(&stage, NULL, 20);
	sim_drain(&stage, 60);
	expect_all(&stage, 120);
	assert_int_equal(stage.server[1]->count, 120);
	for (unsigned i = 0; i < 120; i++) {
		char rid[32];
		snprintf(rid, sizeof rid, "r%u", i);
		assert_int_equal(fake_having(stage.server[1], rid), 1);
	}
	assert_int_equal(sinks_confirmed(stage.sinks, 0, TABLE_trade_results), 120);
	assert_int_equal(sinks_confirmed(stage.sinks, 1, TABLE_trade_results), 120);
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 120);
	sim_end(&stage);
}

/* Of rows with one key the newest batch is the one that the sinks keep. */
static void what_is_older_has_the_older_batch(void **state)
{
	static const char in_order[] =
	    "SELECT bool_and(a.batch_id < b.batch_id) FROM alert_log a, alert_log b WHERE "
	    "a.last_us < b.last_us AND a.batch_id > 0";
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 0);
	put_alert(&stage, "a", 1);
	again(&stage, 1);
	put_alert(&stage, "a", 2); /* perhaps before the first one has a batch */
	sim_drain(&stage, 60);
	expect_ask(&stage, in_order, "true");
	/* Taken away, and named again. */
	again(&stage, 0);
	put_alert(&stage, "a", 3);
	again(&stage, 1);
	put_alert(&stage, "a", 4);
	sim_drain(&stage, 60);
	expect_ask(&stage, "SELECT count(DISTINCT batch_id) FROM alert_log WHERE batch_id > 0",
		   "4");
	expect_ask(&stage, in_order, "true");
	assert_int_equal(stage.server[0]->count, 4);
	sim_end(&stage);
}

static int64_t counted(struct sinks_stage *stage, const char *name)
{
	return writer_counted(stage->file.writer, name);
}

static enum status nearly_use_up(struct archive_db *db, void *ctx, struct err *err)
{
	(void)ctx, (void)err;
	db_count(db, "adopt_next",
		 db_counted(db, "adopt_end") - 1000 - db_counted(db, "adopt_next"));
	return STATUS_OK;
}

static enum status nearly_use_up_work(struct archive_db *db, void *ctx, struct err *err)
{
	return db_transact(db, nearly_use_up, ctx, err);
}

/* The file is opened often while its rows wait, in trouble each second: the range of ids that
 * lie below those of newer rows lasts, so no other is made above them. */
static void openings_do_not_use_up_the_older_ids(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 0);
	sim_put(&stage, NULL, 20);
	sim_close(&stage);
	stage.count = 1;
	sim_open(&stage);
	int64_t end = counted(&stage, "adopt_end");
	assert_true(end > 0);
	sim_put(&stage, NULL, 5);
	assert_int_equal(stage_run(&stage.file, nearly_use_up_work, NULL, NULL), STATUS_OK);
	sim_close(&stage);
	sim_open(&stage);
	assert_int_equal(counted(&stage, "adopt_end"), end);
	sinks_start(stage.sinks);
	sim_drain(&stage, 60);
	expect_all(&stage, 25);
	expect_ask(&stage,
		   "SELECT (SELECT max(batch_id) FROM trade_results WHERE result_id = 'r0') < "
		   "(SELECT batch_id FROM trade_results WHERE result_id = 'r20')",
		   "true");
	sim_end(&stage);
}

static enum status make_old(struct archive_db *db, void *ctx, struct err *err)
{
	(void)ctx;
	return db_exec(db,
		       "UPDATE trade_results SET event_us = epoch_us(now()) - 31 * 86400000000 "
		       "WHERE result_id IN ('r1', 'r2', 'r3')",
		       DB_NONE, NULL, err);
}

static enum status make_old_work(struct archive_db *db, void *ctx, struct err *err)
{
	return db_transact(db, make_old, ctx, err);
}

static void what_left_before_is_not_waited_for(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 0);
	stage.sinks->config.keep_days = 30;
	sim_put(&stage, NULL, 20);
	assert_int_equal(stage_run(&stage.file, make_old_work, NULL, NULL), STATUS_OK);
	sim_run(&stage, 70);
	assert_int_equal(writer_rows_gone(stage.file.writer, TABLE_trade_results), 3);
	again(&stage, 1);
	sim_drain(&stage, 60);
	assert_int_equal(stage.server[0]->count, 17);
	assert_int_equal(sinks_confirmed(stage.sinks, 0, TABLE_trade_results), 17);
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 20);
	sim_end(&stage);
}

/* A sink that is away holds up the steps only so far as it has enough before it; the one that
 * is there gets all. */
static void a_sink_that_is_away_is_waited_for_by_none(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 0);
	stage.close_rows = 10;
	for (int i = 0; i < 30; i++)
		sim_put(&stage, NULL, 10);
	again(&stage, 2);
	stage.fake[0].down = true;
	sim_run(&stage, 60);
	assert_int_equal(stage.server[1]->count, 300);
	expect_whole_batches(&stage);
	stage.fake[0].down = false;
	sim_drain(&stage, 300);
	expect_all(&stage, 300);
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 300);
	sim_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sink_that_is_named_later_gets_what_was_before),
		cmocka_unit_test(months_that_mix_are_parted),
		cmocka_unit_test(a_second_sink_gets_all_that_the_first_has),
		cmocka_unit_test(what_is_older_has_the_older_batch),
		cmocka_unit_test(openings_do_not_use_up_the_older_ids),
		cmocka_unit_test(what_left_before_is_not_waited_for),
		cmocka_unit_test(a_sink_that_is_away_is_waited_for_by_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
