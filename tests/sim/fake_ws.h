/* fake_ws.h - a venue's connection in the simulated world: a ws_client whose other
 * end is the test. It opens a latency after it was asked to, says what it is fed,
 * keeps what comes while it is paused (bounded: a real socket's peer would drop the
 * reader), and breaks when told. A message's memory is freed right after the call,
 * padding and all. */
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
