/* samples_plan.h - which type, shape and shift a column is best packed with. Any choice
 * can be read back: this file decides bytes, not what they mean, and may change without
 * a new format. No allocation, any thread. */
#pragma once

#include "codec/samples_table.h"

enum { SAMPLES_LENGTHS = 18 };

/* In sixteenths of a bit, at the chunk's start. */
struct samples_costs {
	/* A number of n bits in each shape; from SAMPLES_LENGTHS bits on it counts as one
	 * of the longest. Sixty of them fit 16 bits. */
	uint16_t of_length[SAMPLES_LENGTHS][SAMPLES_SHAPES];
	/* Saying a shape or a shift that is not the one before; dense, sparse. */
	uint16_t of_shape[2][SAMPLES_SHAPES], of_shift[2][SAMPLES_SHIFT_MAX + 1];
};

void samples_costs_make(struct samples_costs *costs, const struct samples_start *start);

/* values: count > 0 of them, SAMPLES_ROWS_MAX at most. model: as it is before the column. */
void samples_plan(const struct samples_costs *costs, const struct samples_model *model,
		  const int64_t *values, uint32_t count, struct samples_column *out);
/* The same for a column whose values are all the same. */
void samples_plan_constant(int64_t value, struct samples_column *out);
