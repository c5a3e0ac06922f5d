#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "allocations.h"
#include "base/check.h"
#include "base/rng.h"
#include "market/liquidations.h"

/* Begin of a minute, of an hour and of a day. */
static const int64_t t0 = INT64_C(1723161600000);
enum { MIN = 60000 };
#define DAY ((int64_t)86400000)

/* What the hooks said. */
struct told {
	size_t n_liquidations, n_began, n_ended;
	struct liquidation liquidation;
	struct cascade began, ended;
};

static void on_liquidation(void *ctx, const struct liquidation *liquidation)
{
	struct told *told = ctx;
	told->n_liquidations++;
	told->liquidation = *liquidation;
}

static void on_cascade(void *ctx, const struct cascade *cascade)
{
	struct told *told = ctx;
	if (cascade->active) {
		told->n_began++;
		told->began = *cascade;
	} else {
		told->n_ended++;
		told->ended = *cascade;
	}
}

static struct liquidations *new_liquidations(struct told *told)
{
	const struct liquidations_config config = liquidations_config_default();
	struct liquidations *all = liquidations_create(&config);
	assert_non_null(all);
	if (told) {
		*told = (struct told){ 0 };
		liquidations_set_hooks(
		    all, &(struct liquidations_hooks){ on_liquidation, on_cascade, told });
	}
	return all;
}

static struct decimal dec(const char *text)
{
	struct decimal out;
	assert_int_equal(decimal_parse(str_of(text), &out), STATUS_OK);
	return out;
}

static struct market_id id_of(enum venue venue, const char *symbol)
{
	struct market_id id;
	assert_int_equal(market_id_make(venue, KIND_PERP, str_of(symbol), &id), STATUS_OK);
	return id;
}

static struct event_liquidation event_of(const char *price, const char *qty, uint8_t position)
{
	return (struct event_liquidation){ dec(price), dec(qty), position };
}

/* In a frame of its own. */
static bool take(struct liquidations *all, enum venue venue, const char *symbol, const char *price,
		 const char *qty, uint8_t position, int64_t t_ms)
{
	struct market_id id = id_of(venue, symbol);
	struct event_liquidation event = event_of(price, qty, position);
	liquidations_begin_frame(all);
	return liquidations_take(all, &id, &event, t_ms);
}

/* A long of BTC on Bybit, of 100 × qty. */
static bool take_btc(struct liquidations *all, const char *qty, int64_t t_ms)
{
	return take(all, VENUE_BYBIT, "BTCUSDT", "100", qty, SIDE_BUY, t_ms);
}

static struct liquidation_sums sums_of(const struct liquidations *all, const char *asset,
				       int32_t minutes, int64_t now_ms)
{
	struct liquidation_sums sums;
	liquidations_sum(all, str_of(asset), minutes, now_ms, &sums);
	return sums;
}

static i128 e8(int64_t quote) { return (i128)quote * 100000000; }

/* ---- sums and lists ---- */

static void sums_are_by_side_asset_and_minute(void **state)
{
	(void)state;
	struct liquidations *all = new_liquidations(NULL);
	assert_true(take(all, VENUE_BYBIT, "BTCUSDT", "100", "2", SIDE_BUY, t0 + 59999));
	assert_true(take(all, VENUE_BYBIT, "BTCUSDC", "100", "3", SIDE_SELL, t0 + 60000));
	assert_true(take(all, VENUE_BYBIT, "ETHUSDT", "10", "5", SIDE_BUY, t0 + 2 * MIN));
	struct liquidation_sums sums = sums_of(all, "BTC", 60, t0 + 2 * MIN);
	assert_true(sums.long_e8 == e8(200) && sums.short_e8 == e8(300));
	assert_true(sums.n_long == 1 && sums.n_short == 1 && !sums.at_least);
	sums = sums_of(all, "btc", 2, t0 + 2 * MIN); /* the minute of now and the one before */
	assert_true(sums.long_e8 == 0 && sums.short_e8 == e8(300));
	sums = sums_of(all, "BTC", 1, t0 + 2 * MIN);
	assert_true(sums.n_long == 0 && sums.n_short == 0);
	sums = sums_of(all, "BTC", 1440, t0); /* nothing later than now */
	assert_true(sums.n_long == 1 && sums.n_short == 0);
	sums = sums_of(all, "", 1440, t0 + 2 * MIN);
	assert_true(sums.long_e8 == e8(250) && sums.n_long == 2 && sums.n_short == 1);
	liquidations_sum(all, (struct str){ 0 }, 1440, t0 + 2 * MIN, &sums);
	assert_true(sums.n_long == 2);
	assert_true(sums_of(all, "SOL", 1440, t0 + 2 * MIN).n_long == 0);
	assert_true(sums_of(all, "BTC", 1440, 0).n_long == 0);
	assert_int_equal(liquidations_assets(all), 2);
	assert_true(str_eq(liquidations_asset(all, 0), STR("BTC")));
	assert_true(str_eq(liquidations_asset(all, 1), STR("ETH")));
	assert_int_equal(liquidations_newest_ms(all), t0 + 2 * MIN);
	liquidations_destroy(all);
	liquidations_destroy(NULL);
}

static void a_sampled_venue_makes_sums_at_least(void **state)
{
	(void)state;
	struct told told;
	struct liquidations *all = new_liquidations(&told);
	take(all, VENUE_BINANCE, "BTCUSDT", "100", "1", SIDE_BUY, t0);
	assert_true(told.liquidation.sampled);
	take(all, VENUE_BYBIT, "BTCUSDT", "100", "1", SIDE_BUY, t0 + 5 * MIN);
	assert_false(told.liquidation.sampled);
	assert_true(sums_of(all, "BTC", 60, t0 + 5 * MIN).at_least);
	assert_false(sums_of(all, "BTC", 5, t0 + 5 * MIN).at_least);
	assert_true(sums_of(all, "", 6, t0 + 5 * MIN).at_least);
	liquidations_destroy(all);
}

static void quote_is_exact_to_eight_places(void **state)
{
	(void)state;
	static const struct {
		const char *price, *qty;
		int64_t e8;
	} cases[] = {
		{ "3.85642", "116.4", 44888728800 },
		{ "0.000000001", "0.1", 0 },
		{ "0.999999999", "1", 99999999 }, /* cut */
		{ "0.000000000000000003", "500000000000", 150 },
		{ "0.123456789012345678", "0.987654321098765432", 12193263 },
		{ "9000000000", "1", 900000000000000000 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct told told;
		struct liquidations *all = new_liquidations(&told);
		assert_true(
		    take(all, VENUE_BYBIT, "BTCUSDT", cases[i].price, cases[i].qty, SIDE_BUY, t0));
		assert_true(told.liquidation.quote_e8 == cases[i].e8);
		assert_true(sums_of(all, "BTC", 1, t0).long_e8 == cases[i].e8);
		liquidations_destroy(all);
	}
}

static void the_last_come_newest_first_in_whatever_order(void **state)
{
	(void)state;
	static const int64_t order[] = { 5, 3, 9, 1, 4 };
	struct liquidations *all = new_liquidations(NULL);
	struct liquidation last[LIQUIDATIONS_KEPT + 8];
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		assert_true(take_btc(all, "1", t0 + order[i]));
	take(all, VENUE_BYBIT, "ETHUSDT", "10", "1", SIDE_SELL, t0 + 6);
	assert_int_equal(liquidations_last(all, STR("BTC"), last, 8), 5);
	assert_int_equal(last[0].t_ms, t0 + 9);
	assert_int_equal(last[1].t_ms, t0 + 5);
	assert_int_equal(last[4].t_ms, t0 + 1);
	assert_string_equal(last[0].market.symbol, "BTCUSDT");
	assert_int_equal(liquidations_last(all, STR(""), last, 2), 2);
	assert_string_equal(last[1].market.symbol, "ETHUSDT");
	assert_int_equal(last[1].position, SIDE_SELL);
	assert_int_equal(liquidations_last(all, STR("SOL"), last, 8), 0);
	for (int64_t i = 0; i < 2 * LIQUIDATIONS_KEPT; i++)
		take_btc(all, "1", t0 + 1000 + i);
	take_btc(all, "1", t0 + 2); /* older than all that are kept */
	assert_int_equal(liquidations_last(all, STR("BTC"), last, ARRAY_LEN(last)),
			 LIQUIDATIONS_KEPT);
	assert_int_equal(last[0].t_ms, t0 + 1000 + 2 * LIQUIDATIONS_KEPT - 1);
	assert_int_equal(last[LIQUIDATIONS_KEPT - 1].t_ms, t0 + 1000 + LIQUIDATIONS_KEPT);
	liquidations_destroy(all);
}

static void sizes_have_names(void **state)
{
	(void)state;
	struct liquidations *all = new_liquidations(NULL);
	assert_int_equal(liquidation_size_of(all, e8(100000) - 1), SIZE_NORMAL);
	assert_int_equal(liquidation_size_of(all, e8(100000)), SIZE_LARGE);
	assert_int_equal(liquidation_size_of(all, e8(500000)), SIZE_INSTITUTIONAL);
	assert_int_equal(liquidation_size_of(all, e8(1000000) - 1), SIZE_INSTITUTIONAL);
	assert_int_equal(liquidation_size_of(all, e8(1000000)), SIZE_WHALE);
	assert_string_equal(liquidation_size_text(SIZE_WHALE), "WHALE");
	assert_string_equal(cascade_risk_text(RISK_NONE), "n/a");
	assert_string_equal(cascade_risk_text(RISK_EXTREME), "EXTREME");
	struct liquidations_config config = liquidations_config_default();
	config.size_whale = 2000000;
	liquidations_set_config(all, &config);
	assert_int_equal(liquidation_size_of(all, e8(1000000)), SIZE_INSTITUTIONAL);
	liquidations_destroy(all);
}

/* ---- what is not taken ---- */

static void what_cannot_be_is_refused(void **state)
{
	(void)state;
	struct told told;
	struct liquidations *all = new_liquidations(&told);
	assert_false(take_btc(all, "0", t0));
	assert_false(take_btc(all, "-1", t0));
	assert_false(take(all, VENUE_BYBIT, "BTCUSDT", "0", "1", SIDE_BUY, t0));
	assert_false(take(all, VENUE_BYBIT, "BTCUSDT", "1", "1", 2, t0));
	assert_false(take(all, VENUE_BYBIT, "BTCUSDT", "9000000000000000000", "1", SIDE_BUY, t0));
	assert_false(take_btc(all, "1", 0));
	assert_false(take_btc(all, "1", -5));
	assert_false(take_btc(all, "1", INT64_MAX));
	assert_false(take(all, VENUE_BYBIT, "ETHBTC", "0.05", "1", SIDE_BUY, t0)); /* no dollars */
	assert_int_equal(told.n_liquidations, 0);
	assert_int_equal(liquidations_newest_ms(all), 0);
	assert_int_equal(liquidations_assets(all), 0);
	assert_int_equal(liquidations_left_out(all), 0);
	assert_true(take_btc(all, "1", t0));
	liquidations_destroy(all);
}

static void older_than_a_day_is_refused_and_a_day_is_kept(void **state)
{
	(void)state;
	struct liquidations *all = new_liquidations(NULL);
	assert_true(take_btc(all, "1", t0 + DAY + 30000));
	assert_false(take_btc(all, "1", t0 + 59999));
	assert_true(take_btc(all, "1", t0 + MIN));
	assert_int_equal(sums_of(all, "BTC", 1440, t0 + DAY).n_long, 2);
	assert_true(take_btc(all, "1", t0 + DAY + MIN)); /* takes the place of t0 + MIN */
	assert_int_equal(sums_of(all, "BTC", 1440, t0 + DAY + MIN).n_long, 2);
	assert_int_equal(sums_of(all, "BTC", 1440, t0 + DAY).n_long, 1);
	liquidations_destroy(all);
}

static void one_absurd_time_wipes_nothing(void **state)
{
	(void)state;
	struct liquidations *all = new_liquidations(NULL);
	take_btc(all, "1", t0);
	assert_false(take_btc(all, "1", t0 + 300 * DAY));
	assert_false(take_btc(all, "1", t0 + 300 * DAY)); /* by the other connection */
	assert_true(take_btc(all, "1", t0 + 1));
	assert_int_equal(sums_of(all, "BTC", 60, t0 + 1).n_long, 2);
	/* after days of silence the second one is believed, and by the clock the first */
	assert_false(take_btc(all, "1", t0 + 3 * DAY));
	assert_true(take_btc(all, "1", t0 + 3 * DAY + 500));
	liquidations_step(all, t0 + 9 * DAY);
	assert_true(take_btc(all, "1", t0 + 9 * DAY + 500));
	liquidations_destroy(all);
}

static void assets_beyond_the_room_are_counted(void **state)
{
	(void)state;
	struct liquidations *all = new_liquidations(NULL);
	char symbol[SYMBOL_MAX + 1];
	for (int i = 0; i < LIQUIDATIONS_ASSETS + 3; i++) {
		snprintf(symbol, sizeof symbol, "A%dUSDT", 200 - i);
		bool taken = take(all, VENUE_BYBIT, symbol, "1", "1", SIDE_BUY, t0 + i);
		assert_true(taken == (i < LIQUIDATIONS_ASSETS));
	}
	assert_int_equal(liquidations_left_out(all), 3);
	assert_int_equal(liquidations_assets(all), LIQUIDATIONS_ASSETS);
	for (size_t i = 1; i < LIQUIDATIONS_ASSETS; i++)
		assert_true(str_cmp(liquidations_asset(all, i - 1), liquidations_asset(all, i)) <
			    0);
	/* the known ones go on, on other markets too, while there is room for markets */
	static const char *const quotes[] = { "USDC", "USD", "PERP" };
	int taken = 0;
	for (int i = 0; i < LIQUIDATIONS_ASSETS; i++)
		for (size_t q = 0; q < ARRAY_LEN(quotes); q++) {
			snprintf(symbol, sizeof symbol, "A%d%s", 200 - i, quotes[q]);
			taken += take(all, VENUE_BYBIT, symbol, "1", "1", SIDE_BUY, t0 + i);
		}
	assert_int_equal(taken, 256 - LIQUIDATIONS_ASSETS);
	assert_false(take(all, VENUE_BINANCE, "A200USDT", "1", "1", SIDE_BUY, t0));
	assert_int_equal(liquidations_left_out(all), 4);
	liquidations_destroy(all);
}

/* ---- twice the same ---- */

static bool say(struct liquidations *all, const char *qty, int64_t t_ms)
{
	struct market_id id = id_of(VENUE_BYBIT, "BTCUSDT");
	struct event_liquidation event = event_of("100", qty, SIDE_BUY);
	return liquidations_take(all, &id, &event, t_ms);
}

static void what_a_second_connection_says_again_counts_once(void **state)
{
	(void)state;
	struct told told;
	struct liquidations *all = new_liquidations(&told);
	assert_true(take_btc(all, "1", t0));
	assert_false(take_btc(all, "1", t0));
	/* anything else about it makes it another one */
	assert_true(take_btc(all, "1", t0 + 1));
	assert_true(take_btc(all, "1.1", t0));
	assert_true(take(all, VENUE_BYBIT, "BTCUSDT", "100.1", "1", SIDE_BUY, t0));
	assert_true(take(all, VENUE_BYBIT, "BTCUSDT", "100", "1", SIDE_SELL, t0));
	assert_true(take(all, VENUE_BYBIT, "BTCUSDC", "100", "1", SIDE_BUY, t0));
	assert_true(take(all, VENUE_BINANCE, "BTCUSDT", "100", "1", SIDE_BUY, t0));
	assert_true(take(all, VENUE_BYBIT, "BTCUSDT", "10", "10", SIDE_BUY, t0));
	assert_int_equal(told.n_liquidations, 8);
	liquidations_destroy(all);
}

static void what_one_frame_says_twice_is_two(void **state)
{
	(void)state;
	struct liquidations *all = new_liquidations(NULL);
	liquidations_begin_frame(all);
	assert_true(say(all, "1", t0));
	assert_true(say(all, "1", t0));
	liquidations_begin_frame(all); /* the other connection */
	assert_false(say(all, "1", t0));
	assert_false(say(all, "1", t0));
	liquidations_begin_frame(all); /* a third, which says it once oftener */
	assert_false(say(all, "1", t0));
	assert_false(say(all, "1", t0));
	assert_true(say(all, "1", t0));
	assert_int_equal(sums_of(all, "BTC", 1, t0).n_long, 3);
	liquidations_destroy(all);
}

static void more_than_are_told_apart_never_count_twice(void **state)
{
	(void)state;
	enum { N = 3 * LIQUIDATIONS_SEEN };
	struct liquidations *all = new_liquidations(NULL);
	for (int64_t i = 0; i < N; i++)
		assert_true(take_btc(all, "1", t0 + 10 * i));
	for (int64_t i = 0; i < N; i++)
		assert_false(take_btc(all, "1", t0 + 10 * i));
	assert_true(take_btc(all, "1", t0 + 10 * N - 5)); /* late, and within those known */
	/* what is older than them cannot be told from seen */
	assert_false(take_btc(all, "1", t0 + 5));
	assert_int_equal(sums_of(all, "BTC", 1440, t0 + 10 * N).n_long, N + 1);
	liquidations_destroy(all);
}

static void restored_ones_count_without_a_word(void **state)
{
	(void)state;
	struct told told;
	struct liquidations *all = new_liquidations(&told);
	struct market_id id = id_of(VENUE_BYBIT, "BTCUSDT");
	struct event_liquidation event = event_of("100", "9000", SIDE_BUY);
	struct liquidation last[4];
	struct cascade cascade;
	take_btc(all, "1", t0 + 2000);
	for (int64_t i = 0; i < 500; i++)
		assert_true(liquidations_restore(all, &id, &event, t0 + i));
	assert_true(liquidations_restore(all, &id, &event, t0 - DAY + MIN));
	assert_false(liquidations_restore(all, &id, &event, t0 - DAY));
	assert_false(liquidations_restore(all, &id, &event, 0));
	assert_int_equal(told.n_liquidations, 1);
	assert_int_equal(told.n_began, 0);
	assert_false(liquidations_cascade(all, STR("BTC"), &cascade));
	assert_int_equal(sums_of(all, "BTC", 1440, t0 + 2000).n_long, 502);
	assert_int_equal(liquidations_last(all, STR("BTC"), last, 4), 4);
	assert_int_equal(last[0].t_ms, t0 + 2000);
	assert_int_equal(last[1].t_ms, t0 + 499);
	/* the stream that tells one again adds nothing */
	liquidations_begin_frame(all);
	assert_false(liquidations_take(all, &id, &event, t0 + 499));
	liquidations_destroy(all);
}

/* ---- cascades ---- */

static struct cascade cascade_now(const struct liquidations *all, const char *asset)
{
	struct cascade cascade = { 0 };
	assert_true(liquidations_cascade(all, str_of(asset), &cascade) == cascade.active);
	return cascade;
}

static void assert_near(double value, double expected)
{
	if (fabs(value - expected) > 1e-12)
		fail_msg("%.15f, expected %.15f", value, expected);
}

/* Five longs of 40,000 each at one price on one venue: value 0.25 · 0.2, five a minute
 * 0.20 · 0.5, no spread 0.20, one-sided 0.15, none large, one venue. */
static void risk_of_a_small_one_sided_cascade(void **state)
{
	(void)state;
	struct told told;
	struct liquidations *all = new_liquidations(&told);
	for (int64_t i = 0; i < 5; i++)
		take_btc(all, "400", t0 + i * 1000);
	assert_int_equal(told.n_began, 1);
	assert_near(told.began.risk, 0.05 + 0.10 + 0.20 + 0.15);
	assert_int_equal(told.began.band, RISK_LOW);
	assert_string_equal(told.began.asset, "BTC");
	assert_int_equal(told.began.n, 5);
	assert_int_equal(told.began.n_long, 5);
	assert_int_equal(told.began.venues, 1);
	assert_true(told.began.long_e8 == e8(200000) && told.began.short_e8 == 0);
	assert_int_equal(told.began.began_ms, t0 + 4000);
	liquidations_destroy(all);
}

/* Six, three each at 99 and 101, four longs and two shorts on two venues, one of them of
 * 505,000 and the value over a million: 0.25 + 0.20 · 0.6 + 0.20 · (1 - 10 · 1/100)
 * + 0.15 · 2/6 + 0.15 · 1/6 + 0.05. */
static void risk_of_two_venues_with_a_spread(void **state)
{
	(void)state;
	static const struct {
		enum venue venue;
		const char *symbol, *price, *qty;
		uint8_t position;
	} events[] = {
		{ VENUE_BYBIT, "SOLUSDT", "99", "1200", SIDE_BUY },
		{ VENUE_BINANCE, "SOLUSDT", "101", "1200", SIDE_SELL },
		{ VENUE_BYBIT, "SOLUSDC", "99", "1200", SIDE_SELL },
		{ VENUE_BINANCE, "SOLUSDT", "101", "5000", SIDE_BUY },
		{ VENUE_BYBIT, "SOLUSDT", "99", "1300", SIDE_BUY },
		{ VENUE_BYBIT, "SOLUSDT", "101", "1400", SIDE_BUY },
	};
	struct told told;
	struct liquidations *all = new_liquidations(&told);
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		assert_true(take(all, events[i].venue, events[i].symbol, events[i].price,
				 events[i].qty, events[i].position, t0 + (int64_t)i * 1000));
	struct cascade now = cascade_now(all, "SOL");
	assert_near(now.risk, 0.25 + 0.12 + 0.18 + 0.05 + 0.025 + 0.05);
	assert_int_equal(now.n, 6);
	assert_int_equal(now.n_long, 4);
	assert_int_equal(now.n_short, 2);
	assert_int_equal(now.venues, 2);
	assert_true(now.long_e8 + now.short_e8 > e8(1000000));
	liquidations_destroy(all);
}

/* Large is 500,000 and more, by count: one of five, 0.15 / 5 over the small cascade's risk,
 * and the value is 0.25 · 0.66 instead of 0.25 · 0.2. */
static void share_of_large_ones_is_by_count(void **state)
{
	(void)state;
	static const struct {
		const char *qty;
		double share;
	} cases[] = { { "5000", 0.2 }, { "4999.9999", 0 } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct told told;
		struct liquidations *all = new_liquidations(&told);
		for (int64_t n = 0; n < 4; n++)
			take_btc(all, "400", t0 + n);
		take_btc(all, cases[i].qty, t0 + 4);
		double value = i == 0 ? 0.66 : 0.65999999;
		assert_near(told.began.risk,
			    0.25 * value + 0.10 + 0.20 + 0.15 + 0.15 * cases[i].share);
		liquidations_destroy(all);
	}
}

/* Everything at its most: 1, which is above every band. */
static void risk_is_one_at_most(void **state)
{
	(void)state;
	struct told told;
	struct liquidations *all = new_liquidations(&told);
	for (int64_t i = 0; i < 12; i++)
		take(all, i % 2 ? VENUE_BYBIT : VENUE_BINANCE, "BTCUSDT", "50000", "20", SIDE_BUY,
		     t0 + i);
	struct cascade now = cascade_now(all, "BTC");
	assert_near(now.risk, 1);
	assert_int_equal(now.band, RISK_EXTREME);
	liquidations_destroy(all);
}

/* Bands are above their bounds, not at them. */
static void bands_are_configuration(void **state)
{
	(void)state;
	static const struct {
		double band[3];
		enum cascade_risk expected;
	} cases[] = {
		{ { 0.5, 0.8, 0.9 }, RISK_LOW },
		{ { 0.49, 0.8, 0.9 }, RISK_MODERATE },
		{ { 0.3, 0.49, 0.9 }, RISK_HIGH },
		{ { 0.1, 0.2, 0.49 }, RISK_EXTREME },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct told told;
		struct liquidations *all = new_liquidations(&told);
		struct liquidations_config config = liquidations_config_default();
		memcpy(config.band, cases[i].band, sizeof config.band);
		liquidations_set_config(all, &config);
		for (int64_t n = 0; n < 5; n++)
			take_btc(all, "400", t0 + n);
		assert_true(told.began.risk == 0.5);
		assert_int_equal(told.began.band, cases[i].expected);
		liquidations_destroy(all);
	}
}

static void count_and_value_both_have_to_be_reached(void **state)
{
	(void)state;
	struct told told;
	struct liquidations *all = new_liquidations(&told);
	for (int64_t i = 0; i < 4; i++)
		take_btc(all, "10000", t0 + i); /* four of a million each */
	assert_int_equal(told.n_began, 0);
	for (int64_t i = 0; i < 20; i++)
		take(all, VENUE_BYBIT, "ETHUSDT", "10", "100", SIDE_BUY, t0 + i); /* 20,000 */
	assert_int_equal(told.n_began, 0);
	take(all, VENUE_BYBIT, "ETHUSDT", "10", "7999", SIDE_BUY, t0 + 50); /* 99,990 */
	assert_int_equal(told.n_began, 0);
	take(all, VENUE_BYBIT, "ETHUSDT", "10", "1", SIDE_BUY, t0 + 51); /* 100,000 */
	assert_int_equal(told.n_began, 1);
	assert_int_equal(told.began.n, 22);
	take_btc(all, "0.01", t0 + 60);
	assert_int_equal(told.n_began, 2);
	assert_string_equal(told.began.asset, "BTC");
	liquidations_destroy(all);
}

static void the_window_has_both_ends_in(void **state)
{
	(void)state;
	for (int64_t over = 0; over <= 1; over++) {
		struct told told;
		struct liquidations *all = new_liquidations(&told);
		for (int64_t i = 0; i < 4; i++)
			take_btc(all, "1000", t0 + i * 15000);
		take_btc(all, "1000", t0 + 60000 + over);
		/* the first has just left, and the four others are too few */
		assert_int_equal(told.n_began, over ? 0 : 1);
		liquidations_destroy(all);
	}
}

static void an_end_is_where_the_events_put_it_whoever_looks(void **state)
{
	(void)state;
	for (int steps = 0; steps < 3; steps++) {
		struct told told;
		struct liquidations *all = new_liquidations(&told);
		for (int64_t i = 0; i < 7; i++)
			take_btc(all, "1000", t0 + i * 1000);
		/* six reach to t0 + 61 s, five to t0 + 62 s */
		assert_int_equal(told.n_began, 1);
		for (int64_t ms = 0; steps == 1 && ms < 100000; ms += 7)
			liquidations_step(all, t0 + ms);
		if (steps == 2)
			liquidations_step(all, t0 + 500000);
		else if (steps == 0)
			take_btc(all, "1", t0 + 62001);
		assert_int_equal(told.n_ended, 1);
		assert_int_equal(told.ended.n, 7);
		assert_int_equal(told.ended.last_ms, t0 + 6000);
		assert_false(told.ended.active);
		/* the pause begins at t0 + 62 s, too, in every case */
		for (int64_t i = 0; i < 9; i++)
			take_btc(all, "1000", t0 + 182000 - 9 + i);
		assert_int_equal(told.n_began, 1);
		take_btc(all, "1000", t0 + 182000);
		assert_int_equal(told.n_began, 2);
		assert_int_equal(told.began.began_ms, t0 + 182000);
		assert_int_equal(told.began.n, 10);
		liquidations_destroy(all);
	}
}

static void a_cascade_goes_on_while_it_is_fed(void **state)
{
	(void)state;
	struct told told;
	struct liquidations *all = new_liquidations(&told);
	for (int64_t i = 0; i < 100; i++) {
		take(all, i % 2 ? VENUE_BYBIT : VENUE_BINANCE, "BTCUSDT", "100", "300",
		     i < 90 ? SIDE_BUY : SIDE_SELL, t0 + i * 10000);
		liquidations_step(all, t0 + i * 10000 + 4000);
	}
	assert_int_equal(told.n_began, 1);
	assert_int_equal(told.n_ended, 0);
	struct cascade now = cascade_now(all, "BTC");
	assert_int_equal(now.n, 100); /* all of it, not what the window holds */
	assert_int_equal(now.n_short, 10);
	assert_true(now.long_e8 == e8(90 * 30000));
	assert_int_equal(now.last_ms, t0 + 990000);
	/* seven in each window; at its most one-sided it was worst */
	assert_near(now.risk, 0.25 * 0.21 + 0.14 + 0.20 + 0.15 + 0.05);
	liquidations_step(all, t0 + 990000 + 100000);
	assert_int_equal(told.n_ended, 1);
	assert_int_equal(told.ended.n, 100);
	assert_near(told.ended.risk, now.risk);
	liquidations_destroy(all);
}

/* The clock runs ahead of the venue's; the event that feeds it is on its way. */
static void the_clock_gives_late_events_five_seconds(void **state)
{
	(void)state;
	struct told told;
	struct liquidations *all = new_liquidations(&told);
	for (int64_t i = 0; i < 5; i++)
		take_btc(all, "1000", t0);
	assert_int_equal(told.n_liquidations, 1); /* one said five times is one */
	for (int64_t i = 1; i < 5; i++)
		take_btc(all, "1000", t0 + i);
	assert_int_equal(told.n_began, 1);
	liquidations_step(all, t0 + 65000);
	assert_int_equal(told.n_ended, 0);
	take_btc(all, "1000", t0 + 60000); /* feeds it on for a millisecond */
	liquidations_step(all, t0 + 65001);
	assert_int_equal(told.n_ended, 0);
	liquidations_step(all, t0 + 65002);
	assert_int_equal(told.n_ended, 1);
	liquidations_destroy(all);
}

static void events_out_of_order_count_within_the_window(void **state)
{
	(void)state;
	struct told told;
	struct liquidations *all = new_liquidations(&told);
	take_btc(all, "1000", t0 + 100000);
	take_btc(all, "1000", t0 + 50000);
	take_btc(all, "1000", t0 + 40000);
	take_btc(all, "1000", t0 + 90000);
	take_btc(all, "1000", t0 + 39999); /* outside: only the sums get it */
	take_btc(all, "1000", t0 + 1000);
	assert_int_equal(told.n_began, 0);
	assert_int_equal(sums_of(all, "BTC", 1440, t0 + 100000).n_long, 6);
	take_btc(all, "1000", t0 + 70000);
	assert_int_equal(told.n_began, 1);
	assert_int_equal(told.began.n, 5);
	assert_int_equal(told.began.began_ms, t0 + 100000);
	/* the oldest inside leaves after t0 + 100 s: one more until then stands in for it */
	take_btc(all, "1001", t0 + 100000);
	take_btc(all, "1000", t0 + 100001);
	assert_int_equal(told.n_ended, 0);
	take_btc(all, "1000", t0 + 110002); /* t0 + 50 s has left, and five remained till now */
	assert_int_equal(told.n_ended, 0);
	take_btc(all, "1000", t0 + 160001); /* after t0 + 150 s there were four */
	assert_int_equal(told.n_ended, 1);
	liquidations_destroy(all);
}

static void more_events_than_there_is_room_for_lose_no_sum(void **state)
{
	(void)state;
	struct told told;
	struct liquidations *all = new_liquidations(&told);
	for (int64_t i = 0; i < 4 * CASCADE_EVENTS_MAX; i++)
		take(all, VENUE_BYBIT, "BTCUSDT", i % 2 ? "99" : "101", "100",
		     i % 4 ? SIDE_BUY : SIDE_SELL, t0 + i);
	struct cascade now = cascade_now(all, "BTC");
	assert_int_equal(now.n, 4 * CASCADE_EVENTS_MAX);
	assert_int_equal(now.n_short, CASCADE_EVENTS_MAX);
	assert_true(now.long_e8 + now.short_e8 == e8(4 * CASCADE_EVENTS_MAX * 10000));
	assert_int_equal(told.n_began, 1);
	/* the room fills up in order: the rest counts into the newest, and leaves with it */
	take_btc(all, "1", t0 + 60000 + CASCADE_EVENTS_MAX - 1);
	assert_int_equal(told.n_ended, 0);
	take_btc(all, "1", t0 + 60000 + 4 * CASCADE_EVENTS_MAX);
	assert_int_equal(told.n_ended, 1);
	liquidations_destroy(all);
}

/* The same statistics whether or not there was room for each. */
static void risk_beyond_the_room_is_that_of_all_events(void **state)
{
	(void)state;
	enum { N = 2000 };
	struct told told;
	struct liquidations *all = new_liquidations(&told);
	struct liquidations_config config = liquidations_config_default();
	struct rng rng;
	double sum = 0, squares = 0, longs = 0;
	config.count = N; /* so that the risk is looked at once, at the end */
	config.quote_min = 0;
	liquidations_set_config(all, &config);
	rng_init(&rng, 8);
	for (int64_t i = 0; i < N; i++) {
		char price[32];
		uint64_t cents = 9000 + rng_below(&rng, 2000);
		uint8_t position = (uint8_t)rng_below(&rng, 2);
		snprintf(price, sizeof price, "%d.%02d", (int)(cents / 100), (int)(cents % 100));
		take(all, VENUE_BYBIT, "BTCUSDT", price, "1", position, t0 + i);
		sum += (double)cents / 100;
		squares += (double)cents / 100 * (double)cents / 100;
		longs += position == SIDE_BUY;
	}
	double mean = sum / N, sd = sqrt(squares / N - mean * mean);
	double expected = 0.25 * sum / 1e6 + 0.20 + 0.20 * fmax(0, 1 - 10 * sd / mean) +
			  0.15 * fabs(2 * longs - N) / N;
	assert_int_equal(told.n_began, 1);
	assert_true(fabs(told.began.risk - expected) < 1e-9);
	liquidations_destroy(all);
}

static void finished_ones_are_listed_newest_first_after_those_that_go_on(void **state)
{
	(void)state;
	struct told told;
	struct liquidations *all = new_liquidations(&told);
	struct cascade list[LIQUIDATIONS_ASSETS];
	char symbol[SYMBOL_MAX + 1];
	for (int64_t i = 0; i < CASCADES_KEPT + 4; i++) {
		snprintf(symbol, sizeof symbol, "A%02dUSDT", (int)i);
		for (int64_t k = 0; k < 5; k++)
			take(all, VENUE_BYBIT, symbol, "100", "1000", SIDE_BUY,
			     t0 + i * 10 * MIN + k);
		liquidations_step(all, t0 + i * 10 * MIN + 2000);
	}
	assert_int_equal(told.n_began, CASCADES_KEPT + 4);
	assert_int_equal(told.n_ended, CASCADES_KEPT + 3);
	size_t n = liquidations_cascades(all, list, ARRAY_LEN(list));
	assert_int_equal(n, CASCADES_KEPT + 1);
	assert_true(list[0].active);
	for (size_t i = 0; i < n; i++) {
		snprintf(symbol, sizeof symbol, "A%02d", (int)(CASCADES_KEPT + 3 - i));
		assert_string_equal(list[i].asset, symbol);
		assert_true(list[i].active == (i == 0));
	}
	assert_int_equal(liquidations_cascades(all, list, 3), 3);
	struct cascade cascade;
	assert_false(liquidations_cascade(all, STR("A00"), &cascade));
	assert_false(liquidations_cascade(all, STR("NONE"), &cascade));
	liquidations_destroy(all);
}

/* ---- against the long way ---- */

enum { MODEL_EVENTS = 4000, MODEL_ASSETS = 3, MODEL_CASCADES = 400 };

struct model_event {
	int64_t t_ms;
	i128 quote_e8;
	double price;
	uint8_t asset, venue, position;
	bool counted;
};

/* Everything is kept, in the order of arrival, and every answer is a walk over it. */
struct model {
	size_t n;
	struct model_event events[MODEL_EVENTS];
	bool active[MODEL_ASSETS], ended[MODEL_ASSETS];
	int64_t ended_ms[MODEL_ASSETS];
	size_t n_began, n_ended;
};

static int64_t model_newest(const struct model *model, int asset)
{
	int64_t newest = 0;
	for (size_t i = 0; i < model->n; i++)
		if ((asset < 0 || model->events[i].asset == asset) &&
		    model->events[i].t_ms > newest)
			newest = model->events[i].t_ms;
	return newest;
}

struct model_window {
	size_t n, n_long, n_large, venues;
	i128 quote_e8;
	double mean, sd;
};

/* Of those that counted when they came. */
static struct model_window model_window(const struct model *model, int asset, int64_t from,
					int64_t to)
{
	struct model_window out = { 0 };
	double squares = 0;
	size_t by_venue[VENUE_COUNT] = { 0 };
	for (size_t i = 0; i < model->n; i++) {
		const struct model_event *event = &model->events[i];
		if (event->asset != asset || !event->counted || event->t_ms < from ||
		    event->t_ms > to)
			continue;
		out.n++;
		out.n_long += event->position == SIDE_BUY;
		out.n_large += event->quote_e8 >= e8(500000);
		out.quote_e8 += event->quote_e8;
		out.mean += event->price;
		by_venue[event->venue]++;
	}
	out.mean /= (double)out.n;
	for (size_t i = 0; i < model->n; i++) {
		const struct model_event *event = &model->events[i];
		if (event->asset == asset && event->counted && event->t_ms >= from &&
		    event->t_ms <= to)
			squares += (event->price - out.mean) * (event->price - out.mean);
	}
	out.sd = sqrt(squares / (double)out.n);
	for (size_t i = 0; i < VENUE_COUNT; i++)
		out.venues += by_venue[i] > 0;
	return out;
}

static bool model_reached(const struct model *model, int asset, int64_t from, int64_t to)
{
	struct model_window window = model_window(model, asset, from, to);
	return window.n >= 5 && window.quote_e8 >= e8(100000);
}

static double model_risk(const struct model_window *w)
{
	double n = (double)w->n, longs = (double)w->n_long;
	return 0.25 * fmin((double)w->quote_e8 / 1e14, 1) + 0.20 * fmin(n / 10, 1) +
	       0.20 * fmax(0, 1 - 10 * w->sd / w->mean) + 0.15 * fabs(2 * longs - n) / n +
	       0.15 * (double)w->n_large / n + 0.05 * ((double)w->venues - 1);
}

/* Has the one going on ended before `now`? The first millisecond after which it has. */
static void model_expire(struct model *model, int asset, int64_t now)
{
	int64_t newest = model_newest(model, asset);
	if (!model->active[asset])
		return;
	int64_t end = INT64_MAX;
	for (size_t i = 0; i < model->n; i++) {
		const struct model_event *event = &model->events[i];
		int64_t leaves = event->t_ms + MIN;
		if (event->asset == asset && event->counted && leaves >= newest && leaves < end &&
		    !model_reached(model, asset, event->t_ms + 1, INT64_MAX))
			end = leaves;
	}
	if (now <= end)
		return;
	model->active[asset] = false;
	model->ended[asset] = true;
	model->ended_ms[asset] = end;
	model->n_ended++;
}

static void model_take(struct model *model, struct model_event event)
{
	int64_t newest = model_newest(model, event.asset);
	model_expire(model, event.asset, event.t_ms);
	event.counted = event.t_ms >= newest - MIN;
	model->events[model->n++] = event;
	newest = event.t_ms > newest ? event.t_ms : newest;
	bool may = !model->active[event.asset] && event.counted &&
		   (!model->ended[event.asset] || newest >= model->ended_ms[event.asset] + 2 * MIN);
	if (may && model_reached(model, event.asset, newest - MIN, newest)) {
		model->active[event.asset] = true;
		model->n_began++;
	}
}

static struct model_event model_make(struct rng *rng, int64_t now)
{
	struct model_event event = {
		.asset = (uint8_t)rng_below(rng, MODEL_ASSETS),
		.venue = (uint8_t)rng_below(rng, 2),
		.position = (uint8_t)(rng_below(rng, 5) == 0),
	};
	uint64_t late = rng_below(rng, 20);
	event.t_ms = now - (int64_t)rng_below(rng, late == 0 ? 130000 : late < 6 ? 10000 : 1);
	return event;
}

static const char *const model_symbols[MODEL_ASSETS] = { "AUSDT", "BUSDT", "CUSDT" };

static void assert_sums_as_walked(const struct liquidations *all, const struct model *model,
				  int asset, int32_t minutes, int64_t now)
{
	struct liquidation_sums sums, walked = { 0 };
	liquidations_sum(all, asset < 0 ? STR("") : str_make(model_symbols[asset], 1), minutes, now,
			 &sums);
	for (size_t i = 0; i < model->n; i++) {
		const struct model_event *event = &model->events[i];
		int64_t age = now / MIN - event->t_ms / MIN;
		if ((asset >= 0 && event->asset != asset) || age < 0 || age >= minutes)
			continue;
		*(event->position ? &walked.short_e8 : &walked.long_e8) += event->quote_e8;
		*(event->position ? &walked.n_short : &walked.n_long) += 1;
		walked.at_least |= event->venue == VENUE_BINANCE;
	}
	assert_true(sums.long_e8 == walked.long_e8 && sums.short_e8 == walked.short_e8);
	assert_int_equal(sums.n_long, walked.n_long);
	assert_int_equal(sums.n_short, walked.n_short);
	assert_int_equal(sums.at_least, walked.at_least);
}

static void assert_as_modelled(const struct liquidations *all, const struct model *model,
			       const struct told *told, double *worst)
{
	const struct model_event *event = &model->events[model->n - 1];
	struct cascade now;
	struct str asset = str_make(model_symbols[event->asset], 1);
	bool active = liquidations_cascade(all, asset, &now);
	assert_int_equal(active, model->active[event->asset]);
	assert_int_equal(told->n_began, model->n_began);
	assert_int_equal(told->n_ended, model->n_ended);
	if (!active) {
		worst[event->asset] = 0;
		return;
	}
	int64_t newest = model_newest(model, event->asset);
	struct model_window window = model_window(model, event->asset, newest - MIN, newest);
	double risk = model_risk(&window);
	if (event->counted && risk > worst[event->asset])
		worst[event->asset] = risk;
	assert_true(fabs(now.risk - worst[event->asset]) < 1e-9);
}

/* Quiet times and bursts, late events, three assets on two venues. */
static void any_order_of_events_equals_the_long_way(void **state)
{
	(void)state;
	static struct model model;
	size_t began = 0;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct told told;
		struct rng rng;
		struct liquidations *all = new_liquidations(&told);
		double worst[MODEL_ASSETS] = { 0 };
		int64_t now = t0;
		memset(&model, 0, sizeof model);
		rng_init(&rng, seed);
		uint64_t before = allocations_count;
		for (int i = 0; i < 1200; i++) {
			bool burst = i / 60 % 3 == 0;
			now += (int64_t)rng_below(&rng, burst ? 4000 : 30000);
			struct model_event event = model_make(&rng, now);
			struct market_id id = id_of(event.venue, model_symbols[event.asset]);
			int64_t price = 95000 + (int64_t)rng_below(&rng, 10000);
			int64_t qty = 1 + (int64_t)rng_below(&rng, rng_below(&rng, 9) ? 900 : 9000);
			struct event_liquidation liquidation = { { price, 3 },
								 { qty, 0 },
								 event.position };
			event.price = (double)price / 1000;
			event.quote_e8 = (i128)price * qty * 100000;
			liquidations_begin_frame(all);
			assert_true(liquidations_take(all, &id, &liquidation, event.t_ms));
			model_take(&model, event);
			assert_as_modelled(all, &model, &told, worst);
			if (i % 50 == 0)
				for (int asset = -1; asset < MODEL_ASSETS; asset++)
					assert_sums_as_walked(all, &model, asset,
							      1 + (int32_t)rng_below(&rng, 1440),
							      now);
		}
		assert_int_equal(allocations_count, before);
		began += told.n_began;
		liquidations_destroy(all);
	}
	assert_true(began > 30); /* the shape of the run means something */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_by_side_asset_and_minute),
		cmocka_unit_test(a_sampled_venue_makes_sums_at_least),
		cmocka_unit_test(quote_is_exact_to_eight_places),
		cmocka_unit_test(the_last_come_newest_first_in_whatever_order),
		cmocka_unit_test(sizes_have_names),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(older_than_a_day_is_refused_and_a_day_is_kept),
		cmocka_unit_test(one_absurd_time_wipes_nothing),
		cmocka_unit_test(assets_beyond_the_room_are_counted),
		cmocka_unit_test(what_a_second_connection_says_again_counts_once),
		cmocka_unit_test(what_one_frame_says_twice_is_two),
		cmocka_unit_test(more_than_are_told_apart_never_count_twice),
		cmocka_unit_test(restored_ones_count_without_a_word),
		cmocka_unit_test(risk_of_a_small_one_sided_cascade),
		cmocka_unit_test(risk_of_two_venues_with_a_spread),
		cmocka_unit_test(share_of_large_ones_is_by_count),
		cmocka_unit_test(risk_is_one_at_most),
		cmocka_unit_test(bands_are_configuration),
		cmocka_unit_test(count_and_value_both_have_to_be_reached),
		cmocka_unit_test(the_window_has_both_ends_in),
		cmocka_unit_test(an_end_is_where_the_events_put_it_whoever_looks),
		cmocka_unit_test(a_cascade_goes_on_while_it_is_fed),
		cmocka_unit_test(the_clock_gives_late_events_five_seconds),
		cmocka_unit_test(events_out_of_order_count_within_the_window),
		cmocka_unit_test(more_events_than_there_is_room_for_lose_no_sum),
		cmocka_unit_test(risk_beyond_the_room_is_that_of_all_events),
		cmocka_unit_test(finished_ones_are_listed_newest_first_after_those_that_go_on),
		cmocka_unit_test(any_order_of_events_equals_the_long_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
