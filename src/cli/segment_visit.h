/* segment_visit.h - segment RMS for a command that looks: the running weir's server, or
 * one started from the state directory for the time of the command. Blocking calls
 * over an own loop. */
#pragma once

#include "daemon/daemon.h"

struct segment_visit;

/* With a weir running: it is asked to flush first. NOT_FOUND: no state directory. */
MUST_CHECK enum status segment_visit_open(const char *state_dir, const struct config *config,
					  enum segment segment, struct segment_visit **visit,
					  struct err *err);
void segment_visit_close(struct segment_visit *visit); /* NULL is fine */
/* One command, answered: fn runs before the call returns. */
MUST_CHECK enum status segment_visit_call(struct segment_visit *visit, const struct str *argv,
					  size_t argc, redis_reply_fn fn, void *ctx,
					  struct err *err);
/* For modules that talk to a segment by themselves; turn the loop until they are done. */
struct redis_port *segment_visit_redis(struct segment_visit *visit);
struct loop *segment_visit_loop(struct segment_visit *visit);
