/* serve.h - weir's HTTP interface (contracts.md): routes of def/routes.def, tokens and their
 * scopes, and what is asked of the rest of weir, behind hooks.
 *
 * Every answer has its length, JSON but where a route says otherwise; an error is an
 * RFC 9457 problem of type
 * application/problem+json with the one line for people as `detail` and as `error`; a file
 * of the dashboard (static.h) has its own type. Refused before a route is looked at: a Host that is
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
 * An address may so many requests a second (serve_set_rate); one more is answered with 429
 * and Retry-After. /api/v1/ws becomes a WebSocket (push.h) for pages of our own origin and for
 * programs, who offer the protocol weir.v1 and, where tokens are asked for, send the header
 * or offer bearer.TOKEN too; new tokens end all of them.
 *
 * An answer to a question is kept for KEPT_MS (kept.h) for who asks the same; a request that
 * changes something drops all of them.
 *
 * A hook that is NULL is answered with 503. Those with `done` end exactly once, perhaps
 * inside the call; a request's texts live during the hook's call only. Destroy it when all
 * of them have ended. Loop thread. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "port/clock.h"
#include "port/http_server.h"
#include "serve/static.h"

enum {
	SERVE_SIGNALS_MAX = 1000, /* of a request */
	SERVE_FAILURES = 10,
	SERVE_FORGIVE_MS = 6000,
	SERVE_LIST_MAX = 1000, /* rows of a page */
	SERVE_LIST_USUAL = 100,
	SERVE_POINTS_MAX = 300, /* bars, points of a timeline */
	SERVE_ANSWER_BYTES = 16 << 20,
	SERVE_TESTED_MAX = 10, /* rules of a dry run */
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

struct serve_bars {
	struct str market; /* VENUE:KIND:SYMBOL */
	struct str tf;     /* as it was asked for */
	int32_t minutes;   /* what it means */
	size_t n;          /* at most */
	int64_t to_ms;     /* none that begins later; INT64_MAX: the newest */
};

/* What somebody says of one of weir's own alerts. */
struct serve_alert_word {
	struct str operator; /* the token's name; "http" without tokens */
	struct str verb;     /* ack mute unmute */
	struct str alert, scope;
	int64_t for_s;
};

struct serve_hooks {
	/* ---- answered at once, into out ---- */

	/* 0 answered, 1 the answer is no, 2 not understood (ask.h). */
	int (*ask)(void *ctx, struct str question, struct str format, struct buf *out);
	void (*metrics)(void *ctx, struct buf *out);
	void (*metrics_design)(void *ctx, struct buf *out);
	void (*metrics_ids)(void *ctx, struct buf *out);
	void (*now)(void *ctx, struct buf *out);
	void (*markets)(void *ctx, struct buf *out);
	/* NOT_FOUND: there is no such market. */
	enum status (*bars)(void *ctx, const struct serve_bars *asked, struct buf *out);
	/* One bar as an object: the newest (back 0) or the one before it (1). False: none. */
	bool (*bar)(void *ctx, const struct serve_bars *asked, int back, struct buf *out);
	void (*fleet)(void *ctx, struct buf *out);
	bool (*terminal)(void *ctx, struct str id, struct buf *out); /* false: none is so called */
	void (*memory)(void *ctx, struct buf *out);
	void (*alerts)(void *ctx, struct buf *out);
	/* ack, mute, unmute: a line into answer either way. NOT_FOUND, INVALID, FULL. */
	enum status (*alert_say)(void *ctx, const struct serve_alert_word *word,
				 struct buf *answer);
	/* One rule, as it is written: appends an object. */
	void (*alert_test)(void *ctx, struct str rule, struct buf *out);
	/* False: why says what lacks. NULL: ready. */
	bool (*ready)(void *ctx, struct buf *why);

	/* ---- answered later ---- */

	/* Before any signal of a request: FULL is answered with 429 and *retry_s, TROUBLE with
	 * 503, both with why. NULL: open. */
	enum serve_intake (*intake)(void *ctx, struct buf *why, int *retry_s);
	/* Fields of def/signals.def alone, each once. */
	void (*signal)(void *ctx, const struct serve_signal *signal, serve_signal_fn done,
		       void *done_ctx);
	/* The ledger's JSON object. */
	void (*ledger)(void *ctx, serve_text_fn done, void *done_ctx);
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
	/* The dashboard's files; outlives it. NULL: those of static.h. */
	const struct serve_file *files;
	size_t file_count;
};

struct serve;

/* Why a listener may not be: one line in err (REFUSED). Beyond the loopback TLS and a
 * tokens file are needed. */
MUST_CHECK enum status serve_check_listener(const char *host, bool tls, bool tokens,
					    struct err *err);
MUST_CHECK enum status serve_create(const struct serve_config *config, struct serve **out,
				    struct err *err);
void serve_destroy(struct serve *serve); /* NULL is fine */
/* Every PUSH_STEP_MS (push.h): what WebSockets are to be told. */
void serve_step(struct serve *serve);
/* Requests a second of an address from now on, twice as many at once; 0: as many as come. */
void serve_set_rate(struct serve *serve, int64_t per_s);
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
	uint64_t too_many;               /* 429: over the rate */
	uint64_t asked_kept, asked_anew; /* questions */
};
struct push_counts;
const struct push_counts *serve_push_counts(const struct serve *serve);
const struct serve_counts *serve_counts(struct serve *serve);
