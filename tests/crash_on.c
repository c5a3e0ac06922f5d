/* crash_point for weir_crash: SIGKILL where CRASH_AT=NAME[:N] says, the N-th time. */
#include "base/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[CRASH_COUNT] = {
#define CRASH(name, meaning) #name,
	CRASH_POINTS
#undef CRASH
};

static atomic_long passed[CRASH_COUNT];

static int armed(enum crash point, long *times)
{
	const char *at = getenv("CRASH_AT");
	size_t len = at ? strcspn(at, ":") : 0;
	if (!at || strlen(names[point]) != len || strncmp(at, names[point], len) != 0)
		return 0;
	*times = at[len] == ':' ? atol(at + len + 1) : 1;
	return 1;
}

void crash_point(enum crash point)
{
	long times;
	if (!armed(point, &times) || atomic_fetch_add(&passed[point], 1) + 1 != times)
		return;
	static const char text[] = "weir_crash: killed at ";
	ssize_t n = write(2, text, sizeof text - 1);
	n += write(2, names[point], strlen(names[point]));
	n += write(2, "\n", 1);
	(void)n;
	raise(SIGKILL);
}
