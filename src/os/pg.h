/* pg.h - one connection to a PostgreSQL server: libpq without waiting, on the loop.
 *
 *   pg_open → pg_connect → pg_query / pg_copy … → pg_close
 *
 * One thing at a time: the next call is made when the function of the one before has run.
 * Each function runs exactly once, never from inside the call, unless the connection is
 * closed before. Every call has a deadline; when it passes, the connection is given up.
 *
 * A command is one string of statements (simple query protocol). When the server refuses one
 * of them inside a transaction, that is rolled back before the function runs. Where the
 * connection breaks the answer is PG_LOST: what was asked for may have been done, or may yet
 * be done by a server that hangs. Notices are dropped.
 *
 * The URL is libpq's (postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…), with one host;
 * its name is looked up by libuv's threads, for libpq would wait. What the URL leaves open
 * comes from libpq's environment variables. GSSAPI encryption is off unless the URL wants it.
 *
 * Memory: what libpq holds (about 64 KiB, an answer as a whole); a body is not copied. Uses
 * one timer of the loop's heap. Loop thread only. */
#pragma once

#include "base/buf.h"
#include "os/loop.h"

struct pg;

enum pg_end {
	PG_DONE,
	PG_REFUSED,   /* the server said no; the connection is well */
	PG_UNREACHED, /* no connection came about, or there is none: nothing was asked */
	PG_LOST,      /* the connection broke, or the deadline passed */
};

struct pg_answer {
	enum pg_end end;
	char sqlstate[6];  /* what the server said, "" when it said nothing; also when LOST */
	const char *why;   /* one line for people, "" when DONE; lives during the call */
	uint64_t rows;     /* that the last statement which changes rows has changed */
	const void *table; /* what the last SELECT answered; for pg_rows and pg_cell */
};

typedef void (*pg_fn)(void *ctx, const struct pg_answer *answer);

/* No connection is made yet. INVALID: the URL is none, or names several hosts. */
MUST_CHECK enum status pg_open(struct loop *loop, const char *url, struct pg **out,
			       struct err *err);
/* What is under way ends in silence; then fn(ctx), and it is freed. fn may be NULL. */
void pg_close(struct pg *pg, void (*fn)(void *ctx), void *ctx);

/* A new connection, in place of the one there may be. */
void pg_connect(struct pg *pg, int64_t deadline_ns, pg_fn fn, void *ctx);
/* False also when the server closed it while nothing was asked. */
bool pg_is_connected(const struct pg *pg);
void pg_query(struct pg *pg, const char *sql, int64_t deadline_ns, pg_fn fn, void *ctx);
/* One of the statements is COPY … FROM STDIN; body, which lives until fn runs, is what it
 * reads. No more is handed to libpq than the socket takes. */
void pg_copy(struct pg *pg, const char *sql, struct str body, int64_t deadline_ns, pg_fn fn,
	     void *ctx);

/* Of an answer, while its function runs. A NULL is "" with ptr NULL. */
size_t pg_rows(const struct pg_answer *answer);
struct str pg_cell(const struct pg_answer *answer, size_t row, size_t column);
