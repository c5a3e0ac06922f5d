#include "live_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "ask/ask.h"
#include "base/check.h"

enum {
	TIMER_ROOM = 128,
	MARKETS = VENUE_SIM_SITES * VENUE_SIM_SYMBOLS,
	NOTES = 64,
	NOTE_BYTES = 240,
	MS = 1000000,
};

/* What went to the tape of a market, by the truth's index. */
struct tape {
	struct market *market;
	const struct truth *truth;
	uint8_t *taken;
};

struct live_world {
	struct live_world_config config;
	struct clock_port clock;
	struct timers *timers;
	int64_t now_ns, wall_ahead_ns;
	struct venue_sim *venues;
	struct markets *markets;
	struct ingest *ingest;
	struct live *live;
	struct tape tapes[MARKETS];
	size_t n_tapes;
	struct err tape_err; /* the first thing wrong with the tape */
	bool tape_bad;
	char notes[NOTES][NOTE_BYTES];
	uint64_t n_notes;
	char answer[ASK_OUT_LIMIT];
};

/* ---- time ---- */

static int64_t clock_now(void *ctx) { return ((struct live_world *)ctx)->now_ns; }

static int64_t clock_wall(void *ctx)
{
	const struct live_world *world = ctx;
	return world->config.venues.start_ms * MS + world->now_ns + world->wall_ahead_ns;
}

void live_world_run_to(struct live_world *world, int64_t now_ns)
{
	for (int64_t next; (next = timers_next_ns(world->timers)) <= now_ns;) {
		world->now_ns = next > world->now_ns ? next : world->now_ns;
		timers_run(world->timers, world->now_ns, 1);
	}
	world->now_ns = now_ns > world->now_ns ? now_ns : world->now_ns;
}

int64_t live_world_now_ns(const struct live_world *world) { return world->now_ns; }

void live_world_set_wall(struct live_world *world, int64_t ahead_ns)
{
	world->wall_ahead_ns = ahead_ns;
}

struct venue_sim *live_world_venues(struct live_world *world) { return world->venues; }
struct live *live_world_live(struct live_world *world) { return world->live; }
struct markets *live_world_markets(struct live_world *world) { return world->markets; }

/* ---- what weir tells ---- */

static struct tape *tape_of(struct live_world *world, const struct market *market)
{
	for (size_t i = 0; i < world->n_tapes; i++)
		if (world->tapes[i].market == market)
			return &world->tapes[i];
	return NULL;
}

static void market_text(const struct market *market, char *text, size_t size)
{
	struct buf out = buf_over(text, size - 1);
	market_id_print(&out, market_id(market));
	text[out.len] = 0;
}

static void tape_complain(struct live_world *world, const struct market *market,
			  const struct trade *trade, const char *what)
{
	char id[64];
	if (world->tape_bad)
		return;
	world->tape_bad = true;
	market_text(market, id, sizeof id);
	err_set(&world->tape_err, STATUS_INVALID, "%s: trade %lld at %lld %s, told at %.3f s", id,
		(long long)trade->id, (long long)trade->t_ms, what, (double)world->now_ns / 1e9);
}

/* a × 10^-a_scale is b × 10^-b_scale. */
static bool same_amount(i128 a, int32_t a_scale, i128 b, int32_t b_scale)
{
	for (; a_scale < b_scale; a_scale++)
		a *= 10;
	for (; b_scale < a_scale; b_scale++)
		b *= 10;
	return a == b;
}

static bool same_trade(const struct truth *truth, size_t index, const struct market *market,
		       const struct trade *trade)
{
	const struct truth_trade *made = &truth->trades[index];
	int32_t price_scale, qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	return made->t_ms == trade->t_ms && made->side == trade->side && !made->block &&
	       same_amount(made->price, truth->config.places_price, trade->price, price_scale) &&
	       same_amount(made->qty, truth->config.places_qty, trade->qty, qty_scale);
}

static void on_trade(void *ctx, struct market *market, const struct trade *trade)
{
	struct live_world *world = ctx;
	struct tape *tape = tape_of(world, market);
	CHECK(tape);
	size_t index = truth_index(tape->truth, trade->id);
	if (index == SIZE_MAX || !same_trade(tape->truth, index, market, trade))
		tape_complain(world, market, trade, "is none of the venue's");
	else if (tape->taken[index]++)
		tape_complain(world, market, trade, "was told before");
}

static void on_note(void *ctx, bool warn, const char *what, const char *line)
{
	struct live_world *world = ctx;
	snprintf(world->notes[world->n_notes++ % NOTES], NOTE_BYTES, "%10.3f %s%s: %s",
		 (double)world->now_ns / 1e9, warn ? "! " : "", what, line);
}

void live_world_print_notes(const struct live_world *world)
{
	uint64_t first = world->n_notes > NOTES ? world->n_notes - NOTES : 0;
	for (uint64_t i = first; i < world->n_notes; i++)
		fprintf(stderr, "%s\n", world->notes[i % NOTES]);
}

const char *live_world_ask(struct live_world *world, const char *question)
{
	struct buf out = buf_over(world->answer, sizeof world->answer - 1);
	struct ask_world asked = { .markets = world->markets, .options = ask_options_default() };
	struct ask_request request = { .text = str_of(question), .now_ms = clock_wall(world) / MS };
	enum ask_outcome outcome;
	asked.options.live = true;
	CHECK(ask_answer(&asked, &request, &out, &outcome) == STATUS_OK);
	world->answer[out.len] = 0;
	return world->answer;
}

/* ---- life ---- */

static void make_venues(struct live_world *world)
{
	struct venue_sim_config *venues = &world->config.venues;
	venues->timers = world->timers;
	venues->clock = &world->clock;
	world->venues = venue_sim_create(venues);
}

static void make_live(struct live_world *world)
{
	static const char *symbols[VENUE_SIM_SYMBOLS];
	struct live_config config = {
		.symbols = symbols,
		.n_symbols = VENUE_SIM_SYMBOLS,
		.depth = world->config.depth,
		.patience = 1000,
		.markets = world->markets,
		.ingest = world->ingest,
		.timers = world->timers,
		.clock = &world->clock,
		.seed = world->config.venues.seed,
		.hooks = { .on_trade = on_trade, .on_note = on_note, .ctx = world }
	};
	struct err err;
	for (size_t i = 0; i < VENUE_SIM_SYMBOLS; i++)
		symbols[i] = venue_sim_symbol(i);
	for (enum venue v = 0; v < VENUE_COUNT; v++)
		for (enum kind k = 0; k < KIND_COUNT; k++)
			config.venues[v][k] =
			    (struct live_venue){ true, venue_sim_ws_url(v, k),
						 venue_sim_rest_url(v, k),
						 venue_sim_ws(world->venues, v, k),
						 venue_sim_http(world->venues, v, k) };
	CHECK(live_create(&config, &world->live, &err) == STATUS_OK);
}

static void make_tapes(struct live_world *world)
{
	world->n_tapes = markets_count(world->markets);
	CHECK(world->n_tapes == MARKETS);
	for (size_t i = 0; i < world->n_tapes; i++) {
		struct tape *tape = &world->tapes[i];
		tape->market = markets_at(world->markets, i);
		tape->truth = venue_sim_truth(world->venues, market_id(tape->market));
		tape->taken = malloc(tape->truth->room);
		CHECK(tape->taken);
		memset(tape->taken, 0, tape->truth->room);
	}
}

struct live_world *live_world_create(const struct live_world_config *config)
{
	const struct market_config markets = { .whale_quote = 500000,
					       .indicators = { 15, 60, 240 } };
	struct live_world *world = calloc(1, sizeof *world);
	CHECK(world);
	world->config = *config;
	world->clock = (struct clock_port){ clock_now, clock_wall, world };
	world->timers = timers_create(TIMER_ROOM);
	world->markets = markets_create(&markets);
	CHECK(world->timers && world->markets);
	const struct ingest_hooks hooks = { .on_trade = on_trade, .ctx = world };
	world->ingest = ingest_create(world->markets, &hooks);
	CHECK(world->ingest);
	make_venues(world);
	make_live(world);
	make_tapes(world);
	live_start(world->live);
	return world;
}

void live_world_destroy(struct live_world *world)
{
	live_destroy(world->live);
	venue_sim_destroy(world->venues);
	ingest_destroy(world->ingest);
	markets_destroy(world->markets);
	timers_destroy(world->timers);
	for (size_t i = 0; i < world->n_tapes; i++)
		free(world->tapes[i].taken);
	free(world);
}

/* ---- judgement ---- */

struct held { /* a minute as weir tells of it */
	int64_t minute_ms;
	struct window window;
	bool complete;
};

/* The newest minute is open. */
static int64_t last_judged_ms(const struct live_world *world, const struct tape *tape)
{
	int64_t newest_ms = market_newest_ms(tape->market);
	int64_t old_ms = venue_sim_now_ms(world->venues) - LIVE_WORLD_SETTLE_MS;
	if (market_id(tape->market)->venue == VENUE_BYBIT)
		newest_ms -= MARKET_LATE_MS; /* its klines wait until then */
	int64_t end_ms = newest_ms < old_ms ? newest_ms : old_ms;
	return end_ms - end_ms % MINUTE_MS - MINUTE_MS;
}

static int64_t day_begin_ms(const struct live_world *world)
{
	int64_t now_ms = venue_sim_now_ms(world->venues);
	return now_ms - now_ms % MINUTE_MS - 1440 * (int64_t)MINUTE_MS;
}

/* Of the past there are no trades. */
static int64_t first_told_ms(const struct live_world *world)
{
	int64_t day_ms = day_begin_ms(world), start_ms = world->config.venues.start_ms;
	return day_ms > start_ms ? day_ms : start_ms;
}

static void hold(const struct market *market, int64_t minute_ms, struct held *held)
{
	int64_t newest = market_newest_ms(market) / MINUTE_MS;
	held->minute_ms = minute_ms;
	market_window_back(market, 1, (int32_t)(newest - minute_ms / MINUTE_MS), &held->window);
	held->complete = held->window.present && !held->window.partial;
}

static bool same_flow(const struct tape *tape, const struct window *window,
		      const struct truth_minute *truth)
{
	const struct flow *flow = &window->flow;
	const struct truth_config *config = &tape->truth->config;
	int32_t price, qty, places = config->places_price + config->places_qty;
	market_scales(tape->market, &price, &qty);
	return same_amount(flow->buy, qty, truth->buy, config->places_qty) &&
	       same_amount(flow->sell, qty, truth->sell, config->places_qty) &&
	       same_amount(flow->buy_quote, price + qty, truth->buy_quote, places) &&
	       same_amount(flow->sell_quote, price + qty, truth->sell_quote, places) &&
	       (window->klines || (flow->n_buy == truth->n_buy && flow->n_sell == truth->n_sell));
}

static bool holds_no_more(const struct window *window, const struct truth_minute *truth)
{
	return window->flow.n_buy <= truth->n_buy && window->flow.n_sell <= truth->n_sell;
}

static enum status wrong(const struct live_world *world, const struct tape *tape,
			 const struct held *held, const struct truth_minute *truth, struct err *err)
{
	char id[64];
	const struct flow *flow = &held->window.flow;
	const struct truth_config *config = &tape->truth->config;
	market_text(tape->market, id, sizeof id);
	return err_set(
	    err, STATUS_INVALID,
	    "%s minute %lld (+%lld s) at %.3f s, %s%s%s: buy %lld n %llu, sell %lld n %llu; the "
	    "venue: buy %lld n %u, sell %lld n %u, first trade %lld, places %u",
	    id, (long long)held->minute_ms,
	    (long long)(held->minute_ms - world->config.venues.start_ms) / 1000,
	    (double)world->now_ns / 1e9, held->complete ? "complete" : "partial",
	    held->window.klines ? ", klines" : "", held->window.repaired ? ", repaired" : "",
	    (long long)flow->buy, (unsigned long long)flow->n_buy, (long long)flow->sell,
	    (unsigned long long)flow->n_sell, (long long)truth->buy, truth->n_buy,
	    (long long)truth->sell, truth->n_sell, (long long)truth_id(tape->truth, truth->first),
	    config->places_qty);
}

static enum status judge_market(const struct live_world *world, const struct tape *tape,
				struct err *err)
{
	int64_t to_ms = last_judged_ms(world, tape);
	for (int64_t at = day_begin_ms(world); at <= to_ms; at += MINUTE_MS) {
		struct held held;
		const struct truth_minute *truth = truth_minute(tape->truth, at);
		CHECK(truth);
		hold(tape->market, at, &held);
		if (held.complete ? !same_flow(tape, &held.window, truth)
				  : !holds_no_more(&held.window, truth))
			return wrong(world, tape, &held, truth, err);
	}
	return STATUS_OK;
}

enum status live_world_judge(struct live_world *world, struct err *err)
{
	enum status status = STATUS_OK;
	for (size_t i = 0; i < world->n_tapes && !status; i++)
		status = judge_market(world, &world->tapes[i], err);
	return status;
}

void live_world_count(const struct live_world *world, enum venue venue,
		      struct live_world_minutes *out)
{
	*out = (struct live_world_minutes){ 0 };
	for (size_t i = 0; i < world->n_tapes; i++) {
		const struct tape *tape = &world->tapes[i];
		int64_t to_ms = last_judged_ms(world, tape);
		if (market_id(tape->market)->venue != venue)
			continue;
		for (int64_t at = first_told_ms(world); at <= to_ms; at += MINUTE_MS) {
			struct held held;
			hold(tape->market, at, &held);
			out->judged++;
			out->complete += held.complete;
			out->partial += held.window.partial != 0;
			out->missing += !held.window.present;
			out->klines += held.window.klines != 0;
			out->repaired += held.window.repaired != 0;
		}
	}
}

/* ---- sums of a day ---- */

static enum status judge_cvd(const struct tape *tape, size_t *compared, struct err *err)
{
	struct window window;
	const struct truth_config *config = &tape->truth->config;
	struct truth_minute sum = { 0 };
	char id[64];
	market_window(tape->market, 1440, &window);
	if (window.partial || window.present != window.minutes)
		return STATUS_OK;
	for (int64_t at = window.from_ms; at < window.to_ms; at += MINUTE_MS) {
		const struct truth_minute *m = truth_minute(tape->truth, at);
		CHECK(m);
		sum.buy += m->buy;
		sum.sell += m->sell;
		sum.buy_quote += m->buy_quote;
		sum.sell_quote += m->sell_quote;
	}
	window.klines = 1; /* numbers of trades are not compared */
	++*compared;
	if (same_flow(tape, &window, &sum))
		return STATUS_OK;
	market_text(tape->market, id, sizeof id);
	return err_set(err, STATUS_INVALID, "%s: the day's delta is %lld, the venue's %lld (%u)",
		       id, (long long)(window.flow.buy - window.flow.sell),
		       (long long)(sum.buy - sum.sell), config->places_qty);
}

enum status live_world_judge_cvd(const struct live_world *world, size_t *compared, struct err *err)
{
	enum status status = STATUS_OK;
	*compared = 0;
	for (size_t i = 0; i < world->n_tapes && !status; i++)
		status = judge_cvd(&world->tapes[i], compared, err);
	return status;
}

/* ---- the tape ---- */

static enum status judge_tape(const struct live_world *world, const struct tape *tape,
			      struct err *err)
{
	int64_t to_ms = last_judged_ms(world, tape);
	for (int64_t at = first_told_ms(world); at <= to_ms; at += MINUTE_MS) {
		struct held held;
		const struct truth_minute *truth = truth_minute(tape->truth, at);
		CHECK(truth);
		hold(tape->market, at, &held);
		if (!held.complete || held.window.klines)
			continue;
		for (size_t i = 0; i < truth->count; i++) {
			size_t index = truth->first + i;
			if (tape->taken[index] == !tape->truth->trades[index].block)
				continue;
			wrong(world, tape, &held, truth, err);
			return err_wrap(err, STATUS_INVALID, "trade %lld is missing from the tape",
					(long long)truth_id(tape->truth, index));
		}
	}
	return STATUS_OK;
}

enum status live_world_judge_tape(const struct live_world *world, struct err *err)
{
	enum status status = STATUS_OK;
	if (world->tape_bad) {
		*err = world->tape_err;
		return STATUS_INVALID;
	}
	for (size_t i = 0; i < world->n_tapes && !status; i++)
		status = judge_tape(world, &world->tapes[i], err);
	return status;
}
