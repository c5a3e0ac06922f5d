/* code_rules.h - what the rules of code find: lines, of one kind each. */
#pragma once

#include "audit/code_impl.h"

enum { CODE_HITS_MAX = 200000, CODE_MEETINGS_MAX = 20000000 };

/* KIND(id, rule, what is said of so many of them) */
#define CODE_KINDS(KIND)                                                                           \
	KIND(NO_POOL, connection, "clients without a pool")                                        \
	KIND(NO_TIMEOUT, connection, "clients without timeouts")                                   \
	KIND(HOST, connection, "hosts written in")                                                 \
	KIND(MIXED, connection, "clients whose decode_responses differs in one module")            \
	KIND(SWALLOWED, connection, "handlers that swallow errors")                                \
	KIND(LOOP, round_trips, "calls in loops")                                                  \
	KIND(SINGLES, round_trips, "single elements added in a row")                               \
	KIND(GETS, round_trips, "reads in a row")                                                  \
	KIND(NAMES, round_trips, "KEYS")                                                           \
	KIND(CHANGED, atomicity, "values read, changed and written back")                          \
	KIND(REPLACED, atomicity, "lists or sets deleted and filled again")                        \
	KIND(COUNTED, atomicity, "EXPIRE after INCR")                                              \
	KIND(EXPIRED, atomicity, "EXPIRE after SET")                                               \
	KIND(LOCKED, atomicity, "locks taken without NX")                                          \
	KIND(POPPED, queue_loss, "pops without LMOVE")                                             \
	KIND(TYPES, collision, "uses with commands of another type")                               \
	KIND(TEMPORARY, no_ttl, "writes of temporary keys without a TTL")                          \
	KIND(KEPT, no_ttl, "writes without a TTL of keys that others write with one")              \
	KIND(UNWRITTEN_CACHE, cache, "reads of caches that nothing fills")                         \
	KIND(UNREAD, dead, "writes of what nothing reads")                                         \
	KIND(UNWRITTEN, dead, "reads of what nothing writes")

enum code_kind {
#define KIND(id, rule, what) CODE_KIND_##id,
	CODE_KINDS(KIND)
#undef KIND
	    CODE_KIND_COUNT
};

struct code_hits {
	const struct code *code;
	struct code_hit *at;
	size_t count, room;
};

void code_hit(struct code_hits *hits, enum code_kind kind, uint32_t file, uint32_t line);
/* Of calls one after the other. */
void code_rules_calls(struct code_hits *hits);
/* Of patterns over the whole tree. */
void code_rules_keys(struct code_hits *hits);
