#include "measure/trade_load.h"

#include <math.h>
#include <stdio.h>

#include "base/check.h"

enum { KNOTS = 8, FAVOURITES = 12, MOVES = 12, THOUSAND = 1000 };

struct knot {
	double share;
	double value;
};

struct favourite {
	int64_t value;
	uint32_t per_mille;
};

/* Steps of the price in ticks, in the taker's direction, by what came before. */
struct moves {
	struct favourite moves[MOVES]; /* the last: what is left */
};

struct trade_habits {
	uint32_t same_time, same_side; /* of 1,000; the second where the time is another */
	uint32_t repeats;              /* of 1,000: the size of the one before */
	int32_t size_scale;
	struct knot gaps[KNOTS], sizes[KNOTS];
	struct favourite favourites[FAVOURITES];
	struct moves within, on, turn; /* the same order; the next of that side; the other's */
};

static const struct trade_habits habits[] = {
	[KIND_PERP] = {
		.same_time = 753, .same_side = 666, .repeats = 60, .size_scale = 3,
		.gaps = { { 0, 1 }, { .1, 1 }, { .25, 5 }, { .5, 40 }, { .75, 132 }, { .9, 271 },
			  { .97, 480 }, { 1, 1500 } },
		.sizes = { { 0, 2 }, { .1, 20 }, { .3, 71 }, { .5, 250 }, { .7, 700 },
			   { .9, 3000 }, { .99, 9000 }, { 1, 60000 } },
		.favourites = { { 8, 95 }, { 15, 67 }, { 10, 47 }, { 12, 37 }, { 9, 34 }, { 11, 21 },
				{ 1100, 19 }, { 1, 18 }, { 16, 17 }, { 14, 12 }, { 100, 11 },
				{ 7, 7 } },
		.within = { { { 0, 745 }, { 1, 147 }, { 2, 45 }, { 3, 24 }, { 4, 24 }, { 5, 3 },
			      { 6, 3 }, { 7, 3 }, { 8, 2 }, { 9, 2 }, { 10, 1 }, { 12, 1 } } },
		.on = { { { 0, 729 }, { 1, 62 }, { 4, 45 }, { 2, 44 }, { 3, 35 }, { 8, 14 },
			  { 5, 14 }, { 7, 12 }, { 6, 12 }, { -1, 12 }, { 10, 11 }, { 12, 10 } } },
		.turn = { { { 1, 823 }, { 0, 33 }, { -1, 26 }, { -3, 24 }, { -2, 23 }, { 2, 20 },
			    { -13, 12 }, { -5, 10 }, { -8, 9 }, { 3, 8 }, { -4, 6 }, { 5, 6 } } },
	},
	[KIND_SPOT] = {
		.same_time = 663, .same_side = 766, .repeats = 60, .size_scale = 4,
		.gaps = { { 0, 1 }, { .1, 1 }, { .25, 3 }, { .5, 20 }, { .75, 156 }, { .9, 444 },
			  { .97, 820 }, { 1, 2500 } },
		.sizes = { { 0, 2 }, { .1, 30 }, { .3, 88 }, { .5, 500 }, { .7, 2164 },
			   { .9, 10000 }, { .99, 50000 }, { 1, 400000 } },
		.favourites = { { 20, 270 }, { 6, 24 }, { 39, 20 }, { 1000, 10 }, { 7460, 10 },
				{ 24, 10 }, { 4000, 9 }, { 48, 8 }, { 40, 8 }, { 93, 7 },
				{ 100, 6 }, { 99, 5 } },
		.within = { { { 0, 745 }, { 1, 99 }, { 2, 33 }, { 3, 22 }, { 4, 21 }, { 5, 16 },
			      { 7, 12 }, { 6, 11 }, { 8, 11 }, { 9, 11 }, { 10, 10 }, { 14, 9 } } },
		.on = { { { 0, 722 }, { 1, 56 }, { 2, 31 }, { 3, 24 }, { 9, 20 }, { 4, 20 },
			  { 5, 20 }, { 8, 20 }, { 7, 20 }, { 6, 19 }, { 11, 24 }, { -1, 24 } } },
		.turn = { { { 1, 870 }, { 0, 34 }, { 2, 12 }, { -4, 10 }, { -2, 10 }, { -6, 10 },
			    { -8, 9 }, { -9, 9 }, { -5, 9 }, { -7, 9 }, { -1, 9 }, { 11, 9 } } },
	},
};

/* Between two knots on a straight line of the logarithm. */
static double at_share(const struct knot knots[KNOTS], double share)
{
	int i = 1;
	while (i < KNOTS - 1 && share > knots[i].share)
		i++;
	double part = (share - knots[i - 1].share) / (knots[i].share - knots[i - 1].share);
	return exp(log(knots[i - 1].value) +
		   part * (log(knots[i].value) - log(knots[i - 1].value)));
}

static double spread_init(struct trade_spread *spread, const struct knot knots[KNOTS])
{
	double sum = 0;
	for (int i = 0; i <= TRADE_LOAD_STEPS; i++) {
		spread->at[i] = llround(at_share(knots, (double)i / TRADE_LOAD_STEPS));
		if (i)
			sum += (double)(spread->at[i - 1] + spread->at[i]) / 2;
	}
	return sum / TRADE_LOAD_STEPS;
}

void trade_nature_init(struct trade_nature *nature, enum kind kind)
{
	nature->habits = &habits[kind];
	nature->gap_mean = spread_init(&nature->gaps, nature->habits->gaps);
	spread_init(&nature->sizes, nature->habits->sizes);
}

static int64_t from_spread(struct rng *rng, const struct trade_spread *spread)
{
	uint64_t step = rng_below(rng, TRADE_LOAD_STEPS);
	int64_t low = spread->at[step], high = spread->at[step + 1];
	return low + (int64_t)rng_below(rng, (uint64_t)(high - low) + 1);
}

/* One of the list by its share; -1: none of them. */
static int pick(const struct favourite *list, int count, uint64_t chance)
{
	for (int i = 0; i < count; i++) {
		if (chance < list[i].per_mille)
			return i;
		chance -= list[i].per_mille;
	}
	return -1;
}

static int64_t move_of(struct rng *rng, const struct moves *moves)
{
	int i = pick(moves->moves, MOVES - 1, rng_below(rng, THOUSAND));
	return moves->moves[i < 0 ? MOVES - 1 : i].value;
}

static void next_size(struct trade_load *load)
{
	const struct trade_habits *habit = load->nature->habits;
	uint64_t chance = rng_below(&load->rng, THOUSAND);
	if (chance < habit->repeats && load->size)
		return;
	int i = pick(habit->favourites, FAVOURITES, rng_below(&load->rng, THOUSAND));
	load->size =
	    i < 0 ? from_spread(&load->rng, &load->nature->sizes) : habit->favourites[i].value;
}

static void next_time(struct trade_load *load)
{
	double gap = (double)from_spread(&load->rng, &load->nature->gaps) * load->stretch;
	gap += load->left_ms;
	int64_t whole = (int64_t)gap;
	load->left_ms = gap - (double)whole;
	load->t_ms += whole;
}

/* A price that has run away turns back: ticks are never below a tenth of the first. */
static void move_price(struct trade_load *load, int64_t ticks)
{
	enum { LEAST = 30000, MOST = 3000000 };
	int64_t moved = load->price + (load->side == SIDE_BUY ? ticks : -ticks);
	if (moved > LEAST && moved < MOST)
		load->price = moved;
}

static void go_on(struct trade_load *load)
{
	const struct trade_habits *habit = load->nature->habits;
	struct rng *rng = &load->rng;
	if (rng_below(rng, THOUSAND) < habit->same_time) {
		move_price(load, move_of(rng, &habit->within));
	} else {
		bool same = rng_below(rng, THOUSAND) < habit->same_side;
		next_time(load);
		load->side ^= !same;
		move_price(load, move_of(rng, same ? &habit->on : &habit->turn));
		load->id += load->venue == VENUE_BYBIT ? (int64_t)rng_below(rng, 8) : 0;
	}
	load->id++;
	next_size(load);
}

void trade_load_init(struct trade_load *load, const struct trade_nature *nature, enum venue venue,
		     uint64_t seed, int64_t start_ms, int64_t a_day)
{
	const struct trade_habits *habit = nature->habits;
	CHECK(a_day > 0);
	*load = (struct trade_load){ .nature = nature, .venue = venue, .t_ms = start_ms };
	rng_init(&load->rng, seed);
	double new_times = (double)a_day * (THOUSAND - habit->same_time) / THOUSAND;
	load->stretch = 86400000 / new_times / nature->gap_mean;
	load->price = 268380 + (int64_t)rng_below(&load->rng, 100000);
	load->id = 1000000 + (int64_t)rng_below(&load->rng, 1000000000);
	load->side = (uint8_t)rng_below(&load->rng, 2);
	next_time(load);
	next_size(load);
}

static struct str uuid_of(struct trade_load *load)
{
	uint64_t a = rng_next(&load->rng), b = rng_next(&load->rng);
	int n = snprintf(load->uuid, sizeof load->uuid, "%08x-%04x-5%03x-9%03x-%012llx",
			 (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
			 (unsigned)(b >> 52), (unsigned long long)(b & 0xffffffffffff));
	return str_make(load->uuid, (size_t)n);
}

void trade_load_next(struct trade_load *load, struct event_trade *out)
{
	bool ordered = load->venue == VENUE_BINANCE;
	*out = (struct event_trade){
		.id = ordered ? (struct str){ 0 } : uuid_of(load),
		.ordered_id = ordered ? load->id : -1,
		.seq = ordered ? 0 : load->id,
		.price = { load->price, 2 },
		.qty = { load->size, load->nature->habits->size_scale },
		.side = load->side,
		.aggregated = ordered,
	};
	go_on(load);
}
