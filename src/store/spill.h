/* spill.h - a bounded local file for writes that a segment refuses: STATE/spill/NAME.
 *
 *   spill_put … spill_commit → all of it is on the disk          (one commit at a time)
 *   spill_read → spill_take … → written where it belongs → spill_done    → the file goes
 *
 * Records come out in the order in which they went in, each with its position: a number that
 * rises within a file, and belongs to no other file's records. Whoever writes what was
 * spilled to its segment writes the position along, in the same transaction, and seeks there
 * when it starts again: what is written already is never written twice, whatever died when.
 *
 * What a crash cut off is cut at the next start; a commit that has not ended was never there.
 * Damage in the middle is stepped over and counted. After a failed commit (DISK_FULL, IO)
 * nothing of it is in the file, and the next one is tried on a descriptor of its own.
 *
 * The file is at most bytes_max long: then FULL. Its room comes back when it is empty.
 * Writing, syncing and reading are done by a thread of its own; memory: SPILL_CHUNK_BYTES
 * and SPILL_WINDOW_BYTES at most, given back when the file goes. Loop thread. */
#pragma once

#include "os/loop.h"
#include "store/spill_file.h"

enum { SPILL_CHUNK_BYTES = 1 << 20 }; /* of a commit */

struct spill;

struct spill_config {
	struct loop *loop;
	const char *path; /* its folder is made; copied */
	uint64_t bytes_max;
};

struct spill_record {
	struct str bytes;  /* lives until the next spill_read */
	uint64_t position; /* behind it */
};

typedef void (*spill_fn)(void *ctx, enum status status, const char *why);

/* Looks through what is there (blocking: 256 MB in some 0.2 s). FORMAT: it is no spill file,
 * and stays as it is. */
MUST_CHECK enum status spill_open(const struct spill_config *config, struct spill **out,
				  struct err *err);
/* What was committed reaches the disk first. Nobody is told any more. */
void spill_close(struct spill *spill, void (*fn)(void *ctx), void *ctx);
/* The owner goes before the spill: nobody is told any more. */
void spill_forget_owner(struct spill *spill);

/* Not while a commit is under way. FULL: it fits neither the commit nor the file. */
MUST_CHECK enum status spill_put(struct spill *spill, struct str record);
/* All that was put; there must be something. fn runs once, later. */
void spill_commit(struct spill *spill, spill_fn fn, void *ctx);
/* What was put and not committed is not there. */
void spill_discard(struct spill *spill);
bool spill_is_committing(const struct spill *spill);
/* Where the next record that is put will end. */
uint64_t spill_next_position(struct spill *spill, size_t len);

/* Reading begins behind the record at this position if it is of this file, else at the
 * file's begin. Not while a read is under way. */
void spill_seek(struct spill *spill, uint64_t position);
/* There is more to be read or taken. */
bool spill_has_more(const struct spill *spill);
/* Some records from where reading stands; none is left to be taken. fn runs once, later. */
void spill_read(struct spill *spill, spill_fn fn, void *ctx);
bool spill_is_reading(const struct spill *spill);
bool spill_take(struct spill *spill, struct spill_record *out); /* false: read on */
/* Everything up to the position is written where it belongs. When that is all the file
 * holds, it goes. A position of another file says nothing. */
void spill_done(struct spill *spill, uint64_t position);

struct spill_counts {
	uint64_t bytes;           /* in the file, not done with */
	uint64_t file_bytes;      /* of the file, all of it synced */
	uint64_t records;         /* found at the start */
	uint64_t commits, failed; /* failed: commits, reads and removals */
	uint64_t cut, damaged;    /* bytes: torn at the end, and stepped over */
	uint64_t removed;         /* times */
};
struct spill_counts spill_counts(const struct spill *spill);
