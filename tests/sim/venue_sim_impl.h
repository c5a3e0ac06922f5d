/* venue_sim_impl.h - the inside of the simulated venues, for venue_sim*.c alone.
 *
 *   venue_sim.c         life, time, troubles
 *   venue_sim_ws.c      connections: subscriptions, limits, what reaches whom
 *   venue_sim_frames.c  the words of the streams
 *   venue_sim_rest.c    questions and answers, limits, troubles of HTTP
 *   venue_sim_tables.c  the answers' rows */
#pragma once

#include "base/check.h"
#include "fake_http.h"
#include "fake_ws.h"
#include "feed/simulator_path.h"
#include "venue_sim.h"

enum {
	SITE_SOCKETS = 16,
	SITE_LATER = 512, /* frames held back at a time */
	SITE_SENT = 16,   /* messages of a connection that are remembered */
	SITE_HANDSHAKES = 512,
	SITE_REQUESTS = 1024,
	FRAME_BYTES = SIM_FRAME_BYTES + 64,
};

#define MS_NS         INT64_C(1000000)
#define SECOND_MS     INT64_C(1000)
#define MINUTE_OF(ms) ((ms) - (ms) % 60000)

struct site;

struct market_sim {
	struct site *site;
	struct truth truth;
	size_t index;      /* of the symbol */
	size_t told;       /* trades before this one were told */
	int64_t minute_ms; /* the one whose candle is open */
	int64_t update_id;
	struct sim_quote quote; /* of the last depth */
};

struct socket {
	struct site *site;
	struct fake_ws *ws;
	uint64_t generation; /* of the connection */
	int64_t asked_ns;
	uint32_t topics[VENUE_SIM_SYMBOLS]; /* classes, as bits */
	size_t n_topics, chars;
	int64_t sent_ns[SITE_SENT];
	uint64_t n_sent;
};

struct later {          /* a frame, or an answer to a message, on its way */
	int64_t due_ns; /* 0: free */
	struct socket *socket;
	uint64_t generation;
	struct str text; /* own memory */
};

struct rest_limit {
	int64_t minute_ms; /* Binance: the minute that is counted */
	int64_t weight;
	int64_t at_ns[SITE_REQUESTS]; /* Bybit: ring of the last requests */
	uint64_t n;
	int64_t closed_from_ns, closed_until_ns; /* asking then is a breach */
};

struct site {
	struct venue_sim *sim;
	enum venue venue;
	enum kind kind;
	struct rng rng;
	struct market_sim markets[VENUE_SIM_SYMBOLS];
	struct fake_ws_crowd *crowd;
	struct fake_http *http;
	struct socket sockets[SITE_SOCKETS];
	size_t n_sockets;
	struct later later[SITE_LATER];
	int64_t handshakes_ns[SITE_HANDSHAKES];
	uint64_t n_handshakes;
	int64_t until_ns[TROUBLE_COUNT]; /* 0: no such trouble now */
	int64_t args[TROUBLE_COUNT];
	char refusal[96];
	struct rest_limit limit;
};

struct venue_sim {
	struct venue_sim_config config;
	struct timer timer;
	int64_t second;
	struct site sites[VENUE_SIM_SITES];
	struct venue_sim_counts counts;
};

static inline int64_t sim_now_ns(const struct venue_sim *sim)
{
	return clock_monotonic_ns(sim->config.clock);
}

static inline bool in_trouble(const struct site *site, enum venue_trouble trouble)
{
	return site->until_ns[trouble] != 0;
}

static inline bool by_chance(struct site *site, uint32_t ppm)
{
	return ppm && rng_below(&site->rng, 1000000) < ppm;
}

void site_breach(struct site *site, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- venue_sim_ws.c ---- */
void site_ws_init(struct site *site);
void site_ws_deinit(struct site *site);
void site_ws_step(struct site *site, int64_t now_ns); /* what was held back, old connections */
/* To all who asked for it. */
void site_say(struct market_sim *market, enum stream_class class, struct str frame);
/* Trades, each connection with its own luck; bad: how they read with a wrong time or id
 * (empty: they do not come so). */
struct trade_words {
	struct str frame, bad_time, bad_id;
};
void site_say_trades(struct market_sim *market, const struct trade_words *words);
void site_say_everybody(struct site *site, struct str frame);
void site_end_all(struct site *site, int code);
void site_end_one(struct site *site, int code);
void site_stale_all(struct site *site);
size_t site_kept_bytes(const struct site *site);

/* ---- venue_sim_frames.c ---- */
void market_tell_trades(struct market_sim *market);
void market_tell_second(struct market_sim *market, int64_t second);

/* ---- venue_sim_rest.c ---- */
void site_rest_init(struct site *site);
void site_rest_deinit(struct site *site);

/* ---- venue_sim_tables.c ---- */
struct table_ask {
	struct site *site;
	const struct fake_http_request *request;
	struct market_sim *market; /* of the parameter symbol; NULL: none, or unknown */
	int64_t now_ms, limit;
	bool old; /* the last seconds are not there yet */
};
void table_trades(const struct table_ask *ask, struct buf *out);
void table_klines(const struct table_ask *ask, struct buf *out);
void table_instruments(const struct table_ask *ask, struct buf *out);
void table_oi(const struct table_ask *ask, struct buf *out);
void table_oi_history(const struct table_ask *ask, struct buf *out);
void table_depth(const struct table_ask *ask, struct buf *out);
void table_funding(const struct table_ask *ask, struct buf *out);
