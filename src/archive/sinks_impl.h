/* sinks_impl.h - what sinks.c (its life), sinks_line.c (one sink, on the loop), sinks_work.c
 * (picking and encoding), sinks_books.c (batch_sinks) and sinks_keep.c (retention), all three on
 * the writer's thread, and sinks_adopt.c (rows of before) share; nobody else includes it. */
#pragma once

#include "archive/db.h"
#include "archive/sinks.h"
#include "base/check.h"
#include "base/rng.h"
#include "os/loop.h"

enum {
	SINKS_QUEUE = 64, /* parts found at once */
	SINKS_WHY = 384,
	SINKS_HELD_MS = 60000,
	SINKS_POLL_MS = 1000, /* looks for closed batches */
	SINKS_HOUSE_MS = 5000,
	SINKS_ADOPT_MS = 20,        /* between two steps, or as long as a step took */
	SINKS_ADOPT_LATER_MS = 200, /* while it has other work, or batches enough wait */
	SINKS_ADOPT_AHEAD = 8,      /* batches */
	SINKS_LAST_MS = 2000,       /* an answer that is waited for at the end */
	SINKS_KEEP_MS = 3600000,
	SINKS_EXPIRE_MS = 86400000,
	SINKS_NAME = 32, /* of a sink */
	SINKS_LETTER_BYTES = 64 << 10,
	SINKS_FIELD_BYTES = 4096,  /* of a field in a dead letter: that is for people */
	SINKS_PLACES_MAX = 131072, /* rows of a batch: more than the writer closes with */
};

/* A batch or a part of one. */
struct sinks_part {
	enum archive_table table;
	uint32_t month;
	int64_t batch_id, part_id;
	int64_t from, to;
	int64_t tries; /* it was sent before */
	bool is_new;   /* it has no row in batch_sinks */
	bool was_sent; /* the row says `sent`: nobody knows what came of it */
};

/* One that is ready to be sent. */
struct sinks_ready {
	bool there;
	struct sinks_part part;
	bool marked;   /* recorded as sent, before it is */
	uint32_t rows; /* in the body; 0: nothing is left of it */
	struct buf body;
};

/* What the thread does for a line: one at a time; then all of this is the thread's but `line`,
 * `want` and what `done` says. */
struct sinks_job {
	struct writer_job job;
	struct sinks_line *line;
	/* in */
	bool records; /* an outcome of `told` */
	enum sink_outcome outcome;
	struct sinks_part told;
	uint32_t told_rows;
	char why[SINKS_WHY];
	bool prepares, marks; /* the next one is encoded; and recorded as sent */
	int64_t busy_id;      /* the part that is being sent; -1: none */
	struct sinks_part
	    unsent;             /* marked, and not to be sent now: `new` again; part_id -1: none */
	bool looks_again;       /* what was found before is not believed */
	bool skip[TABLE_COUNT]; /* tables that are held */
	struct sinks_ready *ready;
	/* out */
	enum status status;
	struct err err;
	bool held; /* what was to be split cannot be: why, and its table */
	enum archive_table held_table;
	char held_why[SINKS_WHY];
	bool ended; /* the whole batch is done */
	uint64_t poison, waiting_batches, waiting_rows;
	/* the thread's own */
	struct sinks_part queue[SINKS_QUEUE];
	size_t queued, taken;
	int64_t floor_us, floor_at_us; /* nothing closed before is undone; when that was seen */
	struct archive_rows letters;
};

enum sinks_phase {
	SINKS_STOPPED,
	SINKS_WAITING, /* for the timer */
	SINKS_OPENING,
	SINKS_WORKING, /* the thread does, and nothing is being sent */
	SINKS_SENDING,
	SINKS_PROBING,
	SINKS_EXPIRING,
	SINKS_ENDING, /* what is being sent may still be answered */
};

struct sinks_line {
	struct sinks *sinks;
	struct sink *sink;
	size_t index;
	enum sinks_phase phase;
	struct timer timer;
	void (*after)(struct sinks_line *line); /* the wait */
	struct sinks_job job;
	bool job_runs;
	struct sinks_ready ready[2];
	struct sinks_ready *now; /* being sent or asked for; the other is read ahead */
	bool answered;           /* while the thread was at work */
	enum sink_outcome outcome;
	bool opened;
	int probes_left; /* that must say `none` before it is sent again */
	unsigned fails;  /* AWAY, in a row */
	int64_t away_ns, held_all_ns, held_ns[TABLE_COUNT], until_ns[TABLE_COUNT];
	int64_t expire_ns;
	unsigned expire_table;
	bool settled; /* the last look found nothing to send */
	struct sinks_count count;
	char why[SINKS_WHY], answer_why[SINKS_WHY];
};

struct sinks_keep {
	struct writer_job job;
	struct sinks *sinks;
	bool runs;
	int64_t due_ns;
	/* the thread's */
	unsigned table;
	bool more; /* something was taken out: look again */
	enum status status;
	struct err err;
};

/* Two that are about open batches: they close, or their bound is another one. */
struct sinks_errand {
	struct writer_job job;
	struct sinks *sinks;
	bool runs;
	int64_t rows;
};

/* Rows of before there was a sink get batches. */
struct sinks_adopt {
	struct writer_job job;
	struct sinks *sinks;
	struct timer timer;
	bool runs, waited; /* waited: for other work, once */
	bool more;
	/* The thread's while it runs. */
	bool found_more;
	int64_t took_ns;
	enum status status;
	struct err err;
};

struct sinks {
	struct sinks_config config;
	struct timers *timers;
	const struct clock_port *clock;
	struct rng rng;
	struct sinks_line lines[SINKS_MAX];
	struct str names[SINKS_MAX];
	struct timer house;
	struct sinks_keep keep;
	struct sinks_errand flushing, growing;
	struct sinks_adopt adopt;
	bool started, closing;
	size_t ending; /* lines and jobs that closing waits for */
	void (*on_closed)(void *ctx);
	void *closed_ctx;
	/* the thread's: rows of the part that is being encoded */
	struct archive_rows rows, distinct;
	uint32_t *places; /* of each row that is sent: its place in the part */
	size_t places_room;
};

static inline int64_t sinks_now(const struct sinks *sinks)
{
	return clock_monotonic_ns(sinks->clock);
}

/* sinks_line.c */
void sinks_line_init(struct sinks_line *line);
void sinks_line_deinit(struct sinks_line *line);
void sinks_body_init(struct sinks_line *line, size_t slot_index);
void sinks_line_start(struct sinks_line *line);
void sinks_line_wake(struct sinks_line *line); /* does not wait for the next poll */
void sinks_line_end(struct sinks_line *line);  /* then sinks_ended */
void sinks_line_report(struct sinks_line *line);
void sinks_line_report_again(struct sinks_line *line); /* while it is away or holds something */
/* sinks.c */
void sinks_ended(struct sinks *sinks); /* one of those that closing waits for */

/* sinks_work.c: job->work of a line. */
void sinks_work(struct archive_db *db, struct writer_job *job);
/* sinks_rows.c: of rows with one key the last stays: in `distinct` where some go, and places
 * says where they were. Returns what is to be sent. NULL: no memory. */
const struct archive_rows *sinks_distinct(struct sinks *sinks);
/* The dead letter of a row. */
enum status sinks_letter(struct archive_rows *letters, const char *sink,
			 const struct archive_row *row, int64_t tries, const char *why,
			 int64_t now_us);

/* sinks_books.c */
/* What is to be done next, in order: job->queue. */
enum status sinks_look(struct archive_db *db, struct sinks_job *job, struct err *err);
/* In one transaction: the outcome of told; that ready is sent. */
enum status sinks_record(struct archive_db *db, struct sinks_job *job, struct err *err);
/* The part is divided at `at` (of its own rows), or the row there is taken out of it. */
enum status sinks_split(struct archive_db *db, struct sinks_job *job, const struct sinks_part *part,
			int64_t at, bool one, struct err *err);
/* Its rows, at most what fits: FULL when they do not. */
enum status sinks_read(struct archive_db *db, struct sinks *sinks, const struct sinks_part *part,
		       struct err *err);
/* The part is one row: it is told as a dead letter (none is left: it is done). */
enum status sinks_bury(struct archive_db *db, struct sinks_job *job, const struct sinks_part *part,
		       const char *why, struct err *err);

/* sinks_adopt.c */
void sinks_adopt_init(struct sinks *sinks);
void sinks_adopt_start(struct sinks *sinks);

/* sinks_keep.c */
void sinks_keep_work(struct archive_db *db, struct writer_job *job);
