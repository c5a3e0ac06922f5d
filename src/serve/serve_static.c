/* The dashboard's files. */
#include "serve/serve_impl.h"

static const struct serve_file *find(const struct serve *serve, struct str path)
{
	for (size_t i = 0; i < serve->file_count; i++)
		if (str_eq(path, str_of(serve->files[i].path)))
			return &serve->files[i];
	return NULL;
}

static struct str header_lines(void)
{
	return STR("X-Content-Type-Options: nosniff\r\n"
		   "X-Frame-Options: DENY\r\n"
		   "Referrer-Policy: no-referrer\r\n"
		   "Content-Security-Policy: default-src 'self'; frame-ancestors 'none'; "
		   "base-uri 'none'; form-action 'none'\r\n"
		   "Cross-Origin-Resource-Policy: same-origin\r\n"
		   "Cache-Control: no-cache\r\n"
		   "Vary: Accept-Encoding\r\n");
}

/* `"a", W/"b"` or `*`: a weak tag does as well (RFC 9110, 13.1.2). */
static bool is_known_to(const struct http_asked *asked, struct str etag)
{
	struct str tags = http_asked_header(asked, STR("if-none-match")), tag;
	if (!tags.ptr)
		return false;
	while (str_split(&tags, ',', &tag)) {
		tag = str_trim(tag);
		if (str_starts(tag, STR("W/")))
			tag = str_skip(tag, 2);
		if (str_eq(tag, etag) || str_eq(tag, STR("*")))
			return true;
	}
	return false;
}

/* q=0, q=0.000: not wanted (RFC 9110, 12.4.2). */
static bool is_weight_zero(struct str weight)
{
	if (!str_starts(weight, STR("q=0")))
		return false;
	for (size_t i = 3; i < weight.len; i++)
		if (weight.ptr[i] >= '1' && weight.ptr[i] <= '9')
			return false;
	return true;
}

static bool takes_gzip(const struct http_asked *asked)
{
	struct str codings = http_asked_header(asked, STR("accept-encoding")), coding;
	if (!codings.ptr)
		return false;
	while (str_split(&codings, ',', &coding)) {
		size_t end = str_find_char(coding, ';');
		struct str name = str_trim(str_make(coding.ptr, end));
		if (str_eq_nocase(name, STR("gzip")) || str_eq_nocase(name, STR("x-gzip")))
			return !is_weight_zero(str_trim(str_skip(coding, end + 1)));
	}
	return false;
}

static void answer(struct http_call *call, const struct http_asked *asked,
		   const struct serve_file *file)
{
	struct http_reply reply = {
		.code = 200, .type = file->type, .body = file->plain, .lines = header_lines()
	};
	struct str etag = str_of(file->etag);
	reply.headers[reply.n_headers++] = (struct http_header){ STR("ETag"), etag };
	if (is_known_to(asked, etag)) {
		reply.code = 304;
		reply.body = STR("");
	} else if (file->gzip.len && takes_gzip(asked)) {
		reply.body = file->gzip;
		reply.headers[reply.n_headers++] =
		    (struct http_header){ STR("Content-Encoding"), STR("gzip") };
	}
	http_call_answer(call, &reply);
}

bool serve_static(struct serve *serve, struct http_call *call, const struct http_asked *asked)
{
	const struct serve_file *file = find(serve, asked->path);
	struct http_header allow = { STR("Allow"), STR("GET, HEAD") };
	if (!file)
		return false;
	if (str_eq(asked->method, STR("GET")) || str_eq(asked->method, STR("HEAD")))
		answer(call, asked, file);
	else
		serve_error_with(call, 405, "this path does not know the method", &allow);
	return true;
}
