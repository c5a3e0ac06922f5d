/* The rows of fleet.md 4 up to 11, each with its guards and its lengths; the others are
 * in test_fleet_recovery.c and test_fleet_restore.c. */
#include "unit/fleet_stage.h"

static struct err err;

static int set_up(void **state)
{
	(void)state;
	stage_open(1);
	return 0;
}

#define GOOD STAGE_GOOD " ping=158410"

/* ---- 1 to 5: STOPPED, STARTING ---- */

static void row_1_an_operator_starts_it(void **state)
{
	(void)state;
	assert_int_equal(fleet_start(stage.fleet, 0, &err), STATUS_OK);
	stage_is(0, INSTANCE_STARTING);
	assert_int_equal(stage.action_count, 1);
	assert_string_equal(stage_action(FLEET_START)->reason, "operator");
	assert_int_equal(stage_next_ms(), 90000); /* T_start */
	assert_int_equal(fleet_start(stage.fleet, 0, &err), STATUS_INVALID);
	assert_string_equal(err.text, "mt5-000 is not stopped");
	assert_int_equal(fleet_start(stage.fleet, 99, &err), STATUS_NOT_FOUND);
	assert_int_equal(stage.event_count, 0);
}

static void row_1_a_hello_starts_it_unless_it_is_held(void **state)
{
	(void)state;
	assert_int_equal(fleet_hold(stage.fleet, 0, &err), STATUS_OK);
	stage_hello(0);
	stage_is(0, INSTANCE_STOPPED);
	stage_good(0);
	stage_is(0, INSTANCE_STOPPED);
	assert_int_equal(fleet_start(stage.fleet, 0, &err), STATUS_INVALID);
	assert_string_equal(err.text, "mt5-000 is held: release it first");
	/* it said its hello: released, it starts */
	assert_int_equal(fleet_release(stage.fleet, 0, &err), STATUS_OK);
	stage_is(0, INSTANCE_STARTING);
	assert_int_equal(stage_actions(FLEET_START), 0);
	stage_good(0);
	stage_is(0, INSTANCE_RUNNING);
}

static void rows_2_and_3_hello_state_and_positions_make_it_run(void **state)
{
	(void)state;
	stage_hello_with(0, 1, "2020682586963ede"); /* it has a position that we do not know */
	stage_is(0, INSTANCE_STARTING);
	stage_good(0);
	stage_is(0, INSTANCE_STARTING);
	stage_line(0, "O 0 b=1 n=1");
	stage_line(0, "o 0 tk=237511830 sym=NZDCHF.r sd=sell vol=0.48 sl=0.00000 tp=0.46672");
	assert_int_equal(stage.event_count, 0);
	stage_line(0, "O 0 e=1 n=1 ph=2020682586963ede");
	stage_is(0, INSTANCE_RUNNING);
	assert_int_equal(stage.event_count, 1);
	stage_event(0, FLEET_STARTED, 0, "synced");
	assert_int_equal(stage_action(FLEET_DELIVER)->state, INSTANCE_RUNNING);
	assert_true(stage_at(0)->delivers);
}

static void row_3_wants_a_state_of_this_connection(void **state)
{
	(void)state;
	stage_hello(0);
	stage_state(0, "con=0 ta=1 ma=1 aa=1 ae=1");
	fleet_closed(stage.fleet, 0);
	stage_hello(0);
	stage_is(0, INSTANCE_STARTING);
	stage_good(0);
	stage_is(0, INSTANCE_RUNNING);
}

static void row_4_a_terminal_without_its_broker_is_degraded_after_t_sync(void **state)
{
	(void)state;
	stage_go(1500);
	stage_hello(0);
	stage_states(0, 2, 11, "con=0 ta=1 ma=1 aa=1 ae=1");
	stage_go(11499);
	stage_is(0, INSTANCE_STARTING);
	stage_go(11500);
	stage_is(0, INSTANCE_DEGRADED);
	stage_event(0, FLEET_STARTED, 11500, "link");
	stage_event(1, FLEET_DEGRADED, 11500, "link");
	assert_int_equal(stage.events[0].from, INSTANCE_STARTING);
	assert_int_equal(stage.events[1].from, INSTANCE_STARTING);
	assert_int_equal(stage_actions(FLEET_DELIVER), 0); /* no signals */
	assert_false(stage_at(0)->delivers);
}

static void row_4_a_trade_bit_is_enough_and_a_state_after_t_sync_too(void **state)
{
	(void)state;
	stage_hello(0);
	for (int64_t second = 1; second <= 12; second++) { /* alive, but no state yet */
		stage_go(second * 1000);
		fleet_heard(stage.fleet, 0);
	}
	stage_is(0, INSTANCE_STARTING);
	stage_state(0, "con=1 ta=1 ma=1 aa=0 ae=1");
	stage_is(0, INSTANCE_DEGRADED);
	stage_event(1, FLEET_DEGRADED, 12000, "aa=0");
}

static void row_4_counts_t_sync_from_the_newest_hello(void **state)
{
	(void)state;
	stage_hello(0);
	stage_states(0, 1, 8, STAGE_FORBIDDEN);
	fleet_closed(stage.fleet, 0);
	stage_hello(0);
	stage_states(0, 9, 17, STAGE_FORBIDDEN);
	stage_is(0, INSTANCE_STARTING);
	stage_go(18000);
	stage_is(0, INSTANCE_DEGRADED);
}

static void row_4_needs_somebody_who_says_it(void **state)
{
	(void)state;
	stage_hello(0);
	stage_states(0, 1, 3, STAGE_FORBIDDEN);
	fleet_closed(stage.fleet, 0); /* gone again before T_sync was over */
	stage_go(80000);
	stage_is(0, INSTANCE_STARTING);
	stage_close();
	stage_open(1);
	stage_run(0);
	assert_int_equal(fleet_restart(stage.fleet, 0, false, &err), STATUS_OK);
	stage_states(0, 1, 60, STAGE_FORBIDDEN); /* of the process that is to go */
	stage_is(0, INSTANCE_STARTING);
}

static void row_5_t_start_expert_and_process_can_fail(void **state)
{
	(void)state;
	assert_int_equal(fleet_start(stage.fleet, 0, &err), STATUS_OK);
	stage_go(89999);
	stage_is(0, INSTANCE_STARTING);
	stage_go(90000);
	stage_event(0, FLEET_FAILED, 90000, "start");
	assert_false(stage.events[0].repeat);
	stage_fired_at(ALERT_instance_crash, 90000);
	stage_close();
	stage_open(1);
	stage_hello(0);
	fleet_bye(stage.fleet, 0, 8);
	stage_event(0, FLEET_FAILED, 0, "bye 8");
	stage_close();
	stage_open(1);
	stage_hello(0);
	stage_exit(0, 3);
	stage_event(0, FLEET_FAILED, 0, "exit 3");
}

/* ---- 6, 7: RUNNING, DEGRADED ---- */

static void row_6_no_broker_for_five_seconds(void **state)
{
	(void)state;
	stage_run(0);
	stage_states(0, 1, 6, "con=0 ta=1 ma=1 aa=1 ae=1");
	assert_int_equal(stage.event_count, 2); /* at 6.000: the state row says it first */
	stage_event(0, FLEET_DEGRADED, 6000, "link");
	stage_event(1, FLEET_NETWORK, 6000, "network");
	stage_go(6001);
	stage_fired_at(ALERT_network_failure, 6001);
	assert_int_equal(stage.event_count, 2);
	assert_string_equal(stage.notices[0].message, "the link to the broker is gone");
	/* signals wait from the first state without a broker on */
	assert_int_equal(stage_action(FLEET_PAUSE)->ms, 1000);
}

static void row_6_a_second_of_broker_resets_it(void **state)
{
	(void)state;
	stage_run(0);
	for (int64_t second = 1; second < 60; second++)
		stage_states(0, second, second, second % 5 ? "con=0 ta=1 ma=1 aa=1 ae=1" : GOOD);
	assert_int_equal(stage.event_count, 0);
	stage_is(0, INSTANCE_RUNNING);
}

static void row_6_a_late_timer_for_ten_seconds(void **state)
{
	(void)state;
	stage_run(0);
	stage_states(0, 1, 9, STAGE_GOOD " lag=2001");
	stage_states(0, 10, 30, STAGE_GOOD " lag=2000");
	assert_int_equal(stage.event_count, 0);
	stage_states(0, 31, 40, STAGE_GOOD " lag=2001");
	stage_go(40999);
	assert_int_equal(stage.event_count, 0);
	stage_go(41000);
	stage_event(0, FLEET_DEGRADED, 41000, "lag");
	/* and it is steady only when it has been in time for as long */
	stage_states(0, 41, 45, STAGE_GOOD " lag=2001");
	stage_states(0, 46, 55, STAGE_GOOD " lag=3");
	stage_go(55999);
	stage_is(0, INSTANCE_DEGRADED);
	stage_go(56000);
	stage_is(0, INSTANCE_RUNNING);
}

static void row_6_holds_stand_still_while_no_state_comes(void **state)
{
	(void)state;
	stage_run(0);
	stage_states(0, 1, 3, STAGE_GOOD " lag=2001");
	/* 5 s have counted at 6.0, when the newest is old; it comes back at 7.5 */
	stage_go(7500);
	stage_state(0, STAGE_GOOD " lag=2001");
	stage_states(0, 8, 12, STAGE_GOOD " lag=2001");
	stage_go(12499);
	assert_int_equal(stage.event_count, 0);
	stage_go(12500);
	stage_event(0, FLEET_DEGRADED, 12500, "lag");
}

static void row_6_says_nothing_by_what_is_old(void **state)
{
	(void)state;
	stage_run(0);
	stage_states(0, 1, 3, STAGE_GOOD " lag=2001");
	for (int64_t second = 4; second <= 60; second++) { /* it lives, but says no state */
		stage_go(second * 1000);
		fleet_heard(stage.fleet, 0);
	}
	stage_is(0, INSTANCE_RUNNING);
	assert_int_equal(stage.event_count, 0);
}

static void row_6_a_trade_bit_at_once(void **state)
{
	(void)state;
	stage_run(0);
	stage_states(0, 1, 1, "con=1 ta=1 ma=0 aa=1 ae=1");
	stage_event(0, FLEET_DEGRADED, 1000, "ma=0");
	assert_int_equal(stage.event_count, 1);
	assert_int_equal(stage_action(FLEET_PAUSE)->ms, 1000);
	assert_string_equal(stage_at(0)->reason, "ma=0");
	assert_int_equal(stage_at(0)->health, HEALTH_WARNING);
}

static void row_7_ten_good_seconds_on_end(void **state)
{
	(void)state;
	stage_reach(0, INSTANCE_DEGRADED);
	stage_states(0, 1, 9, GOOD);
	stage_states(0, 10, 10, STAGE_FORBIDDEN);
	stage_states(0, 11, 20, GOOD);
	stage_go(20999);
	stage_is(0, INSTANCE_DEGRADED);
	stage_go(21000);
	assert_int_equal(stage.event_count, 1);
	stage_event(0, FLEET_RECOVERED, 21000, "steady");
	assert_int_equal(stage.events[0].from, INSTANCE_DEGRADED);
	/* signals go again from the first good state on */
	assert_int_equal(stage_action(FLEET_DELIVER)->ms, 11000);
}

static void row_7_waits_for_every_alert(void **state)
{
	(void)state;
	stage_run(0);
	fleet_queue(stage.fleet, 0, 101, 0);
	stage_is(0, INSTANCE_DEGRADED);
	stage_states(0, 1, 60, GOOD);
	stage_is(0, INSTANCE_DEGRADED);
	assert_true(stage_at(0)->delivers); /* how else could the queue become shorter? */
	fleet_queue(stage.fleet, 0, 50, 0);
	stage_states(0, 61, 65, GOOD);
	stage_go(65000);
	stage_is(0, INSTANCE_DEGRADED);
	stage_go(65001);
	stage_is(0, INSTANCE_RUNNING); /* all else was good for long */
}

/* ---- 8 to 11: connections and silence ---- */

static void rows_8_and_9_a_reload_is_no_event(void **state)
{
	(void)state;
	static const int64_t reloads[] = { 2, 3, 5, 6, 7 };
	stage_run(0);
	for (size_t i = 0; i < ARRAY_LEN(reloads); i++) {
		stage_beat(0, 120, GOOD);
		fleet_bye(stage.fleet, 0, reloads[i]);
		assert_true(stage_has(0, INSTANCE_SUSPECT));
		assert_false(stage_at(0)->delivers);
		fleet_closed(stage.fleet, 0);
		stage_go(stage_ms() + 4999);
		stage_hello(0);
		assert_false(stage_has(0, INSTANCE_SUSPECT));
		assert_true(stage_at(0)->delivers);
	}
	assert_int_equal(stage.event_count, 0);
	assert_int_equal(stage_at(0)->reconnects, ARRAY_LEN(reloads));
}

static void row_9_it_stays_suspect_until_its_positions_are_known(void **state)
{
	(void)state;
	stage_run(0);
	fleet_closed(stage.fleet, 0);
	stage_hello_with(0, 2, "0123456789abcdef");
	assert_true(stage_has(0, INSTANCE_SUSPECT));
	assert_false(stage_at(0)->synced);
	stage_line(0, "O 0 b=1 n=0");
	stage_line(0, "O 0 e=1 n=0");
	assert_false(stage_has(0, INSTANCE_SUSPECT));
	assert_int_equal(stage_at(0)->reconnects, 1);
	assert_int_equal(stage.event_count, 0);
}

static void row_10_of_an_expert_that_removed_itself(void **state)
{
	(void)state;
	stage_run(0);
	fleet_bye(stage.fleet, 0, 0);
	stage_is(0, INSTANCE_RUNNING);
	assert_true(stage_has(0, INSTANCE_SUSPECT)); /* nobody is there who could speak */
	stage_go(5000);
	stage_event(0, FLEET_SOCKET, 5000, "socket");
}

static void row_10_counts_from_what_came_first_and_tells_again_when_degraded(void **state)
{
	(void)state;
	stage_reach(0, INSTANCE_DEGRADED);
	stage_states(0, 1, 10, STAGE_FORBIDDEN);
	fleet_bye(stage.fleet, 0, 3);
	stage_go(12000);
	fleet_closed(stage.fleet, 0);
	stage_go(15000);
	stage_event(0, FLEET_SOCKET, 15000, "socket");
	stage_event(1, FLEET_DEGRADED, 15000, "socket");
	assert_true(stage.events[1].repeat);
	assert_false(stage.events[0].repeat);
	assert_int_equal(stage_action(FLEET_POKE)->ms, 15000);
	stage_go(24999);
	assert_int_equal(stage.event_count, 2);
	stage_go(25000); /* 15 s after its Z, the last that was heard */
	stage_event(2, FLEET_FAILED, 25000, "silence");
	assert_int_equal(stage.events[2].from, INSTANCE_DEGRADED);
}

static void row_11_stops_routing_and_gives_up_what_is_in_flight(void **state)
{
	(void)state;
	stage_run(0);
	fleet_queue(stage.fleet, 0, 0, 3);
	stage_go(15000);
	stage_is(0, INSTANCE_FAILED);
	assert_int_equal(stage_actions(FLEET_PAUSE), 1); /* SUSPECT at 5.0 */
	assert_int_equal(stage_action(FLEET_PAUSE)->ms, 5000);
	assert_int_equal(stage_action(FLEET_UNKNOWN)->ms, 15000);
	assert_int_equal(stage_at(0)->health, HEALTH_CRITICAL);
	stage_close();
	stage_open(1);
	stage_run(0);
	stage_exit(0, -11);
	assert_int_equal(stage.actions[0].action.kind, FLEET_PAUSE);
	assert_int_equal(stage.actions[1].action.kind, FLEET_UNKNOWN);
	assert_string_equal(stage.actions[1].reason, "exit -11");
}

static void row_11_any_frame_is_a_sign_of_life(void **state)
{
	(void)state;
	stage_run(0);
	for (int64_t second = 1; second <= 60; second++) {
		stage_go(second * 4900);
		fleet_heard(stage.fleet, 0);
		assert_false(stage_has(0, INSTANCE_SUSPECT));
	}
	stage_go(61 * 4900 + 100);
	assert_true(stage_has(0, INSTANCE_SUSPECT));
	fleet_heard(stage.fleet, 0);
	assert_false(stage_has(0, INSTANCE_SUSPECT));
	assert_int_equal(stage_at(0)->reconnects, 0);
	assert_int_equal(stage.event_count, 0);
	/* but not what its host says */
	for (int i = 0; i < 20; i++) {
		stage_go(stage_ms() + 1000);
		stage_host_frame(0, "pid=17 cpu=3");
	}
	stage_is(0, INSTANCE_FAILED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, stage_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(row_1_an_operator_starts_it),
		TEST(row_1_a_hello_starts_it_unless_it_is_held),
		TEST(rows_2_and_3_hello_state_and_positions_make_it_run),
		TEST(row_3_wants_a_state_of_this_connection),
		TEST(row_4_a_terminal_without_its_broker_is_degraded_after_t_sync),
		TEST(row_4_a_trade_bit_is_enough_and_a_state_after_t_sync_too),
		TEST(row_4_counts_t_sync_from_the_newest_hello),
		TEST(row_4_needs_somebody_who_says_it),
		TEST(row_5_t_start_expert_and_process_can_fail),
		TEST(row_6_no_broker_for_five_seconds),
		TEST(row_6_a_second_of_broker_resets_it),
		TEST(row_6_a_late_timer_for_ten_seconds),
		TEST(row_6_holds_stand_still_while_no_state_comes),
		TEST(row_6_says_nothing_by_what_is_old),
		TEST(row_6_a_trade_bit_at_once),
		TEST(row_7_ten_good_seconds_on_end),
		TEST(row_7_waits_for_every_alert),
		TEST(rows_8_and_9_a_reload_is_no_event),
		TEST(row_9_it_stays_suspect_until_its_positions_are_known),
		TEST(row_10_of_an_expert_that_removed_itself),
		TEST(row_10_counts_from_what_came_first_and_tells_again_when_degraded),
		TEST(row_11_stops_routing_and_gives_up_what_is_in_flight),
		TEST(row_11_any_frame_is_a_sign_of_life),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
