/* accounts_impl.h - the book's own; shared by accounts*.c only. */
#pragma once

#include "accounts/accounts.h"

enum { HOUR_MS = 3600000 };

/* What is being told of an account. */
struct telling {
	bool open;
	enum account_answer answer;
	bool incomplete;
	struct account_balance balances[ACCOUNT_BALANCES_MAX];
	struct account_position positions[ACCOUNT_POSITIONS_MAX];
	uint32_t count;
	int64_t from_hour, to_hour;                      /* of income */
	struct account_pnl *pnl[ACCOUNT_PNL_ASSETS_MAX]; /* beside the account's, hour by hour */
};

struct account_slot {
	struct account account;
	struct telling telling;
};

struct accounts {
	struct account_slot *slots[ACCOUNTS_MAX];
	uint32_t count;
};

struct account_slot *accounts_slot(struct accounts *accounts, uint32_t slot);
/* accounts_income.c */
void accounts_commit_income(struct account_slot *slot);
