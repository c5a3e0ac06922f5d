/* ws_client.h - a stream of venue messages.
 *
 * Implemented by the recording reader and the market simulator (src/feed), the
 * simulated world (tests/sim), and over libwebsockets (os/ws.h). Messages are whole
 * (never half a frame) and followed by DECODE_PADDING readable bytes. A ping of the
 * server is answered by the implementation, with its payload. A client may be
 * opened again after on_close. Loop thread only; callbacks never run from inside a
 * call of the owner. */
#pragma once

#include "base/str.h"

struct ws_events {
	void (*on_open)(void *ctx);
	/* received_ns: unix ns of reception, 0 when unknown. */
	void (*on_message)(void *ctx, struct str message, int64_t received_ns);
	/* After this nothing more comes. code: RFC 6455 7.4, 1000 for a normal end,
	 * 1006 for a connection that broke or never came to be; reason: for people. */
	void (*on_close)(void *ctx, int code, struct str reason);
	void *ctx;
};

struct ws_client;

struct ws_ops {
	/* IN_USE when it is open already or still closing. */
	enum status (*open)(struct ws_client *client, const char *url,
			    const struct ws_events *events);
	/* One text message; copies. CLOSED when not open, FULL at the bound of what waits. */
	enum status (*send)(struct ws_client *client, struct str message);
	void (*pause)(struct ws_client *client, bool paused); /* back-pressure; messages wait */
	/* Ends in on_close, soon: a peer that does not answer the close is not waited for
	 * longer than a second. Fine in any state but closed. */
	void (*close)(struct ws_client *client);
};

struct ws_client {
	const struct ws_ops *ops;
};

/* Where ws_clients come from: a shell needs as many as it has connections, and one
 * more while a connection replaces another. */
struct ws_maker {
	struct ws_client *(*create)(void *ctx); /* NULL: out of memory */
	/* Ends in silence when open: on_close does not run any more. */
	void (*destroy)(void *ctx, struct ws_client *client);
	void *ctx;
};
