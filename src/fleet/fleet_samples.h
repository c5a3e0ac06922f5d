/* fleet_samples.h - which field of a frame is which sample. Internal to src/fleet. */
#pragma once

#include "fleet/fleet_impl.h"

/* Every sample that the frame carries becomes the newest of its kind. */
void samples_take(struct terminal *t, const struct mfp_frame *frame);
