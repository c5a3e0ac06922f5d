/* redis_pending.h - the commands of one connection that are not answered yet, in
 * order, each with its deadline. All deadlines of a connection are equally long, so
 * the order of sending is the order of deadlines, and the expired ones are always
 * the first. A ring that doubles when it must; the connection bounds the bytes and
 * with them the entries. */
#pragma once

#include "os/redis_timing.h"
#include "port/redis.h"

enum { REDIS_PENDING_COST = 64 }; /* counted on top of a command's own bytes */

struct redis_pending_entry {
	redis_reply_fn fn;
	void *ctx;
	int64_t deadline_ns;
	size_t bytes; /* with REDIS_PENDING_COST */
	enum redis_timing_kind timing;
	int64_t sent_ns; /* where it is timed: precise, not the turn's */
};

struct redis_pending {
	struct redis_pending_entry *ring;
	size_t room; /* power of two */
	size_t head, count;
	size_t expired; /* of count, at the head: ended with TIMEOUT, reply still to come */
	size_t bytes;
};

void redis_pending_deinit(struct redis_pending *pending);
MUST_CHECK enum status redis_pending_push(struct redis_pending *pending,
					  struct redis_pending_entry entry);
/* Takes the oldest; *late: it had timed out. False when empty. */
bool redis_pending_pop(struct redis_pending *pending, struct redis_pending_entry *entry,
		       bool *late);
/* Marks the oldest live entry as expired if it is due, and copies it. */
bool redis_pending_expire(struct redis_pending *pending, int64_t now_ns,
			  struct redis_pending_entry *entry);
/* Deadline of the oldest live entry, INT64_MAX when there is none. */
int64_t redis_pending_next_ns(const struct redis_pending *pending);
