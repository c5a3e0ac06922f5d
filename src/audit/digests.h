/* digests.h - a set of 64-bit digests that knows which of them came more than once.
 *
 * Open addressing in DIGESTS_SHARDS tables that grow one at a time, so growing never holds
 * more than one table twice. At `bytes_max` the set keeps a sample instead: every second
 * digest is dropped, by its lowest bits, as often as it takes; what digests_sampled says of a
 * digest is then the same for equal ones, and the share that is kept is 1 in 2^sample_bits.
 * Digests are told by their value; two that differ never count as one. One thread. */
#pragma once

#include "base/str.h"

enum { DIGESTS_SHARDS = 64 };

struct digest_shard {
	uint64_t *slots; /* 0: free; the highest bit: more than once */
	uint32_t room;   /* a power of two, or 0 */
	uint32_t used;
};

struct digests {
	struct digest_shard shards[DIGESTS_SHARDS];
	uint32_t room_max; /* of a shard */
	uint32_t sample_bits;
	int64_t held;     /* digests in all shards */
	int64_t left_out; /* told, and not in the sample */
};

/* bytes_max: at least 64 KB; the next lower power of two counts. */
void digests_init(struct digests *set, size_t bytes_max);
void digests_deinit(struct digests *set); /* a zeroed one too */
/* NO_MEMORY: the set is as it was. Digest 0 and all bits but the highest count. */
MUST_CHECK enum status digests_add(struct digests *set, uint64_t digest);
/* How often it came: 0, 1 or 2 for more. */
int digests_count(const struct digests *set, uint64_t digest);
/* Its place is read into the cache: for those who add several, or later. */
void digests_prefetch(const struct digests *set, uint64_t digest);
bool digests_sampled(const struct digests *set, uint64_t digest);
static inline bool digests_empty(const struct digests *set) { return !set->held; }
/* Each digest that came more than once, as digests_count takes it. */
void digests_each_twice(const struct digests *set, void (*fn)(void *ctx, uint64_t digest),
			void *ctx);
