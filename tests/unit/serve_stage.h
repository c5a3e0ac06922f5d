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
}

static const struct http_call_ops call_ops = { on_answer };

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
	struct http_header headers[3];
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

/* {"error":"…"} that has the words in it. */
static inline void expect_error(const struct world *world, int code, const char *words)
{
	assert_int_equal(world->call->answers, 1);
	if (world->call->code != code)
		fail_msg("%d, not %d: %s", world->call->code, code, world->call->body);
	assert_string_equal(world->call->type, "application/json");
	json_t *json = answer_json(world);
	assert_int_equal(json_object_size(json), 1);
	const char *why = json_string_value(json_object_get(json, "error"));
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
HOOK_VIEW(metrics)
HOOK_VIEW(markets)
HOOK_VIEW(fleet)
HOOK_VIEW(memory)
HOOK_VIEW(alerts)
#undef HOOK_VIEW

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
					     .hosts = hosts };
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
		hook_ask,         hook_metrics, hook_markets, hook_fleet,     hook_terminal,
		hook_memory,      hook_alerts,  hook_ready,   hook_intake,    hook_signal,
		hook_trace,       hook_query,   hook_chart,   hook_state_get, hook_state_put,
		hook_session_end, world,
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
