/* hushing.h - what operators say of weir's own alerts: acknowledged, muted, told again. For the
 * control socket and HTTP; each is written to the log and the operator log, and kept in segment
 * RSS (store/hush_store.h). Loop thread. */
#pragma once

#include "daemon/daemon.h"

enum { HUSHING_SECONDS_MAX = 604800 };

struct hushing_request {
	struct str operator; /* "local", a token's name */
	struct str verb;     /* ack mute unmute */
	struct str name;     /* "HighCpu" or "high_cpu", in any case */
	struct str scope;    /* "": all */
	int64_t for_s;       /* mute: 1..HUSHING_SECONDS_MAX */
};

/* A line for people into answer either way. NOT_FOUND: no such alert, none that is active, none
 * that is muted; INVALID: the verb, the time or the scope; FULL. */
MUST_CHECK enum status hushing_say(struct daemon *daemon, const struct hushing_request *request,
				   struct buf *answer);
