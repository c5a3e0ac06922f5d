/* memory_families.h - which kinds of keys take a segment's memory: bytes and keys of each
 * family (a row of def/keys.def; keys of no row of the segment are the family "unknown").
 *
 * A segment is walked by SCAN, a step a second, and MEMORY USAGE is asked of the keys that
 * come, of weir's own with SAMPLES 0 (all of a key is looked at, which is bounded), of others
 * with the server's usual 5. A step asks one SCAN, of as many keys that a round takes about
 * MEMORY_ROUND_S (at most MEMORY_SCAN_MAX), and no more than MEMORY_ASKED keys of a family:
 * those of a family of which more came count with the mean of those that were asked about.
 * So a family of up to some 5,000 keys is measured whole; a larger one is estimated. What a
 * round found is shown, with its time, until the next one has ended; that begins
 * MEMORY_EVERY_MS after it began, at the soonest.
 *
 * MEMORY USAGE errs itself: by +11 % on streams of few entries, -9 to -13 % on large hashes
 * (measured, Redis 7.0.15); and a key may come twice while the server's table grows. When a
 * command fails the round is given up and the next begins MEMORY_PAUSE_MS later.
 *
 * Fixed memory, no allocation after create; about 150 bytes of commands a key. Loop thread. */
#pragma once

#include "def/keys.h"
#include "port/redis.h"

enum {
	MEMORY_ROUND_S = 60,
	MEMORY_SCAN_MIN = 100,
	MEMORY_SCAN_MAX = 2000,
	MEMORY_ASKED = 100,
	MEMORY_EVERY_MS = 5000,
	MEMORY_PAUSE_MS = 60000,
	MEMORY_UNKNOWN = KEY_COUNT, /* the family of what is none of weir's */
	MEMORY_FAMILIES,
};

struct memory_family {
	uint64_t keys;
	uint64_t measured; /* of them */
	uint64_t bytes;    /* of those measured */
};

struct memory_round {
	int64_t began_ms, done_ms; /* done 0: none has ended yet */
	struct memory_family families[MEMORY_FAMILIES];
};

struct memory_families_counts {
	uint64_t rounds, given_up;
	uint64_t scanned, asked; /* keys */
};

struct memory_families;

/* NULL: out of memory. Destroy it when the ports have ended all commands. */
struct memory_families *memory_families_create(void);
void memory_families_destroy(struct memory_families *families); /* NULL is fine */
/* Once a second for a segment that answers; keys: as many as it has, about. While the step
 * before is not answered nothing happens. */
void memory_families_step(struct memory_families *families, enum segment segment,
			  struct redis_port *redis, uint64_t keys, int64_t now_ms);
/* The newest whole one. */
const struct memory_round *memory_families_round(const struct memory_families *families,
						 enum segment segment);
struct memory_families_counts memory_families_counts(const struct memory_families *families);

/* Of all keys of a family: measured, or estimated from those that were. */
uint64_t memory_family_bytes(const struct memory_family *family);
const char *memory_family_name(size_t family); /* "trade_state" "unknown" */
