/* redis_conn.h - one connection to a real Redis server: port/redis over libuv.
 *
 *   BACKOFF -> CONNECTING -> GREETING -> READY      (LOADING beside READY, waiting
 *      ^___________|____________|_________|          on the same connection)
 *
 * Greeting: HELLO 2 with AUTH and SETNAME, SELECT when asked, PING until PONG.
 * Commands are accepted while CONNECTING, GREETING (they wait) and READY; in
 * BACKOFF and LOADING they are refused with CLOSED. What is queued in a turn goes
 * out in one write at the turn's end. Replies come in order. Pending bytes are
 * bounded (FULL). A command whose deadline passes ends with TIMEOUT and its late
 * reply is dropped; when a further deadline passes without one byte from the
 * server, or the connection breaks, all that is pending ends with CLOSED and the
 * connection is made again, with back-off and jitter. A server that is -LOADING is
 * asked again on the same connection. -READONLY and -MASTERDOWN over TCP make the
 * connection anew: the name may lead to the new primary.
 *
 * Every ending other than OK is counted by its status. Uses 2 timers of the loop's
 * heap. Loop thread only; callbacks never run inside a call of the owner. */
#pragma once

#include "os/loop.h"
#include "base/buf.h"
#include "os/redis_timing.h"
#include "port/redis.h"

struct redis_conn;

enum redis_conn_state {
	REDIS_CONN_BACKOFF,
	REDIS_CONN_CONNECTING,
	REDIS_CONN_GREETING,
	REDIS_CONN_LOADING,
	REDIS_CONN_READY,
	REDIS_CONN_CLOSING,
};

struct redis_conn_config {
	const char *unix_path; /* or host and port; copied */
	const char *host;
	uint16_t port;
	const char *user; /* NULL: no AUTH; copied */
	const char *password;
	const char *name; /* for CLIENT LIST; NULL: "weir" */
	int database;
	int64_t deadline_ns;        /* 0: 5 s */
	int64_t backoff_first_ns;   /* 0: 50 ms */
	int64_t backoff_longest_ns; /* 0: 5 s */
	size_t pending_bytes_max;   /* 0: 16 MB */
	uint64_t seed;              /* of the jitter */
	/* May be NULL. on_up: greeted and ready. on_down: was ready, or a try ended
	 * with something else than "nobody listens yet"; err says why in one line. */
	void (*on_up)(void *ctx);
	void (*on_down)(void *ctx, const struct err *why);
	void *ctx;
};

struct redis_conn_stats {
	uint64_t commands, replies;
	uint64_t bytes_out, bytes_in;
	uint64_t connects;     /* that became ready */
	uint64_t tries;        /* connection attempts */
	uint64_t late_replies; /* dropped: their command had timed out */
	/* Commands by how they ended, refusals (FULL, CLOSED) and greetings included. */
	uint64_t endings[STATUS_COUNT];
	struct redis_timing reads, writes; /* answered, late ones too */
};

MUST_CHECK enum status redis_conn_open(struct loop *loop, const struct redis_conn_config *config,
				       struct redis_conn **conn, struct err *err);
/* Ends what is pending with CLOSED, then runs fn(ctx); the connection is freed after
 * that. fn may be NULL. */
void redis_conn_close(struct redis_conn *conn, void (*fn)(void *ctx), void *ctx);

struct redis_port *redis_conn_port(struct redis_conn *conn);
enum redis_conn_state redis_conn_state(const struct redis_conn *conn);
const struct redis_conn_stats *redis_conn_stats(const struct redis_conn *conn);
/* The server's version as HELLO gave it, "" before the first greeting. */
const char *redis_conn_version(const struct redis_conn *conn);
/* The server's process on a unix socket, 0 when not connected. */
int redis_conn_peer_pid(const struct redis_conn *conn);
/* A server is about to listen: try every 2 ms for `for_ns`, without back-off. */
void redis_conn_hurry(struct redis_conn *conn, int64_t for_ns);
/* The credentials of the next greeting; copied. */
void redis_conn_set_auth(struct redis_conn *conn, const char *user, const char *password);

/* The status an error reply stands for, by its first word ("OOM command not
 * allowed…" is REDIS_OOM, unknown words REDIS_ERR). */
enum status redis_error_status(struct str text);
/* Appends one command in RESP. */
void redis_put_command(struct buf *buf, const struct str *argv, size_t argc);
