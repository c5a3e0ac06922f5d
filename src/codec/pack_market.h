/* pack_market.h - a market's name inside a chunk: venue, kind, length of the symbol
 * (a byte each), the symbol. */
#pragma once

#include "codec/pack_frame.h"
#include "def/market_id.h"

enum { PACK_MARKET_MAX = 3 + SYMBOL_MAX };

uint8_t *pack_put_market(uint8_t *out, const struct market_id *market);
/* FORMAT when it is none. */
MUST_CHECK enum status pack_read_market(struct pack_reader *reader, struct market_id *out);
