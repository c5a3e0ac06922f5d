/* seen.h - which trades of a market were counted already.
 *
 * Ordered ids (Binance): the ids seen are everything in [first, last] but a short
 * list of missing ranges; a jump of the id opens a range, a repaired or late trade
 * closes it. At most SEEN_RANGES ranges; when full, the oldest is given up (its
 * ids count as duplicates from then on), counted, and told in `dropped`.
 * Unordered ids (Bybit): the set of the last SEEN_IDS id hashes, oldest out first.
 * What left the set cannot be told from new, so a trade no newer than the newest
 * one that left (floor_ms) is presumed a duplicate: nothing is counted twice.
 * Fixed size, no allocation after create. One thread. */
#pragma once

#include <stddef.h>

#include "base/str.h"

enum { SEEN_RANGES = 64, SEEN_IDS = 8192 };

struct seen_range {
	int64_t first, last;       /* both missing, first ≤ last */
	int64_t ms_first, ms_last; /* event times of the trades on either side when it opened */
	bool repaired;             /* part of it came back by repair, not by the stream */
	bool spoiled;              /* a minute it touches lost a trade for good */
};

struct seen_ordered {
	bool any;
	int64_t first, last;       /* lowest and highest id taken */
	int64_t first_ms, last_ms; /* their event times */
	uint32_t n_ranges;
	struct seen_range ranges[SEEN_RANGES]; /* ascending, apart */
	uint64_t gaps;                         /* jumps seen, ever */
	uint64_t given_up;                     /* ranges dropped because the list was full */
};

enum seen_verdict {
	SEEN_NEW,    /* the next id, or the first ever */
	SEEN_GAP,    /* new, and ids before it are missing: *change is their range */
	SEEN_FILL,   /* new, out of a missing range that is still open */
	SEEN_CLOSED, /* new, the last one of a missing range: *change is that range */
	SEEN_BELOW,  /* new, below the first: *change is what is missing between, or
		      * an empty range (first > last) */
	SEEN_DUPLICATE,
};

/* change: written for GAP, CLOSED and BELOW. dropped: the range given up, when
 * seen->given_up rose by the call. repair: the trade was asked for again. */
enum seen_verdict seen_ordered_take_jump(struct seen_ordered *seen, int64_t id, int64_t t_ms,
					 bool repair, struct seen_range *change,
					 struct seen_range *dropped);
/* The lowest missing ids that the given range holds are missing no more and count as
 * seen; *gone is what is left of their own range, with its times. False when none of
 * them is missing (any more): call it until then. */
bool seen_ordered_give_up(struct seen_ordered *seen, const struct seen_range *range,
			  struct seen_range *gone);
/* Whether a new id can have this time, give or take slack_ms: ids are given in the order of
 * time. True where nothing speaks against it, and for ids that were seen. */
bool seen_ordered_fits(const struct seen_ordered *seen, int64_t id, int64_t t_ms, int64_t slack_ms);
/* Whether the id would be taken. */
bool seen_ordered_is_new(const struct seen_ordered *seen, int64_t id);

static inline enum seen_verdict seen_ordered_take(struct seen_ordered *seen, int64_t id,
						  int64_t t_ms, bool repair,
						  struct seen_range *change,
						  struct seen_range *dropped)
{
	if (__builtin_expect(seen->any && id == seen->last + 1, 1)) {
		seen->last = id;
		seen->last_ms = t_ms;
		return SEEN_NEW;
	}
	return seen_ordered_take_jump(seen, id, t_ms, repair, change, dropped);
}

struct seen_ids; /* 192 KB */

struct seen_ids *seen_ids_create(void); /* NULL: out of memory */
void seen_ids_destroy(struct seen_ids *seen);
/* A hash of the id as the venue wrote it: the same on every machine and version,
 * since it goes into the stored state. About 5 ns for a UUID. */
uint64_t seen_id_hash(struct str id);
enum seen_verdict seen_ids_look(const struct seen_ids *seen, uint64_t hash); /* NEW, DUPLICATE */
/* True when the hash was new (and now is in the set). t_ms: the trade's time. */
bool seen_ids_take(struct seen_ids *seen, uint64_t hash, int64_t t_ms);
/* The newest time of what has left the set; 0 when nothing has. */
int64_t seen_ids_floor_ms(const struct seen_ids *seen);
/* Raises the floor: what is no newer was counted elsewhere. */
void seen_ids_raise_floor(struct seen_ids *seen, int64_t t_ms);
/* The i-th newest of the set; false past the end. */
bool seen_ids_newest(const struct seen_ids *seen, size_t i, uint64_t *hash, int64_t *t_ms);
