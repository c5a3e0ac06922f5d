/* bars.h - packed minutes: a chunk of at most 60 minute bars of one market, the
 * same packer, header and CRC discipline as the tape. Any bytes are survived. */
#pragma once

#include "base/decimal.h"
#include "def/market_id.h"

enum { BARS_CHUNK_MINUTES = 60, BARS_CHUNK_BYTES = 8100 };

enum bar_flag {
	BAR_PARTIAL = 1,  /* some of its trades may be missing */
	BAR_KLINES = 2,   /* taken from the venue's klines */
	BAR_REPAIRED = 4, /* a gap in it was closed later */
};

/* One minute. Prices × 10^price_scale, quantities × 10^qty_scale, quote sums ×
 * 10^(price_scale + qty_scale). n_buy + n_sell 0: no trade (or klines). */
struct bar {
	int64_t minute_ms; /* start, unix ms, a multiple of 60,000 */
	int64_t open, high, low, close;
	int64_t buy, sell; /* taker buy and taker sell, base */
	i128 buy_quote, sell_quote;
	int64_t id_first,
	    id_last; /* lowest and highest ordered id; 0 0 where ids are not ordered */
	uint32_t n_buy, n_sell;
	uint32_t flags; /* enum bar_flag */
};

struct bars_info {
	struct market_id market;
	int32_t price_scale, qty_scale;
	uint32_t count;
	int64_t ms_first, ms_last;
};

/* minute_ms ascending, 1..60 of them; chunk ≤ BARS_CHUNK_BYTES always (the
 * worst case fits). */
void bars_pack(const struct market_id *market, int32_t price_scale, int32_t qty_scale,
	       const struct bar *bars, uint32_t count, struct buf *out);
/* As tape_chunk_len: 0 when `bytes` does not begin with a whole chunk. */
size_t bars_chunk_len(struct str bytes);
/* Into room for BARS_CHUNK_MINUTES. */
MUST_CHECK enum status bars_read(struct str chunk, struct bars_info *info, struct bar *out);
