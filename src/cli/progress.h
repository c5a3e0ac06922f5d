/* progress.h - one line on standard error about work that takes longer than 2 s: drawn anew on a
 * terminal; elsewhere a line for each thing that is done. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *command; /* "audit" */
	int64_t started_ns, drawn_ns;
	char what[64];
	bool terminal, shown;
};

void progress_begin(struct progress *progress, const char *command);
/* total 0: not known. Cheap: may be called for each item. */
void progress_step(struct progress *progress, const char *what, int64_t done, int64_t total);
/* Takes the line away, before something else is printed. */
void progress_end(struct progress *progress);
