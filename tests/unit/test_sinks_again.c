/* Rows that a sink refused, tried once more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive/sinks_again.h"
#include "sinks_stage.h"

static enum status again_work(struct archive_db *db, void *ctx, struct err *err)
{
	struct sinks_again *again = ctx;
	struct archive_rows letters;
	archive_rows_init(&letters, 1 << 20);
	enum status status =
	    db_read_rows(db, TABLE_dead_letters, NULL, DB_NONE, 100, &letters, err);
	again->letters = &letters;
	if (!status)
		status = db_transact(db, sinks_again, again, err);
	archive_rows_deinit(&letters);
	return status;
}

/* Of all letters, while these sinks are named. */
static struct sinks_again again_at(struct sinks_stage *stage, const char *first, const char *second)
{
	struct sinks_again again = { .names = { str_of(first), str_of(second) }, .sinks = 2 };
	struct err err = { 0 };
	if (stage_run(&stage->file, again_work, &again, &err))
		fail_msg("%s", err.text);
	return again;
}

static bool again(struct sinks_stage *stage)
{
	struct sinks_again again = again_at(stage, "first", "second");
	assert_int_equal(again.unnamed, 0);
	assert_int_equal(again.sent + again.stuck, 1);
	return again.sent > 0;
}

/* One of 50 rows is refused by the first of two sinks. */
static void begin(struct sinks_stage *stage, size_t sinks)
{
	const char *names[50] = { [20] = "bad20" };
	sim_begin(stage, sinks);
	stage->close_rows = 50;
	if (sinks > 1)
		stage->fake[1].mended = true;
	sim_put(stage, names, 50);
	sim_cut_aligned(stage);
	sinks_start(stage->sinks);
}

static size_t results_at(const struct fake_server *server)
{
	size_t rows = 0;
	for (size_t i = 0; i < server->count; i++)
		rows += server->rows[i].table == TABLE_trade_results;
	return rows;
}

static void a_row_that_was_refused_arrives_when_the_sink_is_mended(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 2);
	sim_drain(&stage, 100);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "1");
	assert_int_equal(sinks_confirmed(stage.sinks, 0, TABLE_trade_results), 49);
	/* Not mended: it is refused again, and is a letter again. */
	assert_true(again(&stage));
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "0");
	sim_drain(&stage, 100);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "1");
	assert_int_equal(results_at(stage.server[0]), 49);
	stage.fake[0].mended = true;
	assert_true(again(&stage));
	sim_drain(&stage, 100);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "0");
	assert_int_equal(results_at(stage.server[0]), 50);
	assert_int_equal(fake_having(stage.server[0], "bad20"), 1);
	/* The other one had it, and is not sent it again. */
	assert_int_equal(results_at(stage.server[1]), 50);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(sinks_confirmed(stage.sinks, i, TABLE_trade_results), 50);
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 50);
	expect_ask(&stage,
		   "SELECT count(*) FROM batches b WHERE tbl = 'trade_results' AND rows <> (SELECT "
		   "count(*) FROM trade_results r WHERE r.batch_id = b.batch_id)",
		   "0");
	expect_ask(&stage, "SELECT sum(rows) FROM batches WHERE tbl = 'trade_results'", "50");
	sim_end(&stage);
}

static void it_waits_until_the_others_have_it(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 2);
	stage.fake[1].down = true;
	sim_run(&stage, 60);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "1");
	assert_false(again(&stage));
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "1");
	stage.fake[1].down = false;
	stage.fake[0].mended = true;
	sim_drain(&stage, 300);
	assert_true(again(&stage));
	sim_drain(&stage, 100);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(results_at(stage.server[i]), 50);
	sim_end(&stage);
}

static void a_sink_that_is_not_named_keeps_its_letters(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 1);
	sim_drain(&stage, 100);
	struct sinks_again told = again_at(&stage, "second", "third");
	assert_int_equal(told.unnamed, 1);
	assert_int_equal(told.sent + told.stuck, 0);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "1");
	assert_true(again(&stage));
	sim_end(&stage);
}

static void put_letter(struct sinks_stage *stage, const char *id, const char *payload)
{
	struct writer_batch *batch = stage_take(&stage->file);
	struct archive_rows *rows = &batch->rows;
	archive_rows_begin(rows, TABLE_dead_letters);
	archive_row_text(rows, COLUMN_dead_letters_origin, STR("first"));
	archive_row_text(rows, COLUMN_dead_letters_letter_id, str_of(id));
	archive_row_int(rows, COLUMN_dead_letters_at_us, stage_us);
	archive_row_int(rows, COLUMN_dead_letters_attempts, 1);
	archive_row_text(rows, COLUMN_dead_letters_reason, STR("r"));
	archive_row_text(rows, COLUMN_dead_letters_payload, str_of(payload));
	assert_int_equal(archive_rows_end(rows), STATUS_OK);
	stage_submit(&stage->file, batch);
}

static void two_letters_of_a_row_send_it_once(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	sinks_start(stage.sinks);
	sim_put(&stage, NULL, 3);
	sim_drain(&stage, 100);
	for (int i = 0; i < 2; i++)
		put_letter(&stage, "L", "{\"table\":\"trade_results\",\"result_id\":\"r1\"}");
	sim_drain(&stage, 100);
	struct sinks_again told = again_at(&stage, "first", "second");
	assert_int_equal(told.sent, 1);
	assert_int_equal(told.stuck, 0);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "0");
	expect_ask(&stage, "SELECT count(*) FROM batches WHERE tbl = 'trade_results'", "2");
	sim_end(&stage);
}

static void put_alert(struct sinks_stage *stage, int64_t last_us)
{
	struct writer_batch *batch = stage_take(&stage->file);
	struct archive_rows *rows = &batch->rows;
	archive_rows_begin(rows, TABLE_alert_log);
	archive_row_text(rows, COLUMN_alert_log_rule, STR("a"));
	archive_row_text(rows, COLUMN_alert_log_scope, STR("s"));
	archive_row_int(rows, COLUMN_alert_log_first_us, stage_us);
	archive_row_int(rows, COLUMN_alert_log_last_us, last_us);
	archive_row_text(rows, COLUMN_alert_log_state, STR("firing"));
	archive_row_text(rows, COLUMN_alert_log_severity, STR("warning"));
	archive_row_int(rows, COLUMN_alert_log_told, last_us);
	assert_int_equal(archive_rows_end(rows), STATUS_OK);
	stage_submit(&stage->file, batch);
}

static void a_row_is_not_sent_in_the_place_of_a_newer_one_of_its_key(void **state)
{
	(void)state;
	struct sinks_stage stage;
	char payload[160];
	sim_begin(&stage, 1);
	sinks_start(stage.sinks);
	put_alert(&stage, 1);
	sim_drain(&stage, 100);
	snprintf(payload, sizeof payload,
		 "{\"table\":\"alert_log\",\"rule\":\"a\",\"scope\":\"s\",\"first_us\":\"%" PRId64
		 "\"}",
		 stage_us);
	put_letter(&stage, "a", payload);
	sim_drain(&stage, 100);
	put_alert(&stage, 2); /* its batch is open: no sink has it */
	assert_false(again(&stage));
	expect_ask(&stage,
		   "SELECT bool_and(a.batch_id < b.batch_id) FROM alert_log a, alert_log b WHERE "
		   "a.last_us < b.last_us",
		   "true");
	sim_drain(&stage, 100);
	assert_true(again(&stage));
	sim_drain(&stage, 100);
	expect_ask(&stage, "SELECT max_by(last_us, batch_id) FROM alert_log", "2");
	sim_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_that_was_refused_arrives_when_the_sink_is_mended),
		cmocka_unit_test(it_waits_until_the_others_have_it),
		cmocka_unit_test(a_sink_that_is_not_named_keeps_its_letters),
		cmocka_unit_test(two_letters_of_a_row_send_it_once),
		cmocka_unit_test(a_row_is_not_sent_in_the_place_of_a_newer_one_of_its_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
