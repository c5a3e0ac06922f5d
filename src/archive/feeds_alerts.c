/* Rows of alert_log and operator_log. */
#include "archive/feeds_impl.h"

#include <math.h>

#include "base/check.h"

/* ---- rows ---- */

struct alert_told {
	const struct alert_view *view;
	int64_t first_ms, last_ms;
	bool resolved;
};

static void alert_cells(struct archive_rows *rows, const void *what)
{
	const struct alert_told *told = what;
	const struct alert_view *view = told->view;
	const struct alert_row *rule = alert_row(view->rule);
	archive_row_text(rows, COLUMN_alert_log_rule, str_of(rule->id));
	archive_row_text(rows, COLUMN_alert_log_scope, str_of(view->scope));
	archive_row_int(rows, COLUMN_alert_log_first_us, told->first_ms * 1000);
	archive_row_text(rows, COLUMN_alert_log_severity,
			 str_of(alert_severity_text(rule->severity)));
	archive_row_text(rows, COLUMN_alert_log_state,
			 told->resolved ? STR("resolved") : STR("firing"));
	archive_row_int(rows, COLUMN_alert_log_last_us, told->last_ms * 1000);
	if (isfinite(view->value))
		archive_row_real(rows, COLUMN_alert_log_value, view->value);
	archive_row_int(rows, COLUMN_alert_log_told, view->told);
	archive_row_word(rows, COLUMN_alert_log_message, str_of(view->message));
}

static void put(struct feeds *feeds, const struct feeds_firing *firing, int64_t resolved_ms)
{
	const struct alert_told told = {
		.view = &firing->view,
		.first_ms = firing->first_ms,
		.last_ms = resolved_ms ? resolved_ms : firing->view.last_ms,
		.resolved = resolved_ms,
	};
	feeds_queue_put(&feeds->queues[FEEDS_ALERTS], alert_cells, &told);
}

/* ---- those that alert_log calls firing ---- */

static struct feeds_firing *find(struct feeds *feeds, const struct alert_view *view)
{
	for (size_t i = 0; i < feeds->firing_count; i++) {
		struct feeds_firing *firing = &feeds->firing[i];
		if (firing->view.rule == view->rule && strcmp(firing->view.scope, view->scope) == 0)
			return firing;
	}
	return NULL;
}

static void forget(struct feeds *feeds, struct feeds_firing *firing)
{
	*firing = feeds->firing[--feeds->firing_count];
}

static void resolve(struct feeds *feeds, struct feeds_firing *firing, int64_t at_ms)
{
	put(feeds, firing, at_ms);
	forget(feeds, firing);
}

/* NULL: no room, which there is for as many as the engine holds. */
static struct feeds_firing *add(struct feeds *feeds, const struct alert_view *view)
{
	if (feeds->firing_count == ALERTS_MAX)
		return NULL;
	struct feeds_firing *firing = &feeds->firing[feeds->firing_count++];
	*firing = (struct feeds_firing){ .view = *view, .first_ms = view->first_ms };
	return firing;
}

static int64_t wall_ms(const struct feeds *feeds) { return feeds_wall_us(feeds) / 1000; }

/* The incident's entry, as it is now: one that was there before the restart goes on; another
 * incident of the same rule and scope has ended without a word. */
static struct feeds_firing *update(struct feeds *feeds, const struct alert_view *view)
{
	struct feeds_firing *firing = find(feeds, view);
	if (firing && !firing->was && firing->view.first_ms != view->first_ms) {
		resolve(feeds, firing, view->first_ms);
		firing = NULL;
	}
	if (!firing)
		return add(feeds, view);
	firing->was = false;
	firing->view = *view;
	return firing;
}

void feeds_alert_was(struct feeds *feeds, const struct alert_view *alert)
{
	CHECK(!feeds->started);
	struct feeds_firing *firing = find(feeds, alert) ? NULL : add(feeds, alert);
	if (firing)
		firing->was = true;
}

void feeds_alert(struct feeds *feeds, enum alert_notice notice, const struct alert_view *alert)
{
	if (notice != ALERT_ENDED)
		return; /* it is told with all that fire */
	struct feeds_firing *firing = update(feeds, alert);
	if (!firing)
		return;
	resolve(feeds, firing, alert->resolved_ms ? alert->resolved_ms : wall_ms(feeds));
	feeds_flush(feeds);
}

/* Those that ended in silence: forgotten, switched off, or not back since the restart. */
static void resolve_others(struct feeds *feeds)
{
	bool waited =
	    feeds_now_ns(feeds) - feeds->started_ns >= FEEDS_ALERTS_WAIT_MS * INT64_C(1000000);
	for (size_t i = feeds->firing_count; i-- > 0;) {
		struct feeds_firing *firing = &feeds->firing[i];
		if (!firing->seen && (!firing->was || waited))
			resolve(feeds, firing, wall_ms(feeds));
		else
			firing->seen = false;
	}
}

void feeds_tell_alerts(struct feeds *feeds)
{
	if (!feeds->config.alerts)
		return;
	size_t count = alerts_list(feeds->config.alerts, feeds->listed, ALERTS_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct alert_view *view = &feeds->listed[i];
		if ((view->state != ALERT_FIRING && view->state != ALERT_CLEARING) || !view->told)
			continue;
		struct feeds_firing *firing = update(feeds, view);
		if (!firing)
			continue;
		firing->seen = true;
		put(feeds, firing, 0);
	}
	resolve_others(feeds);
}

/* ---- operators ---- */

struct operator_told {
	int64_t at_us;
	struct str operator_name, action, target, outcome;
};

static void operator_cells(struct archive_rows *rows, const void *what)
{
	const struct operator_told *told = what;
	archive_row_int(rows, COLUMN_operator_log_at_us, told->at_us);
	archive_row_text(rows, COLUMN_operator_log_operator, told->operator_name);
	archive_row_text(rows, COLUMN_operator_log_action, told->action);
	archive_row_text(rows, COLUMN_operator_log_target, told->target);
	archive_row_word(rows, COLUMN_operator_log_outcome, told->outcome);
}

/* A time of its own for each: it is the key. */
void feeds_operator(struct feeds *feeds, struct str operator_name, struct str action,
		    struct str target, struct str outcome)
{
	int64_t now_us = feeds_wall_us(feeds);
	feeds->operator_us = now_us > feeds->operator_us ? now_us : feeds->operator_us + 1;
	const struct operator_told told = { feeds->operator_us, operator_name, action, target,
					    outcome };
	feeds_queue_put(&feeds->queues[FEEDS_OPERATOR], operator_cells, &told);
	feeds_flush(feeds);
}
