/* What is answered at once, out of memory. */
#include "serve/serve_impl.h"

static struct buf *begin(struct serve_request *request)
{
	buf_clear(&request->serve->out);
	return &request->serve->out;
}

static void end(struct serve_request *request, int code, const char *type)
{
	struct buf *out = &request->serve->out;
	if (out->overflow)
		serve_error(request->call, 503, "the answer is too long");
	else
		http_call_answer(
		    request->call,
		    &(struct http_reply){ .code = code, .type = type, .body = buf_str(out) });
}

/* A hook that writes the whole of it. */
static void view(struct serve_request *request, void (*hook)(void *ctx, struct buf *out),
		 const char *what)
{
	if (!hook) {
		serve_not_here(request->call, what);
		return;
	}
	hook(request->serve->hooks.ctx, begin(request));
	end(request, 200, "application/json");
}

void serve_healthz(struct serve_request *request)
{
	serve_json(request->call, 200, STR("{\"ok\":true}"));
}

void serve_readyz(struct serve_request *request)
{
	const struct serve_hooks *hooks = &request->serve->hooks;
	char storage[400];
	struct buf why = buf_over(storage, sizeof storage - 1);
	if (!hooks->ready || hooks->ready(hooks->ctx, &why)) {
		serve_json(request->call, 200, STR("{\"ready\":true}"));
		return;
	}
	storage[why.len] = 0;
	serve_error(request->call, 503, "%s", storage);
}

static void metrics_page(struct serve_request *request, void (*hook)(void *ctx, struct buf *out))
{
	if (!hook) {
		serve_not_here(request->call, "metrics");
		return;
	}
	hook(request->serve->hooks.ctx, begin(request));
	end(request, 200, "text/plain; version=0.0.4; charset=utf-8");
}

void serve_metrics(struct serve_request *request)
{
	metrics_page(request, request->serve->hooks.metrics);
}

void serve_metrics_design(struct serve_request *request)
{
	metrics_page(request, request->serve->hooks.metrics_design);
}

void serve_metrics_ids(struct serve_request *request)
{
	metrics_page(request, request->serve->hooks.metrics_ids);
}

static const char *type_of(struct str format)
{
	if (str_eq(format, STR("json")))
		return "application/json";
	if (str_eq(format, STR("text")))
		return "text/plain; charset=utf-8";
	return str_eq(format, STR("html")) ? "text/html; charset=utf-8" : NULL;
}

struct str serve_asked(struct serve *serve, struct str question, struct str format, int *outcome)
{
	const struct serve_hooks *hooks = &serve->hooks;
	int64_t now_ns = clock_monotonic_ns(serve->clock);
	int kind = format.ptr[0]; /* json, text, html */
	if (!hooks->ask)
		return (struct str){ 0 };
	const struct kept_answer *kept = kept_find(&serve->kept, question, kind, now_ns);
	if (kept) {
		*outcome = kept->outcome;
		return buf_str(&kept->text);
	}
	buf_clear(&serve->out);
	*outcome = hooks->ask(hooks->ctx, question, format, &serve->out);
	if (serve->out.overflow)
		return STR("");
	kept_put(&serve->kept, question, kind, now_ns, *outcome, buf_str(&serve->out));
	return buf_str(&serve->out);
}

static void answer_asked(struct serve_request *request, struct str question, struct str format)
{
	static const int codes[] = { 200, 404, 400 };
	int outcome = 0;
	struct str text = serve_asked(request->serve, question, format, &outcome);
	struct http_reply reply = { .code = codes[outcome >= 0 && outcome <= 2 ? outcome : 1],
				    .type = type_of(format),
				    .body = text };
	if (!text.ptr)
		serve_not_here(request->call, "what is asked for");
	else if (!text.len)
		serve_error(request->call, 503, "the answer is too long");
	else
		http_call_answer(request->call, &reply);
}

void serve_ask(struct serve_request *request)
{
	struct str question, format;
	if (!serve_parameter(request, "q", &question) ||
	    !serve_parameter(request, "format", &format))
		return;
	if (!format.len)
		format = STR("json");
	if (question.len && type_of(format))
		answer_asked(request, question, format);
	else
		serve_error(request->call, 400,
			    "?q= is a question, as /cvd ETH 5m; &format= is json, text or html");
}

void serve_now(struct serve_request *request) { view(request, request->serve->hooks.now, "this"); }

void serve_markets(struct serve_request *request)
{
	view(request, request->serve->hooks.markets, "a market");
}

void serve_fleet(struct serve_request *request)
{
	view(request, request->serve->hooks.fleet, "a fleet");
}

void serve_memory(struct serve_request *request)
{
	view(request, request->serve->hooks.memory, "a segment");
}

void serve_alerts(struct serve_request *request)
{
	view(request, request->serve->hooks.alerts, "an alert");
}

void serve_terminal(struct serve_request *request)
{
	const struct serve_hooks *hooks = &request->serve->hooks;
	if (!hooks->terminal)
		serve_not_here(request->call, "a fleet");
	else if (hooks->terminal(hooks->ctx, request->param, begin(request)))
		end(request, 200, "application/json");
	else
		serve_error(request->call, 404, "no terminal is called so");
}
