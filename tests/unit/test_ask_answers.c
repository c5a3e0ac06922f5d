/* The answers as people and programs see them. */
#include "test_ask_golden.h"

static struct ask_world world, simulated;

static void price(void **state)
{
	(void)state;
	golden(&world, "price_eth.txt", "/price ETH", ASK_TEXT, 0);
	golden(&world, "price_eth.json", "/price ETH", ASK_JSON, 0);
	golden(&world, "price_eth.html", "/price ETH", ASK_HTML, 0);
	golden(&world, "price_perp.txt", "/price bybit:perp:ETHUSDT", ASK_TEXT, 0);
	golden(&world, "price_btc.txt", "/price", ASK_TEXT, 0);
	golden(&world, "price_euro.txt", "/price BTCEUR", ASK_TEXT, 0);
}

static void volume(void **state)
{
	(void)state;
	golden(&world, "volume_eth_15m.txt", "/volume ETH", ASK_TEXT, 0);
	golden(&world, "volume_eth_15m.json", "/volume ETH", ASK_JSON, 0);
	golden(&world, "volume_eth_24h.txt", "/volume ETH 24h", ASK_TEXT, 0);
}

static void cvd(void **state)
{
	(void)state;
	golden(&world, "cvd_eth_5m.txt", "/cvd ETH 5m", ASK_TEXT, 0);
	golden(&world, "cvd_eth_5m.json", "/cvd ETH 5m", ASK_JSON, 0);
	golden(&world, "cvd_eth_5m.html", "/cvd ETH 5m", ASK_HTML, 0);
	golden(&world, "cvd_btc.txt", "/cvd btc", ASK_TEXT, 0);
}

static void momentum(void **state)
{
	(void)state;
	golden(&world, "momentum_eth.txt", "/momentum ETH", ASK_TEXT, 0);
	golden(&world, "momentum_eth.json", "/momentum ETH", ASK_JSON, 0);
}

static void flow(void **state)
{
	(void)state;
	golden(&world, "flow_eth.txt", "/flow ETH", ASK_TEXT, 0);
	golden(&world, "flow_eth.json", "/flow ETH", ASK_JSON, 0);
	golden(&world, "flow_levels.txt", "/flow bybit:perp:BTCUSDT", ASK_TEXT, 0);
	golden(&world, "flow_levels.json", "/flow bybit:perp:BTCUSDT", ASK_JSON, 0);
	golden(&world, "flow_perp.html", "/flow binance:perp:ETHUSDT", ASK_HTML, 0);
}

static void help(void **state)
{
	(void)state;
	golden(&world, "help.txt", "/help", ASK_TEXT, 0);
	golden(&world, "help.json", "/help", ASK_JSON, 0);
	golden(&world, "help.html", "/help", ASK_HTML, 0);
}

static void simulated_data_is_named_in_the_first_line(void **state)
{
	(void)state;
	golden(&simulated, "cvd_simulated.txt", "/cvd ETH", ASK_TEXT, 0);
	golden(&simulated, "cvd_simulated.json", "/cvd ETH", ASK_JSON, 0);
}

static void stale_data_is_said_with_its_age(void **state)
{
	(void)state;
	golden(&world, "price_stale.txt", "/price bybit:perp:ETHUSDT", ASK_TEXT,
	       WORLD_END_MS + 200000);
	golden(&world, "cvd_stale.txt", "/cvd ETH", ASK_TEXT, WORLD_END_MS + 12000);
}

static void a_market_that_lags_is_marked(void **state)
{
	(void)state;
	struct markets *markets = world_create(false, WORLD_END_MS);
	struct ask_world lagging = { .markets = markets, .options = ask_options_default() };
	struct world_market row = world_markets[0];
	struct market *market = markets_get(markets, row.venue, row.kind, str_of(row.symbol));
	/* One market goes on for two and a half minutes. */
	for (int64_t i = 0; i < 150; i++)
		world_trade(market, &row, WORLD_LATER_ID + i, 268000 + i, 10000, SIDE_BUY,
			    WORLD_END_MS + i * 1000);
	golden(&lagging, "cvd_lagging.txt", "/cvd ETH", ASK_TEXT, 0);
	golden(&lagging, "cvd_lagging.json", "/cvd ETH", ASK_JSON, 0);
	golden(&lagging, "price_lagging.txt", "/price ETH", ASK_TEXT, 0);
	markets_destroy(markets);
}

static void little_data_is_said(void **state)
{
	(void)state;
	struct markets *markets = world_create(false, WORLD_START_MS + 9 * 60000);
	struct ask_world young = { .markets = markets, .options = ask_options_default() };
	golden(&young, "price_young.txt", "/price ETH", ASK_TEXT, 0);
	golden(&young, "volume_young.txt", "/volume binance:spot:ETHUSDT 5m", ASK_TEXT, 0);
	golden(&young, "cvd_young.txt", "/cvd ETH", ASK_TEXT, 0);
	golden(&young, "flow_young.txt", "/flow bybit:spot:ETHUSDT", ASK_TEXT, 0);
	golden(&young, "momentum_young.txt", "/momentum binance:spot:ETHUSDT", ASK_TEXT, 0);
	markets_destroy(markets);
}

static void a_quiet_market_whose_book_moves_is_not_stale(void **state)
{
	(void)state;
	struct markets *markets = world_create(false, WORLD_END_MS - 60000);
	struct ask_world quiet = { .markets = markets, .options = ask_options_default() };
	struct buf out = buf_over(storage, sizeof storage);
	/* Its book is of 250 ms before WORLD_END_MS. */
	ask(&quiet, "/price binance:perp:ETHUSDT", ASK_TEXT, WORLD_END_MS, &out);
	assert_null(memmem(out.ptr, out.len, "STALE: the newest", 17));
	buf_clear(&out);
	ask(&quiet, "/price bybit:perp:ETHUSDT", ASK_TEXT, WORLD_END_MS, &out);
	assert_non_null(memmem(out.ptr, out.len, "STALE", 5));
	markets_destroy(markets);
}

/* What a restart finds when the closed minutes are gone. */
static void a_restart_without_its_minutes_says_how_little_it_knows(void **state)
{
	(void)state;
	static char bytes[MARKET_STATE_BYTES];
	struct market_config config = { .whale_quote = 500000 };
	struct ask_world restored = { .markets = markets_create(&config),
				      .options = ask_options_default() };
	struct buf packed = buf_over(bytes, sizeof bytes), out = buf_over(storage, sizeof storage);
	struct str symbol = STR("ETHUSDT");
	market_state_pack(markets_get(world.markets, VENUE_BINANCE, KIND_PERP, symbol), &packed);
	struct market *market = markets_get(restored.markets, VENUE_BINANCE, KIND_PERP, symbol);
	assert_int_equal(market_state_restore(market, buf_str(&packed)), STATUS_OK);
	assert_int_equal(ask(&restored, "/cvd ETH", ASK_TEXT, 0, &out), ASK_ANSWERED);
	assert_non_null(memmem(out.ptr, out.len, " · 2/1440 minutes", 18));
	markets_destroy(restored.markets);
}

struct refusal {
	const char *text;
	enum ask_outcome outcome;
};

static const struct refusal refusals[] = {
	{ "", ASK_USAGE },
	{ "/cvdd ETH", ASK_USAGE },
	{ "/weather", ASK_USAGE },
	{ "/cvd ETH 7m", ASK_USAGE },
	{ "/cvd ETH 5m again", ASK_USAGE },
	{ "/price ETH 5m", ASK_USAGE },
	{ "/price \x1b[31m", ASK_USAGE },
	{ "/price DOGE", ASK_NO },
	{ "/price <b>&\"", ASK_NO },
	{ "/price SOL", ASK_NO },
	{ "/oi SOL", ASK_NO },
	{ "/funding BTCEUR", ASK_NO },
	{ "/liquidations SOL", ASK_NO },
	{ "/analysis SOL", ASK_NO },
	{ "/top10 BTC", ASK_USAGE },
	{ "/top10 perps perps", ASK_USAGE },
	{ "/top10 spot oi", ASK_NO },
	{ "/alerts", ASK_NO },
	{ "/alerts add price BTC", ASK_NO },
	{ "/balance", ASK_NO },
};

/* Each refusal of all formats in one file: they are read side by side. */
static void refusals_say_what_and_why(void **state)
{
	(void)state;
	static char all[ASK_OUT_LIMIT];
	struct buf file = buf_over(all, sizeof all);
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		for (enum ask_format format = ASK_TEXT; format <= ASK_HTML; format++) {
			struct buf out = buf_over(storage, sizeof storage);
			assert_int_equal(ask(&world, refusals[i].text, format, 0, &out),
					 refusals[i].outcome);
			buf_str_put(&file, buf_str(&out));
			if (format == ASK_JSON)
				buf_char(&file, '\n');
		}
		buf_char(&file, '\n');
	}
	same_as_golden("refusals.txt", buf_str(&file));
}

static void an_empty_world_has_no_data(void **state)
{
	(void)state;
	struct market_config config = { .whale_quote = 500000 };
	struct ask_world empty = { .markets = markets_create(&config),
				   .options = ask_options_default() };
	struct buf out = buf_over(storage, sizeof storage);
	assert_int_equal(ask(&empty, "/price BTC", ASK_TEXT, 0, &out), ASK_NO);
	buf_char(&out, 0);
	assert_string_equal(out.ptr, "No market data yet, and no feed is running.\n");
	empty.options.live = true;
	buf_clear(&out);
	assert_int_equal(ask(&empty, "/price BTC", ASK_TEXT, 0, &out), ASK_NO);
	buf_char(&out, 0);
	assert_string_equal(out.ptr,
			    "No market data yet: no trade has arrived; ask again in a moment.\n");
	markets_destroy(empty.markets);
}

static void too_little_room_is_told(void **state)
{
	(void)state;
	static const enum ask_format formats[] = { ASK_TEXT, ASK_JSON, ASK_HTML };
	for (size_t f = 0; f < 3; f++) {
		for (size_t room = 0; room < 600; room += 7) {
			struct buf out = buf_over(storage, room);
			struct ask_request request = { .text = STR("/flow ETH"),
						       .format = formats[f] };
			enum ask_outcome outcome;
			assert_int_equal(ask_answer(&world, &request, &out, &outcome), STATUS_FULL);
		}
	}
}

static int setup(void **state)
{
	(void)state;
	world = (struct ask_world){ .markets = world_create(false, WORLD_END_MS),
				    .options = ask_options_default() };
	simulated = (struct ask_world){ .markets = world_create(true, WORLD_END_MS),
					.options = ask_options_default() };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	markets_destroy(world.markets);
	markets_destroy(simulated.markets);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(price),
		cmocka_unit_test(volume),
		cmocka_unit_test(cvd),
		cmocka_unit_test(momentum),
		cmocka_unit_test(flow),
		cmocka_unit_test(help),
		cmocka_unit_test(simulated_data_is_named_in_the_first_line),
		cmocka_unit_test(stale_data_is_said_with_its_age),
		cmocka_unit_test(a_market_that_lags_is_marked),
		cmocka_unit_test(little_data_is_said),
		cmocka_unit_test(a_quiet_market_whose_book_moves_is_not_stale),
		cmocka_unit_test(a_restart_without_its_minutes_says_how_little_it_knows),
		cmocka_unit_test(refusals_say_what_and_why),
		cmocka_unit_test(an_empty_world_has_no_data),
		cmocka_unit_test(too_little_room_is_told),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
