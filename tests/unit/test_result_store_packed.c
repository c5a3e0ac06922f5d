/* Packed entries of the result store: when a batch goes out, what becomes of what cannot be
 * packed, both forms in one stream, and x, whatever the server lost of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/result_stage.h"

enum { TERMINALS = 4 };

static uint64_t given; /* the newest deal, which is the frame's number too */
static int64_t epoch_ms;

static void begin(struct stage *stage)
{
	given = 0;
	epoch_ms = 1784046185;
	stage_packed = true;
	stage_init(stage, TERMINALS);
}

/* The next deal of the first terminal, with a comment of so many bytes. */
static void deal(struct stage *stage, size_t comment_len)
{
	static char comment[ENTRIES_VALUE_BYTES + 2];
	char rid[60], number[24];
	struct buf rid_text = buf_over(rid, sizeof rid), number_text = buf_over(number, 24);
	struct result result = { 0 };
	struct rng rng;
	given++;
	buf_printf(&rid_text, "deal:Broker-Live:90000000:%llu", (unsigned long long)given);
	buf_u64(&number_text, given);
	rng_init(&rng, given);
	for (size_t i = 0; i < comment_len; i++) /* nothing that a codec makes short */
		comment[i] = (char)(' ' + rng_below(&rng, 91));
	result.fields[RESULT_rid] = buf_str(&rid_text);
	result.fields[RESULT_st] = STR("done");
	result.fields[RESULT_deal] = buf_str(&number_text);
	result.fields[RESULT_px] = STR("1.08514");
	if (comment_len)
		result.fields[RESULT_cm] = str_make(comment, comment_len);
	result.rid_hash = str_hash(result.fields[RESULT_rid]);
	assert_int_equal(result_store_take(stage->store, 0, epoch_ms, given, &result, 0),
			 STATUS_OK);
}

static void deals(struct stage *stage, size_t count)
{
	while (count--)
		deal(stage, 0);
}

static void settle(struct stage *stage) { stage_run(stage, 50 * stage_ms_ns); }

static void expect_next(void *ctx, const struct str *values)
{
	uint64_t *next = ctx, number;
	assert_int_equal(str_to_u64(values[RESULT_deal], &number), STATUS_OK);
	assert_int_equal(number, *next);
	++*next;
}

/* All that was given is in the stream, once and in order, and x says so. */
static void expect_all(struct stage *stage)
{
	uint64_t next = 1;
	struct redis_reply *reply = stage_peek(stage, "XRANGE trade_results - +");
	for (size_t i = 0; i < reply->count; i++)
		result_rows(&reply->items[i], expect_next, &next);
	fake_reply_free(reply);
	assert_int_equal(next, given + 1);
	assert_int_equal(stage_results(stage), given);
}

static uint64_t x_of(struct stage *stage) { return stage_number(stage, "HGET fleet:up:~ x"); }

/* ---- when ---- */

/* How long each frame of a steady stream waited until it was durable, at most. */
static int64_t longest_wait_ns(struct stage *stage, size_t count, int64_t apart_ns)
{
	int64_t *given_ns = calloc(count, sizeof *given_ns), longest = 0;
	uint64_t durable = given, first = given + 1;
	assert_non_null(given_ns);
	for (int64_t next_ns = stage->now_ns; durable < first + count - 1;) {
		if (given < first + count - 1 && stage->now_ns >= next_ns) {
			given_ns[given + 1 - first] = stage->now_ns;
			deal(stage, 0);
			next_ns += apart_ns;
		}
		stage_run(stage, stage_ms_ns / 10);
		for (; durable < result_store_mark(stage->store, 0).up; durable++)
			if (stage->now_ns - given_ns[durable + 1 - first] > longest)
				longest = stage->now_ns - given_ns[durable + 1 - first];
		stage->n_told = 0;
	}
	free(given_ns);
	return longest;
}

static void results_that_come_slowly_are_sent_at_once_one_by_one(void **state)
{
	(void)state;
	struct stage stage;
	int64_t wait_ns[2];
	for (int packed = 0; packed < 2; packed++) {
		begin(&stage);
		result_store_use_packing(stage.store, packed);
		wait_ns[packed] = longest_wait_ns(&stage, 100, 10 * stage_ms_ns);
		assert_int_equal(stage_added(&stage), 100);
		stage_deinit(&stage);
	}
	assert_int_equal(wait_ns[1], wait_ns[0]);
	assert_in_range(wait_ns[1], 2 * stage_ms_ns, 4 * stage_ms_ns);
}

static void results_that_come_fast_share_entries_and_wait_eight_ms_at_most(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	int64_t wait_ns = longest_wait_ns(&stage, 2000, stage_ms_ns);
	print_message("1,000/s: %.1f results an entry, %.1f ms at most\n",
		      2000.0 / (double)stage_added(&stage), (double)wait_ns / 1e6);
	assert_in_range(2000 / stage_added(&stage), 7, 10);
	assert_in_range(wait_ns, 8 * stage_ms_ns, 10 * stage_ms_ns);
	expect_all(&stage);
	stage_deinit(&stage);
}

/* The archive is stuck: nothing leaves the stream. */
static void while_room_is_saved_they_wait_sixty_four_ms_and_share_more(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	(void)longest_wait_ns(&stage, 200, stage_ms_ns);
	uint64_t before = stage_added(&stage);
	result_store_save_room(stage.store, true);
	int64_t wait_ns = longest_wait_ns(&stage, 2000, stage_ms_ns);
	uint64_t entries = stage_added(&stage) - before;
	print_message("room saved: %.1f results an entry, %.1f ms at most\n",
		      2000.0 / (double)entries, (double)wait_ns / 1e6);
	assert_in_range(2000 / entries, 56, 70);
	assert_in_range(wait_ns, 64 * stage_ms_ns, 66 * stage_ms_ns);
	/* A lone one does not wait for others. */
	stage_run(&stage, 100 * stage_ms_ns);
	assert_in_range(longest_wait_ns(&stage, 20, 20 * stage_ms_ns), 2 * stage_ms_ns,
			4 * stage_ms_ns);
	/* And as before when it leaves again. */
	result_store_save_room(stage.store, false);
	stage_run(&stage, 100 * stage_ms_ns);
	assert_in_range(longest_wait_ns(&stage, 500, stage_ms_ns), 8 * stage_ms_ns,
			10 * stage_ms_ns);
	expect_all(&stage);
	stage_deinit(&stage);
}

/* What came meanwhile goes out at once: it has waited for longer than a batch may. */
static void a_slow_server_makes_the_entries_longer_and_nothing_wait_twice(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	fake_redis_set_latency(stage.redis, 5 * stage_ms_ns); /* 20 ms a transaction */
	int64_t wait_ns = longest_wait_ns(&stage, 1000, stage_ms_ns);
	assert_in_range(1000 / stage_added(&stage), 14, 24);
	assert_in_range(wait_ns, 20 * stage_ms_ns, 45 * stage_ms_ns);
	expect_all(&stage);
	stage_deinit(&stage);
}

static void a_drain_does_not_wait_for_more(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	deals(&stage, 1);
	settle(&stage); /* WATCHed */
	deals(&stage, 20);
	int64_t from_ns = stage.now_ns;
	result_store_drain(stage.store, stage_drained, &stage);
	while (!stage.ended)
		stage_run(&stage, stage_ms_ns / 10);
	assert_true(stage.now_ns - from_ns < 2 * stage_ms_ns);
	expect_all(&stage);
	stage_deinit(&stage);
}

/* ---- what fits ---- */

static void a_batch_is_as_few_entries_as_it_fits_into(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	deals(&stage, ENTRIES_ROWS_MAX);
	settle(&stage);
	assert_int_equal(stage_added(&stage), 1);
	deals(&stage, 2 * ENTRIES_ROWS_MAX + 1);
	settle(&stage);
	assert_int_equal(stage_added(&stage), 1 + 3);
	for (int i = 0; i < 60; i++) /* 45 KB of comments */
		deal(&stage, 750);
	settle(&stage);
	assert_in_range(stage_added(&stage), 1 + 3 + 2, 1 + 3 + 8);
	expect_all(&stage);
	stage_deinit(&stage);
}

static void a_value_that_is_too_long_goes_as_plain_fields_in_its_place(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	deals(&stage, 10);
	deal(&stage, ENTRIES_VALUE_BYTES + 1);
	deals(&stage, 10);
	deal(&stage, ENTRIES_VALUE_BYTES);
	settle(&stage);
	assert_int_equal(result_store_counts(stage.store).batches, 1);
	assert_int_equal(stage_added(&stage), 3);
	assert_int_equal(x_of(&stage), 9 + 10);
	expect_all(&stage);
	stage_deinit(&stage);
}

/* ---- both forms ---- */

static void both_forms_are_read_back_and_known(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	for (int i = 0; i < 600; i++) { /* some pages */
		result_store_use_packing(stage.store, i % 2 == 0);
		deals(&stage, i % 5 ? 3 : 1);
		settle(&stage);
	}
	uint64_t x = x_of(&stage), count = given;
	assert_int_equal(x, 300 / 5 * 4 * 2);
	expect_all(&stage);
	stage_restart(&stage);
	assert_int_equal(stage_restore(&stage), STATUS_OK);
	epoch_ms++; /* each again, under its number of another epoch */
	given = 0;
	deals(&stage, count);
	settle(&stage);
	assert_int_equal(result_store_counts(stage.store).repeated, count);
	assert_int_equal(x_of(&stage), x);
	expect_all(&stage);
	stage_deinit(&stage);
}

static void an_entry_that_cannot_be_read_is_counted_and_does_no_harm(void **state)
{
	(void)state;
	static const char *const entries[] = { "XADD trade_results * p strange",
					       "XADD trade_results * p \x01",
					       "XADD trade_results * p x rid 7-mt5-000-1" };
	struct stage stage;
	begin(&stage);
	deals(&stage, 20);
	settle(&stage);
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		stage_write(&stage, entries[i]);
	stage_restart(&stage);
	assert_int_equal(stage_restore(&stage), STATUS_OK);
	assert_int_equal(result_store_counts(stage.store).unread, 2); /* the third is plain */
	epoch_ms++;
	given = 0;
	deals(&stage, 20);
	settle(&stage);
	assert_int_equal(stage_added(&stage), 1 + ARRAY_LEN(entries));
	assert_int_equal(result_store_counts(stage.store).repeated, 20);
	stage_deinit(&stage);
}

/* ---- x ---- */

static void a_marker_that_is_removed_gets_its_x_back(void **state)
{
	(void)state;
	static const char *const removals[] = { "DEL fleet:up:~", "HSET fleet:up:~ x -",
						"SET fleet:up:~ x" };
	for (size_t i = 0; i < ARRAY_LEN(removals); i++) {
		struct stage stage;
		begin(&stage);
		deals(&stage, 20);
		settle(&stage);
		stage_write(&stage, removals[i]);
		deals(&stage, 1);
		stage_run(&stage, stage_second_ns);
		assert_int_equal(x_of(&stage), 19);
		expect_all(&stage);
		stage_deinit(&stage);
	}
}

/* The reply is lost, and what would say that the batch was executed. */
static void a_marker_removed_under_a_batch_that_is_not_settled_is_counted_anew(void **state)
{
	(void)state;
	static const char *const removals[] = { "DEL fleet:up:~", "SET fleet:up:~ x" };
	for (size_t i = 0; i < ARRAY_LEN(removals); i++) {
		struct stage stage;
		begin(&stage);
		deals(&stage, 20);
		settle(&stage);
		fake_redis_cut(stage.redis, 5, FAKE_CUT_AFTER); /* EXEC */
		deals(&stage, 10);
		stage_run(&stage, 20 * stage_ms_ns);
		assert_false(fake_redis_connected(stage.redis));
		stage_write(&stage, removals[i]);
		stage_run(&stage, stage_second_ns);
		assert_int_equal(stage_added(&stage), 2);
		assert_int_equal(x_of(&stage), 19 + 9);
		expect_all(&stage);
		stage_deinit(&stage);
	}
}

/* One marker of a terminal fails, the entries are there. */
static void a_batch_executed_in_part_counts_what_was_added(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	deals(&stage, 20);
	settle(&stage);
	stage_write(&stage, "SET fleet:up:mt5-000 x");
	deals(&stage, 10);
	stage_run(&stage, stage_second_ns);
	assert_int_equal(stage_added(&stage), 2);
	assert_int_equal(x_of(&stage), 19 + 9);
	expect_all(&stage);
	stage_deinit(&stage);
}

static void a_marker_removed_before_the_start_is_counted_from_the_stream(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	for (int i = 0; i < 300; i++) {
		deals(&stage, 3);
		settle(&stage);
	}
	stage_restart(&stage);
	stage_write(&stage, "DEL fleet:up:~");
	assert_int_equal(stage_restore(&stage), STATUS_OK);
	deals(&stage, 1);
	settle(&stage);
	assert_int_equal(x_of(&stage), 600);
	expect_all(&stage);
	stage_deinit(&stage);
}

/* Its entries-added begins anew, and x with it. */
static void a_stream_that_is_gone_takes_its_x_along(void **state)
{
	(void)state;
	static const char *const losses[] = { "DEL trade_results", "FLUSHALL" };
	for (size_t i = 0; i < ARRAY_LEN(losses) * 2; i++) {
		struct stage stage;
		begin(&stage);
		deals(&stage, 20);
		settle(&stage);
		stage_write(&stage, losses[i / 2]);
		if (i % 2) {
			stage_restart(&stage);
			assert_int_equal(stage_restore(&stage), STATUS_OK);
		} else {
			fake_redis_break(stage.redis);
			stage_run(&stage, stage_second_ns);
		}
		deals(&stage, 5);
		stage_run(&stage, stage_second_ns);
		assert_int_equal(stage_results(&stage), 5);
		assert_int_equal(x_of(&stage), 4);
		stage_deinit(&stage);
	}
}

/* What the server holds is true of its stream, be it older than what was known here. */
static void x_goes_back_with_the_servers_own_state(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	deals(&stage, 20);
	settle(&stage);
	stage_write(&stage, "HSET fleet:up:~ x 7");
	fake_redis_break(stage.redis);
	stage_run(&stage, stage_second_ns);
	deals(&stage, 3);
	settle(&stage);
	assert_int_equal(x_of(&stage), 7 + 2);
	stage_deinit(&stage);
}

static void a_store_that_packs_no_more_keeps_x(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	deals(&stage, 20);
	settle(&stage);
	stage_packed = false;
	stage_restart(&stage);
	assert_int_equal(stage_restore(&stage), STATUS_OK);
	deals(&stage, 10);
	settle(&stage);
	assert_int_equal(stage_added(&stage), 1 + 10);
	stage_write(&stage, "DEL fleet:up:~");
	deals(&stage, 1);
	stage_run(&stage, stage_second_ns);
	assert_int_equal(x_of(&stage), 19);
	expect_all(&stage);
	stage_deinit(&stage);
}

static void a_store_that_never_packed_writes_no_x(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	result_store_use_packing(stage.store, false);
	deals(&stage, 20);
	settle(&stage);
	struct redis_reply *reply = stage_peek(&stage, "HGET fleet:up:~ x");
	assert_int_equal(reply->type, REDIS_NIL);
	fake_reply_free(reply);
	assert_int_equal(stage_added(&stage), 20);
	stage_deinit(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_that_come_slowly_are_sent_at_once_one_by_one),
		cmocka_unit_test(results_that_come_fast_share_entries_and_wait_eight_ms_at_most),
		cmocka_unit_test(while_room_is_saved_they_wait_sixty_four_ms_and_share_more),
		cmocka_unit_test(a_slow_server_makes_the_entries_longer_and_nothing_wait_twice),
		cmocka_unit_test(a_drain_does_not_wait_for_more),
		cmocka_unit_test(a_batch_is_as_few_entries_as_it_fits_into),
		cmocka_unit_test(a_value_that_is_too_long_goes_as_plain_fields_in_its_place),
		cmocka_unit_test(both_forms_are_read_back_and_known),
		cmocka_unit_test(an_entry_that_cannot_be_read_is_counted_and_does_no_harm),
		cmocka_unit_test(a_marker_that_is_removed_gets_its_x_back),
		cmocka_unit_test(
		    a_marker_removed_under_a_batch_that_is_not_settled_is_counted_anew),
		cmocka_unit_test(a_batch_executed_in_part_counts_what_was_added),
		cmocka_unit_test(a_marker_removed_before_the_start_is_counted_from_the_stream),
		cmocka_unit_test(a_stream_that_is_gone_takes_its_x_along),
		cmocka_unit_test(x_goes_back_with_the_servers_own_state),
		cmocka_unit_test(a_store_that_packs_no_more_keeps_x),
		cmocka_unit_test(a_store_that_never_packed_writes_no_x),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
