/* The fleet's stores on real servers that are killed, with and without the last second of
 * their files. Time is simulated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/account_stage.h"
#include "unit/instance_stage.h"
#include "unit/store_real.h"

enum { TERMINALS = 12, EVENTS_MAX = 4096 };

/* ---- instances ---- */

static struct sample_row_values given[TERMINALS][4096], back[8192];
static size_t given_count[TERMINALS];
static uint32_t event_count;

static void one_second(struct instances *t, struct real *real, struct rng *rng)
{
	for (uint32_t slot = 0; slot < TERMINALS; slot++) {
		struct instance *instance = stage_instance(&t->stage, slot);
		for (int n = 0; n < 24; n++)
			instances_set(t, slot, (enum sample)n, (int64_t)rng_below(rng, 100000), 2);
		instance_store_sample(t->store, instance);
		given[slot][given_count[slot]] = instance->latest;
		given[slot][given_count[slot]++].ms = stage_wall_ms(&t->stage);
		if (rng_below(rng, 8) == 0) {
			char number[16];
			snprintf(number, sizeof number, "%u", event_count++);
			instances_move(t, slot,
				       (enum instance_state)rng_below(rng, INSTANCE_STATES));
			instances_tell(t, slot, number);
		}
		real_run(real, stage_second_ns / TERMINALS);
	}
}

static void check_events(struct instances *t)
{
	bool seen[EVENTS_MAX] = { 0 };
	struct stream_id last = { 0 }, id;
	struct redis_reply *reply =
	    STAGE_PEEK(&t->stage, STR("XRANGE"), STR("instance_events"), STR("-"), STR("+"));
	assert_int_equal(reply->count, event_count);
	for (size_t i = 0; i < reply->count; i++) {
		int64_t number;
		assert_int_equal(stream_id_parse(reply->items[i].items[0].text, &id), STATUS_OK);
		assert_true(stream_id_cmp(id, last) > 0);
		last = id;
		assert_int_equal(str_to_i64(reply->items[i].items[1].items[11].text, &number),
				 STATUS_OK);
		assert_false(seen[number]);
		seen[number] = true;
	}
	fake_reply_free(reply);
}

static void check_rows(struct instances *t, uint32_t slot)
{
	struct key key;
	size_t count = 0;
	struct redis_reply *reply = STAGE_PEEK(
	    &t->stage, STR("XRANGE"),
	    key_instance_history(&key, str_of(stage_instance(&t->stage, slot)->identity.id)),
	    STR("-"), STR("+"));
	for (size_t i = 0; i < reply->count; i++) {
		struct samples_info info;
		assert_int_equal(
		    samples_read(reply->items[i].items[1].items[1].text, &info, back + count),
		    STATUS_OK);
		count += info.count;
	}
	fake_reply_free(reply);
	assert_int_equal(count, given_count[slot]);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(back[i].ms, given[slot][i].ms);
		assert_true(back[i].known == given[slot][i].known);
		for (int n = 0; n < 24; n++) {
			assert_int_equal(back[i].values[n].mantissa,
					 given[slot][i].values[n].mantissa);
			assert_int_equal(back[i].values[n].digits, 2);
		}
	}
}

static void test_instances_survive_the_deaths_of_their_server(void **state)
{
	(void)state;
	static struct instances t;
	struct real real;
	struct rng rng;
	rng_init(&rng, 11);
	stage_init(&t.stage, TERMINALS, FAKE_ALWAYS);
	real_init(&real, &t.stage);
	t.store = NULL;
	instances_open(&t);
	assert_int_equal((instance_store_restore(t.store, stage_restored, &t.stage),
			  real_settle(&real), t.stage.status),
			 STATUS_OK);
	t.stage.ended = 0;
	instance_store_start(t.store);
	for (int round = 0; round < 8; round++) {
		for (uint64_t s = 10 + rng_below(&rng, 12); s; s--)
			one_second(&t, &real, &rng);
		/* what was sent in this turn may be read, in part, or not */
		for (uint32_t slot = 0; slot < TERMINALS; slot++) {
			char number[16];
			snprintf(number, sizeof number, "%u", event_count++);
			instances_tell(&t, slot, number);
			instances_move(&t, slot,
				       (enum instance_state)rng_below(&rng, INSTANCE_STATES));
			instance_store_flush(t.store, stage_instance(&t.stage, slot));
		}
		if (round % 3)
			loop_turn(real.loop, 0);
		real_kill(&real, &rng, round % 2);
		real_run(&real, 3 * stage_second_ns);
		real_start(&real);
		real_run(&real, 4 * stage_second_ns);
		assert_true(instances_sets_are_right(&t));
		assert_true(instances_hashes_are_right(&t));
		check_events(&t);
	}
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		instance_store_flush(t.store, stage_instance(&t.stage, slot));
	real_run(&real, 2 * stage_second_ns);
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		check_rows(&t, slot);
	assert_int_equal(instance_store_counts(t.store).chunks_lost, 0);
	assert_true(real.lost_bytes > 10000);
	real_deinit(&real);
	instance_store_destroy(t.store);
	stage_deinit(&t.stage);
}

/* ---- the channel ---- */

static void test_subscribers_hear_events_as_json(void **state)
{
	(void)state;
	static struct instances t;
	struct real real;
	redisReply *reply;
	stage_init(&t.stage, 2, FAKE_ALWAYS);
	real_init(&real, &t.stage);
	t.store = NULL;
	instances_open(&t);
	instance_store_start(t.store);
	reply = redisCommand(real.context, "SUBSCRIBE instance_events");
	assert_non_null(reply);
	freeReplyObject(reply);
	char want[300];
	snprintf(
	    want, sizeof want,
	    "{\"id\":\"mt5-001\",\"ts\":%lld,\"event\":\"instance_degraded\",\"from\":\"RUNNING\","
	    "\"to\":\"DEGRADED\",\"reason\":\"cpu\",\"attempts\":2,\"repeat\":false}",
	    (long long)stage_wall_ms(&t.stage));
	instances_tell(&t, 1, "cpu");
	real_run(&real, 100 * stage_ms_ns);
	assert_int_equal(redisGetReply(real.context, (void **)&reply), REDIS_OK);
	assert_int_equal(reply->elements, 3);
	assert_string_equal(reply->element[0]->str, "message");
	assert_string_equal(reply->element[1]->str, "instance_events");
	assert_string_equal(reply->element[2]->str, want);
	freeReplyObject(reply);
	assert_int_equal(instance_store_counts(t.store).failed, 0);
	real_deinit(&real);
	instance_store_destroy(t.store);
	stage_deinit(&t.stage);
}

/* ---- accounts ---- */

static void trade(struct accounts *t, struct rng *rng)
{
	uint32_t slot = (uint32_t)rng_below(rng, TERMINALS);
	int ticket = 1 + (int)rng_below(rng, 40);
	bool held = positions_find(stage_instance(&t->stage, slot)->positions, (uint64_t)ticket);
	char line[256];
	if (!held)
		snprintf(
		    line, sizeof line,
		    "o 0 ev=new tk=%d id=%d sym=EURUSD sd=buy vol=0.%02d po=1.08512 pc=1.08514 "
		    "sl=1.08200 tp=1.08900 sw=-0.10 pl=%d.00 mg=7 sv=1785100000123",
		    ticket, ticket, ticket, ticket);
	else if (rng_below(rng, 3) == 0)
		snprintf(line, sizeof line, "o 0 ev=del tk=%d", ticket);
	else
		snprintf(line, sizeof line, "o 0 ev=mod tk=%d pc=1.%05d pl=-%d.%02d%s", ticket,
			 (int)rng_below(rng, 99999), (int)rng_below(rng, 100),
			 (int)rng_below(rng, 100), rng_below(rng, 3) ? "" : " sl=1.08300");
	accounts_position(t, slot, line);
}

static void test_accounts_survive_the_deaths_of_their_server(void **state)
{
	(void)state;
	static struct accounts t;
	struct real real;
	struct rng rng;
	rng_init(&rng, 12);
	t = (struct accounts){ 0 };
	stage_init(&t.stage, TERMINALS, FAKE_ALWAYS);
	accounts_name(&t);
	real_init(&real, &t.stage);
	accounts_open(&t);
	account_store_start(t.store);
	for (int round = 0; round < 8; round++) {
		for (int i = 0; i < 400; i++) {
			trade(&t, &rng);
			if (i % 10 == 0) {
				uint32_t slot = (uint32_t)rng_below(&rng, TERMINALS);
				accounts_account(&t, slot, (int64_t)rng_below(&rng, 1000000));
				accounts_quote(&t, slot,
					       "Q 0 sym=EURUSD bid=1.08510 ask=1.08514 st=open");
				real_run(&real, 100 * stage_ms_ns);
			}
		}
		if (round % 3)
			loop_turn(real.loop, 0);
		real_kill(&real, &rng, round % 2);
		for (int i = 0; i < 30; i++)
			trade(&t, &rng);
		real_run(&real, 3 * stage_second_ns);
		real_start(&real);
		real_run(&real, 4 * stage_second_ns);
		assert_true(accounts_are_right(&t));
		assert_int_equal(accounts_keys(&t, STR("broker_state:")), 2);
	}
	assert_true(real.lost_bytes > 10000);
	/* and weir dies: the positions have the same hash */
	uint64_t hashes[TERMINALS];
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		hashes[slot] = positions_hash(stage_instance(&t.stage, slot)->positions);
	account_store_destroy(t.store);
	fleet_destroy(t.stage.fleet);
	alerts_destroy(t.stage.alerts);
	stage_make_fleet(&t.stage, TERMINALS + 8);
	stage_add_many(&t.stage, TERMINALS);
	accounts_open(&t);
	t.stage.ended = 0;
	account_store_restore(t.store, stage_restored, &t.stage);
	real_settle(&real);
	assert_int_equal(t.stage.ended, 1);
	assert_int_equal(t.stage.status, STATUS_OK);
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		assert_true(positions_hash(stage_instance(&t.stage, slot)->positions) ==
			    hashes[slot]);
	real_deinit(&real);
	account_store_destroy(t.store);
	stage_deinit(&t.stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instances_survive_the_deaths_of_their_server),
		cmocka_unit_test(test_subscribers_hear_events_as_json),
		cmocka_unit_test(test_accounts_survive_the_deaths_of_their_server),
	};
	if (!fixture_has_redis())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
