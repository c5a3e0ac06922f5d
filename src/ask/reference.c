#include "ask/reference.h"

#include "ask/ask.h"
#include "ask/asked.h"
#include "base/check.h"

static const struct ask_field common[] = {
	{ "command", "word", "the question's name; null where it was not understood" },
	{ "symbol", "word", "as asked, upper case; null where the question takes none" },
	{ "as_of_ms", "ms", "newest trade of the markets" },
	{ "coverage", "object",
	  "how much of the answer's window is known, of the least covered market" },
	{ "coverage.minutes", "int", "minutes known" },
	{ "coverage.of", "int", "minutes of the window" },
	{ "coverage.partial", "int", "known minutes of which trades may be missing" },
	{ "coverage.source", "word", "stream, klines (some minutes come from them) or repaired" },
	{ "simulated", "bool", "some of the data is simulated" },
	{ "stale", "bool", "some market's data is older than market.stale_ms" },
	{ "error", "word",
	  "null, or why there is no answer: empty, too_long, control_character, unknown_command, "
	  "unknown_timeframe, too_many_words, not_available, unknown_symbol, no_data" },
	{ "data", "object", "the figures, below; null with an error" },
	{ "text", "word", "the answer as people read it" },
};

static const struct ask_field market[] = {
	{ "data.markets[].minutes", "int",
	  "minutes known of the window the market's figures span, which ends with its own newest "
	  "trade" },
	{ "data.markets[].partial", "int", "of these, minutes of which trades may be missing" },
	{ "data.markets[].quote", "word", "quote asset" },
	{ "data.markets[].in_total", "bool",
	  "it is in total_quote: quoted in USD or a coin held at one" },
	{ "data.markets[].age_ms", "int", "milliseconds since its last event" },
	{ "data.markets[].stale", "bool", "that is more than market.stale_ms" },
};

#define MARKETS                                                                                    \
	{ "data.markets", "array", "one object per market, in the order of their names" },         \
	{                                                                                          \
		"data.markets[].market", "word", "venue:kind:SYMBOL"                               \
	}
#define TOTAL                                                                                      \
	{ "data.total_quote", "object",                                                            \
	  "exact sums in quote units over the markets in the total, of the same minutes for all: " \
	  "up to as_of_ms" },                                                                      \
	{                                                                                          \
		"data.total_quote.markets", "int", "how many these are"                            \
	}
#define TIMEFRAME                                                                                  \
	{                                                                                          \
		"data.timeframe", "word", "1m 5m 15m 30m 60m 4h 24h"                               \
	}

static const struct ask_field price[] = {
	MARKETS,
	{ "data.markets[].price", "decimal", "of the newest trade" },
	{ "data.markets[].change_24h", "decimal",
	  "price less that of the first trade of the 24 h" },
	{ "data.markets[].change_24h_percent", "decimal", "the same in percent of that price" },
	{ "data.markets[].change_15m", "decimal", "likewise over 15 minutes" },
	{ "data.markets[].change_15m_percent", "decimal", "likewise" },
	{ "data.markets[].atr_15m", "decimal",
	  "average true range of 14 closed bars of 15 minutes (Wilder, seeded with the mean); "
	  "null until there are 15" },
	{ "data.markets[].volume_24h", "decimal", "base units" },
	{ "data.markets[].volume_24h_quote", "decimal", "quote units" },
	{ "data.markets[].delta_24h", "decimal", "taker buy less taker sell, base units" },
	{ "data.markets[].buy_24h", "decimal", "taker buy, base units" },
	{ "data.markets[].sell_24h", "decimal", "taker sell, base units" },
	{ "data.markets[].buy_share_24h", "decimal", "buy / (buy + sell); null without volume" },
	{ "data.markets[].volume_15m", "decimal", "base units" },
	{ "data.markets[].volume_15m_quote", "decimal", "quote units" },
	{ "data.markets[].delta_15m", "decimal", "base units" },
	{ "data.markets[].buy_15m", "decimal", "base units" },
	{ "data.markets[].sell_15m", "decimal", "base units" },
	{ "data.markets[].buy_share_15m", "decimal", "buy / (buy + sell)" },
	{ "data.markets[].open_interest", "decimal", "no data yet: null" },
	{ "data.markets[].open_interest_change_15m", "decimal", "no data yet: null" },
	{ "data.markets[].open_interest_change_24h", "decimal", "no data yet: null" },
	{ "data.markets[].funding_rate", "decimal", "no data yet: null" },
	{ "data.markets[].funding_annual_percent", "decimal", "no data yet: null" },
	{ "data.markets[].funding_next_ms", "ms", "no data yet: null" },
	{ "data.markets[].control", "word",
	  "of 24 h: buy share 65 % or more BUYERS, 35 % or less SELLERS" },
	{ "data.markets[].momentum", "word",
	  "15 m delta share against 24 h: ACCELERATING, DECELERATING, STEADY" },
	{ "data.markets[].activity", "word",
	  "15 m volume against a 96th of 24 h: EXTREME, HIGH, ABOVE AVG, NORMAL, LOW" },
	{ "data.markets[].activity_times", "decimal", "that ratio" },
	TOTAL,
	{ "data.total_quote.volume_24h", "decimal", "quote units, as all of total_quote" },
	{ "data.total_quote.delta_24h", "decimal", "" },
	{ "data.total_quote.buy_share_24h", "decimal", "" },
	{ "data.total_quote.volume_15m", "decimal", "" },
	{ "data.total_quote.delta_15m", "decimal", "" },
	{ "data.total_quote.buy_share_15m", "decimal", "" },
	{ "data.total_quote.control", "word", "of the sums" },
	{ "data.total_quote.momentum", "word", "of the sums" },
	{ "data.total_quote.activity", "word", "of the sums" },
	{ "data.total_quote.activity_times", "decimal", "of the sums" },
};

static const struct ask_field volume[] = {
	TIMEFRAME,
	MARKETS,
	{ "data.markets[].level", "word",
	  "LOW, MODERATE, HIGH, EXTREME from 50, 150, 300, 500 percent over, NONE below; null "
	  "where that is not known" },
	{ "data.markets[].percent_over", "decimal",
	  "the bar over the baseline, percent; an open bar is compared pro rata" },
	{ "data.markets[].z", "decimal",
	  "(bar - mean) / sd of the closed bars; null where sd is 0" },
	{ "data.markets[].current", "decimal", "volume of the bar so far, base units" },
	{ "data.markets[].current_quote", "decimal", "the same in quote units" },
	{ "data.markets[].bar_ms", "ms", "start of the bar" },
	{ "data.markets[].baseline", "decimal", "trimmed median of the closed bars, base units" },
	{ "data.markets[].bars", "int", "closed bars compared with, at most 50" },
	{ "data.markets[].open", "bool", "the bar is not closed yet" },
	TOTAL,
	{ "data.total_quote.current", "decimal", "the current bar of the markets that are in it" },
};

static const struct ask_field cvd[] = {
	TIMEFRAME,
	{ "data.origin_ms", "ms", "where the earliest market's CVD starts" },
	MARKETS,
	{ "data.markets[].cvd", "decimal", "sum of delta since origin_ms, base units" },
	{ "data.markets[].cvd_quote", "decimal", "the same in quote units" },
	{ "data.markets[].delta", "decimal",
	  "taker buy less taker sell of the timeframe, base units" },
	{ "data.markets[].buy", "decimal", "taker buy of the timeframe, base units" },
	{ "data.markets[].sell", "decimal", "taker sell of the timeframe, base units" },
	{ "data.markets[].delta_quote", "decimal", "delta in quote units" },
	{ "data.markets[].change_24h", "decimal", "change of the CVD over 24 h, base units" },
	{ "data.markets[].change_24h_quote", "decimal", "the same in quote units" },
	{ "data.markets[].trend", "word", "of the CVD over bars of the timeframe: UP, DOWN, FLAT" },
	{ "data.markets[].divergence", "word",
	  "price against CVD, swings of bars of the timeframe: none, seller exhaustion, buyer "
	  "absorption, buyer exhaustion, seller absorption" },
	{ "data.markets[].origin_ms", "ms",
	  "first minute held of this market; minutes and partial count from it" },
	TOTAL,
	{ "data.total_quote.cvd", "decimal", "each market from its own origin" },
	{ "data.total_quote.delta", "decimal", "of the timeframe" },
	{ "data.total_quote.buy", "decimal", "of the timeframe" },
	{ "data.total_quote.sell", "decimal", "of the timeframe" },
	{ "data.total_quote.change_24h", "decimal", "" },
};

static const struct ask_field momentum[] = {
	MARKETS,
	{ "data.markets[].state", "word", "ACCELERATING, DECELERATING, STEADY" },
	{ "data.markets[].windows", "array", "1m 5m 15m 30m 60m" },
	{ "data.markets[].windows[].timeframe", "word", "" },
	{ "data.markets[].windows[].return_percent", "decimal", "percent" },
	{ "data.markets[].windows[].return_per_atr", "decimal",
	  "return in average true ranges of bars of that length" },
	{ "data.markets[].windows[].delta_share", "decimal", "delta / volume" },
	{ "data.markets[].windows[].agree", "bool", "return and delta have one sign" },
	TOTAL,
	{ "data.total_quote.state", "word", "of the sums" },
	{ "data.total_quote.windows", "array", "1m 5m 15m 30m 60m" },
	{ "data.total_quote.windows[].timeframe", "word", "" },
	{ "data.total_quote.windows[].delta", "decimal", "quote units" },
	{ "data.total_quote.windows[].volume", "decimal", "quote units" },
	{ "data.total_quote.windows[].delta_share", "decimal", "delta / volume" },
};

static const struct ask_field flow[] = {
	MARKETS,
	{ "data.markets[].windows", "array", "1m 5m 15m 30m 60m" },
	{ "data.markets[].windows[].timeframe", "word", "" },
	{ "data.markets[].windows[].buy", "decimal", "taker buy, base units" },
	{ "data.markets[].windows[].sell", "decimal", "taker sell, base units" },
	{ "data.markets[].windows[].ratio", "decimal", "buy / (buy + sell); null without volume" },
	{ "data.markets[].windows[].imbalance", "decimal",
	  "(buy - sell) / (buy + sell); null without volume" },
	{ "data.markets[].windows[].pressure", "word",
	  "ratio over 0.6 BUY, under 0.4 SELL, else BALANCED" },
	{ "data.markets[].windows[].minutes", "int", "minutes known of the window" },
	{ "data.markets[].vwap_24h", "decimal", "volume-weighted mean price of 24 h" },
	{ "data.markets[].vwap_distance_percent", "decimal", "last price over it, percent" },
	{ "data.markets[].divergence", "word",
	  "absorption or exhaustion, swings of 15 minute bars" },
	{ "data.markets[].whale_quote", "int", "a whale trade is larger, quote units" },
	{ "data.markets[].whales_more", "bool",
	  "there may be more than those listed: the list is bounded" },
	{ "data.markets[].whales", "array", "whale trades of 24 h, newest first" },
	{ "data.markets[].whales[].t_ms", "ms", "" },
	{ "data.markets[].whales[].side", "word", "the taker's: buy, sell" },
	{ "data.markets[].whales[].price", "decimal", "" },
	{ "data.markets[].whales[].qty", "decimal", "base units" },
	{ "data.markets[].whales[].quote", "decimal", "price × qty" },
	{ "data.markets[].largest", "array", "largest trades of 24 h, largest first" },
	{ "data.markets[].largest[].t_ms", "ms", "" },
	{ "data.markets[].largest[].side", "word", "the taker's: buy, sell" },
	{ "data.markets[].largest[].price", "decimal", "" },
	{ "data.markets[].largest[].qty", "decimal", "base units" },
	{ "data.markets[].largest[].quote", "decimal", "price × qty" },
	{ "data.markets[].top", "object", "top of book; null where none was seen" },
	{ "data.markets[].top.bid", "decimal", "" },
	{ "data.markets[].top.bid_qty", "decimal", "base units" },
	{ "data.markets[].top.ask", "decimal", "" },
	{ "data.markets[].top.ask_qty", "decimal", "base units" },
	{ "data.markets[].top.spread_bp", "decimal", "(ask - bid) / mid × 10,000" },
	{ "data.markets[].top.t_ms", "ms", "" },
	{ "data.markets[].depth", "object", "null where no depth is subscribed" },
	{ "data.markets[].depth.bid_10bp", "decimal", "base units bid within 10 bp of the mid" },
	{ "data.markets[].depth.ask_10bp", "decimal", "" },
	{ "data.markets[].depth.imbalance_10bp", "decimal", "(bid - ask) / (bid + ask)" },
	{ "data.markets[].depth.bid_50bp", "decimal", "" },
	{ "data.markets[].depth.ask_50bp", "decimal", "" },
	{ "data.markets[].depth.imbalance_50bp", "decimal", "" },
	{ "data.markets[].depth.at_least", "bool", "levels may be missing from the sums" },
	TOTAL,
	{ "data.total_quote.windows", "array", "1m 5m 15m 30m 60m" },
	{ "data.total_quote.windows[].timeframe", "word", "" },
	{ "data.total_quote.windows[].buy", "decimal", "quote units" },
	{ "data.total_quote.windows[].sell", "decimal", "quote units" },
	{ "data.total_quote.windows[].ratio", "decimal", "" },
	{ "data.total_quote.windows[].imbalance", "decimal", "" },
	{ "data.total_quote.windows[].pressure", "word", "" },
};

static const struct ask_field help[] = {
	{ "data.commands", "array", "all questions" },
	{ "data.commands[].command", "word", "its name" },
	{ "data.commands[].args", "word", "what may follow it" },
	{ "data.commands[].help", "word", "what it answers" },
	{ "data.commands[].waits_for", "word", "null where it is answered" },
	{ "data.timeframes", "word", "those understood" },
};

#define OWN(name) [QUESTION_##name] = { name, ARRAY_LEN(name) }
static const struct {
	const struct ask_field *fields;
	size_t count;
} own[QUESTION_COUNT] = {
	OWN(price), OWN(volume), OWN(cvd), OWN(momentum), OWN(flow), OWN(help),
};

const struct ask_field *ask_fields_common(size_t *count)
{
	*count = ARRAY_LEN(common);
	return common;
}

const struct ask_field *ask_fields_market(size_t *count)
{
	*count = ARRAY_LEN(market);
	return market;
}

const struct ask_field *ask_fields_of(enum question question, size_t *count)
{
	CHECK(question < QUESTION_COUNT);
	*count = own[question].count;
	return own[question].fields;
}

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
	if (row->waits_for)
		buf_printf(out, "Not answered yet: it waits for %s.\n\n", row->waits_for);
	else
		print_table(out, own[question].fields, own[question].count);
}

void ask_print_reference(struct buf *out)
{
	buf_printf(
	    out,
	    "# Questions and their answers in JSON\n\n"
	    "Generated from src/def/questions.def and src/ask/reference.c; do not edit.\n\n"
	    "`weir ask \"/cvd ETH 5m\" --json`, HTTP and Telegram give the same. A question is "
	    "at most %d bytes. SYM is BTC, BTCUSDT or binance:perp:BTCUSDT and names at most "
	    "%d markets; TF is one of %s, 15m by default. Decimals are strings, times unix "
	    "ms, what is absent or undefined is null. Exit status of `weir ask`: 0 answered, 1 "
	    "the answer is no (error unknown_symbol, no_data, not_available), 2 usage.\n\n"
	    "## Every answer\n\n",
	    ASK_TEXT_MAX, ASK_MARKETS_MAX, asked_timeframes());
	print_table(out, common, ARRAY_LEN(common));
	buf_str_put(out, STR("## Every market of an answer\n\n"));
	print_table(out, market, ARRAY_LEN(market));
	for (enum question question = 0; question < QUESTION_COUNT; question++)
		print_question(out, question);
}
