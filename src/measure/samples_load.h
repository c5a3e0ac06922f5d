/* samples_load.h - the load of a hundred terminals: seeded rows of the 64 samples, one a
 * second, for `weir plan --measure`, the tests, the bench and the training tool.
 *
 * Each sample has a nature, in units of its last digit: what it begins near, between
 * what it stays, and how it moves (below). Two loads are made of it.
 * SOME: 24 samples move every second, 24 in one second of ten (each by itself), 16 never.
 * ALL: every sample takes a step of a normal walk every second, flags and counters too.
 * In both the account's sums hold (equity is balance, credit and profit; free margin is
 * equity less margin; the level is their quotient), and `up` counts seconds. */
#pragma once

#include <math.h>

#include "base/check.h"
#include "base/rng.h"
#include "codec/samples.h"

enum load_mix { LOAD_SOME, LOAD_ALL };

enum load_move {
	LOAD_STILL,
	LOAD_WALK,  /* a normal step of `spread` units, turned back at both ends */
	LOAD_NOISE, /* normal around the start, every value by itself */
	LOAD_WAIT,  /* exponential above the low end, mean `spread` */
	LOAD_CLOCK, /* one more each second */
	LOAD_SUM,   /* follows from other samples */
};

struct load_nature {
	uint8_t digits;
	int64_t start, low, high;
	uint8_t every_second; /* else one second of ten */
	enum load_move move;
	double spread;
	double walk; /* a step's spread in the load ALL */
};

/* clang-format off */
static const struct load_nature load_natures[SAMPLE_COUNT] = {
	/*               digits start   low     high   every move        spread walk */
	[SAMPLE_con] =   { 0,       1,      0,        1, 0, LOAD_STILL,     0,    1 },
	[SAMPLE_ta] =    { 0,       1,      0,        1, 0, LOAD_STILL,     0,    1 },
	[SAMPLE_ma] =    { 0,       1,      0,        1, 0, LOAD_STILL,     0,    1 },
	[SAMPLE_aa] =    { 0,       1,      0,        1, 0, LOAD_STILL,     0,    1 },
	[SAMPLE_ae] =    { 0,       1,      0,        1, 0, LOAD_STILL,     0,    1 },
	[SAMPLE_ping] =  { 0,  150000,  20000,   600000, 0, LOAD_WALK,    900,  300 },
	[SAMPLE_ret] =   { 2,       2,      0,     1000, 0, LOAD_WALK,      3,   10 },
	[SAMPLE_mem] =   { 0,     212,    120,     4000, 0, LOAD_WALK,      2,   20 },
	[SAMPLE_memp] =  { 0,   16298,   4000,    16384, 0, LOAD_WALK,     10,   20 },
	[SAMPLE_disk] =  { 0,   48211,   1000,    99999, 0, LOAD_WALK,      5,   20 },
	[SAMPLE_cores] = { 0,       8,      1,      128, 0, LOAD_STILL,     0,    3 },
	[SAMPLE_lag] =   { 0,      12,      0,      500, 1, LOAD_WAIT,      6,   15 },
	[SAMPLE_q] =     { 0,       2,      0,       50, 0, LOAD_WALK,      2,    5 },
	[SAMPLE_inf] =   { 0,       1,      0,       20, 0, LOAD_WALK,      1,    5 },
	[SAMPLE_tick] =  { 0,     231,      1,    20000, 1, LOAD_WAIT,    150,  200 },
	[SAMPLE_dr] =    { 0,       0,      0,      500, 0, LOAD_WALK,      1,   10 },
	[SAMPLE_n] =     { 0,       3,      0,      200, 0, LOAD_WALK,      1,   10 },
	[SAMPLE_bal] =   { 2,  334616, 100000,  9999999, 0, LOAD_WALK,   1200,   50 },
	[SAMPLE_eq] =    { 2,  327187, 100000,  9999999, 1, LOAD_WALK,     30,   50 },
	[SAMPLE_mar] =   { 2,   16453,   5000,   500000, 0, LOAD_WALK,    400,   50 },
	[SAMPLE_fm] =    { 2,       0,      0,        0, 1, LOAD_SUM,       0,    0 },
	[SAMPLE_ml] =    { 2,       0,      0,        0, 1, LOAD_SUM,       0,    0 },
	[SAMPLE_cr] =    { 2,       0,      0,  1000000, 0, LOAD_STILL,     0,   50 },
	[SAMPLE_pl] =    { 2,       0,      0,        0, 1, LOAD_SUM,       0,    0 },
	[SAMPLE_cpu] =   { 1,      85,      0,     1000, 1, LOAD_WALK,     10,   25 },
	[SAMPLE_rss] =   { 0,     223,    120,     4000, 0, LOAD_WALK,      2,   20 },
	[SAMPLE_fd] =    { 0,     311,    100,     1000, 0, LOAD_WALK,      2,   15 },
	[SAMPLE_thr] =   { 0,      41,     20,      200, 0, LOAD_WALK,      1,   10 },
	[SAMPLE_la] =    { 2,     142,      0,     6400, 0, LOAD_WALK,      8,   20 },
	[SAMPLE_up] =    { 0,   86400,      0, INT64_MAX, 1, LOAD_CLOCK,    0,    0 },
	[SAMPLE_rtt] =   { 0,     158,      1,     5000, 0, LOAD_WALK,     10,   20 },
	[SAMPLE_ack] =   { 0,       2,      0,     1000, 1, LOAD_WAIT,      2,   15 },
	[SAMPLE_age] =   { 0,     480,      0,     1000, 1, LOAD_WALK,      4,   30 },
	[SAMPLE_off] =   { 0,   10800, -43200,    43200, 0, LOAD_STILL,     0,   60 },
	[SAMPLE_skew] =  { 0,     -35,  -5000,     5000, 1, LOAD_NOISE,     4,   20 },
	[SAMPLE_fin] =   { 0,       3,      0,      100, 1, LOAD_NOISE,     1,   10 },
	[SAMPLE_bin] =   { 0,     410,      0,    65536, 1, LOAD_NOISE,    10,   60 },
	[SAMPLE_bout] =  { 0,      60,      0,    65536, 1, LOAD_NOISE,     4,   40 },
	[SAMPLE_res] =   { 0,       1,      0,       20, 0, LOAD_WALK,      1,    5 },
	[SAMPLE_sig] =   { 0,       1,      0,       20, 0, LOAD_WALK,      1,    5 },
	[SAMPLE_wait] =  { 0,       1,      0,       50, 0, LOAD_WALK,      1,    5 },
	[SAMPLE_lat] =   { 0,     316,     30,     5000, 0, LOAD_NOISE,    40,   40 },
	[SAMPLE_slp] =   { 1,      20,   -200,      500, 0, LOAD_NOISE,    10,   20 },
	[SAMPLE_fail] =  { 0,       4,      0,     9999, 0, LOAD_WALK,      1,   10 },
	[SAMPLE_dup] =   { 0,       0,      0,      100, 0, LOAD_STILL,     0,   10 },
	[SAMPLE_rcn] =   { 0,       1,      0,      100, 0, LOAD_STILL,     0,   10 },
	[SAMPLE_att] =   { 0,       0,      0,        3, 0, LOAD_STILL,     0,    1 },
	[SAMPLE_pen] =   { 0,       0,      0,     9999, 0, LOAD_STILL,     0,   20 },
	[SAMPLE_x0] =    { 5,  108512,  90000,   130000, 1, LOAD_WALK,      4,   10 },
	[SAMPLE_x1] =    { 5,  126480, 100000,   150000, 1, LOAD_WALK,      5,   15 },
	[SAMPLE_x2] =    { 1,     503,      0,     1000, 1, LOAD_WALK,      3,   10 },
	[SAMPLE_x3] =    { 1,     487,      0,     1000, 1, LOAD_WALK,      3,   10 },
	[SAMPLE_x4] =    { 1,      14,      0,      500, 1, LOAD_WALK,      2,   10 },
	[SAMPLE_x5] =    { 1,      21,      0,      500, 1, LOAD_WALK,      3,   10 },
	[SAMPLE_x6] =    { 0,    1250,      0,   100000, 1, LOAD_WALK,      8,   40 },
	[SAMPLE_x7] =    { 3,    7310,      0,   100000, 1, LOAD_WALK,     10,   40 },
	[SAMPLE_x8] =    { 2,     510,      0,    10000, 1, LOAD_WALK,      8,   30 },
	[SAMPLE_x9] =    { 2,     330,      0,    10000, 1, LOAD_WALK,      8,   30 },
	[SAMPLE_x10] =   { 0,      40,      0,     1000, 0, LOAD_WALK,      5,   20 },
	[SAMPLE_x11] =   { 0,       7,      0,      100, 0, LOAD_WALK,      2,   20 },
	[SAMPLE_x12] =   { 2,     100,      0,    10000, 0, LOAD_STILL,     0,   20 },
	[SAMPLE_x13] =   { 0,       0,      0,     1000, 0, LOAD_STILL,     0,   20 },
	[SAMPLE_x14] =   { 0,       0,      0,     1000, 0, LOAD_STILL,     0,   20 },
	[SAMPLE_x15] =   { 0,       0,      0,     1000, 0, LOAD_STILL,     0,   20 },
};
/* clang-format on */

struct load {
	struct rng rng;
	enum load_mix mix;
	int64_t start_ms, second; /* rows made */
	int64_t now[SAMPLE_COUNT];
};

static inline void load_start(struct load *load, enum load_mix mix, uint64_t seed, int64_t start_ms)
{
	*load = (struct load){ .mix = mix, .start_ms = start_ms };
	rng_init(&load->rng, seed);
	for (int i = 0; i < SAMPLE_COUNT; i++) {
		const struct load_nature *nature = &load_natures[i];
		/* Terminals differ: up to a fifth of where one begins. */
		int64_t room = nature->move == LOAD_STILL ? 0 : nature->start / 5;
		load->now[i] = nature->start;
		if (room > 0)
			load->now[i] += (int64_t)rng_below(&load->rng, (uint64_t)room) - room / 2;
	}
}

static inline int64_t load_turned_back(int64_t value, const struct load_nature *nature)
{
	if (value < nature->low)
		value = 2 * nature->low - value;
	if (value > nature->high)
		value = 2 * nature->high - value;
	return value < nature->low ? nature->low : value;
}

static inline int64_t load_next(struct load *load, int sample)
{
	const struct load_nature *nature = &load_natures[sample];
	int64_t now = load->now[sample];
	enum load_move move = nature->move;
	double spread = nature->spread;
	if (load->mix == LOAD_ALL && nature->walk > 0) {
		move = LOAD_WALK;
		spread = nature->walk;
	}
	switch (move) {
	case LOAD_WALK:
		return load_turned_back(now + llrint(rng_normal(&load->rng) * spread), nature);
	case LOAD_NOISE:
		return load_turned_back(nature->start + llrint(rng_normal(&load->rng) * spread),
					nature);
	case LOAD_WAIT:
		return load_turned_back(
		    nature->low + (int64_t)(-log(1 - rng_unit(&load->rng)) * spread), nature);
	case LOAD_CLOCK: return now + 1;
	case LOAD_STILL:
	case LOAD_SUM: break;
	}
	return now;
}

static inline void load_sum_up(int64_t *now)
{
	int64_t margin = now[SAMPLE_mar];
	now[SAMPLE_fm] = now[SAMPLE_eq] - margin;
	now[SAMPLE_pl] = now[SAMPLE_eq] - now[SAMPLE_bal] - now[SAMPLE_cr];
	now[SAMPLE_ml] = (now[SAMPLE_eq] * 10000 + margin / 2) / margin;
}

enum { LOAD_LATE_MS = 3 };

/* The next second's row, 0 to 2 ms late, as a loop's timer is. */
static inline void load_row(struct load *load, struct sample_row_values *row)
{
	for (int i = 0; i < SAMPLE_COUNT; i++) {
		const struct load_nature *nature = &load_natures[i];
		bool moves =
		    load->mix == LOAD_ALL || nature->every_second || rng_below(&load->rng, 10) == 0;
		if (moves)
			load->now[i] = load_next(load, i);
	}
	load_sum_up(load->now);
	row->ms =
	    load->start_ms + load->second++ * 1000 + (int64_t)rng_below(&load->rng, LOAD_LATE_MS);
	row->known = UINT64_MAX;
	for (int i = 0; i < SAMPLE_COUNT; i++)
		row->values[i] = (struct number){ load->now[i], load_natures[i].digits };
}
