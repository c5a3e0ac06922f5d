/* redis_timing.h - how long reads and writes of a connection take, as their caller sees it:
 * from the command to its answer, in the pipeline with all the others.
 *
 * A write is a lone command that changes something, or the EXEC of a transaction (whose parts
 * wait for it); a read is one that only looks. What may wait on purpose (XREADGROUP, BLPOP, …),
 * what belongs to the connection (HELLO, PING, AUTH) and INFO are neither. Any thread. */
#pragma once

#include "base/str.h"

enum redis_timing_kind { REDIS_TIMING_NONE, REDIS_TIMING_READ, REDIS_TIMING_WRITE };

struct redis_timing {
	uint64_t count, sum_ns;
};

/* verb: the command's first word, in upper case. */
enum redis_timing_kind redis_timing_of(struct str verb);

static inline void redis_timing_add(struct redis_timing *timing, int64_t took_ns)
{
	timing->count++;
	timing->sum_ns += took_ns > 0 ? (uint64_t)took_ns : 0;
}
