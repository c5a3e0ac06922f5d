/* /pnl [NAME]: what was earned in 1, 7 and 30 days, asset by asset; of terminals, since
 * 00:00 UTC. */
#include "ask/accounts_facts.h"

#include "ask/refuse.h"
#include "base/check.h"
#include "trade/limits.h"

enum { LIMITS_PLACES = 8 };

static const char *const income_texts[ACCOUNT_INCOMES] = {
	[ACCOUNT_REALISED] = "realised",
	[ACCOUNT_FUNDING] = "funding",
	[ACCOUNT_FEES] = "fees",
};

/* ---- exchanges ---- */

static int64_t now_of(const struct accounts_facts *facts, const struct account *account)
{
	return facts->request->now_ms ? facts->request->now_ms
				      : account->said_ms[ACCOUNT_SAID_INCOME];
}

static void print_window(const struct account *account, uint32_t index, enum account_window window,
			 int64_t now_ms, struct page *page)
{
	struct account_earned earned;
	account_earned(account, index, window, now_ms, &earned);
	bool split = earned.all_e18 != earned.sums_e18[ACCOUNT_REALISED];
	if (!earned.known) {
		page_fact_number(page, account_window_text(window), figure_none());
		return;
	}
	page_fact_number(page, account_window_text(window),
			 accounts_figure(earned.all_e18, FIGURE_PLUS));
	for (int kind = 0; split && kind < ACCOUNT_INCOMES; kind++) {
		char label[16];
		struct buf text = buf_over(label, sizeof label - 1);
		if (!earned.sums_e18[kind])
			continue;
		buf_printf(&text, " %s", income_texts[kind]);
		label[text.len] = 0;
		page_fact_number(page, label, accounts_figure(earned.sums_e18[kind], FIGURE_PLUS));
	}
}

static void print_since(const struct account *account, struct page *page)
{
	if (!account->pnl_from_ms)
		return;
	struct figure since = figure_minute(account->pnl_from_ms);
	page_printf(page, "known since %.*s, by hours of UTC", STR_ARG(figure_str(&since)));
	if (account->venue == VENUE_BYBIT)
		page_text(page, "; after fees, without funding");
	page_end_line(page);
}

static void print_exchange(const struct accounts_facts *facts, const struct account *account,
			   struct page *page)
{
	int64_t now_ms = now_of(facts, account);
	if (accounts_page_full(page))
		return;
	accounts_print_head(facts, account, page);
	if (!(account->answers >> ACCOUNT_SAID_INCOME & 1)) {
		page_line(page, "Income is not asked for (kinds).");
		return;
	}
	for (uint32_t i = 0; i < account->pnl_count && !accounts_page_full(page); i++) {
		if (!page->table)
			page_table_begin(page);
		page_line(page, account->pnl[i]->asset);
		for (enum account_window window = 0; window < ACCOUNT_WINDOWS; window++)
			print_window(account, i, window, now_ms, page);
	}
	if (page->table)
		page_table_end(page);
	if (!account->pnl_count && account->pnl_from_ms)
		page_line(page, "Nothing was earned or paid.");
	print_since(account, page);
	accounts_print_age(facts, account, ACCOUNT_SAID_INCOME, page);
}

/* ---- terminals ---- */

static bool closed_today(const struct accounts_facts *facts, const struct instance *instance,
			 i128 *e18)
{
	if (!facts->world->limits)
		return false;
	*e18 = (i128)limits_day(facts->world->limits, str_of(instance->server), instance->login) *
	       decimal_pow10(ACCOUNT_PLACES - LIMITS_PLACES);
	return true;
}

static void print_terminal(const struct accounts_facts *facts, const struct instance *instance,
			   struct page *page)
{
	i128 closed, open;
	accounts_print_terminal(instance, page);
	if (closed_today(facts, instance, &closed))
		page_facts(page, " closed", accounts_figure(closed, FIGURE_PLUS),
			   figure_word(instance->currency));
	if (accounts_sample(instance, SAMPLE_pl, &open))
		page_facts(page, " open", accounts_figure(open, FIGURE_PLUS),
			   figure_word(instance->currency));
}

static void print_terminals(const struct accounts_facts *facts, struct page *page)
{
	uint32_t shown = 0;
	if (!facts->terminal_count)
		return;
	accounts_print_terminals_head(facts, page);
	if (facts->world->limits)
		page_line(page, "Closed: since 00:00 UTC.");
	for (; shown < facts->terminal_count && !accounts_page_full(page); shown++) {
		if (!page->table)
			page_table_begin(page);
		print_terminal(facts, facts->terminals[shown], page);
	}
	if (page->table)
		page_table_end(page);
	accounts_print_more(page, facts->terminal_count - shown + facts->terminals_left_out,
			    "terminals");
}

static void print_pnl(struct accounts_facts *facts, struct page *page)
{
	accounts_print_title(facts, page, "Profit and loss");
	for (uint32_t i = 0; i < facts->exchange_count; i++)
		print_exchange(facts, facts->exchanges[i], page);
	print_terminals(facts, page);
	page_end_line(page);
	accounts_print_foot(facts, page);
}

/* ---- JSON ---- */

static void json_window(const struct account *account, uint32_t index, enum account_window window,
			int64_t now_ms, struct json_out *json)
{
	struct account_earned earned;
	account_earned(account, index, window, now_ms, &earned);
	json_out_open(json, account_window_text(window), '{');
	json_out_i64(json, "from_ms", earned.from_ms);
	accounts_json_e18(json, "all", earned.known, earned.all_e18);
	for (int kind = 0; kind < ACCOUNT_INCOMES; kind++)
		accounts_json_e18(json, income_texts[kind], earned.known, earned.sums_e18[kind]);
	json_out_known_i64(json, "rows", earned.known, (int64_t)earned.rows);
	json_out_close(json, '}');
}

static void json_exchange(const struct accounts_facts *facts, const struct account *account,
			  struct json_out *json)
{
	accounts_json_head(account, json);
	json_out_known_i64(json, "known_from_ms", account->pnl_from_ms > 0, account->pnl_from_ms);
	json_out_open(json, "assets", '[');
	for (uint32_t i = 0; i < account->pnl_count; i++) {
		json_out_open(json, NULL, '{');
		json_out_str(json, "asset", str_of(account->pnl[i]->asset));
		for (enum account_window window = 0; window < ACCOUNT_WINDOWS; window++)
			json_window(account, i, window, now_of(facts, account), json);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
	json_out_close(json, '}');
}

static void write_pnl(struct accounts_facts *facts, struct json_out *json)
{
	uint32_t listed = 0;
	json_out_open(json, "accounts", '[');
	for (uint32_t i = 0; i < facts->exchange_count; i++)
		json_exchange(facts, facts->exchanges[i], json);
	json_out_close(json, ']');
	json_out_open(json, "terminals", '[');
	for (; listed < facts->terminal_count && listed < JSON_TERMINALS; listed++) {
		const struct instance *instance = facts->terminals[listed];
		i128 closed = 0, open;
		bool known = closed_today(facts, instance, &closed);
		accounts_json_terminal(instance, json);
		accounts_json_e18(json, "closed_today", known, closed);
		known = accounts_sample(instance, SAMPLE_pl, &open);
		accounts_json_e18(json, "open_profit", known, open);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
	json_out_i64(json, "terminals_unlisted",
		     facts->terminal_count - listed + facts->terminals_left_out);
	json_out_bool(json, "terminals_simulated", facts->simulated);
}

enum ask_outcome pnl_answer(const struct ask_world *world, const struct ask_request *request,
			    const struct asked *asked, struct buf *out)
{
	struct accounts_facts facts;
	enum fault fault = accounts_facts_init(&facts, world, request, asked, false);
	if (fault)
		return refuse(world, request, asked, fault, out);
	return accounts_answer(&facts, print_pnl, write_pnl, out);
}
