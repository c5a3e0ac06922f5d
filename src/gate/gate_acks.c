/* Up numbers and K. A terminal's frames are taken strictly one after the other; what was
 * taken is remembered beside what is durable, because a terminal that comes back at once
 * sends again what the owner has already and is still writing. */
#include "base/check.h"
#include "gate/gate_impl.h"

bool gate_acks_begin(struct gate_terminal *terminal, int64_t epoch_ms, uint64_t up)
{
	bool same = terminal->epoch_ms == epoch_ms;
	if (!same) {
		terminal->epoch_ms = epoch_ms;
		terminal->taken = terminal->durable = 0;
		terminal->arrival_count = 0;
	}
	if (terminal->durable < up)
		terminal->durable = up;
	if (terminal->taken < terminal->durable)
		terminal->taken = terminal->durable;
	return same;
}

/* ---- how long until durable ---- */

/* All frames of one moment share an entry. Where the moments are used up the newest takes
 * in later frames too: what is told then is rather too long than too short. */
static void note_arrival(struct gate_terminal *terminal, uint64_t seq, int64_t now)
{
	uint8_t count = terminal->arrival_count;
	bool joins = count && (terminal->arrivals[count - 1].ns == now || count == GATE_ARRIVALS);
	if (joins)
		terminal->arrivals[count - 1].seq = seq;
	else
		terminal->arrivals[terminal->arrival_count++] = (struct gate_arrival){ seq, now };
}

static void note_durable(struct gate_terminal *terminal, uint64_t from, int64_t now)
{
	struct gate_session *session = terminal->session;
	struct gate_arrival *arrivals = terminal->arrivals;
	uint8_t past = 0;
	/* Of the oldest moment some frame has become durable now, if any has. */
	if (terminal->arrival_count && terminal->durable > from && session &&
	    now - arrivals[0].ns > session->slowest_ns)
		session->slowest_ns = now - arrivals[0].ns;
	while (past < terminal->arrival_count && arrivals[past].seq <= terminal->durable)
		past++;
	terminal->arrival_count -= past;
	memmove(arrivals, arrivals + past, terminal->arrival_count * sizeof arrivals[0]);
}

/* ---- K ---- */

static void send_now(struct gate_session *session)
{
	gate_acks_drop(session);
	gate_send_durable(session, session->gate->terminals[session->slot].durable);
}

/* Within ack_ns, with what becomes durable until then. */
static void send_soon(struct gate_session *session)
{
	struct gate *gate = session->gate;
	if (session->ack_due)
		return;
	session->ack_due = true;
	session->ack_ns = gate_now(gate) + gate->config.ack_ns;
	gate_link_add(&gate->acks, &session->acks);
	if (!gate->ack.slot)
		timers_arm(gate->timers, &gate->ack, session->ack_ns);
}

void gate_acks_drop(struct gate_session *session)
{
	session->ack_due = false;
	gate_link_take(&session->acks);
}

void gate_on_acks(void *ctx)
{
	struct gate *gate = ctx;
	int64_t now = gate_now(gate);
	while (!gate_link_alone(&gate->acks)) {
		struct gate_session *session = GATE_OF_LINK(gate->acks.next, acks);
		if (session->ack_ns > now) {
			timers_arm(gate->timers, &gate->ack, session->ack_ns);
			return;
		}
		send_now(session);
	}
}

void gate_durable(struct gate *gate, uint32_t slot, int64_t epoch_ms, uint64_t seq)
{
	CHECK(slot < gate->room);
	struct gate_terminal *terminal = &gate->terminals[slot];
	uint64_t from = terminal->durable;
	if (terminal->epoch_ms != epoch_ms || seq <= from || seq > terminal->taken)
		return; /* of an epoch that is over, known, or of one who had the slot before */
	terminal->durable = seq;
	note_durable(terminal, from, gate_now(gate));
	if (!terminal->session)
		return;
	if (terminal->durable == terminal->taken)
		send_now(terminal->session);
	else
		send_soon(terminal->session);
}

/* ---- R, D, Y, Z ---- */

static void again(struct gate_session *session, const struct mfp_frame *frame)
{
	struct gate_terminal *terminal = &session->gate->terminals[session->slot];
	session->gate->counts.repeated++;
	if (frame->verb == MFP_VERB_result || frame->verb == MFP_VERB_deal)
		terminal->repeated++;
	if (frame->seq <= terminal->durable)
		send_soon(session); /* the K of the first time was lost */
}

bool gate_acks_take(struct gate_session *session, const struct mfp_frame *frame)
{
	struct gate *gate = session->gate;
	struct gate_terminal *terminal = &gate->terminals[session->slot];
	if (frame->seq <= terminal->taken) {
		again(session, frame);
		return false;
	}
	if (frame->seq > terminal->taken + 1) {
		gate->counts.bad_seq++;
		gate_session_refuse(session, GATE_ERROR_SEQ, "a number is missing", -1);
		return false;
	}
	terminal->taken = frame->seq; /* the owner may know it durable at once */
	enum status status =
	    gate->hooks.on_reliable(gate->hooks.ctx, fleet_at(gate->fleet, session->slot),
				    terminal->epoch_ms, frame->seq, frame);
	if (status) {
		CHECK(terminal->durable < frame->seq);
		terminal->taken = frame->seq - 1;
		gate->counts.full++;
		gate_session_refuse(session, GATE_ERROR_BUSY, "cannot be recorded now",
				    GATE_RETRY_BUSY_MS);
		return false;
	}
	if (terminal->durable < frame->seq)
		note_arrival(terminal, frame->seq, gate_now(gate));
	return true;
}
