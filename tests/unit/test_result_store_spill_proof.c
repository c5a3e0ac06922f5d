/* The result store with a spill file against the oracle of result_proof.h: outages of every
 * length, a disk that takes its time, crashes between any two steps with what they leave of
 * the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/result_proof.h"

static void every_rid_is_in_the_stream_once_with_a_spill_file(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		stage_packed = seed != 1; /* one as it was */
		prove(seed, 64 << 20);
	}
}

static void every_rid_is_in_the_stream_once_with_a_file_that_is_too_small(void **state)
{
	(void)state;
	prove(11, 20000);
	prove(12, 400000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rid_is_in_the_stream_once_with_a_spill_file),
		cmocka_unit_test(every_rid_is_in_the_stream_once_with_a_file_that_is_too_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
