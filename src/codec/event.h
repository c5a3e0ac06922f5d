/* event.h - what one venue frame says, in weir's terms.
 *
 * A decoder turns a frame into at most EVENTS_PER_FRAME events in the caller's
 * array. Slices point into the frame (or the decoder's scratch) and live until
 * the next decode. Decimals are exact. Any thread, one decoder per thread. */
#pragma once

#include "base/decimal.h"
#include "codec/trade.h"
#include "def/market_id.h"

enum { EVENTS_PER_FRAME = 1100 }; /* Bybit: at most 1,024 trades a message */

enum event_type {
#define EVENT(name, text) EVENT_##name,
#include "codec/events.def"
#undef EVENT
	EVENT_COUNT
};

const char *event_type_text(enum event_type type);

struct event_trade {
	struct str id;      /* as the venue wrote it */
	int64_t ordered_id; /* numeric id where the venue's ids are ordered; else -1 */
	int64_t seq;        /* Bybit's seq; 0 elsewhere */
	struct decimal price, qty;
	uint8_t side;    /* enum side, the taker's */
	bool aggregated; /* aggTrade, not trade */
	bool block;      /* left out of flow: Bybit BT, Binance X other than MARKET */
};

struct event_liquidation {
	struct decimal price, qty;
	uint8_t position; /* SIDE_BUY: a LONG was liquidated */
};

struct event_book { /* top of book */
	struct decimal bid, bid_qty, ask, ask_qty;
	int64_t update_id;
};

/* Levels stay text: `["p","q"],["p","q"]…` without the outer brackets, checked to
 * be exactly that shape. Walk with depth_level_next. */
struct event_depth {
	struct str bids, asks;
	uint32_t n_bids, n_asks;
	int64_t first_update, last_update; /* Binance U and u, Bybit u */
	bool snapshot;
};

struct event_kline {
	int64_t open_ms, close_ms;
	int32_t minutes; /* interval; 0 when the venue's is no number of minutes */
	struct decimal open, high, low, close, volume, quote_volume;
	struct decimal taker_buy, taker_buy_quote; /* Binance only; see has_taker */
	bool has_taker, closed;
};

struct event_ticker {
	struct decimal last, change_percent_24h; /* percent: 1.25 is 1.25 % */
	struct decimal volume_24h, quote_volume_24h;
	/* Bybit deltas carry only what changed */
	bool has_last, has_change, has_volume, has_quote_volume;
	bool snapshot;
};

struct event_funding {
	struct decimal rate;
	int64_t next_ms;      /* 0: the frame does not say */
	int32_t interval_min; /* 0: the frame does not say */
	bool rate_unchanged;  /* a Bybit delta without the rate: `rate` means nothing */
};

struct event {
	uint8_t type;      /* enum event_type */
	struct str symbol; /* empty where the frame names none */
	int64_t t_ms;      /* event time, unix ms; 0 where the frame carries none */
	union {
		struct event_trade trade;
		struct event_liquidation liquidation;
		struct {
			struct decimal qty;
			bool both_sides;
		} oi; /* one-sided unless both_sides */
		struct event_funding funding;
		struct {
			struct decimal mark, index;
		} mark; /* 0: the frame does not say */
		struct event_kline kline;
		struct event_ticker ticker;
		struct event_book book;
		struct event_depth depth;
		struct {
			bool success;
		} ack;
		struct {
			const char *reason;
		} malformed; /* static text */
	};
};

/* Takes the next level off the front of *levels. False at the end. */
bool depth_level_next(struct str *levels, struct decimal *price, struct decimal *qty);
