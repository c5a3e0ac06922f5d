#include "gate/gate.h"

#include <stdlib.h>

#include "base/check.h"
#include "gate/gate_impl.h"

/* ---- a gate ---- */

static size_t power_of_two(size_t least)
{
	size_t size = 1;
	while (size < least)
		size *= 2;
	return size;
}

static bool make_tables(struct gate *gate)
{
	gate->session_count = gate->config.sessions_max + GATE_REFUSALS;
	gate->lease_mask = power_of_two(gate->session_count) - 1;
	gate->room = fleet_room(gate->fleet);
	gate->sessions = calloc(gate->session_count, sizeof gate->sessions[0]);
	gate->terminals = calloc(gate->room, sizeof gate->terminals[0]);
	gate->leases = calloc(gate->lease_mask + 1, sizeof(struct gate_session *));
	gate->addresses =
	    calloc((size_t)GATE_ADDRESS_SETS * GATE_ADDRESS_WAYS, sizeof gate->addresses[0]);
	gate->alarms = timers_create(gate->session_count);
	if (!gate->sessions || !gate->terminals || !gate->leases || !gate->addresses ||
	    !gate->alarms)
		return false;
	for (size_t i = gate->session_count; i-- > 0;) {
		gate->sessions[i].next = gate->free;
		gate->free = &gate->sessions[i];
	}
	return true;
}

void gate_configure(struct gate *gate, const struct gate_config *config)
{
	size_t sessions_max = gate->config.sessions_max;
	CHECK(config->state_ms > 0 && config->account_ms > 0 && config->dead_ms > 0);
	CHECK(config->hello_ns > 0 && config->probe_ns > 0 && config->ack_ns >= 0);
	gate->config = *config;
	gate->config.sessions_max = sessions_max;
	CHECK(str_copy(str_of(config->server), gate->server, sizeof gate->server) == STATUS_OK);
	gate->config.server = gate->server;
}

struct gate *gate_create(const struct gate_config *config, struct fleet *fleet,
			 struct timers *timers, const struct clock_port *clock,
			 const struct gate_hooks *hooks)
{
	struct gate *gate = calloc(1, sizeof *gate);
	if (!gate)
		return NULL;
	CHECK(config->sessions_max > 0);
	gate->config.sessions_max = config->sessions_max;
	gate_configure(gate, config);
	gate->fleet = fleet;
	gate->timers = timers;
	gate->clock = clock;
	gate->hooks = *hooks;
	gate->turn_ns = INT64_MIN;
	gate->note_ns = gate->began_ns = gate_now(gate);
	gate->alarm = (struct timer){ .fn = gate_on_alarm, .ctx = gate };
	gate->ack = (struct timer){ .fn = gate_on_acks, .ctx = gate };
	gate->settle = (struct timer){ .fn = gate_on_settle, .ctx = gate };
	gate_link_init(&gate->acks);
	gate_link_init(&gate->leaving);
	gate_link_init(&gate->agents);
	if (!make_tables(gate)) {
		gate_destroy(gate);
		return NULL;
	}
	return gate;
}

void gate_destroy(struct gate *gate)
{
	if (!gate)
		return;
	timers_cancel(gate->timers, &gate->alarm);
	timers_cancel(gate->timers, &gate->ack);
	timers_cancel(gate->timers, &gate->settle);
	timers_destroy(gate->alarms);
	free(gate->sessions);
	free(gate->terminals);
	free(gate->leases);
	free(gate->addresses);
	free(gate);
}

struct line_events gate_line_events(struct gate *gate)
{
	return (struct line_events){ gate_on_open, gate_on_line, gate_on_close, gate };
}

struct str gate_too_long(void) { return STR("E 0 code=frame msg=line%20too%20long\n"); }

struct gate_counts gate_counts(const struct gate *gate) { return gate->counts; }

/* ---- to one terminal ---- */

static struct gate_session *live(const struct gate *gate, uint32_t slot)
{
	return slot < gate->room ? gate->terminals[slot].session : NULL;
}

enum status gate_send(struct gate *gate, uint32_t slot, struct str line)
{
	struct gate_session *session = live(gate, slot);
	if (!session)
		return STATUS_CLOSED;
	enum status status = gate_session_send(session, line);
	session->signals += status == STATUS_OK;
	return status;
}

void gate_probe(struct gate *gate, uint32_t slot)
{
	struct gate_session *session = live(gate, slot);
	if (session)
		gate_send_probe(session);
}

void gate_close(struct gate *gate, uint32_t slot, int error_code)
{
	struct gate_session *session = live(gate, slot);
	if (!session)
		return;
	CHECK(error_code <= GATE_ERROR_RATE);
	gate_note(gate, session, "is closed by weir");
	if (error_code >= 0)
		gate_send_error(session, (enum gate_error)error_code, "", GATE_RETRY_BUSY_MS);
	gate_session_end(session);
}

/* Told different times to come again, so that they do not all come at once. */
void gate_stop(struct gate *gate)
{
	enum { SOON_MS = 500, SPREAD_MS = 1500 };
	gate->stopped = true;
	for (size_t i = 0; i < gate->session_count; i++) {
		struct gate_session *session = &gate->sessions[i];
		if (session->state != GATE_CONNECTED && session->state != GATE_LIVE)
			continue;
		size_t later_ms = i * SPREAD_MS / gate->session_count;
		gate_send_error(session, GATE_ERROR_BUSY, "weir stops",
				SOON_MS + (int64_t)later_ms);
		gate_session_end(session);
		gate_session_settle(session);
	}
}
