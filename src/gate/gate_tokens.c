/* Who may connect, and who may not any more. */
#include <stdlib.h>

#include "base/check.h"
#include "gate/gate_impl.h"

struct change {
	struct gate *gate;
	const struct tokens *old, *new;
	bool *agents; /* by the new tokens' place: its id is some other line's host */
};

static size_t place_of(const struct tokens *tokens, const struct token *token)
{
	return (size_t)(token - tokens_at(tokens, 0));
}

/* Counts the terminals. */
static size_t find_agents(struct change *change)
{
	size_t count = tokens_count(change->new), terminals = count;
	for (size_t i = 0; i < count; i++) {
		struct str host = str_of(tokens_at(change->new, i)->identity.host);
		const struct token *token = host.len ? tokens_find(change->new, host) : NULL;
		size_t at = token ? place_of(change->new, token) : i;
		if (at == i || change->agents[at])
			continue;
		change->agents[at] = true;
		terminals--;
	}
	return terminals;
}

/* Its line now; NULL: it has none, or one of the other kind. */
static const struct token *line_of(const struct change *change, struct str id, bool agent)
{
	const struct token *token = tokens_find(change->new, id);
	return token && change->agents[place_of(change->new, token)] == agent ? token : NULL;
}

static bool is_same_secret(const struct change *change, const struct token *token)
{
	const struct token *old =
	    change->old ? tokens_find(change->old, str_of(token->identity.id)) : NULL;
	return old && str_eq(old->secret, token->secret);
}

static void cut(struct gate_session *session, const char *why)
{
	if (!session)
		return;
	gate_session_refuse(session, GATE_ERROR_AUTH, why, GATE_RETRY_AUTH_MS);
	gate_session_settle(session);
}

static void remove_terminal(struct gate *gate, uint32_t slot)
{
	struct gate_terminal *terminal = &gate->terminals[slot];
	gate_turn(gate);
	cut(terminal->session, "the token is gone");
	if (terminal->leaving)
		gate_session_settle(terminal->leaving);
	gate->hooks.on_removed(gate->hooks.ctx, fleet_at(gate->fleet, slot));
	fleet_remove(gate->fleet, slot);
	*terminal = (struct gate_terminal){ 0 };
}

static void check_terminals(const struct change *change)
{
	struct gate *gate = change->gate;
	for (uint32_t slot = 0; slot < gate->room; slot++) {
		const struct instance *instance = fleet_at(gate->fleet, slot);
		if (!instance)
			continue;
		const struct token *token = line_of(change, str_of(instance->identity.id), false);
		if (!token) {
			remove_terminal(gate, slot);
		} else if (gate->terminals[slot].session && !is_same_secret(change, token)) {
			gate_turn(gate);
			cut(gate->terminals[slot].session, "the token has changed");
		}
	}
}

static void check_agents(const struct change *change)
{
	struct gate *gate = change->gate;
	for (size_t i = 0; i < gate->session_count; i++) {
		struct gate_session *session = &gate->sessions[i];
		if (session->state != GATE_LIVE || !session->agent)
			continue;
		struct str host = str_of(fleet_host_at(gate->fleet, session->host)->name);
		const struct token *token = tokens_find(change->new, host);
		if (token && is_same_secret(change, token))
			continue;
		gate_turn(gate);
		cut(session, "the token has changed");
	}
}

/* Those that are known take over their host and groups. */
static void add_terminals(const struct change *change)
{
	for (size_t i = 0; i < tokens_count(change->new); i++) {
		uint32_t slot;
		if (change->agents[i])
			continue;
		enum status status =
		    fleet_add(change->gate->fleet, &tokens_at(change->new, i)->identity, &slot);
		CHECK(status == STATUS_OK || status == STATUS_EXISTS); /* they were counted */
	}
}

enum status gate_set_tokens(struct gate *gate, const struct tokens *tokens, struct err *err)
{
	size_t count = tokens_count(tokens);
	struct change change = { gate, gate->tokens, tokens, calloc(count + 1, sizeof(bool)) };
	if (!change.agents)
		return err_set(err, STATUS_NO_MEMORY, "tokens: out of memory");
	size_t terminals = find_agents(&change);
	enum status status = STATUS_OK;
	if (terminals > gate->room) {
		status = err_set(err, STATUS_FULL,
				 "tokens: %zu terminals, but there is room for %u (fleet.room)",
				 terminals, gate->room);
	} else {
		check_terminals(&change);
		check_agents(&change);
		add_terminals(&change);
		gate->tokens = tokens;
	}
	free(change.agents);
	return status;
}
