#include "archive/duck_sink.h"

#include <stdio.h>
#include <stdlib.h>

#include "archive/duck_sink_impl.h"
#include "base/check.h"
#include "os/worker.h"

enum call_kind { CALL_OPEN, CALL_SEND, CALL_PROBE, CALL_READ, CALL_COUNT, CALL_EXPIRE, CALL_CLOSE };

enum { CALLS_MAX = 3 }; /* one that changes or asks, a count beside it, the end */

struct duck_sink;

struct call {
	struct worker_job job; /* first */
	struct duck_sink *owner;
	enum call_kind kind;
	bool busy;
	struct sink_batch batch;
	struct sink_read read;
	enum archive_table table;
	int64_t batch_id;
	uint64_t count;
	enum sink_outcome outcome;
	char why[DUCK_SINK_WHY];
	sink_fn fn;
	sink_probe_fn probe_fn;
	void *ctx;
};

struct duck_sink {
	struct sink sink; /* first */
	struct worker *worker;
	struct duck_file file; /* the thread's */
	struct call calls[CALLS_MAX];
	bool closing;
	void (*on_closed)(void *ctx);
	void *closed_ctx;
};

static struct duck_sink *of(struct sink *sink) { return (struct duck_sink *)sink; }

/* ---- on the thread ---- */

static enum sink_outcome count_all(struct call *call)
{
	struct duck_file *file = &call->owner->file;
	const char *name = archive_table_row(call->table)->name;
	if (call->kind == CALL_PROBE)
		snprintf(file->sql, sizeof file->sql,
			 "SELECT count(*) FROM \"%s\" WHERE batch_id = %lld", name,
			 (long long)call->batch_id);
	else
		snprintf(file->sql, sizeof file->sql, "SELECT count(*) FROM \"%s\"", name);
	return duck_file_number(file, file->sql, &call->count);
}

static enum sink_outcome do_call(struct call *call)
{
	struct duck_file *file = &call->owner->file;
	if (call->kind == CALL_OPEN)
		duck_file_close(file); /* its tables are looked at anew */
	enum sink_outcome outcome = duck_file_open(file);
	if (outcome)
		return outcome;
	switch (call->kind) {
	case CALL_SEND:
		return duck_file_put(file, call->batch.table, call->batch.body,
				     call->batch.batch_id);
	case CALL_PROBE:
	case CALL_COUNT: return count_all(call);
	case CALL_READ: return duck_file_read(file, &call->read);
	default: return SINK_DONE;
	}
}

static void work(struct worker_job *job)
{
	struct call *call = (struct call *)job;
	struct duck_file *file = &call->owner->file;
	if (call->kind == CALL_CLOSE) {
		duck_file_close(file);
		return;
	}
	file->why[0] = 0;
	call->outcome = do_call(call);
	snprintf(call->why, sizeof call->why, "%s", call->outcome ? file->why : "");
}

/* ---- on the loop ---- */

static void on_worker_closed(void *ctx)
{
	struct duck_sink *duck = ctx;
	void (*fn)(void *ctx) = duck->on_closed;
	void *fn_ctx = duck->closed_ctx;
	free(duck);
	if (fn)
		fn(fn_ctx);
}

static void done(struct worker_job *job)
{
	struct call *call = (struct call *)job;
	call->busy = false;
	if (call->owner->closing)
		return; /* in silence */
	if (call->probe_fn)
		call->probe_fn(call->ctx, call->outcome == SINK_POISON ? SINK_HELD : call->outcome,
			       call->count, call->why);
	else
		call->fn(call->ctx, call->outcome, call->why);
}

static struct call *begin(struct sink *sink, enum call_kind kind, sink_fn fn,
			  sink_probe_fn probe_fn, void *ctx)
{
	struct duck_sink *duck = of(sink);
	struct call *call = &duck->calls[kind == CALL_CLOSE ? 2 : kind == CALL_COUNT];
	CHECK(!call->busy && !duck->closing);
	*call = (struct call){ .job = { .work = work, .done = done },
			       .owner = duck,
			       .kind = kind,
			       .busy = true,
			       .fn = fn,
			       .probe_fn = probe_fn,
			       .ctx = ctx };
	return call;
}

static void submit(struct call *call) { worker_submit(call->owner->worker, &call->job); }

static void sink_open(struct sink *sink, sink_fn fn, void *ctx)
{
	submit(begin(sink, CALL_OPEN, fn, NULL, ctx));
}

/* The body is the rows themselves. */
static enum status sink_encode(const struct sink *sink, const struct archive_rows *rows,
			       size_t from, size_t to, int64_t batch_id, struct buf *body,
			       size_t *bad)
{
	(void)sink, (void)batch_id, (void)bad;
	size_t index = 0, before = body->len;
	for (const struct archive_row *row = NULL; (row = archive_rows_next(rows, row)); index++)
		if (index >= from && index < to)
			buf_put(body, row, row->bytes);
	if (!body->overflow)
		return STATUS_OK;
	body->len = before;
	body->overflow = false;
	return STATUS_FULL;
}

static void sink_send(struct sink *sink, const struct sink_batch *batch, sink_fn fn, void *ctx)
{
	struct call *call = begin(sink, CALL_SEND, fn, NULL, ctx);
	call->batch = *batch;
	submit(call);
}

static void sink_probe(struct sink *sink, enum archive_table table, int64_t batch_id,
		       sink_probe_fn fn, void *ctx)
{
	struct call *call = begin(sink, CALL_PROBE, NULL, fn, ctx);
	call->table = table;
	call->batch_id = batch_id;
	submit(call);
}

static void sink_read(struct sink *sink, const struct sink_read *read, sink_fn fn, void *ctx)
{
	struct call *call = begin(sink, CALL_READ, fn, NULL, ctx);
	call->read = *read;
	submit(call);
}

static void sink_expire(struct sink *sink, enum archive_table table, int64_t now_us, sink_fn fn,
			void *ctx)
{
	(void)table, (void)now_us;
	submit(begin(sink, CALL_EXPIRE, fn, NULL, ctx));
}

static void sink_count(struct sink *sink, enum archive_table table, sink_probe_fn fn, void *ctx)
{
	struct call *call = begin(sink, CALL_COUNT, NULL, fn, ctx);
	call->table = table;
	submit(call);
}

/* What is under way is waited for on the thread; its end is not told. */
static void sink_close(struct sink *sink, void (*fn)(void *ctx), void *ctx)
{
	struct duck_sink *duck = of(sink);
	submit(begin(sink, CALL_CLOSE, NULL, NULL, NULL));
	duck->closing = true;
	duck->on_closed = fn;
	duck->closed_ctx = ctx;
	worker_close(duck->worker, on_worker_closed, duck);
}

static const struct sink_ops ops = {
	.name = "duckdb",
	.probes = true,
	.idempotent = true,
	.rows_max = DUCK_SINK_ROWS,
	.bytes_max = DUCK_SINK_BYTES,
	.open = sink_open,
	.encode = sink_encode,
	.send = sink_send,
	.probe = sink_probe,
	.expire = sink_expire,
	.count = sink_count,
	.read = sink_read,
	.close = sink_close,
};

enum status duck_sink_open(const struct duck_sink_config *config, struct sink **out,
			   struct err *err)
{
	struct duck_sink *duck = calloc(1, sizeof *duck);
	if (!duck)
		return err_set(err, STATUS_NO_MEMORY, "duckdb: out of memory");
	duck->sink.ops = &ops;
	duck->file.duck = duck_load(err);
	enum status status = duck->file.duck ? STATUS_OK : STATUS_UNAVAILABLE;
	if (!status && str_copy(str_of(config->path), duck->file.path, sizeof duck->file.path))
		status = err_set(err, STATUS_RANGE, "duckdb: the file's name is too long");
	if (!status)
		status = worker_open(config->loop, "duck_sink", &duck->worker, err);
	if (status) {
		free(duck);
		return status;
	}
	*out = &duck->sink;
	return STATUS_OK;
}
