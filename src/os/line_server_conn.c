#include "os/line_server_conn.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"

static const int64_t drain_ns = 5000000000; /* what is queued at close has this long */

struct server_conn {
	struct line_conn conn; /* first: the port's side */
	struct line_host *host;
	struct server_conn *next, **link;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	} uv;
	uv_write_t write;
	struct buf partial;          /* a line without its end yet */
	struct buf filling, sending; /* sending: in libuv's hands */
	struct loop_task flush;
	struct timer drain;
	void *owner; /* NULL: on_open refused it */
	enum status why;
	bool is_writing, is_draining, is_closing;
};

static void on_closed(uv_handle_t *handle)
{
	struct server_conn *conn = handle->data;
	struct line_host *host = conn->host;
	timers_cancel(loop_timers(host->loop), &conn->drain);
	loop_task_cancel(&conn->flush);
	*conn->link = conn->next;
	if (conn->next)
		conn->next->link = conn->link;
	host->stats.open--;
	if (conn->owner)
		host->events.on_close(conn->owner, conn->why);
	buf_deinit(&conn->partial);
	buf_deinit(&conn->filling);
	buf_deinit(&conn->sending);
	free(conn);
	host->on_conn_gone(host);
}

static void end(struct server_conn *conn, enum status why)
{
	if (conn->is_closing)
		return;
	conn->is_closing = true;
	conn->why = why;
	uv_close(&conn->uv.handle, on_closed);
}

static void run_flush(void *ctx);

static void on_written(uv_write_t *write, int code)
{
	struct server_conn *conn = write->data;
	conn->is_writing = false;
	if (conn->is_closing)
		return;
	buf_clear(&conn->sending);
	if (code)
		end(conn, STATUS_CLOSED);
	else
		run_flush(conn);
}

static void write_rest(struct server_conn *conn, size_t done)
{
	uv_buf_t out = uv_buf_init(conn->sending.ptr + done, (unsigned)(conn->sending.len - done));
	if (uv_write(&conn->write, &conn->uv.stream, &out, 1, on_written))
		return end(conn, STATUS_CLOSED);
	conn->is_writing = true;
}

static void run_flush(void *ctx)
{
	struct server_conn *conn = ctx;
	if (conn->is_closing || conn->is_writing)
		return;
	if (conn->filling.len) {
		struct buf full = conn->filling;
		conn->filling = conn->sending;
		conn->sending = full;
		uv_buf_t out = uv_buf_init(full.ptr, (unsigned)full.len);
		int n = uv_try_write(&conn->uv.stream, &out, 1);
		if (n < 0 && n != UV_EAGAIN)
			return end(conn, STATUS_CLOSED);
		conn->host->stats.bytes_out += full.len;
		if (n < 0 || (size_t)n < full.len)
			return write_rest(conn, n < 0 ? 0 : (size_t)n);
		buf_clear(&conn->sending);
	}
	if (conn->is_draining)
		end(conn, STATUS_OK);
}

static void on_drain(void *ctx) { end(ctx, STATUS_TIMEOUT); }

static enum status conn_send(struct line_conn *port, struct str bytes)
{
	struct server_conn *conn = (struct server_conn *)port;
	struct line_host *host = conn->host;
	if (conn->is_closing || conn->is_draining)
		return STATUS_CLOSED;
	if (conn->filling.len + conn->sending.len + bytes.len > host->outgoing_bytes_max) {
		host->stats.slow_readers++;
		end(conn, STATUS_FULL);
		return STATUS_FULL;
	}
	buf_str_put(&conn->filling, bytes);
	if (conn->filling.overflow) {
		end(conn, STATUS_NO_MEMORY);
		return STATUS_NO_MEMORY;
	}
	loop_at_end(host->loop, &conn->flush);
	return STATUS_OK;
}

static void conn_close(struct line_conn *port)
{
	struct server_conn *conn = (struct server_conn *)port;
	if (conn->is_closing || conn->is_draining)
		return;
	conn->is_draining = true;
	loop_timer_after(conn->host->loop, &conn->drain, drain_ns);
	loop_at_end(conn->host->loop, &conn->flush);
}

static const struct line_ops ops = { conn_send, conn_close };

static void too_long(struct server_conn *conn)
{
	conn->host->stats.long_lines++;
	end(conn, STATUS_RANGE);
}

static void give_line(struct server_conn *conn, struct str line)
{
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (line.len > conn->host->line_bytes_max)
		return too_long(conn);
	conn->host->stats.lines++;
	conn->host->events.on_line(conn->owner, line);
}

/* The partial line is completed first; the lines after it are given from the read
 * buffer itself. */
static void take_bytes(struct server_conn *conn, struct str bytes)
{
	while (bytes.len && !conn->is_closing && !conn->is_draining) {
		size_t len = str_find_char(bytes, '\n');
		bool ended = len < bytes.len;
		struct str line = { bytes.ptr, len };
		if (!ended || conn->partial.len) {
			buf_str_put(&conn->partial, line);
			line = buf_str(&conn->partial);
		}
		if (conn->partial.overflow)
			return too_long(conn);
		bytes = str_skip(bytes, ended ? len + 1 : len);
		if (!ended)
			return;
		give_line(conn, line);
		buf_clear(&conn->partial);
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)suggested;
	struct server_conn *conn = handle->data;
	*buf = uv_buf_init(loop_scratch(conn->host->loop), LOOP_SCRATCH_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct server_conn *conn = stream->data;
	if (conn->is_closing)
		return;
	if (n == UV_EOF) {
		uv_read_stop(stream);
		conn_close(&conn->conn); /* it only stopped talking: what is queued goes out */
	} else if (n < 0) {
		end(conn, STATUS_CLOSED);
	} else if (n > 0) {
		conn->host->stats.bytes_in += (uint64_t)n;
		take_bytes(conn, str_make(buf->base, (size_t)n));
	}
}

static struct server_conn *conn_create(struct line_host *host, bool is_unix)
{
	struct server_conn *conn = calloc(1, sizeof *conn);
	if (!conn)
		return NULL;
	int code = is_unix ? uv_pipe_init(loop_uv(host->loop), &conn->uv.pipe, 0)
			   : uv_tcp_init(loop_uv(host->loop), &conn->uv.tcp);
	if (code) {
		free(conn);
		return NULL;
	}
	conn->conn.ops = &ops;
	conn->host = host;
	conn->uv.handle.data = conn->write.data = conn;
	conn->flush = (struct loop_task){ .fn = run_flush, .ctx = conn };
	conn->drain = (struct timer){ .fn = on_drain, .ctx = conn };
	buf_init(&conn->partial, host->line_bytes_max + 2);
	buf_init(&conn->filling, host->outgoing_bytes_max);
	buf_init(&conn->sending, host->outgoing_bytes_max);
	conn->next = host->connections;
	conn->link = &host->connections;
	if (conn->next)
		conn->next->link = &conn->next;
	host->connections = conn;
	host->stats.open++;
	return conn;
}

void line_conn_accept(struct line_host *host, uv_stream_t *listener, bool is_unix)
{
	struct server_conn *conn = conn_create(host, is_unix);
	if (!conn)
		return;
	if (uv_accept(listener, &conn->uv.stream))
		return end(conn, STATUS_CLOSED);
	if (host->stats.open > host->connections_max) {
		host->stats.over_limit++;
		return end(conn, STATUS_FULL);
	}
	host->stats.accepted++;
	if (!is_unix)
		uv_tcp_nodelay(&conn->uv.tcp, 1);
	conn->owner = host->events.on_open(host->events.ctx, &conn->conn);
	if (!conn->owner) {
		host->stats.refused++;
		return end(conn, STATUS_REFUSED);
	}
	if (!conn->is_closing && uv_read_start(&conn->uv.stream, on_alloc, on_read))
		end(conn, STATUS_IO);
}

void line_host_end_all(struct line_host *host)
{
	for (struct server_conn *conn = host->connections; conn; conn = conn->next)
		end(conn, STATUS_CANCELLED);
}
