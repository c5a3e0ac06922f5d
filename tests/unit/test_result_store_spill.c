/* The result store with a spill file: when it spills, what it tells, what it knows after a
 * restart, and that what was spilled goes first; with plain entries and packed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/result_stage.h"

enum { TERMINALS = 3 };

/* By so much longer a batch gathers when many come at once. */
static int64_t gathers_ns(void) { return stage_packed ? 6 * stage_ms_ns : 0; }

static const int64_t epoch_ms = 1784046185431;

static void begin(struct stage *stage)
{
	stage_init(stage, TERMINALS);
	stage_add_spill(stage, 64 << 20);
}

/* Deal `deal` of the terminal in frame `seq`. */
static enum status give(struct stage *stage, uint32_t slot, uint64_t seq, uint64_t deal)
{
	char line[200];
	struct buf text = buf_over(line, sizeof line - 1);
	buf_printf(&text, "D 1 deal=%llu sym=EURUSD vol=0.10 px=1.08514 sv=%llu",
		   (unsigned long long)deal, (unsigned long long)deal);
	line[text.len] = 0;
	return stage_frame(stage, slot, epoch_ms, seq, line, 0);
}

static void give_all(struct stage *stage, uint32_t slot, uint64_t from, uint64_t to)
{
	for (uint64_t seq = from; seq <= to; seq++)
		assert_int_equal(give(stage, slot, seq, seq), STATUS_OK);
}

static uint64_t durable(const struct stage *stage, uint32_t slot)
{
	uint64_t up = 0;
	for (size_t i = 0; i < stage->n_told; i++)
		if (stage->told[i].durable && stage->told[i].slot == slot) {
			assert_true(stage->told[i].number >= up);
			up = stage->told[i].number;
		}
	return up;
}

static void refuse(struct stage *stage, enum fake_fault fault)
{
	fake_redis_fault(stage->redis, fault);
}

static struct result_store_counts counts(const struct stage *stage)
{
	return result_store_counts(stage->store);
}

struct expected {
	char prefix[60];
	uint64_t next;
};

static void expect_next(void *ctx, const struct str *values)
{
	struct expected *expected = ctx;
	char want[100];
	if (!str_starts(values[RESULT_rid], str_of(expected->prefix)))
		return;
	snprintf(want, sizeof want, "%s%llu", expected->prefix,
		 (unsigned long long)expected->next++);
	assert_true(str_eq(values[RESULT_rid], str_of(want)));
}

/* Deals of the terminal in the stream: first, last, and each between, in order. */
static void expect_stream(struct stage *stage, uint32_t slot, uint64_t to)
{
	struct redis_reply *reply = stage_peek(stage, "XRANGE trade_results - +");
	struct expected expected = { .next = 1 };
	snprintf(expected.prefix, sizeof expected.prefix, "deal:Broker-Live:%u:", 90000000 + slot);
	for (size_t i = 0; i < reply->count; i++)
		result_rows(&reply->items[i], expect_next, &expected);
	assert_int_equal(expected.next, to + 1);
	fake_reply_free(reply);
}

/* ---- when ---- */

static void a_refusal_of_less_than_two_seconds_spills_nothing(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	refuse(&stage, FAKE_OOM);
	give_all(&stage, 0, 1, 20);
	stage_run(&stage, 1700 * stage_ms_ns);
	assert_int_equal(durable(&stage, 0), 0);
	refuse(&stage, FAKE_HEALTHY);
	stage_run(&stage, stage_second_ns);
	assert_int_equal(durable(&stage, 0), 20);
	assert_int_equal(counts(&stage).spilled, 0);
	expect_stream(&stage, 0, 20);
	stage_deinit(&stage);
}

static void whatever_refuses_after_two_seconds_it_is_durable_in_the_file(void **state)
{
	static const enum fake_fault faults[] = { FAKE_OOM, FAKE_MISCONF, FAKE_READONLY,
						  FAKE_LOADING };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults) + 2; i++) {
		struct stage stage;
		begin(&stage);
		if (i < ARRAY_LEN(faults))
			refuse(&stage, faults[i]);
		else if (i == ARRAY_LEN(faults))
			fake_redis_kill(stage.redis); /* nobody is there */
		else
			fake_redis_hang(stage.redis, true);
		give_all(&stage, 0, 1, 20);
		give_all(&stage, 2, 1, 5);
		assert_int_equal(stage_own(&stage, 77, 1, "exp", 4711), STATUS_OK);
		stage_run(&stage, 1990 * stage_ms_ns);
		assert_int_equal(stage.n_told, 0);
		stage_run(&stage, 30 * stage_ms_ns);
		assert_int_equal(durable(&stage, 0), 20);
		assert_int_equal(durable(&stage, 2), 5);
		assert_int_equal(stage.n_told, 3); /* each once, and weir's own */
		assert_int_equal(counts(&stage).spilled, 26);
		assert_int_equal(counts(&stage).waiting_bytes, 0);
		assert_true(counts(&stage).spilled_bytes > 26 * 72);
		assert_int_equal(result_store_mark(stage.store, 0).up, 20);
		assert_int_equal(result_store_mark(stage.store, 0).deal, 20);
		assert_true(result_store_ended(stage.store, 77, STR("mt5-001")));
		assert_int_equal(stage_results(&stage), 0);

		give_all(&stage, 0, 21, 30); /* while it lasts, at once */
		stage_run(&stage, 10 * stage_ms_ns);
		assert_int_equal(durable(&stage, 0), 30);

		refuse(&stage, FAKE_HEALTHY);
		fake_redis_start(stage.redis);
		fake_redis_hang(stage.redis, false);
		stage_run(&stage, 2 * stage_second_ns);
		expect_stream(&stage, 0, 30);
		expect_stream(&stage, 2, 5);
		assert_int_equal(stage_results(&stage), 36);
		assert_int_equal(counts(&stage).spilled_bytes, 0);
		assert_true(counts(&stage).replayed >= 36 - 26);
		assert_int_equal(stage.n_told, 4); /* nobody is told twice */
		stage_deinit(&stage);
	}
}

/* ---- in order ---- */

static void what_was_spilled_is_written_before_anything_newer(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	refuse(&stage, FAKE_OOM);
	for (uint64_t seq = 1; seq <= 5000; seq += 100) {
		give_all(&stage, 0, seq, seq + 99);
		stage_run(&stage, 50 * stage_ms_ns);
	}
	assert_int_equal(durable(&stage, 0), 5000);
	refuse(&stage, FAKE_HEALTHY);
	for (uint64_t seq = 5001; seq <= 6000; seq += 10) { /* while it is written */
		give_all(&stage, 0, seq, seq + 9);
		stage_run(&stage, stage_ms_ns);
	}
	stage_run(&stage, stage_second_ns);
	assert_int_equal(durable(&stage, 0), 6000);
	expect_stream(&stage, 0, 6000);
	struct redis_reply *mark = stage_peek(&stage, "HMGET fleet:up:mt5-000 up ld");
	assert_true(str_eq(mark->items[0].text, STR("6000")));
	assert_true(str_eq(mark->items[1].text, STR("6000")));
	fake_reply_free(mark);
	stage_deinit(&stage);
}

/* The reply is lost, the server is gone for long: the batch was executed all the same. */
static void a_batch_that_was_on_its_way_is_not_written_twice(void **state)
{
	(void)state;
	for (int executed = 0; executed < 2; executed++) {
		struct stage stage;
		begin(&stage);
		give_all(&stage, 0, 1, 10);
		stage_run(&stage, 10 * stage_ms_ns + gathers_ns());
		give_all(&stage, 0, 11, 20);
		/* UNWATCHed and WATCHed long since: MULTI, 10 results, number, a mark, EXEC */
		fake_redis_cut(stage.redis, stage_packed ? 5 : 14,
			       executed ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
		stage_run(&stage, 5 * stage_ms_ns + gathers_ns());
		assert_int_equal(stage_results(&stage), executed ? 20 : 10);
		fake_redis_hang(stage.redis, true);
		give_all(&stage, 0, 21, 25);
		stage_run(&stage, 3 * stage_second_ns);
		assert_int_equal(durable(&stage, 0), 25); /* in the file */
		assert_true(counts(&stage).spilled > 0);
		fake_redis_hang(stage.redis, false);
		stage_run(&stage, 3 * stage_second_ns);
		expect_stream(&stage, 0, 25);
		assert_int_equal(counts(&stage).spilled_bytes, 0);
		stage_deinit(&stage);
	}
}

/* The disk is slow, and the server wakes up first. */
static void a_batch_that_is_recorded_while_it_is_spilled_is_not_written_twice(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	give_all(&stage, 0, 1, 2);
	stage_run(&stage, 10 * stage_ms_ns);
	give_all(&stage, 0, 3, 10);
	/* MULTI is answered, the rest on its way */
	stage_run(&stage, 26 * stage_ms_ns / 10 + gathers_ns());
	fake_redis_hang(stage.redis, true);
	give_all(&stage, 0, 11, 20);
	stage_run(&stage, 1900 * stage_ms_ns);
	stage.disk_hangs = true;
	while (!spill_is_committing(stage.spill))
		stage_run(&stage, 5 * stage_ms_ns);
	/* what became of the batch is being asked on the next connection */
	fake_redis_hang(stage.redis, false);
	stage_run(&stage, 50 * stage_ms_ns);
	assert_int_equal(durable(&stage, 0), 10); /* that batch; the rest waits for the disk */
	stage.disk_hangs = false;
	stage_run(&stage, stage_second_ns);
	assert_int_equal(durable(&stage, 0), 20);
	expect_stream(&stage, 0, 20);
	assert_int_equal(counts(&stage).spilled_bytes, 0);
	stage_deinit(&stage);
}

/* ---- a restart ---- */

static void a_restart_knows_what_is_in_the_file_and_writes_it(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	give_all(&stage, 1, 1, 4);
	stage_run(&stage, 10 * stage_ms_ns);
	refuse(&stage, FAKE_OOM);
	give_all(&stage, 0, 1, 300);
	assert_int_equal(stage_own(&stage, 77, 1, "refused", 4711), STATUS_OK);
	stage_run(&stage, 3 * stage_second_ns);
	assert_int_equal(durable(&stage, 0), 300);
	stage.n_told = 0;
	fake_redis_fault(stage.redis, FAKE_HEALTHY);
	stage_restart(&stage);
	assert_int_equal(stage_restore(&stage), STATUS_OK);
	assert_int_equal(result_store_mark(stage.store, 0).up, 300);
	assert_int_equal(result_store_mark(stage.store, 0).deal, 300);
	assert_int_equal(result_store_mark(stage.store, 1).up, 4);
	assert_true(result_store_ended(stage.store, 77, STR("mt5-001")));
	assert_int_equal(give(&stage, 0, 301, 17), STATUS_OK); /* a rid that is in the file */
	assert_int_equal(counts(&stage).repeated, 1);
	assert_int_equal(give(&stage, 0, 302, 301), STATUS_OK);
	stage_run(&stage, stage_second_ns);
	expect_stream(&stage, 0, 301);
	expect_stream(&stage, 1, 4);
	assert_int_equal(stage_results(&stage), 306);
	assert_int_equal(durable(&stage, 0), 302);
	assert_int_equal(counts(&stage).replayed, 301);
	stage_deinit(&stage);
}

/* At every moment of the writing back. */
static void a_restart_while_it_is_written_back_goes_on_exactly_there(void **state)
{
	(void)state;
	for (int64_t after_us = 0; after_us < 30000; after_us += 1500) {
		struct stage stage;
		begin(&stage);
		refuse(&stage, FAKE_READONLY);
		give_all(&stage, 0, 1, 4000);
		stage_run(&stage, 2500 * stage_ms_ns);
		assert_int_equal(durable(&stage, 0), 4000);
		refuse(&stage, FAKE_HEALTHY);
		stage_run(&stage, 190 * stage_ms_ns + after_us * 1000);
		stage_restart(&stage);
		assert_int_equal(stage_restore(&stage), STATUS_OK);
		assert_int_equal(result_store_mark(stage.store, 0).up, 4000);
		give_all(&stage, 0, 4001, 4010);
		stage_run(&stage, stage_second_ns);
		expect_stream(&stage, 0, 4010);
		assert_int_equal(stage_results(&stage), 4010);
		assert_int_equal(counts(&stage).spilled_bytes, 0);
		stage_deinit(&stage);
	}
}

static void a_terminal_that_is_gone_leaves_its_results(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	refuse(&stage, FAKE_OOM);
	give_all(&stage, 2, 1, 50);
	stage_run(&stage, 3 * stage_second_ns);
	result_store_forget(stage.store, fleet_at(stage.fleet, 2));
	refuse(&stage, FAKE_HEALTHY);
	stage_run(&stage, stage_second_ns);
	expect_stream(&stage, 2, 50);
	assert_int_equal(stage_integer(&stage, "EXISTS fleet:up:mt5-002"), 0);
	stage_deinit(&stage);
}

/* ---- a disk that refuses ---- */

static void a_file_that_is_full_makes_it_wait_as_without_one(void **state)
{
	(void)state;
	struct stage stage;
	uint64_t seq = 1;
	stage_init(&stage, TERMINALS);
	stage_add_spill(&stage, 3000);
	refuse(&stage, FAKE_OOM);
	while (give(&stage, 0, seq, seq) == STATUS_OK)
		seq++;
	assert_int_equal(counts(&stage).refused, 1);
	stage_run(&stage, 10 * stage_second_ns);
	uint64_t spilled = durable(&stage, 0);
	assert_in_range(spilled, 5, 40);
	assert_true(counts(&stage).spill_failed >= 5);
	assert_true(counts(&stage).waiting_bytes > 0);
	assert_non_null(result_store_stuck(stage.store));
	refuse(&stage, FAKE_HEALTHY);
	stage_run(&stage, 10 * stage_second_ns);
	assert_int_equal(durable(&stage, 0), seq - 1);
	assert_null(result_store_stuck(stage.store));
	assert_int_equal(give(&stage, 1, 1, 1), STATUS_OK); /* waits a moment, and that is all */
	assert_null(result_store_stuck(stage.store));
	stage_run(&stage, stage_second_ns);
	expect_stream(&stage, 0, seq - 1);
	stage_deinit(&stage);
}

static void a_drain_waits_for_what_was_spilled(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	refuse(&stage, FAKE_OOM);
	give_all(&stage, 0, 1, 500);
	stage_run(&stage, 3 * stage_second_ns);
	assert_int_equal(stage_drain(&stage), STATUS_REDIS_OOM);
	refuse(&stage, FAKE_HEALTHY);
	if (stage_drain(&stage)) /* what was on its way was still refused */
		assert_int_equal(stage_drain(&stage), STATUS_OK);
	expect_stream(&stage, 0, 500);
	stage_deinit(&stage);
}

static int are_packed(void **state)
{
	(void)state;
	stage_packed = true;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_of_less_than_two_seconds_spills_nothing),
		cmocka_unit_test(whatever_refuses_after_two_seconds_it_is_durable_in_the_file),
		cmocka_unit_test(what_was_spilled_is_written_before_anything_newer),
		cmocka_unit_test(a_batch_that_was_on_its_way_is_not_written_twice),
		cmocka_unit_test(a_batch_that_is_recorded_while_it_is_spilled_is_not_written_twice),
		cmocka_unit_test(a_restart_knows_what_is_in_the_file_and_writes_it),
		cmocka_unit_test(a_restart_while_it_is_written_back_goes_on_exactly_there),
		cmocka_unit_test(a_terminal_that_is_gone_leaves_its_results),
		cmocka_unit_test(a_file_that_is_full_makes_it_wait_as_without_one),
		cmocka_unit_test(a_drain_waits_for_what_was_spilled),
	};
	return cmocka_run_group_tests_name("plain", tests, NULL, NULL) |
	       cmocka_run_group_tests_name("packed", tests, are_packed, NULL);
}
