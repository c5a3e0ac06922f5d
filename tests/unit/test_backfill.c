/* The backfill against a venue whose every trade is known: what the market says after a
 * repair is the truth, exactly, or is marked as not being it. */
#include "unit/backfill_venue.h"

#include "base/check.h"

static struct markets *markets;
static struct market *market;
static struct backfill *backfill;
static struct timers *timers;
static size_t told;                     /* trades given to the tape */
static enum instrument_status was_last; /* of the last change */
static size_t changes;

static int64_t clock_mono(void *ctx)
{
	(void)ctx;
	return (venue.now_ms - truth_ms) * 1000000;
}

static int64_t clock_wall(void *ctx)
{
	(void)ctx;
	return venue.now_ms * 1000000;
}

static const struct clock_port test_clock = { clock_mono, clock_wall, NULL };

static void on_trade(void *ctx, struct market *of, const struct trade *trade)
{
	(void)ctx;
	assert_ptr_equal(of, market);
	assert_true(trade->qty > 0);
	told++;
}

static void on_instrument(void *ctx, struct market *of, enum instrument_status was)
{
	(void)ctx;
	if (of != market)
		return;
	was_last = was;
	changes++;
}

/* ETHUSDT, and more of the same trades under other names. */
static void make_many(enum venue name, enum kind kind, int32_t timeframe, size_t count)
{
	struct market_config config = { .whale_quote = 500000, .indicators = { timeframe } };
	static struct market_id ids[BACKFILL_MARKETS_MAX];
	venue_make(name, kind);
	told = changes = 0;
	markets = markets_create(&config);
	timers = timers_create(8);
	assert_non_null(markets);
	assert_non_null(timers);
	for (size_t i = 0; i < count; i++) {
		char symbol[16];
		int len = snprintf(symbol, sizeof symbol, i ? "X%zuUSDT" : "ETHUSDT", i);
		assert_int_equal(market_id_make(name, kind, str_make(symbol, (size_t)len), &ids[i]),
				 STATUS_OK);
	}
	struct backfill_config backfill_config = {
		.markets = markets,
		.ids = ids,
		.n_ids = count,
		.timers = timers,
		.clock = &test_clock,
		.seed = 3,
		.on_trade = on_trade,
		.on_instrument = on_instrument,
	};
	backfill_config.rests[name][kind] = &venue.rest;
	venue.now_ms = truth_ms + 73 * 3600 * 1000;
	backfill = backfill_create(&backfill_config);
	assert_non_null(backfill);
	market = markets_find(markets, &ids[0]);
	assert_non_null(market);
}

static void make(enum venue name, enum kind kind, int32_t timeframe)
{
	make_many(name, kind, timeframe, 1);
}

static int drop(void **state)
{
	(void)state;
	backfill_destroy(backfill);
	markets_destroy(markets);
	timers_destroy(timers);
	return 0;
}

static enum market_taken stream_take(const struct truth_trade *trade)
{
	char text[32];
	struct trade out;
	int len = snprintf(text, sizeof text, "x%lld", (long long)trade->id);
	bool ordered = venue.rest.venue == VENUE_BINANCE;
	struct event_trade event = {
		.id = str_make(text, (size_t)len),
		.ordered_id = ordered ? trade->id : -1,
		.price = { trade->price, PRICE_SCALE },
		.qty = { trade->qty, QTY_SCALE },
		.side = trade->side,
		.aggregated = ordered,
	};
	return market_take_trade(market, &event, trade->t_ms, &out);
}

static int64_t begun_ms; /* the stream */

/* The stream begins here: what was before is not told. */
static void stream_begin(void)
{
	begun_ms = venue.now_ms;
	while (venue.streamed < venue.n_trades && venue.trades[venue.streamed].t_ms <= venue.now_ms)
		venue.streamed++;
}

static void stream_go_on(void)
{
	for (; venue.streamed < venue.n_trades && venue.trades[venue.streamed].t_ms <= venue.now_ms;
	     venue.streamed++)
		if (!venue.trades[venue.streamed].dropped)
			stream_take(&venue.trades[venue.streamed]);
}

/* Bybit's streams tell of each minute as it ends; trades that nobody saw are in the one in
 * which the stream began. */
static void stream_kline(void)
{
	int64_t open_ms = venue.now_ms - venue.now_ms % MINUTE_MS - MINUTE_MS;
	if (venue.rest.venue != VENUE_BYBIT || venue.now_ms % MINUTE_MS >= 1000)
		return;
	struct truth_minute m = truth_bar(open_ms, 1);
	int64_t unseen = open_ms <= begun_ms ? venue.kline_extra : 0;
	struct event_kline kline = {
		.open_ms = open_ms,
		.close_ms = open_ms + MINUTE_MS - 1,
		.minutes = 1,
		.open = { m.open, PRICE_SCALE },
		.high = { m.high, PRICE_SCALE },
		.low = { m.low, PRICE_SCALE },
		.close = { m.close, PRICE_SCALE },
		.volume = { m.buy + m.sell + unseen, QTY_SCALE },
		.closed = true,
	};
	market_take_kline(market, &kline);
}

/* Seconds of the stream and of the backfill; answers come within the second. */
static void run(int seconds)
{
	for (int i = 0; i < seconds; i++) {
		venue.now_ms += 1000;
		stream_go_on();
		stream_kline();
		timers_run(timers, clock_mono(NULL), 100);
		venue_answer_all();
	}
}

/* Without a stream. */
static void pass(int seconds)
{
	for (int i = 0; i < seconds; i++) {
		venue.now_ms += 1000;
		timers_run(timers, clock_mono(NULL), 100);
		venue_answer_all();
	}
}

static size_t asked(enum rest_endpoint endpoint) { return venue.asked[endpoint]; }

static int64_t at_scale(int64_t value, int32_t scale, int32_t want)
{
	for (; scale < want; scale++)
		value *= 10;
	return value;
}

static void assert_minute_true(const struct bar *bar)
{
	int32_t ps, qs;
	const struct truth_minute *m = &venue.minutes[(bar->minute_ms - truth_ms) / MINUTE_MS];
	market_scales(market, &ps, &qs);
	assert_int_equal(at_scale(bar->buy, qs, QTY_SCALE), m->buy);
	assert_int_equal(at_scale(bar->sell, qs, QTY_SCALE), m->sell);
	assert_int_equal(at_scale(bar->open, ps, PRICE_SCALE), m->open);
	assert_int_equal(at_scale(bar->close, ps, PRICE_SCALE), m->close);
	assert_int_equal(at_scale(bar->high, ps, PRICE_SCALE), m->high);
	assert_int_equal(at_scale(bar->low, ps, PRICE_SCALE), m->low);
	assert_true(bar->buy_quote * decimal_pow10(5 - ps - qs) == m->buy_quote);
	assert_true(bar->sell_quote * decimal_pow10(5 - ps - qs) == m->sell_quote);
}

/* Every minute but the newest that is not marked is the truth; how many are marked. */
static int assert_marked_or_true(void)
{
	struct market_cursor cursor = { 0 };
	struct bar bar;
	int marked = 0;
	while (market_next_minute(market, &cursor, &bar)) {
		if (bar.minute_ms + MINUTE_MS > market_newest_ms(market))
			break;
		if (bar.flags & BAR_PARTIAL)
			marked++;
		else
			assert_minute_true(&bar);
	}
	return marked;
}

/* All of the 72 h but the newest minute are there, and CVD is the sum of the deltas. */
static void assert_whole(void)
{
	struct window window;
	int32_t ps, qs;
	market_window_back(market, MARKET_MINUTES - 1, 1, &window);
	assert_int_equal(window.present, MARKET_MINUTES - 1);
	assert_int_equal(window.partial, 0);
	assert_int_equal(assert_marked_or_true(), 0);
	int64_t delta = 0;
	for (int64_t ms = window.from_ms; ms < window.to_ms; ms += MINUTE_MS) {
		const struct truth_minute *m = &venue.minutes[(ms - truth_ms) / MINUTE_MS];
		delta += m->buy - m->sell;
	}
	market_scales(market, &ps, &qs);
	assert_int_equal(at_scale(window.flow.buy - window.flow.sell, qs, QTY_SCALE), delta);
}

static uint32_t flags_of(int64_t t_ms)
{
	struct bar bar;
	assert_int_equal(market_minute(market, t_ms - t_ms % MINUTE_MS, &bar), STATUS_OK);
	return bar.flags;
}

static size_t n_missing(void)
{
	struct seen_range range;
	return market_missing(market, &range, 1);
}

/* Drops so many trades of the stream from the next one on. */
static size_t drop_next(size_t count)
{
	for (size_t i = 0; i < count; i++)
		venue.trades[venue.streamed + i].dropped = true;
	return venue.streamed;
}

/* ---- cold start ---- */

static void an_empty_market_is_filled_before_its_first_trade(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_SPOT, 0);
	backfill_start(backfill);
	pass(2);
	assert_int_equal(asked(REST_binance_spot_klines), 5); /* 4,320 minutes, 1,000 each */
	assert_true(backfill_progress(backfill) > 0.99);
	stream_begin();
	run(600);
	assert_whole();
	assert_true(backfill_counts(backfill)->history_minutes > 4000);
	assert_int_equal(told, 0);
	assert_true(asked(REST_binance_spot_klines) <= 10);
}

static void history_comes_behind_trades_as_well(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_PERP, 0);
	stream_begin();
	for (int i = 0; i < 200; i++) {
		venue.now_ms += 1000;
		stream_go_on();
	}
	assert_true(backfill_progress(backfill) < 0.01);
	backfill_start(backfill);
	run(600);
	assert_whole();
	assert_true(asked(REST_binance_perp_klines) <= 8); /* 1,500 each */
}

static void a_young_instrument_has_no_earlier_minutes(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_SPOT, 0);
	venue.klines_from_ms = venue.now_ms - 3600 * 1000;
	stream_begin();
	backfill_start(backfill);
	run(300);
	struct window window;
	market_window_back(market, 60, 1, &window);
	assert_int_equal(window.present, 60);
	assert_int_equal(assert_marked_or_true(), 0);
	assert_true(asked(REST_binance_spot_klines) < 12); /* the rest is asked for in an hour */
	assert_true(backfill_progress(backfill) > 0.95);
}

static void hours_of_downtime_are_filled_by_klines(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_SPOT, 0);
	stream_begin();
	backfill_start(backfill);
	run(120);
	stream_begin(); /* as it would be: the ids jump */
	venue.now_ms += 3 * 3600 * 1000 - 600000;
	for (size_t i = venue.streamed; venue.trades[i].t_ms <= venue.now_ms; i++)
		venue.trades[i].dropped = true;
	for (size_t i = 0; i < venue.n_trades; i++) /* as many ids as in a busy market */
		if (venue.trades[i].dropped || venue.trades[i].t_ms > venue.now_ms)
			venue.trades[i].id += venue.trades[i].dropped ? 0 : BACKFILL_IDS_MAX;
	run(400);
	assert_whole();
	assert_int_equal(backfill_counts(backfill)->ranges_given_up, 1);
	assert_int_equal(asked(REST_binance_spot_agg_trades), 0);
	assert_int_equal(n_missing(), 0);
}

/* ---- missing ids ---- */

static void ids_that_are_missing_come_back_exactly(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_PERP, 0);
	stream_begin();
	backfill_start(backfill);
	run(200);
	size_t at = drop_next(12);
	run(600);
	drop_next(1);
	run(300);
	assert_whole();
	assert_int_equal(n_missing(), 0);
	assert_int_equal(told, 13);
	assert_int_equal(backfill_counts(backfill)->repaired, 13);
	assert_int_equal(asked(REST_binance_perp_agg_trades), 2);
	assert_int_equal(venue.last[REST_binance_perp_agg_trades].priority, REST_REPAIR);
	assert_true(flags_of(venue.trades[at].t_ms) & BAR_REPAIRED);
	assert_false(flags_of(venue.trades[at].t_ms) & BAR_KLINES); /* ids were worth waiting for */
}

static void long_ranges_come_page_by_page(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_SPOT, 0);
	venue.now_ms = truth_ms + 3600 * 1000; /* early, so that many trades are still to come */
	stream_begin();
	venue.klines_from_ms = venue.now_ms;
	backfill_start(backfill);
	run(120);
	drop_next(2500);
	venue.now_ms = venue.trades[venue.streamed + 2500].t_ms;
	run(10);
	assert_int_equal(told, 2500);
	assert_int_equal(n_missing(), 0);
	assert_int_equal(asked(REST_binance_spot_agg_trades), 3);
	assert_int_equal(assert_marked_or_true(), 0);
}

static void a_young_hole_is_left_to_the_stream(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_SPOT, 0);
	stream_begin();
	backfill_start(backfill);
	run(100);
	size_t at = venue.streamed;
	drop_next(1);
	venue.now_ms = venue.trades[at + 1].t_ms + 500;
	run(1);
	assert_int_equal(n_missing(), 1);
	assert_int_equal(asked(REST_binance_spot_agg_trades), 0);
	stream_take(&venue.trades[at]); /* it was only late in coming */
	run(10);
	assert_int_equal(asked(REST_binance_spot_agg_trades), 0);
	assert_int_equal(n_missing(), 0);
}

static void ids_the_venue_has_not_are_given_up_and_klines_fill_in(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_SPOT, 0);
	stream_begin();
	backfill_start(backfill);
	run(100);
	size_t at = drop_next(3);
	for (int i = 0; i < 3; i++)
		venue.trades[at + (size_t)i].lost = true;
	run(400);
	assert_int_equal(asked(REST_binance_spot_agg_trades), 3);
	assert_int_equal(backfill_counts(backfill)->ranges_given_up, 1);
	assert_int_equal(told, 0);
	assert_int_equal(n_missing(), 0);
	assert_whole();
	assert_true(flags_of(venue.trades[at].t_ms) & BAR_KLINES);
}

/* What the stream brings while the answer is on its way is no second trade. */
static void an_answer_that_tells_what_came_meanwhile_counts_nothing_twice(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_SPOT, 0);
	stream_begin();
	backfill_start(backfill);
	run(100);
	size_t at = drop_next(4);
	venue.now_ms = venue.trades[at + 4].t_ms + 3000;
	stream_go_on();
	timers_run(timers, clock_mono(NULL), 100);
	stream_take(&venue.trades[at + 1]);
	venue_answer_all();
	run(300);
	assert_whole();
	assert_int_equal(told, 3);
}

/* ---- troubles ---- */

static void answers_that_fail_are_asked_for_again_later_and_later(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_SPOT, 0);
	venue.fail[REST_binance_spot_klines] = STATUS_TIMEOUT;
	stream_begin();
	backfill_start(backfill);
	run(120);
	assert_true(asked(REST_binance_spot_klines) >= 3);
	assert_true(asked(REST_binance_spot_klines) <= 6);
	assert_int_equal(backfill_counts(backfill)->failures, asked(REST_binance_spot_klines));
	venue.fail[REST_binance_spot_klines] = STATUS_OK;
	run(1000);
	assert_whole();
}

static void what_is_refused_for_good_is_asked_again_each_hour(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_SPOT, 0);
	venue.fail[REST_binance_spot_klines] = STATUS_NOT_FOUND;
	backfill_start(backfill);
	pass(1800);
	assert_int_equal(asked(REST_binance_spot_klines), 1);
	pass(3700);
	assert_int_equal(asked(REST_binance_spot_klines), 2);
}

static void absurd_answers_change_nothing(void **state)
{
	(void)state;
	static const char *const bodies[] = {
		"",
		"[]",
		"[[]]",
		"{\"code\":-1,\"msg\":\"?\"}",
		"<html>",
		"[[1,2,3]]",
		/* a kline nobody asked for, of an hour ago, and trades of other ids */
		"[[1723420800000,\"1\",\"1\",\"1\",\"1\",\"1\",1723420859999,\"1\",1,\"1\",\"1\","
		"\"0\"]]",
		"[{\"a\":1,\"p\":\"1\",\"q\":\"1\",\"T\":1723420800000,\"m\":true},{\"a\":99999999,"
		"\"p\":\"1\",\"q\":\"1\",\"T\":1723420800000,\"m\":true}]",
	};
	make(VENUE_BINANCE, KIND_SPOT, 15);
	stream_begin();
	backfill_start(backfill);
	run(100);
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		for (int endpoint = 0; endpoint < REST_COUNT; endpoint++)
			venue.instead[endpoint] = bodies[i];
		drop_next(2);
		backfill_opened(backfill, market, true);
		run(60);
		assert_marked_or_true();
	}
	assert_true(asked(REST_binance_spot_agg_trades) > 0);
	assert_int_equal(told, 0);
	memset(venue.instead, 0, sizeof venue.instead);
	backfill_opened(backfill, market, true);
	run(2000);
	assert_whole();
}

static void a_full_queue_is_waited_for(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_SPOT, 0);
	venue.room = 0;
	backfill_start(backfill);
	pass(30);
	for (int endpoint = 0; endpoint < REST_COUNT; endpoint++)
		assert_int_equal(asked((enum rest_endpoint)endpoint), 0);
	assert_int_equal(backfill_counts(backfill)->failures, 0);
	venue.room = 8;
	pass(2);
	assert_int_equal(asked(REST_binance_spot_klines), 5);
}

/* 40 markets, room for 8 requests, 8 answers a second: nobody is left out, and what is
 * asked for each minute is spread over it. */
static void many_markets_share_one_venue(void **state)
{
	(void)state;
	enum { MARKETS = 40, SECONDS = 180 };
	size_t oi_most = 0;
	make_many(VENUE_BINANCE, KIND_PERP, 15, MARKETS);
	venue.room = 8;
	backfill_start(backfill);
	for (int i = 0; i < SECONDS; i++) {
		size_t oi = asked(REST_binance_perp_oi);
		venue.now_ms += 1000;
		timers_run(timers, clock_mono(NULL), 100);
		for (int n = 0; n < 8 && venue.n_pending; n++)
			venue_answer_first();
		oi = asked(REST_binance_perp_oi) - oi;
		oi_most = i >= 60 && oi > oi_most ? oi : oi_most;
	}
	struct window window;
	for (size_t i = 0; i < MARKETS; i++) {
		struct market *one = markets_at(markets, i);
		market_window(one, MARKET_MINUTES, &window);
		assert_true(window.present >= MARKET_MINUTES - 1);
		assert_int_equal(series_count(market_series_at(one, 0)), SERIES_BARS);
		assert_true(rates_oi_count(market_rates(one)) >= 300);
	}
	assert_true(backfill_progress(backfill) > 0.999);
	assert_true(oi_most >= 1 && oi_most <= 4);
	assert_true(asked(REST_binance_perp_oi) >= 2 * MARKETS);
}

static void destroy_ends_what_is_under_way(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_PERP, 15);
	backfill_start(backfill);
	timers_run(timers, clock_mono(NULL), 100);
	size_t waiting = venue.n_pending;
	assert_true(waiting >= 4);
	backfill_destroy(backfill);
	backfill = NULL;
	assert_int_equal(venue.n_pending, 0);
	assert_int_equal(venue.cancelled, waiting);
	assert_int_equal(timers_next_ns(timers), INT64_MAX);
}

/* ---- Bybit ---- */

static void a_reconnect_is_repaired_and_proved_by_volume(void **state)
{
	(void)state;
	make(VENUE_BYBIT, KIND_PERP, 0);
	stream_begin();
	backfill_start(backfill);
	backfill_opened(backfill, market, false);
	run(900);
	assert_int_equal(assert_marked_or_true(), 1); /* where the list of recent trades begins */
	size_t before = told, at = drop_next(5);
	market_mark_interrupted(market);
	venue.now_ms = venue.trades[at + 5].t_ms;
	stream_go_on();
	backfill_opened(backfill, market, false);
	venue.fail[REST_bybit_perp_klines] = STATUS_TIMEOUT;
	run(1);
	venue.fail[REST_bybit_perp_klines] = STATUS_OK;
	assert_int_equal(told - before, 5);
	assert_true(flags_of(venue.trades[at].t_ms) & BAR_PARTIAL);
	run(300);
	assert_int_equal(assert_marked_or_true(), 1);
	struct window window;
	market_window_back(market, 120, 1, &window);
	assert_int_equal(window.present, 120);
	assert_int_equal(window.partial, 0);
	assert_true(backfill_counts(backfill)->klines_agreed >= 1);
	assert_int_equal(asked(REST_bybit_perp_trades), 2);
}

static void recent_trades_reach_back_only_so_far(void **state)
{
	(void)state;
	make(VENUE_BYBIT, KIND_SPOT, 0);
	stream_begin();
	backfill_start(backfill);
	run(600);
	assert_marked_or_true();
	size_t at = drop_next(200); /* 60 come back */
	market_mark_interrupted(market);
	venue.now_ms = venue.trades[at + 200].t_ms;
	stream_go_on();
	backfill_opened(backfill, market, false);
	run(1);
	assert_int_equal(told, 59);
	run(300);
	int marked = assert_marked_or_true();
	assert_true(marked >= 1 && marked <= 4); /* where it broke off, and where it reached to */
	size_t asks = asked(REST_bybit_spot_klines);
	run(900);
	assert_int_equal(asked(REST_bybit_spot_klines), asks); /* it is not asked for ever */
	backfill_opened(backfill, market, false);
	run(60);
	assert_true(asked(REST_bybit_spot_klines) > asks);
	assert_true(asked(REST_bybit_spot_klines) <= asks + 4);
}

static void volume_that_never_agrees_is_left_for_an_hour(void **state)
{
	(void)state;
	make(VENUE_BYBIT, KIND_PERP, 0);
	venue.kline_extra = 1;
	stream_begin();
	backfill_start(backfill);
	run(600);
	assert_int_equal(asked(REST_bybit_perp_klines), 3);
	run(3600);
	assert_int_equal(asked(REST_bybit_perp_klines), 6);
}

/* ---- bars, open interest, facts, depth ---- */

static void indicator_bars_come_from_the_venue_and_go_on_by_themselves(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_SPOT, 15);
	struct series *series = market_series_at(market, 0);
	stream_begin();
	backfill_start(backfill);
	run(5);
	assert_int_equal(series_count(series), SERIES_BARS);
	assert_int_equal(backfill_counts(backfill)->bars, SERIES_BARS);
	size_t asks = asked(REST_binance_spot_klines);
	run(3600);
	assert_int_equal(series_count(series), SERIES_BARS);
	assert_true(venue.now_ms - series_newest_ms(series) < 2 * 15 * MINUTE_MS + 30000);
	assert_true(asked(REST_binance_spot_klines) <= asks + 4); /* own minutes made them */
	for (size_t i = 0; i < SERIES_BARS; i++) {
		const struct series_bar *bar = series_at(series, i);
		struct truth_minute truth = truth_bar(bar->open_ms, 15);
		assert_int_equal(at_scale(bar->close.mantissa, bar->close.scale, PRICE_SCALE),
				 truth.close);
		assert_int_equal(at_scale(bar->volume.mantissa, bar->volume.scale, QTY_SCALE),
				 truth.buy + truth.sell);
	}
}

/* The bar's last minute is partial until a kline proves it, seconds later: that is no
 * reason to ask for the bar. */
static void own_minutes_get_time_to_complete_a_bar(void **state)
{
	(void)state;
	make(VENUE_BYBIT, KIND_PERP, 15);
	struct series *series = market_series_at(market, 0);
	stream_begin();
	backfill_start(backfill);
	backfill_opened(backfill, market, false);
	run(14 * 60 + 30);
	int64_t newest_ms = series_newest_ms(series);
	assert_int_equal(backfill_counts(backfill)->bars, SERIES_BARS);
	market_mark_interrupted(market);
	run(180);
	assert_int_equal(series_newest_ms(series), newest_ms + 15 * MINUTE_MS);
	assert_int_equal(backfill_counts(backfill)->bars, SERIES_BARS);
}

static void a_venue_with_fewer_bars_is_asked_each_hour(void **state)
{
	(void)state;
	make(VENUE_BYBIT, KIND_PERP, 60); /* 73 h of them there are */
	backfill_start(backfill);
	pass(1800);
	assert_int_equal(series_count(market_series_at(market, 0)), 73);
	assert_int_equal(asked(REST_bybit_perp_klines), 1);
	assert_non_null(strstr(venue.last[REST_bybit_perp_klines].query, "interval=60&"));
	pass(1900);
	assert_true(asked(REST_bybit_perp_klines) >= 2);
	assert_int_equal(series_count(market_series_at(market, 0)), 74);
}

static void open_interest_is_asked_for_once_a_minute(void **state)
{
	(void)state;
	struct oi_sample sample;
	make(VENUE_BINANCE, KIND_PERP, 0);
	backfill_start(backfill);
	pass(590);
	assert_int_equal(asked(REST_binance_perp_oi), 10);
	assert_int_equal(asked(REST_binance_perp_oi_history), 1);
	assert_true(rates_oi(market_rates(market), &sample));
	assert_int_equal(sample.qty.mantissa, 10005);
	assert_true(rates_oi_at(market_rates(market), venue.now_ms - 24 * 3600 * 1000, &sample));
	venue.fail[REST_binance_perp_oi] = STATUS_UNAVAILABLE;
	pass(1500);
	venue.fail[REST_binance_perp_oi] = STATUS_OK;
	pass(700);
	assert_int_equal(asked(REST_binance_perp_oi_history), 2); /* it had a hole */
}

static void bybits_open_interest_comes_in_pages_and_is_halved(void **state)
{
	(void)state;
	struct oi_sample sample;
	make(VENUE_BYBIT, KIND_PERP, 0);
	backfill_start(backfill);
	pass(5);
	assert_int_equal(asked(REST_bybit_perp_oi_history), 2);
	assert_int_equal(asked(REST_binance_perp_oi), 0);
	int64_t then = venue.now_ms - 24 * 3600 * 1000;
	assert_true(rates_oi_at(market_rates(market), then, &sample));
	assert_int_equal(sample.qty.mantissa, (then - truth_ms) / 300000);
	assert_int_equal(rates_oi_count(market_rates(market)), 300);
}

static void facts_of_the_instrument_are_told_when_they_change(void **state)
{
	(void)state;
	make(VENUE_BYBIT, KIND_PERP, 0);
	backfill_start(backfill);
	pass(2);
	const struct instrument *instrument = rates_instrument(market_rates(market));
	assert_int_equal(instrument->status, INSTRUMENT_TRADING);
	assert_int_equal(instrument->tick.mantissa, 1);
	assert_int_equal(instrument->funding_interval_min, 240);
	assert_int_equal(changes, 1);
	assert_int_equal(was_last, INSTRUMENT_UNKNOWN);
	venue.instrument_status = "PreLaunch";
	pass(4300); /* an hour and some */
	assert_int_equal(changes, 2);
	assert_int_equal(instrument->status, INSTRUMENT_HALTED);
	venue.fail[REST_bybit_perp_info] = STATUS_NOT_FOUND;
	pass(4300);
	assert_int_equal(changes, 3);
	assert_int_equal(instrument->status, INSTRUMENT_GONE);
	assert_int_equal(instrument->tick.mantissa, 1); /* what was known stays */
	venue.fail[REST_bybit_perp_info] = STATUS_OK;
	venue.instrument_status = NULL; /* a list without it says the same */
	pass(4300);
	assert_int_equal(changes, 3);
	venue.instrument_status = "Trading";
	pass(4300);
	assert_int_equal(instrument->status, INSTRUMENT_TRADING);
	venue.instrument_status = NULL;
	pass(4300);
	assert_int_equal(instrument->status, INSTRUMENT_GONE);
	assert_int_equal(changes, 5);
}

static void binances_futures_come_in_one_list(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_PERP, 0);
	backfill_start(backfill);
	pass(2);
	const struct instrument *instrument = rates_instrument(market_rates(market));
	assert_int_equal(asked(REST_binance_perp_info), 1);
	assert_int_equal(instrument->status, INSTRUMENT_TRADING);
	assert_int_equal(instrument->funding_interval_min, 480); /* no exception */
	venue.instrument_status = NULL;
	venue.instead[REST_binance_perp_funding_info] =
	    "[{\"symbol\":\"ETHUSDT\",\"fundingIntervalHours\":4}]";
	pass(4300);
	assert_int_equal(instrument->status, INSTRUMENT_GONE);
	assert_int_equal(instrument->funding_interval_min, 240);
	assert_int_equal(was_last, INSTRUMENT_TRADING);
	venue.instead[REST_binance_perp_info] =
	    "{\"symbols\":[{\"symbol\":\"X\"}]}"; /* half read */
	pass(4300);
	assert_int_equal(changes, 2);
}

static void depth_begins_with_a_snapshot(void **state)
{
	(void)state;
	make(VENUE_BINANCE, KIND_SPOT, 0);
	backfill_start(backfill);
	backfill_opened(backfill, market, false);
	pass(3);
	assert_int_equal(asked(REST_binance_spot_depth), 0);
	backfill_opened(backfill, market, true);
	pass(3);
	assert_int_equal(asked(REST_binance_spot_depth), 1);
	assert_int_equal(venue.last[REST_binance_spot_depth].weight, 50);
	struct book_depth depth = book_depth(market_book(market));
	assert_true(depth.known);
	assert_true(depth.bid_10bp == 3.0 && depth.ask_10bp == 4.0);
}

#define BACKFILL(test) cmocka_unit_test_teardown(test, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKFILL(an_empty_market_is_filled_before_its_first_trade),
		BACKFILL(history_comes_behind_trades_as_well),
		BACKFILL(a_young_instrument_has_no_earlier_minutes),
		BACKFILL(hours_of_downtime_are_filled_by_klines),
		BACKFILL(ids_that_are_missing_come_back_exactly),
		BACKFILL(long_ranges_come_page_by_page),
		BACKFILL(a_young_hole_is_left_to_the_stream),
		BACKFILL(ids_the_venue_has_not_are_given_up_and_klines_fill_in),
		BACKFILL(an_answer_that_tells_what_came_meanwhile_counts_nothing_twice),
		BACKFILL(answers_that_fail_are_asked_for_again_later_and_later),
		BACKFILL(what_is_refused_for_good_is_asked_again_each_hour),
		BACKFILL(absurd_answers_change_nothing),
		BACKFILL(a_full_queue_is_waited_for),
		BACKFILL(many_markets_share_one_venue),
		BACKFILL(destroy_ends_what_is_under_way),
		BACKFILL(a_reconnect_is_repaired_and_proved_by_volume),
		BACKFILL(recent_trades_reach_back_only_so_far),
		BACKFILL(volume_that_never_agrees_is_left_for_an_hour),
		BACKFILL(indicator_bars_come_from_the_venue_and_go_on_by_themselves),
		BACKFILL(own_minutes_get_time_to_complete_a_bar),
		BACKFILL(a_venue_with_fewer_bars_is_asked_each_hour),
		BACKFILL(open_interest_is_asked_for_once_a_minute),
		BACKFILL(bybits_open_interest_comes_in_pages_and_is_halved),
		BACKFILL(facts_of_the_instrument_are_told_when_they_change),
		BACKFILL(binances_futures_come_in_one_list),
		BACKFILL(depth_begins_with_a_snapshot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
