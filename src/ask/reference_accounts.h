/* reference_accounts.h - the fields of /balance, /positions and /pnl; for reference.c. */
#pragma once

#include "ask/reference.h"

#define ACCOUNT_HEAD_FIELDS                                                                        \
	{ "data.accounts", "array", "exchange accounts" },                                         \
	    { "data.accounts[].name", "word", "of [account.NAME]" },                               \
	    { "data.accounts[].venue", "word", "binance, bybit" },                                 \
	    { "data.accounts[].state", "word",                                                     \
	      "up, not asked yet, key refused, clock off, limited, banned, does not answer, "      \
	      "answer not understood" },                                                           \
	    { "data.accounts[].why", "word", "of a state that is not up" },                        \
	    { "data.accounts[].until_ms", "ms", "limited or banned until then" },                  \
	    { "data.accounts[].failed_ms", "ms", "of the newest fault; null: none ever" },         \
	    { "data.accounts[].answers", "array", "what is asked for" },                           \
	    { "data.accounts[].answers[].answer", "word",                                          \
	      "spot, perp, unified, positions, income" },                                          \
	    { "data.accounts[].answers[].said_ms", "ms", "of the newest one; null: none yet" },    \
	{                                                                                          \
		"data.accounts[].answers[].complete", "bool", "no: a part was left out"            \
	}

#define TERMINAL_HEAD_FIELDS                                                                       \
	{ "data.terminals", "array", "one for each account; at most 100" },                        \
	    { "data.terminals[].terminal", "word", "that speaks for the account" },                \
	    { "data.terminals[].login", "int", "" }, { "data.terminals[].server", "word", "" },    \
	    { "data.terminals[].currency", "word", "" },                                           \
	    { "data.terminals[].heard_ms", "ms", "newest frame" },                                 \
	    { "data.terminals_unlisted", "int", "of accounts beyond those" },                      \
	{                                                                                          \
		"data.terminals_simulated", "bool", "the demo's: in no total"                      \
	}

static const struct ask_field balance[] = {
	ACCOUNT_HEAD_FIELDS,
	{ "data.accounts[].balances", "array", "the largest in USD first" },
	{ "data.accounts[].balances[].asset", "word", "" },
	{ "data.accounts[].balances[].part", "word", "spot, perp, unified" },
	{ "data.accounts[].balances[].free", "decimal", "null: not said" },
	{ "data.accounts[].balances[].locked", "decimal", "in orders, or margin; null: not said" },
	{ "data.accounts[].balances[].wallet", "decimal", "without what positions would bring" },
	{ "data.accounts[].balances[].unrealised", "decimal", "what they would bring" },
	{ "data.accounts[].balances[].equity", "decimal", "both, less what is borrowed" },
	{ "data.accounts[].balances[].usd", "decimal", "of equity; null: the asset has no rate" },
	{ "data.accounts[].unlisted", "int", "balances for which the answer had no room" },
	{ "data.accounts[].usd", "decimal", "of those with a rate" },
	{ "data.accounts[].complete", "bool", "no: an answer is missing, or a part of one" },
	{ "data.accounts[].unpriced", "int", "balances without a rate" },
	TERMINAL_HEAD_FIELDS,
	{ "data.terminals[].balance", "decimal", "in the currency, as all that follow" },
	{ "data.terminals[].equity", "decimal", "" },
	{ "data.terminals[].margin", "decimal", "in use" },
	{ "data.terminals[].free_margin", "decimal", "" },
	{ "data.terminals[].open_profit", "decimal", "" },
	{ "data.terminal_sums", "array", "of all terminals' accounts, by currency" },
	{ "data.terminal_sums[].currency", "word", "" },
	{ "data.terminal_sums[].accounts", "int", "" },
	{ "data.terminal_sums[].balance", "decimal", "" },
	{ "data.terminal_sums[].equity", "decimal", "" },
	{ "data.terminal_sums[].usd", "decimal", "of equity; null: the currency has no rate" },
	{ "data.total_usd", "decimal", "of everything with a rate" },
	{ "data.complete", "bool", "no: an answer is missing, or a part of one" },
	{ "data.unpriced", "int", "balances and accounts without a rate" },
	{ "data.rates", "array", "those used" },
	{ "data.rates[].asset", "word", "" },
	{ "data.rates[].usd", "decimal", "of one; null: there is none" },
	{ "data.rates[].source", "word", "the market, or held at 1.00" },
	{ "data.rates[].t_ms", "ms", "of the trade; null: it is held at that" },
	{ "data.rates[].stale", "bool", "older than market.stale_ms" },
};

static const struct ask_field positions[] = {
	{ "data.only", "word", "symbols that begin so; null: all" },
	ACCOUNT_HEAD_FIELDS,
	{ "data.accounts[].positions", "array", "" },
	{ "data.accounts[].positions[].symbol", "word", "" },
	{ "data.accounts[].positions[].side", "word", "long, short" },
	{ "data.accounts[].positions[].qty", "decimal", "" },
	{ "data.accounts[].positions[].entry", "decimal", "" },
	{ "data.accounts[].positions[].mark", "decimal", "" },
	{ "data.accounts[].positions[].liquidation", "decimal", "null: no price would end it" },
	{ "data.accounts[].positions[].unrealised", "decimal", "" },
	{ "data.accounts[].positions[].margin", "decimal", "null: not said" },
	{ "data.accounts[].positions[].asset", "word", "of margin and profit" },
	{ "data.accounts[].unlisted", "int", "positions for which the answer had no room" },
	TERMINAL_HEAD_FIELDS,
	{ "data.terminals[].positions", "array", "" },
	{ "data.terminals[].positions[].ticket", "int", "" },
	{ "data.terminals[].positions[].symbol", "word", "as the broker names it" },
	{ "data.terminals[].positions[].side", "word", "buy, sell" },
	{ "data.terminals[].positions[].volume", "decimal", "lots" },
	{ "data.terminals[].positions[].entry", "decimal", "" },
	{ "data.terminals[].positions[].now", "decimal", "" },
	{ "data.terminals[].positions[].profit", "decimal", "in the account's currency" },
	{ "data.terminals[].positions[].swap", "decimal", "" },
	{ "data.terminals[].unlisted", "int", "positions for which the answer had no room" },
	{ "data.sums", "array", "of all of them, by asset or currency" },
	{ "data.sums[].asset", "word", "" },
	{ "data.sums[].positions", "int", "" },
	{ "data.sums[].unrealised", "decimal", "" },
	{ "data.positions", "int", "in all" },
};

#define EARNED_FIELDS(window)                                                                      \
	{ "data.accounts[].assets[]." window, "object", "hours of UTC, the open one included" },   \
	    { "data.accounts[].assets[]." window ".from_ms", "ms", "its first hour" },             \
	    { "data.accounts[].assets[]." window ".all", "decimal",                                \
	      "the three together; null: income is not known so far back" },                       \
	    { "data.accounts[].assets[]." window ".realised", "decimal",                           \
	      "Bybit: after fees, and all there is" },                                             \
	    { "data.accounts[].assets[]." window ".funding", "decimal", "" },                      \
	    { "data.accounts[].assets[]." window ".fees", "decimal", "" },                         \
	{                                                                                          \
		"data.accounts[].assets[]." window ".rows", "int", "of realised profit"            \
	}

static const struct ask_field pnl[] = {
	ACCOUNT_HEAD_FIELDS,
	{ "data.accounts[].known_from_ms", "ms", "income is known since; null: not yet" },
	{ "data.accounts[].assets", "array", "what is earned in" },
	{ "data.accounts[].assets[].asset", "word", "" },
	EARNED_FIELDS("1d"),
	EARNED_FIELDS("7d"),
	EARNED_FIELDS("30d"),
	TERMINAL_HEAD_FIELDS,
	{ "data.terminals[].closed_today", "decimal", "since 00:00 UTC, after costs" },
	{ "data.terminals[].open_profit", "decimal", "" },
};
