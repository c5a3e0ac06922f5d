#include "market/levels.h"

#include <math.h>
#include <stdlib.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

/* ---- levels of the form that those before them had ---- */

#if defined(__SSE2__)
/* Price and quantity side by side, eight bytes each, the last character in the highest
 * byte and nothing below the first. A digit is weighed with its neighbours, 2, 4 and 8
 * at a time; a point, which counts as the digit 0, takes no weight. */
static void lane_weights(struct levels_form *form, uint32_t lane, int32_t places)
{
	uint32_t point = 7 - (uint32_t)places; /* its byte */
	for (uint32_t i = 0; i < 4; i++) {
		form->by_pair[4 * lane + i] = places && i == point / 2 ? 257 : 2561;
		form->by_four[4 * lane + i] = i % 2 ? 1 : 100;
	}
	form->by_eight[2 * lane] = 10000;
	form->by_eight[2 * lane + 1] = 1;
	if (places == 0)
		return;
	form->points |= 1u << (8 * lane + point);
	if (point >= 4)
		form->by_eight[2 * lane] = 1000;
	if (point / 2 % 2)
		form->by_four[4 * lane + (point / 2) - 1] = 10;
}

/* A price of len characters (at most 8), and so many places (at most 6). */
static struct levels_form form_of(uint32_t len, int32_t places, int32_t qty_places)
{
	struct levels_form form = { .price_len = len, .qty_unit = powers[qty_places] };
	lane_weights(&form, 0, places);
	lane_weights(&form, 1, qty_places);
	return form;
}

static inline __m128i load_weights(const int16_t weights[8])
{
	return _mm_loadu_si128((const __m128i *)weights);
}

/* The two numbers, in the lower half. */
static inline __m128i weigh_both(const struct levels_form *form, __m128i texts)
{
	__m128i digits = _mm_subs_epu8(texts, _mm_set1_epi8('0')); /* points and blanks: 0 */
	__m128i pairs = _mm_srli_epi16(_mm_mullo_epi16(digits, load_weights(form->by_pair)), 8);
	__m128i fours = _mm_madd_epi16(pairs, load_weights(form->by_four));
	fours = _mm_packs_epi32(fours, fours);
	return _mm_madd_epi16(fours, load_weights(form->by_eight));
}

static inline uint64_t load_word(const char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
	return word;
}

/* The byte of the first quote, times 8; 64: there is none. */
static inline uint32_t quote_bit(uint64_t text)
{
	static const uint64_t ones = 0x0101010101010101u;
	uint64_t bytes = text ^ ones * '"';
	uint64_t quote = (bytes - ones) & ~bytes & ones * 0x80;
	return quote ? (uint32_t)__builtin_ctzll(quote) & 56 : 64;
}

/* The level at p, if it is of the form: its end, or NULL. That the length of the price
 * is foretold lets the next level begin before this one is weighed. What ends with
 * `",` is a price; of a shape that was checked, only the points' places are open. */
static inline const char *usual_level(const struct levels_form *form, const char *p, int64_t *price,
				      double *qty)
{
	uint64_t price_text = load_word(p + 2); /* [" */
	uint32_t price_bits = 8 * form->price_len;
	if (__builtin_expect(memcmp(p + 2 + form->price_len, "\",", 2) != 0, 0))
		price_bits = quote_bit(price_text);
	const char *qty_begin = p + 2 + price_bits / 8 + 3; /* "," */
	uint64_t qty_text = load_word(qty_begin);
	uint32_t qty_bits = quote_bit(qty_text);
	if (price_bits - 8 > 56 || qty_bits - 8 > 48)
		return NULL;
	__m128i texts = _mm_set_epi64x((int64_t)(qty_text << (64 - qty_bits)),
				       (int64_t)(price_text << (64 - price_bits)));
	__m128i points = _mm_cmpeq_epi8(texts, _mm_set1_epi8('.'));
	if ((uint32_t)_mm_movemask_epi8(points) != form->points)
		return NULL;
	__m128i numbers = weigh_both(form, texts);
	*price = _mm_cvtsi128_si32(numbers);
	*qty = _mm_cvtsd_f64(_mm_cvtepi32_pd(_mm_srli_si128(numbers, 4))) / form->qty_unit;
	return qty_begin + qty_bits / 8 + 3; /* "], */
}
#else
static struct levels_form form_of(uint32_t len, int32_t places, int32_t qty_places)
{
	(void)places, (void)qty_places;
	return (struct levels_form){ .price_len = len };
}

static inline const char *usual_level(const struct levels_form *form, const char *p, int64_t *price,
				      double *qty)
{
	(void)form, (void)p, (void)price, (void)qty;
	return NULL;
}
#endif

static void learn_form(struct levels *levels, const struct number *price, uint32_t len,
		       const struct number *qty)
{
	enum { PLACES_MAX = 6, LEN_MAX = 8 };
	if (price->places != levels->scale || price->places > PLACES_MAX || len > LEN_MAX ||
	    qty->places > PLACES_MAX)
		return;
	levels->form = form_of(len, price->places, qty->places);
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
	struct levels_form form = levels->form;
	while (p < end) {
		int64_t price;
		double qty;
		const char *next = usual_level(&form, p, &price, &qty);
		if (!next) {
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
