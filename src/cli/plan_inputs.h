/* plan_inputs.h - what a plan is made of: the load that the configuration has, or a document.
 * Blocking. */
#pragma once

#include "def/args.h"
#include "def/config.h"
#include "memory/plan.h"

/* memory.md's load. Where the configuration says something of its own, by file or environment:
 * terminals by fleet.tokens_file, markets by market.symbols and venue.*.on, how long results
 * are kept by archive.checkpoint. `instances` above 0 comes last. */
MUST_CHECK enum status plan_inputs_load(const struct config *config, int64_t instances,
					struct plan_load *load, struct err *err);
/* A document's text, appended: one that is shipped, by its name, else a file. `shipped` are
 * looked for beside the program: ../share/weir/scenarios of an installed one, share/scenarios
 * of a build's tree or the working directory. NOT_FOUND names those there are. */
MUST_CHECK enum status plan_inputs_scenario(const char *name, struct buf *text, struct err *err);
