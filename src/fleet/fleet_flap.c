/* Flap damping (fleet.md 4.2): a penalty that halves every five minutes, O(1). */
#include <math.h>

#include "fleet/fleet_impl.h"

#define HALF_LIFE_NS 300e9

double flap_penalty(const struct terminal *t)
{
	if (t->penalty == 0)
		return 0;
	return t->penalty * exp2(-(double)(t->fleet->now_ns - t->penalty_ns) / HALF_LIFE_NS);
}

/* Whole points, so that a penalty of 3,000 is above 2,999 and one under 1,000 below it. */
static void tell_penalty(struct terminal *t, double points)
{
	fleet_set_sample(t, SAMPLE_pen, number_of((int64_t)points));
	tell_fact(t, ALERT_flapping, floor(points), "changes its state too often");
}

/* Until it is under FLAP_OFF, in whole ms. */
static int64_t rest_ns(double penalty)
{
	double rest = HALF_LIFE_NS * log2(penalty / FLAP_OFF);
	return ((int64_t)(rest / (double)MS_NS) + 1) * MS_NS;
}

void flap_add(struct terminal *t, double points)
{
	t->penalty = flap_penalty(t) + points;
	t->penalty_ns = t->fleet->now_ns;
	if (t->penalty >= FLAP_ON)
		fleet_set_flag(t, INSTANCE_FLAPPING, true);
	if (has_flag(t, INSTANCE_FLAPPING))
		t->unflap_ns = t->penalty_ns + rest_ns(t->penalty);
	tell_penalty(t, t->penalty);
}

static void unflap(struct terminal *t)
{
	t->unflap_ns = NEVER;
	fleet_set_flag(t, INSTANCE_FLAPPING, false);
	tell_penalty(t, t->penalty < FLAP_OFF ? t->penalty : FLAP_OFF - 1);
}

void flap_reset(struct terminal *t)
{
	t->penalty = 0;
	t->penalty_ns = t->fleet->now_ns;
	unflap(t);
}

void flap_run(struct terminal *t)
{
	if (!is_due(t, t->unflap_ns))
		return;
	t->penalty = flap_penalty(t);
	t->penalty_ns = t->fleet->now_ns;
	unflap(t);
}
