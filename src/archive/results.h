/* results.h - RTRS to the archive file: the stream trade_results, group `archive`.
 *
 *   XREADGROUP (1,000 results or 200 ms; more while it lags) → rows → commit with the mark
 *     → XACK → checkpoint → XTRIM MINID
 *
 * An entry is one result, or up to 256 packed ones (codec/entries.h). It is in one batch, is
 * acknowledged and trimmed as a whole; what is counted here are results.
 *
 * Exactly once: the mark (the last entry of the batch) is committed with its rows. At the
 * start what is pending for consumer `weir` at or under it is acknowledged, the group is set
 * back to it (XGROUP SETID), and what comes again is told from new by its rid. Trimmed is
 * what a checkpoint holds, and never past the first entry that is pending or unread in ANY
 * group. Only the mark decides; what the server says is pending decides for nothing but the
 * entries of others.
 *
 * Beside the stream stands archive:epoch, a random word (SET NX). Another word than the
 * mark's, a group or a stream whose last id is behind what was read, another entry where the
 * mark is (its hash is in the mark), a group that is gone, a file without a mark: trimming stops,
 * on_broken tells, a new word is written, the group is set to 0 (or made), and the stream is read
 * again from its first entry (rids tell). That is looked at when a connection is made and, but for
 * the mark's entry, each second.
 *
 * An entry that is pending for claim_ms and in no batch is claimed (XAUTOCLAIM) by consumer
 * `weir:claim`, read, and acknowledged after the checkpoint that holds it. Entries that
 * somebody removed while they were pending are told by their id, once, and counted as lost;
 * those removed unread are missing in the count of what was added, told and counted so when the
 * stream has been read to its end. There a packed entry is all its results; one that is known
 * by its id alone is one until then. When field x of fleet:up:~ (below) is gone it is written
 * again, and nothing counts as lost for that; what was removed together with it is told, but for
 * the further rows of packed entries since the last look, and for what was while weir was down.
 *
 * An entry whose content cannot be a row (results_row.h) goes to the retry ladder: tried
 * again 10 s, 30 s, 120 s (archive.retry) after the try before, then a dead letter with the
 * reason. Times are those of the monotonic clock while weir runs; the file has them as wall
 * time, written again when the wall clock jumps by more than a second. After a restart what
 * is left of a wait is told by the wall clock, and is never more than the wait's own length.
 * A row of a packed entry goes there by itself, as ENTRY/ROW, rows from 0, its fields as a
 * plain entry has them; its letter is its rid, or that. A `p` that cannot be unpacked goes
 * there as a whole, with its bytes in hex and the reason "codec: …", and counts as one result
 * until it is unpacked.
 *
 * `rtrs` must be a connection of its own: the answers here are long, a transaction and a
 * WATCH of the stream are on it, and nobody else's commit should wait behind them. Nothing
 * blocks there: it is asked every 50 ms when idle, 10 ms after entries, at once while full
 * pages come. A page is 1,000 entries, or as many as bring 4,096 results if they are like
 * those of the page before; 15 MB at most of what weir packs. A batch is 1,000 rows or
 * 200 ms; while the stream lags up to WRITER_ROWS_MAX. Two are at the writer at most, and not
 * more is read than should fit into a third; what does not is pending for us, and read again.
 *
 * Counters in the file (writer_counted), each changed in the transaction of what it counts:
 *   read      results taken: into a row, the ladder, a dead letter, or known
 *   lost      results removed by somebody before they were archived
 *   retrying  rows of the ladder
 *   dead      ended as dead letters; less one when one is tried again (who drops one counts
 *             that himself)
 *   known     repeated: rows left out because their result_id was there (the writer's own to
 *             count, in its transaction), and bad ones whose letter is there
 * so that    read = rows ever of trade_results + known + dead + retrying
 * and        added = read + lost + what is in the stream and not taken
 * where added (results_counts) is entries-added of the stream, what packed entries ever had
 * beyond one (field x of fleet:up:~) and, in the mark, what streams of before had. When a
 * stream is begun anew the entries that are in it are one each, until they are read, and x is
 * made if it is not there.
 *
 * While the writer is in trouble nothing is read. At 30 % of RTRS a checkpoint is asked for.
 * An answer that the connection does not take (above 16 MB a value, 256 MB in all) is asked
 * for in smaller pages; a single value above that cannot be read, nor by anybody else.
 * Memory: 6 MB. Uses 2 timers. Loop thread. */
#pragma once

#include "archive/writer.h"
#include "port/clock.h"
#include "port/redis.h"

enum { RESULTS_RETRIES_MAX = 8 };

struct results_config {
	struct redis_port *rtrs; /* a connection of its own */
	struct writer *writer;
	struct timers *timers;
	const struct clock_port *clock;
	int64_t retry_ms[RESULTS_RETRIES_MAX]; /* 10,000 30,000 120,000 */
	size_t retries;
	/* Server time less UTC of a terminal, ms; INT64_MIN: not known. May be NULL. */
	int64_t (*offset_ms)(void *ctx, struct str instance);
	/* The account of a terminal; false: not known. May be NULL. */
	bool (*account)(void *ctx, struct str instance, struct str *server, int64_t *login);
	int64_t claim_ms; /* an entry pending for so long is nobody's: 0: 60,000 */
	/* The epoch changed or an entry was lost: for the alert rules and the log. */
	void (*on_broken)(void *ctx, const char *what);
	void *ctx;
};

struct results;

struct results *results_create(const struct results_config *config); /* NULL: no memory */
/* Writer and connection are closed. NULL is fine. */
void results_destroy(struct results *results);
/* The writer is open, the segment answers: reading begins. */
void results_start(struct results *results);
/* What was read is submitted, then no new batch; done of those under way comes. From here on
 * the writer may be closed. */
void results_stop(struct results *results);
/* All that is in the stream now is committed and acknowledged, but for what is pending with
 * others, then done once; or with the first status that prevented it. */
void results_drain(struct results *results, void (*done)(void *ctx, enum status status), void *ctx);
void results_reconnected(struct results *results);
/* The file survives what is up to the batch: from writer_hooks.on_checkpoint. */
void results_checkpointed(struct results *results, uint64_t batch_number);
/* The file was salvaged: the stream is read again from the mark. */
void results_salvaged(struct results *results);
/* weir archive dead retry: the dead letter is tried anew, once `batch`, which drops the letter
 * and into which its retry is put here, is committed; submit it within this turn. Letters of
 * another origin are not ours: nothing happens. */
void results_retry(struct results *results, struct writer_batch *batch,
		   const struct writer_retry *letter);

struct results_counts {
	uint64_t read, archived, known; /* results; rows new, rids that were there */
	uint64_t retried, dead, lost;
	uint64_t packed; /* entries that were unpacked */
	uint64_t acked, trimmed, claimed, groups_made, epochs, failed;
	uint64_t put_off;  /* bad entries that found no room in memory: later than their time */
	uint64_t pending;  /* entries read, not acknowledged */
	uint64_t retrying; /* in the ladder now */
	uint64_t length;   /* entries in the stream, when last asked; then, too: */
	uint64_t added;    /* results ever */
	uint64_t beyond;   /* of them, of packed entries beyond one of each */
	int64_t lag_ms;    /* age of the oldest entry not committed; 0 none */
};
struct results_counts results_counts(const struct results *results);
/* Of the newest command that failed; OK since one succeeded. For the log, once a change. */
enum status results_trouble(const struct results *results);
