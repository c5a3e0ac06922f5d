/* rangecoder.h - an adaptive binary range coder: one decision at a time, each
 * under its own probability, into about -log2(p) bits.
 *
 * The coder keeps an interval [low, low + range) of 64-bit numbers. A decision
 * cuts it in two, in proportion to the probability; the half that was taken is
 * the new interval. Whenever range falls below 2^32 the top 32 bits of low are
 * settled but for a carry and move out. The idea is Martin's (1979), the carry
 * handling LZMA's, with 32-bit steps in place of bytes.
 *
 * Exactly: bit 1 takes [low, low + bound), bit 0 the rest, where
 *	bound = (range >> 16) * ((slot >> 16) | 1)
 * and k raw bits of value v take r = range >> k: low += v * r, range = r; more than
 * 16 go 16 at a time, the highest first.
 * Start: low 0, range 2^64 - 1. While range < 2^32: 32 bits go out, big endian,
 * range <<= 32. The reader takes missing bytes as zeros, so the end of the
 * stream is any number of the last interval, cut after its last byte that is
 * not zero.
 *
 * A slot holds one probability: bits 10..31 are P(bit is 1) × 2^22, bits 0..9
 * how often it was used, at most RANGE_COUNT_MAX. After each decision P moves by
 * error × rate / 2^16, rounded down, with error = (bit ? 2^22 - 1 : 0) - P and rate =
 * 655,360 / (10 × count + 16), rounded down: so a fresh slot learns fast and an old
 * one averages over about RANGE_COUNT_MAX decisions.
 *
 * Everything is inline and allocates nothing. Any thread, one coder per thread.
 * Cost: 1.5 to 4 ns a decision. */
#pragma once

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	RANGE_COUNT_MAX = 60,
	RANGE_RAW_BITS = 16, /* the most raw bits in one step */
	RANGE_SLACK = 4,     /* writable bytes in front of the encoder's output */
	RANGE_TAIL = 12,     /* the most bytes range_encoder_finish adds */
};

/* The first decision moves P by 5/8 of the error. */
extern const uint16_t range_rate[RANGE_COUNT_MAX + 1];

/* P of one half, never used. */
#define RANGE_SLOT_FLAT 0x80000000u

struct range_encoder {
	uint64_t low, range;
	uint32_t pending; /* the last 32 bits moved out: a carry may still add one */
	uint32_t carry;   /* 0 or 1, to be added to pending */
	uint8_t *out;     /* where pending goes; the first one goes into the slack */
};

/* storage: RANGE_SLACK bytes, then room for all output. The caller makes sure of
 * the room: a decision adds at most 16 bits, n raw bits n. */
static inline void range_encoder_init(struct range_encoder *encoder, uint8_t *storage)
{
	*encoder = (struct range_encoder){ .range = UINT64_MAX, .out = storage };
}

/* Adds one to the big-endian number that ends before `end`. It cannot run off the
 * front: the whole output is a fraction below 1. */
static inline void range_carry(uint8_t *end)
{
	while (++*--end == 0)
		;
}

static inline void range_write32(uint8_t *out, uint32_t value)
{
	value = __builtin_bswap32(value);
	memcpy(out, &value, sizeof value);
}

static inline void range_shift_out(struct range_encoder *encoder)
{
	uint64_t settled = (uint64_t)encoder->pending + encoder->carry;
	range_write32(encoder->out, (uint32_t)settled);
	if (__builtin_expect(settled >> 32 != 0, 0))
		range_carry(encoder->out);
	encoder->out += 4;
	encoder->pending = (uint32_t)(encoder->low >> 32);
	encoder->carry = 0;
	encoder->low <<= 32;
	encoder->range <<= 32;
}

static inline void range_add(struct range_encoder *encoder, uint64_t add)
{
	encoder->low += add;
	encoder->carry += encoder->low < add;
}

/* Bytes that the stream has at most if it ends now. */
static inline size_t range_encoder_len_max(const struct range_encoder *encoder,
					   const uint8_t *storage)
{
	return (size_t)(encoder->out - storage) + RANGE_TAIL - RANGE_SLACK;
}

/* The probability that the next bit is 1, × 2^16, 1..65535. */
static inline uint32_t range_chance(uint32_t slot) { return slot >> 16 | 1; }

static inline uint32_t range_learn(uint32_t slot, uint32_t bit)
{
	uint32_t count = slot & 1023;
	int64_t error = (int64_t)((0 - bit) & 0x3fffff) - (int64_t)(slot >> 10);
	int64_t move = error * range_rate[count] >> 16;
	return slot + ((uint32_t)move << 10) + (count < RANGE_COUNT_MAX);
}

static inline void range_put(struct range_encoder *encoder, uint32_t *slot, uint32_t bit)
{
	uint64_t bound = (encoder->range >> 16) * range_chance(*slot);
	uint64_t zero = (uint64_t)bit - 1; /* all ones when bit is 0 */
	range_add(encoder, bound & zero);
	uint64_t above = encoder->range - bound;
	encoder->range = bit ? bound : above;
	*slot = range_learn(*slot, bit);
	if (__builtin_expect(encoder->range >> 32 == 0, 0))
		range_shift_out(encoder);
}

/* The low `bits` of value, ≤ 64, as they are. */
static inline void range_put_raw(struct range_encoder *encoder, uint64_t value, unsigned bits)
{
	while (bits > 0) {
		unsigned step = bits < RANGE_RAW_BITS ? bits : RANGE_RAW_BITS;
		bits -= step;
		encoder->range >>= step;
		range_add(encoder, encoder->range * (value >> bits & ((1u << step) - 1)));
		if (__builtin_expect(encoder->range >> 32 == 0, 0))
			range_shift_out(encoder);
	}
}

/* Ends the stream with the number of [low, low + range) that has the most zeros at
 * its end. Returns the stream's length without slack. */
static inline size_t range_encoder_finish(struct range_encoder *encoder, uint8_t *storage)
{
	uint64_t ones = UINT64_MAX;
	while (((0 - encoder->low) & ones) >= encoder->range)
		ones >>= 1;
	range_add(encoder, (0 - encoder->low) & ones);
	for (int i = 0; i < 3; i++) /* pending, then both halves of low */
		range_shift_out(encoder);
	while (encoder->out > storage + RANGE_SLACK && encoder->out[-1] == 0)
		encoder->out--;
	return (size_t)(encoder->out - storage) - RANGE_SLACK;
}

struct range_decoder {
	uint64_t code, range; /* code: the stream's number minus low */
	const uint8_t *next, *end;
};

static inline uint32_t range_read32(struct range_decoder *decoder)
{
	uint32_t value = 0;
	size_t left = (size_t)(decoder->end - decoder->next);
	size_t n = left < 4 ? left : 4;
	if (__builtin_expect(n == 4, 1)) {
		memcpy(&value, decoder->next, 4);
		decoder->next += 4;
		return __builtin_bswap32(value);
	}
	for (size_t i = 0; i < n; i++)
		value |= (uint32_t)decoder->next[i] << (24 - 8 * i);
	decoder->next += n;
	return value;
}

static inline void range_decoder_init(struct range_decoder *decoder, const uint8_t *bytes,
				      size_t len)
{
	*decoder = (struct range_decoder){ .range = UINT64_MAX, .next = bytes, .end = bytes + len };
	uint64_t high = range_read32(decoder);
	decoder->code = high << 32 | range_read32(decoder);
}

/* All bytes were looked at: a stream with more than that was not written by this
 * coder. */
static inline bool range_decoder_done(const struct range_decoder *decoder)
{
	return decoder->next == decoder->end;
}

static inline void range_shift_in(struct range_decoder *decoder)
{
	decoder->code = decoder->code << 32 | range_read32(decoder);
	decoder->range <<= 32;
}

/* Any bytes are decoded to something; nothing here depends on code < range. */
static inline uint32_t range_get(struct range_decoder *decoder, uint32_t *slot)
{
	uint64_t bound = (decoder->range >> 16) * range_chance(*slot);
	uint32_t bit = decoder->code < bound;
	uint64_t zero = (uint64_t)bit - 1;
	uint64_t above = decoder->range - bound;
	decoder->code -= bound & zero;
	decoder->range = bit ? bound : above;
	*slot = range_learn(*slot, bit);
	if (__builtin_expect(decoder->range >> 32 == 0, 0))
		range_shift_in(decoder);
	return bit;
}

/* `levels` > 0 decisions down a tree of slots: from node n to 2n + bit. Both
 * children are fetched before the decision is known, as the load would otherwise
 * be half of its time. */
static inline uint32_t range_get_tree(struct range_decoder *decoder, uint32_t *tree,
				      uint32_t levels)
{
	uint32_t node = 1, slot = tree[1];
	for (; levels > 1; levels--) {
		uint32_t child0 = tree[2 * node], child1 = tree[2 * node + 1];
		uint32_t bit = range_get(decoder, &slot);
		tree[node] = slot;
		slot = bit ? child1 : child0;
		node = node << 1 | bit;
	}
	uint32_t bit = range_get(decoder, &slot);
	tree[node] = slot;
	return node << 1 | bit;
}

static inline uint64_t range_get_raw(struct range_decoder *decoder, unsigned bits)
{
	uint64_t value = 0;
	while (bits > 0) {
		unsigned step = bits < RANGE_RAW_BITS ? bits : RANGE_RAW_BITS;
		bits -= step;
		decoder->range >>= step;
		uint64_t part = decoder->code / decoder->range;
		if (part >> step != 0) /* only in streams that were not written by us */
			part = (1u << step) - 1;
		decoder->code -= part * decoder->range;
		value = value << step | part;
		if (__builtin_expect(decoder->range >> 32 == 0, 0))
			range_shift_in(decoder);
	}
	return value;
}
