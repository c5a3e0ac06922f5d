/* execution_store.h - segments RLS, trade_execution:{sid-instance}, and RTRS,
 * reconciliation:{sid-instance}: for people and programs that look on. What decides stands in
 * the trade core and, at the end, in the archive; nothing here waits for a server, and nothing
 * of weir waits for this.
 *
 * A step of a delivery is one HSET; its hash goes when the delivery's end is archived. While
 * a server is away, slow (EXECUTION_STORE_BYTES pending) or answers with errors, steps are
 * dropped, counted: a hash then lacks them. What should have gone and could not, and what a
 * killed weir left, is found by a sweep, 2 s after a start, a reconnection or a failure: it
 * removes each hash whose delivery is not under way. Steps that come again make it again.
 *
 * As many hashes as the trade core has deliveries (DELIVERIES_MAX; some 300 bytes each), and
 * no more reconciliations than that. The commands are single ones: the ports may be shared
 * with stores that use MULTI. Uses one timer. Loop thread. */
#pragma once

#include "base/timers.h"
#include "port/clock.h"
#include "port/redis.h"
#include "trade/deliveries.h"

enum { EXECUTION_STORE_BYTES = 1 << 20 };

struct execution_store;

struct execution_store_hooks {
	/* Whether the delivery is under way, ended but not archived included. */
	bool (*is_under_way)(void *ctx, uint64_t sid, struct str instance);
	void *ctx;
};

/* NULL: out of memory. The ports, timers and clock outlive it; destroy it when the ports have
 * ended all commands. */
struct execution_store *execution_store_create(struct redis_port *rls, struct redis_port *rtrs,
					       struct timers *timers,
					       const struct clock_port *clock,
					       const struct execution_store_hooks *hooks);
void execution_store_destroy(struct execution_store *store);
/* The deliveries of before are known again: a sweep, and from then on sweeps when needed. */
void execution_store_start(struct execution_store *store);
void execution_store_reconnected(struct execution_store *store);

struct execution_step {
	uint64_t sid;
	struct str instance; /* empty: no terminal was found, nothing is written */
	enum delivery_step_kind kind;
	int64_t at_ms;
	uint32_t sent;  /* times until then */
	struct str why; /* of an end, or of an unk; at most 64 bytes of it */
};
/* Back-pressure (redis.md 4): steps are dropped, counted, while it is so. Ends go on. */
void execution_store_pause(struct execution_store *store, bool on);
/* The newest time of a kind stands. */
void execution_store_step(struct execution_store *store, const struct execution_step *step);

struct execution_unknown {
	uint64_t sid;
	struct str instance, id; /* id: the producer's */
	int64_t since_ms;
	struct str why;
	uint32_t asked; /* times */
};
/* The outcome is unknown, or has been asked for once more. */
void execution_store_unknown(struct execution_store *store,
			     const struct execution_unknown *unknown);
/* It was found. */
void execution_store_matched(struct execution_store *store, uint64_t sid, struct str instance);
/* The end is archived: both hashes go. */
void execution_store_archived(struct execution_store *store, uint64_t sid, struct str instance);

struct execution_store_counts {
	uint64_t steps, unknowns; /* sent */
	uint64_t dropped;         /* of those that were told: not sent */
	uint64_t failed;          /* answered with an error, or not at all */
	uint64_t removed, swept;  /* hashes: in time; by a sweep */
	uint64_t sweeps;
};
struct execution_store_counts execution_store_counts(const struct execution_store *store);
