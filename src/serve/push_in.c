/* What clients say. */
#include "serve/json_in.h"
#include "serve/push_impl.h"

enum { SAID_QUESTION_BYTES = 1024, SAID_OP_BYTES = 16 };

struct said {
	char op_storage[SAID_OP_BYTES], question_storage[SAID_QUESTION_BYTES];
	struct buf op, question;
	struct str topics; /* the array as it was written; ptr NULL: there is none */
	struct str id;     /* a number, or a string with its quotes */
	bool has_question;
};

/* ---- reading ---- */

static bool is_text(const struct json_in_token *token) { return token->kind == JSON_IN_STRING; }

static const char *read_id(struct said *said, const struct json_in_token *token)
{
	if (token->kind == JSON_IN_NUMBER)
		said->id = token->text;
	else if (is_text(token))
		said->id = str_make(token->text.ptr - 1, token->text.len + 2);
	return said->id.len && said->id.len <= 64 ? NULL : "id is a number or a short text";
}

static const char *read_topics(struct said *said, struct json_in *json,
			       const struct json_in_token *token)
{
	size_t begin = json->at - 1;
	if (token->kind != JSON_IN_ARRAY || !json_in_skip(json))
		return json->why ? json->why : "topics is an array of names";
	said->topics = str_make(json->text.ptr + begin, json->at - begin);
	return NULL;
}

/* NULL, or why not. */
static const char *read_member(struct said *said, struct json_in *json, struct str key)
{
	struct json_in_token token;
	enum json_in_kind kind = json_in_next(json, &token);
	if (kind == JSON_IN_BAD)
		return json->why;
	if (str_eq(key, STR("topics")))
		return read_topics(said, json, &token);
	if (str_eq(key, STR("id")))
		return read_id(said, &token);
	if (str_eq(key, STR("op")) && is_text(&token)) {
		json_in_unescape(token.text, &said->op);
	} else if (str_eq(key, STR("q")) && is_text(&token)) {
		json_in_unescape(token.text, &said->question);
		said->has_question = true;
	} else if ((kind == JSON_IN_OBJECT || kind == JSON_IN_ARRAY) && !json_in_skip(json)) {
		return json->why;
	}
	return NULL;
}

/* NULL, or why not. */
static const char *read_said(struct said *said, struct str text)
{
	struct json_in json;
	struct json_in_token token;
	const char *why = NULL;
	json_in_init(&json, text);
	if (json_in_next(&json, &token) != JSON_IN_OBJECT)
		return json.why ? json.why : "not an object";
	while (!why && json_in_next(&json, &token) == JSON_IN_KEY)
		why = read_member(said, &json, token.text);
	if (!why &&
	    (token.kind != JSON_IN_OBJECT_END || json_in_next(&json, &token) != JSON_IN_END))
		why = json.why;
	return why;
}

/* ---- doing ---- */

static void unlisten(struct push_client *client, struct str name)
{
	int topic = push_find(client->push, name);
	if (topic != PUSH_NOT_THERE)
		push_unlisten(client, topic);
}

static void each_topic(struct push_client *client, const struct said *said, bool listen)
{
	char storage[PUSH_NAME_MAX + 1];
	struct json_in json;
	struct json_in_token token;
	if (!said->topics.ptr) {
		push_error(client, "\"topics\" is missing");
		return;
	}
	json_in_init(&json, said->topics);
	while (json_in_next(&json, &token) > JSON_IN_END) {
		struct buf name = buf_over(storage, sizeof storage - 1);
		if (token.kind != JSON_IN_STRING)
			continue;
		json_in_unescape(token.text, &name);
		const char *why = name.overflow ? "there is no such topic" : NULL;
		if (!why && listen)
			why = push_listen(client, buf_str(&name));
		else if (!why)
			unlisten(client, buf_str(&name));
		if (why)
			push_error(client, "%.*s: %s", STR_ARG(buf_str(&name)), why);
	}
}

static bool asks_too_much(struct push_client *client)
{
	int64_t second = client->push->now_ns / 1000000000;
	if (client->asks_second != second)
		client->asks = 0;
	client->asks_second = second;
	return ++client->asks > PUSH_ASKS_S;
}

static void ask(struct push_client *client, const struct said *said)
{
	struct push *push = client->push;
	struct buf *out = &push->change;
	if (!said->has_question || said->question.overflow || !said->id.len) {
		push_error(client, "a question has an \"id\" and a \"q\" of at most 1024 bytes");
		return;
	}
	if (asks_too_much(client)) {
		push_error(client, "more than %d questions in a second", PUSH_ASKS_S);
		return;
	}
	buf_clear(out);
	buf_put(out, "{\"answer\":", 10);
	buf_str_put(out, said->id);
	buf_put(out, ",\"data\":", 8);
	if (!push->hooks.ask(push->hooks.ctx, buf_str(&said->question), out)) {
		push_error(client, "nothing can be asked here");
		return;
	}
	buf_char(out, '}');
	push->counts.asked++;
	enum status sent = out->overflow ? STATUS_RANGE : http_ws_send(client->ws, buf_str(out));
	if (sent == STATUS_RANGE)
		push_error(client, "the answer is longer than a message may be");
	else if (sent)
		push->counts.skipped++;
}

static void act(struct push_client *client, const struct said *said)
{
	struct str op = buf_str(&said->op);
	if (str_eq(op, STR("sub")))
		each_topic(client, said, true);
	else if (str_eq(op, STR("unsub")))
		each_topic(client, said, false);
	else if (str_eq(op, STR("pause")))
		client->is_paused = true;
	else if (str_eq(op, STR("resume")))
		client->is_paused = false;
	else if (str_eq(op, STR("ask")))
		ask(client, said);
	else
		push_error(client, "op is sub, unsub, pause, resume or ask");
}

void push_message(void *ctx, struct http_ws *ws, struct str text)
{
	struct push_client *client = ctx;
	struct said said = { .topics = { 0 } };
	(void)ws;
	said.op = buf_over(said.op_storage, sizeof said.op_storage);
	said.question = buf_over(said.question_storage, sizeof said.question_storage);
	const char *why = read_said(&said, text);
	if (why)
		push_error(client, "JSON: %s", why);
	else
		act(client, &said);
}
