/* packer_row.h - the packer's row code, inline: with a `static const` table and a
 * literal column number the compiler leaves only what that column needs. The
 * format is told in packer.h; here put and get stand side by side, as they must
 * change together. PACK_TRACE is for tools/train_priors.c, which sees through it
 * every decision and the slot it was made under. */
#pragma once

#include "base/check.h"
#include "codec/packer.h"

#define PACK_INLINE static inline __attribute__((always_inline))

#ifndef PACK_TRACE
#define PACK_TRACE(slot, bit) ((void)0)
#endif

PACK_INLINE void pack_put_bit(struct range_encoder *encoder, uint32_t *slot, uint32_t bit)
{
	PACK_TRACE(slot, bit);
	range_put(encoder, slot, bit);
}

PACK_INLINE uint32_t pack_hit_slots(const struct pack_column *column)
{
	return 1u << column->n_hit;
}

PACK_INLINE uint32_t pack_sign_slots(const struct pack_column *column)
{
	return column->natural ? 0 : 1u << column->n_sign;
}

PACK_INLINE uint32_t pack_len_slots(const struct pack_column *column)
{
	return 1u << (column->n_len + column->len_bits);
}

PACK_INLINE uint32_t pack_tree_slots(const struct pack_column *column)
{
	return column->depth ? (column->lens + 1u) << column->depth : 0;
}

PACK_INLINE uint32_t pack_ref_bit(struct pack_ref ref, const struct pack_memory *memory)
{
	return memory[ref.column].hits >> ref.age & 1;
}

/* Written out, as a loop over a constant would stay one at -O2. */
PACK_INLINE uint32_t pack_context(const struct pack_ref *refs, uint32_t n,
				  const struct pack_memory *memory)
{
	uint32_t context = n > 0 ? pack_ref_bit(refs[0], memory) : 0;
	context |= n > 1 ? pack_ref_bit(refs[1], memory) << 1 : 0;
	context |= n > 2 ? pack_ref_bit(refs[2], memory) << 2 : 0;
	context |= n > 3 ? pack_ref_bit(refs[3], memory) << 3 : 0;
	context |= n > 4 ? pack_ref_bit(refs[4], memory) << 4 : 0;
	context |= n > 5 ? pack_ref_bit(refs[5], memory) << 5 : 0;
	return context;
}

PACK_INLINE uint64_t pack_expected(const struct pack_column *columns, uint32_t at,
				   const struct pack_memory *memory, const int64_t *row)
{
	const struct pack_memory *own = &memory[at];
	uint64_t add = (uint64_t)columns[at].add;
	switch (columns[at].transform) {
	case PACK_REPEAT: return (uint64_t)own->last;
	case PACK_DELTA: return (uint64_t)own->last + add;
	case PACK_DELTA2: return (uint64_t)own->last + (uint64_t)own->step;
	case PACK_FORMULA: return (uint64_t)columns[at].formula(row, memory) + add;
	case PACK_BIT:
	case PACK_PLAIN: break;
	}
	return 0;
}

PACK_INLINE void pack_remember(struct pack_memory *own, int64_t value, uint32_t hit)
{
	own->step = (int64_t)((uint64_t)value - (uint64_t)own->last);
	own->last = value;
	own->hits = own->hits << 1 | hit;
}

/* The bits of m below its highest one; there are n - 1. */
PACK_INLINE void pack_put_tail(struct range_encoder *encoder, uint32_t *slots,
			       const struct pack_column *column, uint64_t m, uint32_t n)
{
	if (n < 2)
		return;
	uint32_t left = n - 1, node = 1;
	uint32_t depth = left < column->depth ? left : column->depth;
	uint32_t *tree = slots + ((n < column->lens ? n : column->lens) << column->depth);
	for (uint32_t i = 0; i < depth; i++) {
		uint32_t bit = m >> --left & 1;
		pack_put_bit(encoder, tree + node, bit);
		node = node << 1 | bit;
	}
	range_put_raw(encoder, m, left);
}

PACK_INLINE uint64_t pack_get_tail(struct range_decoder *decoder, uint32_t *slots,
				   const struct pack_column *column, uint32_t n)
{
	if (n < 2)
		return n;
	uint32_t left = n - 1, node = 1;
	uint32_t depth = left < column->depth ? left : column->depth;
	uint32_t *tree = slots + ((n < column->lens ? n : column->lens) << column->depth);
	if (depth)
		node = range_get_tree(decoder, tree, depth);
	left -= depth;
	return left ? (uint64_t)node << left | range_get_raw(decoder, left) : node;
}

PACK_INLINE void pack_put_number(struct range_encoder *encoder, uint32_t *slots,
				 const struct pack_column *column, const struct pack_memory *memory,
				 uint64_t m)
{
	uint32_t escape = (1u << column->len_bits) - 1, node = 1;
	if (!column->natural) {
		uint32_t negative = m >> 63;
		pack_put_bit(encoder, slots + pack_context(column->sign, column->n_sign, memory),
			     negative);
		m = negative ? 0 - m : m;
	}
	slots += pack_sign_slots(column);
	uint32_t n = m ? 64 - (uint32_t)__builtin_clzll(m) : 0;
	uint32_t code = n < escape ? n : escape;
	uint32_t *tree =
	    slots + (pack_context(column->len, column->n_len, memory) << column->len_bits);
	for (uint32_t i = column->len_bits; i-- > 0;) {
		uint32_t bit = code >> i & 1;
		pack_put_bit(encoder, tree + node, bit);
		node = node << 1 | bit;
	}
	if (code == escape)
		range_put_raw(encoder, n - escape, 6);
	pack_put_tail(encoder, slots + pack_len_slots(column), column, m, n);
}

PACK_INLINE uint64_t pack_get_number(struct range_decoder *decoder, uint32_t *slots,
				     const struct pack_column *column,
				     const struct pack_memory *memory)
{
	uint32_t escape = (1u << column->len_bits) - 1, node = 1, negative = 0;
	if (!column->natural)
		negative =
		    range_get(decoder, slots + pack_context(column->sign, column->n_sign, memory));
	slots += pack_sign_slots(column);
	uint32_t *tree =
	    slots + (pack_context(column->len, column->n_len, memory) << column->len_bits);
	node = range_get_tree(decoder, tree, column->len_bits);
	uint32_t n = node - escape - 1;
	if (n == escape)
		n += (uint32_t)range_get_raw(decoder, 6);
	n = n > 64 ? 64 : n; /* only in streams that were not written by us */
	uint64_t m = pack_get_tail(decoder, slots + pack_len_slots(column), column, n);
	return negative ? 0 - m : m;
}

/* One column of a row. */
PACK_INLINE void pack_put_column(struct range_encoder *encoder, uint32_t *slots,
				 struct pack_memory *memory, const struct pack_column *columns,
				 uint32_t at, const int64_t *row)
{
	const struct pack_column *column = &columns[at];
	uint32_t *own = slots + column->base + column->ticks;
	uint32_t *slot = own + pack_context(column->hit, column->n_hit, memory);
	uint64_t value = (uint64_t)row[at];
	uint32_t hit = value & 1;
	if (column->transform == PACK_BIT) {
		pack_put_bit(encoder, slot, hit);
	} else {
		uint64_t rest = value - pack_expected(columns, at, memory, row);
		hit = rest == 0;
		pack_put_bit(encoder, slot, hit);
		if (!hit)
			pack_put_number(encoder, own + pack_hit_slots(column), column, memory,
					column->transform == PACK_REPEAT ? value : rest);
	}
	pack_remember(&memory[at], row[at], hit);
}

PACK_INLINE void pack_get_column(struct range_decoder *decoder, uint32_t *slots,
				 struct pack_memory *memory, const struct pack_column *columns,
				 uint32_t at, int64_t *row)
{
	const struct pack_column *column = &columns[at];
	uint32_t *own = slots + column->base + column->ticks;
	uint32_t *slot = own + pack_context(column->hit, column->n_hit, memory);
	uint32_t hit = range_get(decoder, slot);
	if (column->transform == PACK_BIT) {
		row[at] = hit;
	} else {
		uint64_t value = pack_expected(columns, at, memory, row);
		if (!hit) {
			uint64_t rest =
			    pack_get_number(decoder, own + pack_hit_slots(column), column, memory);
			value = column->transform == PACK_REPEAT ? rest : value + rest;
		}
		row[at] = (int64_t)value;
	}
	pack_remember(&memory[at], row[at], hit);
}

/* A rare column in a plain row: as expected, and nothing is put. */
PACK_INLINE void pack_skip_column(struct pack_memory *memory, const struct pack_column *columns,
				  uint32_t at, int64_t *row)
{
	row[at] = (int64_t)pack_expected(columns, at, memory, row);
	pack_remember(&memory[at], row[at], 1);
}

/* Step 3 of the format, for one column. */
PACK_INLINE void pack_put_cell(struct range_encoder *encoder, uint32_t *slots,
			       struct pack_memory *memory, const struct pack_column *columns,
			       uint32_t at, bool plain, int64_t *row)
{
	if (plain && columns[at].rare)
		pack_skip_column(memory, columns, at, row);
	else
		pack_put_column(encoder, slots, memory, columns, at, row);
}

PACK_INLINE void pack_get_cell(struct range_decoder *decoder, uint32_t *slots,
			       struct pack_memory *memory, const struct pack_column *columns,
			       uint32_t at, bool plain, int64_t *row)
{
	if (plain && columns[at].rare)
		pack_skip_column(memory, columns, at, row);
	else
		pack_get_column(decoder, slots, memory, columns, at, row);
}

PACK_INLINE bool pack_is_expected(const struct pack_memory *memory,
				  const struct pack_column *columns, uint32_t at,
				  const int64_t *row)
{
	return (uint64_t)row[at] == pack_expected(columns, at, memory, row);
}

/* Units. Most markets' are 1, which costs no division. */
PACK_INLINE bool pack_on_grid(const struct pack_memory *own, int64_t value)
{
	return own->unit <= 1 || value % own->unit == 0;
}

PACK_INLINE int64_t pack_to_units(const struct pack_memory *own, int64_t value)
{
	return own->unit <= 1 ? value : value / own->unit;
}

PACK_INLINE int64_t pack_from_units(const struct pack_memory *own, int64_t value)
{
	return own->unit <= 1 ? value : (int64_t)((uint64_t)value * (uint64_t)own->unit);
}

/* Step 2 of the format, for one column of a row that is not plain; kept out of
 * the hot code. value is the row's, not yet divided. */
void pack_put_unit(struct range_encoder *encoder, uint32_t *slot, struct pack_memory *own,
		   int64_t value);
void pack_get_unit(struct range_decoder *decoder, uint32_t *slot, struct pack_memory *own);
