/* spill_file.h - the file of spill.h: what its thread does to it. Blocking.
 *
 *   "weirspl1"  u64 base  u32 CRC32C of those 16 bytes  u32 0
 *   a record: u32 length  u32 CRC32C of the length and the bytes  bytes, zeros up to 8
 *
 * Numbers are little-endian. A record's position is base + the offset of its end: base is
 * random, so positions of two files are never taken for one another's.
 *
 * One thread at a time. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

enum {
	SPILL_RECORD_MAX = 256 << 10,
	SPILL_HEAD_BYTES = 24,
	SPILL_WINDOW_BYTES = 1 << 20, /* what a read takes at least, if there is so much */
};

struct spill_file {
	const char *path;
	int fd;    /* -1: not open */
	bool torn; /* what stands behind `good` is of a write that failed */
	uint64_t base;
	uint64_t good; /* bytes that are synced; 0: there is no file */
};

/* A record as it stands in the file; nothing of it is copied twice. */
void spill_put_record(struct buf *out, struct str bytes);
uint64_t spill_record_bytes(size_t len);

/* The file at path, if there is one: its head, its last good record; what stands behind that
 * is cut. NOT_FOUND: none. FORMAT: it is something else. IO … */
struct spill_found {
	uint64_t records, bytes_cut, bytes_damaged;
};
MUST_CHECK enum status spill_file_open(struct spill_file *file, struct spill_found *found,
				       struct err *err);
/* Writes behind `good` and waits for the disk; makes the file, with `base`, when there is
 * none. After a failure nothing of it counts, and the file is opened anew. */
MUST_CHECK enum status spill_file_append(struct spill_file *file, struct str records,
					 struct err *err);
/* Good records from `offset` on into `out`, one behind the other as they stand in the file:
 * at least one, if there is one. *next: where to read on. Damaged bytes before them are
 * stepped over and counted. */
MUST_CHECK enum status spill_file_read(struct spill_file *file, uint64_t offset, struct buf *out,
				       uint64_t *next, uint64_t *damaged, struct err *err);
MUST_CHECK enum status spill_file_remove(struct spill_file *file, struct err *err);
void spill_file_close(struct spill_file *file);

/* The good record at the front of bytes: its length in the file; 0: none. */
size_t spill_record_at(struct str bytes, struct str *record);
