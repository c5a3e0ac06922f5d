/* The end of every call: terminals that were touched come to rest. */
#include "base/check.h"
#include "fleet/fleet_impl.h"

enum { ROWS_AT_ONCE = 8 /* FAILED, RECOVERING, RUNNING, DEGRADED, and some */ };

void fleet_begin(const struct fleet *fleet) { CHECK(!fleet->telling); }

void fleet_touch(struct terminal *t)
{
	struct fleet *fleet = t->fleet;
	if (t->touched)
		return;
	t->touched = true;
	t->next_touched = FLEET_NONE;
	if (fleet->first_touched == FLEET_NONE)
		fleet->first_touched = t->seen.slot;
	else
		fleet->terminals[fleet->last_touched].next_touched = t->seen.slot;
	fleet->last_touched = t->seen.slot;
}

void fleet_touch_all(struct fleet *fleet)
{
	for (uint32_t slot = 0; slot < fleet->room; slot++)
		if (fleet->terminals[slot].used)
			fleet_touch(&fleet->terminals[slot]);
}

void fleet_on_timer(void *ctx) { fleet_touch(ctx); }

/* ---- facts others read ---- */

void fleet_set_flag(struct terminal *t, uint32_t flag, bool on)
{
	struct fleet_counts *counts = &t->fleet->counts;
	int step = on - has_flag(t, flag);
	if (!step)
		return;
	t->seen.flags ^= flag;
	if (flag == INSTANCE_SUSPECT) {
		counts->suspect += (uint32_t)step;
		guard_list(t, on && is_running(t));
	} else if (flag == INSTANCE_FLAPPING) {
		counts->flapping += (uint32_t)step;
	} else if (flag == INSTANCE_HELD) {
		counts->held += (uint32_t)step;
	}
}

void fleet_set_sample(struct terminal *t, enum sample sample, struct number value)
{
	t->seen.latest.values[sample] = value;
	t->seen.latest.known |= UINT64_C(1) << sample;
	t->seen.latest.ms = t->fleet->wall_ms;
}

/* ---- delivery ---- */

static bool may_deliver(const struct terminal *t)
{
	return is_running(t) && has_link(t) && t->seen.synced && !t->restart.asked &&
	       !t->awaits_hello && knows(t, SAMPLE_con) &&
	       t->seen.latest.values[SAMPLE_con].mantissa == 1 && (is_fit(t) || !t->stated);
}

void fleet_deliver(struct terminal *t)
{
	bool may = may_deliver(t) && !has_flag(t, INSTANCE_SUSPECT);
	if (may == t->seen.delivers)
		return;
	t->seen.delivers = may;
	act_do(t, may ? FLEET_DELIVER : FLEET_PAUSE, instance_state_text(t->seen.state));
}

/* ---- flags and health ---- */

/* SUSPECT begins when a length is over, and ends when the terminal is really heard. */
static bool is_suspect(const struct terminal *t)
{
	if (t->returning)
		return true;
	if (is_running(t) && (!has_link(t) || !t->seen.synced))
		return true;
	if (!has_link(t))
		return false;
	return has_flag(t, INSTANCE_SUSPECT) ? !is_alive(t) : is_due(t, due_suspect_ns(t));
}

static void watch(struct terminal *t)
{
	flap_run(t);
	fleet_set_flag(t, INSTANCE_SUSPECT, is_suspect(t));
	fleet_set_flag(t, INSTANCE_DRAINING, host_drains(t));
	if (!is_running(t) && is_due(t, due_grace_ns(t))) {
		t->socket_told = true;
		tell_fact(t, ALERT_socket_failure, 1, "no connection to weir");
	}
}

static enum instance_health health_of(const struct terminal *t)
{
	switch (t->seen.state) {
	case INSTANCE_FAILED: return HEALTH_CRITICAL;
	case INSTANCE_STOPPED: return t->given_up ? HEALTH_CRITICAL : HEALTH_WARNING;
	case INSTANCE_RUNNING:
		if (!t->firing && !has_flag(t, INSTANCE_SUSPECT | INSTANCE_DRAINING))
			return HEALTH_HEALTHY;
		break;
	default: break;
	}
	return HEALTH_WARNING;
}

static void tell_changes(struct terminal *t)
{
	struct fleet *fleet = t->fleet;
	const struct instance *seen = &t->seen;
	t->seen.health = health_of(t);
	bool same = seen->flags == t->told.flags && seen->health == t->told.health &&
		    seen->rate == t->told.rate && seen->refuses == t->told.refuses;
	if (same && !t->dirty)
		return;
	t->told.flags = seen->flags;
	t->told.health = seen->health;
	t->told.rate = seen->rate;
	t->told.refuses = seen->refuses;
	t->dirty = false;
	fleet->telling = true;
	if (fleet->hooks.on_moved)
		fleet->hooks.on_moved(fleet->hooks.ctx, seen, seen->state);
	fleet->telling = false;
}

/* ---- settling ---- */

/* 4.1: the first that is done about a broken link, whatever else is wrong with it. */
static void tell_network(struct terminal *t)
{
	bool issue = fires(t, ALERT_network_failure) || is_unlinked(t);
	if (!is_running(t) || (!fires(t, ALERT_network_failure) && !t->unlinked.on))
		t->network_told = false;
	if (!is_running(t) || !issue || t->network_told)
		return;
	t->network_told = true;
	machine_event(t, FLEET_NETWORK, t->seen.state, "network", false);
}

static void arm(struct terminal *t)
{
	struct fleet *fleet = t->fleet;
	int64_t next = due_next_ns(t);
	if (next <= fleet->now_ns) {
		fleet->early++;
		next = fleet->now_ns + MS_NS;
	}
	if (next == NEVER)
		timers_cancel(fleet->timers, &t->timer);
	else if (!t->timer.slot || t->timer.deadline_ns != next)
		timers_arm(fleet->timers, &t->timer, next);
}

static void settle(struct terminal *t)
{
	steps_note(t);
	watch(t);
	for (int i = 0; machine_tell(t, ON_LOOK); i++) {
		CHECK(i < ROWS_AT_ONCE);
		watch(t);
	}
	tell_network(t);
	steps_run(t);
	restart_run(t);
	fleet_deliver(t);
	tell_changes(t);
	if (!t->touched)
		arm(t);
}

/* Before time is known nothing is over: what was touched waits for the first turn. */
void fleet_settle(struct fleet *fleet)
{
	if (!fleet->started)
		return;
	do {
		while (fleet->first_touched != FLEET_NONE) {
			struct terminal *t = &fleet->terminals[fleet->first_touched];
			fleet->first_touched = t->next_touched;
			t->touched = false;
			if (t->used)
				settle(t);
		}
	} while (guard_check(fleet));
}
