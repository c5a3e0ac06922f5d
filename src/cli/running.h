/* running.h - one request to the weir that runs on a state directory. Blocking. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "def/args.h"

/* The answer is appended to `answer`. UNAVAILABLE: none runs on state_dir. */
MUST_CHECK enum status running_ask(const char *state_dir, struct str request, int *exit_status,
				   struct buf *answer, struct err *err);
/* The same, waiting as long as that for the answer; running_ask waits 10 s. */
MUST_CHECK enum status running_ask_within(const char *state_dir, struct str request, int timeout_ms,
					  int *exit_status, struct buf *answer, struct err *err);
/* The running weir, or one that is started from the state directory for the time of the
 * question: its segments and its archive, no listener. NOT_FOUND: no state directory. */
MUST_CHECK enum status running_or_started_ask(const struct args *args, struct str request,
					      int timeout_ms, int *exit_status, struct buf *answer,
					      struct err *err);
