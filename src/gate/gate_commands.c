#include "base/check.h"
#include "gate/gate_impl.h"

static const int64_t lasts_ns = 60 * GATE_SECOND;

/* ---- those that are kept ---- */

static void forget(struct gate_terminal *terminal, size_t at)
{
	struct gate_kept *commands = terminal->commands;
	terminal->command_count--;
	memmove(commands + at, commands + at + 1,
		(terminal->command_count - at) * sizeof commands[0]);
}

void gate_commands_expire(struct gate *gate, struct gate_terminal *terminal)
{
	int64_t now = gate_now(gate);
	while (terminal->command_count && terminal->commands[0].until_ns <= now) {
		forget(terminal, 0); /* the oldest is the first to be over */
		gate->counts.commands_lost++;
	}
}

static void forget_replaced(struct gate_terminal *terminal, const struct gate_kept *by)
{
	for (size_t i = 0; i < terminal->command_count; i++) {
		const struct gate_kept *old = &terminal->commands[i];
		if (old->op == by->op && old->to_agent == by->to_agent &&
		    strcmp(old->key, by->key) == 0) {
			forget(terminal, i);
			return;
		}
	}
}

static struct gate_kept *keep(struct gate *gate, uint32_t slot, const struct gate_kept *command)
{
	struct gate_terminal *terminal = &gate->terminals[slot];
	gate_commands_expire(gate, terminal);
	forget_replaced(terminal, command);
	if (terminal->command_count == GATE_COMMANDS_MAX) {
		forget(terminal, 0);
		gate->counts.commands_lost++;
	}
	struct gate_kept *kept = &terminal->commands[terminal->command_count++];
	*kept = *command;
	kept->cid = ++gate->next_cid;
	kept->until_ns = gate_now(gate) + lasts_ns;
	gate->counts.commands++;
	return kept;
}

static enum status make(const struct gate_command *command, bool to_agent, struct gate_kept *out)
{
	CHECK(command->op >= GATE_THROTTLE && command->op <= GATE_POKE);
	*out = (struct gate_kept){
		.op = (uint8_t)command->op,
		.to_agent = to_agent,
		.rate = command->rate,
		.for_ms = command->for_ms,
		.code = command->code,
		.wait_ms = command->wait_ms,
		.clean = command->clean,
		.flat = command->flat,
	};
	if (command->op != GATE_SET)
		return STATUS_OK;
	CHECK(command->key && command->value);
	if (str_copy(str_of(command->key), out->key, sizeof out->key) ||
	    str_copy(str_of(command->value), out->value, sizeof out->value))
		return STATUS_RANGE;
	return STATUS_OK;
}

/* ---- C ---- */

static void put_fields(struct mfp_writer *writer, const struct gate_kept *command)
{
	switch ((enum gate_op)command->op) {
	case GATE_THROTTLE:
		mfp_put_i64(writer, MFP_command_rate, command->rate);
		mfp_put_i64(writer, MFP_command_for, command->for_ms);
		break;
	case GATE_RESTART:
		mfp_put_i64(writer, MFP_command_code, command->code);
		mfp_put_i64(writer, MFP_command_wait, command->wait_ms);
		break;
	case GATE_STOP:
		mfp_put_i64(writer, MFP_command_flat, command->flat);
		if (command->wait_ms)
			mfp_put_i64(writer, MFP_command_wait, command->wait_ms);
		break;
	case GATE_SET:
		mfp_put_text(writer, MFP_command_k, str_of(command->key));
		mfp_put_text(writer, MFP_command_v, str_of(command->value));
		break;
	case GATE_RECONNECT:
	case GATE_START:
	case GATE_SNAPSHOT:
	case GATE_POKE: break;
	}
	if (command->clean)
		mfp_put_i64(writer, MFP_command_clean, 1);
}

static enum status send(struct gate_session *session, uint32_t slot, struct gate_kept *command)
{
	struct gate *gate = session->gate;
	struct gate_line line;
	uint64_t down = gate->hooks.next_down(gate->hooks.ctx);
	if (!down)
		return STATUS_UNAVAILABLE;
	command->down = down;
	if (!command->first_down)
		command->first_down = down;
	gate_line_begin(gate, &line, MFP_VERB_command, down);
	mfp_put_i64(&line.writer, MFP_command_cid, (int64_t)command->cid);
	mfp_put_word(&line.writer, MFP_command_op, command->op);
	if (command->to_agent)
		mfp_put_text(&line.writer, MFP_command_id,
			     str_of(fleet_at(gate->fleet, slot)->identity.id));
	put_fields(&line.writer, command);
	return gate_line_send(session, &line);
}

static struct gate_session *session_of(const struct gate *gate, uint32_t slot, bool to_agent)
{
	return to_agent ? gate_agent_of(gate, fleet_at(gate->fleet, slot)->host)
			: gate->terminals[slot].session;
}

void gate_commands_send(struct gate *gate, uint32_t slot, bool to_agent, bool again)
{
	struct gate_terminal *terminal = &gate->terminals[slot];
	for (size_t i = 0; i < terminal->command_count; i++) {
		struct gate_kept *command = &terminal->commands[i];
		if (command->to_agent != to_agent || (command->down && !again))
			continue;
		struct gate_session *session = session_of(gate, slot, to_agent);
		if (!session || send(session, slot, command) != STATUS_OK)
			return; /* gone, or without a number: it is kept */
	}
}

enum status gate_command(struct gate *gate, uint32_t slot, const struct gate_command *command)
{
	struct gate_kept made;
	if (slot >= gate->room || !fleet_at(gate->fleet, slot))
		return STATUS_NOT_FOUND;
	enum status status = make(command, false, &made);
	if (status)
		return status;
	struct gate_kept *kept = keep(gate, slot, &made);
	struct gate_session *session = session_of(gate, slot, false);
	return session ? send(session, slot, kept) : STATUS_CLOSED;
}

enum status gate_agent_command(struct gate *gate, uint32_t slot, const struct gate_command *command)
{
	struct gate_kept made;
	if (slot >= gate->room || !fleet_at(gate->fleet, slot))
		return STATUS_NOT_FOUND;
	struct gate_session *session = session_of(gate, slot, true);
	if (!session)
		return STATUS_NOT_FOUND;
	enum status status = make(command, true, &made);
	return status ? status : send(session, slot, keep(gate, slot, &made));
}

/* ---- answers ---- */

/* The fleet hears of what a terminal itself has done; what an agent did shows in its M. */
static void done(struct gate *gate, uint32_t slot, size_t at, bool tell)
{
	struct gate_terminal *terminal = &gate->terminals[slot];
	uint8_t op = terminal->commands[at].op;
	bool to_agent = terminal->commands[at].to_agent;
	forget(terminal, at);
	if (tell && !to_agent)
		fleet_command_done(gate->fleet, slot, op);
}

void gate_commands_handled(struct gate *gate, uint32_t slot, bool to_agent, uint64_t down)
{
	struct gate_terminal *terminal = &gate->terminals[slot];
	for (size_t i = 0; i < terminal->command_count;) {
		const struct gate_kept *command = &terminal->commands[i];
		if (command->to_agent == to_agent && command->down && command->down <= down)
			done(gate, slot, i, true);
		else
			i++;
	}
}

void gate_commands_answered(struct gate *gate, uint32_t slot, bool to_agent,
			    const struct mfp_frame *ack)
{
	struct gate_terminal *terminal = &gate->terminals[slot];
	uint64_t cid = (uint64_t)mfp_i64(ack, MFP_ack_cid, 0);
	uint64_t down = (uint64_t)mfp_i64(ack, MFP_ack_dn, 0);
	bool ok = str_eq(mfp_raw(ack, MFP_ack_st), STR("ok"));
	for (size_t i = 0; cid && i < terminal->command_count; i++) {
		const struct gate_kept *command = &terminal->commands[i];
		/* Numbers are never used again; cids begin at 1 with each run of weir. */
		bool sent =
		    command->first_down && command->first_down <= down && down <= command->down;
		if (command->cid == cid && command->to_agent == to_agent && sent) {
			done(gate, slot, i, ok);
			return;
		}
	}
}
