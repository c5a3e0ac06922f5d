/* clean_impl.h - what the parts of `weir clean` share. Internal to migrate/clean*.c. */
#pragma once

#include "migrate/clean.h"
#include "migrate/journal.h"
#include "migrate/server.h"
#include "os/files.h"
#include "store/redis_url.h"

enum {
	CLEAN_BATCH = 32,
	CLEAN_BATCH_BYTES = 48 << 20,
	CLEAN_SLACK_S = 2, /* the server counts idle time in seconds */
};

static const int64_t clean_ms_per_s = 1000;

/* A key that a rule found; its name is in clean->names. */
struct clean_found {
	uint32_t at, len;
	int32_t db;
	enum finding_rule rule;
};

/* Written: in the file, and maybe not moved. Over: purged, restored, or never moved. */
enum clean_state { CLEAN_WRITTEN, CLEAN_HELD, CLEAN_OVER };

/* A record of the quarantine file. */
struct clean_held {
	uint64_t offset;
	int64_t at_ms, expires_ms;
	int32_t db;
	enum clean_state state;
};

/* What the file says of one that is held; texts are in `record`. */
struct clean_record {
	struct buf record;
	int64_t at_ms, expires_ms;
	int32_t db;
	uint32_t crc; /* of its DUMP */
	struct str name, dump;
};

struct clean {
	struct clean_config config;
	struct redis_url url;
	char *url_text;
	char *folder;
	int lock;
	struct journal file;
	struct clean_held *held;
	size_t n_held, held_room;
	struct audit *audit;
	struct clean_row *rows;
	size_t n_rows;
	struct clean_found *found;
	size_t n_found, found_room;
	struct buf names;
	int64_t found_at_ms;           /* find began, by the server's clock */
	struct migrate_server *server; /* of one database at a time */
	struct clean_counts counts;
};

/* ---- clean.c ---- */

/* The connection to that database. */
MUST_CHECK enum status clean_reach(struct clean *clean, int db, struct err *err);
bool clean_stopped(const struct clean *clean);
void clean_say(const struct clean *clean, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* weir:quarantine:<ms>:<name> */
void clean_aside(struct buf *out, int64_t at_ms, struct str name);

/* ---- clean_back.c ---- */

/* What an earlier run wrote down and maybe did not move: after this it is held, or over. */
MUST_CHECK enum status clean_resume(struct clean *clean, struct err *err);

/* ---- clean_file.c ---- */

MUST_CHECK enum status clean_file_open(struct clean *clean, struct err *err);
/* Synced by the caller before the key is moved. */
MUST_CHECK enum status clean_file_hold(struct clean *clean, const struct clean_record *record,
				       struct err *err);
/* It is aside now: HELD; or no more: OVER. */
MUST_CHECK enum status clean_file_mark(struct clean *clean, size_t index, enum clean_state state,
				       struct err *err);
MUST_CHECK enum status clean_file_read(struct clean *clean, size_t index,
				       struct clean_record *record, struct err *err);
