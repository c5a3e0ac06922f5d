/* The market against a model that keeps every trade: sums, prices and flags of
 * windows and minutes after duplicates, delays, late trades, gaps, repairs, days of
 * wrapping and restarts. */
#include "unit/market_model.h"

static struct market *new_market(enum venue venue)
{
	struct market_config config = { .whale_quote = 500000 };
	struct market_id id;
	assert_int_equal(market_id_make(venue, KIND_PERP, STR("ETHUSDT"), &id), STATUS_OK);
	struct market *market = market_create(&id, &config);
	assert_non_null(market);
	return market;
}

#define assert_same(a, b) assert_true((a) == (b))

static void compare_sums(const struct market *market, const struct model_sums *sums,
			 const struct flow *flow)
{
	int32_t ps, qs, to = MODEL_SCALE;
	market_scales(market, &ps, &qs);
	assert_same(model_up(flow->buy, qs, to), sums->buy);
	assert_same(model_up(flow->sell, qs, to), sums->sell);
	assert_same(model_up(flow->buy_quote, ps + qs, 2 * to), sums->buy_quote);
	assert_same(model_up(flow->sell_quote, ps + qs, 2 * to), sums->sell_quote);
	assert_int_equal(flow->n_buy, sums->n_buy);
	assert_int_equal(flow->n_sell, sums->n_sell);
}

static void compare_price(const struct market *market, int64_t price, int64_t model_price)
{
	int32_t ps, qs;
	market_scales(market, &ps, &qs);
	assert_same(model_up(price, ps, MODEL_SCALE), model_price);
}

static void compare_window(const struct model *model, const struct market *market, int32_t minutes,
			   int32_t back, bool prices)
{
	struct window window;
	market_window_back(market, minutes, back, &window);
	int64_t newest = model->newest_ms / MINUTE_MS, to = newest - back, from = to - minutes + 1;
	int64_t oldest = newest - (MARKET_MINUTES - 1);
	struct model_sums sums = model_sum(model, from > oldest ? from : oldest, to, false);
	compare_sums(market, &sums, &window.flow);
	assert_int_equal(window.from_ms, from * MINUTE_MS);
	assert_int_equal(window.to_ms, (to + 1) * MINUTE_MS);
	compare_price(market, window.high, sums.high);
	compare_price(market, window.low, sums.low);
	if (!prices)
		return;
	compare_price(market, window.open, sums.open);
	compare_price(market, window.close, sums.close);
}

static void compare_windows(struct model *model, const struct market *market, bool prices)
{
	static const int32_t lengths[] = { 1, 5, 15, 30, 60, 240, 1440, 4320 };
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
		compare_window(model, market, lengths[i], 0, prices);
	for (int i = 0; i < 4; i++)
		compare_window(model, market, (int32_t)rng_below(&model->rng, 4320) + 1,
			       (int32_t)rng_below(&model->rng, 4400), prices);
}

/* A minute that is not partial has every trade that ever was in it. */
static void check_honesty(const struct model *model, const struct market *market)
{
	int64_t newest = model->newest_ms / MINUTE_MS;
	for (int32_t back = 1; back < 300; back++) {
		struct window window;
		market_window_back(market, 1, back, &window);
		if (!window.present || window.partial)
			continue;
		struct model_sums sums = model_sum(model, newest - back, newest - back, true);
		compare_sums(market, &sums, &window.flow);
	}
}

static void check_minutes(const struct model *model, const struct market *market, bool ordered)
{
	struct market_cursor cursor = { 0 };
	struct bar bar, stored;
	int64_t before = 0;
	i128 cvd = 0, cvd_quote = 0, base, quote;
	int64_t origin_ms, first_ms = 0;
	while (market_next_minute(market, &cursor, &bar)) {
		int64_t minute = bar.minute_ms / MINUTE_MS;
		assert_true(bar.minute_ms > before);
		before = bar.minute_ms;
		first_ms = first_ms ? first_ms : bar.minute_ms;
		struct model_sums sums = model_sum(model, minute, minute, false);
		struct flow flow = { bar.buy,        bar.sell,  bar.buy_quote,
				     bar.sell_quote, bar.n_buy, bar.n_sell };
		compare_sums(market, &sums, &flow);
		if (ordered) {
			compare_price(market, bar.open, sums.open);
			compare_price(market, bar.close, sums.close);
		}
		assert_int_equal(bar.id_first, ordered ? sums.id_first : 0);
		assert_int_equal(bar.id_last, ordered ? sums.id_last : 0);
		cvd += (i128)bar.buy - bar.sell;
		cvd_quote += bar.buy_quote - bar.sell_quote;
		assert_same(cursor.cvd, cvd);
		assert_same(cursor.cvd_quote, cvd_quote);
		assert_int_equal(market_minute(market, bar.minute_ms, &stored), STATUS_OK);
		if (minute != model->newest_ms / MINUTE_MS)
			assert_memory_equal(&stored, &bar, sizeof bar);
		else
			assert_true(bar.flags & BAR_PARTIAL);
	}
	market_cvd(market, &base, &quote, &origin_ms);
	assert_same(base, cvd);
	assert_same(quote, cvd_quote);
	assert_int_equal(origin_ms, first_ms);
}

static enum market_taken deliver(struct model *model, struct market *market, size_t i, bool ordered,
				 bool repair)
{
	char text[40];
	struct trade out;
	struct event_trade event = model_event(model, i, ordered, text);
	int64_t t_ms = model->trades[i].t_ms;
	enum market_taken taken = repair ? market_repair_trade(market, &event, t_ms, &out)
					 : market_take_trade(market, &event, t_ms, &out);
	if (taken == MARKET_NEW || taken == MARKET_LATE) {
		assert_int_equal(out.t_ms, t_ms);
		assert_int_equal(out.id, ordered ? event.ordered_id : event.seq);
		assert_int_equal(out.side, event.side);
		compare_price(market, out.price, model->trades[i].price);
	}
	return taken;
}

/* A new process: the state, then every minute in some order. */
static struct market *restart(struct model *model, struct market *market, enum venue venue)
{
	char bytes[MARKET_STATE_BYTES];
	struct buf buf = buf_over(bytes, sizeof bytes);
	int32_t ps, qs;
	market_state_pack(market, &buf);
	assert_false(buf.overflow);
	market_scales(market, &ps, &qs);
	struct market *next = new_market(venue);
	assert_int_equal(market_state_restore(next, buf_str(&buf)), STATUS_OK);
	int64_t newest = model->newest_ms / MINUTE_MS;
	int64_t stride = 1 + 2 * (int64_t)rng_below(&model->rng, 500); /* odd, or shares 5 or 3 */
	while (MARKET_MINUTES % 2 == 0 && (stride % 3 == 0 || stride % 5 == 0))
		stride += 2;
	for (int64_t i = 0; i < MARKET_MINUTES; i++) {
		struct bar bar;
		int64_t minute = newest - i * stride % MARKET_MINUTES;
		if (market_minute(market, minute * MINUTE_MS, &bar) == STATUS_OK)
			assert_int_equal(market_restore_bar(next, &bar, ps, qs), STATUS_OK);
	}
	return next;
}

/* Two markets give the same answers to everything. */
static void compare_markets(const struct market *a, const struct market *b)
{
	static const int32_t lengths[] = { 1, 2, 7, 60, 61, 240, 1440, 4320 };
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct window x, y;
		market_window(a, lengths[i], &x);
		market_window(b, lengths[i], &y);
		assert_memory_equal(&x.flow, &y.flow, sizeof x.flow);
		assert_int_equal(x.present, y.present);
		assert_int_equal(x.partial, y.partial);
		assert_int_equal(x.repaired, y.repaired);
		assert_int_equal(x.open, y.open);
		assert_int_equal(x.close, y.close);
	}
	struct market_cursor p = { 0 }, q = { 0 };
	struct bar x, y;
	while (market_next_minute(a, &p, &x)) {
		assert_true(market_next_minute(b, &q, &y));
		assert_memory_equal(&x, &y, sizeof x);
	}
	assert_false(market_next_minute(b, &q, &y));
	struct large_trade whales_a[MARKET_WHALES], whales_b[MARKET_WHALES];
	size_t n = market_whales(a, whales_a, MARKET_WHALES);
	assert_int_equal(market_whales(b, whales_b, MARKET_WHALES), n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(whales_a[i].t_ms, whales_b[i].t_ms);
		assert_int_equal(whales_a[i].price, whales_b[i].price);
	}
}

/* Delivers everything, with duplicates, some repairs and restarts; the twin is never
 * restarted. */
static void run(const struct model_shape *shape, enum venue venue, int checks)
{
	bool ordered = venue == VENUE_BINANCE;
	struct model model;
	model_make(&model, shape);
	struct market *market = new_market(venue), *twin = new_market(venue);
	size_t every = model.n / (size_t)checks;
	for (size_t at = 0; at < model.n; at++) {
		size_t i = model.order[at];
		if (!model.trades[i].dropped) {
			enum market_taken taken = deliver(&model, twin, i, ordered, false);
			assert_int_equal(deliver(&model, market, i, ordered, false), taken);
			assert_int_equal(taken, model_take(&model, i, false));
		}
		size_t again = at > 100 ? model.order[at - rng_below(&model.rng, 100)] : at;
		bool repair = model.trades[again].dropped && rng_below(&model.rng, 4) == 0;
		if (!model.trades[again].dropped || repair) {
			model.trades[again].dropped = false;
			enum market_taken taken = deliver(&model, market, again, ordered, repair);
			assert_int_equal(taken, deliver(&model, twin, again, ordered, repair));
			assert_int_equal(taken, model_take(&model, again, repair));
		}
		if (at % every == every - 1) {
			compare_windows(&model, market, ordered);
			struct market *next = restart(&model, market, venue);
			market_destroy(market);
			market = next;
			compare_windows(&model, market, ordered);
			if (ordered)
				compare_markets(market, twin);
			if (ordered || shape->percent_dropped == 0)
				check_honesty(&model, market);
		}
	}
	check_minutes(&model, twin, ordered);
	const struct market_counts *counts = market_counts(twin);
	assert_int_equal(counts->trades, model.n_taken);
	assert_int_equal(counts->duplicates, model.n_duplicates);
	assert_int_equal(counts->late, model.n_late);
	assert_int_equal(counts->refused + counts->skipped, 0);
	assert_int_equal(market_newest_ms(market), model.newest_ms);
	market_destroy(market);
	market_destroy(twin);
	model_free(&model);
}

static void busy_ordered_market_equals_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++)
		run(&(struct model_shape){ seed, 6000, 700, 3000, 2, 1 }, VENUE_BINANCE, 12);
}

static void days_of_wrapping_equal_model(void **state)
{
	(void)state;
	for (uint64_t seed = 10; seed < 13; seed++)
		run(&(struct model_shape){ seed, 8000, 80000, 3000, 1, 1 }, VENUE_BINANCE, 12);
}

static void unordered_market_equals_model(void **state)
{
	(void)state;
	for (uint64_t seed = 20; seed < 23; seed++)
		run(&(struct model_shape){ seed, 6000, 2000, 3000, 1, 0 }, VENUE_BYBIT, 12);
	run(&(struct model_shape){ 24, 6000, 60000, 3000, 0, 0 }, VENUE_BYBIT, 12);
}

static void order_of_arrival_does_not_change_minutes(void **state)
{
	(void)state;
	struct model_shape shape = { 31, 5000, 900, 0, 0, 0 };
	struct model straight, mixed;
	model_make(&straight, &shape);
	shape.delay_ms = 4900;
	model_make(&mixed, &shape);
	struct market *a = new_market(VENUE_BINANCE), *b = new_market(VENUE_BINANCE);
	for (size_t i = 0; i < straight.n; i++) {
		/* the same trades, the delays of the other model */
		assert_int_equal(deliver(&straight, a, i, true, false), MARKET_NEW);
		assert_int_equal(deliver(&straight, b, mixed.order[i], true, false), MARKET_NEW);
	}
	compare_markets(a, b);
	struct window window;
	market_window(b, MARKET_MINUTES, &window);
	assert_int_equal(window.partial, 1); /* the first minute */
	assert_int_equal(window.repaired, 0);
	market_destroy(a);
	market_destroy(b);
	model_free(&straight);
	model_free(&mixed);
}

static void repairing_every_gap_completes_every_minute(void **state)
{
	(void)state;
	struct model model;
	model_make(&model, &(struct model_shape){ 41, 4000, 3000, 0, 0, 1 });
	model.trades[0].dropped = model.trades[model.n - 1].dropped = false;
	struct market *market = new_market(VENUE_BINANCE);
	for (size_t i = 0; i < model.n; i++)
		if (!model.trades[i].dropped)
			assert_int_equal(deliver(&model, market, i, true, false), MARKET_NEW);
	struct window window;
	struct seen_range ranges[SEEN_RANGES];
	market_window(market, MARKET_MINUTES, &window);
	assert_true(window.partial > 10);
	assert_true(market_counts(market)->gaps > 10);
	for (size_t n; (n = market_missing(market, ranges, SEEN_RANGES)) > 0;) {
		size_t which = (size_t)rng_below(&model.rng, n);
		size_t i = (size_t)(ranges[which].first - MODEL_BASE_ID);
		assert_true(model.trades[i].dropped);
		assert_int_equal(deliver(&model, market, i, true, true), MARKET_NEW);
	}
	market_window(market, MARKET_MINUTES, &window);
	assert_int_equal(window.partial, 1);
	assert_true(window.repaired > 10);
	int64_t held = (model.trades[model.n - 1].t_ms - model.trades[0].t_ms) / MINUTE_MS;
	assert_true(window.present >= held && window.present <= held + 2);
	market_destroy(market);
	model_free(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(busy_ordered_market_equals_model),
		cmocka_unit_test(days_of_wrapping_equal_model),
		cmocka_unit_test(unordered_market_equals_model),
		cmocka_unit_test(order_of_arrival_does_not_change_minutes),
		cmocka_unit_test(repairing_every_gap_completes_every_minute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
