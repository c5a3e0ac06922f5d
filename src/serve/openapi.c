#include "serve/openapi.h"

#include <ctype.h>

#include "base/json_out.h"
#include "serve/serve_impl.h"

static struct str lower(const char *word, char *storage, size_t size)
{
	size_t n = 0;
	for (; word[n] && n < size; n++)
		storage[n] = (char)tolower((unsigned char)word[n]);
	return str_make(storage, n);
}

static void put_schema(struct json_out *json, const char *type)
{
	json_out_open(json, "schema", '{');
	json_out_str(json, "type", str_of(type));
	json_out_close(json, '}');
}

static void put_parameter(struct json_out *json, struct str name, const char *in)
{
	json_out_open(json, NULL, '{');
	json_out_str(json, "name", name);
	json_out_str(json, "in", str_of(in));
	if (strcmp(in, "path") == 0)
		json_out_bool(json, "required", true);
	put_schema(json, "string");
	json_out_close(json, '}');
}

static void put_parameters(struct json_out *json, const struct route_row *row)
{
	struct str path = str_of(row->path), part, query = str_of(row->query), name;
	json_out_open(json, "parameters", '[');
	while (str_split(&path, '/', &part))
		if (part.len > 2 && part.ptr[0] == '{')
			put_parameter(json, str_make(part.ptr + 1, part.len - 2), "path");
	while (str_split(&query, ' ', &name))
		if (name.len)
			put_parameter(json, name, "query");
	json_out_close(json, ']');
}

static void put_body(struct json_out *json, const struct route_row *row)
{
	if (row->body == ROUTE_BODY_NONE)
		return;
	json_out_open(json, "requestBody", '{');
	json_out_bool(json, "required", true);
	json_out_open(json, "content", '{');
	json_out_open(json, row->body == ROUTE_BODY_JSON ? "application/json" : "*/*", '{');
	json_out_close(json, '}');
	json_out_close(json, '}');
	json_out_close(json, '}');
}

static void put_security(struct json_out *json, const struct route_row *row)
{
	static const char *const scopes[] = { [ROUTE_SCOPE_READ] = "read",
					      [ROUTE_SCOPE_SIGNAL] = "signal",
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
	json_out_open(json, "responses", '{');
	json_out_open(json, "default", '{');
	json_out_str(json, "description",
		     STR("200 or 202 with the answer; else {\"error\":\"one line\"}"));
	json_out_close(json, '}');
	json_out_close(json, '}');
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
