/* fake_sink.h - somebody's server of rows, in memory that a killed process leaves behind: what
 * it was sent, and what it answered. A body is result ids, a line each. Include after
 * cmocka.h.
 *
 * What becomes of a send or a probe is said before by the test, one answer after the other;
 * when nothing is said, all is well. Rows whose id begins with "bad" are refused; those
 * that begin with "never" cannot be encoded. */
#pragma once

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "archive/sink.h"
#include "base/check.h"
#include "base/crash.h"
#include "base/timers.h"

enum fake_fate {
	FAKE_WELL,
	FAKE_AWAY,   /* nothing arrives, and that is said */
	FAKE_LOST,   /* nothing arrives; UNKNOWN */
	FAKE_LANDED, /* it arrives; UNKNOWN */
	FAKE_LATE,   /* it arrives after the next probe was answered; UNKNOWN */
	FAKE_HALF,   /* half of it arrives, which must not be; UNKNOWN */
	FAKE_HELD,
	FAKE_SILENT, /* no answer at all */
	FAKE_FATAL,  /* it arrives, and weir is killed before it hears so */
};

enum { FAKE_ROWS = 65536, FAKE_FATES = 64, FAKE_LOG = 4096 };

struct fake_row {
	char id[24];
	int64_t batch_id;
	uint16_t table;
};

struct fake_sent { /* a call, in order */
	char what; /* o(pen) s(end) p(robe) x(pire) */
	uint16_t table;
	uint32_t rows;
	int64_t batch_id, at_ns;
};

/* The other side. Rows from `count` on are not there: of a batch on its way. */
struct fake_server {
	struct fake_row rows[FAKE_ROWS];
	_Atomic size_t count;
	struct fake_sent log[FAKE_LOG];
	size_t logged;
	bool merges; /* of rows with one id the newest batch's alone is counted */
};

struct fake_sink {
	struct sink sink; /* first */
	struct sink_ops ops;
	struct fake_server *server;
	struct timers *timers;
	int64_t *now_ns;
	enum fake_fate sends[FAKE_FATES], opens[FAKE_FATES];
	size_t send_count, send_next, open_count, open_next;
	bool down;          /* whatever is asked is AWAY */
	bool mended;        /* it takes bad rows, too */
	int held_table;     /* -1: none */
	struct timer timer; /* the answer on its way */
	enum sink_outcome outcome;
	const char *why;
	uint64_t found;
	sink_fn fn;
	sink_probe_fn probe_fn;
	void *ctx;
	char late[1 << 16]; /* what arrives later */
	size_t late_len;
	int64_t late_id;
	uint16_t late_table;
	bool closed;
	void (*on_closed)(void *ctx);
};

static inline struct fake_server *fake_server_create(void)
{
	void *memory = mmap(NULL, sizeof(struct fake_server), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(memory != MAP_FAILED);
	return memory;
}

static inline void fake_server_destroy(struct fake_server *server)
{
	munmap(server, sizeof *server);
}

/* A batch comes row by row and is there all at once, as it is at a server that is a process of its
 * own: the sender may be killed at any row, by another of its threads too. Returns how many. */
static inline size_t fake_receive(struct fake_server *server, uint16_t table, int64_t batch_id,
				  struct str body)
{
	struct str line;
	size_t rows = 0, half = body.len / 2, left;
	for (; (left = body.len) > 0 && str_split(&body, '\n', &line); rows++) {
		CHECK(server->count + rows < FAKE_ROWS);
		struct fake_row *row = &server->rows[server->count + rows];
		snprintf(row->id, sizeof row->id, "%.*s", STR_ARG(line));
		row->batch_id = batch_id;
		row->table = table;
		if (left > half && body.len <= half)
			crash_point(CRASH_http_half);
	}
	return rows;
}

static inline void fake_land(struct fake_server *server, size_t rows) { server->count += rows; }

static inline void fake_log(struct fake_sink *fake, char what, uint16_t table, int64_t batch_id,
			    uint32_t rows)
{
	struct fake_server *server = fake->server;
	CHECK(server->logged < FAKE_LOG);
	server->log[server->logged++] =
	    (struct fake_sent){ what, table, rows, batch_id, *fake->now_ns };
}

static inline void fake_answer(void *ctx)
{
	struct fake_sink *fake = ctx;
	sink_fn fn = fake->fn;
	sink_probe_fn probe_fn = fake->probe_fn;
	fake->fn = NULL;
	fake->probe_fn = NULL;
	if (fake->closed) {
		if (fake->on_closed)
			fake->on_closed(fake->ctx);
	} else if (fn) {
		fn(fake->ctx, fake->outcome, fake->outcome == SINK_DONE ? "" : fake->why);
	} else {
		probe_fn(fake->ctx, fake->outcome, fake->found, fake->why);
	}
}

static inline void fake_say(struct fake_sink *fake, enum sink_outcome outcome, const char *why)
{
	fake->outcome = outcome;
	fake->why = why;
	timers_arm(fake->timers, &fake->timer, *fake->now_ns + 1000000);
}

static inline void fake_open(struct sink *sink, sink_fn fn, void *ctx)
{
	struct fake_sink *fake = (struct fake_sink *)sink;
	CHECK(!fake->fn && !fake->probe_fn);
	fake_log(fake, 'o', 0, 0, 0);
	fake->fn = fn;
	fake->ctx = ctx;
	enum fake_fate fate =
	    fake->open_next < fake->open_count ? fake->opens[fake->open_next++] : FAKE_WELL;
	if (fake->down || fate == FAKE_AWAY)
		fake_say(fake, SINK_AWAY, "nobody is there");
	else
		fake_say(fake, fate == FAKE_HELD ? SINK_HELD : SINK_DONE, "not let in");
}

static inline enum status fake_encode(const struct sink *sink, const struct archive_rows *rows,
				      size_t from, size_t to, int64_t batch_id, struct buf *body,
				      size_t *bad)
{
	const struct archive_row *row = NULL;
	(void)sink, (void)batch_id;
	for (size_t i = 0; (row = archive_rows_next(rows, row)); i++) {
		enum archive_column first =
		    archive_table_row((enum archive_table)row->table)->first;
		if (i < from || i >= to)
			continue;
		struct str id = archive_cell_text(row, first);
		if (str_starts(id, STR("never"))) {
			*bad = i;
			return STATUS_INVALID;
		}
		buf_str_put(body, id);
		buf_char(body, '\n');
	}
	return body->overflow ? STATUS_FULL : STATUS_OK;
}

static inline bool fake_refuses(struct str body)
{
	struct str line;
	while (body.len && str_split(&body, '\n', &line))
		if (str_starts(line, STR("bad")))
			return true;
	return false;
}

static inline void fake_keep_late(struct fake_sink *fake, const struct sink_batch *batch)
{
	CHECK(batch->body.len <= sizeof fake->late);
	memcpy(fake->late, batch->body.ptr, batch->body.len);
	fake->late_len = batch->body.len;
	fake->late_id = batch->batch_id;
	fake->late_table = (uint16_t)batch->table;
}

static inline void fake_send(struct sink *sink, const struct sink_batch *batch, sink_fn fn,
			     void *ctx)
{
	struct fake_sink *fake = (struct fake_sink *)sink;
	CHECK(!fake->fn && !fake->probe_fn);
	fake->fn = fn;
	fake->ctx = ctx;
	uint16_t table = (uint16_t)batch->table;
	enum fake_fate fate =
	    fake->send_next < fake->send_count ? fake->sends[fake->send_next++] : FAKE_WELL;
	fake_log(fake, 's', table, batch->batch_id, batch->rows);
	size_t rows = fake_receive(fake->server, table, batch->batch_id, batch->body);
	if (fake->down || fate == FAKE_AWAY) {
		fake_say(fake, SINK_AWAY, "nobody is there");
		return;
	}
	if (fate == FAKE_HELD || (int)table == fake->held_table) {
		fake_say(fake, SINK_HELD, "a column is missing");
		return;
	}
	if (!fake->mended && fake_refuses(batch->body)) {
		fake_say(fake, SINK_POISON, "a bad row");
		return;
	}
	if (fate == FAKE_WELL || fate == FAKE_LANDED || fate == FAKE_FATAL)
		fake_land(fake->server, rows);
	if (fate == FAKE_FATAL)
		raise(SIGKILL);
	if (fate == FAKE_HALF)
		fake_land(fake->server, rows / 2);
	if (fate == FAKE_LATE)
		fake_keep_late(fake, batch);
	if (fate != FAKE_SILENT)
		fake_say(fake, fate == FAKE_WELL ? SINK_DONE : SINK_UNKNOWN, "no answer");
}

static inline bool fake_replaced(const struct fake_server *server, const struct fake_row *row)
{
	for (size_t i = 0; server->merges && i < server->count; i++)
		if (server->rows[i].table == row->table &&
		    server->rows[i].batch_id > row->batch_id &&
		    strcmp(server->rows[i].id, row->id) == 0)
			return true;
	return false;
}

static inline void fake_probe(struct sink *sink, enum archive_table table, int64_t batch_id,
			      sink_probe_fn fn, void *ctx)
{
	struct fake_sink *fake = (struct fake_sink *)sink;
	struct fake_server *server = fake->server;
	CHECK(!fake->fn && !fake->probe_fn);
	fake_log(fake, 'p', (uint16_t)table, batch_id, 0);
	fake->probe_fn = fn;
	fake->ctx = ctx;
	fake->found = 0;
	for (size_t i = 0; i < server->count; i++)
		fake->found += server->rows[i].batch_id == batch_id &&
			       server->rows[i].table == (uint16_t)table &&
			       !fake_replaced(server, &server->rows[i]);
	fake_say(fake, fake->down ? SINK_AWAY : SINK_DONE, fake->down ? "nobody is there" : "");
	if (fake->late_len)
		fake_land(server, fake_receive(server, fake->late_table, fake->late_id,
					       str_make(fake->late, fake->late_len)));
	fake->late_len = 0;
}

static inline void fake_expire(struct sink *sink, enum archive_table table, int64_t now_us,
			       sink_fn fn, void *ctx)
{
	struct fake_sink *fake = (struct fake_sink *)sink;
	(void)now_us;
	fake_log(fake, 'x', (uint16_t)table, 0, 0);
	fake->fn = fn;
	fake->ctx = ctx;
	fake_say(fake, SINK_DONE, "");
}

static inline void fake_close(struct sink *sink, void (*fn)(void *ctx), void *ctx)
{
	struct fake_sink *fake = (struct fake_sink *)sink;
	fake->closed = true;
	fake->on_closed = fn;
	fake->ctx = ctx;
	fake->fn = NULL;
	fake->probe_fn = NULL;
	timers_arm(fake->timers, &fake->timer, 0);
}

static inline void fake_sink_init(struct fake_sink *fake, const char *name,
				  struct fake_server *server, struct timers *timers,
				  int64_t *now_ns)
{
	*fake = (struct fake_sink){ .server = server,
				    .timers = timers,
				    .now_ns = now_ns,
				    .held_table = -1,
				    .timer = { .fn = fake_answer, .ctx = fake } };
	fake->ops = (struct sink_ops){ .name = name,
				       .probes = true,
				       .rows_max = 100000,
				       .bytes_max = 1 << 20,
				       .open = fake_open,
				       .encode = fake_encode,
				       .send = fake_send,
				       .probe = fake_probe,
				       .expire = fake_expire,
				       .close = fake_close };
	fake->sink.ops = &fake->ops;
}

/* What becomes of the next send. */
static inline void fake_fate(struct fake_sink *fake, enum fake_fate fate)
{
	CHECK(fake->send_count < FAKE_FATES);
	fake->sends[fake->send_count++] = fate;
}

/* ---- what it holds ---- */

static inline size_t fake_having(const struct fake_server *server, const char *id)
{
	size_t count = 0;
	for (size_t i = 0; i < server->count; i++)
		count += strcmp(server->rows[i].id, id) == 0;
	return count;
}

static inline size_t fake_calls(const struct fake_server *server, char what)
{
	size_t count = 0;
	for (size_t i = 0; i < server->logged; i++)
		count += server->log[i].what == what;
	return count;
}
