/* check_state.h - what `weir check` says, from the running weir's answers. The statuses and the
 * line are those of Nagios plugins (its plugin guidelines: status, text, `|`, figures as
 * name=value;warn;crit;min;max). Pure. */
#pragma once

#include "base/buf.h"

enum check_level { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN }; /* exit statuses */

struct check_state {
	enum check_level level;
	char text[256];     /* one line, no bar */
	char figures[1024]; /* "rts=12.5%;70;95;0;100 …"; "" none */
};

/* {"ready":…,"why":…} of `ready`. */
void check_ready(struct str answer, struct check_state *state);
/* The ledger of `archive verify`: one that does not balance is critical, a dead result warns. */
void check_ledger(struct str answer, struct check_state *state);
/* The answer to /memory: a segment that sheds, slows or refuses is critical; one that warns or
 * is not up, warns, as does what was evicted. */
void check_memory(struct str answer, struct check_state *state);
void check_unknown(struct str why, struct check_state *state);

void check_print_nagios(struct buf *out, const char *what, const struct check_state *state);
void check_print_json(struct buf *out, const char *what, const struct check_state *state);
