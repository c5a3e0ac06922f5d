#include "store/segments.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "store/segments_impl.h"

static const int64_t watch_ns = 1000000000;

static const bool moves[][SEGMENT_STOPPED + 1] = {
	[SEGMENT_STARTING] = { [SEGMENT_CHECKING] = true },
	[SEGMENT_CHECKING] = { [SEGMENT_UP] = true, [SEGMENT_DOWN] = true },
	[SEGMENT_UP] = { [SEGMENT_DOWN] = true },
	[SEGMENT_DOWN] = { [SEGMENT_CHECKING] = true },
	[SEGMENT_STOPPING] = { [SEGMENT_STOPPED] = true },
};

void segment_move(struct segment_server *server, enum segment_state to)
{
	bool may_stop = to == SEGMENT_STOPPING && server->state < SEGMENT_STOPPING;
	CHECK(may_stop || moves[server->state][to]);
	server->state = to;
}

const char *segment_state_text(enum segment_state state)
{
	static const char *const texts[] = { "starting", "checking", "up",
					     "down",     "stopping", "stopped" };
	return texts[state];
}

void segments_notice(struct segments *segments, const char *format, ...)
{
	char line[480];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (segments->events.on_notice)
		segments->events.on_notice(segments->events.ctx, line);
	else
		log_line(LOG_WARN, "store", "%s", line);
}

/* ---- ready, up, down, failed ---- */

static void run_fail(void *ctx)
{
	struct segments *segments = ctx;
	if (!segments->is_closing && segments->events.on_failed)
		segments->events.on_failed(segments->events.ctx, &segments->failure);
}

void segments_fail(struct segments *segments, const struct err *err)
{
	if (segments->has_failed || segments->is_ready)
		return;
	segments->has_failed = true;
	segments->failure = *err;
	timers_cancel(loop_timers(segments->loop), &segments->start_deadline);
	loop_defer(segments->loop, &segments->fail);
}

static void become_ready(struct segments *segments)
{
	for (int i = 0; i < SEGMENT_COUNT; i++)
		if (segments->servers[i].wanted && segments->servers[i].state != SEGMENT_UP)
			return;
	segments->is_ready = true;
	timers_cancel(loop_timers(segments->loop), &segments->start_deadline);
	segments_write_ports(segments);
	segments_watch(segments);
	loop_timer_after(segments->loop, &segments->watch, watch_ns);
	if (segments->events.on_ready)
		segments->events.on_ready(segments->events.ctx);
}

void segment_is_up(struct segment_server *server)
{
	struct segments *segments = server->owner;
	if (server->state != SEGMENT_CHECKING || segments->has_failed)
		return;
	segment_move(server, SEGMENT_UP);
	backoff_reset(&server->backoff);
	server->was_up = server->told_up = true;
	if (segments->events.on_up)
		segments->events.on_up(segments->events.ctx, server->id);
	if (!segments->is_ready && !segments->is_closing)
		become_ready(segments);
}

void segment_is_down(struct segment_server *server, const struct err *why)
{
	struct segments *segments = server->owner;
	server->why = *why;
	if (server->state == SEGMENT_UP || server->state == SEGMENT_CHECKING)
		segment_move(server, SEGMENT_DOWN);
	server->info_pending = server->rewriting = false;
	if (!server->told_up)
		return;
	server->told_up = false;
	if (!segments->is_closing && segments->events.on_down)
		segments->events.on_down(segments->events.ctx, server->id, why);
}

static void on_conn_up(void *ctx)
{
	struct segment_server *server = ctx;
	if (server->state >= SEGMENT_STOPPING)
		return;
	if (!server->answered_ns)
		server->answered_ns = loop_precise_ns() - server->owner->opened_ns;
	if (!server->config.external && !server->process)
		server->pid = redis_conn_peer_pid(server->conn);
	segment_move(server, SEGMENT_CHECKING);
	segment_check(server);
}

/* What keeps a managed server from ever answering us; waiting would not help. */
static bool is_hopeless(const struct err *why)
{
	return why->status == STATUS_REDIS_WRONGPASS || why->status == STATUS_REDIS_NOAUTH ||
	       why->status == STATUS_VERSION;
}

static void on_conn_down(void *ctx, const struct err *why)
{
	struct segment_server *server = ctx;
	struct err err = *why;
	if (server->state >= SEGMENT_STOPPING)
		return;
	if (!server->was_up && is_hopeless(why) && !server->config.external)
		err_set(&err, why->status,
			"segment %s: the server on %.200s refuses our password (was run/users "
			"replaced?): stop that server, it holds %.100s",
			server->row->name, server->socket_path, server->folder);
	else
		err_wrap(&err, why->status, "segment %s", server->row->name);
	segment_is_down(server, &err);
	if (!server->was_up && is_hopeless(why))
		segments_fail(server->owner, &err);
	else if (!server->config.external)
		segment_lost(server);
}

static void on_start_deadline(void *ctx)
{
	struct segments *segments = ctx;
	struct err err;
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		struct segment_server *server = &segments->servers[i];
		if (!server->wanted || server->state == SEGMENT_UP)
			continue;
		err_set(&err, STATUS_TIMEOUT,
			"segment %s: no answer from %.150s within %lld ms%s%s", server->row->name,
			server->config.external ? server->url.place : server->socket_path,
			(long long)(segments->start_timeout_ns / 1000000),
			server->why.text[0] ? ": " : "", server->why.text);
		segments_fail(segments, &err);
		return;
	}
}

static void on_watch(void *ctx)
{
	struct segments *segments = ctx;
	segments_watch(segments);
	loop_timer_after(segments->loop, &segments->watch, watch_ns);
}

/* ---- opening ---- */

static struct redis_conn_config place_of(struct segment_server *server)
{
	struct segments *segments = server->owner;
	const struct redis_url *url = &server->url;
	struct redis_conn_config config = { .deadline_ns = segments->deadline_ns,
					    .seed = rng_next(&segments->rng) };
	if (server->config.external) {
		config.unix_path = url->is_unix ? url->place : NULL;
		config.host = url->place;
		config.port = url->port;
		config.database = url->database;
		config.user = url->has_login ? url->user : NULL;
		config.password = url->has_login ? url->password : NULL;
	} else {
		config.unix_path = server->socket_path;
		config.user = segment_user_row(SEGMENT_USER_WEIR)->name;
		config.password = segments->logins.passwords[server->id][SEGMENT_USER_WEIR];
	}
	return config;
}

static enum status port_command(struct redis_port *port, const struct str *argv, size_t argc,
				redis_reply_fn fn, void *ctx)
{
	struct segment_server *server = (struct segment_server *)port;
	if (!server->conn)
		return STATUS_CLOSED;
	return redis_command(redis_conn_port(server->conn), argv, argc, fn, ctx);
}

static size_t port_pending_bytes(const struct redis_port *port)
{
	const struct segment_server *server = (const struct segment_server *)port;
	return server->conn ? redis_pending_bytes(redis_conn_port(server->conn)) : 0;
}

static enum status open_conn(struct segment_server *server, struct err *err)
{
	static const struct redis_ops ops = { port_command, port_pending_bytes };
	struct redis_conn_config config = place_of(server);
	server->port.ops = &ops;
	config.on_up = on_conn_up;
	config.on_down = on_conn_down;
	config.ctx = server;
	enum status status = redis_conn_open(server->owner->loop, &config, &server->conn, err);
	if (status == STATUS_OK)
		server->owner->open_conns++;
	return status;
}

enum status segments_connect(struct segments *segments, enum segment segment, const char *name,
			     void (*on_up)(void *ctx), void *ctx, struct redis_conn **out,
			     struct err *err)
{
	CHECK(segments->servers[segment].wanted);
	struct redis_conn_config config = place_of(&segments->servers[segment]);
	config.name = name;
	config.on_up = on_up;
	config.ctx = ctx;
	return redis_conn_open(segments->loop, &config, out, err);
}

/* All servers are started before any is waited for. */
static enum status start_all(struct segments *segments, struct err *err)
{
	/* The last first: the market segment has the most to load, and does it while the
	 * others are started. */
	for (int i = SEGMENT_COUNT - 1; i >= 0; i--)
		if (segments->servers[i].wanted && !segments->servers[i].config.external)
			segment_start(&segments->servers[i]);
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		struct segment_server *server = &segments->servers[i];
		enum status status = server->wanted ? open_conn(server, err) : STATUS_OK;
		if (status != STATUS_OK)
			return status;
		if (server->wanted && !server->config.external)
			redis_conn_hurry(server->conn, segments->start_timeout_ns);
	}
	loop_timer_after(segments->loop, &segments->start_deadline, segments->start_timeout_ns);
	return STATUS_OK;
}

static void run_end(void *ctx);

enum status segments_open(struct loop *loop, const struct store_config *config, uint32_t mask,
			  const struct segment_events *events, struct segments **out,
			  struct err *err)
{
	CHECK(mask && !(mask & ~(uint32_t)SEGMENTS_ALL));
	struct segments *segments = calloc(1, sizeof *segments);
	if (!segments)
		return err_set(err, STATUS_NO_MEMORY, "segments: out of memory");
	segments->loop = loop;
	segments->events = *events;
	segments->deadline_ns = config->deadline_ns ? config->deadline_ns : 5000000000;
	segments->start_timeout_ns =
	    config->start_timeout_ns ? config->start_timeout_ns : 10000000000;
	segments->opened_ns = loop_precise_ns();
	rng_init(&segments->rng, (uint64_t)loop_wall_ns(loop) ^ (uint64_t)getpid());
	segments->start_deadline = (struct timer){ .fn = on_start_deadline, .ctx = segments };
	segments->watch = (struct timer){ .fn = on_watch, .ctx = segments };
	segments->fail = (struct loop_task){ .fn = run_fail, .ctx = segments };
	segments->end = (struct loop_task){ .fn = run_end, .ctx = segments };
	enum status status = segments_prepare(segments, config, mask, err);
	if (status != STATUS_OK) {
		explicit_bzero(&segments->logins, sizeof segments->logins);
		free(segments);
		return status;
	}
	status = start_all(segments, err);
	if (status != STATUS_OK)
		segments_fail(segments, err);
	*out = segments;
	return STATUS_OK;
}

/* ---- closing ---- */

static void run_end(void *ctx)
{
	struct segments *segments = ctx;
	void (*fn)(void *ctx) = segments->on_end;
	void *fn_ctx = segments->on_end_ctx;
	explicit_bzero(&segments->logins, sizeof segments->logins);
	free(segments);
	if (fn)
		fn(fn_ctx);
}

static void end_if_done(struct segments *segments)
{
	for (int i = 0; i < SEGMENT_COUNT; i++)
		if (segments->servers[i].wanted && segments->servers[i].state != SEGMENT_STOPPED)
			return;
	if (!segments->open_conns)
		loop_defer(segments->loop, &segments->end);
}

static void on_conn_closed(void *ctx)
{
	struct segments *segments = ctx;
	segments->open_conns--;
	end_if_done(segments);
}

void segment_stopped(struct segment_server *server)
{
	timers_cancel(loop_timers(server->owner->loop), &server->tend);
	segment_move(server, SEGMENT_STOPPED);
	if (server->conn)
		redis_conn_close(server->conn, on_conn_closed, server->owner);
	server->conn = NULL;
	end_if_done(server->owner);
}

static void close_all(struct segments *segments, void (*fn)(void *ctx), void *ctx)
{
	CHECK(!segments->is_closing);
	segments->is_closing = true;
	segments->on_end = fn;
	segments->on_end_ctx = ctx;
	timers_cancel(loop_timers(segments->loop), &segments->start_deadline);
	timers_cancel(loop_timers(segments->loop), &segments->watch);
	loop_task_cancel(&segments->fail);
	for (int i = 0; i < SEGMENT_COUNT; i++)
		if (segments->servers[i].wanted)
			segment_stop(&segments->servers[i]);
}

void segments_close(struct segments *segments, void (*fn)(void *ctx), void *ctx)
{
	close_all(segments, fn, ctx);
}

void segments_leave(struct segments *segments, void (*fn)(void *ctx), void *ctx)
{
	segments->leave_running = true;
	close_all(segments, fn, ctx);
}

/* ---- questions ---- */

struct redis_port *segments_redis(struct segments *segments, enum segment segment)
{
	CHECK(segments->servers[segment].wanted);
	return &segments->servers[segment].port;
}

struct segment_status segments_status(const struct segments *segments, enum segment segment)
{
	const struct segment_server *server = &segments->servers[segment];
	struct segment_status status = server->info;
	status.wanted = server->wanted;
	status.external = server->config.external;
	status.adopted = server->adopted;
	status.state = server->wanted ? server->state : SEGMENT_STOPPED;
	status.pid = server->pid;
	status.restarts = server->restarts;
	status.answered_ns = server->answered_ns;
	if (!status.maxmemory)
		status.maxmemory = server->config.maxmemory;
	status.conn = server->conn ? redis_conn_stats(server->conn) : NULL;
	status.figures = &server->figures;
	return status;
}
