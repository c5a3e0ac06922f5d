/* line_stream.h - one connection that speaks in lines, whichever side began it: what
 * line_server.c accepts and line_dial.c connects. line_*.c only.
 *
 *   OPENING -> OPEN -> DRAINING -> LINGERING -> CLOSING
 *
 * OPENING: nobody's yet (a connect, a TLS handshake). DRAINING: it ends, what is queued
 * goes out, at most 5 s. LINGERING: the owner has had on_close; what the other end still
 * sends is read and thrown away until it ends too, because closing over unread bytes
 * would reset the connection and take our last words with it; at most 2 s or 4 MiB.
 *
 * Reading: at most one read of LINE_READ_BYTES and LINE_TURN_LINES lines a turn. What
 * is beyond that waits in `held`, with the socket not read, for the next turn. Of TLS
 * at most LINE_TURN_HANDSHAKES steps of a host's handshakes a turn: the rest stays in
 * the kernel. */
#pragma once

#include "base/buf.h"
#include "os/line_stats.h"
#include "os/loop.h"
#include "os/tls.h"
#include "port/line_conn.h"

enum {
	LINE_READ_BYTES = 16 * 1024,
	LINE_TURN_LINES = 64,
	LINE_TURN_HANDSHAKES = 8,
	LINE_KEPT_BYTES = 2 * 1024, /* of an empty buffer; more goes back */
	LINE_PEER_BYTES = 46,       /* the longest numeric address and a NUL */
};

enum line_state { LINE_OPENING, LINE_OPEN, LINE_DRAINING, LINE_LINGERING, LINE_CLOSING };

struct line_limits {
	size_t connections_max;    /* 0: 64 */
	size_t line_bytes_max;     /* 0: 64 KiB */
	size_t outgoing_bytes_max; /* 0: 4 MiB */
	int64_t handshake_ns;      /* 0: 10 s */
};

struct line_stream;

/* What the connections of one server or dialer share. */
struct line_host {
	struct loop *loop;
	struct line_events events;
	struct line_limits limits;
	struct str too_long_answer;
	struct tls_context *tls; /* NULL: plain */
	struct line_stream *streams;
	struct line_stats stats;
	uint64_t handshake_turn; /* the turn that handshake_steps counts for */
	unsigned handshake_steps;
	/* The handle is closed and the owner told: frees the stream. */
	void (*on_gone)(struct line_host *host, struct line_stream *stream);
};

struct line_stream {
	struct line_conn conn; /* first: the port's side */
	struct line_host *host;
	struct line_stream *next, **link;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	} uv;
	uv_write_t write;
	struct buf held; /* came and not given: a line's beginning, or lines that wait */
	struct buf filling, sending; /* sending: in libuv's hands */
	struct loop_task flush, rest;
	struct timer deadline;
	struct tls *tls; /* NULL: plain */
	struct err *err; /* where a dial wants to read why its handshake failed; or NULL */
	void *owner;     /* what on_open returned; before it a dial's ctx */
	uint64_t turn;   /* the turn that lines_given and has_read count for */
	unsigned lines_given;
	enum line_state state;
	enum status why;     /* of the end */
	size_t thrown_bytes; /* read since it ended */
	bool is_unix, is_writing, is_reading, is_paused;
	bool has_read;  /* this turn */
	bool has_rest;  /* held may have whole lines: a turn's share was used up, or a pause */
	bool has_ended; /* nothing more comes from the other end */
	bool tells;     /* on_close is owed */
	char peer[LINE_PEER_BYTES];
};

/* 0 is replaced by its default. */
struct line_limits line_limits_of(struct line_limits limits);
/* Makes the handle, not connected, and enters the stream into the host's list.
 * `stream` is zeroed. False: the stream may be freed. */
MUST_CHECK bool line_stream_init(struct line_stream *stream, struct line_host *host, bool is_unix);
/* Bytes can flow. Options of TCP are set; with the host's TLS the handshake begins, and
 * on_open waits for it. dialled: the name a client dialled, NULL for a server. */
void line_stream_begin(struct line_stream *stream, const char *dialled);
/* Notes what peer() says. */
void line_stream_note_peer(struct line_stream *stream, const struct sockaddr *address);
/* At once, without what is queued; on_close with `why`. Nothing when it is closing. */
void line_stream_end(struct line_stream *stream, enum status why);
/* After what is queued. */
void line_stream_drain(struct line_stream *stream, enum status why);
/* For whoever closed the handle itself: the last thing that happens to a stream. */
void line_stream_closed(struct line_stream *stream);
void line_host_end_all(struct line_host *host, enum status why);

/* ---- between line_stream.c and line_stream_in.c ---- */

/* Starts or stops reading as the state wants it. */
void line_stream_set_reading(struct line_stream *stream);
/* Gives what waits in held; the task `rest`. */
void line_stream_run_rest(void *ctx);
/* The owner's turn: on_open, then lines. */
void line_stream_open(struct line_stream *stream);
/* Gives back what an idle connection does not need. */
void line_buf_trim(struct buf *buf);
