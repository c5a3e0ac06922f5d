/* Sessions and preferences. */
#include "serve/json_in.h"
#include "serve/serve_impl.h"

enum { FIELDS_MAX = 16, TEXT_BYTES_MAX = 16 * 1024 };

struct fields {
	struct str names[FIELDS_MAX], values[FIELDS_MAX];
	size_t count;
	struct buf text;
	char storage[TEXT_BYTES_MAX];
};

static void on_text(void *call, enum status status, struct str text, bool cut)
{
	(void)cut;
	if (status == STATUS_RANGE)
		serve_error(call, 422,
			    "%.*s: there is no such field, it stands twice, or it may not be so",
			    text.len < 64 ? (int)text.len : 64, text.ptr);
	else if (status)
		serve_error_status(call, status, text);
	else
		serve_json(call, 200, text);
}

static void get(struct serve_request *request, bool preference)
{
	const struct serve_hooks *hooks = &request->serve->hooks;
	if (hooks->state_get)
		hooks->state_get(hooks->ctx, preference, request->param, on_text, request->call);
	else
		serve_not_here(request->call, "a session");
}

void serve_session_get(struct serve_request *request) { get(request, false); }
void serve_preference_get(struct serve_request *request) { get(request, true); }

void serve_session_delete(struct serve_request *request)
{
	const struct serve_hooks *hooks = &request->serve->hooks;
	if (hooks->session_end)
		hooks->session_end(hooks->ctx, request->param, on_text, request->call);
	else
		serve_not_here(request->call, "a session");
}

/* ---- what is put ---- */

static struct str keep(struct fields *fields, struct str text, bool escaped)
{
	size_t from = fields->text.len;
	if (escaped)
		json_in_unescape(text, &fields->text);
	else
		buf_str_put(&fields->text, text);
	return str_make(fields->storage + from, fields->text.len - from);
}

/* NULL, or why not. */
static const char *read_member(struct fields *fields, struct json_in *json, struct str key)
{
	struct json_in_token token;
	struct str value;
	switch (json_in_next(json, &token)) {
	case JSON_IN_STRING: value = keep(fields, token.text, true); break;
	case JSON_IN_NUMBER: value = keep(fields, token.text, false); break;
	case JSON_IN_TRUE: value = STR("1"); break;
	case JSON_IN_FALSE: value = STR("0"); break;
	case JSON_IN_NULL: return NULL;
	case JSON_IN_BAD: return json->why;
	default: return "a field's value is neither text, a number, true nor false";
	}
	if (fields->count == FIELDS_MAX)
		return "more than 16 fields";
	fields->names[fields->count] = keep(fields, key, true);
	fields->values[fields->count++] = value;
	return fields->text.overflow ? "more than 16 KiB of fields" : NULL;
}

/* NULL, or why not. */
static const char *read_fields(struct fields *fields, struct json_in *json)
{
	struct json_in_token token;
	const char *why = NULL;
	if (json_in_next(json, &token) != JSON_IN_OBJECT)
		return json->why ? json->why : "not an object";
	while (!why && json_in_next(json, &token) == JSON_IN_KEY)
		why = read_member(fields, json, token.text);
	if (why || token.kind == JSON_IN_BAD)
		return why ? why : json->why;
	return json_in_next(json, &token) == JSON_IN_END ? NULL : json->why;
}

static void put(struct serve_request *request, bool preference)
{
	const struct serve_hooks *hooks = &request->serve->hooks;
	struct fields fields;
	struct json_in json;
	fields.count = 0;
	fields.text = buf_over(fields.storage, sizeof fields.storage);
	json_in_init(&json, request->asked->body);
	const char *why = read_fields(&fields, &json);
	if (why)
		serve_error(request->call, 400, "JSON, byte %zu: %s", json.at, why);
	else if (hooks->state_put)
		hooks->state_put(hooks->ctx, preference, request->param, fields.names,
				 fields.values, fields.count, on_text, request->call);
	else
		serve_not_here(request->call, "a session");
}

void serve_session_put(struct serve_request *request) { put(request, false); }
void serve_preference_put(struct serve_request *request) { put(request, true); }
