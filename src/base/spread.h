/* spread.h - how values are spread: how many are at or under each of a few fixed bounds, how
 * many there were and what they sum up to. What a histogram of Prometheus shows; hist.h is for
 * quantiles. Fixed size, no allocation. One thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SPREAD_BOUNDS_MAX = 16 };

struct spread_bounds {
	size_t count;
	double at[SPREAD_BOUNDS_MAX]; /* ascending */
};

struct spread {
	const struct spread_bounds *bounds;
	uint64_t
	    counts[SPREAD_BOUNDS_MAX + 1]; /* at most the bound, above the one before; the rest */
	uint64_t count;
	double sum;
};

/* 0.1 ms to 10 s, and 50 points better to 100 worse. */
extern const struct spread_bounds spread_seconds, spread_points;

static inline struct spread spread_of(const struct spread_bounds *bounds)
{
	return (struct spread){ .bounds = bounds };
}
void spread_add(struct spread *spread, double value);
/* How many are at or under bounds->at[i]. */
uint64_t spread_upto(const struct spread *spread, size_t i);
