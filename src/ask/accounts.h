/* accounts.h - /balance, /positions, /pnl: exchange accounts and, when a fleet runs, the
 * terminals' accounts; and what one unit of an asset is worth in USD.
 *
 * Internal to ask/, but for the rates: who takes samples of equity uses the same. */
#pragma once

#include "accounts/accounts.h"
#include "ask/ask.h"
#include "ask/asked.h"

/* Rates from weir's own markets: the price of the newest trade of a market that quotes the
 * asset in dollars (market_id_is_dollar), spot before perpetual, a market that trades
 * before one that is stale, then in the order of ids. USD, and the coins held at one, are
 * 1.00 and say so. Simulated markets say nothing of real money. */
struct ask_rates {
	const struct markets *markets;
	int64_t now_ms;   /* 0: the newest trade is as good as it gets */
	int64_t stale_ms; /* an older trade is stale */
	bool fresh_only;  /* a stale one is none */
};
bool ask_account_rate(void *ctx, struct str asset, struct account_rate *rate);

/* Equity of all terminals' accounts whose currency has a rate; an account that several
 * terminals are logged in to counts once. *unpriced: accounts without. False: none has
 * told its equity. */
bool ask_fleet_usd(const struct fleet *fleet, account_rate_fn rate, void *ctx, i128 *usd_e8,
		   uint32_t *unpriced);

enum ask_outcome balance_answer(const struct ask_world *world, const struct ask_request *request,
				const struct asked *asked, struct buf *out);
enum ask_outcome positions_answer(const struct ask_world *world, const struct ask_request *request,
				  const struct asked *asked, struct buf *out);
enum ask_outcome pnl_answer(const struct ask_world *world, const struct ask_request *request,
			    const struct asked *asked, struct buf *out);
