/* redis_url.h - where an external server is:
 *   redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]     port 6379, IPv6 in brackets
 *   unix://[USER[:PASSWORD]@]/PATH
 * `:PASSWORD@` alone is the password of user `default`. %HH in user and password.
 * rediss:// (TLS) is UNSUPPORTED. Pure. */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct redis_url {
	bool is_unix;
	char place[256]; /* host or path */
	uint16_t port;
	int database;
	bool has_login;
	char user[128], password[256];
};

/* Errors never repeat the password. */
MUST_CHECK enum status redis_url_parse(struct str text, struct redis_url *url, struct err *err);
