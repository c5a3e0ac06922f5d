/* line_dial.h - outgoing connections that speak in lines (port/line_conn.h).
 *
 * A dialer holds what its connections share: bounds, TLS, events, counts. What
 * line_server.h says of lines, shares of a turn, closing and memory holds here too
 * (the code is the same). A host is a numeric address or a name; of a name's addresses
 * each is tried in turn. Connecting has a time in all, TLS after it one of its own.
 * Uses one timer of the loop's heap per connection. Loop thread only; callbacks never
 * run inside a call of the owner. */
#pragma once

#include "base/err.h"
#include "os/line_stats.h"
#include "os/loop.h"
#include "os/tls.h"
#include "port/line_conn.h"

struct line_dialer;

struct line_dialer_config {
	size_t connections_max;       /* 0: 64 */
	size_t line_bytes_max;        /* its LF included, a CR before it not; 0: 64 KiB; to 1 MiB */
	size_t outgoing_bytes_max;    /* 0: 4 MiB */
	int64_t connect_timeout_ns;   /* 0: 10 s */
	int64_t handshake_timeout_ns; /* of TLS; 0: 10 s */
	struct str too_long_answer;   /* whole lines, or empty; must outlive the dialer */
	struct tls_context *tls;      /* of tls_client_open; must outlive it too; NULL: plain */
	struct line_events events;    /* copied; its ctx is not used */
};

MUST_CHECK enum status line_dialer_open(struct loop *loop, const struct line_dialer_config *config,
					struct line_dialer **dialer, struct err *err);
/* Ends every connection (CANCELLED), then runs fn(ctx). */
void line_dialer_close(struct line_dialer *dialer, void (*fn)(void *ctx), void *ctx);
/* Begins a connection. on_open(ctx, conn) runs when lines can flow, and on_close runs
 * exactly once, with the context that on_open returned, or with ctx when it has not
 * run or has returned NULL: REFUSED, TIMEOUT, NOT_FOUND (the name), CANCELLED (closed
 * before it was open), FORMAT (the other end speaks no TLS), IO, and what ends an open
 * connection. *conn may be closed from now on; it is gone after on_close. FULL: at
 * connections_max, those that linger after their end counted in; nothing has begun.
 * NO_MEMORY likewise. */
MUST_CHECK enum status line_dial(struct line_dialer *dialer, const char *host, uint16_t port,
				 void *ctx, struct line_conn **conn);
/* In on_close: why it was never open, in one line that names the host; "" when it was
 * open or the owner closed it. Of connections of line_dial only. */
const char *line_dial_problem(const struct line_conn *conn);
const struct line_stats *line_dialer_stats(const struct line_dialer *dialer);
