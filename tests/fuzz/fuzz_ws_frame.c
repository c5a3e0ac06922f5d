/* Any bytes as what a WebSocket's client sends: the same messages, or the same end, however
 * they are cut; what is told is within its bounds. */
#include <stdlib.h>

#include "base/check.h"
#include "os/http_ws_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_text(struct str text)
{
	CHECK(text.len <= HTTP_WS_IN_BYTES);
	while (text.len) {
		size_t n = str_utf8_len(text);
		CHECK(n > 0);
		text = str_skip(text, n);
	}
}

/* False: nothing more is read. */
static bool look(const struct http_ws_reader *reader, enum http_ws_told told, struct buf *story)
{
	switch (told) {
	case HTTP_WS_MORE: return true;
	case HTTP_WS_MESSAGE:
		look_at_text(buf_str(&reader->message));
		buf_char(story, 'm');
		buf_str_put(story, buf_str(&reader->message));
		return true;
	case HTTP_WS_GOT_PING:
	case HTTP_WS_GOT_PONG:
		CHECK(reader->control.len <= HTTP_WS_CONTROL_BYTES);
		buf_char(story, told == HTTP_WS_GOT_PING ? 'i' : 'o');
		buf_str_put(story, buf_str(&reader->control));
		return true;
	case HTTP_WS_GOT_CLOSE:
		CHECK(reader->code == 0 || (reader->code >= 1000 && reader->code < 5000));
		buf_printf(story, "c%d", reader->code);
		return false;
	case HTTP_WS_BAD:
		CHECK(reader->why && reader->code >= 1002 && reader->code <= 1009);
		buf_printf(story, "!%d", reader->code);
		return false;
	}
	return false;
}

static void run(struct str bytes, size_t step, struct buf *story)
{
	struct http_ws_reader reader;
	bool goes_on = true;
	http_ws_reader_init(&reader);
	for (size_t at = 0; goes_on && at < bytes.len; at += step) {
		struct str in =
		    str_make(bytes.ptr + at, bytes.len - at < step ? bytes.len - at : step);
		while (goes_on && in.len) {
			enum http_ws_told told = http_ws_read(&reader, &in);
			CHECK(told != HTTP_WS_MORE || !in.len);
			goes_on = look(&reader, told, story);
		}
	}
	http_ws_reader_deinit(&reader);
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
