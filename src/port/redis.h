/* redis.h - a Redis server as weir sees it: commands in, replies out.
 *
 * Implemented by src/os (a real server over libuv and hiredis' reader) and by the
 * simulated world. Commands of one port are sent and answered in order; MULTI …
 * EXEC may be sent as consecutive commands. Each command's reply function runs
 * exactly once, on the loop thread, never from inside the call that queued it:
 * with the reply, or with the status that ended it (TIMEOUT, CLOSED, REDIS_*).
 * A status other than OK says nothing about whether the server executed it when
 * it is TIMEOUT or CLOSED. Loop thread only. */
#pragma once

#include "base/str.h"

enum redis_type { REDIS_NIL, REDIS_STATUS, REDIS_ERROR, REDIS_INTEGER, REDIS_BULK, REDIS_ARRAY };

struct redis_reply {
	enum redis_type type;
	int64_t integer;
	struct str text;                 /* STATUS, ERROR, BULK */
	size_t count;                    /* ARRAY */
	const struct redis_reply *items; /* ARRAY; valid during the call only, as text is */
};

/* reply is NULL unless the server answered; an error reply comes with its REDIS_*
 * status and the reply. */
typedef void (*redis_reply_fn)(void *ctx, enum status status, const struct redis_reply *reply);

struct redis_port;

struct redis_ops {
	/* Copies argv. FULL when the port's bound of pending bytes is reached (nothing
	 * queued, fn never runs), CLOSED when there is no connection and none is being
	 * made. fn may be NULL. */
	enum status (*command)(struct redis_port *port, const struct str *argv, size_t argc,
			       redis_reply_fn fn, void *ctx);
	size_t (*pending_bytes)(const struct redis_port *port); /* queued, not yet answered */
};

struct redis_port {
	const struct redis_ops *ops;
};

MUST_CHECK static inline enum status redis_command(struct redis_port *port, const struct str *argv,
						   size_t argc, redis_reply_fn fn, void *ctx)
{
	return port->ops->command(port, argv, argc, fn, ctx);
}

static inline size_t redis_pending_bytes(const struct redis_port *port)
{
	return port->ops->pending_bytes(port);
}
