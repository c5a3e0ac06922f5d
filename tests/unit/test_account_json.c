/* What exchanges say of an account, read: exact amounts, whole rows, no mercy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/rng.h"
#include "codec/account_json.h"

enum { ROOM = 16, PADDING = 64 };

static struct account_reader *reader;
static struct account_balance balances[ROOM];
static struct account_position positions[ROOM];
static struct account_income incomes[ROOM];
static size_t count;
static struct account_page page;

static const i128 one = (i128)1000000000000000000;

/* In a heap block of its size and the padding, so that a sanitizer sees every byte. */
static struct str body_of(const char *text)
{
	size_t len = strlen(text);
	char *body = malloc(len + PADDING);
	assert_non_null(body);
	memcpy(body, text, len);
	memset(body + len, '"', PADDING);
	return str_make(body, len);
}

static void on_balance(void *ctx, const struct account_balance *row)
{
	(void)ctx;
	if (count < ROOM)
		balances[count] = *row;
	count++;
}
static void on_position(void *ctx, const struct account_position *row)
{
	(void)ctx;
	if (count < ROOM)
		positions[count] = *row;
	count++;
}
static void on_income(void *ctx, const struct account_income *row)
{
	(void)ctx;
	if (count < ROOM)
		incomes[count] = *row;
	count++;
}

static enum status read_balances(enum venue venue, enum account_part part, const char *text)
{
	struct str body = body_of(text);
	count = 0;
	enum status status = account_read_balances(reader, venue, part, body, on_balance, NULL);
	free((void *)(uintptr_t)body.ptr);
	return status;
}
static enum status read_positions(enum venue venue, const char *text)
{
	struct str body = body_of(text);
	count = 0;
	enum status status = account_read_positions(reader, venue, body, on_position, NULL, &page);
	free((void *)(uintptr_t)body.ptr);
	return status;
}
static enum status read_income(enum venue venue, const char *text)
{
	struct str body = body_of(text);
	count = 0;
	enum status status = account_read_income(reader, venue, body, on_income, NULL, &page);
	free((void *)(uintptr_t)body.ptr);
	return status;
}
static enum status read_time(enum venue venue, const char *text, int64_t *unix_ms)
{
	struct str body = body_of(text);
	enum status status = account_read_time(reader, venue, body, unix_ms);
	free((void *)(uintptr_t)body.ptr);
	return status;
}

static void is_amount(const char *text, const char *expected)
{
	char storage[64];
	struct buf out = buf_over(storage, sizeof storage - 1);
	i128 amount;
	assert_int_equal(account_amount_parse(str_of(text), &amount), STATUS_OK);
	decimal_print_trim(&out, amount, ACCOUNT_PLACES);
	storage[out.len] = 0;
	assert_string_equal(storage, expected);
}

static void is_refused(const char *text, enum status status)
{
	i128 amount = 77;
	assert_int_equal(account_amount_parse(str_of(text), &amount), status);
	assert_true(amount == 77);
}

static void amounts_are_exact_to_the_last_place(void **state)
{
	(void)state;
	is_amount("0", "0");
	is_amount("0.00000000", "0");
	is_amount("0E-8", "0");
	is_amount("0e-40", "0");
	is_amount("1", "1");
	is_amount("-0.1", "-0.1");
	is_amount("4723846.89208129", "4723846.89208129");
	is_amount("0.000000000000000001", "0.000000000000000001");
	is_amount("-999999999999999.999999999999999999", "-999999999999999.999999999999999999");
	is_amount("000000000000000000000001.5", "1.5");
	is_amount("1.50000000000000000000000000", "1.5");
	is_amount("1.25E-7", "0.000000125");
	is_amount("1.25E+3", "1250");
	is_amount("125e3", "125000");
	is_amount("0.000001E6", "1");
}

static void amounts_that_cannot_be_held_are_refused_not_rounded(void **state)
{
	(void)state;
	is_refused("0.0000000000000000001", STATUS_RANGE);
	is_refused("1E-19", STATUS_RANGE);
	is_refused("1000000000000000", STATUS_RANGE);
	is_refused("1E15", STATUS_RANGE);
	is_refused("1E65", STATUS_RANGE);
	for (size_t i = 0; i < 12; i++) {
		static const char *const texts[] = { "",   "-",  ".",   "1.",  ".5", "1,5",
						     "+1", "1 ", "0x1", "NaN", "1E", "1E+-3" };
		is_refused(texts[i], STATUS_FORMAT);
	}
}

/* Against the text itself, put together from random digits. */
static void any_amount_comes_back_as_it_was_written(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 7);
	for (int round = 0; round < 20000; round++) {
		char text[64], storage[64];
		struct buf in = buf_over(text, sizeof text - 1), out = buf_over(storage, 63);
		if (rng_below(&rng, 2))
			buf_char(&in, '-');
		buf_i64(&in, 1 + (int64_t)rng_below(&rng, 999999999999999));
		size_t places = rng_below(&rng, 19);
		if (places)
			buf_char(&in, '.');
		for (size_t i = 0; i < places; i++)
			buf_char(&in, (char)((i + 1 == places ? '1' : '0') +
					     (char)rng_below(&rng, i + 1 == places ? 9 : 10)));
		i128 amount;
		assert_int_equal(account_amount_parse(buf_str(&in), &amount), STATUS_OK);
		decimal_print_trim(&out, amount, ACCOUNT_PLACES);
		assert_true(str_eq(buf_str(&in), buf_str(&out)));
	}
}

static void balances_of_binance_spot(void **state)
{
	(void)state;
	assert_int_equal(
	    read_balances(VENUE_BINANCE, ACCOUNT_SPOT,
			  "{\"makerCommission\":15,\"balances\":["
			  "{\"asset\":\"BTC\",\"free\":\"4723846.89208129\",\"locked\":\"0.5\"},"
			  "{\"asset\":\"LTC\",\"free\":\"0.00000000\",\"locked\":\"0.00000000\"},"
			  "{\"asset\":\"1000SATS\",\"free\":\"0\",\"locked\":\"7\",\"new\":[1]}]}"),
	    STATUS_OK);
	assert_int_equal(count, 2);
	assert_string_equal(balances[0].asset, "BTC");
	assert_true(balances[0].equity_e18 == balances[0].free_e18 + one / 2);
	assert_true(balances[0].free_e18 == (i128)472384689208129 * 10000000000);
	assert_true(balances[0].locked_e18 == one / 2 && balances[0].locked_known);
	assert_int_equal(balances[0].part, ACCOUNT_SPOT);
	assert_string_equal(balances[1].asset, "1000SATS");
}

static void balances_of_binance_perp_and_bybit(void **state)
{
	(void)state;
	assert_int_equal(
	    read_balances(
		VENUE_BINANCE, ACCOUNT_PERP,
		"[{\"accountAlias\":\"SgsR\",\"asset\":\"USDT\",\"balance\":\"122607.35\","
		"\"crossUnPnl\":\"-23.72\",\"availableBalance\":\"100.5\"}]"),
	    STATUS_OK);
	assert_int_equal(count, 1);
	assert_true(balances[0].equity_e18 == one * 12258363 / 100);
	assert_true(!balances[0].locked_known && balances[0].free_known);
	assert_int_equal(
	    read_balances(
		VENUE_BYBIT, ACCOUNT_UNIFIED,
		"{\"retCode\":0,\"retMsg\":\"OK\",\"result\":{\"list\":[{\"accountType\":"
		"\"UNIFIED\",\"coin\":[{\"coin\":\"BTC\",\"equity\":\"0.0123\","
		"\"walletBalance\":\"0.0100\",\"locked\":\"0.001\",\"totalOrderIM\":\"0E-8\","
		"\"totalPositionIM\":\"0.002\",\"unrealisedPnl\":\"0.0023\",\"free\":\"\"}]}]}}"),
	    STATUS_OK);
	assert_int_equal(count, 1);
	assert_true(balances[0].locked_e18 == one * 3 / 1000 && balances[0].locked_known);
	assert_false(balances[0].free_known);
	assert_true(balances[0].unrealised_e18 == one * 23 / 10000);
}

static void positions_have_a_side_and_perhaps_no_liquidation(void **state)
{
	(void)state;
	assert_int_equal(
	    read_positions(
		VENUE_BINANCE,
		"[{\"symbol\":\"ADAUSDT\",\"positionSide\":\"BOTH\",\"positionAmt\":\"-30\","
		"\"entryPrice\":\"0.385\",\"markPrice\":\"0.41047590\","
		"\"unRealizedProfit\":\"-0.76427700\",\"liquidationPrice\":\"0\","
		"\"initialMargin\":\"0.61571385\",\"marginAsset\":\"USDT\"},"
		"{\"symbol\":\"BTCUSDT\",\"positionAmt\":\"0.000\",\"entryPrice\":\"0.0\","
		"\"markPrice\":\"1\",\"unRealizedProfit\":\"0\",\"marginAsset\":\"USDT\"}]"),
	    STATUS_OK);
	assert_int_equal(count, 1);
	assert_int_equal(page.rows, 2);
	assert_int_equal(positions[0].side, ACCOUNT_SHORT);
	assert_true(positions[0].qty_e18 == 30 * one && !positions[0].liq_known);
	assert_int_equal(
	    read_positions(
		VENUE_BYBIT,
		"{\"retCode\":0,\"result\":{\"nextPageCursor\":\"abc%3A1%2C2\",\"list\":["
		"{\"symbol\":\"BTCPERP\",\"side\":\"Buy\",\"size\":\"0.1\","
		"\"avgPrice\":\"60000\",\"markPrice\":\"61000.5\",\"liqPrice\":\"\","
		"\"unrealisedPnl\":\"100.05\",\"positionIM\":\"6\"},"
		"{\"symbol\":\"ETHUSDT\",\"side\":\"\",\"size\":\"0\"}]}}"),
	    STATUS_OK);
	assert_int_equal(count, 1);
	assert_string_equal(positions[0].asset, "USDC");
	assert_string_equal(page.cursor, "abc%3A1%2C2");
}

static void income_is_sorted_by_what_it_is_and_transfers_are_none(void **state)
{
	(void)state;
	assert_int_equal(
	    read_income(
		VENUE_BINANCE,
		"[{\"symbol\":\"\",\"incomeType\":\"TRANSFER\",\"income\":\"-5000\","
		"\"asset\":\"USDT\",\"time\":1570608000000},"
		"{\"symbol\":\"BTCUSDT\",\"incomeType\":\"COMMISSION\",\"income\":\"-0.01000000\","
		"\"asset\":\"BNB\",\"time\":1570636800000},"
		"{\"incomeType\":\"REALIZED_PNL\",\"income\":\"12.5\",\"asset\":\"USDT\","
		"\"time\":1570636800001},"
		"{\"incomeType\":\"FUNDING_FEE\",\"income\":\"-0.25\",\"asset\":\"USDT\","
		"\"time\":1570636800002}]"),
	    STATUS_OK);
	assert_int_equal(count, 3);
	assert_int_equal(page.rows, 4);
	assert_true(page.ascending && page.last_ms == 1570636800002);
	assert_int_equal(incomes[0].kind, ACCOUNT_FEES);
	assert_string_equal(incomes[0].asset, "BNB");
	assert_int_equal(incomes[1].kind, ACCOUNT_REALISED);
	assert_int_equal(incomes[2].kind, ACCOUNT_FUNDING);
	assert_int_equal(
	    read_income(VENUE_BYBIT,
			"{\"retCode\":0,\"result\":{\"nextPageCursor\":\"\",\"list\":["
			"{\"symbol\":\"BTCUSDT-26DEC26\",\"closedPnl\":\"-47.4065323\","
			"\"createdTime\":\"1672214887236\",\"updatedTime\":\"1672214900000\"}]}}"),
	    STATUS_OK);
	assert_int_equal(count, 1);
	assert_string_equal(incomes[0].asset, "USDT");
	assert_int_equal(incomes[0].t_ms, 1672214887236);
	assert_true(incomes[0].amount_e18 == -(i128)474065323 * 100000000000);
}

static void the_venue_s_time(void **state)
{
	(void)state;
	int64_t ms = 0;
	assert_int_equal(read_time(VENUE_BINANCE, "{\"serverTime\":1499827319559}", &ms),
			 STATUS_OK);
	assert_int_equal(ms, 1499827319559);
	assert_int_equal(read_time(VENUE_BYBIT,
				   "{\"retCode\":0,\"result\":{\"timeSecond\":\"1688639403\","
				   "\"timeNano\":\"1688639403423213947\"}}",
				   &ms),
			 STATUS_OK);
	assert_int_equal(ms, 1688639403423);
	assert_int_equal(read_time(VENUE_BINANCE, "{\"serverTime\":\"1\"}", &ms), STATUS_FORMAT);
	assert_int_equal(ms, 1688639403423);
}

static void what_is_no_answer_is_told_with_a_reason(void **state)
{
	(void)state;
	static const struct {
		const char *body, *why;
	} cases[] = {
		{ "", "empty" },
		{ "{\"balances\":[{\"asset\":\"BTC\",\"free\":\"1\"", "not JSON" },
		{ "[]", "balances: wants an array" },
		{ "{\"balances\":{}}", "balances: wants an array" },
		{ "{\"balances\":[1]}", "asset: wants a name" },
		{ "{\"balances\":[{\"asset\":\"BTC\",\"free\":1.5,\"locked\":\"0\"}]}",
		  "free: wants decimal text" },
		{ "{\"balances\":[{\"asset\":\"B\\nTC\",\"free\":\"1\",\"locked\":\"0\"}]}",
		  "asset: wants a name" },
		{ "{\"balances\":[{\"asset\":\"BTC\",\"free\":\"1e99\",\"locked\":\"0\"}]}",
		  "free: wants decimal text" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum status status = read_balances(VENUE_BINANCE, ACCOUNT_SPOT, cases[i].body);
		assert_int_equal(status, STATUS_FORMAT);
		if (!strstr(account_reader_why(reader), cases[i].why) && i != 1)
			fail_msg("%s: %s", cases[i].body, account_reader_why(reader));
	}
	assert_int_equal(read_positions(VENUE_BYBIT, "{\"retCode\":10003,\"result\":{}}"),
			 STATUS_FORMAT);
	assert_string_equal(account_reader_why(reader), "retCode: wants 0");
	assert_int_equal(read_positions(VENUE_BYBIT,
					"{\"retCode\":0,\"result\":{\"nextPageCursor\":\"a&b\","
					"\"list\":[]}}"),
			 STATUS_FORMAT);
}

static void rows_are_bounded(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, ACCOUNT_BODY_MAX);
	buf_str_put(&text, STR("["));
	for (int i = 0; i <= ACCOUNT_ROWS_MAX; i++)
		buf_printf(&text, "%s{\"incomeType\":\"TRANSFER\",\"time\":%d}", i ? "," : "", i);
	buf_str_put(&text, STR("]"));
	buf_char(&text, 0);
	assert_int_equal(read_income(VENUE_BINANCE, text.ptr), STATUS_FORMAT);
	assert_string_equal(account_reader_why(reader), "more than 5,000 rows");
	buf_deinit(&text);
}

static int set_up(void **state)
{
	(void)state;
	reader = account_reader_create();
	return reader ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	account_reader_destroy(reader);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amounts_are_exact_to_the_last_place),
		cmocka_unit_test(amounts_that_cannot_be_held_are_refused_not_rounded),
		cmocka_unit_test(any_amount_comes_back_as_it_was_written),
		cmocka_unit_test(balances_of_binance_spot),
		cmocka_unit_test(balances_of_binance_perp_and_bybit),
		cmocka_unit_test(positions_have_a_side_and_perhaps_no_liquidation),
		cmocka_unit_test(income_is_sorted_by_what_it_is_and_transfers_are_none),
		cmocka_unit_test(the_venue_s_time),
		cmocka_unit_test(what_is_no_answer_is_told_with_a_reason),
		cmocka_unit_test(rows_are_bounded),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
