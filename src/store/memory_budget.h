/* memory_budget.h - do the segments' budgets fit into the machine?
 *
 * What there is: the least of MemTotal and the memory limits of our cgroup and of
 * all above it (version 1 and 2). What the segments may have: four fifths of it;
 * the rest is for copy-on-write, client buffers, and everybody else. */
#pragma once

#include "base/err.h"
#include "def/segments.h"

struct memory_budget_item {
	bool wanted, chosen; /* chosen by a person: never changed */
	uint64_t bytes;
};

enum { MEMORY_BUDGET_LEAST = 32 << 20 };

/* Reads below `root` ("" outside tests). UNAVAILABLE when nothing can be known. */
MUST_CHECK enum status memory_available(const char *root, uint64_t *bytes, struct err *err);
/* Scales the items that were not chosen, all by the same factor, none below
 * MEMORY_BUDGET_LEAST. *scaled tells whether any changed. RANGE, with the figures,
 * when that is not enough. Pure. */
MUST_CHECK enum status memory_budget_fit(struct memory_budget_item items[SEGMENT_COUNT],
					 uint64_t available, bool *scaled, struct err *err);
