#include "cli/check_state.h"

#include <jansson.h>
#include <stdio.h>

#include "base/check.h"
#include "base/json_out.h"

static const char *const level_names[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

void check_unknown(struct str why, struct check_state *state)
{
	why = str_trim(why);
	*state = (struct check_state){ .level = CHECK_UNKNOWN };
	snprintf(state->text, sizeof state->text, "%.*s", STR_ARG(why));
}

/* NULL: state says that it is not understood. */
static json_t *read_answer(struct str answer, struct check_state *state)
{
	json_error_t fault;
	json_t *root = json_loadb(answer.ptr, answer.len, 0, &fault);
	*state = (struct check_state){ .level = CHECK_OK };
	if (json_is_object(root))
		return root;
	json_decref(root);
	check_unknown(STR("weir's answer is not understood"), state);
	return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

/* The worst counts, and says why. */
static void worsen(struct check_state *state, enum check_level level, const char *text)
{
	if (level <= state->level)
		return;
	state->level = level;
	snprintf(state->text, sizeof state->text, "%s", text);
}

void check_ready(struct str answer, struct check_state *state)
{
	json_t *root = read_answer(answer, state);
	const json_t *ready = json_object_get(root, "ready");
	if (!root)
		return;
	if (!json_is_boolean(ready))
		check_unknown(STR("weir's answer is not understood"), state);
	else if (json_is_true(ready))
		snprintf(state->text, sizeof state->text, "every part answers");
	else
		worsen(state, CHECK_CRITICAL, text_of(root, "why"));
	json_decref(root);
}

void check_ledger(struct str answer, struct check_state *state)
{
	json_t *root = read_answer(answer, state);
	const json_t *results = json_object_get(root, "results");
	const json_t *deliveries = json_object_get(root, "deliveries");
	char text[128];
	if (!root)
		return;
	if (!json_is_object(results) || !json_is_object(deliveries)) {
		check_unknown(STR("weir's answer is not understood"), state);
		json_decref(root);
		return;
	}
	snprintf(state->text, sizeof state->text, "%lld deliveries and %lld results accounted for",
		 number_of(deliveries, "received"), number_of(results, "total"));
	snprintf(text, sizeof text, "%lld results are dead: weir archive dead",
		 number_of(results, "dead"));
	if (number_of(results, "dead") > 0)
		worsen(state, CHECK_WARNING, text);
	if (!json_is_true(json_object_get(root, "balanced")))
		worsen(state, CHECK_CRITICAL, text_of(root, "fault"));
	snprintf(state->figures, sizeof state->figures,
		 "received=%lldc waiting=%lld;;;0 in_flight=%lld;;;0 results=%lldc dead=%lld;0;;0",
		 number_of(deliveries, "received"), number_of(deliveries, "waiting"),
		 number_of(deliveries, "in_flight"), number_of(results, "total"),
		 number_of(results, "dead"));
	json_decref(root);
}

/* ---- memory ---- */

static enum check_level level_of(const json_t *segment)
{
	const char *level = text_of(segment, "level");
	if (strcmp(text_of(segment, "state"), "up") != 0)
		return CHECK_WARNING;
	if (strcmp(level, "calm") == 0)
		return number_of(segment, "evicted") > 0 ? CHECK_WARNING : CHECK_OK;
	return strcmp(level, "warn") == 0 ? CHECK_WARNING : CHECK_CRITICAL;
}

static void judge_segment(const json_t *segment, struct check_state *state)
{
	char text[256];
	const char *name = text_of(segment, "segment"), *level = text_of(segment, "level");
	const json_t *left = json_object_get(segment, "full_in_s");
	double used = (double)number_of(segment, "used"), max = (double)number_of(segment, "max");
	size_t at = strlen(state->figures);
	if (strcmp(text_of(segment, "state"), "up") != 0)
		snprintf(text, sizeof text, "%s is %s", name, text_of(segment, "state"));
	else if (strcmp(level, "calm") == 0)
		snprintf(text, sizeof text, "%s has evicted %lld keys", name,
			 number_of(segment, "evicted"));
	else if (json_is_integer(left))
		snprintf(text, sizeof text, "%s is at %.0f %% (%s), full in %lld s", name,
			 max > 0 ? 100 * used / max : 0, level,
			 (long long)json_integer_value(left));
	else
		snprintf(text, sizeof text, "%s is at %.0f %% (%s)", name,
			 max > 0 ? 100 * used / max : 0, level);
	worsen(state, level_of(segment), text);
	if (max > 0)
		snprintf(state->figures + at, sizeof state->figures - at, "%s%s=%.1f%%;70;80;0;100",
			 at ? " " : "", name, 100 * used / max);
}

void check_memory(struct str answer, struct check_state *state)
{
	json_t *root = read_answer(answer, state), *segment;
	const json_t *segments = json_object_get(json_object_get(root, "data"), "segments");
	size_t index;
	if (!root)
		return;
	if (!json_array_size(segments)) {
		check_unknown(STR("weir says nothing of its segments yet"), state);
		json_decref(root);
		return;
	}
	snprintf(state->text, sizeof state->text, "%zu segments are within their budgets",
		 json_array_size(segments));
	json_array_foreach((json_t *)segments, index, segment) judge_segment(segment, state);
	json_decref(root);
}

/* ---- printed ---- */

/* One line; a bar would begin the figures. */
static void put_line(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_char(out, *text == '|' ? '/' : (unsigned char)*text < ' ' ? ' ' : *text);
}

void check_print_nagios(struct buf *out, const char *what, const struct check_state *state)
{
	buf_printf(out, "WEIR %s %s - ", what, level_names[state->level]);
	put_line(out, state->text);
	if (state->figures[0])
		buf_printf(out, " | %s", state->figures);
	buf_char(out, '\n');
}

void check_print_json(struct buf *out, const char *what, const struct check_state *state)
{
	struct json_out json = { .out = out };
	json_out_open(&json, NULL, '{');
	json_out_str(&json, "check", str_of(what));
	json_out_str(&json, "status", str_of(level_names[state->level]));
	json_out_i64(&json, "exit", state->level);
	json_out_bytes(&json, "text", str_of(state->text));
	json_out_bytes(&json, "figures", str_of(state->figures));
	json_out_close(&json, '}');
	buf_char(out, '\n');
}
