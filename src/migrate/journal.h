/* journal.h - an append-only file of records: what was done, and what was there before.
 *
 *   "weirmig1"  u64 plan  u32 kind  u32 CRC32C of those 20 bytes
 *   a record: u32 length  u32 CRC32C of the length and the bytes  bytes
 *
 * Numbers are little-endian. What is put waits in memory until flush (a kill keeps it) or sync (a
 * power cut does). Opening reads it through: a last record that is cut or damaged is what was being
 * written when the end came, and is cut off; damage with a good record behind it, or with so much
 * behind it that nobody can tell, is CHECKSUM, with the offset. A write that fails is taken back,
 * and all that comes after it fails. Blocking; one thread; one process (the caller's lock). */
#pragma once

#include "base/buf.h"
#include "base/err.h"

enum {
	JOURNAL_RECORD_MAX = 64 << 20,
	JOURNAL_WAITING_MAX = 80 << 20, /* put and not flushed; flushed by itself from 1 MB on */
};

enum journal_kind { JOURNAL_DONE = 1, JOURNAL_BACKUP = 2, JOURNAL_QUARANTINE = 3 };

struct journal {
	char *path;
	int fd;
	uint64_t written; /* bytes in the file */
	struct buf waiting;
	bool dirty;  /* written, not synced */
	bool broken; /* a write failed */
	bool reads;  /* opened to read: nothing is put */
};

/* record is valid during the call. */
typedef enum status (*journal_fn)(void *ctx, uint64_t offset, struct str record, struct err *err);

/* Makes it when there is none. VERSION: it is of another plan, or kind. *cut: bytes cut off. */
MUST_CHECK enum status journal_open(struct journal *journal, const char *path,
				    enum journal_kind kind, uint64_t plan, journal_fn fn, void *ctx,
				    uint64_t *cut, struct err *err);
/* The same, but the file keeps what would be cut off: it is only not read. */
MUST_CHECK enum status journal_open_to_read(struct journal *journal, const char *path,
					    enum journal_kind kind, uint64_t plan, journal_fn fn,
					    void *ctx, uint64_t *cut, struct err *err);
/* The entry of `path` in its folder is on disk. */
MUST_CHECK enum status journal_sync_folder(const char *path, struct err *err);
/* Flushes; NULL-safe for one that is all zeros with fd -1. */
void journal_close(struct journal *journal);
/* *offset: where it will stand. */
MUST_CHECK enum status journal_put(struct journal *journal, struct str record, uint64_t *offset,
				   struct err *err);
MUST_CHECK enum status journal_flush(struct journal *journal, struct err *err);
MUST_CHECK enum status journal_sync(struct journal *journal, struct err *err);
/* One record; *next is where the one behind it stands. CHECKSUM. Flushes first. */
MUST_CHECK enum status journal_read(struct journal *journal, uint64_t offset, struct buf *record,
				    uint64_t *next, struct err *err);
/* All of them, in their order. fn may put more: those are not told. */
MUST_CHECK enum status journal_each(struct journal *journal, journal_fn fn, void *ctx,
				    struct err *err);
