/* WebSockets: the handshake's manners, and topics as the answers of their routes. */
#include "def/market_id.h"
#include "os/http_ws_shake.h"
#include "serve/serve_impl.h"

#define PROTOCOL "weir.v1"

struct str serve_ws_token(const struct http_asked *asked)
{
	static const char prefix[] = "bearer.";
	struct str rest = http_ws_protocols(asked), name;
	while (http_ws_next_protocol(&rest, &name))
		if (str_starts(name, STR("bearer.")))
			return str_skip(name, sizeof prefix - 1);
	return STR("");
}

static bool offers_ours(const struct http_asked *asked)
{
	struct str rest = http_ws_protocols(asked), name;
	while (http_ws_next_protocol(&rest, &name))
		if (str_eq(name, STR(PROTOCOL)))
			return true;
	return false;
}

static void connect_client(struct serve_request *request, struct str key)
{
	struct push_client *client = push_join(request->serve->push);
	if (!client) {
		serve_error_later(request->call, 503, 10, "32 WebSockets are as many as may be");
		return;
	}
	const struct http_upgrade upgrade = { key, STR(PROTOCOL), push_events(client) };
	struct http_ws *ws = http_call_upgrade(request->call, &upgrade);
	if (ws) {
		push_connect(client, ws);
		return;
	}
	push_leave(client);
	serve_error_status(request->call, STATUS_NO_MEMORY, STR(""));
}

void serve_ws(struct serve_request *request)
{
	static const struct http_header version = { { "Sec-WebSocket-Version", 21 }, { "13", 2 } };
	struct str key;
	int code;
	const char *why = http_ws_shake(request->asked, &key, &code);
	if (why)
		serve_error_with(request->call, code, why, code == 426 ? &version : NULL);
	else if (serve_is_foreign_page(request->asked)) {
		request->serve->counts.bad_origin++;
		serve_error(request->call, 403, "a page of another origin may not listen");
	} else if (!offers_ours(request->asked))
		serve_error(request->call, 400, "Sec-WebSocket-Protocol must offer " PROTOCOL);
	else
		connect_client(request, key);
}

/* ---- topics ---- */

static enum route_id route_of(enum push_kind kind)
{
	static const enum route_id routes[] = {
#define TOPIC(id, route, ...) ROUTE_##route,
#include "def/topics.def"
#undef TOPIC
	};
	return routes[kind];
}

/* MARKET:TF, where the market has colons of its own. */
static bool read_bars(struct str argument, struct serve_bars *out)
{
	size_t colon = argument.len;
	struct market_id id;
	while (colon > 0 && argument.ptr[colon - 1] != ':')
		colon--;
	if (!colon)
		return false;
	out->market = str_make(argument.ptr, colon - 1);
	out->tf = str_skip(argument, colon);
	out->minutes = serve_tf_minutes(out->tf);
	out->n = SERVE_POINTS_MAX;
	out->to_ms = INT64_MAX;
	return out->minutes > 0 && !market_id_parse(out->market, &id);
}

static const char *check(void *ctx, enum push_kind kind, struct str argument)
{
	const struct serve *serve = ctx;
	struct serve_bars bars;
	if (kind != PUSH_bars)
		return NULL;
	if (!read_bars(argument, &bars))
		return "bars are of MARKET:TF, as bars:binance:perp:BTCUSDT:1m";
	return serve->hooks.bar ? NULL : "no bars are kept here";
}

/* As the GET of the topic's route, by whoever was let in. */
static void render(void *ctx, enum push_kind kind, struct str argument, struct http_call *call)
{
	char storage[2 * PUSH_NAME_MAX];
	struct buf query = buf_over(storage, sizeof storage);
	struct serve_bars bars;
	struct serve_request request;
	if (kind == PUSH_bars && read_bars(argument, &bars))
		buf_printf(&query, "market=%.*s&tf=%.*s", STR_ARG(bars.market), STR_ARG(bars.tf));
	const struct http_asked asked = { .method = STR("GET"), .query = buf_str(&query) };
	serve_request_init(&request, ctx, call, &asked);
	request.route = route_of(kind);
	request.param = argument;
	serve_handle(&request);
}

static bool bar(void *ctx, struct str argument, int back, struct buf *out)
{
	const struct serve *serve = ctx;
	struct serve_bars bars;
	return read_bars(argument, &bars) && serve->hooks.bar(serve->hooks.ctx, &bars, back, out);
}

static bool ask(void *ctx, struct str question, struct buf *out)
{
	int outcome;
	struct str text = serve_asked(ctx, question, STR("json"), &outcome);
	buf_str_put(out, text);
	return text.len > 0;
}

struct push *serve_push_create(struct serve *serve)
{
	const struct push_hooks hooks = { render, check, bar, ask, serve };
	return push_create(&hooks);
}

void serve_step(struct serve *serve)
{
	push_step(serve->push, clock_monotonic_ns(serve->clock),
		  clock_wall_ns(serve->clock) / 1000000);
}

const struct push_counts *serve_push_counts(const struct serve *serve)
{
	return push_counts(serve->push);
}
