/* backoff.h - how long to wait before the next try: doubling, with jitter.
 *
 * The n-th wait is uniform in [d/2, d] with d = min(longest, first x 2^n), so that
 * many clients of one server do not come back together. Pure. */
#pragma once

#include "base/rng.h"

struct backoff {
	int64_t first_ns, longest_ns;
	int64_t ceiling_ns; /* d of the next wait; 0 before the first */
};

static inline void backoff_reset(struct backoff *backoff) { backoff->ceiling_ns = 0; }

static inline int64_t backoff_next_ns(struct backoff *backoff, struct rng *rng)
{
	int64_t ceiling_ns = backoff->ceiling_ns ? backoff->ceiling_ns : backoff->first_ns;
	if (ceiling_ns > backoff->longest_ns)
		ceiling_ns = backoff->longest_ns;
	backoff->ceiling_ns =
	    ceiling_ns > backoff->longest_ns / 2 ? backoff->longest_ns : ceiling_ns * 2;
	int64_t half_ns = ceiling_ns / 2;
	return ceiling_ns - half_ns + (int64_t)rng_below(rng, (uint64_t)half_ns + 1);
}
