/* Market state: trades through markets and stores, without the frames they would come in. Most
 * of the time passes in long steps, with nobody looking on; the last hours in the steps of the
 * stores, for what live outputs keep. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "def/keys.h"
#include "measure/measure_impl.h"
#include "measure/trade_load.h"
#include "store/market_outputs.h"
#include "store/market_store.h"

enum {
	SOURCES = 4, /* markets of a symbol: of two venues, each of two kinds */
	TRADES_AT_ONCE = 4096,
	BUSY_TRADES_S = 500, /* of the row tape_500 */
	HOUR_S = 3600,
	DAY_S = 86400,
	COARSE_S = 60,
	SHOWN_HOURS = 7, /* for 10,000 trades of a quiet market */
	SHOWN_S = 20,
	LIQUIDATIONS_HOUR = 6, /* of a perpetual market */
};

/* Seldom, where nobody looks: a flush reads what is open. */
static const int64_t coarse_flush_ns = 1800 * SECOND_NS, flush_ns = SECOND_NS;

struct source {
	struct market *market;
	struct trade_load load;
	struct rng rng; /* of what is not trades */
	bool perp;
	int64_t minute_ms; /* of the newest figures */
};

struct world {
	struct measure *m;
	struct markets *markets;
	struct market_store *store;
	struct market_outputs *outputs; /* NULL: only the tape is wanted */
	struct trade_nature natures[KIND_COUNT];
	struct source sources[MARKETS_MAX];
	size_t count;
	int64_t trades, started_ms, total_s;
	const char *what;
};

/* ---- what comes ---- */

static void on_liquidation(void *ctx, const struct liquidation *liquidation)
{
	struct world *world = ctx;
	if (world->outputs)
		market_outputs_liquidation(world->outputs, liquidation);
}

static void write_out(struct world *world)
{
	while (market_store_busy(world->store) && measure_good(world->m)) {
		market_store_flush(world->store);
		measure_settle(world->m, SEGMENT_RMS);
	}
}

static void take_trade(struct world *world, struct source *source)
{
	struct event_trade event;
	struct trade trade;
	int64_t t_ms = trade_load_ms(&source->load);
	trade_load_next(&source->load, &event);
	enum market_taken taken = market_take_trade(source->market, &event, t_ms, &trade);
	if (taken != MARKET_NEW && taken != MARKET_LATE)
		return;
	if (world->outputs)
		market_outputs_trade(world->outputs, source->market, &trade);
	market_store_trade(world->store, source->market, &trade);
	if (++world->trades % TRADES_AT_ONCE == 0)
		write_out(world);
}

/* Open interest each minute, funding that moves, a liquidation now and then. */
static void take_minute(struct world *world, struct source *source, int64_t t_ms)
{
	struct rates *rates = market_rates(source->market);
	const struct event_funding funding = {
		.rate = { 1000 + (int64_t)rng_below(&source->rng, 40), 7 },
		.next_ms = t_ms / 28800000 * 28800000 + 28800000,
		.interval_min = 480
	};
	int64_t interest = 41000000 + (int64_t)rng_below(&source->rng, 2000000);
	rates_take_oi(rates, (struct decimal){ interest, 3 }, false, t_ms);
	if (t_ms / 60000 % 8 == 0)
		rates_take_funding(rates, &funding, t_ms);
	if (rng_below(&source->rng, 60) >= LIQUIDATIONS_HOUR)
		return;
	const struct event_liquidation liquidation = { .price = { source->load.price, 2 },
						       .qty = { source->load.size, 3 },
						       .position = source->load.side };
	liquidations_begin_frame(markets_liquidations(world->markets));
	liquidations_take(markets_liquidations(world->markets), market_id(source->market),
			  &liquidation, t_ms);
}

static void take_until(struct world *world, struct source *source, int64_t until_ms)
{
	while (trade_load_ms(&source->load) < until_ms && measure_good(world->m))
		take_trade(world, source);
	if (!source->perp || until_ms / 60000 == source->minute_ms / 60000)
		return;
	source->minute_ms = until_ms;
	take_minute(world, source, until_ms - 1);
}

/* ---- time ---- */

static void pass(struct world *world, int64_t ns)
{
	struct measure *m = world->m;
	int64_t until_ms = measure_wall_ms(m) + ns / 1000000;
	for (size_t i = 0; i < world->count; i++)
		take_until(world, &world->sources[i], until_ms);
	measure_pass(m, ns);
	write_out(world);
	if (measure_wall_ms(m) % 1000 == 0)
		measure_settle(m, SEGMENT_RMS);
}

static void pass_hours(struct world *world, int64_t hours, int64_t step_ns)
{
	struct measure *m = world->m;
	int64_t steps = hours * HOUR_S * SECOND_NS / step_ns;
	for (int64_t i = 0; i < steps && measure_good(m); i++) {
		if (i % 60 == 0)
			measure_tell(m, world->what,
				     (measure_wall_ms(m) - world->started_ms) / 1000,
				     world->total_s);
		pass(world, step_ns);
	}
}

/* ---- the world ---- */

/* The share of a market is as its place: the second has half of the first's trades. */
static bool make_source(struct world *world, size_t index, double trades_day)
{
	static const char *const known[] = { "BTC",  "ETH", "SOL",  "XRP",  "BNB",
					     "DOGE", "ADA", "AVAX", "LINK", "LTC" };
	static const struct {
		enum venue venue;
		enum kind kind;
	} places[SOURCES] = { { VENUE_BINANCE, KIND_PERP },
			      { VENUE_BYBIT, KIND_PERP },
			      { VENUE_BINANCE, KIND_SPOT },
			      { VENUE_BYBIT, KIND_SPOT } };
	struct measure *m = world->m;
	struct source *source = &world->sources[index];
	size_t symbol = index / SOURCES, place = index % SOURCES;
	uint64_t seed = m->config->seed * 1000 + index;
	char name[SYMBOL_MAX + 1];
	if (symbol < ARRAY_LEN(known))
		snprintf(name, sizeof name, "%sUSDT", known[symbol]);
	else
		snprintf(name, sizeof name, "SIM%zuUSDT", symbol % 1000);
	source->perp = places[place].kind == KIND_PERP;
	source->market =
	    markets_get(world->markets, places[place].venue, places[place].kind, str_of(name));
	rng_init(&source->rng, seed ^ 0x9E3779B97F4A7C15u);
	int64_t a_day = (int64_t)(trades_day / (double)(index + 1));
	trade_load_init(&source->load, &world->natures[places[place].kind], places[place].venue,
			seed, measure_wall_ms(m), a_day > 0 ? a_day : 1);
	return source->market;
}

static bool make_sources(struct world *world, int64_t trades_s)
{
	double shares = 0;
	world->count = (size_t)world->m->load->markets;
	for (int kind = 0; kind < KIND_COUNT; kind++)
		trade_nature_init(&world->natures[kind], (enum kind)kind);
	for (size_t i = 0; i < world->count; i++)
		shares += 1 / (double)(i + 1);
	for (size_t i = 0; i < world->count; i++)
		if (!make_source(world, i, (double)(trades_s * DAY_S) / shares))
			return false;
	return true;
}

static bool make_world(struct world *world, int64_t trades_s, bool outputs)
{
	struct measure *m = world->m;
	const struct market_config market = { .whale_quote = 500000,
					      .indicators = { 15, 60, 240 } };
	const struct liquidations_hooks liquidations = { on_liquidation, NULL, world };
	const struct market_store_config store = { .flush_ns = coarse_flush_ns };
	const struct market_outputs_config live = { .live = false };
	struct redis_port *rms = measure_redis(m, SEGMENT_RMS);
	world->markets = markets_create(&market);
	if (world->markets && make_sources(world, trades_s)) {
		liquidations_set_hooks(markets_liquidations(world->markets), &liquidations);
		world->store =
		    market_store_create(rms, world->markets, m->timers, &m->clock, &store);
	}
	if (world->store && outputs)
		world->outputs =
		    market_outputs_create(rms, world->markets, m->timers, &m->clock, &live);
	if (!world->store || (outputs && !world->outputs))
		measure_fail(m, STATUS_NO_MEMORY, "out of memory");
	else if (outputs)
		market_outputs_start(world->outputs);
	return measure_good(m);
}

static void drop_world(struct world *world)
{
	measure_settle(world->m, SEGMENT_RMS);
	market_outputs_destroy(world->outputs);
	if (world->store)
		market_store_destroy(world->store);
	if (world->markets)
		markets_destroy(world->markets);
	free(world);
}

static struct world *new_world(struct measure *m, const char *what)
{
	struct world *world = calloc(1, sizeof *world);
	if (!world) {
		measure_fail(m, STATUS_NO_MEMORY, "out of memory");
		return NULL;
	}
	world->m = m;
	world->what = what;
	/* On the whole hour: a chunk of the tape ends there. */
	int64_t ms = HOUR_S * 1000 - measure_wall_ms(m) % (HOUR_S * 1000);
	measure_pass(m, ms * 1000000);
	return world;
}

static void check_world(const struct world *world)
{
	const struct market_store_counts *counts = market_store_counts(world->store);
	if (counts->failed || counts->dropped_chunks)
		measure_fail(world->m, STATUS_REDIS_ERR,
			     "the tape: %llu transactions failed, %llu chunks dropped",
			     (unsigned long long)counts->failed,
			     (unsigned long long)counts->dropped_chunks);
	if (world->outputs && market_outputs_counts(world->outputs)->failed)
		measure_fail(world->m, STATUS_REDIS_ERR, "market outputs failed");
}

/* The flow of a step is one entry: those of the long steps are not what is kept. */
static void show_live(struct world *world, int64_t hours)
{
	struct measure *m = world->m;
	int64_t keys;
	market_outputs_set_live(world->outputs, true);
	pass_hours(world, hours - 1, SHOWN_S * SECOND_NS);
	measure_remove(m, SEGMENT_RMS, key_stream_aggressor_prefix(), &keys);
	market_store_set_flush_ns(world->store, flush_ns);
	pass_hours(world, 1, OUTPUTS_AGGRESSOR_MS * INT64_C(1000000));
}

static void live_through(struct world *world)
{
	int64_t hours = world->m->load->market_hours;
	int64_t shown = !world->outputs ? 0 : hours < SHOWN_HOURS ? hours : SHOWN_HOURS;
	world->total_s = hours * HOUR_S;
	world->started_ms = measure_wall_ms(world->m);
	pass_hours(world, hours - shown, COARSE_S * SECOND_NS);
	if (shown)
		show_live(world, shown);
	for (int i = 0; i < 3; i++) { /* the newest trades are written, and no more come */
		market_store_flush(world->store);
		measure_settle(world->m, SEGMENT_RMS);
	}
}

/* ---- what it cost ---- */

static void set(struct measure *m, enum plan_component component, int64_t bytes, int64_t items,
		int64_t took_ns)
{
	if (!measure_good(m))
		return;
	m->out->bytes[component] = bytes;
	m->out->components[component] = (struct measure_component){
		.bytes = bytes, .rss = -1, .items = items, .took_ns = took_ns
	};
}

static int64_t remove_both(struct measure *m, struct str a, struct str b)
{
	int64_t keys, bytes = measure_remove(m, SEGMENT_RMS, a, &keys);
	return bytes + measure_remove(m, SEGMENT_RMS, b, &keys);
}

static int64_t remove_outputs(struct measure *m)
{
	const struct str of_markets[] = { key_market_prefix(),     key_stream_trades_prefix(),
					  key_indicators_prefix(), key_klines_prefix(),
					  key_oi_prefix(),         key_funding_prefix(),
					  key_liq_prefix() };
	int64_t symbols = remove_both(m, key_stream_aggressor_prefix(), key_delta_state_prefix()),
		markets = 0, keys;
	for (size_t i = 0; i < ARRAY_LEN(of_markets); i++)
		markets += measure_remove(m, SEGMENT_RMS, of_markets[i], &keys);
	measure_item(m, PLAN_ITEM_outputs_symbol, m->load->symbols, symbols);
	measure_item(m, PLAN_ITEM_outputs_market, m->load->markets, markets);
	return symbols + markets;
}

/* Bytes over trades, market by market, as a straight line: what a trade costs is its slope. */
struct line {
	double n, x, y, xx, xy;
};

static void add_market(struct line *line, double trades, double bytes)
{
	line->n++;
	line->x += trades;
	line->y += bytes;
	line->xx += trades * trades;
	line->xy += trades * bytes;
}

static double slope(const struct line *line)
{
	double spread = line->n * line->xx - line->x * line->x;
	return spread > 0 ? (line->n * line->xy - line->x * line->y) / spread : 0;
}

static int64_t remove_key(struct measure *m, struct str name)
{
	const struct str argv[] = { STR("UNLINK"), name };
	int64_t before = measure_used(m, SEGMENT_RMS);
	measure_ask(m, SEGMENT_RMS, argv, ARRAY_LEN(argv));
	return before - measure_used(m, SEGMENT_RMS);
}

/* One market's after the other. */
static int64_t remove_tape(struct world *world)
{
	struct measure *m = world->m;
	struct line line = { 0 };
	int64_t bytes = 0;
	for (size_t i = 0; i < markets_count(world->markets) && measure_good(m); i++) {
		const struct market *market = markets_at(world->markets, i);
		struct key tape, open;
		struct str name = key_tape(&tape, market_id(market));
		struct str open_name = key_tape_open(&open, market_id(market));
		int64_t of_market = remove_key(m, name) + remove_key(m, open_name);
		bytes += of_market;
		add_market(&line, (double)market_counts(market)->trades, (double)of_market);
	}
	int64_t trades = (int64_t)((double)world->trades * slope(&line));
	trades = measure_part(trades, bytes);
	measure_item(m, PLAN_ITEM_tape_trade, world->trades, trades);
	measure_item(m, PLAN_ITEM_tape_stream, m->load->markets, bytes - trades);
	return bytes;
}

static int64_t fill_usual(struct measure *m)
{
	int64_t began_ns = loop_precise_ns(), trades = 0;
	struct world *world = new_world(m, "markets");
	if (!world)
		return 0;
	bool outputs = measure_wants(m, PLAN_outputs);
	if (make_world(world, m->load->trades_s, outputs)) {
		live_through(world);
		check_world(world);
		measure_note_filled(m, SEGMENT_RMS);
		int64_t took_ns = loop_precise_ns() - began_ns;
		int64_t minutes = m->load->markets * m->load->market_hours * 60;
		if (outputs)
			set(m, PLAN_outputs, remove_outputs(m), m->load->markets, took_ns);
		int64_t bars = remove_both(m, key_bars_prefix(), key_bars_open_prefix());
		measure_item(m, PLAN_ITEM_bar_minute, minutes, bars);
		set(m, PLAN_bars, bars, minutes, took_ns);
		set(m, PLAN_tape, remove_tape(world), world->trades, took_ns);
		trades = world->trades;
	}
	drop_world(world);
	return trades;
}

/* Two rates tell what a trade costs and what a market: both rows then come out. */
static void solve(struct measure *m, int64_t trades, int64_t busy_trades)
{
	int64_t bytes = m->out->bytes[PLAN_tape], busy = m->out->bytes[PLAN_tape_500];
	if (!measure_good(m) || busy_trades <= trades || busy <= bytes)
		return;
	int64_t of_trades =
	    (int64_t)((double)(busy - bytes) / (double)(busy_trades - trades) * (double)trades);
	if (of_trades > bytes)
		return;
	measure_item(m, PLAN_ITEM_tape_trade, trades, of_trades);
	measure_item(m, PLAN_ITEM_tape_stream, m->load->markets, bytes - of_trades);
}

/* Trades a second of the row, as the plan has them for this load. */
static int64_t busy_rate(const struct measure *m)
{
	int64_t seconds = m->load->market_hours * HOUR_S;
	int64_t trades = plan_items_in(m->load, PLAN_tape_500, PLAN_ITEM_tape_trade);
	return trades > 0 && seconds > 0 ? trades / seconds : 0;
}

/* A part of the load would take as long as the whole where its rate is not a part. */
static bool busy_is_worth_it(const struct measure *m, int64_t rate)
{
	const struct plan_load *whole = &m->config->load;
	return rate > 0 && (m->config->scale_1000 == 1000 ||
			    rate * whole->markets <= BUSY_TRADES_S * m->load->markets);
}

static void fill_busy(struct measure *m, int64_t trades)
{
	int64_t began_ns = loop_precise_ns(), busy = 0, rate = busy_rate(m);
	if (!busy_is_worth_it(m, rate))
		return;
	struct world *world = new_world(m, "markets at 500 trades/s");
	if (!world)
		return;
	if (make_world(world, rate, false)) {
		live_through(world);
		check_world(world);
		measure_note_filled(m, SEGMENT_RMS);
		int64_t took_ns = loop_precise_ns() - began_ns;
		set(m, PLAN_tape_500, remove_both(m, key_tape_prefix(), key_tape_open_prefix()),
		    world->trades, took_ns);
		busy = world->trades;
	}
	drop_world(world);
	if (trades)
		solve(m, trades, busy);
}

void measure_fill_rms(struct measure *m)
{
	bool usual = measure_wants(m, PLAN_tape) || measure_wants(m, PLAN_bars) ||
		     measure_wants(m, PLAN_outputs);
	int64_t trades = 0;
	if (!measure_good(m) || !m->load->markets || !m->load->trades_s)
		return;
	if (m->load->markets > MARKETS_MAX) {
		measure_fail(m, STATUS_RANGE, "at most %d markets are held", MARKETS_MAX);
		return;
	}
	if (usual)
		trades = fill_usual(m);
	if (usual && measure_wants(m, PLAN_tape_500))
		remove_both(m, key_bars_prefix(), key_bars_open_prefix());
	if (measure_wants(m, PLAN_tape_500))
		fill_busy(m, trades);
}
