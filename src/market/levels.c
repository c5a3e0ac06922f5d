#include "market/levels.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/decimal.h"

enum { CLEAN_AT = LEVELS_ROOM / 4 * 3 };

static const double powers[DECIMAL_SCALE_MAX + 1] = {
	1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
};

static inline int64_t depth_of(const struct levels *levels, int64_t price)
{
	return levels->bids ? -price : price;
}

static double price_of(const struct levels *levels, int64_t price)
{
	return (double)price / powers[levels->scale];
}

/* Of the empty form no number is. */
static void forget_form(struct levels *levels)
{
	levels->price_form = levels->qty_form = (struct levels_form){ 0 };
	levels->price_len = 1;
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
	double scaled = price * powers[levels->scale];
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
	int64_t depth = depth_of(levels, llround(price * powers[levels->scale]));
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

struct number {
	int64_t mantissa;
	int32_t places;
	const char *end;
};

/* Eight bytes of a text with '0' taken off each, and the high bits of those that are
 * no digits. Levels are most of what an exchange sends, so their digits are found
 * and weighed eight at a time. */
struct eight {
	uint64_t digits, others;
};

static inline struct eight load_eight(const char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
	word ^= 0x3030303030303030u;
	return (struct eight){ word, ((word + 0x0606060606060606u) | word) & 0xF0F0F0F0F0F0F0F0u };
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is the lowest");

static inline uint32_t first_other(uint64_t others)
{
	return (uint32_t)__builtin_ctzll(others) / 8;
}

/* The number of eight digits, the first in the lowest byte. */
static inline uint64_t weigh_eight(uint64_t digits)
{
	digits = (digits * 2561) >> 8 & 0x00FF00FF00FF00FFu;
	digits = (digits * 6553601) >> 16 & 0x0000FFFF0000FFFFu;
	return (digits * 42949672960001) >> 32;
}

/* The number that the first n (1..8) digits make. */
static inline uint64_t weigh(uint64_t digits, uint32_t n)
{
	return weigh_eight(digits << (64 - 8 * n));
}

/* The whole number, its point and the quote behind it within eight bytes: most are. */
static inline bool short_number(const char *p, struct number *out)
{
	struct eight eight = load_eight(p);
	uint32_t point = first_other(eight.others | (uint64_t)1 << 63);
	if (point == 0)
		return false;
	if (p[point] == '"') {
		*out = (struct number){ (int64_t)weigh(eight.digits, point), 0, p + point };
		return true;
	}
	uint64_t whole = ((uint64_t)1 << 8 * point) - 1; /* the bytes before the point */
	uint64_t behind = eight.others & ~whole << 8;    /* and those past it */
	if (p[point] != '.' || !behind)
		return false;
	uint32_t end = first_other(behind);
	uint64_t digits = (eight.digits & whole) | (eight.digits >> 8 & ~whole);
	*out =
	    (struct number){ (int64_t)weigh(digits, end - 1), (int32_t)(end - point - 1), p + end };
	return p[end] == '"';
}

/* At most eight digits on each side of the point. */
static inline bool middle_number(const char *p, struct number *out)
{
	struct eight eight = load_eight(p);
	uint32_t whole = eight.others ? first_other(eight.others) : 8;
	if (whole == 0 || p[whole] != '.')
		return false;
	int64_t value = (int64_t)weigh(eight.digits, whole);
	p += whole + 1;
	eight = load_eight(p);
	uint32_t places = eight.others ? first_other(eight.others) : 8;
	if (places == 0 || p[places] != '"')
		return false;
	value = value * decimal_pow10((int32_t)places) + (int64_t)weigh(eight.digits, places);
	*out = (struct number){ value, (int32_t)places, p + places };
	return true;
}

static bool long_number(const char *p, const char *end, struct number *out)
{
	struct str rest = str_make(p, (size_t)(end - p));
	struct decimal d = { 0 };
	rest.len = str_find_char(rest, '"');
	bool good = decimal_parse(rest, &d) == STATUS_OK && d.mantissa >= 0;
	*out = (struct number){ d.mantissa, d.scale, p + rest.len };
	return good;
}

static inline bool number_at(const char *p, const char *end, struct number *out)
{
	return short_number(p, out) || middle_number(p, out) || long_number(p, end, out);
}

static bool price_at_scale(struct levels *levels, const struct number *number, int64_t *price)
{
	if (number->places > levels->scale)
		raise_scale(levels, number->places);
	return !__builtin_mul_overflow(number->mantissa,
				       decimal_pow10(levels->scale - number->places), price) &&
	       *price > 0;
}

/* ---- numbers of the form that those before them had ---- */

static const uint64_t ones = 0x0101010101010101u;

/* The form of numbers with so many places (at most 6), seen as eight bytes of which
 * the last character is the highest. */
static struct levels_form form_of(int32_t places)
{
	uint32_t point_bit = 8 * (7 - (uint32_t)places);
	struct levels_form form = { .behind = ~(uint64_t)0, .zeros = ones * '0' };
	if (places > 0) {
		form.behind <<= point_bit + 8;
		form.zeros &= ~((uint64_t)0xFF << point_bit);
		form.point = (uint64_t)'.' << point_bit;
	}
	form.places = places;
	return form;
}

/* The number of the first characters of text, which `shift` brings to the top; false:
 * it is not of the form. Only digits leave a byte below 10, and in the shape of
 * levels a byte between digits is the point or a digit. */
static inline bool form_read(const struct levels_form *form, uint64_t text, uint32_t shift,
			     int64_t *out)
{
	uint64_t bytes = text << shift ^ (form->zeros >> shift << shift | form->point);
	uint64_t others = ((bytes + ones * 6) | bytes) & ones * 0xF0;
	*out = (int64_t)weigh_eight((bytes & form->behind) | (bytes << 8 & ~form->behind));
	return others == 0;
}

static inline uint64_t load_word(const char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
	return word;
}

/* How far left a text of up to 7 characters has to go; at least 64: no quote there. */
static inline uint32_t shift_to_quote(uint64_t text)
{
	uint64_t bytes = text ^ ones * '"';
	uint64_t quote = (bytes - ones) & ~bytes & ones * 0x80;
	return quote ? 71 - (uint32_t)__builtin_ctzll(quote) : 64;
}

/* The level at p, of the form that those before it had: its end, or NULL. That the
 * length of the price is foretold lets the next level begin before this one is read. */
static inline const char *usual_level(const struct levels *levels, const char *p, int64_t *price,
				      double *qty)
{
	const struct levels_form *of_price = &levels->price_form, *of_qty = &levels->qty_form;
	uint32_t len = levels->price_len;
	if (p[2 + len] != '"')
		return NULL;
	uint64_t text = load_word(p + len + 5); /* [" and "," */
	uint32_t shift = shift_to_quote(text);
	int64_t mantissa;
	if (shift > 56 || !form_read(of_price, load_word(p + 2), 64 - 8 * len, price) ||
	    !form_read(of_qty, text, shift, &mantissa) || *price == 0)
		return NULL;
	*qty = (double)mantissa / powers[of_qty->places];
	return p + len + 5 + 8 - shift / 8 + 3;
}

static void learn_form(struct levels *levels, const struct number *price, uint32_t len,
		       const struct number *qty)
{
	enum { PLACES_MAX = 6, LEN_MAX = 8 };
	if (price->places != levels->scale || price->places > PLACES_MAX || len > LEN_MAX ||
	    qty->places > PLACES_MAX)
		return;
	levels->price_len = len;
	levels->price_form = form_of(price->places);
	levels->qty_form = form_of(qty->places);
}

/* The level at p, of any form: its end; *price is 0 when it cannot be read. */
static const char *any_level(struct levels *levels, const char *p, const char *end, int64_t *price,
			     double *qty)
{
	struct number price_text, qty_text;
	bool good = number_at(p + 2, end, &price_text);        /* [" */
	good &= number_at(price_text.end + 3, end, &qty_text); /* "," */
	if (!good || !price_at_scale(levels, &price_text, price)) {
		levels->dropped++;
		*price = 0;
		return qty_text.end + 3; /* "], */
	}
	*qty = (double)qty_text.mantissa / powers[qty_text.places];
	if (depth_of(levels, *price) <= levels->limit)
		learn_form(levels, &price_text, (uint32_t)(price_text.end - p - 2), &qty_text);
	return qty_text.end + 3;
}

double levels_apply(struct levels *levels, struct str text, bool below)
{
	const char *p = text.ptr, *end = text.ptr + text.len;
	int64_t deepest = INT64_MIN;
	while (p < end) {
		int64_t price;
		double qty;
		const char *next = usual_level(levels, p, &price, &qty);
		p = next ? next : any_level(levels, p, end, &price, &qty);
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
	from *= 1 - slack;
	to *= 1 + slack;
	for (size_t i = 0; i < LEVELS_ROOM; i++) {
		const struct level *level = &levels->table[i];
		double price = price_of(levels, level->price);
		if (level->price && price >= from && price <= to)
			sum += level->qty;
	}
	return sum;
}

double levels_best(const struct levels *levels)
{
	int64_t best = INT64_MAX;
	for (size_t i = 0; i < LEVELS_ROOM; i++) {
		const struct level *level = &levels->table[i];
		if (level->price && level->qty > 0 && depth_of(levels, level->price) < best)
			best = depth_of(levels, level->price);
	}
	return best == INT64_MAX ? 0 : price_of(levels, depth_of(levels, best));
}
