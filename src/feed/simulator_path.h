/* simulator_path.h - the simulated world's prices, as a pure function.
 *
 * Everything the simulator says is a hash of (seed, what, when), so there is no
 * state to save: a simulator that starts later sees the same world, and slices of
 * time can be produced in any portions. The price of an asset is a sum of value
 * noise octaves (1 s to 1 day, amplitude growing with the root of the period,
 * which is what a random walk's spectrum looks like), scaled by the hour's regime,
 * plus a part common to all assets. Integers only, so the same seed gives the same
 * bytes on every machine. Any thread. */
#pragma once

#include "base/str.h"

enum sim_regime { SIM_QUIET, SIM_NORMAL, SIM_TREND, SIM_VOLATILE };

/* What is known of an asset. Money in 10^-8 quote units. */
struct sim_asset {
	struct str name;
	int64_t price_e8;     /* the level its path moves around */
	uint32_t vol_percent; /* of BTC's volatility */
	uint32_t weight;      /* share of all trades */
	struct sim_steps {
		int64_t tick_e8, lot_e8;
	} steps[4]; /* venue × 2 + kind */
};

/* The row of a base asset; a name that is not in the table gets one made from its
 * hash: a price of 0.05 to 50 with fitting steps. */
void sim_asset_find(struct str base, struct sim_asset *out);

uint64_t sim_mix(uint64_t x);
/* Random bits for (seed, stream, index); streams are told apart by the caller. */
static inline uint64_t sim_hash(uint64_t seed, uint64_t stream, uint64_t index)
{
	return sim_mix(sim_mix(seed ^ stream * 0x9E3779B97F4A7C15u) ^ index * 0xD1B54A32D192ED03u);
}

/* The regime of the hour that holds this second (unix). */
enum sim_regime sim_path_regime(uint64_t key, int64_t second);
/* Displacement from the level in 10^-9, at a unix second. key: hash of seed and asset. */
int64_t sim_path_ppb(uint64_t key, int64_t second);
/* One octave on its own: value noise of standard deviation 4 × unit at the grid. */
int64_t sim_path_octave(uint64_t key, int64_t second, int64_t period, int64_t unit);
