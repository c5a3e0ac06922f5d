/* instance_store.h - terminals in segment RIS: instance:{id}, instance:state:STATE,
 * instance_history:{id}, instance_events (def/keys.def, redis.md 2).
 *
 * Each terminal costs one pipelined batch a second, spread over the second by its slot: an
 * HSET of what has changed and an EXPIRE. A change of state moves the sets and the hash in
 * one MULTI and goes out at once; a change of flags alone is an HSET at once. History rows
 * are packed per minute (codec/samples.h), each terminal at its own second of the minute,
 * and trimmed to 24 h exactly. Events: XADD with ids of their own time, ascending, and
 * PUBLISH on the channel of the same name, together in one MULTI; trimmed to 7 days.
 *
 * While the server is away, or answers with errors: state and numbers are the newest when
 * it is back (all of them are written again, from an empty hash, and every set is put
 * right, within a second); events wait (EVENTS_MAX, then the oldest goes, counted); a
 * finished chunk waits with its terminal (one, then the older goes, counted). What the
 * server acknowledged in its last seconds and lost with its life is written again too. An
 * event and a chunk is there once however often its sending is cut (an event that had been
 * lost stands behind what was told meanwhile); only the channel, which keeps nothing, may
 * say one twice when a connection broke in its transaction.
 *
 * Rooms are given at create (fleet_room); afterwards memory grows with the terminals that
 * speak, to about 18 KB each. Loop thread. */
#pragma once

#include "fleet/fleet.h"
#include "port/clock.h"
#include "port/redis.h"

enum { INSTANCE_STORE_EVENTS_MAX = 4096, INSTANCE_STORE_ROW_MS_MIN = 250 };

struct instance_store;

/* NULL: out of memory. Uses one timer. The port, the fleet, the timers and the clock
 * outlive it; destroy it when the port has ended all commands. */
struct instance_store *instance_store_create(struct redis_port *ris, struct fleet *fleet,
					     struct timers *timers, const struct clock_port *clock);
void instance_store_destroy(struct instance_store *store);
/* Reads instance:{id} of every terminal the fleet knows and puts it back (fleet_restore);
 * takes terminals that it does not know out of the sets; finds the newest event's id. done
 * runs once, from inside the call when nothing could be asked. */
void instance_store_restore(struct instance_store *store,
			    void (*done)(void *ctx, enum status status, const char *why),
			    void *ctx);
/* Seconds begin. What was told before, and after a drain, is written then. */
void instance_store_start(struct instance_store *store);
/* `from` is not relied upon: which set the terminal is in is remembered. */
void instance_store_moved(struct instance_store *store, const struct instance *instance,
			  enum instance_state from);
/* A state frame was taken: a row of history. Rows closer than ROW_MS_MIN to the one
 * before are left out, counted. Where the wall clock was set back, the rows after it follow
 * in a chunk of their own, whose id is then later than its rows. */
void instance_store_sample(struct instance_store *store, const struct instance *instance);
void instance_store_event(struct instance_store *store, const struct fleet_event *event);
/* Packs and sends its open rows now instead of at the end of its minute. */
void instance_store_flush(struct instance_store *store, const struct instance *instance);
/* Back-pressure (redis.md 4). Of a terminal's history one row in so many ms is kept, no more;
 * 0: all, as ROW_MS_MIN allows. */
void instance_store_thin(struct instance_store *store, int64_t every_ms);
/* History is kept for so many hours, of the 24; 0: all. Shorter, it is cut at once, within a
 * second for all terminals, and again each minute, by XTRIM: it works on a full server too. */
void instance_store_keep(struct instance_store *store, int64_t hours);
/* Its keys go: removed from the tokens file. Call it before fleet_remove. When the server
 * cannot be told now, it is told later. */
void instance_store_forget(struct instance_store *store, const struct instance *instance);
/* Everything is written, the open minutes too, without waiting for a second; nothing after
 * it. done runs once when all of it is acknowledged (OK) or failed, from inside the call
 * when nothing had to be sent. A restore must have ended. */
void instance_store_drain(struct instance_store *store, void (*done)(void *ctx, enum status status),
			  void *ctx);
/* The connection is new, and the server perhaps too. */
void instance_store_reconnected(struct instance_store *store);
struct instance_store_counts {
	uint64_t batches; /* seconds of a terminal that were written */
	uint64_t failed;  /* commands and transactions that did not succeed */
	uint64_t events, events_lost;
	uint64_t chunks, chunk_rows, chunks_lost;
	uint64_t rows_left_out; /* too soon after the one before */
	uint64_t rows_thinned;  /* left out by instance_store_thin */
	uint64_t cuts;          /* of histories, asked for by instance_store_keep */
};
struct instance_store_counts instance_store_counts(const struct instance_store *store);
/* Memory it holds now, for all terminals. */
size_t instance_store_bytes(const struct instance_store *store);
