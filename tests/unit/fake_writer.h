/* fake_writer.h - archive/writer.h in memory, for tests of those who write to it: batches are
 * committed when the test says so, the file can be slow, in trouble, crash and be salvaged.
 *
 * The "file" is the list of committed transactions; what they add up to is worked out from
 * them, again after a crash or a salvage. Rids are told as known as the writer does it: the
 * newest `seen_max` always, older ones only in batches that say WRITER_CHECKED.
 * Add fake_writer.c to the test program; nothing of the real writer is linked then. */
#pragma once

#include "archive/writer.h"

struct writer *fake_writer_create(size_t seen_max, size_t batch_bytes);
void fake_writer_destroy(struct writer *writer);
void fake_writer_on_checkpoint(struct writer *writer, void (*fn)(void *ctx, uint64_t number),
			       void *ctx);

/* The oldest batch that was submitted is committed, and told; false: there is none. */
bool fake_writer_commit(struct writer *writer);
/* Committed, and weir dies before it is told: nothing but a crash may follow. */
bool fake_writer_commit_untold(struct writer *writer);
/* What is committed is checkpointed; told: on_checkpoint runs. */
void fake_writer_checkpoint(struct writer *writer, bool told);
bool fake_writer_checkpoint_asked(struct writer *writer); /* since the last look */
/* Walks that were asked for, once all batches are committed. */
void fake_writer_pump(struct writer *writer);
void fake_writer_trouble(struct writer *writer, bool trouble);
/* weir died: what is not committed is gone, nothing is told. */
void fake_writer_crash(struct writer *writer);
/* The newest `lose` transactions are gone, at most those since the last checkpoint. Returns
 * how many. The batches that are not committed stay. */
size_t fake_writer_salvage(struct writer *writer, size_t lose);

/* ---- what the file holds ---- */

/* Rows of trade_results with the rid. */
uint32_t fake_writer_found(const struct writer *writer, struct str rid);
/* And held by the last checkpoint. */
bool fake_writer_holds(const struct writer *writer, struct str rid);
size_t fake_writer_retries(const struct writer *writer);
const struct writer_retry *fake_writer_retry(const struct writer *writer, size_t index);
/* Rows of dead_letters with the letter_id; *letter the newest of them, in the file. */
uint32_t fake_writer_dead(const struct writer *writer, struct str letter_id,
			  const struct archive_row **letter);
/* The newest row of the table, NULL: none. */
const struct archive_row *fake_writer_newest(const struct writer *writer, enum archive_table table);
uint64_t fake_writer_commits(const struct writer *writer);
