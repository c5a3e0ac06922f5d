/* The rows of fleet.md 4 from 12 on: recovery, stops, restarts, resets. */
#include "unit/fleet_stage.h"

static struct err err;

static int set_up(void **state)
{
	(void)state;
	stage_open(1);
	return 0;
}

#define GOOD STAGE_GOOD " ping=158410"

/* ---- 12 to 15: recovery ---- */

static void row_12_waits_5_10_and_20_seconds_more_or_less(void **state)
{
	(void)state;
	int64_t least = INT64_MAX, most = 0;
	for (int round = 0; round < 200; round++) {
		int64_t nominal = 5000;
		stage_close();
		stage_open(1);
		rng_init(&stage.fleet->rng, (uint64_t)round);
		stage_run(0);
		stage_exit(0, 1);
		for (uint32_t attempt = 1; attempt <= 3; attempt++, nominal *= 2) {
			int64_t failed_ms = stage_ms();
			int64_t waited = stage_leave(0) - failed_ms;
			stage_is(0, INSTANCE_RECOVERING);
			assert_int_equal(stage_at(0)->attempts, attempt);
			assert_in_range(waited, nominal * 8 / 10 - 1, nominal * 12 / 10);
			least = waited * 5000 / nominal < least ? waited * 5000 / nominal : least;
			most = waited * 5000 / nominal > most ? waited * 5000 / nominal : most;
			stage_leave(0);
		}
	}
	assert_in_range(least, 3999, 4050);
	assert_in_range(most, 5950, 6000);
}

static void row_12_probes_then_restarts_then_cleans(void **state)
{
	(void)state;
	stage_run(0);
	fleet_closed(stage.fleet, 0);
	stage_go(15000);
	stage_forget();
	stage_leave(0);
	assert_int_equal(stage_actions(FLEET_PROBE), 1);
	assert_int_equal(stage_actions(FLEET_RESTART), 0);
	stage_leave(0);
	stage_is(0, INSTANCE_FAILED);
	stage_leave(0);
	assert_int_equal(stage_actions(FLEET_RESTART), 1);
	assert_false(stage_action(FLEET_RESTART)->action.clean);
	stage_leave(0);
	stage_leave(0);
	stage_is(0, INSTANCE_RECOVERING);
	assert_int_equal(stage_actions(FLEET_RESTART), 2);
	assert_true(stage_action(FLEET_RESTART)->action.clean);
	assert_int_equal(stage_at(0)->restarts, 2);
}

static void row_12_starts_what_is_gone_closes_what_is_silent_probes_what_lives(void **state)
{
	(void)state;
	stage_run(0);
	stage_host_frame(0, "pid=17");
	stage_host_frame(0, "pid=0 end=crash exit=139");
	stage_event(0, FLEET_FAILED, 0, "exit 139");
	fleet_closed(stage.fleet, 0);
	stage_leave(0);
	assert_int_equal(stage_actions(FLEET_START), 1);
	stage_close();
	stage_open(1);
	stage_run(0);
	stage_go(15000);
	stage_leave(0);
	assert_int_equal(stage_actions(FLEET_CLOSE), 1);
	stage_close();
	stage_open(1);
	stage_run(0);
	stage_go(15000);
	fleet_closed(stage.fleet, 0);
	for (int attempt = 1; attempt <= 2; attempt++) { /* also where a restart is due */
		stage_leave(0);
		stage_leave(0);
	}
	stage_is(0, INSTANCE_FAILED);
	stage_forget();
	while (stage_at(0)->state == INSTANCE_FAILED) {
		if (!stage_at(0)->connected && stage_next_ms() > stage_ms() + 1000)
			stage_go(stage_next_ms() - 1000);
		if (!stage_at(0)->connected)
			stage_hello(0);
		stage_go(stage_next_ms());
	}
	stage_is(0, INSTANCE_RECOVERING);
	assert_int_equal(stage_actions(FLEET_PROBE), 1);
	assert_int_equal(stage_actions(FLEET_RESTART), 0);
	stage_good(0);
	stage_is(0, INSTANCE_RUNNING);
}

static void row_12_takes_back_one_that_was_to_be_restarted_and_was_not(void **state)
{
	(void)state;
	stage_run(0);
	stage_go(15000);
	for (int i = 0; i < 3; i++)
		stage_leave(0);
	assert_int_equal(stage_actions(FLEET_RESTART), 1); /* which nobody was there to do */
	stage_leave(0);
	stage_is(0, INSTANCE_FAILED);
	stage_go(stage_next_ms() - 1000);
	stage_good(0); /* it was only frozen */
	stage_leave(0);
	assert_int_equal(stage_actions(FLEET_RESTART), 1);
	assert_int_equal(stage_actions(FLEET_PROBE), 1);
	stage_line(0, "O 0 b=1 n=0");
	stage_line(0, "O 0 e=1 n=0");
	stage_good(0);
	stage_is(0, INSTANCE_RUNNING);
}

static void row_12_not_while_it_is_held(void **state)
{
	(void)state;
	stage_run(0);
	stage_exit(0, 1);
	assert_int_equal(fleet_hold(stage.fleet, 0, &err), STATUS_OK);
	assert_int_equal(stage_next_ns(), stage.now_ns + 5 * SECOND_NS); /* SUSPECT only */
	stage_go(3600000);
	stage_is(0, INSTANCE_FAILED);
	assert_int_equal(stage_at(0)->attempts, 0);
	assert_int_equal(fleet_release(stage.fleet, 0, &err), STATUS_OK);
	stage_is(0, INSTANCE_RECOVERING); /* its back-off was over long ago */
}

static void row_12_with_recovery_off_only_when_it_speaks_again(void **state)
{
	(void)state;
	stage.settings.recover = false;
	fleet_configure(stage.fleet, &stage.settings);
	stage_run(0);
	for (int kill = 0; kill < 5; kill++) { /* and never gives up */
		stage_exit(0, 1);
		fleet_closed(stage.fleet, 0);
		stage_go(stage_ms() + 3600000);
		stage_is(0, INSTANCE_FAILED);
		stage_hello(0);
		stage_is(0, INSTANCE_RECOVERING);
		stage_good(0);
		stage_is(0, INSTANCE_RUNNING);
	}
	assert_int_equal(stage_actions(FLEET_RESTART) + stage_actions(FLEET_START), 0);
	assert_int_equal(stage_at(0)->attempts, 3);
}

static void row_13_wants_broker_and_positions_but_not_the_trade_bits(void **state)
{
	(void)state;
	stage_reach(0, INSTANCE_RECOVERING);
	stage_state(0, "con=0 ta=1 ma=1 aa=1 ae=1");
	stage_is(0, INSTANCE_RECOVERING);
	fleet_closed(stage.fleet, 0);
	stage_hello_with(0, 2, "0123456789abcdef");
	stage_good(0);
	stage_is(0, INSTANCE_RECOVERING);
	stage_line(0, "O 0 b=1 n=0");
	stage_line(0, "O 0 e=1 n=0");
	stage_is(0, INSTANCE_RUNNING);
	stage_event(0, FLEET_RECOVERED, stage_ms(), "synced");
	assert_int_equal(stage.events[0].from, INSTANCE_FAILED);
	assert_int_equal(stage.events[0].attempts, 1);
	assert_int_equal(stage_actions(FLEET_DELIVER), 1);
	stage_close();
	stage_open(1);
	stage_reach(0, INSTANCE_RECOVERING);
	stage_state(0, STAGE_FORBIDDEN);
	stage_event(0, FLEET_RECOVERED, stage_ms(), "synced");
	stage_event(1, FLEET_DEGRADED, stage_ms(), "ta=0");
	assert_int_equal(stage_actions(FLEET_DELIVER), 0);
}

static void row_14_is_a_repeat(void **state)
{
	(void)state;
	int64_t at = 0;
	stage_run(0);
	stage_exit(0, 1);
	int64_t began = stage_leave(0);
	assert_int_equal(stage_leave(0), began + 60000); /* T_recover */
	stage_event(1, FLEET_FAILED, began + 60000, "recovery");
	assert_true(stage.events[1].repeat);
	assert_int_equal(stage.events[1].from, INSTANCE_RECOVERING);
	stage_hello(0);
	stage_leave(0);
	stage_exit(0, 2);
	assert_true(stage.events[2].repeat);
	assert_string_equal(stage.events[2].reason, "exit 2");
	assert_int_equal(stage_notices(ALERT_instance_crash, ALERT_FIRED, &at), 1);
}

static void row_15_has_as_many_attempts_as_the_configuration_says(void **state)
{
	(void)state;
	stage.settings.attempts_max = 5;
	fleet_configure(stage.fleet, &stage.settings);
	stage_run(0);
	stage_exit(0, 1);
	fleet_closed(stage.fleet, 0);
	for (uint32_t attempt = 1; attempt <= 5; attempt++) {
		stage_leave(0);
		assert_int_equal(stage_at(0)->attempts, attempt);
		assert_true(stage_silent(ALERT_recovery_failure));
		stage_leave(0);
	}
	stage_is(0, INSTANCE_STOPPED);
	assert_false(stage_silent(ALERT_recovery_failure));
	assert_true(stage_fires(0, ALERT_recovery_failure));
	assert_false(stage_fires(0, ALERT_instance_crash));
	assert_false(stage_fires(0, ALERT_socket_failure));
	assert_int_equal(stage_actions(FLEET_STOP), 1);
	assert_int_equal(stage_actions(FLEET_DROP), 1);
}

/* ---- 16 to 19 ---- */

static void row_16_an_operators_stop_ends_all_of_it(void **state)
{
	(void)state;
	stage_run(0);
	fleet_queue(stage.fleet, 0, 150, 2);
	stage_states(0, 1, 12, STAGE_GOOD " cpu=95");
	assert_true(stage_fires(0, ALERT_high_cpu) && stage_fires(0, ALERT_high_queue));
	stage_forget();
	assert_int_equal(fleet_stop(stage.fleet, 0, true, &err), STATUS_OK);
	stage_is(0, INSTANCE_STOPPED);
	assert_int_equal(stage.event_count, 1);
	stage_event(0, FLEET_STOPPED, 12000, "operator");
	assert_true(stage_action(FLEET_STOP)->action.flat);
	assert_string_equal(stage_action(FLEET_DROP)->reason, "stopped");
	assert_int_equal(stage_actions(FLEET_PAUSE), 1);
	assert_int_equal(alerts_counts(stage.alerts).active, 0);
	assert_false(stage_has(0, INSTANCE_HELD));
	assert_int_equal(stage_at(0)->rate, 10);
	assert_int_equal(stage_at(0)->health, HEALTH_WARNING);
	/* what the terminal says while it goes changes nothing */
	fleet_command_done(stage.fleet, 0, 3);
	stage_good(0);
	fleet_bye(stage.fleet, 0, 9);
	fleet_closed(stage.fleet, 0);
	stage_exit(0, 0);
	stage_go(100000);
	stage_is(0, INSTANCE_STOPPED);
	assert_int_equal(stage.event_count, 1);
}

static void row_16_a_stopped_terminal_dials_again_without_being_started(void **state)
{
	(void)state;
	stage_run(0);
	int64_t epoch = stage_at(0)->epoch_ms;
	assert_int_equal(fleet_stop(stage.fleet, 0, false, &err), STATUS_OK);
	fleet_closed(stage.fleet, 0);
	stage_hello_with(0, epoch, STAGE_EMPTY_HASH);
	stage_is(0, INSTANCE_STOPPED);
	stage_hello(0); /* loaded anew: somebody starts it */
	stage_is(0, INSTANCE_STARTING);
	/* but the stop was not answered yet, comes again, and is obeyed */
	stage_forget();
	fleet_command_done(stage.fleet, 0, 3);
	stage_is(0, INSTANCE_STOPPED);
	stage_event(0, FLEET_STOPPED, 0, "operator");
	assert_int_equal(stage_actions(FLEET_STOP), 0);
	assert_int_equal(fleet_start(stage.fleet, 0, &err), STATUS_OK);
	stage_is(0, INSTANCE_STARTING);
	assert_int_equal(fleet_stop(stage.fleet, 0, false, &err), STATUS_OK);
	assert_int_equal(fleet_start(stage.fleet, 0, &err), STATUS_OK);
	fleet_command_done(stage.fleet, 0, 3); /* of before the start */
	stage_is(0, INSTANCE_STARTING);
}

static void row_16_a_z_after_the_stop_is_its_end(void **state)
{
	(void)state;
	static const int64_t byes[] = { 0, 1, 2, 8, 9 };
	for (size_t i = 0; i < ARRAY_LEN(byes); i++) {
		stage_close();
		stage_open(1);
		stage_run(0);
		assert_int_equal(fleet_stop(stage.fleet, 0, false, &err), STATUS_OK);
		fleet_closed(stage.fleet, 0);
		stage_hello(0);
		stage_good(0);
		stage_is(0, INSTANCE_RUNNING);
		fleet_bye(stage.fleet, 0, byes[i]);
		stage_is(0, INSTANCE_STOPPED);
		assert_int_equal(stage_events(FLEET_FAILED), 0);
	}
	/* one that was not connected was not told to stop */
	fleet_closed(stage.fleet, 0);
	stage_run(0);
	fleet_closed(stage.fleet, 0);
	assert_int_equal(fleet_stop(stage.fleet, 0, false, &err), STATUS_OK);
	stage_run(0);
	fleet_bye(stage.fleet, 0, 9);
	stage_is(0, INSTANCE_FAILED);
}

static void row_17_an_asked_restart_is_no_failure(void **state)
{
	(void)state;
	stage_run(0);
	assert_int_equal(fleet_restart(stage.fleet, 0, true, &err), STATUS_OK);
	stage_is(0, INSTANCE_STARTING);
	assert_true(stage_action(FLEET_RESTART)->action.clean);
	assert_int_equal(stage_action(FLEET_RESTART)->action.wait_ms, 5000);
	assert_int_equal(stage_at(0)->attempts, 0);
	/* the old process still speaks: that does not count */
	stage_line(0, "O 0 b=1 n=0");
	stage_line(0, "O 0 e=1 n=0");
	stage_good(0);
	stage_is(0, INSTANCE_STARTING);
	assert_false(stage_at(0)->delivers);
	assert_int_equal(fleet_restart(stage.fleet, 0, false, &err), STATUS_INVALID);
	assert_string_equal(err.text, "mt5-000 is being restarted already");
	fleet_command_done(stage.fleet, 0, 2);
	fleet_bye(stage.fleet, 0, 9);
	fleet_closed(stage.fleet, 0);
	stage_go(20000);
	stage_exit(0, 75);
	assert_int_equal(stage_next_ms(), 110000); /* T_start counts from its exit */
	stage_hello(0);
	stage_good(0);
	stage_event(0, FLEET_STARTED, 20000, "synced");
	assert_int_equal(stage.event_count, 1);
	assert_int_equal(stage_at(0)->restarts, 1);
}

static void row_17_waits_for_orders_in_flight(void **state)
{
	(void)state;
	stage_run(0);
	fleet_queue(stage.fleet, 0, 0, 1);
	assert_int_equal(fleet_restart(stage.fleet, 0, false, &err), STATUS_OK);
	stage_is(0, INSTANCE_RUNNING);
	assert_false(stage_at(0)->delivers);
	assert_int_equal(fleet_restart(stage.fleet, 0, false, &err), STATUS_INVALID);
	stage_go(2000);
	fleet_queue(stage.fleet, 0, 0, 0);
	stage_is(0, INSTANCE_STARTING);
	assert_int_equal(stage_actions(FLEET_UNKNOWN), 0);
	stage_close();
	stage_open(1);
	stage_run(0);
	stage_state(0, STAGE_GOOD " inf=2"); /* the expert's own */
	assert_int_equal(fleet_restart(stage.fleet, 0, false, &err), STATUS_OK);
	stage_go(4999);
	stage_is(0, INSTANCE_RUNNING);
	stage_go(5000);
	stage_is(0, INSTANCE_STARTING);
	assert_int_equal(stage_action(FLEET_UNKNOWN)->ms, 5000);
	assert_int_equal(stage_action(FLEET_RESTART)->action.wait_ms, 0);
}

static void row_17_a_stop_or_a_hold_ends_a_restart_that_waits(void **state)
{
	(void)state;
	stage_run(0);
	fleet_queue(stage.fleet, 0, 0, 1);
	assert_int_equal(fleet_restart(stage.fleet, 0, false, &err), STATUS_OK);
	assert_int_equal(fleet_hold(stage.fleet, 0, &err), STATUS_OK);
	assert_true(stage_at(0)->delivers);
	stage_states(0, 1, 20, GOOD);
	stage_is(0, INSTANCE_RUNNING);
	assert_int_equal(fleet_release(stage.fleet, 0, &err), STATUS_OK);
	assert_int_equal(fleet_restart(stage.fleet, 0, false, &err), STATUS_OK);
	uint64_t refused = fleet_counts(stage.fleet).refused_moves;
	assert_int_equal(fleet_stop(stage.fleet, 0, false, &err), STATUS_OK);
	stage_go(60000);
	stage_is(0, INSTANCE_STOPPED);
	assert_int_equal(stage_actions(FLEET_RESTART), 0);
	assert_int_equal(fleet_counts(stage.fleet).refused_moves, refused);
}

static void row_17_its_exit_comes_while_it_is_waited_for(void **state)
{
	(void)state;
	stage_run(0);
	fleet_queue(stage.fleet, 0, 0, 1);
	assert_int_equal(fleet_restart(stage.fleet, 0, false, &err), STATUS_OK);
	fleet_bye(stage.fleet, 0, 9);
	stage_is(0, INSTANCE_STARTING);
	assert_int_equal(stage_actions(FLEET_UNKNOWN), 1);
	assert_int_equal(stage_actions(FLEET_RESTART), 1);
	assert_int_equal(stage.event_count, 0);
}

static void row_17_the_exit_of_a_recoverys_own_restart_is_part_of_it(void **state)
{
	(void)state;
	stage_run(0);
	fleet_closed(stage.fleet, 0);
	stage_go(15000);
	for (int i = 0; i < 3; i++)
		stage_leave(0);
	assert_int_equal(stage_actions(FLEET_RESTART), 1);
	stage_is(0, INSTANCE_RECOVERING);
	stage_exit(0, 75);
	stage_is(0, INSTANCE_RECOVERING);
	stage_hello(0);
	stage_good(0);
	const struct stage_event *last = &stage.events[stage.event_count - 1];
	assert_int_equal(last->kind, FLEET_RECOVERED);
	assert_int_equal(last->attempts, 2);
}

static void row_17_updates_are_asked_for(void **state)
{
	(void)state;
	stage_run(0);
	stage_host_frame(0, "pid=17 cpu=1");
	stage_host_frame(0, "pid=0 end=update");
	stage_is(0, INSTANCE_STARTING);
	assert_int_equal(stage.event_count, 0);
	stage_host_frame(0, "pid=0 end=update"); /* said again each second */
	stage_host_frame(0, "pid=0 end=gone");
	stage_is(0, INSTANCE_STARTING);
	stage_host_frame(0, "pid=18");
	stage_host_frame(0, "pid=0 end=gone"); /* seen, and gone */
	stage_is(0, INSTANCE_FAILED);
}

static void row_18_ten_minutes_forget_attempts(void **state)
{
	(void)state;
	stage_reach(0, INSTANCE_RECOVERING);
	stage_good(0);
	assert_int_equal(stage_at(0)->attempts, 1);
	stage_beat(0, 599, GOOD);
	assert_int_equal(stage_at(0)->attempts, 1);
	stage_go(stage_ms() + 1000);
	assert_int_equal(stage_at(0)->attempts, 0);
	stage_is(0, INSTANCE_RUNNING);
}

static void row_18_begins_again_when_it_leaves_running(void **state)
{
	(void)state;
	stage_reach(0, INSTANCE_RECOVERING);
	stage_good(0);
	stage_beat(0, 500, GOOD);
	stage_state(0, STAGE_FORBIDDEN);
	stage_beat(0, 500, GOOD);
	assert_int_equal(stage_at(0)->attempts, 1);
	stage_beat(0, 111, GOOD);
	assert_int_equal(stage_at(0)->attempts, 0);
}

static void row_19_an_operator_resets_it(void **state)
{
	(void)state;
	int64_t at = 0;
	stage_give_up(0);
	assert_true(stage_fires(0, ALERT_recovery_failure));
	stage_hello(0); /* it comes by itself: held */
	stage_good(0);
	stage_is(0, INSTANCE_STOPPED);
	assert_int_equal(fleet_release(stage.fleet, 0, &err), STATUS_OK);
	assert_int_equal(stage_at(0)->attempts, 0);
	assert_false(stage_has(0, INSTANCE_HELD));
	assert_int_equal(stage_actions(FLEET_START), 1);
	assert_false(stage_fires(0, ALERT_recovery_failure));
	assert_int_equal(stage_notices(ALERT_recovery_failure, ALERT_ENDED, &at), 1);
	stage_is(0, INSTANCE_STARTING); /* what it showed before does not count */
	stage_good(0);
	stage_is(0, INSTANCE_RUNNING);
	assert_int_equal(fleet_release(stage.fleet, 0, &err), STATUS_INVALID);
	assert_string_equal(err.text, "mt5-000 is not held");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, stage_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(row_12_waits_5_10_and_20_seconds_more_or_less),
		TEST(row_12_probes_then_restarts_then_cleans),
		TEST(row_12_starts_what_is_gone_closes_what_is_silent_probes_what_lives),
		TEST(row_12_takes_back_one_that_was_to_be_restarted_and_was_not),
		TEST(row_12_not_while_it_is_held),
		TEST(row_12_with_recovery_off_only_when_it_speaks_again),
		TEST(row_13_wants_broker_and_positions_but_not_the_trade_bits),
		TEST(row_14_is_a_repeat),
		TEST(row_15_has_as_many_attempts_as_the_configuration_says),
		TEST(row_16_an_operators_stop_ends_all_of_it),
		TEST(row_16_a_stopped_terminal_dials_again_without_being_started),
		TEST(row_16_a_z_after_the_stop_is_its_end),
		TEST(row_17_an_asked_restart_is_no_failure),
		TEST(row_17_waits_for_orders_in_flight),
		TEST(row_17_a_stop_or_a_hold_ends_a_restart_that_waits),
		TEST(row_17_its_exit_comes_while_it_is_waited_for),
		TEST(row_17_the_exit_of_a_recoverys_own_restart_is_part_of_it),
		TEST(row_17_updates_are_asked_for),
		TEST(row_18_ten_minutes_forget_attempts),
		TEST(row_18_begins_again_when_it_leaves_running),
		TEST(row_19_an_operator_resets_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
