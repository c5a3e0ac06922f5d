/* What the alert rules of fleet.md 4.1 make of samples, and what is done about them:
 * gates, steps and their undoing, hosts. */
#include "unit/fleet_stage.h"

#define GOOD   STAGE_GOOD " ping=158410"
#define CPU(n) GOOD " cpu=" #n
#define MEM(n) GOOD " mem=" #n

static struct err err;

static int set_up(void **state)
{
	(void)state;
	stage_open(1);
	stage_run(0);
	return 0;
}

/* ---- values and gates ---- */

static void memory_is_a_share_of_its_budget(void **state)
{
	(void)state;
	stage_states(0, 1, 12, MEM(80));
	assert_true(stage_silent(ALERT_high_memory));
	stage_states(0, 13, 24, MEM(80.1));
	stage_fired_at(ALERT_high_memory, 23001);
	assert_string_equal(stage_at(0)->reason, "memory");
	assert_int_equal(stage_actions(FLEET_SNAPSHOT), 1);
	assert_int_equal(stage_actions(FLEET_TRIM), 1);
	stage_states(0, 25, 54, MEM(69));
	assert_true(stage_fires(0, ALERT_high_memory));
	stage_states(0, 55, 56, MEM(69)); /* its clear hold is 30 s */
	assert_false(stage_fires(0, ALERT_high_memory));
}

static void the_hosts_figure_counts_where_the_terminal_gives_none(void **state)
{
	(void)state;
	for (int64_t second = 1; second <= 12; second++) {
		stage_states(0, second, second, GOOD);
		stage_host_frame(0, "pid=17 rss=95 cpu=20");
	}
	stage_fired_at(ALERT_high_memory, 11001);
	stage_close();
	stage_open(1);
	stage_run(0);
	for (int64_t second = 1; second <= 12; second++) {
		stage_states(0, second, second, MEM(50));
		stage_host_frame(0, "pid=17 rss=95 cpu=20");
	}
	assert_true(stage_silent(ALERT_high_memory));
}

static void a_processor_that_nobody_knows_never_fires_and_is_counted(void **state)
{
	(void)state;
	uint64_t unknown = alerts_counts(stage.alerts).unknown_values;
	stage_states(0, 1, 12, GOOD);
	assert_int_equal(alerts_counts(stage.alerts).unknown_values - unknown, 12);
	stage_states(0, 13, 24, CPU(-1));
	assert_int_equal(alerts_counts(stage.alerts).unknown_values - unknown, 24);
	assert_false(stage_at(0)->latest.known >> SAMPLE_cpu & 1);
	for (int64_t second = 25; second <= 36; second++) {
		stage_states(0, second, second, GOOD);
		stage_host_frame(0, "pid=17 cpu=90");
	}
	stage_fired_at(ALERT_high_cpu, 35001);
	assert_string_equal(stage.notices[0].message, "90.0 % of a core");
}

static void what_is_not_running_has_no_load_to_alert_of(void **state)
{
	(void)state;
	stage_close();
	stage_open(1);
	stage_hello_with(0, 1, "0123456789abcdef"); /* STARTING: never in sync */
	stage_states(0, 0, 60, "con=0 ta=1 ma=1 aa=1 ae=1 cpu=99 mem=500");
	stage_is(0, INSTANCE_DEGRADED); /* by row 4 at 10 s; the gate is open from there */
	stage_fired_at(ALERT_high_cpu, 20001);
	stage_fired_at(ALERT_high_memory, 20001);
	stage_fired_at(ALERT_network_failure, 15001);
	assert_int_equal(fleet_stop(stage.fleet, 0, false, &err), STATUS_OK);
	stage_forget();
	stage_states(0, 61, 100, "con=0 ta=1 ma=1 aa=1 ae=1 cpu=99 mem=500 q=5000");
	fleet_queue(stage.fleet, 0, 5000, 0);
	assert_int_equal(stage.notice_count, 0);
	assert_int_equal(alerts_counts(stage.alerts).active, 0);
}

static void a_terminal_that_fails_takes_its_load_alerts_with_it(void **state)
{
	(void)state;
	stage_states(0, 1, 12, CPU(95));
	assert_true(stage_fires(0, ALERT_high_cpu));
	assert_int_equal(stage_at(0)->rate, 5);
	stage_exit(0, 1);
	assert_false(stage_fires(0, ALERT_high_cpu));
	assert_int_equal(stage_at(0)->rate, 10);
	stage_fired_at(ALERT_instance_crash, 12000);
	assert_string_equal(stage.notices[stage.notice_count - 1].message, "exit 1");
	stage_leave(0);
	stage_hello(0);
	stage_good(0);
	stage_is(0, INSTANCE_RUNNING); /* and not DEGRADED by what was before */
	assert_false(stage_fires(0, ALERT_instance_crash));
}

static void a_crash_is_told_of_what_is_not_held(void **state)
{
	(void)state;
	assert_int_equal(fleet_hold(stage.fleet, 0, &err), STATUS_OK);
	stage_exit(0, 1);
	assert_true(stage_silent(ALERT_instance_crash));
	assert_int_equal(stage_events(FLEET_FAILED), 1);
}

static void a_socket_that_stays_away_is_told_of_the_failed_too_and_reminded(void **state)
{
	(void)state;
	int64_t at = 0;
	stage_exit(0, 1);
	fleet_closed(stage.fleet, 0);
	assert_int_equal(fleet_hold(stage.fleet, 0, &err), STATUS_OK);
	stage_go(4999);
	assert_true(stage_silent(ALERT_socket_failure));
	stage_go(5000);
	stage_fired_at(ALERT_socket_failure, 5000);
	assert_int_equal(stage_actions(FLEET_POKE), 0);
	assert_int_equal(stage_events(FLEET_SOCKET), 0);
	stage_go(305000);
	assert_int_equal(stage_notices(ALERT_socket_failure, ALERT_SAID_AGAIN, &at), 1);
	assert_int_equal(at, 305000);
	stage_hello(0);
	assert_int_equal(stage_notices(ALERT_socket_failure, ALERT_ENDED, &at), 1);
	assert_int_equal(at, 305000);
}

static void network_issue_is_told_once_an_incident_whatever_else_is_wrong(void **state)
{
	(void)state;
	stage_states(0, 1, 1, STAGE_FORBIDDEN);
	stage_states(0, 2, 9, "con=0 ta=0 ma=1 aa=1 ae=1");
	assert_int_equal(stage_events(FLEET_NETWORK), 1);
	assert_int_equal(stage.events[1].ms, 7000);
	stage_states(0, 10, 40, GOOD);
	stage_is(0, INSTANCE_RUNNING);
	assert_int_equal(stage.event_count, 3);
	/* by its own timer, not at the next sample */
	stage_states(0, 41, 41, "con=0 ta=0 ma=1 aa=1 ae=1");
	stage_go(43500);
	stage_state(0, "con=0 ta=0 ma=1 aa=1 ae=1");
	stage_go(46000);
	stage_event(4, FLEET_NETWORK, 46000, "network");
	stage_hello(0);
	stage_forget();
	stage_good(0);
	stage_states(0, 47, 60, GOOD);
	stage_states(0, 61, 69, "con=0 ta=1 ma=1 aa=1 ae=1");
	assert_int_equal(stage_events(FLEET_NETWORK), 1);
}

/* ---- steps ---- */

static void the_table_of_steps_is_in_order(void **state)
{
	(void)state;
	static const struct {
		enum alert_rule rule;
		int64_t after_ms;
		enum fleet_action_kind action;
	} rows[] = {
#define FLEET_STEP(rule, after_ms, action, when) { ALERT_##rule, after_ms, FLEET_##action },
#include "def/fleet_actions.def"
#undef FLEET_STEP
	};
	uint32_t seen = 0;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_string_equal(alert_row(rows[i].rule)->kind, "instance");
		assert_true(rows[i].rule >= FIRST_RULE && rows[i].rule <= LAST_RULE);
		if (i && rows[i].rule == rows[i - 1].rule)
			assert_true(rows[i].after_ms >= rows[i - 1].after_ms);
		else
			assert_false(seen & rule_bit(rows[i].rule)); /* they stand together */
		seen |= rule_bit(rows[i].rule);
		assert_true(rows[i].after_ms >= 0 && rows[i].action < FLEET_ACTIONS);
	}
}

static void high_cpu_restarts_after_a_minute_and_that_is_an_attempt(void **state)
{
	(void)state;
	stage_states(0, 0, 69, CPU(95));
	stage_fired_at(ALERT_high_cpu, 10001);
	stage_go(70000);
	assert_int_equal(stage_actions(FLEET_RESTART), 0);
	stage_state(0, CPU(95));
	stage_go(70001);
	assert_int_equal(stage_action(FLEET_RESTART)->ms, 70001);
	assert_string_equal(stage_action(FLEET_RESTART)->reason, "cpu");
	assert_false(stage_action(FLEET_RESTART)->action.clean);
	stage_is(0, INSTANCE_STARTING);
	assert_int_equal(stage_at(0)->attempts, 1);
	assert_int_equal(stage_events(FLEET_FAILED), 0);
	assert_int_equal(stage_at(0)->rate, 10);
}

static void high_cpu_that_ends_in_time_restarts_nothing(void **state)
{
	(void)state;
	stage_states(0, 0, 55, CPU(95));
	stage_states(0, 56, 69, CPU(10));
	assert_false(stage_fires(0, ALERT_high_cpu));
	stage_states(0, 70, 200, CPU(10));
	assert_int_equal(stage_actions(FLEET_RESTART), 0);
	assert_int_equal(stage_at(0)->rate, 10);
}

static void a_restart_by_alert_waits_for_orders_and_is_dropped_when_the_alert_ends(void **state)
{
	(void)state;
	stage_states(0, 0, 58, CPU(95));
	fleet_queue(stage.fleet, 0, 0, 2);
	stage_states(0, 59, 69, CPU(60)); /* clear at 69.001 */
	stage_states(0, 70, 80, CPU(60));
	assert_int_equal(stage_actions(FLEET_RESTART), 0);
	stage_close();
	stage_open(1);
	stage_run(0);
	stage_states(0, 0, 61, CPU(95));
	fleet_queue(stage.fleet, 0, 0, 2);
	stage_states(0, 62, 72, CPU(60)); /* asked at 70.001, clear at 72.001 */
	assert_false(stage_at(0)->delivers);
	assert_int_equal(stage_action(FLEET_PAUSE)->ms, 70001);
	stage_go(72001);
	assert_true(stage_at(0)->delivers);
	stage_states(0, 73, 80, CPU(60));
	assert_int_equal(stage_actions(FLEET_RESTART), 0);
	stage_is(0, INSTANCE_RUNNING);
	stage_close();
	stage_open(1);
	stage_run(0);
	stage_states(0, 0, 61, CPU(95));
	fleet_queue(stage.fleet, 0, 0, 2);
	stage_states(0, 62, 72, CPU(95));
	stage_exit(0, 1); /* what has failed is recovered, not restarted for its processor */
	stage_go(76000);
	assert_int_equal(stage_actions(FLEET_RESTART), 0);
	stage_close();
	stage_open(1);
	stage_run(0);
	stage_states(0, 0, 61, CPU(95));
	fleet_queue(stage.fleet, 0, 0, 2);
	stage_states(0, 62, 76, CPU(95));
	assert_int_equal(stage_action(FLEET_UNKNOWN)->ms, 75001);
	assert_int_equal(stage_action(FLEET_RESTART)->ms, 75001);
}

static void no_restart_by_alert_where_it_must_not_be(void **state)
{
	(void)state;
	assert_int_equal(fleet_hold(stage.fleet, 0, &err), STATUS_OK);
	stage_states(0, 0, 100, CPU(95));
	assert_int_equal(stage_actions(FLEET_RESTART), 0);
	stage_close();
	stage_open(1);
	stage.settings.recover = false;
	fleet_configure(stage.fleet, &stage.settings);
	stage_run(0);
	stage_states(0, 0, 100, CPU(95));
	assert_int_equal(stage_actions(FLEET_RESTART), 0);
	stage_close();
	stage_open(1);
	stage_run(0);
	for (int restart = 1; restart <= 4; restart++) { /* three attempts, and no more */
		int64_t second = stage_ms() / 1000;
		stage_states(0, second, second + 80, CPU(95));
		if (restart > 3)
			break;
		assert_int_equal(stage_actions(FLEET_RESTART), (size_t)restart);
		stage_hello(0);
		stage_good(0);
		stage_is(0, INSTANCE_RUNNING);
	}
	assert_int_equal(stage_actions(FLEET_RESTART), 3);
	assert_int_equal(stage_at(0)->attempts, 3);
	stage_is(0, INSTANCE_DEGRADED);
}

static void a_slow_way_to_weir_is_dialled_anew_a_slow_broker_is_not(void **state)
{
	(void)state;
	stage_states(0, 0, 6, STAGE_GOOD " ping=600000");
	assert_true(stage_fires(0, ALERT_network_failure));
	assert_int_equal(stage_actions(FLEET_RECONNECT), 0);
	stage_states(0, 7, 66, STAGE_GOOD " ping=600000");
	assert_int_equal(stage_action(FLEET_RESTART)->ms, 65001);
	assert_string_equal(stage_action(FLEET_RESTART)->reason, "network");
	stage_close();
	stage_open(1);
	stage_run(0);
	fleet_observe(stage.fleet, 0, SAMPLE_rtt, number_of(501));
	stage_states(0, 0, 6, STAGE_GOOD " ping=600000");
	assert_int_equal(stage_action(FLEET_RECONNECT)->ms, 5001);
}

static void a_long_queue_refuses_new_signals(void **state)
{
	(void)state;
	stage_state(0, GOOD " q=40");
	fleet_queue(stage.fleet, 0, 160, 0);
	assert_true(stage_fires(0, ALERT_high_queue));
	assert_false(stage_at(0)->refuses);
	size_t moved = stage.moved_count;
	fleet_queue(stage.fleet, 0, 161, 0);
	assert_true(stage_at(0)->refuses);
	assert_int_equal(stage.moved_count, moved + 1);
	fleet_queue(stage.fleet, 0, 160, 0);
	assert_false(stage_at(0)->refuses);
	assert_true(stage_at(0)->delivers);
	assert_int_equal(stage_actions(FLEET_PAUSE), 0);
}

static void another_rate_reaches_who_is_throttled_and_who_is_not(void **state)
{
	(void)state;
	stage.settings.rate = 7;
	fleet_configure(stage.fleet, &stage.settings);
	assert_int_equal(stage_action(FLEET_THROTTLE)->action.rate, 7);
	stage_states(0, 0, 11, CPU(95));
	assert_int_equal(stage_at(0)->rate, 3);
	stage.settings.rate = 1;
	fleet_configure(stage.fleet, &stage.settings);
	assert_int_equal(stage_at(0)->rate, 1);
	stage.settings.rate = 20;
	fleet_configure(stage.fleet, &stage.settings);
	assert_int_equal(stage_at(0)->rate, 10);
}

/* ---- hosts ---- */

static void a_loaded_host_drains_and_its_terminals_are_degraded(void **state)
{
	(void)state;
	stage_close();
	stage_open(0);
	stage_add_host("a-1", "alpha");
	stage_add_host("a-2", "alpha");
	stage_add_host("b-1", "beta");
	stage_turn();
	for (uint32_t slot = 0; slot < 3; slot++)
		stage_reach(slot, INSTANCE_RUNNING);
	for (int64_t second = 0; second <= 11; second++) {
		stage_go(second * 1000);
		for (uint32_t slot = 0; slot < 3; slot++)
			stage_good(slot);
		stage_host_frame(0, "pid=17 la=2.01 host=alpha cores=8");
		stage_host_frame(2, "pid=18 la=2.00 host=beta");
	}
	const struct fleet_host *alpha =
	    fleet_host_at(stage.fleet, fleet_host_find(stage.fleet, STR("alpha")));
	assert_true(alpha->draining);
	assert_int_equal(alpha->cores, 8);
	assert_int_equal(alpha->instances, 2);
	stage_fired_at(ALERT_high_load, 10001);
	assert_string_equal(stage.notices[0].scope, "alpha");
	stage_is(0, INSTANCE_DEGRADED);
	stage_is(1, INSTANCE_DEGRADED);
	stage_is(2, INSTANCE_RUNNING);
	assert_true(stage_has(1, INSTANCE_DRAINING));
	assert_string_equal(stage.events[0].reason, "load");
	assert_true(stage_at(1)->delivers);
	/* no new starts */
	assert_int_equal(fleet_stop(stage.fleet, 1, false, &err), STATUS_OK);
	assert_int_equal(fleet_start(stage.fleet, 1, &err), STATUS_INVALID);
	assert_string_equal(err.text, "a-2 is on a host that sheds load");
	for (int64_t second = 12; second <= 42; second++) {
		stage_go(second * 1000);
		stage_good(0);
		stage_host_frame(0, "pid=17 la=1.49 host=alpha");
	}
	assert_true(alpha->draining);
	stage_go(42001);
	assert_false(alpha->draining);
	stage_is(0, INSTANCE_RUNNING);
	assert_int_equal(fleet_start(stage.fleet, 1, &err), STATUS_OK);
}

static void load_may_be_counted_by_core(void **state)
{
	(void)state;
	stage.settings.load_per_core = true;
	fleet_configure(stage.fleet, &stage.settings);
	for (int64_t second = 0; second <= 30; second++) {
		stage_states(0, second, second, GOOD);
		stage_host_frame(0, second <= 12 ? "pid=17 la=7.9 host=h cores=4"
						 : "pid=17 la=8.1 host=h cores=4");
	}
	stage_fired_at(ALERT_high_load, 23001);
	assert_string_equal(stage.notices[0].message, "load 2.02 a core");
}

static void a_host_is_known_as_long_as_somebody_names_it(void **state)
{
	(void)state;
	assert_int_equal(fleet_host_find(stage.fleet, STR("h")), FLEET_NONE);
	stage_host_frame(0, "pid=17 host=h");
	uint32_t host = fleet_host_find(stage.fleet, STR("h"));
	assert_int_equal(stage_at(0)->host, host);
	fleet_agent(stage.fleet, STR("h"), true);
	stage_host_frame(0, "pid=17 host=i");
	assert_true(fleet_host_at(stage.fleet, host)->agent);
	assert_int_equal(fleet_host_at(stage.fleet, host)->instances, 0);
	fleet_agent(stage.fleet, STR("h"), false);
	assert_null(fleet_host_at(stage.fleet, host));
	stage_host_frame(0, "pid=17 host=j");
	assert_int_equal(fleet_host_find(stage.fleet, STR("i")), FLEET_NONE);
	fleet_agent(stage.fleet, STR("nobody"), false);
	fleet_alert(stage.fleet, ALERT_high_load, STR("nobody"), true);
	/* as many as there is room for */
	for (int i = 0; i < 20; i++) {
		char name[32];
		snprintf(name, sizeof name, "host-%d", i);
		fleet_agent(stage.fleet, str_of(name), true);
	}
	assert_int_equal(fleet_counts(stage.fleet).hosts_refused,
			 20 - (fleet_host_count(stage.fleet) - 1));
	stage_host_frame(0, "pid=17 host=host-19");
	assert_int_equal(stage_at(0)->host, fleet_host_find(stage.fleet, STR("host-19")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, stage_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_table_of_steps_is_in_order),
		TEST(memory_is_a_share_of_its_budget),
		TEST(the_hosts_figure_counts_where_the_terminal_gives_none),
		TEST(a_processor_that_nobody_knows_never_fires_and_is_counted),
		TEST(what_is_not_running_has_no_load_to_alert_of),
		TEST(a_terminal_that_fails_takes_its_load_alerts_with_it),
		TEST(a_crash_is_told_of_what_is_not_held),
		TEST(a_socket_that_stays_away_is_told_of_the_failed_too_and_reminded),
		TEST(network_issue_is_told_once_an_incident_whatever_else_is_wrong),
		TEST(high_cpu_restarts_after_a_minute_and_that_is_an_attempt),
		TEST(high_cpu_that_ends_in_time_restarts_nothing),
		TEST(a_restart_by_alert_waits_for_orders_and_is_dropped_when_the_alert_ends),
		TEST(no_restart_by_alert_where_it_must_not_be),
		TEST(a_slow_way_to_weir_is_dialled_anew_a_slow_broker_is_not),
		TEST(a_long_queue_refuses_new_signals),
		TEST(another_rate_reaches_who_is_throttled_and_who_is_not),
		TEST(a_loaded_host_drains_and_its_terminals_are_degraded),
		TEST(load_may_be_counted_by_core),
		TEST(a_host_is_known_as_long_as_somebody_names_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
