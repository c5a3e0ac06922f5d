/* running.h - one request to the weir that runs on a state directory. Blocking. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/* The answer is appended to `answer`. UNAVAILABLE: none runs on state_dir. */
MUST_CHECK enum status running_ask(const char *state_dir, struct str request, int *exit_status,
				   struct buf *answer, struct err *err);
