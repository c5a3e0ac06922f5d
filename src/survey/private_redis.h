/* private_redis.h - a redis-server of one's own for a while: on a unix socket in a temporary
 * folder, nothing kept, gone with us.
 *
 *   private_redis_spawn → (what else there is to do) → private_redis_await → … → private_redis_stop
 *
 * The folder is removed as soon as the server is connected. Blocking; one thread. */
#pragma once

#include "base/err.h"
#include "survey/wire.h"

enum { PRIVATE_REDIS_PATH = 104 }; /* with "/s" behind it: a socket's path has at most 107 bytes */

struct private_redis {
	int pid; /* 0: none */
	struct wire *wire;
	char folder[PRIVATE_REDIS_PATH]; /* "" when it was removed */
};

/* program: a path or a name. It begins to start. NOT_FOUND, IO; *redis is written always, and
 * after an error has nothing to stop. */
MUST_CHECK enum status private_redis_spawn(const char *program, struct private_redis *redis,
					   struct err *err);
/* wire is connected. UNAVAILABLE: it does not start; it is stopped then. */
MUST_CHECK enum status private_redis_await(struct private_redis *redis, int64_t deadline_ns,
					   struct err *err);
/* Both. */
MUST_CHECK enum status private_redis_start(const char *program, int64_t deadline_ns,
					   struct private_redis *redis, struct err *err);
/* At any time behind spawn, and again. */
void private_redis_stop(struct private_redis *redis);
