#include "os/line_dial.h"

#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/check.h"
#include "os/line_stream.h"

static const int64_t connect_timeout_ns = 10000000000;

struct line_dialer {
	struct line_host host; /* first: what connections see of it */
	int64_t connect_timeout_ns;
	bool closing;
	void (*on_end)(void *ctx);
	void *on_end_ctx;
	struct loop_task end;
};

struct dial;

/* Outlives the dial that gave up on it: libuv's threads may be at work on it. */
struct lookup {
	uv_getaddrinfo_t request;
	struct dial *dial; /* NULL: nobody waits any more */
};

struct dial {
	struct line_stream stream; /* first */
	char *where;               /* the host as it was dialled */
	uint16_t port;
	struct lookup *lookup;
	struct addrinfo *addresses, *address; /* of a name; the one that is tried */
	uv_connect_t connect;
	int64_t until_ns;   /* connected by then */
	bool between;       /* the handle of an address that failed is closing */
	struct err problem; /* why it was never open */
};

/* ---- the end ---- */

static void finish_if_empty(struct line_dialer *dialer)
{
	if (dialer->closing && !dialer->host.streams)
		loop_defer(dialer->host.loop, &dialer->end);
}

static void run_end(void *ctx)
{
	struct line_dialer *dialer = ctx;
	void (*fn)(void *ctx) = dialer->on_end;
	void *fn_ctx = dialer->on_end_ctx;
	free(dialer);
	if (fn)
		fn(fn_ctx);
}

static void on_gone(struct line_host *host, struct line_stream *stream)
{
	struct dial *dial = (struct dial *)stream;
	if (dial->lookup) {
		dial->lookup->dial = NULL;
		uv_cancel((uv_req_t *)&dial->lookup->request); /* on_resolved frees it */
	}
	uv_freeaddrinfo(dial->addresses);
	free(dial->where);
	free(dial);
	finish_if_empty((struct line_dialer *)host);
}

/* Of a connection that never came about. */
static void give_up(struct dial *dial, enum status status)
{
	dial->stream.host->stats.not_reached++;
	line_stream_end(&dial->stream, status);
}

/* ---- one address ---- */

static void try_address(struct dial *dial, const struct sockaddr *address);

static void connected(struct dial *dial)
{
	struct line_host *host = dial->stream.host;
	timers_cancel(loop_timers(host->loop), &dial->stream.deadline);
	host->stats.accepted++;
	dial->problem = (struct err){ 0 }; /* an address before this one may have left its own */
	line_stream_begin(&dial->stream, dial->where);
}

/* A handle that failed to connect cannot be used again: it makes room for a new one. */
static void on_between(uv_handle_t *handle)
{
	struct dial *dial = handle->data;
	struct line_stream *stream = &dial->stream;
	dial->between = false;
	if (stream->state == LINE_CLOSING) {
		line_stream_closed(stream);
		return;
	}
	uv_tcp_init(loop_uv(stream->host->loop), &stream->uv.tcp);
	dial->address = dial->address->ai_next;
	try_address(dial, dial->address->ai_addr);
}

static void address_failed(struct dial *dial, int code)
{
	enum status status =
	    err_errno(&dial->problem, -code, "%s port %u",
		      dial->stream.peer[0] ? dial->stream.peer : dial->where, dial->port);
	if (!dial->address || !dial->address->ai_next) {
		give_up(dial, status);
		return;
	}
	dial->between = true;
	timers_cancel(loop_timers(dial->stream.host->loop), &dial->stream.deadline);
	uv_close(&dial->stream.uv.handle, on_between);
}

static void on_attempt_late(void *ctx) { address_failed(ctx, UV_ETIMEDOUT); }

static void on_connected(uv_connect_t *request, int code)
{
	struct dial *dial = request->data;
	if (dial->between || dial->stream.state == LINE_CLOSING)
		return;
	if (code)
		address_failed(dial, code);
	else
		connected(dial);
}

/* What is left of the time is shared by the addresses that are left. */
static void arm_attempt(struct dial *dial)
{
	struct loop *loop = dial->stream.host->loop;
	int64_t addresses = 1;
	for (const struct addrinfo *at = dial->address; at && at->ai_next; at = at->ai_next)
		addresses++;
	int64_t left_ns = dial->until_ns - loop_now_ns(loop);
	dial->stream.deadline.fn = on_attempt_late;
	loop_timer_after(loop, &dial->stream.deadline, left_ns > 0 ? left_ns / addresses : 0);
}

static void try_address(struct dial *dial, const struct sockaddr *address)
{
	line_stream_note_peer(&dial->stream, address);
	dial->connect.data = dial;
	arm_attempt(dial);
	int code = uv_tcp_connect(&dial->connect, &dial->stream.uv.tcp, address, on_connected);
	if (code)
		address_failed(dial, code);
}

/* ---- the name ---- */

static void on_resolved(uv_getaddrinfo_t *request, int code, struct addrinfo *found)
{
	struct lookup *lookup = request->data;
	struct dial *dial = lookup->dial;
	free(lookup);
	if (!dial) {
		uv_freeaddrinfo(found);
		return;
	}
	dial->lookup = NULL;
	dial->addresses = dial->address = found;
	if (dial->stream.state == LINE_CLOSING)
		return;
	if (!code && found) {
		try_address(dial, found->ai_addr);
		return;
	}
	err_set(&dial->problem, STATUS_NOT_FOUND, "%s: name not found (%s)", dial->where,
		code ? uv_strerror(code) : "no address");
	give_up(dial, STATUS_NOT_FOUND);
}

static void on_lookup_late(void *ctx)
{
	struct dial *dial = ctx;
	err_set(&dial->problem, STATUS_TIMEOUT, "%s: finding its address took too long",
		dial->where);
	give_up(dial, STATUS_TIMEOUT);
}

static void look_up(struct dial *dial)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct loop *loop = dial->stream.host->loop;
	char service[8];
	struct buf text = buf_over(service, sizeof service);
	struct lookup *lookup = calloc(1, sizeof *lookup);
	buf_u64(&text, dial->port);
	buf_char(&text, 0);
	if (lookup)
		lookup->request.data = lookup;
	if (!lookup || uv_getaddrinfo(loop_uv(loop), &lookup->request, on_resolved, dial->where,
				      service, &hints)) {
		free(lookup);
		err_set(&dial->problem, STATUS_NOT_FOUND, "%s: cannot be looked up", dial->where);
		give_up(dial, STATUS_NOT_FOUND);
		return;
	}
	lookup->dial = dial;
	dial->lookup = lookup;
	dial->stream.deadline.fn = on_lookup_late;
	loop_timer_after(loop, &dial->stream.deadline, dial->until_ns - loop_now_ns(loop));
}

/* ---- the owner's calls ---- */

static struct dial *dial_create(struct line_dialer *dialer, const char *host, uint16_t port)
{
	struct dial *dial = calloc(1, sizeof *dial);
	if (!dial)
		return NULL;
	dial->where = strdup(host);
	if (!dial->where || !line_stream_init(&dial->stream, &dialer->host, false)) {
		free(dial->where);
		free(dial);
		return NULL;
	}
	dial->port = port;
	dial->stream.err = &dial->problem;
	dial->until_ns = loop_now_ns(dialer->host.loop) + dialer->connect_timeout_ns;
	return dial;
}

enum status line_dial(struct line_dialer *dialer, const char *host, uint16_t port, void *ctx,
		      struct line_conn **conn)
{
	union {
		struct sockaddr any;
		struct sockaddr_in ip4;
		struct sockaddr_in6 ip6;
	} address;
	CHECK(!dialer->closing);
	if (dialer->host.stats.open >= dialer->host.limits.connections_max) {
		dialer->host.stats.over_limit++;
		return STATUS_FULL;
	}
	struct dial *dial = dial_create(dialer, host, port);
	if (!dial)
		return STATUS_NO_MEMORY;
	dial->stream.owner = ctx;
	dial->stream.tells = true;
	*conn = &dial->stream.conn;
	if (uv_ip4_addr(host, port, &address.ip4) == 0 ||
	    uv_ip6_addr(host, port, &address.ip6) == 0)
		try_address(dial, &address.any);
	else
		look_up(dial);
	return STATUS_OK;
}

const char *line_dial_problem(const struct line_conn *conn)
{
	const struct dial *dial = (const struct dial *)conn;
	return dial->stream.why == STATUS_CANCELLED ? "" : dial->problem.text;
}

const struct line_stats *line_dialer_stats(const struct line_dialer *dialer)
{
	return &dialer->host.stats;
}

enum status line_dialer_open(struct loop *loop, const struct line_dialer_config *config,
			     struct line_dialer **out, struct err *err)
{
	struct line_dialer *dialer = calloc(1, sizeof *dialer);
	if (!dialer)
		return err_set(err, STATUS_NO_MEMORY, "dial: out of memory");
	struct line_host *host = &dialer->host;
	host->loop = loop;
	host->events = config->events;
	host->too_long_answer = config->too_long_answer;
	host->tls = config->tls;
	host->limits = line_limits_of(
	    (struct line_limits){ config->connections_max, config->line_bytes_max,
				  config->outgoing_bytes_max, config->handshake_timeout_ns });
	host->on_gone = on_gone;
	dialer->connect_timeout_ns =
	    config->connect_timeout_ns ? config->connect_timeout_ns : connect_timeout_ns;
	dialer->end = (struct loop_task){ .fn = run_end, .ctx = dialer };
	*out = dialer;
	return STATUS_OK;
}

void line_dialer_close(struct line_dialer *dialer, void (*fn)(void *ctx), void *ctx)
{
	CHECK(!dialer->closing);
	dialer->closing = true;
	dialer->on_end = fn;
	dialer->on_end_ctx = ctx;
	line_host_end_all(&dialer->host, STATUS_CANCELLED);
	finish_if_empty(dialer);
}
