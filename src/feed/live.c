#include "feed/live.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { SOURCES = VENUE_COUNT * KIND_COUNT };

struct live_source { /* of a venue and kind */
	bool on;
	struct plan plan;
	struct rest *rest;
	struct connect_gate gate;
};

struct live {
	struct live_config config;
	struct market_id *ids; /* all configured, source by source */
	size_t n_ids;
	struct live_source sources[SOURCES];
	struct budget bybit; /* its limit counts requests of both kinds together */
	struct session *sessions[LIVE_SESSIONS_MAX];
	size_t n_sessions;
	struct backfill *backfill;
	int64_t wall_at_zero_ns; /* our wall clock at the start, brought back to monotonic 0 */
};

static enum venue venue_of(size_t source) { return (enum venue)(source / KIND_COUNT); }
static enum kind kind_of(size_t source) { return (enum kind)(source % KIND_COUNT); }

/* ---- hooks of the sessions ---- */

/* The latest that it can be there. Our wall clock may be wrong, or be set back while we
 * run; then what is right would be refused for being ahead of it. */
static int64_t latest_ms(const struct live *live, const struct rest *rest)
{
	const struct clock_port *clock = live->config.clock;
	int64_t wall_ms = clock_wall_ns(clock) / 1000000;
	int64_t steady_ms = (live->wall_at_zero_ns + clock_monotonic_ns(clock)) / 1000000;
	int64_t theirs_ms = wall_ms + rest_clock_offset_ms(rest);
	int64_t ours_ms = wall_ms > steady_ms ? wall_ms : steady_ms;
	return ours_ms > theirs_ms ? ours_ms : theirs_ms;
}

static uint32_t on_frame(void *ctx, struct session *session, struct str frame, int64_t received_ns)
{
	struct live *live = ctx;
	const struct plan_connection *plan = session_plan(session);
	(void)received_ns;
	ingest_set_now(live->config.ingest,
		       latest_ms(live, live_rest(live, plan->venue, plan->kind)));
	return ingest_frame(live->config.ingest, plan->venue, plan->kind, frame);
}

/* Calls fn once for each market of the session; topics of a symbol stand together. */
static void each_market(struct live *live, const struct plan_connection *plan,
			void (*fn)(struct live *live, struct market *market,
				   const struct plan_connection *plan))
{
	const struct market_id *last = NULL;
	for (size_t i = 0; i < plan->n_topics; i++) {
		const struct market_id *id = &plan->topics[i].market;
		if (last && market_id_eq(last, id))
			continue;
		last = id;
		struct market *market = markets_find(live->config.markets, id);
		if (market)
			fn(live, market, plan);
	}
}

static void market_opened(struct live *live, struct market *market,
			  const struct plan_connection *plan)
{
	backfill_opened(live->backfill, market, plan->classes[STREAM_DEPTH].used);
}

static void on_live(void *ctx, struct session *session)
{
	each_market(ctx, session_plan(session), market_opened);
}

static void market_interrupted(struct live *live, struct market *market,
			       const struct plan_connection *plan)
{
	(void)plan;
	ingest_interrupted_market(live->config.ingest, market);
}

/* Tickers that come as changes wait for the next whole one. */
static void rates_broke(struct live *live, struct market *market,
			const struct plan_connection *plan)
{
	(void)live, (void)plan;
	rates_interrupted(market_rates(market));
}

static void on_interrupted(void *ctx, struct session *session, bool trades)
{
	each_market(ctx, session_plan(session), trades ? market_interrupted : rates_broke);
}

static void on_note(void *ctx, struct session *session, bool warn, const char *line)
{
	struct live *live = ctx;
	if (live->config.hooks.on_note)
		live->config.hooks.on_note(live->config.hooks.ctx, warn,
					   session_plan(session)->name, line);
}

/* ---- build ---- */

static enum status make_ids(struct live *live, struct err *err)
{
	const struct live_config *config = &live->config;
	live->ids = calloc(SOURCES * config->n_symbols + 1, sizeof *live->ids);
	if (!live->ids)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the live markets");
	for (size_t source = 0; source < SOURCES; source++) {
		if (!config->venues[venue_of(source)][kind_of(source)].on)
			continue;
		live->sources[source].on = true;
		for (size_t i = 0; i < config->n_symbols; i++) {
			struct str symbol = str_of(config->symbols[i]);
			struct market_id *id = &live->ids[live->n_ids];
			if (market_id_make(venue_of(source), kind_of(source), symbol, id))
				return err_set(err, STATUS_INVALID, "'%s' is no symbol",
					       config->symbols[i]);
			if (!markets_get(config->markets, venue_of(source), kind_of(source),
					 symbol))
				return err_set(err, STATUS_FULL, "more than %d markets",
					       MARKETS_MAX);
			live->n_ids++;
		}
	}
	return STATUS_OK;
}

static enum status make_sessions(struct live *live, struct live_source *source, size_t number,
				 struct err *err)
{
	const struct live_config *config = &live->config;
	for (size_t i = 0; i < source->plan.n_connections; i++) {
		if (live->n_sessions == LIVE_SESSIONS_MAX)
			return err_set(err, STATUS_INVALID,
				       "the symbols need more than %d connections",
				       LIVE_SESSIONS_MAX);
		const struct session_config session = {
			.plan = &source->plan.connections[i],
			.maker = config->venues[venue_of(number)][kind_of(number)].maker,
			.timers = config->timers,
			.clock = config->clock,
			.gate = &source->gate,
			.seed = config->seed + 1000 * number + i,
			.hooks = { on_frame, on_live, on_interrupted, on_note, live },
			.patience = config->patience,
		};
		live->sessions[live->n_sessions] = session_create(&session);
		if (!live->sessions[live->n_sessions])
			return err_set(err, STATUS_NO_MEMORY, "no memory for a connection");
		live->n_sessions++;
	}
	return STATUS_OK;
}

static enum status make_source(struct live *live, size_t number, const struct market_id *ids,
			       struct err *err)
{
	const struct live_config *config = &live->config;
	const struct live_venue *venue = &config->venues[venue_of(number)][kind_of(number)];
	struct live_source *source = &live->sources[number];
	const struct plan_config plan = {
		.venue = venue_of(number),
		.kind = kind_of(number),
		.ws_url = venue->ws_url,
		.ids = ids,
		.n_ids = config->n_symbols,
		.depth = config->depth,
		.patience = config->patience,
	};
	const struct rest_config rest = {
		.venue = venue_of(number),
		.kind = kind_of(number),
		.base_url = venue->rest_url,
		.http = venue->http,
		.timers = config->timers,
		.clock = config->clock,
		.seed = config->seed + 100 + number,
		.budget = venue_of(number) == VENUE_BYBIT ? &live->bybit : NULL,
	};
	enum status status = plan_create(&plan, &source->plan, err);
	if (status)
		return status;
	source->rest = rest_create(&rest);
	if (!source->rest)
		return err_set(err, STATUS_NO_MEMORY, "no memory for a venue");
	connect_gate_init(&source->gate, wire_of(venue_of(number), kind_of(number))->attempts);
	return make_sessions(live, source, number, err);
}

static enum status make_backfill(struct live *live, struct err *err)
{
	const struct live_config *config = &live->config;
	struct backfill_config backfill = {
		.markets = config->markets,
		.ids = live->ids,
		.n_ids = live->n_ids,
		.timers = config->timers,
		.clock = config->clock,
		.seed = config->seed + 7,
		.on_trade = config->hooks.on_trade,
		.on_instrument = config->hooks.on_instrument,
		.ctx = config->hooks.ctx,
	};
	for (size_t i = 0; i < SOURCES; i++)
		backfill.rests[venue_of(i)][kind_of(i)] = live->sources[i].rest;
	live->backfill = backfill_create(&backfill);
	return live->backfill ? STATUS_OK
			      : err_set(err, STATUS_NO_MEMORY, "no memory for the backfill");
}

static enum status build(struct live *live, struct err *err)
{
	enum status status = make_ids(live, err);
	size_t first = 0;
	for (size_t i = 0; i < SOURCES && !status; i++) {
		if (!live->sources[i].on)
			continue;
		status = make_source(live, i, live->ids + first, err);
		first += live->config.n_symbols;
	}
	return status ? status : make_backfill(live, err);
}

enum status live_create(const struct live_config *config, struct live **out, struct err *err)
{
	struct live *live = calloc(1, sizeof *live);
	if (!live)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the live venues");
	live->config = *config;
	rest_budget_init(&live->bybit, VENUE_BYBIT, KIND_PERP);
	enum status status = build(live, err);
	if (status) {
		live_destroy(live);
		return status;
	}
	*out = live;
	return STATUS_OK;
}

void live_destroy(struct live *live)
{
	if (!live)
		return;
	for (size_t i = 0; i < live->n_sessions; i++)
		session_destroy(live->sessions[i]);
	backfill_destroy(live->backfill);
	for (size_t i = 0; i < SOURCES; i++) {
		rest_destroy(live->sources[i].rest);
		plan_destroy(&live->sources[i].plan);
	}
	free(live->ids);
	free(live);
}

void live_start(struct live *live)
{
	const struct clock_port *clock = live->config.clock;
	live->wall_at_zero_ns = clock_wall_ns(clock) - clock_monotonic_ns(clock);
	for (size_t i = 0; i < SOURCES; i++)
		if (live->sources[i].on)
			ingest_interrupted(live->config.ingest, venue_of(i), kind_of(i));
	for (size_t i = 0; i < live->n_sessions; i++)
		session_open(live->sessions[i]);
	backfill_start(live->backfill);
}

void live_pause(struct live *live, bool paused)
{
	for (size_t i = 0; i < live->n_sessions; i++)
		session_pause(live->sessions[i], paused);
}

size_t live_sessions(const struct live *live) { return live->n_sessions; }

const struct session *live_session(const struct live *live, size_t index)
{
	CHECK(index < live->n_sessions);
	return live->sessions[index];
}

const struct rest *live_rest(const struct live *live, enum venue venue, enum kind kind)
{
	return live->sources[venue * KIND_COUNT + kind].rest;
}

const struct backfill *live_backfill(const struct live *live) { return live->backfill; }

size_t live_ready(const struct live *live)
{
	size_t ready = 0;
	for (size_t i = 0; i < live->n_sessions; i++)
		ready += session_state(live->sessions[i]) == SESSION_LIVE;
	return ready;
}
