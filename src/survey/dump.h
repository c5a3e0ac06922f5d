/* dump.h - a dump file as a source of an audit: RDB file in, keys out.
 *
 *   dump_read(&(struct dump_config){ .path, .now_ms, .on_key = … }, &totals, &err)
 *
 * Each key is told once, in the file's order, as key.h says: encoding as a Redis 7.0 with its
 * own limits would have it, bytes by the model (audit/cost.h), digest of a string that was read
 * whole (up to RDB_PIECE_MAX), idle only where the file has it (under an LRU policy), else -1.
 * Keys whose time is over are told, too, and counted. A file is judged by the time at which it
 * was made: now_ms is dump_created_ms, where the file tells it.
 *
 * The file is read and decoded on a thread of its own, a few hundred keys ahead of the caller's,
 * where everything but `look` is called. `look` is called for each key before on_key, on either
 * of the two, whichever has time: it must be a function of the key alone.
 *
 * Memory is flat, whatever the file's size and whatever it says of sizes: at most
 * DUMP_MEMORY_MAX. Blocking; any one thread. */
#pragma once

#include "audit/look.h"
#include "base/err.h"

enum { DUMP_MEMORY_MAX = 28 << 20, DUMP_WHY_BYTES = 160 };

struct dump_config {
	const char *path;
	int64_t now_ms;
	int64_t stale_ms; /* a consumer with pending entries idle for longer is stale */
	/* Anything but OK ends the reading with that status. */
	enum status (*on_key)(void *ctx, const struct audit_key *key);
	/* May be NULL; key->look is then NULL, too. */
	void (*look)(void *look_ctx, const struct audit_key *key, struct audit_look *out);
	/* A few keys before its on_key, on the caller's thread. May be NULL. */
	void (*soon)(void *look_ctx, const struct audit_look *look);
	void *look_ctx;
	/* After each megabyte or so; may be NULL. Bytes read, and of the file. */
	void (*on_progress)(void *ctx, int64_t bytes, int64_t bytes_total);
	void *ctx;
};

struct dump_totals {
	int version;             /* 2 to 12; 80 and above of Valkey */
	bool is_valkey;          /* by its magic */
	char server_version[32]; /* redis-ver, valkey-ver; "" unknown */
	int64_t created_ms;      /* ctime; -1 unknown */
	int64_t used_memory;     /* used-mem; -1 unknown */
	bool is_aof_base;        /* the head of an append-only file */
	int64_t keys, dbs;
	int64_t by_type[AUDIT_TYPES];
	int64_t expired;      /* of the keys: before now */
	int64_t with_idle;    /* keys of which the file tells how long they were idle */
	int64_t functions;    /* libraries */
	int64_t module_parts; /* data of modules outside their keys */
	int64_t unread;       /* packed values over RDB_BLOB_MAX: their elements were skipped */
	int64_t cut;          /* elements and names cut to what is told of them */
	int64_t long_names;   /* longer than AUDIT_NAME_MAX: cut to it */
	int64_t bytes, bytes_total;
	/* Where the reading ended badly; why is "" after a good end. */
	int64_t offset;
	char why[DUMP_WHY_BYTES];
	bool has_checksum;
};

/* OK: to the end, and its checksum matches (or it has none). FORMAT, TRUNCATED, CHECKSUM,
 * VERSION: damaged, cut, newer; what was read so far was told, offset and why say where it
 * ended, err the whole story. IO, NOT_FOUND, NO_MEMORY; on_key's. *totals is written always. */
MUST_CHECK enum status dump_read(const struct dump_config *config, struct dump_totals *totals,
				 struct err *err);
/* When the file says it was made (ctime), from its first bytes; -1: it says nothing, it is no
 * regular file, or it cannot be read, which dump_read tells. */
int64_t dump_created_ms(const char *path);
