/* sinks.h - batches from the archive file to the sinks, each effectively once (archive.md 1).
 *
 * The writer gives each row the id of an open batch of its table and month. A batch closes
 * after 5 s or 10,000 rows (more while closed ones wait: up to what the sinks take), and is
 * then a fixed set of rows, WHERE batch_id = …, that DuckDB knows before anything is sent.
 * For each sink, in order of ids, one table beside the other:
 *
 *   closed → sent → confirmed          → rows may leave DuckDB after keep_days
 *     ↑       |unknown: settle, probe: all there → confirmed; none → closed; some → held
 *     └ away: 5 15 30 60 s with jitter; three in a row open the breaker: one probe each 60 s
 *       poison: bisected; the good halves go, the one row becomes a dead letter
 *       held: stays, alert, tried again every 60 s
 *
 * An outage uses up no retry. State per sink and batch is DuckDB's (tables of db.h), so a
 * restart goes on; what was under way then is unknown. Loop thread; reading, encoding and
 * book-keeping run on the writer's. Uses one timer a sink. */
#pragma once

#include "archive/sink.h"
#include "archive/writer.h"

enum { SINKS_MAX = 3 };

struct sinks;

struct sinks_config {
	struct loop *loop;
	struct writer *writer;
	struct sink *sinks[SINKS_MAX]; /* theirs from here: closed with it */
	size_t count;
	int64_t settle_ms;    /* before an unknown batch is asked for: 5,000 */
	int64_t close_ms;     /* a batch closes after: 5,000 */
	int64_t close_rows;   /* or at: 10,000 */
	uint64_t seed;        /* of the jitter */
	/* A sink cannot be reached (or can again), holds a batch, …: for the alert rules.
	 * held, away: seconds since; 0 none. */
	void (*on_state)(void *ctx, const char *sink, double away_s, double held_s,
			 const char *why);
	void *ctx;
};

struct sinks_count {
	const char *name;
	enum sink_outcome state; /* of the newest try */
	uint64_t batches, rows;  /* confirmed in this run */
	uint64_t away, unknown, probes, resent, held, poison; /* times */
	uint64_t waiting_batches, waiting_rows;
	char why[160]; /* of the newest that was not DONE */
};

MUST_CHECK enum status sinks_open(const struct sinks_config *config, struct sinks **out,
				  struct err *err);
/* The writer is open: batches begin to flow. */
void sinks_start(struct sinks *sinks);
void sinks_close(struct sinks *sinks, void (*fn)(void *ctx), void *ctx);
/* All that is archived now is confirmed, or the deadline passed: for a clean end, tests. */
void sinks_flush(struct sinks *sinks);
/* Rows of the table that every sink has confirmed; archived rows where there is none. */
int64_t sinks_shipped(const struct sinks *sinks, enum archive_table table);
size_t sinks_counts(const struct sinks *sinks, struct sinks_count *out, size_t room);
