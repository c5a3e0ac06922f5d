/* keys.h - the names of Redis keys, from keys.def. Literal keys carry no braces.
 *
 *   struct key key;
 *   struct str name = key_tape(&key, market_id);   "tape:binance:perp:ETHUSDT"
 *   struct str prefix = key_tape_prefix();         "tape:"
 *
 * minutes: of a timeframe (timeframes.h). Any thread. */
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
#include "def/keys.def"
#undef KEY
	KEY_COUNT
};

#define KEY_PART_MARKET    const struct market_id *market
#define KEY_PART_MARKET_TF const struct market_id *market, int32_t minutes
#define KEY_PART_SYMBOL    struct str symbol
#define KEY_PART_ALERT     struct str scope, struct str rule
#define KEY(id, segment, prefix, part, type, life, writer, meaning)                                \
	struct str key_##id(struct key *key, KEY_PART_##part);                                     \
	struct str key_##id##_prefix(void);
#include "def/keys.def"
#undef KEY
#undef KEY_PART_MARKET
#undef KEY_PART_MARKET_TF
#undef KEY_PART_SYMBOL
#undef KEY_PART_ALERT

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
/* Walks all fields, in the order of the keys; NULL at the end. */
const struct key_field *key_field(size_t index);
