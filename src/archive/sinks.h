/* sinks.h - batches from the archive file to the sinks, each effectively once (archive.md 1).
 *
 * The writer gives each row the id of an open batch of its table and month. A batch closes
 * after 5 s or 10,000 rows (SINKS_ROWS_GROWN while others wait), and is then a fixed set of
 * rows, WHERE batch_id = …, that DuckDB knows before anything is sent. For each sink, in order
 * of ids, one table beside the other, one batch at a time; the next one is read and encoded
 * meanwhile:
 *
 *   new ──→ sent ──DONE──→ done             → rows may leave DuckDB after keep_days
 *    ↑       │ UNKNOWN: settle, probe: all there → done; none → settle, probe → sent again;
 *    │       │          some → held, or sent again where that does no harm
 *    ├─ AWAY ┤ 5 15 30 60 s with jitter, then `open` first: from the third on that is the
 *    │       │ breaker's probe, once in 60 s
 *    ├─ HELD ┤ its table waits 60 s and `open` mends what it can; other tables go on
 *    └ POISON┘ halves, each with an id of its own, down to the one row: a dead letter
 *
 * A batch that was sent before, whatever came of it, is asked for before it is sent again. An
 * outage uses up no retry. All of it is DuckDB's (batch_sinks), changed in one transaction
 * with the counters, so a restart goes on; what was `sent` then is unknown.
 *
 * batch_sinks: a row for each sink and batch, or, once a batch is split, for each part of it:
 *   state   new, sent, done, dead (the part is one row, which is a dead letter)
 *   tries   how often it was sent; at_us: since when it is so; why: what was said last
 *   part_*  rows from..to-1 in the order of their rowid; part_id: the id in the sink. The
 *           whole has the batch's own, its parts those that follow it: batch ids are
 *           multiples of SINKS_PARTS. A batch too large for a body is split likewise.
 * When all parts are done one row stands for them again. A row with sink '' says that every
 * sink has the batch, and that it was counted so.
 *
 * Of rows with one key in one body the last is sent: that is the one the sink would keep.
 * When SINKS_POISON_MAX rows of a batch were refused it is held: the rows are not the cause.
 *
 * Rows that were archived before any sink was named go, too: at the start, and with pauses, they
 * are put into batches, some thousands in a step, no more than a few batches ahead of the sinks
 * (db_batches_adopt). A sink that is named beside others gets every batch whose rows are still
 * there.
 *
 * Counters of the ledger: shipped.TABLE (rows that every sink has, or refused, or that left as
 * too old while no sink was named) and sink.NAME.TABLE (rows it confirmed).
 *
 * Retention, each hour: rows of batches that every sink has for keep_days leave DuckDB; not
 * dead letters, and not deals of a position that has no row in `trades`. Without a sink rows
 * older than keep_days leave, when it is set. Once a day each sink drops what is older than
 * its table's days.
 *
 * Loop thread; reading, encoding and book-keeping run on the writer's. Uses one timer a sink
 * and two of its own. */
#pragma once

#include "archive/sink.h"
#include "archive/writer.h"

enum {
	SINKS_MAX = 3,
	SINKS_PARTS = 1024,
	SINKS_POISON_MAX = 16,
	SINKS_ROWS_GROWN = 32768,    /* of a batch: what fits a body */
	SINKS_BODY_BYTES = 16 << 20, /* or what the sink takes, if that is less */
	SINKS_READ_BYTES = 64 << 20, /* rows of a batch in memory */
};

struct sinks;

struct sinks_config {
	struct loop *loop;
	struct writer *writer;
	struct sink *sinks[SINKS_MAX]; /* theirs from here: closed with it */
	size_t count;                  /* 0: retention only */
	int64_t settle_ms;             /* before an unknown batch is asked for: 5,000 */
	int64_t close_ms;              /* a batch closes after: 5,000 */
	int64_t close_rows;            /* or at: 10,000 */
	int64_t keep_days;             /* 0: rows stay */
	uint64_t seed;                 /* of the jitter */
	/* A sink cannot be reached (or can again), holds a batch, …: for the alert rules.
	 * held, away: seconds since; 0 none. Again every 5 s while one is not 0. */
	void (*on_state)(void *ctx, const char *sink, double away_s, double held_s,
			 const char *why);
	void *ctx;
	struct timers *timers; /* NULL: the loop's, and its clock */
	const struct clock_port *clock;
};

struct sinks_count {
	const char *name;
	enum sink_outcome state; /* of the newest try */
	uint64_t batches, rows;  /* confirmed in this run; parts count as batches */
	uint64_t away, unknown, probes, resent, held, poison; /* times; poison: rows */
	uint64_t waiting_batches, waiting_rows;
	char why[160]; /* of the newest that was not DONE */
};

/* On an error the sinks are the caller's still. */
MUST_CHECK enum status sinks_open(const struct sinks_config *config, struct sinks **out,
				  struct err *err);
/* The writer is open: batches begin to flow. */
void sinks_start(struct sinks *sinks);
/* What is being sent has 2 s to be answered; then fn and it is freed. Before writer_close. */
void sinks_close(struct sinks *sinks, void (*fn)(void *ctx), void *ctx);
/* Open batches close now, and no poll is waited for: for a clean end, tests. */
void sinks_flush(struct sinks *sinks);
/* Nothing waits to be sent, as far as was last looked, nothing is being sent, and no rows of
 * before are without a batch. */
bool sinks_idle(const struct sinks *sinks);
/* Rows of the table that every sink has or refused; archived rows where there is no sink. */
int64_t sinks_shipped(const struct sinks *sinks, enum archive_table table);
/* Rows that this sink confirmed, of those archived ever. */
int64_t sinks_confirmed(const struct sinks *sinks, size_t sink, enum archive_table table);
/* Rows of the table with distinct keys that the sink holds: asks it (sink_ops.count), one
 * question at a time for each sink. */
void sinks_ask_count(struct sinks *sinks, size_t sink, enum archive_table table, sink_probe_fn fn,
		     void *ctx);
size_t sinks_counts(const struct sinks *sinks, struct sinks_count *out, size_t room);
