/* bars_table.h - the columns of packed minutes, and their row code.
 *
 * A minute opens where the one before closed; its high and low lie outside open
 * and close; its first id follows the last one before, and the ids count its
 * trades. So of thirteen numbers nine carry news. The quote sums are nearly
 * quantity × price: what is packed is their difference (bars.c computes it in 128
 * bits, and the upper half of the difference is a column that is always 0).
 *
 * Only bars.c, the tests and the training tool include this. */
#pragma once

#include "codec/bars.h"
#include "codec/packer_row.h"

enum bars_column {
	BARS_MINUTE,
	BARS_OPEN,
	BARS_CLOSE,
	BARS_HIGH,
	BARS_LOW,
	BARS_BUY,
	BARS_SELL,
	BARS_BUY_QUOTE,
	BARS_BUY_QUOTE_HIGH,
	BARS_SELL_QUOTE,
	BARS_SELL_QUOTE_HIGH,
	BARS_N_BUY,
	BARS_N_SELL,
	BARS_ID_FIRST,
	BARS_ID_LAST,
	BARS_FLAGS,
	BARS_COLUMNS
};

enum { BARS_SLOTS = 1064 };

PACK_INLINE int64_t bars_expect_open(const int64_t *row, const struct pack_memory *memory)
{
	(void)row;
	return memory[BARS_CLOSE].last;
}

PACK_INLINE int64_t bars_expect_close(const int64_t *row, const struct pack_memory *memory)
{
	(void)memory;
	return row[BARS_OPEN];
}

PACK_INLINE int64_t bars_expect_high(const int64_t *row, const struct pack_memory *memory)
{
	(void)memory;
	return row[BARS_OPEN] > row[BARS_CLOSE] ? row[BARS_OPEN] : row[BARS_CLOSE];
}

PACK_INLINE int64_t bars_expect_low(const int64_t *row, const struct pack_memory *memory)
{
	(void)memory;
	return row[BARS_OPEN] < row[BARS_CLOSE] ? row[BARS_OPEN] : row[BARS_CLOSE];
}

PACK_INLINE bool bars_row_is_empty(const int64_t *row)
{
	return row[BARS_N_BUY] == 0 && row[BARS_N_SELL] == 0;
}

PACK_INLINE int64_t bars_expect_id_first(const int64_t *row, const struct pack_memory *memory)
{
	uint64_t next = (uint64_t)memory[BARS_ID_LAST].last + 1;
	return bars_row_is_empty(row) ? 0 : (int64_t)next;
}

PACK_INLINE int64_t bars_expect_id_last(const int64_t *row, const struct pack_memory *memory)
{
	(void)memory;
	uint64_t count = (uint64_t)row[BARS_N_BUY] + (uint64_t)row[BARS_N_SELL];
	uint64_t last = (uint64_t)row[BARS_ID_FIRST] + count - 1;
	return bars_row_is_empty(row) || row[BARS_ID_FIRST] == 0 ? 0 : (int64_t)last;
}

/* Bits below the highest are noise in these columns, so two are modelled. */
#define BARS_NUMBER .len_bits = 5, .depth = 2, .lens = 6

static const struct pack_column bars_columns[BARS_COLUMNS] = {
	[BARS_MINUTE] = { .name = "minute",
			  .transform = PACK_DELTA,
			  .base = 4,
			  .add = 60000,
			  .rare = true,
			  BARS_NUMBER },
	[BARS_OPEN] = { .name = "open",
			.transform = PACK_FORMULA,
			.base = 66,
			.formula = bars_expect_open,
			BARS_NUMBER },
	[BARS_CLOSE] = { .name = "close",
			 .transform = PACK_FORMULA,
			 .base = 128,
			 .formula = bars_expect_close,
			 BARS_NUMBER },
	[BARS_HIGH] = { .name = "high",
			.transform = PACK_FORMULA,
			.base = 190,
			.formula = bars_expect_high,
			BARS_NUMBER,
			.n_hit = 1,
			.hit = { { BARS_CLOSE, 0 } },
			.n_len = 1,
			.len = { { BARS_CLOSE, 0 } } },
	[BARS_LOW] = { .name = "low",
		       .transform = PACK_FORMULA,
		       .base = 285,
		       .formula = bars_expect_low,
		       BARS_NUMBER,
		       .n_hit = 2,
		       .hit = { { BARS_CLOSE, 0 }, { BARS_HIGH, 0 } },
		       .n_len = 1,
		       .len = { { BARS_CLOSE, 0 } } },
	[BARS_BUY] = { .name = "buy",
		       .transform = PACK_PLAIN,
		       .base = 382,
		       .natural = true,
		       BARS_NUMBER },
	[BARS_SELL] = { .name = "sell",
			.transform = PACK_PLAIN,
			.base = 443,
			.natural = true,
			BARS_NUMBER,
			.n_hit = 1,
			.hit = { { BARS_BUY, 0 } } },
	[BARS_BUY_QUOTE] = { .name = "buy_quote",
			     .transform = PACK_PLAIN,
			     .base = 505,
			     BARS_NUMBER,
			     .n_hit = 1,
			     .hit = { { BARS_BUY, 0 } } },
	[BARS_BUY_QUOTE_HIGH] = { .name = "buy_quote_high",
				  .transform = PACK_PLAIN,
				  .base = 568,
				  .rare = true,
				  BARS_NUMBER },
	[BARS_SELL_QUOTE] = { .name = "sell_quote",
			      .transform = PACK_PLAIN,
			      .base = 630,
			      BARS_NUMBER,
			      .n_hit = 1,
			      .hit = { { BARS_SELL, 0 } } },
	[BARS_SELL_QUOTE_HIGH] = { .name = "sell_quote_high",
				   .transform = PACK_PLAIN,
				   .base = 693,
				   .rare = true,
				   BARS_NUMBER },
	[BARS_N_BUY] = { .name = "n_buy",
			 .transform = PACK_PLAIN,
			 .base = 755,
			 .natural = true,
			 BARS_NUMBER,
			 .n_hit = 1,
			 .hit = { { BARS_BUY, 0 } } },
	[BARS_N_SELL] = { .name = "n_sell",
			  .transform = PACK_PLAIN,
			  .base = 817,
			  .natural = true,
			  BARS_NUMBER,
			  .n_hit = 1,
			  .hit = { { BARS_SELL, 0 } } },
	[BARS_ID_FIRST] = { .name = "id_first",
			    .transform = PACK_FORMULA,
			    .base = 879,
			    .formula = bars_expect_id_first,
			    .rare = true,
			    BARS_NUMBER },
	[BARS_ID_LAST] = { .name = "id_last",
			   .transform = PACK_FORMULA,
			   .base = 941,
			   .formula = bars_expect_id_last,
			   .rare = true,
			   BARS_NUMBER },
	[BARS_FLAGS] = { .name = "flags",
			 .transform = PACK_REPEAT,
			 .base = 1003,
			 .rare = true,
			 .natural = true,
			 BARS_NUMBER },
};

extern const struct pack_table bars_table;

struct bars_model {
	uint32_t plain;
	struct pack_memory memory[BARS_COLUMNS];
	uint32_t slots[BARS_SLOTS];
};

/* Every column by its literal number, so that each gets straight code. */
/* clang-format off */
#define BARS_EACH_COLUMN(X)                                                            \
	X(BARS_MINUTE) X(BARS_OPEN) X(BARS_CLOSE) X(BARS_HIGH) X(BARS_LOW) X(BARS_BUY) \
	X(BARS_SELL) X(BARS_BUY_QUOTE) X(BARS_BUY_QUOTE_HIGH) X(BARS_SELL_QUOTE)       \
	X(BARS_SELL_QUOTE_HIGH) X(BARS_N_BUY) X(BARS_N_SELL) X(BARS_ID_FIRST)          \
	X(BARS_ID_LAST) X(BARS_FLAGS)
/* clang-format on */

PACK_INLINE bool bars_row_is_plain(const struct pack_memory *memory, const int64_t *row)
{
	bool plain = true;
#define X(at) plain &= !bars_columns[at].rare || pack_is_expected(memory, bars_columns, at, row);
	BARS_EACH_COLUMN(X)
#undef X
	return plain;
}

/* The same bytes as packer_put of the table gives. */
PACK_INLINE void bars_put_row(struct range_encoder *encoder, struct bars_model *model,
			      int64_t row[BARS_COLUMNS])
{
	bool plain = bars_row_is_plain(model->memory, row);
	pack_put_bit(encoder, &model->slots[model->plain & 3], plain);
	model->plain = model->plain << 1 | plain;
#define X(at) pack_put_cell(encoder, model->slots, model->memory, bars_columns, at, plain, row);
	BARS_EACH_COLUMN(X)
#undef X
}

PACK_INLINE void bars_get_row(struct range_decoder *decoder, struct bars_model *model,
			      int64_t row[BARS_COLUMNS])
{
	bool plain = range_get(decoder, &model->slots[model->plain & 3]);
	model->plain = model->plain << 1 | plain;
#define X(at) pack_get_cell(decoder, model->slots, model->memory, bars_columns, at, plain, row);
	BARS_EACH_COLUMN(X)
#undef X
}

/* What the chunk's header says of the first row. */
struct bars_origin {
	int64_t ms, open, id; /* open in units */
};

void bars_model_start(struct bars_model *model, const struct pack_priors *priors,
		      const struct bars_origin *origin);

/* A chunk's units: powers of ten that divide every value of their kind. */
struct bars_units {
	uint8_t price, qty, quote; /* 0..18, 0..18, 0..price + qty */
};

struct bars_units bars_units_of(const struct bar *bars, uint32_t count);
void bars_row_of(const struct bar *bar, struct bars_units units, int64_t row[BARS_COLUMNS]);

/* bars_pack with a start that need not be registered (NULL: flat). */
void bars_pack_with(const struct market_id *market, int32_t price_scale, int32_t qty_scale,
		    const struct bar *bars, uint32_t count, const struct pack_priors *priors,
		    struct buf *out);
