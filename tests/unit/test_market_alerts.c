/* The alert rules of markets: what each works out, when it is silent because something is
 * old or not known, what it says, and how the round is spread over the second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "base/rng.h"
#include "market/market_alerts_config.h"

enum { NOTICES_MAX = 64 };
#define SEC INT64_C(1000000000)
#define T0  INT64_C(1784045700000) /* begins a bar of 15 minutes */

static struct {
	struct markets *markets;
	struct alerts *alerts;
	struct market_alerts *all;
	struct market_alerts_config config;
	int64_t now_ns, id;
	size_t n;
	struct {
		enum alert_notice what;
		struct alert_view view;
	} notices[NOTICES_MAX];
} world;

static void on_notice(void *ctx, enum alert_notice what, const struct alert_view *view)
{
	(void)ctx;
	assert_true(world.n < NOTICES_MAX);
	world.notices[world.n].what = what;
	world.notices[world.n++].view = *view;
}

static int set_up_with(bool simulated)
{
	struct alert_hooks hooks = { .on_notice = on_notice };
	struct market_config config = { .whale_quote = 500000, .simulated = simulated };
	memset(&world, 0, sizeof world);
	world.markets = markets_create(&config);
	world.alerts = alerts_create(&hooks);
	world.config = (struct market_alerts_config){ .live = true,
						      .stale_ms = 10000,
						      .cascade_window_ms = 60000 };
	world.all = market_alerts_create(world.alerts, world.markets, &world.config);
	world.id = 1000;
	return world.markets && world.alerts && world.all ? 0 : -1;
}

static int set_up(void **state)
{
	(void)state;
	return set_up_with(false);
}

static int set_up_simulated(void **state)
{
	(void)state;
	return set_up_with(true);
}

static int tear_down(void **state)
{
	(void)state;
	market_alerts_destroy(world.all);
	alerts_destroy(world.alerts);
	markets_destroy(world.markets);
	return 0;
}

/* ---- the world ---- */

static struct market *market(const char *source)
{
	struct market_id id;
	assert_int_equal(market_id_parse(str_of(source), &id), STATUS_OK);
	struct market *found = markets_get(world.markets, id.venue, id.kind, str_of(id.symbol));
	assert_non_null(found);
	return found;
}

static struct decimal decimal(const char *text)
{
	struct decimal d;
	assert_int_equal(decimal_parse(str_of(text), &d), STATUS_OK);
	return d;
}

static struct trade trade(struct market *of, const char *price, const char *qty, int64_t t_ms)
{
	bool ordered = market_id(of)->venue == VENUE_BINANCE;
	char id[24];
	int len = snprintf(id, sizeof id, "id-%lld", (long long)world.id);
	struct trade out;
	struct event_trade event = { .id = str_make(id, (size_t)len),
				     .ordered_id = ordered ? world.id : -1,
				     .price = decimal(price),
				     .qty = decimal(qty),
				     .side = SIDE_BUY };
	world.id++;
	assert_int_equal(market_take_trade(of, &event, t_ms, &out), MARKET_NEW);
	return out;
}

/* A trade in each minute of [from, to) minutes after T0. */
static void trade_minutes(struct market *of, const char *price, const char *qty, int64_t from,
			  int64_t to)
{
	for (int64_t minute = from; minute < to; minute++)
		trade(of, price, qty, T0 + minute * MINUTE_MS);
}

/* A second goes by, and the clock of the wall says wall_ms. */
static void second(int64_t wall_ms)
{
	world.now_ns += SEC;
	alerts_step(world.alerts, world.now_ns, wall_ms);
	market_alerts_step(world.all, world.now_ns, wall_ms);
}

/* So many that every rule has been worked out at that time at least once. */
static void look(int64_t wall_ms)
{
	second(wall_ms);
	second(wall_ms);
}

static bool find(enum alert_rule rule, const char *scope, struct alert_view *out)
{
	static struct alert_view views[256];
	size_t n = alerts_list(world.alerts, views, 256);
	*out = (struct alert_view){ 0 };
	for (size_t i = 0; i < n; i++)
		if (views[i].rule == rule && strcmp(views[i].scope, scope) == 0) {
			*out = views[i];
			return views[i].state == ALERT_FIRING || views[i].state == ALERT_PENDING;
		}
	return false;
}

static void fires(enum alert_rule rule, const char *scope, double value, const char *message)
{
	struct alert_view view;
	if (!find(rule, scope, &view))
		fail_msg("%s of %s does not fire", alert_row(rule)->id, scope);
	assert_true(fabs(view.value - value) < 1e-6);
	assert_string_equal(view.message, message);
}

static void is_quiet(enum alert_rule rule, const char *scope)
{
	struct alert_view view;
	if (find(rule, scope, &view))
		fail_msg("%s of %s fires: %s", view.scope, alert_row(rule)->id, view.message);
}

/* ---- price ---- */

static void a_price_that_moves_far_within_15_minutes_is_told(void **state)
{
	(void)state;
	struct market *eth = market("binance:perp:ETHUSDT");
	trade_minutes(eth, "2000", "1", 0, 15);
	trade(eth, "2099.99", "1", T0 + 14 * MINUTE_MS + 30000);
	look(T0 + 14 * MINUTE_MS + 31000);
	is_quiet(ALERT_price_move, "binance:perp:ETHUSDT");
	trade(eth, "2100", "1", T0 + 14 * MINUTE_MS + 40000); /* 5 % is not more than 5 % */
	look(T0 + 14 * MINUTE_MS + 41000);
	is_quiet(ALERT_price_move, "binance:perp:ETHUSDT");
	trade(eth, "2100.5", "1", T0 + 14 * MINUTE_MS + 50000);
	look(T0 + 14 * MINUTE_MS + 51000);
	fires(ALERT_price_move, "binance:perp:ETHUSDT", 5.025,
	      "binance:perp:ETHUSDT price +5.03 % within 15 min: from 2000 to 2100.5");
}

static void a_fall_counts_as_a_rise_does(void **state)
{
	(void)state;
	struct market *eth = market("bybit:spot:ETHUSDT");
	trade_minutes(eth, "2000", "1", 0, 15);
	trade(eth, "1888", "1", T0 + 14 * MINUTE_MS + 50000);
	look(T0 + 14 * MINUTE_MS + 51000);
	fires(ALERT_price_move, "bybit:spot:ETHUSDT", 5.6,
	      "bybit:spot:ETHUSDT price -5.60 % within 15 min: from 2000 to 1888");
}

static void a_window_that_is_not_known_says_nothing_of_the_price(void **state)
{
	(void)state;
	struct market *eth = market("binance:perp:ETHUSDT");
	trade_minutes(eth, "2000", "1", 1, 14); /* 13 minutes of 15 */
	trade(eth, "3000", "1", T0 + 13 * MINUTE_MS + 50000);
	look(T0 + 13 * MINUTE_MS + 51000);
	is_quiet(ALERT_price_move, "binance:perp:ETHUSDT");
	assert_true(alerts_counts(world.alerts).unknown_values > 0);
}

static void a_market_that_is_old_is_not_judged(void **state)
{
	(void)state;
	struct market *eth = market("binance:perp:ETHUSDT");
	trade_minutes(eth, "2000", "1", 0, 15);
	trade(eth, "2200", "1", T0 + 14 * MINUTE_MS + 50000);
	look(T0 + 14 * MINUTE_MS + 60001); /* 10.001 s later */
	is_quiet(ALERT_price_move, "binance:perp:ETHUSDT");
	struct event_book top = { .bid = decimal("2199"),
				  .ask = decimal("2200"),
				  .bid_qty = decimal("1"),
				  .ask_qty = decimal("1"),
				  .update_id = 1 };
	book_take_top(market_book(eth), &top, T0 + 14 * MINUTE_MS + 58000);
	look(T0 + 14 * MINUTE_MS + 60001); /* a quote makes it fresh again */
	struct alert_view view;
	assert_true(find(ALERT_price_move, "binance:perp:ETHUSDT", &view));
}

/* ---- volume ---- */

/* 40 closed bars of 15 units each; the open one begins at minute 600. */
static struct market *with_bars(void)
{
	struct market *eth = market("binance:perp:ETHUSDT");
	trade_minutes(eth, "2000", "1", 0, 600);
	return eth;
}

static void a_bar_of_many_times_the_volume_is_told(void **state)
{
	(void)state;
	struct market *eth = with_bars();
	trade(eth, "2000", "46", T0 + 600 * MINUTE_MS);
	trade(eth, "2000", "1", T0 + 607 * MINUTE_MS + 30000); /* half of the bar: 94 pro rata */
	look(T0 + 607 * MINUTE_MS + 31000);
	fires(ALERT_volume_spike, "binance:perp:ETHUSDT", (47 * 2 / 15.0 - 1) * 100,
	      "binance:perp:ETHUSDT volume of the open 15-min bar 47 ETH, +527 % over the median "
	      "of 15");
}

static void early_in_the_bar_the_volume_counts_as_traded(void **state)
{
	(void)state;
	struct market *eth = with_bars();
	trade(eth, "2000", "46", T0 + 600 * MINUTE_MS);
	trade(eth, "2000", "1", T0 + 602 * MINUTE_MS); /* pro rata 23 times the volume */
	look(T0 + 602 * MINUTE_MS + 1000);
	is_quiet(ALERT_volume_spike, "binance:perp:ETHUSDT");
	trade(eth, "2000", "44", T0 + 602 * MINUTE_MS + 2000);
	look(T0 + 602 * MINUTE_MS + 3000);
	struct alert_view view;
	assert_true(find(ALERT_volume_spike, "binance:perp:ETHUSDT", &view));
	assert_true(fabs(view.value - (91 / 15.0 - 1) * 100) < 1e-6);
}

static void with_few_bars_the_volume_is_not_judged(void **state)
{
	(void)state;
	struct market *eth = market("binance:perp:ETHUSDT");
	trade_minutes(eth, "2000", "1", 0, 24 * 15);
	trade(eth, "2000", "9999", T0 + 24 * 15 * MINUTE_MS);
	look(T0 + 24 * 15 * MINUTE_MS + 1000);
	is_quiet(ALERT_volume_spike, "binance:perp:ETHUSDT");
}

/* ---- funding ---- */

static void fund(struct market *of, const char *rate, int32_t interval_min, int64_t t_ms)
{
	struct event_funding funding = { .rate = decimal(rate),
					 .next_ms = t_ms + 3600000,
					 .interval_min = interval_min };
	rates_take_funding(market_rates(of), &funding, t_ms);
}

static void a_large_funding_rate_is_told_after_its_hold(void **state)
{
	(void)state;
	struct market *eth = market("bybit:perp:ETHUSDT");
	struct alert_view view;
	int64_t t_ms = T0;
	for (int i = 0; i < 61; i++, t_ms += 1000) {
		trade(eth, "2000", "1", t_ms);
		fund(eth, i < 30 ? "0.0005" : "-0.00075", 480, t_ms);
		second(t_ms);
	}
	assert_true(find(ALERT_funding_extreme, "bybit:perp:ETHUSDT", &view));
	assert_int_equal(view.state, ALERT_PENDING); /* 0.05 % is not more than 0.05 % */
	for (int i = 0; i < 32; i++, t_ms += 1000) {
		trade(eth, "2000", "1", t_ms);
		fund(eth, "-0.00075", 480, t_ms);
		second(t_ms);
	}
	assert_int_equal(world.n, 1);
	fires(ALERT_funding_extreme, "bybit:perp:ETHUSDT", 0.075,
	      "bybit:perp:ETHUSDT funding rate -0.075 % per 8 h, -82.1 % a year");
}

static void an_old_funding_rate_is_not_judged(void **state)
{
	(void)state;
	struct market *eth = market("bybit:perp:ETHUSDT");
	trade(eth, "2000", "1", T0);
	fund(eth, "0.01", 0, T0);
	trade(eth, "2000", "1", T0 + 60001);
	look(T0 + 60001);
	is_quiet(ALERT_funding_extreme, "bybit:perp:ETHUSDT");
	fund(eth, "0.01", 0, T0 + 60001);
	look(T0 + 60001);
	fires(ALERT_funding_extreme, "bybit:perp:ETHUSDT", 1,
	      "bybit:perp:ETHUSDT funding rate +1 %");
}

/* ---- the feed ---- */

static void a_feed_that_stops_is_told(void **state)
{
	(void)state;
	struct market *eth = market("binance:perp:ETHUSDT");
	market("binance:perp:BTCUSDT"); /* never brought anything */
	trade(eth, "2000", "1", T0);
	for (int64_t s = 0; s <= 40; s++)
		second(T0 + s * 1000);
	fires(ALERT_feed_stale, "binance:perp:ETHUSDT", 40,
	      "binance:perp:ETHUSDT no trade and no quote for 40 s");
	is_quiet(ALERT_feed_stale, "binance:perp:BTCUSDT");
	assert_int_equal(world.n, 1);
}

static void without_a_live_feed_nothing_is_stale(void **state)
{
	(void)state;
	world.config.live = false;
	market_alerts_configure(world.all, &world.config);
	trade(market("binance:perp:ETHUSDT"), "2000", "1", T0);
	for (int64_t s = 0; s <= 60; s++)
		second(T0 + s * 1000);
	is_quiet(ALERT_feed_stale, "binance:perp:ETHUSDT");
}

static void what_was_only_restored_is_not_stale(void **state)
{
	(void)state;
	struct bar bar = { .minute_ms = T0,
			   .open = 2000,
			   .high = 2000,
			   .low = 2000,
			   .close = 2000,
			   .buy = 1,
			   .buy_quote = 2000,
			   .n_buy = 1,
			   .id_first = 1,
			   .id_last = 1 };
	struct market *eth = market("binance:perp:ETHUSDT");
	assert_int_equal(market_restore_bar(eth, &bar, 0, 0), STATUS_OK);
	assert_true(market_newest_ms(eth) > 0);
	look(T0 + 3600000);
	is_quiet(ALERT_feed_stale, "binance:perp:ETHUSDT");
}

static void minutes_that_lack_trades_are_told(void **state)
{
	(void)state;
	struct market *eth = market("binance:perp:ETHUSDT");
	for (int64_t minute = 0; minute < 6; minute++) {
		trade(eth, "2000", "1", T0 + minute * MINUTE_MS);
		world.id++; /* one is missing */
		trade(eth, "2000", "1", T0 + minute * MINUTE_MS + 30000);
		look(T0 + minute * MINUTE_MS + 30000);
		if (minute < 5)
			is_quiet(ALERT_minutes_partial, "binance:perp:ETHUSDT");
	}
	fires(ALERT_minutes_partial, "binance:perp:ETHUSDT", 6,
	      "binance:perp:ETHUSDT trades may be missing in 6 of the last 60 minutes");
}

static void a_venue_that_refuses_is_told_and_the_seconds_run_down(void **state)
{
	(void)state;
	struct alert_view view;
	second(T0);
	market_alerts_venue(world.all, STR("binance:perp"), 57, world.now_ns);
	fires(ALERT_venue_limited, "binance:perp", 57,
	      "binance:perp refuses our requests: it may be asked again in 57 s");
	for (int i = 0; i < 50; i++)
		second(T0);
	fires(ALERT_venue_limited, "binance:perp", 7,
	      "binance:perp refuses our requests: it may be asked again in 7 s");
	for (int i = 0; i < 70; i++)
		second(T0);
	assert_false(find(ALERT_venue_limited, "binance:perp", &view));
	assert_int_equal(view.state, ALERT_RESOLVED);
	assert_string_equal(view.message, "binance:perp refuses our requests no more");
	assert_int_equal(world.n, 2);
	assert_int_equal(world.notices[1].what, ALERT_ENDED);
}

/* ---- open interest ---- */

static void oi(const char *source, const char *before, const char *after, int64_t now_ms)
{
	struct rates *rates = market_rates(market(source));
	trade(market(source), "2000", "1", now_ms);
	rates_take_oi(rates, decimal(before), false, now_ms - 15 * MINUTE_MS);
	rates_take_oi(rates, decimal(after), false, now_ms);
}

static void set_oi_percents(const char *list)
{
	char text[256];
	struct config_problems problems;
	struct config *config;
	snprintf(text, sizeof text, "[market]\noi_alert_percent = %s\n", list);
	struct config_source source = { .file_text = str_of(text) };
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	world.config = market_alerts_config_of(config, true);
	market_alerts_configure(world.all, &world.config);
	config_destroy(config);
}

static void open_interest_that_moves_on_both_venues_is_told(void **state)
{
	(void)state;
	set_oi_percents("BTC:15,eth:18,*:30");
	oi("binance:perp:ETHUSDT", "1000", "1192", T0);
	oi("bybit:perp:ETHUSDT", "500", "592", T0);
	look(T0);
	fires(ALERT_oi_move, "ETH", 18.4,
	      "ETH open interest +19.2 % on Binance and +18.4 % on Bybit within 15 min");
}

static void each_asset_has_its_own_threshold(void **state)
{
	(void)state;
	set_oi_percents("BTC:15,ETH:18,SOL:25,*:30");
	static const char *const assets[] = { "BTC", "ETH", "SOL", "XRP" };
	static const char *const after[] = { "850", "820", "1260", "1310" };
	for (size_t i = 0; i < 4; i++) {
		char source[64];
		for (enum venue venue = 0; venue < VENUE_COUNT; venue++) {
			snprintf(source, sizeof source, "%s:perp:%sUSDT", venue_text(venue),
				 assets[i]);
			oi(source, "1000", after[i], T0);
		}
	}
	look(T0);
	is_quiet(ALERT_oi_move, "BTC"); /* 15 % is not more */
	is_quiet(ALERT_oi_move, "ETH");
	fires(ALERT_oi_move, "SOL", 26,
	      "SOL open interest +26.0 % on Binance and +26.0 % on Bybit within 15 min");
	fires(ALERT_oi_move, "XRP", 31,
	      "XRP open interest +31.0 % on Binance and +31.0 % on Bybit within 15 min");
}

static void venues_that_disagree_or_are_silent_say_nothing(void **state)
{
	(void)state;
	set_oi_percents("*:10");
	oi("binance:perp:ETHUSDT", "1000", "1500", T0); /* up and down */
	oi("bybit:perp:ETHUSDT", "1000", "500", T0);
	oi("binance:perp:SOLUSDT", "1000", "1500", T0); /* one venue */
	oi("binance:perp:XRPUSDT", "1000", "1500", T0); /* one is old */
	oi("bybit:perp:XRPUSDT", "1000", "1500", T0 - 4 * MINUTE_MS);
	look(T0);
	is_quiet(ALERT_oi_move, "ETH");
	is_quiet(ALERT_oi_move, "SOL");
	is_quiet(ALERT_oi_move, "XRP");
	oi("bybit:perp:SOLUSDT", "1000", "1500", T0);
	look(T0);
	struct alert_view view;
	assert_true(find(ALERT_oi_move, "SOL", &view));
}

static void the_largest_perp_of_a_venue_speaks_for_it(void **state)
{
	(void)state;
	set_oi_percents("*:10");
	oi("binance:perp:ETHUSDT", "1000", "1200", T0);
	oi("binance:perp:ETHUSDC", "10", "5", T0);
	oi("bybit:perp:ETHUSDC", "1000", "1300", T0);
	oi("bybit:perp:ETHUSDT", "10", "5", T0);
	look(T0);
	fires(ALERT_oi_move, "ETH", 20,
	      "ETH open interest +20.0 % on Binance and +30.0 % on Bybit within 15 min");
}

static void without_a_list_the_threshold_of_the_rule_counts(void **state)
{
	(void)state;
	set_oi_percents("BTC:15");
	oi("binance:perp:ETHUSDT", "1000", "1290", T0);
	oi("bybit:perp:ETHUSDT", "1000", "1290", T0);
	look(T0);
	is_quiet(ALERT_oi_move, "ETH");
	oi("binance:perp:ETHUSDT", "1000", "1310", T0 + 1000);
	oi("bybit:perp:ETHUSDT", "1000", "1310", T0 + 1000);
	look(T0 + 1000);
	struct alert_view view;
	assert_true(find(ALERT_oi_move, "ETH", &view));
}

/* ---- events ---- */

static void a_whale_is_told_exactly_above_the_threshold(void **state)
{
	(void)state;
	struct market *btc = market("binance:perp:BTCUSDT");
	second(T0);
	struct trade t = trade(btc, "50000.00", "10", T0); /* 500,000 */
	market_alerts_trade(world.all, btc, &t);
	assert_int_equal(world.n, 0);
	t = trade(btc, "50000.01", "10", T0 + 1);
	market_alerts_trade(world.all, btc, &t);
	assert_int_equal(world.n, 1);
	assert_string_equal(world.notices[0].view.message,
			    "binance:perp:BTCUSDT whale bought 10 BTC at 50000.01: 500,000 USD");
	assert_true(world.notices[0].view.value == 500000.1);
	t = trade(btc, "50000.00000001", "10.00000001", T0 + 2);
	market_alerts_trade(world.all, btc, &t);
	assert_int_equal(alerts_counts(world.alerts).suppressed, 1); /* a whale, in the cooldown */
}

static void the_first_test_of_a_whale_agrees_with_the_exact_one(void **state)
{
	(void)state;
	struct rng rng;
	struct market *btc = market("binance:spot:BTCUSDT");
	struct alert_settings settings = alert_settings_default(ALERT_whale_trade);
	settings.cooldown_ns = 0;
	rng_init(&rng, 20261121);
	trade(btc, "1.00000001", "1.0000001", T0); /* the scales */
	second(T0);
	for (int i = 0; i < 20000; i++) {
		int64_t qty = 1 + (int64_t)rng_below(&rng, 1000000000000);
		int64_t price = (int64_t)((double)500000 * 1e15 / (double)qty) - 3 +
				(int64_t)rng_below(&rng, 7);
		struct trade t = { .t_ms = T0, .price = price > 0 ? price : 1, .qty = qty };
		settings.fire = rng_below(&rng, 2) ? 500000 : 499999.999999;
		alerts_configure(world.alerts, ALERT_whale_trade, &settings);
		i128 limit =
		    (i128)(settings.fire == 500000 ? 500000000000 : 499999999999) * 1000000000;
		world.n = 0;
		market_alerts_trade(world.all, btc, &t);
		assert_int_equal(world.n, (i128)t.price * t.qty > limit);
	}
}

static void trades_not_in_dollars_are_no_whales(void **state)
{
	(void)state;
	struct market *eth = market("binance:spot:ETHBTC");
	second(T0);
	struct trade t = trade(eth, "0.05", "90000000", T0);
	market_alerts_trade(world.all, eth, &t);
	assert_int_equal(world.n, 0);
}

static void a_cascade_that_begins_is_told(void **state)
{
	(void)state;
	struct cascade cascade = { .asset = "BTC",
				   .began_ms = T0,
				   .last_ms = T0,
				   .n = 7,
				   .n_long = 5,
				   .n_short = 2,
				   .venues = 2,
				   .long_e8 = (i128)1234567 * 100000000,
				   .short_e8 = 99999999,
				   .risk = 0.834,
				   .band = RISK_HIGH,
				   .active = true };
	second(T0);
	market_alerts_cascade(world.all, &cascade);
	assert_int_equal(world.n, 1);
	assert_int_equal(world.notices[0].view.rule, ALERT_cascade);
	assert_string_equal(world.notices[0].view.scope, "BTC");
	assert_string_equal(
	    world.notices[0].view.message,
	    "BTC liquidation cascade: 7 within 60 s, 1,234,567 USD (5 long, 2 short) "
	    "on 2 venues, risk 0.83 HIGH");
	cascade.active = false;
	market_alerts_cascade(world.all, &cascade);
	assert_int_equal(alerts_counts(world.alerts).suppressed, 0);
	assert_int_equal(world.n, 1);
}

/* From the frames on: the hook is the owner's to set. */
static void liquidations_reach_the_alert(void **state)
{
	(void)state;
	struct liquidations *liquidations = markets_liquidations(world.markets);
	struct liquidations_hooks hooks = { .on_cascade = market_alerts_cascade, .ctx = world.all };
	const struct market_id *id = market_id(market("binance:perp:BTCUSDT"));
	liquidations_set_hooks(liquidations, &hooks);
	second(T0);
	for (int i = 0; i < 5; i++) {
		struct event_liquidation event = { decimal("60000"), decimal("0.5"), SIDE_BUY };
		liquidations_begin_frame(liquidations);
		liquidations_take(liquidations, id, &event, T0 + i * 1000);
	}
	assert_int_equal(world.n, 1);
	assert_non_null(strstr(world.notices[0].view.message,
			       "BTC liquidation cascade: at least 5 within 60 s, 150,000 USD (5 "
			       "long, 0 short) on 1 venue, risk "));
}

static void what_is_simulated_says_so(void **state)
{
	(void)state;
	struct market *btc = market("binance:perp:BTCUSDT");
	second(T0);
	struct trade t = trade(btc, "50000", "20", T0);
	market_alerts_trade(world.all, btc, &t);
	assert_string_equal(
	    world.notices[0].view.message,
	    "SIMULATED binance:perp:BTCUSDT whale bought 20 BTC at 50000: 1,000,000 USD");
	for (int64_t s = 0; s < 60; s++)
		second(T0 + s * 1000);
	is_quiet(ALERT_feed_stale, "binance:perp:BTCUSDT");
}

/* ---- the round ---- */

static void the_round_is_spread_over_the_second_and_misses_nobody(void **state)
{
	(void)state;
	enum { MARKETS = 40 };
	char name[64];
	for (int i = 0; i < MARKETS; i++) {
		snprintf(name, sizeof name, "binance:spot:A%02dUSDT", i);
		trade(market(name), "1", "1", T0);
	}
	struct alert_settings stale = { .on = true, .fire = 1, .clear = 0.5 };
	alerts_configure(world.alerts, ALERT_feed_stale, &stale);
	market_alerts_configure(world.all, &world.config);
	size_t before = 0;
	for (int ms = 0; ms < 1000; ms++) {
		int64_t now_ns = SEC + ms * 1000000;
		alerts_step(world.alerts, now_ns, T0 + 2000);
		if (market_alerts_next_ns(world.all) > now_ns)
			continue;
		market_alerts_step(world.all, now_ns, T0 + 2000);
		assert_true(market_alerts_next_ns(world.all) > now_ns);
		assert_true(world.n <= before + 1); /* never two at once */
		before = world.n;
	}
	assert_int_equal(world.n, MARKETS);
}

static void a_late_step_does_not_move_the_rounds(void **state)
{
	(void)state;
	market_alerts_step(world.all, 10 * SEC, T0);
	market_alerts_step(world.all, 11 * SEC + SEC / 3, T0);
	assert_int_equal(market_alerts_next_ns(world.all), 12 * SEC);
	market_alerts_step(world.all, 20 * SEC, T0); /* but rounds missed are not caught up */
	assert_int_equal(market_alerts_next_ns(world.all), 21 * SEC);
}

static void a_step_each_second_or_less_is_enough(void **state)
{
	(void)state;
	struct market *first = market("binance:spot:AUSDT"), *last = market("bybit:spot:ZUSDT");
	trade(first, "1", "1", T0);
	trade(last, "1", "1", T0);
	struct alert_settings stale = { .on = true, .fire = 1, .clear = 0.5 };
	alerts_configure(world.alerts, ALERT_feed_stale, &stale);
	second(T0);
	second(T0 + 2000);
	second(T0 + 2000);
	assert_int_equal(world.n, 2);
	world.now_ns += 100 * SEC; /* the loop stood still */
	second(T0 + 102000);
	second(T0 + 103000);
	fires(ALERT_feed_stale, "bybit:spot:ZUSDT", 103,
	      "bybit:spot:ZUSDT no trade and no quote for 103 s");
}

static void the_settings_reach_liquidations(void **state)
{
	(void)state;
	struct config_problems problems;
	struct config *config;
	struct config_source source = { .file_text = STR("[liquidations]\ncascade_count = 9\n"
							 "cascade_high = 0.85\n") };
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	struct liquidations_config read = market_liquidations_config_of(config);
	struct liquidations_config expected = liquidations_config_default();
	expected.count = 9;
	expected.band[1] = 0.85;
	assert_int_equal(read.count, expected.count);
	assert_int_equal(read.quote_min, expected.quote_min);
	assert_int_equal(read.window_ms, expected.window_ms);
	assert_int_equal(read.cooldown_ms, expected.cooldown_ms);
	for (int i = 0; i < 3; i++)
		assert_true(read.band[i] == expected.band[i]);
	assert_int_equal(read.size_large, expected.size_large);
	assert_int_equal(read.size_institutional, expected.size_institutional);
	assert_int_equal(read.size_whale, expected.size_whale);
	config_destroy(config);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_price_that_moves_far_within_15_minutes_is_told),
		TEST(a_fall_counts_as_a_rise_does),
		TEST(a_window_that_is_not_known_says_nothing_of_the_price),
		TEST(a_market_that_is_old_is_not_judged),
		TEST(a_bar_of_many_times_the_volume_is_told),
		TEST(early_in_the_bar_the_volume_counts_as_traded),
		TEST(with_few_bars_the_volume_is_not_judged),
		TEST(a_large_funding_rate_is_told_after_its_hold),
		TEST(an_old_funding_rate_is_not_judged),
		TEST(a_feed_that_stops_is_told),
		TEST(without_a_live_feed_nothing_is_stale),
		TEST(what_was_only_restored_is_not_stale),
		TEST(minutes_that_lack_trades_are_told),
		TEST(a_venue_that_refuses_is_told_and_the_seconds_run_down),
		TEST(open_interest_that_moves_on_both_venues_is_told),
		TEST(each_asset_has_its_own_threshold),
		TEST(venues_that_disagree_or_are_silent_say_nothing),
		TEST(the_largest_perp_of_a_venue_speaks_for_it),
		TEST(without_a_list_the_threshold_of_the_rule_counts),
		TEST(a_whale_is_told_exactly_above_the_threshold),
		TEST(the_first_test_of_a_whale_agrees_with_the_exact_one),
		TEST(trades_not_in_dollars_are_no_whales),
		TEST(a_cascade_that_begins_is_told),
		TEST(liquidations_reach_the_alert),
		cmocka_unit_test_setup_teardown(what_is_simulated_says_so, set_up_simulated,
						tear_down),
		TEST(the_round_is_spread_over_the_second_and_misses_nobody),
		TEST(a_late_step_does_not_move_the_rounds),
		TEST(a_step_each_second_or_less_is_enough),
		TEST(the_settings_reach_liquidations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
