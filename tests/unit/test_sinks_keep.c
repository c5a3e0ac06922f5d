/* What leaves the archive file, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sinks_stage.h"

enum { KEEP_DAYS = 30 };

static enum status sql_fn(struct archive_db *db, void *ctx, struct err *err)
{
	return db_exec(db, ctx, DB_NONE, NULL, err);
}

static enum status sql_work(struct archive_db *db, void *ctx, struct err *err)
{
	return db_transact(db, sql_fn, ctx, err);
}

static void change(struct sinks_stage *stage, const char *sql)
{
	struct err err = { 0 };
	if (stage_run(&stage->file, sql_work, (void *)(uintptr_t)sql, &err))
		fail_msg("%s: %s", sql, err.text);
}

static void days_pass(struct sinks_stage *stage, int days)
{
	char sql[128];
	snprintf(sql, sizeof sql, "UPDATE batch_sinks SET at_us = at_us - %d * 86400000000", days);
	change(stage, sql);
	stage->sinks->keep.due_ns = stage->now_ns;
	sim_run(stage, 6);
}

static void begin(struct sinks_stage *stage, size_t sinks)
{
	sim_begin(stage, sinks);
	stage->sinks->config.keep_days = KEEP_DAYS;
	sinks_start(stage->sinks);
}

static void rows_leave_after_their_days(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 1);
	sim_put(&stage, NULL, 60);
	sim_cut(&stage);
	sim_put(&stage, NULL, 40);
	sim_drain(&stage, 10);
	days_pass(&stage, 29);
	expect_ask(&stage, "SELECT count(*) FROM trade_results", "100");
	days_pass(&stage, 2);
	expect_ask(&stage, "SELECT count(*) FROM trade_results", "0");
	expect_ask(&stage, "SELECT count(*) FROM batches", "0");
	expect_ask(&stage, "SELECT count(*) FROM batch_sinks", "0");
	assert_int_equal(writer_rows(stage.file.writer, TABLE_trade_results), 100);
	assert_int_equal(writer_rows_gone(stage.file.writer, TABLE_trade_results), 100);
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 100);
	sim_end(&stage);
}

static void what_a_sink_lacks_stays(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 2);
	stage.fake[1].down = true;
	sim_put(&stage, NULL, 60);
	sim_cut(&stage);
	sim_run(&stage, 20);
	days_pass(&stage, 400);
	expect_ask(&stage, "SELECT count(*) FROM trade_results", "60");
	stage.fake[1].down = false;
	sim_drain(&stage, 100);
	days_pass(&stage, 29);
	expect_ask(&stage, "SELECT count(*) FROM trade_results", "60");
	days_pass(&stage, 2);
	expect_ask(&stage, "SELECT count(*) FROM trade_results", "0");
	sim_end(&stage);
}

static void put_deal(struct sinks_stage *stage, int64_t deal, int64_t position, const char *side)
{
	struct writer_batch *batch = stage_take(&stage->file);
	stage_deal(&batch->rows, &(struct stage_deal){ deal, position, side, 100000000, 108512000,
						       0, 0, stage_us + deal });
	stage_submit(&stage->file, batch);
	sim_cut(stage);
}

static void deals_stay_while_their_position_is_open(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 1);
	put_deal(&stage, 1, 501, "buy");
	put_deal(&stage, 2, 502, "buy");
	put_deal(&stage, 3, 502, "sell");
	sim_put(&stage, NULL, 10);
	sim_drain(&stage, 10);
	expect_ask(&stage, "SELECT count(*) FROM trades", "1");
	days_pass(&stage, 31);
	expect_ask(&stage, "SELECT string_agg(deal_ticket, ' ') FROM trade_results", "1");
	expect_ask(&stage, "SELECT count(*) FROM trades", "1");
	days_pass(&stage, 3);
	expect_ask(&stage, "SELECT count(*) FROM trades", "0");
	put_deal(&stage, 4, 501, "sell");
	sim_drain(&stage, 10);
	days_pass(&stage, 2);
	expect_ask(&stage, "SELECT string_agg(deal_ticket, ' ') FROM trade_results", "4");
	days_pass(&stage, 31);
	expect_ask(&stage, "SELECT count(*) FROM trade_results", "0");
	expect_ask(&stage, "SELECT count(*) FROM batches WHERE tbl = 'trade_results'", "0");
	assert_int_equal(writer_rows_gone(stage.file.writer, TABLE_trade_results), 14);
	sim_end(&stage);
}

static void dead_letters_stay(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 1);
	struct writer_batch *batch = stage_take(&stage.file);
	archive_rows_begin(&batch->rows, TABLE_dead_letters);
	archive_row_text(&batch->rows, COLUMN_dead_letters_origin, STR("trade_results"));
	archive_row_text(&batch->rows, COLUMN_dead_letters_letter_id, STR("x"));
	archive_row_int(&batch->rows, COLUMN_dead_letters_at_us, stage_us);
	archive_row_int(&batch->rows, COLUMN_dead_letters_attempts, 3);
	archive_row_text(&batch->rows, COLUMN_dead_letters_reason, STR("why"));
	archive_row_text(&batch->rows, COLUMN_dead_letters_payload, STR("{}"));
	assert_int_equal(archive_rows_end(&batch->rows), STATUS_OK);
	stage_submit(&stage.file, batch);
	sim_drain(&stage, 10);
	days_pass(&stage, 4000);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "1");
	sim_end(&stage);
}

static void without_a_sink_the_rows_own_time_counts(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 0);
	sim_put(&stage, NULL, 5);
	change(&stage, "UPDATE trade_results SET event_us = epoch_us(now()) - 86400000000 * "
		       "(CASE result_id WHEN 'r0' THEN 29 WHEN 'r1' THEN 31 WHEN 'r2' THEN 32 "
		       "WHEN 'r3' THEN 400 ELSE 1 END)");
	stage.sinks->keep.due_ns = stage.now_ns;
	sim_run(&stage, 6);
	expect_ask(&stage,
		   "SELECT string_agg(result_id, ' ' ORDER BY result_id) FROM trade_results",
		   "r0 r4");
	assert_int_equal(writer_rows_gone(stage.file.writer, TABLE_trade_results), 3);
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 5);
	sim_end(&stage);
}

static void without_days_everything_stays(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 1);
	stage.sinks->config.keep_days = 0;
	sim_put(&stage, NULL, 5);
	sim_drain(&stage, 10);
	days_pass(&stage, 4000);
	expect_ask(&stage, "SELECT count(*) FROM trade_results", "5");
	sim_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_leave_after_their_days),
		cmocka_unit_test(what_a_sink_lacks_stays),
		cmocka_unit_test(deals_stay_while_their_position_is_open),
		cmocka_unit_test(dead_letters_stay),
		cmocka_unit_test(without_a_sink_the_rows_own_time_counts),
		cmocka_unit_test(without_days_everything_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
