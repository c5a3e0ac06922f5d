/* Is the request one of ours, and may it. */
#include "serve/serve.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/check.h"
#include "os/http_ws_frame.h"
#include "serve/serve_impl.h"

static const int64_t ms_ns = 1000000, second_ns = 1000000000;

/* ---- whom the request is meant for ---- */

static struct str host_name(struct str host)
{
	if (host.len && host.ptr[0] == '[') {
		size_t end = str_find_char(host, ']');
		return end < host.len ? str_make(host.ptr + 1, end - 1) : host;
	}
	return str_make(host.ptr, str_find_char(host, ':'));
}

static bool is_address(struct str host)
{
	char text[64];
	uint8_t bytes[16];
	return !str_copy(host, text, sizeof text) &&
	       (inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1);
}

static bool is_our_host(const struct serve *serve, const struct http_asked *asked)
{
	struct str name = host_name(asked->host), ours = str_of(serve->hosts), one;
	if (asked->is_tls || is_address(name) || str_eq_nocase(name, STR("localhost")))
		return true;
	while (str_split(&ours, ',', &one))
		if (name.len && str_eq_nocase(str_trim(one), name))
			return true;
	return false;
}

/* A page of somebody else's, in a browser that may reach us. */
bool serve_is_foreign_page(const struct http_asked *asked)
{
	struct str origin = http_asked_header(asked, STR("origin"));
	if (!origin.ptr)
		return false;
	bool plain = str_starts(origin, STR("http://"));
	if (!plain && !str_starts(origin, STR("https://")))
		return true; /* "null" too */
	return !str_eq_nocase(str_skip(origin, plain ? 7 : 8), asked->host);
}

static bool changes_something(const struct http_asked *asked)
{
	return !str_eq(asked->method, STR("GET")) && !str_eq(asked->method, STR("HEAD"));
}

static bool is_meant_for_us(struct serve *serve, struct http_call *call,
			    const struct http_asked *asked)
{
	if (!is_our_host(serve, asked)) {
		serve->counts.bad_host++;
		serve_error(call, 421, "this Host is not served here");
		return false;
	}
	if (changes_something(asked) && serve_is_foreign_page(asked)) {
		serve->counts.bad_origin++;
		serve_error(call, 403, "a page of another origin may not do this");
		return false;
	}
	return true;
}

/* ---- who asks ---- */

static struct str bearer(const struct http_asked *asked)
{
	struct str value = http_asked_header(asked, STR("authorization"));
	if (value.len < 7 || !str_eq_nocase(str_make(value.ptr, 7), STR("bearer ")))
		return STR("");
	return str_trim(str_skip(value, 7));
}

static void ask_for_token(struct http_call *call, const char *why)
{
	struct http_header header = { STR("WWW-Authenticate"), STR("Bearer realm=\"weir\"") };
	serve_error_with(call, 401, why, &header);
}

/* NULL: it was answered. */
static const struct access_user *find_user(struct serve *serve, struct http_call *call,
					   const struct http_asked *asked, struct str token)
{
	int64_t now_ns = clock_monotonic_ns(serve->clock);
	int64_t wait_ns = guard_wait_ns(&serve->guard, asked->peer, now_ns);
	if (wait_ns) {
		serve->counts.held_off++;
		serve_error_later(call, 429, wait_ns / 1000000000 + 1,
				  "too many wrong tokens from this address");
		return NULL;
	}
	const struct access_user *user = access_find(serve->access, token);
	if (user)
		return user;
	serve->counts.bad_token++;
	guard_failed(&serve->guard, asked->peer, now_ns);
	ask_for_token(call, "the token is nobody's");
	return NULL;
}

static bool has_scope(const struct serve_request *request)
{
	const struct access_user *user = request->user;
	switch (route_row(request->route)->scope) {
	case ROUTE_SCOPE_OPEN: return true;
	case ROUTE_SCOPE_READ: return access_may(user, ACCESS_READ);
	case ROUTE_SCOPE_SIGNAL:
	case ROUTE_SCOPE_HOOK: return access_may(user, ACCESS_SIGNAL);
	case ROUTE_SCOPE_ADMIN: return access_may(user, ACCESS_ADMIN);
	case ROUTE_SCOPE_OWN:
		return access_may(user, ACCESS_ADMIN) || str_eq(str_of(user->name), request->param);
	}
	return false;
}

/* False: it was answered. */
static bool is_allowed(struct serve_request *request)
{
	struct serve *serve = request->serve;
	enum route_scope scope = route_row(request->route)->scope;
	if (scope == ROUTE_SCOPE_OPEN || (!serve->access && scope != ROUTE_SCOPE_HOOK))
		return true;
	if (!serve->access) {
		serve_error(request->call, 403, "the webhook needs serve.tokens_file");
		return false;
	}
	struct str token = scope == ROUTE_SCOPE_HOOK ? request->param : bearer(request->asked);
	if (!token.len && request->route == ROUTE_ws)
		token = serve_ws_token(request->asked);
	if (!token.len) {
		serve->counts.no_token++;
		ask_for_token(request->call, "a token is needed: Authorization: Bearer TOKEN");
		return false;
	}
	request->user = find_user(serve, request->call, request->asked, token);
	if (!request->user)
		return false;
	if (has_scope(request))
		return true;
	serve->counts.no_scope++;
	serve_error(request->call, 403, "this token may not do that");
	return false;
}

/* ---- what is asked ---- */

/* A form of a web page cannot say application/json without asking first. */
static bool has_right_type(const struct http_asked *asked, enum route_body body)
{
	struct str type = http_asked_header(asked, STR("content-type"));
	if (body != ROUTE_BODY_JSON)
		return true;
	type.len = type.ptr ? str_find_char(type, ';') : 0;
	return str_eq_nocase(str_trim(type), STR("application/json"));
}

/* False: it was answered. */
static bool is_well_put(struct serve_request *request)
{
	const struct route_row *row = route_row(request->route);
	const char *why = query_check(request->asked->query, row->query);
	if (!has_right_type(request->asked, row->body)) {
		serve_error(request->call, 415, "the body must be of type application/json");
		return false;
	}
	if (why)
		serve_error(request->call, 400, "%s%s%s%s", why, *row->query ? " (known: " : "",
			    row->query, *row->query ? ")" : "");
	return !why;
}

void serve_handle(struct serve_request *request)
{
	static void (*const handlers[])(struct serve_request * request) = {
#define ROUTE(id, ...) serve_##id,
#include "def/routes.def"
#undef ROUTE
	};
	handlers[request->route](request);
}

/* False: it was answered. */
static bool find_route(struct serve_request *request)
{
	char storage[64];
	struct buf allow = buf_over(storage, sizeof storage);
	enum status status = route_find(request->asked->method, request->asked->path,
					&request->route, &request->param, &allow);
	struct http_header header = { STR("Allow"), buf_str(&allow) };
	if (status == STATUS_UNSUPPORTED)
		serve_error_with(request->call, 405, "this path does not know the method", &header);
	else if (status && !serve_static(request->serve, request->call, request->asked))
		serve_error(request->call, 404, "there is nothing at this path");
	return status == STATUS_OK;
}

void serve_request_init(struct serve_request *request, struct serve *serve, struct http_call *call,
			const struct http_asked *asked)
{
	request->serve = serve;
	request->call = call;
	request->asked = asked;
	request->user = NULL;
	request->values = buf_over(request->storage, sizeof request->storage);
}

/* False: it was answered. */
static bool is_within_rate(struct serve *serve, struct http_call *call,
			   const struct http_asked *asked)
{
	if (!serve->rate.burst)
		return true;
	int64_t now_ns = clock_monotonic_ns(serve->clock);
	int64_t wait_ns = guard_wait_ns(&serve->rate, asked->peer, now_ns);
	if (!wait_ns) {
		guard_spend(&serve->rate, asked->peer, now_ns);
		return true;
	}
	serve->counts.too_many++;
	serve_error_later(call, 429, wait_ns / second_ns + 1,
			  "too many requests from this address (serve.rate)");
	return false;
}

void serve_request(void *ctx, struct http_call *call, const struct http_asked *asked)
{
	struct serve *serve = ctx;
	struct serve_request request;
	serve_request_init(&request, serve, call, asked);
	if (is_within_rate(serve, call, asked) && is_meant_for_us(serve, call, asked) &&
	    find_route(&request) && is_allowed(&request) && is_well_put(&request)) {
		if (changes_something(asked))
			kept_forget(&serve->kept);
		serve_handle(&request);
	}
}

void serve_set_rate(struct serve *serve, int64_t per_s)
{
	if (!per_s)
		serve->rate.burst = 0;
	else
		guard_init(&serve->rate, (int)(2 * per_s), second_ns / per_s);
}

/* ---- beginning and end ---- */

enum status serve_check_listener(const char *host, bool tls, bool tokens, struct err *err)
{
	uint8_t bytes[16];
	static const uint8_t loopback[16] = { [15] = 1 };
	bool is_v4 = inet_pton(AF_INET, host, bytes) == 1;
	if ((is_v4 && bytes[0] == 127) ||
	    (!is_v4 && inet_pton(AF_INET6, host, bytes) == 1 && !memcmp(bytes, loopback, 16)))
		return STATUS_OK;
	if (tls && tokens)
		return STATUS_OK;
	return err_set(err, STATUS_REFUSED, "serve.listen: %s is not the loopback: it needs %s%s%s",
		       host, tls ? "" : "serve.tls_cert and serve.tls_key",
		       tls || tokens ? "" : " and ", tokens ? "" : "serve.tokens_file");
}

enum status serve_set_tokens(struct serve *serve, const char *tokens_file, struct err *err)
{
	struct access *fresh = NULL;
	if (!*tokens_file && !serve->access)
		return STATUS_OK;
	if (!*tokens_file)
		return err_set(
		    err, STATUS_REFUSED,
		    "serve.tokens_file: to ask for no tokens any more needs a new start");
	enum status status = access_read(tokens_file, &fresh, err);
	if (status)
		return err_wrap(err, status, "serve.tokens_file");
	access_destroy(serve->access);
	serve->access = fresh;
	push_close_all(serve->push, HTTP_WS_POLICY, "the tokens are new");
	return STATUS_OK;
}

enum status serve_create(const struct serve_config *config, struct serve **out, struct err *err)
{
	struct serve *serve = calloc(1, sizeof *serve);
	if (!serve)
		return err_set(err, STATUS_NO_MEMORY, "serve: out of memory");
	serve->clock = config->clock;
	serve->hooks = config->hooks;
	serve->files = config->files ? config->files : serve_files;
	serve->file_count = config->files ? config->file_count : serve_file_count;
	guard_init(&serve->guard, SERVE_FAILURES, SERVE_FORGIVE_MS * ms_ns);
	buf_init(&serve->out, SERVE_ANSWER_BYTES);
	enum status status = str_copy(str_of(config->hosts), serve->hosts, sizeof serve->hosts);
	kept_init(&serve->kept);
	serve->push = serve_push_create(serve);
	if (status)
		err_set(err, status, "serve: too many names of hosts");
	else if (!serve->push)
		status = err_set(err, STATUS_NO_MEMORY, "serve: out of memory");
	else
		status = serve_set_tokens(serve, config->tokens_file, err);
	if (status)
		serve_destroy(serve);
	else
		*out = serve;
	return status;
}

void serve_destroy(struct serve *serve)
{
	if (!serve)
		return;
	push_destroy(serve->push);
	kept_deinit(&serve->kept);
	access_destroy(serve->access);
	buf_deinit(&serve->out);
	free(serve);
}

const struct serve_counts *serve_counts(struct serve *serve)
{
	serve->counts.asked_kept = serve->kept.found;
	serve->counts.asked_anew = serve->kept.made;
	return &serve->counts;
}
