/* The next batch that is to be sent: found, read, encoded. On the writer's thread. */
#include <stdio.h>

#include "archive/sinks_impl.h"
#include "base/crash.h"

/* ---- one part ---- */

/* FULL: it does not fit. INVALID: *bad is the place of a row that cannot be sent. */
static enum status encode(struct archive_db *db, struct sinks_job *job,
			  const struct sinks_part *part, int64_t *bad, struct err *err)
{
	struct sinks *sinks = job->line->sinks;
	const struct sink *sink = job->line->sink;
	struct sinks_ready *ready = job->ready;
	size_t at = 0;
	enum status status = sinks_read(db, sinks, part, err);
	ready->part = *part;
	ready->marked = false;
	ready->rows = 0;
	buf_clear(&ready->body);
	if (status || !sinks->rows.count)
		return status;
	const struct archive_rows *rows = sinks_distinct(sinks);
	if (!rows)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the keys of a batch");
	status = sink->ops->encode(sink, rows, 0, rows->count, part->part_id, &ready->body, &at);
	if (status == STATUS_INVALID)
		*bad = sinks->places[at];
	ready->rows = (uint32_t)rows->count;
	return status;
}

struct division {
	struct sinks_job *job;
	struct sinks_part part;
	int64_t at;
	bool one; /* the row there is the cause */
	const char *why;
};

/* The row in question comes to be alone, and is buried when it is. */
static enum status divide(struct archive_db *db, void *ctx, struct err *err)
{
	struct division *division = ctx;
	const struct sinks_part *part = &division->part;
	division->job->held = false;
	division->job->poison = 0;
	if (part->to - part->from <= 1)
		return sinks_bury(db, division->job, part, division->why, err);
	return sinks_split(db, division->job, part, division->at, division->one, err);
}

static enum status take_apart(struct archive_db *db, struct sinks_job *job,
			      const struct sinks_part *part, enum status cause, int64_t bad,
			      struct err *err)
{
	bool one = cause == STATUS_INVALID;
	struct division division = { .job = job, .part = *part, .one = one };
	division.at = one ? bad : (part->to - part->from) / 2;
	division.why = one ? "the sink has no value for it" : "too large for a body";
	return db_transact(db, divide, &division, err);
}

static enum status prepare(struct archive_db *db, struct sinks_job *job, struct err *err)
{
	enum status status = STATUS_OK;
	while (!status && !job->ready->there && !job->held) {
		int64_t bad = 0;
		if (job->taken == job->queued)
			status = sinks_look(db, job, err);
		if (status || job->taken == job->queued)
			return status;
		const struct sinks_part part = job->queue[job->taken++];
		if (part.is_new)
			crash_point(CRASH_batch);
		status = encode(db, job, &part, &bad, err);
		job->ready->there = status == STATUS_OK;
		if (status != STATUS_FULL && status != STATUS_INVALID)
			continue;
		status = take_apart(db, job, &part, status, bad, err);
		job->queued = job->taken = 0;
	}
	return status;
}

/* ---- a job ---- */

static enum status work(struct archive_db *db, struct sinks_job *job, struct err *err)
{
	bool is_done = job->records && job->outcome == SINK_DONE;
	enum status status = STATUS_OK, prepared = STATUS_OK;
	job->held = job->ended = false;
	job->poison = 0;
	if (job->looks_again || (job->records && !is_done))
		job->queued = job->taken = 0;
	if (job->records && !is_done)
		return sinks_record(db, job, err);
	if (job->prepares && !job->ready->there)
		prepared = prepare(db, job, err);
	uint64_t poison = job->poison;
	bool held = job->held;
	bool marks = !prepared && job->marks && job->ready->there && !job->ready->marked;
	job->marks = marks;
	/* What is done is recorded, whatever the next one is like. */
	if (is_done || marks || job->unsent.part_id >= 0)
		status = sinks_record(db, job, err);
	if (!status && marks)
		job->ready->marked = true;
	job->poison += poison;
	job->held |= held;
	if (!status && job->ended && job->waiting_batches) {
		uint64_t rows = (uint64_t)job->told.to; /* of parts: the last one's end */
		job->waiting_batches--;
		job->waiting_rows -= rows < job->waiting_rows ? rows : job->waiting_rows;
	}
	if (!status && is_done)
		crash_point(CRASH_shipped);
	return status ? status : prepared;
}

void sinks_work(struct archive_db *db, struct writer_job *base)
{
	struct sinks_job *job = (struct sinks_job *)base;
	job->err = (struct err){ 0 };
	job->status = work(db, job, &job->err);
}
