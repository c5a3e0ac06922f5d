#include "memory/plan_impl.h"

static const struct {
	int64_t bound, bound_1000;
} totals[PLAN_TOTALS] = {
#define PLAN_TOTAL(id, name, bound, bound_1000) [PLAN_TOTAL_##id] = { bound, bound_1000 },
#include "def/plan.def"
};

bool plan_counts(const struct plan_load *load, enum plan_component component)
{
	if (component == PLAN_ris || component == PLAN_ris_walking)
		return (component == PLAN_ris_walking) == (load->mix == PLAN_MIX_WALKING);
	return plan_component_row(component)->counts;
}

int64_t plan_bound(const struct plan_load *load, enum plan_component component)
{
	const struct plan_component_row *row = plan_component_row(component);
	struct plan_load usual = plan_load_usual();
	struct plan_costs costs = plan_costs_shipped();
	int64_t here = plan_sum(load, &costs, component);
	int64_t there = plan_sum(&usual, &costs, component);
	if (row->bound < 0 || row->segment == SEGMENT_COUNT || there <= 0)
		return row->bound;
	return here < 0 ? -1 : (int64_t)((i128)row->bound * here / there);
}

/* The bounds of all components that count in Redis. */
static i128 bounds_of(const struct plan_load *load)
{
	i128 sum = 0;
	for (size_t i = 0; i < PLAN_COMPONENTS; i++)
		if (plan_component_row((enum plan_component)i)->segment != SEGMENT_COUNT &&
		    plan_counts(load, (enum plan_component)i))
			sum += plan_bound(load, (enum plan_component)i);
	return sum;
}

/* A line through the two bounds that are given, along the bounds of the components. With all
 * numbers walking the difference of that row comes on top. */
int64_t plan_total_bound(const struct plan_load *load, enum plan_total total)
{
	struct plan_load small = plan_load_usual(), large = small;
	large.instances = 1000;
	i128 low = bounds_of(&small), high = bounds_of(&large);
	i128 rise = totals[total].bound_1000 - totals[total].bound;
	i128 bound = totals[total].bound + rise * (bounds_of(load) - low) / (high - low);
	return bound < 0 ? 0 : (int64_t)(bound > PLAN_BYTES_MAX ? PLAN_BYTES_MAX : bound);
}
