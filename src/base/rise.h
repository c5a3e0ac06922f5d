/* rise.h - what a counter rose by in the last RISE_SECONDS: its value is pushed once a second.
 * Until so many have been pushed it is what it rose by since the first. A counter that has
 * fallen (a server that began anew) begins anew. Fixed size. One thread. */
#pragma once

#include <stdint.h>

enum { RISE_SECONDS = 10, RISE_RING = RISE_SECONDS + 1 };

struct rise {
	double at[RISE_RING];
	unsigned count, newest;
};

/* Of what may fall, too. */
static inline void rise_note(struct rise *rise, double value)
{
	rise->newest = rise->count ? (rise->newest + 1) % RISE_RING : 0;
	rise->at[rise->newest] = value;
	rise->count += rise->count < RISE_RING;
}

static inline void rise_push(struct rise *rise, double value)
{
	if (rise->count && value < rise->at[rise->newest])
		rise->count = 0;
	rise_note(rise, value);
}

/* The seconds that rise_of speaks of; 0: nothing is known yet. */
static inline unsigned rise_seconds(const struct rise *rise)
{
	return rise->count ? rise->count - 1 : 0;
}

static inline double rise_of(const struct rise *rise)
{
	unsigned oldest = (rise->newest + 1 + RISE_RING - rise->count) % RISE_RING;
	return rise->count ? rise->at[rise->newest] - rise->at[oldest] : 0;
}
