/* guard.h - what addresses may do only so often (wrong tokens, requests): each may `burst` of
 * it, and gets one back every forgive_ns. Room for GUARD_ADDRESSES; the one with the fewest of its
 * set of four makes room for a new one (counted). An IPv6 address counts as its /64. Pure; time is
 * told. One thread. */
#pragma once

#include "base/str.h"

enum {
	GUARD_SETS = 256,
	GUARD_WAYS = 4,
	GUARD_ADDRESSES = GUARD_SETS * GUARD_WAYS,
	GUARD_BYTES = 9
};

struct guard_entry {
	uint8_t address[GUARD_BYTES]; /* its kind, then its bytes; all zero: free */
	int64_t free_ns;              /* when all of it is forgiven */
};

struct guard {
	struct guard_entry entries[GUARD_SETS][GUARD_WAYS];
	int64_t forgive_ns;
	int burst;
	uint64_t pushed_out;
};

void guard_init(struct guard *guard, int burst, int64_t forgive_ns);
/* ns until the address may try again; 0: it may. */
int64_t guard_wait_ns(const struct guard *guard, struct str peer, int64_t now_ns);
void guard_failed(struct guard *guard, struct str peer, int64_t now_ns);
/* Of what is no failure. */
static inline void guard_spend(struct guard *guard, struct str peer, int64_t now_ns)
{
	guard_failed(guard, peer, now_ns);
}
