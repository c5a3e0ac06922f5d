/* The loop: order within a turn, one now, tasks, timers, signals. */
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "os/loop.h"

static const int64_t patience_ns = 5000000000;

static int setup(void **state)
{
	struct err err;
	return loop_create(64, (struct loop **)state, &err);
}

static int teardown(void **state)
{
	loop_destroy(*state);
	return 0;
}

/* The loop's call finds this one first: a thread that had to wait for its core before it
 * polls. */
static bool core_is_busy;

int uv_run(uv_loop_t *uv, uv_run_mode mode)
{
	static int (*real)(uv_loop_t *, uv_run_mode);
	const struct timespec pause = { .tv_nsec = 5000000 };
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "uv_run");
	if (core_is_busy && mode == UV_RUN_ONCE)
		nanosleep(&pause, NULL);
	return real(uv, mode);
}

static char trace[256];

static void note(void *ctx)
{
	size_t len = strlen(trace);
	snprintf(trace + len, sizeof trace - len, "%s ", (const char *)ctx);
}

static void test_a_turn_runs_timers_then_tasks_then_the_end(void **state)
{
	struct loop *loop = *state;
	struct loop_task end = { .fn = note, .ctx = "end" }, task = { .fn = note, .ctx = "task" };
	struct timer timer = { .fn = note, .ctx = "timer" };
	trace[0] = 0;
	loop_at_end(loop, &end);
	loop_defer(loop, &task);
	loop_defer(loop, &task); /* queued once */
	loop_timer_after(loop, &timer, 0);
	loop_turn(loop, 0);
	assert_string_equal(trace, "timer task end ");
	loop_turn(loop, 0);
	assert_string_equal(trace, "timer task end ");
}

struct chain {
	struct loop *loop;
	struct loop_task task, other;
	int runs;
};

static void run_again(void *ctx)
{
	struct chain *chain = ctx;
	chain->runs++;
	loop_defer(chain->loop, &chain->task);
	loop_task_cancel(&chain->other);
}

static void test_a_task_queued_by_a_task_runs_in_the_next_turn(void **state)
{
	struct chain chain = { .loop = *state };
	chain.task = (struct loop_task){ .fn = run_again, .ctx = &chain };
	chain.other = (struct loop_task){ .fn = note, .ctx = "cancelled" };
	trace[0] = 0;
	loop_defer(chain.loop, &chain.task);
	loop_defer(chain.loop, &chain.other);
	for (int turn = 1; turn <= 3; turn++) {
		loop_turn(chain.loop, patience_ns); /* does not wait: there is work */
		assert_int_equal(chain.runs, turn);
	}
	assert_string_equal(trace, "");
	loop_task_cancel(&chain.task);
	loop_task_cancel(&chain.task);
	loop_turn(chain.loop, 0);
	assert_int_equal(chain.runs, 3);
}

static int64_t seen_ns[3];
static void see_now(void *ctx)
{
	struct loop *loop = ctx;
	seen_ns[0] = loop_now_ns(loop);
	usleep(2000);
	seen_ns[1] = loop_now_ns(loop);
	seen_ns[2] = clock_monotonic_ns(loop_clock(loop));
}

static void test_there_is_one_now_in_a_turn(void **state)
{
	struct loop *loop = *state;
	struct loop_task task = { .fn = see_now, .ctx = loop };
	loop_defer(loop, &task);
	loop_turn(loop, 0);
	assert_int_equal(seen_ns[0], seen_ns[1]);
	assert_int_equal(seen_ns[0], seen_ns[2]);
	int64_t before = seen_ns[0];
	loop_defer(loop, &task);
	loop_turn(loop, 0);
	assert_true(seen_ns[0] >= before + 2000000);
	assert_true(loop_precise_ns() >= seen_ns[0] + 2000000);
}

static void set_flag(void *ctx) { *(bool *)ctx = true; }

static void test_a_timer_ends_the_wait_and_not_before_it_is_due(void **state)
{
	struct loop *loop = *state;
	bool rang = false;
	struct timer timer = { .fn = set_flag, .ctx = &rang };
	loop_turn(loop, 0);
	int64_t began_ns = loop_now_ns(loop);
	loop_timer_after(loop, &timer, 5000000);
	assert_true(loop_turn_until(loop, &rang, patience_ns));
	assert_true(loop_now_ns(loop) - began_ns >= 5000000);
	assert_true(loop_stats(loop)->turns < 20); /* it slept */
}

static void test_waiting_for_nothing_ends_with_its_patience(void **state)
{
	bool never = false;
	int64_t began_ns = loop_precise_ns();
	assert_false(loop_turn_until(*state, &never, 20000000));
	assert_true(loop_precise_ns() - began_ns >= 20000000);
}

static void on_signal(void *ctx, int number) { *(int *)ctx = number; }

static void test_signals_arrive_as_callbacks(void **state)
{
	struct loop *loop = *state;
	int got = 0;
	assert_int_equal(loop_on_signal(loop, SIGHUP, on_signal, &got), STATUS_OK);
	raise(SIGHUP);
	assert_int_equal(got, 0);
	for (int i = 0; i < 100 && !got; i++)
		loop_turn(loop, 10000000);
	assert_int_equal(got, SIGHUP);
}

static void *wake(void *ctx)
{
	usleep(20000);
	loop_wake(ctx);
	return NULL;
}

static void test_another_thread_can_wake_it(void **state)
{
	pthread_t thread;
	int64_t began_ns = loop_precise_ns();
	assert_int_equal(pthread_create(&thread, NULL, wake, *state), 0);
	loop_turn(*state, patience_ns);
	assert_true(loop_precise_ns() - began_ns < patience_ns / 2);
	pthread_join(thread, NULL);
}

static void stop(void *ctx) { loop_stop(ctx); }

static void test_run_ends_with_stop(void **state)
{
	struct loop *loop = *state;
	struct timer timer = { .fn = stop, .ctx = loop };
	loop_timer_after(loop, &timer, 1000000);
	loop_run(loop);
	loop_timer_after(loop, &timer, 1000000);
	loop_run(loop); /* and it can run again */
}

static void work(void *ctx)
{
	(void)ctx;
	usleep(60000);
}

static void test_slow_turns_are_counted_and_waiting_is_not_work(void **state)
{
	struct loop *loop = *state;
	struct loop_task task = { .fn = work };
	bool never = false;
	loop_turn_until(loop, &never, 80000000);
	assert_int_equal(loop_stats(loop)->slow_turns, 0);
	loop_defer(loop, &task);
	loop_turn(loop, 0);
	assert_int_equal(loop_stats(loop)->slow_turns, 1);
	assert_true(loop_stats(loop)->busy_ns->max >= 60000000);
}

static void set_true(void *ctx) { *(bool *)ctx = true; }

static void test_an_alarm_that_is_due_before_the_poll_is_not_lost(void **state)
{
	struct loop *loop = *state;
	bool done = false;
	struct timer timer = { .fn = set_true, .ctx = &done };
	core_is_busy = true;
	alarm(20); /* a poll without end is a failure, not a hang */
	loop_timer_after(loop, &timer, 2000000);
	assert_true(loop_turn_until(loop, &done, 10000000000));
	alarm(0);
	core_is_busy = false;
}

#define LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP(test_a_turn_runs_timers_then_tasks_then_the_end),
		LOOP(test_an_alarm_that_is_due_before_the_poll_is_not_lost),
		LOOP(test_a_task_queued_by_a_task_runs_in_the_next_turn),
		LOOP(test_there_is_one_now_in_a_turn),
		LOOP(test_a_timer_ends_the_wait_and_not_before_it_is_due),
		LOOP(test_waiting_for_nothing_ends_with_its_patience),
		LOOP(test_signals_arrive_as_callbacks),
		LOOP(test_another_thread_can_wake_it),
		LOOP(test_run_ends_with_stop),
		LOOP(test_slow_turns_are_counted_and_waiting_is_not_work),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
