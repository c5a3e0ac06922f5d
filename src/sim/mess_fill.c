#include "sim/mess_fill.h"

#include <errno.h>

#include "os/redis_conn.h"

enum {
	PENDING_BYTES = 2 << 20,      /* on the wire before the server is waited for */
	PENDING_BYTES_MAX = 64 << 20, /* and one key's commands more */
	COMMAND_BYTES = 8 << 20,
	LINE_BYTES = 4096,
};
static const int64_t connect_ns = 5000000000, deadline_ns = 60000000000;

struct fill {
	struct mess *mess;
	FILE *truth, *commands;
	struct buf line;
	struct mess_filled *out;
	/* the server */
	struct loop *loop;
	struct redis_conn *conn;
	struct redis_port *redis;
	bool force, up, done, closed;
	int64_t in_flight;
	enum status status;
	struct err *err;
};

/* ---- what the generator says ---- */

static void on_hit(void *ctx, const struct mess_hit *hit)
{
	struct fill *fill = ctx;
	char space[LINE_BYTES];
	struct buf line = buf_over(space, sizeof space);
	mess_hit_print(&line, hit);
	fwrite(line.ptr, 1, line.len, fill->truth);
	fill->out->hits++;
}

static void fail(struct fill *fill, enum status status)
{
	if (!fill->status)
		fill->status = status;
	fill->done = true;
}

static void on_command_for_file(void *ctx, const struct str *argv, size_t argc)
{
	struct fill *fill = ctx;
	buf_clear(&fill->line);
	redis_put_command(&fill->line, argv, argc);
	fwrite(fill->line.ptr, 1, fill->line.len, fill->commands);
	fill->out->commands++;
}

static enum status end_files(const struct fill *fill, struct err *err)
{
	if (fill->truth && (fflush(fill->truth) || ferror(fill->truth)))
		return err_errno(err, errno, "the truth could not be written");
	if (fill->commands && (fflush(fill->commands) || ferror(fill->commands)))
		return err_errno(err, errno, "the commands could not be written");
	if (fill->line.overflow)
		return err_set(err, STATUS_FULL, "a command is too long");
	return STATUS_OK;
}

/* ---- into a server ---- */

static void pump(struct fill *fill);

static void on_reply(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct fill *fill = ctx;
	fill->in_flight--;
	if (status && !fill->status) {
		struct str why = reply ? reply->text : str_of(status_text(status));
		fail(fill, err_set(fill->err, status, "the server: %.*s", STR_ARG(why)));
	}
	pump(fill);
}

static void on_command(void *ctx, const struct str *argv, size_t argc)
{
	struct fill *fill = ctx;
	if (fill->status)
		return;
	enum status status = redis_command(fill->redis, argv, argc, on_reply, fill);
	if (status) {
		fail(fill, err_set(fill->err, status, "the connection is gone"));
		return;
	}
	fill->in_flight++;
	fill->out->commands++;
}

static void pump(struct fill *fill)
{
	const struct mess_sink sink = { on_command, fill->truth ? on_hit : NULL, fill };
	while (!fill->done && redis_pending_bytes(fill->redis) < PENDING_BYTES)
		fill->done = !mess_next(fill->mess, &sink);
	if (fill->done && !fill->in_flight)
		loop_stop(fill->loop);
}

/* The reply of INFO keyspace: a line that begins with "db" for each database with keys. */
static void on_keyspace(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct fill *fill = ctx;
	if (status) {
		struct str why = reply ? reply->text : str_of(status_text(status));
		fail(fill, err_set(fill->err, status, "the server: %.*s", STR_ARG(why)));
	} else if (!fill->force) {
		struct str rest = reply->text, line;
		while (str_split(&rest, '\n', &line))
			if (str_starts(line, STR("db")))
				fail(fill, err_set(fill->err, STATUS_EXISTS,
						   "the server has keys; --force writes beside "
						   "them, and over those of the same names"));
	}
	pump(fill);
}

static void on_up(void *ctx)
{
	struct fill *fill = ctx;
	static const struct str words[] = { STR("INFO"), STR("keyspace") };
	if (fill->up) {
		fail(fill, err_set(fill->err, STATUS_CLOSED, "the connection broke"));
		loop_stop(fill->loop);
		return;
	}
	fill->up = true;
	if (redis_command(fill->redis, words, 2, on_keyspace, fill)) {
		fail(fill, err_set(fill->err, STATUS_CLOSED, "the connection is gone"));
		loop_stop(fill->loop);
	}
}

static void on_down(void *ctx, const struct err *why)
{
	struct fill *fill = ctx;
	if (!fill->status)
		fail(fill, err_set(fill->err, STATUS_UNAVAILABLE, "%s", why->text));
	loop_stop(fill->loop);
}

static void on_no_answer(void *ctx)
{
	struct fill *fill = ctx;
	if (fill->up)
		return;
	fail(fill, err_set(fill->err, STATUS_UNAVAILABLE, "the server does not answer"));
	loop_stop(fill->loop);
}

static void on_closed(void *ctx) { ((struct fill *)ctx)->closed = true; }

static enum status open_server(struct fill *fill, const struct mess_server *server, struct err *err)
{
	const struct redis_conn_config config = {
		.unix_path = server->unix_path,
		.host = server->host,
		.port = server->port,
		.user = server->user,
		.password = server->password,
		.name = "weir-sim",
		.deadline_ns = deadline_ns,
		.pending_bytes_max = PENDING_BYTES_MAX,
		.on_up = on_up,
		.on_down = on_down,
		.ctx = fill,
	};
	enum status status = loop_create(8, &fill->loop, err);
	if (!status)
		status = redis_conn_open(fill->loop, &config, &fill->conn, err);
	if (!status)
		fill->redis = redis_conn_port(fill->conn);
	return status;
}

enum status mess_fill_server(struct mess *mess, const struct mess_server *server, FILE *truth,
			     struct mess_filled *out, struct err *err)
{
	struct fill fill = {
		.mess = mess, .truth = truth, .out = out, .force = server->force, .err = err
	};
	*out = (struct mess_filled){ .keys = mess_keys(mess) };
	int64_t began_ns = loop_precise_ns();
	enum status status = open_server(&fill, server, err);
	if (!status) {
		struct timer patience = { .fn = on_no_answer, .ctx = &fill };
		loop_timer_after(fill.loop, &patience, connect_ns);
		loop_run(fill.loop);
		timers_cancel(loop_timers(fill.loop), &patience);
		status = fill.status ? fill.status : end_files(&fill, err);
	}
	fill.done = true;
	if (fill.conn) {
		redis_conn_close(fill.conn, on_closed, &fill);
		loop_turn_until(fill.loop, &fill.closed, connect_ns);
	}
	loop_destroy(fill.loop);
	out->took_ns = loop_precise_ns() - began_ns;
	return status;
}

/* ---- into a file ---- */

enum status mess_fill_file(struct mess *mess, FILE *commands, FILE *truth, struct mess_filled *out,
			   struct err *err)
{
	struct fill fill = { .mess = mess, .truth = truth, .commands = commands, .out = out };
	const struct mess_sink sink = { on_command_for_file, truth ? on_hit : NULL, &fill };
	int64_t began_ns = loop_precise_ns();
	*out = (struct mess_filled){ .keys = mess_keys(mess) };
	buf_init(&fill.line, COMMAND_BYTES);
	while (!ferror(commands) && mess_next(mess, &sink))
		continue;
	enum status status = end_files(&fill, err);
	buf_deinit(&fill.line);
	out->took_ns = loop_precise_ns() - began_ns;
	return status;
}
