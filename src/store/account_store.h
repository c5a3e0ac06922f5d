/* account_store.h - segment RTS: trade_state:{INSTANCE-POSITION}, trades:open:{instance},
 * account_state:{id}, broker_state:BROKER:SYMBOL.
 *
 * A position and its index change in one MULTI, at once; what is quiet (price, swap,
 * profit), the account and quotes go out at most once a second, at their own part of it.
 * A quote is a symbol's at a broker, the newest of all its terminals; at most
 * ACCOUNT_STORE_QUOTES of them, then refused, counted.
 *
 * While the server is away, or answers with errors, nothing queues up: it is all in the
 * fleet. Then a terminal's index is read, what the fleet does not hold is removed, and what
 * it does is written, in one MULTI. Fields of a position that are not ours are left alone.
 * Loop thread. */
#pragma once

#include "fleet/fleet.h"
#include "port/clock.h"
#include "port/redis.h"

enum { ACCOUNT_STORE_QUOTES = 4096 };

struct account_store;

/* NULL: out of memory. Uses one timer. The port, the fleet, the timers and the clock
 * outlive it; destroy it when the port has ended all commands. */
struct account_store *account_store_create(struct redis_port *rts, struct fleet *fleet,
					   struct timers *timers, const struct clock_port *clock);
void account_store_destroy(struct account_store *store);
/* Positions of every terminal back into the fleet (positions_put), so that its hash tells
 * whether a snapshot is needed; keys of terminals that the fleet does not know go. A
 * position that cannot be read is left out, said, and put right after the start. done runs
 * once, from inside the call when nothing could be asked. */
void account_store_restore(struct account_store *store,
			   void (*done)(void *ctx, enum status status, const char *why), void *ctx);
/* Seconds begin; quotes of brokers that no terminal has any more go. */
void account_store_start(struct account_store *store);
void account_store_account(struct account_store *store, const struct instance *instance);
void account_store_position(struct account_store *store, const struct instance *instance,
			    enum position_change change, const struct position *position);
void account_store_quote(struct account_store *store, const struct instance *instance,
			 const struct mfp_frame *frame);
/* Its keys go, within a second or when the server is back: removed from the tokens file. A
 * broker's quotes go with its last terminal. Call it before fleet_remove. */
void account_store_forget(struct account_store *store, const struct instance *instance);
/* Everything is written without waiting for a second, nothing after it. done runs once when
 * all of it is acknowledged (OK) or failed, from inside the call when nothing had to be
 * sent. A restore must have ended. */
void account_store_drain(struct account_store *store, void (*done)(void *ctx, enum status status),
			 void *ctx);
/* The connection is new, and the server perhaps too. */
void account_store_reconnected(struct account_store *store);
struct account_store_counts {
	uint64_t batches;   /* seconds of a terminal in which anything was written */
	uint64_t failed;    /* commands and transactions that did not succeed */
	uint64_t positions; /* opened, changed, gone */
	uint64_t quotes, quotes_refused;
	uint64_t syncs; /* indexes read to put a terminal's positions right */
};
struct account_store_counts account_store_counts(const struct account_store *store);
/* Memory it holds. */
size_t account_store_bytes(const struct account_store *store);
