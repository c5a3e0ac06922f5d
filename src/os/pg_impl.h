/* pg_impl.h - shared by pg.c and pg_command.c only. */
#pragma once

#include <libpq-fe.h>

#include "os/pg.h"

enum { PG_WHY_BYTES = 300 };

enum pg_state {
	PG_NONE,      /* no connection */
	PG_RESOLVING, /* the host's name */
	PG_CONNECTING,
	PG_READY,
	PG_ASKING,  /* a command is under way */
	PG_COPYING, /* its COPY takes the body */
	PG_UNDOING, /* it was refused: ROLLBACK is under way */
};

/* A socket that is watched. Of its own, for libpq may change sockets while it connects, and
 * a handle's memory is libuv's until it is closed. */
struct pg_watch {
	uv_poll_t poll;
	struct pg *pg; /* NULL: nobody's any more */
	int fd;
};

/* Outlives the connection that gave up on it: libuv's threads may be at work on it. */
struct pg_lookup {
	uv_getaddrinfo_t request;
	struct pg *pg; /* NULL: nobody waits any more */
};

struct pg {
	struct loop *loop;
	PQconninfoOption *options; /* the URL's */
	PGconn *conn;
	struct pg_watch *watch;
	struct pg_lookup *lookup;
	size_t handles; /* watches and lookups that libuv still holds */
	enum pg_state state;
	struct timer deadline;
	struct loop_task tell; /* an answer that is known at once is told later */
	struct loop_task gone; /* nothing is open any more */

	pg_fn fn; /* NULL: nothing is asked */
	void *ctx;
	struct pg_answer answer;
	char why[PG_WHY_BYTES];
	PGresult *table;
	struct str body;
	size_t body_sent;
	bool body_ended;

	bool closing;
	void (*on_closed)(void *ctx);
	void *on_closed_ctx;
};

/* Watches the connection's socket for `events`, whichever socket that is now. False: it
 * cannot be watched, which is told later. */
bool pg_watch_for(struct pg *pg, int events);
/* Closes the connection without waiting for anybody. */
void pg_drop(struct pg *pg);
/* The answer is known. DONE and REFUSED leave the connection; the others drop it. */
void pg_tell(struct pg *pg, enum pg_end end);
/* Why it failed, in one line: the first reason counts. */
void pg_note(struct pg *pg, const char *text);
void pg_put_line(struct buf *line, const char *text);
/* What the socket said while a command, or nothing, was under way (pg_command.c). */
void pg_on_command_event(struct pg *pg, int events);
