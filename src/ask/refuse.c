#include "ask/refuse.h"

#include "accounts/accounts.h"
#include "base/json_out.h"
#include "ask/page.h"

enum { SENTENCE_BYTES = 1024, SYMBOLS_SHOWN = 24 };

static void write_usage(enum question question, struct buf *out)
{
	const struct question_row *row = question_row(question);
	buf_printf(out, "%s%s%s", row->name, row->args[0] ? " " : "", row->args);
}

static bool base_seen_before(const struct markets *markets, size_t index, struct str base)
{
	struct str other, quote;
	for (size_t i = 0; i < index; i++) {
		market_id_assets(market_id(markets_at(markets, i)), &other, &quote);
		if (str_eq(base, other))
			return true;
	}
	return false;
}

static void write_known_symbols(const struct markets *markets, struct buf *out)
{
	struct str base, quote;
	size_t shown = 0;
	for (size_t i = 0; i < markets_count(markets); i++) {
		market_id_assets(market_id(markets_at(markets, i)), &base, &quote);
		if (base_seen_before(markets, i, base))
			continue;
		if (shown == SYMBOLS_SHOWN) {
			buf_str_put(out, STR(" …"));
			return;
		}
		buf_str_put(out, shown++ ? STR(", ") : STR(""));
		buf_str_put(out, base);
	}
}

static bool asks_accounts(enum question question)
{
	return question == QUESTION_balance || question == QUESTION_positions ||
	       question == QUESTION_pnl;
}

static void write_unknown_account(const struct ask_world *world, const struct asked *asked,
				  struct buf *out)
{
	const struct accounts *accounts = world->accounts;
	buf_printf(out, "Unknown account '%s'.", asked->account);
	for (uint32_t i = 0; accounts && i < accounts_count(accounts); i++)
		buf_printf(out, "%s %s", i ? "," : " Known:", accounts_at(accounts, i)->name);
	if (accounts && accounts_count(accounts))
		buf_char(out, '.');
	if (world->fleet)
		buf_str_put(out, STR(" A terminal's account is its id or LOGIN@SERVER."));
}

static void write_no_data(const struct ask_world *world, const struct asked *asked, struct buf *out)
{
	if (asked->question == QUESTION_alerts) {
		buf_str_put(out, STR("No alerts are kept here."));
		return;
	}
	if (asked->question == QUESTION_fleet || asked->question == QUESTION_halt) {
		buf_str_put(out, STR("No terminals are kept here."));
		return;
	}
	if (asks_accounts(asked->question)) {
		buf_str_put(out, STR("No account is configured: a section [account.NAME] of "
				     "weir.conf with venue and key_file makes one; a read-only key "
				     "is enough."));
		return;
	}
	if (asked->question == QUESTION_memory) {
		buf_str_put(out, STR("No weir runs here that looks after the memory."));
		return;
	}
	if (markets_count(world->markets) == 0)
		buf_str_put(out, STR("No market data yet"));
	else if (asked->by_oi)
		buf_str_put(out, STR("No open interest is known yet"));
	else if (!asked->symbol[0])
		buf_str_put(out, STR("No such market has data yet"));
	else
		buf_printf(out, "No data of %s yet", asked->symbol);
	buf_str_put(out, world->options.live ? STR(": no trade has arrived; ask again in a moment.")
					     : STR(", and no feed is running."));
}

static void write_unknown_command(const struct asked *asked, struct buf *out)
{
	buf_printf(out, "Unknown command '%s'", asked->word);
	size_t before = out->len;
	question_suggest(out, str_of(asked->word));
	if (out->len == before)
		buf_char(out, '.');
	buf_str_put(out, STR(" /help lists the questions."));
}

static void write_no_perp(const struct asked *asked, struct buf *out)
{
	if (asked->symbol[0])
		buf_printf(out, "No perpetual of %s is followed: spot", asked->symbol);
	else
		buf_str_put(out, STR("Spot"));
	buf_str_put(out, STR(" has no open interest, no funding and no liquidations."));
}

static void write_sentence(const struct ask_world *world, const struct asked *asked,
			   enum fault fault, struct buf *out)
{
	switch (fault) {
	case FAULT_EMPTY:
		buf_str_put(out,
			    STR("Nothing was asked. Try /price BTC; /help lists the questions."));
		break;
	case FAULT_TOO_LONG:
		buf_printf(out, "The question is too long: at most %d bytes.", ASK_TEXT_MAX);
		break;
	case FAULT_CONTROL:
		buf_str_put(out, STR("The question holds a control character; use plain text."));
		break;
	case FAULT_UNKNOWN_COMMAND: write_unknown_command(asked, out); break;
	case FAULT_UNKNOWN_TIMEFRAME:
		buf_printf(out, "Unknown timeframe '%s': use one of %s.", asked->word,
			   asked_timeframes());
		break;
	case FAULT_EXTRA:
		buf_printf(out, "'%s' is one word too many. Usage: ", asked->word);
		write_usage(asked->question, out);
		break;
	case FAULT_UNKNOWN_SYMBOL:
		buf_printf(out, "Unknown symbol '%s'. Known: ", asked->symbol);
		write_known_symbols(world->markets, out);
		buf_char(out, '.');
		break;
	case FAULT_NO_PERP: write_no_perp(asked, out); break;
	case FAULT_UNKNOWN_ACCOUNT: write_unknown_account(world, asked, out); break;
	case FAULT_NO_DATA: write_no_data(world, asked, out); break;
	case FAULT_NONE:
	case FAULT_COUNT: break;
	}
}

static enum ask_outcome outcome_of(enum fault fault)
{
	switch (fault) {
	case FAULT_UNKNOWN_SYMBOL:
	case FAULT_UNKNOWN_ACCOUNT:
	case FAULT_NO_PERP:
	case FAULT_NO_DATA: return ASK_NO;
	default: return ASK_USAGE;
	}
}

static void json_str_or_null(struct json_out *json, const char *key, const char *text)
{
	if (text && text[0])
		json_out_str(json, key, str_of(text));
	else
		json_out_null(json, key);
}

static void json_head(struct json_out *json, const char *command, const char *symbol,
		      bool simulated, const char *error)
{
	json_out_open(json, NULL, '{');
	json_str_or_null(json, "command", command);
	json_str_or_null(json, "symbol", symbol);
	json_out_null(json, "as_of_ms");
	json_out_null(json, "coverage");
	json_out_bool(json, "simulated", simulated);
	json_out_bool(json, "stale", false);
	json_str_or_null(json, "error", error);
}

enum ask_outcome refuse_sentence(const struct ask_world *world, const struct ask_request *request,
				 const struct asked *asked, const char *code,
				 enum ask_outcome outcome, struct str text, struct buf *out)
{
	char storage[SENTENCE_BYTES];
	struct buf sentence = buf_over(storage, sizeof storage);
	bool known = asked->question < QUESTION_COUNT;
	buf_str_put(&sentence, text);
	buf_char(&sentence, '\n');
	if (request->format == ASK_JSON) {
		struct json_out json = { .out = out };
		json_head(&json, known ? asked_command(asked->question) : NULL, asked->symbol,
			  world->options.simulated, code);
		json_out_null(&json, "data");
		json_out_str(&json, "text", buf_str(&sentence));
		json_out_close(&json, '}');
	} else if (request->format == ASK_HTML) {
		buf_html(out, buf_str(&sentence));
	} else {
		buf_str_put(out, buf_str(&sentence));
	}
	return outcome;
}

enum ask_outcome refuse(const struct ask_world *world, const struct ask_request *request,
			const struct asked *asked, enum fault fault, struct buf *out)
{
	char storage[SENTENCE_BYTES];
	struct buf sentence = buf_over(storage, sizeof storage);
	write_sentence(world, asked, fault, &sentence);
	return refuse_sentence(world, request, asked, asked_fault_code(fault), outcome_of(fault),
			       buf_str(&sentence), out);
}

static void print_help(const char *symbol_default, struct page *page)
{
	page_bold(page, STR("What weir can be asked"));
	for (enum question question = 0; question < QUESTION_COUNT; question++) {
		const struct question_row *row = question_row(question);
		char usage[128];
		struct buf text = buf_over(usage, sizeof usage);
		write_usage(question, &text);
		page_end_line(page);
		page_bold(page, buf_str(&text));
		page_text(page, row->help);
		page_end_line(page);
	}
	page_end_line(page);
	page_printf(page, "SYM: BTC, BTCUSDT or binance:perp:BTCUSDT; %s if left out.",
		    symbol_default);
	page_end_line(page);
	page_printf(page, "TF: %s; 15m if left out.", asked_timeframes());
	page_end_line(page);
	page_line(page,
		  "NAME: an account of [account.NAME], or a terminal's: its id or LOGIN@SERVER.");
}

static void json_commands(struct json_out *json)
{
	json_out_open(json, "commands", '[');
	for (enum question question = 0; question < QUESTION_COUNT; question++) {
		const struct question_row *row = question_row(question);
		json_out_open(json, NULL, '{');
		json_out_str(json, "command", str_of(asked_command(question)));
		json_str_or_null(json, "args", row->args);
		json_out_str(json, "help", str_of(row->help));
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
	json_out_str(json, "timeframes", str_of(asked_timeframes()));
}

enum ask_outcome help_answer(const struct ask_world *world, const struct ask_request *request,
			     struct buf *out)
{
	char storage[PAGE_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	struct json_out json = { .out = out };
	struct page page;
	page_init(&page, request->format == ASK_JSON ? &text : out, request->format == ASK_HTML);
	char symbol[ASKED_WORD_MAX + 1];
	asked_keep_symbol(world->options.symbol_default, symbol);
	print_help(symbol, &page);
	if (request->format != ASK_JSON)
		return ASK_ANSWERED;
	json_head(&json, asked_command(QUESTION_help), NULL, false, NULL);
	json_out_open(&json, "data", '{');
	json_commands(&json);
	json_out_close(&json, '}');
	json_out_str(&json, "text", buf_str(&text));
	json_out_close(&json, '}');
	return ASK_ANSWERED;
}
