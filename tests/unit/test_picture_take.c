/* The facts of pictures: exact, bounded, and of what was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/check.h"
#include "picture/picture.h"
#include "test_ask_world.h"

static struct ask_world world;
static struct picture_facts facts;

static int set_up(void **state)
{
	(void)state;
	world = (struct ask_world){ .markets = world_create(false, WORLD_END_MS),
				    .options = ask_options_default() };
	return world.markets ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	markets_destroy(world.markets);
	return 0;
}

static void take(const char *question)
{
	assert_int_equal(picture_take(&world, str_of(question), WORLD_END_MS, &facts), STATUS_OK);
	assert_in_range(facts.slots, 1, PICTURE_SLOTS);
	assert_in_range(facts.panels, 1, PICTURE_PANELS);
	assert_int_equal(facts.from_ms % facts.step_ms, 0);
}

/* The number in the answer's "data", by its path, as text. */
static void answered(const char *question, const char *path, char *out, size_t size)
{
	static char storage[ASK_OUT_LIMIT];
	struct buf answer = buf_over(storage, sizeof storage);
	struct ask_request request = { str_of(question), ASK_JSON, .now_ms = WORLD_END_MS };
	enum ask_outcome outcome;
	assert_int_equal(ask_answer(&world, &request, &answer, &outcome), STATUS_OK);
	json_t *root = json_loadb(answer.ptr, answer.len, 0, NULL);
	const json_t *at = json_object_get(root, "data");
	char words[64], *rest = words;
	snprintf(words, sizeof words, "%s", path);
	for (char *word; (word = strsep(&rest, "."));)
		at = *word >= '0' && *word <= '9' ? json_array_get(at, (size_t)atoi(word))
						  : json_object_get(at, word);
	assert_true(json_is_string(at));
	snprintf(out, size, "%s", json_string_value(at));
	json_decref(root);
}

static void printed(const struct picture_panel *panel, size_t series, size_t slot, char *out,
		    size_t size)
{
	struct buf text = buf_over(out, size - 1);
	assert_true(panel->known[slot]);
	decimal_print_trim(&text, panel->value[series][slot], panel->scale);
	out[text.len] = 0;
}

static void the_last_numbers_are_those_of_the_answer(void **state)
{
	char wanted[64], got[64];
	(void)state;
	take("/cvd ETH 5m");
	assert_string_equal(facts.title, "ETH price over CVD · 5m");
	answered("/cvd ETH 5m", "total_quote.cvd", wanted, sizeof wanted);
	printed(&facts.panel[1], 0, facts.slots - 1, got, sizeof got);
	assert_string_equal(got, wanted);
	take("/oi binance:perp:ETHUSDT");
	answered("/oi binance:perp:ETHUSDT", "markets.0.open_interest", wanted, sizeof wanted);
	printed(&facts.panel[1], 0, facts.slots - 1, got, sizeof got);
	assert_string_equal(got, wanted);
}

/* The CVD of each slot is the one before and the slot's delta, and its sum the markets'. */
static void cvd_and_delta_agree_slot_by_slot(void **state)
{
	static struct picture_facts delta;
	(void)state;
	take("/volume ETH 5m");
	delta = facts;
	take("/cvd ETH 5m");
	const struct picture_panel *cvd = &facts.panel[1], *bars = &delta.panel[1];
	assert_int_equal(cvd->scale, bars->scale);
	assert_int_equal(facts.from_ms, delta.from_ms);
	for (size_t i = 1; i < facts.slots; i++)
		assert_true(cvd->value[0][i] - cvd->value[0][i - 1] == bars->value[0][i]);
}

static void candles_are_the_bars_of_the_largest_market(void **state)
{
	struct bar bars[PICTURE_SLOTS];
	(void)state;
	take("/price ETH");
	const struct picture_panel *price = &facts.panel[0];
	assert_non_null(strstr(price->name, "Binance perp ETHUSDT"));
	struct market *market = world_market(world.markets, VENUE_BINANCE, KIND_PERP, "ETHUSDT");
	size_t n = market_bars(market, 15, bars, NULL, facts.slots);
	assert_int_equal(n, facts.slots);
	for (size_t i = 0; i < n; i++) {
		assert_true(price->known[i]);
		assert_true(price->value[0][i] == bars[i].open &&
			    price->value[1][i] == bars[i].high);
		assert_true(price->value[2][i] == bars[i].low &&
			    price->value[3][i] == bars[i].close);
	}
}

static void liquidations_add_up_to_those_of_24_hours(void **state)
{
	struct liquidation_sums sums;
	i128 up = 0, down = 0;
	(void)state;
	take("/liquidations ETH");
	const struct picture_panel *panel = &facts.panel[1];
	for (size_t i = 0; i < facts.slots; i++) {
		up += panel->value[0][i];
		down += panel->value[1][i];
	}
	liquidations_sum(markets_liquidations(world.markets), STR("ETH"), 1440, WORLD_END_MS - 1,
			 &sums);
	assert_true(up == sums.short_e8 && down == sums.long_e8 && down > 0);
	assert_non_null(strstr(panel->note, "at least"));
	take("/liquidations BTC");
	assert_int_equal(facts.panel[1].value[1][0], 0);
}

static void only_slots_with_missing_minutes_are_shaded(void **state)
{
	struct bar bars[PICTURE_SLOTS];
	(void)state;
	take("/cvd binance:perp:ETHUSDT 15m");
	size_t n = market_bars(world_market(world.markets, VENUE_BINANCE, KIND_PERP, "ETHUSDT"), 15,
			       bars, NULL, PICTURE_SLOTS);
	size_t shaded = 0;
	assert_int_equal(n, facts.slots);
	for (size_t i = 0; i + 1 < n; i++) {
		assert_int_equal(facts.shaded[i], (bars[i].flags & BAR_PARTIAL) != 0);
		shaded += facts.shaded[i];
	}
	assert_false(facts.shaded[n - 1]);
	assert_in_range(shaded, 1, 4);
}

static void every_timeframe_is_bounded(void **state)
{
	static const struct {
		const char *question;
		size_t slots;
	} rows[] = { { "/cvd ETH 1m", 160 }, { "/cvd ETH 5m", 160 }, { "/cvd ETH 15m", 104 },
		     { "/cvd ETH 30m", 52 }, { "/cvd ETH 1h", 26 },  { "/cvd ETH 4h", 7 },
		     { "/cvd ETH 24h", 4 } };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		take(rows[i].question);
		assert_int_equal(facts.slots, rows[i].slots);
	}
}

static void a_market_without_dollars_is_summed_in_its_own_quote(void **state)
{
	(void)state;
	take("/cvd BTCEUR");
	assert_string_equal(facts.panel[1].name, "CVD · EUR");
	take("/cvd BTC");
	assert_string_equal(facts.panel[1].name, "CVD · USD, 2 markets");
}

static void what_is_not_known_is_said(void **state)
{
	(void)state;
	struct market_config config = { .whale_quote = 500000 };
	struct ask_world young = { .markets = markets_create(&config),
				   .options = ask_options_default() };
	struct market *market = markets_get(young.markets, VENUE_BYBIT, KIND_PERP, STR("NEWUSDT"));
	const struct world_market row = { VENUE_BYBIT, KIND_PERP, "NEWUSDT", 7, 8, 0, 1, 50, 1 };
	assert_int_equal(picture_take(&young, STR("/cvd NEW"), 0, &facts), STATUS_NOT_FOUND);
	world_trade(market, &row, 1, 7, 3, SIDE_BUY, WORLD_START_MS);
	for (const char *const *question =
		 (const char *const[]){ "/cvd NEW", "/oi NEW", "/liquidations NEW", "/flow NEW",
					NULL };
	     *question; question++) {
		assert_int_equal(picture_take(&young, str_of(*question), 0, &facts), STATUS_OK);
		struct buf png;
		buf_init(&png, PICTURE_BYTES_MAX);
		assert_int_equal(picture_draw(&facts, PICTURE_LIGHT, &png), STATUS_OK);
		buf_deinit(&png);
	}
	assert_int_equal(picture_take(&young, STR("/oi NEW"), 0, &facts), STATUS_OK);
	assert_string_equal(facts.panel[1].empty, "No open interest heard yet.");
	assert_string_equal(facts.panel[2].meter[0].text, "n/a");
	markets_destroy(young.markets);
}

/* 72 h, of which the middle day is missing. */
static void a_day_without_data_is_a_gap(void **state)
{
	const struct world_market row = {
		VENUE_BINANCE, KIND_PERP, "GAPUSDT", 500, 2, 0, 9, 50, 1
	};
	struct market_config config = { .whale_quote = 500000 };
	struct ask_world gap = { .markets = markets_create(&config),
				 .options = ask_options_default() };
	struct market *market = markets_get(gap.markets, VENUE_BINANCE, KIND_PERP, STR("GAPUSDT"));
	size_t shaded = 0;
	(void)state;
	for (int64_t minute = 0; minute < 4320; minute++)
		if (minute < 1440 || minute >= 2880)
			world_trade(market, &row, minute + (minute < 1440 ? 1 : -1430),
				    500 + minute % 40, 9, minute % 3 ? SIDE_BUY : SIDE_SELL,
				    WORLD_START_MS + minute * MINUTE_MS);
	assert_int_equal(picture_take(&gap, STR("/cvd GAP 30m"), 0, &facts), STATUS_OK);
	assert_in_range(facts.slots, 143, 145);
	for (size_t i = 0; i < facts.slots; i++)
		shaded += facts.shaded[i];
	assert_in_range(shaded, 48, 51);
	markets_destroy(gap.markets);
}

static void sums_that_do_not_fit_are_not_drawn(void **state)
{
	const struct world_market rows[] = {
		{ VENUE_BYBIT, KIND_PERP, "BIGUSDT", 0, 0, 0, 0, 50, 1 },
		{ VENUE_BYBIT, KIND_SPOT, "BIGUSDT", 0, 12, 12, 0, 50, 1 },
	};
	struct market_config config = { .whale_quote = 500000 };
	struct ask_world big = { .markets = markets_create(&config),
				 .options = ask_options_default() };
	struct buf png;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		world_trade(markets_get(big.markets, rows[i].venue, rows[i].kind, STR("BIGUSDT")),
			    &rows[i], 1, i ? 3 : 1000000000, i ? 7 : 1000000000, SIDE_BUY,
			    WORLD_START_MS);
	buf_init(&png, PICTURE_BYTES_MAX);
	assert_int_equal(picture_take(&big, STR("/cvd BIG"), 0, &facts), STATUS_OK);
	for (size_t i = 0; i < facts.slots; i++)
		assert_false(facts.panel[1].known[i]);
	assert_int_equal(picture_draw(&facts, PICTURE_DARK, &png), STATUS_OK);
	buf_deinit(&png);
	markets_destroy(big.markets);
}

static void what_has_no_picture_is_not_found(void **state)
{
	static const char *const questions[] = {
		"",        "/fleet",     "/help", "/top10",         "/nothing", "/cvd NONE",
		"/cvd 7m", "/oi BTCEUR", "/pnl",  "/cvd ETH 5m 5m", "\x01"
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(questions); i++)
		assert_int_equal(picture_take(&world, str_of(questions[i]), WORLD_END_MS, &facts),
				 STATUS_NOT_FOUND);
}

static void equity_is_of_all_accounts_or_of_one(void **state)
{
	struct equity *equity = equity_create();
	struct ask_world rich = { .markets = world.markets,
				  .options = ask_options_default(),
				  .equity = equity };
	const int64_t from = WORLD_START_MS - WORLD_START_MS % EQUITY_STEP_MS;
	int64_t now = from + 99 * EQUITY_STEP_MS;
	(void)state;
	assert_int_equal(picture_take(&rich, STR("/balance"), now, &facts), STATUS_NOT_FOUND);
	for (int64_t i = 0; i < 100; i++) {
		assert_int_equal(
		    equity_put(equity, STR("main"), from + i * EQUITY_STEP_MS, 1000 + i),
		    STATUS_OK);
		assert_int_equal(equity_put(equity, STR("side"), from + i * EQUITY_STEP_MS, 7),
				 STATUS_OK);
	}
	assert_int_equal(picture_take(&rich, STR("/balance"), now, &facts), STATUS_OK);
	assert_int_equal(facts.slots, 100);
	assert_true(facts.panel[0].value[0][99] == 1106);
	assert_string_equal(facts.panel[0].name, "Equity · USD, all accounts");
	assert_string_equal(facts.warning, "");
	assert_int_equal(picture_take(&rich, STR("/pnl MAIN"), now + 3600000, &facts), STATUS_OK);
	assert_true(facts.panel[0].value[0][99] == 1099);
	assert_string_equal(facts.panel[0].name, "Equity · USD, main");
	assert_string_equal(facts.warning, "STALE: the newest sample is 1 h 0 min old.");
	assert_int_equal(picture_take(&rich, STR("/pnl other"), now, &facts), STATUS_NOT_FOUND);
	equity_destroy(equity);
}

static void any_question_is_survived(void **state)
{
	struct rng rng;
	char text[80];
	(void)state;
	rng_init(&rng, 3);
	for (int i = 0; i < 3000; i++) {
		size_t len = (size_t)rng_below(&rng, sizeof text);
		size_t kept = (size_t)snprintf(text, sizeof text, "/cvd ETH ");
		for (size_t at = rng_below(&rng, 2) ? 0 : kept; at < len; at++)
			text[at] = (char)rng_below(&rng, 256);
		enum status status =
		    picture_take(&world, str_make(text, len), WORLD_END_MS, &facts);
		assert_true(status == STATUS_OK || status == STATUS_NOT_FOUND);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_numbers_are_those_of_the_answer),
		cmocka_unit_test(cvd_and_delta_agree_slot_by_slot),
		cmocka_unit_test(candles_are_the_bars_of_the_largest_market),
		cmocka_unit_test(liquidations_add_up_to_those_of_24_hours),
		cmocka_unit_test(only_slots_with_missing_minutes_are_shaded),
		cmocka_unit_test(every_timeframe_is_bounded),
		cmocka_unit_test(a_market_without_dollars_is_summed_in_its_own_quote),
		cmocka_unit_test(what_is_not_known_is_said),
		cmocka_unit_test(a_day_without_data_is_a_gap),
		cmocka_unit_test(sums_that_do_not_fit_are_not_drawn),
		cmocka_unit_test(what_has_no_picture_is_not_found),
		cmocka_unit_test(equity_is_of_all_accounts_or_of_one),
		cmocka_unit_test(any_question_is_survived),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
