#include "fake_db.h"

#include <stdlib.h>

#include "base/check.h"
#include "fake_value.h"

enum { VALUE_LIMIT = 512 << 20, KEY_OVERHEAD = 80 };

const char fake_wrong_type[] = "WRONGTYPE Operation against a key holding the wrong kind of value";
static const char syntax_error[] = "ERR syntax error";
static const char not_integer[] = "ERR value is not an integer or out of range";

struct str fake_copy(struct str s)
{
	char *bytes = malloc(s.len + 1);
	CHECK(bytes);
	if (s.len)
		memcpy(bytes, s.ptr, s.len);
	return str_make(bytes, s.len);
}

/* ---- keys ---- */

static void key_free(struct fake_key *key)
{
	buf_deinit(&key->text);
	for (size_t i = 0; i < key->n_pairs; i++)
		free((void *)key->pairs[i].ptr);
	free(key->pairs);
	fake_stream_free(&key->stream);
	free((void *)key->name.ptr);
	free(key);
}

static size_t index_of(const struct fake_db *db, struct str name)
{
	size_t i = 0;
	while (i < db->count && !str_eq(db->keys[i]->name, name))
		i++;
	return i;
}

static void remove_at(struct fake_db *db, size_t index)
{
	key_free(db->keys[index]);
	memmove(&db->keys[index], &db->keys[index + 1],
		(--db->count - index) * sizeof(db->keys[0]));
}

void fake_remove(struct fake_db *db, struct str name) { remove_at(db, index_of(db, name)); }

struct fake_key *fake_find(struct fake_db *db, struct str name)
{
	size_t i = index_of(db, name);
	return i < db->count ? db->keys[i] : NULL;
}

struct fake_key *fake_make(struct fake_db *db, struct str name, enum fake_type type)
{
	if (db->count == db->room) {
		db->room = db->room * 2 + 16;
		db->keys = realloc(db->keys, db->room * sizeof(db->keys[0]));
		CHECK(db->keys);
	}
	struct fake_key *key = calloc(1, sizeof *key);
	CHECK(key);
	key->name = fake_copy(name);
	key->type = type;
	buf_init(&key->text, VALUE_LIMIT);
	db->keys[db->count++] = key;
	return key;
}

struct fake_key *fake_typed(struct fake_db *db, struct str name, enum fake_type type,
			    struct redis_reply **error)
{
	struct fake_key *key = fake_find(db, name);
	if (key && key->type != type) {
		*error = fake_reply_error(fake_wrong_type);
		return NULL;
	}
	return key;
}

struct fake_db *fake_db_create(void)
{
	struct fake_db *db = calloc(1, sizeof *db);
	CHECK(db);
	return db;
}

void fake_db_clear(struct fake_db *db)
{
	while (db->count)
		remove_at(db, db->count - 1);
}

void fake_db_destroy(struct fake_db *db)
{
	if (!db)
		return;
	fake_db_clear(db);
	fake_messages_free(db);
	free(db->keys);
	free(db);
}

static void expire(struct fake_db *db)
{
	for (size_t i = db->count; i-- > 0;)
		if (db->keys[i]->expires_ms && db->keys[i]->expires_ms <= db->now_ms)
			remove_at(db, i);
}

size_t fake_db_bytes(const struct fake_db *db)
{
	size_t bytes = 0;
	for (size_t i = 0; i < db->count; i++) {
		const struct fake_key *key = db->keys[i];
		bytes +=
		    KEY_OVERHEAD + key->name.len + key->text.len + fake_stream_bytes(&key->stream);
		for (size_t j = 0; j < key->n_pairs; j++)
			bytes += key->pairs[j].len + 8;
	}
	return bytes;
}

/* ---- strings ---- */

static struct redis_reply *run_set(struct fake_db *db, const struct str *argv, size_t argc)
{
	int64_t expires_ms = 0, n;
	bool nx = false, xx = false, keep = false;
	for (size_t i = 3; i < argc; i++) {
		bool ex = str_eq_nocase(argv[i], STR("EX")), px = str_eq_nocase(argv[i], STR("PX"));
		nx |= str_eq_nocase(argv[i], STR("NX"));
		xx |= str_eq_nocase(argv[i], STR("XX"));
		keep |= str_eq_nocase(argv[i], STR("KEEPTTL"));
		if ((ex || px) && ++i < argc) {
			if (str_to_i64(argv[i], &n) || n <= 0)
				return fake_reply_error(not_integer);
			expires_ms = db->now_ms + (ex ? n * 1000 : n);
		} else if (ex || px || !(nx || xx || keep)) {
			return fake_reply_error(syntax_error);
		}
	}
	size_t at = index_of(db, argv[1]);
	bool there = at < db->count;
	if ((nx && there) || (xx && !there))
		return fake_reply(REDIS_NIL, (struct str){ 0 });
	if (keep && there)
		expires_ms = db->keys[at]->expires_ms;
	if (there)
		remove_at(db, at);
	struct fake_key *key = fake_make(db, argv[1], FAKE_STRING);
	buf_str_put(&key->text, argv[2]);
	key->expires_ms = expires_ms;
	return fake_reply_ok();
}

static struct redis_reply *run_get(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_STRING, &error);
	(void)argc;
	if (error)
		return error;
	return key ? fake_reply(REDIS_BULK, buf_str(&key->text))
		   : fake_reply(REDIS_NIL, (struct str){ 0 });
}

static struct redis_reply *run_append(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_STRING, &error);
	(void)argc;
	if (error)
		return error;
	if (!key)
		key = fake_make(db, argv[1], FAKE_STRING);
	buf_str_put(&key->text, argv[2]);
	return fake_reply_integer((int64_t)key->text.len);
}

static struct redis_reply *run_strlen(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_STRING, &error);
	(void)argc;
	return error ? error : fake_reply_integer(key ? (int64_t)key->text.len : 0);
}

static struct redis_reply *run_getrange(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_STRING, &error);
	int64_t from, to, len = key ? (int64_t)key->text.len : 0;
	(void)argc;
	if (error)
		return error;
	if (str_to_i64(argv[2], &from) || str_to_i64(argv[3], &to))
		return fake_reply_error(not_integer);
	if (from < 0 && to < 0 && from > to)
		return fake_reply(REDIS_BULK, STR(""));
	from = from < 0 ? from + len : from;
	to = to < 0 ? to + len : to;
	from = from < 0 ? 0 : from;
	to = to < 0 ? 0 : to;
	to = to >= len ? len - 1 : to;
	if (from > to || len == 0)
		return fake_reply(REDIS_BULK, STR(""));
	return fake_reply(REDIS_BULK, str_make(key->text.ptr + from, (size_t)(to - from + 1)));
}

static struct redis_reply *run_incrby(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_STRING, &error);
	int64_t value = 0, by;
	(void)argc;
	if (error)
		return error;
	if ((key && str_to_i64(buf_str(&key->text), &value)) || str_to_i64(argv[2], &by))
		return fake_reply_error(not_integer);
	if (__builtin_add_overflow(value, by, &value))
		return fake_reply_error("ERR increment or decrement would overflow");
	if (!key)
		key = fake_make(db, argv[1], FAKE_STRING);
	buf_clear(&key->text);
	buf_i64(&key->text, value);
	return fake_reply_integer(value);
}

/* ---- any key ---- */

static struct redis_reply *run_del(struct fake_db *db, const struct str *argv, size_t argc)
{
	int64_t gone = 0;
	for (size_t i = 1; i < argc; i++) {
		size_t at = index_of(db, argv[i]);
		if (at == db->count)
			continue;
		remove_at(db, at);
		gone++;
	}
	return fake_reply_integer(gone);
}

static struct redis_reply *run_exists(struct fake_db *db, const struct str *argv, size_t argc)
{
	int64_t there = 0;
	for (size_t i = 1; i < argc; i++)
		there += fake_find(db, argv[i]) != NULL;
	return fake_reply_integer(there);
}

static struct redis_reply *run_type(struct fake_db *db, const struct str *argv, size_t argc)
{
	static const char *const names[] = { "string", "hash", "stream", "set" };
	struct fake_key *key = fake_find(db, argv[1]);
	(void)argc;
	return fake_reply(REDIS_STATUS, str_of(key ? names[key->type] : "none"));
}

static struct redis_reply *expire_at(struct fake_db *db, struct str name, struct str text,
				     int64_t unit, int64_t base_ms)
{
	struct fake_key *key = fake_find(db, name);
	int64_t n;
	if (str_to_i64(text, &n))
		return fake_reply_error(not_integer);
	if (!key)
		return fake_reply_integer(0);
	key->expires_ms = base_ms + n * unit;
	expire(db);
	return fake_reply_integer(1);
}

static struct redis_reply *run_expire(struct fake_db *db, const struct str *argv, size_t argc)
{
	(void)argc;
	return expire_at(db, argv[1], argv[2], 1000, db->now_ms);
}

static struct redis_reply *run_pexpire(struct fake_db *db, const struct str *argv, size_t argc)
{
	(void)argc;
	return expire_at(db, argv[1], argv[2], 1, db->now_ms);
}

static struct redis_reply *run_pexpireat(struct fake_db *db, const struct str *argv, size_t argc)
{
	(void)argc;
	return expire_at(db, argv[1], argv[2], 1, 0);
}

static struct redis_reply *run_pttl(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct fake_key *key = fake_find(db, argv[1]);
	(void)argc;
	if (!key)
		return fake_reply_integer(-2);
	return fake_reply_integer(key->expires_ms ? key->expires_ms - db->now_ms : -1);
}

/* Only what weir asks with: * and ?. */
static bool matches(struct str text, struct str pattern)
{
	if (!pattern.len)
		return !text.len;
	if (pattern.ptr[0] == '*') {
		for (size_t skip = 0; skip <= text.len; skip++)
			if (matches(str_skip(text, skip), str_skip(pattern, 1)))
				return true;
		return false;
	}
	return text.len && (pattern.ptr[0] == '?' || pattern.ptr[0] == text.ptr[0]) &&
	       matches(str_skip(text, 1), str_skip(pattern, 1));
}

/* A cursor is a place in the list. Each page begins with the last key of the one
 * before: a real server may repeat keys too. */
static struct redis_reply *run_scan(struct fake_db *db, const struct str *argv, size_t argc)
{
	uint64_t cursor, count = 10;
	struct str pattern = STR("*");
	if (str_to_u64(argv[1], &cursor))
		return fake_reply_error("ERR invalid cursor");
	for (size_t i = 2; i + 1 < argc; i += 2) {
		if (str_eq_nocase(argv[i], STR("MATCH")))
			pattern = argv[i + 1];
		else if (!str_eq_nocase(argv[i], STR("COUNT")) || str_to_u64(argv[i + 1], &count) ||
			 !count)
			return fake_reply_error(syntax_error);
	}
	size_t from = cursor > 0 ? cursor - 1 : 0, to = cursor + count, found = 0;
	to = to > db->count ? db->count : to;
	struct redis_reply *keys = fake_reply_array(to > from ? to - from : 0);
	for (size_t i = from; i < to; i++)
		if (matches(db->keys[i]->name, pattern))
			fake_reply_put(keys, found++, fake_reply(REDIS_BULK, db->keys[i]->name));
	keys->count = found;
	char storage[24];
	struct buf next = buf_over(storage, sizeof storage);
	buf_u64(&next, to < db->count ? to : 0);
	struct redis_reply *reply = fake_reply_array(2);
	fake_reply_put(reply, 0, fake_reply(REDIS_BULK, buf_str(&next)));
	fake_reply_put(reply, 1, keys);
	return reply;
}

static struct redis_reply *run_dbsize(struct fake_db *db, const struct str *argv, size_t argc)
{
	(void)argv, (void)argc;
	return fake_reply_integer((int64_t)db->count);
}

static struct redis_reply *run_flushall(struct fake_db *db, const struct str *argv, size_t argc)
{
	(void)argv, (void)argc;
	fake_db_clear(db);
	return fake_reply_ok();
}

static struct redis_reply *run_ping(struct fake_db *db, const struct str *argv, size_t argc)
{
	(void)db, (void)argv, (void)argc;
	return fake_reply(REDIS_STATUS, STR("PONG"));
}

/* Inside a transaction, whose end forgets what is watched anyway. */
static struct redis_reply *run_unwatch(struct fake_db *db, const struct str *argv, size_t argc)
{
	(void)db, (void)argv, (void)argc;
	return fake_reply_ok();
}

/* ---- the table ---- */

enum { W = FAKE_WRITE, M = FAKE_DENYOOM };

static const struct command {
	const char *name;
	int arity; /* with the name; negative: at least */
	unsigned flags;
	struct redis_reply *(*run)(struct fake_db *db, const struct str *argv, size_t argc);
} commands[] = {
	{ "PING", -1, 0, run_ping },
	{ "UNWATCH", 1, 0, run_unwatch },
	{ "SET", -3, W | M, run_set },
	{ "GET", 2, 0, run_get },
	{ "APPEND", 3, W | M, run_append },
	{ "STRLEN", 2, 0, run_strlen },
	{ "GETRANGE", 4, 0, run_getrange },
	{ "INCRBY", 3, W | M, run_incrby },
	{ "HSET", -4, W | M, fake_hset },
	{ "HSETNX", 4, W | M, fake_hsetnx },
	{ "HGET", 3, 0, fake_hget },
	{ "HGETALL", 2, 0, fake_hgetall },
	{ "HMGET", -3, 0, fake_hmget },
	{ "HDEL", -3, W, fake_hdel },
	{ "SADD", -3, W | M, fake_sadd },
	{ "SREM", -3, W, fake_srem },
	{ "SCARD", 2, 0, fake_scard },
	{ "SISMEMBER", 3, 0, fake_sismember },
	{ "SMEMBERS", 2, 0, fake_smembers },
	{ "SSCAN", -3, 0, fake_sscan },
	{ "PUBLISH", 3, 0, fake_publish },
	{ "DEL", -2, W, run_del },
	{ "UNLINK", -2, W, run_del },
	{ "EXISTS", -2, 0, run_exists },
	{ "TYPE", 2, 0, run_type },
	{ "EXPIRE", 3, W, run_expire },
	{ "PEXPIRE", 3, W, run_pexpire },
	{ "PEXPIREAT", 3, W, run_pexpireat },
	{ "PTTL", 2, 0, run_pttl },
	{ "SCAN", -2, 0, run_scan },
	{ "DBSIZE", 1, 0, run_dbsize },
	{ "FLUSHALL", -1, W, run_flushall },
	{ "XADD", -5, W | M, fake_xadd },
	{ "XLEN", 2, 0, fake_xlen },
	{ "XRANGE", -4, 0, fake_xrange },
	{ "XREVRANGE", -4, 0, fake_xrevrange },
	{ "XTRIM", -4, W, fake_xtrim },
	{ "XDEL", -3, W, fake_xdel },
	{ "XSETID", -3, W | M, fake_xsetid },
	{ "XINFO", -2, 0, fake_xinfo },
	{ "XGROUP", -4, W, fake_xgroup },
	{ "XREADGROUP", -7, W, fake_xreadgroup },
	{ "XACK", -4, W, fake_xack },
	{ "XPENDING", -3, 0, fake_xpending },
	{ "XAUTOCLAIM", -6, W, fake_xautoclaim },
	{ "FAKEPENDING", 6, W, fake_set_pending },
};

static const struct command *command_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (str_eq_nocase(name, str_of(commands[i].name)))
			return &commands[i];
	return NULL;
}

unsigned fake_db_flags(const struct str *argv, size_t argc)
{
	const struct command *command = argc ? command_of(argv[0]) : NULL;
	if (!command)
		return 0;
	int n = (int)argc;
	bool fits = command->arity < 0 ? n >= -command->arity : n == command->arity;
	return FAKE_KNOWN | command->flags | (fits ? 0 : FAKE_ARITY);
}

struct redis_reply *fake_db_execute(struct fake_db *db, const struct str *argv, size_t argc,
				    int64_t now_ms)
{
	const struct command *command = command_of(argv[0]);
	CHECK(command && !(fake_db_flags(argv, argc) & FAKE_ARITY));
	db->now_ms = now_ms;
	expire(db);
	return command->run(db, argv, argc);
}

static void dump_key(const struct fake_key *key,
		     void (*put)(void *ctx, const struct str *argv, size_t argc), void *ctx)
{
	char storage[24];
	struct buf at = buf_over(storage, sizeof storage);
	buf_i64(&at, key->expires_ms);
	struct str set[] = { STR("SET"), key->name, buf_str(&key->text) };
	struct str expiry[] = { STR("PEXPIREAT"), key->name, buf_str(&at) };
	if (key->type == FAKE_STRING)
		put(ctx, set, ARRAY_LEN(set));
	else if (key->type == FAKE_STREAM)
		fake_stream_dump(key, put, ctx);
	for (size_t i = 0; key->type == FAKE_SET && i < key->n_pairs; i++) {
		struct str sadd[] = { STR("SADD"), key->name, key->pairs[i] };
		put(ctx, sadd, ARRAY_LEN(sadd));
	}
	for (size_t i = 0; key->type == FAKE_HASH && i < key->n_pairs; i += 2) {
		struct str hset[] = { STR("HSET"), key->name, key->pairs[i], key->pairs[i + 1] };
		put(ctx, hset, ARRAY_LEN(hset));
	}
	if (key->expires_ms)
		put(ctx, expiry, ARRAY_LEN(expiry));
}

void fake_db_dump(const struct fake_db *db,
		  void (*put)(void *ctx, const struct str *argv, size_t argc), void *ctx)
{
	for (size_t i = 0; i < db->count; i++)
		dump_key(db->keys[i], put, ctx);
}
