/* The levels of an order book, `["p","q"],["p","q"]…`, checked up to 64 bytes at a
 * time.
 *
 * A block begins at a level and becomes six masks, one bit a byte: open and close
 * brackets, quotes, commas, points, digits. Then a shift and an AND say for all 64
 * bytes at once what stands behind what. Three rules look further:
 *   - a level has exactly one comma inside: the running parity (prefix XOR) of `[`
 *     and inner commas is even at its comma and at its `]`;
 *   - a number has at most one point: adding 1 behind a point to the mask of digits
 *     carries through the digits and comes out where they end, which must not be
 *     another point;
 *   - a number has at most 18 characters, so that it fits in 63 bits: no window of
 *     19, built from windows of 2, 4 and 16.
 * The block's levels that are whole are taken and the next block begins behind
 * them, so that nothing is carried over. A level is at most 43 bytes, so a good
 * block always holds one. */
#include "codec/scan.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { NUMBER_CHARS_MAX = 18 };

struct masks {
	uint64_t open, close, quote, comma, point, digit;
};

/* Behind a number's 18th character. */
SCAN_INLINE uint64_t too_long(uint64_t number)
{
	uint64_t run2 = number & number << 1;
	uint64_t run4 = run2 & run2 << 2;
	uint64_t run8 = run4 & run4 << 4;
	uint64_t run16 = run8 & run8 << 8;
	return run16 & run4 << (NUMBER_CHARS_MAX + 1 - 4);
}

/* Points that do not stand between two digits, or are the second of a number. */
SCAN_INLINE uint64_t bad_points(const struct masks *m)
{
	uint64_t behind = m->point << 1;
	uint64_t ends = (m->digit + (behind & m->digit)) & ~m->digit;
	return (behind & ~m->digit) | (m->point & (ends | ~(m->digit << 1)));
}

/* Bytes that must not be there, right up to the first `]]`. That nothing else can
 * stand between follows backwards from a `]`: it stands behind a quote, that behind
 * a number, that behind a quote, that behind `[` or an inner comma, and so on to the
 * block's first byte. */
SCAN_INLINE uint64_t check(const struct masks *m, uint64_t (*prefix_xor)(uint64_t bits))
{
	uint64_t number = m->digit | m->point;
	uint64_t starts = number & ~(number << 1);
	uint64_t quote_close = number << 1 & ~number;
	uint64_t inner = quote_close << 1 & m->comma;
	uint64_t close = quote_close << 1 & m->close;
	uint64_t outer = close << 1;
	uint64_t quote_open = (inner | m->open) << 1;
	uint64_t one_number = prefix_xor(m->open | inner);
	return (m->quote ^ (quote_close | quote_open)) | (starts ^ quote_open << 1) |
	       (m->comma ^ (inner | outer)) | (m->open ^ (outer << 1 | 1)) | (m->close ^ close) |
	       ((inner | close) & one_number) | bad_points(m) | too_long(number);
}

SCAN_INLINE const char *walk(const char *p, const char *stop, uint32_t *n,
			     struct masks (*classify)(const char *p),
			     uint64_t (*prefix_xor)(uint64_t bits), int (*count)(uint64_t bits))
{
	uint32_t levels = 0;
	while (p < stop) {
		struct masks m = classify(p);
		uint64_t behind = m.close << 1;
		uint64_t last = behind & m.close, next = behind & m.comma;
		uint64_t bad = check(&m, prefix_xor);
		if (last) {
			uint64_t before = (last & -last) - 1;
			*n = levels + (uint32_t)count(m.close & before);
			return bad & before ? NULL : p + __builtin_ctzll(last);
		}
		if (!next)
			return NULL;
		int used = 64 - __builtin_clzll(next);
		if (bad << (64 - used))
			return NULL;
		levels += (uint32_t)count(next);
		p += used;
	}
	return NULL;
}

SCAN_INLINE uint64_t prefix_xor_shifts(uint64_t bits)
{
	bits ^= bits << 1;
	bits ^= bits << 2;
	bits ^= bits << 4;
	bits ^= bits << 8;
	bits ^= bits << 16;
	return bits ^ bits << 32;
}

/* A handful of bits at most. */
SCAN_INLINE int count_bits(uint64_t bits)
{
	int n = 0;
	for (; bits; n++)
		bits &= bits - 1;
	return n;
}

/* Any machine: the masks are made a byte at a time. */
SCAN_INLINE struct masks classify_bytes(const char *p)
{
	struct masks m = { 0 };
	for (int i = 0; i < 64; i++) {
		uint64_t bit = UINT64_C(1) << i;
		m.open |= p[i] == '[' ? bit : 0;
		m.close |= p[i] == ']' ? bit : 0;
		m.quote |= p[i] == '"' ? bit : 0;
		m.comma |= p[i] == ',' ? bit : 0;
		m.point |= p[i] == '.' ? bit : 0;
		m.digit |= p[i] >= '0' && p[i] <= '9' ? bit : 0;
	}
	return m;
}

static const char *levels_bytes(const char *p, const char *stop, uint32_t *n)
{
	return walk(p, stop, n, classify_bytes, prefix_xor_shifts, count_bits);
}

#if defined(__x86_64__)

SCAN_INLINE uint64_t join16(__m128i a, __m128i b, __m128i c, __m128i d)
{
	uint64_t low = (uint64_t)(unsigned)_mm_movemask_epi8(a) |
		       (uint64_t)(unsigned)_mm_movemask_epi8(b) << 16;
	uint64_t high = (uint64_t)(unsigned)_mm_movemask_epi8(c) |
			(uint64_t)(unsigned)_mm_movemask_epi8(d) << 16;
	return low | high << 32;
}

SCAN_INLINE uint64_t equal16(const __m128i v[4], char c)
{
	__m128i want = _mm_set1_epi8(c);
	return join16(_mm_cmpeq_epi8(v[0], want), _mm_cmpeq_epi8(v[1], want),
		      _mm_cmpeq_epi8(v[2], want), _mm_cmpeq_epi8(v[3], want));
}

SCAN_INLINE __m128i digits16(__m128i v)
{
	__m128i value = _mm_sub_epi8(v, _mm_set1_epi8('0'));
	return _mm_cmpeq_epi8(value, _mm_min_epu8(value, _mm_set1_epi8(9)));
}

SCAN_INLINE struct masks classify_sse2(const char *p)
{
	__m128i v[4];
	memcpy(v, p, sizeof v);
	return (struct masks){
		.open = equal16(v, '['),
		.close = equal16(v, ']'),
		.quote = equal16(v, '"'),
		.comma = equal16(v, ','),
		.point = equal16(v, '.'),
		.digit = join16(digits16(v[0]), digits16(v[1]), digits16(v[2]), digits16(v[3])),
	};
}

static const char *levels_sse2(const char *p, const char *stop, uint32_t *n)
{
	return walk(p, stop, n, classify_sse2, prefix_xor_shifts, count_bits);
}

#define AVX2 __attribute__((target("avx2,pclmul,popcnt,bmi,bmi2")))

AVX2 SCAN_INLINE uint64_t equal32(__m256i a, __m256i b, char c)
{
	__m256i want = _mm256_set1_epi8(c);
	return (uint64_t)(unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, want)) |
	       (uint64_t)(unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, want)) << 32;
}

AVX2 SCAN_INLINE uint64_t digits32(__m256i v)
{
	__m256i value = _mm256_sub_epi8(v, _mm256_set1_epi8('0'));
	__m256i small = _mm256_min_epu8(value, _mm256_set1_epi8(9));
	return (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(value, small));
}

AVX2 SCAN_INLINE struct masks classify_avx2(const char *p)
{
	__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
	return (struct masks){
		.open = equal32(a, b, '['),
		.close = equal32(a, b, ']'),
		.quote = equal32(a, b, '"'),
		.comma = equal32(a, b, ','),
		.point = equal32(a, b, '.'),
		.digit = digits32(a) | digits32(b) << 32,
	};
}

/* A carry-less product with all ones is the prefix XOR. */
AVX2 SCAN_INLINE uint64_t prefix_xor_clmul(uint64_t bits)
{
	__m128i product =
	    _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)bits), _mm_set1_epi8(-1), 0);
	return (uint64_t)_mm_cvtsi128_si64(product);
}

AVX2 SCAN_INLINE int count_popcnt(uint64_t bits) { return __builtin_popcountll(bits); }

AVX2 static const char *levels_avx2(const char *p, const char *stop, uint32_t *n)
{
	return walk(p, stop, n, classify_avx2, prefix_xor_clmul, count_popcnt);
}

size_t scan_levels_ways(scan_levels_fn *ways[3])
{
	size_t n = 0;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
	    __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") &&
	    __builtin_cpu_supports("bmi2"))
		ways[n++] = levels_avx2;
	ways[n++] = levels_sse2;
	ways[n++] = levels_bytes;
	return n;
}

#else

size_t scan_levels_ways(scan_levels_fn *ways[3])
{
	ways[0] = levels_bytes;
	return 1;
}

#endif
