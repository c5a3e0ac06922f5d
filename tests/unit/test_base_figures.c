/* Histogram, random numbers and CRC: figures against their definitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/hist.h"
#include "base/rng.h"

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void quantiles_are_within_a_thirtysecond(void **state)
{
	(void)state;
	enum { N = 5000 };
	static uint64_t values[N];
	static struct hist hist;
	static const double quantiles[] = { 0, 0.01, 0.5, 0.9, 0.99, 0.999, 1 };
	struct rng rng;
	rng_init(&rng, 8);
	hist_clear(&hist);
	uint64_t sum = 0;
	for (size_t i = 0; i < N; i++) {
		values[i] = rng_next(&rng) >> (8 + rng_below(&rng, 56));
		sum += values[i];
		hist_record(&hist, values[i]);
	}
	qsort(values, N, sizeof values[0], compare);
	assert_int_equal(hist.count, N);
	assert_true(hist.sum == sum);
	assert_true(hist.max == values[N - 1]);
	for (size_t i = 0; i < ARRAY_LEN(quantiles); i++) {
		size_t rank = (size_t)(quantiles[i] * N);
		uint64_t exact = values[rank < N ? rank : N - 1];
		uint64_t told = hist_quantile(&hist, quantiles[i]);
		assert_true(told >= exact);
		assert_true(told - exact <= exact / 32 + 1);
	}
}

static void the_largest_and_the_smallest_have_their_buckets(void **state)
{
	(void)state;
	static struct hist hist;
	hist_clear(&hist);
	assert_true(hist_quantile(&hist, 0.5) == 0);
	hist_record(&hist, 0);
	hist_record(&hist, UINT64_MAX);
	assert_true(hist_quantile(&hist, 0) == 0);
	assert_true(hist_quantile(&hist, 1) == UINT64_MAX);
	for (uint32_t bit = 0; bit < 64; bit++)
		hist_record(&hist, (uint64_t)1 << bit);
	assert_int_equal(hist.count, 66);
}

/* xoshiro256** seeded by splitmix64 of 0: computed from the authors' definition. */
static uint64_t reference_splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void a_seed_is_a_sequence(void **state)
{
	(void)state;
	struct rng a, b, c;
	uint64_t x = 0;
	rng_init(&a, 0);
	/* splitmix64's first outputs for seed 0 are published test values */
	assert_true(a.s[0] == 0xE220A8397B1DCDAF && a.s[1] == 0x6E789E6AA1B965F4);
	for (int i = 0; i < 4; i++)
		assert_true(a.s[i] == reference_splitmix(&x));
	rng_init(&b, 9);
	rng_init(&c, 9);
	for (int i = 0; i < 100; i++)
		assert_true(rng_next(&b) == rng_next(&c));
	assert_true(rng_next(&a) != rng_next(&b));
}

static void draws_stay_below_their_bound_and_reach_it(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 10);
	int seen[7] = { 0 };
	double sum = 0, squares = 0;
	for (int i = 0; i < 70000; i++) {
		uint64_t drawn = rng_below(&rng, ARRAY_LEN(seen));
		assert_true(drawn < ARRAY_LEN(seen));
		seen[drawn]++;
		double unit = rng_unit(&rng);
		assert_true(unit >= 0 && unit < 1);
		double normal = rng_normal(&rng);
		sum += normal;
		squares += normal * normal;
	}
	for (size_t i = 0; i < ARRAY_LEN(seen); i++)
		assert_in_range(seen[i], 9500, 10500); /* 5 standard deviations of 10,000 */
	assert_true(sum / 70000 > -0.02 && sum / 70000 < 0.02);
	assert_true(squares / 70000 > 0.97 && squares / 70000 < 1.03);
	assert_true(rng_below(&rng, 1) == 0);
}

static uint32_t slow_crc(const unsigned char *p, size_t len)
{
	uint32_t crc = 0xFFFFFFFF;
	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
	}
	return ~crc;
}

static void crc_gives_the_published_vectors(void **state)
{
	(void)state;
	unsigned char bytes[32];
	assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
	memset(bytes, 0, sizeof bytes); /* RFC 3720 B.4 */
	assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x8A9136AA);
	memset(bytes, 0xFF, sizeof bytes);
	assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x62A8AB43);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)i;
	assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x46DD794E);
}

static void crc_may_be_taken_in_pieces(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 11);
	for (int round = 0; round < 500; round++) {
		unsigned char bytes[100];
		size_t len = rng_below(&rng, sizeof bytes), cut = rng_below(&rng, len + 1);
		for (size_t i = 0; i < len; i++)
			bytes[i] = (unsigned char)rng_next(&rng);
		uint32_t whole = crc32c(0, bytes, len);
		assert_int_equal(whole, slow_crc(bytes, len));
		assert_int_equal(crc32c(crc32c(0, bytes, cut), bytes + cut, len - cut), whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_within_a_thirtysecond),
		cmocka_unit_test(the_largest_and_the_smallest_have_their_buckets),
		cmocka_unit_test(a_seed_is_a_sequence),
		cmocka_unit_test(draws_stay_below_their_bound_and_reach_it),
		cmocka_unit_test(crc_gives_the_published_vectors),
		cmocka_unit_test(crc_may_be_taken_in_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
