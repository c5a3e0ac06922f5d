/* test_ask_world.h - a small, seeded world for the tests of ask/: 26 hours of trades
 * of ETH on four markets (gaps on two, whales, books, one with depth), of BTC on
 * three that are quoted in USDT, FDUSD and EUR, and SOL, of which nothing came.
 *
 * The perpetuals have open interest (ETH's of 25 h, Bybit's told for both sides; BTC's of
 * two hours), funding of 8 h, 4 h and (BTC) an unknown interval, and marks; ETH a cascade
 * of liquidations that ended and one that goes on. Indicators: of ETH on Binance all bars,
 * of BTC few. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "ask/ask.h"
#include "ask/memory.h"
#include "base/rng.h"

#define WORLD_START_MS INT64_C(1723068000000) /* 2024-08-07 22:00:00Z */
#define WORLD_END_MS   INT64_C(1723161600000) /* 26 h later, not reached */
#define WORLD_LATER_ID INT64_C(1030000)       /* behind the ids of ETH, and near them */

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

/* Bybit tells levels, and no quote beside them. */
static inline void world_levels(struct markets *markets)
{
	struct market *market = markets_get(markets, VENUE_BYBIT, KIND_PERP, STR("BTCUSDT"));
	struct event_depth levels = {
		.bids = STR("[\"61347.5\",\"0.5\"],[\"61347.8\",\"1.203\"],[\"61340\",\"9\"]"),
		.asks = STR("[\"61350\",\"4\"],[\"61347.9\",\"0.077\"]"),
		.n_bids = 3,
		.n_asks = 2,
		.last_update = 1,
		.snapshot = true,
	};
	book_take_depth(market_book(market), &levels, WORLD_END_MS - 250);
}

/* ---- open interest, funding, tickers ---- */

static inline struct market *world_market(struct markets *markets, enum venue venue, enum kind kind,
					  const char *symbol)
{
	return markets_get(markets, venue, kind, str_of(symbol));
}

/* A sample each `step_min` minutes of the last `minutes`, the newest 31 s before the end. */
static inline void world_oi(struct market *market, int64_t qty, int32_t scale, bool both_sides,
			    int32_t minutes, int32_t step_min, int64_t end_ms)
{
	int64_t newest_ms = end_ms - 31000;
	for (int32_t back = minutes / step_min * step_min; back > 0; back -= step_min)
		rates_put_oi(market_rates(market),
			     (struct decimal){ qty - (int64_t)back * (qty / 40000), scale },
			     both_sides, newest_ms - back * (int64_t)MINUTE_MS);
	rates_take_oi(market_rates(market), (struct decimal){ qty, scale }, both_sides, newest_ms);
}

static inline void world_funding(struct market *market, struct decimal rate, int32_t interval_min,
				 struct decimal mark, struct decimal index, int64_t end_ms)
{
	struct event_funding funding = { .rate = rate,
					 .next_ms = (end_ms / 28800000 + 1) * 28800000,
					 .interval_min = interval_min };
	rates_take_funding(market_rates(market), &funding, end_ms - 1000);
	rates_take_mark(market_rates(market), mark, index, end_ms - 1000);
}

static inline void world_ticker(struct market *market, int64_t last, int64_t change,
				int64_t quote_volume, int64_t t_ms)
{
	struct event_ticker ticker = { .last = { last, 2 },
				       .change_percent_24h = { change, 3 },
				       .volume_24h = { quote_volume / 2600, 0 },
				       .quote_volume_24h = { quote_volume, 0 },
				       .has_last = true,
				       .has_change = true,
				       .has_volume = true,
				       .has_quote_volume = true,
				       .snapshot = true };
	rates_take_ticker(market_rates(market), &ticker, t_ms);
}

static inline void world_rates(struct markets *markets, int64_t end_ms)
{
	struct market *binance = world_market(markets, VENUE_BINANCE, KIND_PERP, "ETHUSDT");
	struct market *bybit = world_market(markets, VENUE_BYBIT, KIND_PERP, "ETHUSDT");
	struct market *bitcoin = world_market(markets, VENUE_BYBIT, KIND_PERP, "BTCUSDT");
	world_oi(binance, 2112345678, 3, false, 1500, 5, end_ms);
	world_oi(bybit, 1502469135, 3, true, 1499, 1, end_ms);
	world_oi(bitcoin, 543210987, 4, false, 120, 1, end_ms);
	world_funding(binance, (struct decimal){ 10000, 8 }, 480, (struct decimal){ 26751995, 4 },
		      (struct decimal){ 267612, 2 }, end_ms);
	world_funding(bybit, (struct decimal){ -6125, 8 }, 240, (struct decimal){ 267498, 2 },
		      (struct decimal){ 267609, 2 }, end_ms);
	world_funding(bitcoin, (struct decimal){ 5, 6 }, 0, (struct decimal){ 612330, 1 },
		      (struct decimal){ 0, 0 }, end_ms);
	world_ticker(binance, 267520, 1234, INT64_C(21345678901), end_ms - 700);
	world_ticker(bybit, 267510, -250, INT64_C(9876543210), end_ms - 700);
}

/* ---- liquidations ---- */

static inline void world_liquidation(struct markets *markets, enum venue venue, const char *symbol,
				     uint8_t position, int64_t price, int64_t qty, int64_t t_ms)
{
	struct liquidations *all = markets_liquidations(markets);
	struct market_id id;
	struct event_liquidation event = { { price, 2 }, { qty, 3 }, position };
	if (market_id_make(venue, KIND_PERP, str_of(symbol), &id))
		abort();
	liquidations_begin_frame(all);
	(void)liquidations_take(all, &id, &event, t_ms);
}

/* Of both venues in turn; the first one is the largest. */
static inline void world_cascade(struct markets *markets, int count, uint8_t position,
				 int64_t from_ms, int64_t step_ms)
{
	for (int i = 0; i < count; i++)
		world_liquidation(markets, i & 1 ? VENUE_BYBIT : VENUE_BINANCE, "ETHUSDT",
				  i == count - 1 ? !position : position, 267100 - i * 13,
				  i ? 31000 + i * 1700 : 410000, from_ms + i * step_ms);
}

static inline void world_liquidations(struct markets *markets, int64_t end_ms)
{
	const int64_t hour = 3600000;
	world_liquidation(markets, VENUE_BYBIT, "ETHUSDT", SIDE_SELL, 268000, 9000,
			  end_ms - 25 * hour);
	world_liquidation(markets, VENUE_BYBIT, "ETHUSDT", SIDE_SELL, 268000, 9000,
			  end_ms - 20 * hour);
	world_liquidation(markets, VENUE_BYBIT, "BTCUSDT", SIDE_SELL, 6123300, 8200,
			  end_ms - 2 * hour);
	world_cascade(markets, 6, SIDE_BUY, end_ms - 3 * hour, 4000);
	world_cascade(markets, 8, SIDE_BUY, end_ms - 45000, 5000);
	liquidations_step(markets_liquidations(markets), end_ms);
}

/* ---- indicators ---- */

/* Bars up to the last one that has closed, around the price. */
static inline void world_series(struct market *market, int64_t price, size_t count, int64_t end_ms)
{
	static struct series_bar bars[SERIES_BARS];
	struct series *series;
	for (size_t s = 0; (series = market_series_at(market, s)); s++) {
		int64_t step_ms = series_minutes(series) * (int64_t)MINUTE_MS;
		int64_t last = (end_ms - 60000) / step_ms - 1, walk = 0;
		struct rng rng;
		rng_init(&rng, 500 + s);
		for (size_t i = 0; i < count; i++) {
			int64_t open = price + walk;
			walk += (int64_t)rng_below(&rng, 2001) - 990;
			int64_t close = price + walk;
			int64_t high =
			    (open > close ? open : close) + (int64_t)rng_below(&rng, 300);
			int64_t low = (open < close ? open : close) - (int64_t)rng_below(&rng, 300);
			bars[i] = (struct series_bar){
				.open_ms = (last - (int64_t)count + 1 + (int64_t)i) * step_ms,
				.open = { open, 2 },
				.high = { high, 2 },
				.low = { low, 2 },
				.close = { close, 2 },
				.volume = { 1000 + (int64_t)i, 0 },
			};
		}
		series_fill(series, bars, count);
	}
}

static inline void world_indicators(struct markets *markets, int64_t end_ms)
{
	world_series(world_market(markets, VENUE_BINANCE, KIND_PERP, "ETHUSDT"), 260000,
		     SERIES_BARS, end_ms);
	world_series(world_market(markets, VENUE_BINANCE, KIND_SPOT, "ETHUSDT"), 260000,
		     SERIES_BARS, end_ms);
	world_series(world_market(markets, VENUE_BINANCE, KIND_SPOT, "BTCFDUSD"), 6100000, 37,
		     end_ms);
}

static inline struct markets *world_create(bool simulated, int64_t end_ms)
{
	struct market_config config = { .whale_quote = 500000,
					.simulated = simulated,
					.indicators = { 15, 60, 240 } };
	struct markets *markets = markets_create(&config);
	for (size_t i = 0; i < WORLD_MARKETS; i++)
		world_fill(markets, &world_markets[i], 100 + i, end_ms);
	markets_get(markets, VENUE_BYBIT, KIND_SPOT, STR("SOLUSDT"));
	world_book(markets, VENUE_BINANCE, KIND_PERP, "ETHUSDT", true);
	world_book(markets, VENUE_BINANCE, KIND_SPOT, "ETHUSDT", false);
	world_levels(markets);
	world_rates(markets, end_ms);
	world_liquidations(markets, end_ms);
	world_indicators(markets, end_ms);
	return markets;
}

/* ---- memory ---- */

/* Segment rms sheds, ris does not grow, rtss is not known yet. */
static inline const struct ask_memory *world_memory(void)
{
	static const struct ask_memory memory = {
		.segments = {
			{ .segment = SEGMENT_RIS, .state = "up", .used = 12345678, .max = 1073741824,
			  .rss = 24691356, .keys = 206, .keys_expiring = 200, .full_in_s = -1,
			  .counted_ms = 1784046190000, .family_count = 2,
			  .families = { { "instance_history", "24 h by MINID", 100, 9000000, false },
					{ "instance", "TTL 24 h", 100, 988000, true } } },
			{ .segment = SEGMENT_RTSS, .state = "starting", .full_in_s = -1 },
			{ .segment = SEGMENT_RMS, .state = "up", .used = 450000000, .max = 536870912,
			  .rss = 500000000, .keys = 900, .evicted = 3, .refused = 2,
			  .level = VALVE_SHED, .growth = 200000, .full_in_s = 434,
			  .actions = 1u << VALVE_BIT_outputs | 1u << VALVE_BIT_outputs_trim,
			  .counted_ms = 1784046190000, .family_count = 1,
			  .families = { { "unknown", NULL, 12, 400000000, false } } },
		},
		.count = 3,
		.resident = 61234567,
	};
	return &memory;
}

/* ---- alerts ---- */

#define WORLD_SECOND_NS INT64_C(1000000000)

/* At end_ms a price move fires, acknowledged; a cascade and a whale of a scope that needs
 * escaping were told; funding is about to fire, a spike of volume clears, open interest has
 * ended. */
static inline struct alerts *world_alerts(int64_t end_ms)
{
	struct alerts *alerts = alerts_create(&(struct alert_hooks){ 0 });
	const struct str eth = STR("binance:perp:ETHUSDT");
	int64_t now_ns = WORLD_SECOND_NS;
	for (int64_t back_ms = 240000; back_ms >= 0; back_ms -= 1000, now_ns += WORLD_SECOND_NS) {
		alerts_step(alerts, now_ns, end_ms - back_ms);
		alert_value(alerts, ALERT_oi_move, STR("BTC"), back_ms > 180000 ? 32.5 : -1,
			    STR("BTC open interest +32.50 % within 15 min on both venues"));
		alert_value(alerts, ALERT_volume_spike, eth, back_ms > 30000 ? 712 : 280,
			    STR("binance:perp:ETHUSDT volume +712 % over the median"));
		alert_value(alerts, ALERT_price_move, eth, back_ms > 120000 ? 1 : 6.25,
			    STR("binance:perp:ETHUSDT price -6.25 % within 15 min"));
		alert_value(alerts, ALERT_funding_extreme, STR("bybit:perp:ETHUSDT"),
			    back_ms > 20000 ? 0.01 : 0.075,
			    STR("bybit:perp:ETHUSDT funding rate -0.075 %"));
	}
	alert_event(alerts, ALERT_cascade, STR("ETH"), 0.85,
		    STR("ETH liquidation cascade: at least 8 within 60 s"));
	alert_event(alerts, ALERT_whale_trade, STR("<i>&\"scope"), 1234567,
		    STR("whale bought 1 < 2 & \"3\""));
	(void)alerts_acknowledge(alerts, ALERT_price_move, eth);
	enum status status =
	    alerts_hush_mute(alerts, ALERT_high_cpu, STR("mt5-017"), end_ms + 7200000);
	return status ? NULL : alerts;
}
