/* The budget against a plain list of what arrived at the venue and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/rng.h"
#include "feed/budget.h"

static const int64_t second_ns = 1000000000, minute_ns = 60 * 1000000000LL;

static struct budget fresh(int32_t limit, int64_t span_ns)
{
	struct budget budget;
	struct budget_rule rules[BUDGET_WINDOWS] = { { limit, span_ns }, { 10, second_ns } };
	budget_init(&budget, rules);
	return budget;
}

static struct budget_ask ask_for(int32_t weight)
{
	return (struct budget_ask){ .share_percent = 100, .weight = weight };
}

static bool take(struct budget *budget, int32_t weight, int64_t now_ns)
{
	struct budget_ask ask = ask_for(weight);
	struct budget_ticket ticket;
	return budget_take(budget, &ask, now_ns, &ticket);
}

static void spend(struct budget *budget, int32_t weight, int64_t now_ns)
{
	struct budget_ask ask = ask_for(weight);
	struct budget_ticket ticket;
	assert_true(budget_take(budget, &ask, now_ns, &ticket));
	budget_settle(budget, &ticket, now_ns);
}

/* ---- our own count ---- */

enum { UNDER_WAY = 4, ARRIVALS = 1 << 18 };

struct arrival {
	int64_t at_ns;
	int32_t weight;
};

struct trip {
	bool busy;
	struct budget_ticket ticket;
	int64_t arrives_ns, answered_ns;
};

/* Somebody with as much to ask as possible, for a while, over a line whose delays vary
 * from nothing to longer than the window. */
static size_t overload(struct budget *budget, struct rng *rng, int64_t for_ns, int64_t delay_ns,
		       struct arrival *arrivals)
{
	struct trip trips[UNDER_WAY] = { 0 };
	size_t count = 0;
	int64_t now_ns = (int64_t)rng_below(rng, (uint64_t)minute_ns);
	for (int64_t end_ns = now_ns + for_ns; now_ns < end_ns;) {
		int64_t next_ns = INT64_MAX;
		int32_t weight = 1 + (int32_t)rng_below(rng, 20);
		struct budget_ask ask = ask_for(weight);
		for (size_t i = 0; i < UNDER_WAY; i++) {
			struct trip *trip = &trips[i];
			if (trip->busy && trip->answered_ns <= now_ns) {
				budget_settle(budget, &trip->ticket, now_ns);
				trip->busy = false;
			}
			if (!trip->busy && budget_take(budget, &ask, now_ns, &trip->ticket)) {
				int64_t there_ns = (int64_t)rng_below(rng, (uint64_t)delay_ns);
				trip->busy = true;
				trip->arrives_ns = now_ns + there_ns;
				trip->answered_ns =
				    trip->arrives_ns + (int64_t)rng_below(rng, (uint64_t)delay_ns);
				assert_true(count < ARRIVALS);
				arrivals[count++] = (struct arrival){ trip->arrives_ns, weight };
			}
			if (trip->busy && trip->answered_ns < next_ns)
				next_ns = trip->answered_ns;
		}
		int64_t ready_ns = budget_ready_ns(budget, &ask, now_ns);
		if (ready_ns > now_ns && ready_ns < next_ns)
			next_ns = ready_ns;
		now_ns = next_ns > now_ns ? next_ns : now_ns + 1;
	}
	return count;
}

static int by_time(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;
	return (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
}

/* The most that arrived within any span, and all together. */
static int64_t most_within(struct arrival *arrivals, size_t count, int64_t span_ns, int64_t *total)
{
	int64_t most = 0, sum = 0;
	size_t oldest = 0;
	*total = 0;
	qsort(arrivals, count, sizeof *arrivals, by_time);
	for (size_t i = 0; i < count; i++) {
		sum += arrivals[i].weight;
		*total += arrivals[i].weight;
		while (arrivals[oldest].at_ns <= arrivals[i].at_ns - span_ns)
			sum -= arrivals[oldest++].weight;
		most = sum > most ? sum : most;
	}
	return most;
}

static void no_span_ever_sees_more_than_is_allowed(void **state)
{
	(void)state;
	const struct {
		int32_t limit;
		int64_t span_ns, delay_ns;
	} cases[] = { { 2400, 60 * 1000000000LL, 100000000 },
		      { 6000, 60 * 1000000000LL, 1000000 },
		      { 100, 60 * 1000000000LL, 90 * 1000000000LL },
		      { 600, 5 * 1000000000LL, 300000000 },
		      { 100, 1000, 700 },
		      { 100, 1000, 2 } }; /* a span that its slices do not divide */
	struct arrival *arrivals = malloc(ARRIVALS * sizeof *arrivals);
	struct rng rng;
	for (uint64_t seed = 0; seed < 48; seed++) {
		size_t i = seed % ARRAY_LEN(cases);
		int64_t total, for_ns = cases[i].span_ns * 60;
		struct budget budget = fresh(cases[i].limit, cases[i].span_ns);
		rng_init(&rng, seed);
		size_t count = overload(&budget, &rng, for_ns, cases[i].delay_ns, arrivals);
		int64_t most = most_within(arrivals, count, cases[i].span_ns, &total);
		assert_true(most <= cases[i].limit * 4 / 5);
		/* And what is allowed is used: all but a slice of every span. */
		if (cases[i].delay_ns < cases[i].span_ns / 100)
			assert_true(total > 60 * (cases[i].limit * 4 / 5) * 9 / 10);
	}
	free(arrivals);
}

static void what_is_under_way_counts_however_long_it_takes(void **state)
{
	(void)state;
	struct budget budget = fresh(100, minute_ns);
	struct budget_ask ask = ask_for(80);
	struct budget_ticket ticket;
	assert_true(budget_take(&budget, &ask, 0, &ticket));
	assert_false(take(&budget, 1, 100 * minute_ns));
	budget_settle(&budget, &ticket, 100 * minute_ns);
	assert_false(take(&budget, 1, 101 * minute_ns - 1));
	assert_true(take(&budget, 1, 101 * minute_ns + second_ns));
}

static void what_was_never_sent_is_given_back(void **state)
{
	(void)state;
	struct budget budget = fresh(100, minute_ns);
	struct budget_ask ask = ask_for(80);
	struct budget_ticket ticket;
	assert_true(budget_take(&budget, &ask, 0, &ticket));
	assert_false(take(&budget, 1, 0));
	budget_give_back(&budget, &ticket);
	assert_true(take(&budget, 80, 0));
}

static void windows_do_not_touch_each_other(void **state)
{
	(void)state;
	struct budget budget = fresh(100, minute_ns);
	struct budget_ask other = { .window = 1, .share_percent = 100, .weight = 8 };
	struct budget_ticket ticket;
	spend(&budget, 80, 0);
	assert_true(budget_take(&budget, &other, 0, &ticket));
	budget_settle(&budget, &ticket, 0);
	assert_false(budget_take(&budget, &other, second_ns - 1, &ticket));
	assert_true(budget_take(&budget, &other, second_ns + second_ns / 30, &ticket));
	assert_false(take(&budget, 1, 30 * second_ns));
}

static void a_share_leaves_something_to_the_urgent(void **state)
{
	(void)state;
	struct budget budget = fresh(1000, minute_ns);
	struct budget_ask history = { .share_percent = 75, .weight = 10 };
	struct budget_ticket ticket;
	int taken = 0;
	while (budget_take(&budget, &history, 0, &ticket))
		taken++;
	assert_int_equal(taken, 60);
	assert_true(take(&budget, 200, 0));
	assert_false(take(&budget, 1, 0));
	assert_int_equal(budget_weight_max(&budget, 0, 75), 600);
}

static void ready_is_the_first_moment_it_can_be_taken(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 7);
	for (int round = 0; round < 2000; round++) {
		struct budget budget = fresh(1000, minute_ns);
		int64_t now_ns = (int64_t)rng_below(&rng, 1000) * second_ns;
		for (int i = 0; i < 30; i++) {
			int32_t weight = 1 + (int32_t)rng_below(&rng, 60);
			now_ns += (int64_t)rng_below(&rng, (uint64_t)(4 * second_ns));
			if (take(&budget, weight, now_ns)) {
				struct budget_ticket ticket = { 0, weight, 0, now_ns };
				budget_settle(&budget, &ticket, now_ns);
			}
		}
		struct budget_ask ask = ask_for(1 + (int32_t)rng_below(&rng, 800));
		struct budget_ticket ticket;
		int64_t ready_ns = budget_ready_ns(&budget, &ask, now_ns);
		struct budget copy = budget;
		assert_true(ready_ns >= now_ns && ready_ns <= now_ns + minute_ns + second_ns);
		if (ready_ns > now_ns)
			assert_false(budget_take(&copy, &ask, ready_ns - 1, &ticket));
		assert_true(budget_take(&budget, &ask, ready_ns, &ticket));
	}
}

static void ready_waits_for_what_is_under_way_by_asking_again(void **state)
{
	(void)state;
	struct budget budget = fresh(100, minute_ns);
	struct budget_ask ask = ask_for(1);
	assert_true(take(&budget, 80, 0));
	int64_t ready_ns = budget_ready_ns(&budget, &ask, 5);
	assert_true(ready_ns > 5 && ready_ns <= 5 + second_ns);
}

/* ---- what the venue says ---- */

static struct budget_ticket ask_and_hear(struct budget *budget, int32_t weight, int64_t used,
					 int64_t now_ns, int64_t resets_ns)
{
	struct budget_ask ask = ask_for(weight);
	struct budget_ticket ticket;
	assert_true(budget_take(budget, &ask, now_ns, &ticket));
	budget_settle(budget, &ticket, now_ns);
	budget_heard(budget, &ticket, used, now_ns, resets_ns);
	return ticket;
}

static void what_others_spend_counts_until_the_minute_ends(void **state)
{
	(void)state;
	struct budget budget = fresh(1000, minute_ns);
	ask_and_hear(&budget, 10, 700, 0, 20 * second_ns);
	assert_true(budget_used(&budget, 0, 0) > 0.69 && budget_used(&budget, 0, 0) < 0.71);
	assert_false(take(&budget, 101, 1));
	assert_true(take(&budget, 60, 2)); /* what we add is added to what it said */
	assert_false(take(&budget, 41, 3));
	struct budget_ask ask = ask_for(41);
	assert_int_equal(budget_ready_ns(&budget, &ask, 4), 20 * second_ns);
	assert_true(take(&budget, 41, 20 * second_ns));
}

static void the_highest_figure_of_a_minute_holds(void **state)
{
	(void)state;
	struct budget budget = fresh(1000, minute_ns);
	struct budget_ask ask = ask_for(1);
	struct budget_ticket early, late;
	assert_true(budget_take(&budget, &ask, 0, &early));
	assert_true(budget_take(&budget, &ask, 0, &late));
	budget_settle(&budget, &late, 10);
	budget_heard(&budget, &late, 780, 10, minute_ns);
	budget_settle(&budget, &early, 20); /* answered first there, heard last here */
	budget_heard(&budget, &early, 300, 20, minute_ns);
	assert_false(take(&budget, 20, 30));
}

static void a_lower_figure_asked_for_later_is_of_the_next_minute(void **state)
{
	(void)state;
	struct budget budget = fresh(1000, minute_ns);
	ask_and_hear(&budget, 1, 700, 0, minute_ns);
	ask_and_hear(&budget, 1, 5, 10 * second_ns, minute_ns);
	assert_true(take(&budget, 700, 10 * second_ns));
}

static void a_figure_of_the_minute_before_is_ignored(void **state)
{
	(void)state;
	struct budget budget = fresh(1000, minute_ns);
	struct budget_ask ask = ask_for(1);
	struct budget_ticket late;
	assert_true(budget_take(&budget, &ask, 0, &late));
	ask_and_hear(&budget, 1, 1, second_ns, minute_ns);
	budget_settle(&budget, &late, 2 * second_ns);
	budget_heard(&budget, &late, 790, 2 * second_ns, second_ns); /* it ends at once */
	assert_true(take(&budget, 700, 3 * second_ns));
}

static void hearing_of_ourselves_costs_nothing(void **state)
{
	(void)state;
	struct budget budget = fresh(1000, minute_ns);
	int64_t used = 0;
	for (int i = 0; i < 80; i++) {
		used += 10;
		ask_and_hear(&budget, 10, used, i, minute_ns);
	}
	assert_false(take(&budget, 1, 100));
	assert_true(budget_used(&budget, 0, 100) > 0.799 && budget_used(&budget, 0, 100) < 0.801);
}

static void figures_beyond_all_limits_only_wait(void **state)
{
	(void)state;
	struct budget budget = fresh(1000, minute_ns);
	struct budget_ask ask = ask_for(1);
	ask_and_hear(&budget, 10, INT32_MAX, 0, 100 * minute_ns);
	assert_false(take(&budget, 1, 1));
	assert_int_equal(budget_ready_ns(&budget, &ask, 1), minute_ns);
	assert_true(take(&budget, 1, minute_ns));
}

/* ---- holds ---- */

static void nothing_is_taken_before_a_hold_ends(void **state)
{
	(void)state;
	struct budget budget = fresh(1000, minute_ns);
	struct budget_ask ask = ask_for(1);
	budget_back_off(&budget, 50);
	budget_ban(&budget, 90);
	budget_ban(&budget, 70); /* does not shorten */
	assert_int_equal(budget_ready_ns(&budget, &ask, 0), 90);
	assert_false(take(&budget, 1, 89));
	assert_true(take(&budget, 1, 90));
	budget_back_off(&budget, 200);
	assert_int_equal(budget_ready_ns(&budget, &ask, 100), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_span_ever_sees_more_than_is_allowed),
		cmocka_unit_test(what_is_under_way_counts_however_long_it_takes),
		cmocka_unit_test(what_was_never_sent_is_given_back),
		cmocka_unit_test(windows_do_not_touch_each_other),
		cmocka_unit_test(a_share_leaves_something_to_the_urgent),
		cmocka_unit_test(ready_is_the_first_moment_it_can_be_taken),
		cmocka_unit_test(ready_waits_for_what_is_under_way_by_asking_again),
		cmocka_unit_test(what_others_spend_counts_until_the_minute_ends),
		cmocka_unit_test(the_highest_figure_of_a_minute_holds),
		cmocka_unit_test(a_lower_figure_asked_for_later_is_of_the_next_minute),
		cmocka_unit_test(a_figure_of_the_minute_before_is_ignored),
		cmocka_unit_test(hearing_of_ourselves_costs_nothing),
		cmocka_unit_test(figures_beyond_all_limits_only_wait),
		cmocka_unit_test(nothing_is_taken_before_a_hold_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
