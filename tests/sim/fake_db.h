/* fake_db.h - the data of a simulated Redis server: what commands do to keys.
 *
 * Strings, hashes, sets and streams with their groups, with the rules and error texts of Redis
 * 7.0 (checked against a real server by tests/unit/test_fake_redis.c and
 * test_fake_groups.c where one is installed). No
 * connections, faults or transactions: fake_redis.h. Time is the caller's. */
#pragma once

#include "port/redis.h"

enum fake_flag {
	FAKE_KNOWN = 1,
	FAKE_WRITE = 2,
	FAKE_DENYOOM = 4, /* refused with -OOM when memory is full */
	FAKE_ARITY = 8,   /* set when the number of arguments is wrong */
};

struct fake_db;

struct fake_db *fake_db_create(void);
void fake_db_destroy(struct fake_db *db);
void fake_db_clear(struct fake_db *db);
/* enum fake_flag of a command; 0 for one that is not known. */
unsigned fake_db_flags(const struct str *argv, size_t argc);
/* Runs a command of fake_db_flags; the reply is the caller's (fake_reply_free). */
struct redis_reply *fake_db_execute(struct fake_db *db, const struct str *argv, size_t argc,
				    int64_t now_ms);
/* What was PUBLISHed so far, in order; kept for the test alone, whatever is cleared. */
size_t fake_db_messages(const struct fake_db *db);
struct str fake_db_message(const struct fake_db *db, size_t index);
size_t fake_db_bytes(const struct fake_db *db); /* a rough used_memory */
/* The commands that make this state from an empty one. */
void fake_db_dump(const struct fake_db *db,
		  void (*put)(void *ctx, const struct str *argv, size_t argc), void *ctx);

/* ---- replies on the heap ---- */

struct redis_reply *fake_reply(enum redis_type type, struct str text);
struct redis_reply *fake_reply_error(const char *text);
struct redis_reply *fake_reply_ok(void);
struct redis_reply *fake_reply_integer(int64_t value);
/* count nils, to be filled with fake_reply_put. */
struct redis_reply *fake_reply_array(size_t count);
/* Moves `item` to a place of the array. */
void fake_reply_put(struct redis_reply *array, size_t index, struct redis_reply *item);
void fake_reply_free(struct redis_reply *reply);
