/* An answer as bytes. */
#include <stdio.h>
#include <time.h>

#include "os/http_problem.h"
#include "os/http_server_impl.h"

enum { HEAD_BYTES_MAX = 8 * 1024, JOINED_BYTES_MAX = 8 * 1024 };

/* RFC 9110, 5.6.7: English whatever the locale, one for each second. */
const char *http_reply_date(struct http_server *server)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = (time_t)(loop_wall_ns(server->loop) / 1000000000);
	struct tm at;
	if (now != server->date_s && gmtime_r(&now, &at)) {
		snprintf(server->date, sizeof server->date,
			 "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * at.tm_wday,
			 at.tm_mday % 100, months + 3 * at.tm_mon, (at.tm_year + 1900) % 10000,
			 at.tm_hour, at.tm_min, at.tm_sec);
		server->date_s = now;
	}
	return server->date;
}

static void put_text(struct buf *out, const char *text) { buf_str_put(out, str_of(text)); }

static void put_header(struct buf *out, struct str name, struct str value)
{
	buf_str_put(out, name);
	put_text(out, ": ");
	buf_str_put(out, value);
	put_text(out, "\r\n");
}

static void put_content(struct buf *out, const struct http_reply *reply)
{
	put_header(out, STR("Content-Type"), str_of(reply->type));
	put_text(out, "Content-Length: ");
	buf_u64(out, reply->body.len);
	put_text(out, "\r\n");
}

static void put_head(struct http_conn *conn, const struct http_reply *reply)
{
	struct http_server *server = conn->server;
	struct buf *out = &server->reply;
	buf_clear(out);
	put_text(out, "HTTP/1.1 ");
	buf_i64(out, reply->code);
	buf_char(out, ' ');
	put_text(out, http_reason(reply->code));
	put_text(out, "\r\n");
	put_header(out, STR("Date"), str_of(http_reply_date(server)));
	if (reply->code != 304)
		put_content(out, reply);
	buf_str_put(out, reply->lines.ptr ? reply->lines : server->config.headers);
	for (size_t i = 0; i < reply->n_headers; i++)
		put_header(out, reply->headers[i].name, reply->headers[i].value);
	if (conn->closes)
		put_header(out, STR("Connection"), STR("close"));
	put_text(out, "\r\n");
}

/* A short body goes with its head: one record of TLS, one packet. */
static enum status send_parts(struct http_conn *conn, struct str body)
{
	struct buf *out = &conn->server->reply;
	if (body.len <= JOINED_BYTES_MAX) {
		buf_str_put(out, body);
		body.len = 0;
	}
	if (out->overflow)
		return STATUS_FULL;
	enum status status = http_stream_send(conn, buf_str(out));
	return status || !body.len ? status : http_stream_send(conn, body);
}

/* HEAD_BYTES_MAX of the room are kept for the refusals themselves. */
bool http_reply_has_room(const struct http_conn *conn, size_t bytes)
{
	const struct http_server *server = conn->server;
	size_t most = server->config.outgoing_bytes_max, on_way = server->outgoing_bytes;
	return bytes <= server->config.answer_bytes_max - HEAD_BYTES_MAX && on_way <= most &&
	       bytes <= most - on_way; /* heads and refusals go beyond it */
}

void http_reply_send(struct http_conn *conn, const struct http_reply *reply)
{
	static const char no_room_text[] =
	    "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
	    "\"detail\":\"too much is being sent, or the answer is too long\","
	    "\"error\":\"too much is being sent, or the answer is too long\"}";
	static const struct http_reply no_room = {
		.code = 503,
		.type = HTTP_PROBLEM_TYPE,
		.body = { no_room_text, sizeof no_room_text - 1 },
	};
	struct http_server *server = conn->server;
	if (!http_reply_has_room(conn, reply->body.len)) {
		server->stats.answers_refused++;
		reply = &no_room;
	}
	put_head(conn, reply);
	unsigned kind = (unsigned)reply->code / 100;
	server->stats.answers[kind <= 5 ? kind : 0]++;
	if (send_parts(conn, conn->is_head ? (struct str){ 0 } : reply->body))
		http_stream_end(conn);
}
