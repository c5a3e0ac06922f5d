/* mess_impl.h - shared by mess*.c only.
 *   mess_rows.def         families: name, what they hold, how many, how long
 *   mess_kinds.def        what a value can be, and what is true of it
 *   mess_words.def        symbols, timeframes, the parts of names
 *   mess_plan.c           rows into counts; what is true of each family as a whole
 *   mess_name.c           the name of a family's key by its number
 *   mess_value.c          a value that is put together
 *   mess_strings.c, mess_json.c, mess_collections.c   the writers of values
 *   mess_truth.c          the rules by the words of findings.def
 *   mess_command.c        a key as commands
 *   mess_payload.c        a key as the payload of RESTORE
 *   mess.c                key by key
 *   mess_fill.c           into a server (the only one that does I/O) */
#pragma once

#include "audit/key.h"
#include "base/check.h"
#include "base/rng.h"
#include "sim/mess.h"

/* What is true of a value by its kind, whatever its size. */
enum mess_fact {
	MESS_SMALL = 1 << 0,     /* a string of at most 64 bytes; others have more */
	MESS_JSON = 1 << 1,      /* a whole object or array with members */
	MESS_SHRINKS = 1 << 2,   /* zstd more than halves it */
	MESS_SECRET = 1 << 3,    /* a secret in plain text */
	MESS_ORDERED = 1 << 4,   /* a set whose members carry a rank or a time */
	MESS_UNIQUE = 1 << 5,    /* a list of identifiers, each once */
	MESS_TIMES = 1 << 6,     /* a zset of times */
	MESS_UNTRIMMED = 1 << 7, /* a stream that has all that was ever added */
	MESS_STALE = 1 << 8,     /* a stream with a consumer that went away with entries */
};

enum mess_kind {
#define MESS_KIND(id, type, writer, facts) MESS_##id,
#include "sim/mess_kinds.def"
	MESS_KINDS
};

enum mess_row_id {
#define MESS_ROW(id, ...) MESS_ROW_##id,
#include "sim/mess_rows.def"
	MESS_ROWS
};
enum mess_bot_row_id {
#define BOT_ROW(id, ...) BOT_ROW_##id,
#include "sim/mess_rows.def"
	BOT_ROWS
};

enum {
	MESS_ROWS_MAX = 128,
	MESS_PARTS_MAX = 16384, /* of one value: twice a hash's fields */
	MESS_VALUE_BYTES = 4 << 20,
	MESS_NAME_BYTES = 256,
};

struct mess_row {
	const char *pattern;
	enum mess_kind kind;
	enum audit_use use;
	int count;          /* keys; 0: by share */
	int share;          /* of what no count takes, relative to the others' */
	int lo, hi;         /* elements; bytes of sized strings */
	int ttl, dead, dup; /* percent of keys with TTL; long idle; in groups of one value */
	int odd;            /* percent that is another kind */
	enum mess_kind odd_kind;
	int db;
	int thing;         /* rows of one number (not 0) are one thing under several names */
	int of;            /* field, copy: the row whose JSON it is taken from */
	const char *field; /* field: which one */
	bool beside;       /* a queue with a list for what is in work, or failed; or that list */
};

/* What is true of all keys with one pattern. */
struct mess_family {
	int64_t keys, with_ttl, small_no_ttl, by_type[AUDIT_TYPES];
	enum audit_type type; /* of most */
	bool constant, namespaced, smaller_twin, two_types;
};

struct mess_value {
	enum audit_type type;
	struct buf bytes;
	size_t ends[MESS_PARTS_MAX], parts;
};

/* A key, as much as is known without its value. */
struct mess_key {
	int row;
	int64_t index;
	enum mess_kind kind;
	bool ttl, grouped; /* grouped: it shares its value with two others */
	int64_t ttl_s, idle_s;
};

struct mess {
	struct mess_config config;
	const struct mess_row *rows;
	int n_rows;
	int symbols, tfs, dates; /* how many of them the patterns have */
	int64_t counts[MESS_ROWS_MAX], total;
	struct mess_family families[MESS_ROWS_MAX]; /* by row: of its pattern */
	int row;                                    /* the next key's, and its number */
	int64_t index;
	int db; /* selected; -1 at the beginning */
	struct mess_value value;
	struct buf payload;
};

/* ---- mess_plan.c ---- */

const struct mess_row *mess_layout_rows(enum mess_layout layout, int *count);
MUST_CHECK enum status mess_plan(struct mess *mess, struct err *err);
/* What chance decides of a key; the same each time. */
struct mess_key mess_key_of(const struct mess *mess, int row, int64_t index);
/* A number for one purpose and key, from the seed. */
uint64_t mess_draw(const struct mess *mess, int row, int64_t index, unsigned purpose);

/* ---- mess_name.c ---- */

/* How many names the pattern has; INT64_MAX: any number. */
int64_t mess_names(const struct mess *mess, const char *pattern);
void mess_name(const struct mess *mess, int row, int64_t index, struct buf *out);
const char *mess_symbol(size_t index);
size_t mess_symbols_all(void);

/* ---- values ---- */

/* What a writer is told. */
struct mess_ask {
	const struct mess *mess;
	struct rng rng;
	int row;
	int64_t index;
	int lo, hi;
};

enum audit_type mess_kind_type(enum mess_kind kind);
unsigned mess_kind_facts(enum mess_kind kind);
/* Into mess->value. */
void mess_value_write(struct mess *mess, const struct mess_key *key);
/* Begins a part (returns where it is written), ends it. */
static inline struct buf *mess_part(struct mess_value *value) { return &value->bytes; }
void mess_part_end(struct mess_value *value);
void mess_part_text(struct mess_value *value, const char *text);
struct str mess_part_at(const struct mess_value *value, size_t index);
/* A number of lo … hi, both in. */
int64_t mess_between(struct rng *rng, int64_t lo, int64_t hi);
/* Hundredths as a decimal. */
void mess_put_hundredths(struct buf *out, int64_t hundredths);
void mess_put_hex(struct buf *out, struct rng *rng, int digits);
void mess_put_trade(struct buf *out, struct rng *rng, int64_t id);

#define MESS_KIND(id, type, writer, facts) void writer(struct mess_value *, struct mess_ask *);
#include "sim/mess_kinds.def"

/* ---- mess_truth.c, mess_command.c, mess_payload.c ---- */

void mess_tell_truth(const struct mess *mess, const struct mess_key *key, struct str name,
		     const struct mess_sink *sink);
void mess_tell_commands(struct mess *mess, const struct mess_key *key, struct str name,
			const struct mess_sink *sink);
/* The value as DUMP would say it, for RESTORE. A stream is one that was trimmed, with a group
 * `workers` whose consumer fell silent three days before now_ms with entries in its hands. */
void mess_payload(const struct mess_value *value, int64_t now_ms, struct buf *out);
