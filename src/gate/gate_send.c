#include <stdio.h>

#include "base/check.h"
#include "gate/gate_impl.h"
#include "os/secret.h"

void gate_line_begin(struct gate *gate, struct gate_line *line, enum mfp_verb verb, uint64_t seq)
{
	line->buf = buf_over(gate->line, sizeof gate->line);
	mfp_begin(&line->writer, &line->buf, verb, seq);
}

enum status gate_line_send(struct gate_session *session, struct gate_line *line)
{
	mfp_end(&line->writer);
	CHECK(!line->buf.overflow); /* our own texts are bounded */
	return gate_session_send(session, buf_str(&line->buf));
}

/* The connection collects what is sent in a turn. */
enum status gate_session_send(struct gate_session *session, struct str line)
{
	struct gate *gate = session->gate;
	if (session->state == GATE_CLOSING)
		return STATUS_CLOSED;
	enum status status = session->conn->ops->send(session->conn, line);
	if (status) {
		if (status == STATUS_FULL) {
			gate->counts.too_slow++;
			gate_note(gate, session, "does not read what it is sent");
		}
		gate_session_end(session);
		return status == STATUS_FULL ? STATUS_FULL : STATUS_CLOSED;
	}
	session->sent_ns = gate_now(gate);
	session->bytes_sent += (uint32_t)line.len;
	gate->counts.frames_sent++;
	gate->counts.bytes_sent += line.len;
	return STATUS_OK;
}

/* It may be the last that is said: that the peer is gone changes nothing then. */
void gate_send_error(struct gate_session *session, enum gate_error code, const char *why,
		     int64_t retry_ms)
{
	struct gate_line line;
	gate_line_begin(session->gate, &line, MFP_VERB_error, 0);
	mfp_put_word(&line.writer, MFP_error_code, (int)code);
	if (why[0])
		mfp_put_text(&line.writer, MFP_error_msg, str_of(why));
	if (retry_ms >= 0)
		mfp_put_i64(&line.writer, MFP_error_retry, retry_ms);
	(void)!gate_line_send(session, &line);
}

void gate_send_banner(struct gate_session *session)
{
	struct gate *gate = session->gate;
	uint8_t random[GATE_NONCE / 2];
	struct gate_line line;
	struct err err = { 0 };
	if (secret_random(random, sizeof random, &err)) {
		gate->counts.busy++;
		gate_session_refuse(session, GATE_ERROR_BUSY, err.text, GATE_RETRY_BUSY_MS);
		return;
	}
	secret_print_hex(random, sizeof random, session->nonce);
	gate_line_begin(gate, &line, MFP_VERB_banner, 0);
	mfp_put_i64(&line.writer, MFP_banner_v, 1);
	mfp_put_text(&line.writer, MFP_banner_srv, str_of(gate->server));
	mfp_put_text(&line.writer, MFP_banner_nonce, str_of(session->nonce));
	mfp_put_i64(&line.writer, MFP_banner_hb, gate->config.state_ms);
	mfp_put_i64(&line.writer, MFP_banner_dead, gate->config.dead_ms);
	mfp_put_i64(&line.writer, MFP_banner_max, MFP_LINE_MAX);
	(void)!gate_line_send(session, &line);
}

void gate_send_probe(struct gate_session *session)
{
	struct gate_line line;
	session->probe_ns = gate_now(session->gate);
	session->probe_ms = gate_wall_ms(session->gate);
	gate_line_begin(session->gate, &line, MFP_VERB_probe, 0);
	mfp_put_i64(&line.writer, MFP_probe_t, session->probe_ms);
	(void)!gate_line_send(session, &line);
}

void gate_send_durable(struct gate_session *session, uint64_t up)
{
	struct gate_line line;
	gate_line_begin(session->gate, &line, MFP_VERB_durable, 0);
	mfp_put_i64(&line.writer, MFP_durable_up, (int64_t)up);
	(void)!gate_line_send(session, &line);
}

/* ---- notes ---- */

static const char *name_of(const struct gate_session *session)
{
	const struct gate *gate = session->gate;
	if (session->state != GATE_LIVE)
		return "a connection";
	if (session->agent)
		return fleet_host_at(gate->fleet, session->host)->name;
	return fleet_at(gate->fleet, session->slot)->identity.id;
}

void gate_note(struct gate *gate, const struct gate_session *session, const char *why)
{
	char line[256];
	int64_t now = gate_now(gate);
	if (!gate->hooks.on_note)
		return;
	if (now - gate->note_ns >= GATE_SECOND) {
		gate->note_ns = now;
		gate->notes = 0;
	}
	if (gate->notes++ >= GATE_NOTES)
		return;
	struct str peer = session->conn->ops->peer(session->conn);
	snprintf(line, sizeof line, "%s of %.*s: %s", name_of(session), STR_ARG(peer), why);
	gate->hooks.on_note(gate->hooks.ctx, line);
}
