/* Terminals in RIS: one batch a second, the hash, the sets, whatever happens to the server
 * and to weir. Events and history have tests of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/instance_stage.h"

/* ---- a second ---- */

static void test_a_second_is_two_commands_and_writes_what_has_changed(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 20, FAKE_EVERYSEC);
	for (uint32_t slot = 0; slot < 20; slot++)
		for (enum sample sample = 0; sample < SAMPLE_COUNT; sample++)
			instances_set(&t, slot, sample, 100000 + sample, 2);
	stage_run(&t.stage, 1100 * stage_ms_ns);
	assert_true(instances_hashes_are_right(&t));
	for (uint32_t slot = 0; slot < 20; slot++)
		for (enum sample sample = 0; sample < 24; sample++)
			instances_set(&t, slot, sample, 200000 + sample, 2);
	t.stage.commands = t.stage.bytes = 0;
	uint64_t batches = instance_store_counts(t.store).batches;
	stage_run(&t.stage, stage_second_ns);
	assert_true(instances_hashes_are_right(&t));
	assert_int_equal(t.stage.commands, 20 * 2);
	assert_int_equal(instance_store_counts(t.store).batches - batches, 20);
	print_message("24 numbers changed: %d commands, %d bytes a terminal and second\n",
		      (int)t.stage.commands / 20, (int)t.stage.bytes / 20);
	assert_in_range(t.stage.bytes / 20, 24 * 8, 420);

	/* Nothing new: the TTL alone. */
	t.stage.commands = t.stage.bytes = 0;
	stage_run(&t.stage, stage_second_ns);
	assert_int_equal(t.stage.commands, 20);
	assert_true(t.stage.bytes / 20 < 40);
	assert_true(instances_hashes_are_right(&t));
	assert_int_equal(instance_store_counts(t.store).failed, 0);
	instances_deinit(&t);
}

static void test_seconds_are_spread_over_the_second(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 100, FAKE_EVERYSEC);
	for (int i = 0; i < 50; i++) {
		t.stage.commands = 0;
		stage_run(&t.stage, 20 * stage_ms_ns);
		assert_int_equal(t.stage.commands, 2); /* the TTLs of two terminals */
	}
	instances_deinit(&t);
}

static void test_a_late_timer_does_not_make_seconds_longer(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 1, FAKE_EVERYSEC);
	uint64_t batches = instance_store_counts(t.store).batches;
	for (int i = 0; i < 1000; i++) { /* the loop comes round each 30 ms only */
		t.stage.now_ns += 30 * stage_ms_ns;
		stage_run(&t.stage, 0);
	}
	assert_int_equal(instance_store_counts(t.store).batches - batches, 30);
	t.stage.now_ns += 3600 * stage_second_ns; /* and after a standstill it does not race */
	stage_run(&t.stage, stage_second_ns);
	assert_in_range(instance_store_counts(t.store).batches - batches, 31, 32);
	instances_deinit(&t);
}

static void test_a_number_that_is_not_known_any_more_leaves_the_hash(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 2, FAKE_EVERYSEC);
	instances_set(&t, 1, SAMPLE_bal, 334616, 2);
	instances_set(&t, 1, SAMPLE_x3, -5, 0);
	stage_run(&t.stage, 1100 * stage_ms_ns);
	stage_instance(&t.stage, 1)->latest.known &= ~(UINT64_C(1) << SAMPLE_x3);
	stage_run(&t.stage, 1100 * stage_ms_ns);
	assert_true(instances_hashes_are_right(&t));
	instances_deinit(&t);
}

static void test_texts_are_those_of_the_terminal_to_the_digit(void **state)
{
	(void)state;
	static const struct {
		int64_t mantissa;
		uint8_t digits;
		const char *text;
	} cases[] = {
		{ 0, 0, "0" },
		{ 0, 2, "0.00" },
		{ 5, 3, "0.005" },
		{ -5, 3, "-0.005" },
		{ -107429, 2, "-1074.29" },
		{ 334616, 2, "3346.16" },
		{ 1, 18, "0.000000000000000001" },
		{ INT64_MAX, 0, "9223372036854775807" },
		{ -INT64_MAX, 18, "-9.223372036854775807" },
		{ 1234500, 5, "12.34500" },
	};
	struct instances t;
	instances_init(&t, 1, FAKE_EVERYSEC);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[48];
		instances_set(&t, 0, SAMPLE_eq, cases[i].mantissa, cases[i].digits);
		stage_run(&t.stage, 1100 * stage_ms_ns);
		stage_field(&t.stage, STR("instance:mt5-000"), STR("eq"), text, sizeof text);
		assert_string_equal(text, cases[i].text);
	}
	instances_deinit(&t);
}

/* ---- moves ---- */

static void test_a_move_goes_out_at_once_in_one_transaction(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 3, FAKE_EVERYSEC);
	t.stage.commands = 0;
	instances_move(&t, 1, INSTANCE_RUNNING);
	assert_int_equal(t.stage.commands, 6); /* MULTI SREM SADD HSET EXPIRE EXEC */
	stage_run(&t.stage, stage_ms_ns);
	assert_true(instances_sets_are_right(&t));
	assert_true(instances_hashes_are_right(&t));

	/* Flags alone: the hash, at once. */
	t.stage.commands = 0;
	stage_instance(&t.stage, 1)->flags |= INSTANCE_HELD;
	instance_store_moved(t.store, stage_instance(&t.stage, 1), INSTANCE_RUNNING);
	assert_int_equal(t.stage.commands, 1);
	stage_run(&t.stage, stage_ms_ns);
	assert_true(instances_hashes_are_right(&t));
	instances_deinit(&t);
}

static void test_what_others_do_to_the_keys_is_put_right(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 6, FAKE_EVERYSEC);
	for (uint32_t slot = 0; slot < 6; slot++) {
		instances_move(&t, slot, (enum instance_state)slot);
		instances_set(&t, slot, SAMPLE_bal, 100 + slot, 2);
	}
	stage_run(&t.stage, 1100 * stage_ms_ns);
	/* one key and a field go, by eviction or by hand; another is no hash any more */
	STAGE_DO(&t.stage, STR("DEL"), STR("instance:mt5-000"));
	STAGE_DO(&t.stage, STR("DEL"), STR("instance:mt5-001"));
	STAGE_DO(&t.stage, STR("SET"), STR("instance:mt5-001"), STR("x"));
	instances_set(&t, 1, SAMPLE_bal, 200, 2);
	instances_set(&t, 4, SAMPLE_bal, 300, 2);
	stage_run(&t.stage, 2100 * stage_ms_ns);
	assert_true(instances_hashes_are_right(&t));
	/* everything goes */
	STAGE_DO(&t.stage, STR("FLUSHALL"));
	stage_run(&t.stage, 2100 * stage_ms_ns);
	assert_true(instances_hashes_are_right(&t));
	assert_true(instances_sets_are_right(&t));
	/* a set goes: found when one that was in it moves */
	STAGE_DO(&t.stage, STR("DEL"), STR("instance:state:STARTING"));
	instances_move(&t, 1, INSTANCE_FAILED);
	STAGE_DO(&t.stage, STR("SADD"), STR("instance:state:RUNNING"), STR("mt5-000"));
	instances_move(&t, 0, INSTANCE_STARTING);
	instances_move(&t, 0, INSTANCE_RUNNING);
	stage_run(&t.stage, 2100 * stage_ms_ns);
	assert_true(instances_sets_are_right(&t));
	/* a set that is none: found when somebody moves into it */
	STAGE_DO(&t.stage, STR("DEL"), STR("instance:state:RUNNING"));
	STAGE_DO(&t.stage, STR("SET"), STR("instance:state:RUNNING"), STR("x"));
	instances_move(&t, 3, INSTANCE_RUNNING);
	stage_run(&t.stage, 4100 * stage_ms_ns);
	assert_true(instances_sets_are_right(&t));
	assert_true(instances_hashes_are_right(&t));
	instances_deinit(&t);
}

static void test_a_transaction_that_does_not_fit_leaves_nothing_open(void **state)
{
	(void)state;
	/* the n-th of the six commands, and some behind it, find the port full */
	for (uint64_t n = 1; n <= 6; n++)
		for (uint64_t more = 0; more < 4; more++) {
			struct instances t;
			instances_init(&t, 2, FAKE_EVERYSEC);
			t.stage.full_in = n;
			t.stage.full_more = more;
			instances_move(&t, 0, INSTANCE_RUNNING);
			instances_move(&t, 1, INSTANCE_STARTING);
			stage_run(&t.stage, 2100 * stage_ms_ns);
			assert_true(instances_sets_are_right(&t));
			assert_true(instances_hashes_are_right(&t));
			assert_true(instance_store_counts(t.store).failed > 0);
			instances_deinit(&t);
		}
}

/* The connection breaks in each place of a move; what was not read of it reaches the server
 * a second and a half later, when it has long been told otherwise. */
static void test_what_straggles_does_not_stay(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 6; n++) {
		struct instances t;
		instances_init(&t, 2, FAKE_ALWAYS);
		fake_redis_straggle(t.stage.redis, 1500 * stage_ms_ns);
		fake_redis_cut(t.stage.redis, n, FAKE_CUT_BEFORE);
		instances_move(&t, 0, INSTANCE_RUNNING);
		stage_run(&t.stage, 300 * stage_ms_ns);
		instances_move(&t, 0, INSTANCE_FAILED);
		stage_run(&t.stage, 3500 * stage_ms_ns);
		assert_true(instances_sets_are_right(&t));
		assert_true(instances_hashes_are_right(&t));
		instances_deinit(&t);
	}
}

/* ---- any order of moves, failures and restarts ---- */

enum { TERMINALS = 12 };

static void random_change(struct instances *t, struct rng *rng)
{
	uint32_t slot = (uint32_t)rng_below(rng, fleet_room(t->stage.fleet));
	struct instance *instance = stage_instance(&t->stage, slot);
	if (!instance)
		return;
	switch (rng_below(rng, 6)) {
	case 0:
	case 1:
		instances_move(t, slot, (enum instance_state)rng_below(rng, INSTANCE_STATES));
		break;
	case 2:
		instance->flags ^= 1u << rng_below(rng, INSTANCE_FLAGS);
		instance->reconnects++;
		instance_store_moved(t->store, instance, instance->state);
		break;
	case 3:
		snprintf(instance->reason, sizeof instance->reason, "why %d",
			 (int)rng_below(rng, 1000));
		break; /* nobody says so: it is written in its second */
	case 4: instance->latest.known &= ~(UINT64_C(1) << rng_below(rng, SAMPLE_COUNT)); break;
	default:
		for (uint64_t n = rng_below(rng, 30); n > 0; n--)
			instances_set(t, slot, (enum sample)rng_below(rng, SAMPLE_COUNT),
				      (int64_t)rng_below(rng, 2000) - 1000,
				      (uint8_t)rng_below(rng, 6));
	}
}

static void random_fault(struct instances *t, struct rng *rng)
{
	struct fake_redis *redis = t->stage.redis;
	switch (rng_below(rng, 11)) {
	case 0: fake_redis_cut(redis, 1 + rng_below(rng, 40), FAKE_CUT_BEFORE); break;
	case 1: fake_redis_cut(redis, 1 + rng_below(rng, 40), FAKE_CUT_AFTER); break;
	case 2: fake_redis_break(redis); break;
	case 3: fake_redis_kill(redis); break;
	case 4: fake_redis_start(redis); break;
	case 5: fake_redis_hang(redis, rng_below(rng, 2)); break;
	case 6: fake_redis_fault(redis, (enum fake_fault)rng_below(rng, 5)); break;
	case 7: fake_redis_straggle(redis, (int64_t)rng_below(rng, 300) * stage_ms_ns); break;
	case 8:
		t->stage.full_in = 1 + rng_below(rng, 40);
		t->stage.full_more = rng_below(rng, 8);
		break;
	case 9: STAGE_DO(&t->stage, STR("FLUSHALL")); break;
	default: stage_heal(&t->stage);
	}
}

/* Out of the tokens file, and into it again. */
static void random_coming_and_going(struct instances *t, struct rng *rng)
{
	char id[16];
	snprintf(id, sizeof id, "mt5-%03d", (int)rng_below(rng, TERMINALS));
	uint32_t slot = fleet_find(t->stage.fleet, str_of(id));
	if (slot == FLEET_NONE) {
		stage_add(&t->stage, id);
		return;
	}
	instance_store_forget(t->store, stage_instance(&t->stage, slot));
	fleet_remove(t->stage.fleet, slot);
	if (rng_below(rng, 2))
		stage_add(&t->stage, id);
}

static void restart(struct instances *t)
{
	stage_heal(&t->stage);
	instances_restart(t, TERMINALS);
	assert_int_equal(instances_restore(t), STATUS_OK);
	instance_store_start(t->store);
}

static bool check_all(struct instances *t)
{
	stage_heal(&t->stage);
	stage_run(&t->stage, 3300 * stage_ms_ns); /* what was on its way times out, then a second */
	bool right = instances_sets_are_right(t);
	right &= instances_hashes_are_right(t);
	return right;
}

static void random_walk(uint64_t seed, enum fake_sync sync)
{
	struct instances t;
	struct rng rng;
	rng_init(&rng, seed);
	instances_init(&t, TERMINALS, sync);
	for (int step = 0; step < 400; step++) {
		uint64_t what = rng_below(&rng, 100);
		if (what < 60)
			random_change(&t, &rng);
		else if (what < 80)
			random_fault(&t, &rng);
		else if (what < 90)
			random_coming_and_going(&t, &rng);
		else if (what < 92)
			restart(&t);
		stage_run(&t.stage, (int64_t)rng_below(&rng, 300) * stage_ms_ns);
		if (step % 80 == 79 && !check_all(&t))
			fail_msg("seed %llu, step %d", (unsigned long long)seed, step);
	}
	instances_deinit(&t);
}

static void test_sets_and_hashes_are_right_after_anything(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 24; seed++)
		random_walk(seed, seed % 2 ? FAKE_EVERYSEC : FAKE_ALWAYS);
}

/* ---- restore ---- */

static void test_states_and_flags_come_back(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 6, FAKE_ALWAYS);
	for (uint32_t slot = 0; slot < 6; slot++) {
		struct instance *instance = stage_instance(&t.stage, slot);
		instance->flags = slot == 5 ? INSTANCE_HELD : slot == 2 ? INSTANCE_FLAPPING : 0;
		instance->attempts = slot;
		instance->restarts = 3;
		instance->reconnects = 7;
		instance->login = 90000000 + slot;
		instance->epoch_ms = 1784046185431;
		strcpy(instance->server, "FPMarketsSC-Live");
		strcpy(instance->currency, "USD");
		instance->heard_ms = stage_wall_ms(&t.stage);
		instances_move(&t, slot, (enum instance_state)slot);
	}
	stage_run(&t.stage, 1100 * stage_ms_ns);
	instances_restart(&t, 6);
	assert_int_equal(instances_restore(&t), STATUS_OK);
	for (uint32_t slot = 0; slot < 6; slot++) {
		const struct instance *instance = stage_instance(&t.stage, slot);
		assert_int_equal(instance->state, slot);
		assert_int_equal(instance->restarts, 3);
		assert_int_equal(instance->reconnects, 7);
		assert_int_equal(instance->login, 90000000 + slot);
		assert_int_equal(instance->epoch_ms, 1784046185431);
		assert_string_equal(instance->server, "FPMarketsSC-Live");
		assert_string_equal(instance->currency, "USD");
		if (slot)
			assert_int_equal(instance->attempts, slot);
	}
	assert_true(stage_instance(&t.stage, 5)->flags & INSTANCE_HELD);
	assert_true(stage_instance(&t.stage, 2)->flags & INSTANCE_FLAPPING);
	assert_false(stage_instance(&t.stage, 3)->flags & INSTANCE_HELD);
	assert_true(instances_sets_are_right(&t)); /* nothing moved meanwhile */
	instance_store_start(t.store);
	stage_run(&t.stage, 1100 * stage_ms_ns);
	assert_true(instances_sets_are_right(&t));
	assert_true(instances_hashes_are_right(&t));
	instances_deinit(&t);
}

static void test_unknown_terminals_leave_the_sets_and_damage_does_no_harm(void **state)
{
	(void)state;
	struct instances t;
	char id[40];
	instances_init(&t, 4, FAKE_ALWAYS);
	for (int i = 0; i < 40; i++) {
		snprintf(id, sizeof id, "gone-%d", i);
		STAGE_DO(&t.stage, STR("SADD"), STR("instance:state:RUNNING"), str_of(id));
	}
	STAGE_DO(&t.stage, STR("SADD"), STR("instance:state:FAILED"), STR("mt5-001")); /* in two */
	STAGE_DO(&t.stage, STR("DEL"), STR("instance:mt5-002"));
	STAGE_DO(&t.stage, STR("SET"), STR("instance:mt5-002"), STR("no hash"));
	STAGE_DO(&t.stage, STR("HSET"), STR("instance:mt5-003"), STR("st"), STR("DANCING"));
	STAGE_DO(&t.stage, STR("DEL"), STR("instance:state:STOPPED"));
	STAGE_DO(&t.stage, STR("SET"), STR("instance:state:STOPPED"), STR("no set"));
	STAGE_DO(&t.stage, STR("SET"), STR("instance_events"), STR("no stream"));
	instances_restart(&t, 4);
	assert_int_equal(instances_restore(&t), STATUS_OK);
	instance_store_start(t.store);
	instances_tell(&t, 1, "still told");
	stage_run(&t.stage, 4100 * stage_ms_ns);
	assert_true(instances_sets_are_right(&t));
	assert_true(instances_hashes_are_right(&t));
	assert_int_equal(stage_integer(STAGE_PEEK(&t.stage, STR("XLEN"), STR("instance_events"))),
			 1);
	instances_deinit(&t);
}

static void test_a_restore_without_a_server_fails_once(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 4, FAKE_ALWAYS);
	fake_redis_kill(t.stage.redis);
	instances_restart(&t, 4);
	assert_int_not_equal(instances_restore(&t), STATUS_OK);
	t.stage.full_in = 1;
	t.stage.full_more = 1000;
	instances_restart(&t, 4);
	instance_store_restore(t.store, stage_restored, &t.stage);
	assert_int_equal(t.stage.ended, 1); /* from inside the call */
	assert_int_equal(t.stage.status, STATUS_FULL);
	instances_deinit(&t);
}

/* ---- forget ---- */

static int64_t keys_left(struct instances *t, const char *id)
{
	struct key key;
	int64_t left = stage_exists(&t->stage, key_instance(&key, str_of(id))) +
		       stage_exists(&t->stage, key_instance_history(&key, str_of(id)));
	for (enum instance_state state = 0; state < INSTANCE_STATES; state++)
		left += stage_integer(STAGE_PEEK(
		    &t->stage, STR("SISMEMBER"),
		    key_instance_state(&key, str_of(instance_state_text(state))), str_of(id)));
	return left;
}

static void forget(struct instances *t, const char *id)
{
	uint32_t slot = fleet_find(t->stage.fleet, str_of(id));
	instance_store_sample(t->store, stage_instance(&t->stage, slot));
	instance_store_flush(t->store, stage_instance(&t->stage, slot));
	instance_store_forget(t->store, stage_instance(&t->stage, slot));
	fleet_remove(t->stage.fleet, slot);
}

static void test_forget_removes_all_keys(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 3, FAKE_ALWAYS);
	instance_store_sample(t.store, stage_instance(&t.stage, 1));
	instance_store_flush(t.store, stage_instance(&t.stage, 1));
	stage_run(&t.stage, 100 * stage_ms_ns);
	assert_int_equal(keys_left(&t, "mt5-001"), 3);
	forget(&t, "mt5-001");
	stage_run(&t.stage, 2000 * stage_ms_ns);
	assert_int_equal(keys_left(&t, "mt5-001"), 0);
	assert_true(instances_sets_are_right(&t));

	/* Not while the server is away, then as soon as it is back. */
	fake_redis_kill(t.stage.redis);
	stage_run(&t.stage, 500 * stage_ms_ns);
	forget(&t, "mt5-002");
	stage_run(&t.stage, 3000 * stage_ms_ns);
	stage_heal(&t.stage);
	stage_run(&t.stage, 3300 * stage_ms_ns);
	assert_int_equal(keys_left(&t, "mt5-002"), 0);
	assert_true(instances_sets_are_right(&t));
	instances_deinit(&t);
}

static void test_a_slot_is_used_again_while_replies_are_under_way(void **state)
{
	(void)state;
	/* the connection breaks at each command of what was under way for the old terminal */
	for (uint64_t n = 0; n <= 24; n++) {
		struct instances t;
		instances_init(&t, 1, FAKE_ALWAYS);
		instances_set(&t, 0, SAMPLE_bal, 100, 2);
		instances_set(&t, 0, SAMPLE_x0, 1, 0);
		fake_redis_cut(t.stage.redis, n, n % 2 ? FAKE_CUT_BEFORE : FAKE_CUT_AFTER);
		instances_move(&t, 0, INSTANCE_RUNNING);
		forget(&t, "mt5-000");
		uint32_t slot = stage_add(&t.stage, "other");
		assert_int_equal(slot, 0);
		instances_set(&t, 0, SAMPLE_bal, 500, 2);
		stage_run(&t.stage, 4100 * stage_ms_ns);
		assert_true(instances_sets_are_right(&t));
		assert_true(instances_hashes_are_right(&t));
		assert_int_equal(stage_exists(&t.stage, STR("instance_history:other")), 0);
		assert_int_equal(keys_left(&t, "mt5-000"), 0);
		instances_deinit(&t);
	}
}

/* ---- drain ---- */

static void test_a_drain_writes_everything_and_ends_once(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 5, FAKE_ALWAYS);
	for (uint32_t slot = 0; slot < 5; slot++) {
		instances_set(&t, slot, SAMPLE_bal, 1000 + slot, 2);
		instance_store_sample(t.store, stage_instance(&t.stage, slot));
	}
	for (int i = 0; i < 100; i++)
		instances_tell(&t, 0, "end");
	assert_int_equal(instances_drain(&t), STATUS_OK);
	assert_true(instances_hashes_are_right(&t));
	assert_int_equal(stage_integer(STAGE_PEEK(&t.stage, STR("XLEN"), STR("instance_events"))),
			 100);
	for (uint32_t slot = 0; slot < 5; slot++)
		assert_int_equal(keys_left(&t, stage_instance(&t.stage, slot)->identity.id), 3);
	/* nothing after it */
	t.stage.commands = 0;
	instances_move(&t, 2, INSTANCE_FAILED);
	instances_tell(&t, 2, "late");
	instance_store_sample(t.store, stage_instance(&t.stage, 2));
	instance_store_flush(t.store, stage_instance(&t.stage, 2));
	stage_run(&t.stage, 5 * stage_second_ns);
	assert_int_equal(t.stage.commands, 0);
	assert_int_equal(t.stage.ended, 0);
	instances_deinit(&t);
}

static void test_a_drain_that_cannot_write_says_so(void **state)
{
	(void)state;
	static const enum fake_fault faults[] = { FAKE_OOM, FAKE_READONLY, FAKE_MISCONF };
	for (size_t i = 0; i < ARRAY_LEN(faults) + 3; i++) {
		struct instances t;
		instances_init(&t, 5, FAKE_ALWAYS);
		instances_set(&t, 1, SAMPLE_bal, 1, 2);
		instance_store_sample(t.store, stage_instance(&t.stage, 1));
		instances_tell(&t, 0, "end");
		if (i < ARRAY_LEN(faults))
			fake_redis_fault(t.stage.redis, faults[i]);
		else if (i == ARRAY_LEN(faults))
			fake_redis_kill(t.stage.redis);
		else if (i == ARRAY_LEN(faults) + 1)
			fake_redis_hang(t.stage.redis, true);
		else
			t.stage.full_in = 1, t.stage.full_more = 100000;
		assert_int_not_equal(instances_drain(&t), STATUS_OK);
		instances_deinit(&t);
	}
}

static void test_a_drain_of_nothing_ends_inside_the_call(void **state)
{
	(void)state;
	struct instances t = { 0 };
	stage_init(&t.stage, 0, FAKE_ALWAYS);
	instances_open(&t);
	instance_store_drain(t.store, stage_drained, &t.stage);
	assert_int_equal(t.stage.ended, 1);
	assert_int_equal(t.stage.status, STATUS_OK);
	instances_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_second_is_two_commands_and_writes_what_has_changed),
		cmocka_unit_test(test_seconds_are_spread_over_the_second),
		cmocka_unit_test(test_a_late_timer_does_not_make_seconds_longer),
		cmocka_unit_test(test_a_number_that_is_not_known_any_more_leaves_the_hash),
		cmocka_unit_test(test_texts_are_those_of_the_terminal_to_the_digit),
		cmocka_unit_test(test_a_move_goes_out_at_once_in_one_transaction),
		cmocka_unit_test(test_what_others_do_to_the_keys_is_put_right),
		cmocka_unit_test(test_a_transaction_that_does_not_fit_leaves_nothing_open),
		cmocka_unit_test(test_what_straggles_does_not_stay),
		cmocka_unit_test(test_sets_and_hashes_are_right_after_anything),
		cmocka_unit_test(test_states_and_flags_come_back),
		cmocka_unit_test(test_unknown_terminals_leave_the_sets_and_damage_does_no_harm),
		cmocka_unit_test(test_a_restore_without_a_server_fails_once),
		cmocka_unit_test(test_forget_removes_all_keys),
		cmocka_unit_test(test_a_slot_is_used_again_while_replies_are_under_way),
		cmocka_unit_test(test_a_drain_writes_everything_and_ends_once),
		cmocka_unit_test(test_a_drain_that_cannot_write_says_so),
		cmocka_unit_test(test_a_drain_of_nothing_ends_inside_the_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
