/* The loop's side: batches and jobs to the thread and back, trouble watched, upkeep. */
#include "archive/writer.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "archive/writer_impl.h"
#include "base/check.h"

/* What people and terminals wait for goes first: the archive may take a little longer. */
enum { ARCHIVE_NICE = 5, QUERY_NICE = 10 };

enum {
	TICK_NS = 250 * 1000 * 1000,
	UPKEEP_MS = 1000,
};

static const int64_t ms_ns = 1000000;

/* ---- told by the thread ---- */

static void take_counts(struct writer *writer)
{
	struct archive_db *db = writer->db;
	struct writer_counts *counts = &writer->counts;
	struct writer_salvage salvage;
	char kept[PATH_BYTES_MAX], why[DB_WHY];
	uint64_t reopened = counts->reopened;
	pthread_mutex_lock(&db->trouble.lock);
	counts->failed = db->told.failed;
	counts->reopened = db->told.reopened;
	counts->salvaged = db->told.salvaged;
	counts->file_bytes = db->told.file_bytes;
	counts->wal_bytes = db->told.wal_bytes;
	salvage =
	    (struct writer_salvage){ kept, db->told.damaged_bytes, db->told.damaged_bytes_kept };
	memcpy(kept, db->told.kept, sizeof kept);
	memcpy(why, db->told.closed_why, sizeof why);
	pthread_mutex_unlock(&db->trouble.lock);
	if (reopened != counts->reopened && writer->hooks.on_reopened)
		writer->hooks.on_reopened(writer->hooks.ctx, why);
	if (writer->salvages_told == counts->salvaged)
		return;
	writer->salvages_told = counts->salvaged;
	if (writer->hooks.on_salvaged)
		writer->hooks.on_salvaged(writer->hooks.ctx, &salvage);
}

static void watch_trouble(struct writer *writer)
{
	struct db_trouble *trouble = &writer->db->trouble;
	char text[sizeof writer->trouble];
	pthread_mutex_lock(&trouble->lock);
	enum status status = trouble->status;
	writer->counts.failures = trouble->failures;
	memcpy(text, trouble->text, sizeof text);
	pthread_mutex_unlock(&trouble->lock);
	bool is_well = status == STATUS_OK, was_well = writer->trouble[0] == 0;
	if (!is_well && writer->closing)
		db_trouble_stop(trouble);
	if (writer->state == WRITER_OPENING || writer->closing || is_well == was_well)
		return;
	memcpy(writer->trouble, is_well ? "" : text, is_well ? 1 : sizeof text);
	writer->state = is_well ? WRITER_READY : WRITER_TROUBLE;
	if (writer->hooks.on_trouble)
		writer->hooks.on_trouble(writer->hooks.ctx, status, writer->trouble);
}

/* ---- upkeep: checkpoints, batches that close by time ---- */

static struct upkeep *upkeep_of(struct worker_job *job)
{
	return (struct upkeep *)(void *)((char *)job - offsetof(struct upkeep, job));
}

static struct writer *writer_of(struct upkeep *upkeep)
{
	return (struct writer *)(void *)((char *)upkeep - offsetof(struct writer, upkeep));
}

static bool checkpoint_is_due(const struct writer *writer, const struct upkeep *upkeep)
{
	const struct writer_work *work = writer->work;
	uint64_t file, wal;
	int64_t now = loop_precise_ns();
	if (work->db->checkpoint_fails)
		return true;
	/* The journal is folded by one more transaction: a file at rest has one to tell. */
	if (work->db->books.number == work->checkpointed)
		return false;
	db_sizes(work->db, &file, &wal);
	return upkeep->want_checkpoint || upkeep->last ||
	       wal >= (uint64_t)writer->config.wal_bytes_max ||
	       now - work->checkpoint_ns >= writer->config.checkpoint_ms * ms_ns;
}

static enum status make_checkpoint(struct writer_work *work, struct upkeep *upkeep)
{
	struct archive_db *db = work->db;
	enum status status = db_books_fold(db, &upkeep->err);
	if (!status)
		status = db_checkpoint(db, &upkeep->err);
	if (status == STATUS_CANCELLED)
		return status;
	db->checkpoint_fails = status != STATUS_OK;
	db_trouble_set(&db->trouble, status, status ? upkeep->err.text : "");
	if (status) {
		db->failed++;
		db_close_for(db, upkeep->err.text); /* whatever it left half done is read anew */
		return status;
	}
	work->checkpointed = upkeep->checkpointed = db->books.number;
	work->checkpoint_ns = loop_precise_ns();
	return STATUS_OK;
}

static enum status nothing(struct archive_db *db, void *ctx, struct err *err)
{
	(void)db;
	(void)ctx;
	(void)err;
	return STATUS_OK;
}

static enum status keep_up(struct writer *writer, struct upkeep *upkeep)
{
	struct writer_work *work = writer->work;
	struct archive_db *db = work->db;
	if (db_be_open(db))
		return STATUS_CANCELLED;
	enum status status = STATUS_OK;
	if (db_batches_due(db))
		status = db_batches_close(db, false, &upkeep->err);
	if (!status && checkpoint_is_due(writer, upkeep))
		return make_checkpoint(work, upkeep);
	if (upkeep->want_checkpoint) /* nothing is new since the last */
		upkeep->checkpointed = work->checkpointed;
	if (!status && db->trouble.status) /* is it well again? Nobody else may ask */
		status = db_transact(db, nothing, NULL, &upkeep->err);
	return status;
}

static void close_on_thread(struct writer *writer)
{
	db_close(writer->db);
	writer_work_destroy(writer->work);
	writer->work = NULL;
}

static void upkeep_work(struct worker_job *job)
{
	struct upkeep *upkeep = upkeep_of(job);
	struct writer *writer = writer_of(upkeep);
	upkeep->checkpointed = 0;
	upkeep->status = writer->work->failed ? STATUS_CANCELLED : keep_up(writer, upkeep);
	db_tell(writer->db);
	if (upkeep->last)
		close_on_thread(writer);
}

static void run_upkeep(struct writer *writer)
{
	writer->upkeep.under_way = true;
	writer->upkeep.want_checkpoint = writer->checkpoint_wanted;
	writer->checkpoint_wanted = false;
	writer->upkeep_ns = loop_now_ns(writer->loop);
	worker_submit(writer->worker, &writer->upkeep.job);
}

static void free_writer(struct writer *writer)
{
	void (*fn)(void *ctx) = writer->on_closed;
	void *ctx = writer->closed_ctx;
	timers_cancel(loop_timers(writer->loop), &writer->tick);
	timers_cancel(loop_timers(writer->loop), &writer->deadline);
	for (size_t i = 0; i < WRITER_BATCHES; i++) {
		archive_rows_deinit(&writer->batches[i].rows);
		writer_more_deinit(&writer->more[i]);
	}
	db_destroy(writer->db);
	free(writer);
	fn(ctx);
}

static void on_worker_closed(void *ctx) { free_writer(ctx); }

static void on_query_worker_closed(void *ctx)
{
	struct writer *writer = ctx;
	worker_close(writer->worker, on_worker_closed, writer);
}

static void tell_checkpoint(struct writer *writer)
{
	struct upkeep *upkeep = &writer->upkeep;
	if (upkeep->status && upkeep->want_checkpoint)
		writer->checkpoint_wanted = true;
	if (!upkeep->checkpointed)
		return;
	writer->counts.checkpoints += writer->checkpoint_told != upkeep->checkpointed;
	writer->checkpoint_told = upkeep->checkpointed;
	if (writer->hooks.on_checkpoint)
		writer->hooks.on_checkpoint(writer->hooks.ctx, upkeep->checkpointed);
}

static void upkeep_done(struct worker_job *job)
{
	struct upkeep *upkeep = upkeep_of(job);
	struct writer *writer = writer_of(upkeep);
	bool was_last = upkeep->last;
	upkeep->under_way = false;
	take_counts(writer);
	watch_trouble(writer);
	tell_checkpoint(writer);
	if (was_last) {
		worker_close(writer->query_worker, on_query_worker_closed, writer);
	} else if (writer->closing && !upkeep->under_way) {
		upkeep->last = true;
		run_upkeep(writer);
	}
}

static void on_tick(void *ctx)
{
	struct writer *writer = ctx;
	loop_timer_after(writer->loop, &writer->tick, TICK_NS);
	watch_trouble(writer);
	if (writer->state == WRITER_OPENING || writer->upkeep.under_way || writer->closing)
		return;
	int64_t since = loop_now_ns(writer->loop) - writer->upkeep_ns;
	if (writer->checkpoint_wanted || since >= UPKEEP_MS * ms_ns ||
	    since >= writer->config.checkpoint_ms * ms_ns)
		run_upkeep(writer);
}

void writer_checkpoint(struct writer *writer)
{
	writer->checkpoint_wanted = true;
	if (writer->state == WRITER_READY && !writer->upkeep.under_way && !writer->closing)
		run_upkeep(writer);
}

/* ---- opening ---- */

static void open_work(struct worker_job *job)
{
	struct upkeep *upkeep = upkeep_of(job);
	struct writer *writer = writer_of(upkeep);
	struct archive_db *db = writer->db;
	upkeep->status = db_open(db, &upkeep->err);
	if (!upkeep->status)
		upkeep->status = writer_restore(writer->work, &upkeep->err);
	writer->work->failed = upkeep->status != STATUS_OK;
	writer->work->checkpoint_ns = loop_precise_ns();
	if (writer->work->failed)
		db_close(db);
	else
		db_trouble_set(&db->trouble, STATUS_OK, "");
	db_tell(db);
}

static void open_done(struct worker_job *job)
{
	struct upkeep *upkeep = upkeep_of(job);
	struct writer *writer = writer_of(upkeep);
	enum status status = upkeep->status;
	struct err err = upkeep->err;
	job->work = upkeep_work;
	job->done = upkeep_done;
	upkeep->under_way = false;
	if (writer->closing) {
		upkeep->last = true;
		run_upkeep(writer);
		return;
	}
	take_counts(writer);
	if (!status)
		writer->state = WRITER_READY;
	writer->hooks.on_open(writer->hooks.ctx, status, status ? &err : NULL);
}

static enum status make_paths(struct writer *writer, const struct writer_config *config,
			      struct err *err)
{
	const char *slash = strrchr(config->path, '/');
	int folder = slash ? (int)(slash - config->path) : 1;
	enum status status = path_format(writer->path, err, "%s", config->path);
	if (!status)
		status = path_format(writer->temp_dir, err, "%s", config->temp_dir);
	if (!status)
		status = path_format(writer->export_dir, err, "%.*s/export", folder,
				     slash ? config->path : ".");
	writer->config = *config;
	writer->config.path = writer->path;
	writer->config.temp_dir = writer->temp_dir;
	return status;
}

static enum status make_parts(struct writer *writer, struct err *err)
{
	struct db_config config = {
		.path = writer->path,
		.temp_dir = writer->temp_dir,
		.export_dir = writer->export_dir,
		.memory_bytes = writer->config.memory_bytes,
		.wal_bytes_max = writer->config.wal_bytes_max,
		.sinks = writer->config.sinks[0] != NULL,
	};
	writer->db = db_create(&config);
	writer->work = writer->db ? writer_work_create(writer->db) : NULL;
	if (!writer->work)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the archive's thread");
	enum status status = worker_open(writer->loop, "archive", &writer->worker, err);
	if (status)
		return status;
	worker_yield(writer->worker, ARCHIVE_NICE);
	status = worker_open(writer->loop, "archive-query", &writer->query_worker, err);
	if (!status)
		worker_yield(writer->query_worker, QUERY_NICE);
	return status;
}

static void on_nothing(void *ctx) { (void)ctx; }

static enum status give_up(struct writer *writer, enum status status)
{
	if (writer->worker)
		worker_close(writer->worker, on_nothing, NULL);
	writer_work_destroy(writer->work);
	db_destroy(writer->db);
	free(writer);
	return status;
}

static void batch_work(struct worker_job *job);
static void batch_done(struct worker_job *job);

static void make_batches(struct writer *writer)
{
	for (size_t i = 0; i < WRITER_BATCHES; i++) {
		struct writer_more *more = &writer->more[i];
		archive_rows_init(&writer->batches[i].rows, WRITER_BATCH_BYTES);
		writer->batches[i].more = more;
		more->writer = writer;
		more->batch = &writer->batches[i];
		more->job.work = batch_work;
		more->job.done = batch_done;
		buf_init(&more->texts, NOTE_BYTES_MAX);
	}
}

enum status writer_open(struct loop *loop, const struct writer_config *config,
			const struct writer_hooks *hooks, struct writer **out, struct err *err)
{
	struct writer *writer = calloc(1, sizeof *writer);
	if (!writer)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the archive");
	writer->loop = loop;
	writer->hooks = *hooks;
	writer->counts.commit_ns = &writer->commit_ns;
	enum status status = make_paths(writer, config, err);
	if (!status)
		status = make_parts(writer, err);
	if (status)
		return give_up(writer, status);
	make_batches(writer);
	writer->tick = (struct timer){ .fn = on_tick, .ctx = writer };
	writer->deadline = (struct timer){ .fn = writer_query_deadlines, .ctx = writer };
	writer->upkeep.job = (struct worker_job){ .work = open_work, .done = open_done };
	loop_timer_after(loop, &writer->tick, TICK_NS);
	run_upkeep(writer);
	*out = writer;
	return STATUS_OK;
}

/* What was submitted is before the last upkeep in the thread's row. */
void writer_close(struct writer *writer, void (*fn)(void *ctx), void *ctx)
{
	CHECK(!writer->closing);
	writer->closing = true;
	writer->state = WRITER_CLOSING;
	writer->on_closed = fn;
	writer->closed_ctx = ctx;
	writer_queries_end(writer);
	watch_trouble(writer);
	if (writer->upkeep.under_way)
		return; /* its end begins the last */
	writer->upkeep.last = true;
	run_upkeep(writer);
}

enum writer_state writer_state(const struct writer *writer) { return writer->state; }
const char *writer_trouble(const struct writer *writer) { return writer->trouble; }
size_t writer_waiting(const struct writer *writer) { return writer->waiting; }
const struct writer_counts *writer_counts(const struct writer *writer) { return &writer->counts; }

/* ---- batches ---- */

struct writer_batch *writer_batch_take(struct writer *writer)
{
	for (size_t i = 0; i < WRITER_BATCHES; i++) {
		struct writer_batch *batch = &writer->batches[i];
		if (batch->more->taken)
			continue;
		batch->more->taken = true;
		archive_rows_clear(&batch->rows);
		writer_more_clear(batch->more);
		batch->flags = 0;
		batch->done = NULL;
		batch->ctx = NULL;
		batch->number = 0;
		batch->rows_known = batch->rows_taken = 0;
		return batch;
	}
	return NULL;
}

static void set_free(struct writer_batch *batch)
{
	if (batch->rows.room > ROWS_KEPT_BYTES)
		archive_rows_deinit(&batch->rows);
	batch->more->taken = false;
}

void writer_batch_drop(struct writer *writer, struct writer_batch *batch)
{
	CHECK(batch->more->writer == writer && batch->more->taken);
	set_free(batch);
}

static struct writer_more *more_of(struct worker_job *job)
{
	return (struct writer_more *)(void *)((char *)job - offsetof(struct writer_more, job));
}

static void batch_work(struct worker_job *job)
{
	struct writer_more *more = more_of(job);
	struct writer_work *work = more->writer->work;
	int64_t begin = loop_precise_ns();
	more->status = work->failed ? STATUS_CANCELLED : writer_commit(work, more->batch);
	more->took_ns = loop_precise_ns() - begin;
	db_tell(work->db);
}

static void batch_done(struct worker_job *job)
{
	struct writer_more *more = more_of(job);
	struct writer *writer = more->writer;
	struct writer_batch *batch = more->batch;
	writer->waiting--;
	take_counts(writer);
	if (!more->status) {
		writer->counts.batches++;
		writer->counts.rows += batch->rows_taken;
		writer->counts.known += batch->rows_known;
		hist_record(&writer->commit_ns, (uint64_t)more->took_ns);
		if (writer->counts.wal_bytes >= (uint64_t)writer->config.wal_bytes_max)
			writer_checkpoint(writer);
	}
	watch_trouble(writer);
	if (batch->done)
		batch->done(batch->ctx, batch, more->status);
	set_free(batch);
}

void writer_submit(struct writer *writer, struct writer_batch *batch)
{
	CHECK(batch->more->writer == writer && batch->more->taken && !writer->closing);
	CHECK(batch->rows.count <= WRITER_ROWS_MAX && batch->rows.row == SIZE_MAX);
	writer->waiting++;
	worker_submit(writer->worker, &batch->more->job);
}
