/* What every answer keeps to, whatever the world is like: Telegram's 4,096 characters,
 * tables as wide as a phone, whole tags, no control characters. */
#include "test_ask_golden.h"

#include <jansson.h>

#include "ask/asked.h"
#include "ask/page.h"

/* Everything that can be asked, of the world's default symbol. */
static const char *const questions[] = {
	"/price",    "/volume", "/volume 24h",   "/cvd",       "/momentum",     "/flow",
	"/analysis", "/oi",     "/funding",      "/top10",     "/top10 spot",   "/top10 perps oi",
	"/alerts",   "/help",   "/liquidations", "/top10 oi",  "/cvd 1m",       "/balance",
	"/weather",  "/cvd 3m", "/price NONE",   "/alerts of", "/liquidations",
};

static uint32_t chars_of(struct str text)
{
	uint32_t n = 0;
	for (size_t i = 0; i < text.len; i++)
		n += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
	return n;
}

static bool take(struct str *rest, struct str what)
{
	if (!str_starts(*rest, what))
		return false;
	*rest = str_skip(*rest, what.len);
	return true;
}

/* Characters as they are shown: tags are none, an entity is one. Checks tags and tables. */
struct seen {
	uint32_t chars, column;
	bool table, bold;
};

static void see_one(const char *question, struct str *rest, struct seen *seen)
{
	static const char *const entities[] = { "&amp;", "&lt;", "&gt;", "&quot;" };
	struct str before = *rest;
	for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++)
		if (take(rest, str_of(entities[i])))
			break;
	if (rest->ptr == before.ptr) {
		char c = before.ptr[0];
		if (c == '<' || c == '>' || c == '&' || c == '"' || c == 0x7F ||
		    ((unsigned char)c < 0x20 && c != '\n'))
			fail_msg("%s: a bare %02x in\n%.*s", question, (unsigned char)c,
				 STR_ARG(before));
		*rest = str_skip(*rest, 1);
	}
	bool shown = ((unsigned char)before.ptr[0] & 0xC0) != 0x80;
	seen->chars += shown;
	seen->column = before.ptr[0] == '\n' ? 0 : seen->column + shown;
	if (seen->table && seen->column > PAGE_COLUMNS)
		fail_msg("%s: a table's line is too long, before\n%.*s", question, STR_ARG(*rest));
}

static uint32_t see_html(const char *question, struct str html)
{
	struct seen seen = { 0 };
	while (html.len) {
		bool was = seen.table;
		if (take(&html, STR("<b>"))) {
			assert_false(seen.bold);
			seen.bold = true;
		} else if (take(&html, STR("</b>"))) {
			assert_true(seen.bold);
			seen.bold = false;
		} else if (take(&html, STR("<pre>"))) {
			assert_false(was);
			seen.table = true;
		} else if (take(&html, STR("</pre>"))) {
			assert_true(was);
			seen.table = false;
		} else {
			see_one(question, &html, &seen);
		}
	}
	assert_false(seen.table);
	assert_false(seen.bold);
	return seen.chars;
}

static void check_all(const struct ask_world *world, const char *question, int64_t now_ms)
{
	static char html[ASK_OUT_LIMIT];
	struct buf out = buf_over(html, sizeof html);
	enum ask_outcome outcome = ask(world, question, ASK_HTML, now_ms, &out);
	uint32_t chars = see_html(question, buf_str(&out));
	out = buf_over(storage, sizeof storage);
	assert_int_equal(ask(world, question, ASK_TEXT, now_ms, &out), outcome);
	if (chars_of(buf_str(&out)) != chars || chars > PAGE_CHARS || chars == 0)
		fail_msg("%s has %u characters\n%.*s", question, chars, STR_ARG(buf_str(&out)));
	assert_int_equal(out.ptr[out.len - 1], '\n');
	out = buf_over(html, sizeof html);
	assert_int_equal(ask(world, question, ASK_JSON, now_ms, &out), outcome);
	json_t *answer = json_loadb(out.ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
	if (!answer)
		fail_msg("%s: no JSON:\n%.*s", question, STR_ARG(buf_str(&out)));
	assert_string_equal(json_string_value(json_object_get(answer, "text")),
			    ask_text(world, question, now_ms));
	json_decref(answer);
}

static void check_world(const struct ask_world *world, int64_t end_ms)
{
	static const int64_t ages_ms[] = { 0, 11000, 200000, INT64_C(30) * 86400000 };
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		check_all(world, questions[i], 0);
		for (size_t a = 0; a < sizeof ages_ms / sizeof ages_ms[0]; a++)
			check_all(world, questions[i], end_ms + ages_ms[a]);
	}
}

static void answers_of_a_usual_world_fit(void **state)
{
	(void)state;
	static const char *const symbols[] = { "ETH", "BTC", "SOL", "BTCEUR",
					       "binance:perp:ETHUSDT" };
	struct ask_world world = { .markets = world_create(false, WORLD_END_MS),
				   .options = ask_options_default(),
				   .alerts = world_alerts(WORLD_END_MS) };
	for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
		world.options.symbol_default = str_of(symbols[i]);
		world.options.live = i & 1;
		check_world(&world, WORLD_END_MS);
	}
	markets_destroy(world.markets);
	alerts_destroy((struct alerts *)world.alerts);
}

static void answers_of_a_young_world_fit(void **state)
{
	(void)state;
	for (int64_t minutes = 0; minutes < 3; minutes++) {
		int64_t end_ms = WORLD_START_MS + 1 + minutes * minutes * MINUTE_MS;
		struct ask_world world = { .markets = world_create(true, end_ms),
					   .options = ask_options_default() };
		world.options.symbol_default = STR("ETH");
		world.options.simulated = true;
		check_world(&world, end_ms);
		markets_destroy(world.markets);
	}
}

/* 13 quotes on 4 markets each, with the longest names and much of everything: more than an
 * answer holds, and far more than a page. */
static void crowd_fill(struct markets *markets)
{
	static const char *const quotes[] = { "USDT", "USDC", "FDUSD", "TUSD", "BUSD",
					      "PERP", "USD",  "ETH",   "BNB",  "EUR",
					      "TRY",  "BRL",  "JPY" };
	for (int64_t n = 0; n < 4 * 13; n++) {
		struct world_market row = world_markets[0];
		char symbol[SYMBOL_MAX + 1];
		snprintf(symbol, sizeof symbol, "ABCDEFGHIJKLMNOPQR%s", quotes[n / 4]);
		row.symbol = symbol;
		row.venue = n & 1 ? VENUE_BINANCE : VENUE_BYBIT;
		row.kind = n & 2 ? KIND_SPOT : KIND_PERP;
		struct market *market = markets_get(markets, row.venue, row.kind, str_of(symbol));
		for (int64_t i = 0; i < 600; i++)
			world_trade(market, &row, 1 + i, INT64_C(1) << 36, 1234567 + i, i & 1,
				    WORLD_START_MS + i * 7000 + n * 11000);
		if (row.kind == KIND_PERP) {
			world_oi(market, INT64_C(987654321987654), 3, n & 1, 1499, 1,
				 WORLD_START_MS + 4200000);
			world_funding(market, (struct decimal){ -123456, 6 }, 90,
				      (struct decimal){ INT64_C(1) << 40, 2 },
				      (struct decimal){ INT64_C(1) << 36, 2 },
				      WORLD_START_MS + 4200000);
		}
		world_series(market, INT64_C(1) << 36, n % SERIES_BARS, WORLD_START_MS + 4200000);
	}
	for (int64_t i = 0; i < 600; i++)
		world_liquidation(markets, i & 1, "ABCDEFGHIJKLMNOPQRUSDT", i & 1, INT64_C(1) << 40,
				  INT64_C(1) << 30, WORLD_START_MS + 3600000 + i * 900);
}

static struct markets *crowd_create(void)
{
	struct market_config config = { .whale_quote = 1, .indicators = { 5, 15, 60, 1440 } };
	struct markets *markets = markets_create(&config);
	crowd_fill(markets);
	return markets;
}

static void a_crowd_of_markets_stays_within_bounds(void **state)
{
	(void)state;
	static const char *const asked[] = { "/price",    "/volume", "/cvd",
					     "/momentum", "/flow",   "/analysis" };
	struct ask_world crowd = { .markets = crowd_create(), .options = ask_options_default() };
	crowd.options.whale_quote = 1;
	crowd.options.symbol_default = STR("ABCDEFGHIJKLMNOPQR");
	check_world(&crowd, WORLD_START_MS + 4200000);
	for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
		struct buf out = buf_over(storage, sizeof storage);
		ask(&crowd, asked[i], ASK_JSON, 0, &out);
		json_t *answer = json_loadb(out.ptr, out.len, 0, NULL);
		json_t *markets = json_object_get(json_object_get(answer, "data"), "markets");
		assert_int_equal(json_array_size(markets), ASK_MARKETS_MAX);
		json_decref(answer);
		assert_non_null(strstr(ask_text(&crowd, asked[i], 0), "20 more are not counted"));
	}
	/* 26 perpetuals: all are counted, and not all have room on the page. */
	assert_null(strstr(ask_text(&crowd, "/oi", 0), "are not counted"));
	assert_non_null(strstr(storage, "more: name one, or ask JSON"));
	assert_non_null(strstr(storage, "14 of 26 markets")); /* those in dollars */
	markets_destroy(crowd.markets);
}

/* The largest figures that the venues' decimals can hold, and the smallest. */
static void the_figures_may_be_absurd(void **state)
{
	(void)state;
	static const struct decimal sizes[] = {
		{ INT64_MAX, 0 }, { 1, 18 }, { INT64_MAX, 18 }, { 0, 0 }
	};
	for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
		struct market_config config = { .whale_quote = 1, .indicators = { 15, 60, 240 } };
		struct ask_world world = { .markets = markets_create(&config),
					   .options = ask_options_default() };
		for (int venue = 0; venue < 2; venue++) {
			struct world_market row = world_markets[venue ? 3 : 1];
			struct market *market =
			    world_market(world.markets, row.venue, row.kind, row.symbol);
			row.price_scale = venue ? 18 : 0;
			for (int64_t m = 0; m < 20; m++)
				world_trade(market, &row, 1 + m, venue ? 1 + m : INT64_C(1) << 50,
					    1, SIDE_BUY, WORLD_END_MS - (20 - m) * MINUTE_MS);
			struct decimal negative = { -sizes[s].mantissa, sizes[s].scale };
			rates_put_oi(market_rates(market), (struct decimal){ 1, 18 }, false,
				     WORLD_END_MS - 16 * MINUTE_MS);
			rates_take_oi(market_rates(market), sizes[s], venue, WORLD_END_MS - 1000);
			world_funding(market, venue ? negative : sizes[s], 1, sizes[s], sizes[!s],
				      WORLD_END_MS);
			world_ticker(market, 1, INT64_MIN + 1, INT64_MAX, WORLD_END_MS);
			world_series(market, INT64_C(1) << 50, SERIES_BARS, WORLD_END_MS);
			world_liquidation(world.markets, row.venue, row.symbol, SIDE_BUY,
					  INT64_C(1) << 30, INT64_C(1) << 30, WORLD_END_MS - 9000);
		}
		world.options.symbol_default = STR("ETH");
		check_world(&world, WORLD_END_MS);
		markets_destroy(world.markets);
	}
}

/* Thousands, with the longest names and messages, of characters that HTML escapes. */
static void many_alerts_stay_within_bounds(void **state)
{
	(void)state;
	struct ask_world world = { .markets = world_create(false, WORLD_START_MS + MINUTE_MS),
				   .options = ask_options_default(),
				   .alerts = alerts_create(&(struct alert_hooks){ 0 }) };
	struct alerts *alerts = (struct alerts *)world.alerts;
	char number[16], scope[ALERT_SCOPE_MAX + 1], message[ALERT_MESSAGE_MAX + 1];
	memset(scope, '&', sizeof scope); /* begins with a number, to tell them apart */
	memset(message, '<', sizeof message);
	for (int n = 0; n <= 2000; n++) {
		for (int rule = 0; rule < ALERT_COUNT; rule++) {
			snprintf(number, sizeof number, "%012d", n);
			memcpy(scope, number, 12);
			alerts_step(alerts, WORLD_SECOND_NS + n, WORLD_END_MS);
			bool event = alert_row((enum alert_rule)rule)->op == ALERT_EVENT;
			(event ? alert_event : alert_value)(alerts, (enum alert_rule)rule,
							    str_make(scope, ALERT_SCOPE_MAX), 1e300,
							    str_make(message, ALERT_MESSAGE_MAX));
		}
		if (n == 0 || n == 7 || n == 64 || n == 2000)
			check_all(&world, "/alerts", WORLD_END_MS);
	}
	assert_non_null(strstr(ask_text(&world, "/alerts", 0), " or more: ask JSON"));
	markets_destroy(world.markets);
	alerts_destroy(alerts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_of_a_usual_world_fit),
		cmocka_unit_test(answers_of_a_young_world_fit),
		cmocka_unit_test(a_crowd_of_markets_stays_within_bounds),
		cmocka_unit_test(the_figures_may_be_absurd),
		cmocka_unit_test(many_alerts_stay_within_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
