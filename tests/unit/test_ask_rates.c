/* Open interest, funding, liquidations, the largest markets and the page of everything, as
 * people and programs see them; what is not known, and what has grown old. */
#include "test_ask_golden.h"

#include <jansson.h>
#include <math.h>

static struct ask_world world;

static bool says(const char *text, const char *what) { return strstr(text, what) != NULL; }

static void open_interest(void **state)
{
	(void)state;
	goldens(&world, "oi_eth", "/oi ETH", WORLD_END_MS);
	golden(&world, "oi_btc.txt", "/oi", ASK_TEXT, WORLD_END_MS);
}

static void funding(void **state)
{
	(void)state;
	goldens(&world, "funding_eth", "/funding ETH", WORLD_END_MS);
	golden(&world, "funding_btc.txt", "/funding", ASK_TEXT, WORLD_END_MS);
}

static void liquidations(void **state)
{
	(void)state;
	goldens(&world, "liquidations_eth", "/liquidations ETH", WORLD_END_MS);
	golden(&world, "liquidations_btc.txt", "/liquidations", ASK_TEXT, WORLD_END_MS);
	golden(&world, "liquidations_market.txt", "/liquidations bybit:perp:ETHUSDT", ASK_TEXT,
	       WORLD_END_MS);
}

static void top(void **state)
{
	(void)state;
	goldens(&world, "top10", "/top10", WORLD_END_MS);
	golden(&world, "top10_perps.txt", "/top10 perps", ASK_TEXT, WORLD_END_MS);
	golden(&world, "top10_spot.txt", "/top10 spot volume", ASK_TEXT, WORLD_END_MS);
	golden(&world, "top10_oi.txt", "/top10 oi perps", ASK_TEXT, WORLD_END_MS);
}

static void analysis(void **state)
{
	(void)state;
	goldens(&world, "analysis_eth", "/analysis ETH", WORLD_END_MS);
	golden(&world, "analysis_warming.txt", "/analysis BTC", ASK_TEXT, WORLD_END_MS);
	golden(&world, "analysis_euro.txt", "/analysis BTCEUR", ASK_TEXT, WORLD_END_MS);
}

/* Seven minutes on, trades go on for one market: prices are fresh, rates are not. */
static void what_has_grown_old_says_so(void **state)
{
	(void)state;
	struct ask_world old = { .markets = world_create(false, WORLD_END_MS),
				 .options = ask_options_default() };
	const struct world_market *row = &world_markets[1];
	struct market *market = world_market(old.markets, row->venue, row->kind, row->symbol);
	const int64_t now_ms = WORLD_END_MS + 7 * MINUTE_MS;
	world_trade(market, row, WORLD_LATER_ID, 268000, 1000, SIDE_BUY, now_ms - 500);
	golden(&old, "oi_stale.txt", "/oi ETH", ASK_TEXT, now_ms);
	golden(&old, "funding_stale.txt", "/funding ETH", ASK_TEXT, now_ms);
	golden(&old, "top10_stale.txt", "/top10", ASK_TEXT, now_ms);
	golden(&old, "analysis_stale.txt", "/analysis ETH", ASK_TEXT, now_ms);
	golden(&old, "price_rates_stale.txt", "/price binance:perp:ETHUSDT", ASK_TEXT, now_ms);
	golden(&old, "flow_book_stale.txt", "/flow binance:perp:ETHUSDT", ASK_TEXT, now_ms);
	markets_destroy(old.markets);
}

static bool json_stale(const struct ask_world *of, const char *text, int64_t now_ms)
{
	struct buf out = buf_over(storage, sizeof storage);
	ask(of, text, ASK_JSON, now_ms, &out);
	json_t *answer = json_loadb(out.ptr, out.len, 0, NULL);
	assert_non_null(answer);
	bool stale = json_is_true(json_object_get(answer, "stale"));
	json_decref(answer);
	return stale;
}

/* The market trades on; each figure grows old at its own time. */
static void stale_of_an_answer_counts_the_figures_it_shows(void **state)
{
	(void)state;
	struct ask_world old = { .markets = world_create(false, WORLD_END_MS),
				 .options = ask_options_default() };
	const struct world_market *row = &world_markets[1];
	static const struct {
		const char *question;
		int64_t fresh_ms; /* after the end; a millisecond later something is stale */
		bool becomes_stale;
	} cases[] = {
		{ "/oi binance:perp:ETHUSDT", 180000 - 31000, true },
		{ "/price binance:perp:ETHUSDT", 59000, true },
		{ "/analysis binance:perp:ETHUSDT", 59000, true },
		{ "/funding binance:perp:ETHUSDT", 9000, true }, /* its mark */
		{ "/cvd binance:perp:ETHUSDT", 300000, false },
	};
	struct market *market = world_market(old.markets, row->venue, row->kind, row->symbol);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t now_ms = WORLD_END_MS + cases[i].fresh_ms;
		world_trade(market, row, WORLD_LATER_ID + (int64_t)i, 268000, 1000, SIDE_BUY,
			    now_ms);
		assert_false(json_stale(&old, cases[i].question, now_ms));
		assert_int_equal(json_stale(&old, cases[i].question, now_ms + 1),
				 cases[i].becomes_stale);
	}
	markets_destroy(old.markets);
}

/* A replay has no clock: ages count from the newest event. */
static void without_a_clock_ages_count_from_the_newest_event(void **state)
{
	(void)state;
	golden(&world, "funding_replay.txt", "/funding ETH", ASK_TEXT, 0);
	golden(&world, "liquidations_replay.txt", "/liquidations ETH", ASK_TEXT, 0);
	assert_true(says(ask_text(&world, "/oi ETH", 0), "open interest 27 s old"));
}

/* Trades alone, as of a recording: no figure is invented. */
static void what_was_never_heard_is_not_there(void **state)
{
	(void)state;
	struct market_config config = { .whale_quote = 500000 };
	struct ask_world bare = { .markets = markets_create(&config),
				  .options = ask_options_default() };
	for (size_t i = 0; i < WORLD_MARKETS; i++)
		world_fill(bare.markets, &world_markets[i], 100 + i,
			   WORLD_START_MS + 20 * MINUTE_MS);
	goldens(&bare, "oi_unknown", "/oi ETH", 0);
	goldens(&bare, "funding_unknown", "/funding ETH", 0);
	goldens(&bare, "liquidations_none", "/liquidations ETH", 0);
	golden(&bare, "analysis_young.txt", "/analysis ETH", ASK_TEXT, 0);
	assert_string_equal(ask_text(&bare, "/top10 oi", 0),
			    "No open interest is known yet, and no feed is running.\n");
	/* The venue's own figures stand in for a day that is not covered. */
	struct market *perp = world_market(bare.markets, VENUE_BINANCE, KIND_PERP, "ETHUSDT");
	world_ticker(perp, 267520, 1234, INT64_C(21345678901),
		     WORLD_START_MS + 20 * MINUTE_MS - 1000);
	goldens(&bare, "top10_young", "/top10", 0);
	golden(&bare, "price_venue.txt", "/price binance:perp:ETHUSDT", ASK_TEXT, 0);
	golden(&bare, "price_venue.json", "/price binance:perp:ETHUSDT", ASK_JSON, 0);
	golden(&bare, "top10_venue_stale.txt", "/top10", ASK_TEXT, WORLD_START_MS + 22 * MINUTE_MS);
	markets_destroy(bare.markets);
}

static void spot_has_no_rates(void **state)
{
	(void)state;
	assert_string_equal(ask_text(&world, "/oi SOL", 0),
			    "No perpetual of SOL is followed: spot has no open interest, no "
			    "funding and no liquidations.\n");
	assert_string_equal(ask_text(&world, "/top10 spot oi", 0),
			    "Spot has no open interest, no funding and no liquidations.\n");
}

static void simulated_is_said_by_every_answer(void **state)
{
	(void)state;
	static const char *const asked[] = { "/oi ETH", "/funding ETH", "/liquidations ETH",
					     "/top10", "/analysis ETH" };
	struct ask_world simulated = { .markets =
					   world_create(true, WORLD_START_MS + 20 * MINUTE_MS),
				       .options = ask_options_default() };
	for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
		const char *text = ask_text(&simulated, asked[i], 0);
		assert_true(str_starts(str_of(text), STR("SIMULATED DATA · ")));
	}
	markets_destroy(simulated.markets);
}

/* ---- definitions ---- */

static json_t *data_of(const struct ask_world *of, const char *text, int64_t now_ms)
{
	struct buf out = buf_over(storage, sizeof storage);
	assert_int_equal(ask(of, text, ASK_JSON, now_ms, &out), ASK_ANSWERED);
	json_t *answer = json_loadb(out.ptr, out.len, 0, NULL);
	assert_non_null(answer);
	json_t *data = json_incref(json_object_get(answer, "data"));
	json_decref(answer);
	return data;
}

static const char *text_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static double number_at(const json_t *object, const char *key)
{
	const char *text = text_at(object, key);
	return text ? strtod(text, NULL) : (double)NAN;
}

/* 2112345.678 and half of 1502469.135, which is 751234.5675. */
static void open_interest_is_one_sided_and_its_sum_exact(void **state)
{
	(void)state;
	json_t *data = data_of(&world, "/oi ETH", WORLD_END_MS);
	json_t *markets = json_object_get(data, "markets"), *total = json_object_get(data, "total");
	assert_string_equal(text_at(json_array_get(markets, 0), "open_interest"), "2112345.678");
	assert_string_equal(text_at(json_array_get(markets, 1), "open_interest"), "751234.5675");
	assert_string_equal(text_at(total, "open_interest"), "2863580.2455");
	json_t *window = json_array_get(json_object_get(total, "windows"), 0);
	/* 15 steps of 52808 and 15 of 37561, the latter of both sides: 10^-3 units */
	assert_string_equal(text_at(window, "timeframe"), "15m");
	assert_string_equal(text_at(window, "change"), "1073.8275");
	double before = 2863580.2455 - 1073.8275;
	assert_true(fabs(number_at(window, "change_percent") - 107382.75 / before) < 1e-6);
	json_decref(data);
}

/* Both prices fell, one of them has lost more than the other has gained: the total's class
 * is its own. */
static void the_class_of_all_is_that_of_the_sum(void **state)
{
	(void)state;
	struct market_config config = { .whale_quote = 500000 };
	struct ask_world two = { .markets = markets_create(&config),
				 .options = ask_options_default() };
	static const int64_t now[2] = { 900, 1050 }, before[2] = { 1000, 1000 };
	for (size_t i = 0; i < 2; i++) {
		const struct world_market *row = &world_markets[i ? 3 : 1];
		struct market *market =
		    world_market(two.markets, row->venue, row->kind, row->symbol);
		for (int64_t m = 0; m <= 20; m++)
			world_trade(market, row, 1 + m, row->price - m * 100, 100, SIDE_SELL,
				    WORLD_START_MS + m * MINUTE_MS);
		int64_t t_ms = WORLD_START_MS + 20 * MINUTE_MS;
		rates_take_oi(market_rates(market), (struct decimal){ before[i], 0 }, false,
			      t_ms - 15 * MINUTE_MS);
		rates_take_oi(market_rates(market), (struct decimal){ now[i], 0 }, false, t_ms);
	}
	json_t *data = data_of(&two, "/oi ETH", 0);
	json_t *markets = json_object_get(data, "markets");
	const char *expected[] = { "LONG LIQUIDATION", "NEW SHORTS" };
	for (size_t i = 0; i < 2; i++) {
		json_t *windows = json_object_get(json_array_get(markets, i), "windows");
		assert_string_equal(text_at(json_array_get(windows, 0), "class"), expected[i]);
	}
	json_t *total =
	    json_array_get(json_object_get(json_object_get(data, "total"), "windows"), 0);
	assert_string_equal(text_at(total, "class"), "LONG LIQUIDATION");
	assert_string_equal(text_at(total, "change"), "-50");
	assert_string_equal(text_at(total, "change_percent"), "-2.5");
	json_decref(data);
	markets_destroy(two.markets);
}

static void funding_is_annual_by_its_interval_and_weighted_by_open_interest(void **state)
{
	(void)state;
	json_t *data = data_of(&world, "/funding ETH", WORLD_END_MS);
	json_t *oi = data_of(&world, "/oi ETH", WORLD_END_MS);
	double annual[2], weight[2];
	for (size_t i = 0; i < 2; i++) {
		annual[i] = number_at(json_array_get(json_object_get(data, "markets"), i),
				      "funding_annual_percent");
		weight[i] = number_at(json_array_get(json_object_get(oi, "markets"), i),
				      "open_interest_quote");
	}
	assert_true(fabs(annual[0] - 0.0001 * 3 * 365 * 100) < 1e-6);
	assert_true(fabs(annual[1] + 0.00006125 * 6 * 365 * 100) < 1e-6);
	double mean = (annual[0] * weight[0] + annual[1] * weight[1]) / (weight[0] + weight[1]);
	json_t *total = json_object_get(data, "total");
	assert_true(fabs(number_at(total, "weighted_annual_percent") - mean) < 1e-5);
	assert_true(fabs(number_at(total, "weighted_8h_percent") - mean / 1095) < 1e-6);
	json_decref(data);
	json_decref(oi);
}

/* A perpetual that is quoted in another coin, without an interval: in no sum. */
static void sums_leave_out_what_is_not_in_dollars(void **state)
{
	(void)state;
	struct ask_world mixed = { .markets = world_create(false, WORLD_START_MS + 20 * MINUTE_MS),
				   .options = ask_options_default() };
	const struct world_market row = { VENUE_BINANCE, KIND_PERP, "ETHBTC", 4300, 5, 3,
					  4000,          50,        4000 };
	world_fill(mixed.markets, &row, 7, WORLD_START_MS + 20 * MINUTE_MS);
	struct market *market = world_market(mixed.markets, row.venue, row.kind, row.symbol);
	world_oi(market, 777777777, 3, false, 60, 1, WORLD_START_MS + 20 * MINUTE_MS);
	golden(&mixed, "oi_mixed.txt", "/oi ETH", ASK_TEXT, 0);
	golden(&mixed, "funding_mixed.txt", "/funding ETH", ASK_TEXT, 0);
	assert_null(strstr(ask_text(&mixed, "/top10", 0), "ETHBTC"));
	assert_null(strstr(ask_text(&mixed, "/top10 oi", 0), "ETHBTC"));
	json_t *data = data_of(&mixed, "/oi ETH", 0);
	json_t *total = json_object_get(data, "total");
	assert_int_equal(json_integer_value(json_object_get(total, "markets")), 2);
	assert_string_equal(text_at(total, "open_interest"), "2863580.2455");
	json_decref(data);
	markets_destroy(mixed.markets);
}

/* Sums of the clock's minutes, of the asset over both venues, by the side of the position. */
static void liquidations_add_up_by_side(void **state)
{
	(void)state;
	json_t *data = data_of(&world, "/liquidations ETH", WORLD_END_MS);
	json_t *hour = json_array_get(json_object_get(data, "windows"), 0);
	i128 longs = 0, shorts = 0; /* × 10^5 */
	for (int i = 0; i < 8; i++)
		*(i == 7 ? &shorts : &longs) +=
		    (i128)(267100 - i * 13) * (i ? 31000 + i * 1700 : 410000);
	char expected[64];
	snprintf(expected, sizeof expected, "%.5f", (double)longs / 1e5);
	assert_true(fabs(number_at(hour, "long_quote") - strtod(expected, NULL)) < 1e-4);
	assert_true(fabs(number_at(hour, "short_quote") - (double)shorts / 1e5) < 1e-4);
	assert_int_equal(json_integer_value(json_object_get(hour, "n_long")), 7);
	assert_true(json_is_true(json_object_get(hour, "at_least")));
	json_decref(data);
	data = data_of(&world, "/liquidations BTC", WORLD_END_MS);
	json_t *day = json_array_get(json_object_get(data, "windows"), 1);
	assert_true(json_is_false(json_object_get(day, "at_least"))); /* Bybit tells all */
	assert_true(json_is_null(json_object_get(data, "cascade")));
	json_decref(data);
}

/* What the state still lists of the day before is not of these 24 h. */
static void an_old_liquidation_is_not_among_the_last(void **state)
{
	(void)state;
	json_t *data = data_of(&world, "/liquidations BTC", WORLD_END_MS + 23 * 3600000);
	assert_int_equal(json_array_size(json_object_get(data, "last")), 0);
	json_decref(data);
	assert_true(says(ask_text(&world, "/liquidations BTC", WORLD_END_MS + 23 * 3600000),
			 "None heard."));
}

/* Of fresh markets the one with the most volume leads; of stale ones likewise. */
static void the_lead_is_the_largest_fresh_market(void **state)
{
	(void)state;
	struct ask_world lead = { .markets = world_create(false, WORLD_END_MS),
				  .options = ask_options_default() };
	json_t *data = data_of(&lead, "/analysis ETH", WORLD_END_MS + 3600000);
	assert_string_equal(text_at(json_object_get(data, "lead"), "market"),
			    "binance:perp:ETHUSDT");
	json_decref(data);
	const struct world_market *row = &world_markets[3];
	struct market *market = world_market(lead.markets, row->venue, row->kind, row->symbol);
	world_trade(market, row, WORLD_LATER_ID, 268000, 100, SIDE_BUY, WORLD_END_MS + 3600000);
	data = data_of(&lead, "/analysis ETH", WORLD_END_MS + 3600000);
	assert_string_equal(text_at(json_object_get(data, "lead"), "market"), "bybit:perp:ETHUSDT");
	json_decref(data);
	markets_destroy(lead.markets);
}

static void the_convention_in_force_is_printed(void **state)
{
	(void)state;
	struct market *market = world_market(world.markets, VENUE_BINANCE, KIND_PERP, "ETHUSDT");
	assert_true(says(ask_text(&world, "/analysis ETH", WORLD_END_MS),
			 "ADX 14: Wilder, seeded from the sum of the first 14."));
	for (size_t i = 0; market_series_at(market, i); i++)
		series_set_convention(market_series_at(market, i), TA_TALIB);
	assert_true(says(ask_text(&world, "/analysis ETH", WORLD_END_MS),
			 "ADX 14: TA-Lib: Wilder, seeded from the sum of the first 13."));
	for (size_t i = 0; market_series_at(market, i); i++)
		series_set_convention(market_series_at(market, i), TA_WILDER);
}

static int setup(void **state)
{
	(void)state;
	world = (struct ask_world){ .markets = world_create(false, WORLD_END_MS),
				    .options = ask_options_default() };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	markets_destroy(world.markets);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_interest),
		cmocka_unit_test(funding),
		cmocka_unit_test(liquidations),
		cmocka_unit_test(top),
		cmocka_unit_test(analysis),
		cmocka_unit_test(what_has_grown_old_says_so),
		cmocka_unit_test(stale_of_an_answer_counts_the_figures_it_shows),
		cmocka_unit_test(without_a_clock_ages_count_from_the_newest_event),
		cmocka_unit_test(what_was_never_heard_is_not_there),
		cmocka_unit_test(spot_has_no_rates),
		cmocka_unit_test(simulated_is_said_by_every_answer),
		cmocka_unit_test(open_interest_is_one_sided_and_its_sum_exact),
		cmocka_unit_test(the_class_of_all_is_that_of_the_sum),
		cmocka_unit_test(funding_is_annual_by_its_interval_and_weighted_by_open_interest),
		cmocka_unit_test(sums_leave_out_what_is_not_in_dollars),
		cmocka_unit_test(liquidations_add_up_by_side),
		cmocka_unit_test(an_old_liquidation_is_not_among_the_last),
		cmocka_unit_test(the_lead_is_the_largest_fresh_market),
		cmocka_unit_test(the_convention_in_force_is_printed),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
