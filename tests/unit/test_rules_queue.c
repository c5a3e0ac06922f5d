/* The queue of a group's rules against a plain list that is looked through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "rules/rules_impl.h"

enum { RULES = 300, STEPS = 20000, BOUNDS = 40 };

static struct rule rules[RULES];
static bool queued[RULES];

static void check_order(const struct rule_queue *queue, bool up)
{
	for (uint32_t i = 0; i < queue->n; i++) {
		const struct rule_entry *entry = &queue->at[i];
		assert_int_equal(entry->bound, entry->rule->bound);
		assert_true(queued[entry->rule - rules]);
		if (i > 0 && up)
			assert_true(entry->bound <= entry[-1].bound);
		if (i > 0 && !up)
			assert_true(entry->bound >= entry[-1].bound);
	}
}

static void churn(struct rule_queue *queue, bool up, uint64_t seed)
{
	struct rng rng;
	uint32_t n = 0;
	rng_init(&rng, seed);
	memset(queued, 0, sizeof queued);
	assert_true(rule_queue_reserve(queue, 1));
	for (int step = 0; step < STEPS; step++) {
		uint32_t i = (uint32_t)rng_below(&rng, RULES);
		if (queued[i]) {
			rule_queue_remove(queue, &rules[i]);
			n--;
		} else {
			assert_true(rule_queue_reserve(queue, n + 1));
			rule_queue_put(queue, up, &rules[i], (int64_t)rng_below(&rng, BOUNDS) - 20);
			assert_ptr_equal(rules[i].up ? queue : NULL, up ? queue : NULL);
			n++;
		}
		queued[i] = !queued[i];
		assert_int_equal(queue->n, n);
		if (step % 97 == 0)
			check_order(queue, up);
	}
}

static void rules_lie_by_their_bounds_with_the_nearest_last(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct rule_queue queue = { 0 };
		bool up = seed & 1;
		churn(&queue, up, seed);
		check_order(&queue, up);
		free(queue.at);
	}
}

static void of_one_bound_the_last_put_is_the_nearest(void **state)
{
	struct rule_queue queue = { 0 };
	(void)state;
	assert_true(rule_queue_reserve(&queue, 1));
	assert_true(rule_queue_reserve(&queue, 3));
	for (int i = 0; i < 3; i++)
		rule_queue_put(&queue, true, &rules[i], 7);
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(queue.at[i].rule, &rules[i]);
	free(queue.at);
}

static void a_queue_whose_bounds_have_changed_is_put_in_order(void **state)
{
	struct rng rng;
	(void)state;
	rng_init(&rng, 9);
	for (int up = 0; up < 2; up++) {
		struct rule_queue queue = { 0 };
		for (uint32_t i = 0; i < RULES; i++) {
			assert_true(rule_queue_reserve(&queue, i + 1));
			rule_queue_put(&queue, up, &rules[i], (int64_t)rng_below(&rng, 1000));
			queued[i] = true;
		}
		for (uint32_t i = 0; i < RULES; i++)
			queue.at[i].bound = queue.at[i].rule->bound =
			    (int64_t)rng_below(&rng, 1000);
		rule_queue_sort(&queue, up);
		check_order(&queue, up);
		for (uint32_t i = 0; i < RULES; i++)
			rule_queue_remove(&queue, &rules[i]);
		assert_int_equal(queue.n, 0);
		free(queue.at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_lie_by_their_bounds_with_the_nearest_last),
		cmocka_unit_test(of_one_bound_the_last_put_is_the_nearest),
		cmocka_unit_test(a_queue_whose_bounds_have_changed_is_put_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
