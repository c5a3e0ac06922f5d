/* What a terminal says while it is LIVE. */
#include "base/check.h"
#include "gate/gate_impl.h"

static void on_hello(struct gate_session *session, const struct mfp_frame *frame)
{
	(void)frame;
	session->gate->counts.bad_frame++;
	gate_session_refuse(session, GATE_ERROR_FRAME, "a second hello", -1);
}

static void observe(const struct gate_session *session, enum sample sample, int64_t mantissa,
		    uint8_t digits)
{
	fleet_observe(session->gate->fleet, session->slot, sample,
		      (struct number){ mantissa, digits });
}

static void on_state(struct gate_session *session, const struct mfp_frame *frame)
{
	struct gate *gate = session->gate;
	uint64_t down = (uint64_t)mfp_i64(frame, MFP_state_dn, 0);
	fleet_state_frame(gate->fleet, session->slot, frame);
	gate->hooks.on_state(gate->hooks.ctx, fleet_at(gate->fleet, session->slot));
	gate_commands_handled(gate, session->slot, false, down);
}

static void on_account(struct gate_session *session, const struct mfp_frame *frame)
{
	struct gate *gate = session->gate;
	if (fleet_account_frame(gate->fleet, session->slot, frame))
		gate->counts.cached_accounts++;
	else
		gate->hooks.on_account(gate->hooks.ctx, fleet_at(gate->fleet, session->slot));
}

/* A set that does not agree is asked for again by the fleet itself. */
static void on_snapshot(struct gate_session *session, const struct mfp_frame *frame)
{
	(void)fleet_snapshot_frame(session->gate->fleet, session->slot, frame);
}

static void on_position(struct gate_session *session, const struct mfp_frame *frame)
{
	(void)fleet_position_frame(session->gate->fleet, session->slot, frame);
}

/* ---- quotes: one a second of a symbol ---- */

/* A timer's jitter forgiven; over time it stays one a second. */
enum { QUOTE_MS = 1000, QUOTE_EARLY_MS = 100 };

/* ms since the gate began, around at 2^32: differences count. */
static uint32_t quote_ms(const struct gate *gate)
{
	return (uint32_t)((gate_now(gate) - gate->began_ns) / 1000000);
}

/* How long the place is still taken; 0: it is free. A time far ahead is long past. */
static uint32_t wait_of(const struct gate_quotes *quotes, size_t i, uint32_t now)
{
	uint32_t wait = quotes->next_ms[i] - now;
	return quotes->symbols[i] && wait <= QUOTE_MS + QUOTE_EARLY_MS ? wait : 0;
}

/* The symbol's place, or one that nobody has waited for; GATE_QUOTES: all are in use. */
static size_t quote_place(const struct gate_quotes *quotes, uint32_t symbol, uint32_t now)
{
	size_t best = GATE_QUOTES;
	for (size_t i = 0; i < GATE_QUOTES; i++) {
		if (quotes->symbols[i] == symbol)
			return i;
		if (wait_of(quotes, i, now) == 0)
			best = i;
	}
	return best;
}

static bool may_quote(struct gate_session *session, struct str name)
{
	struct gate_quotes *quotes = &session->quotes;
	uint32_t now = quote_ms(session->gate), symbol = (uint32_t)str_hash(name) | 1;
	size_t place = quote_place(quotes, symbol, now);
	if (place == GATE_QUOTES)
		return false;
	uint32_t wait = quotes->symbols[place] == symbol ? wait_of(quotes, place, now) : 0;
	if (wait > QUOTE_EARLY_MS)
		return false;
	quotes->symbols[place] = symbol;
	quotes->next_ms[place] = now + wait + QUOTE_MS;
	return true;
}

static void on_quote(struct gate_session *session, const struct mfp_frame *frame)
{
	struct gate *gate = session->gate;
	if (!may_quote(session, mfp_raw(frame, MFP_quote_sym)))
		gate->counts.quotes_dropped++;
	else
		gate->hooks.on_quote(gate->hooks.ctx, fleet_at(gate->fleet, session->slot), frame);
}

/* ---- reliable ones ---- */

static void on_reliable(struct gate_session *session, const struct mfp_frame *frame)
{
	if (!gate_acks_take(session, frame))
		return;
	if (frame->verb == MFP_VERB_result)
		session->results++;
	else if (frame->verb == MFP_VERB_ack)
		gate_commands_answered(session->gate, session->slot, false, frame);
	else if (frame->verb == MFP_VERB_bye)
		fleet_bye(session->gate->fleet, session->slot, mfp_i64(frame, MFP_bye_why, 0));
}

/* ---- both sides' ---- */

static void on_probe(struct gate_session *session, const struct mfp_frame *frame)
{
	struct gate_line line;
	gate_line_begin(session->gate, &line, MFP_VERB_echo, 0);
	mfp_put_i64(&line.writer, MFP_echo_t, mfp_i64(frame, MFP_probe_t, 0));
	(void)!gate_line_send(session, &line);
}

/* An echo of the newest probe, once. */
static void on_echo(struct gate_session *session, const struct mfp_frame *frame)
{
	int64_t round_ns = gate_now(session->gate) - session->probe_ns;
	if (!session->probe_ms || mfp_i64(frame, MFP_echo_t, 0) != session->probe_ms)
		return;
	session->probe_ms = 0;
	if (!session->agent)
		observe(session, SAMPLE_rtt, round_ns / 100000, 1);
}

static void on_error(struct gate_session *session, const struct mfp_frame *frame)
{
	char text[MFP_TEXT_MAX + 3];
	mfp_text(frame, MFP_error_msg, text);
	gate_note(session->gate, session, text[0] ? text : "says E");
}

bool gate_take_common(struct gate_session *session, const struct mfp_frame *frame)
{
	switch (frame->verb) {
	case MFP_VERB_hello: on_hello(session, frame); return true;
	case MFP_VERB_probe: on_probe(session, frame); return true;
	case MFP_VERB_echo: on_echo(session, frame); return true;
	case MFP_VERB_error: on_error(session, frame); return true;
	default: return false;
	}
}

/* ---- one row a verb ---- */

static const struct row {
	void (*fn)(struct gate_session *session, const struct mfp_frame *frame);
	bool tells_itself; /* the fleet's function for it knows that it lives */
} rows[MFP_VERBS] = {
	[MFP_VERB_state] = { on_state, true },       [MFP_VERB_account] = { on_account, true },
	[MFP_VERB_snapshot] = { on_snapshot, true }, [MFP_VERB_position] = { on_position, true },
	[MFP_VERB_quote] = { on_quote, false },      [MFP_VERB_ack] = { on_reliable, false },
	[MFP_VERB_result] = { on_reliable, false },  [MFP_VERB_deal] = { on_reliable, false },
	[MFP_VERB_bye] = { on_reliable, false },
};

bool gate_take_frame(struct gate_session *session, const struct mfp_frame *frame)
{
	const struct row *row = &rows[frame->verb];
	if (!row->tells_itself)
		fleet_heard(session->gate->fleet, session->slot);
	if (session->state != GATE_LIVE)
		return true;
	if (!row->fn)
		return gate_take_common(session, frame);
	row->fn(session, frame);
	return true;
}

/* ---- a second's figures ---- */

void gate_observe(struct gate_session *session)
{
	struct gate *gate = session->gate;
	const struct gate_terminal *terminal = &gate->terminals[session->slot];
	observe(session, SAMPLE_fin, session->frames, 0);
	observe(session, SAMPLE_bin, session->bytes, 0);
	observe(session, SAMPLE_bout, session->bytes_sent, 0);
	observe(session, SAMPLE_res, session->results, 0);
	observe(session, SAMPLE_sig, session->signals, 0);
	observe(session, SAMPLE_ack, session->slowest_ns / 100000, 1);
	observe(session, SAMPLE_dup, (int64_t)terminal->repeated, 0);
	session->frames = session->bytes = session->bytes_sent = 0;
	session->results = session->signals = 0;
	session->slowest_ns = 0;
	gate_commands_expire(gate, &gate->terminals[session->slot]);
	gate_commands_send(gate, session->slot, false, false);
}

void gate_observe_gone(struct gate *gate, uint32_t slot)
{
	static const enum sample flows[] = { SAMPLE_fin, SAMPLE_bin, SAMPLE_bout,
					     SAMPLE_res, SAMPLE_sig, SAMPLE_ack };
	for (size_t i = 0; i < ARRAY_LEN(flows); i++)
		fleet_observe(gate->fleet, slot, flows[i], number_of(0));
}
