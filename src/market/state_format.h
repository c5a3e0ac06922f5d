/* state_format.h - the layout of a market's stored state, for the file that writes it
 * and the one that reads it. Little-endian fields, a CRC32C behind them. */
#pragma once

#include "market/market_impl.h"

enum {
	STATE_MAGIC = 0x534D5257, /* "WRMS" */
	STATE_VERSION = 1,
	STATE_IDS = 208,   /* id hashes that go along */
	STATE_MINUTES = 2, /* those that can still change */
	FLAG_ORDERED = 1,
	FLAG_INTERRUPTED = 2,
	FLAG_SEEN = 4,
	RANGE_REPAIRED = 1,
	RANGE_SPOILED = 2,
	/* fixed part, minutes, trades; then ranges or ids, whichever the venue has */
	HEAD_BYTES = 4 + 5 + 2 * 8 + 2 * 8 + 6 * 8 + 3 + 8,
	MINUTE_BYTES = 8 + 4 + 4 * 8 + 2 * 8 + 2 * 16 + 2 * 8 + 2 * 8,
	TRADE_BYTES = 25,
	RANGE_BYTES = 33,
	ID_BYTES = 12,
	TRADES_BYTES = (MARKET_WHALES + LARGEST_STORED) * TRADE_BYTES,
};

_Static_assert(HEAD_BYTES + STATE_MINUTES * MINUTE_BYTES + TRADES_BYTES +
		       SEEN_RANGES * RANGE_BYTES + 4 <=
		   MARKET_STATE_BYTES,
	       "ordered fits");
_Static_assert(HEAD_BYTES + STATE_MINUTES * MINUTE_BYTES + TRADES_BYTES + STATE_IDS * ID_BYTES +
		       4 <=
		   MARKET_STATE_BYTES,
	       "unordered fits");
