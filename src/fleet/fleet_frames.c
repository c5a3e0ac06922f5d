/* What the gate tells: hellos, frames, connections that end. */
#include <stdio.h>

#include "base/check.h"
#include "fleet/fleet_impl.h"
#include "fleet/fleet_samples.h"

#define FRESH_NS (ALERT_INTERVALS * SECOND_NS)

/* The terminal a call is about; NULL: it is not known any more, nothing happens. */
static struct terminal *begin(struct fleet *fleet, uint32_t slot)
{
	fleet_begin(fleet);
	return fleet_terminal(fleet, slot);
}

static void end(struct terminal *t)
{
	fleet_touch(t);
	fleet_settle(t->fleet);
}

static void hear(struct terminal *t)
{
	t->heard_ns = t->fleet->now_ns;
	t->seen.heard_ms = t->fleet->wall_ms;
}

static void set_connected(struct terminal *t, bool connected)
{
	if (t->seen.connected == connected)
		return;
	t->seen.connected = connected;
	t->fleet->counts.connected += connected ? 1 : UINT32_MAX;
	t->dirty = true;
}

void fleet_heard(struct fleet *fleet, uint32_t slot)
{
	struct terminal *t = begin(fleet, slot);
	if (!t)
		return;
	hear(t);
	end(t);
}

/* ---- hello ---- */

/* What fits of a text; a longer one is cut, which no real currency or version is. */
static void copy_text(const struct mfp_frame *frame, enum mfp_field field, char *out, size_t size)
{
	char text[MFP_TEXT_MAX + 3];
	struct str all = mfp_text(frame, field, text);
	size_t len = all.len < size ? all.len : size - 1;
	memcpy(out, all.ptr, len);
	out[len] = 0;
}

static void take_identity(struct terminal *t, const struct mfp_frame *hello)
{
	struct instance *seen = &t->seen;
	char server[sizeof seen->server];
	int64_t login = mfp_i64(hello, MFP_hello_login, 0);
	seen->epoch_ms = mfp_i64(hello, MFP_hello_ep, 0);
	copy_text(hello, MFP_hello_srv, server, sizeof server);
	/* Offline it does not know its currency; one account has one for ever. */
	if (mfp_has(hello, MFP_hello_cur) || login != seen->login ||
	    strcmp(server, seen->server) != 0)
		copy_text(hello, MFP_hello_cur, seen->currency, sizeof seen->currency);
	memcpy(seen->server, server, sizeof server);
	seen->login = login;
	copy_text(hello, MFP_hello_ea, seen->expert, sizeof seen->expert);
	seen->margin_mode = mfp_word(hello, MFP_hello_mm);
	seen->trade_mode = mfp_word(hello, MFP_hello_tm);
	seen->leverage = mfp_i64(hello, MFP_hello_lev, 0);
	seen->build = mfp_i64(hello, MFP_hello_bld, 0);
	seen->offset_s = mfp_i64(hello, MFP_hello_off, 0);
	fleet_set_sample(t, SAMPLE_off, number_of(seen->offset_s));
	if (mfp_has(hello, MFP_hello_host))
		host_join(t, mfp_raw(hello, MFP_hello_host));
}

/* A connection begins: what was known by samples of the one before is to be shown anew. */
static void begin_link(struct terminal *t, bool synced)
{
	set_connected(t, true);
	t->seen.synced = synced;
	t->stated = t->leaving = t->awaits_hello = false;
	t->unlinked.on = t->lagging.on = t->good.on = false;
	t->network_told = false;
	t->gone_ns = NEVER;
	t->hello_ns = t->fleet->now_ns;
	t->doubt = t->asks = 0;
	t->dirty = true;
	if (t->process == PROCESS_GONE)
		t->process = PROCESS_UNKNOWN;
	t->socket_told = false;
	tell_fact(t, ALERT_socket_failure, 0, "connected again");
}

void fleet_hello(struct fleet *fleet, uint32_t slot, const struct mfp_frame *hello, bool *snapshot)
{
	struct terminal *t = begin(fleet, slot);
	*snapshot = false;
	if (!t)
		return;
	bool synced = mfp_has(hello, MFP_hello_ph) &&
		      mfp_hash(hello, MFP_hello_ph) == positions_hash(t->seen.positions);
	*snapshot = !synced;
	hear(t);
	take_identity(t, hello);
	begin_link(t, synced);
	machine_tell(t, ON_HELLO);
	t->returning = false;
	end(t);
}

/* ---- S ---- */

/* Asks for a snapshot when a state's hash has differed for long enough, less and less
 * often: a terminal that never agrees is not asked for ever. */
static void doubt_positions(struct terminal *t, bool at_once)
{
	uint32_t enough = (uint32_t)DOUBT_STATES << (t->asks < 4 ? t->asks : 4);
	t->doubt = at_once && t->asks < 4 ? enough - 1 : t->doubt + 1;
	if (at_once || t->doubt < enough)
		return;
	t->doubt = 0;
	t->asks++;
	act_do(t, FLEET_SNAPSHOT, "its positions differ");
}

static void check_positions(struct terminal *t, const struct mfp_frame *frame)
{
	bool same = !mfp_has(frame, MFP_state_ph) ||
		    mfp_hash(frame, MFP_state_ph) == positions_hash(t->seen.positions);
	if (t->seen.synced && same)
		t->doubt = t->asks = 0;
	else
		doubt_positions(t, false);
}

static void take_holds(struct terminal *t)
{
	int64_t silent_ns = t->fleet->now_ns - (t->stated_ns + FRESH_NS);
	int64_t still_ns = silent_ns > 0 ? silent_ns : 0;
	const struct number *values = t->seen.latest.values;
	bool late =
	    knows(t, SAMPLE_lag) && value_of(t, SAMPLE_lag) > (double)t->fleet->settings.lag_ms;
	t->stated_ns = t->fleet->now_ns;
	hold_take(t, &t->unlinked, values[SAMPLE_con].mantissa != 1, still_ns);
	hold_take(t, &t->lagging, late, still_ns);
	hold_take(t, &t->good, is_fit(t) && !late && t->seen.synced, still_ns);
}

void fleet_state_frame(struct fleet *fleet, uint32_t slot, const struct mfp_frame *frame)
{
	struct terminal *t = begin(fleet, slot);
	CHECK(frame->verb == MFP_VERB_state);
	if (!t || !t->seen.connected)
		return;
	hear(t);
	samples_take(t, frame);
	fleet_set_sample(t, SAMPLE_skew,
			 number_of(mfp_i64(frame, MFP_state_t, 0) - fleet->wall_ms));
	if (t->penalty != 0)
		fleet_set_sample(t, SAMPLE_pen, number_of((int64_t)flap_penalty(t)));
	t->stated = true;
	take_holds(t);
	check_positions(t, frame);
	tell_state(t, frame);
	end(t);
}

/* ---- A, O, o ---- */

enum status fleet_account_frame(struct fleet *fleet, uint32_t slot, const struct mfp_frame *frame)
{
	struct terminal *t = begin(fleet, slot);
	CHECK(frame->verb == MFP_VERB_account);
	if (!t || !t->seen.connected)
		return STATUS_NOT_FOUND;
	/* An offline terminal shows its login with a balance of 0. */
	bool real =
	    t->stated && t->seen.latest.values[SAMPLE_con].mantissa == 1 && t->seen.currency[0];
	hear(t);
	if (real)
		samples_take(t, frame);
	end(t);
	return real ? STATUS_OK : STATUS_FORMAT;
}

static void on_difference(void *ctx, enum position_change change, const struct position *position)
{
	struct terminal *t = ctx;
	struct fleet *fleet = t->fleet;
	fleet->telling = true;
	if (fleet->hooks.on_position)
		fleet->hooks.on_position(fleet->hooks.ctx, &t->seen, change, position);
	fleet->telling = false;
}

enum status fleet_snapshot_frame(struct fleet *fleet, uint32_t slot, const struct mfp_frame *frame)
{
	struct terminal *t = begin(fleet, slot);
	if (!t || !t->seen.connected)
		return STATUS_NOT_FOUND;
	hear(t);
	enum status status = positions_snapshot(t->seen.positions, frame, on_difference, t);
	if (status)
		doubt_positions(t, true);
	else if (mfp_i64(frame, MFP_snapshot_e, 0))
		t->seen.synced = true;
	end(t);
	return status;
}

enum status fleet_position_frame(struct fleet *fleet, uint32_t slot, const struct mfp_frame *frame)
{
	struct terminal *t = begin(fleet, slot);
	enum position_change change;
	const struct position *position;
	if (!t || !t->seen.connected)
		return STATUS_NOT_FOUND;
	hear(t);
	enum status status = positions_take(t->seen.positions, frame, &change, &position);
	if (status)
		doubt_positions(t, true);
	else if (position)
		on_difference(t, change, position);
	end(t);
	return status;
}

/* ---- the host ---- */

static void note_exit(struct terminal *t, bool asked, const char *reason)
{
	struct told told = { .on = asked ? ON_RESTARTING : ON_EXIT };
	snprintf(told.reason, sizeof told.reason, "%s", reason);
	t->process = PROCESS_GONE;
	machine_take(t, &told);
}

/* pid 0: the process is not there. It ended when the agent has seen it before, or says how
 * it ended; one that was never there has not ended. */
static void take_end(struct terminal *t, const struct mfp_frame *frame)
{
	enum { ASKED, CRASH, UPDATE, GONE };
	char reason[32];
	int how = mfp_word(frame, MFP_host_end);
	bool seen_before = t->process == PROCESS_THERE;
	bool ended = how == ASKED || how == CRASH || how == UPDATE || seen_before;
	if (t->process == PROCESS_GONE || !ended)
		return;
	if (mfp_has(frame, MFP_host_exit))
		snprintf(reason, sizeof reason, "exit %lld",
			 (long long)mfp_i64(frame, MFP_host_exit, 0));
	else
		snprintf(reason, sizeof reason, "%s", how == UPDATE ? "update" : "exit");
	note_exit(t, how == ASKED || how == UPDATE, reason);
}

void fleet_host_frame(struct fleet *fleet, uint32_t slot, const struct mfp_frame *frame)
{
	struct terminal *t = begin(fleet, slot);
	CHECK(frame->verb == MFP_VERB_host);
	if (!t)
		return;
	if (mfp_has(frame, MFP_host_host))
		host_join(t, mfp_raw(frame, MFP_host_host));
	samples_take(t, frame);
	tell_host(t, frame);
	host_load(t, frame);
	if (mfp_i64(frame, MFP_host_pid, 0))
		t->process = PROCESS_THERE;
	else
		take_end(t, frame);
	end(t);
}

void fleet_exited(struct fleet *fleet, uint32_t slot, int64_t code, bool asked)
{
	struct terminal *t = begin(fleet, slot);
	char reason[32];
	if (!t || t->process == PROCESS_GONE)
		return;
	snprintf(reason, sizeof reason, "exit %lld", (long long)code);
	note_exit(t, asked, reason);
	end(t);
}

/* ---- connections that end, commands that were answered ---- */

void fleet_closed(struct fleet *fleet, uint32_t slot)
{
	struct terminal *t = begin(fleet, slot);
	if (!t || !t->seen.connected)
		return;
	set_connected(t, false);
	t->seen.synced = t->leaving = false;
	if (t->gone_ns == NEVER)
		t->gone_ns = fleet->now_ns;
	machine_tell(t, ON_CLOSED);
	end(t);
}

void fleet_bye(struct fleet *fleet, uint32_t slot, int64_t why)
{
	struct terminal *t = begin(fleet, slot);
	struct told told = { .on = ON_BYE, .code = why };
	if (!t || !t->seen.connected)
		return;
	hear(t);
	snprintf(told.reason, sizeof told.reason, "bye %lld", (long long)why);
	t->leaving = true;
	t->gone_ns = fleet->now_ns;
	if (t->restart.asked && (why == 1 || why == 4 || why == 9)) {
		t->restart.asked_ns = LONG_AGO; /* it goes already */
		restart_run(t);
	} else {
		machine_take(t, &told);
	}
	end(t);
}

/* The words of the command's op stand in def/mfp.def. */
static bool op_is(int op, struct str name)
{
	struct str words = str_of(mfp_field_row(MFP_command_op)->choices), word;
	for (int i = 0; str_split(&words, ' ', &word); i++)
		if (i == op)
			return str_eq(word, name);
	return false;
}

void fleet_command_done(struct fleet *fleet, uint32_t slot, int op)
{
	struct terminal *t = begin(fleet, slot);
	if (!t)
		return;
	if (op_is(op, STR("stop")) && t->stop_asked) {
		t->stop_asked = false;
		if (t->seen.state != INSTANCE_STOPPED)
			machine_tell(t, ON_STOPPED);
	} else if (op_is(op, STR("restart")) && !t->awaits_hello) {
		struct told told = { .on = ON_RESTARTING, .reason = "restart" };
		machine_take(t, &told);
	}
	end(t);
}

/* ---- what weir itself sees ---- */

void fleet_observe(struct fleet *fleet, uint32_t slot, enum sample sample, struct number value)
{
	struct terminal *t = begin(fleet, slot);
	CHECK((unsigned)sample < SAMPLE_COUNT && sample_row(sample)->from == SAMPLE_WEIR);
	if (t)
		fleet_set_sample(t, sample, value);
}

void fleet_queue(struct fleet *fleet, uint32_t slot, uint32_t waiting, uint32_t in_flight)
{
	struct terminal *t = begin(fleet, slot);
	if (!t)
		return;
	t->seen.waiting = waiting;
	t->seen.in_flight = in_flight;
	fleet_set_sample(t, SAMPLE_wait, number_of(waiting));
	tell_queue(t);
	end(t);
}
