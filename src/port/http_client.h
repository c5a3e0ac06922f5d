/* http_client.h - requests to somebody's HTTP server, answered later.
 *
 * Implemented by src/os (libcurl over the loop) and by the simulated world. Each
 * request's function runs exactly once, on the loop thread, never from inside the
 * call that made it, unless it was cancelled before. Any HTTP code is an answer
 * (STATUS_OK); a status other than OK says that there is none: TIMEOUT, CLOSED (no
 * connection, TLS not trusted, broken half way), RANGE (longer than allowed),
 * NO_MEMORY. Loop thread only. */
#pragma once

#include "base/str.h"

enum {
	HTTP_PADDING = 64,        /* readable bytes behind a body: JSON readers need them */
	HTTP_HEADERS_MAX = 64,    /* headers of an answer that are kept */
	HTTP_REQUEST_HEADERS = 8, /* of a request */
};

struct http_header {
	struct str name, value; /* name in lower case when it comes from an answer */
};

struct http_request {
	const char *method; /* "GET", "POST" */
	struct str url;
	struct http_header headers[HTTP_REQUEST_HEADERS];
	size_t n_headers;
	struct str body;       /* "" for none */
	int64_t deadline_ns;   /* from now; covers connecting */
	size_t body_bytes_max; /* of the answer */
	/* Not NULL: the body is lent, not copied (it lives until the request's end), and told
	 * is how much more of it is on its way. Such a request is sent at most once: on a
	 * connection of its own, and not again where that breaks. */
	void (*on_sent)(void *ctx, size_t bytes);
};

struct http_answer {
	int code;        /* 200 */
	struct str body; /* lives during the call, HTTP_PADDING readable bytes behind it */
	const struct http_header *headers;
	size_t n_headers;
};

/* answer is NULL unless status is OK; why is one line for people, "" when OK. */
typedef void (*http_answer_fn)(void *ctx, enum status status, const struct http_answer *answer,
			       const char *why);

struct http_client;

struct http_ops {
	/* Copies the request, but for a body that is lent. FULL when as many requests are under way
	 * as the client may have; INVALID when the method, URL or a header is none, RANGE when one
	 * is too long. */
	enum status (*request)(struct http_client *client, const struct http_request *request,
			       http_answer_fn fn, void *ctx);
	/* Every request made with this ctx ends in silence: its function does not run. */
	void (*cancel)(struct http_client *client, void *ctx);
};

struct http_client {
	const struct http_ops *ops;
};

MUST_CHECK static inline enum status http_request(struct http_client *client,
						  const struct http_request *request,
						  http_answer_fn fn, void *ctx)
{
	return client->ops->request(client, request, fn, ctx);
}

static inline void http_cancel(struct http_client *client, void *ctx)
{
	client->ops->cancel(client, ctx);
}

/* The value of a header by its lower-case name; ptr NULL when there is none. */
static inline struct str http_answer_header(const struct http_answer *answer, struct str name)
{
	for (size_t i = 0; i < answer->n_headers; i++)
		if (str_eq(answer->headers[i].name, name))
			return answer->headers[i].value;
	return (struct str){ 0 };
}
