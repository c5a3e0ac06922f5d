/* When something is over: the lengths of fleet.md 4, worked out from the facts. Each is
 * NEVER where it does not apply; one that has passed is what a guard waits for. */
#include "base/check.h"
#include "fleet/fleet_impl.h"

#define FRESH_NS    (ALERT_INTERVALS * SECOND_NS)
#define UNLINKED_NS (5 * SECOND_NS)  /* row 6: con=0 */
#define SPACED_NS   (60 * SECOND_NS) /* between recoveries while FLAPPING */

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- holds ---- */

void hold_take(struct terminal *t, struct hold *hold, bool so, int64_t stood_still_ns)
{
	if (so && !hold->on)
		hold->since_ns = t->fleet->now_ns;
	else if (so)
		hold->since_ns += stood_still_ns;
	hold->on = so;
}

int64_t hold_end_ns(const struct terminal *t, const struct hold *hold, int64_t length_ns)
{
	int64_t end = hold->since_ns + length_ns;
	return hold->on && end <= t->stated_ns + FRESH_NS ? end : NEVER;
}

/* ---- what is so now ---- */

bool is_alive(const struct terminal *t)
{
	return has_link(t) && t->fleet->now_ns - t->heard_ns < t->fleet->settings.suspect_ns;
}

/* The first trade bit that is 0, as the newest S says; NULL: none. */
static const char *forbidden(const struct terminal *t)
{
	static const char *const texts[] = { "ta=0", "ma=0", "aa=0", "ae=0" };
	for (size_t i = 0; t->stated && i < ARRAY_LEN(texts); i++)
		if (t->seen.latest.values[SAMPLE_ta + i].mantissa == 0)
			return texts[i];
	return NULL;
}

bool is_fit(const struct terminal *t)
{
	return t->stated && t->seen.latest.values[SAMPLE_con].mantissa == 1 && !forbidden(t);
}

bool is_unlinked(const struct terminal *t)
{
	return is_due(t, hold_end_ns(t, &t->unlinked, UNLINKED_NS));
}

const char *trouble_of(const struct terminal *t)
{
	const struct fleet_settings *settings = &t->fleet->settings;
	if (forbidden(t))
		return forbidden(t);
	if (is_unlinked(t))
		return "link";
	if (fires(t, ALERT_network_failure))
		return "network";
	if (fires(t, ALERT_high_cpu))
		return "cpu";
	if (fires(t, ALERT_high_memory))
		return "memory";
	if (fires(t, ALERT_high_queue))
		return "queue";
	if (host_drains(t))
		return "load";
	return is_due(t, hold_end_ns(t, &t->lagging, settings->lag_hold_ns)) ? "lag" : NULL;
}

/* ---- when it is over ---- */

/* Silence counts from here. */
static int64_t heard_ns(const struct terminal *t)
{
	return later(t->heard_ns, t->fleet->allowed_ns);
}

int64_t due_suspect_ns(const struct terminal *t)
{
	if (!has_link(t) || has_flag(t, INSTANCE_SUSPECT))
		return NEVER;
	return heard_ns(t) + t->fleet->settings.suspect_ns;
}

int64_t due_dead_ns(const struct terminal *t)
{
	int64_t dead_ns = t->fleet->settings.dead_ns;
	if (!is_running(t) || t->fleet->counts.guarded)
		return NEVER;
	return heard_ns(t) + (t->returning ? 2 * dead_ns : dead_ns);
}

int64_t due_grace_ns(const struct terminal *t)
{
	bool counts = t->seen.state != INSTANCE_STOPPED && t->seen.state != INSTANCE_STARTING;
	if (!counts || has_link(t) || t->gone_ns == NEVER || t->socket_told ||
	    t->fleet->counts.guarded)
		return NEVER;
	return later(t->gone_ns, t->fleet->allowed_ns) + t->fleet->settings.grace_ns;
}

int64_t due_sync_ns(const struct terminal *t)
{
	if (t->seen.state != INSTANCE_STARTING || !has_link(t) || t->awaits_hello || !t->stated ||
	    is_fit(t))
		return NEVER;
	return t->hello_ns + t->fleet->settings.sync_ns;
}

int64_t due_length_ns(const struct terminal *t, int64_t length_ns)
{
	if (t->fleet->counts.guarded)
		return NEVER;
	return later(t->entered_ns, t->fleet->allowed_ns) + length_ns;
}

int64_t due_recover_ns(const struct terminal *t)
{
	const struct fleet *fleet = t->fleet;
	if (has_flag(t, INSTANCE_HELD))
		return NEVER;
	/* One that has come back by itself is only looked at: nothing is done to it. */
	if ((!fleet->settings.recover || fleet->counts.guarded) && !is_alive(t))
		return NEVER;
	if (has_flag(t, INSTANCE_FLAPPING))
		return later(t->backoff_ns, t->attempted_ns + SPACED_NS);
	return t->backoff_ns;
}

int64_t due_reset_ns(const struct terminal *t)
{
	if (t->seen.state != INSTANCE_RUNNING || !t->seen.attempts)
		return NEVER;
	return t->entered_ns + t->fleet->settings.reset_ns;
}

int64_t due_steady_ns(const struct terminal *t)
{
	if (t->seen.state != INSTANCE_DEGRADED || !has_link(t) || !t->seen.synced || trouble_of(t))
		return NEVER;
	return hold_end_ns(t, &t->good, t->fleet->settings.steady_ns);
}

/* The holds that make trouble, where that would change something. */
static int64_t due_trouble_ns(const struct terminal *t)
{
	int64_t unlinked = hold_end_ns(t, &t->unlinked, UNLINKED_NS);
	int64_t lagging = hold_end_ns(t, &t->lagging, t->fleet->settings.lag_hold_ns);
	if (t->seen.state == INSTANCE_RUNNING)
		return earlier(unlinked, lagging);
	return t->network_told ? NEVER : unlinked;
}

static int64_t due_of_state_ns(const struct terminal *t)
{
	const struct fleet_settings *settings = &t->fleet->settings;
	switch (t->seen.state) {
	case INSTANCE_STARTING:
		return earlier(due_length_ns(t, settings->start_ns), due_sync_ns(t));
	case INSTANCE_RUNNING:
		return earlier(earlier(due_dead_ns(t), due_trouble_ns(t)), due_reset_ns(t));
	case INSTANCE_DEGRADED:
		return earlier(earlier(due_dead_ns(t), due_trouble_ns(t)), due_steady_ns(t));
	case INSTANCE_FAILED: return due_recover_ns(t);
	case INSTANCE_RECOVERING: return due_length_ns(t, settings->recover_ns);
	case INSTANCE_STOPPED:
	case INSTANCE_STATES: break;
	}
	return NEVER;
}

int64_t due_next_ns(const struct terminal *t)
{
	int64_t next = earlier(due_suspect_ns(t), due_grace_ns(t));
	next = earlier(next, due_of_state_ns(t));
	next = earlier(next, earlier(steps_due_ns(t), restart_due_ns(t)));
	return earlier(next, t->unflap_ns);
}
