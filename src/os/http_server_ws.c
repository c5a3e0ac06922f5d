/* A connection that has become a WebSocket. */
#include <stdlib.h>

#include "base/check.h"
#include "os/http_server_impl.h"

static struct http_conn_ws *ws_of(struct http_ws *ws) { return (struct http_conn_ws *)ws; }

static int64_t now_ns(const struct http_conn *conn) { return loop_now_ns(conn->server->loop); }

/* ---- out ---- */

static size_t unsent(const struct http_conn *conn) { return conn->filling.len + conn->sending.len; }

/* Head and payload: one copy of the payload. */
static void send_frame(struct http_conn *conn, enum http_ws_opcode opcode, struct str payload)
{
	char storage[HTTP_WS_CONTROL_BYTES + HTTP_WS_FRAME_HEAD_BYTES];
	struct buf frame = buf_over(storage, sizeof storage);
	bool is_short = payload.len <= HTTP_WS_CONTROL_BYTES;
	http_ws_frame_put(&frame, opcode, payload);
	if (!is_short) /* only the head fitted */
		frame.len = http_ws_head_bytes(payload.len);
	if (http_stream_send(conn, buf_str(&frame)) ||
	    (!is_short && http_stream_send(conn, payload)))
		http_stream_end(conn);
}

static void end(struct http_conn *conn, int code, struct str reason)
{
	char storage[HTTP_WS_CONTROL_BYTES + HTTP_WS_FRAME_HEAD_BYTES];
	struct buf frame = buf_over(storage, sizeof storage);
	if (conn->ws->is_over)
		return;
	conn->ws->is_over = true;
	http_ws_close_put(&frame, code, reason);
	if (http_stream_send(conn, buf_str(&frame)))
		http_stream_end(conn);
	else
		http_stream_drain(conn);
}

static enum status send_text(struct http_ws *ws, struct str text)
{
	struct http_conn *conn = ws_of(ws)->conn;
	size_t bytes = text.len + HTTP_WS_FRAME_HEAD_BYTES;
	if (conn->state != HTTP_UPGRADED)
		return STATUS_CLOSED;
	if (text.len > HTTP_WS_OUT_BYTES)
		return STATUS_RANGE;
	if (unsent(conn) + bytes > HTTP_WS_UNSENT_BYTES || !http_reply_has_room(conn, bytes)) {
		conn->server->stats.ws_refused++;
		return STATUS_FULL;
	}
	conn->server->stats.ws_out++;
	send_frame(conn, HTTP_WS_TEXT, text);
	return STATUS_OK;
}

static size_t count_unsent(const struct http_ws *ws)
{
	return unsent(((const struct http_conn_ws *)ws)->conn);
}

static void close_after(struct http_ws *ws, int code, const char *reason)
{
	struct http_conn *conn = ws_of(ws)->conn;
	if (conn->state == HTTP_UPGRADED)
		end(conn, code, str_of(reason));
}

static void cut(struct http_ws *ws) { http_stream_end(ws_of(ws)->conn); }

static const struct http_ws_ops ops = { send_text, count_unsent, close_after, cut };

/* ---- in ---- */

bool http_ws_may_read(const struct http_conn *conn) { return unsent(conn) < HTTP_WS_OUT_BYTES; }

static void take(struct http_conn *conn, struct str *in)
{
	struct http_conn_ws *ws = conn->ws;
	switch (http_ws_read(&ws->reader, in)) {
	case HTTP_WS_MORE:
	case HTTP_WS_GOT_PONG: break;
	case HTTP_WS_GOT_PING: send_frame(conn, HTTP_WS_PONG, buf_str(&ws->reader.control)); break;
	case HTTP_WS_GOT_CLOSE: end(conn, ws->reader.code, STR("")); break;
	case HTTP_WS_MESSAGE:
		conn->server->stats.ws_in++;
		ws->events.on_message(ws->events.ctx, &ws->ws, buf_str(&ws->reader.message));
		break;
	case HTTP_WS_BAD:
		conn->server->stats.ws_bad++;
		end(conn, ws->reader.code, str_of(ws->reader.why));
		break;
	}
}

void http_ws_run(struct http_conn *conn, struct str *in)
{
	struct http_conn_ws *ws = conn->ws;
	if (in->len) {
		ws->heard_ns = now_ns(conn);
		ws->is_pinged = false;
	}
	while (in->len && conn->state == HTTP_UPGRADED && http_ws_may_read(conn) &&
	       conn->requests_told < HTTP_TURN_REQUESTS) {
		conn->requests_told++;
		take(conn, in);
	}
	if (conn->state == HTTP_UPGRADED && conn->has_ended && !in->len)
		http_stream_end(conn);
}

/* ---- time ---- */

int64_t http_ws_patience_ns(const struct http_conn *conn)
{
	const struct http_server_times *times = &conn->server->config.times;
	return (times->ping_ns < times->send_ns ? times->ping_ns : times->send_ns) / 4;
}

void http_ws_moved(struct http_conn *conn)
{
	if (conn->ws)
		conn->ws->moved_ns = now_ns(conn);
}

void http_ws_look(struct http_conn *conn)
{
	struct http_server *server = conn->server;
	struct http_conn_ws *ws = conn->ws;
	int64_t now = now_ns(conn), silent_ns = now - ws->heard_ns;
	if (!conn->is_writing)
		ws->moved_ns = now;
	if (now - ws->moved_ns >= server->config.times.send_ns) {
		server->stats.slow_readers++;
		http_stream_end(conn);
	} else if (silent_ns >= 2 * server->config.times.ping_ns) {
		server->stats.ws_silent++;
		http_stream_end(conn);
	} else if (silent_ns >= server->config.times.ping_ns && !ws->is_pinged) {
		ws->is_pinged = true;
		server->stats.ws_pings++;
		send_frame(conn, HTTP_WS_PING, STR("weir"));
	}
	http_conn_settle(conn);
}

/* ---- beginning and end ---- */

static void put_line(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, "%s: %.*s\r\n", name, STR_ARG(value));
}

static enum status say_yes(struct http_conn *conn, const struct http_upgrade *upgrade)
{
	struct buf *out = &conn->server->reply;
	char accept[HTTP_WS_KEY_BYTES];
	if (http_ws_accept(upgrade->key, accept))
		return STATUS_UNAVAILABLE;
	buf_clear(out);
	buf_printf(out, "HTTP/1.1 101 Switching Protocols\r\n");
	put_line(out, "Date", str_of(http_reply_date(conn->server)));
	put_line(out, "Upgrade", STR("websocket"));
	put_line(out, "Connection", STR("Upgrade"));
	put_line(out, "Sec-WebSocket-Accept", str_make(accept, sizeof accept));
	if (upgrade->protocol.len)
		put_line(out, "Sec-WebSocket-Protocol", upgrade->protocol);
	buf_printf(out, "\r\n");
	return out->overflow ? STATUS_FULL : http_stream_send(conn, buf_str(out));
}

struct http_ws *http_ws_upgrade(struct http_call *call, const struct http_upgrade *upgrade)
{
	struct http_conn *conn = (struct http_conn *)call;
	CHECK(conn->is_asked && conn->is_running && conn->state == HTTP_ASKED);
	struct http_conn_ws *ws = calloc(1, sizeof *ws);
	if (!ws || say_yes(conn, upgrade)) {
		free(ws);
		return NULL;
	}
	/* What waits is to wait with us, where it is counted: the kernel would grow its share to
	 * megabytes of old news. No harm where it cannot be set. */
	int kernel_bytes = HTTP_WS_KERNEL_BYTES;
	(void)uv_send_buffer_size(&conn->uv.handle, &kernel_bytes);
	ws->ws.ops = &ops;
	ws->conn = conn;
	ws->events = upgrade->events;
	ws->heard_ns = ws->moved_ns = now_ns(conn);
	http_ws_reader_init(&ws->reader);
	conn->ws = ws;
	conn->is_asked = false;
	conn->state = HTTP_UPGRADED;
	conn->server->stats.answers[1]++;
	conn->server->stats.ws_opened++;
	conn->server->stats.ws_open++;
	return &ws->ws;
}

void http_ws_closed(struct http_conn *conn)
{
	struct http_conn_ws *ws = conn->ws;
	if (!ws)
		return;
	conn->server->stats.ws_open--;
	ws->events.on_close(ws->events.ctx, &ws->ws);
	http_ws_reader_deinit(&ws->reader);
	free(ws);
	conn->ws = NULL;
}
