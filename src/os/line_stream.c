#include "os/line_stream.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/check.h"

static const int64_t drain_ns = 5000000000;  /* for what is queued at close */
static const int64_t linger_ns = 2000000000; /* for the other end's last words */
enum { KEEPALIVE_S = 30 };

struct line_limits line_limits_of(struct line_limits limits)
{
	if (!limits.connections_max)
		limits.connections_max = 64;
	if (!limits.line_bytes_max)
		limits.line_bytes_max = 64 << 10;
	if (!limits.outgoing_bytes_max)
		limits.outgoing_bytes_max = 4 << 20;
	if (!limits.handshake_ns)
		limits.handshake_ns = 10000000000;
	CHECK(limits.line_bytes_max <= 1 << 20);
	return limits;
}

void line_buf_trim(struct buf *buf)
{
	struct buf small;
	if (buf->cap <= LINE_KEPT_BYTES || buf->len > LINE_KEPT_BYTES / 2)
		return;
	buf_init(&small, buf->limit);
	buf_str_put(&small, buf_str(buf));
	buf_deinit(buf);
	*buf = small;
}

/* ---- the end ---- */

static void tell(struct line_stream *stream)
{
	if (!stream->tells)
		return;
	stream->tells = false;
	stream->host->events.on_close(stream->owner, stream->why);
}

void line_stream_closed(struct line_stream *stream)
{
	struct line_host *host = stream->host;
	timers_cancel(loop_timers(host->loop), &stream->deadline);
	loop_task_cancel(&stream->flush);
	loop_task_cancel(&stream->rest);
	tell(stream);
	*stream->link = stream->next;
	if (stream->next)
		stream->next->link = stream->link;
	host->stats.open--;
	tls_destroy(stream->tls);
	buf_deinit(&stream->held);
	buf_deinit(&stream->filling);
	buf_deinit(&stream->sending);
	host->on_gone(host, stream);
}

static void on_closed(uv_handle_t *handle) { line_stream_closed(handle->data); }

void line_stream_end(struct line_stream *stream, enum status why)
{
	if (stream->state == LINE_CLOSING)
		return;
	/* What made it drain is the reason, whatever happens on the way. */
	if (stream->state < LINE_DRAINING || stream->why == STATUS_OK)
		stream->why = why;
	stream->state = LINE_CLOSING;
	if (!uv_is_closing(&stream->uv.handle))
		uv_close(&stream->uv.handle, on_closed);
}

void line_stream_drain(struct line_stream *stream, enum status why)
{
	if (stream->state >= LINE_DRAINING)
		return;
	stream->state = LINE_DRAINING;
	stream->why = why;
	if (stream->tls)
		tls_end(stream->tls, &stream->filling);
	loop_timer_after(stream->host->loop, &stream->deadline, drain_ns);
	loop_at_end(stream->host->loop, &stream->flush);
	line_stream_set_reading(stream);
}

/* Everything is with the kernel. Telling comes last: the owner may end us in it. */
static void finish_drain(struct line_stream *stream)
{
	int fd = -1;
	if (stream->has_ended) {
		line_stream_end(stream, STATUS_OK);
		return;
	}
	stream->state = LINE_LINGERING;
	if (uv_fileno(&stream->uv.handle, &fd) == 0)
		shutdown(fd, SHUT_WR);
	loop_timer_after(stream->host->loop, &stream->deadline, linger_ns);
	tell(stream);
}

static void on_deadline(void *ctx)
{
	struct line_stream *stream = ctx;
	if (stream->state == LINE_OPENING) {
		stream->host->stats.tls_late++;
		err_set(stream->err, STATUS_TIMEOUT, "%s: TLS: the handshake took too long",
			stream->peer);
	}
	line_stream_end(stream, STATUS_TIMEOUT);
}

/* ---- sending ---- */

static void run_flush(void *ctx);

static void on_written(uv_write_t *write, int code)
{
	struct line_stream *stream = write->data;
	stream->is_writing = false;
	if (stream->state == LINE_CLOSING)
		return;
	buf_clear(&stream->sending);
	if (code)
		line_stream_end(stream, STATUS_CLOSED);
	else
		run_flush(stream);
}

static void write_rest(struct line_stream *stream, size_t done)
{
	uv_buf_t out =
	    uv_buf_init(stream->sending.ptr + done, (unsigned)(stream->sending.len - done));
	if (uv_write(&stream->write, &stream->uv.stream, &out, 1, on_written))
		line_stream_end(stream, STATUS_CLOSED);
	else
		stream->is_writing = true;
}

/* False: it has ended, or the kernel took only a part and libuv has the rest. */
static bool write_filling(struct line_stream *stream)
{
	struct buf full = stream->filling;
	stream->filling = stream->sending;
	stream->sending = full;
	uv_buf_t out = uv_buf_init(full.ptr, (unsigned)full.len);
	int n = uv_try_write(&stream->uv.stream, &out, 1);
	if (n < 0 && n != UV_EAGAIN) {
		line_stream_end(stream, STATUS_CLOSED);
		return false;
	}
	stream->host->stats.bytes_out += full.len;
	if (n < 0 || (size_t)n < full.len) {
		write_rest(stream, n < 0 ? 0 : (size_t)n);
		return false;
	}
	buf_clear(&stream->sending);
	return true;
}

static void run_flush(void *ctx)
{
	struct line_stream *stream = ctx;
	if (stream->state >= LINE_LINGERING || stream->is_writing)
		return;
	if (stream->filling.overflow) {
		line_stream_end(stream, STATUS_NO_MEMORY);
		return;
	}
	if (stream->filling.len && !write_filling(stream))
		return;
	line_buf_trim(&stream->filling);
	line_buf_trim(&stream->sending);
	if (stream->state == LINE_DRAINING)
		finish_drain(stream);
}

static enum status conn_send(struct line_conn *conn, struct str bytes)
{
	struct line_stream *stream = (struct line_stream *)conn;
	struct line_host *host = stream->host;
	enum status status = STATUS_OK;
	if (stream->state != LINE_OPEN)
		return STATUS_CLOSED;
	if (stream->filling.len + stream->sending.len + bytes.len >
	    host->limits.outgoing_bytes_max) {
		host->stats.slow_readers++;
		line_stream_end(stream, STATUS_FULL);
		return STATUS_FULL;
	}
	if (stream->tls)
		status = tls_write(stream->tls, bytes, &stream->filling);
	else
		buf_str_put(&stream->filling, bytes);
	if (status != STATUS_OK || stream->filling.overflow) {
		line_stream_end(stream, STATUS_NO_MEMORY);
		return STATUS_NO_MEMORY;
	}
	loop_at_end(host->loop, &stream->flush);
	return STATUS_OK;
}

static void conn_close(struct line_conn *conn)
{
	struct line_stream *stream = (struct line_stream *)conn;
	if (stream->state == LINE_OPENING)
		line_stream_end(stream, STATUS_CANCELLED);
	else
		line_stream_drain(stream, STATUS_OK);
}

static struct str conn_peer(const struct line_conn *conn)
{
	return str_of(((const struct line_stream *)conn)->peer);
}

static void conn_pause(struct line_conn *conn, bool paused)
{
	struct line_stream *stream = (struct line_stream *)conn;
	stream->is_paused = paused;
	if (stream->state != LINE_OPEN)
		return;
	if (!paused && stream->has_rest)
		loop_defer(stream->host->loop, &stream->rest);
	line_stream_set_reading(stream);
}

static const struct line_ops ops = { conn_send, conn_close, conn_peer, conn_pause };

/* ---- the beginning ---- */

static void enter(struct line_host *host, struct line_stream *stream)
{
	stream->next = host->streams;
	stream->link = &host->streams;
	if (stream->next)
		stream->next->link = &stream->next;
	host->streams = stream;
	host->stats.open++;
}

/* The buffers' own limits are the last resort behind the counted ones: TLS makes more
 * bytes of what is sent, and gives one read's lines together with the record before. */
bool line_stream_init(struct line_stream *stream, struct line_host *host, bool is_unix)
{
	uv_loop_t *uv = loop_uv(host->loop);
	int code =
	    is_unix ? uv_pipe_init(uv, &stream->uv.pipe, 0) : uv_tcp_init(uv, &stream->uv.tcp);
	if (code)
		return false;
	size_t out = host->limits.outgoing_bytes_max;
	stream->conn.ops = &ops;
	stream->host = host;
	stream->is_unix = is_unix;
	stream->uv.handle.data = stream->write.data = stream;
	stream->flush = (struct loop_task){ .fn = run_flush, .ctx = stream };
	stream->rest = (struct loop_task){ .fn = line_stream_run_rest, .ctx = stream };
	stream->deadline = (struct timer){ .fn = on_deadline, .ctx = stream };
	buf_init(&stream->held, host->limits.line_bytes_max + 3 * LINE_READ_BYTES);
	buf_init(&stream->filling, out + out / 8 + LINE_READ_BYTES);
	buf_init(&stream->sending, out + out / 8 + LINE_READ_BYTES);
	enter(host, stream);
	return true;
}

/* An IPv4 client of a socket that serves both comes as ::ffff:a.b.c.d. */
void line_stream_note_peer(struct line_stream *stream, const struct sockaddr *address)
{
	static const char mapped[] = "::ffff:";
	if (uv_ip_name(address, stream->peer, sizeof stream->peer))
		stream->peer[0] = 0;
	char *inner = stream->peer + sizeof mapped - 1;
	if (strncmp(stream->peer, mapped, sizeof mapped - 1) == 0 && strchr(inner, '.'))
		memmove(stream->peer, inner, strlen(inner) + 1);
}

static void set_tcp(struct line_stream *stream)
{
	struct sockaddr_storage address;
	int size = sizeof address;
	uv_tcp_nodelay(&stream->uv.tcp, 1);
	uv_tcp_keepalive(&stream->uv.tcp, 1, KEEPALIVE_S);
	if (uv_tcp_getpeername(&stream->uv.tcp, (struct sockaddr *)&address, &size) == 0)
		line_stream_note_peer(stream, (struct sockaddr *)&address);
}

static void begin_tls(struct line_stream *stream, const char *dialled)
{
	struct str nothing = { 0 };
	stream->tls = tls_create(stream->host->tls, dialled);
	if (!stream->tls)
		return line_stream_end(stream, STATUS_NO_MEMORY);
	loop_timer_after(stream->host->loop, &stream->deadline, stream->host->limits.handshake_ns);
	/* A server waits for the client's first word; a client says it here. */
	if (tls_handshake(stream->tls, &nothing, &stream->filling, stream->err) != STATUS_TRUNCATED)
		return line_stream_end(stream, STATUS_REFUSED);
	loop_at_end(stream->host->loop, &stream->flush);
	line_stream_set_reading(stream);
}

void line_stream_begin(struct line_stream *stream, const char *dialled)
{
	stream->deadline.fn = on_deadline;
	if (!stream->is_unix)
		set_tcp(stream);
	if (stream->host->tls)
		begin_tls(stream, dialled);
	else
		line_stream_open(stream);
}

void line_stream_open(struct line_stream *stream)
{
	struct line_host *host = stream->host;
	timers_cancel(loop_timers(host->loop), &stream->deadline);
	stream->state = LINE_OPEN;
	void *ctx = stream->tells ? stream->owner : host->events.ctx;
	void *owner = host->events.on_open(ctx, &stream->conn);
	if (!owner) {
		host->stats.refused++;
		return line_stream_end(stream, STATUS_REFUSED);
	}
	stream->owner = owner;
	stream->tells = true;
	line_stream_set_reading(stream);
}

void line_host_end_all(struct line_host *host, enum status why)
{
	for (struct line_stream *stream = host->streams; stream; stream = stream->next)
		line_stream_end(stream, why);
}
