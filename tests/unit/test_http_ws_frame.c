/* Frames of WebSockets: what a server takes, however it is cut, what it refuses, and what it
 * sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/http_ws_frame.h"
#include "os/http_ws_shake.h"

struct stage {
	struct http_ws_reader reader;
	struct buf in;
	char storage[200000];
};

static int setup(void **state)
{
	static struct stage stage;
	http_ws_reader_init(&stage.reader);
	stage.in = buf_over(stage.storage, sizeof stage.storage);
	*state = &stage;
	return 0;
}

static int teardown(void **state)
{
	http_ws_reader_deinit(&((struct stage *)*state)->reader);
	return 0;
}

static void again(struct stage *stage)
{
	http_ws_reader_deinit(&stage->reader);
	http_ws_reader_init(&stage->reader);
	buf_clear(&stage->in);
}

/* A frame of a client; first: FIN, reserved bits and opcode. */
static void put(struct stage *stage, unsigned first, struct str payload)
{
	static const uint8_t mask[] = { 0x37, 0xfa, 0x21, 0x3d };
	struct buf *out = &stage->in;
	buf_char(out, (char)first);
	if (payload.len < 126) {
		buf_char(out, (char)(0x80 | payload.len));
	} else if (payload.len <= UINT16_MAX) {
		buf_char(out, (char)(0x80 | 126));
		buf_char(out, (char)(payload.len >> 8));
		buf_char(out, (char)payload.len);
	} else {
		buf_char(out, (char)(0x80 | 127));
		for (int i = 7; i >= 0; i--)
			buf_char(out, (char)((uint64_t)payload.len >> 8 * i));
	}
	buf_put(out, mask, sizeof mask);
	for (size_t i = 0; i < payload.len; i++)
		buf_char(out, (char)((uint8_t)payload.ptr[i] ^ mask[i % 4]));
	assert_false(out->overflow);
}

/* What the bytes come to, given `step` of them at a time; the rest stays. */
static enum http_ws_told feed(struct stage *stage, size_t step)
{
	struct str all = buf_str(&stage->in);
	enum http_ws_told told = HTTP_WS_MORE;
	while (told == HTTP_WS_MORE && all.len) {
		struct str part = str_make(all.ptr, step < all.len ? step : all.len);
		size_t len = part.len;
		told = http_ws_read(&stage->reader, &part);
		all = str_skip(all, len - part.len);
	}
	memmove(stage->in.ptr, all.ptr, all.len);
	stage->in.len = all.len;
	return told;
}

static void expect_message(struct stage *stage, struct str text, size_t step)
{
	assert_int_equal(feed(stage, step), HTTP_WS_MESSAGE);
	assert_true(str_eq(buf_str(&stage->reader.message), text));
}

static void expect_bad(struct stage *stage, int code)
{
	assert_int_equal(feed(stage, 7), HTTP_WS_BAD);
	assert_int_equal(stage->reader.code, code);
	assert_true(stage->reader.why[0] != 0);
	again(stage);
}

static void test_texts_of_all_lengths_however_cut(void **state)
{
	struct stage *stage = *state;
	static const size_t lengths[] = { 0, 1, 125, 126, 127, 4096, 65535, 65536 };
	static const size_t steps[] = { 1, 2, 3, 1000, 1 << 20 };
	static char text[HTTP_WS_IN_BYTES];
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)('a' + i % 26);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
		for (size_t j = 0; j < sizeof steps / sizeof steps[0]; j++) {
			struct str whole = str_make(text, lengths[i]);
			put(stage, 0x81, whole);
			put(stage, 0x81, STR("next"));
			expect_message(stage, whole, steps[j]);
			expect_message(stage, STR("next"), steps[j]);
			assert_int_equal(stage->in.len, 0);
		}
}

static void test_the_frame_of_the_rfc(void **state)
{
	struct stage *stage = *state;
	/* RFC 6455, 5.7: a masked "Hello". */
	buf_put(&stage->in, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
	expect_message(stage, STR("Hello"), 4);
}

static void test_fragments_with_a_ping_between(void **state)
{
	struct stage *stage = *state;
	for (size_t step = 1; step < 40; step++) {
		put(stage, 0x01, STR("one \xd1"));
		put(stage, 0x89, STR("alive?"));
		put(stage, 0x00, STR(""));
		put(stage, 0x8a, STR(""));
		put(stage, 0x80, STR("\x82 two"));
		assert_int_equal(feed(stage, step), HTTP_WS_GOT_PING);
		assert_true(str_eq(buf_str(&stage->reader.control), STR("alive?")));
		assert_int_equal(feed(stage, step), HTTP_WS_GOT_PONG);
		assert_int_equal(stage->reader.control.len, 0);
		expect_message(stage, STR("one \xd1\x82 two"), step);
	}
}

static void test_frames_that_may_not_be_so(void **state)
{
	struct stage *stage = *state;
	static const unsigned reserved[] = { 0xc1, 0xa1, 0x91, 0x83, 0x87, 0x8b, 0x8f };
	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
		put(stage, reserved[i], STR("x"));
		expect_bad(stage, HTTP_WS_PROTOCOL);
	}
	buf_put(&stage->in, "\x81\x05Hello", 7); /* not masked */
	expect_bad(stage, HTTP_WS_PROTOCOL);
	put(stage, 0x80, STR("a continuation of nothing"));
	expect_bad(stage, HTTP_WS_PROTOCOL);
	put(stage, 0x01, STR("a"));
	put(stage, 0x81, STR("b"));
	expect_bad(stage, HTTP_WS_PROTOCOL);
	put(stage, 0x09, STR("a ping in fragments"));
	expect_bad(stage, HTTP_WS_PROTOCOL);
	buf_put(&stage->in, "\x89\xfe\x00\x7e\0\0\0\0", 8); /* a long one */
	expect_bad(stage, HTTP_WS_PROTOCOL);
	buf_put(&stage->in, "\x81\xfe\x00\x7d\0\0\0\0", 8); /* 125 in three bytes */
	expect_bad(stage, HTTP_WS_PROTOCOL);
	buf_put(&stage->in, "\x81\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", 14);
	expect_bad(stage, HTTP_WS_PROTOCOL);
	buf_put(&stage->in, "\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14);
	expect_bad(stage, HTTP_WS_PROTOCOL);
	put(stage, 0x82, STR("binary"));
	expect_bad(stage, HTTP_WS_UNSUPPORTED);
}

static void test_messages_that_are_too_long(void **state)
{
	struct stage *stage = *state;
	static char text[HTTP_WS_IN_BYTES + 1];
	put(stage, 0x81, str_make(text, sizeof text));
	expect_bad(stage, HTTP_WS_TOO_BIG);
	/* Before a byte of it has come. */
	buf_put(&stage->in, "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14);
	expect_bad(stage, HTTP_WS_TOO_BIG);
	put(stage, 0x01, str_make(text, 40000));
	put(stage, 0x80, str_make(text, 40000));
	expect_bad(stage, HTTP_WS_TOO_BIG);
}

static void test_texts_are_utf8(void **state)
{
	struct stage *stage = *state;
	static const struct str bad[] = { { "\xff", 1 },         { "\xc0\x80", 2 },
					  { "\xed\xa0\x80", 3 }, { "\xf4\x90\x80\x80", 4 },
					  { "caf\xc3", 4 },      { "\x80", 1 } };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		put(stage, 0x81, bad[i]);
		expect_bad(stage, HTTP_WS_NOT_UTF8);
	}
	put(stage, 0x81, STR("\xf0\x9f\x8c\x8a caf\xc3\xa9"));
	expect_message(stage, STR("\xf0\x9f\x8c\x8a caf\xc3\xa9"), 1);
}

static void test_closing(void **state)
{
	struct stage *stage = *state;
	static const int good[] = { 1000, 1001, 1003, 1007, 1014, 3000, 4999 };
	static const int wrong[] = { 0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535 };
	char said[2];
	put(stage, 0x88, STR(""));
	assert_int_equal(feed(stage, 3), HTTP_WS_GOT_CLOSE);
	assert_int_equal(stage->reader.code, 0);
	again(stage);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		said[0] = (char)(good[i] >> 8);
		said[1] = (char)good[i];
		put(stage, 0x88, str_make(said, 2));
		assert_int_equal(feed(stage, 1), HTTP_WS_GOT_CLOSE);
		assert_int_equal(stage->reader.code, good[i]);
		again(stage);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		said[0] = (char)(wrong[i] >> 8);
		said[1] = (char)wrong[i];
		put(stage, 0x88, str_make(said, 2));
		expect_bad(stage, HTTP_WS_PROTOCOL);
	}
	put(stage, 0x88, STR("\x03"));
	expect_bad(stage, HTTP_WS_PROTOCOL);
	put(stage, 0x88, STR("\x03\xe8\xff"));
	expect_bad(stage, HTTP_WS_NOT_UTF8);
}

static void expect_out(struct buf *out, const char *head, size_t n, size_t payload)
{
	assert_int_equal(out->len, n + payload);
	assert_memory_equal(out->ptr, head, n);
	assert_int_equal(http_ws_head_bytes(payload), n);
	buf_clear(out);
}

static void test_frames_out(void **state)
{
	(void)state;
	static char text[70000], storage[80000];
	struct buf out = buf_over(storage, sizeof storage);
	http_ws_frame_put(&out, HTTP_WS_TEXT, STR("Hello"));
	expect_out(&out, "\x81\x05Hello", 2, 5);
	http_ws_frame_put(&out, HTTP_WS_TEXT, str_make(text, 125));
	expect_out(&out, "\x81\x7d", 2, 125);
	http_ws_frame_put(&out, HTTP_WS_TEXT, str_make(text, 126));
	expect_out(&out, "\x81\x7e\x00\x7e", 4, 126);
	http_ws_frame_put(&out, HTTP_WS_TEXT, str_make(text, 65535));
	expect_out(&out, "\x81\x7e\xff\xff", 4, 65535);
	http_ws_frame_put(&out, HTTP_WS_TEXT, str_make(text, 65536));
	expect_out(&out, "\x81\x7f\0\0\0\0\0\1\0\0", 10, 65536);
	http_ws_close_put(&out, 1009, STR("big"));
	assert_int_equal(out.len, 7);
	assert_memory_equal(out.ptr,
			    "\x88\x05\x03\xf1"
			    "big",
			    7);
	buf_clear(&out);
	http_ws_close_put(&out, 0, STR("left out"));
	assert_memory_equal(out.ptr, "\x88\x00", 2);
	buf_clear(&out);
	http_ws_close_put(&out, 1000, str_make(text, 300));
	assert_int_equal(out.len, 2 + 125);
}

static void test_the_key_of_the_rfc(void **state)
{
	char accept[HTTP_WS_KEY_BYTES];
	(void)state;
	assert_true(http_ws_key_is_good(STR("dGhlIHNhbXBsZSBub25jZQ==")));
	assert_int_equal(http_ws_accept(STR("dGhlIHNhbXBsZSBub25jZQ=="), accept), STATUS_OK);
	assert_memory_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", HTTP_WS_KEY_BYTES);
	assert_false(http_ws_key_is_good(STR("")));
	assert_false(http_ws_key_is_good(STR("dGhlIHNhbXBsZSBub25jZQ=")));
	assert_false(http_ws_key_is_good(STR("dGhlIHNhbXBsZSBub25jZTEy")));
	assert_false(http_ws_key_is_good(STR("dGhl!HNhbXBsZSBub25jZQ==")));
}

/* ---- the handshake ---- */

static const char *shake(const char *upgrade, const char *connection, const char *version,
			 const char *key, int *code)
{
	static const char *const names[] = { "upgrade", "connection", "sec-websocket-version",
					     "sec-websocket-key" };
	const char *const values[] = { upgrade, connection, version, key };
	struct http_header headers[4];
	struct http_asked asked = { .method = STR("GET"), .headers = headers };
	struct str got;
	for (size_t i = 0; i < 4; i++)
		if (values[i])
			headers[asked.n_headers++] =
			    (struct http_header){ str_of(names[i]), str_of(values[i]) };
	return http_ws_shake(&asked, &got, code);
}

static void test_handshakes(void **state)
{
	static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";
	int code;
	(void)state;
	assert_null(shake("websocket", "Upgrade", "13", key, &code));
	assert_null(shake("WebSocket", "keep-alive, upgrade", "13", key, &code));
	assert_non_null(shake(NULL, "Upgrade", "13", key, &code));
	assert_int_equal(code, 426);
	assert_non_null(shake("h2c", "Upgrade", "13", key, &code));
	assert_int_equal(code, 426);
	assert_non_null(shake("websocket", "keep-alive", "13", key, &code));
	assert_int_equal(code, 426);
	assert_non_null(shake("websocket", "Upgrade", "8", key, &code));
	assert_int_equal(code, 426);
	assert_non_null(shake("websocket", "Upgrade", "13", NULL, &code));
	assert_int_equal(code, 400);
	assert_non_null(shake("websocket", "Upgrade", "13", "short", &code));
	assert_int_equal(code, 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_texts_of_all_lengths_however_cut, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_the_frame_of_the_rfc, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fragments_with_a_ping_between, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_frames_that_may_not_be_so, setup, teardown),
		cmocka_unit_test_setup_teardown(test_messages_that_are_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_texts_are_utf8, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closing, setup, teardown),
		cmocka_unit_test(test_frames_out),
		cmocka_unit_test(test_the_key_of_the_rfc),
		cmocka_unit_test(test_handshakes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
