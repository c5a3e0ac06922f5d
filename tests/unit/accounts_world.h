/* accounts_world.h - two exchange accounts and two terminals for the tests of ask/: one
 * account is up, with balances that have a rate and one that has none, one was refused. */
#pragma once

#include "accounts/accounts.h"
#include "test_ask_world.h"

#define ACCOUNTS_NOW_MS (WORLD_END_MS - 100)

static const i128 accounts_one = (i128)1000000000000000000;

static inline struct account_balance accounts_balance(enum account_part part, const char *asset,
						      i128 e18, i128 locked_e18)
{
	struct account_balance row = { .part = (uint8_t)part,
				       .free_known = true,
				       .locked_known = true,
				       .free_e18 = e18 - locked_e18,
				       .locked_e18 = locked_e18,
				       .wallet_e18 = e18,
				       .equity_e18 = e18 };
	snprintf(row.asset, sizeof row.asset, "%s", asset);
	return row;
}

static inline void accounts_tell_main(struct accounts *accounts, uint32_t slot)
{
	const i128 one = accounts_one;
	const struct account_balance spot[] = {
		accounts_balance(ACCOUNT_SPOT, "USDT", one * 100000001 / 100000000, 0),
		accounts_balance(ACCOUNT_SPOT, "BTC", one * 12345678 / 100000000, one / 10),
		accounts_balance(ACCOUNT_SPOT, "DUST", one * 1234567890, 0),
		accounts_balance(ACCOUNT_SPOT, "ETH", 1, 0),
	};
	struct account_balance perp = accounts_balance(ACCOUNT_PERP, "USDT", one * 2500, 0);
	const struct account_position position = { .symbol = "BTCUSDT",
						   .asset = "USDT",
						   .side = ACCOUNT_SHORT,
						   .liq_known = true,
						   .qty_e18 = one / 2,
						   .entry_e18 = one * 610001 / 10,
						   .mark_e18 = one * 60000,
						   .liq_e18 = one * 900005 / 10,
						   .unrealised_e18 = one * 50005 / 100,
						   .margin_e18 = one * 3000 };
	accounts_begin(accounts, slot, ACCOUNT_SAID_SPOT);
	for (size_t i = 0; i < sizeof spot / sizeof spot[0]; i++)
		accounts_add_balance(accounts, slot, &spot[i]);
	accounts_commit(accounts, slot, ACCOUNTS_NOW_MS - 3000);
	accounts_begin(accounts, slot, ACCOUNT_SAID_PERP);
	accounts_add_balance(accounts, slot, &perp);
	accounts_commit(accounts, slot, ACCOUNTS_NOW_MS - 2500);
	accounts_begin(accounts, slot, ACCOUNT_SAID_POSITIONS);
	accounts_add_position(accounts, slot, &position);
	accounts_commit(accounts, slot, ACCOUNTS_NOW_MS - 2000);
}

static inline void accounts_tell_income(struct accounts *accounts, uint32_t slot)
{
	static const struct {
		int64_t hours;
		enum account_income_kind kind;
		int64_t cents;
	} rows[] = {
		{ 1, ACCOUNT_REALISED, 15000 }, { 2, ACCOUNT_FEES, -655 },
		{ 30, ACCOUNT_FUNDING, -2000 }, { 100, ACCOUNT_REALISED, -123456 },
		{ 160, ACCOUNT_FEES, -1 },
	};
	int64_t from_ms = (ACCOUNTS_NOW_MS / 3600000 - 200) * 3600000;
	accounts_begin_income(accounts, slot, from_ms, ACCOUNTS_NOW_MS);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct account_income row = { .asset = "USDT",
					      .kind = (uint8_t)rows[i].kind,
					      .t_ms = ACCOUNTS_NOW_MS - rows[i].hours * 3600000,
					      .amount_e18 = accounts_one / 100 * rows[i].cents };
		accounts_add_income(accounts, slot, &row);
	}
	accounts_commit(accounts, slot, ACCOUNTS_NOW_MS - 60000);
}

static inline struct accounts *world_accounts(void)
{
	struct accounts *accounts = accounts_create();
	uint32_t binance = 1u << ACCOUNT_SAID_SPOT | 1u << ACCOUNT_SAID_PERP |
			   1u << ACCOUNT_SAID_POSITIONS | 1u << ACCOUNT_SAID_INCOME;
	uint32_t slot;
	if (accounts_add(accounts, STR("main"), VENUE_BINANCE, binance, &slot))
		abort();
	accounts_tell_main(accounts, slot);
	accounts_tell_income(accounts, slot);
	accounts_well(accounts, slot);
	if (accounts_add(accounts, STR("desk"), VENUE_BYBIT, 1u << ACCOUNT_SAID_UNIFIED, &slot))
		abort();
	accounts_fault(accounts, slot, ACCOUNT_LIMITED, "HTTP 429: slow <down>",
		       ACCOUNTS_NOW_MS + 60000, ACCOUNTS_NOW_MS - 5000);
	return accounts;
}

static inline void accounts_hello(struct fleet *fleet, const char *id, long long login,
				  const char *currency, const char *equity)
{
	struct instance_identity identity = { .host = "host-1" };
	struct mfp_frame frame;
	struct mfp_fault fault;
	char line[512];
	uint32_t slot;
	bool snapshot;
	snprintf(identity.id, sizeof identity.id, "%s", id);
	if (fleet_add(fleet, &identity, &slot))
		abort();
	snprintf(line, sizeof line,
		 "H 0 v=1 id=x ep=1784046185431 mac=35cd832ccd3c88068e3314f439e1ecbd login=%lld "
		 "srv=FPMarketsSC-Live cur=%s mm=hedge tm=real lev=500 bld=6090 ea=1.0.0 off=10800 "
		 "ph=0000000000000000 n=0",
		 login, currency);
	if (mfp_read(str_of(line), MFP_PEER, &frame, &fault))
		abort();
	fleet_hello(fleet, slot, &frame, &snapshot);
	if (mfp_read(STR("S 0 t=1784046190001 con=1 ta=1 ma=1 aa=1 ae=1 ph=0000000000000000 n=0"),
		     MFP_PEER, &frame, &fault))
		abort();
	fleet_state_frame(fleet, slot, &frame);
	snprintf(line, sizeof line,
		 "A 0 t=1784046190001 bal=3346.16 eq=%s mar=164.53 fm=2107.34 ml=1380.82 cr=0.00 "
		 "pl=-1074.29",
		 equity);
	if (mfp_read(str_of(line), MFP_PEER, &frame, &fault) ||
	    fleet_account_frame(fleet, slot, &frame))
		abort();
	static const char *const positions[] = {
		"O 0 b=1 n=1",
		("o 0 tk=237511830 id=237511830 sym=NZDCHF.r sd=sell vol=0.48 po=0.46850 "
		 "pc=0.48030 "
		 "sl=0.00000 tp=0.46672 sw=-12.40 pl=-463.07 mg=0 sv=1785100000123"),
		"O 0 e=1 n=1 ph=2020682586963ede",
	};
	for (size_t i = 0; i < 3; i++) {
		if (mfp_read(str_of(positions[i]), MFP_PEER, &frame, &fault) ||
		    (frame.verb == MFP_VERB_position ? fleet_position_frame(fleet, slot, &frame)
						     : fleet_snapshot_frame(fleet, slot, &frame)))
			abort();
	}
}
