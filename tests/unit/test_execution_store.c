/* Steps of deliveries in RLS, unknown outcomes in RTRS: what is under way, and nothing else,
 * whatever happens to the servers and to weir. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/execution_store.h"
#include "unit/store_stage.h"

enum { SIDS = 2000 };

/* Both kinds of keys go to one server here: they are told apart by their names. */
struct executions {
	struct stage stage;
	struct execution_store *store;
	bool under_way[SIDS];
};

static bool is_under_way(void *ctx, uint64_t sid, struct str instance)
{
	struct executions *t = ctx;
	assert_true(str_eq(instance, STR("mt5-017")));
	return sid < SIDS && t->under_way[sid];
}

static void on_connected(void *ctx)
{
	execution_store_reconnected(((struct executions *)ctx)->store);
}

static void open_store(struct executions *t)
{
	const struct execution_store_hooks hooks = { is_under_way, t };
	t->store = execution_store_create(&t->stage.port, &t->stage.port, t->stage.timers,
					  &t->stage.clock, &hooks);
	assert_non_null(t->store);
	t->stage.on_connected = on_connected;
	t->stage.ctx = t;
}

static void set_up(struct executions *t, enum fake_sync sync)
{
	memset(t->under_way, 0, sizeof t->under_way);
	stage_init(&t->stage, 1, sync);
	open_store(t);
	execution_store_start(t->store);
	stage_run(&t->stage, 3 * stage_second_ns);
}

static void tear_down(struct executions *t)
{
	t->stage.on_connected = NULL;
	fake_redis_abandon(t->stage.redis);
	execution_store_destroy(t->store);
	stage_deinit(&t->stage);
}

static void step(struct executions *t, uint64_t sid, enum delivery_step_kind kind, uint32_t sent,
		 const char *why)
{
	const struct execution_step what = { .sid = sid,
					     .instance = STR("mt5-017"),
					     .kind = kind,
					     .at_ms = stage_wall_ms(&t->stage),
					     .sent = sent,
					     .why = str_of(why) };
	t->under_way[sid] = true;
	execution_store_step(t->store, &what);
}

static void unknown(struct executions *t, uint64_t sid, uint32_t asked)
{
	const struct execution_unknown what = { .sid = sid,
						.instance = STR("mt5-017"),
						.id = STR("my-signal"),
						.since_ms = 1784046190000,
						.why = STR("connection"),
						.asked = asked };
	t->under_way[sid] = true;
	execution_store_unknown(t->store, &what);
}

static void archived(struct executions *t, uint64_t sid)
{
	t->under_way[sid] = false;
	execution_store_archived(t->store, sid, STR("mt5-017"));
}

static void field_is(struct executions *t, const char *key, const char *field, const char *value)
{
	char text[300];
	stage_field(&t->stage, str_of(key), str_of(field), text, sizeof text);
	assert_string_equal(text, value);
}

static size_t keys(struct executions *t)
{
	struct redis_reply *reply =
	    STAGE_PEEK(&t->stage, STR("SCAN"), STR("0"), STR("COUNT"), STR("100000"));
	size_t count = reply->items[1].count;
	fake_reply_free(reply);
	return count;
}

/* Only those that are under way have a hash. */
static void none_is_stale(struct executions *t)
{
	struct redis_reply *reply =
	    STAGE_PEEK(&t->stage, STR("SCAN"), STR("0"), STR("COUNT"), STR("100000"));
	for (size_t i = 0; i < reply->items[1].count; i++) {
		char key[80];
		unsigned sid;
		assert_int_equal(str_copy(reply->items[1].items[i].text, key, sizeof key), 0);
		assert_true(sscanf(key, "trade_execution:%u-mt5-017", &sid) == 1 ||
			    sscanf(key, "reconciliation:%u-mt5-017", &sid) == 1);
		if (!t->under_way[sid])
			fail_msg("%s is stale", key);
	}
	fake_reply_free(reply);
}

static void settle(struct executions *t) { stage_run(&t->stage, 5 * stage_ms_ns); }

/* ---- tests ---- */

static void test_steps_stand_with_their_times_until_the_end_is_archived(void **state)
{
	(void)state;
	static struct executions t;
	static const char key[] = "trade_execution:7-mt5-017";
	char text[32];
	set_up(&t, FAKE_ALWAYS);
	step(&t, 7, DELIVERY_STEP_TAKEN, 0, "");
	int64_t taken_ms = stage_wall_ms(&t.stage);
	settle(&t);
	step(&t, 7, DELIVERY_STEP_SENT, 1, "");
	settle(&t);
	field_is(&t, key, "st", "sent");
	field_is(&t, key, "ins", "mt5-017");
	step(&t, 7, DELIVERY_STEP_SENT, 2, "");
	int64_t sent_ms = stage_wall_ms(&t.stage);
	settle(&t);
	step(&t, 7, DELIVERY_STEP_UNKNOWN, 2, "connection");
	unknown(&t, 7, 1);
	unknown(&t, 7, 2);
	settle(&t);
	field_is(&t, key, "st", "unk");
	field_is(&t, key, "why", "connection");
	field_is(&t, "reconciliation:7-mt5-017", "id", "my-signal");
	field_is(&t, "reconciliation:7-mt5-017", "t", "1784046190000");
	field_is(&t, "reconciliation:7-mt5-017", "why", "connection");
	field_is(&t, "reconciliation:7-mt5-017", "n", "2");
	execution_store_matched(t.store, 7, STR("mt5-017"));
	step(&t, 7, DELIVERY_STEP_ENDED, 2, "No money");
	settle(&t);
	assert_int_equal(stage_exists(&t.stage, STR("reconciliation:7-mt5-017")), 0);
	field_is(&t, key, "st", "ended");
	field_is(&t, key, "try", "2");
	field_is(&t, key, "why", "No money");
	snprintf(text, sizeof text, "%lld", (long long)taken_ms);
	field_is(&t, key, "taken", text);
	snprintf(text, sizeof text, "%lld", (long long)sent_ms);
	field_is(&t, key, "sent", text);
	archived(&t, 7);
	settle(&t);
	assert_int_equal(keys(&t), 0);
	assert_int_equal(execution_store_counts(t.store).steps, 5);
	assert_int_equal(execution_store_counts(t.store).unknowns, 2);
	assert_int_equal(execution_store_counts(t.store).failed, 0);
	tear_down(&t);
}

static void test_no_terminal_no_hash(void **state)
{
	(void)state;
	static struct executions t;
	set_up(&t, FAKE_ALWAYS);
	const struct execution_step what = { .sid = 7, .kind = DELIVERY_STEP_ENDED };
	execution_store_step(t.store, &what);
	execution_store_archived(t.store, 7, STR(""));
	settle(&t);
	assert_int_equal(keys(&t), 0);
	assert_int_equal(execution_store_counts(t.store).steps, 0);
	tear_down(&t);
}

static void test_steps_while_the_server_is_away_are_dropped_and_counted(void **state)
{
	(void)state;
	static struct executions t;
	set_up(&t, FAKE_ALWAYS);
	step(&t, 1, DELIVERY_STEP_TAKEN, 0, "");
	step(&t, 2, DELIVERY_STEP_TAKEN, 0, "");
	settle(&t);
	fake_redis_kill(t.stage.redis);
	stage_run(&t.stage, 500 * stage_ms_ns);
	step(&t, 1, DELIVERY_STEP_SENT, 1, "");
	archived(&t, 2);
	stage_run(&t.stage, 2 * stage_second_ns);
	struct execution_store_counts counts = execution_store_counts(t.store);
	assert_int_equal(counts.dropped + counts.failed, 3); /* a step and two removals */
	stage_heal(&t.stage);
	settle(&t);
	assert_int_equal(keys(&t), 2);
	step(&t, 1, DELIVERY_STEP_CONFIRMED, 1, "");
	stage_run(&t.stage, 3 * stage_second_ns);
	field_is(&t, "trade_execution:1-mt5-017", "st", "confirmed");
	field_is(&t, "trade_execution:1-mt5-017", "sent", "");
	assert_int_equal(keys(&t), 1);
	none_is_stale(&t);
	assert_int_equal(execution_store_counts(t.store).swept, 1);
	tear_down(&t);
}

static void test_what_a_killed_weir_left_goes(void **state)
{
	(void)state;
	static struct executions t;
	set_up(&t, FAKE_ALWAYS);
	for (uint64_t sid = 1; sid < SIDS; sid++) {
		step(&t, sid, DELIVERY_STEP_TAKEN, 0, "");
		if (sid % 3 == 0)
			unknown(&t, sid, 1);
		if (sid % 100 == 0)
			settle(&t);
	}
	settle(&t);
	assert_int_equal(keys(&t), SIDS - 1 + (SIDS - 1) / 3);
	t.stage.on_connected = NULL;
	fake_redis_abandon(t.stage.redis);
	execution_store_destroy(t.store);
	stage_run(&t.stage, 300 * stage_ms_ns);
	fake_redis_on_connected(t.stage.redis, stage_connected, &t.stage);
	for (uint64_t sid = 1; sid < SIDS; sid++)
		t.under_way[sid] = sid % 10 == 0;
	open_store(&t);
	stage_run(&t.stage, 10 * stage_second_ns); /* not before it may */
	assert_int_equal(execution_store_counts(t.store).sweeps, 0);
	execution_store_start(t.store);
	t.stage.full_in = 4; /* one of its steps fails: it is done again */
	stage_run(&t.stage, 10 * stage_second_ns);
	assert_int_equal(execution_store_counts(t.store).sweeps, 2);
	/* A cursor of the simulated server is a place among the keys: what is removed moves
	 * others before it, which a real server's are not. */
	for (int i = 0; i < 6; i++) {
		execution_store_reconnected(t.store);
		stage_run(&t.stage, 3 * stage_second_ns);
	}
	none_is_stale(&t);
	assert_int_equal(keys(&t), 199 + 66);
	STAGE_DO(&t.stage, STR("SET"), STR("trade_execution:other"), STR("not ours to judge"));
	fake_redis_break(t.stage.redis);
	stage_run(&t.stage, 5 * stage_second_ns);
	assert_int_equal(stage_exists(&t.stage, STR("trade_execution:other")), 1);
	tear_down(&t);
}

static void test_a_slow_server_gets_no_more_than_its_bytes(void **state)
{
	(void)state;
	static struct executions t;
	set_up(&t, FAKE_ALWAYS);
	fake_redis_hang(t.stage.redis, true);
	uint64_t told = 0;
	while (!execution_store_counts(t.store).dropped && told < 100000)
		step(&t, told++ % SIDS, DELIVERY_STEP_SENT, 1, "");
	assert_in_range(told, 1000, 50000);
	assert_true(redis_pending_bytes(&t.stage.port) < EXECUTION_STORE_BYTES + 1000);
	tear_down(&t);
}

static void random_walk(uint64_t seed)
{
	static struct executions t;
	struct rng rng;
	rng_init(&rng, seed);
	set_up(&t, seed % 2 ? FAKE_EVERYSEC : FAKE_ALWAYS);
	for (int i = 0; i < 1500; i++) {
		uint64_t sid = rng_below(&rng, 60), what = rng_below(&rng, 100);
		if (what < 50)
			step(&t, sid, (enum delivery_step_kind)rng_below(&rng, 6), 1, "");
		else if (what < 60)
			unknown(&t, sid, 1);
		else if (what < 90)
			archived(&t, sid);
		else if (what == 90)
			fake_redis_kill(t.stage.redis);
		else if (what == 91)
			fake_redis_break(t.stage.redis);
		else if (what == 92)
			fake_redis_straggle(t.stage.redis, 200 * stage_ms_ns);
		else if (what == 93)
			fake_redis_fault(t.stage.redis, (enum fake_fault)rng_below(&rng, 5));
		else if (what == 94)
			t.stage.full_in = 1 + rng_below(&rng, 10);
		else
			stage_heal(&t.stage);
		stage_run(&t.stage, (int64_t)rng_below(&rng, 100) * stage_ms_ns);
	}
	stage_heal(&t.stage);
	stage_run(&t.stage, 8 * stage_second_ns);
	none_is_stale(&t);
	tear_down(&t);
}

static void test_nothing_stale_stays_whatever_happens(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		random_walk(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_stand_with_their_times_until_the_end_is_archived),
		cmocka_unit_test(test_no_terminal_no_hash),
		cmocka_unit_test(test_steps_while_the_server_is_away_are_dropped_and_counted),
		cmocka_unit_test(test_what_a_killed_weir_left_goes),
		cmocka_unit_test(test_a_slow_server_gets_no_more_than_its_bytes),
		cmocka_unit_test(test_nothing_stale_stays_whatever_happens),
	};
	return cmocka_run_group_tests_name("execution_store", tests, NULL, NULL);
}
