/* weir is killed at each named place between the archive file and a sink, and started again;
 * and sinks that fail at random. Each row is at the sink once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>

#include "archive/duck.h"
#include "sinks_stage.h"

static enum crash armed = CRASH_COUNT;
static long times;

void crash_point(enum crash point)
{
	if (point == armed && --times == 0)
		raise(SIGKILL);
}

/* ---- killed ---- */

enum { CRASH_BATCHES = 6, CRASH_ROWS = 50 };

static void put_some(struct sinks_stage *stage)
{
	for (int i = 0; i < CRASH_BATCHES; i++) {
		sim_put(stage, NULL, CRASH_ROWS);
		sim_cut(stage);
	}
	sim_cut_aligned(stage);
}

static void put_bad(struct sinks_stage *stage)
{
	const char *names[CRASH_ROWS] = { [20] = "bad20" };
	sim_put(stage, names, CRASH_ROWS);
	sim_cut_aligned(stage);
}

static void drain(struct sinks_stage *stage)
{
	sinks_start(stage->sinks);
	sim_drain(stage, 120);
}

/* In a process of its own, on the stage's folder and servers; true: it was killed. */
static bool in_child(struct sinks_stage *stage, void (*fn)(struct sinks_stage *stage),
		     enum crash point, long n)
{
	int state;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct err err;
		setenv("CMOCKA_TEST_ABORT", "1", 1); /* it fails for itself, and runs no other */
		CHECK(loop_create(64, &stage->file.loop, &err) == STATUS_OK);
		stage->timers = timers_create(64);
		armed = point;
		times = n;
		sim_open(stage);
		fn(stage);
		sim_close(stage);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &state, 0), pid);
	bool killed = WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL;
	assert_true(killed || (WIFEXITED(state) && WEXITSTATUS(state) == 0));
	return killed;
}

static void ask_all(struct sinks_stage *stage)
{
	sinks_start(stage->sinks);
	sim_drain(stage, 120);
	int64_t rows = writer_rows(stage->file.writer, TABLE_trade_results);
	CHECK(sinks_shipped(stage->sinks, TABLE_trade_results) == rows);
	CHECK(strcmp(stage_ask(&stage->file, "SELECT count(*) FROM batch_sinks WHERE state NOT IN "
					     "('done')"),
		     "0") == 0);
}

/* Nothing of the stage is opened in the test's own process: it only holds the servers. */
static void crash_begin(struct sinks_stage *stage)
{
	*stage = (struct sinks_stage){ .count = 1, .close_rows = 10000, .seed = 1 };
	stage->file = (struct stage){ .dir = "/tmp/weir_sinks_XXXXXX" };
	stage_begin(&stage->file);
	stage->now_ns = INT64_C(1000000000000);
	stage->clock = (struct clock_port){ sim_now, sim_now, stage };
	stage->server[0] = fake_server_create();
}

static void crash_end(struct sinks_stage *stage)
{
	stage_end(&stage->file);
	fake_server_destroy(stage->server[0]);
}

/* ---- rows of before there was a sink ---- */

enum { BEFORE_ROWS = 300, BEFORE_BATCH = 50 };

static void put_before(struct sinks_stage *stage) { sim_put(stage, NULL, BEFORE_ROWS); }

/* Killed in a step, between two, and while what they made is sent: each row arrives once. */
static void killed_while_rows_of_before_get_batches_each_arrives_once(void **state)
{
	static const enum crash at[] = { CRASH_append, CRASH_batch, CRASH_ch_ok };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		for (long n = 1; n <= 5; n += 2) {
			struct sinks_stage stage;
			crash_begin(&stage);
			stage.count = 0;
			assert_false(in_child(&stage, put_before, CRASH_COUNT, 0));
			stage.count = 1;
			stage.close_rows = BEFORE_BATCH;
			assert_true(in_child(&stage, drain, at[i], n));
			assert_true(in_child(&stage, drain, at[i], 1));
			assert_false(in_child(&stage, ask_all, CRASH_COUNT, 0));
			stage.next = BEFORE_ROWS;
			expect_all(&stage, BEFORE_ROWS);
			crash_end(&stage);
		}
}

static const enum crash points[] = { CRASH_batch, CRASH_http_half, CRASH_ch_ok, CRASH_shipped };

static void killed_anywhere_each_row_arrives_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(points); i++)
		for (long n = 1; n <= CRASH_BATCHES; n += 3) {
			struct sinks_stage stage;
			crash_begin(&stage);
			assert_false(in_child(&stage, put_some, CRASH_COUNT, 0));
			assert_true(in_child(&stage, drain, points[i], n));
			assert_false(in_child(&stage, ask_all, CRASH_COUNT, 0));
			stage.next = CRASH_BATCHES * CRASH_ROWS;
			expect_all(&stage, CRASH_BATCHES * CRASH_ROWS);
			crash_end(&stage);
		}
}

/* ---- rows that are told again ---- */

static void put_alerts_again(struct sinks_stage *stage)
{
	for (size_t i = 0; i < CRASH_BATCHES; i++) {
		sim_put_alerts(stage, 25 * i, 25 * i + CRASH_ROWS);
		sim_cut(stage);
	}
}

static void ask_alerts(struct sinks_stage *stage)
{
	drain(stage);
	CHECK(sinks_shipped(stage->sinks, TABLE_alert_log) == CRASH_BATCHES * CRASH_ROWS);
}

/* Killed when so many batches have landed. */
static void drain_fatally(struct sinks_stage *stage)
{
	for (long i = 1; i < times; i++)
		fake_fate(&stage->fake[0], FAKE_WELL);
	fake_fate(&stage->fake[0], FAKE_FATAL);
	drain(stage);
}

/* The newest batch takes rows of the one before away, whose end is recorded by then. */
static void killed_when_rows_came_again_those_before_are_not_missed(void **state)
{
	(void)state;
	for (long n = 1; n <= CRASH_BATCHES; n++) {
		struct sinks_stage stage;
		crash_begin(&stage);
		stage.server[0]->merges = true;
		assert_false(in_child(&stage, put_alerts_again, CRASH_COUNT, 0));
		assert_true(in_child(&stage, drain_fatally, CRASH_COUNT, n));
		assert_false(in_child(&stage, ask_alerts, CRASH_COUNT, 0));
		assert_int_equal(stage.server[0]->count, CRASH_BATCHES * CRASH_ROWS);
		crash_end(&stage);
	}
}

/* ---- again and again ---- */

/* Each turn gets a little further, whatever kills it. */
static void killed_again_and_again_it_ends(void **state)
{
	(void)state;
	struct sinks_stage stage;
	crash_begin(&stage);
	assert_false(in_child(&stage, put_some, CRASH_COUNT, 0));
	struct rng rng;
	rng_init(&rng, 7);
	for (int i = 0; i < 8; i++)
		in_child(&stage, drain, points[rng_below(&rng, ARRAY_LEN(points))],
			 1 + (long)rng_below(&rng, 2));
	assert_false(in_child(&stage, ask_all, CRASH_COUNT, 0));
	stage.next = CRASH_BATCHES * CRASH_ROWS;
	expect_all(&stage, CRASH_BATCHES * CRASH_ROWS);
	crash_end(&stage);
}

static void expect_one_letter(struct sinks_stage *stage)
{
	ask_all(stage);
	CHECK(strcmp(stage_ask(&stage->file, "SELECT count(*) FROM dead_letters"), "1") == 0);
}

static void killed_while_a_bad_row_is_looked_for_it_is_told_once(void **state)
{
	(void)state;
	for (long n = 1; n <= 9; n += 4) {
		struct sinks_stage stage;
		crash_begin(&stage);
		assert_false(in_child(&stage, put_bad, CRASH_COUNT, 0));
		assert_true(in_child(&stage, drain, CRASH_http_half, n));
		assert_false(in_child(&stage, expect_one_letter, CRASH_COUNT, 0));
		size_t rows = 0;
		for (size_t i = 0; i < stage.server[0]->count; i++)
			rows += stage.server[0]->rows[i].table == TABLE_trade_results;
		assert_int_equal(rows, CRASH_ROWS - 1);
		assert_int_equal(fake_having(stage.server[0], "bad20"), 0);
		crash_end(&stage);
	}
}

/* ---- at random ---- */

static enum fake_fate random_fate(struct rng *rng)
{
	static const enum fake_fate fates[] = { FAKE_AWAY, FAKE_LOST, FAKE_LANDED, FAKE_LATE,
						FAKE_HELD };
	return rng_below(rng, 2) ? FAKE_WELL : fates[rng_below(rng, ARRAY_LEN(fates))];
}

static void whatever_a_sink_says_each_row_arrives_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct sinks_stage stage;
		struct rng rng;
		rng_init(&rng, seed);
		sim_begin(&stage, 2);
		sinks_start(stage.sinks);
		for (int i = 0; i < 20; i++) {
			sim_put(&stage, NULL, 1 + rng_below(&rng, 30));
			sim_cut(&stage);
			for (size_t k = 0; k < 2; k++) {
				fake_fate(&stage.fake[k], random_fate(&rng));
				stage.fake[k].down = rng_below(&rng, 6) == 0;
			}
			sim_run(&stage, (double)rng_below(&rng, 40));
		}
		stage.fake[0].down = stage.fake[1].down = false;
		sim_drain(&stage, 3000);
		expect_all(&stage, stage.next);
		assert_int_equal(stage.server[1]->count, stage.next);
		assert_int_equal(sinks_shipped(stage.sinks, TABLE_trade_results), stage.next);
		sim_end(&stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_anywhere_each_row_arrives_once),
		cmocka_unit_test(killed_when_rows_came_again_those_before_are_not_missed),
		cmocka_unit_test(killed_again_and_again_it_ends),
		cmocka_unit_test(killed_while_a_bad_row_is_looked_for_it_is_told_once),
		cmocka_unit_test(killed_while_rows_of_before_get_batches_each_arrives_once),
		cmocka_unit_test(whatever_a_sink_says_each_row_arrives_once),
	};
	struct err err = { 0 };
	if (!duck_load(&err)) { /* once, for all the processes to come */
		printf("skipped: %s\n", err.text);
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
