/* notify.h - names of keys that were just written, as the server tells them (keyspace
 * notifications), over an own connection.
 *
 * Where notifications are off they are switched on with CONFIG SET, what was set before staying on,
 * and put back at close; a process that is killed leaves them on, which costs the server some
 * microseconds a write. Where CONFIG is refused, or there is no way to subscribe, open is
 * REFUSED: rescans alone then. Notifications are not kept by the server: after a lost
 * connection (`lost`) all names must be looked at again. One thread; open, notify_deleted
 * and close wait for an answer, 5 s at most. */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "store/redis_url.h"

enum { NOTIFY_NAMES_MAX = 1 << 16 }; /* waiting; what is beyond makes `lost` true */

struct notify;

/* REFUSED: the server does not tell; UNAVAILABLE: it could not be asked, or not to the end. */
MUST_CHECK enum status notify_open(const struct redis_url *url, const int *databases,
				   size_t n_databases, struct notify **out, struct err *err);
void notify_close(struct notify *notify); /* NULL is fine */
/* Reads what has come, waiting at most wait_ms for it. */
void notify_take(struct notify *notify, int wait_ms, int64_t now_ns);
/* Up to count names of one database, each once; they leave the queue. Valid until the next call.
 * *since_ns: when the oldest was told. */
size_t notify_names(struct notify *notify, int *db, struct str *names, size_t count,
		    int64_t *since_ns);
/* Of a name that waits, or was given by the last notify_names: what was told of it last is that
 * somebody deleted it, or renamed it away, or that it expired; not that it was evicted. All that
 * was done before this call counts: the server is asked for it, and waited for. */
bool notify_deleted(struct notify *notify, int db, struct str name, int64_t now_ns);
size_t notify_waiting(const struct notify *notify);
/* True once, when something was missed: the connection was lost, or too many names waited. */
bool notify_lost(struct notify *notify);
/* The connection is over: nothing is told any more. */
bool notify_gone(const struct notify *notify);
