/* equity.h - what accounts were worth, every five minutes for 72 h.
 *
 * A ring of EQUITY_SAMPLES for each account, plain pairs of time and USD at 10^-8. Times
 * are multiples of EQUITY_STEP_MS, so that samples of several accounts meet. A step
 * without a sample is a gap, never a guess. The account's name is the exchange account's
 * ([account.NAME]), or EQUITY_FLEET: all terminals' accounts together.
 *
 * Bounds: EQUITY_SERIES_MAX accounts, 14 KB each, taken with the first sample. Core: time
 * is told. One thread. */
#pragma once

#include "base/buf.h"

enum {
	EQUITY_STEP_MS = 300000,
	EQUITY_SAMPLES = 864,
	EQUITY_SERIES_MAX = 24,
	EQUITY_NAME_MAX = 31,
	EQUITY_BYTES_MAX = 16 + EQUITY_SAMPLES * 15, /* packed; most often a third of it */
};
#define EQUITY_FLEET "fleet:usd" /* no account can be called so */

struct equity_sample {
	int64_t t_ms, usd_e8;
};

struct equity;

struct equity *equity_create(void); /* NULL: out of memory */
void equity_destroy(struct equity *equity);
/* The step that t_ms is in. The newest sample of a step counts; INVALID: the step, or the
 * name, is none, or the step is before the newest one; FULL, NO_MEMORY. */
MUST_CHECK enum status equity_put(struct equity *equity, struct str name, int64_t t_ms,
				  int64_t usd_e8);
uint32_t equity_count(const struct equity *equity);
struct str equity_name(const struct equity *equity, uint32_t index);
/* Oldest first, at most cap (of them the newest); those of the last 72 h before now_ms.
 * An unknown name has none. */
size_t equity_read(const struct equity *equity, struct str name, int64_t now_ms,
		   struct equity_sample *out, size_t cap);
/* The sum of all accounts, at the steps where every account has a sample that has one
 * before and one after; an account that begins later is not in the steps before. */
size_t equity_read_all(const struct equity *equity, int64_t now_ms, struct equity_sample *out,
		       size_t cap);
/* One account's ring as bytes with a CRC32C (docs/formats.md), at most EQUITY_BYTES_MAX. */
void equity_pack(const struct equity *equity, uint32_t index, struct buf *out);
/* Into an account that has no sample yet; any bytes are survived. CHECKSUM, VERSION,
 * FORMAT, TRUNCATED; EXISTS; FULL, NO_MEMORY, INVALID as equity_put. */
MUST_CHECK enum status equity_unpack(struct equity *equity, struct str name, struct str bytes);
