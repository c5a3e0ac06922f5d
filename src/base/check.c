#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

static check_handler on_failure;

void check_set_handler(check_handler handler) { on_failure = handler; }

void check_failed(const char *expr, const char *file, int line)
{
	if (on_failure)
		on_failure(expr, file, line);
	fprintf(stderr, "weir: check failed: %s at %s:%d\n", expr, file, line);
	abort();
}
