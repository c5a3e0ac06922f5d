/* line_client.h - one request to the control socket, one answer; blocking.
 *
 * The request is a line. The answer is a header line `<exit status> <bytes>` and
 * then that many bytes. For the command line only: plain sockets, no loop. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/* Appends the answer's bytes to `answer` (RANGE when its limit is too small).
 * UNAVAILABLE: nobody listens on path. TIMEOUT: the whole answer was not there
 * timeout_ms after the call. */
MUST_CHECK enum status control_call(const char *path, struct str request, int timeout_ms,
				    int *exit_status, struct buf *answer, struct err *err);
/* The other side: what a server sends for an answer. */
void control_put_header(struct buf *out, int exit_status, size_t bytes);
