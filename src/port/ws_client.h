/* ws_client.h - a stream of venue messages.
 *
 * Implemented by the recording reader and the market simulator (src/feed), the
 * simulated world (tests/sim), and a real WebSocket client later. Messages are
 * whole (never half a frame) and followed by DECODE_PADDING readable bytes.
 * Loop thread only; callbacks never run from inside a call of the owner. */
#pragma once

#include "base/str.h"

struct ws_events {
	void (*on_open)(void *ctx);
	/* received_ns: unix ns of reception, 0 when unknown. */
	void (*on_message)(void *ctx, struct str message, int64_t received_ns);
	/* After this nothing more comes. code: RFC 6455 7.4, 1000 for a normal end,
	 * 1006 for a connection that broke. */
	void (*on_close)(void *ctx, int code, struct str reason);
	void *ctx;
};

struct ws_client;

struct ws_ops {
	enum status (*open)(struct ws_client *client, const char *url,
			    const struct ws_events *events);
	enum status (*send)(struct ws_client *client, struct str message);
	void (*pause)(struct ws_client *client, bool paused); /* back-pressure; messages wait */
	void (*close)(struct ws_client *client);              /* ends in on_close */
};

struct ws_client {
	const struct ws_ops *ops;
};
