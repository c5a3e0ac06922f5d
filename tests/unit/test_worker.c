/* A thread for what blocks: jobs in order, endings on the loop, a close that waits. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "os/worker.h"

enum { JOBS = 500 };
static const int64_t patience_ns = INT64_C(20000000000);

struct job {
	struct worker_job job;
	struct stage *stage;
	unsigned number, plain; /* plain: written by both threads, never at once */
	pthread_t thread;
};

static struct stage {
	struct loop *loop;
	struct worker *worker;
	struct job jobs[JOBS];
	unsigned worked, done, again;
	pthread_mutex_t hold;
	bool closed, all_done;
	pthread_t loop_thread;
} stage;

static int setup(void **state)
{
	struct err err;
	(void)state;
	stage = (struct stage){ .hold = PTHREAD_MUTEX_INITIALIZER, .loop_thread = pthread_self() };
	assert_int_equal(loop_create(8, &stage.loop, &err), 0);
	assert_int_equal(worker_open(stage.loop, "test", &stage.worker, &err), 0);
	return 0;
}

static void on_closed(void *ctx) { *(bool *)ctx = true; }

static int teardown(void **state)
{
	(void)state;
	if (!stage.closed) {
		worker_close(stage.worker, on_closed, &stage.closed);
		assert_true(loop_turn_until(stage.loop, &stage.closed, patience_ns));
	}
	loop_destroy(stage.loop);
	return 0;
}

static void work(struct worker_job *wrapped)
{
	struct job *job = (struct job *)(void *)wrapped;
	job->thread = pthread_self();
	job->plain += 1;
	CHECK(job->number == job->stage->worked++);
}

static void done(struct worker_job *wrapped)
{
	struct job *job = (struct job *)(void *)wrapped;
	CHECK(pthread_equal(pthread_self(), stage.loop_thread));
	CHECK(job->plain == 1 && job->number == stage.done);
	job->plain += 1;
	stage.all_done = ++stage.done == JOBS;
}

static void submit_all(void)
{
	for (unsigned i = 0; i < JOBS; i++) {
		stage.jobs[i] = (struct job){ .job = { .work = work, .done = done },
					      .stage = &stage,
					      .number = i };
		worker_submit(stage.worker, &stage.jobs[i].job);
	}
}

static void test_jobs_run_in_order_on_the_thread_and_end_in_order_on_the_loop(void **state)
{
	(void)state;
	pthread_mutex_lock(&stage.hold);
	submit_all();
	assert_int_equal(stage.done, 0); /* never from inside submit */
	assert_int_equal(worker_waiting(stage.worker), JOBS);
	pthread_mutex_unlock(&stage.hold);
	assert_true(loop_turn_until(stage.loop, &stage.all_done, patience_ns));
	assert_int_equal(worker_waiting(stage.worker), 0);
	for (unsigned i = 0; i < JOBS; i++) {
		assert_int_equal(stage.jobs[i].plain, 2);
		assert_false(pthread_equal(stage.jobs[i].thread, stage.loop_thread));
	}
}

static void test_a_close_works_off_what_was_submitted_and_its_endings(void **state)
{
	(void)state;
	submit_all();
	worker_close(stage.worker, on_closed, &stage.closed);
	assert_true(loop_turn_until(stage.loop, &stage.closed, patience_ns));
	assert_int_equal(stage.done, JOBS);
}

static void done_and_again(struct worker_job *wrapped)
{
	struct job *job = (struct job *)(void *)wrapped;
	if (++stage.again < 5) {
		stage.worked = job->number;
		worker_submit(stage.worker, wrapped);
	}
}

static void test_an_ending_may_submit_even_while_it_closes(void **state)
{
	(void)state;
	stage.jobs[0] =
	    (struct job){ .job = { .work = work, .done = done_and_again }, .stage = &stage };
	worker_submit(stage.worker, &stage.jobs[0].job);
	worker_close(stage.worker, on_closed, &stage.closed);
	assert_true(loop_turn_until(stage.loop, &stage.closed, patience_ns));
	assert_int_equal(stage.again, 5);
	assert_int_equal(stage.jobs[0].plain, 5);
}

static void test_an_idle_worker_closes(void **state)
{
	(void)state;
	worker_close(stage.worker, on_closed, &stage.closed);
	assert_true(loop_turn_until(stage.loop, &stage.closed, patience_ns));
}

static void look_at_signals(struct worker_job *wrapped)
{
	struct job *job = (struct job *)(void *)wrapped;
	sigset_t blocked;
	char name[32] = "";
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	pthread_getname_np(pthread_self(), name, sizeof name);
	job->number = sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGCHLD) &&
		      strcmp(name, "test") == 0;
}

static void looked(struct worker_job *wrapped)
{
	(void)wrapped;
	stage.all_done = true;
}

static void test_the_thread_has_its_name_and_takes_no_signals(void **state)
{
	(void)state;
	sigset_t blocked;
	stage.jobs[0].job = (struct worker_job){ .work = look_at_signals, .done = looked };
	worker_submit(stage.worker, &stage.jobs[0].job);
	assert_true(loop_turn_until(stage.loop, &stage.all_done, patience_ns));
	assert_true(stage.jobs[0].number);
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	assert_false(sigismember(&blocked, SIGTERM));
}

static void look_at_nice(struct worker_job *wrapped)
{
	struct job *job = (struct job *)(void *)wrapped;
	job->plain = (unsigned)getpriority(PRIO_PROCESS, (id_t)gettid());
}

static void test_a_thread_that_yields_is_nicer_and_the_loop_is_not(void **state)
{
	(void)state;
	int mine = getpriority(PRIO_PROCESS, 0);
	worker_yield(stage.worker, 3);
	stage.jobs[0].job = (struct worker_job){ .work = look_at_nice, .done = looked };
	worker_submit(stage.worker, &stage.jobs[0].job);
	assert_true(loop_turn_until(stage.loop, &stage.all_done, patience_ns));
	assert_int_equal((int)stage.jobs[0].plain, mine + 3 < 19 ? mine + 3 : 19);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), mine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_jobs_run_in_order_on_the_thread_and_end_in_order_on_the_loop),
		TEST(test_a_close_works_off_what_was_submitted_and_its_endings),
		TEST(test_an_ending_may_submit_even_while_it_closes),
		TEST(test_an_idle_worker_closes),
		TEST(test_the_thread_has_its_name_and_takes_no_signals),
		TEST(test_a_thread_that_yields_is_nicer_and_the_loop_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
