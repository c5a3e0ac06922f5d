/* Hashes as Redis 7.0 has them. */
#include <stdlib.h>

#include "base/check.h"
#include "fake_value.h"

static struct str *pair_of(struct fake_key *key, struct str field)
{
	for (size_t i = 0; key && i < key->n_pairs; i += 2)
		if (str_eq(key->pairs[i], field))
			return &key->pairs[i];
	return NULL;
}

struct redis_reply *fake_hset(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_HASH, &error);
	int64_t made = 0;
	if (error)
		return error;
	if (argc % 2)
		return fake_reply_error("ERR wrong number of arguments for 'hset' command");
	if (!key)
		key = fake_make(db, argv[1], FAKE_HASH);
	for (size_t i = 2; i < argc; i += 2) {
		struct str *pair = pair_of(key, argv[i]);
		if (!pair) {
			key->pairs =
			    realloc(key->pairs, (key->n_pairs + 2) * sizeof(key->pairs[0]));
			CHECK(key->pairs);
			pair = &key->pairs[key->n_pairs];
			pair[0] = fake_copy(argv[i]);
			pair[1] = (struct str){ 0 };
			key->n_pairs += 2;
			made++;
		}
		free((void *)pair[1].ptr);
		pair[1] = fake_copy(argv[i + 1]);
	}
	return fake_reply_integer(made);
}

struct redis_reply *fake_hsetnx(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_HASH, &error);
	if (error)
		return error;
	return key && pair_of(key, argv[2]) ? fake_reply_integer(0) : fake_hset(db, argv, argc);
}

struct redis_reply *fake_hget(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct str *pair = pair_of(fake_typed(db, argv[1], FAKE_HASH, &error), argv[2]);
	(void)argc;
	if (error)
		return error;
	return pair ? fake_reply(REDIS_BULK, pair[1]) : fake_reply(REDIS_NIL, (struct str){ 0 });
}

struct redis_reply *fake_hgetall(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_HASH, &error);
	(void)argc;
	if (error)
		return error;
	struct redis_reply *reply = fake_reply_array(key ? key->n_pairs : 0);
	for (size_t i = 0; i < reply->count; i++)
		fake_reply_put(reply, i, fake_reply(REDIS_BULK, key->pairs[i]));
	return reply;
}

struct redis_reply *fake_hdel(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_HASH, &error);
	int64_t gone = 0;
	if (error)
		return error;
	for (size_t i = 2; i < argc; i++) {
		struct str *pair = pair_of(key, argv[i]);
		if (!pair)
			continue;
		free((void *)pair[0].ptr);
		free((void *)pair[1].ptr);
		key->n_pairs -= 2;
		memmove(pair, key->pairs + key->n_pairs, 2 * sizeof pair[0]);
		gone++;
	}
	if (key && !key->n_pairs)
		fake_remove(db, argv[1]);
	return fake_reply_integer(gone);
}

struct redis_reply *fake_hmget(struct fake_db *db, const struct str *argv, size_t argc)
{
	struct redis_reply *error = NULL;
	struct fake_key *key = fake_typed(db, argv[1], FAKE_HASH, &error);
	if (error)
		return error;
	struct redis_reply *reply = fake_reply_array(argc - 2);
	for (size_t i = 0; i < reply->count; i++) {
		struct str *pair = pair_of(key, argv[2 + i]);
		fake_reply_put(
		    reply, i,
		    fake_reply(pair ? REDIS_BULK : REDIS_NIL, pair ? pair[1] : (struct str){ 0 }));
	}
	return reply;
}
