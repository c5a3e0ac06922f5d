/* redis_link.h - the byte side of a Redis connection: one attempt at a stream, unix
 * or TCP, with joined writes. Used by redis_conn.c only.
 *
 * open starts an attempt; it ends in on_open or on_lost. on_lost runs exactly once
 * per open, when the stream is fully closed, whoever closed it: after it open may
 * be called again. Callbacks run from the loop, never inside a call. */
#pragma once

#include "base/buf.h"
#include "os/loop.h"

struct redis_link_events {
	void (*on_open)(void *ctx);
	void (*on_bytes)(void *ctx, struct str bytes);
	void (*on_lost)(void *ctx);
	void *ctx;
};

struct redis_link {
	struct loop *loop;
	struct redis_link_events events;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	} uv;
	uv_connect_t connect;
	uv_getaddrinfo_t resolve;
	uv_write_t write;
	struct buf filling, sending; /* sending: in the kernel's hands until the write ends */
	struct loop_task flush, lost;
	struct err why; /* of the loss; status OK when the owner closed */
	uint16_t port;  /* of the attempt by name */
	bool busy;      /* an attempt or a stream exists */
	bool has_handle, resolving, is_open, is_writing, is_closing;
	uint64_t bytes_out, bytes_in;
};

void redis_link_init(struct redis_link *link, struct loop *loop,
		     const struct redis_link_events *events, size_t bytes_max);
void redis_link_deinit(struct redis_link *link); /* only when not busy */
/* unix_path or host and port. CHECKs that the link is not busy. */
void redis_link_open(struct redis_link *link, const char *unix_path, const char *host,
		     uint16_t port);
/* Forgets what was not sent. Ends in on_lost; fine when closing, nothing when idle. */
void redis_link_close(struct redis_link *link);
/* Written at the end of the turn, once open; the owner fills link->filling before. */
void redis_link_flush_later(struct redis_link *link);
/* Now, without a copy kept; for the greeting. */
void redis_link_write_now(struct redis_link *link, struct str bytes);
int redis_link_peer_pid(const struct redis_link *link);
