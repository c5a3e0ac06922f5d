/* names_store.h - skeletons of names, each once, with what is known of its keys.
 *
 * Found by the hash of their bytes (64 bits; two skeletons of one hash would be taken for one).
 * Shape 0 is there from the beginning, has no skeleton and stands for all that found no room.
 * Bounds: NAMES_SHAPES_MAX shapes and NAMES_TEXT_MAX bytes of skeletons. One thread. */
#pragma once

#include "audit/key.h"
#include "audit/names_lex.h"

enum { NAMES_SHAPES_MAX = 64 << 10, NAMES_TEXT_MAX = 8 << 20 };

struct name_shape {
	uint64_t hash;
	uint64_t bytes; /* of its keys, where they are known */
	uint32_t at;    /* of the skeleton in the text */
	uint16_t len;
	uint8_t parts, digits;                        /* digits: as in name_lexed, with number */
	uint32_t wide, odd /* not minutes */, joined; /* as in name_lexed; odd is its opposite */
	uint32_t number;
	bool varied;                 /* the joined number is not the same in all */
	uint32_t id;                 /* names.c's */
	uint32_t types[AUDIT_TYPES]; /* keys by type */
};

/* The upper half of a hash stands beside the index: other shapes are told apart without a look
 * at them. */
struct name_slot {
	uint32_t tag;
	uint32_t index; /* of a shape; 0: free */
};

struct name_store {
	struct name_shape *shapes;
	size_t n, cap;
	char *text;
	size_t text_len, text_cap;
	struct name_slot *table;
	size_t table_cap;
};

MUST_CHECK enum status name_store_init(struct name_store *store);
void name_store_deinit(struct name_store *store);
uint64_t name_store_hash(struct str skeleton);
/* 0: it is not there. */
size_t name_store_find(const struct name_store *store, uint64_t hash);
/* For who will ask in a moment: where to look is read into the cache; and, a while later, what
 * is likely to be found. */
void name_store_prefetch_slot(const struct name_store *store, uint64_t hash);
void name_store_prefetch_shape(const struct name_store *store, uint64_t hash);
/* FULL at its bounds; `shape` gives hash and everything but its place. */
MUST_CHECK enum status name_store_add(struct name_store *store, struct str skeleton,
				      const struct name_shape *shape, size_t *out);
/* Sums and marks of `from` into `to`. */
void name_shape_merge(struct name_shape *to, const struct name_shape *from);
struct name_shape name_shape_of(const struct name_lexed *lexed, uint64_t hash);
uint64_t name_shape_keys(const struct name_shape *shape);
enum audit_type name_shape_type(const struct name_shape *shape); /* of most of its keys */
static inline struct str name_store_text(const struct name_store *store, size_t at)
{
	return str_make(store->text + store->shapes[at].at, store->shapes[at].len);
}
