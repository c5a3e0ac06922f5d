/* The life of a connection: its options, its socket, how it comes about and how it ends. */
#include "os/pg.h"

#include <ctype.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/check.h"
#include "os/pg_impl.h"

enum { OPTIONS_MAX = 64 };

/* ---- what is told ---- */

void pg_put_line(struct buf *line, const char *text)
{
	for (size_t i = 0; text && text[i] && text[i] != '\n' && !line->overflow; i++)
		buf_char(line, (unsigned char)text[i] < 0x20 ? ' ' : text[i]);
}

void pg_note(struct pg *pg, const char *text)
{
	struct buf line = buf_over(pg->why, sizeof pg->why - 1);
	if (pg->why[0])
		return;
	pg_put_line(&line, text && *text ? text : "no reason given");
	pg->why[line.len] = 0;
}

void pg_tell(struct pg *pg, enum pg_end end)
{
	pg_fn fn = pg->fn;
	timers_cancel(loop_timers(pg->loop), &pg->deadline);
	loop_task_cancel(&pg->tell);
	if (end == PG_LOST || end == PG_UNREACHED)
		pg_drop(pg);
	else
		pg->state = PG_READY;
	pg->answer.end = end;
	pg->answer.why = pg->why;
	pg->answer.table = pg->table;
	pg->fn = NULL;
	struct pg_answer answer = pg->answer;
	PGresult *table = pg->table;
	char why[PG_WHY_BYTES];
	memcpy(why, pg->why, sizeof why);
	answer.why = why;
	pg->table = NULL;
	fn(pg->ctx, &answer); /* may ask the next thing, or close */
	PQclear(table);
}

static void tell_end(void *ctx)
{
	struct pg *pg = ctx;
	pg_tell(pg, pg->state >= PG_ASKING ? PG_LOST : PG_UNREACHED);
}

static void on_deadline(void *ctx)
{
	struct pg *pg = ctx;
	pg_note(pg, pg->state >= PG_ASKING ? "no answer in time" : "not connected in time");
	tell_end(pg);
}

/* ---- the socket ---- */

static void run_gone(void *ctx)
{
	struct pg *pg = ctx;
	void (*fn)(void *ctx) = pg->on_closed;
	void *fn_ctx = pg->on_closed_ctx;
	for (PQconninfoOption *option = pg->options; option->keyword; option++)
		if (option->val)
			explicit_bzero(option->val, strlen(option->val));
	PQconninfoFree(pg->options);
	free(pg);
	if (fn)
		fn(fn_ctx);
}

static void finish_close(struct pg *pg)
{
	if (pg->closing && pg->handles == 0)
		loop_defer(pg->loop, &pg->gone);
}

static void on_watch_closed(uv_handle_t *handle)
{
	struct pg_watch *watch = handle->data;
	struct pg *pg = watch->pg;
	free(watch);
	pg->handles--;
	finish_close(pg);
}

static void end_watch(struct pg *pg)
{
	struct pg_watch *watch = pg->watch;
	pg->watch = NULL;
	if (watch)
		uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static void step_connect(struct pg *pg);

static void on_event(uv_poll_t *poll, int code, int events)
{
	struct pg_watch *watch = poll->data;
	struct pg *pg = watch->pg;
	if (pg->watch != watch)
		return;
	/* What went wrong with the socket is libpq's to find and to name. */
	if (pg->state == PG_CONNECTING)
		step_connect(pg);
	else
		pg_on_command_event(pg, code ? UV_READABLE | UV_WRITABLE : events);
}

static struct pg_watch *new_watch(struct pg *pg, int fd)
{
	struct pg_watch *watch = calloc(1, sizeof *watch);
	if (!watch || uv_poll_init(loop_uv(pg->loop), &watch->poll, fd)) {
		free(watch);
		return NULL;
	}
	watch->poll.data = watch;
	watch->pg = pg;
	watch->fd = fd;
	pg->handles++;
	return watch;
}

bool pg_watch_for(struct pg *pg, int events)
{
	int fd = PQsocket(pg->conn);
	if (pg->watch && pg->watch->fd != fd)
		end_watch(pg);
	if (!pg->watch && fd >= 0)
		pg->watch = new_watch(pg, fd);
	if (pg->watch && uv_poll_start(&pg->watch->poll, events, on_event) == 0)
		return true;
	pg_note(pg, "its socket cannot be watched");
	loop_defer(pg->loop, &pg->tell);
	return false;
}

void pg_drop(struct pg *pg)
{
	pg->state = PG_NONE;
	end_watch(pg);
	if (pg->lookup) {
		uv_cancel((uv_req_t *)&pg->lookup->request); /* on_resolved frees it */
		pg->lookup = NULL;
	}
	if (!pg->conn)
		return;
	/* A server that hangs must not be waited for while libpq says good-bye. */
	if (PQsocket(pg->conn) >= 0)
		shutdown(PQsocket(pg->conn), SHUT_RDWR);
	PQfinish(pg->conn);
	pg->conn = NULL;
}

/* ---- connecting ---- */

static const char *option_of(const PQconninfoOption *options, const char *keyword)
{
	for (const PQconninfoOption *option = options; option->keyword; option++)
		if (strcmp(option->keyword, keyword) == 0)
			return option->val && *option->val ? option->val : NULL;
	return NULL;
}

static bool is_code_char(char c) { return isdigit((unsigned char)c) || isupper((unsigned char)c); }

/* libpq tells the code of a refused connection only in its verbose text: `FATAL:  28P01: …`,
 * where FATAL may be in any language. */
static void find_code(const char *text, char code[6])
{
	for (const char *at = text; (at = strstr(at, ":  ")); at++) {
		size_t len = 0;
		while (len < 5 && is_code_char(at[3 + len]))
			len++;
		if (len < 5 || at[8] != ':')
			continue;
		memcpy(code, at + 3, 5);
		code[5] = 0;
		return;
	}
}

static void connect_failed(struct pg *pg)
{
	const char *text = PQerrorMessage(pg->conn);
	find_code(text, pg->answer.sqlstate);
	if (!pg->answer.sqlstate[0] && PQconnectionNeedsPassword(pg->conn))
		memcpy(pg->answer.sqlstate, "28P01", 6);
	pg_note(pg, text);
	pg_tell(pg, PG_UNREACHED);
}

static void drop_notice(void *ctx, const PGresult *result) { (void)ctx, (void)result; }

static void connected(struct pg *pg)
{
	PQsetErrorVerbosity(pg->conn, PQERRORS_DEFAULT);
	if (PQsetnonblocking(pg->conn, 1)) {
		connect_failed(pg);
		return;
	}
	if (pg_watch_for(pg, UV_READABLE)) /* from now on for a server that closes it */
		pg_tell(pg, PG_DONE);
}

/* The socket is not watched while libpq works: it may close it and open another, which may
 * even get the same number. */
static void step_connect(struct pg *pg)
{
	if (pg->watch)
		uv_poll_stop(&pg->watch->poll);
	switch (PQconnectPoll(pg->conn)) {
	case PGRES_POLLING_READING: pg_watch_for(pg, UV_READABLE); break;
	case PGRES_POLLING_WRITING: pg_watch_for(pg, UV_WRITABLE); break;
	case PGRES_POLLING_OK: connected(pg); break;
	default: connect_failed(pg); break;
	}
}

/* Waits as libpq says to begin with: as if it had answered "writing". */
static void start_connect(struct pg *pg, const char *address)
{
	const char *keywords[OPTIONS_MAX + 8] = { "application_name", "gssencmode",
						  "client_encoding" };
	const char *values[OPTIONS_MAX + 8] = { "weir", "disable", "UTF8" };
	size_t count = 3;
	for (const PQconninfoOption *option = pg->options; option->keyword; option++) {
		if (!option->val || count > OPTIONS_MAX)
			continue;
		keywords[count] = option->keyword;
		values[count++] = option->val;
	}
	if (address) {
		keywords[count] = "hostaddr";
		values[count++] = address;
	}
	pg->state = PG_CONNECTING;
	pg->conn = PQconnectStartParams(keywords, values, 0);
	if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD) {
		pg_note(pg, pg->conn ? PQerrorMessage(pg->conn) : "out of memory");
		loop_defer(pg->loop, &pg->tell);
		return;
	}
	PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(pg->conn, drop_notice, NULL);
	pg_watch_for(pg, UV_WRITABLE);
}

static void on_resolved(uv_getaddrinfo_t *request, int code, struct addrinfo *found)
{
	struct pg_lookup *lookup = request->data;
	struct pg *pg = lookup->pg;
	bool wanted = pg->lookup == lookup;
	char address[NI_MAXHOST];
	free(lookup);
	pg->handles--;
	if (wanted)
		pg->lookup = NULL;
	if (!code && found &&
	    getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof address, NULL, 0,
			NI_NUMERICHOST))
		code = UV_EAI_FAIL;
	uv_freeaddrinfo(found);
	if (wanted && !code && found) {
		start_connect(pg, address);
	} else if (wanted) {
		pg_note(pg, "the host's name is not known");
		pg_tell(pg, PG_UNREACHED);
	} else {
		finish_close(pg);
	}
}

static void look_up(struct pg *pg, const char *host)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct pg_lookup *lookup = calloc(1, sizeof *lookup);
	if (lookup)
		lookup->request.data = lookup;
	if (!lookup ||
	    uv_getaddrinfo(loop_uv(pg->loop), &lookup->request, on_resolved, host, NULL, &hints)) {
		free(lookup);
		pg_note(pg, "the host's name cannot be looked up");
		loop_defer(pg->loop, &pg->tell);
		return;
	}
	lookup->pg = pg;
	pg->lookup = lookup;
	pg->handles++;
	pg->state = PG_RESOLVING;
}

static bool is_name(const char *host)
{
	unsigned char address[16];
	return host && host[0] != '/' && host[0] != '@' && uv_inet_pton(AF_INET, host, address) &&
	       uv_inet_pton(AF_INET6, host, address);
}

void pg_connect(struct pg *pg, int64_t deadline_ns, pg_fn fn, void *ctx)
{
	CHECK(!pg->fn && !pg->closing);
	pg_drop(pg);
	pg->fn = fn;
	pg->ctx = ctx;
	pg->answer = (struct pg_answer){ 0 };
	pg->why[0] = 0;
	loop_timer_after(pg->loop, &pg->deadline, deadline_ns);
	const char *host = option_of(pg->options, "host");
	if (is_name(host) && !option_of(pg->options, "hostaddr"))
		look_up(pg, host);
	else
		start_connect(pg, NULL);
}

/* ---- */

enum status pg_open(struct loop *loop, const char *url, struct pg **out, struct err *err)
{
	/* libpq's own words may hold the URL, and that the password. */
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	if (!options)
		return err_set(err, STATUS_INVALID, "not a URL of a PostgreSQL");
	const char *host = option_of(options, "host");
	bool several = host && strchr(host, ',');
	struct pg *pg = several ? NULL : calloc(1, sizeof *pg);
	if (!pg) {
		PQconninfoFree(options);
		return several ? err_set(err, STATUS_INVALID,
					 "the URL of a PostgreSQL names more than one host")
			       : err_set(err, STATUS_NO_MEMORY, "postgresql: out of memory");
	}
	pg->loop = loop;
	pg->options = options;
	pg->deadline = (struct timer){ .fn = on_deadline, .ctx = pg };
	pg->tell = (struct loop_task){ .fn = tell_end, .ctx = pg };
	pg->gone = (struct loop_task){ .fn = run_gone, .ctx = pg };
	*out = pg;
	return STATUS_OK;
}

void pg_close(struct pg *pg, void (*fn)(void *ctx), void *ctx)
{
	CHECK(!pg->closing);
	timers_cancel(loop_timers(pg->loop), &pg->deadline);
	loop_task_cancel(&pg->tell);
	pg_drop(pg);
	PQclear(pg->table);
	pg->table = NULL;
	pg->fn = NULL;
	pg->closing = true;
	pg->on_closed = fn;
	pg->on_closed_ctx = ctx;
	finish_close(pg);
}
