/* accounts_facts.h - whose accounts a question is about, and the rates its answer uses;
 * shared by ask/accounts*.c only. On the stack of an answer. */
#pragma once

#include "ask/accounts.h"
#include "base/json_out.h"
#include "ask/page.h"

enum {
	TERMINALS_LOOKED_AT = 1024, /* more are counted and said */
	RATES_NOTED = 64,
	PAGE_ROOM = PAGE_CHARS - 700, /* what follows the accounts fits behind it */
	JSON_ROWS = 240,              /* of balances, of positions; more are counted */
	JSON_TERMINALS = 100,
};

struct rate_noted {
	char asset[ACCOUNT_ASSET_MAX + 1];
	bool known, stale;
	struct account_rate rate;
};

struct accounts_facts {
	const struct ask_world *world;
	const struct ask_request *request;
	const struct asked *asked;
	struct ask_rates rates;
	const struct account *exchanges[ACCOUNTS_MAX];
	uint32_t exchange_count;
	const struct instance *terminals[TERMINALS_LOOKED_AT]; /* one for each account */
	uint32_t terminal_count, terminals_left_out;
	bool simulated; /* the terminals are the demo's: in no total */
	struct rate_noted noted[RATES_NOTED];
	uint32_t noted_count;
	const char *symbol; /* /positions: of these alone; NULL: all */
};

/* FAULT_NONE, FAULT_UNKNOWN_ACCOUNT, FAULT_NO_DATA (there are no accounts at all).
 * symbols: a name that is no account's is a symbol. */
enum fault accounts_facts_init(struct accounts_facts *facts, const struct ask_world *world,
			       const struct ask_request *request, const struct asked *asked,
			       bool symbols);
/* Of an amount of the asset; false: it has no rate. Notes the rate. */
bool accounts_value(struct accounts_facts *facts, const char *asset, i128 amount_e18, i128 *usd_e8);
/* A terminal's number at 10^-18; false: it was never sent. */
bool accounts_sample(const struct instance *instance, enum sample sample, i128 *e18);
i128 accounts_number(struct number number);

/* ---- page ---- */

/* As it is, up to 8 places; more are rounded and say so by "~". */
struct figure accounts_figure(i128 e18, enum figure_sign sign);
struct figure accounts_usd_figure(i128 usd_e8);
void accounts_print_title(const struct accounts_facts *facts, struct page *page, const char *what);
/* "main · Binance" in bold, and what is wrong with it. */
void accounts_print_head(const struct accounts_facts *facts, const struct account *account,
			 struct page *page);
/* "as of 3 s ago" of one kind of answer. */
void accounts_print_age(const struct accounts_facts *facts, const struct account *account,
			enum account_answer answer, struct page *page);
void accounts_print_terminals_head(const struct accounts_facts *facts, struct page *page);
/* "90000001@Server", in its own line. */
void accounts_print_terminal(const struct instance *instance, struct page *page);
/* The rates used, what has none, and the time. */
void accounts_print_foot(struct accounts_facts *facts, struct page *page);
/* True while there is room for more; counts and says once what is left out. */
bool accounts_page_full(const struct page *page);
void accounts_print_more(struct page *page, uint32_t count, const char *what);

/* ---- JSON ---- */

/* Everything around "data"; text is the page. */
typedef void accounts_print(struct accounts_facts *facts, struct page *page);
typedef void accounts_json(struct accounts_facts *facts, struct json_out *json);
enum ask_outcome accounts_answer(struct accounts_facts *facts, accounts_print *print,
				 accounts_json *write, struct buf *out);
void accounts_json_e18(struct json_out *json, const char *key, bool known, i128 e18);
/* Opens the account's object with what is known of the account itself. */
void accounts_json_head(const struct account *account, struct json_out *json);
/* Opens the terminal's. */
void accounts_json_terminal(const struct instance *instance, struct json_out *json);
void accounts_json_rates(const struct accounts_facts *facts, struct json_out *json);
