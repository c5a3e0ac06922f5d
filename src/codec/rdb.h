/* rdb.h - reads a dump of Redis or Valkey: bytes are pulled, events come out.
 *
 *   rdb_create(fill, ctx, &reader) → rdb_read(reader, &events, ctx) → rdb_destroy
 *
 * Format: the sources of Redis 7.4 (rdb.c, listpack.c, ziplist.c, zipmap.c, intset.c, t_stream.c)
 * and Valkey 9.0. "REDIS" and four digits: versions 1 to 12; a later one is read as far as its
 * types and opcodes are known. "VALKEY" and three: 080 (Valkey 9.0; up to 8.1 it writes
 * REDIS0011), where type 22 and opcode 243 mean something else than in Redis. The types are
 * rdb_types.def's.
 *
 * Each key is `key`, then what it holds, then `key_end`. Texts are valid during the call alone;
 * a key's name, and a string's last piece, until key_end has returned.
 * Memory is bounded whatever sizes the file claims: nothing is allocated for bytes that have not
 * come. A string comes in pieces; names and elements over RDB_TEXT_MAX are cut, their whole
 * length told; a packed value over RDB_BLOB_MAX is passed over and said so in key_end. A value
 * of a module is passed over. At most RDB_MEMORY_MAX in all. Pure; one thread. */
#pragma once

#include "base/str.h"

enum {
	RDB_PIECE_MAX = 1 << 20, /* a string up to this size comes in one piece */
	RDB_TEXT_MAX = 1 << 20,  /* of a name's, field's, element's bytes */
	RDB_BLOB_MAX = 8 << 20,  /* of a packed value, or a packed part of one */
	RDB_MEMORY_MAX = 16 << 20,
	RDB_VERSION_NEWEST = 12,
	RDB_VERSION_VALKEY = 80,
};

enum rdb_kind { RDB_STRING, RDB_LIST, RDB_SET, RDB_ZSET, RDB_HASH, RDB_STREAM, RDB_MODULE };

/* How the file holds it. */
enum rdb_form {
	RDB_PLAIN, /* element by element */
	RDB_ZIPMAP,
	RDB_ZIPLIST, /* whole, or a quicklist of them */
	RDB_INTSET,
	RDB_LISTPACK, /* whole, or a quicklist or stream of them */
};

/* head is all of it unless len says otherwise. */
struct rdb_text {
	struct str head;
	uint64_t len;
};

struct rdb_stream_id {
	uint64_t ms, seq;
};

struct rdb_key {
	int64_t db;
	struct rdb_text name;
	enum rdb_kind kind;
	enum rdb_form form;
	int type; /* the number in the file */
	const char *type_name;
	int64_t expires_ms; /* unix; -1: never */
	int64_t idle_s;     /* -1: the file does not tell */
	int freq;           /* logarithmic, 0..255; -1: the file does not tell */
	uint64_t claimed;   /* elements as its head says; 0 where only its parts say */
};

/* list, set: value. zset: value, score. hash: field, value, expires_ms. */
struct rdb_element {
	struct rdb_text field, value;
	double score;
	int64_t expires_ms; /* of a hash's field; -1: never */
};

struct rdb_stream {
	uint64_t length;
	struct rdb_stream_id last, first, max_deleted; /* the latter two from LISTPACKS_2 on */
	int64_t added;                                 /* -1: older */
	uint64_t groups;
};

struct rdb_group {
	struct rdb_text name;
	struct rdb_stream_id last;
	int64_t read; /* entries_read; -1: not known, or older */
};

struct rdb_consumer {
	struct rdb_text name;
	int64_t seen_ms, active_ms; /* active from LISTPACKS_3 on; -1 */
	uint64_t pending;
};

/* Of a group: delivered_ms and count; a consumer's: the id alone, -1 and 0. */
struct rdb_pending {
	struct rdb_stream_id id;
	int64_t delivered_ms;
	uint64_t count;
	bool of_consumer;
};

/* What was read until then. */
struct rdb_counts {
	uint64_t keys, functions, module_values, module_parts;
	uint64_t unread; /* packed values over RDB_BLOB_MAX */
	uint64_t cut;    /* names and elements over RDB_TEXT_MAX */
};

enum rdb_verdict { RDB_NO_CHECKSUM, RDB_MATCHES, RDB_DIFFERS };

struct rdb_end {
	int version;
	bool is_valkey;
	enum rdb_verdict verdict;
	uint64_t offset; /* of the byte behind the last one that was understood */
	const char *why; /* a static text; "" after a good end */
	struct rdb_counts counts;
};

/* Every member may be NULL. What is not OK ends the reading with that status. */
struct rdb_events {
	enum status (*aux)(void *ctx, struct str name, struct str value);
	enum status (*db)(void *ctx, int64_t db);
	enum status (*resize)(void *ctx, uint64_t keys, uint64_t expires);
	/* The library's code; of a 7.0 release candidate's with its name. */
	enum status (*function)(void *ctx, struct str name, struct rdb_text code);
	/* Data of a module outside its keys. */
	enum status (*module_part)(void *ctx, const char *module);
	enum status (*key)(void *ctx, const struct rdb_key *key);
	/* In order. whole: of all its pieces. */
	enum status (*string)(void *ctx, struct str piece, uint64_t whole);
	/* A packed value, quicklist node or stream node of so many bytes follows; RDB_PLAIN: a
	 * node that is one large element. */
	enum status (*node)(void *ctx, enum rdb_form form, uint64_t bytes);
	enum status (*element)(void *ctx, const struct rdb_element *element);
	/* Of a stream: the key of each node, entries with their fields, then the rest. Entries
	 * that were deleted are not told. */
	enum status (*stream_node)(void *ctx, struct rdb_stream_id first, uint64_t bytes);
	enum status (*stream_entry)(void *ctx, struct rdb_stream_id id, uint64_t fields);
	enum status (*stream_field)(void *ctx, struct str name, struct str value);
	enum status (*stream)(void *ctx, const struct rdb_stream *stream);
	enum status (*group)(void *ctx, const struct rdb_group *group);
	enum status (*consumer)(void *ctx, const struct rdb_consumer *consumer);
	enum status (*pending)(void *ctx, const struct rdb_pending *pending);
	/* elements: how many were told; unread: some of it was passed over. */
	enum status (*key_end)(void *ctx, uint64_t elements, bool unread);
};

/* Up to size bytes to `at`; *got 0 at the end of the input. */
typedef enum status (*rdb_fill_fn)(void *ctx, char *at, size_t size, size_t *got);

struct rdb;

MUST_CHECK enum status rdb_create(rdb_fill_fn fill, void *fill_ctx, struct rdb **out);
void rdb_destroy(struct rdb *rdb);
/* Once. OK: to the end; FORMAT, TRUNCATED, CHECKSUM (all of it was read), VERSION: end->why.
 * *end is written always. */
MUST_CHECK enum status rdb_read(struct rdb *rdb, const struct rdb_events *events, void *ctx,
				struct rdb_end *end);
/* Bytes understood until now, for progress. */
uint64_t rdb_offset(const struct rdb *rdb);
