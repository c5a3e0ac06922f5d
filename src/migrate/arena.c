#include "migrate/arena.h"

#include <stdlib.h>

enum { CHUNK_BYTES = 256 << 10 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	_Alignas(8) char bytes[];
};

void *arena_take(struct arena *arena, size_t bytes)
{
	size_t rounded = (bytes + 7) & ~(size_t)7;
	if (!arena->chunks || arena->used + rounded > arena->chunks->size) {
		size_t size = rounded > CHUNK_BYTES ? rounded : CHUNK_BYTES;
		struct arena_chunk *chunk = malloc(sizeof *chunk + size);
		if (!chunk)
			return NULL;
		chunk->next = arena->chunks;
		chunk->size = size;
		arena->chunks = chunk;
		arena->used = 0;
	}
	void *at = arena->chunks->bytes + arena->used;
	arena->used += rounded;
	return at;
}

struct str arena_copy(struct arena *arena, struct str text, bool *failed)
{
	char *at = text.len ? arena_take(arena, text.len) : NULL;
	if (!at) {
		*failed |= text.len > 0;
		return (struct str){ 0 };
	}
	memcpy(at, text.ptr, text.len);
	return str_make(at, text.len);
}

void arena_clear(struct arena *arena)
{
	while (arena->chunks && arena->chunks->next) {
		struct arena_chunk *next = arena->chunks->next;
		free(arena->chunks);
		arena->chunks = next;
	}
	arena->used = 0;
}

void arena_deinit(struct arena *arena)
{
	arena_clear(arena);
	free(arena->chunks);
	*arena = (struct arena){ 0 };
}
