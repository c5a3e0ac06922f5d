/* serving_impl.h - shared by serving*.c only.
 *
 *   serving.c          its life           serving_views.c   what is answered at once
 *   serving_signals.c  signals         serving_later.c    the archive, sessions
 *   serving_now.c      lights          serving_bars.c     bars
 *   serving_ledger.c   the ledger */
#pragma once

#include "archive/writer.h"
#include "daemon/signal_adding.h"
#include "daemon/serving.h"
#include "store/session_store.h"

enum { SERVING_LEDGER_BYTES = 64 * 1024 };

struct serving_ledger_wait {
	serve_text_fn done;
	void *done_ctx;
	struct serving_ledger_wait *next;
};

/* What was counted last. */
struct serving_ledger {
	struct buf text; /* JSON and LF */
	int64_t begun_ns, at_ns;
	int64_t rest_ns; /* how long it stands */
	bool known, balanced, reading;
	struct serving_ledger_wait *waiting;
};

struct serving {
	struct serving_config config;
	struct loop *loop;
	struct http_server *server; /* NULL: not listening (any more) */
	struct serve *serve;
	struct session_store *sessions;          /* NULL: there is no segment for them */
	const char *refuse_why;                  /* of new signals; NULL: they are taken */
	struct signal_sink sink;                 /* signals NULL: there is no fleet */
	struct serving_adding *held, **held_end; /* signals that wait for the store to be ready */
	size_t held_count;
	struct timer held_timer, push_timer;
	struct serving_ledger ledger;
	int64_t created_ns;
	size_t waiting; /* hooks that have not ended */
	bool is_closing, is_closed;
	void (*on_closed)(void *ctx);
	void *on_closed_ctx;
};

/* A hook begins, ends; at the last end after close it is all freed. */
void serving_begin(struct serving *serving);
void serving_end(struct serving *serving);

/* serving_signals.c */
void serving_release(void *ctx); /* the timer of what is held */
void serving_drop_held(struct serving *serving);

/* serving_ledger.c: the newest count's JSON, "" when none was made yet; another is begun when
 * it is older than a second. */
struct str serving_ledger_kept(struct serving *serving);

/* Hooks of serve.h. */
void serving_now(void *ctx, struct buf *out);
enum status serving_bars(void *ctx, const struct serve_bars *asked, struct buf *out);
bool serving_bar(void *ctx, const struct serve_bars *asked, int back, struct buf *out);
void serving_ledger(void *ctx, serve_text_fn done, void *done_ctx);
int serving_ask(void *ctx, struct str question, struct str format, struct buf *out);
void serving_metrics(void *ctx, struct buf *out);
void serving_metrics_design(void *ctx, struct buf *out);
void serving_metrics_ids(void *ctx, struct buf *out);
void serving_markets(void *ctx, struct buf *out);
void serving_fleet(void *ctx, struct buf *out);
bool serving_terminal(void *ctx, struct str id, struct buf *out);
void serving_memory(void *ctx, struct buf *out);
void serving_alerts(void *ctx, struct buf *out);
enum status serving_alert_say(void *ctx, const struct serve_alert_word *word, struct buf *answer);
void serving_alert_test(void *ctx, struct str rule, struct buf *out);
bool serving_ready(void *ctx, struct buf *why);
enum serve_intake serving_intake(void *ctx, struct buf *why, int *retry_s);
void serving_signal(void *ctx, const struct serve_signal *signal, serve_signal_fn done,
		    void *done_ctx);
void serving_trace(void *ctx, struct str id, serve_text_fn done, void *done_ctx);
void serving_query(void *ctx, struct str sql, bool csv, serve_text_fn done, void *done_ctx);
void serving_chart(void *ctx, struct str question, bool light, serve_text_fn done, void *done_ctx);
void serving_state_get(void *ctx, bool preference, struct str user, serve_text_fn done,
		       void *done_ctx);
void serving_state_put(void *ctx, bool preference, struct str user, const struct str *names,
		       const struct str *values, size_t count, serve_text_fn done, void *done_ctx);
void serving_session_end(void *ctx, struct str user, serve_text_fn done, void *done_ctx);
