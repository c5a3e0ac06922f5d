#define CASES_VENUE VENUE_BYBIT
#include "decode_spellings.h"

static void liquidation_buy_is_a_long(void **state)
{
	(void)state;
	struct event event = decode_one(
	    &perp,
	    "{\"topic\":\"allLiquidation.A\",\"type\":\"snapshot\",\"ts\":1,\"data\":[{\"T\":2,"
	    "\"s\":\"A\",\"S\":\"Buy\",\"v\":\"20000\",\"p\":\"0.04499\"}]}",
	    EVENT_LIQUIDATION);
	assert_int_equal(event.liquidation.position, SIDE_BUY);
	assert_int_equal(event.t_ms, 2);
}

static void ids_prove_no_order_and_seq_is_kept(void **state)
{
	(void)state;
	struct event event = decode_one(
	    &spot,
	    "{\"topic\":\"publicTrade.A\",\"type\":\"snapshot\",\"ts\":1,\"data\":[{\"T\":2,"
	    "\"s\":\"A\",\"S\":\"Sell\",\"v\":\"20000\",\"p\":\"0.04499\",\"i\":\"22\",\"seq\":7,"
	    "\"BT\":true}]}",
	    EVENT_TRADE);
	assert_int_equal(event.trade.ordered_id, -1);
	assert_int_equal(event.trade.seq, 7);
	assert_int_equal(event.trade.side, SIDE_SELL);
	assert_true(event.trade.block);
}

#define TICKER(data)                                                                               \
	"{\"topic\":\"tickers.A\",\"type\":\"delta\",\"ts\":5,\"data\":{\"symbol\":\"A\"" data "}" \
	"}"

/* The events of a ticker frame in case_events. */
static size_t decode_ticker(const char *frame)
{
	struct decoder *decoder = case_decoder(&perp, DECODE_AUTO);
	char *copy;
	size_t n = decode_copy(decoder, str_of(frame), &copy, case_events);
	free(copy);
	decoder_destroy(decoder);
	return n;
}

static void open_interest_of_both_sides_is_marked_and_one_side_preferred(void **state)
{
	(void)state;
	assert_int_equal(decode_ticker(TICKER(",\"openInterest\":\"10.1\"")), 2);
	assert_int_equal(case_events[1].type, EVENT_OI);
	assert_true(case_events[1].oi.both_sides);
	assert_int_equal(case_events[1].oi.qty.mantissa, 101);
	assert_int_equal(
	    decode_ticker(TICKER(",\"openInterest\":\"10\",\"singleOpenInterest\":\"5.5\"")), 2);
	assert_false(case_events[1].oi.both_sides);
	assert_int_equal(case_events[1].oi.qty.mantissa, 55);
}

static void what_a_delta_leaves_out_is_not_invented(void **state)
{
	(void)state;
	assert_int_equal(decode_ticker(TICKER("")), 1);
	assert_int_equal(case_events[0].type, EVENT_TICKER);
	assert_false(case_events[0].ticker.has_last || case_events[0].ticker.has_change ||
		     case_events[0].ticker.has_volume || case_events[0].ticker.has_quote_volume);
	assert_int_equal(decode_ticker(TICKER(",\"nextFundingTime\":\"1786694400000\"")), 2);
	assert_int_equal(case_events[1].type, EVENT_FUNDING);
	assert_true(case_events[1].funding.rate_unchanged);
	assert_int_equal(case_events[1].funding.next_ms, 1786694400000);
	assert_int_equal(decode_ticker(TICKER(",\"fundingRate\":\"0\"")), 2);
	assert_false(case_events[1].funding.rate_unchanged);
	assert_int_equal(case_events[1].funding.next_ms, 0);
}

static void whole_numbers_may_come_as_text_or_number_where_bybit_does_both(void **state)
{
	(void)state;
	assert_int_equal(decode_ticker(TICKER(",\"fundingRate\":\"-0.01\",\"nextFundingTime\":"
					      "1786694400000,\"fundingIntervalHour\":4")),
			 2);
	assert_int_equal(case_events[1].funding.next_ms, 1786694400000);
	assert_int_equal(case_events[1].funding.interval_min, 240);
	assert_int_equal(case_events[1].funding.rate.mantissa, -1);
}

static void the_day_ratio_becomes_percent_exactly(void **state)
{
	(void)state;
	static const struct {
		const char *frame;
		int64_t mantissa;
		int32_t scale;
	} rows[] = {
		{ TICKER(",\"price24hPcnt\":\"0.001455\""), 1455, 4 },
		{ TICKER(",\"price24hPcnt\":\"-0.01\""), -1, 0 },
		{ TICKER(",\"price24hPcnt\":\"0.5\""), 50, 0 },
		{ TICKER(",\"price24hPcnt\":\"2\""), 200, 0 },
		{ TICKER(",\"price24hPcnt\":\"0\""), 0, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		decode_ticker(rows[i].frame);
		assert_int_equal(case_events[0].type, EVENT_TICKER);
		assert_int_equal(case_events[0].ticker.change_percent_24h.mantissa,
				 rows[i].mantissa);
		assert_int_equal(case_events[0].ticker.change_percent_24h.scale, rows[i].scale);
	}
}

#define ROW(T, S, v, p, i)                                                                         \
	"{\"T\":" T ",\"s\":\"A\",\"S\":" S ",\"v\":" v ",\"p\":" p ",\"i\":" i "}"
#define TRADES(rows)                                                                               \
	"{\"topic\":\"publicTrade.A\",\"type\":\"snapshot\",\"ts\":1,\"data\":[" rows "]}"
#define GOOD ROW("1", "\"Buy\"", "\"1\"", "\"1\"", "\"x\"")

static void wrong_fields_are_malformed_and_named(void **state)
{
	(void)state;
	static const char *const frames[][2] = {
		{ TRADES(GOOD "," ROW("1", "\"Buy\"", "\"0\"", "\"1\"", "\"x\"")), "v:" },
		{ TRADES(ROW("1", "\"Buy\"", "1", "\"1\"", "\"x\"")), "v:" },
		{ TRADES(ROW("1", "\"Buy\"", "\"1\"", "\"1e3\"", "\"x\"")), "p:" },
		{ TRADES(ROW("1", "\"buy\"", "\"1\"", "\"1\"", "\"x\"")), "S:" },
		{ TRADES(ROW("1", "true", "\"1\"", "\"1\"", "\"x\"")), "S:" },
		{ TRADES(ROW("\"1\"", "\"Buy\"", "\"1\"", "\"1\"", "\"x\"")), "T:" },
		{ TRADES(ROW("1", "\"Buy\"", "\"1\"", "\"1\"", "\"\"")), "i:" },
		{ TRADES(ROW("1", "\"Buy\"", "\"1\"", "\"1\"", "5")), "i:" },
		{ TRADES(""), "data:" },
		{ TRADES("5"), "s:" },
		{ "{\"topic\":\"publicTrade.A\",\"data\":{}}", "data:" },
		{ "{\"topic\":5}", "topic:" },
		{ "{\"topic\":\"tickers.A\",\"type\":\"new\",\"ts\":1,\"data\":{\"symbol\":\"A\"}}",
		  "type:" },
		{ "{\"topic\":\"tickers.A\",\"type\":\"delta\",\"ts\":1,\"data\":{}}", "symbol:" },
		{ TICKER(",\"price24hPcnt\":\"9223372036854775807\""), "price24hPcnt:" },
		{ TICKER(",\"lastPrice\":\"-1\""), "lastPrice:" },
		{ TICKER(",\"nextFundingTime\":\"soon\""), "nextFundingTime:" },
		{ "{\"topic\":\"kline.5\",\"ts\":1,\"data\":[]}", "topic:" },
		{ "{\"topic\":\"orderbook.50.A\",\"type\":\"delta\",\"ts\":1,\"data\":{\"s\":\"A\","
		  "\"b\":"
		  "[[\"1\",2]],\"a\":[],\"u\":1}}",
		  "b:" },
		{ "{\"success\":\"yes\",\"op\":\"subscribe\"}", "success:" },
		{ "[]", "object" },
	};
	for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
		check_malformed(&perp, frames[i][0], frames[i][1]);
}

/* A frame of n trades, in linear's own spelling. */
static size_t decode_many(struct decoder *decoder, size_t n)
{
	static const char row[] =
	    "{\"T\":1774021164272,\"s\":\"BTCUSDT\",\"S\":\"Sell\",\"v\":\"0.001\","
	    "\"p\":\"69916.80\",\"L\":\"PlusTick\",\"i\":\"8c931d9a\","
	    "\"BT\":false,\"RPI\":false,\"seq\":549792210006}";
	struct buf frame;
	buf_init(&frame, 1 << 20);
	buf_printf(&frame, "{\"topic\":\"publicTrade.BTCUSDT\",\"type\":\"snapshot\",\"ts\":"
			   "1774021164273,\"data\":[");
	for (size_t i = 0; i < n; i++)
		buf_printf(&frame, "%s%s", i ? "," : "", row);
	buf_printf(&frame, "]}");
	assert_false(frame.overflow);
	struct str text = buf_str(&frame);
	assert_non_null(buf_reserve(&frame, DECODE_PADDING));
	text.ptr = frame.ptr;
	size_t events = decoder_decode(decoder, text, case_events);
	buf_deinit(&frame);
	return events;
}

static void a_frame_of_more_events_than_fit_is_malformed(void **state)
{
	(void)state;
	for (int mode = DECODE_AUTO; mode <= DECODE_SCANNER; mode++) {
		struct decoder *decoder = case_decoder(&perp, (enum decode_mode)mode);
		assert_int_equal(decode_many(decoder, 1), 1);
		assert_int_equal(decode_many(decoder, EVENTS_PER_FRAME), EVENTS_PER_FRAME);
		assert_int_equal(case_events[EVENTS_PER_FRAME - 1].type, EVENT_TRADE);
		size_t n = decode_many(decoder, EVENTS_PER_FRAME + 1);
		assert_int_equal(n, mode == DECODE_SCANNER ? 0 : 1);
		assert_true(n == 0 || case_events[0].type == EVENT_MALFORMED);
		decoder_destroy(decoder);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASES_SPELLING_TESTS,
		cmocka_unit_test(liquidation_buy_is_a_long),
		cmocka_unit_test(ids_prove_no_order_and_seq_is_kept),
		cmocka_unit_test(open_interest_of_both_sides_is_marked_and_one_side_preferred),
		cmocka_unit_test(what_a_delta_leaves_out_is_not_invented),
		cmocka_unit_test(whole_numbers_may_come_as_text_or_number_where_bybit_does_both),
		cmocka_unit_test(the_day_ratio_becomes_percent_exactly),
		cmocka_unit_test(wrong_fields_are_malformed_and_named),
		cmocka_unit_test(a_frame_of_more_events_than_fit_is_malformed),
	};
	return cmocka_run_group_tests(tests, load, NULL);
}
