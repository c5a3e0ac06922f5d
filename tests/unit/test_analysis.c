/* Every definition of market.md 3 by values worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "market/analysis.h"

static const int64_t start_ms = 1723161600000; /* midnight UTC: bars of any length begin here */
static struct market *market;
static int64_t next_id;

static int make(void **state)
{
	(void)state;
	struct market_id id;
	struct market_config config = { .whale_quote = 500000 };
	assert_int_equal(market_id_make(VENUE_BINANCE, KIND_SPOT, STR("ETHUSDT"), &id), STATUS_OK);
	market = market_create(&id, &config);
	next_id = 1;
	return market ? 0 : -1;
}

static int drop(void **state)
{
	(void)state;
	market_destroy(market);
	return 0;
}

/* price and quantity in hundredths; a negative quantity is a sale */
static void trade(int64_t offset_ms, int64_t price, int64_t qty)
{
	struct trade out;
	struct event_trade event = { .ordered_id = next_id++,
				     .price = { price, 2 },
				     .qty = { qty < 0 ? -qty : qty, 2 },
				     .side = qty < 0 ? SIDE_SELL : SIDE_BUY };
	assert_int_equal(market_take_trade(market, &event, start_ms + offset_ms, &out), MARKET_NEW);
}

static int64_t minute(int64_t n) { return n * MINUTE_MS; }

static void assert_near(double a, double b)
{
	if (!(fabs(a - b) <= 1e-9 * (1 + fabs(b))))
		print_error("%.12g is not %.12g\n", a, b);
	assert_true(fabs(a - b) <= 1e-9 * (1 + fabs(b)));
}

static struct flow flow(int64_t buy, int64_t sell)
{
	return (struct flow){ .buy = buy, .sell = sell };
}

/* ---- flow ---- */

static void ratios_are_undefined_without_volume(void **state)
{
	(void)state;
	struct flow none = flow(0, 0), some = flow(30, 10);
	assert_true(isnan(flow_ratio(&none)));
	assert_true(isnan(flow_imbalance(&none)));
	assert_near(flow_ratio(&some), 0.75);
	assert_near(flow_imbalance(&some), 0.5);
}

static void pressure_has_open_bounds_at_60_and_40_percent(void **state)
{
	(void)state;
	static const struct {
		int64_t buy, sell;
		enum pressure want;
	} rows[] = {
		{ 0, 0, PRESSURE_NONE },     { 60, 40, PRESSURE_BALANCED },
		{ 601, 399, PRESSURE_BUY },  { 40, 60, PRESSURE_BALANCED },
		{ 399, 601, PRESSURE_SELL }, { 1, 0, PRESSURE_BUY },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct flow f = flow(rows[i].buy, rows[i].sell);
		assert_int_equal(flow_pressure(&f), rows[i].want);
	}
	assert_string_equal(pressure_text(PRESSURE_NONE), "n/a");
	assert_string_equal(pressure_text(PRESSURE_BALANCED), "BALANCED");
}

static void control_has_closed_bounds_at_65_and_35_percent(void **state)
{
	(void)state;
	static const struct {
		int64_t buy, sell;
		enum control want;
	} rows[] = {
		{ 0, 0, CONTROL_NONE },         { 65, 35, CONTROL_BUYERS },
		{ 649, 351, CONTROL_BALANCED }, { 35, 65, CONTROL_SELLERS },
		{ 351, 649, CONTROL_BALANCED },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct flow f = flow(rows[i].buy, rows[i].sell);
		assert_int_equal(flow_control(&f), rows[i].want);
	}
	assert_string_equal(control_text(CONTROL_SELLERS), "SELLERS");
}

static void momentum_compares_shares_of_15_minutes_and_a_day(void **state)
{
	(void)state;
	struct flow day = flow(60, 40); /* n24 = 0.2 */
	static const struct {
		int64_t buy, sell;
		enum momentum want;
	} rows[] = {
		{ 0, 0, MOMENTUM_NONE },
		{ 65, 35, MOMENTUM_STEADY }, /* 0.30: not above */
		{ 651, 349, MOMENTUM_ACCELERATING },
		{ 349, 651, MOMENTUM_ACCELERATING },
		{ 55, 45, MOMENTUM_STEADY }, /* 0.10: not below */
		{ 549, 451, MOMENTUM_DECELERATING },
		{ 5, 5, MOMENTUM_DECELERATING },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct flow f = flow(rows[i].buy, rows[i].sell);
		assert_int_equal(flow_momentum(&f, &day), rows[i].want);
	}
	struct flow even = flow(50, 50), none = flow(0, 0);
	assert_int_equal(flow_momentum(&even, &even), MOMENTUM_STEADY);
	assert_int_equal(flow_momentum(&day, &even), MOMENTUM_ACCELERATING);
	assert_int_equal(flow_momentum(&day, &none), MOMENTUM_NONE);
	assert_string_equal(momentum_text(MOMENTUM_DECELERATING), "DECELERATING");
}

static void activity_is_the_multiple_of_an_average_quarter_hour(void **state)
{
	(void)state;
	struct flow day = flow(9600, 0), none = flow(0, 0); /* 100 a quarter */
	double times;
	static const struct {
		int64_t volume;
		enum activity want;
	} rows[] = {
		{ 301, ACTIVITY_EXTREME }, { 300, ACTIVITY_HIGH },  { 201, ACTIVITY_HIGH },
		{ 200, ACTIVITY_ABOVE },   { 151, ACTIVITY_ABOVE }, { 150, ACTIVITY_NORMAL },
		{ 50, ACTIVITY_NORMAL },   { 49, ACTIVITY_LOW },    { 0, ACTIVITY_LOW },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct flow f = flow(0, rows[i].volume);
		assert_int_equal(flow_activity(&f, &day, &times), rows[i].want);
		assert_near(times, (double)rows[i].volume / 100);
	}
	assert_int_equal(flow_activity(&day, &none, &times), ACTIVITY_NONE);
	assert_true(isnan(times));
	assert_string_equal(activity_text(ACTIVITY_ABOVE), "ABOVE AVG");
}

/* ---- spike ---- */

static void spike_compares_the_open_bar_pro_rata(void **state)
{
	(void)state;
	struct spike spike;
	trade(minute(-1), 100, 100000); /* the first minute is cut: not a bar to compare with */
	for (int i = 0; i < 50; i++)
		trade(minute(i), 100, i % 2 ? 300 : 100); /* volumes 1 and 3 */
	trade(minute(50), 100, 250);
	trade(minute(50) + 30000, 100, 250); /* 5 in half a minute: 10 pro rata */
	market_spike(market, 1, &spike);
	assert_true(spike.open);
	assert_int_equal(spike.bars, 50);
	assert_near(spike.current, 5);
	assert_near(spike.baseline, 2);
	assert_near(spike.z, (10 - 2) / 1.0); /* sd of the population: 1 */
	assert_near(spike.percent_over, 400);
	assert_int_equal(spike.level, SPIKE_HIGH);
	assert_string_equal(spike_text(spike.level), "HIGH");
}

static void spike_levels_begin_at_their_bounds(void **state)
{
	(void)state;
	static const struct {
		int64_t volume;
		enum spike_level want;
	} rows[] = {
		{ 74, SPIKE_NONE },      { 75, SPIKE_LOW },       { 124, SPIKE_LOW },
		{ 125, SPIKE_MODERATE }, { 199, SPIKE_MODERATE }, { 200, SPIKE_HIGH },
		{ 299, SPIKE_HIGH },     { 300, SPIKE_EXTREME },
	};
	for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
		struct spike spike;
		market_destroy(market);
		make(NULL);
		for (int i = 0; i < 10; i++)
			trade(minute(i), 100, 100);
		trade(minute(10) + 30000, 100, rows[row].volume); /* twice as much pro rata */
		market_spike(market, 1, &spike);
		assert_int_equal(spike.level, rows[row].want);
		assert_int_equal(spike.bars, 9);
		assert_true(isnan(spike.z)); /* all equal: sd 0 */
	}
}

static void spike_is_undefined_when_nothing_can_be_said(void **state)
{
	(void)state;
	struct spike spike;
	market_spike(market, 1, &spike);
	assert_int_equal(spike.bars, 0);
	assert_true(isnan(spike.baseline) && isnan(spike.z) && isnan(spike.percent_over));
	for (int i = 0; i < 10; i++)
		trade(minute(i), 100, 100 + i);
	trade(minute(10) + 2999, 100, 100); /* a bar younger than a twentieth */
	market_spike(market, 1, &spike);
	assert_near(spike.current, 1);
	assert_true(isnan(spike.z) && isnan(spike.percent_over));
	assert_int_equal(spike.level, SPIKE_NONE);
}

/* ---- divergence ---- */

/* Bars of one minute: low and high, and what is bought (sold) in it. */
static void bars(const int64_t (*rows)[3], int n)
{
	trade(minute(-1), 5000, 1);
	for (int i = 0; i < n; i++) {
		trade(minute(i), rows[i][0], rows[i][2]);
		trade(minute(i) + 1, rows[i][1], rows[i][2]);
	}
	trade(minute(n), 5000, 1);
}

static void lower_low_of_price_alone_is_seller_exhaustion(void **state)
{
	(void)state;
	static const int64_t rows[][3] = {
		{ 90, 200, 5 }, { 80, 200, 5 }, { 70, 200, -50 }, { 80, 200, 20 }, { 90, 200, 20 },
		{ 80, 200, 5 }, { 75, 200, 5 }, { 60, 200, -40 }, { 75, 200, 20 }, { 80, 200, 20 },
	};
	bars(rows, 10);
	assert_int_equal(market_divergence(market, 1), DIVERGENCE_SELLER_EXHAUSTION);
	assert_string_equal(divergence_text(DIVERGENCE_SELLER_EXHAUSTION), "seller exhaustion");
}

static void lower_low_of_cvd_alone_is_buyer_absorption(void **state)
{
	(void)state;
	static const int64_t rows[][3] = {
		{ 90, 200, 5 }, { 80, 200, 5 }, { 70, 200, -50 }, { 80, 200, 20 }, { 90, 200, 20 },
		{ 85, 200, 5 }, { 82, 200, 5 }, { 75, 200, -90 }, { 82, 200, 20 }, { 85, 200, 20 },
	};
	bars(rows, 10);
	assert_int_equal(market_divergence(market, 1), DIVERGENCE_BUYER_ABSORPTION);
}

static void higher_high_of_price_alone_is_buyer_exhaustion(void **state)
{
	(void)state;
	static const int64_t rows[][3] = {
		{ 10, 50, -5 }, { 10, 60, -5 }, { 10, 70, 50 }, { 10, 60, -20 }, { 10, 50, -20 },
		{ 10, 60, -5 }, { 10, 65, -5 }, { 10, 80, 40 }, { 10, 65, -20 }, { 10, 60, -20 },
	};
	bars(rows, 10);
	assert_int_equal(market_divergence(market, 1), DIVERGENCE_BUYER_EXHAUSTION);
}

static void higher_high_of_cvd_alone_is_seller_absorption(void **state)
{
	(void)state;
	static const int64_t rows[][3] = {
		{ 10, 50, -5 }, { 10, 60, -5 }, { 10, 70, 50 }, { 10, 60, -20 }, { 10, 50, -20 },
		{ 10, 55, -5 }, { 10, 58, -5 }, { 10, 65, 90 }, { 10, 58, -20 }, { 10, 55, -20 },
	};
	bars(rows, 10);
	assert_int_equal(market_divergence(market, 1), DIVERGENCE_SELLER_ABSORPTION);
}

static void agreeing_swings_are_no_divergence(void **state)
{
	(void)state;
	static const int64_t rows[][3] = {
		{ 90, 200, 5 }, { 80, 200, 5 }, { 70, 200, -50 },  { 80, 200, 20 }, { 90, 200, 20 },
		{ 80, 200, 5 }, { 75, 200, 5 }, { 60, 200, -150 }, { 75, 200, 20 }, { 80, 200, 20 },
	};
	assert_int_equal(market_divergence(market, 1), DIVERGENCE_NONE);
	bars(rows, 10);
	assert_int_equal(market_divergence(market, 1), DIVERGENCE_NONE);
}

static void trend_is_cvd_against_volume(void **state)
{
	(void)state;
	assert_int_equal(market_cvd_trend(market, 1), TREND_NONE);
	trade(0, 100, -9000); /* older than the twelve bars */
	trade(minute(1), 100, 1050);
	trade(minute(2), 100, -950);
	trade(minute(12), 100, 1); /* (1051 - 950) / 2001 > 5 % */
	assert_int_equal(market_cvd_trend(market, 1), TREND_UP);
	trade(minute(12), 100, -2);
	assert_int_equal(market_cvd_trend(market, 1), TREND_FLAT);
	trade(minute(12), 100, -300);
	assert_int_equal(market_cvd_trend(market, 1), TREND_DOWN);
	assert_string_equal(trend_text(TREND_FLAT), "FLAT");
}

/* ---- ranges and returns ---- */

static void atr_is_wilders(void **state)
{
	(void)state;
	/* bars of 1 minute around 100.00 with a range of 2.00, then one of 16.00 */
	for (int i = 0; i < 15; i++) {
		trade(minute(i), 9900, 1);
		trade(minute(i) + 1, 10100, 1);
		trade(minute(i) + 2, 10000, 1);
		assert_true(isnan(market_atr(market, 1))); /* 14 closed bars at most */
	}
	trade(minute(15), 10000, 1);
	assert_near(market_atr(market, 1), 2);
	trade(minute(15) + 1, 11600, 1);
	trade(minute(16), 11600, 1);
	assert_near(market_atr(market, 1), 2 + (16 - 2) / 14.0);
	/* a gap: the range reaches to the close before */
	trade(minute(17), 10000, 1);
	assert_near(market_atr(market, 1), (3 * 13 + 0) / 14.0);
}

static void vwap_weighs_by_quantity(void **state)
{
	(void)state;
	struct window window;
	market_window(market, 5, &window);
	assert_true(isnan(window_vwap(market, &window)));
	trade(0, 10000, 100);
	trade(1, 20000, -300);
	market_window(market, 5, &window);
	assert_near(window_vwap(market, &window), (100 * 1 + 200 * 3) / 4.0);
}

static void volatility_is_that_of_minute_closes(void **state)
{
	(void)state;
	trade(0, 10000, 1);
	trade(minute(1), 11000, 1);
	assert_true(isnan(market_volatility(market, 60))); /* one return */
	trade(minute(2), 11000, 1);
	double up = log(1.1);
	assert_near(market_volatility(market, 60), up / 2 * sqrt(1440)); /* returns up and 0 */
	trade(minute(5), 11000, 1); /* two quiet minutes between: returns of 0 */
	double mean = up / 5;
	assert_near(market_volatility(market, 60),
		    sqrt(((up - mean) * (up - mean) + 4 * mean * mean) / 5) * sqrt(1440));
	assert_near(market_volatility(market, 3), 0); /* the first return is older */
	next_id++; /* a gap: nothing is known of the minutes between */
	trade(minute(8), 22000, 1);
	trade(minute(9), 22000, 1);
	assert_true(isnan(market_volatility(market, 3))); /* one return is left */
}

static void momentum_windows_say_return_and_agreement(void **state)
{
	(void)state;
	struct momentum_window out[MOMENTUM_WINDOWS];
	for (int i = 0; i < 40; i++)
		trade(minute(i), 10000 + 10 * i, i % 4 ? 100 : -100);
	market_momentum(market, out);
	static const int32_t lengths[] = { 1, 5, 15, 30, 60 };
	for (int i = 0; i < MOMENTUM_WINDOWS; i++)
		assert_int_equal(out[i].minutes, lengths[i]);
	assert_near(out[0].change, 0);
	assert_false(out[0].agree); /* no return */
	assert_near(out[1].change, 40.0 / 10350);
	assert_near(out[1].delta_share, 0.6); /* minutes 35..39: 36 was sold */
	assert_true(out[1].agree);
	assert_true(isnan(out[1].per_atr)); /* 8 bars of 5 minutes are not 15 */
	assert_near(out[3].change, 290.0 / 10100);
	assert_true(isnan(out[4].change)); /* 60 minutes ago is not known */
	assert_true(isnan(out[4].delta_share));
	assert_false(out[4].agree);
	trade(minute(40), 10400, 100);
	trade(minute(40) + 1, 10420, 100);
	market_momentum(market, out);
	assert_near(out[0].per_atr, 0.2 / 0.1); /* one-minute true ranges are 0.10 */
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ratios_are_undefined_without_volume),
		TEST(pressure_has_open_bounds_at_60_and_40_percent),
		TEST(control_has_closed_bounds_at_65_and_35_percent),
		TEST(momentum_compares_shares_of_15_minutes_and_a_day),
		TEST(activity_is_the_multiple_of_an_average_quarter_hour),
		TEST(spike_compares_the_open_bar_pro_rata),
		TEST(spike_levels_begin_at_their_bounds),
		TEST(spike_is_undefined_when_nothing_can_be_said),
		TEST(lower_low_of_price_alone_is_seller_exhaustion),
		TEST(lower_low_of_cvd_alone_is_buyer_absorption),
		TEST(higher_high_of_price_alone_is_buyer_exhaustion),
		TEST(higher_high_of_cvd_alone_is_seller_absorption),
		TEST(agreeing_swings_are_no_divergence),
		TEST(trend_is_cvd_against_volume),
		TEST(atr_is_wilders),
		TEST(vwap_weighs_by_quantity),
		TEST(volatility_is_that_of_minute_closes),
		TEST(momentum_windows_say_return_and_agreement),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
