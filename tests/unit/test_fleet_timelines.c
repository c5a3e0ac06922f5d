/* The eleven timelines of fleet.md 4.4, to the millisecond: 1 Hz samples, simulated time,
 * turns only when something is due. */
#include "unit/fleet_stage.h"

#define CPU(n)  STAGE_GOOD " ping=158410 cpu=" #n
#define PING(n) STAGE_GOOD " ping=" #n

static int set_up(void **state)
{
	(void)state;
	stage_open(1);
	stage_run(0);
	return 0;
}

static void a_good_sample_within_the_hold_is_no_alert(void **state) /* a */
{
	(void)state;
	stage_states(0, 0, 9, CPU(85));
	stage_states(0, 10, 60, CPU(60));
	assert_true(stage_silent(ALERT_high_cpu));
	assert_int_equal(stage.event_count, 0);
	stage_is(0, INSTANCE_RUNNING);
}

static void b_high_cpu_fires_a_millisecond_after_its_hold(void **state) /* b */
{
	(void)state;
	stage_states(0, 0, 10, CPU(85));
	stage_go(10000);
	stage_is(0, INSTANCE_RUNNING);
	stage_states(0, 11, 11, CPU(85));
	stage_fired_at(ALERT_high_cpu, 10001);
	assert_int_equal(stage.event_count, 1);
	stage_event(0, FLEET_DEGRADED, 10001, "cpu");
	assert_int_equal(stage.events[0].from, INSTANCE_RUNNING);
	assert_int_equal(stage_action(FLEET_THROTTLE)->ms, 10001);
	assert_int_equal(stage_action(FLEET_THROTTLE)->action.rate, 5);
}

static void c_silence_freezes_the_hold_then_suspects_then_fails(void **state) /* c */
{
	(void)state;
	stage_states(0, 0, 5, CPU(85));
	stage_go(9999);
	assert_false(stage_has(0, INSTANCE_SUSPECT));
	stage_go(10000);
	assert_true(stage_has(0, INSTANCE_SUSPECT));
	stage_go(19999);
	stage_is(0, INSTANCE_RUNNING);
	stage_go(20000);
	stage_is(0, INSTANCE_FAILED);
	stage_event(0, FLEET_FAILED, 20000, "silence");
	stage_states(0, 21, 21, CPU(85));
	assert_int_equal(stage.event_count, 1);
	assert_true(stage_silent(ALERT_high_cpu));
	stage_fired_at(ALERT_instance_crash, 20000);
}

static void d_values_that_alternate_never_fire(void **state) /* d */
{
	(void)state;
	for (int64_t second = 0; second < 120; second++)
		stage_states(0, second, second, second & 1 ? CPU(79) : CPU(81));
	assert_true(stage_silent(ALERT_high_cpu));
	assert_int_equal(stage.event_count, 0);
}

static void e_between_the_thresholds_it_goes_on_and_under_both_it_clears(void **state) /* e */
{
	(void)state;
	int64_t at = -1;
	stage_states(0, 0, 11, CPU(85));
	stage_states(0, 12, 51, CPU(75));
	assert_true(stage_fires(0, ALERT_high_cpu));
	stage_is(0, INSTANCE_DEGRADED);
	stage_states(0, 52, 62, CPU(65));
	stage_is(0, INSTANCE_DEGRADED);
	stage_go(62001);
	assert_int_equal(stage_notices(ALERT_high_cpu, ALERT_ENDED, &at), 1);
	assert_int_equal(at, 62001);
	assert_int_equal(stage.event_count, 2);
	stage_event(1, FLEET_RECOVERED, 62001, "steady");
	assert_int_equal(stage.events[1].from, INSTANCE_DEGRADED);
	assert_int_equal(stage_at(0)->rate, 10);
	assert_int_equal(stage_action(FLEET_THROTTLE)->ms, 62001);
}

static void f_a_slow_broker_is_a_network_issue(void **state) /* f */
{
	(void)state;
	stage_states(0, 0, 5, PING(600000));
	stage_go(5500);
	stage_fired_at(ALERT_network_failure, 5001);
	assert_int_equal(stage.event_count, 2);
	stage_event(0, FLEET_DEGRADED, 5001, "network");
	stage_event(1, FLEET_NETWORK, 5001, "network");
}

static void g_a_short_drop_of_the_socket_is_no_event(void **state) /* g */
{
	(void)state;
	stage_states(0, 0, 10, PING(158410));
	fleet_closed(stage.fleet, 0);
	assert_true(stage_has(0, INSTANCE_SUSPECT));
	stage_go(13000);
	stage_hello(0);
	assert_false(stage_has(0, INSTANCE_SUSPECT));
	stage_states(0, 14, 60, PING(158410));
	assert_int_equal(stage.event_count, 0);
	assert_int_equal(stage.notice_count, 0);
	assert_int_equal(stage_at(0)->reconnects, 1);
	stage_is(0, INSTANCE_RUNNING);
}

static void h_a_long_drop_is_a_socket_failure_and_recovers_after_ten_good_seconds(void **state)
{
	(void)state;
	stage_states(0, 0, 10, PING(158410));
	fleet_closed(stage.fleet, 0);
	stage_go(14999);
	assert_int_equal(stage.event_count, 0);
	stage_go(16000);
	assert_int_equal(stage.event_count, 2);
	stage_event(0, FLEET_SOCKET, 15000, "socket");
	stage_event(1, FLEET_DEGRADED, 15000, "socket");
	stage_fired_at(ALERT_socket_failure, 15000);
	stage_hello(0);
	stage_go(16200);
	stage_good(0); /* the good state */
	stage_states(0, 17, 26, PING(158410));
	stage_go(26199);
	stage_is(0, INSTANCE_DEGRADED);
	stage_go(26200);
	assert_int_equal(stage.event_count, 3);
	stage_event(2, FLEET_RECOVERED, 26200, "steady");
	assert_false(stage_fires(0, ALERT_socket_failure));
}

/* Killed, noticed by its host, and started again by somebody when the recovery begins. */
static void kill_and_bring_back(void)
{
	stage_exit(0, -9);
	fleet_closed(stage.fleet, 0);
	stage_is(0, INSTANCE_FAILED);
	int64_t due_ms = (fleet_next_ns(stage.fleet) - STAGE_START_NS) / MS_NS;
	while (stage_at(0)->state == INSTANCE_FAILED) {
		stage_go(due_ms);
		due_ms = (fleet_next_ns(stage.fleet) - STAGE_START_NS) / MS_NS;
	}
	stage_is(0, INSTANCE_RECOVERING);
	stage_hello(0);
	stage_good(0);
	stage_is(0, INSTANCE_RUNNING);
}

static void i_the_fourth_kill_within_ten_minutes_is_one_too_many(void **state) /* i */
{
	(void)state;
	for (uint32_t kill = 1; kill <= 3; kill++) {
		stage_forget();
		int64_t began_ms = stage_ms();
		kill_and_bring_back();
		assert_int_equal(stage.event_count, 2);
		stage_event(0, FLEET_FAILED, began_ms, "exit -9");
		stage_event(1, FLEET_RECOVERED, stage_ms(), "synced");
		assert_int_equal(stage.events[1].from, INSTANCE_FAILED);
		assert_int_equal(stage.events[1].attempts, kill);
		int64_t second = stage_ms() / 1000;
		stage_states(0, second + 1, second + 100, PING(158410));
	}
	stage_forget();
	stage_exit(0, -9);
	int64_t at = stage_ms();
	assert_int_equal(stage.event_count, 2);
	stage_event(0, FLEET_FAILED, at, "exit -9");
	stage_event(1, FLEET_STOPPED, at, "recovery_failure");
	stage_is(0, INSTANCE_STOPPED);
	assert_true(stage_has(0, INSTANCE_HELD));
	stage_fired_at(ALERT_recovery_failure, at);
	assert_string_equal(stage_action(FLEET_DROP)->reason, "stopped");
	assert_int_equal(stage_at(0)->health, HEALTH_CRITICAL);
}

static void j_a_restart_of_weir_with_a_thousand_terminals_fails_none(void **state) /* j */
{
	(void)state;
	enum { THOUSAND = 1000 };
	stage_close();
	stage_open_cold(THOUSAND);
	for (uint32_t slot = 0; slot < THOUSAND; slot++) {
		const struct instance_stored stored = { .state = INSTANCE_RUNNING,
							.since_ms = STAGE_START_MS - 3600000,
							.heard_ms = STAGE_START_MS - 9000,
							.epoch_ms = 1,
							.login = slot,
							.server = STR("Broker-Live"),
							.currency = STR("USD") };
		fleet_restore(stage.fleet, slot, &stored, STAGE_START_MS);
	}
	stage_turn();
	for (uint32_t slot = 0; slot < THOUSAND; slot++) {
		stage_is(slot, INSTANCE_RUNNING);
		assert_true(stage_has(slot, INSTANCE_SUSPECT));
	}
	/* all are back within 15 s, most of them in the last one, each at its ms of the second */
	for (int64_t second = 0; second < 60; second++)
		for (uint32_t slot = 0; slot < THOUSAND; slot++) {
			int64_t back = slot < 100 ? slot / 7 : 14;
			stage_go(second * 1000 + slot);
			if (second == back)
				stage_hello(slot);
			if (second >= back)
				stage_good(slot);
		}
	assert_int_equal(stage.event_count, 0);
	assert_int_equal(stage.notice_count, 0);
	assert_int_equal(fleet_counts(stage.fleet).events[FLEET_FAILED], 0);
	assert_int_equal(fleet_counts(stage.fleet).states[INSTANCE_RUNNING], THOUSAND);
	assert_int_equal(fleet_counts(stage.fleet).suspect, 0);
}

static void k_the_queue_fires_at_once_and_clears_at_its_lower_bound(void **state) /* k */
{
	(void)state;
	int64_t at = -1;
	stage_states(0, 0, 0, PING(158410));
	fleet_queue(stage.fleet, 0, 100, 0);
	assert_true(stage_silent(ALERT_high_queue));
	stage_go(500);
	fleet_queue(stage.fleet, 0, 101, 0);
	stage_fired_at(ALERT_high_queue, 500);
	stage_event(0, FLEET_DEGRADED, 500, "queue");
	fleet_queue(stage.fleet, 0, 51, 0);
	stage_states(0, 1, 30, PING(158410));
	assert_true(stage_fires(0, ALERT_high_queue));
	fleet_queue(stage.fleet, 0, 50, 0);
	stage_states(0, 31, 35, PING(158410));
	assert_true(stage_fires(0, ALERT_high_queue));
	stage_go(35001);
	assert_int_equal(stage_notices(ALERT_high_queue, ALERT_ENDED, &at), 1);
	assert_int_equal(at, 35001);
	stage_event(1, FLEET_RECOVERED, 35001, "steady");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, stage_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_good_sample_within_the_hold_is_no_alert),
		TEST(b_high_cpu_fires_a_millisecond_after_its_hold),
		TEST(c_silence_freezes_the_hold_then_suspects_then_fails),
		TEST(d_values_that_alternate_never_fire),
		TEST(e_between_the_thresholds_it_goes_on_and_under_both_it_clears),
		TEST(f_a_slow_broker_is_a_network_issue),
		TEST(g_a_short_drop_of_the_socket_is_no_event),
		TEST(h_a_long_drop_is_a_socket_failure_and_recovers_after_ten_good_seconds),
		TEST(i_the_fourth_kill_within_ten_minutes_is_one_too_many),
		TEST(j_a_restart_of_weir_with_a_thousand_terminals_fails_none),
		TEST(k_the_queue_fires_at_once_and_clears_at_its_lower_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
