#include "def/keys.h"

#include "base/check.h"

#define PATTERN_MARKET "{market}"
static const struct key_row rows[] = {
#define KEY(id, segment, prefix, part, type, life, writer, meaning)                                \
	{ #id, SEGMENT_##segment, prefix ":" PATTERN_##part, type, life, writer, meaning },
#include "def/keys.def"
#undef KEY
};

static const struct key_field fields[] = {
#define KEY_FIELD(key, name, unit, meaning) { KEY_##key, name, unit, meaning },
#include "def/keys.def"
#undef KEY_FIELD
};

static struct str of_market(struct key *key, struct str prefix, const struct market_id *market)
{
	key->text = buf_over(key->storage, sizeof key->storage);
	buf_str_put(&key->text, prefix);
	market_id_print(&key->text, market);
	CHECK(!key->text.overflow);
	return buf_str(&key->text);
}

#define KEY_PART_MARKET const struct market_id *market
#define KEY(id, segment, prefix, part, type, life, writer, meaning)                                \
	struct str key_##id##_prefix(void) { return STR(prefix ":"); }                             \
	struct str key_##id(struct key *key, KEY_PART_##part)                                      \
	{                                                                                          \
		return of_market(key, key_##id##_prefix(), market);                                \
	}
#include "def/keys.def"
#undef KEY

const struct key_row *key_row(enum key_id id)
{
	CHECK(id < KEY_COUNT);
	return &rows[id];
}

const struct key_field *key_field(size_t index)
{
	return index < ARRAY_LEN(fields) ? &fields[index] : NULL;
}
