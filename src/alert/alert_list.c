/* What people see of alerts and say to them: the list, mutes, acknowledgements. */
#include "alert/alert_impl.h"
#include "base/check.h"

const char *alert_state_text(enum alert_state state)
{
	static const char *const texts[] = { "quiet", "pending", "firing", "clearing", "resolved" };
	CHECK((unsigned)state < ARRAY_LEN(texts));
	return texts[state];
}

struct alerts_counts alerts_counts(const struct alerts *alerts) { return alerts->counts; }

bool alert_fires(const struct alerts *alerts, enum alert_rule rule, struct str scope)
{
	CHECK((unsigned)rule < ALERT_COUNT);
	const struct alert *alert = alert_find(alerts, rule, scope);
	return alert && alert_is_active(alert);
}

/* ---- the list ---- */

static int group_of(const struct alert *alert)
{
	return alert_is_active(alert) ? 0 : alert->view.state == ALERT_PENDING ? 1 : 2;
}

static int64_t time_of(const struct alert *alert)
{
	return alert->view.state == ALERT_RESOLVED ? alert->view.resolved_ms : alert->view.first_ms;
}

/* Equals stand by rule and scope, so that the list does not depend on the pool. */
static bool stands_before(const struct alert *a, const struct alert *b)
{
	int by_group = group_of(a) - group_of(b);
	if (by_group)
		return by_group < 0;
	enum alert_severity x = alert_row(a->view.rule)->severity;
	enum alert_severity y = alert_row(b->view.rule)->severity;
	if (x != y && alert_is_active(a))
		return x > y;
	if (time_of(a) != time_of(b))
		return time_of(a) > time_of(b);
	if (a->view.rule != b->view.rule)
		return a->view.rule < b->view.rule;
	return str_cmp(str_of(a->view.scope), str_of(b->view.scope)) < 0;
}

/* Shell's sort: qsort may allocate. */
static void sort(const struct alert **alerts, size_t n)
{
	static const size_t gaps[] = { 1750, 701, 301, 132, 57, 23, 10, 4, 1 };
	for (size_t g = 0; g < ARRAY_LEN(gaps); g++)
		for (size_t i = gaps[g]; i < n; i++) {
			const struct alert *alert = alerts[i];
			size_t at = i;
			for (; at >= gaps[g] && stands_before(alert, alerts[at - gaps[g]]);
			     at -= gaps[g])
				alerts[at] = alerts[at - gaps[g]];
			alerts[at] = alert;
		}
}

size_t alerts_list(const struct alerts *alerts, struct alert_view *out, size_t cap)
{
	const struct alert *listed[ALERTS_MAX];
	size_t n = 0;
	for (size_t i = 0; i < alerts->touched; i++)
		if (alerts->pool[i].used && alerts->pool[i].view.state != ALERT_QUIET)
			listed[n++] = &alerts->pool[i];
	sort(listed, n);
	if (n > cap)
		n = cap;
	for (size_t i = 0; i < n; i++) {
		out[i] = listed[i]->view;
		out[i].muted = alert_is_muted(listed[i]);
	}
	return n;
}

/* ---- what people say ---- */

/* The rules that a call is about: one, or all. */
static enum alert_rule first_rule(enum alert_rule rule) { return rule == ALERT_COUNT ? 0 : rule; }
static enum alert_rule last_rule(enum alert_rule rule)
{
	return rule == ALERT_COUNT ? ALERT_COUNT - 1 : rule;
}

void alert_forget(struct alerts *alerts, enum alert_rule rule, struct str scope)
{
	CHECK((unsigned)rule < ALERT_COUNT);
	struct alert *alert = alert_find(alerts, rule, scope);
	if (alert)
		alert_drop(alert);
}

void alerts_forget(struct alerts *alerts, struct str scope)
{
	for (enum alert_rule rule = 0; rule < ALERT_COUNT; rule++)
		alert_forget(alerts, rule, scope);
}

enum status alerts_mute(struct alerts *alerts, enum alert_rule rule, struct str scope,
			int64_t until_ns)
{
	enum status status = STATUS_NOT_FOUND;
	CHECK((unsigned)rule <= ALERT_COUNT);
	for (enum alert_rule r = first_rule(rule); r <= last_rule(rule); r++) {
		struct alert *alert = alert_find(alerts, r, scope);
		if (!alert)
			continue;
		alert->mute_until_ns = until_ns ? until_ns : INT64_MAX;
		alert_set_idle(alert, alert_at_rest(alert) && !alert_is_muted(alert));
		alert_advance(alert);
		status = STATUS_OK;
	}
	return status;
}

enum status alerts_acknowledge(struct alerts *alerts, enum alert_rule rule, struct str scope)
{
	enum status status = STATUS_NOT_FOUND;
	CHECK((unsigned)rule <= ALERT_COUNT);
	for (enum alert_rule r = first_rule(rule); r <= last_rule(rule); r++) {
		struct alert *alert = alert_find(alerts, r, scope);
		if (!alert || !alert_is_active(alert))
			continue;
		alert->view.acknowledged = true;
		alert_advance(alert);
		status = STATUS_OK;
	}
	return status;
}
