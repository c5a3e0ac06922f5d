/* prices.h - the simulated brokers' symbols and their prices.
 *
 * A price is a pure function of seed, symbol and second, whoever asks and in whatever
 * order: a sum of smoothed noise of 1 s to 4 days whose amplitude grows with the root of
 * its length, as a random walk's does. With bars given, EURUSD follows them instead.
 * Points are integers: 1.14280 at 5 digits is 114280. No I/O. One thread. */
#pragma once

#include "base/err.h"
#include "base/number.h"

enum sim_symbol {
	SIM_SYMBOL_EURUSD, /* the one that bars are of */
	SIM_SYMBOLS = 8,
	PRICES_BARS_MAX = 65536,
};

struct symbol_row {
	const char *name;
	uint8_t digits;
	int64_t start, spread; /* points */
	double move;
	int64_t value_milli;
	int64_t commission_cents, swap_cents[2]; /* swap: of buy, of sell */
};
/* The rows of symbols.def. */
const struct symbol_row *symbol_row(int symbol);
/* -1: none has that name. */
int symbol_find(struct str name);
/* Points as text shows them. */
struct number symbol_price(int symbol, int64_t points);
/* Text to points; digits beyond the symbol's are cut. */
int64_t symbol_points(int symbol, struct number price);

struct prices;

/* volatility: times what the table says. NULL: out of memory. */
struct prices *prices_create(uint64_t seed, double volatility);
void prices_destroy(struct prices *prices);
/* Bars as `Date,open,high,low,close,…` with a head line, prices x 100,000; each is played
 * in bar_s seconds, the first at second 0 of unix time modulo all of them. err names the
 * line; prices are then as before. */
MUST_CHECK enum status prices_follow(struct prices *prices, struct str csv, int64_t bar_s,
				     struct err *err);
/* The bid in that unix second; the ask is spread points more. Above 0. */
int64_t prices_bid(struct prices *prices, int symbol, int64_t second);
