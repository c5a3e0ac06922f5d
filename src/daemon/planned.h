/* planned.h - the load that the configuration has, and what the plan says of it: the same in
 * `weir plan` and where redis.maxmemory = plan sets the segments' maxmemory. Blocking. */
#pragma once

#include "def/config.h"
#include "memory/plan.h"

/* memory.md's load. Where the configuration says something of its own, by file or environment:
 * terminals by fleet.tokens_file, markets by market.symbols and venue.*.on, how long results
 * are kept by archive.checkpoint. `instances` above 0 comes last. */
MUST_CHECK enum status planned_load(const struct config *config, int64_t instances,
				    struct plan_load *load, struct err *err);
/* Bytes of each segment for that load, with the costs that `weir plan` takes (calibration.h);
 * logged in one line. The file of tokens cannot be read, or the load is beyond what can be
 * counted: err says it. */
MUST_CHECK enum status planned_maxmemory(const struct config *config, const char *state_dir,
					 int64_t maxmemory[SEGMENT_COUNT], struct err *err);
