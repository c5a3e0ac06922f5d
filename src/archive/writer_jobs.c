/* Jobs of the archive's other parts, what the loop may ask of the books, and the retries. */
#include <stddef.h>
#include <stdlib.h>

#include "archive/writer_impl.h"
#include "base/check.h"

/* ---- jobs ---- */

static struct writer_job *job_of(struct worker_job *job)
{
	return (struct writer_job *)(void *)((char *)job - offsetof(struct writer_job, job));
}

static void job_work(struct worker_job *wrapped)
{
	struct writer_job *job = job_of(wrapped);
	struct writer_work *work = job->writer->work;
	job->status = STATUS_CANCELLED;
	if (work->failed || db_be_open(work->db))
		return;
	job->status = STATUS_OK;
	job->work(work->db, job);
	db_tell(work->db);
}

static void job_done(struct worker_job *wrapped)
{
	struct writer_job *job = job_of(wrapped);
	job->done(job, job->status);
}

void writer_run(struct writer *writer, struct writer_job *job)
{
	CHECK(!writer->closing);
	job->writer = writer;
	job->job = (struct worker_job){ .work = job_work, .done = job_done };
	worker_submit(writer->worker, &job->job);
}

/* ---- what is kept of the file ---- */

struct str writer_marked(const struct writer *writer, struct str name)
{
	/* Its text lives until the next call. */
	struct writer *mine = (struct writer *)(uintptr_t)writer;
	return db_books_mark(&mine->db->books, name, mine->marked);
}

int64_t writer_counted(const struct writer *writer, const char *name)
{
	return db_books_count(&writer->db->books, name);
}

int64_t writer_rows(const struct writer *writer, enum archive_table table)
{
	char name[DB_NAME_MAX + 1];
	db_rows_name(name, table, false);
	return db_books_count(&writer->db->books, name);
}

int64_t writer_rows_gone(const struct writer *writer, enum archive_table table)
{
	char name[DB_NAME_MAX + 1];
	db_rows_name(name, table, true);
	return db_books_count(&writer->db->books, name);
}

/* ---- retries ---- */

struct retry_job {
	struct writer_job job;
	void (*each)(void *ctx, const struct writer_retry *retry);
	void (*done)(void *ctx, enum status status);
	void *ctx;
	struct writer_retry *list;
	size_t count, room;
	enum status status;
};

static struct str keep(struct str text)
{
	char *copy = malloc(text.len + 1);
	if (!copy)
		return (struct str){ NULL, 0 };
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	return str_make(copy, text.len);
}

static bool take_retry(void *ctx, const struct db_row *row)
{
	struct retry_job *job = ctx;
	if (job->count == job->room) {
		size_t room = job->room ? 2 * job->room : 64;
		struct writer_retry *list = realloc(job->list, room * sizeof *list);
		if (!list) {
			job->status = STATUS_NO_MEMORY;
			return false;
		}
		job->list = list;
		job->room = room;
	}
	struct writer_retry *retry = &job->list[job->count++];
	struct str *const texts[] = { &retry->origin, &retry->entry_id, &retry->letter_id,
				      &retry->payload, &retry->reason };
	bool all = true;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		*texts[i] = keep(db_row_text(row, i));
		all = all && texts[i]->ptr;
	}
	retry->due_ms = db_row_int(row, 5, 0);
	retry->attempts = (uint32_t)db_row_int(row, 6, 0);
	if (!all)
		job->status = STATUS_NO_MEMORY;
	return all;
}

static void retries_work(struct archive_db *db, struct writer_job *job)
{
	struct retry_job *mine = (struct retry_job *)(void *)job;
	struct err err;
	enum status status =
	    db_each(db,
		    "SELECT origin, entry_id, letter_id, payload, reason, due_ms, attempts FROM "
		    "retries ORDER BY due_ms, rowid",
		    DB_NONE, take_retry, mine, &err);
	if (status)
		mine->status = status;
}

static void retries_done(struct writer_job *job, enum status status)
{
	struct retry_job *mine = (struct retry_job *)(void *)job;
	if (!status)
		status = mine->status;
	for (size_t i = 0; i < mine->count; i++) {
		struct writer_retry *retry = &mine->list[i];
		if (!status)
			mine->each(mine->ctx, retry);
		free((void *)(uintptr_t)retry->origin.ptr);
		free((void *)(uintptr_t)retry->entry_id.ptr);
		free((void *)(uintptr_t)retry->letter_id.ptr);
		free((void *)(uintptr_t)retry->payload.ptr);
		free((void *)(uintptr_t)retry->reason.ptr);
	}
	mine->done(mine->ctx, status);
	free(mine->list);
	free(mine);
}

void writer_retries(struct writer *writer,
		    void (*each)(void *ctx, const struct writer_retry *retry),
		    void (*done)(void *ctx, enum status status), void *ctx)
{
	struct retry_job *job = calloc(1, sizeof *job);
	CHECK(job);
	job->each = each;
	job->done = done;
	job->ctx = ctx;
	job->job.work = retries_work;
	job->job.done = retries_done;
	writer_run(writer, &job->job);
}
