/* What people say of weir's own alerts, and a dry run of rules. */
#include "serve/json_in.h"
#include "serve/serve_impl.h"

enum { TEXT_BYTES = 8192, REQUESTS_A_RULE = 20 };

/* The members that the routes know; texts point into storage. */
struct said {
	struct str alert, scope, rules;
	int64_t for_s;
	struct buf text;
	char storage[TEXT_BYTES];
};

static const char *take_text(struct said *said, struct json_in *json, struct str *out)
{
	struct json_in_token token;
	size_t from = said->text.len;
	if (json_in_next(json, &token) != JSON_IN_STRING)
		return json->why ? json->why : "this member is a text";
	json_in_unescape(token.text, &said->text);
	*out = str_make(said->storage + from, said->text.len - from);
	return said->text.overflow ? "more than 8 KiB of text" : NULL;
}

static const char *take_member(struct said *said, struct json_in *json, struct str key)
{
	struct json_in_token token;
	if (str_eq(key, STR("alert")))
		return take_text(said, json, &said->alert);
	if (str_eq(key, STR("scope")))
		return take_text(said, json, &said->scope);
	if (str_eq(key, STR("rules")))
		return take_text(said, json, &said->rules);
	if (!str_eq(key, STR("for_s")))
		return "known members are alert, scope, for_s, rules";
	if (json_in_next(json, &token) != JSON_IN_NUMBER || str_to_i64(token.text, &said->for_s))
		return json->why ? json->why : "for_s is a whole number";
	return NULL;
}

/* False: it was answered. */
static bool read_said(struct serve_request *request, struct said *said)
{
	struct json_in_token token;
	struct json_in json;
	const char *why = NULL;
	said->alert = said->scope = said->rules = STR("");
	said->for_s = 0;
	said->text = buf_over(said->storage, sizeof said->storage);
	json_in_init(&json, request->asked->body);
	if (json_in_next(&json, &token) != JSON_IN_OBJECT)
		why = json.why ? json.why : "not an object";
	while (!why && json_in_next(&json, &token) == JSON_IN_KEY)
		why = take_member(said, &json, token.text);
	if (!why && (token.kind == JSON_IN_BAD || json_in_next(&json, &token) != JSON_IN_END))
		why = json.why;
	if (why)
		serve_error(request->call, 400, "JSON, byte %zu: %s", json.at, why);
	return !why;
}

/* ---- acknowledged, muted, told again ---- */

static int code_of(enum status status)
{
	switch (status) {
	case STATUS_OK: return 200;
	case STATUS_NOT_FOUND: return 404;
	case STATUS_INVALID: return 422;
	default: return 503;
	}
}

static void say(struct serve_request *request, struct str verb)
{
	const struct serve_hooks *hooks = &request->serve->hooks;
	char storage[400], body[900];
	struct buf line = buf_over(storage, sizeof storage - 1), out = buf_over(body, sizeof body);
	struct said said;
	if (!hooks->alert_say) {
		serve_not_here(request->call, "an alert");
		return;
	}
	if (!read_said(request, &said))
		return;
	const struct serve_alert_word word = {
		.operator= request->user ? str_of(request->user->name) : STR("http"),
		.verb = verb,
		.alert = said.alert,
		.scope = said.scope,
		.for_s = said.for_s,
	};
	enum status status = hooks->alert_say(hooks->ctx, &word, &line);
	storage[line.len] = 0;
	if (status) {
		serve_error(request->call, code_of(status), "%s", storage);
		return;
	}
	buf_printf(&out, "{\"ok\":true,\"text\":");
	buf_json_str(&out, buf_str(&line));
	buf_char(&out, '}');
	serve_json(request->call, 200, buf_str(&out));
}

void serve_alerts_ack(struct serve_request *request) { say(request, STR("ack")); }
void serve_alerts_mute(struct serve_request *request) { say(request, STR("mute")); }
void serve_alerts_unmute(struct serve_request *request) { say(request, STR("unmute")); }

/* ---- a dry run ---- */

static bool is_rule(struct str line) { return line.len && line.ptr[0] != '#'; }

static size_t count_rules(struct str text)
{
	struct str line;
	size_t count = 0;
	while (text.len && str_split(&text, '\n', &line))
		count += is_rule(str_trim(line));
	return count;
}

static void test_rules(struct serve_request *request, struct str text)
{
	const struct serve_hooks *hooks = &request->serve->hooks;
	struct buf *out = &request->serve->out;
	struct str line;
	bool first = true;
	buf_clear(out);
	buf_printf(out, "{\"rules\":[");
	while (text.len && str_split(&text, '\n', &line)) {
		line = str_trim(line);
		if (!is_rule(line))
			continue;
		if (!first)
			buf_char(out, ',');
		first = false;
		hooks->alert_test(hooks->ctx, line, out);
	}
	buf_printf(out, "]}");
	serve_json(request->call, 200, buf_str(out));
}

/* A rule takes the loop some milliseconds: as much of the address's share as many requests. */
static void charge(struct serve_request *request, size_t rules)
{
	struct serve *serve = request->serve;
	int64_t now_ns = clock_monotonic_ns(serve->clock);
	for (size_t i = 0; serve->rate.burst && i < REQUESTS_A_RULE * rules; i++)
		guard_spend(&serve->rate, request->asked->peer, now_ns);
}

void serve_alerts_test(struct serve_request *request)
{
	struct said said;
	if (!request->serve->hooks.alert_test) {
		serve_not_here(request->call, "a dry run");
		return;
	}
	if (!read_said(request, &said))
		return;
	size_t count = count_rules(said.rules);
	if (!count || count > SERVE_TESTED_MAX)
		serve_error(request->call, 422, "rules: 1 to %d, one a line", SERVE_TESTED_MAX);
	else {
		charge(request, count);
		test_rules(request, said.rules);
	}
}
