/* trades.h - deals summed to trades (archive.md 2).
 *
 * A trade is a position of a terminal: its deals, from the first to the one that brings its
 * volume back to 0. Buys count up, sells down, whatever the account's mode: netting,
 * hedging, a reversal (inout) and a close by another position all follow from the sum. Money
 * (commission, swap, fee, profit) is the sum over all its deals, those without volume
 * included; exact, in 10^-8. Deals of no position (balance, credit …) are nobody's trade.
 *
 * A reversal through 0 goes on as the same trade: its position keeps its identifier. A deal
 * after the close opens the trade anew, with the sums it had: its row is told again, and the
 * newest stands (closed, then a late fill or a late commission).
 *
 * Deals may come in any order. A deal comes once: who gives them knows those that were
 * there. Memory: open trades, at most TRADES_OPEN_MAX, and the newest TRADES_CLOSED_MAX
 * closed ones; what is older and comes again is asked of `recall`. Pure; one thread. */
#pragma once

#include "base/decimal.h"

enum { TRADES_OPEN_MAX = 65536, TRADES_CLOSED_MAX = 8192, TRADE_NAME_MAX = 64 };

enum trade_side { TRADE_NONE, TRADE_BUY, TRADE_SELL }; /* NONE: moves money only */

struct trade_deal {
	struct str instance, server, symbol;
	int64_t login, position, deal;
	enum trade_side side;
	int64_t volume, price; /* 10^-8 */
	int64_t commission, swap, fee, pnl;
	bool has_sl, has_tp;
	int64_t sl, tp;
	int64_t event_us;
};

struct trade_sum {
	char instance[TRADE_NAME_MAX + 1], server[TRADE_NAME_MAX + 1], symbol[TRADE_NAME_MAX + 1];
	int64_t login, position;
	enum trade_side side;         /* of its first deal by time */
	int64_t open_volume;          /* signed: what is left; 0: closed */
	int64_t volume_in, volume_out;
	i128 value_in, value_out;     /* volume × price, 10^-16 */
	int64_t commission, swap, fee, pnl;
	bool has_sl, has_tp;
	int64_t sl, tp;
	int64_t opened_us, closed_us;
	uint32_t deals;
};

struct trades;

struct trades_hooks {
	/* The trade's volume is 0 (again), or a closed trade's sums have changed. */
	void (*on_closed)(void *ctx, const struct trade_sum *trade);
	/* A closed trade that is not in memory; false: there is none. May be NULL. */
	bool (*recall)(void *ctx, struct str instance, int64_t position, struct trade_sum *trade);
	void *ctx;
};

struct trades *trades_create(const struct trades_hooks *hooks); /* NULL: no memory */
void trades_destroy(struct trades *trades);
void trades_clear(struct trades *trades);
/* FULL: TRADES_OPEN_MAX are open; the deal is counted and belongs to no trade. RANGE: a sum
 * left 63 bits, likewise. INVALID: of no position. */
MUST_CHECK enum status trades_take(struct trades *trades, const struct trade_deal *deal);
/* As it was before a restart; no hook. */
MUST_CHECK enum status trades_put(struct trades *trades, const struct trade_sum *trade);
const struct trade_sum *trades_find(const struct trades *trades, struct str instance,
				    int64_t position); /* open or closed; NULL */
size_t trades_open(const struct trades *trades);
/* value ÷ volume, 10^-8, rounded half away from zero; 0 for no volume. */
int64_t trade_mean_price(i128 value, int64_t volume);
