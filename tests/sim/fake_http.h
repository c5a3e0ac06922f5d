/* fake_http.h - venues' HTTP servers in simulated time: an http_client whose other end
 * is a function of the test.
 *
 *   request --latency--> handler(request, reply) --latency + reply's delay--> answer
 *
 * The handler sees a request when it arrives there, whole and taken apart; what it says
 * comes back one way later, with the body in memory of its own that is freed right after
 * the owner's function and followed by HTTP_PADDING bytes no parser must believe. A
 * request that is cancelled before it arrives never reaches the handler; one that is
 * cancelled after that was counted there, and its answer is dropped. The deadline, the
 * longest body and the bound of requests under way are kept as os/http.h keeps them. A body
 * that is lent is on its way, all of it, when it arrives.
 * Uses 1 timer of the heap. */
#pragma once

#include "base/buf.h"
#include "base/timers.h"
#include "port/clock.h"
#include "port/http_client.h"

enum {
	FAKE_HTTP_BODY_MAX = 16 << 20,
	FAKE_HTTP_HEADER_BYTES = 4096, /* of one answer, names and values */
};

struct fake_http_request {
	struct str method, host, path, query; /* of "https://HOST/PATH?QUERY"; path with its / */
	struct str body;
	const struct http_header *headers; /* as they were given */
	size_t n_headers;
	int64_t now_ns, wall_ns; /* when it arrived */
};

struct fake_http_reply {
	enum status status; /* not OK: no answer, for this reason (CLOSED; TIMEOUT waits for
			     * the request's deadline by itself) */
	int code;           /* 200 unless the handler says otherwise */
	int64_t delay_ns;   /* before it goes back */
	struct buf body;    /* empty; the handler fills it */
	struct http_header headers[HTTP_HEADERS_MAX];
	size_t n_headers;
	struct buf header_text; /* fake_http_header's */
};

typedef void (*fake_http_handler)(void *ctx, const struct fake_http_request *request,
				  struct fake_http_reply *reply);

struct fake_http_config {
	fake_http_handler handler;
	void *ctx;
	int64_t latency_ns;  /* one way */
	size_t requests_max; /* under way; FULL above it */
	struct timers *timers;
	const struct clock_port *clock;
};

struct fake_http_counts {
	uint64_t requests, arrived, answers, failures, refused, cancelled;
	size_t under_way_max;
};

struct fake_http;

struct fake_http *fake_http_create(const struct fake_http_config *config);
void fake_http_destroy(struct fake_http *http); /* in silence */
struct http_client *fake_http_client(struct fake_http *http);
struct fake_http_counts fake_http_counts(const struct fake_http *http);
size_t fake_http_under_way(const struct fake_http *http);

/* ---- faults ---- */
void fake_http_set_latency(struct fake_http *http, int64_t latency_ns);
/* Nobody can connect while it is so: CLOSED after the latency, the handler sees nothing. */
void fake_http_refuse(struct fake_http *http, bool refuses);
/* What arrives while it is so is handled, but its answer never gets back: TIMEOUT. */
void fake_http_hang(struct fake_http *http, bool hangs);
/* Every connection breaks now: what is under way ends with CLOSED. */
void fake_http_break(struct fake_http *http);
/* The owner died: nothing is told; what was sent still arrives. */
void fake_http_abandon(struct fake_http *http);

/* ---- for handlers ---- */
/* name in lower case. */
void fake_http_header(struct fake_http_reply *reply, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "Date" as servers write it, of a wall clock. */
void fake_http_date(struct fake_http_reply *reply, int64_t wall_ns);
/* The value of a parameter of the query; "" when there is none. Not unescaped. */
struct str fake_http_param(const struct fake_http_request *request, const char *name);
/* The same as a number; `otherwise` when there is none or it is not one. */
int64_t fake_http_param_i64(const struct fake_http_request *request, const char *name,
			    int64_t otherwise);
