/* timeframes.h - the timeframes of indicators as people write them: 5m 15m 30m 1h 2h 4h
 * 6h 12h 1d (market.indicators has the same words). Any thread. */
#pragma once

#include "base/str.h"

/* Of a bar, in minutes; 0: not one of them. */
int32_t timeframe_minutes(struct str word);
/* "15m"; CHECKs that there is one. */
const char *timeframe_text(int32_t minutes);
