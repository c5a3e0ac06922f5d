#include "fake_ws.h"

#include <stdlib.h>

#include "base/check.h"

enum { PADDING = 64 }; /* DECODE_PADDING */

struct message {
	struct message *next;
	int64_t received_ns;
	size_t len;
	char bytes[];
};

enum ws_state { WS_IDLE, WS_OPENING, WS_OPEN, WS_CLOSING };

struct fake_ws {
	struct ws_client base; /* first: the port's handle is this */
	struct timers *timers;
	const struct clock_port *clock;
	struct timer timer;
	struct ws_events events;
	enum ws_state state;
	bool paused, stale, refuses;
	struct message *first, **end; /* kept while paused */
	size_t pending;
};

static void forget(struct fake_ws *ws)
{
	while (ws->first) {
		struct message *message = ws->first;
		ws->first = message->next;
		free(message);
	}
	ws->end = &ws->first;
	ws->pending = 0;
}

static void arm(struct fake_ws *ws, int64_t delay_ns)
{
	timers_arm(ws->timers, &ws->timer, clock_monotonic_ns(ws->clock) + delay_ns);
}

static void idle(struct fake_ws *ws, int code)
{
	ws->state = WS_IDLE;
	forget(ws);
	timers_cancel(ws->timers, &ws->timer);
	ws->events.on_close(ws->events.ctx, code, STR(""));
}

static void flush(struct fake_ws *ws)
{
	while (ws->first && ws->state == WS_OPEN && !ws->paused) {
		struct message *message = ws->first;
		ws->first = message->next;
		if (!ws->first)
			ws->end = &ws->first;
		ws->pending -= message->len;
		ws->events.on_message(ws->events.ctx, str_make(message->bytes, message->len),
				      message->received_ns);
		free(message);
	}
}

static void on_timer(void *ctx)
{
	struct fake_ws *ws = ctx;
	if (ws->state == WS_CLOSING || (ws->state == WS_OPENING && ws->refuses)) {
		idle(ws, ws->state == WS_CLOSING ? 1000 : 1006);
	} else if (ws->state == WS_OPENING) {
		ws->state = WS_OPEN;
		ws->events.on_open(ws->events.ctx);
	} else {
		flush(ws);
	}
}

/* ---- the port ---- */

static enum status ws_open(struct ws_client *base, const char *url, const struct ws_events *events)
{
	struct fake_ws *ws = (struct fake_ws *)base;
	(void)url;
	if (ws->state != WS_IDLE)
		return STATUS_IN_USE;
	ws->events = *events;
	ws->state = WS_OPENING;
	ws->paused = ws->stale = false;
	arm(ws, FAKE_WS_OPEN_NS);
	return STATUS_OK;
}

static enum status ws_send(struct ws_client *base, struct str message)
{
	(void)message;
	return ((struct fake_ws *)base)->state == WS_OPEN ? STATUS_OK : STATUS_CLOSED;
}

static void ws_pause(struct ws_client *base, bool paused)
{
	struct fake_ws *ws = (struct fake_ws *)base;
	ws->paused = paused;
	if (!paused && ws->state == WS_OPEN)
		arm(ws, 0);
}

static void ws_close(struct ws_client *base)
{
	struct fake_ws *ws = (struct fake_ws *)base;
	if (ws->state == WS_IDLE)
		return;
	ws->state = WS_CLOSING;
	arm(ws, 0);
}

static const struct ws_ops ops = { ws_open, ws_send, ws_pause, ws_close };

/* ---- the other end ---- */

bool fake_ws_say(struct fake_ws *ws, struct str frame, int64_t received_ns)
{
	if (ws->state != WS_OPEN || ws->stale)
		return false;
	CHECK(ws->pending + frame.len <= FAKE_WS_PENDING_BYTES);
	struct message *message = malloc(sizeof *message + frame.len + PADDING);
	CHECK(message);
	*message = (struct message){ .received_ns = received_ns, .len = frame.len };
	memcpy(message->bytes, frame.ptr, frame.len);
	memset(message->bytes + frame.len, '}', PADDING); /* what a parser must not believe */
	*ws->end = message;
	ws->end = &message->next;
	ws->pending += frame.len;
	flush(ws);
	return true;
}

void fake_ws_go_stale(struct fake_ws *ws) { ws->stale = true; }

void fake_ws_break(struct fake_ws *ws, int code)
{
	if (ws->state != WS_IDLE)
		idle(ws, code);
}

void fake_ws_refuse(struct fake_ws *ws, bool refuses) { ws->refuses = refuses; }

void fake_ws_abandon(struct fake_ws *ws)
{
	ws->state = WS_IDLE;
	forget(ws);
	timers_cancel(ws->timers, &ws->timer);
}

struct fake_ws *fake_ws_create(struct timers *timers, const struct clock_port *clock)
{
	struct fake_ws *ws = calloc(1, sizeof *ws);
	CHECK(ws);
	*ws = (struct fake_ws){ .base = { &ops }, .timers = timers, .clock = clock };
	ws->timer = (struct timer){ .fn = on_timer, .ctx = ws };
	ws->end = &ws->first;
	return ws;
}

void fake_ws_destroy(struct fake_ws *ws)
{
	if (!ws)
		return;
	fake_ws_abandon(ws);
	free(ws);
}

struct ws_client *fake_ws_client(struct fake_ws *ws) { return &ws->base; }
