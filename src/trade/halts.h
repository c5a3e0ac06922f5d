/* halts.h - what operators have halted (fleet.md 3.6): `all`, `group:NAME`, or a terminal.
 *
 * A halted terminal gets nothing that makes a position or an order: open, pend, and the
 * modify of a pending order end as refused why=halted. What reduces risk goes on: close,
 * closeby, closeall, cancel, and the stops of a position.
 *
 * A group counts by who is in it when a signal is about to go. Bounded: HALTS_MAX scopes.
 * Pure, caller's storage, begins as zeroes. One thread. */
#pragma once

#include "base/str.h"

enum { HALTS_MAX = 256, HALT_SCOPE_MAX = 79 };

struct halts {
	size_t count;
	char scopes[HALTS_MAX][HALT_SCOPE_MAX + 1]; /* in the order they came */
};

/* INVALID: no such scope can be. EXISTS: it stands already. FULL. */
MUST_CHECK enum status halts_add(struct halts *halts, struct str scope);
/* `all` lifts every scope there is. NOT_FOUND: it was not halted (by this name). */
MUST_CHECK enum status halts_lift(struct halts *halts, struct str scope);
bool halts_hold(const struct halts *halts, struct str instance, const struct str *groups,
		size_t group_count);
