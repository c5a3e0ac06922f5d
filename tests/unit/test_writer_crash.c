/* Exactly once across SIGKILL: at the named points and at random moments. A child writes
 * batches, each with its number as the mark, and says which are committed; it is killed,
 * another goes on. Nothing that was said is lost, nothing is there twice or in part. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/crash.h"
#include "base/rng.h"
#include "writer_stage.h"

enum { ROUNDS = 24, ROWS = 700, E8 = 100000000 };

/* Where this process dies; the writer links this one instead of the library's. */
static enum crash crash_at = CRASH_COUNT;
static int crash_nth;

void crash_point(enum crash point)
{
	if (point == crash_at && --crash_nth == 0)
		raise(SIGKILL);
}

static int setup(void **state)
{
	static struct stage stage;
	stage_begin(&stage);
	stage.config.checkpoint_ms = 100;
	stage.config.sinks[0] = "clickhouse";
	*state = &stage;
	return 0;
}

static int teardown(void **state)
{
	stage_end(*state);
	return 0;
}

/* The rows of batch n: results, and a position that the next batch closes. */
static void fill(struct writer_batch *batch, int64_t n)
{
	char mark[24];
	for (int i = 0; i < ROWS; i++) {
		char rid[48];
		snprintf(rid, sizeof rid, "%" PRId64 "-mt5-017-%d", n, i);
		stage_result(&batch->rows, rid, n, "fail", stage_us + n);
	}
	struct stage_deal in = { 2 * n + 2, n + 2, "buy", E8, E8, 0, 0, stage_us + n };
	struct stage_deal out = { 2 * n + 1, n + 1, "sell", E8, E8, n, 0, stage_us + n };
	stage_deal(&batch->rows, &in);
	if (n > 0)
		stage_deal(&batch->rows, &out);
	snprintf(mark, sizeof mark, "%" PRId64, n);
	writer_mark(batch, STR("n"), str_of(mark));
	writer_count(batch, "batches", 1);
}

static int64_t marked(struct stage *stage)
{
	struct str text = writer_marked(stage->writer, STR("n"));
	int64_t n = -1;
	if (text.len)
		assert_int_equal(str_to_i64(text, &n), 0);
	return n;
}

struct child {
	struct stage *stage;
	int64_t next;
	int out;
};

static void on_done(void *ctx, struct writer_batch *batch, enum status status);

static void put_next(struct child *child)
{
	struct writer_batch *batch = writer_batch_take(child->stage->writer);
	if (!batch)
		return;
	fill(batch, child->next++);
	batch->done = on_done;
	batch->ctx = child;
	writer_submit(child->stage->writer, batch);
}

static void on_done(void *ctx, struct writer_batch *batch, enum status status)
{
	struct child *child = ctx;
	(void)batch;
	if (status)
		_exit(1);
	int64_t n = marked(child->stage);
	if (write(child->out, &n, sizeof n) != sizeof n)
		_exit(1);
}

static void run_child(struct stage *stage, int out, enum crash at, int nth)
{
	struct err err;
	struct child child = { stage, 0, out };
	if (loop_create(64, &stage->loop, &err))
		_exit(1);
	stage_open(stage);
	child.next = marked(stage) + 1;
	if (write(out, &child.next, sizeof child.next) != sizeof child.next)
		_exit(1);
	crash_at = at;
	crash_nth = nth;
	for (;;) {
		for (int i = 0; i < 3; i++)
			put_next(&child);
		loop_turn(stage->loop, 10000000);
	}
}

/* Starts one that dies at the point, or is killed after so many commits were told and a few
 * turns of a loop more. The newest number it told. */
static int64_t one_life(struct stage *stage, enum crash at, int nth, struct rng *rng)
{
	int ends[2], how, acks = 0;
	int64_t n, newest = -1, most = 1 + (int64_t)rng_below(rng, 6);
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		run_child(stage, ends[1], at, nth);
	}
	close(ends[1]);
	while (read(ends[0], &n, sizeof n) == sizeof n) {
		newest = n - (acks++ == 0); /* the first is what it would write next */
		if (at == CRASH_COUNT && acks > most) {
			for (volatile uint64_t i = rng_below(rng, 20000000); i > 0; i--)
				;
			kill(pid, SIGKILL);
			at = CRASH_read; /* once */
		}
	}
	close(ends[0]);
	assert_int_equal(waitpid(pid, &how, 0), pid);
	if (WIFEXITED(how) && WEXITSTATUS(how) == 77)
		_exit(77);
	assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
	return newest;
}

/* All batches up to the mark, whole, each row once; the counters and the sums agree. */
static void check(struct stage *stage, int64_t told)
{
	char want[96];
	stage_open(stage);
	int64_t n = marked(stage);
	assert_true(n >= told);
	snprintf(want, sizeof want, "%" PRId64 " %" PRId64, n + 1,
		 n < 0 ? 0 : (n + 1) * (ROWS + 2) - 1);
	assert_string_equal(stage_ask(stage, "SELECT count(DISTINCT sid) || ' ' || count(DISTINCT "
					     "result_id) FROM trade_results"),
			    want);
	assert_string_equal(stage_ask(stage, "SELECT count(*) - count(DISTINCT result_id) FROM "
					     "trade_results"),
			    "0");
	assert_int_equal(writer_counted(stage->writer, "batches"), n + 1);
	snprintf(want, sizeof want, "%" PRId64 " %" PRId64, n, n * (n + 1) / 2);
	if (n > 0)
		assert_string_equal(stage_ask(stage, "SELECT count(*) || ' ' || (sum(pnl) * "
						     "100000000)::BIGINT FROM trades"),
				    want);
	assert_int_equal(writer_rows(stage->writer, TABLE_trade_results),
			 atoll(stage_ask(stage, "SELECT count(*) FROM trade_results")));
	/* Every row is of a batch that is closed (the file was opened: those that were open
	 * are), each a whole: as many rows as it says, of one table and month. */
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trade_results WHERE batch_id "
					     "NOT IN (SELECT batch_id FROM batches)"),
			    "0");
	assert_string_equal(
	    stage_ask(stage, "SELECT count(*) FROM batches b WHERE rows <> (SELECT count(*) FROM "
			     "(SELECT batch_id FROM trade_results UNION ALL SELECT batch_id FROM "
			     "trades) r WHERE r.batch_id = b.batch_id)"),
	    "0");
	assert_string_equal(stage_ask(stage, "SELECT count(*) - count(DISTINCT batch_id) FROM "
					     "batches"),
			    "0");
	stage_close(stage);
}

static void die_at(struct stage *stage, enum crash at)
{
	struct rng rng;
	rng_init(&rng, 5);
	for (int nth = 1; nth <= 4; nth++)
		check(stage, one_life(stage, at, nth, &rng));
}

static void test_killed_in_the_middle_of_a_transaction(void **state)
{
	die_at(*state, CRASH_append);
}

static void test_killed_when_committed_and_not_told(void **state) { die_at(*state, CRASH_commit); }

static void test_killed_after_a_checkpoint(void **state)
{
	struct stage *stage = *state;
	struct rng rng;
	rng_init(&rng, 6);
	check(stage, one_life(stage, CRASH_commit, 2, &rng)); /* the file is made */
	for (int nth = 1; nth <= 2; nth++)
		check(stage, one_life(stage, CRASH_checkpoint, nth, &rng));
}

static void test_killed_at_random_moments(void **state)
{
	struct stage *stage = *state;
	struct rng rng;
	int64_t told = -1;
	rng_init(&rng, 20261121);
	for (int round = 0; round < ROUNDS; round++) {
		int64_t newest = one_life(stage, CRASH_COUNT, 0, &rng);
		if (newest < told)
			fail_msg("round %d: %" PRId64 " was told, %" PRId64 " is there", round,
				 told, newest);
		told = newest;
		if (round % 6 == 5)
			check(stage, told);
	}
	check(stage, told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_killed_in_the_middle_of_a_transaction),
		TEST(test_killed_when_committed_and_not_told),
		TEST(test_killed_after_a_checkpoint),
		TEST(test_killed_at_random_moments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
