/* REST answers of both venues, read: what is in them, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/rest_json.h"

enum { GOT_MAX = 16 };

static struct rest_reader *reader;
static struct event got[GOT_MAX];
static char got_ids[GOT_MAX][64], got_symbols[GOT_MAX][64];
static size_t n_got;

static int make(void **state)
{
	(void)state;
	reader = rest_reader_create();
	assert_non_null(reader);
	n_got = 0;
	return 0;
}

static int drop(void **state)
{
	(void)state;
	rest_reader_destroy(reader);
	return 0;
}

static void take(void *ctx, const struct event *event)
{
	assert_ptr_equal(ctx, got);
	assert_true(n_got < GOT_MAX);
	got[n_got] = *event;
	got_ids[n_got][0] = got_symbols[n_got][0] = 0;
	if (event->type == EVENT_TRADE)
		assert_int_equal(str_copy(event->trade.id, got_ids[n_got], 64), STATUS_OK);
	assert_int_equal(str_copy(event->symbol, got_symbols[n_got], 64), STATUS_OK);
	n_got++;
}

/* The body where a reader finds it: with padding behind, and nothing more. */
static struct str body_of(const char *text)
{
	static char *bytes;
	size_t len = strlen(text);
	free(bytes);
	bytes = calloc(1, len + 64);
	assert_non_null(bytes);
	memcpy(bytes, text, len);
	return str_make(bytes, len);
}

static enum status read_trades(enum venue venue, const char *text)
{
	n_got = 0;
	return rest_read_trades(reader, venue, body_of(text), take, got);
}

static enum status read_klines(enum venue venue, int32_t minutes, int64_t now_ms, const char *text)
{
	struct rest_klines ask = { venue, minutes, now_ms };
	n_got = 0;
	return rest_read_klines(reader, &ask, body_of(text), take, got);
}

static enum status read_oi(enum venue venue, const char *text)
{
	n_got = 0;
	return rest_read_oi(reader, venue, body_of(text), take, got);
}

static void assert_decimal(struct decimal d, int64_t mantissa, int32_t scale)
{
	assert_int_equal(d.mantissa, mantissa);
	assert_int_equal(d.scale, scale);
}

#define BYBIT(list)                                                                                \
	"{\"retCode\":0,\"retMsg\":\"OK\",\"result\":{\"category\":\"linear\",\"list\":[" list     \
	"]},\"retExtInfo\":{},\"time\":1672052955758}"

/* ---- trades ---- */

static void binance_trades_keep_their_order_and_are_aggregated(void **state)
{
	(void)state;
	assert_int_equal(
	    read_trades(VENUE_BINANCE,
			"[{\"a\":26129,\"p\":\"0.01633102\",\"q\":\"4.70443515\",\"f\":27781,\"l\":"
			"27781,\"T\":1498793709153,\"m\":true,\"M\":true},"
			"{\"a\":26130,\"p\":\"0.0164\",\"q\":\"1.00\",\"nq\":\"1\",\"f\":27782,"
			"\"l\":27790,\"T\":1498793709160,\"m\":false,\"st\":7}]"),
	    STATUS_OK);
	assert_int_equal(n_got, 2);
	assert_int_equal(got[0].type, EVENT_TRADE);
	assert_int_equal(got[0].t_ms, 1498793709153);
	assert_int_equal(got[0].trade.ordered_id, 26129);
	assert_string_equal(got_ids[0], "26129");
	assert_int_equal(got[0].trade.side, SIDE_SELL); /* the buyer was the maker */
	assert_true(got[0].trade.aggregated);
	assert_decimal(got[0].trade.price, 1633102, 8);
	assert_decimal(got[0].trade.qty, 470443515, 8);
	assert_int_equal(got[1].trade.ordered_id, 26130);
	assert_int_equal(got[1].trade.side, SIDE_BUY);
	assert_decimal(got[1].trade.qty, 1, 0);
	assert_string_equal(got_symbols[1], "");
}

static void bybit_trades_come_oldest_first_with_the_ids_of_the_stream(void **state)
{
	(void)state;
	assert_int_equal(
	    read_trades(
		VENUE_BYBIT,
		BYBIT("{\"execId\":\"9dcd4ff9-d0b3-5ae2-b7d9-d1d1d9f2d111\",\"symbol\":\"BTCUSDT\","
		      "\"price\":\"16618.49\",\"size\":\"0.00012\",\"side\":\"Sell\",\"time\":"
		      "\"1672052955758\",\"isBlockTrade\":true,\"isRPITrade\":false,\"seq\":"
		      "\"123456\"},"
		      "{\"execId\":\"2100000000007764263\",\"symbol\":\"BTCUSDT\",\"price\":"
		      "\"16618\",\"size\":\"2\",\"side\":\"Buy\",\"time\":\"1672052955700\","
		      "\"isBlockTrade\":false,\"isRPITrade\":true,\"seq\":99}")),
	    STATUS_OK);
	assert_int_equal(n_got, 2);
	assert_string_equal(got_ids[0], "2100000000007764263");
	assert_int_equal(got[0].t_ms, 1672052955700);
	assert_int_equal(got[0].trade.ordered_id, -1);
	assert_int_equal(got[0].trade.seq, 99);
	assert_int_equal(got[0].trade.side, SIDE_BUY);
	assert_false(got[0].trade.block);
	assert_string_equal(got_symbols[0], "BTCUSDT");
	assert_string_equal(got_ids[1], "9dcd4ff9-d0b3-5ae2-b7d9-d1d1d9f2d111");
	assert_int_equal(got[1].trade.side, SIDE_SELL);
	assert_int_equal(got[1].trade.seq, 123456);
	assert_true(got[1].trade.block);
}

static void an_answer_without_rows_is_no_error(void **state)
{
	(void)state;
	assert_int_equal(read_trades(VENUE_BINANCE, "[]"), STATUS_OK);
	assert_int_equal(read_trades(VENUE_BYBIT, BYBIT("")), STATUS_OK);
	assert_int_equal(read_oi(VENUE_BINANCE, " [ ] "), STATUS_OK);
	assert_int_equal(n_got, 0);
}

static void rows_before_a_bad_one_are_given(void **state)
{
	(void)state;
	assert_int_equal(read_trades(VENUE_BINANCE,
				     "[{\"a\":1,\"p\":\"1\",\"q\":\"1\",\"T\":1498793709153,\"m\":"
				     "true},{\"a\":2,\"p\":\"1\",\"q\":\"0\",\"T\":1498793709153,"
				     "\"m\":true},{\"a\":3,\"p\":\"1\",\"q\":\"1\",\"T\":"
				     "1498793709153,\"m\":true}]"),
			 STATUS_FORMAT);
	assert_int_equal(n_got, 1);
	assert_string_equal(rest_reader_why(reader), "q: wants a decimal above 0");
	assert_int_equal(read_trades(VENUE_BINANCE, "[]"), STATUS_OK); /* and it goes on */
	assert_string_equal(rest_reader_why(reader), "");
}

static void answers_that_are_none_are_refused(void **state)
{
	(void)state;
	static const char *const bodies[] = {
		"",
		"nothing",
		"[1]",
		"[[]]",
		"[null]",
		"{\"code\":-1121,\"msg\":\"Invalid symbol.\"}",
		"{\"retCode\":10006,\"retMsg\":\"Too many visits!\",\"result\":{}}",
		"{\"retCode\":0,\"result\":{\"list\":{}}}",
		"{\"retCode\":0,\"result\":[]}",
		"<html>502 Bad Gateway</html>",
		"[{\"a\":1,\"p\":1.5,\"q\":\"1\",\"T\":1,\"m\":true}]",
		"[{\"a\":-1,\"p\":\"1\",\"q\":\"1\",\"T\":1,\"m\":true}]",
		"[{\"a\":1,\"p\":\"1e3\",\"q\":\"1\",\"T\":1,\"m\":true}]",
		"[{\"a\":1,\"p\":\"1\",\"q\":\"1\",\"T\":99999999999999,\"m\":true}]",
		"[{\"a\":1,\"p\":\"1\",\"q\":\"1\",\"T\":1}]",
	};
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		assert_int_equal(read_trades(VENUE_BINANCE, bodies[i]), STATUS_FORMAT);
		assert_int_equal(n_got, 0);
		assert_true(rest_reader_why(reader)[0]);
		assert_int_equal(read_trades(VENUE_BYBIT, bodies[i]), STATUS_FORMAT);
		assert_int_equal(n_got, 0);
	}
	struct str none = { "", REST_BODY_MAX + 1 }; /* is not even looked at */
	assert_int_equal(rest_read_trades(reader, VENUE_BINANCE, none, take, got), STATUS_FORMAT);
}

static void more_rows_than_any_venue_gives_are_refused(void **state)
{
	(void)state;
	enum { ROW = 3 };
	char *text = calloc(1, (REST_ROWS_MAX + 1) * ROW + 2);
	assert_non_null(text);
	for (int i = 0; i <= REST_ROWS_MAX; i++)
		memcpy(text + i * ROW, i ? ",{}" : "[{}", ROW);
	text[(REST_ROWS_MAX + 1) * ROW] = ']';
	assert_int_equal(read_trades(VENUE_BINANCE, text), STATUS_FORMAT);
	assert_string_equal(rest_reader_why(reader), "more than 2,000 rows");
	free(text);
}

/* ---- klines ---- */

#define KLINE_A                                                                                    \
	"[1499040000000,\"0.01634790\",\"0.80000000\",\"0.01575800\",\"0.01577100\",\"148976."     \
	"11427815\","                                                                              \
	"1499040059999,\"2434.19055334\",308,\"1756.87402397\",\"28.46694368\",\"0\"]"
#define KLINE_B                                                                                    \
	"[1499040060000,\"1\",\"1\",\"1\",\"1\",\"0.00000000\",1499040119999,\"0\",0,\"0\",\"0\"," \
	"\"0\"]"

static void binance_klines_carry_the_takers_part(void **state)
{
	(void)state;
	assert_int_equal(read_klines(VENUE_BINANCE, 1, 1499040119999, "[" KLINE_A "," KLINE_B "]"),
			 STATUS_OK);
	assert_int_equal(n_got, 2);
	const struct event_kline *kline = &got[0].kline;
	assert_int_equal(got[0].type, EVENT_KLINE);
	assert_int_equal(kline->open_ms, 1499040000000);
	assert_int_equal(kline->close_ms, 1499040059999);
	assert_int_equal(kline->minutes, 1);
	assert_decimal(kline->open, 1634790 / 10, 7);
	assert_decimal(kline->high, 8, 1);
	assert_decimal(kline->low, 15758, 6);
	assert_decimal(kline->close, 15771, 6);
	assert_decimal(kline->volume, 14897611427815, 8);
	assert_decimal(kline->quote_volume, 243419055334, 8);
	assert_decimal(kline->taker_buy, 175687402397, 8);
	assert_decimal(kline->taker_buy_quote, 2846694368, 8);
	assert_true(kline->has_taker);
	assert_true(kline->closed);
	assert_false(got[1].kline.closed); /* a millisecond of it is still to come */
	assert_int_equal(read_klines(VENUE_BINANCE, 1, 1499040120000, "[" KLINE_B "]"), STATUS_OK);
	assert_true(got[0].kline.closed);
}

static void klines_of_another_interval_are_refused(void **state)
{
	(void)state;
	assert_int_equal(read_klines(VENUE_BINANCE, 15, 1499040119999, "[" KLINE_A "]"),
			 STATUS_FORMAT);
	assert_int_equal(n_got, 0);
	assert_int_equal(read_klines(VENUE_BINANCE, 1, 1, "[[1499040000000,\"1\"]]"),
			 STATUS_FORMAT);
	assert_int_equal(read_klines(VENUE_BINANCE, 1, 1,
				     "[[1499040000000,\"1\",\"1\",\"1\",\"-1\",\"1\",1499040059999,"
				     "\"0\",0,\"0\",\"0\"]]"),
			 STATUS_FORMAT);
}

static void bybit_klines_come_oldest_first(void **state)
{
	(void)state;
	assert_int_equal(read_klines(VENUE_BYBIT, 240, 1670608800000 + 4 * 3600000,
				     BYBIT("[\"1670608800000\",\"17071\",\"17073\",\"17027\","
					   "\"17055.5\",\"268611.5\",\"15.74462667\"],"
					   "[\"1670594400000\",\"17071.5\",\"17071.5\",\"17061\","
					   "\"17071\",\"4177\",\"0.24469757\"]")),
			 STATUS_OK);
	assert_int_equal(n_got, 2);
	assert_int_equal(got[0].kline.open_ms, 1670594400000);
	assert_int_equal(got[0].kline.minutes, 240);
	assert_decimal(got[0].kline.volume, 4177, 0);
	assert_false(got[0].kline.has_taker);
	assert_true(got[0].kline.closed);
	assert_int_equal(got[1].kline.open_ms, 1670608800000);
	assert_decimal(got[1].kline.close, 170555, 1);
	assert_decimal(got[1].kline.quote_volume, 1574462667, 8);
	assert_true(got[1].kline.closed);
}

/* ---- open interest, depth ---- */

static void open_interest_is_read_now_and_as_history(void **state)
{
	(void)state;
	assert_int_equal(read_oi(VENUE_BINANCE, "{\"openInterest\":\"10659.509\",\"symbol\":"
						"\"BTCUSDT\",\"time\":1589437530011}"),
			 STATUS_OK);
	assert_int_equal(n_got, 1);
	assert_int_equal(got[0].type, EVENT_OI);
	assert_int_equal(got[0].t_ms, 1589437530011);
	assert_decimal(got[0].oi.qty, 10659509, 3);
	assert_false(got[0].oi.both_sides);
	assert_int_equal(
	    read_oi(VENUE_BINANCE,
		    "[{\"symbol\":\"BTCUSDT\",\"sumOpenInterest\":\"20403.63700000\","
		    "\"sumOpenInterestValue\":\"150570784.07809979\",\"CMCCirculatingSupply\":"
		    "\"165880.538\",\"timestamp\":\"1583127900000\"},{\"symbol\":\"BTCUSDT\","
		    "\"sumOpenInterest\":\"20401.36700000\",\"sumOpenInterestValue\":\"1\","
		    "\"timestamp\":1583128200000}]"),
	    STATUS_OK);
	assert_int_equal(n_got, 2);
	assert_decimal(got[0].oi.qty, 20403637, 3);
	assert_int_equal(got[0].t_ms, 1583127900000);
	assert_int_equal(got[1].t_ms, 1583128200000);
}

static void bybits_open_interest_counts_both_sides_unless_it_says_one(void **state)
{
	(void)state;
	assert_int_equal(
	    read_oi(VENUE_BYBIT, BYBIT("{\"openInterest\":\"461134384.00000000\",\"timestamp\":"
				       "\"1669571700000\",\"singleOpenInterest\":\"230567192\"},"
				       "{\"openInterest\":\"461134292.00000000\",\"timestamp\":"
				       "\"1669571400000\"}")),
	    STATUS_OK);
	assert_int_equal(n_got, 2);
	assert_int_equal(got[0].t_ms, 1669571400000);
	assert_decimal(got[0].oi.qty, 461134292, 0);
	assert_true(got[0].oi.both_sides);
	assert_decimal(got[1].oi.qty, 230567192, 0);
	assert_false(got[1].oi.both_sides);
}

static void take_depth(void *ctx, const struct event *event)
{
	struct str levels = event->depth.bids;
	struct decimal price, qty;
	(void)ctx;
	n_got++;
	got[0] = *event;
	assert_int_equal(event->depth.n_bids, 2);
	assert_int_equal(event->depth.n_asks, 1);
	assert_true(depth_level_next(&levels, &price, &qty));
	assert_decimal(price, 4, 0);
	assert_decimal(qty, 431, 0);
	assert_true(depth_level_next(&levels, &price, &qty));
	assert_false(depth_level_next(&levels, &price, &qty));
	levels = event->depth.asks;
	assert_true(depth_level_next(&levels, &price, &qty));
	assert_decimal(price, 4000002, 6);
}

static void a_depth_snapshot_says_its_update(void **state)
{
	(void)state;
	n_got = 0;
	assert_int_equal(
	    rest_read_depth(reader,
			    body_of("{\"lastUpdateId\":1027024,\"E\":1589436922972,\"T\":"
				    "1589436922959,\"bids\":[[\"4.00000000\",\"431.00000000\"],[ "
				    "\"3.9\", \"1\"]],\"asks\":[[\"4.00000200\",\"12\"]]}"),
			    take_depth, NULL),
	    STATUS_OK);
	assert_int_equal(n_got, 1);
	assert_int_equal(got[0].t_ms, 1589436922972);
	assert_true(got[0].depth.snapshot);
	assert_int_equal(got[0].depth.last_update, 1027024);
	assert_int_equal(rest_read_depth(reader,
					 body_of("{\"lastUpdateId\":1,\"bids\":[[\"4\"]],"
						 "\"asks\":[]}"),
					 take_depth, NULL),
			 STATUS_FORMAT);
	assert_int_equal(rest_read_depth(reader, body_of("[]"), take_depth, NULL), STATUS_FORMAT);
	assert_int_equal(n_got, 1);
}

/* ---- instruments ---- */

static struct rest_instrument listed[4];
static size_t n_listed;

static void take_instrument(void *ctx, const struct rest_instrument *instrument)
{
	static char symbols[4][64];
	(void)ctx;
	assert_true(n_listed < 4);
	listed[n_listed] = *instrument;
	assert_int_equal(str_copy(instrument->symbol, symbols[n_listed], 64), STATUS_OK);
	listed[n_listed].symbol = str_of(symbols[n_listed]);
	n_listed++;
}

static void binance_instruments_tell_steps_and_status(void **state)
{
	(void)state;
	n_listed = 0;
	assert_int_equal(
	    rest_read_instruments(
		reader, VENUE_BINANCE,
		body_of("{\"timezone\":\"UTC\",\"symbols\":[{\"symbol\":\"BTCUSDT\",\"status\":"
			"\"TRADING\",\"contractType\":\"PERPETUAL\",\"onboardDate\":1569398400000,"
			"\"filters\":[{\"filterType\":\"PRICE_FILTER\",\"maxPrice\":\"300\","
			"\"tickSize\":\"0.10\"},{\"stepSize\":\"0.001\",\"filterType\":"
			"\"LOT_SIZE\"},{\"filterType\":\"MARKET_LOT_SIZE\",\"stepSize\":\"5\"}]},"
			"{\"symbol\":\"\\u5e01\\u5b89USDT\",\"status\":\"SETTLING\",\"filters\":[]}"
			"]}"),
		take_instrument, NULL),
	    STATUS_OK);
	assert_int_equal(n_listed, 2);
	assert_true(str_eq(listed[0].symbol, STR("BTCUSDT")));
	assert_true(listed[0].trading);
	assert_decimal(listed[0].tick, 1, 1);
	assert_decimal(listed[0].lot, 1, 3);
	assert_int_equal(listed[0].listed_ms, 1569398400000);
	assert_int_equal(listed[0].funding_interval_min, 0);
	assert_false(listed[1].trading);
	assert_int_equal(listed[1].tick.mantissa, 0);
	assert_int_equal(listed[1].listed_ms, 0);
}

static void bybit_instruments_tell_theirs(void **state)
{
	(void)state;
	n_listed = 0;
	assert_int_equal(
	    rest_read_instruments(
		reader, VENUE_BYBIT,
		body_of(BYBIT("{\"symbol\":\"BTCUSDT\",\"status\":\"Trading\",\"launchTime\":"
			      "\"1584230400000\",\"priceFilter\":{\"tickSize\":\"0.10\"},"
			      "\"lotSizeFilter\":{\"qtyStep\":\"0.001\",\"minOrderQty\":\"0.001\"},"
			      "\"fundingInterval\":480},"
			      "{\"symbol\":\"ETHUSDC\",\"status\":\"PreLaunch\",\"priceFilter\":{"
			      "\"tickSize\":\"0.01\"},\"lotSizeFilter\":{\"basePrecision\":"
			      "\"0.00001\",\"quotePrecision\":\"0.01\"}}")),
		take_instrument, NULL),
	    STATUS_OK);
	assert_int_equal(n_listed, 2);
	assert_true(listed[0].trading);
	assert_int_equal(listed[0].listed_ms, 1584230400000);
	assert_int_equal(listed[0].funding_interval_min, 480);
	assert_decimal(listed[0].lot, 1, 3);
	assert_false(listed[1].trading);
	assert_decimal(listed[1].lot, 1, 5);
	assert_decimal(listed[1].tick, 1, 2);
}

static void funding_info_tells_intervals(void **state)
{
	(void)state;
	n_listed = 0;
	assert_int_equal(rest_read_funding_info(
			     reader,
			     body_of("[{\"symbol\":\"BLZUSDT\",\"adjustedFundingRateCap\":"
				     "\"0.02500000\",\"fundingIntervalHours\":4,\"disclaimer\":"
				     "false}]"),
			     take_instrument, NULL),
			 STATUS_OK);
	assert_int_equal(n_listed, 1);
	assert_int_equal(listed[0].funding_interval_min, 240);
	assert_int_equal(rest_read_funding_info(reader, body_of("{}"), take_instrument, NULL),
			 STATUS_FORMAT);
}

int main(void)
{
#define READS(test) cmocka_unit_test_setup_teardown(test, make, drop)
	const struct CMUnitTest tests[] = {
		READS(binance_trades_keep_their_order_and_are_aggregated),
		READS(bybit_trades_come_oldest_first_with_the_ids_of_the_stream),
		READS(an_answer_without_rows_is_no_error),
		READS(rows_before_a_bad_one_are_given),
		READS(answers_that_are_none_are_refused),
		READS(more_rows_than_any_venue_gives_are_refused),
		READS(binance_klines_carry_the_takers_part),
		READS(klines_of_another_interval_are_refused),
		READS(bybit_klines_come_oldest_first),
		READS(open_interest_is_read_now_and_as_history),
		READS(bybits_open_interest_counts_both_sides_unless_it_says_one),
		READS(a_depth_snapshot_says_its_update),
		READS(binance_instruments_tell_steps_and_status),
		READS(bybit_instruments_tell_theirs),
		READS(funding_info_tells_intervals),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	body_of("");
	return failed;
}
