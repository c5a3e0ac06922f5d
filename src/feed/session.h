/* session.h - one planned connection to a venue, kept alive for ever.
 *
 *   WAITING → CONNECTING → SUBSCRIBING → LIVE         (each → WAITING when it ends)
 *
 * A session holds up to two connections: the current one, and the next one that is to
 * replace it. The next is opened before the 24 h end of the current one, on
 * serverShutdown, when a class of streams has gone silent, or when the first data did
 * not come: an acknowledgement proves nothing, only data does. When the next one is
 * LIVE (data of every class that has a deadline) and an overlap has passed, the
 * current one is closed: frames of both are given, and duplicates fall away by id.
 * Where the current one broke, the next connects after a back-off with jitter that
 * grows from 0.25 s to 60 s and starts over after a minute of health; `gate` keeps all
 * sessions of a venue below its limit of connection attempts. A close with 1008
 * (too many messages), HTTP 429, 418 or 403 at the handshake ("HTTP NNN" in the reason
 * of on_close) wait at least a minute.
 *
 * Silence is not always the connection's fault: a replacement on which the same is
 * silent is let go, the current one stays, and the next try comes after 5 s, then after
 * waits that grow to a minute while nothing comes at all, to 5 minutes while something
 * does. One that brings more, in the order of enum stream_class, takes over though it
 * is not LIVE. Where pings of ours go unanswered for 2.5 of their intervals and nothing
 * else comes either, the connection is taken for dead.
 *
 * Subscribe messages go out within the venue's message rate, one at a time. Where a
 * venue refuses a message of several topics, each is asked for alone; a topic refused
 * alone is left out and counted (refused_topics), until the next connection. Where all
 * are refused, there is a next connection after such waits.
 *
 * Shell over port/ws_client; time from the port, in simulated time as in real. */
#pragma once

#include "base/timers.h"
#include "feed/plan.h"
#include "port/clock.h"
#include "port/ws_client.h"

/* Connection attempts of a venue in the last 5 minutes; shared by its sessions. */
struct connect_gate {
	int64_t at_ns[128]; /* ring of the last attempts */
	uint32_t next;
	int32_t limit; /* at most 128 */
};
void connect_gate_init(struct connect_gate *gate, int32_t limit);
/* 0: an attempt now is within the limit, and is counted; else when one may be made. */
int64_t connect_gate_try(struct connect_gate *gate, int64_t now_ns);

enum session_state {
	SESSION_WAITING, /* backing off, or for the gate */
	SESSION_CONNECTING,
	SESSION_SUBSCRIBING, /* open; not all data came yet */
	SESSION_LIVE,
	SESSION_CLOSED,
};

struct session;

struct session_hooks {
	/* A message; returns the mask of 1 << enum event_type it held (ingest_frame's). */
	uint32_t (*on_frame)(void *ctx, struct session *session, struct str frame,
			     int64_t received_ns);
	/* Data flows on a new connection: what a newly opened stream needs (a depth
	 * snapshot, the trades missed) can be asked for. Once a connection: when it is LIVE,
	 * or is kept though something is lacking. */
	void (*on_live)(void *ctx, struct session *session);
	/* Nobody listens any more, or a class went silent: what ids cannot prove is open to
	 * doubt from the last frame on. trades: trades are among it. Not where another
	 * connection is proved to bring the same, and once for what was given since the
	 * last time; a start interrupts nothing that was given. */
	void (*on_interrupted)(void *ctx, struct session *session, bool trades);
	/* One line for the log: warn for trouble. */
	void (*on_note)(void *ctx, struct session *session, bool warn, const char *line);
	void *ctx;
};

struct session_config {
	const struct plan_connection *plan; /* outlives the session */
	struct ws_maker maker;
	struct timers *timers; /* one timer */
	const struct clock_port *clock;
	struct connect_gate *gate; /* outlives the session */
	uint64_t seed;
	struct session_hooks hooks;
	/* Of waits and the 24 h, in thousandths: 1000. For tests in a hurry. */
	int32_t patience;
};

struct session_counts {
	uint64_t attempts, opened;
	uint64_t failed;            /* came to nothing: refused, or never took over */
	uint64_t replaced;          /* by an overlapping connection */
	uint64_t broken;            /* ended without a replacement */
	uint64_t first_data_missed; /* acknowledged, and nothing came */
	uint64_t stale;             /* a class went silent */
	uint64_t shutdowns;         /* serverShutdown */
	uint64_t interruptions;
	uint64_t refused_topics;
	uint64_t frames;
};

struct session *session_create(const struct session_config *config); /* NULL: no memory */
void session_destroy(struct session *session);                       /* in silence */
void session_open(struct session *session);
void session_pause(struct session *session, bool paused); /* back-pressure; watchdogs wait */

const struct plan_connection *session_plan(const struct session *session);
enum session_state session_state(const struct session *session); /* of the better connection */
const char *session_state_text(enum session_state state);
const struct session_counts *session_counts(const struct session *session);
/* Monotonic time of the last frame of a class; 0: none yet. */
int64_t session_last_ns(const struct session *session, enum stream_class class);
/* Since when the current connection is open; 0: not. */
int64_t session_open_since_ns(const struct session *session);
/* Why it is not live, one line; "" when it is. */
const char *session_why(const struct session *session);
