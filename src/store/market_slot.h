/* market_slot.h - what the market store keeps for one market (store's own). */
#pragma once

#include "codec/tape.h"
#include "store/market_store.h"
#include "store/store_format.h"

enum {
	FLIGHT_REPLIES_MAX = 512, /* commands of one transaction */
	OPEN_PIECES_MAX = 64,     /* chunks in tape_open before it is written whole */
	HOUR_MS = 3600000,
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
	bool open_stale;         /* tape_open may be anything: SET next */
	bool probe;              /* ask the stream's last id before sending again */
	bool changed;            /* trades came since the last flush */
	struct flight flight;
};

/* A closed chunk in slot->closed; its bytes follow. */
struct closed_entry {
	struct stream_id id;
	uint32_t len, trades;
};

struct slot *slot_of(struct market_store *store, struct market *market);
