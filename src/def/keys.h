/* keys.h - the names of Redis keys, from keys.def. Literal keys carry no braces.
 *
 *   struct key key;
 *   struct str name = key_tape(&key, market_id);   "tape:binance:perp:ETHUSDT"
 *   struct str prefix = key_tape_prefix();         "tape:"
 *
 * minutes: of a timeframe (timeframes.h). A key without a part is its prefix alone.
 * Any thread. */
#pragma once

#include "def/market_id.h"
#include "def/segments.h"

enum { KEY_BYTES = 192 };

/* Room for one key's text. Do not copy: text points into storage. */
struct key {
	struct buf text;
	char storage[KEY_BYTES];
};

enum key_id {
#define KEY(id, segment, prefix, part, type, life, writer, meaning) KEY_##id,
#define KEY_ALONE(id, segment, name, type, life, writer, meaning)   KEY_##id,
#include "def/keys.def"
#undef KEY
#undef KEY_ALONE
	KEY_COUNT
};

#define KEY_PART_MARKET     const struct market_id *market
#define KEY_PART_MARKET_TF  const struct market_id *market, int32_t minutes
#define KEY_PART_SYMBOL     struct str symbol
#define KEY_PART_ALERT      struct str scope, struct str rule
#define KEY_PART_INSTANCE   struct str instance
#define KEY_PART_DELIVERY   uint64_t sid, struct str instance
#define KEY_PART_USER       struct str user
#define KEY_PART_USER_FIELD struct str user, struct str field
#define KEY_PART_STATE      struct str state
#define KEY_PART_POSITION   struct str instance, uint64_t position
#define KEY_PART_QUOTE      struct str broker, struct str symbol
#define KEY_PART_SIGNAL     uint64_t sid
#define KEY_PART_ACCOUNT    struct str account
#define KEY(id, segment, prefix, part, type, life, writer, meaning)                                \
	struct str key_##id(struct key *key, KEY_PART_##part);                                     \
	struct str key_##id##_prefix(void);
#define KEY_ALONE(id, segment, name, type, life, writer, meaning)                                  \
	struct str key_##id(struct key *key);                                                      \
	struct str key_##id##_prefix(void);
#include "def/keys.def"
#undef KEY
#undef KEY_ALONE
#undef KEY_PART_MARKET
#undef KEY_PART_MARKET_TF
#undef KEY_PART_SYMBOL
#undef KEY_PART_ALERT
#undef KEY_PART_INSTANCE
#undef KEY_PART_DELIVERY
#undef KEY_PART_USER
#undef KEY_PART_USER_FIELD
#undef KEY_PART_STATE
#undef KEY_PART_ACCOUNT
#undef KEY_PART_POSITION
#undef KEY_PART_QUOTE
#undef KEY_PART_SIGNAL

struct key_row {
	const char *id;
	enum segment segment;
	const char *pattern; /* "tape:{market}" */
	const char *type, *life, *writer, *meaning;
};

struct key_field {
	enum key_id key;
	const char *name, *unit, *meaning;
};

const struct key_row *key_row(enum key_id id);
/* Whose key it is: the longest prefix counts, and something follows it where the row has a
 * part. *part: what follows. NOT_FOUND: none of weir's. */
MUST_CHECK enum status key_find(struct str name, enum key_id *id, struct str *part);
/* Walks all fields, in the order of the keys; NULL at the end. */
const struct key_field *key_field(size_t index);
