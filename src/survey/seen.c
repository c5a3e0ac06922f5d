#include "survey/seen.h"

#include <stdlib.h>

enum { FIRST_ROOM = 4096 };

void seen_init(struct seen *seen, size_t max) { *seen = (struct seen){ .max = max }; }

void seen_deinit(struct seen *seen) { free(seen->slots); }

/* 0 marks a free slot. */
static uint64_t value_of(uint64_t digest) { return digest ? digest : 1; }

static uint64_t *find(uint64_t *slots, size_t room, uint64_t value)
{
	size_t at = value & (room - 1);
	while (slots[at] && slots[at] != value)
		at = (at + 1) & (room - 1);
	return &slots[at];
}

bool seen_has(const struct seen *seen, uint64_t digest)
{
	return seen->room && *find(seen->slots, seen->room, value_of(digest));
}

static bool grow(struct seen *seen)
{
	size_t room = seen->room ? seen->room * 2 : FIRST_ROOM;
	uint64_t *slots = calloc(room, sizeof *slots);
	if (!slots)
		return false;
	for (size_t i = 0; i < seen->room; i++)
		if (seen->slots[i])
			*find(slots, room, seen->slots[i]) = seen->slots[i];
	free(seen->slots);
	seen->slots = slots;
	seen->room = room;
	return true;
}

enum status seen_add(struct seen *seen, uint64_t digest)
{
	if (seen_has(seen, digest))
		return STATUS_EXISTS;
	if (seen->count >= seen->max)
		return STATUS_FULL;
	if (seen->count >= seen->room / 8 * 7 && !grow(seen))
		return STATUS_FULL;
	*find(seen->slots, seen->room, value_of(digest)) = value_of(digest);
	seen->count++;
	return STATUS_OK;
}
