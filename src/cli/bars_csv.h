/* bars_csv.h - minutes as CSV: the lines of `weir replay --bars` and `weir tape minutes`,
 * one for each minute that is held. */
#pragma once

#include "market/market.h"

/* "partial+repaired", as in the last column. */
void bars_csv_flags(struct buf *out, uint32_t flags);
void bars_csv_head(struct buf *out);
void bars_csv_market(struct buf *out, const struct market *market);
