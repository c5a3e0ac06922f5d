/* results.h - RTRS to the archive file: the stream trade_results, group `archive`.
 *
 *   XREADGROUP (1,000 entries or 200 ms; more while it lags) → rows → commit with the mark
 *     → XACK → checkpoint → XTRIM MINID
 *
 * Exactly once: the mark (the last entry of the batch) is committed with its rows. At the
 * start the group is set back to the mark (XGROUP SETID), what is pending at or under it is
 * acknowledged, and what comes again is told from new by its rid. Trimmed is what a
 * checkpoint holds, and never past the first entry that is pending or unread in ANY group.
 *
 * Beside the stream stands archive:epoch, a random word (SET NX). Another word than the
 * mark's, or a stream whose last id is behind the mark: trimming stops, the alert rises, the
 * stream is read again from 0 (rids tell), and the new word goes into the mark. A group that
 * is missing is made again at 0. Entries that somebody removed while pending are reported by
 * their id as lost, once, counted. Of a dead consumer they are claimed (XAUTOCLAIM).
 *
 * An entry whose content cannot be a row (no rid, no st, a number that is none …) goes to
 * the retry ladder (archive.retry: 10 s, 30 s, 120 s, each due time in the file), then
 * becomes a dead letter with the reason. An entry with the one field `p` is packed results.
 *
 * While the writer is in trouble nothing is read. At 30 % of RTRS a checkpoint is asked for.
 * Uses 2 timers. Loop thread. */
#pragma once

#include "archive/writer.h"
#include "port/clock.h"
#include "port/redis.h"

enum { RESULTS_RETRIES_MAX = 8 };

struct results_config {
	struct redis_port *rtrs;
	struct writer *writer;
	struct timers *timers;
	const struct clock_port *clock;
	int64_t retry_ms[RESULTS_RETRIES_MAX]; /* 10,000 30,000 120,000 */
	size_t retries;
	/* Server time less UTC of a terminal, ms; INT64_MIN: not known. May be NULL. */
	int64_t (*offset_ms)(void *ctx, struct str instance);
	/* Stop loss and take profit of an open position as text, "" not known. May be NULL. */
	void (*levels)(void *ctx, struct str instance, struct str position, struct str *sl,
		       struct str *tp);
	/* The epoch changed or an entry was lost: for the alert rules and the log. */
	void (*on_broken)(void *ctx, const char *what);
	void *ctx;
};

struct results;

struct results *results_create(const struct results_config *config); /* NULL: no memory */
void results_destroy(struct results *results);
/* The writer is open, the segment answers: reading begins. */
void results_start(struct results *results);
void results_stop(struct results *results); /* no new batch; done of those under way comes */
/* All that is in the stream now is committed and acknowledged, then done once. */
void results_drain(struct results *results, void (*done)(void *ctx, enum status status),
		   void *ctx);
void results_reconnected(struct results *results);
/* The file survives what is up to the batch: from writer_hooks.on_checkpoint. */
void results_checkpointed(struct results *results, uint64_t batch_number);
/* The file was salvaged: the stream is read again from the mark. */
void results_salvaged(struct results *results);
/* weir archive dead retry: the dead letter of the entry is tried anew, now. */
void results_retry(struct results *results, const struct writer_retry *letter);

struct results_counts {
	uint64_t read, archived, known; /* entries; rows new, rids that were there */
	uint64_t retried, dead, lost, packed;
	uint64_t acked, trimmed, claimed, groups_made, epochs, failed;
	uint64_t pending;  /* read, not acknowledged */
	uint64_t retrying; /* in the ladder now */
	uint64_t length, added; /* of the stream, when last asked */
	int64_t lag_ms;    /* age of the oldest entry not committed; 0 none */
};
struct results_counts results_counts(const struct results *results);
