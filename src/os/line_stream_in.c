/* What comes in: turns' shares, TLS, lines. */
#include "base/check.h"
#include "os/line_stream.h"

enum { THROWN_BYTES_MAX = 4 << 20 };

/* ---- a turn's share ---- */

static void enter_turn(struct line_stream *stream)
{
	uint64_t turn = loop_stats(stream->host->loop)->turns;
	if (stream->turn == turn)
		return;
	stream->turn = turn;
	stream->lines_given = 0;
	stream->has_read = false;
}

static bool may_give(const struct line_stream *stream)
{
	return stream->state == LINE_OPEN && !stream->is_paused &&
	       stream->lines_given < LINE_TURN_LINES;
}

static bool may_shake_hands(struct line_host *host)
{
	uint64_t turn = loop_stats(host->loop)->turns;
	if (host->handshake_turn != turn)
		host->handshake_steps = 0;
	host->handshake_turn = turn;
	return host->handshake_steps < LINE_TURN_HANDSHAKES;
}

/* ---- lines ---- */

static void too_long(struct line_stream *stream)
{
	struct line_host *host = stream->host;
	enum status status = STATUS_OK;
	host->stats.long_lines++;
	if (host->too_long_answer.len)
		status = stream->conn.ops->send(&stream->conn, host->too_long_answer);
	if (status == STATUS_OK)
		line_stream_drain(stream, STATUS_RANGE);
}

/* The bound has the LF in it, which is not here, and not a CR before it. */
static bool fits(const struct line_stream *stream, struct str line)
{
	bool has_cr = line.len && line.ptr[line.len - 1] == '\r';
	return line.len - has_cr < stream->host->limits.line_bytes_max;
}

static void give_line(struct line_stream *stream, struct str line)
{
	if (!fits(stream, line)) {
		too_long(stream);
		return;
	}
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	stream->lines_given++;
	stream->host->stats.lines++;
	stream->host->events.on_line(stream->owner, line);
}

/* Gives the whole lines at the front, as many as may be now; what is left. */
static struct str give_lines(struct line_stream *stream, struct str bytes)
{
	while (bytes.len && may_give(stream)) {
		size_t len = str_find_char(bytes, '\n');
		if (len == bytes.len)
			break;
		give_line(stream, str_make(bytes.ptr, len));
		bytes = str_skip(bytes, len + 1);
	}
	return bytes;
}

/* The beginning of a line is in held: what completes it is all that is looked at, so a
 * line costs its bytes however they are cut. */
static struct str complete_held(struct line_stream *stream, struct str bytes)
{
	size_t len = str_find_char(bytes, '\n');
	bool ended = len < bytes.len;
	buf_put(&stream->held, bytes.ptr, len);
	if (!ended || stream->held.overflow)
		return str_skip(bytes, bytes.len);
	give_line(stream, buf_str(&stream->held));
	buf_clear(&stream->held);
	return str_skip(bytes, len + 1);
}

/* After lines were given: held is a line's beginning, or more than this turn's share. */
static void settle(struct line_stream *stream)
{
	stream->has_rest = stream->held.len && !may_give(stream);
	line_buf_trim(&stream->held);
	if (stream->state != LINE_OPEN)
		return;
	if (stream->held.overflow)
		return line_stream_end(stream, STATUS_NO_MEMORY);
	if (!stream->has_rest && !fits(stream, buf_str(&stream->held)))
		too_long(stream);
	if (stream->has_rest && !stream->is_paused && !stream->rest.next) {
		stream->host->stats.postponed++;
		loop_defer(stream->host->loop, &stream->rest);
	}
}

static void take_lines(struct line_stream *stream, struct str bytes)
{
	if (may_give(stream) && !stream->has_rest) {
		if (stream->held.len)
			bytes = complete_held(stream, bytes);
		bytes = give_lines(stream, bytes);
	}
	if (stream->state == LINE_OPEN)
		buf_str_put(&stream->held, bytes);
	settle(stream);
}

static void lost(struct line_stream *stream)
{
	if (stream->state == LINE_OPENING) {
		stream->host->stats.tls_failed++;
		err_set(stream->err, STATUS_CLOSED, "%s: TLS: the other end hung up", stream->peer);
	}
	line_stream_end(stream, STATUS_CLOSED);
}

static void other_end_ended(struct line_stream *stream)
{
	stream->has_ended = true;
	if (stream->state == LINE_OPENING || stream->state == LINE_LINGERING)
		lost(stream);
	else if (!stream->has_rest)
		line_stream_drain(stream, STATUS_OK); /* it only stopped talking */
	line_stream_set_reading(stream);
}

void line_stream_run_rest(void *ctx)
{
	struct line_stream *stream = ctx;
	if (stream->state != LINE_OPEN || stream->is_paused || !stream->has_rest)
		return;
	enter_turn(stream);
	if (!may_give(stream)) { /* this turn's share is used up: in the next */
		loop_defer(stream->host->loop, &stream->rest);
		return;
	}
	struct str left = give_lines(stream, buf_str(&stream->held));
	if (left.len)
		memmove(stream->held.ptr, left.ptr, left.len);
	stream->held.len = left.len;
	settle(stream);
	if (stream->has_ended)
		other_end_ended(stream);
	line_stream_set_reading(stream);
}

/* ---- TLS ---- */

/* After what is queued: OpenSSL has put an alert there that tells the other end. */
static void tls_failed(struct line_stream *stream, enum status status)
{
	stream->host->stats.tls_failed++;
	line_stream_drain(stream, status);
}

static void handshake_failed(struct line_stream *stream, enum status status)
{
	if (status != STATUS_FORMAT)
		return tls_failed(stream, status);
	stream->host->stats.not_tls++;
	line_stream_end(stream, status);
}

/* True: the session is there, and *bytes may hold more. */
static bool shake_hands(struct line_stream *stream, struct str *bytes)
{
	stream->host->handshake_steps++;
	enum status status = tls_handshake(stream->tls, bytes, &stream->filling, stream->err);
	loop_at_end(stream->host->loop, &stream->flush);
	if (status == STATUS_OK)
		line_stream_open(stream);
	else if (status != STATUS_TRUNCATED)
		handshake_failed(stream, err_wrap(stream->err, status, "%s", stream->peer));
	return status == STATUS_OK;
}

/* Half of the loop's scratch has the read; the other takes what it says. */
static void decrypt(struct line_stream *stream, struct str bytes)
{
	char *plain = loop_scratch(stream->host->loop) + LOOP_SCRATCH_BYTES / 2;
	enum status status = STATUS_OK;
	size_t n;
	if (stream->state == LINE_OPENING && !shake_hands(stream, &bytes))
		return;
	while (stream->state == LINE_OPEN && status == STATUS_OK) {
		status =
		    tls_read(stream->tls, &bytes, &stream->filling, plain, LINE_READ_BYTES, &n);
		if (status == STATUS_OK)
			take_lines(stream, str_make(plain, n));
	}
	if (stream->filling.len)
		loop_at_end(stream->host->loop, &stream->flush);
	if (status == STATUS_CLOSED)
		other_end_ended(stream);
	else if (status == STATUS_FORMAT)
		tls_failed(stream, status);
}

/* ---- the socket ---- */

static void throw_away(struct line_stream *stream, size_t n)
{
	stream->thrown_bytes += n;
	if (stream->thrown_bytes > THROWN_BYTES_MAX)
		line_stream_end(stream, STATUS_FULL);
}

static void take(struct line_stream *stream, struct str bytes)
{
	stream->host->stats.bytes_in += bytes.len;
	stream->has_read = true;
	if (stream->state >= LINE_DRAINING)
		throw_away(stream, bytes.len);
	else if (stream->tls)
		decrypt(stream, bytes);
	else
		take_lines(stream, bytes);
	line_stream_set_reading(stream);
}

/* No room: libuv says so to on_read and asks again in the next turn, which costs no
 * system call. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)suggested;
	struct line_stream *stream = handle->data;
	enter_turn(stream);
	bool waits =
	    stream->has_read || (stream->state == LINE_OPENING && !may_shake_hands(stream->host));
	*buf = uv_buf_init(loop_scratch(stream->host->loop), waits ? 0 : LINE_READ_BYTES);
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf)
{
	struct line_stream *stream = handle->data;
	if (stream->state == LINE_CLOSING || n == 0 || n == UV_ENOBUFS)
		return;
	if (n == UV_EOF)
		other_end_ended(stream);
	else if (n < 0)
		lost(stream);
	else
		take(stream, str_make(buf->base, (size_t)n));
}

void line_stream_set_reading(struct line_stream *stream)
{
	bool waits = stream->state == LINE_OPEN && (stream->is_paused || stream->has_rest);
	bool wanted = stream->state != LINE_CLOSING && !stream->has_ended && !waits;
	if (wanted == stream->is_reading)
		return;
	stream->is_reading = wanted;
	if (!wanted)
		uv_read_stop(&stream->uv.stream);
	else if (uv_read_start(&stream->uv.stream, on_alloc, on_read))
		line_stream_end(stream, STATUS_IO);
}
