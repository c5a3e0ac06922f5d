/* fake_redis.h - a Redis server and a connection to it, in simulated time, as nasty
 * as the real ones.
 *
 * The server keeps an append-only file in memory: what a kill loses is decided by
 * appendfsync as in Redis (always: nothing; everysec: what came since the last
 * second's end). The connection implements port/redis.h with a latency; commands
 * arrive one after the other, so a cut can fall between any two of a pipeline, and
 * what was executed without its reply having come back ends as CLOSED or TIMEOUT,
 * which says nothing. A reply's memory is freed right after the call. Each connection has
 * a transaction and WATCHed keys of its own. While the
 * server hangs it takes commands and executes them when it wakes, even those of
 * connections that are gone. Everything happens in timers of the given heap. */
#pragma once

#include "base/timers.h"
#include "fake_server.h"
#include "port/clock.h"

enum fake_cut {
	FAKE_CUT_BEFORE, /* the n-th command from now is not executed */
	FAKE_CUT_AFTER,  /* it is, but its reply never comes */
};

struct fake_redis_config {
	enum fake_sync sync;
	int64_t latency_ns; /* one way */
	int64_t spacing_ns; /* between two commands at the server */
	int64_t timeout_ns; /* a command without a reply for so long; then the connection breaks */
	int64_t reconnect_ns;            /* from a break to the next attempt */
	size_t maxmemory;                /* 0: none; else -OOM above it */
	size_t pending_limit;            /* bytes; FULL above it */
	void (*on_connected)(void *ctx); /* may be NULL; also for the first connection */
	void (*on_disconnected)(void *ctx);
	void *ctx;
};

struct fake_redis_counts {
	uint64_t executed, refused, breaks, kills;
	uint64_t lost_commands;   /* written, acknowledged maybe, and gone with a kill */
	uint64_t unknown_replies; /* executed, reply lost */
};

struct fake_redis;

/* The heap needs room for four timers. Connects at once (after the latency). */
struct fake_redis *fake_redis_create(const struct fake_redis_config *config, struct timers *timers,
				     const struct clock_port *clock);
void fake_redis_destroy(struct fake_redis *redis); /* pending commands end as CANCELLED */
struct redis_port *fake_redis_port(struct fake_redis *redis);
bool fake_redis_connected(const struct fake_redis *redis);
bool fake_redis_running(const struct fake_redis *redis); /* not killed */
struct fake_redis_counts fake_redis_counts(const struct fake_redis *redis);

/* The owner of the connection died: nothing is told, what was sent still arrives. */
void fake_redis_abandon(struct fake_redis *redis);
/* Who is told about the connection from now on. */
void fake_redis_on_connected(struct fake_redis *redis, void (*fn)(void *ctx), void *ctx);
void fake_redis_on_disconnected(struct fake_redis *redis, void (*fn)(void *ctx));

/* ---- faults ---- */
void fake_redis_fault(struct fake_redis *redis, enum fake_fault fault);
void fake_redis_hang(struct fake_redis *redis, bool hangs);
/* Breaks the connection at the n-th command that arrives from now (1: the next). */
void fake_redis_cut(struct fake_redis *redis, uint64_t n, enum fake_cut cut);
void fake_redis_break(struct fake_redis *redis); /* now */
/* What the next break leaves unread is not lost: the server reads it delay_ns later, when
 * a new connection may have been used long since. */
void fake_redis_straggle(struct fake_redis *redis, int64_t delay_ns);
/* kill -9: unsynced writes are lost, connections break, nobody listens. */
void fake_redis_kill(struct fake_redis *redis);
void fake_redis_start(struct fake_redis *redis);
void fake_redis_set_latency(struct fake_redis *redis, int64_t latency_ns);

/* Past the connection, for tests of the server itself. */
struct fake_server *fake_redis_server(struct fake_redis *redis);
/* Past all faults and time, for the oracle of a test. The reply is the caller's. */
struct redis_reply *fake_redis_peek(struct fake_redis *redis, const struct str *argv, size_t argc);
