#include "archive/writer_seen.h"

#include <stdlib.h>

#include "archive/writer.h"

enum { SLOTS = 2 * WRITER_SEEN_MAX };

struct id {
	uint64_t hash;
	uint32_t at, len; /* in bytes */
};

/* Two rings, of ids and of their bytes, and an index with open addressing into the first. */
struct writer_seen {
	uint64_t first, next; /* of the ids: first..next-1 are there; they only rise */
	uint32_t bytes_next;
	struct id ids[WRITER_SEEN_MAX];
	uint32_t slots[SLOTS]; /* place in ids + 1; 0: free */
	char bytes[SEEN_BYTES];
};

struct writer_seen *writer_seen_create(void) { return calloc(1, sizeof(struct writer_seen)); }

void writer_seen_destroy(struct writer_seen *seen) { free(seen); }

void writer_seen_clear(struct writer_seen *seen)
{
	memset(seen->slots, 0, sizeof seen->slots);
	seen->first = seen->next = 0;
	seen->bytes_next = 0;
}

size_t writer_seen_count(const struct writer_seen *seen)
{
	return (size_t)(seen->next - seen->first);
}

/* Where it is, or the free slot where it would go. */
static uint32_t slot_of(const struct writer_seen *seen, struct str id, uint64_t hash)
{
	uint32_t at = (uint32_t)(hash % SLOTS);
	for (; seen->slots[at]; at = (at + 1) % SLOTS) {
		const struct id *other = &seen->ids[seen->slots[at] - 1];
		if (other->hash == hash &&
		    str_eq(str_make(seen->bytes + other->at, other->len), id))
			break;
	}
	return at;
}

bool writer_seen_has(const struct writer_seen *seen, struct str id, uint64_t hash)
{
	return seen->slots[slot_of(seen, id, hash)] != 0;
}

/* Those behind the hole move up, so that no search ends there too early. */
static void slot_remove(struct writer_seen *seen, uint32_t hole)
{
	uint32_t at = hole;
	while (seen->slots[at = (at + 1) % SLOTS]) {
		uint32_t home = (uint32_t)(seen->ids[seen->slots[at] - 1].hash % SLOTS);
		if ((at - home) % SLOTS >= (at - hole) % SLOTS) {
			seen->slots[hole] = seen->slots[at];
			hole = at;
		}
	}
	seen->slots[hole] = 0;
}

static struct id *oldest(struct writer_seen *seen)
{
	return &seen->ids[seen->first % WRITER_SEEN_MAX];
}

static void forget_oldest(struct writer_seen *seen)
{
	const struct id *id = oldest(seen);
	slot_remove(seen, slot_of(seen, str_make(seen->bytes + id->at, id->len), id->hash));
	seen->first++;
}

/* Room for len bytes in one piece: whoever lies there is forgotten. */
static uint32_t take_bytes(struct writer_seen *seen, uint32_t len)
{
	uint32_t at = seen->bytes_next;
	if (at + len > SEEN_BYTES) {
		while (seen->first < seen->next && oldest(seen)->at >= at)
			forget_oldest(seen);
		at = 0;
	}
	while (seen->first < seen->next && oldest(seen)->at < at + len &&
	       oldest(seen)->at + oldest(seen)->len > at)
		forget_oldest(seen);
	seen->bytes_next = at + len;
	return at;
}

void writer_seen_add(struct writer_seen *seen, struct str id, uint64_t hash)
{
	if (!id.len || id.len > SEEN_ID_MAX || writer_seen_has(seen, id, hash))
		return;
	if (seen->next - seen->first == WRITER_SEEN_MAX)
		forget_oldest(seen);
	uint32_t at = take_bytes(seen, (uint32_t)id.len), place;
	memcpy(seen->bytes + at, id.ptr, id.len);
	place = (uint32_t)(seen->next++ % WRITER_SEEN_MAX);
	seen->ids[place] = (struct id){ hash, at, (uint32_t)id.len };
	seen->slots[slot_of(seen, id, hash)] = place + 1;
}
