#include "ask/reference_accounts.h"

#include "ask/ask.h"
#include "ask/asked.h"
#include "base/check.h"

static const struct ask_field common[] = {
	{ "command", "word", "the question's name; null where it was not understood" },
	{ "symbol", "word", "as asked, upper case; null where the question takes none" },
	{ "as_of_ms", "ms",
	  "newest trade of the markets; of /alerts, /fleet and /memory the time of the question" },
	{ "coverage", "object",
	  "how much of the answer's window of trades is known, of the least covered market; null "
	  "where the answer is not about markets" },
	{ "coverage.minutes", "int", "minutes known" },
	{ "coverage.of", "int", "minutes of the window" },
	{ "coverage.partial", "int", "known minutes of which trades may be missing" },
	{ "coverage.source", "word", "stream, klines (some minutes come from them) or repaired" },
	{ "simulated", "bool", "some of the data is simulated" },
	{ "stale", "bool",
	  "a market has had no trade and no word of its book for market.stale_ms, or open "
	  "interest, "
	  "funding, a mark price or a venue's own figure in the answer is stale" },
	{ "error", "word",
	  "null, or why there is no answer: empty, too_long, control_character, unknown_command, "
	  "unknown_timeframe, too_many_words, unknown_symbol, no_perpetual, unknown_account, "
	  "no_data; of /alerts also bad_alert, unknown_alert, unknown_terminal, full, "
	  "not_allowed" },
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
	  "it is in the totals: quoted in USD or a coin held at one" },
	{ "data.markets[].age_ms", "int",
	  "milliseconds since its newest trade or word of its book" },
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

#define OPEN_INTEREST                                                                              \
	{ "data.markets[].open_interest", "decimal",                                               \
	  "one-sided on every venue, base units; null for spot" },                                 \
	    { "data.markets[].open_interest_ms", "ms", "when the venue said it" },                 \
	{                                                                                          \
		"data.markets[].open_interest_stale", "bool", "that is more than 3 minutes ago"    \
	}
#define FUNDING                                                                                    \
	{ "data.markets[].funding_rate", "decimal",                                                \
	  "fraction of one interval: 0.0001 is 0.01 %; null for spot" },                           \
	    { "data.markets[].funding_annual_percent", "decimal",                                  \
	      "rate × 24 h / interval × 365; null where the interval is not known" },              \
	    { "data.markets[].funding_next_ms", "ms", "next funding; null where not known" },      \
	{                                                                                          \
		"data.markets[].funding_stale", "bool", "the venue said it more than a minute ago" \
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
	{ "data.markets[].venue_change_24h_percent", "decimal",
	  "the venue's own figure, where not every minute of the 24 h is known; else null" },
	{ "data.markets[].venue_volume_24h_quote", "decimal", "likewise, quote units" },
	{ "data.markets[].venue_stale", "bool", "these are older than a minute" },
	OPEN_INTEREST,
	{ "data.markets[].open_interest_change_15m_percent", "decimal",
	  "against the sample at or before newest - 15 minutes" },
	{ "data.markets[].open_interest_change_24h_percent", "decimal", "likewise" },
	FUNDING,
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
	{ "data.markets[].top.stale", "bool", "older than market.stale_ms" },
	{ "data.markets[].top.from_depth", "bool",
	  "these are the best levels of the depth: the venue told no quote" },
	{ "data.markets[].depth", "object", "null where no depth is subscribed" },
	{ "data.markets[].depth.bid_10bp", "decimal", "base units bid within 10 bp of the mid" },
	{ "data.markets[].depth.ask_10bp", "decimal", "" },
	{ "data.markets[].depth.imbalance_10bp", "decimal", "(bid - ask) / (bid + ask)" },
	{ "data.markets[].depth.bid_50bp", "decimal", "" },
	{ "data.markets[].depth.ask_50bp", "decimal", "" },
	{ "data.markets[].depth.imbalance_50bp", "decimal", "" },
	{ "data.markets[].depth.at_least", "bool", "levels may be missing from the sums" },
	{ "data.markets[].depth.t_ms", "ms", "" },
	{ "data.markets[].depth.stale", "bool", "older than market.stale_ms" },
	TOTAL,
	{ "data.total_quote.windows", "array", "1m 5m 15m 30m 60m" },
	{ "data.total_quote.windows[].timeframe", "word", "" },
	{ "data.total_quote.windows[].buy", "decimal", "quote units" },
	{ "data.total_quote.windows[].sell", "decimal", "quote units" },
	{ "data.total_quote.windows[].ratio", "decimal", "" },
	{ "data.total_quote.windows[].imbalance", "decimal", "" },
	{ "data.total_quote.windows[].pressure", "word", "" },
};

#define OI_WINDOW(path)                                                                            \
	{ path ".windows", "array", "15m 60m 24h" }, { path ".windows[].timeframe", "word", "" },  \
	    { path ".windows[].change", "decimal",                                                 \
	      "against the sample at or before newest - timeframe, base units" },                  \
	    { path ".windows[].change_percent", "decimal", "the same in percent of that sample" }, \
	{                                                                                          \
		path ".windows[].class", "word",                                                   \
		    "OI and price: NEW LONGS, NEW SHORTS, LONG LIQUIDATION, SHORT SQUEEZE; null "  \
		    "where either did not move or is not known, and of the total where prices "    \
		    "moved different ways"                                                         \
	}

static const struct ask_field oi[] = {
	MARKETS,
	OPEN_INTEREST,
	{ "data.markets[].open_interest_quote", "decimal", "times the price of the newest trade" },
	OI_WINDOW("data.markets[]"),
	{ "data.total", "object",
	  "exact sums over the markets in the total whose open interest is known" },
	{ "data.total.open_interest", "decimal", "base units" },
	{ "data.total.open_interest_quote", "decimal", "" },
	OI_WINDOW("data.total"),
	{ "data.total.stale", "bool", "a stale figure is in it" },
	{ "data.total.markets", "int", "how many these are" },
};

static const struct ask_field funding[] = {
	MARKETS,
	FUNDING,
	{ "data.markets[].interval_min", "int", "minutes between fundings; null where not known" },
	{ "data.markets[].pressure", "word",
	  "of the rate in percent: below 0.001 NEUTRAL, over 0.005 LONG PRESSURE, over 0.01 LONG "
	  "SQUEEZE, mirrored SHORT …, else NORMAL" },
	{ "data.markets[].funding_ms", "ms", "when the venue said it" },
	{ "data.markets[].mark", "decimal", "mark price" },
	{ "data.markets[].index", "decimal", "index price" },
	{ "data.markets[].premium_percent", "decimal", "mark over index, percent" },
	{ "data.markets[].mark_ms", "ms", "when the venue said mark and index" },
	{ "data.markets[].mark_stale", "bool", "that is more than market.stale_ms ago" },
	{ "data.total", "object",
	  "over the markets in the total of which rate, interval and open interest are known" },
	{ "data.total.weighted_annual_percent", "decimal",
	  "annual rates weighted by open interest in quote units" },
	{ "data.total.weighted_8h_percent", "decimal", "the same for 8 hours" },
	{ "data.total.stale", "bool", "a stale figure is in it" },
	{ "data.total.markets", "int", "how many these are" },
};

#define CASCADE(path)                                                                              \
	{ path ".active", "bool", "it goes on" }, { path ".began_ms", "ms", "" },                  \
	    { path ".last_ms", "ms", "newest liquidation of it" },                                 \
	    { path ".n", "int", "liquidations" }, { path ".n_long", "int", "of long positions" },  \
	    { path ".n_short", "int", "" }, { path ".venues", "int", "on how many venues" },       \
	    { path ".long_quote", "decimal", "quote units" },                                      \
	    { path ".short_quote", "decimal", "" },                                                \
	    { path ".risk", "decimal", "0 to 1, the highest it had" },                             \
	{                                                                                          \
		path ".band", "word", "of the risk: LOW, MODERATE, HIGH, EXTREME"                  \
	}

static const struct ask_field liquidations[] = {
	{ "data.asset", "word", "base asset: liquidations of all its perpetuals" },
	{ "data.windows", "array", "60m 24h; minutes of the clock, while weir listened" },
	{ "data.windows[].timeframe", "word", "" },
	{ "data.windows[].long_quote", "decimal", "long positions that were closed, quote units" },
	{ "data.windows[].short_quote", "decimal", "short positions" },
	{ "data.windows[].n_long", "int", "how many" },
	{ "data.windows[].n_short", "int", "" },
	{ "data.windows[].at_least", "bool",
	  "a venue that does not tell every liquidation is in it: a lower bound" },
	{ "data.cascade", "object", "the one going on; null: none" },
	CASCADE("data.cascade"),
	{ "data.cascades", "array", "the last ones that ended, newest first" },
	CASCADE("data.cascades[]"),
	{ "data.last", "array", "the last ones of 24 h, newest first" },
	{ "data.last[].market", "word", "venue:kind:SYMBOL" },
	{ "data.last[].t_ms", "ms", "" },
	{ "data.last[].position", "word", "that was closed: long, short" },
	{ "data.last[].price", "decimal", "" },
	{ "data.last[].qty", "decimal", "base units" },
	{ "data.last[].quote", "decimal", "price × qty" },
	{ "data.last[].size", "word", "LARGE, INSTITUTIONAL, WHALE; null: smaller" },
	{ "data.left_out", "int", "liquidations of all assets that found no room" },
};

static const struct ask_field top10[] = {
	{ "data.by", "word", "volume, oi" },
	{ "data.kind", "word", "spot, perp; null: both" },
	{ "data.markets", "array",
	  "at most ten quoted in USD or a coin held at one, the largest first" },
	{ "data.markets[].market", "word", "venue:kind:SYMBOL" },
	{ "data.markets[].price", "decimal", "of the newest trade" },
	{ "data.markets[].change_24h_percent", "decimal", "" },
	{ "data.markets[].change_from", "word", "as volume_from" },
	{ "data.markets[].volume_24h_quote", "decimal", "quote units" },
	{ "data.markets[].volume_from", "word",
	  "trades, or venue: its own figure, where not every minute is known" },
	{ "data.markets[].venue_stale", "bool", "the venue's figures are older than a minute" },
	OPEN_INTEREST,
	{ "data.markets[].open_interest_quote", "decimal", "times the price of the newest trade" },
	FUNDING,
};

static const struct ask_field analysis[] = {
	MARKETS,
	{ "data.markets[].price", "decimal", "of the newest trade" },
	{ "data.markets[].change_24h_percent", "decimal", "" },
	{ "data.markets[].volume_24h_quote", "decimal", "quote units" },
	{ "data.markets[].buy_share_24h", "decimal", "buy / (buy + sell)" },
	TOTAL,
	{ "data.total_quote.windows", "array", "15m 60m 24h" },
	{ "data.total_quote.windows[].timeframe", "word", "" },
	{ "data.total_quote.windows[].volume", "decimal", "quote units" },
	{ "data.total_quote.windows[].delta", "decimal", "quote units" },
	{ "data.total_quote.windows[].buy_share", "decimal", "" },
	{ "data.total_quote.cvd", "decimal", "each market from its own origin" },
	{ "data.total_quote.origin_ms", "ms", "the earliest of these" },
	{ "data.total_quote.control", "word", "of 24 h" },
	{ "data.total_quote.momentum", "word", "" },
	{ "data.total_quote.activity", "word", "" },
	{ "data.total_quote.activity_times", "decimal", "" },
	{ "data.rates", "object", "of the perpetuals in the total together" },
	{ "data.rates.open_interest", "decimal", "base units" },
	{ "data.rates.open_interest_quote", "decimal", "" },
	{ "data.rates.open_interest_change_15m_percent", "decimal", "" },
	{ "data.rates.open_interest_change_24h_percent", "decimal", "" },
	{ "data.rates.open_interest_class_15m", "word", "as in /oi" },
	{ "data.rates.open_interest_stale", "bool", "a stale figure is in it" },
	{ "data.rates.funding_annual_percent", "decimal", "weighted by open interest" },
	{ "data.rates.funding_stale", "bool", "a stale figure is in it" },
	{ "data.lead", "object",
	  "the market with the most volume of those that are not stale: what follows is its own" },
	{ "data.lead.market", "word", "venue:kind:SYMBOL" },
	{ "data.lead.volatility_24h", "decimal", "sd of 1-minute log returns × √1440" },
	{ "data.lead.atr_15m", "decimal", "" },
	{ "data.lead.cvd_trend_15m", "word", "UP, DOWN, FLAT" },
	{ "data.lead.divergence_15m", "word", "as in /cvd" },
	{ "data.lead.volume_level_15m", "word", "as in /volume" },
	{ "data.lead.volume_percent_over_15m", "decimal", "" },
	{ "data.indicators", "array",
	  "one object per timeframe of market.indicators, of the lead" },
	{ "data.indicators[].timeframe", "word", "" },
	{ "data.indicators[].bars", "int", "closed bars used" },
	{ "data.indicators[].bars_of", "int", "210: below it, warming up" },
	{ "data.indicators[].close_ms", "ms", "end of the newest bar used" },
	{ "data.indicators[].stale", "bool", "a newer bar has closed since" },
	{ "data.indicators[].convention", "word",
	  "wilder, as the rows below say, or talib; the text says the one in force" },
#define INDICATOR(id, field, title, function, output, convention)                                  \
	{ "data.indicators[]." field, "decimal", title ": " convention },
#include "def/indicators.def"
#undef INDICATOR
	{ "data.indicators[].provisional", "object",
	  "the same as if the open bar closed now; null where nothing is known of it" },
#define INDICATOR(id, field, title, function, output, convention)                                  \
	{ "data.indicators[].provisional." field, "decimal", "" },
#include "def/indicators.def"
#undef INDICATOR
	{ "data.liquidations_60m", "object", "of the asset" },
	{ "data.liquidations_60m.long_quote", "decimal", "" },
	{ "data.liquidations_60m.short_quote", "decimal", "" },
	{ "data.liquidations_60m.at_least", "bool", "" },
	{ "data.liquidations_60m.cascade", "bool", "one goes on" },
};

static const struct ask_field alerts[] = {
	{ "data.action", "word",
	  "list, add, edit, del, mute, unmute, snooze, test; all but list and test say `own` "
	  "alone, test says `past` alone" },
	{ "data.own_of", "int", "how many the asker has of his own" },
	{ "data.own", "array",
	  "of them, closest to firing first, at most 100; otherwise the one that was changed" },
	{ "data.own[].id", "int", "" },
	{ "data.own[].owner", "word", "" },
	{ "data.own[].rule", "word", "as it is written" },
	{ "data.own[].market", "word", "that it watches; null: an asset's all, or a terminal" },
	{ "data.own[].state", "word",
	  "waiting (true, or not known, when it was set), armed, fired (until it has gone back)" },
	{ "data.own[].paused", "word",
	  "muted, snoozed, capped, owner_capped, no_data, stale; null: it is not" },
	{ "data.own[].value", "decimal", "now; null: not known, or an event" },
	{ "data.own[].threshold", "decimal", "" },
	{ "data.own[].unit", "word", "of value and threshold; base: units of the asset" },
	{ "data.own[].distance_percent", "decimal",
	  "from the threshold, in % of it; null as the value" },
	{ "data.own[].once", "bool", "it goes when it was told" },
	{ "data.own[].every_ms", "int", "it is not told again for so long" },
	{ "data.own[].max", "int", "times a UTC day" },
	{ "data.own[].muted", "bool", "" },
	{ "data.own[].snoozed_until_ms", "ms", "null: is not" },
	{ "data.own[].created_ms", "ms", "" },
	{ "data.own[].told_ms", "ms", "last; null: never" },
	{ "data.own[].told", "int", "how often" },
	{ "data.own[].told_today", "int", "" },
	{ "data.own[].not_told", "int", "for a mute, a snooze, its cooldown or a cap" },
	{ "data.past", "object", "the dry run of test: the last 24 h in memory" },
	{ "data.past.rule", "word", "" },
	{ "data.past.market", "word", "" },
	{ "data.past.possible", "bool", "memory holds what it needs" },
	{ "data.past.basis", "word", "by what it is said, or why it cannot be" },
	{ "data.past.told", "int", "how often it would have been told" },
	{ "data.past.at_least", "bool", "memory holds the newest events only" },
	{ "data.past.from_ms", "ms", "" },
	{ "data.past.to_ms", "ms", "" },
	{ "data.past.told_ms", "array", "when, the first 64" },
	{ "data.watched", "bool", "a feed or a fleet runs: the rules are being watched" },
	{ "data.firing", "int", "how many fire now" },
	{ "data.pending", "int", "how many are about to" },
	{ "data.alerts", "array",
	  "firing first, then pending, then those that ended within the hour; at most 64" },
	{ "data.alerts[].rule", "word", "its section is [alert.RULE]" },
	{ "data.alerts[].name", "word", "" },
	{ "data.alerts[].severity", "word", "info, warn, critical" },
	{ "data.alerts[].scope", "word", "market, asset, venue, instance, host, fleet" },
	{ "data.alerts[].state", "word", "pending, firing, clearing, resolved" },
	{ "data.alerts[].message", "word", "" },
	{ "data.alerts[].value", "decimal", "the newest" },
	{ "data.alerts[].worst", "decimal", "the farthest beyond" },
	{ "data.alerts[].unit", "word", "of value and worst" },
	{ "data.alerts[].first_ms", "ms", "since when" },
	{ "data.alerts[].last_ms", "ms", "newest value" },
	{ "data.alerts[].resolved_ms", "ms", "null: not yet" },
	{ "data.alerts[].told", "int", "how often" },
	{ "data.alerts[].events", "int", "of rules about events: how many" },
	{ "data.alerts[].muted", "bool", "" },
	{ "data.alerts[].acknowledged", "bool", "" },
	{ "data.not_told", "array", "what operators have muted and acknowledged" },
	{ "data.not_told[].kind", "word", "mute, ack" },
	{ "data.not_told[].alert", "word", "its name" },
	{ "data.not_told[].rule", "word", "" },
	{ "data.not_told[].scope", "word", "empty: every scope" },
	{ "data.not_told[].until_ms", "ms", "of a mute; null: until it ends" },
	{ "data.rules", "array", "every rule" },
	{ "data.rules[].rule", "word", "" },
	{ "data.rules[].name", "word", "" },
	{ "data.rules[].severity", "word", "info, warn, critical" },
	{ "data.rules[].scope", "word",
	  "what it watches: market, asset, venue, instance, host, fleet" },
	{ "data.rules[].summary", "word", "" },
	{ "data.rules[].on", "bool", "" },
	{ "data.rules[].fire", "decimal", "" },
	{ "data.rules[].clear", "decimal", "" },
	{ "data.rules[].unit", "word", "" },
	{ "data.rules[].op", "word", "> ≥ < or event: how the value stands to fire" },
	{ "data.rules[].hold_ms", "ms", "for longer than this" },
};

static const struct ask_field fleet[] = {
	{ "data.terminals", "int", "how many are known" },
	{ "data.connected", "int", "" },
	{ "data.suspect", "int", "silent for more than 5 s" },
	{ "data.held", "int", "held by an operator, or after a recovery failure" },
	{ "data.guarded", "bool", "a large part went silent at once: none is acted upon" },
	{ "data.states", "object", "terminals in each state" },
	{ "data.states.STOPPED", "int", "" },
	{ "data.states.STARTING", "int", "" },
	{ "data.states.RUNNING", "int", "" },
	{ "data.states.DEGRADED", "int", "" },
	{ "data.states.FAILED", "int", "" },
	{ "data.states.RECOVERING", "int", "" },
	{ "data.instances", "array", "those that need a look first; at most 100" },
	{ "data.instances[].id", "word", "" },
	{ "data.instances[].state", "word", "" },
	{ "data.instances[].flags", "word", "suspect, flapping, held, draining; joined by +" },
	{ "data.instances[].health", "word", "healthy, warning, critical" },
	{ "data.instances[].reason", "word", "of its newest change" },
	{ "data.instances[].host", "word", "" },
	{ "data.instances[].connected", "bool", "" },
	{ "data.instances[].since_ms", "ms", "in the state since" },
	{ "data.instances[].heard_ms", "ms", "newest frame" },
	{ "data.instances[].attempts", "int", "recoveries of this incident" },
	{ "data.instances[].restarts", "int", "by weir" },
	{ "data.instances[].reconnects", "int", "" },
	{ "data.instances[].waiting", "int", "signals in weir for it" },
	{ "data.instances[].in_flight", "int", "signals it has not answered finally" },
	{ "data.instances[].login", "int", "account" },
	{ "data.instances[].server", "word", "of the broker" },
	{ "data.instances[].currency", "word", "" },
	{ "data.instances[].positions", "int", "open" },
	{ "data.instances[].cpu", "decimal", "%" },
	{ "data.instances[].mem", "decimal", "MB" },
	{ "data.instances[].ping", "decimal", "us to the broker" },
	{ "data.instances[].rtt", "decimal", "ms to weir and back" },
	{ "data.instances[].bal", "decimal", "balance" },
	{ "data.instances[].eq", "decimal", "equity" },
	{ "data.instances[].pl", "decimal", "profit of open positions" },
	{ "data.instances[].res", "decimal", "results a second" },
};

static const struct ask_field memory[] = {
	{ "data.segments", "array", "" },
	{ "data.segments[].segment", "word", "rts, ris, rtss, rtrs, rss, rls, rms" },
	{ "data.segments[].state", "word", "starting, checking, up, down, stopping, stopped" },
	{ "data.segments[].used", "int", "bytes, used_memory; 0: not known yet" },
	{ "data.segments[].max", "int", "bytes, maxmemory in force; 0: none is known" },
	{ "data.segments[].percent", "decimal", "used of max" },
	{ "data.segments[].level", "word",
	  "calm, warn (70 %), shed (80 %), slow (90 %), full (100 %, or a write was refused)" },
	{ "data.segments[].growth", "int", "bytes a second of the last minute; null: none" },
	{ "data.segments[].full_in_s", "int", "seconds, at that growth; null: not known, never" },
	{ "data.segments[].rss", "int", "bytes, resident" },
	{ "data.segments[].fragmentation", "decimal", "resident of used" },
	{ "data.segments[].keys", "int", "" },
	{ "data.segments[].keys_expiring", "int", "of them, those that leave by a TTL" },
	{ "data.segments[].evicted", "int", "keys that the server had to throw away" },
	{ "data.segments[].refused", "int", "writes refused for lack of memory" },
	{ "data.segments[].actions", "array", "what is done about it now" },
	{ "data.segments[].actions[].action", "word", "outputs, outputs_trim, history_rows …" },
	{ "data.segments[].actions[].what", "word", "" },
	{ "data.segments[].counted_ms", "ms", "when the families were counted; null: not yet" },
	{ "data.segments[].families", "array", "kinds of keys, the largest first" },
	{ "data.segments[].families[].family", "word",
	  "as `weir keys` has it; unknown: not weir's" },
	{ "data.segments[].families[].keys", "int", "" },
	{ "data.segments[].families[].bytes", "int", "by MEMORY USAGE, which errs by a tenth" },
	{ "data.segments[].families[].estimated", "bool", "from a part of the keys" },
	{ "data.segments[].families[].life", "word", "when its keys leave" },
	{ "data.resident", "int", "bytes of weir itself" },
};

static const struct ask_field halt[] = {
	{ "data.halted", "array", "scopes, in the order in which they were halted" },
};

static const struct ask_field help[] = {
	{ "data.commands", "array", "all questions" },
	{ "data.commands[].command", "word", "its name" },
	{ "data.commands[].args", "word", "what may follow it" },
	{ "data.commands[].help", "word", "what it answers" },
	{ "data.timeframes", "word", "those understood" },
};

#define OWN(name) [QUESTION_##name] = { name, ARRAY_LEN(name) }
static const struct {
	const struct ask_field *fields;
	size_t count;
} own[QUESTION_COUNT] = {
	OWN(price),   OWN(volume),       OWN(cvd),     OWN(momentum),  OWN(flow),   OWN(oi),
	OWN(funding), OWN(liquidations), OWN(top10),   OWN(analysis),  OWN(alerts), OWN(fleet),
	OWN(memory),  OWN(help),         OWN(balance), OWN(positions), OWN(pnl),    OWN(halt),
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
