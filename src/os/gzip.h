/* gzip.h - whole gzip files in memory (RFC 1952, by zlib). Blocking; any thread. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/* Appends the compressed bytes. RANGE: they do not fit. */
MUST_CHECK enum status gzip_pack(struct str bytes, struct buf *out, struct err *err);
/* Appends what a gzip file holds, or the file itself where it is none. RANGE: more than out's
 * limit; FORMAT, TRUNCATED: damaged. */
MUST_CHECK enum status gzip_read_file(const char *path, struct buf *out, struct err *err);
