/* tape.h - trades packed into chunks: lossless, self-describing, checked.
 *
 * A chunk holds at most TAPE_CHUNK_TRADES trades of one market and one hour in at
 * most TAPE_CHUNK_BYTES (just above, Redis' allocator wastes a fifth): magic,
 * version, market, scales, first and last id, first and last time, count,
 * CRC32C, then the columns through the packer. Time, order, price, quantity,
 * side and id come back exactly; times and ids may go backwards (late trades).
 * The decoder survives any bytes. No allocation after create. One thread. */
#pragma once

#include "base/err.h"
#include "codec/trade.h"
#include "def/market_id.h"

enum {
	TAPE_CHUNK_TRADES = 4096,
	TAPE_CHUNK_BYTES = 8100,
	TAPE_CHUNK_MS = 3600000, /* a chunk never crosses an hour of its first trade's UTC hour */
};

struct tape_info {
	struct market_id market;
	int32_t price_scale, qty_scale;
	int64_t id_first, id_last; /* of the first and last trade in order of arrival */
	int64_t ms_first, ms_last; /* likewise */
	uint32_t count;
	uint32_t priors_version;
};

struct tape_writer; /* packs as trades come: memory ≤ 32 KB */

struct tape_writer *tape_writer_create(void);
void tape_writer_destroy(struct tape_writer *writer);
/* Begins an empty chunk. */
void tape_writer_begin(struct tape_writer *writer, const struct market_id *market,
		       int32_t price_scale, int32_t qty_scale);
/* FULL: the trade was NOT taken, close this chunk and begin another. */
MUST_CHECK enum status tape_writer_add(struct tape_writer *writer, const struct trade *trade);
uint32_t tape_writer_count(const struct tape_writer *writer);
/* The finished chunk (≤ TAPE_CHUNK_BYTES) into out; the writer can go on being
 * added to afterwards, and give a longer chunk later. count must be > 0. */
void tape_writer_chunk(const struct tape_writer *writer, struct buf *out);

/* Length of the chunk that `bytes` begins with, so that chunks written one behind
 * the other can be walked; 0 when no whole, well-formed head and length is there.
 * The CRC is left to tape_read. */
size_t tape_chunk_len(struct str bytes);
/* Reads header and CRC only. */
MUST_CHECK enum status tape_info_read(struct str chunk, struct tape_info *out);
/* All trades, into room for TAPE_CHUNK_TRADES. */
MUST_CHECK enum status tape_read(struct str chunk, struct tape_info *info, struct trade *out);
/* Version of the trained start that new chunks are packed with. */
uint32_t tape_priors_version(void);
