#include "alert/tally.h"

#include <string.h>

#include "base/check.h"

enum { RING = TALLY_BUCKETS + 1 };

void tally_init(struct tally *tally, int64_t window_ms)
{
	CHECK(window_ms >= TALLY_BUCKETS);
	memset(tally, 0, sizeof *tally);
	tally->bucket_ms = window_ms / TALLY_BUCKETS;
}

/* Empties the buckets that time has brought round again. */
static void turn(struct tally *tally, int64_t now_ms)
{
	int64_t newest = now_ms / tally->bucket_ms, passed = newest - tally->newest;
	if (passed <= 0)
		return;
	if (passed > RING)
		passed = RING;
	for (int64_t i = 0; i < passed; i++)
		tally->counts[(newest - i) % RING] = 0;
	tally->newest = newest;
}

void tally_add(struct tally *tally, int64_t now_ms, uint64_t count)
{
	turn(tally, now_ms);
	tally->counts[tally->newest % RING] += count;
}

void tally_watch(struct tally *tally, int64_t now_ms, uint64_t counter)
{
	uint64_t before = counter < tally->seen ? 0 : tally->seen;
	tally->seen = counter;
	if (counter > before)
		tally_add(tally, now_ms, counter - before);
}

uint64_t tally_sum(struct tally *tally, int64_t now_ms)
{
	uint64_t sum = 0;
	turn(tally, now_ms);
	for (int i = 0; i < RING; i++)
		sum += tally->counts[i];
	return sum;
}
