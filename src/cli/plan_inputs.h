/* plan_inputs.h - the documents that a plan is made of. Blocking. */
#pragma once

#include "memory/plan.h"

/* A document's text, appended: one that is shipped, by its name, else a file. `shipped` are
 * looked for beside the program: ../share/weir/scenarios of an installed one, share/scenarios
 * of a build's tree or the working directory. NOT_FOUND names those there are. */
MUST_CHECK enum status plan_inputs_scenario(const char *name, struct buf *text, struct err *err);
