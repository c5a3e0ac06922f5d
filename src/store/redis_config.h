/* redis_config.h - the text of a managed server's redis.conf and users.acl. Pure;
 * every directive is one that Redis 7.0 knows: an unknown one keeps it from
 * starting. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "def/segments.h"
#include "store/segment_login.h"

struct redis_config {
	enum segment segment;
	const char *folder;      /* absolute: AOF, RDB and users.acl are there */
	const char *socket_path; /* absolute */
	uint16_t port;           /* 0: no TCP */
	uint64_t maxmemory;
	const char *appendfsync;
};

void redis_config_print(struct buf *out, const struct redis_config *config);
/* The same as CONFIG SET arguments for a server that runs, pairs of name and value.
 * Only what can be changed in place. At most REDIS_CONFIG_LIVE pairs; numbers are
 * printed into `scratch`. */
enum { REDIS_CONFIG_LIVE = 8 };
size_t redis_config_live(const struct redis_config *config, struct buf *scratch,
			 struct str pairs[REDIS_CONFIG_LIVE * 2]);
/* Passwords stand there as SHA-256, the form Redis itself writes. */
MUST_CHECK enum status redis_config_print_users(struct buf *out, enum segment segment,
						const struct segment_logins *logins,
						struct err *err);
