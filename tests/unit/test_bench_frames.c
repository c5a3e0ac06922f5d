/* What weir bench measures is weir's work: frames are understood, trades are packed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cli/bench_frames.h"

static void every_figure_is_of_work_done(void **state)
{
	struct bench_frames seen;
	struct err err;
	(void)state;
	assert_int_equal(bench_frames_run(20000, &seen, &err), STATUS_OK);
	assert_int_equal(seen.frames, 20000);
	assert_in_range(seen.trades, 1000, 200000);
	assert_true(seen.decode_ns > 0);
	assert_true(seen.markets_ns > 0);
	assert_true(seen.window_ns > 0);
	assert_true(seen.trade_bytes > 0.5 && seen.trade_bytes < 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_figure_is_of_work_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
