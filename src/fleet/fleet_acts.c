/* What a move brings about: actions for those who have sockets, and the restart that
 * waits for orders in flight. */
#include <stdio.h>

#include "base/check.h"
#include "fleet/fleet_impl.h"

enum { BACKOFF_DOUBLINGS = 6 };

static void act(struct terminal *t, const struct fleet_action *action)
{
	struct fleet *fleet = t->fleet;
	fleet->counts.actions[action->kind]++;
	fleet->telling = true;
	if (fleet->hooks.on_action)
		fleet->hooks.on_action(fleet->hooks.ctx, action);
	fleet->telling = false;
}

void act_do(struct terminal *t, enum fleet_action_kind kind, const char *reason)
{
	const struct fleet_action action = { .kind = kind, .instance = &t->seen, .reason = reason };
	act(t, &action);
}

void act_throttle(struct terminal *t, uint32_t rate, const char *reason)
{
	const struct fleet_action action = {
		.kind = FLEET_THROTTLE, .instance = &t->seen, .reason = reason, .rate = rate
	};
	if (t->seen.rate == rate)
		return;
	t->seen.rate = rate;
	act(t, &action);
}

static void count_attempts(struct terminal *t, uint32_t attempts)
{
	t->seen.attempts = attempts;
	t->dirty = true;
	fleet_set_sample(t, SAMPLE_att, number_of(attempts));
}

/* What an old connection says is over: a hello has to come first. */
static void await_hello(struct terminal *t)
{
	t->awaits_hello = true;
	t->stated = false;
	t->seen.synced = false;
}

/* ---- rows 1 and 19 ---- */

void act_begin(struct terminal *t, struct told *told, enum instance_state from)
{
	(void)from;
	count_attempts(t, 0);
	t->given_up = t->stated = false;       /* what it showed before does not count */
	t->stop_asked &= told->on == ON_HELLO; /* a stop that is not answered comes again */
	t->stopped_epoch_ms = 0;
	t->hello_ns = t->fleet->now_ns;
	fleet_set_flag(t, INSTANCE_HELD, false);
	tell_fact(t, ALERT_recovery_failure, 0, "started again");
	if (told->on != ON_HELLO)
		act_do(t, FLEET_START, told->reason);
}

/* ---- rows 5, 11, 14 ---- */

static int64_t backoff_ns(struct fleet *fleet, uint32_t attempts)
{
	uint32_t doublings = attempts < BACKOFF_DOUBLINGS ? attempts : BACKOFF_DOUBLINGS;
	double length = (double)(fleet->settings.backoff_ns << doublings);
	return (int64_t)(length * (0.8 + 0.4 * rng_unit(&fleet->rng))) / MS_NS * MS_NS;
}

void act_fail(struct terminal *t, struct told *told, enum instance_state from)
{
	bool ran = from == INSTANCE_RUNNING || from == INSTANCE_DEGRADED;
	t->backoff_ns = t->fleet->now_ns + backoff_ns(t->fleet, t->seen.attempts);
	fleet_deliver(t);
	if (ran || t->seen.in_flight)
		act_do(t, FLEET_UNKNOWN, told->reason);
	if (!has_flag(t, INSTANCE_HELD))
		tell_fact(t, ALERT_instance_crash, 1, told->reason);
}

/* ---- rows 3, 7, 13 ---- */

void act_run(struct terminal *t, struct told *told, enum instance_state from)
{
	(void)told, (void)from;
	tell_fact(t, ALERT_instance_crash, 0, "runs again");
	fleet_deliver(t);
}

/* ---- row 12 ---- */

static bool is_in_flight(const struct terminal *t)
{
	bool expert_has = has_link(t) && knows(t, SAMPLE_inf) && value_of(t, SAMPLE_inf) > 0;
	return t->seen.in_flight || expert_has;
}

/* Its time is over for what is still in flight, or there is nothing. */
static void restart_now(struct terminal *t, bool clean, const char *reason)
{
	bool in_flight = is_in_flight(t);
	const struct fleet_action action = { .kind = FLEET_RESTART,
					     .instance = &t->seen,
					     .reason = reason,
					     .wait_ms = in_flight ? 0 : FLEET_FLIGHT_MS,
					     .clean = clean };
	if (in_flight)
		act_do(t, FLEET_UNKNOWN, reason);
	t->seen.restarts++;
	await_hello(t);
	act(t, &action);
}

static void start_now(struct terminal *t, const char *reason)
{
	t->seen.restarts++;
	await_hello(t);
	act_do(t, FLEET_START, reason);
}

/* Nobody restarts a terminal that has come back by itself meanwhile: it is asked, and has
 * to show its state. Where its process is known to be gone there is nothing to probe. */
static void recover_by_ladder(struct terminal *t)
{
	const char *reason = t->seen.reason;
	if (is_alive(t))
		act_do(t, FLEET_PROBE, reason);
	else if (t->seen.attempts >= 2)
		restart_now(t, t->seen.attempts >= 3, reason);
	else if (t->process == PROCESS_GONE)
		start_now(t, reason);
	else if (has_link(t))
		act_do(t, FLEET_CLOSE, reason);
	else
		act_do(t, FLEET_PROBE, reason);
}

void act_recover(struct terminal *t, struct told *told, enum instance_state from)
{
	(void)told, (void)from;
	uint32_t most = t->fleet->settings.attempts_max;
	count_attempts(t, t->seen.attempts < most ? t->seen.attempts + 1 : t->seen.attempts);
	t->attempted_ns = t->fleet->now_ns;
	t->stated = false;
	t->awaits_hello = false;
	tell_fact(t, ALERT_recovery_failure, t->seen.attempts, "recovery attempts");
	recover_by_ladder(t);
}

/* ---- rows 15, 16 ---- */

static void end_alerts(struct terminal *t, enum alert_rule but)
{
	for (enum alert_rule rule = FIRST_RULE; rule <= LAST_RULE; rule++)
		if (rule != but && rule != ALERT_high_load)
			alert_forget(t->fleet->alerts, rule, id_of(t));
}

static void ask_stop(struct terminal *t, const char *reason, bool flat)
{
	const struct fleet_action action = {
		.kind = FLEET_STOP, .instance = &t->seen, .reason = reason, .flat = flat
	};
	t->stop_asked = has_link(t);
	act(t, &action);
}

static void rest(struct terminal *t, enum alert_rule alert_kept)
{
	restart_cancel(t);
	fleet_deliver(t);
	flap_reset(t);
	end_alerts(t, alert_kept);
	t->socket_told = t->awaits_hello = false;
	t->stopped_epoch_ms = has_link(t) ? t->seen.epoch_ms : 0;
	act_do(t, FLEET_DROP, "stopped");
}

void act_give_up(struct terminal *t, struct told *told, enum instance_state from)
{
	(void)from;
	t->given_up = true;
	fleet_set_flag(t, INSTANCE_HELD, true);
	rest(t, ALERT_recovery_failure);
	tell_fact(t, ALERT_recovery_failure, t->seen.attempts + 1.0, "recovery attempts needed");
	ask_stop(t, told->reason, false);
}

void act_stop(struct terminal *t, struct told *told, enum instance_state from)
{
	(void)from;
	count_attempts(t, 0);
	rest(t, ALERT_COUNT);
	t->stop_asked = false;
	if (told->on == ON_STOP)
		ask_stop(t, told->reason, told->flat);
}

/* ---- row 17 ---- */

void act_restart(struct terminal *t, struct told *told, enum instance_state from)
{
	struct restart restart = t->restart;
	(void)from;
	t->entered_ns = t->fleet->now_ns;
	t->seen.since_ms = t->fleet->wall_ms;
	restart_cancel(t);
	fleet_deliver(t);
	if (told->on == ON_RESTART) {
		count_attempts(t, t->seen.attempts + (restart.rule >= 0));
		restart_now(t, restart.clean, told->reason);
		return;
	}
	if (is_in_flight(t))
		act_do(t, FLEET_UNKNOWN, told->reason);
	t->seen.restarts += !t->awaits_hello;
	await_hello(t);
}

/* ---- the restart that waits ---- */

void restart_ask(struct terminal *t, int rule, bool clean)
{
	t->restart = (struct restart){ true, clean, rule, t->fleet->now_ns };
	fleet_touch(t);
}

void restart_cancel(struct terminal *t) { t->restart.asked = false; }

static const char *reason_of(const struct restart *restart)
{
	switch (restart->rule) {
	case ALERT_high_cpu: return "cpu";
	case ALERT_high_memory: return "memory";
	case ALERT_network_failure: return "network";
	default: return "operator";
	}
}

int64_t restart_due_ns(const struct terminal *t)
{
	if (!t->restart.asked)
		return NEVER;
	return t->restart.asked_ns + (is_in_flight(t) ? FLEET_FLIGHT_MS * MS_NS : 0);
}

void restart_run(struct terminal *t)
{
	struct told told = { .on = ON_RESTART };
	if (t->restart.asked && t->restart.rule >= 0 && t->fleet->counts.guarded) {
		t->steps[t->restart.rule - FIRST_RULE]--; /* that step is to come again */
		restart_cancel(t);
	}
	if (!is_due(t, restart_due_ns(t)))
		return;
	restart_cancel(t); /* it is not asked for twice */
	snprintf(told.reason, sizeof told.reason, "%s", reason_of(&t->restart));
	machine_take(t, &told);
	fleet_touch(t);
}
