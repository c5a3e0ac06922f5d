#include "base/spread.h"

const struct spread_bounds spread_seconds = {
	13, { 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1, 2.5, 10 }
};
const struct spread_bounds spread_points = { 12,
					     { -50, -20, -10, -5, -1, 0, 1, 5, 10, 20, 50, 100 } };

void spread_add(struct spread *spread, double value)
{
	size_t i = 0;
	while (i < spread->bounds->count && value > spread->bounds->at[i])
		i++;
	spread->counts[i]++;
	spread->count++;
	spread->sum += value;
}

uint64_t spread_upto(const struct spread *spread, size_t i)
{
	uint64_t sum = 0;
	for (size_t at = 0; at <= i; at++)
		sum += spread->counts[at];
	return sum;
}
