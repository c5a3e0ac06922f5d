/* bars_csv.h - minutes as CSV: the lines of `weir replay --bars` and `weir tape minutes`,
 * one for each minute that is held. */
#pragma once

#include "market/market.h"

void bars_csv_head(struct buf *out);
void bars_csv_market(struct buf *out, const struct market *market);
