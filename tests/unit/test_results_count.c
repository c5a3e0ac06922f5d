/* Results that were removed unread are told by the count of all that were added, of which field
 * x of fleet:up:~ is a part: what becomes of that when somebody removes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "unit/results_stage.h"

static const char gone[] = "results were removed by somebody";

static void add(struct results_stage *stage, int from, int rows)
{
	char storage[ENTRIES_ROWS_MAX * 24];
	struct buf text = buf_over(storage, sizeof storage - 1);
	for (int i = from; i < from + rows; i++)
		buf_printf(&text, "rid=r%d st=done\n", i);
	CHECK(!text.overflow);
	storage[text.len] = 0;
	assert_true(results_add_packed(stage, "*", storage));
}

static void add_plain(struct results_stage *stage, const char *id, int number)
{
	assert_true(results_other(stage, "XADD trade_results %s rid r%d st done", id, number));
}

static int64_t lost(struct results_stage *stage)
{
	results_run(stage, 3 * results_second_ns);
	assert_true(results_balance(stage));
	return writer_counted(stage->writer, "lost");
}

/* -1: it is not there. */
static int64_t x_of(struct results_stage *stage)
{
	struct str argv[] = { STR("HGET"), STR("fleet:up:~"), STR("x") };
	struct redis_reply *reply = fake_redis_peek(stage->redis, argv, ARRAY_LEN(argv));
	int64_t x = -1;
	if (reply->type == REDIS_BULK)
		assert_int_equal(str_to_i64(reply->text, &x), STATUS_OK);
	fake_reply_free(reply);
	return x;
}

/* Thirty results that were archived, in a run of before. */
static void begin(struct results_stage *stage, bool restart)
{
	results_begin(stage);
	add(stage, 0, 20);
	add(stage, 20, 10);
	assert_int_equal(results_settle(stage), STATUS_OK);
	assert_int_equal(lost(stage), 0);
	if (restart)
		results_restart(stage);
}

/* By who adds them, who knows it still. */
static void the_field_that_comes_back_as_it_was_is_no_loss(void **state)
{
	(void)state;
	for (int restart = 0; restart < 2; restart++) {
		struct results_stage stage;
		begin(&stage, restart);
		results_other(&stage, "DEL fleet:up:~");
		add(&stage, 30, 5);
		assert_int_equal(lost(&stage), 0);
		assert_int_equal(x_of(&stage), 28 + 4);
		assert_int_equal(stage.n_tells, 0);
		results_deinit(&stage);
	}
}

static void the_field_is_written_again_as_it_must_have_been(void **state)
{
	(void)state;
	for (int restart = 0; restart < 2; restart++) {
		struct results_stage stage;
		begin(&stage, restart);
		results_other(&stage, "DEL fleet:up:~");
		assert_int_equal(lost(&stage), 0);
		assert_int_equal(x_of(&stage), 28);
		assert_int_equal(results_counts(stage.results).added, 30);
		add(&stage, 30, 5);
		assert_int_equal(lost(&stage), 0);
		assert_int_equal(stage.n_tells, 0);
		results_deinit(&stage);
	}
}

static void a_field_that_vanishes_while_weir_is_down_is_no_loss(void **state)
{
	struct results_stage stage;
	(void)state;
	begin(&stage, false);
	results_die(&stage);
	results_other(&stage, "DEL fleet:up:~");
	results_live(&stage);
	assert_int_equal(lost(&stage), 0);
	assert_int_equal(x_of(&stage), 28);
	results_deinit(&stage);
}

/* Who adds them starts anew too, and counts what the stream still has. */
static void a_field_that_begins_lower_is_no_loss(void **state)
{
	struct results_stage stage;
	(void)state;
	begin(&stage, false);
	results_die(&stage);
	results_other(&stage, "DEL fleet:up:~");
	stage.beyond = 9;
	add(&stage, 30, 5);
	results_live(&stage);
	assert_int_equal(lost(&stage), 0);
	add(&stage, 35, 5);
	assert_int_equal(lost(&stage), 0);
	assert_int_equal(stage.n_tells, 0);
	results_deinit(&stage);
}

static void what_was_removed_with_the_field_is_told(void **state)
{
	struct results_stage stage;
	(void)state;
	begin(&stage, false);
	add_plain(&stage, "9999999999998-1", 30);
	add_plain(&stage, "9999999999998-2", 31);
	results_other(&stage, "XDEL trade_results 9999999999998-1 9999999999998-2");
	results_other(&stage, "DEL fleet:up:~");
	add_plain(&stage, "9999999999999-1", 32); /* read to its end it has to be */
	assert_int_equal(lost(&stage), 2);
	assert_true(results_told(&stage, gone));
	assert_int_equal(x_of(&stage), 28);
	assert_true(results_add_packed(&stage, "9999999999999-*", "rid=a st=done\nrid=b st=done"));
	assert_int_equal(lost(&stage), 2);
	results_deinit(&stage);
}

/* More plain ones than all packed ones ever had. */
static void a_loss_that_outweighs_the_field_is_told_in_full(void **state)
{
	struct results_stage stage;
	(void)state;
	begin(&stage, false);
	for (int i = 0; i < 40; i++) {
		add_plain(&stage, "*", 30 + i);
	}
	results_other(&stage, "XTRIM trade_results MAXLEN 0");
	add_plain(&stage, "*", 70);
	results_other(&stage, "DEL fleet:up:~");
	assert_int_equal(lost(&stage), 40);
	results_deinit(&stage);
}

static void what_is_removed_after_the_field_is_told(void **state)
{
	struct results_stage stage;
	(void)state;
	begin(&stage, true);
	results_other(&stage, "DEL fleet:up:~");
	assert_int_equal(lost(&stage), 0);
	assert_true(results_add_packed(&stage, "9999999999998-1", "rid=a st=done\nrid=b st=done"));
	results_other(&stage, "XDEL trade_results 9999999999998-1");
	add_plain(&stage, "9999999999999-1", 30);
	assert_int_equal(lost(&stage), 2);
	results_deinit(&stage);
}

/* It counts from a field that is there: one that came later would say what nobody has read. */
static void a_stream_begun_without_the_field_makes_it_first(void **state)
{
	static const char *const removals[] = { "FLUSHALL",
						"XGROUP DESTROY trade_results archive" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(removals); i++) {
		struct results_stage stage;
		begin(&stage, i > 0);
		results_other(&stage, "%s", removals[i]);
		results_other(&stage, "DEL fleet:up:~");
		assert_int_equal(lost(&stage), 0);
		assert_int_equal(x_of(&stage), 0);
		stage.beyond = 0; /* as who adds them finds it */
		add(&stage, 30, 5);
		results_restart(&stage);
		assert_int_equal(lost(&stage), 0);
		add(&stage, 35, 5);
		assert_int_equal(lost(&stage), 0);
		for (int number = 0; number < 40; number++) {
			char rid[16];
			snprintf(rid, sizeof rid, "r%d", number);
			assert_int_equal(fake_writer_found(stage.writer, str_of(rid)), 1);
		}
		results_deinit(&stage);
	}
}

static void a_server_that_is_full_does_not_hold_it_up(void **state)
{
	struct results_stage stage;
	struct fake_server *server;
	(void)state;
	begin(&stage, false);
	server = fake_redis_server(stage.redis);
	results_die(&stage);
	fake_writer_destroy(stage.writer); /* another archive */
	stage.writer = fake_writer_create(WRITER_SEEN_MAX, WRITER_BATCH_BYTES);
	results_other(&stage, "DEL fleet:up:~");
	add_plain(&stage, "*", 30);
	server->maxmemory = 1;
	results_live(&stage);
	results_run(&stage, 3 * results_second_ns);
	assert_int_equal(fake_writer_found(stage.writer, STR("r30")), 1);
	assert_int_equal(x_of(&stage), -1);
	server->maxmemory = 0;
	assert_int_equal(lost(&stage), 0);
	results_deinit(&stage);
}

static void a_stream_without_packed_entries_needs_no_field(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	results_other(&stage, "DEL fleet:up:~");
	for (int i = 0; i < 10; i++)
		add_plain(&stage, "*", i);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	assert_int_equal(lost(&stage), 0);
	assert_int_equal(x_of(&stage), -1);
	add_plain(&stage, "9999999999998-1", 30);
	results_other(&stage, "XDEL trade_results 9999999999998-1");
	add_plain(&stage, "9999999999999-1", 31);
	assert_int_equal(lost(&stage), 1);
	results_deinit(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_field_that_comes_back_as_it_was_is_no_loss),
		cmocka_unit_test(the_field_is_written_again_as_it_must_have_been),
		cmocka_unit_test(a_field_that_vanishes_while_weir_is_down_is_no_loss),
		cmocka_unit_test(a_field_that_begins_lower_is_no_loss),
		cmocka_unit_test(what_was_removed_with_the_field_is_told),
		cmocka_unit_test(a_loss_that_outweighs_the_field_is_told_in_full),
		cmocka_unit_test(what_is_removed_after_the_field_is_told),
		cmocka_unit_test(a_stream_begun_without_the_field_makes_it_first),
		cmocka_unit_test(a_server_that_is_full_does_not_hold_it_up),
		cmocka_unit_test(a_stream_without_packed_entries_needs_no_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
