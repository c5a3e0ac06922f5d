/* test_ask_world.h - a small, seeded world for the tests of ask/: 26 hours of trades
 * of ETH on four markets (gaps on two, whales, books, one with depth), of BTC on
 * three that are quoted in USDT, FDUSD and EUR, and SOL, of which nothing came. */
#pragma once

#include <stdio.h>

#include "ask/ask.h"
#include "base/rng.h"

#define WORLD_START_MS INT64_C(1723068000000) /* 2024-08-07 22:00:00Z */
#define WORLD_END_MS   INT64_C(1723161600000) /* 26 h later, not reached */

struct world_market {
	enum venue venue;
	enum kind kind;
	const char *symbol;
	int64_t price; /* start, × 10^price_scale */
	int32_t price_scale, qty_scale;
	int64_t qty; /* of a usual trade, × 10^qty_scale */
	uint32_t buy_percent;
	uint32_t every_ms; /* mean time between trades */
};

static const struct world_market world_markets[] = {
	{ VENUE_BINANCE, KIND_SPOT, "ETHUSDT", 268380, 2, 4, 9000, 51, 6000 },
	{ VENUE_BINANCE, KIND_PERP, "ETHUSDT", 268290, 2, 3, 4000, 53, 4000 },
	{ VENUE_BYBIT, KIND_SPOT, "ETHUSDT", 268410, 2, 5, 60000, 47, 15000 },
	{ VENUE_BYBIT, KIND_PERP, "ETHUSDT", 268310, 2, 2, 200, 49, 9000 },
	{ VENUE_BINANCE, KIND_SPOT, "BTCFDUSD", 6123450, 2, 5, 12000, 50, 20000 },
	{ VENUE_BINANCE, KIND_SPOT, "BTCEUR", 5612300, 2, 5, 9000, 50, 30000 },
	{ VENUE_BYBIT, KIND_PERP, "BTCUSDT", 612330, 1, 3, 40, 52, 12000 },
};

enum { WORLD_MARKETS = sizeof world_markets / sizeof world_markets[0] };

/* A slow swing for all and a step for each trade: the same on every machine. */
static inline int64_t world_price(const struct world_market *row, struct rng *rng, int64_t *walk,
				  int64_t t_ms)
{
	int64_t hour = (t_ms - WORLD_START_MS) / 3600000 % 12;
	int64_t drift = hour < 6 ? 1 : -1;
	*walk += (int64_t)rng_below(rng, 41) - 20 + drift;
	return row->price + row->price * *walk / 200000;
}

static inline void world_trade(struct market *market, const struct world_market *row, int64_t id,
			       int64_t price, int64_t qty, uint8_t side, int64_t t_ms)
{
	char text[64];
	struct trade out;
	bool ordered = row->venue == VENUE_BINANCE;
	snprintf(text, sizeof text, ordered ? "%lld" : "00000000-0000-4000-8000-%012lld",
		 (long long)id);
	struct event_trade event = {
		.id = str_of(text),
		.ordered_id = ordered ? id : -1,
		.seq = ordered ? 0 : id * 7,
		.price = { price, row->price_scale },
		.qty = { qty, row->qty_scale },
		.side = side,
		.aggregated = ordered,
	};
	(void)market_take_trade(market, &event, t_ms, &out);
}

/* Quiet minutes, lost ids (Binance) and an interruption (Bybit) come where hours
 * say so. */
static inline void world_fill(struct markets *markets, const struct world_market *row,
			      uint64_t seed, int64_t end_ms)
{
	struct market *market = markets_get(markets, row->venue, row->kind, str_of(row->symbol));
	struct rng rng;
	int64_t walk = 0, id = 1000000;
	rng_init(&rng, seed);
	for (int64_t t = WORLD_START_MS + 137;; id++) {
		t += (int64_t)rng_below(&rng, 2 * row->every_ms);
		if (t >= end_ms)
			break;
		bool whale = rng_below(&rng, 2000) == 0;
		int64_t price = world_price(row, &rng, &walk, t);
		int64_t qty = 1 + (int64_t)rng_below(&rng, (uint64_t)row->qty * 2);
		uint8_t side = rng_below(&rng, 100) < row->buy_percent ? SIDE_BUY : SIDE_SELL;
		world_trade(market, row, id, price, whale ? qty * 400 : qty, side, t);
		if (id == 1009000)
			id += 3; /* lost, never repaired */
		if (id == 1004000)
			market_mark_interrupted(market);
	}
}

static inline void world_book(struct markets *markets, enum venue venue, enum kind kind,
			      const char *symbol, bool depth)
{
	struct market *market = markets_get(markets, venue, kind, str_of(symbol));
	struct event_book top = { .bid = { 267519, 2 },
				  .bid_qty = { 123456, 4 },
				  .ask = { 267521, 2 },
				  .ask_qty = { 4501, 3 } };
	book_take_top(market_book(market), &top, WORLD_END_MS - 250);
	if (!depth)
		return;
	struct event_depth levels = {
		.bids =
		    STR("[\"2675.19\",\"12.3456\"],[\"2674.00\",\"30\"],[\"2665.00\",\"80.5\"]"),
		.asks = STR("[\"2675.21\",\"4.501\"],[\"2676.50\",\"11\"],[\"2684.00\",\"150\"]"),
		.n_bids = 3,
		.n_asks = 3,
		.first_update = 1,
		.last_update = 2,
		.snapshot = true,
	};
	book_take_depth(market_book(market), &levels, WORLD_END_MS - 250);
}

static inline struct markets *world_create(bool simulated, int64_t end_ms)
{
	struct market_config config = { .whale_quote = 500000, .simulated = simulated };
	struct markets *markets = markets_create(&config);
	for (size_t i = 0; i < WORLD_MARKETS; i++)
		world_fill(markets, &world_markets[i], 100 + i, end_ms);
	markets_get(markets, VENUE_BYBIT, KIND_SPOT, STR("SOLUSDT"));
	world_book(markets, VENUE_BINANCE, KIND_PERP, "ETHUSDT", true);
	world_book(markets, VENUE_BINANCE, KIND_SPOT, "ETHUSDT", false);
	return markets;
}
