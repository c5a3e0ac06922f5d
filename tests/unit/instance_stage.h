/* instance_stage.h - an instance store on a stage, and what RIS has to be: the sets, the
 * hashes, the stream of events, the rows of history. Include after cmocka.h. */
#pragma once

#include "store/instance_store.h"
#include "store/store_format.h"
#include "unit/store_stage.h"

static const int64_t day_ms = 86400000;

struct instances {
	struct stage stage;
	struct instance_store *store;
};

static inline void instances_connected(void *ctx)
{
	struct instances *t = ctx;
	if (t->store)
		instance_store_reconnected(t->store);
}

static inline void instances_open(struct instances *t)
{
	t->store =
	    instance_store_create(&t->stage.port, t->stage.fleet, t->stage.timers, &t->stage.clock);
	assert_non_null(t->store);
	t->stage.on_connected = instances_connected;
	t->stage.ctx = t;
}

/* With a store that is started, its first seconds over. */
static inline void instances_init(struct instances *t, uint32_t terminals, enum fake_sync sync)
{
	*t = (struct instances){ 0 };
	stage_init(&t->stage, terminals, sync);
	instances_open(t);
	instance_store_start(t->store);
	stage_run(&t->stage, 3105 * stage_ms_ns);
}

static inline void instances_deinit(struct instances *t)
{
	t->stage.on_connected = NULL;
	fake_redis_abandon(t->stage.redis);
	instance_store_destroy(t->store);
	stage_deinit(&t->stage);
}

/* weir is killed and started again: a new fleet of the same terminals, what was sent still
 * arrives. */
static inline void instances_restart(struct instances *t, uint32_t terminals)
{
	t->stage.on_connected = NULL;
	fake_redis_abandon(t->stage.redis);
	instance_store_destroy(t->store);
	t->store = NULL;
	fleet_destroy(t->stage.fleet);
	alerts_destroy(t->stage.alerts);
	stage_run(&t->stage, 300 * stage_ms_ns); /* connected again */
	fake_redis_on_connected(t->stage.redis, stage_connected, &t->stage);
	stage_make_fleet(&t->stage, terminals + 8);
	stage_add_many(&t->stage, terminals);
	instances_open(t);
}

static inline enum status instances_restore(struct instances *t)
{
	instance_store_restore(t->store, stage_restored, &t->stage);
	return stage_wait(&t->stage);
}

static inline enum status instances_drain(struct instances *t)
{
	instance_store_drain(t->store, stage_drained, &t->stage);
	return stage_wait(&t->stage);
}

/* ---- what happens to terminals ---- */

static inline void instances_move(struct instances *t, uint32_t slot, enum instance_state to)
{
	struct instance *instance = stage_instance(&t->stage, slot);
	enum instance_state from = instance->state;
	instance->state = to;
	instance->since_ms = stage_wall_ms(&t->stage);
	instance_store_moved(t->store, instance, from);
}

static inline void instances_set(struct instances *t, uint32_t slot, enum sample sample,
				 int64_t mantissa, uint8_t digits)
{
	struct instance *instance = stage_instance(&t->stage, slot);
	instance->latest.values[sample] = (struct number){ mantissa, digits };
	instance->latest.known |= UINT64_C(1) << sample;
	instance->heard_ms = stage_wall_ms(&t->stage);
}

static inline void instances_tell(struct instances *t, uint32_t slot, const char *reason)
{
	const struct fleet_event event = { .kind = FLEET_DEGRADED,
					   .instance = stage_instance(&t->stage, slot),
					   .from = INSTANCE_RUNNING,
					   .to = INSTANCE_DEGRADED,
					   .reason = reason,
					   .attempts = 2,
					   .ms = stage_wall_ms(&t->stage) };
	instance_store_event(t->store, &event);
}

/* ---- what RIS has to be ---- */

static inline bool instances_sets_are_right(struct instances *t)
{
	bool right = true;
	size_t members = 0, terminals = 0;
	for (enum instance_state state = 0; state < INSTANCE_STATES; state++) {
		struct key key;
		struct redis_reply *reply =
		    STAGE_PEEK(&t->stage, STR("SMEMBERS"),
			       key_instance_state(&key, str_of(instance_state_text(state))));
		members += reply->count;
		for (uint32_t slot = 0; slot < fleet_room(t->stage.fleet); slot++) {
			const struct instance *instance = fleet_at(t->stage.fleet, slot);
			if (!instance || instance->state != state)
				continue;
			terminals++;
			if (!stage_has(reply, str_of(instance->identity.id))) {
				print_error("%s is not in the set of %s\n", instance->identity.id,
					    instance_state_text(state));
				right = false;
			}
		}
		fake_reply_free(reply);
	}
	if (members != terminals)
		print_error("%zu members of the sets, %zu terminals\n", members, terminals);
	return right && members == terminals;
}

static inline void instances_expect(struct instances *t, const struct instance *instance,
				    struct expected *expected)
{
	char storage[96];
	struct buf flags = buf_over(storage, sizeof storage);
	(void)t;
	expected->count = expected->used = 0;
	instance_flags_put(&flags, instance->flags);
	expect_text(expected, "st", str_of(instance_state_text(instance->state)));
	expect_text(expected, "fl", buf_str(&flags));
	expect_i64(expected, "since", instance->since_ms);
	expect_text(expected, "hl", str_of(instance_health_text(instance->health)));
	expect_text(expected, "host", str_of(instance->identity.host));
	expect_text(expected, "srv", str_of(instance->server));
	expect_i64(expected, "login", instance->login);
	expect_text(expected, "cur", str_of(instance->currency));
	expect_i64(expected, "ep", instance->epoch_ms);
	expect_text(expected, "mode",
		    instance->flags & INSTANCE_HELD ? STR("manual") : STR("auto"));
	expect_i64(expected, "rst", instance->restarts);
	expect_i64(expected, "rcn", instance->reconnects);
	expect_i64(expected, "att", instance->attempts);
	expect_text(expected, "err", str_of(instance->reason));
	expect_i64(expected, "t", instance->heard_ms);
	expect_i64(expected, "sock", instance->connected);
	for (enum sample sample = 0; sample < SAMPLE_COUNT; sample++)
		if (instance->latest.known >> sample & 1 && sample != SAMPLE_rcn &&
		    sample != SAMPLE_att)
			expect_number(expected, sample_row(sample)->name,
				      instance->latest.values[sample]);
}

static inline bool instances_hashes_are_right(struct instances *t)
{
	static struct expected expected;
	bool right = true;
	for (uint32_t slot = 0; slot < fleet_room(t->stage.fleet); slot++) {
		const struct instance *instance = fleet_at(t->stage.fleet, slot);
		struct key key;
		if (!instance)
			continue;
		struct str name = key_instance(&key, str_of(instance->identity.id));
		instances_expect(t, instance, &expected);
		right &= stage_hash_is(&t->stage, name, &expected);
		int64_t ttl_ms = stage_integer(STAGE_PEEK(&t->stage, STR("PTTL"), name));
		right &= ttl_ms > day_ms - 1500 && ttl_ms <= day_ms;
	}
	return right;
}
