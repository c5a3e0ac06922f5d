/* hist.h - a fixed-size histogram of non-negative integers (nanoseconds, bytes).
 *
 * Log-linear buckets, 32 per octave: relative error at most 1/32. 15.6 KB, no
 * allocation, O(1) record. The idea is HdrHistogram's (Tene). One thread. */
#pragma once

#include <stdint.h>

enum { HIST_SUB_BITS = 5, HIST_BUCKETS = (64 - HIST_SUB_BITS + 1) << HIST_SUB_BITS };

struct hist {
	uint64_t count;
	uint64_t sum;
	uint64_t max;
	uint64_t buckets[HIST_BUCKETS];
};

void hist_clear(struct hist *hist);
void hist_record(struct hist *hist, uint64_t value);
/* The highest value of the bucket that holds quantile q in 0..1; 0 when empty. */
uint64_t hist_quantile(const struct hist *hist, double q);
