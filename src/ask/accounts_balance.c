/* /balance [NAME]: what accounts hold, exactly, and what that is in USD. */
#include "ask/accounts_facts.h"

#include "ask/refuse.h"
#include "base/check.h"

struct worth { /* a balance, and its place on the page */
	const struct account_balance *balance;
	bool priced;
	i128 usd_e8;
};

struct sums {
	i128 usd_e8;
	uint32_t unpriced; /* balances and accounts without a rate */
	bool lacks;        /* an answer is missing, or a part of one */
};

/* ---- facts ---- */

static bool is_worth_more(const struct worth *a, const struct worth *b)
{
	return a->priced != b->priced ? a->priced : a->usd_e8 > b->usd_e8;
}

/* The largest first, those without a rate last, each kind as the venue has them. */
static void sort(struct worth *rows, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		struct worth row = rows[i];
		uint32_t at = i;
		for (; at > 0 && is_worth_more(&row, &rows[at - 1]); at--)
			rows[at] = rows[at - 1];
		rows[at] = row;
	}
}

static uint32_t values(struct accounts_facts *facts, const struct account *account,
		       struct worth rows[ACCOUNT_BALANCES_MAX], struct sums *sums)
{
	*sums = (struct sums){ .usd_e8 = 0 };
	for (uint32_t i = 0; i < account->balance_count; i++) {
		struct worth *row = &rows[i];
		*row = (struct worth){ .balance = &account->balances[i] };
		row->priced = accounts_value(facts, row->balance->asset, row->balance->equity_e18,
					     &row->usd_e8);
		if (row->priced)
			sums->usd_e8 += row->usd_e8;
		else
			sums->unpriced++;
	}
	for (enum account_answer answer = 0; answer < ACCOUNT_SAID_POSITIONS; answer++)
		if (account->answers >> answer & 1)
			sums->lacks |= !account->said_ms[answer] || account->incomplete[answer];
	sort(rows, account->balance_count);
	return account->balance_count;
}

static void add(struct sums *to, const struct sums *sums)
{
	to->usd_e8 += sums->usd_e8;
	to->unpriced += sums->unpriced;
	to->lacks |= sums->lacks;
}

/* ---- exchanges ---- */

static const char *part_text(uint8_t part)
{
	return part == ACCOUNT_UNIFIED ? "" : account_answer_text((enum account_answer)part);
}

static void print_part(struct page *page, const char *label, struct figure amount)
{
	page_text(page, label);
	page_number(page, 22, amount);
	page_end_line(page);
}

static void print_row(const struct worth *row, struct page *page)
{
	const struct account_balance *balance = row->balance;
	page_printf(page, "%s %s", balance->asset, part_text(balance->part));
	page_number(page, 22, accounts_figure(balance->equity_e18, FIGURE_PLAIN));
	page_number(page, PAGE_COLUMNS,
		    row->priced ? accounts_usd_figure(row->usd_e8) : figure_word("no rate"));
	page_end_line(page);
	if (balance->locked_known && balance->locked_e18)
		print_part(page, " locked", accounts_figure(balance->locked_e18, FIGURE_PLAIN));
	if (balance->unrealised_e18)
		print_part(page, " open profit",
			   accounts_figure(balance->unrealised_e18, FIGURE_PLUS));
}

/* False: the page has no room for it. */
static bool print_exchange(struct accounts_facts *facts, const struct account *account,
			   struct sums *all, struct page *page)
{
	struct worth rows[ACCOUNT_BALANCES_MAX];
	struct sums sums;
	uint32_t count = values(facts, account, rows, &sums), shown = 0;
	add(all, &sums);
	if (accounts_page_full(page))
		return false;
	accounts_print_head(facts, account, page);
	if (!sums.lacks || count) {
		page_table_begin(page);
		for (; shown < count && !accounts_page_full(page); shown++)
			print_row(&rows[shown], page);
		page_fact_number(page, sums.lacks ? "at least, USD" : "USD",
				 accounts_usd_figure(sums.usd_e8));
		page_table_end(page);
	}
	accounts_print_more(page, count - shown, "balances");
	for (enum account_answer answer = 0; answer < ACCOUNT_SAID_POSITIONS; answer++)
		accounts_print_age(facts, account, answer, page);
	return true;
}

/* ---- terminals ---- */

static void print_terminal(const struct instance *instance, struct page *page)
{
	i128 equity, balance;
	accounts_sample(instance, SAMPLE_eq, &equity);
	accounts_print_terminal(instance, page);
	if (accounts_sample(instance, SAMPLE_bal, &balance))
		page_facts(page, " balance", accounts_figure(balance, FIGURE_PLAIN),
			   figure_word(instance->currency));
	page_facts(page, " equity", accounts_figure(equity, FIGURE_PLAIN),
		   figure_word(instance->currency));
}

struct currency_sum {
	const char *currency;
	uint32_t accounts;
	i128 balance_e18, equity_e18;
	bool priced;
	i128 usd_e8;
};
enum { CURRENCIES = 16 };

/* By currency, in the order in which they occur; accounts beyond CURRENCIES are counted. */
static uint32_t sum_currencies(struct accounts_facts *facts, struct currency_sum out[CURRENCIES],
			       uint32_t *beyond)
{
	uint32_t count = 0;
	*beyond = 0;
	for (uint32_t i = 0; i < facts->terminal_count; i++) {
		const struct instance *instance = facts->terminals[i];
		uint32_t at = 0;
		i128 e18;
		while (at < count && strcmp(out[at].currency, instance->currency) != 0)
			at++;
		if (at == CURRENCIES) {
			(*beyond)++;
			continue;
		}
		if (at == count)
			out[count++] = (struct currency_sum){ .currency = instance->currency };
		out[at].accounts++;
		accounts_sample(instance, SAMPLE_bal, &e18);
		out[at].balance_e18 += e18;
		accounts_sample(instance, SAMPLE_eq, &e18);
		out[at].equity_e18 += e18;
	}
	for (uint32_t at = 0; at < count; at++)
		out[at].priced =
		    accounts_value(facts, out[at].currency, out[at].equity_e18, &out[at].usd_e8);
	return count;
}

static void print_sum(const struct currency_sum *sum, struct page *page)
{
	page_printf(page, "%u in %s", sum->accounts, sum->currency);
	page_end_line(page);
	page_fact_number(page, " balance", accounts_figure(sum->balance_e18, FIGURE_PLAIN));
	page_fact_number(page, " equity", accounts_figure(sum->equity_e18, FIGURE_PLAIN));
}

static void print_terminals(struct accounts_facts *facts, struct sums *all, struct page *page)
{
	struct currency_sum sums[CURRENCIES];
	uint32_t beyond, count = sum_currencies(facts, sums, &beyond), shown = 0;
	if (!facts->terminal_count)
		return;
	accounts_print_terminals_head(facts, page);
	if (!accounts_page_full(page))
		page_table_begin(page);
	for (uint32_t i = 0; i < count; i++) {
		if (!accounts_page_full(page))
			print_sum(&sums[i], page);
		all->usd_e8 += sums[i].priced && !facts->simulated ? sums[i].usd_e8 : 0;
		all->unpriced += sums[i].priced || facts->simulated ? 0 : sums[i].accounts;
	}
	for (; shown < facts->terminal_count && !accounts_page_full(page); shown++)
		print_terminal(facts->terminals[shown], page);
	if (page->table)
		page_table_end(page);
	all->unpriced += facts->simulated ? 0 : beyond + facts->terminals_left_out;
	accounts_print_more(page, facts->terminal_count - shown + facts->terminals_left_out,
			    "terminals");
}

static void print_balance(struct accounts_facts *facts, struct page *page)
{
	struct sums all = { .usd_e8 = 0 };
	bool real = facts->exchange_count > 0 || (facts->terminal_count && !facts->simulated);
	accounts_print_title(facts, page, "Balance");
	uint32_t unshown = 0;
	for (uint32_t i = 0; i < facts->exchange_count; i++)
		unshown += !print_exchange(facts, facts->exchanges[i], &all, page);
	accounts_print_more(page, unshown, "accounts");
	print_terminals(facts, &all, page);
	page_end_line(page);
	if (real) {
		struct figure total = accounts_usd_figure(all.usd_e8);
		page_printf(page, "%s: %.*s USD", all.lacks ? "At least" : "In all",
			    STR_ARG(figure_str(&total)));
		if (all.unpriced)
			page_printf(page, ", %u without a rate not counted", all.unpriced);
		page_end_line(page);
	}
	accounts_print_foot(facts, page);
}

/* ---- JSON ---- */

static void json_balance(const struct worth *row, struct json_out *json)
{
	const struct account_balance *balance = row->balance;
	json_out_open(json, NULL, '{');
	json_out_str(json, "asset", str_of(balance->asset));
	json_out_str(json, "part", str_of(account_answer_text((enum account_answer)balance->part)));
	accounts_json_e18(json, "free", balance->free_known, balance->free_e18);
	accounts_json_e18(json, "locked", balance->locked_known, balance->locked_e18);
	accounts_json_e18(json, "wallet", true, balance->wallet_e18);
	accounts_json_e18(json, "unrealised", true, balance->unrealised_e18);
	accounts_json_e18(json, "equity", true, balance->equity_e18);
	json_out_known_decimal(json, "usd", row->priced, row->usd_e8, 8);
	json_out_close(json, '}');
}

static void json_exchange(struct accounts_facts *facts, const struct account *account,
			  uint32_t *room, struct sums *all, struct json_out *json)
{
	struct worth rows[ACCOUNT_BALANCES_MAX];
	struct sums sums;
	uint32_t count = values(facts, account, rows, &sums), shown = 0;
	add(all, &sums);
	accounts_json_head(account, json);
	json_out_open(json, "balances", '[');
	for (; shown < count && *room; shown++, (*room)--)
		json_balance(&rows[shown], json);
	json_out_close(json, ']');
	json_out_i64(json, "unlisted", count - shown);
	json_out_decimal(json, "usd", sums.usd_e8, 8);
	json_out_bool(json, "complete", !sums.lacks);
	json_out_i64(json, "unpriced", sums.unpriced);
	json_out_close(json, '}');
}

static void json_terminal(const struct instance *instance, struct json_out *json)
{
	static const struct {
		const char *key;
		enum sample sample;
	} shown[] = { { "balance", SAMPLE_bal },
		      { "equity", SAMPLE_eq },
		      { "margin", SAMPLE_mar },
		      { "free_margin", SAMPLE_fm },
		      { "open_profit", SAMPLE_pl } };
	accounts_json_terminal(instance, json);
	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		i128 e18;
		bool known = accounts_sample(instance, shown[i].sample, &e18);
		accounts_json_e18(json, shown[i].key, known, e18);
	}
	json_out_close(json, '}');
}

static void json_currencies(struct accounts_facts *facts, struct sums *all, struct json_out *json)
{
	struct currency_sum sums[CURRENCIES];
	uint32_t beyond, count = sum_currencies(facts, sums, &beyond);
	json_out_open(json, "terminal_sums", '[');
	for (uint32_t i = 0; i < count; i++) {
		json_out_open(json, NULL, '{');
		json_out_str(json, "currency", str_of(sums[i].currency));
		json_out_i64(json, "accounts", sums[i].accounts);
		accounts_json_e18(json, "balance", true, sums[i].balance_e18);
		accounts_json_e18(json, "equity", true, sums[i].equity_e18);
		json_out_known_decimal(json, "usd", sums[i].priced, sums[i].usd_e8, 8);
		json_out_close(json, '}');
		all->usd_e8 += sums[i].priced && !facts->simulated ? sums[i].usd_e8 : 0;
		all->unpriced += sums[i].priced || facts->simulated ? 0 : sums[i].accounts;
	}
	json_out_close(json, ']');
	all->unpriced += facts->simulated ? 0 : beyond + facts->terminals_left_out;
}

static void write_balance(struct accounts_facts *facts, struct json_out *json)
{
	struct sums all = { .usd_e8 = 0 };
	uint32_t room = JSON_ROWS, listed = 0;
	json_out_open(json, "accounts", '[');
	for (uint32_t i = 0; i < facts->exchange_count; i++)
		json_exchange(facts, facts->exchanges[i], &room, &all, json);
	json_out_close(json, ']');
	json_out_open(json, "terminals", '[');
	for (; listed < facts->terminal_count && listed < JSON_TERMINALS; listed++)
		json_terminal(facts->terminals[listed], json);
	json_out_close(json, ']');
	json_out_i64(json, "terminals_unlisted",
		     facts->terminal_count - listed + facts->terminals_left_out);
	json_out_bool(json, "terminals_simulated", facts->simulated);
	json_currencies(facts, &all, json);
	json_out_decimal(json, "total_usd", all.usd_e8, 8);
	json_out_bool(json, "complete", !all.lacks);
	json_out_i64(json, "unpriced", all.unpriced);
	accounts_json_rates(facts, json);
}

enum ask_outcome balance_answer(const struct ask_world *world, const struct ask_request *request,
				const struct asked *asked, struct buf *out)
{
	struct accounts_facts facts;
	enum fault fault = accounts_facts_init(&facts, world, request, asked, false);
	if (fault)
		return refuse(world, request, asked, fault, out);
	return accounts_answer(&facts, print_balance, write_balance, out);
}
