/* simulator_frame.h - the text of simulated venue frames, field for field in the
 * order the venues send (market.md section 1). Numbers in, text out; no state. */
#pragma once

#include "def/market_id.h"

enum {
	SIM_GROUP_MAX = 6,      /* trades of one taker order */
	SIM_FRAME_BYTES = 4096, /* the longest frame */
	SIM_DEPTH_LEVELS = 20,
};

/* What all frames of a market need. */
struct sim_label {
	struct market_id id;
	uint8_t places_price, places_qty; /* as printed */
	struct str symbol;
	char trade_head[128]; /* everything before the first field that varies */
	uint32_t trade_head_len;
	char lower[SYMBOL_MAX + 1];
};

struct sim_print {
	int64_t t_ms, id, seq;
	int64_t price, qty; /* × 10^places */
	bool sell;          /* the taker's side */
	uint64_t uuid[2];   /* Bybit perp */
};

struct sim_quote {
	int64_t t_ms, update_id;
	int64_t bid, ask, bid_qty, ask_qty;
	int64_t step, lot; /* × 10^places, between the levels behind the top */
	uint64_t noise;
};

struct sim_rates { /* mark, index × 10^places_price; rate × 10^8 */
	int64_t t_ms, mark, index, rate_e8, next_ms, oi;
};

/* id must be valid; symbol is kept by reference to label->id. */
void sim_label_init(struct sim_label *label, const struct market_id *id, uint8_t places_price,
		    uint8_t places_qty);
/* All write at most SIM_FRAME_BYTES and return the length. Binance takes n = 1. */
size_t sim_frame_trade(char *out, const struct sim_label *label, const struct sim_print *trades,
		       size_t n);
size_t sim_frame_book(char *out, const struct sim_label *label, const struct sim_quote *quote);
/* Binance: a diff against the depth `before`; Bybit: a snapshot. */
size_t sim_frame_depth(char *out, const struct sim_label *label, const struct sim_quote *before,
		       const struct sim_quote *now);
/* Binance perp markPrice; Bybit perp ticker with open interest and funding; spot: a ticker. */
size_t sim_frame_rates(char *out, const struct sim_label *label, const struct sim_rates *rates);
/* A liquidated position: `sell` is the side of the order that closes it. */
size_t sim_frame_liquidation(char *out, const struct sim_label *label,
			     const struct sim_print *print);
/* A frame no venue sends: valid JSON of an unknown kind, or not JSON at all. */
size_t sim_frame_unknown(char *out, const struct sim_label *label, int64_t t_ms);
size_t sim_frame_malformed(char *out, const struct sim_label *label, uint64_t noise);
