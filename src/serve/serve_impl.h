/* serve_impl.h - what the files of serve.h share. Not for anybody else.
 *
 *   serve.c          is the request one of ours, and may it      serve_answers.c
 *   serve_views.c    what is answered at once      serve_signals.c   signals, the webhook
 *   serve_archive.c  results, archive queries      serve_state.c     sessions, preferences
 *   serve_chart.c    pictures                  openapi.c         the table as openapi.json */
#pragma once

#include "serve/access.h"
#include "serve/guard.h"
#include "serve/query.h"
#include "serve/routes.h"
#include "serve/serve.h"

enum { SERVE_HOSTS_BYTES = 1024, SERVE_QUERY_BYTES = 8 * 1024 };

struct serve {
	const struct clock_port *clock;
	struct serve_hooks hooks;
	struct access *access; /* NULL: no tokens are asked for */
	struct guard guard;
	struct serve_counts counts;
	char hosts[SERVE_HOSTS_BYTES];
	struct buf out; /* of answers made at once */
};

/* A request that a handler answers, now or later; it lives during the handler's call. */
struct serve_request {
	struct serve *serve;
	struct http_call *call;
	const struct http_asked *asked;
	enum route_id route;
	struct str param;               /* of the path; "" without one */
	const struct access_user *user; /* NULL: no tokens are asked for, or OPEN */
	struct buf values;              /* decoded parameters of the query */
	char storage[SERVE_QUERY_BYTES];
};

#define ROUTE(id, ...) void serve_##id(struct serve_request *request);
#include "def/routes.def"
#undef ROUTE

/* ---- answers ---- */

void serve_json(struct http_call *call, int code, struct str body);
void serve_error(struct http_call *call, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void serve_error_with(struct http_call *call, int code, const char *why,
		      const struct http_header *header);
/* With a Retry-After. */
void serve_error_later(struct http_call *call, int code, int64_t retry_s, const char *why);
/* What a status of a hook means to a client; text "" where there is none. */
void serve_error_status(struct http_call *call, enum status status, struct str text);
/* Of a hook that is NULL. */
void serve_not_here(struct http_call *call, const char *what);

/* The parameter's value, "" where it is absent. False: it was answered with 400. */
MUST_CHECK bool serve_parameter(struct serve_request *request, const char *name, struct str *value);
