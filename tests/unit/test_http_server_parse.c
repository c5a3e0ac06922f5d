/* HTTP/1.1 out of bytes: what is a request, what is refused and as what, however it was cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "os/http_server_parse.h"

enum { BODY_MAX = 64 };
#define H "Host: a\r\n"

/* What became of bytes: "GET /p?q host [body]|", one for each request, or "!CODE" at the end;
 * "…" where more must come. */
static void parse(struct str bytes, const size_t *cuts, size_t n_cuts, struct buf *story)
{
	struct http_parser parser;
	enum http_parsed parsed = HTTP_MORE;
	size_t at = 0;
	http_parser_init(&parser, BODY_MAX);
	for (size_t i = 0; i <= n_cuts && parsed != HTTP_BAD; i++) {
		size_t until = i < n_cuts ? cuts[i] : bytes.len;
		/* A copy of its own, so that a look beyond it is seen. */
		char *copy = malloc(until - at + 1);
		memcpy(copy, bytes.ptr + at, until - at);
		struct str in = str_make(copy, until - at);
		at = until;
		while (in.len && parsed != HTTP_BAD) {
			parsed = http_parser_feed(&parser, &in);
			if (parsed == HTTP_WHOLE) {
				struct http_asked asked;
				http_parser_request(&parser, &asked);
				buf_printf(story, "%.*s %.*s?%.*s %.*s [%.*s]|",
					   STR_ARG(asked.method), STR_ARG(asked.path),
					   STR_ARG(asked.query), STR_ARG(asked.host),
					   STR_ARG(asked.body));
				http_parser_reset(&parser);
			}
		}
		free(copy);
	}
	if (parsed == HTTP_BAD) {
		assert_non_null(parser.why);
		buf_printf(story, "!%d", parser.code);
	} else if (http_parser_began(&parser)) {
		buf_printf(story, "…");
	}
	http_parser_deinit(&parser);
}

static void expect(const char *text, size_t len, const char *wanted)
{
	struct rng rng;
	char storage[4096];
	static size_t cuts[70000];
	rng_init(&rng, 5);
	for (int way = 0; way < 12; way++) {
		struct buf story = buf_over(storage, sizeof storage - 1);
		size_t n = 0, at = 0;
		while (way == 1 && at + 1 < len)
			cuts[n++] = ++at;
		while (way > 1 && n < 30 && (at += 1 + rng_below(&rng, len / 8 + 2)) < len)
			cuts[n++] = at;
		parse(str_make(text, len), cuts, n, &story);
		storage[story.len] = 0;
		if (strcmp(storage, wanted) != 0)
			fail_msg("'%.200s' (way %d): '%s', not '%s'", text, way, storage, wanted);
	}
}

struct row {
	const char *text, *wanted;
};

static void expect_all(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect(rows[i].text, strlen(rows[i].text), rows[i].wanted);
}
#define EXPECT_ALL(rows) expect_all(rows, sizeof(rows) / sizeof(rows)[0])

static void test_requests_that_are_right(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "GET / HTTP/1.1\r\n" H "\r\n", "GET /? a []|" },
		{ "GET /a?b=c%20d&e HTTP/1.1\r\n" H "\r\n", "GET /a?b=c%20d&e a []|" },
		{ "\r\nGET / HTTP/1.1\r\nhost:\ta:80 \r\nX: \r\n\r\n", "GET /? a:80 []|" },
		{ "GET http://b:8/x?y HTTP/1.1\r\n" H "\r\n", "GET /x?y b:8 []|" },
		{ "GET https://b HTTP/1.1\r\n" H "\r\n", "GET /? b []|" },
		{ "GET http://b?q HTTP/1.1\r\n" H "\r\n", "GET /?q b []|" },
		{ "GET /%e2%82%ac/%41 HTTP/1.1\r\n" H "\r\n", "GET /€/A? a []|" },
		{ "GET /a%2Fb//..x/.y HTTP/1.1\r\n" H "\r\n", "GET /a/b//..x/.y? a []|" },
		{ "GET / HTTP/1.0\r\n" H "\r\n", "GET /? a []|" },
		{ "GET / HTTP/1.7\r\n" H "\r\n", "GET /? a []|" },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", "POST /? a [abc]|" },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "POST /? a []|" },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 003\r\n\r\nabc", "POST /? a [abc]|" },
		{ "DELETE / HTTP/1.1\r\n" H "\r\n", "DELETE /? a []|" },
		{ "GET / HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi", "GET /? a [hi]|" },
		{ "GET /1 HTTP/1.1\r\n" H "\r\nPUT /2 HTTP/1.1\r\n" H
		  "Content-Length: 1\r\n\r\nxGET /3 HTTP/1.1\r\n" H "\r\n",
		  "GET /1? a []|PUT /2? a [x]|GET /3? a []|" },
		{ "GET / HTTP/1.1\r\n" H, "…" },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nab", "…" },
	};
	EXPECT_ALL(rows);
}

#define CHUNKED "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"

static void test_chunked_bodies(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ CHUNKED "3\r\nabc\r\n0\r\n\r\n", "POST /? a [abc]|" },
		{ CHUNKED "1\r\na\r\n2;x=\"y\"\r\nbc\r\n0;z\r\nT: v\r\nU:\r\n\r\n",
		  "POST /? a [abc]|" },
		{ CHUNKED "0\r\n\r\nGET /n HTTP/1.1\r\n" H "\r\n", "POST /? a []|GET /n? a []|" },
		{ CHUNKED "A\r\n0123456789\r\n00a\r\n0123456789\r\n0\r\n\r\n",
		  "POST /? a [01234567890123456789]|" },
		{ CHUNKED "40\r\n"
			  "0123456789012345678901234567890123456789012345678901234567890123\r\n"
			  "0\r\n\r\n",
		  "POST /? a [0123456789012345678901234567890123456789012345678901234567890123]|" },
		{ CHUNKED "41\r\n", "!413" },
		{ CHUNKED
		  "3f\r\n"
		  "012345678901234567890123456789012345678901234567890123456789012\r\n2\r\n",
		  "!413" },
		{ CHUNKED "ffffffff\r\n", "!413" },
		{ CHUNKED "fffffffff\r\n", "!400" },
		{ CHUNKED "\r\n", "!400" },
		{ CHUNKED "g\r\n", "!400" },
		{ CHUNKED "-1\r\n", "!400" },
		{ CHUNKED "0x1\r\na\r\n", "!400" },
		{ CHUNKED " 1\r\na\r\n", "!400" },
		{ CHUNKED "1 \r\na\r\n", "!400" },
		{ CHUNKED "1\na\r\n", "!400" },
		{ CHUNKED "1;\x01\r\na\r\n", "!400" },
		{ CHUNKED "1\r\nab\r\n", "!400" },
		{ CHUNKED "1\r\na0\r\n\r\n", "!400" },
		{ CHUNKED "0\r\n\x01\r\n\r\n", "!400" },
		{ CHUNKED "0\r\nT: v\n\r\n", "!400" },
		{ CHUNKED "3\r\nabc\r\n0\r\n", "…" },
	};
	EXPECT_ALL(rows);
}

static void test_what_two_readers_could_see_differently_is_refused(void **state)
{
	(void)state;
#define P "POST / HTTP/1.1\r\n"
	static const struct row rows[] = {
		{ P H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!400" },
		{ P H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", "!400" },
		{ P H "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", "!400" },
		{ P H "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "!400" },
		{ P H "Content-Length: 3, 3\r\n\r\nabc", "!400" },
		{ P H "Content-Length: +3\r\n\r\nabc", "!400" },
		{ P H "Content-Length: -3\r\n\r\nabc", "!400" },
		{ P H "Content-Length: 3 3\r\n\r\nabc", "!400" },
		{ P H "Content-Length: 0x3\r\n\r\nabc", "!400" },
		{ P H "Content-Length:\r\n\r\n", "!400" },
		{ P H "Content-Length : 3\r\n\r\nabc", "!400" },
		{ P H " Content-Length: 3\r\n\r\nabc", "!400" },
		{ P H "X: 1\r\n Content-Length: 3\r\n\r\nabc", "!400" },
		{ P H "Content-Length: 3\n\r\nabc", "!400" },
		{ P H "X: a\rContent-Length: 3\r\n\r\n", "!400" },
		{ P H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "!400" },
		{ P H "Transfer-Encoding: gzip, chunked\r\n\r\n", "!501" },
		{ P H "Transfer-Encoding: xchunked\r\n\r\n", "!501" },
		{ P H "Transfer-Encoding: chunked, identity\r\n\r\n", "!501" },
		{ P H "Transfer-Encoding:\x0b"
		      "chunked\r\n\r\n",
		  "!400" },
		{ "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", "!400" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "!400" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "!400" },
		{ "GET / HTTP/1.1\r\n\r\n", "!400" },
		{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", "!400" },
		{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "!400" },
		{ "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "!400" },
		{ "GET http://u@a/ HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET http:///x HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET / HTTP/1.1\n" H "\n", "!400" },
		{ "GET / HTTP/1.1\r\n" H "\n", "!400" },
		{ "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "\nGET / HTTP/1.1\r\n" H "\r\n", "!400" },
	};
	EXPECT_ALL(rows);
	static const char zero[] = P H "X: a\0b\r\n\r\n";
	expect(zero, sizeof zero - 1, "!400");
}

static void test_first_lines_that_are_wrong(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "GET /\r\n" H "\r\n", "!400" },
		{ "GET  / HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET / HTTP/1.1 \r\n" H "\r\n", "!400" },
		{ "GET /\tHTTP/1.1\r\n" H "\r\n", "!400" },
		{ " GET / HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "G@T / HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET a HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET * HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "CONNECT a:80 HTTP/1.1\r\n" H "\r\n", "!501" },
		{ "TRACE / HTTP/1.1\r\n" H "\r\n", "!501" },
		{ "get / HTTP/1.1\r\n" H "\r\n", "!501" },
		{ "BREW /pot HTTP/1.1\r\n" H "\r\n", "!501" },
		{ "GET / http/1.1\r\n" H "\r\n", "!400" },
		{ "GET / HTTP/11\r\n" H "\r\n", "!400" },
		{ "GET / HTTP/1.10\r\n" H "\r\n", "!400" },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "!505" },
		{ "GET / HTTP/0.9\r\n" H "\r\n", "!505" },
		{ "GET /%00 HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /%0a HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /%7f HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /%ff HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /%c0%af HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /%ed%a0%80 HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /% HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /%4 HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /%4g HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /\xe2\x82\xac HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /a#b HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /../etc HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /a/.. HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /a/./b HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /a/%2e%2e/b HTTP/1.1\r\n" H "\r\n", "!400" },
		{ "GET /a%2f..%2fb HTTP/1.1\r\n" H "\r\n", "!400" },
	};
	EXPECT_ALL(rows);
}

static void test_headers_that_are_wrong(void **state)
{
	(void)state;
#define G "GET / HTTP/1.1\r\n" H
	static const struct row rows[] = {
		{ G "X\r\n\r\n", "!400" },
		{ G ": v\r\n\r\n", "!400" },
		{ G "X Y: v\r\n\r\n", "!400" },
		{ G "X\xc3\xa9: v\r\n\r\n", "!400" },
		{ G "X: \x01\r\n\r\n", "!400" },
		{ G "X: \x7f\r\n\r\n", "!400" },
		{ G "Expect: 200-ok\r\n\r\n", "!417" },
		{ "POST / HTTP/1.1\r\n" H "\r\n", "!411" },
		{ "PUT / HTTP/1.1\r\n" H "\r\n", "!411" },
		{ "PATCH / HTTP/1.1\r\n" H "\r\n", "!411" },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 65\r\n\r\n", "!413" },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n", "!413" },
	};
	EXPECT_ALL(rows);
}

static void put_many(struct buf *out, char c, size_t n)
{
	while (n--)
		buf_char(out, c);
}

static void expect_text(struct buf *text, const char *wanted)
{
	assert_false(text->overflow);
	expect(text->ptr, text->len, wanted);
	buf_clear(text);
}

static void test_heads_have_bounds(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, 1 << 20);
	/* A first line of 8 KiB with its end, and a byte more. */
	for (int more = 0; more < 2; more++) {
		buf_printf(&text, "GET /?");
		put_many(&text, 'a', HTTP_LINE_BYTES - 6 - 11 + (size_t)more);
		buf_printf(&text, " HTTP/1.1\r\n" H "\r\n");
		if (more)
			expect_text(&text, "!414");
		else
			buf_clear(&text); /* its story is longer than what a row can hold */
	}
	buf_printf(&text, "GET /");
	put_many(&text, 'a', 60000);
	expect_text(&text, "!414");
	/* A head of 16 KiB, and a byte more. */
	for (int more = 0; more < 2; more++) {
		buf_printf(&text, G "X:");
		put_many(&text, 'v', HTTP_HEAD_BYTES - text.len - 4 + (size_t)more);
		buf_printf(&text, "\r\n\r\n");
		expect_text(&text, more ? "!431" : "GET /? a []|");
	}
	for (int more = 0; more < 2; more++) {
		buf_printf(&text, G);
		for (int i = 1; i < HTTP_HEADERS_MAX + more; i++)
			buf_printf(&text, "X%d: v\r\n", i);
		buf_printf(&text, "\r\n");
		expect_text(&text, more ? "!431" : "GET /? a []|");
	}
	buf_printf(&text, CHUNKED "1;");
	put_many(&text, 'x', HTTP_CHUNK_LINE_BYTES);
	expect_text(&text, "!400");
	buf_printf(&text, CHUNKED "0\r\n");
	for (int i = 0; i < 100; i++)
		buf_printf(&text, "T%d: 0123456789012345678901234567890123456789\r\n", i);
	expect_text(&text, "!431");
	buf_deinit(&text);
}

static void test_the_longest_first_line_is_taken(void **state)
{
	(void)state;
	struct buf text;
	struct http_parser parser;
	struct http_asked asked;
	buf_init(&text, 1 << 20);
	buf_printf(&text, "GET /?");
	put_many(&text, 'a', HTTP_LINE_BYTES - 6 - 11);
	buf_printf(&text, " HTTP/1.1\r\n");
	assert_int_equal(text.len, HTTP_LINE_BYTES);
	buf_printf(&text, H "\r\n");
	http_parser_init(&parser, BODY_MAX);
	struct str in = buf_str(&text);
	assert_int_equal(http_parser_feed(&parser, &in), HTTP_WHOLE);
	http_parser_request(&parser, &asked);
	assert_int_equal(asked.query.len, HTTP_LINE_BYTES - 6 - 11);
	http_parser_deinit(&parser);
	buf_deinit(&text);
}

static void test_connection_and_expect_are_understood(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool closes, expects;
	} rows[] = {
		{ G "\r\n", false, false },
		{ G "Connection: keep-alive\r\n\r\n", false, false },
		{ G "Connection: close\r\n\r\n", true, false },
		{ G "Connection: a, CLOSE ,b\r\n\r\n", true, false },
		{ G "Connection: a\r\nConnection: close\r\n\r\n", true, false },
		{ G "Connection: closed\r\n\r\n", false, false },
		{ "GET / HTTP/1.0\r\n" H "Connection: keep-alive\r\n\r\n", true, false },
		{ P H "Content-Length: 1\r\nExpect: 100-Continue\r\n\r\n", false, true },
		{ P H "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n", false, false },
		{ "POST / HTTP/1.0\r\n" H "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n", true,
		  false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct http_parser parser;
		struct str in = str_of(rows[i].text);
		http_parser_init(&parser, BODY_MAX);
		enum http_parsed parsed = http_parser_feed(&parser, &in);
		assert_true(parsed == HTTP_WHOLE || parsed == HTTP_HEAD);
		assert_int_equal(parser.closes, rows[i].closes);
		assert_int_equal(parser.expects, rows[i].expects);
		http_parser_deinit(&parser);
	}
}

static void test_headers_are_found_by_lower_case_names(void **state)
{
	(void)state;
	struct http_parser parser;
	struct http_asked asked;
	struct str in = STR(G "X-One:  a b \r\nx-one: second\r\nEmpty:\r\n\r\n");
	http_parser_init(&parser, BODY_MAX);
	assert_int_equal(http_parser_feed(&parser, &in), HTTP_WHOLE);
	http_parser_request(&parser, &asked);
	assert_true(str_eq(http_asked_header(&asked, STR("x-one")), STR("a b")));
	struct str empty = http_asked_header(&asked, STR("empty"));
	assert_non_null(empty.ptr);
	assert_int_equal(empty.len, 0);
	assert_null(http_asked_header(&asked, STR("none")).ptr);
	http_parser_deinit(&parser);
}

static void test_percent_decoding(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool plus;
		const char *wanted; /* NULL: refused */
	} rows[] = {
		{ "", false, "" },
		{ "a%20b", false, "a b" },
		{ "a+b", false, "a+b" },
		{ "a+b", true, "a b" },
		{ "%2B", true, "+" },
		{ "%e2%82%AC", true, "€" },
		{ "%", true, NULL },
		{ "%a", true, NULL },
		{ "%ag", true, NULL },
		{ "%00", true, NULL },
		{ "%1f", true, NULL },
		{ "%e2%82", true, NULL },
		{ "%25%2500", true, "%%00" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char storage[64];
		struct buf out = buf_over(storage, sizeof storage);
		enum status status = http_decode(str_of(rows[i].text), rows[i].plus, &out);
		assert_int_equal(status == STATUS_OK, rows[i].wanted != NULL);
		if (rows[i].wanted)
			assert_true(str_eq(buf_str(&out), str_of(rows[i].wanted)));
	}
	char small[3];
	struct buf full = buf_over(small, sizeof small);
	assert_int_equal(http_decode(STR("abcd"), false, &full), STATUS_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_that_are_right),
		cmocka_unit_test(test_chunked_bodies),
		cmocka_unit_test(test_what_two_readers_could_see_differently_is_refused),
		cmocka_unit_test(test_first_lines_that_are_wrong),
		cmocka_unit_test(test_headers_that_are_wrong),
		cmocka_unit_test(test_heads_have_bounds),
		cmocka_unit_test(test_the_longest_first_line_is_taken),
		cmocka_unit_test(test_connection_and_expect_are_understood),
		cmocka_unit_test(test_headers_are_found_by_lower_case_names),
		cmocka_unit_test(test_percent_decoding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
