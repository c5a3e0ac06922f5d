/* serve_impl.h - what the files of serve.h share. Not for anybody else.
 *
 *   serve.c          is the request one of ours, and may it      serve_answers.c
 *   serve_views.c    what is answered at once      serve_signals.c   signals, the webhook
 *   serve_archive.c  archive queries              serve_state.c     sessions, preferences
 *   serve_lists.c    results, signals, the ledger serve_timeline.c  a terminal's past
 *   serve_bars.c     bars                         serve_static.c    the dashboard's files
 *   serve_ws.c       WebSockets                   serve_chart.c     pictures
 *   serve_alerts.c   alerts acknowledged, muted
 *   openapi.c        the table as openapi.json */
#pragma once

#include "serve/access.h"
#include "serve/guard.h"
#include "serve/kept.h"
#include "serve/push.h"
#include "serve/query.h"
#include "serve/routes.h"
#include "serve/serve.h"

enum { SERVE_HOSTS_BYTES = 1024, SERVE_QUERY_BYTES = 8 * 1024 };

struct serve {
	const struct clock_port *clock;
	struct serve_hooks hooks;
	struct access *access; /* NULL: no tokens are asked for */
	struct guard guard;
	struct guard rate; /* of all requests; its burst 0: none is held off */
	struct push *push;
	struct kept kept; /* answers to questions */
	struct serve_counts counts;
	char hosts[SERVE_HOSTS_BYTES];
	const struct serve_file *files;
	size_t file_count;
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
/* A whole number of lo..hi, or `usual` where it is absent. False: it was answered. */
MUST_CHECK bool serve_number(struct serve_request *request, const char *name, int64_t lo,
			     int64_t hi, int64_t usual, int64_t *value);

/* The answer to a question, made or kept, of exit status *outcome; lives until the next one.
 * ptr NULL: nothing is asked here; len 0: it is too long. */
struct str serve_asked(struct serve *serve, struct str question, struct str format, int *outcome);
void serve_signals_list(struct serve_request *request);
/* True: the path is a file's, and it was answered. */
MUST_CHECK bool serve_static(struct serve *serve, struct http_call *call,
			     const struct http_asked *asked);
/* serve_bars.c: the minutes of 1m 5m 15m 30m 60m 4h 1d; 0: none of them. */
int32_t serve_tf_minutes(struct str tf);

/* serve.c */
void serve_request_init(struct serve_request *request, struct serve *serve, struct http_call *call,
			const struct http_asked *asked);
void serve_handle(struct serve_request *request);
bool serve_is_foreign_page(const struct http_asked *asked);

/* serve_ws.c */
struct push *serve_push_create(struct serve *serve);
/* A browser's token, which has no header of its own: a second protocol that is offered,
 * bearer.TOKEN; "" none. */
struct str serve_ws_token(const struct http_asked *asked);
