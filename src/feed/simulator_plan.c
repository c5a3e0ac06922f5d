#include "feed/simulator_plan.h"

#include "base/check.h"
#include "base/decimal.h"

enum { PLAN_SALT = 0x97, QTY_SALT = 0x47, QUOTE_SALT = 0xE8 };

/* Share of a market kind in its asset's trades, and of an hour in the day. */
static const uint32_t kind_weights[4] = { 20, 45, 10, 25 };
static const uint32_t hour_weights[24] = { 9,  8,  8,  7,  7,  7,  8,  10, 11, 11, 10, 10,
					   11, 14, 16, 16, 15, 13, 12, 11, 10, 10, 9,  9 };

/* Trades before the `part`-th of n parts, when the whole has `total`: shares by
 * weight whose sum is exact. */
static int64_t share(int64_t total, uint64_t sum, uint64_t all)
{
	return (int64_t)((u128)(uint64_t)total * sum / all);
}

static uint32_t minute_weight(uint64_t asset_key, int64_t minute)
{
	static const uint32_t activity[] = {
		[SIM_QUIET] = 6, [SIM_NORMAL] = 10, [SIM_TREND] = 15, [SIM_VOLATILE] = 28
	};
	uint64_t h = sim_hash(asset_key, PLAN_SALT, (uint64_t)minute);
	uint32_t weight = activity[sim_path_regime(asset_key, minute * 60)] * (12 + (h & 15));
	return h >> 32 < UINT32_MAX / 40 ? weight * 4 : weight;
}

static uint32_t second_weight(uint64_t key, int64_t second)
{
	uint64_t h = sim_hash(key, PLAN_SALT, (uint64_t)second);
	uint32_t weight = 2 + (h & 15);
	return h >> 32 < UINT32_MAX / 50 ? weight * 12 : weight;
}

static void sums_of(uint32_t sums[61], const uint32_t weights[60], int64_t total)
{
	uint64_t all = 0, sum = 0;
	for (int i = 0; i < 60; i++)
		all += weights[i];
	for (int i = 0; i < 60; i++) {
		sums[i] = (uint32_t)share(total, sum, all);
		sum += weights[i];
	}
	sums[60] = (uint32_t)total;
}

void sim_market_plan_hour(struct sim_market *market, const struct sim_path *path, int64_t hour)
{
	uint32_t weights[60], before = 0, all = 0;
	int64_t day = hour / 24, of_day = hour % 24;
	for (int64_t i = 0; i < 24; i++) {
		before += i < of_day ? hour_weights[i] : 0;
		all += hour_weights[i];
	}
	int64_t from = share(market->per_day, before, all);
	int64_t to = share(market->per_day, before + hour_weights[of_day], all);
	for (int i = 0; i < 60; i++)
		weights[i] = minute_weight(path->key, hour * 60 + i);
	sums_of(market->minute_sum, weights, to - from);
	market->hour_id = market->per_day * day + from;
}

/* Of perp over spot, and of one venue over the other. */
static int64_t basis_at(const struct sim_market *market, int64_t minute)
{
	return sim_path_octave(market->key, minute * 60, 600, 30000) +
	       (market->label.id.kind == KIND_PERP ? 200000 : 0);
}

void sim_market_plan_minute(struct sim_market *market, int64_t minute)
{
	uint32_t weights[60];
	int64_t of_hour = minute % 60;
	for (int i = 0; i < 60; i++)
		weights[i] = second_weight(market->key, minute * 60 + i);
	int64_t count = market->minute_sum[of_hour + 1] - market->minute_sum[of_hour];
	sums_of(market->second_sum, weights, count);
	market->minute_id = market->hour_id + market->minute_sum[of_hour];
	market->basis_from = basis_at(market, minute);
	market->basis_to = basis_at(market, minute + 1);
	market->tilt = sim_path_octave(market->key, minute * 60, 300, 5);
}

int32_t sim_market_next_ms(const struct sim_market *market)
{
	int64_t k = market->next_id - market->second_id;
	if (k >= market->count)
		return SIM_NEVER;
	uint64_t h = sim_hash(market->key, 0, (uint64_t)market->next_id);
	return (int32_t)((k * 1000 + (int64_t)(h >> 54) * 1000 / 1024) / market->count);
}

/* At the end of the second. 64 bits are enough: prices are below 10^14 e8, the
 * displacement below 10^9. */
static int64_t price_at(const struct sim_market *market, const struct sim_path *path,
			int64_t of_minute)
{
	int64_t way = (market->basis_to - market->basis_from) * of_minute / 60;
	int64_t ppb = path->ppb_to + market->basis_from + way;
	int64_t price_e8 = path->asset.price_e8 + path->asset.price_e8 / 1000 * ppb / 1000000;
	int64_t ticks = (price_e8 << SIM_PRICE_BITS) / path->asset.steps[market->kind].tick_e8;
	return ticks > 2 << SIM_PRICE_BITS ? ticks : 2 << SIM_PRICE_BITS;
}

void sim_market_plan_second(struct sim_market *market, const struct sim_path *path, int64_t second)
{
	int64_t at = second % 60;
	market->price_from = market->price_to;
	market->price_to = price_at(market, path, at + 1);
	market->second_id = market->minute_id + market->second_sum[at];
	market->count = market->second_sum[at + 1] - market->second_sum[at];
	market->next_id = market->second_id;
	int64_t slope = (path->ppb_to - path->ppb_from) / 1000; /* 88 is usual */
	int64_t tilt = slope / 2 + market->tilt;
	market->buy_chance = (uint32_t)(128 + (tilt > 80 ? 80 : tilt < -80 ? -80 : tilt));
}

/* Two fifths are favourite sizes, the rest have a heavy tail: half as many at twice the size. */
int64_t sim_market_qty(const struct sim_market *market, uint64_t h)
{
	static const int64_t nice[16] = { 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 5, 5, 10, 10, 20, 50 };
	int64_t median = market->lots_median, lots;
	if (h % 5 < 2) {
		int64_t one = 1;
		while (one * 100 <= median)
			one *= 10;
		lots = one * nice[h >> 8 & 15];
	} else {
		uint32_t doublings = (uint32_t)__builtin_ctzll(h >> 16 | 1u << 11);
		lots = (median << doublings) / 4 * (int64_t)(256 + (h >> 40 & 255)) / 256;
	}
	return (lots > 0 ? lots : 1) * market->lot;
}

static void fill_trade(const struct sim_market *market, struct sim_print *out, int64_t id)
{
	uint64_t h = sim_hash(market->key, QTY_SALT, (uint64_t)id);
	out->id = id + market->id_shift;
	out->seq = out->id * 3 + (int64_t)(h % 3);
	out->qty = sim_market_qty(market, h >> 2);
	out->uuid[0] = h;
	out->uuid[1] = sim_mix(h + 1);
}

static int64_t ticks_at(const struct sim_market *market, int64_t ms)
{
	int64_t way = (market->price_to - market->price_from) * ms / 1000;
	return (market->price_from + way) >> SIM_PRICE_BITS;
}

void sim_market_next_group(struct sim_market *market, int64_t second, struct sim_group *group)
{
	uint64_t h = sim_hash(market->key, 0, (uint64_t)market->next_id);
	int64_t left = market->count - (market->next_id - market->second_id), n = 1;
	int32_t ms = sim_market_next_ms(market);
	CHECK(left > 0);
	if ((h & 7) == 0)
		n = 2 + (int64_t)(h >> 3 & 0xFF) % (SIM_GROUP_MAX - 1);
	group->n = (uint32_t)(n < left ? n : left);
	bool sell = (h >> 16 & 255) >= market->buy_chance;
	int64_t ticks = ticks_at(market, ms) + !sell;
	for (uint32_t i = 0; i < group->n; i++) {
		struct sim_print *trade = &group->trades[i];
		fill_trade(market, trade, market->next_id++);
		trade->t_ms = second * 1000 + ms;
		trade->sell = sell;
		trade->price = (ticks > 1 ? ticks : 1) * market->tick;
		ticks += (sell ? -1 : 1) * (int64_t)(1 + (h >> 24 & 3));
	}
}

struct sim_quote sim_market_quote(const struct sim_market *market, int64_t t_ms, int64_t ticks)
{
	uint64_t h = sim_hash(market->key, QUOTE_SALT, (uint64_t)t_ms);
	int64_t step = ticks / 20000 * market->tick;
	return (struct sim_quote){
		.t_ms = t_ms,
		.update_id = t_ms * 4 + (int64_t)(h & 3),
		.bid = ticks * market->tick,
		.ask = (ticks + 1) * market->tick,
		.bid_qty =
		    (1 + (int64_t)(1 + (h >> 8 & 255)) * market->lots_median / 16) * market->lot,
		.ask_qty =
		    (1 + (int64_t)(1 + (h >> 16 & 255)) * market->lots_median / 16) * market->lot,
		.step = step ? step : market->tick,
		.lot = market->lot * (1 + market->lots_median / 8),
		.noise = h,
	};
}

struct sim_rates sim_market_rates(const struct sim_market *market, int64_t t_ms)
{
	int64_t last = (market->price_from >> SIM_PRICE_BITS) * market->tick;
	int64_t second = t_ms / 1000, lots = market->lots_median;
	int64_t drift = sim_path_octave(market->key, second, 3600, 12000) +
			sim_path_octave(market->key + 1, second, 300, 3000);
	return (struct sim_rates){
		.t_ms = t_ms,
		.mark = last,
		.index = last - last / 5000,
		.rate_e8 = 10000 + sim_path_octave(market->key + 2, second, 28800, 1500),
		.next_ms = (second / 28800 + 1) * 28800000,
		.oi = (lots * 2000000 + lots * drift) * market->lot,
	};
}

uint32_t sim_kind_weight(size_t kind)
{
	CHECK(kind < ARRAY_LEN(kind_weights));
	return kind_weights[kind];
}

static uint8_t places_of(int64_t step_e8)
{
	uint8_t places = 8;
	for (; places > 0 && step_e8 % 10 == 0; places--)
		step_e8 /= 10;
	return places;
}

enum status sim_market_init(struct sim_market *market, uint64_t seed, const struct sim_asset *asset,
			    size_t kind, struct str symbol)
{
	const struct sim_steps *steps = &asset->steps[kind];
	struct market_id id;
	enum status status =
	    market_id_make((enum venue)(kind / 2), (enum kind)(kind % 2), symbol, &id);
	if (status)
		return status;
	bool eight = kind == 0; /* Binance spot prints eight places whatever the steps are */
	sim_label_init(&market->label, &id, eight ? 8 : places_of(steps->tick_e8),
		       eight ? 8 : places_of(steps->lot_e8));
	market->kind = (uint32_t)kind;
	market->tick = steps->tick_e8 / decimal_pow10(8 - market->label.places_price);
	market->lot = steps->lot_e8 / decimal_pow10(8 - market->label.places_qty);
	market->key = sim_hash(seed, 0x3A7 + kind, str_hash(market->label.symbol));
	/* A usual trade is 300 quote units on spot, 1,500 on perp. */
	i128 lots = (i128)(id.kind == KIND_PERP ? 1500 : 300) * 10000000000000000 /
		    ((i128)asset->price_e8 * steps->lot_e8);
	market->lots_median = lots > 4 ? (int64_t)lots : 4;
	return STATUS_OK;
}
