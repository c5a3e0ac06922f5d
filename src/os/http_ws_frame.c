#include "os/http_ws_frame.h"

#include <openssl/evp.h>

#include "base/check.h"

enum {
	FIN = 0x80,
	RESERVED = 0x70,
	OPCODE = 0x0f,
	MASKED = 0x80,
	MASK_BYTES = 4,
	KEY_TEXT_BYTES = 24,
	SHA1_BYTES = 20,
};

void http_ws_reader_init(struct http_ws_reader *reader)
{
	*reader = (struct http_ws_reader){ .head_len = 0 };
	buf_init(&reader->message, HTTP_WS_IN_BYTES);
	reader->control = buf_over(reader->control_bytes, sizeof reader->control_bytes);
}

void http_ws_reader_deinit(struct http_ws_reader *reader) { buf_deinit(&reader->message); }

static enum http_ws_told bad(struct http_ws_reader *reader, int code, const char *why)
{
	reader->ended = true;
	reader->code = code;
	reader->why = why;
	return HTTP_WS_BAD;
}

/* ---- the head of a frame ---- */

static enum http_ws_opcode opcode_of(const struct http_ws_reader *reader)
{
	return (enum http_ws_opcode)(reader->head[0] & OPCODE);
}

static bool is_control(const struct http_ws_reader *reader) { return (opcode_of(reader) & 8) != 0; }

/* Bytes of the length behind the second byte. */
static size_t length_bytes(const struct http_ws_reader *reader)
{
	unsigned small = reader->head[1] & 0x7f;
	return small == 126 ? 2 : small == 127 ? 8 : 0;
}

static uint64_t payload_length(const struct http_ws_reader *reader)
{
	size_t n = length_bytes(reader);
	uint64_t length = n ? 0 : reader->head[1] & 0x7f;
	for (size_t i = 0; i < n; i++)
		length = length << 8 | reader->head[2 + i];
	return length;
}

static const char *fault_of_first_bytes(const struct http_ws_reader *reader)
{
	if (reader->head[0] & RESERVED)
		return "a reserved bit is set";
	if (reader->head_len < 2)
		return NULL;
	if (!(reader->head[1] & MASKED))
		return "a client's frame is not masked";
	switch (opcode_of(reader)) {
	case HTTP_WS_CONTINUATION: return reader->in_message ? NULL : "a continuation of nothing";
	case HTTP_WS_TEXT:
	case HTTP_WS_BINARY: return reader->in_message ? "a message begins inside another" : NULL;
	case HTTP_WS_CLOSE:
	case HTTP_WS_PING:
	case HTTP_WS_PONG:
		if (!(reader->head[0] & FIN))
			return "a control frame is in fragments";
		return (reader->head[1] & 0x7f) > HTTP_WS_CONTROL_BYTES
			   ? "a control frame is longer than 125 bytes"
			   : NULL;
	}
	return "an opcode that is reserved";
}

/* The head is whole. */
static enum http_ws_told begin_payload(struct http_ws_reader *reader)
{
	size_t n = length_bytes(reader);
	uint64_t length = payload_length(reader);
	if ((n == 2 && length < 126) || (n == 8 && length <= UINT16_MAX) || length >> 63)
		return bad(reader, HTTP_WS_PROTOCOL, "a length is not in its shortest form");
	if (opcode_of(reader) == HTTP_WS_BINARY)
		return bad(reader, HTTP_WS_UNSUPPORTED, "messages are texts");
	if (!is_control(reader) && length > HTTP_WS_IN_BYTES - reader->message.len)
		return bad(reader, HTTP_WS_TOO_BIG, "a message is longer than 64 KiB");
	reader->left = length;
	reader->at = 0;
	reader->in_payload = true;
	return HTTP_WS_MORE;
}

static enum http_ws_told take_head(struct http_ws_reader *reader, struct str *in)
{
	while (in->len) {
		reader->head[reader->head_len++] = (uint8_t)in->ptr[0];
		*in = str_skip(*in, 1);
		const char *why = fault_of_first_bytes(reader);
		if (why)
			return bad(reader, HTTP_WS_PROTOCOL, why);
		if (reader->head_len >= 2 &&
		    reader->head_len == 2 + length_bytes(reader) + MASK_BYTES)
			return begin_payload(reader);
	}
	return HTTP_WS_MORE;
}

/* ---- what a frame says ---- */

static bool is_utf8(struct str text)
{
	while (text.len) {
		size_t n = str_utf8_len(text);
		if (!n)
			return false;
		text = str_skip(text, n);
	}
	return true;
}

/* RFC 6455, 7.4: what an endpoint may send. */
static bool is_close_code(int code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

static enum http_ws_told end_close(struct http_ws_reader *reader)
{
	struct str said = buf_str(&reader->control);
	if (said.len == 1)
		return bad(reader, HTTP_WS_PROTOCOL, "a close code is half a one");
	int code = said.len ? (uint8_t)said.ptr[0] << 8 | (uint8_t)said.ptr[1] : 0;
	if (said.len && !is_close_code(code))
		return bad(reader, HTTP_WS_PROTOCOL, "a close code that may not be sent");
	if (!is_utf8(str_skip(said, 2)))
		return bad(reader, HTTP_WS_NOT_UTF8, "a close reason is not UTF-8");
	reader->ended = true;
	reader->code = code;
	return HTTP_WS_GOT_CLOSE;
}

static enum http_ws_told end_frame(struct http_ws_reader *reader)
{
	bool fin = reader->head[0] & FIN;
	reader->in_payload = false;
	reader->head_len = 0;
	if (is_control(reader)) {
		reader->told = opcode_of(reader) != HTTP_WS_CLOSE;
		switch (opcode_of(reader)) {
		case HTTP_WS_PING: return HTTP_WS_GOT_PING;
		case HTTP_WS_PONG: return HTTP_WS_GOT_PONG;
		default: return end_close(reader);
		}
	}
	reader->in_message = !fin;
	if (!fin)
		return HTTP_WS_MORE;
	if (!is_utf8(buf_str(&reader->message)))
		return bad(reader, HTTP_WS_NOT_UTF8, "a text is not UTF-8");
	reader->told = true;
	return HTTP_WS_MESSAGE;
}

static void unmask(struct http_ws_reader *reader, const char *from, size_t n, char *to)
{
	const uint8_t *mask = &reader->head[2 + length_bytes(reader)];
	for (size_t i = 0; i < n; i++)
		to[i] = (char)((uint8_t)from[i] ^ mask[(reader->at + i) % MASK_BYTES]);
	reader->at += n;
	reader->left -= n;
}

static enum http_ws_told take_payload(struct http_ws_reader *reader, struct str *in)
{
	struct buf *out = is_control(reader) ? &reader->control : &reader->message;
	size_t n = in->len < reader->left ? in->len : (size_t)reader->left;
	char *to = n ? buf_reserve(out, n) : NULL;
	if (n && !to)
		return bad(reader, HTTP_WS_TOO_BIG, "no memory for a message");
	if (n) {
		unmask(reader, in->ptr, n, to);
		out->len += n;
		*in = str_skip(*in, n);
	}
	return reader->left ? HTTP_WS_MORE : end_frame(reader);
}

/* What was told of goes: fragments of a message live on through control frames. */
static void forget_told(struct http_ws_reader *reader)
{
	if (!reader->told)
		return;
	reader->told = false;
	buf_clear(&reader->control);
	if (!reader->in_message)
		buf_clear(&reader->message);
}

enum http_ws_told http_ws_read(struct http_ws_reader *reader, struct str *in)
{
	enum http_ws_told told = HTTP_WS_MORE;
	CHECK(!reader->ended);
	forget_told(reader);
	while (told == HTTP_WS_MORE && (in->len || (reader->in_payload && !reader->left)))
		told = reader->in_payload ? take_payload(reader, in) : take_head(reader, in);
	return told;
}

/* ---- out ---- */

size_t http_ws_head_bytes(size_t payload)
{
	return payload < 126 ? 2 : payload <= UINT16_MAX ? 4 : 10;
}

void http_ws_frame_put(struct buf *out, enum http_ws_opcode opcode, struct str payload)
{
	size_t n = http_ws_head_bytes(payload.len) - 2;
	buf_char(out, (char)(FIN | opcode));
	buf_char(out, (char)(n == 0 ? payload.len : n == 2 ? 126 : 127));
	while (n-- > 0)
		buf_char(out, (char)(payload.len >> 8 * n));
	buf_str_put(out, payload);
}

void http_ws_close_put(struct buf *out, int code, struct str reason)
{
	char storage[HTTP_WS_CONTROL_BYTES];
	struct buf payload = buf_over(storage, sizeof storage);
	if (code) {
		buf_char(&payload, (char)(code >> 8));
		buf_char(&payload, (char)code);
		buf_put(&payload, reason.ptr,
			reason.len < sizeof storage - 2 ? reason.len : sizeof storage - 2);
	}
	http_ws_frame_put(out, HTTP_WS_CLOSE, buf_str(&payload));
}

/* ---- the handshake ---- */

bool http_ws_key_is_good(struct str key)
{
	unsigned char bytes[KEY_TEXT_BYTES];
	if (key.len != KEY_TEXT_BYTES || key.ptr[22] != '=' || key.ptr[23] != '=' ||
	    str_find_char(key, '=') != 22)
		return false;
	return EVP_DecodeBlock(bytes, (const unsigned char *)key.ptr, KEY_TEXT_BYTES) == 18;
}

enum status http_ws_accept(struct str key, char out[HTTP_WS_KEY_BYTES])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[KEY_TEXT_BYTES + sizeof guid];
	unsigned char digest[EVP_MAX_MD_SIZE];
	char encoded[HTTP_WS_KEY_BYTES + 1];
	unsigned n = 0;
	CHECK(key.len == KEY_TEXT_BYTES);
	memcpy(text, key.ptr, KEY_TEXT_BYTES);
	memcpy(text + KEY_TEXT_BYTES, guid, sizeof guid - 1);
	if (!EVP_Digest(text, KEY_TEXT_BYTES + sizeof guid - 1, digest, &n, EVP_sha1(), NULL) ||
	    n != SHA1_BYTES)
		return STATUS_UNAVAILABLE;
	EVP_EncodeBlock((unsigned char *)encoded, digest, SHA1_BYTES);
	memcpy(out, encoded, HTTP_WS_KEY_BYTES);
	return STATUS_OK;
}
