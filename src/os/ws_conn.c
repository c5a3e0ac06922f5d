#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "codec/decoder.h"
#include "os/ws_impl.h"

static_assert((int)WS_RX_BYTES > (int)DECODE_PADDING, "short messages are passed on in place");

/* ---- the end ---- */

void ws_conn_let_go(struct ws_conn *conn)
{
	struct ws_context *context = conn->context;
	struct lws *wsi = conn->wsi;
	if (!wsi)
		return;
	conn->wsi = NULL;
	lws_set_opaque_user_data(wsi, NULL);
	if (wsi == context->serving)
		context->kill_serving = true;
	else
		lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void release(struct ws_conn *conn)
{
	struct timers *timers = loop_timers(conn->context->loop);
	ws_conn_let_go(conn);
	ws_open_cancel(conn);
	timers_cancel(timers, &conn->deadline);
	buf_deinit(&conn->message);
	buf_deinit(&conn->waiting);
}

__attribute__((format(printf, 3, 0))) static void keep_end(struct ws_conn *conn, int code,
							   const char *format, va_list args)
{
	conn->end_code = code;
	vsnprintf(conn->end_reason, sizeof conn->end_reason, format, args);
}

void ws_conn_end(struct ws_conn *conn, int code, const char *format, ...)
{
	va_list args;
	CHECK(conn->state != WS_CLOSED && conn->state != WS_ENDED);
	va_start(args, format);
	if (conn->state != WS_CLOSING) /* which knows why it closes */
		keep_end(conn, code, format, args);
	va_end(args);
	release(conn);
	conn->state = WS_ENDED;
	loop_defer(conn->context->loop, &conn->step);
}

static void tell_end(struct ws_conn *conn)
{
	struct ws_events events = conn->events;
	char reason[WS_REASON_BYTES];
	memcpy(reason, conn->end_reason, sizeof reason);
	conn->state = WS_CLOSED;
	conn->context->connections--;
	conn->context->counts.closes++;
	events.on_close(events.ctx, conn->end_code, str_of(reason)); /* may destroy conn */
}

static void run_deadline(void *ctx)
{
	struct ws_conn *conn = ctx;
	ws_conn_end(conn, 1006, "timed out after %.3g s %s",
		    (double)conn->context->open_timeout_ns * 1e-9, ws_stage_text(conn->stage));
}

/* ---- sending ---- */

/* libwebsockets answers pings without a word, but then gives a turn to write that
 * nobody asked for, and only then: that is how pings are counted. */
static void ask_to_write(struct ws_conn *conn)
{
	conn->expects_writable = true;
	lws_callback_on_writable(conn->wsi);
}

static enum status send_message(struct ws_client *client, struct str message)
{
	struct ws_conn *conn = (struct ws_conn *)client;
	uint32_t len = (uint32_t)message.len;
	size_t bytes = sizeof len + LWS_PRE + message.len;
	if (conn->state != WS_OPEN)
		return STATUS_CLOSED;
	if (message.len > conn->context->send_bytes_max ||
	    bytes > conn->waiting.limit - conn->waiting.len)
		return STATUS_FULL;
	char *at = buf_reserve(&conn->waiting, bytes);
	if (!at) {
		conn->waiting.overflow = false;
		return STATUS_NO_MEMORY;
	}
	memcpy(at, &len, sizeof len);
	if (len)
		memcpy(at + sizeof len + LWS_PRE, message.ptr, len);
	conn->waiting.len += bytes;
	ask_to_write(conn);
	return STATUS_OK;
}

/* libwebsockets writes its header in front of the text, masks the text where it
 * stands, and keeps a copy of what the socket does not take. */
static bool write_waiting(struct ws_conn *conn)
{
	struct buf *waiting = &conn->waiting;
	uint32_t len;
	memcpy(&len, waiting->ptr, sizeof len);
	size_t bytes = sizeof len + LWS_PRE + len;
	unsigned char *text = (unsigned char *)waiting->ptr + sizeof len + LWS_PRE;
	if (lws_write(conn->wsi, text, len, LWS_WRITE_TEXT) < 0)
		return false;
	waiting->len -= bytes;
	memmove(waiting->ptr, waiting->ptr + bytes, waiting->len);
	return true;
}

static void close_when_sent(struct ws_conn *conn)
{
	if (!conn->waiting.len && !conn->is_close_sent)
		loop_defer(conn->context->loop, &conn->step);
}

/* From outside of a callback: a -1 returned there would close the wsi twice when
 * libwebsockets is built as Debian builds it, and the second time does not wait for
 * the frame to be sent. A wsi killed with a reason sends it and waits for the answer. */
static void send_close(struct ws_conn *conn)
{
	conn->is_close_sent = true;
	lws_close_reason(conn->wsi, (enum lws_close_status)conn->end_code, NULL, 0);
	lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

int ws_conn_on_writable(struct ws_conn *conn)
{
	if (!conn->expects_writable) {
		conn->context->counts.pings++;
		return 0;
	}
	conn->expects_writable = false;
	if (conn->waiting.len && !write_waiting(conn))
		return -1; /* and then it tells that the connection broke */
	if (conn->waiting.len || lws_partial_buffered(conn->wsi))
		ask_to_write(conn);
	else if (conn->state == WS_CLOSING)
		close_when_sent(conn);
	return 0;
}

/* ---- receiving ---- */

static void deliver(struct ws_conn *conn, struct str message)
{
	struct ws_context *context = conn->context;
	context->counts.messages++;
	context->counts.bytes += message.len;
	conn->events.on_message(conn->events.ctx, message, loop_wall_ns(context->loop));
}

static void assemble(struct ws_conn *conn, struct str part, bool is_last)
{
	struct buf *message = &conn->message;
	char *at = buf_reserve(message, part.len + DECODE_PADDING);
	if (!at)
		return ws_conn_end(conn, 1006, "out of memory for a message");
	memcpy(at, part.ptr, part.len);
	message->len += part.len;
	if (!is_last)
		return;
	struct str whole = buf_str(message);
	buf_clear(message);
	deliver(conn, whole); /* may destroy conn */
}

/* Nearly always a part is a message: it is passed on where libwebsockets put it, at
 * the front of a buffer of WS_RX_BYTES. */
void ws_conn_on_received(struct ws_conn *conn, struct str part)
{
	size_t bytes_max = conn->context->message_bytes_max;
	if (conn->state != WS_OPEN)
		return;
	size_t to_come = lws_remaining_packet_payload(conn->wsi);
	bool is_last = to_come == 0 && lws_is_final_fragment(conn->wsi);
	if (conn->message.len + part.len > bytes_max ||
	    to_come > bytes_max - conn->message.len - part.len)
		ws_conn_begin_close(conn, 1009, "a message longer than %zu bytes", bytes_max);
	else if (is_last && !conn->message.len && part.len <= WS_RX_BYTES - DECODE_PADDING)
		deliver(conn, part);
	else
		assemble(conn, part, is_last);
}

static void pause_receiving(struct ws_client *client, bool paused)
{
	struct ws_conn *conn = (struct ws_conn *)client;
	if (conn->paused == paused)
		return;
	conn->paused = paused;
	if (conn->state != WS_OPEN)
		return;
	lws_rx_flow_control(conn->wsi, !paused);
	ask_to_write(conn); /* libwebsockets does, to take up what was read before the pause */
}

/* ---- opening and closing ---- */

void ws_conn_on_established(struct ws_conn *conn)
{
	ws_open_cancel(conn);
	timers_cancel(loop_timers(conn->context->loop), &conn->deadline);
	conn->state = WS_OPEN;
	conn->context->counts.opened++;
	if (conn->paused)
		lws_rx_flow_control(conn->wsi, 0);
	conn->events.on_open(conn->events.ctx);
}

static enum status open_url(struct ws_client *client, const char *url,
			    const struct ws_events *events)
{
	struct ws_conn *conn = (struct ws_conn *)client;
	struct ws_context *context = conn->context;
	if (conn->state != WS_CLOSED)
		return STATUS_IN_USE;
	if (context->connections == context->connections_max)
		return STATUS_FULL;
	enum status status = ws_url_parse(str_of(url), &conn->url, NULL);
	if (status == STATUS_OK)
		status = ws_open_begin(conn);
	if (status != STATUS_OK)
		return status;
	conn->events = *events;
	conn->paused = conn->expects_writable = conn->is_close_sent = false;
	buf_init(&conn->message, context->message_bytes_max + DECODE_PADDING);
	buf_init(&conn->waiting, context->send_bytes_max + sizeof(uint32_t) + LWS_PRE);
	conn->state = WS_OPENING;
	context->connections++;
	context->counts.opens++;
	loop_timer_after(context->loop, &conn->deadline, context->open_timeout_ns);
	return STATUS_OK;
}

void ws_conn_begin_close(struct ws_conn *conn, int code, const char *format, ...)
{
	va_list args;
	CHECK(conn->state == WS_OPEN);
	va_start(args, format);
	keep_end(conn, code, format, args);
	va_end(args);
	conn->state = WS_CLOSING;
	if (conn->paused)
		lws_rx_flow_control(conn->wsi, 1); /* the answer must come through */
	loop_timer_after(conn->context->loop, &conn->deadline, WS_CLOSE_PATIENCE_NS);
	close_when_sent(conn);
}

static void close_url(struct ws_client *client)
{
	struct ws_conn *conn = (struct ws_conn *)client;
	if (conn->state == WS_OPENING)
		ws_conn_end(conn, 1006, "closed before it was open");
	else if (conn->state == WS_OPEN)
		ws_conn_begin_close(conn, 1000, "closed");
}

static void run_step(void *ctx)
{
	struct ws_conn *conn = ctx;
	if (conn->state == WS_ENDED)
		tell_end(conn);
	else if (conn->state == WS_OPENING)
		ws_open_next(conn);
	else if (conn->wsi)
		send_close(conn);
}

static const struct ws_ops conn_ops = { open_url, send_message, pause_receiving, close_url };

struct ws_client *ws_conn_create(void *ctx)
{
	struct ws_context *context = ctx;
	struct ws_conn *conn = calloc(1, sizeof *conn);
	if (!conn)
		return NULL;
	conn->client.ops = &conn_ops;
	conn->context = context;
	conn->deadline = (struct timer){ .fn = run_deadline, .ctx = conn };
	conn->step = (struct loop_task){ .fn = run_step, .ctx = conn };
	conn->next = context->conns;
	if (conn->next)
		conn->next->prev = conn;
	context->conns = conn;
	return &conn->client;
}

void ws_conn_destroy(void *ctx, struct ws_client *client)
{
	struct ws_context *context = ctx;
	struct ws_conn *conn = (struct ws_conn *)client;
	if (!conn)
		return;
	release(conn);
	loop_task_cancel(&conn->step);
	context->connections -= conn->state != WS_CLOSED;
	if (conn->prev)
		conn->prev->next = conn->next;
	else
		context->conns = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	free(conn);
}
