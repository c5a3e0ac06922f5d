/* session_store.h - segment RSS: session:{user}, preference:{user}.
 *
 * A session stays until it is ended, preferences until they are replaced: no expiry, no
 * eviction. A put replaces the whole (UNLINK and HSET in one MULTI). Bounds: a user is 1 to
 * 64 of A-Z a-z 0-9 . _ - @, a value at most 256 bytes of UTF-8 without control characters,
 * fields are those of def/keys.def (a field in ms is digits), and SESSION_STORE_MAX keys of
 * both kinds together; one more is refused (FULL), what is there can always be replaced. A
 * value that is too long for a hash (long_text.h) is a key of its own,
 * text:session:{user}:FIELD or text:preference:{user}:FIELD, at most 10 of a hash; they count
 * among the keys, but none is refused for its long values. Session field `seen` and
 * preference field `ut` are weir's clock where they are not given, `st` of a session is
 * active.
 *
 * Reads are asked of the server. Every call ends once, in done, from the loop and never from
 * inside the call; when the call itself returns anything but OK (INVALID, FULL, CLOSED,
 * NO_MEMORY), done does not run. Destroy it when the port has ended all commands. Loop thread. */
#pragma once

#include "port/clock.h"
#include "port/redis.h"

enum {
	SESSION_STORE_MAX = 100000,
	SESSION_USER_MAX = 64,
	SESSION_VALUE_MAX = 256,
	SESSION_FIELDS_MAX = 16,
};

enum session_kind { SESSION_SESSION, SESSION_PREFERENCE };

struct session_fields {
	struct str names[SESSION_FIELDS_MAX], values[SESSION_FIELDS_MAX];
	size_t count;
};

struct session_store;

/* keys_max 0: SESSION_STORE_MAX. NULL: out of memory. */
struct session_store *session_store_create(struct redis_port *rss, const struct clock_port *clock,
					   size_t keys_max);
void session_store_destroy(struct session_store *store);

bool session_user_is_good(struct str user);
/* They may be put. If not, *fault is the name of the field at fault, or "user". */
bool session_fields_are_good(enum session_kind kind, struct str user,
			     const struct session_fields *fields, struct str *fault);

/* OK: fields live during the call, in the order of def/keys.def. NOT_FOUND: there is none. */
typedef void (*session_get_fn)(void *ctx, enum status status, const struct session_fields *fields);
MUST_CHECK enum status session_store_get(struct session_store *store, enum session_kind kind,
					 struct str user, session_get_fn done, void *ctx);
/* While so: a session that is not there yet ends as REFUSED; what is there can be renewed. */
void session_store_refuse_new(struct session_store *store, bool refuse);
/* Ended: OK, FULL, REFUSED, REDIS_OOM, CLOSED … INVALID: session_fields_are_good says why. */
typedef void (*session_done_fn)(void *ctx, enum status status);
MUST_CHECK enum status session_store_put(struct session_store *store, enum session_kind kind,
					 struct str user, const struct session_fields *fields,
					 session_done_fn done, void *ctx);
/* NOT_FOUND: there was none. */
MUST_CHECK enum status session_store_end(struct session_store *store, struct str user,
					 session_done_fn done, void *ctx);

struct session_store_counts {
	uint64_t reads, puts, ends;
	uint64_t refused; /* at keys_max */
	uint64_t failed;  /* commands and transactions that did not succeed */
};
struct session_store_counts session_store_counts(const struct session_store *store);
