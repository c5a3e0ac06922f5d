#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "allocations.h"
#include "feed/ingest.h"

/* Begin of a minute; the frames below are of this time. */
static const int64_t t0 = INT64_C(1723161600000);
enum { MIN = 60000 };

struct world {
	struct markets *markets;
	struct ingest *ingest;
	size_t n_trades, n_malformed;
};

static void on_trade(void *ctx, struct market *market, const struct trade *trade)
{
	(void)market, (void)trade;
	((struct world *)ctx)->n_trades++;
}

static void on_malformed(void *ctx, enum venue venue, const char *reason)
{
	(void)venue, (void)reason;
	((struct world *)ctx)->n_malformed++;
}

static void world_open(struct world *world)
{
	const struct ingest_hooks hooks = { on_trade, on_malformed, world };
	*world = (struct world){ 0 };
	world->markets = markets_create(&(struct market_config){ .whale_quote = 500000 });
	assert_non_null(world->markets);
	world->ingest = ingest_create(world->markets, &hooks);
	assert_non_null(world->ingest);
}

static void world_close(struct world *world)
{
	ingest_destroy(world->ingest);
	markets_destroy(world->markets);
}

__attribute__((format(printf, 4, 5))) static uint32_t feed(struct world *world, enum venue venue,
							   enum kind kind, const char *format, ...)
{
	static char text[4096 + DECODE_PADDING];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(text, 4096, format, args);
	va_end(args);
	assert_in_range(len, 1, 4095);
	return ingest_frame(world->ingest, venue, kind, str_make(text, (size_t)len));
}

static struct market *market_of(const struct world *world, enum venue venue, enum kind kind)
{
	struct market_id id;
	assert_int_equal(market_id_make(venue, kind, STR("BTCUSDT"), &id), STATUS_OK);
	return markets_find(world->markets, &id);
}

static const struct ingest_counts *counts_of(const struct world *world, enum venue venue)
{
	return ingest_counts(world->ingest, venue, KIND_PERP);
}

static uint32_t bit(enum event_type type) { return 1u << type; }

static uint32_t feed_trade(struct world *world, int64_t id, int64_t t_ms)
{
	return feed(world, VENUE_BINANCE, KIND_PERP,
		    "{\"e\":\"aggTrade\",\"E\":%lld,\"a\":%lld,\"s\":\"BTCUSDT\",\"p\":\"100.5\","
		    "\"q\":\"2\",\"f\":1,\"l\":1,\"T\":%lld,\"m\":true}",
		    (long long)t_ms, (long long)id, (long long)t_ms);
}

static uint32_t feed_bybit_trade(struct world *world, const char *id, const char *qty, int64_t t_ms)
{
	return feed(world, VENUE_BYBIT, KIND_PERP,
		    "{\"topic\":\"publicTrade.BTCUSDT\",\"type\":\"snapshot\",\"ts\":%lld,\"data\":"
		    "[{\"T\":%lld,\"s\":\"BTCUSDT\",\"S\":\"Buy\",\"v\":\"%s\",\"p\":\"100\","
		    "\"L\":\"PlusTick\",\"i\":\"%s\",\"BT\":false}]}",
		    (long long)t_ms, (long long)t_ms, qty, id);
}

static uint32_t feed_mark(struct world *world, int64_t t_ms, const char *mark, const char *rate)
{
	return feed(world, VENUE_BINANCE, KIND_PERP,
		    "{\"e\":\"markPriceUpdate\",\"E\":%lld,\"s\":\"BTCUSDT\",\"p\":\"%s\","
		    "\"i\":\"99.5\",\"P\":\"99.4\",\"r\":\"%s\",\"T\":%lld}",
		    (long long)t_ms, mark, rate, (long long)(t0 + 480 * MIN));
}

static uint32_t feed_ticker(struct world *world, int64_t t_ms, const char *type,
			    const char *members)
{
	return feed(
	    world, VENUE_BYBIT, KIND_PERP,
	    "{\"topic\":\"tickers.BTCUSDT\",\"type\":\"%s\",\"data\":{\"symbol\":\"BTCUSDT\"%s},"
	    "\"cs\":1,\"ts\":%lld}",
	    type, members, (long long)t_ms);
}

static const char whole_ticker[] =
    ",\"lastPrice\":\"100\",\"price24hPcnt\":\"0.01\",\"volume24h\":\"5000\","
    "\"turnover24h\":\"500000\",\"markPrice\":\"100.1\",\"indexPrice\":\"100.2\","
    "\"openInterest\":\"7001\",\"fundingRate\":\"0.0001\",\"nextFundingTime\":\"1723190400000\","
    "\"fundingIntervalHour\":\"4\"";

static uint32_t feed_liquidation(struct world *world, enum venue venue, int64_t t_ms)
{
	if (venue == VENUE_BINANCE)
		return feed(
		    world, venue, KIND_PERP,
		    "{\"e\":\"forceOrder\",\"E\":%lld,\"o\":{\"s\":\"BTCUSDT\",\"S\":\"SELL\","
		    "\"o\":\"LIMIT\",\"f\":\"IOC\",\"q\":\"3\",\"p\":\"99\",\"ap\":\"100\","
		    "\"X\":\"FILLED\",\"l\":\"1\",\"z\":\"2\",\"T\":%lld}}",
		    (long long)t_ms, (long long)t_ms);
	return feed(
	    world, venue, KIND_PERP,
	    "{\"topic\":\"allLiquidation.BTCUSDT\",\"type\":\"snapshot\",\"ts\":%lld,\"data\":"
	    "[{\"T\":%lld,\"s\":\"BTCUSDT\",\"S\":\"Sell\",\"v\":\"5\",\"p\":\"100\"},"
	    "{\"T\":%lld,\"s\":\"BTCUSDT\",\"S\":\"Sell\",\"v\":\"5\",\"p\":\"100\"}]}",
	    (long long)t_ms, (long long)t_ms, (long long)t_ms);
}

static uint32_t feed_kline_at(struct world *world, int64_t open_ms, int64_t t_ms,
			      const char *interval, const char *volume, const char *closed)
{
	return feed(world, VENUE_BYBIT, KIND_PERP,
		    "{\"topic\":\"kline.%s.BTCUSDT\",\"data\":[{\"start\":%lld,\"end\":%lld,"
		    "\"interval\":\"%s\",\"open\":\"100\",\"close\":\"100\",\"high\":\"100\","
		    "\"low\":\"100\",\"volume\":\"%s\",\"turnover\":\"0\",\"confirm\":%s,"
		    "\"timestamp\":%lld}],\"ts\":%lld,\"type\":\"snapshot\"}",
		    interval, (long long)open_ms, (long long)open_ms + MIN - 1, interval, volume,
		    closed, (long long)t_ms, (long long)t_ms);
}

static uint32_t feed_kline(struct world *world, int64_t open_ms, const char *interval,
			   const char *volume, const char *closed)
{
	return feed_kline_at(world, open_ms, open_ms + MIN, interval, volume, closed);
}

/* ---- where things go ---- */

static void a_frame_says_what_was_in_it(void **state)
{
	(void)state;
	struct world world;
	world_open(&world);
	assert_int_equal(feed_trade(&world, 1, t0), bit(EVENT_TRADE));
	assert_int_equal(feed_mark(&world, t0, "100", "0.0001"),
			 bit(EVENT_MARK) | bit(EVENT_FUNDING));
	assert_int_equal(feed_ticker(&world, t0, "snapshot", whole_ticker),
			 bit(EVENT_TICKER) | bit(EVENT_OI) | bit(EVENT_FUNDING) | bit(EVENT_MARK));
	assert_int_equal(feed_ticker(&world, t0 + 1, "delta", ",\"fundingRate\":\"0.0002\""),
			 bit(EVENT_TICKER) | bit(EVENT_FUNDING));
	assert_int_equal(feed_liquidation(&world, VENUE_BYBIT, t0), bit(EVENT_LIQUIDATION));
	assert_int_equal(feed_kline(&world, t0, "1", "5", "false"), bit(EVENT_KLINE));
	assert_int_equal(feed(&world, VENUE_BINANCE, KIND_PERP, "{\"result\":null,\"id\":3}"),
			 bit(EVENT_ACK));
	assert_int_equal(feed(&world, VENUE_BINANCE, KIND_PERP, "{\"new\":1}"), bit(EVENT_UNKNOWN));
	assert_int_equal(feed(&world, VENUE_BINANCE, KIND_PERP, "{\"e\":"), bit(EVENT_MALFORMED));
	assert_int_equal(world.n_malformed, 1);
	assert_int_equal(counts_of(&world, VENUE_BINANCE)->unknown, 1);
	/* a trade told again is data all the same */
	assert_int_equal(feed_trade(&world, 1, t0), bit(EVENT_TRADE));
	assert_int_equal(world.n_trades, 1);
	world_close(&world);
}

static void figures_of_binance_reach_the_rates(void **state)
{
	(void)state;
	struct world world;
	struct mark_state mark;
	struct funding_state funding;
	struct ticker_state ticker;
	world_open(&world);
	feed_mark(&world, t0, "100.25", "-0.0003");
	feed(&world, VENUE_BINANCE, KIND_PERP,
	     "{\"e\":\"24hrTicker\",\"E\":%lld,\"s\":\"BTCUSDT\",\"p\":\"1\",\"P\":\"1.5\",\"w\":"
	     "\"1\","
	     "\"c\":\"101\",\"Q\":\"1\",\"o\":\"1\",\"h\":\"1\",\"l\":\"1\",\"v\":\"900\",\"q\":"
	     "\"90000\","
	     "\"O\":0,\"C\":1,\"F\":0,\"L\":1,\"n\":2}",
	     (long long)t0 + 5);
	const struct rates *rates = market_rates(market_of(&world, VENUE_BINANCE, KIND_PERP));
	assert_true(rates_mark(rates, &mark));
	assert_true(mark.mark.mantissa == 10025 && mark.index.mantissa == 995);
	assert_true(rates_funding(rates, &funding));
	assert_true(funding.rate.mantissa == -3 && funding.rate.scale == 4);
	assert_int_equal(funding.next_ms, t0 + 480 * MIN);
	assert_int_equal(funding.interval_min, 480);
	assert_true(rates_ticker(rates, &ticker));
	assert_true(ticker.last.mantissa == 101 && ticker.volume.mantissa == 900);
	assert_int_equal(ticker.t_ms, t0 + 5);
	world_close(&world);
}

static void figures_of_bybit_come_as_changes(void **state)
{
	(void)state;
	struct world world;
	struct oi_sample oi;
	struct funding_state funding;
	struct ticker_state ticker;
	struct mark_state mark;
	world_open(&world);
	feed_ticker(&world, t0, "snapshot", whole_ticker);
	const struct rates *rates = market_rates(market_of(&world, VENUE_BYBIT, KIND_PERP));
	assert_true(rates_oi(rates, &oi));
	assert_true(oi.qty.mantissa == 35005 && oi.qty.scale == 1); /* half of 7001 */
	feed_ticker(&world, t0 + 100, "delta", ",\"singleOpenInterest\":\"3600\"");
	assert_true(rates_oi(rates, &oi) && oi.qty.mantissa == 3600); /* one side already */
	/* the rate is left out: the next time alone changes */
	feed_ticker(&world, t0 + 200, "delta", ",\"nextFundingTime\":\"1723204800000\"");
	assert_true(rates_funding(rates, &funding));
	assert_true(funding.rate.mantissa == 1 && funding.rate.scale == 4);
	assert_int_equal(funding.next_ms, INT64_C(1723204800000));
	assert_int_equal(funding.interval_min, 240);
	feed_ticker(&world, t0 + 300, "delta", ",\"indexPrice\":\"100.3\"");
	assert_true(rates_mark(rates, &mark));
	assert_true(mark.mark.mantissa == 1001 && mark.index.mantissa == 1003);
	assert_true(rates_ticker(rates, &ticker));
	assert_int_equal(ticker.t_ms, t0 + 300);
	assert_true(ticker.volume.mantissa == 5000);
	world_close(&world);
}

static void tickers_of_spot_are_taken_too(void **state)
{
	(void)state;
	struct world world;
	struct ticker_state ticker;
	struct oi_sample oi;
	world_open(&world);
	feed(&world, VENUE_BYBIT, KIND_SPOT,
	     "{\"topic\":\"tickers.BTCUSDT\",\"ts\":%lld,\"type\":\"snapshot\",\"cs\":1,\"data\":"
	     "{\"symbol\":\"BTCUSDT\",\"lastPrice\":\"100\",\"highPrice24h\":\"1\","
	     "\"lowPrice24h\":\"1\",\"prevPrice24h\":\"1\",\"volume24h\":\"60\","
	     "\"turnover24h\":\"6000\",\"price24hPcnt\":\"0.01\",\"usdIndexPrice\":\"\"}}",
	     (long long)t0);
	const struct rates *rates = market_rates(market_of(&world, VENUE_BYBIT, KIND_SPOT));
	assert_true(rates_ticker(rates, &ticker) && ticker.volume.mantissa == 60);
	assert_false(rates_oi(rates, &oi));
	world_close(&world);
}

static void liquidations_of_both_venues_come_together(void **state)
{
	(void)state;
	struct world world;
	struct liquidation_sums sums;
	world_open(&world);
	struct liquidations *all = markets_liquidations(world.markets);
	feed_liquidation(&world, VENUE_BYBIT, t0);
	liquidations_sum(all, STR("BTC"), 60, t0, &sums);
	assert_int_equal(sums.n_short, 2); /* one frame said it twice */
	assert_false(sums.at_least);
	feed_liquidation(&world, VENUE_BYBIT, t0); /* the overlapping connection */
	feed_liquidation(&world, VENUE_BINANCE, t0 + 1);
	liquidations_sum(all, STR("BTC"), 60, t0, &sums);
	assert_int_equal(sums.n_short, 2);
	assert_int_equal(sums.n_long, 1);                  /* an order that sells closes a long */
	assert_true(sums.long_e8 == INT64_C(20000000000)); /* z × ap */
	assert_true(sums.at_least);
	/* a symbol of which nothing else is known makes no market */
	assert_int_equal(markets_count(world.markets), 0);
	assert_int_equal(counts_of(&world, VENUE_BYBIT)->events[EVENT_LIQUIDATION], 4);
	world_close(&world);
}

static void a_closed_minute_reaches_the_market_and_is_counted(void **state)
{
	(void)state;
	struct world world;
	world_open(&world);
	feed_bybit_trade(&world, "a-1", "2", t0 + 1000);
	feed_bybit_trade(&world, "a-2", "3", t0 + MIN + 20000);
	feed_kline(&world, t0, "1", "5", "false");
	feed_kline(&world, t0, "5", "5", "true");
	const uint64_t *klines = counts_of(&world, VENUE_BYBIT)->klines;
	for (int i = 0; i <= MARKET_KLINE_WAITING; i++)
		assert_int_equal(klines[i], 0);
	feed_kline(&world, t0, "1", "2", "true");
	assert_int_equal(klines[MARKET_KLINE_AGREED], 1);
	struct bar bar;
	assert_int_equal(market_minute(market_of(&world, VENUE_BYBIT, KIND_PERP), t0, &bar),
			 STATUS_OK);
	assert_int_equal(bar.flags & BAR_PARTIAL, 0);
	world_close(&world);
}

/* ---- interruptions ---- */

static void an_interruption_is_of_one_market_or_of_all(void **state)
{
	(void)state;
	for (int all = 0; all < 2; all++) {
		struct world world;
		struct ticker_state ticker;
		struct window window;
		world_open(&world);
		feed_ticker(&world, t0, "snapshot", whole_ticker);
		for (int64_t m = 0; m < 3; m++)
			feed_bybit_trade(&world,
					 m == 0   ? "a"
					 : m == 1 ? "b"
						  : "c",
					 "1", t0 + m * MIN);
		struct market *market = market_of(&world, VENUE_BYBIT, KIND_PERP);
		market_window(market, 2, &window);
		assert_int_equal(window.partial, 0);
		ingest_interrupted(world.ingest, VENUE_BYBIT, KIND_SPOT); /* of none of ours */
		feed_ticker(&world, t0 + 1, "delta", ",\"lastPrice\":\"101\"");
		assert_true(rates_ticker(market_rates(market), &ticker));
		assert_int_equal(ticker.last.mantissa, 101);
		if (all)
			ingest_interrupted(world.ingest, VENUE_BYBIT, KIND_PERP);
		else
			ingest_interrupted_market(world.ingest, market);
		feed_ticker(&world, t0 + 2, "delta", ",\"lastPrice\":\"102\"");
		assert_true(rates_ticker(market_rates(market), &ticker));
		assert_int_equal(ticker.last.mantissa, 101);
		market_window(market, 2, &window);
		assert_int_equal(window.partial, 1);
		world_close(&world);
	}
}

/* ---- the clock ---- */

static void a_time_ahead_of_the_clock_is_refused(void **state)
{
	(void)state;
	struct world world;
	world_open(&world);
	ingest_set_now(world.ingest, t0);
	feed_trade(&world, 1, t0 + INGEST_AHEAD_MS);
	assert_int_equal(world.n_trades, 1);
	/* 23 h ahead: the market alone would believe it, and its windows would be empty */
	assert_int_equal(feed_trade(&world, 2, t0 + 1380 * (int64_t)MIN), bit(EVENT_TRADE));
	assert_int_equal(feed_trade(&world, 3, t0 + INGEST_AHEAD_MS + 1), bit(EVENT_TRADE));
	assert_int_equal(world.n_trades, 1);
	struct market *market = market_of(&world, VENUE_BINANCE, KIND_PERP);
	assert_int_equal(market_newest_ms(market), t0 + INGEST_AHEAD_MS);
	assert_int_equal(counts_of(&world, VENUE_BINANCE)->ahead, 2);
	assert_int_equal(counts_of(&world, VENUE_BINANCE)->events[EVENT_TRADE], 3);
	ingest_set_now(world.ingest, t0 + 1);
	feed_trade(&world, 3, t0 + INGEST_AHEAD_MS + 1);
	assert_int_equal(world.n_trades, 2);
	ingest_set_now(world.ingest, 0); /* a replay has no clock */
	feed_trade(&world, 4, t0 + 1380 * (int64_t)MIN);
	assert_int_equal(world.n_trades, 3);
	world_close(&world);
}

static void figures_ahead_of_the_clock_are_refused_too(void **state)
{
	(void)state;
	static const int64_t ahead = INT64_C(82800000);
	struct world world;
	struct mark_state mark;
	struct oi_sample oi;
	world_open(&world);
	ingest_set_now(world.ingest, t0);
	feed_mark(&world, t0, "100", "0.0001");
	feed_ticker(&world, t0, "snapshot", whole_ticker);
	assert_int_equal(feed_mark(&world, t0 + ahead, "200", "0.5"),
			 bit(EVENT_MARK) | bit(EVENT_FUNDING));
	feed_ticker(&world, t0 + ahead, "delta", ",\"openInterest\":\"2\"");
	feed_liquidation(&world, VENUE_BYBIT, t0 + ahead);
	feed_kline(&world, t0 + ahead, "1", "1", "true");
	feed_kline_at(&world, t0 + ahead, t0, "1", "1", "true"); /* the minute itself */
	assert_int_equal(counts_of(&world, VENUE_BINANCE)->ahead, 2);
	assert_int_equal(counts_of(&world, VENUE_BYBIT)->ahead, 2 + 2 + 1 + 1);
	const struct rates *rates = market_rates(market_of(&world, VENUE_BINANCE, KIND_PERP));
	assert_true(rates_mark(rates, &mark) && mark.t_ms == t0);
	rates = market_rates(market_of(&world, VENUE_BYBIT, KIND_PERP));
	assert_true(rates_oi(rates, &oi) && oi.t_ms == t0);
	assert_int_equal(liquidations_newest_ms(markets_liquidations(world.markets)), 0);
	/* a top of the book goes by its id: its time empties nothing */
	feed(&world, VENUE_BINANCE, KIND_PERP,
	     "{\"e\":\"bookTicker\",\"u\":4,\"E\":%lld,\"T\":%lld,\"s\":\"BTCUSDT\",\"b\":\"99\","
	     "\"B\":\"1\",\"a\":\"101\",\"A\":\"1\"}",
	     (long long)(t0 + ahead), (long long)(t0 + ahead));
	assert_int_equal(counts_of(&world, VENUE_BINANCE)->ahead, 2);
	assert_int_equal(
	    book_top(market_book(market_of(&world, VENUE_BINANCE, KIND_PERP))).bid.mantissa, 99);
	/* one without a time is of now */
	feed(&world, VENUE_BINANCE, KIND_SPOT,
	     "{\"u\":5,\"s\":\"BTCUSDT\",\"b\":\"98\",\"B\":\"1\",\"a\":\"101\",\"A\":\"1\"}");
	assert_int_equal(book_top(market_book(market_of(&world, VENUE_BINANCE, KIND_SPOT))).t_ms,
			 t0);
	world_close(&world);
}

static void a_figure_without_a_time_is_not_taken(void **state)
{
	(void)state;
	struct world world;
	struct mark_state mark;
	world_open(&world);
	feed_mark(&world, 0, "100", "0.0001");
	const struct market *market = market_of(&world, VENUE_BINANCE, KIND_PERP);
	assert_false(market && rates_mark(market_rates(market), &mark));
	world_close(&world);
}

static void frames_of_a_known_market_allocate_nothing(void **state)
{
	(void)state;
	struct world world;
	world_open(&world);
	uint64_t before = 0;
	for (int64_t i = 0; i < 2000; i++) {
		if (i == 100)
			before = allocations_count;
		feed_trade(&world, i, t0 + i * 700);
		feed_mark(&world, t0 + i * 700, "100", "0.0001");
		feed_ticker(&world, t0 + i * 700, i % 50 ? "delta" : "snapshot", whole_ticker);
		feed_liquidation(&world, VENUE_BYBIT, t0 + i * 700);
		feed_liquidation(&world, VENUE_BINANCE, t0 + i * 700);
		liquidations_step(markets_liquidations(world.markets), t0 + i * 700);
	}
	assert_int_equal(allocations_count, before);
	assert_int_equal(world.n_trades, 2000);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_says_what_was_in_it),
		cmocka_unit_test(figures_of_binance_reach_the_rates),
		cmocka_unit_test(figures_of_bybit_come_as_changes),
		cmocka_unit_test(tickers_of_spot_are_taken_too),
		cmocka_unit_test(liquidations_of_both_venues_come_together),
		cmocka_unit_test(a_closed_minute_reaches_the_market_and_is_counted),
		cmocka_unit_test(an_interruption_is_of_one_market_or_of_all),
		cmocka_unit_test(a_time_ahead_of_the_clock_is_refused),
		cmocka_unit_test(figures_ahead_of_the_clock_are_refused_too),
		cmocka_unit_test(a_figure_without_a_time_is_not_taken),
		cmocka_unit_test(frames_of_a_known_market_allocate_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
