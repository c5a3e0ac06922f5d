/* A terminal's past: its archived minutes as points, and its changes of state. */
#include <stdlib.h>

#include "base/json_out.h"
#include "serve/json_in.h"
#include "serve/serve_impl.h"

enum {
	MINUTES_MAX = 1440,
	MINUTES_USUAL = 60,
	TIMELINE_SQL_BYTES = 2048,
	TIMELINE_BYTES = 1 << 20
};

static const char *const columns[] = { "t", "eq", "bal", "pl", "ping", "cpu", "mem" };
enum { COLUMNS = sizeof columns / sizeof columns[0] };

struct timeline_ask {
	struct serve *serve;
	struct http_call *call;
	int64_t from_us, step;
	char id[2 * 64 + 1]; /* inside an SQL literal: quotes stand twice */
	struct buf body;
};

static void drop(struct timeline_ask *ask)
{
	buf_deinit(&ask->body);
	free(ask);
}

static void end_bad(struct timeline_ask *ask, enum status status, struct str why)
{
	serve_error_status(ask->call, status, why);
	drop(ask);
}

/* ---- states ---- */

static void on_states(void *ctx, enum status status, struct str text, bool cut)
{
	struct timeline_ask *ask = ctx;
	(void)cut;
	if (status) {
		end_bad(ask, status, text);
		return;
	}
	buf_printf(&ask->body, ",\"states\":%.*s}", STR_ARG(str_trim(text)));
	if (ask->body.overflow)
		serve_error(ask->call, 503, "the timeline is too long");
	else
		serve_json(ask->call, 200, buf_str(&ask->body));
	drop(ask);
}

static void ask_states(struct timeline_ask *ask)
{
	const struct serve_hooks *hooks = &ask->serve->hooks;
	char storage[TIMELINE_SQL_BYTES];
	struct buf sql = buf_over(storage, sizeof storage);
	buf_printf(&sql,
		   "SELECT * FROM (SELECT at_us // 1000 AS t_ms, from_state AS \"from\", "
		   "to_state AS \"to\", reason FROM instance_events WHERE instance = '%s' AND "
		   "at_us >= %lld AND to_state IS NOT NULL AND to_state IS DISTINCT FROM "
		   "from_state ORDER BY at_us DESC LIMIT %d) ORDER BY t_ms",
		   ask->id, (long long)ask->from_us, SERVE_POINTS_MAX);
	hooks->query(hooks->ctx, buf_str(&sql), false, on_states, ask);
}

/* ---- points ---- */

/* Decimals come as strings, with all their places. */
static void put_value(struct buf *out, const struct json_in_token *value)
{
	struct str text = value->text;
	if (value->kind == JSON_IN_NULL || !text.len) {
		buf_put(out, "null", 4);
		return;
	}
	if (value->kind == JSON_IN_STRING && str_find_char(text, '.') < text.len) {
		while (text.ptr[text.len - 1] == '0')
			text.len--;
		text.len -= text.ptr[text.len - 1] == '.';
	}
	buf_str_put(out, text);
}

/* One column of the rows, as an array. False: the rows cannot be read. */
static bool put_column(struct buf *out, struct str rows, const char *column)
{
	struct json_in json;
	struct json_in_token token;
	bool wanted = false, first = true;
	json_in_init(&json, rows);
	buf_char(out, '[');
	while (json_in_next(&json, &token) > JSON_IN_END) {
		if (token.kind == JSON_IN_KEY) {
			wanted = str_eq(token.text, str_of(column));
		} else if (wanted) {
			if (!first)
				buf_char(out, ',');
			put_value(out, &token);
			first = wanted = false;
		}
	}
	buf_char(out, ']');
	return token.kind == JSON_IN_END;
}

static void on_points(void *ctx, enum status status, struct str text, bool cut)
{
	struct timeline_ask *ask = ctx;
	struct buf *out = &ask->body;
	bool good = true;
	(void)cut;
	if (status) {
		end_bad(ask, status, text);
		return;
	}
	for (size_t i = 0; i < COLUMNS && good; i++) {
		buf_printf(out,
			   i == 1 ? ",\"fields\":{\"%s\":"
			   : i    ? ",\"%s\":"
				  : "\"%s\":",
			   columns[i]);
		good = put_column(out, text, columns[i]);
	}
	buf_char(out, '}');
	if (good)
		ask_states(ask);
	else
		end_bad(ask, STATUS_UNAVAILABLE, STR("the archive's rows cannot be read"));
}

static void ask_points(struct timeline_ask *ask)
{
	const struct serve_hooks *hooks = &ask->serve->hooks;
	char storage[TIMELINE_SQL_BYTES];
	struct buf sql = buf_over(storage, sizeof storage);
	long long step_us = (long long)ask->step * 60000000;
	buf_printf(&sql,
		   "SELECT (minute_us // %lld) * %lld // 1000 AS t, "
		   "arg_max(equity, minute_us) AS eq, arg_max(balance, minute_us) AS bal, "
		   "arg_max(profit, minute_us) AS pl, round(avg(ping_mean), 3) AS ping, "
		   "round(avg(cpu_mean), 3) AS cpu, round(max(memory_max), 3) AS mem "
		   "FROM instance_minutes WHERE instance = '%s' AND minute_us >= %lld "
		   "GROUP BY 1 ORDER BY 1 LIMIT %d",
		   step_us, step_us, ask->id, (long long)ask->from_us, SERVE_POINTS_MAX);
	hooks->query(hooks->ctx, buf_str(&sql), false, on_points, ask);
}

/* ---- the question ---- */

static void put_id(struct timeline_ask *ask, struct str id)
{
	struct buf text = buf_over(ask->id, sizeof ask->id - 1);
	for (size_t i = 0; i < id.len; i++) {
		if (id.ptr[i] == '\'')
			buf_char(&text, '\'');
		buf_char(&text, id.ptr[i]);
	}
}

/* Points begin at whole steps: there are n of them at most. */
static void ask_timeline(struct serve_request *request, int64_t minutes, int64_t n)
{
	struct timeline_ask *ask = calloc(1, sizeof *ask);
	if (!ask) {
		serve_error_status(request->call, STATUS_NO_MEMORY, STR(""));
		return;
	}
	int64_t now_min = clock_wall_ns(request->serve->clock) / 60000000000;
	ask->serve = request->serve;
	ask->call = request->call;
	ask->step = (minutes + n - 1) / n;
	int64_t last = now_min / ask->step, points = (minutes + ask->step - 1) / ask->step;
	ask->from_us = (last - points + 1) * ask->step * 60000000;
	put_id(ask, request->param);
	buf_init(&ask->body, TIMELINE_BYTES);
	buf_printf(&ask->body, "{\"id\":");
	buf_json_str(&ask->body, request->param);
	buf_char(&ask->body, ',');
	ask_points(ask);
}

void serve_timeline(struct serve_request *request)
{
	const struct serve_hooks *hooks = &request->serve->hooks;
	int64_t minutes, n;
	if (!serve_number(request, "minutes", 1, MINUTES_MAX, MINUTES_USUAL, &minutes) ||
	    !serve_number(request, "n", 1, SERVE_POINTS_MAX, SERVE_POINTS_MAX, &n))
		return;
	if (!hooks->terminal) {
		serve_not_here(request->call, "a fleet");
		return;
	}
	if (!hooks->query) {
		serve_not_here(request->call, "a timeline (there is no archive)");
		return;
	}
	buf_clear(&request->serve->out);
	if (request->param.len > 64 ||
	    !hooks->terminal(hooks->ctx, request->param, &request->serve->out))
		serve_error(request->call, 404, "no terminal is called so");
	else
		ask_timeline(request, minutes, n);
}
