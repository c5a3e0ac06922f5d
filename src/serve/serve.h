/* serve.h - weir's HTTP interface (contracts.md): routes of def/routes.def, tokens and their
 * scopes, and what is asked of the rest of weir, behind hooks.
 *
 * Every answer has its length, JSON but where a route says otherwise; an error is
 * {"error":"one line for people"}. Refused before a route is looked at: a Host that is
 * neither a numeric address, `localhost`, nor one of `hosts` (421: a web page that had its
 * name resolved to us); with TLS every name will do, the certificate tells. A request that
 * changes something and comes from another web page (Origin) is refused (403), so is a
 * body that is not application/json (415).
 *
 * With a tokens file a token is asked for (Authorization: Bearer), compared in a time that
 * does not depend on it. After SERVE_FAILURES wrong ones an address is refused (429) until
 * its share comes back, one each SERVE_FORGIVE_MS, right tokens or not; an IPv6 address
 * counts as its /64. The webhook is closed (403) without a tokens file. Tokens are kept as keyed
 * hashes and never printed.
 *
 * A hook that is NULL is answered with 503. Those with `done` end exactly once, perhaps
 * inside the call; a request's texts live during the hook's call only. Destroy it when all
 * of them have ended. Loop thread. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "port/clock.h"
#include "port/http_server.h"

enum {
	SERVE_SIGNALS_MAX = 1000, /* of a request */
	SERVE_FAILURES = 10,
	SERVE_FORGIVE_MS = 6000,
	SERVE_RESULTS_MAX = 1000,
	SERVE_ANSWER_BYTES = 16 << 20,
};

enum serve_outcome {
	SERVE_ACCEPTED,
	SERVE_REPEATED,    /* the id was taken before: sid is the first one's */
	SERVE_REFUSED,     /* why: the field at fault, or another word */
	SERVE_BUSY,        /* nothing of it was taken: later */
	SERVE_UNAVAILABLE, /* not known whether it was taken: again, with the same id */
};

struct serve_signal {
	const struct str *keys, *values;
	size_t count;
};

struct serve_signal_end {
	enum serve_outcome outcome;
	uint64_t sid;
	struct str why; /* REFUSED, BUSY, UNAVAILABLE */
};

typedef void (*serve_signal_fn)(void *ctx, const struct serve_signal_end *end);
/* text: the answer, or why there is none. cut: there would have been more. */
typedef void (*serve_text_fn)(void *ctx, enum status status, struct str text, bool cut);

enum serve_intake { SERVE_OPEN, SERVE_FULL, SERVE_TROUBLE };

struct serve_hooks {
	/* ---- answered at once, into out ---- */

	/* 0 answered, 1 the answer is no, 2 not understood (ask.h). */
	int (*ask)(void *ctx, struct str question, struct str format, struct buf *out);
	void (*metrics)(void *ctx, struct buf *out);
	void (*markets)(void *ctx, struct buf *out);
	void (*fleet)(void *ctx, struct buf *out);
	bool (*terminal)(void *ctx, struct str id, struct buf *out); /* false: none is so called */
	void (*memory)(void *ctx, struct buf *out);
	void (*alerts)(void *ctx, struct buf *out);
	/* False: why says what lacks. NULL: ready. */
	bool (*ready)(void *ctx, struct buf *why);

	/* ---- answered later ---- */

	/* Before any signal of a request: FULL is answered with 429 and *retry_s, TROUBLE with
	 * 503, both with why. NULL: open. */
	enum serve_intake (*intake)(void *ctx, struct buf *why, int *retry_s);
	/* Fields of def/signals.def alone, each once. */
	void (*signal)(void *ctx, const struct serve_signal *signal, serve_signal_fn done,
		       void *done_ctx);
	/* A JSON object; NOT_FOUND. */
	void (*trace)(void *ctx, struct str id, serve_text_fn done, void *done_ctx);
	/* Rows as a JSON array of objects, or as CSV. INVALID: text says why. */
	void (*query)(void *ctx, struct str sql, bool csv, serve_text_fn done, void *done_ctx);
	/* A PNG. NOT_FOUND, INVALID: text says why there is none; FULL: later. */
	void (*chart)(void *ctx, struct str question, bool light, serve_text_fn done,
		      void *done_ctx);
	void (*state_get)(void *ctx, bool preference, struct str user, serve_text_fn done,
			  void *done_ctx);
	/* RANGE: text is the field at fault. */
	void (*state_put)(void *ctx, bool preference, struct str user, const struct str *names,
			  const struct str *values, size_t count, serve_text_fn done,
			  void *done_ctx);
	void (*session_end)(void *ctx, struct str user, serve_text_fn done, void *done_ctx);
	void *ctx;
};

struct serve_config {
	const struct clock_port *clock;
	struct serve_hooks hooks;
	const char *tokens_file; /* "" none: nothing is asked for */
	const char *hosts;       /* names that are ours too, separated by commas; "" none */
};

struct serve;

/* Why a listener may not be: one line in err (REFUSED). Beyond the loopback TLS and a
 * tokens file are needed. */
MUST_CHECK enum status serve_check_listener(const char *host, bool tls, bool tokens,
					    struct err *err);
MUST_CHECK enum status serve_create(const struct serve_config *config, struct serve **out,
				    struct err *err);
void serve_destroy(struct serve *serve); /* NULL is fine */
/* Reads this tokens file in place of the one before; not OK: the ones before stand. One
 * that was there cannot be given up for "" (REFUSED). */
MUST_CHECK enum status serve_set_tokens(struct serve *serve, const char *tokens_file,
					struct err *err);
/* What http_server_events wants. */
void serve_request(void *serve, struct http_call *call, const struct http_asked *asked);
/* Header lines for every answer, for http_server_config. */
struct str serve_headers(void);

struct serve_counts {
	uint64_t signals, accepted, repeated, refused, busy, unavailable;
	uint64_t no_token, bad_token, no_scope, held_off; /* 401, 401, 403, 429 by address */
	uint64_t bad_host, bad_origin;
};
const struct serve_counts *serve_counts(const struct serve *serve);
