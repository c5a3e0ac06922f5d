/* A terminal's history: every row is in the stream once, as it was; a chunk a minute; 24 h
 * of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/instance_stage.h"

enum { ROWS_MAX = 100000, TERMINALS = 4 };

/* What was given to the store, of one terminal. */
struct rows {
	struct sample_row_values *rows;
	size_t count;
};

static struct sample_row_values read_rows[ROWS_MAX];

static void rows_init(struct rows rows[TERMINALS])
{
	for (int i = 0; i < TERMINALS; i++)
		rows[i] = (struct rows){ calloc(ROWS_MAX / TERMINALS, sizeof rows[i].rows[0]), 0 };
}

static void rows_deinit(struct rows rows[TERMINALS])
{
	for (int i = 0; i < TERMINALS; i++)
		free(rows[i].rows);
}

/* A state frame: some numbers move, some come and go, some change their digits. */
static void give_row(struct instances *t, struct rows *rows, uint32_t slot, struct rng *rng)
{
	struct instance *instance = stage_instance(&t->stage, slot);
	for (int n = 0; n < 24; n++)
		instances_set(t, slot, (enum sample)(n * 2 + rng_below(rng, 2)),
			      (int64_t)rng_below(rng, 2000) - 1000, (uint8_t)(n % 4));
	if (rng_below(rng, 20) == 0)
		instances_set(t, slot, SAMPLE_ml, (int64_t)rng_next(rng) / 3,
			      (uint8_t)rng_below(rng, 18));
	if (rng_below(rng, 20) == 0)
		instance->latest.known ^= UINT64_C(1) << (48 + rng_below(rng, 16));
	uint64_t left_out = instance_store_counts(t->store).rows_left_out;
	instance_store_sample(t->store, instance);
	if (instance_store_counts(t->store).rows_left_out != left_out || !rows)
		return;
	assert_true(rows->count < ROWS_MAX / TERMINALS);
	rows->rows[rows->count] = instance->latest;
	rows->rows[rows->count++].ms = stage_wall_ms(&t->stage);
}

static struct redis_reply *chunks_of(struct instances *t, uint32_t slot)
{
	struct key key;
	return STAGE_PEEK(
	    &t->stage, STR("XRANGE"),
	    key_instance_history(&key, str_of(stage_instance(&t->stage, slot)->identity.id)),
	    STR("-"), STR("+"));
}

static struct stream_id id_of(const struct redis_reply *entry)
{
	struct stream_id id;
	assert_int_equal(stream_id_parse(entry->items[0].text, &id), STATUS_OK);
	return id;
}

/* All rows of the stream, in its order. */
static size_t read_all(struct instances *t, uint32_t slot)
{
	struct redis_reply *reply = chunks_of(t, slot);
	size_t count = 0;
	for (size_t i = 0; i < reply->count; i++) {
		const struct redis_reply *fields = &reply->items[i].items[1];
		struct samples_info info;
		assert_int_equal(fields->count, 2);
		assert_true(str_eq(fields->items[0].text, STR("c")));
		assert_true(count + SAMPLES_ROWS_MAX <= ROWS_MAX);
		assert_int_equal(samples_read(fields->items[1].text, &info, read_rows + count),
				 STATUS_OK);
		count += info.count;
	}
	fake_reply_free(reply);
	return count;
}

static bool is_same(const struct sample_row_values *a, const struct sample_row_values *b)
{
	if (a->ms != b->ms || a->known != b->known)
		return false;
	for (uint64_t rest = a->known; rest; rest &= rest - 1) {
		int i = __builtin_ctzll(rest);
		if (a->values[i].mantissa != b->values[i].mantissa ||
		    a->values[i].digits != b->values[i].digits)
			return false;
	}
	return true;
}

/* Those that are there are there once, as they were, in their order; how many are not. */
static size_t missing(struct instances *t, const struct rows *rows, uint32_t slot)
{
	size_t count = read_all(t, slot), next = 0, gone = 0;
	for (size_t i = 0; i < count; i++) {
		while (next < rows->count && !is_same(&rows->rows[next], &read_rows[i])) {
			next++;
			gone++;
		}
		assert_true(next < rows->count);
		next++;
	}
	return gone + rows->count - next;
}

static void run_seconds(struct instances *t, struct rows *rows, struct rng *rng, int seconds)
{
	for (int s = 0; s < seconds; s++)
		for (uint32_t slot = 0; slot < TERMINALS; slot++) {
			give_row(t, rows ? &rows[slot] : NULL, slot, rng);
			stage_run(&t->stage, stage_second_ns / TERMINALS);
		}
}

static void start(struct instances *t, struct rows rows[TERMINALS], struct rng *rng,
		  enum fake_sync sync)
{
	rng_init(rng, 7);
	rows_init(rows);
	instances_init(t, TERMINALS, sync);
}

static void end(struct instances *t, struct rows rows[TERMINALS])
{
	instances_deinit(t);
	rows_deinit(rows);
}

/* ---- */

static void test_rows_come_back_equal_in_a_chunk_a_minute(void **state)
{
	(void)state;
	struct instances t;
	struct rows rows[TERMINALS];
	struct rng rng;
	start(&t, rows, &rng, FAKE_ALWAYS);
	run_seconds(&t, rows, &rng, 600);
	for (uint32_t slot = 0; slot < TERMINALS; slot++) {
		struct redis_reply *reply = chunks_of(&t, slot);
		assert_in_range(reply->count, 9, 11);
		for (size_t i = 0; i < reply->count; i++) {
			struct samples_info info;
			assert_int_equal(
			    samples_info_read(reply->items[i].items[1].items[1].text, &info),
			    STATUS_OK);
			/* its minute begins at its own second */
			int64_t offset_ms = (int64_t)slot * 1000;
			assert_int_equal((info.first_ms - offset_ms) / 60000,
					 (info.last_ms - offset_ms) / 60000);
			assert_int_equal(id_of(&reply->items[i]).ms, info.first_ms);
			assert_int_equal(id_of(&reply->items[i]).seq, 0);
			if (i > 0)
				assert_int_equal(info.count, 60);
		}
		fake_reply_free(reply);
		assert_in_range(missing(&t, &rows[slot], slot), 1, 60); /* the open minute */
		instance_store_flush(t.store, stage_instance(&t.stage, slot));
	}
	stage_run(&t.stage, 10 * stage_ms_ns);
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		assert_int_equal(missing(&t, &rows[slot], slot), 0);
	struct instance_store_counts counts = instance_store_counts(t.store);
	assert_int_equal(counts.chunk_rows, TERMINALS * 600);
	assert_int_equal(counts.chunks_lost + counts.rows_left_out + counts.failed, 0);
	int64_t ttl_ms =
	    stage_integer(STAGE_PEEK(&t.stage, STR("PTTL"), STR("instance_history:mt5-001")));
	assert_in_range(ttl_ms, day_ms - 1000, day_ms);
	end(&t, rows);
}

static void test_chunks_of_a_day_are_kept_exactly(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 1, FAKE_ALWAYS);
	int64_t first_ms = stage_wall_ms(&t.stage);
	for (int i = 0; i < 26 * 60; i++) {
		instances_set(&t, 0, SAMPLE_mem, i, 0);
		instance_store_sample(t.store, stage_instance(&t.stage, 0));
		instance_store_flush(t.store, stage_instance(&t.stage, 0));
		stage_run(&t.stage, 60 * stage_second_ns);
	}
	struct redis_reply *reply = chunks_of(&t, 0);
	assert_int_equal(reply->count, 24 * 60 + 1); /* the newest, and a day before it */
	assert_int_equal(id_of(&reply->items[0]).ms, first_ms + (2 * 60 - 1) * 60000);
	assert_int_equal(id_of(&reply->items[reply->count - 1]).ms - id_of(&reply->items[0]).ms,
			 day_ms);
	fake_reply_free(reply);
	instances_deinit(&t);
}

static void test_rows_too_close_are_left_out(void **state)
{
	(void)state;
	struct instances t;
	instances_init(&t, 1, FAKE_ALWAYS);
	for (int i = 0; i < 100; i++) { /* a flood: 100 in a second */
		instance_store_sample(t.store, stage_instance(&t.stage, 0));
		stage_run(&t.stage, 10 * stage_ms_ns);
	}
	instance_store_flush(t.store, stage_instance(&t.stage, 0));
	stage_run(&t.stage, 10 * stage_ms_ns);
	assert_int_equal(read_all(&t, 0), 4);
	assert_int_equal(instance_store_counts(t.store).rows_left_out, 96);
	instances_deinit(&t);
}

static void test_rows_that_jump_close_their_chunk_early(void **state)
{
	(void)state;
	struct instances t;
	struct rng rng;
	rng_init(&rng, 3);
	instances_init(&t, 1, FAKE_ALWAYS);
	for (int i = 0; i < 120; i++) {
		for (enum sample sample = 0; sample < SAMPLE_COUNT; sample++)
			instances_set(&t, 0, sample, (int64_t)rng_next(&rng) / 2, 4);
		instance_store_sample(t.store, stage_instance(&t.stage, 0));
		stage_run(&t.stage, stage_second_ns);
	}
	instance_store_flush(t.store, stage_instance(&t.stage, 0));
	stage_run(&t.stage, 10 * stage_ms_ns);
	assert_int_equal(read_all(&t, 0), 120);
	assert_true(instance_store_counts(t.store).chunks > 6);
	assert_int_equal(instance_store_counts(t.store).chunks_lost, 0);
	instances_deinit(&t);
}

/* ---- faults ---- */

static void test_a_chunk_is_there_once_however_its_sending_is_cut(void **state)
{
	(void)state;
	for (int mode = 0; mode < 4; mode++)
		for (uint64_t n = 1; n <= 10; n++) {
			struct instances t;
			struct rows rows[TERMINALS];
			struct rng rng;
			start(&t, rows, &rng, FAKE_ALWAYS);
			run_seconds(&t, rows, &rng, 5);
			if (mode >= 2)
				fake_redis_straggle(t.stage.redis,
						    (mode == 2 ? 40 : 400) * stage_ms_ns);
			fake_redis_cut(t.stage.redis, n,
				       mode == 1 ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
			for (uint32_t slot = 0; slot < TERMINALS; slot++)
				instance_store_flush(t.store, stage_instance(&t.stage, slot));
			stage_run(&t.stage, 4 * stage_second_ns);
			for (uint32_t slot = 0; slot < TERMINALS; slot++)
				assert_int_equal(missing(&t, &rows[slot], slot), 0);
			assert_int_equal(instance_store_counts(t.store).chunks_lost, 0);
			end(&t, rows);
		}
}

static void test_the_older_chunk_goes_while_the_server_is_away(void **state)
{
	(void)state;
	struct instances t;
	struct rows rows[TERMINALS];
	struct rng rng;
	start(&t, rows, &rng, FAKE_ALWAYS);
	run_seconds(&t, rows, &rng, 130);
	fake_redis_kill(t.stage.redis);
	run_seconds(&t, rows, &rng, 300);
	stage_heal(&t.stage);
	run_seconds(&t, rows, &rng, 60);
	struct instance_store_counts counts = instance_store_counts(t.store);
	assert_in_range(counts.chunks_lost, 4 * TERMINALS, 5 * TERMINALS);
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		instance_store_flush(t.store, stage_instance(&t.stage, slot));
	stage_run(&t.stage, 2 * stage_second_ns);
	size_t gone = 0;
	for (uint32_t slot = 0; slot < TERMINALS; slot++) {
		gone += missing(&t, &rows[slot], slot);
		struct redis_reply *reply = chunks_of(&t, slot);
		assert_true(reply->count > 3);
		fake_reply_free(reply);
	}
	assert_int_equal(gone, counts.chunks_lost * 60);
	end(&t, rows);
}

static void test_chunks_that_a_killed_server_had_acknowledged_are_written_again(void **state)
{
	(void)state;
	struct instances t;
	struct rows rows[TERMINALS];
	struct rng rng;
	start(&t, rows, &rng, FAKE_EVERYSEC);
	/* the minutes of the four end in its seconds 0 to 3 */
	for (int round = 0; round < 24; round++) {
		int64_t now_ms = stage_wall_ms(&t.stage) % 60000;
		run_seconds(&t, rows, &rng, (int)(60 - now_ms / 1000));
		stage_run(&t.stage, (int64_t)(170 * round + 1) * stage_ms_ns);
		fake_redis_kill(t.stage.redis);
		stage_run(&t.stage, (int64_t)rng_below(&rng, 9000) * stage_ms_ns);
		stage_heal(&t.stage);
	}
	assert_true(fake_redis_counts(t.stage.redis).lost_commands > 100);
	run_seconds(&t, rows, &rng, 61);
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		instance_store_flush(t.store, stage_instance(&t.stage, slot));
	stage_run(&t.stage, 2 * stage_second_ns);
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		assert_int_equal(missing(&t, &rows[slot], slot), 0);
	assert_int_equal(instance_store_counts(t.store).chunks_lost, 0);
	end(&t, rows);
}

static void random_fault(struct instances *t, struct rng *rng)
{
	struct fake_redis *redis = t->stage.redis;
	switch (rng_below(rng, 9)) {
	case 0: fake_redis_cut(redis, 1 + rng_below(rng, 30), FAKE_CUT_BEFORE); break;
	case 1: fake_redis_cut(redis, 1 + rng_below(rng, 30), FAKE_CUT_AFTER); break;
	case 2: fake_redis_break(redis); break;
	case 3: fake_redis_kill(redis); break;
	case 4: fake_redis_hang(redis, rng_below(rng, 2)); break;
	case 5: fake_redis_fault(redis, (enum fake_fault)rng_below(rng, 5)); break;
	case 6: fake_redis_straggle(redis, (int64_t)rng_below(rng, 900) * stage_ms_ns); break;
	case 7:
		t->stage.full_in = 1 + rng_below(rng, 20);
		t->stage.full_more = rng_below(rng, 8);
		break;
	default: stage_heal(&t->stage);
	}
}

/* Faults, none longer than half a minute: nothing is lost, nothing doubled. */
static void random_history(uint64_t seed, enum fake_sync sync)
{
	struct instances t;
	struct rows rows[TERMINALS];
	struct rng rng;
	start(&t, rows, &rng, sync);
	rng_init(&rng, seed);
	for (int step = 0; step < 60; step++) {
		random_fault(&t, &rng);
		run_seconds(&t, rows, &rng, (int)rng_below(&rng, 8));
		if (rng_below(&rng, 8) == 0)
			instance_store_flush(t.store, stage_instance(&t.stage, 0));
		if (step % 4 == 3) {
			stage_heal(&t.stage);
			run_seconds(&t, rows, &rng, 5);
		}
	}
	stage_heal(&t.stage);
	run_seconds(&t, rows, &rng, 5);
	assert_int_equal(instances_drain(&t), STATUS_OK);
	uint64_t lost = instance_store_counts(t.store).chunks_lost;
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		if (missing(&t, &rows[slot], slot) > (slot ? 0 : lost * 60))
			fail_msg("seed %llu, terminal %u", (unsigned long long)seed, slot);
	end(&t, rows);
}

static void test_every_row_is_there_once_after_anything(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++)
		random_history(seed, seed % 2 ? FAKE_EVERYSEC : FAKE_ALWAYS);
}

/* ---- clocks ---- */

static void test_a_clock_that_jumps_loses_no_row(void **state)
{
	(void)state;
	struct instances t;
	struct rows rows[TERMINALS];
	struct rng rng;
	start(&t, rows, &rng, FAKE_ALWAYS);
	run_seconds(&t, rows, &rng, 150);
	t.stage.wall_shift_ns -= 600 * stage_second_ns; /* set back */
	run_seconds(&t, rows, &rng, 150);
	t.stage.wall_shift_ns += 7200 * stage_second_ns; /* forward */
	run_seconds(&t, rows, &rng, 150);
	t.stage.wall_shift_ns -= 100 * stage_ms_ns; /* a little */
	run_seconds(&t, rows, &rng, 150);
	assert_int_equal(instances_drain(&t), STATUS_OK);
	struct instance_store_counts counts = instance_store_counts(t.store);
	assert_int_equal(counts.chunks_lost + counts.rows_left_out, 0);
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		assert_int_equal(missing(&t, &rows[slot], slot), 0);
	end(&t, rows);
}

/* The id of a chunk is taken by one of the weir before, whose clock went ahead. */
static void test_a_restart_with_the_clock_behind_the_stream(void **state)
{
	(void)state;
	struct instances t;
	struct rows rows[TERMINALS];
	struct rng rng;
	start(&t, rows, &rng, FAKE_ALWAYS);
	run_seconds(&t, rows, &rng, 100);
	assert_int_equal(instances_drain(&t), STATUS_OK);
	t.stage.wall_shift_ns -= 50 * stage_second_ns;
	instances_restart(&t, TERMINALS);
	assert_int_equal(instances_restore(&t), STATUS_OK);
	instance_store_start(t.store);
	run_seconds(&t, rows, &rng, 100);
	assert_int_equal(instances_drain(&t), STATUS_OK);
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		assert_int_equal(missing(&t, &rows[slot], slot), 0);
	end(&t, rows);
}

static void test_something_else_in_the_place_of_the_stream_goes(void **state)
{
	(void)state;
	struct instances t;
	struct rows rows[TERMINALS];
	struct rng rng;
	start(&t, rows, &rng, FAKE_ALWAYS);
	STAGE_DO(&t.stage, STR("SET"), STR("instance_history:mt5-000"), STR("x"));
	run_seconds(&t, rows, &rng, 100);
	instance_store_flush(t.store, stage_instance(&t.stage, 0));
	stage_run(&t.stage, 3 * stage_second_ns);
	assert_int_equal(missing(&t, &rows[0], 0), 0);
	end(&t, rows);
}

static void test_memory_is_that_of_a_minute(void **state)
{
	(void)state;
	struct instances t;
	struct rows rows[TERMINALS];
	struct rng rng;
	start(&t, rows, &rng, FAKE_ALWAYS);
	size_t idle = instance_store_bytes(t.store);
	run_seconds(&t, NULL, &rng, 200);
	size_t busy = instance_store_bytes(t.store);
	run_seconds(&t, NULL, &rng, 400);
	assert_in_range((busy - idle) / TERMINALS, 1024, 12288);
	assert_in_range(instance_store_bytes(t.store), busy, busy + TERMINALS * 2048);
	end(&t, rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_come_back_equal_in_a_chunk_a_minute),
		cmocka_unit_test(test_chunks_of_a_day_are_kept_exactly),
		cmocka_unit_test(test_rows_too_close_are_left_out),
		cmocka_unit_test(test_rows_that_jump_close_their_chunk_early),
		cmocka_unit_test(test_a_chunk_is_there_once_however_its_sending_is_cut),
		cmocka_unit_test(test_the_older_chunk_goes_while_the_server_is_away),
		cmocka_unit_test(
		    test_chunks_that_a_killed_server_had_acknowledged_are_written_again),
		cmocka_unit_test(test_every_row_is_there_once_after_anything),
		cmocka_unit_test(test_a_clock_that_jumps_loses_no_row),
		cmocka_unit_test(test_a_restart_with_the_clock_behind_the_stream),
		cmocka_unit_test(test_something_else_in_the_place_of_the_stream_goes),
		cmocka_unit_test(test_memory_is_that_of_a_minute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
