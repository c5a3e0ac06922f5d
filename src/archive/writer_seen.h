/* writer_seen.h - the newest result ids, exactly: WRITER_SEEN_MAX of them, or as many as fit
 * into SEEN_BYTES. An id is compared letter by letter, so what is "there" is there. One
 * thread. 18 MB when all of it is used, all of it allocated at create. */
#pragma once

#include "base/str.h"

enum { SEEN_BYTES = 12 << 20, SEEN_ID_MAX = 512 };

struct writer_seen;

struct writer_seen *writer_seen_create(void); /* NULL: no memory */
void writer_seen_destroy(struct writer_seen *seen);
void writer_seen_clear(struct writer_seen *seen);
/* hash: str_hash(id). One longer than SEEN_ID_MAX is never in it. */
bool writer_seen_has(const struct writer_seen *seen, struct str id, uint64_t hash);
/* As the newest; the oldest make room. One that is there stays as old as it is. */
void writer_seen_add(struct writer_seen *seen, struct str id, uint64_t hash);
size_t writer_seen_count(const struct writer_seen *seen);
