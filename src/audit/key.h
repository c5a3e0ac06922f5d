/* key.h - one key of somebody's Redis, as a live server or a dump tells it.
 *
 * Names and values are bytes: nothing is promised of them. A live server tells a sample of a
 * value: a string's beginning, some elements of a collection; a dump the same, and the digest
 * of the whole. Texts are valid during the call they are passed to. */
#pragma once

#include "base/str.h"

enum audit_type {
	AUDIT_STRING,
	AUDIT_LIST,
	AUDIT_SET,
	AUDIT_ZSET,
	AUDIT_HASH,
	AUDIT_STREAM,
	AUDIT_MODULE, /* a module's own type: counted, never read */
	AUDIT_TYPES
};

/* As OBJECT ENCODING says; of a dump, what a Redis 7.0 with its own settings would say. */
enum audit_encoding {
	AUDIT_ENC_UNKNOWN,
	AUDIT_ENC_RAW,
	AUDIT_ENC_EMBSTR,
	AUDIT_ENC_INT,
	AUDIT_ENC_QUICKLIST,
	AUDIT_ENC_LISTPACK,
	AUDIT_ENC_ZIPLIST, /* servers before 7.0 */
	AUDIT_ENC_INTSET,
	AUDIT_ENC_HASHTABLE,
	AUDIT_ENC_SKIPLIST,
	AUDIT_ENC_STREAM,
	AUDIT_ENCODINGS
};

enum {
	AUDIT_VALUE_MAX = 64 << 10, /* of a string's bytes that are read */
	AUDIT_ELEMENTS_MAX = 64,    /* of a collection's elements: half of a list's from its end */
	AUDIT_ELEMENT_MAX = 4096,   /* of an element's bytes */
	AUDIT_NAME_MAX = 64 << 10,  /* longer names are cut for display and counted */
};

/* list, set: value. zset: value, score. hash: field, value. stream: field is the id, value the
 * entry's fields as `name\0value\0…` (each ended by a NUL). */
struct audit_element {
	struct str field, value;
	double score;
};

struct audit_stream {
	int64_t groups, consumers, pending;
	int64_t stale_consumers; /* idle for longer than the limit, with pending entries */
	int64_t added;           /* entries ever added; -1: the server does not tell */
	int64_t first_ms, last_ms;
};

struct audit_look; /* look.h */

struct audit_key {
	int db;
	struct str name;
	enum audit_type type;
	enum audit_encoding encoding;
	int64_t length;     /* bytes of a string, elements, entries; -1 unknown */
	int64_t expires_ms; /* unix; -1: never */
	int64_t bytes;      /* MEMORY USAGE; of a dump the model's (audit/cost.h); -1 unknown */
	int64_t idle_s;     /* -1: unknown */
	int64_t longest;    /* the longest element, field or value that was seen, bytes */
	uint64_t digest;    /* of a whole string (audit_digest); 0: not all of it was read */
	struct str value;   /* AUDIT_STRING: the first bytes; all of it where its len is length */
	const struct audit_element *elements;
	size_t count; /* of elements; all of them where it is length */
	struct audit_stream stream;
	const struct audit_look *look; /* audit_look's, of the audit it is told; NULL: none yet */
};

const char *audit_type_text(enum audit_type type);             /* "string" … "module" */
enum audit_type audit_type_find(struct str name);              /* AUDIT_TYPES: another one */
const char *audit_encoding_text(enum audit_encoding encoding); /* "listpack"; "?" */
enum audit_encoding audit_encoding_find(struct str name);      /* AUDIT_ENC_UNKNOWN */
/* Never 0. Not for an adversary: equal digests are compared where values are at hand. */
uint64_t audit_digest(struct str value);
struct buf;
/* A name for people and machines: bytes outside 0x21–0x7E, and the backslash, as \xHH. */
void audit_name_print(struct buf *out, struct str name);
