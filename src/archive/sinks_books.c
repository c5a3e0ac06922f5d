/* What is known of each batch and sink: batch_sinks. On the writer's thread. */
#include <stdio.h>

#include "archive/sinks_impl.h"

/* A wall clock may be set back by so much. */
#define CLOCK_STEP_US INT64_C(3600000000)

static struct str name_of(const struct sinks_job *job)
{
	return job->line->sinks->names[job->line->index];
}

static struct str table_of(enum archive_table table)
{
	return str_of(archive_table_row(table)->name);
}

/* ---- what is to be done ---- */

static bool take_part(void *ctx, const struct db_row *row)
{
	struct sinks_job *job = ctx;
	struct sinks_part part = { .table = archive_table_find(db_row_text(row, 1)),
				   .month = (uint32_t)db_row_int(row, 2, 0),
				   .batch_id = db_row_int(row, 0, 0),
				   .is_new = db_row_null(row, 4) };
	part.part_id = db_row_int(row, 4, part.batch_id);
	part.from = db_row_int(row, 5, 0);
	part.to = db_row_int(row, 6, db_row_int(row, 3, 0));
	part.tries = db_row_int(row, 7, 0);
	part.was_sent = str_eq(db_row_text(row, 8), STR("sent"));
	bool is_busy = part.part_id == job->told.part_id || part.part_id == job->busy_id;
	if (part.table != TABLE_COUNT && !is_busy)
		job->queue[job->queued++] = part;
	return job->queued < SINKS_QUEUE;
}

static bool take_waiting(void *ctx, const struct db_row *row)
{
	struct sinks_job *job = ctx;
	job->waiting_batches = (uint64_t)db_row_int(row, 0, 0);
	job->waiting_rows = (uint64_t)db_row_int(row, 1, 0);
	job->floor_us = db_row_int(row, 2, INT64_MAX);
	return true;
}

/* The floor keeps the look from reading all that was done in 30 days. Each hour it is taken
 * away, for what a clock that was set back has put under it. */
static enum status look_at_waiting(struct archive_db *db, struct sinks_job *job, struct err *err)
{
	int64_t now_us = db_now_us(db);
	if (now_us - job->floor_at_us > CLOCK_STEP_US || now_us < job->floor_at_us)
		job->floor_us = 0;
	if (!job->floor_us)
		job->floor_at_us = now_us;
	enum status status =
	    db_each(db,
		    "SELECT count(*), sum(rows)::BIGINT, min(closed_us) FROM batches b WHERE "
		    "closed_us >= ? "
		    "AND NOT EXISTS (SELECT 1 FROM batch_sinks s WHERE s.sink = ? AND "
		    "s.batch_id = b.batch_id AND s.part_id = s.batch_id AND s.state = 'done')",
		    DB_ARGS(DB_INT(job->floor_us), DB_TEXT(name_of(job))), take_waiting, job, err);
	if (job->floor_us == INT64_MAX)
		job->floor_us = now_us;
	job->floor_us = job->floor_us > CLOCK_STEP_US ? job->floor_us - CLOCK_STEP_US : 0;
	return status;
}

enum status sinks_look(struct archive_db *db, struct sinks_job *job, struct err *err)
{
	struct str skipped[TABLE_COUNT + 1] = { STR("") };
	size_t count = 1;
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		if (job->skip[i])
			skipped[count++] = table_of((enum archive_table)i);
	job->queued = job->taken = 0;
	enum status status = look_at_waiting(db, job, err);
	if (status || !job->waiting_batches)
		return status;
	return db_each(
	    db,
	    "SELECT b.batch_id, b.tbl, b.month, b.rows, s.part_id, s.part_from, "
	    "s.part_to, s.tries, s.state FROM batches b LEFT JOIN batch_sinks s ON "
	    "s.batch_id = b.batch_id AND s.sink = ? WHERE b.closed_us >= ? AND "
	    "(s.state IS NULL OR s.state IN ('new', 'sent')) AND "
	    "b.tbl NOT IN (SELECT unnest(?)) ORDER BY b.batch_id, s.part_from LIMIT 65",
	    DB_ARGS(DB_TEXT(name_of(job)), DB_INT(job->floor_us), DB_TEXTS(skipped, count)),
	    take_part, job, err);
}

/* ---- rows ---- */

enum status sinks_read(struct archive_db *db, struct sinks *sinks, const struct sinks_part *part,
		       struct err *err)
{
	char where[256];
	archive_rows_clear(&sinks->rows);
	if (part->part_id == part->batch_id)
		return db_read_rows(db, part->table, "batch_id = ?",
				    DB_ARGS(DB_INT(part->batch_id)), SINKS_PLACES_MAX, &sinks->rows,
				    err);
	snprintf(where, sizeof where,
		 "rowid IN (SELECT rowid FROM %s WHERE batch_id = ? ORDER BY rowid LIMIT ? "
		 "OFFSET ?) ORDER BY rowid",
		 archive_table_row(part->table)->name);
	return db_read_rows(
	    db, part->table, where,
	    DB_ARGS(DB_INT(part->batch_id), DB_INT(part->to - part->from), DB_INT(part->from)),
	    SINKS_PLACES_MAX, &sinks->rows, err);
}

/* ---- states ---- */

static enum status put_row(struct archive_db *db, const struct sinks_job *job,
			   const struct sinks_part *part, const char *state, const char *why,
			   struct err *err)
{
	return db_exec(db, "INSERT INTO batch_sinks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       DB_ARGS(DB_TEXT(name_of(job)), DB_INT(part->batch_id),
			       DB_TEXT(str_of(state)), DB_INT(part->tries), DB_INT(db_now_us(db)),
			       DB_INT(part->from), DB_INT(part->to), DB_INT(part->part_id),
			       DB_TEXT(str_of(why))),
		       NULL, err);
}

static enum status set_state(struct archive_db *db, const struct sinks_job *job,
			     const struct sinks_part *part, const char *state, int64_t tries,
			     const char *why, struct err *err)
{
	return db_exec(db,
		       "UPDATE batch_sinks SET state = ?, tries = ?, at_us = ?, why = ? WHERE "
		       "sink = ? AND batch_id = ? AND part_id = ?",
		       DB_ARGS(DB_TEXT(str_of(state)), DB_INT(tries), DB_INT(db_now_us(db)),
			       DB_TEXT(str_of(why)), DB_TEXT(name_of(job)), DB_INT(part->batch_id),
			       DB_INT(part->part_id)),
		       NULL, err);
}

static enum status drop_rows(struct archive_db *db, const struct sinks_job *job,
			     const struct sinks_part *part, bool all, struct err *err)
{
	return db_exec(db,
		       "DELETE FROM batch_sinks WHERE sink = ? AND batch_id = ? AND "
		       "(? = 1 OR part_id = ?)",
		       DB_ARGS(DB_TEXT(name_of(job)), DB_INT(part->batch_id), DB_INT(all),
			       DB_INT(part->part_id)),
		       NULL, err);
}

static enum status mark_sent(struct archive_db *db, struct sinks_job *job, struct err *err)
{
	struct sinks_part part = job->ready->part;
	part.tries++;
	if (part.is_new)
		return put_row(db, job, &part, "sent", "", err);
	return set_state(db, job, &part, "sent", part.tries, "", err);
}

/* ---- a batch that is done ---- */

static enum status count_parts(struct archive_db *db, const struct sinks_job *job, int64_t batch_id,
			       const char *state, int64_t *out, struct err *err)
{
	return db_scalar(db,
			 "SELECT count(*) FROM batch_sinks WHERE sink = ? AND batch_id = ? AND "
			 "state = ?",
			 DB_ARGS(DB_TEXT(name_of(job)), DB_INT(batch_id), DB_TEXT(str_of(state))),
			 0, out, err);
}

static void count_rows(struct archive_db *db, const char *prefix, struct str name,
		       enum archive_table table, int64_t rows)
{
	char text[DB_NAME_MAX + 1];
	snprintf(text, sizeof text, "%s%.*s%s%s", prefix, STR_ARG(name), name.len ? "." : "",
		 archive_table_row(table)->name);
	db_count(db, text, rows);
}

/* Once for each batch, when the last of the sinks that are named now has it; a sink that is
 * named later does not count again. */
static enum status count_shipped(struct archive_db *db, const struct sinks_job *job,
				 const struct sinks_part *part, struct err *err)
{
	const struct sinks *sinks = job->line->sinks;
	int64_t having = 0, counted = 0, rows = 0;
	enum status status =
	    db_scalar(db,
		      "SELECT count(DISTINCT sink) FROM batch_sinks WHERE batch_id = ? AND "
		      "part_id = batch_id AND state = 'done' AND sink IN (SELECT unnest(?))",
		      DB_ARGS(DB_INT(part->batch_id), DB_TEXTS(sinks->names, sinks->config.count)),
		      0, &having, err);
	if (!status && having == (int64_t)sinks->config.count)
		status = db_scalar(
		    db, "SELECT count(*) FROM batch_sinks WHERE batch_id = ? AND sink = ''",
		    DB_ARGS(DB_INT(part->batch_id)), 0, &counted, err);
	if (status || counted || having < (int64_t)sinks->config.count)
		return status;
	status = db_scalar(db, "SELECT rows FROM batches WHERE batch_id = ?",
			   DB_ARGS(DB_INT(part->batch_id)), 0, &rows, err);
	if (!status)
		status =
		    db_exec(db, "INSERT INTO batch_sinks VALUES ('', ?, 'done', 0, ?, 0, ?, ?, '')",
			    DB_ARGS(DB_INT(part->batch_id), DB_INT(db_now_us(db)), DB_INT(rows),
				    DB_INT(part->batch_id)),
			    NULL, err);
	if (!status)
		count_rows(db, "shipped.", STR(""), part->table, rows);
	return status;
}

static bool take_end(void *ctx, const struct db_row *row)
{
	*(int64_t *)ctx = db_row_int(row, 0, 0);
	return true;
}

/* Parts become one row again. */
static enum status join_parts(struct archive_db *db, const struct sinks_job *job,
			      const struct sinks_part *part, struct err *err)
{
	struct sinks_part whole = *part;
	int64_t dead = 0;
	char why[64] = "";
	whole.part_id = whole.batch_id;
	whole.from = 0;
	enum status status = count_parts(db, job, part->batch_id, "dead", &dead, err);
	if (!status)
		status = db_each(db,
				 "SELECT max(part_to) FROM batch_sinks WHERE sink = ? AND "
				 "batch_id = ?",
				 DB_ARGS(DB_TEXT(name_of(job)), DB_INT(part->batch_id)), take_end,
				 &whole.to, err);
	if (!status)
		status = drop_rows(db, job, part, true, err);
	if (dead)
		snprintf(why, sizeof why, "%lld rows are dead letters", (long long)dead);
	return status ? status : put_row(db, job, &whole, "done", why, err);
}

static enum status end_part(struct archive_db *db, struct sinks_job *job,
			    const struct sinks_part *part, struct err *err)
{
	int64_t fresh = 0, sent = 0;
	enum status status = STATUS_OK;
	if (part->part_id != part->batch_id) {
		status = count_parts(db, job, part->batch_id, "new", &fresh, err);
		if (!status)
			status = count_parts(db, job, part->batch_id, "sent", &sent, err);
		if (status || fresh || sent)
			return status;
		status = join_parts(db, job, part, err);
	}
	job->ended = true;
	return status ? status : count_shipped(db, job, part, err);
}

/* ---- parts ---- */

static enum status next_part_id(struct archive_db *db, const struct sinks_job *job,
				const struct sinks_part *part, int64_t *id, struct err *err)
{
	enum status status = db_scalar(
	    db, "SELECT max(part_id) FROM batch_sinks WHERE sink = ? AND batch_id = ?",
	    DB_ARGS(DB_TEXT(name_of(job)), DB_INT(part->batch_id)), part->batch_id, id, err);
	++*id;
	return status;
}

static bool has_room(const struct sinks_part *part, int64_t id)
{
	return part->batch_id % SINKS_PARTS == 0 && id + 3 < part->batch_id + SINKS_PARTS;
}

static enum status hold(struct sinks_job *job, const struct sinks_part *part, const char *why)
{
	job->held = true;
	job->held_table = part->table;
	snprintf(job->held_why, sizeof job->held_why, "batch %lld cannot be divided: %s",
		 (long long)part->batch_id, why);
	return STATUS_OK;
}

enum status sinks_split(struct archive_db *db, struct sinks_job *job, const struct sinks_part *part,
			int64_t at, bool one, struct err *err)
{
	const int64_t cuts[] = { part->from, part->from + at, part->from + at + one, part->to };
	int64_t id = 0, dead = 0;
	enum status status = next_part_id(db, job, part, &id, err);
	if (!status)
		status = count_parts(db, job, part->batch_id, "dead", &dead, err);
	if (status)
		return status;
	if (!has_room(part, id))
		return hold(job, part, "no ids are left for its parts");
	if (dead >= SINKS_POISON_MAX)
		return hold(job, part, "too many of its rows were refused already");
	if (!part->is_new)
		status = drop_rows(db, job, part, false, err);
	for (size_t i = 0; !status && i < 3; i++) {
		struct sinks_part piece = *part;
		piece.from = cuts[i];
		piece.to = cuts[i + 1];
		piece.tries = 0;
		piece.part_id = id;
		if (piece.from == piece.to)
			continue;
		id++;
		status = put_row(db, job, &piece, "new", "", err);
	}
	return status;
}

enum status sinks_bury(struct archive_db *db, struct sinks_job *job, const struct sinks_part *part,
		       const char *why, struct err *err)
{
	struct sinks *sinks = job->line->sinks;
	const struct archive_row *row = NULL;
	int64_t dead = 0;
	enum status status = count_parts(db, job, part->batch_id, "dead", &dead, err);
	if (!status && dead >= SINKS_POISON_MAX)
		return hold(job, part, why);
	if (!status)
		status = sinks_read(db, sinks, part, err);
	archive_rows_clear(&job->letters);
	/* A dead letter that is refused is in the table of dead letters already. */
	if (!status && part->table != TABLE_dead_letters)
		row = archive_rows_next(&sinks->rows, NULL);
	if (row)
		status =
		    sinks_letter(&job->letters, sinks->config.sinks[job->line->index]->ops->name,
				 row, part->tries, why, db_now_us(db));
	if (!status && row)
		status = db_append(db, &job->letters, err);
	if (!status && part->is_new)
		status = put_row(db, job, part, "dead", why, err);
	else if (!status)
		status = set_state(db, job, part, "dead", part->tries, why, err);
	job->poison++;
	if (!status && part->part_id == part->batch_id) /* a batch of one row */
		status = set_state(db, job, part, "done", part->tries, why, err);
	return status ? status : end_part(db, job, part, err);
}

/* ---- an outcome ---- */

static enum status record_told(struct archive_db *db, struct sinks_job *job, struct err *err)
{
	const struct sinks_part *part = &job->told;
	enum status status = STATUS_OK;
	switch (job->outcome) {
	case SINK_DONE:
		status = set_state(db, job, part, "done", part->tries, "", err);
		count_rows(db, "sink.", name_of(job), part->table, job->told_rows);
		return status ? status : end_part(db, job, part, err);
	case SINK_UNKNOWN: return set_state(db, job, part, "sent", part->tries, job->why, err);
	case SINK_AWAY:
	case SINK_HELD: return set_state(db, job, part, "new", part->tries, job->why, err);
	case SINK_POISON:
		if (part->to - part->from > 1)
			status =
			    sinks_split(db, job, part, (part->to - part->from) / 2, false, err);
		else
			status = sinks_bury(db, job, part, job->why, err);
		if (!status && job->held)
			status = set_state(db, job, part, "new", part->tries, job->held_why, err);
		return status;
	}
	return status;
}

static enum status record(struct archive_db *db, void *ctx, struct err *err)
{
	struct sinks_job *job = ctx;
	enum status status = STATUS_OK;
	job->held = job->ended = false;
	job->poison = 0;
	if (job->records)
		status = record_told(db, job, err);
	if (!status && job->unsent.part_id >= 0)
		status = set_state(db, job, &job->unsent, "new", job->unsent.tries, "", err);
	if (!status && job->marks && job->ready->there && !job->ready->marked)
		status = mark_sent(db, job, err);
	return status;
}

enum status sinks_record(struct archive_db *db, struct sinks_job *job, struct err *err)
{
	return db_transact(db, record, job, err);
}
