/* signal_store.h - segment RTSS: the stream trade_signals (group router), signal:{sid},
 * fleet:down_seq.
 *
 * Entries are read every SIGNAL_POLL_MS (XREADGROUP, 128 at once; at the start the group's
 * pending ones first, from 0) and told one by one; an entry stays pending until
 * signal_store_done: XACK and XDEL, in one MULTI, with its signal:{sid} hash. A missing
 * group is made again (from 0), counted. Down numbers come from blocks of 1,000, the next
 * block reserved (INCRBY, synced) while half of one is left.
 *
 * A signal's sid is its entry's id, never reused: (ms - 2020-01-01) << 21 | seq; an id that
 * does not fit is refused by name. While the server is away nothing is read, and what is
 * done waits: SIGNAL_DONE_MAX; above half of that nothing more is read, so that it suffices
 * while the owner holds no more than the other half.
 *
 * An entry may be told twice in one run (the group was deleted and made again): the owner
 * knows those that it holds. Uses one timer. Loop thread. */
#pragma once

#include "base/timers.h"
#include "port/clock.h"
#include "port/redis.h"
#include "store/store_format.h"

enum { SIGNAL_POLL_MS = 5, SIGNAL_FIELDS_MAX = 64, SIGNAL_DONE_MAX = 16384 };

struct signal_entry {
	struct stream_id id;
	uint64_t sid; /* 0: the id does not fit */
	struct str keys[SIGNAL_FIELDS_MAX], values[SIGNAL_FIELDS_MAX];
	size_t count;     /* of an entry with more than SIGNAL_FIELDS_MAX that many */
	bool again;       /* pending from before this run */
	struct str stood; /* again: st of its signal:{sid}; "" when there is none */
};

struct signal_store;

struct signal_store_hooks {
	/* Texts live during the call. False: no room now, it is told again later. */
	bool (*on_signal)(void *ctx, const struct signal_entry *entry);
	void *ctx;
};

struct signal_store *signal_store_create(struct redis_port *rtss, struct timers *timers,
					 const struct clock_port *clock,
					 const struct signal_store_hooks *hooks);
void signal_store_destroy(struct signal_store *store);
/* The group and a first block of numbers are there. */
void signal_store_restore(struct signal_store *store,
			  void (*done)(void *ctx, enum status status, const char *why), void *ctx);
void signal_store_start(struct signal_store *store); /* reading begins */
void signal_store_stop(struct signal_store *store);
uint64_t signal_store_next_down(struct signal_store *store); /* 0: none now */
/* signal:{sid}; st: "sent" "received" "part". */
void signal_store_state(struct signal_store *store, uint64_t sid, struct stream_id entry,
			struct str instance, struct str id, const char *st, uint64_t down,
			int64_t expires_ms);
void signal_store_done(struct signal_store *store, uint64_t sid, struct stream_id entry);
/* done runs once: what is done is gone from the server, or the first status that
 * prevented it. */
void signal_store_drain(struct signal_store *store, void (*done)(void *ctx, enum status status),
			void *ctx);
void signal_store_reconnected(struct signal_store *store);
struct signal_store_counts {
	uint64_t read, again; /* entries told; of them, those pending from before this run */
	uint64_t done;        /* entries ended */
	uint64_t failed;      /* commands that did not end well */
	uint64_t groups_made; /* the group was missing */
	uint64_t blocks;      /* of down numbers */
	uint64_t vanished;    /* pending entries that somebody deleted or trimmed */
	uint64_t done_lost;   /* SIGNAL_DONE_MAX reached: told again after a restart */
	uint64_t waiting;     /* done, and not acknowledged by the server */
};
struct signal_store_counts signal_store_counts(const struct signal_store *store);
