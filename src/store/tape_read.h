/* tape_read.h - a market's tape as replies of the server: what `weir tape` walks.
 * Pure; loop-free. */
#pragma once

#include "codec/tape.h"
#include "port/redis.h"
#include "store/store_format.h"

/* The id and chunk of an XRANGE entry; false when it is none of weir's. */
bool tape_entry_read(const struct redis_reply *entry, struct stream_id *id, struct str *chunk);
