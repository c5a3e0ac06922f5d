/* The bytes of a connection: reading, TLS, writing, closing. */
#include <sys/socket.h>

#include "os/http_server_impl.h"

enum { THROWN_BYTES_MAX = 4 << 20 };

void http_stream_trim(struct buf *buf)
{
	struct buf small;
	if (buf->cap <= HTTP_KEPT_BYTES || buf->len > HTTP_KEPT_BYTES / 2)
		return;
	buf_init(&small, buf->limit);
	buf_str_put(&small, buf_str(buf));
	buf_deinit(buf);
	*buf = small;
}

/* What is queued, as the server sees it. */
static void count_queued(struct http_conn *conn)
{
	size_t queued = conn->filling.len + conn->sending.len;
	conn->server->outgoing_bytes += queued;
	conn->server->outgoing_bytes -= conn->counted;
	conn->counted = queued;
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle)
{
	struct http_conn *conn = handle->data;
	buf_clear(&conn->filling);
	buf_clear(&conn->sending);
	count_queued(conn);
	http_conn_closed(conn);
}

void http_stream_end(struct http_conn *conn)
{
	if (conn->state >= HTTP_CLOSING)
		return;
	conn->state = HTTP_CLOSING;
	uv_close(&conn->uv.handle, on_closed);
}

void http_stream_drain(struct http_conn *conn)
{
	if (conn->state >= HTTP_DRAINING)
		return;
	conn->state = HTTP_DRAINING;
	if (conn->tls)
		tls_end(conn->tls, &conn->filling);
	loop_at_end(conn->server->loop, &conn->flush);
	http_conn_settle(conn);
}

static void finish_drain(struct http_conn *conn)
{
	int fd = -1;
	if (conn->has_ended) {
		http_stream_end(conn);
		return;
	}
	conn->state = HTTP_LINGERING;
	if (uv_fileno(&conn->uv.handle, &fd) == 0)
		shutdown(fd, SHUT_WR);
	http_conn_settle(conn);
}

/* ---- writing ---- */

static void on_written(uv_write_t *write, int code)
{
	struct http_conn *conn = write->data;
	conn->is_writing = false;
	if (conn->state == HTTP_CLOSING)
		return;
	buf_clear(&conn->sending);
	count_queued(conn);
	http_ws_moved(conn);
	if (code)
		http_stream_end(conn);
	else
		conn->flush.fn(conn);
}

static void write_rest(struct http_conn *conn, size_t done)
{
	uv_buf_t out = uv_buf_init(conn->sending.ptr + done, (unsigned)(conn->sending.len - done));
	if (uv_write(&conn->write, &conn->uv.stream, &out, 1, on_written))
		http_stream_end(conn);
	else
		conn->is_writing = true;
}

/* False: it has ended, or the kernel took only a part and libuv has the rest. */
static bool write_filling(struct http_conn *conn)
{
	struct buf full = conn->filling;
	conn->filling = conn->sending;
	conn->sending = full;
	uv_buf_t out = uv_buf_init(full.ptr, (unsigned)full.len);
	int n = uv_try_write(&conn->uv.stream, &out, 1);
	if (n < 0 && n != UV_EAGAIN) {
		http_stream_end(conn);
		return false;
	}
	conn->server->stats.bytes_out += full.len;
	if (n < 0 || (size_t)n < full.len) {
		write_rest(conn, n < 0 ? 0 : (size_t)n);
		return false;
	}
	buf_clear(&conn->sending);
	count_queued(conn);
	return true;
}

static void trim_out(const struct http_conn *conn, struct buf *buf)
{
	if (!conn->ws || buf->cap > HTTP_WS_KEPT_BYTES)
		http_stream_trim(buf);
}

static void run_flush(void *ctx)
{
	struct http_conn *conn = ctx;
	if (conn->state >= HTTP_LINGERING || conn->is_writing)
		return;
	if (conn->filling.overflow) {
		http_stream_end(conn);
		return;
	}
	if (conn->filling.len && !write_filling(conn)) {
		http_conn_settle(conn);
		return;
	}
	trim_out(conn, &conn->filling);
	trim_out(conn, &conn->sending);
	if (conn->state == HTTP_DRAINING)
		finish_drain(conn);
	else
		http_conn_sent(conn);
}

enum status http_stream_send(struct http_conn *conn, struct str bytes)
{
	enum status status = STATUS_OK;
	if (conn->tls)
		status = tls_write(conn->tls, bytes, &conn->filling);
	else
		buf_str_put(&conn->filling, bytes);
	count_queued(conn);
	loop_at_end(conn->server->loop, &conn->flush);
	return conn->filling.overflow ? STATUS_NO_MEMORY : status;
}

/* ---- TLS ---- */

/* After what is queued: OpenSSL has put an alert there that tells the other end. */
static void tls_failed(struct http_conn *conn)
{
	conn->server->stats.tls_failed++;
	http_stream_drain(conn);
}

static bool may_shake_hands(struct http_server *server)
{
	uint64_t turn = loop_stats(server->loop)->turns;
	if (server->handshake_turn != turn)
		server->handshake_steps = 0;
	server->handshake_turn = turn;
	return server->handshake_steps < HTTP_TURN_HANDSHAKES;
}

/* True: the session is there, and *bytes may hold more. */
static bool shake_hands(struct http_conn *conn, struct str *bytes)
{
	conn->server->handshake_steps++;
	enum status status = tls_handshake(conn->tls, bytes, &conn->filling, NULL);
	count_queued(conn);
	loop_at_end(conn->server->loop, &conn->flush);
	if (status == STATUS_OK)
		http_conn_begin(conn);
	else if (status != STATUS_TRUNCATED)
		tls_failed(conn);
	return status == STATUS_OK;
}

/* Half of the loop's scratch has the read; the other takes what it says. */
static void decrypt(struct http_conn *conn, struct str bytes)
{
	char *plain = loop_scratch(conn->server->loop) + LOOP_SCRATCH_BYTES / 2;
	enum status status = STATUS_OK;
	size_t n;
	if (conn->state == HTTP_OPENING && !shake_hands(conn, &bytes))
		return;
	while (status == STATUS_OK) {
		status = tls_read(conn->tls, &bytes, &conn->filling, plain, HTTP_READ_BYTES, &n);
		if (status == STATUS_OK)
			buf_put(&conn->in, plain, n);
	}
	if (conn->filling.len)
		loop_at_end(conn->server->loop, &conn->flush);
	conn->has_ended = conn->has_ended || status == STATUS_CLOSED;
	if (status == STATUS_FORMAT)
		tls_failed(conn);
}

/* ---- reading ---- */

static void throw_away(struct http_conn *conn, size_t n)
{
	conn->thrown_bytes += n;
	if (conn->thrown_bytes > THROWN_BYTES_MAX)
		http_stream_end(conn);
}

static void take(struct http_conn *conn, struct str bytes)
{
	conn->server->stats.bytes_in += bytes.len;
	conn->has_read = true;
	if (conn->state >= HTTP_DRAINING) {
		throw_away(conn, bytes.len);
		return;
	}
	if (conn->tls)
		decrypt(conn, bytes);
	else
		buf_str_put(&conn->in, bytes);
	if (conn->in.overflow)
		http_stream_end(conn);
	else
		http_conn_run(conn);
}

void http_stream_enter_turn(struct http_conn *conn)
{
	uint64_t turn = loop_stats(conn->server->loop)->turns;
	if (conn->turn == turn)
		return;
	conn->turn = turn;
	conn->requests_told = 0;
	conn->has_read = false;
}

/* No room: libuv says so to on_read and asks again in the next turn, which costs no
 * system call. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)suggested;
	struct http_conn *conn = handle->data;
	struct http_server *server = conn->server;
	http_stream_enter_turn(conn);
	bool waits = conn->has_read || (conn->state == HTTP_OPENING && !may_shake_hands(server));
	*buf = uv_buf_init(loop_scratch(server->loop), waits ? 0 : HTTP_READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct http_conn *conn = stream->data;
	if (conn->state >= HTTP_CLOSING || n == 0 || n == UV_ENOBUFS)
		return;
	if (n > 0) {
		take(conn, str_make(buf->base, (size_t)n));
		return;
	}
	conn->has_ended = true;
	if (n != UV_EOF || conn->state == HTTP_OPENING || conn->state == HTTP_LINGERING)
		http_stream_end(conn);
	else
		http_conn_run(conn);
}

void http_stream_set_reading(struct http_conn *conn, bool wanted)
{
	wanted = wanted && !conn->has_ended && conn->state < HTTP_CLOSING;
	if (wanted == conn->is_reading)
		return;
	conn->is_reading = wanted;
	if (!wanted)
		uv_read_stop(&conn->uv.stream);
	else if (uv_read_start(&conn->uv.stream, on_alloc, on_read))
		http_stream_end(conn);
}

void http_stream_begin(struct http_conn *conn)
{
	conn->flush = (struct loop_task){ .fn = run_flush, .ctx = conn };
	if (!conn->server->tls) {
		http_conn_begin(conn);
		return;
	}
	conn->tls = tls_create(conn->server->tls, NULL);
	if (conn->tls)
		http_conn_settle(conn);
	else
		http_stream_end(conn);
}
