/* Samples of equity: rings, sums without guesses, bytes that come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "accounts/equity.h"
#include "base/rng.h"

static const int64_t step_ms = EQUITY_STEP_MS;
static const int64_t t0_ms = INT64_C(1723161600000); /* a multiple of the step */
static struct equity *equity;
static struct equity_sample samples[EQUITY_SAMPLES];

static int set_up(void **state)
{
	(void)state;
	equity = equity_create();
	return equity ? 0 : -1;
}
static int tear_down(void **state)
{
	(void)state;
	equity_destroy(equity);
	return 0;
}

static void put(const char *name, int64_t step, int64_t usd_e8)
{
	assert_int_equal(equity_put(equity, str_of(name), t0_ms + step * step_ms, usd_e8),
			 STATUS_OK);
}
static size_t read_at(const char *name, int64_t step)
{
	return equity_read(equity, str_of(name), t0_ms + step * step_ms, samples, EQUITY_SAMPLES);
}

static void one_sample_a_step_the_newest_and_none_before(void **state)
{
	(void)state;
	assert_int_equal(equity_put(equity, STR("main"), t0_ms + 17, 1), STATUS_OK);
	assert_int_equal(equity_put(equity, STR("main"), t0_ms + step_ms - 1, 2), STATUS_OK);
	assert_int_equal(equity_put(equity, STR("main"), t0_ms - 1, 3), STATUS_INVALID);
	assert_int_equal(read_at("main", 0), 1);
	assert_int_equal(samples[0].t_ms, t0_ms);
	assert_int_equal(samples[0].usd_e8, 2);
	assert_int_equal(read_at("nobody", 0), 0);
	assert_int_equal(equity_put(equity, STR("a b"), t0_ms, 1), STATUS_INVALID);
	assert_int_equal(equity_put(equity, STR("main"), 0, 1), STATUS_INVALID);
}

static void the_ring_holds_72_hours(void **state)
{
	(void)state;
	for (int64_t step = 0; step < 2 * EQUITY_SAMPLES + 5; step++)
		put("main", step, step);
	int64_t last = 2 * EQUITY_SAMPLES + 4;
	assert_int_equal(read_at("main", last), EQUITY_SAMPLES);
	assert_int_equal(samples[0].usd_e8, last - EQUITY_SAMPLES + 1);
	assert_int_equal(samples[EQUITY_SAMPLES - 1].usd_e8, last);
	assert_int_equal(read_at("main", last + 100), EQUITY_SAMPLES - 100);
	assert_int_equal(equity_read(equity, STR("main"), t0_ms + last * step_ms, samples, 3), 3);
	assert_int_equal(samples[0].usd_e8, last - 2);
}

static void accounts_are_bounded(void **state)
{
	(void)state;
	char name[16];
	for (int i = 0; i < EQUITY_SERIES_MAX; i++) {
		snprintf(name, sizeof name, "a%d", i);
		put(name, 0, 1);
	}
	assert_int_equal(equity_put(equity, STR("more"), t0_ms, 1), STATUS_FULL);
	put("a0", 1, 1);
}

/* a: 0 1 . 3 4   b: . 1 2 3 .   all: 0, 1, 3, 4 (2 is a gap of a; b ended before 4) */
static void a_sum_has_gaps_where_an_account_has_one(void **state)
{
	(void)state;
	for (int64_t step = 0; step < 5; step++) {
		if (step != 2)
			put("a", step, 100 + step);
		if (step >= 1 && step <= 3)
			put("b", step, 1000);
	}
	size_t n = equity_read_all(equity, t0_ms + 4 * step_ms + 17, samples, EQUITY_SAMPLES);
	assert_int_equal(n, 4);
	static const int64_t expected[][2] = { { 0, 100 }, { 1, 1101 }, { 3, 1103 }, { 4, 104 } };
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(samples[i].t_ms, t0_ms + expected[i][0] * step_ms);
		assert_int_equal(samples[i].usd_e8, expected[i][1]);
	}
}

static void bytes_bring_any_ring_back(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 5);
	static const int64_t edges[] = { 0, -1, INT64_MAX, INT64_MIN, 1234567890123 };
	for (int round = 0; round < 300; round++) {
		char storage[EQUITY_BYTES_MAX];
		struct buf bytes = buf_over(storage, sizeof storage);
		struct equity *one = equity_create(), *other = equity_create();
		static struct equity_sample before[EQUITY_SAMPLES];
		int64_t step = 0, count = 1 + (int64_t)rng_below(&rng, 1200);
		for (int64_t i = 0; i < count; i++) {
			step += 1 + (int64_t)rng_below(&rng, rng_below(&rng, 9) ? 1 : 40);
			int64_t usd = rng_below(&rng, 3) ? (int64_t)rng_next(&rng)
							 : edges[rng_below(&rng, 5)];
			assert_int_equal(equity_put(one, STR("x"), t0_ms + step * step_ms, usd),
					 STATUS_OK);
		}
		equity_pack(one, 0, &bytes);
		assert_false(bytes.overflow);
		assert_int_equal(equity_unpack(other, STR("x"), buf_str(&bytes)), STATUS_OK);
		int64_t now_ms = t0_ms + step * step_ms;
		size_t n = equity_read(one, STR("x"), now_ms, before, EQUITY_SAMPLES);
		assert_int_equal(equity_read(other, STR("x"), now_ms, samples, EQUITY_SAMPLES), n);
		assert_memory_equal(before, samples, n * sizeof *samples);
		assert_int_equal(equity_unpack(other, STR("x"), buf_str(&bytes)), STATUS_EXISTS);
		equity_destroy(one);
		equity_destroy(other);
	}
}

static void damaged_bytes_are_refused_and_leave_nothing(void **state)
{
	(void)state;
	char storage[EQUITY_BYTES_MAX];
	struct buf bytes = buf_over(storage, sizeof storage);
	for (int64_t step = 0; step < 50; step++)
		put("main", step, 100000000 * step);
	equity_pack(equity, 0, &bytes);
	struct equity *other = equity_create();
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_not_equal(equity_unpack(other, STR("x"), str_make(bytes.ptr, len)),
				     STATUS_OK);
	for (size_t at = 0; at < bytes.len; at++) {
		bytes.ptr[at] ^= 0x10;
		assert_int_not_equal(equity_unpack(other, STR("x"), buf_str(&bytes)), STATUS_OK);
		bytes.ptr[at] ^= 0x10;
	}
	assert_int_equal(equity_count(other), 0);
	assert_int_equal(equity_unpack(other, STR("x"), buf_str(&bytes)), STATUS_OK);
	print_message("50 samples: %zu bytes\n", bytes.len);
	equity_destroy(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_sample_a_step_the_newest_and_none_before),
		TEST(the_ring_holds_72_hours),
		TEST(accounts_are_bounded),
		TEST(a_sum_has_gaps_where_an_account_has_one),
		TEST(bytes_bring_any_ring_back),
		TEST(damaged_bytes_are_refused_and_leave_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
