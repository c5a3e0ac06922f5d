/* accounts.h - exchange accounts: what they hold, what is open, what was earned.
 *
 * A bounded book. Whoever polls an exchange tells it whole answers: balances of a part
 * replace those of that part, positions replace positions, a span of income replaces the
 * hours of that span; so an answer that is told twice counts once. Every kind of answer
 * has the time at which it was true, and the account the newest fault, said as it is
 * ("key refused", "clock off by 3.2 s"); what was known before stays, with its age.
 *
 * Amounts are i128 at 10^-18, exact. A value in USD is an amount times a rate that is
 * named with it, rounded half away from zero to 10^-8; an amount without a rate is
 * counted as unpriced, never guessed. Rates are asked of the owner (account_rate_fn).
 *
 * Bounds: ACCOUNTS_MAX accounts, of each ACCOUNT_BALANCES_MAX assets with anything in
 * them, ACCOUNT_POSITIONS_MAX positions, ACCOUNT_PNL_ASSETS_MAX assets of income. What
 * comes beyond is left out and counted (struct account, left_out), and sums that miss it
 * say so. Income is kept by UTC hours for ACCOUNT_PNL_HOURS.
 *
 * Terminals' accounts are the fleet's and are not in here. Core: no I/O, no clock. Room
 * is taken when an account is added and when an asset first earns. One thread. */
#pragma once

#include "codec/account_json.h"

enum {
	ACCOUNTS_MAX = 16,
	ACCOUNT_NAME_MAX = 31, /* a-z A-Z 0-9 _ - */
	ACCOUNT_BALANCES_MAX = 256,
	ACCOUNT_POSITIONS_MAX = 256,
	ACCOUNT_PNL_ASSETS_MAX = 8,
	ACCOUNT_PNL_HOURS = 30 * 24 + 1,
	ACCOUNT_WHY_MAX = 200,
};
#define ACCOUNT_NONE UINT32_MAX

enum account_state {
	ACCOUNT_UNASKED,     /* nothing was answered yet, and nothing failed */
	ACCOUNT_UP,          /* the newest answer was one */
	ACCOUNT_KEY_REFUSED, /* key, secret or its permissions; asked again rarely */
	ACCOUNT_CLOCK,       /* our time is not the venue's, and measuring it did not help */
	ACCOUNT_LIMITED,     /* too many requests: until_ms */
	ACCOUNT_BANNED,      /* this address: until_ms */
	ACCOUNT_AWAY,        /* no answer, or a server's error */
	ACCOUNT_BAD_ANSWER,  /* one that is none of the venue's */
	ACCOUNT_STATES
};

enum account_answer {
	ACCOUNT_SAID_SPOT, /* as enum account_part */
	ACCOUNT_SAID_PERP,
	ACCOUNT_SAID_UNIFIED,
	ACCOUNT_SAID_POSITIONS,
	ACCOUNT_SAID_INCOME,
	ACCOUNT_ANSWERS
};

/* Sums of income; hours of UTC, the open one included.
 *
 * Of a venue whose balances do not know what positions would bring (Binance perp)
 * unrealised, equity and locked of the PERP balances are made from the positions. */
struct account_pnl_hour {
	int64_t hour;  /* since 1970; 0: nothing */
	uint32_t rows; /* of REALISED: closed positions, or fills that closed a part */
	i128 sums_e18[ACCOUNT_INCOMES];
};
struct account_pnl {
	char asset[ACCOUNT_ASSET_MAX + 1];
	struct account_pnl_hour hours[ACCOUNT_PNL_HOURS]; /* by hour % ACCOUNT_PNL_HOURS */
};

/* All there is to be read of an account. Owned by the book; read only. */
struct account {
	char name[ACCOUNT_NAME_MAX + 1];
	enum venue venue;
	uint32_t answers; /* 1 << enum account_answer: which are asked for */

	enum account_state state;
	char why[ACCOUNT_WHY_MAX];        /* of the state; "" while up */
	int64_t until_ms;                 /* LIMITED, BANNED */
	int64_t failed_ms;                /* wall clock, of the newest fault; 0: none ever */
	uint64_t faults[ACCOUNT_STATES];  /* how often each was told */
	int64_t said_ms[ACCOUNT_ANSWERS]; /* wall clock, newest answer of its kind; 0: none */
	uint64_t left_out;                /* rows for which there was no room, ever */
	bool incomplete[ACCOUNT_ANSWERS]; /* the newest one was left out a part of */

	struct account_balance balances[ACCOUNT_BALANCES_MAX]; /* by part, then as they came */
	uint32_t balance_count;
	struct account_position positions[ACCOUNT_POSITIONS_MAX];
	uint32_t position_count;
	struct account_pnl *pnl[ACCOUNT_PNL_ASSETS_MAX];
	uint32_t pnl_count;
	int64_t pnl_from_ms, pnl_to_ms; /* income is known in between without a hole; 0: not yet */
};

struct accounts;

struct accounts *accounts_create(void); /* NULL: out of memory */
void accounts_destroy(struct accounts *accounts);
bool account_name_is_good(struct str name);
/* FULL, EXISTS, INVALID (the name), NO_MEMORY. */
MUST_CHECK enum status accounts_add(struct accounts *accounts, struct str name, enum venue venue,
				    uint32_t answers, uint32_t *slot);
uint32_t accounts_count(const struct accounts *accounts);
const struct account *accounts_at(const struct accounts *accounts, uint32_t slot);
uint32_t accounts_find(const struct accounts *accounts, struct str name); /* any case */
const char *account_state_text(enum account_state state); /* "up" "key refused" … */
const char *account_answer_text(enum account_answer answer);

/* ---- told by who polls ---- */

/* An answer is told as a whole: begin, its rows, commit; another begin forgets what was
 * not committed, and what was known before stays until the commit. One at a time of an
 * account. Commit: as of now_ms, replaces the part's balances, the positions, or the hours
 * of the span. */
void accounts_begin(struct accounts *accounts, uint32_t slot, enum account_answer answer);
/* from_ms is the start of an hour, to_ms at most ACCOUNT_PNL_HOURS later. A row outside the
 * span is none of it. */
void accounts_begin_income(struct accounts *accounts, uint32_t slot, int64_t from_ms,
			   int64_t to_ms);
void accounts_add_balance(struct accounts *accounts, uint32_t slot,
			  const struct account_balance *row);
void accounts_add_position(struct accounts *accounts, uint32_t slot,
			   const struct account_position *row);
void accounts_add_income(struct accounts *accounts, uint32_t slot,
			 const struct account_income *row);
/* Rows that were not fetched are missing in what is being told. */
void accounts_add_missing(struct accounts *accounts, uint32_t slot);
void accounts_commit(struct accounts *accounts, uint32_t slot, int64_t now_ms);
/* All that was asked was answered as it should be: the state is up. */
void accounts_well(struct accounts *accounts, uint32_t slot);
/* It did not. until_ms: wall clock, 0 where it does not apply. */
void accounts_fault(struct accounts *accounts, uint32_t slot, enum account_state state,
		    const char *why, int64_t until_ms, int64_t now_ms);

/* ---- in USD ---- */

struct account_rate {
	struct decimal price; /* USD for one */
	int64_t t_ms;         /* of the trade that says so; 0: it is held at that */
	char source[40];      /* "binance:spot:BTCUSDT"; "held at 1.00" */
};
/* False: there is none. */
typedef bool (*account_rate_fn)(void *ctx, struct str asset, struct account_rate *rate);

/* RANGE: more than 10^18 USD. */
MUST_CHECK enum status account_usd(i128 amount_e18, const struct account_rate *rate, i128 *usd_e8);

struct account_total {
	i128 usd_e8;
	uint32_t priced, unpriced; /* balances */
	int64_t oldest_ms;         /* of the answers in it; 0: one lacks, or a part of one */
};
/* Equity of all balances. */
void account_total(const struct account *account, account_rate_fn rate, void *ctx,
		   struct account_total *total);

/* ---- income ---- */

enum account_window { ACCOUNT_1D, ACCOUNT_7D, ACCOUNT_30D, ACCOUNT_WINDOWS };
struct account_earned {
	i128 sums_e18[ACCOUNT_INCOMES];
	i128 all_e18; /* of them */
	uint64_t rows;
	int64_t from_ms; /* start of the first hour in it */
	bool known;      /* false: the history does not reach back so far (yet) */
};
/* Of one asset (pnl[index]), the hours of the window up to now_ms. */
void account_earned(const struct account *account, uint32_t index, enum account_window window,
		    int64_t now_ms, struct account_earned *out);
const char *account_window_text(enum account_window window); /* "1d" */
