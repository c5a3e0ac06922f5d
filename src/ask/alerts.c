#include "ask/alerts.h"

#include "ask/alerts_own.h"
#include "base/json_out.h"
#include "ask/page.h"
#include "ask/refuse.h"

/* Alerts of one answer, and characters of a page that they and the rules may fill. */
enum { HUSHES_SHOWN = 12, LISTED_MAX = 64, LIST_CHARS = 2600, RULES_CHARS = 3950 };

struct alerts_facts {
	const struct alerts *alerts;
	const struct ask_world *world;
	const struct ask_request *request;
	const struct asked *asked;
	struct alerts_counts counts;
	struct alert_view list[LISTED_MAX];
	size_t n; /* listed; LISTED_MAX: there may be more */
	int64_t now_ms;
	bool simulated, watched;
};

/* ---- the page ---- */

static const char *heading_of(enum alert_state state)
{
	switch (state) {
	case ALERT_FIRING:
	case ALERT_CLEARING: return "Firing";
	case ALERT_PENDING: return "Pending";
	case ALERT_RESOLVED: return "Ended within the hour";
	case ALERT_QUIET: break;
	}
	return "Quiet";
}

/* Most messages name their scope. */
static bool names_scope(const struct alert_view *alert)
{
	return strstr(alert->message, alert->scope) != NULL;
}

static void print_times(const struct alert_view *alert, struct page *page)
{
	const struct alert_row *row = alert_row(alert->rule);
	struct figure since = figure_utc(alert->first_ms);
	page_printf(page, "since %.*s", STR_ARG(figure_str(&since)));
	if (alert->state == ALERT_RESOLVED) {
		struct figure end = figure_clock(alert->resolved_ms);
		page_printf(page, ", ended %.*s", STR_ARG(figure_str(&end)));
	}
	if (row->op == ALERT_EVENT && alert->events > 1)
		page_printf(page, ", %u times", alert->events);
	else if (row->op != ALERT_EVENT)
		page_printf(page, ", worst %.4g %s", alert->worst, row->unit);
	page_end_line(page);
}

static void print_alert(const struct alert_view *alert, struct page *page)
{
	const struct alert_row *row = alert_row(alert->rule);
	page_end_line(page);
	page_printf(page, "%s %s", alert_severity_text(row->severity), row->name);
	if (!names_scope(alert))
		page_printf(page, " · %s", alert->scope);
	if (alert->state == ALERT_CLEARING)
		page_text(page, " · clearing");
	if (alert->muted)
		page_text(page, " · muted");
	if (alert->acknowledged)
		page_text(page, " · acknowledged");
	page_end_line(page);
	page_line(page, alert->message);
	print_times(alert, page);
}

static void print_list(const struct alerts_facts *facts, struct page *page)
{
	const char *heading = NULL;
	size_t shown = 0;
	for (; shown < facts->n; shown++) {
		const char *next = heading_of(facts->list[shown].state);
		struct page_mark mark = page_mark(page);
		if (heading != next) {
			page_end_line(page);
			page_bold(page, str_of(next));
		}
		print_alert(&facts->list[shown], page);
		if (page->chars > LIST_CHARS) {
			page_undo(page, &mark);
			break;
		}
		heading = next;
	}
	if (shown == facts->n && facts->n < LISTED_MAX)
		return;
	page_end_line(page);
	page_printf(page, "… %zu%s more: ask JSON", facts->n - shown,
		    facts->n == LISTED_MAX ? " or" : "");
	page_end_line(page);
}

static void print_hush(const struct alert_hush *hush, struct page *page)
{
	page_printf(page, "%s%s%s", alert_row(hush->rule)->name, hush->scope[0] ? " " : "",
		    hush->scope);
	if (hush->kind == ALERT_HUSH_MUTE) {
		struct figure until = figure_utc(hush->until_ms);
		page_printf(page, " until %.*s", STR_ARG(figure_str(&until)));
	} else {
		page_text(page, ", acknowledged");
	}
	page_end_line(page);
}

static void print_hushes(const struct alerts *alerts, struct page *page)
{
	struct alert_hush hushes[ALERT_HUSHES_MAX];
	size_t n = alerts_hushes(alerts, hushes, ALERT_HUSHES_MAX);
	if (!n)
		return;
	page_end_line(page);
	page_bold(page, STR("Not told"));
	for (size_t i = 0; i < n && i < HUSHES_SHOWN; i++)
		print_hush(&hushes[i], page);
	if (n <= HUSHES_SHOWN)
		return;
	page_printf(page, "… %zu more: ask JSON", n - HUSHES_SHOWN);
	page_end_line(page);
}

static const char *sign_of(enum alert_op op)
{
	switch (op) {
	case ALERT_BELOW: return "<";
	case ALERT_FROM: return "≥";
	default: return ">";
	}
}

/* Its name says all: it happens, or there is any of it. */
static bool is_plain(const struct alert_row *row, const struct alert_settings *settings)
{
	bool any = row->op == ALERT_EVENT || row->op == ALERT_ABOVE;
	return any && settings->fire <= 0;
}

static void print_rule(const struct alerts *alerts, enum alert_rule rule, struct page *page)
{
	const struct alert_row *row = alert_row(rule);
	const struct alert_settings *settings = alerts_settings(alerts, rule);
	page_text(page, row->name);
	if (!settings->on)
		page_text(page, " (off)");
	else if (rule == ALERT_disk_free)
		page_text(page, " < archive.disk_min");
	else if (!is_plain(row, settings))
		page_printf(page, " %s %.10g%s%s", sign_of(row->op), settings->fire,
			    *row->unit ? " " : "", row->unit);
	if (settings->on && settings->hold_ns) {
		struct figure hold = figure_age(settings->hold_ns / 1000000);
		page_printf(page, " for %.*s", STR_ARG(figure_str(&hold)));
	}
	if (rule == ALERT_oi_move && settings->on)
		page_text(page, ", or the asset's own"); /* market.oi_alert_percent */
	page_end_line(page);
}

static void print_rules(const struct alerts *alerts, struct page *page)
{
	page_end_line(page);
	page_bold(page, STR("Rules"));
	for (int rule = 0; rule < ALERT_COUNT; rule++) {
		struct page_mark mark = page_mark(page);
		print_rule(alerts, (enum alert_rule)rule, page);
		if (page->chars <= RULES_CHARS)
			continue;
		page_undo(page, &mark);
		page_printf(page, "… %d more: ask JSON", ALERT_COUNT - rule);
		page_end_line(page);
		return;
	}
}

static void print_page(const struct alerts_facts *facts, struct page *page)
{
	page_bold(page, facts->simulated ? STR("SIMULATED DATA · Alerts") : STR("Alerts"));
	if (!facts->watched)
		page_line(page, "Neither feed nor fleet runs: their rules are not being watched.");
	page_printf(page, "%u firing, %u pending.", facts->counts.active, facts->counts.pending);
	page_end_line(page);
	if (facts->n)
		print_list(facts, page);
	else
		page_line(page, "Nothing ended within the hour.");
	print_hushes(facts->alerts, page);
	alerts_own_print(facts->world, facts->request, facts->asked, page);
	print_rules(facts->alerts, page);
	if (!facts->now_ms)
		return;
	struct figure when = figure_utc(facts->now_ms);
	page_end_line(page);
	page_printf(page, "as of %.*s", STR_ARG(figure_str(&when)));
	page_end_line(page);
}

/* ---- JSON ---- */

static void json_alert(const struct alert_view *alert, struct json_out *json)
{
	const struct alert_row *row = alert_row(alert->rule);
	json_out_open(json, NULL, '{');
	json_out_str(json, "rule", str_of(row->id));
	json_out_str(json, "name", str_of(row->name));
	json_out_str(json, "severity", str_of(alert_severity_text(row->severity)));
	json_out_str(json, "scope", str_of(alert->scope));
	json_out_str(json, "state", str_of(alert_state_text(alert->state)));
	json_out_str(json, "message", str_of(alert->message));
	json_out_double(json, "value", alert->value, 6);
	json_out_double(json, "worst", alert->worst, 6);
	json_out_str(json, "unit", str_of(row->unit));
	json_out_i64(json, "first_ms", alert->first_ms);
	json_out_i64(json, "last_ms", alert->last_ms);
	json_out_known_i64(json, "resolved_ms", alert->resolved_ms > 0, alert->resolved_ms);
	json_out_i64(json, "told", alert->told);
	json_out_i64(json, "events", alert->events);
	json_out_bool(json, "muted", alert->muted);
	json_out_bool(json, "acknowledged", alert->acknowledged);
	json_out_close(json, '}');
}

static void json_rule(const struct alerts *alerts, enum alert_rule rule, struct json_out *json)
{
	const struct alert_row *row = alert_row(rule);
	const struct alert_settings *settings = alerts_settings(alerts, rule);
	json_out_open(json, NULL, '{');
	json_out_str(json, "rule", str_of(row->id));
	json_out_str(json, "name", str_of(row->name));
	json_out_str(json, "severity", str_of(alert_severity_text(row->severity)));
	json_out_str(json, "scope", str_of(row->kind));
	json_out_str(json, "summary", str_of(row->summary));
	json_out_bool(json, "on", settings->on);
	json_out_double(json, "fire", settings->fire, 6);
	json_out_double(json, "clear", settings->clear, 6);
	json_out_str(json, "unit", str_of(row->unit));
	json_out_str(json, "op", str_of(row->op == ALERT_EVENT ? "event" : sign_of(row->op)));
	json_out_i64(json, "hold_ms", settings->hold_ns / 1000000);
	json_out_close(json, '}');
}

static void json_hushes(const struct alerts *alerts, struct json_out *json)
{
	struct alert_hush hushes[ALERT_HUSHES_MAX];
	size_t n = alerts_hushes(alerts, hushes, ALERT_HUSHES_MAX);
	json_out_open(json, "not_told", '[');
	for (size_t i = 0; i < n; i++) {
		const struct alert_row *row = alert_row(hushes[i].rule);
		bool mute = hushes[i].kind == ALERT_HUSH_MUTE;
		json_out_open(json, NULL, '{');
		json_out_str(json, "kind", mute ? STR("mute") : STR("ack"));
		json_out_str(json, "alert", str_of(row->name));
		json_out_str(json, "rule", str_of(row->id));
		json_out_bytes(json, "scope", str_of(hushes[i].scope));
		json_out_known_i64(json, "until_ms", mute, hushes[i].until_ms);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

static void json_head(const struct alerts_facts *facts, struct json_out *json)
{
	json_out_open(json, NULL, '{');
	json_out_str(json, "command", str_of(asked_command(QUESTION_alerts)));
	json_out_null(json, "symbol");
	json_out_known_i64(json, "as_of_ms", facts->now_ms > 0, facts->now_ms);
	json_out_null(json, "coverage");
	json_out_bool(json, "simulated", facts->simulated);
	json_out_bool(json, "stale", false);
	json_out_null(json, "error");
}

static void print_json(const struct alerts_facts *facts, struct str text, struct buf *out)
{
	struct json_out json = { .out = out };
	json_head(facts, &json);
	json_out_open(&json, "data", '{');
	json_out_str(&json, "action", STR("list"));
	json_out_bool(&json, "watched", facts->watched);
	json_out_i64(&json, "firing", facts->counts.active);
	json_out_i64(&json, "pending", facts->counts.pending);
	alerts_own_json(facts->world, facts->request, facts->asked, &json);
	json_out_open(&json, "alerts", '[');
	for (size_t i = 0; i < facts->n; i++)
		json_alert(&facts->list[i], &json);
	json_out_close(&json, ']');
	json_hushes(facts->alerts, &json);
	json_out_open(&json, "rules", '[');
	for (int rule = 0; rule < ALERT_COUNT; rule++)
		json_rule(facts->alerts, (enum alert_rule)rule, &json);
	json_out_close(&json, ']');
	json_out_close(&json, '}');
	json_out_str(&json, "text", text);
	json_out_close(&json, '}');
}

enum ask_outcome alerts_answer(const struct ask_world *world, const struct ask_request *request,
			       const struct asked *asked, struct buf *out)
{
	struct alerts_facts facts = {
		.alerts = world->alerts,
		.world = world,
		.request = request,
		.asked = asked,
		.now_ms = request->now_ms,
		.simulated = world->options.simulated,
		.watched = world->options.live || world->fleet,
	};
	char storage[PAGE_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	bool json = request->format == ASK_JSON;
	struct page page;
	if (alerts_own_asked(asked))
		return alerts_own_answer(world, request, asked, out);
	if (!world->alerts)
		return refuse(world, request, asked, FAULT_NO_DATA, out);
	facts.counts = alerts_counts(world->alerts);
	facts.n = alerts_list(world->alerts, facts.list, LISTED_MAX);
	page_init(&page, json ? &text : out, request->format == ASK_HTML);
	print_page(&facts, &page);
	if (json)
		print_json(&facts, buf_str(&text), out);
	return ASK_ANSWERED;
}
