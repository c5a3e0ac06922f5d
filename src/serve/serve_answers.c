/* Answers that every handler gives. */
#include <stdarg.h>
#include <stdio.h>

#include "os/http_problem.h"
#include "serve/serve_impl.h"

struct str serve_headers(void)
{
	return STR("X-Content-Type-Options: nosniff\r\n"
		   "X-Frame-Options: DENY\r\n"
		   "Referrer-Policy: no-referrer\r\n"
		   "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
		   "Cross-Origin-Resource-Policy: same-origin\r\n"
		   "Cache-Control: no-store\r\n");
}

void serve_json(struct http_call *call, int code, struct str body)
{
	http_call_answer(
	    call, &(struct http_reply){ .code = code, .type = "application/json", .body = body });
}

void serve_error_with(struct http_call *call, int code, const char *why,
		      const struct http_header *header)
{
	char storage[6400]; /* why is under 500 bytes, told twice, each byte six at most */
	struct buf body = buf_over(storage, sizeof storage);
	http_problem_put(&body, code, str_of(why));
	struct http_reply reply = { .code = code,
				    .type = HTTP_PROBLEM_TYPE,
				    .body = buf_str(&body) };
	if (header)
		reply.headers[reply.n_headers++] = *header;
	http_call_answer(call, &reply);
}

void serve_error(struct http_call *call, int code, const char *format, ...)
{
	char why[480];
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	serve_error_with(call, code, why, NULL);
}

void serve_error_later(struct http_call *call, int code, int64_t retry_s, const char *why)
{
	char storage[24];
	struct buf seconds = buf_over(storage, sizeof storage);
	buf_i64(&seconds, retry_s > 0 ? retry_s : 1);
	struct http_header header = { STR("Retry-After"), buf_str(&seconds) };
	serve_error_with(call, code, why, &header);
}

void serve_not_here(struct http_call *call, const char *what)
{
	serve_error(call, 503, "%s is not kept here", what);
}

static int code_of(enum status status)
{
	switch (status) {
	case STATUS_NOT_FOUND: return 404;
	case STATUS_INVALID:
	case STATUS_REFUSED:
	case STATUS_UNSUPPORTED:
	case STATUS_FORMAT:
	case STATUS_USAGE: return 400;
	case STATUS_RANGE: return 422;
	case STATUS_TIMEOUT: return 504;
	case STATUS_REDIS_OOM:
	case STATUS_DISK_FULL: return 507;
	default: return 503;
	}
}

void serve_error_status(struct http_call *call, enum status status, struct str text)
{
	char why[480];
	if (!text.len)
		text = str_of(status_text(status));
	snprintf(why, sizeof why, "%.*s", text.len < 400 ? (int)text.len : 400, text.ptr);
	if (status == STATUS_FULL)
		serve_error_later(call, 429, 1, why);
	else
		serve_error_with(call, code_of(status), why, NULL);
}

bool serve_parameter(struct serve_request *request, const char *name, struct str *value)
{
	enum status status = query_get(request->asked->query, name, &request->values, value);
	if (status == STATUS_NOT_FOUND)
		*value = STR("");
	if (!status || status == STATUS_NOT_FOUND)
		return true;
	serve_error(request->call, 400, "the parameter %s is not UTF-8 text, percent-encoded",
		    name);
	return false;
}

bool serve_number(struct serve_request *request, const char *name, int64_t lo, int64_t hi,
		  int64_t usual, int64_t *value)
{
	struct str text;
	if (!serve_parameter(request, name, &text))
		return false;
	*value = usual;
	if (!text.len || (!str_to_i64(text, value) && *value >= lo && *value <= hi))
		return true;
	serve_error(request->call, 400, "%s is %lld..%lld", name, (long long)lo, (long long)hi);
	return false;
}
