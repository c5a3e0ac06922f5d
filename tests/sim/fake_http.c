#include "fake_http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"

enum state {
	GOING,   /* there */
	COMING,  /* back, with reply */
	DROPPED, /* the owner is not told any more; it still arrives */
};

struct request {
	struct request *next;
	enum state state;
	int64_t due_ns, deadline_ns;
	http_answer_fn fn;
	void *ctx;
	void (*on_sent)(void *ctx, size_t bytes);
	size_t body_bytes_max;
	struct str method, url, body; /* in text */
	struct http_header headers[HTTP_REQUEST_HEADERS];
	size_t n_headers;
	struct fake_http_reply reply;
	const char *why;
	struct buf text;
};

struct fake_http {
	struct http_client client; /* first: the port's handle is this */
	struct fake_http_config config;
	struct timer timer;
	struct request *first; /* in the order of becoming due */
	size_t under_way;
	bool refuses, hangs;
	struct fake_http_counts counts;
};

static int64_t now_of(const struct fake_http *http)
{
	return clock_monotonic_ns(http->config.clock);
}

/* ---- requests in their order ---- */

static void arm(struct fake_http *http)
{
	if (http->first)
		timers_arm(http->config.timers, &http->timer, http->first->due_ns);
	else
		timers_cancel(http->config.timers, &http->timer);
}

static void put(struct fake_http *http, struct request *request, int64_t due_ns)
{
	struct request **at = &http->first;
	request->due_ns = due_ns;
	while (*at && (*at)->due_ns <= due_ns)
		at = &(*at)->next;
	request->next = *at;
	*at = request;
}

static void free_request(struct request *request)
{
	buf_deinit(&request->text);
	buf_deinit(&request->reply.body);
	buf_deinit(&request->reply.header_text);
	free(request);
}

static struct str copy(struct request *request, struct str s)
{
	size_t at = request->text.len;
	buf_str_put(&request->text, s);
	CHECK(!request->text.overflow);
	return str_make(request->text.ptr + at, s.len);
}

/* The text must not move while slices of it are made. */
static struct request *copy_request(const struct http_request *from)
{
	struct request *request = calloc(1, sizeof *request);
	CHECK(request);
	buf_init(&request->text, FAKE_HTTP_BODY_MAX);
	buf_init(&request->reply.body, FAKE_HTTP_BODY_MAX + HTTP_PADDING);
	size_t bytes = strlen(from->method) + from->url.len + from->body.len + 1;
	for (size_t i = 0; i < from->n_headers; i++)
		bytes += from->headers[i].name.len + from->headers[i].value.len;
	CHECK(buf_reserve(&request->text, bytes));
	request->method = copy(request, str_of(from->method));
	request->url = copy(request, from->url);
	request->body = copy(request, from->body);
	for (size_t i = 0; i < from->n_headers; i++) {
		request->headers[i].name = copy(request, from->headers[i].name);
		request->headers[i].value = copy(request, from->headers[i].value);
	}
	request->n_headers = from->n_headers;
	request->body_bytes_max = from->body_bytes_max;
	request->on_sent = from->on_sent;
	return request;
}

/* ---- there ---- */

static void take_apart(const struct request *request, struct fake_http_request *out)
{
	struct str rest = request->url, scheme, part;
	CHECK(str_split(&rest, ':', &scheme) && str_starts(rest, STR("//")));
	rest = str_skip(rest, 2);
	size_t slash = str_find_char(rest, '/');
	out->host = str_make(rest.ptr, slash);
	rest = str_skip(rest, slash);
	CHECK(str_split(&rest, '?', &part));
	out->path = part;
	out->query = rest.ptr ? rest : STR("");
}

static void handle(struct fake_http *http, struct request *request)
{
	struct fake_http_request seen = { .method = request->method,
					  .body = request->body,
					  .headers = request->headers,
					  .n_headers = request->n_headers,
					  .now_ns = now_of(http),
					  .wall_ns = clock_wall_ns(http->config.clock) };
	take_apart(request, &seen);
	request->reply.status = STATUS_OK;
	request->reply.code = 200;
	buf_init(&request->reply.header_text, FAKE_HTTP_HEADER_BYTES);
	CHECK(buf_reserve(&request->reply.header_text, FAKE_HTTP_HEADER_BYTES));
	http->counts.arrived++;
	http->config.handler(http->config.ctx, &seen, &request->reply);
	CHECK(!request->reply.body.overflow && !request->reply.header_text.overflow);
}

static void come_back(struct fake_http *http, struct request *request, enum status status,
		      const char *why, int64_t delay_ns)
{
	int64_t due_ns = now_of(http) + delay_ns;
	bool late = status == STATUS_TIMEOUT || due_ns > request->deadline_ns;
	request->state = COMING;
	request->reply.status = late ? STATUS_TIMEOUT : status;
	request->why = late ? "no whole answer in time" : why;
	put(http, request, late ? request->deadline_ns : due_ns);
}

static void arrive(struct fake_http *http, struct request *request)
{
	struct fake_http_reply *reply = &request->reply;
	bool is_told = request->state == GOING;
	if (http->refuses && is_told)
		return come_back(http, request, STATUS_CLOSED, "connection refused", 0);
	if (is_told && request->on_sent)
		request->on_sent(request->ctx, request->body.len);
	if (!http->refuses)
		handle(http, request);
	if (!is_told)
		return free_request(request);
	enum status status = http->hangs ? STATUS_TIMEOUT : reply->status;
	const char *why = status == STATUS_CLOSED ? "the connection broke" : status_text(status);
	if (status == STATUS_OK && reply->body.len > request->body_bytes_max) {
		status = STATUS_RANGE;
		why = "the answer is longer than allowed";
	}
	come_back(http, request, status, why, http->config.latency_ns + reply->delay_ns);
}

/* ---- back ---- */

/* The body in memory of exactly its size, so that a reader beyond the padding is seen. */
static void tell_answer(struct request *request)
{
	const struct fake_http_reply *reply = &request->reply;
	char *bytes = malloc(reply->body.len + HTTP_PADDING);
	CHECK(bytes);
	if (reply->body.len)
		memcpy(bytes, reply->body.ptr, reply->body.len);
	memset(bytes + reply->body.len, '}', HTTP_PADDING);
	struct http_answer answer = { .code = reply->code,
				      .body = str_make(bytes, reply->body.len),
				      .headers = reply->headers,
				      .n_headers = reply->n_headers };
	request->fn(request->ctx, STATUS_OK, &answer, "");
	free(bytes);
}

static void tell(struct fake_http *http, struct request *request)
{
	http->under_way--;
	if (request->reply.status == STATUS_OK) {
		http->counts.answers++;
		tell_answer(request);
	} else {
		http->counts.failures++;
		request->fn(request->ctx, request->reply.status, NULL, request->why);
	}
	free_request(request);
}

static void on_timer(void *ctx)
{
	struct fake_http *http = ctx;
	struct request *request = http->first;
	http->first = request->next;
	arm(http);
	if (request->state == COMING)
		tell(http, request);
	else
		arrive(http, request);
	arm(http);
}

/* ---- the port ---- */

static enum status client_request(struct http_client *client, const struct http_request *from,
				  http_answer_fn fn, void *ctx)
{
	struct fake_http *http = (struct fake_http *)client;
	CHECK(from->deadline_ns > 0 && from->n_headers <= HTTP_REQUEST_HEADERS);
	if (http->under_way == http->config.requests_max) {
		http->counts.refused++;
		return STATUS_FULL;
	}
	struct request *request = copy_request(from);
	request->fn = fn;
	request->ctx = ctx;
	request->deadline_ns = now_of(http) + from->deadline_ns;
	http->counts.requests++;
	if (++http->under_way > http->counts.under_way_max)
		http->counts.under_way_max = http->under_way;
	put(http, request, now_of(http) + http->config.latency_ns);
	arm(http);
	return STATUS_OK;
}

static void unlink_request(struct fake_http *http, struct request *request)
{
	struct request **at = &http->first;
	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
}

static void client_cancel(struct http_client *client, void *ctx)
{
	struct fake_http *http = (struct fake_http *)client;
	struct request *next;
	for (struct request *request = http->first; request; request = next) {
		next = request->next;
		if (request->ctx != ctx || request->state == DROPPED)
			continue;
		unlink_request(http, request);
		free_request(request);
		http->under_way--;
		http->counts.cancelled++;
	}
	arm(http);
}

static const struct http_ops ops = { client_request, client_cancel };

/* ---- life and faults ---- */

struct fake_http *fake_http_create(const struct fake_http_config *config)
{
	struct fake_http *http = calloc(1, sizeof *http);
	CHECK(http && config->handler && config->requests_max);
	http->client.ops = &ops;
	http->config = *config;
	http->timer = (struct timer){ .fn = on_timer, .ctx = http };
	return http;
}

void fake_http_destroy(struct fake_http *http)
{
	if (!http)
		return;
	while (http->first) {
		struct request *request = http->first;
		http->first = request->next;
		free_request(request);
	}
	arm(http);
	free(http);
}

struct http_client *fake_http_client(struct fake_http *http) { return &http->client; }
struct fake_http_counts fake_http_counts(const struct fake_http *http) { return http->counts; }
size_t fake_http_under_way(const struct fake_http *http) { return http->under_way; }
void fake_http_refuse(struct fake_http *http, bool refuses) { http->refuses = refuses; }
void fake_http_hang(struct fake_http *http, bool hangs) { http->hangs = hangs; }

void fake_http_set_latency(struct fake_http *http, int64_t latency_ns)
{
	http->config.latency_ns = latency_ns;
}

/* What had not arrived never will. */
void fake_http_break(struct fake_http *http)
{
	struct request *broken = http->first, *next;
	http->first = NULL;
	for (; broken; broken = next) {
		next = broken->next;
		if (broken->state == DROPPED)
			free_request(broken);
		else
			come_back(http, broken, STATUS_CLOSED, "the connection broke", 0);
	}
	arm(http);
}

void fake_http_abandon(struct fake_http *http)
{
	struct request *next;
	for (struct request *request = http->first; request; request = next) {
		next = request->next;
		if (request->state == GOING)
			request->state = DROPPED;
		if (request->state == DROPPED)
			continue;
		unlink_request(http, request);
		free_request(request);
	}
	http->under_way = 0;
	arm(http);
}

/* ---- for handlers ---- */

void fake_http_header(struct fake_http_reply *reply, const char *name, const char *format, ...)
{
	char value[1024];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(value, sizeof value, format, args);
	va_end(args);
	CHECK(len >= 0 && len < (int)sizeof value && reply->n_headers < HTTP_HEADERS_MAX);
	struct http_header *header = &reply->headers[reply->n_headers++];
	struct buf *text = &reply->header_text; /* reserved: it does not move */
	header->name = str_make(text->ptr + text->len, strlen(name));
	buf_str_put(text, str_of(name));
	header->value = str_make(text->ptr + text->len, (size_t)len);
	buf_put(text, value, (size_t)len);
}

void fake_http_date(struct fake_http_reply *reply, int64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm tm;
	char text[64];
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	fake_http_header(reply, "date", "%s", text);
}

struct str fake_http_param(const struct fake_http_request *request, const char *name)
{
	struct str rest = request->query, part, key;
	while (rest.ptr && str_split(&rest, '&', &part)) {
		struct str value = part;
		if (str_split(&value, '=', &key) && str_eq(key, str_of(name)))
			return value.ptr ? value : STR("");
	}
	return STR("");
}

int64_t fake_http_param_i64(const struct fake_http_request *request, const char *name,
			    int64_t otherwise)
{
	int64_t value;
	return str_to_i64(fake_http_param(request, name), &value) == STATUS_OK ? value : otherwise;
}
