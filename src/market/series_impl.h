/* series_impl.h - what the files of a series share; nobody else includes it. */
#pragma once

#include "base/check.h"
#include "market/market.h"

struct series {
	int32_t minutes;
	enum ta_convention convention;
	size_t count;
	struct series_bar bars[SERIES_BARS]; /* consecutive, oldest first */
};

static inline int64_t series_step_ms(const struct series *series)
{
	return (int64_t)series->minutes * MINUTE_MS;
}

/* Times, prices and volume that a bar of the series can have. */
bool series_is_sensible(const struct series *series, const struct series_bar *bar);
