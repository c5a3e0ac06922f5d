/* tar.h - ustar archives of plain files (POSIX.1-1988), written and read in memory. Pure; the
 * reader survives any bytes. */
#pragma once

#include "base/buf.h"

enum { TAR_BLOCK_BYTES = 512, TAR_NAME_MAX = 99 };

/* One file, mode 0600, appended to out. RANGE: the name is empty or too long, or the content
 * beyond what a header can say (8 GB). */
MUST_CHECK enum status tar_put(struct buf *out, const char *name, int64_t mtime_s,
			       struct str content);
void tar_end(struct buf *out);

struct tar {
	struct str rest;
	char name[TAR_NAME_MAX + 1];
	struct str content; /* in what was given */
};

static inline struct tar tar_over(struct str bytes) { return (struct tar){ .rest = bytes }; }
/* The next plain file; what is no plain file is passed over. NOT_FOUND at the end. CHECKSUM,
 * TRUNCATED, FORMAT: not an archive, or damaged from here on. */
MUST_CHECK enum status tar_next(struct tar *tar);
