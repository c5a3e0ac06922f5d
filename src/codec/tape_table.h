/* tape_table.h - the tape's columns, and its row code made of packer_row.h.
 *
 * Why these contexts: three trades of four carry the time of the one before, being
 * one taker's order that was cut to pieces; then the side is the same and the
 * price moves only one way. So nearly all hangs on "same time as before". A
 * quantity repeats the one before in one trade of ten, and otherwise keeps to a
 * few favourite values, which the deep tree (six bits below the highest) learns
 * in some hundred trades. Measured: quantity takes 8.4 of 12.7 bits, time 2.5,
 * price 1.4, side 0.25, ids nothing.
 *
 * Only tape.c, the bench, the tests and the training tool include this. */
#pragma once

#include "codec/packer_row.h"
#include "codec/tape.h"

enum tape_column { TAPE_TIME, TAPE_ID, TAPE_SIDE, TAPE_PRICE, TAPE_QTY, TAPE_COLUMNS };

/* A table that changed needs its chunks' format raised, and new priors trained. */
enum { TAPE_SLOTS = 1889 };

static const struct pack_column tape_columns[TAPE_COLUMNS] = {
	[TAPE_TIME] = {
		.name = "time", .transform = PACK_DELTA, .base = 4,
		.len_bits = 5, .depth = 2, .lens = 12,
		.n_hit = 3, .hit = { { TAPE_TIME, 0 }, { TAPE_TIME, 1 }, { TAPE_PRICE, 0 } },
	},
	/* Consecutive on Binance; `seq` with holes and repeats on Bybit. */
	[TAPE_ID] = {
		.name = "id", .transform = PACK_DELTA, .base = 97, .add = 1, .rare = true,
		.len_bits = 4, .depth = 3, .lens = 8,
		.n_hit = 2, .hit = { { TAPE_TIME, 0 }, { TAPE_ID, 0 } },
		.n_sign = 1, .sign = { { TAPE_TIME, 0 } },
		.n_len = 1, .len = { { TAPE_TIME, 0 } },
	},
	[TAPE_SIDE] = {
		.name = "side", .transform = PACK_BIT, .base = 207,
		.n_hit = 4, .hit = { { TAPE_TIME, 0 }, { TAPE_SIDE, 0 }, { TAPE_PRICE, 0 },
				     { TAPE_TIME, 1 } },
	},
	[TAPE_PRICE] = {
		.name = "price", .transform = PACK_DELTA, .base = 223, .ticks = true,
		.len_bits = 4, .depth = 3, .lens = 8,
		.n_hit = 5, .hit = { { TAPE_TIME, 0 }, { TAPE_SIDE, 0 }, { TAPE_SIDE, 1 },
				     { TAPE_PRICE, 0 }, { TAPE_TIME, 1 } },
		.n_sign = 3, .sign = { { TAPE_TIME, 0 }, { TAPE_SIDE, 0 }, { TAPE_SIDE, 1 } },
		.n_len = 2, .len = { { TAPE_TIME, 0 }, { TAPE_PRICE, 0 } },
	},
	[TAPE_QTY] = {
		.name = "qty", .transform = PACK_REPEAT, .base = 400, .ticks = true,
		.natural = true, .len_bits = 5, .depth = 6, .lens = 20,
		.n_hit = 4, .hit = { { TAPE_TIME, 0 }, { TAPE_PRICE, 0 }, { TAPE_QTY, 0 },
				     { TAPE_QTY, 1 } },
		.n_len = 2, .len = { { TAPE_TIME, 0 }, { TAPE_PRICE, 0 } },
	},
};

extern const struct pack_table tape_table;

struct tape_model {
	uint32_t plain;
	struct pack_memory memory[TAPE_COLUMNS];
	uint32_t slots[TAPE_SLOTS];
};

/* Through a copy: a coder whose address gets out would live in memory, not in
 * registers, for the whole row. */
PACK_INLINE void tape_put_units(struct range_encoder *encoder, struct tape_model *model,
				const int64_t *row)
{
	struct range_encoder copy = *encoder;
	for (uint32_t at = TAPE_PRICE; at <= TAPE_QTY; at++)
		pack_put_unit(&copy, &model->slots[tape_columns[at].base], &model->memory[at],
			      row[at]);
	*encoder = copy;
}

PACK_INLINE void tape_get_units(struct range_decoder *decoder, struct tape_model *model)
{
	struct range_decoder copy = *decoder;
	for (uint32_t at = TAPE_PRICE; at <= TAPE_QTY; at++)
		pack_get_unit(&copy, &model->slots[tape_columns[at].base], &model->memory[at]);
	*decoder = copy;
}

/* The same bytes as packer_put of the table gives. */
PACK_INLINE void tape_put_row(struct range_encoder *encoder, struct tape_model *model,
			      int64_t row[TAPE_COLUMNS])
{
	struct pack_memory *memory = model->memory;
	uint32_t *slots = model->slots;
	bool plain = pack_on_grid(&memory[TAPE_PRICE], row[TAPE_PRICE]) &&
		     pack_on_grid(&memory[TAPE_QTY], row[TAPE_QTY]) &&
		     pack_is_expected(memory, tape_columns, TAPE_ID, row);
	pack_put_bit(encoder, &slots[model->plain & 3], plain);
	model->plain = model->plain << 1 | plain;
	if (!plain)
		tape_put_units(encoder, model, row);
	row[TAPE_PRICE] = pack_to_units(&memory[TAPE_PRICE], row[TAPE_PRICE]);
	row[TAPE_QTY] = pack_to_units(&memory[TAPE_QTY], row[TAPE_QTY]);
	pack_put_column(encoder, slots, memory, tape_columns, TAPE_TIME, row);
	pack_put_cell(encoder, slots, memory, tape_columns, TAPE_ID, plain, row);
	pack_put_column(encoder, slots, memory, tape_columns, TAPE_SIDE, row);
	pack_put_column(encoder, slots, memory, tape_columns, TAPE_PRICE, row);
	pack_put_column(encoder, slots, memory, tape_columns, TAPE_QTY, row);
}

PACK_INLINE void tape_get_row(struct range_decoder *decoder, struct tape_model *model,
			      int64_t row[TAPE_COLUMNS])
{
	struct pack_memory *memory = model->memory;
	uint32_t *slots = model->slots;
	bool plain = range_get(decoder, &slots[model->plain & 3]);
	model->plain = model->plain << 1 | plain;
	if (!plain)
		tape_get_units(decoder, model);
	pack_get_column(decoder, slots, memory, tape_columns, TAPE_TIME, row);
	pack_get_cell(decoder, slots, memory, tape_columns, TAPE_ID, plain, row);
	pack_get_column(decoder, slots, memory, tape_columns, TAPE_SIDE, row);
	pack_get_column(decoder, slots, memory, tape_columns, TAPE_PRICE, row);
	pack_get_column(decoder, slots, memory, tape_columns, TAPE_QTY, row);
	row[TAPE_PRICE] = pack_from_units(&memory[TAPE_PRICE], row[TAPE_PRICE]);
	row[TAPE_QTY] = pack_from_units(&memory[TAPE_QTY], row[TAPE_QTY]);
}

/* What the chunk's header says of the first row: so that it costs nothing. */
struct tape_origin {
	int64_t ms, id, price; /* price in units */
	uint8_t price_power, qty_power;
};

void tape_model_start(struct tape_model *model, const struct pack_priors *priors,
		      const struct tape_origin *origin);

/* As their namesakes in tape.h, with a start that need not be registered (NULL:
 * flat): for the bench, which trains on one market and packs another. */
void tape_writer_begin_with(struct tape_writer *writer, const struct market_id *market,
			    int32_t price_scale, int32_t qty_scale,
			    const struct pack_priors *priors);
MUST_CHECK enum status tape_read_with(struct str chunk, const struct pack_priors *priors,
				      struct tape_info *info, struct trade *out);
