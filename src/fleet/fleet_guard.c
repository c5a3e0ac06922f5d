/* The fleet-wide guard (fleet.md 4): many terminals silent at once have one cause, which
 * is not theirs. Suspects stand in the order in which they became it. */
#include <stdio.h>

#include "fleet/fleet_impl.h"

#define WINDOW_NS (5 * SECOND_NS)

static struct terminal *at(struct fleet *fleet, uint32_t slot) { return &fleet->terminals[slot]; }

static void append(struct terminal *t)
{
	struct fleet *fleet = t->fleet;
	t->older = fleet->newest_suspect;
	t->newer = FLEET_NONE;
	if (t->older == FLEET_NONE)
		fleet->oldest_suspect = t->seen.slot;
	else
		at(fleet, t->older)->newer = t->seen.slot;
	fleet->newest_suspect = t->seen.slot;
	fleet->suspects_grew = true;
}

static void take_out(struct terminal *t)
{
	struct fleet *fleet = t->fleet;
	if (t->older == FLEET_NONE)
		fleet->oldest_suspect = t->newer;
	else
		at(fleet, t->older)->newer = t->newer;
	if (t->newer == FLEET_NONE)
		fleet->newest_suspect = t->older;
	else
		at(fleet, t->newer)->older = t->older;
}

void guard_list(struct terminal *t, bool suspect)
{
	if (t->listed == suspect)
		return;
	t->listed = suspect;
	if (suspect) {
		t->suspect_ns = t->returning ? LONG_AGO : t->fleet->now_ns;
		t->fleet->suspects++;
		append(t);
	} else {
		t->fleet->suspects--;
		take_out(t);
	}
}

/* More than this many are a large part. */
static double large(const struct fleet *fleet)
{
	const uint32_t *states = fleet->counts.states;
	return fleet->settings.suspect_share *
	       (states[INSTANCE_RUNNING] + states[INSTANCE_DEGRADED]);
}

/* Suspects stand in the order in which they became it: it is enough to look at the one
 * that makes them too many. */
static bool has_common_cause(struct fleet *fleet)
{
	uint32_t needed = (uint32_t)large(fleet) + 1;
	uint32_t slot = fleet->newest_suspect;
	if (needed < GUARD_LEAST)
		needed = GUARD_LEAST;
	if (!fleet->suspects_grew || fleet->suspects < needed)
		return false;
	fleet->suspects_grew = false;
	while (--needed)
		slot = at(fleet, slot)->older;
	return fleet->now_ns - at(fleet, slot)->suspect_ns <= WINDOW_NS;
}

static void tell(struct fleet *fleet, uint32_t suspects)
{
	char text[96];
	int len = snprintf(text, sizeof text, "%u terminals went silent within 5 s", suspects);
	alert_value(fleet->alerts, ALERT_fleet_suspect, STR("fleet"), suspects,
		    str_make(text, (size_t)len));
}

bool guard_check(struct fleet *fleet)
{
	bool guarded =
	    fleet->counts.guarded ? fleet->suspects > large(fleet) : has_common_cause(fleet);
	if (guarded == fleet->counts.guarded)
		return false;
	fleet->counts.guarded = guarded;
	if (!guarded)
		fleet->allowed_ns = fleet->now_ns;
	tell(fleet, guarded ? fleet->suspects : 0);
	fleet_touch_all(fleet);
	return true;
}
