/* tally.h - "more than so many within a time": a ring of TALLY_BUCKETS buckets.
 *
 * What was added counts for the whole window and at most a bucket (a sixtieth of it) longer.
 * Time that goes back is taken to stand still. Fixed size, no allocation, O(1) to add, one pass
 * over the ring to ask. Pure: time is told. One thread. */
#pragma once

#include <stdint.h>

enum { TALLY_BUCKETS = 60 };

struct tally {
	int64_t bucket_ms;
	int64_t newest; /* number of the newest bucket since the clock's beginning */
	uint64_t seen;  /* tally_watch: the counter's newest value */
	uint64_t counts[TALLY_BUCKETS + 1];
};

/* window_ms: at least TALLY_BUCKETS. */
void tally_init(struct tally *tally, int64_t window_ms);
void tally_add(struct tally *tally, int64_t now_ms, uint64_t count);
/* Adds what a counter rose by since it was last seen, at first since 0. One that has fallen
 * began anew. */
void tally_watch(struct tally *tally, int64_t now_ms, uint64_t counter);
/* How many within the window that ends now. */
uint64_t tally_sum(struct tally *tally, int64_t now_ms);
