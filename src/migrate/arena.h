/* arena.h - bytes that stay where they are until all are given back. No bound of its own: who fills
 * it has one. One thread. */
#pragma once

#include "base/str.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* the first is the one in use */
	size_t used;                /* of it */
};

void *arena_take(struct arena *arena, size_t bytes); /* NULL: no memory; aligned to 8 */
/* A copy; {NULL, 0} for empty text, and when memory is out (*failed is set then). */
struct str arena_copy(struct arena *arena, struct str text, bool *failed);
void arena_clear(struct arena *arena); /* keeps one chunk */
void arena_deinit(struct arena *arena);
