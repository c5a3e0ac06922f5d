/* A rule of somebody's own on a page and in JSON, and his board. */
#include <math.h>

#include "ask/alerts_own.h"
#include "base/check.h"

/* Of one answer; characters of a page up to which the board may go. */
enum { SHOWN_MAX = 100, BOARD_CHARS = 3600 };

struct str alerts_own_keeper(const struct ask_request *request)
{
	return request->owner.len ? request->owner : STR("local");
}

static struct str next_word(struct str *rest)
{
	*rest = str_trim(*rest);
	struct str word = str_make(rest->ptr, str_find_char(*rest, ' '));
	*rest = str_skip(*rest, word.len);
	return word;
}

/* Everybody's: `list all` of who may see them. */
static struct str shown_owner(const struct ask_request *request, const struct asked *asked)
{
	struct str rest = asked->rest;
	next_word(&rest);
	bool all = !request->owner.len && str_eq_nocase(next_word(&rest), STR("all"));
	return all ? STR("") : alerts_own_keeper(request);
}

/* ---- a rule on a page ---- */

void alerts_own_print_condition(const struct rule_spec *spec, struct page *page)
{
	char text[RULE_TEXT_MAX];
	struct buf rule = buf_over(text, sizeof text);
	rule_print(&rule, spec);
	page_put(page, buf_str(&rule));
}

static void print_pause(const struct rule_view *view, struct page *page)
{
	struct figure until = figure_utc(view->snooze_until_ms);
	switch (view->pause) {
	case RULE_ACTIVE: return;
	case RULE_MUTED: page_text(page, "paused: muted"); break;
	case RULE_SNOOZED:
		page_printf(page, "paused: snoozed until %.*s", STR_ARG(figure_str(&until)));
		break;
	case RULE_CAPPED:
		page_printf(page, "paused: told %u times today, its most", view->fired_today);
		break;
	case RULE_OWNER_CAPPED:
		page_text(page, "paused: as many of yours were told today as may be");
		break;
	case RULE_NO_DATA: page_text(page, "paused: nothing is known of it yet"); break;
	case RULE_STALE: page_text(page, "paused: its data is stale"); break;
	}
	page_end_line(page);
}

static void print_state(const struct rule_view *view, struct page *page)
{
	if (rule_metric_row(view->spec.metric)->kind == RULE_EVENT)
		return;
	if (view->state == RULE_WAITING && view->known)
		page_line(page, "true already: told once it has been false and is true again");
	else if (view->state == RULE_FIRED)
		page_line(page, "was told: told again once it has gone back and come again");
}

static void print_value(const struct rule_view *view, struct page *page)
{
	char text[96];
	struct buf line = buf_over(text, sizeof text);
	if (view->known) {
		buf_str_put(&line, STR("now "));
		decimal_print_trim(&line, view->value.mantissa, view->value.scale);
		if (strcmp(rule_metric_row(view->spec.metric)->unit, "%") == 0)
			buf_str_put(&line, STR(" %"));
		buf_char(&line, ' ');
	}
	if (view->has_market) {
		buf_str_put(&line, STR("on "));
		market_id_print(&line, &view->market);
	}
	page_put(page, buf_str(&line));
	if (view->known && view->distance > 0)
		page_printf(page, " · %.2f %% to go", view->distance);
	if (line.len)
		page_end_line(page);
}

void alerts_own_print_view(const struct rule_view *view, bool owner, struct page *page)
{
	page_printf(page, "%u ", view->id);
	alerts_own_print_condition(&view->spec, page);
	if (owner)
		page_printf(page, " · %s", view->owner);
	page_end_line(page);
	print_value(view, page);
	print_pause(view, page);
	print_state(view, page);
	if (!view->fired)
		return;
	struct figure last = figure_utc(view->fired_ms);
	page_printf(page, "told %llu time%s, last %.*s", (unsigned long long)view->fired,
		    view->fired == 1 ? "" : "s", STR_ARG(figure_str(&last)));
	page_end_line(page);
}

void alerts_own_print(const struct ask_world *world, const struct ask_request *request,
		      const struct asked *asked, struct page *page)
{
	struct rule_view views[SHOWN_MAX];
	struct str owner = shown_owner(request, asked);
	size_t total, n;
	if (!world->rules)
		return;
	n = rules_board(world->rules, owner, views, SHOWN_MAX, &total);
	page_end_line(page);
	page_bold(page, owner.len ? STR("Your own, closest first")
				  : STR("Everybody's own, closest first"));
	if (!total)
		page_line(page, "None. To set one: /alerts add BTC price > 70000");
	for (size_t i = 0; i < n; i++) {
		struct page_mark mark = page_mark(page);
		page_end_line(page);
		alerts_own_print_view(&views[i], !owner.len, page);
		if (page->chars <= BOARD_CHARS)
			continue;
		page_undo(page, &mark);
		n = i;
	}
	if (n < total) {
		page_printf(page, "… %zu more: ask JSON", total - n);
		page_end_line(page);
	}
}

/* ---- JSON ---- */

void alerts_own_json_view(const struct rule_view *view, struct json_out *json)
{
	char text[RULE_TEXT_MAX], market[64];
	struct buf rule = buf_over(text, sizeof text), id = buf_over(market, sizeof market);
	rule_print(&rule, &view->spec);
	market_id_print(&id, &view->market);
	json_out_open(json, NULL, '{');
	json_out_i64(json, "id", view->id);
	json_out_str(json, "owner", str_of(view->owner));
	json_out_str(json, "rule", buf_str(&rule));
	if (view->has_market)
		json_out_str(json, "market", buf_str(&id));
	else
		json_out_null(json, "market");
	json_out_str(json, "state", str_of(rule_state_text(view->state)));
	if (view->pause)
		json_out_str(json, "paused", str_of(rule_pause_text(view->pause)));
	else
		json_out_null(json, "paused");
	json_out_known_decimal(json, "value", view->known, view->value.mantissa, view->value.scale);
	json_out_decimal(json, "threshold", view->spec.threshold.mantissa,
			 view->spec.threshold.scale);
	json_out_str(json, "unit", str_of(rule_metric_row(view->spec.metric)->unit));
	json_out_double(json, "distance_percent", view->distance, 6);
	json_out_bool(json, "once", view->spec.once);
	json_out_i64(json, "every_ms", view->spec.cooldown_ms);
	json_out_i64(json, "max", view->spec.cap);
	json_out_bool(json, "muted", view->muted);
	json_out_known_i64(json, "snoozed_until_ms", view->snooze_until_ms > 0,
			   view->snooze_until_ms);
	json_out_i64(json, "created_ms", view->created_ms);
	json_out_known_i64(json, "told_ms", view->fired_ms > 0, view->fired_ms);
	json_out_i64(json, "told", (int64_t)view->fired);
	json_out_i64(json, "told_today", view->fired_today);
	json_out_i64(json, "not_told", (int64_t)view->suppressed);
	json_out_close(json, '}');
}

void alerts_own_json(const struct ask_world *world, const struct ask_request *request,
		     const struct asked *asked, struct json_out *json)
{
	struct rule_view views[SHOWN_MAX];
	size_t n = 0, total = 0;
	if (world->rules)
		n = rules_board(world->rules, shown_owner(request, asked), views, SHOWN_MAX,
				&total);
	json_out_i64(json, "own_of", (int64_t)total);
	json_out_open(json, "own", '[');
	for (size_t i = 0; i < n; i++)
		alerts_own_json_view(&views[i], json);
	json_out_close(json, ']');
}
