#include "os/http_server_head.h"

enum { HOST_BYTES_MAX = 255 };

/* ---- characters ---- */

/* RFC 9110, 5.6.2 */
static bool is_token(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool alnum = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
		if (!alnum && (!c || !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return text.len > 0;
}

bool http_is_field_value(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if ((c < 0x20 && c != '\t') || c == 0x7F)
			return false;
	}
	return true;
}

static bool is_target(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < '!' || text.ptr[i] > '~' || text.ptr[i] == '#')
			return false;
	return text.len > 0;
}

static bool is_host(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool alnum = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
		if (!alnum && (!c || !strchr(".-_:[]", c)))
			return false;
	}
	return text.len > 0 && text.len <= HOST_BYTES_MAX;
}

int http_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_text(struct str text)
{
	while (text.len) {
		size_t n = str_utf8_len(text);
		if (!n || (unsigned char)text.ptr[0] < 0x20 || text.ptr[0] == 0x7F)
			return false;
		text = str_skip(text, n);
	}
	return true;
}

enum status http_decode(struct str text, bool plus, struct buf *out)
{
	size_t from = out->len;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '%') {
			if (text.len - i < 3)
				return STATUS_FORMAT;
			int high = http_hex_digit(text.ptr[i + 1]),
			    low = http_hex_digit(text.ptr[i + 2]);
			if (high < 0 || low < 0)
				return STATUS_FORMAT;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (plus && c == '+') {
			c = ' ';
		}
		buf_char(out, c);
	}
	if (out->overflow)
		return STATUS_FULL;
	return is_text(str_make(out->ptr + from, out->len - from)) ? STATUS_OK : STATUS_FORMAT;
}

/* ---- the first line ---- */

static bool has_dots(struct str path)
{
	struct str part;
	while (str_split(&path, '/', &part))
		if (str_eq(part, STR(".")) || str_eq(part, STR("..")))
			return true;
	return false;
}

static const char *read_target(struct http_parser *parser, struct str target)
{
	bool plain = str_starts(target, STR("http://"));
	if (plain || str_starts(target, STR("https://"))) {
		target = str_skip(target, plain ? 7 : 8);
		size_t len = 0;
		while (len < target.len && target.ptr[len] != '/' && target.ptr[len] != '?')
			len++;
		parser->host = str_make(target.ptr, len);
		target = str_skip(target, len);
		if (!is_host(parser->host))
			return "the target's host is none";
		if (!target.len || target.ptr[0] == '?')
			buf_char(&parser->path, '/');
	} else if (!target.len || target.ptr[0] != '/') {
		return "the target is neither a path nor http://HOST/path";
	}
	size_t len = str_find_char(target, '?');
	parser->query = str_skip(target, len + 1);
	if (http_decode(str_make(target.ptr, len), false, &parser->path))
		return "the path is not UTF-8 text, percent-encoded";
	if (has_dots(buf_str(&parser->path)))
		return "the path has a segment of dots";
	return NULL;
}

static bool is_known_method(struct str method)
{
	struct str known = STR("GET HEAD POST PUT DELETE OPTIONS PATCH"), one;
	while (str_split(&known, ' ', &one))
		if (str_eq(one, method))
			return true;
	return false;
}

/* "HTTP/1.1": a higher minor number is read as this one. */
static const char *read_version(struct http_parser *parser, struct str version)
{
	bool well = version.len == 8 && str_starts(version, STR("HTTP/")) &&
		    version.ptr[5] >= '0' && version.ptr[5] <= '9' && version.ptr[6] == '.' &&
		    version.ptr[7] >= '0' && version.ptr[7] <= '9';
	if (!well)
		return "the first line is not METHOD TARGET HTTP/1.1";
	parser->is_1_0 = version.ptr[7] == '0';
	parser->code = version.ptr[5] == '1' ? 0 : 505;
	return parser->code ? "only HTTP/1.1 and 1.0 are spoken" : NULL;
}

/* NULL: it is right. Else why not, with parser->code where that is not 400. */
static const char *read_first_line(struct http_parser *parser, struct str line)
{
	struct str rest = line, target;
	if (!str_split(&rest, ' ', &parser->method) || !str_split(&rest, ' ', &target) ||
	    !rest.ptr || !is_token(parser->method) || !is_target(target))
		return "the first line is not METHOD TARGET HTTP/1.1";
	const char *why = read_version(parser, rest);
	if (why)
		return why;
	if (!is_known_method(parser->method)) {
		parser->code = 501;
		return "the method is not known";
	}
	return read_target(parser, target);
}

/* ---- headers ---- */

static const char *read_header(struct http_parser *parser, struct str line)
{
	size_t len = str_find_char(line, ':');
	struct http_header header = { str_make(line.ptr, len), str_trim(str_skip(line, len + 1)) };
	if (parser->n_headers == HTTP_HEADERS_MAX) {
		parser->code = 431;
		return "more than 64 headers";
	}
	if (len == line.len || !is_token(header.name))
		return "a header's name is none";
	if (!http_is_field_value(header.value))
		return "a header has control characters";
	/* In place: the head is ours. */
	for (char *at = (char *)header.name.ptr; at < header.name.ptr + len; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at |= 32;
	parser->headers[parser->n_headers++] = header;
	return NULL;
}

/* How often the header is there; *value is the last one's. */
static size_t find(const struct http_parser *parser, struct str name, struct str *value)
{
	size_t n = 0;
	for (size_t i = 0; i < parser->n_headers; i++) {
		if (!str_eq(parser->headers[i].name, name))
			continue;
		*value = parser->headers[i].value;
		n++;
	}
	return n;
}

static const char *read_host(struct http_parser *parser)
{
	struct str host = { 0 };
	if (find(parser, STR("host"), &host) != 1 || !is_host(host))
		return "there is not one Host that is a name or an address";
	if (!parser->host.len)
		parser->host = host;
	return NULL;
}

static void read_connection(struct http_parser *parser)
{
	struct str word, value;
	parser->closes = parser->is_1_0;
	for (size_t i = 0; i < parser->n_headers; i++) {
		if (!str_eq(parser->headers[i].name, STR("connection")))
			continue;
		value = parser->headers[i].value;
		while (str_split(&value, ',', &word))
			if (str_eq_nocase(str_trim(word), STR("close")))
				parser->closes = true;
	}
}

static const char *read_expect(struct http_parser *parser)
{
	struct str value = { 0 };
	size_t n = find(parser, STR("expect"), &value);
	if (!n || parser->is_1_0)
		return NULL;
	parser->expects = n == 1 && str_eq_nocase(value, STR("100-continue"));
	parser->code = parser->expects ? 0 : 417;
	return parser->expects ? NULL : "only 100-continue can be expected";
}

static const char *read_coding(struct http_parser *parser, size_t n, struct str coding)
{
	if (n > 1 || parser->is_1_0)
		return "Transfer-Encoding stands twice, or in HTTP/1.0";
	if (!str_eq_nocase(coding, STR("chunked"))) {
		parser->code = 501;
		return "the only transfer coding known is chunked";
	}
	parser->state = HTTP_IN_CHUNK_LINE;
	return NULL;
}

static const char *read_length(struct http_parser *parser, size_t n, struct str text)
{
	uint64_t length = 0;
	enum status status = str_to_u64(text, &length);
	if (n > 1 || status == STATUS_FORMAT)
		return "there is not one Content-Length that is a number";
	if (status || length > parser->body_bytes_max) {
		parser->code = 413;
		return "the body is too long";
	}
	parser->left = (size_t)length;
	parser->state = length ? HTTP_IN_BODY : HTTP_AT_END;
	return NULL;
}

/* Two readers that took different ones of these for the body's end would see different
 * requests behind it. */
static const char *read_framing(struct http_parser *parser)
{
	struct str coding = { 0 }, length = { 0 };
	size_t codings = find(parser, STR("transfer-encoding"), &coding);
	size_t lengths = find(parser, STR("content-length"), &length);
	if (codings && lengths)
		return "both Content-Length and Transfer-Encoding";
	if (codings)
		return read_coding(parser, codings, coding);
	if (lengths)
		return read_length(parser, lengths, length);
	parser->state = HTTP_AT_END;
	if (parser->method.ptr[0] != 'P') /* POST PUT PATCH */
		return NULL;
	parser->code = 411;
	return "a Content-Length is needed";
}

static const char *read_lines(struct http_parser *parser)
{
	struct str rest = buf_str(&parser->head), line;
	const char *why = NULL;
	for (bool first = true; !why && str_split(&rest, '\n', &line) && line.len > 1;
	     first = false) {
		line.len--; /* its CR */
		why = first ? read_first_line(parser, line) : read_header(parser, line);
	}
	return why;
}

const char *http_head_read(struct http_parser *parser)
{
	const char *why = read_lines(parser);
	if (!why)
		why = read_host(parser);
	if (!why)
		why = read_expect(parser);
	if (!why)
		why = read_framing(parser);
	read_connection(parser);
	parser->expects = parser->expects && parser->state != HTTP_AT_END;
	return why;
}
