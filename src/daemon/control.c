#include "daemon/control.h"

#include <stdlib.h>

#include "base/check.h"
#include "daemon/control_impl.h"
#include "daemon/metrics_view.h"
#include "daemon/operated.h"
#include "daemon/status_view.h"
#include "os/line_client.h"

struct control_conn {
	struct control *control;
	struct line_conn *conn;      /* NULL: asked from inside, fn is told */
	struct control_later *later; /* its answer is awaited */
	void (*fn)(void *ctx, int exit_status, struct str text);
	void *ctx;
};

struct control_later {
	struct control *control;
	struct control_conn *client; /* NULL: it went away */
};

struct control {
	struct daemon *daemon;
	struct buf answer; /* one at a time */
	struct buf out;
	struct control_conn *asking; /* whose request is being handled */
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
		if (!str_eq(format, formats[i].name))
			continue;
		enum ask_outcome outcome =
		    daemon_ask(control->daemon, formats[i].format, rest, &control->answer);
		operated_ask(control->daemon, rest, outcome);
		return outcome;
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
	operated_tell(control->daemon, STR("local"), STR("stop"), STR("weir"), STR("done"));
	daemon_stop(control->daemon);
	return 0;
}

static int on_version(struct control *control, struct str rest)
{
	(void)rest;
	buf_printf(&control->answer, "weir %s\n", WEIR_VERSION);
	return 0;
}

static struct control_request request_of(struct control *control)
{
	return (struct control_request){ control->daemon, control, &control->answer };
}

static int on_fleet(struct control *control, struct str rest)
{
	const struct control_request request = request_of(control);
	return control_fleet(&request, rest);
}

static int on_alerts(struct control *control, struct str rest)
{
	const struct control_request request = request_of(control);
	return control_alerts(&request, rest);
}

static int on_archive(struct control *control, struct str rest)
{
	const struct control_request request = request_of(control);
	return control_archive(&request, rest);
}

static int on_signal(struct control *control, struct str rest)
{
	const struct control_request request = request_of(control);
	return control_signal(&request, rest);
}

static int on_picture(struct control *control, struct str rest)
{
	const struct control_request request = request_of(control);
	return control_picture(&request, rest);
}

static int on_telegram(struct control *control, struct str rest)
{
	const struct control_request request = request_of(control);
	return control_telegram(&request, rest);
}

static int on_markets(struct control *control, struct str rest)
{
	const struct control_request request = request_of(control);
	(void)rest;
	return control_markets(&request);
}

static int on_now(struct control *control, struct str rest)
{
	const struct control_request request = request_of(control);
	(void)rest;
	return control_now(&request);
}

static int on_ready(struct control *control, struct str rest)
{
	const struct control_request request = request_of(control);
	(void)rest;
	return control_ready(&request);
}

static const struct request_row requests[] = {
	{ { "alerts", 6 }, on_alerts },     { { "archive", 7 }, on_archive },
	{ { "ask", 3 }, on_ask },           { { "fleet", 5 }, on_fleet },
	{ { "flush", 5 }, on_flush },       { { "metrics", 7 }, on_metrics },
	{ { "picture", 7 }, on_picture },   { { "signal", 6 }, on_signal },
	{ { "status", 6 }, on_status },     { { "stop", 4 }, on_stop },
	{ { "telegram", 8 }, on_telegram }, { { "version", 7 }, on_version },
	{ { "markets", 7 }, on_markets },   { { "ready", 5 }, on_ready },
	{ { "now", 3 }, on_now },
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

/* ---- connections ---- */

static void *on_open(void *ctx, struct line_conn *conn)
{
	struct control_conn *client = malloc(sizeof *client);
	if (client)
		*client = (struct control_conn){ .control = ctx, .conn = conn };
	return client;
}

static void send_answer(struct control_conn *client, int exit_status, struct str text)
{
	struct buf *out = &client->control->out;
	buf_clear(out);
	control_put_header(out, exit_status, text.len);
	buf_str_put(out, text);
	/* FULL means that the peer does not read: the server has cut it already. */
	enum status status = client->conn->ops->send(client->conn, buf_str(out));
	(void)status;
}

static int ask(struct control_conn *client, struct str line)
{
	struct control *control = client->control;
	control->asking = client;
	int exit_status = answer(control, line);
	control->asking = NULL;
	return exit_status;
}

static void on_line(void *conn_ctx, struct str line)
{
	struct control_conn *client = conn_ctx;
	int exit_status = ask(client, line);
	if (exit_status == CONTROL_LATER)
		client->conn->ops->pause(client->conn, true);
	else
		send_answer(client, exit_status, buf_str(&client->control->answer));
}

static void on_close(void *conn_ctx, enum status why)
{
	struct control_conn *client = conn_ctx;
	(void)why;
	if (client->later)
		client->later->client = NULL;
	free(client);
}

struct control_later *control_later(struct control *control)
{
	struct control_later *later = malloc(sizeof *later);
	CHECK(control->asking && !control->asking->later);
	if (!later)
		return NULL;
	*later = (struct control_later){ control, control->asking };
	control->asking->later = later;
	return later;
}

void control_answer(struct control_later *later, int exit_status, struct str text)
{
	struct control_conn *client = later->client;
	free(later);
	if (!client)
		return;
	client->later = NULL;
	if (!client->conn) {
		client->fn(client->ctx, exit_status, text);
		free(client);
		return;
	}
	send_answer(client, exit_status, text);
	client->conn->ops->pause(client->conn, false);
}

void control_run(struct control *control, struct str line,
		 void (*fn)(void *ctx, int exit_status, struct str text), void *ctx)
{
	struct control_conn *client = malloc(sizeof *client);
	if (!client) {
		fn(ctx, 3, STR("out of memory\n"));
		return;
	}
	*client = (struct control_conn){ .control = control, .fn = fn, .ctx = ctx };
	int exit_status = ask(client, line);
	if (exit_status == CONTROL_LATER)
		return;
	fn(ctx, exit_status, buf_str(&control->answer));
	free(client);
}

struct line_events control_events(struct control *control)
{
	return (struct line_events){ on_open, on_line, on_close, control };
}
