/* /positions [SYM|NAME]: what is open, by account. */
#include "ask/accounts_facts.h"

#include "ask/refuse.h"
#include "base/check.h"

enum { ASSETS = 16 };

struct open_sum { /* open profit of one asset or currency */
	char asset[ACCOUNT_ASSET_MAX + 1];
	i128 profit_e18;
	uint32_t positions;
};
struct open_sums {
	struct open_sum rows[ASSETS];
	uint32_t count, positions, beyond; /* beyond: of assets that had no room */
};

/* "BTC" and "btcusdt" are meant by BTCUSDT. */
static bool is_meant(const struct accounts_facts *facts, const char *symbol)
{
	struct str text = str_of(symbol), name = str_of(facts->symbol);
	if (!facts->symbol)
		return true;
	return text.len >= name.len && str_eq_nocase(str_make(text.ptr, name.len), name);
}

static void add(struct open_sums *sums, const char *asset, i128 profit_e18)
{
	uint32_t at = 0;
	while (at < sums->count && strcmp(sums->rows[at].asset, asset) != 0)
		at++;
	sums->positions++;
	if (at == ASSETS) {
		sums->beyond++;
		return;
	}
	if (at == sums->count) {
		struct buf name = buf_over(sums->rows[at].asset, sizeof sums->rows[at].asset - 1);
		buf_str_put(&name, str_of(asset));
		sums->count++;
	}
	sums->rows[at].positions++;
	sums->rows[at].profit_e18 += profit_e18;
}

static void profit_line(struct page *page, i128 profit_e18, const char *asset)
{
	char storage[FIGURE_BYTES + ACCOUNT_ASSET_MAX + 2];
	struct buf text = buf_over(storage, sizeof storage - 1);
	struct figure profit = accounts_figure(profit_e18, FIGURE_PLUS);
	buf_printf(&text, "%.*s %s", STR_ARG(figure_str(&profit)), asset);
	storage[text.len] = 0;
	page_fact(page, " open profit", storage);
}

/* ---- exchanges ---- */

static void print_position(const struct account_position *position, struct page *page)
{
	page_printf(page, "%s %s", position->symbol,
		    position->side == ACCOUNT_SHORT ? "short" : "long");
	page_number(page, PAGE_COLUMNS, accounts_figure(position->qty_e18, FIGURE_PLAIN));
	page_end_line(page);
	page_fact_number(page, " entry", accounts_figure(position->entry_e18, FIGURE_PLAIN));
	page_fact_number(page, " mark", accounts_figure(position->mark_e18, FIGURE_PLAIN));
	if (position->liq_known)
		page_fact_number(page, " liquidation",
				 accounts_figure(position->liq_e18, FIGURE_PLAIN));
	profit_line(page, position->unrealised_e18, position->asset);
}

static void print_exchange(const struct accounts_facts *facts, const struct account *account,
			   struct open_sums *sums, struct page *page)
{
	bool full = accounts_page_full(page);
	uint32_t left = 0;
	if (!full) {
		accounts_print_head(facts, account, page);
		accounts_print_age(facts, account, ACCOUNT_SAID_POSITIONS, page);
		if (!(account->answers >> ACCOUNT_SAID_POSITIONS & 1))
			page_line(page, "Positions are not asked for (kinds).");
	}
	for (uint32_t i = 0; i < account->position_count; i++) {
		const struct account_position *position = &account->positions[i];
		if (!is_meant(facts, position->symbol))
			continue;
		add(sums, position->asset, position->unrealised_e18);
		if (full || accounts_page_full(page)) {
			left++;
			continue;
		}
		if (!page->table)
			page_table_begin(page);
		print_position(position, page);
	}
	if (page->table)
		page_table_end(page);
	accounts_print_more(page, full ? 0 : left, "positions");
}

/* ---- terminals ---- */

static void print_of_terminal(const struct position *position, const char *currency,
			      struct page *page)
{
	page_printf(page, "%s %s", position->symbol, position->side ? "sell" : "buy");
	page_number(page, PAGE_COLUMNS,
		    accounts_figure(accounts_number(position->volume), FIGURE_PLAIN));
	page_end_line(page);
	page_fact_number(page, " entry",
			 accounts_figure(accounts_number(position->price_open), FIGURE_PLAIN));
	page_fact_number(page, " now",
			 accounts_figure(accounts_number(position->price_now), FIGURE_PLAIN));
	profit_line(page, accounts_number(position->profit), currency);
}

static void print_terminal(const struct accounts_facts *facts, const struct instance *instance,
			   struct open_sums *sums, uint32_t *left, struct page *page)
{
	uint32_t count = instance->positions ? positions_count(instance->positions) : 0;
	bool named = false;
	for (uint32_t i = 0; i < count; i++) {
		const struct position *position = positions_at(instance->positions, i);
		if (!is_meant(facts, position->symbol))
			continue;
		add(sums, instance->currency, accounts_number(position->profit));
		if (accounts_page_full(page)) {
			(*left)++;
			continue;
		}
		if (!page->table)
			page_table_begin(page);
		if (!named)
			accounts_print_terminal(instance, page);
		named = true;
		print_of_terminal(position, instance->currency, page);
	}
}

static void print_terminals(const struct accounts_facts *facts, struct open_sums *sums,
			    struct page *page)
{
	uint32_t left = 0;
	if (!facts->terminal_count)
		return;
	accounts_print_terminals_head(facts, page);
	for (uint32_t i = 0; i < facts->terminal_count; i++)
		print_terminal(facts, facts->terminals[i], sums, &left, page);
	if (page->table)
		page_table_end(page);
	accounts_print_more(page, left, "positions");
	if (facts->terminals_left_out) {
		page_printf(page, "%u terminals were not looked at.", facts->terminals_left_out);
		page_end_line(page);
	}
}

static void print_positions(struct accounts_facts *facts, struct page *page)
{
	struct open_sums sums = { .count = 0 };
	accounts_print_title(facts, page, "Positions");
	for (uint32_t i = 0; i < facts->exchange_count; i++)
		print_exchange(facts, facts->exchanges[i], &sums, page);
	print_terminals(facts, &sums, page);
	page_end_line(page);
	if (!sums.positions)
		page_line(page, "Nothing is open.");
	for (uint32_t i = 0; i < sums.count && page->chars < PAGE_CHARS - 250; i++) {
		struct figure profit = accounts_figure(sums.rows[i].profit_e18, FIGURE_PLUS);
		page_printf(page, "%u in %s: open profit %.*s", sums.rows[i].positions,
			    sums.rows[i].asset, STR_ARG(figure_str(&profit)));
		page_end_line(page);
	}
	if (sums.beyond) {
		page_printf(page, "%u more, of other assets", sums.beyond);
		page_end_line(page);
	}
	accounts_print_foot(facts, page);
}

/* ---- JSON ---- */

static void json_position(const struct account_position *position, struct json_out *json)
{
	json_out_open(json, NULL, '{');
	json_out_str(json, "symbol", str_of(position->symbol));
	json_out_str(json, "side", position->side == ACCOUNT_SHORT ? STR("short") : STR("long"));
	accounts_json_e18(json, "qty", true, position->qty_e18);
	accounts_json_e18(json, "entry", true, position->entry_e18);
	accounts_json_e18(json, "mark", true, position->mark_e18);
	accounts_json_e18(json, "liquidation", position->liq_known, position->liq_e18);
	accounts_json_e18(json, "unrealised", true, position->unrealised_e18);
	accounts_json_e18(json, "margin", position->margin_e18 != 0, position->margin_e18);
	json_out_str(json, "asset", str_of(position->asset));
	json_out_close(json, '}');
}

static void json_exchange(const struct accounts_facts *facts, const struct account *account,
			  uint32_t *room, struct open_sums *sums, struct json_out *json)
{
	uint32_t left = 0;
	accounts_json_head(account, json);
	json_out_open(json, "positions", '[');
	for (uint32_t i = 0; i < account->position_count; i++) {
		const struct account_position *position = &account->positions[i];
		if (!is_meant(facts, position->symbol))
			continue;
		add(sums, position->asset, position->unrealised_e18);
		if (!*room) {
			left++;
			continue;
		}
		(*room)--;
		json_position(position, json);
	}
	json_out_close(json, ']');
	json_out_i64(json, "unlisted", left);
	json_out_close(json, '}');
}

static void json_of_terminal(const struct position *position, struct json_out *json)
{
	json_out_open(json, NULL, '{');
	json_out_i64(json, "ticket", (int64_t)position->ticket);
	json_out_str(json, "symbol", str_of(position->symbol));
	json_out_str(json, "side", position->side ? STR("sell") : STR("buy"));
	accounts_json_e18(json, "volume", true, accounts_number(position->volume));
	accounts_json_e18(json, "entry", true, accounts_number(position->price_open));
	accounts_json_e18(json, "now", true, accounts_number(position->price_now));
	accounts_json_e18(json, "profit", true, accounts_number(position->profit));
	accounts_json_e18(json, "swap", true, accounts_number(position->swap));
	json_out_close(json, '}');
}

static void json_terminal(const struct accounts_facts *facts, const struct instance *instance,
			  uint32_t *room, struct open_sums *sums, struct json_out *json)
{
	uint32_t count = instance->positions ? positions_count(instance->positions) : 0, left = 0;
	accounts_json_terminal(instance, json);
	json_out_open(json, "positions", '[');
	for (uint32_t i = 0; i < count; i++) {
		const struct position *position = positions_at(instance->positions, i);
		if (!is_meant(facts, position->symbol))
			continue;
		add(sums, instance->currency, accounts_number(position->profit));
		if (!*room) {
			left++;
			continue;
		}
		(*room)--;
		json_of_terminal(position, json);
	}
	json_out_close(json, ']');
	json_out_i64(json, "unlisted", left);
	json_out_close(json, '}');
}

/* Of a terminal beyond JSON_TERMINALS the sums are told all the same. */
static void json_terminals(const struct accounts_facts *facts, uint32_t *room,
			   struct open_sums *sums, struct json_out *json)
{
	char storage[1024];
	json_out_open(json, "terminals", '[');
	for (uint32_t i = 0; i < facts->terminal_count; i++) {
		struct buf nowhere = buf_over(storage, sizeof storage);
		struct json_out unseen = { .out = &nowhere };
		uint32_t none = 0;
		bool listed = i < JSON_TERMINALS;
		json_terminal(facts, facts->terminals[i], listed ? room : &none, sums,
			      listed ? json : &unseen);
	}
	json_out_close(json, ']');
	json_out_i64(
	    json, "terminals_unlisted",
	    (facts->terminal_count > JSON_TERMINALS ? facts->terminal_count - JSON_TERMINALS : 0) +
		facts->terminals_left_out);
}

static void write_positions(struct accounts_facts *facts, struct json_out *json)
{
	struct open_sums sums = { .count = 0 };
	uint32_t room = JSON_ROWS;
	json_out_word(json, "only", facts->symbol);
	json_out_open(json, "accounts", '[');
	for (uint32_t i = 0; i < facts->exchange_count; i++)
		json_exchange(facts, facts->exchanges[i], &room, &sums, json);
	json_out_close(json, ']');
	json_terminals(facts, &room, &sums, json);
	json_out_bool(json, "terminals_simulated", facts->simulated);
	json_out_open(json, "sums", '[');
	for (uint32_t i = 0; i < sums.count; i++) {
		json_out_open(json, NULL, '{');
		json_out_str(json, "asset", str_of(sums.rows[i].asset));
		json_out_i64(json, "positions", sums.rows[i].positions);
		accounts_json_e18(json, "unrealised", true, sums.rows[i].profit_e18);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
	json_out_i64(json, "positions", sums.positions);
}

enum ask_outcome positions_answer(const struct ask_world *world, const struct ask_request *request,
				  const struct asked *asked, struct buf *out)
{
	struct accounts_facts facts;
	enum fault fault = accounts_facts_init(&facts, world, request, asked, true);
	if (fault)
		return refuse(world, request, asked, fault, out);
	return accounts_answer(&facts, print_positions, write_positions, out);
}
