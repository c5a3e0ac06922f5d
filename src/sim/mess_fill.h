/* mess_fill.h - writes a simulated messy Redis into a server, or as commands into a file, and
 * its truth beside it. Blocking, on a loop of its own: an ordinary thread. */
#pragma once

#include <stdio.h>

#include "sim/mess.h"

struct mess_server {
	const char *unix_path; /* or host and port */
	const char *host;
	uint16_t port;
	const char *user, *password; /* NULL: no AUTH */
	bool force;                  /* write into a server that has keys */
};

struct mess_filled {
	int64_t keys, commands, hits;
	int64_t took_ns;
};

/* truth may be NULL. EXISTS: the server has keys; IO: the truth could not be written; otherwise
 * what the server said first, or that it was not there. */
MUST_CHECK enum status mess_fill_server(struct mess *mess, const struct mess_server *server,
					FILE *truth, struct mess_filled *out, struct err *err);
/* RESP, as `redis-cli --pipe` reads it. */
MUST_CHECK enum status mess_fill_file(struct mess *mess, FILE *commands, FILE *truth,
				      struct mess_filled *out, struct err *err);
