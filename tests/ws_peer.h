/* ws_peer.h - the server's end of a WebSocket, blocking, over a socket or TLS on it:
 * the upgrade, frames as they are said, frames as they come. Calls return false when
 * the other end is gone or silent for PEER_SILENCE_S. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

enum { PEER_SILENCE_S = 20, PEER_REQUEST_BYTES = 8192, PEER_HEAD_BYTES = 10 };

enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_OP_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

struct ws_peer {
	int fd;
	SSL *ssl;                         /* NULL: plain */
	char request[PEER_REQUEST_BYTES]; /* NUL-terminated */
};

/* Listens on the address, at a port of the kernel's choice. -1: it has no such address. */
static inline int peer_listen(const char *address, uint16_t *port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in ip4;
		struct sockaddr_in6 ip6;
	} at = { 0 };
	bool is_ip6 = strchr(address, ':') != NULL;
	socklen_t size = is_ip6 ? sizeof at.ip6 : sizeof at.ip4;
	at.any.sa_family = is_ip6 ? AF_INET6 : AF_INET;
	inet_pton(at.any.sa_family, address,
		  is_ip6 ? (void *)&at.ip6.sin6_addr : (void *)&at.ip4.sin_addr);
	int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, &at.any, size) || listen(fd, 64)) {
		close(fd);
		return -1;
	}
	getsockname(fd, &at.any, &size);
	*port = ntohs(is_ip6 ? at.ip6.sin6_port : at.ip4.sin_port);
	return fd;
}

static inline bool peer_read_some(struct ws_peer *peer, void *at, size_t size, size_t *got)
{
	ssize_t n = peer->ssl ? SSL_read(peer->ssl, at, (int)size) : recv(peer->fd, at, size, 0);
	*got = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static inline bool peer_read(struct ws_peer *peer, void *at, size_t size)
{
	for (size_t got; size; size -= got, at = (char *)at + got)
		if (!peer_read_some(peer, at, size, &got))
			return false;
	return true;
}

static inline bool peer_write(struct ws_peer *peer, const void *bytes, size_t size)
{
	while (size) {
		ssize_t n = peer->ssl ? SSL_write(peer->ssl, bytes, (int)size)
				      : send(peer->fd, bytes, size, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		bytes = (const char *)bytes + n;
		size -= (size_t)n;
	}
	return true;
}

static inline bool peer_say(struct ws_peer *peer, const char *text)
{
	return peer_write(peer, text, strlen(text));
}

/* Takes the next connection; with tls, does the handshake. */
static inline bool peer_accept(struct ws_peer *peer, int listener, SSL_CTX *tls)
{
	struct timeval silence = { PEER_SILENCE_S, 0 };
	int one = 1;
	*peer = (struct ws_peer){ .fd = accept(listener, NULL, NULL) };
	if (peer->fd < 0)
		return false;
	setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
	setsockopt(peer->fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
	if (!tls)
		return true;
	peer->ssl = SSL_new(tls);
	SSL_set_fd(peer->ssl, peer->fd);
	return SSL_accept(peer->ssl) == 1;
}

static inline void peer_close(struct ws_peer *peer)
{
	SSL_free(peer->ssl);
	if (peer->fd >= 0)
		close(peer->fd);
	peer->ssl = NULL;
	peer->fd = -1;
}

/* The next thing the other end sees is a reset. */
static inline void peer_reset(struct ws_peer *peer)
{
	struct linger now = { 1, 0 };
	setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	peer_close(peer);
}

/* The request goes to peer->request. */
static inline bool peer_read_request(struct ws_peer *peer)
{
	size_t len = 0, got;
	while (!strstr(peer->request, "\r\n\r\n")) {
		if (len + 1 >= sizeof peer->request ||
		    !peer_read_some(peer, peer->request + len, sizeof peer->request - 1 - len,
				    &got))
			return false;
		len += got;
		peer->request[len] = 0;
	}
	return true;
}

/* The value of a header of the request, up to its end of line; "" when absent. */
static inline const char *peer_header(const struct ws_peer *peer, const char *name, char *out,
				      size_t size)
{
	char line[64];
	snprintf(line, sizeof line, "\r\n%s: ", name);
	const char *at = strcasestr(peer->request, line);
	out[0] = 0;
	if (at) {
		at += strlen(line);
		snprintf(out, size, "%.*s", (int)strcspn(at, "\r"), at);
	}
	return out;
}

static inline void peer_print_switch(const struct ws_peer *peer, char *out, size_t size)
{
	char key[128];
	unsigned char hash[SHA_DIGEST_LENGTH], text[32];
	peer_header(peer, "Sec-WebSocket-Key", key, sizeof key - 40);
	strcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
	SHA1((const unsigned char *)key, strlen(key), hash);
	EVP_EncodeBlock(text, hash, sizeof hash);
	snprintf(out, size,
		 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		 "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		 (char *)text);
}

static inline bool peer_upgrade(struct ws_peer *peer)
{
	char answer[256];
	if (!peer_read_request(peer))
		return false;
	peer_print_switch(peer, answer, sizeof answer);
	return peer_say(peer, answer);
}

/* At most PEER_HEAD_BYTES; the length. */
static inline size_t peer_head(unsigned char *out, enum ws_opcode opcode, bool is_final, size_t len)
{
	out[0] = (unsigned char)((is_final ? 0x80 : 0) | opcode);
	if (len < 126) {
		out[1] = (unsigned char)len;
		return 2;
	}
	int bytes = len < 65536 ? 2 : 8;
	out[1] = bytes == 2 ? 126 : 127;
	for (int i = 0; i < bytes; i++)
		out[2 + i] = (unsigned char)(len >> 8 * (bytes - 1 - i));
	return 2 + (size_t)bytes;
}

static inline bool peer_send(struct ws_peer *peer, enum ws_opcode opcode, bool is_final,
			     const void *payload, size_t len)
{
	unsigned char head[PEER_HEAD_BYTES];
	return peer_write(peer, head, peer_head(head, opcode, is_final, len)) &&
	       (!len || peer_write(peer, payload, len));
}

static inline bool peer_send_text(struct ws_peer *peer, const char *text)
{
	return peer_send(peer, WS_TEXT, true, text, strlen(text));
}

static inline bool peer_send_close(struct ws_peer *peer, int code, const char *reason)
{
	unsigned char payload[125];
	size_t len = strlen(reason);
	payload[0] = (unsigned char)(code >> 8);
	payload[1] = (unsigned char)code;
	memcpy(payload + 2, reason, len);
	return peer_send(peer, WS_OP_CLOSE, true, payload, len + 2);
}

struct ws_got {
	enum ws_opcode opcode;
	bool is_final, is_masked;
	size_t len;
	unsigned char payload[256 * 1024];
};

/* The next frame, unmasked. False also when it is longer than `payload`. */
static inline bool peer_get(struct ws_peer *peer, struct ws_got *got)
{
	unsigned char head[2], more[8], mask[4] = { 0 };
	if (!peer_read(peer, head, 2))
		return false;
	got->opcode = head[0] & 15;
	got->is_final = head[0] & 0x80;
	got->is_masked = head[1] & 0x80;
	got->len = head[1] & 127;
	if (got->len >= 126) {
		size_t bytes = got->len == 126 ? 2 : 8;
		if (!peer_read(peer, more, bytes))
			return false;
		got->len = 0;
		for (size_t i = 0; i < bytes; i++)
			got->len = got->len << 8 | more[i];
	}
	if (got->len > sizeof got->payload || (got->is_masked && !peer_read(peer, mask, 4)) ||
	    !peer_read(peer, got->payload, got->len))
		return false;
	for (size_t i = 0; i < got->len; i++)
		got->payload[i] ^= mask[i & 3];
	return true;
}

/* Until the other end is gone. */
static inline void peer_wait_end(struct ws_peer *peer)
{
	char bytes[4096];
	size_t got;
	while (peer_read_some(peer, bytes, sizeof bytes, &got))
		;
}
