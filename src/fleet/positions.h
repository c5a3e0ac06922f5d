/* positions.h - the open positions of one terminal, as the terminal says they are.
 *
 * A snapshot (O b=1, o…, O e=1) is collected beside the set and swapped in only when its
 * count and hash agree; changes (o ev=…) that come meanwhile go into both. Keyed by
 * ticket, which may change (a netting account reversed); `id` is the position's identity.
 * Grows to POSITIONS_MAX, then FULL. One thread. */
#pragma once

#include "base/number.h"
#include "codec/mfp.h"

enum { POSITIONS_MAX = 1024, POSITION_SYMBOL_MAX = 31 };

enum position_change { POSITION_NEW, POSITION_CHANGED, POSITION_QUIET, POSITION_GONE };

struct position {
	uint64_t ticket, id, magic;
	char symbol[POSITION_SYMBOL_MAX + 1];
	int8_t side; /* 0 buy, 1 sell */
	struct number volume, price_open, price_now, sl, tp, swap, profit;
	int64_t server_ms; /* opening, by the broker's clock */
};

struct positions;

struct positions *positions_create(void);
void positions_destroy(struct positions *positions);
/* An o frame. Outside a snapshot: ev says what it is (NOT_FOUND for a mod or del of an
 * unknown one). *change and *position (valid until the next call) tell what became of
 * the set; inside a snapshot nothing becomes of it yet and *position is NULL. */
MUST_CHECK enum status positions_take(struct positions *positions, const struct mfp_frame *frame,
				      enum position_change *change,
				      const struct position **position);
/* An O frame. At its end the set is swapped and fn is called for each difference; INVALID
 * when count or hash disagree: the set stays. */
MUST_CHECK enum status positions_snapshot(
    struct positions *positions, const struct mfp_frame *frame,
    void (*fn)(void *ctx, enum position_change change, const struct position *position), void *ctx);
/* What the store read back. FULL. */
MUST_CHECK enum status positions_put(struct positions *positions, const struct position *position);
uint32_t positions_count(const struct positions *positions);
const struct position *positions_at(const struct positions *positions, uint32_t index);
const struct position *positions_find(const struct positions *positions, uint64_t ticket);
uint64_t positions_hash(const struct positions *positions);
