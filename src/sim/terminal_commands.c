/* What C frames ask for. A command is in the file before it is done, so that a restart
 * that was asked for once happens once. */
#include "sim/terminal_impl.h"

enum op { OP_THROTTLE, OP_RECONNECT, OP_RESTART, OP_STOP, OP_START, OP_SNAPSHOT, OP_SET, OP_POKE };
enum { WHY_CLOSE = 9, LEAST_INTERVAL_MS = 100 };

void terminal_put_bye(struct terminal *terminal, int why)
{
	struct out_line line;
	struct out_entry note = { 0 };
	if (terminal->link != LINK_UP || terminal_outbox_free(terminal) == 0)
		return;
	terminal_begin(terminal, &line, MFP_VERB_bye);
	mfp_put_i64(&line.writer, MFP_bye_why, why);
	terminal_push(terminal, &line, &note);
}

static void throttle(struct terminal *terminal, const struct mfp_frame *frame, int64_t now_ns)
{
	int64_t for_ms = mfp_i64(frame, MFP_command_for, 0);
	terminal->throttle = mfp_i64(frame, MFP_command_rate, -1);
	terminal->throttle_until_ns =
	    for_ms > 0 && for_ms < INT64_MAX / TERMINAL_MS / 2 ? now_ns + for_ms * TERMINAL_MS : 0;
}

static void plan_restart(struct terminal *terminal, const struct mfp_frame *frame, int64_t now_ns)
{
	int64_t wait_ms = mfp_i64(frame, MFP_command_wait, 5000);
	terminal->restart = true;
	terminal->restart_ns = now_ns + (wait_ms < 600000 ? wait_ms : 600000) * TERMINAL_MS;
	terminal->restart_down = frame->seq;
	terminal->restart_cid = (uint64_t)mfp_i64(frame, MFP_command_cid, 0);
}

static bool set_number(struct terminal *terminal, struct str name, int64_t value)
{
	if (str_eq(name, STR("si")) && value >= LEAST_INTERVAL_MS)
		terminal->state_ms = value;
	else if (str_eq(name, STR("ai")) && value >= LEAST_INTERVAL_MS)
		terminal->account_ms = value;
	else if (str_eq(name, STR("rate")))
		terminal->rate = value;
	else if (str_eq(name, STR("quotes")))
		terminal->quotes_on = value > 0;
	else
		return false;
	return true;
}

/* Symbols that nothing uses leave Market Watch: memory goes back to what it was. */
static void trim(struct terminal *terminal, int64_t now_ns)
{
	double minutes = (double)(now_ns - terminal->started_ns) / 60e9;
	terminal->memory_trimmed_mb = terminal->settings->memory_growth * minutes;
}

static bool set(struct terminal *terminal, const struct mfp_frame *frame, int64_t now_ns)
{
	struct str name = mfp_raw(frame, MFP_command_k);
	int64_t value;
	if (str_eq(name, STR("trim"))) {
		trim(terminal, now_ns);
		return true;
	}
	return str_to_i64(mfp_raw(frame, MFP_command_v), &value) == STATUS_OK && value >= 0 &&
	       set_number(terminal, name, value);
}

/* False: it does not know it, or cannot do it. */
static bool perform(struct terminal *terminal, const struct mfp_frame *frame, int64_t now_ns)
{
	switch ((enum op)mfp_word(frame, MFP_command_op)) {
	case OP_THROTTLE: throttle(terminal, frame, now_ns); break;
	case OP_RECONNECT: terminal->reconnect = true; break;
	case OP_RESTART: plan_restart(terminal, frame, now_ns); break;
	case OP_STOP:
		terminal_stop_signals(terminal, mfp_i64(frame, MFP_command_flat, 0) > 0, now_ns);
		break;
	case OP_START: terminal->file.stopped = false; break;
	case OP_SNAPSHOT: terminal->snapshot_due = true; break;
	case OP_SET: return set(terminal, frame, now_ns);
	case OP_POKE: break; /* a host agent's, but its answer says that the timer runs */
	}
	return true;
}

void terminal_take_command(struct terminal *terminal, const struct mfp_frame *frame, int64_t now_ns)
{
	uint64_t cid = (uint64_t)mfp_i64(frame, MFP_command_cid, 0);
	bool restart = mfp_word(frame, MFP_command_op) == OP_RESTART, done = true;
	if (!terminal_take_down(terminal, frame->seq))
		return;
	bool again = frame->seq <= terminal->file.down;
	terminal->counts->commands++;
	if (!again) {
		terminal->file.down = frame->seq;
		done = perform(terminal, frame, now_ns);
	}
	if (again || !restart)
		terminal_put_ack(terminal, frame->seq, 0, cid, done ? ACK_OK : ACK_BAD);
}

/* Nothing in flight, or waited long enough: it says so, says good-bye and closes. */
void terminal_commands_turn(struct terminal *terminal, int64_t now_ns)
{
	if (!terminal->restart ||
	    (terminal_in_flight(terminal) > 0 && now_ns < terminal->restart_ns))
		return;
	terminal->counts->restarts++;
	if (terminal_outbox_free(terminal) > 1)
		terminal_put_ack(terminal, terminal->restart_down, 0, terminal->restart_cid,
				 ACK_OK);
	terminal_put_bye(terminal, WHY_CLOSE);
	terminal_compose(terminal, now_ns);
	terminal_stop_process(terminal, now_ns + terminal->settings->restart);
}
