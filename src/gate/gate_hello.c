#include <stdio.h>

#include "base/check.h"
#include "gate/gate_impl.h"
#include "os/secret.h"

enum { VERSION = 1, ROLE_AGENT = 1, SERVER_MAX = 63 };

/* What a hello says, checked. */
struct hello {
	const struct mfp_frame *frame;
	char id[INSTANCE_NAME_MAX + 1];
	char server[MFP_TEXT_MAX + 3];
	int64_t epoch_ms, login;
	bool agent;
};

static void refuse(struct gate_session *session, const struct hello *hello, enum gate_error code,
		   const char *why, int64_t retry_ms)
{
	char line[128];
	snprintf(line, sizeof line, "%s (%s)", why, hello->id);
	gate_note(session->gate, session, line);
	gate_send_error(session, code, why, retry_ms);
	gate_session_end(session);
}

/* NULL, or what is wrong with it. */
static const char *read_hello(struct hello *hello, const struct mfp_frame *frame)
{
	*hello = (struct hello){
		.frame = frame,
		.epoch_ms = mfp_i64(frame, MFP_hello_ep, 0),
		.login = mfp_i64(frame, MFP_hello_login, 0),
		.agent = mfp_word(frame, MFP_hello_role) == ROLE_AGENT,
	};
	struct str id = mfp_raw(frame, MFP_hello_id), host = mfp_raw(frame, MFP_hello_host);
	struct str server = mfp_text(frame, MFP_hello_srv, hello->server);
	if (str_copy(id, hello->id, sizeof hello->id))
		return "bad id"; /* the codec's bound is ours */
	if (!hello->epoch_ms)
		return "ep is 0";
	if (hello->agent)
		return host.len && !str_eq(host, id) ? "an agent's id is its host" : NULL;
	if (!hello->login)
		return "no login";
	if (!server.len)
		return "no srv";
	return server.len > SERVER_MAX ? "srv is longer than 63 bytes" : NULL;
}

/* ---- who it is ---- */

/* HMAC-SHA256(token, nonce|id|ep), its first half. An id that nobody has is reckoned with
 * too: how long the answer takes says nothing about which ids there are. */
static bool is_proven(const struct gate_session *session, const struct hello *hello)
{
	const struct gate *gate = session->gate;
	struct str id = str_of(hello->id);
	const struct token *token = gate->tokens ? tokens_find(gate->tokens, id) : NULL;
	struct str key = token ? token->secret : STR("nobody has this id");
	struct str epoch = mfp_raw(hello->frame, MFP_hello_ep);
	char message[160], expected[GATE_NONCE + 1];
	uint8_t mac[SECRET_MAC_BYTES];
	int len = snprintf(message, sizeof message, "%s|%.*s|%.*s", session->nonce, STR_ARG(id),
			   STR_ARG(epoch));
	if (len < 0 || (size_t)len >= sizeof message)
		return false; /* an epoch with more leading zeros than any number has */
	if (secret_mac(key, str_make(message, (size_t)len), mac))
		return false;
	secret_print_hex(mac, GATE_NONCE / 2, expected);
	bool same = secret_equal(mfp_raw(hello->frame, MFP_hello_mac), str_of(expected));
	bool known = hello->agent || fleet_find(gate->fleet, id) != FLEET_NONE;
	return token && same && known;
}

static void refuse_unproven(struct gate_session *session, const struct hello *hello)
{
	struct gate *gate = session->gate;
	struct str peer = session->conn->ops->peer(session->conn);
	gate->counts.bad_mac++;
	bool blocked = gate_address_bad(gate, peer);
	int64_t blocked_ms = gate_address_blocked(gate, peer) / 1000000;
	refuse(session, hello, GATE_ERROR_AUTH, "bad mac",
	       blocked ? blocked_ms : GATE_RETRY_AUTH_MS);
}

/* ---- the lease: one connection of an account, one of an id ---- */

static uint64_t lease_hash(const struct hello *hello)
{
	return str_hash(str_of(hello->server)) ^ (uint64_t)hello->login * 0x9E3779B97F4A7C15u;
}

static struct gate_session *holder_of(const struct gate *gate, const struct hello *hello)
{
	uint64_t lease = lease_hash(hello);
	struct gate_session *session = gate->leases[lease & gate->lease_mask];
	for (; session; session = session->lease_next) {
		const struct instance *instance = fleet_at(gate->fleet, session->slot);
		if (session->lease == lease && instance->login == hello->login &&
		    strcmp(instance->server, hello->server) == 0)
			return session;
	}
	return NULL;
}

static void take_lease(struct gate_session *session, const struct hello *hello)
{
	session->lease = lease_hash(hello);
	struct gate_session **head =
	    &session->gate->leases[session->lease & session->gate->lease_mask];
	session->lease_next = *head;
	*head = session;
}

/* Nobody, or somebody who is SUSPECT: he has to go. So has who is the same expert: it has
 * one connection only, and knows better than we that the older one is broken. */
static bool may_replace(const struct gate *gate, const struct gate_session *older, uint32_t slot,
			const struct hello *hello)
{
	if (!older)
		return true;
	const struct instance *instance = fleet_at(gate->fleet, older->slot);
	bool same = older->slot == slot && instance->epoch_ms == hello->epoch_ms;
	return same || instance->flags & INSTANCE_SUSPECT;
}

static void replace(struct gate *gate, struct gate_session *older)
{
	if (!older || older->state != GATE_LIVE)
		return;
	gate_note(gate, older, "is replaced by a newer connection");
	gate_send_error(older, GATE_ERROR_LEASE, "replaced", GATE_RETRY_LEASE_MS);
	gate_session_end(older);
	gate_session_settle(older);
}

/* ---- welcome ---- */

static void send_welcome(struct gate_session *session, const struct gate_mark *mark, bool snapshot)
{
	struct gate *gate = session->gate;
	const struct instance *instance = fleet_at(gate->fleet, session->slot);
	struct gate_line line;
	gate_line_begin(gate, &line, MFP_VERB_welcome, 0);
	mfp_put_i64(&line.writer, MFP_welcome_ses, (int64_t)session->number);
	mfp_put_i64(&line.writer, MFP_welcome_up, (int64_t)gate->terminals[session->slot].durable);
	mfp_put_i64(&line.writer, MFP_welcome_ld, (int64_t)mark->deal);
	mfp_put_i64(&line.writer, MFP_welcome_lsv, mark->deal_ms);
	mfp_put_i64(&line.writer, MFP_welcome_snap, snapshot);
	mfp_put_i64(&line.writer, MFP_welcome_si, gate->config.state_ms);
	mfp_put_i64(&line.writer, MFP_welcome_ai, gate->config.account_ms);
	mfp_put_i64(&line.writer, MFP_welcome_rate, instance->rate);
	mfp_put_i64(&line.writer, MFP_welcome_t, gate_wall_ms(gate));
	(void)!gate_line_send(session, &line);
}

/* Signals first: a command has a new number, which is above theirs. */
static void go_on(struct gate_session *session, uint64_t down)
{
	struct gate *gate = session->gate;
	uint32_t slot = session->slot;
	gate_commands_expire(gate, &gate->terminals[slot]);
	gate_commands_handled(gate, slot, false, down);
	gate->hooks.on_welcome(gate->hooks.ctx, fleet_at(gate->fleet, slot), down);
	gate_commands_send(gate, slot, false, true);
}

static void welcome(struct gate_session *session, const struct hello *hello, uint32_t slot)
{
	struct gate *gate = session->gate;
	struct gate_terminal *terminal = &gate->terminals[slot];
	const struct instance *instance = fleet_at(gate->fleet, slot);
	struct gate_mark mark = { 0 };
	bool snapshot = false;
	bool known = instance->epoch_ms == hello->epoch_ms;
	gate->hooks.mark(gate->hooks.ctx, instance, hello->epoch_ms, &mark);
	known |= gate_acks_begin(terminal, hello->epoch_ms, mark.up) || mark.up;
	gate->counts.resumed += known;
	/* The fleet's answers to it are commands: they are kept until W has gone out. */
	fleet_hello(gate->fleet, slot, hello->frame, &snapshot);
	session->slot = slot;
	terminal->session = session;
	take_lease(session, hello);
	gate->counts.live++;
	gate_session_live(session);
	send_welcome(session, &mark, snapshot);
	go_on(session, (uint64_t)mfp_i64(hello->frame, MFP_hello_dn, 0));
}

static void take_terminal(struct gate_session *session, const struct hello *hello)
{
	struct gate *gate = session->gate;
	uint32_t slot = fleet_find(gate->fleet, str_of(hello->id));
	struct gate_terminal *terminal = &gate->terminals[slot];
	struct gate_session *holder = holder_of(gate, hello);
	if (!may_replace(gate, terminal->session, slot, hello) ||
	    !may_replace(gate, holder, slot, hello)) {
		gate->counts.lease++;
		refuse(session, hello, GATE_ERROR_LEASE,
		       terminal->session ? "the id is connected" : "the account is connected",
		       GATE_RETRY_LEASE_MS);
		return;
	}
	replace(gate, terminal->session);
	replace(gate, holder);
	if (terminal->leaving)
		gate_session_settle(terminal->leaving);
	welcome(session, hello, slot);
}

void gate_take_hello(struct gate_session *session, const struct mfp_frame *frame)
{
	struct gate *gate = session->gate;
	struct hello hello;
	const char *wrong = read_hello(&hello, frame);
	if (mfp_i64(frame, MFP_hello_v, 0) != VERSION) {
		gate->counts.bad_version++;
		refuse(session, &hello, GATE_ERROR_VERSION, "version 1 is spoken here",
		       GATE_RETRY_AUTH_MS);
	} else if (wrong) {
		gate->counts.bad_frame++;
		refuse(session, &hello, GATE_ERROR_FRAME, wrong, -1);
	} else if (!is_proven(session, &hello)) {
		refuse_unproven(session, &hello);
	} else if (hello.agent) {
		gate_agent_welcome(session, frame);
	} else {
		take_terminal(session, &hello);
	}
}
