#include <stdio.h>

#include "base/check.h"
#include "gate/gate_impl.h"

/* ---- time ---- */

void gate_turn(struct gate *gate)
{
	int64_t now = gate_now(gate);
	if (now == gate->turn_ns)
		return;
	gate->turn_ns = now;
	if (gate->hooks.on_turn)
		gate->hooks.on_turn(gate->hooks.ctx);
	else
		fleet_step(gate->fleet, now, gate_wall_ms(gate));
}

static void arm(struct gate_session *session, int64_t at_ns)
{
	struct gate *gate = session->gate;
	timers_arm(gate->alarms, &session->timer, at_ns);
	int64_t next = timers_next_ns(gate->alarms);
	if (!gate->alarm.slot || gate->alarm.deadline_ns > next)
		timers_arm(gate->timers, &gate->alarm, next);
}

void gate_on_alarm(void *ctx)
{
	struct gate *gate = ctx;
	gate_turn(gate);
	timers_run(gate->alarms, gate_now(gate), gate->session_count);
	int64_t next = timers_next_ns(gate->alarms);
	if (next != INT64_MAX)
		timers_arm(gate->timers, &gate->alarm, next);
}

static int64_t silent_at(const struct gate_session *session)
{
	return session->heard_ns + session->gate->config.dead_ms * 1000000;
}

/* When a LIVE one is looked at next. */
static int64_t next_of(const struct gate_session *session)
{
	int64_t next = session->second_ns;
	int64_t probe = session->sent_ns + session->gate->config.probe_ns;
	if (probe < next)
		next = probe;
	return silent_at(session) < next ? silent_at(session) : next;
}

static void look(struct gate_session *session, int64_t now)
{
	struct gate *gate = session->gate;
	if (now >= silent_at(session)) {
		gate->counts.silent++;
		gate_note(gate, session, "is silent");
		gate_session_end(session);
		return;
	}
	if (now >= session->second_ns) {
		session->second_ns = now + GATE_SECOND;
		if (session->agent)
			gate_agent_look(session);
		else
			gate_observe(session);
	}
	if (session->state == GATE_LIVE && now - session->sent_ns >= gate->config.probe_ns)
		gate_send_probe(session);
	if (session->state == GATE_LIVE)
		arm(session, next_of(session));
}

static void on_timer(void *ctx)
{
	struct gate_session *session = ctx;
	struct gate *gate = session->gate;
	if (session->state == GATE_LIVE) {
		look(session, gate_now(gate));
	} else if (session->state == GATE_CONNECTED) {
		gate->counts.no_hello++;
		gate_session_refuse(session, GATE_ERROR_AUTH, "no hello", -1);
	}
}

void gate_session_live(struct gate_session *session)
{
	CHECK(session->state == GATE_CONNECTED);
	session->state = GATE_LIVE;
	session->owes_gone = true;
	session->second_ns = gate_now(session->gate) + GATE_SECOND;
	explicit_bzero(session->nonce, sizeof session->nonce); /* it was used */
	arm(session, next_of(session));
}

/* ---- the end ---- */

static void leave_lease(struct gate_session *session)
{
	struct gate *gate = session->gate;
	struct gate_session **link = &gate->leases[session->lease & gate->lease_mask];
	while (*link != session)
		link = &(*link)->lease_next;
	*link = session->lease_next;
}

static void leave_indexes(struct gate_session *session)
{
	struct gate *gate = session->gate;
	gate_acks_drop(session);
	gate_link_add(&gate->leaving, &session->leaving);
	if (session->agent) {
		gate->counts.agents--;
		gate_agent_left(session);
		return;
	}
	struct gate_terminal *terminal = &gate->terminals[session->slot];
	CHECK(terminal->session == session && !terminal->leaving);
	terminal->session = NULL;
	terminal->leaving = session;
	leave_lease(session);
	gate->counts.live--;
}

void gate_session_end(struct gate_session *session)
{
	struct gate *gate = session->gate;
	enum gate_state from = session->state;
	CHECK(from != GATE_FREE);
	if (from == GATE_CLOSING)
		return;
	session->state = GATE_CLOSING;
	timers_cancel(gate->alarms, &session->timer);
	if (from == GATE_LIVE) {
		leave_indexes(session);
		if (!gate->settle.slot)
			timers_arm(gate->timers, &gate->settle, gate_now(gate));
	}
	if (session->conn)
		session->conn->ops->close(session->conn);
}

/* weir's own end is no fault of a terminal: the fleet does not hear of it. */
static void tell_gone(struct gate_session *session)
{
	struct gate *gate = session->gate;
	if (session->agent) {
		if (!gate->stopped)
			fleet_agent(gate->fleet,
				    str_of(fleet_host_at(gate->fleet, session->host)->name), false);
		return;
	}
	if (!gate->stopped) {
		gate_observe_gone(gate, session->slot);
		fleet_closed(gate->fleet, session->slot);
	}
	gate->hooks.on_gone(gate->hooks.ctx, fleet_at(gate->fleet, session->slot));
}

void gate_session_settle(struct gate_session *session)
{
	if (!session->owes_gone)
		return;
	CHECK(session->state == GATE_CLOSING);
	session->owes_gone = false;
	gate_link_take(&session->leaving);
	if (!session->agent)
		session->gate->terminals[session->slot].leaving = NULL;
	tell_gone(session);
}

void gate_on_settle(void *ctx)
{
	struct gate *gate = ctx;
	gate_turn(gate);
	while (!gate_link_alone(&gate->leaving))
		gate_session_settle(GATE_OF_LINK(gate->leaving.next, leaving));
}

void gate_session_refuse(struct gate_session *session, enum gate_error code, const char *why,
			 int64_t retry_ms)
{
	gate_note(session->gate, session, why);
	gate_send_error(session, code, why, retry_ms);
	gate_session_end(session);
}

/* ---- what the connection tells ---- */

static struct gate_session *take(struct gate *gate, struct line_conn *conn)
{
	struct gate_session *session = gate->free;
	int64_t now = gate_now(gate);
	if (!session)
		return NULL;
	gate->free = session->next;
	gate->open++;
	*session = (struct gate_session){
		.gate = gate,
		.conn = conn,
		.state = GATE_CONNECTED,
		.slot = FLEET_NONE,
		.host = FLEET_NONE,
		.number = ++gate->next_session,
		.opened_ns = now,
		.heard_ns = now,
		.sent_ns = now,
		.timer = { .fn = on_timer, .ctx = session },
	};
	gate_link_init(&session->acks);
	gate_link_init(&session->leaving);
	gate_link_init(&session->agents);
	return session;
}

void *gate_on_open(void *ctx, struct line_conn *conn)
{
	struct gate *gate = ctx;
	struct gate_session *session = take(gate, conn);
	int64_t blocked_ns = gate_address_blocked(gate, conn->ops->peer(conn));
	if (!session) {
		gate->counts.busy++;
		return NULL;
	}
	if (gate->stopped || gate->open > gate->config.sessions_max) {
		gate->counts.busy++;
		gate_session_refuse(session, GATE_ERROR_BUSY, "no room", GATE_RETRY_BUSY_MS);
	} else if (blocked_ns) {
		gate->counts.blocked++;
		gate_session_refuse(session, GATE_ERROR_AUTH, "blocked",
				    (blocked_ns + 999999) / 1000000);
	} else {
		gate->counts.accepted++;
		arm(session, session->opened_ns + gate->config.hello_ns);
		gate_send_banner(session);
	}
	return session;
}

/* Time enough for FRAMES_BURST frames may be used ahead. */
static bool is_too_fast(struct gate_session *session, int64_t now)
{
	const int64_t each_ns = GATE_SECOND / GATE_FRAMES_RATE;
	if (session->rate_ns < now)
		session->rate_ns = now;
	session->rate_ns += each_ns;
	return session->rate_ns - now > GATE_FRAMES_BURST * each_ns;
}

static void refuse_line(struct gate_session *session, enum status status,
			const struct mfp_fault *fault)
{
	char why[64];
	struct gate *gate = session->gate;
	snprintf(why, sizeof why, "%s%s%s", fault->what, fault->key[0] ? ": " : "", fault->key);
	if (status == STATUS_UNSUPPORTED && session->state == GATE_LIVE) {
		gate->counts.bad_verb++;
		gate_send_error(session, GATE_ERROR_VERB, why, -1);
		return;
	}
	gate->counts.bad_frame++;
	gate_session_refuse(session, GATE_ERROR_FRAME, why, -1);
}

static void take_frame(struct gate_session *session, const struct mfp_frame *frame)
{
	static const struct mfp_fault not_here = { .what = "no such verb here" };
	struct gate *gate = session->gate;
	if (session->state == GATE_LIVE) {
		bool known = session->agent ? gate_agent_take_frame(session, frame)
					    : gate_take_frame(session, frame);
		if (!known)
			refuse_line(session, STATUS_UNSUPPORTED, &not_here);
	} else if (frame->verb == MFP_VERB_hello) {
		gate_take_hello(session, frame);
	} else {
		gate->counts.bad_frame++;
		gate_session_refuse(session, GATE_ERROR_FRAME, "a hello comes first", -1);
	}
}

void gate_on_line(void *conn_ctx, struct str line)
{
	struct gate_session *session = conn_ctx;
	struct gate *gate = session->gate;
	struct mfp_fault fault;
	int64_t now = gate_now(gate);
	if (session->state == GATE_CLOSING)
		return;
	gate->counts.frames++;
	gate->counts.bytes += line.len + 1;
	session->frames++;
	session->bytes += (uint32_t)line.len + 1;
	session->heard_ns = now;
	if (is_too_fast(session, now)) {
		gate->counts.too_fast++;
		gate_session_refuse(session, GATE_ERROR_RATE, "too many frames",
				    GATE_RETRY_BUSY_MS);
		return;
	}
	gate_turn(gate);
	if (session->state == GATE_CLOSING)
		return; /* the time that has passed ended it */
	enum status status = mfp_read(line, MFP_PEER, &gate->frame, &fault);
	if (status)
		refuse_line(session, status, &fault);
	else
		take_frame(session, &gate->frame);
}

/* Why the connection ended, where it was not the gate that ended it. */
static void count_end(struct gate_session *session, enum status why)
{
	struct gate *gate = session->gate;
	if (session->state == GATE_CLOSING)
		return;
	if (why == STATUS_RANGE) {
		gate->counts.too_long++;
		gate_note(gate, session, "sent a line that is too long");
	}
	if (why == STATUS_FULL)
		gate->counts.too_slow++;
}

void gate_on_close(void *conn_ctx, enum status why)
{
	struct gate_session *session = conn_ctx;
	struct gate *gate = session->gate;
	count_end(session, why);
	session->conn = NULL;
	gate_session_end(session);
	gate_turn(gate);
	gate_session_settle(session);
	session->state = GATE_FREE;
	session->next = gate->free;
	gate->free = session;
	gate->open--;
}
