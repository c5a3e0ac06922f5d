/* What terminals, alerts and operators leave in the archive, and when; what is held back while
 * the file is in trouble; how it goes on after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "archive/feeds_impl.h"
#include "unit/feeds_stage.h"

static const int64_t minute_ns = 60 * INT64_C(1000000000), day_us = INT64_C(86400000000);

static int64_t wall_us(struct feeds_stage *t) { return stage_wall(&t->stage) / 1000; }

static int64_t int_of(const struct archive_row *row, enum archive_column column)
{
	assert_non_null(row);
	return archive_cell_int(row, column, INT64_MIN);
}

/* ---- accounts ---- */

static struct instance *account(struct feeds_stage *t, uint32_t slot, int64_t login)
{
	struct instance *instance = stage_instance(&t->stage, slot);
	instance->login = login;
	strcpy(instance->server, "Broker-Demo");
	strcpy(instance->currency, "USD");
	instance->leverage = 100;
	return instance;
}

static void set(struct instance *instance, enum sample sample, int64_t mantissa, uint8_t digits)
{
	instance->latest.values[sample] = (struct number){ mantissa, digits };
	instance->latest.known |= UINT64_C(1) << sample;
}

static void tell(struct feeds_stage *t, struct instance *instance, int64_t balance)
{
	set(instance, SAMPLE_bal, balance, 2);
	set(instance, SAMPLE_eq, balance + 150, 2);
	feeds_account(t->feeds, instance);
	stage_run(&t->stage, 1500 * stage_ms_ns);
}

static void an_account_is_told_on_change_and_once_a_day(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 2);
	feeds_start(t.feeds);
	struct instance *instance = account(&t, 0, 17);
	set(instance, SAMPLE_cr, 0, 2);
	feeds_account(t.feeds, instance); /* nothing is known of it yet */
	tell(&t, instance, 1000000);
	for (int i = 0; i < 5; i++) {
		set(instance, SAMPLE_eq, 999000 + i, 2);
		feeds_account(t.feeds, instance);
	}
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_int_equal(file_count(t.writer, TABLE_accounts), 1);
	const struct archive_row *row = file_row(t.writer, TABLE_accounts, 0);
	assert_true(file_cell_is(row, COLUMN_accounts_server, "Broker-Demo"));
	assert_true(file_cell_is(row, COLUMN_accounts_login, "17"));
	assert_true(file_cell_is(row, COLUMN_accounts_instance, "mt5-000"));
	assert_true(file_cell_is(row, COLUMN_accounts_currency, "USD"));
	assert_int_equal(int_of(row, COLUMN_accounts_balance), INT64_C(1000000000000));
	assert_int_equal(int_of(row, COLUMN_accounts_equity), INT64_C(1000150000000));
	assert_int_equal(int_of(row, COLUMN_accounts_credit), 0);
	assert_false(archive_cell_there(row, COLUMN_accounts_margin));
	assert_true(file_cell_is(row, COLUMN_accounts_leverage, "100"));
	assert_true(file_cell_is(row, COLUMN_accounts_cause, "daily"));
	assert_in_range(wall_us(&t) - int_of(row, COLUMN_accounts_at_us), 0, 5000000);
	tell(&t, instance, 1000001);
	set(instance, SAMPLE_cr, 5000, 2);
	tell(&t, instance, 1000001);
	instance->leverage = 200;
	tell(&t, instance, 1000001);
	assert_int_equal(file_count(t.writer, TABLE_accounts), 4);
	for (size_t i = 1; i < 4; i++)
		assert_true(file_cell_is(file_row(t.writer, TABLE_accounts, i),
					 COLUMN_accounts_cause, "change"));
	t.stage.wall_shift_ns += day_us * 1000;
	tell(&t, instance, 1000001);
	tell(&t, instance, 1000001);
	assert_int_equal(file_count(t.writer, TABLE_accounts), 5);
	assert_true(
	    file_cell_is(file_row(t.writer, TABLE_accounts, 4), COLUMN_accounts_cause, "daily"));
	feeds_stage_deinit(&t);
}

static void after_a_restart_only_what_changed_is_told(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 2);
	feeds_start(t.feeds);
	struct instance *one = account(&t, 0, 17), *two = account(&t, 1, 18);
	tell(&t, one, 500);
	tell(&t, two, 600);
	feeds_stage_restart(&t);
	feeds_start(t.feeds);
	tell(&t, one, 500);
	assert_int_equal(file_count(t.writer, TABLE_accounts), 2);
	tell(&t, two, 601); /* while weir was away */
	assert_int_equal(file_count(t.writer, TABLE_accounts), 3);
	assert_true(
	    file_cell_is(file_row(t.writer, TABLE_accounts, 2), COLUMN_accounts_cause, "change"));
	feeds_stage_deinit(&t);
}

static void two_terminals_of_an_account_tell_it_once(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 2);
	feeds_start(t.feeds);
	struct instance *one = account(&t, 0, 17), *two = account(&t, 1, 17);
	tell(&t, one, 500);
	tell(&t, two, 500);
	assert_int_equal(file_count(t.writer, TABLE_accounts), 1);
	tell(&t, two, 501);
	tell(&t, one, 501);
	assert_int_equal(file_count(t.writer, TABLE_accounts), 2);
	two->login = 19; /* logged in elsewhere */
	tell(&t, two, 501);
	assert_int_equal(file_count(t.writer, TABLE_accounts), 3);
	feeds_stage_deinit(&t);
}

static void more_accounts_than_a_batch_has_marks_come_in_several(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 200);
	feeds_start(t.feeds);
	for (uint32_t slot = 0; slot < 200; slot++) {
		struct instance *instance = account(&t, slot, 1000 + slot);
		set(instance, SAMPLE_bal, slot, 2);
		feeds_account(t.feeds, instance);
	}
	stage_run(&t.stage, 3 * stage_second_ns);
	assert_int_equal(file_count(t.writer, TABLE_accounts), 200);
	assert_int_equal(t.writer->commits, 4);
	assert_int_equal(t.writer->marks_most, WRITER_MARKS_MAX);
	feeds_stage_restart(&t);
	feeds_start(t.feeds);
	for (uint32_t slot = 0; slot < 200; slot++)
		feeds_account(t.feeds, stage_instance(&t.stage, slot));
	stage_run(&t.stage, 3 * stage_second_ns);
	assert_int_equal(file_count(t.writer, TABLE_accounts), 200);
	feeds_stage_deinit(&t);
}

static void a_figure_that_no_decimal_is_stays_empty(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 1);
	feeds_start(t.feeds);
	struct instance *instance = account(&t, 0, 17);
	set(instance, SAMPLE_bal, 1234567890123, 2);
	set(instance, SAMPLE_eq, 1, 9);
	set(instance, SAMPLE_mar, -5000, 0);
	feeds_account(t.feeds, instance);
	stage_run(&t.stage, 2 * stage_second_ns);
	const struct archive_row *row = file_row(t.writer, TABLE_accounts, 0);
	assert_non_null(row);
	assert_false(archive_cell_there(row, COLUMN_accounts_balance)); /* above 18 digits */
	assert_false(archive_cell_there(row, COLUMN_accounts_equity));  /* finer than 8 */
	assert_int_equal(int_of(row, COLUMN_accounts_margin), INT64_C(-500000000000));
	assert_int_equal(feeds_counts(t.feeds).range, 2);
	feeds_stage_deinit(&t);
}

/* ---- minutes ---- */

struct reckoned { /* independently: all samples kept, then summed */
	double cpu[64], ping[64], queue[64];
	int count;
};

static double largest(const double *values, int count)
{
	double most = values[0];
	for (int i = 1; i < count; i++)
		most = values[i] > most ? values[i] : most;
	return most;
}

static double mean(const double *values, int count)
{
	long double sum = 0;
	for (int i = 0; i < count; i++)
		sum += values[i];
	return (double)(sum / count);
}

static void to_next_minute(struct feeds_stage *t)
{
	int64_t into_ns = stage_wall(&t->stage) % minute_ns;
	stage_run(&t->stage, minute_ns - into_ns);
}

static void a_minute_has_the_means_and_maxima_of_its_samples(void **state)
{
	struct feeds_stage t;
	struct rng rng;
	struct reckoned reckoned = { .count = 0 };
	(void)state;
	rng_init(&rng, 7);
	feeds_stage_init(&t, 2);
	feeds_start(t.feeds);
	to_next_minute(&t);
	int64_t minute_us = wall_us(&t);
	struct instance *instance = account(&t, 0, 17);
	instance->state = INSTANCE_RUNNING;
	for (int i = 0; i < 55; i++) {
		int64_t cpu = (int64_t)rng_below(&rng, 1000),
			ping = (int64_t)rng_below(&rng, 90000);
		int64_t queued = (int64_t)rng_below(&rng, 9);
		instance->waiting = (uint32_t)rng_below(&rng, 50);
		set(instance, SAMPLE_cpu, cpu, 1);
		set(instance, SAMPLE_ping, ping, 0);
		set(instance, SAMPLE_q, queued, 0);
		set(instance, SAMPLE_n, i, 0);
		set(instance, SAMPLE_bal, 100 * i, 2);
		reckoned.cpu[i] = (double)cpu / 10;
		reckoned.ping[i] = (double)ping;
		reckoned.queue[i] = (double)queued + instance->waiting;
		reckoned.count++;
		feeds_sample(t.feeds, instance);
		if (i == 30)
			feeds_sample(t.feeds, instance); /* twice in a second */
		stage_run(&t.stage, stage_second_ns);
	}
	reckoned.cpu[55] = reckoned.cpu[30];
	reckoned.ping[55] = reckoned.ping[30];
	assert_int_equal(file_count(t.writer, TABLE_instance_minutes), 0);
	instance->state = INSTANCE_DEGRADED;
	to_next_minute(&t);
	stage_run(&t.stage, 1500 * stage_ms_ns);
	assert_int_equal(file_count(t.writer, TABLE_instance_minutes), 1);
	const struct archive_row *row = file_row(t.writer, TABLE_instance_minutes, 0);
	assert_true(file_cell_is(row, COLUMN_instance_minutes_instance, "mt5-000"));
	assert_int_equal(int_of(row, COLUMN_instance_minutes_minute_us), minute_us);
	assert_int_equal(int_of(row, COLUMN_instance_minutes_samples), 55);
	assert_true(file_cell_is(row, COLUMN_instance_minutes_state, "DEGRADED"));
	assert_float_equal(archive_cell_real(row, COLUMN_instance_minutes_cpu_mean),
			   mean(reckoned.cpu, 56), 1e-9);
	assert_float_equal(archive_cell_real(row, COLUMN_instance_minutes_cpu_max),
			   largest(reckoned.cpu, 55), 0);
	assert_float_equal(archive_cell_real(row, COLUMN_instance_minutes_ping_mean),
			   mean(reckoned.ping, 56), 1e-6);
	assert_float_equal(archive_cell_real(row, COLUMN_instance_minutes_ping_max),
			   largest(reckoned.ping, 55), 0);
	assert_float_equal(archive_cell_real(row, COLUMN_instance_minutes_queue_max),
			   largest(reckoned.queue, 55), 0);
	assert_false(archive_cell_there(row, COLUMN_instance_minutes_memory_max));
	assert_int_equal(int_of(row, COLUMN_instance_minutes_positions), 54);
	assert_int_equal(int_of(row, COLUMN_instance_minutes_balance), INT64_C(5400000000));
	stage_run(&t.stage, 3 * minute_ns); /* silent: no rows */
	assert_int_equal(file_count(t.writer, TABLE_instance_minutes), 1);
	feeds_stage_deinit(&t);
}

static void a_minute_is_told_at_its_end_or_by_the_next_sample(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 1);
	feeds_start(t.feeds);
	struct instance *instance = account(&t, 0, 17);
	to_next_minute(&t);
	for (int i = 0; i < 180; i++) {
		feeds_sample(t.feeds, instance);
		stage_run(&t.stage, stage_second_ns);
	}
	stage_run(&t.stage, 1500 * stage_ms_ns);
	assert_int_equal(file_count(t.writer, TABLE_instance_minutes), 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(int_of(file_row(t.writer, TABLE_instance_minutes, i),
					COLUMN_instance_minutes_samples),
				 60);
	feeds_stage_deinit(&t);
}

static void the_minute_of_a_removed_terminal_is_not_another_ones(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 1);
	feeds_start(t.feeds);
	feeds_sample(t.feeds, stage_instance(&t.stage, 0));
	fleet_remove(t.stage.fleet, 0);
	assert_int_equal(stage_add(&t.stage, "another"), 0);
	stage_run(&t.stage, 61 * stage_second_ns);
	assert_int_equal(file_count(t.writer, TABLE_instance_minutes), 0);
	feeds_sample(t.feeds, stage_instance(&t.stage, 0));
	stage_run(&t.stage, 62 * stage_second_ns);
	assert_true(file_cell_is(file_row(t.writer, TABLE_instance_minutes, 0),
				 COLUMN_instance_minutes_instance, "another"));
	feeds_stage_deinit(&t);
}

/* ---- events ---- */

static void events_of_terminals_come_from_their_stream(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 1);
	feeds_start(t.feeds);
	STAGE_DO(&t.stage, STR("XADD"), STR("instance_events"), STR("1700000000123-0"), STR("id"),
		 STR("mt5-000"), STR("ts"), STR("1700000000123"), STR("event"),
		 STR("instance_degraded"), STR("from"), STR("RUNNING"), STR("to"), STR("DEGRADED"),
		 STR("reason"), STR("cpu"), STR("attempts"), STR("2"), STR("repeat"), STR("1"));
	STAGE_DO(&t.stage, STR("XADD"), STR("instance_events"), STR("1700000000124-0"), STR("id"),
		 STR("mt5-000"), STR("ts"), STR("1700000000124"), STR("event"),
		 STR("instance_recovered"));
	STAGE_DO(&t.stage, STR("XADD"), STR("instance_events"), STR("1700000000125-0"), STR("id"),
		 STR("mt5-000"), STR("ts"), STR("soon"), STR("event"), STR("instance_recovered"));
	stage_run(&t.stage, 1500 * stage_ms_ns);
	assert_int_equal(file_count(t.writer, TABLE_instance_events), 2);
	const struct archive_row *row = file_row(t.writer, TABLE_instance_events, 0);
	assert_true(file_cell_is(row, COLUMN_instance_events_instance, "mt5-000"));
	assert_int_equal(int_of(row, COLUMN_instance_events_at_us), INT64_C(1700000000123000));
	assert_true(file_cell_is(row, COLUMN_instance_events_event, "instance_degraded"));
	assert_true(file_cell_is(row, COLUMN_instance_events_from_state, "RUNNING"));
	assert_true(file_cell_is(row, COLUMN_instance_events_to_state, "DEGRADED"));
	assert_true(file_cell_is(row, COLUMN_instance_events_reason, "cpu"));
	assert_int_equal(int_of(row, COLUMN_instance_events_attempts), 2);
	assert_int_equal(int_of(row, COLUMN_instance_events_repeated), 1);
	row = file_row(t.writer, TABLE_instance_events, 1);
	assert_int_equal(int_of(row, COLUMN_instance_events_repeated), 0);
	assert_false(archive_cell_there(row, COLUMN_instance_events_reason));
	assert_int_equal(feeds_counts(t.feeds).streams.left_out, 1);
	assert_int_equal(feeds_counts(t.feeds).rows[TABLE_instance_events], 2);
	feeds_stage_deinit(&t);
}

/* ---- operators ---- */

static void what_operators_do_is_there_at_once(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 1);
	feeds_operator(t.feeds, STR("anna"), STR("fleet stop"), STR("mt5-000"), STR("done"));
	feeds_start(t.feeds); /* told before it */
	stage_run(&t.stage, stage_second_ns);
	assert_int_equal(file_count(t.writer, TABLE_operator_log), 1);
	for (int i = 0; i < 3; i++)
		feeds_operator(t.feeds, STR("local"), STR("halt"), STR("all"), STR(""));
	stage_run(&t.stage, 12 * stage_ms_ns); /* two commits */
	assert_int_equal(file_count(t.writer, TABLE_operator_log), 4);
	const struct archive_row *row = file_row(t.writer, TABLE_operator_log, 0);
	assert_true(file_cell_is(row, COLUMN_operator_log_operator, "anna"));
	assert_true(file_cell_is(row, COLUMN_operator_log_action, "fleet stop"));
	assert_true(file_cell_is(row, COLUMN_operator_log_target, "mt5-000"));
	assert_true(file_cell_is(row, COLUMN_operator_log_outcome, "done"));
	for (size_t i = 1; i < 3; i++) /* a key of its own each */
		assert_int_equal(int_of(file_row(t.writer, TABLE_operator_log, i + 1),
					COLUMN_operator_log_at_us) -
				     int_of(file_row(t.writer, TABLE_operator_log, i),
					    COLUMN_operator_log_at_us),
				 1);
	feeds_stage_deinit(&t);
}

/* ---- bounds ---- */

static void in_trouble_rows_wait_up_to_a_bound_and_the_oldest_go(void **state)
{
	struct feeds_stage t;
	char text[1000];
	(void)state;
	feeds_stage_init(&t, 1);
	feeds_start(t.feeds);
	t.writer->state = WRITER_TROUBLE;
	memset(text, 'x', sizeof text);
	for (int i = 0; i < 1000; i++)
		feeds_operator(t.feeds, STR("local"), STR("halt"), STR("all"),
			       str_make(text, sizeof text));
	stage_run(&t.stage, 5 * stage_second_ns);
	struct feeds_counts counts = feeds_counts(t.feeds);
	assert_in_range(counts.dropped[TABLE_operator_log], 800, 950);
	assert_in_range(counts.lag_ms, 4000, 5000);
	assert_int_equal(file_count(t.writer, TABLE_operator_log), 0);
	t.writer->state = WRITER_READY;
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_int_equal(file_count(t.writer, TABLE_operator_log),
			 1000 - counts.dropped[TABLE_operator_log]);
	int64_t newest = 0; /* they are in order, and the newest are there */
	for (size_t i = 0; i < file_count(t.writer, TABLE_operator_log); i++) {
		int64_t at =
		    int_of(file_row(t.writer, TABLE_operator_log, i), COLUMN_operator_log_at_us);
		assert_true(at > newest);
		newest = at;
	}
	assert_int_equal(newest, t.feeds->operator_us);
	assert_int_equal(feeds_counts(t.feeds).lag_ms, 0);
	feeds_stage_deinit(&t);
}

static void a_queue_holds_what_was_put_whatever_is_taken_between(void **state)
{
	struct feeds_stage t;
	struct rng rng;
	int64_t put = 0, gone = 0, before = 0;
	(void)state;
	rng_init(&rng, 3);
	feeds_stage_init(&t, 1);
	struct feeds_queue *queue = &t.feeds->queues[FEEDS_OPERATOR];
	for (int turn = 0; turn < 20000; turn++) {
		const struct archive_row *first = feeds_queue_first(queue);
		assert_true(!first == !feeds_queue_count(queue));
		if (rng_below(&rng, 5) < 2 && first) {
			int64_t at = int_of(first, COLUMN_operator_log_at_us);
			assert_true(at > before);
			before = at;
			feeds_queue_take(queue);
			gone++;
		} else {
			feeds_operator(t.feeds, STR("local"), STR("act"), STR("x"), STR(""));
			put++;
		}
		assert_int_equal(feeds_queue_count(queue) + queue->dropped, put - gone);
	}
	assert_true(queue->dropped > 0);
	assert_true(queue->rows.used <= queue->rows.bytes_max);
	feeds_stage_deinit(&t);
}

static void of_the_writers_batches_two_are_ours(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 50);
	feeds_start(t.feeds);
	t.writer->latency_ns = stage_second_ns;
	for (int i = 0; i < 200; i++) {
		char ms[24];
		struct str text = str_make(ms, (size_t)snprintf(ms, 24, "%d", i + 1));
		STAGE_DO(&t.stage, STR("XADD"), STR("instance_events"), STR("*"), STR("id"),
			 STR("mt5-000"), STR("ts"), text, STR("event"), STR("instance_stopped"));
		feeds_operator(t.feeds, STR("local"), STR("act"), text, STR(""));
		feeds_sample(t.feeds, stage_instance(&t.stage, (uint32_t)i % 50));
		stage_run(&t.stage, 300 * stage_ms_ns);
	}
	assert_int_equal(t.writer->out_most, FEEDS_BATCHES);
	assert_int_equal(feeds_stage_drain(&t), STATUS_OK);
	assert_int_equal(file_count(t.writer, TABLE_instance_events), 200);
	assert_int_equal(file_count(t.writer, TABLE_operator_log), 200);
	assert_int_equal(t.writer->empty, 0);
	feeds_stage_deinit(&t);
}

/* ---- the end ---- */

static void a_drain_tells_all_there_is_the_open_minute_too(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 3);
	feeds_start(t.feeds);
	to_next_minute(&t);
	for (uint32_t slot = 0; slot < 3; slot++)
		feeds_sample(t.feeds, stage_instance(&t.stage, slot));
	STAGE_DO(&t.stage, STR("XADD"), STR("instance_events"), STR("*"), STR("id"), STR("mt5-000"),
		 STR("ts"), STR("5"), STR("event"), STR("instance_stopped"));
	assert_int_equal(feeds_stage_drain(&t), STATUS_OK);
	assert_int_equal(file_count(t.writer, TABLE_instance_minutes), 3);
	assert_int_equal(file_count(t.writer, TABLE_instance_events), 1);
	feeds_stop(t.feeds);
	uint64_t commits = t.writer->commits;
	feeds_operator(t.feeds, STR("local"), STR("act"), STR("x"), STR(""));
	stage_run(&t.stage, 10 * stage_second_ns);
	assert_int_equal(t.writer->commits, commits);
	feeds_stage_deinit(&t);
}

static void a_drain_in_trouble_does_not_wait(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 1);
	feeds_start(t.feeds);
	feeds_sample(t.feeds, stage_instance(&t.stage, 0));
	t.writer->state = WRITER_TROUBLE;
	assert_int_equal(feeds_stage_drain(&t), STATUS_UNAVAILABLE);
	t.writer->state = WRITER_READY;
	feeds_sample(t.feeds, stage_instance(&t.stage, 0));
	t.writer->latency_ns = stage_second_ns;
	t.drained = 0;
	feeds_drain(t.feeds, feeds_stage_drained, &t);
	stage_run(&t.stage, 100 * stage_ms_ns);
	assert_int_equal(t.drained, 0);
	t.writer->state = WRITER_TROUBLE; /* while it is under way */
	stage_run(&t.stage, 300 * stage_ms_ns);
	assert_int_equal(t.drained, 1);
	assert_int_equal(t.status, STATUS_UNAVAILABLE);
	feeds_stage_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_account_is_told_on_change_and_once_a_day),
		cmocka_unit_test(after_a_restart_only_what_changed_is_told),
		cmocka_unit_test(two_terminals_of_an_account_tell_it_once),
		cmocka_unit_test(more_accounts_than_a_batch_has_marks_come_in_several),
		cmocka_unit_test(a_figure_that_no_decimal_is_stays_empty),
		cmocka_unit_test(a_minute_has_the_means_and_maxima_of_its_samples),
		cmocka_unit_test(a_minute_is_told_at_its_end_or_by_the_next_sample),
		cmocka_unit_test(the_minute_of_a_removed_terminal_is_not_another_ones),
		cmocka_unit_test(events_of_terminals_come_from_their_stream),
		cmocka_unit_test(what_operators_do_is_there_at_once),
		cmocka_unit_test(in_trouble_rows_wait_up_to_a_bound_and_the_oldest_go),
		cmocka_unit_test(a_queue_holds_what_was_put_whatever_is_taken_between),
		cmocka_unit_test(of_the_writers_batches_two_are_ours),
		cmocka_unit_test(a_drain_tells_all_there_is_the_open_minute_too),
		cmocka_unit_test(a_drain_in_trouble_does_not_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
