/* line_conn.h - connections that speak in lines (the control socket, terminals).
 *
 * A line ends with LF and comes without it (and without a CR before it); one
 * longer than the owner's bound closes the connection with a counted reason. What
 * follows the last LF when the other end stops is dropped. Loop thread only. */
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
	/* The other end's numeric address, without its port; "" on a unix socket. Lives as
	 * long as conn. */
	struct str (*peer)(const struct line_conn *conn);
	/* true: no on_line, and no look at whether the other end is still there, until
	 * false. Lines that came before wait. Saying it again changes nothing. */
	void (*pause)(struct line_conn *conn, bool paused);
};

struct line_conn {
	const struct line_ops *ops;
};
