/* rdb_impl.h - the parts of the reader of dumps: input (bytes, lengths, strings), packed values,
 * values by type, streams. Internal to codec/rdb*.c. */
#pragma once

#include "codec/lzf.h"
#include "codec/rdb.h"

enum {
	RDB_WINDOW = RDB_PIECE_MAX + 4096,
	RDB_CHUNK = 128 << 10, /* read at a time: the window's warm part stays small */
	RDB_NUMBER_BYTES = 24,
	RDB_TYPE_NUMBERS = 32,
};

/* Growing storage for what must outlive the window. */
struct rdb_hold {
	char *ptr;
	size_t cap;
};

struct rdb {
	const struct rdb_type *types[RDB_TYPE_NUMBERS];
	rdb_fill_fn fill;
	void *fill_ctx;
	uint8_t *window;
	size_t pos, end; /* of what is in the window */
	uint64_t base;   /* the file's offset of window[0] */
	uint64_t crc;
	size_t summed; /* window[0..summed) is in crc */
	char *plain;   /* RDB_WINDOW bytes of what was unpacked */
	char number[RDB_NUMBER_BYTES];
	struct rdb_hold name, field, blob;
	const struct rdb_events *events;
	void *ctx;
	struct rdb_key key;
	uint64_t elements; /* of the key, told */
	bool key_unread;
	int version;
	bool is_valkey;
	const char *why;
	struct rdb_counts counts;
};

/* Sets the reason and gives the status. */
enum status rdb_fail(struct rdb *rdb, enum status status, const char *why);

/* ---- rdb_input.c ---- */

/* A string that is being read. */
struct rdb_string {
	uint64_t len;    /* of the text */
	uint64_t left;   /* bytes of the file that are left of it */
	uint64_t done;   /* of the text, given */
	bool packed;     /* LZF */
	bool is_number;  /* its text is rdb->number */
	size_t unpacked; /* bytes in rdb->plain: the last piece and its history */
};

/* So many bytes are in the window, at window + pos. n up to RDB_WINDOW. */
MUST_CHECK enum status rdb_need(struct rdb *rdb, size_t n);
static inline const uint8_t *rdb_at(const struct rdb *rdb) { return rdb->window + rdb->pos; }
static inline size_t rdb_ready(const struct rdb *rdb) { return rdb->end - rdb->pos; }
MUST_CHECK enum status rdb_byte(struct rdb *rdb, uint8_t *out);
MUST_CHECK enum status rdb_u64(struct rdb *rdb, uint64_t *out); /* 8 bytes, low first */
MUST_CHECK enum status rdb_u32(struct rdb *rdb, uint32_t *out);
MUST_CHECK enum status rdb_double(struct rdb *rdb, double *out);
MUST_CHECK enum status rdb_skip(struct rdb *rdb, uint64_t n);
/* A length that is not the mark of an encoding. */
MUST_CHECK enum status rdb_length(struct rdb *rdb, uint64_t *out);
MUST_CHECK enum status rdb_string_open(struct rdb *rdb, struct rdb_string *string);
/* The next piece, empty at the end; all of it at once up to RDB_PIECE_MAX. Valid until the next
 * call that reads. */
MUST_CHECK enum status rdb_string_next(struct rdb *rdb, struct rdb_string *string,
				       struct str *piece);
/* Passes over what is left, without unpacking it. */
MUST_CHECK enum status rdb_string_skip(struct rdb *rdb, struct rdb_string *string);
/* A whole string: its first RDB_TEXT_MAX bytes; valid until the next call that reads, held
 * (hold not NULL) until the hold's next use. */
MUST_CHECK enum status rdb_text(struct rdb *rdb, struct rdb_hold *hold, struct rdb_text *out);
/* A packed value: all of it, or *out empty and *unread when it is over RDB_BLOB_MAX. *bytes is
 * its size in any case. */
MUST_CHECK enum status rdb_blob(struct rdb *rdb, struct str *out, uint64_t *bytes, bool *unread);
/* Of everything before pos. */
uint64_t rdb_crc(struct rdb *rdb);

/* ---- rdb_packed.c ---- */

/* A walk over a packed value's entries. Numbers are written to `number`, so one text at a time
 * is valid for each walk's storage: the caller copies what it keeps. */
struct rdb_walk {
	const uint8_t *at, *end; /* end: of the entries, before the terminator */
	enum rdb_form form;
	uint64_t count; /* UINT64_MAX: not said */
	unsigned width; /* of an intset's numbers */
	uint64_t done;
	bool value_next; /* of a zipmap */
	size_t previous; /* of a ziplist: size of the entry before */
};

/* False: its head or its end is damaged. */
bool rdb_walk_begin(struct rdb_walk *walk, enum rdb_form form, struct str blob);
enum rdb_step { RDB_STEP, RDB_STEP_END, RDB_STEP_BAD };
/* number: RDB_NUMBER_BYTES of the caller's, where a number's text goes. */
enum rdb_step rdb_walk_next(struct rdb_walk *walk, char *number, struct str *text);
/* Of a listpack: the next entry as a number. BAD: it is none, or there is none. */
enum rdb_step rdb_walk_number(struct rdb_walk *walk, int64_t *value);
size_t rdb_number_text(char number[RDB_NUMBER_BYTES], int64_t value);

/* ---- rdb_values.c, rdb_stream.c: one reader a form ---- */

typedef enum status (*rdb_read_fn)(struct rdb *rdb);

struct rdb_type {
	int number;
	bool of_redis, of_valkey;
	enum rdb_kind kind;
	enum rdb_form form;
	rdb_read_fn read;
	const char *name;
};

/* The types of one of the two families, by their numbers; NULL where there is none. */
void rdb_types(bool is_valkey, const struct rdb_type *types[RDB_TYPE_NUMBERS]);

enum status rdb_read_string(struct rdb *rdb);
enum status rdb_read_list(struct rdb *rdb); /* and set */
enum status rdb_read_zset(struct rdb *rdb);
enum status rdb_read_zset_2(struct rdb *rdb);
enum status rdb_read_hash(struct rdb *rdb);
enum status rdb_read_hash_ttl(struct rdb *rdb);
enum status rdb_read_hash_ttl_old(struct rdb *rdb);
enum status rdb_read_hash_valkey(struct rdb *rdb);
enum status rdb_read_hash_packed_ttl(struct rdb *rdb);
enum status rdb_read_hash_packed_ttl_old(struct rdb *rdb);
enum status rdb_read_packed(struct rdb *rdb);
enum status rdb_read_quicklist(struct rdb *rdb);
enum status rdb_read_quicklist_2(struct rdb *rdb);
enum status rdb_read_module_1(struct rdb *rdb);
enum status rdb_read_module_2(struct rdb *rdb);
enum status rdb_read_stream_1(struct rdb *rdb);
enum status rdb_read_stream_2(struct rdb *rdb);
enum status rdb_read_stream_3(struct rdb *rdb);
/* A module's data behind its id, up to its end mark. */
MUST_CHECK enum status rdb_skip_module(struct rdb *rdb);
/* "ReJSON-RL" of the 54 upper bits. */
void rdb_module_name(uint64_t id, char name[10]);

/* The key's head is known (claimed, too): tells it. */
MUST_CHECK enum status rdb_tell_key(struct rdb *rdb, uint64_t claimed);
MUST_CHECK enum status rdb_tell_element(struct rdb *rdb, const struct rdb_element *element);
