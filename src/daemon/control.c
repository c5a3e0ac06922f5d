#include "daemon/control.h"

#include <stdlib.h>

#include "base/check.h"
#include "daemon/control_impl.h"
#include "daemon/metrics_view.h"
#include "daemon/status_view.h"
#include "os/line_client.h"

struct control {
	struct daemon *daemon;
	struct buf answer; /* one at a time */
	struct buf out;
};

/* A request's handler writes to control->answer and returns the exit status. */
struct request_row {
	struct str verb;
	int (*fn)(struct control *control, struct str rest);
};

struct control *control_create(struct daemon *daemon)
{
	struct control *control = calloc(1, sizeof *control);
	if (!control)
		return NULL;
	control->daemon = daemon;
	buf_init(&control->answer, CONTROL_ANSWER_MAX);
	buf_init(&control->out, CONTROL_ANSWER_MAX + 64);
	return control;
}

void control_destroy(struct control *control)
{
	if (!control)
		return;
	buf_deinit(&control->answer);
	buf_deinit(&control->out);
	free(control);
}

static int on_ask(struct control *control, struct str rest)
{
	static const struct {
		struct str name;
		enum ask_format format;
	} formats[] = { { { "text", 4 }, ASK_TEXT },
			{ { "json", 4 }, ASK_JSON },
			{ { "html", 4 }, ASK_HTML } };
	struct str format;
	if (!str_split(&rest, ' ', &format) || !rest.ptr)
		rest = STR("");
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (str_eq(format, formats[i].name))
			return daemon_ask(control->daemon, formats[i].format, rest,
					  &control->answer);
	}
	buf_printf(&control->answer, "ask: the format is text, json or html\n");
	return 2;
}

static int on_flush(struct control *control, struct str rest)
{
	(void)rest;
	daemon_flush(control->daemon);
	return 0;
}

static int on_status(struct control *control, struct str rest)
{
	(void)rest;
	status_view_print(control->daemon, &control->answer);
	return 0;
}

static int on_metrics(struct control *control, struct str rest)
{
	(void)rest;
	metrics_view_print(control->daemon, &control->answer);
	return 0;
}

static int on_stop(struct control *control, struct str rest)
{
	(void)rest;
	daemon_stop(control->daemon);
	return 0;
}

static int on_version(struct control *control, struct str rest)
{
	(void)rest;
	buf_printf(&control->answer, "weir %s\n", WEIR_VERSION);
	return 0;
}

static int on_fleet(struct control *control, struct str rest)
{
	return control_fleet(control->daemon, rest, &control->answer);
}

static const struct request_row requests[] = {
	{ { "ask", 3 }, on_ask },         { { "fleet", 5 }, on_fleet },
	{ { "flush", 5 }, on_flush },     { { "metrics", 7 }, on_metrics },
	{ { "status", 6 }, on_status },   { { "stop", 4 }, on_stop },
	{ { "version", 7 }, on_version },
};

static int answer(struct control *control, struct str line)
{
	struct str rest = line, verb;
	buf_clear(&control->answer);
	if (str_split(&rest, ' ', &verb))
		for (size_t i = 0; i < ARRAY_LEN(requests); i++)
			if (str_eq(verb, requests[i].verb))
				return requests[i].fn(control, rest.ptr ? rest : STR(""));
	buf_printf(&control->answer, "unknown request\n");
	return 2;
}

struct control_conn {
	struct control *control;
	struct line_conn *conn;
};

static void *on_open(void *ctx, struct line_conn *conn)
{
	struct control_conn *client = malloc(sizeof *client);
	if (client)
		*client = (struct control_conn){ ctx, conn };
	return client;
}

static void on_line(void *conn_ctx, struct str line)
{
	struct control_conn *client = conn_ctx;
	struct control *control = client->control;
	int exit_status = answer(control, line);
	buf_clear(&control->out);
	control_put_header(&control->out, exit_status, control->answer.len);
	buf_str_put(&control->out, buf_str(&control->answer));
	/* FULL means that the peer does not read: the server has cut it already. */
	enum status status = client->conn->ops->send(client->conn, buf_str(&control->out));
	(void)status;
}

static void on_close(void *conn_ctx, enum status why)
{
	(void)why;
	free(conn_ctx);
}

struct line_events control_events(struct control *control)
{
	return (struct line_events){ on_open, on_line, on_close, control };
}
