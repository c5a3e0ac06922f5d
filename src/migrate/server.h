/* server.h - somebody's Redis for a command that works through it: blocking calls over an own loop,
 * one connection a database, pipelines.
 *
 * A connection that breaks is not made again behind the caller's back, because WATCH would be gone:
 * everything after it ends with CLOSED, and the command ends with its line; a rerun resumes. But
 * where a reply was larger than a reply may be, its caller knows which, and may go on: see again.
 * Its loop is turned by these calls alone, and any time may pass between them. One thread. */
#pragma once

#include "os/loop.h"
#include "port/redis.h"
#include "store/redis_url.h"

struct migrate_server;

/* Connects and greets. UNAVAILABLE says why not; UNSUPPORTED: a cluster. */
MUST_CHECK enum status migrate_server_open(const struct redis_url *url, int database,
					   struct migrate_server **out, struct err *err);
void migrate_server_close(struct migrate_server *server); /* NULL is fine */

/* Queues; fn (may be NULL) runs in the settle after it. A pipeline is bounded by its caller: at
 * most MIGRATE_PIPELINE commands and MIGRATE_PIPELINE_BYTES are sent before the replies are
 * awaited, which the call does by itself. The first failure stays until settle tells it. */
enum { MIGRATE_PIPELINE = 1024, MIGRATE_PIPELINE_BYTES = 8 << 20 };
void migrate_server_put(struct migrate_server *server, const struct str *argv, size_t argc,
			redis_reply_fn fn, void *ctx);
/* All replies have come. CLOSED, TIMEOUT: the connection is of no more use. An error reply to a
 * command with a NULL fn is an error here, one to a command with fn is fn's. */
MUST_CHECK enum status migrate_server_settle(struct migrate_server *server, struct err *err);
/* After a reply beyond the reader's bounds (os/resp_reader.h) ended the connection: another one,
 * without WATCH. CLOSED, with what settle told: it ended otherwise. */
MUST_CHECK enum status migrate_server_again(struct migrate_server *server, struct err *err);
/* One command; *integer, *text (may be NULL) of its reply; an error reply is its status. */
MUST_CHECK enum status migrate_server_call(struct migrate_server *server, const struct str *argv,
					   size_t argc, redis_reply_fn fn, void *ctx,
					   struct err *err);
/* Unix ms by the server's own clock (TIME), asked at open and carried on with ours. */
int64_t migrate_server_now_ms(const struct migrate_server *server);
int migrate_server_version(const struct migrate_server *server); /* 70015; 0 unknown */
int migrate_server_database(const struct migrate_server *server);
/* It takes away any key where its memory is full (maxmemory with allkeys-…), as far as it says. */
bool migrate_server_evicts(const struct migrate_server *server);
struct loop *migrate_server_loop(struct migrate_server *server);
