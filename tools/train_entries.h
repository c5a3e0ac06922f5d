/* train_entries.h - learns the start of packed entries (entries_table.h) from the load of
 * tests/entries_desk.h, in batches of all sizes and with other seeds than the bench's and
 * the tests'.
 *
 * It takes in the packer's own source, to see what it does. Include it before anything that
 * includes codec/packer_row.h. */
#pragma once

#include "train.h"

#include "../src/codec/entries.c"
#include "../tests/entries_desk.h"

enum {
	TRAIN_ENTRIES_SEED = 900000,
	TRAIN_ENTRIES_LOADS = 60,
	TRAIN_ENTRIES_BATCHES = 24,
	TRAIN_ENTRIES_ROWS = 100,
};

static inline size_t train_entries_batch(struct rng *rng)
{
	static const size_t most[] = { 1, 4, 12, 40, TRAIN_ENTRIES_ROWS };
	return 1 + (size_t)rng_below(rng, most[rng_below(rng, ARRAY_LEN(most))]);
}

/* ENTRIES_SLOTS words. */
static inline void train_entries(enum entries_table table, uint16_t *words)
{
	static struct desk desk;
	static struct desk_row row[TRAIN_ENTRIES_ROWS];
	static struct str values[TRAIN_ENTRIES_ROWS * ENTRIES_FIELDS_MAX];
	static char bytes[ENTRIES_CHUNK_BYTES];
	struct entries_packer *packer = entries_packer_create();
	struct train train = { .count_max = TRAIN_COUNT_MAX };
	size_t fields;
	struct rng rng;
	CHECK(packer);
	rng_init(&rng, TRAIN_ENTRIES_SEED);
	entries_fields(table, &fields);
	train.slots = packer->model.slots;
	for (uint32_t i = 0; i < TRAIN_ENTRIES_LOADS * TRAIN_ENTRIES_BATCHES; i++) {
		static const uint32_t terminals[] = { 1, 6, 30, 100 };
		struct buf out = buf_over(bytes, sizeof bytes);
		size_t count = train_entries_batch(&rng);
		if (i % TRAIN_ENTRIES_BATCHES == 0)
			desk_start(&desk, TRAIN_ENTRIES_SEED + i,
				   terminals[rng_below(&rng, ARRAY_LEN(terminals))]);
		for (size_t k = 0; k < count; k++) {
			if (table == ENTRIES_RESULTS)
				desk_result(&desk, &row[k]);
			else
				desk_order_signal(&desk, &row[k]);
			memcpy(&values[k * fields], row[k].values, fields * sizeof *values);
		}
		train.chunk++;
		train_current = &train;
		CHECK(entries_pack(packer, table, values, count, &out) == STATUS_OK);
		train_current = NULL;
	}
	train_finish(&train, ENTRIES_SLOTS, words);
	entries_packer_destroy(packer);
}
