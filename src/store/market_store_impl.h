/* market_store_impl.h - shared by market_store.c and market_restore.c only. */
#pragma once

#include "codec/bars.h"
#include "def/keys.h"
#include "store/market_slot.h"

enum { STORE_SLOTS_MAX = MARKETS_MAX, TXN_ARGS_MAX = 8 };

struct restore; /* market_restore.c */

struct market_store {
	struct redis_port *redis;
	struct markets *markets;
	struct timers *timers;
	const struct clock_port *clock;
	struct market_store_config config;
	struct market_store_counts counts;
	struct slot slots[STORE_SLOTS_MAX];
	size_t n_slots;
	size_t closed_bytes; /* over all slots */
	struct timer timer;
	struct restore *restore;
	void (*drain_done)(void *ctx, enum status status);
	void *drain_ctx;
	bool draining;
	/* scratch, one flush at a time */
	struct buf chunk, value, state;
	struct trade trades[TAPE_CHUNK_TRADES];
	struct tape_writer *tail_writer;
};

static inline int64_t hour_of(int64_t t_ms) { return t_ms / HOUR_MS; }

/* Begins what is due for this market: a probe, a transaction, or nothing while one
 * is on its way (market_flush.c). */
void slot_flush(struct slot *slot);

/* The waiting chunk at an offset of slot->closed, and dropping chunks off its front. */
struct closed_entry slot_closed_at(const struct slot *slot, size_t offset);
void slot_drop_closed(struct slot *slot, size_t bytes, uint32_t chunks);
/* A trade of tape_open back into the open chunk, at restore. */
void slot_put_back(struct slot *slot, const struct trade *trade, const struct tape_info *info);
