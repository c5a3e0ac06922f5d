#include "market/levels.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "market/level_text.h"

enum { CLEAN_AT = LEVELS_ROOM / 4 * 3 };

static inline int64_t depth_of(const struct levels *levels, int64_t price)
{
	return levels->bids ? -price : price;
}

static double price_of(const struct levels *levels, int64_t price)
{
	return (double)price / level_powers[levels->scale];
}

/* No level is of the form with no point and one. */
static void forget_form(struct levels *levels)
{
	levels->form = (struct levels_form){ .price_len = 1, .points = UINT32_MAX };
}

void levels_init(struct levels *levels, bool bids)
{
	memset(levels, 0, sizeof *levels);
	levels->bids = bids;
	levels->limit = levels->whole = INT64_MAX;
	forget_form(levels);
}

void levels_clear(struct levels *levels)
{
	memset(levels->table, 0, sizeof levels->table);
	levels->used = 0;
	levels->whole = INT64_MAX;
}

/* The price as a depth, rounded outward; prices beyond an int64 are beyond all. */
static int64_t bound(const struct levels *levels, double price)
{
	double scaled = price * level_powers[levels->scale];
	if (scaled >= 9.2e18)
		return depth_of(levels, INT64_MAX);
	return levels->bids ? -(int64_t)floor(scaled) : (int64_t)ceil(scaled);
}

void levels_set_limit(struct levels *levels, double price)
{
	levels->limit_price = price;
	levels->limit = bound(levels, price);
}

void levels_set_whole(struct levels *levels, double price)
{
	int64_t depth = depth_of(levels, llround(price * level_powers[levels->scale]));
	if (depth < levels->whole)
		levels->whole = depth;
}

bool levels_whole(const struct levels *levels, double price)
{
	return bound(levels, price) <= levels->whole;
}

/* ---- the table ---- */

/* Four prices that follow each other share a cache line, and these are spread evenly:
 * what trades near the mid stays in the first-level cache. */
static inline uint32_t home(int64_t price)
{
	uint64_t line = ((uint64_t)price >> 2) * 0x9E3779B97F4A7C15u >> 54;
	return (uint32_t)(line << 2 | ((uint64_t)price & 3));
}

_Static_assert(LEVELS_ROOM == 1 << 12, "10 bits of the line and 2 of the place in it");

static inline struct level *place_of(struct levels *levels, int64_t price)
{
	uint32_t at = home(price);
	while (levels->table[at].price && levels->table[at].price != price)
		at = (at + 1) & (LEVELS_ROOM - 1);
	return &levels->table[at];
}

/* Below a price that was left out, not all is there. */
static void leave_out(struct levels *levels, int64_t price)
{
	int64_t depth = depth_of(levels, price);
	if (depth <= levels->whole)
		levels->whole = depth - 1;
}

static int by_price(const void *a, const void *b)
{
	int64_t x = ((const struct level *)a)->price, y = ((const struct level *)b)->price;
	return (x > y) - (x < y);
}

/* More than are kept: the best stay. Returns where they begin. */
static struct level *best_of(struct levels *levels, struct level *all, size_t n)
{
	size_t extra = n - LEVELS_KEPT;
	qsort(all, n, sizeof *all, by_price);
	levels->dropped += extra;
	leave_out(levels, levels->bids ? all[extra - 1].price : all[LEVELS_KEPT].price);
	return levels->bids ? all + extra : all;
}

/* Builds the table anew out of what is near enough and has a quantity. */
static void clean(struct levels *levels)
{
	struct level all[LEVELS_ROOM], *kept = all;
	size_t n = 0;
	for (size_t i = 0; i < LEVELS_ROOM; i++) {
		const struct level *level = &levels->table[i];
		if (!level->price || level->qty <= 0)
			continue;
		if (depth_of(levels, level->price) > levels->limit)
			leave_out(levels, level->price);
		else
			all[n++] = *level;
	}
	if (n > LEVELS_KEPT) {
		kept = best_of(levels, all, n);
		n = LEVELS_KEPT;
	}
	memset(levels->table, 0, sizeof levels->table);
	for (size_t i = 0; i < n; i++)
		*place_of(levels, kept[i].price) = kept[i];
	levels->used = (uint32_t)n;
}

static int64_t bound_raise(int64_t depth, int64_t by)
{
	int64_t raised;
	if (__builtin_mul_overflow(depth, by, &raised))
		return depth < 0 ? INT64_MIN : INT64_MAX;
	return raised;
}

/* More places behind the point: every price moves. Levels that would not fit go. */
static void raise_scale(struct levels *levels, int32_t scale)
{
	int64_t by = decimal_pow10(scale - levels->scale);
	struct level old[LEVELS_ROOM];
	memcpy(old, levels->table, sizeof old);
	memset(levels->table, 0, sizeof levels->table);
	levels->used = 0;
	levels->scale = scale;
	forget_form(levels);
	if (levels->limit_price > 0)
		levels->limit = bound(levels, levels->limit_price);
	levels->whole = bound_raise(levels->whole, by);
	for (size_t i = 0; i < LEVELS_ROOM; i++) {
		if (!old[i].price)
			continue;
		if (__builtin_mul_overflow(old[i].price, by, &old[i].price)) {
			levels->dropped++;
			continue;
		}
		*place_of(levels, old[i].price) = old[i];
		levels->used++;
	}
}

static void put(struct levels *levels, int64_t price, double qty, bool below)
{
	struct level *level = place_of(levels, price);
	if (!level->price) {
		level->price = price;
		level->qty = qty;
		if (++levels->used == CLEAN_AT)
			clean(levels);
	} else if (!below) {
		level->qty = qty;
	}
}

/* ---- text ---- */

static bool price_at_scale(struct levels *levels, const struct level_number *number, int64_t *price)
{
	if (number->places > levels->scale)
		raise_scale(levels, number->places);
	return !__builtin_mul_overflow(number->mantissa,
				       decimal_pow10(levels->scale - number->places), price) &&
	       *price > 0;
}

static void learn_form(struct levels *levels, const struct level_number *price, uint32_t len,
		       const struct level_number *qty)
{
	enum { PLACES_MAX = 6, LEN_MAX = 8 };
	if (price->places != levels->scale || price->places > PLACES_MAX || len > LEN_MAX ||
	    qty->places > PLACES_MAX)
		return;
	levels->form = levels_form_of(len, price->places, qty->places);
}

/* The level at p, of any form: its end; *price is 0 when it cannot be read. */
static const char *any_level(struct levels *levels, const char *p, const char *end, int64_t *price,
			     double *qty)
{
	struct level_number price_text, qty_text;
	bool good = level_number_read(p + 2, end, &price_text);        /* [" */
	good &= level_number_read(price_text.end + 3, end, &qty_text); /* "," */
	if (!good || !price_at_scale(levels, &price_text, price)) {
		levels->dropped++;
		*price = 0;
		return qty_text.end + 3; /* "], */
	}
	*qty = (double)qty_text.mantissa / level_powers[qty_text.places];
	if (depth_of(levels, *price) <= levels->limit)
		learn_form(levels, &price_text, (uint32_t)(price_text.end - p - 2), &qty_text);
	return qty_text.end + 3;
}

double levels_apply(struct levels *levels, struct str text, bool below)
{
	const char *p = text.ptr, *end = text.ptr + text.len;
	int64_t deepest = INT64_MIN;
	struct levels_form form = levels->form;
	while (p < end) {
		int64_t price;
		double qty;
		const char *next = level_read_usual(&form, p, &price, &qty);
		if (!next || price == 0) {
			next = any_level(levels, p, end, &price, &qty);
			form = levels->form;
		}
		p = next;
		if (price == 0)
			continue;
		int64_t depth = depth_of(levels, price);
		if (depth > deepest)
			deepest = depth;
		if (depth > levels->limit)
			leave_out(levels, price);
		else
			put(levels, price, qty, below);
	}
	return deepest == INT64_MIN ? 0 : price_of(levels, depth_of(levels, deepest));
}

/* ---- questions ---- */

double levels_sum(const struct levels *levels, double from, double to)
{
	static const double slack = 1e-12; /* bounds are products: a price may lie on one */
	double sum = 0;
	from *= level_powers[levels->scale] * (1 - slack);
	to *= level_powers[levels->scale] * (1 + slack);
	for (size_t i = 0; i < LEVELS_ROOM; i++) {
		const struct level *level = &levels->table[i];
		double price = (double)level->price;
		if (level->price && price >= from && price <= to)
			sum += level->qty;
	}
	return sum;
}

double levels_best(const struct levels *levels, double *qty)
{
	int64_t best = INT64_MAX;
	*qty = 0;
	for (size_t i = 0; i < LEVELS_ROOM; i++) {
		const struct level *level = &levels->table[i];
		if (!level->price || level->qty <= 0 || depth_of(levels, level->price) >= best)
			continue;
		best = depth_of(levels, level->price);
		*qty = level->qty;
	}
	return best == INT64_MAX ? 0 : price_of(levels, depth_of(levels, best));
}
