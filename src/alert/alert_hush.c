/* Mutes and acknowledgements: a small table beside the alerts. */
#include "alert/alert_impl.h"
#include "base/check.h"

static const char *const words[] = { "mute", "ack" };

static bool is_for(const struct alert_hush *hush, enum alert_rule rule, struct str scope)
{
	return hush->rule == rule &&
	       (!hush->scope[0] || str_eq(str_of(hush->scope), alert_cut(scope, ALERT_SCOPE_MAX)));
}

static struct alert_hush *find(struct alerts *alerts, enum alert_hush_kind kind,
			       enum alert_rule rule, struct str scope)
{
	for (size_t i = 0; i < alerts->n_hushes; i++) {
		struct alert_hush *hush = &alerts->hushes[i];
		if (hush->kind == kind && hush->rule == rule && str_eq(str_of(hush->scope), scope))
			return hush;
	}
	return NULL;
}

static void changed(struct alerts *alerts)
{
	alerts->hushes_version++;
	alerts->hush_next_ms = INT64_MAX;
	for (size_t i = 0; i < alerts->n_hushes; i++) {
		int64_t until_ms = alerts->hushes[i].until_ms;
		if (until_ms && until_ms < alerts->hush_next_ms)
			alerts->hush_next_ms = until_ms;
	}
}

static void remove_at(struct alerts *alerts, size_t at)
{
	alerts->hushes[at] = alerts->hushes[--alerts->n_hushes];
}

static bool is_good_scope(struct str scope)
{
	for (size_t i = 0; i < scope.len; i++)
		if ((unsigned char)scope.ptr[i] < ' ')
			return false;
	return true;
}

static enum status add(struct alerts *alerts, enum alert_hush_kind kind, enum alert_rule rule,
		       struct str scope, int64_t until_ms)
{
	scope = alert_cut(scope, ALERT_SCOPE_MAX);
	struct alert_hush *hush = find(alerts, kind, rule, scope);
	if (!hush && alerts->n_hushes == ALERT_HUSHES_MAX)
		return STATUS_FULL;
	if (!hush)
		hush = &alerts->hushes[alerts->n_hushes++];
	*hush = (struct alert_hush){ .kind = kind, .rule = rule, .until_ms = until_ms };
	if (scope.len)
		memcpy(hush->scope, scope.ptr, scope.len);
	changed(alerts);
	return STATUS_OK;
}

/* ---- mutes ---- */

static int64_t ns_of(const struct alerts *alerts, int64_t until_ms)
{
	return alerts->now_ns + (until_ms - alerts->wall_ms) * ALERT_TICK_NS;
}

int64_t alert_hush_until_ns(const struct alerts *alerts, enum alert_rule rule, struct str scope)
{
	int64_t until_ns = INT64_MIN;
	for (size_t i = 0; i < alerts->n_hushes; i++) {
		const struct alert_hush *hush = &alerts->hushes[i];
		if (hush->kind != ALERT_HUSH_MUTE || !is_for(hush, rule, scope))
			continue;
		int64_t end_ns = ns_of(alerts, hush->until_ms);
		until_ns = end_ns > until_ns ? end_ns : until_ns;
	}
	return until_ns;
}

/* Alerts of the rule that are there already. */
static void apply(struct alerts *alerts, enum alert_rule rule)
{
	for (size_t i = 0; i < alerts->touched; i++) {
		struct alert *alert = &alerts->pool[i];
		if (!alert->used || alert->view.rule != rule)
			continue;
		alert->mute_until_ns = alert_hush_until_ns(alerts, rule, str_of(alert->view.scope));
		alert_set_idle(alert, alert_at_rest(alert) && !alert_is_muted(alert));
		alert_advance(alert);
	}
}

enum status alerts_hush_mute(struct alerts *alerts, enum alert_rule rule, struct str scope,
			     int64_t until_ms)
{
	CHECK((unsigned)rule < ALERT_COUNT);
	if (until_ms <= alerts->wall_ms || !is_good_scope(scope))
		return STATUS_INVALID;
	enum status status = add(alerts, ALERT_HUSH_MUTE, rule, scope, until_ms);
	if (!status)
		apply(alerts, rule);
	return status;
}

enum status alerts_hush_end(struct alerts *alerts, enum alert_rule rule, struct str scope)
{
	size_t before = alerts->n_hushes;
	CHECK((unsigned)rule < ALERT_COUNT);
	scope = alert_cut(scope, ALERT_SCOPE_MAX);
	for (size_t i = alerts->n_hushes; i > 0; i--) {
		const struct alert_hush *hush = &alerts->hushes[i - 1];
		if (hush->kind == ALERT_HUSH_MUTE && hush->rule == rule &&
		    (!scope.len || str_eq(str_of(hush->scope), scope)))
			remove_at(alerts, i - 1);
	}
	if (alerts->n_hushes == before)
		return STATUS_NOT_FOUND;
	changed(alerts);
	apply(alerts, rule);
	return STATUS_OK;
}

void alert_hush_step(struct alerts *alerts)
{
	if (alerts->wall_ms < alerts->hush_next_ms)
		return;
	for (size_t i = alerts->n_hushes; i > 0; i--) {
		const struct alert_hush *hush = &alerts->hushes[i - 1];
		if (hush->until_ms && hush->until_ms <= alerts->wall_ms)
			remove_at(alerts, i - 1);
	}
	changed(alerts);
}

/* ---- acknowledgements ---- */

enum status alerts_hush_ack(struct alerts *alerts, enum alert_rule rule, struct str scope)
{
	enum status status = STATUS_NOT_FOUND;
	CHECK((unsigned)rule < ALERT_COUNT);
	scope = alert_cut(scope, ALERT_SCOPE_MAX);
	for (size_t i = 0; i < alerts->touched && status != STATUS_FULL; i++) {
		struct alert *alert = &alerts->pool[i];
		struct str name = str_of(alert->view.scope);
		if (!alert->used || alert->view.rule != rule || !alert_is_active(alert) ||
		    (scope.len && !str_eq(name, scope)))
			continue;
		status = add(alerts, ALERT_HUSH_ACK, rule, name, 0);
		alert->view.acknowledged |= !status;
		alert_advance(alert);
	}
	return status;
}

bool alert_hush_claims(struct alert *alert)
{
	struct alerts *alerts = alert->owner;
	struct alert_hush *hush =
	    find(alerts, ALERT_HUSH_ACK, alert->view.rule, str_of(alert->view.scope));
	if (!hush)
		return false;
	hush->until_ms = 0;
	changed(alerts);
	return true;
}

void alert_hush_over(const struct alert *alert)
{
	struct alerts *alerts = alert->owner;
	struct alert_hush *hush =
	    find(alerts, ALERT_HUSH_ACK, alert->view.rule, str_of(alert->view.scope));
	if (!hush || !alert->view.acknowledged)
		return;
	remove_at(alerts, (size_t)(hush - alerts->hushes));
	changed(alerts);
}

/* ---- for who stores and shows them ---- */

size_t alerts_hushes(const struct alerts *alerts, struct alert_hush *out, size_t cap)
{
	size_t n = alerts->n_hushes < cap ? alerts->n_hushes : cap;
	memcpy(out, alerts->hushes, n * sizeof *out);
	return n;
}

uint64_t alerts_hushes_version(const struct alerts *alerts) { return alerts->hushes_version; }

void alerts_pack_hushes(const struct alerts *alerts, struct buf *out)
{
	for (size_t i = 0; i < alerts->n_hushes; i++) {
		const struct alert_hush *hush = &alerts->hushes[i];
		bool mute = hush->kind == ALERT_HUSH_MUTE;
		buf_printf(out, "%s %s %lld %s\n", words[hush->kind], alert_row(hush->rule)->id,
			   mute ? (long long)hush->until_ms : 0, hush->scope);
	}
}

static bool read_rule(struct str id, enum alert_rule *rule)
{
	for (*rule = 0; *rule < ALERT_COUNT; (*rule)++)
		if (str_eq(id, str_of(alert_row(*rule)->id)))
			return true;
	return false;
}

static bool take_line(struct alerts *alerts, struct str line, int64_t wall_ms)
{
	struct str kind, id, until, rest = line;
	enum alert_rule rule;
	int64_t until_ms;
	if (!str_split(&rest, ' ', &kind) || !str_split(&rest, ' ', &id) ||
	    !str_split(&rest, ' ', &until) || !rest.ptr || str_to_i64(until, &until_ms) ||
	    !read_rule(id, &rule) || rest.len > ALERT_SCOPE_MAX || !is_good_scope(rest))
		return false;
	if (str_eq(kind, str_of(words[ALERT_HUSH_ACK])))
		return rest.len &&
		       !add(alerts, ALERT_HUSH_ACK, rule, rest, wall_ms + ALERT_ACK_PATIENCE_MS);
	return str_eq(kind, str_of(words[ALERT_HUSH_MUTE])) && until_ms > wall_ms &&
	       !add(alerts, ALERT_HUSH_MUTE, rule, rest, until_ms);
}

size_t alerts_take_hushes(struct alerts *alerts, struct str text, int64_t wall_ms)
{
	struct str line;
	size_t left_out = 0;
	if (!alerts->wall_ms)
		alerts->wall_ms = wall_ms;
	while (text.len && str_split(&text, '\n', &line))
		left_out += line.len && !take_line(alerts, line, wall_ms);
	return left_out;
}
