/* Flap damping and the fleet-wide guard (fleet.md 4, 4.2). */
#include "unit/fleet_stage.h"

#define GOOD   STAGE_GOOD " ping=158410"
#define CPU(n) GOOD " cpu=" #n

static struct err err;

static int set_up(void **state)
{
	(void)state;
	stage_open(1);
	stage_run(0);
	return 0;
}

/* ---- flap damping ---- */

static double penalty(void) { return flap_penalty(fleet_terminal(stage.fleet, 0)); }

static void the_penalty_halves_every_five_minutes(void **state)
{
	(void)state;
	stage_state(0, STAGE_FORBIDDEN);
	assert_true(penalty() == 1000);
	stage_go(1); /* still there at once */
	for (int64_t second = 1; second <= 300; second++)
		stage_states(0, second, second, STAGE_FORBIDDEN);
	assert_in_range((uint64_t)(penalty() * 1000), 499999, 500001);
	assert_int_equal(stage_at(0)->latest.values[SAMPLE_pen].mantissa, 500);
	fleet_closed(stage.fleet, 0);
	stage_hello(0);
	assert_in_range((uint64_t)(penalty() * 1000), 999999, 1000001);
}

static void reconnects_alone_make_it_flap_and_rest_ends_it(void **state)
{
	(void)state;
	int64_t at = 0;
	for (int i = 0; i < 6; i++) {
		assert_false(stage_has(0, INSTANCE_FLAPPING));
		fleet_closed(stage.fleet, 0);
		stage_hello(0);
	}
	assert_true(stage_has(0, INSTANCE_FLAPPING)); /* 6 × 500 */
	stage_fired_at(ALERT_flapping, 0);
	assert_int_equal(stage.event_count, 0);
	/* from 3,000 to below 1,000: 300 s × log2(3) = 475.489 s */
	stage_states(0, 0, 475, GOOD);
	assert_true(stage_has(0, INSTANCE_FLAPPING));
	stage_go(475488);
	assert_true(stage_has(0, INSTANCE_FLAPPING));
	stage_go(475489);
	assert_false(stage_has(0, INSTANCE_FLAPPING));
	assert_int_equal(stage_notices(ALERT_flapping, ALERT_ENDED, &at), 1);
	assert_int_equal(fleet_counts(stage.fleet).flapping, 0);
}

static void while_it_flaps_events_are_recorded_and_notices_spared(void **state)
{
	(void)state;
	struct str id = STR("mt5-000");
	assert_false(fleet_spares(stage.fleet, ALERT_instance_crash, id));
	for (int i = 0; i < 6; i++) {
		fleet_closed(stage.fleet, 0);
		stage_hello(0);
	}
	stage_good(0);
	stage_exit(0, 1);
	stage_event(0, FLEET_FAILED, 0, "exit 1");
	assert_true(stage.events[0].suppressed);
	assert_true(fleet_spares(stage.fleet, ALERT_instance_crash, id));
	assert_true(fleet_spares(stage.fleet, ALERT_socket_failure, id));
	assert_false(fleet_spares(stage.fleet, ALERT_recovery_failure, id));
	assert_false(fleet_spares(stage.fleet, ALERT_flapping, id));
	assert_false(fleet_spares(stage.fleet, ALERT_price_move, id));
	assert_false(fleet_spares(stage.fleet, ALERT_instance_crash, STR("mt5-999")));
	/* what is final is told all the same */
	for (int attempt = 1; attempt <= 3; attempt++) {
		stage_leave(0);
		stage_leave(0);
	}
	const struct stage_event *last = &stage.events[stage.event_count - 1];
	assert_int_equal(last->kind, FLEET_STOPPED);
	assert_false(last->suppressed);
	assert_false(stage_has(0, INSTANCE_FLAPPING)); /* a stop forgets it */
}

static void while_it_flaps_recoveries_are_a_minute_apart(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		fleet_closed(stage.fleet, 0);
		stage_hello(0);
	}
	stage_good(0);
	stage_exit(0, 1);
	int64_t first = stage_leave(0);
	assert_in_range(first, 4000, 6000); /* none was before */
	stage_hello(0);
	stage_good(0);
	stage_is(0, INSTANCE_RUNNING);
	stage_exit(0, 1);
	assert_int_equal(stage_leave(0), first + 60000);
}

static void while_it_flaps_only_a_failure_restarts_it(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		fleet_closed(stage.fleet, 0);
		stage_hello(0);
	}
	stage_states(0, 0, 100, CPU(95));
	assert_true(stage_fires(0, ALERT_high_cpu));
	assert_true(stage_has(0, INSTANCE_FLAPPING));
	assert_int_equal(stage_actions(FLEET_RESTART), 0);
}

/* ---- the fleet-wide guard ---- */

enum { CROWD = 20 };

static void open_crowd(uint32_t count)
{
	stage_close();
	stage_open(count);
	for (uint32_t slot = 0; slot < count; slot++)
		stage_reach(slot, INSTANCE_RUNNING);
}

static void beat_from(uint32_t first, uint32_t count, int64_t seconds)
{
	for (int64_t end = stage_ms() + seconds * 1000; stage_ms() < end;) {
		stage_go(stage_ms() + 1000);
		for (uint32_t slot = first; slot < count; slot++)
			stage_state(slot, GOOD);
	}
}

static void many_that_fall_silent_at_once_are_one_alert_and_no_failure(void **state)
{
	(void)state;
	int64_t at = 0;
	open_crowd(CROWD);
	beat_from(5, CROWD, 4);
	stage_go(4999);
	assert_false(fleet_counts(stage.fleet).guarded);
	stage_go(5000); /* 5 of 20 became silent: more than a fifth */
	assert_true(fleet_counts(stage.fleet).guarded);
	stage_fired_at(ALERT_fleet_suspect, 5000);
	assert_string_equal(stage.notices[0].message, "5 terminals went silent within 5 s");
	beat_from(5, CROWD, 100);
	assert_int_equal(stage.event_count, 0);
	assert_int_equal(stage.notice_count, 1);
	for (uint32_t slot = 0; slot < 5; slot++)
		stage_is(slot, INSTANCE_RUNNING);
	/* one comes back: a fifth is left, which has its whole time from here */
	fleet_heard(stage.fleet, 0);
	assert_false(fleet_counts(stage.fleet).guarded);
	assert_int_equal(stage_notices(ALERT_fleet_suspect, ALERT_ENDED, &at), 1);
	int64_t ended = stage_ms();
	beat_from(5, CROWD, 14);
	stage_go(ended + 14999);
	assert_int_equal(stage.event_count, 0);
	stage_go(ended + 15000);
	assert_int_equal(stage_events(FLEET_FAILED), 4 + 1); /* the first had spoken once only */
}

static void a_fifth_is_not_more_than_a_fifth_and_two_are_no_crowd(void **state)
{
	(void)state;
	open_crowd(CROWD);
	beat_from(4, CROWD, 20);
	assert_int_equal(stage_events(FLEET_FAILED), 4);
	assert_true(stage_silent(ALERT_fleet_suspect));
	open_crowd(4);
	beat_from(2, 4, 20);
	assert_int_equal(stage_events(FLEET_FAILED), 2);
	assert_true(stage_silent(ALERT_fleet_suspect));
}

static void one_after_the_other_is_no_common_cause(void **state)
{
	(void)state;
	open_crowd(CROWD);
	for (int64_t second = 1; second <= 40; second++) {
		stage_go(second * 1000);
		for (uint32_t slot = 0; slot < CROWD; slot++)
			if (slot >= 8 || second < 1 + slot * 3)
				stage_state(slot, GOOD);
	}
	assert_true(stage_silent(ALERT_fleet_suspect));
	assert_int_equal(stage_events(FLEET_FAILED), 8);
}

static void under_the_guard_nobody_is_acted_upon_but_facts_are_facts(void **state)
{
	(void)state;
	open_crowd(CROWD);
	for (uint32_t slot = 0; slot < 5; slot++)
		fleet_closed(stage.fleet, slot);
	assert_true(fleet_counts(stage.fleet).guarded);
	stage_exit(7, 1); /* a process that ended has ended */
	stage_is(7, INSTANCE_FAILED);
	for (int64_t second = 1; second <= 200; second++) {
		stage_go(second * 1000);
		for (uint32_t slot = 8; slot < CROWD; slot++)
			stage_state(slot, slot == 8 ? CPU(95) : GOOD);
		stage_state(5, GOOD);
		stage_state(6, GOOD);
	}
	assert_int_equal(stage_events(FLEET_SOCKET), 0);
	assert_int_equal(stage_events(FLEET_FAILED), 1);
	assert_int_equal(stage_actions(FLEET_RESTART) + stage_actions(FLEET_POKE), 0);
	assert_int_equal(stage_actions(FLEET_THROTTLE), 0);
	assert_true(stage_fires(8, ALERT_high_cpu));
	stage_is(8, INSTANCE_DEGRADED);
	stage_is(7, INSTANCE_FAILED);
	for (uint32_t slot = 0; slot < 5; slot++) {
		stage_hello(slot);
		stage_good(slot);
	}
	assert_false(fleet_counts(stage.fleet).guarded);
	stage_is(7, INSTANCE_RECOVERING); /* its turn has come */
	assert_int_equal(stage_actions(FLEET_THROTTLE), 1);
	assert_int_equal(stage_actions(FLEET_RESTART), 0); /* its minute begins here */
	assert_int_equal(stage_events(FLEET_FAILED), 1);
	static const uint32_t blameless[] = { 0, 1, 7, 8 };
	for (size_t i = 0; i < ARRAY_LEN(blameless); i++)
		assert_true(flap_penalty(fleet_terminal(stage.fleet, blameless[i])) == 0);
}

static void who_comes_back_by_itself_runs_again_under_the_guard(void **state)
{
	(void)state;
	open_crowd(CROWD);
	for (uint32_t slot = 0; slot < 6; slot++)
		fleet_closed(stage.fleet, slot);
	assert_true(fleet_counts(stage.fleet).guarded);
	stage_exit(7, 1);
	stage_is(7, INSTANCE_FAILED);
	stage_go(stage_ms() + 1000);
	stage_hello(7);
	beat_from(6, CROWD, 20);
	assert_true(fleet_counts(stage.fleet).guarded);
	stage_is(7, INSTANCE_RUNNING);
	assert_int_equal(stage_actions(FLEET_RESTART) + stage_actions(FLEET_START), 0);
}

static void lengths_stand_still_under_the_guard_and_count_anew(void **state)
{
	(void)state;
	open_crowd(CROWD);
	assert_int_equal(fleet_stop(stage.fleet, 6, false, &err), STATUS_OK);
	assert_int_equal(fleet_start(stage.fleet, 6, &err), STATUS_OK);
	fleet_closed(stage.fleet, 6);
	stage_exit(7, 1);
	fleet_closed(stage.fleet, 7);
	for (int i = 0; i < 10; i++) {
		beat_from(8, CROWD, 1);
		for (uint32_t slot = 0; slot < 6; slot++)
			stage_state(slot, GOOD);
	}
	stage_is(6, INSTANCE_STARTING);
	stage_is(7, INSTANCE_RECOVERING);
	for (uint32_t slot = 0; slot < 5; slot++)
		fleet_closed(stage.fleet, slot);
	beat_from(8, CROWD, 300);
	assert_true(fleet_counts(stage.fleet).guarded);
	stage_is(6, INSTANCE_STARTING);
	stage_is(7, INSTANCE_RECOVERING);
	for (uint32_t slot = 0; slot < 6; slot++)
		stage_hello(slot);
	int64_t ended = stage_ms();
	assert_false(fleet_counts(stage.fleet).guarded);
	for (int i = 0; i < 59; i++) {
		beat_from(8, CROWD, 1);
		for (uint32_t slot = 0; slot < 6; slot++)
			stage_state(slot, GOOD);
	}
	stage_go(ended + 59999);
	stage_is(7, INSTANCE_RECOVERING);
	stage_go(ended + 60000);
	stage_is(7, INSTANCE_FAILED);
}

static void a_restart_that_waits_is_put_off_by_the_guard(void **state)
{
	(void)state;
	open_crowd(CROWD);
	for (int64_t second = 0; second <= 72; second++) {
		stage_go(second * 1000);
		for (uint32_t slot = 0; slot < CROWD; slot++)
			stage_state(slot, slot == 9 ? CPU(95) : GOOD);
		if (second == 60)
			fleet_queue(stage.fleet, 9, 0, 1);
	}
	assert_false(stage_at(9)->delivers); /* asked at 70.001 */
	for (uint32_t slot = 0; slot < 5; slot++)
		fleet_closed(stage.fleet, slot);
	assert_true(stage_at(9)->delivers);
	for (int64_t second = 73; second <= 200; second++) {
		stage_go(second * 1000);
		for (uint32_t slot = 5; slot < CROWD; slot++)
			stage_state(slot, slot == 9 ? CPU(95) : GOOD);
		if (second == 100)
			for (uint32_t slot = 0; slot < 5; slot++)
				stage_hello(slot);
		for (uint32_t slot = 0; slot < 5 && second >= 100; slot++)
			stage_good(slot);
	}
	assert_int_equal(stage_action(FLEET_RESTART)->ms,
			 165000); /* a minute after its end, and 5 s */
	assert_int_equal(stage_actions(FLEET_RESTART), 1);
}

static void a_share_of_one_guards_never(void **state)
{
	(void)state;
	open_crowd(5);
	stage.settings.suspect_share = 1;
	fleet_configure(stage.fleet, &stage.settings);
	for (uint32_t slot = 0; slot < 5; slot++)
		fleet_closed(stage.fleet, slot);
	stage_go(15000);
	assert_int_equal(stage_events(FLEET_FAILED), 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, stage_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_penalty_halves_every_five_minutes),
		TEST(reconnects_alone_make_it_flap_and_rest_ends_it),
		TEST(while_it_flaps_events_are_recorded_and_notices_spared),
		TEST(while_it_flaps_recoveries_are_a_minute_apart),
		TEST(while_it_flaps_only_a_failure_restarts_it),
		TEST(many_that_fall_silent_at_once_are_one_alert_and_no_failure),
		TEST(a_fifth_is_not_more_than_a_fifth_and_two_are_no_crowd),
		TEST(one_after_the_other_is_no_common_cause),
		TEST(under_the_guard_nobody_is_acted_upon_but_facts_are_facts),
		TEST(who_comes_back_by_itself_runs_again_under_the_guard),
		TEST(lengths_stand_still_under_the_guard_and_count_anew),
		TEST(a_restart_that_waits_is_put_off_by_the_guard),
		TEST(a_share_of_one_guards_never),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
