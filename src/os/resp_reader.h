/* resp_reader.h - bytes of a Redis connection in, replies out.
 *
 * hiredis' reader splits the bytes; its objects are built by us, straight into
 * struct redis_reply in an arena that lives until the next reply. The result does
 * not depend on how the bytes were cut into feeds. Bounds: nesting 7 arrays deep
 * (hiredis' stack), a bulk, the elements of one array, and the bytes of a whole
 * reply as set here; beyond them the reader is dead and says REDIS_PROTOCOL for
 * ever. No socket, no clock. One thread. */
#pragma once

#include "port/redis.h"

struct resp_reader;

struct resp_limits {
	size_t bulk_bytes_max;  /* also of an unfinished line */
	size_t array_items_max; /* of one array */
	size_t reply_bytes_max; /* a whole reply in memory, with its tree */
};

/* 16 MB, 1 Mi elements, 256 MB. */
extern const struct resp_limits resp_limits_default;

struct resp_reader *resp_reader_create(const struct resp_limits *limits); /* NULL: no memory */
void resp_reader_destroy(struct resp_reader *reader);
/* Copies. Every whole reply must be taken (next until NOT_FOUND) between feeds. */
MUST_CHECK enum status resp_reader_feed(struct resp_reader *reader, struct str bytes);
/* OK: *reply is valid until the next call on the reader. NOT_FOUND: more bytes are
 * needed. REDIS_PROTOCOL: not RESP, or beyond a bound; see resp_reader_why. */
MUST_CHECK enum status resp_reader_next(struct resp_reader *reader,
					const struct redis_reply **reply);
const char *resp_reader_why(const struct resp_reader *reader);
