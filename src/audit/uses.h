/* uses.h - what a family of keys is for, and where it belongs.
 *
 * uses.def says what speaks for each use: words in the name, the type, the share of keys with a
 * TTL, what the values are. The use with most points wins where it has USES_LEAST; the evidence
 * is what spoke for it, in the table's words. Belongs follows from the use and the figures. */
#pragma once

#include "audit/families.h"

enum { USES_LEAST = 40 };

/* Sets use, evidence and belongs of each. code (NULL: none): what is popped is a queue. */
MUST_CHECK enum status uses_find(struct audit_family *list, const struct family_more *more,
				 size_t n, const struct code *code);
