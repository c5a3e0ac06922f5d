/* What the archive is asked. */
#include "base/check.h"
#include "serve/json_in.h"
#include "serve/serve_impl.h"

enum { SQL_BYTES_MAX = 64 * 1024 };

static void answer(struct http_call *call, enum status status, struct str text, bool cut,
		   const char *type)
{
	struct http_reply reply = { .code = 200, .type = type, .body = text };
	if (status) {
		serve_error_status(call, status, text);
		return;
	}
	if (cut)
		reply.headers[reply.n_headers++] =
		    (struct http_header){ STR("Weir-Truncated"), STR("yes") };
	http_call_answer(call, &reply);
}

static void on_json(void *call, enum status status, struct str text, bool cut)
{
	answer(call, status, text, cut, "application/json");
}

static void on_csv(void *call, enum status status, struct str text, bool cut)
{
	answer(call, status, text, cut, "text/csv; charset=utf-8");
}

static void ask(struct serve_request *request, struct str sql, bool csv)
{
	const struct serve_hooks *hooks = &request->serve->hooks;
	if (!hooks->query)
		serve_not_here(request->call, "an archive");
	else
		hooks->query(hooks->ctx, sql, csv, csv ? on_csv : on_json, request->call);
}

/* False: it was answered. */
static bool read_format(struct serve_request *request, bool *csv)
{
	struct str format;
	if (!serve_parameter(request, "format", &format))
		return false;
	*csv = str_eq(format, STR("csv"));
	if (!format.len || *csv || str_eq(format, STR("json")))
		return true;
	serve_error(request->call, 400, "format is json or csv");
	return false;
}

void serve_archive_get(struct serve_request *request)
{
	struct str sql;
	bool csv;
	if (!serve_parameter(request, "q", &sql) || !read_format(request, &csv))
		return;
	if (sql.len)
		ask(request, sql, csv);
	else
		serve_error(request->call, 400, "?q= is a SELECT");
}

/* {"sql":"…"} and nothing else. */
static bool read_sql(struct str body, struct buf *sql)
{
	static const enum json_in_kind shape[] = { JSON_IN_OBJECT, JSON_IN_KEY, JSON_IN_STRING,
						   JSON_IN_OBJECT_END, JSON_IN_END };
	struct json_in json;
	struct json_in_token token;
	json_in_init(&json, body);
	for (size_t i = 0; i < ARRAY_LEN(shape); i++) {
		if (json_in_next(&json, &token) != shape[i])
			return false;
		if (token.kind == JSON_IN_KEY && !str_eq(token.text, STR("sql")))
			return false;
		if (token.kind == JSON_IN_STRING)
			json_in_unescape(token.text, sql);
	}
	return sql->len && !sql->overflow;
}

void serve_archive_post(struct serve_request *request)
{
	struct buf sql;
	bool csv;
	if (!read_format(request, &csv))
		return;
	buf_init(&sql, SQL_BYTES_MAX);
	if (read_sql(request->asked->body, &sql))
		ask(request, buf_str(&sql), csv);
	else
		serve_error(request->call, 400,
			    "the body is {\"sql\":\"SELECT …\"}, of at most 64 KiB");
	buf_deinit(&sql);
}
