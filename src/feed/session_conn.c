/* Which connection is opened, kept and replaced. */
#include <stdio.h>

#include "base/check.h"
#include "feed/session_impl.h"

enum {
	CONNECT_MS = 20000, /* the socket's own deadline is shorter */
	OVERLAP_MS = 2000,
	HEALTH_MS = 60000,
	SOUND_MS = 5000,
	PENALTY_MS = 60000,
	QUIET_ALL_MS = 60000,   /* at most between tries while nothing comes at all */
	QUIET_SOME_MS = 300000, /* and while something does: a market may just be quiet */
	ROUNDS_MAX = 32,
	LEAST_NS = 1000000, /* between two looks at the time */
};

static double seconds(int64_t ns) { return (double)ns / 1e9; }

/* ---- states ---- */

static const bool moves[CONN_STATES][CONN_STATES] = {
	[CONN_IDLE] = { [CONN_WAITING] = true },
	[CONN_WAITING] = { [CONN_CONNECTING] = true, [CONN_IDLE] = true },
	[CONN_CONNECTING] = { [CONN_SUBSCRIBING] = true,
			      [CONN_CLOSING] = true,
			      [CONN_IDLE] = true },
	[CONN_SUBSCRIBING] = { [CONN_LIVE] = true, [CONN_CLOSING] = true, [CONN_IDLE] = true },
	[CONN_LIVE] = { [CONN_CLOSING] = true, [CONN_IDLE] = true },
	[CONN_CLOSING] = { [CONN_IDLE] = true },
};

static void conn_move(struct conn *conn, enum conn_state to, int64_t now_ns)
{
	CHECK(moves[conn->state][to]);
	conn->state = to;
	conn->since_ns = now_ns;
	conn->session->has_moved = true;
}

static bool is_current(const struct conn *conn)
{
	return conn == &conn->session->conns[conn->session->current];
}

/* Of whom a line for people speaks. */
static const char *who(const struct conn *conn)
{
	return is_current(conn) ? "" : "the next connection: ";
}

static bool wants_next(const struct conn *conn, int64_t now_ns)
{
	return conn_is_open(conn) && (conn->is_shutdown || conn->silent || now_ns >= conn->old_ns ||
				      conn_is_refused(conn));
}

static bool is_wanted(struct conn *conn, int64_t now_ns)
{
	return is_current(conn) || wants_next(conn_other(conn), now_ns);
}

/* ---- what the owner is told ---- */

/* Nothing of these classes comes by this connection any more: who has been given them
 * is told, unless the other connection brings them. */
static void conn_lose(struct conn *conn, uint32_t classes)
{
	struct session *session = conn->session;
	uint32_t lost = session->fed & classes & ~conn_flowing(conn_other(conn));
	if (!lost)
		return;
	session->fed &= ~lost;
	session->counts.interruptions++;
	session->config.hooks.on_interrupted(session->config.hooks.ctx, session,
					     lost >> STREAM_TRADES & 1);
}

static void conn_tell_live(struct conn *conn)
{
	struct session *session = conn->session;
	if (conn->is_told)
		return;
	conn->is_told = true;
	session->config.hooks.on_live(session->config.hooks.ctx, session);
}

/* ---- waiting ---- */

/* A time of health ends; one of a minute lets the back-offs start over. */
static void conn_forgive(struct conn *conn, int64_t now_ns)
{
	struct session *session = conn->session;
	if (conn->healthy_ns &&
	    now_ns - conn->healthy_ns >= session_patient_ns(session, HEALTH_MS)) {
		backoff_reset(&session->again);
		backoff_reset(&session->quiet);
	}
}

/* The first time at once, then after waits that grow. */
static int64_t grow(struct backoff *backoff, struct rng *rng)
{
	if (backoff->ceiling_ns)
		return backoff_next_ns(backoff, rng);
	backoff->ceiling_ns = backoff->first_ns;
	return 0;
}

/* LIVE with nothing silent, and not only just. */
static bool conn_is_sound(const struct conn *conn, int64_t now_ns)
{
	return conn->healthy_ns &&
	       now_ns - conn->healthy_ns >= session_patient_ns(conn->session, SOUND_MS);
}

static int64_t wait_ns(struct conn *conn, int64_t now_ns)
{
	struct session *session = conn->session;
	struct conn *current = session_current(session);
	if (conn == current)
		return session->counts.attempts ? backoff_next_ns(&session->again, &session->rng)
						: 0;
	if (current->silent || conn_is_refused(current)) {
		session->quiet.longest_ns = session_patient_ns(
		    session, conn_is_mute(current) ? QUIET_ALL_MS : QUIET_SOME_MS);
		return grow(&session->quiet, &session->rng);
	}
	bool first = !current->is_tried;
	if (first)
		conn_forgive(current, now_ns);
	current->is_tried = true;
	/* A venue that ends what was sound is followed at once, whatever the waits of an
	 * earlier trouble have grown to: nothing but this one stands between it and a gap. */
	if (first && conn_is_sound(current, now_ns))
		return 0;
	return grow(&session->again, &session->rng);
}

/* A penalty may have come since the wait began. */
static int64_t attempt_ns(const struct conn *conn)
{
	int64_t penalty_ns = conn->session->penalty_ns;
	return conn->due_ns > penalty_ns ? conn->due_ns : penalty_ns;
}

static void conn_wait(struct conn *conn, int64_t now_ns)
{
	struct session *session = conn->session;
	int64_t from_ns = now_ns > session->penalty_ns ? now_ns : session->penalty_ns;
	conn->due_ns = from_ns + wait_ns(conn, now_ns);
	conn_move(conn, CONN_WAITING, now_ns);
	if (is_current(conn) && session->counts.attempts) {
		size_t len = strlen(session->why);
		snprintf(session->why + len, sizeof session->why - len, "; next try in %.1f s",
			 seconds(conn->due_ns - now_ns));
	}
}

void conn_hasten(struct conn *conn, int64_t due_ns)
{
	struct conn *next = conn_other(conn);
	if (is_current(conn) && next->state == CONN_WAITING && due_ns < next->due_ns)
		next->due_ns = due_ns;
}

/* ---- beginning ---- */

static void conn_connect(struct conn *conn, int64_t now_ns)
{
	struct session *session = conn->session;
	int64_t again_ns = connect_gate_try(session->config.gate, now_ns);
	if (again_ns) {
		conn->due_ns = again_ns;
		session_warn(session, "as many attempts as the venue allows: next try in %.1f s",
			     seconds(again_ns - now_ns));
		return;
	}
	session->counts.attempts++;
	conn->opened = conn->closed = false;
	conn_move(conn, CONN_CONNECTING, now_ns);
	enum status status =
	    conn->ws->ops->open(conn->ws, session->config.plan->url, &conn->events);
	if (status) {
		session->counts.failed++;
		session_warn(session, "%scannot connect: %s", who(conn), status_text(status));
		conn_move(conn, CONN_IDLE, now_ns);
	}
}

static void conn_begin(struct conn *conn, int64_t now_ns)
{
	struct session *session = conn->session;
	session->counts.opened++;
	conn_watch_begin(conn, now_ns);
	conn_ask_begin(conn);
	conn->is_shutdown = conn->is_tried = conn->is_told = false;
	conn_move(conn, CONN_SUBSCRIBING, now_ns);
	if (is_current(conn))
		snprintf(session->why, sizeof session->why, "open, no data yet");
	if (session->is_paused)
		conn->ws->ops->pause(conn->ws, true);
}

static void conn_live(struct conn *conn, int64_t now_ns)
{
	struct session *session = conn->session;
	conn_move(conn, CONN_LIVE, now_ns);
	conn->healthy_ns = now_ns;
	session_tell(session, "%slive, %.1f s after it was opened", who(conn),
		     seconds(now_ns - conn->opened_ns));
	conn_tell_live(conn);
}

/* ---- ending ---- */

/* What an end that we did not want counts as. */
static uint64_t *count_of_end(struct conn *conn)
{
	struct session_counts *counts = &conn->session->counts;
	if (!conn_is_open(conn) || !is_current(conn))
		return &counts->failed;
	return conn_other(conn)->state == CONN_LIVE ? &counts->replaced : &counts->broken;
}

static void conn_end(struct conn *conn, enum conn_state to, uint64_t *count, int64_t now_ns)
{
	++*count;
	conn_forgive(conn, now_ns);
	if (conn_is_open(conn))
		conn_lose(conn, UINT32_MAX);
	conn->healthy_ns = 0;
	if (to == CONN_CLOSING)
		conn->ws->ops->close(conn->ws);
	conn_move(conn, to, now_ns);
}

/* The venue does not want to be asked again soon. */
static bool is_penalty(const struct conn *conn)
{
	return conn->close_code == 1008 || strstr(conn->close_reason, "HTTP 429") ||
	       strstr(conn->close_reason, "HTTP 418") || strstr(conn->close_reason, "HTTP 403");
}

static void conn_closed(struct conn *conn, int64_t now_ns)
{
	struct session *session = conn->session;
	conn->closed = false;
	if (conn->state == CONN_CLOSING)
		return conn_move(conn, CONN_IDLE, now_ns);
	if (is_penalty(conn))
		session->penalty_ns = now_ns + session_patient_ns(session, PENALTY_MS);
	session_warn(session, "%s%s (%d%s%s)", who(conn),
		     conn->state == CONN_CONNECTING ? "cannot connect" : "closed", conn->close_code,
		     conn->close_reason[0] ? ": " : "", conn->close_reason);
	conn_end(conn, CONN_IDLE, count_of_end(conn), now_ns);
}

/* ---- while it is open ---- */

static void warn_silence(struct conn *conn, uint32_t classes, const char *what)
{
	char text[96];
	struct buf out = buf_over(text, sizeof text - 1);
	classes_print(&out, classes);
	text[out.len] = 0;
	session_warn(conn->session, "%s%s: %s", who(conn), what, text);
}

static void conn_fell_silent(struct conn *conn, uint32_t classes, int64_t now_ns)
{
	struct session_counts *counts = &conn->session->counts;
	uint32_t never = 0;
	for (unsigned i = 0; i < STREAM_CLASSES; i++)
		never |= (uint32_t)(conn->class_ns[i] == 0) << i;
	/* Worse than what the next try waits for: that wait may have grown long. */
	if (__builtin_ctz(classes) == __builtin_ctz(conn->silent))
		conn_hasten(conn, now_ns + conn->session->quiet.first_ns);
	conn_forgive(conn, now_ns);
	conn->healthy_ns = 0;
	counts->first_data_missed += (classes & never) != 0;
	counts->stale += (uint64_t)__builtin_popcount(classes & ~never);
	if (classes & never)
		warn_silence(conn, classes & never, "subscribed, and nothing came");
	if (classes & ~never)
		warn_silence(conn, classes & ~never, "nothing comes any more");
	conn_lose(conn, classes);
}

/* The most important class that is lacking; the later, the better. */
static int rank(const struct conn *conn)
{
	uint32_t lacking = conn_lacking(conn);
	if (conn_is_refused(conn))
		return -1;
	return lacking ? __builtin_ctz(lacking) : STREAM_CLASSES;
}

/* Something is silent or refused on a connection that was to replace the current one, or that is
 * the current one and has not become live: it is taken for what it brings. */
static void conn_judge(struct conn *conn, int64_t now_ns)
{
	struct session_counts *counts = &conn->session->counts;
	struct conn *other = conn_other(conn);
	if (!is_current(conn) && rank(conn) <= rank(other)) {
		conn_end(conn, CONN_CLOSING, &counts->failed, now_ns);
		return;
	}
	if (!is_current(conn))
		conn_end(other, CONN_CLOSING, &counts->replaced, now_ns);
	if (conn_flowing(conn) & conn->session->fed)
		conn_tell_live(conn);
}

static void conn_run(struct conn *conn, int64_t now_ns)
{
	struct session *session = conn->session;
	conn_ask_step(conn, now_ns);
	uint32_t silent = conn_watch_silence(conn, now_ns);
	if (silent)
		conn_fell_silent(conn, silent, now_ns);
	if (conn_is_dead(conn, now_ns)) {
		session_warn(session, "%sno answer to pings for %.1f s", who(conn),
			     seconds(now_ns - conn->heard_ns));
		conn_end(conn, CONN_CLOSING, count_of_end(conn), now_ns);
	} else if (conn->state == CONN_SUBSCRIBING && conn_is_complete(conn)) {
		conn_live(conn, now_ns);
	} else if (conn->state == CONN_SUBSCRIBING && (silent || conn_is_refused(conn))) {
		conn_judge(conn, now_ns);
	}
}

static int64_t overlap_end_ns(const struct conn *conn)
{
	return conn->since_ns + session_patient_ns(conn->session, OVERLAP_MS);
}

static int64_t connect_end_ns(const struct conn *conn)
{
	return conn->since_ns + session_patient_ns(conn->session, CONNECT_MS);
}

static bool has_overlapped(struct conn *conn, int64_t now_ns)
{
	CHECK(is_current(conn) || conn_is_open(conn_other(conn)));
	return conn->state == CONN_LIVE && !is_current(conn) && now_ns >= overlap_end_ns(conn);
}

static void conn_step(struct conn *conn, int64_t now_ns)
{
	switch (conn->state) {
	case CONN_IDLE:
		if (is_wanted(conn, now_ns))
			conn_wait(conn, now_ns);
		break;
	case CONN_WAITING:
		if (!is_wanted(conn, now_ns))
			conn_move(conn, CONN_IDLE, now_ns);
		else if (now_ns >= attempt_ns(conn))
			conn_connect(conn, now_ns);
		break;
	case CONN_CONNECTING:
		if (conn->closed) {
			conn_closed(conn, now_ns);
		} else if (conn->opened) {
			conn_begin(conn, now_ns);
		} else if (now_ns >= connect_end_ns(conn)) {
			session_warn(conn->session, "%scannot connect: no answer", who(conn));
			conn_end(conn, CONN_CLOSING, count_of_end(conn), now_ns);
		}
		break;
	case CONN_SUBSCRIBING:
	case CONN_LIVE:
		if (conn->closed)
			conn_closed(conn, now_ns);
		else if (has_overlapped(conn, now_ns))
			conn_end(conn_other(conn), CONN_CLOSING, &conn->session->counts.replaced,
				 now_ns);
		else
			conn_run(conn, now_ns);
		break;
	case CONN_CLOSING:
		if (conn->closed)
			conn_closed(conn, now_ns);
		break;
	case CONN_STATES: CHECK(!"a state");
	}
}

/* ---- the two of them ---- */

/* The current one is gone: the other one takes its place, whatever it has come to. So
 * where the next one is open, the current one is. */
static void settle_roles(struct session *session, int64_t now_ns)
{
	struct conn *current = session_current(session), *next = conn_other(current);
	bool is_gone = current->state == CONN_IDLE || current->state == CONN_CLOSING;
	bool is_waiting = next->state == CONN_IDLE || next->state == CONN_WAITING;
	bool has_next = next->state == CONN_CONNECTING || conn_is_open(next);
	if (!is_gone || !(has_next || (is_waiting && current->state == CONN_CLOSING)))
		return;
	if (next->state == CONN_WAITING)
		conn_move(next, CONN_IDLE, now_ns); /* it waits for other reasons now */
	session->current ^= 1;
	session->has_moved = true;
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t next_look_ns(struct conn *conn)
{
	int64_t next_ns = SESSION_NEVER;
	switch (conn->state) {
	case CONN_WAITING: return attempt_ns(conn);
	case CONN_CONNECTING: return connect_end_ns(conn);
	case CONN_SUBSCRIBING:
	case CONN_LIVE:
		next_ns = conn_deadline_ns(conn);
		if (is_current(conn) && conn_other(conn)->state == CONN_IDLE)
			next_ns = earlier(next_ns, conn->old_ns);
		if (!is_current(conn) && conn->state == CONN_LIVE)
			next_ns = earlier(next_ns, overlap_end_ns(conn));
		return next_ns;
	case CONN_IDLE:
	case CONN_CLOSING:
	case CONN_STATES: break;
	}
	return next_ns;
}

void session_step(struct session *session)
{
	int64_t now_ns = session_now_ns(session);
	session->has_moved = true;
	for (int round = 0; session->has_moved; round++) {
		CHECK(round < ROUNDS_MAX);
		session->has_moved = false;
		for (size_t i = 0; i < ARRAY_LEN(session->conns); i++) {
			conn_step(&session->conns[i], now_ns);
			settle_roles(session, now_ns);
		}
	}
	int64_t next_ns =
	    earlier(next_look_ns(&session->conns[0]), next_look_ns(&session->conns[1]));
	/* A socket that refuses to send would have us look all the time. */
	if (next_ns < now_ns + LEAST_NS)
		next_ns = now_ns + LEAST_NS;
	timers_arm(session->config.timers, &session->timer, next_ns);
}
