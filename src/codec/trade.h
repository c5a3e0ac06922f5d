/* trade.h - one trade as the cores hold it: scaled integers at the scales of its
 * market. 40 bytes, by value. */
#pragma once

#include <stdint.h>

enum side { SIDE_BUY, SIDE_SELL }; /* the TAKER's side */

struct trade {
	int64_t t_ms; /* the venue's event time, unix ms */
	int64_t id;   /* the venue's id where ids are ordered (consecutive); else its `seq`, or 0 */
	int64_t price; /* × 10^price_scale */
	int64_t qty;   /* base units × 10^qty_scale, > 0 */
	uint8_t side;  /* enum side */
};
