/* The heap of deadlines against a plain list, and its contracts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "base/timers.h"

enum { ROOM = 40 };

struct probe {
	struct timer timer;
	int64_t deadline_ns; /* 0: not armed, by the plain list */
	uint64_t order;      /* of arming */
	int fired;
};

static struct probe probes[ROOM];
static struct probe *last_fired;
static struct timers *timers;
static int64_t now_ns;

static void on_fire(void *ctx)
{
	struct probe *probe = ctx;
	assert_int_equal(probe->timer.slot, 0); /* already disarmed */
	assert_true(probe->deadline_ns && probe->deadline_ns <= now_ns);
	if (last_fired) {
		assert_true(last_fired->deadline_ns <= probe->deadline_ns);
		if (last_fired->deadline_ns == probe->deadline_ns)
			assert_true(last_fired->order < probe->order);
	}
	last_fired = probe;
	probe->fired++;
}

static int64_t plain_next(void)
{
	int64_t next = INT64_MAX;
	for (size_t i = 0; i < ROOM; i++)
		if (probes[i].deadline_ns && probes[i].deadline_ns < next)
			next = probes[i].deadline_ns;
	return next;
}

static size_t plain_due(void)
{
	size_t due = 0;
	for (size_t i = 0; i < ROOM; i++)
		due += probes[i].deadline_ns && probes[i].deadline_ns <= now_ns;
	return due;
}

static void the_heap_agrees_with_a_plain_list(void **state)
{
	(void)state;
	struct rng rng;
	uint64_t order = 0;
	rng_init(&rng, 12);
	timers = timers_create(ROOM);
	memset(probes, 0, sizeof probes);
	for (size_t i = 0; i < ROOM; i++)
		probes[i].timer = (struct timer){ .fn = on_fire, .ctx = &probes[i] };
	now_ns = 1;
	for (int round = 0; round < 20000; round++) {
		struct probe *probe = &probes[rng_below(&rng, ROOM)];
		switch (rng_below(&rng, 4)) {
		case 0:
		case 1:
			probe->deadline_ns = now_ns + (int64_t)rng_below(&rng, 50) - 5;
			probe->deadline_ns = probe->deadline_ns > 0 ? probe->deadline_ns : 1;
			probe->order = order++;
			timers_arm(timers, &probe->timer, probe->deadline_ns);
			break;
		case 2:
			timers_cancel(timers, &probe->timer);
			probe->deadline_ns = 0;
			break;
		default:
			now_ns += (int64_t)rng_below(&rng, 20);
			size_t due = plain_due();
			last_fired = NULL;
			assert_int_equal(timers_run(timers, now_ns, ROOM), due);
			for (size_t i = 0; i < ROOM; i++)
				if (probes[i].deadline_ns && probes[i].deadline_ns <= now_ns) {
					assert_int_equal(probes[i].fired, 1);
					probes[i].deadline_ns = 0;
				}
			for (size_t i = 0; i < ROOM; i++)
				probes[i].fired = 0;
		}
		assert_true(timers_next_ns(timers) == plain_next());
	}
	timers_destroy(timers);
}

static int chain_left;

static void arm_again(void *ctx)
{
	struct timer *timer = ctx;
	if (chain_left-- > 0)
		timers_arm(timers, timer, 5);
}

static void what_is_armed_as_due_runs_in_the_same_call_up_to_the_limit(void **state)
{
	(void)state;
	struct timer timer = { .fn = arm_again, .ctx = &timer };
	timers = timers_create(1);
	chain_left = 3;
	timers_arm(timers, &timer, 1);
	assert_int_equal(timers_run(timers, 10, 100), 4);
	assert_true(timers_next_ns(timers) == INT64_MAX);
	chain_left = 1000;
	timers_arm(timers, &timer, 1);
	assert_int_equal(timers_run(timers, 10, 7), 7);
	assert_int_equal(timers_next_ns(timers), 5);
	timers_cancel(timers, &timer);
	timers_cancel(timers, &timer);
	timers_destroy(timers);
	timers_destroy(NULL);
}

static jmp_buf stopped;

static void stop(const char *expr, const char *file, int line)
{
	(void)expr;
	(void)file;
	(void)line;
	longjmp(stopped, 1);
}

static void one_timer_too_many_is_a_bug(void **state)
{
	(void)state;
	struct timer first = { .fn = arm_again, .ctx = &first }, second = first;
	timers = timers_create(1);
	timers_arm(timers, &first, 1);
	timers_arm(timers, &first, 2); /* arming again takes no more room */
	check_set_handler(stop);
	if (setjmp(stopped) == 0) {
		timers_arm(timers, &second, 1);
		check_set_handler(NULL);
		fail_msg("there was room for two");
	}
	check_set_handler(NULL);
	timers_destroy(timers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_heap_agrees_with_a_plain_list),
		cmocka_unit_test(what_is_armed_as_due_runs_in_the_same_call_up_to_the_limit),
		cmocka_unit_test(one_timer_too_many_is_a_bug),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
