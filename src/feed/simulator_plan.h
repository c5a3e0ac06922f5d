/* simulator_plan.h - one simulated market: which trades it has, and when.
 *
 * The number of trades is fixed for a day and shared out exactly: to hours by the
 * usual shape of a day, to minutes by the asset's regime and bursts, to seconds by
 * bursts of the market. So the id at any moment follows from the date alone. The
 * caller goes through time second by second and says where an hour or a minute
 * begins. Pure but for the structs. */
#pragma once

#include "feed/simulator_frame.h"
#include "feed/simulator_path.h"

enum {
	SIM_NEVER = 1000,    /* ms within a second: nothing more in this one */
	SIM_PRICE_BITS = 10, /* prices between ticks, for the way through a second */
};

struct sim_path { /* an asset on its way */
	struct sim_asset asset;
	uint64_t key;
	int64_t ppb_from, ppb_to; /* displacement at the second's start and end */
};

struct sim_market {
	struct sim_label label;
	uint64_t key;         /* of all its hashes */
	uint32_t kind, asset; /* venue × 2 + kind; asset: an index of the caller's */
	int64_t tick, lot;    /* × 10^places of the label */
	int64_t lots_median;
	int64_t per_day;  /* trades, exactly, each day; the caller sets it */
	int64_t id_shift; /* simulator_resume */
	int64_t hour_id;  /* first id of the hour, minute, second */
	int64_t minute_id, second_id;
	int64_t basis_from, basis_to; /* ppb over the asset's price, at the minute's ends */
	int64_t tilt;                 /* of the takers, this minute */
	uint32_t minute_sum[61];      /* trades of the hour before each minute */
	uint32_t second_sum[61];
	/* the current second */
	int64_t next_id, count;
	int64_t price_from, price_to; /* ticks << PRICE_BITS, at its start and its end */
	uint32_t buy_chance;          /* of 256 */
	/* what a receiver knows */
	int64_t id_highest, newest_ms;
};

struct sim_group { /* trades of one taker order; one frame on Bybit */
	struct sim_print trades[SIM_GROUP_MAX];
	uint32_t n, market; /* market: an index of the caller's */
};

/* Into zeroed memory. INVALID: no symbol. */
MUST_CHECK enum status sim_market_init(struct sim_market *market, uint64_t seed,
				       const struct sim_asset *asset, size_t kind,
				       struct str symbol);
/* Of all trades, in proportion to these: asset weight × this. Their sum over kinds is 100. */
uint32_t sim_kind_weight(size_t kind);
/* Hour and minute numbers since the epoch; hour before minute before second. */
void sim_market_plan_hour(struct sim_market *market, const struct sim_path *path, int64_t hour);
void sim_market_plan_minute(struct sim_market *market, int64_t minute);
void sim_market_plan_second(struct sim_market *market, const struct sim_path *path, int64_t second);
/* The next trade's place in the second, or SIM_NEVER. */
int32_t sim_market_next_ms(const struct sim_market *market);
/* The next taker order of the second: it sweeps as many levels as it has trades.
 * There must be one. */
void sim_market_next_group(struct sim_market *market, int64_t second, struct sim_group *group);
/* The book at a moment, its bid at `ticks`; mark price, funding, open interest. */
struct sim_quote sim_market_quote(const struct sim_market *market, int64_t t_ms, int64_t ticks);
struct sim_rates sim_market_rates(const struct sim_market *market, int64_t t_ms);
/* A plausible quantity, × 10^places. */
int64_t sim_market_qty(const struct sim_market *market, uint64_t hash);
