/* What is made of each outcome of a sink, in time that the test moves, over a real archive
 * file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sinks_stage.h"

static int64_t shipped(const struct sinks_stage *stage)
{
	return sinks_shipped(stage->sinks, TABLE_trade_results);
}

/* ---- all is well ---- */

static void batches_arrive_once_in_order(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	for (int i = 0; i < 5; i++) {
		sim_put(&stage, NULL, 100);
		sim_cut(&stage);
	}
	sinks_start(stage.sinks);
	sim_drain(&stage, 10);
	expect_all(&stage, 500);
	assert_int_equal(fake_calls(stage.server[0], 's'), 5);
	assert_int_equal(fake_calls(stage.server[0], 'p'), 0);
	for (size_t i = 1; i < 500; i++)
		assert_true(stage.server[0]->rows[i].batch_id >=
			    stage.server[0]->rows[i - 1].batch_id);
	assert_int_equal(shipped(&stage), 500);
	assert_int_equal(sinks_confirmed(stage.sinks, 0, TABLE_trade_results), 500);
	struct sinks_count count;
	assert_int_equal(sinks_counts(stage.sinks, &count, 1), 1);
	assert_int_equal(count.batches, 5);
	assert_int_equal(count.rows, 500);
	assert_int_equal(count.waiting_rows, 0);
	sim_put(&stage, NULL, 7);
	sim_drain(&stage, 10);
	expect_all(&stage, 507);
	assert_int_equal(shipped(&stage), 507);
	sim_end(&stage);
}

static void what_was_shipped_stays_so_over_a_restart(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	sim_put(&stage, NULL, 50);
	sinks_start(stage.sinks);
	sim_drain(&stage, 10);
	sim_put(&stage, NULL, 20);
	sim_close(&stage);
	sim_open(&stage);
	sinks_start(stage.sinks);
	sim_drain(&stage, 10);
	expect_all(&stage, 70);
	assert_int_equal(shipped(&stage), 70);
	assert_int_equal(fake_calls(stage.server[0], 's'), 2);
	sim_end(&stage);
}

static void batches_grow_while_some_wait(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	stage.sinks->config.close_rows = 100;
	stage.fake[0].down = true;
	sinks_start(stage.sinks);
	sim_settle(&stage);
	sim_put(&stage, NULL, 250);
	expect_ask(&stage, "SELECT count(*) FROM batches", "2");
	sim_run(&stage, 30);
	sim_put(&stage, NULL, 5000);
	expect_ask(&stage, "SELECT count(*) FROM batches", "2");
	stage.fake[0].down = false;
	sim_drain(&stage, 100);
	expect_all(&stage, 5250);
	assert_int_equal(fake_calls(stage.server[0], 's'), 3);
	sim_run(&stage, 6);
	sim_put(&stage, NULL, 200);
	expect_ask(&stage, "SELECT count(*) FROM batches", "5");
	sim_end(&stage);
}

/* ---- unknown ---- */

static void what_landed_without_a_word_is_not_sent_again(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	sim_put(&stage, NULL, 40);
	fake_fate(&stage.fake[0], FAKE_LANDED);
	sinks_start(stage.sinks);
	double seconds = sim_drain(&stage, 60);
	expect_all(&stage, 40);
	assert_int_equal(fake_calls(stage.server[0], 's'), 1);
	assert_int_equal(fake_calls(stage.server[0], 'p'), 1);
	assert_true(seconds >= 5 && seconds < 6);
	assert_int_equal(shipped(&stage), 40);
	sim_end(&stage);
}

static void what_was_lost_is_sent_again_after_two_looks(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	sim_put(&stage, NULL, 40);
	fake_fate(&stage.fake[0], FAKE_LOST);
	sinks_start(stage.sinks);
	double seconds = sim_drain(&stage, 60);
	expect_all(&stage, 40);
	assert_int_equal(fake_calls(stage.server[0], 's'), 2);
	assert_int_equal(fake_calls(stage.server[0], 'p'), 2);
	assert_true(seconds >= 10 && seconds < 11);
	sim_end(&stage);
}

static void what_lands_after_the_first_look_is_seen_by_the_second(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	sim_put(&stage, NULL, 40);
	fake_fate(&stage.fake[0], FAKE_LATE);
	sinks_start(stage.sinks);
	sim_drain(&stage, 60);
	expect_all(&stage, 40);
	assert_int_equal(fake_calls(stage.server[0], 's'), 1);
	assert_int_equal(fake_calls(stage.server[0], 'p'), 2);
	sim_end(&stage);
}

static void half_a_batch_is_held_and_never_sent_again(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	sim_put(&stage, NULL, 40);
	sim_cut(&stage);
	fake_fate(&stage.fake[0], FAKE_HALF);
	sinks_start(stage.sinks);
	sim_run(&stage, 300);
	assert_int_equal(stage.server[0]->count, 20);
	assert_int_equal(fake_calls(stage.server[0], 's'), 1);
	assert_true(stage.held_s > 280);
	assert_non_null(strstr(stage.sinks->lines[0].count.why, "it holds 20 of 40 rows"));
	assert_int_equal(shipped(&stage), 0);
	sim_end(&stage);
}

static void half_a_batch_is_sent_again_where_that_does_no_harm(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	stage.fake[0].ops.idempotent = true;
	sim_put(&stage, NULL, 40);
	sim_cut(&stage);
	fake_fate(&stage.fake[0], FAKE_HALF);
	sinks_start(stage.sinks);
	sim_drain(&stage, 60);
	assert_int_equal(fake_calls(stage.server[0], 's'), 2);
	assert_int_equal(fake_calls(stage.server[0], 'p'), 1);
	assert_int_equal(shipped(&stage), 40);
	assert_true(stage.held_s == 0);
	sim_end(&stage);
}

/* ---- away ---- */

static void the_ladder_has_its_steps_and_jitter(void **state)
{
	(void)state;
	static const double steps[] = { 5, 15, 30, 60, 60, 60 };
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	sim_put(&stage, NULL, 40);
	sim_cut(&stage);
	stage.fake[0].down = true;
	sinks_start(stage.sinks);
	sim_run(&stage, 250);
	const struct fake_server *server = stage.server[0];
	assert_true(server->logged >= 6);
	for (size_t i = 1; i < server->logged && i <= ARRAY_LEN(steps); i++) {
		double waited = (double)(server->log[i].at_ns - server->log[i - 1].at_ns) / 1e9;
		assert_true(waited >= steps[i - 1] / 2 && waited <= steps[i - 1] + 0.1);
	}
	assert_int_equal(fake_calls(server, 's'), 0);
	assert_true(stage.away_max_s > 200);
	assert_true(stage.away_s > 0);
	stage.fake[0].down = false;
	sim_drain(&stage, 61);
	expect_all(&stage, 40);
	assert_true(stage.away_s == 0);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "0");
	sim_end(&stage);
}

/* Too many parts: it is there and says later; nothing of that batch is there. */
static void a_send_that_is_put_off_is_asked_for_first(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	sim_put(&stage, NULL, 40);
	for (int i = 0; i < 4; i++)
		fake_fate(&stage.fake[0], FAKE_AWAY);
	sinks_start(stage.sinks);
	double seconds = sim_drain(&stage, 200);
	expect_all(&stage, 40);
	assert_true(seconds > (5 + 15 + 30 + 60) / 2.0 && seconds < 111);
	assert_int_equal(fake_calls(stage.server[0], 's'), 5);
	assert_int_equal(fake_calls(stage.server[0], 'o'), 5);
	assert_int_equal(fake_calls(stage.server[0], 'p'), 4);
	struct sinks_count count;
	sinks_counts(stage.sinks, &count, 1);
	assert_int_equal(count.away, 4);
	assert_int_equal(count.resent, 4);
	sim_end(&stage);
}

static void an_unknown_batch_stays_so_while_nobody_answers(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	sim_put(&stage, NULL, 40);
	sim_cut(&stage);
	fake_fate(&stage.fake[0], FAKE_LANDED);
	sinks_start(stage.sinks);
	sim_run(&stage, 1);
	stage.fake[0].down = true;
	sim_run(&stage, 100);
	expect_ask(&stage, "SELECT state FROM batch_sinks", "sent");
	stage.fake[0].down = false;
	sim_drain(&stage, 61);
	expect_all(&stage, 40);
	assert_int_equal(fake_calls(stage.server[0], 's'), 1);
	sim_end(&stage);
}

/* ---- held ---- */

static void one_table_waits_and_the_others_go_on(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	stage.fake[0].held_table = TABLE_alert_log;
	sim_put_alerts(&stage, 0, 3);
	sim_cut(&stage);
	sim_put(&stage, NULL, 40);
	sim_cut(&stage);
	sinks_start(stage.sinks);
	sim_run(&stage, 30);
	expect_all(&stage, 40);
	assert_true(stage.held_s > 25);
	assert_int_equal(fake_calls(stage.server[0], 'o'), 1);
	sim_run(&stage, 100);
	assert_int_equal(fake_calls(stage.server[0], 's'), 1 + 3);
	assert_int_equal(fake_calls(stage.server[0], 'o'), 3);
	stage.fake[0].held_table = -1;
	sim_drain(&stage, 61);
	assert_int_equal(stage.server[0]->count, 43);
	assert_true(stage.held_s == 0);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "0");
	sim_end(&stage);
}

static void a_sink_that_lets_nobody_in_is_asked_each_minute(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	sim_put(&stage, NULL, 40);
	sim_cut(&stage);
	for (int i = 0; i < 3; i++)
		stage.fake[0].opens[stage.fake[0].open_count++] = FAKE_HELD;
	sinks_start(stage.sinks);
	sim_run(&stage, 170);
	assert_true(stage.held_s > 160);
	assert_int_equal(stage.server[0]->count, 0);
	sim_drain(&stage, 60);
	expect_all(&stage, 40);
	assert_true(stage.held_s == 0);
	assert_int_equal(fake_calls(stage.server[0], 'o'), 4);
	sim_end(&stage);
}

/* ---- of one key ---- */

static void of_rows_with_one_key_the_last_is_sent(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	struct writer_batch *batch = stage_take(&stage.file);
	sim_alert(&batch->rows, "twice", 1);
	sim_alert(&batch->rows, "once", 2);
	sim_alert(&batch->rows, "twice", 3);
	stage_submit(&stage.file, batch);
	sinks_start(stage.sinks);
	sim_drain(&stage, 10);
	assert_int_equal(stage.server[0]->count, 2);
	assert_string_equal(stage.server[0]->rows[0].id, "once");
	assert_string_equal(stage.server[0]->rows[1].id, "twice");
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_alert_log), 3);
	assert_int_equal(sinks_confirmed(stage.sinks, 0, TABLE_alert_log), 2);
	sim_end(&stage);
}

/* Whether a batch of the table was ever being sent while the end of one of its own before was
 * recorded. */
static bool overlaps(struct sinks_stage *stage, enum archive_table table)
{
	const struct sinks_line *line = &stage->sinks->lines[0];
	bool seen = false;
	sinks_flush(stage->sinks);
	sim_settle(stage);
	while (!sinks_idle(stage->sinks) && sim_step(stage, INT64_MAX - 1))
		seen |= line->now && line->job_runs && line->job.records &&
			line->now->part.table == table && line->job.told.table == table;
	return seen;
}

/* At the sink the newer one takes rows of the older one away, which may be asked for yet. */
static void of_rows_that_come_again_a_batch_waits_until_the_one_before_is_recorded(void **state)
{
	(void)state;
	for (int idempotent = 0; idempotent < 2; idempotent++) {
		struct sinks_stage stage;
		sim_begin(&stage, 1);
		stage.fake[0].ops.idempotent = idempotent;
		for (size_t i = 0; i < 4; i++) {
			sim_put_alerts(&stage, 25 * i, 25 * i + 50);
			sim_cut(&stage);
		}
		sinks_start(stage.sinks);
		assert_int_equal(overlaps(&stage, TABLE_alert_log), idempotent);
		for (size_t i = 0; i < 4; i++) {
			sim_put(&stage, NULL, 10);
			sim_cut(&stage);
		}
		assert_true(overlaps(&stage, TABLE_trade_results));
		assert_int_equal(stage.server[0]->count, 4 * 50 + 4 * 10);
		sim_end(&stage);
	}
}

/* ---- two sinks ---- */

static void rows_are_shipped_when_every_sink_has_them(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 2);
	sim_put(&stage, NULL, 40);
	sim_cut(&stage);
	stage.fake[1].down = true;
	sinks_start(stage.sinks);
	sim_run(&stage, 20);
	assert_int_equal(stage.server[0]->count, 40);
	assert_int_equal(shipped(&stage), 0);
	assert_int_equal(sinks_confirmed(stage.sinks, 0, TABLE_trade_results), 40);
	assert_true(stage.away_s == 0);
	stage.fake[1].down = false;
	sim_drain(&stage, 61);
	assert_int_equal(stage.server[1]->count, 40);
	assert_int_equal(shipped(&stage), 40);
	sim_end(&stage);
}

static void a_sink_that_comes_later_gets_what_is_there(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	sim_put(&stage, NULL, 40);
	sinks_start(stage.sinks);
	sim_drain(&stage, 10);
	sim_close(&stage);
	stage.count = 2;
	sim_open(&stage);
	sinks_start(stage.sinks);
	sim_drain(&stage, 10);
	assert_int_equal(stage.server[0]->count, 40);
	assert_int_equal(stage.server[1]->count, 40);
	assert_int_equal(shipped(&stage), 40);
	sim_end(&stage);
}

/* ---- the end ---- */

static void a_close_waits_for_an_answer_but_not_for_ever(void **state)
{
	(void)state;
	static const enum fake_fate fates[] = { FAKE_WELL, FAKE_SILENT };
	for (size_t i = 0; i < ARRAY_LEN(fates); i++) {
		struct sinks_stage stage;
		sim_begin(&stage, 1);
		sim_put(&stage, NULL, 40);
		sim_cut(&stage);
		fake_fate(&stage.fake[0], fates[i]);
		sinks_start(stage.sinks);
		while (!fake_calls(stage.server[0], 's'))
			sim_step(&stage, INT64_MAX);
		int64_t begin_ns = stage.now_ns;
		sim_close(&stage);
		assert_true(stage.now_ns - begin_ns < INT64_C(3000000000));
		sim_open(&stage);
		expect_ask(&stage, "SELECT state FROM batch_sinks WHERE sink = 'first'",
			   fates[i] == FAKE_WELL ? "done" : "sent");
		sim_end(&stage);
	}
}

static void each_day_what_is_too_old_goes_at_the_sink(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	sinks_start(stage.sinks);
	struct sinks_line *line = &stage.sinks->lines[0];
	assert_int_equal(line->expire_ns - stage.now_ns, INT64_C(3600000000000));
	for (size_t day = 1; day <= 2; day++) {
		int64_t due_ns = line->expire_ns = stage.now_ns;
		sim_run(&stage, 5);
		assert_int_equal(fake_calls(stage.server[0], 'x'), day * TABLE_COUNT);
		assert_int_equal(line->expire_ns - due_ns, INT64_C(86400000000000));
	}
	sim_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_arrive_once_in_order),
		cmocka_unit_test(what_was_shipped_stays_so_over_a_restart),
		cmocka_unit_test(batches_grow_while_some_wait),
		cmocka_unit_test(what_landed_without_a_word_is_not_sent_again),
		cmocka_unit_test(what_was_lost_is_sent_again_after_two_looks),
		cmocka_unit_test(what_lands_after_the_first_look_is_seen_by_the_second),
		cmocka_unit_test(half_a_batch_is_held_and_never_sent_again),
		cmocka_unit_test(half_a_batch_is_sent_again_where_that_does_no_harm),
		cmocka_unit_test(the_ladder_has_its_steps_and_jitter),
		cmocka_unit_test(a_send_that_is_put_off_is_asked_for_first),
		cmocka_unit_test(an_unknown_batch_stays_so_while_nobody_answers),
		cmocka_unit_test(one_table_waits_and_the_others_go_on),
		cmocka_unit_test(a_sink_that_lets_nobody_in_is_asked_each_minute),
		cmocka_unit_test(of_rows_with_one_key_the_last_is_sent),
		cmocka_unit_test(
		    of_rows_that_come_again_a_batch_waits_until_the_one_before_is_recorded),
		cmocka_unit_test(rows_are_shipped_when_every_sink_has_them),
		cmocka_unit_test(a_sink_that_comes_later_gets_what_is_there),
		cmocka_unit_test(a_close_waits_for_an_answer_but_not_for_ever),
		cmocka_unit_test(each_day_what_is_too_old_goes_at_the_sink),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
