#include "def/keys.h"

#include "base/check.h"
#include "def/timeframes.h"

#define PATTERN_MARKET     "{market}"
#define PATTERN_MARKET_TF  "{market}:TF"
#define PATTERN_SYMBOL     "{symbol}"
#define PATTERN_ALERT      "{scope}:{rule}"
#define PATTERN_INSTANCE   "{id}"
#define PATTERN_STATE      "STATE"
#define PATTERN_POSITION   "{instance-position}"
#define PATTERN_QUOTE      "BROKER:SYMBOL"
#define PATTERN_SIGNAL     "{sid}"
#define PATTERN_ACCOUNT    "{account}"
#define PATTERN_DELIVERY   "{sid-instance}"
#define PATTERN_USER       "{user}"
#define PATTERN_USER_FIELD "{user}:FIELD"

static const struct key_row rows[] = {
#define KEY(id, segment, prefix, part, type, life, writer, meaning)                                \
	{ #id, SEGMENT_##segment, prefix ":" PATTERN_##part, type, life, writer, meaning },
#define KEY_ALONE(id, segment, name, type, life, writer, meaning)                                  \
	{ #id, SEGMENT_##segment, name, type, life, writer, meaning },
#include "def/keys.def"
#undef KEY
#undef KEY_ALONE
};

static const struct key_field fields[] = {
#define KEY_FIELD(key, name, unit, meaning) { KEY_##key, name, unit, meaning },
#include "def/keys.def"
#undef KEY_FIELD
};

static void begin(struct key *key, struct str prefix)
{
	key->text = buf_over(key->storage, sizeof key->storage);
	buf_str_put(&key->text, prefix);
}

static struct str ended(const struct key *key)
{
	CHECK(!key->text.overflow);
	return buf_str(&key->text);
}

/* What follows the prefix, by part: parameters and how they are written. */
#define KEY_PART_MARKET    const struct market_id *market
#define KEY_PUT_MARKET     market_id_print(&key->text, market)
#define KEY_PART_MARKET_TF const struct market_id *market, int32_t minutes
#define KEY_PUT_MARKET_TF                                                                          \
	market_id_print(&key->text, market);                                                       \
	buf_printf(&key->text, ":%s", timeframe_text(minutes))
#define KEY_PART_SYMBOL struct str symbol
#define KEY_PUT_SYMBOL  buf_str_put(&key->text, symbol)
#define KEY_PART_ALERT  struct str scope, struct str rule
#define KEY_PUT_ALERT                                                                              \
	buf_str_put(&key->text, scope);                                                            \
	buf_char(&key->text, ':');                                                                 \
	buf_str_put(&key->text, rule)
#define KEY_PART_INSTANCE struct str instance
#define KEY_PUT_INSTANCE  buf_str_put(&key->text, instance)
#define KEY_PART_STATE    struct str state
#define KEY_PUT_STATE     buf_str_put(&key->text, state)
#define KEY_PART_POSITION struct str instance, uint64_t position
#define KEY_PUT_POSITION                                                                           \
	buf_str_put(&key->text, instance);                                                         \
	buf_char(&key->text, '-');                                                                 \
	buf_u64(&key->text, position)
#define KEY_PART_QUOTE struct str broker, struct str symbol
#define KEY_PUT_QUOTE                                                                              \
	buf_str_put(&key->text, broker);                                                           \
	buf_char(&key->text, ':');                                                                 \
	buf_str_put(&key->text, symbol)
#define KEY_PART_ACCOUNT  struct str account
#define KEY_PUT_ACCOUNT   buf_str_put(&key->text, account)
#define KEY_PART_SIGNAL   uint64_t sid
#define KEY_PUT_SIGNAL    buf_u64(&key->text, sid)
#define KEY_PART_DELIVERY uint64_t sid, struct str instance
#define KEY_PUT_DELIVERY                                                                           \
	buf_u64(&key->text, sid);                                                                  \
	buf_char(&key->text, '-');                                                                 \
	buf_str_put(&key->text, instance)
#define KEY_PART_USER       struct str user
#define KEY_PUT_USER        buf_str_put(&key->text, user)
#define KEY_PART_USER_FIELD struct str user, struct str field
#define KEY_PUT_USER_FIELD                                                                         \
	buf_str_put(&key->text, user);                                                             \
	buf_char(&key->text, ':');                                                                 \
	buf_str_put(&key->text, field)
#define KEY(id, segment, prefix, part, type, life, writer, meaning)                                \
	struct str key_##id##_prefix(void) { return STR(prefix ":"); }                             \
	struct str key_##id(struct key *key, KEY_PART_##part)                                      \
	{                                                                                          \
		begin(key, key_##id##_prefix());                                                   \
		KEY_PUT_##part;                                                                    \
		return ended(key);                                                                 \
	}
#define KEY_ALONE(id, segment, name, type, life, writer, meaning)                                  \
	struct str key_##id##_prefix(void) { return STR(name); }                                   \
	struct str key_##id(struct key *key)                                                       \
	{                                                                                          \
		begin(key, key_##id##_prefix());                                                   \
		return ended(key);                                                                 \
	}
#include "def/keys.def"
#undef KEY
#undef KEY_ALONE

const struct key_row *key_row(enum key_id id)
{
	CHECK(id < KEY_COUNT);
	return &rows[id];
}

enum status key_find(struct str name, enum key_id *id, struct str *part)
{
	static const struct {
		struct str prefix;
		bool alone;
	} names[] = {
#define KEY(id, segment, prefix, part, type, life, writer, meaning)                                \
	{ { prefix ":", sizeof prefix }, false },
#define KEY_ALONE(id, segment, name, type, life, writer, meaning)                                  \
	{ { name, sizeof name - 1 }, true },
#include "def/keys.def"
#undef KEY
#undef KEY_ALONE
	};
	enum key_id best = KEY_COUNT;
	for (enum key_id at = 0; at < KEY_COUNT; at++) {
		bool fits = names[at].alone ? str_eq(name, names[at].prefix)
					    : str_starts(name, names[at].prefix) &&
						  name.len > names[at].prefix.len;
		if (fits && (best == KEY_COUNT || names[at].prefix.len > names[best].prefix.len))
			best = at;
	}
	if (best == KEY_COUNT)
		return STATUS_NOT_FOUND;
	*id = best;
	*part = str_skip(name, names[best].prefix.len);
	return STATUS_OK;
}

const struct key_field *key_field(size_t index)
{
	return index < ARRAY_LEN(fields) ? &fields[index] : NULL;
}
