/* The result store against an oracle: terminals that send again everything above the
 * last K, weir's own results, cuts, kills, hangs and refusals at random, restarts of weir.
 * The stream has every rid once, in order per terminal, and nothing is told durable that
 * is not in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/result_store_seen.h"
#include "unit/result_proof.h"

static void every_rid_is_in_the_stream_once_whatever_breaks(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		stage_packed = seed != 1; /* one as it was */
		prove(seed, 0);
	}
}

/* ---- the set of hashes, against a list ---- */

static void the_set_holds_the_newest_and_forgets_the_oldest_first(void **state)
{
	(void)state;
	enum { ROOM = 256 };
	struct result_seen seen;
	struct rng rng;
	uint64_t list[ROOM];
	size_t count = 0, oldest = 0;
	rng_init(&rng, 7);
	assert_true(result_seen_init(&seen, ROOM));
	for (int i = 0; i < 200000; i++) {
		/* few home places, so that entries push each other about; 0 is a hash too */
		uint64_t hash = rng_below(&rng, 40) * (ROOM / 20) + (rng_below(&rng, 20) << 32);
		bool known = false;
		for (size_t j = 0; j < count; j++)
			known |= (list[j] ? list[j] : 1) == (hash ? hash : 1);
		assert_int_equal(result_seen_has(&seen, hash), known);
		assert_int_equal(result_seen_add(&seen, hash), !known);
		if (known)
			continue;
		if (count < ROOM) {
			list[count++] = hash;
		} else {
			list[oldest] = hash;
			oldest = (oldest + 1) % ROOM;
		}
	}
	assert_int_equal(count, ROOM);
	result_seen_deinit(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rid_is_in_the_stream_once_whatever_breaks),
		cmocka_unit_test(the_set_holds_the_newest_and_forgets_the_oldest_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
