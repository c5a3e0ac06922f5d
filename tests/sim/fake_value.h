/* fake_value.h - keys and values of the fake database (its own files only). */
#pragma once

#include "base/buf.h"
#include "fake_db.h"

struct fake_id {
	uint64_t ms, seq;
};

struct fake_entry {
	struct fake_id id;
	size_t count;      /* fields and values */
	struct str *items; /* one allocation with their bytes */
};

struct fake_pending {
	struct fake_id id;
	struct str consumer;
	uint64_t times;
	int64_t given_ms; /* when it was last delivered, or claimed */
};

struct fake_group {
	struct str name;
	struct fake_id last;
	struct fake_pending *pending; /* ascending */
	size_t count, room;
};

struct fake_stream {
	struct fake_entry *entries;
	size_t count, room;
	struct fake_id last, max_deleted;
	uint64_t added;
	struct fake_group *groups;
	size_t n_groups;
};

enum fake_type { FAKE_STRING, FAKE_HASH, FAKE_STREAM, FAKE_SET };

struct fake_key {
	struct str name;
	enum fake_type type;
	int64_t expires_ms; /* 0: never */
	struct buf text;    /* STRING */
	struct str *pairs;  /* HASH: field, value; SET: members; each allocated */
	size_t n_pairs;
	struct fake_stream stream;
};

struct fake_db {
	struct fake_key **keys; /* in the order of creation */
	size_t count, room;
	int64_t now_ms;
	struct str *messages; /* published, in order; each allocated */
	size_t n_messages;
};

extern const char fake_wrong_type[];

struct str fake_copy(struct str s);
struct fake_key *fake_find(struct fake_db *db, struct str name);
struct fake_key *fake_make(struct fake_db *db, struct str name, enum fake_type type);
void fake_remove(struct fake_db *db, struct str name); /* it is there */
/* The key when it is of this type; NULL when absent, and *error set when it is another. */
struct fake_key *fake_typed(struct fake_db *db, struct str name, enum fake_type type,
			    struct redis_reply **error);

/* fake_hash.c */
struct redis_reply *fake_hset(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_hsetnx(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_hget(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_hgetall(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_hdel(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_hmget(struct fake_db *db, const struct str *argv, size_t argc);

/* fake_set.c */
struct redis_reply *fake_sadd(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_srem(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_scard(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_sismember(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_smembers(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_sscan(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_publish(struct fake_db *db, const struct str *argv, size_t argc);
void fake_messages_free(struct fake_db *db);

/* fake_stream.c */
extern const char fake_bad_id[];
int fake_id_cmp(struct fake_id a, struct fake_id b);
struct str fake_id_text(struct fake_id id, char storage[48]);
struct redis_reply *fake_id_reply(struct fake_id id);
/* "ms" or "ms-seq"; seq stands for a missing one. */
bool fake_id_parse(struct str text, uint64_t seq, struct fake_id *out);
/* One end of a range: "-", "+", "(id", "ms", "ms-seq"; NULL, or an error's text. */
const char *fake_range_end(struct str text, bool low, struct fake_id *out);
struct redis_reply *fake_entry_reply(const struct fake_entry *entry);
void fake_stream_free(struct fake_stream *stream);
size_t fake_stream_bytes(const struct fake_stream *stream);
void fake_stream_dump(const struct fake_key *key,
		      void (*put)(void *ctx, const struct str *argv, size_t argc), void *ctx);
struct redis_reply *fake_xadd(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_xlen(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_xrange(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_xrevrange(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_xtrim(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_xdel(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_xsetid(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_xinfo(struct fake_db *db, const struct str *argv, size_t argc);

/* fake_group.c */
void fake_groups_free(struct fake_stream *stream);
void fake_groups_dump(const struct fake_key *key,
		      void (*put)(void *ctx, const struct str *argv, size_t argc), void *ctx);
struct redis_reply *fake_xgroup(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_xreadgroup(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_xack(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_xpending(struct fake_db *db, const struct str *argv, size_t argc);
struct redis_reply *fake_xautoclaim(struct fake_db *db, const struct str *argv, size_t argc);
/* XINFO GROUPS of the key. */
struct redis_reply *fake_groups_info(const struct fake_stream *stream);
/* Of dumps only: FAKEPENDING key group consumer id times. */
struct redis_reply *fake_set_pending(struct fake_db *db, const struct str *argv, size_t argc);
