/* market_slot.h - what the market store keeps for one market (store's own). */
#pragma once

#include "codec/tape.h"
#include "store/market_store.h"
#include "store/store_format.h"

enum {
	FLIGHT_REPLIES_MAX = 512, /* commands of one transaction */
	OPEN_PIECES_MAX = 64,     /* chunks in tape_open before it is written whole */
	HOUR_MS = 3600000,
	/* Changes of minutes that are stored already wait for more of their kind. */
	CHANGE_STATE_MS = 10000,
	CHANGE_BARS_MS = 30000,
	/* an entry's id is its first trade's time, and it may span an hour */
	RETENTION_MS = MARKET_MINUTES * MINUTE_MS + HOUR_MS,
};

/* The transaction on its way, and what is true once it is acknowledged. */
struct flight {
	bool active;
	bool failed;
	uint32_t replies_due;
	size_t closed_bytes; /* of slot->closed, to be dropped when it is acknowledged */
	uint32_t closed_chunks;
	struct stream_id tape_last;
	uint64_t open_serial;
	uint32_t open_saved;
	uint32_t open_pieces;
	size_t open_bytes;
	int64_t bars_from_ms;
	int64_t state_minute_ms;
	int64_t changed_ms; /* the change that this transaction writes; INT64_MAX: none */
	bool state_saved;
};

struct slot {
	struct market_store *store;
	struct market *market;
	struct tape_writer *writer; /* the open chunk */
	int32_t price_scale, qty_scale;
	int64_t hour;         /* UTC hour of the open chunk's first trade */
	uint64_t open_serial; /* counts open chunks, so that a reply knows its own */
	struct buf closed;    /* closed_entry headers and chunks, oldest first */
	uint32_t n_closed;
	/* what the server holds */
	struct stream_id tape_last;
	uint32_t open_saved;  /* trades of the open chunk in tape_open */
	uint32_t open_pieces; /* chunks that make up tape_open */
	size_t open_bytes;
	int64_t bars_from_ms;    /* minutes before this are in the bars stream */
	int64_t state_minute_ms; /* newest minute when the state was saved */
	int64_t state_saved_ns;  /* when that was; 0: never */
	int64_t rewritten_ns;    /* when the bars were written anew; 0: never */
	/* Oldest minute changed by something other than a trade of the newest minute and not
	 * written since: by a repair, a kline, a doubt. INT64_MAX: none. */
	int64_t changed_ms;
	bool open_stale; /* tape_open may be anything: SET next */
	bool probe;      /* ask the stream's last id before sending again */
	bool changed;    /* trades came since the last flush */
	struct flight flight;
};

/* A closed chunk in slot->closed; its bytes follow. */
struct closed_entry {
	struct stream_id id;
	uint32_t len, trades;
};

struct slot *slot_of(struct market_store *store, struct market *market);
/* Takes note of what changed in the market beside the newest minute's trades. */
void slot_note_change(struct slot *slot);
/* What changed is to be written now: into the state, or (hours that are in the stream
 * already) the whole stream anew. */
bool slot_change_due(const struct slot *slot);
