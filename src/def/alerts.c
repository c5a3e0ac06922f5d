#include "def/alerts.h"

#include "base/check.h"

static const struct alert_row rows[] = {
#define ALERT(id, name, kind, severity, op, fire, hold, clear, clear_hold, renotify, cooldown,     \
	      unit, summary)                                                                       \
	{ #id, name, kind, ALERT_##severity, ALERT_##op, unit, summary },
#include "def/alerts.def"
#undef ALERT
};

const struct alert_row *alert_row(enum alert_rule rule)
{
	CHECK((unsigned)rule < ALERT_COUNT);
	return &rows[rule];
}

const char *alert_severity_text(enum alert_severity severity)
{
	static const char *const texts[] = { "info", "warn", "critical" };
	CHECK((unsigned)severity < ARRAY_LEN(texts));
	return texts[severity];
}
