/* session.h - segment RMS for a command that looks: the running weir's server, or
 * one started from the state directory for the time of the command. Blocking calls
 * over an own loop. */
#pragma once

#include "daemon/daemon.h"

struct session;

/* With a weir running: it is asked to flush first. NOT_FOUND: no state directory. */
MUST_CHECK enum status session_open(const char *state_dir, const struct config *config,
				    enum segment segment, struct session **session,
				    struct err *err);
void session_close(struct session *session); /* NULL is fine */
/* One command, answered: fn runs before the call returns. */
MUST_CHECK enum status session_call(struct session *session, const struct str *argv, size_t argc,
				    redis_reply_fn fn, void *ctx, struct err *err);
