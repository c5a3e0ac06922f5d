#define CASES_VENUE VENUE_BINANCE
#include "decode_spellings.h"

static void buyer_is_maker_means_the_taker_sold(void **state)
{
	(void)state;
	struct event sold =
	    decode_one(&spot,
		       "{\"e\":\"aggTrade\",\"E\":1672515782136,\"s\":\"BNBBTC\",\"a\":12345,\"p\":"
		       "\"0.001\",\"q\":\"100\",\"f\":100,\"l\":105,\"T\":1672515782130,\"m\":true,"
		       "\"M\":true}",
		       EVENT_TRADE);
	assert_int_equal(sold.trade.side, SIDE_SELL);
	assert_int_equal(sold.trade.ordered_id, 12345);
	assert_int_equal(sold.t_ms, 1672515782130); /* T, not E */
	assert_true(sold.trade.aggregated);
	assert_false(sold.trade.block);
	assert_int_equal(sold.trade.seq, 0);
}

static void a_sell_order_liquidates_a_long(void **state)
{
	(void)state;
	struct event event = decode_one(
	    &perp,
	    "{\"e\":\"forceOrder\",\"E\":1,\"o\":{\"s\":\"BTCUSDT\",\"S\":\"SELL\",\"q\":\"3\","
	    "\"p\":\"9910\",\"ap\":\"9900\",\"z\":\"2\",\"T\":1568014460893}}",
	    EVENT_LIQUIDATION);
	assert_int_equal(event.liquidation.position, SIDE_BUY);
	assert_int_equal(event.liquidation.qty.mantissa, 2);      /* filled, not ordered */
	assert_int_equal(event.liquidation.price.mantissa, 9900); /* average, not limit */
}

static void a_trade_of_no_size_that_is_no_trade_is_unknown(void **state)
{
	(void)state;
	decode_one(
	    &perp,
	    "{\"e\":\"trade\",\"E\":1,\"T\":1,\"s\":\"A\",\"t\":1,\"p\":\"0\",\"q\":\"0.00\","
	    "\"X\":\"NA\",\"m\":true}",
	    EVENT_UNKNOWN);
}

static void the_first_of_a_repeated_key_counts(void **state)
{
	(void)state;
	struct event event =
	    decode_one(&spot,
		       "{\"u\":1,\"u\":2,\"s\":\"A\",\"b\":\"1\",\"B\":\"2\",\"a\":"
		       "\"3\",\"A\":\"4\",\"b\":\"9\"}",
		       EVENT_BOOK);
	assert_int_equal(event.book.update_id, 1);
	assert_int_equal(event.book.bid.mantissa, 1);
}

#define TRADE(t, p, q, m)                                                                          \
	"{\"e\":\"trade\",\"E\":1672515782136,\"s\":\"BNBBTC\",\"t\":" t ",\"p\":" p ",\"q\":" q   \
	",\"T\":1672515782136,\"m\":" m ",\"M\":true}"

static void wrong_fields_are_malformed_and_named(void **state)
{
	(void)state;
	static const char *const frames[][2] = {
		{ TRADE("1", "\"0\"", "\"1\"", "true"), "p:" },
		{ TRADE("1", "\"-1\"", "\"1\"", "true"), "p:" },
		{ TRADE("1", "\"1e5\"", "\"1\"", "true"), "p:" },
		{ TRADE("1", "\"NaN\"", "\"1\"", "true"), "p:" },
		{ TRADE("1", "\"1.\"", "\"1\"", "true"), "p:" },
		{ TRADE("1", "\".1\"", "\"1\"", "true"), "p:" },
		{ TRADE("1", "\"+1\"", "\"1\"", "true"), "p:" },
		{ TRADE("1", "\" 1\"", "\"1\"", "true"), "p:" },
		{ TRADE("1", "\"\"", "\"1\"", "true"), "p:" },
		{ TRADE("1", "1.5", "\"1\"", "true"), "p:" },
		{ TRADE("1", "\"9223372036854775808\"", "\"1\"", "true"), "p:" },
		{ TRADE("1", "\"0.0000000000000000001\"", "\"1\"", "true"), "p:" },
		{ TRADE("1", "\"1\"", "\"0\"", "true"), "q:" },
		{ TRADE("1", "\"1\"", "\"0.000\"", "true"), "q:" },
		{ TRADE("1", "\"1\"", "null", "true"), "q:" },
		{ TRADE("1", "\"1\"", "\"1\"", "\"true\""), "m:" },
		{ TRADE("1", "\"1\"", "\"1\"", "1"), "m:" },
		{ TRADE("-1", "\"1\"", "\"1\"", "true"), "t:" },
		{ TRADE("1.0", "\"1\"", "\"1\"", "true"), "t:" },
		{ TRADE("\"1\"", "\"1\"", "\"1\"", "true"), "t:" },
		{ TRADE("9223372036854775808", "\"1\"", "\"1\"", "true"), "t:" },
		{ TRADE("01", "\"1\"", "\"1\"", "true"), "number" },
		{ "{\"e\":\"trade\",\"s\":\"A\",\"t\":1,\"p\":\"1\",\"q\":\"1\",\"T\":"
		  "99999999999999,"
		  "\"m\":true}",
		  "T:" },
		{ "{\"e\":\"trade\",\"s\":\"\",\"t\":1,\"p\":\"1\",\"q\":\"1\",\"T\":1,\"m\":true}",
		  "s:" },
		{ "{\"e\":\"trade\",\"t\":1,\"p\":\"1\",\"q\":\"1\",\"T\":1,\"m\":true}", "s:" },
		{ "{\"e\":5}", "e:" },
		{ "{\"e\":\"kline\",\"E\":1,\"s\":\"A\",\"k\":[]}", "k:" },
		{ "{\"e\":\"forceOrder\",\"o\":{\"s\":\"A\",\"S\":\"sell\",\"z\":\"1\",\"ap\":"
		  "\"1\","
		  "\"T\":1}}",
		  "S:" },
		{ "{\"e\":\"depthUpdate\",\"E\":1,\"s\":\"A\",\"U\":1,\"u\":2,\"b\":[[\"1\"]],"
		  "\"a\":[]}",
		  "b:" },
		{ "{\"e\":\"depthUpdate\",\"E\":1,\"s\":\"A\",\"U\":1,\"u\":2,\"b\":[],\"a\":[["
		  "\"1\","
		  "\"2\",\"3\"]]}",
		  "a:" },
		{ "{\"lastUpdateId\":1,\"bids\":[[1,\"2\"]],\"asks\":[]}", "bids:" },
		{ "{\"lastUpdateId\":1,\"bids\":[[\"-1\",\"2\"]],\"asks\":[]}", "bids:" },
		{ "{\"stream\":5,\"data\":{}}", "stream:" },
		{ "{\"stream\":\"a@trade\"}", "data:" },
		{ "{\"stream\":\"a@trade\",\"data\":7}", "object or an array" },
		{ "[1]", "array of objects" },
		{ "null", "object or an array" },
		{ "", "empty" },
		{ "{\"e\":\"tr\xff\"}", "UTF-8" },
		{ "{\"e\":\"a\nb\"}", "string" },
		{ "{\"e\":}", "JSON" },
	};
	for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
		check_malformed(&spot, frames[i][0], frames[i][1]);
}

static void one_bad_element_spoils_the_whole_array(void **state)
{
	(void)state;
	check_malformed(&perp,
			"[{\"e\":\"markPriceUpdate\",\"E\":1,\"s\":\"A\",\"p\":\"1\",\"r\":\"\"},"
			"{\"e\":\"markPriceUpdate\",\"E\":1,\"s\":\"B\",\"p\":\"x\",\"r\":\"\"}]",
			"p:");
}

static void depth_levels_come_off_one_by_one(void **state)
{
	(void)state;
	struct str levels = STR("[\"2683.80\",\"3.02920000\"],[\"2679\",\"0.000\"]");
	struct decimal price, qty;
	assert_true(depth_level_next(&levels, &price, &qty));
	assert_int_equal(price.mantissa, 26838);
	assert_int_equal(price.scale, 1);
	assert_int_equal(qty.mantissa, 30292);
	assert_int_equal(qty.scale, 4);
	assert_true(depth_level_next(&levels, &price, &qty));
	assert_int_equal(price.mantissa, 2679);
	assert_int_equal(qty.mantissa, 0);
	assert_false(depth_level_next(&levels, &price, &qty));
}

static void a_frame_over_a_mebibyte_is_malformed(void **state)
{
	(void)state;
	struct decoder *decoder = case_decoder(&spot, DECODE_AUTO);
	char *frame = malloc(FRAME_BYTES_MAX + 1 + DECODE_PADDING);
	assert_non_null(frame);
	memset(frame, ' ', FRAME_BYTES_MAX + 1);
	memcpy(frame, "{\"result\":null,\"id\":1}", 22);
	assert_int_equal(decoder_decode(decoder, str_make(frame, FRAME_BYTES_MAX), case_events), 1);
	assert_int_equal(case_events[0].type, EVENT_ACK);
	assert_int_equal(decoder_decode(decoder, str_make(frame, FRAME_BYTES_MAX + 1), case_events),
			 1);
	assert_int_equal(case_events[0].type, EVENT_MALFORMED);
	assert_string_equal(case_events[0].malformed.reason, "longer than 1 MiB");
	free(frame);
	decoder_destroy(decoder);
}

static void nesting_is_bounded_at_32(void **state)
{
	(void)state;
	char text[256];
	for (int depth = 31; depth <= 33; depth++) {
		struct buf frame = buf_over(text, sizeof text - 1);
		buf_printf(&frame, "{\"result\":null,\"id\":");
		for (int i = 1; i < depth; i++)
			buf_char(&frame, '[');
		for (int i = 1; i < depth; i++)
			buf_char(&frame, ']');
		buf_char(&frame, '}');
		text[frame.len] = 0;
		if (depth <= 32)
			decode_one(&spot, text, EVENT_ACK);
		else
			check_malformed(&spot, text, "nested deeper than 32");
	}
}

static void malformed_says_its_line_when_there_is_one(void **state)
{
	(void)state;
	char text[256];
	struct event event = { .type = EVENT_MALFORMED, .malformed.reason = "not JSON" };
	struct buf line = buf_over(text, sizeof text - 1);
	event_print_json(&line, VENUE_BINANCE, KIND_SPOT, &event, 17);
	text[line.len] = 0;
	assert_string_equal(text, "{\"type\":\"malformed\",\"market\":null,\"t_ms\":null,"
				  "\"reason\":\"not JSON\",\"line\":17}");
	line = buf_over(text, sizeof text - 1);
	event_print_json(&line, VENUE_BINANCE, KIND_SPOT, &event, 0);
	text[line.len] = 0;
	assert_null(strstr(text, "line"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASES_SPELLING_TESTS,
		cmocka_unit_test(buyer_is_maker_means_the_taker_sold),
		cmocka_unit_test(a_sell_order_liquidates_a_long),
		cmocka_unit_test(a_trade_of_no_size_that_is_no_trade_is_unknown),
		cmocka_unit_test(the_first_of_a_repeated_key_counts),
		cmocka_unit_test(wrong_fields_are_malformed_and_named),
		cmocka_unit_test(one_bad_element_spoils_the_whole_array),
		cmocka_unit_test(depth_levels_come_off_one_by_one),
		cmocka_unit_test(a_frame_over_a_mebibyte_is_malformed),
		cmocka_unit_test(nesting_is_bounded_at_32),
		cmocka_unit_test(malformed_says_its_line_when_there_is_one),
	};
	return cmocka_run_group_tests(tests, load, NULL);
}
