/* Row 20: what comes back from the store, and what a standstill of weir is not. */
#include "unit/fleet_stage.h"

#define GOOD STAGE_GOOD " ping=158410"

static struct err err;

static int set_up(void **state)
{
	(void)state;
	stage_open(1);
	return 0;
}

/* ---- row 20 ---- */

static void restore(uint32_t slot, enum instance_state state, uint32_t flags, int64_t age_ms)
{
	const struct instance_stored stored = { .state = state,
						.flags = flags,
						.attempts = 2,
						.restarts = 7,
						.reconnects = 9,
						.since_ms = STAGE_START_MS - 7200000,
						.heard_ms = STAGE_START_MS - age_ms,
						.epoch_ms = 1,
						.login = 42,
						.server = STR("Broker-Live"),
						.currency = STR("USD") };
	fleet_restore(stage.fleet, slot, &stored, STAGE_START_MS);
}

static void what_is_young_comes_back_as_it_was_and_suspect(void **state)
{
	(void)state;
	for (enum instance_state s = INSTANCE_STARTING; s < INSTANCE_STATES; s++) {
		stage_close();
		stage_open_cold(1);
		restore(0, s, INSTANCE_DRAINING, 60000);
		stage_turn();
		stage_is(0, s);
		assert_int_equal(stage_at(0)->flags, INSTANCE_SUSPECT);
		assert_int_equal(stage_at(0)->attempts, 2);
		assert_int_equal(stage_at(0)->restarts, 7);
		assert_int_equal(stage_at(0)->reconnects, 9);
		assert_int_equal(stage_at(0)->since_ms, STAGE_START_MS - 7200000);
		assert_int_equal(stage_at(0)->login, 42);
		assert_string_equal(stage_at(0)->server, "Broker-Live");
		assert_int_equal(stage.event_count, 0);
		assert_int_equal(fleet_counts(stage.fleet).states[s], 1);
		assert_int_equal(fleet_counts(stage.fleet).states[INSTANCE_STOPPED], 0);
		/* nobody fails, and nobody is acted upon, before twice the dead time */
		stage_go(29999);
		stage_is(0, s);
		assert_int_equal(stage.event_count, 0);
		assert_int_equal(stage.action_count, 0);
		assert_int_equal(stage.notice_count, 0);
		if (s == INSTANCE_FAILED)
			assert_int_equal(stage_leave(0), 30000);
		if (s == INSTANCE_RUNNING || s == INSTANCE_DEGRADED) {
			stage_go(30000);
			stage_event(0, FLEET_FAILED, 30000, "silence");
		}
		if (s == INSTANCE_STARTING)
			assert_int_equal(stage_leave(0), 90000);
		if (s == INSTANCE_RECOVERING)
			assert_int_equal(stage_leave(0), 60000);
	}
}

static void what_is_old_is_stopped_and_stays_held(void **state)
{
	(void)state;
	stage_close();
	stage_open_cold(4);
	restore(0, INSTANCE_RUNNING, 0, 60001);
	restore(1, INSTANCE_FAILED, INSTANCE_HELD | INSTANCE_SUSPECT, 60001);
	restore(2, INSTANCE_STOPPED, INSTANCE_HELD, 1000);
	restore(3, INSTANCE_STATES, 0, 1000); /* no such state */
	stage_turn();
	for (uint32_t slot = 0; slot < 4; slot++)
		stage_is(slot, INSTANCE_STOPPED);
	assert_int_equal(stage_at(0)->flags, 0);
	assert_int_equal(stage_at(0)->attempts, 0);
	assert_int_equal(stage_at(1)->flags, INSTANCE_HELD);
	assert_int_equal(stage_at(1)->health, HEALTH_WARNING);
	/* a recovery failure is still one */
	assert_int_equal(stage_at(2)->flags, INSTANCE_HELD);
	assert_int_equal(stage_at(2)->health, HEALTH_CRITICAL);
	assert_int_equal(fleet_release(stage.fleet, 2, &err), STATUS_OK);
	stage_is(2, INSTANCE_STARTING);
	assert_int_equal(fleet_release(stage.fleet, 1, &err), STATUS_OK);
	stage_is(1, INSTANCE_STOPPED);
	stage_hello(0);
	stage_is(0, INSTANCE_STARTING);
}

static void what_is_restored_late_or_damaged_or_slow_to_recover(void **state)
{
	(void)state;
	char server[MFP_TEXT_MAX + 8];
	memset(server, 's', sizeof server);
	const struct instance_stored damaged = { .state = INSTANCE_FAILED,
						 .heard_ms = STAGE_START_MS,
						 .server = { server, sizeof server },
						 .currency = STR("a currency of no country") };
	stage.settings.backoff_ns = 100 * SECOND_NS;
	fleet_configure(stage.fleet, &stage.settings);
	stage_go(500);
	fleet_restore(stage.fleet, 0, &damaged, STAGE_START_MS);
	stage_is(0, INSTANCE_FAILED);
	assert_string_equal(stage_at(0)->server, "");
	assert_string_equal(stage_at(0)->currency, "");
	assert_int_equal(stage_leave(0), 100500);
	/* a whole fleet that comes back is suspect, but has not become it */
	stage_close();
	stage_open(20);
	for (uint32_t slot = 0; slot < 20; slot++)
		restore(slot, INSTANCE_RUNNING, 0, 1000);
	stage_go(1000);
	assert_int_equal(fleet_counts(stage.fleet).suspect, 20);
	assert_false(fleet_counts(stage.fleet).guarded);
}

static void back_by_its_hello_it_resumes_without_a_penalty(void **state)
{
	(void)state;
	const struct position row = {
		.ticket = 237511830, .volume = { 48, 2 }, .sl = { 0, 5 }, .tp = { 46672, 5 }
	};
	stage_close();
	stage_open_cold(1);
	restore(0, INSTANCE_RUNNING, INSTANCE_FLAPPING, 5000);
	assert_int_equal(positions_put(stage_at(0)->positions, &row), STATUS_OK);
	stage_turn();
	assert_true(stage_has(0, INSTANCE_FLAPPING));
	stage_go(20000);
	stage_hello_with(0, 2, "2020682586963ede");
	assert_false(stage_has(0, INSTANCE_SUSPECT));
	assert_true(stage_at(0)->synced);
	assert_int_equal(stage_at(0)->reconnects, 10);
	assert_true(flap_penalty(fleet_terminal(stage.fleet, 0)) < FLAP_ON);
	assert_false(stage_at(0)->delivers); /* whether it has its broker is not known yet */
	stage_good(0);
	assert_true(stage_at(0)->delivers);
	assert_int_equal(stage.event_count, 0);
	restore(0, INSTANCE_FAILED, 0, 5000); /* too late */
	stage_is(0, INSTANCE_RUNNING);
}

static void a_standstill_of_weir_is_nobodys_silence(void **state)
{
	(void)state;
	stage_close();
	stage_open(10);
	for (uint32_t slot = 0; slot < 10; slot++)
		stage_run(slot);
	stage.now_ns += 40 * SECOND_NS; /* stopped, and gone on */
	stage_turn();
	assert_int_equal(fleet_counts(stage.fleet).standstills, 1);
	assert_int_equal(stage.event_count, 0);
	assert_int_equal(fleet_counts(stage.fleet).suspect, 0);
	int64_t began = stage_ms();
	while (stage_next_ns() <= stage.now_ns + 4999 * MS_NS) {
		stage.now_ns = stage_next_ns();
		stage_turn();
	}
	assert_int_equal(fleet_counts(stage.fleet).suspect, 0);
	stage_go(began + 5000);
	assert_int_equal(fleet_counts(stage.fleet).suspect, 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, stage_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_young_comes_back_as_it_was_and_suspect),
		TEST(what_is_old_is_stopped_and_stays_held),
		TEST(what_is_restored_late_or_damaged_or_slow_to_recover),
		TEST(back_by_its_hello_it_resumes_without_a_penalty),
		TEST(a_standstill_of_weir_is_nobodys_silence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
