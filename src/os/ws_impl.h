/* ws_impl.h - what the files of ws.h share. Not for anybody else.
 *
 *   ws.c        the context: its TLS context, its libwebsockets context, its end
 *   ws_conn.c   a connection: the calls of its owner, its states, what it sends
 *   ws_open.c   the way to an open connection: name, addresses one after the other
 *   ws_told.c   what libwebsockets tells, and the line for people made of it
 *
 * A connection and its `struct lws` find each other through conn->wsi and the opaque
 * user data. Either lets go of the other at any time: a wsi that nobody owns any more
 * goes down alone, a connection that lost its wsi ends. */
#pragma once

#include <libwebsockets.h>
#include <openssl/ssl.h>

#include "base/buf.h"
#include "os/ws.h"
#include "os/ws_url.h"

enum ws_state {
	WS_CLOSED,
	WS_OPENING, /* has a lookup or, later, a wsi or a step to come */
	WS_OPEN,
	WS_CLOSING, /* a close frame waits, or was sent, or came and is being answered */
	WS_ENDED,   /* on_close is to run */
};

/* How far an opening got. */
enum ws_stage { WS_RESOLVE, WS_CONNECT, WS_SECURE, WS_UPGRADE };

enum {
	WS_RX_BYTES = 64 * 1024, /* a read, and the part of a message one callback brings */
	WS_REASON_BYTES = 240,
	WS_CLOSE_PATIENCE_NS = 1000000000,
};

/* A name being resolved; libuv's until on_resolved. */
struct ws_lookup {
	uv_getaddrinfo_t request;
	struct ws_conn *conn; /* NULL: nobody waits for it any more */
};

struct ws_conn {
	struct ws_client client;
	struct ws_context *context;
	struct ws_conn *next, *prev; /* of the context */
	struct ws_events events;
	enum ws_state state;
	bool paused;
	struct lws *wsi; /* NULL: none */

	/* opening */
	struct ws_url url;
	enum ws_stage stage;
	struct ws_lookup *lookup;
	struct addrinfo *addresses, *address; /* found; the one being tried */
	struct timer attempt;                 /* of one address, when there are more */
	int64_t opening_until_ns;
	struct err why; /* of the present address; status OK: nothing known */

	/* open */
	struct buf message;    /* the parts of one that came so far */
	struct buf waiting;    /* frames to send: length, LWS_PRE bytes, text */
	bool expects_writable; /* we asked libwebsockets for a turn to write */
	bool is_close_sent;    /* or libwebsockets sends it, as an answer */

	/* the end */
	struct timer deadline; /* of opening and of closing */
	struct loop_task step; /* the next address, or on_close */
	int end_code;
	char end_reason[WS_REASON_BYTES];
};

struct ws_context {
	struct loop *loop;
	struct lws_context *lws;
	SSL_CTX *tls;
	int64_t open_timeout_ns;
	size_t message_bytes_max, send_bytes_max;
	int connections_max, connections; /* not closed */
	struct ws_conn *conns;
	struct ws_counts counts;

	/* libwebsockets must not lose a wsi inside its own callback: it is told to close
	 * it by the value returned. */
	struct lws *serving;
	bool kill_serving;
	/* lws_client_connect_via_info gives no wsi when it fails. */
	bool connecting;
	struct lws *connecting_wsi;

	size_t lws_bytes;  /* the block that holds libwebsockets' context, handles and all */
	bool is_destroyed; /* once: libwebsockets is letting go of the loop */
	int handles_left;
	struct loop_task closing;
	void (*on_closed)(void *ctx);
	void *on_closed_ctx;
};

/* ws_conn.c */
struct ws_client *ws_conn_create(void *ctx);
void ws_conn_destroy(void *ctx, struct ws_client *client);
/* on_close will run with these; the connection lets go of everything. */
void ws_conn_end(struct ws_conn *conn, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sends a close frame and waits for the other one, but not long. */
void ws_conn_begin_close(struct ws_conn *conn, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void ws_conn_let_go(struct ws_conn *conn); /* of its wsi, which goes down alone */
void ws_conn_on_established(struct ws_conn *conn);
void ws_conn_on_received(struct ws_conn *conn, struct str part);
int ws_conn_on_writable(struct ws_conn *conn); /* -1: close it */

/* ws_open.c */
enum status ws_open_begin(struct ws_conn *conn);
void ws_open_next(struct ws_conn *conn); /* the address behind the present one */
void ws_open_cancel(struct ws_conn *conn);
/* The present address failed; conn->why says how. Tries the next one when the server
 * was not reached. */
void ws_open_failed(struct ws_conn *conn);
const char *ws_stage_text(enum ws_stage stage);

/* ws_told.c */
int ws_told(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
void ws_told_tls(const SSL *ssl, int where, int ret);
