/* families.h - the figures of each family: sums over its keys' records, and what they add up
 * to: its use, where it belongs, a family that names the same thing another way.
 *
 *   families_create → families_add … → families_settle → families_list → families_destroy
 *
 * The families are those of settled names (names.h), which live longer. One thread. */
#pragma once

#include "audit/names.h"
#include "audit/rules.h"

enum { FAMILY_FACTS = 20, FAMILY_EXAMPLE_BYTES = 256 };

/* What a family has besides struct audit_family, for its use. */
struct family_more {
	int64_t facts[FAMILY_FACTS]; /* keys with that bit of enum audit_fact */
	int64_t read;                /* keys of which something of the value was read */
	int64_t groups;              /* of streams */
	struct str skeleton;
};

struct families;
struct growth;
struct code;

MUST_CHECK enum status families_create(const struct names *names, int64_t now_ms,
				       struct families **out);
void families_destroy(struct families *families); /* NULL-safe */
/* record->family is set. */
MUST_CHECK enum status families_add(struct families *families, const struct audit_record *record);
/* growth, code: NULL, there is none. */
MUST_CHECK enum status families_settle(struct families *families, struct growth *growth,
				       const struct code *code);
size_t families_list(const struct families *families, const struct audit_family **out);
const struct audit_totals *families_totals(const struct families *families);
