/* Batches for the sinks: which rows have which id, when a batch is closed, and that ids are
 * never given twice. And the file's schema: made, mended, refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "archive/db_views.h"
#include "writer_stage.h"

static const int64_t day_us = INT64_C(86400) * 1000000;

static int setup(void **state)
{
	static struct stage stage;
	stage_begin(&stage);
	stage.config.sinks[0] = "clickhouse";
	*state = &stage;
	return 0;
}

static int teardown(void **state)
{
	stage_end(*state);
	return 0;
}

struct limit {
	int64_t rows, ms;
};

static enum status set_limit(struct archive_db *db, void *ctx, struct err *err)
{
	const struct limit *limit = ctx;
	(void)err;
	db_batches_limit(db, limit->rows, limit->ms);
	return STATUS_OK;
}

static void limit(struct stage *stage, int64_t rows, int64_t ms)
{
	struct limit to = { rows, ms };
	assert_int_equal(stage_run(stage, set_limit, &to, NULL), 0);
}

static int next_id;

static void put(struct stage *stage, int rows, int64_t at_us)
{
	struct writer_batch *batch = stage_take(stage);
	for (int i = 0; i < rows; i++) {
		char rid[24];
		snprintf(rid, sizeof rid, "r%d", next_id++);
		stage_result(&batch->rows, rid, next_id, "fail", at_us);
	}
	assert_int_equal(stage_submit(stage, batch).taken, rows);
}

static enum status close_all(struct archive_db *db, void *ctx, struct err *err)
{
	(void)ctx;
	return db_batches_close_all(db, err);
}

/* What `batches` says is what the rows are. */
static void assert_batches_whole(struct stage *stage)
{
	assert_string_equal(
	    stage_ask(stage, "SELECT count(*) FROM batches b WHERE rows <> (SELECT count(*) FROM "
			     "trade_results r WHERE r.batch_id = b.batch_id) OR tbl <> "
			     "'trade_results' OR month <> (SELECT max(strftime(make_timestamp("
			     "event_us), '%Y%m')::INTEGER) FROM trade_results r WHERE r.batch_id = "
			     "b.batch_id)"),
	    "0");
	assert_string_equal(
	    stage_ask(stage, "SELECT count(*) FROM (SELECT batch_id, count(DISTINCT "
			     "strftime(make_timestamp(event_us), '%Y%m')) n FROM trade_results "
			     "GROUP BY 1) WHERE n <> 1"),
	    "0");
}

static void test_a_batch_closes_at_its_rows_and_the_next_begins(void **state)
{
	struct stage *stage = *state;
	stage_open(stage);
	limit(stage, 100, 3600000);
	put(stage, 250, stage_us);
	assert_string_equal(stage_ask(stage, "SELECT string_agg(rows, ' ' ORDER BY batch_id) FROM "
					     "batches"),
			    "100 100");
	put(stage, 50, stage_us);
	assert_string_equal(stage_ask(stage, "SELECT count(*) || ' ' || sum(rows) FROM batches"),
			    "3 300");
	/* One behind the other; the lowest ten bits are for the sinks' parts. */
	assert_string_equal(stage_ask(stage, "SELECT min(batch_id) > 0 AND max(batch_id) - "
					     "min(batch_id) = 2 * 1024 AND bool_and(batch_id % "
					     "1024 = 0) FROM batches"),
			    "true");
	assert_batches_whole(stage);
}

static void test_months_do_not_mix(void **state)
{
	struct stage *stage = *state;
	stage_open(stage);
	limit(stage, 1000, 3600000);
	struct writer_batch *batch = stage_take(stage);
	for (int i = 0; i < 900; i++) {
		char rid[24];
		snprintf(rid, sizeof rid, "m%d", i);
		stage_result(&batch->rows, rid, i, "fail", stage_us + (i % 3) * 40 * day_us);
	}
	stage_submit(stage, batch);
	assert_string_equal(stage_ask(stage, "SELECT count(DISTINCT batch_id) FROM trade_results"),
			    "3");
	assert_int_equal(stage_run(stage, close_all, NULL, NULL), 0);
	assert_string_equal(stage_ask(stage, "SELECT string_agg(month || ':' || rows, ' ' ORDER BY "
					     "month) FROM batches"),
			    "202611:300 202612:300 202702:300");
	assert_batches_whole(stage);
}

static void test_a_batch_closes_by_time(void **state)
{
	struct stage *stage = *state;
	stage_open(stage);
	limit(stage, 10000, 10);
	put(stage, 3, stage_us);
	for (int i = 0; i < 100; i++) {
		loop_turn(stage->loop, 100000000);
		if (!strcmp(stage_ask(stage, "SELECT coalesce(sum(rows), 0) FROM batches"), "3"))
			break;
	}
	assert_string_equal(stage_ask(stage, "SELECT sum(rows) FROM batches"), "3");
	assert_batches_whole(stage);
}

static enum status take_all_out(struct archive_db *db, void *ctx, struct err *err)
{
	(void)ctx;
	int64_t rows = 0;
	enum status status = db_exec(db, "DELETE FROM trade_results", DB_NONE, &rows, err);
	if (!status)
		status = db_exec(db, "DELETE FROM batches", DB_NONE, NULL, err);
	db_count_gone(db, TABLE_trade_results, rows);
	return status;
}

static enum status take_out(struct archive_db *db, void *ctx, struct err *err)
{
	return db_transact(db, take_all_out, ctx, err);
}

static void test_what_was_open_is_closed_at_the_next_start_and_no_id_comes_twice(void **state)
{
	struct stage *stage = *state;
	for (int life = 0; life < 3; life++) {
		stage_open(stage);
		char want[32];
		snprintf(want, sizeof want, "%d", life * 5);
		assert_string_equal(stage_ask(stage, "SELECT coalesce(sum(rows), 0) FROM batches"),
				    want);
		put(stage, 5, stage_us);
		assert_string_equal(stage_ask(stage, "SELECT coalesce(sum(rows), 0) FROM batches"),
				    want);
		stage_close(stage);
	}
	stage_open(stage);
	assert_string_equal(stage_ask(stage, "SELECT count(DISTINCT batch_id) || ' ' || "
					     "count(DISTINCT batch_id >> 46) FROM trade_results"),
			    "3 1");
	assert_string_equal(stage_ask(stage, "SELECT bool_and(a.batch_id < b.batch_id) FROM "
					     "trade_results a, trade_results b WHERE a.sid = "
					     "b.sid - 5"),
			    "true");
	/* Rows and batches may all have left: the next id is still a new one. */
	int64_t newest = atoll(stage_ask(stage, "SELECT max(batch_id) FROM trade_results"));
	assert_int_equal(stage_run(stage, take_out, NULL, NULL), 0);
	stage_close(stage);
	stage_open(stage);
	put(stage, 1, stage_us);
	assert_true(atoll(stage_ask(stage, "SELECT max(batch_id) FROM trade_results")) > newest);
	assert_int_equal(writer_rows(stage->writer, TABLE_trade_results), 16);
	assert_int_equal(writer_rows_gone(stage->writer, TABLE_trade_results), 15);
	assert_batches_whole(stage);
}

static void test_a_dropped_letter_leaves_its_closed_batch(void **state)
{
	struct stage *stage = *state;
	stage_open(stage);
	struct writer_batch *batch = stage_take(stage);
	for (int i = 0; i < 3; i++) {
		char id[16];
		snprintf(id, sizeof id, "L%d", i);
		archive_rows_begin(&batch->rows, TABLE_dead_letters);
		archive_row_text(&batch->rows, COLUMN_dead_letters_origin, STR("o"));
		archive_row_text(&batch->rows, COLUMN_dead_letters_letter_id, str_of(id));
		archive_row_int(&batch->rows, COLUMN_dead_letters_at_us, stage_us);
		archive_row_int(&batch->rows, COLUMN_dead_letters_attempts, 4);
		archive_row_text(&batch->rows, COLUMN_dead_letters_reason, STR("r"));
		archive_row_text(&batch->rows, COLUMN_dead_letters_payload, STR("{}"));
		assert_int_equal(archive_rows_end(&batch->rows), 0);
	}
	stage_submit(stage, batch);
	batch = stage_take(stage);
	writer_dead_drop(batch, STR("o"), STR("L0"));
	stage_submit(stage, batch); /* open: the batch has one row less */
	assert_int_equal(stage_run(stage, close_all, NULL, NULL), 0);
	assert_string_equal(stage_ask(stage, "SELECT sum(rows) FROM batches"), "2");
	batch = stage_take(stage);
	writer_dead_drop(batch, STR("o"), STR("L1"));
	stage_submit(stage, batch);
	assert_string_equal(stage_ask(stage, "SELECT sum(rows) FROM batches"), "1");
}

static void test_without_a_sink_there_are_no_batches(void **state)
{
	struct stage *stage = *state;
	stage->config.sinks[0] = NULL;
	stage_open(stage);
	put(stage, 20, stage_us);
	assert_int_equal(stage_run(stage, close_all, NULL, NULL), 0);
	assert_string_equal(stage_ask(stage, "SELECT max(batch_id) FROM trade_results"), "0");
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM batches"), "0");
}

/* ---- schema ---- */

static enum status change_schema(struct archive_db *db, void *ctx, struct err *err)
{
	enum status status = db_exec(db, ctx, DB_NONE, NULL, err);
	return status;
}

struct ddl {
	const char *const *statements;
	const char *version;
};

static enum status run_ddl(struct archive_db *db, void *ctx, struct err *err)
{
	const struct ddl *ddl = ctx;
	enum status status = STATUS_OK;
	for (size_t i = 0; !status && ddl->statements[i]; i++)
		status = db_exec(db, ddl->statements[i], DB_NONE, NULL, err);
	db_mark(db, STR("schema"), str_of(ddl->version));
	return status;
}

static enum status ddl_on_thread(struct archive_db *db, void *ctx, struct err *err)
{
	return db_transact(db, run_ddl, ctx, err);
}

static void test_an_older_file_gets_what_it_lacks_and_keeps_its_rows(void **state)
{
	struct stage *stage = *state;
	static const char *const older[] = {
		"DROP VIEW v_daily",
		"DROP VIEW v_results_daily",
		"DROP TABLE funding",
		"ALTER TABLE trade_results DROP COLUMN comment",
		"ALTER TABLE trade_results DROP COLUMN received_us",
		"ALTER TABLE trades DROP COLUMN batch_id",
		NULL,
	};
	stage_open(stage);
	put(stage, 10, stage_us);
	struct err err;
	struct ddl ddl = { older, "0" };
	if (stage_run(stage, ddl_on_thread, &ddl, &err))
		fail_msg("%s", err.text);
	stage_close(stage);
	stage_open(stage);
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trade_results WHERE comment IS "
					     "NULL AND status = 'fail'"),
			    "10");
	assert_true(str_eq(writer_marked(stage->writer, STR("schema")), STR("1")));
	put(stage, 10, stage_us + 5);
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trade_results WHERE received_us "
					     "= event_us AND event_us = 1795000000000005 AND "
					     "batch_id > 0"),
			    "10");
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM funding"), "0");
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM v_daily"), "0");
	/* A needed column that old rows do not have is read as nothing. */
	stage_close(stage);
	stage_open(stage);
}

static void test_a_newer_file_is_refused_with_one_line(void **state)
{
	struct stage *stage = *state;
	static const char *const newer[] = { NULL };
	struct ddl ddl = { newer, "2" };
	stage_open(stage);
	assert_int_equal(stage_run(stage, ddl_on_thread, &ddl, NULL), 0);
	stage_close(stage);
	stage_try_open(stage);
	assert_int_equal(stage->open_status, STATUS_VERSION);
	assert_non_null(strstr(stage->open_err.text, "newer weir"));
	assert_null(strchr(stage->open_err.text, '\n'));
}

static void test_a_column_that_is_not_ours_is_refused(void **state)
{
	struct stage *stage = *state;
	stage_open(stage);
	assert_int_equal(stage_run(stage, change_schema,
				   (void *)(uintptr_t) "ALTER TABLE funding ADD COLUMN x INTEGER",
				   NULL),
			 0);
	stage_close(stage);
	stage_try_open(stage);
	assert_int_equal(stage->open_status, STATUS_FORMAT);
	assert_non_null(strstr(stage->open_err.text, "column x INTEGER of table funding"));
}

static void test_every_view_can_be_asked(void **state)
{
	struct stage *stage = *state;
	const struct db_view_row *view;
	size_t count = 0;
	stage_open(stage);
	for (; (view = db_view_row(count)); count++) {
		char sql[128];
		snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", view->name);
		assert_string_equal(stage_ask(stage, sql), "0");
		assert_true(strlen(view->meaning) > 5);
	}
	assert_true(count > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_a_batch_closes_at_its_rows_and_the_next_begins),
		TEST(test_months_do_not_mix),
		TEST(test_a_batch_closes_by_time),
		TEST(test_what_was_open_is_closed_at_the_next_start_and_no_id_comes_twice),
		TEST(test_a_dropped_letter_leaves_its_closed_batch),
		TEST(test_without_a_sink_there_are_no_batches),
		TEST(test_an_older_file_gets_what_it_lacks_and_keeps_its_rows),
		TEST(test_a_newer_file_is_refused_with_one_line),
		TEST(test_a_column_that_is_not_ours_is_refused),
		TEST(test_every_view_can_be_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
