#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "market/markets.h"

static struct markets *new_markets(void)
{
	struct markets *markets = markets_create(&(struct market_config){ .whale_quote = 1 });
	assert_non_null(markets);
	return markets;
}

static void a_market_is_made_once(void **state)
{
	(void)state;
	struct markets *markets = new_markets();
	struct market *eth = markets_get(markets, VENUE_BINANCE, KIND_PERP, STR("ETHUSDT"));
	struct market *btc = markets_get(markets, VENUE_BINANCE, KIND_PERP, STR("BTCUSDT"));
	assert_ptr_not_equal(eth, btc);
	assert_ptr_equal(markets_get(markets, VENUE_BINANCE, KIND_PERP, STR("ETHUSDT")), eth);
	assert_ptr_equal(markets_get(markets, VENUE_BINANCE, KIND_PERP, STR("ETHUSDT")), eth);
	assert_ptr_equal(markets_get(markets, VENUE_BINANCE, KIND_PERP, STR("ethusdt")), eth);
	assert_ptr_not_equal(markets_get(markets, VENUE_BINANCE, KIND_SPOT, STR("ETHUSDT")), eth);
	/* one begins with the other */
	assert_ptr_not_equal(markets_get(markets, VENUE_BINANCE, KIND_PERP, STR("ETHUSD")), eth);
	assert_ptr_equal(markets_get(markets, VENUE_BINANCE, KIND_PERP, STR("ETHUSDT")), eth);
	assert_ptr_equal(markets_find(markets, market_id(btc)), btc);
	assert_int_equal(markets_count(markets), 4);
	markets_destroy(markets);
}

static void bad_symbols_and_too_many_markets_are_refused(void **state)
{
	(void)state;
	struct markets *markets = new_markets();
	assert_null(markets_get(markets, VENUE_BYBIT, KIND_SPOT, STR("")));
	assert_null(markets_get(markets, VENUE_BYBIT, KIND_SPOT, STR("NO SUCH")));
	assert_int_equal(markets_refused(markets), 2);
	for (int i = 0; i < MARKETS_MAX + 3; i++) {
		char text[16];
		int len = snprintf(text, sizeof text, "S%dUSDT", i);
		struct market *market =
		    markets_get(markets, VENUE_BYBIT, KIND_SPOT, str_make(text, (size_t)len));
		assert_true((market != NULL) == (i < MARKETS_MAX));
	}
	assert_int_equal(markets_refused(markets), 5);
	assert_int_equal(markets_count(markets), MARKETS_MAX);
	assert_non_null(markets_get(markets, VENUE_BYBIT, KIND_SPOT, STR("S7USDT")));
	for (size_t i = 1; i < MARKETS_MAX; i++)
		assert_true(market_id_cmp(market_id(markets_at(markets, i - 1)),
					  market_id(markets_at(markets, i))) < 0);
	markets_destroy(markets);
}

static void people_name_markets_in_many_ways(void **state)
{
	(void)state;
	struct markets *markets = new_markets();
	struct market *found[8];
	markets_get(markets, VENUE_BYBIT, KIND_PERP, STR("BTCUSDT"));
	markets_get(markets, VENUE_BINANCE, KIND_SPOT, STR("BTCUSDT"));
	markets_get(markets, VENUE_BINANCE, KIND_SPOT, STR("BTCUSDC"));
	markets_get(markets, VENUE_BINANCE, KIND_SPOT, STR("ETHBTC"));
	assert_int_equal(markets_named(markets, STR("btc"), found, 8), 3);
	assert_string_equal(market_id(found[0])->symbol, "BTCUSDC");
	assert_int_equal(market_id(found[2])->venue, VENUE_BYBIT);
	assert_int_equal(markets_named(markets, STR("BTCUSDT"), found, 8), 2);
	assert_int_equal(markets_named(markets, STR("bybit:perp:btcusdt"), found, 8), 1);
	assert_int_equal(markets_named(markets, STR("btc"), found, 2), 2);
	assert_int_equal(markets_named(markets, STR("DOGE"), found, 8), 0);
	assert_int_equal(markets_named(markets, STR(""), found, 8), 0);
	markets_destroy(markets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_market_is_made_once),
		cmocka_unit_test(bad_symbols_and_too_many_markets_are_refused),
		cmocka_unit_test(people_name_markets_in_many_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
