/* store_format.h - the values of RMS that are not a chunk of the packer.
 *
 * bars_open:{market}: "WBO1", then little-endian: u8 flags (1: simulated), u64 ms
 * and u64 seq of the last tape entry, u32 trades of the open chunk (the state
 * speaks up to these), u32 length and bytes of the market state, then bars chunks,
 * each with its u32 length, and a CRC32C of all before it.
 * tape_open:{market}: tape chunks, one behind the other (tape_chunk_len walks
 * them). Any thread. */
#pragma once

#include "base/buf.h"

struct stream_id {
	uint64_t ms, seq;
};

int stream_id_cmp(struct stream_id a, struct stream_id b);
/* "123-0"; FORMAT for anything else. */
MUST_CHECK enum status stream_id_parse(struct str text, struct stream_id *out);
void stream_id_print(struct buf *buf, struct stream_id id);
/* The id for an entry of time ms behind `last`: ms-0, or just above `last`. */
struct stream_id stream_id_next(struct stream_id last, int64_t ms);

/* An error reply to XADD that says: the id is not above the newest. Of an entry that is
 * sent again it means that it was written. */
bool stream_id_is_taken(struct str error);

struct open_state {
	bool simulated;
	struct stream_id tape_last;
	uint32_t open_trades;
	struct str state; /* market_state_pack's bytes */
	struct str bars;  /* what open_state_next_bars walks */
};

/* Begin, then one open_state_put_bars per chunk, then end. */
void open_state_begin(struct buf *out, const struct open_state *state);
void open_state_put_bars(struct buf *out, struct str chunk);
void open_state_end(struct buf *out);
/* Slices point into bytes. */
MUST_CHECK enum status open_state_read(struct str bytes, struct open_state *out);
bool open_state_next_bars(struct str *bars, struct str *chunk);
