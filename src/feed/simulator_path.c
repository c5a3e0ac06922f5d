#include "feed/simulator_path.h"

#include "base/check.h"

static const struct sim_asset assets[] = {
	/* steps: Binance spot, Binance perp, Bybit spot, Bybit perp */
	{ STR("BTC"),
	  6500000000000,
	  100,
	  32,
	  { { 1000000, 1000 }, { 10000000, 100000 }, { 1000000, 100 }, { 10000000, 100000 } } },
	{ STR("ETH"),
	  268000000000,
	  130,
	  24,
	  { { 1000000, 10000 }, { 1000000, 100000 }, { 1000000, 1000 }, { 1000000, 1000000 } } },
	{ STR("SOL"),
	  15000000000,
	  180,
	  16,
	  { { 1000000, 100000 },
	    { 1000000, 1000000 },
	    { 1000000, 100000 },
	    { 1000000, 10000000 } } },
	{ STR("BNB"),
	  58000000000,
	  110,
	  10,
	  { { 1000000, 100000 },
	    { 1000000, 1000000 },
	    { 10000000, 10000 },
	    { 10000000, 1000000 } } },
	{ STR("XRP"),
	  58000000,
	  160,
	  12,
	  { { 10000, 10000000 }, { 10000, 10000000 }, { 10000, 1000000 }, { 10000, 10000000 } } },
};

uint64_t sim_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

void sim_asset_find(struct str base, struct sim_asset *out)
{
	for (size_t i = 0; i < ARRAY_LEN(assets); i++)
		if (str_eq(base, assets[i].name)) {
			*out = assets[i];
			return;
		}
	uint64_t h = sim_mix(str_hash(base));
	bool dear = h & 1;
	*out = (struct sim_asset){ .name = base, .vol_percent = 200, .weight = 4 };
	out->price_e8 = dear ? 100000000 + (int64_t)((h >> 8) % 4900000000u)
			     : 5000000 + (int64_t)((h >> 8) % 95000000u);
	for (size_t i = 0; i < ARRAY_LEN(out->steps); i++)
		out->steps[i] = dear ? (struct sim_steps){ 100000, 1000000 }
				     : (struct sim_steps){ 1000, 10000000 };
}

/* Amplitudes: half of a one-second volatility of 88 ppm times the root of the
 * period, a quarter of it because the bits below have a deviation of 4. */
static const struct octave {
	int64_t period, unit;
	bool scaled; /* by the hour's regime */
} octaves[] = {
	{ 1, 11000, true },     { 5, 24600, true },        { 20, 49200, true },
	{ 60, 85200, true },    { 300, 190500, true },     { 900, 330000, true },
	{ 3600, 660000, true }, { 14400, 1320000, false }, { 86400, 3233000, false },
};

/* In 1/16: small octaves, and the hourly one that makes the trends. */
static const struct {
	int16_t noise, hourly;
} regimes[] = {
	[SIM_QUIET] = { 8, 8 },
	[SIM_NORMAL] = { 16, 16 },
	[SIM_TREND] = { 13, 48 },
	[SIM_VOLATILE] = { 36, 20 },
};

enum sim_regime sim_path_regime(uint64_t key, int64_t second)
{
	uint64_t roll = sim_hash(key, 0x5E61, (uint64_t)(second / 3600)) % 100;
	return roll < 40   ? SIM_QUIET
	       : roll < 75 ? SIM_NORMAL
	       : roll < 88 ? SIM_TREND
			   : SIM_VOLATILE;
}

/* Nearly normal: 64 coins, mean 0, standard deviation 4. */
static int64_t grid(uint64_t key, int64_t period, int64_t index)
{
	return __builtin_popcountll(sim_hash(key, (uint64_t)period, (uint64_t)index)) - 32;
}

int64_t sim_path_octave(uint64_t key, int64_t second, int64_t period, int64_t unit)
{
	int64_t i = second / period, rest = second % period;
	int64_t a = grid(key, period, i), b = grid(key, period, i + 1);
	return (a * (period - rest) + b * rest) * unit / period;
}

/* A grid point is scaled by its own hour, so the path stays in one piece where the
 * regime changes. */
static int64_t scaled_octave(uint64_t key, int64_t second, const struct octave *octave)
{
	int64_t period = octave->period, i = second / period, rest = second % period;
	bool hourly = period == 3600;
	int64_t value[2];
	enum sim_regime regime = sim_path_regime(key, i * period);
	for (int end = 0; end < 2; end++) {
		if (end && (i + 1) * period % 3600 < period)
			regime = sim_path_regime(key, (i + 1) * period);
		value[end] = grid(key, period, i + end) *
			     (hourly ? regimes[regime].hourly : regimes[regime].noise);
	}
	return (value[0] * (period - rest) + value[1] * rest) * octave->unit / period / 16;
}

int64_t sim_path_ppb(uint64_t key, int64_t second)
{
	int64_t sum = 0;
	for (size_t i = 0; i < ARRAY_LEN(octaves); i++)
		sum += octaves[i].scaled
			   ? scaled_octave(key, second, &octaves[i])
			   : sim_path_octave(key, second, octaves[i].period, octaves[i].unit);
	return sum;
}
