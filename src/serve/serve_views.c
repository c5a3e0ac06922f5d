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

void serve_metrics(struct serve_request *request)
{
	const struct serve_hooks *hooks = &request->serve->hooks;
	if (!hooks->metrics) {
		serve_not_here(request->call, "metrics");
		return;
	}
	hooks->metrics(hooks->ctx, begin(request));
	end(request, 200, "text/plain; version=0.0.4; charset=utf-8");
}

static const char *type_of(struct str format)
{
	if (str_eq(format, STR("json")))
		return "application/json";
	if (str_eq(format, STR("text")))
		return "text/plain; charset=utf-8";
	return str_eq(format, STR("html")) ? "text/html; charset=utf-8" : NULL;
}

void serve_ask(struct serve_request *request)
{
	static const int codes[] = { 200, 404, 400 };
	const struct serve_hooks *hooks = &request->serve->hooks;
	struct str question, format;
	if (!serve_parameter(request, "q", &question) ||
	    !serve_parameter(request, "format", &format))
		return;
	if (!format.len)
		format = STR("json");
	if (!question.len || !type_of(format)) {
		serve_error(request->call, 400,
			    "?q= is a question, as /cvd ETH 5m; &format= is json, text or html");
		return;
	}
	if (!hooks->ask) {
		serve_not_here(request->call, "what is asked for");
		return;
	}
	int outcome = hooks->ask(hooks->ctx, question, format, begin(request));
	end(request, codes[outcome >= 0 && outcome <= 2 ? outcome : 1], type_of(format));
}

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
