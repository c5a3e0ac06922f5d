/* closed.h - closed trades of one account, packed: about 20 bytes each.
 *
 * A chunk holds at most CLOSED_CHUNK_TRADES trades of one server and login, in the order in
 * which they were given, and stands by itself. What it looks like: closed_table.h. It
 * carries a format version and a CRC32C. No allocation, any thread. */
#pragma once

#include "base/buf.h"

enum {
	CLOSED_CHUNK_TRADES = 512,
	CLOSED_CHUNK_SYMBOLS = 64, /* different ones */
	CLOSED_CHUNK_BYTES = 8100, /* with its entry a size class of 8 kB */
	CLOSED_NAME_MAX = 64,
};

/* All decimals in 10^-8. */
struct closed_trade {
	int64_t position;
	char symbol[CLOSED_NAME_MAX + 1];
	bool sell; /* its first deal */
	bool has_sl, has_tp;
	int64_t volume;                  /* in, which is that of out */
	int64_t price_open, price_close; /* means */
	int64_t sl, tp;                  /* 0 where there is none */
	int64_t commission, swap, fee, pnl;
	int64_t opened_us, closed_us;
	uint32_t deals;
};

struct closed_account {
	char server[CLOSED_NAME_MAX + 1];
	int64_t login;
};

/* FULL: it needs more than one chunk has room for; nothing was put. count is not 0, and one
 * trade always fits. */
MUST_CHECK enum status closed_pack(const struct closed_account *account,
				   const struct closed_trade *trades, uint32_t count,
				   struct buf *out);
/* out: room for CLOSED_CHUNK_TRADES. FORMAT, TRUNCATED, VERSION, CHECKSUM: nothing is told. */
MUST_CHECK enum status closed_read(struct str chunk, struct closed_account *account,
				   struct closed_trade *out, uint32_t *count);
