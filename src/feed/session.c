#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "feed/session_impl.h"

enum { AGAIN_FIRST_MS = 250, AGAIN_LONGEST_MS = 60000, QUIET_FIRST_MS = 5000 };

/* ---- words ---- */

void session_tell(struct session *session, const char *format, ...)
{
	char line[SESSION_WHY_MAX + 1];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	session->config.hooks.on_note(session->config.hooks.ctx, session, false, line);
}

void session_warn(struct session *session, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(session->why, sizeof session->why, format, args);
	va_end(args);
	session->config.hooks.on_note(session->config.hooks.ctx, session, true, session->why);
}

/* ---- what the sockets say ---- */

static void on_open(void *ctx)
{
	struct conn *conn = ctx;
	conn->opened = true;
	session_step(conn->session);
}

static void on_message(void *ctx, struct str message, int64_t received_ns)
{
	struct conn *conn = ctx;
	struct session *session = conn->session;
	if (!conn_is_open(conn))
		return; /* given up: it counts as ended, whatever it says now */
	int64_t now_ns = session_now_ns(session);
	session->counts.frames++;
	conn->heard_ns = now_ns;
	uint32_t events = session->config.hooks.on_frame(session->config.hooks.ctx, session,
							 message, received_ns);
	bool is_news = conn_watch_frame(conn, events, now_ns);
	if (events & (1u << EVENT_ACK | 1u << EVENT_UNKNOWN))
		is_news |= conn_take_answer(conn, message, events, now_ns);
	if (is_news)
		session_step(session);
}

static void on_close(void *ctx, int code, struct str reason)
{
	struct conn *conn = ctx;
	conn->closed = true;
	conn->close_code = code;
	if (reason.len >= sizeof conn->close_reason)
		reason.len = sizeof conn->close_reason - 1;
	memcpy(conn->close_reason, reason.len ? reason.ptr : "", reason.len);
	conn->close_reason[reason.len] = 0;
	session_step(conn->session);
}

static void on_timer(void *ctx) { session_step(ctx); }

/* ---- life ---- */

static bool conn_init(struct conn *conn, struct session *session)
{
	conn->session = session;
	conn->events = (struct ws_events){ on_open, on_message, on_close, conn };
	conn->ws = session->config.maker.create(session->config.maker.ctx);
	return conn->ws != NULL;
}

struct session *session_create(const struct session_config *config)
{
	struct session *session = calloc(1, sizeof *session);
	if (!session)
		return NULL;
	CHECK(config->patience > 0 && config->plan->n_topics > 0);
	session->config = *config;
	session->wire = wire_of(config->plan->venue, config->plan->kind);
	session->timer = (struct timer){ .fn = on_timer, .ctx = session };
	rng_init(&session->rng, config->seed);
	session->again.first_ns = session_patient_ns(session, AGAIN_FIRST_MS);
	session->again.longest_ns = session_patient_ns(session, AGAIN_LONGEST_MS);
	session->quiet.first_ns = session_patient_ns(session, QUIET_FIRST_MS);
	if (!conn_init(&session->conns[0], session) || !conn_init(&session->conns[1], session)) {
		session_destroy(session);
		return NULL;
	}
	return session;
}

void session_destroy(struct session *session)
{
	if (!session)
		return;
	timers_cancel(session->config.timers, &session->timer);
	for (size_t i = 0; i < ARRAY_LEN(session->conns); i++)
		if (session->conns[i].ws)
			session->config.maker.destroy(session->config.maker.ctx,
						      session->conns[i].ws);
	free(session);
}

/* From the timer: hooks do not run inside a call of the owner. */
static void step_soon(struct session *session)
{
	timers_arm(session->config.timers, &session->timer, session_now_ns(session));
}

void session_open(struct session *session)
{
	CHECK(!session->is_open);
	session->is_open = true;
	snprintf(session->why, sizeof session->why, "connecting");
	step_soon(session);
}

/* What could not be heard while it was paused is not held against the connection. */
static void skip_pause(struct session *session, struct conn *conn)
{
	int64_t from_ns =
	    conn->opened_ns > session->paused_ns ? conn->opened_ns : session->paused_ns;
	conn_watch_skip(conn, session_now_ns(session) - from_ns);
}

void session_pause(struct session *session, bool paused)
{
	if (session->is_paused == paused)
		return;
	session->is_paused = paused;
	if (paused)
		session->paused_ns = session_now_ns(session);
	for (size_t i = 0; i < ARRAY_LEN(session->conns); i++) {
		struct conn *conn = &session->conns[i];
		if (!conn_is_open(conn))
			continue;
		if (!paused)
			skip_pause(session, conn);
		conn->ws->ops->pause(conn->ws, paused);
	}
	if (session->is_open)
		step_soon(session);
}

/* ---- what others see ---- */

const struct plan_connection *session_plan(const struct session *session)
{
	return session->config.plan;
}

static enum session_state state_of(const struct conn *conn)
{
	switch (conn->state) {
	case CONN_CONNECTING: return SESSION_CONNECTING;
	case CONN_SUBSCRIBING: return SESSION_SUBSCRIBING;
	case CONN_LIVE: return SESSION_LIVE;
	case CONN_IDLE:
	case CONN_WAITING:
	case CONN_CLOSING:
	case CONN_STATES: break;
	}
	return SESSION_WAITING;
}

enum session_state session_state(const struct session *session)
{
	if (!session->is_open)
		return SESSION_CLOSED;
	enum session_state a = state_of(&session->conns[0]), b = state_of(&session->conns[1]);
	return a > b ? a : b;
}

const char *session_state_text(enum session_state state)
{
	static const char *const texts[] = { [SESSION_WAITING] = "waiting",
					     [SESSION_CONNECTING] = "connecting",
					     [SESSION_SUBSCRIBING] = "subscribing",
					     [SESSION_LIVE] = "live",
					     [SESSION_CLOSED] = "closed" };
	CHECK((unsigned)state < ARRAY_LEN(texts));
	return texts[state];
}

const struct session_counts *session_counts(const struct session *session)
{
	return &session->counts;
}

int64_t session_last_ns(const struct session *session, enum stream_class class)
{
	CHECK((unsigned)class < STREAM_CLASSES);
	return session->last_ns[class];
}

int64_t session_open_since_ns(const struct session *session)
{
	const struct conn *conn = &session->conns[session->current];
	return conn_is_open(conn) ? conn->opened_ns : 0;
}

const char *session_why(const struct session *session)
{
	return session_state(session) == SESSION_LIVE ? "" : session->why;
}
