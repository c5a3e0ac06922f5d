#include "os/ws_url.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { PORT_PLAIN = 80, PORT_TLS = 443 };

static enum status bad(struct err *err, const char *what)
{
	return err_set(err, STATUS_INVALID, "URL: %s", what);
}

static bool take_scheme(struct str *rest, bool *tls)
{
	*tls = rest->len > 6 && str_eq_nocase(str_make(rest->ptr, 6), STR("wss://"));
	if (!*tls && !(rest->len > 5 && str_eq_nocase(str_make(rest->ptr, 5), STR("ws://"))))
		return false;
	*rest = str_skip(*rest, *tls ? 6 : 5);
	return true;
}

/* What would end the request line, or the request. */
static bool is_printable(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
			return false;
	return true;
}

static bool is_host_name(struct str host)
{
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];
		bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
		if (!fine)
			return false;
	}
	return host.len > 0;
}

/* "[::1]:8443" into "::1" and ":8443". */
static bool split_ip6(struct str authority, struct str *host, struct str *port)
{
	size_t end = str_find_char(authority, ']');
	if (end == authority.len)
		return false;
	*host = str_make(authority.ptr + 1, end - 1);
	*port = str_skip(authority, end + 1);
	return port->len == 0 || port->ptr[0] == ':';
}

static bool take_host(struct ws_url *url, struct str authority, struct str *port)
{
	struct str host;
	struct in6_addr address;
	url->is_ip6 = authority.len && authority.ptr[0] == '[';
	if (url->is_ip6) {
		if (!split_ip6(authority, &host, port))
			return false;
	} else {
		size_t colon = str_find_char(authority, ':');
		host = str_make(authority.ptr, colon);
		*port = str_skip(authority, colon);
	}
	if (str_copy(host, url->host, sizeof url->host) != STATUS_OK)
		return false;
	return url->is_ip6 ? inet_pton(AF_INET6, url->host, &address) == 1 : is_host_name(host);
}

static bool take_port(struct ws_url *url, struct str text)
{
	uint64_t port = url->tls ? PORT_TLS : PORT_PLAIN;
	if (text.len && str_to_u64(str_skip(text, 1), &port) != STATUS_OK)
		return false;
	url->port = (uint16_t)port;
	return port >= 1 && port <= 65535;
}

static void print_authority(struct ws_url *url)
{
	const char *open = url->is_ip6 ? "[" : "", *close = url->is_ip6 ? "]" : "";
	if (url->port == (url->tls ? PORT_TLS : PORT_PLAIN))
		snprintf(url->authority, sizeof url->authority, "%s%s%s", open, url->host, close);
	else
		snprintf(url->authority, sizeof url->authority, "%s%s%s:%u", open, url->host, close,
			 url->port);
}

static bool take_path(struct ws_url *url, struct str path)
{
	url->path[0] = '/';
	url->path[1] = 0;
	if (path.len && path.ptr[0] == '?')
		return str_copy(path, url->path + 1, sizeof url->path - 1) == STATUS_OK;
	return !path.len || str_copy(path, url->path, sizeof url->path) == STATUS_OK;
}

enum status ws_url_parse(struct str text, struct ws_url *out, struct err *err)
{
	struct ws_url url;
	struct str rest = text, port;
	if (!take_scheme(&rest, &url.tls))
		return bad(err, "neither ws:// nor wss://");
	if (!is_printable(rest) || str_find_char(rest, '#') < rest.len)
		return bad(err, "a blank, a control character or a #");
	size_t slash = str_find_char(rest, '/'), query = str_find_char(rest, '?');
	size_t end = slash < query ? slash : query;
	if (!take_host(&url, str_make(rest.ptr, end), &port))
		return bad(err, "the host is not a name or an address, or too long");
	if (!take_port(&url, port))
		return bad(err, "the port is not 1..65535");
	if (!take_path(&url, str_skip(rest, end)))
		return bad(err, "the path is longer than 2000 bytes");
	print_authority(&url);
	*out = url;
	return STATUS_OK;
}
