/* http_server.h - HTTP/1.1 on TCP, with TLS where a certificate is given: what
 * port/http_server.h promises, on the loop.
 *
 * Keep-alive, pipelined requests (one is told at a time, answers go out in their order),
 * chunked and awaited (Expect: 100-continue) bodies, HEAD. Framing is read strictly
 * (os/http_server_parse.h); what cannot be read is answered with 400, 408, 411, 413, 414,
 * 417, 431, 501 or 505 and a problem (http_problem.h), and the connection ends after what is
 * queued; what the other end still sends is thrown away for a while, so that the end does not
 * overtake the answer.
 *
 * Bounds: connections (one more is accepted and closed; calls of clients that are gone
 * count until they are answered); requests whose bodies are longer than 64 KiB or of no
 * stated length and are being read at once (one more gets 503); bytes of all answers on
 * their way (one more gets 503); a share of each turn: one read of 16 KiB and 32 requests
 * of a connection. While a client does not take its answers, nothing more is read of it.
 * An idle connection keeps under 8 KiB (with TLS OpenSSL's session besides).
 *
 * Time-outs: the TLS handshake and a request's head 10 s each, its body 30 s, silence
 * between requests 60 s, an answer by us 60 s (504, and the end), an answer into the
 * client 30 s and 1 s for each 64 KiB of it. One timer of the loop's heap a connection.
 *
 * WebSockets (RFC 6455): only for calls that the owner upgrades; any other Upgrade is
 * ignored. A message in is at most 64 KiB, out 1 MiB, what waits to be sent to one client
 * 2 MiB. A client that was silent for 30 s is pinged and, silent for 30 s more, cut; so is
 * one that takes nothing for the time an answer has.
 *
 * Loop thread only; on_request never runs inside a call of the owner. */
#pragma once

#include "base/err.h"
#include "os/loop.h"
#include "port/http_server.h"

struct http_server;

struct http_server_events {
	void (*on_request)(void *ctx, struct http_call *call, const struct http_asked *asked);
	void *ctx;
};

/* 0: the usual one. */
struct http_server_times {
	int64_t head_ns, body_ns, idle_ns, answer_ns, send_ns, ping_ns;
};

struct http_server_config {
	const char *host;      /* a numeric address */
	uint16_t port;         /* 0: chosen by the kernel */
	const char *cert_file; /* PEM, see tls.h; both or none */
	const char *key_file;
	size_t connections_max;    /* 0: 256 */
	size_t bodies_max;         /* 0: 32 */
	size_t body_bytes_max;     /* of a request; 0: 1 MiB */
	size_t answer_bytes_max;   /* of one, its head included; 0: 16 MiB */
	size_t outgoing_bytes_max; /* of all answers; 0: 64 MiB */
	struct http_server_times times;
	struct str headers; /* whole lines for every answer; "" none; outlives the server */
	struct http_server_events events;
};

struct http_server_stats {
	uint64_t accepted;
	uint64_t over_limit;   /* closed at connections_max */
	uint64_t not_taken;    /* the kernel could not hand one over */
	uint64_t requests;     /* told */
	uint64_t answers[6];   /* by their code's first digit, the server's own too */
	uint64_t bad;          /* requests that could not be read */
	uint64_t late;         /* connections ended by a time-out of theirs, but for idle ones */
	uint64_t slow_readers; /* of them, those that did not take their answer */
	uint64_t bodies_refused, answers_refused; /* 503 at bodies_max, outgoing_bytes_max */
	uint64_t unanswered;                      /* calls not answered by us in time */
	uint64_t abandoned;                       /* answers whose client was gone */
	uint64_t tls_failed;          /* connections ended by TLS, or by first bytes that are not */
	uint64_t open;                /* connections now, those that linger too */
	uint64_t bytes_in, bytes_out; /* on the wire */
	uint64_t ws_opened, ws_open;  /* WebSockets: ever, now */
	uint64_t ws_in, ws_out;       /* their messages */
	uint64_t ws_pings;            /* sent */
	uint64_t ws_bad;              /* ended for a frame that may not be so */
	uint64_t ws_silent;           /* cut: nothing was heard */
	uint64_t ws_refused;          /* messages for which there was no room */
};

/* IN_USE, INVALID with the place and the reason in err. */
MUST_CHECK enum status http_server_open(struct loop *loop, const struct http_server_config *config,
					struct http_server **server, struct err *err);
/* Ends every connection, then runs fn(ctx). Calls that are not answered yet are still to
 * be answered. */
void http_server_close(struct http_server *server, void (*fn)(void *ctx), void *ctx);
/* Stops accepting; the connections live on. */
void http_server_stop_listening(struct http_server *server);
uint16_t http_server_port(const struct http_server *server);
const struct http_server_stats *http_server_stats(const struct http_server *server);
