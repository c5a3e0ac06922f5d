/* venue_probe.h - is any of the venues there? Asks each for its time, over its own loop,
 * and comes back with the first yes, or when all have said no, or after the patience
 * given. For `feed = auto`, before a daemon is built. */
#pragma once

#include "base/err.h"
#include "def/config.h"

/* OK: one answered. UNAVAILABLE: none did, err says of the first one why. */
MUST_CHECK enum status venue_probe(const struct config *config, int64_t patience_ns,
				   struct err *err);
