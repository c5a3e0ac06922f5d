#include "feed/simulator.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/decimal.h"
#include "feed/simulator_plan.h"

enum {
	HELD_MAX = 64, /* frames held back at a time; when full, they go out at once */
	EXTRA_SALT = 0xE7,
	FATE_SALT = 0xFA,
};

/* When and who in one number, so that the smallest says both. */
#define DUE(ms, index) ((int32_t)(ms)*SIMULATOR_MARKETS_MAX + (int32_t)(index))
#define DUE_MS(due)    ((due) / SIMULATOR_MARKETS_MAX)
#define DUE_INDEX(due) ((uint32_t)(due) % SIMULATOR_MARKETS_MAX)

struct held {
	int64_t due_ms; /* INT64_MAX: free */
	struct sim_group group;
	bool again; /* it was sent before */
};

struct simulator {
	struct simulator_faults faults;
	bool full;
	uint64_t common_key; /* the path all assets share */
	int64_t second, hour, minute;
	size_t n_paths, n_markets;
	struct sim_path *paths;
	struct sim_market *markets;
	int32_t *trade_due,
	    *extra_due;     /* per market: DUE of the next within the second, or SIM_NEVER */
	int32_t extra_next; /* the first of extra_due */
	int64_t held_next_ms;
	struct simulator_truth truth;
	char frame[SIM_FRAME_BYTES + SIMULATOR_PADDING];
	struct held held[HELD_MAX];
};

static void move_assets(struct simulator *sim)
{
	int64_t common = sim_path_ppb(sim->common_key, sim->second + 1);
	for (size_t i = 0; i < sim->n_paths; i++) {
		struct sim_path *a = &sim->paths[i];
		int64_t own = sim_path_ppb(a->key, sim->second + 1);
		a->ppb_from = a->ppb_to;
		a->ppb_to = (common * 8 + own * 6) / 10 * a->asset.vol_percent / 100;
	}
}

/* The market whose next frame is first; ties go to the lower index. */
static int32_t earliest(const int32_t *due, size_t n)
{
	int32_t first = DUE(SIM_NEVER, 0);
	for (size_t i = 0; i < n; i++)
		first = due[i] < first ? due[i] : first;
	return first;
}

static void plan(struct simulator *sim)
{
	bool hour = sim->second / 3600 != sim->hour, minute = sim->second / 60 != sim->minute;
	sim->hour = sim->second / 3600;
	sim->minute = sim->second / 60;
	move_assets(sim);
	for (size_t i = 0; i < sim->n_markets; i++) {
		struct sim_market *market = &sim->markets[i];
		const struct sim_path *path = &sim->paths[market->asset];
		if (hour)
			sim_market_plan_hour(market, path, sim->hour);
		if (minute)
			sim_market_plan_minute(market, sim->minute);
		sim_market_plan_second(market, path, sim->second);
		sim->trade_due[i] = DUE(sim_market_next_ms(market), i);
		sim->extra_due[i] = DUE(market->key % 1000, i);
	}
	sim->extra_next = earliest(sim->extra_due, sim->n_markets);
}

static void tell(struct simulator *sim, const struct sim_market *market,
		 const struct simulator_sink *sink, size_t len, int64_t t_ms)
{
	sim->truth.frames++;
	sink->frame(sink->ctx, market->label.id.venue, market->label.id.kind,
		    str_make(sim->frame, len), t_ms);
}

static void report(const struct sim_market *market, const struct simulator_sink *sink,
		   const struct sim_print *trade, enum simulator_fate fate)
{
	if (!sink->trade)
		return;
	struct simulator_trade out = {
		.market = &market->label.id,
		.t_ms = trade->t_ms,
		.id = trade->id,
		.seq = trade->seq,
		.price = trade->price,
		.qty = trade->qty,
		.price_scale = market->label.places_price,
		.qty_scale = market->label.places_qty,
		.sell = trade->sell,
		.fate = fate,
	};
	sink->trade(sink->ctx, &out);
}

/* Keeps the books of what a receiver sees. */
static void count_trade(struct simulator *sim, struct sim_market *market,
			const struct simulator_sink *sink, const struct sim_print *trade,
			bool again)
{
	enum simulator_fate fate = SIM_SENT;
	if (again) {
		sim->truth.duplicates++;
		report(market, sink, trade, SIM_DUPLICATE);
		return;
	}
	sim->truth.trades++;
	if (trade->t_ms < market->newest_ms - SIMULATOR_LATE_MS) {
		fate = SIM_LATE;
		sim->truth.late++;
	}
	if (market->label.id.venue == VENUE_BINANCE && market->id_highest &&
	    trade->id > market->id_highest + 1)
		sim->truth.gaps++;
	if (trade->id > market->id_highest)
		market->id_highest = trade->id;
	if (trade->t_ms > market->newest_ms)
		market->newest_ms = trade->t_ms;
	report(market, sink, trade, fate);
}

static void send_group(struct simulator *sim, const struct sim_group *group,
		       const struct simulator_sink *sink, int64_t t_ms, bool again)
{
	struct sim_market *market = &sim->markets[group->market];
	size_t n = market->label.id.venue == VENUE_BINANCE ? 1 : group->n;
	for (size_t i = 0; i < group->n; i += n) {
		for (size_t j = i; j < i + n; j++)
			count_trade(sim, market, sink, &group->trades[j], again);
		size_t len = sim_frame_trade(sim->frame, &market->label, &group->trades[i], n);
		tell(sim, market, sink, len, t_ms);
	}
}

/* ---- faults ---- */

static bool hold(struct simulator *sim, const struct sim_group *group, int64_t due_ms, bool again)
{
	for (size_t i = 0; i < HELD_MAX; i++)
		if (sim->held[i].due_ms == INT64_MAX) {
			sim->held[i].due_ms = due_ms;
			sim->held[i].again = again;
			sim->held[i].group = *group;
			if (due_ms < sim->held_next_ms)
				sim->held_next_ms = due_ms;
			return true;
		}
	return false;
}

static void release(struct simulator *sim, const struct simulator_sink *sink)
{
	int64_t due_ms = sim->held_next_ms, next_ms = INT64_MAX;
	for (size_t i = 0; i < HELD_MAX; i++) {
		struct held *held = &sim->held[i];
		if (held->due_ms == due_ms) {
			held->due_ms = INT64_MAX;
			send_group(sim, &held->group, sink, due_ms, held->again);
		} else if (held->due_ms < next_ms) {
			next_ms = held->due_ms;
		}
	}
	sim->held_next_ms = next_ms;
}

static void drop(struct simulator *sim, const struct sim_group *group,
		 const struct simulator_sink *sink)
{
	sim->truth.dropped += group->n;
	for (size_t i = 0; i < group->n; i++)
		report(&sim->markets[group->market], sink, &group->trades[i], SIM_DROPPED);
}

/* Each trade's fate hangs on its id alone, so it is the same whenever it is told. */
static void send_or_not(struct simulator *sim, const struct sim_group *group,
			const struct simulator_sink *sink)
{
	const struct simulator_faults *f = &sim->faults;
	const struct sim_market *market = &sim->markets[group->market];
	int64_t t_ms = group->trades[0].t_ms;
	uint64_t h =
	    sim_hash(market->key, FATE_SALT, (uint64_t)(group->trades[0].id - market->id_shift));
	uint64_t roll = (h >> 32) % 1000000;
	uint32_t drops = market->label.id.venue == VENUE_BINANCE ? f->drop : 0;
	if (roll < drops) {
		drop(sim, group, sink);
		return;
	}
	roll -= drops;
	if (roll < f->delay && hold(sim, group, t_ms + 200 + (int64_t)(h % 12000), false))
		return;
	send_group(sim, group, sink, t_ms, false);
	if (roll >= f->delay && roll - f->delay < f->duplicate &&
	    !hold(sim, group, t_ms + (int64_t)(h % 8000), true))
		send_group(sim, group, sink, t_ms, true);
}

/* ---- everything that is not a trade ---- */

static void send_book(struct simulator *sim, uint32_t index, const struct sim_print *trade,
		      const struct simulator_sink *sink)
{
	struct sim_market *market = &sim->markets[index];
	struct sim_quote quote =
	    sim_market_quote(market, trade->t_ms, trade->price / market->tick - !trade->sell);
	tell(sim, market, sink, sim_frame_book(sim->frame, &market->label, &quote), trade->t_ms);
}

static void send_depth(struct simulator *sim, struct sim_market *market,
		       const struct simulator_sink *sink, int64_t t_ms)
{
	int64_t before = market->price_from - (market->price_to - market->price_from);
	struct sim_quote was = sim_market_quote(market, t_ms - 1000, before >> SIM_PRICE_BITS);
	struct sim_quote now = sim_market_quote(market, t_ms, market->price_from >> SIM_PRICE_BITS);
	tell(sim, market, sink, sim_frame_depth(sim->frame, &market->label, &was, &now), t_ms);
}

static void send_rates(struct simulator *sim, struct sim_market *market,
		       const struct simulator_sink *sink, int64_t t_ms)
{
	struct sim_rates rates = sim_market_rates(market, t_ms);
	tell(sim, market, sink, sim_frame_rates(sim->frame, &market->label, &rates), t_ms);
}

/* Liquidations come where the price runs: against those who bet on the other way. */
static void send_liquidation(struct simulator *sim, struct sim_market *market,
			     const struct simulator_sink *sink, int64_t t_ms, uint64_t h)
{
	struct sim_print print = { .t_ms = t_ms, .sell = market->price_to < market->price_from };
	print.price = (market->price_from >> SIM_PRICE_BITS) * market->tick;
	print.qty = sim_market_qty(market, h) * 8;
	tell(sim, market, sink, sim_frame_liquidation(sim->frame, &market->label, &print), t_ms);
}

static bool runs_fast(const struct sim_path *asset)
{
	int64_t slope = asset->ppb_to - asset->ppb_from;
	return (slope < 0 ? -slope : slope) > 300000 + 1000 * (int64_t)asset->asset.vol_percent;
}

static void send_bad(struct simulator *sim, struct sim_market *market,
		     const struct simulator_sink *sink, int64_t t_ms, uint64_t h)
{
	if ((h >> 20) % 1000000 < sim->faults.unknown) {
		sim->truth.unknown++;
		tell(sim, market, sink, sim_frame_unknown(sim->frame, &market->label, t_ms), t_ms);
	}
	if ((h >> 41) % 1000000 < sim->faults.malformed) {
		sim->truth.malformed++;
		tell(sim, market, sink, sim_frame_malformed(sim->frame, &market->label, h), t_ms);
	}
}

static void send_extras(struct simulator *sim, uint32_t index, const struct simulator_sink *sink)
{
	struct sim_market *market = &sim->markets[index];
	int64_t t_ms = sim->second * 1000 + DUE_MS(sim->extra_due[index]);
	bool perp = market->label.id.kind == KIND_PERP;
	uint64_t h = sim_hash(market->key, EXTRA_SALT, (uint64_t)sim->second);
	sim->extra_due[index] = DUE(SIM_NEVER, index);
	sim->extra_next = earliest(sim->extra_due, sim->n_markets);
	if (perp && (sim->full || (uint64_t)sim->second % 60 == market->key % 60))
		send_rates(sim, market, sink, t_ms);
	if (sim->full)
		send_depth(sim, market, sink, t_ms);
	if (perp && runs_fast(&sim->paths[market->asset]) && h % 3 == 0)
		send_liquidation(sim, market, sink, t_ms, h >> 8);
	send_bad(sim, market, sink, t_ms, h);
}

/* ---- time ---- */

static void step(struct simulator *sim, bool extra, uint32_t index,
		 const struct simulator_sink *sink)
{
	struct sim_market *market = &sim->markets[index];
	struct sim_group group = { .market = index };
	if (extra) {
		send_extras(sim, index, sink);
		return;
	}
	sim_market_next_group(market, sim->second, &group);
	sim->trade_due[index] = DUE(sim_market_next_ms(market), index);
	send_or_not(sim, &group, sink);
	if (sim->full)
		send_book(sim, index, &group.trades[group.n - 1], sink);
}

size_t simulator_advance(struct simulator *sim, int64_t until_ms, size_t frames_max,
			 const struct simulator_sink *sink)
{
	uint64_t stop = sim->truth.frames + frames_max, from = sim->truth.frames;
	while (sim->truth.frames < stop) {
		int32_t trade = earliest(sim->trade_due, sim->n_markets);
		bool extra = DUE_MS(sim->extra_next) < DUE_MS(trade); /* trades first */
		int32_t next = extra ? sim->extra_next : trade;
		int64_t t_ms = sim->second * 1000 + DUE_MS(next);
		if (sim->held_next_ms < until_ms && sim->held_next_ms <= t_ms) {
			release(sim, sink);
		} else if (t_ms >= until_ms) {
			break;
		} else if (t_ms == (sim->second + 1) * 1000) {
			sim->second++;
			plan(sim);
		} else {
			step(sim, extra, DUE_INDEX(next), sink);
		}
	}
	return (size_t)(sim->truth.frames - from);
}

/* ---- life ---- */

static enum status markets_init(struct simulator *sim, const struct simulator_config *config)
{
	uint64_t weight_all = 0;
	sim->n_paths = config->n_symbols;
	for (size_t i = 0; i < config->n_symbols; i++) {
		struct market_id id;
		struct str base, quote;
		enum status status =
		    market_id_make(VENUE_BINANCE, KIND_SPOT, str_of(config->symbols[i]), &id);
		if (status)
			return STATUS_INVALID;
		market_id_assets(&id, &base, &quote);
		sim_asset_find(base, &sim->paths[i].asset);
		sim->paths[i].asset.name = STR(""); /* pointed into id */
		sim->paths[i].key = sim_hash(config->seed, 0xA55E7, str_hash(base));
		weight_all += (uint64_t)sim->paths[i].asset.weight * 100;
	}
	u128 per_day = (u128)(config->trades_per_second ? config->trades_per_second : 20) * 86400;
	for (size_t i = 0; i < config->n_symbols * 4; i++) {
		struct sim_market *market = &sim->markets[sim->n_markets++];
		const struct sim_asset *asset = &sim->paths[i / 4].asset;
		market->asset = (uint32_t)(i / 4);
		market->per_day =
		    (int64_t)(per_day * asset->weight * sim_kind_weight(i % 4) / weight_all);
		if (sim_market_init(market, config->seed, asset, i % 4,
				    str_of(config->symbols[i / 4])))
			return STATUS_INVALID;
	}
	return STATUS_OK;
}

static bool config_valid(const struct simulator_config *config)
{
	return config->n_symbols >= 1 && config->n_symbols * 4 <= SIMULATOR_MARKETS_MAX &&
	       config->start_ms >= 1000 && config->start_ms < 253402300800000 &&
	       config->trades_per_second <= SIMULATOR_RATE_MAX;
}

/* What this second said before the start is left out, by whole orders. */
static void skip_to_start(struct simulator *sim, int64_t ms)
{
	struct sim_group group;
	for (uint32_t i = 0; i < sim->n_markets; i++) {
		struct sim_market *market = &sim->markets[i];
		while (sim_market_next_ms(market) < ms)
			sim_market_next_group(market, sim->second, &group);
		sim->trade_due[i] = DUE(sim_market_next_ms(market), i);
		if (DUE_MS(sim->extra_due[i]) < ms)
			sim->extra_due[i] = DUE(SIM_NEVER, i);
	}
	sim->extra_next = earliest(sim->extra_due, sim->n_markets);
}

static enum status start(struct simulator *sim, const struct simulator_config *config)
{
	enum status status = markets_init(sim, config);
	if (status)
		return status;
	sim->faults = config->faults;
	sim->full = config->full;
	sim->second = config->start_ms / 1000 - 1; /* its end is where the first one starts */
	sim->hour = sim->minute = -1;
	sim->common_key = sim_hash(config->seed, 0xC0, 0);
	sim->held_next_ms = INT64_MAX;
	for (size_t i = 0; i < HELD_MAX; i++)
		sim->held[i].due_ms = INT64_MAX;
	plan(sim);
	sim->second++;
	plan(sim);
	skip_to_start(sim, config->start_ms % 1000);
	return STATUS_OK;
}

enum status simulator_create(const struct simulator_config *config, struct simulator **out)
{
	if (!config_valid(config))
		return STATUS_INVALID;
	struct simulator *sim = calloc(1, sizeof *sim);
	if (!sim)
		return STATUS_NO_MEMORY;
	size_t n = config->n_symbols * 4;
	sim->paths = calloc(config->n_symbols, sizeof *sim->paths);
	sim->markets = calloc(n, sizeof *sim->markets);
	sim->trade_due = calloc(n, sizeof *sim->trade_due);
	sim->extra_due = calloc(n, sizeof *sim->extra_due);
	bool whole = sim->paths && sim->markets && sim->trade_due && sim->extra_due;
	enum status status = whole ? start(sim, config) : STATUS_NO_MEMORY;
	if (status) {
		simulator_destroy(sim);
		return status;
	}
	*out = sim;
	return STATUS_OK;
}

void simulator_destroy(struct simulator *sim)
{
	if (!sim)
		return;
	free(sim->paths);
	free(sim->markets);
	free(sim->trade_due);
	free(sim->extra_due);
	free(sim);
}

enum status simulator_resume(struct simulator *sim, const struct market_id *id, int64_t last_id)
{
	for (size_t i = 0; i < sim->n_markets; i++) {
		struct sim_market *market = &sim->markets[i];
		if (!market_id_eq(&market->label.id, id))
			continue;
		if (market->next_id + market->id_shift <= last_id)
			market->id_shift = last_id + 1 - market->next_id;
		return STATUS_OK;
	}
	return STATUS_NOT_FOUND;
}

void simulator_set_full(struct simulator *sim, bool full) { sim->full = full; }

const struct simulator_truth *simulator_truth(const struct simulator *sim) { return &sim->truth; }

size_t simulator_markets(const struct simulator *sim) { return sim->n_markets; }

const struct market_id *simulator_market(const struct simulator *sim, size_t index)
{
	CHECK(index < sim->n_markets);
	return &sim->markets[index].label.id;
}
