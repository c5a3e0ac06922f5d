/* own_time.h - what a piece of work costs the thread that does it: its processor time, whatever
 * else the machine does meanwhile. Any thread; a hist belongs to one. */
#pragma once

#include <time.h>

#include "base/hist.h"

static inline int64_t own_time_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void own_time_record(struct hist *hist, int64_t began_ns)
{
	hist_record(hist, (uint64_t)(own_time_ns() - began_ns));
}
