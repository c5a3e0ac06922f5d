#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "allocations.h"
#include "base/rng.h"
#include "market/market.h"

/* Begin of a minute, of an hour and of a day. */
static const int64_t t0 = INT64_C(1723161600000);
enum { MIN = 60000 };

static struct decimal dec(const char *text)
{
	struct decimal out;
	assert_int_equal(decimal_parse(str_of(text), &out), STATUS_OK);
	return out;
}

static void assert_decimal(struct decimal value, const char *text)
{
	char room[64];
	struct buf buf = buf_over(room, sizeof room);
	decimal_print_trim(&buf, value.mantissa, value.scale);
	assert_int_equal(buf.len, strlen(text));
	assert_memory_equal(room, text, buf.len);
}

static struct rates *new_rates(void)
{
	struct rates *rates = rates_create();
	assert_non_null(rates);
	return rates;
}

static void what_was_never_said_is_not_there(void **state)
{
	(void)state;
	struct rates *rates = new_rates();
	struct oi_sample oi;
	struct funding_state funding;
	struct mark_state mark;
	struct ticker_state ticker;
	assert_false(rates_oi(rates, &oi));
	assert_false(rates_oi_at(rates, t0, &oi));
	assert_false(rates_oi_sample(rates, 0, &oi));
	assert_int_equal(rates_oi_count(rates), 0);
	assert_false(rates_funding(rates, &funding));
	assert_false(rates_mark(rates, &mark));
	assert_false(rates_ticker(rates, &ticker));
	assert_int_equal(rates_instrument(rates)->status, INSTRUMENT_UNKNOWN);
	assert_int_equal(rates_instrument(rates)->checked_ms, 0);
	rates_destroy(rates);
	rates_destroy(NULL);
}

/* ---- open interest ---- */

static void open_interest_of_both_sides_is_halved_exactly(void **state)
{
	(void)state;
	static const struct {
		const char *both, *one; /* NULL: no 18 places hold it */
	} cases[] = {
		{ "59972.256", "29986.128" },
		{ "59972.257", "29986.1285" },
		{ "7", "3.5" },
		{ "0", "0" },
		{ "0.000000000000000002", "0.000000000000000001" },
		{ "0.000000000000000001", NULL },
		{ "1844674407370955161", "922337203685477580.5" },
		{ "1844674407370955163", NULL }, /* × 5 leaves 63 bits */
		{ "9223372036854775806", "4611686018427387903" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rates *rates = new_rates();
		struct oi_sample oi;
		rates_take_oi(rates, dec(cases[i].both), true, t0);
		assert_true(rates_oi(rates, &oi) == (cases[i].one != NULL));
		if (cases[i].one)
			assert_decimal(oi.qty, cases[i].one);
		rates_put_oi(rates, dec(cases[i].both), true, t0 - 5 * MIN);
		assert_int_equal(rates_oi_count(rates), cases[i].one ? 2 : 0);
		rates_destroy(rates);
	}
}

static void a_minute_has_one_sample_and_the_newest_stays(void **state)
{
	(void)state;
	struct rates *rates = new_rates();
	struct oi_sample oi;
	rates_take_oi(rates, dec("10"), false, t0 + 1000);
	rates_take_oi(rates, dec("11"), false, t0 + 59999);
	rates_take_oi(rates, dec("9"), false, t0 + 500); /* older: late from the other connection */
	assert_int_equal(rates_oi_count(rates), 1);
	assert_true(rates_oi(rates, &oi));
	assert_decimal(oi.qty, "11");
	assert_int_equal(oi.t_ms, t0 + 59999);
	rates_take_oi(rates, dec("12"), false, t0 + 60000);
	assert_int_equal(rates_oi_count(rates), 2);
	rates_take_oi(rates, dec("13"), false, t0 + 60000); /* told last, of one time */
	assert_true(rates_oi(rates, &oi));
	assert_decimal(oi.qty, "13");
	rates_take_oi(rates, dec("-1"), false, t0 + 60001);
	rates_take_oi(rates, dec("14"), false, 0);
	assert_true(rates_oi(rates, &oi));
	assert_decimal(oi.qty, "13");
	rates_destroy(rates);
}

static void history_fills_only_minutes_that_have_none(void **state)
{
	(void)state;
	struct rates *rates = new_rates();
	struct oi_sample oi;
	rates_take_oi(rates, dec("10"), false, t0 + 10 * MIN + 30000);
	rates_put_oi(rates, dec("99"), false, t0 + 10 * MIN);
	rates_put_oi(rates, dec("99"), false, t0 + 10 * MIN + 59000);
	rates_put_oi(rates, dec("5"), false, t0);
	rates_put_oi(rates, dec("6"), false, t0 + 5 * MIN);
	rates_put_oi(rates, dec("99"), false, t0 + 5 * MIN + 1);
	assert_int_equal(rates_oi_count(rates), 3);
	assert_true(rates_oi_sample(rates, 0, &oi) && oi.t_ms == t0);
	assert_true(rates_oi_sample(rates, 1, &oi));
	assert_decimal(oi.qty, "6");
	assert_true(rates_oi_sample(rates, 2, &oi));
	assert_decimal(oi.qty, "10");
	assert_false(rates_oi_sample(rates, 3, &oi));
	rates_destroy(rates);
}

static void a_sample_is_found_for_ten_minutes_and_no_longer(void **state)
{
	(void)state;
	struct rates *rates = new_rates();
	struct oi_sample oi;
	rates_take_oi(rates, dec("1"), false, t0);
	rates_take_oi(rates, dec("2"), false, t0 + 30 * MIN);
	assert_false(rates_oi_at(rates, t0 - 1, &oi));
	assert_true(rates_oi_at(rates, t0, &oi));
	assert_true(rates_oi_at(rates, t0 + 10 * MIN, &oi));
	assert_decimal(oi.qty, "1");
	assert_false(rates_oi_at(rates, t0 + 10 * MIN + 1, &oi));
	assert_true(rates_oi_at(rates, t0 + 40 * MIN, &oi));
	assert_decimal(oi.qty, "2");
	rates_destroy(rates);
}

/* One a minute by the rules alone: an array by minute. */
struct oi_model {
	int64_t newest_minute; /* since t0's day */
	struct oi_sample by_minute[4100];
};

static void model_sample(struct oi_model *model, const struct oi_sample *sample, bool live)
{
	int64_t minute = (sample->t_ms - t0) / MIN;
	struct oi_sample *slot = &model->by_minute[minute];
	int64_t newest_ms = model->by_minute[model->newest_minute].t_ms;
	if (slot->t_ms && !(live && sample->t_ms >= newest_ms))
		return;
	*slot = *sample;
	if (minute > model->newest_minute)
		model->newest_minute = minute;
	for (int64_t m = 0; m <= model->newest_minute - RATES_OI_SAMPLES; m++)
		model->by_minute[m].t_ms = 0;
}

static void assert_same_samples(const struct rates *rates, const struct oi_model *model)
{
	size_t n = 0;
	struct oi_sample oi;
	for (int64_t m = 0; m <= model->newest_minute; m++) {
		if (!model->by_minute[m].t_ms)
			continue;
		assert_true(rates_oi_sample(rates, n++, &oi));
		assert_int_equal(oi.t_ms, model->by_minute[m].t_ms);
		assert_int_equal(oi.qty.mantissa, model->by_minute[m].qty.mantissa);
	}
	assert_int_equal(rates_oi_count(rates), n);
}

static void any_order_of_samples_equals_an_array_by_minute(void **state)
{
	(void)state;
	static struct oi_model model;
	struct rng rng;
	rng_init(&rng, 3);
	for (int round = 0; round < 20; round++) {
		struct rates *rates = new_rates();
		memset(&model, 0, sizeof model);
		int64_t now = t0 + 1600 * (int64_t)MIN;
		uint64_t before = allocations_count;
		for (int i = 1; i < 4000 && now < t0 + 3990 * (int64_t)MIN; i++) {
			bool live = rng_below(&rng, 3) > 0;
			now += (int64_t)rng_below(&rng, rng_below(&rng, 100) ? 60000 : 4000000);
			int64_t back = live ? (int64_t)rng_below(&rng, 3000)
					    : (int64_t)rng_below(&rng, 1599 * (uint64_t)MIN);
			struct oi_sample sample = { now - (back > 2000 ? back : 0), { i, 3 } };
			if (live)
				rates_take_oi(rates, sample.qty, false, sample.t_ms);
			else
				rates_put_oi(rates, sample.qty, false, sample.t_ms);
			model_sample(&model, &sample, live);
			if (i % 100 == 0)
				assert_same_samples(rates, &model);
		}
		assert_int_equal(allocations_count, before);
		assert_same_samples(rates, &model);
		rates_destroy(rates);
	}
}

static void open_interest_of_25_hours_is_kept(void **state)
{
	(void)state;
	struct rates *rates = new_rates();
	struct oi_sample oi;
	for (int64_t i = 0; i < 5000; i++)
		rates_take_oi(rates, (struct decimal){ i, 0 }, false, t0 + i * MIN);
	assert_int_equal(rates_oi_count(rates), RATES_OI_SAMPLES);
	assert_true(rates_oi_sample(rates, 0, &oi));
	assert_int_equal(oi.qty.mantissa, 5000 - RATES_OI_SAMPLES);
	rates_put_oi(rates, dec("1"), false, oi.t_ms - MIN);
	assert_int_equal(rates_oi_count(rates), RATES_OI_SAMPLES);
	/* after a silence of 20 h the oldest 20 h go */
	rates_take_oi(rates, dec("7"), false, t0 + (4999 + 1200) * (int64_t)MIN);
	assert_int_equal(rates_oi_count(rates), RATES_OI_SAMPLES - 1200 + 1);
	rates_destroy(rates);
}

/* ---- figures that come as changes ---- */

static struct event_ticker snapshot_of(const char *last, const char *volume)
{
	return (struct event_ticker){
		.last = dec(last),
		.volume_24h = dec(volume),
		.has_last = true,
		.has_volume = true,
		.snapshot = true,
	};
}

static void a_delta_changes_what_it_says_and_keeps_the_rest(void **state)
{
	(void)state;
	struct rates *rates = new_rates();
	struct event_ticker ticker = snapshot_of("100", "5000");
	struct event_ticker delta = { .last = dec("101"), .has_last = true };
	struct ticker_state now;
	rates_take_ticker(rates, &delta, t0 - 1); /* nothing to stand on */
	assert_false(rates_ticker(rates, &now));
	rates_take_ticker(rates, &ticker, t0);
	rates_take_ticker(rates, &delta, t0 + 100);
	assert_true(rates_ticker(rates, &now));
	assert_decimal(now.last, "101");
	assert_decimal(now.volume, "5000");
	assert_true(now.has_volume && !now.has_change && !now.has_quote_volume);
	assert_int_equal(now.t_ms, t0 + 100);
	rates_take_ticker(rates, &ticker, t0 + 99); /* older: of the other connection */
	assert_true(rates_ticker(rates, &now));
	assert_decimal(now.last, "101");
	rates_destroy(rates);
}

static void after_an_interruption_deltas_wait_for_a_snapshot(void **state)
{
	(void)state;
	struct rates *rates = new_rates();
	struct event_ticker ticker = snapshot_of("100", "5000");
	struct event_ticker delta = { .last = dec("101"), .has_last = true };
	struct ticker_state now;
	rates_take_ticker(rates, &ticker, t0);
	rates_interrupted(rates);
	rates_take_ticker(rates, &delta, t0 + 100);
	assert_true(rates_ticker(rates, &now));
	assert_decimal(now.last, "100"); /* what was known stays, with its age */
	assert_int_equal(now.t_ms, t0);
	struct event_ticker fresh = { .last = dec("99"), .has_last = true, .snapshot = true };
	rates_take_ticker(rates, &fresh, t0 + 200);
	assert_true(rates_ticker(rates, &now));
	assert_decimal(now.last, "99");
	assert_false(now.has_volume); /* this stream has not said it */
	rates_take_ticker(rates, &delta, t0 + 300);
	assert_true(rates_ticker(rates, &now));
	assert_decimal(now.last, "101");
	rates_destroy(rates);
}

static void take_rate(struct rates *rates, const char *rate, int64_t t_ms)
{
	struct event_funding funding = { .rate = dec(rate) };
	rates_take_funding(rates, &funding, t_ms);
}

static void funding_keeps_what_a_frame_leaves_out(void **state)
{
	(void)state;
	struct rates *rates = new_rates();
	struct funding_state now;
	struct event_funding next = { .next_ms = t0 + 480 * MIN, .rate_unchanged = true };
	rates_take_funding(rates, &next, t0);
	assert_false(rates_funding(rates, &now)); /* a time is no rate */
	take_rate(rates, "0.0001", t0 + 1000);
	assert_true(rates_funding(rates, &now));
	assert_decimal(now.rate, "0.0001");
	assert_int_equal(now.next_ms, t0 + 480 * MIN);
	assert_int_equal(now.interval_min, 0);
	next.next_ms += 480 * MIN;
	next.interval_min = 240;
	rates_take_funding(rates, &next, t0 + 2000);
	assert_true(rates_funding(rates, &now));
	assert_decimal(now.rate, "0.0001");
	assert_int_equal(now.next_ms, t0 + 960 * MIN);
	assert_int_equal(now.interval_min, 240);
	assert_int_equal(now.t_ms, t0 + 2000); /* said anew by leaving it out */
	take_rate(rates, "-0.0007", t0 + 1999);
	assert_true(rates_funding(rates, &now));
	assert_decimal(now.rate, "0.0001");
	rates_interrupted(rates);
	next.next_ms += 480 * MIN;
	rates_take_funding(rates, &next, t0 + 3000);
	assert_true(rates_funding(rates, &now));
	assert_int_equal(now.t_ms, t0 + 2000); /* the rate may have changed unheard */
	assert_int_equal(now.next_ms, t0 + 1440 * MIN);
	rates_destroy(rates);
}

static void the_interval_is_the_one_told_last(void **state)
{
	(void)state;
	struct rates *rates = new_rates();
	struct funding_state now;
	take_rate(rates, "0", t0);
	rates_set_interval(rates, 480);
	rates_set_interval(rates, 0);
	rates_set_interval(rates, -5);
	assert_true(rates_funding(rates, &now));
	assert_int_equal(now.interval_min, 480);
	struct instrument instrument = { .status = INSTRUMENT_TRADING, .tick = dec("0.1") };
	rates_set_instrument(rates, &instrument);
	assert_true(rates_funding(rates, &now));
	assert_int_equal(now.interval_min, 480); /* 0: not said */
	instrument.funding_interval_min = 60;
	rates_set_instrument(rates, &instrument);
	assert_true(rates_funding(rates, &now));
	assert_int_equal(now.interval_min, 60);
	assert_decimal(rates_instrument(rates)->tick, "0.1");
	assert_string_equal(instrument_status_text(rates_instrument(rates)->status), "trading");
	rates_destroy(rates);
}

static void mark_and_index_come_alone_or_together(void **state)
{
	(void)state;
	struct rates *rates = new_rates();
	struct decimal none = { 0 };
	struct mark_state now;
	rates_take_mark(rates, none, none, t0);
	assert_false(rates_mark(rates, &now));
	rates_take_mark(rates, dec("100.5"), dec("100.4"), t0);
	rates_take_mark(rates, none, dec("100.6"), t0 + 1);
	assert_true(rates_mark(rates, &now));
	assert_decimal(now.mark, "100.5");
	assert_decimal(now.index, "100.6");
	assert_int_equal(now.t_ms, t0 + 1);
	rates_take_mark(rates, dec("1"), none, t0);
	rates_interrupted(rates);
	rates_take_mark(rates, dec("101"), none, t0 + 50);
	assert_true(rates_mark(rates, &now));
	assert_decimal(now.mark, "101");
	assert_int_equal(now.index.mantissa, 0); /* the old one is not of this time */
	rates_destroy(rates);
}

static void a_delta_says_by_its_silence_that_figures_stand(void **state)
{
	(void)state;
	struct rates *rates = new_rates();
	struct event_ticker ticker = snapshot_of("100", "5000"), delta = { 0 };
	struct oi_sample oi;
	struct mark_state mark;
	struct funding_state funding;
	rates_take_ticker(rates, &ticker, t0);
	rates_take_oi(rates, dec("70"), false, t0);
	rates_take_mark(rates, dec("100"), dec("99"), t0);
	take_rate(rates, "0.0002", t0);
	for (int64_t minute = 1; minute <= 20; minute++)
		rates_take_ticker(rates, &delta, t0 + minute * MIN);
	assert_true(rates_mark(rates, &mark) && mark.t_ms == t0 + 20 * MIN);
	assert_true(rates_funding(rates, &funding) && funding.t_ms == t0 + 20 * MIN);
	assert_int_equal(rates_oi_count(rates), 21);
	assert_true(rates_oi_at(rates, t0 + 17 * MIN, &oi) && oi.t_ms == t0 + 17 * MIN);
	assert_decimal(oi.qty, "70");
	/* not so what the new stream has not said yet */
	rates_interrupted(rates);
	rates_take_ticker(rates, &ticker, t0 + 30 * MIN);
	take_rate(rates, "0.0003", t0 + 30 * MIN);
	rates_take_ticker(rates, &delta, t0 + 31 * MIN);
	assert_true(rates_mark(rates, &mark) && mark.t_ms == t0 + 20 * MIN);
	assert_true(rates_oi(rates, &oi) && oi.t_ms == t0 + 20 * MIN);
	assert_true(rates_funding(rates, &funding) && funding.t_ms == t0 + 31 * MIN);
	rates_destroy(rates);
}

static void one_absurd_time_does_not_make_all_that_follows_old(void **state)
{
	(void)state;
	static const int64_t years = INT64_C(86400000) * 3000;
	struct rates *rates = new_rates();
	struct oi_sample oi;
	struct funding_state funding;
	struct decimal none = { 0 };
	struct mark_state mark;
	rates_take_oi(rates, dec("5"), false, t0);
	take_rate(rates, "0.0001", t0);
	rates_take_mark(rates, dec("10"), none, t0);
	rates_take_oi(rates, dec("6"), false, t0 + years);
	rates_take_oi(rates, dec("6"), false, t0 + years); /* by the other connection */
	rates_put_oi(rates, dec("6"), false, t0 + years);
	take_rate(rates, "0.9", t0 + years);
	rates_take_mark(rates, dec("90"), none, INT64_MAX);
	rates_take_oi(rates, dec("7"), false, t0 + MIN);
	take_rate(rates, "0.0002", t0 + MIN);
	rates_take_mark(rates, dec("11"), none, t0 + MIN);
	assert_int_equal(rates_oi_count(rates), 2);
	assert_true(rates_oi(rates, &oi) && oi.t_ms == t0 + MIN);
	assert_true(rates_funding(rates, &funding) && funding.t_ms == t0 + MIN);
	assert_true(rates_mark(rates, &mark) && mark.t_ms == t0 + MIN);
	/* after a real silence of days the second one is believed */
	rates_take_oi(rates, dec("8"), false, t0 + years);
	rates_take_oi(rates, dec("9"), false, t0 + years + MIN);
	assert_int_equal(rates_oi_count(rates), 1);
	assert_true(rates_oi(rates, &oi) && oi.t_ms == t0 + years + MIN);
	rates_destroy(rates);
}

/* ---- definitions ---- */

static void funding_pressure_has_strict_bounds(void **state)
{
	(void)state;
	static const struct {
		const char *rate; /* percent is a hundred times it */
		const char *pressure;
	} cases[] = {
		{ "0", "NEUTRAL" },
		{ "0.000009999999", "NEUTRAL" },
		{ "-0.000009999999", "NEUTRAL" },
		{ "0.00001", "NORMAL" },
		{ "-0.00001", "NORMAL" },
		{ "0.00005", "NORMAL" },
		{ "-0.00005", "NORMAL" },
		{ "0.000050000001", "LONG PRESSURE" },
		{ "-0.000050000001", "SHORT PRESSURE" },
		{ "0.0001", "LONG PRESSURE" }, /* the venues' usual rate: exactly the bound */
		{ "-0.0001", "SHORT PRESSURE" },
		{ "0.000100000001", "LONG SQUEEZE" },
		{ "-0.000100000001", "SHORT SQUEEZE" },
		{ "0.02", "LONG SQUEEZE" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct decimal rate = dec(cases[i].rate);
		double value = decimal_to_double(rate.mantissa, rate.scale);
		assert_string_equal(funding_pressure_text(funding_pressure_of(value)),
				    cases[i].pressure);
	}
	assert_string_equal(funding_pressure_text(funding_pressure_of(NAN)), "n/a");
}

static void annual_funding_follows_the_interval(void **state)
{
	(void)state;
	assert_true(fabs(funding_annual(0.0001, 480) - 0.1095) < 1e-12);
	assert_true(fabs(funding_annual(0.0001, 240) - 0.219) < 1e-12);
	assert_true(fabs(funding_annual(-0.0001, 60) + 0.876) < 1e-12);
	assert_true(isnan(funding_annual(0.0001, 0)));
	assert_true(isnan(funding_annual(NAN, 480)));
}

static struct market *new_market(enum venue venue, enum kind kind)
{
	struct market_id id;
	const struct market_config config = { .whale_quote = 500000 };
	assert_int_equal(market_id_make(venue, kind, STR("BTCUSDT"), &id), STATUS_OK);
	struct market *market = market_create(&id, &config);
	assert_non_null(market);
	assert_non_null(market_rates(market));
	return market;
}

static void binance_perpetuals_pay_every_eight_hours_unless_told(void **state)
{
	(void)state;
	struct funding_state now;
	struct market *binance = new_market(VENUE_BINANCE, KIND_PERP);
	struct market *bybit = new_market(VENUE_BYBIT, KIND_PERP);
	take_rate(market_rates(binance), "0.0001", t0);
	take_rate(market_rates(bybit), "0.0001", t0);
	assert_true(rates_funding(market_rates(binance), &now));
	assert_int_equal(now.interval_min, 480);
	assert_true(rates_funding(market_rates(bybit), &now));
	assert_int_equal(now.interval_min, 0);
	market_destroy(binance);
	market_destroy(bybit);
}

static int64_t next_id = 1;

static void trade_at(struct market *market, int64_t t_ms, const char *price)
{
	struct trade out;
	struct event_trade event = { .ordered_id = next_id++,
				     .price = dec(price),
				     .qty = dec("1") };
	assert_int_equal(market_take_trade(market, &event, t_ms, &out), MARKET_NEW);
}

/* Trades each minute from t0 on, from one price to another. */
static struct market *market_moving(const char *from, const char *to, int minutes)
{
	struct market *market = new_market(VENUE_BINANCE, KIND_PERP);
	for (int64_t m = 0; m <= minutes; m++)
		trade_at(market, t0 + m * MIN + 1, m < minutes ? from : to);
	return market;
}

static struct oi_change change_of(const struct market *market, int32_t minutes)
{
	struct oi_change change;
	market_oi_change(market, minutes, &change);
	return change;
}

static void open_interest_against_the_price_has_four_classes(void **state)
{
	(void)state;
	static const struct {
		const char *oi, *price, *class;
	} cases[] = {
		{ "110", "101", "NEW LONGS" },
		{ "110", "99", "NEW SHORTS" },
		{ "90", "99", "LONG LIQUIDATION" },
		{ "90", "101", "SHORT SQUEEZE" },
		{ "100", "101", "n/a" },
		{ "110", "100", "n/a" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct market *market = market_moving("100", cases[i].price, 20);
		rates_take_oi(market_rates(market), dec("100"), false, t0 + 5 * MIN);
		rates_take_oi(market_rates(market), dec(cases[i].oi), false, t0 + 20 * MIN);
		struct oi_change change = change_of(market, 15);
		assert_string_equal(oi_class_text(change.class), cases[i].class);
		assert_true(change.percent == change.absolute); /* of 100 */
		assert_true(change.class != OI_NEW_LONGS || change.percent == 10);
		market_destroy(market);
	}
}

static void change_is_exact_across_scales(void **state)
{
	(void)state;
	struct market *market = market_moving("100", "101", 20);
	rates_take_oi(market_rates(market), dec("1000.5"), false, t0 + 5 * MIN);
	rates_take_oi(market_rates(market), dec("1000.499999999999"), false, t0 + 20 * MIN);
	struct oi_change change = change_of(market, 15);
	assert_int_equal(change.scale, 12);
	assert_true(change.exact == -1);
	assert_int_equal(change.class, OI_SHORT_SQUEEZE);
	assert_true(fabs(change.absolute + 1e-12) < 1e-24);
	market_destroy(market);
}

static void change_without_a_sample_to_compare_is_unknown(void **state)
{
	(void)state;
	struct market *market = market_moving("100", "101", 60);
	struct oi_change change = change_of(market, 15);
	assert_true(isnan(change.absolute) && isnan(change.percent) && !change.class);
	rates_take_oi(market_rates(market), dec("0"), false, t0 + 10 * MIN);
	rates_take_oi(market_rates(market), dec("3"), false, t0 + 60 * MIN);
	change = change_of(market, 15); /* the one before is 35 minutes older than that */
	assert_true(isnan(change.absolute) && isnan(change.percent) && !change.class);
	change = change_of(market, 50);
	assert_true(change.absolute == 3 && change.class == OI_NEW_LONGS);
	assert_true(isnan(change.percent)); /* of nothing */
	market_destroy(market);
}

static void class_needs_a_price_at_both_ends(void **state)
{
	(void)state;
	struct market *market = market_moving("100", "101", 20);
	rates_take_oi(market_rates(market), dec("100"), false, t0 - 2 * MIN);
	rates_take_oi(market_rates(market), dec("110"), false, t0 + 20 * MIN);
	struct oi_change change = change_of(market, 22);
	assert_true(change.absolute == 10); /* known, though the price is not */
	assert_int_equal(change.class, OI_CLASS_NONE);
	/* the trades end long before open interest does */
	rates_take_oi(market_rates(market), dec("100"), false, t0 + 10 * MIN);
	rates_take_oi(market_rates(market), dec("120"), false, t0 + 25 * MIN);
	assert_true(change_of(market, 15).absolute == 20);
	assert_int_equal(change_of(market, 15).class, OI_CLASS_NONE);
	market_destroy(market);
	market = new_market(VENUE_BINANCE, KIND_PERP); /* no trade at all */
	rates_take_oi(market_rates(market), dec("100"), false, t0);
	rates_take_oi(market_rates(market), dec("120"), false, t0 + 15 * MIN);
	assert_true(change_of(market, 15).absolute == 20);
	assert_int_equal(change_of(market, 15).class, OI_CLASS_NONE);
	market_destroy(market);
}

/* Open interest lags the trades by a minute or two: the price is taken where it is of. */
static void price_is_of_the_time_of_the_samples(void **state)
{
	(void)state;
	struct market *market = new_market(VENUE_BINANCE, KIND_PERP);
	for (int64_t m = 0; m < 20; m++)
		trade_at(market, t0 + m * MIN + 1, m < 17 ? "100" : "120");
	trade_at(market, t0 + 20 * MIN, "90");
	rates_take_oi(market_rates(market), dec("100"), false, t0 + 2 * MIN);
	rates_take_oi(market_rates(market), dec("110"), false, t0 + 17 * MIN + 2);
	assert_int_equal(change_of(market, 15).class, OI_NEW_LONGS);
	market_destroy(market);
}

/* A sample at the end of a minute is compared with the price there, not with the one at
 * the minute's begin. */
static void price_begins_with_the_minute_nearest_to_the_sample(void **state)
{
	(void)state;
	static const struct {
		int64_t offset_ms;
		enum oi_class class;
	} cases[] = { { 0, OI_NEW_LONGS }, { 29999, OI_NEW_LONGS }, { 59900, OI_NEW_SHORTS } };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct market *market = new_market(VENUE_BINANCE, KIND_PERP);
		for (int64_t m = 0; m <= 20; m++)
			trade_at(market, t0 + m * MIN + 1, m <= 5 ? "90" : m < 20 ? "100" : "99");
		int64_t from_ms = t0 + 5 * MIN + cases[i].offset_ms;
		rates_take_oi(market_rates(market), dec("100"), false, from_ms);
		rates_take_oi(market_rates(market), dec("110"), false, from_ms + 15 * MIN);
		assert_int_equal(change_of(market, 15).class, cases[i].class);
		market_destroy(market);
	}
}

static void class_needs_the_last_minute_known(void **state)
{
	(void)state;
	struct market *market = new_market(VENUE_BINANCE, KIND_PERP);
	for (int64_t m = 0; m <= 30; m++)
		if (m <= 10 || m == 30)
			trade_at(market, t0 + m * MIN + 1, m < 8 ? "100" : "101");
		else
			next_id++; /* trades that never came */
	rates_take_oi(market_rates(market), dec("100"), false, t0 + 2 * MIN);
	rates_take_oi(market_rates(market), dec("110"), false, t0 + 9 * MIN);
	assert_int_equal(change_of(market, 7).class, OI_NEW_LONGS);
	rates_take_oi(market_rates(market), dec("120"), false, t0 + 20 * MIN);
	assert_true(change_of(market, 18).absolute == 20);
	assert_int_equal(change_of(market, 18).class, OI_CLASS_NONE);
	market_destroy(market);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_never_said_is_not_there),
		cmocka_unit_test(open_interest_of_both_sides_is_halved_exactly),
		cmocka_unit_test(a_minute_has_one_sample_and_the_newest_stays),
		cmocka_unit_test(history_fills_only_minutes_that_have_none),
		cmocka_unit_test(a_sample_is_found_for_ten_minutes_and_no_longer),
		cmocka_unit_test(any_order_of_samples_equals_an_array_by_minute),
		cmocka_unit_test(open_interest_of_25_hours_is_kept),
		cmocka_unit_test(a_delta_changes_what_it_says_and_keeps_the_rest),
		cmocka_unit_test(after_an_interruption_deltas_wait_for_a_snapshot),
		cmocka_unit_test(funding_keeps_what_a_frame_leaves_out),
		cmocka_unit_test(the_interval_is_the_one_told_last),
		cmocka_unit_test(mark_and_index_come_alone_or_together),
		cmocka_unit_test(a_delta_says_by_its_silence_that_figures_stand),
		cmocka_unit_test(one_absurd_time_does_not_make_all_that_follows_old),
		cmocka_unit_test(funding_pressure_has_strict_bounds),
		cmocka_unit_test(annual_funding_follows_the_interval),
		cmocka_unit_test(binance_perpetuals_pay_every_eight_hours_unless_told),
		cmocka_unit_test(open_interest_against_the_price_has_four_classes),
		cmocka_unit_test(change_is_exact_across_scales),
		cmocka_unit_test(change_without_a_sample_to_compare_is_unknown),
		cmocka_unit_test(class_needs_a_price_at_both_ends),
		cmocka_unit_test(price_is_of_the_time_of_the_samples),
		cmocka_unit_test(price_begins_with_the_minute_nearest_to_the_sample),
		cmocka_unit_test(class_needs_the_last_minute_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
