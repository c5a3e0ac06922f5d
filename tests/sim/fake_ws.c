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

struct sent {
	size_t len;
	char *bytes;
};

enum ws_state { WS_IDLE, WS_OPENING, WS_OPEN, WS_CLOSING };
enum { CROWD_MAX = 64 };

struct fake_ws_crowd {
	struct timers *timers;
	const struct clock_port *clock;
	struct fake_ws_peer peer;
	struct fake_ws *sockets[CROWD_MAX];
	size_t count, starve;
	int refuse_code; /* 0: not */
	const char *refuse_reason;
	bool hangs;
	bool inside; /* a call of the owner: nothing is delivered, by no socket */
};

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
	struct fake_ws_crowd *crowd; /* NULL: alone */
	char url[512];
	struct sent *sent;
	size_t n_sent;
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

static void forget_sent(struct fake_ws *ws)
{
	for (size_t i = 0; i < ws->n_sent; i++)
		free(ws->sent[i].bytes);
	free(ws->sent);
	ws->sent = NULL;
	ws->n_sent = 0;
}

static void idle(struct fake_ws *ws, int code, struct str reason)
{
	ws->state = WS_IDLE;
	forget(ws);
	timers_cancel(ws->timers, &ws->timer);
	ws->events.on_close(ws->events.ctx, code, reason);
}

/* What is on its way when the owner closes still arrives. */
static bool hears(const struct fake_ws *ws)
{
	return ws->state == WS_OPEN || ws->state == WS_CLOSING;
}

static void flush(struct fake_ws *ws)
{
	while (ws->first && hears(ws) && !ws->paused) {
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

static void finish_opening(struct fake_ws *ws)
{
	const struct fake_ws_crowd *crowd = ws->crowd;
	if (crowd && crowd->hangs)
		return;
	if (ws->refuses) {
		idle(ws, 1006, STR(""));
	} else if (crowd && crowd->refuse_code) {
		idle(ws, crowd->refuse_code, str_of(crowd->refuse_reason));
	} else {
		ws->state = WS_OPEN;
		ws->events.on_open(ws->events.ctx);
	}
}

static void on_timer(void *ctx)
{
	struct fake_ws *ws = ctx;
	if (ws->state == WS_CLOSING)
		idle(ws, 1000, STR(""));
	else if (ws->state == WS_OPENING)
		finish_opening(ws);
	else
		flush(ws);
}

/* ---- the port ---- */

static enum status ws_open(struct ws_client *base, const char *url, const struct ws_events *events)
{
	struct fake_ws *ws = (struct fake_ws *)base;
	if (ws->state != WS_IDLE)
		return STATUS_IN_USE;
	CHECK(str_copy(str_of(url), ws->url, sizeof ws->url) == STATUS_OK);
	forget_sent(ws);
	ws->events = *events;
	ws->state = WS_OPENING;
	ws->paused = ws->stale = false;
	arm(ws, FAKE_WS_OPEN_NS);
	if (ws->crowd && ws->crowd->peer.on_asked)
		ws->crowd->peer.on_asked(ws->crowd->peer.ctx, ws);
	return STATUS_OK;
}

static void keep_sent(struct fake_ws *ws, struct str message)
{
	ws->sent = realloc(ws->sent, (ws->n_sent + 1) * sizeof *ws->sent);
	CHECK(ws->sent);
	struct sent *sent = &ws->sent[ws->n_sent++];
	*sent = (struct sent){ message.len, malloc(message.len + 1) };
	CHECK(sent->bytes);
	memcpy(sent->bytes, message.ptr, message.len);
}

static enum status ws_send(struct ws_client *base, struct str message)
{
	struct fake_ws *ws = (struct fake_ws *)base;
	if (ws->state != WS_OPEN)
		return STATUS_CLOSED;
	if (!ws->crowd)
		return STATUS_OK; /* nobody looks */
	keep_sent(ws, message);
	ws->crowd->inside = true;
	if (ws->crowd->peer.on_sent)
		ws->crowd->peer.on_sent(ws->crowd->peer.ctx, ws, message);
	ws->crowd->inside = false;
	return STATUS_OK;
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
	if (!hears(ws) || ws->stale)
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
	if (ws->crowd && ws->crowd->inside)
		arm(ws, 0);
	else
		flush(ws);
	return true;
}

void fake_ws_go_stale(struct fake_ws *ws) { ws->stale = true; }

void fake_ws_close(struct fake_ws *ws, int code, struct str reason)
{
	if (ws->state != WS_IDLE)
		idle(ws, code, reason);
}

void fake_ws_break(struct fake_ws *ws, int code) { fake_ws_close(ws, code, STR("")); }

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
	forget_sent(ws);
	free(ws);
}

struct ws_client *fake_ws_client(struct fake_ws *ws) { return &ws->base; }

const char *fake_ws_url(const struct fake_ws *ws) { return ws->url; }
bool fake_ws_is_open(const struct fake_ws *ws) { return ws->state == WS_OPEN; }
bool fake_ws_is_idle(const struct fake_ws *ws) { return ws->state == WS_IDLE; }
bool fake_ws_is_paused(const struct fake_ws *ws) { return ws->paused; }
size_t fake_ws_sent_count(const struct fake_ws *ws) { return ws->n_sent; }

struct str fake_ws_sent(const struct fake_ws *ws, size_t index)
{
	CHECK(index < ws->n_sent);
	return str_make(ws->sent[index].bytes, ws->sent[index].len);
}

/* ---- many of them ---- */

struct fake_ws_crowd *fake_ws_crowd_create(struct timers *timers, const struct clock_port *clock,
					   const struct fake_ws_peer *peer)
{
	struct fake_ws_crowd *crowd = calloc(1, sizeof *crowd);
	CHECK(crowd);
	crowd->timers = timers;
	crowd->clock = clock;
	crowd->peer = *peer;
	return crowd;
}

void fake_ws_crowd_destroy(struct fake_ws_crowd *crowd)
{
	for (size_t i = 0; i < crowd->count; i++)
		fake_ws_destroy(crowd->sockets[i]);
	free(crowd);
}

static struct ws_client *crowd_make(void *ctx)
{
	struct fake_ws_crowd *crowd = ctx;
	if (crowd->starve) {
		crowd->starve--;
		return NULL;
	}
	CHECK(crowd->count < CROWD_MAX);
	struct fake_ws *ws = fake_ws_create(crowd->timers, crowd->clock);
	ws->crowd = crowd;
	crowd->sockets[crowd->count++] = ws;
	return fake_ws_client(ws);
}

/* The socket itself goes with the crowd: a test may still look at it. */
static void crowd_unmake(void *ctx, struct ws_client *client)
{
	(void)ctx;
	fake_ws_abandon((struct fake_ws *)client);
}

struct ws_maker fake_ws_crowd_maker(struct fake_ws_crowd *crowd)
{
	return (struct ws_maker){ crowd_make, crowd_unmake, crowd };
}

size_t fake_ws_crowd_count(const struct fake_ws_crowd *crowd) { return crowd->count; }

struct fake_ws *fake_ws_crowd_at(const struct fake_ws_crowd *crowd, size_t index)
{
	CHECK(index < crowd->count);
	return crowd->sockets[index];
}

void fake_ws_crowd_refuse(struct fake_ws_crowd *crowd, int code, const char *reason)
{
	crowd->refuse_code = code;
	crowd->refuse_reason = reason;
}

void fake_ws_crowd_hang(struct fake_ws_crowd *crowd, bool hangs) { crowd->hangs = hangs; }

void fake_ws_crowd_starve(struct fake_ws_crowd *crowd, size_t count) { crowd->starve = count; }
