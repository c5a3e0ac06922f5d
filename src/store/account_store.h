/* account_store.h - segment RTS: trade_state:{INSTANCE-POSITION}, trades:open:{instance},
 * trades:closed:{instance}, account_state:{id}, broker_state:BROKER:SYMBOL.
 *
 *   executing → executed → closed → in trades:closed, the hash is gone
 *
 * A trade_state begins with its first deal or the terminal's word of its position, whichever
 * comes first: `executing` while the order that fills it has more to come. An order that
 * waits or failed has no position and so no trade_state: signal:{sid} and
 * trade_execution:{sid-instance} tell of it. When the terminal says that the position is
 * gone the hash stays, `closed`, out of trades:open, until the archive has its trade
 * (account_store_archived); then, in one MULTI, the trade is in the packed stream and the
 * hash unlinked. The newest chunk of a terminal's stream is written anew for each of its
 * day's trades. A trade may be in it twice when something else wrote to the stream: the
 * later one counts. Without an archive a trade moves ACCOUNT_STORE_GRACE_MS after it closed,
 * as the hash tells it.
 *
 * A closed trade that the archive never confirms keeps its hash: how many wait is for who
 * confirms to say; RTS's budget bounds them.
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
#include "trade/result.h"
#include "trade/trades.h"

enum {
	ACCOUNT_STORE_QUOTES = 4096,
	/* Positions with deals of which sums are kept; of more, trade_state has what the
	 * terminal says of them, counted. */
	ACCOUNT_STORE_TRADES = 16384,
	/* Trades on their way into the packed stream; more are found again when these have
	 * moved, counted. */
	ACCOUNT_STORE_MOVES = 1024,
	ACCOUNT_STORE_GRACE_MS = 2000, /* for the deals that come after their position's end */
};

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
/* A result or a deal of the terminal, taken: what it says of its position. One without a
 * position or a deal says nothing here. A deal that was told is left out (of a position's
 * deals before a restart: one whose ticket is not above the newest). */
void account_store_result(struct account_store *store, const struct instance *instance,
			  const struct result *result);
/* Closed trades wait for their archive: each is asked for here when it closes, and again,
 * perhaps more than once, when it is found waiting after a start or a lost connection. The
 * terminal need not be in the fleet any more. Before restore; else they wait for good. */
void account_store_with_archive(struct account_store *store,
				void (*on_closed_found)(void *ctx, struct str instance,
							uint64_t position),
				void *ctx);
void account_store_without_archive(struct account_store *store); /* before restore */
/* The trade is in the archive for good: it moves. Not of a position that is open (again).
 * Copies. Of a trade that has moved: it is written again, and that one counts. */
void account_store_archived(struct account_store *store, struct str instance, uint64_t position,
			    const struct trade_sum *trade);
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
/* For those who measure. A position's state was written: since the turn in which the terminal's
 * word of it came, and since it was sent, until it was acknowledged; -1 where it was not timed
 * (one a terminal at a time is). One was read, at a start. precise_ns: a monotonic clock as it
 * is now, not of the turn. */
struct account_watch {
	void (*on_update)(void *ctx, struct str instance, uint64_t position, int64_t whole_ns,
			  int64_t set_ns);
	/* Its price and profit alone. */
	void (*on_quiet)(void *ctx, struct str instance, uint64_t position);
	void (*on_read)(void *ctx, struct str instance, uint64_t position, int64_t took_ns);
	int64_t (*precise_ns)(void);
	void *ctx;
};
void account_store_watch(struct account_store *store, const struct account_watch *watch);
struct account_store_counts {
	uint64_t batches;   /* seconds of a terminal in which anything was written */
	uint64_t updates;   /* states of accounts and positions written, quiet ones too */
	uint64_t failed;    /* commands and transactions that did not succeed */
	uint64_t positions; /* opened, changed, gone */
	uint64_t quotes, quotes_refused;
	uint64_t syncs;   /* indexes read to put a terminal's positions right */
	uint64_t results; /* deals that were added to a position */
	uint64_t results_known, trades_refused;      /* left out: told before; TRADES */
	uint64_t closed, found;                      /* asked for: when they closed; afterwards */
	uint64_t moved, moves_refused, moves_failed; /* into the stream; MOVES; tries */
	uint64_t moves_lost; /* without an archive: the hash tells of no trade */
	uint32_t moving;
};
struct account_store_counts account_store_counts(const struct account_store *store);
/* Memory it holds. */
size_t account_store_bytes(const struct account_store *store);
