/* alerts.h - the table of alert rules, from alerts.def. Any thread. */
#pragma once

enum alert_rule {
#define ALERT(id, name, kind, severity, op, fire, hold, clear, clear_hold, renotify, cooldown,     \
	      unit, summary)                                                                       \
	ALERT_##id,
#include "def/alerts.def"
#undef ALERT
	ALERT_COUNT
};

enum alert_severity { ALERT_INFO, ALERT_WARN, ALERT_CRITICAL };

/* When a value fires and when it ends an alert: alerts.def says it. */
enum alert_op { ALERT_ABOVE, ALERT_ABOVE_UNDER, ALERT_FROM, ALERT_BELOW, ALERT_EVENT };

struct alert_row {
	const char *id;   /* "whale_trade": its section is [alert.whale_trade] */
	const char *name; /* "WhaleTrade" */
	const char *kind; /* what the scope is: "market", "asset", "venue", "instance" … */
	enum alert_severity severity;
	enum alert_op op;
	const char *unit, *summary;
};

const struct alert_row *alert_row(enum alert_rule rule);
const char *alert_severity_text(enum alert_severity severity); /* "info" "warn" "critical" */
