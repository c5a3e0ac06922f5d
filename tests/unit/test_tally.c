/* So many within a time: what counts, for how long, and counters that begin anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "alert/tally.h"
#include "base/check.h"
#include "base/rng.h"

enum { WINDOW_MS = 60000, BUCKET_MS = WINDOW_MS / TALLY_BUCKETS, EVENTS = 2000 };

static void what_was_added_counts_for_the_window_and_no_longer_than_a_bucket_more(void **state)
{
	struct tally tally;
	(void)state;
	tally_init(&tally, WINDOW_MS);
	int64_t t0 = 1784046185123;
	tally_add(&tally, t0, 3);
	assert_int_equal(tally_sum(&tally, t0), 3);
	assert_int_equal(tally_sum(&tally, t0 + WINDOW_MS), 3);
	assert_int_equal(tally_sum(&tally, t0 + WINDOW_MS + BUCKET_MS), 0);
}

static void time_that_goes_back_stands_still(void **state)
{
	struct tally tally;
	(void)state;
	tally_init(&tally, WINDOW_MS);
	tally_add(&tally, 100 * WINDOW_MS, 1);
	tally_add(&tally, 50 * WINDOW_MS, 1);
	assert_int_equal(tally_sum(&tally, 1), 2);
	assert_int_equal(tally_sum(&tally, 101 * WINDOW_MS), 2);
	assert_int_equal(tally_sum(&tally, 200 * WINDOW_MS), 0);
}

static void a_counter_adds_what_it_rose_by_and_one_that_fell_began_anew(void **state)
{
	struct tally tally;
	(void)state;
	tally_init(&tally, WINDOW_MS);
	tally_watch(&tally, 1000, 5);
	tally_watch(&tally, 2000, 5);
	assert_int_equal(tally_sum(&tally, 2000), 5);
	tally_watch(&tally, 3000, 7);
	assert_int_equal(tally_sum(&tally, 3000), 7);
	tally_watch(&tally, 4000, 2);
	assert_int_equal(tally_sum(&tally, 4000), 9);
}

/* Never fewer than within the window, never more than within the window and a bucket. */
static void a_random_run_stays_within_its_bounds(void **state)
{
	static int64_t times[EVENTS];
	struct tally tally;
	struct rng rng;
	(void)state;
	rng_init(&rng, 9);
	tally_init(&tally, WINDOW_MS);
	int64_t now = 1000000;
	for (size_t n = 0; n < EVENTS; n++) {
		now += (int64_t)rng_below(&rng, rng_below(&rng, 8) ? 300 : 20000);
		times[n] = now;
		tally_add(&tally, now, 1);
		uint64_t least = 0, most = 0, sum = tally_sum(&tally, now);
		for (size_t i = 0; i <= n; i++) {
			least += times[i] > now - WINDOW_MS;
			most += times[i] > now - WINDOW_MS - BUCKET_MS;
		}
		assert_in_range(sum, least, most);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_was_added_counts_for_the_window_and_no_longer_than_a_bucket_more),
		cmocka_unit_test(time_that_goes_back_stands_still),
		cmocka_unit_test(a_counter_adds_what_it_rose_by_and_one_that_fell_began_anew),
		cmocka_unit_test(a_random_run_stays_within_its_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
