/* Making, ending and configuring the engine. */
#include <stdlib.h>

#include "alert/alert_impl.h"
#include "base/check.h"

static const struct alert_settings presets[] = {
#define ALERT(id, name, kind, severity, op, fire, hold, clear, clear_hold, renotify, cooldown,     \
	      unit, summary)                                                                       \
	{ true,                                                                                    \
	  fire,                                                                                    \
	  clear,                                                                                   \
	  INT64_C(1000000) * hold,                                                                 \
	  INT64_C(1000000) * clear_hold,                                                           \
	  INT64_C(1000000) * renotify,                                                             \
	  INT64_C(1000000) * cooldown },
#include "def/alerts.def"
#undef ALERT
};

struct alert_settings alert_settings_default(enum alert_rule rule)
{
	CHECK((unsigned)rule < ALERT_COUNT);
	return presets[rule];
}

struct alerts *alerts_create(const struct alert_hooks *hooks)
{
	struct alerts *alerts = calloc(1, sizeof *alerts);
	if (!alerts)
		return NULL;
	alerts->timers = timers_create(ALERTS_MAX);
	if (!alerts->timers) {
		free(alerts);
		return NULL;
	}
	alerts->hooks = *hooks;
	alerts->hush_next_ms = INT64_MAX;
	for (enum alert_rule rule = 0; rule < ALERT_COUNT; rule++) {
		alerts->rules[rule].settings = presets[rule];
		alerts->rules[rule].interval_ns = ALERT_INTERVAL_NS;
	}
	return alerts;
}

void alerts_destroy(struct alerts *alerts)
{
	if (!alerts)
		return;
	timers_destroy(alerts->timers);
	free(alerts);
}

void alerts_configure(struct alerts *alerts, enum alert_rule rule,
		      const struct alert_settings *settings)
{
	CHECK((unsigned)rule < ALERT_COUNT);
	alerts->rules[rule].settings = *settings;
	for (size_t i = 0; i < alerts->touched; i++) {
		struct alert *alert = &alerts->pool[i];
		if (!alert->used || alert->view.rule != rule)
			continue;
		if (settings->on)
			alert_advance(alert);
		else
			alert_drop(alert);
	}
}

const struct alert_settings *alerts_settings(const struct alerts *alerts, enum alert_rule rule)
{
	CHECK((unsigned)rule < ALERT_COUNT);
	return &alerts->rules[rule].settings;
}

void alerts_set_interval(struct alerts *alerts, enum alert_rule rule, int64_t interval_ns)
{
	CHECK((unsigned)rule < ALERT_COUNT && interval_ns > 0);
	alerts->rules[rule].interval_ns = interval_ns;
}
