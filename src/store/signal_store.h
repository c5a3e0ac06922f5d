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
 * signal:{sid} says where an entry stands with each of its terminals (`i:INSTANCE`); of an
 * entry from before this run it is read and told with it. signal_store_route writes the
 * terminals of an entry down before any of them is sent, and tells when that is durable.
 * signal_store_add adds an entry for a producer who has no Redis (HTTP, command line), in
 * one XADD; the segment's appendfsync always makes its reply mean durable. It is packed
 * (codec/entries.h, one row) where that is asked for and def/signals.def has a place for all
 * of it; else, and by other producers, a field for each value. Both are read, mixed. A packed
 * entry that is not one row that can be read is told with its fault. fleet:halt is
 * what halts.h holds, written as a whole at each change until the server has it.
 *
 * Crash points: signal_add (durable, its producer not told), signal_done (it is gone).
 *
 * An entry may be told twice in one run (the group was deleted and made again): the owner
 * knows those that it holds. Uses one timer. Loop thread. */
#pragma once

#include "base/timers.h"
#include "port/clock.h"
#include "port/redis.h"
#include "store/store_format.h"
#include "trade/deliveries.h"

enum {
	SIGNAL_POLL_MS = 5,
	SIGNAL_FIELDS_MAX = 64,
	SIGNAL_DONE_MAX = 16384,
	SIGNAL_ADDS_MAX = 4096,   /* on their way to the stream; then FULL */
	SIGNAL_ROUTES_MAX = 1024, /* then FULL */
};

struct signal_entry {
	struct stream_id id;
	uint64_t sid; /* 0: the id does not fit */
	struct str keys[SIGNAL_FIELDS_MAX], values[SIGNAL_FIELDS_MAX];
	size_t count;      /* of an entry with more than SIGNAL_FIELDS_MAX that many */
	const char *fault; /* "p": it cannot be unpacked, so it has no fields; NULL none */
	bool again;        /* pending from before this run */
	const struct delivery_member *members; /* again: those of signal:{sid} */
	size_t member_count;
};

struct signal_store;

struct signal_store_hooks {
	/* Texts live during the call. False: no room now, it is told again later. */
	bool (*on_signal)(void *ctx, const struct signal_entry *entry);
	/* What signal_store_route was given is durable, or could not be written. */
	void (*on_routed)(void *ctx, uint64_t sid, enum status status);
	void *ctx;
};

/* packed: what is added is. NULL: out of memory. */
struct signal_store *signal_store_create(struct redis_port *rtss, struct timers *timers,
					 const struct clock_port *clock, bool packed,
					 const struct signal_store_hooks *hooks);
void signal_store_destroy(struct signal_store *store);
/* The group and a first block of numbers are there; halts is what it was, and is kept from
 * now on by signal_store_write_halts. */
void signal_store_restore(struct signal_store *store, struct halts *halts,
			  void (*done)(void *ctx, enum status status, const char *why), void *ctx);
void signal_store_start(struct signal_store *store); /* reading begins */
void signal_store_stop(struct signal_store *store);
uint64_t signal_store_next_down(struct signal_store *store); /* 0: none now */
/* Entries from before this run, or whose reply got lost, are still to be told: what
 * producers have added may not be known yet. */
bool signal_store_is_behind(const struct signal_store *store);

/* signal:{sid}, of one terminal. */
struct signal_stand {
	uint64_t sid;
	struct str instance, id; /* id: the producer's */
	const char *st;          /* "sent" "received" "part" */
	uint64_t down;
	uint32_t sent; /* times */
	int64_t sent_ms, confirmed_ms, expires_ms;
};
void signal_store_state(struct signal_store *store, const struct signal_stand *stand);
/* FULL: not taken, nothing will be told. At most DELIVERIES_MAX instances. */
MUST_CHECK enum status signal_store_route(struct signal_store *store, uint64_t sid,
					  const struct str *instances, size_t count);
/* done runs once, later: with the sid and the entry's id, or with what prevented it (after
 * TIMEOUT and CLOSED it may be there all the same: then it is told like any other, and a
 * repeat of its id is dropped by who takes it). An id that is on its way to the stream
 * already is not added twice: both are told of the one. FULL: nothing will be told. */
typedef void (*signal_added_fn)(void *ctx, enum status status, uint64_t sid,
				struct stream_id entry);
MUST_CHECK enum status signal_store_add(struct signal_store *store, const struct str *keys,
					const struct str *values, size_t count,
					signal_added_fn done, void *ctx);
/* The halts have changed. done runs once, with how the first try ended; not OK: they hold,
 * and it is tried again until the server has them. FULL: another done waits. */
MUST_CHECK enum status signal_store_write_halts(struct signal_store *store,
						void (*done)(void *ctx, enum status status),
						void *ctx);
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
	uint64_t unreadable;  /* packed entries that are not one row that can be read */
	uint64_t added;       /* by signal_store_add */
	uint64_t packed;      /* of them, as rows */
	uint64_t joined;      /* adds of an id that was on its way already */
	uint64_t add_failed, add_full;
	uint64_t stood_cut; /* pages cut short for what signal:{sid} had to say */
};
struct signal_store_counts signal_store_counts(const struct signal_store *store);
