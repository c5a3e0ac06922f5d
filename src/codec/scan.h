/* scan.h - the pieces of the strict scanners.
 *
 * A scan walks a frame from the front and asks for exactly what its stream sends;
 * the first thing that differs ends it, and simdjson has its turn. So a piece may
 * say no to anything, but what it takes must be what simdjson and decimal_parse
 * would have read (tests/fuzz proves it). Digits are read eight at a time within a
 * register, and the levels of an order book 64 bytes at a time.
 *
 * Pieces of varying length (numbers, symbols, levels) refuse to begin at the end or
 * behind it; texts, times and booleans do not look, and no more than 40 bytes of
 * them stand behind a number in a row (which may itself reach 14 past the end), or
 * 48 behind a prefix. So a scan reads at most 64 bytes past the end: DECODE_PADDING.
 * What lies there decides nothing, because a scan that has walked past the end fails
 * in scan_done. */
#pragma once

#include <assert.h>

#include "codec/decoder.h"
#include "codec/reader.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words below hold text");

/* A scan is one function: a call would put its place in memory at every step. */
#define SCAN_INLINE static inline __attribute__((always_inline))

struct scan {
	const char *p;
	const char *end;
};

/* A number is loaded so that its last digit comes last in the register, hence with
 * up to 16 bytes before it, which must be the frame's. */
enum { SCAN_BEFORE_BYTES = 16 };

enum { SCAN_PREFIX_BYTES = 96, SCAN_PREFIXES = 256, SCAN_SYMBOL_BYTES = 15 };

/* What a stream's frames begin with, up to the first value, as last seen. */
struct scan_prefix {
	uint8_t len; /* 0: nothing seen */
	uint8_t shape;
	uint8_t symbol_len;
	bool wrapped;                       /* in {"stream":…,"data":…} */
	char symbol[SCAN_SYMBOL_BYTES + 1]; /* as last seen, with its closing quote */
	char text[SCAN_PREFIX_BYTES];
};

/* From the byte behind the outer `[` to the outer `]`; NULL when what is between is
 * not event_depth's shape with numbers of at most 18 characters. */
typedef const char *scan_levels_fn(const char *p, const char *end, uint32_t *n);

struct scanner {
	scan_levels_fn *levels; /* the best of this machine */
	struct scan_prefix prefixes[SCAN_PREFIXES];
};

void scanner_init(struct scanner *scanner);
/* The slot of the stream that the frame's first bytes name; frames of 64 bytes or
 * more. */
struct scan_prefix *scanner_slot(struct scanner *scanner, struct str frame);

/* All ways to walk levels that this machine can run, the best first; for tests. */
size_t scan_levels_ways(scan_levels_fn *ways[3]);

/* The slow ways, for what the quick ones below do not take. */
bool scan_decimal_slow(struct scan *scan, struct decimal *out);
bool scan_symbol_slow(struct scan *scan, struct scan_prefix *prefix, struct str *out);

SCAN_INLINE uint64_t scan_load8(const char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

/* The text exactly, or nothing is taken: 1 to 24 bytes of a literal: words that the compiler makes
 * constants. Shorter than a word, the bytes behind it are shifted out. */
#define SCAN(scan, literal) scan_text(scan, literal "\0\0\0\0\0\0\0", sizeof(literal) - 1)
SCAN_INLINE bool scan_text(struct scan *scan, const char *text, size_t len)
{
	const char *p = scan->p;
	uint64_t differ = scan_load8(p) ^ scan_load8(text);
	if (len < 8)
		differ <<= 64 - 8 * len;
	if (len > 8)
		differ |= scan_load8(p + len - 8) ^ scan_load8(text + len - 8);
	if (len > 16)
		differ |= scan_load8(p + 8) ^ scan_load8(text + 8);
	if (differ)
		return false;
	scan->p = p + len;
	return true;
}

SCAN_INLINE bool scan_bool(struct scan *scan, bool *out)
{
	static const char yes[8] = "true", no[8] = "false";
	uint64_t text = scan_load8(scan->p);
	bool is_true = (uint32_t)text == (uint32_t)scan_load8(yes);
	*out = is_true;
	scan->p += 5 - is_true;
	return is_true | (text << 24 == scan_load8(no) << 24);
}

/* The levels between the outer brackets, which may be none. */
SCAN_INLINE bool scan_levels(struct scan *scan, scan_levels_fn *levels, struct str *text,
			     uint32_t *n)
{
	const char *from = scan->p, *to = from;
	*n = 0;
	if (from >= scan->end)
		return false;
	if (*from != ']')
		to = levels(from, scan->end, n);
	/* Levels are walked 64 bytes at a time, so their end may be found in the padding. */
	if (!to || to >= scan->end)
		return false;
	*text = str_make(from, (size_t)(to - from));
	scan->p = to;
	return true;
}

/* The frame ends here. */
SCAN_INLINE bool scan_done(const struct scan *scan) { return scan->p == scan->end; }

#if defined(__SSE2__)
#include <emmintrin.h>

/* Two numbers of eight digits, 0..9 a byte, the first in the lowest byte: pairs,
 * fours, eights, each step one multiplication. The first in the low half. */
SCAN_INLINE uint64_t scan_two_eights(__m128i v)
{
	__m128i tens = _mm_mullo_epi16(_mm_and_si128(v, _mm_set1_epi16(0xff)), _mm_set1_epi16(10));
	__m128i pairs = _mm_add_epi16(tens, _mm_srli_epi16(v, 8));
	__m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(1 << 16 | 100));
	__m128i packed = _mm_packs_epi32(fours, fours);
	__m128i eights = _mm_madd_epi16(packed, _mm_set1_epi32(1 << 16 | 10000));
	return (uint64_t)_mm_cvtsi128_si64(eights);
}

/* Sixteen bytes from n on: all ones in the last n. */
static const uint8_t scan_last[32] = {
	0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
};

SCAN_INLINE __m128i scan_load16(const void *p) { return _mm_loadu_si128((const __m128i *)p); }

/* Eight bytes from each place. */
SCAN_INLINE __m128i scan_load_halves(const void *low, const void *high)
{
	return _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)low),
				  _mm_loadl_epi64((const __m128i *)high));
}

SCAN_INLINE unsigned scan_mask_of(__m128i bytes, char c)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
}

SCAN_INLINE unsigned scan_digit_mask(__m128i bytes)
{
	__m128i value = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
	__m128i small = _mm_min_epu8(value, _mm_set1_epi8(9));
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(value, small));
}

/* An integer of 1 to 15 digits without a leading zero. */
SCAN_INLINE bool scan_integer(struct scan *scan, int64_t *out)
{
	if (scan->p >= scan->end)
		return false;
	unsigned n = (unsigned)__builtin_ctz(~scan_digit_mask(scan_load16(scan->p)));
	if (n - 1 > 14 || (scan->p[0] == '0' && n > 1))
		return false;
	scan->p += n;
	__m128i values = _mm_sub_epi8(scan_load16(scan->p - 16), _mm_set1_epi8('0'));
	uint64_t halves = scan_two_eights(_mm_and_si128(values, scan_load16(scan_last + n)));
	*out = (int64_t)((uint32_t)halves * UINT64_C(100000000) + (halves >> 32));
	return true;
}

/* A time in ms: 13 digits (2001 to 2286), at most TIME_MS_MAX. */
SCAN_INLINE bool scan_time(struct scan *scan, int64_t *out)
{
	enum { DIGITS = 13 };
	if (scan->p >= scan->end)
		return false;
	bool begins = scan->p[0] != '0';
	scan->p += DIGITS;
	__m128i bytes = scan_load16(scan->p - 16);
	__m128i values = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
	uint64_t halves = scan_two_eights(_mm_and_si128(values, scan_load16(scan_last + DIGITS)));
	*out = (int64_t)((uint32_t)halves * UINT64_C(100000000) + (halves >> 32));
	return begins && scan_digit_mask(bytes) >> (16 - DIGITS) == (1u << DIGITS) - 1 &&
	       *out <= TIME_MS_MAX;
}

/* Decimal text up to its closing quote, as decimal_parse reads it. Quick for at
 * most 15 characters with at most eight digits on each side of the point, zeros
 * at the end not counted. */
SCAN_INLINE bool scan_decimal(struct scan *scan, struct decimal *out)
{
	if (scan->p >= scan->end)
		return false;
	__m128i bytes = scan_load16(scan->p);
	unsigned quotes = scan_mask_of(bytes, '"') | 1u << 16;
	unsigned n = (unsigned)__builtin_ctz(quotes);
	unsigned text = (1u << n) - 1;
	unsigned dots = scan_mask_of(bytes, '.') & text;
	unsigned point = (unsigned)__builtin_ctz(dots | 1u << n);
	unsigned digits = scan_digit_mask(bytes) & text;
	/* Digits behind the point that are not 0, and the point itself. */
	unsigned behind = (digits & ~scan_mask_of(bytes, '0') & ~0u << point) | 1u << point;
	unsigned places = 31u - (unsigned)__builtin_clz(behind) - point;
	bool shape = (digits | 1u << point) == (text | 1u << point) && point - 1 < 8 &&
		     point + 1 != n && n < 16;
	if (__builtin_expect(!shape || places > 8, 0))
		return scan_decimal_slow(scan, out);
	static const uint32_t powers[9] = { 1,      10,      100,      1000,     10000,
					    100000, 1000000, 10000000, 100000000 };
	const char *whole = scan->p + point, *fraction = whole + 1 + places;
	__m128i values =
	    _mm_sub_epi8(scan_load_halves(whole - 8, fraction - 8), _mm_set1_epi8('0'));
	__m128i kept = scan_load_halves(scan_last + 8 + point, scan_last + 8 + places);
	uint64_t halves = scan_two_eights(_mm_and_si128(values, kept));
	out->mantissa = (int64_t)((uint32_t)halves * (uint64_t)powers[places] + (halves >> 32));
	out->scale = (int32_t)places;
	scan->p += n;
	return true;
}

/* A symbol up to its closing quote: the one seen last in this stream. */
SCAN_INLINE bool scan_symbol(struct scan *scan, struct scan_prefix *prefix, struct str *out)
{
	if (scan->p >= scan->end)
		return false;
	__m128i bytes = scan_load16(scan->p), known = scan_load16(prefix->symbol);
	unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, known));
	unsigned want = (2u << prefix->symbol_len) - 1;
	if (__builtin_expect(!prefix->symbol_len || (same & want) != want, 0))
		return scan_symbol_slow(scan, prefix, out);
	*out = str_make(scan->p, prefix->symbol_len);
	scan->p += prefix->symbol_len;
	return true;
}

/* Whether the frame begins as the slot says. */
SCAN_INLINE bool scan_begins(struct str frame, const struct scan_prefix *prefix)
{
	size_t len = prefix->len;
	if (len < SCAN_BEFORE_BYTES || frame.len < len)
		return false;
	__m128i differ = _mm_setzero_si128();
	for (size_t at = 0; at < len; at += 16) {
		size_t from = at + 16 <= len ? at : len - 16;
		differ = _mm_or_si128(differ, _mm_xor_si128(scan_load16(prefix->text + from),
							    scan_load16(frame.ptr + from)));
	}
	return scan_mask_of(differ, 0) == 0xffff;
}

#else /* no SSE2: the same answers, a byte at a time */

SCAN_INLINE bool scan_integer(struct scan *scan, int64_t *out)
{
	const char *p = scan->p;
	int64_t value = 0;
	for (; p < scan->end && p - scan->p < 16 && *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (*p - '0');
	size_t n = (size_t)(p - scan->p);
	if (n < 1 || n > 15 || (scan->p[0] == '0' && n > 1))
		return false;
	*out = value;
	scan->p = p;
	return true;
}

SCAN_INLINE bool scan_time(struct scan *scan, int64_t *out)
{
	const char *from = scan->p;
	return scan_integer(scan, out) && scan->p - from == 13 && *out <= TIME_MS_MAX;
}

SCAN_INLINE bool scan_decimal(struct scan *scan, struct decimal *out)
{
	return scan_decimal_slow(scan, out);
}

SCAN_INLINE bool scan_symbol(struct scan *scan, struct scan_prefix *prefix, struct str *out)
{
	return scan_symbol_slow(scan, prefix, out);
}

SCAN_INLINE bool scan_begins(struct str frame, const struct scan_prefix *prefix)
{
	return prefix->len >= SCAN_BEFORE_BYTES && frame.len >= prefix->len &&
	       memcmp(frame.ptr, prefix->text, prefix->len) == 0;
}

#endif
