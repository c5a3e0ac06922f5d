/* control.h - the control socket's requests: one line in, `<exit> <bytes>` LF and
 * the bytes out (docs/formats.md). Loop thread. */
#pragma once

#include "daemon/daemon.h"
#include "port/line_conn.h"

enum { CONTROL_LINE_MAX = 64 << 10, CONTROL_ANSWER_MAX = 16 << 20, CONTROL_CONNS_MAX = 64 };

struct control;

struct control *control_create(struct daemon *daemon); /* NULL: out of memory */
void control_destroy(struct control *control);
/* A request from inside the process: fn runs once, perhaps from inside the call. */
void control_run(struct control *control, struct str line,
		 void (*fn)(void *ctx, int exit_status, struct str text), void *ctx);
/* What a line server needs to serve it. */
struct line_events control_events(struct control *control);
