/* Entries that were read before a restart come again from the group that is set back, whatever
 * answer is lost meanwhile: each is archived once, and none is taken for a stream that was rolled
 * back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "unit/results_stage.h"

enum {
	ENTRIES = 6000, /* more pages than one: what comes again does so in parts */
	CUTS = 12,
};

static void add(struct results_stage *stage, int from)
{
	for (int i = from; i < from + ENTRIES; i++)
		assert_true(results_other(stage, "XADD trade_results * rid r%d st done", i));
}

static void check_all_once(struct results_stage *stage, int count)
{
	for (int i = 0; i < count; i++) {
		char rid[16];
		snprintf(rid, sizeof rid, "r%d", i);
		assert_int_equal(fake_writer_found(stage->writer, str_of(rid)), 1);
	}
}

/* Read and not committed when weir dies, and it dies again `lives` times while it reads them
 * anew: each time the group stands elsewhere, and what is pending reaches beyond it. After its
 * last start the n-th command from the group's setting back on is executed, and its answer
 * never comes. */
static void restart_and_cut(struct results_stage *stage, uint64_t lives, uint64_t n)
{
	stage->commits = false;
	add(stage, ENTRIES);
	results_run(stage, 400 * results_ms_ns);
	assert_in_range(results_integer(stage, "XPENDING trade_results archive"), 2000, ENTRIES);
	results_die(stage);
	results_run(stage, 300 * results_ms_ns);
	for (uint64_t life = 0; life < lives; life++) {
		fake_redis_cut(stage->redis, (n + 5 * life) % CUTS, FAKE_CUT_AFTER);
		results_live(stage);
		results_run(stage, 400 * results_ms_ns);
		results_die(stage);
		results_run(stage, 300 * results_ms_ns);
	}
	stage->commits = true;
	fake_redis_cut(stage->redis, n, FAKE_CUT_AFTER);
	results_live(stage);
	results_run(stage, 4 * results_second_ns);
}

static void after_lives(uint64_t lives)
{
	for (uint64_t n = lives; n < CUTS; n += 1 + lives) {
		struct results_stage stage;
		results_begin(&stage);
		add(&stage, 0);
		assert_int_equal(results_settle(&stage), STATUS_OK);
		restart_and_cut(&stage, lives, n);
		add(&stage, 2 * ENTRIES);
		results_run(&stage, 4 * results_second_ns);
		check_all_once(&stage, 3 * ENTRIES);
		assert_int_equal(stage.n_tells, 0);
		assert_int_equal(results_counts(stage.results).epochs, 0);
		assert_int_equal(writer_counted(stage.writer, "lost"), 0);
		assert_int_equal(writer_counted(stage.writer, "known"), 0);
		assert_int_equal(results_integer(&stage, "XPENDING trade_results archive"), 0);
		assert_true(results_balance(&stage));
		results_deinit(&stage);
	}
}

static void entries_that_a_group_set_back_brings_again_are_taken_once(void **state)
{
	(void)state;
	after_lives(0);
}

static void also_where_weir_dies_again_while_they_come(void **state)
{
	(void)state;
	after_lives(1);
	after_lives(3);
}

static void what_was_pending_and_is_gone_is_soon_told(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	stage.commits = false;
	add(&stage, ENTRIES);
	results_run(&stage, 400 * results_ms_ns);
	results_die(&stage);
	results_run(&stage, 300 * results_ms_ns);
	int64_t pending = results_integer(&stage, "XPENDING trade_results archive");
	assert_in_range(pending, 2000, ENTRIES);
	assert_true(results_other(&stage, "XTRIM trade_results MAXLEN 0"));
	stage.commits = true;
	results_live(&stage);
	results_run(&stage, 4 * results_second_ns);
	assert_int_equal(results_integer(&stage, "XPENDING trade_results archive"), 0);
	assert_int_equal(writer_counted(stage.writer, "lost"), ENTRIES);
	assert_true(results_balance(&stage));
	results_deinit(&stage);
}

/* It would not know how many there were, were they removed before it reads them again. */
static void nothing_of_a_new_stream_is_taken_before_the_file_has_its_mark(void **state)
{
	struct results_stage stage;
	(void)state;
	results_init(&stage);
	results_run(&stage, 10 * results_ms_ns);
	stage.commits = false;
	add(&stage, 0);
	results_start(stage.results);
	results_run(&stage, results_second_ns);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), ENTRIES);
	assert_int_equal(results_integer(&stage, "XPENDING trade_results archive"), 0);
	stage.commits = true;
	results_run(&stage, 4 * results_second_ns);
	assert_int_equal(results_counts(stage.results).read, ENTRIES);
	assert_true(results_balance(&stage));
	results_deinit(&stage);
}

/* A new connection is told of while the look of the one before is under way; entries come all
 * the while, so that what one look reads is new to the other. */
static void looks_do_not_mix(void **state)
{
	(void)state;
	for (int64_t n = 0; n < 24; n++) {
		struct results_stage stage;
		results_begin(&stage);
		add(&stage, 0);
		results_run(&stage, results_second_ns);
		results_reconnected(stage.results);
		for (int64_t i = 0; i < n; i++)
			results_run(&stage, results_ms_ns / 8);
		assert_true(results_other(&stage, "XADD trade_results * rid r%d st done", ENTRIES));
		results_reconnected(stage.results);
		results_run(&stage, 2 * results_second_ns);
		assert_int_equal(stage.n_tells, 0);
		check_all_once(&stage, ENTRIES + 1);
		assert_true(results_balance(&stage));
		results_deinit(&stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_that_a_group_set_back_brings_again_are_taken_once),
		cmocka_unit_test(also_where_weir_dies_again_while_they_come),
		cmocka_unit_test(what_was_pending_and_is_gone_is_soon_told),
		cmocka_unit_test(nothing_of_a_new_stream_is_taken_before_the_file_has_its_mark),
		cmocka_unit_test(looks_do_not_mix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
