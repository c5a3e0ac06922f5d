/* Rows that a sink refused, tried once more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive/sinks_again.h"
#include "sinks_stage.h"

struct letter {
	char origin[32], id[64], payload[2048];
	bool done;
};

static bool take_letter(void *ctx, const struct db_row *row)
{
	struct letter *letter = ctx;
	assert_int_equal(str_copy(db_row_text(row, 0), letter->origin, sizeof letter->origin), 0);
	assert_int_equal(str_copy(db_row_text(row, 1), letter->id, sizeof letter->id), 0);
	assert_int_equal(str_copy(db_row_text(row, 2), letter->payload, sizeof letter->payload), 0);
	return false;
}

static enum status again_fn(struct archive_db *db, void *ctx, struct err *err)
{
	struct letter *letter = ctx;
	enum status status =
	    sinks_again(db, str_of(letter->origin), str_of(letter->payload), &letter->done, err);
	if (!status && letter->done)
		status = db_drop_letter(db, str_of(letter->origin), str_of(letter->id), err);
	return status;
}

static enum status again_work(struct archive_db *db, void *ctx, struct err *err)
{
	enum status status = db_each(db, "SELECT origin, letter_id, payload FROM dead_letters",
				     DB_NONE, take_letter, ctx, err);
	return status ? status : db_transact(db, again_fn, ctx, err);
}

static bool again(struct sinks_stage *stage)
{
	struct letter letter = { 0 };
	struct err err = { 0 };
	if (stage_run(&stage->file, again_work, &letter, &err))
		fail_msg("%s", err.text);
	return letter.done;
}

/* One of 50 rows is refused by the first of two sinks. */
static void begin(struct sinks_stage *stage, size_t sinks)
{
	const char *names[50] = { [20] = "bad20" };
	sim_begin(stage, sinks);
	stage->close_rows = 50;
	if (sinks > 1)
		stage->fake[1].mended = true;
	sim_put(stage, names, 50);
	sim_cut_aligned(stage);
	sinks_start(stage->sinks);
}

static size_t results_at(const struct fake_server *server)
{
	size_t rows = 0;
	for (size_t i = 0; i < server->count; i++)
		rows += server->rows[i].table == TABLE_trade_results;
	return rows;
}

static void a_row_that_was_refused_arrives_when_the_sink_is_mended(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 2);
	sim_drain(&stage, 100);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "1");
	assert_int_equal(sinks_confirmed(stage.sinks, 0, TABLE_trade_results), 49);
	/* Not mended: it is refused again, and is a letter again. */
	assert_true(again(&stage));
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "0");
	sim_drain(&stage, 100);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "1");
	assert_int_equal(results_at(stage.server[0]), 49);
	stage.fake[0].mended = true;
	assert_true(again(&stage));
	sim_drain(&stage, 100);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "0");
	assert_int_equal(results_at(stage.server[0]), 50);
	assert_int_equal(fake_having(stage.server[0], "bad20"), 1);
	/* The other one had it, and is not sent it again. */
	assert_int_equal(results_at(stage.server[1]), 50);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(sinks_confirmed(stage.sinks, i, TABLE_trade_results), 50);
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 50);
	expect_ask(&stage,
		   "SELECT count(*) FROM batches b WHERE tbl = 'trade_results' AND rows <> (SELECT "
		   "count(*) FROM trade_results r WHERE r.batch_id = b.batch_id)",
		   "0");
	expect_ask(&stage, "SELECT sum(rows) FROM batches WHERE tbl = 'trade_results'", "50");
	sim_end(&stage);
}

static void it_waits_until_the_others_have_it(void **state)
{
	(void)state;
	struct sinks_stage stage;
	begin(&stage, 2);
	stage.fake[1].down = true;
	sim_run(&stage, 60);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "1");
	assert_false(again(&stage));
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "1");
	stage.fake[1].down = false;
	stage.fake[0].mended = true;
	sim_drain(&stage, 300);
	assert_true(again(&stage));
	sim_drain(&stage, 100);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(results_at(stage.server[i]), 50);
	sim_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_that_was_refused_arrives_when_the_sink_is_mended),
		cmocka_unit_test(it_waits_until_the_others_have_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
