/* account_json.h - what exchanges say of an account, read. Socket-free.
 *
 * Each call takes a body (64 readable bytes behind it) of a signed endpoint (market.md
 * 1.4) and gives its rows to a function, in the venue's order. Amounts are exact: i128
 * at 10^-18 of a unit, from decimal text alone ("0E-8" is 0); text with more than 18
 * places that are not zeros, or of 10^15 units and more, is refused. A row that cannot be read ends
 * the call with FORMAT: rows before it were given, and the asker throws them away. So does a body
 * that is not JSON, one of more than ACCOUNT_ROWS_MAX rows, one longer than ACCOUNT_BODY_MAX and
 * one that is an error of the venue's. Rows of nothing but zeros are left out.
 *
 * Facts: the venues' public documents, 2026. One reader, one thread. */
#pragma once

#include "base/decimal.h"
#include "def/market_id.h"

enum {
	ACCOUNT_PLACES = 18, /* behind the point of every amount: *_e18 */
	ACCOUNT_ASSET_MAX = 23,
	ACCOUNT_SYMBOL_MAX = 31,
	ACCOUNT_CURSOR_MAX = 512,
	ACCOUNT_ROWS_MAX = 5000,
	ACCOUNT_BODY_MAX = 2 << 20,
};

/* Where money lies. */
enum account_part { ACCOUNT_SPOT, ACCOUNT_PERP, ACCOUNT_UNIFIED, ACCOUNT_PARTS };

struct account_balance {
	char asset[ACCOUNT_ASSET_MAX + 1]; /* "USDT" */
	uint8_t part;                      /* enum account_part */
	bool free_known, locked_known;
	i128 free_e18, locked_e18; /* locked: in orders, or margin of positions and orders */
	i128 wallet_e18;           /* without what open positions would bring */
	i128 unrealised_e18;       /* what they would; 0 for spot */
	i128 equity_e18;           /* both, less what is borrowed */
};

enum account_side { ACCOUNT_LONG, ACCOUNT_SHORT };

struct account_position {
	char symbol[ACCOUNT_SYMBOL_MAX + 1]; /* "BTCUSDT" */
	char asset[ACCOUNT_ASSET_MAX + 1];   /* of margin and profit */
	uint8_t side;                        /* enum account_side */
	bool liq_known;                      /* false: there is no price that would end it */
	i128 qty_e18;                        /* above 0 */
	i128 entry_e18, mark_e18, liq_e18;   /* prices */
	i128 unrealised_e18;
	i128 margin_e18; /* held for it and its orders; 0: not said */
};

/* What an income row is made of. The venue's transfers are none. */
enum account_income_kind { ACCOUNT_REALISED, ACCOUNT_FUNDING, ACCOUNT_FEES, ACCOUNT_INCOMES };

struct account_income {
	char asset[ACCOUNT_ASSET_MAX + 1];
	uint8_t kind; /* enum account_income_kind */
	int64_t t_ms;
	i128 amount_e18; /* negative: paid */
};

/* `[-]digits[.digits][E[-+]digits]` at 10^-18. FORMAT; RANGE: more than 18 places,
 * 10^15 units or more. */
MUST_CHECK enum status account_amount_parse(struct str text, i128 *amount_e18);

struct account_reader; /* the parser's scratch */

struct account_reader *account_reader_create(void); /* NULL: out of memory */
void account_reader_destroy(struct account_reader *reader);
/* What was wrong with the body of the last call, a static text; "" when nothing was. */
const char *account_reader_why(const struct account_reader *reader);

/* What the function gets is its own during the call only. */
typedef void (*account_balance_fn)(void *ctx, const struct account_balance *balance);
typedef void (*account_position_fn)(void *ctx, const struct account_position *position);
typedef void (*account_income_fn)(void *ctx, const struct account_income *income);

/* Binance /api/v3/account (SPOT), /fapi/v3/balance (PERP: without the unrealised profit of
 * isolated positions, locked is not known), Bybit wallet-balance (UNIFIED). The parts that
 * a venue has are theirs: another is a fault of the caller. */
MUST_CHECK enum status account_read_balances(struct account_reader *reader, enum venue venue,
					     enum account_part part, struct str body,
					     account_balance_fn fn, void *ctx);
/* What is said of the page. */
struct account_page {
	char cursor[ACCOUNT_CURSOR_MAX + 1]; /* Bybit: of the next one, "" at the end; escaped */
	uint32_t rows;                       /* of the venue's, whatever became of them */
	int64_t last_ms;                     /* Binance income: of the last row */
	bool ascending;                      /* and its rows are in the order of time */
};
/* Binance /fapi/v3/positionRisk, Bybit /v5/position/list. */
MUST_CHECK enum status account_read_positions(struct account_reader *reader, enum venue venue,
					      struct str body, account_position_fn fn, void *ctx,
					      struct account_page *page);
/* Binance /fapi/v1/income; Bybit /v5/position/closed-pnl: its profit is after fees and
 * without funding, its time the row's creation, by which the venue sorts and is asked. */
MUST_CHECK enum status account_read_income(struct account_reader *reader, enum venue venue,
					   struct str body, account_income_fn fn, void *ctx,
					   struct account_page *page);
/* Server time: /api/v3/time, /fapi/v1/time, /v5/market/time. */
MUST_CHECK enum status account_read_time(struct account_reader *reader, enum venue venue,
					 struct str body, int64_t *unix_ms);
