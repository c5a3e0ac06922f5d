#include "audit/digests.h"

#include <assert.h>
#include <stdlib.h>

#include "base/check.h"

enum { SHARD_BITS = 6, ROOM_MIN = 16, SAMPLE_BITS_MAX = 24 };
static_assert(1 << SHARD_BITS == DIGESTS_SHARDS, "a shard for each value of its bits");

static const uint64_t TWICE = UINT64_C(1) << 63;

/* As it is kept: without the mark, and never 0. */
static uint64_t kept(uint64_t digest)
{
	digest &= ~TWICE;
	return digest ? digest : 1;
}

/* The highest bits but one choose the shard, the middle ones the slot, the lowest the sample. */
static uint32_t shard_of(uint64_t digest) { return (uint32_t)(digest >> (63 - SHARD_BITS)); }
static uint32_t slot_of(uint64_t digest) { return (uint32_t)(digest >> SAMPLE_BITS_MAX); }

void digests_init(struct digests *set, size_t bytes_max)
{
	CHECK(bytes_max >= DIGESTS_SHARDS * ROOM_MIN * sizeof(uint64_t));
	*set = (struct digests){ .room_max = ROOM_MIN };
	while ((size_t)set->room_max * 2 * DIGESTS_SHARDS * sizeof(uint64_t) <= bytes_max)
		set->room_max *= 2;
}

void digests_deinit(struct digests *set)
{
	for (size_t i = 0; i < DIGESTS_SHARDS; i++)
		free(set->shards[i].slots);
	*set = (struct digests){ 0 };
}

bool digests_sampled(const struct digests *set, uint64_t digest)
{
	return !(kept(digest) & ((UINT64_C(1) << set->sample_bits) - 1));
}

/* Its slot, or the free one where it belongs. */
static uint64_t *find(const struct digest_shard *shard, uint64_t digest)
{
	uint32_t at = slot_of(digest) & (shard->room - 1);
	while (shard->slots[at] && (shard->slots[at] & ~TWICE) != digest)
		at = (at + 1) & (shard->room - 1);
	return &shard->slots[at];
}

void digests_prefetch(const struct digests *set, uint64_t digest)
{
	const struct digest_shard *shard = &set->shards[shard_of(kept(digest))];
	if (shard->room)
		__builtin_prefetch(&shard->slots[slot_of(kept(digest)) & (shard->room - 1)], 1);
}

/* The shard anew with `room` slots, without what is not in the sample. */
static enum status rehash(struct digests *set, struct digest_shard *shard, uint32_t room)
{
	struct digest_shard next = { calloc(room, sizeof *next.slots), room, 0 };
	if (!next.slots)
		return STATUS_NO_MEMORY;
	for (uint32_t i = 0; i < shard->room; i++) {
		uint64_t slot = shard->slots[i];
		if (!slot)
			continue;
		if (!digests_sampled(set, slot)) {
			set->left_out++;
			set->held--;
			continue;
		}
		*find(&next, slot & ~TWICE) = slot;
		next.used++;
	}
	free(shard->slots);
	*shard = next;
	return STATUS_OK;
}

static bool is_full(const struct digest_shard *shard)
{
	return shard->used + 1 > shard->room / 8 * 7;
}

/* Every second one goes. */
static enum status thin_out(struct digests *set)
{
	set->sample_bits++;
	for (size_t i = 0; i < DIGESTS_SHARDS; i++)
		if (set->shards[i].room && rehash(set, &set->shards[i], set->shards[i].room)) {
			set->sample_bits--;
			return STATUS_NO_MEMORY;
		}
	return STATUS_OK;
}

enum status digests_add(struct digests *set, uint64_t digest)
{
	digest = kept(digest);
	struct digest_shard *shard = &set->shards[shard_of(digest)];
	while (digests_sampled(set, digest)) {
		if (shard->room) {
			uint64_t *slot = find(shard, digest);
			if (*slot) {
				*slot |= TWICE;
				return STATUS_OK;
			}
			if (!is_full(shard)) {
				*slot = digest;
				shard->used++;
				set->held++;
				return STATUS_OK;
			}
		}
		enum status status = STATUS_OK;
		if (shard->room < set->room_max)
			status = rehash(set, shard, shard->room ? shard->room * 2 : ROOM_MIN);
		else if (set->sample_bits < SAMPLE_BITS_MAX)
			status = thin_out(set);
		else
			break;
		if (status)
			return status;
	}
	set->left_out++;
	return STATUS_OK;
}

int digests_count(const struct digests *set, uint64_t digest)
{
	digest = kept(digest);
	const struct digest_shard *shard = &set->shards[shard_of(digest)];
	if (!shard->room || !digests_sampled(set, digest))
		return 0;
	uint64_t slot = *find(shard, digest);
	return slot ? slot & TWICE ? 2 : 1 : 0;
}

void digests_each_twice(const struct digests *set, void (*fn)(void *ctx, uint64_t digest),
			void *ctx)
{
	for (size_t i = 0; i < DIGESTS_SHARDS; i++)
		for (uint32_t at = 0; at < set->shards[i].room; at++)
			if (set->shards[i].slots[at] & TWICE)
				fn(ctx, set->shards[i].slots[at] & ~TWICE);
}
