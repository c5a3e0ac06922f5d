/* growth.h - what families were in an older audit, from its --json.
 *
 * Families are the same by pattern. Bounded: AUDIT_REPORT_BYTES_MAX of text, what weir writes, and
 * as many families as an audit has. One thread. */
#pragma once

#include "audit/family.h"
#include "audit/report.h"
#include "base/err.h"

enum { GROWTH_FAMILIES_MAX = AUDIT_FAMILIES_MAX + 1 };

struct growth;

/* FORMAT: it is no audit; FULL: too large. */
MUST_CHECK enum status growth_read(struct str json, struct growth **out, struct err *err);
void growth_destroy(struct growth *growth); /* NULL-safe */
/* Sets the family's growth: all of it where the older audit has no such family. Each family
 * once. */
void growth_of(struct growth *growth, struct audit_family *family);
/* The older audit's families that growth_of was not asked for, by bytes, largest first; alive
 * as long as the growth. */
size_t growth_gone(struct growth *growth, const struct audit_gone **out);
