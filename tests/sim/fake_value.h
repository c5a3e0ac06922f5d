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

struct fake_stream {
	struct fake_entry *entries;
	size_t count, room;
	struct fake_id last, max_deleted;
	uint64_t added;
};

enum fake_type { FAKE_STRING, FAKE_HASH, FAKE_STREAM };

struct fake_key {
	struct str name;
	enum fake_type type;
	int64_t expires_ms; /* 0: never */
	struct buf text;    /* STRING */
	struct str *pairs;  /* HASH: field, value, each allocated */
	size_t n_pairs;
	struct fake_stream stream;
};

struct fake_db {
	struct fake_key **keys; /* in the order of creation */
	size_t count, room;
	int64_t now_ms;
};

extern const char fake_wrong_type[];

struct str fake_copy(struct str s);
struct fake_key *fake_find(struct fake_db *db, struct str name);
struct fake_key *fake_make(struct fake_db *db, struct str name, enum fake_type type);
/* The key when it is of this type; NULL when absent, and *error set when it is another. */
struct fake_key *fake_typed(struct fake_db *db, struct str name, enum fake_type type,
			    struct redis_reply **error);

/* fake_stream.c */
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
