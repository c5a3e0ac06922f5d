#include "ask/alerts_own.h"

#include "ask/refuse.h"
#include "base/check.h"
#include "base/suggest.h"

enum { TIMES_SHOWN = 12 /* of a dry run, on a page */ };

enum verb { VERB_add, VERB_edit, VERB_del, VERB_mute, VERB_unmute, VERB_snooze, VERB_test, VERBS };

static const struct {
	const char *word;
	enum verb verb;
} verbs[] = {
	{ "add", VERB_add },   { "edit", VERB_edit },     { "del", VERB_del },
	{ "mute", VERB_mute }, { "unmute", VERB_unmute }, { "snooze", VERB_snooze },
	{ "test", VERB_test }, { "delete", VERB_del },    { "remove", VERB_del },
	{ "rm", VERB_del },    { "wake", VERB_unmute },
};

/* A command, while it is carried out. */
struct command {
	const struct ask_world *world;
	const struct ask_request *request;
	const struct asked *asked;
	struct buf *out;
	enum verb verb;
	struct str rest;
	struct rule_view view; /* what became of it */
	struct rule_past past;
	struct rule_spec spec;
	const char *code; /* of the error */
	struct err err;
};

/* ---- what was asked ---- */

static struct str next_word(struct str *rest)
{
	*rest = str_trim(*rest);
	struct str word = str_make(rest->ptr, str_find_char(*rest, ' '));
	*rest = str_skip(*rest, word.len);
	return word;
}

/* VERBS: none of them. */
static enum verb verb_of(struct str word)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq_nocase(word, str_of(verbs[i].word)))
			return verbs[i].verb;
	return VERBS;
}

bool alerts_own_asked(const struct asked *asked)
{
	struct str rest = asked->rest, word = next_word(&rest);
	bool list = !word.len || str_eq_nocase(word, STR("list"));
	rest = str_trim(rest);
	return !list || (rest.len && !str_eq_nocase(rest, STR("all")));
}

static void json_past(const struct command *command, struct json_out *json)
{
	const struct rule_past *past = &command->past;
	char text[RULE_TEXT_MAX], market[64];
	struct buf rule = buf_over(text, sizeof text), id = buf_over(market, sizeof market);
	rule_print(&rule, &command->spec);
	market_id_print(&id, &past->market);
	json_out_open(json, "past", '{');
	json_out_str(json, "rule", buf_str(&rule));
	if (past->has_market)
		json_out_str(json, "market", buf_str(&id));
	else
		json_out_null(json, "market");
	json_out_bool(json, "possible", past->possible);
	json_out_str(json, "basis", str_of(past->basis));
	json_out_known_i64(json, "told", past->possible, past->count);
	json_out_bool(json, "at_least", past->at_least);
	json_out_known_i64(json, "from_ms", past->possible, past->from_ms);
	json_out_known_i64(json, "to_ms", past->possible, past->to_ms);
	json_out_open(json, "told_ms", '[');
	for (uint32_t i = 0; i < past->count && i < RULE_PAST_MAX; i++)
		json_out_i64(json, NULL, past->at_ms[i]);
	json_out_close(json, ']');
	json_out_close(json, '}');
}

/* ---- the commands ---- */

static bool fail(struct command *command, const char *code)
{
	command->code = code;
	return false;
}

static const char *code_of(enum status status)
{
	switch (status) {
	case STATUS_NOT_FOUND: return "unknown_symbol";
	case STATUS_FULL:
	case STATUS_NO_MEMORY: return "full";
	default: return "bad_alert";
	}
}

/* A terminal that is not known is more likely a slip than one to come. */
static bool check_terminal(struct command *command, const struct rule_spec *spec)
{
	const struct fleet *fleet = command->world->fleet;
	if (spec->metric != RULE_terminal || strcmp(spec->subject, "all") == 0)
		return true;
	if (fleet && fleet_find(fleet, str_of(spec->subject)) != FLEET_NONE)
		return true;
	err_set(&command->err, STATUS_NOT_FOUND,
		fleet ? "No terminal '%s' is known: /fleet lists them."
		      : "No terminals are kept here, so none called '%s'.",
		spec->subject);
	return fail(command, "unknown_terminal");
}

static bool take_id(struct command *command, uint32_t *id)
{
	struct str word = next_word(&command->rest), digits = word;
	uint64_t value = 0;
	digits = str_skip(digits, digits.len && digits.ptr[0] == '#');
	bool number = !str_to_u64(digits, &value) && value && value <= UINT32_MAX;
	*id = (uint32_t)value;
	struct str owner = command->request->owner;
	if (number && rules_find(command->world->rules, owner, *id, &command->view))
		return true;
	if (number)
		err_set(&command->err, STATUS_NOT_FOUND,
			"You have no alert %u: /alerts lists them.", *id);
	else
		err_set(&command->err, STATUS_USAGE,
			"Say which alert by its number, as in /alerts %s 12%s.",
			verbs[command->verb].word, command->verb == VERB_snooze ? " 1h" : "");
	return fail(command, number ? "unknown_alert" : "bad_alert");
}

static bool take_end(struct command *command)
{
	struct str word = next_word(&command->rest);
	if (!word.len)
		return true;
	err_set(&command->err, STATUS_USAGE, "There is more than /alerts %s takes.",
		verbs[command->verb].word);
	return fail(command, "bad_alert");
}

static bool run_add(struct command *command)
{
	uint32_t id;
	struct rules *rules = command->world->rules;
	enum status status = rule_parse(command->rest, &command->spec, &command->err);
	if (!status && !check_terminal(command, &command->spec))
		return false;
	if (!status)
		status = rules_add(rules, alerts_own_keeper(command->request), &command->spec, &id,
				   &command->err);
	if (status)
		return fail(command, code_of(status));
	return rules_find(rules, STR(""), id, &command->view);
}

static bool run_edit(struct command *command)
{
	uint32_t id;
	struct rules *rules = command->world->rules;
	if (!take_id(command, &id))
		return false;
	command->spec = command->view.spec;
	enum status status = rule_parse_change(command->rest, &command->spec, &command->err);
	if (!status && !check_terminal(command, &command->spec))
		return false;
	if (!status)
		status =
		    rules_edit(rules, command->request->owner, id, &command->spec, &command->err);
	if (status)
		return fail(command, code_of(status));
	return rules_find(rules, STR(""), id, &command->view);
}

static bool run_snooze(struct command *command, uint32_t id)
{
	struct rules *rules = command->world->rules;
	struct str word = next_word(&command->rest);
	int64_t ms = rule_time_ms(word);
	if (!ms) {
		err_set(&command->err, STATUS_USAGE,
			"Say for how long, 1m to 7d, as in /alerts snooze %u 1h.", id);
		return fail(command, "bad_alert");
	}
	if (!take_end(command))
		return false;
	enum status status =
	    rules_snooze(rules, command->request->owner, id, rules_now_ms(rules) + ms);
	CHECK(status == STATUS_OK);
	return true;
}

/* del, mute, unmute, snooze: one alert, by its number. */
static bool run_one(struct command *command)
{
	struct rules *rules = command->world->rules;
	struct str owner = command->request->owner;
	enum status status;
	uint32_t id;
	if (!take_id(command, &id))
		return false;
	if (command->verb == VERB_snooze) {
		if (!run_snooze(command, id))
			return false;
	} else if (!take_end(command)) {
		return false;
	} else {
		status = command->verb == VERB_del
			     ? rules_remove(rules, owner, id)
			     : rules_mute(rules, owner, id, command->verb == VERB_mute);
		CHECK(status == STATUS_OK);
	}
	if (command->verb != VERB_del)
		return rules_find(rules, owner, id, &command->view);
	return true;
}

static bool run_test(struct command *command)
{
	enum status status = rule_parse(command->rest, &command->spec, &command->err);
	if (!status)
		status = rules_past(command->world->rules, &command->spec, &command->past,
				    &command->err);
	return status ? fail(command, code_of(status)) : true;
}

static bool run_unknown(struct command *command, struct str word)
{
	char text[64];
	struct buf near = buf_over(text, sizeof text);
	if (str_eq_nocase(word, STR("list"))) {
		err_set(&command->err, STATUS_USAGE,
			"Nothing may follow /alerts list, or all: everybody's.");
		return fail(command, "bad_alert");
	}
	struct suggest suggest = suggest_for(word);
	suggest_offer(&suggest, STR("list"));
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		suggest_offer(&suggest, str_of(verbs[i].word));
	suggest_print(&near, &suggest);
	err_set(&command->err, STATUS_USAGE,
		"'/alerts %s' is not known%.*s%s Use list, add, edit, del, mute, unmute, snooze "
		"or test.",
		command->asked->word, (int)near.len, near.ptr, near.len ? "" : ".");
	return fail(command, "bad_alert");
}

static bool run(struct command *command)
{
	struct str word = next_word(&command->rest);
	const struct ask_request *request = command->request;
	command->verb = verb_of(word);
	if (command->verb == VERBS)
		return run_unknown(command, word);
	if (command->verb == VERB_test)
		return run_test(command);
	if (request->look_only || (request->owner.len && request->role < ROLE_READER)) {
		err_set(&command->err, STATUS_REFUSED, "Nothing may be changed from here.");
		return fail(command, "not_allowed");
	}
	switch (command->verb) {
	case VERB_add: return run_add(command);
	case VERB_edit: return run_edit(command);
	default: return run_one(command);
	}
}

/* ---- the answer ---- */

static void print_times(const struct rule_past *past, struct page *page)
{
	uint32_t shown = past->count < TIMES_SHOWN ? past->count : TIMES_SHOWN;
	for (uint32_t i = 0; i < shown; i++) {
		struct figure at = figure_utc(past->at_ms[i]);
		page_put(page, figure_str(&at));
		page_end_line(page);
	}
	if (past->count > shown) {
		page_printf(page, "… and %u more", past->count - shown);
		page_end_line(page);
	}
}

static void print_past(const struct command *command, struct page *page)
{
	const struct rule_past *past = &command->past;
	char text[64];
	struct buf id = buf_over(text, sizeof text);
	alerts_own_print_condition(&command->spec, page);
	if (!past->possible) {
		page_printf(page, ": this cannot be said, %s.", past->basis);
		page_end_line(page);
		if (command->spec.metric != RULE_terminal)
			page_line(page,
				  "Over a recording: weir alerts test FILE --replay RECORDING");
		return;
	}
	page_printf(page, " would have been told %s%u time%s in 24 h.",
		    past->at_least ? "at least " : "", past->count, past->count == 1 ? "" : "s");
	page_end_line(page);
	print_times(past, page);
	struct figure to = figure_minute(past->to_ms);
	market_id_print(&id, &past->market);
	page_printf(page, "By %s", past->basis);
	if (past->has_market)
		page_printf(page, " of %.*s", STR_ARG(buf_str(&id)));
	page_printf(page, ", up to %.*s.", STR_ARG(figure_str(&to)));
	page_end_line(page);
}

static void print_chosen(const struct rule_view *view, struct page *page)
{
	if (!view->has_market || strchr(view->spec.subject, ':'))
		return;
	page_printf(page, "Of %s it watches the %s with the most volume; name another in full.",
		    view->spec.subject,
		    rule_metric_row(view->spec.metric)->scope == RULE_PERP ? "perpetual"
									   : "market");
	page_end_line(page);
}

static void print_how_often(const struct rule_spec *spec, struct page *page)
{
	char text[16];
	struct buf every = buf_over(text, sizeof text);
	rule_print_time(&every, spec->cooldown_ms);
	if (spec->once)
		page_text(page, "It is told once, and is gone then.");
	else
		page_printf(page, "It is told at most every %.*s, and %u times a day.",
			    STR_ARG(buf_str(&every)), spec->cap);
	page_end_line(page);
}

static void print_done(const struct command *command, struct page *page)
{
	static const char *const done[] = {
		[VERB_add] = "is set",           [VERB_edit] = "is changed",
		[VERB_del] = "is deleted",       [VERB_mute] = "is muted",
		[VERB_unmute] = "is told again", [VERB_snooze] = "is snoozed",
	};
	bool simulated = command->world->options.simulated;
	page_printf(page, "%sAlert %u %s.", simulated ? "SIMULATED DATA · " : "", command->view.id,
		    done[command->verb]);
	page_end_line(page);
	if (command->verb == VERB_del) {
		alerts_own_print_condition(&command->view.spec, page);
		page_end_line(page);
		return;
	}
	alerts_own_print_view(&command->view, false, page);
	if (command->verb > VERB_edit)
		return;
	print_chosen(&command->view, page);
	print_how_often(&command->view.spec, page);
}

static void json_done(const struct command *command, struct str text)
{
	struct json_out json = { .out = command->out };
	int64_t now_ms = command->request->now_ms;
	json_out_open(&json, NULL, '{');
	json_out_str(&json, "command", str_of(asked_command(QUESTION_alerts)));
	json_out_null(&json, "symbol");
	json_out_known_i64(&json, "as_of_ms", now_ms > 0, now_ms);
	json_out_null(&json, "coverage");
	json_out_bool(&json, "simulated", command->world->options.simulated);
	json_out_bool(&json, "stale", false);
	json_out_null(&json, "error");
	json_out_open(&json, "data", '{');
	json_out_str(&json, "action", str_of(verbs[command->verb].word));
	if (command->verb == VERB_test) {
		json_past(command, &json);
	} else {
		json_out_open(&json, "own", '[');
		alerts_own_json_view(&command->view, &json);
		json_out_close(&json, ']');
	}
	json_out_close(&json, '}');
	json_out_str(&json, "text", text);
	json_out_close(&json, '}');
}

static enum ask_outcome refuse_command(const struct command *command)
{
	bool usage = command->err.status == STATUS_USAGE;
	return refuse_sentence(command->world, command->request, command->asked, command->code,
			       usage ? ASK_USAGE : ASK_NO, str_of(command->err.text), command->out);
}

enum ask_outcome alerts_own_answer(const struct ask_world *world, const struct ask_request *request,
				   const struct asked *asked, struct buf *out)
{
	struct command command = {
		.world = world, .request = request, .asked = asked, .out = out, .rest = asked->rest
	};
	char storage[PAGE_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	bool json = request->format == ASK_JSON;
	struct page page;
	if (!world->rules)
		return refuse(world, request, asked, FAULT_NO_DATA, out);
	if (!run(&command))
		return refuse_command(&command);
	page_init(&page, json ? &text : out, request->format == ASK_HTML);
	if (command.verb == VERB_test)
		print_past(&command, &page);
	else
		print_done(&command, &page);
	if (json)
		json_done(&command, buf_str(&text));
	return ASK_ANSWERED;
}
