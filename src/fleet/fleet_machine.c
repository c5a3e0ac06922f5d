/* The state machine: the table of fleet.md 4, the one place that holds the allowed moves.
 *
 * Rows are tried in order. What time and samples bring about is looked for in the facts
 * (ON_LOOK with a guard); what somebody says or does has a stimulus of its own. A guard
 * may fill in the reason. Row 20 is fleet_restore: it happens before time begins. */
#include <stdio.h>

#include "base/check.h"
#include "fleet/fleet_impl.h"

enum { SAME = -1, NO_EVENT = -1 };

#define IN(state) (1u << INSTANCE_##state)
#define ANY       ((1u << INSTANCE_STATES) - 1)
#define UP        (IN(RUNNING) | IN(DEGRADED))

struct row {
	int number; /* of fleet.md 4 */
	uint32_t from;
	enum stimulus on;
	bool (*guard)(const struct terminal *t, struct told *told); /* NULL: always */
	int to;
	int events[2];
	const char *reason; /* NULL: what the guard or the stimulus says */
	void (*act)(struct terminal *t, struct told *told, enum instance_state from);
};

/* ---- guards ---- */

static bool say(struct told *told, const char *reason)
{
	snprintf(told->reason, sizeof told->reason, "%s", reason);
	return true;
}

static bool one_of(int64_t why, uint32_t whys) { return why >= 0 && why < 10 && whys >> why & 1; }

/* 1: a terminal that was stopped and merely dials again has not been started. */
static bool may_begin(const struct terminal *t, struct told *told)
{
	(void)told;
	return !has_flag(t, INSTANCE_HELD) &&
	       (!t->stopped_epoch_ms || t->seen.epoch_ms != t->stopped_epoch_ms);
}

static bool is_synced(const struct terminal *t)
{
	return has_link(t) && t->stated && t->seen.synced && !t->awaits_hello;
}

static bool has_broker(const struct terminal *t)
{
	return knows(t, SAMPLE_con) && t->seen.latest.values[SAMPLE_con].mantissa == 1;
}

static bool is_shown(const struct terminal *t, struct told *told) /* 3 */
{
	(void)told;
	return is_synced(t) && is_fit(t);
}

static bool is_unfit(const struct terminal *t, struct told *told) /* 4 */
{
	return is_due(t, due_sync_ns(t)) && say(told, has_broker(t) ? trouble_of(t) : "link");
}

static bool start_is_over(const struct terminal *t, struct told *told) /* 5 */
{
	return is_due(t, due_length_ns(t, t->fleet->settings.start_ns)) && say(told, "start");
}

static bool is_init_failure(const struct terminal *t, struct told *told) /* 5 */
{
	(void)t;
	return told->code == 8;
}

static bool has_trouble(const struct terminal *t, struct told *told) /* 6 */
{
	const char *trouble = trouble_of(t);
	return trouble && say(told, trouble);
}

static bool is_steady(const struct terminal *t, struct told *told) /* 7 */
{
	(void)told;
	return is_due(t, due_steady_ns(t));
}

static bool is_reload(const struct terminal *t, struct told *told) /* 8 */
{
	(void)t;
	return one_of(told->code, 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7);
}

static bool grace_is_over(const struct terminal *t, struct told *told) /* 10 */
{
	(void)told;
	return is_due(t, due_grace_ns(t));
}

static bool is_dead(const struct terminal *t, struct told *told) /* 11 */
{
	return is_due(t, due_dead_ns(t)) && say(told, "silence");
}

static bool is_removal(const struct terminal *t, struct told *told) /* 11 */
{
	(void)t;
	return one_of(told->code, 1 << 1 | 1 << 4 | 1 << 9);
}

static bool may_recover(const struct terminal *t, struct told *told) /* 12 */
{
	(void)told;
	return is_due(t, due_recover_ns(t));
}

static bool is_back(const struct terminal *t, struct told *told) /* 13 */
{
	(void)told;
	return is_synced(t) && has_broker(t);
}

static bool recovery_is_over(const struct terminal *t, struct told *told) /* 14 */
{
	return is_due(t, due_length_ns(t, t->fleet->settings.recover_ns)) && say(told, "recovery");
}

static bool is_hopeless(const struct terminal *t, struct told *told) /* 15 */
{
	const struct fleet *fleet = t->fleet;
	(void)told;
	return t->seen.attempts >= fleet->settings.attempts_max && fleet->settings.recover &&
	       !has_flag(t, INSTANCE_HELD) && !fleet->counts.guarded;
}

static bool was_asked_to_stop(const struct terminal *t, struct told *told) /* 16 */
{
	(void)told;
	return t->stop_asked;
}

/* 17: the exit that a recovery's own restart brings is part of it. */
static bool is_no_recovery(const struct terminal *t, struct told *told)
{
	(void)told;
	return t->seen.state != INSTANCE_RECOVERING || !t->awaits_hello;
}

static bool ran_long(const struct terminal *t, struct told *told) /* 18 */
{
	(void)told;
	return is_due(t, due_reset_ns(t));
}

static bool is_held(const struct terminal *t, struct told *told) /* 19 */
{
	(void)told;
	return has_flag(t, INSTANCE_HELD);
}

/* ---- what needs no file of its own ---- */

static void act_resume(struct terminal *t, struct told *told, enum instance_state from) /* 9 */
{
	(void)told, (void)from;
	t->seen.reconnects++;
	fleet_set_sample(t, SAMPLE_rcn, number_of(t->seen.reconnects));
	if (!t->returning && !t->fleet->counts.guarded)
		flap_add(t, FLAP_RECONNECT); /* no reconnect of its own otherwise */
}

static void act_socket(struct terminal *t, struct told *told, enum instance_state from) /* 10 */
{
	(void)told, (void)from;
	t->socket_told = true;
	tell_fact(t, ALERT_socket_failure, 1, "no connection to weir for longer than the grace");
}

static void act_forget(struct terminal *t, struct told *told, enum instance_state from) /* 18 */
{
	(void)told, (void)from;
	t->seen.attempts = 0;
	t->dirty = true;
	fleet_set_sample(t, SAMPLE_att, number_of(0));
}

/* ---- the table ---- */

#define NONE_                                                                                      \
	{                                                                                          \
		NO_EVENT, NO_EVENT                                                                 \
	}
#define TO(state) INSTANCE_##state
#define TELLS(a)                                                                                   \
	{                                                                                          \
		FLEET_##a, NO_EVENT                                                                \
	}
#define BOTH(a, b)                                                                                 \
	{                                                                                          \
		FLEET_##a, FLEET_##b                                                               \
	}

static const struct row rows[] = {
	{ 16, ANY & ~IN(STOPPED), ON_BYE, was_asked_to_stop, TO(STOPPED), TELLS(STOPPED),
	  "operator", act_stop },
	{ 1, IN(STOPPED), ON_START, NULL, TO(STARTING), NONE_, "operator", act_begin },
	{ 1, IN(STOPPED), ON_HELLO, may_begin, TO(STARTING), NONE_, "hello", act_begin },
	{ 2, IN(STARTING), ON_HELLO, NULL, SAME, NONE_, NULL, NULL },
	{ 3, IN(STARTING), ON_LOOK, is_shown, TO(RUNNING), TELLS(STARTED), "synced", act_run },
	{ 4, IN(STARTING), ON_LOOK, is_unfit, TO(DEGRADED), BOTH(STARTED, DEGRADED), NULL, NULL },
	{ 5, IN(STARTING), ON_LOOK, start_is_over, TO(FAILED), TELLS(FAILED), NULL, act_fail },
	{ 5, IN(STARTING), ON_BYE, is_init_failure, TO(FAILED), TELLS(FAILED), NULL, act_fail },
	{ 5, IN(STARTING), ON_EXIT, NULL, TO(FAILED), TELLS(FAILED), NULL, act_fail },
	{ 11, UP, ON_LOOK, is_dead, TO(FAILED), TELLS(FAILED), NULL, act_fail },
	{ 11, UP, ON_EXIT, NULL, TO(FAILED), TELLS(FAILED), NULL, act_fail },
	{ 11, UP, ON_BYE, is_removal, TO(FAILED), TELLS(FAILED), NULL, act_fail },
	{ 10, UP, ON_LOOK, grace_is_over, TO(DEGRADED), BOTH(SOCKET, DEGRADED), "socket",
	  act_socket },
	{ 6, IN(RUNNING), ON_LOOK, has_trouble, TO(DEGRADED), TELLS(DEGRADED), NULL, NULL },
	{ 7, IN(DEGRADED), ON_LOOK, is_steady, TO(RUNNING), TELLS(RECOVERED), "steady", act_run },
	{ 8, UP, ON_CLOSED, NULL, SAME, NONE_, NULL, NULL },
	{ 8, UP, ON_BYE, is_reload, SAME, NONE_, NULL, NULL },
	{ 9, UP, ON_HELLO, NULL, SAME, NONE_, NULL, act_resume },
	{ 15, IN(FAILED), ON_LOOK, is_hopeless, TO(STOPPED), TELLS(STOPPED), "recovery_failure",
	  act_give_up },
	{ 12, IN(FAILED), ON_LOOK, may_recover, TO(RECOVERING), NONE_, NULL, act_recover },
	{ 13, IN(RECOVERING), ON_LOOK, is_back, TO(RUNNING), TELLS(RECOVERED), "synced", act_run },
	{ 14, IN(RECOVERING), ON_LOOK, recovery_is_over, TO(FAILED), TELLS(FAILED), NULL,
	  act_fail },
	{ 14, IN(RECOVERING), ON_EXIT, NULL, TO(FAILED), TELLS(FAILED), NULL, act_fail },
	{ 16, ANY & ~IN(STOPPED), ON_STOP, NULL, TO(STOPPED), TELLS(STOPPED), "operator",
	  act_stop },
	{ 16, ANY & ~IN(STOPPED), ON_STOPPED, NULL, TO(STOPPED), TELLS(STOPPED), "operator",
	  act_stop },
	{ 17, ANY & ~IN(STOPPED), ON_RESTART, NULL, TO(STARTING), NONE_, NULL, act_restart },
	{ 17, ANY & ~IN(STOPPED), ON_RESTARTING, is_no_recovery, TO(STARTING), NONE_, NULL,
	  act_restart },
	{ 18, IN(RUNNING), ON_LOOK, ran_long, SAME, NONE_, NULL, act_forget },
	{ 19, IN(STOPPED), ON_RESET, is_held, TO(STARTING), NONE_, "operator", act_begin },
};

/* ---- moving ---- */

/* Facts, not wishes: that no row follows from them is no refusal. */
static bool asks_for_nothing(enum stimulus on)
{
	return on == ON_LOOK || on == ON_HELLO || on == ON_CLOSED;
}

void machine_event(struct terminal *t, enum fleet_event_kind kind, enum instance_state from,
		   const char *reason, bool repeat)
{
	struct fleet *fleet = t->fleet;
	const struct fleet_event event = {
		.kind = kind,
		.instance = &t->seen,
		.from = from,
		.to = t->seen.state,
		.reason = reason,
		.attempts = t->seen.attempts,
		.repeat = repeat,
		.suppressed = has_flag(t, INSTANCE_FLAPPING) && kind != FLEET_STOPPED,
		.ms = fleet->wall_ms,
	};
	fleet->counts.events[kind]++;
	fleet->telling = true;
	if (fleet->hooks.on_event)
		fleet->hooks.on_event(fleet->hooks.ctx, &event);
	fleet->telling = false;
}

static void enter(struct terminal *t, enum instance_state to, enum instance_state from)
{
	struct fleet *fleet = t->fleet;
	bool was_running = is_running(t);
	fleet->counts.states[from]--;
	fleet->counts.states[to]++;
	t->seen.state = to;
	t->seen.since_ms = fleet->wall_ms;
	t->entered_ns = fleet->now_ns;
	if ((to == INSTANCE_DEGRADED || to == INSTANCE_FAILED) && !fleet->counts.guarded)
		flap_add(t, FLAP_FALL);
	if (was_running && !is_running(t))
		tell_nothing(t);
	guard_list(t, has_flag(t, INSTANCE_SUSPECT) && is_running(t));
	fleet->telling = true;
	if (fleet->hooks.on_moved)
		fleet->hooks.on_moved(fleet->hooks.ctx, &t->seen, from);
	fleet->telling = false;
}

/* What the stream of events says is a chain: no event tells of RECOVERING. */
static enum instance_state from_as_told(enum instance_state from, const struct row *row)
{
	return row->number == 13 ? INSTANCE_FAILED : from;
}

/* Told within the incident already: row 14, and row 10 of one that is DEGRADED. */
static bool is_repeat(const struct row *row, int kind, enum instance_state from)
{
	return row->number == 14 || (kind == FLEET_DEGRADED && from == INSTANCE_DEGRADED);
}

static void apply(struct terminal *t, const struct row *row, struct told *told)
{
	enum instance_state from = t->seen.state;
	enum instance_state to = row->to == SAME ? from : (enum instance_state)row->to;
	if (row->reason)
		say(told, row->reason);
	if (told->reason[0] && row->to != SAME)
		snprintf(t->seen.reason, sizeof t->seen.reason, "%s", told->reason);
	if (to != from)
		enter(t, to, from);
	for (size_t i = 0; i < ARRAY_LEN(row->events); i++)
		if (row->events[i] != NO_EVENT)
			machine_event(t, (enum fleet_event_kind)row->events[i],
				      from_as_told(from, row), told->reason,
				      is_repeat(row, row->events[i], from));
	if (row->act)
		row->act(t, told, from);
}

int machine_take(struct terminal *t, struct told *told)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		if (row->on != told->on || !(row->from >> t->seen.state & 1))
			continue;
		if (row->guard && !row->guard(t, told))
			continue;
		apply(t, row, told);
		return row->number;
	}
	t->fleet->counts.refused_moves += !asks_for_nothing(told->on);
	return 0;
}

int machine_tell(struct terminal *t, enum stimulus on)
{
	struct told told = { .on = on };
	return machine_take(t, &told);
}
