/* equity_store.h - segment RSS: equity:{account}, what an account was worth (packed by
 * accounts/equity.h; the bytes are nobody's business here).
 *
 * A string that is replaced as a whole and expires EQUITY_STORE_TTL_S after the last time:
 * an account that is no more leaves nothing behind. A put that is refused or lost is
 * counted and not tried again: the next one, five minutes later, has all of it.
 *
 * Every call ends once, from the loop and never from inside the call; when the call itself
 * returns anything but OK its function does not run. Destroy it when the port has ended
 * all commands. Loop thread. */
#pragma once

#include "port/redis.h"

enum { EQUITY_STORE_TTL_S = 73 * 3600, EQUITY_STORE_NAME_MAX = 31 };

struct equity_store_counts {
	uint64_t puts, gets;
	uint64_t failed; /* of either */
};

struct equity_store;

struct equity_store *equity_store_create(struct redis_port *rss); /* NULL: out of memory */
void equity_store_destroy(struct equity_store *store);
/* bytes are copied. FULL, CLOSED. */
MUST_CHECK enum status equity_store_put(struct equity_store *store, struct str account,
					struct str bytes);
/* OK: bytes live during the call; "" when there is no such key. name is the one asked for. */
typedef void (*equity_store_got_fn)(void *ctx, enum status status, struct str name,
				    struct str bytes);
/* FULL, CLOSED, NO_MEMORY, INVALID (the name is too long). */
MUST_CHECK enum status equity_store_get(struct equity_store *store, struct str account,
					equity_store_got_fn got, void *ctx);
const struct equity_store_counts *equity_store_counts(const struct equity_store *store);
