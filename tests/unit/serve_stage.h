/* serve_stage.h - src/serve with hooks that note what they are asked, and requests without
 * sockets. Include it in one file of a program. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "os/http_problem.h"
#include "serve/push.h"
#include "serve/routes.h"
#include "serve/serve.h"
#include "redis_fixture.h"

#define READ_TOKEN   "read-token-0000000001"
#define SIGNAL_TOKEN "signal-token-00000001"
#define ADMIN_TOKEN  "admin-token-000000001"
#define OWN_TOKEN    "own-token-00000000001"

enum { GIVEN_MAX = 1100 };

/* A call, and how it was answered. */
struct asked_call {
	struct http_call call;
	int answers, code;
	char type[64], headers[512];
	char *body;
	char lines[1024];    /* in place of those of every answer; "" none */
	struct asked_ws *ws; /* what it became; NULL: it was answered */
};

enum { SENT_MAX = 64 };

/* A WebSocket without a socket: what it is sent is kept. */
struct asked_ws {
	struct http_ws ws;
	struct http_ws_events events;
	char protocol[32], key[64];
	char *sent[SENT_MAX];
	int n_sent, closed_with;
	size_t unsent;
	bool is_cut, is_full;
	bool forgets; /* what it is sent is counted alone */
};

struct world {
	struct serve *serve;
	struct serve_hooks hooks;
	struct clock_port clock;
	int64_t now_ns;
	char *folder, tokens[300];
	struct err err;
	struct asked_call *call; /* the newest */
	const char *peer, *host, *token, *type, *origin;
	bool is_tls;
	struct http_header more[12]; /* headers besides */
	size_t n_more;
	const struct serve_file *files;
	size_t file_count;

	char noted[4096]; /* what a hook was asked for */
	enum serve_intake intake;
	bool is_ready;
	/* Signals: how the next ones end; LATER: end_signals does. */
	enum serve_outcome outcome;
	bool later;
	struct {
		serve_signal_fn done;
		void *ctx;
	} given[GIVEN_MAX];
	int n_given;
	uint64_t next_sid;
	const char *fleet_rows; /* NULL: it says that it is the view */
	int bar_closes[2];      /* of the newest, of the one before it */
	/* Texts. */
	enum status text_status;
	const char *text;
	bool cut;
	serve_text_fn text_done;
	void *text_ctx;
};

/* ---- calls ---- */

static inline void on_answer(struct http_call *base, const struct http_reply *reply)
{
	struct asked_call *call = (struct asked_call *)base;
	call->answers++;
	call->code = reply->code;
	snprintf(call->type, sizeof call->type, "%s", reply->type);
	free(call->body);
	call->body = calloc(1, reply->body.len + 1);
	if (reply->body.len)
		memcpy(call->body, reply->body.ptr, reply->body.len);
	struct buf headers = buf_over(call->headers, sizeof call->headers - 1);
	for (size_t i = 0; i < reply->n_headers; i++)
		buf_printf(&headers, "%.*s: %.*s\n", STR_ARG(reply->headers[i].name),
			   STR_ARG(reply->headers[i].value));
	call->headers[headers.len] = 0;
	snprintf(call->lines, sizeof call->lines, "%.*s", STR_ARG(reply->lines));
}

static inline enum status ws_send(struct http_ws *base, struct str text)
{
	struct asked_ws *ws = (struct asked_ws *)base;
	if (ws->is_full)
		return STATUS_FULL;
	if (ws->forgets)
		return STATUS_OK;
	if (ws->n_sent == SENT_MAX)
		fail_msg("more than %d messages", SENT_MAX);
	ws->sent[ws->n_sent++] = str_dup(text);
	return STATUS_OK;
}

static inline size_t ws_unsent(const struct http_ws *base)
{
	return ((const struct asked_ws *)base)->unsent;
}

static inline void ws_close(struct http_ws *base, int code, const char *reason)
{
	(void)reason;
	((struct asked_ws *)base)->closed_with = code;
}

static inline void ws_cut(struct http_ws *base) { ((struct asked_ws *)base)->is_cut = true; }

static const struct http_ws_ops ws_ops = { ws_send, ws_unsent, ws_close, ws_cut };

static inline struct http_ws *on_upgrade(struct http_call *base, const struct http_upgrade *upgrade)
{
	struct asked_call *call = (struct asked_call *)base;
	struct asked_ws *ws = calloc(1, sizeof *ws);
	ws->ws.ops = &ws_ops;
	ws->events = upgrade->events;
	snprintf(ws->protocol, sizeof ws->protocol, "%.*s", STR_ARG(upgrade->protocol));
	snprintf(ws->key, sizeof ws->key, "%.*s", STR_ARG(upgrade->key));
	call->ws = ws;
	call->code = 101;
	call->answers++;
	return &ws->ws;
}

static inline void forget_sent(struct asked_ws *ws)
{
	for (int i = 0; i < ws->n_sent; i++)
		free(ws->sent[i]);
	ws->n_sent = 0;
}

/* Its client went away. */
static inline void end_ws(struct asked_ws *ws)
{
	ws->events.on_close(ws->events.ctx, &ws->ws);
	forget_sent(ws);
	free(ws);
}

static inline void say(struct asked_ws *ws, const char *text)
{
	ws->events.on_message(ws->events.ctx, &ws->ws, str_of(text));
}

static const struct http_call_ops call_ops = { on_answer, on_upgrade };

static inline void drop_call(struct world *world)
{
	if (world->call)
		free(world->call->body);
	free(world->call);
	world->call = NULL;
}

/* path may have a query behind it. */
static inline int ask(struct world *world, const char *method, const char *path, const char *body)
{
	struct http_header headers[16];
	char authorization[300];
	size_t len = strcspn(path, "?");
	struct http_asked asked = { .method = str_of(method),
				    .path = str_make(path, len),
				    .query = path[len] ? str_of(path + len + 1) : STR(""),
				    .host = str_of(world->host),
				    .headers = headers,
				    .body = str_of(body ? body : ""),
				    .peer = str_of(world->peer),
				    .is_tls = world->is_tls };
	snprintf(authorization, sizeof authorization, "Bearer %s",
		 world->token ? world->token : "");
	if (world->token)
		headers[asked.n_headers++] =
		    (struct http_header){ STR("authorization"), str_of(authorization) };
	if (world->type)
		headers[asked.n_headers++] =
		    (struct http_header){ STR("content-type"), str_of(world->type) };
	if (world->origin)
		headers[asked.n_headers++] =
		    (struct http_header){ STR("origin"), str_of(world->origin) };
	for (size_t i = 0; i < world->n_more; i++)
		headers[asked.n_headers++] = world->more[i];
	drop_call(world);
	world->noted[0] = 0;
	world->call = calloc(1, sizeof *world->call);
	world->call->call.ops = &call_ops;
	serve_request(world->serve, &world->call->call, &asked);
	assert_true(world->call->answers <= 1);
	return world->call->code;
}

/* The answer as JSON; the caller gives it back. */
static inline json_t *answer_json(const struct world *world)
{
	json_error_t error;
	json_t *json = json_loads(world->call->body, 0, &error);
	if (!json)
		fail_msg("%s: %.300s", error.text, world->call->body);
	return json;
}

/* An RFC 9457 problem that has the words in it. */
static inline void expect_error(const struct world *world, int code, const char *words)
{
	assert_int_equal(world->call->answers, 1);
	if (world->call->code != code)
		fail_msg("%d, not %d: %s", world->call->code, code, world->call->body);
	assert_string_equal(world->call->type, "application/problem+json");
	json_t *json = answer_json(world);
	assert_int_equal(json_object_size(json), 5);
	assert_string_equal(json_string_value(json_object_get(json, "type")), "about:blank");
	assert_string_equal(json_string_value(json_object_get(json, "title")), http_reason(code));
	assert_int_equal(json_integer_value(json_object_get(json, "status")), code);
	const char *why = json_string_value(json_object_get(json, "error"));
	assert_string_equal(json_string_value(json_object_get(json, "detail")), why);
	if (!why || !strstr(why, words))
		fail_msg("'%s' does not say '%s'", why ? why : "", words);
	json_decref(json);
}

/* ---- hooks ---- */

static inline void note(struct world *world, const char *format, ...)
{
	size_t len = strlen(world->noted);
	va_list args;
	va_start(args, format);
	vsnprintf(world->noted + len, sizeof world->noted - len, format, args);
	va_end(args);
}

static inline int hook_ask(void *ctx, struct str question, struct str format, struct buf *out)
{
	note(ctx, "ask %.*s %.*s", STR_ARG(format), STR_ARG(question));
	buf_printf(out, "{\"asked\":true}");
	return str_eq(question, STR("/no")) ? 1 : str_eq(question, STR("/what")) ? 2 : 0;
}

#define HOOK_VIEW(name)                                                                            \
	static inline void hook_##name(void *ctx, struct buf *out)                                 \
	{                                                                                          \
		note(ctx, #name);                                                                  \
		buf_printf(out, "{\"view\":\"" #name "\"}");                                       \
	}
HOOK_VIEW(now)
HOOK_VIEW(metrics)
HOOK_VIEW(metrics_design)
HOOK_VIEW(metrics_ids)
HOOK_VIEW(markets)
HOOK_VIEW(memory)
HOOK_VIEW(alerts)
#undef HOOK_VIEW

static inline void hook_fleet(void *ctx, struct buf *out)
{
	const struct world *world = ctx;
	note(ctx, "fleet");
	buf_printf(out, "%s", world->fleet_rows ? world->fleet_rows : "{\"view\":\"fleet\"}");
}

static inline bool hook_terminal(void *ctx, struct str id, struct buf *out)
{
	note(ctx, "terminal %.*s", STR_ARG(id));
	buf_printf(out, "{}");
	return str_eq(id, STR("t-1"));
}

static inline bool hook_ready(void *ctx, struct buf *why)
{
	struct world *world = ctx;
	if (!world->is_ready)
		buf_printf(why, "segment rts is down");
	return world->is_ready;
}

static inline enum serve_intake hook_intake(void *ctx, struct buf *why, int *retry_s)
{
	struct world *world = ctx;
	*retry_s = 7;
	if (world->intake != SERVE_OPEN)
		buf_printf(why, "the disk is \"full\"");
	return world->intake;
}

static inline void end_signal(struct world *world, serve_signal_fn done, void *ctx)
{
	struct serve_signal_end end = { world->outcome, 0, STR("") };
	if (world->outcome <= SERVE_REPEATED)
		end.sid = world->next_sid++;
	else
		end.why = STR("word");
	done(ctx, &end);
}

static inline void hook_signal(void *ctx, const struct serve_signal *signal, serve_signal_fn done,
			       void *done_ctx)
{
	struct world *world = ctx;
	for (size_t i = 0; i < signal->count; i++)
		note(world, "%.*s=%.*s ", STR_ARG(signal->keys[i]), STR_ARG(signal->values[i]));
	note(world, "| ");
	assert_true(world->n_given < GIVEN_MAX);
	if (!world->later) {
		end_signal(world, done, done_ctx);
		return;
	}
	world->given[world->n_given].done = done;
	world->given[world->n_given++].ctx = done_ctx;
}

/* Those that wait end with world->outcome, the newest first. */
static inline void end_signals(struct world *world, int n)
{
	while (n-- > 0 && world->n_given > 0) {
		world->n_given--;
		end_signal(world, world->given[world->n_given].done,
			   world->given[world->n_given].ctx);
	}
}

static inline void end_text(struct world *world, serve_text_fn done, void *ctx)
{
	world->text_done = done;
	world->text_ctx = ctx;
	if (!world->later)
		done(ctx, world->text_status, str_of(world->text), world->cut);
}

static inline void hook_trace(void *ctx, struct str id, serve_text_fn done, void *done_ctx)
{
	note(ctx, "trace %.*s", STR_ARG(id));
	end_text(ctx, done, done_ctx);
}

static inline void hook_query(void *ctx, struct str sql, bool csv, serve_text_fn done,
			      void *done_ctx)
{
	note(ctx, "%s %.*s", csv ? "csv" : "json", STR_ARG(sql));
	end_text(ctx, done, done_ctx);
}

static inline void hook_ledger(void *ctx, serve_text_fn done, void *done_ctx)
{
	note(ctx, "ledger ");
	done(done_ctx, STATUS_OK, STR("{\"balanced\":true}"), false);
}

static inline enum status hook_bars(void *ctx, const struct serve_bars *asked, struct buf *out)
{
	note(ctx, "bars %.*s %d %zu %lld", STR_ARG(asked->market), asked->minutes, asked->n,
	     asked->to_ms == INT64_MAX ? -1 : (long long)asked->to_ms);
	buf_printf(out, "{\"bars\":1}");
	return str_eq(asked->market, STR("binance:perp:NONE")) ? STATUS_NOT_FOUND : STATUS_OK;
}

static inline bool hook_bar(void *ctx, const struct serve_bars *asked, int back, struct buf *out)
{
	struct world *world = ctx;
	(void)asked;
	buf_printf(out, "{\"t\":%d,\"c\":%d}", 60 - back, world->bar_closes[back]);
	return true;
}

static inline void hook_chart(void *ctx, struct str question, bool light, serve_text_fn done,
			      void *done_ctx)
{
	note(ctx, "chart %s %.*s", light ? "light" : "dark", STR_ARG(question));
	end_text(ctx, done, done_ctx);
}

static inline void hook_state_get(void *ctx, bool preference, struct str user, serve_text_fn done,
				  void *done_ctx)
{
	note(ctx, "get %d %.*s", preference, STR_ARG(user));
	end_text(ctx, done, done_ctx);
}

static inline void hook_state_put(void *ctx, bool preference, struct str user,
				  const struct str *names, const struct str *values, size_t count,
				  serve_text_fn done, void *done_ctx)
{
	note(ctx, "put %d %.*s", preference, STR_ARG(user));
	for (size_t i = 0; i < count; i++)
		note(ctx, " %.*s=%.*s", STR_ARG(names[i]), STR_ARG(values[i]));
	end_text(ctx, done, done_ctx);
}

static inline void hook_session_end(void *ctx, struct str user, serve_text_fn done, void *done_ctx)
{
	note(ctx, "end %.*s", STR_ARG(user));
	end_text(ctx, done, done_ctx);
}

/* ---- the world ---- */

static inline int64_t read_clock(void *ctx) { return ((struct world *)ctx)->now_ns; }

static inline void open_serve(struct world *world, const char *tokens_file, const char *hosts)
{
	serve_destroy(world->serve);
	world->serve = NULL;
	const struct serve_config config = { .clock = &world->clock,
					     .hooks = world->hooks,
					     .tokens_file = tokens_file,
					     .hosts = hosts,
					     .files = world->files,
					     .file_count = world->file_count };
	if (serve_create(&config, &world->serve, &world->err))
		fail_msg("%s", world->err.text);
}

static inline void put_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fputs(text, file) < 0, 0);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

/* With the four tokens in force. */
static inline void open_with_tokens(struct world *world)
{
	snprintf(world->tokens, sizeof world->tokens, "%s/tokens", world->folder);
	put_file(world->tokens,
		 "# who may\nviewer " READ_TOKEN " read\nbot " SIGNAL_TOKEN " signal\n"
		 "root " ADMIN_TOKEN " admin\n\tanna@desk\t" OWN_TOKEN "\tread,signal # both\n",
		 0600);
	open_serve(world, world->tokens, "");
}

static inline int setup(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	*state = world;
	world->folder = fixture_folder();
	world->clock = (struct clock_port){ read_clock, read_clock, world };
	world->now_ns = 1000000000000;
	world->peer = "127.0.0.1";
	world->host = "127.0.0.1:8780";
	world->type = "application/json";
	world->text = "{\"text\":1}";
	world->is_ready = true;
	world->next_sid = 9007199254740993;
	world->hooks = (struct serve_hooks){
		.now = hook_now,
		.ask = hook_ask,
		.metrics = hook_metrics,
		.metrics_design = hook_metrics_design,
		.metrics_ids = hook_metrics_ids,
		.markets = hook_markets,
		.fleet = hook_fleet,
		.terminal = hook_terminal,
		.memory = hook_memory,
		.alerts = hook_alerts,
		.bars = hook_bars,
		.bar = hook_bar,
		.ready = hook_ready,
		.intake = hook_intake,
		.signal = hook_signal,
		.trace = hook_trace,
		.query = hook_query,
		.ledger = hook_ledger,
		.chart = hook_chart,
		.state_get = hook_state_get,
		.state_put = hook_state_put,
		.session_end = hook_session_end,
		.ctx = world,
	};
	open_serve(world, "", "");
	return 0;
}

static inline int teardown(void **state)
{
	struct world *world = *state;
	serve_destroy(world->serve);
	drop_call(world);
	fixture_remove(world->folder);
	free(world);
	return 0;
}
