/* The keys of one batch: found by hash, compared letter by letter. */
#include "archive/writer_impl.h"
#include "base/check.h"

enum { SLOTS = ARRAY_LEN(((struct writer_keys *)0)->slots) };

void writer_keys_clear(struct writer_keys *keys)
{
	if (keys->count)
		memset(keys->slots, 0, sizeof keys->slots);
	keys->count = 0;
	buf_clear(&keys->text);
}

static uint32_t slot_of(const struct writer_keys *keys, struct str key, uint64_t hash)
{
	uint32_t at = (uint32_t)(hash % SLOTS);
	for (; keys->slots[at]; at = (at + 1) % SLOTS) {
		const struct writer_key *other = &keys->keys[keys->slots[at] - 1];
		if (other->hash == hash &&
		    str_eq(str_make(keys->text.ptr + other->at, other->len), key))
			break;
	}
	return at;
}

uint32_t writer_keys_find(const struct writer_keys *keys, struct str key, uint64_t hash)
{
	uint32_t slot = keys->slots[slot_of(keys, key, hash)];
	return slot ? keys->keys[slot - 1].row : UINT32_MAX;
}

uint32_t writer_keys_take(struct writer_keys *keys, struct str key, uint64_t hash, uint32_t row)
{
	uint32_t at = slot_of(keys, key, hash);
	if (keys->slots[at])
		return keys->keys[keys->slots[at] - 1].row;
	CHECK(keys->count < WRITER_ROWS_MAX);
	keys->keys[keys->count] =
	    (struct writer_key){ hash, (uint32_t)keys->text.len, (uint32_t)key.len, row };
	buf_str_put(&keys->text, key);
	CHECK(!keys->text.overflow);
	keys->slots[at] = (uint32_t)++keys->count;
	return UINT32_MAX;
}
