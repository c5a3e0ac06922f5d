/* line_server.h - a listener whose connections speak in lines (port/line_conn.h).
 *
 * A unix socket (mode 0600 before anybody can connect) or TCP with SO_REUSEADDR.
 * Bounds: connections (one more is accepted and closed), bytes of a line (the
 * connection ends with RANGE), bytes waiting to be sent (send returns FULL, the
 * connection ends with FULL). What is sent in a turn goes out in one write at its
 * end. close ends a connection after what is queued, at the latest 5 s later.
 * on_close runs exactly once for every connection that on_open took; the line_conn
 * is gone after it. Uses one timer of the loop's heap per connection. Loop thread
 * only; callbacks never run inside a call of the owner. */
#pragma once

#include "os/loop.h"
#include "port/line_conn.h"

struct line_server;

struct line_server_config {
	const char *unix_path;     /* see run_dir.h, socket_path_fit; or host and port */
	const char *host;          /* a numeric address */
	uint16_t port;             /* 0: chosen by the kernel */
	size_t connections_max;    /* 0: 64 */
	size_t line_bytes_max;     /* 0: 64 KiB; at most 1 MiB */
	size_t outgoing_bytes_max; /* 0: 4 MiB */
	struct line_events events; /* copied */
};

struct line_server_stats {
	uint64_t accepted;
	uint64_t over_limit; /* closed at once: connections_max */
	uint64_t refused;    /* by on_open */
	uint64_t lines;
	uint64_t long_lines;   /* connections ended by one */
	uint64_t slow_readers; /* connections ended by outgoing_bytes_max */
	uint64_t open;         /* now */
	uint64_t bytes_in, bytes_out;
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
const struct line_server_stats *line_server_stats(const struct line_server *server);
