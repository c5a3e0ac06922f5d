/* samples_table.h - how a chunk of a terminal's history is put into the range coder.
 *
 * A chunk has sixty rows of many columns, so what costs is not the numbers alone but what
 * has to be learned of them. It therefore goes column after column, and each begins with
 * a head that says which of a few shapes its numbers have. A shape is a distribution,
 * trained and shipped with the priors; with a shift it serves any scale, and so any field.
 * Tried: shapes that adapt within the column. In sixty numbers they win nothing, and take
 * three times as long. A column that never changes, or rises evenly, is its head alone.
 *
 * The packer's table here are the numbers of a head: packer.h tells how one of them is put,
 * samples_format.h in which order they come.
 *
 * Only samples*.c, the tests, the bench and the training tool include this. */
#pragma once

#include "codec/packer_row.h"
#include "codec/samples.h"

enum {
	SAMPLES_SHAPES = 16,
	SAMPLES_SHIFT_MAX = 58, /* then a shape's last span begins at bit 64 */
};

enum samples_part {
	SAMPLES_PRESENCE, /* enum samples_presence */
	SAMPLES_THERE,    /* SOME: a bit for each row */
	SAMPLES_DIGITS,   /* samples_format.h */
	SAMPLES_SAME,     /* digits that change: a bit for each value */
	SAMPLES_HOLDS,    /* a bit: the values are what they differ by from the sample's formula */
	SAMPLES_TYPE,     /* enum samples_type */
	SAMPLES_DENSE,    /* shape */
	SAMPLES_DENSE_SHIFT,
	SAMPLES_SPARSE, /* shape, of a sparse type */
	SAMPLES_SPARSE_SHIFT,
	SAMPLES_ZERO,  /* sparse: a bit for each number */
	SAMPLES_ONLY,  /* first, of a constant column */
	SAMPLES_FIRST, /* of any other */
	SAMPLES_STEP,
	SAMPLES_PARTS
};

enum samples_presence { SAMPLES_ALL, SAMPLES_NONE, SAMPLES_SOME };

/* What is put of a column's values, modulo 2^64: for each a number, the zigzag of how far
 * it lies from what is expected; UP: not the zigzag but the distance itself. A sparse type
 * puts a bit for each number, 1 if it is 0, else the number less one. Where the value
 * before counts, the first value has no number: it is `first`. Expected is */
enum samples_type {
	SAMPLES_CONSTANT, /* first; no numbers */
	SAMPLES_EVEN,     /* the value before + step; no numbers */
	SAMPLES_LEVEL,    /* first */
	SAMPLES_LEVEL_UP,
	SAMPLES_DELTA, /* the value before + step */
	SAMPLES_DELTA_UP,
	SAMPLES_DELTA2,       /* the value before + what that rose by; the second: by step */
	SAMPLES_SPARSE_LEVEL, /* first */
	SAMPLES_SPARSE_LEVEL_UP,
	SAMPLES_SPARSE_DELTA, /* the value before */
	SAMPLES_SPARSE_DELTA_UP,
	SAMPLES_TYPES
};

enum { SAMPLES_SLOTS = 720 };

/* clang-format off */
static const struct pack_column samples_columns[SAMPLES_PARTS] = {
	[SAMPLES_PRESENCE] = {
		.name = "presence", .base = 4, .transform = PACK_REPEAT, .natural = true,
		.len_bits = 2, .depth = 1, .lens = 2,
		.n_hit = 1, .hit = { { SAMPLES_PRESENCE, 0 } },
	},
	[SAMPLES_THERE] = {
		.name = "there", .base = 16, .transform = PACK_BIT,
		.n_hit = 2, .hit = { { SAMPLES_THERE, 0 }, { SAMPLES_THERE, 1 } },
	},
	[SAMPLES_DIGITS] = {
		.name = "digits", .base = 20, .transform = PACK_REPEAT, .natural = true,
		.len_bits = 3, .depth = 5, .lens = 6,
		.n_hit = 1, .hit = { { SAMPLES_DIGITS, 0 } },
	},
	[SAMPLES_SAME] = {
		.name = "same", .base = 254, .transform = PACK_BIT,
		.n_hit = 2, .hit = { { SAMPLES_SAME, 0 }, { SAMPLES_SAME, 1 } },
	},
	[SAMPLES_HOLDS] = {
		.name = "holds", .base = 258, .transform = PACK_BIT,
		.n_hit = 1, .hit = { { SAMPLES_HOLDS, 0 } },
	},
	[SAMPLES_TYPE] = {
		.name = "type", .base = 260, .transform = PACK_REPEAT, .natural = true,
		.len_bits = 3, .depth = 3, .lens = 4,
		.n_hit = 2, .hit = { { SAMPLES_TYPE, 0 }, { SAMPLES_TYPE, 1 } },
	},
	[SAMPLES_DENSE] = {
		.name = "dense", .base = 312, .transform = PACK_REPEAT, .natural = true,
		.len_bits = 3, .depth = 3, .lens = 4,
		.n_hit = 1, .hit = { { SAMPLES_DENSE, 0 } },
	},
	[SAMPLES_DENSE_SHIFT] = {
		.name = "dense shift", .base = 362, .transform = PACK_REPEAT, .natural = true,
		.len_bits = 3, .depth = 3, .lens = 6,
		.n_hit = 1, .hit = { { SAMPLES_DENSE_SHIFT, 0 } },
	},
	[SAMPLES_SPARSE] = {
		.name = "sparse", .base = 428, .transform = PACK_REPEAT, .natural = true,
		.len_bits = 3, .depth = 3, .lens = 4,
		.n_hit = 1, .hit = { { SAMPLES_SPARSE, 0 } },
	},
	[SAMPLES_SPARSE_SHIFT] = {
		.name = "sparse shift", .base = 478, .transform = PACK_REPEAT, .natural = true,
		.len_bits = 3, .depth = 3, .lens = 6,
		.n_hit = 1, .hit = { { SAMPLES_SPARSE_SHIFT, 0 } },
	},
	[SAMPLES_ZERO] = {
		.name = "zero", .base = 544, .transform = PACK_BIT,
		.n_hit = 1, .hit = { { SAMPLES_ZERO, 0 } },
	},
	[SAMPLES_ONLY] = {
		.name = "only", .base = 546, .transform = PACK_PLAIN,
		.len_bits = 5, .depth = 1, .lens = 12,
		.n_hit = 1, .hit = { { SAMPLES_ONLY, 0 } },
	},
	[SAMPLES_FIRST] = {
		.name = "first", .base = 607, .transform = PACK_PLAIN,
		.len_bits = 5, .depth = 1, .lens = 12,
	},
	[SAMPLES_STEP] = {
		.name = "step", .base = 667, .transform = PACK_PLAIN,
		.len_bits = 5, .depth = 1, .lens = 8,
		.n_hit = 1, .hit = { { SAMPLES_STEP, 0 } },
	},
};
/* clang-format on */

extern const struct pack_table samples_table;

/* Of a shape's numbers one puts first which of 16 spans the number, without the bits of
 * its shift, lies in; then all that is below as it is. */
enum {
	SAMPLES_SPANS = 16,
	SAMPLES_SPANS_BITS = 6, /* the last span begins at 2^6 and has no end */
};

static const struct {
	uint8_t first, bits;
} samples_spans[SAMPLES_SPANS] = {
	{ 0, 0 },  { 1, 0 },  { 2, 0 },  { 3, 0 },  { 4, 0 },  { 5, 0 },  { 6, 1 },  { 8, 2 },
	{ 12, 2 }, { 16, 2 }, { 20, 2 }, { 24, 3 }, { 32, 3 }, { 40, 3 }, { 48, 4 }, { 64, 0 },
};

/* Of a number below 64. */
static const uint8_t samples_span_of[1 << SAMPLES_SPANS_BITS] = {
	0,  1,  2,  3,  4,  5,  6,  6,  7,  7,  7,  7,  8,  8,  8,  8,  /* */
	9,  9,  9,  9,  10, 10, 10, 10, 11, 11, 11, 11, 11, 11, 11, 11, /* */
	12, 12, 12, 12, 12, 12, 12, 12, 13, 13, 13, 13, 13, 13, 13, 13, /* */
	14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14,
};

/* A start: the slots of the heads, and where each shape's spans begin in 0..2^16. Behind
 * the slots of the priors stand the widths of the spans, shape after shape, × 2^16. */
struct samples_start {
	uint32_t slots[SAMPLES_SLOTS];
	uint32_t edges[SAMPLES_SHAPES][SAMPLES_SPANS + 1];
};
enum { SAMPLES_PRIORS = SAMPLES_SLOTS + SAMPLES_SHAPES * SAMPLES_SPANS };

/* NULL: flat. */
void samples_start_make(struct samples_start *start, const struct pack_priors *priors);

/* The packer's state in one chunk. */
struct samples_model {
	const struct samples_start *start;
	struct pack_memory memory[SAMPLES_PARTS];
	uint32_t slots[SAMPLES_SLOTS];
};

/* One column but its presence and digits. */
struct samples_column {
	uint8_t type, shape, shift; /* the last two: if the type has numbers */
	uint8_t count;              /* of numbers */
	int64_t first, step;        /* 0 where the type does without */
	uint64_t numbers[SAMPLES_ROWS_MAX];
};

/* The training tool sees through it which numbers a shape had. */
#ifndef SAMPLES_TRACE_SPAN
#define SAMPLES_TRACE_SPAN(shape, high) ((void)0)
#endif

PACK_INLINE uint64_t samples_zigzag(uint64_t v) { return v << 1 ^ (uint64_t)((int64_t)v >> 63); }
PACK_INLINE uint64_t samples_unzigzag(uint64_t v) { return v >> 1 ^ (0 - (v & 1)); }

PACK_INLINE bool samples_has_numbers(uint32_t type) { return type >= SAMPLES_LEVEL; }
PACK_INLINE bool samples_is_sparse(uint32_t type) { return type >= SAMPLES_SPARSE_LEVEL; }
PACK_INLINE bool samples_has_step(uint32_t type)
{
	return type == SAMPLES_EVEN || (type >= SAMPLES_DELTA && type <= SAMPLES_DELTA2);
}
PACK_INLINE bool samples_is_level(uint32_t type)
{
	return type == SAMPLES_LEVEL || type == SAMPLES_LEVEL_UP || type == SAMPLES_SPARSE_LEVEL ||
	       type == SAMPLES_SPARSE_LEVEL_UP;
}
PACK_INLINE bool samples_is_up(uint32_t type)
{
	return type == SAMPLES_LEVEL_UP || type == SAMPLES_DELTA_UP ||
	       type == SAMPLES_SPARSE_LEVEL_UP || type == SAMPLES_SPARSE_DELTA_UP;
}
/* How many numbers a column of so many values has. */
PACK_INLINE uint32_t samples_numbers(uint32_t type, uint32_t values)
{
	if (!samples_has_numbers(type))
		return 0;
	return samples_is_level(type) ? values : values - 1;
}

PACK_INLINE void samples_model_start(struct samples_model *model, const struct samples_start *start)
{
	model->start = start;
	memset(model->memory, 0, sizeof model->memory);
	memcpy(model->slots, start->slots, sizeof model->slots);
}

/* Through a copy of the coder, here and below, so that it stays in registers. */
PACK_INLINE void samples_put_part(struct range_encoder *encoder, struct samples_model *model,
				  enum samples_part part, uint64_t value)
{
	int64_t row[SAMPLES_PARTS] = { 0 };
	row[part] = (int64_t)value;
	pack_put_column(encoder, model->slots, model->memory, samples_columns, part, row);
}

PACK_INLINE uint64_t samples_get_part(struct range_decoder *decoder, struct samples_model *model,
				      enum samples_part part)
{
	int64_t row[SAMPLES_PARTS] = { 0 };
	pack_get_column(decoder, model->slots, model->memory, samples_columns, part, row);
	return (uint64_t)row[part];
}

PACK_INLINE void samples_put_head(struct range_encoder *encoder, struct samples_model *model,
				  const struct samples_column *column)
{
	uint32_t type = column->type;
	bool sparse = samples_is_sparse(type);
	samples_put_part(encoder, model, SAMPLES_TYPE, type);
	if (sparse) {
		samples_put_part(encoder, model, SAMPLES_SPARSE, column->shape);
		samples_put_part(encoder, model, SAMPLES_SPARSE_SHIFT, column->shift);
	} else if (samples_has_numbers(type)) {
		samples_put_part(encoder, model, SAMPLES_DENSE, column->shape);
		samples_put_part(encoder, model, SAMPLES_DENSE_SHIFT, column->shift);
	}
	if (type == SAMPLES_CONSTANT)
		samples_put_part(encoder, model, SAMPLES_ONLY, (uint64_t)column->first);
	else
		samples_put_part(encoder, model, SAMPLES_FIRST, (uint64_t)column->first);
	if (samples_has_step(type))
		samples_put_part(encoder, model, SAMPLES_STEP, (uint64_t)column->step);
}

/* False: no such type, shape or shift. */
PACK_INLINE bool samples_get_head(struct range_decoder *decoder, struct samples_model *model,
				  struct samples_column *column)
{
	uint64_t type = samples_get_part(decoder, model, SAMPLES_TYPE), shape = 0, shift = 0;
	if (type >= SAMPLES_TYPES)
		return false;
	if (samples_is_sparse((uint32_t)type)) {
		shape = samples_get_part(decoder, model, SAMPLES_SPARSE);
		shift = samples_get_part(decoder, model, SAMPLES_SPARSE_SHIFT);
	} else if (samples_has_numbers((uint32_t)type)) {
		shape = samples_get_part(decoder, model, SAMPLES_DENSE);
		shift = samples_get_part(decoder, model, SAMPLES_DENSE_SHIFT);
	}
	if (shape >= SAMPLES_SHAPES || shift > SAMPLES_SHIFT_MAX)
		return false;
	column->type = (uint8_t)type;
	column->shape = (uint8_t)shape;
	column->shift = (uint8_t)shift;
	if (type == SAMPLES_CONSTANT)
		column->first = (int64_t)samples_get_part(decoder, model, SAMPLES_ONLY);
	else
		column->first = (int64_t)samples_get_part(decoder, model, SAMPLES_FIRST);
	column->step = 0;
	if (samples_has_step((uint32_t)type))
		column->step = (int64_t)samples_get_part(decoder, model, SAMPLES_STEP);
	return true;
}

/* Up to 16 bits at once, and no branch for 0 of them. */
PACK_INLINE void samples_put_raw(struct range_encoder *encoder, uint64_t value, uint32_t bits)
{
	if (__builtin_expect(bits > RANGE_RAW_BITS, 0)) {
		range_put_raw(encoder, value, bits);
		return;
	}
	encoder->range >>= bits;
	range_add(encoder, encoder->range * (value & ((1u << bits) - 1)));
	if (__builtin_expect(encoder->range >> 32 == 0, 0))
		range_shift_out(encoder);
}

/* A span takes its share of the range as a decision of the coder does: from edge to edge of
 * range / 2^16. In the last span follows, as 6 raw bits, how many bits lie below the
 * highest, less SAMPLES_SPANS_BITS. */
PACK_INLINE void samples_put_number(struct range_encoder *encoder, const uint32_t *edges,
				    uint64_t number, uint32_t shift)
{
	uint64_t high = number >> shift, part = encoder->range >> 16;
	uint32_t last = SAMPLES_SPANS - 1;
	uint32_t span = high < ARRAY_LEN(samples_span_of) ? samples_span_of[high] : last;
	uint32_t raw = samples_spans[span].bits + shift;
	range_add(encoder, part * edges[span]);
	encoder->range = part * (edges[span + 1] - edges[span]);
	if (__builtin_expect(encoder->range >> 32 == 0, 0))
		range_shift_out(encoder);
	if (__builtin_expect(span == last, 0)) {
		uint32_t n = 63 - (uint32_t)__builtin_clzll(high);
		range_put_raw(encoder, n - SAMPLES_SPANS_BITS, 6);
		raw += n;
	}
	samples_put_raw(encoder, number, raw);
}

PACK_INLINE uint32_t samples_get_span(struct range_decoder *decoder, const uint32_t *edges)
{
	uint64_t part = decoder->range >> 16;
	uint32_t span = 0;
	for (uint32_t half = SAMPLES_SPANS / 2; half; half /= 2)
		span += decoder->code >= part * edges[span + half] ? half : 0;
	decoder->code -= part * edges[span];
	decoder->range = part * (edges[span + 1] - edges[span]);
	if (__builtin_expect(decoder->range >> 32 == 0, 0))
		range_shift_in(decoder);
	return span;
}

PACK_INLINE uint64_t samples_get_number(struct range_decoder *decoder, const uint32_t *edges,
					uint32_t shift)
{
	uint32_t span = samples_get_span(decoder, edges);
	uint32_t raw = samples_spans[span].bits + shift;
	if (span == SAMPLES_SPANS - 1) {
		raw = shift + SAMPLES_SPANS_BITS + (uint32_t)range_get_raw(decoder, 6);
		raw = raw < 63 ? raw : 63; /* more was not written by us */
		return UINT64_C(1) << raw | range_get_raw(decoder, raw);
	}
	uint64_t first = (uint64_t)samples_spans[span].first << shift;
	return raw ? first + range_get_raw(decoder, raw) : first;
}

PACK_INLINE void samples_put_numbers(struct range_encoder *encoder, struct samples_model *model,
				     const struct samples_column *column)
{
	const uint32_t *edges = model->start->edges[column->shape];
	uint32_t shift = column->shift, zero_slot = samples_columns[SAMPLES_ZERO].base;
	bool sparse = samples_is_sparse(column->type);
	struct range_encoder copy = *encoder;
	for (uint32_t i = 0, zero = 0; i < column->count; i++) {
		uint64_t number = column->numbers[i];
		if (sparse) {
			uint32_t *slot = &model->slots[zero_slot + zero];
			zero = number == 0;
			pack_put_bit(&copy, slot, zero);
			if (zero)
				continue;
			number--;
		}
		SAMPLES_TRACE_SPAN(column->shape, number >> shift);
		samples_put_number(&copy, edges, number, shift);
	}
	*encoder = copy;
}

PACK_INLINE void samples_get_numbers(struct range_decoder *decoder, struct samples_model *model,
				     struct samples_column *column)
{
	const uint32_t *edges = model->start->edges[column->shape];
	uint32_t shift = column->shift, zero_slot = samples_columns[SAMPLES_ZERO].base;
	bool sparse = samples_is_sparse(column->type);
	struct range_decoder copy = *decoder;
	for (uint32_t i = 0, zero = 0; i < column->count; i++) {
		if (sparse)
			zero = range_get(&copy, &model->slots[zero_slot + zero]);
		column->numbers[i] = zero ? 0 : samples_get_number(&copy, edges, shift) + sparse;
	}
	*decoder = copy;
}

/* As their namesakes in samples.h, with a start that need not be registered (NULL: flat). */
struct samples_writer *samples_writer_create_with(const struct pack_priors *priors);
MUST_CHECK enum status samples_read_with(struct str chunk, const struct pack_priors *priors,
					 struct samples_info *info, struct sample_row_values *out);
