/* ws.h - WebSocket connections to venues: port/ws_client over libwebsockets on the loop.
 *
 * Names are resolved by uv_getaddrinfo (libwebsockets' own resolver would block the
 * loop) and their addresses tried one after the other, each for its share of the time
 * that is left; the URL's host is what Host, SNI and the certificate are about. TLS, 1.2
 * at least, is verified against the system's authorities, or against `ca_file` alone.
 * Compression is not offered: venues' frames are small and decoding them costs more than
 * their bytes. No proxy is taken from the environment.
 *
 * Fragments are put together. A message longer than message_bytes_max closes the
 * connection with 1009, as soon as its length is announced. Text is not checked to be
 * UTF-8, and binary messages are messages: decoders judge every byte anyway. What waits
 * to be sent is bounded. A frame costs no allocation once the connection is open, a
 * message longer than 64 KB may while it is the longest so far.
 *
 * on_close's reason is a line for people: `stream.example: name not found (...)`,
 * `192.0.2.1 port 443: Connection refused`, `TLS: the certificate has expired`, `the
 * server refused the upgrade: HTTP 429, retry after 37`, `timed out after 10 s
 * connecting`, `the server closed the connection (1008): ...`. The address named is the
 * last one tried. The code is the server's, 1005 when its close frame has none; of the
 * codes below 3000 libwebsockets 4.1 knows those up to 1011 and makes 1002 of the others
 * (1012 to 1014), with the reason left as it is.
 *
 * Opening a URL whose host has more than 100 bytes or whose path and query have more than
 * 2,000 is INVALID (libwebsockets would cut them): many streams are subscribed by a
 * message instead. Opening more than connections_max is FULL. While paused, a connection
 * answers no pings either. A message lives until on_message returns or destroys its
 * client. Uses 2 timers a connection of the loop's heap. Loop thread only. */
#pragma once

#include "os/loop.h"
#include "port/ws_client.h"

struct ws_context; /* one libwebsockets context, one TLS context per ca_file */

struct ws_config {
	const char *ca_file;      /* NULL or "": the system's authorities; copied */
	int64_t open_timeout_ns;  /* address, TCP, TLS and upgrade together; 0: 10 s */
	size_t message_bytes_max; /* 0: 1 MiB */
	size_t send_bytes_max;    /* 0: 256 KiB */
	int connections_max;      /* 0: 64 */
};

struct ws_counts {
	uint64_t opens, opened, closes; /* tries, that succeeded, ends */
	uint64_t messages, bytes;       /* taken in, payload */
	uint64_t pings; /* answered; one that came while something was being sent may be missed */
};

MUST_CHECK enum status ws_context_create(struct loop *loop, const struct ws_config *config,
					 struct ws_context **context, struct err *err);
/* Every client is destroyed before. Runs fn(ctx), may be NULL, when libwebsockets has let
 * go of the loop, a few turns later; the context is freed after that. */
void ws_context_close(struct ws_context *context, void (*fn)(void *ctx), void *ctx);
struct ws_maker ws_context_maker(struct ws_context *context);
const struct ws_counts *ws_context_counts(const struct ws_context *context);
