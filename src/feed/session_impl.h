/* session_impl.h - a session's inside, for session*.c alone.
 *
 *   session.c        life, callbacks of the sockets, what others may see
 *   session_conn.c   the state machine: which connection is opened, kept, replaced
 *   session_watch.c  time: silence, the first data, pings, the next deadline
 *   session_ask.c    subscribe messages and the answers to them
 *   session_gate.c   the venue's limit of attempts
 *
 * Callbacks only record what happened and call session_step, which looks at all there
 * is and at the time, and moves until nothing moves any more. So every branch depends
 * on the state, never on the way that led there. */
#pragma once

#include "base/buf.h"
#include "base/rng.h"
#include "codec/event.h"
#include "feed/session.h"
#include "os/backoff.h"

enum { SESSION_SENT_MAX = 8, SESSION_WHY_MAX = 199 };

#define SESSION_NEVER INT64_MAX

enum conn_state {
	CONN_IDLE,
	CONN_WAITING, /* to be opened at due_ns */
	CONN_CONNECTING,
	CONN_SUBSCRIBING, /* open; not all data came yet */
	CONN_LIVE,
	CONN_CLOSING, /* ended by us; the socket is not free yet */
	CONN_STATES
};

/* The subscribe message that waits for its answer: one at a time, so that a refusal
 * is known to mean it even where the venue names no id. */
struct conn_ask {
	size_t count; /* topics; 0: none is under way */
	uint64_t id;
	int64_t deadline_ns;
};

struct conn {
	struct session *session;
	struct ws_client *ws;
	struct ws_events events;
	enum conn_state state;
	int64_t since_ns; /* of the state */
	int64_t due_ns;   /* WAITING */

	/* What the socket said and step has not looked at. */
	bool opened, closed;
	int close_code;
	char close_reason[96];

	/* While it is open. */
	int64_t opened_ns;
	int64_t old_ns;                   /* to be replaced from then on */
	int64_t heard_ns;                 /* the last message of any kind */
	int64_t ping_ns;                  /* the next one of ours */
	int64_t healthy_ns;               /* LIVE and no class silent since; 0: not */
	int64_t class_ns[STREAM_CLASSES]; /* last data; 0: none yet */
	uint32_t silent;                  /* classes past their deadline */
	bool is_shutdown;                 /* the venue said so */
	bool is_tried;                    /* to be replaced for its age or its shutdown */
	bool is_told;                     /* on_live was called */

	int64_t sent_ns[SESSION_SENT_MAX]; /* ring of the last messages we sent */
	uint64_t n_sent;

	struct conn_ask ask;
	size_t asked;                    /* topics before this one are answered */
	size_t alone_to;                 /* topics before this one are asked for alone */
	int64_t asked_ns;                /* the last progress of subscribing */
	size_t accepted[STREAM_CLASSES]; /* topics less those refused */
};

struct session {
	struct session_config config;
	const struct wire *wire;
	struct conn conns[2];
	size_t current; /* the other one is the next */
	struct timer timer;
	struct rng rng;
	struct backoff again; /* what broke */
	struct backoff quiet; /* what is open and silent */
	int64_t penalty_ns;   /* no attempt before, by the venue's wish */
	bool is_open, is_paused, has_moved;
	int64_t paused_ns;
	uint32_t fed; /* classes given since the last interruption of each */
	int64_t last_ns[STREAM_CLASSES];
	uint64_t next_id;
	struct session_counts counts;
	char why[SESSION_WHY_MAX + 1];
	char out[PLAN_MESSAGE_MAX + 64];
};

static inline int64_t session_now_ns(const struct session *session)
{
	return clock_monotonic_ns(session->config.clock);
}

/* A wait of the real world as long as this session's patience makes it. */
static inline int64_t session_patient_ns(const struct session *session, int64_t ms)
{
	return ms * 1000 * session->config.patience;
}

static inline struct conn *session_current(struct session *session)
{
	return &session->conns[session->current];
}

static inline struct conn *conn_other(struct conn *conn)
{
	return &conn->session->conns[conn == &conn->session->conns[0]];
}

static inline bool conn_is_open(const struct conn *conn)
{
	return conn->state == CONN_SUBSCRIBING || conn->state == CONN_LIVE;
}

/* ---- session.c ---- */
/* One line for the log; of a warning also the answer to why it is not live. */
void session_tell(struct session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void session_warn(struct session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- session_conn.c ---- */
void session_step(struct session *session);
/* The next one, if it waits, is not to wait longer than this to replace conn. */
void conn_hasten(struct conn *conn, int64_t due_ns);

/* ---- session_watch.c ---- */
void conn_watch_begin(struct conn *conn, int64_t now_ns);
/* What the mask of on_frame's events says of classes; true: step has to look. */
bool conn_watch_frame(struct conn *conn, uint32_t events, int64_t now_ns);
/* Classes whose deadline has passed become silent; returns those that just did. */
uint32_t conn_watch_silence(struct conn *conn, int64_t now_ns);
/* Classes that were asked for and do not come, as far as is known. */
uint32_t conn_lacking(const struct conn *conn);
uint32_t conn_flowing(const struct conn *conn); /* the others; none when it is not open */
bool conn_is_mute(const struct conn *conn);     /* nothing comes that should */
bool conn_is_refused(const struct conn *conn);  /* every topic was */
/* Every topic is answered, one at least with yes, and nothing is lacking. */
bool conn_is_complete(const struct conn *conn);
/* Nothing at all was heard, and our pings go unanswered. */
bool conn_is_dead(const struct conn *conn, int64_t now_ns);
int64_t conn_deadline_ns(const struct conn *conn);   /* when to look again */
void conn_watch_skip(struct conn *conn, int64_t ns); /* time that did not count */
/* "trades, mark" */
void classes_print(struct buf *buf, uint32_t classes);

/* ---- session_ask.c ---- */
void conn_ask_begin(struct conn *conn);
/* Sends what is due and the venue's message rate allows. */
void conn_ask_step(struct conn *conn, int64_t now_ns);
/* A frame that is an answer, or that the decoder does not know (events is on_frame's
 * mask); true: step has to look. */
bool conn_take_answer(struct conn *conn, struct str frame, uint32_t events, int64_t now_ns);
int64_t conn_ask_deadline_ns(const struct conn *conn);
