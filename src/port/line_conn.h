/* line_conn.h - connections that speak in lines (the control socket, terminals).
 *
 * A line ends with LF and comes without it (and without a CR before it); one
 * longer than the server's bound closes the connection with a counted reason.
 * Loop thread only. */
#pragma once

#include "base/str.h"

struct line_conn;

struct line_events {
	/* Returns the owner's context for this connection, NULL to refuse it. */
	void *(*on_open)(void *ctx, struct line_conn *conn);
	void (*on_line)(void *conn_ctx, struct str line);
	void (*on_close)(void *conn_ctx, enum status why);
	void *ctx;
};

struct line_ops {
	/* Copies. FULL: the peer reads too slowly and its bound is reached. */
	enum status (*send)(struct line_conn *conn, struct str bytes);
	void (*close)(struct line_conn *conn); /* after what is queued; ends in on_close */
};

struct line_conn {
	const struct line_ops *ops;
};
