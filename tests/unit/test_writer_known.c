/* What is known already: in memory, in the file, within the window of time and beyond it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "archive/writer_seen.h"
#include "base/rng.h"
#include "writer_stage.h"

static const int64_t day_us = INT64_C(86400) * 1000000;

static int setup(void **state)
{
	static struct stage stage;
	stage_begin(&stage);
	stage_open(&stage);
	*state = &stage;
	return 0;
}

static int teardown(void **state)
{
	stage_end(*state);
	return 0;
}

/* Batches of other ids, until the first ones are not in memory any more. */
static void push_out(struct stage *stage, int64_t at_us)
{
	int next = 0;
	while (next < WRITER_SEEN_MAX) {
		struct writer_batch *batch = stage_take(stage);
		for (int i = 0; i < WRITER_ROWS_MAX; i++) {
			char rid[32];
			snprintf(rid, sizeof rid, "push-%d", next++);
			stage_result(&batch->rows, rid, 1, "exp", at_us);
		}
		assert_int_equal(stage_submit(stage, batch).taken, WRITER_ROWS_MAX);
	}
}

static struct done one(struct stage *stage, const char *rid, int64_t at_us, unsigned flags)
{
	struct writer_batch *batch = stage_take(stage);
	batch->flags = flags;
	stage_result(&batch->rows, rid, 1, "fail", at_us);
	return stage_submit(stage, batch);
}

static void test_an_older_id_is_found_in_the_file_where_the_caller_says_so(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(one(stage, "old", stage_us, 0).taken, 1);
	push_out(stage, stage_us + 5);
	assert_int_equal(one(stage, "old", stage_us + day_us, WRITER_CHECKED).known, 1);
	/* Memory has forgotten push-0 by now, and earlier than two days before a batch's oldest
	 * row the file is not looked at. */
	assert_int_equal(one(stage, "new", stage_us + 3 * day_us, WRITER_CHECKED).taken, 1);
	assert_int_equal(one(stage, "push-0", stage_us + 3 * day_us, WRITER_CHECKED).taken, 1);
}

static void test_a_deal_is_found_by_its_server_time_whenever_it_comes_again(void **state)
{
	struct stage *stage = *state;
	struct stage_deal deal = { .deal = 5,
				   .position = 5,
				   .side = "buy",
				   .volume = 100000000,
				   .price = 110000000,
				   .at_us = stage_us };
	struct writer_batch *batch = stage_take(stage);
	stage_deal(&batch->rows, &deal);
	assert_int_equal(stage_submit(stage, batch).taken, 1);
	push_out(stage, stage_us + 5);
	/* Received a month later, with the server time it had. */
	batch = stage_take(stage);
	batch->flags = WRITER_CHECKED;
	archive_rows_begin(&batch->rows, TABLE_trade_results);
	archive_row_text(&batch->rows, COLUMN_trade_results_result_id,
			 STR("deal:Broker-Live:9001:5"));
	archive_row_text(&batch->rows, COLUMN_trade_results_status, STR("done"));
	archive_row_int(&batch->rows, COLUMN_trade_results_server_time_ms,
			stage_us / 1000 + 10800000);
	archive_row_int(&batch->rows, COLUMN_trade_results_received_us, stage_us + 30 * day_us);
	archive_row_int(&batch->rows, COLUMN_trade_results_event_us, stage_us);
	assert_int_equal(archive_rows_end(&batch->rows), 0);
	assert_int_equal(stage_submit(stage, batch).known, 1);
}

static void put_sample(struct archive_rows *rows, const char *market, int64_t at_us, i128 price)
{
	archive_rows_begin(rows, TABLE_liquidations);
	archive_row_text(rows, COLUMN_liquidations_market, str_of(market));
	archive_row_int(rows, COLUMN_liquidations_at_us, at_us);
	archive_row_big(rows, COLUMN_liquidations_price, price);
	archive_row_big(rows, COLUMN_liquidations_quantity, 1);
	archive_row_text(rows, COLUMN_liquidations_side, STR("long"));
	assert_int_equal(archive_rows_end(rows), 0);
}

static void test_other_tables_are_known_by_their_key_when_checked(void **state)
{
	struct stage *stage = *state;
	for (int round = 0; round < 2; round++) {
		struct writer_batch *batch = stage_take(stage);
		batch->flags = WRITER_CHECKED;
		put_sample(&batch->rows, "a", stage_us, 5);
		put_sample(&batch->rows, "a", stage_us, -5);
		put_sample(&batch->rows, "a", stage_us, 5); /* twice in one batch */
		put_sample(&batch->rows, "b", stage_us + round, 5);
		struct done done = stage_submit(stage, batch);
		assert_int_equal(done.taken, round ? 1 : 3);
		assert_int_equal(done.known, round ? 3 : 1);
	}
	struct writer_batch *batch = stage_take(stage);
	put_sample(&batch->rows, "a", stage_us, 5); /* not checked: as the caller says */
	assert_int_equal(stage_submit(stage, batch).taken, 1);
}

/* A key that is too long to be compared is no reason to leave its row out. */
static void test_rows_with_long_keys_are_never_taken_for_known(void **state)
{
	struct stage *stage = *state;
	char scope[3000];
	memset(scope, 'x', sizeof scope);
	struct writer_batch *batch = stage_take(stage);
	batch->flags = WRITER_CHECKED;
	for (int i = 0; i < 2; i++) {
		scope[sizeof scope - 1] = (char)('a' + i);
		archive_rows_begin(&batch->rows, TABLE_alert_log);
		archive_row_text(&batch->rows, COLUMN_alert_log_rule, STR("r"));
		archive_row_text(&batch->rows, COLUMN_alert_log_scope,
				 str_make(scope, sizeof scope));
		archive_row_int(&batch->rows, COLUMN_alert_log_first_us, stage_us);
		archive_row_text(&batch->rows, COLUMN_alert_log_severity, STR("warn"));
		archive_row_text(&batch->rows, COLUMN_alert_log_state, STR("firing"));
		archive_row_int(&batch->rows, COLUMN_alert_log_last_us, stage_us);
		archive_row_real(&batch->rows, COLUMN_alert_log_value, 1);
		archive_row_int(&batch->rows, COLUMN_alert_log_told, 1);
		assert_int_equal(archive_rows_end(&batch->rows), 0);
	}
	assert_int_equal(stage_submit(stage, batch).taken, 2);
}

static void test_ids_are_restored_from_the_file(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(one(stage, "old", stage_us, 0).taken, 1);
	stage_close(stage);
	stage_open(stage);
	assert_int_equal(one(stage, "old", stage_us + 20 * day_us, 0).known, 1);
}

/* ---- the set itself, against a model ---- */

static void make_id(char *out, size_t size, uint64_t n)
{
	struct rng rng;
	rng_init(&rng, n);
	snprintf(out, size, "%" PRIu64 "-%.*s", n, (int)rng_below(&rng, 120),
		 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
		 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnop");
}

static void test_the_set_holds_the_newest_ids_and_no_others(void **state)
{
	(void)state;
	struct writer_seen *seen = writer_seen_create();
	assert_non_null(seen);
	uint64_t next = 0;
	char id[256];
	for (; next < 3 * WRITER_SEEN_MAX; next++) {
		make_id(id, sizeof id, next);
		assert_false(writer_seen_has(seen, str_of(id), str_hash(str_of(id))));
		writer_seen_add(seen, str_of(id), str_hash(str_of(id)));
		assert_true(writer_seen_has(seen, str_of(id), str_hash(str_of(id))));
		writer_seen_add(seen, str_of(id), str_hash(str_of(id)));
	}
	/* Some 68 bytes each: the bytes are the bound. Those that are there are the last. */
	size_t count = writer_seen_count(seen);
	assert_true(count > SEEN_BYTES / 80 && count < WRITER_SEEN_MAX);
	for (uint64_t n = 0; n < next; n++) {
		make_id(id, sizeof id, n);
		assert_int_equal(writer_seen_has(seen, str_of(id), str_hash(str_of(id))),
				 n >= next - count);
	}
	writer_seen_clear(seen);
	assert_int_equal(writer_seen_count(seen), 0);
	assert_false(writer_seen_has(seen, str_of(id), str_hash(str_of(id))));
	writer_seen_destroy(seen);
}

static void test_equal_hashes_are_not_equal_ids(void **state)
{
	(void)state;
	struct writer_seen *seen = writer_seen_create();
	for (int i = 0; i < 300; i++) {
		char id[16];
		snprintf(id, sizeof id, "id%d", i);
		assert_false(writer_seen_has(seen, str_of(id), 42));
		writer_seen_add(seen, str_of(id), 42);
	}
	assert_true(writer_seen_has(seen, STR("id0"), 42));
	assert_true(writer_seen_has(seen, STR("id299"), 42));
	assert_false(writer_seen_has(seen, STR("id300"), 42));
	assert_false(writer_seen_has(seen, STR("id0"), 43));
	writer_seen_destroy(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		cmocka_unit_test(test_the_set_holds_the_newest_ids_and_no_others),
		cmocka_unit_test(test_equal_hashes_are_not_equal_ids),
		TEST(test_an_older_id_is_found_in_the_file_where_the_caller_says_so),
		TEST(test_a_deal_is_found_by_its_server_time_whenever_it_comes_again),
		TEST(test_other_tables_are_known_by_their_key_when_checked),
		TEST(test_rows_with_long_keys_are_never_taken_for_known),
		TEST(test_ids_are_restored_from_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
