/* live.h - the venues, live: sessions, REST and backfill of the configured markets, as
 * one source.
 *
 *   ws → session ×n → ingest → markets        rest ×4 → backfill → markets, hooks
 *
 * Works over ports only, so the simulated world runs all of it. Every configured
 * market is made at create, so that a question about one finds it before its first
 * trade. Loop thread. */
#pragma once

#include "feed/backfill.h"
#include "feed/ingest.h"
#include "feed/session.h"

enum { LIVE_SESSIONS_MAX = 32 };

struct live_venue {
	bool on;
	const char *ws_url, *rest_url; /* copied */
	struct ws_maker maker;
	struct http_client *http;
};

struct live_hooks {
	/* A trade brought back by repair; those of the streams go through the ingest's hook. */
	void (*on_trade)(void *ctx, struct market *market, const struct trade *trade);
	void (*on_instrument)(void *ctx, struct market *market, enum instrument_status was);
	/* One line for the log; what: "binance:perp /market 1", a market or a venue. */
	void (*on_note)(void *ctx, bool warn, const char *what, const char *line);
	void *ctx;
};

struct live_config {
	struct live_venue venues[VENUE_COUNT][KIND_COUNT];
	const char *const *symbols; /* as the venues write them: "BTCUSDT"; copied */
	size_t n_symbols;
	bool depth;
	int32_t patience; /* thousandths of waits and watchdogs: 1000 */
	struct markets *markets;
	struct ingest *ingest;
	struct timers *timers; /* 2 a session, 1 a venue and kind, 1 more */
	const struct clock_port *clock;
	uint64_t seed;
	struct live_hooks hooks;
};

struct live;

/* INVALID: a symbol that is none, or more connections than are allowed for. */
MUST_CHECK enum status live_create(const struct live_config *config, struct live **live,
				   struct err *err);
void live_destroy(struct live *live); /* in silence; NULL is fine */
/* Everything is asked for. What was held before counts as interrupted: nobody listened. */
void live_start(struct live *live);
void live_pause(struct live *live, bool paused);

size_t live_sessions(const struct live *live);
const struct session *live_session(const struct live *live, size_t index);
const struct rest *live_rest(const struct live *live, enum venue venue,
			     enum kind kind); /* NULL: off */
const struct backfill *live_backfill(const struct live *live);
/* Sessions that are LIVE. */
size_t live_ready(const struct live *live);
