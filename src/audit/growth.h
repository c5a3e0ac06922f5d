/* growth.h - what families were in an older audit, from its --json.
 *
 * Families are the same by pattern. Bounded: GROWTH_BYTES_MAX of text and as many families as
 * an audit has. One thread. */
#pragma once

#include "audit/family.h"
#include "base/err.h"

enum { GROWTH_BYTES_MAX = 32 << 20, GROWTH_FAMILIES_MAX = AUDIT_FAMILIES_MAX + 1 };

struct growth;

/* FORMAT: it is no audit; FULL: too large. */
MUST_CHECK enum status growth_read(struct str json, struct growth **out, struct err *err);
void growth_destroy(struct growth *growth); /* NULL-safe */
/* Sets grown_keys and grown_bytes; INT64_MIN where the older audit has no such family. */
void growth_of(const struct growth *growth, struct audit_family *family);
