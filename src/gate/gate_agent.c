#include "base/check.h"
#include "gate/gate_impl.h"

struct gate_session *gate_agent_of(const struct gate *gate, uint32_t host)
{
	for (struct gate_link *link = gate->agents.next; link != &gate->agents; link = link->next) {
		struct gate_session *session = GATE_OF_LINK(link, agents);
		if (session->host == host)
			return session;
	}
	return NULL;
}

void gate_agent_left(struct gate_session *session) { gate_link_take(&session->agents); }

/* ---- welcome ---- */

/* The fleet keeps no SUSPECT of agents: one that does not even answer probes is replaced. */
static bool is_silent(const struct gate_session *session)
{
	const struct gate *gate = session->gate;
	return gate_now(gate) - session->heard_ns > gate->config.dead_ms * 1000000 / 2;
}

static bool may_come(struct gate *gate, struct str name)
{
	uint32_t host = fleet_host_find(gate->fleet, name);
	struct gate_session *older = host == FLEET_NONE ? NULL : gate_agent_of(gate, host);
	if (!older)
		return true;
	if (!is_silent(older))
		return false;
	gate_session_end(older);
	gate_session_settle(older);
	return true;
}

static void send_welcome(struct gate_session *session)
{
	struct gate *gate = session->gate;
	struct gate_line line;
	gate_line_begin(gate, &line, MFP_VERB_welcome, 0);
	mfp_put_i64(&line.writer, MFP_welcome_ses, (int64_t)session->number);
	mfp_put_i64(&line.writer, MFP_welcome_up, 0);
	mfp_put_i64(&line.writer, MFP_welcome_ld, 0);
	mfp_put_i64(&line.writer, MFP_welcome_lsv, 0);
	mfp_put_i64(&line.writer, MFP_welcome_snap, 0);
	mfp_put_i64(&line.writer, MFP_welcome_si, gate->config.state_ms);
	mfp_put_i64(&line.writer, MFP_welcome_ai, gate->config.account_ms);
	mfp_put_i64(&line.writer, MFP_welcome_rate, 0);
	mfp_put_i64(&line.writer, MFP_welcome_t, gate_wall_ms(gate));
	(void)!gate_line_send(session, &line);
}

static bool is_of_host(const struct gate *gate, uint32_t slot, uint32_t host)
{
	const struct instance *instance = fleet_at(gate->fleet, slot);
	return instance && instance->host == host;
}

void gate_agent_welcome(struct gate_session *session, const struct mfp_frame *hello)
{
	struct gate *gate = session->gate;
	struct str name = mfp_raw(hello, MFP_hello_id);
	uint64_t down = (uint64_t)mfp_i64(hello, MFP_hello_dn, 0);
	if (!may_come(gate, name)) {
		gate->counts.lease++;
		gate_session_refuse(session, GATE_ERROR_LEASE, "the host has an agent",
				    GATE_RETRY_LEASE_MS);
		return;
	}
	fleet_agent(gate->fleet, name, true);
	session->host = fleet_host_find(gate->fleet, name);
	if (session->host == FLEET_NONE) {
		gate->counts.busy++;
		gate_session_refuse(session, GATE_ERROR_BUSY, "no room for the host",
				    GATE_RETRY_BUSY_MS);
		return;
	}
	session->agent = true;
	gate_link_add(&gate->agents, &session->agents);
	gate->counts.agents++;
	gate_session_live(session);
	send_welcome(session);
	for (uint32_t slot = 0; slot < gate->room; slot++) {
		if (!gate->terminals[slot].command_count || !is_of_host(gate, slot, session->host))
			continue;
		gate_commands_expire(gate, &gate->terminals[slot]);
		gate_commands_handled(gate, slot, true, down);
		gate_commands_send(gate, slot, true, true);
	}
}

void gate_agent_look(struct gate_session *session)
{
	struct gate *gate = session->gate;
	for (uint32_t slot = 0; slot < gate->room; slot++) {
		if (!gate->terminals[slot].command_count || !is_of_host(gate, slot, session->host))
			continue;
		gate_commands_expire(gate, &gate->terminals[slot]);
		gate_commands_send(gate, slot, true, false);
	}
}

/* ---- M, Y ---- */

/* A terminal whose host is not known belongs to the host that knows it. */
static void on_host(struct gate_session *session, const struct mfp_frame *frame)
{
	struct gate *gate = session->gate;
	uint32_t slot = fleet_find(gate->fleet, mfp_raw(frame, MFP_host_id));
	const struct instance *instance = slot == FLEET_NONE ? NULL : fleet_at(gate->fleet, slot);
	struct str named = mfp_raw(frame, MFP_host_host);
	struct str host = str_of(fleet_host_at(gate->fleet, session->host)->name);
	bool ours = instance && (instance->host == session->host || instance->host == FLEET_NONE) &&
		    (!named.len || str_eq(named, host));
	if (ours)
		fleet_host_frame(gate->fleet, slot, frame);
	else
		gate->counts.foreign++;
}

static void on_ack(struct gate_session *session, const struct mfp_frame *frame)
{
	struct gate *gate = session->gate;
	if (frame->seq <= session->agent_up) {
		gate->counts.repeated++;
	} else {
		session->agent_up = frame->seq;
		for (uint32_t slot = 0; slot < gate->room; slot++)
			if (gate->terminals[slot].command_count)
				gate_commands_answered(gate, slot, true, frame);
	}
	gate_send_durable(session, session->agent_up);
}

bool gate_agent_take_frame(struct gate_session *session, const struct mfp_frame *frame)
{
	switch (frame->verb) {
	case MFP_VERB_host: on_host(session, frame); return true;
	case MFP_VERB_ack: on_ack(session, frame); return true;
	default: return gate_take_common(session, frame);
	}
}
