/* clock.h - the one source of time. The loop reads it once a tick; cores are told.
 * Monotonic time never goes back and measures durations; wall time is unix time
 * and may jump. Loop thread. */
#pragma once

#include <stdint.h>

struct clock_port {
	int64_t (*monotonic_ns)(void *ctx);
	int64_t (*wall_ns)(void *ctx);
	void *ctx;
};

static inline int64_t clock_monotonic_ns(const struct clock_port *clock)
{
	return clock->monotonic_ns(clock->ctx);
}

static inline int64_t clock_wall_ns(const struct clock_port *clock)
{
	return clock->wall_ns(clock->ctx);
}
