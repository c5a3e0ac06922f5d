#include "os/http_server_parse.h"

#include "base/check.h"
#include "os/http_server_head.h"

enum { KEPT_BYTES = 2 * 1024, CHUNK_DIGITS_MAX = 8 };

void http_parser_init(struct http_parser *parser, size_t body_bytes_max)
{
	*parser = (struct http_parser){ .body_bytes_max = body_bytes_max };
	buf_init(&parser->head, HTTP_HEAD_BYTES + 1);
	buf_init(&parser->line, HTTP_CHUNK_LINE_BYTES + 1);
	buf_init(&parser->path, HTTP_LINE_BYTES);
	buf_init(&parser->body, body_bytes_max + 1);
}

void http_parser_deinit(struct http_parser *parser)
{
	buf_deinit(&parser->head);
	buf_deinit(&parser->line);
	buf_deinit(&parser->path);
	buf_deinit(&parser->body);
}

static void empty(struct buf *buf)
{
	size_t limit = buf->limit;
	if (buf->cap > KEPT_BYTES) {
		buf_deinit(buf);
		buf_init(buf, limit);
	}
	buf_clear(buf);
}

void http_parser_reset(struct http_parser *parser)
{
	struct http_parser fresh = { .body_bytes_max = parser->body_bytes_max };
	empty(&parser->head);
	empty(&parser->line);
	empty(&parser->path);
	empty(&parser->body);
	fresh.head = parser->head;
	fresh.line = parser->line;
	fresh.path = parser->path;
	fresh.body = parser->body;
	*parser = fresh;
}

static enum http_parsed bad(struct http_parser *parser, int code, const char *why)
{
	parser->state = HTTP_AT_END;
	parser->code = code;
	parser->why = why;
	return HTTP_BAD;
}

static enum http_parsed malformed(struct http_parser *parser, const char *why)
{
	return bad(parser, 400, why);
}

static enum http_parsed end_head(struct http_parser *parser)
{
	const char *why = http_head_read(parser);
	if (why)
		return bad(parser, parser->code ? parser->code : 400, why);
	return parser->state == HTTP_AT_END ? HTTP_WHOLE : HTTP_HEAD;
}

/* ---- lines ---- */

enum taken { TAKEN_PART, TAKEN_LINE, TAKEN_WRONG, TAKEN_FULL };

/* A line, CRLF included, behind buf->line_at; buf's limit is one more than it may have. */
static enum taken take_line(struct http_parser *parser, struct buf *buf, struct str *in)
{
	size_t n = str_find_char(*in, '\n');
	bool ended = n < in->len;
	n += ended;
	if (n >= buf->limit - buf->len)
		return TAKEN_FULL;
	buf_put(buf, in->ptr, n);
	*in = str_skip(*in, n);
	if (!ended)
		return buf->overflow ? TAKEN_FULL : TAKEN_PART;
	if (buf->len - parser->line_at < 2 || buf->ptr[buf->len - 2] != '\r')
		return TAKEN_WRONG;
	return TAKEN_LINE;
}

static enum http_parsed head_too_long(struct http_parser *parser, bool in_first_line)
{
	return in_first_line ? bad(parser, 414, "the first line is too long")
			     : bad(parser, 431, "the head is too long");
}

/* The line is whole. */
static enum http_parsed take_head_line(struct http_parser *parser)
{
	bool is_empty = parser->head.len - parser->line_at == 2;
	bool is_first = parser->line_at == 0;
	if (is_first && !is_empty && parser->head.len > HTTP_LINE_BYTES)
		return head_too_long(parser, true);
	parser->line_at = parser->head.len;
	if (!is_empty)
		return HTTP_MORE;
	if (!is_first)
		return end_head(parser);
	if (parser->skipped)
		return malformed(parser, "empty lines where a request should be");
	parser->skipped = true;
	buf_clear(&parser->head);
	parser->line_at = 0;
	return HTTP_MORE;
}

static enum http_parsed feed_head(struct http_parser *parser, struct str *in)
{
	enum http_parsed parsed = HTTP_MORE;
	while (parsed == HTTP_MORE && in->len) {
		switch (take_line(parser, &parser->head, in)) {
		case TAKEN_PART:
			if (!parser->line_at && parser->head.len > HTTP_LINE_BYTES)
				return head_too_long(parser, true);
			return HTTP_MORE;
		case TAKEN_WRONG: return malformed(parser, "a line does not end in CR LF");
		case TAKEN_FULL: return head_too_long(parser, !parser->line_at);
		case TAKEN_LINE: parsed = take_head_line(parser); break;
		}
	}
	return parsed;
}

/* ---- the body ---- */

/* True: all that was left has come. */
static bool take_body(struct http_parser *parser, struct str *in)
{
	size_t n = in->len < parser->left ? in->len : parser->left;
	buf_put(&parser->body, in->ptr, n);
	*in = str_skip(*in, n);
	parser->left -= n;
	return parser->left == 0;
}

static enum http_parsed end_body(struct http_parser *parser)
{
	if (parser->body.overflow)
		return bad(parser, 503, "no memory for the body");
	parser->state = HTTP_AT_END;
	return HTTP_WHOLE;
}

static enum http_parsed read_chunk_line(struct http_parser *parser, struct str line)
{
	size_t size = 0, digits = 0;
	for (; digits < line.len && http_hex_digit(line.ptr[digits]) >= 0; digits++) {
		if (digits == CHUNK_DIGITS_MAX)
			return malformed(parser, "a chunk's size is too long");
		size = size << 4 | (size_t)http_hex_digit(line.ptr[digits]);
	}
	struct str extension = str_skip(line, digits);
	if (!digits || (extension.len && extension.ptr[0] != ';') ||
	    !http_is_field_value(extension))
		return malformed(parser, "a chunk's size is no number");
	if (size > parser->body_bytes_max - parser->body.len)
		return bad(parser, 413, "the body is too long");
	parser->left = size;
	parser->state = size ? HTTP_IN_CHUNK : HTTP_IN_TRAILER;
	return HTTP_MORE;
}

static enum http_parsed read_trailer(struct http_parser *parser, struct str line)
{
	if (!line.len)
		return end_body(parser);
	parser->trailer_bytes += line.len + 2;
	if (parser->trailer_bytes > HTTP_TRAILER_BYTES)
		return bad(parser, 431, "the trailers are too long");
	return http_is_field_value(line) ? HTTP_MORE
					 : malformed(parser, "a trailer has control characters");
}

static enum http_parsed read_body_line(struct http_parser *parser, struct str line)
{
	switch (parser->state) {
	case HTTP_IN_CHUNK_LINE: return read_chunk_line(parser, line);
	case HTTP_IN_TRAILER: return read_trailer(parser, line);
	default: break;
	}
	parser->state = HTTP_IN_CHUNK_LINE;
	return line.len ? malformed(parser, "a chunk is longer than it said") : HTTP_MORE;
}

static enum http_parsed feed_line(struct http_parser *parser, struct str *in)
{
	parser->line_at = 0;
	switch (take_line(parser, &parser->line, in)) {
	case TAKEN_PART: return HTTP_MORE;
	case TAKEN_WRONG: return malformed(parser, "a line does not end in CR LF");
	case TAKEN_FULL: return malformed(parser, "a chunk's line or a trailer is too long");
	case TAKEN_LINE: break;
	}
	struct str line = str_make(parser->line.ptr, parser->line.len - 2);
	buf_clear(&parser->line);
	return read_body_line(parser, line);
}

static enum http_parsed feed_body(struct http_parser *parser, struct str *in)
{
	switch (parser->state) {
	case HTTP_IN_BODY: return take_body(parser, in) ? end_body(parser) : HTTP_MORE;
	case HTTP_IN_CHUNK:
		if (take_body(parser, in))
			parser->state = HTTP_IN_CHUNK_END;
		return HTTP_MORE;
	default: return feed_line(parser, in);
	}
}

enum http_parsed http_parser_feed(struct http_parser *parser, struct str *in)
{
	enum http_parsed parsed = HTTP_MORE;
	CHECK(parser->state != HTTP_AT_END);
	if (parser->state == HTTP_IN_HEAD)
		return feed_head(parser, in);
	while (parsed == HTTP_MORE && in->len) {
		parser->expects = false;
		parsed = feed_body(parser, in);
	}
	return parsed;
}

void http_parser_request(const struct http_parser *parser, struct http_asked *out)
{
	CHECK(parser->state == HTTP_AT_END && !parser->code);
	*out = (struct http_asked){
		.method = parser->method,
		.path = buf_str(&parser->path),
		.query = parser->query,
		.host = parser->host,
		.headers = parser->headers,
		.n_headers = parser->n_headers,
		.body = buf_str(&parser->body),
	};
	if (!out->body.ptr)
		out->body = STR("");
}
