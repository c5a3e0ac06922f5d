#include "store/redis_url.h"

#include "base/buf.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum status unescape(struct str text, char *dst, size_t size)
{
	struct buf out = buf_over(dst, size - 1);
	for (size_t i = 0; i < text.len; i++) {
		int high = -1, low = -1;
		if (text.ptr[i] == '%' && i + 2 < text.len) {
			high = hex_digit(text.ptr[i + 1]);
			low = hex_digit(text.ptr[i + 2]);
		}
		if (text.ptr[i] == '%' && (high < 0 || low < 0 || high + low == 0))
			return STATUS_FORMAT;
		buf_char(&out, text.ptr[i] == '%' ? (char)(high << 4 | low) : text.ptr[i]);
		i += text.ptr[i] == '%' ? 2 : 0;
	}
	dst[out.len] = 0;
	return out.overflow ? STATUS_RANGE : STATUS_OK;
}

static enum status take_login(struct str login, struct redis_url *url)
{
	size_t colon = str_find_char(login, ':');
	struct str user = { login.ptr, colon };
	url->has_login = true;
	enum status status = user.len ? unescape(user, url->user, sizeof url->user)
				      : str_copy(STR("default"), url->user, sizeof url->user);
	return status == STATUS_OK
		   ? unescape(str_skip(login, colon + 1), url->password, sizeof url->password)
		   : status;
}

/* The last @ ends the login: a password may hold one. */
static struct str split_login(struct str rest, struct str *login)
{
	size_t end = rest.len;
	for (size_t i = 0; i < rest.len; i++)
		if (rest.ptr[i] == '@')
			end = i;
	*login = str_make(rest.ptr, end < rest.len ? end : 0);
	return end < rest.len ? str_skip(rest, end + 1) : rest;
}

static enum status take_number(struct str text, uint64_t max, uint64_t *out)
{
	if (str_to_u64(text, out) != STATUS_OK || *out > max)
		return STATUS_RANGE;
	return STATUS_OK;
}

static enum status take_host(struct str rest, struct redis_url *url)
{
	size_t slash = str_find_char(rest, '/');
	struct str host = { rest.ptr, slash }, database = str_skip(rest, slash + 1);
	uint64_t number = 6379;
	enum status status = STATUS_OK;
	if (host.len && host.ptr[0] == '[') {
		size_t end = str_find_char(host, ']');
		if (end == host.len)
			return STATUS_FORMAT;
		rest = str_skip(host, end + 1);
		host = str_make(host.ptr + 1, end - 1);
	} else {
		size_t colon = str_find_char(host, ':');
		rest = str_skip(host, colon);
		host.len = colon;
	}
	if (rest.len)
		status = rest.ptr[0] == ':' ? take_number(str_skip(rest, 1), 65535, &number)
					    : STATUS_FORMAT;
	url->port = (uint16_t)number;
	if (status == STATUS_OK && database.len) {
		status = take_number(database, 1000, &number);
		url->database = (int)number;
	}
	if (status != STATUS_OK || !host.len || !url->port)
		return STATUS_FORMAT;
	return str_copy(host, url->place, sizeof url->place);
}

static enum status take_path(struct str rest, struct redis_url *url)
{
	if (!rest.len || rest.ptr[0] != '/' || memchr(rest.ptr, 0, rest.len))
		return STATUS_FORMAT;
	url->is_unix = true;
	return str_copy(rest, url->place, sizeof url->place);
}

enum status redis_url_parse(struct str text, struct redis_url *out, struct err *err)
{
	struct redis_url url = { 0 };
	struct str login, rest;
	bool is_unix = str_starts(text, STR("unix://"));
	if (str_starts(text, STR("rediss://")))
		return err_set(err, STATUS_UNSUPPORTED,
			       "rediss:// (TLS) is not supported: use redis:// or unix://");
	if (!is_unix && !str_starts(text, STR("redis://")))
		return err_set(err, STATUS_FORMAT,
			       "the URL does not begin with redis:// or unix://");
	rest = split_login(str_skip(text, is_unix ? 7 : 8), &login);
	enum status status = login.len ? take_login(login, &url) : STATUS_OK;
	if (status == STATUS_OK)
		status = is_unix ? take_path(rest, &url) : take_host(rest, &url);
	if (status != STATUS_OK)
		return err_set(err, STATUS_FORMAT,
			       is_unix ? "the URL is not unix://[USER:PASSWORD@]/PATH"
				       : "the URL is not redis://[USER:PASSWORD@]HOST[:PORT][/DB]");
	*out = url;
	return STATUS_OK;
}
