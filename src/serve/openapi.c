#include "serve/openapi.h"

#include <ctype.h>

#include "base/check.h"
#include "os/http_problem.h"
#include "serve/openapi_impl.h"
#include "serve/serve_impl.h"

static struct str lower(const char *word, char *storage, size_t size)
{
	size_t n = 0;
	for (; word[n] && n < size; n++)
		storage[n] = (char)tolower((unsigned char)word[n]);
	return str_make(storage, n);
}

/* ---- parameters ---- */

enum param_type { PARAM_TEXT, PARAM_INT };

struct param {
	const char *route, *name;
	enum param_type type;
	int64_t lo, hi; /* of a text: of its length; hi 0: no bound is told */
	const char *words, *meaning;
};

static const struct param *find_param(const char *route, struct str name)
{
	static const struct param params[] = {
#define PARAM(route, name, type, lo, hi, words, meaning)                                           \
	{ #route, #name, PARAM_##type, lo, hi, words, meaning },
#include "def/answers.def"
	};
	const struct param *found = NULL;
	for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
		if (!str_eq(name, str_of(params[i].name)))
			continue;
		if (strcmp(params[i].route, route) == 0)
			return &params[i];
		if (strcmp(params[i].route, "any") == 0)
			found = &params[i];
	}
	CHECK(found); /* each parameter of routes.def has a row */
	return found;
}

static void put_param_schema(struct json_out *json, const struct param *param)
{
	struct str words = str_of(param->words), word;
	bool is_int = param->type == PARAM_INT;
	json_out_open(json, "schema", '{');
	json_out_str(json, "type", is_int ? STR("integer") : STR("string"));
	if (param->hi) {
		json_out_i64(json, is_int ? "minimum" : "minLength", param->lo);
		json_out_i64(json, is_int ? "maximum" : "maxLength", param->hi);
	}
	if (words.len) {
		json_out_open(json, "enum", '[');
		while (str_split(&words, ' ', &word))
			json_out_str(json, NULL, word);
		json_out_close(json, ']');
	}
	json_out_close(json, '}');
}

static void put_query(struct json_out *json, const char *route, struct str name)
{
	const struct param *param = find_param(route, name);
	json_out_open(json, NULL, '{');
	json_out_str(json, "name", name);
	json_out_str(json, "in", STR("query"));
	json_out_str(json, "description", str_of(param->meaning));
	put_param_schema(json, param);
	json_out_close(json, '}');
}

static void put_path(struct json_out *json, struct str name)
{
	json_out_open(json, NULL, '{');
	json_out_str(json, "name", name);
	json_out_str(json, "in", STR("path"));
	json_out_bool(json, "required", true);
	json_out_open(json, "schema", '{');
	json_out_str(json, "type", STR("string"));
	json_out_close(json, '}');
	json_out_close(json, '}');
}

static void put_parameters(struct json_out *json, const struct route_row *row)
{
	struct str path = str_of(row->path), part, query = str_of(row->query), name;
	json_out_open(json, "parameters", '[');
	while (str_split(&path, '/', &part))
		if (part.len > 2 && part.ptr[0] == '{')
			put_path(json, str_make(part.ptr + 1, part.len - 2));
	while (str_split(&query, ' ', &name))
		if (name.len)
			put_query(json, row->id, name);
	json_out_close(json, ']');
}

/* ---- bodies ---- */

/* NULL: whatever JSON. */
static const char *body_schema(const char *route)
{
	static const struct {
		const char *route, *schema;
	} bodies[] = {
#define BODY(route, schema) { #route, #schema },
#include "def/answers.def"
	};
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
		if (strcmp(bodies[i].route, route) == 0)
			return bodies[i].schema;
	return NULL;
}

static void put_body_schema(struct json_out *json, const struct route_row *row)
{
	const char *schema = body_schema(row->id);
	if (!schema)
		return;
	if (strcmp(schema, "signal") != 0) {
		openapi_put_ref(json, "schema", schema);
		return;
	}
	json_out_open(json, "schema", '{'); /* one, or an array of them */
	json_out_open(json, "oneOf", '[');
	openapi_put_ref(json, NULL, schema);
	json_out_open(json, NULL, '{');
	json_out_str(json, "type", STR("array"));
	json_out_i64(json, "minItems", 1);
	json_out_i64(json, "maxItems", SERVE_SIGNALS_MAX);
	openapi_put_ref(json, "items", schema);
	json_out_close(json, '}');
	json_out_close(json, ']');
	json_out_close(json, '}');
}

static void put_body(struct json_out *json, const struct route_row *row)
{
	if (row->body == ROUTE_BODY_NONE)
		return;
	json_out_open(json, "requestBody", '{');
	json_out_bool(json, "required", true);
	json_out_open(json, "content", '{');
	json_out_open(json, row->body == ROUTE_BODY_JSON ? "application/json" : "*/*", '{');
	put_body_schema(json, row);
	json_out_close(json, '}');
	json_out_close(json, '}');
	json_out_close(json, '}');
}

/* ---- answers ---- */

enum answer_kind { KIND_OBJ, KIND_ANY, KIND_TEXT, KIND_CSV, KIND_HTML, KIND_PNG, KIND_NONE };

static const struct answer {
	const char *route;
	int code;
	enum answer_kind kind;
	const char *schema;
} answers[] = {
#define ANSWER(route, code, kind, schema) { #route, code, KIND_##kind, #schema },
#include "def/answers.def"
};
enum { ANSWERS = sizeof answers / sizeof answers[0] };

static const char *media_of(enum answer_kind kind)
{
	switch (kind) {
	case KIND_TEXT: return "text/plain";
	case KIND_CSV: return "text/csv";
	case KIND_HTML: return "text/html";
	case KIND_PNG: return "image/png";
	default: return "application/json";
	}
}

static bool is_of(const struct answer *answer, const char *route, int code)
{
	return strcmp(answer->route, route) == 0 && answer->code == code;
}

/* One schema, or one of several. */
static void put_objects(struct json_out *json, const char *route, int code)
{
	size_t count = 0;
	for (size_t i = 0; i < ANSWERS; i++)
		count += is_of(&answers[i], route, code) && answers[i].kind == KIND_OBJ;
	if (count > 1) {
		json_out_open(json, "schema", '{');
		json_out_open(json, "oneOf", '[');
	}
	for (size_t i = 0; i < ANSWERS; i++)
		if (is_of(&answers[i], route, code) && answers[i].kind == KIND_OBJ)
			openapi_put_ref(json, count > 1 ? NULL : "schema", answers[i].schema);
	if (count > 1) {
		json_out_close(json, ']');
		json_out_close(json, '}');
	}
}

static void put_content(struct json_out *json, const char *route, int code)
{
	bool has_objects = false;
	json_out_open(json, "content", '{');
	for (size_t i = 0; i < ANSWERS; i++) {
		if (!is_of(&answers[i], route, code) || answers[i].kind == KIND_NONE ||
		    (answers[i].kind == KIND_OBJ && has_objects))
			continue;
		json_out_open(json, media_of(answers[i].kind), '{');
		if (answers[i].kind == KIND_OBJ)
			put_objects(json, route, code);
		has_objects |= answers[i].kind == KIND_OBJ;
		json_out_close(json, '}');
	}
	json_out_close(json, '}');
}

static void open_code(struct json_out *json, int code)
{
	char text[16];
	struct buf out = buf_over(text, sizeof text - 1);
	buf_i64(&out, code);
	text[out.len] = 0;
	json_out_open(json, text, '{');
}

static void put_problem(struct json_out *json, int code)
{
	if (code)
		open_code(json, code);
	else
		json_out_open(json, "default", '{');
	json_out_str(json, "$ref", STR("#/components/responses/problem"));
	json_out_close(json, '}');
}

static void put_problems(struct json_out *json, const struct route_row *row)
{
	if (*row->query || row->body != ROUTE_BODY_NONE)
		put_problem(json, 400);
	if (row->scope != ROUTE_SCOPE_OPEN) {
		put_problem(json, 401);
		put_problem(json, 403);
	}
	if (strchr(row->path, '{'))
		put_problem(json, 404);
	put_problem(json, 429);
	put_problem(json, 0);
}

static bool is_first_of_code(size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (is_of(&answers[i], answers[index].route, answers[index].code))
			return false;
	return true;
}

static void put_responses(struct json_out *json, const struct route_row *row)
{
	json_out_open(json, "responses", '{');
	for (size_t i = 0; i < ANSWERS; i++) {
		if (strcmp(answers[i].route, row->id) != 0 || !is_first_of_code(i))
			continue;
		open_code(json, answers[i].code);
		json_out_str(json, "description", str_of(http_reason(answers[i].code)));
		put_content(json, row->id, answers[i].code);
		json_out_close(json, '}');
	}
	put_problems(json, row);
	json_out_close(json, '}');
}

/* ---- operations ---- */

static void put_security(struct json_out *json, const struct route_row *row)
{
	static const char *const scopes[] = { [ROUTE_SCOPE_READ] = "read",
					      [ROUTE_SCOPE_SIGNAL] = "signal",
					      [ROUTE_SCOPE_ADMIN] = "admin",
					      [ROUTE_SCOPE_OWN] = "admin, or the user's own" };
	json_out_open(json, "security", '[');
	if (row->scope != ROUTE_SCOPE_OPEN && row->scope != ROUTE_SCOPE_HOOK) {
		json_out_open(json, NULL, '{');
		json_out_open(json, "bearer", '[');
		json_out_close(json, ']');
		json_out_close(json, '}');
		json_out_close(json, ']');
		json_out_str(json, "x-scope", str_of(scopes[row->scope]));
		return;
	}
	json_out_close(json, ']');
}

static void put_operation(struct json_out *json, const struct route_row *row)
{
	char storage[16];
	struct str method = lower(row->method, storage, sizeof storage - 1);
	storage[method.len] = 0;
	json_out_open(json, storage, '{');
	json_out_str(json, "operationId", str_of(row->id));
	json_out_str(json, "summary", str_of(row->summary));
	put_parameters(json, row);
	put_body(json, row);
	put_security(json, row);
	put_responses(json, row);
	json_out_close(json, '}');
}

static void put_paths(struct json_out *json)
{
	const char *last = "";
	json_out_open(json, "paths", '{');
	for (int i = 0; i < ROUTE_COUNT; i++) {
		const struct route_row *row = route_row((enum route_id)i);
		if (strcmp(row->path, last) != 0) {
			if (*last)
				json_out_close(json, '}');
			json_out_open(json, row->path, '{');
		}
		put_operation(json, row);
		last = row->path;
	}
	json_out_close(json, '}');
	json_out_close(json, '}');
}

static void put_problem_response(struct json_out *json)
{
	json_out_open(json, "responses", '{');
	json_out_open(json, "problem", '{');
	json_out_str(json, "description", STR("What is wrong, as RFC 9457 has it"));
	json_out_open(json, "content", '{');
	json_out_open(json, HTTP_PROBLEM_TYPE, '{');
	openapi_put_ref(json, "schema", "problem");
	json_out_close(json, '}');
	json_out_close(json, '}');
	json_out_close(json, '}');
	json_out_close(json, '}');
}

static void put_head(struct json_out *json)
{
	json_out_str(json, "openapi", STR("3.0.3"));
	json_out_open(json, "info", '{');
	json_out_str(json, "title", STR("weir"));
	json_out_str(json, "version", STR(WEIR_VERSION));
	json_out_close(json, '}');
	json_out_open(json, "components", '{');
	json_out_open(json, "securitySchemes", '{');
	json_out_open(json, "bearer", '{');
	json_out_str(json, "type", STR("http"));
	json_out_str(json, "scheme", STR("bearer"));
	json_out_close(json, '}');
	json_out_close(json, '}');
	put_problem_response(json);
	openapi_put_schemas(json);
	json_out_close(json, '}');
}

void openapi_print(struct buf *out)
{
	struct json_out json = { .out = out };
	json_out_open(&json, NULL, '{');
	put_head(&json);
	put_paths(&json);
	json_out_close(&json, '}');
}

void serve_openapi(struct serve_request *request)
{
	struct buf *out = &request->serve->out;
	buf_clear(out);
	openapi_print(out);
	serve_json(request->call, 200, buf_str(out));
}
