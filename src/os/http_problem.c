#include "os/http_problem.h"

const char *http_reason(int code)
{
	switch (code) {
	case 101: return "Switching Protocols";
	case 200: return "OK";
	case 202: return "Accepted";
	case 304: return "Not Modified";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 411: return "Length Required";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 415: return "Unsupported Media Type";
	case 417: return "Expectation Failed";
	case 421: return "Misdirected Request";
	case 422: return "Unprocessable Content";
	case 426: return "Upgrade Required";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	case 505: return "HTTP Version Not Supported";
	case 507: return "Insufficient Storage";
	default: return "Other";
	}
}

void http_problem_put(struct buf *out, int code, struct str why)
{
	buf_put(out, "{\"type\":\"about:blank\",\"title\":", 30);
	buf_json_str(out, str_of(http_reason(code)));
	buf_put(out, ",\"status\":", 10);
	buf_i64(out, code);
	buf_put(out, ",\"detail\":", 10);
	buf_json_str(out, why);
	buf_put(out, ",\"error\":", 9);
	buf_json_str(out, why);
	buf_char(out, '}');
}
