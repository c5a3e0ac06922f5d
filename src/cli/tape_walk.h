/* tape_walk.h - all chunks of a market's tape, in order, over a visit. */
#pragma once

#include "cli/segment_visit.h"
#include "codec/tape.h"

/* Every market that the segment holds, sorted; FULL beyond cap. */
MUST_CHECK enum status tape_markets(struct segment_visit *visit, struct market_id *out, size_t cap,
				    size_t *count, struct err *err);
/* fn for each chunk: closed ones of the stream, then the open ones of tape_open. A
 * chunk is bytes as stored; fn returning false ends the walk. */
typedef bool (*tape_chunk_fn)(void *ctx, struct str chunk, bool open);
MUST_CHECK enum status tape_walk(struct segment_visit *visit, const struct market_id *market,
				 tape_chunk_fn fn, void *ctx, struct err *err);
