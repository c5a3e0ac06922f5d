/* trades.h - deals summed to trades (archive.md 2).
 *
 * A trade is a position of a terminal: its deals, from the first to the one that brings its
 * volume back to 0. Buys count up, sells down, whatever the account's mode: netting,
 * hedging, a reversal (inout) and a close by another position all follow from the sum. Money
 * (commission, swap, fee, profit) is the sum over all its deals, those without volume
 * included; exact, in 10^-8. Deals of no position (balance, credit …) are nobody's trade.
 *
 * A trade's side is that of its first deal by time (event_us, then ticket) that has a
 * volume; the deals of that side are `in`, the others `out`. So a reversal through 0 goes on
 * as the same trade, for its position keeps its identifier. A deal after the close opens the
 * trade anew, with the sums it had: its row is told again, and the newest stands (closed,
 * then a late fill or a late commission).
 *
 * Deals may come in any order: the same deals make the same trade. A deal comes once: who
 * gives them knows those that were there.
 *
 * Memory: open trades, at most TRADES_OPEN_MAX, and the newest TRADES_CLOSED_MAX closed
 * ones; 30 MB when all of it is used, nothing is allocated after create. A trade that is
 * neither may still be an older, closed one, kept elsewhere. So deals are taken in rounds:
 *
 *   trades_want (each position of the round) → those that it says are looked for, and put
 *   trades_take (each deal of the round)
 *
 * A round has at most TRADES_CLOSED_MAX positions: what was wanted, put or closed in it is
 * among the newest that many, so it is in memory until the round ends.
 *
 * Which positions need no look is known once trades_old_end said that all older ones were
 * told: first by the highest position of the terminal's old ones (a terminal's positions
 * only rise, so a new one is above them), then by a Bloom filter of 2 MB, which with
 * 1,000,000 old ones is wrong once in 2,000, with 3,600,000 once in five. Neither ever says
 * that an old one is new. Pure; one thread. */
#pragma once

#include "base/decimal.h"

enum { TRADES_OPEN_MAX = 65536, TRADES_CLOSED_MAX = 8192, TRADE_NAME_MAX = 64 };

enum trade_side { TRADE_NONE, TRADE_BUY, TRADE_SELL }; /* NONE: moves money only */

struct trade_deal {
	struct str instance, server, symbol; /* at most TRADE_NAME_MAX bytes */
	int64_t login, position, deal;
	enum trade_side side;
	int64_t volume, price; /* 10^-8; volume not below 0, unused where the side is NONE */
	int64_t commission, swap, fee, pnl;
	bool has_sl, has_tp;
	int64_t sl, tp;
	int64_t event_us;
};

/* All of it follows from the deals; to keep one across a restart, keep all of it (or add
 * its deals again: trade_sum_add). */
struct trade_sum {
	char instance[TRADE_NAME_MAX + 1], server[TRADE_NAME_MAX + 1], symbol[TRADE_NAME_MAX + 1];
	int64_t login, position;
	enum trade_side side; /* NONE: no deal with a volume yet */
	int64_t open_volume;  /* signed: what is left; 0: closed */
	int64_t volume_in, volume_out;
	i128 value_in, value_out; /* volume × price, 10^-16 */
	int64_t commission, swap, fee, pnl;
	bool has_sl, has_tp; /* the last known by time */
	int64_t sl, tp;
	int64_t opened_us, closed_us; /* first and last deal with a volume; without: of any */
	uint32_t deals;
	/* Of which deals those are, for the ones that come out of order. */
	int64_t opened_deal, sl_us, sl_deal, tp_us, tp_deal;
};

/* A sum without deals is all zeros. RANGE: a sum would leave 63 bits (of a value: 127), and
 * nothing was added. INVALID: of no position, without an instance, a negative volume, or a
 * name too long. */
MUST_CHECK enum status trade_sum_add(struct trade_sum *trade, const struct trade_deal *deal);
/* It had volume, and has none now. */
bool trade_sum_is_closed(const struct trade_sum *trade);
/* value ÷ volume, 10^-8, rounded half away from zero; 0 for no volume. */
int64_t trade_mean_price(i128 value, int64_t volume);

struct trades;

struct trades_hooks {
	/* The trade's volume is 0 (again), or a closed trade's sums have changed. It lives
	 * during the call. */
	void (*on_closed)(void *ctx, const struct trade_sum *trade);
	void *ctx;
};

struct trades *trades_create(const struct trades_hooks *hooks); /* NULL: no memory */
void trades_destroy(struct trades *trades);
void trades_clear(struct trades *trades); /* the counts stay */
/* Deals of the position are about to be taken. True: it is not in memory, and may be kept
 * elsewhere; who keeps it puts it first, or it is taken for a new one. */
bool trades_want(struct trades *trades, struct str instance, int64_t position);
/* FULL: TRADES_OPEN_MAX are open; the deal is counted and belongs to no trade. RANGE,
 * INVALID: as trade_sum_add, counted likewise. */
MUST_CHECK enum status trades_take(struct trades *trades, const struct trade_deal *deal);
/* As it was before a restart, or as it is kept elsewhere, open or closed; no hook. FULL as
 * above; EXISTS; INVALID: no position or no instance. */
MUST_CHECK enum status trades_put(struct trades *trades, const struct trade_sum *trade);
/* The closed trades that are kept elsewhere, each once (those that were put and those that
 * close from now on need not be told), then the end of them. Optional. */
void trades_old(struct trades *trades, struct str instance, int64_t position);
void trades_old_end(struct trades *trades);
/* Open or closed; NULL: not in memory. Until the next trades_take, _want, _put or _clear. */
const struct trade_sum *trades_find(const struct trades *trades, struct str instance,
				    int64_t position);
size_t trades_open(const struct trades *trades);

struct trades_counts {
	uint64_t deals;                /* taken */
	uint64_t closed;               /* on_closed runs */
	uint64_t recall_asked;         /* trades_want said true */
	uint64_t recalled;             /* put after trades_old_end */
	uint64_t full, range, invalid; /* deals that belong to no trade */
};
struct trades_counts trades_counts(const struct trades *trades);
