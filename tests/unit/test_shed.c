/* What the stores and the fleet do when memory runs out, and that it is undone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/execution_store.h"
#include "unit/instance_stage.h"

/* Speaks each second. */
static void run_seconds(struct instances *t, int seconds)
{
	for (int i = 0; i < seconds; i++) {
		instances_set(t, 0, SAMPLE_mem, i, 0);
		instance_store_sample(t->store, stage_instance(&t->stage, 0));
		stage_run(&t->stage, stage_second_ns);
	}
}

static uint64_t rows_in_chunks(struct instances *t)
{
	instance_store_flush(t->store, stage_instance(&t->stage, 0));
	stage_run(&t->stage, 10 * stage_ms_ns);
	return instance_store_counts(t->store).chunk_rows;
}

static void a_thinned_history_has_a_row_in_ten_seconds(void **state)
{
	struct instances t;
	(void)state;
	instances_init(&t, 1, FAKE_ALWAYS);
	run_seconds(&t, 50);
	assert_int_equal(rows_in_chunks(&t), 50);
	instance_store_thin(t.store, 10000);
	run_seconds(&t, 100);
	assert_int_equal(rows_in_chunks(&t), 60);
	assert_int_equal(instance_store_counts(t.store).rows_thinned, 90);
	instance_store_thin(t.store, 0);
	run_seconds(&t, 50);
	assert_int_equal(rows_in_chunks(&t), 110);
	assert_int_equal(instance_store_counts(t.store).rows_left_out, 0);
	instances_deinit(&t);
}

static void a_clock_that_was_set_back_thins_from_there(void **state)
{
	struct instances t;
	(void)state;
	instances_init(&t, 1, FAKE_ALWAYS);
	run_seconds(&t, 5);
	instance_store_thin(t.store, 10000);
	t.stage.wall_shift_ns -= 3600 * stage_second_ns;
	run_seconds(&t, 100);
	assert_in_range(rows_in_chunks(&t), 14, 16);
	instances_deinit(&t);
}

static size_t minutes_kept(struct instances *t, int64_t *oldest_ms)
{
	struct redis_reply *reply = STAGE_PEEK(&t->stage, STR("XRANGE"),
					       STR("instance_history:mt5-000"), STR("-"), STR("+"));
	size_t count = reply->count;
	struct stream_id id = { 0 };
	if (count)
		assert_int_equal(stream_id_parse(reply->items[0].items[0].text, &id), STATUS_OK);
	*oldest_ms = (int64_t)id.ms;
	fake_reply_free(reply);
	return count;
}

/* A chunk a minute, of one row. */
static void run_minutes(struct instances *t, int minutes)
{
	for (int i = 0; i < minutes; i++) {
		instances_set(t, 0, SAMPLE_mem, i, 0);
		instance_store_sample(t->store, stage_instance(&t->stage, 0));
		instance_store_flush(t->store, stage_instance(&t->stage, 0));
		stage_run(&t->stage, 60 * stage_second_ns);
	}
}

static void history_is_cut_at_once_and_kept_in_full_again(void **state)
{
	struct instances t;
	int64_t oldest_ms;
	(void)state;
	instances_init(&t, 1, FAKE_ALWAYS);
	run_minutes(&t, 10 * 60);
	assert_int_equal(minutes_kept(&t, &oldest_ms), 600);
	instance_store_keep(t.store, 6);
	instance_store_keep(t.store, 6);
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_in_range(minutes_kept(&t, &oldest_ms), 359, 361);
	assert_true(stage_wall_ms(&t.stage) - oldest_ms <= 6 * 3600000 + 2000);
	run_minutes(&t, 60);
	assert_in_range(minutes_kept(&t, &oldest_ms), 359, 361);
	instance_store_keep(t.store, 0);
	run_minutes(&t, 8 * 60);
	assert_in_range(minutes_kept(&t, &oldest_ms), 839, 841);
	instances_deinit(&t);
}

/* Nothing is added there, and what is old goes all the same; a refused cut comes again. */
static void on_a_server_that_refuses_writes_history_is_cut_all_the_same(void **state)
{
	struct instances t;
	int64_t oldest_ms;
	(void)state;
	instances_init(&t, 1, FAKE_ALWAYS);
	run_minutes(&t, 8 * 60);
	instance_store_keep(t.store, 6);
	t.stage.full_in = 1;
	t.stage.full_more = 20;
	stage_run(&t.stage, 60 * stage_second_ns);
	assert_in_range(minutes_kept(&t, &oldest_ms), 358, 361);
	stage_run(&t.stage, 3600 * stage_second_ns); /* silent: no chunk trims */
	assert_in_range(minutes_kept(&t, &oldest_ms), 298, 301);
	assert_in_range(instance_store_counts(t.store).cuts, 60, 64);
	instances_deinit(&t);
}

static void a_throttled_fleet_takes_half_and_newcomers_do(void **state)
{
	struct stage stage;
	(void)state;
	stage_init(&stage, 3, FAKE_ALWAYS);
	uint32_t rate = fleet_settings_default().rate;
	fleet_throttle(stage.fleet, true);
	fleet_throttle(stage.fleet, true);
	uint32_t added = stage_add(&stage, "mt5-900");
	for (uint32_t slot = 0; slot < 3; slot++)
		assert_int_equal(fleet_at(stage.fleet, slot)->rate, rate / 2);
	assert_int_equal(fleet_at(stage.fleet, added)->rate, rate / 2);
	assert_int_equal(fleet_counts(stage.fleet).actions[FLEET_THROTTLE], 4);
	struct fleet_settings settings = fleet_settings_default();
	settings.rate = 30;
	fleet_configure(stage.fleet, &settings);
	assert_int_equal(fleet_at(stage.fleet, 0)->rate, 15);
	fleet_throttle(stage.fleet, false);
	for (uint32_t slot = 0; slot < 3; slot++)
		assert_int_equal(fleet_at(stage.fleet, slot)->rate, 30);
	stage_deinit(&stage);
}

static bool is_under_way(void *ctx, uint64_t sid, struct str instance)
{
	(void)ctx, (void)sid, (void)instance;
	return true;
}

static void paused_steps_are_dropped_and_ends_are_not(void **state)
{
	const struct execution_store_hooks hooks = { is_under_way, NULL };
	struct execution_step step = { .sid = 7,
				       .instance = STR("mt5-000"),
				       .kind = DELIVERY_STEP_SENT,
				       .at_ms = 1784046190000 };
	struct stage stage;
	(void)state;
	stage_init(&stage, 1, FAKE_ALWAYS);
	struct execution_store *store =
	    execution_store_create(&stage.port, &stage.port, stage.timers, &stage.clock, &hooks);
	execution_store_start(store);
	execution_store_step(store, &step);
	execution_store_pause(store, true);
	step.sid = 8;
	execution_store_step(store, &step);
	stage_run(&stage, stage_second_ns);
	assert_int_equal(stage_exists(&stage, STR("trade_execution:7-mt5-000")), 1);
	assert_int_equal(stage_exists(&stage, STR("trade_execution:8-mt5-000")), 0);
	assert_int_equal(execution_store_counts(store).dropped, 1);
	execution_store_archived(store, 7, STR("mt5-000"));
	execution_store_pause(store, false);
	execution_store_step(store, &step);
	stage_run(&stage, stage_second_ns);
	assert_int_equal(stage_exists(&stage, STR("trade_execution:7-mt5-000")), 0);
	assert_int_equal(stage_exists(&stage, STR("trade_execution:8-mt5-000")), 1);
	fake_redis_abandon(stage.redis);
	execution_store_destroy(store);
	stage_deinit(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thinned_history_has_a_row_in_ten_seconds),
		cmocka_unit_test(a_clock_that_was_set_back_thins_from_there),
		cmocka_unit_test(history_is_cut_at_once_and_kept_in_full_again),
		cmocka_unit_test(on_a_server_that_refuses_writes_history_is_cut_all_the_same),
		cmocka_unit_test(a_throttled_fleet_takes_half_and_newcomers_do),
		cmocka_unit_test(paused_steps_are_dropped_and_ends_are_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
