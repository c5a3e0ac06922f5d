#include "archive/postgres.h"

#include <stdlib.h>

#include "archive/postgres_encode.h"
#include "archive/postgres_sql.h"
#include "archive/postgres_verdict.h"
#include "base/check.h"
#include "os/pg.h"

enum { SQL_BYTES_MAX = 64 << 10, WHY_BYTES = 400 };

enum call_kind {
	CALL_OPEN,
	CALL_SEND,
	CALL_PROBE,
	CALL_NEWEST,
	CALL_READ,
	CALL_COUNT,
	CALL_EXPIRE
};

struct call {
	enum call_kind kind;
	enum archive_table table;
	struct sink_batch batch; /* SEND */
	int64_t number;          /* PROBE, READ: batch_id; EXPIRE: rows before this go */
	struct sink_read read;
	sink_fn fn;
	sink_probe_fn count_fn;
	void *ctx;
};

struct postgres {
	struct sink sink; /* first */
	struct loop *loop;
	struct pg *pg;
	enum archive_set set;
	int64_t connect_ns, answer_ns;
	struct call calls[POSTGRES_CALLS_MAX]; /* a ring: the first is under way */
	size_t first, count;
	struct loop_task begin;
	bool looked; /* the tables are as they should be, on this connection */
	struct postgres_seen seen;
	struct buf sql;
	char why[WHY_BYTES];
	void (*on_closed)(void *ctx);
	void *on_closed_ctx;
};

static struct postgres *of_sink(struct sink *sink) { return (struct postgres *)sink; }

static struct call *current(struct postgres *postgres) { return &postgres->calls[postgres->first]; }

/* ---- the ends of calls ---- */

static void begin_next(struct postgres *postgres)
{
	if (postgres->count > 0)
		loop_defer(postgres->loop, &postgres->begin);
}

static struct call take_first(struct postgres *postgres)
{
	struct call call = *current(postgres);
	postgres->first = (postgres->first + 1) % POSTGRES_CALLS_MAX;
	postgres->count--;
	return call;
}

static void finish(struct postgres *postgres, enum sink_outcome outcome, uint64_t count,
		   const char *why)
{
	struct call call = take_first(postgres);
	if (outcome == SINK_HELD)
		postgres->looked = false; /* somebody may have mended it until the next call */
	begin_next(postgres);
	if (call.count_fn)
		call.count_fn(call.ctx, outcome == SINK_POISON ? SINK_HELD : outcome, count, why);
	else
		call.fn(call.ctx, outcome, why);
}

static void fail(struct postgres *postgres, const struct pg_answer *answer, bool committing)
{
	finish(postgres, postgres_verdict(answer, committing), 0, answer->why);
}

/* What it asks of the server next, from an empty text. */
static struct buf *fresh_sql(struct postgres *postgres)
{
	buf_clear(&postgres->sql);
	return &postgres->sql;
}

static const char *sql_text(struct postgres *postgres)
{
	buf_char(&postgres->sql, 0);
	CHECK(!postgres->sql.overflow);
	return postgres->sql.ptr;
}

static void query(struct postgres *postgres, pg_fn fn)
{
	pg_query(postgres->pg, sql_text(postgres), postgres->answer_ns, fn, postgres);
}

static void copy(struct postgres *postgres, pg_fn fn)
{
	pg_copy(postgres->pg, sql_text(postgres), current(postgres)->batch.body,
		postgres->answer_ns, fn, postgres);
}

/* ---- a batch ---- */

static void on_committed(void *ctx, const struct pg_answer *answer) { fail(ctx, answer, true); }

static void commit(struct postgres *postgres)
{
	buf_str_put(fresh_sql(postgres), STR("COMMIT"));
	query(postgres, on_committed);
}

static void on_merged(void *ctx, const struct pg_answer *answer)
{
	if (answer->end == PG_DONE)
		commit(ctx);
	else
		fail(ctx, answer, false);
}

static void on_staged(void *ctx, const struct pg_answer *answer)
{
	struct postgres *postgres = ctx;
	if (answer->end != PG_DONE) {
		fail(postgres, answer, false);
		return;
	}
	postgres_put_merge(fresh_sql(postgres), current(postgres)->table);
	query(postgres, on_merged);
}

/* The long way, which tells what is wrong from what is there already. */
static void stage(struct postgres *postgres)
{
	struct buf *sql = fresh_sql(postgres);
	buf_str_put(sql, STR("BEGIN; "));
	postgres_put_stage(sql, current(postgres)->table);
	copy(postgres, on_staged);
}

static void on_copied(void *ctx, const struct pg_answer *answer)
{
	struct postgres *postgres = ctx;
	if (answer->end == PG_DONE)
		commit(postgres);
	else if (answer->end == PG_REFUSED && postgres_verdict(answer, false) != SINK_AWAY)
		stage(postgres);
	else
		fail(postgres, answer, false);
}

static void send_batch(struct postgres *postgres)
{
	struct buf *sql = fresh_sql(postgres);
	buf_str_put(sql, STR("BEGIN; "));
	postgres_put_copy(sql, current(postgres)->table);
	copy(postgres, on_copied);
}

/* ---- questions ---- */

static void on_counted(void *ctx, const struct pg_answer *answer)
{
	uint64_t count = 0;
	bool told = answer->end == PG_DONE && pg_rows(answer) == 1 &&
		    !str_to_u64(pg_cell(answer, 0, 0), &count);
	if (told)
		finish(ctx, SINK_DONE, count, "");
	else if (answer->end == PG_DONE)
		finish(ctx, SINK_HELD, 0, "what it counted is no number");
	else
		fail(ctx, answer, false);
}

static void ask_count(struct postgres *postgres)
{
	const struct call *call = current(postgres);
	struct buf *sql = fresh_sql(postgres);
	buf_str_put(sql, call->kind == CALL_NEWEST
			     ? STR("SELECT coalesce(max(\"batch_id\"),0) FROM ")
			     : STR("SELECT count(*) FROM "));
	postgres_put_name(sql, archive_table_row(call->table)->name);
	if (call->kind == CALL_PROBE)
		buf_printf(sql, " WHERE \"batch_id\"=%lld", (long long)call->number);
	/* of all rows it reads all of them */
	int64_t answer_ns = postgres->answer_ns * (call->kind == CALL_PROBE ? 1 : 10);
	pg_query(postgres->pg, sql_text(postgres), answer_ns, on_counted, postgres);
}

/* ---- reading back ---- */

static void on_read(void *ctx, const struct pg_answer *answer)
{
	struct postgres *postgres = ctx;
	const struct sink_read *read = &current(postgres)->read;
	const struct archive_table_row *table = archive_table_row(read->table);
	enum status status = STATUS_OK;
	if (answer->end != PG_DONE) {
		fail(postgres, answer, false);
		return;
	}
	for (size_t row = 0; !status && row < pg_rows(answer); row++) {
		struct str cells[ARCHIVE_COLUMNS_MAX];
		for (size_t i = 0; i < table->columns; i++)
			cells[i] = pg_cell(answer, row, i);
		status = sink_take_row(read->rows, read->table, cells);
	}
	if (status)
		finish(postgres, SINK_HELD, 0, "what it holds is not what was sent");
	else
		finish(postgres, SINK_DONE, 0, "");
}

static void ask_rows(struct postgres *postgres)
{
	const struct sink_read *read = &current(postgres)->read;
	postgres_put_read(fresh_sql(postgres), read->table, read->batch_id, read->rows_max);
	query(postgres, on_read);
}

/* One step; then to the end of the queue, for what else waits comes first. */
static void on_expired(void *ctx, const struct pg_answer *answer)
{
	struct postgres *postgres = ctx;
	if (answer->end != PG_DONE || answer->rows < POSTGRES_EXPIRE_ROWS) {
		fail(postgres, answer, false);
		return;
	}
	struct call call = take_first(postgres);
	size_t last = (postgres->first + postgres->count++) % POSTGRES_CALLS_MAX;
	postgres->calls[last] = call;
	begin_next(postgres);
}

static void expire_step(struct postgres *postgres)
{
	const struct call *call = current(postgres);
	if (archive_table_row(call->table)->days == 0) {
		finish(postgres, SINK_DONE, 0, "");
		return;
	}
	postgres_put_expire(fresh_sql(postgres), call->table, call->number, POSTGRES_EXPIRE_ROWS);
	query(postgres, on_expired);
}

static void begin_call(struct postgres *postgres)
{
	switch (current(postgres)->kind) {
	case CALL_OPEN: finish(postgres, SINK_DONE, 0, ""); break;
	case CALL_SEND: send_batch(postgres); break;
	case CALL_PROBE:
	case CALL_NEWEST:
	case CALL_COUNT: ask_count(postgres); break;
	case CALL_READ: ask_rows(postgres); break;
	case CALL_EXPIRE: expire_step(postgres); break;
	}
}

/* ---- the connection and the tables ---- */

static void on_mended(void *ctx, const struct pg_answer *answer)
{
	struct postgres *postgres = ctx;
	if (answer->end != PG_DONE) {
		fail(postgres, answer, false);
		return;
	}
	postgres->looked = true;
	begin_call(postgres);
}

static enum status see_all(struct postgres *postgres, const struct pg_answer *answer,
			   struct err *err)
{
	postgres->seen = (struct postgres_seen){ 0 };
	for (size_t row = 0; row < pg_rows(answer); row++) {
		struct str cells[POSTGRES_LOOK_COLUMNS];
		for (size_t i = 0; i < POSTGRES_LOOK_COLUMNS; i++)
			cells[i] = pg_cell(answer, row, i);
		enum status status = postgres_see(&postgres->seen, postgres->set, cells, err);
		if (status)
			return status;
	}
	return STATUS_OK;
}

static void on_looked(void *ctx, const struct pg_answer *answer)
{
	struct postgres *postgres = ctx;
	struct err err;
	if (answer->end != PG_DONE) {
		fail(postgres, answer, false);
		return;
	}
	if (see_all(postgres, answer, &err)) {
		finish(postgres, SINK_HELD, 0, err.text);
		return;
	}
	postgres_put_mend(fresh_sql(postgres), &postgres->seen, postgres->set);
	if (postgres->sql.len > 0) {
		query(postgres, on_mended);
		return;
	}
	postgres->looked = true;
	begin_call(postgres);
}

/* A transaction whose weir is gone must not hold its keys for ever; and what is confirmed
 * must be on the server's disk. */
static void look(struct postgres *postgres)
{
	struct buf *sql = fresh_sql(postgres);
	buf_str_put(sql, STR("SET idle_in_transaction_session_timeout = '60s';"
			     " SELECT pg_catalog.set_config('synchronous_commit', 'on', false)"
			     " WHERE pg_catalog.current_setting('synchronous_commit') = 'off'; "));
	if (postgres->set == ARCHIVE_MOVED)
		postgres_put_apart(sql);
	postgres_put_look(sql, postgres->set);
	query(postgres, on_looked);
}

static void on_connected(void *ctx, const struct pg_answer *answer)
{
	if (answer->end == PG_DONE)
		look(ctx);
	else
		fail(ctx, answer, false);
}

static void run_begin(void *ctx)
{
	struct postgres *postgres = ctx;
	bool connected = pg_is_connected(postgres->pg);
	postgres->looked &= connected;
	if (!connected)
		pg_connect(postgres->pg, postgres->connect_ns, on_connected, postgres);
	else if (!postgres->looked)
		look(postgres);
	else
		begin_call(postgres);
}

/* ---- the interface ---- */

static void add_call(struct sink *sink, const struct call *call)
{
	struct postgres *postgres = of_sink(sink);
	CHECK(postgres->count < POSTGRES_CALLS_MAX && !postgres->on_closed);
	size_t last = (postgres->first + postgres->count++) % POSTGRES_CALLS_MAX;
	postgres->calls[last] = *call;
	if (postgres->count == 1)
		begin_next(postgres);
}

static void sink_open(struct sink *sink, sink_fn fn, void *ctx)
{
	of_sink(sink)->looked = false;
	add_call(sink, &(struct call){ .kind = CALL_OPEN, .fn = fn, .ctx = ctx });
}

static enum status sink_encode(const struct sink *sink, const struct archive_rows *rows,
			       size_t from, size_t to, int64_t batch_id, struct buf *body,
			       size_t *bad)
{
	(void)sink, (void)bad; /* none is */
	return postgres_encode(rows, from, to, batch_id, body);
}

static void sink_send(struct sink *sink, const struct sink_batch *batch, sink_fn fn, void *ctx)
{
	add_call(
	    sink,
	    &(struct call){
		.kind = CALL_SEND, .table = batch->table, .batch = *batch, .fn = fn, .ctx = ctx });
}

static void sink_probe(struct sink *sink, enum archive_table table, int64_t batch_id,
		       sink_probe_fn fn, void *ctx)
{
	add_call(sink, &(struct call){ .kind = CALL_PROBE,
				       .table = table,
				       .number = batch_id,
				       .count_fn = fn,
				       .ctx = ctx });
}

static void sink_newest(struct sink *sink, enum archive_table table, sink_probe_fn fn, void *ctx)
{
	add_call(sink,
		 &(struct call){ .kind = CALL_NEWEST, .table = table, .count_fn = fn, .ctx = ctx });
}

static void sink_expire(struct sink *sink, enum archive_table table, int64_t now_us, sink_fn fn,
			void *ctx)
{
	int64_t days = archive_table_row(table)->days;
	add_call(sink, &(struct call){ .kind = CALL_EXPIRE,
				       .table = table,
				       .number = postgres_kept_from(days, now_us),
				       .fn = fn,
				       .ctx = ctx });
}

static void sink_count(struct sink *sink, enum archive_table table, sink_probe_fn fn, void *ctx)
{
	add_call(sink,
		 &(struct call){ .kind = CALL_COUNT, .table = table, .count_fn = fn, .ctx = ctx });
}

static void sink_read(struct sink *sink, const struct sink_read *read, sink_fn fn, void *ctx)
{
	add_call(
	    sink,
	    &(struct call){
		.kind = CALL_READ, .table = read->table, .read = *read, .fn = fn, .ctx = ctx });
}

static void on_pg_closed(void *ctx)
{
	struct postgres *postgres = ctx;
	void (*fn)(void *ctx) = postgres->on_closed;
	void *fn_ctx = postgres->on_closed_ctx;
	buf_deinit(&postgres->sql);
	free(postgres);
	fn(fn_ctx);
}

static void no_one_waits(void *ctx) { (void)ctx; }

static void sink_close(struct sink *sink, void (*fn)(void *ctx), void *ctx)
{
	struct postgres *postgres = of_sink(sink);
	postgres->on_closed = fn ? fn : no_one_waits;
	postgres->on_closed_ctx = ctx;
	loop_task_cancel(&postgres->begin);
	pg_close(postgres->pg, on_pg_closed, postgres);
}

static const struct sink_ops ops = {
	.name = "postgresql",
	.probes = true,
	.idempotent = true,
	.rows_max = POSTGRES_ROWS_MAX,
	.bytes_max = POSTGRES_BYTES_MAX,
	.open = sink_open,
	.encode = sink_encode,
	.send = sink_send,
	.probe = sink_probe,
	.newest = sink_newest,
	.expire = sink_expire,
	.count = sink_count,
	.read = sink_read,
	.close = sink_close,
};

enum status postgres_open(const struct postgres_config *config, struct sink **out, struct err *err)
{
	struct postgres *postgres = calloc(1, sizeof *postgres);
	if (!postgres)
		return err_set(err, STATUS_NO_MEMORY, "postgresql: out of memory");
	enum status status = pg_open(config->loop, config->url, &postgres->pg, err);
	if (status) {
		free(postgres);
		return status;
	}
	postgres->sink.ops = &ops;
	postgres->loop = config->loop;
	postgres->set = config->set;
	postgres->connect_ns = config->connect_ns ? config->connect_ns : 5000000000;
	postgres->answer_ns = config->answer_ns ? config->answer_ns : 30000000000;
	postgres->begin = (struct loop_task){ .fn = run_begin, .ctx = postgres };
	buf_init(&postgres->sql, SQL_BYTES_MAX);
	*out = &postgres->sink;
	return STATUS_OK;
}
