/* http_server_parse.h - requests of HTTP/1.1 (RFC 9112) out of bytes: no socket, no clock.
 * http_server*.c and its tests.
 *
 * Strict where two readers of one request could differ: lines end in CRLF, no folded
 * lines, no blank before a header's colon, one Host, one Content-Length of digits alone,
 * never both that and Transfer-Encoding, of which only `chunked` is known. The target is
 * a path or http://HOST/path; what is decoded of it must be UTF-8 without control
 * characters, and a segment of `.` or `..` is refused rather than resolved.
 *
 * However the bytes are cut, the result is the same. Bounds: a request's first line 8 KiB
 * (414), its head 16 KiB and 64 headers (431), its body body_bytes_max (413), the line of
 * a chunk 256 bytes, trailers 4 KiB (read and dropped). */
#pragma once

#include "base/buf.h"
#include "port/http_server.h"

enum {
	HTTP_LINE_BYTES = 8 * 1024,
	HTTP_HEAD_BYTES = 16 * 1024,
	HTTP_BODY_BYTES = 1 << 20,
	HTTP_CHUNK_LINE_BYTES = 256,
	HTTP_TRAILER_BYTES = 4 * 1024,
};

enum http_parsed {
	HTTP_MORE,  /* all bytes are taken */
	HTTP_HEAD,  /* the head is whole and has a body behind it: call again */
	HTTP_WHOLE, /* the request is whole; what is left belongs to the next one */
	HTTP_BAD,   /* code and why say it; nothing more can be read */
};

enum http_parse_state {
	HTTP_IN_HEAD,
	HTTP_IN_BODY,
	HTTP_IN_CHUNK_LINE,
	HTTP_IN_CHUNK,
	HTTP_IN_CHUNK_END,
	HTTP_IN_TRAILER,
	HTTP_AT_END,
};

struct http_parser {
	enum http_parse_state state;
	size_t body_bytes_max;
	struct buf head; /* all of its lines */
	struct buf line; /* of a chunk or a trailer */
	size_t line_at;  /* where the line that is being read begins in its buf */
	struct buf path; /* decoded */
	struct buf body;
	size_t left; /* bytes of the body or the chunk that are to come */
	size_t trailer_bytes;
	struct http_header headers[HTTP_HEADERS_MAX];
	size_t n_headers;
	struct str method, query, host;
	bool skipped; /* an empty line before the request: one is */
	bool is_1_0;  /* HTTP/1.0: one answer, then the end */
	bool closes;  /* Connection: close */
	bool expects; /* Expect: 100-continue, and the body has not begun */
	int code;     /* BAD: 400 …, 501 */
	const char *why;
};

void http_parser_init(struct http_parser *parser, size_t body_bytes_max);
void http_parser_deinit(struct http_parser *parser);
/* For the next request; big buffers go back. */
void http_parser_reset(struct http_parser *parser);
/* Takes from the front of *in. */
MUST_CHECK enum http_parsed http_parser_feed(struct http_parser *parser, struct str *in);
/* A byte of the next request has come. */
static inline bool http_parser_began(const struct http_parser *parser)
{
	return parser->state != HTTP_IN_HEAD || parser->head.len > 0;
}
/* A WHOLE request, without peer and is_tls; its texts live until the next reset. */
void http_parser_request(const struct http_parser *parser, struct http_asked *out);

/* Appends what percent-encoded text means; with `plus` a + is a blank (query strings).
 * FORMAT: a % without two hexadecimal digits, or the result is not UTF-8 or has control
 * characters. */
MUST_CHECK enum status http_decode(struct str text, bool plus, struct buf *out);
