#include "audit/names_store.h"

#include <stdlib.h>

#include "base/check.h"

enum { SHAPES_FIRST = 256, TEXT_FIRST = 16 << 10 };

enum status name_store_init(struct name_store *store)
{
	*store = (struct name_store){ .cap = SHAPES_FIRST,
				      .text_cap = TEXT_FIRST,
				      .table_cap = (size_t)SHAPES_FIRST * 2 };
	store->shapes = calloc(store->cap, sizeof *store->shapes);
	store->text = malloc(store->text_cap);
	store->table = calloc(store->table_cap, sizeof *store->table);
	store->n = 1;
	if (store->shapes && store->text && store->table)
		return STATUS_OK;
	name_store_deinit(store);
	return STATUS_NO_MEMORY;
}

void name_store_deinit(struct name_store *store)
{
	free(store->shapes);
	free(store->text);
	free(store->table);
	*store = (struct name_store){ 0 };
}

uint64_t name_store_hash(struct str skeleton) { return audit_digest(skeleton); }

static uint32_t tag_of(uint64_t hash) { return (uint32_t)(hash >> 32); }

size_t name_store_find(const struct name_store *store, uint64_t hash)
{
	size_t mask = store->table_cap - 1;
	for (size_t slot = (size_t)hash & mask; store->table[slot].index; slot = (slot + 1) & mask)
		if (store->table[slot].tag == tag_of(hash) &&
		    store->shapes[store->table[slot].index].hash == hash)
			return store->table[slot].index;
	return 0;
}

void name_store_prefetch_slot(const struct name_store *store, uint64_t hash)
{
	__builtin_prefetch(&store->table[(size_t)hash & (store->table_cap - 1)]);
}

void name_store_prefetch_shape(const struct name_store *store, uint64_t hash)
{
	size_t index = store->table[(size_t)hash & (store->table_cap - 1)].index;
	const struct name_shape *shape = &store->shapes[index];
	__builtin_prefetch(shape, 1);
	__builtin_prefetch((const char *)(shape + 1) - 1, 1);
}

static void table_put(struct name_slot *table, size_t cap, uint64_t hash, size_t index)
{
	size_t slot = (size_t)hash & (cap - 1);
	while (table[slot].index)
		slot = (slot + 1) & (cap - 1);
	table[slot] = (struct name_slot){ tag_of(hash), (uint32_t)index };
}

static enum status shapes_grow(struct name_store *store)
{
	size_t cap = store->cap * 2;
	struct name_shape *shapes = realloc(store->shapes, cap * sizeof *shapes);
	if (!shapes)
		return STATUS_NO_MEMORY;
	store->shapes = shapes;
	struct name_slot *table = calloc(cap * 2, sizeof *table);
	if (!table)
		return STATUS_NO_MEMORY;
	for (size_t i = 1; i < store->n; i++)
		table_put(table, cap * 2, shapes[i].hash, i);
	free(store->table);
	store->table = table;
	store->table_cap = cap * 2;
	store->cap = cap;
	return STATUS_OK;
}

static enum status text_grow(struct name_store *store)
{
	char *text = realloc(store->text, store->text_cap * 2);
	if (!text)
		return STATUS_NO_MEMORY;
	store->text = text;
	store->text_cap *= 2;
	return STATUS_OK;
}

enum status name_store_add(struct name_store *store, struct str skeleton,
			   const struct name_shape *shape, size_t *out)
{
	if (store->n == NAMES_SHAPES_MAX || store->text_len + skeleton.len > NAMES_TEXT_MAX)
		return STATUS_FULL;
	enum status status = store->n == store->cap ? shapes_grow(store) : STATUS_OK;
	while (!status && store->text_len + skeleton.len > store->text_cap)
		status = text_grow(store);
	if (status)
		return status;
	struct name_shape *added = &store->shapes[store->n];
	*added = *shape;
	added->at = (uint32_t)store->text_len;
	added->len = (uint16_t)skeleton.len;
	memcpy(store->text + store->text_len, skeleton.ptr, skeleton.len);
	store->text_len += skeleton.len;
	table_put(store->table, store->table_cap, shape->hash, store->n);
	*out = store->n++;
	return STATUS_OK;
}

struct name_shape name_shape_of(const struct name_lexed *lexed, uint64_t hash)
{
	return (struct name_shape){ .hash = hash,
				    .parts = lexed->parts,
				    .digits = lexed->digits,
				    .wide = lexed->wide,
				    .odd = ~lexed->minutes,
				    .joined = lexed->joined,
				    .number = lexed->number,
				    .varied = lexed->joined && !lexed->digits };
}

void name_shape_merge(struct name_shape *to, const struct name_shape *from)
{
	to->bytes += from->bytes;
	to->wide |= from->wide;
	to->odd |= from->odd;
	to->varied |= from->varied || to->number != from->number || to->digits != from->digits;
	for (size_t i = 0; i < AUDIT_TYPES; i++)
		to->types[i] += from->types[i];
}

uint64_t name_shape_keys(const struct name_shape *shape)
{
	uint64_t keys = 0;
	for (size_t i = 0; i < AUDIT_TYPES; i++)
		keys += shape->types[i];
	return keys;
}

enum audit_type name_shape_type(const struct name_shape *shape)
{
	size_t most = 0;
	for (size_t i = 1; i < AUDIT_TYPES; i++)
		if (shape->types[i] > shape->types[most])
			most = i;
	return (enum audit_type)most;
}
