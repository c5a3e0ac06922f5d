/* fake_ws.h - a venue's connection in the simulated world: a ws_client whose other
 * end is the test. It opens a latency after it was asked to, says what it is fed,
 * keeps what comes while it is paused (bounded: a real socket's peer would drop the
 * reader), and breaks when told. A message's memory is freed right after the call,
 * padding and all.
 *
 * Alone, or made by a fake_ws_crowd for what makes its own connections: then the test
 * sees each with its URL and what was sent to it, as it happens. */
#pragma once

#include "base/timers.h"
#include "port/clock.h"
#include "port/ws_client.h"

enum { FAKE_WS_PENDING_BYTES = 16 << 20, FAKE_WS_OPEN_NS = 5000000 };

struct fake_ws;

/* One timer. Clock and timers outlive it. */
struct fake_ws *fake_ws_create(struct timers *timers, const struct clock_port *clock);
void fake_ws_destroy(struct fake_ws *ws);
struct ws_client *fake_ws_client(struct fake_ws *ws);

/* The other end says something. False: it is lost, the connection is not open (or is
 * stale). Delivered at once, or when the pause ends. */
bool fake_ws_say(struct fake_ws *ws, struct str frame, int64_t received_ns);
/* The connection stays open, but nothing comes any more until it is opened anew. */
void fake_ws_go_stale(struct fake_ws *ws);
void fake_ws_break(struct fake_ws *ws, int code); /* on_close, now */
/* Nobody can connect while it is so. */
void fake_ws_refuse(struct fake_ws *ws, bool refuses);
/* The owner died: nothing is told. */
void fake_ws_abandon(struct fake_ws *ws);
void fake_ws_close(struct fake_ws *ws, int code, struct str reason); /* on_close, now */

/* What the other end has seen, since the last opening. */
const char *fake_ws_url(const struct fake_ws *ws);
bool fake_ws_is_open(const struct fake_ws *ws);
bool fake_ws_is_idle(const struct fake_ws *ws); /* neither open nor on the way to or from it */
bool fake_ws_is_paused(const struct fake_ws *ws);
size_t fake_ws_sent_count(const struct fake_ws *ws);
struct str fake_ws_sent(const struct fake_ws *ws, size_t index);

/* ---- many of them ---- */

struct fake_ws_crowd;

/* The other end of all sockets of a crowd; any may be NULL. They run inside the owner's
 * calls and callbacks: what is said there arrives after them. */
struct fake_ws_peer {
	void (*on_asked)(void *ctx, struct fake_ws *ws); /* a connection is asked for */
	void (*on_sent)(void *ctx, struct fake_ws *ws, struct str message);
	void *ctx;
};

/* One timer a socket. */
struct fake_ws_crowd *fake_ws_crowd_create(struct timers *timers, const struct clock_port *clock,
					   const struct fake_ws_peer *peer);
void fake_ws_crowd_destroy(struct fake_ws_crowd *crowd); /* with all sockets */
struct ws_maker fake_ws_crowd_maker(struct fake_ws_crowd *crowd);
/* In the order of making; those that the owner destroyed stay, idle. */
size_t fake_ws_crowd_count(const struct fake_ws_crowd *crowd);
struct fake_ws *fake_ws_crowd_at(const struct fake_ws_crowd *crowd, size_t index);
/* From now on every handshake ends so; code 0: they succeed again. reason outlives it. */
void fake_ws_crowd_refuse(struct fake_ws_crowd *crowd, int code, const char *reason);
/* Handshakes do not end at all while it is so. */
void fake_ws_crowd_hang(struct fake_ws_crowd *crowd, bool hangs);
/* The next `count` sockets cannot be made. */
void fake_ws_crowd_starve(struct fake_ws_crowd *crowd, size_t count);
