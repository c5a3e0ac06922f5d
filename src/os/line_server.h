/* line_server.h - a listener whose connections speak in lines (port/line_conn.h).
 *
 * A unix socket (mode 0600 before anybody can connect) or TCP with SO_REUSEADDR, and
 * on request TLS on it; accepted TCP connections have TCP_NODELAY and a keepalive of
 * 30 s. With TLS on_open comes after the handshake; a client that does not get through it
 * in its time is counted and never seen.
 *
 * Bounds: connections (one more is accepted and closed), bytes of a line (the
 * connection gets too_long_answer and ends with RANGE), bytes waiting to be sent (send
 * returns FULL, the connection ends with FULL), and a share of each turn: one read of
 * 16 KiB and 64 lines of a connection; what is beyond waits for the next turn. An idle
 * connection keeps under 8 KiB (with TLS OpenSSL's session besides).
 *
 * What is sent in a turn goes out in one write at its end. close ends a connection
 * after what is queued, at the latest 5 s later; what the other end still sends then
 * is thrown away for up to 2 s, so that the end does not overtake the last words.
 * on_close runs exactly once for every connection that on_open took; the line_conn
 * is gone after it. Uses one timer of the loop's heap per connection. Loop thread
 * only; callbacks never run inside a call of the owner. */
#pragma once

#include "base/err.h"
#include "os/line_stats.h"
#include "os/loop.h"
#include "port/line_conn.h"

struct line_server;

struct line_server_config {
	const char *unix_path; /* see run_dir.h, socket_path_fit; or host and port */
	const char *host;      /* a numeric address */
	uint16_t port;         /* 0: chosen by the kernel */
	const char *cert_file; /* PEM, see tls.h; both or none: TLS, not on a unix socket */
	const char *key_file;
	size_t connections_max;       /* 0: 64 */
	size_t line_bytes_max;        /* its LF included, a CR before it not; 0: 64 KiB; to 1 MiB */
	size_t outgoing_bytes_max;    /* 0: 4 MiB */
	int64_t handshake_timeout_ns; /* of TLS; 0: 10 s */
	struct str too_long_answer;   /* whole lines, or empty; must outlive the server */
	struct line_events events;    /* copied */
};

/* A unix_path that exists is removed first: the state directory's lock says that it
 * is nobody's. IN_USE, REFUSED, RANGE with the place and the reason in err. */
MUST_CHECK enum status line_server_open(struct loop *loop, const struct line_server_config *config,
					struct line_server **server, struct err *err);
/* Ends every connection (CANCELLED), removes the socket file, then runs fn(ctx). */
void line_server_close(struct line_server *server, void (*fn)(void *ctx), void *ctx);
/* Stops accepting; the connections live on. */
void line_server_stop_listening(struct line_server *server);
uint16_t line_server_port(const struct line_server *server); /* the one bound; 0 for unix */
const struct line_stats *line_server_stats(const struct line_server *server);
