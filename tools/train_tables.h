/* train_tables.h - shows a trainer (train.h) how the tape and the bars pack a
 * recording. Bars are also made of shorter spans than a minute, since recordings
 * are short: what is learned is the shape of the numbers, not their size. */
#pragma once

#include "train.h"

#include "base/check.h"
#include "codec/bars_table.h"
#include "codec/tape_table.h"
#include "trade_file.h"

enum { TRAIN_STORAGE = 1 << 17, TRAIN_BARS = 1024 };

static inline bool train_tape_splits(const struct trade *first, const struct trade *trade,
				     uint32_t count)
{
	return count == TAPE_CHUNK_TRADES ||
	       first->t_ms / TAPE_CHUNK_MS != trade->t_ms / TAPE_CHUNK_MS;
}

static inline void train_tape(struct train *train, const struct trade_file *all)
{
	static struct tape_model model;
	static uint8_t storage[TRAIN_STORAGE];
	struct range_encoder encoder;
	const struct trade *first = NULL;
	train->slots = model.slots;
	train_current = train;
	for (uint32_t i = 0; i < all->count; i++) {
		const struct trade *trade = &all->trades[i];
		if (!first || train_tape_splits(first, trade, (uint32_t)(trade - first))) {
			struct tape_origin origin = { trade->t_ms, trade->id, trade->price, 0, 0 };
			first = trade;
			train->chunk++;
			tape_model_start(&model, NULL, &origin);
			range_encoder_init(&encoder, storage);
		}
		int64_t row[TAPE_COLUMNS] = { trade->t_ms, trade->id, trade->side, trade->price,
					      trade->qty };
		tape_put_row(&encoder, &model, row);
	}
	train_current = NULL;
}

static inline void train_bars_chunk(struct train *train, const struct bar *bars, uint32_t count)
{
	static struct bars_model model;
	static uint8_t storage[TRAIN_STORAGE];
	struct range_encoder encoder;
	struct bars_units units = bars_units_of(bars, count);
	struct bars_origin origin = { bars[0].minute_ms, bars[0].open / decimal_pow10(units.price),
				      bars[0].id_first };
	bars_model_start(&model, NULL, &origin);
	range_encoder_init(&encoder, storage);
	train->slots = model.slots;
	train->chunk++;
	train_current = train;
	for (uint32_t i = 0; i < count; i++) {
		int64_t row[BARS_COLUMNS];
		bars_row_of(&bars[i], units, row);
		bars_put_row(&encoder, &model, row);
	}
	train_current = NULL;
}

static inline void train_bars(struct train *train, const struct trade_file *all)
{
	static const int64_t spans_ms[] = { 2000, 5000, 10000, 20000, 60000 };
	static struct bar bars[TRAIN_BARS];
	for (size_t s = 0; s < ARRAY_LEN(spans_ms); s++) {
		uint32_t count = trade_file_bars(all, spans_ms[s], bars, TRAIN_BARS);
		for (uint32_t i = 0; i < count; i += BARS_CHUNK_MINUTES) {
			uint32_t left = count - i;
			uint32_t n = left < BARS_CHUNK_MINUTES ? left : BARS_CHUNK_MINUTES;
			train_bars_chunk(train, &bars[i], n);
		}
	}
}
