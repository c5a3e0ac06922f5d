/* series_bars.h - bars for the tests of series: numbered ones, a walk, and what is held. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/rng.h"
#include "market/market.h"

enum { M15 = 15, STEP_MS = M15 * MINUTE_MS };

static const int64_t start_ms = 1723161600000; /* midnight UTC: bars of any length begin here */
static struct series *series;

static inline int make(void **state)
{
	(void)state;
	series = series_create(M15);
	return series ? 0 : -1;
}

static inline int drop(void **state)
{
	(void)state;
	series_destroy(series);
	return 0;
}

/* Bar number n since start, around a price in cents. */
static inline struct series_bar bar_at(int64_t n, int64_t price)
{
	return (struct series_bar){ .open_ms = start_ms + n * STEP_MS,
				    .open = { price, 2 },
				    .high = { price + 30, 2 },
				    .low = { price - 20, 2 },
				    .close = { price + 10, 2 },
				    .volume = { 12345, 3 } };
}

static inline enum series_taken take(int64_t n, int64_t price)
{
	struct series_bar bar = bar_at(n, price);
	return series_take(series, &bar);
}

static inline void assert_decimal(struct decimal a, struct decimal b)
{
	assert_int_equal(a.mantissa, b.mantissa);
	assert_int_equal(a.scale, b.scale);
}

static inline void assert_bar(const struct series_bar *a, const struct series_bar *b)
{
	assert_int_equal(a->open_ms, b->open_ms);
	assert_decimal(a->open, b->open);
	assert_decimal(a->high, b->high);
	assert_decimal(a->low, b->low);
	assert_decimal(a->close, b->close);
	assert_decimal(a->volume, b->volume);
}

/* Held: bars first..last, each at the price of its number. */
static inline void assert_holds(int64_t first, int64_t last)
{
	assert_int_equal(series_count(series), last - first + 1);
	for (int64_t n = first; n <= last; n++) {
		struct series_bar want = bar_at(n, 10000 + n);
		assert_bar(series_at(series, (size_t)(n - first)), &want);
	}
	assert_int_equal(series_newest_ms(series), start_ms + last * STEP_MS);
}

/* `count` bars of a walk in cents; trimmed as venues' texts are, or at scale 2. */
static inline void put_walk(struct series *to, size_t count, uint64_t seed, bool trimmed)
{
	struct rng rng;
	int64_t price = 6725000;
	rng_init(&rng, seed);
	for (size_t i = 0; i < count; i++) {
		int64_t open = price + (int64_t)rng_below(&rng, 3) - 1;
		price += (int64_t)rng_below(&rng, 40001) - 20000;
		int64_t top = (open > price ? open : price) + (int64_t)rng_below(&rng, 10000);
		int64_t bottom = (open < price ? open : price) - (int64_t)rng_below(&rng, 10000);
		struct series_bar bar = { .open_ms = start_ms + (int64_t)i * STEP_MS,
					  .open = { open, 2 },
					  .high = { top, 2 },
					  .low = { bottom, 2 },
					  .close = { price, 2 },
					  .volume = { (int64_t)rng_below(&rng, 3000000), 3 } };
		struct decimal *numbers[] = { &bar.open, &bar.high, &bar.low, &bar.close,
					      &bar.volume };
		for (size_t k = 0; trimmed && k < ARRAY_LEN(numbers); k++)
			for (struct decimal *d = numbers[k]; d->scale && d->mantissa % 10 == 0;
			     d->scale--)
				d->mantissa /= 10;
		assert_int_equal(series_take(to, &bar), SERIES_TAKEN);
	}
}
