/* How an alert goes from state to state, by values and by time. */
#include "alert/alert.h"

#include <math.h>

#include "alert/alert_impl.h"
#include "base/check.h"

static const struct alert_rule_state *rule_of(const struct alert *alert)
{
	return &alert->owner->rules[alert->view.rule];
}

static bool is_event(const struct alert *alert)
{
	return alert_row(alert->view.rule)->op == ALERT_EVENT;
}

/* ---- values against thresholds ---- */

bool alert_op_fires(enum alert_op op, double value, double fire)
{
	switch (op) {
	case ALERT_BELOW: return value < fire;
	case ALERT_FROM: return value >= fire;
	case ALERT_ABOVE:
	case ALERT_ABOVE_UNDER:
	case ALERT_EVENT: break;
	}
	return value > fire;
}

bool alert_op_clears(enum alert_op op, double value, double clear)
{
	switch (op) {
	case ALERT_ABOVE_UNDER:
	case ALERT_FROM: return value < clear;
	case ALERT_BELOW: return value >= clear;
	case ALERT_ABOVE:
	case ALERT_EVENT: break;
	}
	return value <= clear;
}

/* A threshold of a scope's own keeps the rule's hysteresis, in proportion. */
static double clear_for(const struct alert_settings *settings, double fire)
{
	if (fire == settings->fire || settings->fire == 0)
		return settings->clear;
	return settings->clear * (fire / settings->fire);
}

static double farther(enum alert_rule rule, double a, double b)
{
	bool below = alert_row(rule)->op == ALERT_BELOW;
	return (a < b) == below ? a : b;
}

/* ---- when ---- */

/* From when on what is known of the alert is old. */
static int64_t old_ns(const struct alert *alert)
{
	return alert->heard_ns + ALERT_INTERVALS * rule_of(alert)->interval_ns;
}

/* A hold of 10 s has been exceeded at 10.001 s; one of 0 is none. */
static int64_t hold_end_ns(const struct alert *alert, int64_t hold_ns)
{
	return alert->since_ns + hold_ns + (hold_ns ? ALERT_TICK_NS : 0);
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

/* When it is told first, or again. */
static int64_t tell_ns(const struct alert *alert)
{
	int64_t renotify_ns = rule_of(alert)->settings.renotify_ns;
	if (alert->view.acknowledged)
		return INT64_MAX;
	if (!alert->view.told)
		return later(alert->cooldown_until_ns, alert->mute_until_ns);
	if (!renotify_ns)
		return INT64_MAX;
	return later(alert->told_ns + renotify_ns, alert->mute_until_ns);
}

/* When time alone changes something next; not after now: nothing it may do. */
static int64_t next_ns(const struct alert *alert)
{
	const struct alert_settings *settings = &rule_of(alert)->settings;
	int64_t next = INT64_MAX;
	switch (alert->view.state) {
	case ALERT_QUIET: return later(alert->cooldown_until_ns, alert->mute_until_ns);
	case ALERT_RESOLVED: return alert->ended_ns + ALERT_KEPT_NS;
	case ALERT_PENDING: next = hold_end_ns(alert, settings->hold_ns); break;
	case ALERT_CLEARING: next = hold_end_ns(alert, settings->clear_hold_ns); break;
	case ALERT_FIRING:
		if (is_event(alert))
			return hold_end_ns(alert, settings->clear_hold_ns);
		next = tell_ns(alert);
		break;
	}
	return next <= old_ns(alert) ? next : INT64_MAX;
}

static void arm(struct alert *alert)
{
	struct alerts *alerts = alert->owner;
	int64_t next = next_ns(alert);
	if (next == INT64_MAX || next <= alerts->now_ns)
		timers_cancel(alerts->timers, &alert->timer);
	else if (!alert->timer.slot || alert->timer.deadline_ns != next)
		timers_arm(alerts->timers, &alert->timer, next);
}

/* ---- transitions ---- */

/* The one place that changes a state; keeps count. */
static void set_state(struct alert *alert, enum alert_state state)
{
	struct alerts_counts *counts = &alert->owner->counts;
	counts->active -= alert_is_active(alert);
	counts->pending -= alert->view.state == ALERT_PENDING;
	alert->view.state = state;
	counts->active += alert_is_active(alert);
	counts->pending += state == ALERT_PENDING;
	alert_set_idle(alert, alert_at_rest(alert) && !alert_is_muted(alert));
}

static void notice(struct alert *alert, enum alert_notice what)
{
	const struct alert_hooks *hooks = &alert->owner->hooks;
	struct alert_view view = alert->view;
	view.muted = alert_is_muted(alert);
	if (hooks->on_notice)
		hooks->on_notice(hooks->ctx, what, &view);
}

static void changed(const struct alert *alert, bool firing)
{
	const struct alert_hooks *hooks = &alert->owner->hooks;
	if (hooks->on_change)
		hooks->on_change(hooks->ctx, alert->view.rule, str_of(alert->view.scope), firing);
}

static void tell(struct alert *alert)
{
	alert->told_ns = alert->owner->now_ns;
	alert->owner->counts.said_again += alert->view.told > 0;
	notice(alert, alert->view.told++ ? ALERT_SAID_AGAIN : ALERT_FIRED);
}

/* Something beyond after rest: an incident may begin. */
static void begin(struct alert *alert, double value)
{
	struct alert_view *view = &alert->view;
	if (view->state == ALERT_RESOLVED)
		alert->before = *view;
	view->worst = value;
	view->first_ms = alert->owner->wall_ms;
	view->resolved_ms = 0;
	view->told = view->events = 0;
	view->acknowledged = false;
	alert->since_ns = alert->owner->now_ns;
	set_state(alert, ALERT_PENDING);
}

/* Back to what it was before the hold that came to nothing. */
static void give_up(struct alert *alert)
{
	bool was_resolved = alert->before.state == ALERT_RESOLVED;
	if (was_resolved) {
		enum alert_state state = alert->view.state;
		alert->view = alert->before;
		alert->view.state = state;
	}
	set_state(alert, was_resolved ? ALERT_RESOLVED : ALERT_QUIET);
}

static void fire(struct alert *alert)
{
	struct alerts *alerts = alert->owner;
	alert->before.state = ALERT_QUIET;
	alerts->counts.fired++;
	set_state(alert, ALERT_FIRING);
	changed(alert, true);
	if (!is_event(alert) && alert_hush_claims(alert)) { /* an event is a new one */
		alert->view.acknowledged = true;
		alert->view.told = 1;
		alert->told_ns = alerts->now_ns;
	}
	alerts->counts.suppressed += !is_event(alert) && tell_ns(alert) > alerts->now_ns;
}

static void end(struct alert *alert)
{
	struct alerts *alerts = alert->owner;
	bool told = alert->view.told > 0;
	alerts->counts.ended++;
	alert->ended_ns = alerts->now_ns;
	alert->view.resolved_ms = alerts->wall_ms;
	if (told && !is_event(alert))
		alert->cooldown_until_ns = alerts->now_ns + rule_of(alert)->settings.cooldown_ns;
	alert_hush_over(alert);
	set_state(alert, ALERT_RESOLVED);
	changed(alert, false);
	if (told && !alert_is_muted(alert))
		notice(alert, ALERT_ENDED);
}

void alert_drop(struct alert *alert)
{
	bool was_active = alert_is_active(alert);
	alert->owner->counts.ended += was_active;
	alert_hush_over(alert);
	set_state(alert, ALERT_QUIET);
	if (was_active)
		changed(alert, false);
	alert_release(alert);
}

/* ---- time ---- */

static bool has_held(const struct alert *alert, int64_t hold_ns)
{
	return alert->owner->now_ns >= hold_end_ns(alert, hold_ns);
}

static void advance_firing(struct alert *alert, bool is_old)
{
	if (is_event(alert)) {
		if (has_held(alert, rule_of(alert)->settings.clear_hold_ns))
			end(alert);
	} else if (!is_old && alert->owner->now_ns >= tell_ns(alert)) {
		tell(alert);
	}
}

void alert_advance(struct alert *alert)
{
	const struct alert_settings *settings = &rule_of(alert)->settings;
	int64_t now_ns = alert->owner->now_ns;
	bool is_old = now_ns > old_ns(alert);
	if (alert->view.state == ALERT_PENDING && !is_old && has_held(alert, settings->hold_ns))
		fire(alert);
	if (alert->view.state == ALERT_FIRING)
		advance_firing(alert, is_old);
	else if (alert->view.state == ALERT_CLEARING && !is_old &&
		 has_held(alert, settings->clear_hold_ns))
		end(alert);
	if (alert->view.state == ALERT_RESOLVED && now_ns >= alert->ended_ns + ALERT_KEPT_NS)
		set_state(alert, ALERT_QUIET);
	if (alert->view.state == ALERT_QUIET && now_ns >= next_ns(alert))
		alert_release(alert);
	else
		arm(alert);
}

void alerts_step(struct alerts *alerts, int64_t now_ns, int64_t wall_ms)
{
	if (now_ns > alerts->now_ns)
		alerts->now_ns = now_ns;
	alerts->wall_ms = wall_ms;
	alert_hush_step(alerts);
	timers_run(alerts->timers, alerts->now_ns, ALERTS_MAX);
}

int64_t alerts_next_ns(const struct alerts *alerts) { return timers_next_ns(alerts->timers); }

/* ---- values ---- */

static void keep(struct alert *alert, double value, struct str message)
{
	struct alert_view *view = &alert->view;
	message = alert_cut(message, ALERT_MESSAGE_MAX);
	memcpy(view->message, message.ptr ? message.ptr : "", message.len);
	view->message[message.len] = 0;
	view->value = value;
	view->worst = farther(view->rule, value, view->worst);
	view->last_ms = alert->owner->wall_ms;
}

/* What stood still while nothing was heard does not count. */
static void hear(struct alert *alert)
{
	int64_t now_ns = alert->owner->now_ns, silent_ns = now_ns - old_ns(alert);
	if (silent_ns > 0)
		alert->since_ns += silent_ns;
	alert->heard_ns = now_ns;
}

static void take_value(struct alert *alert, double value, bool beyond, bool back)
{
	hear(alert);
	switch (alert->view.state) {
	case ALERT_QUIET:
	case ALERT_RESOLVED:
		if (beyond)
			begin(alert, value);
		break;
	case ALERT_PENDING:
		if (!beyond)
			give_up(alert);
		break;
	case ALERT_FIRING:
		if (back) {
			alert->since_ns = alert->owner->now_ns;
			set_state(alert, ALERT_CLEARING);
		}
		break;
	case ALERT_CLEARING:
		if (!back)
			set_state(alert, ALERT_FIRING);
		break;
	}
}

void alert_value_at(struct alerts *alerts, enum alert_rule rule, struct str scope, double value,
		    double fire, struct str message)
{
	CHECK((unsigned)rule < ALERT_COUNT && alert_row(rule)->op != ALERT_EVENT);
	const struct alert_rule_state *state = &alerts->rules[rule];
	if (!state->settings.on)
		return;
	if (isnan(value)) {
		alerts->counts.unknown_values++;
		return;
	}
	bool beyond = alert_op_fires(alert_row(rule)->op, value, fire);
	if (!beyond && !state->used)
		return; /* nearly always */
	struct alert *alert = alert_find(alerts, rule, scope);
	if (!alert && beyond)
		alert = alert_take(alerts, rule, scope);
	if (!alert || (!beyond && alert_at_rest(alert)))
		return;
	double clear = clear_for(&state->settings, fire);
	take_value(alert, value, beyond, alert_op_clears(alert_row(rule)->op, value, clear));
	if (!alert_at_rest(alert))
		keep(alert, value, message);
	alert_advance(alert);
}

void alert_value(struct alerts *alerts, enum alert_rule rule, struct str scope, double value,
		 struct str message)
{
	CHECK((unsigned)rule < ALERT_COUNT);
	alert_value_at(alerts, rule, scope, value, alerts->rules[rule].settings.fire, message);
}

bool alert_listens(const struct alerts *alerts, enum alert_rule rule, struct str scope,
		   double value, double fire)
{
	CHECK((unsigned)rule < ALERT_COUNT);
	const struct alert_rule_state *state = &alerts->rules[rule];
	if (!state->settings.on || isnan(value))
		return false;
	if (alert_op_fires(alert_row(rule)->op, value, fire))
		return true;
	const struct alert *alert = state->used ? alert_find(alerts, rule, scope) : NULL;
	return alert && !alert_at_rest(alert);
}

void alert_event(struct alerts *alerts, enum alert_rule rule, struct str scope, double value,
		 struct str message)
{
	CHECK((unsigned)rule < ALERT_COUNT && alert_row(rule)->op == ALERT_EVENT);
	const struct alert_settings *settings = &alerts->rules[rule].settings;
	if (!settings->on)
		return;
	struct alert *alert = alert_find(alerts, rule, scope);
	if (!alert)
		alert = alert_take(alerts, rule, scope);
	if (!alert)
		return;
	if (alert_at_rest(alert)) {
		begin(alert, value);
		fire(alert);
	}
	alert->since_ns = alert->heard_ns = alerts->now_ns;
	alert->view.events++;
	keep(alert, value, message);
	bool silent = alert->view.acknowledged;
	if (!silent && alerts->now_ns >= later(alert->cooldown_until_ns, alert->mute_until_ns)) {
		alert->cooldown_until_ns = alerts->now_ns + settings->cooldown_ns;
		tell(alert);
	} else {
		alerts->counts.suppressed++;
	}
	arm(alert);
}
