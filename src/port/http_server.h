/* http_server.h - requests of somebody's HTTP client, answered now or later.
 *
 *   on_request(call, request) → … → http_call_answer(call, reply), exactly once
 *
 * Implemented by src/os/http_server. A request is whole when it is told: its body is
 * there, its path decoded and checked. Its texts live during on_request only. A call
 * lives until it is answered, also after its client or its server went away: then the
 * answer goes nowhere. on_request may answer at once. Loop thread only. */
#pragma once

#include "port/http_client.h"

enum { HTTP_REPLY_HEADERS = 4 };

struct http_call;

struct http_asked {
	struct str method; /* "GET" */
	/* Without its query, percent-decoded: UTF-8 without control characters, begins with
	 * a slash, no segment is `.` or `..`. */
	struct str path;
	struct str query; /* behind the `?`, as it came; "" none */
	struct str host;  /* of Host or of an absolute target: NAME[:PORT], not empty */
	const struct http_header *headers; /* names in lower case */
	size_t n_headers;
	struct str body;
	struct str peer; /* numeric address, without its port */
	bool is_tls;
};

struct http_reply {
	int code;
	const char *type; /* "application/json" */
	/* Copied. To a HEAD its length is told and nothing of it sent: answer as to a GET. */
	struct str body;
	struct http_header headers[HTTP_REPLY_HEADERS]; /* besides those of every answer */
	size_t n_headers;
};

struct http_call_ops {
	void (*answer)(struct http_call *call, const struct http_reply *reply);
};

struct http_call {
	const struct http_call_ops *ops;
};

static inline void http_call_answer(struct http_call *call, const struct http_reply *reply)
{
	call->ops->answer(call, reply);
}

/* The value of a request's header by its lower-case name; ptr NULL when there is none. Of
 * several the first. */
static inline struct str http_asked_header(const struct http_asked *asked, struct str name)
{
	for (size_t i = 0; i < asked->n_headers; i++)
		if (str_eq(asked->headers[i].name, name))
			return asked->headers[i].value;
	return (struct str){ 0 };
}
