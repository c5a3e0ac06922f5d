#include "trade/signal_ids.h"

#include <assert.h>
#include <stdlib.h>

#include "base/check.h"

enum { TABLE = 2 * SIGNAL_IDS_MAX, MASK = TABLE - 1 };

static_assert((SIGNAL_IDS_MAX & (SIGNAL_IDS_MAX - 1)) == 0, "rings and masks");

struct held {
	uint64_t hash[2], sid;
};

struct signal_ids {
	uint64_t secret[2];
	uint32_t count, at;               /* of the ring: its oldest, once it is full */
	struct held ring[SIGNAL_IDS_MAX]; /* in the order they came */
	uint32_t table[TABLE];            /* open addressing: place in the ring + 1; 0 empty */
};

/* ---- SipHash-2-4, 128 bits ---- */

static uint64_t rotate(uint64_t x, unsigned bits) { return x << bits | x >> (64 - bits); }

static void mix(uint64_t v[4], int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static uint64_t little_endian(const char *bytes, size_t count)
{
	uint64_t word = 0;
	for (size_t i = 0; i < count; i++)
		word |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
	return word;
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	mix(v, 2);
	v[0] ^= word;
}

void signal_ids_hash(const uint64_t secret[2], struct str text, uint64_t out[2])
{
	uint64_t v[4] = { secret[0] ^ UINT64_C(0x736f6d6570736575),
			  secret[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
			  secret[0] ^ UINT64_C(0x6c7967656e657261),
			  secret[1] ^ UINT64_C(0x7465646279746573) };
	size_t len = text.len;
	for (; text.len >= 8; text = str_skip(text, 8))
		absorb(v, little_endian(text.ptr, 8));
	absorb(v, little_endian(text.ptr, text.len) | (uint64_t)len << 56);
	v[2] ^= 0xee;
	mix(v, 4);
	out[0] = v[0] ^ v[1] ^ v[2] ^ v[3];
	v[1] ^= 0xdd;
	mix(v, 4);
	out[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- the table ---- */

struct signal_ids *signal_ids_create(const uint64_t secret[2])
{
	struct signal_ids *ids = calloc(1, sizeof *ids);
	if (ids)
		memcpy(ids->secret, secret, sizeof ids->secret);
	return ids;
}

void signal_ids_destroy(struct signal_ids *ids) { free(ids); }

static size_t place_of(const struct signal_ids *ids, const uint64_t hash[2])
{
	size_t at = hash[0] & MASK;
	for (; ids->table[at]; at = (at + 1) & MASK)
		if (memcmp(ids->ring[ids->table[at] - 1].hash, hash, 2 * sizeof hash[0]) == 0)
			break;
	return at;
}

/* Those behind the hole that would not be found any more move into it. */
static void take_out(struct signal_ids *ids, const uint64_t hash[2])
{
	size_t hole = place_of(ids, hash), at = hole;
	while (ids->table[at = (at + 1) & MASK]) {
		size_t home = ids->ring[ids->table[at] - 1].hash[0] & MASK;
		if (((at - home) & MASK) < ((at - hole) & MASK))
			continue;
		ids->table[hole] = ids->table[at];
		hole = at;
	}
	ids->table[hole] = 0;
}

bool signal_ids_find(const struct signal_ids *ids, struct str id, uint64_t *sid)
{
	uint64_t hash[2];
	signal_ids_hash(ids->secret, id, hash);
	uint32_t there = ids->table[place_of(ids, hash)];
	if (there)
		*sid = ids->ring[there - 1].sid;
	return there > 0;
}

bool signal_ids_add(struct signal_ids *ids, struct str id, uint64_t sid)
{
	struct held new = { .sid = sid };
	signal_ids_hash(ids->secret, id, new.hash);
	if (ids->table[place_of(ids, new.hash)])
		return false;
	if (ids->count == SIGNAL_IDS_MAX)
		take_out(ids, ids->ring[ids->at].hash);
	else
		ids->count++;
	ids->ring[ids->at] = new;
	ids->table[place_of(ids, new.hash)] = ids->at + 1;
	ids->at = (ids->at + 1) & (SIGNAL_IDS_MAX - 1);
	return true;
}
