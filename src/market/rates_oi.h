/* rates_oi.h - open interest of the last 25 h, one sample a minute of the clock; internal
 * to rates. Sorted by time whatever the order they come in. Visible, embedded. */
#pragma once

#include "market/rates.h"

struct rates_oi {
	size_t n;
	struct oi_sample samples[RATES_OI_SAMPLES]; /* ascending, each in a minute of its own */
};

/* Keeps the sample. In a minute that has one the newer of the two stays, and the one told
 * last where both say one time; with `fill`, the one that was there. Without effect when
 * older than 25 h before the newest. */
void rates_oi_keep(struct rates_oi *oi, const struct oi_sample *sample, bool fill);
/* The newest sample at or before t_ms; NULL: none. */
const struct oi_sample *rates_oi_find(const struct rates_oi *oi, int64_t t_ms);
/* Half of a quantity of 0 or more, exactly; false where 18 places do not hold it. */
bool rates_oi_halve(struct decimal both, struct decimal *one);
