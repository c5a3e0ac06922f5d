/* seen.h - a growing set of 64-bit digests, up to a bound. 8 to 16 bytes each, three times
 * that for the moment in which it grows. One thread. */
#pragma once

#include "base/str.h"

struct seen {
	uint64_t *slots;
	size_t room, count, max;
};

void seen_init(struct seen *seen, size_t max);
void seen_deinit(struct seen *seen);
bool seen_has(const struct seen *seen, uint64_t digest);
/* OK: it is new. EXISTS. FULL: it is new and will not be remembered. */
MUST_CHECK enum status seen_add(struct seen *seen, uint64_t digest);
