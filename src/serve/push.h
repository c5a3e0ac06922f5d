/* push.h - what WebSockets of weir.v1 are told: topics (def/topics.def), each rendered at most
 * once a period for all who listen, and not at all while nobody does.
 *
 *   join → {"op":"sub","topics":[…]} → whole → changes …   → leave
 *
 * In:  {"op":"sub","topics":[…]} {"op":"unsub","topics":[…]} {"op":"pause"} {"op":"resume"}
 *      {"op":"ask","id":1,"q":"/cvd BTC"}
 * Out: {"topic":"now","t_ms":N,"data":{…}}             data: what the GET answers
 *      {"topic":"fleet","t_ms":N,"changed":[rows],"gone":[ids]}     of topics with rows
 *      {"topic":"bars:…","t_ms":N,"bar":{…}}
 *      {"answer":1,"data":{…}}   {"error":"one line"}
 *
 * A topic's first message, and any after one that was missed (paused, slow), is whole. A
 * client that has more than PUSH_UNSENT_BYTES unsent is skipped, and cut when that lasts for
 * PUSH_CUT_MS. A topic that is refused (4xx) is told as an error and left; one that cannot be
 * had now (5xx) is tried again.
 *
 * Sockets are the port's (port/http_server.h), time is told. Buffers grow with the first
 * messages and stay. Loop thread. */
#pragma once

#include "base/buf.h"
#include "port/http_server.h"

enum {
	PUSH_CLIENTS = 32,
	PUSH_CLIENT_TOPICS = 16,
	PUSH_TOPICS = 128, /* that anybody listens to */
	PUSH_NAME_MAX = 127,
	PUSH_ROWS = 4096, /* of a topic; with more each message is whole */
	PUSH_UNSENT_BYTES = 256 * 1024,
	PUSH_CUT_MS = 30000,
	PUSH_ASKS_S = 20, /* of a client in a second */
	PUSH_MESSAGE_BYTES = 1 << 20,
	PUSH_STEP_MS = 250, /* push_step is to be called so often */
};

enum push_kind {
#define TOPIC(id, ...) PUSH_##id,
#include "def/topics.def"
#undef TOPIC
	PUSH_KINDS
};

struct push_hooks {
	/* The GET of the topic: answers the call, now or later, once. */
	void (*render)(void *ctx, enum push_kind kind, struct str argument, struct http_call *call);
	/* NULL: the argument is right; else why not. */
	const char *(*check)(void *ctx, enum push_kind kind, struct str argument);
	/* One bar of a topic `bars` (serve.h); false: there is none. */
	bool (*bar)(void *ctx, struct str argument, int back, struct buf *out);
	/* The JSON of an answer. False: nothing is asked here. */
	bool (*ask)(void *ctx, struct str question, struct buf *out);
	void *ctx;
};

struct push_counts {
	uint64_t clients;  /* now */
	uint64_t refused;  /* at PUSH_CLIENTS */
	uint64_t rendered; /* topics, for all who listen */
	uint64_t whole, changes;
	uint64_t skipped; /* messages not sent to a client that is behind, coalesced */
	uint64_t cut;     /* clients that were behind for too long */
	uint64_t asked, errors;
};

struct push;
struct push_client;

struct push *push_create(const struct push_hooks *hooks); /* NULL: no memory */
/* No client is left, no render under way. NULL is fine. */
void push_destroy(struct push *push);
/* NULL: as many as may be. */
struct push_client *push_join(struct push *push);
/* What the connection tells; then push_connect, or push_leave where there is none. */
struct http_ws_events push_events(struct push_client *client);
void push_connect(struct push_client *client, struct http_ws *ws);
void push_leave(struct push_client *client);
/* What is due. */
void push_step(struct push *push, int64_t now_ns, int64_t wall_ms);
/* All of them are told to go, with a close code and why. */
void push_close_all(struct push *push, int code, const char *why);
const struct push_counts *push_counts(const struct push *push);
