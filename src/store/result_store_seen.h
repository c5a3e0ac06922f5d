/* result_store_seen.h - the newest `room` hashes, oldest out first: which results are
 * recorded or on their way to be. An open-addressing table at most half full, beside a
 * ring in the order of arrival. No allocation after create. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct result_seen {
	uint64_t *ring;  /* room of them; the oldest at `at` once it is full */
	uint64_t *table; /* mask + 1 places; 0: empty */
	size_t room, count, at, mask;
};

/* room: a power of two. False: out of memory; deinit is fine then, and on zeroes. */
bool result_seen_init(struct result_seen *seen, size_t room);
void result_seen_deinit(struct result_seen *seen);
bool result_seen_has(const struct result_seen *seen, uint64_t hash);
/* False: it was there already (and keeps its age). */
bool result_seen_add(struct result_seen *seen, uint64_t hash);
