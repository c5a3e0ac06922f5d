/* samples_formula.h - what an account's figures say of each other: free margin is equity
 * less margin, profit is equity less balance and credit, the margin level is equity over
 * margin in percent, rounded half away from zero. No allocation, any thread. */
#pragma once

#include "base/decimal.h"
#include "def/samples.h"

enum { SAMPLES_OPERANDS = 3 };

struct samples_formula {
	/* The columns it is made of, all further left; the last ones may be the same. */
	uint8_t operands[SAMPLES_OPERANDS];
};

/* NULL: the sample has none. */
static inline const struct samples_formula *samples_formula(enum sample sample)
{
	static const struct samples_formula free_margin = { { SAMPLE_eq, SAMPLE_mar, SAMPLE_mar } };
	static const struct samples_formula profit = { { SAMPLE_eq, SAMPLE_bal, SAMPLE_cr } };
	switch ((int)sample) {
	case SAMPLE_fm:
	case SAMPLE_ml: return &free_margin;
	case SAMPLE_pl: return &profit;
	default: return NULL;
	}
}

static inline int64_t samples_level(int64_t equity, int64_t margin, uint32_t digits)
{
	if (margin == 0 || digits + 2 > DECIMAL_SCALE_MAX)
		return 0;
	i128 scaled = (i128)equity * decimal_pow10((int32_t)digits + 2), half = margin / 2;
	half = (scaled < 0) == (margin < 0) ? half : -half;
	return (int64_t)((scaled + half) / margin);
}

/* Of the mantissas of the operands, modulo 2^64; digits: the sample's own. */
static inline int64_t samples_formula_value(enum sample sample, const int64_t *operands,
					    uint32_t digits)
{
	uint64_t equity = (uint64_t)operands[0];
	if (sample == SAMPLE_ml)
		return samples_level(operands[0], operands[1], digits);
	if (sample == SAMPLE_fm)
		return (int64_t)(equity - (uint64_t)operands[1]);
	return (int64_t)(equity - (uint64_t)operands[1] - (uint64_t)operands[2]);
}
