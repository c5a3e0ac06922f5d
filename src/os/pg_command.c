/* Commands: sending, answers, the body of a COPY as fast as the socket takes it. */
#include <stdlib.h>

#include "base/check.h"
#include "base/crash.h"
#include "os/pg_impl.h"

enum {
	COPY_CHUNK = 64 << 10,     /* handed to libpq at once */
	COPY_TURN_BYTES = 1 << 20, /* of one event: the loop has others to serve */
};

bool pg_is_connected(const struct pg *pg) { return pg->state >= PG_READY; }

/* ---- answers ---- */

static void note_error(struct pg *pg, const PGresult *result)
{
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	if (pg->why[0])
		return; /* the first is the cause */
	if (code && strlen(code) == 5)
		memcpy(pg->answer.sqlstate, code, 6);
	pg_note(pg, text ? text : PQresultErrorMessage(result));
	const char *where = PQresultErrorField(result, PG_DIAG_CONTEXT);
	struct buf line = buf_over(pg->why, sizeof pg->why - 1);
	line.len = strlen(pg->why);
	if (where && *where) {
		buf_char(&line, ';');
		buf_char(&line, ' ');
		pg_put_line(&line, where);
		pg->why[line.len] = 0;
	}
}

static void take_table(struct pg *pg, PGresult *result)
{
	PQclear(pg->table);
	pg->table = result;
}

static void note_changed(struct pg *pg, PGresult *result)
{
	uint64_t rows;
	if (!str_to_u64(str_of(PQcmdTuples(result)), &rows))
		pg->answer.rows = rows;
}

static void take_result(struct pg *pg, PGresult *result)
{
	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK: take_table(pg, result); return;
	case PGRES_COMMAND_OK: note_changed(pg, result); break;
	case PGRES_COPY_IN: pg->state = PG_COPYING; break;
	case PGRES_EMPTY_QUERY: break;
	default: note_error(pg, result);
	}
	PQclear(result);
}

static bool has_failed(const struct pg *pg) { return pg->why[0] != 0; }

/* A transaction that the refused command left goes first. */
static void ended(struct pg *pg)
{
	if (PQstatus(pg->conn) == CONNECTION_BAD) {
		pg_note(pg, PQerrorMessage(pg->conn));
		pg_tell(pg, PG_LOST);
	} else if (pg->state != PG_UNDOING && has_failed(pg) &&
		   PQtransactionStatus(pg->conn) != PQTRANS_IDLE) {
		pg->state = PG_UNDOING;
		if (!PQsendQuery(pg->conn, "ROLLBACK"))
			pg_tell(pg, PG_LOST);
	} else {
		pg_tell(pg, has_failed(pg) ? PG_REFUSED : PG_DONE);
	}
}

/* What has come; ends early where COPY wants its body, and when the answer is told. */
static void take_results(struct pg *pg)
{
	while (pg->state >= PG_ASKING && pg->state != PG_COPYING && !PQisBusy(pg->conn)) {
		PGresult *result = PQgetResult(pg->conn);
		if (result)
			take_result(pg, result);
		else
			ended(pg);
	}
}

/* ---- the body ---- */

static bool put_chunk(struct pg *pg)
{
	struct str rest = str_skip(pg->body, pg->body_sent);
	size_t len = rest.len < COPY_CHUNK ? rest.len : COPY_CHUNK;
	size_t half = pg->body.len / 2;
	if (PQputCopyData(pg->conn, rest.ptr, (int)len) != 1)
		return false;
	bool passes = pg->body_sent < half && pg->body_sent + len >= half;
	pg->body_sent += len;
	if (passes)
		crash_point(CRASH_http_half);
	return true;
}

/* True: libpq has all of it. */
static bool put_body(struct pg *pg)
{
	size_t turn_end = pg->body_sent + COPY_TURN_BYTES;
	while (pg->body_sent < pg->body.len) {
		if (pg->body_sent >= turn_end || PQflush(pg->conn) != 0 || !put_chunk(pg))
			return false;
	}
	return PQputCopyEnd(pg->conn, NULL) == 1;
}

/* Sends what can be sent; then what is waited for. */
static void pump(struct pg *pg)
{
	bool more = false;
	if (pg->state == PG_COPYING) {
		more = !put_body(pg);
		if (!more)
			pg->state = PG_ASKING;
	}
	if (pg->state < PG_READY)
		return;
	int flushed = PQflush(pg->conn);
	if (flushed < 0 || PQstatus(pg->conn) == CONNECTION_BAD) {
		/* The server may have said why before it closed. */
		PQconsumeInput(pg->conn);
		pg->state = PG_ASKING;
		take_results(pg);
		if (pg->fn && pg->state >= PG_ASKING) {
			pg_note(pg, PQerrorMessage(pg->conn));
			pg_tell(pg, PG_LOST);
		}
		return;
	}
	pg_watch_for(pg, more || flushed > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

void pg_on_command_event(struct pg *pg, int events)
{
	bool well = !(events & UV_READABLE) || PQconsumeInput(pg->conn);
	if (!pg->fn) { /* the server speaks unasked: a notice, or its good-bye */
		while (PQstatus(pg->conn) == CONNECTION_OK && !PQisBusy(pg->conn)) {
			PGresult *result = PQgetResult(pg->conn);
			if (!result)
				break;
			PQclear(result);
		}
		if (!well || PQstatus(pg->conn) == CONNECTION_BAD)
			pg_drop(pg);
		return;
	}
	if (!well && pg->state == PG_COPYING)
		pg->state = PG_ASKING; /* what it said last is worth reading */
	take_results(pg);
	if (pg->fn && pg->state >= PG_ASKING)
		pump(pg);
}

/* ---- the owner's calls ---- */

static void ask(struct pg *pg, const char *sql, int64_t deadline_ns, pg_fn fn, void *ctx)
{
	CHECK(!pg->fn && !pg->closing);
	pg->fn = fn;
	pg->ctx = ctx;
	pg->answer = (struct pg_answer){ 0 };
	pg->why[0] = 0;
	pg->body_sent = 0;
	loop_timer_after(pg->loop, &pg->deadline, deadline_ns);
	if (pg->state != PG_READY || !PQsendQuery(pg->conn, sql)) {
		pg_note(pg, pg->state == PG_READY ? PQerrorMessage(pg->conn) : "not connected");
		loop_defer(pg->loop, &pg->tell);
		return;
	}
	pg->state = PG_ASKING;
	pg_watch_for(pg, UV_READABLE | UV_WRITABLE);
}

void pg_query(struct pg *pg, const char *sql, int64_t deadline_ns, pg_fn fn, void *ctx)
{
	pg->body = (struct str){ 0 };
	ask(pg, sql, deadline_ns, fn, ctx);
}

void pg_copy(struct pg *pg, const char *sql, struct str body, int64_t deadline_ns, pg_fn fn,
	     void *ctx)
{
	pg->body = body;
	ask(pg, sql, deadline_ns, fn, ctx);
}

size_t pg_rows(const struct pg_answer *answer)
{
	return answer->table ? (size_t)PQntuples(answer->table) : 0;
}

struct str pg_cell(const struct pg_answer *answer, size_t row, size_t column)
{
	const PGresult *table = answer->table;
	int at_row = (int)row, at_column = (int)column;
	CHECK(row < pg_rows(answer) && at_column < PQnfields(table));
	if (PQgetisnull(table, at_row, at_column))
		return (struct str){ 0 };
	return str_make(PQgetvalue(table, at_row, at_column),
			(size_t)PQgetlength(table, at_row, at_column));
}
