/* bytes.h - up to 16 bytes as two numbers, zeros behind them: without a copy, and without
 * reading beyond them; and what bytes are, by ASCII alone. Inside a process only: the numbers
 * depend on the order of bytes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is the lowest");

struct bytes16 {
	uint64_t low, high;
};

static inline uint64_t bytes_u64(const char *at)
{
	uint64_t value;
	memcpy(&value, at, sizeof value);
	return value;
}

static inline uint64_t bytes_u32(const char *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof value);
	return value;
}

/* The halves overlap where the length is no power of two: their common bytes are the same. */
static inline uint64_t bytes_below_8(const char *at, size_t len)
{
	if (len >= 4)
		return bytes_u32(at) | bytes_u32(at + len - 4) << (8 * (len - 4));
	if (!len)
		return 0;
	return (uint64_t)(unsigned char)at[0] |
	       (uint64_t)(unsigned char)at[len / 2] << (8 * (len / 2)) |
	       (uint64_t)(unsigned char)at[len - 1] << (8 * (len - 1));
}

static inline struct bytes16 bytes_16(const char *at, size_t len)
{
	if (len < 8)
		return (struct bytes16){ bytes_below_8(at, len), 0 };
	return (struct bytes16){ bytes_u64(at),
				 len == 8 ? 0 : bytes_u64(at + len - 8) >> (8 * (16 - len)) };
}

static inline bool byte_is_digit(char c) { return (unsigned char)(c - '0') < 10; }
static inline bool byte_is_letter(char c) { return (unsigned char)((c | 0x20) - 'a') < 26; }
static inline bool byte_is_alnum(char c) { return byte_is_digit(c) || byte_is_letter(c); }

/* A letter in lower case, a digit; 0: it is neither. */
static inline char byte_alnum_lower(char c)
{
	return byte_is_letter(c) ? (char)(c | 0x20) : byte_is_digit(c) ? c : 0;
}

/* Are all eight from blank to ~? The sums of seven bits do not reach into the next byte. */
static inline bool bytes_are_plain_8(const char *at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t bytes = bytes_u64(at);
	uint64_t seven = bytes & ones * 0x7f;
	uint64_t from_blank = seven + ones * (0x80 - ' '), past_tilde = seven + ones * (0x7f - '~');
	return ((from_blank & ~past_tilde & ~bytes) & ones * 0x80) == ones * 0x80;
}
