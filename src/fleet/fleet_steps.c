/* What follows from alerts of a terminal: the steps of def/fleet_actions.def, and their
 * undoing. What the engine says is only noted when it is said: it may not be told anything
 * meanwhile. */
#include "base/check.h"
#include "fleet/fleet_impl.h"

enum when { WHEN_ALWAYS, WHEN_SLOW };

struct step {
	enum alert_rule rule;
	int64_t after_ns;
	enum fleet_action_kind action;
	enum when when;
};

static const struct step steps[] = {
#define FLEET_STEP(rule, after_ms, action, when)                                                   \
	{ ALERT_##rule, (after_ms)*MS_NS, FLEET_##action, WHEN_##when },
#include "def/fleet_actions.def"
#undef FLEET_STEP
};

/* ---- noting ---- */

static void note(struct terminal *t, enum alert_rule rule, bool firing)
{
	uint32_t bit = rule_bit(rule);
	t->firing = firing ? t->firing | bit : t->firing & ~bit;
	*(firing ? &t->began : &t->ended) |= bit;
	fleet_touch(t);
}

static void note_host(struct fleet *fleet, struct str scope, bool firing)
{
	uint32_t host = fleet_host_find(fleet, scope);
	if (host == FLEET_NONE)
		return;
	fleet->hosts[host].seen.draining = firing;
	for (uint32_t slot = 0; slot < fleet->room; slot++)
		if (fleet->terminals[slot].used && fleet->terminals[slot].seen.host == host)
			fleet_touch(&fleet->terminals[slot]);
}

void fleet_alert(struct fleet *fleet, enum alert_rule rule, struct str scope, bool firing)
{
	CHECK((unsigned)rule < ALERT_COUNT);
	if (rule < FIRST_RULE || rule > LAST_RULE)
		return;
	if (rule == ALERT_high_load) {
		note_host(fleet, scope, firing);
		return;
	}
	struct terminal *t = fleet_terminal(fleet, fleet_find(fleet, scope));
	if (t)
		note(t, rule, firing);
}

bool fleet_spares(const struct fleet *fleet, enum alert_rule rule, struct str scope)
{
	bool of_state = rule >= FIRST_RULE && rule <= LAST_RULE && rule != ALERT_high_load &&
			rule != ALERT_recovery_failure && rule != ALERT_flapping;
	const struct terminal *t =
	    of_state ? fleet_terminal(fleet, fleet_find(fleet, scope)) : NULL;
	return t && has_flag(t, INSTANCE_FLAPPING);
}

/* ---- steps ---- */

/* The row of a rule that comes after `done` of them; NULL: none. */
static const struct step *step_after(enum alert_rule rule, uint32_t done)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (steps[i].rule == rule && done-- == 0)
			return &steps[i];
	return NULL;
}

/* Half of what it may take at most, while its processor is too busy, or all are throttled. */
void steps_rate(struct terminal *t, const char *reason)
{
	uint32_t rate = t->fleet->settings.rate;
	uint32_t half = rate > 1 ? rate / 2 : 1;
	bool slow = fires(t, ALERT_high_cpu) || t->fleet->throttled;
	act_throttle(t, slow ? half : rate, reason);
}

void fleet_throttle(struct fleet *fleet, bool on)
{
	if (on == fleet->throttled)
		return;
	fleet_begin(fleet);
	fleet->throttled = on;
	for (uint32_t slot = 0; slot < fleet->room; slot++) {
		struct terminal *t = fleet_terminal(fleet, slot);
		if (!t)
			continue;
		steps_rate(t, "memory");
		fleet_touch(t);
	}
	fleet_settle(fleet);
}

static void undo(struct terminal *t, enum alert_rule rule)
{
	if (t->restart.asked && t->restart.rule == (int)rule)
		restart_cancel(t);
	if (rule == ALERT_high_cpu)
		steps_rate(t, "cpu");
}

void steps_note(struct terminal *t)
{
	uint32_t began = t->began & t->firing, ended = t->ended & ~t->firing;
	t->began = t->ended = 0;
	for (enum alert_rule rule = FIRST_RULE; rule <= LAST_RULE; rule++) {
		if (ended & rule_bit(rule))
			undo(t, rule);
		if (!(began & rule_bit(rule)))
			continue;
		t->fired_ns[rule - FIRST_RULE] = t->fleet->now_ns;
		t->steps[rule - FIRST_RULE] = 0;
	}
}

/* Its next step; NULL: none, or not now. */
static const struct step *next_step(const struct terminal *t, enum alert_rule rule)
{
	if (!fires(t, rule) || !is_running(t) || t->fleet->counts.guarded)
		return NULL;
	return step_after(rule, t->steps[rule - FIRST_RULE]);
}

static int64_t step_due_ns(const struct terminal *t, const struct step *step)
{
	int64_t fired_ns = t->fired_ns[step->rule - FIRST_RULE];
	int64_t allowed_ns = t->fleet->allowed_ns;
	return (fired_ns > allowed_ns ? fired_ns : allowed_ns) + step->after_ns;
}

int64_t steps_due_ns(const struct terminal *t)
{
	int64_t due = NEVER;
	if (!t->firing)
		return due;
	for (enum alert_rule rule = FIRST_RULE; rule <= LAST_RULE; rule++) {
		const struct step *step = next_step(t, rule);
		if (step && step_due_ns(t, step) < due)
			due = step_due_ns(t, step);
	}
	return due;
}

static bool may_restart(const struct terminal *t)
{
	const struct fleet_settings *settings = &t->fleet->settings;
	return settings->recover && t->seen.attempts < settings->attempts_max &&
	       !has_flag(t, INSTANCE_HELD | INSTANCE_FLAPPING) && !t->restart.asked;
}

static bool is_slow(const struct terminal *t, enum alert_rule rule)
{
	return knows(t, SAMPLE_rtt) &&
	       value_of(t, SAMPLE_rtt) > alerts_settings(t->fleet->alerts, rule)->fire;
}

static void take(struct terminal *t, const struct step *step)
{
	if (step->when == WHEN_SLOW && !is_slow(t, step->rule))
		return;
	if (step->action == FLEET_THROTTLE)
		steps_rate(t, "cpu");
	else if (step->action != FLEET_RESTART)
		act_do(t, step->action, alert_row(step->rule)->name);
	else if (may_restart(t))
		restart_ask(t, (int)step->rule, false);
}

void steps_run(struct terminal *t)
{
	for (enum alert_rule rule = FIRST_RULE; t->firing && rule <= LAST_RULE; rule++) {
		const struct step *step = next_step(t, rule);
		while (step && is_due(t, step_due_ns(t, step))) {
			t->steps[rule - FIRST_RULE]++;
			take(t, step);
			step = next_step(t, rule);
		}
	}
}
