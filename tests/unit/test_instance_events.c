/* Events of terminals: in the stream once each, in order, whatever happens to the server;
 * and on the channel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/instance_stage.h"

enum { EVENTS_KEY_BYTES = 16 };

static struct redis_reply *entries_of(struct instances *t)
{
	return STAGE_PEEK(&t->stage, STR("XRANGE"), STR("instance_events"), STR("-"), STR("+"));
}

static struct str field_of(const struct redis_reply *entry, const char *name)
{
	const struct redis_reply *fields = &entry->items[1];
	for (size_t i = 0; i + 1 < fields->count; i += 2)
		if (str_eq(fields->items[i].text, str_of(name)))
			return fields->items[i + 1].text;
	return (struct str){ 0 };
}

static int64_t length_of(struct instances *t)
{
	return stage_integer(STAGE_PEEK(&t->stage, STR("XLEN"), STR("instance_events")));
}

static void tell_number(struct instances *t, uint32_t number)
{
	char reason[EVENTS_KEY_BYTES];
	snprintf(reason, sizeof reason, "%u", number);
	instances_tell(t, number % 3, reason);
}

static uint32_t number_of_entry(const struct redis_reply *entry)
{
	int64_t number = -1;
	assert_int_equal(str_to_i64(field_of(entry, "reason"), &number), STATUS_OK);
	return (uint32_t)number;
}

static size_t messages_of(struct instances *t)
{
	return fake_db_messages(fake_redis_server(t->stage.redis)->db);
}

static struct str message_of(struct instances *t, size_t index)
{
	return fake_db_message(fake_redis_server(t->stage.redis)->db, index);
}

/* ---- what an event is ---- */

static void test_an_event_has_its_fields_and_its_time_is_its_id(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 3, FAKE_ALWAYS);
	int64_t ms = stage_wall_ms(&t.stage);
	struct fleet_event event = { .kind = FLEET_FAILED,
				     .instance = stage_instance(&t.stage, 2),
				     .from = INSTANCE_RECOVERING,
				     .to = INSTANCE_FAILED,
				     .reason = "exit \"-9\"\n\x01",
				     .attempts = 3,
				     .repeat = true,
				     .suppressed = true,
				     .ms = ms };
	instance_store_event(t.store, &event);
	event.reason = NULL;
	event.repeat = false;
	instance_store_event(t.store, &event);
	stage_run(&t.stage, 5 * stage_ms_ns);
	struct redis_reply *reply = entries_of(&t);
	assert_int_equal(reply->count, 2);
	for (size_t i = 0; i < 2; i++) {
		char id[40];
		snprintf(id, sizeof id, "%lld-%d", (long long)ms, (int)i);
		assert_true(str_eq(reply->items[i].items[0].text, str_of(id)));
		snprintf(id, sizeof id, "%lld", (long long)ms);
		assert_true(str_eq(field_of(&reply->items[i], "ts"), str_of(id)));
		assert_true(str_eq(field_of(&reply->items[i], "id"), STR("mt5-002")));
		assert_true(str_eq(field_of(&reply->items[i], "event"), STR("instance_failed")));
		assert_true(str_eq(field_of(&reply->items[i], "from"), STR("RECOVERING")));
		assert_true(str_eq(field_of(&reply->items[i], "to"), STR("FAILED")));
		assert_true(str_eq(field_of(&reply->items[i], "attempts"), STR("3")));
	}
	assert_true(str_eq(field_of(&reply->items[0], "reason"), STR("exit \"-9\"\n\x01")));
	assert_true(str_eq(field_of(&reply->items[0], "repeat"), STR("1")));
	assert_int_equal(reply->items[0].items[1].count, 16);
	assert_int_equal(reply->items[1].items[1].count, 14); /* no repeat */
	fake_reply_free(reply);

	char json[400];
	assert_int_equal(messages_of(&t), 2);
	snprintf(
	    json, sizeof json,
	    "{\"id\":\"mt5-002\",\"ts\":%lld,\"event\":\"instance_failed\","
	    "\"from\":\"RECOVERING\",\"to\":\"FAILED\",\"reason\":\"exit \\\"-9\\\"\\n\\u0001\","
	    "\"attempts\":3,\"repeat\":true}",
	    (long long)ms);
	assert_true(str_eq(message_of(&t, 0), str_of(json)));
	snprintf(json, sizeof json,
		 "{\"id\":\"mt5-002\",\"ts\":%lld,\"event\":\"instance_failed\","
		 "\"from\":\"RECOVERING\",\"to\":\"FAILED\",\"reason\":\"\","
		 "\"attempts\":3,\"repeat\":false}",
		 (long long)ms);
	assert_true(str_eq(message_of(&t, 1), str_of(json)));
	instances_deinit(&t);
}

static void test_the_longest_texts_fit(void **state)
{
	(void)state;
	struct instances t;
	char reason[200];
	instances_init(&t, 1, FAKE_ALWAYS);
	memset(reason, 1, sizeof reason - 1); /* six bytes each in JSON */
	reason[sizeof reason - 1] = 0;
	struct instance *instance = stage_instance(&t.stage, 0);
	memset(instance->identity.id, 1, INSTANCE_NAME_MAX);
	instances_tell(&t, 0, reason);
	stage_run(&t.stage, 5 * stage_ms_ns);
	assert_int_equal(length_of(&t), 1);
	assert_in_range(message_of(&t, 0).len, 6 * (INSTANCE_NAME_MAX + 127), 2048);
	strcpy(instance->identity.id, "mt5-000");
	instances_deinit(&t);
}

static void test_a_week_is_kept(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 3, FAKE_ALWAYS);
	for (uint32_t day = 0; day < 10; day++) {
		tell_number(&t, day);
		stage_run(&t.stage, 100 * stage_ms_ns);
		t.stage.wall_shift_ns += day_ms * stage_ms_ns;
	}
	struct redis_reply *reply = entries_of(&t);
	assert_int_equal(reply->count, 7); /* the eighth is a week and some ms old */
	assert_int_equal(number_of_entry(&reply->items[0]), 3);
	fake_reply_free(reply);
	instances_deinit(&t);
}

/* ---- every one once ---- */

enum { NUMBERS_MAX = 8192 };
enum order {
	IN_ORDER,
	ONCE,        /* what a killed server had lost stands behind what was told meanwhile */
	ONE_AT_MOST, /* weir was killed, with what it had not sent */
};

static bool check_stream(struct instances *t, uint32_t count, enum order order)
{
	static bool seen[NUMBERS_MAX];
	struct redis_reply *reply = entries_of(t);
	struct stream_id last = { 0 }, id;
	bool right = order == ONE_AT_MOST || reply->count == count;
	if (!right)
		print_error("%zu of %u events\n", reply->count, count);
	memset(seen, 0, sizeof seen);
	for (size_t i = 0; right && i < reply->count; i++) {
		uint32_t number = number_of_entry(&reply->items[i]);
		assert_true(number < NUMBERS_MAX);
		assert_int_equal(stream_id_parse(reply->items[i].items[0].text, &id), STATUS_OK);
		right &= stream_id_cmp(id, last) > 0 && !seen[number] &&
			 (order != IN_ORDER || number == i);
		if (!right)
			print_error("entry %zu is event %u\n", i, number);
		last = id;
		seen[number] = true;
	}
	fake_reply_free(reply);
	return right;
}

static void test_a_cut_at_any_command_loses_and_doubles_nothing(void **state)
{
	(void)state;
	for (int mode = 0; mode < 4; mode++)
		for (uint64_t n = 1; n <= 16; n++) {
			struct instances t;
			instances_init(&t, 3, FAKE_ALWAYS);
			if (mode == 2)
				fake_redis_straggle(t.stage.redis, 40 * stage_ms_ns);
			if (mode == 3)
				fake_redis_straggle(t.stage.redis, 150 * stage_ms_ns);
			fake_redis_cut(t.stage.redis, n,
				       mode == 1 ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
			for (uint32_t i = 0; i < 5; i++)
				tell_number(&t, i); /* one alone, then four together */
			stage_run(&t.stage, 3 * stage_second_ns);
			assert_true(check_stream(&t, 5, IN_ORDER));
			if (mode < 2)
				assert_int_equal(messages_of(&t), 5);
			assert_int_equal(instance_store_counts(t.store).events_lost, 0);
			instances_deinit(&t);
		}
}

static void test_events_wait_for_memory_in_their_order(void **state)
{
	(void)state;
	static const enum fake_fault faults[] = { FAKE_OOM, FAKE_READONLY, FAKE_MISCONF,
						  FAKE_NOPERM, FAKE_LOADING };
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct instances t;
		instances_init(&t, 3, FAKE_ALWAYS);
		tell_number(&t, 0);
		stage_run(&t.stage, 5 * stage_ms_ns);
		fake_redis_fault(t.stage.redis, faults[i]);
		for (uint32_t number = 1; number < 100; number++) {
			tell_number(&t, number);
			stage_run(&t.stage, 50 * stage_ms_ns);
			if (number % 10 == 0) /* now and then it takes something */
				fake_redis_fault(t.stage.redis,
						 number % 20 ? FAKE_HEALTHY : faults[i]);
		}
		fake_redis_fault(t.stage.redis, FAKE_HEALTHY);
		stage_run(&t.stage, 2 * stage_second_ns);
		assert_true(check_stream(&t, 100, IN_ORDER));
		instances_deinit(&t);
	}
}

static void test_what_a_killed_server_had_acknowledged_is_written_again(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 3, FAKE_EVERYSEC);
	for (uint32_t i = 0; i < 60; i++) {
		tell_number(&t, i);
		stage_run(&t.stage, 70 * stage_ms_ns);
		if (i % 20 == 19)
			fake_redis_kill(t.stage.redis);
		if (i % 20 == 9)
			fake_redis_start(t.stage.redis);
	}
	assert_true(fake_redis_counts(t.stage.redis).lost_commands > 10);
	stage_heal(&t.stage);
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_true(check_stream(&t, 60, ONCE));
	assert_int_equal(messages_of(&t), 60); /* those written again are not told again */
	instances_deinit(&t);
}

static void random_fault(struct instances *t, struct rng *rng)
{
	struct fake_redis *redis = t->stage.redis;
	switch (rng_below(rng, 10)) {
	case 0: fake_redis_cut(redis, 1 + rng_below(rng, 20), FAKE_CUT_BEFORE); break;
	case 1: fake_redis_cut(redis, 1 + rng_below(rng, 20), FAKE_CUT_AFTER); break;
	case 2: fake_redis_break(redis); break;
	case 3: fake_redis_kill(redis); break;
	case 4: fake_redis_start(redis); break;
	case 5: fake_redis_hang(redis, rng_below(rng, 2)); break;
	case 6: fake_redis_fault(redis, (enum fake_fault)rng_below(rng, 5)); break;
	case 7: fake_redis_straggle(redis, (int64_t)rng_below(rng, 400) * stage_ms_ns); break;
	case 8:
		t->stage.full_in = 1 + rng_below(rng, 20);
		t->stage.full_more = rng_below(rng, 8);
		break;
	default: stage_heal(&t->stage);
	}
}

/* restarts: weir is killed, with what it had not sent; then entries may be missing. */
static void random_events(uint64_t seed, enum fake_sync sync, bool restarts)
{
	struct instances t;
	struct rng rng;
	uint32_t count = 0;
	rng_init(&rng, seed);
	instances_init(&t, 3, sync);
	for (int step = 0; step < 300; step++) {
		uint64_t what = rng_below(&rng, 100);
		if (what < 70)
			for (uint64_t n = rng_below(&rng, 4) ? 1 : rng_below(&rng, 80); n; n--)
				tell_number(&t, count++);
		else if (what < 90)
			random_fault(&t, &rng);
		else if (what < 92)
			t.stage.wall_shift_ns +=
			    ((int64_t)rng_below(&rng, 7) - 3) * stage_second_ns;
		else if (what < 94 && restarts) {
			stage_heal(&t.stage);
			instances_restart(&t, 3);
			assert_int_equal(instances_restore(&t), STATUS_OK);
			instance_store_start(t.store);
		}
		stage_run(&t.stage, (int64_t)rng_below(&rng, 200) * stage_ms_ns);
	}
	stage_heal(&t.stage);
	stage_run(&t.stage, 8 * stage_second_ns);
	enum order order = restarts ? ONE_AT_MOST : sync == FAKE_ALWAYS ? IN_ORDER : ONCE;
	if (!check_stream(&t, count, order) ||
	    (!restarts && instance_store_counts(t.store).events_lost))
		fail_msg("seed %llu", (unsigned long long)seed);
	instances_deinit(&t);
}

static void test_every_event_is_there_once_after_anything(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 15; seed++)
		random_events(seed, seed % 2 ? FAKE_EVERYSEC : FAKE_ALWAYS, seed % 5 == 0);
}

/* ---- bounds, strangers, clocks ---- */

static void test_the_oldest_go_when_too_many_wait(void **state)
{
	(void)state;
	struct instances t;
	enum { MORE = 904 };
	instances_init(&t, 3, FAKE_ALWAYS);
	tell_number(&t, 0); /* on the wire when the server goes */
	fake_redis_kill(t.stage.redis);
	for (uint32_t i = 1; i < INSTANCE_STORE_EVENTS_MAX + MORE; i++)
		tell_number(&t, i);
	assert_int_equal(instance_store_counts(t.store).events, INSTANCE_STORE_EVENTS_MAX + MORE);
	assert_int_equal(instance_store_counts(t.store).events_lost, MORE);
	stage_run(&t.stage, 3 * stage_second_ns);
	stage_heal(&t.stage);
	stage_run(&t.stage, 5 * stage_second_ns);
	struct redis_reply *reply = entries_of(&t);
	assert_int_equal(reply->count, INSTANCE_STORE_EVENTS_MAX);
	for (size_t i = 0; i < reply->count; i++)
		assert_int_equal(number_of_entry(&reply->items[i]), MORE + i);
	fake_reply_free(reply);
	instances_deinit(&t);
}

/* While a transaction is on the wire those behind it go first. */
static void test_what_is_on_the_wire_is_not_dropped(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 3, FAKE_ALWAYS);
	fake_redis_hang(t.stage.redis, true);
	for (uint32_t i = 0; i < INSTANCE_STORE_EVENTS_MAX + 100; i++)
		tell_number(&t, i);
	fake_redis_hang(t.stage.redis, false);
	stage_run(&t.stage, 5 * stage_second_ns);
	assert_int_equal(instance_store_counts(t.store).events_lost, 100);
	assert_int_equal(length_of(&t), INSTANCE_STORE_EVENTS_MAX);
	struct redis_reply *reply = entries_of(&t);
	assert_int_equal(number_of_entry(&reply->items[0]), 0);
	assert_int_equal(number_of_entry(&reply->items[1]), 101);
	fake_reply_free(reply);
	/* those that are written make room without a loss */
	for (uint32_t i = 0; i < 3000; i++)
		tell_number(&t, 10000 + i);
	stage_run(&t.stage, stage_second_ns);
	assert_int_equal(instance_store_counts(t.store).events_lost, 100);
	instances_deinit(&t);
}

static void test_a_stranger_in_the_stream_does_not_swallow_events(void **state)
{
	(void)state;
	struct instances t;
	char id[40];
	instances_init(&t, 3, FAKE_ALWAYS);
	tell_number(&t, 0);
	stage_run(&t.stage, 5 * stage_ms_ns);
	/* an entry of the next hour, and of the very ms of our next one */
	snprintf(id, sizeof id, "%lld-0", (long long)stage_wall_ms(&t.stage) + 1000);
	STAGE_DO(&t.stage, STR("XADD"), STR("instance_events"), str_of(id), STR("id"),
		 STR("mt5-001"), STR("ts"), STR("5"), STR("event"), STR("instance_degraded"),
		 STR("reason"), STR("1"));
	stage_run(&t.stage, 1000 * stage_ms_ns);
	tell_number(&t, 1);
	stage_run(&t.stage, 2 * stage_second_ns);
	snprintf(id, sizeof id, "%lld-0", (long long)stage_wall_ms(&t.stage) + 3600000);
	STAGE_DO(&t.stage, STR("XADD"), STR("instance_events"), str_of(id), STR("reason"),
		 STR("2"));
	tell_number(&t, 2);
	tell_number(&t, 3);
	stage_run(&t.stage, 2 * stage_second_ns);
	/* one that was removed: only the stream's own memory knows of its id */
	snprintf(id, sizeof id, "%lld-0", (long long)stage_wall_ms(&t.stage) + 7200000);
	STAGE_DO(&t.stage, STR("XADD"), STR("instance_events"), str_of(id), STR("reason"),
		 STR("4"));
	STAGE_DO(&t.stage, STR("XDEL"), STR("instance_events"), str_of(id));
	tell_number(&t, 4);
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_int_equal(length_of(&t), 5 + 2);
	instances_deinit(&t);
}

static void test_a_clock_that_was_set_back_keeps_the_order(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 3, FAKE_ALWAYS);
	tell_number(&t, 0);
	stage_run(&t.stage, 100 * stage_ms_ns);
	t.stage.wall_shift_ns -= 3600 * stage_second_ns;
	tell_number(&t, 1);
	stage_run(&t.stage, 100 * stage_ms_ns);
	instances_restart(&t, 3); /* the newest id is that of the stream, not of the clock */
	assert_int_equal(instances_restore(&t), STATUS_OK);
	instance_store_start(t.store);
	t.stage.wall_shift_ns -= 3600 * stage_second_ns;
	tell_number(&t, 2);
	stage_run(&t.stage, 100 * stage_ms_ns);
	assert_true(check_stream(&t, 3, IN_ORDER));
	assert_int_equal(instance_store_counts(t.store).failed, 0);
	instances_deinit(&t);
}

static void test_events_told_before_the_start_wait_for_it(void **state)
{
	(void)state;
	struct instances t = { 0 };
	stage_init(&t.stage, 3, FAKE_ALWAYS);
	instances_open(&t);
	tell_number(&t, 0);
	stage_run(&t.stage, stage_second_ns);
	assert_int_equal(length_of(&t), 0);
	instance_store_start(t.store);
	stage_run(&t.stage, 5 * stage_ms_ns);
	assert_int_equal(length_of(&t), 1);
	instances_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_event_has_its_fields_and_its_time_is_its_id),
		cmocka_unit_test(test_the_longest_texts_fit),
		cmocka_unit_test(test_a_week_is_kept),
		cmocka_unit_test(test_a_cut_at_any_command_loses_and_doubles_nothing),
		cmocka_unit_test(test_events_wait_for_memory_in_their_order),
		cmocka_unit_test(test_what_a_killed_server_had_acknowledged_is_written_again),
		cmocka_unit_test(test_every_event_is_there_once_after_anything),
		cmocka_unit_test(test_the_oldest_go_when_too_many_wait),
		cmocka_unit_test(test_what_is_on_the_wire_is_not_dropped),
		cmocka_unit_test(test_a_stranger_in_the_stream_does_not_swallow_events),
		cmocka_unit_test(test_a_clock_that_was_set_back_keeps_the_order),
		cmocka_unit_test(test_events_told_before_the_start_wait_for_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
