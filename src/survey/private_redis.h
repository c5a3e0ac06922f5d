/* private_redis.h - a redis-server of one's own for a while: on a unix socket in a temporary
 * folder, nothing kept, gone with us. Blocking; one thread. */
#pragma once

#include "base/err.h"
#include "survey/wire.h"

struct private_redis {
	int pid;
	struct wire *wire;
};

/* program: a path or a name. NOT_FOUND, UNAVAILABLE (it does not start), IO. */
MUST_CHECK enum status private_redis_start(const char *program, int64_t deadline_ns,
					   struct private_redis *redis, struct err *err);
void private_redis_stop(struct private_redis *redis);
