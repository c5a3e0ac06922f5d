/* A connection: requests in, answers out, and which wait has which end. */
#include <stdlib.h>

#include "base/check.h"
#include "os/http_problem.h"
#include "os/http_server_impl.h"

static const int64_t linger_ns = 2000000000;
static const int64_t second_ns = 1000000000;

/* ---- waits ---- */

/* One thing at a time is waited for; what stands still at the other end comes first. */
static enum http_wait wait_of(const struct http_conn *conn)
{
	if (conn->state == HTTP_OPENING)
		return HTTP_WAIT_HANDSHAKE;
	if (conn->state == HTTP_LINGERING)
		return HTTP_WAIT_LINGER;
	if (conn->state == HTTP_UPGRADED)
		return HTTP_WAIT_WS;
	if (conn->is_writing)
		return HTTP_WAIT_SEND;
	if (conn->state == HTTP_ASKED)
		return HTTP_WAIT_ANSWER;
	if (conn->state != HTTP_READING)
		return HTTP_WAIT_NOTHING;
	if (!http_parser_began(&conn->parser))
		return HTTP_WAIT_IDLE;
	return conn->parser.state == HTTP_IN_HEAD ? HTTP_WAIT_HEAD : HTTP_WAIT_BODY;
}

static int64_t patience_ns(const struct http_conn *conn, enum http_wait wait)
{
	const struct http_server_times *times = &conn->server->config.times;
	switch (wait) {
	case HTTP_WAIT_NOTHING:
	case HTTP_WAIT_IDLE: break;
	case HTTP_WAIT_HANDSHAKE:
	case HTTP_WAIT_HEAD: return times->head_ns;
	case HTTP_WAIT_BODY: return times->body_ns;
	case HTTP_WAIT_ANSWER: return times->answer_ns;
	case HTTP_WAIT_WS: return http_ws_patience_ns(conn);
	case HTTP_WAIT_SEND:
		return times->send_ns + (int64_t)(conn->counted / HTTP_QUEUED_BYTES) * second_ns;
	case HTTP_WAIT_LINGER: return linger_ns;
	}
	return times->idle_ns;
}

static void set_wait(struct http_conn *conn)
{
	enum http_wait wait = wait_of(conn);
	if (wait == conn->wait)
		return;
	conn->wait = wait;
	if (wait == HTTP_WAIT_NOTHING)
		timers_cancel(loop_timers(conn->server->loop), &conn->deadline);
	else
		loop_timer_after(conn->server->loop, &conn->deadline, patience_ns(conn, wait));
}

static bool wants_bytes(const struct http_conn *conn)
{
	switch (conn->state) {
	case HTTP_READING: return !conn->is_writing && conn->in.len < HTTP_IN_BYTES;
	case HTTP_ASKED:
	case HTTP_UPGRADED: return conn->in.len < HTTP_IN_BYTES; /* or its end */
	default: return true;
	}
}

/* Nothing comes any more and what came makes no request. */
static bool is_over(const struct http_conn *conn)
{
	return conn->state == HTTP_READING && conn->has_ended && !conn->in.len;
}

void http_conn_settle(struct http_conn *conn)
{
	if (conn->state >= HTTP_CLOSING)
		return;
	if (is_over(conn)) {
		http_stream_drain(conn); /* settles it */
		return;
	}
	set_wait(conn);
	http_stream_set_reading(conn, wants_bytes(conn));
}

/* ---- refusals ---- */

static void release_body(struct http_conn *conn)
{
	conn->server->bodies -= conn->has_big_body;
	conn->has_big_body = false;
}

/* The server's own words, and the end: where the next request begins is not known. */
static void refuse(struct http_conn *conn, int code, const char *why)
{
	char storage[512];
	struct buf body = buf_over(storage, sizeof storage);
	http_problem_put(&body, code, str_of(why));
	release_body(conn);
	conn->is_head = false;
	conn->closes = true;
	http_reply_send(conn, &(struct http_reply){ .code = code,
						    .type = HTTP_PROBLEM_TYPE,
						    .body = buf_str(&body) });
	http_stream_drain(conn);
}

static void on_deadline(void *ctx)
{
	struct http_conn *conn = ctx;
	struct http_server_stats *stats = &conn->server->stats;
	enum http_wait wait = conn->wait;
	conn->wait = HTTP_WAIT_NOTHING;
	stats->late += wait != HTTP_WAIT_IDLE && wait != HTTP_WAIT_LINGER &&
		       wait != HTTP_WAIT_ANSWER && wait != HTTP_WAIT_WS;
	switch (wait) {
	case HTTP_WAIT_IDLE: http_stream_drain(conn); break;
	case HTTP_WAIT_HEAD: refuse(conn, 408, "the request's head did not come in time"); break;
	case HTTP_WAIT_BODY: refuse(conn, 408, "the request's body did not come in time"); break;
	case HTTP_WAIT_ANSWER:
		stats->unanswered++;
		refuse(conn, 504, "weir has not answered in time");
		break;
	case HTTP_WAIT_WS: http_ws_look(conn); break;
	case HTTP_WAIT_SEND: stats->slow_readers++; /* fall through */
	default: http_stream_end(conn);
	}
}

/* ---- requests ---- */

/* Of those whose bodies may become long. */
static bool has_room_for_body(struct http_conn *conn)
{
	struct http_server *server = conn->server;
	const struct http_parser *parser = &conn->parser;
	if (parser->state == HTTP_IN_BODY && parser->left <= HTTP_BIG_BODY_BYTES)
		return true;
	if (server->bodies == server->config.bodies_max)
		return false;
	server->bodies++;
	conn->has_big_body = true;
	return true;
}

static void begin_body(struct http_conn *conn, bool awaited)
{
	if (!has_room_for_body(conn)) {
		conn->server->stats.bodies_refused++;
		refuse(conn, 503, "too many long bodies are being read");
	} else if (awaited && http_stream_send(conn, STR("HTTP/1.1 100 Continue\r\n\r\n"))) {
		http_stream_end(conn);
	}
}

static void tell(struct http_conn *conn)
{
	struct http_server *server = conn->server;
	struct http_asked asked;
	http_parser_request(&conn->parser, &asked);
	asked.peer = str_of(conn->peer);
	asked.is_tls = conn->tls != NULL;
	release_body(conn);
	conn->is_head = str_eq(asked.method, STR("HEAD"));
	conn->closes = conn->parser.closes;
	conn->is_asked = true;
	conn->state = HTTP_ASKED;
	conn->requests_told++;
	server->stats.requests++;
	server->config.events.on_request(server->config.events.ctx, &conn->call, &asked);
	/* Its texts were for that call only. */
	http_parser_reset(&conn->parser);
	conn->wait = HTTP_WAIT_NOTHING;
}

static void step(struct http_conn *conn, struct str *in)
{
	switch (http_parser_feed(&conn->parser, in)) {
	case HTTP_MORE: break;
	case HTTP_HEAD: begin_body(conn, conn->parser.expects && !in->len); break;
	case HTTP_WHOLE: tell(conn); break;
	case HTTP_BAD:
		conn->server->stats.bad++;
		refuse(conn, conn->parser.code, conn->parser.why);
		break;
	}
}

static bool may_read(const struct http_conn *conn)
{
	if (conn->state == HTTP_UPGRADED)
		return http_ws_may_read(conn);
	return conn->state == HTTP_READING && !conn->is_writing &&
	       conn->filling.len < HTTP_QUEUED_BYTES;
}

void http_conn_run(struct http_conn *conn)
{
	struct str in = buf_str(&conn->in);
	if (conn->state >= HTTP_CLOSING)
		return;
	http_stream_enter_turn(conn);
	conn->is_running = true;
	while (in.len && conn->state == HTTP_READING && may_read(conn) &&
	       conn->requests_told < HTTP_TURN_REQUESTS)
		step(conn, &in);
	if (conn->state == HTTP_UPGRADED)
		http_ws_run(conn, &in);
	conn->is_running = false;
	if (in.len && in.len < conn->in.len)
		memmove(conn->in.ptr, in.ptr, in.len);
	conn->in.len = in.len;
	http_stream_trim(&conn->in);
	if (in.len && may_read(conn)) /* this turn's share is used up */
		loop_defer(conn->server->loop, &conn->rest);
	http_conn_settle(conn);
}

void http_conn_sent(struct http_conn *conn)
{
	if (conn->in.len && (conn->state == HTTP_READING || conn->state == HTTP_UPGRADED))
		loop_defer(conn->server->loop, &conn->rest);
	http_conn_settle(conn);
}

static void run_rest(void *ctx) { http_conn_run(ctx); }

/* ---- answers ---- */

static void free_conn(struct http_conn *conn)
{
	if (conn->server) {
		*conn->link = conn->next;
		if (conn->next)
			conn->next->link = conn->link;
		conn->server->conn_count--;
		http_server_gone(conn->server);
	}
	free(conn);
}

static void answer(struct http_call *call, const struct http_reply *reply)
{
	struct http_conn *conn = (struct http_conn *)call;
	CHECK(conn->is_asked);
	conn->is_asked = false;
	if (conn->state != HTTP_ASKED) {
		if (conn->server)
			conn->server->stats.abandoned++;
		if (conn->state == HTTP_GONE)
			free_conn(conn);
		return;
	}
	conn->state = HTTP_READING;
	http_reply_send(conn, reply);
	if (conn->closes)
		http_stream_drain(conn);
	else if (!conn->is_running)
		loop_defer(conn->server->loop, &conn->rest);
}

static const struct http_call_ops ops = { answer, http_ws_upgrade };

/* ---- beginning and end ---- */

/* The buffers' own limits are the last resort behind the counted ones: TLS makes more
 * bytes of what is sent, and gives one read's bytes together with the record before. */
struct http_conn *http_conn_create(struct http_server *server)
{
	struct http_conn *conn = calloc(1, sizeof *conn);
	if (!conn || uv_tcp_init(loop_uv(server->loop), &conn->uv.tcp)) {
		free(conn);
		return NULL;
	}
	size_t out = server->config.answer_bytes_max + HTTP_QUEUED_BYTES;
	conn->call.ops = &ops;
	conn->server = server;
	conn->uv.handle.data = conn->write.data = conn;
	conn->rest = (struct loop_task){ .fn = run_rest, .ctx = conn };
	conn->deadline = (struct timer){ .fn = on_deadline, .ctx = conn };
	http_parser_init(&conn->parser, server->config.body_bytes_max);
	buf_init(&conn->in, HTTP_IN_BYTES + 3 * HTTP_READ_BYTES);
	buf_init(&conn->filling, out + out / 8);
	buf_init(&conn->sending, out + out / 8);
	conn->next = server->conns;
	conn->link = &server->conns;
	if (conn->next)
		conn->next->link = &conn->next;
	server->conns = conn;
	server->conn_count++;
	server->stats.open++;
	return conn;
}

void http_conn_begin(struct http_conn *conn)
{
	conn->state = HTTP_READING;
	http_conn_settle(conn);
}

/* Whoever still has the call answers it into nothing. */
void http_conn_closed(struct http_conn *conn)
{
	struct http_server *server = conn->server;
	timers_cancel(loop_timers(server->loop), &conn->deadline);
	loop_task_cancel(&conn->flush);
	loop_task_cancel(&conn->rest);
	release_body(conn);
	http_ws_closed(conn);
	server->stats.open--;
	tls_destroy(conn->tls);
	http_parser_deinit(&conn->parser);
	buf_deinit(&conn->in);
	buf_deinit(&conn->filling);
	buf_deinit(&conn->sending);
	conn->state = HTTP_GONE;
	if (!conn->is_asked)
		free_conn(conn);
	else
		http_server_gone(server);
}
