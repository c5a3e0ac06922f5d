/* Batches that cannot go whole: rows that a sink refuses, and what is too large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sinks_stage.h"

static void put_with(struct sinks_stage *stage, size_t count, const size_t *at, size_t bad,
		     const char *word)
{
	static const char *names[1024];
	static char texts[1024][24];
	memset(names, 0, sizeof names);
	for (size_t i = 0; i < bad; i++) {
		snprintf(texts[at[i]], sizeof texts[0], "%s%zu", word, at[i]);
		names[at[i]] = texts[at[i]];
	}
	sim_put(stage, names, count);
}

/* r0 … of the rows that are not named otherwise. */
static void expect_good(struct sinks_stage *stage, size_t count, const size_t *at, size_t bad)
{
	bool is_bad[1024] = { false };
	for (size_t i = 0; i < bad; i++)
		is_bad[at[i]] = true;
	for (size_t i = 0; i < count; i++) {
		char rid[32];
		snprintf(rid, sizeof rid, "r%zu", i);
		assert_int_equal(fake_having(stage->server[0], rid), !is_bad[i]);
	}
	size_t rows = 0;
	for (size_t i = 0; i < stage->server[0]->count; i++)
		rows += stage->server[0]->rows[i].table == TABLE_trade_results;
	assert_int_equal(rows, count - bad);
}

static void one_bad_row_becomes_the_one_dead_letter(void **state)
{
	(void)state;
	static const size_t places[] = { 0, 1, 333, 499, 998, 999 };
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct sinks_stage stage;
		sim_begin(&stage, 1);
		put_with(&stage, 1000, &places[i], 1, "bad");
		sim_cut_aligned(&stage);
		sinks_start(stage.sinks);
		sim_drain(&stage, 10);
		expect_good(&stage, 1000, &places[i], 1);
		expect_ask(&stage, "SELECT count(*) FROM dead_letters", "1");
		expect_ask(&stage, "SELECT origin || ' ' || reason FROM dead_letters",
			   "first a bad row");
		char id[32];
		snprintf(id, sizeof id, "bad%zu", places[i]);
		expect_ask(&stage, "SELECT letter_id FROM dead_letters", id);
		assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 1000);
		assert_int_equal(sinks_confirmed(stage.sinks, 0, TABLE_trade_results), 999);
		expect_ask(&stage,
			   "SELECT string_agg(state || ' ' || why, ',') FROM batch_sinks WHERE "
			   "sink = 'first' AND part_to = 1000",
			   "done 1 rows are dead letters");
		sim_end(&stage);
	}
}

/* All the ids that were ever used are different. */
static void expect_fresh_ids(const struct fake_server *server)
{
	for (size_t i = 0; i < server->logged; i++)
		for (size_t k = 0; k < i; k++)
			if (server->log[i].what == 's' && server->log[k].what == 's')
				assert_true(server->log[i].batch_id != server->log[k].batch_id);
}

static void several_bad_rows_are_found_each(void **state)
{
	(void)state;
	static const size_t places[] = { 3, 4, 77, 255, 256, 511, 700 };
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	put_with(&stage, 800, places, ARRAY_LEN(places), "bad");
	sim_cut_aligned(&stage);
	sinks_start(stage.sinks);
	sim_drain(&stage, 20);
	expect_good(&stage, 800, places, ARRAY_LEN(places));
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "7");
	expect_fresh_ids(stage.server[0]);
	struct sinks_count count;
	sinks_counts(stage.sinks, &count, 1);
	assert_int_equal(count.poison, 7);
	sim_end(&stage);
}

static void parts_go_on_after_a_restart(void **state)
{
	(void)state;
	static const size_t places[] = { 10, 90 };
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	put_with(&stage, 100, places, 2, "bad");
	sim_cut_aligned(&stage);
	sinks_start(stage.sinks);
	for (int restarts = 0; restarts < 6; restarts++) {
		size_t sends = fake_calls(stage.server[0], 's');
		while (fake_calls(stage.server[0], 's') < sends + 2 && !sinks_idle(stage.sinks))
			sim_step(&stage, INT64_MAX);
		sim_close(&stage);
		sim_open(&stage);
		sinks_start(stage.sinks);
	}
	sim_drain(&stage, 60);
	expect_good(&stage, 100, places, 2);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "2");
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 100);
	sim_end(&stage);
}

static void when_every_row_is_refused_the_batch_is_held(void **state)
{
	(void)state;
	size_t places[200];
	struct sinks_stage stage;
	for (size_t i = 0; i < 200; i++)
		places[i] = i;
	sim_begin(&stage, 1);
	put_with(&stage, 200, places, 200, "bad");
	sim_cut_aligned(&stage);
	sinks_start(stage.sinks);
	sim_run(&stage, 200);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "16");
	assert_true(stage.held_s > 100);
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 0);
	sim_end(&stage);
}

static void a_row_that_cannot_be_encoded_is_told_and_the_rest_goes(void **state)
{
	(void)state;
	static const size_t places[] = { 0, 50, 99 };
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	put_with(&stage, 100, places, 3, "never");
	sim_cut_aligned(&stage);
	sinks_start(stage.sinks);
	sim_drain(&stage, 10);
	expect_good(&stage, 100, places, 3);
	expect_ask(
	    &stage,
	    "SELECT count(*) FROM dead_letters WHERE reason = 'the sink has no value for it'", "3");
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 100);
	sim_end(&stage);
}

static void what_is_too_large_for_a_body_goes_in_parts(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	for (size_t i = 0; i < 2; i++) {
		buf_deinit(&stage.sinks->lines[0].ready[i].body);
		buf_init(&stage.sinks->lines[0].ready[i].body, 900);
	}
	sim_put(&stage, NULL, 1000);
	sim_cut_aligned(&stage);
	sinks_start(stage.sinks);
	while (stage.server[0]->count < 1000)
		sim_step(&stage, stage.now_ns + INT64_C(1000000000));
	sim_drain(&stage, 10);
	expect_all(&stage, 1000);
	assert_true(fake_calls(stage.server[0], 's') >= 6);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "0");
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 1000);
	sim_end(&stage);
}

static void a_dead_letter_that_is_refused_causes_no_other(void **state)
{
	(void)state;
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	struct writer_batch *batch = stage_take(&stage.file);
	archive_rows_begin(&batch->rows, TABLE_dead_letters);
	archive_row_text(&batch->rows, COLUMN_dead_letters_origin, STR("bad"));
	archive_row_text(&batch->rows, COLUMN_dead_letters_letter_id, STR("x"));
	archive_row_int(&batch->rows, COLUMN_dead_letters_at_us, stage_us);
	archive_row_int(&batch->rows, COLUMN_dead_letters_attempts, 3);
	archive_row_text(&batch->rows, COLUMN_dead_letters_reason, STR("why"));
	archive_row_text(&batch->rows, COLUMN_dead_letters_payload, STR("{}"));
	assert_int_equal(archive_rows_end(&batch->rows), STATUS_OK);
	stage_submit(&stage.file, batch);
	sim_cut_aligned(&stage);
	sinks_start(stage.sinks);
	sim_drain(&stage, 10);
	expect_ask(&stage, "SELECT count(*) FROM dead_letters", "1");
	assert_int_equal(stage.server[0]->count, 0);
	sim_end(&stage);
}

/* The bad half of a batch whose other part was lost on its way. */
static void unknown_parts_are_asked_for_by_their_own_ids(void **state)
{
	(void)state;
	static const size_t places[] = { 60 };
	struct sinks_stage stage;
	sim_begin(&stage, 1);
	put_with(&stage, 100, places, 1, "bad");
	sim_cut_aligned(&stage);
	fake_fate(&stage.fake[0], FAKE_WELL); /* refused: the whole */
	fake_fate(&stage.fake[0], FAKE_LANDED);
	fake_fate(&stage.fake[0], FAKE_WELL);
	fake_fate(&stage.fake[0], FAKE_LOST);
	sinks_start(stage.sinks);
	sim_drain(&stage, 60);
	expect_good(&stage, 100, places, 1);
	assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), 100);
	sim_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_bad_row_becomes_the_one_dead_letter),
		cmocka_unit_test(several_bad_rows_are_found_each),
		cmocka_unit_test(parts_go_on_after_a_restart),
		cmocka_unit_test(when_every_row_is_refused_the_batch_is_held),
		cmocka_unit_test(a_row_that_cannot_be_encoded_is_told_and_the_rest_goes),
		cmocka_unit_test(what_is_too_large_for_a_body_goes_in_parts),
		cmocka_unit_test(a_dead_letter_that_is_refused_causes_no_other),
		cmocka_unit_test(unknown_parts_are_asked_for_by_their_own_ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
