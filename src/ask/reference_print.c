/* docs/reference/ask.md. */
#include "ask/reference.h"

#include "ask/ask.h"
#include "ask/asked.h"

static void print_table(struct buf *out, const struct ask_field *fields, size_t count)
{
	buf_str_put(out, STR("| field | type | meaning |\n|---|---|---|\n"));
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "| `%s` | %s | %s |\n", fields[i].path, fields[i].type,
			   fields[i].help);
	buf_char(out, '\n');
}

static void print_question(struct buf *out, enum question question)
{
	const struct question_row *row = question_row(question);
	buf_printf(out, "## %s%s%s\n\n%s.\n\n", row->name, row->args[0] ? " " : "", row->args,
		   row->help);
	size_t count;
	const struct ask_field *fields = ask_fields_of(question, &count);
	print_table(out, fields, count);
}

void ask_print_reference(struct buf *out)
{
	size_t n_common, n_market;
	const struct ask_field *common = ask_fields_common(&n_common);
	const struct ask_field *market = ask_fields_market(&n_market);
	buf_printf(
	    out,
	    "# Questions and their answers in JSON\n\n"
	    "Generated from src/def/questions.def and src/ask/reference.c; do not edit.\n\n"
	    "`weir ask \"/cvd ETH 5m\" --json`, HTTP and Telegram give the same. A question is "
	    "at most %d bytes. SYM is BTC, BTCUSDT or binance:perp:BTCUSDT and names at most "
	    "%d markets; TF is one of %s, 15m by default. Decimals are strings, times unix "
	    "ms, what is absent or undefined is null. Exit status of `weir ask`: 0 answered, 1 "
	    "the answer is no (error unknown_symbol, no_perpetual, unknown_account, no_data), 2 "
	    "usage.\n\n"
	    "## Every answer\n\n",
	    ASK_TEXT_MAX, ASK_MARKETS_MAX, asked_timeframes());
	print_table(out, common, n_common);
	buf_str_put(out, STR("## Every market of an answer\n\n"));
	print_table(out, market, n_market);
	for (enum question question = 0; question < QUESTION_COUNT; question++)
		print_question(out, question);
}
