/* alert_log: every 5 minutes while an alert fires, at once at its end, under one first_us over
 * a restart; and what is read back of the alerts that fired. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "archive/feeds_impl.h"
#include "archive/feeds_views.h"
#include "store/alert_store.h"
#include "unit/feeds_stage.h"

/* Above 0, no hold, ends at once, said again every 600 s. */
static const enum alert_rule rule = ALERT_sink_held;

/* An engine, its store, and feeds. */
struct world {
	struct feeds_stage t;
	struct alerts *alerts;
	struct alert_store *store;
	int ended;
	enum status recalled;
	int recalls;
};

static void on_notice(void *ctx, enum alert_notice notice, const struct alert_view *alert)
{
	struct world *w = ctx;
	w->ended += notice == ALERT_ENDED;
	alert_store_notice(w->store, notice, alert);
	feeds_alert(w->t.feeds, notice, alert);
}

static void open_engine(struct world *w)
{
	const struct alert_hooks hooks = { .on_notice = on_notice, .ctx = w };
	w->alerts = alerts_create(&hooks);
	w->store =
	    alert_store_create(&w->t.stage.port, w->alerts, w->t.stage.timers, &w->t.stage.clock);
	assert_true(w->alerts && w->store);
	const struct feeds_config config = { .writer = w->t.writer,
					     .timers = w->t.stage.timers,
					     .clock = &w->t.stage.clock,
					     .alerts = w->alerts };
	feeds_destroy(w->t.feeds);
	w->t.feeds = feeds_create(&config);
	assert_non_null(w->t.feeds);
}

static void init(struct world *w)
{
	*w = (struct world){ 0 };
	feeds_stage_init(&w->t, 0);
	open_engine(w);
	feeds_start(w->t.feeds);
}

static void close_engine(struct world *w)
{
	alert_store_destroy(w->store);
	alerts_destroy(w->alerts);
}

static void deinit(struct world *w)
{
	fake_redis_abandon(w->t.stage.redis);
	close_engine(w);
	feeds_stage_deinit(&w->t);
}

/* Time goes on, and the value is told each second (NAN: it is not). */
static void run(struct world *w, int seconds, const char *scope, double value)
{
	for (int i = 0; i < seconds; i++) {
		alerts_step(w->alerts, w->t.stage.now_ns, stage_wall_ms(&w->t.stage));
		if (value == value)
			alert_value(w->alerts, rule, str_of(scope), value, STR("held for long"));
		stage_run(&w->t.stage, stage_second_ns);
	}
}

static size_t logged(struct world *w) { return file_count(w->t.writer, TABLE_alert_log); }

static const struct archive_row *row_at(struct world *w, size_t n)
{
	const struct archive_row *row = file_row(w->t.writer, TABLE_alert_log, n);
	assert_non_null(row);
	return row;
}

static int64_t first_us(struct world *w, size_t n)
{
	return archive_cell_int(row_at(w, n), COLUMN_alert_log_first_us, 0);
}

static bool state_is(struct world *w, size_t n, const char *state)
{
	return file_cell_is(row_at(w, n), COLUMN_alert_log_state, state);
}

static void a_firing_alert_is_told_every_five_minutes_and_at_its_end(void **state)
{
	struct world w;
	(void)state;
	init(&w);
	run(&w, 10, "clickhouse", NAN);
	int64_t begin_us = stage_wall_ms(&w.t.stage) * 1000;
	run(&w, 280, "clickhouse", 7);
	assert_int_equal(logged(&w), 0);
	run(&w, 20, "clickhouse", 8); /* 300 s after the start */
	assert_int_equal(logged(&w), 1);
	assert_true(file_cell_is(row_at(&w, 0), COLUMN_alert_log_rule, "sink_held"));
	assert_true(file_cell_is(row_at(&w, 0), COLUMN_alert_log_scope, "clickhouse"));
	assert_true(file_cell_is(row_at(&w, 0), COLUMN_alert_log_severity, "critical"));
	assert_true(file_cell_is(row_at(&w, 0), COLUMN_alert_log_message, "held for long"));
	assert_true(file_cell_is(row_at(&w, 0), COLUMN_alert_log_told, "1"));
	assert_true(archive_cell_real(row_at(&w, 0), COLUMN_alert_log_value) == 8);
	assert_true(state_is(&w, 0, "firing"));
	assert_int_equal(first_us(&w, 0), begin_us);
	run(&w, 291, "clickhouse", 8);
	assert_int_equal(logged(&w), 2); /* 600 s */
	run(&w, 350, "clickhouse", 8);
	assert_int_equal(logged(&w), 3); /* 900 s */
	assert_true(file_cell_is(row_at(&w, 2), COLUMN_alert_log_told, "2"));
	int64_t before_ns = w.t.stage.now_ns;
	alerts_step(w.alerts, w.t.stage.now_ns, stage_wall_ms(&w.t.stage));
	alert_value(w.alerts, rule, STR("clickhouse"), 0, STR("over"));
	assert_int_equal(w.ended, 1);
	stage_run(&w.t.stage, 6 * stage_ms_ns); /* one commit */
	assert_int_equal(logged(&w), 4);
	assert_true(w.t.stage.now_ns - before_ns < 10 * stage_ms_ns);
	assert_true(state_is(&w, 3, "resolved"));
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(first_us(&w, i), begin_us);
	assert_true(archive_cell_int(row_at(&w, 3), COLUMN_alert_log_last_us, 0) >
		    archive_cell_int(row_at(&w, 2), COLUMN_alert_log_last_us, 0));
	run(&w, 700, "clickhouse", NAN);
	assert_int_equal(logged(&w), 4);
	deinit(&w);
}

static void one_that_ends_before_its_five_minutes_is_told_at_its_end(void **state)
{
	struct world w;
	(void)state;
	init(&w);
	run(&w, 20, "influx", 3);
	run(&w, 2, "influx", 0);
	assert_int_equal(logged(&w), 1);
	assert_true(state_is(&w, 0, "resolved"));
	run(&w, 20, "influx", 3); /* again: another incident */
	run(&w, 2, "influx", 0);
	assert_int_equal(logged(&w), 2);
	assert_true(first_us(&w, 1) > first_us(&w, 0));
	deinit(&w);
}

static void one_that_ends_in_silence_is_resolved_at_the_next_look(void **state)
{
	struct world w;
	(void)state;
	init(&w);
	run(&w, 310, "postgres", 3);
	run(&w, 310, "influx", 3);
	assert_int_equal(logged(&w), 3);
	alerts_step(w.alerts, w.t.stage.now_ns, stage_wall_ms(&w.t.stage));
	alerts_forget(w.alerts, STR("postgres"));
	assert_int_equal(w.ended, 0);
	run(&w, 300, "influx", 3);
	assert_int_equal(logged(&w), 5);
	assert_true(file_cell_is(row_at(&w, 3), COLUMN_alert_log_scope, "influx"));
	assert_true(state_is(&w, 3, "firing"));
	assert_true(file_cell_is(row_at(&w, 4), COLUMN_alert_log_scope, "postgres"));
	assert_true(state_is(&w, 4, "resolved"));
	assert_int_equal(first_us(&w, 4), first_us(&w, 0));
	alerts_step(w.alerts, w.t.stage.now_ns, stage_wall_ms(&w.t.stage));
	alerts_forget(w.alerts, STR("influx"));
	run(&w, 5, "influx", 4); /* fires again at once: the old one is over */
	run(&w, 300, "influx", 4);
	assert_int_equal(logged(&w), 7);
	assert_true(state_is(&w, 5, "resolved"));
	assert_true(state_is(&w, 6, "firing"));
	assert_int_equal(first_us(&w, 5), first_us(&w, 3));
	assert_true(first_us(&w, 6) > first_us(&w, 5));
	deinit(&w);
}

/* ---- restarts ---- */

static void on_recalled(void *ctx, const struct alert_view *alert)
{
	struct world *w = ctx;
	w->recalls++;
	feeds_alert_was(w->t.feeds, alert);
}

static void on_recall_done(void *ctx, enum status status)
{
	((struct world *)ctx)->recalled = status;
}

/* weir is killed and started again a minute later. */
static void restart(struct world *w)
{
	fake_redis_abandon(w->t.stage.redis);
	close_engine(w);
	feeds_destroy(w->t.feeds);
	w->t.feeds = NULL;
	file_kill(w->t.writer);
	stage_run(&w->t.stage, 60 * stage_second_ns);
	open_engine(w);
	w->recalled = STATUS_INVALID;
	alert_store_recall(&w->t.stage.port, on_recalled, on_recall_done, w);
	stage_run(&w->t.stage, stage_second_ns);
	assert_int_equal(w->recalled, STATUS_OK);
	feeds_start(w->t.feeds);
}

static void an_alert_goes_on_over_a_restart_under_its_first_time(void **state)
{
	struct world w;
	(void)state;
	init(&w);
	run(&w, 310, "clickhouse:a", 3);
	run(&w, 100, "influx", 3);
	run(&w, 2, "influx", 0); /* resolved: not recalled */
	int64_t begin_us = first_us(&w, 0);
	size_t before = logged(&w);
	restart(&w);
	assert_int_equal(w.recalls, 1);
	run(&w, 310, "clickhouse:a", 5);
	assert_int_equal(logged(&w), before + 1);
	assert_int_equal(first_us(&w, before), begin_us);
	run(&w, 2, "clickhouse:a", 0);
	assert_int_equal(logged(&w), before + 2);
	assert_true(state_is(&w, before + 1, "resolved"));
	assert_int_equal(first_us(&w, before + 1), begin_us);
	run(&w, 20, "clickhouse:a", 5); /* the next one is its own */
	run(&w, 2, "clickhouse:a", 0);
	assert_true(first_us(&w, before + 2) > begin_us);
	run(&w, 1000, "clickhouse:a", NAN);
	assert_int_equal(logged(&w), before + 3);
	deinit(&w);
}

static void one_that_does_not_come_back_is_resolved(void **state)
{
	struct world w;
	(void)state;
	init(&w);
	run(&w, 310, "clickhouse", 3);
	int64_t begin_us = first_us(&w, 0);
	restart(&w);
	run(&w, 890, "clickhouse", NAN);
	assert_int_equal(logged(&w), 1); /* it may come yet */
	run(&w, 20, "clickhouse", NAN);
	assert_int_equal(logged(&w), 2);
	assert_true(state_is(&w, 1, "resolved"));
	assert_int_equal(first_us(&w, 1), begin_us);
	assert_true(file_cell_is(row_at(&w, 1), COLUMN_alert_log_message, "held for long"));
	deinit(&w);
}

static void what_is_not_an_alert_is_not_recalled(void **state)
{
	struct world w;
	(void)state;
	init(&w);
	STAGE_DO(&w.t.stage, STR("SET"), STR("alert:x:sink_held"), STR("a string"));
	STAGE_DO(&w.t.stage, STR("HSET"), STR("alert:y:no_such_rule"), STR("st"), STR("firing"));
	STAGE_DO(&w.t.stage, STR("HSET"), STR("alert:sink_held"), STR("st"), STR("firing"));
	STAGE_DO(&w.t.stage, STR("HSET"), STR("alert:z:sink_held"), STR("st"), STR("firing"),
		 STR("first"), STR("soon"), STR("last"), STR("1"), STR("val"), STR("1"), STR("n"),
		 STR("1"));
	STAGE_DO(&w.t.stage, STR("HSET"), STR("alerts"), STR("st"), STR("firing"));
	w.recalled = STATUS_OK;
	alert_store_recall(&w.t.stage.port, on_recalled, on_recall_done, &w);
	stage_run(&w.t.stage, stage_second_ns);
	assert_int_equal(w.recalls, 0);
	assert_int_equal(w.recalled, STATUS_REDIS_WRONGTYPE); /* and it ended */
	w.t.stage.full_in = 1;
	alert_store_recall(&w.t.stage.port, on_recalled, on_recall_done, &w);
	assert_int_equal(w.recalled, STATUS_FULL);
	deinit(&w);
}

/* ---- views ---- */

static void views_are_of_the_tables_keys(void **state)
{
	const struct feeds_view *view;
	(void)state;
	for (size_t i = 0; (view = feeds_view_at(i)); i++) {
		const struct archive_table_row *table = archive_table_row(view->table);
		struct str key = str_of(table->key), word;
		char text[512];
		struct buf want = buf_over(text, sizeof text - 1);
		buf_printf(&want, "SELECT * FROM %s QUALIFY row_number() OVER (PARTITION BY",
			   table->name);
		for (const char *comma = ""; str_split(&key, ' ', &word); comma = ",")
			buf_printf(&want, "%s %.*s", comma, STR_ARG(word));
		buf_printf(&want, " ORDER BY rowid DESC) = 1");
		text[want.len] = 0;
		assert_string_equal(view->sql, text);
		assert_true(str_starts(str_of(view->name), STR("v_")));
		assert_string_equal(view->name + 2, table->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_firing_alert_is_told_every_five_minutes_and_at_its_end),
		cmocka_unit_test(one_that_ends_before_its_five_minutes_is_told_at_its_end),
		cmocka_unit_test(one_that_ends_in_silence_is_resolved_at_the_next_look),
		cmocka_unit_test(an_alert_goes_on_over_a_restart_under_its_first_time),
		cmocka_unit_test(one_that_does_not_come_back_is_resolved),
		cmocka_unit_test(what_is_not_an_alert_is_not_recalled),
		cmocka_unit_test(views_are_of_the_tables_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
