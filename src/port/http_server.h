/* http_server.h - requests of somebody's HTTP client, answered now or later.
 *
 *   on_request(call, request) → … → http_call_answer(call, reply), exactly once
 *
 * Implemented by src/os/http_server. A request is whole when it is told: its body is
 * there, its path decoded and checked. Its texts live during on_request only. A call
 * lives until it is answered, also after its client or its server went away: then the
 * answer goes nowhere. on_request may answer at once. Loop thread only. */
#pragma once

#include "port/http_client.h"

enum { HTTP_REPLY_HEADERS = 4 };

struct http_call;

struct http_asked {
	struct str method; /* "GET" */
	/* Without its query, percent-decoded: UTF-8 without control characters, begins with
	 * a slash, no segment is `.` or `..`. */
	struct str path;
	struct str query; /* behind the `?`, as it came; "" none */
	struct str host;  /* of Host or of an absolute target: NAME[:PORT], not empty */
	const struct http_header *headers; /* names in lower case */
	size_t n_headers;
	struct str body;
	struct str peer; /* numeric address, without its port */
	bool is_tls;
};

struct http_reply {
	int code;
	const char *type; /* "application/json" */
	/* Copied. To a HEAD its length is told and nothing of it sent: answer as to a GET. */
	struct str body;
	struct http_header headers[HTTP_REPLY_HEADERS]; /* besides those of every answer */
	size_t n_headers;
	/* Whole header lines in place of those of every answer; ptr NULL: those. */
	struct str lines;
};

struct http_ws;
struct http_upgrade;

struct http_call_ops {
	void (*answer)(struct http_call *call, const struct http_reply *reply);
	struct http_ws *(*upgrade)(struct http_call *call, const struct http_upgrade *upgrade);
};

struct http_call {
	const struct http_call_ops *ops;
};

static inline void http_call_answer(struct http_call *call, const struct http_reply *reply)
{
	call->ops->answer(call, reply);
}

/* The value of a request's header by its lower-case name; ptr NULL when there is none. Of
 * several the first. */
static inline struct str http_asked_header(const struct http_asked *asked, struct str name)
{
	for (size_t i = 0; i < asked->n_headers; i++)
		if (str_eq(asked->headers[i].name, name))
			return asked->headers[i].value;
	return (struct str){ 0 };
}

/* ---- WebSockets ----
 *
 * A call whose handshake is right (os/http_ws_shake.h) becomes a connection that sends and
 * gets whole texts; pings, fragments, close frames and the time-outs of silent and slow
 * clients are the server's. It lives until on_close, which comes once, never from inside a
 * call of the owner; between a close and its on_close, send answers CLOSED. */

struct http_ws_events {
	/* text: UTF-8, lives during the call. */
	void (*on_message)(void *ctx, struct http_ws *ws, struct str text);
	void (*on_close)(void *ctx, struct http_ws *ws);
	void *ctx;
};

struct http_upgrade {
	struct str key;      /* of the handshake */
	struct str protocol; /* that was agreed on; "" none */
	struct http_ws_events events;
};

struct http_ws_ops {
	/* Copies. FULL: too much is on its way (http_ws_unsent), RANGE: over 1 MiB; CLOSED. Then
	 * nothing of it is sent. */
	enum status (*send)(struct http_ws *ws, struct str text);
	/* Bytes that the kernel has not taken yet. */
	size_t (*unsent)(const struct http_ws *ws);
	/* After what is on its way; code as 1001, reason of at most 120 bytes. */
	void (*close)(struct http_ws *ws, int code, const char *reason);
	void (*cut)(struct http_ws *ws); /* at once */
};

struct http_ws {
	const struct http_ws_ops *ops;
};

/* Instead of an answer, from inside on_request only. NULL: out of memory; the call is still
 * to be answered. */
static inline struct http_ws *http_call_upgrade(struct http_call *call,
						const struct http_upgrade *upgrade)
{
	return call->ops->upgrade(call, upgrade);
}

static inline enum status http_ws_send(struct http_ws *ws, struct str text)
{
	return ws->ops->send(ws, text);
}

static inline size_t http_ws_unsent(const struct http_ws *ws) { return ws->ops->unsent(ws); }

static inline void http_ws_close(struct http_ws *ws, int code, const char *reason)
{
	ws->ops->close(ws, code, reason);
}

static inline void http_ws_cut(struct http_ws *ws) { ws->ops->cut(ws); }
