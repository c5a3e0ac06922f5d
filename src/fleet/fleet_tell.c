/* What the alert engine is told of a terminal, each rule behind its gate (fleet.md 4.1). */
#include <math.h>
#include <stdio.h>

#include "fleet/fleet_impl.h"

/* The text is written where somebody keeps it. */
static void tell_at(struct terminal *t, enum alert_rule rule, double value, double fire,
		    const char *format, double shown)
{
	char text[ALERT_MESSAGE_MAX + 1];
	struct str message = STR("");
	if (alert_listens(t->fleet->alerts, rule, id_of(t), value, fire)) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof text, format, shown);
#pragma GCC diagnostic pop
		message = str_of(text);
	}
	alert_value_at(t->fleet->alerts, rule, id_of(t), value, fire, message);
}

static void tell(struct terminal *t, enum alert_rule rule, double value, const char *format)
{
	tell_at(t, rule, value, alerts_settings(t->fleet->alerts, rule)->fire, format, value);
}

static void tell_cpu(struct terminal *t)
{
	tell(t, ALERT_high_cpu, knows(t, SAMPLE_cpu) ? value_of(t, SAMPLE_cpu) : NAN,
	     "%.1f %% of a core");
}

static void tell_memory(struct terminal *t, enum sample sample)
{
	double value = knows(t, sample) ? value_of(t, sample) : NAN;
	double share = 100 * value / t->fleet->settings.memory_budget_mb;
	tell_at(t, ALERT_high_memory, share,
		alerts_settings(t->fleet->alerts, ALERT_high_memory)->fire, "%.0f MB in use",
		value);
}

static void tell_network(struct terminal *t)
{
	double ping_ms = knows(t, SAMPLE_ping) ? value_of(t, SAMPLE_ping) / 1000 : 0;
	if (t->seen.latest.values[SAMPLE_con].mantissa == 1)
		tell(t, ALERT_network_failure, ping_ms, "%.0f ms to the broker");
	else
		tell(t, ALERT_network_failure, INFINITY, "the link to the broker is gone");
}

void tell_queue(struct terminal *t)
{
	double experts = knows(t, SAMPLE_q) ? value_of(t, SAMPLE_q) : 0;
	double queue = experts + t->seen.waiting;
	if (t->seen.state == INSTANCE_STOPPED)
		return;
	t->seen.refuses = queue > t->fleet->settings.refuse_queue;
	tell(t, ALERT_high_queue, queue, "%.0f signals wait");
}

void tell_state(struct terminal *t, const struct mfp_frame *frame)
{
	tell_queue(t);
	if (!is_running(t))
		return;
	if (mfp_has(frame, MFP_state_cpu) || !knows(t, SAMPLE_cpu))
		tell_cpu(t);
	if (mfp_has(frame, MFP_state_mem))
		tell_memory(t, SAMPLE_mem);
	tell_network(t);
}

void tell_host(struct terminal *t, const struct mfp_frame *frame)
{
	if (!is_running(t))
		return;
	if (mfp_has(frame, MFP_host_cpu))
		tell_cpu(t);
	if (!knows(t, SAMPLE_mem) && mfp_has(frame, MFP_host_rss))
		tell_memory(t, SAMPLE_rss);
}

void tell_fact(struct terminal *t, enum alert_rule rule, double value, const char *what)
{
	struct alerts *alerts = t->fleet->alerts;
	if (rule == ALERT_recovery_failure)
		alert_value_at(alerts, rule, id_of(t), value, t->fleet->settings.attempts_max,
			       str_of(what));
	else
		alert_value(alerts, rule, id_of(t), value, str_of(what));
}

void tell_nothing(struct terminal *t)
{
	struct alerts *alerts = t->fleet->alerts;
	alert_forget(alerts, ALERT_high_cpu, id_of(t));
	alert_forget(alerts, ALERT_high_memory, id_of(t));
	alert_forget(alerts, ALERT_network_failure, id_of(t));
}
