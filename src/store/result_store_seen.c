#include "store/result_store_seen.h"

#include <stdlib.h>

#include "base/check.h"

/* 0 marks an empty place, so the hash that is 0 goes as another. */
static uint64_t placed(uint64_t hash) { return hash ? hash : 1; }

bool result_seen_init(struct result_seen *seen, size_t room)
{
	CHECK(room > 0 && (room & (room - 1)) == 0);
	*seen = (struct result_seen){ .room = room, .mask = room * 2 - 1 };
	seen->ring = calloc(room, sizeof *seen->ring);
	seen->table = calloc(room * 2, sizeof *seen->table);
	return seen->ring && seen->table;
}

void result_seen_deinit(struct result_seen *seen)
{
	free(seen->ring);
	free(seen->table);
	*seen = (struct result_seen){ 0 };
}

/* Where the hash is, or the empty place where it would go. */
static size_t place_of(const struct result_seen *seen, uint64_t hash)
{
	size_t at = hash & seen->mask;
	while (seen->table[at] && seen->table[at] != hash)
		at = (at + 1) & seen->mask;
	return at;
}

/* Whether an entry whose home is `home` may stand at `hole` although it stands at `at`
 * now: the hole is not before its home, going round. */
static bool may_move(const struct result_seen *seen, size_t home, size_t hole, size_t at)
{
	return ((at - home) & seen->mask) >= ((at - hole) & seen->mask);
}

/* Those behind it move up, so that no search ends at the hole too early. */
static void take_out(struct result_seen *seen, uint64_t hash)
{
	size_t hole = place_of(seen, hash), at = hole;
	CHECK(seen->table[hole] == hash);
	while (seen->table[at = (at + 1) & seen->mask])
		if (may_move(seen, seen->table[at] & seen->mask, hole, at)) {
			seen->table[hole] = seen->table[at];
			hole = at;
		}
	seen->table[hole] = 0;
}

bool result_seen_has(const struct result_seen *seen, uint64_t hash)
{
	return seen->table[place_of(seen, placed(hash))] != 0;
}

bool result_seen_add(struct result_seen *seen, uint64_t hash)
{
	hash = placed(hash);
	if (seen->table[place_of(seen, hash)])
		return false;
	if (seen->count == seen->room)
		take_out(seen, seen->ring[seen->at]);
	else
		seen->count++;
	seen->table[place_of(seen, hash)] = hash;
	seen->ring[seen->at] = hash;
	seen->at = (seen->at + 1) & (seen->room - 1);
	return true;
}
