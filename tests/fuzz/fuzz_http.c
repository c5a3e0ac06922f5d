/* Any bytes as what a client sends: the same requests, or the same refusal, however they are
 * cut; and what a request says of itself holds. */
#include <stdlib.h>

#include "base/check.h"
#include "os/http_server_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 256 };

static void look(const struct http_parser *parser, struct buf *story)
{
	struct http_asked asked;
	http_parser_request(parser, &asked);
	CHECK(asked.path.len && asked.path.ptr[0] == '/' && asked.host.len);
	CHECK(asked.body.len <= BODY_MAX && asked.n_headers <= HTTP_HEADERS_MAX);
	for (struct str rest = asked.path; rest.len;) {
		size_t n = str_utf8_len(rest);
		CHECK(n && (unsigned char)rest.ptr[0] >= 0x20);
		rest = str_skip(rest, n);
	}
	for (size_t i = 0; i < asked.n_headers; i++)
		for (size_t at = 0; at < asked.headers[i].name.len; at++)
			CHECK(asked.headers[i].name.ptr[at] < 'A' ||
			      asked.headers[i].name.ptr[at] > 'Z');
	buf_printf(story, "%zu ", asked.n_headers);
	buf_str_put(story, asked.method);
	buf_str_put(story, asked.path);
	buf_char(story, '?');
	buf_str_put(story, asked.query);
	buf_str_put(story, asked.host);
	buf_str_put(story, asked.body);
	buf_char(story, '|');
}

static void run(struct str bytes, size_t step, struct buf *story)
{
	struct http_parser parser;
	http_parser_init(&parser, BODY_MAX);
	for (size_t at = 0; at < bytes.len; at += step) {
		struct str in =
		    str_make(bytes.ptr + at, bytes.len - at < step ? bytes.len - at : step);
		while (in.len) {
			enum http_parsed parsed = http_parser_feed(&parser, &in);
			if (parsed == HTTP_BAD) {
				CHECK(parser.code >= 400 && parser.code <= 505 && parser.why);
				buf_printf(story, "!%d", parser.code);
				http_parser_deinit(&parser);
				return;
			}
			if (parsed == HTTP_WHOLE) {
				look(&parser, story);
				http_parser_reset(&parser);
			}
			CHECK(parsed != HTTP_MORE || !in.len);
		}
	}
	buf_printf(story, http_parser_began(&parser) ? "…" : ".");
	http_parser_deinit(&parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_make((const char *)data, size);
	struct buf whole, cut;
	buf_init(&whole, 1 << 20);
	buf_init(&cut, 1 << 20);
	run(bytes, size ? size : 1, &whole);
	for (size_t step = 1; step <= 7; step += 3) {
		buf_clear(&cut);
		run(bytes, step, &cut);
		CHECK(str_eq(buf_str(&whole), buf_str(&cut)));
	}
	buf_deinit(&whole);
	buf_deinit(&cut);
	return 0;
}
