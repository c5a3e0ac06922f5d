/* live_trouble.h - the script of a bad day: what befalls the venues and weir's wall clock,
 * drawn by seed before it begins, so that it can be printed and told again. */
#pragma once

#include "live_world.h"

struct live_trouble {
	int64_t at_ns, for_ns;
	enum venue venue;
	enum kind kind;
	enum venue_trouble trouble; /* TROUBLE_COUNT: the wall clock is arg ms ahead from now */
	int64_t arg;
};

enum { LIVE_SCRIPT_MAX = 4096 };

struct live_script {
	struct live_trouble lines[LIVE_SCRIPT_MAX]; /* by time */
	size_t count;
};

/* From from_ns to to_ns, each trouble over by to_ns. */
void live_script_make(struct live_script *script, uint64_t seed, int64_t from_ns, int64_t to_ns);
/* Runs the world to to_ns and does on the way what is written down. *line: where to go on. */
void live_script_run(const struct live_script *script, size_t *line, struct live_world *world,
		     int64_t to_ns);
/* Those that began within the last `back_ns`. */
void live_script_print(const struct live_script *script, int64_t now_ns, int64_t back_ns);
