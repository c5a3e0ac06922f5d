/* ws_url.h - the parts of a ws:// or wss:// URL. Pure.
 *
 * The bounds are libwebsockets' own: it prints the request line into 2,048 bytes and
 * the Host line into 128, and cuts what is longer without a word. */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum { WS_HOST_MAX = 100, WS_PATH_MAX = 2000 };

struct ws_url {
	bool tls;
	bool is_ip6;
	uint16_t port;
	char host[WS_HOST_MAX + 1]; /* without the brackets of an IPv6 address */
	char
	    authority[WS_HOST_MAX + 2 + 7]; /* for Host: with brackets, and the port if not usual */
	char path[WS_PATH_MAX + 1];         /* with the query; starts with / */
};

MUST_CHECK enum status ws_url_parse(struct str text, struct ws_url *url, struct err *err);
