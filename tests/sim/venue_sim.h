/* venue_sim.h - Binance and Bybit, spot and perpetual, in the simulated world: what is
 * behind the ws_clients and http_clients of feed/live.h.
 *
 *   truth ×markets ── frames ──▶ sockets (fake_ws) ──▶ weir
 *          └───────── klines, trades by id ──▶ fake_http ──▶ weir
 *
 * Deterministic by seed. The venues live on whatever happens to weir. They keep the limits
 * they publish and count whoever breaks them (breaches): a weir that behaves breaks none.
 * Trouble comes from troubles (venue_sim_trouble), each for a time, and from odds per
 * frame and per request. Nothing that a trade says is ever made up, so that whatever
 * weir believes complete can be held against the truth. */
#pragma once

#include "base/timers.h"
#include "feed/plan.h"
#include "port/clock.h"
#include "port/http_client.h"
#include "port/ws_client.h"
#include "venue_truth.h"

enum { VENUE_SIM_SYMBOLS = 3, VENUE_SIM_SITES = VENUE_COUNT * KIND_COUNT };

/* Of the frames of trades, in parts per million, for each connection by itself. */
struct venue_sim_odds {
	uint32_t lost;     /* never told on this connection */
	uint32_t twice;    /* told again, up to 8 s later */
	uint32_t late;     /* held back up to 8 s, others overtake */
	uint32_t bad_time; /* the same trade with a time a day ahead or a year ago, alone */
	uint32_t bad_id;   /* the same trade under an absurd id, alone (Binance) */
	uint32_t junk;     /* an unknown or malformed frame beside it */
	uint32_t rest;     /* of requests: one of the REST troubles at random */
};

enum venue_trouble {
	TROUBLE_BREAK,     /* one connection of the site ends with code arg */
	TROUBLE_BREAK_ALL, /* all of them */
	TROUBLE_REFUSE,    /* handshakes are answered with HTTP arg */
	TROUBLE_HANG,      /* handshakes are not answered */
	TROUBLE_STALE,     /* all connections stay open and say nothing more */
	TROUBLE_MUTE,      /* the classes of mask arg are not told */
	TROUBLE_SHUTDOWN,  /* serverShutdown, and the end of all connections after the time */
	TROUBLE_STORM,     /* the odds are arg times worse */
	TROUBLE_REST_429,  /* every request, with Retry-After; Bybit: 10006 */
	TROUBLE_REST_418,  /* a ban of that time; Bybit: 403 */
	TROUBLE_REST_5XX,
	TROUBLE_REST_TIMEOUT, /* no answer */
	TROUBLE_REST_HALF,    /* broken off, or JSON cut short */
	TROUBLE_REST_HTML,
	TROUBLE_REST_REFUSE, /* nobody can connect */
	TROUBLE_REST_OLD,    /* trades of the last seconds are not in the answers yet */
	TROUBLE_UNPLUG,      /* all of it: no connection, no answer */
	TROUBLE_HALT,        /* symbol arg is not traded; its status says so */
	TROUBLE_COUNT
};

const char *venue_trouble_text(enum venue_trouble trouble);

struct venue_sim_config {
	uint64_t seed;
	int64_t start_ms; /* a whole minute: the venues' wall clock at monotonic 0 */
	int64_t span_ms;
	int64_t gap_ms[VENUE_SIM_SYMBOLS]; /* between trades, in the mean */
	uint32_t blocks_ppm;               /* Bybit */
	bool klines_hold_blocks;           /* Bybit's klines count block trades in */
	struct timers *timers;
	const struct clock_port *clock; /* its monotonic time; the venues' wall clock is theirs */
	struct venue_sim_odds odds;
};

struct venue_sim_counts {
	uint64_t frames, trades, lost, twice, late, bad_times, bad_ids, junk;
	uint64_t handshakes, refused, ended_by_age;
	uint64_t requests, requests_troubled;
	uint64_t breaches;
	char breach[160]; /* the first one, in words */
};

struct venue_sim;

struct venue_sim *venue_sim_create(const struct venue_sim_config *config);
void venue_sim_destroy(struct venue_sim *sim);
struct ws_maker venue_sim_ws(struct venue_sim *sim, enum venue venue, enum kind kind);
struct http_client *venue_sim_http(struct venue_sim *sim, enum venue venue, enum kind kind);
const char *venue_sim_ws_url(enum venue venue, enum kind kind);
const char *venue_sim_rest_url(enum venue venue, enum kind kind);
const char *venue_sim_symbol(size_t index);

/* From now on for so long; overlapping ones of a kind: the later end counts. */
void venue_sim_trouble(struct venue_sim *sim, enum venue venue, enum kind kind,
		       enum venue_trouble trouble, int64_t arg, int64_t for_ns);
void venue_sim_set_odds(struct venue_sim *sim, const struct venue_sim_odds *odds);
/* Everywhere, nothing is traded any more. */
void venue_sim_halt_all(struct venue_sim *sim);

const struct truth *venue_sim_truth(const struct venue_sim *sim, const struct market_id *id);
const struct venue_sim_counts *venue_sim_counts(const struct venue_sim *sim);
int64_t venue_sim_now_ms(const struct venue_sim *sim); /* the venues' wall clock */
/* Bytes of heap that the fakes keep of what weir sent; grows with time. */
size_t venue_sim_kept_bytes(const struct venue_sim *sim);
bool venue_sim_is_idle(const struct venue_sim *sim); /* no request is under way */
