#include "archive/influx_url.h"

#include "base/buf.h"
#include "os/http_server_parse.h"

static void put_base64(struct buf *out, struct str in)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < in.len; i += 3) {
		uint32_t bits = 0;
		for (size_t n = 0; n < 3; n++)
			bits = bits << 8 | (i + n < in.len ? (unsigned char)in.ptr[i + n] : 0);
		for (size_t n = 0; n < 4; n++)
			buf_char(out, i + n > in.len ? '=' : digits[bits >> (18 - 6 * n) & 63]);
	}
}

void influx_put_encoded(struct buf *out, struct str text)
{
	static const char plain[] = "-._";
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (letter || (c >= '0' && c <= '9') || (c && strchr(plain, c)))
			buf_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static enum status read_login(struct str text, struct influx_url *url)
{
	char storage[INFLUX_URL_BYTES / 2];
	struct buf plain = buf_over(storage, sizeof storage);
	struct buf login = buf_over(url->login, sizeof url->login - 1);
	size_t colon = str_find_char(text, ':');
	enum status status = http_decode(str_make(text.ptr, colon), false, &plain);
	buf_char(&plain, ':');
	if (!status)
		status = http_decode(str_skip(text, colon + 1), false, &plain);
	buf_str_put(&login, STR("Basic "));
	put_base64(&login, buf_str(&plain));
	explicit_bzero(storage, sizeof storage);
	if (!status && (plain.overflow || login.overflow))
		status = STATUS_RANGE;
	return status;
}

/* It stands between quotes in statements. */
static enum status read_database(struct str text, struct influx_url *url)
{
	struct buf name = buf_over(url->database, sizeof url->database - 1);
	if (!text.len || http_decode(text, false, &name) || name.overflow)
		return STATUS_INVALID;
	for (size_t i = 0; i < name.len; i++)
		if (strchr("\"\\/?#", url->database[i]))
			return STATUS_INVALID;
	return STATUS_OK;
}

enum status influx_url_read(struct str text, struct influx_url *out)
{
	struct influx_url url = { 0 };
	struct buf root = buf_over(url.root, sizeof url.root - 1);
	struct str scheme = str_starts(text, STR("https://")) ? STR("https://") : STR("http://");
	if (!str_starts(text, scheme))
		return STATUS_INVALID;
	struct str rest = str_skip(text, scheme.len);
	size_t slash = str_find_char(rest, '/');
	struct str host = str_make(rest.ptr, slash);
	size_t at = str_find_char(host, '@');
	enum status status = STATUS_OK;
	if (at < host.len) {
		status = read_login(str_make(host.ptr, at), &url);
		host = str_skip(host, at + 1);
	}
	buf_str_put(&root, scheme);
	buf_str_put(&root, host);
	if (!status)
		status = read_database(str_skip(rest, slash + 1), &url);
	if (status || !host.len || root.overflow)
		return STATUS_INVALID;
	*out = url;
	explicit_bzero(&url, sizeof url);
	return STATUS_OK;
}
