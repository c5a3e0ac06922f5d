/* kline_table.h - the columns of packed bars of a timeframe (market/series_pack.c).
 *
 * A bar has no time: a series has no holes. It opens about where the one before closed,
 * and its high and low lie outside open and close. Prices and volume are integers at the
 * chunk's scales, without the zeros that all of them end in. The scales that the decimals
 * were written with are told by `form` and its exceptions, which nearly never change.
 *
 * The start is flat: over 210 bars a trained one would save 0.1 bytes a bar, and every
 * version of it that shipped would have to be kept. */
#pragma once

#include "codec/packer.h"

enum kline_column {
	KLINE_FORM, /* enum kline_form */
	KLINE_OPEN,
	KLINE_CLOSE,
	KLINE_HIGH,
	KLINE_LOW,
	KLINE_VOLUME,
	KLINE_SCALE_OPEN, /* scale less the form's, like those that follow */
	KLINE_SCALE_CLOSE,
	KLINE_SCALE_HIGH,
	KLINE_SCALE_LOW,
	KLINE_SCALE_VOLUME,
	KLINE_COLUMNS
};

/* What the scale of a decimal is unless its column says so. */
enum kline_form {
	KLINE_TRIMMED, /* the least that holds it: as venues' texts are read */
	KLINE_FIXED,   /* the chunk's largest: as a market's own minutes are */
};

enum { KLINE_SLOTS = 373 };

static inline int64_t kline_expect_open(const int64_t *row, const struct pack_memory *memory)
{
	(void)row;
	return memory[KLINE_CLOSE].last;
}

static inline int64_t kline_expect_close(const int64_t *row, const struct pack_memory *memory)
{
	(void)memory;
	return row[KLINE_OPEN];
}

static inline int64_t kline_expect_high(const int64_t *row, const struct pack_memory *memory)
{
	(void)memory;
	return row[KLINE_OPEN] > row[KLINE_CLOSE] ? row[KLINE_OPEN] : row[KLINE_CLOSE];
}

static inline int64_t kline_expect_low(const int64_t *row, const struct pack_memory *memory)
{
	(void)memory;
	return row[KLINE_OPEN] < row[KLINE_CLOSE] ? row[KLINE_OPEN] : row[KLINE_CLOSE];
}

/* Bits below the highest are noise in these columns, so two are modelled. */
#define KLINE_NUMBER .len_bits = 5, .depth = 2, .lens = 6
#define KLINE_SCALE  .transform = PACK_REPEAT, .rare = true, .len_bits = 3

static const struct pack_column kline_columns[KLINE_COLUMNS] = {
	[KLINE_FORM] = { .name = "form",
			 .transform = PACK_REPEAT,
			 .base = 4,
			 .rare = true,
			 .natural = true,
			 .len_bits = 1 },
	[KLINE_OPEN] = { .name = "open",
			 .transform = PACK_FORMULA,
			 .base = 7,
			 .formula = kline_expect_open,
			 KLINE_NUMBER },
	[KLINE_CLOSE] = { .name = "close",
			  .transform = PACK_FORMULA,
			  .base = 69,
			  .formula = kline_expect_close,
			  KLINE_NUMBER },
	[KLINE_HIGH] = { .name = "high",
			 .transform = PACK_FORMULA,
			 .base = 131,
			 .formula = kline_expect_high,
			 KLINE_NUMBER,
			 .n_hit = 1,
			 .hit = { { KLINE_CLOSE, 0 } } },
	[KLINE_LOW] = { .name = "low",
			.transform = PACK_FORMULA,
			.base = 194,
			.formula = kline_expect_low,
			KLINE_NUMBER,
			.n_hit = 2,
			.hit = { { KLINE_CLOSE, 0 }, { KLINE_HIGH, 0 } } },
	[KLINE_VOLUME] = { .name = "volume",
			   .transform = PACK_PLAIN,
			   .base = 259,
			   .natural = true,
			   KLINE_NUMBER,
			   .n_hit = 2,
			   .hit = { { KLINE_CLOSE, 0 }, { KLINE_HIGH, 0 } } },
	[KLINE_SCALE_OPEN] = { .name = "scale_open", .base = 323, KLINE_SCALE },
	[KLINE_SCALE_CLOSE] = { .name = "scale_close", .base = 333, KLINE_SCALE },
	[KLINE_SCALE_HIGH] = { .name = "scale_high", .base = 343, KLINE_SCALE },
	[KLINE_SCALE_LOW] = { .name = "scale_low", .base = 353, KLINE_SCALE },
	[KLINE_SCALE_VOLUME] = { .name = "scale_volume", .base = 363, KLINE_SCALE },
};

static const struct pack_table kline_table = { .name = "klines",
					       .columns = kline_columns,
					       .n_columns = KLINE_COLUMNS,
					       .n_slots = KLINE_SLOTS };
