#include "store/spill.h"

#include <libgen.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/crash.h"
#include "os/files.h"
#include "os/secret.h"
#include "os/worker.h"

struct spill_job {
	struct worker_job job; /* first */
	struct spill *spill;
	bool busy;
	enum status status;
	struct err err;
	spill_fn fn;
	void *ctx;
};

struct spill {
	struct loop *loop;
	char *path;
	uint64_t bytes_max;
	struct worker *worker;
	struct spill_file file; /* the thread's while a job is under way */
	struct spill_counts counts;

	uint64_t base;
	uint64_t end;  /* of what is committed; 0: there is no file */
	uint64_t read; /* reading stands here */
	uint64_t done; /* up to here it is written where it belongs */

	struct spill_job append, fetch, remove;
	struct buf out;         /* what was put */
	uint64_t append_base;   /* of a file that the commit makes; 0: it is there */
	struct buf in;          /* what was read */
	size_t taken;           /* of it */
	uint64_t in_begin;      /* its offset in the file */
	uint64_t next, damaged; /* as the read tells */

	void (*on_closed)(void *ctx);
	void *on_closed_ctx;
};

static struct spill *spill_of(struct worker_job *job) { return ((struct spill_job *)job)->spill; }

static void submit(struct spill_job *job, spill_fn fn, void *ctx)
{
	CHECK(!job->busy);
	job->busy = true;
	job->fn = fn;
	job->ctx = ctx;
	worker_submit(job->spill->worker, &job->job);
}

static void tell(struct spill_job *job)
{
	spill_fn fn = job->fn;
	job->busy = false;
	job->fn = NULL;
	job->spill->counts.failed += job->status != STATUS_OK;
	if (fn)
		fn(job->ctx, job->status, job->status ? job->err.text : "");
}

/* ---- the end of a file ---- */

static void work_remove(struct worker_job *job)
{
	struct spill *spill = spill_of(job);
	spill->remove.status = spill_file_remove(&spill->file, &spill->remove.err);
}

static void remove_if_done(struct spill *spill);

static void done_remove(struct worker_job *job)
{
	struct spill *spill = spill_of(job);
	spill->counts.removed += spill->remove.status == STATUS_OK;
	if (!spill->end && !spill->append.busy && spill->out.len == 0) {
		buf_deinit(&spill->out);
		buf_deinit(&spill->in);
		buf_init(&spill->out, SPILL_CHUNK_BYTES);
		buf_init(&spill->in, SPILL_WINDOW_BYTES);
	}
	tell(&spill->remove);
	remove_if_done(spill);
}

/* While records are being put or committed it lives on. The thread does its jobs in turn, so
 * what is put next goes into a new file even while the old one is being removed. */
static void remove_if_done(struct spill *spill)
{
	if (!spill->end || spill->done < spill->end || spill->out.len > 0 || spill->append.busy ||
	    spill->remove.busy || spill->fetch.busy)
		return;
	crash_point(CRASH_replay);
	spill->end = spill->read = spill->done = spill->append_base = 0;
	spill->taken = 0;
	buf_clear(&spill->in);
	submit(&spill->remove, NULL, NULL);
}

/* ---- writing ---- */

static void work_append(struct worker_job *job)
{
	struct spill *spill = spill_of(job);
	if (spill->append_base)
		spill->file.base = spill->append_base;
	spill->append.status =
	    spill_file_append(&spill->file, buf_str(&spill->out), &spill->append.err);
}

static uint64_t begin_of(const struct spill *spill)
{
	return spill->end ? spill->end : SPILL_HEAD_BYTES;
}

static void done_append(struct worker_job *job)
{
	struct spill *spill = spill_of(job);
	if (spill->append.status == STATUS_OK) {
		spill->counts.commits++;
		if (!spill->end) {
			spill->base = spill->append_base;
			spill->read = spill->done = SPILL_HEAD_BYTES;
		}
		spill->end = begin_of(spill) + spill->out.len;
		crash_point(CRASH_spill);
	}
	buf_clear(&spill->out);
	tell(&spill->append);
	remove_if_done(spill);
}

enum status spill_put(struct spill *spill, struct str record)
{
	uint64_t bytes = spill_record_bytes(record.len);
	CHECK(!spill->append.busy && record.len > 0);
	if (record.len > SPILL_RECORD_MAX || spill->out.len + bytes > SPILL_CHUNK_BYTES ||
	    begin_of(spill) + spill->out.len + bytes > spill->bytes_max)
		return STATUS_FULL;
	if (!buf_reserve(&spill->out, bytes)) {
		spill->out.overflow = false;
		return STATUS_FULL;
	}
	spill_put_record(&spill->out, record);
	return STATUS_OK;
}

/* 0 is no file's; below 2^62, so that positions never wrap. */
static uint64_t new_base(struct spill *spill)
{
	uint64_t base = 0;
	struct err err;
	if (secret_random(&base, sizeof base, &err))
		base = (uint64_t)loop_wall_ns(spill->loop); /* the kernel has given it before */
	return (base & (UINT64_MAX >> 2)) | 1;
}

/* What is put first decides it: positions are told before the commit. */
static uint64_t base_now(struct spill *spill)
{
	if (spill->end)
		return spill->base;
	if (!spill->append_base)
		spill->append_base = new_base(spill);
	return spill->append_base;
}

uint64_t spill_next_position(struct spill *spill, size_t len)
{
	return base_now(spill) + begin_of(spill) + spill->out.len + spill_record_bytes(len);
}

void spill_discard(struct spill *spill)
{
	CHECK(!spill->append.busy);
	buf_clear(&spill->out);
	remove_if_done(spill);
}

void spill_commit(struct spill *spill, spill_fn fn, void *ctx)
{
	CHECK(spill->out.len > 0);
	base_now(spill);
	submit(&spill->append, fn, ctx);
}

bool spill_is_committing(const struct spill *spill) { return spill->append.busy; }

/* ---- reading ---- */

static void work_read(struct worker_job *job)
{
	struct spill *spill = spill_of(job);
	spill->damaged = 0;
	spill->fetch.status = spill_file_read(&spill->file, spill->read, &spill->in, &spill->next,
					      &spill->damaged, &spill->fetch.err);
}

static void done_read(struct worker_job *job)
{
	struct spill *spill = spill_of(job);
	spill->taken = 0;
	if (spill->fetch.status == STATUS_OK) {
		spill->counts.damaged += spill->damaged;
		spill->read = spill->next;
		spill->in_begin = spill->next - spill->in.len;
	} else {
		buf_clear(&spill->in);
	}
	tell(&spill->fetch);
	remove_if_done(spill);
}

void spill_seek(struct spill *spill, uint64_t position)
{
	CHECK(!spill->fetch.busy);
	bool ours = spill->end && position > spill->base + SPILL_HEAD_BYTES &&
		    position <= spill->base + spill->end;
	spill->read = ours ? position - spill->base : SPILL_HEAD_BYTES;
	spill->taken = 0;
	buf_clear(&spill->in);
}

bool spill_has_more(const struct spill *spill)
{
	/* While a read is under way all before it was taken, and `in` is the thread's. */
	bool here = !spill->fetch.busy && spill->taken < spill->in.len;
	return here || (spill->end && spill->read < spill->end);
}

void spill_read(struct spill *spill, spill_fn fn, void *ctx)
{
	CHECK(spill->taken == spill->in.len);
	submit(&spill->fetch, fn, ctx);
}

bool spill_is_reading(const struct spill *spill) { return spill->fetch.busy; }

bool spill_take(struct spill *spill, struct spill_record *out)
{
	CHECK(!spill->fetch.busy);
	size_t len = spill_record_at(str_skip(buf_str(&spill->in), spill->taken), &out->bytes);
	if (len == 0)
		return false;
	spill->taken += len;
	out->position = spill->base + spill->in_begin + spill->taken;
	return true;
}

/* ---- what is done with ---- */

void spill_done(struct spill *spill, uint64_t position)
{
	if (!spill->end || position <= spill->base + spill->done ||
	    position > spill->base + spill->end)
		return;
	spill->done = position - spill->base;
	remove_if_done(spill);
}

struct spill_counts spill_counts(const struct spill *spill)
{
	struct spill_counts counts = spill->counts;
	counts.bytes = spill->end - spill->done;
	counts.file_bytes = spill->end;
	return counts;
}

/* ---- life ---- */

static void init_job(struct spill *spill, struct spill_job *job,
		     void (*work)(struct worker_job *job), void (*done)(struct worker_job *job))
{
	*job = (struct spill_job){ .job = { .work = work, .done = done }, .spill = spill };
}

static void destroy(struct spill *spill)
{
	spill_file_close(&spill->file);
	buf_deinit(&spill->out);
	buf_deinit(&spill->in);
	free(spill->path);
	free(spill);
}

static enum status open_file(struct spill *spill, struct err *err)
{
	struct spill_found found;
	char folder[PATH_BYTES_MAX];
	enum status status = path_format(folder, err, "%s", spill->path);
	if (!status)
		status = files_make_folder(dirname(folder), 0700, err);
	if (status)
		return status;
	status = spill_file_open(&spill->file, &found, err);
	spill->counts.records = found.records;
	spill->counts.cut = found.bytes_cut;
	spill->counts.damaged = found.bytes_damaged;
	if (status == STATUS_OK) {
		spill->base = spill->file.base;
		spill->end = spill->file.good;
		spill->read = spill->done = SPILL_HEAD_BYTES;
	}
	return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status spill_open(const struct spill_config *config, struct spill **out, struct err *err)
{
	struct spill *spill = calloc(1, sizeof *spill);
	char *path = strdup(config->path);
	if (!spill || !path) {
		free(spill);
		free(path);
		return err_set(err, STATUS_NO_MEMORY, "%s: out of memory", config->path);
	}
	spill->loop = config->loop;
	spill->path = path;
	spill->bytes_max = config->bytes_max;
	spill->file = (struct spill_file){ .path = path, .fd = -1, .torn = true };
	buf_init(&spill->out, SPILL_CHUNK_BYTES);
	buf_init(&spill->in, SPILL_WINDOW_BYTES);
	init_job(spill, &spill->append, work_append, done_append);
	init_job(spill, &spill->fetch, work_read, done_read);
	init_job(spill, &spill->remove, work_remove, done_remove);
	enum status status = open_file(spill, err);
	if (!status)
		status = worker_open(config->loop, "weir-spill", &spill->worker, err);
	if (status) {
		destroy(spill);
		return status;
	}
	*out = spill;
	return STATUS_OK;
}

void spill_forget_owner(struct spill *spill)
{
	spill->append.fn = spill->fetch.fn = spill->remove.fn = NULL;
}

static void on_worker_closed(void *ctx)
{
	struct spill *spill = ctx;
	void (*fn)(void *ctx) = spill->on_closed;
	void *fn_ctx = spill->on_closed_ctx;
	destroy(spill);
	if (fn)
		fn(fn_ctx);
}

void spill_close(struct spill *spill, void (*fn)(void *ctx), void *ctx)
{
	spill->on_closed = fn;
	spill->on_closed_ctx = ctx;
	spill_forget_owner(spill);
	worker_close(spill->worker, on_worker_closed, spill);
}
