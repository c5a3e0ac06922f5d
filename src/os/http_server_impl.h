/* http_server_impl.h - what the files of http_server.h share. Not for anybody else.
 *
 *   http_server.c        the listener, its end
 *   http_server_conn.c   a connection: requests in, answers out, which wait has which end
 *   http_server_stream.c its bytes: reading, TLS, writing, closing
 *   http_server_reply.c  an answer as bytes
 *   http_server_parse.c  a request out of bytes; http_server_head.c what its head means
 *   http_server_ws.c     a connection that has become a WebSocket
 *
 *   OPENING -> READING <-> ASKED -> DRAINING -> LINGERING -> CLOSING -> GONE
 *                            ASKED -> UPGRADED -> DRAINING
 *
 * OPENING: the TLS handshake. READING: a request, or the silence before one. ASKED: the
 * owner has the call. UPGRADED: it speaks in frames of a WebSocket. DRAINING: what is queued is the
 * last. LINGERING: it is with the kernel; what the other end still sends is read and thrown away
 * until it ends too, at most 2 s or 4 MiB, because closing over unread bytes would reset the
 * connection and take our last words with it. GONE: the socket is closed and the call not answered
 * yet. */
#pragma once

#include "os/http_server.h"
#include "os/http_server_parse.h"
#include "os/http_ws_frame.h"
#include "os/tls.h"

enum {
	HTTP_READ_BYTES = 16 * 1024,
	HTTP_IN_BYTES = 16 * 1024,     /* that many wait: no more is read */
	HTTP_QUEUED_BYTES = 64 * 1024, /* that many are queued: no further request */
	HTTP_TURN_REQUESTS = 32,
	HTTP_TURN_HANDSHAKES = 8,
	HTTP_BIG_BODY_BYTES = 64 * 1024, /* what bodies_max counts */
	HTTP_KEPT_BYTES = 2 * 1024,      /* of an empty buffer; more goes back */
	HTTP_WS_KEPT_BYTES = 256 * 1024, /* the same of a WebSocket, which sends all the time */
	HTTP_WS_KERNEL_BYTES = 64 * 1024,
	HTTP_WS_UNSENT_BYTES = 2 << 20, /* of a WebSocket: so much waits at most */
	HTTP_PEER_BYTES = 46,           /* the longest numeric address and a NUL */
	HTTP_DATE_BYTES = 32,
};

enum http_conn_state {
	HTTP_OPENING,
	HTTP_READING,
	HTTP_ASKED,
	HTTP_UPGRADED,
	HTTP_DRAINING,
	HTTP_LINGERING,
	HTTP_CLOSING,
	HTTP_GONE,
};

/* What a connection's timer is armed for. */
enum http_wait {
	HTTP_WAIT_NOTHING,
	HTTP_WAIT_HANDSHAKE,
	HTTP_WAIT_IDLE,
	HTTP_WAIT_HEAD,
	HTTP_WAIT_BODY,
	HTTP_WAIT_ANSWER,
	HTTP_WAIT_WS,
	HTTP_WAIT_SEND,
	HTTP_WAIT_LINGER,
};

struct http_conn;

struct http_conn_ws {
	struct http_ws ws; /* first: the port's side */
	struct http_conn *conn;
	struct http_ws_reader reader;
	struct http_ws_events events;
	int64_t heard_ns; /* newest bytes of the client */
	int64_t moved_ns; /* the kernel took all there was, or nothing was to be sent */
	bool is_pinged;   /* since it was heard last */
	bool is_over;     /* a close frame was sent: nothing goes out any more */
};

struct http_conn {
	struct http_call call;      /* first: the port's side */
	struct http_server *server; /* NULL: it went before the call was answered */
	struct http_conn *next, **link;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
	} uv;
	uv_write_t write;
	struct http_parser parser;
	struct buf in;               /* came, not parsed */
	struct buf filling, sending; /* sending: in libuv's hands */
	size_t counted;              /* of them, in the server's outgoing_bytes */
	struct loop_task flush, rest;
	struct timer deadline;
	struct tls *tls;         /* NULL: plain */
	struct http_conn_ws *ws; /* NULL: no WebSocket */
	uint64_t turn;           /* that requests_told and has_read count for */
	unsigned requests_told;
	size_t thrown_bytes; /* read since it ended */
	enum http_conn_state state;
	enum http_wait wait;
	bool is_asked;     /* a call is with the owner */
	bool is_running;   /* requests are being told: answers come from inside */
	bool is_head;      /* the request's method */
	bool closes;       /* after the answer */
	bool has_big_body; /* counted in the server's bodies */
	bool is_writing, is_reading;
	bool has_read;  /* this turn */
	bool has_ended; /* nothing more comes from the other end */
	char peer[HTTP_PEER_BYTES];
};

struct http_server {
	struct loop *loop;
	struct http_server_config config;
	struct tls_context *tls; /* NULL: plain */
	uv_tcp_t listener;
	bool is_listening, is_closing;
	uint16_t port;
	struct http_conn *conns;
	size_t conn_count; /* GONE ones too */
	size_t bodies, outgoing_bytes;
	uint64_t handshake_turn; /* the turn that handshake_steps counts for */
	unsigned handshake_steps;
	struct buf reply; /* of the answer that is being put together */
	int64_t date_s;
	char date[HTTP_DATE_BYTES];
	struct http_server_stats stats;
	struct loop_task end;
	void (*on_end)(void *ctx);
	void *on_end_ctx;
};

/* http_server.c */
void http_server_gone(struct http_server *server); /* a connection less */

/* http_server_conn.c */
/* NULL: out of memory. The handle is made, not connected. */
struct http_conn *http_conn_create(struct http_server *server);
void http_conn_begin(struct http_conn *conn); /* accepted, or the handshake is done */
/* Bytes are in conn->in, or the other end has ended: goes on with what can be done. */
void http_conn_run(struct http_conn *conn);
/* All that was queued is with the kernel. */
void http_conn_sent(struct http_conn *conn);
/* The state has changed: the right wait, reading or not, the end. */
void http_conn_settle(struct http_conn *conn);
void http_conn_closed(struct http_conn *conn); /* the handle is */

/* http_server_stream.c */
void http_stream_begin(struct http_conn *conn);
void http_stream_set_reading(struct http_conn *conn, bool wanted);
/* FULL, NO_MEMORY: nothing more can be sent. */
MUST_CHECK enum status http_stream_send(struct http_conn *conn, struct str bytes);
/* At once. Nothing when it is closing. */
void http_stream_end(struct http_conn *conn);
/* After what is queued. */
void http_stream_drain(struct http_conn *conn);
void http_stream_trim(struct buf *buf);
/* A share of the loop's turn begins where this is another turn. */
void http_stream_enter_turn(struct http_conn *conn);

/* http_server_ws.c */
struct http_ws *http_ws_upgrade(struct http_call *call, const struct http_upgrade *upgrade);
void http_ws_run(struct http_conn *conn, struct str *in);
bool http_ws_may_read(const struct http_conn *conn);
int64_t http_ws_patience_ns(const struct http_conn *conn);
void http_ws_look(struct http_conn *conn);   /* the time has come */
void http_ws_moved(struct http_conn *conn);  /* the kernel took what it was given */
void http_ws_closed(struct http_conn *conn); /* the handle is */

/* http_server_reply.c */
const char *http_reply_date(struct http_server *server);
/* Is there room for so many bytes more, by the server's bounds. */
bool http_reply_has_room(const struct http_conn *conn, size_t bytes);
/* Queues it, or a 503 where there is no room for it. */
void http_reply_send(struct http_conn *conn, const struct http_reply *reply);
