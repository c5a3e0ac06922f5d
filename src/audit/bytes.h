/* bytes.h - up to 16 bytes as two numbers, zeros behind them: without a copy, and without
 * reading beyond them. Inside a process only: the numbers depend on the order of bytes. */
#pragma once

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
