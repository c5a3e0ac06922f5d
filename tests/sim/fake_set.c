/* Sets as Redis 7.0 has them, and the channels, which keep nothing. */
#include <stdlib.h>

#include "base/check.h"
#include "fake_value.h"

/* ---- sets: one member a place of `pairs` ---- */

static size_t place_of(const struct fake_key *key, struct str member)
{
	size_t i = 0;
	while (key && i < key->n_pairs && !str_eq(key->pairs[i], member))
		i++;
	return i;
}

static bool has(const struct fake_key *key, struct str member)
{
	return key && place_of(key, member) < key->n_pairs;
}

struct redis_reply *fake_sadd(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_SET, &error);
	int64_t made = 0;
	if (error)
		return error;
	if (!key)
		key = fake_make(db, argv[1], FAKE_SET);
	for (size_t i = 2; i < argc; i++) {
		if (has(key, argv[i]))
			continue;
		key->pairs = realloc(key->pairs, (key->n_pairs + 1) * sizeof(key->pairs[0]));
		CHECK(key->pairs);
		key->pairs[key->n_pairs++] = fake_copy(argv[i]);
		made++;
	}
	return fake_reply_integer(made);
}

struct redis_reply *fake_srem(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_SET, &error);
	int64_t gone = 0;
	if (error)
		return error;
	for (size_t i = 2; i < argc; i++) {
		if (!has(key, argv[i]))
			continue;
		size_t at = place_of(key, argv[i]);
		free((void *)key->pairs[at].ptr);
		key->pairs[at] = key->pairs[--key->n_pairs];
		gone++;
	}
	if (key && !key->n_pairs)
		fake_remove(db, argv[1]);
	return fake_reply_integer(gone);
}

struct redis_reply *fake_sismember(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_SET, &error);
	(void)argc;
	return error ? error : fake_reply_integer(has(key, argv[2]));
}

struct redis_reply *fake_scard(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_SET, &error);
	(void)argc;
	return error ? error : fake_reply_integer(key ? (int64_t)key->n_pairs : 0);
}

struct redis_reply *fake_smembers(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_SET, &error);
	(void)argc;
	if (error)
		return error;
	struct redis_reply *reply = fake_reply_array(key ? key->n_pairs : 0);
	for (size_t i = 0; i < reply->count; i++)
		fake_reply_put(reply, i, fake_reply(REDIS_BULK, key->pairs[i]));
	return reply;
}

/* The member that comes next by hash, from `hash` on; n_pairs when there is none. */
static size_t next_by_hash(const struct fake_key *key, uint64_t hash)
{
	size_t found = key ? key->n_pairs : 0;
	uint64_t lowest = UINT64_MAX;
	for (size_t i = 0; key && i < key->n_pairs; i++) {
		uint64_t own = str_hash(key->pairs[i]) >> 1;
		if (own < hash || own >= lowest)
			continue;
		lowest = own;
		found = i;
	}
	return found;
}

/* SSCAN key cursor [COUNT n]. A cursor is a hash, so that members that stay are all told
 * however others come and go; a page is shorter than was asked for, and the next begins with
 * its last member: a real server may repeat some too. */
struct redis_reply *fake_sscan(struct fake_db *db, const struct str *argv, size_t argc)
{
	enum { PAGE = 3 };
	struct redis_reply *error = NULL;
	uint64_t cursor, hash;
	size_t count = 0;
	(void)argc;
	if (str_to_u64(argv[2], &cursor))
		return fake_reply_error("ERR invalid cursor");
	struct fake_key *key = fake_typed(db, argv[1], FAKE_SET, &error);
	if (error)
		return error;
	struct redis_reply *page = fake_reply_array(PAGE);
	for (hash = cursor; count < PAGE; count++) {
		size_t at = next_by_hash(key, hash);
		if (!key || at == key->n_pairs)
			break;
		fake_reply_put(page, count, fake_reply(REDIS_BULK, key->pairs[at]));
		cursor = str_hash(key->pairs[at]) >> 1;
		hash = cursor + 1;
	}
	bool more = count == PAGE && next_by_hash(key, hash) < key->n_pairs;
	page->count = count;
	char storage[24];
	struct buf next = buf_over(storage, sizeof storage);
	buf_u64(&next, more ? cursor : 0);
	struct redis_reply *reply = fake_reply_array(2);
	fake_reply_put(reply, 0, fake_reply(REDIS_BULK, buf_str(&next)));
	fake_reply_put(reply, 1, page);
	return reply;
}

/* ---- channels: nobody listens but the test ---- */

struct redis_reply *fake_publish(struct fake_db *db, const struct str *argv, size_t argc)
{
	(void)argc;
	db->messages = realloc(db->messages, (db->n_messages + 1) * sizeof(db->messages[0]));
	CHECK(db->messages);
	db->messages[db->n_messages++] = fake_copy(argv[2]);
	return fake_reply_integer(0);
}

size_t fake_db_messages(const struct fake_db *db) { return db->n_messages; }

struct str fake_db_message(const struct fake_db *db, size_t index)
{
	CHECK(index < db->n_messages);
	return db->messages[index];
}

void fake_messages_free(struct fake_db *db)
{
	while (db->n_messages)
		free((void *)db->messages[--db->n_messages].ptr);
	free(db->messages);
}
