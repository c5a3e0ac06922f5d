/* venue_truth.h - one simulated market as its venue knows it: every trade it ever made,
 * and the minutes they come to. Trades are made as time passes, from the seed alone; the
 * hours before the beginning are minutes without trades of their own, as klines tell them.
 * Nothing is ever corrected: this is what weir is held against. */
#pragma once

#include "base/decimal.h"
#include "base/rng.h"
#include "codec/trade.h"
#include "feed/simulator_frame.h"

enum { TRUTH_PAST_MINUTES = 73 * 60 };

struct truth_trade {
	int64_t t_ms, price, qty; /* × 10^places of the label */
	uint8_t side;             /* enum side */
	bool block;               /* left out of flow */
};

struct truth_minute {
	int64_t open, high, low, close; /* flat at the last price where nothing was traded */
	int64_t buy, sell, block;
	i128 buy_quote, sell_quote, block_quote;
	uint32_t n_buy, n_sell;
	size_t first, count; /* of its trades, blocks among them */
};

struct truth_config {
	struct market_id id;
	uint8_t places_price, places_qty;
	int64_t price;       /* at the beginning */
	int64_t gap_ms;      /* between trades, in the mean */
	int64_t start_ms;    /* a whole minute */
	int64_t span_ms;     /* it may run so long */
	uint32_t blocks_ppm; /* of the trades */
	uint64_t seed;
};

struct truth {
	struct truth_config config;
	struct sim_label label;
	struct rng rng;
	struct truth_trade *trades;
	size_t n_trades, room;
	struct truth_minute *minutes; /* from minutes_ms on */
	size_t n_minutes, minutes_room;
	int64_t minutes_ms;
	int64_t first_id; /* of trades[0] */
	int64_t next_ms, price;
	bool halted;
};

void truth_init(struct truth *truth, const struct truth_config *config);
void truth_deinit(struct truth *truth);
/* Makes what is traded up to now_ms. */
void truth_advance(struct truth *truth, int64_t now_ms);
/* Nothing is traded while it is so. */
void truth_halt(struct truth *truth, bool halted);
/* NULL: not a minute of this world, or not begun. */
const struct truth_minute *truth_minute(const struct truth *truth, int64_t minute_ms);
/* Trade `index` as its frame and REST print it. seq and id say which one it is. */
void truth_print(const struct truth *truth, size_t index, struct sim_print *out);
int64_t truth_id(const struct truth *truth, size_t index); /* Binance's a, Bybit's seq */
/* The trade of an id or seq; SIZE_MAX: there is none. */
size_t truth_index(const struct truth *truth, int64_t id);
/* Bybit's execId. */
void truth_exec_id(const struct truth *truth, size_t index, struct buf *out);
