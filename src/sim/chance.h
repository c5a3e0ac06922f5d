/* chance.h - when something that happens so often on average happens next. Pure. */
#pragma once

#include <math.h>

#include "base/rng.h"

/* After an exponentially distributed time, later than now_ns; INT64_MAX for rate 0. */
static inline int64_t chance_after_ns(struct rng *rng, int64_t now_ns, double per_second)
{
	if (per_second <= 0)
		return INT64_MAX;
	double seconds = -log(1.0 - rng_unit(rng)) / per_second;
	return seconds > 1e9 ? INT64_MAX : now_ns + (int64_t)(seconds * 1e9) + 1;
}
