/* http_ws_frame.h - WebSocket frames (RFC 6455), the server's side: no socket, no clock.
 *
 * In: frames of a client, masked, however cut; fragments become messages. Refused, with the
 * code that a close frame says: 1002 a frame that may not be so (not masked, a reserved bit
 * or opcode, a fragment out of place, a control frame that is long or in fragments, a
 * length not in its shortest form, a close code that may not be sent), 1003 a binary
 * message, 1007 a text that is not UTF-8, 1009 a message over HTTP_WS_IN_BYTES. Out: whole
 * messages, not masked. No extension is spoken. */
#pragma once

#include "base/buf.h"

enum {
	HTTP_WS_IN_BYTES = 64 * 1024, /* of a message, its fragments together */
	HTTP_WS_OUT_BYTES = 1 << 20,
	HTTP_WS_CONTROL_BYTES = 125,
	HTTP_WS_FRAME_HEAD_BYTES = 14,
	HTTP_WS_KEY_BYTES = 28, /* of Sec-WebSocket-Accept */
};

enum http_ws_opcode {
	HTTP_WS_CONTINUATION = 0,
	HTTP_WS_TEXT = 1,
	HTTP_WS_BINARY = 2,
	HTTP_WS_CLOSE = 8,
	HTTP_WS_PING = 9,
	HTTP_WS_PONG = 10,
};

enum http_ws_close {
	HTTP_WS_NORMAL = 1000,
	HTTP_WS_GOING_AWAY = 1001,
	HTTP_WS_PROTOCOL = 1002,
	HTTP_WS_UNSUPPORTED = 1003,
	HTTP_WS_NOT_UTF8 = 1007,
	HTTP_WS_POLICY = 1008,
	HTTP_WS_TOO_BIG = 1009,
};

enum http_ws_told {
	HTTP_WS_MORE,     /* all bytes are taken */
	HTTP_WS_MESSAGE,  /* a text: reader->message */
	HTTP_WS_GOT_PING, /* reader->control: to be answered with a pong of the same */
	HTTP_WS_GOT_PONG,
	HTTP_WS_GOT_CLOSE, /* reader->code (0: none was said); nothing follows */
	HTTP_WS_BAD,       /* reader->code, reader->why; nothing more can be read */
};

struct http_ws_reader {
	struct buf message;
	struct buf control;
	char control_bytes[HTTP_WS_CONTROL_BYTES];
	uint8_t head[HTTP_WS_FRAME_HEAD_BYTES];
	size_t head_len;
	uint64_t left, at; /* of the payload: to come, taken */
	bool in_payload;
	bool in_message; /* fragments of one have come, and more are to */
	bool told;       /* message or control was told: it goes with the next bytes */
	bool ended;
	int code;
	const char *why;
};

void http_ws_reader_init(struct http_ws_reader *reader);
void http_ws_reader_deinit(struct http_ws_reader *reader);
/* Takes from the front of *in. What it tells of lives until the next call. */
MUST_CHECK enum http_ws_told http_ws_read(struct http_ws_reader *reader, struct str *in);

/* Bytes of a frame's head before so much payload. */
size_t http_ws_head_bytes(size_t payload);
/* One whole frame of the server's. */
void http_ws_frame_put(struct buf *out, enum http_ws_opcode opcode, struct str payload);
/* A close frame; code 0: without one. The reason is cut to what fits. */
void http_ws_close_put(struct buf *out, int code, struct str reason);

/* Is the value of Sec-WebSocket-Key 16 bytes in base64; then its answer, without a NUL. */
bool http_ws_key_is_good(struct str key);
MUST_CHECK enum status http_ws_accept(struct str key, char out[HTTP_WS_KEY_BYTES]);
