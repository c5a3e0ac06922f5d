/* fleet_view.h - terminals as JSON, for /fleet, `weir fleet` and `weir top`. Numbers are
 * strings with the digits the terminal wrote, absent ones null. Any thread that may read
 * the fleet. */
#pragma once

#include "base/json_out.h"
#include "fleet/fleet.h"

/* One terminal in short: who, state, flags, since when, load, queue, account. */
void fleet_view_instance(struct json_out *json, const struct instance *instance);
/* The same with every number of samples.def, its hello's facts and its positions. */
void fleet_view_whole(struct json_out *json, const struct instance *instance);
/* {"instances":[…]} of all. */
void fleet_view_list(struct buf *out, const struct fleet *fleet);
