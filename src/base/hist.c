#include "base/hist.h"

#include <string.h>

void hist_clear(struct hist *hist) { memset(hist, 0, sizeof *hist); }

static uint32_t bucket_of(uint64_t value)
{
	if (value < (1u << HIST_SUB_BITS))
		return (uint32_t)value;
	uint32_t shift = 63u - (uint32_t)__builtin_clzll(value) - HIST_SUB_BITS;
	return ((shift + 1) << HIST_SUB_BITS) +
	       (uint32_t)((value >> shift) - (1u << HIST_SUB_BITS));
}

static uint64_t bucket_top(uint32_t bucket)
{
	if (bucket < (1u << HIST_SUB_BITS))
		return bucket;
	uint32_t shift = (bucket >> HIST_SUB_BITS) - 1;
	uint64_t base = (bucket & ((1u << HIST_SUB_BITS) - 1)) + (1u << HIST_SUB_BITS);
	return ((base + 1) << shift) - 1;
}

void hist_record(struct hist *hist, uint64_t value)
{
	hist->count++;
	hist->sum += value;
	if (value > hist->max)
		hist->max = value;
	hist->buckets[bucket_of(value)]++;
}

uint64_t hist_quantile(const struct hist *hist, double q)
{
	if (hist->count == 0)
		return 0;
	uint64_t rank = (uint64_t)(q * (double)hist->count);
	if (rank >= hist->count)
		rank = hist->count - 1;
	uint64_t seen = 0;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		seen += hist->buckets[i];
		if (seen > rank)
			return bucket_top(i) < hist->max ? bucket_top(i) : hist->max;
	}
	return hist->max;
}
