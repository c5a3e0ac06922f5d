/* rng.h - a seeded random sequence (splitmix64 into xoshiro256**, Blackman and
 * Vigna 2018). For simulation, jitter and tests; never for secrets. */
#pragma once

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_init(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);
/* Uniform in [0, bound), bound > 0 (multiply-shift; bias below 2^-32 for
 * bounds under 2^32). */
uint64_t rng_below(struct rng *rng, uint64_t bound);
double rng_unit(struct rng *rng);   /* [0, 1) */
double rng_normal(struct rng *rng); /* mean 0, sd 1 (Box-Muller) */
