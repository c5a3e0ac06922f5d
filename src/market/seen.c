#include "market/seen.h"

#include <assert.h>
#include <stdlib.h>

#include "base/check.h"

/* ---- ordered ids ---- */

/* The range that holds id, or the first one above it (n_ranges: none). */
static uint32_t range_at(const struct seen_ordered *seen, int64_t id)
{
	uint32_t low = 0, high = seen->n_ranges;
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		if (seen->ranges[mid].last < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool seen_ordered_is_new(const struct seen_ordered *seen, int64_t id)
{
	if (!seen->any || id > seen->last || id < seen->first)
		return true;
	uint32_t at = range_at(seen, id);
	return at < seen->n_ranges && seen->ranges[at].first <= id;
}

bool seen_ordered_fits(const struct seen_ordered *seen, int64_t id, int64_t t_ms, int64_t slack_ms)
{
	if (!seen->any)
		return true;
	if (id > seen->last)
		return t_ms >= seen->last_ms - slack_ms;
	if (id < seen->first)
		return t_ms <= seen->first_ms + slack_ms;
	uint32_t at = range_at(seen, id);
	if (at == seen->n_ranges || seen->ranges[at].first > id)
		return true;
	return t_ms >= seen->ranges[at].ms_first - slack_ms &&
	       t_ms <= seen->ranges[at].ms_last + slack_ms;
}

static void range_remove(struct seen_ordered *seen, uint32_t at)
{
	seen->n_ranges--;
	memmove(&seen->ranges[at], &seen->ranges[at + 1],
		(seen->n_ranges - at) * sizeof seen->ranges[0]);
}

/* Puts a range at its place; when the list is full the oldest, which may be this
 * one, is given up. */
static void range_insert(struct seen_ordered *seen, uint32_t at, const struct seen_range *range,
			 struct seen_range *dropped)
{
	if (seen->n_ranges == SEEN_RANGES) {
		seen->given_up++;
		if (at == 0) {
			*dropped = *range;
			return;
		}
		*dropped = seen->ranges[0];
		range_remove(seen, 0);
		at--;
	}
	memmove(&seen->ranges[at + 1], &seen->ranges[at],
		(seen->n_ranges - at) * sizeof seen->ranges[0]);
	seen->ranges[at] = *range;
	seen->n_ranges++;
}

static struct seen_range range_between(int64_t first, int64_t last, int64_t a_ms, int64_t b_ms)
{
	return (struct seen_range){
		.first = first,
		.last = last,
		.ms_first = a_ms < b_ms ? a_ms : b_ms,
		.ms_last = a_ms < b_ms ? b_ms : a_ms,
	};
}

static enum seen_verdict take_above(struct seen_ordered *seen, int64_t id, int64_t t_ms,
				    struct seen_range *change, struct seen_range *dropped)
{
	*change = range_between(seen->last + 1, id - 1, seen->last_ms, t_ms);
	seen->gaps++;
	range_insert(seen, seen->n_ranges, change, dropped);
	seen->last = id;
	seen->last_ms = t_ms;
	return SEEN_GAP;
}

static enum seen_verdict take_below(struct seen_ordered *seen, int64_t id, int64_t t_ms,
				    struct seen_range *change, struct seen_range *dropped)
{
	*change = range_between(id + 1, seen->first - 1, t_ms, seen->first_ms);
	if (change->first <= change->last)
		range_insert(seen, 0, change, dropped);
	seen->first = id;
	seen->first_ms = t_ms;
	return SEEN_BELOW;
}

static enum seen_verdict take_missing(struct seen_ordered *seen, uint32_t at, int64_t id,
				      bool repair, struct seen_range *change,
				      struct seen_range *dropped)
{
	struct seen_range *range = &seen->ranges[at];
	range->repaired |= repair;
	if (range->first == range->last) {
		*change = *range;
		range_remove(seen, at);
		return SEEN_CLOSED;
	}
	if (id == range->first) {
		range->first++;
	} else if (id == range->last) {
		range->last--;
	} else {
		struct seen_range left = *range;
		left.last = id - 1;
		range->first = id + 1;
		range_insert(seen, at, &left, dropped);
	}
	return SEEN_FILL;
}

enum seen_verdict seen_ordered_take_jump(struct seen_ordered *seen, int64_t id, int64_t t_ms,
					 bool repair, struct seen_range *change,
					 struct seen_range *dropped)
{
	CHECK(id >= 0);
	if (!seen->any || id == seen->last + 1) {
		if (!seen->any) {
			seen->first = id;
			seen->first_ms = t_ms;
		}
		seen->any = true;
		seen->last = id;
		seen->last_ms = t_ms;
		return SEEN_NEW;
	}
	if (id > seen->last)
		return take_above(seen, id, t_ms, change, dropped);
	if (id < seen->first)
		return take_below(seen, id, t_ms, change, dropped);
	uint32_t at = range_at(seen, id);
	if (at == seen->n_ranges || seen->ranges[at].first > id)
		return SEEN_DUPLICATE;
	return take_missing(seen, at, id, repair, change, dropped);
}

/* What is below the given ids, and what is above them, stays missing; only when there
 * is no room for both is the lower part given up with them. */
bool seen_ordered_give_up(struct seen_ordered *seen, const struct seen_range *range,
			  struct seen_range *gone)
{
	uint32_t at = range_at(seen, range->first);
	if (at == seen->n_ranges || seen->ranges[at].first > range->last)
		return false;
	struct seen_range *open = &seen->ranges[at], below = *open;
	*gone = *open;
	bool keeps_below = open->first<range->first, keeps_above = open->last> range->last;
	below.last = range->first - 1;
	if (keeps_above)
		open->first = range->last + 1;
	if (keeps_above && keeps_below && seen->n_ranges < SEEN_RANGES)
		range_insert(seen, at, &below, NULL);
	else if (!keeps_above && keeps_below)
		*open = below;
	else if (!keeps_above)
		range_remove(seen, at);
	return true;
}

/* ---- unordered ids ---- */

/* Open addressing with linear probes over twice as many slots as ids. A slot holds
 * 16 bits of the hash, whose lower 14 are where it wants to be, and 1 + the id's
 * place in the ring, which says what is oldest: probing, and closing the hole that
 * the oldest leaves, stay within the slots. */
enum { SLOTS = 2 * SEEN_IDS, RING = SEEN_IDS + 1 };

struct entry {
	uint64_t hash;
	int64_t t_ms;
};

struct seen_ids {
	uint32_t count; /* in the set */
	uint32_t next;  /* place of the ring written next */
	int64_t floor_ms;
	uint32_t slots[SLOTS];
	struct entry ring[RING];
};

static_assert(SLOTS == 1 << 14, "the tag's lower 14 bits are a slot");

struct seen_ids *seen_ids_create(void) { return calloc(1, sizeof(struct seen_ids)); }

void seen_ids_destroy(struct seen_ids *seen) { free(seen); }

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load8(const char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
	return word;
}

/* Up to 15 bytes as two words, without a loop. */
static void load_short(struct str id, uint64_t *a, uint64_t *b)
{
	uint32_t low = 0, high = 0;
	if (id.len >= 8) {
		*a = load8(id.ptr);
		*b = load8(id.ptr + id.len - 8);
		return;
	}
	if (id.len >= 4) {
		memcpy(&low, id.ptr, 4);
		memcpy(&high, id.ptr + id.len - 4, 4);
	} else if (id.len > 0) {
		low = (uint8_t)id.ptr[0];
		high = (uint32_t)(uint8_t)id.ptr[id.len / 2] << 8 | (uint8_t)id.ptr[id.len - 1];
	}
	*a = low;
	*b = high;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "stored hashes are of little-endian words");

/* Sixteen bytes a step, the last ones overlapping: str_hash goes byte by byte, which
 * a UUID a trade would feel. */
uint64_t seen_id_hash(struct str id)
{
	static const uint64_t k0 = 0x9E3779B97F4A7C15u, k1 = 0xD6E8FEB86659FD93u;
	uint64_t hash = 0xA0761D6478BD642Fu ^ id.len, a, b;
	if (id.len < 16) {
		load_short(id, &a, &b);
	} else {
		for (struct str rest = id; rest.len > 16; rest = str_skip(rest, 16))
			hash = fold(load8(rest.ptr) ^ k0, load8(rest.ptr + 8) ^ hash);
		a = load8(id.ptr + id.len - 16);
		b = load8(id.ptr + id.len - 8);
	}
	return fold(fold(a ^ k0, b ^ hash) ^ k1, hash ^ k0);
}

static uint32_t tag_of(uint64_t hash) { return (uint32_t)(hash >> 48) << 16; }
static uint32_t home(uint32_t slot) { return slot >> 16 & (SLOTS - 1); }

/* The slot of the hash, or the empty one where it would go. */
static uint32_t slot_of(const struct seen_ids *seen, uint64_t hash)
{
	uint32_t tag = tag_of(hash), at = home(tag);
	for (;; at = (at + 1) & (SLOTS - 1)) {
		uint32_t slot = seen->slots[at];
		if (!slot ||
		    ((slot ^ tag) <= UINT16_MAX && seen->ring[(uint16_t)slot - 1].hash == hash))
			return at;
	}
}

enum seen_verdict seen_ids_look(const struct seen_ids *seen, uint64_t hash)
{
	return seen->slots[slot_of(seen, hash)] ? SEEN_DUPLICATE : SEEN_NEW;
}

/* Empties a slot and moves up what had been pushed past it. */
static void slot_clear(struct seen_ids *seen, uint32_t hole)
{
	seen->slots[hole] = 0;
	for (uint32_t at = (hole + 1) & (SLOTS - 1); seen->slots[at]; at = (at + 1) & (SLOTS - 1)) {
		uint32_t from = home(seen->slots[at]);
		if (((at - from) & (SLOTS - 1)) < ((at - hole) & (SLOTS - 1)))
			continue;
		seen->slots[hole] = seen->slots[at];
		seen->slots[at] = 0;
		hole = at;
	}
}

static void drop(struct seen_ids *seen, uint32_t place)
{
	const struct entry *oldest = &seen->ring[place];
	uint32_t slot = tag_of(oldest->hash) | (place + 1), at = home(slot);
	while (seen->slots[at] != slot)
		at = (at + 1) & (SLOTS - 1);
	seen_ids_raise_floor(seen, oldest->t_ms);
	slot_clear(seen, at);
	seen->count--;
}

/* The newcomer goes in before the oldest leaves: one probe serves both questions. */
bool seen_ids_take(struct seen_ids *seen, uint64_t hash, int64_t t_ms)
{
	uint32_t at = slot_of(seen, hash);
	if (seen->slots[at])
		return false;
	seen->slots[at] = tag_of(hash) | (seen->next + 1);
	seen->ring[seen->next] = (struct entry){ hash, t_ms };
	seen->next = seen->next + 1 < RING ? seen->next + 1 : 0;
	if (++seen->count > SEEN_IDS)
		drop(seen, seen->next);
	return true;
}

int64_t seen_ids_floor_ms(const struct seen_ids *seen) { return seen->floor_ms; }

void seen_ids_raise_floor(struct seen_ids *seen, int64_t t_ms)
{
	if (t_ms > seen->floor_ms)
		seen->floor_ms = t_ms;
}

bool seen_ids_newest(const struct seen_ids *seen, size_t i, uint64_t *hash, int64_t *t_ms)
{
	if (i >= seen->count)
		return false;
	const struct entry *entry = &seen->ring[(seen->next + RING - 1 - i) % RING];
	*hash = entry->hash;
	*t_ms = entry->t_ms;
	return true;
}
