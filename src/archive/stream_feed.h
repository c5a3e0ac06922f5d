/* stream_feed.h - streams of Redis into tables of the archive, each entry exactly once.
 *
 *   XINFO STREAM → is there news? → XRANGE (mark … last), 1,000 a page → rows
 *     → one batch: the rows and the marks of their streams → committed → the next round
 *
 * A set of streams, asked in rounds. A round asks at most STREAM_FEED_ROUND streams that are
 * due and reads what one batch can take; what they bring goes into one batch, and no round
 * begins before that is committed. So a stream has one batch at the writer at most, and
 * its mark never runs ahead of its rows: after a crash it is read on from what was committed.
 *
 * The mark (of the writer, under the stream's key) is "LAST HIGH ADDED": the last entry that
 * was taken, the one up to which entries may be known, and the stream's entries-added up to
 * LAST (-1: not known). A stream whose last id is behind LAST, or whose entries-added is, is not
 * the one that was read (deleted and made again; a server that lost its last second): it is read
 * again from its begin, and up to HIGH the batches are WRITER_CHECKED.
 *
 * Nothing is trimmed here. Entries that were trimmed (or deleted) before they could be read
 * are the difference of entries-added and what came: counted, and told once, when the stream
 * has been caught up with. What was gone before the stream was first seen is no gap.
 *
 * An entry that is not a row of its table is left out, counted, and passed by. While a server
 * does not answer, or there is no batch, nothing is lost: it is asked again.
 *
 * Bounds: room at create; 1,000 entries of a page live as long as their reply. Loop thread. */
#pragma once

#include "archive/results_id.h"
#include "archive/writer.h"
#include "port/clock.h"
#include "port/redis.h"

enum {
	STREAM_FEED_PAGE = 1000,
	STREAM_FEED_ROUND = WRITER_MARKS_MAX,
	STREAM_FEED_SUBJECT = 47, /* bytes: a market's id */
};

struct stream_feed_entry {
	struct str subject; /* of its stream */
	struct results_id id;
	const struct redis_reply *fields; /* an array: field, value, … */
};

/* The value of a field; ptr NULL: it is not there. */
struct str stream_feed_field(const struct stream_feed_entry *entry, struct str name);

struct stream_feed_kind {
	enum archive_table table;
	int64_t poll_ns;
	/* Its writer may add an entry again under another id: always WRITER_CHECKED. */
	bool checked;
	/* Sets the cells of the entry's row, which is begun and ended by the caller. FORMAT,
	 * RANGE: it is no row of the table. */
	enum status (*cells)(struct archive_rows *rows, const struct stream_feed_entry *entry);
};

struct stream_feeds_config {
	struct writer *writer;
	const struct clock_port *clock;
	size_t room; /* streams */
	/* A batch for a round, from the owner's share of the writer's; NULL: not now. It comes
	 * back committed through freed. */
	struct writer_batch *(*take)(void *ctx);
	void (*freed)(void *ctx, const struct writer_batch *batch, enum status status);
	void (*on_gap)(void *ctx, struct str stream, uint64_t entries); /* may be NULL */
	void (*on_remade)(void *ctx, struct str stream);                /* may be NULL */
	void *ctx;
};

struct stream_feeds;

struct stream_feeds *stream_feeds_create(const struct stream_feeds_config *config); /* NULL */
/* The ports have ended all commands, the writer the batch. NULL is fine. */
void stream_feeds_destroy(struct stream_feeds *feeds);
/* The kind and the port outlive it. subject: at most STREAM_FEED_SUBJECT bytes. FULL,
 * NO_MEMORY. */
MUST_CHECK enum status stream_feeds_add(struct stream_feeds *feeds, struct redis_port *port,
					struct str key, struct str subject,
					const struct stream_feed_kind *kind);
/* Now and then: a round begins when one is due, none is under way and the writer is well. */
void stream_feeds_step(struct stream_feeds *feeds);
/* No round any more; what comes of the one under way is ignored, its batch is committed. */
void stream_feeds_stop(struct stream_feeds *feeds);
/* Each stream is asked until it has nothing new, or does not answer (the first such status is
 * kept). With stream_feeds_step as before. */
void stream_feeds_drain(struct stream_feeds *feeds);
bool stream_feeds_drained(const struct stream_feeds *feeds, enum status *status);

struct stream_feeds_counts {
	uint64_t rows[TABLE_COUNT]; /* given to the writer */
	uint64_t left_out;          /* no rows of their table */
	uint64_t gaps, gap_entries, remade;
	uint64_t failed;  /* commands without an answer, or with an error */
	uint64_t put_off; /* pages that were read in vain: there was no batch, or no room in it */
	uint64_t rounds;
	int64_t behind_ms; /* age of the oldest entry that is known of and was not read */
};
struct stream_feeds_counts stream_feeds_counts(const struct stream_feeds *feeds);
