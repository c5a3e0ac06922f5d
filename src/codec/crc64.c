#include "codec/crc64.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { SLICES = 8 };

/* 0xad93d23594c935a9 with its bits turned round. */
static const uint64_t POLYNOMIAL = UINT64_C(0x95ac9329ac4bc9b5);

static uint64_t tables[SLICES][256];

/* tables[k][b]: what byte b does to the remainder with k zero bytes behind it. */
__attribute__((constructor)) static void make_tables(void)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		uint64_t crc = byte;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (POLYNOMIAL & (0 - (crc & 1)));
		tables[0][byte] = crc;
	}
	for (unsigned byte = 0; byte < 256; byte++)
		for (int slice = 1; slice < SLICES; slice++)
			tables[slice][byte] = (tables[slice - 1][byte] >> 8) ^
					      tables[0][tables[slice - 1][byte] & 0xff];
}

static uint64_t step_8(uint64_t crc, const unsigned char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
	word ^= crc;
	crc = 0;
	for (int slice = 0; slice < SLICES; slice++)
		crc ^= tables[SLICES - 1 - slice][(word >> (8 * slice)) & 0xff];
	return crc;
}

uint64_t crc64_portable(uint64_t crc, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	for (; len >= 8; len -= 8, p += 8)
		crc = step_8(crc, p);
	while (len--)
		crc = tables[0][(crc ^ *p++) & 0xff] ^ (crc >> 8);
	return crc;
}

#if defined(__x86_64__)
/* x^n mod P, bits turned round. A product of two such numbers comes out one bit too low, so
 * what shall stand for x^n is made as x^(n-1). */
static uint64_t power_of_x(unsigned n)
{
	uint64_t value = UINT64_C(1) << 63;
	while (n--)
		value = (value >> 1) ^ (POLYNOMIAL & (0 - (value & 1)));
	return value;
}

/* What moves 16 bytes over the next `bytes`: for their first half, and for their second. */
struct fold {
	uint64_t first, second;
};

static struct fold over_16, over_64;

__attribute__((constructor)) static void make_folds(void)
{
	over_16 = (struct fold){ power_of_x(128 + 63), power_of_x(127) };
	over_64 = (struct fold){ power_of_x(512 + 63), power_of_x(511) };
}

__attribute__((target("pclmul,sse4.1"))) static inline __m128i move_over(__m128i x, __m128i by)
{
	return _mm_xor_si128(_mm_clmulepi64_si128(x, by, 0x00), _mm_clmulepi64_si128(x, by, 0x11));
}

/* Four strands of 16 bytes, each moved over the other three (V. Gopal and others, "Fast CRC
 * Computation for Generic Polynomials Using PCLMULQDQ"); len is a multiple of 64. */
__attribute__((target("pclmul,sse4.1"))) static uint64_t
crc_folded(uint64_t crc, const unsigned char *p, size_t len)
{
	const __m128i *at = (const __m128i *)(const void *)p;
	__m128i by_64 = _mm_set_epi64x((long long)over_64.second, (long long)over_64.first);
	__m128i by_16 = _mm_set_epi64x((long long)over_16.second, (long long)over_16.first);
	__m128i strands[4];
	unsigned char rest[16];
	for (int i = 0; i < 4; i++)
		strands[i] = _mm_loadu_si128(at + i);
	strands[0] = _mm_xor_si128(strands[0], _mm_set_epi64x(0, (long long)crc));
	for (at += 4; (len -= 64) != 0; at += 4)
		for (int i = 0; i < 4; i++)
			strands[i] =
			    _mm_xor_si128(move_over(strands[i], by_64), _mm_loadu_si128(at + i));
	for (int i = 1; i < 4; i++)
		strands[i] = _mm_xor_si128(strands[i], move_over(strands[i - 1], by_16));
	_mm_storeu_si128((__m128i *)(void *)rest, strands[3]);
	return crc64_portable(0, rest, sizeof rest);
}
#endif

uint64_t crc64(uint64_t crc, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
#if defined(__x86_64__)
	size_t whole = len & ~(size_t)63;
	if (len >= 256 && __builtin_cpu_supports("pclmul")) {
		crc = crc_folded(crc, p, whole);
		p += whole;
		len -= whole;
	}
#endif
	return crc64_portable(crc, p, len);
}
