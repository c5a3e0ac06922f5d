/* level_text.h - how a level's text becomes numbers; part of levels.c.
 *
 * Two ways. Any number is read alone, its digits found and weighed eight at a time.
 * A level whose price has as many characters, and whose price and quantity have as
 * many places, as those before them (nearly all of a market's) is read at once: both
 * numbers side by side, without a step that waits for the one before. The texts were
 * checked to have the shape of levels; LEVELS_PADDING bytes behind them are readable. */
#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/decimal.h"
#include "market/levels.h"

static const double level_powers[DECIMAL_SCALE_MAX + 1] = {
	1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
};

/* ---- any number ---- */

struct level_number {
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
static inline bool short_number(const char *p, struct level_number *out)
{
	struct eight eight = load_eight(p);
	uint32_t point = first_other(eight.others | (uint64_t)1 << 63);
	if (point == 0)
		return false;
	if (p[point] == '"') {
		*out = (struct level_number){ (int64_t)weigh(eight.digits, point), 0, p + point };
		return true;
	}
	uint64_t whole = ((uint64_t)1 << 8 * point) - 1; /* the bytes before the point */
	uint64_t behind = eight.others & ~whole << 8;    /* and those past it */
	if (p[point] != '.' || !behind)
		return false;
	uint32_t end = first_other(behind);
	uint64_t digits = (eight.digits & whole) | (eight.digits >> 8 & ~whole);
	*out = (struct level_number){ (int64_t)weigh(digits, end - 1), (int32_t)(end - point - 1),
				      p + end };
	return p[end] == '"';
}

/* At most eight digits on each side of the point. */
static inline bool middle_number(const char *p, struct level_number *out)
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
	*out = (struct level_number){ value, (int32_t)places, p + places };
	return true;
}

static inline bool long_number(const char *p, const char *end, struct level_number *out)
{
	struct str rest = str_make(p, (size_t)(end - p));
	struct decimal d = { 0 };
	rest.len = str_find_char(rest, '"');
	bool good = decimal_parse(rest, &d) == STATUS_OK && d.mantissa >= 0;
	*out = (struct level_number){ d.mantissa, d.scale, p + rest.len };
	return good;
}

static inline bool level_number_read(const char *p, const char *end, struct level_number *out)
{
	return short_number(p, out) || middle_number(p, out) || long_number(p, end, out);
}

/* ---- levels of the form that those before them had ---- */

#if defined(__SSE2__)
/* Price and quantity side by side, eight bytes each, the last character in the highest
 * byte and nothing below the first. A digit is weighed with its neighbours, 2, 4 and 8
 * at a time; a point, which counts as the digit 0, takes no weight. */
static inline void lane_weights(struct levels_form *form, uint32_t lane, int32_t places)
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
static inline struct levels_form levels_form_of(uint32_t len, int32_t places, int32_t qty_places)
{
	struct levels_form form = { .price_len = len, .qty_unit = level_powers[qty_places] };
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
static inline const char *level_read_usual(const struct levels_form *form, const char *p,
					   int64_t *price, double *qty)
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
static inline struct levels_form levels_form_of(uint32_t len, int32_t places, int32_t qty_places)
{
	(void)places, (void)qty_places;
	return (struct levels_form){ .price_len = len };
}

static inline const char *level_read_usual(const struct levels_form *form, const char *p,
					   int64_t *price, double *qty)
{
	(void)form, (void)p, (void)price, (void)qty;
	return NULL;
}
#endif
